// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device driver of the SVA example: an allow list of numbers, a shared queue that anybody with a
 * translation may write to, a dedicated queue whose PASID is a register. A job takes as long as the
 * user said; then it is a request with its number on the wire. Nothing of a number is given back
 * before its jobs are over.
 */
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "sva.h"

#define DELAY_MAX_MS 60000

/** struct sva_job - one request on its way; @link in the device's list */
struct sva_job {
	struct delayed_work work;
	struct list_head link;
	struct sva_entry *entry;
};

static void dev_release(struct kref *refs)
{
	kfree(container_of(refs, struct sva_dev, refs));
}

static void entry_release(struct kref *refs)
{
	struct sva_entry *entry = container_of(refs, struct sva_entry, refs);

	kref_put(&entry->dev->refs, dev_release);
	kfree(entry);
	atomic_dec(&sva_stats.entries);
}

static void entry_put(struct sva_entry *entry)
{
	kref_put(&entry->refs, entry_release);
}

/* With a reference; dev->lock held. */
static struct sva_entry *entry_find_locked(struct sva_dev *dev, ioasid_t id)
{
	struct sva_entry *entry;

	list_for_each_entry(entry, &dev->entries, link) {
		if (entry->id == id) {
			kref_get(&entry->refs);
			return entry;
		}
	}
	return NULL;
}

static struct sva_entry *entry_find(struct sva_dev *dev, ioasid_t id)
{
	struct sva_entry *entry;

	spin_lock(&dev->lock);
	entry = entry_find_locked(dev, id);
	spin_unlock(&dev->lock);
	return entry;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void job_end(struct work_struct *work)
{
	struct sva_job *job = container_of(to_delayed_work(work), struct sva_job, work);
	struct sva_entry *entry = job->entry;
	struct sva_dev *dev = entry->dev;

	switch (sva_dma(dev->set, entry->id, entry->bond)) {
	case SVA_DMA_DONE:
		atomic_inc(&sva_stats.done);
		break;
	case SVA_DMA_BLOCKED:
		atomic_inc(&sva_stats.blocked);
		break;
	case SVA_DMA_STRAY:
		atomic_inc(&sva_stats.stray);
		break;
	}
	spin_lock(&dev->lock);
	list_del(&job->link);
	spin_unlock(&dev->lock);
	atomic_dec(&sva_stats.jobs);
	wake_up_all(&dev->idle);
	entry_put(entry);
	kfree(job);
}

struct sva_job *sva_job_new(void)
{
	struct sva_job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);

	if (job)
		INIT_DELAYED_WORK(&job->work, job_end);
	return job;
}

void sva_job_free(struct sva_job *job)
{
	kfree(job);
}

int sva_dev_submit(struct sva_dev *dev, ioasid_t id, struct sva_job *job)
{
	struct sva_entry *entry;

	spin_lock(&dev->lock);
	entry = entry_find_locked(dev, id);
	if (entry && !entry->stopping) {
		job->entry = entry;
		list_add_tail(&job->link, &dev->jobs);
		atomic_inc(&sva_stats.jobs);
		queue_delayed_work(sva_wq, &job->work, msecs_to_jiffies(READ_ONCE(dev->delay_ms)));
		spin_unlock(&dev->lock);
		return 0;
	}
	spin_unlock(&dev->lock);
	if (entry)
		entry_put(entry);
	return -EPERM;
}

static bool entry_idle(struct sva_entry *entry)
{
	struct sva_dev *dev = entry->dev;
	struct sva_job *job;
	bool idle = true;

	spin_lock(&dev->lock);
	list_for_each_entry(job, &dev->jobs, link)
		idle = idle && job->entry != entry;
	spin_unlock(&dev->lock);
	return idle;
}

/* ---- the end of a number on this device ------------------------------------------------------- */

/*
 * No job comes any more, then the IOMMU blocks those on their way, then they are waited for; after
 * that the register's reference and the entry may go. Called by the user's UNBIND, by close, and by
 * the work that FREE leaves, in any order and at the same time: one of them takes it off the list.
 */
static void entry_end(struct sva_entry *entry)
{
	struct sva_dev *dev = entry->dev;
	bool dwq, listed;

	spin_lock(&dev->lock);
	entry->stopping = true;
	dwq = dev->dwq == entry->id;
	if (dwq)
		dev->dwq = INVALID_IOASID;
	spin_unlock(&dev->lock);
	sva_block_entry(entry);
	wait_event(dev->idle, entry_idle(entry));
	if (dwq) {
		atomic_dec(&sva_stats.dwqs);
		ioasid_put_as(NULL, entry->id, IOASID_HOLD_DEVICE);
	}
	spin_lock(&dev->lock);
	listed = entry->listed;
	if (listed)
		list_del(&entry->link);
	entry->listed = false;
	spin_unlock(&dev->lock);
	if (!listed)
		return;
	sva_unbind_entry(entry);
	entry_put(entry);
}

