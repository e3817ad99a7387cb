// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The model device with work queues, on a memory of its own with a fence around it. */
#include "enqcmd/wq.h"
#include "tests/unit/ut.h"
#include "tests/unit/ut_thread.h"

#define MEM	 (64U << 10)
#define WIRE	 100 /* guest's n is n + WIRE on the wire */
#define NR_KNOWN 16
#define VALID	 IOASID_WQ_PASID_VALID
#define DONE_AT	 0x8000U /* completion records of the cases */

/**
 * struct rig - a device and its home
 * @mem: what all its PASIDs reach
 * @known: guest's numbers with a route; @allowed: numbers on the wire that are the device's
 * @blocked_from: accesses from here on fail
 * @last_wire, @last_priv, @accesses: what was sent
 * @gate: the next access waits there; @entered: it has come
 */
struct rig {
	struct wq_dev *wq;
	u8 *mem;
	bool known[NR_KNOWN];
	bool allowed[WIRE + NR_KNOWN];
	u64 blocked_from;
	u32 last_wire;
	bool last_priv;
	u32 accesses;
	u32 works;
	u32 nr_drained;
	u32 drained;
	bool gated;
	struct completion gate;
	struct completion entered;
};

/* ---- the home ------------------------------------------------------------------------------------ */

static int rig_to_wire(void *opaque, u32 vpasid, u32 *ppasid)
{
	struct rig *rig = opaque;

	if (vpasid >= NR_KNOWN || !rig->known[vpasid])
		return -ENOENT;
	*ppasid = vpasid + WIRE;
	return 0;
}

static bool rig_allows(void *opaque, u32 ppasid)
{
	struct rig *rig = opaque;

	return ppasid < ARRAY_SIZE(rig->allowed) && rig->allowed[ppasid];
}

static int rig_access(struct rig *rig, u32 ppasid, bool priv, u64 addr, size_t len, u64 *fault_addr)
{
	if (rig->gated) {
		rig->gated = false;
		complete(&rig->entered);
		wait_for_completion(&rig->gate);
	}
	rig->accesses++;
	rig->last_wire = ppasid;
	rig->last_priv = priv;
	if (addr <= rig->blocked_from && len <= rig->blocked_from - addr)
		return 0;
	*fault_addr = max(addr, rig->blocked_from);
	return -EFAULT;
}

static int rig_read(void *opaque, u32 ppasid, bool priv, u64 addr, void *buf, size_t len,
		    u64 *fault_addr)
{
	struct rig *rig = opaque;
	int rc = rig_access(rig, ppasid, priv, addr, len, fault_addr);

	if (!rc)
		memcpy(buf, rig->mem + addr, len);
	return rc;
}

static int rig_write(void *opaque, u32 ppasid, bool priv, u64 addr, const void *buf, size_t len,
		     u64 *fault_addr)
{
	struct rig *rig = opaque;
	int rc = rig_access(rig, ppasid, priv, addr, len, fault_addr);

	if (!rc)
		memcpy(rig->mem + addr, buf, len);
	return rc;
}

static void rig_work(void *opaque)
{
	((struct rig *)opaque)->works++;
}

static void rig_drained(void *opaque, u32 ppasid)
{
	struct rig *rig = opaque;

	rig->nr_drained++;
	rig->drained = ppasid;
}

static const struct wq_ops rig_ops = {
	.to_wire = rig_to_wire,
	.allows = rig_allows,
	.read = rig_read,
	.write = rig_write,
	.work = rig_work,
	.drained = rig_drained,
};

/* Two dedicated queues (0, 1) and two shared ones (2, 3) of four descriptors, started, portal open. */
static struct rig *rig_new(void)
{
	const struct wq_config config = { .nr_dedicated = 2, .nr_shared = 2, .size = 4 };
	struct rig *rig = kzalloc(sizeof(*rig), GFP_KERNEL);
	u32 i;

	ut_assert(rig);
	rig->mem = kvcalloc(MEM, 1, GFP_KERNEL);
	ut_assert(rig->mem);
	rig->blocked_from = MEM;
	for (i = 1; i < 8; i++) {
		rig->known[i] = true;
		rig->allowed[WIRE + i] = true;
	}
	init_completion(&rig->gate);
	init_completion(&rig->entered);
	rig->wq = wq_create(&config, &rig_ops, rig);
	ut_assert(!IS_ERR(rig->wq));
	wq_start(rig->wq);
	wq_portal_open(rig->wq);
	return rig;
}

static void rig_free(struct rig *rig)
{
	wq_destroy(rig->wq);
	destroy_completion(&rig->gate);
	destroy_completion(&rig->entered);
	kvfree(rig->mem);
	kfree(rig);
}

/* ---- short words ------------------------------------------------------------------------------------ */

static u32 reg(struct rig *rig, u32 offset)
{
	u32 value = 0xdead;

	ut_assert_eq(wq_reg_read(rig->wq, offset, &value), 0);
	return value;
}

