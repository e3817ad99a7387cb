// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Numbers: allocation, references, states, private data. Numbers of cases: docs/testing.md. */
#include "pasid_ut.h"

static const enum ioasid_holder holders[] = { IOASID_HOLD_USER, IOASID_HOLD_IOMMU, IOASID_HOLD_CPU,
					      IOASID_HOLD_DEVICE };

/* A set of nobody's without quota, with a handler that writes down what comes. */
struct world {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct ioasid_set *other;
	struct pu_ear global;
	struct pu_ear ear;
};

static struct world *world_new(u32 quota)
{
	struct pasid_host *host = pu_new();
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);

	ut_assert(w);
	w->host = host;
	w->set = pu_set(host, quota);
	w->other = pu_mm_set(host, 0, 0);
	pu_listen(host, NULL, &w->global);
	pu_listen(host, w->set, &w->ear);
	return w;
}

/* No event but those of kind ALLOC, of which there are @n. */
static void only_allocs(const struct pu_ear *ear, u32 n)
{
	u32 i;

	ut_assert_eq(ear->n, n);
	for (i = 0; i < min(n, (u32)PU_EVENTS); i++)
		ut_assert_eq(ear->heard[i].event, IOASID_NOTIFY_ALLOC);
}

static u32 frees(const struct pu_ear *ear)
{
	u32 i, n = 0;

	for (i = 0; i < min(ear->n, (u32)PU_EVENTS); i++)
		n += ear->heard[i].event == IOASID_NOTIFY_FREE;
	return n;
}

static void world_free(struct world *w)
{
	struct pasid_host *host = w->host;

	pasid_unregister_notifier(host, w->set, &w->ear.nb);
	pasid_unregister_notifier(host, NULL, &w->global.nb);
	ut_assert_eq(pasid_set_free(w->set), 0);
	ut_assert_eq(pasid_set_free(w->other), 0);
	kfree(w);
	pu_free(host);
}

/* ---- allocation ------------------------------------------------------------------------------------- */

UT_CASE(a_new_number_is_idle)
{
	struct world *w = world_new(0);
	struct ioasid_id_info info;
	u32 id = pu_alloc(w->set, w), i;

	ut_assert_eq(id, 1);
	info = pu_info(w->host, id);
	ut_assert_eq(info.state, IOASID_STATE_IDLE);
	ut_assert_eq(info.refs, 1);
	ut_assert_eq(info.spid, INVALID_IOASID);
	ut_assert(info.set == w->set);
	for (i = 0; i < IOASID_HOLDERS; i++)
		ut_assert_eq(info.holders[i], 0);
	ut_assert(pasid_find(w->host, w->set, id, NULL) == w);
	ut_assert_eq(w->set->nr, 1);
	/* The set hears of it, who hears of all sets does not. */
	only_allocs(&w->ear, 1);
	ut_assert_eq(w->ear.heard[0].args.id, id);
	ut_assert_eq(w->ear.heard[0].args.spid, INVALID_IOASID);
	ut_assert(w->ear.heard[0].args.set == w->set);
	ut_assert(w->ear.heard[0].args.pdata == w);
	ut_assert_eq(w->global.n, 0);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

UT_CASE(what_is_unknown_is_not_described)
{
	static const u32 ids[] = { 0, 1, 2, 63, 64, 0xfffff, 0x100000, INVALID_IOASID };
	struct world *w = world_new(0);
	struct ioasid_id_info info;
	u32 i, round;

	/* Before there is a table, and with one that leads nowhere. */
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(ids); i++)
			ut_assert_eq(pasid_describe(w->host, ids[i], &info), -ENOENT);
		pasid_free(w->host, w->set, pu_alloc(w->set, NULL));
	}
	world_free(w);
}

/* 17 */
UT_CASE(a_number_is_had_once)
{
	static const u32 numbers[] = { 1, 63, 64, 4095, 4096, 0x8000, 0xfffff };
	struct world *w = world_new(0);
	u32 i, id;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		u32 k = numbers[i];

		ut_assert_eq(pu_try(w->set, k, k, &id), 0);
		ut_assert_eq(id, k);
		ut_assert_eq(pu_try(w->set, k, k, &id), -ENOSPC);
		ut_assert_eq(w->set->refused_by, PASID_REFUSED_RANGE);
		ut_assert_eq(pu_try(w->other, k, k, &id), -ENOSPC);
		/* Not while somebody holds it, either. */
		ut_assert_eq(pasid_get(w->host, NULL, k, IOASID_HOLD_USER), 0);
		pasid_free(w->host, w->set, k);
		ut_assert_eq(pu_try(w->other, k, k, &id), -ENOSPC);
		ut_assert(pasid_put(w->host, NULL, k, IOASID_HOLD_USER));
		ut_assert_eq(pu_try(w->other, k, k, &id), 0);
		pasid_free(w->host, w->other, k);
	}
	world_free(w);
}

