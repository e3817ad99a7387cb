// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio_user_server.h"

/* A client that takes no data for so long is broken. */
#define VFIO_USER_SEND_LIMIT_S 5

struct vfio_user_dma_write {
	struct vfio_user_header header;
	uint64_t addr, count;
	uint8_t data[16];
};

static int vfio_user_send_locked(struct vfio_user_server *srv, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	ssize_t n;

	while (len) {
		n = send(srv->conn_fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENOTCONN;
		p += n;
		len -= n;
	}
	return 0;
}

static int vfio_user_send(struct vfio_user_server *srv, const void *buf, size_t len)
{
	int rc = -ENOTCONN;

	pthread_mutex_lock(&srv->send_lock);
	if (srv->conn_fd >= 0)
		rc = vfio_user_send_locked(srv, buf, len);
	/* Half a message went out: nothing sensible can follow it. */
	if (rc && srv->conn_fd >= 0)
		shutdown(srv->conn_fd, SHUT_RDWR);
	pthread_mutex_unlock(&srv->send_lock);
	return rc;
}

int vfio_user_server_dma_write(struct vfio_user_server *srv, uint64_t addr, const void *data,
			       size_t len)
{
	struct vfio_user_dma_write msg = { .header.command = VFIO_USER_DMA_WRITE };
	size_t size = offsetof(struct vfio_user_dma_write, data) + len;

	if (len > sizeof(msg.data))
		return -EINVAL;
	msg.header.size = size;
	msg.header.id = __atomic_add_fetch(&srv->next_id, 1, __ATOMIC_RELAXED);
	msg.addr = addr;
	msg.count = len;
	memcpy(msg.data, data, len);
	return vfio_user_send(srv, &msg, size);
}

/* Descriptors of one recvmsg(), appended to @fds; too many is a broken client. */
static int vfio_user_collect(struct msghdr *mh, int *fds, unsigned int *nr_fds)
{
	struct cmsghdr *c;
	unsigned int i, n;
	int rc = mh->msg_flags & MSG_CTRUNC ? -EPROTO : 0;
	int fd;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*nr_fds < VFIO_USER_MAX_FDS) {
				fds[(*nr_fds)++] = fd;
			} else {
				close(fd);
				rc = -EPROTO;
			}
		}
	}
	return rc;
}

/* Wait for data, a stop or a tick. Return: 0 data; -ECANCELED stop. */
static int vfio_user_wait(struct vfio_user_server *srv, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = srv->stop_fd, .events = POLLIN } };
	int n;

	for (;;) {
		n = poll(p, 2, srv->tick ? srv->tick_ms : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && p[1].revents)
			return -ECANCELED;
		if (n > 0 && p[0].revents)
			return 0;
		if (n == 0 && srv->tick)
			srv->tick(srv->dev->opaque);
	}
}

/* Read exactly @len bytes. Return: 0; -ENOTCONN; -EPROTO; -ECANCELED. */
static int vfio_user_receive(struct vfio_user_server *srv, int fd, void *buf, size_t len, int *fds,
			     unsigned int *nr_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(VFIO_USER_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr mh;
	ssize_t n;
	int rc;

	while (iov.iov_len) {
		memset(&mh, 0, sizeof(mh));
		mh.msg_iov = &iov;
		mh.msg_iovlen = 1;
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			rc = vfio_user_wait(srv, fd);
			if (rc)
				return rc;
			continue;
		}
		if (n <= 0)
			return -ENOTCONN;
		rc = vfio_user_collect(&mh, fds, nr_fds);
		if (rc)
			return rc;
		iov.iov_base = (uint8_t *)iov.iov_base + n;
		iov.iov_len -= n;
	}
	return 0;
}

