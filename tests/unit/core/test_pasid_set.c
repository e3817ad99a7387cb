// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Capacity and sets. The numbers in front of the cases are those of docs/testing.md. */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

/* ---- capacity ------------------------------------------------------------------------------------- */

/* 1 */
UT_CASE(a_new_host_has_a_million_numbers)
{
	struct pasid_host *host = pu_new();

	ut_assert_eq(host->capacity, 0x100000);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(host->reserved, 0);
	ut_assert_eq(host->nr_live, 0);
	pu_check(host);
	pu_free(host);
}

/* 2 */
UT_CASE(capacity_is_installed_once)
{
	struct pasid_host *host = pu_new();

	pasid_install_capacity(host, 0x8000);
	ut_assert_eq(host->capacity, 0x8000);
	ut_assert_eq(host->avail, 0x8000);
	pasid_install_capacity(host, 0x4000);
	ut_assert_eq(host->capacity, 0x8000);
	ut_assert_eq(host->avail, 0x8000);
	pu_free(host);
	/* The default, installed, is installed. */
	host = pu_new();
	pasid_install_capacity(host, 0x100000);
	pasid_install_capacity(host, 0x4000);
	ut_assert_eq(host->capacity, 0x100000);
	ut_assert_eq(host->avail, 0x100000);
	pu_free(host);
	/* There are no more than 20 bits. */
	host = pu_new();
	pasid_install_capacity(host, 0x100001);
	ut_assert(host->capacity <= 0x100000);
	ut_assert_eq(host->avail, host->capacity);
	pu_free(host);
}

/* 2 */
UT_CASE(capacity_is_installed_before_it_is_divided)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 100);

	pasid_install_capacity(host, 50);
	ut_assert_eq(host->capacity, 0x100000);
	ut_assert_eq(host->avail, 0x100000 - 100);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
	host = pu_new();
	ut_assert_eq(pasid_reserve_capacity(host, 7), 7);
	pasid_install_capacity(host, 50);
	ut_assert_eq(host->capacity, 0x100000);
	ut_assert_eq(host->avail, 0x100000 - 7);
	pu_free(host);
}

/* 3 */
UT_CASE(a_reservation_comes_back)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;

	ut_assert_eq(pasid_reserve_capacity(host, 100), 100);
	ut_assert_eq(host->avail, 0x100000 - 100);
	pu_check(host);
	ut_assert_eq(pasid_cancel_capacity(host, 100), 0x100000);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(pasid_cancel_capacity(host, 1), -EINVAL);
	/* What a set was promised is not a reservation. */
	set = pu_set(host, 50);
	ut_assert_eq(pasid_reserve_capacity(host, 10), 10);
	ut_assert_eq(pasid_cancel_capacity(host, 11), -EINVAL);
	ut_assert_eq(pasid_cancel_capacity(host, ~0U), -EINVAL);
	ut_assert_eq(host->avail, 0x100000 - 60);
	ut_assert_eq(pasid_cancel_capacity(host, 4), 0x100000 - 56);
	pu_check(host);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* 4 */
UT_CASE(what_is_not_there_is_not_reserved)
{
	struct pasid_host *host = pu_new();
	u32 id;

	pasid_install_capacity(host, 1000);
	ut_assert_eq(pasid_reserve_capacity(host, 1001), -ENOSPC);
	ut_assert_eq(pasid_reserve_capacity(host, ~0U), -ENOSPC);
	ut_assert_eq(host->avail, 1000);
	ut_assert_eq(pasid_reserve_capacity(host, 400), 400);
	ut_assert_eq(pasid_reserve_capacity(host, 601), -ENOSPC);
	ut_assert_eq(host->avail, 600);
	/* 0 is all that is left, even if that is nothing. */
	ut_assert_eq(pasid_reserve_capacity(host, 0), 600);
	ut_assert_eq(host->avail, 0);
	ut_assert_eq(pasid_reserve_capacity(host, 0), 0);
	ut_assert(IS_ERR(pasid_set_alloc(host, NULL, 1, IOASID_SET_TYPE_NULL)));
	{
		struct ioasid_set *set = pu_set(host, 0);

		ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -ENOSPC);
		ut_assert_eq(pasid_cancel_capacity(host, 1), 1);
		ut_assert_eq(pu_try(set, 1, PU_ALL, &id), 0);
		ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -ENOSPC);
		pu_check(host);
		pasid_free(host, set, 1);
		ut_assert_eq(pasid_set_free(set), 0);
	}
	pu_free(host);
}

