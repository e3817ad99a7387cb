// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d address translation: first stage, second stage, both nested, pass-through.
 * Source: VT-d 5.10, 3.6 to 3.9 and Table 30.
 *
 * The walker of pgtable_walk.h is instantiated three times: vtd_s (second stage), vtd_f (first
 * stage in physical memory) and vtd_n (first stage whose tables are found by vtd_s). Each is
 * compiled for normal walks and for peeking.
 */
#include "formats/pgtable_fmt_vtdfs.h"
#include "formats/pgtable_fmt_vtdss.h"
#include "formats/ptw.h"
#include "formats/vtd.h"

/*
 * How often a walk starts again because somebody changed an entry between its load and the update
 * of its accessed and dirty bits. Who changes entries all the time gets a fault.
 */
#define VTD_WALK_TRIES 64

/* Everything about one translation. */
struct vtd_wk {
	const struct phys_mem *mem;
	const struct vtd_caps *caps;
	const struct vtd_te *te;
	struct vtd_xlat *x;
	struct vtd_steps *steps;
	struct vtd_trace *trace;
	u64 va; /* input of the walk at hand: IOVA, or GPA in the second stage of a nested one */
	u64 oa; /* its output */
	u64 acc; /* permission bits left by the entries so far */
	u64 gpa; /* nested: GPA of the first-stage table at hand */
	u32 access;
	bool coherent; /* accessed and dirty bits can be set */
	bool write; /* the access will write, so set dirty bits */
	bool table_w; /* the first-stage table at hand may be written to */
};

static noinline u8 vtd_wk_fail(struct vtd_wk *w, u8 stage, unsigned int lvl, u8 reason)
{
	w->x->stage = stage;
	w->x->level = (u8)lvl;
	return reason;
}

/* Set @bits in an entry that was read as @e. */
static __always_inline u8 vtd_wk_set(u64 *ptr, u64 e, u64 bits, const u32 mode)
{
	if (mode & PTW_PEEK)
		return 0;
	return cmpxchg(ptr, e, e | bits) == e ? 0 : PTW_RESTART;
}

static noinline void vtd_wk_trace(const struct vtd_wk *w, const struct vtd_trace_rec *rec)
{
	w->trace->entry(w->trace, rec);
}

static __always_inline void vtd_wk_step(struct vtd_wk *w, u64 table, u64 gpa, unsigned int lvl,
					u8 perm)
{
	struct vtd_steps *steps = w->steps;

	if (steps)
		steps->step[steps->nr++] = (struct vtd_step){ table, gpa, (u8)lvl, perm };
}

/* ---- Second stage ---------------------------------------------------------------------------- */

/*
 * What a second-stage walk is for. @table: it locates the first-stage table at level @table_lvl
 * (@root: the root one); otherwise it is the final (or only) one.
 */
struct vtd_s_wk {
	struct vtd_wk *w;
	u64 va; /* input */
	u64 oa; /* output: all of the address */
	u64 acc; /* output: VTD_SS_R, VTD_SS_W left */
	u64 leaf; /* output: the leaf, with the bits just set */
	unsigned int lvl; /* output: its level */
	bool table;
	bool root;
};

static __always_inline const u64 *vtd_s_rsvd(const struct vtd_s_wk *s, bool leaf)
{
	return leaf ? s->w->caps->ss_rsvd_leaf : s->w->caps->ss_rsvd_table;
}

static __always_inline u64 *vtd_s_entry(const struct vtd_s_wk *s, u64 pa)
{
	return phys_at_u64(s->w->mem, pa);
}

static __always_inline void vtd_s_seen(const struct vtd_s_wk *s, u64 pa, u64 e, unsigned int lvl,
				       const u32 mode)
{
	struct vtd_trace_rec rec = { .words = &e,
				     .pa = pa,
				     .gpa = s->va,
				     .nr_words = 1,
				     .stage = VTD_STAGE_SS,
				     .level = (u8)lvl,
				     .for_table = s->table,
				     .has_gpa = s->w->te->pgtt == VTD_PGTT_NESTED };

	if (mode & PTW_PEEK && s->w->trace)
		vtd_wk_trace(s->w, &rec);
}

