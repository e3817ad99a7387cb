/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The allocator of host-wide PASIDs: what include/linux/ioasid_alloc.h publishes, with the host as an
 * explicit argument. What a function means, answers and may be called from is said there; here only
 * what is not seen from outside.
 *
 *   pasid.c          number spaces: which numbers are free, used, quarantined
 *   pasid_table.c    number -> record, read under RCU
 *   pasid_set.c      capacity, sets, quotas
 *   pasid_id.c       allocate, free, references, private data
 *   pasid_spid.c     set-private numbers
 *   pasid_notify.c   handlers
 *   pasid_work.c     deferred work, ordered per number
 *   pasid_backend.c  custom allocators
 *   limit.c          the tree of limits
 *
 * Locks. host->lock (spin) guards everything of the host; tree->lock of the limits is a leaf inside
 * it. Both keep softirqs out, whence references may be dropped too. Neither is held while anything
 * outside the allocator is called: handlers, custom allocators, the home; but for limit_tree.release,
 * which only drops a reference. Lookups read under RCU.
 */
#ifndef IOASID_CORE_PASID_ALLOC_H
#define IOASID_CORE_PASID_ALLOC_H

#include <linux/ioasid_alloc.h>

#include "core/idtree.h"
#include "core/limit.h"
#include "core/pasid.h"

#define PASID_BITS	20
#define PASID_CAPACITY	(1U << PASID_BITS)
#define PASID_DEF_SPLIT (1U << 15)

struct pasid_backend;
struct pasid_host;

/* ---- records ------------------------------------------------------------------------------- */

/**
 * struct pasid_hot - what lookups without lock need of a number, and nothing else: small, so that as
 * many as possible stay in the caches
 * @seq: even: allocated. Odd: free. It changes with both, so that a reader notices when a number
 *       begins another life under his eyes
 * @set: id of its set
 * @priv: the owner's pointer
 *
 * Written under host->lock.
 */
struct pasid_hot {
	u32 seq;
	u32 set;
	void *priv;
};

/**
 * struct pasid_rec - the rest of what there is about a number; a cache line, under host->lock
 * @number: itself
 * @used: allocated
 * @pending: freed, waiting for holders
 * @unlisted: free_all took it out of the set's list and SPID index
 * @spid_state: enum pasid_spid_state
 * @backend: space of the custom allocator it came from; 0: the default one
 * @spid: INVALID_IOASID: none
 * @pins: handlers, works and iterations on it
 * @next, @prev: the set's list, as numbers; 0 ends it
 * @users: references of IOASID_HOLD_USER; @device, @iommu, @cpu: of the others
 * @set: owner
 * @charged: group to be uncharged, or NULL
 */
struct pasid_rec {
	u32 number;
	u32 used : 1;
	u32 pending : 1;
	u32 unlisted : 1;
	u32 spid_state : 2;
	u32 backend : 16;
	u32 spid;
	u32 pins;
	u32 next;
	u32 prev;
	u32 users;
	u32 device;
	u16 iommu;
	u16 cpu;
	u32 unused[3];
	struct ioasid_set *set;
	struct limit_group *charged;
};

/**
 * enum pasid_spid_state - where a private number is on its way. BIND and UNBIND of a number are told
 * one after the other: who detaches while BIND is being told leaves UNBIND to the attaching thread.
 */
enum pasid_spid_state {
	PASID_SPID_STABLE, /* there (spid valid) or not there */
	PASID_SPID_BINDING, /* there, BIND is being told */
	PASID_SPID_BINDING_UNBIND, /* the same, and it is to go then */
	PASID_SPID_UNBINDING, /* there, UNBIND is being told */
};

#define PASID_CHUNK_LG2 6
#define PASID_CHUNK	(1U << PASID_CHUNK_LG2) /* records in a page */
#define PASID_HOT_LG2	8
#define PASID_HOT	(1U << PASID_HOT_LG2) /* of the small ones */

/**
 * struct pasid_table - number -> record
 * @hot: PASID_CAPACITY / PASID_HOT pages; NULL until the first number. What is there stays until the
 *       host ends (16 bytes a number), so that readers need no protection
 * @rec: PASID_CAPACITY / PASID_CHUNK pages; under host->lock
 * @empty: last number of the page of records that was emptied last and is kept; 0: none
 * @nr_hot, @nr_rec: pages
 */
struct pasid_table {
	struct pasid_hot **hot;
	struct pasid_rec **rec;
	u32 empty;
	u32 nr_hot;
	u32 nr_rec;
};