/* ---- making sets ------------------------------------------------------------------------------------ */

static long set_error(struct pasid_host *host, void *token, u32 quota, int type)
{
	struct ioasid_set *set = pasid_set_alloc(host, token, quota, type);

	ut_assert(IS_ERR(set));
	return PTR_ERR(set);
}

/* 5, 6 */
UT_CASE(a_set_has_a_type_and_a_token_that_fits)
{
	static const int types[] = { 0, PASID_SET_CTX, 4, 1000, -1, (int)0x80000000 };
	struct pasid_host *host = pu_new();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ut_assert_eq(set_error(host, NULL, 1, types[i]), -EINVAL);
		ut_assert_eq(set_error(host, &pu_mms[0], 1, types[i]), -EINVAL);
	}
	ut_assert_eq(set_error(host, NULL, 1, IOASID_SET_TYPE_MM), -EINVAL);
	ut_assert_eq(set_error(host, &pu_mms[0], 1, IOASID_SET_TYPE_NULL), -EINVAL);
	ut_assert_eq(host->avail, 0x100000);
	pu_free(host);
}

UT_CASE(a_process_has_one_set_that_keeps_it)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 0, 10), *other;

	ut_assert_eq(atomic_read(&pu_mms[0].refs), 2);
	ut_assert_eq(set_error(host, &pu_mms[0], 10, IOASID_SET_TYPE_MM), -EEXIST);
	ut_assert_eq(host->avail, 0x100000 - 10);
	ut_assert_eq(atomic_read(&pu_mms[0].refs), 2);
	other = pu_mm_set(host, 1, 10);
	ut_assert(other != set);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(atomic_read(&pu_mms[0].refs), 1);
	/* Its token is free at once. */
	set = pu_mm_set(host, 0, 10);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(pasid_set_free(other), 0);
	pu_free(host);
}

struct race {
	struct pasid_host *host;
	struct completion *go;
	struct ioasid_set *set;
};

static void race_alloc(void *arg)
{
	struct race *r = arg;

	wait_for_completion(r->go);
	r->set = pasid_set_alloc(r->host, &pu_mms[2], 5, IOASID_SET_TYPE_MM);
}

/* 7 */
UT_CASE(two_threads_make_one_set_of_a_process)
{
	static struct completion go;
	struct pasid_host *host = pu_new();
	u32 round, made, i;

	for (round = 0; round < UT_STEPS(400); round++) {
		struct race r[2] = { { host, &go, NULL }, { host, &go, NULL } };
		struct ut_thread t[2];

		init_completion(&go);
		for (i = 0; i < 2; i++)
			ut_assert_eq(ut_thread_start(&t[i], race_alloc, &r[i]), 0);
		complete_all(&go);
		for (i = 0; i < 2; i++)
			ut_thread_join(&t[i]);
		destroy_completion(&go);
		made = 0;
		for (i = 0; i < 2; i++) {
			if (!IS_ERR(r[i].set))
				made++;
			else
				ut_assert_eq(PTR_ERR(r[i].set), -EEXIST);
		}
		ut_assert_eq(made, 1);
		ut_assert_eq(host->avail, 0x100000 - 5);
		ut_assert_eq(pasid_set_free(IS_ERR(r[0].set) ? r[1].set : r[0].set), 0);
	}
	pu_free(host);
}

/* 8 */
UT_CASE(nobodys_sets_are_as_many_as_one_likes)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set[20];
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(set); i++) {
		set[i] = pu_set(host, 3);
		for (k = 0; k < i; k++)
			ut_assert(set[k] != set[i] && set[k]->id != set[i]->id);
	}
	ut_assert_eq(host->nr_sets, 20);
	ut_assert_eq(host->avail, 0x100000 - 60);
	pu_check(host);
	for (i = 0; i < ARRAY_SIZE(set); i++)
		ut_assert_eq(pasid_set_free(set[i]), 0);
	pu_free(host);
}

