/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The VT-d unit, inside.
 *
 *   unit.c    creation, reset, devices, statistics
 *   regs.c    the register window
 *   queue.c   invalidation queue, register-based invalidation
 *   bind.c    what the guest's tables say -> routes and user tables of libioasid
 *   event.c   page requests, events, interrupts -> guest
 *   vcmd.c    virtual commands: PASIDs from the host; vcmd_set.c: from a set of the driver API
 *   hw*.c     hardware mode: no libioasid, the guest's own tables are walked for each request (hw.h)
 *
 * Locks (order: config or vcmd, then regs; see <ioasid/vtd_unit.h> for what that promises outside):
 *   config   serializes everything that reads the guest's tables to act on them, and all calls into
 *            libioasid except those of the fault path
 *   vcmd     (vu_vcmd.serial) one virtual command at a time; held while the responder is called, which
 *            may sleep. So nobody waits for it who holds config
 *   regs     values of registers, and all of struct vu_events; short sections only
 *   Changing the list of devices, their PASID trees, vu_dev.flags and the latched root needs both,
 *   reading them either one.
 */
#ifndef VIOMMU_UNIT_H
#define VIOMMU_UNIT_H

#include <urcu/hlist.h>

#include <ioasid/vtd_unit.h>

#include "formats/vtd.h"
#include "viommu/vtd_regs.h"

#define VU_NR_DIDS 65536
/* PASID tree of a device: two levels. A guest can make it 8 MiB big, not more. */
#define VU_LEAF_LG2   10
#define VU_LEAF_SLOTS (1u << VU_LEAF_LG2)
#define VU_TOP_SLOTS  (1u << (IOASID_PASID_BITS - VU_LEAF_LG2))

struct vu_dev;

/**
 * struct vu_target - where the guest's tables lead a request
 * @pgtt: VTD_PGTT_FS, VTD_PGTT_PASS, or 0: nowhere
 * @did: domain ID
 * @table: VTD_PGTT_FS: the guest's table, as libioasid wants it
 */
struct vu_target {
	u8 pgtt;
	u16 did;
	struct ioasid_table table;
};

/**
 * struct vu_bind - a PASID entry of a device that libioasid knows about
 * @dev_link: vu_dev.binds; vu_dev.parked; while its IOASID could not be freed, vtd_unit.zombies
 * @did_node: vu_did.binds
 * @dev: device
 * @pasid: number; 0: requests without PASID
 * @ioasid: user table of its own; pass-through: the GPA space
 * @target: what it was bound with
 * @all_run: queue run in which everything cached for it was invalidated last
 * @range_run: queue run of the last ranged invalidation: [@start, @last], @leaf
 * @parked: the entry is gone, page requests of its number wait for the guest; see vu_bind_park()
 * @cpu: the guest's CPUs have a translation of @pasid; see vu_cpu_map()
 *
 * One user table per device and PASID, though two devices may use one guest table: an invalidation
 * then finds exactly the bindings it hits (domain ID and PASID, or device and PASID), entries of
 * several devices change independently, and nothing needs reference counts. The price is one
 * INVALIDATE per device that shares the table. Devices in global mode share the user table of a number,
 * see vu_bind_twin(): there the first entry that changes changes it for all of them.
 */
struct vu_bind {
	struct list_head dev_link;
	struct cds_hlist_node did_node;
	struct vu_dev *dev;
	u32 pasid;
	u32 ioasid;
	struct vu_target target;
	u64 all_run;
	u64 range_run;
	u64 start, last;
	bool leaf;
	bool parked;
	bool cpu;
};

/** struct vu_leaf - 1024 PASIDs of a device. */
struct vu_leaf {
	u32 used;
	struct vu_bind *bind[VU_LEAF_SLOTS];
};

/**
 * struct vu_dev - a device behind the unit
 * @link: vtd_unit.devices
 * @handle: the device, owned by the VMM
 * @cookie: its name in the context
 * @rid: its name on the guest's bus
 * @fenced: an invalidation timed out; reported once
 * @page_requests: the guest's context entry allows them (PRE)
 * @global: it is in global mode: its numbers mean the same on all such devices
 * @pasid_limit: PASIDs the device can use are below
 * @attached: default route, IOASID_INVALID: none
 * @nr_pass: PASIDs routed to the GPA space
 * @def: binding of requests without PASID; NULL: none, or translation is off
 * @binds: bindings with PASID
 * @parked: bindings whose entry is gone while page requests wait
 * @top: the same by PASID
 * @pending: page requests waiting for the guest (regs lock)
 * @scan_run: queue run in which all of its entries were looked at
 * @inv_run: queue run in which all of its bindings with PASID were invalidated
 */
