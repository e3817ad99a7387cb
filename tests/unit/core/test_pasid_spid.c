// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Set-private numbers. Numbers of cases: docs/testing.md. */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

#define NONE INVALID_IOASID

static const enum ioasid_holder holders[] = { IOASID_HOLD_USER, IOASID_HOLD_IOMMU, IOASID_HOLD_CPU,
					      IOASID_HOLD_DEVICE };

/* Two sets; of one every event is written down. */
struct world {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct ioasid_set *other;
	struct pu_ear global;
	struct pu_ear ear;
};

static struct world *world_new(void)
{
	struct pasid_host *host = pu_new();
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);

	ut_assert(w);
	w->host = host;
	w->set = pu_mm_set(host, 0, 0);
	w->other = pu_set(host, 0);
	pu_listen(host, NULL, &w->global);
	return w;
}

/* From here on: what was allocated before is not of interest. */
static void listen(struct world *w)
{
	pu_listen(w->host, w->set, &w->ear);
}

static void world_free(struct world *w)
{
	struct pasid_host *host = w->host;

	if (w->ear.host)
		pasid_unregister_notifier(host, w->set, &w->ear.nb);
	pasid_unregister_notifier(host, NULL, &w->global.nb);
	ut_assert_eq(w->set->nr_spids, 0);
	ut_assert_eq(w->other->nr_spids, 0);
	ut_assert_eq(pasid_set_free(w->set), 0);
	ut_assert_eq(pasid_set_free(w->other), 0);
	kfree(w);
	pu_free(host);
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* 33 */
UT_CASE(a_name_is_a_set_s_own)
{
	struct world *w = world_new();
	u32 a = pu_alloc(w->set, NULL), b = pu_alloc(w->other, NULL);

	ut_assert_eq(pasid_find_by_spid(w->set, 100), NONE);
	ut_assert_eq(pasid_attach_spid(w->host, a, 100), 0);
	ut_assert_eq(pasid_find_by_spid(w->other, 100), NONE);
	ut_assert_eq(pasid_attach_spid(w->host, b, 100), 0);
	ut_assert_eq(pasid_find_by_spid(w->set, 100), a);
	ut_assert_eq(pasid_find_by_spid(w->other, 100), b);
	ut_assert_eq(pu_info(w->host, a).spid, 100);
	ut_assert_eq(pu_info(w->host, b).spid, 100);
	ut_assert_eq(pasid_get_by_spid(w->set, 100, IOASID_HOLD_DEVICE), a);
	ut_assert_eq(pu_refs(w->host, a), 2);
	ut_assert_eq(pu_refs(w->host, b), 1);
	ut_assert(!pasid_put(w->host, w->set, a, IOASID_HOLD_DEVICE));
	pasid_detach_spid(w->host, a);
	ut_assert_eq(pasid_find_by_spid(w->set, 100), NONE);
	ut_assert_eq(pasid_find_by_spid(w->other, 100), b);
	pasid_free(w->host, w->set, a);
	pasid_free(w->host, w->other, b);
	world_free(w);
}

/* 34 */
UT_CASE(a_name_is_given_once_in_a_set)
{
	struct world *w = world_new();
	u32 a = pu_alloc(w->set, NULL), b = pu_alloc(w->set, NULL);

	ut_assert_eq(pasid_attach_spid(w->host, a, 7), 0);
	ut_assert_eq(pasid_attach_spid(w->host, b, 7), -EINVAL);
	ut_assert_eq(pu_refs(w->host, a), 1);
	ut_assert_eq(pu_refs(w->host, b), 1);
	ut_assert_eq(pu_info(w->host, b).spid, NONE);
	ut_assert_eq(pasid_find_by_spid(w->set, 7), a);
	/* Nothing of the first keeps it: one free and it is gone. */
	pasid_free(w->host, w->set, a);
	ut_assert_eq(pu_state(w->host, a), IOASID_STATE_FREE);
	ut_assert_eq(pasid_attach_spid(w->host, b, 7), 0);
	pasid_detach_spid(w->host, b);
	pasid_free(w->host, w->set, b);
	world_free(w);
}

/* 35 */
UT_CASE(names_that_cannot_be_given)
{
	static const u32 wide[] = { NONE, 0x100000, 0x100001, 0x80000000, NONE - 1 };
	struct world *w = world_new();
	u32 id = pu_alloc(w->set, NULL), i;

	listen(w);
	for (i = 0; i < ARRAY_SIZE(wide); i++) {
		ut_assert_eq(pasid_attach_spid(w->host, id, wide[i]), -EINVAL);
		ut_assert_eq(pasid_find_by_spid(w->set, wide[i]), NONE);
		ut_assert_eq(pasid_get_by_spid(w->set, wide[i], IOASID_HOLD_USER), NONE);
	}
	ut_assert_eq(pasid_attach_spid(w->host, 999, 5), -ENOENT);
	ut_assert_eq(pasid_attach_spid(w->host, 0, 5), -ENOENT);
	ut_assert_eq(pasid_attach_spid(w->host, NONE, 5), -ENOENT);
	ut_assert_eq(w->ear.n, 0);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	ut_assert_eq(w->ear.n, 1);
	/* Another one, and the same again. */
	ut_assert_eq(pasid_attach_spid(w->host, id, 6), -EBUSY);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), -EBUSY);
	ut_assert_eq(w->ear.n, 1);
	ut_assert_eq(pasid_find_by_spid(w->set, 6), NONE);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), id);
	pasid_detach_spid(w->host, id);
	ut_assert_eq(w->ear.n, 2);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