/* 9 */
UT_CASE(a_quota_beyond_what_is_left_is_refused)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	struct pu_snap before;

	pasid_install_capacity(host, 100);
	set = pu_set(host, 40);
	before = pu_look(host, set, NULL);
	ut_assert_eq(set_error(host, NULL, 61, IOASID_SET_TYPE_NULL), -ENOSPC);
	ut_assert_eq(set_error(host, NULL, ~0U, IOASID_SET_TYPE_NULL), -ENOSPC);
	ut_assert_eq(set_error(host, &pu_mms[0], 61, IOASID_SET_TYPE_MM), -ENOSPC);
	{
		struct pu_snap after = pu_look(host, set, NULL);

		pu_same(&before, &after);
	}
	ut_assert_eq(atomic_read(&pu_mms[0].refs), 1);
	{
		struct ioasid_set *rest = pu_set(host, 60);

		ut_assert_eq(host->avail, 0);
		ut_assert_eq(pasid_set_free(rest), 0);
	}
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* 10 */
UT_CASE(ten_thousand_sets_leave_nothing)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	u32 i, id;

	for (i = 0; i < UT_STEPS(10000U); i++) {
		set = i & 1 ? pu_set(host, 500) : pu_mm_set(host, i % PU_MMS, 500);
		ut_assert_eq(host->avail, 0x100000 - 500);
		id = pu_alloc(set, NULL);
		if (i & 2) {
			pasid_free(host, set, id);
			ut_assert_eq(pasid_set_free(set), 0);
		} else {
			pasid_free_all(set);
			pasid_set_destroy(set);
		}
		ut_assert_eq(host->avail, 0x100000);
	}
	pu_free(host);
}

/* ---- ending sets ------------------------------------------------------------------------------------- */

/* 11 */
UT_CASE(a_set_with_numbers_is_not_freed)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 0, 10);
	u32 id = pu_alloc(set, NULL), other;

	ut_assert_eq(pasid_set_free(set), -EBUSY);
	ut_assert_eq(host->avail, 0x100000 - 10);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &other), 0);
	pasid_free(host, set, other);
	/* One that is pending counts as well. */
	ut_assert_eq(pasid_get(host, NULL, id, IOASID_HOLD_USER), 0);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), -EBUSY);
	ut_assert(pasid_put(host, NULL, id, IOASID_HOLD_USER));
	/* Somebody keeps the memory, which is no longer a set. */
	ut_assert(pasid_find_mm_set(host, &pu_mms[0]) == set);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(pasid_set_free(set), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 5), -EINVAL);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EINVAL);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(host->nr_live, 0);
	ut_assert(!pasid_find_mm_set(host, &pu_mms[0]));
	pasid_set_put(set);
	pu_free(host);
}

/* 12 */
UT_CASE(a_set_outlives_its_last_number)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 2);
	u32 i, id;

	for (i = 0; i < 5; i++) {
		id = pu_alloc(set, NULL);
		pasid_free(host, set, id);
		ut_assert_eq(pu_refs(host, id), 0);
		ut_assert_eq(set->nr, 0);
		os_synchronize_rcu();
	}
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* 15 */
UT_CASE(a_set_is_destroyed_when_its_last_number_goes)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 0, 10);
	u32 held = pu_alloc(set, NULL), other = pu_alloc(set, NULL), id;

	ut_assert_eq(pasid_get(host, set, held, IOASID_HOLD_DEVICE), 0);
	pasid_free_all(set);
	ut_assert_eq(pu_refs(host, other), 0);
	pasid_set_destroy(set);
	/* It takes no more numbers, and everything it has stays taken. */
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EINVAL);
	ut_assert_eq(pasid_adjust_set(set, 20), -EINVAL);
	ut_assert_eq(set_error(host, &pu_mms[0], 1, IOASID_SET_TYPE_MM), -EEXIST);
	ut_assert(!pasid_find_mm_set(host, &pu_mms[0]));
	ut_assert_eq(host->avail, 0x100000 - 10);
	ut_assert_eq(host->nr_live, 1);
	ut_assert_eq(atomic_read(&pu_mms[0].refs), 2);
	ut_assert_eq(pu_state(host, held), IOASID_STATE_FREE_PENDING);
	pu_check(host);
	ut_assert(pasid_put(host, NULL, held, IOASID_HOLD_DEVICE));
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(host->nr_sets, 0);
	set = pu_mm_set(host, 0, 1);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* The numbers need not be freed before; they are, one by one, by those who know them. */
UT_CASE(numbers_of_a_set_that_is_destroyed_are_freed_later)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 4);
	u32 a = pu_alloc(set, NULL), b = pu_alloc(set, NULL);

	pasid_set_destroy(set);
	ut_assert_eq(pu_state(host, a), IOASID_STATE_IDLE);
	ut_assert_eq(host->avail, 0x100000 - 4);
	pasid_free(host, set, a);
	ut_assert_eq(host->avail, 0x100000 - 4);
	pasid_free(host, set, b);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(host->nr_sets, 0);
	pu_free(host);
}

