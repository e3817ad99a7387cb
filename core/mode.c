// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mode and split of devices, and the width that follows from them (design section 5.2). Mode and
 * split belong to the device; a knob of the context and one of the device say what they are, the
 * narrower winning, and neither moves while the device has a PASID route.
 *
 * All functions run under ctx->lock, those that change something with it held for writing.
 */
#include "core/core.h"

/* struct knobs - what a user said of a device, or of the context; 0: nothing */
struct knobs {
	u32 mode;
	u32 global_min;
};

/* Fault reports ask without ctx->lock. A device that could tell has no route, see check_device(). */
static struct knobs knobs_of(const struct ioasid_device *dev)
{
	return (struct knobs){ READ_ONCE(dev->mode), READ_ONCE(dev->global_min) };
}

static struct knobs knobs_of_ctx(const struct ioasid_ctx *ctx)
{
	if (!ctx)
		return (struct knobs){ 0 };
	return (struct knobs){ READ_ONCE(ctx->mode), READ_ONCE(ctx->global_min) };
}

/* What follows for a device from its own knobs and its context's; same form, nothing left open. */
static struct knobs in_force(const struct ioasid_device *dev, struct knobs own, struct knobs ctx)
{
	struct knobs k = { IOASID_MODE_LOCAL, own.global_min ?: ctx.global_min ?: 1 };

	if (!dev->policy->may_global)
		return k;
	if (own.mode != IOASID_MODE_DEFAULT)
		k.mode = own.mode;
	else if (ctx.mode != IOASID_MODE_DEFAULT)
		k.mode = ctx.mode;
	else if (dev->default_mode != IOASID_MODE_DEFAULT)
		k.mode = dev->default_mode;
	return k;
}

static struct knobs device_knobs(const struct ioasid_device *dev)
{
	return in_force(dev, knobs_of(dev), knobs_of_ctx(dev->ctx));
}

u32 device_mode(const struct ioasid_device *dev)
{
	return device_knobs(dev).mode;
}

bool device_is_global(const struct ioasid_device *dev)
{
	return device_mode(dev) == IOASID_MODE_GLOBAL;
}

u32 device_global_min(const struct ioasid_device *dev)
{
	return device_knobs(dev).global_min;
}

u32 device_local_last(const struct ioasid_device *dev)
{
	struct knobs k = device_knobs(dev);

	return k.mode == IOASID_MODE_GLOBAL ? min(k.global_min - 1, device_last(dev)) :
					      device_last(dev);
}

bool device_takes_pasids(const struct ioasid_device *dev)
{
	return dev->caps & IOASID_DEV_PASID && dev->group->nr_members == 1;
}

/* ---- width ----------------------------------------------------------------------------------- */

/* Numbers a guest may use, PASID 0 counted: what the width is the logarithm of. */
static u32 numbers_with(const struct ioasid_device *dev, struct knobs k)
{
	u32 width = 1U << dev->pasid_bits;

	return k.mode == IOASID_MODE_GLOBAL ? min(k.global_min, width) : width;
}

void width_add(struct width *w, const struct ioasid_device *dev)
{
	u32 numbers = numbers_with(dev, device_knobs(dev));

	if (dev->caps & IOASID_DEV_PASID)
		w->numbers = w->numbers ? min(w->numbers, numbers) : numbers;
}

u32 width_bits(const struct width *w)
{
	return w->numbers ? (u32)ilog2(w->numbers) : 0;
}

static bool keeps_promise(const struct ioasid_ctx *ctx, const struct ioasid_device *dev,
			  struct knobs k)
{
	if (ctx->promised_bits == IOASID_INVALID || !(dev->caps & IOASID_DEV_PASID))
		return true;
	return (u32)ilog2(numbers_with(dev, k)) >= ctx->promised_bits;
}

bool device_keeps_promise(const struct ioasid_ctx *ctx, const struct ioasid_device *dev)
{
	return keeps_promise(ctx, dev, device_knobs(dev));
}

