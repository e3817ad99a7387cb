// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Fuzzing the device with work queues: registers, stores to portals, descriptors, and what its home asks
 * of it, beside a model of arrays and loops that says what has to come of it.
 *
 * An input is a program. Most of the time an offset is one of a register, a number one that has, or had,
 * a route; else it is what the input says. While the engine is at an access the program goes on, as other
 * threads would: that is where numbers end with work in execution.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enqcmd/wq.h"

#define NR_DEDICATED 2U
#define NR_QUEUES    4U
#define SIZE	     4U
#define NR_NAMES     6U
#define WIRE(name)   ((name) + 0x100U)
#define MAX_STEPS    400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
};

/** struct mqueue - what a queue should be */
struct mqueue {
	bool enabled;
	u32 pasid, wire;
	u32 nr;
	struct ioasid_wq_desc desc[SIZE];
};

/**
 * struct world - the device, and what should be true of it
 * @alive: names that have a route; @ending: their numbers are being drained, the engine has one of it
 * @at: descriptor in execution: @queue it came from, @wire; @running
 * @over: that is to send nothing any more
 * @left: bytes of data that may still be read or written for it
 */
static struct world {
	struct wq_dev *wq;
	struct input *in;
	struct mqueue queue[NR_QUEUES];
	bool alive[NR_NAMES];
	bool ending[NR_NAMES];
	bool stopped, portal;
	u32 error;
	bool running, over;
	struct ioasid_wq_desc at;
	u32 at_queue, at_wire, next;
	u32 done, depth, works;
	u64 data;
} w;

static void must_be(bool good, const char *what, int line)
{
	if (good)
		return;
	fprintf(stderr, "%s:%d: %s\n", __FILE__, line, what);
	abort();
}
#define must(cond) must_be(cond, #cond, __LINE__)

static u64 take(size_t n)
{
	u64 value = 0;
	size_t i;

	for (i = 0; i < n && w.in->left; i++, w.in->left--)
		value = value << 8 | *w.in->data++;
	return value;
}

/* ---- what should be ---------------------------------------------------------------------------------- */

static void mqueue_off(struct mqueue *q)
{
	q->enabled = false;
	q->nr = 0;
}

static u32 wire_of(u32 queue, const struct ioasid_wq_desc *d)
{
	return queue < NR_DEDICATED ? w.queue[queue].wire : d->pasid & 0xfffff;
}

static bool allowed(u32 wire)
{
	return wire >= WIRE(0) && wire < WIRE(NR_NAMES) && w.alive[wire - WIRE(0)];
}

/* Every register says what it should; there is no other. */
static void check(void)
{
	u32 value, q, waiting = 0, count;

	for (q = 0; q < NR_QUEUES; q++) {
		must(!wq_reg_read(w.wq, IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_CONTROL, &value));
		must(value == w.queue[q].enabled);
		must(!wq_reg_read(w.wq, IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_COUNT, &value));
		count = w.queue[q].nr + (w.running && w.at_queue == q);
		must(value == count);
		waiting += count;
		if (q >= NR_DEDICATED)
			continue;
		must(!wq_reg_read(w.wq, IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_PASID, &value));
		must(value == w.queue[q].pasid);
	}
	must(!wq_reg_read(w.wq, IOASID_WQ_REG_STATUS, &value));
	must(value ==
	     ((w.portal ? IOASID_WQ_STATUS_PORTAL : 0) | (waiting ? IOASID_WQ_STATUS_BUSY : 0)));
	must(!wq_reg_read(w.wq, IOASID_WQ_REG_ERROR, &value));
	must(value == w.error);
	must(!wq_reg_read(w.wq, IOASID_WQ_REG_DONE, &value));
	must(value == w.done);
}

/* ---- registers ------------------------------------------------------------------------------------------ */

static u32 an_offset(void)
{
	u32 how = (u32)take(1);

	if (how < 32)
		return (u32)take(4);
	if (how < 64)
		return (how & 7) * 4;
	return IOASID_WQ_QUEUE(how % (NR_QUEUES + 1)) + (how / 5 % 8) * 4;
}

static u32 a_value(void)
{
	u32 how = (u32)take(1);

	if (how < 32)
		return (u32)take(4);
	return how < 128 ? how & 1 : IOASID_WQ_PASID_VALID | (how % (NR_NAMES + 1));
}

