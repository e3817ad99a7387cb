/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Registers and descriptors of the model device with work queues, which the in-process home and
 * ioasid-sim.ko offer: region 0 of its device descriptor are its registers.
 *
 * The layout is this project's own. Descriptors begin as those of ENQCMD do (Intel SDM: PASID and PRIV in
 * the first four bytes), so that a shared queue finds there what the CPU has put in.
 */
#ifndef _UAPI_LINUX_IOASID_WQ_H
#define _UAPI_LINUX_IOASID_WQ_H

#include <linux/types.h>

#define IOASID_WQ_MAX_QUEUES 16
#define IOASID_WQ_NO_PASID   0xffffffffU

/* ---- registers: 32 bits each, little endian ---------------------------------------------------- */

#define IOASID_WQ_REG_ID     0x000 /* RO: IOASID_WQ_ID */
#define IOASID_WQ_REG_QUEUES 0x004 /* RO: dedicated in 7:0, shared in 15:8, size in 31:16 */
#define IOASID_WQ_REG_STATUS 0x008 /* RO: IOASID_WQ_STATUS_* */
#define IOASID_WQ_REG_ERROR \
	0x00c /* enum ioasid_wq_error of the last refusal; any write clears it */
#define IOASID_WQ_REG_DONE 0x010 /* RO: descriptors executed, modulo 2^32 */

#define IOASID_WQ_ID 0x5157494f /* "OIWQ" */

#define IOASID_WQ_STATUS_PORTAL (1U << 0) /* shared queues accept work */
#define IOASID_WQ_STATUS_BUSY	(1U << 1) /* a descriptor waits or is being executed */

/* Of queue n: at IOASID_WQ_QUEUE(n) + register. */
#define IOASID_WQ_QUEUE_SIZE  0x20
#define IOASID_WQ_QUEUE(n)    (0x100 + (n)*IOASID_WQ_QUEUE_SIZE)
#define IOASID_WQ_REG_TYPE    0x00 /* RO: IOASID_WQ_DEDICATED or SHARED */
#define IOASID_WQ_REG_CONTROL 0x04 /* IOASID_WQ_ENABLE */
#define IOASID_WQ_REG_PASID   0x08 /* dedicated: IOASID_WQ_PASID_VALID and the guest's number */
#define IOASID_WQ_REG_COUNT   0x0c /* RO: descriptors that wait, or are being executed */

#define IOASID_WQ_DEDICATED 1
#define IOASID_WQ_SHARED    2

#define IOASID_WQ_ENABLE (1U << 0) /* takes work; clearing it drops what waits */
/*
 * Dedicated queues: with VALID work is sent with the number in 19:0, without it without PASID. It is
 * written while the queue is disabled, and reads as it was written: the number on the wire is not
 * shown. A number without a route is refused and changes nothing.
 */
#define IOASID_WQ_PASID_VALID (1U << 31)

/** enum ioasid_wq_error - why something was refused. */
enum ioasid_wq_error {
	IOASID_WQ_ERR_NONE = 0,
	IOASID_WQ_ERR_PASID = 1, /* a number without a route was written to a register */
	IOASID_WQ_ERR_STORE = 2, /* a portal was stored to in a way it does not take */
	IOASID_WQ_ERR_CLOSED = 3, /* the queue is disabled, or the portal closed */
	IOASID_WQ_ERR_FULL = 4,
	IOASID_WQ_ERR_ALLOW = 5, /* a descriptor carried a number that is not of this device */
	IOASID_WQ_ERR_BUSY = 6, /* the register cannot be written while the queue is enabled */
};

/* ---- descriptors -------------------------------------------------------------------------------- */

/** enum ioasid_wq_op - what a descriptor asks for. */
enum ioasid_wq_op {
	IOASID_WQ_NOP = 0,
	IOASID_WQ_COPY = 1, /* @length bytes from @src to @dst */
	IOASID_WQ_FILL = 2, /* @length bytes at @dst with the eight bytes @src, again and again */
};
#define IOASID_WQ_LENGTH_MAX (1U << 20)

#define IOASID_WQ_DESC_PASID 0x000fffffU /* of @pasid: shared queues; dedicated: must be 0 */
#define IOASID_WQ_DESC_PRIV  0x80000000U

/**
 * struct ioasid_wq_desc - 64 bytes of work
 * @pasid: shared queues: put there by the CPU: the number on the wire in 19:0, PRIV in 31
 * @op: enum ioasid_wq_op
 * @flags: must be 0
 * @length: bytes, at most IOASID_WQ_LENGTH_MAX
 * @completion: address of a struct ioasid_wq_completion that is written when all is done, 8-byte
 *              aligned; 0: none
 * @src, @dst: addresses
 */
struct ioasid_wq_desc {
	__u32 pasid;
	__u32 op;
	__u32 flags;
	__u32 length;
	__u64 completion;
	__u64 src;
	__u64 dst;
	__u64 __reserved[3];
};

/** enum ioasid_wq_status - of a completion; never 0. */
enum ioasid_wq_status {
	IOASID_WQ_DONE = 1,
	IOASID_WQ_FAULT = 2, /* an access was blocked: @address */
	IOASID_WQ_BAD = 3, /* the descriptor is malformed */
};

/** struct ioasid_wq_completion - 16 bytes; @status is written last. */
struct ioasid_wq_completion {
	__u64 address;
	__u32 __reserved;
	__u32 status;
};

#endif
