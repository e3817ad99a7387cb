// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Device TLBs (ATS). The IOMMU remembers every grant it gave: a translated request passes only with
 * a grant outstanding for its RID and PASID, and an invalidation takes grants back. Slices of a function
 * are told apart: what was granted to one is none of the others', of whatever PASID.
 *
 * A device without IOASID_HOSTDEV_OWN_DTLB has its device TLB modelled here: then grants and cache
 * are one and the same list, bounded by its size; what is evicted is no grant any more. A device
 * with a device TLB of its own is told to forget and has to say when it has.
 *
 * A grant is recorded under ats_lock only if nothing was invalidated since its walk began; the
 * invalidator counts first and takes the lock afterwards, so it finds the grant or prevents it.
 */
#include <sched.h>

#include "inproc/xlate.h"

/* Devices with a TLB of their own are not asked to give anything back before this. */
#define OWN_GRANTS_MAX (1U << 20)

void ats_init(struct ioasid_hostdev *dev, u32 entries)
{
	mutex_init(&dev->ats_lock);
	dev->by_iova = RB_ROOT_CACHED;
	dev->by_host = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&dev->grants);
	INIT_LIST_HEAD(&dev->invs);
	dev->max_grants = dev->flags & IOASID_HOSTDEV_OWN_DTLB ? OWN_GRANTS_MAX : entries;
}

static void grant_drop(struct ioasid_hostdev *dev, struct ats_grant *g)
{
	interval_tree_remove(&g->iova, &dev->by_iova);
	interval_tree_remove(&g->host, &dev->by_host);
	list_del(&g->link);
	dev->nr_grants--;
	__atomic_sub_fetch(&dev->host->nr_grants, 1, __ATOMIC_RELAXED);
	os_free(g);
}

void ats_destroy(struct ioasid_hostdev *dev)
{
	WARN_ON(!list_empty(&dev->invs));
	ats_reset(dev);
	mutex_destroy(&dev->ats_lock);
}

void ats_reset(struct ioasid_hostdev *dev)
{
	struct ats_grant *g, *next;

	mutex_lock(&dev->ats_lock);
	list_for_each_entry_safe(g, next, &dev->grants, link)
		grant_drop(dev, g);
	mutex_unlock(&dev->ats_lock);
}

/* ---- giving ---------------------------------------------------------------------------------- */

/* The grant of the same page for the same sender, if there is one. Lock held. */
static struct ats_grant *grant_find(struct ioasid_hostdev *dev, const struct xlate *x)
{
	struct interval_tree_node *n;

	for (n = interval_tree_iter_first(&dev->by_iova, x->iova, x->iova); n;
	     n = interval_tree_iter_next(n, x->iova, x->iova)) {
		struct ats_grant *g = container_of(n, struct ats_grant, iova);

		if (g->pasid == x->pasid && g->priv == !!(x->access & XLAT_PRIV))
			return g;
	}
	return NULL;
}

static bool no_invalidation_since(const struct ioasid_hostdev *dev, const struct ats_grant *g)
{
	return g->epoch == dev->inv_epoch;
}

/*
 * Make room for one more. Return: false: the device holds all it may hold, and it is not ours to
 * say which it shall forget.
 */
static bool grant_room(struct ioasid_hostdev *dev)
{
	if (dev->nr_grants < dev->max_grants)
		return true;
	if (!hostdev_has_dtlb(dev))
		return false;
	grant_drop(dev, list_first_entry(&dev->grants, struct ats_grant, link));
	return true;
}

/* Record the grant of 2^@lg2 bytes around @x->iova. Return: false: not recorded. Lock held. */
static bool grant_add(struct ioasid_hostdev *dev, const struct xlate *x, u64 oa, unsigned int lg2,
		      u8 perm)
{
	u64 mask = BIT_ULL(lg2) - 1;
	struct ats_grant *g = grant_find(dev, x);

	/*
	 * An older one of the page is superseded, unless the device has just been told to forget
	 * it: then it may still be using it until it says that it does not.
	 */
	if (g && no_invalidation_since(dev, g))
		grant_drop(dev, g);
	g = grant_room(dev) ? os_zalloc(sizeof(*g)) : NULL;
	if (!g)
		return false;
	g->epoch = dev->inv_epoch;
	g->iova.start = x->iova & ~mask;
	g->iova.last = x->iova | mask;
	g->host.start = oa & ~mask;
	g->host.last = oa | mask;
	g->pasid = x->pasid;
	g->priv = x->access & XLAT_PRIV;
	g->perm = perm;
	interval_tree_insert(&g->iova, &dev->by_iova);
	interval_tree_insert(&g->host, &dev->by_host);
	list_add_tail(&g->link, &dev->grants);
	dev->nr_grants++;
	count(&dev->host->nr_grants);
	return true;
}

/* Nothing of the route or of its tables was invalidated since the view was taken. */
static bool view_holds(struct ioasid_host *host, const struct xlate_view *v)
{
	return !(v->seq & 1) && load_seq_cst(&host->seq) == v->seq && view_current(v);
}

