// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d capabilities; root, context and PASID structures one by one: encode, decode, check.
 * Source: VT-d 5.10, chapter 9 and 11.4.
 */
#include "formats/vtd.h"

/* ---- Capabilities ------------------------------------------------------------------------- */

/* No unit is narrower, and the largest page fits, so an address with good upper bits is good. */
#define VTD_WIDTH_MIN 32

int vtd_caps_prepare(struct vtd_caps *caps)
{
	u64 wide, table, leaf;
	unsigned int lvl;

	if (caps->haw < VTD_WIDTH_MIN || caps->haw > 52 || caps->mgaw < VTD_WIDTH_MIN ||
	    caps->mgaw > 57)
		return -EINVAL;
	caps->haw_rsvd = ~((1ULL << caps->haw) - 1);
	wide = caps->haw_rsvd & GENMASK_ULL(51, 0);
	for (lvl = 0; lvl < 5; lvl++) {
		u64 below = lvl ? ((1ULL << (12 + 9 * lvl)) - 1) & VTD_ADDR_MASK : 0;

		/* First stage: bit 12 of a large leaf is PAT. */
		table = leaf = wide;
		if (lvl > 2 || (lvl == 2 && !caps->fs_1g)) {
			table |= VTD_FS_PS;
			leaf |= VTD_FS_PS;
		}
		caps->fs_rsvd_table[lvl] = table;
		caps->fs_rsvd_leaf[lvl] = leaf | (below & ~VTD_FS_PAT_LARGE);

		/* Second stage: IW is reserved as long as nobody sets RTADDR.SSIRWE. */
		table = leaf = wide | VTD_SS_IW;
		table |= VTD_SS_SNP;
		if (!caps->sc)
			leaf |= VTD_SS_SNP;
		if (lvl > 2 || (lvl == 2 && !caps->ss_1g) || (lvl == 1 && !caps->ss_2m)) {
			table |= VTD_SS_PS;
			leaf |= VTD_SS_PS;
		}
		caps->ss_rsvd_table[lvl] = table;
		caps->ss_rsvd_leaf[lvl] = leaf | below;
	}
	return 0;
}

void vtd_caps_decode(struct vtd_caps *caps, u64 cap, u64 ecap, u8 haw)
{
	memset(caps, 0, sizeof(*caps));
	caps->haw = haw;
	caps->mgaw = (u8)(FIELD_GET(VTD_CAP_MGAW, cap) + 1);
	caps->sagaw = (u8)FIELD_GET(VTD_CAP_SAGAW, cap);
	caps->did_bits = (u8)(4 + 2 * FIELD_GET(VTD_CAP_ND, cap));
	caps->cm = cap & VTD_CAP_CM;
	caps->zlr = cap & VTD_CAP_ZLR;
	caps->ss_2m = cap & VTD_CAP_SSLPS_2M;
	caps->ss_1g = cap & VTD_CAP_SSLPS_1G;
	caps->fs_1g = cap & VTD_CAP_FS1GP;
	caps->fs5lp = cap & VTD_CAP_FS5LP;
	caps->coherent = ecap & VTD_ECAP_C;
	caps->dt = ecap & VTD_ECAP_DT;
	caps->pt = ecap & VTD_ECAP_PT;
	caps->sc = ecap & VTD_ECAP_SC;
	caps->mts = ecap & VTD_ECAP_MTS;
	caps->nest = ecap & VTD_ECAP_NEST;
	caps->prs = ecap & VTD_ECAP_PRS;
	caps->ers = ecap & VTD_ECAP_ERS;
	caps->srs = ecap & VTD_ECAP_SRS;
	caps->eafs = ecap & VTD_ECAP_EAFS;
	if (ecap & VTD_ECAP_PASID)
		caps->pasid_bits = (u8)min_t(u64, FIELD_GET(VTD_ECAP_PSS, ecap) + 1, 20);
	caps->smts = ecap & VTD_ECAP_SMTS;
	caps->ssads = ecap & VTD_ECAP_SSADS;
	caps->ssts = ecap & VTD_ECAP_SSTS;
	caps->fsts = ecap & VTD_ECAP_FSTS;
	caps->smpwcs = ecap & VTD_ECAP_SMPWCS;
	caps->rps = ecap & VTD_ECAP_RPS;
	caps->rprivs = ecap & VTD_ECAP_RPRIVS;
	caps->adms = ecap & VTD_ECAP_ADMS;
	caps->mgaw = min_t(u8, max_t(u8, caps->mgaw, VTD_WIDTH_MIN), 57);
	caps->haw = min_t(u8, max_t(u8, haw, VTD_WIDTH_MIN), 52);
	WARN_ON_ONCE(vtd_caps_prepare(caps));
}

