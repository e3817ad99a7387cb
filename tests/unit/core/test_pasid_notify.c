// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Notifications: who hears what and when, what a handler may do, and handlers of processes. Numbers in
 * brackets are those of docs/testing.md.
 */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

/* ---- order ----------------------------------------------------------------------------------- */

#define ROLL 32

/* struct roll - the order in which handlers were called */
struct roll {
	struct notifier_block *nb[ROLL];
	unsigned long event[ROLL];
	u32 n;
};

static struct roll roll;

static void roll_clear(void)
{
	memset(&roll, 0, sizeof(roll));
}

static int roll_call(struct notifier_block *nb, unsigned long event, void *data)
{
	if (roll.n < ROLL) {
		roll.nb[roll.n] = nb;
		roll.event[roll.n] = event;
	}
	roll.n++;
	return 0;
}

#define IN_ROLL(prio)                                        \
	{                                                    \
		.notifier_call = roll_call, .priority = prio \
	}

/* FREE of a number somebody uses: what both chains hear. It is reclaimed then. */
static void tell_free(struct pasid_host *host, struct ioasid_set *set)
{
	u32 id = pu_alloc(set, NULL);

	roll_clear();
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	pasid_free(host, set, id);
	ut_assert(pasid_put(host, set, id, IOASID_HOLD_USER));
}

#define NR_PRIOS 4

static void mix(u32 *order, u32 n, struct ut_rand *rnd)
{
	u32 i, k, was;

	for (i = n - 1; i > 0; i--) {
		k = ut_below(rnd, i + 1);
		was = order[i];
		order[i] = order[k];
		order[k] = was;
	}
}

/* [40] Every distribution of the four levels over the two chains, registered in many orders. */
UT_CASE(notify_priorities_across_chains)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct ut_rand rnd = { 40 };
	u32 where, round, i;

	for (where = 0; where < BIT(NR_PRIOS); where++) {
		for (round = 0; round < UT_STEPS(8); round++) {
			struct notifier_block nb[NR_PRIOS] = { IN_ROLL(IOASID_PRIO_LAST),
							       IN_ROLL(IOASID_PRIO_DEVICE),
							       IN_ROLL(IOASID_PRIO_IOMMU),
							       IN_ROLL(IOASID_PRIO_CPU) };
			u32 order[NR_PRIOS] = { 0, 1, 2, 3 };

			mix(order, NR_PRIOS, &rnd);
			for (i = 0; i < NR_PRIOS; i++)
				ut_assert_eq(pasid_register_notifier(
						     host, where & BIT(order[i]) ? set : NULL,
						     &nb[order[i]]),
					     0);
			tell_free(host, set);
			/* The set's handlers heard ALLOC before, of which roll_clear() knows nothing. */
			ut_assert_eq(roll.n, NR_PRIOS);
			for (i = 0; i < NR_PRIOS; i++) {
				ut_assert(roll.nb[i] == &nb[IOASID_PRIO_CPU - i]);
				ut_assert_eq(roll.event[i], IOASID_NOTIFY_FREE);
			}
			for (i = 0; i < NR_PRIOS; i++)
				pasid_unregister_notifier(host, where & BIT(i) ? set : NULL,
							  &nb[i]);
		}
	}
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Equal priorities: global ones first, in each chain as they came. */
UT_CASE(notify_equal_priorities)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct notifier_block nb[6] = { IN_ROLL(2), IN_ROLL(2), IN_ROLL(2),
					IN_ROLL(2), IN_ROLL(3), IN_ROLL(1) };
	static const u32 want[] = { 4, 2, 3, 0, 1, 5 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(nb); i++)
		ut_assert_eq(pasid_register_notifier(host, i < 2 ? set : NULL, &nb[i]), 0);
	tell_free(host, set);
	ut_assert_eq(roll.n, ARRAY_SIZE(nb));
	for (i = 0; i < ARRAY_SIZE(nb); i++)
		ut_assert(roll.nb[i] == &nb[want[i]]);
	/* Out of the middle, the beginning and the end. */
	pasid_unregister_notifier(host, NULL, &nb[3]);
	pasid_unregister_notifier(host, NULL, &nb[4]);
	pasid_unregister_notifier(host, NULL, &nb[5]);
	tell_free(host, set);
	ut_assert_eq(roll.n, 3);
	ut_assert(roll.nb[0] == &nb[2] && roll.nb[1] == &nb[0] && roll.nb[2] == &nb[1]);
	pasid_unregister_notifier(host, NULL, &nb[2]);
	pasid_unregister_notifier(host, set, &nb[1]);
	pasid_unregister_notifier(host, set, &nb[0]);
	tell_free(host, set);
	ut_assert_eq(roll.n, 0);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- who hears what -------------------------------------------------------------------------- */

