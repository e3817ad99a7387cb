// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Number spaces against an array of states: at their edges, full, and without memory. The class table. */
#include "core/class.h"
#include "core/pasid.h"
#include "tests/unit/ut.h"

/* ---- one number ------------------------------------------------------------------------------ */

UT_CASE(a_number_is_free_used_or_quarantined)
{
	struct pasid_space s;

	pasid_space_init(&s, 4);
	ut_assert(!pasid_space_is_used(&s, 5));
	ut_assert(!pasid_space_is_quarantined(&s, 5));
	ut_assert_eq(pasid_space_take(&s, 5, NULL), 0);
	ut_assert(pasid_space_is_used(&s, 5));
	ut_assert(!pasid_space_is_quarantined(&s, 5));
	ut_assert_eq(pasid_space_take(&s, 5, NULL), -EEXIST);
	ut_assert_eq(s.used, 1);
	pasid_space_retire(&s, 5);
	ut_assert(pasid_space_is_used(&s, 5));
	ut_assert(pasid_space_is_quarantined(&s, 5));
	ut_assert_eq(s.used, 0);
	ut_assert_eq(s.quarantined, 1);
	ut_assert_eq(pasid_space_take(&s, 5, NULL), -EBUSY);
	ut_assert_eq(pasid_space_lowest_free(&s, 5, 5), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, 5, 6), 6);
	pasid_space_release(&s, 5);
	ut_assert_eq(s.quarantined, 0);
	ut_assert(!pasid_space_is_used(&s, 5));
	ut_assert(!pasid_space_is_quarantined(&s, 5));
	/* Straight from used to free. */
	ut_assert_eq(pasid_space_take(&s, 5, NULL), 0);
	pasid_space_release(&s, 5);
	ut_assert_eq(s.used, 0);
	ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), 1);
	pasid_space_destroy(&s);
}

/* What has begun to end must not depend on memory. */
UT_CASE(quarantine_needs_no_memory)
{
	struct pasid_space s;
	u32 i;

	pasid_space_init(&s, 14);
	for (i = 1; i <= 3 * 4096; i += 3)
		ut_assert_eq(pasid_space_take(&s, i, NULL), 0);
	os_alloc_fail_nth(1);
	for (i = 1; i <= 3 * 4096; i += 3)
		pasid_space_retire(&s, i);
	pasid_space_release(&s, 4);
	pasid_space_release_quarantined(&s);
	os_alloc_fail_nth(0);
	ut_assert_eq(s.used, 0);
	ut_assert_eq(s.quarantined, 0);
	ut_assert_eq(pasid_space_next(&s, 0), -ENOENT);
	pasid_space_destroy(&s);
}

UT_CASE(quarantined_numbers_are_released_one_by_one_or_all)
{
	struct pasid_space s;
	u32 i;

	pasid_space_init(&s, 13);
	for (i = 1; i < 8192; i++)
		ut_assert_eq(pasid_space_take(&s, i, NULL), 0);
	for (i = 64; i < 8192; i += 64)
		pasid_space_retire(&s, i);
	ut_assert_eq(s.quarantined, 127);
	ut_assert_eq(s.used, 8191 - 127);
	ut_assert_eq(pasid_space_lowest_free(&s, 1, ~0U), -ENOSPC);
	pasid_space_release(&s, 4096);
	ut_assert_eq(pasid_space_lowest_free(&s, 1, ~0U), 4096);
	ut_assert_eq(pasid_space_take(&s, 4096, NULL), 0);
	pasid_space_release_quarantined(&s);
	/* Those that are used stay. */
	ut_assert_eq(s.quarantined, 0);
	ut_assert_eq(s.used, 8191 - 126);
	for (i = 1; i < 8192; i++)
		ut_assert_eq(pasid_space_is_used(&s, i), i % 64 || i == 4096);
	pasid_space_release_quarantined(&s);
	ut_assert_eq(s.used, 8191 - 126);
	pasid_space_destroy(&s);
}

/* ---- widths ------------------------------------------------------------------------------------ */

