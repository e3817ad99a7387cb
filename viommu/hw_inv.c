// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Hardware mode: what the invalidation descriptors do to the caches. No more than they say.
 *
 * Source: VT-d 5.10, 6.5.2, Tables 22 to 24.
 */
#include "viommu/hw.h"

static bool vu_hw_broken(struct vtd_unit *unit)
{
	return unit->broken & VTD_UNIT_BREAK_NO_INVALIDATE;
}

/*
 * Leaves of the second stage say where nested first-stage tables are: if only they changed, its own
 * tables stay known, those of nested walks do not. Cache lock.
 */
static void vu_hw_purge_steps(struct vu_hw *hw, const struct vu_tlb_range *range)
{
	struct vu_tlb_range steps = *range;

	if (range->leaf && !range->second)
		return;
	if (range->leaf)
		steps.second = false;
	vu_tlb_purge(&hw->steps, &steps);
}

/* Config lock. Purge the IOTLB once the requests on their way have landed. */
static void vu_hw_purge(struct vtd_unit *unit, const struct vu_tlb_range *range)
{
	struct vu_hw *hw = vu_hw_of(unit);

	if (vu_hw_broken(unit))
		return;
	pthread_rwlock_wrlock(&hw->dma);
	mutex_lock(&hw->cache);
	hw->stats.iotlb_purged += vu_tlb_purge(&hw->iotlb, range);
	vu_hw_purge_steps(hw, range);
	mutex_unlock(&hw->cache);
	pthread_rwlock_unlock(&hw->dma);
}

/**
 * struct vu_pe_range - which cached PASID entries are meant; all conditions must hold
 * @by_rid: those whose RID agrees with @rid in the bits of @mask
 */
struct vu_pe_range {
	bool by_rid, by_did, by_pasid;
	u16 rid, mask, did;
	u32 pasid;
};

static void vu_hw_purge_pe(struct vtd_unit *unit, const struct vu_pe_range *range)
{
	struct vu_hw *hw = vu_hw_of(unit);
	struct vu_hw_pe *pe;

	if (vu_hw_broken(unit))
		return;
	pthread_rwlock_wrlock(&hw->dma);
	mutex_lock(&hw->cache);
	for (pe = hw->pe; pe < hw->pe + hw->nr_pe; pe++) {
		if (!pe->valid || (range->by_rid && (pe->rid ^ range->rid) & range->mask) ||
		    (range->by_did && pe->te.did != range->did) ||
		    (range->by_pasid && pe->used_pasid != range->pasid))
			continue;
		pe->valid = false;
		hw->stats.pasid_purged++;
	}
	mutex_unlock(&hw->cache);
	pthread_rwlock_unlock(&hw->dma);
}

void vu_hw_flush(struct vu_hw *hw)
{
	u32 broken = hw->unit.broken;

	/* Not an invalidation that could be left out: the unit starts anew. */
	hw->unit.broken = 0;
	vu_hw_purge(&hw->unit, &(struct vu_tlb_range){ .first = true, .second = true });
	vu_hw_purge_pe(&hw->unit, &(struct vu_pe_range){ 0 });
	hw->unit.broken = broken;
}

/* Translation goes on or off, or another root table counts (CAP.ESRTPS: that invalidates). */
static void vu_hw_retranslate(struct vtd_unit *unit)
{
	vu_hw_flush(vu_hw_of(unit));
}

static void vu_hw_nothing(struct vtd_unit *unit __maybe_unused)
{
}

static int vu_hw_context(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_pe_range range = { 0 };

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_CONTEXT_G_GLOBAL:
	case VTD_QI_CONTEXT_G_DOMAIN: /* scalable mode: the same */
		break;
	case VTD_QI_CONTEXT_G_DEVICE:
		range.by_rid = true;
		range.rid = FIELD_GET(VTD_QI_CONTEXT0_SID, q[0]);
		range.mask = vu_desc_rid_mask(q);
		break;
	default:
		return VTD_IQE_RESERVED;
	}
	vu_hw_purge_pe(run->unit, &range);
	return 0;
}

static int vu_hw_iotlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_tlb_range range = { .first = true,
				      .second = true,
				      .did = FIELD_GET(VTD_QI0_DID, q[0]) };
	u32 am = FIELD_GET(VTD_QI_IOTLB1_AM, q[1]);

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_IOTLB_G_GLOBAL:
		break;
	case VTD_QI_IOTLB_G_PAGE:
		if (am > VTD_UNIT_MAMV)
			return VTD_IQE_RESERVED;
		/* Pages of second-stage entries; of the others, the domain. */
		range.second_range = true;
		range.leaf = q[1] & VTD_QI_IOTLB1_IH;
		vu_range_am(q[1] & VTD_QI_IOTLB1_ADDR, am, &range.start, &range.last);
		range.by_did = true;
		break;
	case VTD_QI_IOTLB_G_DOMAIN:
		range.by_did = true;
		break;
	default:
		return VTD_IQE_RESERVED;
	}
	vu_hw_purge(run->unit, &range);
	return 0;
}

