/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* OS layer, user space: names that differ from the kernel's on purpose. */
#ifndef IOASID_OS_CUSTOM_H
#define IOASID_OS_CUSTOM_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "os/dup.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL

/* ---- allocation: counted, and able to fail on demand --------------------------------------- */
/**
 * os_alloc_fail_nth() - make the @nth allocation of this thread from now on fail
 * @nth: 1 fails the next one; 0 switches injection off
 *
 * Fault-injection tests only. Per thread, so that a helper thread is not hit instead.
 */
void os_alloc_fail_nth(unsigned long nth);
/**
 * os_alloc_live() - allocations not yet freed in this process (tests compare before and after)
 *
 * What was given to os_free_rcu() counts as freed. Sleeps. Not inside os_rcu_enter().
 */
long os_alloc_live(void);
/** os_fault_point() - a failure point that is not an allocation; true: fail here now. */
bool os_fault_point(void);

void *os_zalloc(size_t size);
void os_free(const void *p);
void *os_page_zalloc(void);
void os_page_free(void *page);
/** os_lines_zalloc() - zeroed memory that begins with a cache line; @size is a power of two. */
void *os_lines_zalloc(size_t size, int gfp);
void os_lines_free(void *p);
/** os_pages_zalloc() - 2^@order zeroed pages, aligned to their size. */
void *os_pages_zalloc(unsigned int order);
void os_pages_free(void *pages, unsigned int order);

#define kzalloc(size, gfp) os_zalloc(size)
#define kcalloc(n, size, gfp)                                                                 \
	({                                                                                    \
		size_t _bytes;                                                                \
		check_mul_overflow((size_t)(n), (size_t)(size), &_bytes) ? NULL :             \
									   os_zalloc(_bytes); \
	})
#define kvcalloc(n, size, gfp) kcalloc(n, size, gfp)
#define kfree(p)	       os_free(p)
#define kvfree(p)	       os_free(p)
/* A zeroed, page-aligned 4 KiB table page, and its "physical" address: here the virtual one. */
#define os_virt_to_phys(p) ((u64)(uintptr_t)(p))

/* ---- locks ----------------------------------------------------------------------------------- */
struct mutex {
	pthread_mutex_t m;
};
#define mutex_init(l)	 ((void)pthread_mutex_init(&(l)->m, NULL))
#define mutex_destroy(l) ((void)pthread_mutex_destroy(&(l)->m))
#define mutex_lock(l)	 ((void)pthread_mutex_lock(&(l)->m))
#define mutex_trylock(l) (pthread_mutex_trylock(&(l)->m) == 0)
#define mutex_unlock(l)	 ((void)pthread_mutex_unlock(&(l)->m))

/* A process must not spin against a preempted holder: spin locks are mutexes here. */
typedef struct mutex spinlock_t;
#define spin_lock_init(l) mutex_init(l)
#define spin_lock(l)	  mutex_lock(l)
#define spin_unlock(l)	  mutex_unlock(l)
#define spin_lock_bh(l)	  mutex_lock(l)
#define spin_unlock_bh(l) mutex_unlock(l)

struct rw_semaphore {
	pthread_rwlock_t l;
};
void init_rwsem(struct rw_semaphore *sem);
#define rwsem_destroy(s) ((void)pthread_rwlock_destroy(&(s)->l))
#define down_read(s)	 ((void)pthread_rwlock_rdlock(&(s)->l))
#define up_read(s)	 ((void)pthread_rwlock_unlock(&(s)->l))
#define down_write(s)	 ((void)pthread_rwlock_wrlock(&(s)->l))
#define up_write(s)	 ((void)pthread_rwlock_unlock(&(s)->l))

/* ---- wait for one event, with a limit --------------------------------------------------------- */
struct completion {
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned int done;
};
void init_completion(struct completion *x);
void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);
/** wait_for_completion_ms() - true: completed; false: @ms milliseconds passed first. */
bool wait_for_completion_ms(struct completion *x, unsigned int ms);
void destroy_completion(struct completion *x);

