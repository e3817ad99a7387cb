// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PASID routes: a device attached to an address space with the PASID flag, and the numbers by
 * which it gets there. In local mode the number on the wire is the vPASID. In global mode with a split
 * the vPASID is on the wire too, for work the guest programs directly, and besides it a host-wide
 * number, for what the CPU has translated: both lead to one place, always (design section 5.4).
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

struct ioas_route *route_on_wire(struct ioasid_device *dev, ppasid_t ppasid)
{
	return idtree_find(&dev->routes, ppasid.val);
}

/* A whole function knows a vPASID by one wire number: itself. */
struct ioas_route *route_find(struct ioasid_device *dev, vpasid_t vpasid)
{
	struct ioas_route *route = route_on_wire(dev, PPASID(vpasid.val));

	return route && route->vpasid.val == vpasid.val ? route : NULL;
}

struct ioas_route *route_next(struct ioasid_device *dev, u32 *vpasid)
{
	struct ioas_route *route;

	/* An alias is met under its own number too: passed over. */
	while ((route = idtree_next(&dev->routes, vpasid)) && route->vpasid.val != *vpasid)
		++*vpasid;
	return route;
}

int ioasid_device_ppasid(struct ioasid_device *dev, vpasid_t vpasid, ppasid_t *ppasid)
{
	struct ioas_route *route;

	os_rcu_enter();
	route = READ_ONCE(dev->ctx) ? route_find(dev, vpasid) : NULL;
	if (route)
		*ppasid = route->local.val == IOASID_NO_PASID ? route->global : route->local;
	os_rcu_exit();
	return route ? 0 : -ENOENT;
}

/* ---- one number on the wire ---------------------------------------------------------------------- */

static bool is_number(ppasid_t ppasid)
{
	return ppasid.val != IOASID_NO_PASID;
}

bool device_keeps(const struct ioasid_device *dev, u32 number)
{
	return dev->kept_last && number >= dev->kept_first && number <= dev->kept_last;
}

/* Take it in the device's space and make it lead to @route. */
static int take_number(struct ioasid_device *dev, ppasid_t ppasid, struct ioas_route *route)
{
	int rc;

	mutex_lock(&dev->route_lock);
	rc = device_keeps(dev, ppasid.val) ? -EBUSY :
					     pasid_space_take(&dev->space, ppasid.val, NULL);
	if (!rc) {
		rc = idtree_insert(&dev->routes, ppasid.val, route);
		if (rc)
			pasid_space_release(&dev->space, ppasid.val);
		pasid_space_trim(&dev->space);
	} else if (rc == -EEXIST && !route_on_wire(dev, ppasid)) {
		/* Used without a route: by the kernel. */
		rc = -EBUSY;
	}
	mutex_unlock(&dev->route_lock);
	return rc;
}

/*
 * A device that did not answer in time may still hold work with this number: it stays quarantined
 * until RESET or unbinding. @kernel: somebody else's, as the attempt to use it showed: it stays used.
 */
static void release_number(struct ioasid_device *dev, ppasid_t ppasid, bool kernel)
{
	mutex_lock(&dev->route_lock);
	idtree_erase(&dev->routes, ppasid.val);
	if (READ_ONCE(dev->fenced))
		pasid_space_retire(&dev->space, ppasid.val);
	else if (!kernel)
		pasid_space_release(&dev->space, ppasid.val);
	pasid_space_trim(&dev->space);
	mutex_unlock(&dev->route_lock);
}

/* The kernel's own array of the group is the arbiter: EBUSY says the number is the kernel's. */
static int wire_up(struct ioas_route *route, ppasid_t ppasid)
{
	struct ioas_attach *attach = route->attach;
	struct ioasid_device *dev = attach->dev;
	int rc;

	if (!is_number(ppasid))
		return 0;
	rc = take_number(dev, ppasid, route);
	if (rc)
		return rc;
	rc = dev->iommu->ops->attach(dev, ppasid, attach->domain);
	if (rc)
		release_number(dev, ppasid, rc == -EBUSY);
	return rc;
}

/*
 * detach() returns when no access through the number is still to land; requests for pages are answered
 * only after it is out of the index, so none can be queued behind our back.
 */
