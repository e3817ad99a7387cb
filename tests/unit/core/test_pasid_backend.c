// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Custom allocators: who is asked, what becomes of the answer, and of the numbers when one leaves. */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

#define WAIT_MS 10000

static bool wait_until(const atomic_t *v, int value)
{
	u32 ms;

	for (ms = 0; ms < WAIT_MS; ms++) {
		if (atomic_read(v) >= value)
			return true;
		ut_sleep_ms(1);
	}
	return false;
}

/* Until all that is on its way back has arrived. */
static bool all_returned(struct pasid_host *host)
{
	u32 ms, n;

	for (ms = 0; ms < WAIT_MS; ms++) {
		spin_lock(&host->lock);
		n = host->nr_returns;
		spin_unlock(&host->lock);
		if (!n)
			return true;
		ut_sleep_ms(1);
	}
	return false;
}

/* Numbers in quarantine; @number: is it? 0: how many. */
static u32 quarantined(struct pasid_host *host, u32 number)
{
	u32 n;

	spin_lock(&host->lock);
	n = number ? pasid_space_is_quarantined(&host->space, number) : host->space.quarantined;
	spin_unlock(&host->lock);
	return n;
}

/* ---- a hypervisor ---------------------------------------------------------------------------- */

#define HYPER_NUMBERS 64

/*
 * struct hyper - gives out numbers from @base on
 * @say: answered instead, if not 0
 * @bad: given back though it is not out
 * @alloc_gate, @free_gate: while 0 the function sleeps in it
 */
struct hyper {
	spinlock_t lock;
	u32 base, say, out;
	bool taken[HYPER_NUMBERS];
	u32 returned; /* the last one given back */
	atomic_t allocs, frees, bad;
	atomic_t alloc_gate, free_gate;
};

/* Numbers that the allocator has given out. */
static u32 out(struct hyper *h)
{
	u32 n;

	spin_lock(&h->lock);
	n = h->out;
	spin_unlock(&h->lock);
	return n;
}

static ioasid_t hyper_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct hyper *h = data;
	ioasid_t got = INVALID_IOASID;
	u32 i;

	atomic_inc(&h->allocs);
	wait_until(&h->alloc_gate, 1);
	if (h->say)
		return h->say;
	spin_lock(&h->lock);
	for (i = 0; i < HYPER_NUMBERS && got == INVALID_IOASID; i++) {
		if (h->taken[i] || h->base + i < min || h->base + i > max)
			continue;
		h->taken[i] = true;
		h->out++;
		got = h->base + i;
	}
	spin_unlock(&h->lock);
	return got;
}

static void hyper_free(ioasid_t id, void *data)
{
	struct hyper *h = data;

	atomic_inc(&h->frees);
	wait_until(&h->free_gate, 1);
	spin_lock(&h->lock);
	h->returned = id;
	if (id >= h->base && id < h->base + HYPER_NUMBERS && h->taken[id - h->base]) {
		h->taken[id - h->base] = false;
		h->out--;
	} else {
		atomic_inc(&h->bad);
	}
	spin_unlock(&h->lock);
}

/* The same with other functions: a space of its own. */
static ioasid_t other_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return hyper_alloc(min, max, data);
}

static void other_free(ioasid_t id, void *data)
{
	hyper_free(id, data);
}

static void hyper_init(struct hyper *h, u32 base)
{
	memset(h, 0, sizeof(*h));
	spin_lock_init(&h->lock);
	h->base = base;
	atomic_set(&h->alloc_gate, 1);
	atomic_set(&h->free_gate, 1);
}

#define HYPER_OPS(h)                                                   \
	{                                                              \
		.alloc = hyper_alloc, .free = hyper_free, .pdata = (h) \
	}
#define OTHER_OPS(h)                                                   \
	{                                                              \
		.alloc = other_alloc, .free = other_free, .pdata = (h) \
	}

/* ---- asking and giving back ------------------------------------------------------------------ */

