// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU side of the SVA example, what KVM would be: the table that leads a guest's PASID to the
 * number on the wire, filled by BIND and emptied by whichever of FREE and UNBIND comes first. It
 * listens by process, so that it may be there before the set is. Its priority is the highest: the
 * source of work dries up before IOMMU and device are taken down.
 */
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "sva.h"

/**
 * struct sva_cpu - all vCPUs of one virtual machine
 * @mm: whose; kept
 * @lock: @table. A submission holds it until the job is in the device's queue, so that who has taken
 *        an entry out knows that nothing more comes through it
 * @table: number by guest PASID, with a reference; 0: none
 */
struct sva_cpu {
	struct mm_struct *mm;
	struct notifier_block nb;
	spinlock_t lock;
	ioasid_t table[SVA_GPASIDS];
};

/* ---- the table ------------------------------------------------------------------------------- */

static void entry_set(struct sva_cpu *cpu, const struct ioasid_nb_args *args)
{
	bool set = false;

	if (args->spid >= SVA_GPASIDS || ioasid_get_as(args->set, args->id, IOASID_HOLD_CPU))
		return;
	spin_lock(&cpu->lock);
	if (!cpu->table[args->spid]) {
		cpu->table[args->spid] = args->id;
		set = true;
	}
	spin_unlock(&cpu->lock);
	if (set)
		atomic_inc(&sva_stats.cpu_entries);
	else
		ioasid_put_as(args->set, args->id, IOASID_HOLD_CPU);
}

/* Return: it was there, and its reference is to be dropped. */
static bool entry_clear(struct sva_cpu *cpu, ioasid_t gpasid, ioasid_t id)
{
	bool mine;

	if (gpasid >= SVA_GPASIDS)
		return false;
	spin_lock(&cpu->lock);
	mine = cpu->table[gpasid] == id;
	if (mine)
		cpu->table[gpasid] = 0;
	spin_unlock(&cpu->lock);
	if (mine)
		atomic_dec(&sva_stats.cpu_entries);
	return mine;
}

static int cpu_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct sva_cpu *cpu = container_of(nb, struct sva_cpu, nb);
	const struct ioasid_nb_args *args = data;

	switch (action) {
	case IOASID_NOTIFY_BIND:
		entry_set(cpu, args);
		break;
	case IOASID_NOTIFY_FREE:
	case IOASID_NOTIFY_UNBIND:
		if (entry_clear(cpu, args->spid, args->id))
			ioasid_put_as(args->set, args->id, IOASID_HOLD_CPU);
		break;
	}
	return NOTIFY_OK;
}

/* ---- ENQCMD ---------------------------------------------------------------------------------- */

static int enqcmd(struct sva_cpu *cpu, struct sva_dev *dev, u32 gpasid)
{
	struct sva_job *job = sva_job_new();
	int rc;

	if (!job)
		return -ENOMEM;
	spin_lock(&cpu->lock);
	rc = cpu->table[gpasid] ? sva_dev_submit(dev, cpu->table[gpasid], job) : -ENXIO;
	spin_unlock(&cpu->lock);
	if (rc)
		sva_job_free(job);
	return rc;
}

static long cpu_ioctl(struct file *file, unsigned int cmd, unsigned long uaddr)
{
	struct sva_gpasid arg;
	struct file *dev;
	int rc = -EBADF;

	if (cmd != SVA_ENQCMD)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)uaddr, sizeof(arg)))
		return -EFAULT;
	if (arg.gpasid >= SVA_GPASIDS)
		return -ENXIO;
	dev = fget(arg.dev_fd);
	if (!dev)
		return -EBADF;
	if (dev->f_op == &sva_dev_fops)
		rc = enqcmd(file->private_data, dev->private_data, arg.gpasid);
	fput(dev);
	return rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int cpu_open(struct inode *inode, struct file *file)
{
	struct sva_cpu *cpu;
	int rc;

	if (!current->mm)
		return -EINVAL;
	cpu = kzalloc(sizeof(*cpu), GFP_KERNEL_ACCOUNT);
	if (!cpu)
		return -ENOMEM;
	spin_lock_init(&cpu->lock);
	cpu->mm = current->mm;
	cpu->nb.notifier_call = cpu_event;
	cpu->nb.priority = IOASID_PRIO_CPU;
	rc = ioasid_register_notifier_mm(cpu->mm, &cpu->nb);
	if (rc) {
		kfree(cpu);
		return rc;
	}
	mmgrab(cpu->mm);
	file->private_data = cpu;
	return 0;
}

/* The virtual machine is gone: no handler comes any more, and all references go back. */
static int cpu_release(struct inode *inode, struct file *file)
{
	struct sva_cpu *cpu = file->private_data;
	ioasid_t id;
	u32 gpasid;

	ioasid_unregister_notifier_mm(cpu->mm, &cpu->nb);
	for (gpasid = 0; gpasid < SVA_GPASIDS; gpasid++) {
		id = cpu->table[gpasid];
		if (id && entry_clear(cpu, gpasid, id))
			ioasid_put_as(NULL, id, IOASID_HOLD_CPU);
	}
	mmdrop(cpu->mm);
	kfree(cpu);
	return 0;
}

const struct file_operations sva_cpu_fops = {
	.owner = THIS_MODULE,
	.open = cpu_open,
	.release = cpu_release,
	.unlocked_ioctl = cpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
