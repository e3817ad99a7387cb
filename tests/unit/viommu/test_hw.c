// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The unit in hardware mode: what it offers, walks, caches, forgets, reports. */
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/chaos.h"
#include "tests/unit/viommu/vguest.h"
#include "viommu/hw.h"

#define RID	0x0020
#define OTHER	0x0028
#define PASID	5
#define DID	9
#define VA	0x7f0012345000ull
#define IOVA	0x40003000ull
#define FS_BITS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define SS_BITS (VTD_SS_R | VTD_SS_W)

/**
 * struct fx - a guest with its unit
 * @dir: PASID directory of RID
 * @fs, @ss: roots of tables
 * @data: two pages of data
 */
struct fx {
	struct vguest g;
	struct vu_hw *hw;
	u64 dir, fs, ss, data[2];
	u32 responses, code, group, response_pasid;
	u32 invalidations;
	u64 inv_start, inv_last;
	u32 inv_pasid;
	bool inv_all;
	long live;
};

/* ---- fixture --------------------------------------------------------------------------------------- */

static void *fx_gpa(void *opaque, uint64_t gpa, uint32_t len, bool write __maybe_unused)
{
	struct fx *fx = opaque;

	ut_assert((gpa & 4095) + len <= 4096);
	return gpa < VG_RAM_BYTES ? fx->g.ram + gpa : NULL;
}

static void fx_msi(void *opaque, uint64_t addr, uint32_t data __maybe_unused)
{
	struct fx *fx = opaque;

	if (fx->g.nr_msis < VG_MSIS)
		fx->g.msi[fx->g.nr_msis++].addr = addr;
}

static void fx_response(void *opaque, u16 rid, u32 pasid, u16 group, u32 code)
{
	struct fx *fx = opaque;

	ut_assert_eq(rid, RID);
	fx->responses++;
	fx->code = code;
	fx->group = group;
	fx->response_pasid = pasid;
}

static void fx_invalidate(void *opaque, u16 rid, u32 pasid, bool all, u64 start, u64 last)
{
	struct fx *fx = opaque;

	ut_assert_eq(rid, RID);
	fx->invalidations++;
	fx->inv_pasid = pasid;
	fx->inv_all = all;
	fx->inv_start = start;
	fx->inv_last = last;
}

/* The entry for @va at level @lvl. */
static u64 *fx_map_at(struct fx *fx, u64 root, u64 va, u32 lvl)
{
	u64 table = root, *e = NULL;
	u32 i;

	for (i = 4; i-- > lvl; table = *e & VTD_PTR_MASK)
		e = vg_word(&fx->g, table + (va >> (12 + 9 * i) & 511) * 8);
	return e;
}

/* Map the page at @va in the table of 9-bit levels at @root. Return: its entry. */
static u64 *fx_map(struct fx *fx, u64 root, u64 va, u64 pa, u64 bits, u64 table_bits)
{
	u64 table = root, *e;
	u32 lvl;

	for (lvl = 3; lvl; lvl--) {
		e = vg_word(&fx->g, table + (va >> (12 + 9 * lvl) & 511) * 8);
		if (!*e)
			*e = vg_page(&fx->g) | table_bits;
		table = *e & VTD_PTR_MASK;
	}
	e = vg_word(&fx->g, table + (va >> 12 & 511) * 8);
	*e = pa | bits;
	return e;
}

static u64 *fx_map_fs(struct fx *fx, u64 va, u64 pa, u64 bits)
{
	return fx_map(fx, fx->fs, va, pa, bits, FS_BITS);
}

static void fx_map_ss(struct fx *fx, u64 va, u64 pa, u64 bits)
{
	fx_map(fx, fx->ss, va, pa, bits, SS_BITS);
}

static void fx_entry(struct fx *fx, u32 pasid, u8 pgtt, u16 did, u16 flags)
{
	struct vtd_te te = { .pgtt = pgtt, .did = did, .flags = VTD_TE_PWSNP | flags };
	u64 *pe = vg_pasid(&fx->g, fx->dir, pasid), words[VTD_PE_WORDS];
	u32 i;

	if (pgtt == VTD_PGTT_FS || pgtt == VTD_PGTT_NESTED) {
		te.fs_root = fx->fs;
		te.fs_levels = 4;
	}
	if (pgtt == VTD_PGTT_SS || pgtt == VTD_PGTT_NESTED) {
		te.ss_root = fx->ss;
		te.ss_levels = 4;
	}
	ut_assert_eq(vtd_pe_encode(&fx->hw->unit.caps, &te, words), 0);
	for (i = VTD_PE_WORDS; i--;)
		pe[i] = words[i];
}

