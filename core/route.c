// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PASID routes: a device attached to an address space with the PASID flag, and the numbers by
 * which it gets there. In local mode the number on the wire is the vPASID.
 *
 * All functions run under ctx->lock held for writing.
 */
#include "core/core.h"

struct ioas_attach *route_find_attach(struct ioasid_device *dev, struct ioas *ioas)
{
	struct ioas_attach *attach;

	/* A space has few devices; a device may have a great many spaces. */
	list_for_each_entry(attach, &ioas->attaches, ioas_link) {
		if (attach->dev == dev)
			return attach;
	}
	return NULL;
}

static struct ioas_route *route_find(struct ioasid_device *dev, vpasid_t vpasid)
{
	return pasid_space_find(&dev->space, PPASID(vpasid.val));
}

int ioasid_device_ppasid(struct ioasid_device *dev, vpasid_t vpasid, ppasid_t *ppasid)
{
	struct ioas_route *route;

	mutex_lock(&dev->route_lock);
	route = READ_ONCE(dev->ctx) ? route_find(dev, vpasid) : NULL;
	if (route)
		*ppasid = route->ppasid;
	mutex_unlock(&dev->route_lock);
	return route ? 0 : -ENOENT;
}

/* ---- one number -------------------------------------------------------------------------------- */

static int take_number(struct ioasid_device *dev, struct ioas_route *route)
{
	int rc;

	mutex_lock(&dev->route_lock);
	rc = pasid_space_take(&dev->space, route->ppasid, route);
	mutex_unlock(&dev->route_lock);
	return rc;
}

/*
 * A device that did not answer in time may still hold work with this number: it stays pending
 * until RESET or unbinding.
 */
static void release_number(struct ioasid_device *dev, struct ioas_route *route)
{
	mutex_lock(&dev->route_lock);
	if (READ_ONCE(dev->fenced))
		pasid_space_retire(&dev->space, route->ppasid);
	else
		pasid_space_release(&dev->space, route->ppasid);
	mutex_unlock(&dev->route_lock);
}

/* Reserve the number, make the hardware lead there, then it counts. */
static int route_add(struct ioas_attach *attach, vpasid_t vpasid)
{
	struct ioasid_device *dev = attach->dev;
	struct ioasid_ctx *ctx = attach->ioas->ctx;
	struct ioas_route *route;
	int rc;

	if (READ_ONCE(dev->fenced))
		return -EIO;
	if (ctx->nr_routes >= ctx->config.max_routes)
		return -EDQUOT;
	route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	if (!route)
		return -ENOMEM;
	route->attach = attach;
	route->vpasid = vpasid;
	route->ppasid = PPASID(vpasid.val);
	rc = take_number(dev, route);
	if (rc)
		goto free;
	rc = dev->iommu->ops->attach(dev, route->ppasid, attach->domain);
	if (rc)
		goto release;
	list_add_tail(&route->link, &attach->routes);
	dev->nr_routes++;
	ctx->nr_routes++;
	atomic64_inc(&ctx->machine->nr_routes);
	trace_ioasid_hwid_set(ctx, dev, attach->ioas->handle.val, vpasid.val, route->ppasid.val);
	return 0;
release:
	release_number(dev, route);
free:
	kfree(route);
	return rc;
}

/*
 * End a number. detach() returns when no access through it is still to land; requests for pages
 * are answered only after the number is out of the index, so none can be queued behind our back.
 */
static void route_remove(struct ioas_route *route)
{
	struct ioas_attach *attach = route->attach;
	struct ioasid_device *dev = attach->dev;
	struct ioasid_ctx *ctx = attach->ioas->ctx;

	dev->iommu->ops->detach(dev, route->ppasid);
	release_number(dev, route);
	faultq_cancel(dev, route->ppasid, NULL);
	list_del(&route->link);
	dev->nr_routes--;
	ctx->nr_routes--;
	atomic64_sub(1, &ctx->machine->nr_routes);
	trace_ioasid_hwid_clear(ctx, dev, attach->ioas->handle.val, route->vpasid.val,
				route->ppasid.val);
	kfree(route);
}

/* ---- attach and detach ----------------------------------------------------------------------------- */

static void attach_release(struct ioas_attach *attach)
{
	struct ioas_route *route, *next;

	list_for_each_entry_safe(route, next, &attach->routes, link)
		route_remove(route);
	list_del(&attach->dev_link);
	list_del(&attach->ioas_link);
	ioas_domain_put(attach->domain);
	kfree(attach);
}