/* 35: both ends of 20 bits */
UT_CASE(names_have_20_bits)
{
	static const u32 edges[] = {
		0, 1, 63, 64, 1023, 1024, 4095, 4096, 0x7ffff, 0x80000, 0xfffff
	};
	struct world *w = world_new();
	u32 id[ARRAY_SIZE(edges)], i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		id[i] = pu_alloc(w->set, NULL);
		ut_assert_eq(pasid_attach_spid(w->host, id[i], edges[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		ut_assert_eq(pasid_find_by_spid(w->set, edges[i]), id[i]);
		ut_assert_eq(pasid_get_by_spid(w->set, edges[i], IOASID_HOLD_CPU), id[i]);
		ut_assert(!pasid_put(w->host, w->set, id[i], IOASID_HOLD_CPU));
	}
	ut_assert_eq(pasid_find_by_spid(w->set, 2), NONE);
	ut_assert_eq(w->set->nr_spids, ARRAY_SIZE(edges));
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		pasid_detach_spid(w->host, id[i]);
		ut_assert_eq(pasid_find_by_spid(w->set, edges[i]), NONE);
		pasid_free(w->host, w->set, id[i]);
	}
	world_free(w);
}

/* 36 */
UT_CASE(a_name_can_be_given_again)
{
	struct world *w = world_new();
	u32 a = pu_alloc(w->set, NULL), b = pu_alloc(w->set, NULL);

	listen(w);
	ut_assert_eq(pasid_attach_spid(w->host, a, 9), 0);
	pasid_detach_spid(w->host, a);
	ut_assert_eq(pasid_find_by_spid(w->set, 9), NONE);
	ut_assert_eq(pasid_get_by_spid(w->set, 9, IOASID_HOLD_USER), NONE);
	ut_assert_eq(pu_info(w->host, a).spid, NONE);
	ut_assert_eq(pasid_attach_spid(w->host, b, 9), 0);
	ut_assert_eq(pasid_attach_spid(w->host, a, 10), 0);
	ut_assert_eq(pasid_find_by_spid(w->set, 9), b);
	ut_assert_eq(pasid_find_by_spid(w->set, 10), a);
	/* Without a name there is nothing to take away and nothing to tell. */
	pasid_detach_spid(w->host, a);
	ut_assert_eq(w->ear.n, 5);
	pasid_detach_spid(w->host, a);
	pasid_detach_spid(w->host, 999);
	pasid_detach_spid(w->host, 0);
	pasid_detach_spid(w->host, NONE);
	ut_assert_eq(w->ear.n, 5);
	pasid_detach_spid(w->host, b);
	pasid_free(w->host, w->set, a);
	pasid_free(w->host, w->set, b);
	world_free(w);
}

/* ---- events ------------------------------------------------------------------------------------------ */

/* 42: both say all there is to say, and the private number leads to it in both */
UT_CASE(bind_and_unbind_are_told_while_the_name_is_there)
{
	struct world *w = world_new();
	u32 id = pu_alloc(w->set, w), i;

	listen(w);
	ut_assert_eq(pasid_attach_spid(w->host, id, 77), 0);
	pasid_detach_spid(w->host, id);
	ut_assert_eq(w->ear.n, 2);
	ut_assert_eq(w->ear.heard[0].event, IOASID_NOTIFY_BIND);
	ut_assert_eq(w->ear.heard[1].event, IOASID_NOTIFY_UNBIND);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(w->ear.heard[i].args.id, id);
		ut_assert_eq(w->ear.heard[i].args.spid, 77);
		ut_assert(w->ear.heard[i].args.set == w->set);
		ut_assert(w->ear.heard[i].args.pdata == w);
		ut_assert_eq(w->ear.heard[i].by_spid, id);
	}
	/* Nobody beyond the set hears of names. */
	ut_assert_eq(w->global.n, 0);
	ut_assert_eq(pasid_find_by_spid(w->set, 77), NONE);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

/* ---- while it is being freed --------------------------------------------------------------------------- */

/* 37, and the table of what is answered while a number is pending */
UT_CASE(what_a_pending_number_answers)
{
	struct world *w = world_new();
	u32 id = pu_alloc(w->set, w), bare = pu_alloc(w->set, NULL), i, other;

	listen(w);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	ut_assert_eq(pasid_get(w->host, w->set, id, IOASID_HOLD_IOMMU), 0);
	ut_assert_eq(pasid_get(w->host, w->set, bare, IOASID_HOLD_IOMMU), 0);
	pasid_free(w->host, w->set, id);
	pasid_free(w->host, w->set, bare);
	/* FREE says the name, too. */
	ut_assert_eq(w->global.n, 2);
	ut_assert_eq(w->global.heard[0].args.spid, 5);
	ut_assert_eq(w->global.heard[1].args.spid, NONE);
	/* No reference, whoever asks. */
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		ut_assert_eq(pasid_get(w->host, NULL, id, holders[i]), -EBUSY);
		ut_assert_eq(pasid_get_by_spid(w->set, 5, holders[i]), NONE);
	}
	ut_assert_eq(pasid_get_if_owned(w->host, id), -EBUSY);
	ut_assert_eq(pu_refs(w->host, id), 1);
	/* Looking goes on. */
	ut_assert_eq(pasid_find_by_spid(w->set, 5), id);
	ut_assert(pasid_find(w->host, w->set, id, NULL) == w);
	ut_assert(pasid_find_set(w->host, id) == w->set);
	/* Nothing new is attached; nor is the number or its name anybody else's. */
	ut_assert_eq(pasid_attach_spid(w->host, bare, 6), -EBUSY);
	ut_assert_eq(pasid_attach_data(w->host, bare, w), -EBUSY);
	ut_assert_eq(pu_try(w->set, id, id, &other), -ENOSPC);
	other = pu_alloc(w->set, NULL);
	ut_assert_eq(pasid_attach_spid(w->host, other, 5), -EINVAL);
	/* What ends, ends. */
	pasid_detach_spid(w->host, id);
	ut_assert_eq(w->ear.heard[w->ear.n - 1].event, IOASID_NOTIFY_UNBIND);
	ut_assert_eq(w->ear.heard[w->ear.n - 1].by_spid, id);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), -EBUSY);
	ut_assert_eq(pasid_attach_spid(w->host, other, 5), 0);
	pasid_detach_data(w->host, id);
	ut_assert(!pasid_find(w->host, w->set, id, NULL));
	ut_assert(pasid_put(w->host, w->set, id, IOASID_HOLD_IOMMU));
	ut_assert(pasid_put(w->host, w->set, bare, IOASID_HOLD_IOMMU));
	ut_assert_eq(pasid_find_by_spid(w->set, 5), other);
	pasid_detach_spid(w->host, other);
	pasid_free(w->host, w->set, other);
	world_free(w);
}

