// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: opening, closing and commanding a context. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "lib/lib.h"

/* Which home a name means. Anything that is not in-process is a device node. */
static const struct lib_home *home_of(const char *name)
{
	if (!strcmp(name, "inproc") || !strncmp(name, "inproc:", 7))
		return &lib_home_inproc;
	return &lib_home_kernel;
}

static struct ioasid *context_alloc(const struct lib_home *home)
{
	struct ioasid *ctx = os_zalloc(sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->home = home;
	ctx->fd = -1;
	ctx->fault_fd = -1;
	if (pthread_mutex_init(&ctx->fault_lock, NULL))
		goto free;
	if (lib_gate_init(&ctx->gate))
		goto destroy_lock;
	return ctx;
destroy_lock:
	pthread_mutex_destroy(&ctx->fault_lock);
free:
	os_free(ctx);
	return NULL;
}

static void context_free(struct ioasid *ctx)
{
	lib_gate_destroy(&ctx->gate);
	pthread_mutex_destroy(&ctx->fault_lock);
	free(ctx->devices);
	os_free(ctx);
}

int ioasid_open(const char *home, struct ioasid **ctx)
{
	struct ioasid *c;
	int rc;

	if (!home || !*home)
		return -ENOENT;
	c = context_alloc(home_of(home));
	if (!c)
		return -ENOMEM;
	rc = c->home->open(c, home);
	if (rc) {
		context_free(c);
		return rc;
	}
	*ctx = c;
	return 0;
}

void ioasid_close(struct ioasid *ctx)
{
	if (!ctx)
		return;
	lib_gate_close(&ctx->gate);
	if (ctx->fault_fd >= 0)
		ctx->home->fault_close(ctx);
	ctx->home->close(ctx);
	context_free(ctx);
}

int lib_call(struct ioasid *ctx, unsigned long cmd, void *arg)
{
	int rc = lib_gate_enter(&ctx->gate);

	if (rc)
		return rc;
	rc = ctx->home->command(ctx, cmd, arg, true);
	lib_gate_exit(&ctx->gate);
	return rc;
}

int ioasid_command(struct ioasid *ctx, unsigned long cmd, void *arg)
{
	struct ioasid_fault_fd fault;
	int rc = lib_gate_enter(&ctx->gate);

	if (rc)
		return rc;
	rc = ctx->home->command(ctx, cmd, arg, false);
	/* The address was good a moment ago; another thread may have unmapped it since. */
	if (!rc && cmd == IOASID_FAULT_FD &&
	    !os_copy_from_user(&fault, (uintptr_t)arg, sizeof(fault)))
		lib_fault_opened(ctx, fault.fd);
	lib_gate_exit(&ctx->gate);
	return rc;
}

int ioasid_fd(struct ioasid *ctx)
{
	return ctx->fd;
}
