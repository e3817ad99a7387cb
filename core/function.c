// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Functions, and the numbers on their wires. A function has a RID and one space of PASIDs. Assigned
 * whole, the space is its context's, which picks numbers as it likes. With slices bound, of whatever
 * contexts, only the host picks: numbers that are one slice's alone (default PASIDs, vPASIDs in local
 * mode) below the host's split, host-wide ones from there on, so that the two never meet (design
 * sections 5.1 and 5.4).
 */
#include "core/core.h"

/* ---- making ------------------------------------------------------------------------------------ */

struct ioasid_function *ioasid_function_create(struct ioasid_machine *machine,
					       const struct ioasid_function_desc *desc, void *priv)
{
	struct ioasid_function *fn;

	if (!desc->iommu || desc->pasid_bits > IOASID_PASID_BITS)
		return ERR_PTR(-EINVAL);
	if (desc->kept_last && (!desc->kept_first || desc->kept_first > desc->kept_last))
		return ERR_PTR(-EINVAL);
	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->machine = machine;
	fn->iommu = desc->iommu;
	fn->pasid_bits = min(desc->pasid_bits, desc->iommu->pasid_bits);
	fn->kept_first = desc->kept_first;
	fn->kept_last = desc->kept_last;
	fn->priv = priv;
	refcount_set(&fn->refs, 1);
	INIT_LIST_HEAD(&fn->devices);
	INIT_LIST_HEAD(&fn->bound);
	INIT_LIST_HEAD(&fn->stuck);
	mutex_init(&fn->lock);
	pasid_space_init(&fn->space, fn->pasid_bits);
	idtree_init_rcu(&fn->wires, IOASID_PASID_BITS);
	mutex_lock(&machine->lock);
	list_add_tail(&fn->link, &machine->functions);
	mutex_unlock(&machine->lock);
	return fn;
}

void function_get(struct ioasid_function *fn)
{
	refcount_inc(&fn->refs);
}

void function_put(struct ioasid_function *fn)
{
	if (!refcount_dec_and_test(&fn->refs))
		return;
	WARN_ON(!list_empty(&fn->devices) || !list_empty(&fn->stuck));
	pasid_space_destroy(&fn->space);
	idtree_destroy(&fn->wires);
	mutex_destroy(&fn->lock);
	kfree(fn);
}

void ioasid_function_destroy(struct ioasid_function *fn)
{
	mutex_lock(&fn->machine->lock);
	WARN_ON(!list_empty(&fn->devices));
	list_del(&fn->link);
	mutex_unlock(&fn->machine->lock);
	function_put(fn);
}

void *ioasid_function_priv(const struct ioasid_function *fn)
{
	return fn->priv;
}

struct ioasid_function *ioasid_device_function(const struct ioasid_device *dev)
{
	return dev->fn;
}

void function_add_device(struct ioasid_function *fn, struct ioasid_device *dev)
{
	list_add_tail(&dev->fn_link, &fn->devices);
}

void function_remove_device(struct ioasid_device *dev)
{
	list_del(&dev->fn_link);
}

/* ---- whole, or in slices ------------------------------------------------------------------------- */

int function_bind(struct ioasid_device *dev)
{
	struct ioasid_function *fn = dev->fn;
	bool slice = device_is_slice(dev);

	if (slice ? fn->whole : fn->nr_slices || fn->host_uses)
		return -EBUSY;
	if (slice)
		fn->nr_slices++;
	else
		fn->whole = true;
	mutex_lock(&fn->lock);
	list_add_tail(&dev->bound_link, &fn->bound);
	mutex_unlock(&fn->lock);
	return 0;
}

void function_unbind(struct ioasid_device *dev)
{
	struct ioasid_function *fn = dev->fn;

	if (device_is_slice(dev))
		fn->nr_slices--;
	else
		fn->whole = false;
	mutex_lock(&fn->lock);
	list_del(&dev->bound_link);
	/* What is left are numbers the kernel was found to use: the next user finds out anew. */
	if (list_empty(&fn->bound)) {
		WARN_ON(fn->wires.count || !list_empty(&fn->stuck));
		pasid_space_destroy(&fn->space);
		pasid_space_init(&fn->space, fn->pasid_bits);
	}
	mutex_unlock(&fn->lock);
}

int ioasid_function_host_use(struct ioasid_function *fn, bool use)
{
	int rc = 0;

	mutex_lock(&fn->machine->lock);
	if (!use)
		fn->host_uses--;
	else if (fn->whole)
		rc = -EBUSY;
	else
		fn->host_uses++;
	mutex_unlock(&fn->machine->lock);
	return rc;
}

bool function_keeps(const struct ioasid_function *fn, u32 number)
{
	return fn->kept_last && number >= fn->kept_first && number <= fn->kept_last;
}

