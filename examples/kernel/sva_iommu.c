// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU driver of the SVA example: PASID entries. It hears of FREE from all sets, also those it has
 * nothing to do with, so it looks in its own table; a private pointer is for those who know whose it is.
 * What sleeps it leaves to a work of that number, which runs before the device driver's: priorities
 * order handlers, and works of one number run in the order in which handlers queued them.
 */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "sva.h"

static DEFINE_MUTEX(sva_iommu_lock);
/* Bonds by number, each with a reference; changes under sva_iommu_lock. */
static DEFINE_XARRAY(sva_bonds);

static void bond_release(struct kref *refs)
{
	struct sva_bond *bond = container_of(refs, struct sva_bond, refs);

	kfree_rcu(bond, rcu);
	atomic_dec(&sva_stats.bonds);
}

static bool bond_get(void *data)
{
	struct sva_bond *bond = data;

	return kref_get_unless_zero(&bond->refs);
}

/* The mapping goes first, while the number is still referenced: the reverse of making it. */
static void bond_tear(struct sva_bond *bond)
{
	bond->torn = true;
	ioasid_detach_spid(bond->id);
	ioasid_detach_data(bond->id);
	xa_erase(&sva_bonds, bond->id);
	ioasid_put_as(NULL, bond->id, IOASID_HOLD_IOMMU);
	kref_put(&bond->refs, bond_release);
}

/* ---- FREE ------------------------------------------------------------------------------------ */

static void free_work(struct ioasid_work *work)
{
	struct sva_bond *bond = container_of(work, struct sva_bond, work);
	struct sva_entry *entry, *next;

	mutex_lock(&sva_iommu_lock);
	list_for_each_entry_safe(entry, next, &bond->entries, in_bond)
		list_del_init(&entry->in_bond);
	WRITE_ONCE(bond->present, 0);
	if (!bond->torn)
		bond_tear(bond);
	mutex_unlock(&sva_iommu_lock);
	kref_put(&bond->refs, bond_release);
}

static int iommu_event(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct ioasid_nb_args *args = data;
	struct sva_bond *bond;

	if (action != IOASID_NOTIFY_FREE)
		return NOTIFY_DONE;
	rcu_read_lock();
	bond = xa_load(&sva_bonds, args->id);
	if (bond && !bond_get(bond))
		bond = NULL;
	rcu_read_unlock();
	/* None: not ours, or the last device has let go already. */
	if (bond && !ioasid_queue_work(&bond->work))
		kref_put(&bond->refs, bond_release);
	return NOTIFY_OK;
}

static struct notifier_block iommu_nb = {
	.notifier_call = iommu_event,
	.priority = IOASID_PRIO_IOMMU,
};

/* ---- bind and unbind ------------------------------------------------------------------------- */

static struct sva_bond *bond_new(ioasid_t id, ioasid_t gpasid)
{
	struct sva_bond *bond = kzalloc(sizeof(*bond), GFP_KERNEL_ACCOUNT);

	if (!bond)
		return NULL;
	kref_init(&bond->refs);
	bond->id = id;
	bond->gpasid = gpasid;
	INIT_LIST_HEAD(&bond->entries);
	ioasid_init_work(&bond->work, id, free_work);
	atomic_inc(&sva_stats.bonds);
	return bond;
}

/* First device: data and reference before the name, since BIND tells of both. */
static struct sva_bond *bond_make(ioasid_t id, ioasid_t gpasid)
{
	struct sva_bond *bond = bond_new(id, gpasid);
	int rc;

	if (!bond)
		return ERR_PTR(-ENOMEM);
	rc = ioasid_attach_data(id, bond);
	if (rc)
		goto err_bond;
	rc = ioasid_get_as(NULL, id, IOASID_HOLD_IOMMU);
	if (rc)
		goto err_data;
	rc = xa_err(xa_store(&sva_bonds, id, bond, GFP_KERNEL_ACCOUNT));
	if (rc)
		goto err_get;
	rc = ioasid_attach_spid(id, gpasid);
	if (rc)
		goto err_table;
	return bond;

err_table:
	xa_erase(&sva_bonds, id);
err_get:
	ioasid_put_as(NULL, id, IOASID_HOLD_IOMMU);
err_data:
	/* FREE may have come and found it: whoever still works on it sees it torn. */
	bond->torn = true;
	ioasid_detach_data(id);
err_bond:
	kref_put(&bond->refs, bond_release);
	return ERR_PTR(rc);
}

int sva_bind_entry(struct sva_entry *entry, ioasid_t gpasid)
{
	struct sva_bond *bond;
	int rc = 0;

	mutex_lock(&sva_iommu_lock);
	bond = xa_load(&sva_bonds, entry->id);
	if (!bond)
		bond = bond_make(entry->id, gpasid);
	else if (bond->gpasid != gpasid)
		rc = -EINVAL;
	if (!rc)
		rc = PTR_ERR_OR_ZERO(bond);
	if (!rc) {
		bond->users++;
		entry->bond = bond;
		kref_get(&bond->refs);
		list_add_tail(&entry->in_bond, &bond->entries);
		WRITE_ONCE(bond->present, bond->present + 1);
	}
	mutex_unlock(&sva_iommu_lock);
	return rc;
}

void sva_block_entry(struct sva_entry *entry)
{
	mutex_lock(&sva_iommu_lock);
	if (!list_empty(&entry->in_bond)) {
		list_del_init(&entry->in_bond);
		WRITE_ONCE(entry->bond->present, entry->bond->present - 1);
	}
	mutex_unlock(&sva_iommu_lock);
}

void sva_unbind_entry(struct sva_entry *entry)
{
	struct sva_bond *bond = entry->bond;

	mutex_lock(&sva_iommu_lock);
	if (!--bond->users && !bond->torn)
		bond_tear(bond);
	mutex_unlock(&sva_iommu_lock);
	kref_put(&bond->refs, bond_release);
}

/* ---- DMA ------------------------------------------------------------------------------------- */

enum sva_dma sva_dma(struct ioasid_set *set, ioasid_t id, const struct sva_bond *mine)
{
	struct sva_bond *bond = ioasid_find(set, id, bond_get);
	enum sva_dma dma = SVA_DMA_STRAY;

	if (IS_ERR(bond))
		return PTR_ERR(bond) == -EACCES ? SVA_DMA_STRAY : SVA_DMA_BLOCKED;
	if (!bond)
		return SVA_DMA_BLOCKED;
	if (!READ_ONCE(bond->present))
		dma = SVA_DMA_BLOCKED;
	else if (bond == mine)
		dma = SVA_DMA_DONE;
	kref_put(&bond->refs, bond_release);
	return dma;
}

int sva_iommu_init(void)
{
	return ioasid_register_notifier(NULL, &iommu_nb);
}

void sva_iommu_exit(void)
{
	ioasid_unregister_notifier(NULL, &iommu_nb);
}
