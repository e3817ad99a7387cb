// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Hardware mode: creation, translation, faults, page requests.
 *
 * Sources: VT-d 5.10, 3.4 to 3.9, 4.1, 7.2 to 7.4, Table 30.
 */
#include "viommu/hw.h"

#define VU_HW_HAW	    48
#define VU_HW_PASID_BITS    20
#define VU_HW_NR_FR	    8
#define VU_HW_IOTLB_ENTRIES 256
#define VU_HW_PE_ENTRIES    64
#define VU_HW_STEP_ENTRIES  64
#define VU_HW_MAX_ENTRIES   65536u
/* How often a walk is repeated whose two halves saw different tables. */
#define VU_HW_TRIES	8
#define VU_HW_INT_RANGE 0xfee00000ull

#define VU_HW_FLAGS                                                                             \
	(VU_HW_NO_NESTING | VU_HW_FIRST_STAGE | VU_HW_SECOND_STAGE | VU_HW_LEVELS5 |            \
	 VU_HW_LEVELS3 | VU_HW_CM | VU_HW_NO_PRS | VU_HW_NO_DT | VU_HW_NO_SC | VU_HW_NO_DIRTY | \
	 VU_HW_NO_CACHE | VU_HW_VERIFY)

/* ---- creation ------------------------------------------------------------------------------------ */

static u64 vu_hw_cap(u32 flags)
{
	u32 mgaw = flags & VU_HW_LEVELS5 ? 57 : 48;
	u64 cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_MGAW, mgaw - 1) | VTD_CAP_ZLR |
		  FIELD_PREP(VTD_CAP_FRO, VTD_UNIT_FRO) | VTD_CAP_PSI |
		  FIELD_PREP(VTD_CAP_NFR, VU_HW_NR_FR - 1) |
		  FIELD_PREP(VTD_CAP_MAMV, VTD_UNIT_MAMV) | VTD_CAP_DWD | VTD_CAP_DRD |
		  VTD_CAP_ESRTPS;
	u32 sagaw = 1u << 2;

	if (flags & VU_HW_LEVELS5)
		sagaw |= 1u << 3;
	if (flags & VU_HW_LEVELS3)
		sagaw |= 1u << 1;
	if (!(flags & VU_HW_FIRST_STAGE))
		cap |= FIELD_PREP(VTD_CAP_SAGAW, sagaw) | VTD_CAP_SSLPS_2M | VTD_CAP_SSLPS_1G;
	if (!(flags & VU_HW_SECOND_STAGE))
		cap |= VTD_CAP_FS1GP | (flags & VU_HW_LEVELS5 ? VTD_CAP_FS5LP : 0);
	if (flags & VU_HW_CM)
		cap |= VTD_CAP_CM;
	return cap;
}

static u64 vu_hw_ecap(u32 flags)
{
	u64 ecap = VTD_ECAP_C | VTD_ECAP_QI | VTD_ECAP_PT | FIELD_PREP(VTD_ECAP_IRO, VTD_UNIT_IRO) |
		   VTD_ECAP_SRS | FIELD_PREP(VTD_ECAP_PSS, VU_HW_PASID_BITS - 1) | VTD_ECAP_PASID |
		   VTD_ECAP_SMTS | VTD_ECAP_SMPWCS;

	if (!(flags & VU_HW_NO_DT))
		ecap |= VTD_ECAP_DT;
	if (!(flags & (VU_HW_NO_DT | VU_HW_NO_PRS)))
		ecap |= VTD_ECAP_PRS | VTD_ECAP_PDS;
	if (!(flags & VU_HW_NO_SC))
		ecap |= VTD_ECAP_SC;
	if (!(flags & VU_HW_SECOND_STAGE))
		ecap |= VTD_ECAP_FSTS;
	if (flags & VU_HW_FIRST_STAGE)
		return ecap;
	ecap |= VTD_ECAP_SSTS;
	if (!(flags & VU_HW_NO_DIRTY))
		ecap |= VTD_ECAP_SSADS;
	if (!(flags & (VU_HW_SECOND_STAGE | VU_HW_NO_NESTING)))
		ecap |= VTD_ECAP_NEST;
	return ecap;
}

