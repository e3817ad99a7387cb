/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid: the /dev/ioasid interface for C programs, over either home.
 *
 * A context is opened by naming its home: "inproc" (this process's default host), "inproc:NAME"
 * (a host made with ioasid_host_create()) or "/dev/ioasid". After that every call means the same
 * in both homes. All calls return 0 (or a non-negative value where said) or a negative errno, with
 * the meanings of <linux/ioasid.h>; a failed call has changed nothing. All calls are thread-safe
 * and may sleep unless said otherwise. Structures passed in are only read during the call.
 */
#ifndef IOASID_IOASID_H
#define IOASID_IOASID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/ioasid.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct ioasid - one open context; owned by the caller, ended by ioasid_close(). */
struct ioasid;
/** struct ioasid_dev - one opened device; owned by the caller, ended by ioasid_dev_close(). */
struct ioasid_dev;

/* ---- context ------------------------------------------------------------------------------- */

/**
 * ioasid_open() - open a context
 * @home: "inproc", "inproc:NAME" or a device node
 * @ctx: the context on success
 *
 * Return: 0; -ENOENT no such host; -ENOMEM; what open(2) says for a node.
 */
int ioasid_open(const char *home, struct ioasid **ctx);

/**
 * ioasid_close() - end a context
 * @ctx: context; NULL is ignored
 *
 * Devices are quiesced and blocked, mappings revoked, then memory is released. Device handles
 * live on and answer -ENODEV until closed. Always succeeds.
 */
void ioasid_close(struct ioasid *ctx);

/**
 * ioasid_command() - issue a raw command of <linux/ioasid.h>
 * @ctx: context
 * @cmd: IOASID_*
 * @arg: its structure; read and written with the checks of the ABI, so any address is safe
 *
 * Return: 0 or negative errno, exactly as the ioctl.
 */
int ioasid_command(struct ioasid *ctx, unsigned long cmd, void *arg);

/** ioasid_fd() - the number BIND_IOASID_FD takes: a descriptor, or in-process its stand-in. */
int ioasid_fd(struct ioasid *ctx);

/** ioasid_check_extension() - Return: 0 not there, > 0 there, or negative errno. */
int ioasid_check_extension(struct ioasid *ctx, enum ioasid_extension ext);

/**
 * ioasid_get_info() - state of a context and the PASID width a vIOMMU may advertise
 * @ctx: context
 * @cookies: devices behind the vIOMMU, or NULL for all
 * @nr_cookies: entries in @cookies
 * @info: filled
 */
int ioasid_get_info(struct ioasid *ctx, const uint64_t *cookies, unsigned int nr_cookies,
		    struct ioasid_info *info);

/**
 * ioasid_device_get_info() - a bound device by cookie
 * @ctx: context
 * @cookie: device
 * @info: filled; its @ranges and @nr_ranges are read first and may be 0
 */
int ioasid_device_get_info(struct ioasid *ctx, uint64_t cookie, struct ioasid_device_info *info);

/** ioasid_ioas_get_info() - one address space; @info->ranges and nr_ranges are read first. */
int ioasid_ioas_get_info(struct ioasid *ctx, uint32_t ioasid, struct ioasid_ioas_info *info);

/** ioasid_query() - walk objects, see struct ioasid_query. Return: entries written. */
int ioasid_query(struct ioasid *ctx, enum ioasid_query_type type, uint32_t ioasid, uint64_t *cursor,
		 void *buffer, unsigned int room);

/* ---- address spaces -------------------------------------------------------------------------- */

/**
 * ioasid_ioas_alloc() - make an address space
 * @ctx: context
 * @args: argsz may be left 0; the rest as struct ioasid_alloc
 * @ioasid: the handle
 */
int ioasid_ioas_alloc(struct ioasid *ctx, const struct ioasid_alloc *args, uint32_t *ioasid);

/** ioasid_alloc_kernel() - a kernel-managed root, snoop AUTO. */
int ioasid_alloc_kernel(struct ioasid *ctx, uint32_t *ioasid);

/** ioasid_alloc_child() - a kernel-managed child of @parent. */
int ioasid_alloc_child(struct ioasid *ctx, uint32_t parent, uint32_t *ioasid);

/** ioasid_alloc_user_table() - a user page table nested on @parent; @table may be NULL. */
int ioasid_alloc_user_table(struct ioasid *ctx, uint32_t parent, const struct ioasid_table *table,
			    uint32_t *ioasid);

int ioasid_ioas_free(struct ioasid *ctx, uint32_t ioasid);

/**
 * ioasid_map() - make memory of this process reachable by devices
 * @ctx: context
 * @ioasid: kernel kind or accounting root
 * @iova: I/O address, page aligned
 * @vaddr: memory (roots) or parent address (children), page aligned
 * @length: bytes
 * @flags: IOASID_MAP_READ | IOASID_MAP_WRITE
 *
 * In-process the memory must stay valid until it is unmapped; in the kernel it is pinned.
 */
int ioasid_map(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t vaddr, uint64_t length,
	       uint32_t flags);

/** ioasid_map_fd() - the same from @offset in a memory file (memfd, shmem, hugetlbfs). */
int ioasid_map_fd(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, int fd, uint64_t offset,
		  uint64_t length, uint32_t flags);

/** ioasid_unmap() - @unmapped (may be NULL) gets the bytes that were mapped. */
int ioasid_unmap(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t length,
		 uint64_t *unmapped);
int ioasid_unmap_all(struct ioasid *ctx, uint32_t ioasid, uint64_t *unmapped);

/** ioasid_bind_pgtable() - set or replace the root of a user page table; NULL: none. */
int ioasid_bind_pgtable(struct ioasid *ctx, uint32_t ioasid, const struct ioasid_table *table);
int ioasid_set_pasid_table(struct ioasid *ctx, uint32_t ioasid, const struct ioasid_table *table);

/* ---- numbers ------------------------------------------------------------------------------------ */

/** ioasid_set_hwid() - give @ioasid the number @vpasid on all devices PASID-attached to it. */
int ioasid_set_hwid(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid);
/** ioasid_set_hwid_dev() - the same on one device. */
int ioasid_set_hwid_dev(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid, uint64_t cookie);
/** ioasid_set_hwid_args() - the whole structure, in and out. */
int ioasid_set_hwid_args(struct ioasid *ctx, struct ioasid_set_hwid *args);
int ioasid_clear_hwid(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid);
int ioasid_clear_hwid_dev(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid, uint64_t cookie);
int ioasid_set_hwid_mode(struct ioasid *ctx, enum ioasid_mode mode);
int ioasid_set_hwid_mode_dev(struct ioasid *ctx, uint64_t cookie, enum ioasid_mode mode);
int ioasid_hwid_set_global_min(struct ioasid *ctx, uint32_t global_min);
int ioasid_hwid_set_global_min_dev(struct ioasid *ctx, uint64_t cookie, uint32_t global_min);
int ioasid_hwid_set_promised_width(struct ioasid *ctx, uint32_t bits);

/* ---- invalidation ----------------------------------------------------------------------------------- */

/** ioasid_invalidate() - everything cached for @ioasid, on every number of every device. */
int ioasid_invalidate(struct ioasid *ctx, uint32_t ioasid);
/** ioasid_invalidate_range() - [@iova, @iova + @length - 1]; @leaf: only leaf entries changed. */
int ioasid_invalidate_range(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t length,
			    bool leaf);
int ioasid_invalidate_args(struct ioasid *ctx, const struct ioasid_invalidate *args);

/* ---- faults --------------------------------------------------------------------------------------------- */

/**
 * ioasid_fault_open() - make the context's fault descriptor
 * @ctx: context
 * @capacity: records; 0: default
 *
 * Return: a descriptor for poll/epoll (readable while records wait), or negative errno. Records
 * are taken with ioasid_fault_read(); the descriptor is closed with ioasid_fault_close().
 */
int ioasid_fault_open(struct ioasid *ctx, unsigned int capacity);

/** ioasid_fault_read() - take up to @n records, never blocks. Return: records, -EAGAIN: none. */
int ioasid_fault_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n);