/* The name ends with the number at the latest, silently, and is nobody's then. */
UT_CASE(reclaim_ends_the_name)
{
	struct world *w = world_new();
	u32 id = pu_alloc(w->set, NULL);

	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	listen(w);
	pasid_free(w->host, w->set, id);
	ut_assert_eq(w->ear.n, 0);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLD_USER), NONE);
	/* In another life, and another set. */
	ut_assert_eq(pu_alloc(w->other, NULL), id);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	ut_assert_eq(pasid_find_by_spid(w->other, 5), NONE);
	ut_assert_eq(pu_info(w->host, id).spid, NONE);
	pasid_detach_spid(w->host, id);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	ut_assert_eq(pasid_find_by_spid(w->other, 5), id);
	pasid_detach_spid(w->host, id);
	pasid_free(w->host, w->other, id);
	/* With a user, who lets go last. */
	ut_assert_eq(pu_alloc(w->set, NULL), id);
	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLD_CPU), id);
	pasid_free(w->host, w->set, id);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), id);
	ut_assert(pasid_put(w->host, w->set, id, IOASID_HOLD_CPU));
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	world_free(w);
}

/* 38 */
UT_CASE(free_all_ends_all_names)
{
	struct world *w = world_new();
	u32 held = pu_alloc(w->set, NULL), idle = pu_alloc(w->set, NULL), next;

	ut_assert_eq(pasid_attach_spid(w->host, held, 5), 0);
	ut_assert_eq(pasid_attach_spid(w->host, idle, 6), 0);
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLD_DEVICE), held);
	listen(w);
	pasid_free_all(w->set);
	ut_assert_eq(pu_refs(w->host, held), 1);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLD_USER), NONE);
	ut_assert_eq(pasid_find_by_spid(w->set, 6), NONE);
	/* FREE says which it was; the name is free for another number at once. */
	ut_assert_eq(w->ear.n, 1);
	ut_assert_eq(w->ear.heard[0].event, IOASID_NOTIFY_FREE);
	ut_assert_eq(w->ear.heard[0].args.spid, 5);
	next = pu_alloc(w->set, NULL);
	ut_assert_eq(pasid_attach_spid(w->host, next, 5), 0);
	w->ear.n = 0;
	/* Who bound it is still told that it ends, once, and the other's name stays. */
	pasid_detach_spid(w->host, held);
	pasid_detach_spid(w->host, held);
	ut_assert_eq(w->ear.n, 1);
	ut_assert_eq(w->ear.heard[0].event, IOASID_NOTIFY_UNBIND);
	ut_assert_eq(w->ear.heard[0].args.id, held);
	ut_assert_eq(w->ear.heard[0].args.spid, 5);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), next);
	ut_assert(pasid_put(w->host, w->set, held, IOASID_HOLD_DEVICE));
	ut_assert_eq(pasid_find_by_spid(w->set, 5), next);
	ut_assert_eq(w->set->nr_spids, 1);
	pasid_detach_spid(w->host, next);
	pasid_free(w->host, w->set, next);
	world_free(w);
}

