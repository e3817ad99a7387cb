// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Functions and slices of them: making, what they send with, what keeps them apart, what they share. */
#include "slices.h"

#define FIXED  IOASID_CLASS_MDEV_FIXED
#define PASIDS IOASID_CLASS_MDEV_PASID
#define DMWR   IOASID_CLASS_MDEV_DMWR

/* A guest's number that the host has no reason to pick. */
#define NAME 100

static struct ioasid_dma by_default(void)
{
	return by_rid(SL_IOVA);
}

static struct ioasid_dma with(uint32_t wire)
{
	return by_pasid(wire, SL_IOVA);
}

/* ---- making ------------------------------------------------------------------------------------ */

static void what_a_slice_may_be(void **state)
{
	struct ioasid_hostdev_config c = slices_config(), odd;
	struct ioasid_hostdev *dev, *plain, *grouped, *foreign;
	struct ioasid_host *other;
	struct slices s;

	(void)state;
	slices_make(&s, NULL);
	c.name = "plain";
	c.rid = 1;
	c.dev_class = IOASID_CLASS_PDEV;
	c.pasid_bits = 0;
	ok(ioasid_hostdev_create(s.host, &c, &plain));
	c = slices_config();
	c.name = "grouped";
	c.rid = 2;
	c.group = 7;
	ok(ioasid_hostdev_create(s.host, &c, &grouped));
	ok(ioasid_host_create("other", NULL, &other));
	c = slices_config();
	ok(ioasid_hostdev_create(other, &c, &foreign));
	ok(ioasid_hostdev_create(s.host, (odd = slice_config(&s, 0, PASIDS), &odd), &s.dev[0]));

#define ODD(cls, member, value, err)                                     \
	do {                                                             \
		odd = slice_config(&s, 1, cls);                          \
		odd.member = value;                                      \
		refused(ioasid_hostdev_create(s.host, &odd, &dev), err); \
	} while (0)
	ODD(PASIDS, parent, NULL, EINVAL);
	ODD(FIXED, parent, NULL, EINVAL);
	ODD(PASIDS, parent, plain, EINVAL);
	ODD(PASIDS, parent, grouped, EINVAL);
	ODD(PASIDS, parent, foreign, EINVAL);
	ODD(PASIDS, parent, s.dev[0], EINVAL);
	ODD(IOASID_CLASS_PDEV, parent, s.fn, EINVAL);
	ODD(IOASID_CLASS_SW_MDEV, parent, s.fn, EINVAL);
	ODD(IOASID_CLASS_PDEV_PASID, parent, s.fn, EINVAL);
	ODD(IOASID_CLASS_PDEV_DELEGATED, parent, s.fn, EINVAL);
	ODD(PASIDS, pasid_bits, 11, EINVAL);
	ODD(PASIDS, pasid_bits, 0, EINVAL);
	ODD(PASIDS, flags, IOASID_HOSTDEV_ATS, EINVAL);
	ODD(PASIDS, kept_first, 5, EINVAL);
	ODD(PASIDS, kept_last, 5, EINVAL);
	ODD(PASIDS, mode, IOASID_MODE_GLOBAL + 1, EINVAL);
	ODD(FIXED, mode, IOASID_MODE_GLOBAL, EINVAL);
	ODD(PASIDS, name, "s0", EEXIST);
	ODD(PASIDS, name, "fn", EEXIST);
#undef ODD
	/* Its RID and group are its function's, whatever it says. */
	odd = slice_config(&s, 1, FIXED);
	odd.rid = 2;
	odd.group = 7;
	ok(ioasid_hostdev_create(s.host, &odd, &s.dev[1]));
	ioasid_hostdev_destroy(foreign);
	ioasid_host_put(other);
	ioasid_hostdev_destroy(grouped);
	ioasid_hostdev_destroy(plain);
	slices_free(&s);
}

/* ---- structures of callers that were built before -------------------------------------------------- */

static unsigned int nr_quiesced;

static void old_quiesce(void *opaque)
{
	(void)opaque;
	nr_quiesced++;
}

/* Exactly @size bytes of it, so that reading one more is noticed. */
static noinline void *cut(const void *whole, size_t size)
{
	volatile size_t n = size;
	void *p = malloc(n);

	assert_non_null(p);
	return memcpy(p, whole, size);
}