/* The walk goes wrong in the second stage: note where, and for which guest address. */
static noinline u8 vtd_s_blame(struct vtd_s_wk *s, unsigned int lvl, u8 reason)
{
	struct vtd_xlat *x = s->w->x;

	if (s->w->te->pgtt == VTD_PGTT_NESTED) {
		x->gpa = s->va;
		x->flags |= VTD_XLAT_GPA;
	}
	if (s->table)
		x->flags |= VTD_XLAT_TABLE;
	return vtd_wk_fail(s->w, VTD_STAGE_SS, lvl, reason);
}

static noinline u8 vtd_s_fail(struct vtd_s_wk *s, enum ptw_fail what, unsigned int lvl)
{
	u8 access = lvl + 1u == s->w->te->ss_levels ? VTD_SSS_4 : VTD_SSS_1;

	return vtd_s_blame(s, lvl,
			   what == PTW_FAIL_ABSENT   ? VTD_SSS_2 :
			   what == PTW_FAIL_RESERVED ? VTD_SSS_3 :
						       access);
}

static __always_inline u8 vtd_s_collect(struct vtd_s_wk *s, u64 e, unsigned int lvl)
{
	s->acc &= e;
	/* Nothing left of the permissions is as good as not present. */
	return unlikely(!s->acc) ? vtd_s_blame(s, lvl, VTD_SSS_2) : 0;
}

static __always_inline u8 vtd_s_set(struct vtd_s_wk *s, u64 *ptr, u64 e, u64 bits, unsigned int lvl,
				    const u32 mode)
{
	if (likely((e & bits) == bits))
		return 0;
	if (!s->w->coherent)
		return vtd_s_blame(s, lvl, VTD_SSS_5);
	s->w->x->stage = VTD_STAGE_SS;
	return vtd_wk_set(ptr, e, bits, mode);
}

static __always_inline u8 vtd_s_use(struct vtd_s_wk *s, u64 *ptr, u64 e, unsigned int lvl,
				    const u32 mode)
{
	return s->w->te->flags & VTD_TE_SSADE ? vtd_s_set(s, ptr, e, VTD_SS_A, lvl, mode) : 0;
}

static __always_inline u8 vtd_s_enter(struct vtd_s_wk *s, const u64 *table, unsigned int lvl,
				      const u32 mode __maybe_unused)
{
	if (s->w->te->pgtt == VTD_PGTT_SS)
		vtd_wk_step(s->w, *table, 0, lvl, (u8)s->acc);
	return 0;
}

/* Permissions of the access itself. Return: 0 or a reason; may withdraw a device TLB's write. */
static noinline u8 vtd_s_check_final(struct vtd_s_wk *s, unsigned int lvl)
{
	u32 access = s->w->access;

	if (access & XLAT_READ && !(s->acc & VTD_SS_R) && !(access & XLAT_ATS) &&
	    !(access & XLAT_ZERO_LEN && s->w->caps->zlr))
		return vtd_s_blame(s, lvl, VTD_SGN_7);
	if (access & XLAT_WRITE && !(s->acc & VTD_SS_W)) {
		if (!(access & XLAT_ATS))
			return vtd_s_blame(s, lvl, VTD_SGN_6);
		s->w->write = false;
	}
	return 0;
}

/*
 * Permissions to read a first-stage table. With accessed/dirty bits in the second stage, hardware
 * treats the reading of first-stage tables as writing.
 */
static __always_inline u8 vtd_s_check_table(struct vtd_s_wk *s, unsigned int lvl)
{
	u64 need = VTD_SS_R | (s->w->te->flags & VTD_TE_SSADE ? VTD_SS_W : 0);

	if (likely((s->acc & need) == need))
		return 0;
	return vtd_s_blame(s, lvl, s->root ? VTD_SFS_6 : VTD_SFS_7);
}

