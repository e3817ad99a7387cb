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
 * @id: number of the IOMMU, device or hold
 *
 * DEVICE_DESTROY is hot-unplug: whatever the device is doing ends, its node goes, requests in
 * progress answer ENODEV. IOMMU_DESTROY does it to all devices of the IOMMU first.
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

/**
 * struct ioasid_sim_device - IOASID_SIM_DEVICE_CREATE
 * @argsz: size of this structure
 * @flags: IOASID_SIM_ATS | PRI | MUTE
 * @iommu: the IOMMU it sits behind; class 2 sits behind none, which does not care
 * @dev_class: enum ioasid_class: 1, 2 or 5
 * @pasid_bits: width of its PASID capability; 0: none
 * @group: devices of an IOMMU with equal numbers share a group; IOASID_SIM_NONE: alone
 * @pri_capacity: page requests it may have outstanding, at most 512; 0: 512
 * @dtlb_entries: size of its device TLB, at most 65536; 0: 64
 * @name: what it is called in /dev/ioasid-devices; terminated
 * @device: [out] number of the device
 *
 * EEXIST: the name is taken. EOPNOTSUPP: the class is not offered. EINVAL: @pasid_bits, ATS or PRI
 * on a class that has none. ENODEV: the kernel did not put it behind the IOMMU.
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
};
#define IOASID_SIM_DEVICE_CREATE _IO(IOASID_SIM_IOC_TYPE, 0x02)

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

#endif
