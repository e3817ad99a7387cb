// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* INVALIDATE_CACHE: the guest changed a table of its own. */
#include "core/core.h"

static int inval_range(const struct ioasid_invalidate *v, u64 *last)
{
	if (v->granularity != IOASID_INV_RANGE) {
		*last = ~0ULL;
		return v->iova || v->length ? -EINVAL : 0;
	}
	if (!v->length || check_add_overflow(v->iova, v->length - 1, last))
		return -EINVAL;
	return 0;
}

static int check_granularity(const struct ioasid_invalidate *v)
{
	if (v->granularity > IOASID_INV_PASID_ENTRY)
		return -EINVAL;
	/* Tags and table entries belong to delegated tables. */
	if (v->granularity == IOASID_INV_TAG || v->granularity == IOASID_INV_PASID_ENTRY)
		return -EINVAL;
	if (v->tag || v->flags & IOASID_INV_VPASID)
		return -EINVAL;
	return v->granularity == IOASID_INV_PASID ? 0 : v->vpasid ? -EINVAL : 0;
}

/* Does @dev reach @ioas, by @v's number if the granularity names one? */
static bool device_reaches(struct ioasid_device *dev, struct ioas *ioas,
			   const struct ioasid_invalidate *v)
{
	struct ioas_route *route;

	if (v->granularity == IOASID_INV_PASID) {
		route = route_find(dev, VPASID(v->vpasid));
		return route && route->attach->ioas == ioas;
	}
	return route_find_attach(dev, ioas) ||
	       (dev->group->depth && dev->group->stack[dev->group->depth - 1] == ioas);
}

static bool number_exists(struct ioas *ioas, const struct ioasid_invalidate *v)
{
	struct ioas_attach *attach;

	list_for_each_entry(attach, &ioas->attaches, ioas_link) {
		if (device_reaches(attach->dev, ioas, v))
			return true;
	}
	return false;
}

/*
 * One address space is one table, so naming one of its numbers purges all of them: more than was
 * asked for is allowed, less is not.
 */
int inval_cache(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_invalidate *v = arg;
	struct ioas *ioas = ioas_find(ctx, v->ioasid);
	struct ioasid_device *dev = NULL;
	struct ioasid_domain *domain;
	u64 last;
	int rc, ret = 0;

	if (!ioas)
		return -ENOENT;
	if (ioas->kind->kind != IOASID_KIND_USER_TABLE)
		return -EINVAL;
	rc = check_granularity(v);
	if (!rc)
		rc = inval_range(v, &last);
	if (rc || (v->cookie && !(v->flags & IOASID_INV_DEVICE)))
		return rc ?: -EINVAL;
	if (v->flags & IOASID_INV_DEVICE) {
		dev = ctx_find_device(ctx, v->cookie);
		if (!dev || !device_reaches(dev, ioas, v))
			return -ENOENT;
	} else if (v->granularity == IOASID_INV_PASID && !number_exists(ioas, v)) {
		return -ENOENT;
	}
	list_for_each_entry(domain, &ioas->domains, link) {
		if (dev && dev->iommu != domain->iommu)
			continue;
		rc = domain->iommu->ops->invalidate(domain, dev, v->iova, last,
						    v->flags & IOASID_INV_LEAF);
		ret = ret ?: rc;
	}
	trace_ioasid_invalidate(ctx, v->ioasid, v->granularity, v->iova, last, ret);
	return ret;
}
