/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux home, between its own files.
 *
 * One struct lin_ctx stands behind each open of /dev/ioasid. Two kinds of files hold references on
 * it: the context's own, whose release ends the core's context at once, and the fault descriptor,
 * which may be closed later and finds a context that answers ENODEV.
 */
#ifndef IOASID_LINUX_H
#define IOASID_LINUX_H

#include <linux/wait.h>

#include "core/home.h"

/**
 * struct lin_ctx - one open of /dev/ioasid
 * @core: the core's context; this structure holds a reference on it as long as it exists
 * @refs: open files
 * @wait: readers and pollers of the fault descriptor
 * @readable: records wait
 * @closed: the context's own file is gone
 */
struct lin_ctx {
	struct ioasid_ctx *core;
	refcount_t refs;
	wait_queue_head_t wait;
	bool readable;
	bool closed;
};

/** lin_ctx_put() - let go; the last one frees the core's context too. */
void lin_ctx_put(struct lin_ctx *lc);

/* ---- ioasid_fault.c: struct ioasid_home_ops members ---------------------------------------- */
int lin_fault_fd(struct ioasid_ctx *ctx);
void lin_fault_notify(struct ioasid_ctx *ctx, bool readable);

/* ---- ioasid_pin.c: struct ioasid_home_ops members ------------------------------------------- */
int lin_pin(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **pin);
void lin_unpin(struct ioasid_ctx *ctx, void *pin);
u64 lin_extents(void *pin, u64 offset, u64 length, struct ioasid_extent *ext, unsigned int *n);

#endif
