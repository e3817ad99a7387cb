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

struct lin_hw *lin_iommu_borrow(struct lin_iommu *iommu)
{
	struct lin_hw *hw;

	mutex_lock(&lin_lock);
	hw = list_first_entry(&iommu->devices, struct lin_hw, link);
	atomic_inc(&hw->borrowed);
	mutex_unlock(&lin_lock);
	return hw;
}

void lin_iommu_return(struct lin_hw *hw)
{
	/* The waiter frees the device when it sees zero. */
	mutex_lock(&lin_lock);
	atomic_dec(&hw->borrowed);
	mutex_unlock(&lin_lock);
	wake_up_all(&lin_returned);
}

struct lin_hw *lin_find_device(const struct device *dev)
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

static int iommu_enter_locked(struct lin_hw *hw, struct iommu_group *kernel)
{
	struct lin_group *group = group_find(kernel);
	struct lin_iommu *iommu;

	if (!group)
		return -ENOMEM;
	group->nr_devices++;
	iommu = iommu_find(hw->dev, kernel);
	if (IS_ERR(iommu)) {
		group_put(group);
		return PTR_ERR(iommu);
	}
	hw->group = group;
	hw->iommu = iommu;
	list_add_tail(&hw->link, &iommu->devices);
	iommu->nr_devices++;
	return 0;
}

static void iommu_leave_locked(struct lin_hw *hw)
{
	struct lin_iommu *iommu = hw->iommu;

	list_del(&hw->link);
	group_put(hw->group);
	if (--iommu->nr_devices)
		return;
	list_del(&iommu->link);
	lin_iommu_destroy(iommu);
}

static void hw_init(struct lin_hw *hw)
{
	xa_init(&hw->routes);
	mutex_init(&hw->fault_lock);
	INIT_LIST_HEAD(&hw->parked);
	INIT_LIST_HEAD(&hw->member);
	mutex_init(&hw->switch_lock);
	atomic_set(&hw->borrowed, 0);
	mutex_init(&hw->users_lock);
	INIT_LIST_HEAD(&hw->slices);
}

static void hw_fini(struct lin_hw *hw)
{
	xa_destroy(&hw->routes);
	mutex_destroy(&hw->fault_lock);
	mutex_destroy(&hw->switch_lock);
	mutex_destroy(&hw->users_lock);
	hw->iommu = NULL;
	hw->group = NULL;
}

int lin_iommu_enter(struct lin_hw *hw, struct lin_hw_info *info)
{
	struct device *dev = hw->dev;
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
	hw_init(hw);
	mutex_lock(&lin_lock);
	/* One of ours at a time for each device of the kernel. */
	rc = xa_insert(&lin_devices, (unsigned long)dev, hw, GFP_KERNEL);
	if (!rc) {
		rc = iommu_enter_locked(hw, kernel);
		if (rc)
			xa_erase(&lin_devices, (unsigned long)dev);
	}
	mutex_unlock(&lin_lock);
	if (!rc) {
		pasids = dev->iommu->max_pasids;
		info->iommu = &hw->iommu->core;
		info->group = iommu_group_id(kernel);
		info->pasid_bits = pasids > 1 ? min_t(u32, ilog2(pasids), 20) : 0;
	} else {
		hw_fini(hw);
	}
	iommu_group_put(kernel);
	return rc;
}

void lin_iommu_leave(struct lin_hw *hw)
{
	WARN_ON(hw->whole || !list_empty(&hw->slices) || !xa_empty(&hw->routes));
	xa_erase(&lin_devices, (unsigned long)hw->dev);
	lin_faults_flush();
	lin_faults_drain(hw, PPASID_NONE, true);
	mutex_lock(&lin_lock);
	while (atomic_read(&hw->borrowed)) {
		mutex_unlock(&lin_lock);
		wait_event(lin_returned, !atomic_read(&hw->borrowed));
		mutex_lock(&lin_lock);
	}
	iommu_leave_locked(hw);
	mutex_unlock(&lin_lock);
	hw_fini(hw);
}

static int count_one(struct device *dev, void *n)
{
	++*(unsigned int *)n;
	return 0;
}

