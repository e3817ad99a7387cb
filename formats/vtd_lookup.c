// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * From a request to its translation entry: root, context, PASID directory, PASID table.
 * Source: VT-d 5.10, 3.4 and Table 30 (order and codes of the checks).
 */
#include "formats/vtd.h"

/* How often an entry that changes while it is read is read again. */
#define VTD_LOOKUP_TRIES 8

/* Arguments of a lookup, handed on. */
struct vtd_lk {
	const struct phys_mem *mem;
	const struct vtd_caps *caps;
	const struct vtd_req *req;
	struct vtd_lookup *res;
	struct vtd_trace *trace;
};

static u8 vtd_lk_fail(const struct vtd_lk *lk, u8 stage, u8 reason)
{
	const struct vtd_reason_info *info = vtd_reason_info(reason);

	lk->res->reason = reason;
	lk->res->stage = stage;
	lk->res->report = !(info && info->qualified && lk->res->te.flags & VTD_TE_FPD);
	return reason;
}

/*
 * Copy @nr words at @pa out of memory. An entry of several words is read until two readings agree:
 * then they are one state of it, not parts of two. A guest that changes its entry all the time
 * gets what was read last, which is checked like any other. Return: false for an access error.
 */
static bool vtd_lk_read(const struct vtd_lk *lk, u8 stage, u64 pa, u64 *words, u8 nr)
{
	const u64 *p = phys_at(lk->mem, pa, nr * 8u);
	struct vtd_trace_rec rec = { .words = words, .pa = pa, .nr_words = nr, .stage = stage };
	unsigned int tries = VTD_LOOKUP_TRIES, i;
	u64 differ = nr > 1;

	if (!p)
		return false;
	for (i = 0; i < nr; i++)
		words[i] = READ_ONCE(p[i]);
	while (differ && tries--) {
		smp_rmb();
		for (i = 0, differ = 0; i < nr; i++) {
			u64 word = READ_ONCE(p[i]);

			differ |= word ^ words[i];
			words[i] = word;
		}
	}
	if (lk->trace)
		lk->trace->entry(lk->trace, &rec);
	return true;
}

/* The context entry's address, through the root table. */
static u8 vtd_lk_root(const struct vtd_lk *lk, u64 rtaddr, bool scalable, u64 *ctx)
{
	u64 root = rtaddr & VTD_RTADDR_RTA, re[VTD_ROOT_WORDS], half;
	u16 rid = lk->req->rid;
	bool bad;

	if (root & lk->caps->haw_rsvd ||
	    !vtd_lk_read(lk, VTD_STAGE_ROOT, root + (rid >> 8) * 16u, re, VTD_ROOT_WORDS))
		return vtd_lk_fail(lk, VTD_STAGE_ROOT, scalable ? VTD_SRT_1 : VTD_L_ROOT_ACCESS);
	/* Scalable mode has a pointer for each half of the bus, legacy mode one for all of it. */
	half = scalable && rid & 0x80 ? re[1] : re[0];
	if (!(half & VTD_RE_P))
		return vtd_lk_fail(lk, VTD_STAGE_ROOT,
				   scalable ? VTD_SRT_2 : VTD_L_ROOT_NOT_PRESENT);
	bad = half & ~(VTD_RE_CTP | VTD_RE_P) || half & lk->caps->haw_rsvd;
	if (bad || (!scalable && re[1]))
		return vtd_lk_fail(lk, VTD_STAGE_ROOT, scalable ? VTD_SRT_3 : VTD_L_ROOT_RSVD);
	*ctx = half & VTD_RE_CTP;
	*ctx += scalable ? (rid & 0x7f) * 32u : (rid & 0xff) * 16u;
	return 0;
}

static u8 vtd_lk_legacy(const struct vtd_lk *lk, u64 rtaddr)
{
	u64 pa = 0, ce[VTD_LCTX_WORDS];
	u8 rc;

	if (lk->req->has_pasid)
		return vtd_lk_fail(lk, VTD_STAGE_ROOT, VTD_RTA_2);
	if (lk->req->type == VTD_REQ_PAGE)
		return vtd_lk_fail(lk, VTD_STAGE_ROOT, VTD_RTA_3);
	rc = vtd_lk_root(lk, rtaddr, false, &pa);
	if (rc)
		return rc;
	if (!vtd_lk_read(lk, VTD_STAGE_CONTEXT, pa, ce, VTD_LCTX_WORDS))
		return vtd_lk_fail(lk, VTD_STAGE_CONTEXT, VTD_L_CTX_ACCESS);
	rc = vtd_lce_decode(lk->caps, ce, &lk->res->te);
	if (!rc)
		rc = vtd_te_refuses(&lk->res->te, lk->req);
	return rc ? vtd_lk_fail(lk, VTD_STAGE_CONTEXT, rc) : 0;
}

/* The checks of a request against a valid context entry, in the order of their codes. */
static u8 vtd_lk_check_ctx(const struct vtd_lk *lk, const struct vtd_ctx *ctx)
{
	const struct vtd_req *req = lk->req;

	if (!(ctx->flags & VTD_TE_DT) &&
	    (req->type == VTD_REQ_TRANSLATION || req->type == VTD_REQ_TRANSLATED))
		return VTD_SCT_5;
	if (req->has_pasid && !(ctx->flags & VTD_TE_PASID))
		return VTD_SCT_6;
	if (lk->res->pasid >> (ctx->pdts + VTD_PDTS_PASID_LG2))
		return VTD_SCT_7;
	if (req->type == VTD_REQ_PAGE && !(ctx->flags & VTD_TE_PR))
		return VTD_SCT_8;
	if (req->has_pasid && req->pasid == ctx->rid_pasid)
		return VTD_SCT_9;
	return 0;
}