/* [41] A set's events are its own; the global handlers hear FREE alone. */
UT_CASE(notify_other_sets_are_silent)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *a = pu_set(host, 0), *b = pu_set(host, 0);
	static struct pu_ear ear_a, ear_b, all;
	u32 id;

	pu_listen(host, a, &ear_a);
	pu_listen(host, b, &ear_b);
	pu_listen(host, NULL, &all);
	id = pu_alloc(a, NULL);
	ut_assert_eq(pasid_attach_spid(host, id, 5), 0);
	ut_assert_eq(pasid_get(host, a, id, IOASID_HOLD_IOMMU), 0);
	pasid_free(host, a, id);
	pasid_detach_spid(host, id);
	ut_assert(pasid_put(host, a, id, IOASID_HOLD_IOMMU));
	ut_assert_eq(ear_a.n, 4);
	ut_assert_eq(ear_a.heard[0].event, IOASID_NOTIFY_ALLOC);
	ut_assert_eq(ear_a.heard[1].event, IOASID_NOTIFY_BIND);
	ut_assert_eq(ear_a.heard[2].event, IOASID_NOTIFY_FREE);
	ut_assert_eq(ear_a.heard[3].event, IOASID_NOTIFY_UNBIND);
	ut_assert_eq(ear_b.n, 0);
	ut_assert_eq(all.n, 1);
	ut_assert_eq(all.heard[0].event, IOASID_NOTIFY_FREE);
	ut_assert(all.heard[0].args.set == a);
	/* Freed while nobody used it: nobody is told. */
	pasid_free(host, a, pu_alloc(a, NULL));
	ut_assert_eq(all.n, 1);
	ut_assert_eq(ear_a.n, 5);
	pasid_unregister_notifier(host, a, &ear_a.nb);
	pasid_unregister_notifier(host, b, &ear_b.nb);
	pasid_unregister_notifier(host, NULL, &all.nb);
	ut_assert_eq(pasid_set_free(a), 0);
	ut_assert_eq(pasid_set_free(b), 0);
	pu_free(host);
}

/* [42] What is told with BIND and UNBIND; the private number is there while both are told. */
UT_CASE(notify_bind_and_unbind_say_all)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct pu_ear ear;
	int data;
	u32 id, i;

	pu_listen(host, set, &ear);
	id = pu_alloc(set, &data);
	ut_assert_eq(pasid_attach_spid(host, id, 0x77), 0);
	pasid_detach_spid(host, id);
	ut_assert_eq(ear.n, 3);
	ut_assert_eq(ear.heard[0].args.spid, INVALID_IOASID);
	ut_assert_eq(ear.heard[1].event, IOASID_NOTIFY_BIND);
	ut_assert_eq(ear.heard[2].event, IOASID_NOTIFY_UNBIND);
	for (i = 0; i < 3; i++) {
		ut_assert_eq(ear.heard[i].args.id, id);
		ut_assert(ear.heard[i].args.set == set);
		ut_assert(ear.heard[i].args.pdata == &data);
		ut_assert_eq(ear.heard[i].args.spid, i ? 0x77 : INVALID_IOASID);
		ut_assert_eq(ear.heard[i].by_spid, i ? id : INVALID_IOASID);
	}
	ut_assert_eq(pasid_find_by_spid(set, 0x77), INVALID_IOASID);
	pasid_free(host, set, id);
	pasid_unregister_notifier(host, set, &ear.nb);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* [43] Two devices share a number: its private number comes and goes once. */