bool lin_iommu_alone(struct lin_hw *hw)
{
	unsigned int n = 0;

	iommu_group_for_each_dev(hw->group->kernel, &n, count_one);
	return n == 1;
}

/* ---- who uses a device ------------------------------------------------------------------------------- */

/*
 * A PCI device whose writes to the interrupt window are not checked could raise any interrupt of
 * the host. Other devices on x86 write to no such window. Nor do slices: their requests carry a
 * PASID, and so are never taken for interrupts.
 */
static bool interrupts_safe(struct lin_hw *hw)
{
	if (!dev_is_pci(hw->dev) || iommu_group_has_isolated_msi(hw->group->kernel))
		return true;
	if (allow_unsafe_interrupts)
		return true;
	dev_warn_ratelimited(hw->dev,
			     "refused: no interrupt remapping (see allow_unsafe_interrupts)\n");
	return false;
}

static void whole_set(struct lin_hw *hw, struct ioasid_kdev *kdev)
{
	mutex_lock(&hw->users_lock);
	hw->whole = kdev;
	mutex_unlock(&hw->users_lock);
}

int lin_iommu_claim(struct ioasid_kdev *kdev)
{
	struct lin_hw *hw = kdev->hw;
	int rc;

	if (!interrupts_safe(hw))
		return -EPERM;
	/* Members of the group use one and the same cookie, so each of them can claim. */
	rc = iommu_device_claim_dma_owner(hw->dev, hw->group);
	if (rc)
		return lin_errno(rc);
	whole_set(hw, kdev);
	return 0;
}

void lin_iommu_release(struct ioasid_kdev *kdev)
{
	struct lin_hw *hw = kdev->hw;

	if (hw->whole != kdev)
		return;
	whole_set(hw, NULL);
	lin_faults_flush();
	iommu_device_release_dma_owner(hw->dev);
}

void lin_slice_add(struct ioasid_kdev *kdev)
{
	mutex_lock(&kdev->hw->users_lock);
	list_add_tail(&kdev->slice, &kdev->hw->slices);
	mutex_unlock(&kdev->hw->users_lock);
}

void lin_slice_remove(struct ioasid_kdev *kdev)
{
	mutex_lock(&kdev->hw->users_lock);
	list_del(&kdev->slice);
	mutex_unlock(&kdev->hw->users_lock);
}

/* users_lock held. */
static bool slice_uses(const struct ioasid_kdev *kdev, ppasid_t pasid)
{
	return pasid.val != IOASID_NO_PASID &&
	       (ioasid_device_rid_pasid(kdev->core).val == pasid.val ||
		ioasid_device_allows(kdev->core, pasid));
}

struct ioasid_kdev *lin_hw_user(struct lin_hw *hw, ppasid_t pasid)
{
	struct ioasid_kdev *kdev, *found;

	mutex_lock(&hw->users_lock);
	found = hw->whole;
	list_for_each_entry(kdev, &hw->slices, slice) {
		if (found)
			break;
		if (slice_uses(kdev, pasid))
			found = kdev;
	}
	if (found) {
		get_device(&found->node);
		ioasid_device_get(found->core);
	}
	mutex_unlock(&hw->users_lock);
	return found;
}

void lin_hw_user_put(struct ioasid_kdev *kdev)
{
	ioasid_device_put(kdev->core);
	put_device(&kdev->node);
}

bool lin_hw_fenced(struct lin_hw *hw, ppasid_t pasid)
{
	struct ioasid_kdev *kdev;
	bool fenced = false;

	mutex_lock(&hw->users_lock);
	if (hw->whole)
		fenced = ioasid_device_fenced(hw->whole->core);
	list_for_each_entry(kdev, &hw->slices, slice)
		fenced |= slice_uses(kdev, pasid) && ioasid_device_fenced(kdev->core);
	mutex_unlock(&hw->users_lock);
	return fenced;
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
	struct lin_hw *hw;
	int rc;

	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->core.iommu = core;
	domain->type = attr->type;
	INIT_LIST_HEAD(&domain->routes);
	hw = lin_iommu_borrow(iommu);
	domain->dev = get_device(hw->dev);
	rc = domain_fill(domain, attr);
	lin_iommu_return(hw);
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
