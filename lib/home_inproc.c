// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid over the in-process home: the same commands without a kernel in between. */
#include <errno.h>
#include <string.h>

#include "inproc/inproc.h"
#include "lib/lib.h"

static int inproc_open(struct ioasid *ctx, const char *name)
{
	struct inproc_ctx *c;
	int rc;

	/* "inproc" or "inproc:NAME" */
	rc = inproc_ctx_open(name[6] ? name + 7 : NULL, &c);
	if (rc)
		return rc;
	ctx->priv = c;
	ctx->fd = inproc_ctx_fd(c);
	return 0;
}

static void inproc_close(struct ioasid *ctx)
{
	inproc_ctx_close(ctx->priv);
}

static struct ioasid_arg argument(void *arg, bool direct)
{
	return (struct ioasid_arg){
		.uaddr = direct ? 0 : (uintptr_t)arg,
		.direct = direct ? arg : NULL,
	};
}

/* An ioctl's number is 32 bits wide; what a caller puts above is not looked at in either home. */
static int inproc_command(struct ioasid *ctx, unsigned long cmd, void *arg, bool direct)
{
	const struct ioasid_arg a = argument(arg, direct);

	return ioasid_ctx_command(inproc_ctx_core(ctx->priv), (unsigned int)cmd, &a);
}

static int inproc_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	return inproc_fault_read(ctx->priv, records, n);
}

static int inproc_close_fault(struct ioasid *ctx)
{
	int rc = inproc_fault_close(ctx->priv);

	ctx->fault_fd = -1;
	return rc;
}

static int inproc_open_dev(struct ioasid *ctx, const char *name, struct ioasid_dev *dev)
{
	struct inproc_dev *d;
	int rc = inproc_dev_open(ctx->priv, name, &d);

	if (rc)
		return rc;
	dev->priv = d;
	return 0;
}

static void inproc_close_dev(struct ioasid_dev *dev)
{
	inproc_dev_close(dev->priv);
}

static int inproc_dev_command(struct ioasid_dev *dev, unsigned long cmd, void *arg, bool direct)
{
	const struct ioasid_arg a = argument(arg, direct);

	return ioasid_devfile_command(inproc_dev_core(dev->priv), (unsigned int)cmd, &a);
}

const struct lib_home lib_home_inproc = {
	.open = inproc_open,
	.close = inproc_close,
	.command = inproc_command,
	.fault_read = inproc_read,
	.fault_close = inproc_close_fault,
	.dev_open = inproc_open_dev,
	.dev_close = inproc_close_dev,
	.dev_command = inproc_dev_command,
};
