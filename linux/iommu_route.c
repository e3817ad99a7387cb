// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes: which kernel domain a device's requests reach, by RID or by PASID.
 *
 * A RID route belongs to the IOMMU group, which the kernel attaches as a whole. The core calls for
 * each member in turn: the first call does it, the others find it done.
 *
 * A PASID route belongs to the device of the kernel. Slices of it that share a number attach it once,
 * and any of them may replace or detach it.
 *
 * All functions run under the ctx->lock, held for writing, of the context that owns the route. Slices
 * of other contexts may be at work on the same device meanwhile, with other numbers.
 */
#include <linux/slab.h>

#include "iommu.h"
#include "compat.h"

/* ---- what a route leads to ---------------------------------------------------------------------- */

static struct iommu_domain *kernel_domain(struct lin_domain *domain, struct lin_hw *hw,
					  struct iommu_sva **bond)
{
	*bond = NULL;
	switch (domain->type) {
	case IOASID_DOMAIN_PAGING:
		return domain->paging.table;
	case IOASID_DOMAIN_NESTED:
		return domain->nested.kernel ?: lin_domain_iommu(domain)->empty;
	default:
		return lin_shared_bind(domain, hw, bond);
	}
}

/* Page requests through @domain are delivered, now or after another table is set. */
static bool wants_faults(const struct lin_domain *domain)
{
	return domain && domain->type != IOASID_DOMAIN_PAGING;
}

static bool route_fenced(const struct lin_route *route)
{
	struct lin_hw *hw;

	if (route->hw)
		return lin_hw_fenced(route->hw, PPASID(route->pasid));
	list_for_each_entry(hw, &route->group->members, member) {
		if (lin_hw_fenced(hw, PPASID_NONE))
			return true;
	}
	return false;
}

int lin_domain_fenced(struct lin_domain *domain)
{
	struct lin_route *route;

	list_for_each_entry(route, &domain->routes, link) {
		if (route_fenced(route))
			return -EIO;
	}
	return 0;
}

/* ---- page requests of a route's devices ----------------------------------------------------------- */

static void route_faults_off_until(struct lin_route *route, struct lin_hw *end)
{
	struct lin_hw *hw;

	list_for_each_entry(hw, &end->iommu->devices, link) {
		if (hw == end)
			break;
		if (hw->group == route->group)
			lin_faults_off(hw);
	}
}

/* All devices behind a RID at once, before a domain that takes page requests is attached. */
static int group_faults_on(struct lin_route *route, struct lin_iommu *iommu)
{
	struct lin_hw *hw;
	int rc = 0;

	mutex_lock(&lin_lock);
	list_for_each_entry(hw, &iommu->devices, link) {
		if (hw->group != route->group)
			continue;
		rc = lin_faults_on(hw);
		if (rc) {
			route_faults_off_until(route, hw);
			break;
		}
	}
	mutex_unlock(&lin_lock);
	return rc;
}

static void group_faults_off(struct lin_route *route, struct lin_iommu *iommu)
{
	struct lin_hw *hw;

	mutex_lock(&lin_lock);
	list_for_each_entry(hw, &iommu->devices, link) {
		if (hw->group == route->group)
			lin_faults_off(hw);
	}
	mutex_unlock(&lin_lock);
}

static int route_faults_on(struct lin_route *route, const struct lin_domain *domain)
{
	if (!wants_faults(domain))
		return 0;
	if (route->hw)
		return lin_faults_on(route->hw);
	return group_faults_on(route, lin_domain_iommu(domain));
}

static void route_faults_off(struct lin_route *route, const struct lin_domain *domain)
{
	if (!wants_faults(domain))
		return;
	if (route->hw)
		lin_faults_off(route->hw);
	else
		group_faults_off(route, lin_domain_iommu(domain));
}

/* What waits is answered before page requests are switched off and before the route is gone. */
static void route_drain(struct lin_route *route)
{
	struct lin_hw *hw;

	if (route->hw) {
		lin_faults_drain(route->hw, PPASID(route->pasid), false);
		return;
	}
	list_for_each_entry(hw, &route->group->members, member)
		lin_faults_drain(hw, PPASID_NONE, false);
}