static void fx_boot(struct fx *fx, u32 flags)
{
	const struct vu_hw_ops ops = { .gpa = fx_gpa,
				       .send_msi = fx_msi,
				       .response = fx_response,
				       .invalidate = fx_invalidate };
	const struct vu_hw_config config = { .flags = flags, .ops = &ops, .opaque = fx };

	memset(fx, 0, sizeof(*fx));
	fx->live = os_alloc_live();
	vg_init(&fx->g);
	ut_assert_eq(vu_hw_create(&config, &fx->hw), 0);
	fx->g.unit = &fx->hw->unit;
	vg_boot(&fx->g);
	fx->dir = vg_context(&fx->g, RID, VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE, 3);
	fx->fs = vg_page(&fx->g);
	fx->ss = vg_page(&fx->g);
	fx->data[0] = vg_page(&fx->g);
	fx->data[1] = vg_page(&fx->g);
}

static void fx_end(struct fx *fx)
{
	vu_hw_destroy(fx->hw);
	vg_destroy(&fx->g);
	ut_assert_eq(os_alloc_live(), fx->live);
}

static struct vu_hw_req fx_req(u32 pasid, u64 addr, u32 access)
{
	return (struct vu_hw_req){ .rid = RID, .pasid = pasid, .addr = addr, .access = access };
}

static u8 fx_access(struct fx *fx, u32 pasid, u64 addr, u32 access, struct vu_hw_xlat *x)
{
	struct vu_hw_req req = fx_req(pasid, addr, access);
	u8 reason;

	vu_hw_enter(fx->hw);
	reason = vu_hw_translate(fx->hw, &req, x);
	vu_hw_leave(fx->hw);
	return reason;
}

/* Where a read by @pasid at @addr gets to; 0: nowhere. */
static u64 fx_reach(struct fx *fx, u32 pasid, u64 addr)
{
	struct vu_hw_xlat x;

	return fx_access(fx, pasid, addr, XLAT_READ, &x) ? 0 : x.oa;
}

static struct vu_hw_stats fx_stats(struct fx *fx)
{
	struct vu_hw_stats s;

	vu_hw_get_stats(fx->hw, &s);
	return s;
}

static u32 fx_fault(struct fx *fx)
{
	u64 info = vg_get64(&fx->g, VTD_REG_FRCD + 8);

	return info & VTD_FR1_F ? FIELD_GET(VTD_FR1_REASON, info) : 0;
}

/* ---- what it offers ------------------------------------------------------------------------------- */

UT_CASE(offers)
{
	static const struct {
		u32 flags;
		u64 ecap, no_ecap, cap, no_cap;
	} rows[] = {
		{ 0,
		  VTD_ECAP_NEST | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_PRS | VTD_ECAP_PDS |
			  VTD_ECAP_DT | VTD_ECAP_SC | VTD_ECAP_SRS | VTD_ECAP_SMPWCS |
			  VTD_ECAP_SMTS | VTD_ECAP_SSADS,
		  0, VTD_CAP_SSLPS_2M | VTD_CAP_SSLPS_1G | VTD_CAP_FS1GP,
		  VTD_CAP_CM | VTD_CAP_FS5LP },
		{ VU_HW_NO_NESTING, VTD_ECAP_FSTS | VTD_ECAP_SSTS, VTD_ECAP_NEST, 0, 0 },
		{ VU_HW_FIRST_STAGE, VTD_ECAP_FSTS, VTD_ECAP_NEST | VTD_ECAP_SSTS, 0,
		  VTD_CAP_SAGAW },
		{ VU_HW_SECOND_STAGE, VTD_ECAP_SSTS, VTD_ECAP_NEST | VTD_ECAP_FSTS, 0,
		  VTD_CAP_FS1GP },
		{ VU_HW_LEVELS5, 0, 0, VTD_CAP_FS5LP, 0 },
		{ VU_HW_CM, 0, 0, VTD_CAP_CM, 0 },
		{ VU_HW_NO_PRS, VTD_ECAP_DT, VTD_ECAP_PRS | VTD_ECAP_PDS, 0, 0 },
		{ VU_HW_NO_DT, 0, VTD_ECAP_DT | VTD_ECAP_PRS, 0, 0 },
		{ VU_HW_NO_SC | VU_HW_NO_DIRTY, 0, VTD_ECAP_SC | VTD_ECAP_SSADS, 0, 0 },
	};
	struct fx fx;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fx_boot(&fx, rows[i].flags);
		ut_assert_eq(vg_get64(&fx.g, VTD_REG_ECAP) & (rows[i].ecap | rows[i].no_ecap),
			     rows[i].ecap);
		ut_assert_eq(vg_get64(&fx.g, VTD_REG_CAP) & (rows[i].cap | rows[i].no_cap),
			     rows[i].cap);
		fx_end(&fx);
	}
}

