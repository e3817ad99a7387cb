// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Numbers: allocation, freeing, references, private data.
 *
 * A number is out as long as it is not freed, or somebody holds or pins it. Holders are users the
 * owner knows of; pins are the allocator's own and short: a handler that runs, a work that is queued.
 */
#include "core/pasid_alloc.h"

/* ---- records --------------------------------------------------------------------------------- */

struct pasid_rec *pasid_rec_locked(struct pasid_host *host, u32 id)
{
	struct pasid_rec *rec = pasid_table_find(&host->table, id);

	return rec && rec->used ? rec : NULL;
}

static u32 rec_holders(const struct pasid_rec *rec)
{
	return rec->users || rec->device || rec->iommu || rec->cpu;
}

/* New ones come first, so that who walks the list never meets what he makes on the way. */
static void list_number(struct pasid_host *host, struct ioasid_set *set, struct pasid_rec *rec)
{
	rec->prev = 0;
	rec->next = set->first;
	if (set->first)
		pasid_table_find(&host->table, set->first)->prev = rec->number;
	else
		set->last = rec->number;
	set->first = rec->number;
	set->nr_listed++;
}

/* Out of the set's list and SPID index: from now on it is found by its number only. */
static void unlist_number(struct pasid_host *host, struct pasid_rec *rec)
{
	struct ioasid_set *set = rec->set;

	if (rec->unlisted)
		return;
	rec->unlisted = true;
	set->nr_listed--;
	if (rec->prev)
		pasid_table_find(&host->table, rec->prev)->next = rec->next;
	else
		set->first = rec->next;
	if (rec->next)
		pasid_table_find(&host->table, rec->next)->prev = rec->prev;
	else
		set->last = rec->prev;
	if (rec->spid != INVALID_IOASID)
		pasid_spid_forget_locked(set, rec->spid);
}

/* ---- what lookups see ------------------------------------------------------------------------ */

/* Of a number with a record: it is there. Under the lock. */
static struct pasid_hot *hot_of(struct pasid_host *host, u32 number)
{
	return &host->table.hot[number >> PASID_HOT_LG2][number & (PASID_HOT - 1)];
}

/* From here on lookups find it. */
static void hot_set(struct pasid_hot *hot, const struct ioasid_set *set, void *priv)
{
	WRITE_ONCE(hot->set, set->id);
	WRITE_ONCE(hot->priv, priv);
	smp_store_release(&hot->seq, hot->seq + 1);
}

/* From here on they do not; who is looking right now looks again. */
static void hot_clear(struct pasid_hot *hot)
{
	WRITE_ONCE(hot->seq, hot->seq + 1);
	smp_wmb();
	WRITE_ONCE(hot->priv, NULL);
}

/*
 * Set and private pointer of one and the same life of a number. False: it is free. What changed hands
 * meanwhile is looked at again.
 */
static __always_inline bool hot_read(const struct pasid_hot *hot, u32 *set, void **priv)
{
	u32 seq;

	do {
		seq = smp_load_acquire(&hot->seq);
		if (unlikely(seq & 1))
			return false;
		*set = READ_ONCE(hot->set);
		*priv = READ_ONCE(hot->priv);
		smp_rmb();
	} while (unlikely(READ_ONCE(hot->seq) != seq));
	return true;
}

/* ---- reclaim --------------------------------------------------------------------------------- */

/* Its page of records may have been needed for @number only. */
static void page_done_locked(struct pasid_host *host, u32 number)
{
	u32 first = number & ~(PASID_CHUNK - 1U);

	if (!pasid_space_any(&host->space, first, first + PASID_CHUNK - 1))
		pasid_table_emptied(&host->table, &host->space, number);
}

/* The number of @rec is nobody's any more. Return: its set if that is to be released, or NULL. */
static struct ioasid_set *reclaim_locked(struct pasid_host *host, struct pasid_rec *rec)
{
	struct ioasid_set *set = rec->set;
	struct limit_group *charged = rec->charged;
	u32 number = rec->number, backend = rec->backend;

