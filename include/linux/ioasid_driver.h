/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver API of ioasid.ko: how a kernel driver offers a device to the users of /dev/ioasid, and
 * how a software engine reaches the address spaces they attach to it. Exported for GPL modules.
 * docs/driver.md tells the story in order; examples/kernel/ is a complete small driver.
 *
 * What a driver does:
 *   ioasid_register_device()     a node /dev/ioasid-devices/NAME appears; users bind and attach
 *   ... the callbacks of struct ioasid_kdev_ops are called ...
 *   ioasid_unregister_device()   the node is gone, nothing of it is called any more
 *
 * Context of all functions here: may sleep, called without spinlocks, unless said otherwise.
 */
#ifndef _LINUX_IOASID_DRIVER_H
#define _LINUX_IOASID_DRIVER_H

#include <linux/fs.h>
#include <linux/ioasid.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/types.h>

struct ioasid_kdev;
struct ioasid_kfile;
struct ioasid_kfunction;

/** IOASID_KDEV_NO_PASID - "by RID alone" where a PASID is expected. */
#define IOASID_KDEV_NO_PASID IOASID_INVALID

/* ---- devices ------------------------------------------------------------------------------- */

/** struct ioasid_renumber - after a restore: what the guest calls @vpasid goes out as @ppasid. */
struct ioasid_renumber {
	u32 vpasid;
	u32 ppasid;
};

/**
 * struct ioasid_kdev_ops - callbacks of a device driver; members may be NULL
 *
 * bind, unbind, quiesce, reset, portal_*, drain, renumber and save run with the context's lock held: they
 * may sleep and report faults, but must not issue an ioasid command or wait for somebody who does.
 *
 * @owner: THIS_MODULE; pinned while a node of the device is open
 * @bind: a context takes the device. DMA is blocked already. An error refuses the binding
 * @unbind: the context lets go of it (for whatever reason, also its own end). Every mapping of
 *          @mmap has been revoked, no call of @read, @write, @mmap is running, nothing is between
 *          ioasid_kfile_begin() and its end, and none of it comes until the next bind; the driver
 *          puts the device into a clean state
 * @quiesce: stop the device's DMA; on return nothing of it is on its way
 * @reset: RESET by the user: stop it and forget queues and registers
 * @portal_open, @portal_close: classes 7 and 8: accept or refuse submissions by the CPU. On return
 *          of close none is in progress. Called by CPU_PASID_ENABLE
 * @drain: @ppasid, a number of the host's, ends on this device, and nothing with it passes the IOMMU
 *          any more: registers and queues programmed with it forget it, accepted work with it ends.
 *          Return: 0: nothing with it will be sent any more; -EINPROGRESS: ioasid_kdev_drained() will
 *          say; the number stays out of use until then
 * @renumber: STATE_RESTORE: numbers in registers and queues change as @pairs says. All or nothing
 * @can_save: STATE_SAVE may save it; NULL: no, which DEVICE_GET_INFO says
 * @save: the driver's own state into @buf. Return: bytes, or what room it needs, or an error
 * @page_response: devices without struct device: a page request group was answered. Without the
 *                 context's lock; may run inside ioasid_kdev_report_page_request()
 * @region: fill flags, offset and size of region @region->index. Return: 0 or -EINVAL
 * @read, @write: on the node, for the descriptor that bound the device, while it does. @buf is
 *          kernel memory, @count at most a page. Return: bytes, 0: the end, or an error. They may
 *          sleep, in a section that unbind waits for
 * @mmap: the same; the caller holds its mmap lock
 * @ioctl: what the common commands do not know, on a descriptor that was bound when it came;
 *          -ENOTTY: neither do I. In no section, since it copies from and to the user, who may let
 *          it wait: what touches the device goes between ioasid_kfile_begin() and its end
 */