UT_CASE(refuses_configurations)
{
	const struct vu_hw_ops ops = { .gpa = fx_gpa };
	struct vu_hw_config config = { .flags = VU_HW_FIRST_STAGE | VU_HW_SECOND_STAGE,
				       .ops = &ops };
	struct vu_hw *hw;

	ut_assert_eq(vu_hw_create(&config, &hw), -EINVAL);
	config.flags = 1u << 31;
	ut_assert_eq(vu_hw_create(&config, &hw), -EINVAL);
	config.flags = 0;
	config.ops = NULL;
	ut_assert_eq(vu_hw_create(&config, &hw), -EINVAL);
}

UT_CASE(virtual_commands)
{
	static const struct vtd_unit_vcmd half = { 0 };
	const struct vu_hw_ops ops = { .gpa = fx_gpa };
	struct chaos_pool pool = { 0 };
	struct vu_hw_config config = { .ops = &ops, .vcmd = &half, .vcmd_opaque = &pool };
	struct vguest g = { 0 };
	struct vu_hw *hw;
	u32 i;

	ut_assert_eq(vu_hw_create(&config, &hw), -EINVAL);
	config.vcmd = &chaos_vcmd;
	ut_assert_eq(vu_hw_create(&config, &hw), 0);
	g.unit = &hw->unit;
	ut_assert(vg_get64(&g, VTD_REG_ECAP) & VTD_ECAP_VCS);
	ut_assert_eq(vg_get64(&g, VTD_REG_VCCAP), 7);
	for (i = 1; i < 10; i++) {
		vg_set64(&g, VTD_REG_VCMD, VTD_VCMD_ALLOC);
		while (vg_get64(&g, VTD_REG_VCRSP) & VTD_VCRSP_IP)
			usleep(10);
		ut_assert_eq(vg_get64(&g, VTD_REG_VCRSP), FIELD_PREP(VTD_VC_PASID, i));
	}
	vtd_unit_reset(&hw->unit);
	ut_assert_eq(pool.nr, 0);
	vg_set64(&g, VTD_REG_VCMD, VTD_VCMD_ALLOC);
	while (vg_get64(&g, VTD_REG_VCRSP) & VTD_VCRSP_IP)
		usleep(10);
	ut_assert_eq(pool.nr, 1);
	vu_hw_destroy(hw);
	ut_assert_eq(pool.nr, 0);
}

/* ---- walks ---------------------------------------------------------------------------------------- */

UT_CASE(first_stage)
{
	struct vu_hw_xlat x;
	struct fx fx;
	u64 *leaf;

	fx_boot(&fx, 0);
	leaf = fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_access(&fx, PASID, VA + 8, XLAT_WRITE, &x), 0);
	ut_assert_eq(x.oa, fx.data[0] + 8);
	ut_assert_eq(x.gpa, ~0ull);
	ut_assert_eq(*leaf, fx.data[0] | FS_BITS | VTD_FS_A | VTD_FS_D);
	/* Another address has no entry. */
	ut_assert_eq(fx_access(&fx, PASID, VA + 4096, XLAT_READ, &x), VTD_SFS_2);
	ut_assert(x.page_request);
	ut_assert_eq(fx_fault(&fx), VTD_SFS_2);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 1);
	/* Another PASID has no entry at all. */
	ut_assert_eq(fx_access(&fx, PASID + 1, VA, XLAT_READ, &x), VTD_SPT_2);
	ut_assert(!x.page_request);
	fx_end(&fx);
}

UT_CASE(second_stage)
{
	struct vu_hw_xlat x;
	struct fx fx;

	fx_boot(&fx, 0);
	fx_map_ss(&fx, IOVA, fx.data[0], VTD_SS_R);
	fx_entry(&fx, PASID, VTD_PGTT_SS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, IOVA + 16), fx.data[0] + 16);
	ut_assert_eq(fx_access(&fx, PASID, IOVA, XLAT_WRITE, &x), VTD_SGN_6);
	ut_assert(!x.page_request);
	/* A second PASID of the domain uses what the first brought in. */
	fx_entry(&fx, PASID + 1, VTD_PGTT_SS, DID, 0);
	ut_assert_eq(fx_stats(&fx).iotlb_hits, 0);
	ut_assert_eq(fx_reach(&fx, PASID + 1, IOVA), fx.data[0]);
	ut_assert_eq(fx_stats(&fx).iotlb_hits, 1);
	fx_end(&fx);
}

