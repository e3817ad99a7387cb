// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of the Linux home: the driver API, and the nodes under /dev/ioasid-devices.
 *
 * A struct ioasid_kdev lives as long as its node has references: open descriptors outlive the
 * device and answer -ENODEV. Whether a call of the driver may run is decided by the core
 * (registration, binding) for callbacks, and by @io_open under @io_srcu for calls on the node.
 *
 * Locks: kdevs_lock (names, minors) and kdev->files_lock are leaves, except that revoking mappings
 * takes the mm's locks inside the latter.
 */
#include <linux/idr.h>
#include <linux/mm.h>

#include "linux/ioasid_linux.h"

#define KDEV_MINORS 4096
/* Registers are slow: one call of read() or write() does this much. */
#define MAX_IO SZ_64K

/**
 * struct ioasid_kfile - an open descriptor of a device
 * @kdev: holds a reference on its node
 * @core: the core's
 * @file: NULL on a node of the driver's own
 * @owner: the driver's module, pinned
 * @link: in @kdev->files
 */
struct ioasid_kfile {
	struct ioasid_kdev *kdev;
	struct ioasid_devfile *core;
	struct file *file;
	struct module *owner;
	struct list_head link;
};

static dev_t kdev_base;
static DEFINE_IDA(kdev_minors);
static DEFINE_MUTEX(kdevs_lock);
static LIST_HEAD(kdevs);

/* ---- calls on the node ------------------------------------------------------------------------- */

static bool io_enter(struct ioasid_kdev *kdev, const struct ioasid_kfile *kf, int *idx)
{
	*idx = srcu_read_lock(&kdev->io_srcu);
	if (READ_ONCE(kdev->io_open) && ioasid_device_bound_by(kdev->core, kf->core))
		return true;
	srcu_read_unlock(&kdev->io_srcu, *idx);
	return false;
}

bool ioasid_kdev_io_begin(struct ioasid_kdev *kdev, struct file *file, int *idx)
{
	return io_enter(kdev, file->private_data, idx);
}
EXPORT_SYMBOL_GPL(ioasid_kdev_io_begin);

bool ioasid_kfile_begin(struct ioasid_kfile *file, int *idx)
{
	return io_enter(file->kdev, file, idx);
}
EXPORT_SYMBOL_GPL(ioasid_kfile_begin);

void ioasid_kdev_io_end(struct ioasid_kdev *kdev, int idx)
{
	srcu_read_unlock(&kdev->io_srcu, idx);
}
EXPORT_SYMBOL_GPL(ioasid_kdev_io_end);

void ioasid_revoke_mappings(struct ioasid_kdev *kdev)
{
	struct ioasid_kfile *kf;

	mutex_lock(&kdev->files_lock);
	list_for_each_entry(kf, &kdev->files, link) {
		if (kf->file)
			unmap_mapping_range(kf->file->f_mapping, 0, 0, 1);
	}
	mutex_unlock(&kdev->files_lock);
}
EXPORT_SYMBOL_GPL(ioasid_revoke_mappings);

/* ---- what the core asks of a device --------------------------------------------------------------- */

/*
 * The host's driver of a sliced function keeps the kernel's DMA API for requests without PASID; those
 * of slices all have one, which leads nowhere until a route is made.
 */
static bool claims_dma(const struct ioasid_kdev *kdev)
{
	return kdev->hw && !kdev->is_slice;
}

static int kdev_bind(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);
	int rc = claims_dma(kdev) ? lin_iommu_claim(kdev) : 0;

	if (rc)
		return rc;
	rc = kdev->ops->bind ? kdev->ops->bind(kdev) : 0;
	if (!rc)
		WRITE_ONCE(kdev->io_open, true);
	else if (claims_dma(kdev))
		lin_iommu_release(kdev);
	return rc;
}

/*
 * A fault handler that passed io_begin() before the flag fell enters its page before the SRCU
 * section ends; so what is revoked after that stays revoked.
 */
