// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Invalidation: the queue, and the old registers for the same.
 *
 * One run processes what lies between head and tail at one write of the tail. Everything the guest
 * asked for in a run it had made visible before that write, so within a run nothing needs to be
 * done twice: a binding that was invalidated whole, a domain, a scan of all tables. This is also
 * what bounds the work that a queue full of global invalidations can cause.
 *
 * Sources: VT-d 5.10, 6.5.2, Tables 22 to 24, 11.4.9.
 */
#include "viommu/unit.h"

/* ---- invalidating bindings ------------------------------------------------------------------------ */

/*
 * A device that times out is fenced by libioasid: nothing of it can land any more, the guest is told
 * once. Any other failure would leave old translations: the whole address space is tried, which
 * needs the least.
 */
static void vu_inv_failed(struct vu_run *run, struct vu_bind *b, int rc)
{
	struct vtd_unit *unit = run->unit;

	if (rc != -EIO)
		rc = ioasid_invalidate(unit->cfg.ctx, b->ioasid);
	if (!rc || b->dev->fenced)
		return;
	vu_trace(unit, "invalidation of rid %04x pasid %u: error %d", b->dev->rid, b->pasid, rc);
	b->dev->fenced = true;
	run->timeout = true;
	run->dev = b->dev;
	vu_count(&unit->stats.timeouts);
}

static bool vu_inv_covered(const struct vtd_unit *unit, const struct vu_bind *b, u64 start,
			   u64 last, bool leaf)
{
	if (b->all_run == unit->run)
		return true;
	return b->range_run == unit->run && start >= b->start && last <= b->last &&
	       (leaf || !b->leaf);
}

static void vu_inv_range(struct vu_run *run, struct vu_bind *b, u64 start, u64 last, bool leaf)
{
	struct vtd_unit *unit = run->unit;
	int rc;

	/* Pass-through: what the GPA space maps is the VMM's, and it invalidates when it unmaps. */
	if (b->target.pgtt != VTD_PGTT_FS || b->parked ||
	    (unit->broken & VTD_UNIT_BREAK_NO_INVALIDATE))
		return;
	if (vu_inv_covered(unit, b, start, last, leaf)) {
		vu_count(&unit->stats.invalidate_covered);
		return;
	}
	if (start == 0 && last == ~0ull) {
		rc = ioasid_invalidate(unit->cfg.ctx, b->ioasid);
		b->all_run = unit->run;
		vu_count(&unit->stats.invalidate_all);
	} else {
		rc = ioasid_invalidate_range(unit->cfg.ctx, b->ioasid, start, last - start + 1,
					     leaf);
		b->range_run = unit->run;
		b->start = start;
		b->last = last;
		b->leaf = leaf;
		vu_count(&unit->stats.invalidate_range);
	}
	if (rc)
		vu_inv_failed(run, b, rc);
}

static void vu_inv_all(struct vu_run *run, struct vu_bind *b)
{
	vu_inv_range(run, b, 0, ~0ull, false);
}

static void vu_inv_did(struct vu_run *run, u16 did)
{
	struct vu_did *d = &run->unit->dids[did];
	struct vu_bind *b;

	if (d->run == run->unit->run)
		return;
	d->run = run->unit->run;
	cds_hlist_for_each_entry_2(b, &d->binds, did_node) vu_inv_all(run, b);
}

/*
 * Under every PASID of a device. Whatever the range, all of it: a queue full of ranges for a device
 * with many numbers would otherwise take their product in invalidations.
 */
static void vu_inv_pasids(struct vu_run *run, struct vu_dev *dev)
{
	struct vu_bind *b;

	if (dev->inv_run == run->unit->run)
		return;
	dev->inv_run = run->unit->run;
	list_for_each_entry(b, &dev->binds, dev_link)
		vu_inv_all(run, b);
}

static void vu_inv_global(struct vu_run *run)
{
	struct vu_dev *dev;

	list_for_each_entry(dev, &run->unit->devices, link) {
		if (dev->def)
			vu_inv_all(run, dev->def);
		vu_inv_pasids(run, dev);
	}
}