/* 18, 19 */
UT_CASE(ranges_have_their_order_and_0_is_in_none)
{
	struct world *w = world_new(0);
	struct ioasid_request req = { .min = 1, .max = 9 };
	struct pu_snap before, after;
	u32 id;

	pasid_free(w->host, w->set, pu_alloc(w->set, NULL));
	before = pu_look(w->host, w->set, NULL);
	ut_assert_eq(pu_try(w->set, 2, 1, &id), -EINVAL);
	ut_assert_eq(pu_try(w->set, ~0U, 0, &id), -EINVAL);
	ut_assert(pu_try(w->set, 0, 0, &id) < 0);
	ut_assert(pu_try(w->set, 0x100000, ~0U, &id) < 0);
	req.flags = ~IOASID_REQUEST_NEXT;
	ut_assert_eq(pasid_alloc(w->set, &req, NULL, &id), -EINVAL);
	ut_assert_eq(id, INVALID_IOASID);
	req.flags = 0;
	ut_assert_eq(pasid_alloc(NULL, &req, NULL, &id), -EINVAL);
	ut_assert_eq(id, INVALID_IOASID);
	after = pu_look(w->host, w->set, NULL);
	pu_same(&before, &after);
	ut_assert_eq(pu_try(w->set, 0, ~0U, &id), 0);
	ut_assert_eq(id, 1);
	ut_assert_eq(pu_try(w->set, 0, 1, &id), -ENOSPC);
	ut_assert_eq(pu_try(w->set, 0xfffff, ~0U, &id), 0);
	ut_assert_eq(id, 0xfffff);
	pasid_free_all(w->set);
	world_free(w);
}

/* 20 */
UT_CASE(a_quota_is_how_many_there_may_be)
{
	struct world *w = world_new(3);
	u32 i, id;

	for (i = 1; i <= 3; i++)
		ut_assert_eq(pu_alloc(w->set, NULL), i);
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert_eq(w->set->refused_by, PASID_REFUSED_QUOTA);
	only_allocs(&w->ear, 3);
	pasid_free(w->host, w->set, 2);
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 2);
	pasid_free_all(w->set);
	world_free(w);
}

/* 26 */
UT_CASE(a_pending_number_counts)
{
	struct world *w = world_new(2);
	u32 id;

	pu_alloc(w->set, NULL);
	pu_alloc(w->set, NULL);
	ut_assert_eq(pasid_get(w->host, w->set, 2, IOASID_HOLD_IOMMU), 0);
	ut_assert_eq(pasid_get(w->host, w->set, 2, IOASID_HOLD_CPU), 0);
	pasid_free(w->host, w->set, 2);
	ut_assert_eq(w->set->nr, 2);
	ut_assert_eq(w->set->nr_pending, 1);
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert(!pasid_put(w->host, w->set, 2, IOASID_HOLD_IOMMU));
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert(pasid_put(w->host, w->set, 2, IOASID_HOLD_CPU));
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 2);
	pasid_free_all(w->set);
	world_free(w);
}

static u32 take_next(struct ioasid_set *set, u32 min, u32 max)
{
	struct ioasid_request req = { .min = min, .max = max, .flags = IOASID_REQUEST_NEXT };
	u32 id;
	int rc = pasid_alloc(set, &req, NULL, &id);

	return rc ? 0 : id;
}

UT_CASE(the_next_number_is_not_the_one_that_was_just_freed)
{
	struct world *w = world_new(0);
	u32 i, id;

	for (i = 1; i <= 5; i++)
		ut_assert_eq(take_next(w->set, 1, 8), i);
	pasid_free(w->host, w->set, 2);
	pasid_free(w->host, w->set, 5);
	ut_assert_eq(take_next(w->set, 1, 8), 6);
	ut_assert_eq(take_next(w->set, 1, 8), 7);
	ut_assert_eq(take_next(w->set, 1, 8), 8);
	/* Round again, and full. */
	ut_assert_eq(take_next(w->set, 1, 8), 2);
	ut_assert_eq(take_next(w->set, 1, 8), 5);
	ut_assert_eq(take_next(w->set, 1, 8), 0);
	/* In a range that does not reach to where it was, from its beginning. */
	ut_assert_eq(take_next(w->set, 100, 200), 100);
	ut_assert_eq(take_next(w->set, 20, 30), 20);
	ut_assert_eq(take_next(w->set, 100, 200), 101);
	/* The lowest is still the lowest. */
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 9);
	/* At the end of all numbers. */
	ut_assert_eq(take_next(w->set, PU_ALL, PU_ALL), PU_ALL);
	ut_assert_eq(take_next(w->set, 1, ~0U), 10);
	pasid_free_all(w->set);
	world_free(w);
}

