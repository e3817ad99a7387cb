// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Set-private numbers: what a guest calls a PASID. */
#include "core/pasid_alloc.h"

/* ---- the index ------------------------------------------------------------------------------- */

/* struct spid_spare - memory for one entry, taken before the lock */
struct spid_spare {
	u32 **root;
	u32 *page;
};

static u32 *find_slot(const struct ioasid_set *set, u32 spid)
{
	u32 **root = READ_ONCE(set->spids), *page;

	if (unlikely(!root || spid >= PASID_CAPACITY))
		return NULL;
	page = READ_ONCE(root[spid / PASID_SPIDS]);
	return likely(page) ? &page[spid % PASID_SPIDS] : NULL;
}

static int fill_spare(struct spid_spare *spare)
{
	BUILD_BUG_ON(PASID_SPIDS * sizeof(u32) != PAGE_SIZE);
	if (!spare->root)
		spare->root = kvcalloc(PASID_CAPACITY / PASID_SPIDS, sizeof(*spare->root),
				       GFP_KERNEL_ACCOUNT);
	if (!spare->page)
		spare->page = os_lines_zalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	return spare->root && spare->page ? 0 : -ENOMEM;
}

static void free_spare(struct spid_spare *spare)
{
	kvfree(spare->root);
	os_lines_free(spare->page);
}

/* The place of an entry, or NULL: more memory first. */
static u32 *make_slot(struct ioasid_set *set, u32 spid, struct spid_spare *spare)
{
	u32 *slot = find_slot(set, spid);

	if (slot || !spare->page || !(set->spids || spare->root))
		return slot;
	if (!set->spids) {
		smp_store_release(&set->spids, spare->root);
		spare->root = NULL;
	}
	smp_store_release(&set->spids[spid / PASID_SPIDS], spare->page);
	spare->page = NULL;
	return find_slot(set, spid);
}

void pasid_spid_forget_locked(struct ioasid_set *set, u32 spid)
{
	u32 *slot = find_slot(set, spid);

	if (WARN_ON(!slot || !*slot))
		return;
	WRITE_ONCE(*slot, 0);
	set->nr_spids--;
}

void pasid_spid_destroy(struct ioasid_set *set)
{
	u32 i;

	for (i = 0; set->spids && i < PASID_CAPACITY / PASID_SPIDS; i++)
		os_lines_free(set->spids[i]);
	kvfree(set->spids);
}

/* ---- attach and detach ----------------------------------------------------------------------- */

static struct ioasid_nb_args spid_args(const struct pasid_rec *rec)
{
	return (struct ioasid_nb_args){
		.id = rec->number,
		.spid = rec->spid,
		.set = rec->set,
	};
}

/* UNBIND first, while the private number can still be looked up; then it goes. Number pinned. */
static void unbind(struct pasid_host *host, struct ioasid_nb_args *args)
{
	struct pasid_rec *rec;

	pasid_notify(host, IOASID_NOTIFY_UNBIND, args, PASID_SCOPE_SET);
	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, args->id);
	if (!rec->unlisted)
		pasid_spid_forget_locked(rec->set, rec->spid);
	rec->spid = INVALID_IOASID;
	rec->spid_state = PASID_SPID_STABLE;
	spin_unlock_bh(&host->lock);
}

/* -EAGAIN: more memory first. */
static int attach_locked(struct pasid_rec *rec, u32 spid, struct spid_spare *spare)
{
	u32 *slot;

	if (!rec)
		return -ENOENT;
	/* Unlisted: free_all is about to free it, and names of such numbers are not looked after. */
	if (rec->pending || rec->unlisted || rec->spid != INVALID_IOASID)
		return -EBUSY;
	slot = make_slot(rec->set, spid, spare);
	if (!slot)
		return -EAGAIN;
	if (*slot)
		return -EINVAL;
	WRITE_ONCE(*slot, rec->number);
	rec->set->nr_spids++;
	rec->spid = spid;
	rec->spid_state = PASID_SPID_BINDING;
	rec->pins++;
	return 0;
}

/* BIND was told. Return: true: somebody asked meanwhile to take it away again. */
static bool bound(struct pasid_host *host, u32 id)
{
	struct pasid_rec *rec;
	bool undo;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	undo = rec->spid_state == PASID_SPID_BINDING_UNBIND;
	rec->spid_state = undo ? PASID_SPID_UNBINDING : PASID_SPID_STABLE;
	spin_unlock_bh(&host->lock);
	return undo;
}

int pasid_attach_spid(struct pasid_host *host, u32 id, u32 spid)
{
	struct spid_spare spare = { 0 };
	struct ioasid_nb_args args;
	struct pasid_rec *rec;
	int rc;

	if (pasid_refuse_in_handler(host, "naming a number"))
		return -EDEADLK;
	if (spid >= PASID_CAPACITY)
		return -EINVAL;
	do {
		spin_lock_bh(&host->lock);
		rec = pasid_rec_locked(host, id);
		rc = attach_locked(rec, spid, &spare);
		if (!rc)
			args = spid_args(rec);
		spin_unlock_bh(&host->lock);
	} while (rc == -EAGAIN && !(rc = fill_spare(&spare)));
	free_spare(&spare);
	if (rc)
		return rc;
	pasid_notify(host, IOASID_NOTIFY_BIND, &args, PASID_SCOPE_SET);
	if (bound(host, id))
		unbind(host, &args);
	pasid_unpin(host, id);
	return 0;
}

void pasid_detach_spid(struct pasid_host *host, u32 id)
{
	struct ioasid_nb_args args;
	struct pasid_rec *rec;
	bool tell = false;

	if (pasid_refuse_in_handler(host, "taking a name away"))
		return;
	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (!rec || rec->spid == INVALID_IOASID) {
		pr_debug("no such private number to take away\n");
	} else if (rec->spid_state == PASID_SPID_BINDING) {
		rec->spid_state = PASID_SPID_BINDING_UNBIND;
	} else if (rec->spid_state == PASID_SPID_STABLE) {
		rec->spid_state = PASID_SPID_UNBINDING;
		rec->pins++;
		args = spid_args(rec);
		tell = true;
	}
	spin_unlock_bh(&host->lock);
	if (!tell)
		return;
	unbind(host, &args);
	pasid_unpin(host, id);
}

/* ---- lookup ---------------------------------------------------------------------------------- */

/* Without a reference the answer may be history at once, so the index alone is asked. */
u32 pasid_find_by_spid(struct ioasid_set *set, u32 spid)
{
	const u32 *slot = find_slot(set, spid);
	u32 id = slot ? READ_ONCE(*slot) : 0;

	return id ?: INVALID_IOASID;
}

u32 pasid_get_by_spid(struct ioasid_set *set, u32 spid, enum ioasid_holder holder)
{
	struct pasid_host *host = set->host;
	u32 id;

	spin_lock_bh(&host->lock);
	id = pasid_find_by_spid(set, spid);
	if (id != INVALID_IOASID && pasid_hold_locked(pasid_rec_locked(host, id), set, holder))
		id = INVALID_IOASID;
	spin_unlock_bh(&host->lock);
	return id;
}
