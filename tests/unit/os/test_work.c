// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Threads that run works, and memory that waits for readers, in a process. */
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/ut.h"
#include "tests/unit/ut_thread.h"

#define WAIT_MS 10000

/* Threads that may still be started; below 0: any number. */
static int allowed = -1;
static int refused;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	int left = __atomic_load_n(&allowed, __ATOMIC_RELAXED);

	if (!left) {
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
		return EAGAIN;
	}
	if (left > 0)
		__atomic_sub_fetch(&allowed, 1, __ATOMIC_RELAXED);
	return __real_pthread_create(thread, attr, fn, arg);
}

static void allow(int threads)
{
	__atomic_store_n(&allowed, threads, __ATOMIC_RELAXED);
}

static bool wait_until(const atomic_t *v, int value)
{
	u32 ms;

	for (ms = 0; ms < WAIT_MS; ms++) {
		if (smp_load_acquire(&v->counter) >= value)
			return true;
		ut_sleep_ms(1);
	}
	return false;
}

static u32 nr_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	u32 n = 0;

	ut_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* struct job - a work; @gate: it waits for that; @done: completed by it; @own: it frees itself */
struct job {
	struct os_work work;
	const atomic_t *gate;
	struct completion *done;
	atomic_t *runs;
	bool own;
};

static void job_run(struct os_work *work)
{
	struct job *job = container_of(work, struct job, work);
	struct completion *done = job->done;
	atomic_t *runs = job->runs;

	if (job->gate)
		wait_until(job->gate, 1);
	if (job->own)
		os_free(job);
	/* All that was done before is seen by who sees this. */
	if (runs)
		atomic_inc_return(runs);
	if (done)
		complete(done);
}

static void job_init(struct job *job, atomic_t *runs)
{
	memset(job, 0, sizeof(*job));
	os_work_init(&job->work, job_run);
	job->runs = runs;
}

static void leave_busy(void);

/* ---- without threads; first, while there are none ------------------------------------------------ */

/* The system refuses the very first thread: the work waits, and runs as soon as there can be one. */
UT_CASE(no_thread_at_all)
{
	u32 before = nr_threads();
	struct completion done;
	atomic_t runs = ATOMIC_INIT(0);
	struct job job;

	if (getenv("OS_WORK_LEAVE_BUSY"))
		leave_busy();
	job_init(&job, &runs);
	init_completion(&done);
	job.done = &done;
	allow(0);
	os_work_queue(&job.work);
	ut_sleep_ms(20);
	ut_assert_eq(atomic_read(&runs), 0);
	ut_assert(refused);
	ut_assert(os_work_stranded);
	ut_assert_eq(nr_threads(), before);
	/* Nobody queues anything more: who waits for it tries again. */
	allow(-1);
	wait_for_completion(&done);
	ut_assert_eq(atomic_read(&runs), 1);
	ut_assert(!os_work_stranded);
	destroy_completion(&done);
}

#define SIDES 16

/* One thread has to do for all: late, but each once. */
UT_CASE(no_further_thread)
{
	struct job job[SIDES];
	atomic_t runs = ATOMIC_INIT(0);
	u32 i;

	refused = 0;
	allow(0);
	for (i = 0; i < SIDES; i++) {
		job_init(&job[i], &runs);
		os_work_queue(&job[i].work);
	}
	ut_assert(wait_until(&runs, SIDES));
	ut_sleep_ms(5);
	ut_assert_eq(atomic_read(&runs), SIDES);
	allow(-1);
}

/* ---- works ----------------------------------------------------------------------------------------- */

UT_CASE(waits_once)
{
	struct job job[SIDES + 1], *last = &job[SIDES];
	atomic_t runs = ATOMIC_INIT(0), others = ATOMIC_INIT(0), gate = ATOMIC_INIT(0);
	u32 i;

	/* With one thread, and that busy, a work is sure to wait. */
	allow(0);
	for (i = 0; i < SIDES; i++) {
		job_init(&job[i], &others);
		job[i].gate = &gate;
		os_work_queue(&job[i].work);
	}
	job_init(last, &runs);
	os_work_queue(&last->work);
	os_work_queue(&last->work);
	os_work_queue(&last->work);
	atomic_set(&gate, 1);
	ut_assert(wait_until(&runs, 1));
	ut_assert(wait_until(&others, SIDES));
	allow(-1);
	ut_sleep_ms(5);
	ut_assert_eq(atomic_read(&runs), 1);
	os_work_queue(&last->work);
	ut_assert(wait_until(&runs, 2));
	/* It may still be about to return. */
	ut_sleep_ms(5);
}

/* Each waits for all others to have begun; and threads that are not needed go. */
UT_CASE(sleepers_do_not_hold_up)
{
	struct job job[SIDES], last;
	atomic_t runs = ATOMIC_INIT(0), gate = ATOMIC_INIT(0), one = ATOMIC_INIT(0);
	u32 i, before = nr_threads();

	for (i = 0; i < SIDES; i++) {
		job_init(&job[i], &runs);
		job[i].gate = &gate;
		os_work_queue(&job[i].work);
	}
	job_init(&last, &one);
	os_work_queue(&last.work);
	ut_assert(wait_until(&one, 1));
	ut_assert_eq(atomic_read(&runs), 0);
	ut_assert(nr_threads() > before);
	ut_assert(nr_threads() >= SIDES);
	atomic_set(&gate, 1);
	ut_assert(wait_until(&runs, SIDES));
	for (i = 0; i < WAIT_MS / 10 && nr_threads() > before; i++)
		ut_sleep_ms(10);
	ut_assert(nr_threads() <= before);
}

