// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* From request to entry: every reason before the page tables, its order, FPD, legacy mode. */
#include "tests/unit/formats/arena.h"
#include "tests/unit/formats/caps.h"

#define B(n)  (1ULL << (n))
#define RID   0x1a93 /* upper half of bus 0x1a, entry 0x13 */
#define PASID 0x12345 /* directory entry 0x48d, table entry 5 */

/* Tables for RID and PASID by hand; entry 0 serves requests without PASID. */
struct hand {
	struct arena *a;
	struct vtd_caps caps;
	u64 rtaddr;
	u64 *re; /* the half for RID */
	u64 *ce;
	u64 *de;
	u64 *pe;
	u64 *de0;
	u64 *pe0;
	struct vtd_req req;
	struct vtd_lookup res;
};

static void setup(struct hand *h)
{
	u64 root, ctx, dir, table, table0, *words;

	memset(h, 0, sizeof(*h));
	h->a = arena_new();
	h->caps = test_caps();
	words = arena_page(h->a, &root);
	h->re = &words[0x1a * 2 + 1];
	words = arena_page(h->a, &ctx);
	h->ce = &words[0x13 * 4];
	/* PDTS 7: 16384 entries, 32 pages. */
	words = arena_alloc(&h->a->ta, 5, &dir);
	ut_assert(words);
	h->de = &words[0x48d];
	h->de0 = &words[0];
	words = arena_page(h->a, &table);
	h->pe = &words[5 * 8];
	words = arena_page(h->a, &table0);
	h->pe0 = &words[0];
	*h->re = ctx | 1;
	h->ce[0] = dir | 7 << 9 | 0x1d; /* P, DTE, PASIDE, PRE */
	*h->de = table | 1;
	*h->de0 = table0 | 1;
	h->pe[0] = 0x101; /* pass-through */
	h->pe[1] = 0x5;
	h->pe0[0] = 0x101;
	h->pe0[1] = 0x6;
	h->rtaddr = root | 1 << 10;
	h->req = (struct vtd_req){ .rid = RID, .has_pasid = true, .pasid = PASID };
}

static void teardown(struct hand *h)
{
	arena_reset(h->a);
	arena_end(h->a);
}

static u8 look(struct hand *h)
{
	u8 rc = vtd_lookup(&h->a->mem, &h->caps, h->rtaddr, &h->req, &h->res, NULL);

	ut_assert_eq(rc, h->res.reason);
	return rc;
}

UT_CASE(good)
{
	struct hand h;

	setup(&h);
	ut_assert_eq(look(&h), 0);
	ut_assert_eq(h.res.te.did, 5);
	ut_assert_eq(h.res.pasid, PASID);
	ut_assert_eq(h.res.te.flags, VTD_TE_DT | VTD_TE_PASID | VTD_TE_PR);
	h.req.has_pasid = false;
	h.req.pasid = 77;
	h.req.priv = true; /* means nothing without PASID */
	ut_assert_eq(look(&h), 0);
	ut_assert_eq(h.res.te.did, 6);
	ut_assert(h.res.pasid == 0 && !h.res.priv);
	/* PASIDE does not matter for it. */
	h.ce[0] &= ~8ULL;
	ut_assert_eq(look(&h), 0);
	ut_assert(!(h.res.te.flags & VTD_TE_PASID));
	teardown(&h);
}

UT_CASE(rid_pasid)
{
	struct hand h;

	setup(&h);
	h.caps.rps = true;
	h.caps.rprivs = true;
	h.ce[1] = PASID | B(20);
	h.pe[2] = 1; /* SRE */
	h.req.has_pasid = false;
	ut_assert_eq(look(&h), 0);
	ut_assert(h.res.pasid == PASID && h.res.te.did == 5 && h.res.priv);
	h.pe[2] = 0;
	ut_assert_eq(look(&h), 0x5d);
	/* A request that names it is refused. */
	h.req.has_pasid = true;
	h.req.pasid = PASID;
	ut_assert_eq(look(&h), 0x48);
	h.req.pasid = 0;
	ut_assert_eq(look(&h), 0);
	ut_assert_eq(h.res.te.did, 6);
	/* Without RPS the number is 0. */
	h.caps.rps = false;
	h.caps.rprivs = false;
	h.ce[1] = 0;
	ut_assert_eq(look(&h), 0x48);
	teardown(&h);
}