struct vu_dev {
	struct list_head link;
	struct ioasid_dev *handle;
	u64 cookie;
	u16 rid;
	bool fenced;
	bool page_requests;
	bool global;
	u32 pasid_limit;
	u32 attached;
	u32 nr_pass;
	struct vu_bind *def;
	struct list_head binds;
	struct list_head parked;
	struct list_head pending;
	u64 scan_run;
	u64 inv_run;
	struct vu_leaf *top[VU_TOP_SLOTS];
};

/** struct vu_did - what carries a domain ID; @run: queue run in which all of it was invalidated. */
struct vu_did {
	struct cds_hlist_head binds;
	u64 run;
};

/** struct vu_msi - registers of one event: control, data, address, upper address. */
struct vu_msi {
	u32 ctl, data, addr, uaddr;
};

/**
 * struct vu_request - a page request group the guest has to answer
 * @link: vu_dev.pending
 * @next: next with the same hash, or next free one; VU_NONE ends
 * @dev: device
 * @pasid: number; 0: without PASID
 * @prgi: the device's group index
 * @id: libioasid's name for it
 * @orphan: answered for the device already, since its number went; the guest still works on it
 */
struct vu_request {
	struct list_head link;
	struct vu_dev *dev;
	u32 next;
	u32 pasid;
	u32 id;
	u16 prgi;
	bool orphan;
};
#define VU_NONE 0xffffffffu

/** struct vu_events - what goes to the guest; regs lock. */
struct vu_events {
	u32 fsts; /* VTD_FSTS_RW1C bits */
	u32 fri;
	u32 fr_next;
	u64 fr[VTD_UNIT_NR_FR_MAX][VTD_FR_WORDS];
	struct vu_msi fault_msi;
	u32 ics;
	struct vu_msi inv_msi;
	u64 pqh, pqt, pqa;
	bool pq_on; /* PQA was written since reset */
	u32 prs;
	struct vu_msi page_msi;
	struct vu_request *requests;
	u32 *buckets;
	u32 bucket_mask;
	u32 free;
};

#define VU_PASID_WORDS ((1u << IOASID_PASID_BITS) / 64)

/**
 * struct vu_vcmd - virtual commands
 * @cmd, @eo, @rsp: VCMD, VCMD_EO, VCRSP; regs lock. While VCRSP.IP is set, the first two stand still
 * @ops: who answers; no functions: commands are not offered, and nothing below is there
 * @serial: see above
 * @out: bitmap of the numbers the guest has; @serial
 * @thread: it calls the responder, so that nobody else waits for that
 * @caller: who made the unit, and who the thread is to libioasid: the numbers are charged there
 * @lock, @kick: wake it: @kicked there may be a command, @stop
 */
struct vu_vcmd {
	u64 cmd, eo, rsp;
	struct vtd_unit_vcmd ops;
	struct mutex serial;
	u64 *out;
	pthread_t thread;
	struct ioasid_caller *caller;
	pthread_mutex_t lock;
	pthread_cond_t kick;
	bool kicked, stop;
};

/* 64-bit words of an invalidation descriptor. */
#define VU_WORDS 4

/**
 * struct vu_run - one run over the queue
 * @timeout: a device did not answer: waits are skipped, then the queue stops
 * @dev: which
 */
struct vu_run {
	struct vtd_unit *unit;
	struct vu_dev *dev;
	bool timeout;
};

/**
 * struct vu_backend - what stands behind registers and queues
 * @retranslate: root table or "translation on" changed
 * @begin: a run over the invalidation queue begins
 * @drain: what devices reported until now goes to the guest (wait descriptors with PD)
 * @desc: descriptors about translations and page responses, by type. Return: 0 or the code for IQERCD
 * @kick: the tail of the invalidation queue moved: have vu_queue_run() called soon. Return: false:
 *        the caller does it. No lock; NULL: the caller always does
 *
 * Config lock, but for @kick.
 */
struct vu_backend {
	void (*retranslate)(struct vtd_unit *unit);
	void (*begin)(struct vtd_unit *unit);
	void (*drain)(struct vtd_unit *unit);
	bool (*kick)(struct vtd_unit *unit);
	int (*desc[VTD_QI_NR_TYPES])(struct vu_run *run, const u64 q[VU_WORDS]);
};