enum ats_result { ATS_GRANTED, ATS_REFUSED, ATS_AGAIN };

/*
 * In a section: the IOMMU's side of a translation request. @w says what may be done: nothing, if
 * its perm lacks it; @x says why the request is refused altogether.
 */
static enum ats_result ats_request(struct ioasid_hostdev *dev, struct xlate *x, struct vtd_xlat *w,
				   unsigned int lg2_max)
{
	struct ioasid_host *host = dev->host;
	enum ats_result res = ATS_GRANTED;
	struct xlate_view v;

	if (load_relaxed(&dev->blocked)) {
		xlate_refuse(x, IOASID_REASON_NO_ROUTE, VTD_SCT_2);
		return ATS_REFUSED;
	}
	if (!xlate_view_get(dev, x, VTD_REQ_TRANSLATION, &v))
		return ATS_REFUSED;
	if (v.te.pgtt == VTD_PGTT_PASS) {
		x->shared = true;
		x->pid = domain_root(v.dom)->pid;
		return ATS_REFUSED;
	}
	if (xlate_walk(host, &v, x->iova, x->access | XLAT_ATS, w)) {
		xlate_fail(x, &v, w);
		return ATS_REFUSED;
	}
	w->lg2 = (u8)min_t(unsigned int, w->lg2, lg2_max);
	mutex_lock(&dev->ats_lock);
	if (!view_holds(host, &v))
		res = ATS_AGAIN;
	else if (w->perm & XLAT_RW && !grant_add(dev, x, w->oa, w->lg2, w->perm & XLAT_RW))
		res = ATS_REFUSED;
	mutex_unlock(&dev->ats_lock);
	if (res == ATS_REFUSED)
		xlate_refuse(x, IOASID_REASON_DEVICE, VTD_SCT_5);
	else if (res == ATS_AGAIN)
		sched_yield();
	return res;
}

/* ---- the modelled device TLB ------------------------------------------------------------------- */

static void *grant_use(struct ioasid_hostdev *dev, const struct xlate *x)
{
	u32 need = x->access & XLAT_RW;
	struct ats_grant *g;
	void *p = NULL;

	mutex_lock(&dev->ats_lock);
	g = load_relaxed(&dev->blocked) ? NULL : grant_find(dev, x);
	if (g && (g->perm & need) == need)
		p = (void *)(g->host.start + (x->iova - g->iova.start));
	mutex_unlock(&dev->ats_lock);
	return p;
}

/*
 * What the device TLB cannot get, the device asks for (a page request) or, if it cannot ask, sends
 * untranslated, which is how the failure comes to be recorded.
 */
void *ats_page(struct ioasid_hostdev *dev, struct xlate *x)
{
	bool pri = dev->flags & IOASID_HOSTDEV_PRI;
	u32 need = x->access & XLAT_RW;
	enum ats_result res;
	struct vtd_xlat w;
	void *p = grant_use(dev, x);

	if (p)
		return p;
	do {
		res = ats_request(dev, x, &w, PAGE_SHIFT);
	} while (res == ATS_AGAIN);
	if (res == ATS_GRANTED && (w.perm & need) == need)
		return (void *)(uintptr_t)w.oa;
	if (res == ATS_REFUSED && (x->shared || (x->askable && pri)))
		return NULL;
	return xlate_slow(dev, x);
}

/* ---- devices that keep their own ------------------------------------------------------------------ */

/* A translated request: @x->iova is the output of an earlier translation. */
void *ats_translated(struct ioasid_hostdev *dev, struct xlate *x)
{
	u32 need = x->access & XLAT_RW;
	struct interval_tree_node *n;
	void *p = NULL;

	mutex_lock(&dev->ats_lock);
	if (!load_relaxed(&dev->blocked) && dev->flags & IOASID_HOSTDEV_ATS) {
		for (n = interval_tree_iter_first(&dev->by_host, x->iova, x->iova); n && !p;
		     n = interval_tree_iter_next(n, x->iova, x->iova)) {
			struct ats_grant *g = container_of(n, struct ats_grant, host);

			if (g->pasid == x->pasid && (g->perm & need) == need &&
			    g->priv == !!(x->access & XLAT_PRIV))
				p = (void *)(uintptr_t)x->iova;
		}
	}
	mutex_unlock(&dev->ats_lock);
	return p ? p : xlate_refuse(x, IOASID_REASON_DEVICE, VTD_SCT_5);
}

/* How the IOMMU completes a translation request it cannot satisfy: "no access", or an error. */
static int ats_complete(struct ioasid_hostdev *dev, const struct xlate *x)
{
	const struct vtd_reason_info *info = vtd_reason_info((u8)x->arch_reason);

	if (x->shared)
		return -EFAULT;
	if (info && (info->completion == VTD_COMPL_EMPTY || info->completion == VTD_COMPL_PERM))
		return 0;
	xlate_report(dev, x);
	return -EFAULT;
}