static u32 qreg(struct rig *rig, u32 queue, u32 r)
{
	return reg(rig, IOASID_WQ_QUEUE(queue) + r);
}

static int set(struct rig *rig, u32 queue, u32 r, u32 value)
{
	return wq_reg_write(rig->wq, IOASID_WQ_QUEUE(queue) + r, value);
}

static u32 waiting(struct rig *rig, u32 queue)
{
	return qreg(rig, queue, IOASID_WQ_REG_COUNT);
}

static u32 last_error(struct rig *rig)
{
	u32 error = reg(rig, IOASID_WQ_REG_ERROR);

	ut_assert_eq(wq_reg_write(rig->wq, IOASID_WQ_REG_ERROR, 77), 0);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_NONE);
	return error;
}

static void enable(struct rig *rig, u32 queue)
{
	ut_assert_eq(set(rig, queue, IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
}

/* A dedicated queue that sends with @vpasid; 0: without. */
static void dedicate(struct rig *rig, u32 queue, u32 vpasid)
{
	ut_assert_eq(set(rig, queue, IOASID_WQ_REG_PASID, vpasid ? VALID | vpasid : 0), 0);
	enable(rig, queue);
}

static enum wq_answer put(struct rig *rig, u32 queue, const struct ioasid_wq_desc *d)
{
	return wq_portal_store(rig->wq, queue, 0, d, sizeof(*d),
			       queue < 2 ? WQ_STORE_MOVDIR64B : WQ_STORE_DMWR);
}

/* A NOP by which its completion record tells when it was executed. */
static struct ioasid_wq_desc mark(u32 pasid, u64 completion)
{
	return (struct ioasid_wq_desc){ .pasid = pasid, .completion = completion };
}

static u32 status_at(const struct rig *rig, u64 at)
{
	struct ioasid_wq_completion c;

	memcpy(&c, rig->mem + at, sizeof(c));
	ut_assert_eq(c.__reserved, 0);
	return c.status;
}

static u64 address_at(const struct rig *rig, u64 at)
{
	struct ioasid_wq_completion c;

	memcpy(&c, rig->mem + at, sizeof(c));
	return c.address;
}

/* ---- shape and registers ------------------------------------------------------------------------------ */

UT_CASE(shapes)
{
	static const struct {
		struct wq_config config;
		int rc;
	} all[] = {
		{ { 0, 0, 4 }, -EINVAL },   { { 1, 0, 0 }, 0 },		{ { 0, 16, 1024 }, 0 },
		{ { 0, 17, 4 }, -EINVAL },  { { 17, 0, 4 }, -EINVAL },	{ { 9, 8, 4 }, -EINVAL },
		{ { 1, ~0U, 4 }, -EINVAL }, { { ~0U, 2, 4 }, -EINVAL }, { { 1, 1, 1025 }, -EINVAL },
		{ { 1, 1, ~0U }, -EINVAL },
	};
	struct wq_dev *wq;
	unsigned int i;
	u32 value;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		wq = wq_create(&all[i].config, &rig_ops, NULL);
		ut_assert_eq(PTR_ERR_OR_ZERO(wq), all[i].rc);
		if (all[i].rc)
			continue;
		ut_assert_eq(wq_reg_read(wq, IOASID_WQ_REG_QUEUES, &value), 0);
		ut_assert_eq(value & 0xff, all[i].config.nr_dedicated);
		ut_assert_eq(value >> 8 & 0xff, all[i].config.nr_shared);
		ut_assert_eq(value >> 16, all[i].config.size ? all[i].config.size : 16);
		wq_destroy(wq);
	}
}

UT_CASE(memory_runs_out)
{
	const struct wq_config config = { .nr_dedicated = 2, .nr_shared = 2 };
	long live = os_alloc_live();
	struct wq_dev *wq;
	unsigned long n;

	for (n = 1;; n++) {
		os_alloc_fail_nth(n);
		wq = wq_create(&config, &rig_ops, NULL);
		os_alloc_fail_nth(0);
		if (!IS_ERR(wq))
			break;
		ut_assert_eq(PTR_ERR(wq), -ENOMEM);
		ut_assert_eq(os_alloc_live(), live);
	}
	ut_assert(n > 4);
	wq_destroy(wq);
	ut_assert_eq(os_alloc_live(), live);
}

/* All there is to read, one after the other. */
static u32 snapshot(struct rig *rig, u32 *into, u32 room)
{
	u32 offset, value, n = 0;

	for (offset = 0; offset < 0x400 && n < room; offset++) {
		if (!wq_reg_read(rig->wq, offset, &value))
			into[n++] = value ^ offset << 16;
	}
	return n;
}

static bool writable(u32 offset)
{
	u32 r = (offset - IOASID_WQ_QUEUE(0)) % IOASID_WQ_QUEUE_SIZE;
	u32 queue = (offset - IOASID_WQ_QUEUE(0)) / IOASID_WQ_QUEUE_SIZE;

	if (offset == IOASID_WQ_REG_ERROR)
		return true;
	if (offset < IOASID_WQ_QUEUE(0) || queue >= 4)
		return false;
	return r == IOASID_WQ_REG_CONTROL || (r == IOASID_WQ_REG_PASID && queue < 2);
}

UT_CASE(registers)
{
	static const u32 far[] = { 0x1000, 0x7fffffff, 0x80000100, ~0U, ~0U - 0xff, ~0U - 3 };
	u32 before[64], after[64], offset, value, n;
	struct rig *rig = rig_new();
	unsigned int i;

	ut_assert_eq(reg(rig, IOASID_WQ_REG_ID), IOASID_WQ_ID);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_STATUS), IOASID_WQ_STATUS_PORTAL);
	ut_assert_eq(qreg(rig, 1, IOASID_WQ_REG_TYPE), IOASID_WQ_DEDICATED);
	ut_assert_eq(qreg(rig, 2, IOASID_WQ_REG_TYPE), IOASID_WQ_SHARED);
	n = snapshot(rig, before, ARRAY_SIZE(before));
	/* Five of the device; four of a dedicated queue, three of a shared one. */
	ut_assert_eq(n, 5 + 2 * 4 + 2 * 3);
	for (offset = 0; offset < 0x400; offset++) {
		if (!writable(offset))
			ut_assert_eq(wq_reg_write(rig->wq, offset, 1), -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		value = 0x77;
		ut_assert_eq(wq_reg_read(rig->wq, far[i], &value), -EINVAL);
		ut_assert_eq(value, 0x77);
		ut_assert_eq(wq_reg_write(rig->wq, far[i], 1), -EINVAL);
	}
	/* Bits that mean nothing. */
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_CONTROL, 2), -EINVAL);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 1 << 20 | 1), -EINVAL);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, 1 << 30), -EINVAL);
	ut_assert_eq(snapshot(rig, after, ARRAY_SIZE(after)), n);
	ut_assert(!memcmp(before, after, n * sizeof(u32)));
	rig_free(rig);
}

