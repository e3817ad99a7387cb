// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What goes to the guest: interrupts, fault records, page requests.
 *
 * Sources: VT-d 5.10 chapters 7.2 to 7.4, 11.4.7 to 11.4.11.
 */
#include "viommu/unit.h"

/* Records taken from the fault descriptor per hold of the regs lock. */
#define VU_FAULT_BATCH 32
/* Batches per call: nobody is kept busy for ever by devices that go on failing. */
#define VU_FAULT_ROUNDS 512

/* ---- interrupts ---------------------------------------------------------------------------------- */

static void vu_msi_send(struct vu_msi *msi, struct vu_out *out)
{
	msi->ctl &= ~(u32)VTD_MSI_IP;
	if (WARN_ON(out->nr_msis == ARRAY_SIZE(out->msi)))
		return;
	out->msi[out->nr_msis].addr = (u64)msi->uaddr << 32 | msi->addr;
	out->msi[out->nr_msis].data = msi->data;
	out->nr_msis++;
}

void vu_msi_raise(struct vu_msi *msi, struct vu_out *out)
{
	msi->ctl |= VTD_MSI_IP;
	vu_msi_unmask(msi, out);
}

void vu_msi_unmask(struct vu_msi *msi, struct vu_out *out)
{
	if ((msi->ctl & VTD_MSI_IP) && !(msi->ctl & VTD_MSI_IM))
		vu_msi_send(msi, out);
}

void vu_out_flush(struct vtd_unit *unit, struct vu_out *out)
{
	u32 i;

	for (i = 0; i < out->nr_responses; i++)
		ioasid_page_response(unit->cfg.ctx, out->response[i].id, out->response[i].code);
	for (i = 0; i < out->nr_msis; i++) {
		if ((out->msi[i].addr & VTD_MSI_WINDOW_MASK) != VTD_MSI_WINDOW) {
			vu_count(&unit->stats.interrupts_refused);
			continue;
		}
		vu_count(&unit->stats.interrupts);
		unit->ops.send_msi(unit->cfg.opaque, out->msi[i].addr, out->msi[i].data);
	}
	out->nr_responses = 0;
	out->nr_msis = 0;
}

static void vu_out_respond(struct vu_out *out, const struct ioasid_fault *rec, u32 code)
{
	/* Only a complete group has an answer. */
	if (!(rec->flags & IOASID_FAULT_LAST) ||
	    WARN_ON(out->nr_responses == ARRAY_SIZE(out->response)))
		return;
	out->response[out->nr_responses].id = rec->id;
	out->response[out->nr_responses].code = code;
	out->nr_responses++;
}

/* ---- fault status ---------------------------------------------------------------------------------- */

static bool vu_fault_pending(const struct vtd_unit *unit)
{
	u32 i;

	for (i = 0; i < unit->cfg.nr_fault_records; i++)
		if (unit->ev.fr[i][1] & VTD_FR1_F)
			return true;
	return false;
}

u32 vu_event_fsts(const struct vtd_unit *unit)
{
	u32 fsts = unit->ev.fsts;

	if (vu_fault_pending(unit))
		fsts |= VTD_FSTS_PPF | FIELD_PREP(VTD_FSTS_FRI, unit->ev.fri);
	return fsts;
}

void vu_event_status(struct vtd_unit *unit, u32 bits, struct vu_out *out)
{
	/* A condition that joins one that is not serviced yet makes no interrupt of its own. */
	bool quiet = vu_event_fsts(unit) & (VTD_FSTS_RW1C | VTD_FSTS_PPF);

	unit->ev.fsts |= bits;
	if (!quiet)
		vu_msi_raise(&unit->ev.fault_msi, out);
}

void vu_event_settle(struct vtd_unit *unit)
{
	if (!(vu_event_fsts(unit) & (VTD_FSTS_RW1C | VTD_FSTS_PPF)))
		unit->ev.fault_msi.ctl &= ~(u32)VTD_MSI_IP;
	if (!unit->ev.prs)
		unit->ev.page_msi.ctl &= ~(u32)VTD_MSI_IP;
	if (!unit->ev.ics)
		unit->ev.inv_msi.ctl &= ~(u32)VTD_MSI_IP;
}

/* ---- fault recording --------------------------------------------------------------------------------- */

