/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/ioasid-sim: software IOMMUs, and devices behind them whose DMA the caller commands.
 *
 * For developing against /dev/ioasid, and testing it, without hardware: a device made here appears as
 * /dev/ioasid-devices/NAME and is bound and attached there like any other. This node is the other
 * side: it says what the device does. Only root may open it.
 *
 * What was made through one open of the node lives as long as that open, at most; numbers of IOMMUs,
 * devices and holds belong to it. Ending an IOMMU ends its devices, whatever they are doing.
 *
 * Rules of the structures are those of <linux/ioasid.h>: @argsz first; smaller than known is EINVAL,
 * larger with anything but zeros behind is E2BIG; an unknown flag is EOPNOTSUPP; reserved fields are
 * zero. Numbers in requests are those on the wire. ENOENT: no such IOMMU, device or hold here;
 * ENODEV: the device is being taken away.
 *
 * Requests of several threads run side by side. Those that wait (a page to be brought in) end with
 * EINTR when a signal comes.
 */
#ifndef _UAPI_LINUX_IOASID_SIM_H
#define _UAPI_LINUX_IOASID_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOASID_SIM_IOC_TYPE 0xE6

/** No number: no PASID, no group of its own. */
#define IOASID_SIM_NONE 0xffffffffU
/** Longest request in bytes. */
#define IOASID_SIM_DMA_MAX 65536

/* ---- IOMMUs ------------------------------------------------------------------------------------- */

#define IOASID_SIM_NO_NESTING  (1U << 0) /* walks no user tables */
#define IOASID_SIM_NO_SNOOP    (1U << 1) /* cannot enforce snooping */
#define IOASID_SIM_FIRST_STAGE (1U << 2) /* kernel tables in the first-stage format (no nesting) */
/* Wrong on purpose, for tests that must notice: they break what /dev/ioasid promises. */
#define IOASID_SIM_TEST_NO_INVALIDATE (1U << 16) /* user tables: invalidations do nothing */
#define IOASID_SIM_TEST_NO_WAIT	      (1U << 17) /* user tables: they do not wait for DMA on its way */
#define IOASID_SIM_TEST_NO_AD	      (1U << 18) /* walks set no accessed and dirty bits */

/**
 * struct ioasid_sim_iommu - IOASID_SIM_IOMMU_CREATE
 * @argsz: size of this structure
 * @flags: IOASID_SIM_*
 * @page_sizes: bitmap of leaf sizes in bytes, 4 KiB among them (4 KiB, 2 MiB, 1 GiB)
 * @iotlb_entries: size of the IOTLB, a power of two from 2 to 65536 (1024)
 * @pasid_cache_entries: size of the PASID cache, the same (256)
 * @levels: of kernel-managed tables: 3 to 5, in the first-stage format from 4 (4)
 * @pasid_bits: width of PASIDs, 1 to 20 (20)
 * @ats_timeout_ms: how long a device may take to complete an invalidation (10000)
 * @fault_share: page requests one device may have waiting for an answer (512)
 * @test_delay_us: tests: pause between translation and copy, at most 1 s (0)
 * @iommu: [out] number of the IOMMU
 *
 * 0 in a size or limit means the default (in parentheses). EINVAL: a size out of its range.
 */
struct ioasid_sim_iommu {
	__u32 argsz;
	__u32 flags;
	__u64 page_sizes;
	__u32 iotlb_entries;
	__u32 pasid_cache_entries;
	__u32 levels;
	__u32 pasid_bits;
	__u32 ats_timeout_ms;
	__u32 fault_share;
	__u32 test_delay_us;
	__u32 iommu;
};
#define IOASID_SIM_IOMMU_CREATE _IO(IOASID_SIM_IOC_TYPE, 0x00)

/**
 * struct ioasid_sim_object - IOASID_SIM_IOMMU_DESTROY, DEVICE_DESTROY, RELEASE
 * @argsz: size of this structure
 * @flags: must be 0
 * @id: number of the IOMMU, device, hold or vCPU
 *
 * DEVICE_DESTROY is hot-unplug: whatever the device is doing ends, its node goes, requests in
 * progress answer ENODEV. Slices of it go first. IOMMU_DESTROY does it to all devices of the IOMMU.
 */
