// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The accelerator without a guest: its registers are driven as a guest's driver would, its DMA goes
 * through a software IOMMU. RAM is a memory file at guest-physical address 0x100000. The queue's
 * PASID leads to a 4-level page table in that RAM which the test writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "accel.h"
#include "live_test.h"

#define RAM_GPA	 0x100000ULL
#define RAM_SIZE (4ULL << 20)
#define PASID	 7
#define COOKIE	 1
#define DEVFN	 0x20

#define PTE_P 1ULL
#define PTE_W 2ULL
#define PTE_U 4ULL
#define PTE_A 0x20ULL
#define PTE_D 0x40ULL

/* Places in RAM: tables, ring and records, data. Virtual addresses are VA + the same offset. */
#define OFF_TABLES 0x0
#define OFF_RING   0x8000
#define OFF_COMP   0xa000
#define OFF_DATA   0x10000
#define VA	   0x7f0000000000ULL
#define RING_LG2   4

struct fixture {
	struct ioasid_host *host;
	struct ioasid *ctx;
	uint32_t gpa, user;
	struct ioasid_dev *dev;
	struct guest_ram ram;
	struct accel accel;
	uint8_t *mem;
	uint32_t tail[ACCEL_QUEUES];
	unsigned int resets;
	/* What the thread that answers page requests does, and has seen. */
	pthread_t answerer;
	atomic_bool stop;
	atomic_int answer; /* enum ioasid_response, -1: none */
	atomic_uint requests;
};

/* ---- fixture --------------------------------------------------------------------------------- */

static int fx_map(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable live_unused)
{
	struct fixture *f = opaque;

	return ioasid_map(f->ctx, f->gpa, gpa, (uintptr_t)ptr, size,
			  IOASID_MAP_READ | IOASID_MAP_WRITE);
}

static void fx_unmap(void *opaque, uint64_t gpa, uint64_t size)
{
	struct fixture *f = opaque;

	assert_int_equal(ioasid_unmap(f->ctx, f->gpa, gpa, size, NULL), 0);
}

static const struct guest_ram_ops fx_ram_ops = { .map = fx_map, .unmap = fx_unmap };

static void fx_reset(void *opaque)
{
	((struct fixture *)opaque)->resets++;
}

static uint64_t *fx_pte(struct fixture *f, uint64_t off)
{
	/* Root, level 3, level 2, then leaf tables for 2 MiB each. */
	return (uint64_t *)(f->mem + OFF_TABLES + 0x3000) + off / 4096;
}

static void fx_tables(struct fixture *f)
{
	uint64_t *t = (uint64_t *)(f->mem + OFF_TABLES), flags = PTE_P | PTE_W | PTE_U, off;

	t[VA >> 39 & 511] = (RAM_GPA + 0x1000) | flags;
	t[512 + (VA >> 30 & 511)] = (RAM_GPA + 0x2000) | flags;
	t[1024 + (VA >> 21 & 511)] = (RAM_GPA + 0x3000) | flags;
	t[1024 + (VA >> 21 & 511) + 1] = (RAM_GPA + 0x4000) | flags;
	for (off = 0; off < RAM_SIZE; off += 4096)
		*fx_pte(f, off) = (RAM_GPA + off) | flags;
}

static void fx_pci(struct fixture *f, uint16_t offset, uint16_t value)
{
	assert_int_equal(accel_region_write(&f->accel, VFIO_USER_CONFIG, offset, &value, 2), 0);
}