/* One message in, its effect, its reply out. */
static int vfio_user_serve_one(struct vfio_user_server *srv, int fd)
{
	struct vfio_user_header header;
	int fds[VFIO_USER_MAX_FDS];
	unsigned int nr_fds = 0, i;
	int rc;

	rc = vfio_user_receive(srv, fd, &header, sizeof(header), fds, &nr_fds);
	if (!rc && (header.size < sizeof(header) || header.size > VFIO_USER_MAX_MSG))
		rc = -EPROTO;
	if (!rc) {
		memcpy(srv->msg, &header, sizeof(header));
		rc = vfio_user_receive(srv, fd, srv->msg + sizeof(header),
				       header.size - sizeof(header), fds, &nr_fds);
	}
	if (rc) {
		for (i = 0; i < nr_fds; i++)
			close(fds[i]);
		return rc;
	}
	rc = vfio_user_dev_handle(srv->dev, srv->msg, header.size, fds, nr_fds, srv->reply);
	return rc > 0 ? vfio_user_send(srv, srv->reply, rc) : rc;
}

static void vfio_user_serve(struct vfio_user_server *srv, int fd)
{
	struct timeval limit = { .tv_sec = VFIO_USER_SEND_LIMIT_S };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	pthread_mutex_lock(&srv->send_lock);
	srv->conn_fd = fd;
	pthread_mutex_unlock(&srv->send_lock);
	atomic_fetch_add(&srv->connections, 1);

	while (!vfio_user_serve_one(srv, fd))
		;

	pthread_mutex_lock(&srv->send_lock);
	srv->conn_fd = -1;
	pthread_mutex_unlock(&srv->send_lock);
	vfio_user_dev_disconnect(srv->dev);
	close(fd);
	if (srv->gone)
		srv->gone(srv->dev->opaque);
}

static void *vfio_user_thread(void *arg)
{
	struct vfio_user_server *srv = arg;
	int fd;

	for (;;) {
		if (vfio_user_wait(srv, srv->listen_fd))
			return NULL;
		fd = accept4(srv->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			vfio_user_serve(srv, fd);
	}
}

static int vfio_user_listen(struct vfio_user_server *srv, const char *path)
{
	mode_t old;
	int fd, rc;

	if (strlen(path) >= sizeof(srv->addr.sun_path))
		return -EINVAL;
	srv->addr.sun_family = AF_UNIX;
	strcpy(srv->addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	old = umask(0177);
	rc = bind(fd, (struct sockaddr *)&srv->addr, sizeof(srv->addr)) || listen(fd, 1);
	rc = rc ? -errno : 0;
	umask(old);
	if (rc) {
		close(fd);
		return rc;
	}
	srv->listen_fd = fd;
	return 0;
}

int vfio_user_server_start(struct vfio_user_server *srv, const char *path)
{
	int rc;

	srv->conn_fd = -1;
	atomic_init(&srv->connections, 0);
	rc = vfio_user_listen(srv, path);
	if (rc)
		return rc;
	pthread_mutex_init(&srv->send_lock, NULL);
	srv->msg = malloc(VFIO_USER_MAX_MSG);
	srv->reply = malloc(VFIO_USER_MAX_REPLY);
	srv->stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = !srv->msg || !srv->reply || srv->stop_fd < 0 ? -ENOMEM : 0;
	if (!rc)
		rc = -pthread_create(&srv->thread, NULL, vfio_user_thread, srv);
	if (!rc)
		return 0;
	if (srv->stop_fd >= 0)
		close(srv->stop_fd);
	free(srv->reply);
	free(srv->msg);
	pthread_mutex_destroy(&srv->send_lock);
	close(srv->listen_fd);
	unlink(path);
	return rc;
}

void vfio_user_server_stop(struct vfio_user_server *srv)
{
	uint64_t one = 1;

	if (write(srv->stop_fd, &one, sizeof(one)) != sizeof(one))
		perror("vfio_user: stop");
	pthread_join(srv->thread, NULL);
	close(srv->stop_fd);
	close(srv->listen_fd);
	unlink(srv->addr.sun_path);
	free(srv->reply);
	free(srv->msg);
	pthread_mutex_destroy(&srv->send_lock);
}