/* ---- references ---------------------------------------------------------------------------------------- */

UT_CASE(references_make_it_active)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		ut_assert_eq(pasid_get(w->host, w->set, id, holders[i]), 0);
		ut_assert_eq(pu_state(w->host, id), IOASID_STATE_ACTIVE);
		ut_assert_eq(pu_refs(w->host, id), 2);
		ut_assert_eq(pu_info(w->host, id).holders[holders[i]], 1);
		ut_assert(!pasid_put(w->host, w->set, id, holders[i]));
		ut_assert_eq(pu_state(w->host, id), IOASID_STATE_IDLE);
		ut_assert_eq(pu_info(w->host, id).holders[holders[i]], 0);
	}
	only_allocs(&w->ear, 1);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

/* Who does not hold it cannot let go of it, whoever else does. */
UT_CASE(holders_are_counted_apart)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i, k;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		for (k = 0; k <= i; k++)
			ut_assert_eq(pasid_get(w->host, NULL, id, holders[i]), 0);
		for (k = i + 1; k < ARRAY_SIZE(holders); k++)
			ut_assert(!pasid_put(w->host, NULL, id, holders[k]));
	}
	ut_assert_eq(pu_refs(w->host, id), 1 + 1 + 2 + 3 + 4);
	for (i = 0; i < ARRAY_SIZE(holders); i++)
		ut_assert_eq(pu_info(w->host, id).holders[holders[i]], i + 1);
	pasid_free(w->host, w->set, id);
	ut_assert_eq(pu_refs(w->host, id), 1 + 2 + 3 + 4);
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		for (k = 0; k < i; k++)
			ut_assert(!pasid_put(w->host, NULL, id, holders[i]));
		ut_assert_eq(pasid_put(w->host, NULL, id, holders[i]),
			     i == ARRAY_SIZE(holders) - 1);
		ut_assert(!pasid_put(w->host, NULL, id, holders[i]));
	}
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE);
	world_free(w);
}

/* 28, and holders that there are not */
UT_CASE(an_unbalanced_put_takes_nothing)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i;

	for (i = 0; i < ARRAY_SIZE(holders); i++)
		ut_assert(!pasid_put(w->host, w->set, id, holders[i]));
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_IDLE);
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLDERS), -EINVAL);
	ut_assert_eq(pasid_get(w->host, NULL, id, (enum ioasid_holder)1000), -EINVAL);
	ut_assert(!pasid_put(w->host, NULL, id, IOASID_HOLDERS));
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_USER), 0);
	/* A foreign set, an unknown number. */
	ut_assert(!pasid_put(w->host, w->other, id, IOASID_HOLD_USER));
	ut_assert(!pasid_put(w->host, NULL, id + 1, IOASID_HOLD_USER));
	ut_assert(!pasid_put(w->host, NULL, 0, IOASID_HOLD_USER));
	ut_assert(!pasid_put(w->host, NULL, INVALID_IOASID, IOASID_HOLD_USER));
	ut_assert_eq(pu_refs(w->host, id), 2);
	ut_assert(!pasid_put(w->host, w->set, id, IOASID_HOLD_USER));
	ut_assert(!pasid_put(w->host, w->set, id, IOASID_HOLD_USER));
	ut_assert_eq(pu_refs(w->host, id), 1);
	pasid_free(w->host, w->set, id);
	/* Nor does it take anything from the next life of the number. */
	ut_assert_eq(pu_alloc(w->other, NULL), id);
	ut_assert(!pasid_put(w->host, w->set, id, IOASID_HOLD_USER));
	ut_assert_eq(pu_refs(w->host, id), 1);
	pasid_free(w->host, w->other, id);
	world_free(w);
}

