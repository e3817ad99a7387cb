// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* From a request to a host pointer, where the IOTLB does not know: PASID tables, page tables. */
#include <sched.h>

#include "inproc/xlate.h"

/* ---- failures -------------------------------------------------------------------------------- */

void *xlate_refuse(struct xlate *x, u32 reason, u32 arch_reason)
{
	x->reason = reason;
	x->arch_reason = arch_reason;
	x->flags = 0;
	x->gpa = 0;
	x->askable = false;
	return NULL;
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

void xlate_fail(struct xlate *x, const struct xlate_view *v, const struct vtd_xlat *w)
{
	/* By the entry that was used: a user table that is not bound is none anybody could mend. */
	bool nested = v->te.pgtt == VTD_PGTT_NESTED;

	x->reason = walk_reason(nested, w);
	x->arch_reason = w->reason;
	x->flags = nested && w->flags & VTD_XLAT_GPA ? IOASID_FAULT_GPA : 0;
	x->gpa = x->flags ? w->gpa : 0;
	x->askable = nested && w->flags & VTD_XLAT_PAGE_REQUEST;
}

void xlate_report(struct ioasid_hostdev *dev, const struct xlate *x)
{
	const struct ioasid_fault_report report = {
		.pasid = PPASID(x->pasid),
		.flags = x->flags | (x->access & XLAT_READ ? IOASID_FAULT_READ : 0) |
			 (x->access & XLAT_WRITE ? IOASID_FAULT_WRITE : 0) |
			 (x->access & XLAT_PRIV ? IOASID_FAULT_PRIV : 0),
		.address = x->iova,
		.gpa = x->gpa,
		.reason = x->reason,
		.arch_reason = x->arch_reason,
	};

	if (x->quiet || load_relaxed(&dev->dead))
		return;
	count(&dev->host->nr_faults);
	if (section_open())
		thread_report_later(dev, &report);
	else
		ioasid_report_event(dev->core, &report);
}

/* ---- the route ----------------------------------------------------------------------------------- */

static struct vtd_req request_of(const struct ioasid_hostdev *dev, const struct xlate *x, u8 type)
{
	return (struct vtd_req){
		.rid = dev->rid,
		.has_pasid = x->pasid != IOASID_NO_PASID,
		.pasid = x->pasid,
		.type = type,
		.priv = x->access & XLAT_PRIV,
	};
}

/* PASID table and route tree as they were together at one moment. */
static u8 view_lookup(struct ioasid_hostdev *dev, const struct vtd_req *req, u32 pasid,
		      struct xlate_view *v)
{
	struct ioasid_host *host = dev->host;
	struct inproc_route *r;
	struct vtd_lookup lk;

	do {
		/* Odd: a writer is between two stores, or was preempted there. */
		while ((v->seq = load_seq_cst(&host->seq)) & 1)
			sched_yield();
		vtd_lookup(&host->env.mem, host->caps, host->rtaddr, req, &lk, NULL);
		r = inproc_route_find(dev->fn, pasid);
		v->dom = r ? load_acquire(&r->dom) : NULL;
		smp_rmb();
	} while (load_seq_cst(&host->seq) != v->seq);
	v->te = lk.te;
	if (lk.reason)
		return lk.reason;
	return WARN_ON(!v->dom) ? VTD_SPT_2 : 0;
}

static bool view_fill(struct ioasid_hostdev *dev, struct xlate *x, u64 key, struct xlate_view *v)
{
	/* The kind of request is checked for each one, not for the entry. */
	const struct vtd_req req = request_of(dev, x, VTD_REQ_UNTRANSLATED);
	struct ioasid_host *host = dev->host;
	u8 reason = view_lookup(dev, &req, x->pasid, v);

	stat_inc(&thread_stats(host)->pasid_misses);
	if (reason) {
		xlate_refuse(x, lookup_reason(reason), reason);
		return false;
	}
	v->salt = v->dom->salt;
	pasid_cache_insert(host, key, v);
	return true;
}

bool xlate_view_get(struct ioasid_hostdev *dev, struct xlate *x, u8 type, struct xlate_view *v)
{
	const struct vtd_req req = request_of(dev, x, type);
	struct ioasid_host *host = dev->host;
	u64 key = route_key(dev->rid, x->pasid);
	struct inproc_domain *dom;
	u8 reason;

	/* Without PASID that is an interrupt, and there is nobody here to take it. */
	if (x->pasid == IOASID_NO_PASID && xlate_is_msi(x->iova)) {
		xlate_refuse(x, IOASID_REASON_ADDRESS, VTD_SGN_8);
		return false;
	}
	v->seq = load_seq_cst(&host->seq);
	if (!pasid_cache_find(host, key, v) && !view_fill(dev, x, key, v))
		return false;
	reason = vtd_te_refuses(&v->te, &req);
	if (reason) {
		xlate_refuse(x, lookup_reason(reason), reason);
		return false;
	}
	/* Before the walk: what is invalidated from here on must not be cached. */
	dom = v->dom;
	v->fill = load_acquire(&dom->fill);
	v->root_fill = dom->parent ? load_acquire(&dom->parent->fill) : 0;
	v->ngen = domain_nested(dom) ? load_acquire(&to_paging(dom->parent)->ngen) : 0;
	v->wtag = load_acquire(&dom->wtag);
	v->tag = load_acquire(&dom->tag);
	return true;
}

/* ---- the page -------------------------------------------------------------------------------------- */

u8 xlate_walk(struct ioasid_host *host, const struct xlate_view *v, u64 iova, u32 access,
	      struct vtd_xlat *w)
{
	const struct phys_mem *mem = &host->env.mem;
	bool priv = access & XLAT_PRIV, cached;
	struct vtd_steps steps;
	struct vtd_step from;
	unsigned int i;
	u8 reason;

	stat_inc(&thread_stats(host)->walks);
	if (unlikely(host->flags & IOASID_HOST_TEST_NO_AD))
		return vtd_walk_peek(mem, host->caps, &v->te, iova, access, w, NULL);
	cached = walk_cache_find(host, v, iova, priv, &from);
	reason = vtd_walk_steps(mem, host->caps, &v->te, cached ? &from : NULL, iova, access, w,
				&steps);
	if (reason && cached) {
		/* Permissions may have been raised above without an invalidation. */
		cached = false;
		reason = vtd_walk_steps(mem, host->caps, &v->te, NULL, iova, access, w, &steps);
	}
	for (i = 0; i < steps.nr; i++) {
		if (!cached || steps.step[i].level < from.level)
			walk_cache_insert(host, v, iova, priv, &steps.step[i]);
	}
	return reason;
}

static void note_large(struct inproc_domain *dom, const struct vtd_xlat *w)
{
	if (domain_nested(dom) && w->fs_lg2 > PAGE_SHIFT && !load_relaxed(&dom->large))
		__atomic_store_n(&dom->large, true, __ATOMIC_SEQ_CST);
}

void *xlate_slow(struct ioasid_hostdev *dev, struct xlate *x)
{
	struct ioasid_host *host = dev->host;
	bool priv = x->access & XLAT_PRIV;
	struct xlate_view v;
	struct vtd_xlat w;
	u64 page;

	if (load_relaxed(&dev->blocked))
		return xlate_refuse(x, IOASID_REASON_NO_ROUTE, VTD_SCT_2);
	if (!xlate_view_get(dev, x, VTD_REQ_UNTRANSLATED, &v))
		return NULL;
	if (v.te.pgtt == VTD_PGTT_PASS) {
		x->shared = true;
		x->pid = domain_root(v.dom)->pid;
		return NULL;
	}
	stat_inc(&thread_stats(host)->iotlb_misses);
	if (xlate_walk(host, &v, x->iova, x->access, &w)) {
		xlate_fail(x, &v, &w);
		return NULL;
	}
	page = w.oa & ~(u64)(PAGE_SIZE - 1);
	note_large(v.dom, &w);
	/* Entries are a domain's, for requests with PASID and without: not where those differ. */
	if (!xlate_is_msi(x->iova))
		iotlb_insert(host, &v, x->iova, priv, page | (~w.perm & XLAT_RW));
	return (void *)(uintptr_t)w.oa;
}