static void free_work(struct ioasid_work *work)
{
	struct sva_entry *entry = container_of(work, struct sva_entry, work);

	entry_end(entry);
	entry_put(entry);
}

/* The number stays until the work has run, whatever happens to the references on it meanwhile. */
static int dev_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct sva_dev *dev = container_of(nb, struct sva_dev, nb);
	const struct ioasid_nb_args *args = data;
	struct sva_entry *entry;

	if (action != IOASID_NOTIFY_FREE)
		return NOTIFY_DONE;
	entry = entry_find(dev, args->id);
	if (entry && !ioasid_queue_work(&entry->work))
		entry_put(entry);
	return NOTIFY_OK;
}

/* ---- bind and unbind ------------------------------------------------------------------------- */

static struct sva_entry *entry_new(struct sva_dev *dev, ioasid_t id)
{
	struct sva_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);

	if (!entry)
		return NULL;
	kref_init(&entry->refs);
	kref_get(&dev->refs);
	entry->dev = dev;
	entry->id = id;
	entry->stopping = true;
	INIT_LIST_HEAD(&entry->in_bond);
	ioasid_init_work(&entry->work, id, free_work);
	atomic_inc(&sva_stats.entries);
	return entry;
}

/* The number is referenced, so it does not go; but it may be freed at any moment. */
static int bind_held(struct sva_dev *dev, ioasid_t id, ioasid_t gpasid)
{
	struct sva_entry *entry = entry_find(dev, id);
	int rc;

	if (entry) {
		entry_put(entry);
		return -EEXIST;
	}
	entry = entry_new(dev, id);
	if (!entry)
		return -ENOMEM;
	rc = sva_bind_entry(entry, gpasid);
	if (rc) {
		entry_put(entry);
		return rc;
	}
	kref_get(&entry->refs);
	spin_lock(&dev->lock);
	entry->listed = true;
	entry->stopping = false;
	list_add_tail(&entry->link, &dev->entries);
	spin_unlock(&dev->lock);
	/* A FREE that came before it was listed found nothing to end; one that comes now does. */
	rc = ioasid_get(NULL, id);
	if (rc)
		entry_end(entry);
	else
		ioasid_put(NULL, id);
	entry_put(entry);
	return rc;
}

/* The device listens to the set from the first BIND on; it keeps it for that. */
static int join_set(struct sva_dev *dev)
{
	struct ioasid_set *set;
	int rc;

	if (dev->set)
		return 0;
	set = ioasid_find_mm_set(dev->mm);
	if (!set)
		return -EINVAL;
	rc = ioasid_register_notifier(set, &dev->nb);
	if (rc) {
		ioasid_set_put(set);
		return rc;
	}
	dev->set = set;
	return 0;
}

static int dev_bind(struct sva_dev *dev, const struct sva_bind *arg)
{
	int rc;

	if (!arg->gpasid || arg->gpasid >= SVA_GPASIDS)
		return -EINVAL;
	rc = ioasid_get_if_owned(arg->id);
	if (rc)
		return rc;
	rc = join_set(dev);
	if (!rc)
		rc = bind_held(dev, arg->id, arg->gpasid);
	ioasid_put(NULL, arg->id);
	return rc;
}

static int dev_unbind(struct sva_dev *dev, ioasid_t id)
{
	struct sva_entry *entry;
	int rc = ioasid_get_if_owned(id);

	if (rc)
		return rc;
	entry = entry_find(dev, id);
	if (entry) {
		entry_end(entry);
		entry_put(entry);
	} else {
		rc = -ENOENT;
	}
	ioasid_put(NULL, id);
	return rc;
}

/* ---- the dedicated queue --------------------------------------------------------------------- */

static void dwq_stop(struct sva_dev *dev)
{
	struct sva_entry *entry;
	ioasid_t id;

	spin_lock(&dev->lock);
	id = dev->dwq;
	dev->dwq = INVALID_IOASID;
	entry = entry_find_locked(dev, id);
	spin_unlock(&dev->lock);
	if (id == INVALID_IOASID)
		return;
	if (entry) {
		wait_event(dev->idle, entry_idle(entry));
		entry_put(entry);
	}
	atomic_dec(&sva_stats.dwqs);
	ioasid_put_as(NULL, id, IOASID_HOLD_DEVICE);
}

