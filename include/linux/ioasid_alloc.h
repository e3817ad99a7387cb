/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The allocator's driver API: PASIDs out of the host-wide number space, divided among sets.
 *
 * The names are those of the series "IOASID extensions for guest SVA" (2021), where an "IOASID" is
 * the number: so it is here, in this header alone. Everywhere else in the project the number is a
 * PASID and an IOASID is the handle of an address space. Exported by ioasid.ko (GPL modules) and by
 * libioasid, where <ioasid/allocator.h> adds who the caller is. docs/allocator.md tells the story.
 *
 * What it may be called from is said at each function:
 *   sleeps   takes memory or waits; process context, no spin lock held, not inside an RCU section
 *   atomic   never sleeps; any context but hard interrupts
 *   handler  legal inside a notification handler as well
 *   reader   takes no lock; inside rcu_read_lock() what it returns stays valid; legal in handlers
 * Kernels with CONFIG_DEBUG_ATOMIC_SLEEP check the first two, libioasid that nobody sleeps in a DMA
 * section (ioasid_dma_enter(), its RCU section). In every build a function that is not legal in a
 * handler and is called in one does nothing, says so once in the log, and answers as if it had
 * failed (-EDEADLK where it returns an errno). A handler ends when it returns: what it queued as
 * work, and other threads meanwhile, may call everything.
 *
 * One errno system, everywhere: -EINVAL malformed or unknown, -ENOENT no such number, -EBUSY somebody
 * still uses it or it is being freed, -EACCES another set's number, -EPERM not the caller's, -EEXIST
 * taken, -ENOSPC no number or capacity left, -EDQUOT quota or limit reached, -ENOMEM.
 */
#ifndef _LINUX_IOASID_ALLOC_H
#define _LINUX_IOASID_ALLOC_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/err.h>
#include <linux/notifier.h>
#else
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** typedef ioasid_t - a number: PCIe PASID, Arm SubstreamID. 20 bits at most; 0 is never given out. */
typedef __u32 ioasid_t;
#define INVALID_IOASID ((ioasid_t)-1)

/** struct ioasid_set - numbers of one owner: ownership, quota, notifications, freeing at once. */
struct ioasid_set;
struct mm_struct;

#ifndef __KERNEL__
/** ioasid_is_err() - is @p an error and no pointer? What IS_ERR() is in the kernel. */
static inline bool ioasid_is_err(const void *p)
{
	return (unsigned long)p >= (unsigned long)-4095;
}
/** ioasid_ptr_err() - the negative errno in it. */
static inline int ioasid_ptr_err(const void *p)
{
	return (int)(long)p;
}
#endif

/* ---- capacity ------------------------------------------------------------------------------ */

/**
 * ioasid_install_capacity() - how many numbers the platform has
 * @total: numbers, at most 0x100000 (the default)
 *
 * Once, before the first set or reservation; any later call changes nothing and says so in the log.
 * Context: atomic.
 */
void ioasid_install_capacity(ioasid_t total);
/**
 * ioasid_reserve_capacity() - take numbers out of what sets can be promised
 * @n: numbers; 0: all that is left
 *
 * Return: numbers reserved (0 may be all there was), or -ENOSPC. Context: atomic.
 */
int ioasid_reserve_capacity(ioasid_t n);
/**
 * ioasid_cancel_capacity() - give reserved numbers back
 * Return: what sets can be promised now; -EINVAL: more than is reserved. Context: atomic.
 */
int ioasid_cancel_capacity(ioasid_t n);

/* ---- sets ---------------------------------------------------------------------------------- */

/**
 * enum ioasid_set_type - what a set belongs to
 * @IOASID_SET_TYPE_NULL: the host itself: no token, any number of such sets
 * @IOASID_SET_TYPE_MM: a process: the token is its struct mm_struct, which the set keeps (the
 *                      structure, not its contents); at most one set per process
 */