static __always_inline u8 vtd_s_finish(struct vtd_s_wk *s, u64 *ptr, u64 e, unsigned int lvl,
				       const u32 mode)
{
	unsigned int lg2 = 12 + 9 * lvl;
	u64 bits = VTD_SS_A;
	u8 rc = 0;

	if (s->table)
		rc = vtd_s_check_table(s, lvl);
	else if (unlikely((s->acc & s->w->access) != (s->w->access & XLAT_RW)))
		rc = vtd_s_check_final(s, lvl);
	if (unlikely(rc))
		return rc;
	if (s->w->te->flags & VTD_TE_SSADE) {
		if (s->table || s->w->write)
			bits |= VTD_SS_D;
		rc = vtd_s_set(s, ptr, e, bits, lvl, mode);
		if (unlikely(rc))
			return rc;
		s->leaf = mode & PTW_PEEK ? e : e | bits;
	} else {
		s->leaf = e | VTD_SS_D;
	}
	s->lvl = lvl;
	s->oa = vtdss_leaf_oa(e, lg2) | (s->va & ((1ULL << lg2) - 1));
	return 0;
}

#define PT_FMT	  vtdss
#define PTW_INST  vtd_s
#define PTW_STATE struct vtd_s_wk
#include "formats/pgtable_walk.h"

/* ---- First stage ------------------------------------------------------------------------------ */

static __always_inline const u64 *vtd_f_rsvd(const struct vtd_wk *w, bool leaf)
{
	return leaf ? w->caps->fs_rsvd_leaf : w->caps->fs_rsvd_table;
}

static __always_inline u64 *vtd_f_entry(const struct vtd_wk *w, u64 pa)
{
	return phys_at_u64(w->mem, pa);
}

static __always_inline void vtd_f_seen(const struct vtd_wk *w, u64 pa, u64 e, unsigned int lvl,
				       const u32 mode)
{
	struct vtd_trace_rec rec = { .words = &e,
				     .pa = pa,
				     .gpa = w->gpa | (pa & 0xfff),
				     .nr_words = 1,
				     .stage = VTD_STAGE_FS,
				     .level = (u8)lvl,
				     .has_gpa = w->te->pgtt == VTD_PGTT_NESTED };

	if (mode & PTW_PEEK && w->trace)
		vtd_wk_trace(w, &rec);
}

static noinline u8 vtd_f_fail(struct vtd_wk *w, enum ptw_fail what, unsigned int lvl)
{
	u8 access = lvl + 1u == w->te->fs_levels ? VTD_SFS_4 : VTD_SFS_1;

	return vtd_wk_fail(w, VTD_STAGE_FS, lvl,
			   what == PTW_FAIL_ABSENT   ? VTD_SFS_2 :
			   what == PTW_FAIL_RESERVED ? VTD_SFS_3 :
						       access);
}

static __always_inline u8 vtd_f_collect(struct vtd_wk *w, u64 e, unsigned int lvl __maybe_unused)
{
	w->acc &= e;
	return 0;
}

/* Why the bits cannot be set although they have to be. */
static noinline u8 vtd_f_no_update(struct vtd_wk *w, unsigned int lvl)
{
	if (!w->coherent)
		return vtd_wk_fail(w, VTD_STAGE_FS, lvl, VTD_SFS_9);
	w->x->gpa = w->gpa + ((w->va >> (12 + 9 * lvl)) & 511) * 8;
	w->x->flags |= VTD_XLAT_GPA | VTD_XLAT_TABLE;
	return vtd_wk_fail(w, VTD_STAGE_SS, 0, VTD_SFS_8);
}

static __always_inline u8 vtd_f_set(struct vtd_wk *w, u64 *ptr, u64 e, u64 bits, unsigned int lvl,
				    const u32 mode)
{
	if (likely((e & bits) == bits))
		return 0;
	if (unlikely(!w->coherent || !w->table_w))
		return vtd_f_no_update(w, lvl);
	w->x->stage = VTD_STAGE_FS;
	return vtd_wk_set(ptr, e, bits, mode);
}

static __always_inline u64 vtd_f_used_bits(const struct vtd_wk *w)
{
	return w->te->flags & VTD_TE_EAFE ? VTD_FS_A | VTD_FS_EA : VTD_FS_A;
}