/* First-stage tables lie in the parent's address space, one to one here; data are elsewhere. */
static void fx_nest(struct fx *fx)
{
	u64 page, last;

	fx_map_fs(fx, VA, IOVA, FS_BITS);
	fx_map_ss(fx, IOVA, fx->data[0], SS_BITS);
	last = fx->g.next;
	for (page = 0x1000; page < last; page += 4096)
		fx_map_ss(fx, page, page, SS_BITS);
	fx_entry(fx, PASID, VTD_PGTT_NESTED, DID, 0);
}

UT_CASE(nested)
{
	struct vu_hw_xlat x;
	struct fx fx;

	fx_boot(&fx, 0);
	fx_nest(&fx);
	ut_assert_eq(fx_access(&fx, PASID, VA + 24, XLAT_WRITE, &x), 0);
	ut_assert_eq(x.oa, fx.data[0] + 24);
	ut_assert_eq(x.gpa, IOVA + 24);
	/* ... and from the cache. */
	ut_assert_eq(fx_access(&fx, PASID, VA + 32, XLAT_WRITE, &x), 0);
	ut_assert_eq(x.oa, fx.data[0] + 32);
	ut_assert_eq(x.gpa, IOVA + 32);
	ut_assert_eq(fx_stats(&fx).iotlb_hits, 1);
	/* What the parent does not have cannot be asked for. */
	fx_map_fs(&fx, VA + 4096, 0x50000000, FS_BITS);
	ut_assert_eq(fx_access(&fx, PASID, VA + 4096, XLAT_READ, &x), VTD_SSS_2);
	ut_assert(!x.page_request);
	ut_assert_eq(x.gpa, 0x50000000);
	fx_end(&fx);
}

UT_CASE(switched_off)
{
	struct vu_hw_xlat x;
	struct fx fx;

	fx_boot(&fx, 0);
	vg_command(&fx.g, 0);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	ut_assert_eq(fx_reach(&fx, IOASID_INVALID, 0x5000), 0x5000);
	ut_assert(fx_access(&fx, PASID, 0x5000, XLAT_READ, &x));
	/* Interrupts are not a device's to write by DMA. */
	ut_assert_eq(fx_access(&fx, IOASID_INVALID, 0xfee00040, XLAT_WRITE, &x), VTD_SGN_8);
	ut_assert_eq(fx.g.nr_msis, 0);
	fx_end(&fx);
}

/* ---- caches --------------------------------------------------------------------------------------- */

/* Descriptors for the translation of VA or IOVA under PASID and DID, and which stages they reach. */
static const struct {
	const char *what;
	u64 q0, q1;
	bool fs, ss;
} inv_rows[] = {
#define PIOTLB(g, did, pasid)                                                           \
	(VTD_QI_PASID_IOTLB | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI0_DID, did) | \
	 FIELD_PREP(VTD_QI0_PASID, pasid))
#define IOTLB(g, did) (VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI0_DID, did))
	{ "other page", PIOTLB(3, DID, PASID), VA + 4096, false, false },
	{ "other PASID", PIOTLB(2, DID, PASID + 1), 0, false, false },
	{ "PASID, other domain", PIOTLB(2, DID + 1, PASID), 0, false, false },
	{ "other domain", IOTLB(2, DID + 1), 0, false, false },
	{ "page of other domain", IOTLB(3, DID + 1), IOVA, false, false },
	{ "page", PIOTLB(3, DID, PASID), VA, true, false },
	{ "PASID", PIOTLB(2, DID, PASID), 0, true, true },
	{ "second-stage page", IOTLB(3, DID), IOVA, true, true },
	{ "other second-stage page", IOTLB(3, DID), IOVA + 4096, true, false },
	{ "pages around", IOTLB(3, DID), (IOVA & ~0x3fffull) | 2, true, true },
	{ "domain", IOTLB(2, DID), 0, true, true },
	{ "everything", IOTLB(1, 0), 0, true, true },
};