struct ioasid_sim_object {
	__u32 argsz;
	__u32 flags;
	__u32 id;
	__u32 __reserved;
};
#define IOASID_SIM_IOMMU_DESTROY  _IO(IOASID_SIM_IOC_TYPE, 0x01)
#define IOASID_SIM_DEVICE_DESTROY _IO(IOASID_SIM_IOC_TYPE, 0x03)
#define IOASID_SIM_RELEASE	  _IO(IOASID_SIM_IOC_TYPE, 0x09)

/* ---- devices ------------------------------------------------------------------------------------ */

#define IOASID_SIM_ATS (1U << 0) /* has a device TLB */
#define IOASID_SIM_PRI (1U << 1) /* raises page requests; implies ATS */
#define IOASID_SIM_MUTE \
	(1U << 2) /* looks after its device TLB itself, and never completes an
				   * invalidation; implies ATS */
#define IOASID_SIM_ENGINE (1U << 3) /* its work queues execute by themselves, not only on demand */

/**
 * struct ioasid_sim_device - IOASID_SIM_DEVICE_CREATE
 * @argsz: size of this structure; the members from @parent on may be missing
 * @flags: IOASID_SIM_ATS | PRI | MUTE | ENGINE
 * @iommu: the IOMMU it sits behind; class 2 sits behind none, and a slice where its parent does: they
 *         do not care
 * @dev_class: enum ioasid_class: all but 4
 * @pasid_bits: width of its PASID capability; 0: none, of a slice: its parent's
 * @group: devices of an IOMMU with equal numbers share a group; IOASID_SIM_NONE: alone
 * @pri_capacity: page requests it may have outstanding, at most 512; 0: 512
 * @dtlb_entries: size of its device TLB, at most 65536; 0: 64
 * @name: what it is called in /dev/ioasid-devices; terminated
 * @device: [out] number of the device
 * @parent: classes 3, 6 and 8: number of the device whose slice it is, of class 5 or 7, with PASIDs and
 *          alone in its group. Else 0
 * @mode: enum ioasid_mode: the driver's default; 0: local
 * @kept_first, @kept_last: PASIDs that the device keeps for its driver; @kept_last 0: what the module's
 *          parameters say. Of a slice: 0
 * @nr_dedicated, @nr_shared: work queues (<linux/ioasid_wq.h>), together at most 16; classes 5 to 8, and
 *          only 7 and 8 have shared ones
 * @queue_size: descriptors a queue holds; 0: 16; at most 1024
 *
 * A slice has the RID of its parent, its device TLB, and its page requests: ATS, PRI and MUTE,
 * @group, @pri_capacity and @dtlb_entries are said of the parent alone. What it sends without PASID
 * carries its default PASID. The parent goes when its slices have gone.
 *
 * EEXIST: the name is taken. EOPNOTSUPP: the class is not offered. EINVAL: something that the class
 * does not have. ENOENT: no such IOMMU or parent. ENODEV: the kernel did not put it behind the IOMMU.
 */
struct ioasid_sim_device {
	__u32 argsz;
	__u32 flags;
	__u32 iommu;
	__u32 dev_class;
	__u32 pasid_bits;
	__u32 group;
	__u32 pri_capacity;
	__u32 dtlb_entries;
	char name[64];
	__u32 device;
	__u32 __reserved;
	__u32 parent;
	__u32 mode;
	__u32 kept_first;
	__u32 kept_last;
	__u32 nr_dedicated;
	__u32 nr_shared;
	__u32 queue_size;
};
#define IOASID_SIM_DEVICE_CREATE _IO(IOASID_SIM_IOC_TYPE, 0x02)