static void old_callers(void **state)
{
	const struct ioasid_hostdev_ops ops = { .quiesce = old_quiesce };
	const size_t old_size = offsetof(struct ioasid_hostdev_config, parent);
	const size_t old_ops = offsetof(struct ioasid_hostdev_ops, portal_open);
	struct ioasid_hostdev_config c = slices_config(), *small;
	struct ioasid_hostdev_ops *small_ops = cut(&ops, old_ops);
	struct ioasid_hostdev *dev;
	struct slices s;
	size_t size;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, PASIDS, 0);
	c.name = "old";
	c.rid = 9;
	c.ops = small_ops;
	c.size = old_size - 1;
	refused(ioasid_hostdev_create(s.host, &c, &dev), EINVAL);
	c.size = old_size;
	small = cut(&c, old_size);
	ok(ioasid_hostdev_create(s.host, small, &s.dev[1]));
	free(small);
	/* Bound, reset, its numbers set and cleared, unbound: nobody looks behind the end of its ops. */
	ok(ioasid_dev_open(s.ctx[1], "old", &s.handle[1]));
	ok(ioasid_dev_bind(s.handle[1], s.ctx[1], 1));
	ok(ioasid_set_hwid_mode_dev(s.ctx[1], 1, IOASID_MODE_GLOBAL));
	ok(ioasid_hwid_set_global_min_dev(s.ctx[1], 1, 16));
	ok(ioasid_dev_attach_pasid(s.handle[1], space(&s, 1, 1), 3, 0));
	ok(ioasid_dev_reset(s.handle[1]));
	lands(&s, s.dev[1], with(3), 1);
	slice_close(&s, 1);
	assert_true(nr_quiesced > 0);
	/* Half a member is none. */
	c.ops = NULL;
	c.parent = s.dev[0];
	c.mode = 99;
	c.kept_first = 99;
	c.kept_last = 1;
	for (size = old_size; size < sizeof(c); size++) {
		bool parent = size >= offsetof(struct ioasid_hostdev_config, mode);
		bool mode = size >= offsetof(struct ioasid_hostdev_config, kept_first);

		c.parent = parent ? NULL : s.dev[0];
		c.mode = mode ? IOASID_MODE_LOCAL : 99;
		if (size >= offsetof(struct ioasid_hostdev_config, kept_last) + sizeof(c.kept_last))
			c.kept_last = 100;
		c.rid = (uint16_t)(size + 1);
		c.size = size;
		c.name = "small";
		small = cut(&c, size);
		ok(ioasid_hostdev_create(s.host, small, &dev));
		free(small);
		ioasid_hostdev_destroy(dev);
	}
	ioasid_hostdev_destroy(s.dev[1]);
	s.dev[1] = NULL;
	free(small_ops);
	slices_free(&s);
}

static void memory_runs_out(void **state)
{
	struct ioasid_hostdev_config fn = slices_config(), slice;
	struct ioasid_host_stats before, after;
	struct ioasid_hostdev *dev;
	struct slices s;
	unsigned long n;
	long live;
	int rc, what;

	(void)state;
	slices_make(&s, NULL);
	fn.name = "fn2";
	fn.rid = 8;
	slice = slice_config(&s, 0, DMWR);
	for (what = 0; what < 2; what++) {
		live = os_alloc_live();
		ioasid_host_get_stats(s.host, &before);
		for (n = 1;; n++) {
			os_alloc_fail_nth(n);
			rc = ioasid_hostdev_create(s.host, what ? &slice : &fn, &dev);
			os_alloc_fail_nth(0);
			if (!rc)
				break;
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(os_alloc_live(), live);
			ioasid_host_get_stats(s.host, &after);
			assert_memory_equal(&before, &after, sizeof(before));
		}
		assert_true(n > 2);
		ioasid_hostdev_destroy(dev);
		assert_int_equal(os_alloc_live(), live);
	}
	slices_free(&s);
}

/* ---- what they send with ---------------------------------------------------------------------------- */

/* Requests without PASID: each slice reaches what is its own, of whatever context. */
static void default_pasids(void **state)
{
	struct ioasid_fault f;
	uint32_t a, b;
	struct slices s;
	unsigned int i;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, FIXED, 0);
	slice_add(&s, 1, FIXED, 1);
	slice_add(&s, 2, PASIDS, 1);
	a = space(&s, 0, 0);
	b = space(&s, 1, 1);
	nowhere(&s, s.dev[0], by_default());
	ok(ioasid_dev_attach(s.handle[0], a, 0));
	ok(ioasid_dev_attach(s.handle[1], b, 0));
	ok(ioasid_dev_attach(s.handle[2], space(&s, 1, 2), 0));
	for (i = 0; i < 3; i++)
		lands(&s, s.dev[i], by_default(), i);
	/* The RID alone leads nowhere, nor does the PASID of an entry that only requests without have. */
	nowhere(&s, s.fn, by_default());
	nowhere(&s, s.fn, with(0));
	nowhere(&s, s.dev[0], with(0));
	/* A fault is told without any number: the guest gave none. */
	while (ioasid_fault_read(s.ctx[0], &f, 1) == 1)
		;
	blocked(s.dev[0], by_rid(SL_IOVA + PAGE), IOASID_REASON_NOT_PRESENT);
	f = event_of(&s, 0);
	assert_int_equal(f.cookie, 20);
	assert_false(f.flags & IOASID_FAULT_VPASID);
	assert_int_equal(f.ioasid, a);
	assert_int_equal(f.address, SL_IOVA + PAGE);
	/* Detached, unbound: blocked, and siblings go on. */
	ok(ioasid_dev_detach(s.handle[0], a));
	nowhere(&s, s.dev[0], by_default());
	slice_close(&s, 1);
	nowhere(&s, s.dev[1], by_default());
	lands(&s, s.dev[2], by_default(), 2);
	slices_free(&s);
}

