// SPDX-License-Identifier: GPL-2.0-only
/* The Linux home: the module, /dev/ioasid and the descriptors the core asks for. */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "linux/ioasid_linux.h"

struct ioasid_machine lin_machine;
static const struct file_operations ioasid_fops;

/* Open contexts by id, for introspection; a leaf lock. Each holds the reference of its open file. */
static DEFINE_MUTEX(lin_ctxs_lock);
static LIST_HEAD(lin_ctxs);
static atomic64_t lin_ctx_last_id = ATOMIC64_INIT(0);

void lin_ctx_put(struct lin_ctx *lc)
{
	if (!refcount_dec_and_test(&lc->refs))
		return;
	ioasid_ctx_put(lc->core);
	kfree(lc);
}

struct lin_ctx *lin_ctx_next(u64 id)
{
	struct lin_ctx *lc, *found = NULL;

	mutex_lock(&lin_ctxs_lock);
	list_for_each_entry(lc, &lin_ctxs, link) {
		if (lc->id < id)
			continue;
		refcount_inc(&lc->refs);
		found = lc;
		break;
	}
	mutex_unlock(&lin_ctxs_lock);
	return found;
}

/* Opens may overtake each other between taking an id and coming here. */
static void lin_ctx_list(struct lin_ctx *lc)
{
	struct lin_ctx *before;

	mutex_lock(&lin_ctxs_lock);
	list_for_each_entry_reverse(before, &lin_ctxs, link) {
		if (before->id < lc->id)
			break;
	}
	list_add(&lc->link, &before->link);
	mutex_unlock(&lin_ctxs_lock);
}

static void lin_ctx_unlist(struct lin_ctx *lc)
{
	mutex_lock(&lin_ctxs_lock);
	list_del(&lc->link);
	mutex_unlock(&lin_ctxs_lock);
}

/* ---- limits ----------------------------------------------------------------------------------- */

/*
 * An IOMMU has few numbers for tables: VT-d at most 65536, which all contexts share. Memory is
 * bounded by control groups.
 */
static uint max_ioas = 1U << 14;
module_param(max_ioas, uint, 0644);
MODULE_PARM_DESC(max_ioas, "address spaces a context may have (new contexts; default 16384)");
static uint max_routes = 1U << 20;
module_param(max_routes, uint, 0644);
MODULE_PARM_DESC(max_routes, "PASID routes a context may have (default 1048576)");
static uint max_maps = 1U << 26;
module_param(max_maps, uint, 0644);
MODULE_PARM_DESC(max_maps, "live mappings a context may have (default 67108864)");
static uint host_split = PASID_DEF_SPLIT;
static bool machine_ready;

/* Later on it changes only while no number is out. */
static int host_split_set(const char *text, const struct kernel_param *param)
{
	unsigned int split;
	int rc = kstrtouint(text, 0, &split);

	if (!rc && machine_ready)
		rc = pasid_host_set_split(&lin_machine.pasids, split);
	if (!rc)
		host_split = split;
	return rc;
}

static const struct kernel_param_ops host_split_ops = {
	.set = host_split_set,
	.get = param_get_uint,
};
module_param_cb(host_split, &host_split_ops, &host_split, 0644);
MODULE_PARM_DESC(host_split, "first PASID that is one for the whole host (default 32768); "
			     "EBUSY while numbers are in use");
static uint default_quota = IOASID_INVALID;
module_param(default_quota, uint, 0444);
MODULE_PARM_DESC(default_quota, "host-wide PASIDs a context may hold without CAP_SYS_RESOURCE");

/* ---- the character device ------------------------------------------------------------------ */

static int ioasid_open(struct inode *inode, struct file *file)
{
	struct lin_ctx *lc = kzalloc(sizeof(*lc), GFP_KERNEL_ACCOUNT);
	struct ioasid_ctx_config config = {
		.max_ioas = max_ioas,
		.max_routes = max_routes,
		.max_maps = max_maps,
		.pid = task_tgid_nr(current),
	};

	if (!lc)
		return -ENOMEM;
	refcount_set(&lc->refs, 1);
	init_waitqueue_head(&lc->wait);
	lc->id = atomic64_inc_return(&lin_ctx_last_id);
	config.id = lc->id;
	get_task_comm(config.comm, current);
	lc->core = ioasid_ctx_open(&lin_machine, &config, lc);
	if (IS_ERR(lc->core)) {
		int rc = PTR_ERR(lc->core);

		kfree(lc);
		return rc;
	}
	/* Closing the context drops the core's first reference; ours keeps it addressable. */
	ioasid_ctx_get(lc->core);
	file->private_data = lc;
	lin_ctx_list(lc);
	return 0;
}