UT_CASE(notify_two_devices_one_bind)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct pu_ear ear;
	u32 id = pu_alloc(set, NULL);

	pu_listen(host, set, &ear);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_IOMMU), 0);
	ut_assert_eq(pasid_attach_spid(host, id, 9), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_IOMMU), 0);
	ut_assert_eq(pasid_attach_spid(host, id, 9), -EBUSY);
	ut_assert_eq(ear.n, 1);
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_IOMMU));
	ut_assert_eq(ear.n, 1);
	pasid_detach_spid(host, id);
	pasid_detach_spid(host, id);
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_IOMMU));
	ut_assert_eq(ear.n, 2);
	ut_assert_eq(ear.heard[0].event, IOASID_NOTIFY_BIND);
	ut_assert_eq(ear.heard[1].event, IOASID_NOTIFY_UNBIND);
	pasid_free(host, set, id);
	pasid_unregister_notifier(host, set, &ear.nb);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- what a handler does --------------------------------------------------------------------- */

static int stop_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;

	roll_call(nb, event, data);
	/* What the kernel's chains stop at, with an error in it; and the others' event is spoilt. */
	args->id = 0;
	args->set = NULL;
	return 0x8000 | ENOMEM;
}

/* [48] An answer cannot hide an event from others, nor can a handler change it. */
UT_CASE(notify_cannot_be_stopped)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct notifier_block stop = { .notifier_call = stop_call, .priority = 3 };
	struct notifier_block stop_all = { .notifier_call = stop_call, .priority = 3 };
	static struct pu_ear ear, all;
	u32 id;

	pu_listen(host, set, &ear);
	pu_listen(host, NULL, &all);
	ut_assert_eq(pasid_register_notifier(host, set, &stop), 0);
	ut_assert_eq(pasid_register_notifier(host, NULL, &stop_all), 0);
	id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_attach_spid(host, id, 3), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_CPU), 0);
	pasid_free(host, set, id);
	pasid_detach_spid(host, id);
	ut_assert(pasid_put(host, set, id, IOASID_HOLD_CPU));
	ut_assert_eq(ear.n, 4);
	ut_assert_eq(all.n, 1);
	ut_assert_eq(all.heard[0].args.id, id);
	ut_assert(all.heard[0].args.set == set);
	ut_assert_eq(ear.heard[3].args.id, id);
	pasid_unregister_notifier(host, set, &stop);
	pasid_unregister_notifier(host, NULL, &stop_all);
	pasid_unregister_notifier(host, set, &ear.nb);
	pasid_unregister_notifier(host, NULL, &all.nb);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* struct dropper - a user that lets go as soon as it hears FREE */
struct dropper {
	struct notifier_block nb;
	struct pasid_host *host;
	bool reclaimed;
};

static int drop_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct dropper *d = container_of(nb, struct dropper, nb);
	struct ioasid_nb_args *args = data;

	if (event == IOASID_NOTIFY_FREE)
		d->reclaimed = pasid_put(d->host, args->set, args->id, IOASID_HOLD_CPU);
	return 0;
}

/* struct looker - behind it in the chain: is the number still there? */
struct looker {
	struct notifier_block nb;
	struct pasid_host *host;
	int state;
	void *data;
};

static int look_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct looker *l = container_of(nb, struct looker, nb);
	struct ioasid_nb_args *args = data;

	l->state = pu_state(l->host, args->id);
	l->data = pasid_find(l->host, args->set, args->id, NULL);
	return 0;
}