struct ioasid_kdev_ops {
	struct module *owner;
	int (*bind)(struct ioasid_kdev *kdev);
	void (*unbind)(struct ioasid_kdev *kdev);
	void (*quiesce)(struct ioasid_kdev *kdev);
	void (*reset)(struct ioasid_kdev *kdev);
	int (*portal_open)(struct ioasid_kdev *kdev);
	void (*portal_close)(struct ioasid_kdev *kdev);
	int (*drain)(struct ioasid_kdev *kdev, u32 ppasid);
	int (*renumber)(struct ioasid_kdev *kdev, const struct ioasid_renumber *pairs,
			unsigned int nr);
	bool (*can_save)(struct ioasid_kdev *kdev);
	ssize_t (*save)(struct ioasid_kdev *kdev, void *buf, size_t room);
	void (*page_response)(struct ioasid_kdev *kdev, u32 ppasid, u32 group, u32 code);
	int (*region)(struct ioasid_kdev *kdev, struct ioasid_dev_region *region);
	ssize_t (*read)(struct ioasid_kdev *kdev, void *buf, size_t count, u64 pos);
	ssize_t (*write)(struct ioasid_kdev *kdev, const void *buf, size_t count, u64 pos);
	int (*mmap)(struct ioasid_kdev *kdev, struct vm_area_struct *vma);
	long (*ioctl)(struct ioasid_kdev *kdev, struct ioasid_kfile *file, unsigned int cmd,
		      unsigned long arg);
};

/**
 * struct ioasid_kfunction_desc - a function that mediated devices are slices of
 * @dev: in front of the kernel's IOMMU, alone in its group; its driver keeps the kernel's DMA API
 * @pasid_bits: width of its PASID capability; 0: what the IOMMU layer says of @dev
 * @kept_first, @kept_last: PASIDs that the driver uses on @dev itself; 0: none. Others that the kernel
 *       uses need no mention: the IOMMU layer knows them
 */
struct ioasid_kfunction_desc {
	struct device *dev;
	u32 pasid_bits;
	u32 kept_first;
	u32 kept_last;
};

/**
 * ioasid_register_function() - prepare @desc->dev for slices, and perhaps one device that is all of it
 *
 * Return: function, the caller's until ioasid_unregister_function(), when none of its devices is
 * registered any more; ERR_PTR: -EINVAL; -ENODEV no IOMMU in front of it; -EOPNOTSUPP no PASIDs, or not
 * alone in its group; -ENOMEM.
 */
struct ioasid_kfunction *ioasid_register_function(const struct ioasid_kfunction_desc *desc);
void ioasid_unregister_function(struct ioasid_kfunction *fn);
/**
 * ioasid_kfunction_use() - the driver begins or ends using PASIDs on the function itself
 * @use: begin; calls nest
 *
 * While it does, nobody binds the function as a whole. What it attaches by itself the kernel notices
 * all the same, and says EBUSY to who binds; this says it before.
 *
 * Return: 0; -EBUSY: it is bound as a whole.
 */
int ioasid_kfunction_use(struct ioasid_kfunction *fn, bool use);

/**
 * struct ioasid_kdev_desc - a device to register
 * @name: of the node, one path component of at most 63 characters
 * @ops: live as long as the device
 * @priv: the driver's, ioasid_kdev_priv()
 * @dev: the device in front of the kernel's IOMMU; its driver, if any, must have
 *       driver_managed_dma set. NULL: a software device (class 2), whose DMA is
 *       ioasid_access_*()
 * @function: classes 3, 6 and 8: what it is a slice of, and @dev is NULL. Class 5 or 7: it stands for that
 *       function as a whole, and is not bound while a slice is; @dev is NULL or the same. Else NULL
 * @dev_class: enum ioasid_class
 * @mode: enum ioasid_mode: the default of the device; 0: local
 * @caps: IOASID_DEV_ATS | IOASID_DEV_PRI as the device really has them
 * @pasid_bits: width of its PASID capability; 0: what the IOMMU layer says of @dev
 * @pri_share: page requests it may have waiting; 0: a default
 * @nr_regions: regions its node offers
 * @kept_first, @kept_last: PASIDs that the driver uses on @dev itself, which users are refused
 *       (EBUSY) and are never given; 0: none. Others that the kernel uses need no mention: the IOMMU
 *       layer knows them
 */
struct ioasid_kdev_desc {
	const char *name;
	const struct ioasid_kdev_ops *ops;
	void *priv;
	struct device *dev;
	struct ioasid_kfunction *function;
	u32 dev_class;
	u32 mode;
	u32 caps;
	u32 pasid_bits;
	u32 pri_share;
	u32 nr_regions;
	u32 kept_first;
	u32 kept_last;
};

/**
 * ioasid_register_device() - offer a device to users
 * @desc: copied
 *
 * Return: device, the caller's until ioasid_unregister_device(); ERR_PTR: -EINVAL malformed;
 * -EEXIST the name is taken; -ENODEV no IOMMU in front of @desc->dev; -EOPNOTSUPP the class is not
 * there; -EBUSY its group is in use; -ENOMEM.
 */
