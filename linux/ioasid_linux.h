/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux home, between its own files.
 *
 *   ioasid_main.c    the module, /dev/ioasid, descriptors the core asks for
 *   ioasid_fault.c   the fault descriptor
 *   ioasid_pin.c     memory of the caller, pinned
 *   ioasid_kdev.c    devices: the driver API, nodes under /dev/ioasid-devices
 *   ioasid_access.c  address spaces of software devices: the access interface
 *   ioasid_alloc_api.c  the allocator's driver API; processes as its tokens
 *   ioasid_cgroup.c  limits: cgroups as groups
 *   ioasid_debugfs.c /sys/kernel/debug/ioasid
 *   ioasid_trace.*   tracepoints
 *   iommu*.c         address spaces on the kernel's IOMMU API
 *   compat.h         what differs between kernels
 *
 * One struct lin_ctx stands behind each open of /dev/ioasid. Two kinds of files hold references on
 * it: the context's own, whose release ends the core's context at once, and the fault descriptor,
 * which may be closed later and finds a context that answers ENODEV.
 */
#ifndef IOASID_LINUX_H
#define IOASID_LINUX_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/ioasid_driver.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "core/home.h"

/**
 * struct lin_ctx - one open of /dev/ioasid
 * @core: the core's context; this structure holds a reference on it as long as it exists
 * @refs: open files
 * @wait: readers and pollers of the fault descriptor
 * @readable: records wait
 * @closed: the context's own file is gone
 * @link: in the list of contexts, for introspection
 * @id: number for people, never used twice; the list is sorted by it
 */
struct lin_ctx {
	struct ioasid_ctx *core;
	refcount_t refs;
	wait_queue_head_t wait;
	bool readable;
	bool closed;
	struct list_head link;
	u64 id;
};
void lin_ctx_put(struct lin_ctx *lc);
/** lin_ctx_next() - first open context whose id is at least @id, referenced; or NULL. */
struct lin_ctx *lin_ctx_next(u64 id);
extern struct ioasid_machine lin_machine;

/* ---- ioasid_fault.c, ioasid_pin.c: struct ioasid_home_ops ------------------------------------ */
void lin_fault_notify(struct ioasid_ctx *ctx, bool readable);
int lin_fault_fd(struct ioasid_ctx *ctx);
int lin_pin(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **pin);
void lin_unpin(struct ioasid_ctx *ctx, void *pin);
u64 lin_extents(void *pin, u64 offset, u64 length, struct ioasid_extent *ext, unsigned int *n);
/** lin_shared_get() - the calling process's mm, referenced (mmgrab()). ERR_PTR(-EINVAL): none. */
void *lin_shared_get(struct ioasid_ctx *ctx);
void lin_shared_put(void *owner);

/* ---- ioasid_alloc_api.c ------------------------------------------------------------------------- */
extern const struct pasid_host_ops lin_pasid_ops;

/* ---- ioasid_cgroup.c: limits ----------------------------------------------------------------- */
/** lin_limit_get() - the calling task's group. lin_limit_find(), lin_limit_release(): home ops. */
struct limit_group *lin_limit_get(struct pasid_host *host);
struct limit_group *lin_limit_find(struct ioasid_machine *machine, const struct ioasid_limit *name,
				   bool change);
void lin_limit_release(void *priv);
/** lin_limit_sweep() - notice which cgroups were removed. */
void lin_limit_sweep(void);
/** lin_limit_exit() - nobody can name a group any more. */
void lin_limit_exit(void);
/** lin_privileged() - home op: the caller has CAP_SYS_RESOURCE. */
bool lin_privileged(void);

/* ---- ioasid_kdev.c ------------------------------------------------------------------------------ */

struct lin_iommu;
struct lin_access_domain;

/**
 * struct ioasid_kdev - a registered device
 * @ops, @priv, @name: as registered
 * @dev: device in front of the kernel's IOMMU, referenced; NULL: a software device
 * @core: the core's object, from registration to unregistration
 * @node, @cdev: /dev/ioasid-devices/NAME; the structure lives as long as @node has references
 * @link: in the list of devices
 * @io_srcu: calls on the node; @io_open: the descriptor that bound the device may make them
 * @files_lock, @files: open descriptors (struct ioasid_kfile)
 * @gone: unregistered; under @files_lock
 * @hw: what iommu.c keeps of it
 * @access_lock, @access_domain, @accesses: what ioasid_access.c keeps of it
 */
struct ioasid_kdev {
	const struct ioasid_kdev_ops *ops;
	void *priv;
	char name[64];
	struct device *dev;
	struct ioasid_device *core;
	struct device node;
	struct cdev cdev;
	struct list_head link;
	struct srcu_struct io_srcu;
	bool io_open;
	struct mutex files_lock;
	struct list_head files;
	bool gone;
	struct {
		struct lin_iommu *iommu;
		struct lin_group *group;
		struct list_head link; /* in the IOMMU's devices */
		struct list_head member; /* in the group's, while attached by RID */
		struct xarray routes; /* PASID -> struct lin_route */
		struct mutex fault_lock; /* @parked */
		struct list_head parked; /* groups of page requests that wait for an answer */
		unsigned int faults_on; /* routes that want page requests */
		atomic_t borrowed; /* its driver is being asked for a domain */
		bool claimed;
	} hw;
	struct rw_semaphore access_lock;
	struct lin_access_domain *access_domain;
	struct list_head accesses;
};

static inline struct ioasid_kdev *kdev_of(const struct ioasid_device *core)
{
	return ioasid_device_priv(core);
}

int lin_kdev_init(void);
void lin_kdev_exit(void);

/* ---- iommu.c: the kernel's IOMMU API ----------------------------------------------------------- */

/** struct lin_hw_info - what an IOMMU and the device in front of it can do, for registration. */
struct lin_hw_info {
	struct ioasid_iommu *iommu;
	u32 group; /* kernel's group number */
	u32 pasid_bits; /* of the device as the kernel enabled it; 0: none */
};

/**
 * lin_iommu_enter() - find the IOMMU in front of @kdev->dev and make it known to the core
 * @kdev: @dev set; everything in @hw is this file's
 * @info: [out]
 *
 * Devices whose address spaces can be one and the same kernel domain (same struct iommu_device, same
 * reserved windows, same abilities) share one struct ioasid_iommu. It lives until the last of them
 * left. Return: 0; -ENODEV no IOMMU; -ENOMEM.
 */
int lin_iommu_enter(struct ioasid_kdev *kdev, struct lin_hw_info *info);
void lin_iommu_leave(struct ioasid_kdev *kdev);
/** lin_iommu_claim() - struct ioasid_device_ops.bind: own the group's DMA; it is blocked then. */
int lin_iommu_claim(struct ioasid_kdev *kdev);
void lin_iommu_release(struct ioasid_kdev *kdev);
/** lin_iommu_page_response() - answer a group of page requests taken from the kernel. */
void lin_iommu_page_response(struct ioasid_kdev *kdev, ppasid_t pasid, u32 group, u32 code);
int lin_iommu_init(void);
void lin_iommu_exit(void);

/* ---- ioasid_debugfs.c ------------------------------------------------------------------------- */
void lin_debugfs_init(void);
void lin_debugfs_exit(void);

/* ---- ioasid_access.c -------------------------------------------------------------------------- */
extern struct ioasid_iommu lin_access_iommu;
void lin_access_kdev_init(struct ioasid_kdev *kdev);

#endif
