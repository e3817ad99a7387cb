/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* In-process contexts: what home.c needs of ctx.c. */
#ifndef INPROC_CTX_H
#define INPROC_CTX_H

#include "inproc/inproc.h"

struct ioasid_host;

/**
 * struct inproc_ctx - an open context of a host
 * @id: names it on its host, to people; @core is NULL until it is open
 * @fd: the number that stands for it
 * @lock: fault descriptor; taken inside the core's queue lock
 * @notify_fd: eventfd of the fault descriptor, our own descriptor of it, or -1
 * @user_fd: the one the user was given, or -1
 * @readable: records wait
 */
struct inproc_ctx {
	struct ioasid_ctx *core;
	struct ioasid_host *host;
	u64 id;
	int fd;
	struct mutex lock;
	int notify_fd;
	int user_fd;
	bool readable;
	struct list_head link;
};

struct ioasid_ctx *ctx_get_by_fd(int fd);
/** ctx_next() - the open context with the lowest number from *@id on, referenced, or NULL. */
struct ioasid_ctx *ctx_next(struct ioasid_host *host, u64 *id);
int ctx_fault_fd(struct ioasid_ctx *core);
void ctx_fault_notify(struct ioasid_ctx *core, bool readable);

#endif