static void vu_fault_store(struct vtd_unit *unit, u64 address, u64 info, struct vu_out *out)
{
	struct vu_events *ev = &unit->ev;
	u64 *fr = ev->fr[ev->fr_next];
	bool pending = vu_fault_pending(unit);

	/* After an overflow nothing is recorded until software has cleared it. */
	if ((fr[1] & VTD_FR1_F) || (ev->fsts & VTD_FSTS_PFO)) {
		ev->fsts |= VTD_FSTS_PFO;
		vu_count(&unit->stats.faults_lost);
		return;
	}
	if (!pending) {
		/* Decides about the interrupt by the state before this record. */
		vu_event_status(unit, 0, out);
		ev->fri = ev->fr_next;
	}
	fr[0] = address & VTD_FR0_FI;
	fr[1] = info | VTD_FR1_F;
	ev->fr_next = (ev->fr_next + 1) % unit->cfg.nr_fault_records;
	vu_count(&unit->stats.faults);
}

/* Kind of the request: (T1, T2) = 00 write, 01 page request, 10 read, 11 atomic. */
static u64 vu_fault_type(const struct ioasid_fault *rec)
{
	if (rec->type == IOASID_FAULT_PAGE_REQUEST)
		return VTD_FR1_T2;
	if ((rec->flags & IOASID_FAULT_READ) && (rec->flags & IOASID_FAULT_WRITE))
		return VTD_FR1_T1 | VTD_FR1_T2;
	return rec->flags & IOASID_FAULT_WRITE ? 0 : VTD_FR1_T1;
}

void vu_fault_report(struct vtd_unit *unit, u16 rid, const struct ioasid_fault *rec, u8 reason,
		     struct vu_out *out)
{
	u64 info = FIELD_PREP(VTD_FR1_SID, rid) | FIELD_PREP(VTD_FR1_REASON, reason);

	info |= vu_fault_type(rec);
	if (rec->flags & IOASID_FAULT_VPASID)
		info |= VTD_FR1_PP | FIELD_PREP(VTD_FR1_PASID, rec->vpasid);
	if (rec->flags & IOASID_FAULT_PRIV)
		info |= VTD_FR1_PRIV;
	if (rec->flags & IOASID_FAULT_EXEC)
		info |= VTD_FR1_EXE;
	vu_trace(unit, "fault rid %04x pasid %d address %llx reason %02x", rid,
		 rec->flags & IOASID_FAULT_VPASID ? (int)rec->vpasid : -1,
		 (unsigned long long)rec->address, reason);
	vu_fault_store(unit, rec->address, info, out);
}

/* Reasons for homes whose IOMMU has other codes, or none. */
static u8 vu_reason_generic(const struct ioasid_fault *rec)
{
	switch (rec->reason) {
	case IOASID_REASON_NOT_PRESENT:
		return VTD_SFS_2;
	case IOASID_REASON_PERMISSION:
		return rec->flags & IOASID_FAULT_WRITE ? VTD_SGN_6 : VTD_SGN_7;
	case IOASID_REASON_RESERVED_BIT:
		return VTD_SFS_3;
	case IOASID_REASON_ADDRESS:
		return VTD_SGN_1;
	case IOASID_REASON_TABLE_ACCESS:
	case IOASID_REASON_STAGE2:
		return VTD_SFS_1;
	default:
		return VTD_SPT_2;
	}
}

/* Was it the first-stage root that is no memory? */
static bool vu_root_missed(const struct ioasid_fault *rec, const struct vtd_lookup *res)
{
	return rec->arch_reason == VTD_SFS_6 ||
	       ((rec->flags & IOASID_FAULT_GPA) && !res->reason &&
		rec->gpa >> PAGE_SHIFT == res->te.fs_root >> PAGE_SHIFT);
}

/*
 * The host walks the guest's tables nested, in structures of its own; the guest must read what a
 * unit that walks only its tables would have said.
 */
static u8 vu_reason_guest(const struct ioasid_fault *rec, const struct vtd_lookup *res, bool bound)
{
	u8 reason = rec->arch_reason;

	if (rec->arch_reason > 0xff || !vtd_reason_info(reason))
		reason = vu_reason_generic(rec);
	if (reason < VTD_SPT_5 || !bound)
		/* No route: the guest's entry says why. Present, but never announced: no entry. */
		return res->reason ?: VTD_SPT_2;
	/* Pass-through to a place where the guest has no memory: wider than what exists. */
	if (!res->reason && res->te.pgtt == VTD_PGTT_PASS)
		return VTD_SGN_4;
	/* Guest memory that the guest's tables name is not there: an access error to it. */
	if ((reason >= VTD_SFS_5 && reason <= VTD_SSS_6) || reason == VTD_SGN_4 ||
	    reason == VTD_SGN_5)
		return vu_root_missed(rec, res) ? VTD_SFS_4 : VTD_SFS_1;
	return reason;
}