static void fx_functions(struct fixture *f)
{
	fx_pci(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fx_pci(f, PCI_CAP_PASID + 6, PCI_PASID_ENABLE);
	fx_pci(f, PCI_CAP_PRI + 4, PCI_PRI_ENABLE);
	fx_pci(f, PCI_CAP_ATS + 6, PCI_ATS_ENABLE);
}

static int setup(void **state)
{
	static const struct vfio_user_ops no_ops;
	static struct fixture f;
	struct accel_config config = {
		.devfn = DEVFN, .ram = &f.ram, .on_reset = fx_reset, .opaque = &f
	};
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = RAM_GPA + OFF_TABLES };
	int fd = memfd_create("ram", MFD_ALLOW_SEALING);

	memset(&f, 0, sizeof(f));
	assert_int_equal(ioasid_host_create("accel", NULL, &f.host), 0);
	assert_int_equal(ioasid_open("inproc:accel", &f.ctx), 0);
	assert_int_equal(ioasid_alloc_kernel(f.ctx, &f.gpa), 0);
	guest_ram_init(&f.ram, RAM_SIZE, &fx_ram_ops, &f);
	assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(guest_ram_add(&f.ram, RAM_GPA, RAM_SIZE, fd, 0, true), 0);
	close(fd);
	f.mem = guest_ram_ptr(&f.ram, RAM_GPA, RAM_SIZE, true);
	fx_tables(&f);
	assert_int_equal(accel_init(&f.accel, &config, f.host, "accel"), 0);
	vfio_user_dev_init(&f.accel.vfio, &no_ops, &f);
	f.accel.vfio.nr_vectors = ACCEL_QUEUES;
	assert_int_equal(ioasid_dev_open(f.ctx, "accel", &f.dev), 0);
	assert_int_equal(ioasid_dev_bind(f.dev, f.ctx, COOKIE), 0);
	assert_int_equal(ioasid_dev_attach(f.dev, f.gpa, 0), 0);
	assert_int_equal(ioasid_alloc_user_table(f.ctx, f.gpa, &table, &f.user), 0);
	assert_int_equal(ioasid_dev_attach_pasid(f.dev, f.user, PASID, 0), 0);
	fx_functions(&f);
	f.resets = 0;
	atomic_store(&f.answer, -1);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	accel_reset(&f->accel);
	if (f->answerer) {
		atomic_store(&f->stop, true);
		pthread_join(f->answerer, NULL);
		f->answerer = 0;
	}
	ioasid_dev_close(f->dev);
	accel_destroy(&f->accel);
	vfio_user_dev_destroy(&f->accel.vfio);
	guest_ram_destroy(&f->ram);
	ioasid_close(f->ctx);
	ioasid_host_put(f->host);
	return 0;
}

/* Software that answers page requests: present the page, or say what it was told to say. */
static void *fx_answer(void *arg)
{
	struct fixture *f = arg;
	struct ioasid_fault fault;
	int answer;

	while (!atomic_load(&f->stop)) {
		answer = atomic_load(&f->answer);
		if (answer < 0 || ioasid_fault_read(f->ctx, &fault, 1) != 1) {
			usleep(200);
			continue;
		}
		if (fault.type != IOASID_FAULT_PAGE_REQUEST)
			continue;
		atomic_fetch_add(&f->requests, 1);
		if (answer == IOASID_RESPONSE_SUCCESS)
			__atomic_fetch_or(fx_pte(f, fault.address - VA), PTE_P | PTE_W,
					  __ATOMIC_SEQ_CST);
		ioasid_page_response(f->ctx, fault.id, answer);
	}
	return NULL;
}

static void fx_answerer(struct fixture *f, int answer)
{
	assert_true(ioasid_fault_open(f->ctx, 0) >= 0);
	atomic_store(&f->stop, false);
	atomic_store(&f->answer, answer);
	assert_int_equal(pthread_create(&f->answerer, NULL, fx_answer, f), 0);
}

/* ---- the driver's side ----------------------------------------------------------------------- */

static uint32_t reg_read(struct fixture *f, uint64_t off)
{
	uint32_t v;

	assert_int_equal(accel_region_read(&f->accel, ACCEL_BAR_REGS, off, &v, 4), 0);
	return v;
}

static void reg_write(struct fixture *f, uint64_t off, uint64_t value, unsigned int size)
{
	assert_int_equal(accel_region_write(&f->accel, ACCEL_BAR_REGS, off, &value, size), 0);
}

static uint64_t queue_reg(unsigned int queue, uint64_t off)
{
	return ACCEL_REG_QUEUE + queue * ACCEL_QUEUE_STRIDE + off;
}

static void doorbell(struct fixture *f, unsigned int queue, uint32_t tail)
{
	accel_region_write(&f->accel, ACCEL_BAR_DOORBELL, queue * ACCEL_DOORBELL_STRIDE, &tail, 4);
}

static uint32_t queue_state(struct fixture *f, unsigned int queue)
{
	return ACCEL_STATUS_STATE(reg_read(f, queue_reg(queue, ACCEL_QUEUE_STATUS)));
}

static uint32_t queue_error(struct fixture *f, unsigned int queue)
{
	return ACCEL_STATUS_ERROR(reg_read(f, queue_reg(queue, ACCEL_QUEUE_STATUS)));
}

static void wait_state(struct fixture *f, unsigned int queue, uint32_t state)
{
	unsigned int ms;

	for (ms = 0; ms < 5000 && queue_state(f, queue) != state; ms++)
		usleep(1000);
	assert_int_equal(queue_state(f, queue), state);
}

