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
 *
 * A slice of a function (a mediated device) has one shared queue more, which takes descriptors from
 * portal pages. Numbers that its guest writes are the guest's own; what goes on the wire, the guest
 * does not see.
 */
#ifndef IOASID_ACCEL_HW_H
#define IOASID_ACCEL_HW_H

#include <linux/types.h>

#define ACCEL_PCI_VENDOR 0x1234
#define ACCEL_PCI_DEVICE 0x10f5
#define ACCEL_PCI_CLASS	 0x120000 /* processing accelerator */
#define ACCEL_QUEUES	 8
#define ACCEL_PORTALS	 8 /* of a slice; they belong to its queues, by number */

#define ACCEL_BAR_REGS	   0
#define ACCEL_BAR_DOORBELL 2
#define ACCEL_BAR_MSIX	   4

/* ---- BAR 0: registers, 4 or 8 bytes, naturally aligned --------------------------------------- */

#define ACCEL_REG_ID	   0x000 /* u32 RO */
#define ACCEL_REG_VERSION  0x004 /* u32 RO */
#define ACCEL_REG_CAPS	   0x008 /* u32 RO: 7:0 queues, 15:8 log2 of the largest ring, ACCEL_CAP_* */
#define ACCEL_REG_OPS	   0x00c /* u32 RO: bit per operation */
#define ACCEL_REG_MAX_LEN  0x010 /* u32 RO: longest operand in bytes */
#define ACCEL_REG_CONTROL  0x014 /* u32 WO: bit 0 resets the device */
#define ACCEL_REG_MEET	   0x020 /* with ACCEL_CAP_MEET, see there */
#define ACCEL_REG_COUNTERS 0x100 /* u64 RO each, ACCEL_COUNTER_* */
#define ACCEL_REG_QUEUE	   0x1000 /* queue blocks */
#define ACCEL_REGS_SIZE	   0x4000

#define ACCEL_ID_VALUE	    0x43414f49 /* "IOAC" */
#define ACCEL_VERSION_VALUE 1
#define ACCEL_CONTROL_RESET (1U << 0)
#define ACCEL_CAP_PORTAL    (1U << 16) /* a slice: it has portal pages and a shared queue */
#define ACCEL_CAP_MEET	    (1U << 17) /* slices can meet */

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
#define ACCEL_QUEUE_PASID	0x08 /* u32 RW while idle, see below */
#define ACCEL_QUEUE_RING_LG2	0x0c /* u32 RW while idle: log2 of the descriptors */
#define ACCEL_QUEUE_RING_BASE	0x10 /* u64 RW while idle, 64-byte aligned */
#define ACCEL_QUEUE_HEAD	0x18 /* u32 RO, free running */
#define ACCEL_QUEUE_TAIL	0x1c /* u32 RO, what the doorbell got last */
#define ACCEL_QUEUE_FAULT_ADDR	0x20 /* u64 RO: why it halted */
#define ACCEL_QUEUE_FAULT_CODE	0x28 /* u32 RO: VT-d fault reason */
#define ACCEL_QUEUE_DESCRIPTORS 0x30 /* u64 RO, since enable */
#define ACCEL_QUEUE_PRS		0x38 /* u64 RO, page requests since enable */
#define ACCEL_QUEUE_FAULTS	0x40 /* u64 RO, since enable */
#define ACCEL_QUEUE_PORTAL	0x48 /* u32 RW, see below */

/*
 * Enabling takes PASID, ring and size over and sets head and tail to 0. Clearing the bit stops the
 * queue: an access under way ends, a page request that is out is still waited for, what was not
 * done stays undone; then the state is IDLE. Nothing is sent for the queue after that, and software
 * owes it no answer, so its PASID can be taken down. A reset does not wait for answers.
 */
#define ACCEL_CONTROL_ENABLE (1U << 0)
#define ACCEL_CONTROL_PASID  (1U << 1) /* requests carry the queue's PASID */

/*
 * ACCEL_QUEUE_PASID of a slice takes numbers that the guest's IOMMU has an entry for, and 0: none. Any
 * other number is refused: the register keeps its value, the status says ACCEL_ERROR_PASID. When
 * the entry goes, the register becomes 0, and a queue that runs with the number halts, ACCEL_ERROR_PASID.
 *
 * ACCEL_QUEUE_PORTAL reads how many descriptors that came through the queue's portal page wait or are
 * being done. Any write drops those that wait and stops the one being done, which waits for page requests
 * that are out as a queue does that is being disabled.
 */

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
	ACCEL_ERROR_PASID, /* a number without an entry was written, or the entry went */
};