/* [51] The last reference goes in mid-chain, and with it the set: the rest of the chain is safe. */
UT_CASE(notify_last_put_inside_the_chain)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 1, 0);
	struct dropper d = { .nb = { .notifier_call = drop_call, .priority = 3 }, .host = host };
	struct looker l = { .nb = { .notifier_call = look_call, .priority = 1 }, .host = host };
	int data;
	u32 id = pu_alloc(set, &data);

	ut_assert_eq(pasid_register_notifier(host, NULL, &d.nb), 0);
	ut_assert_eq(pasid_register_notifier(host, NULL, &l.nb), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_CPU), 0);
	pasid_set_destroy(set);
	pasid_free(host, set, id);
	ut_assert(!d.reclaimed);
	ut_assert_eq(l.state, IOASID_STATE_FREE_PENDING);
	ut_assert(l.data == &data);
	ut_assert_eq(pu_state(host, id), IOASID_STATE_FREE);
	ut_assert_eq(host->nr_sets, 0);
	pasid_unregister_notifier(host, NULL, &d.nb);
	pasid_unregister_notifier(host, NULL, &l.nb);
	pu_free(host);
}

/* struct meddler - tries what a handler must not; @rc: what it got */
struct meddler {
	struct notifier_block nb, other;
	struct pasid_host *host;
	struct ioasid_set *set;
	struct ioasid_allocator_ops ops;
	u32 other_id;
	int rc[8];
	u32 id;
	bool done, can;
};

static ioasid_t meddler_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return INVALID_IOASID;
}

static void meddler_free(ioasid_t id, void *data)
{
}

static int meddle_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct meddler *m = container_of(nb, struct meddler, nb);
	struct ioasid_nb_args *args = data;

	if (m->done)
		return 0;
	m->done = true;
	m->rc[0] = pu_try(m->set, 1, PU_ALL, &m->id);
	m->rc[1] = pasid_attach_spid(m->host, args->id, 4);
	m->rc[2] = pasid_register_notifier(m->host, NULL, &m->other);
	m->rc[3] = pasid_register_notifier_mm(m->host, &pu_mms[0], &m->other);
	m->rc[4] = PTR_ERR_OR_ZERO(pasid_set_alloc(m->host, NULL, 0, IOASID_SET_TYPE_NULL));
	m->rc[5] = pasid_set_free(m->set);
	m->rc[6] = pasid_register_allocator(m->host, &m->ops);
	/* All of these would wait, or tell others. */
	pasid_free(m->host, m->set, args->id);
	pasid_free_all(m->set);
	pasid_detach_spid(m->host, m->other_id);
	pasid_detach_data(m->host, args->id);
	pasid_set_destroy(m->set);
	pasid_unregister_notifier(m->host, m->set, nb);
	pasid_unregister_notifier_mm(m->host, &pu_mms[0], nb);
	pasid_unregister_allocator(m->host, &m->ops);
	pasid_flush_work(m->host, args->id);
	/* And all of these are fine. */
	m->can = !pasid_get(m->host, m->set, args->id, IOASID_HOLD_DEVICE) &&
		 !pasid_put(m->host, m->set, args->id, IOASID_HOLD_DEVICE) &&
		 pasid_find(m->host, m->set, args->id, NULL) == m &&
		 pasid_find_by_spid(m->set, 8) == m->other_id &&
		 pasid_get_by_spid(m->set, 8, IOASID_HOLD_USER) == m->other_id &&
		 !pasid_put(m->host, m->set, m->other_id, IOASID_HOLD_USER) &&
		 !pasid_attach_data(m->host, m->other_id, m);
	return 0;
}

/* What a handler must not do does nothing; what it may do works. Sections 4.5 and 9, item 6. */
UT_CASE(notify_handlers_cannot_deadlock)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct ioasid_request req = { .min = 1, .max = PU_ALL };
	struct meddler m = { .host = host, .set = set };
	u32 id, i;

	m.nb.notifier_call = meddle_call;
	m.other.notifier_call = roll_call;
	m.ops.alloc = meddler_alloc;
	m.ops.free = meddler_free;
	m.other_id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_attach_spid(host, m.other_id, 8), 0);
	ut_assert_eq(pasid_register_notifier(host, set, &m.nb), 0);
	req.priv = &m;
	ut_assert_eq(pasid_alloc(set, &req, NULL, &id), 0);
	ut_assert(m.done);
	for (i = 0; i < 7; i++)
		ut_assert_eq(m.rc[i], -EDEADLK);
	ut_assert(m.can);
	ut_assert_eq(pu_state(host, id), IOASID_STATE_IDLE);
	ut_assert(pasid_find(host, set, id, NULL) == &m);
	ut_assert_eq(pasid_find_by_spid(set, 8), m.other_id);
	ut_assert_eq(set->state, PASID_SET_LIVE);
	/* Outside the handler all of it is allowed again. */
	ut_assert(!pasid_refuse_in_handler(host, "this"));
	pasid_unregister_notifier(host, set, &m.nb);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- registering ----------------------------------------------------------------------------- */