/* Queues have their rings and records 512 bytes apart. */
static uint64_t ring_off(unsigned int queue)
{
	return OFF_RING + queue * 1024;
}

static struct accel_comp *comp_of(struct fixture *f, unsigned int queue, uint32_t slot)
{
	return (struct accel_comp *)(f->mem + OFF_COMP + queue * 512) + slot;
}

static void queue_start_ring(struct fixture *f, unsigned int queue, bool pasid, uint64_t ring)
{
	reg_write(f, queue_reg(queue, ACCEL_QUEUE_PASID), PASID, 4);
	reg_write(f, queue_reg(queue, ACCEL_QUEUE_RING_LG2), RING_LG2, 4);
	reg_write(f, queue_reg(queue, ACCEL_QUEUE_RING_BASE), ring, 8);
	reg_write(f, queue_reg(queue, ACCEL_QUEUE_CONTROL),
		  ACCEL_CONTROL_ENABLE | (pasid ? ACCEL_CONTROL_PASID : 0), 4);
	f->tail[queue] = 0;
}

static void queue_start(struct fixture *f, unsigned int queue, bool pasid)
{
	queue_start_ring(f, queue, pasid, (pasid ? VA : RAM_GPA) + ring_off(queue));
	assert_int_equal(queue_state(f, queue), ACCEL_STATE_RUNNING);
}

static void queue_stop(struct fixture *f, unsigned int queue)
{
	reg_write(f, queue_reg(queue, ACCEL_QUEUE_CONTROL), 0, 4);
	wait_state(f, queue, ACCEL_STATE_IDLE);
}

/* Submit without waiting; the record lies at the same place in either address space. */
static struct accel_comp *submit(struct fixture *f, unsigned int queue, struct accel_desc desc)
{
	uint32_t slot = f->tail[queue]++ & ((1U << RING_LG2) - 1);
	struct accel_comp *comp = comp_of(f, queue, slot);
	uint64_t base = f->accel.queues[queue].with_pasid ? VA : RAM_GPA;

	memset(comp, 0, sizeof(*comp));
	desc.flags |= ACCEL_DESC_COMPLETION;
	desc.completion = base + ((uint8_t *)comp - f->mem);
	memcpy(f->mem + ring_off(queue) + slot * sizeof(desc), &desc, sizeof(desc));
	doorbell(f, queue, f->tail[queue]);
	return comp;
}

static uint32_t wait_comp(const struct accel_comp *comp)
{
	unsigned int i;

	for (i = 0; i < 50000; i++) {
		if (__atomic_load_n(&comp->status, __ATOMIC_ACQUIRE))
			break;
		usleep(100);
	}
	return comp->status;
}

static struct accel_comp run(struct fixture *f, unsigned int queue, uint8_t op, uint64_t src,
			     uint64_t dst, uint32_t len, uint64_t operand)
{
	struct accel_desc desc = {
		.op = op, .len = len, .src = src, .dst = dst, .operand = operand
	};
	struct accel_comp *comp = submit(f, queue, desc);

	wait_comp(comp);
	return *comp;
}

/* ---- registers ------------------------------------------------------------------------------- */

