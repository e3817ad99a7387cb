/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A vfio-user device on a unix socket: one thread, one client at a time. A client that breaks the
 * protocol or stops reading loses its connection; the device waits for the next one.
 */
#ifndef LIVE_VFIO_USER_SERVER_H
#define LIVE_VFIO_USER_SERVER_H

#include <stdatomic.h>
#include <sys/un.h>

#include "vfio_user.h"

/**
 * struct vfio_user_server - a device and its socket
 * @dev: the device; initialized by the owner
 * @tick: called every @tick_ms in the device's thread while not NULL; the owner may set it from
 *        that thread
 * @tick_ms: milliseconds
 * @gone: the client left after having been there (for owners that end with their client)
 * @connections: clients seen so far
 *
 * The rest is private.
 */
struct vfio_user_server {
	struct vfio_user_dev *dev;
	void (*tick)(void *opaque);
	int tick_ms;
	void (*gone)(void *opaque);
	atomic_uint connections;

	pthread_t thread;
	int listen_fd, stop_fd;
	pthread_mutex_t send_lock; /* protects conn_fd and whole messages on it */
	int conn_fd;
	uint16_t next_id;
	uint8_t *msg, *reply;
	struct sockaddr_un addr;
};

/**
 * vfio_user_server_start() - listen and serve
 * @srv: @dev, @tick, @tick_ms and @gone set by the caller
 * @path: of the socket; an old one is replaced; only its owner may connect
 *
 * Return: 0; -EINVAL path too long; what socket(2), bind(2) and pthread_create(3) say.
 */
int vfio_user_server_start(struct vfio_user_server *srv, const char *path);

/** vfio_user_server_stop() - end the connection and the thread, remove the socket. */
void vfio_user_server_stop(struct vfio_user_server *srv);

/**
 * vfio_user_server_dma_write() - have the client write to guest-physical memory (an MSI)
 * @srv: server
 * @addr: guest-physical address
 * @data: bytes
 * @len: at most 16
 *
 * Does not wait for the answer. Context: any thread. Return: 0; -ENOTCONN; -EINVAL.
 */
int vfio_user_server_dma_write(struct vfio_user_server *srv, uint64_t addr, const void *data,
			       size_t len);

#endif