/**
 * struct ioasid_sim_host_use - IOASID_SIM_HOST_USE: its driver begins or ends using PASIDs on it itself
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of a device that can have slices (EINVAL: it cannot)
 * @use: 1: begin, 0: end (EINVAL: another, or an end without a beginning)
 *
 * EBUSY: it is bound as a whole; while its driver uses it, it is not.
 */
struct ioasid_sim_host_use {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 use;
};
#define IOASID_SIM_HOST_USE _IO(IOASID_SIM_IOC_TYPE, 0x0f)

/* ---- DMA ---------------------------------------------------------------------------------------- */

#define IOASID_SIM_DMA_PRIV	    (1U << 0) /* privileged request (only with PASID) */
#define IOASID_SIM_DMA_PAGE_REQUEST (1U << 1) /* ask for missing pages and wait for the answer */
#define IOASID_SIM_DMA_NO_REPORT    (1U << 2) /* probe: leave no fault record */

/** enum ioasid_sim_op - what a request does. */
enum ioasid_sim_op {
	IOASID_SIM_READ = 0, /* memory to @data */
	IOASID_SIM_WRITE = 1, /* @data to memory */
	IOASID_SIM_FETCH_ADD =
		2, /* 8 bytes, aligned: adds the u64 at @data, which becomes the old */
};

/**
 * struct ioasid_sim_dma - IOASID_SIM_DMA: one request of a device
 * @argsz: size of this structure
 * @flags: IOASID_SIM_DMA_*
 * @device: number of the device
 * @op: enum ioasid_sim_op
 * @addr: I/O address
 * @data: address of the data in the caller
 * @length: bytes, 1 to IOASID_SIM_DMA_MAX; FETCH_ADD: 8
 * @pasid: on the wire; IOASID_SIM_NONE: none
 * @blocked: [out] 1: the request was blocked (a prefix may have been transferred), 0: all was done
 * @reason: [out] when blocked: enum ioasid_fault_reason
 * @arch_reason: [out] when blocked: VT-d fault reason
 * @page_requests: [out] page requests it took
 * @fault_addr: [out] when blocked: the I/O address that failed
 *
 * A blocked request is no error of the command: it returns 0. EFAULT: @data is not the caller's
 * memory. EINTR: a signal came while it waited for an answer.
 */
struct ioasid_sim_dma {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 op;
	__u64 addr;
	__u64 data;
	__u32 length;
	__u32 pasid;
	__u32 blocked;
	__u32 reason;
	__u32 arch_reason;
	__u32 page_requests;
	__u64 fault_addr;
};
#define IOASID_SIM_DMA _IO(IOASID_SIM_IOC_TYPE, 0x04)

/* ---- page requests, translation requests ---------------------------------------------------------- */

#define IOASID_SIM_REQ_READ  (1U << 0)
#define IOASID_SIM_REQ_WRITE (1U << 1)
#define IOASID_SIM_REQ_PRIV  (1U << 2)
#define IOASID_SIM_REQ_LAST  (1U << 3) /* page request: last of its group, to be answered */

/**
 * struct ioasid_sim_request - IOASID_SIM_PAGE_REQUEST, IOASID_SIM_TRANSLATE
 * @argsz: size of this structure
 * @flags: IOASID_SIM_REQ_*, READ or WRITE at least
 * @device: number of the device
 * @pasid: on the wire; IOASID_SIM_NONE: none
 * @addr: I/O address
 * @group: PAGE_REQUEST: index of the group, below 512
 * @granted: [out] TRANSLATE: IOASID_SIM_REQ_READ | WRITE as granted; 0: nothing
 *
 * PAGE_REQUEST sends one message and does not wait. ENOSPC: no credit left; EBUSY: the group waits
 * for its answer; EIO: page requests were switched off, or the device is fenced; EINVAL: it has none.
 *
 * TRANSLATE asks for a translation as a device with a device TLB of its own does (MUTE; EINVAL for
 * others). What was granted is outstanding until an invalidation takes it.
 */
