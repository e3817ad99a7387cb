// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ENQCMD in a guest with two kinds of devices: a function assigned whole and a mediated slice of
 * another one, one process, one PASID. The guest manages numbers below the split; for each of them the
 * host allocates one host-wide number besides, which the guest never sees: it is what the CPU puts on
 * the wire. On the whole function both lead to the process's page table, on the slice the host's only.
 *
 * Three ways to the same memory: ENQCMD to the shared queue of each device, and a dedicated queue of the
 * whole function that was programmed with the guest's number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ioasid/vcpu.h>
#include <ioasid/wq.h>

#define PAGE	4096UL
#define RAM	(16 * PAGE)
#define GPA	0x100000UL /* where the guest believes its memory to be */
#define VA	0x7f0012345000UL /* a page of the process in the guest; the next one takes completions */
#define PASID	5U
#define SPLIT	1024U
#define PRESENT 7UL /* present, writable, user */

enum { WHOLE = 1, SLICE = 2 }; /* cookies of the devices */

static uint8_t *ram;

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void must_be(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* ---- the guest ------------------------------------------------------------------------------------ */

static uint64_t *table(unsigned int n)
{
	return (uint64_t *)(void *)(ram + n * PAGE);
}

/* Pages 0 to 3 of guest memory are the levels of the process's table; its two pages are 8 and 9. */
static void guest_make_process(void)
{
	unsigned int level;

	for (level = 0; level < 3; level++)
		table(level)[VA >> (39 - 9 * level) & 511] = (GPA + (level + 1) * PAGE) | PRESENT;
	table(3)[VA >> 12 & 511] = (GPA + 8 * PAGE) | PRESENT;
	table(3)[(VA >> 12 & 511) + 1] = (GPA + 9 * PAGE) | PRESENT;
}

/* Descriptor @n writes @value to the n-th word of the process's page. */
static struct ioasid_wq_desc guest_work(unsigned int n, uint64_t value)
{
	return (struct ioasid_wq_desc){
		.op = IOASID_WQ_FILL,
		.length = 8,
		.src = value,
		.dst = VA + 8 * n,
		.completion = VA + PAGE + sizeof(struct ioasid_wq_completion) * n,
	};
}

static void guest_check(unsigned int n, uint64_t value, const char *way)
{
	const struct ioasid_wq_completion *done = (const void *)(ram + 9 * PAGE);
	const uint64_t *page = (const void *)(ram + 8 * PAGE);

	must_be(done[n].status == IOASID_WQ_DONE && page[n] == value, way);
	printf("%-46s 0x%lx is at 0x%lx\n", way, (unsigned long)page[n],
	       (unsigned long)(VA + 8 * n));
}

/* ENQCMD of descriptor @n to the shared queue of @wq, which is its second one. */
static enum ioasid_enqcmd_result guest_enqcmd(struct ioasid_vcpu *vcpu, struct ioasid_wqdev *wq,
					      unsigned int n, uint64_t value,
					      struct ioasid_enqcmd *insn)
{
	struct ioasid_wq_desc desc = guest_work(n, value);
	struct ioasid_dmwr_portal portal;

	must(ioasid_wqdev_portal(wq, 1, &portal), "portal");
	*insn = (struct ioasid_enqcmd){ .cpl = 3, .src = &desc };
	return ioasid_vcpu_enqcmd(vcpu, &portal, insn);
}

static void guest_enable_queue(struct ioasid_wqdev *wq, unsigned int queue)
{
	must(ioasid_wqdev_write(wq, IOASID_WQ_QUEUE(queue) + IOASID_WQ_REG_CONTROL,
				IOASID_WQ_ENABLE),
	     "enable a queue");
}

/* ---- the VMM: one device with queues each, bound ------------------------------------------------- */

static struct ioasid_dev *plug(struct ioasid_host *host, struct ioasid *ctx,
			       struct ioasid_hostdev *parent, uint64_t cookie,
			       struct ioasid_wqdev **wq)
{
	const struct ioasid_wqdev_config config = {
		.size = sizeof(config),
		.hostdev = {
			.size = sizeof(config.hostdev),
			.name = parent ? "slice" : "whole",
			.rid = 0x0100,
			.dev_class = parent ? IOASID_CLASS_MDEV_DMWR : IOASID_CLASS_PDEV_DMWR,
			.pasid_bits = 20,
			.group = IOASID_INVALID,
			.parent = parent,
		},
		.flags = IOASID_WQDEV_MANUAL, /* no engine: ioasid_wqdev_run() is */
		.nr_dedicated = 1,
		.nr_shared = 1,
	};
	struct ioasid_dev *dev;

	must(ioasid_wqdev_create(host, &config, wq), "device");
	must(ioasid_dev_open(ctx, config.hostdev.name, &dev), "open device");
	must(ioasid_dev_bind(dev, ctx, cookie), "bind");
	return dev;
}

static struct ioasid_hostdev *make_parent(struct ioasid_host *host)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "parent",
		.rid = 0x0108,
		.dev_class = IOASID_CLASS_PDEV_DMWR,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	struct ioasid_hostdev *parent;

	must(ioasid_hostdev_create(host, &config, &parent), "parent");
	return parent;
}