static void caches_run(u8 pgtt, u32 row)
{
	bool reached = pgtt == VTD_PGTT_SS ? inv_rows[row].ss : inv_rows[row].fs;
	u64 addr = pgtt == VTD_PGTT_SS ? IOVA : VA;
	struct fx fx;

	fx_boot(&fx, VU_HW_VERIFY);
	if (pgtt == VTD_PGTT_NESTED)
		fx_nest(&fx);
	fx_map_fs(&fx, VA, pgtt == VTD_PGTT_NESTED ? IOVA : fx.data[0], FS_BITS);
	fx_map_ss(&fx, IOVA, fx.data[0], SS_BITS);
	fx_entry(&fx, PASID, pgtt, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, addr), fx.data[0]);
	if (pgtt == VTD_PGTT_FS)
		fx_map_fs(&fx, VA, fx.data[1], FS_BITS);
	else
		fx_map_ss(&fx, IOVA, fx.data[1], SS_BITS);
	/* Nobody told the unit. */
	ut_assert_eq(fx_reach(&fx, PASID, addr), fx.data[0]);
	ut_assert_eq(fx_stats(&fx).stale_iotlb, 1);
	vg_qi(&fx.g, inv_rows[row].q0, inv_rows[row].q1);
	ut_assert(vg_wait(&fx.g));
	if (fx_reach(&fx, PASID, addr) != fx.data[reached])
		ut_log("%s, stage %u", inv_rows[row].what, pgtt);
	ut_assert_eq(fx_reach(&fx, PASID, addr), fx.data[reached]);
	fx_end(&fx);
}

UT_CASE(iotlb_forgets_what_it_is_told)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(inv_rows); i++) {
		caches_run(VTD_PGTT_FS, i);
		caches_run(VTD_PGTT_SS, i);
		caches_run(VTD_PGTT_NESTED, i);
	}
}

/* Another page table page: leaf-only invalidations do not reach it. */
UT_CASE(page_tables_are_cached)
{
	const u64 leaf = VTD_QI_IOTLB1_IH;
	struct fx fx;
	u64 *pde, old;

	fx_boot(&fx, VU_HW_VERIFY);
	fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_map_fs(&fx, VA + 4096, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	/* The entry above: replaced, so that both pages lie elsewhere. */
	pde = fx_map_at(&fx, fx.fs, VA, 1);
	old = *pde;
	*pde = 0;
	fx_map_fs(&fx, VA, fx.data[1], FS_BITS);
	fx_map_fs(&fx, VA + 4096, fx.data[1], FS_BITS);
	ut_assert(*pde != old);
	vg_qi(&fx.g, PIOTLB(3, DID, PASID), VA | leaf);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	ut_assert_eq(fx_stats(&fx).step_hits, 1);
	ut_assert_eq(fx_stats(&fx).stale_steps, 1);
	vg_qi(&fx.g, PIOTLB(3, DID, PASID), VA);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[1]);
	ut_assert_eq(fx_reach(&fx, PASID, VA + 4096), fx.data[1]);
	ut_assert_eq(fx_stats(&fx).stale_steps, 1);
	/* More permission, or a page that appears, needs no invalidation. */
	fx_map_fs(&fx, VA + 8192, fx.data[0], FS_BITS);
	ut_assert_eq(fx_reach(&fx, PASID, VA + 8192), fx.data[0]);
	*pde = 0;
	ut_assert_eq(fx_reach(&fx, PASID, VA + 0x3000), 0);
	fx_end(&fx);
}

/* A leaf of the second stage moves a table of the first. */
UT_CASE(nested_tables_move)
{
	struct fx fx;
	u64 table, copy;

	fx_boot(&fx, VU_HW_VERIFY);
	fx_nest(&fx);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	table = *fx_map_at(&fx, fx.fs, VA, 1) & VTD_PTR_MASK;
	copy = vg_page(&fx.g);
	memcpy(vg_word(&fx.g, copy), vg_word(&fx.g, table), 4096);
	*vg_word(&fx.g, copy + (VA >> 12 & 511) * 8) = 0;
	fx_map_ss(&fx, table, copy, SS_BITS);
	vg_qi(&fx.g, IOTLB(3, DID), table | VTD_QI_IOTLB1_IH);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_reach(&fx, PASID, VA), 0);
	ut_assert_eq(fx_stats(&fx).stale_steps, 0);
	fx_end(&fx);
}

UT_CASE(no_cache)
{
	struct fx fx;

	fx_boot(&fx, VU_HW_NO_CACHE);
	fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	fx_map_fs(&fx, VA, fx.data[1], FS_BITS);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[1]);
	vg_pasid_clear(&fx.g, fx.dir, PASID, false);
	ut_assert_eq(fx_reach(&fx, PASID, VA), 0);
	fx_end(&fx);
}