enum ioasid_set_type {
	IOASID_SET_TYPE_NULL = 1,
	IOASID_SET_TYPE_MM = 2,
};

/**
 * ioasid_set_alloc() - make a set
 * @token: owner, see enum ioasid_set_type
 * @quota: numbers it may hold, taken out of capacity now; 0: none promised, no ceiling, it draws on
 *         what nobody was promised
 * @type: enum ioasid_set_type
 *
 * Handlers registered for @token before are attached before the set is usable.
 *
 * Return: set, the caller's until ioasid_set_free() or ioasid_set_destroy(); ERR_PTR: -EINVAL type,
 * or token and type do not fit; -EEXIST the process has one; -ENOSPC @quota is more than can be
 * promised; -ENOMEM; -EDEADLK in a handler. Context: sleeps.
 */
struct ioasid_set *ioasid_set_alloc(void *token, ioasid_t quota, int type);
/**
 * ioasid_set_free() - end an empty set
 * Return: 0, the caller's reference is gone; -EBUSY numbers are out or pending, nothing changed;
 * -EINVAL not a live set. Context: sleeps.
 */
int ioasid_set_free(struct ioasid_set *set);
/**
 * ioasid_set_destroy() - end a set as soon as its last number is reclaimed
 *
 * Nothing can be allocated from it any more; until the last reclaim its token stays taken and its
 * quota promised. The caller's reference is gone. To free the numbers too, call
 * ioasid_free_all_in_set() before. Context: sleeps.
 */
void ioasid_set_destroy(struct ioasid_set *set);
/**
 * ioasid_adjust_set() - another quota
 * @quota: numbers, at least 1
 * Return: 0; -EINVAL 0 or fewer than it holds, or not a live set; -ENOSPC growth beyond what can be
 * promised. Nothing changed on error. Context: atomic.
 */
int ioasid_adjust_set(struct ioasid_set *set, ioasid_t quota);
/** ioasid_find_mm_set() - a process's live set with a reference, or NULL. Context: atomic, handler. */
struct ioasid_set *ioasid_find_mm_set(struct mm_struct *mm);
/** ioasid_set_put() - drop what ioasid_find_mm_set() returned. Context: atomic, handler. */
void ioasid_set_put(struct ioasid_set *set);
/**
 * ioasid_find_set() - the set of a number
 * Return: set, without reference: inside rcu_read_lock() its memory stays; ERR_PTR(-ENOENT).
 * Context: atomic, handler.
 */
struct ioasid_set *ioasid_find_set(ioasid_t id);
/**
 * ioasid_set_for_each_ioasid() - call @fn for each number of a set
 * @set: kept alive by the caller
 * @fn: called without locks; may free numbers and allocate (what is allocated meanwhile may be seen
 *      or not)
 *
 * Each number is seen at most once; those there for the whole call are seen.
 * Context: atomic; sleeps if @fn does.
 */
void ioasid_set_for_each_ioasid(struct ioasid_set *set, void (*fn)(ioasid_t id, void *data),
				void *data);
/**
 * ioasid_free_all_in_set() - ioasid_free() for every number
 *
 * Those still used are pending then, and neither SPID lookup nor iteration sees them any more.
 * Context: atomic.
 */
void ioasid_free_all_in_set(struct ioasid_set *set);

/* ---- numbers ------------------------------------------------------------------------------- */

/**
 * enum ioasid_holder - who holds a reference. They are counted apart, so that an unbalanced put is
 * noticed and people can be told who keeps a number pending.
 */
enum ioasid_holder {
	IOASID_HOLD_USER, /* whoever calls ioasid_get() */
	IOASID_HOLD_IOMMU, /* a device's PASID table */
	IOASID_HOLD_CPU, /* the CPU's translation */
	IOASID_HOLD_DEVICE, /* registers and queues of a device */
	IOASID_HOLDERS,
};

