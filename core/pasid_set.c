// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Capacity and sets.
 *
 * At all times: avail = capacity - reserved - sum over sets of max(promised, nr). A set with a promise
 * can always have what it was promised; what nobody was promised is there for all.
 */
#include "core/pasid_alloc.h"

/* ---- the host -------------------------------------------------------------------------------- */

void pasid_host_init(struct pasid_host *host, const struct pasid_host_ops *ops,
		     void (*limit_release)(void *priv))
{
	static const struct pasid_host_ops none;
	unsigned int i;

	memset(host, 0, sizeof(*host));
	host->ops = ops ?: &none;
	spin_lock_init(&host->lock);
	pasid_space_init(&host->space, PASID_BITS);
	host->capacity = PASID_CAPACITY;
	host->avail = PASID_CAPACITY;
	host->split = PASID_DEF_SPLIT;
	host->default_ceiling = INVALID_IOASID;
	INIT_LIST_HEAD(&host->sets);
	host->sets_by_id = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&host->mm_handlers);
	INIT_LIST_HEAD(&host->frames);
	for (i = 0; i < PASID_WORK_BUCKETS; i++)
		INIT_LIST_HEAD(&host->queues[i]);
	pasid_backend_init(host);
	limit_tree_init(&host->limits, limit_release);
}

void pasid_host_destroy(struct pasid_host *host)
{
	pasid_flush_all_work(host);
	WARN_ON(!list_empty(&host->sets) || host->nr_live || host->nr_parent);
	WARN_ON(host->chain || !list_empty(&host->mm_handlers) || !list_empty(&host->backends));
	/* Sets and nodes wait for readers before they go. */
	os_rcu_barrier();
	pasid_table_destroy(&host->table);
	pasid_space_destroy(&host->space);
	limit_tree_destroy(&host->limits);
}

int pasid_host_set_split(struct pasid_host *host, u32 split)
{
	int rc = 0;

	if (!split || split > PASID_CAPACITY)
		return -EINVAL;
	spin_lock_bh(&host->lock);
	if (host->split != split && (host->nr_live || host->nr_parent))
		rc = -EBUSY;
	else
		WRITE_ONCE(host->split, split);
	spin_unlock_bh(&host->lock);
	return rc;
}

void pasid_host_set_default_ceiling(struct pasid_host *host, u32 ceiling)
{
	spin_lock_bh(&host->lock);
	host->default_ceiling = ceiling;
	spin_unlock_bh(&host->lock);
}

/* ---- capacity -------------------------------------------------------------------------------- */

void pasid_install_capacity(struct pasid_host *host, u32 total)
{
	bool ok;

	spin_lock_bh(&host->lock);
	ok = !host->installed && total && total <= PASID_CAPACITY && !host->nr_sets &&
	     !host->reserved;
	if (ok) {
		host->installed = true;
		host->capacity = total;
		host->avail = total;
	}
	spin_unlock_bh(&host->lock);
	if (!ok)
		pr_warn_ratelimited("the capacity is there already, or makes no sense: ignored\n");
}

int pasid_reserve_capacity(struct pasid_host *host, u32 n)
{
	int rc = -ENOSPC;

	spin_lock_bh(&host->lock);
	n = n ?: host->avail;
	if (n <= host->avail) {
		host->avail -= n;
		host->reserved += n;
		rc = (int)n;
	}
	spin_unlock_bh(&host->lock);
	return rc;
}

int pasid_cancel_capacity(struct pasid_host *host, u32 n)
{
	int rc = -EINVAL;

	spin_lock_bh(&host->lock);
	if (n <= host->reserved) {
		host->reserved -= n;
		host->avail += n;
		rc = (int)host->avail;
	}
	spin_unlock_bh(&host->lock);
	return rc;
}

/* ---- making a set ---------------------------------------------------------------------------- */

/* Sets of processes come first in the list, so that looking for one does not pass all the others. */
struct ioasid_set *pasid_find_mm_set_locked(struct pasid_host *host, const void *mm)
{
	struct ioasid_set *set;

	list_for_each_entry(set, &host->sets, link) {
		if (set->type != IOASID_SET_TYPE_MM)
			break;
		if (set->token == mm)
			return set;
	}
	return NULL;
}