/* The context entry and the way to the PASID directory entry in @pa. */
static u8 vtd_lk_context(const struct vtd_lk *lk, u64 *pa, struct vtd_ctx *ctx)
{
	struct vtd_lookup *res = lk->res;
	u64 ce[VTD_CTX_WORDS];
	u8 rc;

	if (!vtd_lk_read(lk, VTD_STAGE_CONTEXT, *pa, ce, VTD_CTX_WORDS))
		return vtd_lk_fail(lk, VTD_STAGE_CONTEXT, VTD_SCT_1);
	rc = vtd_ce_decode(lk->caps, ce, ctx);
	res->te.flags |= ctx->flags & VTD_TE_FPD;
	if (rc)
		return vtd_lk_fail(lk, VTD_STAGE_CONTEXT, rc);
	if (!lk->req->has_pasid) {
		res->pasid = ctx->rid_pasid;
		res->priv = ctx->rid_priv;
	}
	rc = vtd_lk_check_ctx(lk, ctx);
	if (rc)
		return vtd_lk_fail(lk, VTD_STAGE_CONTEXT, rc);
	*pa = ctx->dir + (res->pasid >> VTD_PE_TABLE_LG2) * 8ULL;
	return 0;
}

/* The PASID directory entry and the way to the PASID table entry in @pa. */
static u8 vtd_lk_dir(const struct vtd_lk *lk, u64 *pa)
{
	u32 i = lk->res->pasid & ((1u << VTD_PE_TABLE_LG2) - 1);
	u64 de;

	if (!vtd_lk_read(lk, VTD_STAGE_PASID_DIR, *pa, &de, 1))
		return vtd_lk_fail(lk, VTD_STAGE_PASID_DIR, VTD_SPD_1);
	if (de & VTD_DE_FPD)
		lk->res->te.flags |= VTD_TE_FPD;
	if (!(de & VTD_DE_P))
		return vtd_lk_fail(lk, VTD_STAGE_PASID_DIR, VTD_SPD_2);
	if (de & ~(VTD_DE_P | VTD_DE_FPD | VTD_DE_SMPTBLPTR) || de & lk->caps->haw_rsvd)
		return vtd_lk_fail(lk, VTD_STAGE_PASID_DIR, VTD_SPD_3);
	*pa = (de & VTD_DE_SMPTBLPTR) + i * 64ULL;
	return 0;
}

static u8 vtd_lk_scalable(const struct vtd_lk *lk, u64 rtaddr)
{
	struct vtd_lookup *res = lk->res;
	u64 pa = 0, pe[VTD_PE_WORDS];
	struct vtd_ctx ctx;
	u16 flags;
	u8 rc;

	if (lk->req->has_pasid && lk->req->pasid >> lk->caps->pasid_bits)
		return vtd_lk_fail(lk, VTD_STAGE_ROOT, VTD_SGN_10);
	rc = vtd_lk_root(lk, rtaddr, true, &pa);
	if (rc)
		return rc;
	rc = vtd_lk_context(lk, &pa, &ctx);
	if (rc)
		return rc;
	rc = vtd_lk_dir(lk, &pa);
	if (rc)
		return rc;
	if (!vtd_lk_read(lk, VTD_STAGE_PASID, pa, pe, VTD_PE_WORDS))
		return vtd_lk_fail(lk, VTD_STAGE_PASID, VTD_SPT_1);
	flags = res->te.flags;
	rc = vtd_pe_decode(lk->caps, pe, &res->te);
	res->te.flags |= flags | ctx.flags;
	if (!rc && res->priv && !(res->te.flags & VTD_TE_SRE))
		rc = VTD_SPT_6;
	return rc ? vtd_lk_fail(lk, VTD_STAGE_PASID, rc) : 0;
}

u8 vtd_lookup(const struct phys_mem *mem, const struct vtd_caps *caps, u64 rtaddr,
	      const struct vtd_req *req, struct vtd_lookup *res, struct vtd_trace *trace)
{
	struct vtd_lk lk = { mem, caps, req, res, trace };

	memset(res, 0, sizeof(*res));
	if (req->has_pasid) {
		res->pasid = req->pasid;
		res->priv = req->priv;
	}
	switch (FIELD_GET(VTD_RTADDR_TTM, rtaddr)) {
	case VTD_TTM_LEGACY:
		return vtd_lk_legacy(&lk, rtaddr);
	case VTD_TTM_SCALABLE:
		if (!caps->smts)
			break;
		return vtd_lk_scalable(&lk, rtaddr);
	case VTD_TTM_ABORT:
		if (!caps->adms)
			break;
		return vtd_lk_fail(&lk, VTD_STAGE_ROOT, VTD_RTA_4);
	default:
		break;
	}
	return vtd_lk_fail(&lk, VTD_STAGE_ROOT, VTD_RTA_1);
}
