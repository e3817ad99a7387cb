/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A VT-d unit in hardware mode: what is in silicon. Registers, queues, fault records are those of
 * the unit of <ioasid/vtd_unit.h>, but nothing stands behind them: each request is translated by
 * walking the guest's own root table, context entry, PASID directory, PASID entry and page tables
 * in guest RAM. So whatever drives this unit - a stock kernel, and ioasid.ko on top of it - is
 * judged by what its tables say, and by which invalidations it sends.
 *
 *   hw.c      creation, translation, faults, page requests
 *   hw_tlb.c  caches: translations (also the devices' own), PASID entries
 *   hw_inv.c  invalidation descriptors
 *
 * Caches hold what they may hold by the specification, and lose what the descriptors name, nothing
 * else. Each hit can be compared with a walk of the tables at that moment (VU_HW_VERIFY): a
 * difference is an entry that changed and was not invalidated (yet).
 *   - PASID cache: {RID, PASID or none} -> PASID entry and what the context entry allows. Dropped by
 *     PASID cache and by context cache descriptors. Entries that are not present are not cached.
 *   - IOTLB: second-stage entries are found by domain ID and address, first-stage and nested ones by
 *     domain ID, PASID, privilege and address. Pass-through is not cached.
 *   - Page table pages, tagged like the IOTLB. Invalidations with the hint "only leaves changed" (IH)
 *     leave them alone. A walk from one that ends in a fault is done again from the root.
 *
 * The invalidation queue is processed by the write to its tail, or by a thread of its own
 * (vu_hw_service_start()), so that registers can be read while an invalidation waits for DMA.
 *
 * Locks, in this order: the unit's config lock; dma (read: one request, from its first look at a
 * cache to the last byte; write: invalidations); cache (contents of the caches) or the unit's regs
 * lock. An invalidation is complete when the requests before it are.
 */
#ifndef VIOMMU_HW_H
#define VIOMMU_HW_H

#include "viommu/unit.h"

#define VU_HW_NO_NESTING   (1u << 0) /* ECAP.NEST = 0 */
#define VU_HW_FIRST_STAGE  (1u << 1) /* first stage only: ECAP.SSTS, CAP.SAGAW = 0 */
#define VU_HW_SECOND_STAGE (1u << 2) /* second stage only: ECAP.FSTS = 0 */
#define VU_HW_LEVELS5	   (1u << 3) /* 5-level tables as well */
#define VU_HW_LEVELS3	   (1u << 4) /* 3-level second stage as well */
#define VU_HW_CM	   (1u << 5) /* CAP.CM */
#define VU_HW_NO_PRS	   (1u << 6) /* no page requests */
#define VU_HW_NO_DT	   (1u << 7) /* no device TLBs, so no page requests */
#define VU_HW_NO_SC	   (1u << 8) /* no snoop control */
#define VU_HW_NO_DIRTY	   (1u << 9) /* ECAP.SSADS = 0 */
#define VU_HW_NO_CACHE	   (1u << 16) /* every request is looked up and walked */
#define VU_HW_VERIFY	   (1u << 17) /* compare each hit with the tables */

/** struct vu_tlb_key - what names a cached translation, besides the address. */
struct vu_tlb_key {
	u32 pasid; /* IOASID_INVALID: none */
	u16 did;
	u8 pgtt;
	bool priv;
};

/**
 * struct vu_tlb_entry - a cached translation
 * @iova, @oa: where it begins; 2^@lg2 bytes
 * @gpa: nested: what is between the stages
 * @key: @pgtt 0: free
 * @fs_lg2: size of the first stage's page, of which this may be a part; 0: none
 * @perm: XLAT_READ, XLAT_WRITE
 * @step: in the cache of page table pages: one of them, instead of @oa and @gpa
 */
struct vu_tlb_entry {
	u64 iova, oa, gpa;
	struct vtd_step step;
	struct vu_tlb_key key;
	u8 lg2, fs_lg2, perm;
	bool has_gpa;
};

/** struct vu_tlb - a cache of translations; replaced in turn */
struct vu_tlb {
	struct vu_tlb_entry *entry;
	u32 nr, next;
};