UT_CASE(notify_register_refusals)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct notifier_block nb = IN_ROLL(0), none = { .priority = 1 };
	u32 id = pu_alloc(set, NULL);

	ut_assert_eq(pasid_register_notifier(host, set, NULL), -EINVAL);
	ut_assert_eq(pasid_register_notifier(host, set, &none), -EINVAL);
	ut_assert_eq(pasid_register_notifier(host, set, &nb), 0);
	ut_assert_eq(pasid_register_notifier(host, set, &nb), -EEXIST);
	pasid_unregister_notifier(host, NULL, &nb);
	pasid_unregister_notifier(host, set, &none);
	pasid_unregister_notifier(host, set, NULL);
	ut_assert(set->chain == &nb);
	pasid_unregister_notifier(host, set, &nb);
	pasid_unregister_notifier(host, set, &nb);
	ut_assert(!set->chain);
	ut_assert_eq(pasid_register_notifier(host, NULL, &nb), 0);
	ut_assert_eq(pasid_register_notifier(host, NULL, &nb), -EEXIST);
	ut_assert_eq(pasid_register_notifier(host, set, &nb), -EEXIST);
	pasid_unregister_notifier(host, NULL, &nb);
	/* A set that is going takes no more. */
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	pasid_set_destroy(set);
	ut_assert_eq(pasid_register_notifier(host, set, &nb), -EINVAL);
	pasid_free(host, set, id);
	ut_assert(pasid_put(host, set, id, IOASID_HOLD_USER));
	pu_free(host);
}

/* struct slow - a handler that takes its time */
struct slow {
	struct notifier_block nb;
	struct pasid_host *host;
	struct ioasid_set *set;
	atomic_t inside, go, left;
	atomic_t unregistered;
};

static int slow_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct slow *s = container_of(nb, struct slow, nb);

	atomic_set(&s->inside, 1);
	while (!atomic_read(&s->go))
		;
	atomic_set(&s->left, 1);
	return 0;
}

static void slow_teller(void *arg)
{
	struct slow *s = arg;
	u32 id;

	if (!pu_try(s->set, 1, PU_ALL, &id))
		pasid_free(s->host, s->set, id);
}

static void slow_remover(void *arg)
{
	struct slow *s = arg;

	pasid_unregister_notifier(s->host, s->set, &s->nb);
	atomic_set(&s->unregistered, 1 + atomic_read(&s->left));
}

/* When unregistering returns no call of the handler runs. */
UT_CASE(notify_unregister_waits)
{
	struct pasid_host *host = pu_new();
	struct slow s = { .nb = { .notifier_call = slow_call }, .host = host };
	struct ut_thread teller, remover;

	s.set = pu_set(host, 0);
	ut_assert_eq(pasid_register_notifier(host, s.set, &s.nb), 0);
	ut_assert_eq(ut_thread_start(&teller, slow_teller, &s), 0);
	while (!atomic_read(&s.inside))
		ut_yield();
	ut_assert_eq(ut_thread_start(&remover, slow_remover, &s), 0);
	ut_sleep_ms(20);
	ut_assert_eq(atomic_read(&s.unregistered), 0);
	atomic_set(&s.go, 1);
	ut_thread_join(&teller);
	ut_thread_join(&remover);
	/* It had left when the other returned. */
	ut_assert_eq(atomic_read(&s.unregistered), 2);
	ut_assert_eq(pasid_set_free(s.set), 0);
	pu_free(host);
}

/* ---- handlers of processes ------------------------------------------------------------------- */

static struct pu_mm *const mm = &pu_mms[2];

