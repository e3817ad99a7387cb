/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid: a device with work queues on an in-process host, ready made: registers and dedicated queues
 * whose PASIDs are mediated, shared queues for ENQCMD, an engine that executes. Registers and
 * descriptors: <linux/ioasid_wq.h>. For a device of one's own <ioasid/host.h> has all it is made of.
 */
#ifndef IOASID_WQ_H
#define IOASID_WQ_H

#include <ioasid/host.h>
#include <ioasid/vcpu.h>
#include <linux/ioasid_wq.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct ioasid_wqdev - a device with work queues. Owned by its maker. */
struct ioasid_wqdev;

#define IOASID_WQDEV_MANUAL (1U << 0) /* no engine of its own: ioasid_wqdev_run() is */

/**
 * struct ioasid_wqdev_config - what it is made of
 * @size: sizeof this structure
 * @flags: IOASID_WQDEV_*
 * @nr_dedicated, @nr_shared: queues, together 1 to 16; shared ones only in classes 7 and 8
 * @queue_size: descriptors in each, at most 1024; 0: 16
 * @hostdev: the device; ops and opaque must be NULL: the queues use them
 */
struct ioasid_wqdev_config {
	size_t size;
	uint32_t flags;
	uint32_t nr_dedicated;
	uint32_t nr_shared;
	uint32_t queue_size;
	struct ioasid_hostdev_config hostdev;
};

/**
 * ioasid_wqdev_create() - Return: as ioasid_hostdev_create()
 *
 * It executes while a context has it; unbinding clears its registers.
 */
int ioasid_wqdev_create(struct ioasid_host *host, const struct ioasid_wqdev_config *config,
			struct ioasid_wqdev **wq);
/** ioasid_wqdev_destroy() - hot-unplug. No call on it or on a portal of it is in progress, none follows. */
void ioasid_wqdev_destroy(struct ioasid_wqdev *wq);
/** ioasid_wqdev_hostdev() - the device behind it, as parent of others or for its own DMA. */
struct ioasid_hostdev *ioasid_wqdev_hostdev(struct ioasid_wqdev *wq);

/**
 * ioasid_wqdev_read(), ioasid_wqdev_write() - a guest's access to a register
 * @offset: IOASID_WQ_REG_*
 *
 * Return: 0. Else nothing has changed: -EINVAL no such register, read only, or a reserved bit; -ENOENT a
 * number without route; -EBUSY the queue is enabled. Any thread, also inside ioasid_dma_enter().
 */
int ioasid_wqdev_read(struct ioasid_wqdev *wq, uint32_t offset, uint32_t *value);
int ioasid_wqdev_write(struct ioasid_wqdev *wq, uint32_t offset, uint32_t value);

/** enum ioasid_store - how something is stored to a portal. */
enum ioasid_store {
	IOASID_STORE_PLAIN,
	IOASID_STORE_MOVDIR64B,
	IOASID_STORE_DMWR,
};
/**
 * ioasid_wqdev_store() - a store to the portal page of a queue
 * @queue: number; @offset: in the page; @data, @len: what
 *
 * Return: true: taken. DMWR here is the bare transaction, with whatever PASID @data says: what a CPU does
 * before is ioasid_vcpu_enqcmd().
 */
bool ioasid_wqdev_store(struct ioasid_wqdev *wq, uint32_t queue, uint32_t offset, const void *data,
			size_t len, enum ioasid_store how);
/** ioasid_wqdev_portal() - the portal of a shared queue as destination of ENQCMD; -EINVAL: none. */
int ioasid_wqdev_portal(struct ioasid_wqdev *wq, uint32_t queue, struct ioasid_dmwr_portal *portal);
/**
 * ioasid_wqdev_run() - IOASID_WQDEV_MANUAL: execute up to @max descriptors
 * Return: how many; one thread at a time finds something to do. Sleeps; not inside ioasid_dma_enter().
 */
unsigned int ioasid_wqdev_run(struct ioasid_wqdev *wq, unsigned int max);

#ifdef __cplusplus
}
#endif
#endif