UT_CASE(backend_gives_the_numbers)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	u32 id, other;

	hyper_init(&h, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), 0);
	ut_assert_eq(id, 500);
	ut_assert_eq(pu_try(set, 510, 600, &other), 0);
	ut_assert_eq(other, 510);
	ut_assert_eq(out(&h), 2);
	pasid_free(host, set, id);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 1);
	ut_assert_eq(h.returned, 500);
	/* Pending, it is not given back before the last one lets go. */
	ut_assert_eq(pasid_get(host, set, other, IOASID_HOLD_USER), 0);
	pasid_free(host, set, other);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 1);
	ut_assert(pasid_put(host, set, other, IOASID_HOLD_USER));
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 0);
	ut_assert_eq(host->space.used + host->space.quarantined, 0);
	pasid_unregister_allocator(host, &ops);
	/* The default one again, which asks nobody. */
	pasid_free(host, set, pu_alloc(set, NULL));
	ut_assert_eq(atomic_read(&h.allocs), 2);
	ut_assert_eq(atomic_read(&h.bad), 0);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* An answer that was not asked for is given back and refused. */
UT_CASE(backend_answers_are_checked)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	static const u32 say[] = { 99, 201, PASID_CAPACITY, 0x7fffffff, INVALID_IOASID - 1 };
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	struct pu_snap before, after;
	u32 i, id;

	hyper_init(&h, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	before = pu_look(host, set, NULL);
	for (i = 0; i < ARRAY_SIZE(say); i++) {
		h.say = say[i];
		ut_assert_eq(pu_try(set, 100, 200, &id), -ENOSPC);
		ut_assert_eq(atomic_read(&h.frees), i + 1);
		ut_assert_eq(h.returned, say[i]);
	}
	/* As great as it may be, beyond the width is refused, too. */
	h.say = PASID_CAPACITY;
	ut_assert_eq(pu_try(set, 100, INVALID_IOASID, &id), -ENOSPC);
	ut_assert_eq(atomic_read(&h.frees), ARRAY_SIZE(say) + 1);
	/* "None" is not a number to be given back. */
	h.say = INVALID_IOASID;
	ut_assert_eq(pu_try(set, 100, 200, &id), -ENOSPC);
	ut_assert_eq(atomic_read(&h.frees), ARRAY_SIZE(say) + 1);
	after = pu_look(host, set, NULL);
	pu_same(&before, &after);
	pasid_unregister_allocator(host, &ops);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Given out twice: refused, and not given back, for the first one is still using it. */
UT_CASE(backend_gives_one_number_twice)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	u32 id, again;

	hyper_init(&h, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), 0);
	h.say = id;
	ut_assert_eq(pu_try(set, 1, PU_ALL, &again), -ENOSPC);
	ut_assert_eq(atomic_read(&h.frees), 0);
	ut_assert_eq(pu_state(host, id), IOASID_STATE_IDLE);
	ut_assert_eq(set->nr, 1);
	pasid_free(host, set, id);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 0);
	pasid_unregister_allocator(host, &ops);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* A failure after the answer gives the number back; one that is known before does not ask. */
UT_CASE(backend_failures_give_back)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 3);
	struct limit_group *group = limit_group_create(&host->limits, NULL, 1, "root", NULL), *low;
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	struct pu_snap before, after;
	u32 id, nth;
	int rc;

	hyper_init(&h, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert(!IS_ERR(group));
	low = limit_group_create(&host->limits, group, 2, "low", NULL);
	ut_assert(!IS_ERR(low));
	ut_assert_eq(limit_set_max(low, 0), 0);
	before = pu_look(host, set, low);
	/* The 1st, 2nd, ... allocation fails. */
	for (nth = 1;; nth++) {
		after = pu_look(host, set, low);
		pu_same(&before, &after);
		ut_assert_eq(out(&h), 0);
		os_alloc_fail_nth(nth);
		rc = pu_try(set, 1, PU_ALL, &id);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
	}
	ut_assert(nth > 1);
	nth = (u32)atomic_read(&h.allocs);
	pu_group = low;
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EDQUOT);
	pu_group = NULL;
	ut_assert_eq((u32)atomic_read(&h.allocs), nth + 1);
	ut_assert_eq(out(&h), 1);
	ut_assert_eq(low->current_charge, 0);
	pu_alloc(set, NULL);
	pu_alloc(set, NULL);
	ut_assert_eq(out(&h), 3);
	nth = (u32)atomic_read(&h.allocs);
	ut_assert_eq(pu_try(set, 1, PU_ALL, &id), -EDQUOT);
	ut_assert_eq((u32)atomic_read(&h.allocs), nth);
	pasid_free_all(set);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 0);
	ut_assert_eq(atomic_read(&h.bad), 0);
	limit_group_put(low);
	limit_group_put(group);
	pasid_unregister_allocator(host, &ops);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Reclaim may happen where nobody can sleep; the number is quarantined until a worker comes to it. */