struct ioasid_sim_request {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 pasid;
	__u64 addr;
	__u32 group;
	__u32 granted;
};
#define IOASID_SIM_PAGE_REQUEST _IO(IOASID_SIM_IOC_TYPE, 0x05)
#define IOASID_SIM_TRANSLATE	_IO(IOASID_SIM_IOC_TYPE, 0x07)

/**
 * struct ioasid_sim_response - IOASID_SIM_RESPONSE: the next answer to a group of PAGE_REQUESTs
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of the device
 * @group: [out] index of the group
 * @code: [out] enum ioasid_response
 *
 * EAGAIN: none came since. Answers come in the order they were given.
 */
struct ioasid_sim_response {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 group;
	__u32 code;
	__u32 __reserved;
};
#define IOASID_SIM_RESPONSE _IO(IOASID_SIM_IOC_TYPE, 0x06)

/* ---- holds ----------------------------------------------------------------------------------------- */

/**
 * struct ioasid_sim_hold - IOASID_SIM_HOLD: a write that takes its time
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of the device
 * @pasid: on the wire; IOASID_SIM_NONE: none
 * @addr: I/O address
 * @length: bytes, 1 to IOASID_SIM_DMA_MAX
 * @hold: [out] number of the hold
 *
 * Translates the range for writing and keeps the DMA open until IOASID_SIM_RELEASE: invalidations
 * wait for it. Class 2 pins the range instead, and gives it back by itself when it is called back.
 * A hold that nobody releases ends after ten seconds, so that a killed test can be buried.
 * EFAULT: the range cannot be written.
 */
struct ioasid_sim_hold {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 pasid;
	__u64 addr;
	__u32 length;
	__u32 hold;
};
#define IOASID_SIM_HOLD _IO(IOASID_SIM_IOC_TYPE, 0x08)

/* ---- white-box questions ----------------------------------------------------------------------------- */

/**
 * struct ioasid_sim_stats - IOASID_SIM_STATS
 * @argsz: size of this structure
 * @flags: must be 0
 * @iommu: number of the IOMMU; IOASID_SIM_NONE: of all IOMMUs together, whoever made them
 * @devices: [out] devices behind it
 * @domains: [out] of the kernel's IOMMU API
 * @routes: [out] {device, PASID or none} that lead to a domain
 * @table_pages: [out] pages of its tables
 * @grants: [out] translations that device TLBs hold
 * @holds: [out] open holds
 * @iotlb_hits, @iotlb_misses, @walks, @pasid_hits, @pasid_misses, @invalidations, @page_requests,
 * @faults: [out] counters
 * @call_backs: [out] class 2: ranges it was told to give back
 */
struct ioasid_sim_stats {
	__u32 argsz;
	__u32 flags;
	__u32 iommu;
	__u32 devices;
	__u64 domains;
	__u64 routes;
	__u64 table_pages;
	__u64 grants;
	__u64 holds;
	__u64 iotlb_hits;
	__u64 iotlb_misses;
	__u64 walks;
	__u64 pasid_hits;
	__u64 pasid_misses;
	__u64 invalidations;
	__u64 page_requests;
	__u64 faults;
	__u64 call_backs;
};
#define IOASID_SIM_STATS _IO(IOASID_SIM_IOC_TYPE, 0x0a)

/** enum ioasid_sim_leads - what an entry of the PASID table leads to. */
enum ioasid_sim_leads {
	IOASID_SIM_LEADS_NOWHERE = 0,
	IOASID_SIM_LEADS_FIRST = 1, /* a first-stage table of this system: @first */
	IOASID_SIM_LEADS_SECOND = 2, /* a second-stage table of this system: @second */
	IOASID_SIM_LEADS_NESTED = 3, /* a guest's table, @first, which lies in what @second maps */
	IOASID_SIM_LEADS_PROCESS = 4, /* the memory of a process */
};