static void vu_event_deliver(struct vtd_unit *unit, const struct ioasid_fault *rec,
			     struct vu_out *out)
{
	struct vu_dev *dev = vu_dev_by_cookie(unit, rec->cookie);
	const struct vtd_reason_info *info;
	struct vtd_lookup res;
	struct vtd_req req = {
		.type = VTD_REQ_UNTRANSLATED,
		.has_pasid = rec->flags & IOASID_FAULT_VPASID,
		.priv = rec->flags & IOASID_FAULT_PRIV,
		.pasid = rec->flags & IOASID_FAULT_VPASID ? rec->vpasid : 0,
	};
	u8 reason;

	if (!dev || !unit->te) {
		vu_count(&unit->stats.faults_quiet);
		return;
	}
	req.rid = dev->rid;
	vtd_lookup(&unit->mem, &unit->caps, unit->root, &req, &res, NULL);
	reason = vu_reason_guest(rec, &res, vu_bind_find(dev, req.pasid));
	info = vtd_reason_info(reason);
	if (info && info->qualified && (res.te.flags & VTD_TE_FPD)) {
		vu_count(&unit->stats.faults_quiet);
		return;
	}
	vu_fault_report(unit, dev->rid, rec, reason, out);
}

/* ---- page requests the guest has to answer --------------------------------------------------------------- */

static u32 vu_request_hash(const struct vtd_unit *unit, u16 rid, u32 pasid, u16 prgi)
{
	u64 key = (u64)rid << 32 ^ (u64)prgi << 20 ^ pasid;

	return (u32)(key * 0x9e3779b97f4a7c15ULL >> 40) & unit->ev.bucket_mask;
}

/* Where {@rid, @pasid, @prgi} is linked, or where its chain ends. Regs lock. */
static u32 *vu_request_slot(struct vtd_unit *unit, u16 rid, u32 pasid, u16 prgi)
{
	struct vu_events *ev = &unit->ev;
	u32 *slot = &ev->buckets[vu_request_hash(unit, rid, pasid, prgi)];

	for (; *slot != VU_NONE; slot = &ev->requests[*slot].next) {
		const struct vu_request *r = &ev->requests[*slot];

		if (r->dev->rid == rid && r->pasid == pasid && r->prgi == prgi)
			break;
	}
	return slot;
}

static u32 vu_request_take(struct vtd_unit *unit, u32 *slot);

/*
 * A device uses an index again only when it believes it answered: should the guest never have
 * answered an orphan of that name, it must not swallow the answer to the new request.
 */
static void vu_request_forget_orphan(struct vtd_unit *unit, u16 rid, u32 pasid, u16 prgi)
{
	u32 *slot = vu_request_slot(unit, rid, pasid, prgi);

	if (*slot != VU_NONE && unit->ev.requests[*slot].orphan)
		vu_request_take(unit, slot);
}

static bool vu_request_add(struct vtd_unit *unit, struct vu_dev *dev,
			   const struct ioasid_fault *rec)
{
	struct vu_events *ev = &unit->ev;
	u32 pasid = rec->flags & IOASID_FAULT_VPASID ? rec->vpasid : 0, n, *slot;
	struct vu_request *r;

	vu_request_forget_orphan(unit, dev->rid, pasid, rec->group & FIELD_MAX(VTD_PR1_PRGI));
	n = ev->free;
	if (n == VU_NONE)
		return false;
	r = &ev->requests[n];
	ev->free = r->next;
	r->dev = dev;
	r->pasid = pasid;
	r->orphan = false;
	r->prgi = rec->group & FIELD_MAX(VTD_PR1_PRGI);
	r->id = rec->id;
	r->next = VU_NONE;
	/* At the tail: should a device repeat an index, the oldest is answered first. */
	slot = &ev->buckets[vu_request_hash(unit, dev->rid, r->pasid, r->prgi)];
	while (*slot != VU_NONE)
		slot = &ev->requests[*slot].next;
	*slot = n;
	list_add_tail(&r->link, &dev->pending);
	vu_gauge(&unit->stats.requests_now, 1);
	return true;
}

