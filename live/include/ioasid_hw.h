/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The commanded endpoint: a PCI function that does the DMA it is told to, one command at a time. It
 * sits behind a VT-d unit in hardware mode (live/hw), and is there to try what software programmed
 * into that unit. One header for the device model and for programs in the guest, which map BAR 0
 * (one page) and need nothing else.
 *
 * All registers are little-endian. Accesses of 4 or 8 bytes, naturally aligned; a 64-bit register
 * may be written in halves. Writes are ordered, and a read sees all writes before it.
 *
 * A command: write ADDR, PASID, LENGTH, DATA (and EXPECT), then COMMAND; read STATUS until BUSY is
 * clear; read the results. While BUSY is set, writes to these registers are ignored, everything else
 * works: page requests, responses, CONTROL.
 */
#ifndef IOASID_HW_H
#define IOASID_HW_H

#include <linux/types.h>

#define IOHW_PCI_VENDOR 0x1234
#define IOHW_PCI_DEVICE 0x10f7
#define IOHW_PCI_CLASS	0x120000 /* processing accelerator */

#define IOHW_BAR_REGS 0
#define IOHW_BAR_MSIX 2
#define IOHW_BAR_SIZE 0x1000
#define IOHW_VECTORS  2
#define IOHW_GROUPS   512 /* page request group indexes */
#define IOHW_MAX_LEN  64
/* No such address. */
#define IOHW_NOWHERE (~0ULL)

#define IOHW_REG_ID	   0x000 /* u32 RO: IOHW_ID_VALUE */
#define IOHW_REG_VERSION   0x004 /* u32 RO: IOHW_VERSION_VALUE */
#define IOHW_REG_FUNCTIONS 0x008 /* u32 RO: IOHW_FUNC_*: what configuration space switched on */
#define IOHW_REG_CREDITS   0x00c /* u32 RO: page requests it may still send */
#define IOHW_REG_COMMAND   0x010 /* u32 WO: IOHW_CMD_*: go */
#define IOHW_REG_STATUS	   0x014 /* u32 RO: IOHW_STATUS_* */
#define IOHW_REG_CONTROL   0x018 /* u32 WO: IOHW_CONTROL_* */
#define IOHW_REG_INTERRUPT 0x01c /* u32 WO: raise this MSI-X vector */
#define IOHW_REG_ADDR	   0x020 /* u64 RW: I/O address */
#define IOHW_REG_PASID	   0x028 /* u32 RW: number on the wire, with IOHW_CMD_PASID */
#define IOHW_REG_LENGTH	   0x02c /* u32 RW: bytes, 1 to IOHW_MAX_LEN; FETCH_ADD: 8, aligned */
/*
 * Guest-physical address the first byte must reach, or IOHW_NOWHERE: not known. Set it before each
 * command: it is IOHW_NOWHERE again afterwards. A difference is counted, here and in the server's
 * record.
 */
#define IOHW_REG_EXPECT 0x030 /* u64 RW */
/* Results of the last command. */
#define IOHW_REG_RESULT 0x040 /* u32 RO: enum iohw_result */
#define IOHW_REG_REASON \
	0x044 /* u32 RO: VT-d fault reason; bits 15:8 what it comes to, enum iohw_fault */
#define IOHW_REG_FAULT_ADDR    0x048 /* u64 RO: the I/O address that failed */
#define IOHW_REG_REACHED       0x050 /* u64 RO: guest-physical address of the first byte */
#define IOHW_REG_BETWEEN       0x058 /* u64 RO: nested: what the first stage made of it */
#define IOHW_REG_PAGE_REQUESTS 0x060 /* u32 RO: page requests it took */
#define IOHW_REG_MISMATCHES    0x064 /* u32 RO: EXPECT differed, since power-on */
/* One page request message, not waited for. Writing PRQ_SEND sends it. */
#define IOHW_REG_PRQ_ADDR   0x070 /* u64 RW */
#define IOHW_REG_PRQ_PASID  0x078 /* u32 RW */
#define IOHW_REG_PRQ_SEND   0x07c /* u32 WO: IOHW_PRQ_* | group index */
#define IOHW_REG_PRQ_STATUS 0x080 /* u32 RO: enum iohw_prq */
/* Answers to groups of PRQ_SEND, oldest first. */
#define IOHW_REG_RESPONSE     0x084 /* u32 RO: IOHW_RESPONSE_*; 0: none waits */
#define IOHW_REG_RESPONSE_POP 0x088 /* u32 WO: take it away */
#define IOHW_REG_DATA	      0x100 /* IOHW_MAX_LEN bytes RW: to write; what was read */
#define IOHW_REG_COUNTERS     0x180 /* u64 RO each: enum iohw_counter */