static void unwire(struct ioas_route *route, ppasid_t ppasid)
{
	struct ioasid_device *dev = route->attach->dev;

	if (!is_number(ppasid))
		return;
	dev->iommu->ops->detach(dev, ppasid);
	release_number(dev, ppasid, false);
	faultq_cancel(dev, ppasid, NULL);
}

void route_cancel_faults(struct ioas_route *route, const struct ioas *ioas)
{
	if (is_number(route->local))
		faultq_cancel(route->attach->dev, route->local, ioas);
	if (is_number(route->global))
		faultq_cancel(route->attach->dev, route->global, ioas);
}

/* ---- one route: its number, and the alias ----------------------------------------------------------- */

static struct ioas_route *route_new(struct ioas_attach *attach, vpasid_t vpasid,
				    struct hostnum *num)
{
	struct ioas_route *route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	struct ioasid_device *dev = attach->dev;

	if (!route)
		return NULL;
	route->attach = attach;
	route->vpasid = vpasid;
	route->local = vpasid.val <= device_local_last(dev) ? PPASID(vpasid.val) : PPASID_NONE;
	route->global = PPASID_NONE;
	if (device_is_global(dev)) {
		route->global = num->number;
		route->num = num;
	}
	return route;
}

/* What is left of a route when nothing leads through it: its hold on the host-wide number. */
static void route_bury(struct ioas_route *route)
{
	struct ioasid_device *dev = route->attach->dev;
	struct ioasid_ctx *ctx = dev->ctx;

	if (route->num)
		route->num->routes--;
	if (route->num && READ_ONCE(dev->fenced)) {
		list_add_tail(&route->link, &dev->stuck);
		return;
	}
	if (route->num)
		hostnum_release(ctx, route->global);
	os_free_rcu(route, &route->rcu);
}

void route_release_stuck(struct ioasid_device *dev)
{
	struct ioas_route *route, *next;

	mutex_lock(&dev->route_lock);
	pasid_space_release_quarantined(&dev->space);
	pasid_space_trim(&dev->space);
	mutex_unlock(&dev->route_lock);
	list_for_each_entry_safe(route, next, &dev->stuck, link) {
		list_del(&route->link);
		hostnum_release(dev->ctx, route->global);
		os_free_rcu(route, &route->rcu);
	}
}

/* Reserve the numbers, make the hardware lead there, then it counts. */
static int route_add(struct ioas_attach *attach, vpasid_t vpasid, struct hostnum *num)
{
	struct ioasid_device *dev = attach->dev;
	struct ioasid_ctx *ctx = attach->ioas->ctx;
	struct ioas_route *route;
	int rc;

	if (READ_ONCE(dev->fenced))
		return -EIO;
	if (ctx->nr_routes >= ctx->config.max_routes)
		return -EDQUOT;
	route = route_new(attach, vpasid, num);
	if (!route)
		return -ENOMEM;
	rc = route->num ? hostnum_hold(num) : 0;
	if (rc) {
		kfree(route);
		return rc;
	}
	rc = wire_up(route, route->local);
	if (rc)
		goto bury;
	rc = wire_up(route, route->global);
	if (rc)
		goto unwire;
	list_add_tail(&route->link, &attach->routes);
	route->fresh = true;
	dev->nr_routes++;
	ctx->nr_routes++;
	atomic64_inc(&ctx->machine->nr_routes);
	trace_ioasid_hwid_set(ctx, dev, attach->ioas->handle.val, vpasid.val,
			      route->num ? route->global.val : route->local.val);
	return 0;
unwire:
	unwire(route, route->local);
bury:
	route_bury(route);
	return rc;
}

/* End a route: all its numbers. Its host-wide one ends with the last route. */
static void route_remove(struct ioas_route *route)
{
	struct ioas_attach *attach = route->attach;
	struct ioasid_device *dev = attach->dev;
	struct ioasid_ctx *ctx = attach->ioas->ctx;
	struct hostnum *num = route->num;

	unwire(route, route->global);
	unwire(route, route->local);
	list_del(&route->link);
	dev->nr_routes--;
	ctx->nr_routes--;
	atomic64_sub(1, &ctx->machine->nr_routes);
	trace_ioasid_hwid_clear(ctx, dev, attach->ioas->handle.val, route->vpasid.val,
				num ? route->global.val : route->local.val);
	route_bury(route);
	if (num)
		hostnum_drop_unused(num);
}