/* Take *@slot out. Return: libioasid's name for it. */
static u32 vu_request_take(struct vtd_unit *unit, u32 *slot)
{
	struct vu_events *ev = &unit->ev;
	u32 n = *slot;
	struct vu_request *r = &ev->requests[n];

	*slot = r->next;
	list_del(&r->link);
	r->dev = NULL;
	r->next = ev->free;
	ev->free = n;
	vu_gauge(&unit->stats.requests_now, -1);
	return r->id;
}

static u32 vu_request_code(u32 code)
{
	switch (code) {
	case VTD_PGRSP_SUCCESS:
		return IOASID_RESPONSE_SUCCESS;
	case VTD_PGRSP_INVALID:
		return IOASID_RESPONSE_INVALID;
	default:
		/* PCIe: codes that are not known mean failure. */
		return IOASID_RESPONSE_FAILURE;
	}
}

void vu_request_answer(struct vtd_unit *unit, u16 rid, u32 pasid, u16 prgi, u32 code)
{
	bool found = false;
	u32 *slot, id = 0;

	mutex_lock(&unit->regs_lock);
	slot = vu_request_slot(unit, rid, pasid, prgi);
	if (*slot != VU_NONE) {
		found = !unit->ev.requests[*slot].orphan;
		id = vu_request_take(unit, slot);
	}
	mutex_unlock(&unit->regs_lock);
	/* libioasid may have cancelled it meanwhile (ENOENT): as late as unknown. */
	if (!found || ioasid_page_response(unit->cfg.ctx, id, vu_request_code(code))) {
		vu_count(&unit->stats.responses_ignored);
		return;
	}
	vu_count(&unit->stats.page_responses);
}

bool vu_request_waits(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	const struct vu_request *r;
	bool waits = false;

	mutex_lock(&unit->regs_lock);
	list_for_each_entry(r, &dev->pending, link)
		waits |= r->pasid == pasid;
	mutex_unlock(&unit->regs_lock);
	return waits;
}

static bool vu_request_drop_some(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid,
				 struct vu_out *out)
{
	struct vu_events *ev = &unit->ev;
	struct vu_request *r, *next;
	bool orphan;
	u32 *slot, id;

	list_for_each_entry_safe(r, next, &dev->pending, link) {
		if (pasid != IOASID_INVALID && r->pasid != pasid)
			continue;
		if (out->nr_responses == ARRAY_SIZE(out->response))
			return true;
		slot = &ev->buckets[vu_request_hash(unit, dev->rid, r->pasid, r->prgi)];
		while (&ev->requests[*slot] != r)
			slot = &ev->requests[*slot].next;
		orphan = r->orphan;
		id = vu_request_take(unit, slot);
		/* Answered long ago: the name may be another request's by now. */
		if (orphan)
			continue;
		out->response[out->nr_responses].id = id;
		out->response[out->nr_responses].code = IOASID_RESPONSE_INVALID;
		out->nr_responses++;
	}
	return false;
}

void vu_request_drop(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_out out = { 0 };
	bool more;

	do {
		mutex_lock(&unit->regs_lock);
		more = vu_request_drop_some(unit, dev, pasid, &out);
		mutex_unlock(&unit->regs_lock);
		vu_out_flush(unit, &out);
	} while (more);
}

static bool vu_request_orphan_some(struct vu_dev *dev, u32 pasid, struct vu_out *out)
{
	struct vu_request *r;

	list_for_each_entry(r, &dev->pending, link) {
		if (r->pasid != pasid || r->orphan)
			continue;
		if (out->nr_responses == ARRAY_SIZE(out->response))
			return true;
		r->orphan = true;
		out->response[out->nr_responses].id = r->id;
		out->response[out->nr_responses].code = IOASID_RESPONSE_INVALID;
		out->nr_responses++;
	}
	return false;
}

void vu_request_orphan(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_out out = { 0 };
	bool more;

	do {
		mutex_lock(&unit->regs_lock);
		more = vu_request_orphan_some(dev, pasid, &out);
		mutex_unlock(&unit->regs_lock);
		vu_out_flush(unit, &out);
	} while (more);
}

