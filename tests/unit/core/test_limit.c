// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Limits: the tree by itself, then under the allocator. The names of the cases say what is limited; the
 * groups are root - a - b, c (both below a), as cgroups would be.
 */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

enum { ROOT, A, B, C, GROUPS };

static unsigned int released;

static void count_release(void *priv)
{
	released++;
}

/* struct world - a tree; g[] each with one reference */
struct world {
	struct limit_tree tree;
	struct limit_group *g[GROUPS];
	long live;
};

static struct limit_group *make(struct limit_tree *tree, struct limit_group *parent, u64 id,
				const char *name)
{
	struct limit_group *group = limit_group_create(tree, parent, id, name, tree);

	ut_assert(!IS_ERR(group));
	return group;
}

static void set_up(struct world *w)
{
	w->live = pu_live();
	released = 0;
	limit_tree_init(&w->tree, count_release);
	w->g[ROOT] = make(&w->tree, NULL, 1, "/");
	w->g[A] = make(&w->tree, w->g[ROOT], 1ULL << 40, "/a");
	w->g[B] = make(&w->tree, w->g[A], 7, "/a/b");
	w->g[C] = make(&w->tree, w->g[A], 8, "/a/c");
}

static void drop(struct world *w, unsigned int i)
{
	limit_group_put(w->g[i]);
	w->g[i] = NULL;
}

static void tear_down(struct world *w)
{
	unsigned int i;

	for (i = 0; i < GROUPS; i++) {
		if (w->g[i])
			limit_group_put(w->g[i]);
	}
	limit_tree_destroy(&w->tree);
	ut_assert_eq(w->tree.nr, 0);
	ut_assert_eq(pu_live(), w->live);
}

static struct limit_figures read_group(struct limit_group *group)
{
	struct limit_figures f;

	limit_read(group, &f);
	return f;
}

static void expect(struct limit_group *group, u32 charge, u32 peak, u64 events, u64 local)
{
	struct limit_figures f = read_group(group);

	ut_assert_eq(f.current_charge, charge);
	ut_assert_eq(f.peak, peak);
	ut_assert_eq(f.events, events);
	ut_assert_eq(f.events_local, local);
}

/* ---- charging -------------------------------------------------------------------------------- */

/* 60. */
UT_CASE(the_sixth_of_five_is_refused)
{
	struct world w;
	u64 by = 99;
	int i;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[B], 5), 0);
	for (i = 0; i < 5; i++) {
		ut_assert_eq(limit_charge(w.g[B], 1, &by), 0);
		ut_assert_eq(by, 0);
	}
	ut_assert_eq(limit_charge(w.g[B], 1, &by), -EBUSY);
	ut_assert_eq(by, 7);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), -EBUSY);
	expect(w.g[B], 5, 5, 2, 2);
	expect(w.g[A], 5, 5, 2, 0);
	expect(w.g[ROOT], 5, 5, 2, 0);
	expect(w.g[C], 0, 0, 0, 0);
	limit_uncharge(w.g[B], 1);
	ut_assert_eq(limit_charge(w.g[B], 1, &by), 0);
	limit_uncharge(w.g[B], 5);
	expect(w.g[B], 0, 5, 2, 2);
	tear_down(&w);
}

/* 61. */
UT_CASE(a_parent_limits_its_children_together)
{
	struct world w;
	u64 by;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[A], 3), 0);
	ut_assert_eq(limit_set_max(w.g[B], 5), 0);
	ut_assert_eq(limit_set_max(w.g[C], 5), 0);
	ut_assert_eq(limit_charge(w.g[B], 2, &by), 0);
	ut_assert_eq(limit_charge(w.g[C], 1, &by), 0);
	ut_assert_eq(limit_charge(w.g[C], 1, &by), -EBUSY);
	ut_assert_eq(by, 1ULL << 40);
	ut_assert_eq(limit_charge(w.g[B], 1, &by), -EBUSY);
	expect(w.g[A], 3, 3, 2, 2);
	expect(w.g[ROOT], 3, 3, 2, 0);
	expect(w.g[B], 2, 2, 0, 0);
	expect(w.g[C], 1, 1, 0, 0);
	limit_uncharge(w.g[B], 2);
	limit_uncharge(w.g[C], 1);
	tear_down(&w);
}