UT_CASE(backend_reclaim_does_not_sleep)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	spinlock_t mine;
	u32 id[3], i;

	spin_lock_init(&mine);
	hyper_init(&h, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	for (i = 0; i < 3; i++)
		id[i] = pu_alloc(set, NULL);
	atomic_set(&h.free_gate, 0);
	spin_lock(&mine);
	pasid_free(host, set, id[0]);
	spin_unlock(&mine);
	ut_assert(wait_until(&h.frees, 1));
	/* The first is at the allocator, the others wait their turn; nobody else can have them. */
	spin_lock(&mine);
	pasid_free(host, set, id[1]);
	pasid_free(host, set, id[2]);
	spin_unlock(&mine);
	ut_assert_eq(quarantined(host, 0), 2);
	ut_assert_eq(set->nr, 0);
	ut_assert_eq(out(&h), 3);
	ut_assert(quarantined(host, id[1]));
	ut_assert(quarantined(host, id[2]));
	ut_assert_eq(pu_state(host, id[1]), IOASID_STATE_FREE);
	atomic_set(&h.free_gate, 1);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h), 0);
	ut_assert_eq(quarantined(host, 0), 0);
	ut_assert_eq(atomic_read(&h.bad), 0);
	pasid_unregister_allocator(host, &ops);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- the line -------------------------------------------------------------------------------- */

UT_CASE(backend_register_refusals)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops a = HYPER_OPS(&h), b = HYPER_OPS(&h), c = OTHER_OPS(&h);
	struct ioasid_allocator_ops no_free = HYPER_OPS(&h), no_alloc = HYPER_OPS(&h);
	struct pu_snap before, after;
	u32 id, nth;
	int rc;

	hyper_init(&h, 500);
	no_free.free = NULL;
	no_alloc.alloc = NULL;
	ut_assert_eq(pasid_register_allocator(host, NULL), -EINVAL);
	ut_assert_eq(pasid_register_allocator(host, &no_free), -EINVAL);
	ut_assert_eq(pasid_register_allocator(host, &no_alloc), -EINVAL);
	pasid_unregister_allocator(host, NULL);
	pasid_unregister_allocator(host, &a);
	/* Numbers of the default one are out. */
	id = pu_alloc(set, NULL);
	ut_assert_eq(pasid_register_allocator(host, &a), -EAGAIN);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_register_allocator(host, &a), -EAGAIN);
	ut_assert(pasid_put(host, set, id, IOASID_HOLD_USER));
	before = pu_look(host, set, NULL);
	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = pasid_register_allocator(host, &a);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert(!host->active && list_empty(&host->backends));
		after = pu_look(host, set, NULL);
		pu_same(&before, &after);
	}
	ut_assert_eq(nth, 3);
	/* The same object is refused wherever it stands, also behind others of its group. */
	ut_assert_eq(pasid_register_allocator(host, &a), -EEXIST);
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	ut_assert_eq(pasid_register_allocator(host, &c), 0);
	ut_assert_eq(pasid_register_allocator(host, &a), -EEXIST);
	ut_assert_eq(pasid_register_allocator(host, &b), -EEXIST);
	ut_assert_eq(pasid_register_allocator(host, &c), -EEXIST);
	pasid_unregister_allocator(host, &b);
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	pasid_unregister_allocator(host, &c);
	pasid_unregister_allocator(host, &a);
	pasid_unregister_allocator(host, &b);
	pasid_unregister_allocator(host, &b);
	ut_assert(!host->active && list_empty(&host->backends));
	ut_assert(list_empty(&host->backend_spaces));
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Equal functions share a space: the next one of these takes the numbers over. */
UT_CASE(backend_shared_space_survives)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h1, h2;
	struct ioasid_allocator_ops a = HYPER_OPS(&h1), b = HYPER_OPS(&h2);
	u32 id, other;

	hyper_init(&h1, 500);
	hyper_init(&h2, 500);
	ut_assert_eq(pasid_register_allocator(host, &a), 0);
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	id = pu_alloc(set, NULL);
	ut_assert_eq(out(&h1), 1);
	/* In the hypervisor the two are doors to the same room. */
	h2.taken[0] = true;
	h2.out = 1;
	pasid_unregister_allocator(host, &a);
	other = pu_alloc(set, NULL);
	ut_assert_eq(other, 501);
	ut_assert_eq(out(&h2), 2);
	pasid_free(host, set, id);
	pasid_free(host, set, other);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h2), 0);
	ut_assert_eq(out(&h1), 1);
	ut_assert_eq(atomic_read(&h1.frees), 0);
	ut_assert_eq(atomic_read(&h2.bad), 0);
	pasid_unregister_allocator(host, &b);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Another space takes over: what is still out belongs to nobody, and is reclaimed without asking. */