/**
 * struct vu_tlb_range - which translations an invalidation means; all conditions must hold
 * @by_did, @by_pasid: compare @did, @pasid (IOASID_INVALID: those without)
 * @second: second-stage entries are meant; @second_range: only those in [@start, @last]
 * @first: first-stage and nested ones are meant; @first_range: only those in [@start, @last]
 * @leaf: page table pages did not change
 */
struct vu_tlb_range {
	u64 start, last;
	u32 pasid;
	u16 did;
	bool by_did, by_pasid;
	bool second, second_range;
	bool first, first_range;
	bool leaf;
};

/** vu_tlb_init() - Return: 0 or -ENOMEM. @nr: entries */
int vu_tlb_init(struct vu_tlb *tlb, u32 nr);
void vu_tlb_destroy(struct vu_tlb *tlb);
/** vu_tlb_find() - Return: smallest entry that covers @iova with all of @perm, or NULL */
struct vu_tlb_entry *vu_tlb_find(struct vu_tlb *tlb, const struct vu_tlb_key *key, u64 iova,
				 u8 perm);
/** vu_tlb_add() - remember a translation; an older one of the same page and size goes */
void vu_tlb_add(struct vu_tlb *tlb, const struct vu_tlb_entry *entry);
/** vu_tlb_purge() - forget what @range means. Return: entries that went */
u32 vu_tlb_purge(struct vu_tlb *tlb, const struct vu_tlb_range *range);

/** struct vu_hw_pe - a cached PASID entry; @pasid: IOASID_INVALID: requests without. */
struct vu_hw_pe {
	struct vtd_te te;
	u32 pasid, used_pasid;
	u16 rid;
	bool valid, priv;
};

/**
 * struct vu_hw_ops - what the unit asks of its owner
 * @gpa: as struct vtd_unit_ops
 * @send_msi: as struct vtd_unit_ops
 * @trace: as struct vtd_unit_ops
 * @response: answer of software to a page request group. No lock but config is held
 * @invalidate: device TLB of @rid: forget [@start, @last]; @pasid IOASID_INVALID: translations
 *              without PASID; @all: of every PASID. No request is on its way
 */
struct vu_hw_ops {
	void *(*gpa)(void *opaque, uint64_t gpa, uint32_t len, bool write);
	void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
	void (*trace)(void *opaque, const char *line);
	void (*response)(void *opaque, u16 rid, u32 pasid, u16 group, u32 code);
	void (*invalidate)(void *opaque, u16 rid, u32 pasid, bool all, u64 start, u64 last);
};

/** struct vu_hw_stats - counters, besides those of struct vtd_unit_stats */
struct vu_hw_stats {
	u64 iotlb_hits, iotlb_misses, iotlb_purged;
	u64 pasid_hits, pasid_misses, pasid_purged;
	u64 walks, step_hits, stale_iotlb, stale_pasid, stale_dtlb, stale_steps;
};

/** struct vu_hw - the unit; @unit's registers are accessed with vtd_unit_read() and _write() */
struct vu_hw {
	struct vtd_unit unit;
	u32 flags;
	struct vu_hw_ops ops;
	void *opaque;
	pthread_rwlock_t dma;
	struct mutex cache;
	struct vu_tlb iotlb, steps;
	struct vu_hw_pe *pe;
	u32 nr_pe, next_pe;
	struct vu_hw_stats stats;
	/* The queue's thread. */
	pthread_t service;
	pthread_mutex_t kick_lock;
	pthread_cond_t kick;
	bool serving, kicked, stop;
};

/**
 * struct vu_hw_config - what a unit is made of
 * @flags: VU_HW_*
 * @iotlb_entries, @pasid_entries: of the caches (256, 64)
 * @ops: callbacks; copied
 * @opaque: their first argument
 * @vcmd, @vcmd_opaque: struct vtd_unit_config
 */
struct vu_hw_config {
	u32 flags;
	u32 iotlb_entries, pasid_entries;
	const struct vu_hw_ops *ops;
	void *opaque;
	const struct vtd_unit_vcmd *vcmd;
	void *vcmd_opaque;
};