/* The guest manages numbers below the split: the width its vIOMMU may report follows. */
static void agree_on_width(struct ioasid *ctx)
{
	struct ioasid_info info;

	must(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL), "global mode");
	must(ioasid_hwid_set_global_min(ctx, SPLIT), "split");
	must(ioasid_get_info(ctx, NULL, 0, &info), "info");
	printf("the guest's vIOMMU may report %u PASID bits (VT-d: PSS %u)\n", info.pasid_bits,
	       info.vtd_pss);
	must(ioasid_hwid_set_promised_width(ctx, info.pasid_bits), "promise");
}

/* A guest's process gets its number, on both devices, and for the CPU. */
static void bind_process(struct ioasid *ctx, uint32_t gpa, struct ioasid_dev *whole,
			 struct ioasid_dev *slice, struct ioasid_vm *vm)
{
	struct ioasid_table root = { .format = IOASID_FORMAT_VTD_FS, .levels = 4, .address = GPA };
	uint32_t process;

	must(ioasid_alloc_user_table(ctx, gpa, NULL, &process), "alloc user table");
	must(ioasid_dev_attach_pasid(whole, process, 0, 0), "attach");
	must(ioasid_dev_attach_pasid(slice, process, 0, 0), "attach");
	must(ioasid_set_hwid(ctx, process, PASID), "set number");
	must(ioasid_cpu_pasid_enable(ctx, ioasid_vm_fd(vm)), "CPU translation");
	must(ioasid_cpu_pasid_map(ctx, PASID), "CPU entry");
	must(ioasid_bind_pgtable(ctx, process, &root), "bind table");
}

static void print_wire(struct ioasid_wqdev *wq, const char *name)
{
	uint32_t wire;

	must(ioasid_hostdev_ppasid(ioasid_wqdev_hostdev(wq), PASID, &wire), "number on the wire");
	printf("a register of the %s that says %u sends %u\n", name, PASID, wire);
}

/* ---- what happens ---------------------------------------------------------------------------------- */

static void use_shared_queue(struct ioasid_vcpu *vcpu, struct ioasid_wqdev *wq, unsigned int n,
			     uint64_t value, const char *way)
{
	struct ioasid_enqcmd insn;

	guest_enable_queue(wq, 1);
	must_be(guest_enqcmd(vcpu, wq, n, value, &insn) == IOASID_ENQCMD_RETIRED && !insn.zf,
		"ENQCMD is accepted");
	must_be(ioasid_wqdev_run(wq, 1) == 1, "the device works");
	guest_check(n, value, way);
}