bool vtd_unit_request_pending(struct vtd_unit *unit, uint16_t rid, uint32_t pasid, uint32_t group)
{
	bool pending;

	if (pasid == IOASID_INVALID)
		pasid = 0;
	mutex_lock(&unit->regs_lock);
	pending = *vu_request_slot(unit, rid, pasid, group & FIELD_MAX(VTD_PR1_PRGI)) != VU_NONE;
	mutex_unlock(&unit->regs_lock);
	return pending;
}

/* ---- page request queue -------------------------------------------------------------------------------------- */

static u64 vu_pq_mask(const struct vu_events *ev)
{
	return ((4096ULL << FIELD_GET(VTD_PQA_PQS, ev->pqa)) - 1) & ~(u64)(VTD_PR_BYTES - 1);
}

static void vu_prs_set(struct vtd_unit *unit, u32 bit, struct vu_out *out)
{
	bool quiet = unit->ev.prs;

	unit->ev.prs |= bit;
	if (!quiet)
		vu_msi_raise(&unit->ev.page_msi, out);
}

int vu_pq_put(struct vtd_unit *unit, u16 rid, const struct ioasid_fault *rec, struct vu_out *out)
{
	struct vu_events *ev = &unit->ev;
	u64 mask = vu_pq_mask(ev), tail = ev->pqt & mask;
	u64 next = (tail + VTD_PR_BYTES) & mask;
	u64 *d, d0;

	if (!ev->pq_on)
		return -EFAULT;
	if ((ev->prs & VTD_PRS_PRO) || next == (ev->pqh & mask)) {
		vu_prs_set(unit, VTD_PRS_PRO, out);
		return -ENOSPC;
	}
	d = vu_gpa(unit, (ev->pqa & VTD_PQA_PQA) + tail, VTD_PR_BYTES, true);
	if (!d)
		return -EFAULT;
	d[1] = (rec->flags & IOASID_FAULT_READ ? VTD_PR1_RDR : 0) |
	       (rec->flags & IOASID_FAULT_WRITE ? VTD_PR1_WRR : 0) |
	       (rec->flags & IOASID_FAULT_LAST ? VTD_PR1_LPIG : 0) |
	       FIELD_PREP(VTD_PR1_PRGI, rec->group) | (rec->address & VTD_PR1_ADDR);
	d[2] = 0;
	d[3] = 0;
	d0 = FIELD_PREP(VTD_PR0_TYPE, VTD_PR_TYPE_PAGE) | FIELD_PREP(VTD_PR0_RID, rid) |
	     (rec->flags & IOASID_FAULT_EXEC ? VTD_PR0_EXR : 0) |
	     (rec->flags & IOASID_FAULT_PRIV ? VTD_PR0_PMR : 0);
	if (rec->flags & IOASID_FAULT_VPASID)
		d0 |= VTD_PR0_PP | FIELD_PREP(VTD_PR0_PASID, rec->vpasid);
	/* The word with the type makes it a request, so it goes last; the tail follows it. */
	smp_store_release(&d[0], d0);
	ev->pqt = next;
	vu_prs_set(unit, VTD_PRS_PPR, out);
	vu_count(&unit->stats.page_requests);
	return 0;
}

/*
 * What a unit finds out before it looks at the queue. Return: 0 or the fault reason. The bindings
 * are the unit's PASID cache, so a request for a bound number goes on even while the guest is
 * changing the entry; its answer will find nobody if the number goes.
 */
static u8 vu_request_check(struct vtd_unit *unit, struct vu_dev *dev,
			   const struct ioasid_fault *rec, bool *report)
{
	struct vtd_req req = {
		.rid = dev->rid,
		.type = VTD_REQ_PAGE,
		.has_pasid = rec->flags & IOASID_FAULT_VPASID,
		.priv = rec->flags & IOASID_FAULT_PRIV,
		.pasid = rec->flags & IOASID_FAULT_VPASID ? rec->vpasid : 0,
	};
	const struct vu_bind *b = vu_bind_find(dev, req.pasid);
	struct vtd_lookup res;

	*report = true;
	if (b && b->target.pgtt == VTD_PGTT_FS && dev->page_requests)
		return 0;
	vtd_lookup(&unit->mem, &unit->caps, unit->root, &req, &res, NULL);
	*report = res.reason && res.report;
	return res.reason ?: VTD_SPT_2;
}

