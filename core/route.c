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
	struct ioas_route *route = idtree_find(&dev->fn->wires, ppasid.val);

	while (route && route->dev != dev)
		route = smp_load_acquire(&route->sharer);
	return route;
}

/* A whole function knows a vPASID by one wire number: itself. */
struct ioas_route *route_find(struct ioasid_device *dev, vpasid_t vpasid)
{
	struct ioas_route *route;

	if (device_is_slice(dev))
		return idtree_find(&dev->vpasids, vpasid.val);
	route = route_on_wire(dev, PPASID(vpasid.val));
	return route && route->vpasid.val == vpasid.val ? route : NULL;
}

struct ioas_route *route_next(struct ioasid_device *dev, u32 *vpasid)
{
	struct ioas_route *route;

	if (device_is_slice(dev))
		return idtree_next(&dev->vpasids, vpasid);
	/* An alias is met under its own number too: passed over. */
	while ((route = idtree_next(&dev->fn->wires, vpasid)) && route->vpasid.val != *vpasid)
		++*vpasid;
	return route;
}

/* ---- mediation ------------------------------------------------------------------------------------- */

/*
 * From the moment it is told to stop: a number that is programmed then is nobody's to drain. An
 * emulator that asks has its own lock, which its quiesce takes too.
 */
static bool tells_numbers(const struct ioasid_device *dev)
{
	return READ_ONCE(dev->ctx) && !READ_ONCE(dev->ending);
}

int ioasid_device_ppasid(struct ioasid_device *dev, vpasid_t vpasid, ppasid_t *ppasid)
{
	struct ioas_route *route;

	os_rcu_enter();
	route = tells_numbers(dev) ? route_find(dev, vpasid) : NULL;
	if (route && !smp_load_acquire(&route->wired))
		route = NULL;
	if (route)
		*ppasid = is_number(route->local) ? route->local : route->global;
	os_rcu_exit();
	return route ? 0 : -ENOENT;
}

bool ioasid_device_allows(struct ioasid_device *dev, ppasid_t ppasid)
{
	bool allowed;

	if (!device_is_slice(dev))
		return true;
	os_rcu_enter();
	allowed = tells_numbers(dev) && route_on_wire(dev, ppasid);
	os_rcu_exit();
	return allowed;
}

/* ---- one number on the wire ---------------------------------------------------------------------- */

/*
 * The kernel's own array of the group is the arbiter: EBUSY says the number is the kernel's, and it
 * stays used.
 */
static int attach_number(struct ioas_route *route, ppasid_t ppasid)
{
	struct ioasid_device *dev = route->dev;
	int rc = dev->iommu->ops->attach(dev, ppasid, route->attach->domain);

	if (!rc)
		return 0;
	if (wire_unlink(route, ppasid, rc == -EBUSY) && rc != -EBUSY)
		wire_release(route, ppasid, false);
	return rc;
}

static int wire_up(struct ioas_route *route, ppasid_t ppasid)
{
	int rc;

	if (!is_number(ppasid))
		return 0;
	rc = wire_take(route, ppasid);
	/* A sibling leads it there already. */
	if (rc)
		return rc < 0 ? rc : 0;
	return attach_number(route, ppasid);
}

/* A number of the function that only the host knows, for a slice: any that the kernel does not use. */
static int wire_up_own(struct ioas_route *route)
{
	u32 from = 1;
	int rc;

	do {
		cond_resched();
		rc = wire_take_any(route, &from, &route->local);
		if (rc)
			break;
		rc = attach_number(route, route->local);
	} while (rc == -EBUSY);
	if (rc)
		route->local = PPASID_NONE;
	return rc;
}

/*
 * detach() returns when no access through the number is still to land; requests for pages are answered
 * after it is out of the index, so none can be queued behind our back.
 */
