// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Deferred work: order, one at a time, side by side, and what a work may do to itself. Numbers in
 * brackets are those of docs/testing.md.
 */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

#define WAIT_MS 10000

/* Nobody waits forever in a test. False: it did not happen. */
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

/* ---- a work that writes down when it ran ----------------------------------------------------- */

#define DIARY 64

/* struct diary - what ran, in which order; @inside: at this moment, @most: at most */
struct diary {
	spinlock_t lock;
	u32 n, inside, most;
	u32 tag[DIARY];
};

/*
 * struct job - a work
 * @ms: sleeps that long
 * @gate: waits for it to be 1; may be NULL
 * @again: queued once more by itself
 * @next: queued by it; may be NULL
 */
struct job {
	struct ioasid_work work;
	struct pasid_host *host;
	struct diary *diary;
	const atomic_t *gate;
	struct job *next;
	u32 tag, ms, again;
	bool queued;
	atomic_t begun, runs;
};

static void diary_init(struct diary *d)
{
	memset(d, 0, sizeof(*d));
	spin_lock_init(&d->lock);
}

static void job_run(struct ioasid_work *work)
{
	struct job *job = container_of(work, struct job, work);
	struct diary *d = job->diary;

	spin_lock(&d->lock);
	d->inside++;
	d->most = max(d->most, d->inside);
	if (d->n < DIARY)
		d->tag[d->n] = job->tag;
	d->n++;
	spin_unlock(&d->lock);
	atomic_inc(&job->begun);
	if (job->gate)
		wait_until(job->gate, 1);
	if (job->ms)
		ut_sleep_ms(job->ms);
	if (job->next)
		job->next->queued = pasid_queue_work(job->host, &job->next->work);
	if (job->again) {
		job->again--;
		job->queued = pasid_queue_work(job->host, work);
	}
	spin_lock(&d->lock);
	d->inside--;
	spin_unlock(&d->lock);
	atomic_inc(&job->runs);
}

static void job_init(struct job *job, struct pasid_host *host, struct diary *diary, u32 id, u32 tag)
{
	memset(job, 0, sizeof(*job));
	pasid_init_work(&job->work, id, job_run);
	job->host = host;
	job->diary = diary;
	job->tag = tag;
}

/* ---- order ----------------------------------------------------------------------------------- */

/* struct worker_nb - a handler that leaves everything to a work */
struct worker_nb {
	struct notifier_block nb;
	struct job job;
};

static int put_off(struct notifier_block *nb, unsigned long event, void *data)
{
	struct worker_nb *w = container_of(nb, struct worker_nb, nb);

	if (event == IOASID_NOTIFY_FREE)
		w->job.queued = pasid_queue_work(w->job.host, &w->job.work);
	return 0;
}

/* [49] What CPU, IOMMU and DEVICE handlers put off runs in their order, one after the other. */
UT_CASE(work_in_order_of_priority)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct worker_nb w[3];
	struct diary diary;
	u32 i, id, round;

	for (round = 0; round < 20; round++) {
		diary_init(&diary);
		id = pu_alloc(set, NULL);
		for (i = 0; i < 3; i++) {
			job_init(&w[i].job, host, &diary, id, i);
			/* The first take longest: left to themselves they would end last. */
			w[i].job.ms = 2 * i;
			w[i].nb = (struct notifier_block){ .notifier_call = put_off,
							   .priority = 1 + (int)i };
			ut_assert_eq(pasid_register_notifier(host, i == 1 ? NULL : set, &w[i].nb),
				     0);
		}
		ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_DEVICE), 0);
		pasid_free(host, set, id);
		for (i = 0; i < 3; i++)
			ut_assert(w[i].job.queued);
		pasid_flush_work(host, id);
		ut_assert_eq(diary.n, 3);
		ut_assert_eq(diary.most, 1);
		for (i = 0; i < 3; i++)
			ut_assert_eq(diary.tag[i], 2 - i);
		for (i = 0; i < 3; i++)
			pasid_unregister_notifier(host, i == 1 ? NULL : set, &w[i].nb);
		ut_assert(pasid_put(host, set, id, IOASID_HOLD_DEVICE));
	}
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* [50] Queued twice it runs once; once it has begun it can be queued again. */
UT_CASE(work_queued_twice_runs_once)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL);
	struct job first, second;
	struct diary diary;
	atomic_t gate = ATOMIC_INIT(0);

	diary_init(&diary);
	job_init(&first, host, &diary, id, 1);
	job_init(&second, host, &diary, id, 2);
	first.gate = &gate;
	ut_assert(pasid_queue_work(host, &first.work));
	ut_assert(wait_until(&first.begun, 1));
	ut_assert(pasid_queue_work(host, &second.work));
	ut_assert(!pasid_queue_work(host, &second.work));
	ut_assert(pasid_queue_work(host, &first.work));
	ut_assert(!pasid_queue_work(host, &first.work));
	ut_assert_eq(host->nr_works, 3);
	atomic_set(&gate, 1);
	pasid_flush_work(host, id);
	ut_assert_eq(host->nr_works, 0);
	ut_assert_eq(atomic_read(&first.runs), 2);
	ut_assert_eq(atomic_read(&second.runs), 1);
	ut_assert_eq(diary.tag[0], 1);
	ut_assert_eq(diary.tag[1], 2);
	ut_assert_eq(diary.tag[2], 1);
	ut_assert_eq(diary.most, 1);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