static void kdev_unbind(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	WRITE_ONCE(kdev->io_open, false);
	synchronize_srcu(&kdev->io_srcu);
	ioasid_revoke_mappings(kdev);
	if (kdev->ops->unbind)
		kdev->ops->unbind(kdev);
	if (claims_dma(kdev))
		lin_iommu_release(kdev);
}

static void kdev_quiesce(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	if (kdev->ops->quiesce)
		kdev->ops->quiesce(kdev);
}

static void kdev_reset(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	if (kdev->ops->reset)
		kdev->ops->reset(kdev);
}

static void kdev_page_response(struct ioasid_device *core, ppasid_t pasid, u32 group, u32 code)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	if (kdev->hw)
		lin_iommu_page_response(kdev->hw, pasid, group, code);
	else if (kdev->ops->page_response)
		kdev->ops->page_response(kdev, pasid.val, group, code);
}

static bool kdev_can_save(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	return kdev->ops->can_save && kdev->ops->can_save(kdev);
}

static int kdev_region(struct ioasid_device *core, struct ioasid_dev_region *region)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	return kdev->ops->region ? kdev->ops->region(kdev, region) : -EINVAL;
}

static int kdev_portal_open(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	return kdev->ops->portal_open ? kdev->ops->portal_open(kdev) : 0;
}

static void kdev_portal_close(struct ioasid_device *core)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	if (kdev->ops->portal_close)
		kdev->ops->portal_close(kdev);
}

static int kdev_drain(struct ioasid_device *core, ppasid_t pasid)
{
	struct ioasid_kdev *kdev = kdev_of(core);

	return kdev->ops->drain ? kdev->ops->drain(kdev, pasid.val) : 0;
}

static const struct ioasid_device_ops kdev_core_ops = {
	.bind = kdev_bind,
	.unbind = kdev_unbind,
	.quiesce = kdev_quiesce,
	.reset = kdev_reset,
	.page_response = kdev_page_response,
	.can_save = kdev_can_save,
	.region = kdev_region,
	.portal_open = kdev_portal_open,
	.portal_close = kdev_portal_close,
	.drain = kdev_drain,
};

/* ---- descriptors ------------------------------------------------------------------------------------ */

static struct ioasid_kfile *kfile_open(struct ioasid_kdev *kdev, struct file *file)
{
	struct ioasid_kfile *kf = kzalloc(sizeof(*kf), GFP_KERNEL_ACCOUNT);
	int rc = 0;

	if (!kf)
		return ERR_PTR(-ENOMEM);
	kf->kdev = kdev;
	kf->file = file;
	/* Not gone: the driver is still there, and stays while it is pinned. */
	mutex_lock(&kdev->files_lock);
	if (kdev->gone || !try_module_get(kdev->ops->owner)) {
		rc = -ENODEV;
	} else {
		kf->owner = kdev->ops->owner;
		kf->core = ioasid_devfile_open(kdev->core);
		if (IS_ERR(kf->core)) {
			rc = PTR_ERR(kf->core);
			module_put(kf->owner);
		} else {
			list_add_tail(&kf->link, &kdev->files);
			get_device(&kdev->node);
		}
	}
	mutex_unlock(&kdev->files_lock);
	if (!rc)
		return kf;
	kfree(kf);
	return ERR_PTR(rc);
}

struct ioasid_kfile *ioasid_kfile_open(struct ioasid_kdev *kdev)
{
	return kfile_open(kdev, NULL);
}
EXPORT_SYMBOL_GPL(ioasid_kfile_open);

void ioasid_kfile_close(struct ioasid_kfile *kf)
{
	struct ioasid_kdev *kdev = kf->kdev;
	struct module *owner = kf->owner;

	/* Unbinding revokes mappings, so it comes before the descriptor leaves the list. */
	ioasid_devfile_close(kf->core);
	mutex_lock(&kdev->files_lock);
	list_del(&kf->link);
	mutex_unlock(&kdev->files_lock);
	kfree(kf);
	put_device(&kdev->node);
	module_put(owner);
}
EXPORT_SYMBOL_GPL(ioasid_kfile_close);