UT_CASE(table_modes)
{
	struct hand h;

	setup(&h);
	h.rtaddr = (h.rtaddr & ~0xc00ULL) | 2 << 10;
	ut_assert_eq(look(&h), 0x30);
	h.rtaddr |= 3 << 10;
	ut_assert_eq(look(&h), 0x30);
	h.caps.adms = true;
	ut_assert_eq(look(&h), 0x33);
	ut_assert(h.res.report);
	h.rtaddr = (h.rtaddr & ~0xc00ULL) | 1 << 10;
	h.caps.smts = false;
	ut_assert_eq(look(&h), 0x30);
	h.rtaddr &= ~0xc00ULL;
	ut_assert_eq(look(&h), 0x31);
	h.req.has_pasid = false;
	h.req.type = VTD_REQ_PAGE;
	ut_assert_eq(look(&h), 0x32);
	teardown(&h);
}

UT_CASE(root_entry)
{
	struct hand h;
	unsigned int bit;
	u64 good;

	setup(&h);
	good = *h.re;
	for (bit = 0; bit < 64; bit++) {
		*h.re = good ^ B(bit);
		if (bit == 0)
			ut_assert_eq(look(&h), 0x39);
		else if (bit < 12 || bit >= TEST_HAW)
			ut_assert_eq(look(&h), 0x3a);
		else
			/* Another context table: none there, or memory that is not. */
			ut_assert(look(&h) == 0x40 || h.res.reason == 0x41 || h.res.reason == 0x42);
		ut_assert(h.res.stage == VTD_STAGE_ROOT || h.res.stage == VTD_STAGE_CONTEXT);
	}
	*h.re = good;
	h.rtaddr += 0x10000000;
	ut_assert_eq(look(&h), 0x38);
	ut_assert_eq(h.res.stage, VTD_STAGE_ROOT);
	h.rtaddr -= 0x10000000;
	h.rtaddr |= B(60);
	ut_assert_eq(look(&h), 0x38);
	teardown(&h);
}

UT_CASE(context_entry)
{
	struct hand h;
	u64 good;

	setup(&h);
	good = h.ce[0];
	*h.re += 0x10000000;
	ut_assert_eq(look(&h), 0x40);
	*h.re -= 0x10000000;
	h.ce[0] = good & ~1ULL;
	ut_assert_eq(look(&h), 0x41);
	h.ce[0] = good | B(8);
	ut_assert_eq(look(&h), 0x42);
	h.ce[0] = good;
	h.ce[3] = 1;
	ut_assert_eq(look(&h), 0x42);
	h.ce[3] = 0;
	h.ce[0] = good & ~4ULL; /* PRE without DTE */
	ut_assert_eq(look(&h), 0x43);
	h.ce[0] = good & ~0x14ULL;
	ut_assert_eq(look(&h), 0);
	h.req.type = VTD_REQ_TRANSLATION;
	ut_assert_eq(look(&h), 0x44);
	h.req.type = VTD_REQ_TRANSLATED;
	ut_assert_eq(look(&h), 0x44);
	h.req.type = VTD_REQ_PAGE;
	ut_assert_eq(look(&h), 0x47);
	h.ce[0] = good & ~0x10ULL;
	ut_assert_eq(look(&h), 0x47);
	h.ce[0] = good;
	ut_assert_eq(look(&h), 0);
	h.req.type = VTD_REQ_UNTRANSLATED;
	h.ce[0] = good & ~8ULL;
	ut_assert_eq(look(&h), 0x45);
	/* PDTS 3 covers PASIDs below 2^16, 4 below 2^17. */
	h.ce[0] = (good & ~0xe00ULL) | 3 << 9;
	ut_assert_eq(look(&h), 0x46);
	h.ce[0] = (good & ~0xe00ULL) | 4 << 9;
	ut_assert_eq(look(&h), 0);
	h.caps.rps = true;
	h.ce[1] = B(17);
	ut_assert_eq(look(&h), 0x43);
	h.ce[1] = 0;
	h.caps.pasid_bits = 16;
	ut_assert_eq(look(&h), 0x89);
	h.caps.pasid_bits = 17;
	ut_assert_eq(look(&h), 0);
	teardown(&h);
}

