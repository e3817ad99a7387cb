/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* OS layer, user space: names that behave exactly as they do in the kernel. */
#ifndef IOASID_OS_DUP_H
#define IOASID_OS_DUP_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>
#include <urcu/list.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

/* ---- compiler ---------------------------------------------------------------------------- */
#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define noinline	__attribute__((noinline))
#define __maybe_unused	__attribute__((unused))
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define fallthrough	__attribute__((fallthrough))
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)
/*
 * Relaxed, as in the kernel: what is read through a value is ordered by the address dependency. The
 * thread sanitizer knows neither dependencies nor fences, so for it the order is spelled out.
 */
#ifdef __SANITIZE_THREAD__
#define ONCE_LOAD  __ATOMIC_ACQUIRE
#define ONCE_STORE __ATOMIC_RELEASE
#else
#define ONCE_LOAD  __ATOMIC_RELAXED
#define ONCE_STORE __ATOMIC_RELAXED
#endif
#define READ_ONCE(x)	 __atomic_load_n(&(x), ONCE_LOAD)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), ONCE_STORE)
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- arithmetic -------------------------------------------------------------------------- */
#define BIT(n)		      (1UL << (n))
#define BIT_ULL(n)	      (1ULL << (n))
#define GENMASK(h, l)	      ((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l)     ((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define FIELD_GET(mask, reg)  ((__typeof__(mask))(((reg) & (mask)) / ((mask) & -(mask))))
#define FIELD_PREP(mask, val) ((((__typeof__(mask))(val)) * ((mask) & -(mask))) & (mask))
#define FIELD_MAX(mask)	      ((mask) / ((mask) & -(mask)))
#define min(a, b)                              \
	({                                     \
		__typeof__(a) _min1 = (a);     \
		__typeof__(b) _min2 = (b);     \
		_min1 < _min2 ? _min1 : _min2; \
	})
#define max(a, b)                              \
	({                                     \
		__typeof__(a) _max1 = (a);     \
		__typeof__(b) _max2 = (b);     \
		_max1 > _max2 ? _max1 : _max2; \
	})
#define min_t(t, a, b)		    min((t)(a), (t)(b))
#define max_t(t, a, b)		    max((t)(a), (t)(b))
#define ALIGN(x, a)		    (((x) + ((__typeof__(x))(a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a)	    ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a)	    (((x) & ((__typeof__(x))(a)-1)) == 0)
#define DIV_ROUND_UP(n, d)	    (((n) + (d)-1) / (d))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}
static inline unsigned long __ffs64(u64 x)
{
	return (unsigned long)__builtin_ctzll(x);
}
static inline unsigned int hweight64(u64 x)
{
	return (unsigned int)__builtin_popcountll(x);
}
static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}
#define ilog2(n) (fls64(n) - 1)

/* ---- error pointers ---------------------------------------------------------------------- */
#define MAX_ERRNO 4095
static inline void *ERR_PTR(long err)
{
	return (void *)err;
}
static inline long PTR_ERR(const void *p)
{
	return (long)p;
}
static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-MAX_ERRNO;
}
static inline bool IS_ERR_OR_NULL(const void *p)
{
	return !p || IS_ERR(p);
}
static inline int PTR_ERR_OR_ZERO(const void *p)
{
	return IS_ERR(p) ? (int)PTR_ERR(p) : 0;
}
static inline void *ERR_CAST(const void *p)
{
	return (void *)(uintptr_t)p;
}

/* ---- lists: liburcu's, under the kernel's names ------------------------------------------- */
#define list_head			     cds_list_head
#define LIST_HEAD			     CDS_LIST_HEAD
#define INIT_LIST_HEAD			     CDS_INIT_LIST_HEAD
#define list_add			     cds_list_add
#define list_add_tail			     cds_list_add_tail
#define list_del			     cds_list_del
#define list_del_init			     cds_list_del_init
#define list_empty			     cds_list_empty
#define list_splice			     cds_list_splice
#define list_entry			     cds_list_entry
#define list_first_entry		     cds_list_first_entry
#define list_for_each_entry(p, h, m)	     cds_list_for_each_entry(p, h, m)
#define list_for_each_entry_safe(p, n, h, m) cds_list_for_each_entry_safe(p, n, h, m)
static inline struct list_head *list_next_or_null(struct list_head *pos, struct list_head *head)
{
	return pos->next == head ? NULL : pos->next;
}
#define list_first_entry_or_null(h, t, m) (list_empty(h) ? NULL : list_entry((h)->next, t, m))

/* ---- atomics and barriers ---------------------------------------------------------------- */
typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;
#define ATOMIC_INIT(i) \
	{              \
		(i)    \
	}
#define atomic_read(v)		__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic_set(v, i)	__atomic_store_n(&(v)->counter, (i), __ATOMIC_RELAXED)
#define atomic_inc(v)		((void)__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_dec(v)		((void)__atomic_sub_fetch(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_inc_return(v)	__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_and_test(v)	(__atomic_sub_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic64_read		atomic_read
#define atomic64_set		atomic_set
#define atomic64_inc		atomic_inc
#define atomic64_add(i, v)	((void)__atomic_add_fetch(&(v)->counter, (i), __ATOMIC_RELAXED))
#define atomic64_sub(i, v)	((void)__atomic_sub_fetch(&(v)->counter, (i), __ATOMIC_RELAXED))
#define atomic64_inc_return	atomic_inc_return
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define dma_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define dma_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define cmpxchg(p, o, n)                                                          \
	({                                                                        \
		__typeof__(*(p)) _old = (o);                                      \
		__atomic_compare_exchange_n(p, &_old, n, false, __ATOMIC_SEQ_CST, \
					    __ATOMIC_SEQ_CST);                    \
		_old;                                                             \
	})
#define try_cmpxchg(p, op, n) \
	__atomic_compare_exchange_n(p, op, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

typedef struct {
	unsigned int refs;
} refcount_t;
static inline void refcount_set(refcount_t *r, unsigned int n)
{
	__atomic_store_n(&r->refs, n, __ATOMIC_RELAXED);
}
static inline unsigned int refcount_read(const refcount_t *r)
{
	return __atomic_load_n(&r->refs, __ATOMIC_RELAXED);
}
static inline void refcount_inc(refcount_t *r)
{
	unsigned int old = __atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);

	assert(old);
	(void)old;
}
static inline bool refcount_inc_not_zero(refcount_t *r)
{
	unsigned int old = refcount_read(r);

	while (old) {
		if (__atomic_compare_exchange_n(&r->refs, &old, old + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	}
	return false;
}
static inline bool refcount_dec_and_test(refcount_t *r)
{
	return __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) == 0;
}

/* ---- interval tree: the kernel's four calls over inclusive ranges -------------------------- */
/**
 * struct interval_tree_node - one range in an interval tree
 * @start: first value covered
 * @last: last value covered, inclusive
 *
 * The other members belong to the tree. Ranges may overlap. Source: <linux/interval_tree.h>.
 */
struct interval_tree_node {
	unsigned long start, last;
	unsigned long __subtree_last;
	struct interval_tree_node *__left, *__right, *__parent;
	unsigned int __prio;
};
struct rb_root_cached {
	struct interval_tree_node *node;
};
#define RB_ROOT_CACHED          \
	(struct rb_root_cached) \
	{                       \
		NULL            \
	}
#define RB_EMPTY_ROOT(r) ((r)->node == NULL)
void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root);
void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root);
struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root,
						    unsigned long start, unsigned long last);
struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node,
						   unsigned long start, unsigned long last);

#endif