/* ---- attachments ---------------------------------------------------------------------------------- */

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

/* ---- numbers of an address space ------------------------------------------------------------------------- */

/* Which attachments a command means: one device's, or all of the address space. */
struct hwid_scope {
	struct ioas *ioas;
	struct ioasid_device *only;
};

static bool in_scope(const struct hwid_scope *scope, const struct ioas_attach *attach)
{
	return !scope->only || scope->only == attach->dev;
}

#define for_each_in_scope(attach, scope)                                 \
	list_for_each_entry(attach, &(scope)->ioas->attaches, ioas_link) \
		if (in_scope(scope, attach))

static bool scope_is_global(const struct hwid_scope *scope)
{
	struct ioas_attach *attach;

	for_each_in_scope(attach, scope)
	{
		if (device_is_global(attach->dev))
			return true;
	}
	return false;
}

/* Global without a split: every number is the host's, and the guest has to be told which. */
static bool scope_is_all_host(const struct hwid_scope *scope)
{
	struct ioas_attach *attach;

	for_each_in_scope(attach, scope)
	{
		if (device_is_global(attach->dev) && device_global_min(attach->dev) == 1)
			return true;
	}
	return false;
}

/*
 * May @dev have @vpasid? Those it manages itself; without a split, those of the host that the guest was
 * told of (@num).
 */
static bool number_fits(const struct ioasid_device *dev, vpasid_t vpasid, const struct hostnum *num)
{
	if (vpasid.val && vpasid.val <= device_local_last(dev))
		return true;
	return num && num->number.val == vpasid.val && device_is_global(dev) &&
	       device_global_min(dev) == 1;
}

/* Does @vpasid fit all devices, and is it free or leads here already? @num: the context's, or NULL. */
static int check_number(const struct hwid_scope *scope, vpasid_t vpasid, const struct hostnum *num)
{
	struct ioas_attach *attach;
	struct ioas_route *route;

	for_each_in_scope(attach, scope)
	{
		if (!number_fits(attach->dev, vpasid, num))
			return -ERANGE;
		route = route_find(attach->dev, vpasid);
		if (route && route->attach != attach)
			return -EEXIST;
	}
	return 0;
}

/* A number that another device of the context has got must fit these too. */
static int check_host_number(const struct hwid_scope *scope, const struct hostnum *num)
{
	struct ioas_attach *attach;

	if (num->ioas != scope->ioas)
		return -EEXIST;
	for_each_in_scope(attach, scope)
	{
		if (device_is_global(attach->dev) &&
		    (num->number.val > attach->dev->space.last ||
		     num->number.val < device_global_min(attach->dev)))
			return -ERANGE;
	}
	return 0;
}

/* All devices or none: what this command made is marked fresh until it is certain. */
static int set_routes(const struct hwid_scope *scope, vpasid_t vpasid, struct hostnum *num)
{
	struct ioas_attach *attach;
	struct ioas_route *route;
	int rc = 0;

	if (num)
		num->routes++; /* it must not end while routes come and go */
	for_each_in_scope(attach, scope)
	{
		if (!rc && !route_find(attach->dev, vpasid))
			rc = route_add(attach, vpasid, num);
	}
	for_each_in_scope(attach, scope)
	{
		route = route_find(attach->dev, vpasid);
		if (!route || route->attach != attach || !route->fresh)
			continue;
		route->fresh = false;
		if (rc)
			route_remove(route);
	}
	if (num) {
		num->routes--;
		hostnum_drop_unused(num);
	}
	return rc;
}

/* The guest chose @vpasid. */
static int set_number(const struct hwid_scope *scope, vpasid_t vpasid)
{
	bool global = scope_is_global(scope);
	struct hostnum *num = global ? hostnum_find(scope->ioas->ctx, vpasid) : NULL;
	int rc = check_number(scope, vpasid, num);

	if (!rc && num)
		rc = check_host_number(scope, num);
	if (rc)
		return rc;
	if (global && !num)
		num = hostnum_make(scope->ioas, scope->only, false, vpasid);
	return IS_ERR(num) ? (int)PTR_ERR(num) : set_routes(scope, vpasid, num);
}