/* The lowest limit that is reached is the one that counts, whatever would have refused above. */
UT_CASE(the_lowest_one_refuses)
{
	struct world w;
	u64 by;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[A], 0), 0);
	ut_assert_eq(limit_set_max(w.g[B], 0), 0);
	ut_assert_eq(limit_charge(w.g[B], 1, &by), -EBUSY);
	ut_assert_eq(by, 7);
	ut_assert_eq(limit_charge(w.g[C], 1, &by), -EBUSY);
	ut_assert_eq(by, 1ULL << 40);
	expect(w.g[B], 0, 0, 1, 1);
	expect(w.g[A], 0, 0, 2, 1);
	expect(w.g[ROOT], 0, 0, 2, 0);
	expect(w.g[C], 0, 0, 0, 0);
	tear_down(&w);
}

UT_CASE(many_at_once_or_none)
{
	struct world w;
	u64 by;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[A], 10), 0);
	ut_assert_eq(limit_charge(w.g[B], 11, &by), -EBUSY);
	/* Nothing below the one that refused was touched, and no peak raised (66). */
	expect(w.g[B], 0, 0, 0, 0);
	expect(w.g[A], 0, 0, 1, 1);
	expect(w.g[ROOT], 0, 0, 1, 0);
	ut_assert_eq(limit_charge(w.g[B], 10, &by), 0);
	ut_assert_eq(limit_charge(w.g[B], 0, &by), 0);
	ut_assert_eq(limit_charge(NULL, 5, &by), 0);
	ut_assert_eq(by, 0);
	limit_uncharge(w.g[B], 0);
	limit_uncharge(NULL, 5);
	expect(w.g[B], 10, 10, 0, 0);
	limit_uncharge(w.g[B], 10);
	tear_down(&w);
}

UT_CASE(sums_do_not_overflow)
{
	struct world w;
	u64 by;

	set_up(&w);
	ut_assert_eq(limit_charge(w.g[B], 0xfffffff0, &by), 0);
	ut_assert_eq(limit_charge(w.g[C], 0xf, &by), 0);
	ut_assert_eq(limit_charge(w.g[C], 1, &by), -EBUSY);
	ut_assert_eq(by, 1ULL << 40);
	ut_assert_eq(limit_charge(w.g[C], 0xffffffff, &by), -EBUSY);
	/* Its own sum already. */
	ut_assert_eq(by, 8);
	expect(w.g[C], 0xf, 0xf, 1, 1);
	expect(w.g[A], 0xffffffff, 0xffffffff, 2, 1);
	limit_uncharge(w.g[B], 0xfffffff0);
	limit_uncharge(w.g[C], 0xf);
	expect(w.g[ROOT], 0, 0xffffffff, 2, 0);
	tear_down(&w);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* 64, and 67: any number is a limit. */
UT_CASE(a_limit_below_what_is_there_takes_nothing_away)
{
	struct world w;

	set_up(&w);
	ut_assert_eq(limit_charge(w.g[B], 5, NULL), 0);
	ut_assert_eq(limit_set_max(w.g[B], 2), 0);
	expect(w.g[B], 5, 5, 0, 0);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), -EBUSY);
	limit_uncharge(w.g[B], 3);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), -EBUSY);
	limit_uncharge(w.g[B], 1);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), 0);
	ut_assert_eq(limit_set_max(w.g[B], LIMIT_NONE - 1), 0);
	ut_assert_eq(read_group(w.g[B]).max, LIMIT_NONE - 1);
	ut_assert_eq(limit_charge(w.g[B], 100, NULL), 0);
	ut_assert_eq(limit_set_max(w.g[B], 0), 0);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), -EBUSY);
	ut_assert_eq(limit_set_max(w.g[B], LIMIT_NONE), 0);
	ut_assert_eq(limit_charge(w.g[B], 1, NULL), 0);
	limit_uncharge(w.g[B], 103);
	expect(w.g[ROOT], 0, 103, 3, 0);
	tear_down(&w);
}