static void *vu_hw_mem_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	/* Tables are written to as well: accessed and dirty bits. */
	return vu_gpa(container_of(mem, struct vtd_unit, mem), pa, len, true);
}

static int vu_hw_configure(struct vu_hw *hw, const struct vu_hw_config *config)
{
	struct vtd_unit *unit = &hw->unit;
	u32 flags = config->flags;

	if ((flags & ~VU_HW_FLAGS) || !config->ops ||
	    (flags & VU_HW_FIRST_STAGE && flags & VU_HW_SECOND_STAGE) ||
	    config->iotlb_entries > VU_HW_MAX_ENTRIES || config->pasid_entries > VU_HW_MAX_ENTRIES)
		return -EINVAL;
	hw->flags = flags;
	hw->ops = *config->ops;
	hw->opaque = config->opaque;
	unit->be = &vu_hw_backend;
	unit->cfg.opaque = config->opaque;
	unit->cfg.nr_fault_records = VU_HW_NR_FR;
	unit->cfg.max_page_requests = 1; /* answers are matched by the devices */
	unit->ops.gpa = config->ops->gpa;
	unit->ops.send_msi = config->ops->send_msi;
	unit->ops.trace = config->ops->trace;
	unit->cfg.vcmd_opaque = config->vcmd_opaque;
	unit->cap = vu_hw_cap(flags);
	unit->ecap = vu_hw_ecap(flags) | (config->vcmd ? VTD_ECAP_VCS : 0);
	vtd_caps_decode(&unit->caps, unit->cap, unit->ecap, VU_HW_HAW);
	phys_mem_init_callback(&unit->mem, vu_hw_mem_at);
	return 0;
}

static int vu_hw_alloc(struct vu_hw *hw, const struct vu_hw_config *config)
{
	int rc = vu_events_init(&hw->unit);

	if (rc)
		return rc;
	hw->nr_pe = config->pasid_entries ?: VU_HW_PE_ENTRIES;
	hw->pe = kcalloc(hw->nr_pe, sizeof(*hw->pe), GFP_KERNEL);
	rc = hw->pe ? vu_tlb_init(&hw->iotlb, config->iotlb_entries ?: VU_HW_IOTLB_ENTRIES) :
		      -ENOMEM;
	if (!rc)
		rc = vu_tlb_init(&hw->steps, VU_HW_STEP_ENTRIES);
	if (rc) {
		vu_tlb_destroy(&hw->iotlb);
		kfree(hw->pe);
		vu_events_destroy(&hw->unit);
	}
	return rc;
}

