// SPDX-License-Identifier: GPL-2.0-only
/*
 * A complete small driver for /dev/ioasid: a software device (class 2) that does its DMA with the
 * access interface. docs/driver.md walks through it.
 *
 * ex->lock is the only lock. It is taken by jobs, by @quiesce and @reset (which run with the
 * context's lock held) and by @unmap; so nothing that is done under it may issue an ioasid command or
 * wait for one. ioasid_access_*() and fault reports are fine.
 */
#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/ioasid_driver.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioasid_example.h"

/**
 * struct example - the device
 * @kdev: what registration returned, for unregistration; callbacks get it as an argument, since the
 *        first may come before registration has returned
 * @access: its way into the user's memory, while it is bound
 * @lock: held for as long as a job runs; everything below
 * @stopped: no job may start: quiesced, or not bound
 * @record: page that the record is kept in, pinned; NULL: none
 * @record_iova: its address
 * @jobs: done since it was set
 * @bounce: one page for data on its way
 */
struct example {
	struct ioasid_kdev *kdev;
	struct ioasid_access *access;
	struct mutex lock;
	bool stopped;
	struct page *record;
	u64 record_iova;
	u32 jobs;
	void *bounce;
};

static struct example example;

/* ---- the record ------------------------------------------------------------------------------ */

static void record_drop(struct example *ex)
{
	if (!ex->record)
		return;
	ioasid_access_unpin(ex->access, ex->record_iova, PAGE_SIZE);
	ex->record = NULL;
}

static void record_write(struct example *ex, u32 crc)
{
	struct ioasid_example_record *record;

	if (!ex->record)
		return;
	record = kmap_local_page(ex->record);
	record->crc = crc;
	/* Who sees the number sees the rest. */
	smp_store_release(&record->jobs, ++ex->jobs);
	kunmap_local(record);
}

/* What was pinned is about to be unmapped or detached; who does that waits for us. */
static void example_unmap(void *data, u64 start, u64 last)
{
	struct example *ex = data;

	mutex_lock(&ex->lock);
	if (ex->record_iova <= last && ex->record_iova + PAGE_SIZE - 1 >= start)
		record_drop(ex);
	mutex_unlock(&ex->lock);
}

static const struct ioasid_access_ops access_ops = { .unmap = example_unmap };

/* ---- jobs ------------------------------------------------------------------------------------ */

/*
 * One piece within a page. The destination is pinned for the moment, to show how that goes; as the
 * lock is held until it is given back, @unmap has nothing to do about it.
 */
static int copy_piece(struct example *ex, u64 dst, u32 n)
{
	u64 start = dst & PAGE_MASK;
	struct page *page;
	int rc;

	rc = ioasid_access_pin(ex->access, start, PAGE_SIZE, IOASID_ACCESS_WRITE, &page);
	if (rc)
		return rc;
	memcpy_to_page(page, dst - start, ex->bounce, n);
	ioasid_access_unpin(ex->access, start, PAGE_SIZE);
	return 0;
}

/* Return: 0; an error, with the address that failed in *@at and what was tried in *@access. */
static int run_job(struct example *ex, struct ioasid_example_job *job, bool copy, u64 *at,
		   u32 *access)
{
	u32 crc = ~0U, done, n;
	int rc;

	for (done = 0; done < job->length; done += n) {
		/* Neither source nor destination crosses a page. */
		n = min_t(u32, job->length - done, PAGE_SIZE - offset_in_page(job->src + done));
		if (copy)
			n = min_t(u32, n, PAGE_SIZE - offset_in_page(job->dst + done));
		*at = job->src + done;
		*access = IOASID_FAULT_READ;
		rc = ioasid_access_rw(ex->access, *at, ex->bounce, n, IOASID_ACCESS_READ);
		if (!rc && copy) {
			*at = job->dst + done;
			*access = IOASID_FAULT_WRITE;
			rc = copy_piece(ex, *at, n);
		}
		if (rc)
			return rc;
		crc = crc32_le(crc, ex->bounce, n);
	}
	job->crc = ~crc;
	return 0;
}

static void report_blocked(struct ioasid_kdev *kdev, u64 at, u32 access)
{
	const struct ioasid_kdev_fault fault = {
		.ppasid = IOASID_KDEV_NO_PASID,
		.flags = access,
		.reason = IOASID_REASON_NOT_PRESENT,
		.address = at,
	};

	ioasid_kdev_report_event(kdev, &fault);
}

static bool job_valid(const struct ioasid_example_job *job)
{
	u64 end;

	return job->length && job->length <= IOASID_EXAMPLE_MAX &&
	       !check_add_overflow(job->src, job->length - 1, &end) &&
	       !check_add_overflow(job->dst, job->length - 1, &end);
}