/* The same, but the number is reclaimed without detach: the other's name stays, too. */
UT_CASE(what_free_all_left_takes_no_name_with_it)
{
	struct world *w = world_new();
	u32 held = pu_alloc(w->set, NULL), next;

	ut_assert_eq(pasid_attach_spid(w->host, held, 5), 0);
	ut_assert_eq(pasid_get(w->host, NULL, held, IOASID_HOLD_USER), 0);
	pasid_free_all(w->set);
	next = pu_alloc(w->set, NULL);
	ut_assert_eq(pasid_attach_spid(w->host, next, 5), 0);
	ut_assert(pasid_put(w->host, NULL, held, IOASID_HOLD_USER));
	ut_assert_eq(pasid_find_by_spid(w->set, 5), next);
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLD_USER), next);
	ut_assert(!pasid_put(w->host, NULL, next, IOASID_HOLD_USER));
	pasid_detach_spid(w->host, next);
	ut_assert_eq(w->set->nr_spids, 0);
	pasid_free(w->host, w->set, next);
	world_free(w);
}

UT_CASE(a_reference_by_name_is_in_the_name_of_its_holder)
{
	struct world *w = world_new();
	u32 id = pu_alloc(w->set, NULL), i;

	ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		ut_assert_eq(pasid_get_by_spid(w->set, 5, holders[i]), id);
		ut_assert_eq(pu_info(w->host, id).holders[holders[i]], 1);
	}
	ut_assert_eq(pasid_get_by_spid(w->set, 5, IOASID_HOLDERS), NONE);
	ut_assert_eq(pasid_get_by_spid(w->other, 5, IOASID_HOLD_USER), NONE);
	ut_assert_eq(pu_refs(w->host, id), 5);
	/* Without one nothing is counted. */
	ut_assert_eq(pasid_find_by_spid(w->set, 5), id);
	ut_assert_eq(pu_refs(w->host, id), 5);
	for (i = 0; i < ARRAY_SIZE(holders); i++)
		ut_assert(!pasid_put(w->host, w->set, id, holders[i]));
	pasid_detach_spid(w->host, id);
	pasid_free(w->host, w->set, id);
	world_free(w);
}

