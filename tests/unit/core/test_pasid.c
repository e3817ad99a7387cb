// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* States of a number, and the class table. */
#include "core/class.h"
#include "core/pasid.h"
#include "tests/unit/ut.h"

/* ---- one number ------------------------------------------------------------------------------ */

static int owner_a, owner_b;

UT_CASE(pasid_states)
{
	struct pasid_space s;

	pasid_space_init(&s, 4);
	ut_assert(!pasid_space_find(&s, PPASID(5)));
	ut_assert_eq(pasid_space_take(&s, PPASID(5), &owner_a), 0);
	ut_assert(pasid_space_find(&s, PPASID(5)) == &owner_a);
	ut_assert_eq(pasid_space_take(&s, PPASID(5), &owner_b), -EEXIST);
	/* Retiring swaps in place: no memory, and nobody finds it any more. */
	os_alloc_fail_nth(1);
	pasid_space_retire(&s, PPASID(5));
	os_alloc_fail_nth(0);
	ut_assert_eq(s.pending, 1);
	ut_assert(!pasid_space_find(&s, PPASID(5)));
	ut_assert_eq(pasid_space_take(&s, PPASID(5), &owner_b), -EBUSY);
	ut_assert_eq(pasid_space_lowest_free(&s, 5, 5), -ENOSPC);
	pasid_space_release(&s, PPASID(5));
	ut_assert_eq(s.pending, 0);
	ut_assert_eq(pasid_space_take(&s, PPASID(5), &owner_b), 0);
	/* Straight from taken to free. */
	pasid_space_release(&s, PPASID(5));
	ut_assert_eq(s.pending, 0);
	ut_assert(!s.ids.root);
	/* What is free stays free. */
	pasid_space_retire(&s, PPASID(6));
	pasid_space_release(&s, PPASID(6));
	ut_assert_eq(s.pending, 0);
	ut_assert_eq(pasid_space_lowest_free(&s, 6, 6), 6);
	pasid_space_destroy(&s);
}

UT_CASE(pasid_width)
{
	struct pasid_space s;
	ppasid_t p = PPASID(77);
	u32 i;

	pasid_space_init(&s, 4);
	ut_assert_eq(pasid_space_take(&s, PPASID(0), &owner_a), -ERANGE);
	ut_assert_eq(pasid_space_take(&s, PPASID(16), &owner_a), -ERANGE);
	ut_assert_eq(pasid_space_take(&s, PPASID_NONE, &owner_a), -ERANGE);
	for (i = 1; i < 16; i++) {
		ut_assert_eq(pasid_space_alloc(&s, 0, ~0U, &owner_a, &p), 0);
		ut_assert_eq(p.val, i);
	}
	p = PPASID(77);
	ut_assert_eq(pasid_space_alloc(&s, 0, ~0U, &owner_a, &p), -ENOSPC);
	ut_assert_eq(p.val, 77);
	pasid_space_destroy(&s);

	pasid_space_init(&s, 20);
	ut_assert_eq(pasid_space_take(&s, PPASID(0xfffff), &owner_a), 0);
	ut_assert_eq(pasid_space_take(&s, PPASID(0x100000), &owner_a), -ERANGE);
	pasid_space_destroy(&s);

	pasid_space_init(&s, 0);
	ut_assert_eq(pasid_space_take(&s, PPASID(1), &owner_a), -ERANGE);
	ut_assert_eq(pasid_space_alloc(&s, 0, ~0U, &owner_a, &p), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), -ENOSPC);
	pasid_space_destroy(&s);
}

UT_CASE(pasid_ranges)
{
	struct pasid_space s;
	ppasid_t p;

	pasid_space_init(&s, 8);
	ut_assert_eq(pasid_space_alloc(&s, 100, 101, &owner_a, &p), 0);
	ut_assert_eq(p.val, 100);
	ut_assert_eq(pasid_space_alloc(&s, 100, 101, &owner_b, &p), 0);
	ut_assert_eq(p.val, 101);
	ut_assert_eq(pasid_space_alloc(&s, 100, 101, &owner_b, &p), -ENOSPC);
	ut_assert_eq(pasid_space_alloc(&s, 102, 101, &owner_b, &p), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, 100, 255), 102);
	pasid_space_retire(&s, PPASID(100));
	ut_assert_eq(pasid_space_alloc(&s, 100, 101, &owner_b, &p), -ENOSPC);
	/* Walking shows taken numbers only. */
	p = PPASID(0);
	ut_assert(pasid_space_next(&s, &p) == &owner_b);
	ut_assert_eq(p.val, 101);
	p.val++;
	ut_assert(!pasid_space_next(&s, &p));
	pasid_space_destroy(&s);
}

