// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's IOMMU API for the core: which IOMMUs there are and what they can do, groups and the
 * ownership of their DMA, and the table of operations. How the files hang together: iommu.h.
 */
#include <linux/device.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/sort.h>

#include "iommu.h"
#include "compat.h"

LIN_IMPORT_NS(IOMMUFD_INTERNAL);

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "pass PCI devices through although their DMA can raise any interrupt of the host "
		 "(no interrupt remapping)");

/* VT-d capability and extended capability registers, as hw_info reports them. */
#define VTD_CAP_SAGAW(cap) (((cap) >> 8) & 0x1f)
#define VTD_CAP_MGAW(cap)  ((((cap) >> 16) & 0x3f) + 1)
#define VTD_ECAP_SMTS	   BIT_ULL(43)
#define VTD_ECAP_SLADS	   BIT_ULL(45)
#define VTD_ECAP_SLTS	   BIT_ULL(46)
#define VTD_ECAP_FLTS	   BIT_ULL(47)

DEFINE_MUTEX(lin_lock);
static LIST_HEAD(lin_iommus);
static LIST_HEAD(lin_groups);
static const struct ioasid_iommu_ops lin_iommu_ops;

int lin_errno(int rc)
{
	switch (rc) {
	case 0:
	case -ENOMEM:
	case -EBUSY:
	case -ERANGE:
	case -EIO:
	case -EINTR:
	case -EFAULT: /* of the page that lends a table's description to the driver */
		return rc;
	case -EPERM:
	case -EEXIST:
		return -EBUSY;
	case -ENOSPC: /* of the hardware's domain numbers */
		return -ENOMEM;
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- devices of an IOMMU ------------------------------------------------------------------------ */

static DEFINE_XARRAY(lin_devices);
static DECLARE_WAIT_QUEUE_HEAD(lin_returned);

struct ioasid_kdev *lin_iommu_borrow(struct lin_iommu *iommu)
{
	struct ioasid_kdev *kdev;

	mutex_lock(&lin_lock);
	kdev = list_first_entry(&iommu->devices, struct ioasid_kdev, hw.link);
	atomic_inc(&kdev->hw.borrowed);
	mutex_unlock(&lin_lock);
	return kdev;
}

void lin_iommu_return(struct ioasid_kdev *kdev)
{
	/* The waiter frees the device when it sees zero. */
	mutex_lock(&lin_lock);
	atomic_dec(&kdev->hw.borrowed);
	mutex_unlock(&lin_lock);
	wake_up_all(&lin_returned);
}

struct ioasid_kdev *lin_find_device(const struct device *dev)
{
	return xa_load(&lin_devices, (unsigned long)dev);
}

/* ---- what an IOMMU can do ------------------------------------------------------------------------- */

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

static void iommu_destroy(struct lin_iommu *iommu)
{
	if (!IS_ERR_OR_NULL(iommu->empty))
		iommu_domain_free(iommu->empty);
	kfree(iommu);
}

/* What is in front of @dev, described. */
static struct lin_iommu *iommu_describe(struct device *dev, struct iommu_group *group)
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
		iommu_destroy(iommu);
		return ERR_PTR(rc);
	}
	iommu_find_snoop(iommu, dev);
	if (lin_sva_possible(dev, iommu->faults, &iommu->sva_direct))
		iommu->core.caps |= IOASID_IOMMU_SHARED;
	iommu->core.format = iommu->core.caps & IOASID_IOMMU_NESTING ? IOASID_FORMAT_VTD_FS :
								       IOASID_FORMAT_NATIVE;
	return iommu;
}

/* Can devices of @a live in domains of @b and the other way round? */
static bool iommu_same(const struct lin_iommu *a, const struct lin_iommu *b)
{
	return a->hw == b->hw && a->ops == b->ops && a->core.caps == b->core.caps &&
	       a->core.last == b->core.last && a->core.page_sizes == b->core.page_sizes &&
	       a->cached == b->cached && a->faults == b->faults &&
	       a->write_reads == b->write_reads && a->nest_read_only == b->nest_read_only &&
	       a->nr_windows == b->nr_windows &&
	       !memcmp(a->windows, b->windows, a->nr_windows * sizeof(a->windows[0]));
}

static struct lin_iommu *iommu_find(struct device *dev, struct iommu_group *group)
{
	struct lin_iommu *iommu = iommu_describe(dev, group), *known;

	if (IS_ERR(iommu))
		return iommu;
	list_for_each_entry(known, &lin_iommus, link) {
		if (iommu_same(known, iommu)) {
			iommu_destroy(iommu);
			return known;
		}
	}
	list_add_tail(&iommu->link, &lin_iommus);
	return iommu;
}

/* ---- groups --------------------------------------------------------------------------------------- */

static struct lin_group *group_find(struct iommu_group *kernel)
{
	struct lin_group *group;

