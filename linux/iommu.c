// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's IOMMU API for the core: devices and the IOMMUs in front of them, groups and the
 * ownership of their DMA, and the table of operations. How the files hang together: iommu.h.
 */
#include <linux/device.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>

#include "iommu.h"
#include "compat.h"

LIN_IMPORT_NS(IOMMUFD_INTERNAL);

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "pass PCI devices through although their DMA can raise any interrupt of the host "
		 "(no interrupt remapping)");

DEFINE_MUTEX(lin_lock);
static LIST_HEAD(lin_iommus);
static LIST_HEAD(lin_groups);

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

/* ---- IOMMUs ------------------------------------------------------------------------------------- */

static struct lin_iommu *iommu_find(struct device *dev, struct iommu_group *group)
{
	struct lin_iommu *iommu = lin_iommu_describe(dev, group), *known;

	if (IS_ERR(iommu))
		return iommu;
	list_for_each_entry(known, &lin_iommus, link) {
		if (lin_iommu_same(known, iommu)) {
			lin_iommu_destroy(iommu);
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
	lin_iommu_destroy(iommu);
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

const struct ioasid_iommu_ops lin_iommu_ops = {
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
