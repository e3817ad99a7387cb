/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Threads for unit tests of both homes. No assertion may fail in such a thread (only the thread of the
 * case can be ended): threads count what they see, the case asserts after ut_thread_join().
 */
#ifndef TESTS_UNIT_UT_THREAD_H
#define TESTS_UNIT_UT_THREAD_H

#include "os/os.h"

#ifdef __KERNEL__
#include <linux/delay.h>
#include <linux/kthread.h>
#else
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

/** struct ut_thread - a thread that runs @fn(@arg) once */
struct ut_thread {
	void (*fn)(void *arg);
	void *arg;
#ifdef __KERNEL__
	struct task_struct *task;
	struct completion done;
#else
	pthread_t id;
#endif
};

#ifdef __KERNEL__

static inline int ut_thread_main(void *arg)
{
	struct ut_thread *t = arg;

	t->fn(t->arg);
	kthread_complete_and_exit(&t->done, 0);
}

/** ut_thread_start() - Return: 0 or error. @t must stay until ut_thread_join(). */
static inline int ut_thread_start(struct ut_thread *t, void (*fn)(void *arg), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	init_completion(&t->done);
	t->task = kthread_run(ut_thread_main, t, "ioasid-ut-t");
	return PTR_ERR_OR_ZERO(t->task);
}

/** ut_thread_join() - wait until it has returned. */
static inline void ut_thread_join(struct ut_thread *t)
{
	wait_for_completion(&t->done);
}

/** ut_sleep_ms() - sleep; ut_yield() - let others run. */
static inline void ut_sleep_ms(unsigned int ms)
{
	msleep(ms);
}

static inline void ut_yield(void)
{
	cond_resched();
}

#else

static inline void *ut_thread_main(void *arg)
{
	struct ut_thread *t = arg;

	t->fn(t->arg);
	return NULL;
}

static inline int ut_thread_start(struct ut_thread *t, void (*fn)(void *arg), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	return -pthread_create(&t->id, NULL, ut_thread_main, t);
}

static inline void ut_thread_join(struct ut_thread *t)
{
	pthread_join(t->id, NULL);
}

static inline void ut_sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

static inline void ut_yield(void)
{
	sched_yield();
}

#endif

#endif