UT_CASE(an_empty_set_is_destroyed_at_once)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 0, 10);

	ut_assert(pasid_find_mm_set(host, &pu_mms[0]) == set);
	pasid_set_destroy(set);
	ut_assert_eq(host->avail, 0x100000);
	ut_assert_eq(host->nr_sets, 0);
	/* The other reference keeps memory only. */
	ut_assert_eq(pasid_set_free(set), -EINVAL);
	pasid_set_put(set);
	pu_free(host);
}

/* ---- finding sets ------------------------------------------------------------------------------------- */

UT_CASE(a_set_found_by_process_comes_with_a_reference)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set, *found[3];
	u32 i, refs;

	ut_assert(!pasid_find_mm_set(host, &pu_mms[0]));
	ut_assert(!pasid_find_mm_set(host, NULL));
	set = pu_mm_set(host, 0, 1);
	ut_assert(!pasid_find_mm_set(host, &pu_mms[1]));
	refs = set->refs;
	for (i = 0; i < 3; i++) {
		found[i] = pasid_find_mm_set(host, &pu_mms[0]);
		ut_assert(found[i] == set);
		ut_assert_eq(set->refs, refs + i + 1);
	}
	pasid_set_put(found[0]);
	ut_assert_eq(pasid_set_free(set), 0);
	/* Still there to be looked at; ASan would tell. */
	ut_assert_eq(found[1]->type, IOASID_SET_TYPE_MM);
	pasid_set_put(found[1]);
	ut_assert_eq(found[2]->nr, 0);
	pasid_set_put(found[2]);
	pu_free(host);
}

/* A context's set, and one of nobody, are not a process's, whatever the token. */
UT_CASE(only_a_process_is_found_by_process)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *ctx = pasid_set_alloc_ctx(host, &pu_mms[0]), *set;

	ut_assert(!IS_ERR(ctx));
	ut_assert_eq(ctx->type, PASID_SET_CTX);
	ut_assert(!pasid_find_mm_set(host, &pu_mms[0]));
	ut_assert_eq(atomic_read(&pu_mms[0].refs), 1);
	set = pu_mm_set(host, 0, 1);
	ut_assert(pasid_find_mm_set(host, &pu_mms[0]) == set);
	pasid_set_put(set);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(pasid_set_free(ctx), 0);
	pu_free(host);
}

UT_CASE(a_set_is_found_by_number_until_reclaim)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *a = pu_set(host, 4), *b = pu_mm_set(host, 0, 4);
	u32 ida = pu_alloc(a, NULL), idb = pu_alloc(b, NULL);

	ut_assert(pasid_find_set(host, ida) == a);
	ut_assert(pasid_find_set(host, idb) == b);
	ut_assert_eq(PTR_ERR(pasid_find_set(host, 0)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find_set(host, idb + 1)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find_set(host, 0x100000)), -ENOENT);
	ut_assert_eq(PTR_ERR(pasid_find_set(host, INVALID_IOASID)), -ENOENT);
	ut_assert_eq(pasid_get(host, a, ida, IOASID_HOLD_CPU), 0);
	pasid_free(host, a, ida);
	ut_assert(pasid_find_set(host, ida) == a);
	ut_assert(pasid_put(host, a, ida, IOASID_HOLD_CPU));
	ut_assert_eq(PTR_ERR(pasid_find_set(host, ida)), -ENOENT);
	pasid_free(host, b, idb);
	ut_assert_eq(pasid_set_free(a), 0);
	ut_assert_eq(pasid_set_free(b), 0);
	pu_free(host);
}

/* ---- going through a set ------------------------------------------------------------------------------------ */

#define WALK 300

struct walk {
	struct pasid_host *host;
	struct ioasid_set *set;
	u32 calls, from, to;
	u32 seen[WALK * 2 + 2];
};

static void walk_count(u32 id, void *data)
{
	struct walk *w = data;

	if (id < ARRAY_SIZE(w->seen))
		w->seen[id]++;
	w->calls++;
}

static void walk_free(u32 id, void *data)
{
	struct walk *w = data;

	walk_count(id, data);
	pasid_free(w->host, w->set, id);
}

/* The first call frees a range of others. */
static void walk_free_range(u32 id, void *data)
{
	struct walk *w = data;

	walk_count(id, data);
	for (; w->from < w->to; w->from++)
		pasid_free(w->host, w->set, w->from);
}

