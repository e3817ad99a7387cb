/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The accelerator endpoint: PCI function, registers and work queues of <ioasid_accel_hw.h>. All
 * its DMA goes through libioasid's device interface, tagged with the function's RID and the
 * queue's PASID.
 *
 * One thread per enabled queue does the work, so that a page request stops only its own queue.
 * Locks, in this order:
 *   control_lock  enabling, stopping, joining queue threads; held while waiting for a thread
 *   shared lock   what waits in a slice's shared queue
 *   queue lock    a queue's state and its page request; the queue's thread sleeps on it
 * None is held while a command of libioasid is issued, and queue threads take no control_lock, so
 * stopping from a callback of libioasid is safe.
 *
 * The function is assigned whole, or is a slice of one (a mediated device): then numbers that its guest
 * writes to queues are converted under the queue lock, which drain takes, too: a number is converted
 * before it ends, and then drain finds it, or not any more. So no queue sends a number that ended.
 */
#ifndef LIVE_ACCEL_H
#define LIVE_ACCEL_H

#include <ioasid/vcpu.h>
#include <ioasid_accel_hw.h>
#include <stdatomic.h>

#include "guest_ram.h"
#include "pci_config.h"
#include "vfio_user.h"

#define ACCEL_WAIT_SAMPLES 65536
#define ACCEL_SHARED_SIZE  32 /* descriptors that the shared queue of a slice holds */
#define ACCEL_NO_WIRE	   IOASID_INVALID
/* Who can have a page request out: queues, and the shared one behind them. A power of two. */
#define ACCEL_ENGINES 16
#define ACCEL_GROUPS  512 /* page request groups of a function */

/* What the guest switched on in configuration space. */
#define ACCEL_FUNC_MASTER 1U
#define ACCEL_FUNC_PRI	  2U
#define ACCEL_FUNC_PASID  4U

/* Must-fail controls: checks of a slice that are left out. */
#define ACCEL_BREAK_MEDIATION (1U << 0) /* numbers without a route go on the wire as they are */
#define ACCEL_BREAK_PORTAL    (1U << 1) /* ... also those of a portal, without the allow list */

struct accel;

/**
 * struct accel_queue - one work queue
 * @head, @tail: free running; tail written by the doorbell, head by the queue's thread
 * @stop: the thread shall leave; checked before every access
 * @abort: it shall not even wait for the answer to a page request
 * @lost: its number ended: send nothing more, wait for nothing
 * @sending: its thread may still send something; under @lock, @wake is signalled when it ends
 * @control: register, under @lock
 * @pasid, @ring_lg2, @ring_base: registers; constant while the thread runs
 * @wire: what @pasid is on the wire, ACCEL_NO_WIRE: nothing; constant while the thread is sending
 * @vector: interrupts of it
 * @with_pasid: requests carry @wire; constant while the thread runs, so that the last request of
 *              a queue that is being stopped is still one of its process
 * @state, @error, @fault_addr, @fault_code: registers, under @lock
 * @group: page request group in flight, -1: none; under @lock
 * @last_group, @last_pasid: the last one since enable, -1: none, and the guest's number that it was raised
 *                           for; the thread's own
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
	atomic_bool stop, abort, lost;
	bool with_pasid, sending;
	uint32_t control, pasid, wire, ring_lg2;
	unsigned int vector;
	uint64_t ring_base;
	uint32_t state, error, fault_code;
	uint64_t fault_addr;
	unsigned int next_group;
	int group;
	int last_group;
	uint32_t last_pasid;
	bool answered;
	uint32_t answer;
	atomic_ullong descriptors, page_requests, faults;
};

/**
 * struct accel_item - a descriptor that a portal accepted
 * @wire: its number, as the CPU put it in
 * @vpasid: what the guest had in IA32_PASID then
 * @portal: page it came through
 */
struct accel_item {
	struct accel_desc desc;
	uint32_t wire, vpasid;
	unsigned int portal;
};

/**
 * struct accel_shared - the shared queue of a slice
 * @lock: protects what follows
 * @wake: there is something to do
 * @done: a descriptor has ended
 * @open: the portal accepts descriptors
 * @items: those that wait, from @first on, @nr of them
 * @now: being done, while @busy; @sending until it sends nothing more
 * @q: in whose name the thread works; it has no registers
 */
struct accel_shared {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	pthread_t thread;
	bool has_thread, quit, open, busy, sending;
	unsigned int first, nr;
	struct accel_item items[ACCEL_SHARED_SIZE], now;
	struct accel_queue q;
};

/**
 * struct accel_portal - a portal page: what was stored there, and the CPU that executes
 * The device's socket thread is the only user.
 *
 * @words: the operand; @answer: register; @executed: instructions
 * @vpasid: of the instruction under way
 */
struct accel_portal {
	struct accel *accel;
	unsigned int index;
	struct ioasid_vcpu *vcpu;
	uint32_t words[16];
	uint32_t answer, executed, vpasid;
};

