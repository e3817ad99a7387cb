/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The demonstration accelerator as its driver and its programs see it: PCI identity, registers,
 * work descriptors, completion records. One header for the device model, the guest's driver and
 * the guest's programs. All fields are little-endian.
 *
 * The device has dedicated work queues. A queue is a ring of 64-byte descriptors in memory; the
 * ring, the operands and the completion records are reached by the addresses the queue's owner
 * uses: virtual addresses under the queue's PASID, or I/O addresses without one. The owner writes
 * descriptors and then the new tail (free running, modulo 2^32) into the queue's doorbell page.
 *
 * A queue works in order. A missing page is asked for by a page request and waited for; other
 * queues go on meanwhile.
 */
#ifndef IOASID_ACCEL_HW_H
#define IOASID_ACCEL_HW_H

#include <linux/types.h>

#define ACCEL_PCI_VENDOR 0x1234
#define ACCEL_PCI_DEVICE 0x10f5
#define ACCEL_PCI_CLASS	 0x120000 /* processing accelerator */
#define ACCEL_QUEUES	 8

#define ACCEL_BAR_REGS	   0
#define ACCEL_BAR_DOORBELL 2
#define ACCEL_BAR_MSIX	   4

/* ---- BAR 0: registers, 4 or 8 bytes, naturally aligned --------------------------------------- */

#define ACCEL_REG_ID	   0x000 /* u32 RO */
#define ACCEL_REG_VERSION  0x004 /* u32 RO */
#define ACCEL_REG_CAPS	   0x008 /* u32 RO: 7:0 queues, 15:8 log2 of the largest ring */
#define ACCEL_REG_OPS	   0x00c /* u32 RO: bit per operation */
#define ACCEL_REG_MAX_LEN  0x010 /* u32 RO: longest operand in bytes */
#define ACCEL_REG_CONTROL  0x014 /* u32 WO: bit 0 resets the device */
#define ACCEL_REG_COUNTERS 0x100 /* u64 RO each, ACCEL_COUNTER_* */
#define ACCEL_REG_QUEUE	   0x1000 /* queue blocks */
#define ACCEL_REGS_SIZE	   0x4000

#define ACCEL_ID_VALUE	    0x43414f49 /* "IOAC" */
#define ACCEL_VERSION_VALUE 1
#define ACCEL_CONTROL_RESET (1U << 0)

enum accel_counter {
	ACCEL_COUNTER_DESCRIPTORS,
	ACCEL_COUNTER_BYTES,
	ACCEL_COUNTER_PAGE_REQUESTS,
	ACCEL_COUNTER_FAULTS,
	ACCEL_COUNTER_INTERRUPTS,
	ACCEL_COUNTER_REFUSED, /* malformed descriptors */
	ACCEL_COUNTER_RETRIES, /* chunks that had to be translated again */
	ACCEL_NR_COUNTERS,
};

#define ACCEL_QUEUE_STRIDE	0x100
#define ACCEL_QUEUE_CONTROL	0x00 /* u32 RW */
#define ACCEL_QUEUE_STATUS	0x04 /* u32 RO: 7:0 state, 15:8 error */
#define ACCEL_QUEUE_PASID	0x08 /* u32 RW while idle */
#define ACCEL_QUEUE_RING_LG2	0x0c /* u32 RW while idle: log2 of the descriptors */
#define ACCEL_QUEUE_RING_BASE	0x10 /* u64 RW while idle, 64-byte aligned */
#define ACCEL_QUEUE_HEAD	0x18 /* u32 RO, free running */
#define ACCEL_QUEUE_TAIL	0x1c /* u32 RO, what the doorbell got last */
#define ACCEL_QUEUE_FAULT_ADDR	0x20 /* u64 RO: why it halted */
#define ACCEL_QUEUE_FAULT_CODE	0x28 /* u32 RO: VT-d fault reason */
#define ACCEL_QUEUE_DESCRIPTORS 0x30 /* u64 RO, since enable */
#define ACCEL_QUEUE_PRS		0x38 /* u64 RO, page requests since enable */
#define ACCEL_QUEUE_FAULTS	0x40 /* u64 RO, since enable */

/*
 * Enabling takes PASID, ring and size over and sets head and tail to 0. Clearing the bit stops the
 * queue: an access under way ends, a page request that is out is still waited for, what was not
 * done stays undone; then the state is IDLE. Nothing is sent for the queue after that, and software
 * owes it no answer, so its PASID can be taken down. A reset does not wait for answers.
 */
#define ACCEL_CONTROL_ENABLE (1U << 0)
#define ACCEL_CONTROL_PASID  (1U << 1) /* requests carry the queue's PASID */