/* ---- many --------------------------------------------------------------------------------------------- */

#define MANY 100000U

/* Name of the nth number: spread over all 20 bits. */
static u32 name_of(u32 n)
{
	return n * 0x9e3b1U & 0xfffff;
}

/* ns for 2000 lookups; the fastest of ten tries, so that interruptions do not count. */
static u64 look_up(struct ioasid_set *set, u32 n)
{
	u64 best = ~0ULL, start, took;
	u32 try, i, wrong = 0;

	for (try = 0; try < 10; try++) {
		start = ktime_get_ns();
		for (i = 0; i < 2000; i++)
			wrong += pasid_find_by_spid(set, name_of(i * 7 % n)) != i * 7 % n + 1;
		took = ktime_get_ns() - start;
		best = min(best, took);
	}
	ut_assert_eq(wrong, 0);
	return best;
}

/* 39: a scan would take a thousand times as long, and the filling for ever */
UT_CASE(a_name_is_found_as_fast_among_100000)
{
	struct world *w = world_new();
	u64 few = 0, many;
	u32 i, wrong = 0;

	for (i = 0; i < MANY; i++) {
		if (i == 100)
			few = look_up(w->set, 100);
		wrong += pu_alloc(w->set, NULL) != i + 1;
		wrong += pasid_attach_spid(w->host, i + 1, name_of(i)) != 0;
	}
	ut_assert_eq(wrong, 0);
	ut_assert_eq(w->set->nr_spids, MANY);
	many = look_up(w->set, MANY);
	ut_log("2000 lookups: %llu ns among 100, %llu ns among 100000", (unsigned long long)few,
	       (unsigned long long)many);
	ut_assert(many < few * 20);
	for (i = 0; i < MANY; i++)
		pasid_detach_spid(w->host, i + 1);
	ut_assert_eq(w->set->nr_spids, 0);
	pasid_free_all(w->set);
	world_free(w);
}

/* ---- threads -------------------------------------------------------------------------------------------- */