/**
 * struct accel_config - what the owner chooses
 * @devfn: device and function on bus 0
 * @parent: make a slice of this function; NULL: the function is whole
 * @vm: slices: whose CPUs execute what guests store to portals
 * @slice, @nr_slices: slices: which of how many; they divide what functions have once
 * @ram: to name what TRANSLATE found in guest-physical terms
 * @delay_us: pause between translation and access; only for tests that widen this window
 * @page_requested: a page request was sent, from the queue's thread; NULL: nobody wants to know
 * @request_pending: has software still to answer a page request? NULL: never
 * @on_reset: the function was reset (FLR or by the client), its queues are stopped
 * @enqcmd_exit: a CPU of the guest has no translation of @vpasid: make one, if it is to have one. Return:
 *               0: execute again; an error: it is not. NULL: never
 * @meet_read, @meet_write: registers ACCEL_REG_MEET to ACCEL_MEET_END, 8 bytes at a multiple of 8, and 4
 *                          at a multiple of 4. The device's socket thread. NULL: there are none
 * @broken: ACCEL_BREAK_*
 * @opaque: argument of all
 */
struct accel_config {
	uint8_t devfn;
	struct guest_ram *ram;
	unsigned int delay_us;
	void (*page_requested)(void *opaque);
	bool (*request_pending)(void *opaque, uint32_t pasid, uint32_t group);
	void (*on_reset)(void *opaque);
	int (*enqcmd_exit)(void *opaque, uint32_t vpasid);
	uint64_t (*meet_read)(void *opaque, uint64_t off);
	void (*meet_write)(void *opaque, uint64_t off, uint32_t value);
	struct ioasid_hostdev *parent;
	struct ioasid_vm *vm;
	unsigned int slice, nr_slices, broken;
	void *opaque;
};

/** enum accel_event - what happened to numbers of a slice; not for guests. */
enum accel_event {
	ACCEL_EVENT_CONVERTED, /* a guest's number was written to a queue and converted */
	ACCEL_EVENT_REFUSED, /* ... or it had no route */
	ACCEL_EVENT_ACCEPTED, /* a portal took a descriptor */
	ACCEL_EVENT_RETRY, /* ... or did not */
	ACCEL_EVENT_GP, /* no valid number was stored with it */
	ACCEL_EVENT_EXIT, /* CPUs had no translation */
	ACCEL_EVENT_ENTERED, /* ... got one, and executed again */
	ACCEL_EVENT_DRAINED, /* a queue had to let go of a number that ended */
	ACCEL_NR_EVENTS,
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
	struct accel_shared shared;
	struct accel_portal portals[ACCEL_PORTALS];
	atomic_ullong events[ACCEL_NR_EVENTS];
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

/** accel_bar2_size() - bytes of BAR 2 of such a device. */
uint32_t accel_bar2_size(const struct accel_config *config);

/** struct accel_number - a number that a queue has: the guest's, and what it is on the wire. */
struct accel_number {
	uint32_t pasid, wire;
};

/** accel_numbers() - those of its queues, at most @room. Return: entries filled. */
unsigned int accel_numbers(struct accel *accel, struct accel_number *numbers, unsigned int room);

/* ---- between accel.c, accel_engine.c and accel_shared.c -------------------------------------------- */

static inline bool accel_is_slice(const struct accel *accel)
{
	return accel->config.parent != NULL;
}

/** accel_queue_init() - @index: also those of page request groups and interrupts. */
void accel_queue_init(struct accel *accel, struct accel_queue *q, unsigned int index);
void accel_queue_destroy(struct accel_queue *q);

/** accel_queue_run() - a queue's thread. */
void *accel_queue_run(void *queue);
/**
 * accel_queue_do() - do one descriptor in the name of @q, with its completion record and interrupt
 * Return: 0; -ECANCELED stopped half way; another error: no record could be written.
 */
int accel_queue_do(struct accel_queue *q, const struct accel_desc *desc);
/** accel_wait_software() - @q is idle when software has answered its last page request. */
void accel_wait_software(struct accel_queue *q);

/** accel_shared_init() - a slice's shared queue and portals. Return: 0 or what is missing. */
int accel_shared_init(struct accel *accel);
void accel_shared_destroy(struct accel *accel);
/** accel_shared_stop() - nothing waits, nothing is sent. */
void accel_shared_stop(struct accel *accel);
/** accel_shared_drain() - the same for one number. */
void accel_shared_drain(struct accel *accel, uint32_t wire);
void accel_shared_open(struct accel *accel, bool open);
/** accel_portal_count(), accel_portal_stop() - ACCEL_QUEUE_PORTAL of queue @index. */
uint32_t accel_portal_count(struct accel *accel, unsigned int index);
void accel_portal_stop(struct accel *accel, unsigned int index);
/** accel_portal_read(), accel_portal_write() - in the portal pages, from the first one on. */
uint64_t accel_portal_read(struct accel *accel, uint64_t off);
void accel_portal_write(struct accel *accel, uint64_t off, uint32_t value);

/** accel_page_response() - struct ioasid_hostdev_ops */
void accel_page_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code);

/** accel_crc32c() - CRC-32C (Castagnoli) of @len bytes, continued from @crc. */
uint32_t accel_crc32c(uint32_t crc, const void *buf, size_t len);

static inline void accel_count(struct accel *accel, enum accel_counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&accel->counters[counter], n, memory_order_relaxed);
}

static inline void accel_event(struct accel *accel, enum accel_event event)
{
	atomic_fetch_add_explicit(&accel->events[event], 1, memory_order_relaxed);
}

#endif
