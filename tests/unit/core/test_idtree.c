// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The radix tree against an array, at its edges, full, and without memory. */
#include "core/idtree.h"
#include "tests/unit/ut.h"

#define SMALL_BITS 10
#define SMALL	   BIT(SMALL_BITS)

/* What a number leads to: any pointer that differs per number and round. */
static void *ptr_of(u32 id, u32 round)
{
	return (void *)(unsigned long)(0x100000ULL + ((u64)round << 32) + id);
}

/* ---- against an array ----------------------------------------------------------------------- */

struct model {
	struct idtree tree;
	void *slot[SMALL];
	u32 next;
	u32 model_next;
	struct ut_rand rnd;
};

static s64 model_free(const struct model *m, u32 first, u32 last)
{
	u32 i;

	for (i = first; i <= last && i < SMALL; i++) {
		if (!m->slot[i])
			return i;
	}
	return -ENOSPC;
}

static void model_insert(struct model *m, u32 id, void *ptr)
{
	int rc = idtree_insert(&m->tree, id, ptr);

	if (id >= SMALL) {
		ut_assert_eq(rc, -ERANGE);
	} else if (m->slot[id]) {
		ut_assert_eq(rc, -EEXIST);
	} else {
		ut_assert_eq(rc, 0);
		m->slot[id] = ptr;
	}
}

static void model_alloc(struct model *m, u32 first, u32 last, void *ptr)
{
	s64 want = model_free(m, first, last);
	u32 id = ~0U;
	int rc;

	ut_assert_eq(idtree_find_free(&m->tree, first, last), want);
	rc = idtree_alloc(&m->tree, first, last, ptr, &id);
	ut_assert_eq(rc, want < 0 ? -ENOSPC : 0);
	if (want < 0) {
		ut_assert_eq(id, ~0U);
		return;
	}
	ut_assert_eq(id, want);
	m->slot[id] = ptr;
}

static void model_cyclic(struct model *m, u32 first, u32 last, void *ptr)
{
	u32 from = m->model_next < first || m->model_next > last ? first : m->model_next;
	s64 want = model_free(m, from, last);
	u32 id = ~0U;
	int rc;

	if (want < 0 && from > first)
		want = model_free(m, first, from - 1);
	rc = idtree_alloc_cyclic(&m->tree, first, last, &m->next, ptr, &id);
	ut_assert_eq(rc, want < 0 ? -ENOSPC : 0);
	if (want < 0)
		return;
	ut_assert_eq(id, want);
	m->slot[id] = ptr;
	m->model_next = id + 1;
}

static void model_next(struct model *m, u32 id)
{
	u32 got = id, want = id;
	void *ptr = idtree_next(&m->tree, &got);

	while (want < SMALL && !m->slot[want])
		want++;
	if (want >= SMALL) {
		ut_assert(!ptr);
	} else {
		ut_assert_eq(got, want);
		ut_assert(ptr == m->slot[want]);
	}
}

static void model_step(struct model *m, u32 round)
{
	u32 id = ut_below(&m->rnd, SMALL + 4), other = ut_below(&m->rnd, SMALL);
	void *ptr = ptr_of(id, round);

	switch (ut_below(&m->rnd, 8)) {
	case 0:
	case 1:
		model_insert(m, id, ptr);
		break;
	case 2:
		model_alloc(m, min(id, other), max(id, other), ptr);
		break;
	case 3:
		model_cyclic(m, other / 2, SMALL - 1, ptr);
		break;
	case 4:
		model_next(m, id);
		break;
	case 5:
		ut_assert(idtree_find(&m->tree, id) == (id < SMALL ? m->slot[id] : NULL));
		break;
	case 6:
		ut_assert(idtree_swap(&m->tree, other, ptr) == m->slot[other]);
		if (m->slot[other])
			m->slot[other] = ptr;
		break;
	default:
		ut_assert(idtree_erase(&m->tree, other) == m->slot[other]);
		m->slot[other] = NULL;
		break;
	}
}

static void model_compare(struct model *m)
{
	u32 i, n = 0, id;
	void *ptr;

	for (i = 0; i < SMALL; i++) {
		ut_assert(idtree_find(&m->tree, i) == m->slot[i]);
		n += m->slot[i] != NULL;
	}
	ut_assert_eq(m->tree.count, n);
	i = 0;
	idtree_for_each(&m->tree, id, ptr) i++;
	ut_assert_eq(i, n);
}

/* Numbers cluster in some rounds, so that whole nodes fill up and empty again. */
static void run_model(struct model *m, u64 seed)
{
	u32 round, i;

	memset(m, 0, sizeof(*m));
	m->rnd.state = seed;
	idtree_init(&m->tree, SMALL_BITS);
	for (round = 1; round <= 6; round++) {
		for (i = 0; i < 1500; i++)
			model_step(m, round);
		model_compare(m);
		for (i = 0; i < SMALL; i++) {
			if (round & 1)
				model_insert(m, i, ptr_of(i, round));
			else
				model_alloc(m, 0, ~0U, ptr_of(i, round));
		}
		ut_assert_eq(m->tree.count, SMALL);
		model_compare(m);
		for (i = 0; i < SMALL; i++) {
			if (ut_below(&m->rnd, 4))
				m->slot[i] = idtree_erase(&m->tree, i) ? NULL : m->slot[i];
		}
		model_compare(m);
	}
	for (i = 0; i < SMALL; i++)
		idtree_erase(&m->tree, i);
	ut_assert_eq(m->tree.count, 0);
	ut_assert(!m->tree.root);
}

