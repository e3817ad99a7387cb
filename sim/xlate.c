// SPDX-License-Identifier: GPL-2.0-only
/* From a request to memory: PASID table, page tables, and why not. */
#include <linux/mm.h>

#include "sim/private.h"

void sim_xlate_init(struct sim_xlate *x, const struct sim_dev *dev, u64 addr, u32 pasid, u32 access)
{
	memset(x, 0, sizeof(*x));
	x->iova = addr;
	x->src.rid = dev->rid;
	x->src.has_pasid = pasid != IOASID_SIM_NONE;
	x->src.pasid = x->src.has_pasid ? pasid : 0;
	x->plain = !x->src.has_pasid && sim_is_slice(dev);
	/* Only requests with PASID can claim privilege. */
	x->access = x->src.has_pasid ? access : access & ~XLAT_PRIV;
}

/* Who stops the device clears @running, then begins the epoch, then waits for sections. */
void sim_xlate_begin(struct sim_dev *dev, struct sim_xlate *x)
{
	u32 pasid;

	x->epoch = smp_load_acquire(&dev->asker.epoch);
	if (!x->plain)
		return;
	pasid = READ_ONCE(dev->running) ? ioasid_kdev_rid_pasid(dev->kdev) : 0;
	x->unrouted = !pasid;
	x->src.has_pasid = true;
	x->src.pasid = pasid;
}

/* ---- failures ------------------------------------------------------------------------------------ */

enum sim_result sim_xlate_refuse(struct sim_xlate *x, u32 reason, u32 arch_reason)
{
	x->reason = reason;
	x->arch_reason = arch_reason;
	x->flags = 0;
	x->gpa = 0;
	x->askable = false;
	return SIM_FAULT;
}

/* What a fault of the tables above the page tables means to whoever set up the route. */
static u32 lookup_reason(u8 arch_reason)
{
	const struct vtd_reason_info *info = vtd_reason_info(arch_reason);

	switch (info ? info->fault : XLAT_FAULT_BLOCKED) {
	case XLAT_FAULT_RESERVED:
		return IOASID_REASON_RESERVED_BIT;
	case XLAT_FAULT_ACCESS:
		return IOASID_REASON_TABLE_ACCESS;
	default:
		return IOASID_REASON_NO_ROUTE;
	}
}

static u32 walk_reason(bool nested, const struct vtd_xlat *w)
{
	/* Under a user table everything the second stage refuses is the parent's to explain. */
	if (nested && w->flags & VTD_XLAT_GPA && w->fault != XLAT_FAULT_RANGE)
		return IOASID_REASON_STAGE2;
	switch (w->fault) {
	case XLAT_FAULT_NOT_PRESENT:
		return IOASID_REASON_NOT_PRESENT;
	case XLAT_FAULT_PERMISSION:
		return IOASID_REASON_PERMISSION;
	case XLAT_FAULT_RESERVED:
		return IOASID_REASON_RESERVED_BIT;
	case XLAT_FAULT_WIDTH:
	case XLAT_FAULT_RANGE:
		return IOASID_REASON_ADDRESS;
	case XLAT_FAULT_ACCESS:
		return IOASID_REASON_TABLE_ACCESS;
	default:
		return IOASID_REASON_NO_ROUTE;
	}
}

enum sim_result sim_xlate_fail(struct sim_xlate *x, const struct sim_view *v,
			       const struct vtd_xlat *w)
{
	bool nested = v->te.pgtt == VTD_PGTT_NESTED;

	x->reason = walk_reason(nested, w);
	x->arch_reason = w->reason;
	x->flags = nested && w->flags & VTD_XLAT_GPA ? IOASID_FAULT_GPA : 0;
	x->gpa = x->flags ? w->gpa : 0;
	x->askable = nested && w->flags & VTD_XLAT_PAGE_REQUEST;
	return SIM_FAULT;
}

void sim_xlate_report(struct sim_dev *dev, const struct sim_xlate *x)
{
	const struct ioasid_kdev_fault fault = {
		.ppasid = x->src.has_pasid ? x->src.pasid : IOASID_KDEV_NO_PASID,
		.flags = x->flags | (x->access & XLAT_READ ? IOASID_FAULT_READ : 0) |
			 (x->access & XLAT_WRITE ? IOASID_FAULT_WRITE : 0) |
			 (x->access & XLAT_PRIV ? IOASID_FAULT_PRIV : 0),
		.address = x->iova,
		.gpa = x->gpa,
		.reason = x->reason,
		.arch_reason = x->arch_reason,
	};

	sim_count(dev->iommu, SIM_FAULTS, 1);
	ioasid_kdev_report_event(dev->kdev, &fault);
}

