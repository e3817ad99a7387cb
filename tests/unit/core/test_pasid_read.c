// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Numbers looked up without lock while they change hands, and let go of by many at once. Numbers of
 * cases: docs/testing.md.
 */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

/* ---- numbers that change hands ------------------------------------------------------------------ */

#define MARK_A	  0xa5a5a5a5U
#define MARK_B	  0x5b5b5b5bU
#define MARK_DEAD 0xdeaddeadU

/* struct marked - private data that says whose it is, and that it is gone before it is freed */
struct marked {
	u32 mark;
	u32 number;
};

struct readers {
	struct pasid_host *host;
	struct ioasid_set *set[2];
	u32 number;
	u32 stop;
	atomic_t errors, found, refused, none;
};

/* Only ever what is behind a number of the set that was asked for, as long as one looks at it. */
static void read_one(struct readers *r, unsigned int which, u32 looks)
{
	u32 mark = which ? MARK_B : MARK_A;
	struct marked *m;
	bool wrong = false;

	os_rcu_enter();
	m = pasid_find(r->host, r->set[which], r->number, NULL);
	if (!m) {
		atomic_inc(&r->none);
	} else if (IS_ERR(m)) {
		wrong = PTR_ERR(m) != -ENOENT && PTR_ERR(m) != -EACCES;
		atomic_inc(&r->refused);
	} else {
		for (; looks; looks--)
			wrong |= READ_ONCE(m->mark) != mark || READ_ONCE(m->number) != r->number;
		atomic_inc(&r->found);
	}
	os_rcu_exit();
	if (wrong)
		atomic_inc(&r->errors);
}

static void reader(void *arg)
{
	struct readers *r = arg;
	struct ioasid_set *set;
	u32 i;

	while (!READ_ONCE(r->stop)) {
		for (i = 0; i < 200; i++)
			read_one(r, i & 1, i % 10 ? 1 : 300);
		os_rcu_enter();
		set = pasid_find_set(r->host, r->number);
		if (set != r->set[0] && set != r->set[1] &&
		    (!IS_ERR(set) || PTR_ERR(set) != -ENOENT))
			atomic_inc(&r->errors);
		os_rcu_exit();
		ut_yield();
	}
}

static struct marked *marked_new(u32 mark, u32 number)
{
	struct marked *m = kzalloc(sizeof(*m), GFP_KERNEL);

	ut_assert(m);
	m->mark = mark;
	m->number = number;
	return m;
}

static void marked_free(struct marked *m)
{
	WRITE_ONCE(m->mark, MARK_DEAD);
	kfree(m);
}

/* One life of the number in set @which, with @m behind it. */
static void live_once(struct readers *r, unsigned int which, struct marked *m, u32 round)
{
	struct ioasid_request req = { .min = r->number, .max = r->number, .priv = m };
	struct ioasid_set *set = r->set[which];
	u32 id;

	ut_assert_eq(pasid_alloc(set, &req, NULL, &id), 0);
	if (round % 5 == 0)
		ut_assert_eq(pasid_get(r->host, set, id, IOASID_HOLD_USER), 0);
	if (round % 7 == 0)
		pasid_clear_data(r->host, id);
	/* Here readers should find it, if one processor has to do for all. */
	if (round % 64 < 2)
		ut_yield();
	pasid_free(r->host, set, id);
	if (round % 5 == 0)
		ut_assert(pasid_put(r->host, set, id, IOASID_HOLD_USER));
}

/* 30, 31: from set to set while a reader looks, which one object for each makes easy to see */
UT_CASE(a_reader_never_sees_what_is_another_set_s)
{
	struct marked *m[2] = { marked_new(MARK_A, 130), marked_new(MARK_B, 130) };
	struct readers *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct ut_thread t[2];
	u32 round, i;

	ut_assert(r);
	r->host = pu_new();
	r->set[0] = pu_set(r->host, 0);
	r->set[1] = pu_set(r->host, 0);
	r->number = 130;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		ut_assert_eq(ut_thread_start(&t[i], reader, r), 0);
	/* On until the readers have seen some. */
	for (round = 0;
	     round < UT_STEPS(200000U) || (atomic_read(&r->found) < 100 && round < 20000000U);
	     round++) {
		live_once(r, round & 1, m[round & 1], round);
	}
	WRITE_ONCE(r->stop, 1);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		ut_thread_join(&t[i]);
	ut_log("%u found, %u refused, %u empty", (u32)atomic_read(&r->found),
	       (u32)atomic_read(&r->refused), (u32)atomic_read(&r->none));
	ut_assert_eq(atomic_read(&r->errors), 0);
	ut_assert(atomic_read(&r->found) && atomic_read(&r->refused));
	ut_assert_eq(pasid_set_free(r->set[0]), 0);
	ut_assert_eq(pasid_set_free(r->set[1]), 0);
	pu_free(r->host);
	kfree(r);
	kfree(m[0]);
	kfree(m[1]);
}

/*
 * 30: detach_data() returns when nobody can look at the object any more. The page of records comes
 * and goes as well, since the number is the only one in it.
 */