/** ioasid_fault_close() - pending page requests are answered "invalid". */
int ioasid_fault_close(struct ioasid *ctx);

int ioasid_page_response(struct ioasid *ctx, uint32_t id, enum ioasid_response code);

/* ---- quota and limits on host-wide numbers ---------------------------------------------------------- */

/** ioasid_set_quota() - most host-wide numbers of this context; @reserve: taken out of capacity now. */
int ioasid_set_quota(struct ioasid *ctx, uint32_t quota, bool reserve);
/**
 * ioasid_limit_get() - figures of a group of limits of the host behind @ctx
 * @limit: argsz may be left 0; flags, and what they say, name the group; the rest comes back
 */
int ioasid_limit_get(struct ioasid *ctx, struct ioasid_limit *limit);
/** ioasid_limit_set() - the same, and its limit is limit->max from now on. */
int ioasid_limit_set(struct ioasid *ctx, struct ioasid_limit *limit);

/* ---- numbers that CPUs translate ------------------------------------------------------------------------ */

/** ioasid_cpu_pasid_enable() - all vCPUs of a VM translate; @provider_fd: the VM, -1: the same as before. */
int ioasid_cpu_pasid_enable(struct ioasid *ctx, int provider_fd);
int ioasid_cpu_pasid_disable(struct ioasid *ctx);
/** ioasid_cpu_pasid_map() - they make of @vpasid the context's host-wide number for it. */
int ioasid_cpu_pasid_map(struct ioasid *ctx, uint32_t vpasid);
/** ioasid_cpu_pasid_unmap() - on return no vCPU can send it any more. */
int ioasid_cpu_pasid_unmap(struct ioasid *ctx, uint32_t vpasid);

