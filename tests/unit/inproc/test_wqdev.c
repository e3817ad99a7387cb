// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices with work queues and VMs, as a program of its own gets them: on a host, with contexts. */
#include "slices.h"

#include <ioasid/wq.h>

#define NAME  100 /* a guest's number */
#define SPLIT 128
#define VALID IOASID_WQ_PASID_VALID

/** struct rigwq - a slice with two dedicated queues and a shared one, and a VM */
struct rigwq {
	struct slices s;
	struct ioasid_wqdev *wq;
	struct ioasid_vm *vm;
	struct ioasid_vcpu *cpu;
};

static struct ioasid_wqdev_config wq_config(const struct slices *s, uint16_t dev_class,
					    uint32_t flags)
{
	struct ioasid_wqdev_config c = {
		.size = sizeof(c),
		.flags = flags,
		.nr_dedicated = 2,
		.nr_shared = 1,
		.queue_size = 4,
		.hostdev = slice_config(s, 0, dev_class),
	};

	return c;
}

static void rigwq_make(struct rigwq *r, uint32_t flags, uint32_t dev_flags)
{
	struct ioasid_hostdev_config fn = slices_config();
	struct ioasid_wqdev_config c;

	fn.flags = dev_flags;
	slices_make(&r->s, &fn);
	c = wq_config(&r->s, IOASID_CLASS_MDEV_DMWR, flags);
	c.hostdev.flags = dev_flags;
	ok(ioasid_wqdev_create(r->s.host, &c, &r->wq));
	slice_open(&r->s, 0, 0);
	ok(ioasid_vm_create(r->s.host, &r->vm));
	ok(ioasid_vcpu_create(r->vm, &r->cpu));
}

static void rigwq_free(struct rigwq *r)
{
	ioasid_vcpu_destroy(r->cpu);
	ioasid_vm_destroy(r->vm);
	ioasid_wqdev_destroy(r->wq);
	slices_free(&r->s);
}

static struct ioasid_hostdev *hw(struct rigwq *r)
{
	return ioasid_wqdev_hostdev(r->wq);
}

static uint32_t reg(struct rigwq *r, uint32_t offset)
{
	uint32_t value = 0;

	ok(ioasid_wqdev_read(r->wq, offset, &value));
	return value;
}

static uint32_t qreg(struct rigwq *r, uint32_t queue, uint32_t offset)
{
	return reg(r, IOASID_WQ_QUEUE(queue) + offset);
}

static int set(struct rigwq *r, uint32_t queue, uint32_t offset, uint32_t value)
{
	return ioasid_wqdev_write(r->wq, IOASID_WQ_QUEUE(queue) + offset, value);
}

static void enable(struct rigwq *r, uint32_t queue)
{
	ok(set(r, queue, IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE));
}

/* Writes @value to the start of the address space, and tells at 64. */
static struct ioasid_wq_desc fill(uint64_t value)
{
	return (struct ioasid_wq_desc){
		.op = IOASID_WQ_FILL,
		.length = 8,
		.src = value,
		.dst = SL_IOVA,
		.completion = SL_IOVA + 64,
	};
}

static struct ioasid_wq_completion *done_in(struct rigwq *r, unsigned int page)
{
	return (struct ioasid_wq_completion *)(r->s.page[page] + 8);
}

static uint32_t status_in(struct rigwq *r, unsigned int page)
{
	return __atomic_load_n(&done_in(r, page)->status, __ATOMIC_ACQUIRE);
}

/* The guest polls its completion record, as guests do. */
static uint32_t wait_status(struct rigwq *r, unsigned int page)
{
	unsigned int i;

	for (i = 0; i < 5000 && !status_in(r, page); i++)
		nap(1);
	return status_in(r, page);
}

static void clear_pages(struct rigwq *r)
{
	unsigned int i;

	for (i = 0; i < SL_PAGES; i++)
		memset(r->s.page[i], 0, PAGE);
}