/** struct pasid_table_spare - memory for one number, taken before the lock */
struct pasid_table_spare {
	struct pasid_hot **hot_root;
	struct pasid_rec **rec_root;
	struct pasid_hot *hot;
	struct pasid_rec *rec;
};

/* ---- sets ---------------------------------------------------------------------------------- */

#define PASID_SPIDS 1024U /* private numbers in a page of the index */

/** PASID_SET_CTX - a third type, not for drivers: the token is a context. */
#define PASID_SET_CTX 3

enum pasid_set_state { PASID_SET_LIVE, PASID_SET_DYING, PASID_SET_DEAD };

/**
 * struct pasid_who - whose a set is, for people; kept apart from the token, which may be gone
 * @ctx: number of the context; 0: none
 * @pid, @comm: the process; 0: not known
 */
struct pasid_who {
	u64 ctx;
	u32 pid;
	char comm[16];
};

/**
 * struct ioasid_set - a set
 * @host, @type, @token, @id: fixed; a process's token is kept with ops->mm_get
 * @link: in host->sets until dead; @by_id: in host->sets_by_id as long
 * @who: for people
 * @state: live; dying: no allocation, waits for its last number; dead: memory only
 * @refs: the creator's (until free or destroy), ioasid_find_mm_set()'s. Memory goes with the last
 *        reference and the last number
 * @ceiling: most numbers; INVALID_IOASID: none
 * @promised: taken out of capacity; 0: it draws on what nobody was promised
 * @nr: numbers allocated, pending ones included; @nr_pending: of these
 * @first, @last: its numbers, linked through their records; 0: none. @nr_listed: how many
 * @spids: private number -> number, 0: none; pages of PASID_SPIDS. Read without lock: what is there
 *         stays until the set goes (at most 4 MiB, charged to who made it). @nr_spids: in use
 * @chain: handlers, by descending priority, read under RCU
 * @refused_by: who refused the last allocation: enum pasid_refusal; @refused_group: id of the limit
 * @rcu: it goes when lookups without lock are over
 */
struct ioasid_set {
	struct pasid_host *host;
	int type;
	void *token;
	u32 id;
	struct list_head link;
	struct interval_tree_node by_id;
	struct pasid_who who;
	enum pasid_set_state state;
	u32 refs;
	u32 ceiling;
	u32 promised;
	u32 nr;
	u32 nr_pending;
	u32 first;
	u32 last;
	u32 nr_listed;
	u32 **spids;
	u32 nr_spids;
	struct notifier_block *chain;
	u32 refused_by;
	u64 refused_group;
	struct os_rcu rcu;
};

/** enum pasid_refusal - why a number was refused; as enum ioasid_refused of the ABI. */
enum pasid_refusal {
	PASID_REFUSED_NOT,
	PASID_REFUSED_QUOTA,
	PASID_REFUSED_CAPACITY,
	PASID_REFUSED_RANGE,
	PASID_REFUSED_LIMIT,
};

/* ---- the host ------------------------------------------------------------------------------ */

/**
 * struct pasid_host_ops - what the allocator asks of its home; all may be NULL
 * @mm_current: the calling process, for comparison only; NULL: it has none
 * @mm_get, @mm_put: keep the structure
 * @mm_who: name its process; atomic. @who is all zero before
 * @limit_get: the group of the calling task with a reference (limit_group_put()); NULL: none;
 *             ERR_PTR. May sleep
 * @enter: the calling thread runs a handler or a work of @host from now on, so that what it calls
 *         without naming a host is about this one; atomic. Return: what @leave gets
 * @leave: no more, but what it was before. Both or none; none where there is but one host
 */
struct pasid_host_ops {
	void *(*mm_current)(void);
	void (*mm_get)(void *mm);
	void (*mm_put)(void *mm);
	void (*mm_who)(void *mm, struct pasid_who *who);
	struct limit_group *(*limit_get)(struct pasid_host *host);
	void *(*enter)(struct pasid_host *host);
	void (*leave)(void *before);
};

#define PASID_WORK_BUCKETS 64

