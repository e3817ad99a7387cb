// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Slices of the accelerator without guests: three of one function, two contexts. Registers and portals are
 * driven as guests would. Each context has a memory file as RAM, and a page table in it that the number of
 * its process leads to; addresses are the same in both.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel.h"
#include "live_test.h"
#include "meeting.h"

#define RAM_GPA	   0x100000ULL
#define RAM_SIZE   (4ULL << 20)
#define PASID	   7
#define OTHER	   9 /* a number of the second slice of the first context alone */
#define COOKIE	   1
#define GLOBAL_MIN 1024

#define PTE_P 1ULL
#define PTE_W 2ULL
#define PTE_U 4ULL

/* Places in RAM: tables, ring and records, data. Virtual addresses are VA + the same offset. */
#define OFF_TABLES 0x0
#define OFF_RING   0x8000
#define OFF_COMP   0xa000
#define OFF_SRC	   0x10000
#define OFF_DST	   0x20000
#define OFF_HOLE   0x200000
#define VA	   0x7f0000000000ULL
#define RING_LG2   4
#define QUEUE	   2

/** struct guest - a context with one slice or two */
struct guest {
	struct ioasid *ctx;
	uint32_t gpa, user[2];
	struct ioasid_vm *vm;
	struct guest_ram ram;
	uint8_t *mem;
	struct accel accel[2];
	struct ioasid_dev *dev[2];
	unsigned int slices, exits, slow_us; /* how long a page request takes to leave */
	int exit_rc; /* what the VMM does about a number that CPUs miss; 0: map it */
};

struct fixture {
	struct ioasid_host *host;
	struct ioasid_hostdev *parent;
	struct guest guest[2];
	struct meeting meeting;
};

/* ---- fixture --------------------------------------------------------------------------------- */

static int fx_map(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable live_unused)
{
	struct guest *g = opaque;

	return ioasid_map(g->ctx, g->gpa, gpa, (uintptr_t)ptr, size,
			  IOASID_MAP_READ | IOASID_MAP_WRITE);
}

static void fx_unmap(void *opaque, uint64_t gpa, uint64_t size)
{
	struct guest *g = opaque;

	assert_int_equal(ioasid_unmap(g->ctx, g->gpa, gpa, size, NULL), 0);
}

static const struct guest_ram_ops fx_ram_ops = { .map = fx_map, .unmap = fx_unmap };

static int fx_exit(void *opaque, uint32_t vpasid)
{
	struct guest *g = opaque;

	g->exits++;
	return g->exit_rc ?: ioasid_cpu_pasid_map(g->ctx, vpasid);
}

static void fx_page_requested(void *opaque)
{
	usleep(((struct guest *)opaque)->slow_us);
}

static uint64_t *fx_pte(struct guest *g, uint64_t off)
{
	return (uint64_t *)(g->mem + OFF_TABLES + 0x3000) + off / 4096;
}

static void fx_tables(struct guest *g)
{
	uint64_t *t = (uint64_t *)(g->mem + OFF_TABLES), flags = PTE_P | PTE_W | PTE_U, off;

	t[VA >> 39 & 511] = (RAM_GPA + 0x1000) | flags;
	t[512 + (VA >> 30 & 511)] = (RAM_GPA + 0x2000) | flags;
	t[1024 + (VA >> 21 & 511)] = (RAM_GPA + 0x3000) | flags;
	t[1024 + (VA >> 21 & 511) + 1] = (RAM_GPA + 0x4000) | flags;
	for (off = 0; off < OFF_HOLE; off += 4096)
		*fx_pte(g, off) = (RAM_GPA + off) | flags;
}

static void fx_ram(struct guest *g)
{
	int fd = memfd_create("ram", MFD_ALLOW_SEALING);

	guest_ram_init(&g->ram, RAM_SIZE, &fx_ram_ops, g);
	assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(guest_ram_add(&g->ram, RAM_GPA, RAM_SIZE, fd, 0, true), 0);
	close(fd);
	g->mem = guest_ram_ptr(&g->ram, RAM_GPA, RAM_SIZE, true);
	fx_tables(g);
}

static void fx_pci(struct accel *accel)
{
	static const struct {
		uint16_t offset, value;
	} on[] = {
		{ PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER },
		{ PCI_CAP_PASID + 6, PCI_PASID_ENABLE },
		{ PCI_CAP_PRI + 4, PCI_PRI_ENABLE },
		{ PCI_CAP_ATS + 6, PCI_ATS_ENABLE },
	};
	unsigned int i;

	for (i = 0; i < 4; i++)
		accel_region_write(accel, VFIO_USER_CONFIG, on[i].offset, &on[i].value, 2);
}

