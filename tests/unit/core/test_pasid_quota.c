// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Quotas: promises, ceilings, and what is left for all. Numbers of cases: docs/testing.md. */
#include "pasid_ut.h"

/* ---- quotas -------------------------------------------------------------------------------------------- */

/* 13 */
UT_CASE(a_quota_that_does_not_fit_is_not_taken)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	struct pu_snap before, after;
	u32 i;

	pasid_install_capacity(host, 100);
	set = pu_set(host, 20);
	for (i = 0; i < 10; i++)
		pu_alloc(set, NULL);
	before = pu_look(host, set, NULL);
	ut_assert_eq(pasid_adjust_set(set, 9), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 1), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 0), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 101), -ENOSPC);
	ut_assert_eq(pasid_adjust_set(set, INVALID_IOASID - 1), -ENOSPC);
	ut_assert_eq(pasid_adjust_set(set, INVALID_IOASID), -EINVAL);
	after = pu_look(host, set, NULL);
	pu_same(&before, &after);
	/* Growth is compared with what is left, not the whole. */
	ut_assert_eq(pasid_adjust_set(set, 100), 0);
	ut_assert_eq(host->avail, 0);
	ut_assert_eq(pasid_adjust_set(set, 100), 0);
	ut_assert_eq(pasid_adjust_set(set, 10), 0);
	ut_assert_eq(host->avail, 90);
	pu_check(host);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* 14 */
UT_CASE(a_smaller_quota_gives_back_and_holds)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 30);
	u32 i, id;

	for (i = 0; i < 20; i++)
		pu_alloc(set, NULL);
	ut_assert_eq(pasid_adjust_set(set, 20), 0);
	ut_assert_eq(host->avail, 0x100000 - 20);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert_eq(set->nr, 20);
	pasid_free(host, set, 7);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 7);
	pu_check(host);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* A set without quota draws on the rest and leaves it to others; promises are kept all the same. */
UT_CASE(no_quota_draws_on_what_nobody_was_promised)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *free_one, *other, *promised;
	u32 i, id;

	pasid_install_capacity(host, 10);
	free_one = pu_set(host, 0);
	ut_assert_eq(host->avail, 10);
	ut_assert_eq(free_one->promised, 0);
	promised = pu_set(host, 4);
	other = pu_mm_set(host, 0, 0);
	for (i = 0; i < 5; i++)
		pu_alloc(free_one, NULL);
	ut_assert_eq(host->avail, 1);
	ut_assert_eq(PTR_ERR(pasid_set_alloc(host, NULL, 2, IOASID_SET_TYPE_NULL)), -ENOSPC);
	pu_alloc(other, NULL);
	ut_assert_eq(pu_try(other, 1, PU_ALL, &id), -ENOSPC);
	ut_assert_eq(other->refused_by, PASID_REFUSED_CAPACITY);
	ut_assert_eq(pu_try(free_one, 1, PU_ALL, &id), -ENOSPC);
	pu_check(host);
	for (i = 0; i < 4; i++)
		pu_alloc(promised, NULL);
	ut_assert_eq(pu_try(promised, 1, PU_ALL, &id), -EDQUOT);
	ut_assert_eq(promised->refused_by, PASID_REFUSED_QUOTA);
	pu_check(host);
	/* What is pending is drawn until it is reclaimed. */
	ut_assert_eq(pasid_get(host, NULL, 1, IOASID_HOLD_USER), 0);
	pasid_free(host, free_one, 1);
	ut_assert_eq(host->avail, 0);
	ut_assert_eq(pu_try(other, 1, PU_ALL, &id), -ENOSPC);
	ut_assert(pasid_put(host, NULL, 1, IOASID_HOLD_USER));
	ut_assert_eq(host->avail, 1);
	ut_assert_eq(pu_try(other, 1, PU_ALL, &id), 0);
	pasid_free_all(free_one);
	pasid_free_all(other);
	pasid_free_all(promised);
	ut_assert_eq(pasid_set_free(free_one), 0);
	ut_assert_eq(pasid_set_free(other), 0);
	ut_assert_eq(pasid_set_free(promised), 0);
	pu_free(host);
}

/* From drawing to a promise and back: what was drawn becomes part of it. */
UT_CASE(a_promise_takes_over_what_was_drawn)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	u32 i;

	pasid_install_capacity(host, 20);
	set = pu_set(host, 0);
	for (i = 0; i < 8; i++)
		pu_alloc(set, NULL);
	ut_assert_eq(host->avail, 12);
	ut_assert_eq(pasid_adjust_set(set, 7), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 21), -ENOSPC);
	ut_assert_eq(host->avail, 12);
	ut_assert_eq(pasid_adjust_set(set, 20), 0);
	ut_assert_eq(host->avail, 0);
	ut_assert_eq(pasid_adjust_set(set, 8), 0);
	ut_assert_eq(host->avail, 12);
	pu_check(host);
	pasid_free_all(set);
	ut_assert_eq(host->avail, 12);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(host->avail, 20);
	pu_free(host);
}