static __always_inline u8 vtd_f_use(struct vtd_wk *w, u64 *ptr, u64 e, unsigned int lvl,
				    const u32 mode)
{
	return vtd_f_set(w, ptr, e, vtd_f_used_bits(w), lvl, mode);
}

/*
 * Steps carry the first-stage permissions where the entries have them (R/W, U/S) and, in the place
 * of P, whether the table may be written to.
 */
#define VTD_STEP_TABLE_W ((u8)VTD_FS_P)

static __always_inline void vtd_f_step(struct vtd_wk *w, u64 table, unsigned int lvl)
{
	u8 perm = (u8)(w->acc & (VTD_FS_RW | VTD_FS_US));

	vtd_wk_step(w, table, w->gpa, lvl, w->table_w ? perm | VTD_STEP_TABLE_W : perm);
}

static __always_inline u8 vtd_f_enter(struct vtd_wk *w, const u64 *table, unsigned int lvl,
				      const u32 mode __maybe_unused)
{
	vtd_f_step(w, *table, lvl);
	return 0;
}

/* May requests of this privilege write, as far as the first stage is concerned? */
static __always_inline bool vtd_f_may_write(const struct vtd_wk *w)
{
	return w->acc & VTD_FS_RW || (w->access & XLAT_PRIV && !(w->te->flags & VTD_TE_WPE));
}

static __always_inline u8 vtd_f_finish(struct vtd_wk *w, u64 *ptr, u64 e, unsigned int lvl,
				       const u32 mode)
{
	unsigned int lg2 = 12 + 9 * lvl;
	bool may_write = vtd_f_may_write(w);
	u64 bits = vtd_f_used_bits(w);
	u64 oa = vtdfs_leaf_oa(e, lg2);
	u8 rc;

	if (unlikely(!(w->acc & VTD_FS_US) && !(w->access & XLAT_PRIV)))
		return vtd_wk_fail(w, VTD_STAGE_FS, lvl, VTD_SGN_2);
	if (unlikely(w->write && !may_write)) {
		if (!(w->access & XLAT_ATS))
			return vtd_wk_fail(w, VTD_STAGE_FS, lvl, VTD_SGN_6);
		w->write = false;
	}
	if (w->te->pgtt == VTD_PGTT_NESTED && unlikely(oa >> w->te->gpa_lg2))
		return vtd_wk_fail(w, VTD_STAGE_FS, lvl, VTD_SFS_5);
	if (w->write)
		bits |= VTD_FS_D;
	rc = vtd_f_set(w, ptr, e, bits, lvl, mode);
	if (unlikely(rc))
		return rc;
	if (!(mode & PTW_PEEK))
		e |= bits;
	w->oa = oa | (w->va & ((1ULL << lg2) - 1));
	w->x->fs_lg2 = (u8)lg2;
	w->x->level = (u8)lvl;
	w->x->perm = may_write ? XLAT_RW : XLAT_READ;
	if (w->acc & VTD_FS_US)
		w->x->flags |= VTD_XLAT_USER;
	if (may_write && !(e & VTD_FS_D))
		w->x->flags |= VTD_XLAT_CLEAN;
	return 0;
}

#define PT_FMT	  vtdfs
#define PTW_INST  vtd_f
#define PTW_STATE struct vtd_wk
#include "formats/pgtable_walk.h"

/* ---- First stage, nested: only the way into a table is different -------------------------------- */

static __always_inline const u64 *vtd_n_rsvd(const struct vtd_wk *w, bool leaf)
{
	return vtd_f_rsvd(w, leaf);
}

static __always_inline u64 *vtd_n_entry(const struct vtd_wk *w, u64 pa)
{
	return vtd_f_entry(w, pa);
}

static __always_inline void vtd_n_seen(const struct vtd_wk *w, u64 pa, u64 e, unsigned int lvl,
				       const u32 mode)
{
	vtd_f_seen(w, pa, e, lvl, mode);
}