/* ---- PASID table entries ------------------------------------------------------------------- */

/*
 * The bits that belong to flags of struct vtd_te, and what the unit needs for each. A flag whose
 * capability is absent is a reserved bit.
 */
struct vtd_pe_flag {
	u16 flag;
	u8 word;
	u8 cap; /* offset in struct vtd_caps; 0: always there */
	u64 bit;
};

#define VTD_CAP_OFFSET(field) ((u8)offsetof(struct vtd_caps, field))

static const struct vtd_pe_flag vtd_pe_flags[] = {
	{ VTD_TE_FPD, 0, 0, VTD_PE0_FPD },
	{ VTD_TE_SSADE, 0, VTD_CAP_OFFSET(ssads), VTD_PE0_SSADE },
	{ VTD_TE_PWSNP, 1, VTD_CAP_OFFSET(smpwcs), VTD_PE1_PWSNP },
	{ VTD_TE_PGSNP, 1, VTD_CAP_OFFSET(sc), VTD_PE1_PGSNP },
	{ VTD_TE_CD, 1, VTD_CAP_OFFSET(mts), VTD_PE1_CD },
	{ VTD_TE_EMTE, 1, VTD_CAP_OFFSET(mts), VTD_PE1_EMTE },
	{ VTD_TE_SRE, 2, VTD_CAP_OFFSET(srs), VTD_PE2_SRE },
	{ VTD_TE_ERE, 2, VTD_CAP_OFFSET(ers), VTD_PE2_ERE },
	{ VTD_TE_WPE, 2, 0, VTD_PE2_WPE },
	{ VTD_TE_EAFE, 2, VTD_CAP_OFFSET(eafs), VTD_PE2_EAFE },
};

static bool vtd_caps_has(const struct vtd_caps *caps, const struct vtd_pe_flag *f)
{
	return !f->cap || *((const bool *)caps + f->cap);
}

/* Bits that no unit defines (NXE and SMEP are ignored); the host permission table is not offered. */
#define VTD_PE0_RSVD (BIT_ULL(5) | GENMASK_ULL(11, 10))
#define VTD_PE1_RSVD (GENMASK_ULL(22, 16) | GENMASK_ULL(31, 27))
#define VTD_PE2_RSVD GENMASK_ULL(11, 8)

static bool vtd_pgtt_has_fs(u8 pgtt)
{
	return pgtt == VTD_PGTT_FS || pgtt == VTD_PGTT_NESTED;
}

static bool vtd_pgtt_has_ss(u8 pgtt)
{
	return pgtt == VTD_PGTT_SS || pgtt == VTD_PGTT_NESTED;
}

static bool vtd_pe_reserved(const struct vtd_caps *caps, const u64 *pe, u8 pgtt)
{
	u64 rsvd[3] = { VTD_PE0_RSVD, VTD_PE1_RSVD, VTD_PE2_RSVD };
	u64 did = FIELD_GET(VTD_PE1_DID, pe[1]), rest = pe[3] | pe[4] | pe[5] | pe[6] | pe[7];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vtd_pe_flags); i++)
		if (!vtd_caps_has(caps, &vtd_pe_flags[i]))
			rsvd[vtd_pe_flags[i].word] |= vtd_pe_flags[i].bit;
	if (!caps->mts)
		rsvd[1] |= VTD_PE1_PAT;
	if (vtd_pgtt_has_ss(pgtt))
		rsvd[0] |= caps->haw_rsvd;
	/* In a nested entry the first-stage root is guest-physical and has a check of its own. */
	if (pgtt == VTD_PGTT_FS)
		rsvd[2] |= caps->haw_rsvd;
	return rest || pe[0] & rsvd[0] || pe[1] & rsvd[1] || pe[2] & rsvd[2] ||
	       did >> caps->did_bits || (caps->cm && !did);
}