/** vu_hw_create() - make a unit in its power-on state. Return: 0; -EINVAL; that of vu_vcmd_init(). */
int vu_hw_create(const struct vu_hw_config *config, struct vu_hw **hwp);
/** vu_hw_destroy() - @hw: NULL is ignored; nobody uses it any more. */
void vu_hw_destroy(struct vu_hw *hw);

/** vu_hw_service_start() - a thread for the queue. Return: 0; what pthread_create(3) says. */
int vu_hw_service_start(struct vu_hw *hw);
/** vu_hw_service_stop() - end it; nobody writes registers any more. Also done by vu_hw_destroy(). */
void vu_hw_service_stop(struct vu_hw *hw);

/** vu_hw_enter() - begin one request: until vu_hw_leave() no invalidation is complete. */
void vu_hw_enter(struct vu_hw *hw);
void vu_hw_leave(struct vu_hw *hw);
/** vu_hw_sync() - wait until no pointer to guest RAM that was taken before is in use. */
void vu_hw_sync(struct vu_hw *hw);

/**
 * struct vu_hw_req - a request
 * @addr: untranslated address
 * @pasid: number, IOASID_INVALID: none
 * @access: XLAT_READ, XLAT_WRITE or both (atomic)
 * @type: VTD_REQ_UNTRANSLATED or VTD_REQ_TRANSLATION
 * @quiet: leave no fault record
 */
struct vu_hw_req {
	u64 addr;
	u32 pasid;
	u32 access;
	u16 rid;
	u8 type;
	bool priv;
	bool quiet;
};

/**
 * struct vu_hw_xlat - what became of it
 * @oa: guest-physical address, if the access is granted
 * @gpa: nested: first-stage output; ~0: none
 * @reason: 0: granted; enum vtd_reason. For a translation request, a reason that only withholds
 *          permissions stands here, too, though the unit completes it with success
 * @fault: enum xlat_fault
 * @lg2: @oa's aligned block of 2^@lg2 bytes is one translation
 * @perm: XLAT_READ, XLAT_WRITE that may be cached
 * @page_request: a page request may help
 * @entry: for a device TLB, if @reason is 0
 */
struct vu_hw_xlat {
	u64 oa, gpa;
	u8 reason, fault, lg2, perm;
	bool page_request;
	struct vu_tlb_entry entry;
};

/**
 * vu_hw_translate() - translate one address; between vu_hw_enter() and vu_hw_leave()
 *
 * Sets accessed and dirty bits. Faults are recorded as the specification says.
 *
 * Return: @x->reason.
 */
u8 vu_hw_translate(struct vu_hw *hw, const struct vu_hw_req *req, struct vu_hw_xlat *x);

/**
 * vu_hw_verify() - compare a device TLB's translation with the tables; counts what differs
 * @e: hit for @req
 *
 * Does nothing without VU_HW_VERIFY.
 */
void vu_hw_verify(struct vu_hw *hw, const struct vu_hw_req *req, const struct vu_tlb_entry *e);

/**
 * vu_hw_page_request() - a device sends a page request message
 * @req: address, pasid, access, priv, rid
 * @group: group index
 * @last: of its group: it is answered
 *
 * Return: 0: in the guest's queue; else the response code that the device gets at once (plus 1,
 * so that it is not 0) if @last, and nobody will answer. Never waits for DMA.
 */
u32 vu_hw_page_request(struct vu_hw *hw, const struct vu_hw_req *req, u16 group, bool last);

/** vu_hw_get_stats() - counters. */
void vu_hw_get_stats(struct vu_hw *hw, struct vu_hw_stats *stats);

/* ---- between the files ------------------------------------------------------------------------- */
extern const struct vu_backend vu_hw_backend;

static inline struct vu_hw *vu_hw_of(struct vtd_unit *unit)
{
	return container_of(unit, struct vu_hw, unit);
}

/** vu_hw_kick() - struct vu_backend */
bool vu_hw_kick(struct vtd_unit *unit);
/** vu_hw_flush() - empty all caches of the unit. Config lock. */
void vu_hw_flush(struct vu_hw *hw);

/** vu_tlb_entry_matches() - is the entry one of @range? */
bool vu_tlb_entry_matches(const struct vu_tlb_entry *e, const struct vu_tlb_range *range);

#endif