struct ioasid_kdev *ioasid_register_device(const struct ioasid_kdev_desc *desc);

/**
 * ioasid_unregister_device() - take it away, whatever its users are doing
 * @kdev: device
 *
 * The removal eventfd fires first (ioasid_request_removal()). Routes and binding end; open
 * descriptors answer -ENODEV. On return no callback of it runs or will run. The caller holds no lock
 * that one of them takes.
 */
void ioasid_unregister_device(struct ioasid_kdev *kdev);

/**
 * ioasid_request_removal() - ask the user to let go: its removal eventfd fires
 * @kdev: device
 * Return: true: somebody is listening.
 */
bool ioasid_request_removal(struct ioasid_kdev *kdev);

/** ioasid_report_error() - the device failed by itself: the user's error eventfd fires. */
void ioasid_report_error(struct ioasid_kdev *kdev);

/**
 * ioasid_kdev_fence() - it did not answer in time: its user sees IOASID_DEV_FENCED and the error
 *                       eventfd; operations in progress that wait for it answer EIO
 * @kdev: device; the caller has blocked its DMA. RESET or removal ends it
 */
void ioasid_kdev_fence(struct ioasid_kdev *kdev);

void *ioasid_kdev_priv(const struct ioasid_kdev *kdev);
/** ioasid_kdev_name() - name of its node; valid as long as @kdev. */
const char *ioasid_kdev_name(const struct ioasid_kdev *kdev);

/** ioasid_revoke_mappings() - user mappings of the node go; the next touch faults again. */
void ioasid_revoke_mappings(struct ioasid_kdev *kdev);

/**
 * ioasid_kdev_io_begin() - for fault handlers of mappings: may the user touch the device?
 * @kdev: device
 * @file: vma->vm_file
 * @idx: [out] for ioasid_kdev_io_end()
 *
 * Return: true: yes, until ioasid_kdev_io_end(); unbind waits for that. May be called with the
 * mmap lock held.
 */
bool ioasid_kdev_io_begin(struct ioasid_kdev *kdev, struct file *file, int *idx);
void ioasid_kdev_io_end(struct ioasid_kdev *kdev, int idx);
/**
 * ioasid_kfile_begin() - the same for ops->ioctl
 * @file: as passed to it
 * @idx: [out] for ioasid_kdev_io_end()
 *
 * Nothing in between may wait for the user, nor copy from or to it. What the driver keeps for the
 * device may have gone before, with the device: it is looked at in between only.
 * Return: false: not bound any more; answer -ENODEV.
 */
bool ioasid_kfile_begin(struct ioasid_kfile *file, int *idx);

/**
 * ioasid_vpasid_to_ppasid() - what goes on the wire for a guest's number (mediation)
 * @kdev: device
 * @vpasid: what the guest wrote
 * @ppasid: [out]
 *
 * Return: 0; -ENOENT no such route (also not bound). The number stays valid until quiesce or the
 * detach of the route, which drain the device; a driver that writes it into a register does both
 * under its own lock, which its quiesce takes too.
 */
int ioasid_vpasid_to_ppasid(struct ioasid_kdev *kdev, u32 vpasid, u32 *ppasid);

/**
 * ioasid_kdev_allows() - may work of this device carry @ppasid? The allow list of a slice: numbers of its
 *                        own routes, not of its siblings'; a whole function may send what it likes
 *
 * Any context. What was allowed stays so until drain or quiesce.
 */
bool ioasid_kdev_allows(struct ioasid_kdev *kdev, u32 ppasid);

/**
 * ioasid_kdev_rid_pasid() - the default PASID of a slice: its requests "without PASID" carry it
 *
 * Any context. Return: number; IOASID_KDEV_NO_PASID: it is a whole function, whose requests carry none;
 * 0: a slice that is not bound has none: it sends nothing.
 */
u32 ioasid_kdev_rid_pasid(struct ioasid_kdev *kdev);

/** ioasid_kdev_drained() - what ops->drain left to do is done. Without locks that drain takes. */
void ioasid_kdev_drained(struct ioasid_kdev *kdev, u32 ppasid);

/* ---- faults -------------------------------------------------------------------------------------- */