	list_for_each_entry(group, &lin_groups, link) {
		if (group->kernel == kernel)
			return group;
	}
	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return NULL;
	group->kernel = iommu_group_ref_get(kernel);
	INIT_LIST_HEAD(&group->members);
	INIT_LIST_HEAD(&group->rid.link);
	group->rid.group = group;
	group->rid.pasid = IOASID_NO_PASID;
	group->rid.handles[0].route = &group->rid;
	group->rid.handles[1].route = &group->rid;
	list_add_tail(&group->link, &lin_groups);
	return group;
}

static void group_put(struct lin_group *group)
{
	if (--group->nr_devices)
		return;
	WARN_ON(group->rid.domain);
	list_del(&group->link);
	iommu_group_put(group->kernel);
	kfree(group);
}

/* ---- devices come and go ----------------------------------------------------------------------------- */

static int iommu_enter_locked(struct ioasid_kdev *kdev, struct iommu_group *kernel)
{
	struct lin_group *group = group_find(kernel);
	struct lin_iommu *iommu;

	if (!group)
		return -ENOMEM;
	group->nr_devices++;
	iommu = iommu_find(kdev->dev, kernel);
	if (IS_ERR(iommu)) {
		group_put(group);
		return PTR_ERR(iommu);
	}
	kdev->hw.group = group;
	kdev->hw.iommu = iommu;
	list_add_tail(&kdev->hw.link, &iommu->devices);
	iommu->nr_devices++;
	return 0;
}

static void iommu_leave_locked(struct ioasid_kdev *kdev)
{
	struct lin_iommu *iommu = kdev->hw.iommu;

	list_del(&kdev->hw.link);
	group_put(kdev->hw.group);
	if (--iommu->nr_devices)
		return;
	list_del(&iommu->link);
	iommu_destroy(iommu);
}

int lin_iommu_enter(struct ioasid_kdev *kdev, struct lin_hw_info *info)
{
	struct device *dev = kdev->dev;
	struct iommu_group *kernel = iommu_group_get(dev);
	u32 pasids;
	int rc;

	/* The kernel gives a group to devices without an IOMMU too. */
	if (!kernel)
		return -ENODEV;
	if (!device_iommu_mapped(dev) || !dev->iommu || !dev->iommu->iommu_dev) {
		iommu_group_put(kernel);
		return -ENODEV;
	}
	xa_init(&kdev->hw.routes);
	mutex_init(&kdev->hw.fault_lock);
	INIT_LIST_HEAD(&kdev->hw.parked);
	INIT_LIST_HEAD(&kdev->hw.member);
	atomic_set(&kdev->hw.borrowed, 0);
	mutex_lock(&lin_lock);
	/* One device of ours at a time for each device of the kernel. */
	rc = xa_insert(&lin_devices, (unsigned long)dev, kdev, GFP_KERNEL);
	if (!rc) {
		rc = iommu_enter_locked(kdev, kernel);
		if (rc)
			xa_erase(&lin_devices, (unsigned long)dev);
	}
	mutex_unlock(&lin_lock);
	if (!rc) {
		pasids = dev->iommu->max_pasids;
		info->iommu = &kdev->hw.iommu->core;
		info->group = iommu_group_id(kernel);
		info->pasid_bits = pasids > 1 ? min_t(u32, ilog2(pasids), 20) : 0;
	}
	iommu_group_put(kernel);
	return rc;
}

void lin_iommu_leave(struct ioasid_kdev *kdev)
{
	WARN_ON(kdev->hw.claimed || !xa_empty(&kdev->hw.routes));
	xa_erase(&lin_devices, (unsigned long)kdev->dev);
	lin_faults_flush();
	lin_faults_drain(kdev, PPASID_NONE, true);
	mutex_lock(&lin_lock);
	while (atomic_read(&kdev->hw.borrowed)) {
		mutex_unlock(&lin_lock);
		wait_event(lin_returned, !atomic_read(&kdev->hw.borrowed));
		mutex_lock(&lin_lock);
	}
	iommu_leave_locked(kdev);
	mutex_unlock(&lin_lock);
	xa_destroy(&kdev->hw.routes);
	mutex_destroy(&kdev->hw.fault_lock);
	kdev->hw.iommu = NULL;
	kdev->hw.group = NULL;
}

/*
 * A PCI device whose writes to the interrupt window are not checked could raise any interrupt of
 * the host. Other devices on x86 write to no such window.
 */
static bool interrupts_safe(struct ioasid_kdev *kdev)
{
	if (!dev_is_pci(kdev->dev) || iommu_group_has_isolated_msi(kdev->hw.group->kernel))
		return true;
	if (allow_unsafe_interrupts)
		return true;
	dev_warn_ratelimited(kdev->dev,
			     "refused: no interrupt remapping (see allow_unsafe_interrupts)\n");
	return false;
}

int lin_iommu_claim(struct ioasid_kdev *kdev)
{
	int rc;

	if (!interrupts_safe(kdev))
		return -EPERM;
	/* Members of the group use one and the same cookie, so each of them can claim. */
	rc = iommu_device_claim_dma_owner(kdev->dev, kdev->hw.group);
	if (rc)
		return lin_errno(rc);
	WRITE_ONCE(kdev->hw.claimed, true);
	return 0;
}