UT_CASE(mediation)
{
	struct rig *rig = rig_new();

	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 3), 0);
	/* The guest sees its own number, never that on the wire. */
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), VALID | 3);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 9), -ENOENT);
	ut_assert_eq(last_error(rig), IOASID_WQ_ERR_PASID);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID), -ENOENT);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 0xfffff), -ENOENT);
	/* A route that is not on the device's allow list is none. */
	rig->allowed[WIRE + 4] = false;
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 4), -ENOENT);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), VALID | 3);
	enable(rig, 0);
	ut_assert_eq(last_error(rig), IOASID_WQ_ERR_PASID);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 5), -EBUSY);
	ut_assert_eq(last_error(rig), IOASID_WQ_ERR_BUSY);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), VALID | 3);
	rig_free(rig);
}

/* What a dedicated queue sends with is what mediation said, whatever failed since. */
UT_CASE(dedicated_number)
{
	struct ioasid_wq_desc d = mark(0, DONE_AT);
	struct rig *rig = rig_new();

	dedicate(rig, 0, 3);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 9), -EBUSY);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_CONTROL, 0), 0);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 9), -ENOENT);
	enable(rig, 0);
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 1), 1);
	ut_assert_eq(rig->last_wire, WIRE + 3);
	ut_assert(!rig->last_priv);
	dedicate(rig, 1, 0);
	ut_assert_eq(put(rig, 1, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 1), 1);
	ut_assert_eq(rig->last_wire, IOASID_WQ_NO_PASID);
	/* Neither a number nor privilege comes from a descriptor. */
	d.pasid = WIRE + 4;
	d.completion = DONE_AT + 16;
	ut_assert_eq(put(rig, 1, &d), WQ_ACCEPTED);
	d.pasid = IOASID_WQ_DESC_PRIV;
	d.completion = DONE_AT + 32;
	ut_assert_eq(put(rig, 1, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 9), 2);
	ut_assert_eq(rig->last_wire, IOASID_WQ_NO_PASID);
	ut_assert(!rig->last_priv);
	ut_assert_eq(status_at(rig, DONE_AT + 16), IOASID_WQ_BAD);
	ut_assert_eq(status_at(rig, DONE_AT + 32), IOASID_WQ_BAD);
	rig_free(rig);
}

/* ---- portals ----------------------------------------------------------------------------------------- */