static __always_inline u8 vtd_n_fail(struct vtd_wk *w, enum ptw_fail what, unsigned int lvl)
{
	return vtd_f_fail(w, what, lvl);
}

static __always_inline u8 vtd_n_collect(struct vtd_wk *w, u64 e, unsigned int lvl)
{
	return vtd_f_collect(w, e, lvl);
}

static __always_inline u8 vtd_n_use(struct vtd_wk *w, u64 *ptr, u64 e, unsigned int lvl,
				    const u32 mode)
{
	return vtd_f_use(w, ptr, e, lvl, mode);
}

static __always_inline u8 vtd_n_finish(struct vtd_wk *w, u64 *ptr, u64 e, unsigned int lvl,
				       const u32 mode)
{
	return vtd_f_finish(w, ptr, e, lvl, mode);
}

/* Find the first-stage table with guest-physical address *@table. */
static __always_inline u8 vtd_n_locate(struct vtd_wk *w, u64 *table, bool root, const u32 mode)
{
	struct vtd_s_wk s = {
		.w = w, .va = *table, .acc = VTD_SS_R | VTD_SS_W, .table = true, .root = root
	};
	u8 rc = vtd_s_walk(&s, w->te->ss_root, w->te->ss_levels - 1u, s.va, mode);

	w->gpa = *table;
	w->table_w = s.acc & VTD_SS_W;
	*table = s.oa;
	return rc;
}

static __always_inline u8 vtd_n_enter(struct vtd_wk *w, u64 *table, unsigned int lvl,
				      const u32 mode)
{
	u8 rc;

	if (unlikely(*table >> w->te->gpa_lg2))
		return vtd_wk_fail(w, VTD_STAGE_FS, lvl + 1, VTD_SFS_5);
	rc = vtd_n_locate(w, table, false, mode);
	if (unlikely(rc))
		return rc;
	vtd_f_step(w, *table, lvl);
	return 0;
}

#define PT_FMT	  vtdfs
#define PTW_INST  vtd_n
#define PTW_STATE struct vtd_wk
#include "formats/pgtable_walk.h"

/* ---- Translation types ---------------------------------------------------------------------------- */

/* Input of a first stage: the upper bits repeat the highest one that is translated. */
static __always_inline bool vtd_canonical(u64 va, unsigned int levels)
{
	unsigned int unused = 64 - (12 + 9 * levels);

	return (u64)((s64)(va << unused) >> unused) == va;
}

static __always_inline u8 vtd_walk_fs(struct vtd_wk *w, const struct vtd_step *from,
				      const bool nested, const u32 mode)
{
	unsigned int lvl = w->te->fs_levels - 1u;
	u64 table = w->te->fs_root;
	u8 rc;

	if (unlikely(!vtd_canonical(w->va, w->te->fs_levels)))
		return vtd_wk_fail(w, VTD_STAGE_NONE, 0, VTD_SGN_1);
	w->acc = VTD_FS_RW | VTD_FS_US;
	w->table_w = true;
	if (from && from->level < lvl) {
		lvl = from->level;
		table = from->table;
		w->gpa = from->gpa;
		w->acc = from->perm & (VTD_FS_RW | VTD_FS_US);
		w->table_w = from->perm & VTD_STEP_TABLE_W;
	} else if (nested) {
		rc = vtd_n_locate(w, &table, true, mode);
		if (unlikely(rc))
			return rc;
	}
	return nested ? vtd_n_walk(w, table, lvl, w->va, mode) :
			vtd_f_walk(w, table, lvl, w->va, mode);
}

