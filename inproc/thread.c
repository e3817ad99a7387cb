// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Threads that do DMA: their sections, their counters, and which devices they are inside of.
 *
 * A thread registers itself at its first section and leaves the list when it ends. Everything here
 * that a request touches is written by its own thread only.
 */
#include "inproc/private.h"

__thread struct inproc_thread inproc_self;

#ifdef __SANITIZE_THREAD__
char thread_tsan_updates, thread_tsan_sections;
#endif

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_head threads = { &threads, &threads };
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void stats_add(struct inproc_stats *to, const struct inproc_stats *from)
{
	const u64 *f = (const u64 *)from;
	u64 *t = (u64 *)to;
	size_t i;

	for (i = 0; i < INPROC_NR_STATS; i++)
		t[i] += load_relaxed(&f[i]);
}

static void stats_clear(struct inproc_stats *stats)
{
	u64 *s = (u64 *)stats;
	size_t i;

	for (i = 0; i < INPROC_NR_STATS; i++)
		store_relaxed(&s[i], 0);
}

/* The thread ends. Should another destructor still do DMA, it comes back here after that. */
static void thread_leave(void *arg)
{
	struct inproc_thread *t = arg;

	t->fast_enter = false;
	t->slow_exit = true;
	if (t->own_rcu) {
		t->own_rcu = false;
		os_rcu_registered = false;
		urcu_memb_unregister_thread();
	}
	pthread_mutex_lock(&threads_lock);
	if (t->stats_host)
		stats_add(&t->stats_host->stats, &t->stats);
	t->stats_host = NULL;
	list_del(&t->link);
	t->listed = false;
	pthread_mutex_unlock(&threads_lock);
}

static void thread_key_create(void)
{
	if (pthread_key_create(&thread_key, thread_leave))
		abort();
}

static void thread_register(void)
{
	struct inproc_thread *t = &inproc_self;

	pthread_once(&thread_once, thread_key_create);
	pthread_setspecific(thread_key, t);
	pthread_mutex_lock(&threads_lock);
	t->stats_host = NULL;
	stats_clear(&t->stats);
	list_add_tail(&t->link, &threads);
	t->listed = true;
	pthread_mutex_unlock(&threads_lock);
	/* Unless somebody made it a reader already, who then also ends that. */
	if (!os_rcu_registered) {
		urcu_memb_register_thread();
		os_rcu_registered = true;
		t->own_rcu = true;
	}
}

/* Only a reader that leaves when we say so can do without asking. */
static bool thread_is_fast(const struct inproc_thread *t)
{
#ifdef __SANITIZE_THREAD__
	return false;
#else
	return t->own_rcu && urcu_memb_has_sys_membarrier;
#endif
}

void thread_enter_slow(void)
{
	struct inproc_thread *t = &inproc_self;

	if (!t->listed)
		thread_register();
	t->fast_enter = thread_is_fast(t);
	t->slow_exit = !t->fast_enter;
	os_rcu_enter();
	tsan_acquire(&thread_tsan_updates);
}

static void thread_report_pending(struct inproc_thread *t)
{
	while (t->nr_pending) {
		struct ioasid_hostdev *dev = t->pending[--t->nr_pending].dev;

		if (!load_relaxed(&dev->dead))
			ioasid_report_event(dev->core, &t->pending[t->nr_pending].report);
		hostdev_exit();
	}
}

void thread_exit_slow(void)
{
	struct inproc_thread *t = &inproc_self;

	tsan_release(&thread_tsan_sections);
	os_rcu_exit();
	if (section_open())
		return;
	t->slow_exit = !t->fast_enter;
	thread_report_pending(t);
}

/* ---- counters -------------------------------------------------------------------------------- */

void thread_stats_switch(struct ioasid_host *host)
{
	struct inproc_thread *t = &inproc_self;

	pthread_mutex_lock(&threads_lock);
	if (t->stats_host)
		stats_add(&t->stats_host->stats, &t->stats);
	stats_clear(&t->stats);
	t->stats_host = host;
	pthread_mutex_unlock(&threads_lock);
}

void thread_stats_sum(struct ioasid_host *host, struct inproc_stats *sum)
{
	struct inproc_thread *t;

	pthread_mutex_lock(&threads_lock);
	*sum = host->stats;
	list_for_each_entry(t, &threads, link) {
		if (t->stats_host == host)
			stats_add(sum, &t->stats);
	}
	pthread_mutex_unlock(&threads_lock);
}

/* The host goes away; no device is left, so no thread counts for it at this moment. */
void thread_stats_forget(struct ioasid_host *host)
{
	struct inproc_thread *t;

	pthread_mutex_lock(&threads_lock);
	list_for_each_entry(t, &threads, link) {
		if (t->stats_host == host)
			store_relaxed(&t->stats_host, NULL);
	}
	pthread_mutex_unlock(&threads_lock);
}

/* ---- events -------------------------------------------------------------------------------------- */

/*
 * ioasid_dma_translate() finds faults inside the caller's section, where reporting could wait for
 * somebody who waits for the section. They are kept until the outermost section ends. Each keeps
 * its device from being destroyed, like a call on it.
 */
void thread_report_later(struct ioasid_hostdev *dev, const struct ioasid_fault_report *report)
{
	struct inproc_thread *t = &inproc_self;

	if (t->nr_pending == INPROC_PENDING_MAX || t->depth == INPROC_DEPTH_MAX)
		return;
	store_relaxed(&t->busy[t->depth++], dev);
	t->pending[t->nr_pending].dev = dev;
	t->pending[t->nr_pending++].report = *report;
	t->slow_exit = true;
}

/* ---- who is inside a device -------------------------------------------------------------------------- */

int hostdev_enter(struct ioasid_hostdev *dev)
{
	struct inproc_thread *t = &inproc_self;
	bool dead;

	section_enter();
	if (t->depth == INPROC_DEPTH_MAX) {
		section_exit();
		return -EDEADLK;
	}
	/* The section orders this store against the wait in ioasid_hostdev_destroy(). */
	store_relaxed(&t->busy[t->depth++], dev);
	dead = load_relaxed(&dev->dead);
	section_exit();
	if (!dead)
		return 0;
	hostdev_exit();
	return -ENODEV;
}

static bool thread_inside(const struct inproc_thread *t, const struct ioasid_hostdev *dev)
{
	u32 i;

	for (i = 0; i < INPROC_DEPTH_MAX; i++) {
		if (load_acquire(&t->busy[i]) == dev)
			return true;
	}
	return false;
}

void thread_wait_leave(struct ioasid_hostdev *dev)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	struct inproc_thread *t;
	bool inside;

	do {
		inside = false;
		pthread_mutex_lock(&threads_lock);
		list_for_each_entry(t, &threads, link) {
			if (t != &inproc_self && thread_inside(t, dev))
				inside = true;
		}
		pthread_mutex_unlock(&threads_lock);
		if (inside)
			nanosleep(&pause, NULL);
	} while (inside);
}