/* Only one kind of store, of one size, at multiples of it in the page, is taken by each sort of queue. */
UT_CASE(stores)
{
	static const u32 lengths[] = { 0, 1, 8, 32, 63, 64, 65, 4096, 0x80000040 };
	static const u32 offsets[] = { 0, 64, 4032, 1, 63, 4033, 4096, 0x1000040, ~0U, ~0U - 63 };
	static const u32 queues[] = { 0, 1, 2, 3, 4, 16, ~0U };
	struct rig *rig = rig_new();
	unsigned int q, l, o, how;
	u8 *data = kzalloc(4096, GFP_KERNEL);
	u32 i, before;

	ut_assert(data);
	for (i = 0; i < 4; i++)
		enable(rig, i);
	((struct ioasid_wq_desc *)data)->pasid = WIRE + 1;
	for (q = 0; q < ARRAY_SIZE(queues); q++)
		for (l = 0; l < ARRAY_SIZE(lengths); l++)
			for (o = 0; o < ARRAY_SIZE(offsets); o++)
				for (how = WQ_STORE_PLAIN; how <= WQ_STORE_DMWR + 1; how++) {
					bool right =
						queues[q] < 4 && lengths[l] == 64 && o < 3 &&
						how == (q < 2 ? WQ_STORE_MOVDIR64B : WQ_STORE_DMWR);
					enum wq_answer answer,
						no = how == WQ_STORE_DMWR ? WQ_RETRY : WQ_DROPPED;

					before = rig->works;
					answer = wq_portal_store(rig->wq, queues[q], offsets[o],
								 data, lengths[l], how);
					ut_assert_eq(answer, right ? WQ_ACCEPTED : no);
					ut_assert_eq(rig->works, before + right);
					if (!right)
						ut_assert_eq(last_error(rig), IOASID_WQ_ERR_STORE);
					for (i = 0; i < 4; i++)
						ut_assert_eq(waiting(rig, i),
							     right && i == queues[q]);
					wq_run(rig->wq, 99);
				}
	kfree(data);
	rig_free(rig);
}

/* Refused is: ZF = 1, a reason, and nothing else. */
static void refused(struct rig *rig, u32 queue, u32 pasid, u32 error)
{
	struct ioasid_wq_desc d = mark(pasid, DONE_AT);
	u32 count = waiting(rig, queue), works = rig->works;

	ut_assert_eq(put(rig, queue, &d), queue < 2 ? WQ_DROPPED : WQ_RETRY);
	ut_assert_eq(last_error(rig), error);
	ut_assert_eq(waiting(rig, queue), count);
	ut_assert_eq(rig->works, works);
}

UT_CASE(shared_queue)
{
	struct ioasid_wq_desc d = mark(WIRE + 1, DONE_AT);
	struct rig *rig = rig_new();
	int i;

	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_CLOSED);
	enable(rig, 2);
	wq_portal_close(rig->wq);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_STATUS), 0);
	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_CLOSED);
	wq_portal_open(rig->wq);
	/* Siblings' numbers, the guest's own, none at all; bits between number and PRIV. */
	refused(rig, 2, WIRE + 8, IOASID_WQ_ERR_ALLOW);
	refused(rig, 2, 1, IOASID_WQ_ERR_ALLOW);
	refused(rig, 2, 0, IOASID_WQ_ERR_ALLOW);
	refused(rig, 2, 0xfffff, IOASID_WQ_ERR_ALLOW);
	refused(rig, 2, (WIRE + 1) | 1 << 20, IOASID_WQ_ERR_ALLOW);
	refused(rig, 2, (WIRE + 1) | 1 << 30, IOASID_WQ_ERR_ALLOW);
	for (i = 0; i < 4; i++)
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_STATUS),
		     IOASID_WQ_STATUS_PORTAL | IOASID_WQ_STATUS_BUSY);
	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_FULL);
	ut_assert_eq(wq_run(rig->wq, 1), 1);
	ut_assert_eq(status_at(rig, DONE_AT), IOASID_WQ_DONE);
	d.pasid = IOASID_WQ_DESC_PRIV | (WIRE + 2);
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 99), 4);
	ut_assert_eq(rig->last_wire, WIRE + 2);
	ut_assert(rig->last_priv);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_DONE), 5);
	/* Closing takes nothing away that was accepted; disabling does. */
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	wq_portal_close(rig->wq);
	ut_assert_eq(wq_run(rig->wq, 99), 1);
	wq_portal_open(rig->wq);
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(set(rig, 2, IOASID_WQ_REG_CONTROL, 0), 0);
	ut_assert_eq(wq_run(rig->wq, 99), 0);
	ut_assert_eq(waiting(rig, 2), 0);
	rig_free(rig);
}

/* ---- descriptors ---------------------------------------------------------------------------------------- */