static void unwire(struct ioas_route *route, ppasid_t ppasid, bool last)
{
	struct ioasid_device *dev = route->dev;

	if (!is_number(ppasid))
		return;
	if (last)
		dev->iommu->ops->detach(dev, ppasid);
	faultq_cancel(dev, ppasid, NULL);
}

void route_cancel_faults(struct ioas_route *route, const struct ioas *ioas)
{
	if (is_number(route->local))
		faultq_cancel(route->dev, route->local, ioas);
	if (is_number(route->global))
		faultq_cancel(route->dev, route->global, ioas);
}

/* ---- what a route holds ------------------------------------------------------------------------------- */

static struct ioas_route *route_new(struct ioas_attach *attach, vpasid_t vpasid,
				    struct hostnum *num)
{
	struct ioas_route *route = kzalloc(sizeof(*route), GFP_KERNEL_ACCOUNT);
	struct ioasid_device *dev = attach->dev;

	if (!route)
		return NULL;
	route->dev = dev;
	route->attach = attach;
	route->vpasid = vpasid;
	route->local = PPASID_NONE;
	route->global = PPASID_NONE;
	if (!device_is_slice(dev) && vpasid.val <= device_local_last(dev))
		route->local = PPASID(vpasid.val);
	if (device_is_global(dev)) {
		route->global = num->number;
		route->num = num;
	}
	return route;
}

/* Its host-wide number, or the charge for one of its own. */
static int route_hold(struct ioas_route *route)
{
	if (is_number(route->global))
		return hostnum_hold(route->num);
	if (device_is_slice(route->dev))
		return pasid_parent_charge(&route->dev->machine->pasids, &route->charged);
	return 0;
}

/* Also of a route that is stuck: its hostnum may be no more. */
static void route_let_go(struct ioas_route *route)
{
	struct ioasid_device *dev = route->dev;

	if (is_number(route->global))
		hostnum_release(dev->ctx, route->global);
	else if (device_is_slice(dev))
		pasid_parent_uncharge(&dev->machine->pasids, route->charged);
	os_free_rcu(route, &route->rcu);
}

/* ---- numbers that are still on their way ---------------------------------------------------------------- */

/*
 * The number that work of the device may still carry when the route is gone, if the device has to look
 * after that. A whole function's vPASIDs are the guest's, whose driver sees to them: stale work with
 * them stays inside of the context.
 */
static ppasid_t number_to_drain(const struct ioas_route *route)
{
	if (!route->dev->ops->drain)
		return PPASID_NONE;
	if (is_number(route->global))
		return route->global;
	return device_is_slice(route->dev) ? route->local : PPASID_NONE;
}

/* Nothing of it is on its way any more? Then its numbers are free. fn->lock held. */
static void stuck_settle(struct ioas_route *route)
{
	if (route->ending || route->draining || route->fenced)
		return;
	wire_settle(route);
	route_let_go(route);
}

/* The device is asked last, when nothing with the number passes. It may answer before it returns. */
static void route_drain(struct ioas_route *route)
{
	ppasid_t number = number_to_drain(route);
	struct ioasid_device *dev = route->dev;
	int rc = is_number(number) ? dev->ops->drain(dev, number) : 0;

	mutex_lock(&dev->fn->lock);
	route->ending = false;
	route->draining = rc && !route->drained;
	route->fenced = READ_ONCE(dev->fenced);
	/* The guest may use its own number again at once, whatever becomes of the host's. */
	if (!device_is_slice(dev) && !route->fenced)
		wire_give_back(route, &route->local);
	stuck_settle(route);
	mutex_unlock(&dev->fn->lock);
}

void ioasid_device_drained(struct ioasid_device *dev, ppasid_t ppasid)
{
	struct ioas_route *route, *next;

	mutex_lock(&dev->fn->lock);
	list_for_each_entry_safe(route, next, &dev->fn->stuck, link) {
		if (route->dev != dev || number_to_drain(route).val != ppasid.val)
			continue;
		route->drained = true;
		route->draining = false;
		stuck_settle(route);
	}
	mutex_unlock(&dev->fn->lock);
}

