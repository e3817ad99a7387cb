// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Root tables, page tables and invalidation for both modes. */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

/* ---- Legacy mode: formats has layouts and entries, but builds scalable mode only ---------------- */

static void legacy_store(struct judge *j, u64 *word, u64 val)
{
	WRITE_ONCE(*word, val);
	if (j->env.sync)
		j->env.sync->at(j->env.sync, word);
}

static u64 *legacy_page(struct judge *j, u64 *pa)
{
	u64 *page = j->env.alloc->alloc(j->env.alloc, 0, pa);

	if (!page)
		qemu_die("out of table pages");
	return page;
}

static u64 *legacy_ce(struct judge *j, u16 rid)
{
	u64 *re = &j->w.root[(rid >> 8) * VTD_ROOT_WORDS], pa;

	if (!(re[0] & VTD_RE_P)) {
		legacy_page(j, &pa);
		legacy_store(j, re, pa | VTD_RE_P);
	}
	return (u64 *)machine_ptr(&j->m.real, re[0] & VTD_RE_CTP, PHYS_PAGE_SIZE) +
	       (rid & 0xff) * VTD_LCTX_WORDS;
}

static void legacy_attach(struct judge *j, u16 rid, const struct vtd_te *te)
{
	u64 *ce = legacy_ce(j, rid), words[VTD_LCTX_WORDS];

	if (vtd_lce_encode(&j->m.caps, te, words))
		qemu_die("no legacy context entry for this table");
	legacy_store(j, &ce[1], words[1]);
	legacy_store(j, &ce[0], words[0]);
}

static void legacy_destroy(struct judge *j)
{
	unsigned int bus;
	u64 pa;

	for (bus = 0; bus < 256; bus++) {
		u64 re = j->w.root[bus * VTD_ROOT_WORDS];

		pa = re & VTD_RE_CTP;
		if (re & VTD_RE_P)
			j->env.alloc->free(j->env.alloc,
					   machine_ptr(&j->m.real, pa, PHYS_PAGE_SIZE), pa, 0);
	}
	j->env.alloc->free(j->env.alloc, j->w.root, j->w.root_pa, 0);
}

/* ---- Both modes --------------------------------------------------------------------------------------- */

void world_init(struct judge *j)
{
	int rc;

	if (j->v->legacy) {
		j->w.root = legacy_page(j, &j->w.root_pa);
		return;
	}
	rc = vtd_tables_init(&j->w.t, &j->env, &j->m.caps);
	if (rc)
		qemu_die("vtd_tables_init: %d", rc);
}

void world_destroy(struct judge *j)
{
	if (j->v->legacy)
		legacy_destroy(j);
	else
		vtd_tables_destroy(&j->w.t);
}

u64 world_rtaddr(const struct judge *j)
{
	return j->v->legacy ? j->w.root_pa : vtd_tables_rtaddr(&j->w.t);
}

void world_attach(struct judge *j, u16 rid, const struct vtd_te *te)
{
	struct table_gather g;
	int rc;

	table_gather_init(&g);
	if (j->v->legacy) {
		legacy_attach(j, rid, te);
	} else {
		rc = vtd_tables_device_add(&j->w.t, rid, 0);
		if (!rc)
			rc = vtd_tables_pasid_install(&j->w.t, rid, VTD_TABLES_RID_PASID, te, &g);
		if (rc)
			qemu_die("attach of %04x: %d", rid, rc);
	}
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
}

void world_detach(struct judge *j, u16 rid)
{
	struct table_gather g;
	int rc = 0;

	table_gather_init(&g);
	if (j->v->legacy)
		legacy_store(j, legacy_ce(j, rid), 0);
	else
		rc = vtd_tables_device_remove(&j->w.t, rid, &g);
	if (rc)
		qemu_die("detach of %04x: %d", rid, rc);
	judge_flush(j);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
}

/* ---- Page tables ------------------------------------------------------------------------------------------ */

static u64 space_page_sizes(const struct judge *j)
{
	const struct vtd_caps *caps = &j->m.caps;
	u64 sizes = BIT_ULL(12);

	if (space_is_fs(j))
		return sizes | BIT_ULL(21) | (caps->fs_1g ? BIT_ULL(30) : 0);
	return sizes | (caps->ss_2m ? BIT_ULL(21) : 0) | (caps->ss_1g ? BIT_ULL(30) : 0);
}

void space_init_levels(struct judge *j, struct space *s, u8 levels, bool track)
{
	struct iopt_cfg cfg = {
		.env = &j->env,
		.fmt = j->v->fmt,
		.levels = levels,
		.oa_lg2 = j->m.caps.haw,
		.track = track,
		.page_sizes = space_page_sizes(j),
	};
	int rc = iopt_init(&s->pt, &cfg);

	if (rc)
		qemu_die("iopt_init: %d", rc);
	s->did = j->next_did++;
	machine_adopt_tables(&j->m);
}