/**
 * struct pasid_host - the allocator of one host; embedded in struct ioasid_machine
 * @space: which numbers are out
 * @capacity: numbers that may be promised or drawn; @avail: not promised, reserved or drawn yet;
 *            @reserved: by ioasid_reserve_capacity(); @installed: capacity was said
 * @split: numbers below belong to parents on RIDs with mediated devices (design section 5.4)
 * @default_ceiling: of a context's set without privilege; INVALID_IOASID: none
 * @promised: the sum over sets
 * @sets, @nr_sets, @next_set; @sets_by_id: the same sets, for who goes through them in steps
 * @nr_live: numbers out, pending ones included; @nr_pending
 * @nr_parent: numbers out that are functions' own, below @split
 * @next: where IOASID_REQUEST_NEXT goes on
 * @chain: global handlers, by descending priority
 * @mm_handlers: struct of pasid_notify.c: (process, handler) pairs
 * @frames: handlers running: struct of pasid_notify.c
 * @queues: struct of pasid_work.c, hashed by number; @nr_works: queued or running
 * @backends: struct pasid_backend, in order of registration; @active: the first, or NULL
 * @backend_spaces, @next_backend: where numbers that are not the host's own come from
 * @backend_waiters: who waits for any of this to change
 * @returns: work that gives numbers back to custom allocators; @returning: it is queued or runs
 * @first_return, @nr_returns: numbers that wait for it, linked through their records; how many, with
 *                             the one being given back
 */
struct pasid_host {
	const struct pasid_host_ops *ops;
	spinlock_t lock;
	struct pasid_space space;
	struct pasid_table table;
	u32 capacity;
	u32 avail;
	u32 reserved;
	u32 promised;
	bool installed;
	u32 split;
	u32 default_ceiling;
	struct list_head sets;
	struct rb_root_cached sets_by_id;
	u32 nr_sets;
	u32 next_set;
	u32 nr_live;
	u32 nr_pending;
	u32 nr_parent;
	u32 next;
	struct notifier_block *chain;
	struct list_head mm_handlers;
	struct list_head frames;
	u32 nr_frames;
	struct list_head queues[PASID_WORK_BUCKETS];
	u32 nr_works;
	struct list_head backends;
	struct pasid_backend *active;
	struct list_head backend_spaces;
	struct list_head backend_waiters;
	u32 next_backend;
	struct os_work returns;
	bool returning;
	u32 first_return;
	u32 nr_returns;
	struct limit_tree limits;
};

void pasid_host_init(struct pasid_host *host, const struct pasid_host_ops *ops,
		     void (*limit_release)(void *priv));
/** pasid_host_destroy() - nothing is left in it; waits for works. Sleeps. */
void pasid_host_destroy(struct pasid_host *host);
/** pasid_host_set_split() - -EBUSY while a number is out; -EINVAL: not in [1, PASID_CAPACITY]. */
int pasid_host_set_split(struct pasid_host *host, u32 split);
/** pasid_host_set_default_ceiling() - of contexts opened from now on, and without privilege. */
void pasid_host_set_default_ceiling(struct pasid_host *host, u32 ceiling);

/* ---- pasid_parent.c ------------------------------------------------------------------------- */
/**
 * pasid_parent_charge() - a number of a function's own is going out
 * @charged: [out] to be given back; NULL: nobody's
 *
 * From now on the split stands still. Return: 0; -EDQUOT: a limit; what the home says of the caller's
 * group (-ENOMEM). Sleeps.
 */
int pasid_parent_charge(struct pasid_host *host, struct limit_group **charged);
/** pasid_parent_uncharge() - it is free again. Any context but hard interrupts. */
void pasid_parent_uncharge(struct pasid_host *host, struct limit_group *charged);

/* ---- pasid_table.c -------------------------------------------------------------------------- */
/** pasid_table_spare() - fill @spare with what a number may need. 0 or -ENOMEM. Sleeps. */
int pasid_table_spare(const struct pasid_table *table, struct pasid_table_spare *spare);
void pasid_table_spare_free(struct pasid_table_spare *spare);
/** pasid_table_make() - the place of @number's record, made of @spare if need be; NULL: no memory. */
struct pasid_rec *pasid_table_make(struct pasid_table *table, u32 number,
				   struct pasid_table_spare *spare);
/** pasid_table_emptied() - no number of @number's page is in use in @space any more. */
void pasid_table_emptied(struct pasid_table *table, const struct pasid_space *space, u32 number);
void pasid_table_destroy(struct pasid_table *table);
/** pasid_table_find() - the record's place, whatever is in it, or NULL. host->lock held. */
struct pasid_rec *pasid_table_find(const struct pasid_table *table, u32 number);
/** pasid_table_hot() - the same for lookups; no lock. */
static __always_inline struct pasid_hot *pasid_table_hot(const struct pasid_table *table,
							 u32 number)
{
	struct pasid_hot **root = READ_ONCE(table->hot), *page;

	if (unlikely(!root || number >= PASID_CAPACITY))
		return NULL;
	page = READ_ONCE(root[number >> PASID_HOT_LG2]);
	return likely(page) ? &page[number & (PASID_HOT - 1)] : NULL;
}

