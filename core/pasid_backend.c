// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Custom allocators: numbers that somebody else gives out, as a hypervisor does for its guest.
 *
 * Their functions may sleep for long, and what they wait for may need the allocator to go on. So no
 * lock is held around them; instead each counts its users, and unregistering waits for these.
 *
 * Allocators with equal functions share a space: numbers of one can be given back to the other. A space
 * lives as long as it has members or numbers. A number of the space that is active goes back to its
 * allocator by a worker, for reclaiming cannot sleep. Until the worker has come to it, it is quarantined,
 * and its record, which nobody else reads then, links it to the next. The quarantine ends just before
 * the allocator gets the number back, since from then on it may give it out again.
 */
#include "core/pasid_alloc.h"

/*
 * struct space - where numbers are from
 * @id: what is in pasid_rec.backend; @nr: numbers out; @nr_returns: quarantined, or on the way back
 * @members: allocators that share it
 */
struct space {
	struct list_head link;
	u32 id;
	u32 nr;
	u32 nr_returns;
	u32 members;
};

/*
 * struct pasid_backend - a custom allocator
 * @users: functions running, and answers not yet decided on
 * @leaving: being unregistered; it is not asked for numbers any more
 */
struct pasid_backend {
	struct list_head link;
	const struct ioasid_allocator_ops *ops;
	struct space *space;
	u32 users;
	bool leaving;
};

/* ---- waiting --------------------------------------------------------------------------------- */

struct waiter {
	struct list_head link;
	struct completion done;
};

/* Wait for the next wake_locked(). host->lock is held before and after. */
static void wait_locked(struct pasid_host *host)
{
	struct waiter w;

	init_completion(&w.done);
	list_add(&w.link, &host->backend_waiters);
	spin_unlock_bh(&host->lock);
	wait_for_completion(&w.done);
	destroy_completion(&w.done);
	spin_lock_bh(&host->lock);
}

/* Something that may be waited for has happened. */
static void wake_locked(struct pasid_host *host)
{
	struct waiter *w;

	while (!list_empty(&host->backend_waiters)) {
		w = list_first_entry(&host->backend_waiters, struct waiter, link);
		list_del(&w->link);
		complete(&w->done);
	}
}

/* ---- spaces ---------------------------------------------------------------------------------- */

static struct space *find_space_locked(struct pasid_host *host, u32 id)
{
	struct space *s;

	list_for_each_entry(s, &host->backend_spaces, link) {
		if (s->id == id)
			return s;
	}
	return NULL;
}

static void drop_space_locked(struct space *s)
{
	if (s->nr || s->nr_returns || s->members)
		return;
	list_del(&s->link);
	kfree(s);
}

/* A name for @s that no number bears. False: all are taken. */
static bool name_space_locked(struct pasid_host *host, struct space *s)
{
	u32 i;

	for (i = 0; i <= PASID_BACKEND_LAST; i++) {
		host->next_backend = host->next_backend % PASID_BACKEND_LAST + 1;
		if (!find_space_locked(host, host->next_backend)) {
			s->id = host->next_backend;
			return true;
		}
	}
	return false;
}

/* Numbers of the default allocator that are out. */
static bool default_in_use_locked(struct pasid_host *host)
{
	struct space *s;
	u32 nr = 0;

	list_for_each_entry(s, &host->backend_spaces, link)
		nr += s->nr;
	return host->nr_live > nr;
}