UT_CASE(work_may_free_itself)
{
	atomic_t runs = ATOMIC_INIT(0);
	long live = os_alloc_live();
	struct job *job;
	u32 i;

	for (i = 0; i < 200; i++) {
		job = os_zalloc(sizeof(*job));
		ut_assert(job);
		job_init(job, &runs);
		job->own = true;
		os_work_queue(&job->work);
	}
	ut_assert(wait_until(&runs, 200));
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- readers --------------------------------------------------------------------------------------- */

struct thing {
	u32 value;
	struct os_rcu rcu;
};

struct reader {
	struct thing *thing;
	atomic_t inside, go;
	u32 seen;
};

static void read_thing(void *arg)
{
	struct reader *r = arg;
	struct thing *t;

	os_rcu_enter();
	t = rcu_dereference(r->thing);
	atomic_set(&r->inside, 1);
	wait_until(&r->go, 1);
	r->seen = t->value;
	os_rcu_exit();
}

static atomic_t called;

static void thing_gone(struct os_rcu *rcu)
{
	struct thing *t = container_of(rcu, struct thing, rcu);

	t->value = 0;
	os_free(t);
	atomic_inc(&called);
}

/* As long as a reader is there nothing is called back; the barrier waits for it. */
UT_CASE(readers_come_first)
{
	struct reader r = { .thing = os_zalloc(sizeof(*r.thing)) };
	struct thing *old = r.thing;
	struct ut_thread t;

	ut_assert(old);
	atomic_set(&called, 0);
	old->value = 7;
	ut_assert_eq(ut_thread_start(&t, read_thing, &r), 0);
	ut_assert(wait_until(&r.inside, 1));
	rcu_assign_pointer(r.thing, NULL);
	os_call_rcu(&old->rcu, thing_gone);
	ut_sleep_ms(30);
	ut_assert_eq(atomic_read(&called), 0);
	atomic_set(&r.go, 1);
	os_rcu_barrier();
	ut_assert_eq(atomic_read(&called), 1);
	ut_thread_join(&t);
	ut_assert_eq(r.seen, 7);
}

/* Deferred frees count as freed; a thousand of them are no thousand waits. */
UT_CASE(free_later_is_freed)
{
	long live = os_alloc_live();
	struct thing *t;
	u32 i;

	for (i = 0; i < 1000; i++) {
		t = os_zalloc(sizeof(*t));
		ut_assert(t);
		os_free_rcu(t, &t->rcu);
	}
	ut_assert_eq(os_alloc_live(), live);
	os_rcu_barrier();
}

/* ---- the process ------------------------------------------------------------------------------------- */

/* In a child: works and deferred frees go on, and the process ends. Return: exit status. */
static int __maybe_unused child(void)
{
	atomic_t runs = ATOMIC_INIT(0);
	struct thing *t = os_zalloc(sizeof(*t));
	struct job job;

	job_init(&job, &runs);
	os_work_queue(&job.work);
	if (!wait_until(&runs, 1))
		return 2;
	if (!t)
		return 3;
	os_free_rcu(t, &t->rcu);
	os_rcu_barrier();
	return 0;
}

static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(20);
		_exit(fn());
	}
	ut_assert(pid > 0);
	ut_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

__maybe_unused UT_CASE(goes_on_after_fork)
{
	atomic_t runs = ATOMIC_INIT(0), gate = ATOMIC_INIT(0);
	struct job job[3];
	struct thing *t;
	u32 i;

	/* The parent is busy, and something waits for its readers. */
	for (i = 0; i < 3; i++) {
		job_init(&job[i], &runs);
		job[i].gate = &gate;
		os_work_queue(&job[i].work);
	}
	for (i = 0; i < 50; i++) {
		t = os_zalloc(sizeof(*t));
		ut_assert(t);
		os_free_rcu(t, &t->rcu);
		if (i % 10 == 9)
			ut_assert_eq(in_child(child), 0);
	}
	atomic_set(&gate, 1);
	ut_assert(wait_until(&runs, 3));
	os_rcu_barrier();
	ut_sleep_ms(5);
}

static struct job endless;
static atomic_t never = ATOMIC_INIT(0), begun = ATOMIC_INIT(0);

static void sleep_for_long(struct os_work *work)
{
	atomic_inc_return(&begun);
	wait_until(&never, 1);
}

static void leave_busy(void)
{
	alarm(8);
	os_work_init(&endless.work, sleep_for_long);
	os_work_queue(&endless.work);
	if (!wait_until(&begun, 1))
		abort();
	exit(0);
}

/* A fresh program: a child with threads it does not have confuses the sanitizers when it ends. */
static int run_myself(void)
{
	if (!freopen("/dev/null", "w", stdout))
		return 2;
	setenv("OS_WORK_LEAVE_BUSY", "1", 1);
	execl("/proc/self/exe", "test_os_work", NULL);
	return 1;
}

/* A work that still sleeps does not keep the process. */
UT_CASE(exit_does_not_wait)
{
	ut_assert_eq(in_child(run_myself), 0);
}

#ifndef __SANITIZE_THREAD__
#define AFTER_FORK , UT_ENTRY(goes_on_after_fork)
#else
#define AFTER_FORK /* its runtime starts no threads there */
#endif

UT_SUITE(os_work, UT_ENTRY(no_thread_at_all), UT_ENTRY(no_further_thread), UT_ENTRY(waits_once),
	 UT_ENTRY(sleepers_do_not_hold_up), UT_ENTRY(work_may_free_itself),
	 UT_ENTRY(readers_come_first), UT_ENTRY(free_later_is_freed),
	 UT_ENTRY(exit_does_not_wait) AFTER_FORK);