/* The driver's code is there as long as the descriptor; whether its device is, it asks itself. */
static long driver_ioctl(struct ioasid_kfile *kf, unsigned int cmd, unsigned long uaddr)
{
	struct ioasid_kdev *kdev = kf->kdev;
	int idx;

	if (!io_enter(kdev, kf, &idx))
		return READ_ONCE(kdev->gone) ? -ENODEV : -EINVAL;
	srcu_read_unlock(&kdev->io_srcu, idx);
	return kdev->ops->ioctl ? kdev->ops->ioctl(kdev, kf, cmd, uaddr) : -ENOTTY;
}

long ioasid_kfile_ioctl(struct ioasid_kfile *kf, unsigned int cmd, unsigned long uaddr)
{
	struct ioasid_arg arg = { .uaddr = uaddr };
	long rc = ioasid_devfile_command(kf->core, cmd, &arg);

	return rc == -ENOTTY ? driver_ioctl(kf, cmd, uaddr) : rc;
}
EXPORT_SYMBOL_GPL(ioasid_kfile_ioctl);

static int node_open(struct inode *inode, struct file *file)
{
	struct ioasid_kdev *kdev = container_of(inode->i_cdev, struct ioasid_kdev, cdev);
	struct ioasid_kfile *kf = kfile_open(kdev, file);

	if (IS_ERR(kf))
		return PTR_ERR(kf);
	file->private_data = kf;
	return 0;
}

static int node_release(struct inode *inode, struct file *file)
{
	ioasid_kfile_close(file->private_data);
	return 0;
}

static long node_ioctl(struct file *file, unsigned int cmd, unsigned long uaddr)
{
	return ioasid_kfile_ioctl(file->private_data, cmd, uaddr);
}

/* One page at most, in a section. */
static ssize_t io_piece(struct ioasid_kfile *kf, void *buf, size_t n, u64 pos, bool write)
{
	struct ioasid_kdev *kdev = kf->kdev;
	ssize_t rc = -EINVAL;
	int idx;

	if (!io_enter(kdev, kf, &idx))
		return READ_ONCE(kdev->gone) ? -ENODEV : -EINVAL;
	if (write && kdev->ops->write)
		rc = kdev->ops->write(kdev, buf, n, pos);
	else if (!write && kdev->ops->read)
		rc = kdev->ops->read(kdev, buf, n, pos);
	srcu_read_unlock(&kdev->io_srcu, idx);
	return rc;
}

/*
 * Memory of the user is touched outside of the section: unbinding waits for the section, and must
 * not wait for a page that the user withholds.
 */
static ssize_t io_copy(struct ioasid_kfile *kf, char __user *ubuf, void *buf, size_t n, u64 pos,
		       bool write)
{
	ssize_t got;

	if (write && copy_from_user(buf, ubuf, n))
		return -EFAULT;
	got = io_piece(kf, buf, n, pos, write);
	if (!write && got > 0 && copy_to_user(ubuf, buf, got))
		return -EFAULT;
	return got;
}

static ssize_t node_io(struct file *file, char __user *ubuf, size_t count, loff_t *pos, bool write)
{
	size_t done = 0, n;
	ssize_t got = 0;
	void *buf;

	if (*pos < 0)
		return -EINVAL;
	count = min_t(size_t, count, MAX_IO);
	buf = kmalloc(min_t(size_t, count, PAGE_SIZE) ?: 1, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	do {
		n = min_t(size_t, count - done, PAGE_SIZE);
		got = io_copy(file->private_data, ubuf + done, buf, n, *pos + done, write);
		if (got > 0)
			done += got;
	} while (got > 0 && done < count && !fatal_signal_pending(current));
	kfree(buf);
	*pos += done;
	return done ? done : got;
}

static ssize_t node_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return node_io(file, buf, count, pos, false);
}

static ssize_t node_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return node_io(file, (char __user *)buf, count, pos, true);
}

static int node_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ioasid_kfile *kf = file->private_data;
	struct ioasid_kdev *kdev = kf->kdev;
	int rc = -ENODEV, idx;

	if (!io_enter(kdev, kf, &idx))
		return READ_ONCE(kdev->gone) ? -ENODEV : -EINVAL;
	if (kdev->ops->mmap)
		rc = kdev->ops->mmap(kdev, vma);
	srcu_read_unlock(&kdev->io_srcu, idx);
	return rc;
}