	unlist_number(host, rec);
	hot_clear(hot_of(host, number));
	rec->used = false;
	rec->charged = NULL;
	if (set->nr > set->promised)
		host->avail++;
	set->nr--;
	set->nr_pending--;
	host->nr_live--;
	host->nr_pending--;
	if (charged)
		limit_uncharge(charged, 1);
	if (backend)
		pasid_backend_reclaim_locked(host, number, backend);
	else
		pasid_space_release(&host->space, number);
	page_done_locked(host, number);
	return pasid_set_unused_locked(set) ? set : NULL;
}

/* Somebody let go. Return: true: it was reclaimed; *@unused is to be released after unlock. */
static bool let_go_locked(struct pasid_host *host, struct pasid_rec *rec,
			  struct ioasid_set **unused)
{
	if (!rec->pending || rec->pins || rec_holders(rec))
		return false;
	*unused = reclaim_locked(host, rec);
	return true;
}

bool pasid_unpin(struct pasid_host *host, u32 id)
{
	struct ioasid_set *unused = NULL;
	struct pasid_rec *rec;
	bool reclaimed = false;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (!WARN_ON(!rec || !rec->pins)) {
		rec->pins--;
		reclaimed = let_go_locked(host, rec, &unused);
	}
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(unused);
	return reclaimed;
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* struct alloc_job - one allocation on its way; @table, @space, @pick: what it needs besides */
struct alloc_job {
	struct ioasid_set *set;
	const struct ioasid_request *req;
	struct limit_group *group;
	struct pasid_pick pick;
	struct pasid_table_spare table;
	struct pasid_spare space;
	u32 number;
	bool notify;
};

static int refuse(struct ioasid_set *set, enum pasid_refusal why, u64 group, int rc)
{
	set->refused_by = why;
	set->refused_group = group;
	return rc;
}

int pasid_refuse_range(struct ioasid_set *set)
{
	spin_lock_bh(&set->host->lock);
	refuse(set, PASID_REFUSED_RANGE, 0, -ENOSPC);
	spin_unlock_bh(&set->host->lock);
	return -ENOSPC;
}

static int check_room_locked(struct ioasid_set *set)
{
	if (set->state != PASID_SET_LIVE)
		return -EINVAL;
	if (set->nr >= set->ceiling)
		return refuse(set, PASID_REFUSED_QUOTA, 0, -EDQUOT);
	if (set->nr >= set->promised && !set->host->avail)
		return refuse(set, PASID_REFUSED_CAPACITY, 0, -ENOSPC);
	return 0;
}

static s64 choose_locked(struct pasid_host *host, const struct alloc_job *job)
{
	const struct ioasid_request *req = job->req;
	s64 number = -ENOSPC;

	if (job->pick.from)
		return job->pick.number;
	if (req->flags & IOASID_REQUEST_NEXT && host->next > req->min)
		number = pasid_space_lowest_free(&host->space, host->next, req->max);
	if (number < 0)
		number = pasid_space_lowest_free(&host->space, req->min, req->max);
	return number < 0 ? refuse(job->set, PASID_REFUSED_RANGE, 0, -ENOSPC) : number;
}

static void fill_locked(struct pasid_host *host, struct pasid_rec *rec, struct alloc_job *job)
{
	struct ioasid_set *set = job->set;

	rec->pending = false;
	rec->unlisted = false;
	rec->spid_state = PASID_SPID_STABLE;
	rec->backend = pasid_backend_take_locked(job->pick.from);
	rec->spid = INVALID_IOASID;
	rec->charged = job->group;
	rec->set = set;
	rec->used = true;
	list_number(host, set, rec);
	if (set->nr >= set->promised)
		host->avail--;
	set->nr++;
	host->nr_live++;
	host->next = rec->number + 1;
	job->number = rec->number;
	job->notify = READ_ONCE(set->chain);
	rec->pins = job->notify;
	hot_set(hot_of(host, rec->number), set, job->req->priv);
}

/* All or nothing, in one step for everybody else. -EAGAIN: more memory first; -ESTALE: begin anew. */
static int alloc_locked(struct pasid_host *host, struct alloc_job *job)
{
	struct pasid_rec *rec;
	u64 group;
	s64 number;
	int rc = check_room_locked(job->set);

	if (rc)
		return rc;
	if (host->active != job->pick.from)
		return -ESTALE;
	number = choose_locked(host, job);
	if (number < 0)
		return (int)number;
	rec = pasid_table_make(&host->table, (u32)number, &job->table);
	if (!rec)
		return -EAGAIN;
	rc = pasid_space_take(&host->space, (u32)number, &job->space);
	if (rc)
		return rc == -ENOMEM ? -EAGAIN : rc;
	rc = limit_charge(job->group, 1, &group);
	if (rc) {
		pasid_space_release(&host->space, (u32)number);
		page_done_locked(host, (u32)number);
		return refuse(job->set, PASID_REFUSED_LIMIT, group, -EDQUOT);
	}
	fill_locked(host, rec, job);
	return 0;
}

static int alloc_memory(struct pasid_host *host, struct alloc_job *job)
{
	int rc = pasid_table_spare(&host->table, &job->table);

	/* Whichever number it will be. */
	return rc ?: pasid_space_spare(&job->space);
}

static int alloc_once(struct pasid_host *host, struct alloc_job *job)
{
	int rc;

	/* Not to bother a hypervisor for a number that could not be used. */
	if (READ_ONCE(host->active)) {
		spin_lock_bh(&host->lock);
		rc = check_room_locked(job->set);
		spin_unlock_bh(&host->lock);
		if (rc)
			return rc;
	}
	rc = pasid_backend_begin(host, max(job->req->min, 1U), job->req->max, &job->pick);
	if (rc)
		return rc;
	do {
		spin_lock_bh(&host->lock);
		rc = alloc_locked(host, job);
		spin_unlock_bh(&host->lock);
	} while (rc == -EAGAIN && !(rc = alloc_memory(host, job)));
	/*
	 * What a custom allocator gave out twice is not given back: there it is in use, and there the
	 * mistake was made.
	 */
	if (rc == -EEXIST || rc == -EBUSY) {
		pr_warn_ratelimited("an allocator gave out a number that is in use\n");
		pasid_backend_end(host, &job->pick, true);
		return -ENOSPC;
	}
	pasid_backend_end(host, &job->pick, !rc);
	return rc;
}

static void tell_alloc(struct pasid_host *host, const struct alloc_job *job)
{
	struct ioasid_nb_args args = {
		.id = job->number,
		.spid = INVALID_IOASID,
		.set = job->set,
	};

	pasid_notify(host, IOASID_NOTIFY_ALLOC, &args, PASID_SCOPE_SET);
	pasid_unpin(host, job->number);
}

int pasid_alloc(struct ioasid_set *set, const struct ioasid_request *req,
		struct limit_group *charge, u32 *id)
{
	struct pasid_host *host = set ? set->host : NULL;
	struct alloc_job job = { .set = set, .req = req, .group = charge };
	int rc;

	*id = INVALID_IOASID;
	if (!set || req->min > req->max || req->flags & ~IOASID_REQUEST_NEXT)
		return -EINVAL;
	if (pasid_refuse_in_handler(host, "allocation"))
		return -EDEADLK;
	if (!charge && host->ops->limit_get)
		job.group = host->ops->limit_get(host);
	if (IS_ERR(job.group))
		return (int)PTR_ERR(job.group);
	do {
		rc = alloc_once(host, &job);
	} while (rc == -ESTALE);
	pasid_table_spare_free(&job.table);
	pasid_space_spare_free(&job.space);
	if (!charge && job.group)
		limit_group_put(job.group);
	if (rc)
		return rc;
	*id = job.number;
	if (job.notify)
		tell_alloc(host, &job);
	return 0;
}

/* ---- free ------------------------------------------------------------------------------------ */

/* @rec becomes pending. Return: true: it is still held, FREE is to be told and a pin dropped. */
static bool free_locked(struct pasid_host *host, struct pasid_rec *rec, struct ioasid_nb_args *args,
			struct ioasid_set **unused)
{
	rec->pending = true;
	rec->set->nr_pending++;
	host->nr_pending++;
	if (let_go_locked(host, rec, unused) || !rec_holders(rec))
		return false;
	rec->pins++;
	*args = (struct ioasid_nb_args){
		.id = rec->number,
		.spid = rec->spid,
		.set = rec->set,
	};
	return true;
}

void pasid_free(struct pasid_host *host, struct ioasid_set *set, u32 id)
{
	struct ioasid_set *unused = NULL;
	struct ioasid_nb_args args;
	struct pasid_rec *rec;
	bool tell = false;

	if (pasid_refuse_in_handler(host, "freeing"))
		return;
	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (rec && set && rec->set == set && !rec->pending)
		tell = free_locked(host, rec, &args, &unused);
	else if (!rec || rec->set != set)
		pr_debug("freeing a number that is not the caller's: ignored\n");
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(unused);
	if (!tell)
		return;
	pasid_notify(host, IOASID_NOTIFY_FREE, &args, PASID_SCOPE_ALL | PASID_SCOPE_SET);
	pasid_unpin(host, id);
}

/* The number that is listed longest, pinned and not listed any more; 0: none. */
static u32 unlist_last(struct ioasid_set *set)
{
	struct pasid_host *host = set->host;
	struct pasid_rec *rec;
	u32 id;

	spin_lock_bh(&host->lock);
	id = set->last;
	if (id) {
		rec = pasid_table_find(&host->table, id);
		unlist_number(host, rec);
		rec->pins++;
	}
	spin_unlock_bh(&host->lock);
	return id;
}

void pasid_free_all(struct ioasid_set *set)
{
	struct pasid_host *host = set->host;
	u32 id, n;

	if (pasid_refuse_in_handler(host, "freeing"))
		return;
	spin_lock_bh(&host->lock);
	n = set->nr_listed;
	spin_unlock_bh(&host->lock);
	/* The pin keeps the set too. What others allocate meanwhile is theirs: it is listed behind. */
	for (; n && (id = unlist_last(set)); n--) {
		pasid_free(host, set, id);
		pasid_unpin(host, id);
	}
}

/* ---- references ------------------------------------------------------------------------------ */

static int hold_locked(struct pasid_rec *rec, enum ioasid_holder holder)
{
	switch (holder) {
	case IOASID_HOLD_USER:
		return ++rec->users ? 0 : (rec->users--, -EOVERFLOW);
	case IOASID_HOLD_DEVICE:
		return ++rec->device ? 0 : (rec->device--, -EOVERFLOW);
	case IOASID_HOLD_IOMMU:
		return ++rec->iommu ? 0 : (rec->iommu--, -EOVERFLOW);
	case IOASID_HOLD_CPU:
		return ++rec->cpu ? 0 : (rec->cpu--, -EOVERFLOW);
	default:
		return -EINVAL;
	}
}

static bool unhold_locked(struct pasid_rec *rec, enum ioasid_holder holder)
{
	switch (holder) {
	case IOASID_HOLD_USER:
		return rec->users && rec->users--;
	case IOASID_HOLD_DEVICE:
		return rec->device && rec->device--;
	case IOASID_HOLD_IOMMU:
		return rec->iommu && rec->iommu--;
	case IOASID_HOLD_CPU:
		return rec->cpu && rec->cpu--;
	default:
		return false;
	}
}

int pasid_hold_locked(struct pasid_rec *rec, const struct ioasid_set *set,
		      enum ioasid_holder holder)
{
	if (!rec)
		return -EINVAL;
	if (rec->pending)
		return -EBUSY;
	if (set && rec->set != set)
		return -EACCES;
	return hold_locked(rec, holder);
}

int pasid_get(struct pasid_host *host, struct ioasid_set *set, u32 id, enum ioasid_holder holder)
{
	int rc;

	spin_lock_bh(&host->lock);
	rc = pasid_hold_locked(pasid_rec_locked(host, id), set, holder);
	spin_unlock_bh(&host->lock);
	return rc;
}

int pasid_get_if_owned(struct pasid_host *host, u32 id)
{
	void *mm = host->ops->mm_current ? host->ops->mm_current() : NULL;
	struct pasid_rec *rec;
	int rc;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (!rec)
		rc = -ENOENT;
	else if (rec->set->type != IOASID_SET_TYPE_MM)
		rc = -EINVAL;
	else if (rec->set->token != mm)
		rc = -EPERM;
	else
		rc = pasid_hold_locked(rec, NULL, IOASID_HOLD_USER);
	spin_unlock_bh(&host->lock);
	return rc;
}

bool pasid_put(struct pasid_host *host, struct ioasid_set *set, u32 id, enum ioasid_holder holder)
{
	struct ioasid_set *unused = NULL;
	bool reclaimed = false, balanced = true;
	struct pasid_rec *rec;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (rec && (!set || rec->set == set)) {
		balanced = unhold_locked(rec, holder);
		if (balanced)
			reclaimed = let_go_locked(host, rec, &unused);
	}
	spin_unlock_bh(&host->lock);
	if (unused)
		pasid_set_release(unused);
	if (!balanced)
		pr_warn_ratelimited("a reference was dropped that nobody had: ignored\n");
	return reclaimed;
}

int pasid_describe(struct pasid_host *host, u32 id, struct ioasid_id_info *info)
{
	struct pasid_rec *rec;

	memset(info, 0, sizeof(*info));
	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (rec) {
		info->id = id;
		info->spid = rec->spid;
		info->set = rec->set;
		info->holders[IOASID_HOLD_USER] = rec->users;
		info->holders[IOASID_HOLD_IOMMU] = rec->iommu;
		info->holders[IOASID_HOLD_CPU] = rec->cpu;
		info->holders[IOASID_HOLD_DEVICE] = rec->device;
		info->refs = !rec->pending + rec->users + rec->iommu + rec->cpu + rec->device;
		info->state = rec->pending     ? IOASID_STATE_FREE_PENDING :
			      rec_holders(rec) ? IOASID_STATE_ACTIVE :
						 IOASID_STATE_IDLE;
	}
	spin_unlock_bh(&host->lock);
	return rec ? 0 : -ENOENT;
}

/* ---- lookup without lock --------------------------------------------------------------------- */

static __always_inline void *find(struct pasid_host *host, const struct ioasid_set *set, u32 id)
{
	const struct pasid_hot *hot = pasid_table_hot(&host->table, id);
	void *priv;
	u32 owner;

	if (unlikely(!hot || !hot_read(hot, &owner, &priv)))
		return ERR_PTR(-ENOENT);
	return unlikely(set && set->id != owner) ? ERR_PTR(-EACCES) : priv;
}

void *pasid_find(struct pasid_host *host, struct ioasid_set *set, u32 id, bool (*getter)(void *))
{
	void *priv;

	if (!getter)
		return find(host, set, id);
	/* Who takes the pointer away waits for readers before what it leads to goes. */
	os_rcu_enter();
	priv = find(host, set, id);
	if (!IS_ERR_OR_NULL(priv) && !getter(priv))
		priv = NULL;
	os_rcu_exit();
	return priv;
}

struct ioasid_set *pasid_find_set(struct pasid_host *host, u32 id)
{
	struct pasid_rec *rec;
	struct ioasid_set *set;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	set = rec ? rec->set : ERR_PTR(-ENOENT);
	spin_unlock_bh(&host->lock);
	return set;
}

/* ---- private data ---------------------------------------------------------------------------- */

int pasid_attach_data(struct pasid_host *host, u32 id, void *data)
{
	struct pasid_rec *rec;
	int rc = 0;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (!rec)
		rc = -ENOENT;
	else if (rec->pending || hot_of(host, id)->priv)
		rc = -EBUSY;
	else
		rcu_assign_pointer(hot_of(host, id)->priv, data);
	spin_unlock_bh(&host->lock);
	return rc;
}

void pasid_clear_data(struct pasid_host *host, u32 id)
{
	struct pasid_rec *rec;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (rec)
		WRITE_ONCE(pasid_table_hot(&host->table, id)->priv, NULL);
	spin_unlock_bh(&host->lock);
	if (!rec)
		pr_debug("no such number to take data from\n");
}

void pasid_detach_data(struct pasid_host *host, u32 id)
{
	if (pasid_refuse_in_handler(host, "taking data away"))
		return;
	pasid_clear_data(host, id);
	/* Who found it may still be looking at it. */
	os_synchronize_rcu();
}
