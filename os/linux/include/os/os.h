/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The OS layer, Linux home.
 *
 * core/ and formats/ include "os/os.h" and nothing else from outside; the include path of each home
 * decides which one they get. The names are the kernel's, so most of this file is a list of its
 * headers. What belongs here besides: the few names the kernel does not have because its own
 * objects need no such call, or because a process does the same thing differently. What must not
 * come in: table formats, ABI structures, policy, or a helper only one home would need.
 *
 * With IOASID_OS_TEST (the test module) allocations are counted, can be told to fail, and complain
 * when they are made where sleeping is not allowed; see os/test.h.
 */
#ifndef IOASID_OS_H
#define IOASID_OS_H

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/interval_tree.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#undef pr_fmt
#define pr_fmt(fmt) "ioasid: " fmt

/* ---- lists, trees ------------------------------------------------------------------------ */

static inline struct list_head *list_next_or_null(struct list_head *pos, struct list_head *head)
{
	return pos->next == head ? NULL : pos->next;
}

/* The core only has trees with a cached leftmost node, and asks them this question. */
#undef RB_EMPTY_ROOT
#define RB_EMPTY_ROOT(r) (!READ_ONCE((r)->rb_root.rb_node))

/* ---- allocation -------------------------------------------------------------------------- */

/**
 * os_page_zalloc() - a zeroed, aligned 4 KiB page for a table, charged to the caller
 * Return: page, to be given back with os_page_free(); NULL. May sleep.
 */
static inline void *os_page_zalloc(void)
{
	BUILD_BUG_ON(PAGE_SIZE != 4096);
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static inline void os_page_free(void *page)
{
	free_page((unsigned long)page);
}

/** os_lines_zalloc() - zeroed memory that begins with a cache line; @size is a power of two. */
#define os_lines_zalloc(size, gfp) kzalloc(size, gfp)
#define os_lines_free(p)	   kfree(p)

/** os_virt_to_phys() - physical address of memory from os_page_zalloc() or kzalloc(). */
static inline u64 os_virt_to_phys(const void *p)
{
	return virt_to_phys((void *)p);
}

#ifdef IOASID_OS_TEST
#include "os/test.h"
#else
/** os_fault_point() - a failure point that is not an allocation; true: fail here now. */
static inline bool os_fault_point(void)
{
	return false;
}
#endif

/* ---- locks, waiting ---------------------------------------------------------------------- */

/* Kernel locks hold no memory of their own. */
#define rwsem_destroy(s)      ((void)(s))
#define destroy_completion(x) ((void)(x))

/** wait_for_completion_ms() - true: completed; false: @ms milliseconds passed first. */
static inline bool wait_for_completion_ms(struct completion *x, unsigned int ms)
{
	return wait_for_completion_timeout(x, msecs_to_jiffies(ms)) != 0;
}

/* ---- RCU: every task is a reader without being registered --------------------------------- */

static __always_inline void os_rcu_enter(void)
{
	rcu_read_lock();
}

static __always_inline void os_rcu_exit(void)
{
	rcu_read_unlock();
}

static inline void os_synchronize_rcu(void)
{
	synchronize_rcu();
}

/** struct os_rcu - part of an object that something is done with when its readers have left. */
struct os_rcu {
	struct rcu_head head;
	void (*fn)(struct os_rcu *rcu);
	void *base;
};
/** os_call_rcu() - @fn(@rcu) then, in softirq context. Does not sleep. */
void os_call_rcu(struct os_rcu *rcu, void (*fn)(struct os_rcu *rcu));
/** os_free_rcu() - kvfree(@base) then; @rcu is somewhere in it. Does not sleep. */
void os_free_rcu(void *base, struct os_rcu *rcu);

/** os_rcu_barrier() - everything given to these before is done; before the module goes. */
static inline void os_rcu_barrier(void)
{
	rcu_barrier();
}

/* ---- threads ------------------------------------------------------------------------------ */

/** os_task_id() - names who is running as long as he does: the task, or a softirq on top of it. */
static inline const void *os_task_id(void)
{
	return (const void *)((unsigned long)current | !!in_serving_softirq());
}

/**
 * os_init(), os_exit() - when the module comes, and goes: on return nothing runs in it any more that
 * was queued or waited for readers. Nothing is queued then. Sleep. os_init(): 0 or -ENOMEM.
 */
int os_init(void);
void os_exit(void);

/**
 * struct os_work - something to do in a kernel worker
 *
 * Works that sleep do not hold up others, as long as they are not more than a work queue of the kernel
 * runs at once (WQ_MAX_ACTIVE: 512 in 6.12, 2048 in later ones). @fn may free it, best as the last thing it
 * does: another work at the same address waits for it to return.
 */
extern struct workqueue_struct *os_wq;
struct os_work {
	struct work_struct w;
	void (*fn)(struct os_work *work);
};
void os_work_run(struct work_struct *w);

static inline void os_work_init(struct os_work *work, void (*fn)(struct os_work *work))
{
	INIT_WORK(&work->w, os_work_run);
	work->fn = fn;
}

/** os_work_queue() - run it soon; not again before it has begun. Does not sleep, cannot fail. */
static inline void os_work_queue(struct os_work *work)
{
	queue_work(os_wq, &work->w);
}

/* ---- caller memory ------------------------------------------------------------------------ */

/**
 * os_copy_from_user() - copy from an address the caller named
 * @dst: kernel memory
 * @uaddr: address in the current process; any value is safe to pass
 * @size: bytes
 *
 * May sleep. Return: 0, or -EFAULT.
 */
static inline int os_copy_from_user(void *dst, u64 uaddr, size_t size)
{
	return copy_from_user(dst, u64_to_user_ptr(uaddr), size) ? -EFAULT : 0;
}

static inline int os_copy_to_user(u64 uaddr, const void *src, size_t size)
{
	return copy_to_user(u64_to_user_ptr(uaddr), src, size) ? -EFAULT : 0;
}

#endif