UT_CASE(a_root_has_no_limit)
{
	struct world w;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[ROOT], 5), -EINVAL);
	ut_assert_eq(limit_set_max(w.g[ROOT], LIMIT_NONE), -EINVAL);
	ut_assert_eq(read_group(w.g[ROOT]).max, LIMIT_NONE);
	tear_down(&w);
}

/* ---- life of groups -------------------------------------------------------------------------- */

/* 65. */
UT_CASE(a_removed_group_stays_charged_above)
{
	struct limit_group *b;
	struct world w;

	set_up(&w);
	b = w.g[B];
	ut_assert_eq(limit_charge(b, 3, NULL), 0);
	ut_assert_eq(limit_set_max(w.g[A], 4), 0);
	ut_assert_eq(limit_group_forget(w.g[A]), -EBUSY);
	ut_assert(!read_group(w.g[A]).gone);
	ut_assert_eq(limit_group_forget(w.g[B]), 0);
	ut_assert(read_group(w.g[B]).gone);
	ut_assert(!limit_group_find(&w.tree, 7));
	ut_assert(!limit_group_find_name(&w.tree, "/a/b"));
	drop(&w, B);
	ut_assert_eq(released, 0);
	ut_assert_eq(w.tree.nr, 4);
	expect(w.g[A], 3, 3, 0, 0);
	ut_assert_eq(limit_charge(w.g[C], 2, NULL), -EBUSY);
	ut_assert_eq(limit_charge(w.g[C], 1, NULL), 0);
	limit_uncharge(w.g[C], 1);
	limit_uncharge(b, 3);
	ut_assert_eq(released, 1);
	expect(w.g[A], 0, 4, 1, 1);
	expect(w.g[ROOT], 0, 4, 1, 0);
	tear_down(&w);
}

UT_CASE(a_charge_keeps_its_group)
{
	struct limit_group *b;
	struct world w;

	set_up(&w);
	b = w.g[B];
	ut_assert_eq(limit_charge(b, 2, NULL), 0);
	ut_assert_eq(limit_group_forget(b), 0);
	drop(&w, B);
	drop(&w, C);
	drop(&w, A);
	drop(&w, ROOT);
	/* c went, the others are held by the charge. */
	ut_assert_eq(released, 1);
	ut_assert_eq(w.tree.nr, 3);
	limit_uncharge(b, 1);
	ut_assert_eq(released, 1);
	limit_uncharge(b, 1);
	ut_assert_eq(released, 4);
	tear_down(&w);
}

/* What an administrator said, and what was counted since, must not be lost when nobody looks. */
UT_CASE(a_limit_keeps_its_group)
{
	struct limit_group *b;
	struct world w;

	set_up(&w);
	b = w.g[B];
	ut_assert_eq(limit_set_max(b, 1), 0);
	ut_assert_eq(limit_charge(b, 1, NULL), 0);
	ut_assert_eq(limit_charge(b, 1, NULL), -EBUSY);
	limit_uncharge(b, 1);
	drop(&w, B);
	ut_assert_eq(released, 0);
	w.g[B] = limit_group_find(&w.tree, 7);
	ut_assert(w.g[B] == b);
	expect(b, 0, 1, 1, 1);
	ut_assert_eq(limit_set_max(b, LIMIT_NONE), 0);
	drop(&w, B);
	ut_assert_eq(released, 1);
	ut_assert(!limit_group_find(&w.tree, 7));
	tear_down(&w);
}

static bool id_7_is_gone(void *priv)
{
	return *(u64 *)priv == 7;
}