/* Width of second-stage input. */
static u8 vtd_gpa_lg2(const struct vtd_caps *caps, unsigned int levels)
{
	return min_t(u8, caps->mgaw, (u8)(12 + 9 * levels));
}

/* Is there such a translation type, with such a depth? */
static bool vtd_te_legal(const struct vtd_caps *caps, struct vtd_te *te)
{
	bool fs = vtd_pgtt_has_fs(te->pgtt), ss = vtd_pgtt_has_ss(te->pgtt);

	switch (te->pgtt) {
	case VTD_PGTT_FS:
		if (!caps->fsts)
			return false;
		break;
	case VTD_PGTT_SS:
		if (!caps->ssts)
			return false;
		break;
	case VTD_PGTT_NESTED:
		if (!caps->nest)
			return false;
		break;
	case VTD_PGTT_PASS:
		return caps->pt;
	default:
		return false;
	}
	if (ss) {
		if (te->ss_levels < 3 || te->ss_levels > 5 ||
		    !(caps->sagaw & BIT(te->ss_levels - 2)))
			return false;
		te->gpa_lg2 = vtd_gpa_lg2(caps, te->ss_levels);
	}
	if (fs && te->fs_levels != 4 && !(te->fs_levels == 5 && caps->fs5lp))
		return false;
	return !(fs && ss && te->fs_root >> te->gpa_lg2);
}

u8 vtd_pe_decode(const struct vtd_caps *caps, const u64 pe[VTD_PE_WORDS], struct vtd_te *te)
{
	unsigned int i;

	memset(te, 0, sizeof(*te));
	for (i = 0; i < ARRAY_SIZE(vtd_pe_flags); i++)
		if (pe[vtd_pe_flags[i].word] & vtd_pe_flags[i].bit)
			te->flags |= vtd_pe_flags[i].flag;
	if (!(pe[0] & VTD_PE0_P))
		return VTD_SPT_2;
	te->pgtt = (u8)FIELD_GET(VTD_PE0_PGTT, pe[0]);
	if (vtd_pe_reserved(caps, pe, te->pgtt))
		return VTD_SPT_3;
	te->did = (u16)FIELD_GET(VTD_PE1_DID, pe[1]);
	te->pat = (u32)FIELD_GET(VTD_PE1_PAT, pe[1]);
	if (vtd_pgtt_has_ss(te->pgtt)) {
		te->ss_levels = (u8)(FIELD_GET(VTD_PE0_AW, pe[0]) + 2);
		te->ss_root = pe[0] & VTD_PE0_SSPTPTR;
	}
	if (vtd_pgtt_has_fs(te->pgtt)) {
		te->fs_levels = (u8)(FIELD_GET(VTD_PE2_FSPM, pe[2]) + 4);
		te->fs_root = pe[2] & VTD_PE2_FSPTPTR;
	} else {
		te->flags &= (u16)~VTD_TE_WPE;
	}
	return vtd_te_legal(caps, te) ? 0 : VTD_SPT_4;
}