UT_CASE(backend_other_space_takes_over)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h1, h2;
	struct ioasid_allocator_ops a = HYPER_OPS(&h1), b = OTHER_OPS(&h2);
	u32 id[2], other;

	hyper_init(&h1, 500);
	hyper_init(&h2, 600);
	ut_assert_eq(pasid_register_allocator(host, &a), 0);
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	id[0] = pu_alloc(set, NULL);
	id[1] = pu_alloc(set, NULL);
	pasid_unregister_allocator(host, &a);
	other = pu_alloc(set, NULL);
	ut_assert_eq(other, 600);
	pasid_free(host, set, id[0]);
	ut_assert_eq(quarantined(host, 0), 0);
	pasid_free(host, set, other);
	ut_assert(all_returned(host));
	ut_assert_eq(out(&h2), 0);
	ut_assert_eq(atomic_read(&h1.frees), 0);
	ut_assert_eq(atomic_read(&h2.frees), 1);
	/* Then the default one: the left-over is not one of its own. */
	pasid_unregister_allocator(host, &b);
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	pasid_unregister_allocator(host, &b);
	ut_assert_eq(pu_state(host, id[1]), IOASID_STATE_IDLE);
	pasid_free(host, set, id[1]);
	ut_assert_eq(host->space.used + host->space.quarantined, 0);
	ut_assert(list_empty(&host->backend_spaces));
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Names of spaces are given again only when no number bears them. */
UT_CASE(backend_many_spaces)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops a = HYPER_OPS(&h), b = OTHER_OPS(&h);
	u32 id, i;

	hyper_init(&h, 500);
	host->next_backend = PASID_BACKEND_LAST - 3;
	ut_assert_eq(pasid_register_allocator(host, &a), 0);
	id = pu_alloc(set, NULL);
	pasid_unregister_allocator(host, &a);
	/* Once round, and past the name that is taken. */
	for (i = 0; i < 8; i++) {
		ut_assert_eq(pasid_register_allocator(host, &b), 0);
		pasid_free(host, set, pu_alloc(set, NULL));
		pasid_unregister_allocator(host, &b);
	}
	host->next_backend = PASID_BACKEND_LAST - 3;
	ut_assert_eq(pasid_register_allocator(host, &b), 0);
	/* Not taken for one of the new space. */
	i = (u32)atomic_read(&h.frees);
	pasid_free(host, set, id);
	ut_assert(all_returned(host));
	ut_assert_eq(atomic_read(&h.frees), i);
	pasid_unregister_allocator(host, &b);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct asker {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct ioasid_allocator_ops *ops;
	u32 id;
	int rc;
	atomic_t done;
};