int ioasid_hostdev_translate(struct ioasid_hostdev *dev, struct ioasid_dma *dma,
			     unsigned int access, uint64_t *translated, unsigned int *page_lg2,
			     unsigned int *granted)
{
	enum ats_result res;
	struct vtd_xlat w;
	struct xlate x;
	int rc;

	if (!(dev->flags & IOASID_HOSTDEV_ATS) || !(access & XLAT_RW) ||
	    dma->flags & IOASID_DMA_TRANSLATED)
		return -EINVAL;
	rc = hostdev_enter(dev);
	if (rc)
		return rc;
	xlate_init(&x, dma, access & XLAT_RW);
	do {
		section_enter();
		xlate_wire(dev, &x);
		res = ats_request(dev, &x, &w, 63);
		section_exit();
	} while (res == ATS_AGAIN);
	*granted = 0;
	*translated = 0;
	*page_lg2 = PAGE_SHIFT;
	if (res == ATS_REFUSED) {
		rc = ats_complete(dev, &x);
		xlate_blame(dma, &x);
	} else {
		*granted = w.perm & XLAT_RW;
		*translated = w.oa & ~(BIT_ULL(w.lg2) - 1);
		*page_lg2 = w.lg2;
	}
	hostdev_exit();
	return rc;
}

/* ---- taking back --------------------------------------------------------------------------------------- */

/* Grants of @pasid in the range, given before @epoch: are there any, and off with them. Lock held. */
static bool grants_before(struct ioasid_hostdev *dev, u32 pasid, u64 start, u64 last, u64 epoch,
			  bool drop)
{
	struct interval_tree_node *n = interval_tree_iter_first(&dev->by_iova, start, last), *next;
	bool any = false;

	for (; n; n = next) {
		struct ats_grant *g = container_of(n, struct ats_grant, iova);

		next = interval_tree_iter_next(n, start, last);
		if (g->pasid != pasid || g->epoch >= epoch)
			continue;
		any = true;
		if (drop)
			grant_drop(dev, g);
	}
	return any;
}

/* The range as an invalidate request can say it: a power of two, aligned. */
static void ats_range(u64 *start, u64 *last)
{
	unsigned int lg2 = max(fls64(*start ^ *last), (int)PAGE_SHIFT);
	u64 mask = lg2 >= 64 ? ~0ULL : BIT_ULL(lg2) - 1;

	*start &= ~mask;
	*last = *start | mask;
}

/* Tell the device, and wait for its word. */
static int ats_tell(struct ioasid_hostdev *dev, u32 pasid, u64 start, u64 last)
{
	struct ats_inv inv;
	bool done;

	init_completion(&inv.done);
	mutex_lock(&dev->ats_lock);
	inv.tag = dev->next_inv++;
	list_add_tail(&inv.link, &dev->invs);
	mutex_unlock(&dev->ats_lock);
	ats_range(&start, &last);
	dev->ops->invalidate(dev->opaque, pasid, start, last, inv.tag);
	done = wait_for_completion_ms(&inv.done, dev->host->config.ats_timeout_ms);
	mutex_lock(&dev->ats_lock);
	list_del(&inv.link);
	mutex_unlock(&dev->ats_lock);
	destroy_completion(&inv.done);
	if (done)
		return 0;
	/* Whatever it still sends is refused from here on; the caller waits for what has begun. */
	hostdev_fence(dev);
	return -EIO;
}

/*
 * A device with a TLB of its own keeps its grants until it has said that it uses them no more: what
 * it has on its way is legal until then. New grants are given meanwhile, of what the tables say now.
 */
static int purge_one(struct ioasid_hostdev *dev, u32 pasid, u64 start, u64 last)
{
	bool any, own = dev->flags & IOASID_HOSTDEV_OWN_DTLB;
	u64 epoch;
	int rc = 0;

	mutex_lock(&dev->ats_lock);
	epoch = ++dev->inv_epoch;
	any = grants_before(dev, pasid, start, last, epoch, !own);
	mutex_unlock(&dev->ats_lock);
	if (!any || !own)
		return 0;
	if (!load_relaxed(&dev->blocked))
		rc = ats_tell(dev, pasid, start, last);
	mutex_lock(&dev->ats_lock);
	grants_before(dev, pasid, start, last, epoch, true);
	mutex_unlock(&dev->ats_lock);
	return rc;
}

/* A number may be the one of several slices, and one that lets go of it may have it cached still. */
int ats_purge(struct ioasid_hostdev *fn, u32 pasid, u64 start, u64 last)
{
	struct ioasid_hostdev *slice;
	int rc;

	down_read(&fn->slices_lock);
	rc = purge_one(fn, pasid, start, last);
	list_for_each_entry(slice, &fn->slices, fn_link) {
		if (slice->flags & IOASID_HOSTDEV_ATS && purge_one(slice, pasid, start, last))
			rc = -EIO;
	}
	up_read(&fn->slices_lock);
	return rc;
}

void ioasid_hostdev_inv_done(struct ioasid_hostdev *dev, uint32_t tag)
{
	struct ats_inv *inv;

	mutex_lock(&dev->ats_lock);
	list_for_each_entry(inv, &dev->invs, link) {
		if (inv->tag == tag)
			complete(&inv->done);
	}
	mutex_unlock(&dev->ats_lock);
}
