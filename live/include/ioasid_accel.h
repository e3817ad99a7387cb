/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/ioasid-accel: the accelerator's driver for programs in the guest.
 *
 * An open file can own one work queue. BIND takes a free one and ties it to the caller's address
 * space: from then on the device reads and writes the caller's memory by plain pointers. The
 * queue's doorbell page is mapped with mmap() at offset 0. read() waits for interrupts of the
 * queue and returns how many came since the last read (u64); poll() works. Where the device has portals,
 * the queue's portal page is at the next page's offset, for CAP_SYS_RAWIO: who stores there names
 * the address space, which a CPU with ENQCMD would do.
 *
 * Only the process that bound the queue may map the doorbell. The queue is free for others when
 * the last descriptor and mapping of the file are gone, or the process has ended.
 */
#ifndef IOASID_ACCEL_H
#define IOASID_ACCEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ACCEL_IOC_TYPE 0xE6

/**
 * struct accel_bind - ACCEL_IOC_BIND
 * @ring: address of the ring in the caller, 64-byte aligned
 * @ring_lg2: log2 of its descriptors, 1 to 12
 * @queue: [out] number of the queue
 * @pasid: [out] number under which the device knows the address space
 * @flags: must be 0
 *
 * EBUSY: no free queue, or this file has one; EOPNOTSUPP: this kernel shares no address spaces.
 */
struct accel_bind {
	__u64 ring;
	__u32 ring_lg2;
	__u32 queue;
	__u32 pasid;
	__u32 flags;
};

/**
 * struct accel_info - ACCEL_IOC_INFO
 * @queues: queues the device has
 * @free_queues: queues nobody owns
 * @max_pasids: of the device, as the IOMMU driver enabled it
 * @features: ACCEL_FEATURE_*
 * @queue_status: of this file's queue, as in the register; ~0: none
 * @iommu_group: number of the device's IOMMU group
 * @counters: of the device, enum accel_counter
 */
struct accel_info {
	__u32 queues;
	__u32 free_queues;
	__u32 max_pasids;
	__u32 features;
	__u32 queue_status;
	__s32 iommu_group;
	__u64 counters[8];
};
#define ACCEL_FEATURE_PASID  (1U << 0) /* enabled in the device by the IOMMU driver */
#define ACCEL_FEATURE_ATS    (1U << 1)
#define ACCEL_FEATURE_PRI    (1U << 2)
#define ACCEL_FEATURE_PORTAL (1U << 4) /* portal pages */
#define ACCEL_FEATURE_SVA    (1U << 3) /* the kernel said yes when the driver tried it */

/** enum accel_selftest - what ACCEL_IOC_SELFTEST can try (CAP_SYS_ADMIN). */
enum accel_selftest {
	ACCEL_SELFTEST_COHERENT, /* DMA without PASID, dma_alloc_coherent() */
	ACCEL_SELFTEST_STREAMING, /* DMA without PASID, dma_map_single() */
	ACCEL_SELFTEST_UNMAPPED, /* DMA without PASID after dma_unmap_single() must fault */
	ACCEL_SELFTEST_PASID, /* a paging domain under a PASID: map, DMA, unmap, DMA faults */
	ACCEL_SELFTEST_SVA, /* result: what iommu_sva_bind_device() returns here */
};

/**
 * struct accel_run - ACCEL_IOC_SELFTEST
 * @test: enum accel_selftest
 * @result: [out] 0 or a negative errno
 * @bytes: [out] bytes moved by DMA
 * @pasid: [out] PASID used
 * @iova: [out] an I/O address the test used
 * @fault_code: [out] what the device reported where a fault was wanted
 * @flags: must be 0
 * @step: [out] which check failed first, in words
 */
struct accel_run {
	__u32 test;
	__s32 result;
	__u64 bytes;
	__u32 pasid;
	__u32 fault_code;
	__u64 iova;
	__u64 flags;
	char step[64];
};

#define ACCEL_IOC_BIND	   _IOWR(ACCEL_IOC_TYPE, 0, struct accel_bind)
#define ACCEL_IOC_UNBIND   _IO(ACCEL_IOC_TYPE, 1)
#define ACCEL_IOC_INFO	   _IOR(ACCEL_IOC_TYPE, 2, struct accel_info)
#define ACCEL_IOC_SELFTEST _IOWR(ACCEL_IOC_TYPE, 3, struct accel_run)

#endif