/* ---- what later releases fill (EOPNOTSUPP until CHECK_EXTENSION says otherwise) ------------------------- */
int ioasid_dirty_set(struct ioasid *ctx, uint32_t ioasid, bool enable);
int ioasid_dirty_get(struct ioasid *ctx, const struct ioasid_dirty *args);
int ioasid_state_save(struct ioasid *ctx, void *buffer, size_t *size);
int ioasid_state_restore(struct ioasid *ctx, const void *buffer, size_t size);
int ioasid_state_resume(struct ioasid *ctx);

/* ---- devices ------------------------------------------------------------------------------------------------ */

/**
 * ioasid_dev_open() - open a device of the context's home
 * @ctx: any context of that home; the device is not bound by this
 * @name: in-process: its name on the host; kernel: its name under /dev/ioasid-devices
 * @dev: the device
 *
 * Return: 0; -ENOENT no such device; -ENOMEM.
 */
int ioasid_dev_open(struct ioasid *ctx, const char *name, struct ioasid_dev **dev);
/** ioasid_dev_close() - unbinds it too: routes end, DMA is blocked. NULL is ignored. */
void ioasid_dev_close(struct ioasid_dev *dev);
int ioasid_dev_command(struct ioasid_dev *dev, unsigned long cmd, void *arg);
/**
 * ioasid_dev_fd() - the device's descriptor, to read, write and map its regions with
 * @dev: device
 *
 * Where they lie in it says IOASID_DEV_GET_REGION. It stays @dev's.
 *
 * Return: descriptor; -EOPNOTSUPP in-process.
 */
int ioasid_dev_fd(struct ioasid_dev *dev);
int ioasid_dev_get_info(struct ioasid_dev *dev, struct ioasid_device_info *info);
int ioasid_dev_bind(struct ioasid_dev *dev, struct ioasid *ctx, uint64_t cookie);
/** ioasid_dev_attach() - default route; @flags: 0 or IOASID_ATTACH_REPLACE. */
int ioasid_dev_attach(struct ioasid_dev *dev, uint32_t ioasid, uint32_t flags);
/** ioasid_dev_attach_pasid() - PASID route; @vpasid 0: the number comes later by SET_HWID. */
int ioasid_dev_attach_pasid(struct ioasid_dev *dev, uint32_t ioasid, uint32_t vpasid,
			    uint32_t flags);
int ioasid_dev_detach(struct ioasid_dev *dev, uint32_t ioasid);
int ioasid_dev_detach_pasid(struct ioasid_dev *dev, uint32_t ioasid);
int ioasid_dev_reset(struct ioasid_dev *dev);
int ioasid_dev_set_eventfd(struct ioasid_dev *dev, unsigned int index, int fd);

/** ioasid_strreason() - enum ioasid_fault_reason in words. Static string. */
const char *ioasid_strreason(uint32_t reason);
/** ioasid_strrefusal() - enum ioasid_refusal in words. Static string. */
const char *ioasid_strrefusal(uint32_t refusal);
/** ioasid_strclass() - enum ioasid_class in words. Static string. */
const char *ioasid_strclass(uint32_t dev_class);

#ifdef __cplusplus
}
#endif
#endif