/* A slice that lost its context has no number, also when another one got that number. */
static void a_number_that_went_on(void **state)
{
	uint32_t a[3], i, n;
	struct slices s;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, FIXED, 0);
	ok(ioasid_dev_attach(s.handle[0], space(&s, 0, 0), 0));
	lands(&s, s.dev[0], by_default(), 0);
	/* Find the number by what it reaches. */
	for (n = 1; n < 512; n++) {
		*s.page[0] = 0;
		if (!dma_put(s.fn, with(n), 1))
			break;
	}
	assert_int_equal(*s.page[0], 1);
	slice_close(&s, 0);
	nowhere(&s, s.fn, with(n));
	for (i = 1; i < 3; i++) {
		slice_add(&s, i, FIXED, 1);
		a[i] = space(&s, 1, i);
		ok(ioasid_dev_attach(s.handle[i], a[i], 0));
	}
	lands(&s, s.fn, with(n), 1);
	nowhere(&s, s.dev[0], by_default());
	slice_open(&s, 0, 0);
	nowhere(&s, s.dev[0], by_default());
	slices_free(&s);
}

/* Mediation: equal vPASIDs are different numbers; the allow list holds siblings apart. */
static void mediated_numbers(void **state)
{
	uint32_t wire[3], i, j, got;
	struct slices s;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, PASIDS, 0);
	slice_add(&s, 1, PASIDS, 0);
	slice_add(&s, 2, PASIDS, 1);
	for (i = 0; i < 3; i++) {
		got = 77;
		refused(ioasid_hostdev_ppasid(s.dev[i], NAME, &got), ENOENT);
		assert_int_equal(got, 77);
		ok(ioasid_dev_attach_pasid(s.handle[i], space(&s, i == 2, i), NAME, 0));
		wire[i] = wire_of(s.dev[i], NAME);
		assert_true(wire[i] && wire[i] < 512);
	}
	for (i = 0; i < 3; i++) {
		/* On the wire there is a RID and a number: who really sent it nobody sees. */
		for (j = 0; j < 3; j++) {
			lands(&s, s.dev[j], with(wire[i]), i);
			assert_int_equal(ioasid_hostdev_allows(s.dev[j], wire[i]), i == j);
		}
		lands(&s, s.fn, with(wire[i]), i);
		assert_false(ioasid_hostdev_allows(s.dev[i], NAME));
		assert_false(ioasid_hostdev_allows(s.dev[i], 0));
		assert_false(ioasid_hostdev_allows(s.dev[i], IOASID_INVALID));
		assert_false(ioasid_hostdev_allows(s.dev[i], 1U << 20));
		refused(ioasid_hostdev_ppasid(s.dev[i], 0, &got), ENOENT);
		refused(ioasid_hostdev_ppasid(s.dev[i], IOASID_INVALID, &got), ENOENT);
		refused(ioasid_hostdev_ppasid(s.dev[i], wire[i], &got), ENOENT);
	}
	nowhere(&s, s.dev[0], with(NAME));
	slice_close(&s, 2);
	refused(ioasid_hostdev_ppasid(s.dev[2], NAME, &got), ENOENT);
	assert_false(ioasid_hostdev_allows(s.dev[2], wire[2]));
	nowhere(&s, s.dev[2], with(wire[2]));
	lands(&s, s.dev[0], with(wire[0]), 0);
	slices_free(&s);
}

/* Every way a request can go is the function's: copies, atomics, pointers, holds. */
static void ways_of_a_request(void **state)
{
	struct ioasid_host_stats before, after;
	unsigned int one = 1, way;
	struct ioasid_hold *hold;
	struct ioasid_dma dma;
	uint64_t old = 0;
	struct iovec iov;
	struct slices s;
	size_t bytes;
	uint64_t *p;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, PASIDS, 0);
	slice_add(&s, 1, PASIDS, 1);
	ok(ioasid_dev_attach(s.handle[0], space(&s, 0, 0), 0));
	ok(ioasid_dev_attach(s.handle[1], space(&s, 1, 1), 0));
	ok(ioasid_dev_attach_pasid(s.handle[0], space(&s, 0, 2), 5, 0));
	for (way = 0; way < 2; way++) {
		unsigned int page = way ? 2 : 0;

		dma = way ? with(wire_of(s.dev[0], 5)) : by_default();
		*s.page[page] = 40;
		ok(ioasid_dma_atomic(s.dev[0], &dma, IOASID_ATOMIC_FETCH_ADD, 8, 2, 0, &old));
		assert_int_equal(old, 40);
		assert_int_equal(*s.page[page], 42);
		ok(dma_get(s.dev[0], dma, &old));
		assert_int_equal(old, 42);
		/* Twice, the second time from the cache. */
		ioasid_host_get_stats(s.host, &before);
		ioasid_dma_enter();
		p = ioasid_dma_translate(s.dev[0], &dma, IOASID_ACCESS_WRITE, &bytes);
		assert_ptr_equal(p, s.page[page]);
		p = ioasid_dma_translate(s.dev[0], &dma, IOASID_ACCESS_READ, &bytes);
		assert_ptr_equal(p, s.page[page]);
		assert_int_equal(bytes, PAGE);
		ioasid_dma_exit();
		ioasid_host_get_stats(s.host, &after);
		assert_int_equal(after.iotlb_hits, before.iotlb_hits + 2);
		ok(ioasid_dma_map(s.dev[0], &dma, PAGE, IOASID_ACCESS_WRITE, &iov, &one, NULL, NULL,
				  &hold));
		assert_ptr_equal(iov.iov_base, s.page[page]);
		ioasid_dma_unmap(hold);
	}
	slices_free(&s);
}