void route_release_stuck(struct ioasid_device *dev)
{
	struct ioasid_function *fn = dev->fn;
	struct ioas_route *route, *next;

	LIST_HEAD(done);

	mutex_lock(&fn->lock);
	list_for_each_entry_safe(route, next, &fn->stuck, link) {
		if (route->dev != dev)
			continue;
		list_del(&route->link);
		list_add_tail(&route->link, &done);
	}
	list_for_each_entry_safe(route, next, &done, link) {
		wire_settle(route);
		route_let_go(route);
		cond_resched();
	}
	/* A route that came to nothing while the device was fenced left its number there. */
	if (!device_is_slice(dev))
		pasid_space_release_quarantined(&fn->space);
	pasid_space_trim(&fn->space);
	mutex_unlock(&fn->lock);
}

/* ---- one route ------------------------------------------------------------------------------------------- */

/* Its place among the vPASIDs of a slice, so that nothing can fail when the hardware leads there. */
static int route_reserve(struct ioas_route *route)
{
	struct ioasid_device *dev = route->dev;
	int rc;

	if (!device_is_slice(dev))
		return 0;
	mutex_lock(&dev->fn->lock);
	rc = idtree_insert(&dev->vpasids, route->vpasid.val, route);
	mutex_unlock(&dev->fn->lock);
	return rc;
}

/* What wire_up() did, when nobody can have used it: the route was never published. */
static void undo_wire(struct ioas_route *route, ppasid_t ppasid)
{
	struct ioasid_device *dev = route->dev;

	bool last;

	if (!is_number(ppasid))
		return;
	last = wire_unlink(route, ppasid, false);
	if (last)
		dev->iommu->ops->detach(dev, ppasid);
	faultq_cancel(dev, ppasid, NULL);
	if (last)
		wire_release(route, ppasid, true);
}

static void route_unreserve(struct ioas_route *route)
{
	struct ioasid_device *dev = route->dev;

	if (!device_is_slice(dev))
		return;
	mutex_lock(&dev->fn->lock);
	idtree_erase(&dev->vpasids, route->vpasid.val);
	mutex_unlock(&dev->fn->lock);
}

/* All its numbers lead there, or none; then mediation may tell them. */
static int route_wire(struct ioas_route *route)
{
	bool own = device_is_slice(route->dev) && !is_number(route->global);
	int rc = route_reserve(route);

	if (rc)
		return rc;
	rc = own ? wire_up_own(route) : wire_up(route, route->local);
	if (!rc) {
		rc = wire_up(route, route->global);
		if (rc)
			undo_wire(route, route->local);
	}
	if (rc)
		route_unreserve(route);
	else
		smp_store_release(&route->wired, true);
	return rc;
}

static void route_count(struct ioas_route *route, int n)
{
	struct ioasid_ctx *ctx = route->attach->ioas->ctx;

	route->dev->nr_routes += (u32)n;
	ctx->nr_routes += (u32)n;
	atomic64_add(n, &ctx->machine->nr_routes);
}

/* What a trace calls its number on the wire. */
static u32 route_main_number(const struct ioas_route *route)
{
	return is_number(route->global) ? route->global.val : route->local.val;
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
	rc = route_hold(route);
	if (rc) {
		kfree(route);
		return rc;
	}
	rc = route_wire(route);
	if (rc) {
		if (is_number(route->global))
			route->num->routes--;
		route_let_go(route);
		return rc;
	}
	list_add_tail(&route->link, &attach->routes);
	route->fresh = true;
	route_count(route, 1);
	trace_ioasid_hwid_set(ctx, dev, attach->ioas->handle.val, vpasid.val,
			      route_main_number(route));
	return 0;
}

/*
 * End a route: all its numbers. Its host-wide one ends with the last route, and then no vCPU sends it
 * any more, before the IOMMU forgets it.
 */