static int expect_pasid(struct mqueue *q, u32 value)
{
	u32 name = value & 0xfffff;

	if (value & 0x7ff00000)
		return -EINVAL;
	if (q->enabled) {
		w.error = IOASID_WQ_ERR_BUSY;
		return -EBUSY;
	}
	if (value >> 31 && (name >= NR_NAMES || !w.alive[name])) {
		w.error = IOASID_WQ_ERR_PASID;
		return -ENOENT;
	}
	q->pasid = value;
	q->wire = value >> 31 ? WIRE(name) : IOASID_WQ_NO_PASID;
	return 0;
}

static int expect_write(u32 offset, u32 value)
{
	u32 n = (offset - IOASID_WQ_QUEUE(0)) / 0x20, r = (offset - IOASID_WQ_QUEUE(0)) % 0x20;

	if (offset == IOASID_WQ_REG_ERROR) {
		w.error = 0;
		return 0;
	}
	if (offset < IOASID_WQ_QUEUE(0) || n >= NR_QUEUES)
		return -EINVAL;
	if (r == IOASID_WQ_REG_PASID && n < NR_DEDICATED)
		return expect_pasid(&w.queue[n], value);
	if (r != IOASID_WQ_REG_CONTROL || value > 1)
		return -EINVAL;
	if (value)
		w.queue[n].enabled = true;
	else
		mqueue_off(&w.queue[n]);
	return 0;
}

static void step_write(void)
{
	u32 offset = an_offset(), value = a_value();
	int rc = expect_write(offset, value);

	must(wq_reg_write(w.wq, offset, value) == rc);
}

static void step_read(void)
{
	u32 offset = an_offset(), value = 0x12345678;
	int rc = wq_reg_read(w.wq, offset, &value);

	must(!rc || rc == -EINVAL);
	must(!rc || value == 0x12345678);
	must(rc || !(offset & 3));
}

/* ---- portals ---------------------------------------------------------------------------------------------- */

static void a_desc(struct ioasid_wq_desc *d)
{
	u32 how = (u32)take(1), i;

	memset(d, 0, sizeof(*d));
	if (how < 16) {
		for (i = 0; i < sizeof(*d); i++)
			((u8 *)d)[i] = (u8)take(1);
		return;
	}
	d->pasid = how & 1 ? WIRE(how / 4 % (NR_NAMES + 1)) : 0;
	d->pasid |= how & 2 ? IOASID_WQ_DESC_PRIV : 0;
	d->pasid |= how / 16 == 9 ? 1U << (20 + how % 11) : 0;
	d->op = (u32)take(1) % 4;
	d->length = (u32)take(2) << (how & 4 ? 5 : 0);
	d->completion = how & 8 ? 0 : take(2) << 3;
	d->src = how & 32 ? ~take(2) : take(3);
	d->dst = how & 64 ? ~take(2) : take(3);
}

static u32 expect_store(u32 queue, u32 offset, size_t len, u32 how, const struct ioasid_wq_desc *d)
{
	struct mqueue *q = &w.queue[queue % NR_QUEUES];
	bool own = queue < NR_DEDICATED;

	if (queue >= NR_QUEUES || how != (own ? WQ_STORE_MOVDIR64B : WQ_STORE_DMWR) || len != 64 ||
	    offset % 64 || offset >= 4096)
		return IOASID_WQ_ERR_STORE;
	if (w.stopped || !q->enabled || (!own && !w.portal))
		return IOASID_WQ_ERR_CLOSED;
	if (!own && (d->pasid & 0x7ff00000 || !allowed(d->pasid & 0xfffff)))
		return IOASID_WQ_ERR_ALLOW;
	if (q->nr == SIZE)
		return IOASID_WQ_ERR_FULL;
	q->desc[q->nr++] = *d;
	return 0;
}

static void step_store(void)
{
	u32 how = (u32)take(1), queue = how % 5, offset = how & 32 ? 64 : 0;
	struct ioasid_wq_desc d[2];
	size_t len = sizeof(d[0]);
	enum wq_store kind = queue < NR_DEDICATED ? WQ_STORE_MOVDIR64B : WQ_STORE_DMWR;
	enum wq_answer answer;
	u32 error, works = w.works;

	/* One thing about it is odd. */
	if (how >= 240)
		queue = (u32)take(4);
	else if (how >= 224)
		kind = (enum wq_store)(take(1) % 4);
	else if (how >= 208)
		len = take(1) % 128;
	else if (how >= 192)
		offset = how & 1 ? (u32)take(4) : (u32)take(1) * 32;
	a_desc(&d[0]);
	error = expect_store(queue, offset, len, kind, &d[0]);
	answer = wq_portal_store(w.wq, queue, offset, d, len, kind);
	if (error)
		w.error = error;
	must((answer == WQ_ACCEPTED) == !error);
	must(!error || (answer == WQ_RETRY) == (kind == WQ_STORE_DMWR));
	must(w.works == works + !error);
}