/*
 * Runs when the last descriptor is gone, possibly in an exiting task whose address space has been
 * taken down already.
 */
static int ioasid_release(struct inode *inode, struct file *file)
{
	struct lin_ctx *lc = file->private_data;

	ioasid_ctx_close(lc->core);
	lin_ctx_unlist(lc);
	WRITE_ONCE(lc->closed, true);
	wake_up_all(&lc->wait);
	lin_ctx_put(lc);
	return 0;
}

static long ioasid_ioctl(struct file *file, unsigned int cmd, unsigned long uaddr)
{
	struct lin_ctx *lc = file->private_data;
	struct ioasid_arg arg = { .uaddr = uaddr };

	return ioasid_ctx_command(lc->core, cmd, &arg);
}

static const struct file_operations ioasid_fops = {
	.owner = THIS_MODULE,
	.open = ioasid_open,
	.release = ioasid_release,
	.unlocked_ioctl = ioasid_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice ioasid_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ioasid",
	.fops = &ioasid_fops,
	.mode = 0600,
};

/* ---- descriptors the core asks for ------------------------------------------------------------ */

static struct ioasid_ctx *lin_get_ctx(int fd)
{
	struct ioasid_ctx *ctx = NULL;
	struct file *file = fget(fd);

	if (!file)
		return NULL;
	if (file->f_op == &ioasid_fops) {
		ctx = ((struct lin_ctx *)file->private_data)->core;
		ioasid_ctx_get(ctx);
	}
	fput(file);
	return ctx;
}

static void *lin_eventfd_get(int fd)
{
	return eventfd_ctx_fdget(fd);
}

static void lin_eventfd_signal(void *ev)
{
	eventfd_signal(ev);
}

static void lin_eventfd_put(void *ev)
{
	eventfd_ctx_put(ev);
}

static const struct ioasid_home_ops lin_home_ops = {
	.pin = lin_pin,
	.unpin = lin_unpin,
	.extents = lin_extents,
	.fault_notify = lin_fault_notify,
	.fault_fd = lin_fault_fd,
	.get_ctx = lin_get_ctx,
	.eventfd_get = lin_eventfd_get,
	.eventfd_signal = lin_eventfd_signal,
	.eventfd_put = lin_eventfd_put,
	.shared_get = lin_shared_get,
	.shared_put = lin_shared_put,
	.pasids = &lin_pasid_ops,
	.privileged = lin_privileged,
	.limit_find = lin_limit_find,
	.limit_release = lin_limit_release,
	.cpu_get = lin_cpu_get,
	.cpu_env = lin_cpu_env,
};

/* ---- the module ----------------------------------------------------------------------------------- */

static int __init ioasid_module_init(void)
{
	int rc = os_init();

	if (rc)
		return rc;
	ioasid_machine_init(&lin_machine, &lin_home_ops);
	pasid_host_set_default_ceiling(&lin_machine.pasids, default_quota);
	rc = pasid_host_set_split(&lin_machine.pasids, host_split);
	if (rc)
		goto err_machine;
	machine_ready = true;
	rc = lin_iommu_init();
	if (rc)
		goto err_machine;
	rc = lin_kdev_init();
	if (rc)
		goto err_iommu;
	rc = misc_register(&ioasid_misc);
	if (rc)
		goto err_kdev;
	lin_debugfs_init();
	return 0;

err_kdev:
	lin_kdev_exit();
err_iommu:
	lin_iommu_exit();
err_machine:
	lin_limit_exit();
	ioasid_machine_destroy(&lin_machine);
	os_exit();
	return rc;
}

static void __exit ioasid_module_exit(void)
{
	lin_debugfs_exit();
	misc_deregister(&ioasid_misc);
	lin_kdev_exit();
	lin_iommu_exit();
	/* Every open file held the module, so whatever is left now has been forgotten by the core. */
	WARN_ON(atomic64_read(&lin_machine.nr_ctx));
	WARN_ON(atomic64_read(&lin_machine.nr_ioas));
	WARN_ON(atomic64_read(&lin_machine.nr_domains));
	WARN_ON(atomic64_read(&lin_machine.nr_routes));
	WARN_ON(atomic64_read(&lin_machine.pinned));
	lin_limit_exit();
	ioasid_machine_destroy(&lin_machine);
	os_exit();
}

module_init(ioasid_module_init);
module_exit(ioasid_module_exit);
MODULE_DESCRIPTION("I/O address spaces and PASIDs for user space");
MODULE_LICENSE("GPL");