/** enum ioasid_id_state - see docs/allocator.md. */
enum ioasid_id_state {
	IOASID_STATE_FREE, /* not allocated */
	IOASID_STATE_IDLE, /* nobody uses it */
	IOASID_STATE_ACTIVE, /* somebody does */
	IOASID_STATE_FREE_PENDING, /* freed, and somebody still does */
};

#define IOASID_REQUEST_NEXT (1U << 0) /* the next free number after the last one, not the lowest */

/**
 * struct ioasid_request - ioasid_alloc() with everything said
 * @min, @max: range, inclusive
 * @flags: IOASID_REQUEST_NEXT (ignored by custom allocators)
 * @priv: what ioasid_find() answers
 */
struct ioasid_request {
	ioasid_t min;
	ioasid_t max;
	__u32 flags;
	void *priv;
};

/**
 * ioasid_alloc_request() - allocate a number
 * @set: live set
 * @req: what is wanted
 * @id: [out] the number; INVALID_IOASID on error
 *
 * The calling task's limits are charged, and stay so until the number is reclaimed. ALLOC goes to the
 * set's handlers.
 *
 * Return: 0; -EINVAL no live set, or an empty range; -EDQUOT quota or a limit; -ENOSPC range, or
 * capacity, exhausted; -ENOMEM; -EDEADLK in a handler; what a custom allocator led to (-ENOSPC).
 * Context: sleeps.
 */
int ioasid_alloc_request(struct ioasid_set *set, const struct ioasid_request *req, ioasid_t *id);
/** ioasid_alloc() - the lowest free number in [@min, @max], or INVALID_IOASID. Context: sleeps. */
ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *priv);
/**
 * ioasid_free() - the owner is done with a number
 * @set: its set; any other, and NULL, changes nothing
 *
 * Never fails. Unused, it is reclaimed at once. Otherwise it is pending, FREE goes to global and set
 * handlers, and the last reference reclaims it. Doing it twice is doing it once. Context: atomic.
 */
void ioasid_free(struct ioasid_set *set, ioasid_t id);
/**
 * ioasid_get_as() - take a reference
 * @set: the number must be of this set; NULL: no check, for trusted callers
 * @holder: in whose name
 *
 * Return: 0; -EINVAL no such number; -EBUSY it is pending; -EACCES it is another set's (asked in
 * this order); -EOVERFLOW. Context: atomic, handler.
 */
int ioasid_get_as(struct ioasid_set *set, ioasid_t id, enum ioasid_holder holder);
/** ioasid_get() - the same in the name of IOASID_HOLD_USER. */
int ioasid_get(struct ioasid_set *set, ioasid_t id);
/**
 * ioasid_get_if_owned() - take a reference on a number of the calling process
 * Return: 0; -ENOENT no such number; -EINVAL its set is no process's; -EPERM it is another process's;
 * -EBUSY it is pending. Context: atomic, handler.
 */
int ioasid_get_if_owned(ioasid_t id);
/**
 * ioasid_put_as() - drop a reference
 *
 * A reference @holder does not have is not dropped; that is said in the log.
 * Return: true: the number was reclaimed by this call. Context: atomic, handler.
 */
bool ioasid_put_as(struct ioasid_set *set, ioasid_t id, enum ioasid_holder holder);
/** ioasid_put() - the same in the name of IOASID_HOLD_USER. */
bool ioasid_put(struct ioasid_set *set, ioasid_t id);
/**
 * ioasid_find() - the private pointer of a number
 * @set: as for ioasid_get_as()
 * @getter: pins what the pointer leads to, or returns false; NULL: the caller is inside
 *          rcu_read_lock(), or knows otherwise that it stays
 *
 * Return: pointer, NULL: there is none or @getter refused; ERR_PTR: -ENOENT, -EACCES. Goes on
 * working while the number is pending. Context: reader.
 */