static void walk_alloc(u32 id, void *data)
{
	struct walk *w = data;
	u32 more;

	walk_count(id, data);
	if (w->calls <= WALK)
		ut_assert_eq(pu_try(w->set, 1, PU_ALL, &more), 0);
	pasid_free(w->host, w->set, id);
}

static void walk_destroy(u32 id, void *data)
{
	struct walk *w = data;

	walk_count(id, data);
	if (w->calls == 1)
		pasid_set_destroy(w->set);
	pasid_free(w->host, w->set, id);
}

static struct walk *walk_new(struct ioasid_set *set, u32 n)
{
	struct walk *w = kzalloc(sizeof(*w), GFP_KERNEL);

	ut_assert(w);
	w->host = set->host;
	w->set = set;
	while (n--)
		pu_alloc(set, NULL);
	return w;
}

/* 16 */
UT_CASE(walking_sees_each_number_once)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, WALK), *other = pu_set(host, 1);
	struct walk *w = walk_new(set, 0);
	u32 i, foreign;

	pasid_set_for_each(set, walk_count, w);
	ut_assert_eq(w->calls, 0);
	foreign = pu_alloc(other, NULL);
	for (i = 0; i < WALK; i++)
		pu_alloc(set, NULL);
	pasid_free(host, set, 100);
	pasid_free(host, set, 2);
	pasid_free(host, set, WALK + 1);
	pasid_set_for_each(set, walk_count, w);
	ut_assert_eq(w->calls, WALK - 3);
	for (i = 1; i <= WALK + 1; i++)
		ut_assert_eq(w->seen[i], i != foreign && i != 100 && i != 2 && i != WALK + 1);
	kfree(w);
	/* A callback that frees each leaves it empty. */
	w = walk_new(set, 0);
	pasid_set_for_each(set, walk_free, w);
	ut_assert_eq(w->calls, WALK - 3);
	ut_assert_eq(set->nr, 0);
	ut_assert_eq(pasid_set_free(set), 0);
	pasid_free(host, other, foreign);
	ut_assert_eq(pasid_set_free(other), 0);
	kfree(w);
	pu_free(host);
}

/* 16: neighbours that go meanwhile, those behind and those ahead */
UT_CASE(walking_survives_that_others_are_freed)
{
	u32 from, i;

	for (from = 1; from <= WALK; from += 37) {
		struct pasid_host *host = pu_new();
		struct ioasid_set *set = pu_set(host, WALK);
		struct walk *w = walk_new(set, WALK);

		w->from = from;
		w->to = from + 60;
		pasid_set_for_each(set, walk_free_range, w);
		for (i = 1; i <= WALK; i++) {
			ut_assert(w->seen[i] <= 1);
			if (i < from || i >= from + 60)
				ut_assert_eq(w->seen[i], 1);
		}
		pasid_free_all(set);
		ut_assert_eq(pasid_set_free(set), 0);
		kfree(w);
		pu_free(host);
	}
}

/* 16: what is allocated meanwhile is seen or not, but the walk ends and sees the others */
UT_CASE(walking_ends_while_numbers_come)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct walk *w = walk_new(set, WALK);
	u32 i;

	pasid_set_for_each(set, walk_alloc, w);
	for (i = 1; i <= WALK; i++)
		ut_assert(w->seen[i] >= 1);
	pasid_free_all(set);
	ut_assert_eq(set->nr, 0);
	ut_assert_eq(pasid_set_free(set), 0);
	kfree(w);
	pu_free(host);
}

/* A callback may end the set it walks through, as long as the caller keeps it. */
UT_CASE(a_set_is_destroyed_from_within)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 0, WALK);
	struct walk *w = walk_new(set, WALK);

	ut_assert(pasid_find_mm_set(host, &pu_mms[0]) == set);
	pasid_set_for_each(set, walk_destroy, w);
	ut_assert_eq(w->calls, WALK);
	ut_assert_eq(host->nr_sets, 0);
	ut_assert_eq(host->avail, 0x100000);
	pasid_set_put(set);
	kfree(w);
	pu_free(host);
}