static void use_dedicated_queue(struct ioasid_wqdev *wq, unsigned int n, uint64_t value)
{
	struct ioasid_wq_desc desc = guest_work(n, value);

	must(ioasid_wqdev_write(wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID,
				IOASID_WQ_PASID_VALID | PASID),
	     "program a queue");
	guest_enable_queue(wq, 0);
	must_be(ioasid_wqdev_store(wq, 0, 0, &desc, sizeof(desc), IOASID_STORE_MOVDIR64B),
		"a descriptor is taken");
	must_be(ioasid_wqdev_run(wq, 1) == 1, "the device works");
	guest_check(n, value, "dedicated queue of the whole function:");
}

/* Without an entry nothing passes: the vCPU leaves the guest, the VMM maps, the guest tries again. */
static void miss_and_map(struct ioasid *ctx, struct ioasid_vcpu *vcpu, struct ioasid_wqdev *wq)
{
	struct ioasid_enqcmd insn;

	must(ioasid_cpu_pasid_unmap(ctx, PASID), "CPU entry out");
	must_be(guest_enqcmd(vcpu, wq, 3, 0x4444, &insn) == IOASID_ENQCMD_EXIT &&
			insn.vpasid == PASID,
		"ENQCMD without an entry exits");
	printf("without a CPU entry: exit %u, PASID %u\n", insn.exit_reason, insn.vpasid);
	must(ioasid_cpu_pasid_map(ctx, insn.vpasid), "CPU entry");
	use_shared_queue(vcpu, wq, 3, 0x4444, "entered again, shared queue of the slice:");
}

int main(void)
{
	struct ioasid_wqdev *whole_wq, *slice_wq;
	struct ioasid_dev *whole, *slice;
	struct ioasid_hostdev *parent;
	struct ioasid_host *host;
	struct ioasid_vcpu *vcpu;
	struct ioasid_vm *vm;
	struct ioasid *ctx;
	uint32_t gpa;

	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must_be(ram != MAP_FAILED, "memory");
	must(ioasid_host_default(&host), "host");
	must(ioasid_open("inproc", &ctx), "open");
	parent = make_parent(host);
	whole = plug(host, ctx, NULL, WHOLE, &whole_wq);
	slice = plug(host, ctx, parent, SLICE, &slice_wq);
	must(ioasid_vm_create(host, &vm), "VM");
	must(ioasid_vcpu_create(vm, &vcpu), "vCPU");

	must(ioasid_alloc_kernel(ctx, &gpa), "alloc");
	must(ioasid_map(ctx, gpa, GPA, (uintptr_t)ram, RAM, IOASID_MAP_READ | IOASID_MAP_WRITE),
	     "map");
	must(ioasid_dev_attach(whole, gpa, 0), "attach");
	must(ioasid_dev_attach(slice, gpa, 0), "attach");
	agree_on_width(ctx);

	guest_make_process();
	bind_process(ctx, gpa, whole, slice, vm);
	print_wire(whole_wq, "whole function");
	print_wire(slice_wq, "slice");

	/* The guest's kernel does this when it switches to the process. */
	must(ioasid_vcpu_wrmsr_pasid(vcpu, IOASID_IA32_PASID_VALID | PASID), "IA32_PASID");
	use_shared_queue(vcpu, whole_wq, 0, 0x1111, "ENQCMD, shared queue of the whole function:");
	use_shared_queue(vcpu, slice_wq, 1, 0x2222, "ENQCMD, shared queue of the slice:");
	use_dedicated_queue(whole_wq, 2, 0x3333);
	miss_and_map(ctx, vcpu, slice_wq);

	ioasid_dev_close(whole);
	ioasid_dev_close(slice);
	ioasid_close(ctx);
	ioasid_vcpu_destroy(vcpu);
	ioasid_vm_destroy(vm);
	ioasid_wqdev_destroy(whole_wq);
	ioasid_wqdev_destroy(slice_wq);
	ioasid_hostdev_destroy(parent);
	ioasid_host_put(host);
	munmap(ram, RAM);
	return 0;
}