#define IOHW_ID_VALUE	   0x57484f49 /* "IOHW" */
#define IOHW_VERSION_VALUE 1

#define IOHW_FUNC_MASTER (1U << 0)
#define IOHW_FUNC_ATS	 (1U << 1)
#define IOHW_FUNC_PRI	 (1U << 2)
#define IOHW_FUNC_PASID	 (1U << 3)
#define IOHW_FUNC_PRIV	 (1U << 4) /* privileged requests */

#define IOHW_CMD_READ	      0 /* memory to DATA */
#define IOHW_CMD_WRITE	      1 /* DATA to memory */
#define IOHW_CMD_FETCH_ADD    2 /* memory += the u64 in DATA, which becomes the old value */
#define IOHW_CMD_OP	      0xfU
#define IOHW_CMD_PASID	      (1U << 4)
#define IOHW_CMD_PRIV	      (1U << 5) /* privileged; with PASID only */
#define IOHW_CMD_PAGE_REQUEST (1U << 6) /* ask for missing pages, wait for the answers */
#define IOHW_CMD_QUIET	      (1U << 7) /* leave no fault record in the unit */
#define IOHW_CMD_NO_ATS	      (1U << 8) /* an untranslated request, also with ATS on */
/*
 * Translate, then hold the access back until IOHW_CONTROL_RELEASE, at most ten seconds. Meanwhile it
 * is DMA on its way: invalidations wait for it. STATUS shows HELD. Of a command that crosses a page
 * only the first page is held.
 */
#define IOHW_CMD_HOLD (1U << 9)

#define IOHW_STATUS_BUSY (1U << 0)
#define IOHW_STATUS_HELD (1U << 1)

#define IOHW_CONTROL_ABORT   (1U << 0) /* end the command: IOHW_ABORTED */
#define IOHW_CONTROL_RESET   (1U << 1) /* as FLR, but configuration space stays */
#define IOHW_CONTROL_RELEASE (1U << 2) /* end of a HOLD */

enum iohw_result {
	IOHW_NONE, /* no command since reset */
	IOHW_OK,
	IOHW_BLOCKED, /* REASON and FAULT_ADDR say more; bytes before may have been transferred */
	IOHW_ABORTED, /* by CONTROL or a reset, or no answer to a page request came in time */
	IOHW_REFUSED, /* malformed, or what it needs is off in configuration space */
};

/* The kinds of faults, whatever the format. */
enum iohw_fault {
	IOHW_FAULT_NONE,
	IOHW_FAULT_NOT_PRESENT,
	IOHW_FAULT_PERMISSION,
	IOHW_FAULT_RESERVED,
	IOHW_FAULT_WIDTH,
	IOHW_FAULT_ACCESS,
	IOHW_FAULT_ROUTE, /* blocked: this kind of request is not for this source */
	IOHW_FAULT_RANGE,
};

#define IOHW_PRQ_GROUP 0x1ffU
#define IOHW_PRQ_READ  (1U << 12)
#define IOHW_PRQ_WRITE (1U << 13)
#define IOHW_PRQ_PRIV  (1U << 14)
#define IOHW_PRQ_LAST  (1U << 15)
#define IOHW_PRQ_PASID (1U << 16)

enum iohw_prq {
	IOHW_PRQ_NONE,
	IOHW_PRQ_SENT,
	IOHW_PRQ_NO_CREDIT,
	IOHW_PRQ_BUSY, /* the group waits for its answer */
	IOHW_PRQ_OFF, /* page requests are off, or were stopped by "response failure" */
	IOHW_PRQ_REFUSED, /* neither READ nor WRITE, or PASIDs are off */
};

#define IOHW_RESPONSE_VALID (1U << 31)
#define IOHW_RESPONSE_CODE  0xf000U /* PCIe: 0 success, 1 invalid request, 15 failure */
#define IOHW_RESPONSE_GROUP 0x1ffU

enum iohw_counter {
	IOHW_COUNTER_OK,
	IOHW_COUNTER_BLOCKED,
	IOHW_COUNTER_ABORTED,
	IOHW_COUNTER_REFUSED,
	IOHW_COUNTER_BYTES,
	IOHW_COUNTER_EXPECTED, /* commands with EXPECT */
	IOHW_COUNTER_MISMATCHES,
	IOHW_COUNTER_PAGE_REQUESTS,
	IOHW_COUNTER_RESPONSES,
	IOHW_COUNTER_STRAY_RESPONSES, /* for groups that wait for none */
	IOHW_COUNTER_TRANSLATIONS, /* ATS requests */
	IOHW_COUNTER_DTLB_HITS,
	IOHW_COUNTER_INVALIDATIONS, /* of the device TLB */
	IOHW_COUNTER_RESETS,
	IOHW_NR_COUNTERS,
};

#endif