static void ask(void *arg)
{
	struct asker *a = arg;

	a->rc = pu_try(a->set, 1, PU_ALL, &a->id);
	atomic_set(&a->done, 1);
}

static void leave(void *arg)
{
	struct asker *a = arg;

	pasid_unregister_allocator(a->host, a->ops);
	atomic_set(&a->done, 1);
}

/* Until another one than @was is asked. */
static bool wait_other_active(struct pasid_host *host, const struct pasid_backend *was)
{
	bool is = true;
	u32 ms;

	for (ms = 0; is && ms < WAIT_MS; ms++) {
		ut_sleep_ms(1);
		spin_lock(&host->lock);
		is = host->active == was;
		spin_unlock(&host->lock);
	}
	return !is;
}

static void enter(void *arg)
{
	struct asker *a = arg;

	a->rc = pasid_register_allocator(a->host, a->ops);
	atomic_set(&a->done, 1);
}

/* An allocator that leaves while it is asked: its answer goes back, and the next one is asked. */
UT_CASE(backend_leaves_while_asked)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h);
	struct asker a = { .host = host, .set = set }, l = { .host = host, .ops = &ops };
	struct ut_thread asks, leaves;
	struct pasid_backend *was;

	hyper_init(&h, 500);
	atomic_set(&h.alloc_gate, 0);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert_eq(ut_thread_start(&asks, ask, &a), 0);
	ut_assert(wait_until(&h.allocs, 1));
	was = host->active;
	ut_assert_eq(ut_thread_start(&leaves, leave, &l), 0);
	ut_assert(wait_other_active(host, was));
	ut_sleep_ms(20);
	ut_assert_eq(atomic_read(&l.done), 0);
	ut_assert_eq(atomic_read(&a.done), 0);
	atomic_set(&h.alloc_gate, 1);
	ut_assert(wait_until(&a.done, 1));
	ut_assert(wait_until(&l.done, 1));
	ut_thread_join(&asks);
	ut_thread_join(&leaves);
	/* Of the default allocator. */
	ut_assert_eq(a.rc, 0);
	ut_assert_eq(a.id, 1);
	ut_assert_eq(out(&h), 0);
	ut_assert_eq(atomic_read(&h.frees), 1);
	pasid_free(host, set, a.id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* It leaves when all that is on its way back to it has arrived. */
UT_CASE(backend_leaves_after_returns)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h, next;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h), other = OTHER_OPS(&next);
	struct asker l = { .host = host, .ops = &ops }, a = { .host = host, .set = set };
	struct ut_thread leaves, asks;
	struct pasid_backend *was;
	u32 i;

	hyper_init(&h, 500);
	hyper_init(&next, 500);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert_eq(pasid_register_allocator(host, &other), 0);
	for (i = 0; i < 5; i++)
		pu_alloc(set, NULL);
	atomic_set(&h.free_gate, 0);
	pasid_free_all(set);
	ut_assert(wait_until(&h.frees, 1));
	ut_assert_eq(quarantined(host, 0), 4);
	was = host->active;
	ut_assert_eq(ut_thread_start(&leaves, leave, &l), 0);
	ut_assert(wait_other_active(host, was));
	ut_sleep_ms(20);
	ut_assert_eq(atomic_read(&l.done), 0);
	/* The next one knows the same numbers; who gets one that is on its way back waits for it. */
	next.say = quarantined(host, 500) ? 500 : 501;
	ut_assert_eq(ut_thread_start(&asks, ask, &a), 0);
	ut_sleep_ms(20);
	ut_assert_eq(atomic_read(&a.done), 0);
	atomic_set(&h.free_gate, 1);
	ut_assert(wait_until(&l.done, 1));
	ut_assert(wait_until(&a.done, 1));
	ut_thread_join(&leaves);
	ut_thread_join(&asks);
	ut_assert_eq(out(&h), 0);
	ut_assert_eq(atomic_read(&h.frees), 5);
	ut_assert_eq(a.rc, 0);
	ut_assert_eq(a.id, next.say);
	ut_assert_eq(atomic_read(&next.frees), 0);
	pasid_free(host, set, a.id);
	ut_assert(all_returned(host));
	ut_assert_eq(atomic_read(&next.frees), 1);
	pasid_unregister_allocator(host, &other);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Waits inside alloc() for a number to come back, as a full hypervisor may. Section 9, item 6. */
