// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device TLBs (ATS). The IOMMU remembers every translation it granted; here grants and the device's
 * cache are one and the same table, in pieces of 4 KiB. An invalidation takes grants away.
 *
 * A mute device keeps a cache of its own and never says that it has forgotten: whoever invalidates
 * waits for as long as the IOMMU allows, then the device is cut off and its owner told.
 *
 * A grant is recorded only if nothing was invalidated since its walk began. An invalidator begins a
 * new generation first and looks for grants afterwards, so it finds the grant or prevents it.
 */
#include <linux/mm.h>

#include "sim/private.h"

int sim_ats_init(struct sim_dev *dev)
{
	spin_lock_init(&dev->dtlb_lock);
	init_waitqueue_head(&dev->fence_wait);
	if (!sim_has_ats(dev) || sim_is_slice(dev))
		return 0;
	dev->grants = kvcalloc(dev->cfg.dtlb_entries, sizeof(*dev->grants), GFP_KERNEL_ACCOUNT);
	return dev->grants ? 0 : -ENOMEM;
}

void sim_ats_destroy(struct sim_dev *dev)
{
	if (dev->grants)
		sim_ats_reset(dev);
	kvfree(dev->grants);
}

static void grant_drop(struct sim_dev *dev, struct sim_grant *g)
{
	g->perm = 0;
	sim_count(dev->iommu, SIM_GRANTS, -1);
}

void sim_ats_reset(struct sim_dev *dev)
{
	u32 i;

	if (!dev->grants)
		return;
	spin_lock(&dev->dtlb_lock);
	for (i = 0; i < dev->cfg.dtlb_entries; i++) {
		if (dev->grants[i].perm)
			grant_drop(dev, &dev->grants[i]);
	}
	spin_unlock(&dev->dtlb_lock);
}

/* ---- giving ------------------------------------------------------------------------------------------ */

static bool same_source(const struct sim_grant *g, bool has_pasid, u32 pasid)
{
	return g->has_pasid == has_pasid && (!has_pasid || g->pasid == pasid);
}

/* The grant of the same page for the same sender, or NULL. Lock held. */
static struct sim_grant *grant_find(struct sim_dev *fn, const struct sim_xlate *x)
{
	bool priv = x->access & XLAT_PRIV;
	u32 i;

	for (i = 0; i < fn->cfg.dtlb_entries; i++) {
		struct sim_grant *g = &fn->grants[i];

		if (g->perm && g->page == x->iova >> PAGE_SHIFT && g->priv == priv &&
		    same_source(g, x->src.has_pasid, x->src.pasid))
			return g;
	}
	return NULL;
}

/*
 * Where a new grant goes: the oldest makes room, unless the device has a cache of its own, which it
 * is not ours to empty. Lock held. Return: NULL: no room.
 */
static struct sim_grant *grant_room(struct sim_dev *fn)
{
	u32 i, n = fn->cfg.dtlb_entries;
	struct sim_grant *g;

	for (i = 0; i < n; i++) {
		g = &fn->grants[(fn->next_grant + i) % n];
		if (!g->perm)
			return g;
	}
	if (fn->cfg.flags & IOASID_SIM_MUTE)
		return NULL;
	g = &fn->grants[fn->next_grant++ % n];
	grant_drop(fn, g);
	return g;
}

/* Return: recorded. Lock held. */
static bool grant_add(struct sim_dev *fn, const struct sim_xlate *x, const struct vtd_xlat *w)
{
	struct sim_grant *g = grant_find(fn, x);

	if (g)
		grant_drop(fn, g);
	else
		g = grant_room(fn);
	if (!g)
		return false;
	*g = (struct sim_grant){
		.page = x->iova >> PAGE_SHIFT,
		.pa = w->oa & PAGE_MASK,
		.lg2 = max_t(u8, w->fs_lg2, PAGE_SHIFT),
		.perm = w->perm & XLAT_RW,
		.priv = x->access & XLAT_PRIV,
		.has_pasid = x->src.has_pasid,
		.pasid = x->src.pasid,
	};
	sim_count(fn->iommu, SIM_GRANTS, 1);
	return true;
}

/*
 * In a section: the IOMMU's side of a translation request. @w says what may be done, nothing if its
 * perm lacks it. @granted: it was recorded.
 */
static enum sim_result ats_ask(struct sim_dev *dev, struct sim_xlate *x, struct vtd_xlat *w,
			       bool *granted)
{
	enum sim_result res;
	struct sim_view v;

	*granted = false;
	res = sim_xlate_view(dev, x, VTD_REQ_TRANSLATION, &v);
	if (res != SIM_OK)
		return res;
	if (v.te.pgtt == VTD_PGTT_PASS) {
		x->shared = v.dom->shared;
		kref_get(&x->shared->ref);
		return SIM_PROCESS;
	}
	if (sim_xlate_walk(dev, x, &v, XLAT_ATS, w))
		return sim_xlate_fail(x, &v, w);
	if (!(w->perm & XLAT_RW))
		return SIM_OK;
	spin_lock(&dev->fn->dtlb_lock);
	if (sim_gen_is(dev->iommu, v.gen))
		*granted = grant_add(dev->fn, x, w);
	spin_unlock(&dev->fn->dtlb_lock);
	return SIM_OK;
}