static int check_attach(struct ioasid_device *dev, struct ioas *ioas, u32 flags, vpasid_t vpasid)
{
	if (!(dev->caps & IOASID_DEV_PASID) || dev->group->nr_members > 1)
		return device_refuse(dev, IOASID_REFUSAL_NO_PASID, -EOPNOTSUPP);
	/* Host-wide numbers are not offered yet (IOASID_EXT_PASID_GLOBAL). */
	if (flags & IOASID_ATTACH_GLOBAL)
		return device_refuse(dev, IOASID_REFUSAL_MODE, -EOPNOTSUPP);
	if (flags & IOASID_ATTACH_VPASID) {
		if (!vpasid.val || vpasid.val > dev->space.last)
			return device_refuse(dev, IOASID_REFUSAL_NUMBER, -ERANGE);
		if (route_find(dev, vpasid))
			return device_refuse(dev, IOASID_REFUSAL_NUMBER, -EEXIST);
	}
	if (route_find_attach(dev, ioas))
		return device_refuse(dev, IOASID_REFUSAL_OCCUPIED, -EBUSY);
	return 0;
}

/**
 * route_attach() - ATTACH with the PASID flag
 * @dev: bound device
 * @ioas: attachable address space of its context
 * @flags: IOASID_ATTACH_*
 * @vpasid: with IOASID_ATTACH_VPASID
 *
 * Return: 0; -EOPNOTSUPP class, group, mode or IOMMU; -ERANGE; -EEXIST; -EBUSY attached already;
 * -ENOMEM; -EDQUOT.
 */
int route_attach(struct ioasid_device *dev, struct ioas *ioas, u32 flags, vpasid_t vpasid)
{
	u32 refusal = IOASID_REFUSAL_OS;
	struct ioas_attach *attach;
	int rc;

	rc = check_attach(dev, ioas, flags, vpasid);
	if (rc)
		return rc;
	attach = kzalloc(sizeof(*attach), GFP_KERNEL_ACCOUNT);
	if (!attach)
		return -ENOMEM;
	attach->dev = dev;
	attach->ioas = ioas;
	INIT_LIST_HEAD(&attach->routes);
	attach->domain = ioas_domain_get(ioas, dev->iommu, &refusal);
	if (IS_ERR(attach->domain)) {
		rc = (int)PTR_ERR(attach->domain);
		kfree(attach);
		return device_refuse(dev, refusal, rc);
	}
	list_add_tail(&attach->dev_link, &dev->attaches);
	list_add_tail(&attach->ioas_link, &ioas->attaches);
	rc = flags & IOASID_ATTACH_VPASID ? route_add(attach, vpasid) : 0;
	if (rc) {
		attach_release(attach);
		return device_refuse(dev, IOASID_REFUSAL_OS, rc);
	}
	return 0;
}

/** route_detach() - DETACH with the PASID flag: all numbers of {@dev, @ioas}. 0 or -ENOENT. */
int route_detach(struct ioasid_device *dev, struct ioas *ioas)
{
	struct ioas_attach *attach = route_find_attach(dev, ioas);

	if (!attach)
		return -ENOENT;
	attach_release(attach);
	return 0;
}

/** route_detach_all() - the device is unbound. */
void route_detach_all(struct ioasid_device *dev)
{
	struct ioas_attach *attach, *next;

	list_for_each_entry_safe(attach, next, &dev->attaches, dev_link)
		attach_release(attach);
}

/* ---- SET_HWID ------------------------------------------------------------------------------------------ */

/* Which attachments a command means: one device's, or all of the address space. */
struct hwid_scope {
	struct ioas *ioas;
	struct ioasid_device *only;
};

static bool in_scope(const struct hwid_scope *scope, const struct ioas_attach *attach)
{
	return !scope->only || scope->only == attach->dev;
}

static int hwid_scope(struct ioasid_ctx *ctx, const struct ioasid_set_hwid *h,
		      struct hwid_scope *scope)
{
	scope->ioas = ioas_find(ctx, h->ioasid);
	scope->only = NULL;
	if (!scope->ioas)
		return -ENOENT;
	if (!(h->flags & IOASID_HWID_DEVICE))
		return h->cookie ? -EINVAL : list_empty(&scope->ioas->attaches) ? -ENOENT : 0;
	scope->only = ctx_find_device(ctx, h->cookie);
	if (!scope->only || !route_find_attach(scope->only, scope->ioas))
		return -ENOENT;
	return 0;
}