/* ---- one step in the kernel -------------------------------------------------------------------------- */

static struct iommu_attach_handle *handle_now(struct lin_route *route)
{
	return &route->handles[route->now].kernel;
}

static struct iommu_attach_handle *handle_next(struct lin_route *route)
{
	return &route->handles[!route->now].kernel;
}

static int kernel_attach(struct lin_route *route, struct iommu_domain *kernel)
{
	if (route->hw)
		return iommu_attach_device_pasid(kernel, route->hw->dev, route->pasid,
						 handle_now(route));
	return iommu_attach_group_handle(kernel, route->group->kernel, handle_now(route));
}

static void kernel_detach(struct lin_route *route)
{
	if (!route->kernel)
		return;
	if (route->hw)
		iommu_detach_device_pasid(route->kernel, route->hw->dev, route->pasid);
	else
		iommu_detach_group_handle(route->kernel, route->group->kernel);
	route->kernel = NULL;
}

static int rid_replace(struct lin_route *route, struct iommu_domain *kernel)
{
	int rc = iommu_replace_group_handle(route->group->kernel, kernel, handle_next(route));

	if (rc)
		return rc;
	route->now = !route->now;
	route->kernel = kernel;
	return 0;
}

/*
 * Drivers that switch page requests on when a domain is attached count who wants them. The one
 * for VT-d forgets to count down when a nested domain replaces another on a RID, so the way leads
 * over a domain where nothing is mapped; the hardware has a moment without any table there anyway.
 */
static bool rid_replace_miscounts(const struct lin_route *route, const struct iommu_domain *kernel)
{
#ifdef LIN_HAVE_DEV_FEATURE
	return false;
#else
	return !kernel->owner->owner && route->kernel->iopf_handler && kernel->iopf_handler &&
	       route->kernel->type == IOMMU_DOMAIN_NESTED;
#endif
}

static int rid_replace_over_empty(struct lin_route *route, struct iommu_domain *kernel)
{
	struct iommu_domain *old = route->kernel;
	int rc;

	rc = rid_replace(route, lin_domain_iommu(route->domain)->empty);
	if (rc)
		return rc;
	rc = rid_replace(route, kernel);
	if (rc)
		WARN_ON(rid_replace(route, old));
	return rc;
}

/*
 * Where the kernel or the driver cannot replace: requests in between fail. Should the old domain
 * not be taken back either, the number leads nowhere.
 */
static int pasid_reattach(struct lin_route *route, struct iommu_domain *kernel)
{
	struct iommu_domain *old = route->kernel;
	int rc;

	kernel_detach(route);
	rc = kernel_attach(route, kernel);
	if (!rc)
		route->kernel = kernel;
	else if (!WARN_ON(kernel_attach(route, old)))
		route->kernel = old;
	return rc;
}

static int pasid_replace(struct lin_route *route, struct iommu_domain *kernel)
{
	struct iommu_attach_handle *used;

	used = lin_pasid_replace(route->hw->dev, route->pasid, route->kernel, kernel,
				 handle_now(route), handle_next(route));
	if (used == ERR_PTR(-EOPNOTSUPP) || used == ERR_PTR(-EBUSY))
		return pasid_reattach(route, kernel);
	if (IS_ERR(used))
		return PTR_ERR(used);
	route->now = used != &route->handles[0].kernel;
	route->kernel = kernel;
	return 0;
}

int lin_route_replace(struct lin_route *route, struct iommu_domain *kernel)
{
	if (route->kernel == kernel)
		return 0;
	if (WARN_ON(!route->kernel))
		return -EIO;
	if (route->hw)
		return pasid_replace(route, kernel);
	if (rid_replace_miscounts(route, kernel))
		return rid_replace_over_empty(route, kernel);
	return rid_replace(route, kernel);
}

/* ---- attach ------------------------------------------------------------------------------------------- */