static void route_remove(struct ioas_route *route)
{
	struct hostnum *num = route_num(route);
	bool local, global;

	if (num && num->routes == 1)
		cpu_forget(num);
	list_del(&route->link);
	wire_end(route, &local, &global);
	unwire(route, route->global, global);
	unwire(route, route->local, local);
	route_count(route, -1);
	trace_ioasid_hwid_clear(route->attach->ioas->ctx, route->dev,
				route->attach->ioas->handle.val, route->vpasid.val,
				route_main_number(route));
	if (num)
		num->routes--;
	route_drain(route);
	if (num)
		hostnum_drop_unused(num);
}

/* ---- numbers that leave the CPUs together ------------------------------------------------------------------ */

enum leave_step { LEAVE_COUNT, LEAVE_CLEAR, LEAVE_RELEASE };

/* Return: entries went out of the table. */
static bool leave_step(struct ioas_route *route, enum leave_step step)
{
	struct hostnum *num = route_num(route);

	if (!num)
		return false;
	switch (step) {
	case LEAVE_COUNT:
		num->leaving++;
		return false;
	case LEAVE_CLEAR:
		return num->leaving == num->routes && cpu_clear(num);
	default:
		num->leaving = 0;
		cpu_release(num);
		return false;
	}
}

static bool leave_attach(struct ioas_attach *attach, enum leave_step step)
{
	struct ioas_route *route;
	bool any = false;

	list_for_each_entry(route, &attach->routes, link)
		any |= leave_step(route, step);
	return any;
}

/* ---- attachments ---------------------------------------------------------------------------------- */