#define LONG 40

/* A long line for one number, added to while it is worked on. */
UT_CASE(work_of_one_number_in_order)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL), i;
	struct job *job = kcalloc(LONG, sizeof(*job), GFP_KERNEL);
	struct diary diary;

	ut_assert(job);
	diary_init(&diary);
	for (i = 0; i < LONG; i++) {
		job_init(&job[i], host, &diary, id, i);
		ut_assert(pasid_queue_work(host, &job[i].work));
		if (i % 7 == 6)
			ut_sleep_ms(1);
	}
	pasid_flush_work(host, id);
	ut_assert_eq(diary.n, LONG);
	ut_assert_eq(diary.most, 1);
	for (i = 0; i < LONG; i++)
		ut_assert_eq(diary.tag[i], i);
	kfree(job);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- side by side ---------------------------------------------------------------------------- */

#define SIDES 24

/* Numbers do not wait for each other: all of these sleep, and the last one lets them go. */
UT_CASE(work_of_other_numbers_does_not_wait)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct job *job = kcalloc(SIDES + 1, sizeof(*job), GFP_KERNEL);
	struct ioasid_request req = { .max = PU_ALL };
	atomic_t gate = ATOMIC_INIT(0);
	struct diary diary;
	u32 i, id;

	ut_assert(job);
	diary_init(&diary);
	for (i = 0; i <= SIDES; i++) {
		/* Half of them in one bucket of the hash. */
		req.min = i % 2 ? 1 + i * PASID_WORK_BUCKETS : 1;
		ut_assert_eq(pasid_alloc(set, &req, NULL, &id), 0);
		job_init(&job[i], host, &diary, id, i);
		job[i].gate = i < SIDES ? &gate : NULL;
		ut_assert(pasid_queue_work(host, &job[i].work));
	}
	for (i = 0; i <= SIDES; i++)
		ut_assert(wait_until(&job[i].begun, 1));
	/* All inside at once, and the one without gate has run. */
	ut_assert(wait_until(&job[SIDES].runs, 1));
	pasid_flush_work(host, job[SIDES].work.id);
	ut_assert_eq(atomic_read(&job[0].runs), 0);
	ut_assert(diary.most >= SIDES);
	atomic_set(&gate, 1);
	pasid_flush_all_work(host);
	for (i = 0; i <= SIDES; i++)
		ut_assert_eq(atomic_read(&job[i].runs), 1);
	ut_assert_eq(host->nr_works, 0);
	kfree(job);
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- the number ------------------------------------------------------------------------------ */

/* No number, no work; and as long as there is one the number stays. */
UT_CASE(work_pins_its_number)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL);
	atomic_t gate = ATOMIC_INIT(0);
	struct job first, second;
	struct diary diary;

	diary_init(&diary);
	job_init(&first, host, &diary, id + 1, 1);
	ut_assert(!pasid_queue_work(host, &first.work));
	job_init(&first, host, &diary, PASID_CAPACITY + 5, 1);
	ut_assert(!pasid_queue_work(host, &first.work));
	job_init(&first, host, &diary, 0, 1);
	ut_assert(!pasid_queue_work(host, &first.work));
	job_init(&first, host, &diary, id, 1);
	job_init(&second, host, &diary, id, 2);
	first.gate = &gate;
	ut_assert(pasid_queue_work(host, &first.work));
	ut_assert(pasid_queue_work(host, &second.work));
	pasid_free(host, set, id);
	ut_assert_eq(pu_state(host, id), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(pasid_set_free(set), -EBUSY);
	atomic_set(&gate, 1);
	pasid_flush_work(host, id);
	ut_assert_eq(atomic_read(&second.runs), 1);
	/* With the last one it was reclaimed. */
	ut_assert_eq(pu_state(host, id), IOASID_STATE_FREE);
	ut_assert(!pasid_queue_work(host, &first.work));
	pasid_flush_work(host, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* struct letting_go - the usual work: drop the last reference, give its own memory back */
struct letting_go {
	struct ioasid_work work;
	struct pasid_host *host;
	struct ioasid_set *set;
	atomic_t *freed;
};

static void let_go(struct ioasid_work *work)
{
	struct letting_go *l = container_of(work, struct letting_go, work);
	atomic_t *freed = l->freed;

	pasid_put(l->host, l->set, work->id, IOASID_HOLD_IOMMU);
	kfree(l);
	atomic_inc(freed);
}

/* A work may free itself, with works waiting behind it, and end its number and its set. */
UT_CASE(work_frees_itself)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct letting_go *l;
	atomic_t freed = ATOMIC_INIT(0);
	u32 id, round, i;

	for (round = 0; round < 50; round++) {
		id = pu_alloc(set, NULL);
		for (i = 0; i < 3; i++) {
			l = kzalloc(sizeof(*l), GFP_KERNEL);
			ut_assert(l);
			pasid_init_work(&l->work, id, let_go);
			l->host = host;
			l->set = set;
			l->freed = &freed;
			ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_IOMMU), 0);
			ut_assert(pasid_queue_work(host, &l->work));
		}
		if (round == 49)
			pasid_set_destroy(set);
		pasid_free(host, set, id);
	}
	pasid_flush_all_work(host);
	ut_assert_eq(atomic_read(&freed), 150);
	pu_free(host);
}

