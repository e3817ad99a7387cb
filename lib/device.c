// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: devices as their user sees them. */
#include <errno.h>

#include "os/os.h"
#include "lib/lib.h"

int ioasid_dev_open(struct ioasid *ctx, const char *name, struct ioasid_dev **dev)
{
	struct ioasid_dev *d;
	int rc = lib_gate_enter(&ctx->gate);

	if (rc)
		return rc;
	rc = -ENOMEM;
	d = os_zalloc(sizeof(*d));
	if (!d || lib_gate_init(&d->gate))
		goto free;
	d->home = ctx->home;
	d->fd = -1;
	rc = name ? d->home->dev_open(ctx, name, d) : -ENOENT;
	if (rc)
		goto destroy_gate;
	*dev = d;
	lib_gate_exit(&ctx->gate);
	return 0;
destroy_gate:
	lib_gate_destroy(&d->gate);
free:
	os_free(d);
	lib_gate_exit(&ctx->gate);
	return rc;
}

void ioasid_dev_close(struct ioasid_dev *dev)
{
	if (!dev)
		return;
	lib_gate_close(&dev->gate);
	dev->home->dev_close(dev);
	lib_gate_destroy(&dev->gate);
	os_free(dev);
}

static int dev_command(struct ioasid_dev *dev, unsigned long cmd, void *arg, bool direct)
{
	int rc = lib_gate_enter(&dev->gate);

	if (rc)
		return rc;
	rc = dev->home->dev_command(dev, cmd, arg, direct);
	lib_gate_exit(&dev->gate);
	return rc;
}

int lib_dev_call(struct ioasid_dev *dev, unsigned long cmd, void *arg)
{
	return dev_command(dev, cmd, arg, true);
}

int ioasid_dev_command(struct ioasid_dev *dev, unsigned long cmd, void *arg)
{
	return dev_command(dev, cmd, arg, false);
}

int ioasid_dev_fd(struct ioasid_dev *dev)
{
	return dev->fd < 0 ? -EOPNOTSUPP : dev->fd;
}

int ioasid_dev_get_info(struct ioasid_dev *dev, struct ioasid_device_info *info)
{
	struct ioasid_device_info args = {
		.argsz = sizeof(args),
		.ranges = info->ranges,
		.nr_ranges = info->nr_ranges,
	};
	int rc = lib_dev_call(dev, IOASID_DEV_GET_INFO, &args);

	if (!rc)
		*info = args;
	return rc;
}

int ioasid_dev_bind(struct ioasid_dev *dev, struct ioasid *ctx, uint64_t cookie)
{
	struct ioasid_dev_bind args = { .argsz = sizeof(args), .cookie = cookie };
	int rc;

	/* Numbers of the one home mean something else, or nothing, in the other. */
	if (dev->home != ctx->home)
		return -EINVAL;
	rc = lib_gate_enter(&ctx->gate);
	if (rc)
		return rc;
	args.ioasid_fd = ctx->fd;
	rc = lib_dev_call(dev, IOASID_DEV_BIND_IOASID_FD, &args);
	lib_gate_exit(&ctx->gate);
	return rc;
}

static int dev_attach(struct ioasid_dev *dev, unsigned long cmd, uint32_t ioasid, uint32_t vpasid,
		      uint32_t flags)
{
	struct ioasid_dev_attach args = {
		.argsz = sizeof(args),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
	};

	return lib_dev_call(dev, cmd, &args);
}

int ioasid_dev_attach(struct ioasid_dev *dev, uint32_t ioasid, uint32_t flags)
{
	if (flags & (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID))
		return -EINVAL;
	return dev_attach(dev, IOASID_DEV_ATTACH_IOASID, ioasid, 0, flags);
}

int ioasid_dev_attach_pasid(struct ioasid_dev *dev, uint32_t ioasid, uint32_t vpasid,
			    uint32_t flags)
{
	flags |= IOASID_ATTACH_PASID;
	if (vpasid)
		flags |= IOASID_ATTACH_VPASID;
	return dev_attach(dev, IOASID_DEV_ATTACH_IOASID, ioasid, vpasid, flags);
}

int ioasid_dev_detach(struct ioasid_dev *dev, uint32_t ioasid)
{
	return dev_attach(dev, IOASID_DEV_DETACH_IOASID, ioasid, 0, 0);
}

int ioasid_dev_detach_pasid(struct ioasid_dev *dev, uint32_t ioasid)
{
	return dev_attach(dev, IOASID_DEV_DETACH_IOASID, ioasid, 0, IOASID_ATTACH_PASID);
}

int ioasid_dev_reset(struct ioasid_dev *dev)
{
	struct ioasid_dev_reset args = { .argsz = sizeof(args) };

	return lib_dev_call(dev, IOASID_DEV_RESET, &args);
}

int ioasid_dev_set_eventfd(struct ioasid_dev *dev, unsigned int index, int fd)
{
	struct ioasid_dev_eventfd args = { .argsz = sizeof(args), .index = index, .fd = fd };

	return lib_dev_call(dev, IOASID_DEV_SET_EVENTFD, &args);
}