void vu_range_am(u64 addr, u32 am, u64 *start, u64 *last)
{
	u64 mask = am >= 52 ? ~0ull : (1ull << (am + PAGE_SHIFT)) - 1;

	*start = addr & ~mask;
	*last = *start | mask;
}

void vu_range_ats(u64 addr, bool s, u64 *start, u64 *last)
{
	u64 page = addr >> PAGE_SHIFT;

	vu_range_am(addr, s ? (u32)__builtin_ctzll(~page) + 1 : 0, start, last);
}

/* ---- descriptors ---------------------------------------------------------------------------------------- */
/* Each returns 0 or the code for IQERCD. */

u16 vu_desc_rid_mask(const u64 q[VU_WORDS])
{
	/* Function mask: how many low bits of the function number are don't-care, from bit 2 down. */
	static const u16 fm_mask[] = { 0xffff, 0xfffb, 0xfff9, 0xfff8 };

	return fm_mask[FIELD_GET(VTD_QI_CONTEXT0_FM, q[0])];
}

static int vu_desc_context(struct vu_run *run, const u64 q[VU_WORDS])
{
	u16 sid = FIELD_GET(VTD_QI_CONTEXT0_SID, q[0]);
	u16 mask = vu_desc_rid_mask(q);
	struct vtd_unit *unit = run->unit;
	struct vu_dev *dev;

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_CONTEXT_G_GLOBAL:
	case VTD_QI_CONTEXT_G_DOMAIN: /* scalable mode: the same */
		vu_bind_sync_all(unit);
		return 0;
	case VTD_QI_CONTEXT_G_DEVICE:
		list_for_each_entry(dev, &unit->devices, link)
			if ((dev->rid & mask) == (sid & mask))
				vu_bind_sync_dev(unit, dev);
		return 0;
	default:
		return VTD_IQE_RESERVED;
	}
}

static int vu_desc_iotlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_IOTLB_G_GLOBAL:
		vu_inv_global(run);
		return 0;
	case VTD_QI_IOTLB_G_PAGE:
		if (FIELD_GET(VTD_QI_IOTLB1_AM, q[1]) > VTD_UNIT_MAMV)
			return VTD_IQE_RESERVED;
		fallthrough; /* pages of second-stage entries; of first-stage ones, the domain */
	case VTD_QI_IOTLB_G_DOMAIN:
		vu_inv_did(run, FIELD_GET(VTD_QI0_DID, q[0]));
		return 0;
	default:
		return VTD_IQE_RESERVED;
	}
}

static int vu_desc_dev_tlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_dev *dev = vu_dev_by_rid(run->unit, FIELD_GET(VTD_QI_DEV_TLB0_SID, q[0]));
	u64 start, last;

	vu_range_ats(q[1] & VTD_QI_DEV_TLB1_ADDR, q[1] & VTD_QI_DEV_TLB1_S, &start, &last);
	/* PCIe: without PASID it means translations without PASID. */
	if (dev && dev->def)
		vu_inv_range(run, dev->def, start, last, true);
	return 0;
}

static int vu_desc_pasid_dev_tlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_dev *dev = vu_dev_by_rid(run->unit, FIELD_GET(VTD_QI_PASID_DEV_TLB0_SID, q[0]));
	struct vu_bind *b;
	u64 start, last;

	vu_range_ats(q[1] & VTD_QI_PASID_DEV_TLB1_ADDR, q[1] & VTD_QI_PASID_DEV_TLB1_S, &start,
		     &last);
	if (!dev)
		return 0;
	if (q[1] & VTD_QI_PASID_DEV_TLB1_GI) {
		vu_inv_pasids(run, dev);
		return 0;
	}
	b = vu_bind_find(dev, FIELD_GET(VTD_QI0_PASID, q[0]));
	if (b)
		vu_inv_range(run, b, start, last, true);
	return 0;
}

/* Interrupt remapping is not offered; its cache is empty. */
static int vu_desc_interrupt_entry(struct vu_run *run __maybe_unused,
				   const u64 q[VU_WORDS] __maybe_unused)
{
	return 0;
}

