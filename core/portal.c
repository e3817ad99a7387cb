// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Command portals: which devices accept what the CPU submits (design section 5.5). A slice takes numbers
 * that the CPU has translated, and nothing else; a whole function takes what the CPU sends, unless the
 * numbers installed on it are not those that the CPU sends.
 *
 * All functions run under ctx->lock held for writing, portal_state() for reading.
 */
#include "core/core.h"

/* What the portal of a bound device should be. */
static u32 wanted(const struct ioasid_device *dev)
{
	bool on = dev->ctx->cpu_on, global = device_is_global(dev);

	if (on && !global)
		return IOASID_PORTAL_CLOSED_LOCAL;
	if (dev->policy->cpu_virt && !on)
		return IOASID_PORTAL_CLOSED;
	return IOASID_PORTAL_OPEN;
}

u32 portal_state(const struct ioasid_device *dev)
{
	u32 state;

	if (!dev->policy->cpu)
		return IOASID_PORTAL_NONE;
	if (dev->portal)
		return IOASID_PORTAL_OPEN;
	state = dev->ctx ? wanted(dev) : IOASID_PORTAL_CLOSED;
	/* It would not open again after the CPUs stopped translating. */
	return state == IOASID_PORTAL_OPEN ? IOASID_PORTAL_CLOSED : state;
}

static int portal_open(struct ioasid_device *dev)
{
	int rc = dev->ops->portal_open ? dev->ops->portal_open(dev) : 0;

	if (!rc)
		dev->portal = true;
	return rc;
}

void portal_shut(struct ioasid_device *dev)
{
	if (!dev->portal)
		return;
	if (dev->ops->portal_close)
		dev->ops->portal_close(dev);
	dev->portal = false;
}

void portals_shut_translated(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (dev->policy->cpu_virt)
			portal_shut(dev);
	}
}

void portals_shut_local(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (!device_is_global(dev))
			portal_shut(dev);
	}
}

static bool should_open(const struct ioasid_device *dev)
{
	return dev->policy->cpu && !dev->portal && wanted(dev) == IOASID_PORTAL_OPEN;
}

static bool should_shut(const struct ioasid_device *dev)
{
	return dev->portal && wanted(dev) != IOASID_PORTAL_OPEN;
}

/* What can fail comes first. */
int portals_update(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev, *last = NULL;
	int rc = 0;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		dev->portal_fresh = should_open(dev);
		if (dev->portal_fresh)
			rc = portal_open(dev);
		if (rc)
			break;
		last = dev;
	}
	if (!rc) {
		list_for_each_entry(dev, &ctx->devices, ctx_link) {
			if (should_shut(dev))
				portal_shut(dev);
		}
		return 0;
	}
	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (!last)
			break;
		if (dev->portal_fresh)
			portal_shut(dev);
		if (dev == last)
			break;
	}
	return rc;
}
