/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vfio-user, the server's side: what one message means for one device. No sockets here, so that a
 * message is a function from bytes and descriptors to a reply; vfio_user_server.h carries them.
 *
 * The client is not trusted: every length is checked against the message, every access against its
 * region, replies are bounded, and descriptors that came along are closed unless they were kept.
 */
#ifndef LIVE_VFIO_USER_H
#define LIVE_VFIO_USER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "live.h"

#define VFIO_USER_MAX_MSG     (1U << 20) /* header and body a client may send */
#define VFIO_USER_MAX_DATA    (64U << 10) /* bytes one region access may carry */
#define VFIO_USER_MAX_REPLY   (VFIO_USER_MAX_DATA + 64)
#define VFIO_USER_MAX_FDS     16
#define VFIO_USER_MAX_VECTORS 32
#define VFIO_USER_NR_REGIONS  9 /* BARs 0-5, ROM, config space, VGA */
#define VFIO_USER_CONFIG      7 /* region index of the configuration space */

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DMA_READ = 11,
	VFIO_USER_DMA_WRITE = 12,
	VFIO_USER_DEVICE_RESET = 13,
};

#define VFIO_USER_TYPE	   0xfU /* 0 command, 1 reply */
#define VFIO_USER_REPLY	   0x1U
#define VFIO_USER_NO_REPLY 0x10U
#define VFIO_USER_ERROR	   0x20U

/** struct vfio_user_header - begins every message; @size counts it too. */
struct vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

/**
 * struct vfio_user_dma - a range of guest-physical addresses the client offers
 * @iova: guest-physical address
 * @size: bytes
 * @offset: where it begins in the descriptor's file
 * @writable: the device may write
 */
struct vfio_user_dma {
	uint64_t iova;
	uint64_t size;
	uint64_t offset;
	bool writable;
};

/**
 * struct vfio_user_ops - what a device does about messages; a negative errno becomes an error reply
 * @region_read: fill @len bytes; the range lies inside the region
 * @region_write: take @len bytes; the range lies inside the region
 * @dma_map: memory appears; @fd is lent for the call, -1: memory without a file
 * @dma_unmap: exactly a former mapping (or, with @all, every one) goes: no access after return
 * @reset: the client resets the device
 * @disconnect: the client is gone; its memory must not be used after return
 *
 * All run in the device's own thread, one at a time.
 */
struct vfio_user_ops {
	int (*region_read)(void *opaque, unsigned int region, uint64_t offset, void *buf,
			   size_t len);
	int (*region_write)(void *opaque, unsigned int region, uint64_t offset, const void *buf,
			    size_t len);
	int (*dma_map)(void *opaque, const struct vfio_user_dma *dma, int fd);
	int (*dma_unmap)(void *opaque, uint64_t iova, uint64_t size, bool all);
	void (*reset)(void *opaque);
	void (*disconnect)(void *opaque);
};

/**
 * struct vfio_user_dev - one device
 * @ops, @opaque: set by the owner before first use
 * @region_size: set by the owner; 0: no such region
 * @nr_vectors: MSI-X vectors, at most VFIO_USER_MAX_VECTORS; set by the owner
 * @negotiated: the client has introduced itself
 * @irq_lock: protects @irq_fd, which other threads fire
 * @irq_fd: eventfd of each vector, -1: none
 */
struct vfio_user_dev {
	const struct vfio_user_ops *ops;
	void *opaque;
	uint64_t region_size[VFIO_USER_NR_REGIONS];
	unsigned int nr_vectors;
	bool negotiated;
	pthread_mutex_t irq_lock;
	int irq_fd[VFIO_USER_MAX_VECTORS];
};

/**
 * vfio_user_dev_init() - make a device; the owner then sets what struct vfio_user_dev says
 * @dev: zeroed by this
 * @ops: operations
 * @opaque: their first argument
 */
void vfio_user_dev_init(struct vfio_user_dev *dev, const struct vfio_user_ops *ops, void *opaque);

/** vfio_user_dev_destroy() - close the eventfds; no thread may use @dev any more. */
void vfio_user_dev_destroy(struct vfio_user_dev *dev);

/** vfio_user_dev_disconnect() - the client is gone: eventfds closed, ops->disconnect called. */
void vfio_user_dev_disconnect(struct vfio_user_dev *dev);

/**
 * vfio_user_dev_handle() - do what one message asks
 * @dev: device
 * @msg: the message as it was received, any contents and alignment
 * @len: its bytes
 * @fds: descriptors that came with it; all are consumed
 * @nr_fds: how many
 * @reply: at least VFIO_USER_MAX_REPLY bytes
 *
 * Return: bytes of the reply; 0: none is due; -EPROTO: not a message, give the client up.
 */
int vfio_user_dev_handle(struct vfio_user_dev *dev, const void *msg, size_t len, const int *fds,
			 unsigned int nr_fds, void *reply);

/**
 * vfio_user_dev_interrupt() - raise an MSI-X vector
 * @dev: device
 * @vector: number
 *
 * Context: any thread, never blocks. A vector the guest has not enabled is dropped, as PCI says
 * for a function with MSI-X off.
 */
void vfio_user_dev_interrupt(struct vfio_user_dev *dev, unsigned int vector);

#endif