static int vu_desc_pasid_iotlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	u32 pasid = FIELD_GET(VTD_QI0_PASID, q[0]), am = FIELD_GET(VTD_QI_IOTLB1_AM, q[1]);
	u16 did = FIELD_GET(VTD_QI0_DID, q[0]);
	u64 start = 0, last = ~0ull;
	struct vu_dev *dev;
	struct vu_bind *b;
	bool leaf = false;

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_PASID_IOTLB_G_PASID:
		break;
	case VTD_QI_PASID_IOTLB_G_PAGE:
		if (am > VTD_UNIT_MAMV)
			return VTD_IQE_RESERVED;
		vu_range_am(q[1] & VTD_QI_IOTLB1_ADDR, am, &start, &last);
		leaf = q[1] & VTD_QI_IOTLB1_IH;
		break;
	default:
		return VTD_IQE_RESERVED;
	}
	list_for_each_entry(dev, &run->unit->devices, link) {
		b = vu_bind_find(dev, pasid);
		if (b && b->target.did == did)
			vu_inv_range(run, b, start, last, leaf);
	}
	return 0;
}

static int vu_desc_pasid_cache(struct vu_run *run, const u64 q[VU_WORDS])
{
	u32 pasid = FIELD_GET(VTD_QI0_PASID, q[0]);
	struct vtd_unit *unit = run->unit;
	struct vu_dev *dev;

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_PASID_CACHE_G_PASID:
		/*
		 * The domain ID is that of the entry that goes, of the one that comes, or (caching
		 * mode) 0, so it is not looked at: reading an entry again is never wrong.
		 */
		list_for_each_entry(dev, &unit->devices, link)
			vu_bind_sync(unit, dev, pasid);
		return 0;
	case VTD_QI_PASID_CACHE_G_DOMAIN:
	case VTD_QI_PASID_CACHE_G_GLOBAL:
		vu_bind_sync_all(unit);
		return 0;
	default:
		return VTD_IQE_RESERVED;
	}
}

static void vu_wait_status(struct vtd_unit *unit, const u64 q[VU_WORDS])
{
	u32 *status;

	if (!(q[0] & VTD_QI_WAIT0_SW))
		return;
	status = vu_gpa(unit, q[1] & VTD_QI_WAIT1_ADDR, 4, true);
	if (status)
		smp_store_release(status, (u32)FIELD_GET(VTD_QI_WAIT0_DATA, q[0]));
}

static void vu_wait_interrupt(struct vtd_unit *unit)
{
	struct vu_out out = { 0 };
	struct vu_events *ev = &unit->ev;

	mutex_lock(&unit->regs_lock);
	if (!(ev->ics & VTD_ICS_IWC)) {
		ev->ics |= VTD_ICS_IWC;
		vu_msi_raise(&ev->inv_msi, &out);
	}
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
}

/* Descriptors are done one after the other, so the fence (FN) holds by itself. */
static int vu_desc_wait(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vtd_unit *unit = run->unit;

	if (q[0] & VTD_QI_WAIT0_PD)
		unit->be->drain(unit);
	/* Aborted: what it waits for did not happen as asked. */
	if (run->timeout)
		return 0;
	if (!(unit->broken & VTD_UNIT_BREAK_NO_WAIT))
		vu_wait_status(unit, q);
	vu_count(&unit->stats.waits);
	if (q[0] & VTD_QI_WAIT0_IF)
		vu_wait_interrupt(unit);
	return 0;
}

