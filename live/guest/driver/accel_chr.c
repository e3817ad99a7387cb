// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "accel_drv.h"

#define ACCEL_NO_QUEUE (-1)

/**
 * struct accel_file - an open file
 * @lock: protects the rest
 * @queue: its queue, or ACCEL_NO_QUEUE. Kept until release even after UNBIND: a doorbell page that
 *         is still mapped must not become somebody else's. A mapping holds the file.
 * @mm: address space the queue was taken for; held by mmgrab
 * @sva: the binding while the queue runs, else NULL
 * @seen: interrupts that read() has reported
 */
struct accel_file {
	struct accel_device *ad;
	struct mutex lock;
	int queue;
	struct mm_struct *mm;
	struct iommu_sva *sva;
	u64 seen;
};

static int accel_chr_open(struct inode *inode, struct file *file)
{
	struct miscdevice *misc = file->private_data;
	struct accel_file *af;

	af = kzalloc(sizeof(*af), GFP_KERNEL);
	if (!af)
		return -ENOMEM;
	af->ad = container_of(misc, struct accel_device, misc);
	af->queue = ACCEL_NO_QUEUE;
	mutex_init(&af->lock);
	file->private_data = af;
	return nonseekable_open(inode, file);
}

/*
 * Stop first, unbind then: the device has sent its last request when the number is given back.
 * Return: whether the queue can be used again.
 */
static bool accel_chr_stop(struct accel_file *af)
{
	int rc;

	if (!af->sva)
		return true;
	rc = accel_queue_stop(af->ad, af->queue) ?: accel_portal_stop(af->ad, af->queue);
	iommu_sva_unbind_device(af->sva);
	af->sva = NULL;
	return !rc;
}

static int accel_chr_release(struct inode *inode, struct file *file)
{
	struct accel_file *af = file->private_data;

	if (accel_chr_stop(af) && af->queue != ACCEL_NO_QUEUE)
		accel_queue_put(af->ad, af->queue);
	if (af->mm)
		mmdrop(af->mm);
	mutex_destroy(&af->lock);
	kfree(af);
	return 0;
}

static int accel_chr_take_queue(struct accel_file *af)
{
	int queue;

	if (af->queue != ACCEL_NO_QUEUE)
		return af->mm == current->mm ? 0 : -EBUSY;
	queue = accel_queue_get(af->ad);
	if (queue < 0)
		return queue;
	af->queue = queue;
	af->mm = current->mm;
	mmgrab(af->mm);
	af->seen = atomic64_read(&af->ad->vectors[queue].count);
	return 0;
}

static int accel_chr_bind_locked(struct accel_file *af, struct accel_bind *bind)
{
	struct iommu_sva *sva;
	int rc;

	if (af->sva)
		return -EBUSY;
	sva = iommu_sva_bind_device(&af->ad->pdev->dev, current->mm);
	if (IS_ERR(sva))
		return PTR_ERR(sva);
	rc = accel_chr_take_queue(af);
	if (rc)
		goto unbind;
	bind->pasid = iommu_sva_get_pasid(sva);
	bind->queue = af->queue;
	rc = accel_queue_start(af->ad, af->queue, bind->ring, bind->ring_lg2, bind->pasid);
	if (rc)
		goto unbind;
	af->sva = sva;
	return 0;
unbind:
	iommu_sva_unbind_device(sva);
	return rc;
}