/* ---- pasid_set.c: capacity, sets ------------------------------------------------------------ */
void pasid_install_capacity(struct pasid_host *host, u32 total);
int pasid_reserve_capacity(struct pasid_host *host, u32 n);
int pasid_cancel_capacity(struct pasid_host *host, u32 n);
struct ioasid_set *pasid_set_alloc(struct pasid_host *host, void *token, u32 quota, int type);
/** pasid_set_alloc_ctx() - a context's set: no promise, the host's default ceiling. */
struct ioasid_set *pasid_set_alloc_ctx(struct pasid_host *host, void *ctx);
/** pasid_set_who() - say whose it is; for people only. Atomic. */
void pasid_set_who(struct ioasid_set *set, const struct pasid_who *who);
int pasid_set_free(struct ioasid_set *set);
void pasid_set_destroy(struct ioasid_set *set);
int pasid_adjust_set(struct ioasid_set *set, u32 quota);
/**
 * pasid_set_quota() - SET_QUOTA: ceiling and promise of a context's set
 * @quota: INVALID_IOASID: no ceiling
 * @reserve: take it out of capacity
 * @privileged: may reserve and go beyond the host's default ceiling
 *
 * Return: 0; -EINVAL 0, or a reservation without number; -EBUSY fewer than it holds; -EPERM; -ENOSPC.
 */
int pasid_set_quota(struct ioasid_set *set, u32 quota, bool reserve, bool privileged);
struct ioasid_set *pasid_find_mm_set(struct pasid_host *host, void *mm);
/** pasid_find_mm_set_locked() - the set that has @mm as its token, live or dying, or NULL. */
struct ioasid_set *pasid_find_mm_set_locked(struct pasid_host *host, const void *mm);
void pasid_set_put(struct ioasid_set *set);
struct ioasid_set *pasid_find_set(struct pasid_host *host, u32 id);
void pasid_set_for_each(struct ioasid_set *set, void (*fn)(u32 id, void *data), void *data);
void pasid_free_all(struct ioasid_set *set);
/**
 * pasid_set_unused_locked() - a number of @set was reclaimed, or a reference dropped
 * host->lock held. Ends a dying set. Return: true: pasid_set_release() is to be called after unlock.
 */
bool pasid_set_unused_locked(struct ioasid_set *set);
/** pasid_set_release() - no lock held. Any context but hard interrupts. */
void pasid_set_release(struct ioasid_set *set);

/* ---- pasid_id.c ------------------------------------------------------------------------------ */
/** pasid_alloc() - ioasid_alloc_request(); @charge: this group instead of the caller's; or NULL */
int pasid_alloc(struct ioasid_set *set, const struct ioasid_request *req,
		struct limit_group *charge, u32 *id);
void pasid_free(struct pasid_host *host, struct ioasid_set *set, u32 id);
int pasid_get(struct pasid_host *host, struct ioasid_set *set, u32 id, enum ioasid_holder holder);
int pasid_get_if_owned(struct pasid_host *host, u32 id);
bool pasid_put(struct pasid_host *host, struct ioasid_set *set, u32 id, enum ioasid_holder holder);
void *pasid_find(struct pasid_host *host, struct ioasid_set *set, u32 id, bool (*getter)(void *));
int pasid_attach_data(struct pasid_host *host, u32 id, void *data);
void pasid_detach_data(struct pasid_host *host, u32 id);
/** pasid_clear_data() - without waiting: for an owner that serializes its lookups. Atomic. */
void pasid_clear_data(struct pasid_host *host, u32 id);
int pasid_describe(struct pasid_host *host, u32 id, struct ioasid_id_info *info);
/** pasid_rec_locked() - the record of an allocated number, or NULL. host->lock held. */
struct pasid_rec *pasid_rec_locked(struct pasid_host *host, u32 id);
/** pasid_hold_locked() - what pasid_get() does; @rec may be NULL. host->lock held. */
int pasid_hold_locked(struct pasid_rec *rec, const struct ioasid_set *set,
		      enum ioasid_holder holder);
/** pasid_refuse_range() - no number fits: @set remembers why. Return: -ENOSPC. Atomic. */
int pasid_refuse_range(struct ioasid_set *set);
/** pasid_unpin() - Return: the number was reclaimed. Atomic, no lock held. */
bool pasid_unpin(struct pasid_host *host, u32 id);

