// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes: {device, PASID} reaches a domain. Each is said twice: in the VT-d tables, where the
 * translation reads it as hardware would, and in dev->routes, which leads to the domain (the tables
 * have no room for a pointer).
 *
 * iommu->seq is odd while the two disagree. A request that misses the PASID cache reads both, and
 * tries again if the number was odd or has moved: it sees the old route or the new one also where
 * the tables go through "not present" in between.
 */
#include "sim/private.h"

/* Neither side may be seen alone. Sleeping in between is fine: who waits does so outside sections. */
static void seq_begin(struct sim_iommu *iommu)
{
	raw_write_seqcount_begin(&iommu->seq);
}

static void seq_end(struct sim_iommu *iommu)
{
	raw_write_seqcount_end(&iommu->seq);
}

static void route_link(struct sim_route *r, struct sim_domain *dom)
{
	WRITE_ONCE(r->dom, dom);
	list_add_tail(&r->link, &dom->routes);
	dom->nr_routes++;
	if (dom->parent)
		dom->parent->nr_routes++;
}

static void route_unlink(struct sim_route *r)
{
	struct sim_domain *dom = r->dom;

	list_del(&r->link);
	dom->nr_routes--;
	if (dom->parent)
		dom->parent->nr_routes--;
}

/* The last route of @dom (and of what nests on it) has gone: so does what is cached of it. */
static void domain_idle(struct sim_domain *dom)
{
	if (dom->parent && !dom->parent->nr_routes)
		sim_tlb_purge(dom->parent, 0, ~0ULL, true);
	else if (!dom->nr_routes)
		sim_tlb_purge(dom, 0, ~0ULL, true);
}

/* ---- page requests ------------------------------------------------------------------------------ */

int sim_iopf_get(struct sim_dev *dev)
{
	int rc;

	lockdep_assert_held(&dev->iommu->lock);
	if (dev->iopf_users++)
		return 0;
	rc = iopf_queue_add_device(dev->iommu->iopf, &dev->pdev->dev);
	if (rc) {
		dev->iopf_users--;
		return rc;
	}
	down_write(&dev->report_sem);
	dev->iopf_on = true;
	up_write(&dev->report_sem);
	return 0;
}

void sim_iopf_put(struct sim_dev *dev)
{
	lockdep_assert_held(&dev->iommu->lock);
	if (WARN_ON(!dev->iopf_users) || --dev->iopf_users)
		return;
	down_write(&dev->report_sem);
	dev->iopf_on = false;
	up_write(&dev->report_sem);
	iopf_queue_remove_device(dev->iommu->iopf, &dev->pdev->dev);
}

/* A domain somebody handles page faults of. */
static bool wants_iopf(const struct sim_dev *dev, const struct sim_domain *dom)
{
	return dom->domain.iopf_handler && dev->cfg.flags & IOASID_SIM_PRI;
}

/* ---- attach --------------------------------------------------------------------------------------- */

static int route_install(struct sim_route *r, struct sim_domain *dom, struct table_gather *g)
{
	struct sim_dev *dev = r->dev;
	struct sim_iommu *iommu = dev->iommu;
	int rc;

	rc = xa_reserve(&dev->routes, r->pasid, GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	seq_begin(iommu);
	rc = vtd_tables_pasid_install(&iommu->tables, dev->rid, r->pasid, &dom->te, g);
	if (rc) {
		xa_release(&dev->routes, r->pasid);
	} else {
		route_link(r, dom);
		xa_store(&dev->routes, r->pasid, r, GFP_KERNEL); /* reserved: needs no memory */
	}
	seq_end(iommu);
	return rc;
}

static int route_new(struct sim_dev *dev, u32 pasid, struct sim_domain *dom, bool iopf)
{
	struct sim_route *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct sim_iommu *iommu = dev->iommu;
	struct table_gather g;
	int rc;

	if (!r)
		return -ENOMEM;
	r->dev = dev;
	r->pasid = pasid;
	r->iopf = iopf;
	table_gather_init(&g);
	rc = route_install(r, dom, &g);
	/* The PASID directory may have grown: nobody reads the old one any more. */
	if (g.nr)
		sim_wait(iommu);
	table_gather_free(&iommu->env, &g);
	if (rc)
		kfree(r);
	else
		sim_count(iommu, SIM_ROUTES, 1);
	return rc;
}

static int route_replace(struct sim_route *r, struct sim_domain *dom, bool iopf)
{
	struct sim_iommu *iommu = r->dev->iommu;
	struct sim_domain *old = r->dom;
	bool had_iopf = r->iopf;
	int rc;

	seq_begin(iommu);
	rc = vtd_tables_pasid_exchange(&iommu->tables, r->dev->rid, r->pasid, &dom->te);
	if (!rc) {
		route_unlink(r);
		route_link(r, dom);
		r->iopf = iopf;
	}
	seq_end(iommu);
	if (rc)
		return rc;
	sim_flush_route(r->dev, r->pasid, false);
	domain_idle(old);
	if (had_iopf)
		sim_iopf_put(r->dev);
	return 0;
}

static int route_set(struct sim_dev *dev, u32 pasid, struct sim_domain *dom)
{
	struct sim_route *r = xa_load(&dev->routes, pasid);
	bool iopf = wants_iopf(dev, dom);
	int rc = 0;

	if (r && r->dom == dom)
		return 0;
	if (iopf)
		rc = sim_iopf_get(dev);
	if (rc)
		return rc;
	rc = r ? route_replace(r, dom, iopf) : route_new(dev, pasid, dom, iopf);
	if (rc && iopf)
		sim_iopf_put(dev);
	return rc;
}

int sim_route_set(struct sim_dev *dev, u32 pasid, struct sim_domain *dom)
{
	int rc;

	/* Another IOMMU's tables, formats and caches. */
	if (dom->iommu != dev->iommu)
		return -EINVAL;
	mutex_lock(&dev->iommu->lock);
	rc = route_set(dev, pasid, dom);
	mutex_unlock(&dev->iommu->lock);
	return rc;
}

/* ---- detach ------------------------------------------------------------------------------------------ */

static void route_clear(struct sim_route *r)
{
	struct sim_dev *dev = r->dev;
	struct sim_iommu *iommu = dev->iommu;
	struct table_gather g;

	table_gather_init(&g);
	seq_begin(iommu);
	WARN_ON(vtd_tables_pasid_remove(&iommu->tables, dev->rid, r->pasid, &g));
	xa_erase(&dev->routes, r->pasid);
	route_unlink(r);
	seq_end(iommu);
	sim_flush_route(dev, r->pasid, true);
	domain_idle(r->dom);
	if (r->iopf)
		sim_iopf_put(dev);
	table_gather_free(&iommu->env, &g);
	kfree(r);
	sim_count(iommu, SIM_ROUTES, -1);
}

void sim_route_clear(struct sim_dev *dev, u32 pasid)
{
	struct sim_route *r;

	mutex_lock(&dev->iommu->lock);
	r = xa_load(&dev->routes, pasid);
	if (r)
		route_clear(r);
	mutex_unlock(&dev->iommu->lock);
}
