/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The in-process home, as the library sees it: contexts and device descriptors of in-process
 * hosts. What emulators of devices see is <ioasid/host.h>.
 *
 * Every call here may sleep. Structures are opaque; each open has exactly one close.
 */
#ifndef INPROC_INPROC_H
#define INPROC_INPROC_H

#include "core/home.h"

struct inproc_ctx;
struct inproc_dev;

/**
 * inproc_ctx_open() - what open("/dev/ioasid") is in the kernel
 * @host: name of a host made with ioasid_host_create(); NULL or "": the process's default host,
 *        made if nobody uses it yet
 * @ctx: the context; it keeps its host alive
 *
 * Return: 0; -ENOENT no such host; -ENOMEM.
 */
int inproc_ctx_open(const char *host, struct inproc_ctx **ctx);

/**
 * inproc_ctx_close() - the descriptor was closed: everything of the context ends
 * @ctx: context; no call on it is in progress and none may follow. Device descriptors stay usable
 *       and answer -ENODEV
 *
 * A fault descriptor that is still open is closed.
 */
void inproc_ctx_close(struct inproc_ctx *ctx);

/** inproc_ctx_core() - the core's object, for ioasid_ctx_command(); valid until close. */
struct ioasid_ctx *inproc_ctx_core(const struct inproc_ctx *ctx);

/**
 * inproc_ctx_fd() - the number that stands for the context where an ioctl takes a descriptor
 *
 * Positive, the same all its life, never that of a file; the home's get_ctx() finds the context by
 * it until it is closed.
 */
int inproc_ctx_fd(const struct inproc_ctx *ctx);

/**
 * inproc_fault_read() - read(2) of the fault descriptor
 * @ctx: context
 * @records: room for @n
 * @n: at most how many
 *
 * Return: records taken (> 0); -EAGAIN none wait; -ENOENT no fault descriptor is open.
 */
int inproc_fault_read(struct inproc_ctx *ctx, struct ioasid_fault *records, unsigned int n);

/**
 * inproc_fault_close() - close(2) of the fault descriptor; the number IOASID_FAULT_FD returned is
 *                        closed by this call
 *
 * Return: 0; -ENOENT none is open.
 */
int inproc_fault_close(struct inproc_ctx *ctx);

/**
 * inproc_dev_open() - open a device of the context's host
 * @ctx: any context of that host; the device is not bound by this
 * @name: name of the device
 * @dev: its descriptor; keeps host and core object alive, not the emulated device
 *
 * Return: 0; -ENOENT no such device; -ENOMEM.
 */
int inproc_dev_open(struct inproc_ctx *ctx, const char *name, struct inproc_dev **dev);
/** inproc_dev_close() - routes end, DMA is blocked, the binding is gone. */
void inproc_dev_close(struct inproc_dev *dev);
/** inproc_dev_core() - the core's object, for ioasid_devfile_command(); valid until close. */
struct ioasid_devfile *inproc_dev_core(const struct inproc_dev *dev);

#endif