static void fx_slice(struct fixture *f, struct guest *g, unsigned int i, unsigned int nr)
{
	static const struct vfio_user_ops no_ops;
	struct accel_config config = { .devfn = 0x20,
				       .ram = &g->ram,
				       .enqcmd_exit = fx_exit,
				       .page_requested = fx_page_requested,
				       .parent = f->parent,
				       .vm = g->vm,
				       .slice = nr,
				       .nr_slices = 3,
				       .opaque = g };
	char name[16];

	snprintf(name, sizeof(name), "slice.%u", nr % 100);
	assert_int_equal(accel_init(&g->accel[i], &config, f->host, name), 0);
	vfio_user_dev_init(&g->accel[i].vfio, &no_ops, g);
	g->accel[i].vfio.nr_vectors = ACCEL_QUEUES;
	assert_int_equal(ioasid_dev_open(g->ctx, name, &g->dev[i]), 0);
	assert_int_equal(ioasid_dev_bind(g->dev[i], g->ctx, COOKIE + i), 0);
	assert_int_equal(ioasid_dev_attach(g->dev[i], g->gpa, 0), 0);
	fx_pci(&g->accel[i]);
}

/* @pasid of a device leads to the table in RAM. */
static void fx_bind(struct guest *g, unsigned int i, uint32_t pasid)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = RAM_GPA + OFF_TABLES };

	assert_int_equal(ioasid_alloc_user_table(g->ctx, g->gpa, &table, &g->user[i]), 0);
	assert_int_equal(ioasid_dev_attach_pasid(g->dev[i], g->user[i], pasid, 0), 0);
}

static void fx_guest(struct fixture *f, struct guest *g, unsigned int slices)
{
	unsigned int i;

	assert_int_equal(ioasid_open("inproc:slices", &g->ctx), 0);
	assert_int_equal(ioasid_alloc_kernel(g->ctx, &g->gpa), 0);
	fx_ram(g);
	assert_int_equal(ioasid_vm_create(f->host, &g->vm), 0);
	for (i = 0; i < slices; i++)
		fx_slice(f, g, i, g == f->guest ? i : 2);
	g->slices = slices;
	assert_int_equal(ioasid_hwid_set_global_min(g->ctx, GLOBAL_MIN), 0);
	assert_int_equal(ioasid_cpu_pasid_enable(g->ctx, ioasid_vm_fd(g->vm)), 0);
	fx_bind(g, 0, PASID);
}

static int setup(void **state)
{
	static struct fixture f;
	struct ioasid_hostdev_config parent = { .size = sizeof(parent),
						.name = "function",
						.rid = 0x20,
						.dev_class = IOASID_CLASS_PDEV_DMWR,
						.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
						.pasid_bits = 20,
						.group = IOASID_INVALID };

	memset(&f, 0, sizeof(f));
	assert_int_equal(ioasid_host_create("slices", NULL, &f.host), 0);
	assert_int_equal(ioasid_hostdev_create(f.host, &parent, &f.parent), 0);
	fx_guest(&f, &f.guest[0], 2);
	fx_bind(&f.guest[0], 1, OTHER);
	fx_guest(&f, &f.guest[1], 1);
	*state = &f;
	return 0;
}

static void fx_guest_end(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < g->slices; i++) {
		ioasid_dev_close(g->dev[i]);
		accel_destroy(&g->accel[i]);
		vfio_user_dev_destroy(&g->accel[i].vfio);
	}
	ioasid_vm_destroy(g->vm);
	guest_ram_destroy(&g->ram);
	ioasid_close(g->ctx);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fx_guest_end(&f->guest[0]);
	fx_guest_end(&f->guest[1]);
	ioasid_hostdev_destroy(f->parent);
	ioasid_host_put(f->host);
	return 0;
}

/* ---- the driver's side ----------------------------------------------------------------------- */

/* The page request that a queue waits for, or -1. */
static int group_of(struct accel_queue *q)
{
	int group;

	pthread_mutex_lock(&q->lock);
	group = q->group;
	pthread_mutex_unlock(&q->lock);
	return group;
}

/* May it still send something? */
static bool sending(struct accel_queue *q)
{
	bool value;

	pthread_mutex_lock(&q->lock);
	value = q->sending;
	pthread_mutex_unlock(&q->lock);
	return value;
}

static uint32_t reg_read(struct accel *accel, uint64_t off)
{
	uint32_t v;

	assert_int_equal(accel_region_read(accel, ACCEL_BAR_REGS, off, &v, 4), 0);
	return v;
}

static void reg_write(struct accel *accel, uint64_t off, uint64_t value, unsigned int size)
{
	assert_int_equal(accel_region_write(accel, ACCEL_BAR_REGS, off, &value, size), 0);
}

static uint64_t queue_reg(uint64_t off)
{
	return ACCEL_REG_QUEUE + QUEUE * ACCEL_QUEUE_STRIDE + off;
}

static uint32_t queue_state(struct accel *accel)
{
	return ACCEL_STATUS_STATE(reg_read(accel, queue_reg(ACCEL_QUEUE_STATUS)));
}

static uint32_t queue_error(struct accel *accel)
{
	return ACCEL_STATUS_ERROR(reg_read(accel, queue_reg(ACCEL_QUEUE_STATUS)));
}