/* ---- the modelled device TLB ------------------------------------------------------------------------------ */

static bool grant_use(struct sim_dev *dev, const struct sim_xlate *x, u64 *pa)
{
	u32 need = x->access & XLAT_RW;
	struct sim_grant *g;
	bool hit;

	if (x->unrouted || READ_ONCE(dev->blocked))
		return false;
	spin_lock(&dev->fn->dtlb_lock);
	g = grant_find(dev->fn, x);
	hit = g && (g->perm & need) == need;
	if (hit)
		*pa = g->pa | (x->iova & ~PAGE_MASK);
	spin_unlock(&dev->fn->dtlb_lock);
	return hit;
}

/*
 * What the device TLB cannot get, the device asks for (a page request) or, if it cannot ask, sends
 * untranslated, which is how the failure comes to be recorded. What was found but not recorded is
 * good for this section all the same.
 */
enum sim_result sim_ats_xlate(struct sim_dev *dev, struct sim_xlate *x, u64 *pa)
{
	bool granted, pri = dev->cfg.flags & IOASID_SIM_PRI;
	u32 need = x->access & XLAT_RW;
	enum sim_result res;
	struct vtd_xlat w;

	if (grant_use(dev, x, pa))
		return SIM_OK;
	res = ats_ask(dev, x, &w, &granted);
	if (res == SIM_AGAIN || res == SIM_PROCESS || (res == SIM_FAULT && x->askable && pri))
		return res;
	if (res == SIM_OK && (w.perm & need) == need) {
		*pa = w.oa;
		return SIM_OK;
	}
	return sim_xlate(dev, x, pa);
}

/* ---- devices that keep their own ---------------------------------------------------------------------------- */

int sim_ats_request(struct sim_dev *dev, struct ioasid_sim_request *req)
{
	u32 access = (req->flags & IOASID_SIM_REQ_READ ? XLAT_READ : 0) |
		     (req->flags & IOASID_SIM_REQ_WRITE ? XLAT_WRITE : 0) |
		     (req->flags & IOASID_SIM_REQ_PRIV ? XLAT_PRIV : 0);
	unsigned int tries = 0;
	enum sim_result res;
	struct sim_xlate x;
	struct vtd_xlat w;
	bool granted;
	int idx;

	if (!(dev->cfg.flags & IOASID_SIM_MUTE) || !(access & XLAT_RW))
		return -EINVAL;
	sim_xlate_init(&x, dev, req->addr, req->pasid, access);
	do {
		cond_resched();
		idx = sim_section_enter(dev);
		sim_xlate_begin(dev, &x);
		res = ats_ask(dev, &x, &w, &granted);
		sim_section_exit(dev, idx);
	} while ((res == SIM_AGAIN || (res == SIM_OK && w.perm & XLAT_RW && !granted)) &&
		 ++tries < SIM_TRIES_MAX && !READ_ONCE(dev->dead));
	if (res == SIM_PROCESS)
		sim_shared_put(x.shared);
	req->granted = 0;
	if (res == SIM_OK && granted)
		req->granted = (w.perm & XLAT_READ ? IOASID_SIM_REQ_READ : 0) |
			       (w.perm & XLAT_WRITE ? IOASID_SIM_REQ_WRITE : 0);
	return 0;
}

/* ---- taking back ----------------------------------------------------------------------------------------------- */

static bool grant_touches(const struct sim_grant *g, u64 start, u64 last)
{
	u64 mask = BIT_ULL(g->lg2) - 1, iova = g->page << PAGE_SHIFT;

	return (iova & ~mask) <= last && (iova | mask) >= start;
}

/* Grants of @pasid in the range: are there any, and off with them. */
static bool grants_in(struct sim_dev *dev, u32 pasid, u64 start, u64 last, bool drop)
{
	bool any = false;
	u32 i;

	spin_lock(&dev->dtlb_lock);
	for (i = 0; i < dev->cfg.dtlb_entries; i++) {
		struct sim_grant *g = &dev->grants[i];

		if (!g->perm || !same_source(g, pasid != 0, pasid) ||
		    !grant_touches(g, start, last))
			continue;
		any = true;
		if (drop)
			grant_drop(dev, g);
	}
	spin_unlock(&dev->dtlb_lock);
	return any;
}

/* Tell the device, and wait for a word that does not come. */
static void mute_wait(struct sim_dev *fn)
{
	long t = msecs_to_jiffies(fn->iommu->cfg.ats_timeout_ms);

	if (READ_ONCE(fn->blocked))
		return;
	if (wait_event_timeout(fn->fence_wait, READ_ONCE(fn->dead), t))
		return;
	/* Whatever it still sends is refused; the caller waits for what has begun. */
	sim_dev_fence(fn);
}

void sim_ats_purge(struct sim_dev *dev, u32 pasid, u64 start, u64 last)
{
	bool mute = dev->cfg.flags & IOASID_SIM_MUTE;

	if (!sim_has_ats(dev) || !grants_in(dev, pasid, start, last, !mute) || !mute)
		return;
	mute_wait(dev);
	grants_in(dev, pasid, start, last, true);
}