static bool all_are_gone(void *priv)
{
	return true;
}

UT_CASE(sweeping)
{
	static u64 ids[] = { 1, 2, 7, 8 };
	struct limit_group *g[4];
	struct limit_tree tree;
	long live = pu_live();
	unsigned int i;

	released = 0;
	limit_tree_init(&tree, count_release);
	for (i = 0; i < 4; i++) {
		g[i] = limit_group_create(&tree, i ? g[i - 1] : NULL, ids[i], "x", &ids[i]);
		ut_assert(!IS_ERR(g[i]));
		if (i)
			ut_assert_eq(limit_set_max(g[i], i), 0);
	}
	for (i = 4; i--;)
		limit_group_put(g[i]);
	ut_assert_eq(tree.nr, 4);
	/* A name below it: it cannot be gone, whatever is said. */
	limit_tree_sweep(&tree, id_7_is_gone);
	ut_assert_eq(tree.nr, 4);
	ut_assert_eq(limit_charge(g[3], 1, NULL), 0);
	limit_tree_sweep(&tree, all_are_gone);
	ut_assert_eq(tree.nr, 4);
	ut_assert(g[0]->gone && g[1]->gone && g[2]->gone && g[3]->gone);
	limit_uncharge(g[3], 1);
	ut_assert_eq(tree.nr, 0);
	ut_assert_eq(released, 4);
	limit_tree_destroy(&tree);
	ut_assert_eq(pu_live(), live);
}

UT_CASE(names_and_numbers)
{
	struct limit_group *found;
	struct world w;
	long live;

	set_up(&w);
	found = limit_group_find(&w.tree, 1ULL << 40);
	ut_assert(found == w.g[A]);
	ut_assert_eq(found->refs, 4); /* ours, twice, and its children's */
	limit_group_put(found);
	found = limit_group_find_name(&w.tree, "/a/c");
	ut_assert(found == w.g[C]);
	limit_group_put(found);
	ut_assert(!limit_group_find(&w.tree, 0));
	ut_assert(!limit_group_find(&w.tree, 1ULL << 41));
	ut_assert(!limit_group_find_name(&w.tree, "/a/"));
	live = os_alloc_live();
	os_alloc_fail_nth(1);
	found = limit_group_create(&w.tree, w.g[C], 9, "/a/c/d", NULL);
	os_alloc_fail_nth(0);
	ut_assert(found == ERR_PTR(-ENOMEM));
	ut_assert_eq(os_alloc_live(), live);
	ut_assert_eq(w.g[C]->refs, 1);
	/* A host that ends. */
	limit_groups_forget_all(&w.tree);
	ut_assert_eq(released, GROUPS);
	memset(w.g, 0, sizeof(w.g));
	tear_down(&w);
}

/* ---- under threads ---------------------------------------------------------------------------- */

#define ROUNDS UT_STEPS(20000)

struct hammer {
	struct ut_thread thread;
	struct limit_group *group;
	u32 seed;
	u32 errors;
	u64 refused;
};

static void hammer(void *arg)
{
	struct hammer *h = arg;
	struct ut_rand r = { h->seed };
	u32 held = 0, n;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		n = ut_below(&r, 3) + 1;
		if (held >= n && ut_below(&r, 2)) {
			limit_uncharge(h->group, n);
			held -= n;
		} else if (!limit_charge(h->group, n, NULL)) {
			held += n;
		} else {
			h->refused++;
		}
		if (READ_ONCE(h->group->parent->current_charge) > 6)
			h->errors++;
	}
	limit_uncharge(h->group, held);
}