UT_CASE(backend_sleeps_until_a_number_is_freed)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct hyper h, next;
	struct ioasid_allocator_ops ops = HYPER_OPS(&h), other = OTHER_OPS(&next);
	struct asker a = { .host = host, .set = set }, e = { .host = host, .ops = &other };
	struct ut_thread asks, enters;
	u32 id;

	hyper_init(&h, 500);
	hyper_init(&next, 600);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	id = pu_alloc(set, NULL);
	atomic_set(&h.alloc_gate, 0);
	ut_assert_eq(ut_thread_start(&asks, ask, &a), 0);
	ut_assert(wait_until(&h.allocs, 2));
	/* Meanwhile somebody changes the line, and the number goes back through all of it. */
	ut_assert_eq(ut_thread_start(&enters, enter, &e), 0);
	ut_assert(wait_until(&e.done, 1));
	pasid_free(host, set, id);
	ut_assert(wait_until(&h.frees, 1));
	ut_assert(all_returned(host));
	ut_assert_eq(atomic_read(&a.done), 0);
	atomic_set(&h.alloc_gate, 1);
	ut_thread_join(&asks);
	ut_thread_join(&enters);
	ut_assert_eq(e.rc, 0);
	ut_assert_eq(a.rc, 0);
	ut_assert_eq(a.id, 500);
	pasid_free(host, set, a.id);
	ut_assert(all_returned(host));
	pasid_unregister_allocator(host, &other);
	pasid_unregister_allocator(host, &ops);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- at once --------------------------------------------------------------------------------- */

#define CROWD 3

/* struct crowd - threads that take and free; @pause: they hold still, without a number */
struct crowd {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct hyper low, high;
	u32 steps;
	atomic_t bad, got, none, running, pause;
	struct ut_thread thread[CROWD];
};

static bool crowd_take(struct crowd *c, u32 *id)
{
	int rc = pu_try(c->set, 1, PU_ALL, id);

	if (!rc)
		return true;
	/* All are on their way back. */
	atomic_inc(rc == -ENOSPC ? &c->none : &c->bad);
	ut_sleep_ms(1);
	return false;
}

static void crowd_main(void *arg)
{
	struct crowd *c = arg;
	u32 i, id;

	for (i = 0; i < c->steps; i++) {
		while (atomic_read(&c->pause))
			ut_yield();
		if (!crowd_take(c, &id))
			continue;
		atomic_inc(&c->got);
		if (pasid_get(c->host, c->set, id, IOASID_HOLD_DEVICE))
			atomic_inc(&c->bad);
		pasid_free(c->host, c->set, id);
		if (!pasid_put(c->host, c->set, id, IOASID_HOLD_DEVICE))
			atomic_inc(&c->bad);
	}
	atomic_dec(&c->running);
}

static void crowd_start(struct crowd *c)
{
	u32 i;

	memset(c, 0, sizeof(*c));
	c->host = pu_new();
	c->set = pu_set(c->host, 0);
	c->steps = UT_STEPS(3000);
	hyper_init(&c->low, 2000);
	hyper_init(&c->high, 3000);
	atomic_set(&c->running, CROWD);
	atomic_set(&c->pause, 1);
	for (i = 0; i < CROWD; i++)
		ut_assert_eq(ut_thread_start(&c->thread[i], crowd_main, c), 0);
}