/* ---- what the home asks --------------------------------------------------------------------------------- */

static void step_drain(void)
{
	u32 name = (u32)take(1) % NR_NAMES, q, i, kept;
	bool executing = w.running && w.at_wire == WIRE(name);

	w.alive[name] = false;
	for (q = 0; q < NR_QUEUES; q++) {
		struct mqueue *m = &w.queue[q];

		if (q < NR_DEDICATED && m->wire == WIRE(name)) {
			mqueue_off(m);
			m->pasid = 0;
			m->wire = IOASID_WQ_NO_PASID;
		}
		for (i = kept = 0; q >= NR_DEDICATED && i < m->nr; i++) {
			if ((m->desc[i].pasid & 0xfffff) != WIRE(name))
				m->desc[kept++] = m->desc[i];
		}
		if (q >= NR_DEDICATED)
			m->nr = kept;
	}
	if (executing)
		w.ending[name] = w.over = true;
	must(wq_drain(w.wq, WIRE(name)) == (executing ? -EINPROGRESS : 0));
}

static void step_revive(void)
{
	u32 name = (u32)take(1) % NR_NAMES;

	/* A number is nobody's until it is drained. */
	if (!w.ending[name])
		w.alive[name] = true;
}

static void expect_stopped(void)
{
	u32 q;

	w.stopped = true;
	w.over = w.running;
	for (q = 0; q < NR_QUEUES; q++)
		w.queue[q].nr = 0;
}

static void expect_reset(void)
{
	u32 q;

	for (q = 0; q < NR_QUEUES; q++) {
		mqueue_off(&w.queue[q]);
		w.queue[q].pasid = 0;
		w.queue[q].wire = IOASID_WQ_NO_PASID;
	}
	w.error = 0;
	w.done = 0;
	w.next = 0;
}

static void step_home(void)
{
	bool reset;

	switch (take(1) % 8) {
	case 0:
		wq_halt(w.wq);
		expect_stopped();
		break;
	case 1:
		/* It would wait for the engine, which is us. */
		if (w.running)
			break;
		reset = take(1) & 1;
		wq_stop(w.wq, reset);
		expect_stopped();
		if (reset)
			expect_reset();
		break;
	case 2:
		wq_portal_close(w.wq);
		w.portal = false;
		break;
	case 3:
	case 4:
		wq_portal_open(w.wq);
		w.portal = true;
		break;
	default:
		/* Not while what was stopped is still ending: the home waits in wq_stop() for that. */
		if (w.running && w.stopped)
			break;
		wq_start(w.wq);
		w.stopped = false;
	}
}

/* ---- the engine --------------------------------------------------------------------------------------------- */

static void step(void);

/* Nothing is moved for a descriptor that makes no sense. */
static u64 expect_bytes(const struct ioasid_wq_desc *d, u32 queue)
{
	u64 len = d->length;

	if (d->flags || d->__reserved[0] || d->__reserved[1] || d->__reserved[2] ||
	    (queue < NR_DEDICATED && d->pasid))
		return 0;
	if ((d->op != IOASID_WQ_COPY && d->op != IOASID_WQ_FILL) || len > 1U << 20 ||
	    (len && d->dst + (len - 1) < d->dst))
		return 0;
	if (d->op == IOASID_WQ_COPY)
		return len && d->src + (len - 1) < d->src ? 0 : 2 * len;
	return len;
}

/* The one whose turn it is. */
static void expect_next(void)
{
	struct mqueue *q;
	u32 i, n;

	for (i = 0; i < NR_QUEUES; i++) {
		n = (w.next + i) % NR_QUEUES;
		q = &w.queue[n];
		if (!q->nr)
			continue;
		w.at = q->desc[0];
		w.at_queue = n;
		w.at_wire = wire_of(n, &q->desc[0]);
		memmove(q->desc, q->desc + 1, --q->nr * sizeof(q->desc[0]));
		w.next = (n + 1) % NR_QUEUES;
		w.running = true;
		w.over = false;
		w.data = expect_bytes(&w.at, n);
		return;
	}
}

static bool within(u64 addr, u64 len, u64 start, u64 bytes)
{
	return addr >= start && len <= bytes && addr - start <= bytes - len;
}

