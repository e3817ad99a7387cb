// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an IOMMU can do for a device, as far as its driver says or a domain it makes proves, and
 * whether two devices can share domains.
 */
#include <linux/sort.h>

#include "iommu.h"
#include "compat.h"

/* VT-d capability and extended capability registers, as hw_info reports them. */
#define VTD_CAP_SAGAW(cap) (((cap) >> 8) & 0x1f)
#define VTD_CAP_MGAW(cap)  ((((cap) >> 16) & 0x3f) + 1)
#define VTD_ECAP_SMTS	   BIT_ULL(43)
#define VTD_ECAP_SLADS	   BIT_ULL(45)
#define VTD_ECAP_SLTS	   BIT_ULL(46)
#define VTD_ECAP_FLTS	   BIT_ULL(47)

static int window_cmp(const void *a, const void *b)
{
	const struct ioasid_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * What the device's group cannot use. Ranges that firmware would like to see mapped but that are
 * known not to matter for passed-through devices are not among them. Return: 0; -EOPNOTSUPP: more
 * than we keep, or interrupts need a mapping made by software, which no x86 machine does.
 */
static int iommu_find_windows(struct lin_iommu *iommu, struct iommu_group *group)
{
	struct iommu_resv_region *r, *next;
	LIST_HEAD(regions);
	int rc;

	rc = iommu_get_group_resv_regions(group, &regions);
	list_for_each_entry(r, &regions, list) {
		if (rc || r->type == IOMMU_RESV_DIRECT_RELAXABLE || !r->length)
			continue;
		if (r->type == IOMMU_RESV_SW_MSI || iommu->nr_windows == LIN_NR_WINDOWS) {
			rc = -EOPNOTSUPP;
			continue;
		}
		iommu->windows[iommu->nr_windows++] = (struct ioasid_range){
			.start = r->start,
			.last = r->start + (r->length - 1),
			.type = r->type == IOMMU_RESV_MSI ? IOASID_RANGE_MSI :
							    IOASID_RANGE_RESERVED,
		};
	}
	list_for_each_entry_safe(r, next, &regions, list)
		kfree(r);
	sort(iommu->windows, iommu->nr_windows, sizeof(iommu->windows[0]), window_cmp, NULL);
	return rc;
}

/* The width a VT-d unit translates; what its domains say of themselves may be more. */
static u64 vtd_last(const struct iommu_hw_info_vtd *vtd)
{
	unsigned int width = VTD_CAP_MGAW(vtd->cap_reg);
	u64 sagaw = VTD_CAP_SAGAW(vtd->cap_reg);

	/* Bit 1: 39 bits, each further one 9 more. None: there are first-stage tables only. */
	if (sagaw)
		width = min_t(unsigned int, width, 30 + 9 * __fls(sagaw));
	return width >= 64 ? U64_MAX : BIT_ULL(width) - 1;
}

static void iommu_bound_by(struct lin_iommu *iommu, const struct iommu_domain *domain)
{
	if (domain->geometry.force_aperture && domain->geometry.aperture_end)
		iommu->core.last = min(iommu->core.last, (u64)domain->geometry.aperture_end);
	iommu->core.page_sizes &= domain->pgsize_bitmap;
}

/* Nesting is what a domain that can be nested on proves; words of the hardware are not enough. */
static void iommu_find_nesting(struct lin_iommu *iommu, struct device *dev,
			       const struct iommu_hw_info_vtd *vtd)
{
	struct iommu_domain *domain;

	if (!vtd || !lin_nested_possible(iommu->ops))
		return;
	domain = lin_nest_parent_alloc(dev);
	if (IS_ERR_OR_NULL(domain))
		return;
	iommu->core.caps |= IOASID_IOMMU_NESTING;
	iommu->nest_read_only = !(vtd->flags & IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17);
	iommu_bound_by(iommu, domain);
	iommu_domain_free(domain);
}

static bool vtd_has(const struct iommu_hw_info_vtd *vtd, u64 ecap)
{
	return vtd && (vtd->ecap_reg & ecap) == ecap;
}

static bool vtd_write_reads(const struct lin_iommu *iommu, const struct iommu_hw_info_vtd *vtd)
{
	bool both = vtd_has(vtd, VTD_ECAP_SMTS | VTD_ECAP_FLTS);

	/* A driver that is a module is not the kernel's own, and makes the best of what it has. */
	if (iommu->ops->owner)
		return both && !vtd_has(vtd, VTD_ECAP_SLTS);
	return lin_vtd_write_reads(iommu->empty, both);
}

static int iommu_find_tables(struct lin_iommu *iommu, struct device *dev)
{
	struct iommu_hw_info_vtd *vtd = lin_vtd_info(dev);

	iommu->core.last = vtd ? vtd_last(vtd) : U64_MAX;
	iommu->core.page_sizes = U64_MAX;
	iommu->second_stage = lin_plain_second(vtd_has(vtd, VTD_ECAP_SMTS),
					       vtd_has(vtd, VTD_ECAP_SLTS),
					       vtd_has(vtd, VTD_ECAP_SLTS | VTD_ECAP_SLADS));
	iommu->empty = lin_plain_alloc(dev, iommu->second_stage);
	if (IS_ERR(iommu->empty)) {
		kfree(vtd);
		return lin_errno(PTR_ERR(iommu->empty));
	}
	iommu->write_reads = vtd && vtd_write_reads(iommu, vtd);
	iommu_bound_by(iommu, iommu->empty);
	iommu_find_nesting(iommu, dev, vtd);
	kfree(vtd);
	return iommu->core.page_sizes & PAGE_SIZE ? 0 : -EOPNOTSUPP;
}

static void iommu_find_snoop(struct lin_iommu *iommu, struct device *dev)
{
	iommu->cached = device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY);
	if (device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY) &&
	    iommu->empty->ops->enforce_cache_coherency &&
	    iommu->empty->ops->enforce_cache_coherency(iommu->empty))
		iommu->core.caps |= IOASID_IOMMU_SNOOP;
}