static void ear_init(struct pu_ear *ear, struct pasid_host *host)
{
	memset(ear, 0, sizeof(*ear));
	ear->host = host;
	ear->nb.notifier_call = pu_hear;
}

/* [44] It waits for the set, and hears its first number. */
UT_CASE(notify_mm_before_the_set)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set, *other;
	struct pu_ear ear;
	u32 id;

	ear_init(&ear, host);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), 0);
	ut_assert_eq(atomic_read(&mm->refs), 2);
	other = pu_mm_set(host, 3, 0);
	pasid_free(host, other, pu_alloc(other, NULL));
	ut_assert_eq(ear.n, 0);
	set = pu_mm_set(host, 2, 0);
	id = pu_alloc(set, NULL);
	ut_assert_eq(ear.n, 1);
	ut_assert_eq(ear.heard[0].event, IOASID_NOTIFY_ALLOC);
	ut_assert_eq(ear.heard[0].args.id, id);
	pasid_unregister_notifier_mm(host, mm, &ear.nb);
	pasid_free(host, set, id);
	pu_alloc(set, NULL);
	ut_assert_eq(ear.n, 1);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(pasid_set_free(other), 0);
	pu_free(host);
}

/* [45] The set has numbers: too late. Twice, and without a process: refused. */
UT_CASE(notify_mm_refusals)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 2, 0);
	struct notifier_block none = { .priority = 1 }, global = IN_ROLL(0);
	struct pu_ear ear;
	u32 id;

	ear_init(&ear, host);
	ut_assert_eq(pasid_register_notifier_mm(host, NULL, &ear.nb), -EINVAL);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, NULL), -EINVAL);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &none), -EINVAL);
	id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), -EBUSY);
	pasid_free(host, set, id);
	/* Empty again: from here on it misses nothing. */
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), 0);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), -EBUSY);
	ut_assert_eq(pasid_register_notifier_mm(host, &pu_mms[1], &ear.nb), -EBUSY);
	ut_assert_eq(pasid_register_notifier(host, set, &ear.nb), -EEXIST);
	ut_assert_eq(pasid_register_notifier(host, NULL, &ear.nb), -EEXIST);
	ut_assert_eq(pasid_register_notifier(host, NULL, &global), 0);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &global), -EBUSY);
	pasid_unregister_notifier(host, NULL, &global);
	ut_assert_eq(atomic_read(&mm->refs), 3);
	ut_assert_eq(atomic_read(&pu_mms[1].refs), 1);
	id = pu_alloc(set, NULL);
	ut_assert_eq(ear.n, 1);
	/* Another process's, or another handler: nothing happens. */
	pasid_unregister_notifier_mm(host, &pu_mms[1], &ear.nb);
	pasid_unregister_notifier_mm(host, mm, &none);
	pasid_unregister_notifier_mm(host, NULL, &ear.nb);
	ut_assert_eq(pasid_attach_spid(host, id, 1), 0);
	ut_assert_eq(ear.n, 2);
	pasid_unregister_notifier_mm(host, mm, &ear.nb);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* [46] The process's next set: active again without being registered again. */
UT_CASE(notify_mm_next_set)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	static struct pu_ear ear, late;
	u32 i;

	ear_init(&ear, host);
	ear_init(&late, host);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), 0);
	for (i = 0; i < 5; i++) {
		set = pu_mm_set(host, 2, 0);
		if (i == 2)
			ut_assert_eq(pasid_register_notifier_mm(host, mm, &late.nb), 0);
		pasid_free(host, set, pu_alloc(set, NULL));
		ut_assert_eq(ear.n, i + 1);
		ut_assert(ear.heard[i].args.set == set);
		ut_assert_eq(pasid_set_free(set), 0);
	}
	ut_assert_eq(late.n, 3);
	pasid_unregister_notifier_mm(host, mm, &late.nb);
	pasid_unregister_notifier_mm(host, mm, &ear.nb);
	pu_free(host);
}