/* An access: by nobody but the one whose turn it is, with its number, where its descriptor says. */
static int access_of(u32 wire, bool priv, u64 addr, size_t len, bool write, u64 *fault_addr)
{
	const struct ioasid_wq_desc *d = &w.at;
	bool record;

	must(w.running && !w.over);
	must(len && len <= 4096 && addr + (len - 1) >= addr);
	must(wire == w.at_wire);
	must(wire == IOASID_WQ_NO_PASID || allowed(wire));
	must(priv == (w.at_queue >= NR_DEDICATED && d->pasid >> 31));
	record = write && !(d->completion & 7) && within(addr, len, d->completion, 16) && len < 16;
	if (!record) {
		must(write || d->op == IOASID_WQ_COPY);
		must(within(addr, len, write ? d->dst : d->src, d->length));
		must(w.data >= len);
		w.data -= len;
	}
	/* What others do meanwhile. */
	if (w.depth < 3 && w.in->left && take(1) & 1) {
		w.depth++;
		step();
		w.depth--;
	}
	if (w.in->left && take(1) > 240) {
		*fault_addr = addr + take(2) % len;
		return -EFAULT;
	}
	return 0;
}

static int on_read(void *opaque, u32 wire, bool priv, u64 addr, void *buf, size_t len,
		   u64 *fault_addr)
{
	memset(buf, 0x5a, len);
	return access_of(wire, priv, addr, len, false, fault_addr);
}

static int on_write(void *opaque, u32 wire, bool priv, u64 addr, const void *buf, size_t len,
		    u64 *fault_addr)
{
	static u8 sink[4096];

	memcpy(sink, buf, len);
	return access_of(wire, priv, addr, len, true, fault_addr);
}

static int on_to_wire(void *opaque, u32 vpasid, u32 *ppasid)
{
	must(vpasid < 1U << 20);
	if (vpasid >= NR_NAMES || !w.alive[vpasid])
		return -ENOENT;
	*ppasid = WIRE(vpasid);
	return 0;
}

static bool on_allows(void *opaque, u32 ppasid)
{
	return allowed(ppasid);
}

static void on_work(void *opaque)
{
	w.works++;
}

/* Owed, once, for the number that was executing. */
static void on_drained(void *opaque, u32 ppasid)
{
	must(w.running && ppasid == w.at_wire && w.ending[ppasid - WIRE(0)]);
	w.ending[ppasid - WIRE(0)] = false;
}

static const struct wq_ops ops = {
	.to_wire = on_to_wire,
	.allows = on_allows,
	.read = on_read,
	.write = on_write,
	.work = on_work,
	.drained = on_drained,
};

static void step_run(void)
{
	u32 i, waiting = 0, ran;

	if (w.running) {
		must(!wq_run(w.wq, 5));
		return;
	}
	for (i = 0; i < NR_QUEUES; i++)
		waiting += w.queue[i].nr;
	if (waiting && !w.stopped)
		expect_next();
	else
		waiting = 0;
	ran = wq_run(w.wq, 1);
	must(ran == !!waiting);
	if (!ran)
		return;
	w.done += !w.over;
	for (i = 0; i < NR_NAMES; i++)
		must(!w.ending[i]);
	w.running = w.over = false;
}

static void step(void)
{
	u32 how = (u32)take(1);

	if (how < 70)
		step_write();
	else if (how < 80)
		step_read();
	else if (how < 170)
		step_store();
	else if (how < 215)
		step_run();
	else if (how < 230)
		step_drain();
	else if (how < 243)
		step_revive();
	else
		step_home();
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wq_config config = {
		.nr_dedicated = NR_DEDICATED,
		.nr_shared = NR_QUEUES - NR_DEDICATED,
		.size = SIZE,
	};
	struct input in = { data, size };
	unsigned int steps = 0;
	u32 i;

	memset(&w, 0, sizeof(w));
	w.in = &in;
	w.stopped = true;
	for (i = 1; i < NR_NAMES; i++)
		w.alive[i] = true;
	for (i = 0; i < NR_QUEUES; i++)
		w.queue[i].wire = IOASID_WQ_NO_PASID;
	w.wq = wq_create(&config, &ops, NULL);
	must(!IS_ERR(w.wq));
	wq_start(w.wq);
	w.stopped = false;
	while (in.left && steps++ < MAX_STEPS)
		step();
	wq_destroy(w.wq);
	return 0;
}
