/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ACCEL_DRV_H
#define ACCEL_DRV_H

#include <ioasid_accel.h>
#include <ioasid_accel_hw.h>
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/wait.h>

/**
 * struct accel_vector - interrupts of one queue
 * @count: since the driver came up
 * @wait: who waits for the next
 */
struct accel_vector {
	atomic64_t count;
	wait_queue_head_t wait;
};

/**
 * struct accel_device - the function
 * @regs: BAR 0
 * @doorbells: BAR 2, for the driver's own queues
 * @portals: it is a slice with portal pages
 * @lock: protects @busy
 * @busy: queues that belong to somebody
 */
struct accel_device {
	struct pci_dev *pdev;
	void __iomem *regs;
	void __iomem *doorbells;
	bool portals;
	struct mutex lock;
	DECLARE_BITMAP(busy, ACCEL_QUEUES);
	struct accel_vector vectors[ACCEL_QUEUES];
	struct miscdevice misc;
};

static inline void __iomem *accel_queue_regs(struct accel_device *ad, unsigned int queue)
{
	return ad->regs + ACCEL_REG_QUEUE + queue * ACCEL_QUEUE_STRIDE;
}

/**
 * accel_queue_get() - take a free queue
 *
 * Return: its number; -EBUSY.
 */
int accel_queue_get(struct accel_device *ad);

/** accel_queue_put() - give a stopped queue back. */
void accel_queue_put(struct accel_device *ad, unsigned int queue);

/**
 * accel_queue_start() - give a queue its ring and let it run
 * @ad: device
 * @queue: taken and stopped
 * @ring: address of the ring as the device sees it
 * @ring_lg2: log2 of its descriptors
 * @pasid: IOMMU_PASID_INVALID: requests without PASID
 *
 * Return: 0; -EIO the device refuses; -ENOENT it refuses @pasid.
 */
int accel_queue_start(struct accel_device *ad, unsigned int queue, u64 ring, u32 ring_lg2,
		      u32 pasid);

/**
 * accel_queue_stop() - stop a queue and wait until it sends nothing any more
 *
 * Return: 0; -ETIMEDOUT: the queue must not be used again.
 */
int accel_queue_stop(struct accel_device *ad, unsigned int queue);

/**
 * accel_portal_stop() - what came through a queue's portal ends
 *
 * Return: 0; -ETIMEDOUT: the queue must not be used again.
 */
int accel_portal_stop(struct accel_device *ad, unsigned int queue);

extern const struct file_operations accel_chr_fops;

/** accel_selftest_run() - @run: its @test is done, the rest is filled. */
void accel_selftest_run(struct accel_device *ad, struct accel_run *run);

#endif
