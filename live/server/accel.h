/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The accelerator endpoint: PCI function, registers and work queues of <ioasid_accel_hw.h>. All
 * its DMA goes through libioasid's device interface, tagged with the function's RID and the
 * queue's PASID.
 *
 * One thread per enabled queue does the work, so that a page request stops only its own queue.
 * Locks, in this order:
 *   control_lock  enabling, stopping, joining queue threads; held while waiting for a thread
 *   queue lock    a queue's state and its page request; the queue's thread sleeps on it
 * Neither is held while libioasid is called, and queue threads take no control_lock, so stopping
 * from a callback of libioasid is safe.
 */
#ifndef LIVE_ACCEL_H
#define LIVE_ACCEL_H

#include <ioasid/host.h>
#include <ioasid_accel_hw.h>
#include <stdatomic.h>

#include "guest_ram.h"
#include "pci_config.h"
#include "vfio_user.h"

#define ACCEL_WAIT_SAMPLES 65536

/* What the guest switched on in configuration space. */
#define ACCEL_FUNC_MASTER 1U
#define ACCEL_FUNC_PRI	  2U
#define ACCEL_FUNC_PASID  4U

struct accel;

/**
 * struct accel_queue - one work queue
 * @head, @tail: free running; tail written by the doorbell, head by the queue's thread
 * @stop: the thread shall leave; checked before every access
 * @abort: it shall not even wait for the answer to a page request
 * @control: register, under @lock
 * @pasid, @ring_lg2, @ring_base: registers; constant while the thread runs
 * @with_pasid: requests carry @pasid; constant while the thread runs, so that the last request of
 *              a queue that is being stopped is still one of its process
 * @state, @error, @fault_addr, @fault_code: registers, under @lock
 * @group: page request group in flight, -1: none; under @lock
 * @last_group: the last one since enable, -1: none; the thread's own
 * @answered, @answer: its response; under @lock
 */
struct accel_queue {
	struct accel *accel;
	unsigned int index;
	pthread_t thread;
	bool has_thread; /* under control_lock: to be joined */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_uint head, tail;
	atomic_bool stop, abort;
	bool with_pasid;
	uint32_t control, pasid, ring_lg2;
	uint64_t ring_base;
	uint32_t state, error, fault_code;
	uint64_t fault_addr;
	unsigned int next_group;
	int group;
	int last_group;
	bool answered;
	uint32_t answer;
	atomic_ullong descriptors, page_requests, faults;
};

/**
 * struct accel_config - what the owner chooses
 * @devfn: device and function on bus 0
 * @ram: to name what TRANSLATE found in guest-physical terms
 * @delay_us: pause between translation and access; only for tests that widen this window
 * @page_requested: a page request was sent, from the queue's thread; NULL: nobody wants to know
 * @request_pending: has software still to answer a page request? NULL: never
 * @on_reset: the function was reset (FLR or by the client), its queues are stopped
 * @opaque: argument of all
 */
struct accel_config {
	uint8_t devfn;
	struct guest_ram *ram;
	unsigned int delay_us;
	void (*page_requested)(void *opaque);
	bool (*request_pending)(void *opaque, uint32_t pasid, uint32_t group);
	void (*on_reset)(void *opaque);
	void *opaque;
};

/** struct accel - the function. */
struct accel {
	struct accel_config config;
	struct vfio_user_dev vfio;
	struct pci_config pci;
	struct ioasid_hostdev *dev;
	atomic_uint functions; /* ACCEL_FUNC_* */
	/* Software answered "response failure": no page requests until a reset. */
	atomic_bool pri_failed;
	pthread_mutex_t control_lock;
	struct accel_queue queues[ACCEL_QUEUES];
	atomic_ullong counters[ACCEL_NR_COUNTERS];
	/* How long page requests took, in nanoseconds, the last ACCEL_WAIT_SAMPLES of them. */
	atomic_uint nr_waits;
	atomic_uint waits[ACCEL_WAIT_SAMPLES];
};

/**
 * accel_init() - make the function and its device on @host
 * @accel: zeroed by this; @accel->vfio is left to the owner, who must initialize it
 * @config: copied
 * @host: where it lives
 * @name: of the device on the host
 *
 * Return: 0 or what ioasid_hostdev_create() says.
 */
int accel_init(struct accel *accel, const struct accel_config *config, struct ioasid_host *host,
	       const char *name);

/** accel_destroy() - stop everything and remove the device from its host. */
void accel_destroy(struct accel *accel);

/** accel_reset() - as after power-on. Waits for accesses under way, not for page responses. */
void accel_reset(struct accel *accel);

/** accel_region_read(), accel_region_write() - struct vfio_user_ops */
int accel_region_read(struct accel *accel, unsigned int region, uint64_t offset, void *buf,
		      size_t len);
int accel_region_write(struct accel *accel, unsigned int region, uint64_t offset, const void *buf,
		       size_t len);

/* ---- between accel.c and accel_engine.c ------------------------------------------------------ */

/** accel_queue_run() - a queue's thread. */
void *accel_queue_run(void *queue);

/** accel_page_response() - struct ioasid_hostdev_ops */
void accel_page_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code);

/** accel_crc32c() - CRC-32C (Castagnoli) of @len bytes, continued from @crc. */
uint32_t accel_crc32c(uint32_t crc, const void *buf, size_t len);

static inline void accel_count(struct accel *accel, enum accel_counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&accel->counters[counter], n, memory_order_relaxed);
}

#endif