/* ---- a context's set -------------------------------------------------------------------------------------- */

static struct ioasid_set *ctx_set(struct pasid_host *host, u32 live)
{
	struct ioasid_set *set = pasid_set_alloc_ctx(host, &pu_mms[0]);

	ut_assert(!IS_ERR(set));
	while (live--)
		pu_alloc(set, NULL);
	return set;
}

UT_CASE(a_contexts_set_is_promised_nothing)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set, *second;
	u32 i, id;

	host->default_ceiling = 3;
	set = ctx_set(host, 0);
	ut_assert_eq(set->promised, 0);
	ut_assert_eq(set->ceiling, 3);
	ut_assert_eq(host->avail, 0x100000);
	/* Any number of them, with the same token too: the caller sees to that. */
	second = ctx_set(host, 1);
	for (i = 0; i < 3; i++)
		pu_alloc(set, NULL);
	ut_assert_eq(host->avail, 0x100000 - 4);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert_eq(set->refused_by, PASID_REFUSED_QUOTA);
	pu_check(host);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pasid_free_all(second);
	pasid_set_destroy(second);
	pu_free(host);
}

struct quota_row {
	u32 quota;
	bool reserve, privileged;
	int rc;
	u32 ceiling, promised;
};

/* Capacity 100, default ceiling 10, 5 numbers held; row after row. */
static const struct quota_row quota_rows[] = {
	{ 0, false, true, -EINVAL, 10, 0 },
	{ 0, true, true, -EINVAL, 10, 0 },
	{ INVALID_IOASID, true, true, -EINVAL, 10, 0 },
	{ 4, false, false, -EBUSY, 10, 0 },
	{ 4, true, true, -EBUSY, 10, 0 },
	{ 11, false, false, -EPERM, 10, 0 },
	{ INVALID_IOASID, false, false, -EPERM, 10, 0 },
	{ 6, true, false, -EPERM, 10, 0 },
	{ 101, true, true, -ENOSPC, 10, 0 },
	{ 5, false, false, 0, 5, 0 },
	{ 10, false, false, 0, 10, 0 },
	{ 11, false, true, 0, 11, 0 },
	{ 1000, false, true, 0, 1000, 0 },
	{ INVALID_IOASID, false, true, 0, INVALID_IOASID, 0 },
	{ 8, true, true, 0, 8, 8 },
	{ 101, true, true, -ENOSPC, 8, 8 },
	{ 100, true, true, 0, 100, 100 },
	{ 4, true, true, -EBUSY, 100, 100 },
	{ 5, true, true, 0, 5, 5 },
	{ 9, false, false, 0, 9, 0 },
};

UT_CASE(ceiling_and_promise_of_a_contexts_set)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	unsigned int i;

	pasid_install_capacity(host, 100);
	host->default_ceiling = 10;
	set = ctx_set(host, 5);
	for (i = 0; i < ARRAY_SIZE(quota_rows); i++) {
		const struct quota_row *r = &quota_rows[i];

		ut_assert_eq(pasid_set_quota(set, r->quota, r->reserve, r->privileged), r->rc);
		ut_assert_eq(set->ceiling, r->ceiling);
		ut_assert_eq(set->promised, r->promised);
		ut_assert_eq(host->avail, 100 - max(r->promised, 5U));
		pu_check(host);
	}
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Where the host has no default ceiling anybody may go without one. */
UT_CASE(no_default_ceiling_needs_no_privilege)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;

	host->default_ceiling = INVALID_IOASID;
	set = ctx_set(host, 1);
	ut_assert_eq(set->ceiling, INVALID_IOASID);
	ut_assert_eq(pasid_set_quota(set, 0x200000, false, false), 0);
	ut_assert_eq(pasid_set_quota(set, INVALID_IOASID, false, false), 0);
	ut_assert_eq(pasid_set_quota(set, 2, true, false), -EPERM);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* A ceiling is no promise: others may be faster. */
UT_CASE(only_a_promise_keeps_numbers_for_a_context)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *a, *b;
	u32 id;

	pasid_install_capacity(host, 10);
	host->default_ceiling = 10;
	a = ctx_set(host, 1);
	b = ctx_set(host, 9);
	ut_assert_eq(pu_try(a, 1, PU_ALL, &id), -ENOSPC);
	ut_assert_eq(a->refused_by, PASID_REFUSED_CAPACITY);
	ut_assert_eq(pasid_set_quota(a, 2, true, true), -ENOSPC);
	pasid_free(host, b, 9);
	ut_assert_eq(pasid_set_quota(a, 2, true, true), 0);
	ut_assert_eq(pu_try(b, 1, PU_ALL, &id), -ENOSPC);
	ut_assert_eq(pu_try(a, 1, PU_ALL, &id), 0);
	/* A promise is a ceiling, too. */
	ut_assert_eq(pu_try(a, 1, PU_ALL, &id), -EDQUOT);
	pu_check(host);
	pasid_free_all(a);
	pasid_free_all(b);
	ut_assert_eq(pasid_set_free(a), 0);
	ut_assert_eq(pasid_set_free(b), 0);
	pu_free(host);
}