static void registers(void **state)
{
	struct fixture *f = *state;
	uint64_t v = 0;

	assert_int_equal(reg_read(f, ACCEL_REG_ID), ACCEL_ID_VALUE);
	assert_int_equal(reg_read(f, ACCEL_REG_VERSION), ACCEL_VERSION_VALUE);
	assert_int_equal(reg_read(f, ACCEL_REG_CAPS) & 0xff, ACCEL_QUEUES);
	assert_int_equal(reg_read(f, ACCEL_REG_OPS), (1 << ACCEL_NR_OPS) - 1);
	/* Any width and place reads the same bytes. */
	assert_int_equal(accel_region_read(&f->accel, 0, 2, &v, 4), 0);
	assert_int_equal(v, (ACCEL_ID_VALUE >> 16) | (ACCEL_VERSION_VALUE << 16));
	assert_int_equal(accel_region_read(&f->accel, 0, ACCEL_REGS_SIZE - 8, &v, 8), 0);
	assert_int_equal(v, 0);
	/* Both halves of a base, and one write for two registers. */
	reg_write(f, queue_reg(3, ACCEL_QUEUE_RING_BASE + 4), 0x12, 4);
	reg_write(f, queue_reg(3, ACCEL_QUEUE_RING_BASE), 0x34000, 4);
	assert_int_equal(
		accel_region_read(&f->accel, 0, queue_reg(3, ACCEL_QUEUE_RING_BASE), &v, 8), 0);
	assert_int_equal(v, 0x1200034000ULL);
	reg_write(f, queue_reg(3, ACCEL_QUEUE_PASID), 5ULL << 32 | 9, 8);
	assert_int_equal(reg_read(f, queue_reg(3, ACCEL_QUEUE_PASID)), 9);
	assert_int_equal(reg_read(f, queue_reg(3, ACCEL_QUEUE_RING_LG2)), 5);
	/* Bytes and misaligned words change nothing. */
	reg_write(f, queue_reg(3, ACCEL_QUEUE_PASID), 1, 1);
	reg_write(f, queue_reg(3, ACCEL_QUEUE_PASID) + 2, 1, 4);
	assert_int_equal(reg_read(f, queue_reg(3, ACCEL_QUEUE_PASID)), 9);
	/* Neither do queues that are not there, or read-only registers. */
	reg_write(f, queue_reg(ACCEL_QUEUES, ACCEL_QUEUE_CONTROL), 1, 4);
	reg_write(f, queue_reg(3, ACCEL_QUEUE_HEAD), 77, 4);
	assert_int_equal(reg_read(f, queue_reg(3, ACCEL_QUEUE_HEAD)), 0);
	reg_write(f, ACCEL_REG_ID, 0, 8);
	assert_int_equal(reg_read(f, ACCEL_REG_ID), ACCEL_ID_VALUE);
}

static void enable_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t ring;
		uint32_t lg2, pasid;
	} cases[] = {
		{ VA, 0, PASID },    { VA, ACCEL_RING_LG2_MAX + 1, PASID },
		{ VA, ~0U, PASID },  { VA + 32, 4, PASID },
		{ VA, 4, 1U << 20 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reg_write(f, queue_reg(0, ACCEL_QUEUE_PASID), cases[i].pasid, 4);
		reg_write(f, queue_reg(0, ACCEL_QUEUE_RING_LG2), cases[i].lg2, 4);
		reg_write(f, queue_reg(0, ACCEL_QUEUE_RING_BASE), cases[i].ring, 8);
		reg_write(f, queue_reg(0, ACCEL_QUEUE_CONTROL), 3, 4);
		assert_int_equal(queue_state(f, 0), ACCEL_STATE_HALTED);
		assert_int_equal(queue_error(f, 0), ACCEL_ERROR_CONFIG);
		queue_stop(f, 0);
	}
	/* PASID has to be on in configuration space. */
	fx_pci(f, PCI_CAP_PASID + 6, 0);
	queue_start_ring(f, 0, true, VA);
	assert_int_equal(queue_error(f, 0), ACCEL_ERROR_CONFIG);
}

/* While a queue runs its registers stay what they are. */
static void running_registers(void **state)
{
	struct fixture *f = *state;

	queue_start(f, 1, true);
	reg_write(f, queue_reg(1, ACCEL_QUEUE_PASID), 99, 4);
	reg_write(f, queue_reg(1, ACCEL_QUEUE_RING_BASE), 0, 8);
	reg_write(f, queue_reg(1, ACCEL_QUEUE_CONTROL), 1, 4);
	assert_int_equal(reg_read(f, queue_reg(1, ACCEL_QUEUE_PASID)), PASID);
	assert_int_equal(run(f, 1, ACCEL_OP_NOOP, 0, 0, 0, 0).status, ACCEL_COMP_SUCCESS);
	queue_stop(f, 1);
	/* And again. */
	queue_start(f, 1, true);
	assert_int_equal(run(f, 1, ACCEL_OP_NOOP, 0, 0, 0, 0).status, ACCEL_COMP_SUCCESS);
}

/* ---- work ------------------------------------------------------------------------------------ */