/**
 * struct ioasid_kdev_fault - a fault as device or IOMMU saw it
 * @ppasid: on the wire, or IOASID_KDEV_NO_PASID
 * @flags: IOASID_FAULT_READ/WRITE/EXEC/PRIV/LAST/GPA
 * @group: page requests: group index
 * @reason: events: enum ioasid_fault_reason; @arch_reason: the architecture's own code
 * @address: I/O address
 * @gpa: with IOASID_FAULT_GPA
 */
struct ioasid_kdev_fault {
	u32 ppasid;
	u32 flags;
	u32 group;
	u32 reason;
	u32 arch_reason;
	u64 address;
	u64 gpa;
};

/** ioasid_kdev_report_event() - an access failed for good; recorded for the user. May sleep. */
void ioasid_kdev_report_event(struct ioasid_kdev *kdev, const struct ioasid_kdev_fault *fault);

/**
 * ioasid_kdev_report_page_request() - a software device asks for a page
 *
 * Only for devices without struct device: others report to the kernel's own fault path
 * (iommu_report_device_fault()), from which ioasid.ko takes them. Every group is answered exactly
 * once through ops->page_response.
 */
void ioasid_kdev_report_page_request(struct ioasid_kdev *kdev,
				     const struct ioasid_kdev_fault *fault);

/* ---- the descriptor, for drivers that have a node of their own ----------------------------------- */

/**
 * ioasid_kfile_open() - attach helpers: what open() of /dev/ioasid-devices/NAME does
 * Return: descriptor's state for ioasid_kfile_ioctl(), to be closed; ERR_PTR(-ENODEV, -ENOMEM).
 */
struct ioasid_kfile *ioasid_kfile_open(struct ioasid_kdev *kdev);
/** ioasid_kfile_close() - release(): the binding this descriptor made ends. */
void ioasid_kfile_close(struct ioasid_kfile *file);
/** ioasid_kfile_ioctl() - BIND, ATTACH, DETACH, RESET, GET_INFO...; -ENOTTY: not a common command. */
long ioasid_kfile_ioctl(struct ioasid_kfile *file, unsigned int cmd, unsigned long arg);

/* ---- access: DMA of software devices ------------------------------------------------------------- */

struct ioasid_access;

/**
 * struct ioasid_access_ops - callbacks of an access
 * @unmap: [@start, @last] is about to go: give back (ioasid_access_unpin()) every pin that touches
 *         it before returning, or soon after: the operation waits. Called without locks of ioasid
 *         that pin, unpin, read or write take; must not call pin
 */
struct ioasid_access_ops {
	void (*unmap)(void *data, u64 start, u64 last);
};

#define IOASID_ACCESS_READ  (1U << 0)
#define IOASID_ACCESS_WRITE (1U << 1)

/**
 * ioasid_access_create() - a software device's way into what its user attaches to it
 * @kdev: registered without struct device
 * @ops: may be NULL if @kdev never pins
 * @data: passed to callbacks
 *
 * Made best in @bind and destroyed in @unbind: then nothing uses it that the user still can start.
 *
 * Return: access, to be destroyed before the device is unregistered; ERR_PTR(-EINVAL, -ENOMEM).
 */
struct ioasid_access *ioasid_access_create(struct ioasid_kdev *kdev,
					   const struct ioasid_access_ops *ops, void *data);
/** ioasid_access_destroy() - all pins have been given back. */
void ioasid_access_destroy(struct ioasid_access *access);

/**
 * ioasid_access_pin() - pages behind a range, kept until unpinned or called back
 * @iova, @length: bytes, page aligned
 * @flags: IOASID_ACCESS_*
 * @pages: [out] length / PAGE_SIZE pages; the caller maps them (kmap_local_page())
 *
 * Return: 0; -EFAULT not mapped or no permission, nothing pinned; -ENODEV not attached; -EINVAL;
 * -ENOMEM.
 */
int ioasid_access_pin(struct ioasid_access *access, u64 iova, u64 length, u32 flags,
		      struct page **pages);
/** ioasid_access_unpin() - give back exactly what one pin call returned. */
void ioasid_access_unpin(struct ioasid_access *access, u64 iova, u64 length);

/**
 * ioasid_access_rw() - copy between kernel memory and the address space
 * @flags: IOASID_ACCESS_READ into @buf, IOASID_ACCESS_WRITE from it
 *
 * Return: 0; -EFAULT at the first byte that may not be reached, what lies before it was copied;
 * -ENODEV not attached. When UNMAP has returned no copy through the old mapping is running.
 */
int ioasid_access_rw(struct ioasid_access *access, u64 iova, void *buf, size_t length, u32 flags);

#endif