/**
 * struct ioasid_sim_walk - IOASID_SIM_WALK: what the PASID table in memory says
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of the device, whose RID is looked up: a slice has its parent's
 * @pasid: on the wire; IOASID_SIM_NONE: the entry of requests without PASID
 * @leads: [out] enum ioasid_sim_leads; NOWHERE: there is no entry, or none that is present
 * @did: [out] domain number in the entry, the tag of what is cached: one for each address space
 * @first: [out] address of the first-stage root; a guest's address when NESTED
 * @second: [out] address of the second-stage root
 *
 * Root, context and PASID tables are read with the formats' walker from the root on; nothing
 * else is asked. EINVAL: the device is behind no IOMMU.
 */
struct ioasid_sim_walk {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 pasid;
	__u32 leads;
	__u32 did;
	__u64 first;
	__u64 second;
};
#define IOASID_SIM_WALK _IO(IOASID_SIM_IOC_TYPE, 0x0b)

/* ---- work queues -------------------------------------------------------------------------------------- */

/** enum ioasid_sim_store - what kind of store reaches a portal. */
enum ioasid_sim_store {
	IOASID_SIM_STORE_PLAIN = 0,
	IOASID_SIM_STORE_MOVDIR64B = 1,
	IOASID_SIM_STORE_DMWR = 2, /* the bare transaction, with whatever PASID the data says */
};

/**
 * struct ioasid_sim_wq_store - IOASID_SIM_WQ_STORE: a store to the portal of a queue
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of a device with queues (EINVAL: it has none)
 * @queue: which; one that is not there takes nothing
 * @offset: in its portal, a page
 * @how: enum ioasid_sim_store
 * @data: address of what is stored
 * @length: bytes, 1 to 4096; a portal takes 64
 * @taken: [out] 1: taken, 0: not, and nothing has changed
 */
struct ioasid_sim_wq_store {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 queue;
	__u32 offset;
	__u32 how;
	__u64 data;
	__u32 length;
	__u32 taken;
};
#define IOASID_SIM_WQ_STORE _IO(IOASID_SIM_IOC_TYPE, 0x0c)

/**
 * struct ioasid_sim_wq_run - IOASID_SIM_WQ_RUN: its engine executes
 * @argsz: size of this structure
 * @flags: must be 0
 * @device: number of a device with queues (EINVAL: it has none)
 * @max: descriptors, at most
 * @done: [out] how many; fewer: there were no more, the device was stopped, or somebody else runs it
 *
 * A descriptor in execution waits for pages as it must; only a fatal signal ends that, which it takes
 * for a page that cannot be had.
 */
struct ioasid_sim_wq_run {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 max;
	__u32 done;
	__u32 __reserved;
};
#define IOASID_SIM_WQ_RUN _IO(IOASID_SIM_IOC_TYPE, 0x0d)

#define IOASID_SIM_WQ_WRITE (1U << 0)

/**
 * struct ioasid_sim_wq_register - IOASID_SIM_WQ_REGISTER: a register, whoever has the device bound
 * @argsz: size of this structure
 * @flags: IOASID_SIM_WQ_WRITE: write; else read
 * @device: number of a device with queues (EINVAL: it has none)
 * @offset: IOASID_WQ_REG_*
 * @value: what to write; read: [out] what is in it
 *
 * The user of the device does it on its node, which answers nobody else. Errors as there: EINVAL no such
 * register, or read only; ENOENT a number without route; EBUSY the queue is enabled.
 */
struct ioasid_sim_wq_register {
	__u32 argsz;
	__u32 flags;
	__u32 device;
	__u32 offset;
	__u32 value;
};
#define IOASID_SIM_WQ_REGISTER _IO(IOASID_SIM_IOC_TYPE, 0x10)

/* ---- VMs: CPUs that execute ENQCMD ----------------------------------------------------------------------- */

/**
 * struct ioasid_sim_vm - IOASID_SIM_VM_CREATE: a VM without vCPUs
 * @argsz: size of this structure
 * @flags: must be 0
 * @fd: [out] descriptor of the VM: what IOASID_CPU_PASID_ENABLE takes, and where its own commands go
 * @__reserved: 0
 *
 * Its instructions reach the devices of the open it was made through, as long as that is open. The VM
 * ends when its descriptor is closed: a context that has it loses it, which closes portals and ends
 * translation.
 */