UT_CASE(detached_data_is_nobody_s)
{
	struct readers *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct ut_thread t;
	u32 round, id;

	ut_assert(r);
	r->host = pu_new();
	r->set[0] = pu_set(r->host, 0);
	r->set[1] = pu_set(r->host, 0);
	r->number = 1;
	id = pu_alloc(r->set[0], NULL);
	ut_assert_eq(ut_thread_start(&t, reader, r), 0);
	for (round = 0; round < UT_STEPS(800U) ||
			(!(atomic_read(&r->found) && atomic_read(&r->none)) && round < 200000);
	     round++) {
		struct marked *m = marked_new(MARK_A, id);

		ut_assert_eq(pasid_attach_data(r->host, id, m), 0);
		if (round & 1)
			ut_yield();
		pasid_detach_data(r->host, id);
		marked_free(m);
		if (round & 2)
			ut_yield();
	}
	WRITE_ONCE(r->stop, 1);
	ut_thread_join(&t);
	ut_assert_eq(atomic_read(&r->errors), 0);
	ut_assert(atomic_read(&r->found) && atomic_read(&r->none));
	pasid_free(r->host, r->set[0], id);
	ut_assert_eq(pasid_set_free(r->set[0]), 0);
	ut_assert_eq(pasid_set_free(r->set[1]), 0);
	pu_free(r->host);
	kfree(r);
}

/* struct slow - a reader that has found something and looks at it for a while */
struct slow {
	struct pasid_host *host;
	u32 id;
	bool by_getter;
	u32 inside, left, errors;
};

static struct slow slow;

/* The case looks at it while this runs. */
static void slow_error(bool error)
{
	if (error)
		WRITE_ONCE(slow.errors, slow.errors + 1);
}

static bool slow_look(void *data)
{
	struct marked *m = data;
	u64 end = ktime_get_ns() + 20000000ULL;

	WRITE_ONCE(slow.inside, 1);
	while (ktime_get_ns() < end)
		slow_error(READ_ONCE(m->mark) != MARK_A);
	WRITE_ONCE(slow.left, 1);
	return true;
}

static void slow_reader(void *arg)
{
	struct marked *m;

	if (slow.by_getter) {
		slow_error(!pasid_find(slow.host, NULL, slow.id, slow_look));
		return;
	}
	os_rcu_enter();
	m = pasid_find(slow.host, NULL, slow.id, NULL);
	if (IS_ERR_OR_NULL(m))
		slow_error(true);
	else
		slow_look(m);
	os_rcu_exit();
}

/* 30: whoever has found it is waited for, in a section of his own or inside his getter */
UT_CASE(detach_data_waits_for_who_looks)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL), way;
	struct ut_thread t;

	for (way = 0; way < 2; way++) {
		struct marked *m = marked_new(MARK_A, id);

		slow = (struct slow){ .host = host, .id = id, .by_getter = way };
		ut_assert_eq(pasid_attach_data(host, id, m), 0);
		ut_assert_eq(ut_thread_start(&t, slow_reader, NULL), 0);
		while (!READ_ONCE(slow.inside) && !READ_ONCE(slow.errors))
			ut_yield();
		pasid_detach_data(host, id);
		ut_assert(READ_ONCE(slow.left));
		marked_free(m);
		ut_thread_join(&t);
		ut_assert_eq(slow.errors, 0);
	}
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- who is the last ------------------------------------------------------------------------------- */

static const enum ioasid_holder holders[] = { IOASID_HOLD_USER, IOASID_HOLD_IOMMU, IOASID_HOLD_CPU,
					      IOASID_HOLD_DEVICE };

#define RACERS 8

struct racer {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct completion *go;
	enum ioasid_holder holder;
	u32 id;
	bool frees;
	u32 reclaims, errors;
};

/* Takes and drops until the number is being freed; what it took it gives back. */
static void racer(void *arg)
{
	struct racer *r = arg;
	int rc;

	wait_for_completion(r->go);
	if (r->frees) {
		ut_yield();
		pasid_free(r->host, r->set, r->id);
		return;
	}
	while (!(rc = pasid_get(r->host, r->set, r->id, r->holder))) {
		/* Held over a change of threads, or free() would mostly find it idle. */
		ut_yield();
		r->reclaims += pasid_put(r->host, r->set, r->id, r->holder);
	}
	r->errors += rc != -EBUSY && rc != -EINVAL;
}

/* 31 */
UT_CASE(eight_threads_reclaim_once)
{
	static struct completion go;
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct ut_thread *t = kcalloc(RACERS + 1, sizeof(*t), GFP_KERNEL);
	struct racer *r = kcalloc(RACERS + 1, sizeof(*r), GFP_KERNEL);
	u32 round, i, reclaims, last = 0;

	ut_assert(t && r);
	for (round = 0; round < UT_STEPS(160U); round++) {
		u32 id = pu_alloc(set, NULL);

		init_completion(&go);
		for (i = 0; i <= RACERS; i++) {
			r[i] =
				(struct racer){ host, set,	   &go, holders[i % 4],
						id,   i == RACERS, 0,	0 };
			ut_assert_eq(ut_thread_start(&t[i], racer, &r[i]), 0);
		}
		complete_all(&go);
		for (i = 0, reclaims = 0; i <= RACERS; i++) {
			ut_thread_join(&t[i]);
			ut_assert_eq(r[i].errors, 0);
			reclaims += r[i].reclaims;
		}
		destroy_completion(&go);
		/* By the last put, or by free() itself. */
		ut_assert(reclaims <= 1);
		last += reclaims;
		ut_assert_eq(pu_state(host, id), IOASID_STATE_FREE);
		ut_assert_eq(host->nr_live, 0);
		pu_check(host);
	}
	ut_log("%u of %u reclaimed by a put", last, round);
	ut_assert(last);
	kfree(t);
	kfree(r);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

UT_SUITE(core_pasid_read, UT_ENTRY(a_reader_never_sees_what_is_another_set_s),
	 UT_ENTRY(detached_data_is_nobody_s), UT_ENTRY(detach_data_waits_for_who_looks),
	 UT_ENTRY(eight_threads_reclaim_once));