static void give_back(struct ioasid_hold *hold, void *opaque)
{
	(*(int *)opaque)++;
	ioasid_dma_unmap(hold);
}

/* A detach of one slice's route wants back what is held through it, and nothing else. */
static void holds_are_called_back(void **state)
{
	int called[3] = { 0 };
	struct ioasid_hold *hold;
	unsigned int one = 1, i;
	struct ioasid_dma dma;
	struct iovec iov;
	struct slices s;
	uint32_t a, b;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, PASIDS, 0);
	slice_add(&s, 1, PASIDS, 0);
	a = space(&s, 0, 0);
	b = space(&s, 0, 1);
	ok(ioasid_dev_attach(s.handle[0], a, 0));
	ok(ioasid_dev_attach(s.handle[1], a, 0));
	ok(ioasid_dev_attach_pasid(s.handle[0], a, 5, 0));
	for (i = 0; i < 3; i++) {
		dma = i == 2 ? with(wire_of(s.dev[0], 5)) : by_default();
		ok(ioasid_dma_map(s.dev[i % 2], &dma, PAGE, IOASID_ACCESS_WRITE, &iov, &one,
				  give_back, &called[i], &hold));
	}
	ok(ioasid_dev_attach(s.handle[0], b, IOASID_ATTACH_REPLACE));
	assert_int_equal(called[0], 1);
	assert_int_equal(called[1], 0);
	assert_int_equal(called[2], 0);
	ok(ioasid_clear_hwid(s.ctx[0], a, 5));
	assert_int_equal(called[2], 1);
	assert_int_equal(called[1], 0);
	ok(ioasid_dev_detach(s.handle[1], a));
	assert_int_equal(called[1], 1);
	slices_free(&s);
}

/* ---- numbers that are somebody else's ------------------------------------------------------------------ */

static void kept_by_the_driver(void **state)
{
	struct ioasid_hostdev_config c = slices_config();
	struct slices s;
	uint32_t a, n;

	(void)state;
	c.kept_first = 4;
	c.kept_last = 300;
	slices_make(&s, &c);
	/* Whole: these are refused, their neighbours are not. */
	ok(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10));
	a = space(&s, 0, 0);
	ok(ioasid_dev_attach_pasid(s.fn_handle, a, 3, 0));
	refused(ioasid_set_hwid(s.ctx[0], a, 4), EBUSY);
	refused(ioasid_set_hwid(s.ctx[0], a, 300), EBUSY);
	ok(ioasid_set_hwid(s.ctx[0], a, 301));
	nowhere(&s, s.fn, with(4));
	ioasid_dev_close(s.fn_handle);
	s.fn_handle = NULL;
	/* Slices are given others: default PASIDs 1 to 3, then from 301 on. */
	for (n = 0; n < SL_DEVS; n++) {
		slice_add(&s, n, PASIDS, n % 2);
		ok(ioasid_dev_attach(s.handle[n], space(&s, n % 2, n), 0));
	}
	for (n = 0; n < SL_DEVS; n++)
		lands(&s, s.dev[n], by_default(), n);
	for (n = 4; n <= 300; n++)
		nowhere(&s, s.fn, with(n));
	a = space(&s, 0, 5);
	ok(ioasid_dev_attach_pasid(s.handle[0], a, 1, 0));
	assert_in_range(wire_of(s.dev[0], 1), 301, 511);
	/* A guest's own name for it may be any. */
	ok(ioasid_set_hwid(s.ctx[0], a, 4));
	lands(&s, s.dev[0], with(wire_of(s.dev[0], 4)), 5);
	slices_free(&s);
}

static void kept_ranges_that_are_none(void **state)
{
	static const struct {
		uint32_t first, last;
		int rc;
	} all[] = {
		{ 0, 5, -EINVAL }, { 6, 5, -EINVAL }, { 1, 1023, 0 }, { 1, 1, 0 }, { 0, 0, 0 },
	};
	struct ioasid_hostdev_config c = slices_config();
	struct ioasid_hostdev *dev;
	struct slices s;
	unsigned int i;

	(void)state;
	slices_make(&s, NULL);
	c.name = "kept";
	c.rid = 5;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		c.kept_first = all[i].first;
		c.kept_last = all[i].last;
		assert_int_equal(ioasid_hostdev_create(s.host, &c, &dev), all[i].rc);
		if (!all[i].rc)
			ioasid_hostdev_destroy(dev);
	}
	slices_free(&s);
}