static int accel_chr_bind(struct accel_file *af, void __user *arg)
{
	struct accel_bind bind;
	int rc;

	if (copy_from_user(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (bind.flags || !bind.ring_lg2 || bind.ring_lg2 > ACCEL_RING_LG2_MAX ||
	    !IS_ALIGNED(bind.ring, sizeof(struct accel_desc)))
		return -EINVAL;
	mutex_lock(&af->lock);
	rc = accel_chr_bind_locked(af, &bind);
	/* Nobody learned of the queue: it must not run. */
	if (!rc && copy_to_user(arg, &bind, sizeof(bind))) {
		accel_chr_stop(af);
		rc = -EFAULT;
	}
	mutex_unlock(&af->lock);
	return rc;
}

static int accel_chr_unbind(struct accel_file *af)
{
	int rc = -ENOENT;

	mutex_lock(&af->lock);
	if (af->sva)
		rc = accel_chr_stop(af) ? 0 : -ETIMEDOUT;
	mutex_unlock(&af->lock);
	return rc;
}

static u32 accel_chr_features(const struct accel_device *ad)
{
	const struct pci_dev *pdev = ad->pdev;

	return (ad->portals ? ACCEL_FEATURE_PORTAL : 0) |
	       (pdev->pasid_enabled ? ACCEL_FEATURE_PASID : 0) |
	       (pdev->ats_enabled ? ACCEL_FEATURE_ATS : 0) |
	       (pdev->pri_enabled ? ACCEL_FEATURE_PRI : 0);
}

static int accel_chr_info(struct accel_file *af, void __user *arg)
{
	struct accel_device *ad = af->ad;
	struct device *dev = &ad->pdev->dev;
	struct accel_info info = { .queue_status = ~0U, .iommu_group = -1 };
	struct iommu_group *group;
	unsigned int i;

	info.queues = ACCEL_QUEUES;
	mutex_lock(&ad->lock);
	info.free_queues = ACCEL_QUEUES - bitmap_weight(ad->busy, ACCEL_QUEUES);
	mutex_unlock(&ad->lock);
	info.max_pasids = dev->iommu ? dev->iommu->max_pasids : 0;
	info.features = accel_chr_features(ad);
	group = iommu_group_get(dev);
	if (group) {
		info.iommu_group = iommu_group_id(group);
		iommu_group_put(group);
	}
	mutex_lock(&af->lock);
	if (af->queue != ACCEL_NO_QUEUE)
		info.queue_status = readl(accel_queue_regs(ad, af->queue) + ACCEL_QUEUE_STATUS);
	mutex_unlock(&af->lock);
	for (i = 0; i < ACCEL_NR_COUNTERS; i++)
		info.counters[i] = readq(ad->regs + ACCEL_REG_COUNTERS + i * sizeof(u64));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int accel_chr_selftest(struct accel_file *af, void __user *arg)
{
	struct accel_run run;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&run, arg, sizeof(run)))
		return -EFAULT;
	if (run.flags || run.test > ACCEL_SELFTEST_SVA)
		return -EINVAL;
	accel_selftest_run(af->ad, &run);
	return copy_to_user(arg, &run, sizeof(run)) ? -EFAULT : 0;
}

static long accel_chr_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct accel_file *af = file->private_data;

	switch (cmd) {
	case ACCEL_IOC_BIND:
		return accel_chr_bind(af, (void __user *)arg);
	case ACCEL_IOC_UNBIND:
		return accel_chr_unbind(af);
	case ACCEL_IOC_INFO:
		return accel_chr_info(af, (void __user *)arg);
	case ACCEL_IOC_SELFTEST:
		return accel_chr_selftest(af, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* Where a page of the file lies in BAR 2. */
static u64 accel_chr_page(struct accel_file *af, struct vm_area_struct *vma)
{
	return vma->vm_pgoff ? ACCEL_PORTAL_PAGE(af->queue) : af->queue * ACCEL_DOORBELL_STRIDE;
}

static int accel_chr_mmap_locked(struct accel_file *af, struct vm_area_struct *vma)
{
	resource_size_t page;

	if (af->queue == ACCEL_NO_QUEUE)
		return -ENXIO;
	/* Whoever rings a queue makes its owner's memory move: only the owner may. */
	if (af->mm != current->mm)
		return -EPERM;
	page = pci_resource_start(af->ad->pdev, ACCEL_BAR_DOORBELL) + accel_chr_page(af, vma);
	vm_flags_set(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start, page >> PAGE_SHIFT, ACCEL_DOORBELL_STRIDE,
				  vma->vm_page_prot);
}

static int accel_chr_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct accel_file *af = file->private_data;
	int rc;

	/* Who stores to a portal says in whose name: as with other ports of the machine. */
	if (vma->vm_pgoff && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (vma->vm_pgoff > af->ad->portals ||
	    vma->vm_end - vma->vm_start != ACCEL_DOORBELL_STRIDE || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&af->lock);
	rc = accel_chr_mmap_locked(af, vma);
	mutex_unlock(&af->lock);
	return rc;
}

/* The queue's vector; it does not change once there is one. */
static struct accel_vector *accel_chr_vector(struct accel_file *af)
{
	struct accel_vector *vector = NULL;

	mutex_lock(&af->lock);
	if (af->queue != ACCEL_NO_QUEUE)
		vector = &af->ad->vectors[af->queue];
	mutex_unlock(&af->lock);
	return vector;
}

static ssize_t accel_chr_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct accel_file *af = file->private_data;
	struct accel_vector *vector = accel_chr_vector(af);
	u64 now, n;
	int rc;

	if (!vector)
		return -ENXIO;
	if (len < sizeof(n))
		return -EINVAL;
	do {
		now = atomic64_read(&vector->count);
		if (now == READ_ONCE(af->seen) && file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		rc = wait_event_interruptible(vector->wait,
					      atomic64_read(&vector->count) != READ_ONCE(af->seen));
		if (rc)
			return rc;
		mutex_lock(&af->lock);
		now = atomic64_read(&vector->count);
		n = now - af->seen;
		WRITE_ONCE(af->seen, now);
		mutex_unlock(&af->lock);
		/* Another reader of the same file may have been quicker. */
	} while (!n);
	return copy_to_user(buf, &n, sizeof(n)) ? -EFAULT : sizeof(n);
}

static __poll_t accel_chr_poll(struct file *file, poll_table *wait)
{
	struct accel_file *af = file->private_data;
	struct accel_vector *vector = accel_chr_vector(af);

	if (!vector)
		return EPOLLERR;
	poll_wait(file, &vector->wait, wait);
	return atomic64_read(&vector->count) != READ_ONCE(af->seen) ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_operations accel_chr_fops = {
	.owner = THIS_MODULE,
	.open = accel_chr_open,
	.release = accel_chr_release,
	.unlocked_ioctl = accel_chr_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = accel_chr_mmap,
	.read = accel_chr_read,
	.poll = accel_chr_poll,
};
