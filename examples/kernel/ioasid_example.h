/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The example device, as its user sees it: a small engine that checksums and copies memory of the
 * address space its user attached it to. Addresses are I/O addresses of that space.
 */
#ifndef IOASID_EXAMPLE_H
#define IOASID_EXAMPLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOASID_EXAMPLE_TYPE 0xE8

/** Longest job in bytes. */
#define IOASID_EXAMPLE_MAX (1U << 20)

/**
 * struct ioasid_example_job - one job; the command has returned when it is done
 * @src: bytes to read
 * @dst: COPY: where they go
 * @length: 1 to IOASID_EXAMPLE_MAX
 * @crc: [out] CRC-32 (the one of zlib) of what was read
 *
 * EFAULT: an address cannot be reached, a prefix may have been copied; an event says where.
 * ENODEV: attached to nothing, or on its way out.
 */
struct ioasid_example_job {
	__u64 src;
	__u64 dst;
	__u32 length;
	__u32 crc;
};
#define IOASID_EXAMPLE_CHECKSUM _IOWR(IOASID_EXAMPLE_TYPE, 0x00, struct ioasid_example_job)
#define IOASID_EXAMPLE_COPY	_IOWR(IOASID_EXAMPLE_TYPE, 0x01, struct ioasid_example_job)

/**
 * struct ioasid_example_record - what the device writes after each job, where SET_RECORD says
 * @jobs: jobs done since SET_RECORD
 * @crc: of the last one
 */
struct ioasid_example_record {
	__u32 jobs;
	__u32 crc;
};

/**
 * struct ioasid_example_where - where the record is to be kept
 * @iova: multiple of the page size. The page stays pinned until it is unmapped, the device is
 *        detached or reset, or another page is set
 */
struct ioasid_example_where {
	__u64 iova;
};
#define IOASID_EXAMPLE_SET_RECORD _IOW(IOASID_EXAMPLE_TYPE, 0x02, struct ioasid_example_where)

#endif