static void crowd_join(struct crowd *c)
{
	u32 i;

	for (i = 0; i < CROWD; i++)
		ut_thread_join(&c->thread[i]);
}

static void crowd_end(struct crowd *c)
{
	ut_assert_eq(atomic_read(&c->bad), 0);
	ut_assert_eq(atomic_read(&c->low.bad) + atomic_read(&c->high.bad), 0);
	ut_assert(!c->host->active && list_empty(&c->host->backends));
	ut_assert(list_empty(&c->host->backend_spaces));
	ut_assert_eq(c->host->nr_returns, 0);
	ut_assert_eq(c->host->space.used + c->host->space.quarantined, 0);
	ut_assert_eq(pasid_set_free(c->set), 0);
	pu_free(c->host);
}

/* A number that came back to the hypervisor may be given out the next moment, and is taken then. */
UT_CASE(backend_churn)
{
	static struct crowd c;
	struct ioasid_allocator_ops ops = HYPER_OPS(&c.low);

	crowd_start(&c);
	ut_assert_eq(pasid_register_allocator(c.host, &ops), 0);
	atomic_set(&c.pause, 0);
	crowd_join(&c);
	ut_assert(all_returned(c.host));
	ut_log("%d numbers, %d times none", atomic_read(&c.got), atomic_read(&c.none));
	/* Not one was refused, or lost. */
	ut_assert_eq(atomic_read(&c.low.frees), atomic_read(&c.got));
	ut_assert_eq(c.low.out, 0);
	pasid_unregister_allocator(c.host, &ops);
	crowd_end(&c);
}

/* Until nobody has a number of the default allocator. */
static void enter_line(struct crowd *c, struct ioasid_allocator_ops *ops)
{
	int rc;

	atomic_set(&c->pause, 1);
	while ((rc = pasid_register_allocator(c->host, ops)) == -EAGAIN)
		ut_yield();
	atomic_set(&c->pause, 0);
	ut_assert_eq(rc, 0);
}

/* Allocators come and go while numbers do; each gets back what it gave, or nothing. */
UT_CASE(backend_line_changes_under_load)
{
	static struct crowd c;
	struct ioasid_allocator_ops a = HYPER_OPS(&c.low), shared = HYPER_OPS(&c.low);
	struct ioasid_allocator_ops b = OTHER_OPS(&c.high);
	u32 n = 0;

	crowd_start(&c);
	do {
		enter_line(&c, &a);
		ut_assert_eq(pasid_register_allocator(c.host, &b), 0);
		ut_assert_eq(pasid_register_allocator(c.host, &shared), 0);
		ut_sleep_ms(1);
		pasid_unregister_allocator(c.host, n % 2 ? &a : &b);
		ut_sleep_ms(1);
		pasid_unregister_allocator(c.host, n % 2 ? &b : &a);
		ut_sleep_ms(1);
		pasid_unregister_allocator(c.host, &shared);
		n++;
	} while (atomic_read(&c.running));
	crowd_join(&c);
	ut_log("the line changed %u times", n);
	crowd_end(&c);
}

UT_SUITE(core_pasid_backend, UT_ENTRY(backend_gives_the_numbers),
	 UT_ENTRY(backend_answers_are_checked), UT_ENTRY(backend_gives_one_number_twice),
	 UT_ENTRY(backend_failures_give_back), UT_ENTRY(backend_reclaim_does_not_sleep),
	 UT_ENTRY(backend_register_refusals), UT_ENTRY(backend_shared_space_survives),
	 UT_ENTRY(backend_other_space_takes_over), UT_ENTRY(backend_many_spaces),
	 UT_ENTRY(backend_leaves_while_asked), UT_ENTRY(backend_leaves_after_returns),
	 UT_ENTRY(backend_sleeps_until_a_number_is_freed), UT_ENTRY(backend_churn),
	 UT_ENTRY(backend_line_changes_under_load));