static uint32_t queue_pasid(struct accel *accel)
{
	return reg_read(accel, queue_reg(ACCEL_QUEUE_PASID));
}

static void wait_state(struct accel *accel, uint32_t state)
{
	unsigned int ms;

	for (ms = 0; ms < 5000 && queue_state(accel) != state; ms++)
		usleep(1000);
	assert_int_equal(queue_state(accel), state);
}

static void queue_enable(struct accel *accel, uint32_t pasid)
{
	reg_write(accel, queue_reg(ACCEL_QUEUE_PASID), pasid, 4);
	reg_write(accel, queue_reg(ACCEL_QUEUE_RING_LG2), RING_LG2, 4);
	reg_write(accel, queue_reg(ACCEL_QUEUE_RING_BASE), VA + OFF_RING, 8);
	reg_write(accel, queue_reg(ACCEL_QUEUE_CONTROL), ACCEL_CONTROL_ENABLE | ACCEL_CONTROL_PASID,
		  4);
}

static void queue_stop(struct accel *accel)
{
	reg_write(accel, queue_reg(ACCEL_QUEUE_CONTROL), 0, 4);
	wait_state(accel, ACCEL_STATE_IDLE);
}

static struct accel_comp *comp_at(struct guest *g, unsigned int n)
{
	return (struct accel_comp *)(g->mem + OFF_COMP) + n;
}

static uint32_t wait_comp(const struct accel_comp *comp)
{
	unsigned int i;

	for (i = 0; i < 50000 && !__atomic_load_n(&comp->status, __ATOMIC_ACQUIRE); i++)
		usleep(100);
	return comp->status;
}

/* Descriptor 0 of the queue's ring: copy OFF_SRC to OFF_DST. */
static void queue_submit(struct guest *g, struct accel *accel, uint64_t dst, uint32_t len)
{
	struct accel_desc desc = { .op = ACCEL_OP_COPY,
				   .flags = ACCEL_DESC_COMPLETION,
				   .len = len,
				   .src = VA + OFF_SRC,
				   .dst = VA + dst,
				   .completion = VA + OFF_COMP };
	uint32_t tail = 1;

	memset(comp_at(g, 0), 0, sizeof(struct accel_comp));
	memcpy(g->mem + OFF_RING, &desc, sizeof(desc));
	accel_region_write(accel, ACCEL_BAR_DOORBELL, QUEUE * ACCEL_DOORBELL_STRIDE, &tail, 4);
}

static struct accel_portal_desc portal_copy(uint64_t dst, uint32_t len, unsigned int comp)
{
	return (struct accel_portal_desc){ .op = ACCEL_OP_COPY,
					   .flags = ACCEL_DESC_COMPLETION,
					   .len = len,
					   .src = VA + OFF_SRC,
					   .dst = VA + dst,
					   .completion = VA + OFF_COMP +
							 comp * sizeof(struct accel_comp) };
}

/* The operand in pieces of @piece bytes, last one first: the order is nobody's business. */
static void portal_lay(struct accel *accel, unsigned int portal,
		       const struct accel_portal_desc *desc, unsigned int piece)
{
	uint64_t at = ACCEL_PORTAL_PAGE(portal);
	unsigned int off;

	for (off = sizeof(*desc); off; off -= piece)
		accel_region_write(accel, ACCEL_BAR_DOORBELL, at + off - piece,
				   (const uint8_t *)desc + off - piece, piece);
}

static uint32_t portal_answer(struct accel *accel, unsigned int portal)
{
	uint32_t v;

	accel_region_read(accel, ACCEL_BAR_DOORBELL,
			  ACCEL_PORTAL_PAGE(portal) + ACCEL_PORTAL_ANSWER, &v, 4);
	return v;
}

static uint32_t enqcmd(struct accel *accel, unsigned int portal, uint32_t ia32_pasid,
		       struct accel_portal_desc desc)
{
	uint32_t one = 1;

	desc.pasid = ia32_pasid;
	portal_lay(accel, portal, &desc, 8);
	accel_region_write(accel, ACCEL_BAR_DOORBELL,
			   ACCEL_PORTAL_PAGE(portal) + ACCEL_PORTAL_COMMIT, &one, 4);
	return ACCEL_PORTAL_RESULT(portal_answer(accel, portal));
}

static uint32_t events(struct accel *accel, enum accel_event event)
{
	return atomic_load(&accel->events[event]);
}

static void patterns(struct fixture *f)
{
	memset(f->guest[0].mem + OFF_SRC, 0x11, 8192);
	memset(f->guest[1].mem + OFF_SRC, 0x22, 8192);
}

static bool all(const uint8_t *mem, uint8_t value, size_t len)
{
	return mem[0] == value && !memcmp(mem, mem + 1, len - 1);
}

/* ---- dedicated queues --------------------------------------------------------------------------- */

