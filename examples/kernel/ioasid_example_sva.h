/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The SVA example, as a VMM sees it: three nodes, one open file of each per virtual machine.
 *
 *   /dev/ioasid-example-set  numbers: the file is the process's set
 *   /dev/ioasid-example-cpu  the CPU: guest PASID -> number, and ENQCMD
 *   /dev/ioasid-example-dev  a device with a shared work queue, which ENQCMD fills, and a dedicated
 *                            one, whose PASID is a register; with an IOMMU in front of it
 *
 * They may be opened and closed in any order. Numbers are those on the wire.
 */
#ifndef IOASID_EXAMPLE_SVA_H
#define IOASID_EXAMPLE_SVA_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SVA_TYPE 0xE9

/** Guest PASIDs are below this: the CPU's table is a page. */
#define SVA_GPASIDS 1024

/* ---- the set ------------------------------------------------------------------------------- */

/**
 * struct sva_number - ALLOC: [in] range, [out] @id. FREE: [in] @id
 * ALLOC: ENOSPC, EDQUOT, EINVAL, ENOMEM. FREE always succeeds
 */
struct sva_number {
	__u32 min;
	__u32 max;
	__u32 id;
};
#define SVA_ALLOC _IOWR(SVA_TYPE, 0x00, struct sva_number)
#define SVA_FREE  _IOW(SVA_TYPE, 0x01, struct sva_number)

/** struct sva_state - what the allocator knows of @id; ENOENT: there is no such number */
struct sva_state {
	__u32 id;
	__u32 state; /* enum ioasid_id_state: 1 idle, 2 active, 3 free pending */
	__u32 refs;
	__u32 spid;
	__u32 user;
	__u32 iommu;
	__u32 cpu;
	__u32 device;
};
#define SVA_DESCRIBE _IOWR(SVA_TYPE, 0x02, struct sva_state)

/* ---- the device ---------------------------------------------------------------------------- */

/**
 * struct sva_bind - BIND: make @id lead to the guest's page table on this device, and let the guest
 * call it @gpasid. UNBIND: [in] @id
 *
 * EINVAL: no such number of a process, or @gpasid is in use or not the one it has; EPERM: another
 * process's; EBUSY: freed already; ENOENT: no such number, UNBIND: not bound here; EEXIST: bound here.
 */
struct sva_bind {
	__u32 id;
	__u32 gpasid;
};
#define SVA_BIND   _IOW(SVA_TYPE, 0x10, struct sva_bind)
#define SVA_UNBIND _IOW(SVA_TYPE, 0x11, struct sva_bind)

/** SVA_DWQ: write guest PASID @gpasid to the dedicated queue's register; 0 stops the queue. ENOENT. */
struct sva_gpasid {
	__u32 gpasid;
	__s32 dev_fd; /* ENQCMD: the device */
};
#define SVA_DWQ _IOW(SVA_TYPE, 0x12, struct sva_gpasid)
/** SVA_DWQ_SUBMIT: a job to the dedicated queue. ENXIO: it is stopped. */
#define SVA_DWQ_SUBMIT _IO(SVA_TYPE, 0x13)
/** SVA_DELAY: the argument is how many milliseconds a job of this device takes (at most 60000). */
#define SVA_DELAY _IO(SVA_TYPE, 0x14)

/* ---- the CPU ------------------------------------------------------------------------------- */

/** SVA_ENQCMD: a job from guest PASID @gpasid. ENXIO: no translation; EPERM: not bound on the device. */
#define SVA_ENQCMD _IOW(SVA_TYPE, 0x20, struct sva_gpasid)

#endif