bool function_number_used(struct ioasid_function *fn, u32 number)
{
	bool used;

	mutex_lock(&fn->lock);
	used = pasid_space_is_used(&fn->space, number) || function_keeps(fn, number);
	mutex_unlock(&fn->lock);
	return used;
}

s64 function_lowest_free(struct ioasid_function *fn, u32 first, u32 last)
{
	s64 got;

	mutex_lock(&fn->lock);
	got = pasid_space_lowest_free(&fn->space, first, last);
	if (got >= 0 && function_keeps(fn, (u32)got))
		got = pasid_space_lowest_free(&fn->space, fn->kept_last + 1, last);
	mutex_unlock(&fn->lock);
	return got;
}

/* ---- numbers of routes --------------------------------------------------------------------------- */

/* Nobody has it: take it, and make it lead to @route. fn->lock held. */
static int take_free(struct ioas_route *route, ppasid_t number)
{
	struct ioasid_function *fn = route->dev->fn;
	int rc;

	if (function_keeps(fn, number.val))
		return -EBUSY;
	/*
	 * A host-wide number that is being drained here, and still is the context's elsewhere, means
	 * what it meant: it is taken again.
	 */
	if (number.val == route->global.val && pasid_space_is_quarantined(&fn->space, number.val))
		pasid_space_release(&fn->space, number.val);
	rc = pasid_space_take(&fn->space, number.val, NULL);
	if (!rc) {
		rc = idtree_insert(&fn->wires, number.val, route);
		if (rc)
			pasid_space_release(&fn->space, number.val);
		pasid_space_trim(&fn->space);
	} else if (rc == -EEXIST && !idtree_find(&fn->wires, number.val)) {
		/* Used without a route: by the kernel. */
		rc = -EBUSY;
	}
	return rc;
}

/* Siblings of one context: the number leads to one address space for all of them. */
static bool may_share(const struct ioas_route *head, const struct ioas_route *route,
		      ppasid_t number)
{
	return device_is_slice(route->dev) && number.val == route->global.val &&
	       number.val == head->global.val && head->num == route->num;
}

int wire_take(struct ioas_route *route, ppasid_t number)
{
	struct ioasid_function *fn = route->dev->fn;
	struct ioas_route *head;
	int rc;

	mutex_lock(&fn->lock);
	head = idtree_find(&fn->wires, number.val);
	if (head && may_share(head, route, number)) {
		route->sharer = head->sharer;
		smp_store_release(&head->sharer, route);
		rc = 1;
	} else {
		rc = take_free(route, number);
	}
	mutex_unlock(&fn->lock);
	return rc;
}

/* Lowest free number of the function's own at or after @from. fn->lock held. */
static s64 lowest_own(const struct ioasid_function *fn, u32 from)
{
	u32 last = min(READ_ONCE(fn->machine->pasids.split) - 1, fn->space.last);
	s64 got = pasid_space_lowest_free(&fn->space, from, last);

	if (got >= 0 && function_keeps(fn, (u32)got))
		got = pasid_space_lowest_free(&fn->space, fn->kept_last + 1, last);
	return got;
}

int wire_take_any(struct ioas_route *route, u32 *from, ppasid_t *number)
{
	struct ioasid_function *fn = route->dev->fn;
	s64 got;
	int rc;

	mutex_lock(&fn->lock);
	got = lowest_own(fn, *from);
	*number = PPASID((u32)got);
	rc = got < 0 ? (int)got : take_free(route, *number);
	mutex_unlock(&fn->lock);
	*from = (u32)got + 1;
	return rc;
}

/* @route has @number no more. Return: nobody has: it is to be detached. fn->lock held. */
static bool unlink_number(struct ioas_route *route, ppasid_t number)
{
	struct ioasid_function *fn = route->dev->fn;
	struct ioas_route *head, *each;
	bool last = false;

	if (!is_number(number))
		return false;
	head = idtree_find(&fn->wires, number.val);
	if (head != route) {
		for (each = head; each->sharer != route; each = each->sharer)
			;
		WRITE_ONCE(each->sharer, route->sharer);
	} else if (number.val == route->global.val && route->sharer) {
		idtree_swap(&fn->wires, number.val, route->sharer);
	} else {
		idtree_erase(&fn->wires, number.val);
		last = true;
	}
	return last;
}

/* ---- numbers that end ------------------------------------------------------------------------------ */

/* Has a sibling let go of @number, whose device may send it still? fn->lock held. */
static bool is_stuck(const struct ioasid_function *fn, ppasid_t number)
{
	struct ioas_route *route;

	/* All of a whole function's are one device's, and below the split nothing is shared. */
	if (fn->whole || number.val < READ_ONCE(fn->machine->pasids.split))
		return false;
	list_for_each_entry(route, &fn->stuck, link) {
		if (route->global.val == number.val)
			return true;
	}
	return false;
}