/* The second stage of the access itself; @w->oa is its input after a first stage. */
static __always_inline u8 vtd_walk_ss(struct vtd_wk *w, const struct vtd_step *from, u64 va,
				      const u32 mode)
{
	struct vtd_s_wk s = { .w = w, .va = va, .acc = VTD_SS_R | VTD_SS_W };
	unsigned int lvl = w->te->ss_levels - 1u;
	u64 table = w->te->ss_root;
	struct vtd_xlat *x = w->x;
	u8 rc;

	if (from && from->level < lvl) {
		lvl = from->level;
		table = from->table;
		s.acc = from->perm & (VTD_SS_R | VTD_SS_W);
	}
	rc = vtd_s_walk(&s, table, lvl, va, mode);
	if (unlikely(rc))
		return rc;
	w->oa = s.oa;
	x->ss_lg2 = (u8)(12 + 9 * s.lvl);
	x->level = (u8)s.lvl;
	x->perm &= (u8)s.acc;
	if (s.leaf & VTD_SS_SNP)
		x->flags |= VTD_XLAT_SNOOP;
	if (s.acc & VTD_SS_W && !(s.leaf & VTD_SS_D))
		x->flags |= VTD_XLAT_CLEAN;
	return 0;
}

static __always_inline u8 vtd_walk_nested(struct vtd_wk *w, const struct vtd_step *from,
					  const u32 mode)
{
	u8 rc = vtd_walk_fs(w, from, true, mode);

	if (unlikely(rc))
		return rc;
	w->x->gpa = w->oa;
	w->x->flags |= VTD_XLAT_GPA;
	return vtd_walk_ss(w, NULL, w->oa, mode);
}

static __always_inline u8 vtd_walk_once(struct vtd_wk *w, const struct vtd_step *from,
					const u32 mode)
{
	const struct vtd_te *te = w->te;

	switch (te->pgtt) {
	case VTD_PGTT_FS:
		return vtd_walk_fs(w, from, false, mode);
	case VTD_PGTT_SS:
		if (unlikely(w->va >> te->gpa_lg2))
			return vtd_wk_fail(w, VTD_STAGE_NONE, 0, VTD_SGN_5);
		return vtd_walk_ss(w, from, w->va, mode);
	case VTD_PGTT_NESTED:
		return vtd_walk_nested(w, from, mode);
	default:
		if (unlikely(w->va >> w->caps->haw))
			return vtd_wk_fail(w, VTD_STAGE_NONE, 0, VTD_SGN_4);
		w->oa = w->va;
		return 0;
	}
}

/* ---- Results ---------------------------------------------------------------------------------------- */

/* Legacy mode has fewer reasons. */
static u8 vtd_legacy_reason(u8 reason, u32 access)
{
	switch (reason) {
	case VTD_SGN_4:
	case VTD_SGN_5:
		return VTD_L_WIDTH;
	case VTD_SGN_6:
		return VTD_L_WRITE;
	case VTD_SGN_7:
		return VTD_L_READ;
	case VTD_SSS_1:
	case VTD_SSS_4:
		return VTD_L_ACCESS;
	case VTD_SSS_2:
		return access & XLAT_WRITE ? VTD_L_WRITE : VTD_L_READ;
	case VTD_SSS_3:
		return VTD_L_PTE_RSVD;
	default:
		return reason;
	}
}

static noinline u8 vtd_walk_fault(const struct vtd_wk *w, u8 reason)
{
	const struct vtd_reason_info *info;
	struct vtd_xlat *x = w->x;

	if (reason == PTW_RESTART)
		reason = x->stage == VTD_STAGE_SS ? VTD_SSS_6 : VTD_SFS_10;
	info = vtd_reason_info(reason);
	x->fault = info ? info->fault : XLAT_FAULT_RESERVED;
	if (w->te->flags & VTD_TE_LEGACY)
		reason = vtd_legacy_reason(reason, w->access);
	x->reason = reason;
	x->perm = 0;
	x->flags &= VTD_XLAT_GPA | VTD_XLAT_TABLE;
	if (!(w->te->flags & VTD_TE_FPD) || (info && !info->qualified))
		x->flags |= VTD_XLAT_REPORT;
	/* Only what the owner of the first stage can mend: it sees requests for its own pages. */
	if (x->stage == VTD_STAGE_FS &&
	    (reason == VTD_SFS_2 || reason == VTD_SGN_2 || reason == VTD_SGN_6))
		x->flags |= VTD_XLAT_PAGE_REQUEST;
	return reason;
}

#define VTD_INT_RANGE	  0xfee00000ULL
#define VTD_INT_RANGE_LG2 20