static void work_at(struct fixture *f, unsigned int queue, uint64_t base)
{
	uint64_t src = base + OFF_DATA + 5, dst = base + OFF_DATA + 0x40000 + 11;
	uint8_t *s = f->mem + OFF_DATA + 5, *d = f->mem + OFF_DATA + 0x40000 + 11;
	struct accel_comp comp;
	unsigned int i;

	for (i = 0; i < 20000; i++)
		s[i] = i * 13;
	comp = run(f, queue, ACCEL_OP_COPY, src, dst, 20000, 0);
	assert_int_equal(comp.status, ACCEL_COMP_SUCCESS);
	assert_int_equal(comp.bytes_done, 20000);
	assert_int_equal(comp.page_requests, 0);
	assert_memory_equal(s, d, 20000);
	d[19999] ^= 1;
	comp = run(f, queue, ACCEL_OP_COMPARE, src, dst, 20000, 0);
	assert_int_equal(comp.result, 1);
	assert_int_equal(comp.bytes_done, 19999);
	comp = run(f, queue, ACCEL_OP_COMPARE, src, dst, 19999, 0);
	assert_int_equal(comp.result, 0);
	comp = run(f, queue, ACCEL_OP_FILL, 0, dst, 9001, 0x8877665544332211ULL);
	assert_int_equal(comp.status, ACCEL_COMP_SUCCESS);
	for (i = 0; i < 9001; i++)
		assert_int_equal(d[i], 0x11 * (i % 8 + 1));
	assert_int_equal(d[9001], s[9001]);
	/* The check value of CRC-32C. */
	memcpy(s, "123456789", 9);
	comp = run(f, queue, ACCEL_OP_CRC32C, src, 0, 9, 0);
	assert_int_equal(comp.result, 0xe3069283);
	comp = run(f, queue, ACCEL_OP_CRC32C, src + 4, 0, 5, 0xf63af4ee /* of "1234" */);
	assert_int_equal(comp.result, 0xe3069283);
	memset(f->mem + OFF_DATA + 0x80000, 0, 8);
	comp = run(f, queue, ACCEL_OP_FETCH_ADD, 0, base + OFF_DATA + 0x80000, 0, ~0ULL);
	assert_int_equal(comp.result, 0);
	comp = run(f, queue, ACCEL_OP_FETCH_ADD, 0, base + OFF_DATA + 0x80000, 0, 3);
	assert_int_equal(comp.result, ~0ULL);
	assert_int_equal(*(uint64_t *)(f->mem + OFF_DATA + 0x80000), 2);
	comp = run(f, queue, ACCEL_OP_TRANSLATE, src, 0, 0, 0);
	assert_int_equal(comp.result, RAM_GPA + OFF_DATA + 5);
}

static void work(void **state)
{
	struct fixture *f = *state;

	queue_start(f, 0, false);
	work_at(f, 0, RAM_GPA);
	queue_start(f, 1, true);
	work_at(f, 1, VA);
	/* The table of the process saw it: accessed everywhere, dirty where written. */
	assert_int_equal(*fx_pte(f, OFF_DATA) & (PTE_A | PTE_D), PTE_A);
	assert_int_equal(*fx_pte(f, OFF_DATA + 0x40000) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

static void interrupt(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_NOOP, .flags = ACCEL_DESC_INTERRUPT };
	struct accel_comp *comp;
	int fd = eventfd(0, 0);
	uint64_t n;

	f->accel.vfio.irq_fd[2] = dup(fd);
	queue_start(f, 2, true);
	comp = submit(f, 2, desc);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	/* The record was there before the interrupt. */
	assert_int_equal(comp->status, ACCEL_COMP_SUCCESS);
	close(fd);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void unreachable(void **state)
{
	struct fixture *f = *state;
	struct accel_comp comp;

	queue_start(f, 0, true);
	/* Not canonical, behind all RAM, supervisor: final, and no page request. */
	comp = run(f, 0, ACCEL_OP_COPY, 1ULL << 50, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.fault_addr, 1ULL << 50);
	assert_int_equal(comp.fault_code, 0x80);
	*fx_pte(f, OFF_DATA + 0x1000) = (RAM_GPA + RAM_SIZE) | PTE_P | PTE_W | PTE_U;
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA + 0x1000, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	*fx_pte(f, OFF_DATA + 0x2000) &= ~PTE_U;
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA + 0x2000, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.fault_code, 0x81);
	/* What came before the bad page is done and counted. */
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA + 0xf00, 4096, 0x4141414141414141ULL);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.fault_addr, VA + OFF_DATA + 0x1000);
	assert_int_equal(comp.bytes_done, 0x100);
	assert_int_equal(f->mem[OFF_DATA + 0xfff], 0x41);
	/* Without PASID there are no page requests either. */
	queue_start(f, 1, false);
	comp = run(f, 1, ACCEL_OP_COPY, 0, RAM_GPA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.page_requests, 0);
}