static void pasid_cache_run(u64 q0, bool reached)
{
	struct fx fx;

	fx_boot(&fx, VU_HW_VERIFY);
	fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	vg_pasid_clear(&fx.g, fx.dir, PASID, false);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	ut_assert_eq(fx_stats(&fx).stale_pasid, 1);
	vg_qi(&fx.g, q0, 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_reach(&fx, PASID, VA), reached ? 0 : fx.data[0]);
	fx_end(&fx);
}

UT_CASE(pasid_cache_forgets_what_it_is_told)
{
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, DID, PASID), true);
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, DID, PASID + 1), false);
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, DID + 1, PASID), false);
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_DOMAIN, DID, 0), true);
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_DOMAIN, DID + 1, 0), false);
	pasid_cache_run(vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), true);
	pasid_cache_run(vg_desc_context(VTD_QI_CONTEXT_G_DEVICE, RID), true);
	pasid_cache_run(vg_desc_context(VTD_QI_CONTEXT_G_DEVICE, OTHER), false);
	pasid_cache_run(vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), true);
	pasid_cache_run(vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), false);
}

UT_CASE(root_pointer_empties_caches)
{
	struct fx fx;

	fx_boot(&fx, 0);
	fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	fx_map_fs(&fx, VA, fx.data[1], FS_BITS);
	vg_command(&fx.g, VTD_GCMD_SRTP);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[1]);
	vtd_unit_reset(fx.g.unit);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), 0);
	fx_end(&fx);
}

UT_CASE(broken_on_purpose)
{
	struct fx fx;

	fx_boot(&fx, 0);
	fx_map_fs(&fx, VA, fx.data[0], FS_BITS);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	fx_map_fs(&fx, VA, fx.data[1], FS_BITS);
	vtd_unit_set_broken(fx.g.unit, VTD_UNIT_BREAK_NO_INVALIDATE);
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	vg_qi(&fx.g, vg_desc_dev_tlb(RID), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_reach(&fx, PASID, VA), fx.data[0]);
	ut_assert_eq(fx.invalidations, 0);
	fx_end(&fx);
}

UT_CASE(device_tlb)
{
	struct fx fx;

	fx_boot(&fx, 0);
	vg_qi(&fx.g, vg_desc_dev_tlb(RID), 0x5000);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx.invalidations, 1);
	ut_assert_eq(fx.inv_pasid, IOASID_INVALID);
	ut_assert_eq(fx.inv_start, 0x5000);
	ut_assert_eq(fx.inv_last, 0x5fff);
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID, PASID), 0x4000 | 0x1000 | VTD_QI_PASID_DEV_TLB1_S);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx.inv_pasid, PASID);
	ut_assert(!fx.inv_all);
	ut_assert_eq(fx.inv_start, 0x4000);
	ut_assert_eq(fx.inv_last, 0x7fff);
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID, PASID), VTD_QI_PASID_DEV_TLB1_GI);
	ut_assert(vg_wait(&fx.g));
	ut_assert(fx.inv_all);
	fx_end(&fx);
}

/* ---- a wait waits ----------------------------------------------------------------------------------- */

static void *invalidator(void *arg)
{
	struct fx *fx = arg;

	vg_qi(&fx->g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, DID), 0);
	ut_assert(vg_wait(&fx->g));
	return NULL;
}

UT_CASE(invalidation_waits_for_requests)
{
	pthread_t thread;
	struct fx fx;

	fx_boot(&fx, 0);
	vu_hw_enter(fx.hw);
	ut_assert_eq(pthread_create(&thread, NULL, invalidator, &fx), 0);
	usleep(50000);
	ut_assert_eq(READ_ONCE(*(u32 *)vg_word(&fx.g, fx.g.status)), 0);
	vu_hw_leave(fx.hw);
	pthread_join(thread, NULL);
	ut_assert_eq(READ_ONCE(*(u32 *)vg_word(&fx.g, fx.g.status)), 1);
	fx_end(&fx);
}

/* ---- ATS and PRI ---------------------------------------------------------------------------------- */

static u8 fx_ats(struct fx *fx, u64 addr, u32 access, struct vu_hw_xlat *x)
{
	struct vu_hw_req req = fx_req(PASID, addr, access);
	u8 reason;

	req.type = VTD_REQ_TRANSLATION;
	vu_hw_enter(fx->hw);
	reason = vu_hw_translate(fx->hw, &req, x);
	vu_hw_leave(fx->hw);
	return reason;
}