/* A work queues itself, and another of its number, which waits until it has ended. */
UT_CASE(work_queues_more)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL), i;
	static const u32 want[] = { 1, 2, 1, 2, 1, 2 };
	struct job first, second;
	struct diary diary;

	diary_init(&diary);
	job_init(&first, host, &diary, id, 1);
	job_init(&second, host, &diary, id, 2);
	first.next = &second;
	first.again = 2;
	first.ms = 1;
	ut_assert(pasid_queue_work(host, &first.work));
	pasid_flush_all_work(host);
	ut_assert_eq(diary.most, 1);
	ut_assert_eq(diary.n, 6);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		ut_assert_eq(diary.tag[i], want[i]);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct flusher {
	struct pasid_host *host;
	u32 id;
	atomic_t done;
};

static void flush_one(void *arg)
{
	struct flusher *f = arg;

	if (f->id)
		pasid_flush_work(f->host, f->id);
	else
		pasid_flush_all_work(f->host);
	atomic_set(&f->done, 1);
}

/* Until @n stand behind the work that runs. The list is the second thing in a queued work. */
static bool wait_behind(struct pasid_host *host, u32 id, u32 n)
{
	struct list_head *bucket = &host->queues[id % PASID_WORK_BUCKETS], *waiting, *pos;
	u32 ms, seen;

	for (ms = 0; ms < WAIT_MS; ms++) {
		spin_lock(&host->lock);
		waiting = bucket->next + 1;
		for (seen = 0, pos = waiting->next; pos != waiting; pos = pos->next)
			seen++;
		spin_unlock(&host->lock);
		if (seen == n)
			return true;
		ut_sleep_ms(1);
	}
	return false;
}

/* Waiting ends with what was queued before, not with what comes later; many may wait. */
UT_CASE(work_flush_waits_for_what_was_before)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL), i;
	atomic_t gate = ATOMIC_INIT(0), later = ATOMIC_INIT(0);
	struct flusher f[3] = { { .host = host, .id = id },
				{ .host = host, .id = id },
				{ .host = host } };
	struct ut_thread t[3];
	struct job first, second;
	struct diary diary;

	diary_init(&diary);
	job_init(&first, host, &diary, id, 1);
	job_init(&second, host, &diary, id, 2);
	first.gate = &gate;
	second.gate = &later;
	ut_assert(pasid_queue_work(host, &first.work));
	for (i = 0; i < 3; i++)
		ut_assert_eq(ut_thread_start(&t[i], flush_one, &f[i]), 0);
	ut_assert(wait_behind(host, id, 3));
	ut_assert(pasid_queue_work(host, &second.work));
	for (i = 0; i < 3; i++)
		ut_assert_eq(atomic_read(&f[i].done), 0);
	atomic_set(&gate, 1);
	ut_assert(wait_until(&f[0].done, 1));
	ut_assert(wait_until(&f[1].done, 1));
	ut_assert_eq(atomic_read(&second.runs), 0);
	ut_assert_eq(atomic_read(&f[2].done), 0);
	atomic_set(&later, 1);
	ut_assert(wait_until(&f[2].done, 1));
	for (i = 0; i < 3; i++)
		ut_thread_join(&t[i]);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* struct selfish - a work that waits for its own number */
struct selfish {
	struct ioasid_work work;
	struct pasid_host *host;
	atomic_t done;
};

static void flush_self(struct ioasid_work *work)
{
	struct selfish *s = container_of(work, struct selfish, work);

	pasid_flush_work(s->host, work->id);
	atomic_set(&s->done, 1);
}

