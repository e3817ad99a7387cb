// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation. The order is the same everywhere:
 *   1. the tables have changed already
 *   2. cached copies in the IOMMU go
 *   3. device TLBs forget, and say when nothing through them is on its way any more
 *   4. sections that began before end: no copy through the old translation is still running, no
 *      walk still reads the old tables
 *   5. table pages are freed; the caller frees memory
 */
#include "sim/private.h"

/* Step 3. */
static void purge_devices(struct sim_domain *dom, u64 start, u64 last)
{
	struct sim_route *r;

	list_for_each_entry(r, &dom->routes, link)
		sim_ats_purge(r->dev, r->pasid, start, last);
}

static void purge_children(struct sim_domain *dom)
{
	struct sim_domain *child;

	list_for_each_entry(child, &dom->children, sibling)
		purge_devices(child, 0, ~0ULL);
}

static void gather_take(struct sim_domain *dom, struct table_gather *g)
{
	mutex_lock(&dom->pt_lock);
	*g = dom->gather;
	table_gather_init(&dom->gather);
	mutex_unlock(&dom->pt_lock);
}

void sim_flush(struct sim_domain *dom, u64 start, u64 last)
{
	struct sim_iommu *iommu = dom->iommu;
	bool user = !(iommu->cfg.flags & IOASID_SIM_TEST_NO_INVALIDATE);
	struct table_gather g;

	sim_count(iommu, SIM_INVALIDATIONS, 1);
	mutex_lock(&iommu->lock);
	gather_take(dom, &g);
	/*
	 * Without a route no request reaches the table, and those that did when the last route
	 * went were waited for then; so was what they cached.
	 */
	if (dom->nr_routes) {
		sim_tlb_purge(dom, start, last, user && !list_empty(&dom->children));
		purge_devices(dom, start, last);
		if (user)
			purge_children(dom);
		if (g.nr || !(iommu->cfg.flags & IOASID_SIM_TEST_NO_WAIT))
			sim_wait(iommu);
	}
	mutex_unlock(&iommu->lock);
	table_gather_free(&iommu->env, &g);
}

void sim_flush_user(struct sim_domain *dom, u64 start, u64 last)
{
	struct sim_iommu *iommu = dom->iommu;

	sim_count(iommu, SIM_INVALIDATIONS, 1);
	if (iommu->cfg.flags & IOASID_SIM_TEST_NO_INVALIDATE)
		return;
	mutex_lock(&iommu->lock);
	if (!list_empty(&dom->routes)) {
		sim_tlb_purge(dom, start, last, false);
		purge_devices(dom, start, last);
		if (!(iommu->cfg.flags & IOASID_SIM_TEST_NO_WAIT))
			sim_wait(iommu);
	}
	mutex_unlock(&iommu->lock);
}

/*
 * What the IOTLB has is a domain's, not a route's: once the PASID cache leads elsewhere, or nowhere,
 * a request of this route does not find what was cached for the old domain. The domain's last route
 * takes that along.
 */
void sim_flush_route(struct sim_dev *dev, u32 pasid, bool gone)
{
	sim_count(dev->iommu, SIM_INVALIDATIONS, 1);
	sim_pasid_purge(dev->iommu, dev->rid, pasid);
	sim_ats_purge(dev, pasid, 0, ~0ULL);
	sim_wait(dev->iommu);
	sim_pri_drain(dev, pasid, gone);
}
