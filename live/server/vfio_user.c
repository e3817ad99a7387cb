// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio_user.h"

#define VFIO_DEVICE_FLAGS_RESET (1U << 0)
#define VFIO_DEVICE_FLAGS_PCI	(1U << 1)
#define VFIO_REGION_FLAGS_RW	3U
#define VFIO_NR_IRQS		5
#define VFIO_IRQ_MSIX		2
#define VFIO_IRQ_ERR		3
#define VFIO_IRQ_EVENTFD	(1U << 0)
#define VFIO_IRQ_NORESIZE	(1U << 3)
#define VFIO_IRQ_SET_NONE	(1U << 0)
#define VFIO_IRQ_SET_EVENTFD	(1U << 2)
#define VFIO_IRQ_SET_TRIGGER	(1U << 5)
#define VFIO_DMA_READ		(1U << 0)
#define VFIO_DMA_WRITE		(1U << 1)
#define VFIO_DMA_UNMAP_ALL	(1U << 1)

struct vfio_user_version {
	uint16_t major, minor;
};

struct vfio_user_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

struct vfio_user_dma_unmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

struct vfio_user_info {
	uint32_t argsz, flags, nr_regions, nr_irqs;
};

struct vfio_user_region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

struct vfio_user_irq_info {
	uint32_t argsz, flags, index, count;
};

struct vfio_user_irq_set {
	uint32_t argsz, flags, index, start, count;
};

struct vfio_user_access {
	uint64_t offset;
	uint32_t region, count;
};

/*
 * A message while it is handled. @fds entries become -1 when somebody keeps them; the rest is
 * closed at the end whatever happens.
 */
struct vfio_user_msg {
	const uint8_t *body;
	size_t len;
	int fds[VFIO_USER_MAX_FDS];
	unsigned int nr_fds;
	uint8_t *reply; /* body of the reply */
	size_t reply_len;
};

/* Copy a request's fixed part, so that what was checked is what is used. */
static int vfio_user_take(const struct vfio_user_msg *msg, void *fixed, size_t size)
{
	if (msg->len < size)
		return -EINVAL;
	memcpy(fixed, msg->body, size);
	return 0;
}

static void vfio_user_give(struct vfio_user_msg *msg, const void *data, size_t size)
{
	memcpy(msg->reply + msg->reply_len, data, size);
	msg->reply_len += size;
}

static int vfio_user_version(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_version version;
	char caps[160];
	int n;

	if (vfio_user_take(msg, &version, sizeof(version)))
		return -EINVAL;
	if (version.major != 0)
		return -EPROTONOSUPPORT;
	/* The client's capabilities only widen what a server may send; we need none of them. */
	version.minor = 0;
	n = snprintf(caps, sizeof(caps),
		     "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,"
		     "\"pgsizes\":4096,\"max_dma_maps\":1024}}",
		     VFIO_USER_MAX_FDS, VFIO_USER_MAX_DATA);
	vfio_user_give(msg, &version, sizeof(version));
	vfio_user_give(msg, caps, n + 1);
	dev->negotiated = true;
	return 0;
}

static int vfio_user_map(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_dma_map map;
	struct vfio_user_dma dma;

	if (vfio_user_take(msg, &map, sizeof(map)) || msg->nr_fds > 1)
		return -EINVAL;
	if (map.flags & ~(VFIO_DMA_READ | VFIO_DMA_WRITE) || !map.size)
		return -EINVAL;
	if (map.iova + (map.size - 1) < map.iova || map.offset + (map.size - 1) < map.offset)
		return -EINVAL;
	dma.iova = map.iova;
	dma.size = map.size;
	dma.offset = map.offset;
	dma.writable = map.flags & VFIO_DMA_WRITE;
	return dev->ops->dma_map(dev->opaque, &dma, msg->nr_fds ? msg->fds[0] : -1);
}

static int vfio_user_unmap(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_dma_unmap unmap;
	bool all;
	int rc;

	if (vfio_user_take(msg, &unmap, sizeof(unmap)) || unmap.flags & ~VFIO_DMA_UNMAP_ALL)
		return -EINVAL;
	all = unmap.flags & VFIO_DMA_UNMAP_ALL;
	if (!all && (!unmap.size || unmap.iova + (unmap.size - 1) < unmap.iova))
		return -EINVAL;
	rc = dev->ops->dma_unmap(dev->opaque, unmap.iova, unmap.size, all);
	if (!rc)
		vfio_user_give(msg, &unmap, sizeof(unmap));
	return rc;
}

static int vfio_user_info(struct vfio_user_dev *dev live_unused, struct vfio_user_msg *msg)
{
	struct vfio_user_info info;

	if (vfio_user_take(msg, &info, sizeof(info)))
		return -EINVAL;
	info.argsz = sizeof(info);
	info.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
	info.nr_regions = VFIO_USER_NR_REGIONS;
	info.nr_irqs = VFIO_NR_IRQS;
	vfio_user_give(msg, &info, sizeof(info));
	return 0;
}