UT_CASE(directory_entry)
{
	struct hand h;
	unsigned int bit;
	u64 good;

	setup(&h);
	good = *h.de;
	for (bit = 0; bit < 64; bit++) {
		*h.de = good ^ B(bit);
		if (bit == 0)
			ut_assert_eq(look(&h), 0x51);
		else if (bit == 1)
			ut_assert_eq(look(&h), 0);
		else if (bit < 12 || bit >= TEST_HAW)
			ut_assert_eq(look(&h), 0x52);
		else
			ut_assert(look(&h) >= 0x58 && h.res.reason <= 0x5b);
	}
	*h.de = good;
	/* A directory that ends before the entry. */
	h.ce[0] += 0x10000000;
	ut_assert_eq(look(&h), 0x50);
	ut_assert_eq(h.res.stage, VTD_STAGE_PASID_DIR);
	teardown(&h);
}

UT_CASE(pasid_entry)
{
	struct hand h;

	setup(&h);
	*h.de += 0x10000000;
	ut_assert_eq(look(&h), 0x58);
	*h.de -= 0x10000000;
	h.pe[0] = 0x100;
	ut_assert_eq(look(&h), 0x59);
	h.pe[0] = 0x101;
	h.pe[7] = 1;
	ut_assert_eq(look(&h), 0x5a);
	h.pe[7] = 0;
	h.pe[0] = 0x141; /* PGTT 5 */
	ut_assert_eq(look(&h), 0x5b);
	ut_assert_eq(h.res.stage, VTD_STAGE_PASID);
	h.pe[0] = 0x101;
	h.req.priv = true;
	ut_assert_eq(look(&h), 0x5d);
	h.pe[2] = 1;
	ut_assert_eq(look(&h), 0);
	ut_assert(h.res.priv);
	teardown(&h);
}

/* Any FPD on the path silences what is qualified, and nothing else. */
UT_CASE(fault_processing_disable)
{
	struct hand h;
	unsigned int i;

	setup(&h);
	for (i = 0; i < 3; i++) {
		u64 *word = i == 0 ? h.ce : i == 1 ? h.de : h.pe;

		h.pe[0] = 0x100;
		*word |= 2;
		ut_assert_eq(look(&h), 0x59);
		ut_assert(!h.res.report);
		*word &= ~2ULL;
		ut_assert_eq(look(&h), 0x59);
		ut_assert(h.res.report);
		h.pe[0] = 0x101;
		*word |= 2;
		ut_assert_eq(look(&h), 0);
		ut_assert(h.res.te.flags & VTD_TE_FPD);
		*word &= ~2ULL;
	}
	/* Evaluated even in an entry that is not present. */
	h.ce[0] = 2;
	ut_assert_eq(look(&h), 0x41);
	ut_assert(!h.res.report);
	h.ce[0] = 0;
	ut_assert_eq(look(&h), 0x41);
	ut_assert(h.res.report);
	/* An access error below is not qualified. */
	h.ce[0] = 0x1f | 7 << 9 | 0x10000000;
	ut_assert_eq(look(&h), 0x50);
	ut_assert(h.res.report);
	teardown(&h);
}

UT_CASE(refusal_of_cached_entries)
{
	struct vtd_te te = { .flags = VTD_TE_DT | VTD_TE_PR };
	struct vtd_req req = { .rid = 1 };
	u8 type;

	for (type = 0; type <= VTD_REQ_PAGE; type++) {
		req.type = type;
		te.flags = VTD_TE_DT | VTD_TE_PR;
		ut_assert_eq(vtd_te_refuses(&te, &req), 0);
		te.flags = 0;
		ut_assert_eq(vtd_te_refuses(&te, &req), type == VTD_REQ_UNTRANSLATED ? 0 :
							type == VTD_REQ_PAGE	     ? 0x47 :
										       0x44);
		te.flags = VTD_TE_LEGACY;
		ut_assert_eq(vtd_te_refuses(&te, &req), type == VTD_REQ_UNTRANSLATED ? 0 :
							type == VTD_REQ_PAGE	     ? 0x32 :
										       13);
	}
}