/* The host itself uses PASIDs on the function: slices beside that, but nobody gets it whole. */
static void used_by_the_host(void **state)
{
	struct slices s;

	(void)state;
	slices_make(&s, NULL);
	refused(ioasid_hostdev_host_use(s.fn, false), EINVAL);
	ok(ioasid_hostdev_host_use(s.fn, true));
	ok(ioasid_hostdev_host_use(s.fn, true));
	refused(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10), EBUSY);
	slice_add(&s, 0, PASIDS, 0);
	refused(ioasid_hostdev_host_use(s.dev[0], true), EINVAL);
	refused(ioasid_hostdev_host_use(s.dev[0], false), EINVAL);
	ok(ioasid_hostdev_host_use(s.fn, false));
	slice_close(&s, 0);
	refused(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10), EBUSY);
	ok(ioasid_hostdev_host_use(s.fn, false));
	refused(ioasid_hostdev_host_use(s.fn, false), EINVAL);
	ok(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10));
	refused(ioasid_hostdev_host_use(s.fn, true), EBUSY);
	/* Whole and in slices exclude each other. */
	ok(ioasid_dev_open(s.ctx[1], "s0", &s.handle[0]));
	refused(ioasid_dev_bind(s.handle[0], s.ctx[1], 20), EBUSY);
	refused(ioasid_dev_bind(s.handle[0], s.ctx[0], 20), EBUSY);
	slices_free(&s);
}

/* ---- device TLBs, fences, resets ------------------------------------------------------------------------- */

/** struct tlb - a device TLB of the emulator's own, that may not answer */
struct tlb {
	struct ioasid_hostdev **dev;
	bool mute;
	unsigned int asked;
	uint32_t pasid;
};

static void tlb_invalidate(void *opaque, uint32_t pasid, uint64_t start, uint64_t last,
			   uint32_t tag)
{
	struct tlb *t = opaque;

	(void)start;
	(void)last;
	t->asked++;
	t->pasid = pasid;
	if (!t->mute)
		ioasid_hostdev_inv_done(*t->dev, tag);
}

static const struct ioasid_hostdev_ops tlb_ops = { .invalidate = tlb_invalidate };

static void grant(struct ioasid_hostdev *dev, struct ioasid_dma dma)
{
	unsigned int lg2, granted;
	uint64_t translated;

	ok(ioasid_hostdev_translate(dev, &dma, IOASID_ACCESS_WRITE, &translated, &lg2, &granted));
	assert_int_equal(granted & IOASID_ACCESS_WRITE, IOASID_ACCESS_WRITE);
}

/* A function with ATS, and slices with device TLBs of their own. */
static void make_tlbs(struct slices *s, struct tlb *t, unsigned int n, uint16_t dev_class)
{
	struct ioasid_hostdev_config c = slices_config();
	unsigned int i;

	c.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI;
	slices_make(s, &c);
	for (i = 0; i < n; i++) {
		c = slice_config(s, i, dev_class);
		c.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB;
		c.ops = &tlb_ops;
		c.opaque = &t[i];
		t[i] = (struct tlb){ .dev = &s->dev[i] };
		ok(ioasid_hostdev_create(s->host, &c, &s->dev[i]));
		slice_open(s, i, 0);
	}
}

/* A number of two slices: the device TLBs of both are asked, of a third not. */
static void shared_numbers_are_invalidated_everywhere(void **state)
{
	struct ioasid_dma forged;
	struct tlb t[3] = { 0 };
	uint64_t value = 0;
	struct slices s;
	uint32_t a, g;
	unsigned int i;

	(void)state;
	make_tlbs(&s, t, 3, DMWR);
	ok(ioasid_set_hwid_mode(s.ctx[0], IOASID_MODE_GLOBAL));
	ok(ioasid_hwid_set_global_min(s.ctx[0], 16));
	a = space(&s, 0, 0);
	for (i = 0; i < 2; i++)
		ok(ioasid_dev_attach_pasid(s.handle[i], a, 5, 0));
	g = wire_of(s.dev[0], 5);
	assert_int_equal(wire_of(s.dev[1], 5), g);
	assert_true(g >= 512);
	for (i = 0; i < 2; i++)
		grant(s.dev[i], with(g));
	/* What was granted to another slice is not honoured, though RID and number agree. */
	forged = by_pasid(g, (uintptr_t)s.page[0]);
	forged.flags |= IOASID_DMA_TRANSLATED;
	ok(ioasid_dma_write(s.dev[0], &forged, &value, sizeof(value)));
	assert_int_equal(ioasid_dma_write(s.dev[2], &forged, &value, sizeof(value)), -EFAULT);
	ok(ioasid_unmap(s.ctx[0], a, SL_IOVA, PAGE, NULL));
	for (i = 0; i < 3; i++)
		assert_int_equal(t[i].asked, i < 2);
	assert_int_equal(t[0].pasid, g);
	assert_int_equal(ioasid_dma_write(s.dev[0], &forged, &value, sizeof(value)), -EFAULT);
	/* The entry goes with the last of them; whoever has it cached still is asked then. */
	ok(ioasid_map(s.ctx[0], a, SL_IOVA, (uintptr_t)s.page[0], PAGE, RW));
	for (i = 0; i < 2; i++)
		grant(s.dev[i], with(g));
	ok(ioasid_dev_detach_pasid(s.handle[0], a));
	lands(&s, s.dev[1], with(g), 0);
	ok(ioasid_dev_detach_pasid(s.handle[1], a));
	assert_int_equal(t[0].asked, 2);
	assert_int_equal(t[1].asked, 2);
	nowhere(&s, s.dev[0], with(g));
	slices_free(&s);
}