struct ioasid_sim_vm {
	__u32 argsz;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
};
#define IOASID_SIM_VM_CREATE _IO(IOASID_SIM_IOC_TYPE, 0x0e)

/* Commands on the descriptor of a VM. */
#define IOASID_SIM_VM_BASE 0x40

/**
 * struct ioasid_sim_vcpu - IOASID_SIM_VCPU_CREATE
 * @argsz: size of this structure
 * @flags: must be 0
 * @vcpu: [out] number of the vCPU
 * @__reserved: 0
 *
 * IA32_PASID is 0, not valid. EDQUOT: a VM has at most 1024 vCPUs.
 */
struct ioasid_sim_vcpu {
	__u32 argsz;
	__u32 flags;
	__u32 vcpu;
	__u32 __reserved;
};
#define IOASID_SIM_VCPU_CREATE _IO(IOASID_SIM_IOC_TYPE, IOASID_SIM_VM_BASE + 0)
/* IOASID_SIM_VCPU_DESTROY takes struct ioasid_sim_object. */
#define IOASID_SIM_VCPU_DESTROY _IO(IOASID_SIM_IOC_TYPE, IOASID_SIM_VM_BASE + 1)

/**
 * struct ioasid_sim_wrmsr - IOASID_SIM_WRMSR_PASID: a vCPU writes IA32_PASID
 * @argsz: size of this structure
 * @flags: must be 0
 * @vcpu: number of the vCPU (ENOENT: there is none)
 * @__reserved: 0
 * @value: the PASID in 19:0, valid in bit 31; other bits are #GP, EINVAL: nothing has changed
 */
struct ioasid_sim_wrmsr {
	__u32 argsz;
	__u32 flags;
	__u32 vcpu;
	__u32 __reserved;
	__u64 value;
};
#define IOASID_SIM_WRMSR_PASID _IO(IOASID_SIM_IOC_TYPE, IOASID_SIM_VM_BASE + 2)

#define IOASID_SIM_ENQCMD_SUPERVISOR (1U << 0) /* ENQCMDS */

/** enum ioasid_sim_insn - how an instruction ended. */
enum ioasid_sim_insn {
	IOASID_SIM_INSN_RETIRED = 0, /* @zf says what the device answered */
	IOASID_SIM_INSN_GP = 1, /* #GP: nothing was sent */
	IOASID_SIM_INSN_EXIT = 2, /* VM exit: nothing was sent; execute it again after mapping */
};

/**
 * struct ioasid_sim_enqcmd - IOASID_SIM_ENQCMD: a vCPU executes ENQCMD or ENQCMDS
 * @argsz: size of this structure
 * @flags: IOASID_SIM_ENQCMD_SUPERVISOR
 * @vcpu: number of the vCPU
 * @device: number of the device that the destination is the portal of; IOASID_SIM_NONE: it is ordinary
 *          memory, which answers "retry"
 * @queue: which queue of it
 * @cpl: privilege level, 0 to 3 (EINVAL)
 * @offset: destination, in the portal's page
 * @data: the 64 bytes stored
 * @result: [out] enum ioasid_sim_insn
 * @zf: [out] RETIRED: 1: retry
 * @exit_reason: [out] EXIT: 72 ENQCMD, 73 ENQCMDS
 * @vpasid: [out] EXIT: the number that could not be translated
 *
 * One instruction at a time executes on a vCPU. ENOENT: no such vCPU or device; ENODEV: the device is
 * being taken away; EINVAL: it has no queues.
 */
struct ioasid_sim_enqcmd {
	__u32 argsz;
	__u32 flags;
	__u32 vcpu;
	__u32 device;
	__u32 queue;
	__u32 cpl;
	__u64 offset;
	__u8 data[64];
	__u32 result;
	__u32 zf;
	__u32 exit_reason;
	__u32 vpasid;
};
#define IOASID_SIM_ENQCMD _IO(IOASID_SIM_IOC_TYPE, IOASID_SIM_VM_BASE + 3)

#endif