/* 25, in the order exists, pending, ownership */
UT_CASE(what_cannot_be_had_is_refused)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		enum ioasid_holder h = holders[i];

		ut_assert_eq(pasid_get(w->host, NULL, 0, h), -EINVAL);
		ut_assert_eq(pasid_get(w->host, NULL, id + 1, h), -EINVAL);
		ut_assert_eq(pasid_get(w->host, w->set, 0x100000, h), -EINVAL);
		ut_assert_eq(pasid_get(w->host, w->other, INVALID_IOASID, h), -EINVAL);
		ut_assert_eq(pasid_get(w->host, w->other, id, h), -EACCES);
	}
	ut_assert_eq(pu_refs(w->host, id), 1);
	ut_assert_eq(pasid_get(w->host, w->set, id, IOASID_HOLD_DEVICE), 0);
	pasid_free(w->host, w->set, id);
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		ut_assert_eq(pasid_get(w->host, NULL, id, holders[i]), -EBUSY);
		ut_assert_eq(pasid_get(w->host, w->set, id, holders[i]), -EBUSY);
		ut_assert_eq(pasid_get(w->host, w->other, id, holders[i]), -EBUSY);
	}
	ut_assert_eq(pu_refs(w->host, id), 1);
	ut_assert(pasid_put(w->host, w->set, id, IOASID_HOLD_DEVICE));
	ut_assert_eq(pasid_get(w->host, w->set, id, IOASID_HOLD_DEVICE), -EINVAL);
	world_free(w);
}

/* A count that is full refuses and stays as it is. */
UT_CASE(references_do_not_overflow)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i, n;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		for (n = 0; n < 70000; n++) {
			rc = pasid_get(w->host, NULL, id, holders[i]);
			if (rc)
				break;
		}
		ut_assert(!rc || (rc == -EOVERFLOW && n >= 65535));
		ut_assert_eq(pu_info(w->host, id).holders[holders[i]], n);
		while (n--)
			ut_assert(!pasid_put(w->host, NULL, id, holders[i]));
		ut_assert(!pasid_put(w->host, NULL, id, holders[i]));
	}
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_IDLE);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

/* 32 */
UT_CASE(only_the_owner_gets_by_ownership)
{
	struct world *w = world_new(0);
	u32 kernels = pu_alloc(w->set, NULL), mine = pu_alloc(w->other, NULL);

	ut_assert_eq(pasid_get_if_owned(w->host, 999), -ENOENT);
	ut_assert_eq(pasid_get_if_owned(w->host, 0), -ENOENT);
	ut_assert_eq(pasid_get_if_owned(w->host, INVALID_IOASID), -ENOENT);
	ut_assert_eq(pasid_get_if_owned(w->host, kernels), -EINVAL);
	pu_current = &pu_mms[1];
	ut_assert_eq(pasid_get_if_owned(w->host, mine), -EPERM);
	pu_current = NULL;
	ut_assert_eq(pasid_get_if_owned(w->host, mine), -EPERM);
	pu_current = &pu_mms[0];
	ut_assert_eq(pu_refs(w->host, mine), 1);
	ut_assert_eq(pasid_get_if_owned(w->host, mine), 0);
	ut_assert_eq(pu_info(w->host, mine).holders[IOASID_HOLD_USER], 1);
	ut_assert_eq(pasid_get(w->host, NULL, kernels, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->other, mine);
	pasid_free(w->host, w->set, kernels);
	/* Who asks is looked at before what state it is in. */
	ut_assert_eq(pasid_get_if_owned(w->host, mine), -EBUSY);
	ut_assert_eq(pasid_get_if_owned(w->host, kernels), -EINVAL);
	pu_current = &pu_mms[1];
	ut_assert_eq(pasid_get_if_owned(w->host, mine), -EPERM);
	pu_current = &pu_mms[0];
	ut_assert(pasid_put(w->host, NULL, mine, IOASID_HOLD_USER));
	ut_assert(pasid_put(w->host, NULL, kernels, IOASID_HOLD_USER));
	ut_assert_eq(pasid_get_if_owned(w->host, mine), -ENOENT);
	world_free(w);
}

/* A context's number is no process's, whatever the token says. */
UT_CASE(a_contexts_number_is_no_process_s)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pasid_set_alloc_ctx(host, &pu_mms[0]);
	u32 id;

	ut_assert(!IS_ERR(set));
	id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_get_if_owned(host, id), -EINVAL);
	ut_assert_eq(pu_refs(host, id), 1);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- freeing ------------------------------------------------------------------------------------------- */

/* 22 */
UT_CASE(an_idle_number_goes_at_once_and_silently)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL);

	pasid_free(w->host, w->set, id);
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE);
	ut_assert_eq(w->host->nr_live, 0);
	only_allocs(&w->ear, 1);
	ut_assert_eq(w->global.n, 0);
	/* Used before and not any more: the same. */
	ut_assert_eq(pu_alloc(w->set, NULL), id);
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_CPU), 0);
	ut_assert(!pasid_put(w->host, NULL, id, IOASID_HOLD_CPU));
	pasid_free(w->host, w->set, id);
	only_allocs(&w->ear, 2);
	ut_assert_eq(w->global.n, 0);
	world_free(w);
}