enum accel_queue_state {
	ACCEL_STATE_IDLE,
	ACCEL_STATE_RUNNING,
	ACCEL_STATE_STOPPING,
	ACCEL_STATE_HALTED, /* ring or completion record out of reach; disable to leave */
};

enum accel_queue_error {
	ACCEL_ERROR_NONE,
	ACCEL_ERROR_CONFIG, /* enable refused: ring size, alignment or PASID */
	ACCEL_ERROR_RING, /* a descriptor could not be fetched */
	ACCEL_ERROR_COMPLETION, /* a completion record could not be written */
	ACCEL_ERROR_OVERRUN, /* the doorbell names more than the ring holds */
	ACCEL_ERROR_RESOURCES,
};

#define ACCEL_STATUS_STATE(status) ((status)&0xff)
#define ACCEL_STATUS_ERROR(status) (((status) >> 8) & 0xff)
#define ACCEL_RING_LG2_MAX	   12

/* ---- BAR 2: one doorbell page per queue ------------------------------------------------------ */

#define ACCEL_DOORBELL_STRIDE 0x1000
#define ACCEL_DOORBELL_TAIL   0x00 /* u32 RW */
#define ACCEL_DOORBELL_HEAD   0x04 /* u32 RO */
#define ACCEL_DOORBELL_STATUS 0x08 /* u32 RO, as ACCEL_QUEUE_STATUS */

/* ---- descriptors and completion records ------------------------------------------------------ */

enum accel_op {
	ACCEL_OP_NOOP,
	ACCEL_OP_COPY, /* @src to @dst; overlapping ranges give undefined contents */
	ACCEL_OP_FILL, /* @operand repeated, byte 0 of it first, to @dst */
	ACCEL_OP_COMPARE, /* @src with @dst; result 1 and bytes_done where they differ */
	ACCEL_OP_CRC32C, /* of @src with seed @operand; result: checksum */
	ACCEL_OP_FETCH_ADD, /* 8 bytes at @dst += @operand, as one; result: old value */
	ACCEL_OP_TRANSLATE, /* result: guest-physical address that @src reaches; asks for no page */
	ACCEL_NR_OPS,
};

#define ACCEL_DESC_INTERRUPT  (1 << 0) /* raise the queue's MSI-X vector when done; may merge */
#define ACCEL_DESC_COMPLETION (1 << 1) /* write a record to @completion */
#define ACCEL_DESC_NO_BLOCK   (1 << 2) /* do not ask for missing pages: partial result */
#define ACCEL_DESC_WRITE      (1 << 3) /* TRANSLATE: for writing */
#define ACCEL_DESC_FLAGS      0xf

#define ACCEL_MAX_LEN (64U << 20)

/**
 * struct accel_desc - one piece of work
 * @op: enum accel_op
 * @flags: ACCEL_DESC_*
 * @reserved: 0
 * @len: bytes, 1 to ACCEL_MAX_LEN where the operation has a length, else 0
 * @src: where it reads
 * @dst: where it writes
 * @operand: see enum accel_op
 * @completion: where the record goes, 32-byte aligned
 * @tag: the submitter's own
 * @reserved2: 0
 */
struct accel_desc {
	__u8 op;
	__u8 flags;
	__u16 reserved;
	__u32 len;
	__u64 src;
	__u64 dst;
	__u64 operand;
	__u64 completion;
	__u64 tag;
	__u64 reserved2[2];
};

enum accel_comp_status {
	ACCEL_COMP_PENDING, /* what the submitter puts there before */
	ACCEL_COMP_SUCCESS,
	ACCEL_COMP_FAULT, /* fault_addr cannot be reached; bytes_done are done */
	ACCEL_COMP_PARTIAL, /* as FAULT, but a page request might help (NO_BLOCK) */
	ACCEL_COMP_REFUSED, /* malformed descriptor */
	ACCEL_COMP_STOPPED, /* too many retries, or nobody answered a page request */
};

/**
 * struct accel_comp - completion record
 * @status: enum accel_comp_status, written last
 * @page_requests: page requests this descriptor took
 * @result: see enum accel_op; COPY and FILL: nanoseconds spent waiting for page responses
 * @fault_addr: with FAULT and PARTIAL
 * @bytes_done: bytes of the operand that are done
 * @fault_code: with FAULT and PARTIAL: VT-d fault reason
 */
struct accel_comp {
	__u32 status;
	__u32 page_requests;
	__u64 result;
	__u64 fault_addr;
	__u32 bytes_done;
	__u32 fault_code;
};

#endif