static void vu_request_deliver(struct vtd_unit *unit, const struct ioasid_fault *rec,
			       struct vu_out *out)
{
	struct vu_dev *dev = vu_dev_by_cookie(unit, rec->cookie);
	bool report = false, last = rec->flags & IOASID_FAULT_LAST;
	u8 reason = 0;
	int rc;

	if (dev && unit->te)
		reason = vu_request_check(unit, dev, rec, &report);
	if (!dev || !unit->te || reason) {
		if (report)
			vu_fault_report(unit, dev->rid, rec, reason, out);
		vu_count(&unit->stats.requests_invalid);
		vu_out_respond(out, rec, IOASID_RESPONSE_INVALID);
		return;
	}
	/* Nobody could pass on an answer that there is no room to remember: the device asks again. */
	rc = last && unit->ev.free == VU_NONE ? -ENOSPC : vu_pq_put(unit, dev->rid, rec, out);
	if (rc) {
		vu_count(&unit->stats.requests_dropped);
		vu_out_respond(out, rec,
			       rc == -ENOSPC ? IOASID_RESPONSE_SUCCESS : IOASID_RESPONSE_INVALID);
		return;
	}
	if (last)
		vu_request_add(unit, dev, rec);
	vu_trace(unit, "page request rid %04x pasid %u address %llx%s group %u", dev->rid,
		 rec->vpasid, (unsigned long long)rec->address,
		 rec->flags & IOASID_FAULT_WRITE ? " write" : "", rec->group);
}

/* ---- the fault descriptor -------------------------------------------------------------------------------------- */

static int vu_fault_batch(struct vtd_unit *unit)
{
	struct ioasid_fault rec[VU_FAULT_BATCH];
	struct vu_out out = { 0 };
	int i, n;

	/* Taken and delivered under one hold, so that a drain (below) leaves nothing in between. */
	mutex_lock(&unit->regs_lock);
	n = ioasid_fault_read(unit->cfg.ctx, rec, VU_FAULT_BATCH);
	for (i = 0; i < n; i++) {
		if (rec[i].type == IOASID_FAULT_PAGE_REQUEST)
			vu_request_deliver(unit, &rec[i], &out);
		else
			vu_event_deliver(unit, &rec[i], &out);
	}
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
	return n;
}

/* Also the drain of wait descriptors with PD: what was reported before this call is delivered. */
int vtd_unit_process_faults(struct vtd_unit *unit)
{
	int total = 0, rounds, n;

	for (rounds = 0; rounds < VU_FAULT_ROUNDS; rounds++) {
		n = vu_fault_batch(unit);
		if (n <= 0)
			break;
		total += n;
	}
	return total;
}

/* ---- creation ------------------------------------------------------------------------------------------------------ */

int vu_events_init(struct vtd_unit *unit)
{
	u32 nr = unit->cfg.max_page_requests, buckets = 1, i;
	struct vu_events *ev = &unit->ev;

	while (buckets < nr)
		buckets <<= 1;
	ev->requests = kcalloc(nr, sizeof(*ev->requests), GFP_KERNEL);
	ev->buckets = kcalloc(buckets, sizeof(*ev->buckets), GFP_KERNEL);
	if (!ev->requests || !ev->buckets) {
		vu_events_destroy(unit);
		return -ENOMEM;
	}
	ev->bucket_mask = buckets - 1;
	for (i = 0; i < buckets; i++)
		ev->buckets[i] = VU_NONE;
	for (i = 0; i < nr; i++)
		ev->requests[i].next = i + 1 < nr ? i + 1 : VU_NONE;
	vu_events_reset(unit);
	return 0;
}

void vu_events_destroy(struct vtd_unit *unit)
{
	kfree(unit->ev.requests);
	kfree(unit->ev.buckets);
	unit->ev.requests = NULL;
	unit->ev.buckets = NULL;
}

void vu_events_reset(struct vtd_unit *unit)
{
	struct vu_events *ev = &unit->ev;
	const struct vu_msi off = { .ctl = VTD_MSI_IM };

	ev->fsts = 0;
	ev->fri = 0;
	ev->fr_next = 0;
	memset(ev->fr, 0, sizeof(ev->fr));
	ev->ics = 0;
	ev->prs = 0;
	ev->pqh = 0;
	ev->pqt = 0;
	ev->pqa = 0;
	ev->pq_on = false;
	ev->fault_msi = off;
	ev->inv_msi = off;
	ev->page_msi = off;
}