UT_CASE(no_limit_is_passed_by_threads)
{
	struct hammer h[2];
	struct world w;
	unsigned int i;
	u64 refused;

	set_up(&w);
	ut_assert_eq(limit_set_max(w.g[A], 6), 0);
	ut_assert_eq(limit_set_max(w.g[B], 4), 0);
	ut_assert_eq(limit_set_max(w.g[C], 4), 0);
	for (i = 0; i < 2; i++) {
		h[i] = (struct hammer){ .group = w.g[B + i], .seed = i + 1 };
		ut_assert_eq(ut_thread_start(&h[i].thread, hammer, &h[i]), 0);
	}
	for (i = 0; i < 2; i++)
		ut_thread_join(&h[i].thread);
	refused = h[0].refused + h[1].refused;
	ut_assert_eq(h[0].errors + h[1].errors, 0);
	ut_assert_eq(read_group(w.g[ROOT]).events, refused);
	ut_assert_eq(read_group(w.g[A]).events_local + read_group(w.g[B]).events_local +
			     read_group(w.g[C]).events_local,
		     refused);
	for (i = 0; i < GROUPS; i++)
		ut_assert_eq(read_group(w.g[i]).current_charge, 0);
	ut_assert(read_group(w.g[A]).peak <= 6);
	ut_assert(read_group(w.g[B]).peak <= 4);
	tear_down(&w);
}

/* ---- under the allocator ---------------------------------------------------------------------- */

static int take(struct ioasid_set *set, struct limit_group *group, u32 *id)
{
	const struct ioasid_request req = { .min = 1, .max = PU_ALL };

	pu_group = group;
	return pasid_alloc(set, &req, NULL, id);
}

/* 60, 62, 65, 66 and 67 with numbers: every number remembers the group that paid. */
UT_CASE(numbers_are_charged_until_they_are_reclaimed)
{
	struct pasid_host *host = pu_new();
	struct limit_group *root = make(&host->limits, NULL, 1, "/");
	struct limit_group *a = make(&host->limits, root, 2, "/a");
	struct limit_group *b = make(&host->limits, root, 3, "/b");
	struct ioasid_set *set = pasid_set_alloc(host, NULL, 0, IOASID_SET_TYPE_NULL);
	struct ioasid_set *small = pasid_set_alloc(host, NULL, 1, IOASID_SET_TYPE_NULL);
	u32 id[3], more;

	ut_assert(!IS_ERR(set) && !IS_ERR(small));
	ut_assert_eq(limit_set_max(a, 2), 0);
	ut_assert_eq(take(set, a, &id[0]), 0);
	ut_assert_eq(take(set, a, &id[1]), 0);
	ut_assert_eq(take(set, a, &more), -EDQUOT);
	ut_assert_eq(set->refused_by, PASID_REFUSED_LIMIT);
	ut_assert_eq(set->refused_group, 2);
	expect(a, 2, 2, 1, 1);
	/* Whoever moves pays for what he takes from then on. */
	ut_assert_eq(take(set, b, &id[2]), 0);
	expect(b, 1, 1, 0, 0);
	expect(a, 2, 2, 1, 1);
	/* Pending is still charged; the last put uncharges who paid, not who puts. */
	ut_assert_eq(pasid_get(host, set, id[0], IOASID_HOLD_USER), 0);
	pasid_free(host, set, id[0]);
	expect(a, 2, 2, 1, 1);
	ut_assert(pasid_put(host, set, id[0], IOASID_HOLD_USER));
	expect(a, 1, 2, 1, 1);
	expect(b, 1, 1, 0, 0);
	/* What the quota refuses is not charged, and raises no peak. */
	ut_assert_eq(take(small, b, &id[0]), 0);
	expect(b, 2, 2, 0, 0);
	ut_assert_eq(take(small, b, &more), -EDQUOT);
	ut_assert_eq(small->refused_by, PASID_REFUSED_QUOTA);
	expect(b, 2, 2, 0, 0);
	/* A limit above capacity is one; capacity bites. */
	ut_assert_eq(limit_set_max(b, PU_ALL * 4), 0);
	ut_assert_eq(pasid_reserve_capacity(host, 0), PASID_CAPACITY - 3);
	ut_assert_eq(take(set, b, &more), -ENOSPC);
	ut_assert_eq(set->refused_by, PASID_REFUSED_CAPACITY);
	expect(b, 2, 2, 0, 0);
	ut_assert_eq(pasid_cancel_capacity(host, PASID_CAPACITY - 3), PASID_CAPACITY - 3);
	/* Removed while charged. */
	ut_assert_eq(limit_group_forget(b), 0);
	limit_group_put(b);
	expect(root, 3, 3, 1, 0);
	pu_group = NULL;
	pasid_free(host, small, id[0]);
	expect(root, 2, 3, 1, 0);
	pasid_free_all(set);
	expect(root, 0, 3, 1, 0);
	ut_assert(!limit_group_find(&host->limits, 3));
	pasid_set_destroy(set);
	pasid_set_destroy(small);
	ut_assert_eq(limit_set_max(a, LIMIT_NONE), 0);
	limit_group_put(a);
	limit_group_put(root);
	pu_free(host);
}