static long example_job(struct ioasid_kdev *kdev, struct ioasid_kfile *file, unsigned long arg,
			bool copy)
{
	struct example *ex = ioasid_kdev_priv(kdev);
	struct ioasid_example_job job;
	u32 access = 0;
	u64 at = 0;
	int rc, idx;

	if (copy_from_user(&job, (void __user *)arg, sizeof(job)))
		return -EFAULT;
	if (!job_valid(&job))
		return -EINVAL;
	/* The user may have let us wait for its memory: is the device still its own? */
	if (!ioasid_kfile_begin(file, &idx))
		return -ENODEV;
	mutex_lock(&ex->lock);
	rc = ex->stopped ? -ENODEV : run_job(ex, &job, copy, &at, &access);
	if (!rc)
		record_write(ex, job.crc);
	mutex_unlock(&ex->lock);
	if (rc == -EFAULT)
		report_blocked(kdev, at, access);
	ioasid_kdev_io_end(kdev, idx);
	if (rc)
		return rc;
	return copy_to_user((void __user *)arg, &job, sizeof(job)) ? -EFAULT : 0;
}

static long example_set_record(struct ioasid_kdev *kdev, struct ioasid_kfile *file,
			       unsigned long arg)
{
	struct example *ex = ioasid_kdev_priv(kdev);
	struct ioasid_example_where where;
	struct page *page;
	int rc = -ENODEV, idx;

	if (copy_from_user(&where, (void __user *)arg, sizeof(where)))
		return -EFAULT;
	if (!ioasid_kfile_begin(file, &idx))
		return -ENODEV;
	mutex_lock(&ex->lock);
	if (!ex->stopped)
		rc = ioasid_access_pin(ex->access, where.iova, PAGE_SIZE, IOASID_ACCESS_WRITE,
				       &page);
	if (!rc) {
		record_drop(ex);
		ex->record = page;
		ex->record_iova = where.iova;
		ex->jobs = 0;
	}
	mutex_unlock(&ex->lock);
	ioasid_kdev_io_end(kdev, idx);
	return rc;
}

/* ---- what ioasid.ko asks --------------------------------------------------------------------- */

/* Only from the descriptor that bound the device. */
static long example_ioctl(struct ioasid_kdev *kdev, struct ioasid_kfile *file, unsigned int cmd,
			  unsigned long arg)
{
	switch (cmd) {
	case IOASID_EXAMPLE_CHECKSUM:
		return example_job(kdev, file, arg, false);
	case IOASID_EXAMPLE_COPY:
		return example_job(kdev, file, arg, true);
	case IOASID_EXAMPLE_SET_RECORD:
		return example_set_record(kdev, file, arg);
	default:
		return -ENOTTY;
	}
}

static int example_bind(struct ioasid_kdev *kdev)
{
	struct example *ex = ioasid_kdev_priv(kdev);
	struct ioasid_access *access = ioasid_access_create(kdev, &access_ops, ex);

	if (IS_ERR(access))
		return PTR_ERR(access);
	ex->access = access;
	mutex_lock(&ex->lock);
	ex->stopped = false;
	mutex_unlock(&ex->lock);
	return 0;
}

/* No job runs or comes, and what was pinned has been called back: the device is detached by now. */
static void example_unbind(struct ioasid_kdev *kdev)
{
	struct example *ex = ioasid_kdev_priv(kdev);

	ioasid_access_destroy(ex->access);
	ex->access = NULL;
}

/* A job holds the lock while it runs; so with the lock taken nothing is on its way. */
static void example_quiesce(struct ioasid_kdev *kdev)
{
	struct example *ex = ioasid_kdev_priv(kdev);

	mutex_lock(&ex->lock);
	ex->stopped = true;
	record_drop(ex);
	mutex_unlock(&ex->lock);
}

static void example_reset(struct ioasid_kdev *kdev)
{
	struct example *ex = ioasid_kdev_priv(kdev);

	mutex_lock(&ex->lock);
	record_drop(ex);
	mutex_unlock(&ex->lock);
}

static const struct ioasid_kdev_ops example_ops = {
	.owner = THIS_MODULE,
	.bind = example_bind,
	.unbind = example_unbind,
	.quiesce = example_quiesce,
	.reset = example_reset,
	.ioctl = example_ioctl,
};

/* ---- the module ------------------------------------------------------------------------------ */

static int __init example_init(void)
{
	const struct ioasid_kdev_desc desc = {
		.name = "example",
		.ops = &example_ops,
		.priv = &example,
		.dev_class = IOASID_CLASS_SW_MDEV,
	};

	mutex_init(&example.lock);
	example.stopped = true;
	example.bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!example.bounce)
		return -ENOMEM;
	example.kdev = ioasid_register_device(&desc);
	if (!IS_ERR(example.kdev))
		return 0;
	kfree(example.bounce);
	return PTR_ERR(example.kdev);
}

/* An open node pins this module, so nobody has one open now. */
static void __exit example_exit(void)
{
	ioasid_unregister_device(example.kdev);
	kfree(example.bounce);
}

module_init(example_init);
module_exit(example_exit);
MODULE_DESCRIPTION("Example of a software device for /dev/ioasid");
MODULE_LICENSE("GPL");