static int vfio_user_region_info(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_region_info info;

	if (vfio_user_take(msg, &info, sizeof(info)) || info.index >= VFIO_USER_NR_REGIONS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.size = dev->region_size[info.index];
	info.flags = info.size ? VFIO_REGION_FLAGS_RW : 0;
	info.cap_offset = 0;
	info.offset = 0;
	vfio_user_give(msg, &info, sizeof(info));
	return 0;
}

static int vfio_user_irq_info(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_irq_info info;

	if (vfio_user_take(msg, &info, sizeof(info)) || info.index >= VFIO_NR_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	/* There is an error interrupt, since clients expect one; we never raise it. */
	info.count = info.index == VFIO_IRQ_MSIX ? dev->nr_vectors : info.index == VFIO_IRQ_ERR;
	info.flags = info.count ? VFIO_IRQ_EVENTFD | VFIO_IRQ_NORESIZE : 0;
	vfio_user_give(msg, &info, sizeof(info));
	return 0;
}

/* Caller holds irq_lock. */
static void vfio_user_irq_set_locked(struct vfio_user_dev *dev, unsigned int vector, int fd)
{
	if (dev->irq_fd[vector] >= 0)
		close(dev->irq_fd[vector]);
	dev->irq_fd[vector] = fd;
}

static void vfio_user_irq_clear(struct vfio_user_dev *dev)
{
	unsigned int i;

	pthread_mutex_lock(&dev->irq_lock);
	for (i = 0; i < VFIO_USER_MAX_VECTORS; i++)
		vfio_user_irq_set_locked(dev, i, -1);
	pthread_mutex_unlock(&dev->irq_lock);
}

/*
 * Only an eventfd that cannot block is written to from our threads: a pipe, a full counter or a
 * file on the client's own file system would let the client stop them.
 */
static int vfio_user_irq_check(int fd)
{
	static const char eventfd[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(eventfd)] = { 0 };
	int flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0 || strcmp(target, eventfd))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -EINVAL;
	return 0;
}

static int vfio_user_set_irqs(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_irq_set set;
	unsigned int i;

	if (vfio_user_take(msg, &set, sizeof(set)) || set.index >= VFIO_NR_IRQS)
		return -EINVAL;
	if (set.index == VFIO_IRQ_ERR)
		return set.start || set.count > 1 ? -EINVAL : 0;
	if (set.index != VFIO_IRQ_MSIX)
		return set.count ? -EINVAL : 0;
	if (set.start > dev->nr_vectors || set.count > dev->nr_vectors - set.start)
		return -EINVAL;
	if (set.flags == (VFIO_IRQ_SET_TRIGGER | VFIO_IRQ_SET_NONE)) {
		if (!set.count)
			vfio_user_irq_clear(dev);
		for (i = 0; i < set.count; i++)
			vfio_user_dev_interrupt(dev, set.start + i);
		return 0;
	}
	/* Masking is the vector table's business, which the client keeps. */
	if (set.flags != (VFIO_IRQ_SET_TRIGGER | VFIO_IRQ_SET_EVENTFD))
		return -EINVAL;
	/* Without descriptors the vectors lose theirs. */
	if (msg->nr_fds && msg->nr_fds != set.count)
		return -EINVAL;
	for (i = 0; i < msg->nr_fds; i++)
		if (vfio_user_irq_check(msg->fds[i]))
			return -EINVAL;
	pthread_mutex_lock(&dev->irq_lock);
	for (i = 0; i < set.count; i++) {
		vfio_user_irq_set_locked(dev, set.start + i, msg->nr_fds ? msg->fds[i] : -1);
		if (msg->nr_fds)
			msg->fds[i] = -1;
	}
	pthread_mutex_unlock(&dev->irq_lock);
	return 0;
}

static int vfio_user_access(const struct vfio_user_dev *dev, const struct vfio_user_msg *msg,
			    struct vfio_user_access *access)
{
	uint64_t size;

	if (vfio_user_take(msg, access, sizeof(*access)))
		return -EINVAL;
	if (access->region >= VFIO_USER_NR_REGIONS || access->count > VFIO_USER_MAX_DATA)
		return -EINVAL;
	size = dev->region_size[access->region];
	if (access->offset > size || access->count > size - access->offset)
		return -EINVAL;
	return 0;
}

static int vfio_user_region_read(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_access access;
	int rc;

	rc = vfio_user_access(dev, msg, &access);
	if (rc)
		return rc;
	vfio_user_give(msg, &access, sizeof(access));
	rc = dev->ops->region_read(dev->opaque, access.region, access.offset,
				   msg->reply + msg->reply_len, access.count);
	if (!rc)
		msg->reply_len += access.count;
	return rc;
}

static int vfio_user_region_write(struct vfio_user_dev *dev, struct vfio_user_msg *msg)
{
	struct vfio_user_access access;
	int rc;

	rc = vfio_user_access(dev, msg, &access);
	if (rc)
		return rc;
	if (msg->len - sizeof(access) != access.count)
		return -EINVAL;
	rc = dev->ops->region_write(dev->opaque, access.region, access.offset,
				    msg->body + sizeof(access), access.count);
	if (!rc)
		vfio_user_give(msg, &access, sizeof(access));
	return rc;
}

static int vfio_user_reset(struct vfio_user_dev *dev, struct vfio_user_msg *msg live_unused)
{
	dev->ops->reset(dev->opaque);
	return 0;
}

static int (*const vfio_user_commands[])(struct vfio_user_dev *dev, struct vfio_user_msg *msg) = {
	[VFIO_USER_VERSION] = vfio_user_version,
	[VFIO_USER_DMA_MAP] = vfio_user_map,
	[VFIO_USER_DMA_UNMAP] = vfio_user_unmap,
	[VFIO_USER_DEVICE_GET_INFO] = vfio_user_info,
	[VFIO_USER_DEVICE_GET_REGION_INFO] = vfio_user_region_info,
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = vfio_user_irq_info,
	[VFIO_USER_DEVICE_SET_IRQS] = vfio_user_set_irqs,
	[VFIO_USER_REGION_READ] = vfio_user_region_read,
	[VFIO_USER_REGION_WRITE] = vfio_user_region_write,
	[VFIO_USER_DEVICE_RESET] = vfio_user_reset,
};

static int vfio_user_dispatch(struct vfio_user_dev *dev, unsigned int command,
			      struct vfio_user_msg *msg)
{
	if (!dev->negotiated && command != VFIO_USER_VERSION)
		return -EPROTO;
	if (command >= sizeof(vfio_user_commands) / sizeof(vfio_user_commands[0]) ||
	    !vfio_user_commands[command])
		return -ENOTSUP;
	return vfio_user_commands[command](dev, msg);
}

/* The reply's header; an error takes the body with it. */
static int vfio_user_finish(const struct vfio_user_header *request, struct vfio_user_msg *msg,
			    int rc, void *reply)
{
	struct vfio_user_header header = { .id = request->id, .command = request->command };

	if (request->flags & VFIO_USER_NO_REPLY)
		return 0;
	header.flags = VFIO_USER_REPLY;
	if (rc) {
		header.flags |= VFIO_USER_ERROR;
		header.error = -rc;
		msg->reply_len = 0;
	}
	header.size = sizeof(header) + msg->reply_len;
	memcpy(reply, &header, sizeof(header));
	return header.size;
}

int vfio_user_dev_handle(struct vfio_user_dev *dev, const void *msg, size_t len, const int *fds,
			 unsigned int nr_fds, void *reply)
{
	struct vfio_user_header header = { 0 };
	struct vfio_user_msg m = { 0 };
	unsigned int i;
	int rc = -EPROTO;

	for (i = 0; i < nr_fds; i++) {
		if (i < VFIO_USER_MAX_FDS)
			m.fds[m.nr_fds++] = fds[i];
		else
			close(fds[i]);
	}
	if (len >= sizeof(header))
		memcpy(&header, msg, sizeof(header));
	if (header.size == len && len >= sizeof(header) && len <= VFIO_USER_MAX_MSG) {
		m.body = (const uint8_t *)msg + sizeof(header);
		m.len = len - sizeof(header);
		m.reply = (uint8_t *)reply + sizeof(header);
		/* Replies answer our DMA_WRITEs, which nobody waits for. */
		rc = 0;
		if ((header.flags & VFIO_USER_TYPE) == 0) {
			rc = vfio_user_dispatch(dev, header.command, &m);
			rc = vfio_user_finish(&header, &m, rc, reply);
		}
	}
	for (i = 0; i < m.nr_fds; i++)
		if (m.fds[i] >= 0)
			close(m.fds[i]);
	return rc;
}

void vfio_user_dev_interrupt(struct vfio_user_dev *dev, unsigned int vector)
{
	uint64_t one = 1;
	ssize_t n = 0;

	if (vector >= VFIO_USER_MAX_VECTORS)
		return;
	pthread_mutex_lock(&dev->irq_lock);
	/* A counter the client filled up keeps the interrupt pending anyway. */
	if (dev->irq_fd[vector] >= 0)
		n = write(dev->irq_fd[vector], &one, sizeof(one));
	(void)n;
	pthread_mutex_unlock(&dev->irq_lock);
}

void vfio_user_dev_init(struct vfio_user_dev *dev, const struct vfio_user_ops *ops, void *opaque)
{
	unsigned int i;

	memset(dev, 0, sizeof(*dev));
	dev->ops = ops;
	dev->opaque = opaque;
	pthread_mutex_init(&dev->irq_lock, NULL);
	for (i = 0; i < VFIO_USER_MAX_VECTORS; i++)
		dev->irq_fd[i] = -1;
}

void vfio_user_dev_disconnect(struct vfio_user_dev *dev)
{
	dev->negotiated = false;
	vfio_user_irq_clear(dev);
	dev->ops->disconnect(dev->opaque);
}

void vfio_user_dev_destroy(struct vfio_user_dev *dev)
{
	vfio_user_irq_clear(dev);
	pthread_mutex_destroy(&dev->irq_lock);
}