/* ATTACH names a number that must not be there yet. */
static int set_new_number(const struct hwid_scope *scope, vpasid_t vpasid)
{
	return route_find(scope->only, vpasid) ? -EEXIST : set_number(scope, vpasid);
}

/* ---- ATTACH and DETACH with the PASID flag ---------------------------------------------------------------- */

static int check_attach(struct ioasid_device *dev, struct ioas *ioas, u32 flags)
{
	if (!device_takes_pasids(dev))
		return device_refuse(dev, IOASID_REFUSAL_NO_PASID, -EOPNOTSUPP);
	if (flags & IOASID_ATTACH_GLOBAL && !dev->policy->may_global)
		return device_refuse(dev, IOASID_REFUSAL_MODE, -EOPNOTSUPP);
	if (route_find_attach(dev, ioas))
		return device_refuse(dev, IOASID_REFUSAL_OCCUPIED, -EBUSY);
	return 0;
}

/* The flag sets the device's mode, or must agree where PASID routes have settled it. */
static int attach_mode(struct ioasid_device *dev, u32 flags)
{
	int rc = 0;

	if (flags & (IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL))
		rc = device_set_mode(dev, flags & IOASID_ATTACH_GLOBAL ? IOASID_MODE_GLOBAL :
									 IOASID_MODE_LOCAL);
	return rc ? device_refuse(dev, IOASID_REFUSAL_MODE, rc) : 0;
}

static void attach_link(struct ioas_attach *attach)
{
	list_add_tail(&attach->dev_link, &attach->dev->attaches);
	list_add_tail(&attach->ioas_link, &attach->ioas->attaches);
}

static struct ioas_attach *attach_new(struct ioasid_device *dev, struct ioas *ioas)
{
	u32 refusal = IOASID_REFUSAL_OS;
	struct ioas_attach *attach;
	int rc;

	attach = kzalloc(sizeof(*attach), GFP_KERNEL_ACCOUNT);
	if (!attach)
		return ERR_PTR(-ENOMEM);
	attach->dev = dev;
	attach->ioas = ioas;
	INIT_LIST_HEAD(&attach->routes);
	attach->domain = ioas_domain_get(ioas, dev->iommu, &refusal);
	if (!IS_ERR(attach->domain))
		return attach;
	rc = (int)PTR_ERR(attach->domain);
	kfree(attach);
	return ERR_PTR(device_refuse(dev, refusal, rc));
}

/**
 * route_attach() - ATTACH with the PASID flag
 * @dev: bound device
 * @ioas: attachable address space of its context
 * @flags: IOASID_ATTACH_*
 * @vpasid: with IOASID_ATTACH_VPASID
 *
 * Return: 0; -EOPNOTSUPP class, group, mode or IOMMU; -ERANGE; -EEXIST; -EBUSY attached already, or
 * mode; -EMEDIUMTYPE the mode breaks a promise; -ENOMEM; -EDQUOT; -ENOSPC.
 */
