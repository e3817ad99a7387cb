// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Contexts and device descriptors of in-process hosts, as the library opens and closes them. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "inproc/ctx.h"
#include "inproc/private.h"

/* Numbers that stand for contexts: far beyond what any process has as file descriptors. */
#define CTX_FD_BASE 0x40000000
#define CTX_FD_LAST 0x7ffffffe

static pthread_mutex_t ctxs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_head ctxs = { &ctxs, &ctxs };
static int next_fd = CTX_FD_BASE;

static struct inproc_ctx *find_fd(int fd)
{
	struct inproc_ctx *ctx;

	list_for_each_entry(ctx, &ctxs, link) {
		if (ctx->fd == fd)
			return ctx;
	}
	return NULL;
}

/* It has its numbers and its place in the list, which is by number, before it is open. */
static void publish(struct inproc_ctx *ctx)
{
	pthread_mutex_lock(&ctxs_lock);
	ctx->id = ++ctx->host->next_ctx;
	do {
		ctx->fd = next_fd;
		next_fd = next_fd == CTX_FD_LAST ? CTX_FD_BASE : next_fd + 1;
	} while (find_fd(ctx->fd));
	list_add_tail(&ctx->link, &ctxs);
	pthread_mutex_unlock(&ctxs_lock);
}

static void unpublish(struct inproc_ctx *ctx)
{
	pthread_mutex_lock(&ctxs_lock);
	list_del(&ctx->link);
	pthread_mutex_unlock(&ctxs_lock);
}

struct ioasid_ctx *ctx_get_by_fd(int fd)
{
	struct ioasid_ctx *core = NULL;
	struct inproc_ctx *ctx;

	pthread_mutex_lock(&ctxs_lock);
	ctx = find_fd(fd);
	if (ctx)
		core = ctx->core;
	if (core)
		ioasid_ctx_get(core);
	pthread_mutex_unlock(&ctxs_lock);
	return core;
}

struct ioasid_ctx *ctx_next(struct ioasid_host *host, u64 *id)
{
	struct ioasid_ctx *core = NULL;
	struct inproc_ctx *ctx;

	pthread_mutex_lock(&ctxs_lock);
	list_for_each_entry(ctx, &ctxs, link) {
		if (ctx->host != host || ctx->id < *id || !ctx->core)
			continue;
		core = ctx->core;
		*id = ctx->id;
		ioasid_ctx_get(core);
		break;
	}
	pthread_mutex_unlock(&ctxs_lock);
	return core;
}

static struct ioasid_ctx *open_core(struct inproc_ctx *ctx)
{
	struct ioasid_ctx_config config = { .id = ctx->id, .pid = (u32)getpid() };

	snprintf(config.comm, sizeof(config.comm), "%s", program_invocation_short_name);
	return ioasid_ctx_open(&ctx->host->machine, &config, ctx);
}

int inproc_ctx_open(const char *name, struct inproc_ctx **out)
{
	struct ioasid_ctx *core;
	struct inproc_ctx *ctx;
	struct ioasid_host *host;
	int rc = host_find(name ? name : "", &host);

	if (rc)
		return rc;
	ctx = os_zalloc(sizeof(*ctx));
	if (!ctx) {
		ioasid_host_put(host);
		return -ENOMEM;
	}
	ctx->host = host;
	ctx->notify_fd = -1;
	ctx->user_fd = -1;
	mutex_init(&ctx->lock);
	publish(ctx);
	core = open_core(ctx);
	if (IS_ERR(core)) {
		rc = (int)PTR_ERR(core);
		unpublish(ctx);
		mutex_destroy(&ctx->lock);
		os_free(ctx);
		ioasid_host_put(host);
		return rc;
	}
	pthread_mutex_lock(&ctxs_lock);
	ctx->core = core;
	pthread_mutex_unlock(&ctxs_lock);
	*out = ctx;
	return 0;
}

void inproc_ctx_close(struct inproc_ctx *ctx)
{
	struct ioasid_host *host = ctx->host;

	unpublish(ctx);
	inproc_fault_close(ctx);
	ioasid_ctx_close(ctx->core);
	mutex_destroy(&ctx->lock);
	os_free(ctx);
	ioasid_host_put(host);
}

struct ioasid_ctx *inproc_ctx_core(const struct inproc_ctx *ctx)
{
	return ctx->core;
}