/* ---- the route ------------------------------------------------------------------------------------- */

static struct vtd_req request_of(const struct sim_xlate *x, u8 type)
{
	return (struct vtd_req){
		.rid = x->src.rid,
		.has_pasid = x->src.has_pasid,
		.pasid = x->src.pasid,
		.type = type,
		.priv = x->access & XLAT_PRIV,
	};
}

/* PASID table and routes as they were together at one moment. */
static enum sim_result view_fill(struct sim_dev *dev, struct sim_xlate *x, struct sim_view *v)
{
	/* The kind of request is checked for each one, not for the entry. */
	const struct vtd_req req = request_of(x, VTD_REQ_UNTRANSLATED);
	struct sim_iommu *iommu = dev->iommu;
	struct vtd_lookup lk;
	struct sim_route *r;
	unsigned int seq = raw_read_seqcount(&iommu->seq);

	if (seq & 1)
		return SIM_AGAIN;
	vtd_lookup(&iommu->mem, &iommu->tables.caps, iommu->rtaddr, &req, &lk, NULL);
	r = xa_load(&dev->fn->routes, x->src.pasid);
	v->dom = r ? READ_ONCE(r->dom) : NULL;
	v->te = lk.te;
	if (read_seqcount_retry(&iommu->seq, seq))
		return SIM_AGAIN;
	if (lk.reason)
		return sim_xlate_refuse(x, lookup_reason(lk.reason), lk.reason);
	if (WARN_ON_ONCE(!v->dom))
		return sim_xlate_refuse(x, IOASID_REASON_NO_ROUTE, VTD_SPT_2);
	sim_pasid_insert(iommu, &x->src, v);
	return SIM_OK;
}

enum sim_result sim_xlate_view(struct sim_dev *dev, struct sim_xlate *x, u8 type,
			       struct sim_view *v)
{
	const struct vtd_req req = request_of(x, type);
	enum sim_result res;
	u8 reason;

	/* Entry 0 of the PASID table is not this device's. */
	if (x->unrouted || READ_ONCE(dev->blocked))
		return sim_xlate_refuse(x, IOASID_REASON_NO_ROUTE, VTD_SCT_2);
	/* Without PASID that is an interrupt, and there is nobody here to take it. */
	if (!x->src.has_pasid && sim_is_msi(x->iova))
		return sim_xlate_refuse(x, IOASID_REASON_ADDRESS, VTD_SGN_8);
	if (!sim_pasid_find(dev->iommu, &x->src, v)) {
		res = view_fill(dev, x, v);
		if (res != SIM_OK)
			return res;
	}
	reason = vtd_te_refuses(&v->te, &req);
	if (reason)
		return sim_xlate_refuse(x, lookup_reason(reason), reason);
	return SIM_OK;
}

/* ---- the page ---------------------------------------------------------------------------------------- */

u8 sim_xlate_walk(struct sim_dev *dev, const struct sim_xlate *x, const struct sim_view *v,
		  u32 more_access, struct vtd_xlat *w)
{
	struct sim_iommu *iommu = dev->iommu;
	u32 access = x->access | more_access;

	sim_count(iommu, SIM_WALKS, 1);
	if (iommu->cfg.flags & IOASID_SIM_TEST_NO_AD)
		return vtd_walk_peek(&iommu->mem, &iommu->tables.caps, &v->te, x->iova, access, w,
				     NULL);
	return vtd_walk(&iommu->mem, &iommu->tables.caps, &v->te, x->iova, access, w);
}

static enum sim_result to_process(struct sim_xlate *x, const struct sim_view *v)
{
	/* The domain cannot go in a section; what it leads to may be needed outside. */
	x->shared = v->dom->shared;
	kref_get(&x->shared->ref);
	return SIM_PROCESS;
}

enum sim_result sim_xlate(struct sim_dev *dev, struct sim_xlate *x, u64 *pa)
{
	enum sim_result res;
	struct sim_view v;
	struct vtd_xlat w;

	res = sim_xlate_view(dev, x, VTD_REQ_UNTRANSLATED, &v);
	if (res != SIM_OK)
		return res;
	if (v.te.pgtt == VTD_PGTT_PASS)
		return to_process(x, &v);
	if (sim_tlb_find(dev->iommu, &v, x->iova, x->access, pa))
		return SIM_OK;
	if (sim_xlate_walk(dev, x, &v, 0, &w))
		return sim_xlate_fail(x, &v, &w);
	*pa = w.oa;
	/* Entries are a domain's, for requests with PASID and without: not where those differ. */
	if (!sim_is_msi(x->iova))
		sim_tlb_insert(dev->iommu, &v, x->iova, x->access, &w);
	return SIM_OK;
}