/* Lead a route, new or in use, to @domain. Nothing has changed on error. */
static int route_lead(struct lin_route *route, struct lin_domain *domain)
{
	struct lin_domain *old = route->domain;
	struct iommu_sva *bond, *old_bond = route->bond;
	struct iommu_domain *kernel;
	int rc;

	rc = route_faults_on(route, domain);
	if (rc)
		return rc;
	kernel = kernel_domain(domain, route->hw, &bond);
	rc = PTR_ERR_OR_ZERO(kernel);
	if (!rc && old)
		rc = lin_route_replace(route, kernel);
	else if (!rc)
		rc = kernel_attach(route, kernel);
	if (rc) {
		lin_shared_unbind(bond);
		route_faults_off(route, domain);
		return rc;
	}
	route->kernel = kernel;
	route->domain = domain;
	route->bond = bond;
	list_move_tail(&route->link, &domain->routes);
	if (old) {
		lin_shared_unbind(old_bond);
		route_faults_off(route, old);
	}
	return 0;
}

static void route_end(struct lin_route *route)
{
	struct lin_domain *domain = route->domain;

	route_drain(route);
	kernel_detach(route);
	/* What came meanwhile; and answers in the making still look at the handle. */
	if (domain->type == IOASID_DOMAIN_SHARED)
		lin_faults_flush();
	route_drain(route);
	route_faults_off(route, domain);
	lin_shared_unbind(route->bond);
	route->bond = NULL;
	route->domain = NULL;
	list_del_init(&route->link);
}

static int rid_attach(struct lin_hw *hw, struct lin_domain *domain)
{
	struct lin_route *route = &hw->group->rid;
	int rc = 0;

	if (route->domain != domain)
		rc = route_lead(route, domain);
	if (!rc && list_empty(&hw->member))
		list_add_tail(&hw->member, &hw->group->members);
	return rc;
}

static struct lin_route *pasid_route_new(struct lin_hw *hw, u32 pasid)
{
	struct lin_route *route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!route)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&route->link);
	route->hw = hw;
	route->pasid = pasid;
	route->handles[0].route = route;
	route->handles[1].route = route;
	rc = xa_insert(&hw->routes, pasid, route, GFP_KERNEL_ACCOUNT);
	if (!rc)
		return route;
	kfree(route);
	return ERR_PTR(rc);
}

static void pasid_route_free(struct lin_route *route)
{
	xa_erase(&route->hw->routes, route->pasid);
	kfree(route);
}

static int pasid_attach(struct lin_hw *hw, u32 pasid, struct lin_domain *domain)
{
	struct lin_route *route = xa_load(&hw->routes, pasid);
	u32 width = hw->dev->iommu->max_pasids;
	int rc;

	if (route)
		return route->domain == domain ? 0 : route_lead(route, domain);
	/* Not all kernels look themselves: with no PASIDs at all they do nothing, successfully. */
	if (!pasid || pasid >= width)
		return width ? -ERANGE : -EOPNOTSUPP;
	route = pasid_route_new(hw, pasid);
	if (IS_ERR(route))
		return PTR_ERR(route);
	rc = route_lead(route, domain);
	if (rc)
		pasid_route_free(route);
	return rc;
}

int lin_attach(struct ioasid_device *dev, ppasid_t pasid, struct ioasid_domain *core)
{
	struct lin_hw *hw = kdev_of(dev)->hw;
	struct lin_domain *domain = lin_domain_of(core);
	int rc;

	rc = pasid.val == IOASID_NO_PASID ? rid_attach(hw, domain) :
					    pasid_attach(hw, pasid.val, domain);
	return lin_errno(rc);
}

/* ---- detach ------------------------------------------------------------------------------------------- */

/* The whole group is blocked with its first member; its DMA ownership keeps it so. */
static void rid_detach(struct lin_hw *hw)
{
	struct lin_route *route = &hw->group->rid;

	if (route->domain)
		route_end(route);
	list_del_init(&hw->member);
}

void lin_detach(struct ioasid_device *dev, ppasid_t pasid)
{
	struct lin_hw *hw = kdev_of(dev)->hw;
	struct lin_route *route;

	if (pasid.val == IOASID_NO_PASID) {
		rid_detach(hw);
		return;
	}
	route = xa_load(&hw->routes, pasid.val);
	if (!route)
		return;
	route_end(route);
	pasid_route_free(route);
}