int vu_hw_create(const struct vu_hw_config *config, struct vu_hw **hwp)
{
	struct vu_hw *hw = kzalloc(sizeof(*hw), GFP_KERNEL);
	pthread_rwlockattr_t attr;
	int rc;

	if (!hw)
		return -ENOMEM;
	rc = vu_hw_configure(hw, config);
	if (!rc)
		rc = vu_hw_alloc(hw, config);
	if (rc) {
		kfree(hw);
		return rc;
	}
	mutex_init(&hw->unit.config);
	mutex_init(&hw->unit.regs_lock);
	mutex_init(&hw->cache);
	pthread_mutex_init(&hw->kick_lock, NULL);
	pthread_cond_init(&hw->kick, NULL);
	INIT_LIST_HEAD(&hw->unit.devices);
	INIT_LIST_HEAD(&hw->unit.zombies);
	hw->unit.stop_fd = -1;
	hw->unit.fault_fd = -1;
	/* Devices that are always busy must not keep an invalidation waiting for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&hw->dma, &attr);
	pthread_rwlockattr_destroy(&attr);
	rc = vu_vcmd_init(&hw->unit, config->vcmd);
	if (rc) {
		vu_hw_destroy(hw);
		return rc;
	}
	*hwp = hw;
	return 0;
}

void vu_hw_destroy(struct vu_hw *hw)
{
	if (!hw)
		return;
	vu_hw_service_stop(hw);
	vu_vcmd_destroy(&hw->unit);
	pthread_cond_destroy(&hw->kick);
	pthread_mutex_destroy(&hw->kick_lock);
	vu_tlb_destroy(&hw->iotlb);
	vu_tlb_destroy(&hw->steps);
	kfree(hw->pe);
	vu_events_destroy(&hw->unit);
	pthread_rwlock_destroy(&hw->dma);
	mutex_destroy(&hw->cache);
	mutex_destroy(&hw->unit.config);
	mutex_destroy(&hw->unit.regs_lock);
	kfree(hw);
}

/* ---- the queue's thread ----------------------------------------------------------------------- */

static void *vu_hw_service(void *arg)
{
	struct vu_hw *hw = arg;

	pthread_mutex_lock(&hw->kick_lock);
	while (!hw->stop) {
		if (!hw->kicked) {
			pthread_cond_wait(&hw->kick, &hw->kick_lock);
			continue;
		}
		hw->kicked = false;
		pthread_mutex_unlock(&hw->kick_lock);
		mutex_lock(&hw->unit.config);
		vu_queue_run(&hw->unit);
		mutex_unlock(&hw->unit.config);
		pthread_mutex_lock(&hw->kick_lock);
	}
	pthread_mutex_unlock(&hw->kick_lock);
	return NULL;
}

bool vu_hw_kick(struct vtd_unit *unit)
{
	struct vu_hw *hw = vu_hw_of(unit);

	if (!hw->serving)
		return false;
	pthread_mutex_lock(&hw->kick_lock);
	hw->kicked = true;
	pthread_cond_signal(&hw->kick);
	pthread_mutex_unlock(&hw->kick_lock);
	return true;
}

int vu_hw_service_start(struct vu_hw *hw)
{
	int rc = pthread_create(&hw->service, NULL, vu_hw_service, hw);

	hw->serving = !rc;
	return -rc;
}

void vu_hw_service_stop(struct vu_hw *hw)
{
	if (!hw->serving)
		return;
	pthread_mutex_lock(&hw->kick_lock);
	hw->stop = true;
	pthread_cond_signal(&hw->kick);
	pthread_mutex_unlock(&hw->kick_lock);
	pthread_join(hw->service, NULL);
	hw->serving = false;
	hw->stop = false;
}

/* ---- requests ------------------------------------------------------------------------------------ */

void vu_hw_enter(struct vu_hw *hw)
{
	pthread_rwlock_rdlock(&hw->dma);
}

void vu_hw_leave(struct vu_hw *hw)
{
	pthread_rwlock_unlock(&hw->dma);
}

void vu_hw_sync(struct vu_hw *hw)
{
	vtd_unit_sync(&hw->unit);
	pthread_rwlock_wrlock(&hw->dma);
	pthread_rwlock_unlock(&hw->dma);
}

void vu_hw_get_stats(struct vu_hw *hw, struct vu_hw_stats *stats)
{
	mutex_lock(&hw->cache);
	*stats = hw->stats;
	mutex_unlock(&hw->cache);
}

/* ---- faults ---------------------------------------------------------------------------------------- */

static void vu_hw_record(struct ioasid_fault *rec, const struct vu_hw_req *req, u32 type)
{
	*rec = (struct ioasid_fault){ .type = type, .address = req->addr };
	if (req->pasid != IOASID_INVALID) {
		rec->flags |= IOASID_FAULT_VPASID;
		rec->vpasid = req->pasid;
	}
	if (req->access & XLAT_READ)
		rec->flags |= IOASID_FAULT_READ;
	if (req->access & XLAT_WRITE)
		rec->flags |= IOASID_FAULT_WRITE;
	if (req->priv)
		rec->flags |= IOASID_FAULT_PRIV;
}

static void vu_hw_report(struct vu_hw *hw, const struct vu_hw_req *req, u32 type, u8 reason)
{
	struct vtd_unit *unit = &hw->unit;
	struct vu_out out = { 0 };
	struct ioasid_fault rec;

	vu_hw_record(&rec, req, type);
	mutex_lock(&unit->regs_lock);
	vu_fault_report(unit, req->rid, &rec, reason, &out);
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
}

/* @report: no FPD bit says otherwise. */
static u8 vu_hw_blocked(struct vu_hw *hw, const struct vu_hw_req *req, struct vu_hw_xlat *x,
			u8 reason, bool report)
{
	const struct vtd_reason_info *info = vtd_reason_info(reason);

	x->reason = reason;
	x->fault = info ? info->fault : XLAT_FAULT_BLOCKED;
	/* A translation request that only finds nothing, or too little, is no fault. */
	if (req->type == VTD_REQ_TRANSLATION && info &&
	    (info->completion == VTD_COMPL_EMPTY || info->completion == VTD_COMPL_PERM))
		report = false;
	if (!report || req->quiet)
		vu_count(&hw->unit.stats.faults_quiet);
	else
		vu_hw_report(hw, req, IOASID_FAULT_EVENT, reason);
	return reason;
}

/* ---- PASID entries ------------------------------------------------------------------------------------ */

static struct vtd_req vu_hw_lookup_req(const struct vu_hw_req *req)
{
	return (struct vtd_req){
		.rid = req->rid,
		.type = req->type,
		.has_pasid = req->pasid != IOASID_INVALID,
		.priv = req->priv,
		.pasid = req->pasid == IOASID_INVALID ? 0 : req->pasid,
	};
}

/* Cache lock. */
static struct vu_hw_pe *vu_hw_pe_find(struct vu_hw *hw, u16 rid, u32 pasid)
{
	u32 i;

	for (i = 0; i < hw->nr_pe; i++)
		if (hw->pe[i].valid && hw->pe[i].rid == rid && hw->pe[i].pasid == pasid)
			return &hw->pe[i];
	return NULL;
}

static bool vu_hw_te_equal(const struct vtd_te *a, const struct vtd_te *b)
{
	return a->fs_root == b->fs_root && a->ss_root == b->ss_root && a->did == b->did &&
	       a->pgtt == b->pgtt && a->flags == b->flags && a->fs_levels == b->fs_levels &&
	       a->ss_levels == b->ss_levels;
}

/* Cache lock. Is a cached entry what the tables say? */
static void vu_hw_pe_verify(struct vu_hw *hw, u64 root, const struct vu_hw_req *req,
			    const struct vu_hw_pe *pe)
{
	struct vtd_req lookup = vu_hw_lookup_req(req);
	struct vtd_lookup res;

	if (!(hw->flags & VU_HW_VERIFY))
		return;
	lookup.type = VTD_REQ_UNTRANSLATED;
	lookup.priv = false;
	if (vtd_lookup(&hw->unit.mem, &hw->unit.caps, root, &lookup, &res, NULL) ||
	    !vu_hw_te_equal(&res.te, &pe->te)) {
		hw->stats.stale_pasid++;
		vu_trace(&hw->unit, "stale PASID cache entry: rid %04x pasid %d", req->rid,
			 (int)req->pasid);
	}
}

/* Return: 0 and the entry in @pe, or the reason; @report as vtd_lookup() says. */
static u8 vu_hw_pe_get(struct vu_hw *hw, u64 root, const struct vu_hw_req *req, struct vu_hw_pe *pe,
		       bool *report)
{
	struct vtd_req lookup = vu_hw_lookup_req(req);
	struct vtd_lookup res;
	struct vu_hw_pe *hit;

	*report = true;
	mutex_lock(&hw->cache);
	hit = hw->flags & VU_HW_NO_CACHE ? NULL : vu_hw_pe_find(hw, req->rid, req->pasid);
	if (hit) {
		hw->stats.pasid_hits++;
		vu_hw_pe_verify(hw, root, req, hit);
		*pe = *hit;
		mutex_unlock(&hw->cache);
		*report = !(pe->te.flags & VTD_TE_FPD);
		return vtd_te_refuses(&pe->te, &lookup);
	}
	hw->stats.pasid_misses++;
	mutex_unlock(&hw->cache);
	vtd_lookup(&hw->unit.mem, &hw->unit.caps, root, &lookup, &res, NULL);
	*report = res.report;
	if (res.reason)
		return res.reason;
	*pe = (struct vu_hw_pe){ .te = res.te,
				 .pasid = req->pasid,
				 .used_pasid = res.pasid,
				 .rid = req->rid,
				 .valid = true,
				 .priv = req->pasid == IOASID_INVALID && res.priv };
	mutex_lock(&hw->cache);
	hit = vu_hw_pe_find(hw, req->rid, req->pasid);
	if (!hit) {
		hit = &hw->pe[hw->next_pe];
		hw->next_pe = (hw->next_pe + 1) % hw->nr_pe;
	}
	*hit = *pe;
	mutex_unlock(&hw->cache);
	return 0;
}

/* ---- translation ------------------------------------------------------------------------------------------ */

static void vu_hw_hit(const struct vu_tlb_entry *e, u64 addr, struct vu_hw_xlat *x)
{
	u64 mask = (1ull << e->lg2) - 1;

	x->oa = e->oa | (addr & mask);
	x->gpa = e->has_gpa ? e->gpa | (addr & mask) : ~0ull;
	x->lg2 = e->lg2;
	x->perm = e->perm;
	x->entry = *e;
}

/* Cache lock. Does the tables' own answer differ from @e's? */
static bool vu_hw_differs(struct vu_hw *hw, u64 root, const struct vu_hw_req *req,
			  const struct vu_tlb_entry *e)
{
	u32 access = req->access | (req->priv ? XLAT_PRIV : 0);
	struct vtd_req lookup = vu_hw_lookup_req(req);
	struct vtd_lookup res;
	struct vtd_xlat x;
	u64 mask = (1ull << e->lg2) - 1;

	if (vtd_lookup(&hw->unit.mem, &hw->unit.caps, root, &lookup, &res, NULL))
		return true;
	if (req->pasid == IOASID_INVALID && res.priv)
		access |= XLAT_PRIV;
	if (vtd_walk_peek(&hw->unit.mem, &hw->unit.caps, &res.te, req->addr, access, &x, NULL))
		return true;
	return x.oa != (e->oa | (req->addr & mask));
}

static bool vu_hw_cached(struct vu_hw *hw, u64 root, const struct vu_hw_req *req,
			 const struct vu_tlb_key *key, struct vu_hw_xlat *x)
{
	struct vu_tlb_entry *e = NULL;

	mutex_lock(&hw->cache);
	if (!(hw->flags & VU_HW_NO_CACHE))
		e = vu_tlb_find(&hw->iotlb, key, req->addr, req->access & XLAT_RW);
	if (!e) {
		hw->stats.iotlb_misses++;
		mutex_unlock(&hw->cache);
		return false;
	}
	hw->stats.iotlb_hits++;
	if (hw->flags & VU_HW_VERIFY && vu_hw_differs(hw, root, req, e)) {
		hw->stats.stale_iotlb++;
		vu_trace(&hw->unit, "stale IOTLB entry: rid %04x pasid %d address %llx did %u",
			 req->rid, (int)req->pasid, (unsigned long long)req->addr, key->did);
	}
	vu_hw_hit(e, req->addr, x);
	mutex_unlock(&hw->cache);
	return true;
}

static void vu_hw_fill(struct vu_hw *hw, const struct vu_tlb_key *key, u64 addr,
		       const struct vtd_xlat *w, struct vu_hw_xlat *x)
{
	u64 mask = (1ull << w->lg2) - 1;

	x->oa = w->oa;
	x->gpa = w->flags & VTD_XLAT_GPA ? w->gpa : ~0ull;
	x->lg2 = w->lg2;
	x->perm = w->perm;
	x->entry = (struct vu_tlb_entry){
		.iova = addr & ~mask,
		.oa = w->oa & ~mask,
		.gpa = w->gpa & ~mask,
		.key = *key,
		.lg2 = w->lg2,
		.fs_lg2 = w->fs_lg2,
		.perm = w->perm,
		.has_gpa = w->flags & VTD_XLAT_GPA,
	};
	if (key->pgtt == VTD_PGTT_PASS || hw->flags & VU_HW_NO_CACHE)
		return;
	mutex_lock(&hw->cache);
	vu_tlb_add(&hw->iotlb, &x->entry);
	mutex_unlock(&hw->cache);
}

/* The deepest page table page known for the address. Return: false: none. */
static bool vu_hw_step_find(struct vu_hw *hw, const struct vu_tlb_key *key, u64 addr,
			    struct vu_tlb_entry *step)
{
	struct vu_tlb_entry *e = NULL;

	mutex_lock(&hw->cache);
	hw->stats.walks++;
	if (!(hw->flags & VU_HW_NO_CACHE))
		e = vu_tlb_find(&hw->steps, key, addr, 0);
	if (e) {
		hw->stats.step_hits++;
		*step = *e;
	}
	mutex_unlock(&hw->cache);
	return e;
}

static void vu_hw_steps_add(struct vu_hw *hw, const struct vu_tlb_key *key, u64 addr,
			    const struct vtd_steps *steps)
{
	struct vu_tlb_entry e = { .key = *key };
	u32 i;

	if (hw->flags & VU_HW_NO_CACHE)
		return;
	mutex_lock(&hw->cache);
	for (i = 0; i < steps->nr; i++) {
		e.step = steps->step[i];
		e.lg2 = 21 + 9 * e.step.level;
		e.fs_lg2 = e.lg2;
		e.iova = addr & ~((1ull << e.lg2) - 1);
		vu_tlb_add(&hw->steps, &e);
	}
	mutex_unlock(&hw->cache);
}

/* A walk that began at a page that is no table of this address any more? */
static void vu_hw_step_verify(struct vu_hw *hw, const struct vtd_te *te,
			      const struct vu_hw_req *req, u32 access, u64 oa)
{
	struct vtd_xlat w;

	if (!(hw->flags & VU_HW_VERIFY) ||
	    (!vtd_walk_peek(&hw->unit.mem, &hw->unit.caps, te, req->addr, access, &w, NULL) &&
	     w.oa == oa))
		return;
	mutex_lock(&hw->cache);
	hw->stats.stale_steps++;
	mutex_unlock(&hw->cache);
	vu_trace(&hw->unit, "stale page table: rid %04x pasid %d address %llx", req->rid,
		 (int)req->pasid, (unsigned long long)req->addr);
}

/* One walk. Return: the access is granted. */
static bool vu_hw_walk_once(struct vu_hw *hw, const struct vtd_te *te, const struct vu_hw_req *req,
			    const struct vu_tlb_key *key, bool cached, u32 access,
			    struct vtd_xlat *w)
{
	bool ats = req->type == VTD_REQ_TRANSLATION;
	struct vu_tlb_entry from;
	struct vtd_steps steps;

	cached = cached && vu_hw_step_find(hw, key, req->addr, &from);
	if (vtd_walk_steps(&hw->unit.mem, &hw->unit.caps, te, cached ? &from.step : NULL, req->addr,
			   access | (ats ? XLAT_ATS : 0), w, &steps))
		return false;
	if (ats && (w->perm & req->access) != req->access)
		return false;
	if (cached)
		vu_hw_step_verify(hw, te, req, access, w->oa);
	vu_hw_steps_add(hw, key, req->addr, &steps);
	return true;
}

/*
 * A translation request gets what permissions there are; the device needs to know whether asking for
 * a page would help, and people want to know what was missing: then the reason is one of a walk
 * that changes nothing.
 */
static u8 vu_hw_walk(struct vu_hw *hw, const struct vu_hw_pe *pe, const struct vu_hw_req *req,
		     const struct vu_tlb_key *key, struct vu_hw_xlat *x)
{
	u32 access = req->access | (key->priv ? XLAT_PRIV : 0), tries = VU_HW_TRIES;
	bool cached = true;
	struct vtd_xlat w;
	u8 reason = 0;

	while (!reason && tries--) {
		if (vu_hw_walk_once(hw, &pe->te, req, key, cached, access, &w)) {
			vu_hw_fill(hw, key, req->addr, &w, x);
			return 0;
		}
		/* The first time it may have begun at a table that allowed less than today. */
		if (!cached)
			reason = w.reason ?:
					    vtd_walk_peek(&hw->unit.mem, &hw->unit.caps, &pe->te,
							  req->addr, access, &w, NULL);
		cached = false;
	}
	x->page_request = reason && w.flags & VTD_XLAT_PAGE_REQUEST;
	x->gpa = w.flags & VTD_XLAT_GPA ? w.gpa : ~0ull;
	return vu_hw_blocked(hw, req, x, reason ?: VTD_SFS_10,
			     !reason || w.flags & VTD_XLAT_REPORT);
}

/* Translation is off: requests without PASID pass. */
static u8 vu_hw_off(struct vu_hw *hw, const struct vu_hw_req *req, struct vu_hw_xlat *x)
{
	if (req->pasid != IOASID_INVALID || req->type != VTD_REQ_UNTRANSLATED)
		return vu_hw_blocked(hw, req, x, VTD_RTA_2, false);
	x->oa = req->addr;
	x->lg2 = PAGE_SHIFT;
	x->perm = XLAT_RW;
	return 0;
}

u8 vu_hw_translate(struct vu_hw *hw, const struct vu_hw_req *req, struct vu_hw_xlat *x)
{
	struct vtd_unit *unit = &hw->unit;
	struct vu_tlb_key key;
	struct vu_hw_pe pe;
	bool report, te;
	u8 reason;
	u64 root;

	*x = (struct vu_hw_xlat){ .gpa = ~0ull };
	mutex_lock(&unit->regs_lock);
	te = unit->te;
	root = unit->root;
	mutex_unlock(&unit->regs_lock);
	/* Interrupts are not remapped here, and devices have other ways to raise theirs. */
	if (req->pasid == IOASID_INVALID && req->addr >> 20 == VU_HW_INT_RANGE >> 20)
		return vu_hw_blocked(hw, req, x, VTD_SGN_8, te);
	if (!te)
		return vu_hw_off(hw, req, x);
	reason = vu_hw_pe_get(hw, root, req, &pe, &report);
	if (reason)
		return vu_hw_blocked(hw, req, x, reason, report);
	key = (struct vu_tlb_key){ .pasid = pe.used_pasid,
				   .did = pe.te.did,
				   .pgtt = pe.te.pgtt,
				   .priv = req->priv || pe.priv };
	if (key.pgtt != VTD_PGTT_PASS && vu_hw_cached(hw, root, req, &key, x))
		return 0;
	return vu_hw_walk(hw, &pe, req, &key, x);
}

void vu_hw_verify(struct vu_hw *hw, const struct vu_hw_req *req, const struct vu_tlb_entry *e)
{
	struct vtd_unit *unit = &hw->unit;
	u64 root;

	if (!(hw->flags & VU_HW_VERIFY))
		return;
	mutex_lock(&unit->regs_lock);
	root = unit->root;
	mutex_unlock(&unit->regs_lock);
	mutex_lock(&hw->cache);
	if (vu_hw_differs(hw, root, req, e)) {
		hw->stats.stale_dtlb++;
		vu_trace(unit, "stale device TLB entry: rid %04x pasid %d address %llx", req->rid,
			 (int)req->pasid, (unsigned long long)req->addr);
	}
	mutex_unlock(&hw->cache);
}

/* ---- page requests ------------------------------------------------------------------------------------------- */

/*
 * Regs lock, under which RAM does not go away either. The PASID cache stays out of this: it is
 * filled inside vu_hw_enter() only, and this must not wait for that.
 */
static u8 vu_hw_request_check(struct vu_hw *hw, const struct vu_hw_req *req, bool *report)
{
	struct vtd_req lookup = vu_hw_lookup_req(req);
	struct vtd_unit *unit = &hw->unit;
	struct vtd_lookup res;

	*report = false;
	if (!unit->te)
		return VTD_RTA_3;
	lookup.type = VTD_REQ_PAGE;
	vtd_lookup(&unit->mem, &unit->caps, unit->root, &lookup, &res, NULL);
	*report = res.report;
	return res.reason;
}

u32 vu_hw_page_request(struct vu_hw *hw, const struct vu_hw_req *req, u16 group, bool last)
{
	struct vtd_unit *unit = &hw->unit;
	struct vu_out out = { 0 };
	struct ioasid_fault rec;
	bool report;
	u8 reason;
	int rc = 0;

	vu_hw_record(&rec, req, IOASID_FAULT_PAGE_REQUEST);
	rec.flags |= last ? IOASID_FAULT_LAST : 0;
	rec.group = group;
	mutex_lock(&unit->regs_lock);
	reason = vu_hw_request_check(hw, req, &report);
	if (!reason)
		rc = vu_pq_put(unit, req->rid, &rec, &out);
	else if (report)
		vu_fault_report(unit, req->rid, &rec, reason, &out);
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
	if (reason) {
		vu_count(&unit->stats.requests_invalid);
		return last ? VTD_PGRSP_INVALID + 1 : 0;
	}
	if (!rc)
		return 0;
	vu_count(&unit->stats.requests_dropped);
	/* Full: "success", so that the device asks again. Off or not in memory: nobody will answer. */
	return !last ? 0 : rc == -ENOSPC ? VTD_PGRSP_SUCCESS + 1 : VTD_PGRSP_INVALID + 1;
}