static bool fenced(struct slices *s, unsigned int i)
{
	struct ioasid_device_info info = { .argsz = sizeof(info) };

	ok(ioasid_dev_get_info(s->handle[i], &info));
	return info.caps & IOASID_DEV_FENCED;
}

/* One slice does not answer: all of the function that is bound is fenced, each until its own reset. */
static void fences(void **state)
{
	struct ioasid_host_stats before, after;
	struct tlb t[3] = { 0 };
	struct slices s;
	unsigned int i;
	uint32_t a, g;

	(void)state;
	make_tlbs(&s, t, 3, DMWR);
	slice_add(&s, 3, FIXED, 1);
	ok(ioasid_dev_attach(s.handle[3], space(&s, 1, 3), 0));
	ok(ioasid_set_hwid_mode(s.ctx[0], IOASID_MODE_GLOBAL));
	ok(ioasid_hwid_set_global_min(s.ctx[0], 16));
	a = space(&s, 0, 0);
	for (i = 0; i < 2; i++)
		ok(ioasid_dev_attach_pasid(s.handle[i], a, 5, 0));
	slice_close(&s, 2);
	g = wire_of(s.dev[0], 5);
	grant(s.dev[0], with(g));
	lands(&s, s.dev[1], with(g), 0);
	lands(&s, s.dev[3], by_default(), 3);
	t[0].mute = true;
	ok(ioasid_map(s.ctx[0], a, SL_IOVA + PAGE, (uintptr_t)s.page[1], PAGE, RW));
	ok(ioasid_unmap(s.ctx[0], a, SL_IOVA, PAGE, NULL));
	for (i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		assert_true(fenced(&s, i));
		nowhere(&s, s.dev[i], i == 3 ? by_default() : by_pasid(g, SL_IOVA + PAGE));
	}
	/* Who was not bound comes clean. */
	slice_open(&s, 2, 0);
	assert_false(fenced(&s, 2));
	ok(ioasid_dev_reset(s.handle[3]));
	lands(&s, s.dev[3], by_default(), 3);
	ok(ioasid_dev_reset(s.handle[1]));
	assert_false(fenced(&s, 1));
	lands(&s, s.dev[1], by_pasid(g, SL_IOVA + PAGE), 1);
	/* The route is cached again, by a sibling: that helps nobody who is fenced. */
	lands(&s, s.dev[1], by_pasid(g, SL_IOVA + PAGE), 1);
	assert_true(fenced(&s, 0));
	nowhere(&s, s.dev[0], by_pasid(g, SL_IOVA + PAGE));
	ioasid_host_get_stats(s.host, &before);
	ioasid_dma_enter();
	{
		struct ioasid_dma dma = by_pasid(g, SL_IOVA + PAGE);
		size_t bytes;

		assert_null(ioasid_dma_translate(s.dev[0], &dma, IOASID_ACCESS_WRITE, &bytes));
		assert_non_null(ioasid_dma_translate(s.dev[1], &dma, IOASID_ACCESS_WRITE, &bytes));
	}
	ioasid_dma_exit();
	/* Who was reset is as fast as before; who is not finds nothing cached. */
	ioasid_host_get_stats(s.host, &after);
	assert_int_equal(after.iotlb_hits, before.iotlb_hits + 1);
	t[0].mute = false;
	ok(ioasid_dev_reset(s.handle[0]));
	lands(&s, s.dev[0], by_pasid(g, SL_IOVA + PAGE), 1);
	slices_free(&s);
}

static void a_reset_leaves_siblings_alone(void **state)
{
	struct tlb t[2] = { 0 };
	struct slices s;
	unsigned int i;

	(void)state;
	make_tlbs(&s, t, 2, PASIDS);
	for (i = 0; i < 2; i++) {
		ok(ioasid_dev_attach(s.handle[i], space(&s, 0, 2 * i), 0));
		ok(ioasid_dev_attach_pasid(s.handle[i], space(&s, 0, 2 * i + 1), 5, 0));
		grant(s.dev[i], by_default());
	}
	ok(ioasid_dev_reset(s.handle[0]));
	for (i = 0; i < 2; i++) {
		lands(&s, s.dev[i], by_default(), 2 * i);
		lands(&s, s.dev[i], with(wire_of(s.dev[i], 5)), 2 * i + 1);
	}
	slices_free(&s);
}

/* ---- page requests ------------------------------------------------------------------------------------------ */

/** struct asker - a device that asks for pages by itself */
struct asker {
	unsigned int nr;
	uint32_t pasid, group, code;
};

static void asker_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code)
{
	struct asker *a = opaque;

	a->nr++;
	a->pasid = pasid;
	a->group = group;
	a->code = code;
}

static const struct ioasid_hostdev_ops asker_ops = { .page_response = asker_response };