static const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.unlocked_ioctl = node_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read = node_read,
	.write = node_write,
	.mmap = node_mmap,
	.llseek = default_llseek,
};

/* ---- registration ------------------------------------------------------------------------------------- */

static char *kdev_devnode(const struct device *node, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "ioasid-devices/%s", dev_name(node));
}

static const struct class kdev_class = {
	.name = "ioasid",
	.devnode = kdev_devnode,
};

/* The last reference on the node is gone, long after unregistration perhaps. */
static void kdev_free(struct device *node)
{
	struct ioasid_kdev *kdev = container_of(node, struct ioasid_kdev, node);

	if (node->devt)
		ida_free(&kdev_minors, MINOR(node->devt) - MINOR(kdev_base));
	cleanup_srcu_struct(&kdev->io_srcu);
	mutex_destroy(&kdev->files_lock);
	put_device(kdev->own.dev);
	kfree(kdev);
}

static int check_name(const char *name)
{
	size_t len = name ? strnlen(name, sizeof_field(struct ioasid_kdev, name)) : 0;

	if (!len || len == sizeof_field(struct ioasid_kdev, name) || strchr(name, '/') ||
	    !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return 0;
}

static bool is_slice(u32 dev_class)
{
	return dev_class == IOASID_CLASS_MDEV_FIXED || dev_class == IOASID_CLASS_MDEV_PASID ||
	       dev_class == IOASID_CLASS_MDEV_DMWR;
}

/* What has neither an IOMMU in front of it nor a function has software behind it, and only that. */
static bool check_home(const struct ioasid_kdev_desc *desc)
{
	if (is_slice(desc->dev_class))
		return desc->function && !desc->dev;
	if (desc->function)
		return (desc->dev_class == IOASID_CLASS_PDEV_PASID ||
			desc->dev_class == IOASID_CLASS_PDEV_DMWR) &&
		       (!desc->dev || desc->dev == desc->function->hw.dev);
	return !desc->dev == (desc->dev_class == IOASID_CLASS_SW_MDEV);
}

static struct ioasid_kdev *kdev_alloc(const struct ioasid_kdev_desc *desc)
{
	struct ioasid_kdev *kdev = kzalloc(sizeof(*kdev), GFP_KERNEL);
	int rc = -ENOMEM;

	if (!kdev)
		return ERR_PTR(-ENOMEM);
	rc = init_srcu_struct(&kdev->io_srcu);
	if (rc) {
		kfree(kdev);
		return ERR_PTR(rc);
	}
	strscpy(kdev->name, desc->name);
	kdev->ops = desc->ops;
	kdev->priv = desc->priv;
	if (desc->function) {
		kdev->hw = &desc->function->hw;
		kdev->is_slice = is_slice(desc->dev_class);
	} else if (desc->dev) {
		kdev->own.dev = get_device(desc->dev);
		kdev->hw = &kdev->own;
	}
	mutex_init(&kdev->files_lock);
	INIT_LIST_HEAD(&kdev->files);
	INIT_LIST_HEAD(&kdev->link);
	lin_access_kdev_init(kdev);
	device_initialize(&kdev->node);
	kdev->node.class = &kdev_class;
	kdev->node.release = kdev_free;
	cdev_init(&kdev->cdev, &node_fops);
	kdev->cdev.owner = THIS_MODULE;
	return kdev;
}

/* sysfs complains loudly about a name that is there already: ask first. */
static int kdev_list(struct ioasid_kdev *kdev)
{
	struct ioasid_kdev *other;
	int rc = 0;

	mutex_lock(&kdevs_lock);
	list_for_each_entry(other, &kdevs, link) {
		if (!strcmp(other->name, kdev->name))
			rc = -EEXIST;
	}
	if (!rc)
		list_add_tail(&kdev->link, &kdevs);
	mutex_unlock(&kdevs_lock);
	return rc;
}

static void kdev_unlist(struct ioasid_kdev *kdev)
{
	mutex_lock(&kdevs_lock);
	list_del_init(&kdev->link);
	mutex_unlock(&kdevs_lock);
}

static int kdev_core_register(struct ioasid_kdev *kdev, const struct ioasid_kdev_desc *desc)
{
	struct lin_hw_info info = { .iommu = &lin_access_iommu, .group = IOASID_INVALID };
	struct ioasid_device_desc core = {
		.ops = &kdev_core_ops,
		.dev_class = desc->dev_class,
		.mode = desc->mode,
		.caps = desc->caps,
		.pri_share = desc->pri_share,
		.nr_regions = desc->nr_regions,
		.kept_first = desc->kept_first,
		.kept_last = desc->kept_last,
	};
	int rc = 0;

	if (desc->function)
		lin_function_describe(desc->function, &info, &core);
	else if (kdev->hw)
		rc = lin_iommu_enter(kdev->hw, &info);
	if (rc)
		return rc;
	core.iommu = info.iommu;
	core.group = info.group;
	core.pasid_bits = desc->pasid_bits ? min(desc->pasid_bits, info.pasid_bits) :
					     info.pasid_bits;
	kdev->core = ioasid_device_register(&lin_machine, &core, kdev);
	if (!IS_ERR(kdev->core)) {
		ioasid_device_get(kdev->core);
		if (kdev->is_slice)
			lin_slice_add(kdev);
		return 0;
	}
	rc = PTR_ERR(kdev->core);
	kdev->core = NULL;
	if (kdev->hw == &kdev->own)
		lin_iommu_leave(kdev->hw);
	return rc;
}

/* Until the IOMMU has forgotten it, an event on its way may still ask the core about it. */
static void kdev_core_unregister(struct ioasid_kdev *kdev)
{
	ioasid_device_unregister(kdev->core);
	if (kdev->is_slice)
		lin_slice_remove(kdev);
	if (kdev->hw == &kdev->own)
		lin_iommu_leave(kdev->hw);
	ioasid_device_put(kdev->core);
}

static int kdev_node_add(struct ioasid_kdev *kdev)
{
	int minor = ida_alloc_max(&kdev_minors, KDEV_MINORS - 1, GFP_KERNEL);
	int rc;

	if (minor < 0)
		return minor;
	kdev->node.devt = MKDEV(MAJOR(kdev_base), MINOR(kdev_base) + minor);
	kdev->node.parent = kdev->hw ? kdev->hw->dev : NULL;
	rc = dev_set_name(&kdev->node, "%s", kdev->name);
	return rc ? rc : cdev_device_add(&kdev->cdev, &kdev->node);
}

struct ioasid_kdev *ioasid_register_device(const struct ioasid_kdev_desc *desc)
{
	struct ioasid_kdev *kdev;
	int rc = check_name(desc->name);

	if (rc || !desc->ops || !check_home(desc))
		return ERR_PTR(-EINVAL);
	kdev = kdev_alloc(desc);
	if (IS_ERR(kdev))
		return kdev;
	rc = kdev_list(kdev);
	if (rc)
		goto err_put;
	rc = kdev_core_register(kdev, desc);
	if (rc)
		goto err_unlist;
	rc = kdev_node_add(kdev);
	if (rc)
		goto err_core;
	return kdev;

err_core:
	kdev_core_unregister(kdev);
err_unlist:
	kdev_unlist(kdev);
err_put:
	put_device(&kdev->node);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_GPL(ioasid_register_device);

void ioasid_unregister_device(struct ioasid_kdev *kdev)
{
	/* No descriptor comes any more; those there are lose their binding. */
	mutex_lock(&kdev->files_lock);
	WRITE_ONCE(kdev->gone, true);
	mutex_unlock(&kdev->files_lock);
	kdev_core_unregister(kdev);
	/* A call on the node may be running whose descriptor was never bound. */
	synchronize_srcu(&kdev->io_srcu);
	cdev_device_del(&kdev->cdev, &kdev->node);
	kdev_unlist(kdev);
	put_device(&kdev->node);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_device);

/* ---- small services ------------------------------------------------------------------------------------- */

void *ioasid_kdev_priv(const struct ioasid_kdev *kdev)
{
	return kdev->priv;
}
EXPORT_SYMBOL_GPL(ioasid_kdev_priv);

const char *ioasid_kdev_name(const struct ioasid_kdev *kdev)
{
	return kdev->name;
}
EXPORT_SYMBOL_GPL(ioasid_kdev_name);

bool ioasid_request_removal(struct ioasid_kdev *kdev)
{
	return ioasid_device_signal(kdev->core, IOASID_DEV_EVENT_REMOVAL);
}
EXPORT_SYMBOL_GPL(ioasid_request_removal);

void ioasid_report_error(struct ioasid_kdev *kdev)
{
	(void)ioasid_device_signal(kdev->core, IOASID_DEV_EVENT_ERROR);
}
EXPORT_SYMBOL_GPL(ioasid_report_error);

void ioasid_kdev_fence(struct ioasid_kdev *kdev)
{
	ioasid_device_fence(kdev->core);
}
EXPORT_SYMBOL_GPL(ioasid_kdev_fence);

int ioasid_vpasid_to_ppasid(struct ioasid_kdev *kdev, u32 vpasid, u32 *ppasid)
{
	ppasid_t wire;
	int rc = ioasid_device_ppasid(kdev->core, VPASID(vpasid), &wire);

	if (!rc)
		*ppasid = wire.val;
	return rc;
}
EXPORT_SYMBOL_GPL(ioasid_vpasid_to_ppasid);

bool ioasid_kdev_allows(struct ioasid_kdev *kdev, u32 ppasid)
{
	return ioasid_device_allows(kdev->core, PPASID(ppasid));
}
EXPORT_SYMBOL_GPL(ioasid_kdev_allows);

u32 ioasid_kdev_rid_pasid(struct ioasid_kdev *kdev)
{
	return ioasid_device_rid_pasid(kdev->core).val;
}
EXPORT_SYMBOL_GPL(ioasid_kdev_rid_pasid);

void ioasid_kdev_drained(struct ioasid_kdev *kdev, u32 ppasid)
{
	ioasid_device_drained(kdev->core, PPASID(ppasid));
}
EXPORT_SYMBOL_GPL(ioasid_kdev_drained);

static struct ioasid_fault_report kdev_fault(const struct ioasid_kdev_fault *fault)
{
	return (struct ioasid_fault_report){
		.pasid = PPASID(fault->ppasid),
		.flags = fault->flags,
		.address = fault->address,
		.gpa = fault->gpa,
		.group = fault->group,
		.reason = fault->reason,
		.arch_reason = fault->arch_reason,
	};
}

void ioasid_kdev_report_event(struct ioasid_kdev *kdev, const struct ioasid_kdev_fault *fault)
{
	struct ioasid_fault_report report = kdev_fault(fault);

	ioasid_report_event(kdev->core, &report);
}
EXPORT_SYMBOL_GPL(ioasid_kdev_report_event);

void ioasid_kdev_report_page_request(struct ioasid_kdev *kdev,
				     const struct ioasid_kdev_fault *fault)
{
	struct ioasid_fault_report report = kdev_fault(fault);

	if (WARN_ON_ONCE(kdev->hw))
		return;
	ioasid_report_page_request(kdev->core, &report);
}
EXPORT_SYMBOL_GPL(ioasid_kdev_report_page_request);

/* ---- the module ------------------------------------------------------------------------------------------- */

int __init lin_kdev_init(void)
{
	int rc = class_register(&kdev_class);

	if (rc)
		return rc;
	rc = alloc_chrdev_region(&kdev_base, 0, KDEV_MINORS, "ioasid-device");
	if (rc)
		class_unregister(&kdev_class);
	return rc;
}

void lin_kdev_exit(void)
{
	unregister_chrdev_region(kdev_base, KDEV_MINORS);
	class_unregister(&kdev_class);
	ida_destroy(&kdev_minors);
}