/** struct vu_regs - registers without a function of their own beyond being latched; regs lock. */
struct vu_regs {
	u32 gsts;
	u64 rtaddr;
	u64 ccmd, iva, iotlb;
	u64 iqh, iqt, iqa, iqercd;
};

/**
 * struct vu_out - what was decided under the regs lock and is done after it is dropped
 *
 * Callbacks and answers to page requests may lead into code of others.
 */
struct vu_out {
	u32 nr_msis, nr_responses;
	struct {
		u64 addr;
		u32 data;
	} msi[4];
	struct {
		u32 id;
		u32 code;
	} response[64];
};

struct vtd_unit {
	const struct vu_backend *be;
	struct mutex config;
	struct mutex regs_lock;
	struct vtd_unit_config cfg;
	struct vtd_unit_ops ops;
	struct phys_mem mem;
	struct vtd_caps caps;
	u64 cap, ecap;
	u64 root; /* RTADDR as latched by SRTP */
	bool te; /* translation is on */
	struct vu_regs r;
	struct vu_events ev;
	struct vu_vcmd vc;
	struct list_head devices;
	u32 nr_devices;
	u32 nr_binds;
	struct vu_did *dids;
	struct list_head zombies;
	u64 run;
	u32 broken;
	int fault_fd;
	int stop_fd;
	bool serving;
	pthread_t service;
	struct vtd_unit_stats stats;
};

/** vu_count() - statistics are counted without a lock */
static inline void vu_count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/** vu_gauge() - a counter that goes both ways */
static inline void vu_gauge(uint64_t *counter, s64 by)
{
	__atomic_add_fetch(counter, (u64)by, __ATOMIC_RELAXED);
}

/** vu_gpa() - guest memory for a read or write of the unit itself; NULL is counted */
void *vu_gpa(struct vtd_unit *unit, u64 gpa, u32 len, bool write);