/* Lowest number free on all devices of the scope, or -ENOSPC. */
static s64 lowest_common_free(const struct hwid_scope *scope)
{
	struct ioas_attach *attach;
	s64 candidate = 1, got;
	bool moved;

	do {
		moved = false;
		cond_resched();
		list_for_each_entry(attach, &scope->ioas->attaches, ioas_link) {
			if (!in_scope(scope, attach))
				continue;
			got = pasid_space_lowest_free(&attach->dev->space, (u32)candidate,
						      attach->dev->space.last);
			if (got < 0)
				return got;
			moved |= got != candidate;
			candidate = got;
		}
	} while (moved);
	return candidate;
}

static int check_number(const struct hwid_scope *scope, vpasid_t vpasid)
{
	struct ioas_attach *attach;
	struct ioas_route *route;

	list_for_each_entry(attach, &scope->ioas->attaches, ioas_link) {
		if (!in_scope(scope, attach))
			continue;
		if (!vpasid.val || vpasid.val > attach->dev->space.last)
			return -ERANGE;
		route = route_find(attach->dev, vpasid);
		if (route && route->attach != attach)
			return -EEXIST;
	}
	return 0;
}

/* All devices or none: what this command made is marked fresh until it is certain. */
static int set_number(const struct hwid_scope *scope, vpasid_t vpasid)
{
	struct ioas_attach *attach;
	struct ioas_route *route;
	int rc = 0;

	list_for_each_entry(attach, &scope->ioas->attaches, ioas_link) {
		if (!in_scope(scope, attach) || route_find(attach->dev, vpasid))
			continue;
		rc = route_add(attach, vpasid);
		if (rc)
			break;
		route_find(attach->dev, vpasid)->fresh = true;
	}
	list_for_each_entry(attach, &scope->ioas->attaches, ioas_link) {
		route = route_find(attach->dev, vpasid);
		if (!route || route->attach != attach || !route->fresh)
			continue;
		route->fresh = false;
		if (rc)
			route_remove(route);
	}
	return rc;
}

int route_set_hwid(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_set_hwid *h = arg;
	struct hwid_scope scope;
	vpasid_t vpasid = VPASID(h->vpasid);
	s64 any;
	int rc;

	if (h->ppasid && h->ppasid != IOASID_INVALID)
		return -EINVAL;
	/* A number of the host is never shown before there are any (IOASID_EXT_PASID_GLOBAL). */
	if (h->flags & IOASID_HWID_EXPOSE)
		return -EOPNOTSUPP;
	if (h->flags & IOASID_HWID_ANY && h->vpasid)
		return -EINVAL;
	rc = hwid_scope(ctx, h, &scope);
	if (rc)
		return rc;
	if (h->flags & IOASID_HWID_ANY) {
		any = lowest_common_free(&scope);
		if (any < 0)
			return (int)any;
		vpasid = VPASID((u32)any);
	}
	rc = check_number(&scope, vpasid);
	if (!rc)
		rc = set_number(&scope, vpasid);
	if (rc)
		return rc;
	h->vpasid = vpasid.val;
	h->ppasid = IOASID_INVALID;
	return 0;
}

/* ---- CLEAR_HWID ------------------------------------------------------------------------------------------ */

static u32 clear_attach(struct ioas_attach *attach, bool all, vpasid_t vpasid)
{
	struct ioas_route *route, *next;
	u32 n = 0;

	if (!all) {
		route = route_find(attach->dev, vpasid);
		if (!route || route->attach != attach)
			return 0;
		route_remove(route);
		return 1;
	}
	list_for_each_entry_safe(route, next, &attach->routes, link) {
		route_remove(route);
		n++;
	}
	return n;
}

int route_clear_hwid(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_set_hwid *h = arg;
	bool all = h->flags & IOASID_HWID_ALL;
	struct ioas_attach *attach;
	struct hwid_scope scope;
	u32 n = 0;
	int rc;

	if ((all && h->vpasid) || (h->ppasid && h->ppasid != IOASID_INVALID))
		return -EINVAL;
	rc = hwid_scope(ctx, h, &scope);
	if (rc)
		return rc;
	list_for_each_entry(attach, &scope.ioas->attaches, ioas_link) {
		if (in_scope(&scope, attach))
			n += clear_attach(attach, all, VPASID(h->vpasid));
	}
	return n ? 0 : -ENOENT;
}