/* ---- legacy mode ------------------------------------------------------------------------------- */

UT_CASE(legacy_mode)
{
	u64 root, ctx, *words, *re, *ce;
	struct hand h;

	setup(&h);
	arena_reset(h.a);
	words = arena_page(h.a, &root);
	re = &words[0x1a * 2];
	words = arena_page(h.a, &ctx);
	ce = &words[0x93 * 2];
	h.rtaddr = root;
	h.req.has_pasid = false;
	ut_assert_eq(look(&h), 1);
	re[0] = ctx | 1;
	ut_assert_eq(look(&h), 2);
	ce[0] = 0x12345005; /* P, TT 1 */
	ce[1] = 0x702; /* AW 2, DID 7 */
	ut_assert_eq(look(&h), 0);
	ut_assert_eq(h.res.te.ss_root, 0x12345000);
	ut_assert(h.res.te.pgtt == VTD_PGTT_SS && h.res.te.ss_levels == 4 && h.res.te.did == 7);
	ut_assert_eq(h.res.te.gpa_lg2, 48);
	ut_assert_eq(h.res.te.flags, VTD_TE_LEGACY | VTD_TE_DT);
	h.req.type = VTD_REQ_TRANSLATION;
	ut_assert_eq(look(&h), 0);
	ce[0] = 0x12345001; /* TT 0 */
	ut_assert_eq(look(&h), 13);
	h.req.type = VTD_REQ_UNTRANSLATED;
	ut_assert_eq(look(&h), 0);
	ce[0] = 0x9; /* pass-through */
	ut_assert_eq(look(&h), 0);
	ut_assert_eq(h.res.te.pgtt, VTD_PGTT_PASS);
	ce[0] = 0xd; /* TT 3 */
	ut_assert_eq(look(&h), 3);
	ce[0] = 0x11;
	ut_assert_eq(look(&h), 11);
	ut_assert(h.res.report);
	ce[0] = 0x13;
	ut_assert_eq(look(&h), 11);
	ut_assert(!h.res.report);
	re[0] = ctx + 0x10000000 + 1;
	ut_assert_eq(look(&h), 9);
	re[0] = ctx | 3;
	ut_assert_eq(look(&h), 10);
	re[0] = ctx | 1;
	re[1] = 1;
	ut_assert_eq(look(&h), 10);
	h.rtaddr += 0x10000000;
	ut_assert_eq(look(&h), 8);
	teardown(&h);
}

/* ---- trace --------------------------------------------------------------------------------------- */

struct log {
	struct vtd_trace trace;
	struct vtd_trace_rec rec[8];
	u64 word0[8];
	u32 nr;
};

static void log_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct log *log = container_of(trace, struct log, trace);

	ut_assert(log->nr < ARRAY_SIZE(log->rec));
	log->word0[log->nr] = rec->words[0];
	log->rec[log->nr++] = *rec;
}

UT_CASE(trace)
{
	struct log log = { .trace.entry = log_entry };
	struct hand h;

	setup(&h);
	ut_assert_eq(vtd_lookup(&h.a->mem, &h.caps, h.rtaddr, &h.req, &h.res, &log.trace), 0);
	ut_assert_eq(log.nr, 4);
	ut_assert(log.rec[0].stage == VTD_STAGE_ROOT && log.rec[0].nr_words == 2);
	ut_assert_eq(log.rec[0].pa, (h.rtaddr & ~0xfffULL) + 0x1a0);
	ut_assert(log.rec[1].stage == VTD_STAGE_CONTEXT && log.word0[1] == h.ce[0]);
	ut_assert_eq(log.rec[1].pa, (*h.re & ~0xfffULL) + 0x13 * 32);
	ut_assert(log.rec[2].stage == VTD_STAGE_PASID_DIR && log.word0[2] == *h.de);
	ut_assert(log.rec[3].stage == VTD_STAGE_PASID && log.rec[3].nr_words == 8);
	ut_assert_eq(log.rec[3].pa, (*h.de & ~0xfffULL) + 5 * 64);
	teardown(&h);
}