static void check_width(unsigned int bits)
{
	u32 last = (u32)(BIT_ULL(bits) - 1);
	struct pasid_space s;

	pasid_space_init(&s, bits);
	ut_assert_eq(s.last, last);
	ut_assert_eq(pasid_space_bytes(&s), 0);
	ut_assert_eq(pasid_space_next(&s, 0), -ENOENT);
	ut_assert_eq(pasid_space_take(&s, 0, NULL), -ERANGE);
	ut_assert_eq(pasid_space_take(&s, last + 1, NULL), -ERANGE);
	ut_assert_eq(pasid_space_take(&s, ~0U, NULL), -ERANGE);
	ut_assert_eq(pasid_space_bytes(&s), 0);
	ut_assert(!pasid_space_is_used(&s, last + 1));
	ut_assert(!pasid_space_is_used(&s, ~0U));
	ut_assert_eq(pasid_space_lowest_free(&s, 0, 0), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, 2, 1), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, last + 1, ~0U), -ENOSPC);
	ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), bits ? 1 : -ENOSPC);
	if (bits) {
		ut_assert_eq(pasid_space_lowest_free(&s, last, ~0U), last);
		ut_assert_eq(pasid_space_take(&s, last, NULL), 0);
		ut_assert_eq(pasid_space_next(&s, 0), last);
		ut_assert_eq(pasid_space_next(&s, last), last);
		ut_assert_eq(pasid_space_lowest_free(&s, last, ~0U), -ENOSPC);
		ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), bits > 1 ? 1 : -ENOSPC);
	}
	ut_assert_eq(pasid_space_next(&s, last + 1), -ENOENT);
	ut_assert_eq(pasid_space_next(&s, ~0U), -ENOENT);
	pasid_space_destroy(&s);
}