static int vu_desc_page_response(struct vu_run *run, const u64 q[VU_WORDS])
{
	u32 pasid = q[0] & VTD_QI_PGRSP0_PP ? FIELD_GET(VTD_QI0_PASID, q[0]) : 0;
	u16 rid = FIELD_GET(VTD_QI_PGRSP0_RID, q[0]);
	struct vtd_unit *unit = run->unit;
	struct vu_dev *dev;

	/* No request has a PASID of 0: this answers nobody, not the one without. */
	if ((q[0] & VTD_QI_PGRSP0_PP) && !pasid) {
		vu_count(&unit->stats.responses_ignored);
		return 0;
	}
	vu_request_answer(unit, rid, pasid, FIELD_GET(VTD_QI_PGRSP1_PRGI, q[1]),
			  FIELD_GET(VTD_QI_PGRSP0_CODE, q[0]));
	dev = vu_dev_by_rid(unit, rid);
	if (dev)
		vu_bind_settle(unit, dev, pasid);
	return 0;
}

static void vu_front_drain(struct vtd_unit *unit)
{
	vtd_unit_process_faults(unit);
}

const struct vu_backend vu_front = {
	.retranslate = vu_bind_sync_all,
	.begin = vu_bind_reap,
	.drain = vu_front_drain,
	.desc = {
		[VTD_QI_CONTEXT] = vu_desc_context,
		[VTD_QI_IOTLB] = vu_desc_iotlb,
		[VTD_QI_DEV_TLB] = vu_desc_dev_tlb,
		[VTD_QI_PASID_IOTLB] = vu_desc_pasid_iotlb,
		[VTD_QI_PASID_CACHE] = vu_desc_pasid_cache,
		[VTD_QI_PASID_DEV_TLB] = vu_desc_pasid_dev_tlb,
		[VTD_QI_PAGE_RESPONSE] = vu_desc_page_response,
	},
};

/**
 * struct vu_desc - a type of descriptor
 * @run: does it; NULL: the backend does
 * @known: there is such a type
 * @rsvd: bits of the two low words that must be 0
 * @scalable: makes sense in scalable mode only
 */
struct vu_desc {
	int (*run)(struct vu_run *run, const u64 q[VU_WORDS]);
	u64 rsvd[2];
	bool known, scalable;
};