UT_CASE(moves)
{
	struct ioasid_wq_desc d = { .pasid = WIRE + 1, .completion = DONE_AT };
	static const u32 lengths[] = { 0, 1, 7, 8, 100, 4095, 4096, 4097, 8192, 9001 };
	struct rig *rig = rig_new();
	u32 i, j, n;

	enable(rig, 2);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		n = lengths[i];
		memset(rig->mem, 0, MEM);
		d.op = IOASID_WQ_FILL;
		d.length = n;
		d.src = 0x0807060504030201ULL;
		d.dst = 3;
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
		d.op = IOASID_WQ_COPY;
		d.src = 3;
		d.dst = 0x4005;
		d.completion = DONE_AT + 16;
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
		d.completion = DONE_AT;
		ut_assert_eq(wq_run(rig->wq, 9), 2);
		ut_assert_eq(status_at(rig, DONE_AT), IOASID_WQ_DONE);
		ut_assert_eq(status_at(rig, DONE_AT + 16), IOASID_WQ_DONE);
		for (j = 0; j < n; j++) {
			ut_assert_eq(rig->mem[3 + j], j % 8 + 1);
			ut_assert_eq(rig->mem[0x4005 + j], j % 8 + 1);
		}
		ut_assert_eq(rig->mem[2], 0);
		ut_assert_eq(rig->mem[3 + n], 0);
		ut_assert_eq(rig->mem[0x4004], 0);
		ut_assert_eq(rig->mem[0x4005 + n], 0);
	}
	rig_free(rig);
}

UT_CASE(malformed)
{
	static const struct ioasid_wq_desc bad[] = {
		{ .op = 3 },
		{ .op = ~0U },
		{ .flags = 1 },
		{ .__reserved = { 1 } },
		{ .__reserved = { 0, 0, 1ULL << 63 } },
		{ .op = IOASID_WQ_FILL, .length = IOASID_WQ_LENGTH_MAX + 1 },
		{ .op = IOASID_WQ_FILL, .length = ~0U },
		{ .op = IOASID_WQ_COPY, .length = ~0U },
		{ .op = IOASID_WQ_FILL, .dst = ~0ULL, .length = 2 },
		{ .op = IOASID_WQ_COPY, .dst = ~0ULL, .length = 2 },
		{ .op = IOASID_WQ_COPY, .src = ~0ULL - 7, .length = 9 },
	};
	static const u64 nowhere[] = { 0, 1, DONE_AT + 4, ~0ULL, ~0ULL - 7, ~0ULL - 14 };
	struct rig *rig = rig_new();
	struct ioasid_wq_desc d;
	unsigned int i;

	enable(rig, 3);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(rig->mem, 0, MEM);
		d = bad[i];
		d.pasid = WIRE + 1;
		d.completion = DONE_AT;
		rig->accesses = 0;
		ut_assert_eq(put(rig, 3, &d), WQ_ACCEPTED);
		ut_assert_eq(wq_run(rig->wq, 9), 1);
		ut_assert_eq(status_at(rig, DONE_AT), IOASID_WQ_BAD);
		ut_assert_eq(address_at(rig, DONE_AT), 0);
		/* Two of the record, and not one more. */
		ut_assert_eq(rig->accesses, 2);
	}
	rig->accesses = 0;
	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		d = mark(WIRE + 1, nowhere[i]);
		ut_assert_eq(put(rig, 3, &d), WQ_ACCEPTED);
		ut_assert_eq(wq_run(rig->wq, 9), 1);
	}
	ut_assert_eq(rig->accesses, 0);
	/* The very last bytes there are. */
	d = (struct ioasid_wq_desc){ .pasid = WIRE + 1,
				     .op = IOASID_WQ_FILL,
				     .dst = ~0ULL,
				     .length = 1,
				     .completion = DONE_AT };
	rig->blocked_from = MEM;
	ut_assert_eq(put(rig, 3, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 9), 1);
	ut_assert_eq(rig->accesses, 1 + 2);
	rig_free(rig);
}

UT_CASE(blocked)
{
	struct ioasid_wq_desc d = {
		.pasid = WIRE + 1,
		.op = IOASID_WQ_COPY,
		.src = 0x9000,
		.dst = 0x2000,
		.length = 0x3000,
		.completion = 0x100,
	};
	struct rig *rig = rig_new();

	enable(rig, 2);
	memset(rig->mem + 0x9000, 0xaa, 0x3000);
	rig->blocked_from = 0xa800;
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 9), 1);
	ut_assert_eq(status_at(rig, 0x100), IOASID_WQ_FAULT);
	ut_assert_eq(address_at(rig, 0x100), 0xa800);
	/* What came before it is done, what comes after is not. */
	ut_assert_eq(rig->mem[0x2fff], 0xaa);
	ut_assert_eq(rig->mem[0x3000], 0);
	/* The record itself is out of reach: executed all the same. */
	d.op = IOASID_WQ_NOP;
	d.completion = 0xb000;
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 9), 1);
	ut_assert_eq(rig->mem[0xb00c], 0xaa);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_DONE), 2);
	rig_free(rig);
}