/* Unless somebody has it, it can be given out again. fn->lock held. */
static void free_number(struct ioasid_function *fn, ppasid_t number)
{
	if (!is_number(number) || !pasid_space_is_quarantined(&fn->space, number.val) ||
	    idtree_find(&fn->wires, number.val) || is_stuck(fn, number))
		return;
	pasid_space_release(&fn->space, number.val);
	pasid_space_trim(&fn->space);
}

/* The same, while something with it may come. */
static void retire_number(struct ioasid_function *fn, ppasid_t number)
{
	if (is_number(number) && !idtree_find(&fn->wires, number.val) &&
	    !pasid_space_is_quarantined(&fn->space, number.val))
		pasid_space_retire(&fn->space, number.val);
}

bool wire_unlink(struct ioas_route *route, ppasid_t number, bool kernels)
{
	struct ioasid_function *fn = route->dev->fn;
	bool last;

	mutex_lock(&fn->lock);
	last = unlink_number(route, number);
	if (last && !kernels)
		retire_number(fn, number);
	mutex_unlock(&fn->lock);
	return last;
}

void wire_release(struct ioas_route *route, ppasid_t number, bool led)
{
	struct ioasid_function *fn = route->dev->fn;

	mutex_lock(&fn->lock);
	if (!led || !READ_ONCE(route->dev->fenced))
		free_number(fn, number);
	mutex_unlock(&fn->lock);
}

void wire_give_back(struct ioas_route *route, ppasid_t *number)
{
	free_number(route->dev->fn, *number);
	*number = PPASID_NONE;
}

/* In one step, so that a sibling that lets go of a number meanwhile does not take it for nobody's. */
void wire_end(struct ioas_route *route, bool *local, bool *global)
{
	struct ioasid_function *fn = route->dev->fn;

	mutex_lock(&fn->lock);
	if (device_is_slice(route->dev))
		idtree_erase(&route->dev->vpasids, route->vpasid.val);
	*local = unlink_number(route, route->local);
	*global = unlink_number(route, route->global);
	retire_number(fn, route->local);
	retire_number(fn, route->global);
	route->ending = true;
	list_add_tail(&route->link, &fn->stuck);
	mutex_unlock(&fn->lock);
}

void wire_settle(struct ioas_route *route)
{
	struct ioasid_function *fn = route->dev->fn;

	list_del(&route->link);
	free_number(fn, route->local);
	free_number(fn, route->global);
}

/* ---- default PASIDs ------------------------------------------------------------------------------------ */

static int take_default(struct ioasid_device *dev)
{
	struct ioasid_function *fn = dev->fn;
	int rc = -ENOSPC;
	s64 got;

	mutex_lock(&fn->lock);
	got = lowest_own(fn, 1);
	if (got >= 0)
		rc = pasid_space_take(&fn->space, (u32)got, NULL);
	if (!rc)
		WRITE_ONCE(dev->default_pasid.val, (u32)got);
	mutex_unlock(&fn->lock);
	return rc;
}

int default_pasid_take(struct ioasid_device *dev)
{
	struct pasid_host *host = &dev->machine->pasids;
	int rc = pasid_parent_charge(host, &dev->default_charge);

	if (rc)
		return rc;
	rc = take_default(dev);
	if (rc)
		pasid_parent_uncharge(host, dev->default_charge);
	return rc;
}

/* Its device is stopped and its routes are gone: nothing with it is on its way. */
void default_pasid_drop(struct ioasid_device *dev)
{
	struct ioasid_function *fn = dev->fn;

	mutex_lock(&fn->lock);
	pasid_space_release(&fn->space, dev->default_pasid.val);
	pasid_space_trim(&fn->space);
	WRITE_ONCE(dev->default_pasid.val, 0);
	mutex_unlock(&fn->lock);
	pasid_parent_uncharge(&dev->machine->pasids, dev->default_charge);
	dev->default_charge = NULL;
}

/* The old one stays used: it is the kernel's. */
int default_pasid_change(struct ioasid_device *dev)
{
	return take_default(dev);
}

ppasid_t device_rid_wire(const struct ioasid_device *dev)
{
	return device_is_slice(dev) ? PPASID(READ_ONCE(dev->default_pasid.val)) : PPASID_NONE;
}

ppasid_t ioasid_device_rid_pasid(const struct ioasid_device *dev)
{
	return device_is_slice(dev) && READ_ONCE(dev->ending) ? PPASID(0) : device_rid_wire(dev);
}