/* A set that dies slowly: who comes meanwhile hears nothing of it, and all of the next one. */
UT_CASE(notify_mm_while_the_set_dies)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 2, 0);
	static struct pu_ear old, young;
	u32 id;

	ear_init(&old, host);
	ear_init(&young, host);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &old.nb), 0);
	id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	pasid_set_destroy(set);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &young.nb), 0);
	pasid_free(host, set, id);
	ut_assert_eq(old.n, 2);
	ut_assert_eq(young.n, 0);
	ut_assert(pasid_put(host, set, id, IOASID_HOLD_USER));
	set = pu_mm_set(host, 2, 0);
	pasid_free(host, set, pu_alloc(set, NULL));
	ut_assert_eq(old.n, 3);
	ut_assert_eq(young.n, 1);
	ut_assert_eq(pasid_set_free(set), 0);
	pasid_unregister_notifier_mm(host, mm, &young.nb);
	pasid_unregister_notifier_mm(host, mm, &old.nb);
	pu_free(host);
}

/* [47] Gone before the set came; and it goes by no other way than it came. */
UT_CASE(notify_mm_unregister)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set;
	static struct pu_ear gone, stays;

	ear_init(&gone, host);
	ear_init(&stays, host);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &gone.nb), 0);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &stays.nb), 0);
	pasid_unregister_notifier_mm(host, mm, &gone.nb);
	pasid_unregister_notifier(host, NULL, &stays.nb);
	set = pu_mm_set(host, 2, 0);
	pasid_unregister_notifier(host, set, &stays.nb);
	pasid_free(host, set, pu_alloc(set, NULL));
	ut_assert_eq(gone.n, 0);
	ut_assert_eq(stays.n, 1);
	/* Unregistered while attached: the next set does not know it. */
	pasid_unregister_notifier_mm(host, mm, &stays.nb);
	pasid_unregister_notifier_mm(host, mm, &stays.nb);
	ut_assert_eq(pasid_set_free(set), 0);
	set = pu_mm_set(host, 2, 0);
	pasid_free(host, set, pu_alloc(set, NULL));
	ut_assert_eq(stays.n, 1);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Without memory nothing is kept. */
UT_CASE(notify_without_memory)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_mm_set(host, 2, 0);
	struct pu_snap before = pu_look(host, set, NULL), after;
	struct pu_ear ear;

	ear_init(&ear, host);
	os_alloc_fail_nth(1);
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), -ENOMEM);
	/* The global and the set's chain need none, so the next failure is still to come. */
	os_alloc_fail_nth(1);
	ut_assert_eq(pasid_register_notifier(host, set, &ear.nb), 0);
	pasid_unregister_notifier(host, set, &ear.nb);
	os_alloc_fail_nth(0);
	after = pu_look(host, set, NULL);
	pu_same(&before, &after);
	ut_assert_eq(atomic_read(&mm->refs), 2);
	ut_assert(!set->chain && list_empty(&host->mm_handlers));
	ut_assert_eq(pasid_register_notifier_mm(host, mm, &ear.nb), 0);
	pasid_unregister_notifier_mm(host, mm, &ear.nb);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- at once --------------------------------------------------------------------------------- */

#define RACERS 4

/* struct race - [52]: handlers come and go, sets come and go, and numbers with them */
struct race {
	struct pasid_host *host;
	u32 steps;
	atomic_t heard, bad, made;
};

struct racer {
	struct notifier_block nb;
	struct race *race;
	struct pu_mm *mm;
	struct ut_thread thread;
	atomic_t registered;
};

static int race_hear(struct notifier_block *nb, unsigned long event, void *data)
{
	struct racer *r = container_of(nb, struct racer, nb);
	struct ioasid_nb_args *args = data;

	atomic_inc(&r->race->heard);
	/* No call while it is not registered; no event of another process; the number is there. */
	if (!atomic_read(&r->registered) || args->set->token != r->mm ||
	    pasid_find_set(r->race->host, args->id) != args->set)
		atomic_inc(&r->race->bad);
	return 0;
}

/* All steps, and until at least something was heard. */
static bool race_goes_on(const struct race *race, u32 i)
{
	return i < race->steps || (!atomic_read(&race->heard) && i < 100 * race->steps);
}