/* 23 */
UT_CASE(a_used_number_waits_for_its_user)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, w), again;

	ut_assert_eq(pasid_get(w->host, w->set, id, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->set, id);
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(pu_refs(w->host, id), 1);
	/* Both hear it, once, with everything. */
	ut_assert_eq(w->ear.n, 2);
	ut_assert_eq(frees(&w->ear), 1);
	ut_assert_eq(w->ear.heard[1].args.id, id);
	ut_assert(w->ear.heard[1].args.set == w->set);
	ut_assert(w->ear.heard[1].args.pdata == w);
	ut_assert_eq(w->ear.heard[1].args.spid, INVALID_IOASID);
	ut_assert_eq(w->global.n, 1);
	ut_assert_eq(w->global.heard[0].event, IOASID_NOTIFY_FREE);
	ut_assert_eq(w->global.heard[0].args.id, id);
	ut_assert_eq(pu_try(w->other, id, id, &again), -ENOSPC);
	ut_assert(pasid_put(w->host, w->set, id, IOASID_HOLD_USER));
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE);
	ut_assert_eq(pu_try(w->other, id, id, &again), 0);
	ut_assert_eq(w->ear.n, 2);
	pasid_free(w->host, w->other, again);
	world_free(w);
}

/* 24 */
UT_CASE(freeing_twice_is_freeing_once)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL), i;

	ut_assert_eq(pasid_get(w->host, w->set, id, IOASID_HOLD_IOMMU), 0);
	for (i = 0; i < 5; i++) {
		pasid_free(w->host, w->set, id);
		ut_assert_eq(pu_refs(w->host, id), 1);
		ut_assert_eq(w->set->nr_pending, 1);
	}
	ut_assert_eq(frees(&w->ear), 1);
	ut_assert_eq(frees(&w->global), 1);
	ut_assert(pasid_put(w->host, w->set, id, IOASID_HOLD_IOMMU));
	pasid_free(w->host, w->set, id);
	ut_assert_eq(frees(&w->ear), 1);
	ut_assert_eq(w->set->nr, 0);
	ut_assert_eq(w->set->nr_pending, 0);
	world_free(w);
}

/* 27 */
UT_CASE(only_its_set_frees_a_number)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL);

	pasid_free(w->host, w->other, id);
	pasid_free(w->host, NULL, id);
	pasid_free(w->host, w->set, id + 1);
	pasid_free(w->host, w->set, 0);
	pasid_free(w->host, w->set, INVALID_IOASID);
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_IDLE);
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->other, id);
	pasid_free(w->host, NULL, id);
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_ACTIVE);
	ut_assert_eq(frees(&w->ear) + frees(&w->global), 0);
	pasid_free(w->host, w->set, id);
	ut_assert(pasid_put(w->host, NULL, id, IOASID_HOLD_USER));
	world_free(w);
}

/* A pin keeps a number without making it used; it is the allocator's own. */
UT_CASE(a_pin_keeps_and_does_not_use)
{
	struct world *w = world_new(0);
	u32 id = pu_alloc(w->set, NULL);

	ut_assert(!pu_pin(w->host, id + 1));
	ut_assert(pu_pin(w->host, id));
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_IDLE);
	ut_assert_eq(pu_refs(w->host, id), 1);
	pasid_free(w->host, w->set, id);
	/* Nobody uses it, so nobody is told. */
	ut_assert_eq(frees(&w->ear) + frees(&w->global), 0);
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(w->set->nr, 1);
	ut_assert(pu_pin(w->host, id));
	ut_assert(!pasid_unpin(w->host, id));
	ut_assert(pasid_unpin(w->host, id));
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE);
	world_free(w);
}

/* ---- private data ----------------------------------------------------------------------------------------- */

struct thing {
	u32 pins;
	bool refuse;
};

static bool thing_get(void *data)
{
	struct thing *t = data;

	if (t->refuse)
		return false;
	t->pins++;
	return true;
}

static bool never(void *data)
{
	ut_assert(!"called with nothing to get");
	return false;
}