/* ---- changing mode and split ------------------------------------------------------------------- */

/* May @dev change to what follows from @own and @of_ctx? */
static int check_device(struct ioasid_ctx *ctx, const struct ioasid_device *dev, struct knobs own,
			struct knobs of_ctx)
{
	struct knobs before = device_knobs(dev), after = in_force(dev, own, of_ctx);

	if (before.mode == after.mode && before.global_min == after.global_min)
		return 0;
	if (dev->nr_routes)
		return -EBUSY;
	return keeps_promise(ctx, dev, after) ? 0 : -EMEDIUMTYPE;
}

static void put_knobs(struct ioasid_ctx *ctx, struct ioasid_device *dev, struct knobs k)
{
	WRITE_ONCE(*(dev ? &dev->mode : &ctx->mode), k.mode);
	WRITE_ONCE(*(dev ? &dev->global_min : &ctx->global_min), k.global_min);
}

/* New knobs for @dev, or for the context if that is NULL: for all it concerns, or not at all. */
static int set_knobs(struct ioasid_ctx *ctx, struct ioasid_device *dev, struct knobs k)
{
	struct ioasid_device *each;
	struct knobs before;
	int rc = dev ? check_device(ctx, dev, k, knobs_of_ctx(ctx)) : 0;

	if (!dev) {
		list_for_each_entry(each, &ctx->devices, ctx_link)
			rc = rc ?: check_device(ctx, each, knobs_of(each), k);
	}
	if (rc)
		return rc;
	before = dev ? knobs_of(dev) : knobs_of_ctx(ctx);
	put_knobs(ctx, dev, k);
	/* A portal follows the mode of its device; one that does not open changes nothing. */
	rc = portals_update(ctx);
	if (rc)
		put_knobs(ctx, dev, before);
	return rc;
}

int device_set_mode(struct ioasid_device *dev, u32 mode)
{
	struct knobs k = knobs_of(dev);

	if (mode == IOASID_MODE_GLOBAL && !dev->policy->may_global)
		return -EOPNOTSUPP;
	k.mode = mode;
	return set_knobs(dev->ctx, dev, k);
}

static int policy_device(struct ioasid_ctx *ctx, const struct ioasid_hwid_policy *p,
			 struct ioasid_device **dev)
{
	*dev = NULL;
	if (!(p->flags & IOASID_HWID_DEVICE))
		return p->cookie ? -EINVAL : 0;
	*dev = ctx_find_device(ctx, p->cookie);
	return *dev ? 0 : -ENOENT;
}

int mode_set(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	struct ioasid_device *dev;
	struct knobs k;
	int rc;

	if (p->value > IOASID_MODE_GLOBAL)
		return -EINVAL;
	rc = policy_device(ctx, p, &dev);
	if (rc)
		return rc;
	if (dev)
		return device_set_mode(dev, p->value);
	k = knobs_of_ctx(ctx);
	k.mode = p->value;
	return set_knobs(ctx, NULL, k);
}

int mode_set_global_min(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	struct ioasid_device *dev;
	struct knobs k;
	int rc;

	if (!p->value || p->value > (1U << IOASID_PASID_BITS))
		return -EINVAL;
	rc = policy_device(ctx, p, &dev);
	if (rc)
		return rc;
	if (dev && !dev->policy->may_global)
		return -EOPNOTSUPP;
	k = dev ? knobs_of(dev) : knobs_of_ctx(ctx);
	k.global_min = p->value;
	return set_knobs(ctx, dev, k);
}

int mode_set_promised_width(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	struct ioasid_device *dev;
	u32 before = ctx->promised_bits;

	if (p->cookie || p->value > IOASID_PASID_BITS)
		return -EINVAL;
	/* A guest may be told a width before any device is plugged; binding checks it then. */
	ctx->promised_bits = p->value;
	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (device_keeps_promise(ctx, dev))
			continue;
		ctx->promised_bits = before;
		return -EMEDIUMTYPE;
	}
	return 0;
}