void *ioasid_find(struct ioasid_set *set, ioasid_t id, bool (*getter)(void *));
/**
 * ioasid_attach_data() - set the private pointer
 * Return: 0; -ENOENT no such number; -EBUSY it has one, or is pending; -EDEADLK. Context: atomic.
 */
int ioasid_attach_data(ioasid_t id, void *data);
/** ioasid_detach_data() - clear it and wait until no reader still uses it. Context: sleeps. */
void ioasid_detach_data(ioasid_t id);

/** struct ioasid_id_info - what is known about a number; @refs counts the allocation's own too. */
struct ioasid_id_info {
	ioasid_t id;
	ioasid_t spid;
	enum ioasid_id_state state;
	__u32 refs;
	__u32 holders[IOASID_HOLDERS];
	struct ioasid_set *set;
};
/** ioasid_describe() - Return: 0; -ENOENT. Context: atomic, handler. */
int ioasid_describe(ioasid_t id, struct ioasid_id_info *info);

/* ---- set-private numbers ---------------------------------------------------------------------- */

/**
 * ioasid_attach_spid() - give a number its private name in its set (a guest's PASID)
 * @spid: at most 20 bits, unique in the set
 *
 * BIND goes to the set's handlers. Return: 0; -ENOENT no such number; -EINVAL @spid is INVALID, too
 * wide or in use; -EBUSY the number has one, or is pending; -ENOMEM; -EDEADLK. Context: sleeps.
 */
int ioasid_attach_spid(ioasid_t id, ioasid_t spid);
/**
 * ioasid_detach_spid() - take it away; UNBIND goes to the set's handlers first, while it is readable
 * A number without one: nothing but a message for debugging. Context: atomic.
 */
void ioasid_detach_spid(ioasid_t id);
/**
 * ioasid_find_by_spid() - the number behind a private one
 * @get: with a reference of IOASID_HOLD_USER; a pending number gives none
 * Return: number or INVALID_IOASID. Context: atomic, handler; without @get: reader.
 */
ioasid_t ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get);
/** ioasid_find_by_spid_as() - the same with a reference of @holder. Context: atomic, handler. */
ioasid_t ioasid_find_by_spid_as(struct ioasid_set *set, ioasid_t spid, enum ioasid_holder holder);

/* ---- notifications ----------------------------------------------------------------------------- */

/** enum ioasid_notify_val - events; who hears of them is in docs/allocator.md. */
enum ioasid_notify_val {
	IOASID_NOTIFY_ALLOC = 1,
	IOASID_NOTIFY_FREE = 2,
	IOASID_NOTIFY_BIND = 3,
	IOASID_NOTIFY_UNBIND = 4,
};

/** enum ioasid_notifier_prio - in this order, highest first, over global and set handlers together. */
enum ioasid_notifier_prio {
	IOASID_PRIO_LAST = 0,
	IOASID_PRIO_DEVICE = 1,
	IOASID_PRIO_IOMMU = 2,
	IOASID_PRIO_CPU = 3,
};

/**
 * struct ioasid_nb_args - what a handler is told
 * @id, @set: the number, pinned, and whose it is
 * @spid: its private number when the event began; INVALID_IOASID: none
 * @pdata: its private pointer, NULL: none. What it leads to stays while the handler runs, as its owner
 *         frees it after ioasid_detach_data() only; a handler that keeps it pins it. A global handler
 *         hears of sets that it knows nothing of, the contexts' among them: there it may be anything
 */
struct ioasid_nb_args {
	ioasid_t id;
	ioasid_t spid;
	struct ioasid_set *set;
	void *pdata;
};

#ifndef __KERNEL__
/**
 * struct notifier_block - as in the kernel
 * @notifier_call: @action is enum ioasid_notify_val, @data struct ioasid_nb_args. What it returns is
 *                 ignored: an event cannot be hidden from others. It must not sleep; the number is
 *                 pinned and no lock is held, so get, put, find and queue_work are fine
 * @next: the chain's
 * @priority: enum ioasid_notifier_prio
 */
struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long action, void *data);
	struct notifier_block *next;
	int priority;
};
#endif

/**
 * ioasid_register_notifier() - hear of events
 * @set: of this set, which the caller keeps; NULL: FREE of every set
 * @nb: with priority set; the caller's, until unregistered
 * Return: 0; -EEXIST registered already; -EINVAL not a live set, no function; -EDEADLK.
 * Context: sleeps.
 */
int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb);
/**
 * ioasid_unregister_notifier() - hear no more
 * On return no call of it runs. One that was registered by mm is refused. Context: sleeps.
 */
void ioasid_unregister_notifier(struct ioasid_set *set, struct notifier_block *nb);
/**
 * ioasid_register_notifier_mm() - hear of the events of a process's set, now or when there is one
 * @mm: its structure is kept until unregistered
 * Return: 0; -EINVAL @mm NULL; -EBUSY the pair is registered, or the set has numbers already; -ENOMEM;
 * -EDEADLK. Context: sleeps.
 */
int ioasid_register_notifier_mm(struct mm_struct *mm, struct notifier_block *nb);
/** ioasid_unregister_notifier_mm() - on return no call of it runs. Context: sleeps. */
void ioasid_unregister_notifier_mm(struct mm_struct *mm, struct notifier_block *nb);

/**
 * struct ioasid_work - work put off from a handler
 * @fn: may sleep; may free @work
 * @id: the number it is about: works of one number run one at a time in the order they were queued,
 *      and different numbers do not wait for each other
 * @priv: the core's, all zero before ioasid_init_work()
 *
 * To be allocated before it is needed (at bind): a handler cannot fail.
 */
struct ioasid_work {
	void (*fn)(struct ioasid_work *work);
	ioasid_t id;
	void *priv[16];
};
/** ioasid_init_work() - before its first use, and only while it is not queued. Context: any. */
void ioasid_init_work(struct ioasid_work *work, ioasid_t id, void (*fn)(struct ioasid_work *work));
/**
 * ioasid_queue_work() - run it soon, in a thread
 *
 * The number is pinned until it has run. Return: true; false: it is queued already, or the number
 * does not exist. Context: atomic, handler.
 */
bool ioasid_queue_work(struct ioasid_work *work);
/**
 * ioasid_flush_work() - on return the works queued for @id before are done
 * @id: INVALID_IOASID: nothing at all is queued or running. A module that goes, when its handlers
 *      are unregistered: else the code of a work could go under it
 * Not from a work. Context: sleeps.
 */
void ioasid_flush_work(ioasid_t id);

/* ---- custom allocators --------------------------------------------------------------------------- */

/**
 * struct ioasid_allocator_ops - numbers from elsewhere: a guest asks its hypervisor
 * @alloc: a number in [@min, @max], or INVALID_IOASID; may sleep. An answer out of range is given back
 *         and refused
 * @free: may sleep
 * @pdata: for both. Allocators with equal functions share one number space, whatever their @pdata
 */
struct ioasid_allocator_ops {
	ioasid_t (*alloc)(ioasid_t min, ioasid_t max, void *data);
	void (*free)(ioasid_t id, void *data);
	void *pdata;
};
/**
 * ioasid_register_allocator() - the first becomes active, others stand in line
 * Return: 0; -EEXIST this object is there; -EAGAIN numbers of the default allocator are out;
 * -EINVAL; -ENOMEM; -EDEADLK. Context: sleeps.
 */
int ioasid_register_allocator(struct ioasid_allocator_ops *ops);
/**
 * ioasid_unregister_allocator() - the next in line takes over, or the default one
 *
 * Numbers stay where the next shares the space; else they should be gone, and those that are not
 * (said in the log) are reclaimed without asking anybody. On return no function of @ops runs.
 * Context: sleeps.
 */
void ioasid_unregister_allocator(struct ioasid_allocator_ops *ops);

#ifdef __cplusplus
}
#endif
#endif