#define ACCEL_STATUS_STATE(status) ((status)&0xff)
#define ACCEL_STATUS_ERROR(status) (((status) >> 8) & 0xff)
#define ACCEL_RING_LG2_MAX	   12

/* ---- BAR 2: one doorbell page per queue ------------------------------------------------------ */

#define ACCEL_DOORBELL_STRIDE 0x1000
#define ACCEL_DOORBELL_TAIL   0x00 /* u32 RW */
#define ACCEL_DOORBELL_HEAD   0x04 /* u32 RO */
#define ACCEL_DOORBELL_STATUS 0x08 /* u32 RO, as ACCEL_QUEUE_STATUS */

/* ---- BAR 2, behind the doorbells: one portal page per queue of a slice ------------------------- */

/*
 * A portal page is where ENQCMD stores to, for guests whose CPUs do not have it. 4 and 8 byte stores
 * to the first 64 bytes lay the operand down, in any order; nothing happens then. A store to COMMIT
 * executes the instruction with what lies there:
 *
 *   bytes 0 to 3    what IA32_PASID holds: the guest's number in 19:0, valid in 31
 *   bytes 4 to 63   the rest of struct accel_portal_desc
 *
 * ANSWER then says how that ended. A page has one user at a time; another one may use another page.
 * A CPU takes the number from a register that a process cannot write; here, whoever can store to the
 * page can name any number of the guest.
 */
#define ACCEL_PORTAL_FIRST     (ACCEL_QUEUES * ACCEL_DOORBELL_STRIDE)
#define ACCEL_PORTAL_PAGE(n)   (ACCEL_PORTAL_FIRST + (n)*ACCEL_DOORBELL_STRIDE)
#define ACCEL_PORTAL_COMMIT    0x40 /* u32 WO */
#define ACCEL_PORTAL_ANSWER    0x48 /* u32 RO: 7:0 enum accel_answer, 31:8 instructions executed */
#define ACCEL_PORTAL_VALID     (1U << 31)
#define ACCEL_PORTAL_RESULT(a) ((a)&0xff)

enum accel_answer {
	ACCEL_ANSWER_NONE,
	ACCEL_ANSWER_ACCEPTED, /* ZF = 0 */
	ACCEL_ANSWER_RETRY, /* ZF = 1: full, or not open */
	ACCEL_ANSWER_GP, /* #GP: no valid number in bytes 0 to 3 */
	ACCEL_ANSWER_EXIT, /* the guest's CPUs have no translation of the number, and get none */
};

/* ---- BAR 0: where slices meet -------------------------------------------------------------------- */

/*
 * So that guests which share a function can show something together. Slices of other functions, and
 * functions that are not shared, do not have this.
 */
#define ACCEL_MEET_STAGE \
	0x020 /* u32 RW: where this slice is; reads the least of all that are there */
#define ACCEL_MEET_HOLD	  0x028 /* u32 RO: enum accel_hold, when it is over; see below */
#define ACCEL_MEET_OTHERS 0x030 /* u32 RO: other slices: 7:0 there, 15:8 held */
#define ACCEL_MEET_HINTS \
	0x040 /* u32 RO, 8 of them: what others send with, 0: none; to attack them */
#define ACCEL_MEET_END 0x060

/*
 * Reading HOLD takes until all others are at a greater stage than this slice, or gone. The processor
 * that reads stands still meanwhile; if the guest has no other, the guest does. Its memory is compared
 * before and after: it must be the same.
 */
enum accel_hold {
	ACCEL_HOLD_NONE, /* there is nobody to wait for */
	ACCEL_HOLD_SAME,
	ACCEL_HOLD_CHANGED,
	ACCEL_HOLD_MOVING, /* it changes by itself: the guest does not stand still */
	ACCEL_HOLD_LIMIT, /* the others did not come in time */
};

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

/**
 * struct accel_portal_desc - the same for a portal
 * @pasid: see ACCEL_PORTAL_PAGE
 *
 * The rest means what it means in struct accel_desc; reserved fields must be 0. An interrupt is the
 * one of the queue that the page belongs to.
 */
struct accel_portal_desc {
	__u32 pasid;
	__u8 op;
	__u8 flags;
	__u16 reserved;
	__u64 src;
	__u64 dst;
	__u64 operand;
	__u64 completion;
	__u64 tag;
	__u32 len;
	__u32 reserved2;
	__u64 reserved3;
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