int vtd_pe_encode(const struct vtd_caps *caps, const struct vtd_te *te, u64 pe[VTD_PE_WORDS])
{
	struct vtd_te check;
	u16 flags = te->flags;
	unsigned int i;

	memset(pe, 0, VTD_PE_WORDS * sizeof(pe[0]));
	pe[0] = VTD_PE0_P | FIELD_PREP(VTD_PE0_PGTT, (u64)te->pgtt);
	pe[1] = FIELD_PREP(VTD_PE1_DID, (u64)te->did) | FIELD_PREP(VTD_PE1_PAT, (u64)te->pat);
	for (i = 0; i < ARRAY_SIZE(vtd_pe_flags); i++) {
		if (flags & vtd_pe_flags[i].flag)
			pe[vtd_pe_flags[i].word] |= vtd_pe_flags[i].bit;
		flags &= (u16)~vtd_pe_flags[i].flag;
	}
	if (flags || te->pgtt > FIELD_GET(VTD_PE0_PGTT, VTD_PE0_PGTT))
		return -EINVAL;
	if (vtd_pgtt_has_ss(te->pgtt)) {
		if (te->ss_root & ~VTD_PE0_SSPTPTR || te->ss_levels < 3 || te->ss_levels > 5)
			return -EINVAL;
		pe[0] |= te->ss_root | FIELD_PREP(VTD_PE0_AW, (u64)te->ss_levels - 2);
	}
	if (vtd_pgtt_has_fs(te->pgtt)) {
		if (te->fs_root & ~VTD_PE2_FSPTPTR || te->fs_levels < 4 || te->fs_levels > 5)
			return -EINVAL;
		pe[2] |= te->fs_root | FIELD_PREP(VTD_PE2_FSPM, (u64)te->fs_levels - 4);
		/* Ignored without a second stage, but QEMU takes the first stage's width from it. */
		if (!vtd_pgtt_has_ss(te->pgtt))
			pe[0] |= FIELD_PREP(VTD_PE0_AW, (u64)te->fs_levels - 2);
	}
	return vtd_pe_decode(caps, pe, &check) ? -EINVAL : 0;
}

void vtd_pe_used(const u64 pe[VTD_PE_WORDS], u64 used[VTD_PE_WORDS])
{
	u8 pgtt = (u8)FIELD_GET(VTD_PE0_PGTT, pe[0]);
	unsigned int i;

	memset(used, 0, VTD_PE_WORDS * sizeof(used[0]));
	used[0] = VTD_PE0_P | VTD_PE0_FPD;
	if (!(pe[0] & VTD_PE0_P))
		return;
	/* Reserved bits count as used: an entry with one of them set means "fault". */
	used[0] |= VTD_PE0_PGTT | VTD_PE0_SSADE | VTD_PE0_RSVD;
	used[1] = ~0ULL;
	used[2] = VTD_PE2_SRE | VTD_PE2_ERE | VTD_PE2_EAFE | VTD_PE2_RSVD;
	for (i = 3; i < VTD_PE_WORDS; i++)
		used[i] = ~0ULL;
	if (vtd_pgtt_has_ss(pgtt))
		used[0] |= VTD_PE0_AW | VTD_PE0_SSPTPTR;
	if (vtd_pgtt_has_fs(pgtt))
		used[2] |= VTD_PE2_FSPM | VTD_PE2_WPE | VTD_PE2_FSPTPTR;
}

/* ---- Context entries ------------------------------------------------------------------------ */

/* Host permission table and PASID on translated requests are not offered. */
#define VTD_CE0_RSVD (VTD_CE0_HPTE | VTD_CE0_EPTR | GENMASK_ULL(8, 7))
#define VTD_CE1_RSVD GENMASK_ULL(63, 21)