/* 29 */
UT_CASE(data_is_found_until_reclaim)
{
	struct world *w = world_new(0);
	struct thing thing = { 0 };
	u32 id = pu_alloc(w->set, &thing), bare = pu_alloc(w->set, NULL);

	ut_assert(pasid_find(w->host, NULL, id, NULL) == &thing);
	ut_assert(pasid_find(w->host, w->set, id, NULL) == &thing);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, w->other, id, thing_get)), -EACCES);
	ut_assert(!pasid_find(w->host, w->set, bare, NULL));
	ut_assert(!pasid_find(w->host, w->set, bare, never));
	ut_assert_eq(PTR_ERR(pasid_find(w->host, w->set, 999, never)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, NULL, 0, never)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, NULL, 0x100000, never)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, NULL, INVALID_IOASID, never)), -ENOENT);
	ut_assert_eq(thing.pins, 0);
	ut_assert(pasid_find(w->host, w->set, id, thing_get) == &thing);
	ut_assert_eq(thing.pins, 1);
	thing.refuse = true;
	ut_assert(!pasid_find(w->host, w->set, id, thing_get));
	ut_assert_eq(pu_refs(w->host, id), 1);
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->set, id);
	ut_assert(pasid_find(w->host, w->set, id, NULL) == &thing);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, w->other, id, NULL)), -EACCES);
	ut_assert(pasid_put(w->host, NULL, id, IOASID_HOLD_USER));
	ut_assert_eq(PTR_ERR(pasid_find(w->host, w->set, id, NULL)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find(w->host, NULL, id, NULL)), -ENOENT);
	/* The next owner does not inherit it. */
	ut_assert_eq(pu_alloc(w->other, NULL), id);
	ut_assert(!pasid_find(w->host, NULL, id, NULL));
	pasid_free(w->host, w->other, id);
	pasid_free(w->host, w->set, bare);
	world_free(w);
}

/* 30 */
UT_CASE(data_is_attached_once)
{
	struct world *w = world_new(0);
	struct thing a = { 0 }, b = { 0 };
	u32 id = pu_alloc(w->set, NULL), full = pu_alloc(w->set, &a);

	ut_assert_eq(pasid_attach_data(w->host, full, &b), -EBUSY);
	ut_assert(pasid_find(w->host, NULL, full, NULL) == &a);
	ut_assert_eq(pasid_attach_data(w->host, id, &a), 0);
	ut_assert_eq(pasid_attach_data(w->host, id, &a), -EBUSY);
	ut_assert_eq(pasid_attach_data(w->host, id, &b), -EBUSY);
	ut_assert_eq(pasid_attach_data(w->host, 999, &b), -ENOENT);
	ut_assert_eq(pasid_attach_data(w->host, INVALID_IOASID, &b), -ENOENT);
	pasid_detach_data(w->host, id);
	ut_assert(!pasid_find(w->host, NULL, id, NULL));
	pasid_detach_data(w->host, id);
	pasid_detach_data(w->host, 999);
	pasid_detach_data(w->host, INVALID_IOASID);
	ut_assert_eq(pasid_attach_data(w->host, id, &b), 0);
	ut_assert(pasid_find(w->host, NULL, id, NULL) == &b);
	/* Pending: what is there can go, but nothing comes. */
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->set, id);
	pasid_detach_data(w->host, id);
	ut_assert(!pasid_find(w->host, NULL, id, NULL));
	ut_assert_eq(pasid_attach_data(w->host, id, &a), -EBUSY);
	ut_assert(!pasid_find(w->host, NULL, id, NULL));
	ut_assert(pasid_put(w->host, NULL, id, IOASID_HOLD_USER));
	pasid_free(w->host, w->set, full);
	world_free(w);
}

/* ---- without memory, and refused by a limit ------------------------------------------------------------------- */

/* Numbers with nothing near them, next to others, and in a page of records that was emptied. */
static void fail_alloc(struct world *w, u32 number, struct limit_group *group)
{
	struct ioasid_request req = { .min = number, .max = number };
	struct pu_snap before = pu_look(w->host, w->set, group), after;
	unsigned long nth;
	u32 id, heard = w->ear.n;
	int rc;

	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = pasid_alloc(w->set, &req, group, &id);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(id, INVALID_IOASID);
		after = pu_look(w->host, w->set, group);
		pu_same(&before, &after);
		ut_assert_eq(pu_refs(w->host, number), 0);
		ut_assert_eq(w->ear.n, heard);
	}
	ut_assert_eq(id, number);
	ut_assert_eq(w->ear.n, heard + 1);
	w->ear.n = 0;
	after = pu_look(w->host, w->set, group);
	ut_assert_eq(after.set_nr, before.set_nr + 1);
	ut_assert_eq(after.charged, before.charged + !!group);
}

