// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: the fault descriptor. */
#include <errno.h>

#include "lib/lib.h"

void lib_fault_opened(struct ioasid *ctx, int fd)
{
	pthread_mutex_lock(&ctx->fault_lock);
	ctx->fault_fd = fd;
	pthread_mutex_unlock(&ctx->fault_lock);
}

int ioasid_fault_open(struct ioasid *ctx, unsigned int capacity)
{
	struct ioasid_fault_fd args = { .argsz = sizeof(args), .capacity = capacity };
	int rc = lib_gate_enter(&ctx->gate);

	if (rc)
		return rc;
	rc = ctx->home->command(ctx, IOASID_FAULT_FD, &args, true);
	if (!rc) {
		lib_fault_opened(ctx, args.fd);
		rc = args.fd;
	}
	lib_gate_exit(&ctx->gate);
	return rc;
}

/* Runs @op with the descriptor held open. */
static int with_fault_fd(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n,
			 int (*op)(struct ioasid *, struct ioasid_fault *, unsigned int))
{
	int rc = lib_gate_enter(&ctx->gate);

	if (rc)
		return rc;
	pthread_mutex_lock(&ctx->fault_lock);
	rc = ctx->fault_fd < 0 ? -ENOENT : op(ctx, records, n);
	pthread_mutex_unlock(&ctx->fault_lock);
	lib_gate_exit(&ctx->gate);
	return rc;
}

static int fault_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	return n ? ctx->home->fault_read(ctx, records, n) : 0;
}

static int fault_close(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	(void)records;
	(void)n;
	return ctx->home->fault_close(ctx);
}

int ioasid_fault_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	return with_fault_fd(ctx, records, n, fault_read);
}

int ioasid_fault_close(struct ioasid *ctx)
{
	return with_fault_fd(ctx, NULL, 0, fault_close);
}

int ioasid_page_response(struct ioasid *ctx, uint32_t id, enum ioasid_response code)
{
	struct ioasid_page_response args = {
		.argsz = sizeof(args),
		.id = id,
		.code = (uint32_t)code,
	};

	return lib_call(ctx, IOASID_PAGE_RESPONSE, &args);
}