static struct pasid_host *work_host;

static void put_in_work(struct ioasid_work *work)
{
	/* Here nobody is in the owner's group. */
	pasid_put(work_host, NULL, work->id, IOASID_HOLD_USER);
}

/* 63. */
UT_CASE(the_last_put_of_a_worker_uncharges_the_owner)
{
	struct pasid_host *host = pu_new();
	struct limit_group *root = make(&host->limits, NULL, 1, "/");
	struct limit_group *a = make(&host->limits, root, 2, "/a");
	struct ioasid_set *set = pasid_set_alloc(host, NULL, 0, IOASID_SET_TYPE_NULL);
	struct ioasid_work work;
	u32 id;

	ut_assert(!IS_ERR(set));
	ut_assert_eq(take(set, a, &id), 0);
	pu_group = NULL;
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	pasid_init_work(&work, id, put_in_work);
	work_host = host;
	ut_assert(pasid_queue_work(host, &work));
	pasid_free(host, set, id);
	pasid_flush_all_work(host);
	expect(a, 0, 1, 0, 0);
	expect(root, 0, 1, 0, 0);
	limit_group_put(a);
	limit_group_put(root);
	pasid_set_destroy(set);
	pu_free(host);
}

/* Whatever memory is missing: what was charged is given back. */
UT_CASE(no_memory_after_the_charge)
{
	struct pasid_host *host = pu_new();
	struct limit_group *root = make(&host->limits, NULL, 1, "/");
	struct ioasid_set *set = pasid_set_alloc(host, NULL, 0, IOASID_SET_TYPE_NULL);
	unsigned long nth;
	u32 id;
	int rc;

	ut_assert(!IS_ERR(set));
	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = take(set, root, &id);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		expect(root, 0, 0, 0, 0);
	}
	ut_assert(nth > 1);
	expect(root, 1, 1, 0, 0);
	pasid_free(host, set, id);
	expect(root, 0, 1, 0, 0);
	pu_group = NULL;
	limit_group_put(root);
	pasid_set_destroy(set);
	pu_free(host);
}

UT_SUITE(core_limit, UT_ENTRY(the_sixth_of_five_is_refused),
	 UT_ENTRY(a_parent_limits_its_children_together), UT_ENTRY(the_lowest_one_refuses),
	 UT_ENTRY(many_at_once_or_none), UT_ENTRY(sums_do_not_overflow),
	 UT_ENTRY(a_limit_below_what_is_there_takes_nothing_away), UT_ENTRY(a_root_has_no_limit),
	 UT_ENTRY(a_removed_group_stays_charged_above), UT_ENTRY(a_charge_keeps_its_group),
	 UT_ENTRY(a_limit_keeps_its_group), UT_ENTRY(sweeping), UT_ENTRY(names_and_numbers),
	 UT_ENTRY(no_limit_is_passed_by_threads),
	 UT_ENTRY(numbers_are_charged_until_they_are_reclaimed),
	 UT_ENTRY(the_last_put_of_a_worker_uncharges_the_owner),
	 UT_ENTRY(no_memory_after_the_charge));