static void page_requests(void **state)
{
	struct fixture *f = *state;
	struct accel_comp comp;

	fx_answerer(f, IOASID_RESPONSE_SUCCESS);
	queue_start(f, 0, true);
	*fx_pte(f, OFF_DATA) &= ~PTE_P;
	*fx_pte(f, OFF_DATA + 0x40000) &= ~PTE_P;
	comp = run(f, 0, ACCEL_OP_COPY, VA + OFF_DATA, VA + OFF_DATA + 0x40000, 4096, 0);
	assert_int_equal(comp.status, ACCEL_COMP_SUCCESS);
	assert_int_equal(comp.page_requests, 2);
	assert_true(comp.result > 0);
	/* Read-only, then allowed: a translation known from reading is no reason to give up. */
	*fx_pte(f, OFF_DATA + 0x1000) &= ~PTE_W;
	comp = run(f, 0, ACCEL_OP_CRC32C, VA + OFF_DATA + 0x1000, 0, 64, 0);
	assert_int_equal(comp.page_requests, 0);
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA + 0x1000, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_SUCCESS);
	assert_int_equal(comp.page_requests, 1);
	assert_int_equal(atomic_load(&f->requests), 3);
}

static void page_request_refused(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = {
		.op = ACCEL_OP_FILL, .flags = ACCEL_DESC_NO_BLOCK, .len = 64, .dst = VA + OFF_DATA
	};
	struct accel_comp comp;

	fx_answerer(f, IOASID_RESPONSE_INVALID);
	queue_start(f, 0, true);
	*fx_pte(f, OFF_DATA) &= ~PTE_P;
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.fault_addr, VA + OFF_DATA);
	assert_int_equal(comp.page_requests, 1);
	/* Not asked at all. */
	assert_int_equal(wait_comp(submit(f, 0, desc)), ACCEL_COMP_PARTIAL);
	comp = run(f, 0, ACCEL_OP_TRANSLATE, VA + OFF_DATA, 0, 0, 0);
	assert_int_equal(comp.status, ACCEL_COMP_PARTIAL);
	assert_int_equal(atomic_load(&f->requests), 1);
	/* PRI off: final. */
	fx_pci(f, PCI_CAP_PRI + 4, 0);
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.page_requests, 0);
}

/* "Response failure": the function asks no more until it is reset. */
static void page_requests_switched_off(void **state)
{
	struct fixture *f = *state;
	struct accel_comp comp;
	uint16_t status;

	fx_answerer(f, IOASID_RESPONSE_FAILURE);
	queue_start(f, 0, true);
	*fx_pte(f, OFF_DATA) &= ~PTE_P;
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.page_requests, 1);
	accel_region_read(&f->accel, VFIO_USER_CONFIG, PCI_CAP_PRI + 6, &status, 2);
	assert_true(status & PCI_PRI_FAILURE);
	atomic_store(&f->answer, IOASID_RESPONSE_SUCCESS);
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_FAULT);
	assert_int_equal(comp.page_requests, 0);
	accel_reset(&f->accel);
	assert_int_equal(ioasid_dev_reset(f->dev), 0);
	fx_functions(f);
	queue_start(f, 0, true);
	comp = run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0);
	assert_int_equal(comp.status, ACCEL_COMP_SUCCESS);
	accel_region_read(&f->accel, VFIO_USER_CONFIG, PCI_CAP_PRI + 6, &status, 2);
	assert_false(status & PCI_PRI_FAILURE);
}

/*
 * One queue waits for a page nobody brings; others work. Stopping it takes until software has
 * answered: it may be in the middle of handling the request.
 */
static void stop_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_FILL, .len = 64, .dst = VA + OFF_DATA };
	struct accel_comp *comp;

	fx_answerer(f, -1);
	*fx_pte(f, OFF_DATA) &= ~PTE_P;
	queue_start(f, 0, true);
	queue_start(f, 1, true);
	comp = submit(f, 0, desc);
	usleep(20000);
	assert_int_equal(comp->status, ACCEL_COMP_PENDING);
	assert_int_equal(run(f, 1, ACCEL_OP_NOOP, 0, 0, 0, 0).status, ACCEL_COMP_SUCCESS);
	reg_write(f, queue_reg(0, ACCEL_QUEUE_CONTROL), 0, 4);
	usleep(20000);
	assert_int_equal(queue_state(f, 0), ACCEL_STATE_STOPPING);
	atomic_store(&f->answer, IOASID_RESPONSE_SUCCESS);
	wait_state(f, 0, ACCEL_STATE_IDLE);
	/* The page came too late for the descriptor. */
	assert_int_equal(comp->status, ACCEL_COMP_PENDING);
	assert_int_equal(f->mem[OFF_DATA], 0);
}