UT_CASE(work_does_not_wait_for_itself)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	struct selfish s = { .host = host };
	u32 id = pu_alloc(set, NULL);

	pasid_init_work(&s.work, id, flush_self);
	ut_assert(pasid_queue_work(host, &s.work));
	ut_assert(wait_until(&s.done, 1));
	pasid_flush_all_work(host);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* Nothing here takes memory, with or without works before. */
UT_CASE(work_needs_no_memory)
{
	struct pasid_host *host = pu_new();
	struct ioasid_set *set = pu_set(host, 0);
	u32 id = pu_alloc(set, NULL), i;
	struct diary diary;
	struct job job[3];

	diary_init(&diary);
	for (i = 0; i < 3; i++)
		job_init(&job[i], host, &diary, id, i);
	os_alloc_fail_nth(1);
	for (i = 0; i < 3; i++)
		ut_assert(pasid_queue_work(host, &job[i].work));
	pasid_flush_work(host, id);
	pasid_flush_all_work(host);
	/* It is still to come. */
	ut_assert(!kzalloc(8, GFP_KERNEL));
	os_alloc_fail_nth(0);
	ut_assert_eq(diary.n, 3);
	pasid_free(host, set, id);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(host);
}

/* ---- at once --------------------------------------------------------------------------------- */

#define CROWD	4
#define NUMBERS 3
#define EACH	8

/* struct crowd - threads that queue works of the same numbers, each its own works */
struct crowd {
	struct pasid_host *host;
	u32 id[NUMBERS];
	atomic_t inside[NUMBERS], runs, queued, bad;
	u32 steps;
};

struct crowd_job {
	struct ioasid_work work;
	struct crowd *crowd;
	u32 number;
};

struct crowd_thread {
	struct crowd *crowd;
	struct ut_thread thread;
	u64 seed;
	struct crowd_job job[EACH];
};

static void crowd_run(struct ioasid_work *work)
{
	struct crowd_job *j = container_of(work, struct crowd_job, work);

	if (atomic_inc_return(&j->crowd->inside[j->number]) != 1)
		atomic_inc(&j->crowd->bad);
	atomic_inc(&j->crowd->runs);
	ut_yield();
	atomic_dec(&j->crowd->inside[j->number]);
}

static void crowd_main(void *arg)
{
	struct crowd_thread *t = arg;
	struct ut_rand rnd = { t->seed };
	u32 i;

	for (i = 0; i < t->crowd->steps; i++) {
		struct crowd_job *j = &t->job[ut_below(&rnd, EACH)];

		if (pasid_queue_work(t->crowd->host, &j->work))
			atomic_inc(&t->crowd->queued);
		if (!ut_below(&rnd, 64))
			pasid_flush_work(t->crowd->host, j->work.id);
	}
}

/* Every one that was taken on runs, and never two of a number at once. */
UT_CASE(work_from_many_threads)
{
	static struct crowd_thread t[CROWD];
	struct crowd c = { .host = pu_new(), .steps = UT_STEPS(20000) };
	struct ioasid_set *set = pu_set(c.host, 0);
	u32 i, k;

	for (i = 0; i < NUMBERS; i++)
		c.id[i] = pu_alloc(set, NULL);
	for (i = 0; i < CROWD; i++) {
		t[i].crowd = &c;
		t[i].seed = i;
		for (k = 0; k < EACH; k++) {
			t[i].job[k].crowd = &c;
			t[i].job[k].number = k % NUMBERS;
			pasid_init_work(&t[i].job[k].work, c.id[k % NUMBERS], crowd_run);
		}
	}
	for (i = 0; i < CROWD; i++)
		ut_assert_eq(ut_thread_start(&t[i].thread, crowd_main, &t[i]), 0);
	for (i = 0; i < CROWD; i++)
		ut_thread_join(&t[i].thread);
	pasid_flush_all_work(c.host);
	ut_log("%d works ran", atomic_read(&c.runs));
	ut_assert_eq(atomic_read(&c.bad), 0);
	ut_assert_eq(atomic_read(&c.runs), atomic_read(&c.queued));
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	pu_free(c.host);
}

UT_SUITE(core_pasid_work, UT_ENTRY(work_in_order_of_priority),
	 UT_ENTRY(work_queued_twice_runs_once), UT_ENTRY(work_of_one_number_in_order),
	 UT_ENTRY(work_of_other_numbers_does_not_wait), UT_ENTRY(work_pins_its_number),
	 UT_ENTRY(work_frees_itself), UT_ENTRY(work_queues_more),
	 UT_ENTRY(work_flush_waits_for_what_was_before), UT_ENTRY(work_does_not_wait_for_itself),
	 UT_ENTRY(work_needs_no_memory), UT_ENTRY(work_from_many_threads));
