// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid over the Linux home: descriptors and ioctl(2). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/lib.h"

static int kernel_open(struct ioasid *ctx, const char *name)
{
	int rc;

	if (asprintf(&ctx->devices, "%s-devices", name) < 0) {
		ctx->devices = NULL;
		return -ENOMEM;
	}
	ctx->fd = open(name, O_RDWR | O_CLOEXEC);
	if (ctx->fd >= 0)
		return 0;
	rc = -errno;
	return rc;
}

static void kernel_close(struct ioasid *ctx)
{
	close(ctx->fd);
}

static int kernel_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static int kernel_command(struct ioasid *ctx, unsigned long cmd, void *arg, bool direct)
{
	(void)direct;
	return kernel_ioctl(ctx->fd, cmd, arg);
}

/* The descriptor is the kernel's; whether it blocks must not depend on who opened it. */
static int kernel_fault_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	int flags = fcntl(ctx->fault_fd, F_GETFL);
	ssize_t got;

	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK) && fcntl(ctx->fault_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	if (n > INT_MAX / sizeof(*records))
		n = INT_MAX / sizeof(*records);
	got = read(ctx->fault_fd, records, n * sizeof(*records));
	return got < 0 ? -errno : (int)((size_t)got / sizeof(*records));
}

static int kernel_fault_close(struct ioasid *ctx)
{
	close(ctx->fault_fd);
	ctx->fault_fd = -1;
	return 0;
}

static int kernel_dev_open(struct ioasid *ctx, const char *name, struct ioasid_dev *dev)
{
	char *path;
	int rc = 0;

	/* A name is one component: it must not lead out of the folder. */
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -ENOENT;
	if (asprintf(&path, "%s/%s", ctx->devices, name) < 0)
		return -ENOMEM;
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		rc = -errno;
	free(path);
	return rc;
}

static void kernel_dev_close(struct ioasid_dev *dev)
{
	close(dev->fd);
}

static int kernel_dev_command(struct ioasid_dev *dev, unsigned long cmd, void *arg, bool direct)
{
	(void)direct;
	return kernel_ioctl(dev->fd, cmd, arg);
}

const struct lib_home lib_home_kernel = {
	.open = kernel_open,
	.close = kernel_close,
	.command = kernel_command,
	.fault_read = kernel_fault_read,
	.fault_close = kernel_fault_close,
	.dev_open = kernel_dev_open,
	.dev_close = kernel_dev_close,
	.dev_command = kernel_dev_command,
};