/* A reset does not wait; the answer that comes later belongs to nobody. */
static void reset_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_FILL, .len = 64, .dst = VA + OFF_DATA };

	fx_answerer(f, -1);
	*fx_pte(f, OFF_DATA) &= ~PTE_P;
	queue_start(f, 0, true);
	submit(f, 0, desc);
	usleep(20000);
	accel_reset(&f->accel);
	assert_int_equal(queue_state(f, 0), ACCEL_STATE_IDLE);
	fx_functions(f);
	queue_start(f, 0, true);
	atomic_store(&f->answer, IOASID_RESPONSE_INVALID);
	usleep(20000);
	atomic_store(&f->answer, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(run(f, 0, ACCEL_OP_FILL, 0, VA + OFF_DATA, 64, 0).status,
			 ACCEL_COMP_SUCCESS);
}

/* ---- hostile --------------------------------------------------------------------------------- */

static void malformed(void **state)
{
	static const struct accel_desc cases[] = {
		{ .op = ACCEL_NR_OPS },
		{ .op = 255 },
		{ .op = ACCEL_OP_NOOP, .flags = 0x10 },
		{ .op = ACCEL_OP_NOOP, .reserved = 1 },
		{ .op = ACCEL_OP_NOOP, .reserved2 = { 0, 1 } },
		{ .op = ACCEL_OP_NOOP, .len = 1 },
		{ .op = ACCEL_OP_COPY, .src = VA, .dst = VA },
		{ .op = ACCEL_OP_COPY, .len = ACCEL_MAX_LEN + 1, .src = VA, .dst = VA },
		{ .op = ACCEL_OP_COPY, .len = 2, .src = ~0ULL, .dst = VA },
		{ .op = ACCEL_OP_COPY, .len = 2, .src = VA, .dst = ~0ULL },
		{ .op = ACCEL_OP_FETCH_ADD, .dst = VA + OFF_DATA + 4 },
		{ .op = ACCEL_OP_FETCH_ADD, .len = 8, .dst = VA + OFF_DATA },
	};
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_NOOP,
				   .flags = ACCEL_DESC_COMPLETION,
				   .completion = VA + OFF_COMP + 4 };
	unsigned int i;

	queue_start(f, 0, true);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(wait_comp(submit(f, 0, cases[i])), ACCEL_COMP_REFUSED);
	/* A record at a crooked address is nowhere; the queue lives on. */
	memcpy(f->mem + ring_off(0) + (f->tail[0]++ & 15) * sizeof(desc), &desc, sizeof(desc));
	doorbell(f, 0, f->tail[0]);
	assert_int_equal(run(f, 0, ACCEL_OP_NOOP, 0, 0, 0, 0).status, ACCEL_COMP_SUCCESS);
	assert_int_equal(atomic_load(&f->accel.counters[ACCEL_COUNTER_REFUSED]), i + 1);
}

static void halts(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_NOOP, .flags = ACCEL_DESC_COMPLETION };

	fx_answerer(f, IOASID_RESPONSE_INVALID);
	queue_start_ring(f, 0, true, VA + RAM_SIZE);
	doorbell(f, 0, 1);
	wait_state(f, 0, ACCEL_STATE_HALTED);
	assert_int_equal(queue_error(f, 0), ACCEL_ERROR_RING);
	/* Enabling a halted queue does nothing; disabling ends it. */
	reg_write(f, queue_reg(0, ACCEL_QUEUE_CONTROL), 3, 4);
	assert_int_equal(queue_state(f, 0), ACCEL_STATE_HALTED);
	queue_stop(f, 0);
	queue_start(f, 0, true);
	doorbell(f, 0, 17);
	wait_state(f, 0, ACCEL_STATE_HALTED);
	assert_int_equal(queue_error(f, 0), ACCEL_ERROR_OVERRUN);
	queue_stop(f, 0);
	queue_start(f, 0, true);
	desc.completion = VA + RAM_SIZE;
	memcpy(f->mem + ring_off(0), &desc, sizeof(desc));
	doorbell(f, 0, 1);
	wait_state(f, 0, ACCEL_STATE_HALTED);
	assert_int_equal(queue_error(f, 0), ACCEL_ERROR_COMPLETION);
	queue_stop(f, 0);
	/* Without bus mastering nothing is sent. */
	queue_start(f, 0, true);
	fx_pci(f, PCI_COMMAND, PCI_COMMAND_MEMORY);
	doorbell(f, 0, 1);
	wait_state(f, 0, ACCEL_STATE_HALTED);
}