static struct ioasid_set *set_new(struct pasid_host *host, void *token, u32 quota, int type)
{
	struct ioasid_set *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	set->host = host;
	set->type = type;
	set->token = token;
	set->refs = 1;
	set->ceiling = quota ?: INVALID_IOASID;
	set->promised = quota;
	if (type == IOASID_SET_TYPE_MM && host->ops->mm_get)
		host->ops->mm_get(token);
	if (type == IOASID_SET_TYPE_MM && host->ops->mm_who)
		host->ops->mm_who(token, &set->who);
	return set;
}

static void set_free_memory(struct os_rcu *rcu)
{
	struct ioasid_set *set = container_of(rcu, struct ioasid_set, rcu);

	pasid_spid_destroy(set);
	kfree(set);
}

void pasid_set_release(struct ioasid_set *set)
{
	struct pasid_host *host = set->host;

	if (set->type == IOASID_SET_TYPE_MM && host->ops->mm_put)
		host->ops->mm_put(set->token);
	os_call_rcu(&set->rcu, set_free_memory);
}

/* Check and make in one step: of two who come with one token only one gets a set. */
static int set_link_locked(struct pasid_host *host, struct ioasid_set *set)
{
	bool mm = set->type == IOASID_SET_TYPE_MM;

	if (mm && pasid_find_mm_set_locked(host, set->token))
		return -EEXIST;
	if (set->promised > host->avail)
		return -ENOSPC;
	host->avail -= set->promised;
	host->promised += set->promised;
	host->nr_sets++;
	/* Lookups know a set by its id: no two live ones share it, however many have been. */
	do {
		set->id = ++host->next_set;
	} while (interval_tree_iter_first(&host->sets_by_id, set->id, set->id));
	set->by_id.start = set->id;
	set->by_id.last = set->id;
	interval_tree_insert(&set->by_id, &host->sets_by_id);
	if (set->type == PASID_SET_CTX)
		set->ceiling = host->default_ceiling;
	if (!mm) {
		list_add_tail(&set->link, &host->sets);
		return 0;
	}
	list_add(&set->link, &host->sets);
	pasid_handlers_attach_locked(set);
	return 0;
}

static struct ioasid_set *set_make(struct pasid_host *host, void *token, u32 quota, int type)
{
	struct ioasid_set *set = set_new(host, token, quota, type);
	int rc;

	if (!set)
		return ERR_PTR(-ENOMEM);
	spin_lock_bh(&host->lock);
	rc = set_link_locked(host, set);
	spin_unlock_bh(&host->lock);
	if (!rc)
		return set;
	pasid_set_release(set);
	return ERR_PTR(rc);
}

struct ioasid_set *pasid_set_alloc(struct pasid_host *host, void *token, u32 quota, int type)
{
	if (pasid_refuse_in_handler(host, "making a set"))
		return ERR_PTR(-EDEADLK);
	if (type != IOASID_SET_TYPE_NULL && type != IOASID_SET_TYPE_MM)
		return ERR_PTR(-EINVAL);
	if ((type == IOASID_SET_TYPE_MM) != (token != NULL))
		return ERR_PTR(-EINVAL);
	return set_make(host, token, quota, type);
}

struct ioasid_set *pasid_set_alloc_ctx(struct pasid_host *host, void *ctx)
{
	return set_make(host, ctx, 0, PASID_SET_CTX);
}

void pasid_set_who(struct ioasid_set *set, const struct pasid_who *who)
{
	spin_lock_bh(&set->host->lock);
	set->who = *who;
	spin_unlock_bh(&set->host->lock);
}

/* ---- ending a set ---------------------------------------------------------------------------- */

static void set_die_locked(struct ioasid_set *set)
{
	struct pasid_host *host = set->host;

	set->state = PASID_SET_DEAD;
	list_del(&set->link);
	interval_tree_remove(&set->by_id, &host->sets_by_id);
	host->nr_sets--;
	host->avail += set->promised;
	host->promised -= set->promised;
	pasid_handlers_park_locked(set);
}

bool pasid_set_unused_locked(struct ioasid_set *set)
{
	if (set->state == PASID_SET_DYING && !set->nr)
		set_die_locked(set);
	return set->state == PASID_SET_DEAD && !set->refs && !set->nr;
}