static int vu_hw_pasid_iotlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_tlb_range range = { .first = true,
				      .by_did = true,
				      .by_pasid = true,
				      .did = FIELD_GET(VTD_QI0_DID, q[0]),
				      .pasid = FIELD_GET(VTD_QI0_PASID, q[0]) };
	u32 am = FIELD_GET(VTD_QI_IOTLB1_AM, q[1]);

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_PASID_IOTLB_G_PASID:
		range.second = true;
		break;
	case VTD_QI_PASID_IOTLB_G_PAGE:
		if (am > VTD_UNIT_MAMV)
			return VTD_IQE_RESERVED;
		range.first_range = true;
		range.leaf = q[1] & VTD_QI_IOTLB1_IH;
		vu_range_am(q[1] & VTD_QI_IOTLB1_ADDR, am, &range.start, &range.last);
		break;
	default:
		return VTD_IQE_RESERVED;
	}
	vu_hw_purge(run->unit, &range);
	return 0;
}

static int vu_hw_pasid_cache(struct vu_run *run, const u64 q[VU_WORDS])
{
	struct vu_pe_range range = { .did = FIELD_GET(VTD_QI0_DID, q[0]),
				     .pasid = FIELD_GET(VTD_QI0_PASID, q[0]) };

	switch (FIELD_GET(VTD_QI0_G, q[0])) {
	case VTD_QI_PASID_CACHE_G_PASID:
		range.by_pasid = true;
		fallthrough;
	case VTD_QI_PASID_CACHE_G_DOMAIN:
		range.by_did = true;
		break;
	case VTD_QI_PASID_CACHE_G_GLOBAL:
		break;
	default:
		return VTD_IQE_RESERVED;
	}
	vu_hw_purge_pe(run->unit, &range);
	return 0;
}

/* Config lock. An invalidation request to a device, and its completion. */
static void vu_hw_dev_tlb(struct vtd_unit *unit, u16 rid, u32 pasid, bool all, u64 addr, bool s)
{
	struct vu_hw *hw = vu_hw_of(unit);
	u64 start, last;

	if (vu_hw_broken(unit))
		return;
	vu_range_ats(addr, s, &start, &last);
	pthread_rwlock_wrlock(&hw->dma);
	hw->ops.invalidate(hw->opaque, rid, pasid, all, start, last);
	pthread_rwlock_unlock(&hw->dma);
}

static int vu_hw_desc_dev_tlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	vu_hw_dev_tlb(run->unit, FIELD_GET(VTD_QI_DEV_TLB0_SID, q[0]), IOASID_INVALID, false,
		      q[1] & VTD_QI_DEV_TLB1_ADDR, q[1] & VTD_QI_DEV_TLB1_S);
	return 0;
}

static int vu_hw_desc_pasid_dev_tlb(struct vu_run *run, const u64 q[VU_WORDS])
{
	vu_hw_dev_tlb(run->unit, FIELD_GET(VTD_QI_PASID_DEV_TLB0_SID, q[0]),
		      FIELD_GET(VTD_QI0_PASID, q[0]), q[1] & VTD_QI_PASID_DEV_TLB1_GI,
		      q[1] & VTD_QI_PASID_DEV_TLB1_ADDR, q[1] & VTD_QI_PASID_DEV_TLB1_S);
	return 0;
}

static int vu_hw_page_response(struct vu_run *run, const u64 q[VU_WORDS])
{
	u32 pasid = q[0] & VTD_QI_PGRSP0_PP ? FIELD_GET(VTD_QI0_PASID, q[0]) : IOASID_INVALID;
	struct vu_hw *hw = vu_hw_of(run->unit);

	vu_count(&run->unit->stats.page_responses);
	hw->ops.response(hw->opaque, FIELD_GET(VTD_QI_PGRSP0_RID, q[0]), pasid,
			 FIELD_GET(VTD_QI_PGRSP1_PRGI, q[1]), FIELD_GET(VTD_QI_PGRSP0_CODE, q[0]));
	return 0;
}

/* Page requests reach the guest's queue before the call that sends them returns: nothing to drain. */
const struct vu_backend vu_hw_backend = {
	.retranslate = vu_hw_retranslate,
	.begin = vu_hw_nothing,
	.drain = vu_hw_nothing,
	.kick = vu_hw_kick,
	.desc = {
		[VTD_QI_CONTEXT] = vu_hw_context,
		[VTD_QI_IOTLB] = vu_hw_iotlb,
		[VTD_QI_DEV_TLB] = vu_hw_desc_dev_tlb,
		[VTD_QI_PASID_IOTLB] = vu_hw_pasid_iotlb,
		[VTD_QI_PASID_CACHE] = vu_hw_pasid_cache,
		[VTD_QI_PASID_DEV_TLB] = vu_hw_desc_pasid_dev_tlb,
		[VTD_QI_PAGE_RESPONSE] = vu_hw_page_response,
	},
};