/* 21 */
UT_CASE(a_number_without_memory_changes_nothing)
{
	struct world *w = world_new(0);
	struct limit_group *group = limit_group_create(&w->host->limits, NULL, 1, "", NULL);

	ut_assert(!IS_ERR(group));
	fail_alloc(w, 5000, NULL);
	fail_alloc(w, 5001, group);
	fail_alloc(w, 5063, group);
	fail_alloc(w, 100000, group);
	fail_alloc(w, PU_ALL, group);
	pasid_free(w->host, w->set, 100000);
	fail_alloc(w, 100001, group);
	/* Letting go never needs any. */
	os_alloc_fail_nth(1);
	ut_assert_eq(pasid_get(w->host, NULL, 5000, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->set, 5000);
	ut_assert(pasid_put(w->host, NULL, 5000, IOASID_HOLD_USER));
	pasid_free_all(w->set);
	os_alloc_fail_nth(0);
	ut_assert_eq(w->set->nr, 0);
	ut_assert_eq(group->current_charge, 0);
	limit_group_put(group);
	world_free(w);
}

/* Pages of records follow the numbers; of the pages that are empty one is kept. */
UT_CASE(records_go_with_their_numbers)
{
	struct world *w = world_new(0);
	u32 round, i, id;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 50; i++) {
			ut_assert_eq(pu_try(w->set, 1 + i * 64, PU_ALL, &id), 0);
			ut_assert_eq(pu_try(w->set, 2 + i * 64, PU_ALL, &id), 0);
		}
		ut_assert(w->host->table.nr_rec >= 50 && w->host->table.nr_rec <= 52);
		for (i = 0; i < 50; i++)
			pasid_free(w->host, w->set, 2 + i * 64);
		ut_assert(w->host->table.nr_rec >= 50);
		pasid_free_all(w->set);
		ut_assert(w->host->table.nr_rec <= 1);
	}
	/* One number that comes and goes needs no memory. */
	ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), 0);
	pasid_free(w->host, w->set, id);
	os_alloc_fail_nth(1);
	for (i = 0; i < 10; i++) {
		ut_assert_eq(pu_try(w->set, 1, PU_ALL, &id), 0);
		pasid_free(w->host, w->set, id);
	}
	os_alloc_fail_nth(0);
	world_free(w);
}

/* 66: refused by a limit, or by the set: nobody is charged, and no pages of records pile up */
UT_CASE(a_refused_number_leaves_nothing)
{
	struct world *w = world_new(2);
	struct limit_group *root = limit_group_create(&w->host->limits, NULL, 1, "", NULL), *group;
	struct ioasid_request req = { .min = 1, .max = PU_ALL };
	struct pu_snap before, after;
	u32 id, i, pages;

	ut_assert(!IS_ERR(root));
	group = limit_group_create(&w->host->limits, root, 2, "a", NULL);
	ut_assert(!IS_ERR(group));
	ut_assert_eq(limit_set_max(group, 1), 0);
	ut_assert_eq(pasid_alloc(w->set, &req, group, &id), 0);
	before = pu_look(w->host, w->set, group);
	pages = w->host->table.nr_rec;
	for (i = 1; i <= 30; i++) {
		req.min = i * 20000;
		ut_assert_eq(pasid_alloc(w->set, &req, group, &id), -EDQUOT);
		ut_assert_eq(id, INVALID_IOASID);
		ut_assert_eq(w->set->refused_by, PASID_REFUSED_LIMIT);
		ut_assert_eq(w->set->refused_group, 2);
	}
	after = pu_look(w->host, w->set, group);
	after.live = before.live;
	pu_same(&before, &after);
	ut_assert(w->host->table.nr_rec <= pages + 1);
	ut_assert_eq(limit_set_max(group, 5), 0);
	ut_assert_eq(pasid_alloc(w->set, &req, group, &id), 0);
	ut_assert_eq(id, req.min);
	before = pu_look(w->host, w->set, group);
	req.min = 300001;
	ut_assert_eq(pasid_alloc(w->set, &req, group, &id), -EDQUOT);
	ut_assert_eq(w->set->refused_by, PASID_REFUSED_QUOTA);
	after = pu_look(w->host, w->set, group);
	pu_same(&before, &after);
	pasid_free_all(w->set);
	limit_group_put(group);
	limit_group_put(root);
	world_free(w);
}

/* The home may not be able to say whose limits they are. */
static struct limit_group *no_group(struct pasid_host *host)
{
	return ERR_PTR(-ENOMEM);
}

UT_CASE(without_a_group_to_charge_there_is_no_number)
{
	static const struct pasid_host_ops ops = { .limit_get = no_group };
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct pu_snap before = pu_look(host, set, NULL), after;
	u32 id;

	host->ops = &ops;
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -ENOMEM);
	host->ops = &pu_ops;
	after = pu_look(host, set, NULL);
	pu_same(&before, &after);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- inside a handler ------------------------------------------------------------------------------------------ */

struct inside {
	struct notifier_block nb;
	struct world *w;
	struct thing data;
	u32 id, calls, errors;
};