UT_CASE(pasid_no_memory)
{
	struct pasid_space s;
	long live = os_alloc_live();
	unsigned long nth;
	ppasid_t p = PPASID(9);
	int rc = -ENOMEM;

	pasid_space_init(&s, 20);
	for (nth = 1; rc; nth++) {
		os_alloc_fail_nth(nth);
		rc = pasid_space_alloc(&s, 1, ~0U, &owner_a, &p);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(p.val, 9);
		ut_assert_eq(os_alloc_live(), live);
	}
	ut_assert(nth > 1);
	ut_assert_eq(p.val, 1);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
}

/* A random life of 6-bit numbers against an array of states. */
enum state { IS_FREE, IS_TAKEN, IS_PENDING };

UT_CASE(pasid_model)
{
	struct ut_rand rnd = { 42 };
	enum state state[64] = { IS_FREE };
	struct pasid_space s;
	u32 i, k, pending;
	s64 want;

	pasid_space_init(&s, 6);
	for (i = 0; i < 20000; i++) {
		ppasid_t p = PPASID(1 + ut_below(&rnd, 63));
		enum state was = state[p.val];

		switch (ut_below(&rnd, 5)) {
		case 0:
			ut_assert_eq(pasid_space_take(&s, p, &owner_a), was == IS_FREE	? 0 :
									was == IS_TAKEN ? -EEXIST :
											  -EBUSY);
			if (was == IS_FREE)
				state[p.val] = IS_TAKEN;
			break;
		case 1:
			if (was == IS_PENDING)
				break; /* retired once only */
			pasid_space_retire(&s, p);
			if (was == IS_TAKEN)
				state[p.val] = IS_PENDING;
			break;
		case 2:
			pasid_space_release(&s, p);
			state[p.val] = IS_FREE;
			break;
		case 3:
			want = -ENOSPC;
			for (k = p.val; k < 64 && want < 0; k++)
				want = state[k] == IS_FREE ? (s64)k : -ENOSPC;
			ut_assert_eq(pasid_space_lowest_free(&s, p.val, ~0U), want);
			break;
		default:
			ut_assert(pasid_space_find(&s, p) == (was == IS_TAKEN ? &owner_a : NULL));
		}
		for (k = 0, pending = 0; k < 64; k++)
			pending += state[k] == IS_PENDING;
		ut_assert_eq(s.pending, pending);
	}
	pasid_space_destroy(&s);
}

/* ---- the class table, row by row as the design has it ------------------------------------------- */

struct row {
	u32 dev_class;
	bool mediated, pasid, delegated, cpu, cpu_virt, may_global;
	enum ioasid_number_source numbers;
};

static const struct row rows[] = {
	{ 1, false, false, false, false, false, false, IOASID_NUMBERS_NONE },
	{ 2, true, false, false, false, false, false, IOASID_NUMBERS_NONE },
	{ 3, true, false, false, false, false, false, IOASID_NUMBERS_PARENT },
	{ 4, false, false, true, false, false, false, IOASID_NUMBERS_GUEST },
	{ 5, false, true, false, false, false, true, IOASID_NUMBERS_RID },
	{ 6, true, true, false, false, false, true, IOASID_NUMBERS_PARENT },
	{ 7, false, true, false, true, false, true, IOASID_NUMBERS_RID },
	{ 8, true, true, false, true, true, true, IOASID_NUMBERS_HOST },
};

UT_CASE(class_table)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ioasid_class_policy *p = ioasid_class_get(rows[i].dev_class);

		ut_assert(p);
		ut_assert_eq(p->mediated, rows[i].mediated);
		ut_assert_eq(p->pasid, rows[i].pasid);
		ut_assert_eq(p->delegated, rows[i].delegated);
		ut_assert_eq(p->cpu, rows[i].cpu);
		ut_assert_eq(p->cpu_virt, rows[i].cpu_virt);
		ut_assert_eq(p->may_global, rows[i].may_global);
		ut_assert_eq(p->numbers, rows[i].numbers);
	}
	ut_assert(ioasid_class_get(IOASID_CLASS_PDEV)->available);
	ut_assert(ioasid_class_get(IOASID_CLASS_SW_MDEV)->available);
	ut_assert(ioasid_class_get(IOASID_CLASS_PDEV_PASID)->available);
	ut_assert(!ioasid_class_get(0));
	ut_assert(!ioasid_class_get(9));
	ut_assert(!ioasid_class_get(~0U));
}

UT_SUITE(core_pasid, UT_ENTRY(pasid_states), UT_ENTRY(pasid_width), UT_ENTRY(pasid_ranges),
	 UT_ENTRY(pasid_no_memory), UT_ENTRY(pasid_model), UT_ENTRY(class_table));