/* ---- any sequence ---------------------------------------------------------------------------------------- */

#define RND_SETS 5
#define RND_IDS	 40

struct rnd {
	struct pasid_host *host;
	struct ut_rand rand;
	struct ioasid_set *set[RND_SETS];
	u32 id[RND_IDS];
	u32 owner[RND_IDS];
	bool held[RND_IDS];
};

static void rnd_set(struct rnd *r, u32 n)
{
	struct ioasid_set *set;

	if (r->set[n]) {
		if (pasid_set_free(r->set[n]) == 0)
			r->set[n] = NULL;
		return;
	}
	set = n ? pasid_set_alloc(r->host, n == 1 ? &pu_mms[1] : NULL, ut_below(&r->rand, 40),
				  n == 1 ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL) :
		  pasid_set_alloc_ctx(r->host, r);
	r->set[n] = IS_ERR(set) ? NULL : set;
}

static void rnd_number(struct rnd *r, u32 k)
{
	u32 n = ut_below(&r->rand, RND_SETS);

	if (!r->id[k]) {
		if (!r->set[n] || pu_try(r->set[n], 1, PU_ALL, &r->id[k]))
			r->id[k] = 0;
		r->owner[k] = n;
		r->held[k] = false;
		return;
	}
	if (!r->held[k]) {
		if (ut_below(&r->rand, 2)) {
			ut_assert_eq(pasid_get(r->host, NULL, r->id[k], IOASID_HOLD_USER), 0);
			r->held[k] = true;
		}
		pasid_free(r->host, r->set[r->owner[k]], r->id[k]);
	} else {
		ut_assert(pasid_put(r->host, NULL, r->id[k], IOASID_HOLD_USER));
		r->held[k] = false;
	}
	if (!r->held[k])
		r->id[k] = 0;
}

static void rnd_step(struct rnd *r)
{
	u32 n = ut_below(&r->rand, RND_SETS), quota = ut_below(&r->rand, 60);

	switch (ut_below(&r->rand, 12)) {
	case 0:
		rnd_set(r, n);
		break;
	case 1:
		if (n && r->set[n])
			pasid_adjust_set(r->set[n], quota);
		break;
	case 2:
		if (r->set[0])
			pasid_set_quota(r->set[0], quota == 1 ? INVALID_IOASID : quota,
					ut_below(&r->rand, 2), ut_below(&r->rand, 4));
		break;
	case 3:
		pasid_reserve_capacity(r->host, 1 + quota / 4);
		break;
	case 4:
		pasid_cancel_capacity(r->host, 1 + quota / 4);
		break;
	default:
		rnd_number(r, ut_below(&r->rand, RND_IDS));
		break;
	}
	pu_check(r->host);
}

static void rnd_end(struct rnd *r)
{
	u32 i;

	for (i = 0; i < RND_IDS; i++) {
		if (r->id[i] && r->held[i])
			ut_assert(pasid_put(r->host, NULL, r->id[i], IOASID_HOLD_USER));
		else if (r->id[i])
			pasid_free(r->host, r->set[r->owner[i]], r->id[i]);
	}
	for (i = 0; i < RND_SETS; i++) {
		if (r->set[i])
			ut_assert_eq(pasid_set_free(r->set[i]), 0);
	}
}

UT_CASE(capacity_adds_up_after_every_step)
{
	struct rnd *r = kzalloc(sizeof(*r), GFP_KERNEL);
	u32 round, i;

	ut_assert(r);
	for (round = 1; round <= 4; round++) {
		memset(r, 0, sizeof(*r));
		r->rand.state = round;
		r->host = pu_new();
		pasid_install_capacity(r->host, 100);
		r->host->default_ceiling = 30;
		for (i = 0; i < UT_STEPS(10000U); i++)
			rnd_step(r);
		rnd_end(r);
		pu_free(r->host);
	}
	kfree(r);
}

UT_SUITE(core_pasid_quota, UT_ENTRY(a_quota_that_does_not_fit_is_not_taken),
	 UT_ENTRY(a_smaller_quota_gives_back_and_holds),
	 UT_ENTRY(no_quota_draws_on_what_nobody_was_promised),
	 UT_ENTRY(a_promise_takes_over_what_was_drawn),
	 UT_ENTRY(a_contexts_set_is_promised_nothing),
	 UT_ENTRY(ceiling_and_promise_of_a_contexts_set),
	 UT_ENTRY(no_default_ceiling_needs_no_privilege),
	 UT_ENTRY(only_a_promise_keeps_numbers_for_a_context),
	 UT_ENTRY(capacity_adds_up_after_every_step));