void lin_iommu_destroy(struct lin_iommu *iommu)
{
	if (!IS_ERR_OR_NULL(iommu->empty))
		iommu_domain_free(iommu->empty);
	kfree(iommu);
}

struct lin_iommu *lin_iommu_describe(struct device *dev, struct iommu_group *group)
{
	struct lin_iommu *iommu = kzalloc(sizeof(*iommu), GFP_KERNEL);
	u32 pasids = dev->iommu->iommu_dev->max_pasids;
	int rc;

	if (!iommu)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&iommu->devices);
	iommu->hw = dev->iommu->iommu_dev;
	iommu->ops = iommu->hw->ops;
	iommu->core.ops = &lin_iommu_ops;
	iommu->core.pasid_bits = pasids > 1 ? min_t(u32, ilog2(pasids), 20) : 0;
	iommu->faults = lin_faults_possible(dev);
	iommu->raw_codes = IS_ENABLED(CONFIG_X86) && !iommu->ops->owner;
	rc = iommu_find_windows(iommu, group);
	if (!rc)
		rc = iommu_find_tables(iommu, dev);
	if (rc) {
		lin_iommu_destroy(iommu);
		return ERR_PTR(rc);
	}
	iommu_find_snoop(iommu, dev);
	if (lin_sva_possible(dev, iommu->faults, &iommu->sva_direct))
		iommu->core.caps |= IOASID_IOMMU_SHARED;
	iommu->core.format = iommu->core.caps & IOASID_IOMMU_NESTING ? IOASID_FORMAT_VTD_FS :
								       IOASID_FORMAT_NATIVE;
	return iommu;
}

bool lin_iommu_same(const struct lin_iommu *a, const struct lin_iommu *b)
{
	return a->hw == b->hw && a->ops == b->ops && a->core.caps == b->core.caps &&
	       a->core.last == b->core.last && a->core.page_sizes == b->core.page_sizes &&
	       a->cached == b->cached && a->faults == b->faults &&
	       a->write_reads == b->write_reads && a->nest_read_only == b->nest_read_only &&
	       a->nr_windows == b->nr_windows &&
	       !memcmp(a->windows, b->windows, a->nr_windows * sizeof(a->windows[0]));
}