static enum ioasid_enqcmd_result enqcmd(struct rigwq *r, const struct ioasid_wq_desc *d,
					struct ioasid_enqcmd *insn)
{
	struct ioasid_dmwr_portal portal;

	ok(ioasid_wqdev_portal(r->wq, 2, &portal));
	*insn = (struct ioasid_enqcmd){ .cpl = 3, .dst = 64, .src = d };
	return ioasid_vcpu_enqcmd(r->cpu, &portal, insn);
}

/* Global mode, translation on, NAME a number of @space_of_it and mapped, IA32_PASID loaded. */
static void go_global(struct rigwq *r, uint32_t space_of_it)
{
	ok(ioasid_set_hwid_mode(r->s.ctx[0], IOASID_MODE_GLOBAL));
	ok(ioasid_hwid_set_global_min(r->s.ctx[0], SPLIT));
	ok(ioasid_dev_attach_pasid(r->s.handle[0], space_of_it, NAME, 0));
	ok(ioasid_cpu_pasid_enable(r->s.ctx[0], ioasid_vm_fd(r->vm)));
	ok(ioasid_cpu_pasid_map(r->s.ctx[0], NAME));
	ok(ioasid_vcpu_wrmsr_pasid(r->cpu, IOASID_IA32_PASID_VALID | NAME));
}

/* ---- making ------------------------------------------------------------------------------------ */

static void what_it_may_be_made_of(void **state)
{
	const struct ioasid_hostdev_ops ops = { 0 };
	struct ioasid_wqdev_config c;
	struct ioasid_wqdev *wq;
	struct slices s;

	(void)state;
	slices_make(&s, NULL);
#define ODD(member, value, err)                                     \
	do {                                                        \
		c = wq_config(&s, IOASID_CLASS_MDEV_DMWR, 0);       \
		c.member = value;                                   \
		refused(ioasid_wqdev_create(s.host, &c, &wq), err); \
	} while (0)
	ODD(size, sizeof(c) - 1, EINVAL);
	ODD(hostdev.size, sizeof(c.hostdev) - 1, EINVAL);
	ODD(flags, 2, EOPNOTSUPP);
	ODD(nr_dedicated, 16, EINVAL);
	ODD(nr_shared, ~0U, EINVAL);
	ODD(queue_size, 1025, EINVAL);
	ODD(hostdev.ops, &ops, EINVAL);
	ODD(hostdev.opaque, &s, EINVAL);
	ODD(hostdev.dev_class, IOASID_CLASS_MDEV_PASID, EINVAL);
	ODD(hostdev.parent, NULL, EINVAL);
	ODD(hostdev.name, "fn", EEXIST);
#undef ODD
	c = wq_config(&s, IOASID_CLASS_MDEV_PASID, IOASID_WQDEV_MANUAL);
	c.nr_shared = 0;
	ok(ioasid_wqdev_create(s.host, &c, &wq));
	assert_int_equal(ioasid_wqdev_run(wq, 5), 0);
	ioasid_wqdev_destroy(wq);
	ioasid_wqdev_destroy(NULL);
	slices_free(&s);
}

static void memory_runs_out(void **state)
{
	struct ioasid_wqdev_config c;
	struct ioasid_wqdev *wq = NULL;
	struct ioasid_vcpu *cpu = NULL;
	struct ioasid_vm *vm = NULL;
	struct slices s;
	unsigned long n;
	long live;
	int what, rc;

	(void)state;
	slices_make(&s, NULL);
	c = wq_config(&s, IOASID_CLASS_MDEV_DMWR, 0);
	for (what = 0; what < 3; what++) {
		live = os_alloc_live();
		for (n = 1;; n++) {
			os_alloc_fail_nth(n);
			rc = what == 0 ? ioasid_wqdev_create(s.host, &c, &wq) :
			     what == 1 ? ioasid_vm_create(s.host, &vm) :
					 ioasid_vcpu_create(vm, &cpu);
			os_alloc_fail_nth(0);
			if (!rc)
				break;
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(os_alloc_live(), live);
		}
		assert_true(n > 1);
	}
	ioasid_vcpu_destroy(cpu);
	ioasid_vm_destroy(vm);
	ioasid_wqdev_destroy(wq);
	slices_free(&s);
}