static bool is_active(const struct pasid_host *host, const struct space *s)
{
	return host->active && host->active->space == s;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct pasid_backend *use_active(struct pasid_host *host)
{
	struct pasid_backend *b;

	/* Nearly always there is none. */
	if (likely(!READ_ONCE(host->active)))
		return NULL;
	spin_lock_bh(&host->lock);
	b = host->active;
	if (b)
		b->users++;
	spin_unlock_bh(&host->lock);
	return b;
}

static void unuse(struct pasid_host *host, struct pasid_backend *b)
{
	spin_lock_bh(&host->lock);
	if (!--b->users)
		wake_locked(host);
	spin_unlock_bh(&host->lock);
}

/*
 * Two allocators may know the same number. What is still on its way back to one that has left the line
 * is not ours yet, though it is the other's to give.
 */
static void wait_returned(struct pasid_host *host, u32 number)
{
	spin_lock_bh(&host->lock);
	while (pasid_space_is_quarantined(&host->space, number))
		wait_locked(host);
	spin_unlock_bh(&host->lock);
}

int pasid_backend_begin(struct pasid_host *host, u32 min, u32 max, struct pasid_pick *pick)
{
	struct pasid_backend *b = use_active(host);
	u32 number;

	pick->from = NULL;
	pick->number = INVALID_IOASID;
	if (!b)
		return 0;
	number = b->ops->alloc(min, max, b->ops->pdata);
	if (number && number >= min && number <= max && number < PASID_CAPACITY) {
		wait_returned(host, number);
		pick->from = b;
		pick->number = number;
		return 0;
	}
	if (number != INVALID_IOASID) {
		pr_warn_ratelimited("an allocator gave out a number that was not asked for\n");
		b->ops->free(number, b->ops->pdata);
	}
	unuse(host, b);
	return -ENOSPC;
}

void pasid_backend_end(struct pasid_host *host, struct pasid_pick *pick, bool taken)
{
	struct pasid_backend *b = pick->from;

	pick->from = NULL;
	if (!b)
		return;
	if (!taken)
		b->ops->free(pick->number, b->ops->pdata);
	unuse(host, b);
}

u32 pasid_backend_take_locked(struct pasid_backend *from)
{
	if (!from)
		return 0;
	from->space->nr++;
	return from->space->id;
}

/* ---- giving back ----------------------------------------------------------------------------- */

void pasid_backend_reclaim_locked(struct pasid_host *host, u32 number, u32 space)
{
	struct space *s = find_space_locked(host, space);

	if (!WARN_ON(!s || !s->nr)) {
		s->nr--;
		if (is_active(host, s)) {
			pasid_space_retire(&host->space, number);
			pasid_table_find(&host->table, number)->next = host->first_return;
			pasid_table_find(&host->table, number)->backend = space;
			host->first_return = number;
			s->nr_returns++;
			host->nr_returns++;
			if (!host->returning)
				os_work_queue(&host->returns);
			host->returning = true;
			return;
		}
		drop_space_locked(s);
	}
	pasid_space_release(&host->space, number);
}

static void release_number(struct pasid_host *host, u32 number)
{
	u32 first = number & ~(PASID_CHUNK - 1U);

	pasid_space_release(&host->space, number);
	if (!pasid_space_any(&host->space, first, first + PASID_CHUNK - 1))
		pasid_table_emptied(&host->table, &host->space, number);
}

/* Who takes numbers of @s back: whoever is asked for them, or one that waits for just this. */
static struct pasid_backend *taker_locked(struct pasid_host *host, const struct space *s)
{
	struct pasid_backend *b;

	if (is_active(host, s))
		return host->active;
	list_for_each_entry(b, &host->backends, link) {
		if (b->space == s)
			return b;
	}
	return NULL;
}

/* The next number on its way back leaves quarantine. Return: to whom it goes, who is in use then. */
static struct pasid_backend *next_return_locked(struct pasid_host *host, u32 *number)
{
	struct pasid_backend *b;
	struct pasid_rec *rec;

	*number = host->first_return;
	if (!*number)
		return NULL;
	rec = pasid_table_find(&host->table, *number);
	/* A space with returns has a member: unregistering waits for them. */
	b = taker_locked(host, find_space_locked(host, rec->backend));
	host->first_return = rec->next;
	b->users++;
	release_number(host, *number);
	return b;
}

static void returned_locked(struct pasid_host *host, struct pasid_backend *b)
{
	b->users--;
	b->space->nr_returns--;
	host->nr_returns--;
	wake_locked(host);
}

static void give_back(struct os_work *work)
{
	struct pasid_host *host = container_of(work, struct pasid_host, returns);
	struct pasid_backend *b;
	u32 number;

	spin_lock_bh(&host->lock);
	while ((b = next_return_locked(host, &number))) {
		/* Who waits for its quarantine to end need not wait for the allocator. */
		wake_locked(host);
		spin_unlock_bh(&host->lock);
		b->ops->free(number, b->ops->pdata);
		spin_lock_bh(&host->lock);
		returned_locked(host, b);
	}
	host->returning = false;
	wake_locked(host);
	spin_unlock_bh(&host->lock);
}

/* ---- the line of allocators ------------------------------------------------------------------ */

void pasid_backend_init(struct pasid_host *host)
{
	INIT_LIST_HEAD(&host->backends);
	INIT_LIST_HEAD(&host->backend_spaces);
	INIT_LIST_HEAD(&host->backend_waiters);
	os_work_init(&host->returns, give_back);
}

/* The first in line that stays. */
static void choose_active_locked(struct pasid_host *host)
{
	struct pasid_backend *b, *first = NULL;

	list_for_each_entry(b, &host->backends, link) {
		if (!b->leaving && !first)
			first = b;
	}
	WRITE_ONCE(host->active, first);
}

static struct space *shared_space_locked(struct pasid_host *host,
					 const struct ioasid_allocator_ops *ops)
{
	struct pasid_backend *b;

	list_for_each_entry(b, &host->backends, link) {
		if (b->ops->alloc == ops->alloc && b->ops->free == ops->free)
			return b->space;
	}
	return NULL;
}

/* *@fresh: a space it may take; NULL when it did. */
static int register_locked(struct pasid_host *host, struct pasid_backend *b, struct space **fresh)
{
	struct pasid_backend *other;

	list_for_each_entry(other, &host->backends, link) {
		if (other->ops == b->ops)
			return -EEXIST;
	}
	if (!host->active && default_in_use_locked(host))
		return -EAGAIN;
	b->space = shared_space_locked(host, b->ops);
	if (!b->space) {
		if (!name_space_locked(host, *fresh))
			return -ENOMEM;
		b->space = *fresh;
		*fresh = NULL;
		list_add_tail(&b->space->link, &host->backend_spaces);
	}
	b->space->members++;
	list_add_tail(&b->link, &host->backends);
	choose_active_locked(host);
	return 0;
}

int pasid_register_allocator(struct pasid_host *host, struct ioasid_allocator_ops *ops)
{
	struct pasid_backend *b;
	struct space *fresh;
	int rc = -ENOMEM;

	if (!ops || !ops->alloc || !ops->free)
		return -EINVAL;
	if (pasid_refuse_in_handler(host, "registering"))
		return -EDEADLK;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (b && fresh) {
		b->ops = ops;
		spin_lock_bh(&host->lock);
		rc = register_locked(host, b, &fresh);
		spin_unlock_bh(&host->lock);
	}
	if (rc)
		kfree(b);
	kfree(fresh);
	return rc;
}

static struct pasid_backend *find_backend_locked(struct pasid_host *host,
						 const struct ioasid_allocator_ops *ops)
{
	struct pasid_backend *b;

	list_for_each_entry(b, &host->backends, link) {
		if (b->ops == ops && !b->leaving)
			return b;
	}
	return NULL;
}

/*
 * Nobody is inside it, and what is on its way back goes to another or has arrived. When it is the last
 * one, the worker is not to look at the host any more either.
 */
static bool may_leave_locked(const struct pasid_host *host, const struct pasid_backend *b)
{
	if (b->users || (!host->active && host->returning))
		return false;
	return is_active(host, b->space) || b->space->members > 1 || !b->space->nr_returns;
}

void pasid_unregister_allocator(struct pasid_host *host, struct ioasid_allocator_ops *ops)
{
	struct pasid_backend *b;
	bool orphans = false;

	if (!ops || pasid_refuse_in_handler(host, "unregistering"))
		return;
	spin_lock_bh(&host->lock);
	b = find_backend_locked(host, ops);
	if (b) {
		b->leaving = true;
		orphans = is_active(host, b->space);
		choose_active_locked(host);
		orphans = orphans && !is_active(host, b->space) && b->space->nr;
		while (!may_leave_locked(host, b))
			wait_locked(host);
		list_del(&b->link);
		b->space->members--;
		drop_space_locked(b->space);
		wake_locked(host);
	}
	spin_unlock_bh(&host->lock);
	if (orphans)
		pr_warn_ratelimited("numbers of an allocator that is gone are still out\n");
	if (!b)
		pr_debug("unregistering an allocator that is not registered\n");
	kfree(b);
}
