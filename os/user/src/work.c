// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * OS layer, user-space home: threads that run works, and what is done when readers have left.
 *
 * A work may sleep for as long as it likes, so a thread is started whenever more works wait than
 * threads. What is given to os_call_rcu() is collected and served by a work like any other: liburcu's
 * own thread for that would end the process when it cannot be started, and be missing after a fork.
 */
#include <signal.h>
#include <time.h>

#include "os/os.h"

#define IDLE_SECONDS 3
#define RETRY_MS     10

/* ---- threads --------------------------------------------------------------------------------- */

/*
 * struct pool - threads and what they are to do
 * @first, @tail: works that wait, linked through their next; &pool_end ends the list, so that next is
 *                NULL only in a work that does not wait
 * @nr_waiting: of these
 * @nr_threads: all; @nr_idle: these take the next work; a thread just started is one of them
 */
static struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct os_work *first;
	struct os_work *tail;
	unsigned int nr_waiting;
	unsigned int nr_threads;
	unsigned int nr_idle;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct os_work pool_end;

bool os_work_stranded;

static void pool_push(struct os_work *work)
{
	work->next = &pool_end;
	if (pool.nr_waiting++)
		pool.tail->next = work;
	else
		pool.first = work;
	pool.tail = work;
}

static struct os_work *pool_pop(void)
{
	struct os_work *work = pool.first;

	pool.first = work->next;
	pool.nr_waiting--;
	work->next = NULL;
	return work;
}

/* Wait for a work. False: none came for long, and another thread is there to wait for the next. */
static bool pool_wait(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += IDLE_SECONDS;
	while (!pool.nr_waiting) {
		if (!pthread_cond_timedwait(&pool.more, &pool.lock, &t) || pool.nr_waiting)
			continue;
		/* The last one stays: whatever happens to the system, works have somebody. */
		if (pool.nr_idle > 1)
			return false;
		t.tv_sec += IDLE_SECONDS;
	}
	return true;
}

