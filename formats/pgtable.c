// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Page table builders: the checks that no format needs to repeat, and the way to each. */
#include "formats/pgtable_ops.h"

static const struct iopt_ops *const iopt_formats[IOPT_FMT_NR] = {
	[IOPT_FMT_VTD_FS] = &vtdfs_iopt_ops,
	[IOPT_FMT_VTD_SS] = &vtdss_iopt_ops,
};

int iopt_init(struct iopt *pt, const struct iopt_cfg *cfg)
{
	if ((unsigned int)cfg->fmt >= IOPT_FMT_NR)
		return -EINVAL;
	memset(pt, 0, sizeof(*pt));
	pt->env = cfg->env;
	pt->fmt = (u8)cfg->fmt;
	pt->ops = iopt_formats[cfg->fmt];
	pt->leaf_snoop = cfg->leaf_snoop;
	pt->track = cfg->track;
	return pt->ops->init(pt, cfg);
}

void iopt_destroy(struct iopt *pt)
{
	if (pt->root)
		pt->ops->destroy(pt);
}

static u64 iopt_granule_mask(const struct iopt *pt)
{
	return (pt->page_sizes & -pt->page_sizes) - 1;
}

int iopt_map_extents(struct iopt *pt, u64 iova, const struct iopt_extent *ext, u64 nr, u32 prot)
{
	if (!nr || (iova & iopt_granule_mask(pt)) || !(prot & (IOPT_READ | IOPT_WRITE)) ||
	    (prot & ~(IOPT_READ | IOPT_WRITE | IOPT_SNOOP)))
		return -EINVAL;
	if (iova > pt->ia_last)
		return -ERANGE;
	return pt->ops->map(pt, iova, ext, nr, prot);
}

int iopt_map(struct iopt *pt, u64 iova, u64 pa, u64 len, u32 prot)
{
	struct iopt_extent ext = { .pa = pa, .len = len };

	if (!len || iova + (len - 1) < iova)
		return -EINVAL;
	return iopt_map_extents(pt, iova, &ext, 1, prot);
}

s64 iopt_unmap(struct iopt *pt, u64 start, u64 last, struct table_gather *g)
{
	u64 mask = iopt_granule_mask(pt);

	if (start > last || (start & mask) || (last & mask) != mask)
		return -EINVAL;
	if (last > pt->ia_last)
		return -ERANGE;
	return pt->ops->unmap(pt, start, last, g);
}

bool iopt_next(const struct iopt *pt, u64 start, u64 last, struct iopt_leaf *leaf)
{
	if (start > last || start > pt->ia_last)
		return false;
	return pt->ops->next(pt, start, min_t(u64, last, pt->ia_last), leaf);
}

int iopt_read_dirty(struct iopt *pt, u64 start, u64 last, bool clear,
		    void (*fn)(void *arg, u64 iova, u64 len), void *arg)
{
	if (start > last)
		return -EINVAL;
	if (last > pt->ia_last)
		return -ERANGE;
	if (!pt->track)
		return -EOPNOTSUPP;
	return pt->ops->dirty(pt, start, last, clear, fn, arg);
}

void iopt_set_track(struct iopt *pt, bool track)
{
	pt->track = track;
	if (track)
		pt->ops->dirty(pt, 0, pt->ia_last, true, NULL, NULL);
}