/* A queue that is always full does not keep the others waiting. */
UT_CASE(in_turn)
{
	struct rig *rig = rig_new();
	struct ioasid_wq_desc d;
	u32 i;

	dedicate(rig, 0, 1);
	enable(rig, 2);
	enable(rig, 3);
	for (i = 0; i < 4; i++) {
		d = mark(WIRE + 2, DONE_AT + 0x100 + 16 * i);
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	}
	d = mark(0, DONE_AT);
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	d = mark(WIRE + 1, DONE_AT + 0x200);
	ut_assert_eq(put(rig, 3, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 3), 3);
	ut_assert_eq(status_at(rig, DONE_AT), IOASID_WQ_DONE);
	ut_assert_eq(status_at(rig, DONE_AT + 0x200), IOASID_WQ_DONE);
	/* First in, first out. */
	ut_assert_eq(status_at(rig, DONE_AT + 0x100), IOASID_WQ_DONE);
	ut_assert_eq(status_at(rig, DONE_AT + 0x110), 0);
	ut_assert_eq(wq_run(rig->wq, 99), 3);
	ut_assert_eq(status_at(rig, DONE_AT + 0x130), IOASID_WQ_DONE);
	rig_free(rig);
}

/* ---- numbers end, work ends --------------------------------------------------------------------------------- */

UT_CASE(drain_waiting)
{
	struct rig *rig = rig_new();
	struct ioasid_wq_desc d;
	u32 i;

	dedicate(rig, 0, 3);
	dedicate(rig, 1, 4);
	enable(rig, 2);
	d = mark(0, DONE_AT);
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	ut_assert_eq(put(rig, 1, &d), WQ_ACCEPTED);
	/* The ring has wrapped by now. */
	for (i = 0; i < 3; i++) {
		d = mark(WIRE + 5, 0);
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	}
	ut_assert_eq(wq_run(rig->wq, 99), 5);
	memset(rig->mem, 0, MEM);
	for (i = 0; i < 4; i++) {
		d = mark((i & 1 ? IOASID_WQ_DESC_PRIV : 0) | (WIRE + (i < 2 ? 3 : 5)),
			 DONE_AT + 16 * i);
		ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	}
	d = mark(0, DONE_AT + 0x100);
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	d = mark(0, DONE_AT + 0x110);
	ut_assert_eq(put(rig, 1, &d), WQ_ACCEPTED);
	rig->known[3] = rig->allowed[WIRE + 3] = false;
	ut_assert_eq(wq_drain(rig->wq, WIRE + 3), 0);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), 0);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_CONTROL), 0);
	ut_assert_eq(waiting(rig, 0), 0);
	ut_assert_eq(waiting(rig, 2), 2);
	/* Enabled again it does not send with the old number. */
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 3), -ENOENT);
	enable(rig, 0);
	d = mark(0, DONE_AT + 0x120);
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 1), 1);
	ut_assert_eq(wq_run(rig->wq, 99), 3);
	ut_assert_eq(status_at(rig, DONE_AT), 0);
	ut_assert_eq(status_at(rig, DONE_AT + 16), 0);
	ut_assert_eq(status_at(rig, DONE_AT + 32), IOASID_WQ_DONE);
	ut_assert_eq(status_at(rig, DONE_AT + 48), IOASID_WQ_DONE);
	ut_assert_eq(status_at(rig, DONE_AT + 0x100), 0);
	ut_assert_eq(status_at(rig, DONE_AT + 0x110), IOASID_WQ_DONE);
	ut_assert_eq(qreg(rig, 1, IOASID_WQ_REG_PASID), VALID | 4);
	ut_assert_eq(rig->nr_drained, 0);
	/* A number nobody has. */
	ut_assert_eq(wq_drain(rig->wq, 77), 0);
	rig_free(rig);
}

static void run_all(void *arg)
{
	struct rig *rig = arg;

	wq_run(rig->wq, 99);
}

static void stop_it(void *arg)
{
	struct rig *rig = arg;

	wq_stop(rig->wq, true);
	complete(&rig->entered);
}

/* The engine sits at the first access of a long copy in queue 2. */
static void sit(struct rig *rig, struct ut_thread *engine)
{
	const struct ioasid_wq_desc d = {
		.pasid = WIRE + 1,
		.op = IOASID_WQ_COPY,
		.length = 0x4000,
		.dst = 0x4000,
		.completion = DONE_AT,
	};

	memset(rig->mem, 0x55, 0x4000);
	enable(rig, 2);
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	rig->gated = true;
	ut_assert_eq(ut_thread_start(engine, run_all, rig), 0);
	wait_for_completion(&rig->entered);
	ut_assert_eq(waiting(rig, 2), 1);
	/* There is one engine. */
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 1), 0);
	ut_assert_eq(waiting(rig, 2), 2);
}

UT_CASE(drain_executing)
{
	struct rig *rig = rig_new();
	struct ut_thread engine;

	sit(rig, &engine);
	ut_assert_eq(wq_drain(rig->wq, WIRE + 2), 0);
	ut_assert_eq(wq_drain(rig->wq, WIRE + 1), -EINPROGRESS);
	ut_assert_eq(waiting(rig, 2), 1);
	ut_assert_eq(rig->nr_drained, 0);
	ut_assert(reg(rig, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_BUSY);
	complete(&rig->gate);
	ut_thread_join(&engine);
	ut_assert_eq(rig->nr_drained, 1);
	ut_assert_eq(rig->drained, WIRE + 1);
	/* The access it was at, and nothing after. */
	ut_assert_eq(rig->accesses, 1);
	ut_assert_eq(rig->mem[0x4000], 0);
	ut_assert_eq(status_at(rig, DONE_AT), 0);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_DONE), 0);
	ut_assert_eq(wq_drain(rig->wq, WIRE + 1), 0);
	ut_assert_eq(rig->nr_drained, 1);
	rig_free(rig);
}