UT_CASE(translation_requests)
{
	struct vu_hw_xlat x;
	struct fx fx;

	fx_boot(&fx, 0);
	fx_map_fs(&fx, VA, fx.data[0], VTD_FS_P | VTD_FS_US);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(fx_ats(&fx, VA, XLAT_READ, &x), 0);
	ut_assert_eq(x.perm, XLAT_READ);
	/* Too little, or nothing, is no fault; a page request may help. */
	ut_assert_eq(fx_ats(&fx, VA, XLAT_WRITE, &x), VTD_SGN_6);
	ut_assert(x.page_request);
	ut_assert_eq(fx_ats(&fx, VA + 4096, XLAT_READ, &x), VTD_SFS_2);
	ut_assert(x.page_request);
	ut_assert_eq(fx_fault(&fx), 0);
	/* The context entry must allow it. */
	vg_context(&fx.g, RID, VTD_CE0_PASIDE, 3);
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_ats(&fx, VA, XLAT_READ, &x), VTD_SCT_5);
	ut_assert_eq(fx_fault(&fx), VTD_SCT_5);
	fx_end(&fx);
}

UT_CASE(page_requests)
{
	struct vu_hw_req req = fx_req(PASID, VA, XLAT_WRITE);
	struct fx fx;
	u64 *pr;

	fx_boot(&fx, 0);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 77, true), 0);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 1);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQT), VTD_PR_BYTES);
	pr = vg_word(&fx.g, fx.g.prq);
	ut_assert_eq(pr[0], VTD_PR_TYPE_PAGE | VTD_PR0_PP | FIELD_PREP(VTD_PR0_RID, RID) |
				    FIELD_PREP(VTD_PR0_PASID, PASID));
	ut_assert_eq(pr[1], VA | VTD_PR1_WRR | VTD_PR1_LPIG | FIELD_PREP(VTD_PR1_PRGI, 77));
	vg_qi(&fx.g, vg_desc_page_response(RID, PASID, VTD_PGRSP_INVALID),
	      FIELD_PREP(VTD_QI_PGRSP1_PRGI, 77));
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx.responses, 1);
	ut_assert_eq(fx.group, 77);
	ut_assert_eq(fx.code, VTD_PGRSP_INVALID);
	ut_assert_eq(fx.response_pasid, PASID);
	/* No entry: answered at once, and recorded. */
	req.pasid = PASID + 1;
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 1, true), VTD_PGRSP_INVALID + 1);
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 1, false), 0);
	ut_assert_eq(fx_fault(&fx), VTD_SPT_2);
	fx_end(&fx);
}

UT_CASE(page_request_overflow)
{
	struct vu_hw_req req = fx_req(PASID, VA, XLAT_READ);
	struct fx fx;
	u32 i;

	fx_boot(&fx, 0);
	fx_entry(&fx, PASID, VTD_PGTT_FS, DID, 0);
	for (i = 0; i < 4096 / VTD_PR_BYTES - 1; i++)
		ut_assert_eq(vu_hw_page_request(fx.hw, &req, i, true), 0);
	/* Full: the device is told to ask again, until software has cleared it. */
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 200, true), VTD_PGRSP_SUCCESS + 1);
	ut_assert(vg_get32(&fx.g, VTD_REG_PRS) & VTD_PRS_PRO);
	vg_set64(&fx.g, VTD_REG_PQH, vg_get64(&fx.g, VTD_REG_PQT));
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 200, true), VTD_PGRSP_SUCCESS + 1);
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PRO);
	ut_assert_eq(vu_hw_page_request(fx.hw, &req, 200, true), 0);
	fx_end(&fx);
}

/* ---- guests without manners --------------------------------------------------------------------- */

/* Tables that lead somewhere, of a kind that @value says, so that there is something to spoil. */
static void chaos_tables(struct chaos *c, u64 value)
{
	struct fx *fx = container_of(c->g, struct fx, g);
	u8 pgtt = 1 + value % 3;

	if (!(fx->hw->unit.caps.nest && fx->hw->unit.caps.ssts))
		pgtt = VTD_PGTT_SS;
	fx->g.next = 0x1000;
	fx->g.iq_tail = 0;
	vg_set32(&fx->g, VTD_REG_GCMD, 0);
	vg_set32(&fx->g, VTD_REG_FSTS, ~0u);
	vg_boot(&fx->g);
	c->rid[0] = RID;
	fx->dir = vg_context(&fx->g, RID, VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE, 0);
	fx->fs = vg_page(&fx->g);
	fx->ss = vg_page(&fx->g);
	fx->data[0] = vg_page(&fx->g);
	fx_map_ss(fx, IOVA, fx->data[0], SS_BITS);
	if (pgtt == VTD_PGTT_SS)
		fx_map_ss(fx, VA & 0xffffffffff, fx->data[0], SS_BITS);
	else
		fx_nest(fx);
	fx_entry(fx, 1 + (value >> 8 & 7), pgtt, 1 + (value >> 16 & 7), 0);
}