static void race_handlers(void *arg)
{
	struct racer *r = arg;
	u32 i;
	int rc;

	for (i = 0; race_goes_on(r->race, i); i++) {
		atomic_set(&r->registered, 1);
		rc = pasid_register_notifier_mm(r->race->host, r->mm, &r->nb);
		/* So that sets come and go meanwhile; on a busy machine that takes its time. */
		if (i >= r->race->steps)
			ut_sleep_ms(1);
		else if (i % 2)
			ut_yield();
		if (!rc)
			pasid_unregister_notifier_mm(r->race->host, r->mm, &r->nb);
		else if (rc != -EBUSY)
			atomic_inc(&r->race->bad);
		atomic_set(&r->registered, 0);
	}
}

static void race_sets(void *arg)
{
	struct racer *r = arg;
	struct ioasid_set *set;
	u32 i, id;

	for (i = 0; race_goes_on(r->race, i); i++) {
		set = pasid_set_alloc(r->race->host, r->mm, 0, IOASID_SET_TYPE_MM);
		if (IS_ERR(set)) {
			if (PTR_ERR(set) != -EEXIST)
				atomic_inc(&r->race->bad);
			continue;
		}
		atomic_inc(&r->race->made);
		if (i % 3)
			ut_yield();
		if (!pu_try(set, 1, PU_ALL, &id)) {
			if (pasid_attach_spid(r->race->host, id, i % 8))
				atomic_inc(&r->race->bad);
			pasid_detach_spid(r->race->host, id);
			pasid_free(r->race->host, set, id);
		}
		if (pasid_set_free(set))
			atomic_inc(&r->race->bad);
	}
}

/* [52] register_mm, set_alloc, set_free in tight loops: no deadlock, no event where none belongs. */
UT_CASE(notify_mm_and_sets_race)
{
	struct race race = { .host = pu_new(), .steps = UT_STEPS(4000) };
	static struct racer r[RACERS];
	u32 i;

	memset(r, 0, sizeof(r));
	for (i = 0; i < RACERS; i++) {
		r[i].race = &race;
		r[i].mm = &pu_mms[i / 2 % PU_MMS];
		r[i].nb.notifier_call = race_hear;
		r[i].nb.priority = (int)i;
	}
	/* Two threads of handlers and two of sets; the latter share a process. */
	r[2].mm = r[0].mm;
	r[3].mm = r[0].mm;
	ut_assert_eq(ut_thread_start(&r[0].thread, race_handlers, &r[0]), 0);
	ut_assert_eq(ut_thread_start(&r[1].thread, race_handlers, &r[1]), 0);
	ut_assert_eq(ut_thread_start(&r[2].thread, race_sets, &r[2]), 0);
	ut_assert_eq(ut_thread_start(&r[3].thread, race_sets, &r[3]), 0);
	for (i = 0; i < RACERS; i++)
		ut_thread_join(&r[i].thread);
	ut_log("%d sets, %d events", atomic_read(&race.made), atomic_read(&race.heard));
	ut_assert_eq(atomic_read(&race.bad), 0);
	ut_assert(atomic_read(&race.made) > 0 && atomic_read(&race.heard) > 0);
	pu_free(race.host);
}

UT_SUITE(core_pasid_notify, UT_ENTRY(notify_priorities_across_chains),
	 UT_ENTRY(notify_equal_priorities), UT_ENTRY(notify_other_sets_are_silent),
	 UT_ENTRY(notify_bind_and_unbind_say_all), UT_ENTRY(notify_two_devices_one_bind),
	 UT_ENTRY(notify_cannot_be_stopped), UT_ENTRY(notify_last_put_inside_the_chain),
	 UT_ENTRY(notify_handlers_cannot_deadlock), UT_ENTRY(notify_register_refusals),
	 UT_ENTRY(notify_unregister_waits), UT_ENTRY(notify_mm_before_the_set),
	 UT_ENTRY(notify_mm_refusals), UT_ENTRY(notify_mm_next_set),
	 UT_ENTRY(notify_mm_while_the_set_dies), UT_ENTRY(notify_mm_unregister),
	 UT_ENTRY(notify_without_memory), UT_ENTRY(notify_mm_and_sets_race));