/* ---- RCU: liburcu, inlined read side. Reading threads register themselves once. ---------------- */
extern __thread bool os_rcu_registered __attribute__((tls_model("initial-exec")));
void os_rcu_register_slow(void);
/** os_rcu_enter() - rcu_read_lock() for a thread that may never have been seen before. */
static __always_inline void os_rcu_enter(void)
{
	if (unlikely(!os_rcu_registered))
		os_rcu_register_slow();
	urcu_memb_read_lock();
}
/* The thread sanitizer does not see that os_synchronize_rcu() waits for readers. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
extern char os_rcu_tsan_readers;
#define os_rcu_tsan_acquire() __tsan_acquire(&os_rcu_tsan_readers)
#define os_rcu_tsan_release() __tsan_release(&os_rcu_tsan_readers)
#else
#define os_rcu_tsan_acquire() ((void)0)
#define os_rcu_tsan_release() ((void)0)
#endif
static __always_inline void os_rcu_exit(void)
{
	os_rcu_tsan_release();
	urcu_memb_read_unlock();
}
/** os_rcu_inside() - is the calling thread between the two? */
static inline bool os_rcu_inside(void)
{
	return urcu_memb_read_ongoing();
}

/* As in the kernel, where they are spelled the same and take the same. */
#undef rcu_assign_pointer
#undef rcu_dereference
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define rcu_dereference(p)	 READ_ONCE(p)
/** os_synchronize_rcu() - wait until all readers of now have left. Not inside os_rcu_enter(). */
void os_synchronize_rcu(void);
/** struct os_rcu - part of an object that something is done with when its readers have left. */
struct os_rcu {
	struct os_rcu *next;
	void (*fn)(struct os_rcu *rcu);
	void *base;
};
/** os_call_rcu() - @fn(@rcu) then, in another thread; it must not sleep. Does not sleep itself. */
void os_call_rcu(struct os_rcu *rcu, void (*fn)(struct os_rcu *rcu));
/** os_free_rcu() - kvfree(@base) then; @rcu is somewhere in it. Does not sleep. */
void os_free_rcu(void *base, struct os_rcu *rcu);
/** os_rcu_barrier() - everything given to os_call_rcu() or os_free_rcu() before is done. Sleeps. */
void os_rcu_barrier(void);

/* ---- threads ------------------------------------------------------------------------------------ */
/** os_task_id() - names the calling thread as long as it lives. */
static inline const void *os_task_id(void)
{
	return &os_rcu_registered;
}
/**
 * struct os_work - something to do in a thread of the process
 *
 * Works that sleep do not keep others from running: there are as many threads as it takes. @fn may
 * free it.
 */
struct os_work {
	void (*fn)(struct os_work *work);
	struct os_work *next;
};
static inline void os_work_init(struct os_work *work, void (*fn)(struct os_work *work))
{
	work->fn = fn;
	work->next = NULL;
}
/** os_work_queue() - run it soon; not again before it has begun. Does not sleep, cannot fail. */
void os_work_queue(struct os_work *work);
/** os_work_stranded - works wait and the process could not have a thread; os_work_kick() tries again. */
extern bool os_work_stranded;
void os_work_kick(void);

/* ---- caller memory ------------------------------------------------------------------------------ */
/**
 * os_copy_from_user() - copy from an address the caller named
 * @dst: kernel-side buffer
 * @uaddr: address in the caller; any value is safe to pass
 * @size: bytes
 *
 * Here the caller is this process; a bad address still must not kill it.
 * Return: 0, or -EFAULT.
 */
int os_copy_from_user(void *dst, u64 uaddr, size_t size);
int os_copy_to_user(u64 uaddr, const void *src, size_t size);

/* ---- time, messages ------------------------------------------------------------------------------ */
u64 ktime_get_ns(void);
extern int os_debug_level;
#define pr_debug(fmt, ...)                                              \
	do {                                                            \
		if (unlikely(os_debug_level > 1))                       \
			fprintf(stderr, "ioasid: " fmt, ##__VA_ARGS__); \
	} while (0)
#define pr_warn_ratelimited(fmt, ...)                                   \
	do {                                                            \
		if (unlikely(os_debug_level > 0))                       \
			fprintf(stderr, "ioasid: " fmt, ##__VA_ARGS__); \
	} while (0)
/* A broken invariant: abort where tests run, answer true (so the caller can refuse) in releases. */
bool os_warn(const char *cond, const char *file, int line);
#define WARN_ON(c)	(unlikely(!!(c)) ? os_warn(#c, __FILE__, __LINE__) : false)
#define WARN_ON_ONCE(c) WARN_ON(c)

#endif