static void mediated(void **state)
{
	static const uint32_t foreign[] = { 1,	   OTHER,   1023,     1024,	  32768,
					    32769, 0xfffff, 0x100007, 0x80000007, ~0U };
	struct fixture *f = *state;
	struct accel *a = &f->guest[0].accel[0], *b = &f->guest[1].accel[0];
	unsigned int i;

	assert_true(reg_read(a, ACCEL_REG_CAPS) & ACCEL_CAP_PORTAL);
	reg_write(a, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	reg_write(b, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	assert_int_equal(queue_pasid(a), PASID);
	assert_int_equal(queue_pasid(b), PASID);
	/* Equal to the guests, different on the wire, and neither what a guest can write. */
	assert_true(a->queues[QUEUE].wire >= 32768 && b->queues[QUEUE].wire >= 32768);
	assert_int_not_equal(a->queues[QUEUE].wire, b->queues[QUEUE].wire);
	for (i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		reg_write(a, queue_reg(ACCEL_QUEUE_PASID), foreign[i], 4);
		assert_int_equal(queue_pasid(a), PASID);
		assert_int_equal(queue_error(a), ACCEL_ERROR_PASID);
		assert_int_equal(queue_state(a), ACCEL_STATE_IDLE);
	}
	reg_write(a, queue_reg(ACCEL_QUEUE_PASID), b->queues[QUEUE].wire, 4);
	assert_int_equal(queue_pasid(a), PASID);
	assert_int_equal(events(a, ACCEL_EVENT_REFUSED), i + 1);
	reg_write(a, queue_reg(ACCEL_QUEUE_PASID), 0, 4);
	assert_int_equal(queue_pasid(a), 0);
	assert_int_equal(queue_error(a), ACCEL_ERROR_NONE);
	/* Without a number there is nothing to send with. */
	queue_enable(a, 1);
	assert_int_equal(queue_state(a), ACCEL_STATE_HALTED);
	assert_int_equal(queue_error(a), ACCEL_ERROR_CONFIG);
	queue_stop(a);
}

static void own_memory_only(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	patterns(f);
	for (i = 0; i < 2; i++) {
		queue_enable(&f->guest[i].accel[0], PASID);
		queue_submit(&f->guest[i], &f->guest[i].accel[0], OFF_DST, 8192);
		assert_int_equal(wait_comp(comp_at(&f->guest[i], 0)), ACCEL_COMP_SUCCESS);
		assert_true(all(f->guest[i].mem + OFF_DST, i ? 0x22 : 0x11, 8192));
		if (!i)
			assert_true(all(f->guest[1].mem + OFF_DST, 0, 8192));
		queue_stop(&f->guest[i].accel[0]);
	}
}

/* ---- portals ------------------------------------------------------------------------------------- */

static void portal_protocol(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	struct accel_portal_desc desc = portal_copy(OFF_DST, 4096, 1);
	uint32_t one = 1;

	patterns(f);
	desc.pasid = PASID | ACCEL_PORTAL_VALID;
	portal_lay(a, 3, &desc, 4);
	/* What lies there is nothing yet, and bytes or halves of words are not laid down. */
	accel_region_write(a, ACCEL_BAR_DOORBELL, ACCEL_PORTAL_PAGE(3) + 2, &one, 2);
	assert_int_equal(portal_answer(a, 3), 0);
	assert_int_equal(reg_read(a, ACCEL_REG_QUEUE + 3 * ACCEL_QUEUE_STRIDE + ACCEL_QUEUE_PORTAL),
			 0);
	accel_region_write(a, ACCEL_BAR_DOORBELL, ACCEL_PORTAL_PAGE(3) + ACCEL_PORTAL_COMMIT, &one,
			   4);
	assert_int_equal(portal_answer(a, 3), ACCEL_ANSWER_ACCEPTED | 1 << 8);
	assert_int_equal(wait_comp(comp_at(g, 1)), ACCEL_COMP_SUCCESS);
	assert_true(all(g->mem + OFF_DST, 0x11, 4096));
	assert_true(all(f->guest[1].mem + OFF_DST, 0, 4096));
	/* The page is as it was: committing again is the same instruction again. */
	memset(comp_at(g, 1), 0, sizeof(struct accel_comp));
	accel_region_write(a, ACCEL_BAR_DOORBELL, ACCEL_PORTAL_PAGE(3) + ACCEL_PORTAL_COMMIT, &one,
			   4);
	assert_int_equal(portal_answer(a, 3), ACCEL_ANSWER_ACCEPTED | 2 << 8);
	assert_int_equal(wait_comp(comp_at(g, 1)), ACCEL_COMP_SUCCESS);
	/* Another page is another one's. */
	assert_int_equal(portal_answer(a, 4), 0);
	/* Reserved fields are refused where they always are. */
	desc.reserved3 = 1;
	memset(comp_at(g, 1), 0, sizeof(struct accel_comp));
	assert_int_equal(enqcmd(a, 0, PASID | ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(wait_comp(comp_at(g, 1)), ACCEL_COMP_REFUSED);
}

static void portal_numbers(void **state)
{
	static const uint32_t gp[] = { 0, PASID, PASID | 1U << 30, PASID | 1U << 20 };
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	struct accel_portal_desc desc = portal_copy(OFF_DST, 64, 0);
	unsigned int i;

	for (i = 0; i < sizeof(gp) / sizeof(*gp); i++)
		assert_int_equal(enqcmd(a, 0, gp[i] | (i > 1 ? ACCEL_PORTAL_VALID : 0), desc),
				 ACCEL_ANSWER_GP);
	/* Nobody told the CPUs: they ask, get a translation, execute again; once. */
	assert_int_equal(enqcmd(a, 0, PASID | ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(g->exits, 1);
	assert_int_equal(events(a, ACCEL_EVENT_ENTERED), 1);
	assert_int_equal(enqcmd(a, 1, PASID | ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(g->exits, 1);
	/* What has no route gets none, and neither does what is on the wire elsewhere. */
	reg_write(&f->guest[1].accel[0], queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	assert_int_equal(enqcmd(a, 0, f->guest[1].accel[0].queues[QUEUE].wire | ACCEL_PORTAL_VALID,
				desc),
			 ACCEL_ANSWER_EXIT);
	assert_int_equal(enqcmd(a, 0, 8 | ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_EXIT);
	assert_int_equal(enqcmd(a, 0, ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_EXIT);
	assert_int_equal(g->exits, 4);
	assert_int_equal(events(a, ACCEL_EVENT_ENTERED), 1);
	/* A VMM that does not want to. */
	g->exit_rc = -EPERM;
	assert_int_equal(ioasid_cpu_pasid_unmap(g->ctx, PASID), 0);
	assert_int_equal(enqcmd(a, 0, PASID | ACCEL_PORTAL_VALID, desc), ACCEL_ANSWER_EXIT);
}

/* The CPUs translate for the whole guest; whose number it is, the allow list of the slice says. */
static void allow_list(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel_portal_desc desc = portal_copy(OFF_DST, 64, 0);

	assert_int_equal(enqcmd(&g->accel[1], 0, OTHER | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(wait_comp(comp_at(g, 0)), ACCEL_COMP_SUCCESS);
	assert_int_equal(enqcmd(&g->accel[0], 0, OTHER | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_RETRY);
	assert_int_equal(enqcmd(&g->accel[1], 0, PASID | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_RETRY);
}

static void portal_closed(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel_portal_desc desc = portal_copy(OFF_DST, 64, 0);

	assert_int_equal(enqcmd(&g->accel[0], 0, PASID | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_ACCEPTED);
	reg_write(&g->accel[0], queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	/* Off: numbers go out as they are, and nobody takes them, not even the right one. */
	assert_int_equal(ioasid_cpu_pasid_disable(g->ctx), 0);
	assert_int_equal(enqcmd(&g->accel[0], 0, PASID | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_RETRY);
	assert_int_equal(enqcmd(&g->accel[0], 0,
				g->accel[0].queues[QUEUE].wire | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_RETRY);
	assert_int_equal(ioasid_cpu_pasid_enable(g->ctx, -1), 0);
	assert_int_equal(enqcmd(&g->accel[0], 0, PASID | ACCEL_PORTAL_VALID, desc),
			 ACCEL_ANSWER_ACCEPTED);
}

/* The queue stands at a page that nobody brings: what comes after waits, as many as there is room for. */
static void stuck_with(struct guest *g, uint32_t pasid)
{
	assert_true(ioasid_fault_open(g->ctx, 0) >= 0);
	assert_int_equal(enqcmd(&g->accel[0], 1, pasid | ACCEL_PORTAL_VALID,
				portal_copy(OFF_HOLE, 4096, 2)),
			 ACCEL_ANSWER_ACCEPTED);
	while (group_of(&g->accel[0].shared.q) < 0)
		usleep(100);
}

static void stuck(struct guest *g)
{
	stuck_with(g, PASID);
}

static uint32_t portal_left(struct accel *a, unsigned int portal)
{
	return reg_read(a, ACCEL_REG_QUEUE + portal * ACCEL_QUEUE_STRIDE + ACCEL_QUEUE_PORTAL);
}

static void portal_full_and_stopped(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	struct ioasid_fault fault;
	unsigned int n = 0, ms;

	stuck(g);
	while (enqcmd(a, n % 2 ? 3 : 2, PASID | ACCEL_PORTAL_VALID,
		      portal_copy(OFF_DST, 64, n % 2 ? 3 : 4)) == ACCEL_ANSWER_ACCEPTED)
		n++;
	assert_int_equal(n, ACCEL_SHARED_SIZE);
	assert_int_equal(portal_answer(a, 2), ACCEL_ANSWER_RETRY | (n / 2 + 1) << 8);
	assert_int_equal(portal_left(a, 1), 1);
	assert_int_equal(portal_left(a, 2), n / 2);
	assert_int_equal(portal_left(a, 3), n / 2);
	/* Of one page alone. */
	reg_write(a, ACCEL_REG_QUEUE + 2 * ACCEL_QUEUE_STRIDE + ACCEL_QUEUE_PORTAL, 0, 4);
	assert_int_equal(portal_left(a, 2), 0);
	assert_int_equal(portal_left(a, 3), n / 2);
	/* The one that is being done still waits for its answer, then it is over. */
	reg_write(a, ACCEL_REG_QUEUE + 1 * ACCEL_QUEUE_STRIDE + ACCEL_QUEUE_PORTAL, 0, 4);
	usleep(20000);
	assert_int_equal(portal_left(a, 1), 1);
	assert_int_equal(ioasid_fault_read(g->ctx, &fault, 1), 1);
	assert_int_equal(fault.vpasid, PASID);
	assert_int_equal(ioasid_page_response(g->ctx, fault.id, IOASID_RESPONSE_SUCCESS), 0);
	for (ms = 0; ms < 5000 && (portal_left(a, 1) || portal_left(a, 3)); ms++)
		usleep(1000);
	assert_int_equal(portal_left(a, 1) + portal_left(a, 3), 0);
	assert_int_equal(comp_at(g, 2)->status, ACCEL_COMP_PENDING);
	assert_int_equal(comp_at(g, 4)->status, ACCEL_COMP_PENDING);
	assert_int_equal(comp_at(g, 3)->status, ACCEL_COMP_SUCCESS);
}

/* One function, one set of page request groups. */
static void groups_apart(void **state)
{
	struct fixture *f = *state;
	unsigned int share = ACCEL_GROUPS / 3;
	struct ioasid_fault fault;

	stuck(&f->guest[0]);
	stuck(&f->guest[1]);
	assert_in_range(group_of(&f->guest[0].accel[0].shared.q), 0, share - 1);
	assert_in_range(group_of(&f->guest[1].accel[0].shared.q), 2 * share, 3 * share - 1);
	/* The answer finds its way: to the slice that asked. */
	assert_int_equal(ioasid_fault_read(f->guest[1].ctx, &fault, 1), 1);
	*fx_pte(&f->guest[1], OFF_HOLE) = (RAM_GPA + OFF_HOLE) | PTE_P | PTE_W | PTE_U;
	assert_int_equal(ioasid_page_response(f->guest[1].ctx, fault.id, IOASID_RESPONSE_SUCCESS),
			 0);
	assert_int_equal(wait_comp(comp_at(&f->guest[1], 2)), ACCEL_COMP_SUCCESS);
	assert_int_equal(comp_at(&f->guest[0], 2)->status, ACCEL_COMP_PENDING);
}

/* ---- the end of a number ---------------------------------------------------------------------------- */

static void number_ends_in_queue(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	uint32_t before;

	queue_enable(a, PASID);
	before = a->queues[QUEUE].wire;
	assert_int_equal(queue_state(a), ACCEL_STATE_RUNNING);
	assert_int_equal(ioasid_clear_hwid(g->ctx, g->user[0], PASID), 0);
	wait_state(a, ACCEL_STATE_HALTED);
	assert_int_equal(queue_error(a), ACCEL_ERROR_PASID);
	assert_int_equal(queue_pasid(a), 0);
	assert_int_equal(a->queues[QUEUE].wire, ACCEL_NO_WIRE);
	/* Work that is given to it now goes nowhere. */
	memset(g->mem + OFF_SRC, 0x33, 64);
	queue_submit(g, a, OFF_DST, 64);
	usleep(20000);
	assert_true(all(g->mem + OFF_DST, 0, 64));
	queue_stop(a);
	reg_write(a, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	assert_int_equal(queue_pasid(a), 0);
	assert_int_equal(ioasid_set_hwid(g->ctx, g->user[0], PASID), 0);
	queue_enable(a, PASID);
	assert_int_equal(queue_state(a), ACCEL_STATE_RUNNING);
	queue_submit(g, a, OFF_DST, 64);
	assert_int_equal(wait_comp(comp_at(g, 0)), ACCEL_COMP_SUCCESS);
	assert_true(a->queues[QUEUE].wire != ACCEL_NO_WIRE && before != ACCEL_NO_WIRE);
	queue_stop(a);
	/* A register that nobody uses forgets, too. */
	assert_int_equal(ioasid_clear_hwid(g->ctx, g->user[0], PASID), 0);
	assert_int_equal(queue_pasid(a), 0);
	assert_int_equal(events(a, ACCEL_EVENT_DRAINED), 2);
}

/* The queue is waiting for a page when its number ends; nobody ever answers. */
static void number_ends_at_a_page_request(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];

	assert_true(ioasid_fault_open(g->ctx, 0) >= 0);
	queue_enable(a, PASID);
	g->slow_us = 100000;
	queue_submit(g, a, OFF_HOLE, 4096);
	while (group_of(&a->queues[QUEUE]) < 0)
		usleep(100);
	assert_int_equal(ioasid_clear_hwid(g->ctx, g->user[0], PASID), 0);
	/* However long it takes: the queue is out of it when the number is. */
	assert_false(sending(&a->queues[QUEUE]));
	wait_state(a, ACCEL_STATE_HALTED);
	assert_int_equal(comp_at(g, 0)->status, ACCEL_COMP_PENDING);
	queue_stop(a);
}

static void number_ends_in_shared_queue(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	unsigned int i, ms;
	bool quiet;

	patterns(f);
	g->slow_us = 100000;
	stuck(g);
	for (i = 0; i < ACCEL_SHARED_SIZE; i++)
		assert_int_equal(enqcmd(a, 3, PASID | ACCEL_PORTAL_VALID,
					portal_copy(OFF_DST, 64, 3)),
				 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(ioasid_clear_hwid(g->ctx, g->user[0], PASID), 0);
	/* Not soon, but now: the number may be somebody else's next. */
	pthread_mutex_lock(&a->shared.lock);
	quiet = !a->shared.nr && !a->shared.sending;
	pthread_mutex_unlock(&a->shared.lock);
	assert_true(quiet);
	for (ms = 0; ms < 5000 && (portal_left(a, 1) || portal_left(a, 3)); ms++)
		usleep(1000);
	assert_int_equal(portal_left(a, 1) + portal_left(a, 3), 0);
	assert_true(all(g->mem + OFF_DST, 0, 64));
	assert_int_equal(comp_at(g, 3)->status, ACCEL_COMP_PENDING);
	assert_int_equal(enqcmd(a, 3, PASID | ACCEL_PORTAL_VALID, portal_copy(OFF_DST, 64, 3)),
			 ACCEL_ANSWER_EXIT);
	/* Other numbers go on. */
	assert_int_equal(enqcmd(&g->accel[1], 3, OTHER | ACCEL_PORTAL_VALID,
				portal_copy(OFF_DST, 64, 3)),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(wait_comp(comp_at(g, 3)), ACCEL_COMP_SUCCESS);
}

/* What waits behind the work of somebody else must not wait on, to go out when its number is another's. */
static void number_ends_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	struct ioasid_fault fault;
	uint32_t first;

	first = g->user[0];
	fx_bind(g, 0, PASID + 1);
	stuck_with(g, PASID + 1);
	assert_int_equal(enqcmd(a, 3, (PASID + 1) | ACCEL_PORTAL_VALID,
				portal_copy(OFF_DST, 64, 3)),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(enqcmd(a, 2, PASID | ACCEL_PORTAL_VALID, portal_copy(OFF_DST, 64, 4)),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(ioasid_clear_hwid(g->ctx, first, PASID), 0);
	assert_int_equal(portal_left(a, 1), 1);
	assert_int_equal(portal_left(a, 2), 0);
	assert_int_equal(portal_left(a, 3), 1);
	*fx_pte(g, OFF_HOLE) = (RAM_GPA + OFF_HOLE) | PTE_P | PTE_W | PTE_U;
	assert_int_equal(ioasid_fault_read(g->ctx, &fault, 1), 1);
	assert_int_equal(ioasid_page_response(g->ctx, fault.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(wait_comp(comp_at(g, 3)), ACCEL_COMP_SUCCESS);
	assert_int_equal(comp_at(g, 2)->status, ACCEL_COMP_SUCCESS);
	assert_int_equal(comp_at(g, 4)->status, ACCEL_COMP_PENDING);
}

/* A function level reset in the midst of work, from either queue; then it works again. */
static void reset(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];
	struct ioasid_info info = { 0 };

	stuck(g);
	queue_enable(a, PASID);
	queue_submit(g, a, OFF_HOLE, 4096);
	accel_reset(a);
	assert_int_equal(portal_left(a, 1), 0);
	assert_int_equal(queue_state(a), ACCEL_STATE_IDLE);
	assert_int_equal(queue_pasid(a), 0);
	/* Routes and numbers are not the function's to forget. */
	assert_int_equal(ioasid_get_info(g->ctx, NULL, 0, &info), 0);
	assert_int_equal(info.ids_live, 2);
	fx_pci(a);
	patterns(f);
	assert_int_equal(enqcmd(a, 1, PASID | ACCEL_PORTAL_VALID, portal_copy(OFF_DST, 64, 3)),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(wait_comp(comp_at(g, 3)), ACCEL_COMP_SUCCESS);
}

/* A context that closes takes its numbers along, whatever is going on. */
static void context_ends(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest[0];
	struct accel *a = &g->accel[0];

	stuck(g);
	queue_enable(a, PASID);
	queue_submit(g, a, OFF_HOLE, 4096);
	ioasid_dev_close(g->dev[0]);
	g->dev[0] = NULL;
	assert_int_equal(portal_left(a, 1), 0);
	assert_int_equal(enqcmd(a, 1, PASID | ACCEL_PORTAL_VALID, portal_copy(OFF_DST, 64, 3)),
			 ACCEL_ANSWER_EXIT);
	reg_write(a, queue_reg(ACCEL_QUEUE_CONTROL), 0, 4);
	wait_state(a, ACCEL_STATE_IDLE);
	reg_write(a, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	assert_int_equal(queue_pasid(a), 0);
}

/* ---- the controls ------------------------------------------------------------------------------------ */

/* Without the checks one guest does reach the other: so the tests above can fail. */
static void without_checks(void **state)
{
	struct fixture *f = *state;
	struct accel *a = &f->guest[0].accel[0], *b = &f->guest[1].accel[0];
	struct guest *victim = &f->guest[1];

	patterns(f);
	reg_write(b, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	a->config.broken = ACCEL_BREAK_MEDIATION;
	queue_enable(a, b->queues[QUEUE].wire);
	assert_int_equal(queue_state(a), ACCEL_STATE_RUNNING);
	queue_submit(victim, a, OFF_DST, 64);
	assert_int_equal(wait_comp(comp_at(victim, 0)), ACCEL_COMP_SUCCESS);
	assert_true(all(victim->mem + OFF_DST, 0x22, 64));
	queue_stop(a);
	a->config.broken = ACCEL_BREAK_PORTAL;
	assert_int_equal(enqcmd(a, 1, b->queues[QUEUE].wire | ACCEL_PORTAL_VALID,
				portal_copy(OFF_DST + 4096, 64, 1)),
			 ACCEL_ANSWER_ACCEPTED);
	assert_int_equal(wait_comp(comp_at(victim, 1)), ACCEL_COMP_SUCCESS);
	assert_true(all(victim->mem + OFF_DST + 4096, 0x22, 64));
}

/* ---- where guests meet ------------------------------------------------------------------------------- */

struct held {
	pthread_t thread;
	struct meeting_member *member;
	uint32_t result;
};

static void *hold(void *arg)
{
	struct held *h = arg;

	h->result = meeting_read(h->member, ACCEL_MEET_HOLD);
	return NULL;
}

static uint32_t held(struct fixture *f, uint64_t change, bool leave)
{
	struct held h = { .member = &f->meeting.members[0] };
	struct meeting_member *other = &f->meeting.members[1];

	meeting_write(h.member, ACCEL_MEET_STAGE, 1);
	meeting_write(other, ACCEL_MEET_STAGE, 1);
	assert_int_equal(pthread_create(&h.thread, NULL, hold, &h), 0);
	while (meeting_read(other, ACCEL_MEET_OTHERS) != 0x101)
		usleep(1000);
	if (change)
		f->guest[0].mem[change] ^= 1;
	if (leave)
		meeting_leave(other);
	else
		meeting_write(other, ACCEL_MEET_STAGE, 2);
	pthread_join(h.thread, NULL);
	return h.result;
}

static void meet(void **state)
{
	struct fixture *f = *state;
	struct meeting_member *m = f->meeting.members;
	unsigned int i;

	meeting_init(&f->meeting, 2);
	for (i = 0; i < 2; i++) {
		m[i].accel = &f->guest[i].accel[0];
		m[i].ram = &f->guest[i].ram;
	}
	meeting_write(&m[0], ACCEL_MEET_STAGE, 5);
	/* Who never came is at the beginning. */
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_STAGE), 0);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_OTHERS), 0);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_HOLD), ACCEL_HOLD_NONE);
	meeting_write(&m[1], ACCEL_MEET_STAGE, 3);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_STAGE), 3);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_OTHERS), 1);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_HINTS), ACCEL_NO_WIRE & 0);
	reg_write(m[1].accel, queue_reg(ACCEL_QUEUE_PASID), PASID, 4);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_HINTS), m[1].accel->queues[QUEUE].wire);
	assert_int_equal(held(f, 0, false), ACCEL_HOLD_SAME);
	/* One bit, anywhere. */
	assert_int_equal(held(f, RAM_SIZE - 1, false), ACCEL_HOLD_CHANGED);
	assert_int_equal(held(f, 1, false), ACCEL_HOLD_CHANGED);
	assert_int_equal(held(f, 0, true), ACCEL_HOLD_SAME);
	assert_int_equal(meeting_read(&m[0], ACCEL_MEET_STAGE), 1);
	assert_int_equal(f->meeting.held_same, 2);
	assert_int_equal(f->meeting.held_changed, 2);
	meeting_destroy(&f->meeting);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(mediated),
		CASE(own_memory_only),
		CASE(portal_protocol),
		CASE(portal_numbers),
		CASE(allow_list),
		CASE(portal_closed),
		CASE(portal_full_and_stopped),
		CASE(groups_apart),
		CASE(number_ends_in_queue),
		CASE(number_ends_at_a_page_request),
		CASE(number_ends_in_shared_queue),
		CASE(number_ends_while_waiting),
		CASE(reset),
		CASE(context_ends),
		CASE(without_checks),
		CASE(meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