void vu_trace_line(struct vtd_unit *unit, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define vu_trace(unit, ...)                               \
	do {                                              \
		if (unlikely((unit)->ops.trace))          \
			vu_trace_line(unit, __VA_ARGS__); \
	} while (0)

/* ---- unit.c ---- */

/** vu_thread_start() - a thread that leaves signals to the VMM. Return: 0; -pthread_create(3). */
int vu_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/* Devices. Either lock. */
struct vu_dev *vu_dev_by_rid(struct vtd_unit *unit, u16 rid);
struct vu_dev *vu_dev_by_cookie(struct vtd_unit *unit, u64 cookie);

/* ---- regs.c ---- */
void vu_regs_reset(struct vtd_unit *unit);

/* ---- vcmd.c ---- */

/** vu_vcmd_init() - @vcmd NULL: not offered. Return: 0; -EINVAL; -ENOMEM; pthread_create(3)'s. */
int vu_vcmd_init(struct vtd_unit *unit, const struct vtd_unit_vcmd *vcmd);
/** vu_vcmd_destroy() - waits for a command that is being answered. Also if init was not called. */
void vu_vcmd_destroy(struct vtd_unit *unit);
/** vu_vcmd_reset() - registers to their defaults, all numbers back. No lock. */
void vu_vcmd_reset(struct vtd_unit *unit);
/** vu_vcmd_read() - one half of a register, or 0. Regs lock. */
u32 vu_vcmd_read(const struct vtd_unit *unit, u32 off);
/**
 * vu_vcmd_write() - store one half of a register. Regs lock.
 * Return: a command was written: call vu_vcmd_submit() when all halves are stored.
 */
bool vu_vcmd_write(struct vtd_unit *unit, u32 off, u32 value, u32 mask);
/** vu_vcmd_submit() - Regs lock. Return: vu_vcmd_wake() is to be called after it. */
bool vu_vcmd_submit(struct vtd_unit *unit);
void vu_vcmd_wake(struct vtd_unit *unit);

/* ---- queue.c. Config lock. ---- */

/** vu_front - the backend that makes routes and user tables of libioasid of the guest's tables */
extern const struct vu_backend vu_front;

/** vu_range_am() - [@addr, + 2^@am pages), or everything; low bits of @addr are ignored */
void vu_range_am(u64 addr, u32 am, u64 *start, u64 *last);
/** vu_range_ats() - the range coding of ATS: with @s, n ones from bit 12 mean 2^(n + 1) pages */
void vu_range_ats(u64 addr, bool s, u64 *start, u64 *last);
/** vu_desc_rid_mask() - which bits of a RID a context cache descriptor with function mask means */
u16 vu_desc_rid_mask(const u64 q[VU_WORDS]);

/** vu_queue_run() - process descriptors up to the tail, if the queue is on and not stopped */
void vu_queue_run(struct vtd_unit *unit);
/** vu_queue_ccmd() - register-based context cache invalidation. Return: CCMD when done. */
u64 vu_queue_ccmd(struct vtd_unit *unit, u64 ccmd);
/** vu_queue_iotlb() - register-based IOTLB invalidation. Return: IOTLB register when done. */
u64 vu_queue_iotlb(struct vtd_unit *unit, u64 iotlb, u64 iva);

/* ---- bind.c. Config lock. ---- */

/** vu_bind_find() - binding of a PASID (0: of requests without). Either lock. */
struct vu_bind *vu_bind_find(struct vu_dev *dev, u32 pasid);
/**
 * vu_bind_sync() - make one entry of a device what the guest's tables say
 *
 * Return: 0, also for "nowhere"; or why a valid entry could not be bound (it is unbound then).
 */
int vu_bind_sync(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid);
/** vu_bind_sync_dev() - the same for all entries of a device, once per queue run */
int vu_bind_sync_dev(struct vtd_unit *unit, struct vu_dev *dev);
/** vu_bind_sync_all() - the same for all devices */
void vu_bind_sync_all(struct vtd_unit *unit);
/** vu_bind_drop_dev() - end all routes of a device */
void vu_bind_drop_dev(struct vtd_unit *unit, struct vu_dev *dev);
/**
 * vu_bind_settle() - a page request was answered or forgotten: end what was parked because of it
 * @pasid: number; IOASID_INVALID: all of the device
 */
void vu_bind_settle(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid);
/** vu_bind_reap() - free what could not be freed earlier */
void vu_bind_reap(struct vtd_unit *unit);

/* ---- event.c ---- */

/** vu_events_init() - Return: 0 or -ENOMEM */
int vu_events_init(struct vtd_unit *unit);
void vu_events_destroy(struct vtd_unit *unit);
/** vu_events_reset() - registers to their defaults. Regs lock. */
void vu_events_reset(struct vtd_unit *unit);
/** vu_out_flush() - send what was decided. No regs lock. */
void vu_out_flush(struct vtd_unit *unit, struct vu_out *out);
/** vu_event_fsts() - value of FSTS. Regs lock. */
u32 vu_event_fsts(const struct vtd_unit *unit);
/** vu_event_status() - set status bits of FSTS, with the interrupt that follows. Regs lock. */
void vu_event_status(struct vtd_unit *unit, u32 bits, struct vu_out *out);
/** vu_event_settle() - withdraw interrupts whose cause was serviced. Regs lock. */
void vu_event_settle(struct vtd_unit *unit);
/**
 * vu_fault_report() - record an event. Regs lock.
 * @rid: whose request it was
 * @rec: type, flags, address and vpasid are looked at
 * @reason: enum vtd_reason
 */
void vu_fault_report(struct vtd_unit *unit, u16 rid, const struct ioasid_fault *rec, u8 reason,
		     struct vu_out *out);
/**
 * vu_pq_put() - put a page request into the guest's queue. Regs lock.
 * @rid: whose it is
 * @rec: flags, address, vpasid and group are looked at
 *
 * Return: 0; -ENOSPC overflow; -EFAULT the queue is off or not in memory.
 */
int vu_pq_put(struct vtd_unit *unit, u16 rid, const struct ioasid_fault *rec, struct vu_out *out);
/** vu_msi_raise() - an interrupt condition arose. Regs lock. */
void vu_msi_raise(struct vu_msi *msi, struct vu_out *out);
/** vu_msi_unmask() - the control register was written: send what was held back. Regs lock. */
void vu_msi_unmask(struct vu_msi *msi, struct vu_out *out);
/**
 * vu_request_answer() - the guest answered a page request group
 * @pasid: number; 0: without PASID
 *
 * No regs lock.
 */
void vu_request_answer(struct vtd_unit *unit, u16 rid, u32 pasid, u16 prgi, u32 code);
/** vu_request_waits() - does a page request of the number wait for the guest? No regs lock. */
bool vu_request_waits(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid);
/**
 * vu_request_drop() - forget page requests, answering "invalid" to whom it still matters
 * @pasid: which; IOASID_INVALID: all of the device
 *
 * No regs lock.
 */
void vu_request_drop(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid);
/**
 * vu_request_orphan() - the number goes: answer "invalid", and remember that the guest has them
 *
 * See vtd_unit_request_pending(). No regs lock.
 */
void vu_request_orphan(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid);

#endif