/* The guest is told its own numbers, or none; the device is answered by those on the wire. */
static void page_requests(void **state)
{
	struct ioasid_hostdev_config c = slices_config();
	/* The guest's page is its table, and empty. */
	const struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
					    .levels = 4,
					    .address = SL_IOVA };
	struct asker asker[2] = { 0 };
	struct ioasid_fault f;
	uint32_t user, a, n;
	struct slices s;
	unsigned int i;

	(void)state;
	c.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI;
	slices_make(&s, &c);
	for (i = 0; i < 2; i++) {
		c = slice_config(&s, i, PASIDS);
		c.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI;
		c.ops = &asker_ops;
		c.opaque = &asker[i];
		ok(ioasid_hostdev_create(s.host, &c, &s.dev[i]));
		refused(ioasid_hostdev_page_request(s.dev[i], &(struct ioasid_dma){ .group = 3 }, 1,
						    true),
			EIO);
		slice_open(&s, i, i);
		a = space(&s, i, i);
		ok(ioasid_alloc_user_table(s.ctx[i], a, &table, &user));
		ok(ioasid_dev_attach(s.handle[i], user, 0));
		ok(ioasid_alloc_user_table(s.ctx[i], a, &table, &user));
		ok(ioasid_dev_attach_pasid(s.handle[i], user, 5, 0));
	}
	for (i = 0; i < 2; i++) {
		struct ioasid_dma dma = { .addr = 0x5000, .group = 3 };

		/* Groups are each one's own. */
		ok(ioasid_hostdev_page_request(s.dev[i], &dma, IOASID_ACCESS_WRITE, true));
		f = event_of(&s, i);
		assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
		assert_int_equal(f.cookie, 20 + i);
		assert_false(f.flags & IOASID_FAULT_VPASID);
		ok(ioasid_page_response(s.ctx[i], f.id, IOASID_RESPONSE_INVALID));
		assert_int_equal(asker[i].nr, 1);
		assert_int_equal(asker[i].group, 3);
		n = asker[i].pasid;
		assert_in_range(n, 1, 511);
		dma = by_pasid(wire_of(s.dev[i], 5), 0x5000);
		ok(ioasid_hostdev_page_request(s.dev[i], &dma, IOASID_ACCESS_WRITE, true));
		f = event_of(&s, i);
		assert_true(f.flags & IOASID_FAULT_VPASID);
		assert_int_equal(f.vpasid, 5);
		ok(ioasid_page_response(s.ctx[i], f.id, IOASID_RESPONSE_SUCCESS));
		assert_int_equal(asker[i].pasid, wire_of(s.dev[i], 5));
		assert_int_not_equal(asker[i].pasid, n);
	}
	slices_free(&s);
}

/* ---- callbacks --------------------------------------------------------------------------------------------- */

/** struct calls - what the core asked, in order */
struct calls {
	char log[64];
	unsigned int nr;
	uint32_t drained[8];
	unsigned int nr_drained;
	int open_rc;
	int drain_rc;
};

static void logged(struct calls *c, char what)
{
	assert_true(c->nr < sizeof(c->log) - 1);
	c->log[c->nr++] = what;
}

static void on_start(void *opaque)
{
	logged(opaque, 's');
}

static void on_quiesce(void *opaque)
{
	logged(opaque, 'q');
}

static void on_reset(void *opaque)
{
	logged(opaque, 'r');
}

static int on_open(void *opaque)
{
	struct calls *c = opaque;

	logged(c, 'o');
	return c->open_rc;
}

static void on_close(void *opaque)
{
	logged(opaque, 'c');
}

static int on_drain(void *opaque, uint32_t pasid)
{
	struct calls *c = opaque;

	logged(c, 'd');
	if (c->nr_drained < 8)
		c->drained[c->nr_drained++] = pasid;
	return c->drain_rc;
}

static const struct ioasid_hostdev_ops call_ops = {
	.quiesce = on_quiesce,
	.reset = on_reset,
	.portal_open = on_open,
	.portal_close = on_close,
	.drain = on_drain,
	.start = on_start,
};

static void expect_calls(struct calls *c, const char *log)
{
	c->log[c->nr] = 0;
	assert_string_equal(c->log, log);
	c->nr = 0;
}