int pasid_set_free(struct ioasid_set *set)
{
	struct pasid_host *host = set ? set->host : NULL;
	bool unused = false;
	int rc = 0;

	if (!set)
		return -EINVAL;
	if (pasid_refuse_in_handler(host, "ending a set"))
		return -EDEADLK;
	spin_lock_bh(&host->lock);
	if (set->state != PASID_SET_LIVE) {
		rc = -EINVAL;
	} else if (set->nr) {
		rc = -EBUSY;
	} else {
		set_die_locked(set);
		set->refs--;
		unused = pasid_set_unused_locked(set);
	}
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(set);
	return rc;
}

void pasid_set_destroy(struct ioasid_set *set)
{
	struct pasid_host *host = set ? set->host : NULL;
	bool unused = false;

	if (!set || pasid_refuse_in_handler(host, "ending a set"))
		return;
	spin_lock_bh(&host->lock);
	if (set->state == PASID_SET_LIVE) {
		set->state = PASID_SET_DYING;
		set->refs--;
		unused = pasid_set_unused_locked(set);
	}
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(set);
}

void pasid_set_put(struct ioasid_set *set)
{
	struct pasid_host *host = set->host;
	bool unused = false;

	spin_lock_bh(&host->lock);
	if (!WARN_ON(!set->refs)) {
		set->refs--;
		unused = pasid_set_unused_locked(set);
	}
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(set);
}

/* ---- quota ----------------------------------------------------------------------------------- */

/* Another promise. What the set holds beyond one is drawn from what is left for all. */
static int set_promise_locked(struct ioasid_set *set, u32 promised)
{
	struct pasid_host *host = set->host;
	u32 before = max(set->promised, set->nr), after = max(promised, set->nr);

	if (after > before && after - before > host->avail)
		return -ENOSPC;
	host->avail = host->avail + before - after;
	host->promised = host->promised - set->promised + promised;
	set->promised = promised;
	return 0;
}

int pasid_adjust_set(struct ioasid_set *set, u32 quota)
{
	struct pasid_host *host = set ? set->host : NULL;
	int rc = -EINVAL;

	if (!set)
		return rc;
	spin_lock_bh(&host->lock);
	if (set->state == PASID_SET_LIVE && quota && quota != INVALID_IOASID && quota >= set->nr)
		rc = set_promise_locked(set, quota);
	if (!rc)
		set->ceiling = quota;
	spin_unlock_bh(&host->lock);
	return rc;
}

int pasid_set_quota(struct ioasid_set *set, u32 quota, bool reserve, bool privileged)
{
	struct pasid_host *host = set->host;
	int rc;

	if (!quota || (reserve && quota == INVALID_IOASID))
		return -EINVAL;
	spin_lock_bh(&host->lock);
	if (!privileged && (reserve || quota > host->default_ceiling))
		rc = -EPERM;
	else if (quota < set->nr)
		rc = -EBUSY;
	else
		rc = set_promise_locked(set, reserve ? quota : 0);
	if (!rc)
		set->ceiling = quota;
	spin_unlock_bh(&host->lock);
	return rc;
}

/* ---- finding --------------------------------------------------------------------------------- */

struct ioasid_set *pasid_find_mm_set(struct pasid_host *host, void *mm)
{
	struct ioasid_set *set;

	spin_lock_bh(&host->lock);
	set = pasid_find_mm_set_locked(host, mm);
	if (set && set->state == PASID_SET_LIVE)
		set->refs++;
	else
		set = NULL;
	spin_unlock_bh(&host->lock);
	return set;
}

void pasid_set_for_each(struct ioasid_set *set, void (*fn)(u32 id, void *data), void *data)
{
	struct pasid_host *host = set->host;
	struct pasid_rec *rec;
	u32 id, next;

	spin_lock_bh(&host->lock);
	id = set->first;
	if (id)
		pasid_table_find(&host->table, id)->pins++;
	spin_unlock_bh(&host->lock);
	/* The pin keeps the number's place in the list; what is new comes in before it. */
	while (id) {
		fn(id, data);
		spin_lock_bh(&host->lock);
		rec = pasid_table_find(&host->table, id);
		next = rec->unlisted ? 0 : rec->next;
		if (next)
			pasid_table_find(&host->table, next)->pins++;
		spin_unlock_bh(&host->lock);
		pasid_unpin(host, id);
		id = next;
	}
}