/* struct pairs - a handler that sees BIND and UNBIND of each number in turns; in the number's index */
struct pairs {
	struct notifier_block nb;
	atomic_t bound[8];
	atomic_t binds, errors;
};

static int pairs_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pairs *p = container_of(nb, struct pairs, nb);
	const struct ioasid_nb_args *args = data;

	if (event == IOASID_NOTIFY_BIND) {
		atomic_inc(&p->binds);
		if (atomic_inc_return(&p->bound[args->id & 7]) != 1)
			atomic_inc(&p->errors);
	} else if (event == IOASID_NOTIFY_UNBIND) {
		if (!atomic_dec_and_test(&p->bound[args->id & 7]))
			atomic_inc(&p->errors);
	}
	return 0;
}

struct namer {
	struct world *w;
	u32 first, rounds, seed;
	u32 named, errors;
};

/* Gives three numbers one of two names and takes them away again, as others do. */
static void namer(void *arg)
{
	struct namer *n = arg;
	struct ut_rand rnd = { n->seed };
	u32 i;
	int rc;

	for (i = 0; i < n->rounds; i++) {
		u32 id = n->first + ut_below(&rnd, 3);

		rc = pasid_attach_spid(n->w->host, id, 40 + ut_below(&rnd, 2));
		n->named += !rc;
		n->errors += rc && rc != -EINVAL && rc != -EBUSY;
		if (!(i & 7))
			ut_yield();
		pasid_detach_spid(n->w->host, n->first + ut_below(&rnd, 3));
	}
}

UT_CASE(bind_and_unbind_come_in_pairs_from_many_threads)
{
	struct world *w = world_new();
	struct pairs *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct namer n[3];
	struct ut_thread t[3];
	u32 i, named = 0;

	ut_assert(p);
	for (i = 1; i <= 3; i++)
		ut_assert_eq(pu_alloc(w->set, NULL), i);
	p->nb.notifier_call = pairs_call;
	ut_assert_eq(pasid_register_notifier(w->host, w->set, &p->nb), 0);
	for (i = 0; i < 3; i++) {
		n[i] = (struct namer){ w, 1, UT_STEPS(20000U), i + 1, 0, 0 };
		ut_assert_eq(ut_thread_start(&t[i], namer, &n[i]), 0);
	}
	for (i = 0; i < 3; i++) {
		ut_thread_join(&t[i]);
		ut_assert_eq(n[i].errors, 0);
		named += n[i].named;
	}
	for (i = 1; i <= 3; i++) {
		pasid_detach_spid(w->host, i);
		ut_assert_eq(atomic_read(&p->bound[i]), 0);
		ut_assert_eq(pu_info(w->host, i).spid, NONE);
		ut_assert_eq(pu_refs(w->host, i), 1);
		pasid_free(w->host, w->set, i);
	}
	ut_assert(named);
	ut_assert_eq(atomic_read(&p->binds), named);
	ut_assert_eq(atomic_read(&p->errors), 0);
	ut_assert_eq(pasid_find_by_spid(w->set, 40), NONE);
	ut_assert_eq(pasid_find_by_spid(w->set, 41), NONE);
	pasid_unregister_notifier(w->host, w->set, &p->nb);
	kfree(p);
	world_free(w);
}

struct taker {
	struct world *w;
	u32 stop, got, errors;
};

/* Takes references by name: what it gets is a number of that set, which nobody can reuse. */
static void taker(void *arg)
{
	struct taker *t = arg;
	struct ioasid_id_info info;
	u32 id;

	while (!READ_ONCE(t->stop)) {
		id = pasid_get_by_spid(t->w->set, 5, IOASID_HOLD_DEVICE);
		if (id == NONE) {
			ut_yield();
			continue;
		}
		t->got++;
		t->errors += pasid_describe(t->w->host, id, &info) || info.set != t->w->set ||
			     !info.holders[IOASID_HOLD_DEVICE];
		pasid_put(t->w->host, NULL, id, IOASID_HOLD_DEVICE);
		id = pasid_find_by_spid(t->w->set, 5);
		t->errors += id != NONE && id != 1 && id != 2;
		if (!(t->got & 15))
			ut_yield();
	}
}