UT_CASE(halt_executing)
{
	struct rig *rig = rig_new();
	struct ut_thread engine;

	sit(rig, &engine);
	wq_halt(rig->wq);
	ut_assert_eq(waiting(rig, 2), 1);
	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_CLOSED);
	complete(&rig->gate);
	ut_thread_join(&engine);
	ut_assert_eq(rig->accesses, 1);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_DONE), 0);
	ut_assert_eq(wq_run(rig->wq, 99), 0);
	rig_free(rig);
}

UT_CASE(stop_waits)
{
	struct ioasid_wq_desc d = mark(WIRE + 1, DONE_AT);
	struct ut_thread engine, stopper;
	struct rig *rig = rig_new();

	dedicate(rig, 0, 3);
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_PASID, VALID | 9), -EBUSY);
	sit(rig, &engine);
	ut_assert_eq(ut_thread_start(&stopper, stop_it, rig), 0);
	/* Stopped, but not done with stopping. */
	ut_assert(!wait_for_completion_ms(&rig->entered, 50));
	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_CLOSED);
	complete(&rig->gate);
	wait_for_completion(&rig->entered);
	ut_thread_join(&stopper);
	ut_thread_join(&engine);
	ut_assert_eq(rig->accesses, 1);
	/* As at first. */
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), 0);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_CONTROL), 0);
	ut_assert_eq(qreg(rig, 2, IOASID_WQ_REG_CONTROL), 0);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_ERROR), 0);
	ut_assert_eq(reg(rig, IOASID_WQ_REG_STATUS), IOASID_WQ_STATUS_PORTAL);
	enable(rig, 2);
	refused(rig, 2, WIRE + 1, IOASID_WQ_ERR_CLOSED);
	wq_start(rig->wq);
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 99), 1);
	ut_assert_eq(status_at(rig, DONE_AT), IOASID_WQ_DONE);
	enable(rig, 0);
	d.pasid = 0;
	ut_assert_eq(put(rig, 0, &d), WQ_ACCEPTED);
	ut_assert_eq(wq_run(rig->wq, 99), 1);
	ut_assert_eq(rig->last_wire, IOASID_WQ_NO_PASID);
	d.pasid = WIRE + 1;
	ut_assert_eq(set(rig, 0, IOASID_WQ_REG_CONTROL, 0), 0);
	/* Without a reset registers stay, work does not. */
	dedicate(rig, 0, 3);
	ut_assert_eq(put(rig, 2, &d), WQ_ACCEPTED);
	wq_stop(rig->wq, false);
	ut_assert_eq(waiting(rig, 2), 0);
	ut_assert_eq(qreg(rig, 0, IOASID_WQ_REG_PASID), VALID | 3);
	wq_start(rig->wq);
	ut_assert_eq(wq_run(rig->wq, 99), 0);
	rig_free(rig);
}

/* Made stopped and closed: nobody has it yet. */
UT_CASE(not_started)
{
	const struct wq_config config = { .nr_shared = 1 };
	struct ioasid_wq_desc d = mark(WIRE + 1, DONE_AT);
	struct wq_dev *wq = wq_create(&config, &rig_ops, NULL);

	ut_assert(!IS_ERR(wq));
	ut_assert_eq(wq_reg_write(wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL, 1), 0);
	ut_assert_eq(wq_portal_store(wq, 0, 0, &d, sizeof(d), WQ_STORE_DMWR), WQ_RETRY);
	wq_start(wq);
	ut_assert_eq(wq_portal_store(wq, 0, 0, &d, sizeof(d), WQ_STORE_DMWR), WQ_RETRY);
	wq_destroy(wq);
}

/* ---- all at once --------------------------------------------------------------------------------------------- */

enum { ALIVE, ENDING, OVER };

/**
 * struct storm - number 1 lives and dies while others write registers, submit, execute
 * @life: of the number
 * @accesses: with it, @late: of them after it was over
 * @done: words of wq_drain() that came later
 */
struct storm {
	struct wq_dev *wq;
	u32 life;
	bool stop;
	u32 accesses;
	u32 late;
	u32 done;
};

static int storm_to_wire(void *opaque, u32 vpasid, u32 *ppasid)
{
	struct storm *s = opaque;

	if (vpasid != 1 || READ_ONCE(s->life) != ALIVE)
		return -ENOENT;
	*ppasid = WIRE + 1;
	return 0;
}

static bool storm_allows(void *opaque, u32 ppasid)
{
	struct storm *s = opaque;

	return ppasid == WIRE + 1 && READ_ONCE(s->life) == ALIVE;
}

