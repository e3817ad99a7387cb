/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid: the allocator's driver API in a process.
 *
 * The functions are those of <linux/ioasid_alloc.h>, as ioasid.ko exports them to kernel drivers. What
 * a kernel knows by itself has to be said here: which host they are about, which process is calling
 * (tokens of sets, ioasid_get_if_owned()), which group of limits pays. All this belongs to the calling
 * thread and is "the default" until it says otherwise: the default host, one process, the root group,
 * privileged.
 */
#ifndef IOASID_ALLOCATOR_H
#define IOASID_ALLOCATOR_H

#include <linux/ioasid_alloc.h>

#include <ioasid/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- who is calling -------------------------------------------------------------------------- */

/**
 * ioasid_caller_set_host() - the host that functions of this thread work on
 * @host: kept; NULL: the default host
 *
 * The thread is in the root group of @host then, and keeps it until it ends, is told another one or
 * ioasid_caller_adopt(NULL). Return: 0; -ENOMEM.
 */
int ioasid_caller_set_host(struct ioasid_host *host);

/** ioasid_mm_create() - a process, as a token of sets. Return: one reference; NULL: no memory. */
struct mm_struct *ioasid_mm_create(void);
/** ioasid_mm_put() - drop it; sets and handlers keep their own. */
void ioasid_mm_put(struct mm_struct *mm);
/** ioasid_mm_default() - the process that threads are which said nothing. Not counted. */
struct mm_struct *ioasid_mm_default(void);
/** ioasid_caller_set_mm() - this thread is of @mm (kept); NULL: of the default one. 0 or -ENOMEM. */
int ioasid_caller_set_mm(struct mm_struct *mm);

/**
 * ioasid_caller_set_group() - numbers that this thread takes are charged to a group
 * @path: of a group of the thread's host; NULL or "/": the root
 *
 * Return: 0; -EINVAL; -ENOENT; -ENOMEM. What was charged before stays where it is. Its group can be
 * removed while the thread is in it: it goes on charging those above.
 */
int ioasid_caller_set_group(const char *path);
/** ioasid_caller_set_privileged() - as with and without CAP_SYS_RESOURCE. 0 or -ENOMEM. */
int ioasid_caller_set_privileged(bool privileged);

/** struct ioasid_caller - all of the above, to hand on to another thread. Counted. */
struct ioasid_caller;
/** ioasid_caller_get() - who the calling thread is; NULL: all default, or no memory. */
struct ioasid_caller *ioasid_caller_get(void);
/** ioasid_caller_adopt() - this thread is the same from now on; NULL: all default. */
void ioasid_caller_adopt(struct ioasid_caller *caller);
void ioasid_caller_put(struct ioasid_caller *caller);

/* ---- groups of limits ------------------------------------------------------------------------ */

/**
 * ioasid_host_group_create() - a group of limits, as mkdir in a cgroup tree
 * @path: "/a/b": at most 4095 bytes, no empty name, no "." and "..", no control characters;
 *        "/a" must be there
 *
 * It has no limit at first: ioasid_limit_set(). Return: 0; -EINVAL; -ENOENT; -EEXIST; -ENOMEM.
 */
int ioasid_host_group_create(struct ioasid_host *host, const char *path);
/**
 * ioasid_host_group_remove() - as rmdir
 *
 * What is charged to it stays charged to those above it until it is given back.
 * Return: 0; -EINVAL; -ENOENT; -EBUSY: groups below it, or the root.
 */
int ioasid_host_group_remove(struct ioasid_host *host, const char *path);

#ifdef __cplusplus
}
#endif
#endif
