/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux home, between its own files.
 *
 *   ioasid_main.c    the module, /dev/ioasid, descriptors the core asks for
 *   ioasid_fault.c   the fault descriptor
 *   ioasid_pin.c     memory of the caller, pinned
 *   ioasid_kdev.c    devices: the driver API, nodes under /dev/ioasid-devices
 *   ioasid_function.c  functions that mediated devices are slices of
 *   ioasid_cpu.c     VMs of hypervisors, whose CPUs translate PASIDs
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
 * struct lin_hw - a device of the kernel in front of its IOMMU; one device of ours is all of it, or
 *                 several are slices of it
 * @dev: the device; whoever embeds this holds a reference
 * @iommu, @group: behind it, from lin_iommu_enter() to lin_iommu_leave()
 * @link: in the IOMMU's devices, under lin_lock
 * @member: in the group's, while attached by RID
 * @routes: PASID -> struct lin_route. An entry belongs to the context whose number it is, and changes
 *          under its ctx->lock; slices of several contexts meet here
 * @fault_lock, @parked: groups of page requests that wait for an answer
 * @faults_on: routes that want page requests; under @switch_lock, which is held while the driver
 *             switches them and is none that a fault handler takes
 * @borrowed: its driver is being asked for a domain
 * @users_lock: @whole and @slices; a leaf that fault handlers take
 * @whole: the device of ours that has claimed the DMA of all of it; while that is bound
 * @slices: struct ioasid_kdev (slice), registered
 */
struct lin_hw {
	struct device *dev;
	struct lin_iommu *iommu;
	struct lin_group *group;
	struct list_head link;
	struct list_head member;
	struct xarray routes;
	struct mutex fault_lock;
	struct list_head parked;
	struct mutex switch_lock;
	unsigned int faults_on;
	atomic_t borrowed;
	struct mutex users_lock;
	struct ioasid_kdev *whole;
	struct list_head slices;
};

/**
 * struct ioasid_kfunction - a registered function
 * @core: the core's object
 * @hw: its side of the kernel; @hw.dev is referenced
 * @pasid_bits: of the device, as the kernel enabled it and the driver says
 */
struct ioasid_kfunction {
	struct ioasid_function *core;
	struct lin_hw hw;
	u32 pasid_bits;
};

/**
 * struct ioasid_kdev - a registered device
 * @ops, @priv, @name: as registered
 * @hw: what is in front of the kernel's IOMMU: @own, or that of the function it is of; NULL: a software
 *      device
 * @own: of a device without struct ioasid_kfunction; own.dev is referenced
 * @is_slice, @slice: it shares @hw with others; in hw->slices
 * @core: the core's object, from registration to unregistration
 * @node, @cdev: /dev/ioasid-devices/NAME; the structure lives as long as @node has references
 * @link: in the list of devices
 * @io_srcu: calls on the node; @io_open: the descriptor that bound the device may make them
 * @files_lock, @files: open descriptors (struct ioasid_kfile)
 * @gone: unregistered; under @files_lock
 * @access_lock, @access_domain, @accesses: what ioasid_access.c keeps of it
 */
struct ioasid_kdev {
	const struct ioasid_kdev_ops *ops;
	void *priv;
	char name[64];
	struct lin_hw *hw;
	struct lin_hw own;
	bool is_slice;
	struct list_head slice;
	struct ioasid_device *core;
	struct device node;
	struct cdev cdev;
	struct list_head link;
	struct srcu_struct io_srcu;
	bool io_open;
	struct mutex files_lock;
	struct list_head files;
	bool gone;
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
 * lin_iommu_enter() - find the IOMMU in front of @hw->dev and make it known to the core
 * @hw: zeroed, @dev set; everything else in it is this file's
 * @info: [out]
 *
 * Devices whose address spaces can be one and the same kernel domain (same struct iommu_device, same
 * reserved windows, same abilities) share one struct ioasid_iommu. It lives until the last of them
 * left. Return: 0; -ENODEV no IOMMU; -EBUSY: @hw->dev is registered already; -ENOMEM.
 */
int lin_iommu_enter(struct lin_hw *hw, struct lin_hw_info *info);
void lin_iommu_leave(struct lin_hw *hw);
/** lin_iommu_alone() - is it alone in its IOMMU group? */
bool lin_iommu_alone(struct lin_hw *hw);
/**
 * lin_iommu_claim() - struct ioasid_device_ops.bind of a whole device: own the group's DMA; it is
 *                     blocked then. The kernel refuses while somebody else uses it: a host driver
 *                     that has not given it up, or PASIDs attached to it
 */
int lin_iommu_claim(struct ioasid_kdev *kdev);
void lin_iommu_release(struct ioasid_kdev *kdev);
/** lin_slice_add(), lin_slice_remove() - faults of its numbers are its from now on, no longer. */
void lin_slice_add(struct ioasid_kdev *kdev);
void lin_slice_remove(struct ioasid_kdev *kdev);
/** lin_iommu_page_response() - answer a group of page requests taken from the kernel. */
void lin_iommu_page_response(struct lin_hw *hw, ppasid_t pasid, u32 group, u32 code);
int lin_iommu_init(void);
void lin_iommu_exit(void);

/* ---- ioasid_function.c ------------------------------------------------------------------------ */

/** lin_function_describe() - what a device of @fn is registered with. */
void lin_function_describe(struct ioasid_kfunction *fn, struct lin_hw_info *info,
			   struct ioasid_device_desc *core);

/* ---- ioasid_cpu.c: struct ioasid_home_ops ----------------------------------------------------- */
struct ioasid_cpu *lin_cpu_get(struct ioasid_machine *machine, int fd);
const struct table_env *lin_cpu_env(struct ioasid_machine *machine);

/* ---- ioasid_debugfs.c ------------------------------------------------------------------------- */
void lin_debugfs_init(void);
void lin_debugfs_exit(void);

/* ---- ioasid_access.c -------------------------------------------------------------------------- */
extern struct ioasid_iommu lin_access_iommu;
void lin_access_kdev_init(struct ioasid_kdev *kdev);

#endif