/* ---- VMs --------------------------------------------------------------------------------------------- */

static void numbers_of_vms(void **state)
{
	struct ioasid_vm *second, *foreign;
	struct ioasid_host *other;
	struct rigwq r;
	int fd, file;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	fd = ioasid_vm_fd(r.vm);
	assert_true(fd > 0 && fd < ioasid_fd(r.s.ctx[0]));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	ok(ioasid_vm_create(r.s.host, &second));
	assert_int_not_equal(ioasid_vm_fd(second), fd);
	ok(ioasid_host_create("other", NULL, &other));
	ok(ioasid_vm_create(other, &foreign));
	file = open("/dev/null", O_RDONLY);
	assert_true(file >= 0);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], -1), EOPNOTSUPP);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], -2), EINVAL);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], file), EOPNOTSUPP);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], ioasid_fd(r.s.ctx[1])), EOPNOTSUPP);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], ioasid_vm_fd(foreign)), EOPNOTSUPP);
	close(file);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], file), EBADF);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], fd + 1000), EBADF);
	ok(ioasid_cpu_pasid_enable(r.s.ctx[0], fd));
	ok(ioasid_cpu_pasid_enable(r.s.ctx[0], fd));
	refused(ioasid_cpu_pasid_enable(r.s.ctx[1], fd), EBUSY);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], ioasid_vm_fd(second)), EBUSY);
	fd = ioasid_vm_fd(second);
	ioasid_vm_destroy(second);
	refused(ioasid_cpu_pasid_enable(r.s.ctx[1], fd), EBADF);
	/* A VM keeps its host. */
	ioasid_host_put(other);
	ioasid_vm_destroy(foreign);
	ioasid_vm_destroy(NULL);
	ioasid_vcpu_destroy(NULL);
	rigwq_free(&r);
}

/* A VM ends in the middle: what its context had on with it is off, and another may come. */
static void a_vm_leaves(void **state)
{
	const struct ioasid_wq_desc d = fill(1);
	struct ioasid_enqcmd insn;
	struct rigwq r;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	go_global(&r, space(&r.s, 0, 0));
	enable(&r, 2);
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_false(insn.zf);
	assert_true(reg(&r, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_PORTAL);
	ioasid_vcpu_destroy(r.cpu);
	ioasid_vm_destroy(r.vm);
	assert_false(reg(&r, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_PORTAL);
	/* What was accepted is executed. */
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 1);
	assert_int_equal(status_in(&r, 0), IOASID_WQ_DONE);
	ok(ioasid_vm_create(r.s.host, &r.vm));
	ok(ioasid_vcpu_create(r.vm, &r.cpu));
	refused(ioasid_cpu_pasid_enable(r.s.ctx[0], -1), EOPNOTSUPP);
	ok(ioasid_cpu_pasid_enable(r.s.ctx[0], ioasid_vm_fd(r.vm)));
	ok(ioasid_vcpu_wrmsr_pasid(r.cpu, IOASID_IA32_PASID_VALID | NAME));
	/* Entries are the context's: they are there still. */
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_false(insn.zf);
	rigwq_free(&r);
}

static void instructions(void **state)
{
	struct ioasid_dmwr_portal memory = { 0 };
	struct ioasid_wq_desc d = fill(1);
	struct ioasid_enqcmd insn;
	struct rigwq r;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	refused(ioasid_vcpu_wrmsr_pasid(r.cpu, 1U << 20), EINVAL);
	refused(ioasid_vcpu_wrmsr_pasid(r.cpu, 1ULL << 32), EINVAL);
	assert_int_equal(ioasid_vcpu_rdmsr_pasid(r.cpu), 0);
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_GP);
	go_global(&r, space(&r.s, 0, 0));
	assert_int_equal(ioasid_vcpu_rdmsr_pasid(r.cpu), IOASID_IA32_PASID_VALID | NAME);
	/* The queue is disabled: retry. Ordinary memory: retry. */
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_true(insn.zf);
	insn = (struct ioasid_enqcmd){ .src = &d };
	assert_int_equal(ioasid_vcpu_enqcmd(r.cpu, &memory, &insn), IOASID_ENQCMD_RETIRED);
	assert_true(insn.zf);
	insn = (struct ioasid_enqcmd){ .src = &d };
	assert_int_equal(ioasid_vcpu_enqcmd(r.cpu, NULL, &insn), IOASID_ENQCMD_RETIRED);
	assert_true(insn.zf);
	/* A number without entry leaves the guest, which says which; mapped, it passes. */
	ok(ioasid_cpu_pasid_unmap(r.s.ctx[0], NAME));
	enable(&r, 2);
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_EXIT);
	assert_int_equal(insn.exit_reason, 72);
	assert_int_equal(insn.vpasid, NAME);
	assert_int_equal(qreg(&r, 2, IOASID_WQ_REG_COUNT), 0);
	ok(ioasid_cpu_pasid_map(r.s.ctx[0], NAME));
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_false(insn.zf);
	assert_int_equal(qreg(&r, 2, IOASID_WQ_REG_COUNT), 1);
	rigwq_free(&r);
}