/* What is not legal does nothing and says so; the rest works. */
static int inside_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct inside *in = container_of(nb, struct inside, nb);
	const struct ioasid_nb_args *args = data;
	struct pasid_host *host = in->w->host;
	struct ioasid_request req = { .min = 1, .max = PU_ALL };
	struct ioasid_set *set;
	u32 id = 7;

	if (event != IOASID_NOTIFY_FREE)
		return 0;
	in->calls++;
	in->errors += pasid_alloc(args->set, &req, NULL, &id) != -EDEADLK || id != INVALID_IOASID;
	pasid_free(host, in->w->other, in->id);
	pasid_free_all(in->w->other);
	in->errors += pu_state(host, in->id) != IOASID_STATE_IDLE;
	in->errors += pasid_attach_spid(host, in->id, 5) != -EDEADLK;
	pasid_detach_data(host, in->id);
	in->errors += pasid_find(host, in->w->other, in->id, NULL) != &in->data;
	set = pasid_set_alloc(host, NULL, 1, IOASID_SET_TYPE_NULL);
	in->errors += !IS_ERR(set) || PTR_ERR(set) != -EDEADLK;
	in->errors += pasid_set_free(in->w->other) != -EDEADLK;
	pasid_set_destroy(in->w->other);
	in->errors += in->w->other->state != PASID_SET_LIVE;
	/* Legal. */
	in->errors += pasid_get(host, in->w->other, in->id, IOASID_HOLD_CPU) != 0;
	in->errors += pasid_put(host, in->w->other, in->id, IOASID_HOLD_CPU);
	in->errors += pasid_get(host, NULL, args->id, IOASID_HOLD_CPU) != -EBUSY;
	in->errors += pasid_find_set(host, args->id) != args->set;
	set = pasid_find_mm_set(host, &pu_mms[0]);
	in->errors += set != in->w->other;
	if (set)
		pasid_set_put(set);
	return 0;
}

UT_CASE(in_a_handler_what_is_not_legal_is_refused)
{
	struct world *w = world_new(0);
	struct inside *in = kzalloc(sizeof(*in), GFP_KERNEL);
	u32 id = pu_alloc(w->set, NULL);

	ut_assert(in);
	in->w = w;
	in->nb.notifier_call = inside_call;
	in->id = pu_alloc(w->other, &in->data);
	ut_assert_eq(pasid_register_notifier(w->host, NULL, &in->nb), 0);
	ut_assert_eq(pasid_get(w->host, NULL, id, IOASID_HOLD_USER), 0);
	pasid_free(w->host, w->set, id);
	ut_assert_eq(in->calls, 1);
	ut_assert_eq(in->errors, 0);
	ut_assert(pasid_put(w->host, NULL, id, IOASID_HOLD_USER));
	pasid_unregister_notifier(w->host, NULL, &in->nb);
	pasid_free(w->host, w->other, in->id);
	kfree(in);
	world_free(w);
}

UT_SUITE(core_pasid_id, UT_ENTRY(a_new_number_is_idle), UT_ENTRY(what_is_unknown_is_not_described),
	 UT_ENTRY(a_number_is_had_once), UT_ENTRY(ranges_have_their_order_and_0_is_in_none),
	 UT_ENTRY(a_quota_is_how_many_there_may_be), UT_ENTRY(a_pending_number_counts),
	 UT_ENTRY(the_next_number_is_not_the_one_that_was_just_freed),
	 UT_ENTRY(references_make_it_active), UT_ENTRY(holders_are_counted_apart),
	 UT_ENTRY(an_unbalanced_put_takes_nothing), UT_ENTRY(what_cannot_be_had_is_refused),
	 UT_ENTRY(references_do_not_overflow), UT_ENTRY(only_the_owner_gets_by_ownership),
	 UT_ENTRY(a_contexts_number_is_no_process_s),
	 UT_ENTRY(an_idle_number_goes_at_once_and_silently),
	 UT_ENTRY(a_used_number_waits_for_its_user), UT_ENTRY(freeing_twice_is_freeing_once),
	 UT_ENTRY(only_its_set_frees_a_number), UT_ENTRY(a_pin_keeps_and_does_not_use),
	 UT_ENTRY(data_is_found_until_reclaim), UT_ENTRY(data_is_attached_once),
	 UT_ENTRY(a_number_without_memory_changes_nothing), UT_ENTRY(records_go_with_their_numbers),
	 UT_ENTRY(a_refused_number_leaves_nothing),
	 UT_ENTRY(without_a_group_to_charge_there_is_no_number),
	 UT_ENTRY(in_a_handler_what_is_not_legal_is_refused));