/* A row of anything; whatever comes out, RAM beyond what the table maps is never touched. */
static void random_descriptors(void **state)
{
	struct fixture *f = *state;
	uint8_t *guard = f->mem + RAM_SIZE - 0x1000;
	struct accel_desc desc;
	unsigned int seed = 4711, i, k;
	uint64_t places[] = { VA + OFF_DATA, VA + RAM_SIZE - 64, 0, ~0ULL, 1ULL << 47, VA - 8 };

	fx_answerer(f, IOASID_RESPONSE_INVALID);
	memset(guard, 0xa5, 0x1000);
	*fx_pte(f, RAM_SIZE - 0x1000) = 0;
	queue_start(f, 0, true);
	for (i = 0; i < 3000; i++) {
		for (k = 0; k < sizeof(desc); k++)
			((uint8_t *)&desc)[k] = rand_r(&seed) >> 8;
		desc.op = rand_r(&seed) % (ACCEL_NR_OPS + 1);
		desc.flags &= ACCEL_DESC_FLAGS;
		desc.len = rand_r(&seed) % 3 ? rand_r(&seed) % 70000U : desc.len;
		desc.src = places[rand_r(&seed) % 6] + rand_r(&seed) % 5000;
		desc.dst = places[rand_r(&seed) % 6] + rand_r(&seed) % 5000;
		if (rand_r(&seed) % 8)
			desc.reserved = desc.reserved2[0] = desc.reserved2[1] = 0;
		assert_true(wait_comp(submit(f, 0, desc)) != ACCEL_COMP_PENDING);
	}
	for (k = 0; k < 0x1000; k++)
		assert_int_equal(guard[k], 0xa5);
}

static void doorbells(void **state)
{
	struct fixture *f = *state;
	uint32_t words[3] = { 5, 5, 5 }, v[4];

	/* A queue that is off, and places of the page where nothing is. */
	accel_region_write(&f->accel, ACCEL_BAR_DOORBELL, 0, words, 12);
	accel_region_write(&f->accel, ACCEL_BAR_DOORBELL, 0x7ffc, words, 4);
	queue_start(f, 0, true);
	accel_region_read(&f->accel, ACCEL_BAR_DOORBELL, 0, v, 16);
	assert_int_equal(v[0], 0);
	assert_int_equal(v[2], ACCEL_STATE_RUNNING);
	run(f, 0, ACCEL_OP_NOOP, 0, 0, 0, 0);
	usleep(1000);
	accel_region_read(&f->accel, ACCEL_BAR_DOORBELL, 0, v, 16);
	assert_int_equal(v[0], 1);
	assert_int_equal(v[1], 1);
	accel_region_read(&f->accel, ACCEL_BAR_DOORBELL, 0x7ffc, v, 4);
	assert_int_equal(v[0], 0);
}

static void reset_under_load(void **state)
{
	struct fixture *f = *state;
	struct accel_desc desc = { .op = ACCEL_OP_COPY, .len = 256 << 10, .src = VA + OFF_DATA };
	unsigned int round, q, i;

	for (round = 0; round < 20; round++) {
		for (q = 0; q < ACCEL_QUEUES; q++) {
			queue_start(f, q, true);
			desc.dst = VA + OFF_DATA + (1 << 20) + q * desc.len;
			for (i = 0; i < 4; i++)
				submit(f, q, desc);
		}
		usleep(round * 50);
		if (round & 1)
			fx_pci(f, PCI_CAP_EXPRESS + 8, 0x8000); /* FLR */
		else
			accel_reset(&f->accel);
		assert_int_equal(f->resets, round + 1);
		for (q = 0; q < ACCEL_QUEUES; q++)
			assert_int_equal(queue_state(f, q), ACCEL_STATE_IDLE);
		assert_int_equal(atomic_load(&f->accel.functions), 0);
		fx_functions(f);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(registers),
		CASE(enable_refused),
		CASE(running_registers),
		CASE(work),
		CASE(interrupt),
		CASE(unreachable),
		CASE(page_requests),
		CASE(page_request_refused),
		CASE(page_requests_switched_off),
		CASE(stop_while_waiting),
		CASE(reset_while_waiting),
		CASE(malformed),
		CASE(halts),
		CASE(random_descriptors),
		CASE(doorbells),
		CASE(reset_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