void space_init(struct judge *j, struct space *s, bool track)
{
	space_init_levels(j, s, j->v->levels, track);
}

void space_destroy(struct judge *j, struct space *s)
{
	iopt_destroy(&s->pt);
	machine_adopt_tables(&j->m);
}

struct vtd_te space_te(const struct judge *j, const struct space *s)
{
	struct vtd_te te = { .did = s->did };

	if (space_is_fs(j)) {
		te.pgtt = VTD_PGTT_FS;
		te.fs_root = s->pt.root_pa;
		te.fs_levels = (u8)(s->pt.top + 1);
	} else {
		te.pgtt = VTD_PGTT_SS;
		te.ss_root = s->pt.root_pa;
		te.ss_levels = (u8)(s->pt.top + 1);
	}
	return te;
}

void space_map(struct judge *j, struct space *s, u64 iova, u64 pa, u64 len, u32 prot)
{
	int rc = iopt_map(&s->pt, iova, pa, len, prot);

	if (rc)
		qemu_die("iopt_map(0x%llx, 0x%llx, 0x%llx): %d", iova, pa, len, rc);
	machine_adopt_tables(&j->m);
}

void space_unmap(struct judge *j, struct space *s, u64 start, u64 last)
{
	struct table_gather g;
	s64 rc;

	table_gather_init(&g);
	rc = iopt_unmap(&s->pt, start, last, &g);
	if (rc < 0)
		qemu_die("iopt_unmap(0x%llx, 0x%llx): %lld", start, last, rc);
	judge_flush_range(j, s->did, &g);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
}

/* ---- Invalidation --------------------------------------------------------------------------------------------- */

void judge_flush_entries(struct judge *j)
{
	machine_invalidate(&j->m,
			   VTD_QI_CONTEXT | FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_CONTEXT_G_GLOBAL), 0);
	if (!j->v->legacy)
		machine_invalidate(&j->m,
				   VTD_QI_PASID_CACHE |
					   FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_PASID_CACHE_G_GLOBAL),
				   0);
}

void judge_flush_global(struct judge *j)
{
	machine_invalidate(&j->m, VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_IOTLB_G_GLOBAL),
			   0);
}

void judge_flush(struct judge *j)
{
	judge_flush_entries(j);
	judge_flush_global(j);
}

void judge_flush_domain(struct judge *j, u16 did)
{
	machine_invalidate(&j->m,
			   VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_IOTLB_G_DOMAIN) |
				   FIELD_PREP(VTD_QI0_DID, (u64)did),
			   0);
}

void judge_flush_pasid(struct judge *j, u16 did)
{
	machine_invalidate(&j->m,
			   VTD_QI_PASID_IOTLB |
				   FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_PASID_IOTLB_G_PASID) |
				   FIELD_PREP(VTD_QI0_DID, (u64)did) |
				   FIELD_PREP(VTD_QI0_PASID, (u64)VTD_TABLES_RID_PASID),
			   0);
}

/* Address-selective flushes of a first stage name the PASID, those of a second stage do not. */
void judge_flush_page(struct judge *j, u16 did, u64 iova, u8 am)
{
	u64 type = VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_IOTLB_G_PAGE);

	if (space_is_fs(j))
		type = VTD_QI_PASID_IOTLB | FIELD_PREP(VTD_QI0_G, (u64)VTD_QI_PASID_IOTLB_G_PAGE) |
		       FIELD_PREP(VTD_QI0_PASID, (u64)VTD_TABLES_RID_PASID);
	machine_invalidate(&j->m, type | FIELD_PREP(VTD_QI0_DID, (u64)did),
			   (iova & VTD_QI_IOTLB1_ADDR) | FIELD_PREP(VTD_QI_IOTLB1_AM, (u64)am));
}

void judge_flush_range(struct judge *j, u16 did, const struct table_gather *g)
{
	u64 mamv = FIELD_GET(VTD_CAP_MAMV, j->m.cap), pages;
	u8 am = 0;

	if (g->start > g->last)
		return;
	/* The smallest aligned power of two that covers it all, as drivers do. */
	while (am <= mamv && (g->start ^ g->last) >> (PHYS_PAGE_LG2 + am))
		am++;
	pages = 1ULL << am;
	if (am > mamv)
		judge_flush_domain(j, did);
	else
		judge_flush_page(j, did, g->start & ~(pages * PHYS_PAGE_SIZE - 1), am);
}