UT_CASE(idtree_model)
{
	struct model *m = kzalloc(sizeof(*m), GFP_KERNEL);
	long live;

	ut_assert(m);
	live = os_alloc_live();
	run_model(m, 1);
	ut_assert_eq(os_alloc_live(), live);
	run_model(m, 20240229);
	ut_assert_eq(os_alloc_live(), live);
	kfree(m);
}

/* ---- edges ------------------------------------------------------------------------------------ */

static void check_width(unsigned int bits)
{
	u64 last = BIT_ULL(bits) - 1;
	struct idtree t;
	u32 id;

	idtree_init(&t, bits);
	ut_assert_eq(t.last, last);
	ut_assert_eq(idtree_insert(&t, (u32)last, &t), 0);
	ut_assert_eq(idtree_insert(&t, (u32)last, &t), -EEXIST);
	if (bits < 32)
		ut_assert_eq(idtree_insert(&t, (u32)last + 1, &t), -ERANGE);
	ut_assert(idtree_find(&t, (u32)last) == &t);
	id = 0;
	ut_assert(idtree_next(&t, &id) == &t);
	ut_assert_eq(id, last);
	ut_assert_eq(idtree_find_free(&t, (u32)last, ~0U), -ENOSPC);
	ut_assert_eq(idtree_find_free(&t, 0, ~0U), 0);
	ut_assert_eq(idtree_insert(&t, 0, &id), 0);
	ut_assert_eq(idtree_find_free(&t, 0, 0), -ENOSPC);
	ut_assert_eq(idtree_find_free(&t, 1, 0), -ENOSPC);
	ut_assert(idtree_erase(&t, (u32)last) == &t);
	ut_assert(!idtree_erase(&t, (u32)last));
	ut_assert(!idtree_swap(&t, (u32)last, &id));
	ut_assert(idtree_erase(&t, 0) == &id);
	ut_assert(!t.root);
}

UT_CASE(idtree_widths)
{
	long live = os_alloc_live();
	unsigned int bits;

	for (bits = 1; bits <= 32; bits++)
		check_width(bits);
	ut_assert_eq(os_alloc_live(), live);
}

UT_CASE(idtree_destroys_what_is_left)
{
	long live = os_alloc_live();
	struct idtree t;
	u32 id;

	idtree_init(&t, 30);
	for (id = 0; id < 5000; id++)
		ut_assert_eq(idtree_insert(&t, id * 200003U % BIT(30), &t), 0);
	ut_assert_eq(t.count, 5000);
	idtree_destroy(&t);
	ut_assert_eq(t.count, 0);
	ut_assert_eq(os_alloc_live(), live);
	/* Usable again. */
	ut_assert_eq(idtree_alloc(&t, 3, 9, &t, &id), 0);
	ut_assert_eq(id, 3);
	idtree_destroy(&t);
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- every PASID there is ------------------------------------------------------------------------ */

UT_CASE(idtree_million)
{
	const u32 n = 1U << 20;
	long live = os_alloc_live();
	struct idtree t;
	u32 i, id, wrong = 0;

	idtree_init(&t, 20);
	for (i = 0; i < n; i++)
		wrong += idtree_alloc(&t, 0, ~0U, ptr_of(i, 0), &id) || id != i;
	ut_assert_eq(wrong, 0);
	ut_assert_eq(t.count, n);
	ut_assert_eq(idtree_alloc(&t, 0, ~0U, &t, &id), -ENOSPC);
	for (i = 77; i < n; i += 65537) {
		ut_assert(idtree_erase(&t, i) == ptr_of(i, 0));
		ut_assert_eq(idtree_find_free(&t, 0, ~0U), i);
		ut_assert_eq(idtree_find_free(&t, i + 1, ~0U), -ENOSPC);
		ut_assert_eq(idtree_alloc(&t, 0, ~0U, ptr_of(i, 0), &id), 0);
		ut_assert_eq(id, i);
	}
	for (i = 0; i < n; i++)
		wrong += idtree_erase(&t, i) != ptr_of(i, 0);
	ut_assert_eq(wrong, 0);
	ut_assert(!t.root);
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- without memory ----------------------------------------------------------------------------------- */

UT_CASE(idtree_no_memory)
{
	struct idtree t;
	unsigned long nth;
	long live;
	int rc;

	idtree_init(&t, 30);
	ut_assert_eq(idtree_insert(&t, 5, &t), 0);
	live = os_alloc_live();
	/* 30 bits are five levels, of which only the root is shared with 5. */
	for (nth = 1; nth <= 4; nth++) {
		os_alloc_fail_nth(nth);
		rc = idtree_insert(&t, 1U << 29, &t);
		os_alloc_fail_nth(0);
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(t.count, 1);
		ut_assert_eq(os_alloc_live(), live);
		ut_assert(!idtree_find(&t, 1U << 29));
		ut_assert_eq(idtree_find_free(&t, 1U << 29, ~0U), 1U << 29);
	}
	os_alloc_fail_nth(nth);
	rc = idtree_insert(&t, 1U << 29, &t);
	os_alloc_fail_nth(0);
	ut_assert_eq(rc, 0);
	/* Taking out and swapping never need any. */
	os_alloc_fail_nth(1);
	ut_assert(idtree_swap(&t, 5, &live) == &t);
	ut_assert(idtree_erase(&t, 5) == &live);
	ut_assert(idtree_erase(&t, 1U << 29) == &t);
	os_alloc_fail_nth(0);
	ut_assert(!t.root);
}

UT_SUITE(core_idtree, UT_ENTRY(idtree_model), UT_ENTRY(idtree_widths),
	 UT_ENTRY(idtree_destroys_what_is_left), UT_ENTRY(idtree_million),
	 UT_ENTRY(idtree_no_memory));