/* Freed all at once: unused ones are gone, others are pending and found no more. */
UT_CASE(free_all_frees_all)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 10);
	struct walk *w = walk_new(set, 10);
	u32 i, id;

	pasid_free_all(set);
	ut_assert_eq(set->nr, 0);
	pasid_free_all(set);
	for (i = 0; i < 10; i++)
		pu_alloc(set, NULL);
	ut_assert_eq(pasid_get(host, set, 3, IOASID_HOLD_USER), 0);
	ut_assert_eq(pasid_get(host, set, 5, IOASID_HOLD_IOMMU), 0);
	/* One that is pending before stays so. */
	ut_assert_eq(pasid_get(host, set, 8, IOASID_HOLD_CPU), 0);
	pasid_free(host, set, 8);
	pasid_free_all(set);
	ut_assert_eq(set->nr, 3);
	ut_assert_eq(set->nr_pending, 3);
	pasid_set_for_each(set, walk_count, w);
	ut_assert_eq(w->calls, 0);
	/* The set goes on. */
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 1);
	pasid_set_for_each(set, walk_count, w);
	ut_assert_eq(w->calls, 1);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), -EBUSY);
	ut_assert(pasid_put(host, NULL, 5, IOASID_HOLD_IOMMU));
	ut_assert(pasid_put(host, set, 3, IOASID_HOLD_USER));
	ut_assert(pasid_put(host, set, 8, IOASID_HOLD_CPU));
	ut_assert_eq(pasid_set_free(set), 0);
	kfree(w);
	pu_free(host);
}

/* ---- without memory ------------------------------------------------------------------------------------------ */

static struct ioasid_set *fail_make(struct pasid_host *host, u32 kind)
{
	return kind == 2 ? pasid_set_alloc_ctx(host, &pu_mms[0]) :
	       kind == 1 ? pasid_set_alloc(host, &pu_mms[0], 9, IOASID_SET_TYPE_MM) :
			   pasid_set_alloc(host, NULL, 9, IOASID_SET_TYPE_NULL);
}

/* 21 */
UT_CASE(a_set_without_memory_changes_nothing)
{
	struct pasid_host *host = pu_new();
	struct pu_snap before, after;
	struct ioasid_set *set;
	unsigned long nth;
	u32 kind;

	for (kind = 0; kind < 3; kind++) {
		before = pu_look(host, NULL, NULL);
		for (nth = 1;; nth++) {
			os_alloc_fail_nth(nth);
			set = fail_make(host, kind);
			os_alloc_fail_nth(0);
			if (!IS_ERR(set))
				break;
			ut_assert_eq(PTR_ERR(set), -ENOMEM);
			after = pu_look(host, NULL, NULL);
			pu_same(&before, &after);
			ut_assert_eq(atomic_read(&pu_mms[0].refs), 1);
			ut_assert(!pasid_find_mm_set(host, &pu_mms[0]));
		}
		ut_assert(nth > 1);
		/* Ending one needs none. */
		os_alloc_fail_nth(1);
		ut_assert_eq(pasid_set_free(set), 0);
		os_alloc_fail_nth(0);
		after = pu_look(host, NULL, NULL);
		pu_same(&before, &after);
	}
	pu_free(host);
}

UT_SUITE(core_pasid_set, UT_ENTRY(a_new_host_has_a_million_numbers),
	 UT_ENTRY(capacity_is_installed_once), UT_ENTRY(capacity_is_installed_before_it_is_divided),
	 UT_ENTRY(a_reservation_comes_back), UT_ENTRY(what_is_not_there_is_not_reserved),
	 UT_ENTRY(a_set_has_a_type_and_a_token_that_fits),
	 UT_ENTRY(a_process_has_one_set_that_keeps_it),
	 UT_ENTRY(two_threads_make_one_set_of_a_process),
	 UT_ENTRY(nobodys_sets_are_as_many_as_one_likes),
	 UT_ENTRY(a_quota_beyond_what_is_left_is_refused),
	 UT_ENTRY(ten_thousand_sets_leave_nothing), UT_ENTRY(a_set_with_numbers_is_not_freed),
	 UT_ENTRY(a_set_outlives_its_last_number),
	 UT_ENTRY(a_set_is_destroyed_when_its_last_number_goes),
	 UT_ENTRY(numbers_of_a_set_that_is_destroyed_are_freed_later),
	 UT_ENTRY(an_empty_set_is_destroyed_at_once),
	 UT_ENTRY(a_set_found_by_process_comes_with_a_reference),
	 UT_ENTRY(only_a_process_is_found_by_process),
	 UT_ENTRY(a_set_is_found_by_number_until_reclaim), UT_ENTRY(walking_sees_each_number_once),
	 UT_ENTRY(walking_survives_that_others_are_freed),
	 UT_ENTRY(walking_ends_while_numbers_come), UT_ENTRY(a_set_is_destroyed_from_within),
	 UT_ENTRY(free_all_frees_all), UT_ENTRY(a_set_without_memory_changes_nothing));