#define VU_DESC(type, fn, name, only_scalable)                                                    \
	[type] = {                                                                                \
		.run = fn, .rsvd = { name##0, name##1 }, .known = true, .scalable = only_scalable \
	}

static const struct vu_desc vu_descs[VTD_QI_NR_TYPES] = {
	VU_DESC(VTD_QI_CONTEXT, NULL, VTD_QI_RSVD_CONTEXT, false),
	VU_DESC(VTD_QI_IOTLB, NULL, VTD_QI_RSVD_IOTLB, false),
	VU_DESC(VTD_QI_DEV_TLB, NULL, VTD_QI_RSVD_DEV_TLB, false),
	VU_DESC(VTD_QI_INT_ENTRY, vu_desc_interrupt_entry, VTD_QI_RSVD_INT_ENTRY, false),
	VU_DESC(VTD_QI_WAIT, vu_desc_wait, VTD_QI_RSVD_WAIT, false),
	VU_DESC(VTD_QI_PASID_IOTLB, NULL, VTD_QI_RSVD_PASID_IOTLB, true),
	VU_DESC(VTD_QI_PASID_CACHE, NULL, VTD_QI_RSVD_PASID_CACHE, true),
	VU_DESC(VTD_QI_PASID_DEV_TLB, NULL, VTD_QI_RSVD_PASID_DEV_TLB, true),
	VU_DESC(VTD_QI_PAGE_RESPONSE, NULL, VTD_QI_RSVD_PGRSP, true),
};

static u32 vu_desc_type(const u64 q[VU_WORDS])
{
	return FIELD_GET(VTD_QI0_TYPE_LO, q[0]) | FIELD_GET(VTD_QI0_TYPE_HI, q[0]) << 4;
}

static int vu_desc_run(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vtd_unit *unit = run->unit;
	u32 type = vu_desc_type(q);
	const struct vu_desc *d;

	if (type >= VTD_QI_NR_TYPES || !vu_descs[type].known) {
		vu_count(&unit->stats.descriptors[type < 16 ? type : 0]);
		return VTD_IQE_TYPE;
	}
	d = &vu_descs[type];
	vu_count(&unit->stats.descriptors[type]);
	vu_trace(unit, "descriptor type %u: %016llx %016llx", type, (unsigned long long)q[0],
		 (unsigned long long)q[1]);
	if ((q[0] & d->rsvd[0]) || (q[1] & d->rsvd[1]) || q[2] || q[3])
		return VTD_IQE_RESERVED;
	if (d->scalable && FIELD_GET(VTD_RTADDR_TTM, unit->root) != VTD_TTM_SCALABLE)
		return VTD_IQE_TTM;
	return d->run ? d->run(run, q) : unit->be->desc[type](run, q);
}

/* ---- the queue -------------------------------------------------------------------------------------------- */

/**
 * struct vu_ring - the queue's geometry during one run
 * @base: guest-physical address
 * @size: bytes
 * @step: bytes per descriptor
 * @head: byte offset of the next descriptor
 * @tail: where to stop
 */
struct vu_ring {
	u64 base;
	u32 size, step, head, tail;
};

static void vu_queue_error(struct vtd_unit *unit, u32 code)
{
	struct vu_out out = { 0 };

	mutex_lock(&unit->regs_lock);
	unit->r.iqercd = FIELD_PREP(VTD_IQERCD_IQEI, code);
	vu_event_status(unit, VTD_FSTS_IQE, &out);
	mutex_unlock(&unit->regs_lock);
	vu_count(&unit->stats.queue_errors);
	vu_trace(unit, "queue stopped at %llx: error %u", (unsigned long long)unit->r.iqh, code);
	vu_out_flush(unit, &out);
}

static void vu_queue_timeout(struct vtd_unit *unit, const struct vu_dev *dev)
{
	struct vu_out out = { 0 };

	mutex_lock(&unit->regs_lock);
	unit->r.iqercd = FIELD_PREP(VTD_IQERCD_ITESID, dev->rid);
	vu_event_status(unit, VTD_FSTS_ITE, &out);
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
}

/* Return: 0 or the code for IQERCD. */
static u32 vu_ring_open(struct vtd_unit *unit, struct vu_ring *ring)
{
	u64 iqa = unit->r.iqa;
	bool wide = iqa & VTD_IQA_DW;

	ring->base = iqa & VTD_IQA_IQA;
	ring->size = 4096u << FIELD_GET(VTD_IQA_QS, iqa);
	ring->step = wide ? 32 : 16;
	/* A queue that shrank under its head starts over somewhere inside. */
	ring->head = unit->r.iqh & (ring->size - ring->step);
	ring->tail = unit->r.iqt & VTD_IQ_OFFSET;
	if (ring->tail & (ring->step - 1))
		return VTD_IQE_ALIGN;
	if (ring->tail >= ring->size)
		return VTD_IQE_TAIL;
	if (!wide && FIELD_GET(VTD_RTADDR_TTM, unit->root) == VTD_TTM_SCALABLE)
		return VTD_IQE_WIDTH;
	return 0;
}

static u32 vu_ring_next(const struct vu_ring *ring, u32 off)
{
	return (off + ring->step) & (ring->size - 1);
}

/* Copy a descriptor, once; the guest may be writing to it. Short ones are padded with zeroes. */
static bool vu_ring_fetch(struct vtd_unit *unit, const struct vu_ring *ring, u32 off,
			  u64 q[VU_WORDS])
{
	const u64 *p = vu_gpa(unit, ring->base + off, ring->step, false);
	u32 i;

	memset(q, 0, VU_WORDS * sizeof(q[0]));
	for (i = 0; p && i < ring->step / 8; i++)
		q[i] = READ_ONCE(p[i]);
	return p;
}

/* Must-fail control: tell the guest that all is done before any of it is. */
static void vu_queue_lie(struct vtd_unit *unit, const struct vu_ring *ring)
{
	u64 q[VU_WORDS];
	u32 off;

	for (off = ring->head; off != ring->tail; off = vu_ring_next(ring, off))
		if (vu_ring_fetch(unit, ring, off, q) && vu_desc_type(q) == VTD_QI_WAIT)
			vu_wait_status(unit, q);
}

static void vu_queue_advance(struct vtd_unit *unit, struct vu_ring *ring)
{
	ring->head = vu_ring_next(ring, ring->head);
	mutex_lock(&unit->regs_lock);
	unit->r.iqh = ring->head;
	mutex_unlock(&unit->regs_lock);
}

/* Between the first timeout and the next wait, which it aborts, the queue goes on. */
static bool vu_queue_aborts(const struct vu_run *run, const u64 q[VU_WORDS])
{
	return run->timeout && vu_desc_type(q) == VTD_QI_WAIT;
}

void vu_queue_run(struct vtd_unit *unit)
{
	struct vu_run run = { .unit = unit };
	struct vu_ring ring;
	u64 q[VU_WORDS];
	bool stop;
	u32 code;

	mutex_lock(&unit->regs_lock);
	stop = !(unit->r.gsts & VTD_GCMD_QIE) || (unit->ev.fsts & VTD_FSTS_QUEUE);
	mutex_unlock(&unit->regs_lock);
	if (stop)
		return;
	mutex_lock(&unit->regs_lock);
	code = vu_ring_open(unit, &ring);
	mutex_unlock(&unit->regs_lock);
	unit->run++;
	unit->be->begin(unit);
	if (!code && (unit->broken & VTD_UNIT_BREAK_NO_WAIT))
		vu_queue_lie(unit, &ring);
	while (!code && ring.head != ring.tail) {
		code = vu_ring_fetch(unit, &ring, ring.head, q) ? vu_desc_run(&run, q) :
								  VTD_IQE_FETCH;
		if (code)
			break;
		stop = vu_queue_aborts(&run, q);
		vu_queue_advance(unit, &ring);
		if (stop)
			break;
	}
	if (run.timeout)
		vu_queue_timeout(unit, run.dev);
	if (code)
		vu_queue_error(unit, code);
}

/* ---- register-based invalidation ------------------------------------------------------------------------------ */

u64 vu_queue_ccmd(struct vtd_unit *unit, u64 ccmd)
{
	u64 q[VU_WORDS] = {
		FIELD_PREP(VTD_QI0_TYPE_LO, VTD_QI_CONTEXT) |
			FIELD_PREP(VTD_QI0_G, FIELD_GET(VTD_CCMD_CIRG, ccmd)) |
			FIELD_PREP(VTD_QI_CONTEXT0_SID, FIELD_GET(VTD_CCMD_SID, ccmd)) |
			FIELD_PREP(VTD_QI_CONTEXT0_FM, FIELD_GET(VTD_CCMD_FM, ccmd)),
	};
	struct vu_run run = { .unit = unit };
	bool bad;

	unit->run++;
	bad = unit->be->desc[VTD_QI_CONTEXT](&run, q);
	ccmd &= ~(VTD_CCMD_ICC | VTD_CCMD_CAIG);
	return bad ? ccmd : ccmd | FIELD_PREP(VTD_CCMD_CAIG, FIELD_GET(VTD_CCMD_CIRG, ccmd));
}

u64 vu_queue_iotlb(struct vtd_unit *unit, u64 iotlb, u64 iva)
{
	u64 q[VU_WORDS] = {
		FIELD_PREP(VTD_QI0_TYPE_LO, VTD_QI_IOTLB) |
			FIELD_PREP(VTD_QI0_G, FIELD_GET(VTD_IOTLB_IIRG, iotlb)) |
			FIELD_PREP(VTD_QI0_DID, FIELD_GET(VTD_IOTLB_DID, iotlb)),
		iva,
	};
	struct vu_run run = { .unit = unit };
	bool bad;

	unit->run++;
	bad = unit->be->desc[VTD_QI_IOTLB](&run, q);
	/* No status to set: the registers know no timeout, and the device is fenced. */
	iotlb &= ~(VTD_IOTLB_IVT | VTD_IOTLB_IAIG);
	return bad ? iotlb : iotlb | FIELD_PREP(VTD_IOTLB_IAIG, FIELD_GET(VTD_IOTLB_IIRG, iotlb));
}