u8 vtd_ce_decode(const struct vtd_caps *caps, const u64 ce[VTD_CTX_WORDS], struct vtd_ctx *ctx)
{
	u64 rsvd0 = VTD_CE0_RSVD | caps->haw_rsvd, rsvd1 = VTD_CE1_RSVD;

	memset(ctx, 0, sizeof(*ctx));
	if (ce[0] & VTD_CE0_FPD)
		ctx->flags |= VTD_TE_FPD;
	if (!(ce[0] & VTD_CE0_P))
		return VTD_SCT_2;
	if (!caps->dt)
		rsvd0 |= VTD_CE0_DTE;
	if (!caps->pasid_bits)
		rsvd0 |= VTD_CE0_PASIDE;
	if (!caps->prs)
		rsvd0 |= VTD_CE0_PRE;
	if (!caps->rps)
		rsvd1 |= VTD_CE1_RID_PASID;
	if (!caps->rprivs)
		rsvd1 |= VTD_CE1_RID_PRIV;
	if (ce[0] & rsvd0 || ce[1] & rsvd1 || ce[2] || ce[3])
		return VTD_SCT_3;
	ctx->dir = ce[0] & VTD_CE0_PASIDDIRPTR;
	ctx->pdts = (u8)FIELD_GET(VTD_CE0_PDTS, ce[0]);
	ctx->rid_pasid = (u32)FIELD_GET(VTD_CE1_RID_PASID, ce[1]);
	ctx->rid_priv = ce[1] & VTD_CE1_RID_PRIV;
	if (ce[0] & VTD_CE0_DTE)
		ctx->flags |= VTD_TE_DT;
	if (ce[0] & VTD_CE0_PASIDE)
		ctx->flags |= VTD_TE_PASID;
	if (ce[0] & VTD_CE0_PRE)
		ctx->flags |= VTD_TE_PR;
	if ((ctx->flags & (VTD_TE_DT | VTD_TE_PR)) == VTD_TE_PR ||
	    ctx->rid_pasid >> (ctx->pdts + VTD_PDTS_PASID_LG2))
		return VTD_SCT_4;
	return 0;
}

int vtd_ce_encode(const struct vtd_caps *caps, const struct vtd_ctx *ctx, u64 ce[VTD_CTX_WORDS])
{
	struct vtd_ctx check;

	if (ctx->dir & ~VTD_CE0_PASIDDIRPTR || ctx->pdts > VTD_PDTS_MAX ||
	    ctx->flags & ~(VTD_TE_FPD | VTD_TE_DT | VTD_TE_PASID | VTD_TE_PR) ||
	    ctx->rid_pasid > VTD_CE1_RID_PASID)
		return -EINVAL;
	ce[0] = VTD_CE0_P | ctx->dir | FIELD_PREP(VTD_CE0_PDTS, (u64)ctx->pdts);
	if (ctx->flags & VTD_TE_FPD)
		ce[0] |= VTD_CE0_FPD;
	if (ctx->flags & VTD_TE_DT)
		ce[0] |= VTD_CE0_DTE;
	if (ctx->flags & VTD_TE_PASID)
		ce[0] |= VTD_CE0_PASIDE;
	if (ctx->flags & VTD_TE_PR)
		ce[0] |= VTD_CE0_PRE;
	ce[1] = ctx->rid_pasid | (ctx->rid_priv ? VTD_CE1_RID_PRIV : 0);
	ce[2] = 0;
	ce[3] = 0;
	return vtd_ce_decode(caps, ce, &check) ? -EINVAL : 0;
}

/* A legacy entry: code 3 is an invalid field value, code 11 a reserved bit. */
u8 vtd_lce_decode(const struct vtd_caps *caps, const u64 ce[VTD_LCTX_WORDS], struct vtd_te *te)
{
	u64 tt = FIELD_GET(VTD_LCE0_TT, ce[0]), aw = FIELD_GET(VTD_LCE1_AW, ce[1]);
	u64 did = FIELD_GET(VTD_LCE1_DID, ce[1]), rsvd0 = GENMASK_ULL(11, 4);
	u64 rsvd1 = ~(VTD_LCE1_AW | VTD_LCE1_AVAIL | VTD_LCE1_DID);

	memset(te, 0, sizeof(*te));
	te->flags = VTD_TE_LEGACY;
	if (ce[0] & VTD_LCE0_FPD)
		te->flags |= VTD_TE_FPD;
	if (!(ce[0] & VTD_LCE0_P))
		return VTD_L_CTX_NOT_PRESENT;
	if (tt != VTD_LTT_PASS)
		rsvd0 |= caps->haw_rsvd;
	if (ce[0] & rsvd0 || ce[1] & rsvd1 || did >> caps->did_bits || (caps->cm && !did))
		return VTD_L_CTX_RSVD;
	if (tt > VTD_LTT_PASS || (tt == VTD_LTT_DEV_TLB && !caps->dt) ||
	    (tt == VTD_LTT_PASS && !caps->pt))
		return VTD_L_CTX_INVALID;
	te->did = (u16)did;
	te->pgtt = tt == VTD_LTT_PASS ? VTD_PGTT_PASS : VTD_PGTT_SS;
	if (tt == VTD_LTT_DEV_TLB)
		te->flags |= VTD_TE_DT;
	if (te->pgtt == VTD_PGTT_PASS)
		return 0;
	if (aw < 1 || aw > 3 || !(caps->sagaw & BIT(aw)))
		return VTD_L_CTX_INVALID;
	te->ss_levels = (u8)(aw + 2);
	te->ss_root = ce[0] & VTD_LCE0_SSPTPTR;
	te->gpa_lg2 = vtd_gpa_lg2(caps, te->ss_levels);
	return 0;
}