void lin_iommu_release(struct ioasid_kdev *kdev)
{
	if (!kdev->hw.claimed)
		return;
	WRITE_ONCE(kdev->hw.claimed, false);
	lin_faults_flush();
	iommu_device_release_dma_owner(kdev->dev);
}

/* ---- operations -------------------------------------------------------------------------------------- */

static int domain_fill(struct lin_domain *domain, const struct ioasid_domain_attr *attr)
{
	switch (attr->type) {
	case IOASID_DOMAIN_PAGING:
		return lin_paging_alloc(domain, attr);
	case IOASID_DOMAIN_NESTED:
		return lin_nested_init(domain, attr);
	case IOASID_DOMAIN_SHARED:
		return lin_shared_alloc(domain, attr);
	}
	return -EOPNOTSUPP;
}

static struct ioasid_domain *lin_domain_alloc(struct ioasid_iommu *core,
					      const struct ioasid_domain_attr *attr)
{
	struct lin_iommu *iommu = lin_iommu_of(core);
	struct lin_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	struct ioasid_kdev *kdev;
	int rc;

	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->core.iommu = core;
	domain->type = attr->type;
	INIT_LIST_HEAD(&domain->routes);
	kdev = lin_iommu_borrow(iommu);
	domain->dev = get_device(kdev->dev);
	rc = domain_fill(domain, attr);
	lin_iommu_return(kdev);
	if (rc) {
		put_device(domain->dev);
		kfree(domain);
		return ERR_PTR(lin_errno(rc));
	}
	return &domain->core;
}

static void lin_domain_free(struct ioasid_domain *core)
{
	struct lin_domain *domain = lin_domain_of(core);

	WARN_ON(!list_empty(&domain->routes));
	/* An event on its way may still look at the kernel's domain. */
	lin_faults_flush();
	switch (domain->type) {
	case IOASID_DOMAIN_PAGING:
		lin_paging_free(domain);
		break;
	case IOASID_DOMAIN_NESTED:
		lin_nested_free(domain);
		break;
	case IOASID_DOMAIN_SHARED:
		lin_shared_free(domain);
		break;
	}
	put_device(domain->dev);
	kfree(domain);
}

/* What a reset leaves to forget is forgotten by the device's driver, which runs first. */
static void lin_purge(struct ioasid_device *dev)
{
}

static bool lin_reserved(struct ioasid_iommu *core, u64 start, u64 last)
{
	struct lin_iommu *iommu = lin_iommu_of(core);
	unsigned int i;

	for (i = 0; i < iommu->nr_windows; i++) {
		if (start <= iommu->windows[i].last && last >= iommu->windows[i].start)
			return true;
	}
	return false;
}

static unsigned int range_add(struct ioasid_range *ranges, unsigned int n, unsigned int room,
			      u64 start, u64 last, u32 type)
{
	if (n < room)
		ranges[n] = (struct ioasid_range){ .start = start, .last = last, .type = type };
	return n + 1;
}

/* Windows are sorted; what lies between them, up to the last address, is usable. */
static unsigned int lin_report_ranges(struct ioasid_iommu *core, struct ioasid_range *ranges,
				      unsigned int room)
{
	struct lin_iommu *iommu = lin_iommu_of(core);
	unsigned int i, n = 0;
	u64 next = 0;
	bool full = false;

	for (i = 0; i < iommu->nr_windows; i++) {
		const struct ioasid_range *w = &iommu->windows[i];

		if (!full && w->start > next && next <= core->last)
			n = range_add(ranges, n, room, next, min(w->start - 1, core->last),
				      IOASID_RANGE_USABLE);
		n = range_add(ranges, n, room, w->start, w->last, w->type);
		full |= w->last == U64_MAX;
		next = max(next, w->last + 1);
	}
	if (!full && next <= core->last)
		n = range_add(ranges, n, room, next, core->last, IOASID_RANGE_USABLE);
	return n;
}

static const struct ioasid_iommu_ops lin_iommu_ops = {
	.domain_alloc = lin_domain_alloc,
	.domain_free = lin_domain_free,
	.map = lin_map,
	.unmap = lin_unmap,
	.flush = lin_flush,
	.set_table = lin_set_table,
	.invalidate = lin_invalidate,
	.attach = lin_attach,
	.detach = lin_detach,
	.purge = lin_purge,
	.reserved = lin_reserved,
	.report_ranges = lin_report_ranges,
};

int lin_iommu_init(void)
{
	int rc = lin_map_init();

	if (rc)
		return rc;
	rc = lin_faults_init();
	if (rc)
		lin_map_exit();
	return rc;
}

void lin_iommu_exit(void)
{
	WARN_ON(!list_empty(&lin_iommus) || !list_empty(&lin_groups));
	lin_faults_exit();
	lin_map_exit();
}