/* ---- queues ---------------------------------------------------------------------------------------------- */

/* Three ways to one process: default, a mediated register, the CPU. The engine works by itself. */
static void three_ways(void **state)
{
	struct ioasid_wq_desc d = fill(0x11);
	struct ioasid_enqcmd insn;
	struct rigwq r;

	(void)state;
	rigwq_make(&r, 0, 0);
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 0);
	go_global(&r, space(&r.s, 0, 1));
	ok(ioasid_dev_attach(r.s.handle[0], space(&r.s, 0, 0), 0));
	enable(&r, 0);
	assert_true(ioasid_wqdev_store(r.wq, 0, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_int_equal(wait_status(&r, 0), IOASID_WQ_DONE);
	assert_int_equal(*r.s.page[0], 0x11);
	ok(set(&r, 1, IOASID_WQ_REG_PASID, VALID | NAME));
	enable(&r, 1);
	d = fill(0x22);
	assert_true(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_int_equal(wait_status(&r, 1), IOASID_WQ_DONE);
	assert_int_equal(*r.s.page[1], 0x22);
	clear_pages(&r);
	enable(&r, 2);
	d = fill(0x33);
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_false(insn.zf);
	assert_int_equal(wait_status(&r, 1), IOASID_WQ_DONE);
	assert_int_equal(*r.s.page[1], 0x33);
	assert_int_equal(*r.s.page[0], 0);
	/* An access that is blocked is told where. */
	clear_pages(&r);
	d.dst = SL_IOVA + PAGE - 4;
	assert_int_equal(enqcmd(&r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_int_equal(wait_status(&r, 1), IOASID_WQ_FAULT);
	assert_int_equal(done_in(&r, 1)->address, SL_IOVA + PAGE);
	rigwq_free(&r);
}

/* A bare transaction with a number that is not the slice's is refused by its portal. */
static void the_allow_list(void **state)
{
	uint32_t foreign, sibling, n;
	struct ioasid_wq_desc d;
	struct rigwq r;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	go_global(&r, space(&r.s, 0, 0));
	slice_add(&r.s, 1, IOASID_CLASS_MDEV_PASID, 0);
	ok(ioasid_set_hwid_mode_dev(r.s.ctx[0], 21, IOASID_MODE_LOCAL));
	slice_add(&r.s, 2, IOASID_CLASS_MDEV_PASID, 1);
	ok(ioasid_dev_attach_pasid(r.s.handle[1], space(&r.s, 0, 1), NAME, 0));
	ok(ioasid_dev_attach_pasid(r.s.handle[2], space(&r.s, 1, 2), NAME, 0));
	sibling = wire_of(r.s.dev[1], NAME);
	foreign = wire_of(r.s.dev[2], NAME);
	enable(&r, 2);
	for (n = 0; n < 1U << 10; n++) {
		bool own = n == wire_of(hw(&r), NAME);

		d = fill(7);
		d.pasid = n;
		if (n == sibling || n == foreign)
			assert_false(own);
		assert_int_equal(ioasid_wqdev_store(r.wq, 2, 0, &d, sizeof(d), IOASID_STORE_DMWR),
				 own);
		assert_int_equal(reg(&r, IOASID_WQ_REG_ERROR), own ? 0 : IOASID_WQ_ERR_ALLOW);
		ok(ioasid_wqdev_write(r.wq, IOASID_WQ_REG_ERROR, 0));
		ioasid_wqdev_run(r.wq, 9);
	}
	assert_int_equal(*r.s.page[0], 7);
	assert_int_equal(*r.s.page[1], 0);
	assert_int_equal(*r.s.page[2], 0);
	/* Nor do names of numbers, other kinds of store, or places beyond the page. */
	d.pasid = wire_of(hw(&r), NAME);
	assert_false(ioasid_wqdev_store(r.wq, 2, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_false(ioasid_wqdev_store(r.wq, 2, 0, &d, sizeof(d), IOASID_STORE_PLAIN));
	assert_false(ioasid_wqdev_store(r.wq, 2, 0, &d, sizeof(d), (enum ioasid_store)3));
	assert_false(ioasid_wqdev_store(r.wq, 2, 0, &d, sizeof(d), (enum ioasid_store) - 1));
	assert_false(ioasid_wqdev_store(r.wq, 2, 32, &d, sizeof(d), IOASID_STORE_DMWR));
	assert_false(ioasid_wqdev_store(r.wq, 3, 0, &d, sizeof(d), IOASID_STORE_DMWR));
	rigwq_free(&r);
}

static void portals_of_queues(void **state)
{
	static const uint64_t beyond[] = { 4096, 1ULL << 32, ~0ULL - 63, (1ULL << 32) + 64 };
	struct ioasid_dmwr_portal p;
	struct ioasid_wq_desc d = fill(1);
	struct rigwq r;
	unsigned int i;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	go_global(&r, space(&r.s, 0, 0));
	enable(&r, 2);
	refused(ioasid_wqdev_portal(r.wq, 0, &p), EINVAL);
	refused(ioasid_wqdev_portal(r.wq, 1, &p), EINVAL);
	refused(ioasid_wqdev_portal(r.wq, 3, &p), EINVAL);
	refused(ioasid_wqdev_portal(r.wq, ~0U, &p), EINVAL);
	ok(ioasid_wqdev_portal(r.wq, 2, &p));
	for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		struct ioasid_enqcmd insn = { .src = &d, .dst = beyond[i] };

		assert_int_equal(ioasid_vcpu_enqcmd(r.cpu, &p, &insn), IOASID_ENQCMD_RETIRED);
		assert_true(insn.zf);
	}
	assert_int_equal(qreg(&r, 2, IOASID_WQ_REG_COUNT), 0);
	rigwq_free(&r);
}

/* ---- numbers and contexts end ------------------------------------------------------------------------------ */

/* A number that ends leaves registers and queues, and comes back to nobody who still has it there. */
static void a_number_ends(void **state)
{
	struct ioasid_wq_desc d = fill(0x44);
	uint32_t a, b, old;
	struct rigwq r;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	a = space(&r.s, 0, 0);
	b = space(&r.s, 0, 1);
	ok(ioasid_dev_attach_pasid(r.s.handle[0], a, NAME, 0));
	ok(ioasid_dev_attach_pasid(r.s.handle[0], b, NAME + 1, 0));
	old = wire_of(hw(&r), NAME);
	ok(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME));
	ok(set(&r, 1, IOASID_WQ_REG_PASID, VALID | (NAME + 1)));
	enable(&r, 0);
	enable(&r, 1);
	assert_true(ioasid_wqdev_store(r.wq, 0, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_true(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	ok(ioasid_clear_hwid(r.s.ctx[0], a, NAME));
	assert_int_equal(qreg(&r, 0, IOASID_WQ_REG_PASID), 0);
	assert_int_equal(qreg(&r, 0, IOASID_WQ_REG_CONTROL), 0);
	assert_int_equal(qreg(&r, 1, IOASID_WQ_REG_PASID), VALID | (NAME + 1));
	refused(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME), ENOENT);
	/* Drained at once: the next one has the number, and nothing of the old work with it. */
	ok(ioasid_set_hwid(r.s.ctx[0], b, NAME + 2));
	assert_int_equal(wire_of(hw(&r), NAME + 2), old);
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 1);
	assert_int_equal(status_in(&r, 1), IOASID_WQ_DONE);
	assert_int_equal(*r.s.page[0], 0);
	rigwq_free(&r);
}

/* The next context finds the device as it was made, and what the last one left is not executed. */
static void a_context_ends(void **state)
{
	struct ioasid_wq_desc d = fill(0x55);
	struct rigwq r;

	(void)state;
	rigwq_make(&r, IOASID_WQDEV_MANUAL, 0);
	ok(ioasid_dev_attach(r.s.handle[0], space(&r.s, 0, 0), 0));
	ok(ioasid_dev_attach_pasid(r.s.handle[0], space(&r.s, 0, 1), NAME, 0));
	ok(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME));
	enable(&r, 0);
	enable(&r, 1);
	assert_true(ioasid_wqdev_store(r.wq, 0, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_true(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	slice_close(&r.s, 0);
	assert_int_equal(qreg(&r, 0, IOASID_WQ_REG_PASID), 0);
	assert_int_equal(qreg(&r, 1, IOASID_WQ_REG_CONTROL), 0);
	assert_int_equal(reg(&r, IOASID_WQ_REG_STATUS), 0);
	/* Nobody's: no number, no work, not even without one. */
	refused(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME), ENOENT);
	enable(&r, 1);
	assert_false(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	slice_open(&r.s, 0, 1);
	ok(ioasid_dev_attach(r.s.handle[0], space(&r.s, 1, 2), 0));
	ok(ioasid_dev_attach_pasid(r.s.handle[0], space(&r.s, 1, 3), NAME, 0));
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 0);
	assert_true(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 1);
	assert_int_equal(*r.s.page[0] | *r.s.page[1] | *r.s.page[3], 0);
	assert_int_equal(*r.s.page[2], 0x55);
	/* A reset clears it for the same context, which goes on. */
	ok(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME));
	assert_true(ioasid_wqdev_store(r.wq, 1, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	ok(ioasid_dev_reset(r.s.handle[0]));
	assert_int_equal(qreg(&r, 0, IOASID_WQ_REG_PASID), 0);
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 0);
	ok(set(&r, 0, IOASID_WQ_REG_PASID, VALID | NAME));
	enable(&r, 0);
	assert_true(ioasid_wqdev_store(r.wq, 0, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B));
	assert_int_equal(ioasid_wqdev_run(r.wq, 9), 1);
	assert_int_equal(*r.s.page[3], 0x55);
	rigwq_free(&r);
}

/* ---- with the engine waiting for a page ----------------------------------------------------------------------- */

#define DEVICE_TLB (IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI)

/* The engine waits for a page of NAME, which the guest's table, page 0, does not have. */
static uint32_t wait_for_page(struct rigwq *r, struct ioasid_fault *f)
{
	const struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
					    .levels = 4,
					    .address = SL_IOVA };
	const struct ioasid_wq_desc d = fill(1);
	struct ioasid_enqcmd insn;
	uint32_t user;

	rigwq_make(r, 0, DEVICE_TLB);
	ok(ioasid_alloc_user_table(r->s.ctx[0], space(&r->s, 0, 0), &table, &user));
	go_global(r, user);
	enable(r, 2);
	assert_int_equal(enqcmd(r, &d, &insn), IOASID_ENQCMD_RETIRED);
	assert_false(insn.zf);
	*f = event_of(&r->s, 0);
	assert_int_equal(f->type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f->vpasid, NAME);
	assert_int_equal(qreg(r, 2, IOASID_WQ_REG_COUNT), 1);
	return user;
}

static void idle(struct rigwq *r)
{
	unsigned int i;

	for (i = 0; i < 5000 && reg(r, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_BUSY; i++)
		nap(1);
	assert_false(reg(r, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_BUSY);
}

static void waits_and_is_reset(void **state)
{
	struct ioasid_fault f;
	struct rigwq r;

	(void)state;
	wait_for_page(&r, &f);
	ok(ioasid_dev_reset(r.s.handle[0]));
	assert_int_equal(qreg(&r, 2, IOASID_WQ_REG_COUNT), 0);
	refused(ioasid_page_response(r.s.ctx[0], f.id, IOASID_RESPONSE_SUCCESS), ENOENT);
	rigwq_free(&r);
}

static void waits_and_is_unbound(void **state)
{
	struct ioasid_fault f;
	struct rigwq r;

	(void)state;
	wait_for_page(&r, &f);
	slice_close(&r.s, 0);
	assert_int_equal(qreg(&r, 2, IOASID_WQ_REG_COUNT), 0);
	rigwq_free(&r);
}

static void waits_and_is_unplugged(void **state)
{
	struct ioasid_fault f;
	struct rigwq r;

	(void)state;
	wait_for_page(&r, &f);
	ioasid_wqdev_destroy(r.wq);
	r.wq = NULL;
	rigwq_free(&r);
}

static void waits_and_the_number_ends(void **state)
{
	struct ioasid_info info = { .argsz = sizeof(info) };
	struct ioasid_fault f;
	struct rigwq r;
	uint32_t user;
	unsigned int i;

	(void)state;
	user = wait_for_page(&r, &f);
	ok(ioasid_clear_hwid(r.s.ctx[0], user, NAME));
	idle(&r);
	/* The engine's word may be on its way still. */
	for (i = 0; i < 5000; i++) {
		ok(ioasid_get_info(r.s.ctx[0], NULL, 0, &info));
		if (!info.ids_live)
			break;
		nap(1);
	}
	assert_int_equal(info.ids_live, 0);
	assert_int_equal(info.ids_pending, 0);
	rigwq_free(&r);
}

static void waits_and_is_answered(void **state)
{
	struct ioasid_fault f;
	struct rigwq r;

	(void)state;
	wait_for_page(&r, &f);
	ok(ioasid_page_response(r.s.ctx[0], f.id, IOASID_RESPONSE_INVALID));
	/* Not even its completion record: that asks again. */
	f = event_of(&r.s, 0);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	ok(ioasid_page_response(r.s.ctx[0], f.id, IOASID_RESPONSE_INVALID));
	idle(&r);
	assert_int_equal(reg(&r, IOASID_WQ_REG_DONE), 1);
	rigwq_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may_be_made_of),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(numbers_of_vms),
		cmocka_unit_test(a_vm_leaves),
		cmocka_unit_test(instructions),
		cmocka_unit_test(three_ways),
		cmocka_unit_test(the_allow_list),
		cmocka_unit_test(portals_of_queues),
		cmocka_unit_test(a_number_ends),
		cmocka_unit_test(a_context_ends),
		cmocka_unit_test(waits_and_is_reset),
		cmocka_unit_test(waits_and_is_unbound),
		cmocka_unit_test(waits_and_is_unplugged),
		cmocka_unit_test(waits_and_the_number_ends),
		cmocka_unit_test(waits_and_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