int vtd_lce_encode(const struct vtd_caps *caps, const struct vtd_te *te, u64 ce[VTD_LCTX_WORDS])
{
	struct vtd_te check;
	u64 tt, aw = 0;

	if (te->flags & ~(VTD_TE_LEGACY | VTD_TE_FPD | VTD_TE_DT))
		return -EINVAL;
	ce[0] = VTD_LCE0_P | (te->flags & VTD_TE_FPD ? VTD_LCE0_FPD : 0);
	if (te->pgtt == VTD_PGTT_PASS && !(te->flags & VTD_TE_DT)) {
		tt = VTD_LTT_PASS;
		/* Pass-through wants the widest width there is. */
		aw = caps->sagaw >> 1 ? (u64)ilog2((u64)caps->sagaw) : 0;
	} else if (te->pgtt == VTD_PGTT_SS) {
		tt = te->flags & VTD_TE_DT ? VTD_LTT_DEV_TLB : VTD_LTT_UNTRANSLATED;
		if (te->ss_root & ~VTD_LCE0_SSPTPTR || te->ss_levels < 3 || te->ss_levels > 5)
			return -EINVAL;
		ce[0] |= te->ss_root;
		aw = te->ss_levels - 2u;
	} else {
		return -EINVAL;
	}
	ce[0] |= FIELD_PREP(VTD_LCE0_TT, tt);
	ce[1] = FIELD_PREP(VTD_LCE1_AW, aw) | FIELD_PREP(VTD_LCE1_DID, (u64)te->did);
	return vtd_lce_decode(caps, ce, &check) ? -EINVAL : 0;
}

/* ---- Bits in use ------------------------------------------------------------------------------ */

void vtd_ce_used(const u64 ce[VTD_CTX_WORDS], u64 used[VTD_CTX_WORDS])
{
	bool present = ce[0] & VTD_CE0_P;
	unsigned int i;

	used[0] = present ? ~0ULL : VTD_CE0_P | VTD_CE0_FPD;
	for (i = 1; i < VTD_CTX_WORDS; i++)
		used[i] = present ? ~0ULL : 0;
}

void vtd_lce_used(const u64 ce[VTD_LCTX_WORDS], u64 used[VTD_LCTX_WORDS])
{
	bool present = ce[0] & VTD_LCE0_P;

	used[0] = VTD_LCE0_P | VTD_LCE0_FPD;
	used[1] = present ? ~VTD_LCE1_AVAIL : 0;
	if (present)
		used[0] = ~0ULL;
	if (present && FIELD_GET(VTD_LCE0_TT, ce[0]) == VTD_LTT_PASS)
		used[0] &= ~VTD_LCE0_SSPTPTR;
}

u64 vtd_de_used(u64 de)
{
	return de & VTD_DE_P ? ~0ULL : VTD_DE_P | VTD_DE_FPD;
}

u64 vtd_re_used(u64 re)
{
	return re & VTD_RE_P ? ~0ULL : VTD_RE_P;
}