UT_CASE(every_width_ends_where_it_should)
{
	long live = os_alloc_live();
	unsigned int bits;

	for (bits = 0; bits <= 20; bits++)
		check_width(bits);
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- against an array ----------------------------------------------------------------------- */

enum state { IS_FREE, IS_USED, IS_QUARANTINED };

struct model {
	struct pasid_space space;
	u8 *state;
	u32 size;
	u32 nr[3];
	struct ut_rand rnd;
};

static struct model *model_new(unsigned int bits, u64 seed)
{
	struct model *m = kzalloc(sizeof(*m), GFP_KERNEL);

	ut_assert(m);
	m->rnd.state = seed;
	m->size = 1U << bits;
	m->state = kvcalloc(m->size, 1, GFP_KERNEL);
	ut_assert(m->state);
	m->nr[IS_FREE] = m->size;
	pasid_space_init(&m->space, bits);
	return m;
}

static void model_free(struct model *m)
{
	pasid_space_destroy(&m->space);
	kvfree(m->state);
	kfree(m);
}

static enum state model_state(const struct model *m, u32 number)
{
	return number < m->size ? m->state[number] : IS_FREE;
}

static void model_set(struct model *m, u32 number, enum state state)
{
	m->nr[m->state[number]]--;
	m->nr[state]++;
	m->state[number] = state;
}

static s64 model_lowest(const struct model *m, u32 first, u32 last)
{
	u64 i;

	for (i = first ? first : 1; i <= last && i < m->size; i++) {
		if (m->state[i] == IS_FREE)
			return (s64)i;
	}
	return -ENOSPC;
}

static s64 model_next(const struct model *m, u64 number)
{
	for (; number < m->size; number++) {
		if (m->state[number] != IS_FREE)
			return (s64)number;
	}
	return -ENOENT;
}

/* Mostly next to where words and nodes begin and end; sometimes beyond the width. */
static u32 model_pick(struct model *m)
{
	u32 number = ut_below(&m->rnd, m->size), near = ut_below(&m->rnd, 5);

	switch (ut_below(&m->rnd, 8)) {
	case 0:
	case 1:
		return (number & ~63U) + near - (number > 63 ? 2 : 0);
	case 2:
	case 3:
		return (number & ~4095U) + near - (number > 4095 ? 2 : 0);
	case 4:
		return m->size - min(m->size, 3U) + near;
	default:
		return number;
	}
}

static void model_take(struct model *m, u32 number)
{
	enum state was = model_state(m, number);
	int rc = pasid_space_take(&m->space, number, NULL);

	if (!number || number >= m->size) {
		ut_assert_eq(rc, -ERANGE);
	} else if (was != IS_FREE) {
		ut_assert_eq(rc, was == IS_USED ? -EEXIST : -EBUSY);
	} else {
		ut_assert_eq(rc, 0);
		model_set(m, number, IS_USED);
	}
}

static void model_drop(struct model *m, u32 number, bool retire)
{
	enum state was = model_state(m, number);

	if (was == IS_FREE)
		return;
	if (!retire) {
		pasid_space_release(&m->space, number);
		model_set(m, number, IS_FREE);
	} else if (was == IS_USED) {
		pasid_space_retire(&m->space, number);
		model_set(m, number, IS_QUARANTINED);
	}
}

static void model_release_all(struct model *m)
{
	u32 i;

	pasid_space_release_quarantined(&m->space);
	for (i = 0; i < m->size; i++) {
		if (m->state[i] == IS_QUARANTINED)
			model_set(m, i, IS_FREE);
	}
}

/* Whole words and nodes become full, and partly empty again. */
static void model_run(struct model *m, u32 number)
{
	u32 n = ut_below(&m->rnd, ut_below(&m->rnd, 4) ? 200 : 9000), what = ut_below(&m->rnd, 5);

	for (; n && number < m->size; n--, number++) {
		if (what < 3)
			model_take(m, number);
		else if (ut_below(&m->rnd, 8))
			model_drop(m, number, what == 3);
	}
}

static void model_query(struct model *m, u32 number)
{
	u32 other = model_pick(m);

	ut_assert_eq(pasid_space_is_used(&m->space, number), model_state(m, number) != IS_FREE);
	ut_assert_eq(pasid_space_is_quarantined(&m->space, number),
		     model_state(m, number) == IS_QUARANTINED);
	ut_assert_eq(pasid_space_next(&m->space, number), model_next(m, number));
	ut_assert_eq(pasid_space_lowest_free(&m->space, number, other),
		     model_lowest(m, number, other));
	ut_assert_eq(pasid_space_lowest_free(&m->space, number, ~0U), model_lowest(m, number, ~0U));
}

/* Ranges within one word of 64. */
static void model_any(struct model *m, u32 number)
{
	u32 first, last, i;
	bool any = false;

	if (number >= m->size)
		return;
	first = number;
	last = first + ut_below(&m->rnd, 64 - first % 64);
	for (i = first; i <= last; i++)
		any |= model_state(m, i) != IS_FREE;
	ut_assert_eq(pasid_space_any(&m->space, first, last), any);
}

static void model_step(struct model *m)
{
	u32 number = model_pick(m);
	s64 got;

	switch (ut_below(&m->rnd, 16)) {
	case 0 ... 3:
		model_take(m, number);
		break;
	case 4 ... 6:
		got = model_lowest(m, number, ~0U);
		ut_assert_eq(pasid_space_lowest_free(&m->space, number, ~0U), got);
		if (got > 0)
			model_take(m, (u32)got);
		break;
	case 7 ... 9:
		model_drop(m, number, true);
		break;
	case 10 ... 11:
		model_drop(m, number, false);
		break;
	case 12:
		if (!ut_below(&m->rnd, 20))
			model_release_all(m);
		break;
	case 13:
		if (!ut_below(&m->rnd, 4))
			model_run(m, number);
		break;
	default:
		model_query(m, number);
		model_any(m, number);
		break;
	}
	ut_assert_eq(m->space.used, m->nr[IS_USED]);
	ut_assert_eq(m->space.quarantined, m->nr[IS_QUARANTINED]);
}

static void model_compare(struct model *m)
{
	s64 got, want;
	u64 at = 0;

	do {
		got = pasid_space_next(&m->space, (u32)at);
		want = model_next(m, at);
		ut_assert_eq(got, want);
		at = (u64)want + 1;
	} while (want >= 0);
}

UT_CASE(random_lives_of_every_width)
{
	long live = os_alloc_live();
	unsigned int bits;
	u32 i;

	for (bits = 1; bits <= 20; bits++) {
		struct model *m = model_new(bits, 1000 + bits);

		for (i = 0; i < UT_STEPS(bits < 16 ? 6000U : 1500U); i++)
			model_step(m);
		model_compare(m);
		model_free(m);
		ut_assert_eq(os_alloc_live(), live);
	}
}

/* Every range of a space of 128, the ends of which lie beyond it too, at several fillings. */
UT_CASE(lowest_free_of_every_range)
{
	struct model *m = model_new(7, 7);
	u32 round, i, first, last, wrong = 0;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < 128; i++) {
			if (ut_below(&m->rnd, 6) < round)
				model_take(m, i);
			else
				model_drop(m, i, false);
		}
		for (first = 0; first < 132; first++) {
			for (last = 0; last < 132; last++)
				wrong += pasid_space_lowest_free(&m->space, first, last) !=
					 model_lowest(m, first, last);
		}
	}
	ut_assert_eq(wrong, 0);
	model_free(m);
}