/* What was never bound on this device never reaches its register. */
static int dwq_program(struct sva_dev *dev, ioasid_t gpasid)
{
	struct sva_entry *entry;
	int rc = -ENOENT;
	ioasid_t id;

	dwq_stop(dev);
	if (!gpasid)
		return 0;
	if (!dev->set)
		return -ENOENT;
	id = ioasid_find_by_spid_as(dev->set, gpasid, IOASID_HOLD_DEVICE);
	if (id == INVALID_IOASID)
		return -ENOENT;
	spin_lock(&dev->lock);
	entry = entry_find_locked(dev, id);
	if (entry && !entry->stopping) {
		dev->dwq = id;
		atomic_inc(&sva_stats.dwqs);
		rc = 0;
	}
	spin_unlock(&dev->lock);
	if (entry)
		entry_put(entry);
	if (rc)
		ioasid_put_as(NULL, id, IOASID_HOLD_DEVICE);
	return rc;
}

static int dwq_submit(struct sva_dev *dev)
{
	struct sva_job *job = sva_job_new();
	int rc = -ENXIO;
	ioasid_t id;

	if (!job)
		return -ENOMEM;
	id = READ_ONCE(dev->dwq);
	if (id != INVALID_IOASID && !sva_dev_submit(dev, id, job))
		rc = 0;
	else
		sva_job_free(job);
	return rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int dev_call(struct sva_dev *dev, unsigned int cmd, unsigned long uaddr)
{
	struct sva_gpasid gpasid;
	struct sva_bind bind;

	switch (cmd) {
	case SVA_BIND:
	case SVA_UNBIND:
		if (copy_from_user(&bind, (void __user *)uaddr, sizeof(bind)))
			return -EFAULT;
		return cmd == SVA_BIND ? dev_bind(dev, &bind) : dev_unbind(dev, bind.id);
	case SVA_DWQ:
		if (copy_from_user(&gpasid, (void __user *)uaddr, sizeof(gpasid)))
			return -EFAULT;
		return dwq_program(dev, gpasid.gpasid);
	case SVA_DWQ_SUBMIT:
		return dwq_submit(dev);
	case SVA_DELAY:
		if (uaddr > DELAY_MAX_MS)
			return -EINVAL;
		WRITE_ONCE(dev->delay_ms, uaddr);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* The register of the dedicated queue is the user's: its calls come one at a time. */
static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long uaddr)
{
	struct sva_dev *dev = file->private_data;
	int rc;

	if (mutex_lock_interruptible(&dev->calls))
		return -EINTR;
	rc = dev_call(dev, cmd, uaddr);
	mutex_unlock(&dev->calls);
	return rc;
}

static int dev_open(struct inode *inode, struct file *file)
{
	struct sva_dev *dev;

	if (!current->mm)
		return -EINVAL;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;
	kref_init(&dev->refs);
	dev->mm = current->mm;
	mmgrab(dev->mm);
	mutex_init(&dev->calls);
	spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->entries);
	INIT_LIST_HEAD(&dev->jobs);
	init_waitqueue_head(&dev->idle);
	dev->dwq = INVALID_IOASID;
	dev->nb.notifier_call = dev_event;
	dev->nb.priority = IOASID_PRIO_DEVICE;
	file->private_data = dev;
	return 0;
}

static struct sva_entry *first_entry(struct sva_dev *dev)
{
	struct sva_entry *entry;

	spin_lock(&dev->lock);
	entry = list_first_entry_or_null(&dev->entries, struct sva_entry, link);
	if (entry)
		kref_get(&entry->refs);
	spin_unlock(&dev->lock);
	return entry;
}

/*
 * The device stops before it stops listening: as long as a number has an entry here, its FREE must
 * find it, or the number could be used again with jobs on their way.
 */
static int dev_close(struct inode *inode, struct file *file)
{
	struct sva_dev *dev = file->private_data;
	struct sva_entry *entry;

	while ((entry = first_entry(dev))) {
		entry_end(entry);
		entry_put(entry);
	}
	if (dev->set) {
		ioasid_unregister_notifier(dev->set, &dev->nb);
		ioasid_set_put(dev->set);
	}
	mmdrop(dev->mm);
	kref_put(&dev->refs, dev_release);
	return 0;
}

const struct file_operations sva_dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_close,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
