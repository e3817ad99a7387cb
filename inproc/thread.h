/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Threads that do DMA: sections, counters, who is inside a device. See thread.c.
 */
#ifndef INPROC_THREAD_H
#define INPROC_THREAD_H

#include "core/home.h"

struct ioasid_host;
struct ioasid_hostdev;

/* Loads and stores of words that other threads use without a lock. */
#define load_relaxed(p)	    __atomic_load_n(p, __ATOMIC_RELAXED)
#define load_acquire(p)	    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define load_seq_cst(p)	    __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/** struct inproc_stats - counters kept per thread, and their sum over threads that have gone. */
struct inproc_stats {
	u64 iotlb_hits, iotlb_misses, walks, pasid_misses;
};
#define INPROC_NR_STATS (sizeof(struct inproc_stats) / sizeof(u64))

#define INPROC_DEPTH_MAX   8
#define INPROC_PENDING_MAX 4

/**
 * struct inproc_thread - what is known about a thread that does DMA; lives in its TLS
 * @fast_enter: registered, and sections need no fence (see section_enter())
 * @slow_exit: the end of a section has more to do
 * @listed: on the list of threads
 * @own_rcu: it was we who made it a reader of liburcu
 * @depth: calls on devices it is inside of (callbacks may nest them)
 * @nr_pending: events found inside a section, to be reported when it ends
 * @rotor: picks victims in caches
 * @stats_host: whose requests @stats counts
 * @busy: the devices; read by ioasid_hostdev_destroy()
 */
struct inproc_thread {
	bool fast_enter;
	bool slow_exit;
	bool listed;
	bool own_rcu;
	u32 depth;
	u32 nr_pending;
	u32 rotor;
	struct ioasid_host *stats_host;
	struct inproc_stats stats;
	struct ioasid_hostdev *busy[INPROC_DEPTH_MAX];
	struct {
		struct ioasid_hostdev *dev;
		struct ioasid_fault_report report;
	} pending[INPROC_PENDING_MAX];
	struct list_head link;
};
extern __thread struct inproc_thread inproc_self __attribute__((tls_model("initial-exec")));

void thread_enter_slow(void);
void thread_exit_slow(void);
void thread_stats_switch(struct ioasid_host *host);
void thread_stats_sum(struct ioasid_host *host, struct inproc_stats *sum);
void thread_stats_forget(struct ioasid_host *host);
/** thread_report_later() - in a section: report when it ends; lost if too many wait already. */
void thread_report_later(struct ioasid_hostdev *dev, const struct ioasid_fault_report *report);
/** thread_wait_leave() - wait until no other thread is inside a call on @dev; none may enter. */
void thread_wait_leave(struct ioasid_hostdev *dev);

/** hostdev_enter() - begin a call on @dev. Return: 0, -ENODEV, -EDEADLK nested too deep. */
int hostdev_enter(struct ioasid_hostdev *dev);
static inline void hostdev_exit(void)
{
	store_release(&inproc_self.busy[--inproc_self.depth], NULL);
}

/*
 * The thread sanitizer does not see what liburcu promises: what came before synchronize_rcu() is
 * seen by sections that begin after it, and sections it waited for come before what follows.
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
extern char thread_tsan_updates, thread_tsan_sections;
#define tsan_acquire(p) __tsan_acquire(p)
#define tsan_release(p) __tsan_release(p)
#else
#define tsan_acquire(p) ((void)0)
#define tsan_release(p) ((void)0)
#endif

/**
 * section_enter() - begin a DMA section; see ioasid_dma_enter()
 *
 * This and section_exit() are urcu_memb_read_lock() and _unlock() without the questions they ask
 * each time and whose answer does not change: is the thread registered, and does the kernel have
 * membarrier(), so that a compiler barrier is enough here. A thread for which either is "no" takes
 * the slow way, which is liburcu's own.
 */
static __always_inline void section_enter(void)
{
	unsigned long ctr;

	if (unlikely(!inproc_self.fast_enter)) {
		thread_enter_slow();
		return;
	}
	ctr = URCU_TLS(urcu_memb_reader).ctr;
	if (likely(!(ctr & URCU_GP_CTR_NEST_MASK)))
		ctr = _CMM_LOAD_SHARED(urcu_memb_gp.ctr);
	else
		ctr += URCU_GP_COUNT;
	_CMM_STORE_SHARED(URCU_TLS(urcu_memb_reader).ctr, ctr);
	cmm_barrier();
}

static __always_inline void section_exit(void)
{
	if (unlikely(inproc_self.slow_exit)) {
		thread_exit_slow();
		return;
	}
	cmm_barrier();
	_CMM_STORE_SHARED(URCU_TLS(urcu_memb_reader).ctr,
			  URCU_TLS(urcu_memb_reader).ctr - URCU_GP_COUNT);
	cmm_barrier();
	/* A writer that sleeps looks again; for an inner section once too often, which is harmless. */
	urcu_common_wake_up_gp(&urcu_memb_gp);
}

/** section_open() - is this thread inside a section? Then it must not wait for anything. */
static __always_inline bool section_open(void)
{
	return urcu_memb_read_ongoing();
}

/** section_wait() - wait until every section that is open now has ended. Not inside one. */
static inline void section_wait(void)
{
	tsan_release(&thread_tsan_updates);
	urcu_memb_synchronize_rcu();
	tsan_acquire(&thread_tsan_sections);
}

static __always_inline struct inproc_stats *thread_stats(struct ioasid_host *host)
{
	if (unlikely(inproc_self.stats_host != host))
		thread_stats_switch(host);
	return &inproc_self.stats;
}

/* Only its own thread writes a counter, others read it: no locked instruction needed. */
static __always_inline void stat_inc(u64 *counter)
{
	store_relaxed(counter, *counter + 1);
}

#endif