static __always_inline u8 vtd_walk_done(struct vtd_wk *w, const u32 mode)
{
	struct vtd_xlat *x = w->x;
	unsigned int lg2 = x->fs_lg2;

	if (!lg2 || (x->ss_lg2 && x->ss_lg2 < lg2))
		lg2 = x->ss_lg2;
	/* Pass-through has no pages; any size will do. */
	if (unlikely(!lg2))
		lg2 = 30;
	if (unlikely(w->oa >> 32 == 0)) {
		if (w->oa >> VTD_INT_RANGE_LG2 == VTD_INT_RANGE >> VTD_INT_RANGE_LG2)
			return vtd_walk_fault(w, VTD_SGN_8);
		/* A cached block must not let other addresses slip into the range. */
		if ((w->oa ^ VTD_INT_RANGE) >> lg2 == 0)
			lg2 = 12;
	}
	x->oa = w->oa;
	x->lg2 = (u8)lg2;
	if (x->flags & VTD_XLAT_CLEAN && !(mode & PTW_PEEK))
		x->perm &= (u8)~XLAT_WRITE;
	if (w->te->flags & VTD_TE_PGSNP)
		x->flags |= VTD_XLAT_SNOOP;
	return 0;
}

/* Before each attempt. */
static __always_inline void vtd_walk_reset(struct vtd_wk *w, u64 iova)
{
	const u8 pgtt = w->te->pgtt;
	bool fs = pgtt == VTD_PGTT_FS || pgtt == VTD_PGTT_NESTED;

	*w->x = (struct vtd_xlat){ .stage = pgtt == VTD_PGTT_FS	  ? VTD_STAGE_FS :
					    pgtt == VTD_PGTT_PASS ? VTD_STAGE_NONE :
								    VTD_STAGE_SS,
				   .perm = XLAT_RW,
				   .flags = fs ? 0 : VTD_XLAT_USER };
	w->va = iova;
	w->gpa = 0;
	w->write = w->access & XLAT_WRITE;
	if (w->steps)
		w->steps->nr = 0;
}

static __always_inline u8 vtd_walk_all(struct vtd_wk *w, const struct vtd_step *from, u64 iova,
				       const u32 mode)
{
	unsigned int tries = VTD_WALK_TRIES;
	u8 rc;

	/* Legacy mode has no say about snooping per entry. */
	w->coherent = w->te->flags & VTD_TE_LEGACY ? w->caps->coherent :
						     !!(w->te->flags & VTD_TE_PWSNP);
	vtd_walk_reset(w, iova);
	if (unlikely(w->access & XLAT_PRIV && !(w->te->flags & VTD_TE_SRE))) {
		return vtd_walk_fault(w, vtd_wk_fail(w, VTD_STAGE_NONE, 0, VTD_SPT_6));
	}
	while ((rc = vtd_walk_once(w, from, mode)) == PTW_RESTART && --tries)
		vtd_walk_reset(w, iova);
	return unlikely(rc) ? vtd_walk_fault(w, rc) : vtd_walk_done(w, mode);
}

u8 vtd_walk_steps(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
		  const struct vtd_step *from, u64 iova, u32 access, struct vtd_xlat *x,
		  struct vtd_steps *steps)
{
	struct vtd_wk w = {
		.mem = mem, .caps = caps, .te = te, .x = x, .steps = steps, .access = access
	};

	return vtd_walk_all(&w, from, iova, 0);
}

u8 vtd_walk(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
	    u64 iova, u32 access, struct vtd_xlat *x)
{
	struct vtd_wk w = { .mem = mem, .caps = caps, .te = te, .x = x, .access = access };

	return vtd_walk_all(&w, NULL, iova, 0);
}

u8 vtd_walk_peek(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
		 u64 iova, u32 access, struct vtd_xlat *x, struct vtd_trace *trace)
{
	struct vtd_wk w = {
		.mem = mem, .caps = caps, .te = te, .x = x, .trace = trace, .access = access
	};

	return vtd_walk_all(&w, NULL, iova, PTW_PEEK);
}
