/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The commanded endpoint of <ioasid_hw.h>: PCI function, registers, device TLB, page requests.
 *
 * One thread does the DMA, so that a command which waits for a page blocks nothing else. Locks: lock
 * (registers, page request groups, configuration space) is innermost of all and never held while
 * the unit is called; the device TLB belongs to the thread inside vu_hw_enter(), and to
 * invalidations, which exclude that. Registers and configuration space never wait for DMA, except
 * for a reset that ends it.
 */
#ifndef LIVE_HW_ENDPOINT_H
#define LIVE_HW_ENDPOINT_H

#include <ioasid_hw.h>
#include <pthread.h>
#include <stdatomic.h>

#include "guest_ram.h"
#include "pci_config.h"
#include "record.h"
#include "vfio_user.h"
#include "viommu/hw.h"

#define ENDPOINT_RESPONSES 1024

/**
 * struct endpoint_config - what the owner chooses
 * @devfn: device and function on bus 0
 * @unit: the IOMMU in front of it
 * @ram: the guest's memory
 * @record: where each DMA is noted
 * @delay_us: pause between translation and access
 * @timeout_ms: how long a command waits for the answer to a page request
 */
struct endpoint_config {
	uint8_t devfn;
	struct vu_hw *unit;
	struct guest_ram *ram;
	struct record *record;
	unsigned int delay_us;
	unsigned int timeout_ms;
};

/**
 * struct endpoint_group - a page request group
 * @messages: page requests sent in it and not answered, 0: free
 * @pasid: of the last one; the answer carries it, too
 * @waited: made by a command that waits, or waited, for the answer
 * @complete: its last message was sent
 */
struct endpoint_group {
	unsigned int messages;
	uint32_t pasid;
	bool waited, complete;
};

/**
 * struct endpoint_command - a command as it was given
 * @control: IOHW_CMD_*
 */
struct endpoint_command {
	uint32_t control, pasid, length;
	uint64_t addr, expect;
	uint8_t data[IOHW_MAX_LEN];
};

/** struct endpoint_result - what became of it, as in the registers */
struct endpoint_result {
	uint32_t result, reason, page_requests;
	uint64_t fault_addr, reached, between;
};

/**
 * struct endpoint - the function
 * @busy, @quit, @abort, @held: of the thread
 * @forget: the device TLB is to be emptied before its next use
 * @waits_for: group the command waits for, -1: none
 * @answer: its answer: PCIe code, -1: none yet
 * @outstanding: page requests sent and not answered
 * @pri_failed: "response failure" came: no page requests until they are enabled anew
 */
struct endpoint {
	struct endpoint_config config;
	struct vfio_user_dev vfio;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool busy, quit, abort, held;
	atomic_bool forget;
	int waits_for, answer;
	struct pci_config pci;
	bool pri_failed;
	struct endpoint_command command;
	struct endpoint_result result;
	uint64_t prq_addr;
	uint32_t prq_pasid, prq_status;
	struct endpoint_group groups[IOHW_GROUPS];
	unsigned int outstanding;
	uint32_t responses[ENDPOINT_RESPONSES];
	unsigned int first_response, nr_responses;
	struct vu_tlb dtlb;
	atomic_ullong counters[IOHW_NR_COUNTERS];
};

/** endpoint_init() - @ep: zeroed by this. Return: 0; -ENOMEM; what pthread_create(3) says. */
int endpoint_init(struct endpoint *ep, const struct endpoint_config *config);
/** endpoint_destroy() - stop and free; the unit must still be there. */
void endpoint_destroy(struct endpoint *ep);
/** endpoint_reset() - as after power-on; waits for the access under way, not for answers. */
void endpoint_reset(struct endpoint *ep);
/** endpoint_stop() - end the command under way and wait until the thread is idle. */
void endpoint_stop(struct endpoint *ep);

/** endpoint_region_read(), endpoint_region_write() - struct vfio_user_ops */
int endpoint_region_read(struct endpoint *ep, unsigned int region, uint64_t offset, void *buf,
			 size_t len);
int endpoint_region_write(struct endpoint *ep, unsigned int region, uint64_t offset,
			  const void *buf, size_t len);

/** endpoint_response() - struct vu_hw_ops: an answer to a page request group. */
void endpoint_response(struct endpoint *ep, uint32_t pasid, uint16_t group, uint32_t code);
/** endpoint_invalidate() - struct vu_hw_ops */
void endpoint_invalidate(struct endpoint *ep, uint32_t pasid, bool all, uint64_t start,
			 uint64_t last);

/* ---- between the files ---------------------------------------------------------------------- */

/** endpoint_functions() - IOHW_FUNC_* as configuration space says. Caller holds the lock. */
uint32_t endpoint_functions(const struct endpoint *ep);
/** endpoint_run() - carry out @c; the thread's own, no lock held. */
void endpoint_run(struct endpoint *ep, struct endpoint_command *c, uint32_t functions,
		  struct endpoint_result *r);
/** endpoint_ask() - page request for @req, and wait. Return: PCIe code, or -1: aborted. */
int endpoint_ask(struct endpoint *ep, const struct vu_hw_req *req);
/** endpoint_hold() - wait until the command is released. Return: false: it is aborted. */
bool endpoint_hold(struct endpoint *ep);
/** endpoint_aborted() - shall the command end? */
bool endpoint_aborted(struct endpoint *ep);

static inline void endpoint_count(struct endpoint *ep, enum iohw_counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&ep->counters[counter], n, memory_order_relaxed);
}

#endif