/* The same around the seam of two nodes, which are full but for one number. */
UT_CASE(lowest_free_across_nodes)
{
	struct model *m = model_new(14, 14);
	u32 hole, first, last, wrong = 0, i;

	for (i = 1; i < m->size; i++)
		model_take(m, i);
	for (hole = 8192 - 66; hole < 8192 + 66; hole++) {
		model_drop(m, hole, hole & 1);
		if (hole & 1)
			model_drop(m, hole, false);
		for (first = hole - 3; first < hole + 3; first++) {
			for (last = hole - 3; last < hole + 3; last++)
				wrong += pasid_space_lowest_free(&m->space, first, last) !=
					 model_lowest(m, first, last);
		}
		wrong += pasid_space_lowest_free(&m->space, 0, ~0U) != hole;
		wrong += pasid_space_lowest_free(&m->space, 4097, 12000) != hole;
		model_take(m, hole);
	}
	ut_assert_eq(wrong, 0);
	ut_assert_eq(pasid_space_lowest_free(&m->space, 0, ~0U), -ENOSPC);
	model_free(m);
}

/* ---- every PASID there is ------------------------------------------------------------------------ */

UT_CASE(all_of_20_bits_in_one_mebibyte)
{
	const u32 n = 1U << 20;
	long live = os_alloc_live();
	struct pasid_space s;
	u32 i, wrong = 0;

	pasid_space_init(&s, 20);
	for (i = 1; i < n; i++) {
		wrong += pasid_space_lowest_free(&s, 0, ~0U) != i;
		wrong += pasid_space_take(&s, i, NULL) != 0;
	}
	ut_assert_eq(wrong, 0);
	ut_assert_eq(s.used, n - 1);
	/* 0 is not there, even if nothing else is left. */
	ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), -ENOSPC);
	ut_assert_eq(pasid_space_take(&s, 0, NULL), -ERANGE);
	ut_assert(!pasid_space_is_used(&s, 0));
	ut_assert(pasid_space_bytes(&s) <= 1 << 20);
	ut_log("full at 20 bits: %lu bytes", (unsigned long)pasid_space_bytes(&s));
	for (i = 77; i < n; i += 65537) {
		pasid_space_retire(&s, i);
		ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), -ENOSPC);
		pasid_space_release(&s, i);
		ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), i);
		ut_assert_eq(pasid_space_lowest_free(&s, i + 1, ~0U), -ENOSPC);
		ut_assert_eq(pasid_space_take(&s, i, NULL), 0);
	}
	for (i = 1; i < n; i++)
		pasid_space_release(&s, i);
	ut_assert_eq(s.used, 0);
	ut_assert_eq(pasid_space_next(&s, 0), -ENOENT);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
}