/* A number is drained on the slice that lets go of it, and is nobody's until the slice says so. */
static void what_an_emulator_is_asked(void **state)
{
	struct calls calls = { .drain_rc = -EINPROGRESS };
	struct ioasid_hostdev_config c;
	struct slices s;
	uint32_t a, old, n;

	(void)state;
	slices_make(&s, NULL);
	c = slice_config(&s, 0, PASIDS);
	c.ops = &call_ops;
	c.opaque = &calls;
	ok(ioasid_hostdev_create(s.host, &c, &s.dev[0]));
	slice_open(&s, 0, 0);
	expect_calls(&calls, "s");
	a = space(&s, 0, 0);
	ok(ioasid_dev_attach_pasid(s.handle[0], a, 5, 0));
	old = wire_of(s.dev[0], 5);
	ok(ioasid_clear_hwid(s.ctx[0], a, 5));
	expect_calls(&calls, "d");
	assert_int_equal(calls.drained[0], old);
	nowhere(&s, s.dev[0], with(old));
	/* The name is free, the number is not. */
	ok(ioasid_set_hwid(s.ctx[0], a, 5));
	assert_int_not_equal(wire_of(s.dev[0], 5), old);
	ioasid_hostdev_drained(s.dev[0], old);
	ok(ioasid_set_hwid(s.ctx[0], a, 6));
	assert_int_equal(wire_of(s.dev[0], 6), old);
	/* A word too many, and words about numbers that are in use or nobody's. */
	ioasid_hostdev_drained(s.dev[0], old);
	ioasid_hostdev_drained(s.dev[0], 0);
	ioasid_hostdev_drained(s.dev[0], IOASID_INVALID);
	lands(&s, s.dev[0], with(old), 0);
	ok(ioasid_dev_reset(s.handle[0]));
	expect_calls(&calls, "r");
	ok(ioasid_clear_hwid(s.ctx[0], a, 6));
	ok(ioasid_dev_reset(s.handle[0]));
	expect_calls(&calls, "dr");
	/* A reset ends what was pending. */
	ok(ioasid_set_hwid(s.ctx[0], a, 7));
	assert_int_equal(wire_of(s.dev[0], 7), old);
	slice_close(&s, 0);
	for (n = 0; n < calls.nr && calls.log[n] != 'q'; n++)
		assert_int_not_equal(calls.log[n], 'd');
	assert_true(n < calls.nr);
	slices_free(&s);
}

static void portals(void **state)
{
	struct calls calls = { .open_rc = -EIO };
	struct ioasid_hostdev_config c = slices_config();
	struct slices s;

	(void)state;
	c.ops = &call_ops;
	c.opaque = &calls;
	slices_make(&s, &c);
	/* A whole function accepts what CPUs send from the beginning. One that cannot is not bound. */
	refused(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10), EIO);
	calls.nr = 0;
	calls.open_rc = 0;
	ok(ioasid_dev_bind(s.fn_handle, s.ctx[0], 10));
	expect_calls(&calls, "so");
	ioasid_dev_close(s.fn_handle);
	s.fn_handle = NULL;
	assert_int_equal(calls.log[0], 'c');
	assert_int_equal(calls.log[1], 'q');
	slices_free(&s);
}

/* ---- going away while others work ------------------------------------------------------------------------- */

struct worker {
	struct slices *s;
	unsigned int i;
	uint32_t wire;
	bool stop;
	unsigned int landed;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		if (!dma_put(w->s->dev[w->i], with(w->wire), 1))
			__atomic_add_fetch(&w->landed, 1, __ATOMIC_RELAXED);
		(void)dma_put(w->s->dev[w->i], by_default(), 1);
	}
	return NULL;
}

/* Slices come and go, their context with them; one that stays works all the while. */
static void siblings_come_and_go(void **state)
{
	struct worker w = { 0 };
	struct slices s;
	unsigned int i;

	(void)state;
	slices_make(&s, NULL);
	slice_add(&s, 0, PASIDS, 0);
	ok(ioasid_dev_attach(s.handle[0], space(&s, 0, 0), 0));
	ok(ioasid_dev_attach_pasid(s.handle[0], space(&s, 0, 0), 5, 0));
	w.s = &s;
	w.wire = wire_of(s.dev[0], 5);
	assert_int_equal(pthread_create(&w.thread, NULL, work, &w), 0);
	/* Until it works: a busy machine may have the rounds behind it before the thread begins. */
	for (i = 0; i < 10000 && !__atomic_load_n(&w.landed, __ATOMIC_RELAXED); i++)
		nap(1);
	for (i = 0; i < 60; i++) {
		slice_add(&s, 1, i % 2 ? PASIDS : DMWR, 1);
		ok(ioasid_dev_attach(s.handle[1], space(&s, 1, 1), 0));
		ok(ioasid_dev_attach_pasid(s.handle[1], space(&s, 1, 2), 5, 0));
		lands(&s, s.dev[1], with(wire_of(s.dev[1], 5)), 2);
		if (i % 3)
			slice_close(&s, 1);
		ioasid_hostdev_destroy(s.dev[1]);
		s.dev[1] = NULL;
		slice_close(&s, 1);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	pthread_join(w.thread, NULL);
	assert_true(w.landed > 0);
	slices_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_slice_may_be),
		cmocka_unit_test(old_callers),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(default_pasids),
		cmocka_unit_test(a_number_that_went_on),
		cmocka_unit_test(mediated_numbers),
		cmocka_unit_test(ways_of_a_request),
		cmocka_unit_test(holds_are_called_back),
		cmocka_unit_test(kept_by_the_driver),
		cmocka_unit_test(kept_ranges_that_are_none),
		cmocka_unit_test(used_by_the_host),
		cmocka_unit_test(shared_numbers_are_invalidated_everywhere),
		cmocka_unit_test(fences),
		cmocka_unit_test(a_reset_leaves_siblings_alone),
		cmocka_unit_test(page_requests),
		cmocka_unit_test(what_an_emulator_is_asked),
		cmocka_unit_test(portals),
		cmocka_unit_test(siblings_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