/* A guest that changes the entry under our hands makes us read again, but not for ever. */
struct moving {
	struct phys_mem mem;
	struct hand *h;
	u32 nr;
};

static void *moving_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct moving *m = container_of((struct phys_mem *)mem, struct moving, mem);

	m->nr++;
	return arena_at(&m->h->a->mem, pa, len);
}

UT_CASE(reads_each_entry_once)
{
	struct moving m;
	struct hand h;

	setup(&h);
	m.h = &h;
	m.nr = 0;
	phys_mem_init_callback(&m.mem, moving_at);
	ut_assert_eq(vtd_lookup(&m.mem, &h.caps, h.rtaddr, &h.req, &h.res, NULL), 0);
	ut_assert_eq(m.nr, 4);
	teardown(&h);
}

/* ---- the table of reasons ---------------------------------------------------------------------------- */

UT_CASE(reason_table)
{
	/* Codes that exist, and of those which are not qualified, from the specification's table. */
	static const u8 unqualified[] = { 1,	8,    9,    10,	  0x30, 0x31, 0x32, 0x33,
					  0x34, 0x38, 0x39, 0x3a, 0x40, 0x50, 0x58 };
	static const u8 completer_abort[] = { 7,    8,	  9,	10,   11,   12,	  0x30, 0x38,
					      0x3a, 0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a,
					      0x5b, 0x78, 0x7a, 0x7b, 0x7c, 0x7d, 0x87 };
	unsigned int code, i, nr = 0, n_unq = 0, n_ca = 0;

	for (code = 0; code < 256; code++) {
		const struct vtd_reason_info *info = vtd_reason_info((u8)code);
		bool unq = false, ca = false;

		if (!info)
			continue;
		nr++;
		ut_assert_eq(info->code, code);
		ut_assert(info->name && info->text && info->fault != XLAT_OK);
		for (i = 0; i < ARRAY_SIZE(unqualified); i++)
			unq |= unqualified[i] == code;
		for (i = 0; i < ARRAY_SIZE(completer_abort); i++)
			ca |= completer_abort[i] == code;
		ut_assert_eq(!info->qualified, unq);
		ut_assert_eq(info->completion == VTD_COMPL_CA, ca);
		n_unq += unq;
		n_ca += ca;
	}
	ut_assert_eq(n_unq, ARRAY_SIZE(unqualified));
	ut_assert_eq(n_ca, ARRAY_SIZE(completer_abort));
	/* 13 legacy ones and those of the table for scalable mode. */
	ut_assert_eq(nr, 13 + 5 + 3 + 10 + 3 + 7 + 10 + 6 + 9 + 6);
	ut_assert_eq(vtd_reason_info(0x71)->completion, VTD_COMPL_EMPTY);
	ut_assert_eq(vtd_reason_info(0x51)->completion, VTD_COMPL_EMPTY);
	ut_assert_eq(vtd_reason_info(0x85)->completion, VTD_COMPL_PERM);
	ut_assert_eq(vtd_reason_info(0x44)->completion, VTD_COMPL_UR);
	ut_assert_eq(vtd_reason_info(0x71)->fault, XLAT_FAULT_NOT_PRESENT);
	ut_assert(!vtd_reason_info(0) && !vtd_reason_info(0x35) && !vtd_reason_info(0xff));
}

UT_SUITE(formats_vtd_lookup, UT_ENTRY(good), UT_ENTRY(rid_pasid), UT_ENTRY(table_modes),
	 UT_ENTRY(root_entry), UT_ENTRY(context_entry), UT_ENTRY(directory_entry),
	 UT_ENTRY(pasid_entry), UT_ENTRY(fault_processing_disable),
	 UT_ENTRY(refusal_of_cached_entries), UT_ENTRY(legacy_mode), UT_ENTRY(trace),
	 UT_ENTRY(reads_each_entry_once), UT_ENTRY(reason_table));
