// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SVA example: the allocator of ioasid.ko at work, from the allocation of a number to its
 * reclaim, with every part that has to take part. The set, the nodes, the counters, the module.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "sva.h"

struct sva_stats sva_stats;
struct workqueue_struct *sva_wq;

/* ---- the set --------------------------------------------------------------------------------- */

static int set_open(struct inode *inode, struct file *file)
{
	struct ioasid_set *set = ioasid_set_alloc(current->mm, 0, IOASID_SET_TYPE_MM);

	if (IS_ERR(set))
		return PTR_ERR(set);
	file->private_data = set;
	atomic_inc(&sva_stats.sets);
	return 0;
}

/* Users of its numbers are told, and may be slow: the set goes with the last of them. */
static int set_close(struct inode *inode, struct file *file)
{
	ioasid_free_all_in_set(file->private_data);
	ioasid_set_destroy(file->private_data);
	atomic_dec(&sva_stats.sets);
	return 0;
}

static int set_alloc(struct ioasid_set *set, struct sva_number __user *user)
{
	struct ioasid_request request = { 0 };
	struct sva_number arg;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	request.min = arg.min;
	request.max = arg.max;
	rc = ioasid_alloc_request(set, &request, &arg.id);
	if (rc)
		return rc;
	if (!put_user(arg.id, &user->id))
		return 0;
	ioasid_free(set, arg.id);
	return -EFAULT;
}

static int set_free(struct ioasid_set *set, struct sva_number __user *user)
{
	u32 id;

	if (get_user(id, &user->id))
		return -EFAULT;
	ioasid_free(set, id);
	return 0;
}

static int describe(struct sva_state __user *user)
{
	struct ioasid_id_info info;
	struct sva_state state;
	int rc;

	if (get_user(state.id, &user->id))
		return -EFAULT;
	rc = ioasid_describe(state.id, &info);
	if (rc)
		return rc;
	state = (struct sva_state){
		.id = info.id,
		.state = info.state,
		.refs = info.refs,
		.spid = info.spid,
		.user = info.holders[IOASID_HOLD_USER],
		.iommu = info.holders[IOASID_HOLD_IOMMU],
		.cpu = info.holders[IOASID_HOLD_CPU],
		.device = info.holders[IOASID_HOLD_DEVICE],
	};
	return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
}

static long set_ioctl(struct file *file, unsigned int cmd, unsigned long uaddr)
{
	switch (cmd) {
	case SVA_ALLOC:
		return set_alloc(file->private_data, (void __user *)uaddr);
	case SVA_FREE:
		return set_free(file->private_data, (void __user *)uaddr);
	case SVA_DESCRIBE:
		return describe((void __user *)uaddr);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations sva_set_fops = {
	.owner = THIS_MODULE,
	.open = set_open,
	.release = set_close,
	.unlocked_ioctl = set_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* ---- the module ------------------------------------------------------------------------------ */

#define SVA_NODE(part)                                                        \
	{                                                                     \
		.minor = MISC_DYNAMIC_MINOR, .name = "ioasid-example-" #part, \
		.fops = &sva_##part##_fops, .mode = 0600,                     \
	}
static struct miscdevice nodes[] = { SVA_NODE(set), SVA_NODE(cpu), SVA_NODE(dev) };
static struct dentry *folder;

static void show(const char *name, atomic_t *value)
{
	debugfs_create_atomic_t(name, 0400, folder, value);
}

static void stats_show(void)
{
	folder = debugfs_create_dir("ioasid-example-sva", NULL);
	show("sets", &sva_stats.sets);
	show("bonds", &sva_stats.bonds);
	show("entries", &sva_stats.entries);
	show("cpu_entries", &sva_stats.cpu_entries);
	show("dwqs", &sva_stats.dwqs);
	show("jobs", &sva_stats.jobs);
	show("done", &sva_stats.done);
	show("blocked", &sva_stats.blocked);
	show("stray", &sva_stats.stray);
}

static int __init sva_init(void)
{
	unsigned int n;
	int rc;

	sva_wq = alloc_workqueue("ioasid-example-sva", WQ_UNBOUND, 0);
	if (!sva_wq)
		return -ENOMEM;
	rc = sva_iommu_init();
	if (rc)
		goto err_wq;
	for (n = 0; n < ARRAY_SIZE(nodes); n++) {
		rc = misc_register(&nodes[n]);
		if (rc)
			goto err_nodes;
	}
	stats_show();
	return 0;

err_nodes:
	while (n--)
		misc_deregister(&nodes[n]);
	sva_iommu_exit();
err_wq:
	destroy_workqueue(sva_wq);
	return rc;
}

/* An open file pins the module, so there is none; what handlers left may still run. */
static void __exit sva_exit(void)
{
	unsigned int n;

	debugfs_remove_recursive(folder);
	for (n = 0; n < ARRAY_SIZE(nodes); n++)
		misc_deregister(&nodes[n]);
	sva_iommu_exit();
	ioasid_flush_work(INVALID_IOASID);
	destroy_workqueue(sva_wq);
}

module_init(sva_init);
module_exit(sva_exit);
MODULE_DESCRIPTION("Example of the life of a PASID: IOMMU, CPU and device on the allocator");
MODULE_LICENSE("GPL");