/* Each vCPU is waited for once, not once for each number. */
static void attach_release(struct ioas_attach *attach)
{
	struct ioas_route *route, *next;

	leave_attach(attach, LEAVE_COUNT);
	if (leave_attach(attach, LEAVE_CLEAR))
		cpu_flush(attach->ioas->ctx);
	leave_attach(attach, LEAVE_RELEASE);
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

/* The attachment after @attach, NULL: the first; NULL: that was the last. */
static struct ioas_attach *scope_next(const struct hwid_scope *scope, struct ioas_attach *attach)
{
	struct list_head *all = &scope->ioas->attaches, *pos = attach ? &attach->ioas_link : all;

	for (pos = pos->next; pos != all; pos = pos->next) {
		attach = list_entry(pos, struct ioas_attach, ioas_link);
		if (!scope->only || scope->only == attach->dev)
			return attach;
	}
	return NULL;
}

#define for_each_in_scope(attach, scope)                           \
	for ((attach) = scope_next(scope, NULL); (attach) != NULL; \
	     (attach) = scope_next(scope, attach))

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
		    (num->number.val > device_last(attach->dev) ||
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

/* The portal goes back with it. One that would not open again says so in the device's information. */
static void restore_mode(struct ioasid_device *dev, u32 mode)
{
	WRITE_ONCE(dev->mode, mode);
	(void)portals_update(dev->ctx);
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
		restore_mode(dev, mode);
		return (int)PTR_ERR(attach);
	}
	attach_link(attach);
	rc = flags & IOASID_ATTACH_VPASID ? set_new_number(&scope, vpasid) : 0;
	if (!rc)
		return 0;
	attach_release(attach);
	restore_mode(dev, mode);
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
	u32 last = device_local_last(dev);

	if (device_is_slice(dev))
		return idtree_find_free(&dev->vpasids, (u32)candidate, last);
	return function_lowest_free(dev->fn, (u32)candidate, last);
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
		if (!device_is_slice(attach->dev) &&
		    function_number_used(attach->dev->fn, vpasid.val) &&
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

/*
 * Which number on the wire may be told: a slice in local mode has one of its own, so that several
 * devices have no common answer.
 */
static int check_expose(const struct hwid_scope *scope)
{
	struct ioas_attach *attach;
	bool own = false;
	u32 n = 0;

	for_each_in_scope(attach, scope)
	{
		own |= device_is_slice(attach->dev) && !device_is_global(attach->dev);
		n++;
	}
	return own && n > 1 ? -EINVAL : 0;
}

static u32 exposed_number(const struct hwid_scope *scope, vpasid_t vpasid)
{
	struct ioas_attach *attach;
	ppasid_t wire = PPASID(vpasid.val);
	struct hostnum *num;

	if (scope_is_global(scope)) {
		num = hostnum_find(scope->ioas->ctx, vpasid);
		return num ? num->number.val : vpasid.val;
	}
	attach = scope_next(scope, NULL);
	(void)ioasid_device_ppasid(attach->dev, vpasid, &wire);
	return wire.val;
}

int route_set_hwid(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_set_hwid *h = arg;
	bool expose = h->flags & IOASID_HWID_EXPOSE;
	struct hwid_scope scope;
	vpasid_t vpasid = VPASID(h->vpasid);
	int rc;

	if ((h->ppasid && h->ppasid != IOASID_INVALID) || (h->flags & IOASID_HWID_ANY && h->vpasid))
		return -EINVAL;
	rc = hwid_scope(ctx, h, &scope);
	if (!rc && expose)
		rc = check_expose(&scope);
	if (!rc)
		rc = set_hwid(&scope, h, &vpasid);
	if (rc)
		return rc;
	h->vpasid = vpasid.val;
	h->ppasid = expose ? exposed_number(&scope, vpasid) : IOASID_INVALID;
	ctx->exposed |= expose;
	return 0;
}

/* ---- CLEAR_HWID ------------------------------------------------------------------------------------------ */

/* struct clearing - what is to end: all numbers of the scope, or one */
struct clearing {
	struct hwid_scope scope;
	bool all;
	vpasid_t vpasid;
};

/* The first pass over what ends, see leave_step(). Return: routes met; *@any: entries left the table. */
static u32 clear_step(const struct clearing *c, enum leave_step step, bool *any)
{
	struct ioas_attach *attach;
	struct ioas_route *route;
	u32 n = 0;

	for_each_in_scope(attach, &c->scope)
	{
		list_for_each_entry(route, &attach->routes, link) {
			if (!c->all && route->vpasid.val != c->vpasid.val)
				continue;
			n++;
			*any |= leave_step(route, step);
		}
	}
	return n;
}

static void clear_one(struct ioas_attach *attach, vpasid_t vpasid)
{
	struct ioas_route *route = route_find(attach->dev, vpasid);

	if (route && route->attach == attach)
		route_remove(route);
}

static void clear_all(struct ioas_attach *attach)
{
	struct ioas_route *route, *next;

	list_for_each_entry_safe(route, next, &attach->routes, link)
		route_remove(route);
}

/* Numbers that end with this are off the CPUs first, whichever device has them. */
static int clear_numbers(const struct clearing *c)
{
	struct ioas_attach *attach;
	bool cleared = false;

	if (!clear_step(c, LEAVE_COUNT, &cleared))
		return -ENOENT;
	clear_step(c, LEAVE_CLEAR, &cleared);
	if (cleared)
		cpu_flush(c->scope.ioas->ctx);
	clear_step(c, LEAVE_RELEASE, &cleared);
	for_each_in_scope(attach, &c->scope)
	{
		if (c->all)
			clear_all(attach);
		else
			clear_one(attach, c->vpasid);
	}
	return 0;
}

int route_clear_hwid(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_set_hwid *h = arg;
	struct clearing c = { .all = h->flags & IOASID_HWID_ALL, .vpasid = VPASID(h->vpasid) };
	int rc;

	if ((c.all && h->vpasid) || (h->ppasid && h->ppasid != IOASID_INVALID))
		return -EINVAL;
	rc = hwid_scope(ctx, h, &c.scope);
	return rc ? rc : clear_numbers(&c);
}