int route_attach(struct ioasid_device *dev, struct ioas *ioas, u32 flags, vpasid_t vpasid)
{
	struct hwid_scope scope = { .ioas = ioas, .only = dev };
	u32 mode = dev->mode;
	struct ioas_attach *attach;
	int rc;

	rc = check_attach(dev, ioas, flags) ?: attach_mode(dev, flags);
	if (rc)
		return rc;
	attach = attach_new(dev, ioas);
	if (IS_ERR(attach)) {
		WRITE_ONCE(dev->mode, mode);
		return (int)PTR_ERR(attach);
	}
	attach_link(attach);
	rc = flags & IOASID_ATTACH_VPASID ? set_new_number(&scope, vpasid) : 0;
	if (!rc)
		return 0;
	attach_release(attach);
	WRITE_ONCE(dev->mode, mode);
	return device_refuse(
		dev, rc == -ERANGE || rc == -EEXIST ? IOASID_REFUSAL_NUMBER : IOASID_REFUSAL_OS,
		rc);
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

/* Lowest number at or after @candidate that is free on one device, or -ENOSPC. */
static s64 lowest_free(struct ioasid_device *dev, s64 candidate)
{
	s64 got = pasid_space_lowest_free(&dev->space, (u32)candidate, device_local_last(dev));

	if (got < 0 || !device_keeps(dev, (u32)got))
		return got;
	return dev->kept_last < IOASID_INVALID - 1 ? lowest_free(dev, (s64)dev->kept_last + 1) :
						     -ENOSPC;
}

/* Lowest vPASID at or after @first that is free on all devices of the scope, or -ENOSPC. */
static s64 lowest_common_free(const struct hwid_scope *scope, s64 first)
{
	bool global = scope_is_global(scope);
	s64 candidate = first, got;
	struct ioas_attach *attach;
	bool moved;

	do {
		moved = false;
		cond_resched();
		for_each_in_scope(attach, scope)
		{
			got = lowest_free(attach->dev, candidate);
			if (got < 0)
				return got;
			moved |= got != candidate;
			candidate = got;
		}
		/* Another global-mode device's vPASID names another address space already. */
		if (global && hostnum_find(scope->ioas->ctx, VPASID((u32)candidate))) {
			moved = true;
			candidate++;
		}
	} while (moved);
	return candidate;
}

static bool kernel_owned(const struct hwid_scope *scope, vpasid_t vpasid)
{
	struct ioas_attach *attach;

	for_each_in_scope(attach, scope)
	{
		if (pasid_space_is_used(&attach->dev->space, vpasid.val) &&
		    !route_on_wire(attach->dev, PPASID(vpasid.val)))
			return true;
	}
	return false;
}

/* A number the kernel turns out to use is passed over: the attempt marked it as the kernel's. */
static int set_any_number(const struct hwid_scope *scope, vpasid_t *vpasid)
{
	s64 candidate = 0;
	int rc;

	do {
		candidate = lowest_common_free(scope, candidate + 1);
		if (candidate < 0)
			return (int)candidate;
		*vpasid = VPASID((u32)candidate);
		rc = set_number(scope, *vpasid);
	} while (rc == -EBUSY && kernel_owned(scope, *vpasid));
	return rc;
}

/* A number of the host, which the guest uses as it is: on devices that it manages numbers of, too. */
static int set_host_number(const struct hwid_scope *scope, vpasid_t *vpasid)
{
	struct hostnum *num = hostnum_make(scope->ioas, scope->only, true, VPASID(0));
	int rc;

	if (IS_ERR(num))
		return (int)PTR_ERR(num);
	*vpasid = num->vpasid;
	rc = check_number(scope, *vpasid, num);
	if (!rc)
		return set_routes(scope, *vpasid, num);
	hostnum_drop_unused(num);
	return rc;
}

static int set_hwid(const struct hwid_scope *scope, const struct ioasid_set_hwid *h,
		    vpasid_t *vpasid)
{
	if (!(h->flags & IOASID_HWID_ANY))
		return set_number(scope, *vpasid);
	if (!scope_is_all_host(scope))
		return set_any_number(scope, vpasid);
	/* Without being told the guest could not use it. */
	return h->flags & IOASID_HWID_EXPOSE ? set_host_number(scope, vpasid) : -EINVAL;
}

int route_set_hwid(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_set_hwid *h = arg;
	struct hwid_scope scope;
	vpasid_t vpasid = VPASID(h->vpasid);
	struct hostnum *num;
	int rc;

	if ((h->ppasid && h->ppasid != IOASID_INVALID) || (h->flags & IOASID_HWID_ANY && h->vpasid))
		return -EINVAL;
	rc = hwid_scope(ctx, h, &scope);
	if (!rc)
		rc = set_hwid(&scope, h, &vpasid);
	if (rc)
		return rc;
	h->vpasid = vpasid.val;
	h->ppasid = IOASID_INVALID;
	if (!(h->flags & IOASID_HWID_EXPOSE))
		return 0;
	num = scope_is_global(&scope) ? hostnum_find(ctx, vpasid) : NULL;
	h->ppasid = num ? num->number.val : vpasid.val;
	ctx->exposed = true;
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
