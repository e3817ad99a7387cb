// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* OS layer, user-space home: allocation, RCU registration, completions, copies. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

int os_debug_level;

__attribute__((constructor)) static void os_init(void)
{
	const char *s = getenv("IOASID_DEBUG");

	os_debug_level = s ? atoi(s) : 0;
}

bool os_warn(const char *cond, const char *file, int line)
{
	fprintf(stderr, "ioasid: broken invariant: %s (%s:%d)\n", cond, file, line);
#ifndef NDEBUG
	abort();
#endif
	return true;
}

/* ---- allocation ---------------------------------------------------------------------------- */
static __thread unsigned long fail_nth;
static long live;

void os_alloc_fail_nth(unsigned long nth)
{
	fail_nth = nth;
}

bool os_fault_point(void)
{
	return unlikely(fail_nth) && --fail_nth == 0;
}

long os_alloc_live(void)
{
	os_rcu_barrier();
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static void *count(void *p)
{
	if (p)
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return p;
}

void *os_zalloc(size_t size)
{
	return os_fault_point() ? NULL : count(calloc(1, size));
}

void os_free(const void *p)
{
	if (!p)
		return;
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free((void *)(uintptr_t)p);
}

/*
 * Table pages come and go by the hundred with every large mapping. A few that were freed are kept,
 * linked through their first word: malloc() would give their memory back to the system and take it
 * again page fault by page fault. Where freed memory is watched nothing is kept.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const unsigned int pool_max;
#else
static const unsigned int pool_max = 2048;
#endif
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static void *pool;
static unsigned int pool_pages;

static void *pool_take(void)
{
	void *p = NULL;

	if (!__atomic_load_n(&pool_pages, __ATOMIC_RELAXED))
		return NULL;
	pthread_mutex_lock(&pool_lock);
	if (pool) {
		p = pool;
		pool = *(void **)p;
		__atomic_store_n(&pool_pages, pool_pages - 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&pool_lock);
	return p;
}

static bool pool_give(void *page)
{
	bool kept = false;

	if (__atomic_load_n(&pool_pages, __ATOMIC_RELAXED) >= pool_max)
		return false;
	pthread_mutex_lock(&pool_lock);
	if (pool_pages < pool_max) {
		*(void **)page = pool;
		pool = page;
		__atomic_store_n(&pool_pages, pool_pages + 1, __ATOMIC_RELAXED);
		kept = true;
	}
	pthread_mutex_unlock(&pool_lock);
	return kept;
}

void *os_pages_zalloc(unsigned int order)
{
	size_t size = PAGE_SIZE << order;
	void *p;

	if (os_fault_point())
		return NULL;
	p = order ? NULL : pool_take();
	if (!p)
		p = aligned_alloc(size, size);
	if (p)
		memset(p, 0, size);
	return count(p);
}

void os_pages_free(void *pages, unsigned int order)
{
	if (!pages)
		return;
	if (order || !pool_give(pages)) {
		os_free(pages);
		return;
	}
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
}

void *os_page_zalloc(void)
{
	return os_pages_zalloc(0);
}

void os_page_free(void *page)
{
	os_pages_free(page, 0);
}

/*
 * Aligned by hand: glibc takes two pages for an aligned one, and never uses the place of aligned memory
 * that was freed for the next of the same size. What malloc() said stands before the first line.
 */
#define LINE 64

void *os_lines_zalloc(size_t size, int gfp)
{
	char *base = os_zalloc(size + LINE + sizeof(base)), *p = base;

	if (!base)
		return NULL;
	p += LINE + sizeof(base) - 1;
	p -= (uintptr_t)p % LINE;
	memcpy(p - sizeof(base), &base, sizeof(base));
	return p;
}

void os_lines_free(void *p)
{
	void *base = NULL;

	if (p)
		memcpy(&base, (char *)p - sizeof(base), sizeof(base));
	os_free(base);
}

/* ---- locks --------------------------------------------------------------------------------- */
void init_rwsem(struct rw_semaphore *sem)
{
	pthread_rwlockattr_t a;

	/* A stream of readers must not keep a writer out: unmap has to end in bounded time. */
	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setkind_np(&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&sem->l, &a);
	pthread_rwlockattr_destroy(&a);
}

void init_completion(struct completion *x)
{
	pthread_condattr_t a;

	pthread_mutex_init(&x->m, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&x->c, &a);
	pthread_condattr_destroy(&a);
	x->done = 0;
}

void destroy_completion(struct completion *x)
{
	pthread_cond_destroy(&x->c);
	pthread_mutex_destroy(&x->m);
}

void complete(struct completion *x)
{
	pthread_mutex_lock(&x->m);
	if (x->done != ~0U)
		x->done++;
	pthread_cond_signal(&x->c);
	pthread_mutex_unlock(&x->m);
}

void complete_all(struct completion *x)
{
	pthread_mutex_lock(&x->m);
	x->done = ~0U;
	pthread_cond_broadcast(&x->c);
	pthread_mutex_unlock(&x->m);
}

static void completion_take(struct completion *x)
{
	if (x->done != ~0U)
		x->done--;
}

void wait_for_completion(struct completion *x)
{
	/* A work may have to complete it, for which there was no thread. */
	while (unlikely(READ_ONCE(os_work_stranded))) {
		os_work_kick();
		if (wait_for_completion_ms(x, 10))
			return;
	}
	pthread_mutex_lock(&x->m);
	while (!x->done)
		pthread_cond_wait(&x->c, &x->m);
	completion_take(x);
	pthread_mutex_unlock(&x->m);
}

bool wait_for_completion_ms(struct completion *x, unsigned int ms)
{
	struct timespec t;
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	pthread_mutex_lock(&x->m);
	while (!x->done && !pthread_cond_timedwait(&x->c, &x->m, &t))
		;
	ok = x->done;
	if (ok)
		completion_take(x);
	pthread_mutex_unlock(&x->m);
	return ok;
}

/* ---- RCU ------------------------------------------------------------------------------------- */
__thread bool os_rcu_registered;
static pthread_key_t rcu_key;
static pthread_once_t rcu_once = PTHREAD_ONCE_INIT;

static void rcu_thread_exit(void *unused)
{
	(void)unused;
	os_rcu_registered = false;
	urcu_memb_unregister_thread();
}

static void rcu_key_create(void)
{
	if (pthread_key_create(&rcu_key, rcu_thread_exit))
		abort();
}

/* A thread that translates once is a reader until it exits; the key's destructor takes it off. */
void os_rcu_register_slow(void)
{
	pthread_once(&rcu_once, rcu_key_create);
	pthread_setspecific(rcu_key, (void *)1);
	urcu_memb_register_thread();
	os_rcu_registered = true;
}

/* ---- caller memory --------------------------------------------------------------------------- */
/*
 * The caller lives in this process, and its address may still be wrong. The kernel does the copy
 * for us and answers EFAULT where memcpy() would raise SIGSEGV.
 */
static int copy_vm(u64 uaddr, void *buf, size_t size, bool write)
{
	struct iovec local = { buf, size }, remote = { (void *)(uintptr_t)uaddr, size };
	ssize_t n;

	if (!size)
		return 0;
	n = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0) :
		    process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	return n == (ssize_t)size ? 0 : -EFAULT;
}

int os_copy_from_user(void *dst, u64 uaddr, size_t size)
{
	return copy_vm(uaddr, dst, size, false);
}

int os_copy_to_user(u64 uaddr, const void *src, size_t size)
{
	return copy_vm(uaddr, (void *)(uintptr_t)src, size, true);
}

u64 ktime_get_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec;
}