/* ---- pasid_spid.c ------------------------------------------------------------------------------ */
/** pasid_spid_forget_locked() - @spid names nothing any more. host->lock held. */
void pasid_spid_forget_locked(struct ioasid_set *set, u32 spid);
/** pasid_spid_destroy() - the index goes with its set. */
void pasid_spid_destroy(struct ioasid_set *set);
int pasid_attach_spid(struct pasid_host *host, u32 id, u32 spid);
void pasid_detach_spid(struct pasid_host *host, u32 id);
u32 pasid_find_by_spid(struct ioasid_set *set, u32 spid);
u32 pasid_get_by_spid(struct ioasid_set *set, u32 spid, enum ioasid_holder holder);

/* ---- pasid_notify.c ------------------------------------------------------------------------------ */
#define PASID_SCOPE_ALL (1U << 0) /* global handlers */
#define PASID_SCOPE_SET (1U << 1) /* the set's */
/**
 * pasid_notify() - tell the handlers, by priority over both chains; with equal ones global first
 * @args: id, spid and set; the private pointer is added here. The number is pinned by the caller, so
 *        it stays a number of args->set
 * @scope: PASID_SCOPE_*
 *
 * No lock held. Atomic: handlers run inside RCU.
 */
void pasid_notify(struct pasid_host *host, enum ioasid_notify_val event,
		  struct ioasid_nb_args *args, u32 scope);
/** pasid_refuse_in_handler() - the calling task runs a handler: said once in the log, true. */
bool pasid_refuse_in_handler(struct pasid_host *host, const char *what);
int pasid_register_notifier(struct pasid_host *host, struct ioasid_set *set,
			    struct notifier_block *nb);
void pasid_unregister_notifier(struct pasid_host *host, struct ioasid_set *set,
			       struct notifier_block *nb);
int pasid_register_notifier_mm(struct pasid_host *host, void *mm, struct notifier_block *nb);
void pasid_unregister_notifier_mm(struct pasid_host *host, void *mm, struct notifier_block *nb);
/** pasid_handlers_attach_locked() - a process's set comes to life. host->lock held. */
void pasid_handlers_attach_locked(struct ioasid_set *set);
/** pasid_handlers_park_locked() - a set dies: its process's handlers wait for the next. Same lock. */
void pasid_handlers_park_locked(struct ioasid_set *set);

/* ---- pasid_work.c ------------------------------------------------------------------------------ */
void pasid_init_work(struct ioasid_work *work, u32 id, void (*fn)(struct ioasid_work *work));
bool pasid_queue_work(struct pasid_host *host, struct ioasid_work *work);
void pasid_flush_work(struct pasid_host *host, u32 id);
/** pasid_flush_all_work() - nothing is queued or running. Sleeps. */
void pasid_flush_all_work(struct pasid_host *host);

/* ---- pasid_backend.c ---------------------------------------------------------------------------- */
/** pasid_backend_init() - a host begins. */
void pasid_backend_init(struct pasid_host *host);
/**
 * struct pasid_pick - where a number is to come from
 * @from: the custom allocator it came from, which cannot go before pasid_backend_end(); NULL: default
 * @number: what it said
 */
struct pasid_pick {
	struct pasid_backend *from;
	u32 number;
};
/**
 * pasid_backend_begin() - ask the active custom allocator, if there is one
 *
 * No lock held; sleeps. Must be followed by pasid_backend_end() if it returned 0.
 * Return: 0; -ENOSPC it has none, or its answer was out of range (and was given back).
 */
int pasid_backend_begin(struct pasid_host *host, u32 min, u32 max, struct pasid_pick *pick);
/** pasid_backend_end() - @taken: the number is in use now; false: give it back. No lock; sleeps. */
void pasid_backend_end(struct pasid_host *host, struct pasid_pick *pick, bool taken);
#define PASID_BACKEND_LAST 0xffffU
/**
 * pasid_backend_take_locked() - a number of @from is in use now, until pasid_backend_reclaim_locked()
 * host->lock held. Return: what goes into pasid_rec.backend; 0 for NULL.
 */
u32 pasid_backend_take_locked(struct pasid_backend *from);
/**
 * pasid_backend_reclaim_locked() - a number with pasid_rec.backend @space is reclaimed
 *
 * host->lock held. If that space is still active a worker gives the number back to its allocator, and
 * it is quarantined until then; otherwise it is free at once.
 */
void pasid_backend_reclaim_locked(struct pasid_host *host, u32 number, u32 space);
int pasid_register_allocator(struct pasid_host *host, struct ioasid_allocator_ops *ops);
void pasid_unregister_allocator(struct pasid_host *host, struct ioasid_allocator_ops *ops);

#endif