/* The number goes from set to set, under a name only in one of them. */
UT_CASE(a_reference_by_name_is_never_on_a_stranger_s_number)
{
	struct world *w = world_new();
	struct taker taking = { .w = w };
	struct ut_thread t;
	u32 round, id;

	ut_assert_eq(ut_thread_start(&t, taker, &taking), 0);
	for (round = 0; round < UT_STEPS(1600U) || (!READ_ONCE(taking.got) && round < 500000);
	     round++) {
		id = pu_alloc(w->set, NULL);
		ut_assert_eq(pasid_attach_spid(w->host, id, 5), 0);
		if (round & 1)
			ut_yield();
		if (round & 2)
			pasid_detach_spid(w->host, id);
		pasid_free(w->host, w->set, id);
		/* It may still be held; the name is free at the latest when it is not. */
		while (pasid_find_by_spid(w->set, 5) != NONE)
			ut_yield();
		if (pu_try(w->other, 1, 2, &id) == 0)
			pasid_free(w->host, w->other, id);
	}
	WRITE_ONCE(taking.stop, 1);
	ut_thread_join(&t);
	ut_log("%u references in %u rounds", taking.got, round);
	ut_assert(taking.got);
	ut_assert_eq(taking.errors, 0);
	world_free(w);
}

/* struct late - a thread that takes the name away while BIND is being told */
struct late {
	struct notifier_block nb;
	struct pasid_host *host;
	u32 id;
	u32 go, done;
	u32 events[4], n;
};

static void late_detach(void *arg)
{
	struct late *l = arg;

	while (!READ_ONCE(l->go))
		ut_yield();
	pasid_detach_spid(l->host, l->id);
	WRITE_ONCE(l->done, 1);
}

static int late_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct late *l = container_of(nb, struct late, nb);
	u64 end = ktime_get_ns() + 2000000000ULL;

	if (l->n < ARRAY_SIZE(l->events))
		l->events[l->n] = (u32)event;
	l->n++;
	WRITE_ONCE(l->go, 1);
	while (event == IOASID_NOTIFY_BIND && !READ_ONCE(l->done) && ktime_get_ns() < end)
		;
	return 0;
}

/* UNBIND is told after BIND has been heard by all, and the detaching thread does not wait for it. */
UT_CASE(a_name_taken_away_while_bind_is_told)
{
	struct world *w = world_new();
	struct late *l = kzalloc(sizeof(*l), GFP_KERNEL);
	struct ut_thread t;

	ut_assert(l);
	l->host = w->host;
	l->id = pu_alloc(w->set, NULL);
	l->nb.notifier_call = late_call;
	ut_assert_eq(pasid_register_notifier(w->host, w->set, &l->nb), 0);
	ut_assert_eq(ut_thread_start(&t, late_detach, l), 0);
	ut_assert_eq(pasid_attach_spid(w->host, l->id, 5), 0);
	ut_assert(READ_ONCE(l->done));
	ut_thread_join(&t);
	ut_assert_eq(l->n, 2);
	ut_assert_eq(l->events[0], IOASID_NOTIFY_BIND);
	ut_assert_eq(l->events[1], IOASID_NOTIFY_UNBIND);
	ut_assert_eq(pasid_find_by_spid(w->set, 5), NONE);
	ut_assert_eq(pu_info(w->host, l->id).spid, NONE);
	ut_assert_eq(pu_refs(w->host, l->id), 1);
	pasid_unregister_notifier(w->host, w->set, &l->nb);
	pasid_free(w->host, w->set, l->id);
	kfree(l);
	world_free(w);
}

/* ---- without memory ------------------------------------------------------------------------------------- */