/* A space that was destroyed with numbers in it is empty, and can be used again. */
UT_CASE(destroy_forgets_what_is_left)
{
	long live = os_alloc_live();
	struct pasid_space s;
	u32 i;

	pasid_space_init(&s, 13);
	for (i = 1; i < 8192; i++)
		ut_assert_eq(pasid_space_take(&s, i, NULL), 0);
	pasid_space_retire(&s, 5000);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
	ut_assert_eq(s.used + s.quarantined, 0);
	ut_assert_eq(pasid_space_lowest_free(&s, 0, ~0U), 1);
	ut_assert_eq(pasid_space_lowest_free(&s, 5000, 5000), 5000);
	ut_assert_eq(pasid_space_take(&s, 5000, NULL), 0);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- memory ------------------------------------------------------------------------------------- */

UT_CASE(memory_is_taken_before_the_lock)
{
	long live = os_alloc_live();
	struct pasid_spare spare = { 0 };
	struct pasid_space s;
	size_t bytes;

	pasid_space_init(&s, 20);
	/* Nothing at hand: refused, and nothing has changed. */
	ut_assert_eq(pasid_space_take(&s, 9, &spare), -ENOMEM);
	ut_assert_eq(s.used, 0);
	ut_assert_eq(pasid_space_bytes(&s), 0);
	ut_assert_eq(pasid_space_spare(&spare), 0);
	ut_assert(spare.array && spare.node);
	ut_assert_eq(os_alloc_live(), live + 2);
	/* What is there is not taken twice. */
	ut_assert_eq(pasid_space_spare(&spare), 0);
	ut_assert_eq(os_alloc_live(), live + 2);
	os_alloc_fail_nth(1);
	ut_assert_eq(pasid_space_take(&s, 9, &spare), 0);
	os_alloc_fail_nth(0);
	ut_assert(!spare.array && !spare.node);
	bytes = pasid_space_bytes(&s);
	ut_assert(bytes > 0);
	/* A neighbour needs nothing, a number far away a node. */
	os_alloc_fail_nth(1);
	ut_assert_eq(pasid_space_take(&s, 10, &spare), 0);
	ut_assert_eq(pasid_space_spare(&spare), -ENOMEM);
	pasid_space_spare_free(&spare);
	os_alloc_fail_nth(2);
	ut_assert_eq(pasid_space_spare(&spare), -ENOMEM);
	os_alloc_fail_nth(0);
	pasid_space_spare_free(&spare);
	ut_assert_eq(pasid_space_take(&s, 5000, &spare), -ENOMEM);
	ut_assert(!pasid_space_is_used(&s, 5000));
	ut_assert_eq(pasid_space_bytes(&s), bytes);
	ut_assert_eq(pasid_space_spare(&spare), 0);
	ut_assert(spare.array && spare.node);
	/* Somebody else was faster: what is not needed stays with its owner. */
	ut_assert_eq(pasid_space_take(&s, 5001, NULL), 0);
	ut_assert_eq(pasid_space_take(&s, 5000, &spare), 0);
	ut_assert(spare.array && spare.node);
	ut_assert_eq(pasid_space_take(&s, 9000, &spare), 0);
	ut_assert(spare.array && !spare.node);
	pasid_space_spare_free(&spare);
	ut_assert(!spare.array && !spare.node);
	pasid_space_spare_free(&spare);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
}

/* Half of what it needs is not enough, and is left where it was. */
UT_CASE(half_of_the_memory_changes_nothing)
{
	long live = os_alloc_live();
	struct pasid_spare spare = { 0 };
	struct pasid_node *node;
	struct pasid_space s;

	pasid_space_init(&s, 20);
	ut_assert_eq(pasid_space_spare(&spare), 0);
	node = spare.node;
	spare.node = NULL;
	ut_assert_eq(pasid_space_take(&s, 9, &spare), -ENOMEM);
	ut_assert(spare.array);
	ut_assert_eq(pasid_space_bytes(&s), 0);
	spare.node = node;
	ut_assert_eq(pasid_space_take(&s, 9, &spare), 0);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
}

static unsigned long fail_until_taken(struct pasid_space *s, u32 number)
{
	long live = os_alloc_live();
	size_t bytes = pasid_space_bytes(s);
	u32 used = s->used;
	unsigned long nth;
	int rc;

	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = pasid_space_take(s, number, NULL);
		os_alloc_fail_nth(0);
		if (!rc)
			return nth - 1;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(os_alloc_live(), live);
		ut_assert_eq(pasid_space_bytes(s), bytes);
		ut_assert_eq(s->used, used);
		ut_assert(!pasid_space_is_used(s, number));
		ut_assert_eq(pasid_space_lowest_free(s, number, number), number);
	}
}

UT_CASE(without_memory_nothing_changes)
{
	long live = os_alloc_live();
	struct pasid_space s;

	pasid_space_init(&s, 20);
	ut_assert_eq(fail_until_taken(&s, 70000), 2);
	ut_assert_eq(fail_until_taken(&s, 1), 2);
	ut_assert_eq(fail_until_taken(&s, 2), 0);
	ut_assert_eq(fail_until_taken(&s, 0xfffff), 2);
	pasid_space_destroy(&s);
	ut_assert_eq(os_alloc_live(), live);
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

UT_SUITE(core_pasid, UT_ENTRY(a_number_is_free_used_or_quarantined),
	 UT_ENTRY(quarantine_needs_no_memory),
	 UT_ENTRY(quarantined_numbers_are_released_one_by_one_or_all),
	 UT_ENTRY(every_width_ends_where_it_should), UT_ENTRY(random_lives_of_every_width),
	 UT_ENTRY(lowest_free_of_every_range), UT_ENTRY(lowest_free_across_nodes),
	 UT_ENTRY(all_of_20_bits_in_one_mebibyte), UT_ENTRY(destroy_forgets_what_is_left),
	 UT_ENTRY(memory_is_taken_before_the_lock), UT_ENTRY(half_of_the_memory_changes_nothing),
	 UT_ENTRY(without_memory_nothing_changes), UT_ENTRY(class_table));