static void *pool_thread(void *unused)
{
	struct os_work *work;

	(void)unused;
	pthread_mutex_lock(&pool.lock);
	while (pool_wait()) {
		work = pool_pop();
		pool.nr_idle--;
		pthread_mutex_unlock(&pool.lock);
		work->fn(work);
		pthread_mutex_lock(&pool.lock);
		pool.nr_idle++;
	}
	pool.nr_idle--;
	pool.nr_threads--;
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

/* Signals are for the threads of the program. */
static int thread_start(void)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, pool_thread, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/*
 * As many threads as works. Where the system refuses one, those there are do it, later; where there is
 * none at all whoever queues or waits next tries again.
 */
static void pool_serve(void)
{
	while (pool.nr_waiting > pool.nr_idle && !thread_start()) {
		pool.nr_threads++;
		pool.nr_idle++;
	}
	WRITE_ONCE(os_work_stranded, pool.nr_waiting && !pool.nr_threads);
	if (pool.nr_waiting)
		pthread_cond_signal(&pool.more);
}

void os_work_queue(struct os_work *work)
{
	pthread_mutex_lock(&pool.lock);
	if (!work->next) {
		pool_push(work);
		pool_serve();
	}
	pthread_mutex_unlock(&pool.lock);
}

void os_work_kick(void)
{
	pthread_mutex_lock(&pool.lock);
	pool_serve();
	pthread_mutex_unlock(&pool.lock);
}

/* ---- RCU ------------------------------------------------------------------------------------- */

/*
 * struct deferred - what waits for readers to leave
 * @first, @tail: linked through their next
 * @given, @done: how many there were ever, and how many of these are served
 * @serving: @work is queued or runs
 */
static struct deferred {
	pthread_mutex_t lock;
	pthread_cond_t progress;
	struct os_rcu *first;
	struct os_rcu *tail;
	u64 given;
	u64 done;
	bool serving;
	struct os_work work;
} deferred = { .lock = PTHREAD_MUTEX_INITIALIZER };

#ifdef __SANITIZE_THREAD__
char os_rcu_tsan_readers;
#endif

void os_synchronize_rcu(void)
{
	urcu_memb_synchronize_rcu();
	os_rcu_tsan_acquire();
}

static u64 serve(struct os_rcu *rcu)
{
	struct os_rcu *next;
	u64 n = 0;

	for (; rcu; rcu = next, n++) {
		next = rcu->next;
		rcu->fn(rcu);
	}
	return n;
}

static void deferred_run(struct os_work *work)
{
	struct os_rcu *batch;
	u64 n = 0;

	(void)work;
	for (;;) {
		pthread_mutex_lock(&deferred.lock);
		deferred.done += n;
		pthread_cond_broadcast(&deferred.progress);
		batch = deferred.first;
		deferred.first = NULL;
		deferred.serving = batch;
		pthread_mutex_unlock(&deferred.lock);
		if (!batch)
			return;
		os_synchronize_rcu();
		n = serve(batch);
	}
}

/* True: the work is to be queued, after unlock. */
static bool deferred_wake(void)
{
	bool wake = deferred.first && !deferred.serving;

	if (wake)
		deferred.serving = true;
	return wake;
}

void os_call_rcu(struct os_rcu *rcu, void (*fn)(struct os_rcu *rcu))
{
	bool wake;

	rcu->fn = fn;
	rcu->next = NULL;
	pthread_mutex_lock(&deferred.lock);
	if (deferred.first)
		deferred.tail->next = rcu;
	else
		deferred.first = rcu;
	deferred.tail = rcu;
	/* Readers without lock only want to know whether it was ever more than none. */
	WRITE_ONCE(deferred.given, deferred.given + 1);
	wake = deferred_wake();
	pthread_mutex_unlock(&deferred.lock);
	if (wake)
		os_work_queue(&deferred.work);
}

static void free_base(struct os_rcu *rcu)
{
	os_free(rcu->base);
}

void os_free_rcu(void *base, struct os_rcu *rcu)
{
	rcu->base = base;
	os_call_rcu(rcu, free_base);
}

static void wait_for_progress(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += RETRY_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&deferred.progress, &deferred.lock, &t);
}

void os_rcu_barrier(void)
{
	bool wake;
	u64 last;

	if (!READ_ONCE(deferred.given))
		return;
	pthread_mutex_lock(&deferred.lock);
	last = deferred.given;
	wake = deferred_wake(); /* after a fork nobody serves */
	pthread_mutex_unlock(&deferred.lock);
	if (wake)
		os_work_queue(&deferred.work);
	pthread_mutex_lock(&deferred.lock);
	while (deferred.done < last) {
		if (unlikely(READ_ONCE(os_work_stranded)))
			os_work_kick();
		wait_for_progress();
	}
	pthread_mutex_unlock(&deferred.lock);
}

/* ---- beginning, and fork --------------------------------------------------------------------- */

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &a);
	pthread_condattr_destroy(&a);
}

static void fork_before(void)
{
	pthread_mutex_lock(&deferred.lock);
	pthread_mutex_lock(&pool.lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&pool.lock);
	pthread_mutex_unlock(&deferred.lock);
}

/*
 * The child has none of the threads. Works that waited wait on, until one is queued there; what a
 * thread was busy with is the parent's to finish.
 */
static void fork_child(void)
{
	struct os_rcu *rcu;
	u64 n = 0;

	pthread_mutex_init(&pool.lock, NULL);
	pthread_mutex_init(&deferred.lock, NULL);
	cond_init(&pool.more);
	cond_init(&deferred.progress);
	pool.nr_threads = 0;
	pool.nr_idle = 0;
	os_work_stranded = pool.nr_waiting;
	for (rcu = deferred.first; rcu; rcu = rcu->next)
		n++;
	deferred.done = deferred.given - n;
	deferred.serving = false;
}

__attribute__((constructor)) static void work_init(void)
{
	cond_init(&pool.more);
	cond_init(&deferred.progress);
	os_work_init(&deferred.work, deferred_run);
	pthread_atfork(fork_before, fork_parent, fork_child);
}