int inproc_ctx_fd(const struct inproc_ctx *ctx)
{
	return ctx->fd;
}

/* ---- fault descriptor ------------------------------------------------------------------------ */

/*
 * An eventfd that is readable while records wait. The user gets one descriptor and we keep another
 * to the same object, since the user may close his without telling us and the number may by then
 * name another file.
 */
int ctx_fault_fd(struct ioasid_ctx *core)
{
	struct inproc_ctx *ctx = ioasid_ctx_priv(core);
	int rc = 0;

	mutex_lock(&ctx->lock);
	/* Records may have come between the queue's opening and now. */
	ctx->notify_fd = eventfd(ctx->readable, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctx->notify_fd < 0) {
		rc = -errno;
	} else {
		ctx->user_fd = dup(ctx->notify_fd);
		if (ctx->user_fd < 0)
			rc = -errno;
	}
	if (rc) {
		if (ctx->notify_fd >= 0)
			close(ctx->notify_fd);
		ctx->notify_fd = -1;
		ctx->readable = false;
	}
	mutex_unlock(&ctx->lock);
	return rc ? rc : ctx->user_fd;
}

void ctx_fault_notify(struct ioasid_ctx *core, bool readable)
{
	struct inproc_ctx *ctx = ioasid_ctx_priv(core);
	eventfd_t value;

	mutex_lock(&ctx->lock);
	if (ctx->notify_fd >= 0 && readable && !ctx->readable)
		(void)eventfd_write(ctx->notify_fd, 1);
	if (ctx->notify_fd >= 0 && !readable)
		(void)eventfd_read(ctx->notify_fd, &value);
	ctx->readable = readable;
	mutex_unlock(&ctx->lock);
}

int inproc_fault_read(struct inproc_ctx *ctx, struct ioasid_fault *records, unsigned int n)
{
	int rc = ioasid_fault_take(ctx->core, records, n);

	return rc ? rc : -EAGAIN;
}

int inproc_fault_close(struct inproc_ctx *ctx)
{
	int user_fd;

	mutex_lock(&ctx->lock);
	user_fd = ctx->user_fd;
	mutex_unlock(&ctx->lock);
	if (user_fd < 0)
		return -ENOENT;
	/* Outside our lock: it answers page requests, which may go anywhere. */
	ioasid_fault_release(ctx->core);
	mutex_lock(&ctx->lock);
	close(ctx->notify_fd);
	close(ctx->user_fd);
	ctx->notify_fd = -1;
	ctx->user_fd = -1;
	ctx->readable = false;
	mutex_unlock(&ctx->lock);
	return 0;
}

/* ---- device descriptors ------------------------------------------------------------------------ */

struct inproc_dev {
	struct ioasid_devfile *file;
	struct ioasid_host *host;
};

static struct ioasid_hostdev *find_device(struct ioasid_host *host, const char *name)
{
	struct ioasid_hostdev *dev;

	list_for_each_entry(dev, &host->devices, link) {
		if (!strcmp(dev->name, name))
			return dev;
	}
	return NULL;
}

int inproc_dev_open(struct inproc_ctx *ctx, const char *name, struct inproc_dev **out)
{
	struct ioasid_host *host = ctx->host;
	struct inproc_dev *d = os_zalloc(sizeof(*d));
	struct ioasid_hostdev *dev;
	int rc = 0;

	if (!d)
		return -ENOMEM;
	/* A device leaves the list before it is unregistered: what is found here can be opened. */
	mutex_lock(&host->names_lock);
	dev = find_device(host, name);
	if (dev)
		d->file = ioasid_devfile_open(dev->core);
	mutex_unlock(&host->names_lock);
	if (!dev)
		rc = -ENOENT;
	else if (IS_ERR(d->file))
		rc = (int)PTR_ERR(d->file);
	if (rc) {
		os_free(d);
		return rc;
	}
	host_get(host);
	d->host = host;
	*out = d;
	return 0;
}

void inproc_dev_close(struct inproc_dev *dev)
{
	ioasid_devfile_close(dev->file);
	ioasid_host_put(dev->host);
	os_free(dev);
}

struct ioasid_devfile *inproc_dev_core(const struct inproc_dev *dev)
{
	return dev->file;
}