static int storm_write(void *opaque, u32 ppasid, bool priv, u64 addr, const void *buf, size_t len,
		       u64 *fault_addr)
{
	struct storm *s = opaque;

	if (ppasid != WIRE + 1)
		return 0;
	ut_yield();
	WRITE_ONCE(s->accesses, s->accesses + 1);
	if (READ_ONCE(s->life) == OVER)
		WRITE_ONCE(s->late, s->late + 1);
	return 0;
}

static void storm_work(void *opaque)
{
}

static void storm_drained(void *opaque, u32 ppasid)
{
	struct storm *s = opaque;

	smp_store_release(&s->done, s->done + 1);
}

static const struct wq_ops storm_ops = {
	.to_wire = storm_to_wire,
	.allows = storm_allows,
	.write = storm_write,
	.work = storm_work,
	.drained = storm_drained,
};

static void storm_engine(void *arg)
{
	struct storm *s = arg;

	while (!READ_ONCE(s->stop)) {
		if (!wq_run(s->wq, 8))
			ut_yield();
	}
}

static void storm_guest(void *arg)
{
	const struct ioasid_wq_desc shared = {
		.pasid = WIRE + 1, .op = IOASID_WQ_FILL, .dst = 8, .length = 0x2000
	};
	const struct ioasid_wq_desc own = { .op = IOASID_WQ_FILL, .dst = 8, .length = 0x2000 };
	const u32 q0 = IOASID_WQ_QUEUE(0);
	struct storm *s = arg;
	u32 value;

	while (!READ_ONCE(s->stop)) {
		wq_reg_write(s->wq, q0 + IOASID_WQ_REG_PASID, VALID | 1);
		wq_reg_write(s->wq, q0 + IOASID_WQ_REG_CONTROL, 1);
		wq_reg_write(s->wq, IOASID_WQ_QUEUE(1) + IOASID_WQ_REG_CONTROL, 1);
		wq_portal_store(s->wq, 0, 0, &own, sizeof(own), WQ_STORE_MOVDIR64B);
		wq_portal_store(s->wq, 1, 64, &shared, sizeof(shared), WQ_STORE_DMWR);
		wq_reg_read(s->wq, q0 + IOASID_WQ_REG_COUNT, &value);
		ut_yield();
	}
}

/* One life of the number: some use, its end, and proof that nothing with it is sent afterwards. */
static void storm_life(struct storm *s, u32 round)
{
	u32 done = smp_load_acquire(&s->done), seen = READ_ONCE(s->accesses), i;

	for (i = 0; i < 1000 && READ_ONCE(s->accesses) - seen < round % 4; i++)
		ut_yield();
	WRITE_ONCE(s->life, ENDING);
	if (round % 8 == 7) {
		wq_halt(s->wq);
		wq_stop(s->wq, true);
	} else if (wq_drain(s->wq, WIRE + 1) == -EINPROGRESS) {
		while (smp_load_acquire(&s->done) == done)
			ut_yield();
	}
	WRITE_ONCE(s->life, OVER);
	ut_yield();
	wq_portal_close(s->wq);
	wq_portal_open(s->wq);
	wq_start(s->wq);
	WRITE_ONCE(s->life, ALIVE);
}

UT_CASE(storm)
{
	const struct wq_config config = { .nr_dedicated = 1, .nr_shared = 1, .size = 4 };
	struct storm *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct ut_thread engine, guest;
	u32 i;

	ut_assert(s);
	s->wq = wq_create(&config, &storm_ops, s);
	ut_assert(!IS_ERR(s->wq));
	wq_start(s->wq);
	wq_portal_open(s->wq);
	ut_assert_eq(ut_thread_start(&engine, storm_engine, s), 0);
	ut_assert_eq(ut_thread_start(&guest, storm_guest, s), 0);
	for (i = 0; i < 10000 && !READ_ONCE(s->accesses); i++)
		ut_sleep_ms(1);
	for (i = 0; i < UT_STEPS(4000); i++)
		storm_life(s, i);
	WRITE_ONCE(s->stop, true);
	ut_thread_join(&engine);
	ut_thread_join(&guest);
	ut_assert(s->accesses > 0);
	ut_assert_eq(s->late, 0);
	wq_destroy(s->wq);
	kfree(s);
}

UT_SUITE(wq, UT_ENTRY(shapes), UT_ENTRY(memory_runs_out), UT_ENTRY(registers), UT_ENTRY(mediation),
	 UT_ENTRY(dedicated_number), UT_ENTRY(stores), UT_ENTRY(shared_queue), UT_ENTRY(moves),
	 UT_ENTRY(malformed), UT_ENTRY(blocked), UT_ENTRY(in_turn), UT_ENTRY(drain_waiting),
	 UT_ENTRY(drain_executing), UT_ENTRY(halt_executing), UT_ENTRY(stop_waits),
	 UT_ENTRY(not_started), UT_ENTRY(storm));