static u32 fail_attach(struct world *w, u32 id, u32 spid)
{
	struct pu_snap before = pu_look(w->host, w->set, NULL), after;
	u32 heard = w->ear.n;
	unsigned long nth;
	int rc;

	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = pasid_attach_spid(w->host, id, spid);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		after = pu_look(w->host, w->set, NULL);
		pu_same(&before, &after);
		ut_assert_eq(w->ear.n, heard);
		ut_assert_eq(pu_info(w->host, id).spid, NONE);
		ut_assert_eq(pasid_find_by_spid(w->set, spid), NONE);
	}
	ut_assert_eq(pasid_find_by_spid(w->set, spid), id);
	return (u32)nth - 1;
}

/* 21 */
UT_CASE(a_name_without_memory_changes_nothing)
{
	struct world *w = world_new();
	u32 a = pu_alloc(w->set, NULL), b = pu_alloc(w->set, NULL), c = pu_alloc(w->set, NULL);

	listen(w);
	ut_assert(fail_attach(w, a, 5) > 0);
	ut_assert_eq(fail_attach(w, b, 6), 0);
	ut_assert(fail_attach(w, c, 0xfffff) > 0);
	/* One that is refused takes none with it. */
	{
		struct pu_snap before = pu_look(w->host, w->set, NULL), after;

		ut_assert_eq(pasid_attach_spid(w->host, a, 0x80000), -EBUSY);
		ut_assert_eq(pasid_attach_spid(w->host, 999, 0x80000), -ENOENT);
		after = pu_look(w->host, w->set, NULL);
		pu_same(&before, &after);
	}
	os_alloc_fail_nth(1);
	pasid_detach_spid(w->host, a);
	pasid_free_all(w->set);
	os_alloc_fail_nth(0);
	world_free(w);
}

struct late_namer {
	struct world *w;
	u32 id;
	u32 stop;
};

static void late_namer(void *arg)
{
	struct late_namer *n = arg;

	while (!READ_ONCE(n->stop))
		(void)pasid_attach_spid(n->w->host, READ_ONCE(n->id), 7);
}

/* Between the moment free_all takes a number off its lists and that in which it frees it. */
UT_CASE(a_name_does_not_outlive_its_number)
{
	struct world *w = world_new();
	struct late_namer naming = { .w = w };
	struct ut_thread t;
	u32 round;

	ut_assert_eq(ut_thread_start(&t, late_namer, &naming), 0);
	for (round = 0; round < UT_STEPS(4000U); round++) {
		WRITE_ONCE(naming.id, pu_alloc(w->set, NULL));
		pasid_free_all(w->set);
	}
	WRITE_ONCE(naming.stop, 1);
	ut_thread_join(&t);
	pasid_free_all(w->set);
	ut_assert_eq(pasid_find_by_spid(w->set, 7), NONE);
	world_free(w);
}

UT_SUITE(core_pasid_spid, UT_ENTRY(a_name_does_not_outlive_its_number),
	 UT_ENTRY(a_name_is_a_set_s_own), UT_ENTRY(a_name_is_given_once_in_a_set),
	 UT_ENTRY(names_that_cannot_be_given), UT_ENTRY(names_have_20_bits),
	 UT_ENTRY(a_name_can_be_given_again),
	 UT_ENTRY(bind_and_unbind_are_told_while_the_name_is_there),
	 UT_ENTRY(what_a_pending_number_answers), UT_ENTRY(reclaim_ends_the_name),
	 UT_ENTRY(free_all_ends_all_names), UT_ENTRY(what_free_all_left_takes_no_name_with_it),
	 UT_ENTRY(a_reference_by_name_is_in_the_name_of_its_holder),
	 UT_ENTRY(a_name_is_found_as_fast_among_100000),
	 UT_ENTRY(bind_and_unbind_come_in_pairs_from_many_threads),
	 UT_ENTRY(a_reference_by_name_is_never_on_a_stranger_s_number),
	 UT_ENTRY(a_name_taken_away_while_bind_is_told),
	 UT_ENTRY(a_name_without_memory_changes_nothing));