static void chaos_device(struct chaos *c, u32 n, u32 kind, u64 value, u32 pasid)
{
	struct fx *fx = container_of(c->g, struct fx, g);
	struct vu_hw_req req = {
		.rid = c->rid[value & 0x800 ? 0 : n],
		.pasid = value & 1 ? IOASID_INVALID : pasid,
		.addr = value & 2 ? value : value & 0x3ffff,
		.access = 1 + (value >> 2) % 3,
		.priv = value >> 4 & 1,
		.type = kind & 1 ? VTD_REQ_TRANSLATION : VTD_REQ_UNTRANSLATED,
	};
	struct vu_hw_xlat x;

	if (kind == 2 && value >> 62 == 0) {
		chaos_tables(c, value);
		/* Fill the caches, so that old entries meet what comes next. */
		for (pasid = 0; pasid < 16; pasid++)
			chaos_device(c, 0, 0, 0xf00, 1 + pasid % 8);
		return;
	}
	if (value & 0x100)
		req.pasid = pasid & 15;
	if (value & 0x200)
		req.addr = value & 0x400 ? VA : IOVA;
	if (kind == 3) {
		vu_hw_page_request(fx->hw, &req, value >> 5 & 511, value >> 14 & 1);
		return;
	}
	vu_hw_enter(fx->hw);
	if (!vu_hw_translate(fx->hw, &req, &x)) {
		ut_assert((x.perm & req.access) == req.access);
		ut_assert_eq((x.oa ^ req.addr) & 0xfff, 0);
	}
	vu_hw_leave(fx->hw);
}

static void chaos_plug(struct chaos *c __maybe_unused, u32 n __maybe_unused, bool in __maybe_unused)
{
}

static void chaos_response(void *opaque __maybe_unused, u16 rid __maybe_unused,
			   u32 pasid __maybe_unused, u16 group, u32 code)
{
	ut_assert(group < 512 && code < 16);
}

static void chaos_invalidate(void *opaque __maybe_unused, u16 rid __maybe_unused, u32 pasid,
			     bool all __maybe_unused, u64 start, u64 last)
{
	ut_assert(pasid == IOASID_INVALID || pasid < 1u << IOASID_PASID_BITS);
	ut_assert(start <= last);
}

static void chaos_run(u64 seed, u32 flags)
{
	struct ut_rand r = { seed };
	u8 bytes[4096];
	struct chaos c;
	struct fx fx;
	u32 i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)ut_rand(&r);
	fx_boot(&fx, flags);
	fx.hw->ops.response = chaos_response;
	fx.hw->ops.invalidate = chaos_invalidate;
	c = (struct chaos){ &fx.g,	  bytes,      sizeof(bytes), { RID, OTHER },
			    chaos_device, chaos_plug, true };
	while (chaos_step(&c))
		;
	fx_end(&fx);
}

UT_CASE(random_guests)
{
	static const u32 flags[] = { 0, VU_HW_VERIFY, VU_HW_NO_CACHE, VU_HW_LEVELS5 | VU_HW_CM,
				     VU_HW_SECOND_STAGE | VU_HW_VERIFY };
	u64 seed;

	for (seed = 1; seed <= UT_STEPS(2000); seed++)
		chaos_run(seed, flags[seed % ARRAY_SIZE(flags)]);
}

UT_SUITE(hw, UT_ENTRY(offers), UT_ENTRY(refuses_configurations), UT_ENTRY(virtual_commands),
	 UT_ENTRY(first_stage), UT_ENTRY(second_stage), UT_ENTRY(nested), UT_ENTRY(switched_off),
	 UT_ENTRY(iotlb_forgets_what_it_is_told), UT_ENTRY(page_tables_are_cached),
	 UT_ENTRY(nested_tables_move), UT_ENTRY(no_cache),
	 UT_ENTRY(pasid_cache_forgets_what_it_is_told), UT_ENTRY(root_pointer_empties_caches),
	 UT_ENTRY(broken_on_purpose), UT_ENTRY(device_tlb),
	 UT_ENTRY(invalidation_waits_for_requests), UT_ENTRY(translation_requests),
	 UT_ENTRY(page_requests), UT_ENTRY(page_request_overflow), UT_ENTRY(random_guests));
