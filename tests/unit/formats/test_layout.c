// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Bit-exact layouts. The images are written as numbers from the specification's bit positions, not
 * with the project's own names for them.
 */
#include "tests/unit/ut.h"
#include "tests/unit/formats/caps.h"

#define B(n) (1ULL << (n))

static void assert_words(const u64 *have, const u64 *want, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ut_assert_eq(have[i], want[i]);
}

/* ---- capabilities ------------------------------------------------------------------------ */

/* The register values a stock guest driver was seen to accept. */
UT_CASE(caps_from_registers)
{
	struct vtd_caps c;

	vtd_caps_decode(&c, 0x81d2008c226f0406ULL, 0x3ed98a4000fc7ULL, 46);
	ut_assert_eq(c.haw, 46);
	ut_assert_eq(c.mgaw, 48);
	ut_assert_eq(c.sagaw, 4); /* 48 bits only */
	ut_assert_eq(c.did_bits, 16);
	ut_assert(!c.cm && c.zlr);
	ut_assert(c.ss_2m && c.ss_1g && c.fs_1g && !c.fs5lp);
	ut_assert(c.coherent && c.dt && c.pt && c.sc);
	ut_assert(c.prs && !c.ers && c.srs && c.nest && !c.mts && !c.eafs);
	ut_assert_eq(c.pasid_bits, 20);
	ut_assert(c.smts && c.ssads && c.ssts && c.fsts && c.smpwcs && c.rps);
	ut_assert(!c.rprivs && !c.adms);
}

UT_CASE(caps_each_bit)
{
	struct vtd_caps c;

	vtd_caps_decode(&c, B(7) | B(60) | B(56) | B(35) | (6ULL << 8) | (38ULL << 16) | 2, 0, 39);
	ut_assert(c.cm && c.fs5lp && c.fs_1g && c.ss_1g && !c.ss_2m && !c.zlr);
	ut_assert_eq(c.sagaw, 6);
	ut_assert_eq(c.mgaw, 39);
	ut_assert_eq(c.did_bits, 8);
	ut_assert_eq(c.pasid_bits, 0);
	vtd_caps_decode(&c, 0, B(25) | B(26) | B(30) | B(31) | B(34) | B(45) | B(52) | B(53), 39);
	ut_assert(c.mts && c.nest && c.ers && c.srs && c.eafs && c.ssads && c.adms && c.rprivs);
	ut_assert(!c.smts && !c.fsts && !c.ssts && !c.rps && !c.prs && !c.coherent);
	/* PSS means nothing without the PASID bit. */
	vtd_caps_decode(&c, 0, B(35) | B(38), 39);
	ut_assert_eq(c.pasid_bits, 0);
	vtd_caps_decode(&c, 0, B(40) | B(35) | B(38), 39);
	ut_assert_eq(c.pasid_bits, 10);
	/* Widths no unit can have do not get through. */
	vtd_caps_decode(&c, 63ULL << 16, B(40) | (31ULL << 35), 99);
	ut_assert(c.haw <= 52 && c.mgaw <= 57 && c.pasid_bits <= 20);
	c.haw = 53;
	ut_assert_eq(vtd_caps_prepare(&c), -EINVAL);
	c.haw = 46;
	c.mgaw = 58;
	ut_assert_eq(vtd_caps_prepare(&c), -EINVAL);
}

/* ---- PASID table entries ------------------------------------------------------------------- */

static const struct vtd_te te_fs = {
	.fs_root = 0x123456789000ULL,
	.did = 0xabc,
	.pgtt = VTD_PGTT_FS,
	.fs_levels = 5,
	.flags = VTD_TE_PWSNP | VTD_TE_SRE | VTD_TE_WPE | VTD_TE_EAFE,
};

static const struct vtd_te te_ss = {
	.ss_root = 0x3ffffffff000ULL,
	.did = 1,
	.pgtt = VTD_PGTT_SS,
	.ss_levels = 3,
	.flags = VTD_TE_PWSNP | VTD_TE_PGSNP | VTD_TE_SSADE | VTD_TE_FPD,
};

static const struct vtd_te te_nested = {
	.fs_root = 0xf000012345000ULL,
	.ss_root = 0x1000,
	.did = 2,
	.pgtt = VTD_PGTT_NESTED,
	.fs_levels = 4,
	.ss_levels = 5,
	.flags = VTD_TE_PWSNP,
};

static const struct vtd_te te_pass = { .did = 0xfff, .pgtt = VTD_PGTT_PASS };

UT_CASE(pasid_entry_images)
{
	struct vtd_caps caps = test_caps();
	/* P, AW 3 (for QEMU), PGTT 1; DID, PWSNP; SRE, FSPM 1 (5 levels), WPE, EAFE, root. */
	static const u64 fs[8] = { 0x4d, 0x800abc, 0x123456789095ULL };
	/* P, FPD, AW 1, PGTT 2, SSADE, root; DID, PWSNP, PGSNP. */
	static const u64 ss[8] = { 0x3ffffffff287ULL, 0x1800001 };
	/* P, AW 3, PGTT 3, root; DID, PWSNP; root (guest-physical, wider than the host's). */
	static const u64 nested[8] = { 0x10cd, 0x800002, 0xf000012345000ULL };
	static const u64 pass[8] = { 0x101, 0xfff };
	u64 pe[8];

	ut_assert_eq(vtd_pe_encode(&caps, &te_fs, pe), 0);
	assert_words(pe, fs, 8);
	ut_assert_eq(vtd_pe_encode(&caps, &te_ss, pe), 0);
	assert_words(pe, ss, 8);
	ut_assert_eq(vtd_pe_encode(&caps, &te_nested, pe), 0);
	assert_words(pe, nested, 8);
	ut_assert_eq(vtd_pe_encode(&caps, &te_pass, pe), 0);
	assert_words(pe, pass, 8);

	/* Memory types, on a unit that has them. */
	caps.mts = true;
	caps.ers = true;
	{
		struct vtd_te te = te_pass;
		static const u64 want[8] = { 0x101, 0x0706050406000fffULL, 2 };

		te.pat = 0x07060504;
		te.flags = VTD_TE_CD | VTD_TE_EMTE | VTD_TE_ERE;
		ut_assert_eq(vtd_pe_encode(&caps, &te, pe), 0);
		assert_words(pe, want, 8);
	}
}

static void assert_te(const struct vtd_te *a, const struct vtd_te *b)
{
	ut_assert_eq(a->fs_root, b->fs_root);
	ut_assert_eq(a->ss_root, b->ss_root);
	ut_assert_eq(a->pat, b->pat);
	ut_assert_eq(a->did, b->did);
	ut_assert_eq(a->flags, b->flags);
	ut_assert_eq(a->pgtt, b->pgtt);
	ut_assert_eq(a->fs_levels, b->fs_levels);
	ut_assert_eq(a->ss_levels, b->ss_levels);
}

UT_CASE(pasid_entry_round_trip)
{
	static const struct vtd_te *const all[] = { &te_fs, &te_ss, &te_nested, &te_pass };
	static const u8 gpa_lg2[] = { 0, 39, TEST_MGAW, 0 };
	struct vtd_caps caps = test_caps();
	struct vtd_te te;
	unsigned int i;
	u64 pe[8];

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		ut_assert_eq(vtd_pe_encode(&caps, all[i], pe), 0);
		ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
		assert_te(&te, all[i]);
		ut_assert_eq(te.gpa_lg2, gpa_lg2[i]);
	}
}

/*
 * Every one of the 512 bits flipped in a valid entry: what must come out, from the field table of
 * the specification. 'r' reserved, 'i' illegal value, '.' fine, 'p' not present.
 */
static u8 pe_expect(u8 pgtt, unsigned int bit)
{
	bool fs = pgtt == 1 || pgtt == 3, ss = pgtt == 2 || pgtt == 3;

	switch (bit) {
	case 0:
		return 'p';
	case 1: /* FPD */
	case 9: /* SSADE */
	case 87:
	case 88: /* PWSNP, PGSNP */
	case 128: /* SRE */
	case 132 ... 135: /* WPE, NXE, SMEP, EAFE */
	case 64 ... 75: /* DID, 12 bits wide here */
		return '.';
	case 2 ... 4: /* AW: 1 to 3 are good, and used only with a second stage */
		return ss ? 'A' : '.';
	case 6 ... 8:
		return 'G';
	case 12 ... 45: /* SSPTPTR within 46 bits */
		return '.';
	case 46 ... 63:
		return ss ? 'r' : '.';
	case 130:
	case 131:
		return fs ? 'M' : '.';
	case 140 ... 173:
		return '.';
	case 174 ... 191: /* FSPTPTR from bit 46 on; nested: from bit MGAW on, and another code */
		return pgtt == 1 ? 'r' : pgtt == 3 && bit >= 128 + TEST_MGAW ? 'i' : '.';
	default:
		return 'r';
	}
}

/* The three fields whose result depends on their value. */
static u8 pe_expect_value(u8 what, const u64 *pe)
{
	u64 aw = (pe[0] >> 2) & 7, pgtt = (pe[0] >> 6) & 7, fspm = (pe[2] >> 2) & 3;

	switch (what) {
	case 'A':
		if (aw < 1 || aw > 3)
			return 'i';
		/* The first-stage root must fit. */
		return pgtt == 3 && pe[2] >> min_t(u64, TEST_MGAW, 30 + 9 * aw) ? 'i' : '.';
	case 'M':
		return fspm <= 1 ? '.' : 'i';
	case 'G':
		if (pgtt < 1 || pgtt > 4)
			return 'i';
		if ((pgtt == 2 || pgtt == 3) && (aw < 1 || aw > 3))
			return 'i';
		return '.';
	default:
		return what;
	}
}

UT_CASE(pasid_entry_every_bit)
{
	static const struct vtd_te *const all[] = { &te_fs, &te_ss, &te_nested, &te_pass };
	struct vtd_caps caps = test_caps();
	struct vtd_te te;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (bit = 0; bit < 512; bit++) {
			u64 pe[8];
			u8 want;

			ut_assert_eq(vtd_pe_encode(&caps, all[i], pe), 0);
			pe[bit / 64] ^= B(bit % 64);
			want = pe_expect_value(pe_expect(all[i]->pgtt, bit), pe);
			/* A new type may find the other type's root field too wide or reserved. */
			if (bit >= 6 && bit <= 8 && want == '.')
				continue;
			ut_assert_eq(vtd_pe_decode(&caps, pe, &te), want == 'p' ? 0x59 :
								    want == 'r' ? 0x5a :
								    want == 'i' ? 0x5b :
										  0);
			ut_assert_eq(!!(te.flags & VTD_TE_FPD), (pe[0] >> 1) & 1);
		}
	}
}

/* A field whose capability is absent is reserved, a type whose capability is absent is illegal. */
UT_CASE(pasid_entry_needs_capabilities)
{
	static const struct {
		u16 cap;
		u16 bit;
		u8 pgtt;
		u8 reason;
	} rows[] = {
		{ offsetof(struct vtd_caps, ssads), 9, 2, 0x5a },
		{ offsetof(struct vtd_caps, smpwcs), 87, 2, 0x5a },
		{ offsetof(struct vtd_caps, sc), 88, 2, 0x5a },
		{ offsetof(struct vtd_caps, srs), 128, 4, 0x5a },
		{ offsetof(struct vtd_caps, eafs), 135, 1, 0x5a },
		{ offsetof(struct vtd_caps, mts), 89, 4, 0x5a },
		{ offsetof(struct vtd_caps, mts), 90, 4, 0x5a },
		{ offsetof(struct vtd_caps, mts), 96, 4, 0x5a },
		{ offsetof(struct vtd_caps, ers), 129, 4, 0x5a },
		{ offsetof(struct vtd_caps, fsts), 0, 1, 0x5b },
		{ offsetof(struct vtd_caps, ssts), 0, 2, 0x5b },
		{ offsetof(struct vtd_caps, nest), 0, 3, 0x5b },
		{ offsetof(struct vtd_caps, pt), 0, 4, 0x5b },
		{ offsetof(struct vtd_caps, fs5lp), 130, 1, 0x5b },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vtd_caps caps = test_caps();
		bool *cap = (bool *)&caps + rows[i].cap;
		u64 pe[8] = { 1 | (u64)rows[i].pgtt << 6 | 2ULL << 2, 1 };
		struct vtd_te te;

		pe[rows[i].bit / 64] |= B(rows[i].bit % 64);
		*cap = true;
		ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
		*cap = false;
		ut_assert_eq(vtd_pe_decode(&caps, pe, &te), rows[i].reason);
	}
}

UT_CASE(pasid_entry_domain_ids)
{
	struct vtd_caps caps = test_caps();
	u64 pe[8] = { 0x101, 0 };
	struct vtd_te te;

	ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
	caps.cm = true;
	ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0x5a);
	pe[1] = 1;
	ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
	caps.did_bits = 16;
	pe[1] = 0xffff;
	ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
	caps.did_bits = 4;
	pe[1] = 0x10;
	ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0x5a);
}

UT_CASE(pasid_entry_refused)
{
	struct vtd_caps caps = test_caps();
	struct vtd_te te;
	u64 pe[8];

	te = te_fs;
	te.fs_root |= 0x10;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_fs;
	te.fs_root = B(46);
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_fs;
	te.fs_levels = 3;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_ss;
	te.ss_levels = 2;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te.ss_levels = 6;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_ss;
	te.did = 0x1000;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_nested;
	te.fs_root = B(TEST_MGAW);
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_pass;
	te.pgtt = 5;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te.pgtt = 12; /* would be 4 if it were cut to three bits */
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te = te_pass;
	te.flags = VTD_TE_DT;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
	te.flags = VTD_TE_CD;
	ut_assert_eq(vtd_pe_encode(&caps, &te, pe), -EINVAL);
}

/* Flipping an unused bit changes nothing; of the used ones, each change is a change of meaning. */
UT_CASE(pasid_entry_used_bits)
{
	static const struct vtd_te *const all[] = { &te_fs, &te_ss, &te_nested, &te_pass };
	struct vtd_caps caps = test_caps();
	unsigned int i, bit, unused;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (bit = 0, unused = 0; bit < 512; bit++) {
			struct vtd_te te;
			u64 pe[8], used[8];

			ut_assert_eq(vtd_pe_encode(&caps, all[i], pe), 0);
			vtd_pe_used(pe, used);
			if (used[bit / 64] & B(bit % 64))
				continue;
			unused++;
			pe[bit / 64] ^= B(bit % 64);
			ut_assert_eq(vtd_pe_decode(&caps, pe, &te), 0);
			assert_te(&te, all[i]);
		}
		/* Else the test above is empty: NXE and SMEP at least, and roots not in use. */
		ut_assert(unused >= 2);
		ut_assert(all[i]->pgtt == 3 || unused >= 50);
	}
	{
		u64 pe[8] = { ~1ULL, ~0ULL, ~0ULL }, used[8];
		static const u64 want[8] = { 3 };

		vtd_pe_used(pe, used);
		assert_words(used, want, 8);
	}
}

/* ---- context, directory and root entries ------------------------------------------------------ */

UT_CASE(context_entry_image)
{
	struct vtd_caps caps = test_caps();
	struct vtd_ctx ctx = { .dir = 0x2abcdef12000ULL,
			       .pdts = 5,
			       .flags = VTD_TE_FPD | VTD_TE_DT | VTD_TE_PASID | VTD_TE_PR };
	static const u64 want[4] = { 0x2abcdef12a1fULL };
	struct vtd_ctx got;
	u64 ce[4];

	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), 0);
	assert_words(ce, want, 4);
	ut_assert_eq(vtd_ce_decode(&caps, ce, &got), 0);
	ut_assert(got.dir == ctx.dir && got.pdts == 5 && got.flags == ctx.flags);
	/* With RPS and RPRIVS. */
	caps.rps = true;
	caps.rprivs = true;
	ctx = (struct vtd_ctx){ .dir = 0x1000, .pdts = 7, .rid_pasid = 0xfedcb, .rid_priv = true };
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), 0);
	ut_assert_eq(ce[0], 0x1e01);
	ut_assert_eq(ce[1], 0x1fedcb);
	ut_assert_eq(vtd_ce_decode(&caps, ce, &got), 0);
	ut_assert(got.rid_pasid == 0xfedcb && got.rid_priv && !got.flags);
}

UT_CASE(context_entry_every_bit)
{
	struct vtd_caps caps = test_caps();
	unsigned int bit;

	for (bit = 0; bit < 256; bit++) {
		/* P, DTE, PASIDE, PRE, PDTS 2 */
		u64 ce[4] = { 0x541d };
		struct vtd_ctx ctx;
		u8 want = 0x42;

		ce[bit / 64] ^= B(bit % 64);
		if (bit == 0)
			want = 0x41;
		else if (bit == 2) /* PRE without DTE */
			want = 0x43;
		else if (bit == 1 || bit == 3 || bit == 4 || (bit >= 9 && bit < TEST_HAW))
			want = 0;
		ut_assert_eq(vtd_ce_decode(&caps, ce, &ctx), want);
		ut_assert_eq(ctx.flags & VTD_TE_FPD, (ce[0] >> 1) & 1);
	}
	caps.rps = true;
	caps.rprivs = true;
	for (bit = 64; bit < 128; bit++) {
		u64 ce[4] = { 0x1401, 0 };
		struct vtd_ctx ctx;

		ce[1] ^= B(bit - 64);
		/* RID_PASID must be below 2^(PDTS + 13). */
		ut_assert_eq(vtd_ce_decode(&caps, ce, &ctx), bit < 64 + 15 ? 0 :
							     bit < 64 + 20 ? 0x43 :
							     bit == 84	   ? 0 :
									     0x42);
	}
}

UT_CASE(context_entry_needs_capabilities)
{
	static const struct {
		u16 cap;
		u64 ce0;
	} rows[] = {
		{ offsetof(struct vtd_caps, dt), 0x1005 },
		{ offsetof(struct vtd_caps, pasid_bits), 0x1009 },
		{ offsetof(struct vtd_caps, prs), 0x1015 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vtd_caps caps = test_caps();
		u64 ce[4] = { rows[i].ce0 };
		struct vtd_ctx ctx;

		ut_assert_eq(vtd_ce_decode(&caps, ce, &ctx), 0);
		((u8 *)&caps)[rows[i].cap] = 0;
		ut_assert_eq(vtd_ce_decode(&caps, ce, &ctx), 0x42);
	}
}

UT_CASE(context_entry_refused)
{
	struct vtd_caps caps = test_caps();
	struct vtd_ctx ctx = { .dir = 0x1000 };
	u64 ce[4];

	ctx.flags = VTD_TE_PR;
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.flags = VTD_TE_SRE;
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.flags = 0;
	ctx.pdts = 8;
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.pdts = 0;
	ctx.dir = 0x1080;
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.dir = B(TEST_HAW);
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.dir = 0x1000;
	ctx.rid_pasid = 1; /* no RPS */
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
	ctx.rid_pasid = 1u << 20;
	ut_assert_eq(vtd_ce_encode(&caps, &ctx, ce), -EINVAL);
}

UT_CASE(legacy_context_entry)
{
	struct vtd_caps caps = test_caps();
	struct vtd_te te = { .ss_root = 0x12345000,
			     .did = 0x321,
			     .pgtt = VTD_PGTT_SS,
			     .ss_levels = 4,
			     .flags = VTD_TE_DT },
		      got;
	u64 ce[2], bit;

	ut_assert_eq(vtd_lce_encode(&caps, &te, ce), 0);
	ut_assert_eq(ce[0], 0x12345005); /* P, TT 1 */
	ut_assert_eq(ce[1], 0x32102); /* AW 2, DID from bit 8 (72) */
	for (bit = 0; bit < 128; bit++) {
		u8 want = 0xb;

		ut_assert_eq(vtd_lce_encode(&caps, &te, ce), 0);
		ce[bit / 64] ^= B(bit % 64);
		if (bit == 0)
			want = 2;
		else if (bit == 3) /* TT 3 */
			want = 3;
		else if (bit == 66) /* AW 6 */
			want = 3;
		else if (bit == 65) /* AW 0 */
			want = 3;
		else if (bit <= 2 || (bit >= 12 && bit < TEST_HAW) || bit == 64 ||
			 (bit >= 67 && bit <= 70) || (bit >= 72 && bit < 72 + 12))
			want = 0;
		ut_assert_eq(vtd_lce_decode(&caps, ce, &got), want);
		ut_assert(got.flags & VTD_TE_LEGACY);
		ut_assert_eq(!!(got.flags & VTD_TE_FPD), bit == 1);
	}
	te = (struct vtd_te){ .did = 7, .pgtt = VTD_PGTT_PASS };
	ut_assert_eq(vtd_lce_encode(&caps, &te, ce), 0);
	ut_assert_eq(ce[0], 9);
	ut_assert_eq(ce[1], 0x703);
	ut_assert_eq(vtd_lce_decode(&caps, ce, &got), 0);
	ut_assert(got.pgtt == VTD_PGTT_PASS && !(got.flags & VTD_TE_DT));
	caps.pt = false;
	ut_assert_eq(vtd_lce_decode(&caps, ce, &got), 3);
	ut_assert_eq(vtd_lce_encode(&caps, &te, ce), -EINVAL);
	te.flags = VTD_TE_DT;
	ut_assert_eq(vtd_lce_encode(&caps, &te, ce), -EINVAL);
	te = (struct vtd_te){ .pgtt = VTD_PGTT_FS, .fs_levels = 4 };
	ut_assert_eq(vtd_lce_encode(&caps, &te, ce), -EINVAL);
}

UT_CASE(used_bits_of_the_others)
{
	u64 ce[4] = { 0x1001, 2, 3, 4 }, used[4];

	vtd_ce_used(ce, used);
	ut_assert(used[0] == ~0ULL && used[1] == ~0ULL && used[2] == ~0ULL && used[3] == ~0ULL);
	ce[0] = 0x1000;
	vtd_ce_used(ce, used);
	ut_assert(used[0] == 3 && !used[1] && !used[2] && !used[3]);
	ce[0] = 0x1001;
	vtd_lce_used(ce, used);
	ut_assert(used[0] == ~0ULL && used[1] == ~0x78ULL);
	ce[0] = 0x1009;
	vtd_lce_used(ce, used);
	ut_assert(used[0] == 0xfff);
	ce[0] = 0;
	vtd_lce_used(ce, used);
	ut_assert(used[0] == 3 && !used[1]);
	ut_assert_eq(vtd_de_used(0x1001), ~0ULL);
	ut_assert_eq(vtd_de_used(0x1000), 3);
	ut_assert_eq(vtd_re_used(0x1001), ~0ULL);
	ut_assert_eq(vtd_re_used(0x1000), 1);
}

/* ---- page table entries: reserved bits by level ------------------------------------------------- */

UT_CASE(first_stage_reserved_bits)
{
	struct vtd_caps caps = test_caps();
	u64 wide = B(52) - B(TEST_HAW);

	ut_assert_eq(caps.fs_rsvd_table[0], wide);
	ut_assert_eq(caps.fs_rsvd_table[1], wide);
	ut_assert_eq(caps.fs_rsvd_table[2], wide);
	ut_assert_eq(caps.fs_rsvd_table[3], wide | B(7));
	ut_assert_eq(caps.fs_rsvd_table[4], wide | B(7));
	ut_assert_eq(caps.fs_rsvd_leaf[0], wide);
	ut_assert_eq(caps.fs_rsvd_leaf[1], wide | (B(21) - B(13)));
	ut_assert_eq(caps.fs_rsvd_leaf[2], wide | (B(30) - B(13)));
	ut_assert(caps.fs_rsvd_leaf[3] & B(7));
	ut_assert(caps.fs_rsvd_leaf[4] & B(7));
	caps.fs_1g = false;
	ut_assert_eq(vtd_caps_prepare(&caps), 0);
	ut_assert(caps.fs_rsvd_leaf[2] & B(7));
	ut_assert(!(caps.fs_rsvd_leaf[1] & B(7)));
}

UT_CASE(second_stage_reserved_bits)
{
	struct vtd_caps caps = test_caps();
	u64 wide = (B(52) - B(TEST_HAW)) | B(62);

	ut_assert_eq(caps.ss_rsvd_table[1], wide | B(11));
	ut_assert_eq(caps.ss_rsvd_table[2], wide | B(11));
	ut_assert_eq(caps.ss_rsvd_table[3], wide | B(11) | B(7));
	ut_assert_eq(caps.ss_rsvd_table[4], wide | B(11) | B(7));
	ut_assert_eq(caps.ss_rsvd_leaf[0], wide);
	ut_assert_eq(caps.ss_rsvd_leaf[1], wide | (B(21) - B(12)));
	ut_assert_eq(caps.ss_rsvd_leaf[2], wide | (B(30) - B(12)));
	caps.sc = false;
	caps.ss_2m = false;
	ut_assert_eq(vtd_caps_prepare(&caps), 0);
	ut_assert_eq(caps.ss_rsvd_leaf[0], wide | B(11));
	ut_assert(caps.ss_rsvd_leaf[1] & B(7));
	ut_assert(!(caps.ss_rsvd_leaf[2] & B(7)));
}

/* ---- queues and records: the macros against numbers ---------------------------------------------- */

UT_CASE(queue_and_record_fields)
{
	ut_assert_eq(VTD_QI0_TYPE_LO | VTD_QI0_TYPE_HI, 0xe0f);
	ut_assert_eq(VTD_QI0_G, 0x30);
	ut_assert_eq(VTD_QI0_DID, 0xffff0000);
	ut_assert_eq(VTD_QI0_PASID, 0x000fffff00000000ULL);
	ut_assert_eq(VTD_QI_CONTEXT0_SID, 0x0000ffff00000000ULL);
	ut_assert_eq(VTD_QI_CONTEXT0_FM, 0x0003000000000000ULL);
	ut_assert_eq(VTD_QI_IOTLB0_DW | VTD_QI_IOTLB0_DR, 0xc0);
	ut_assert_eq(VTD_QI_IOTLB1_AM, 0x3f);
	ut_assert_eq(VTD_QI_IOTLB1_IH, 0x40);
	ut_assert_eq(VTD_QI_DEV0_PFSID_LO | VTD_QI_DEV0_PFSID_HI, 0xfff000000000f000ULL);
	ut_assert_eq(VTD_QI_PASID_DEV_TLB0_SID, 0xffff0000);
	ut_assert_eq(VTD_QI_DEV_TLB0_SID, 0x0000ffff00000000ULL);
	ut_assert_eq(VTD_QI_PASID_DEV_TLB1_S, B(75 - 64));
	ut_assert_eq(VTD_QI_WAIT0_IF | VTD_QI_WAIT0_SW | VTD_QI_WAIT0_FN | VTD_QI_WAIT0_PD, 0xf0);
	ut_assert_eq(VTD_QI_WAIT1_ADDR, ~3ULL);
	ut_assert_eq(VTD_QI_PGRSP0_CODE, 0xf000);
	ut_assert_eq(VTD_QI_PGRSP1_PRGI, 0xff8);
	ut_assert_eq(VTD_PR0_RID, 0xffff0000);
	ut_assert_eq(VTD_PR0_EXR | VTD_PR0_PMR, B(52) | B(53));
	ut_assert_eq(VTD_PR1_RDR | VTD_PR1_WRR | VTD_PR1_LPIG, 7);
	ut_assert_eq(VTD_PR1_PRGI, 0xff8);
	ut_assert_eq(VTD_FR1_T2, B(92 - 64));
	ut_assert_eq(VTD_FR1_PRIV | VTD_FR1_EXE | VTD_FR1_PP, B(29) | B(30) | B(31));
	ut_assert_eq(VTD_FR1_REASON, 0xffULL << 32);
	ut_assert_eq(VTD_FR1_PASID, 0xfffffULL << 40);
	ut_assert_eq(VTD_FR1_AT, 3ULL << 60);
	ut_assert_eq(VTD_FR1_T1 | VTD_FR1_F, 3ULL << 62);
}

UT_SUITE(formats_layout, UT_ENTRY(caps_from_registers), UT_ENTRY(caps_each_bit),
	 UT_ENTRY(pasid_entry_images), UT_ENTRY(pasid_entry_round_trip),
	 UT_ENTRY(pasid_entry_every_bit), UT_ENTRY(pasid_entry_needs_capabilities),
	 UT_ENTRY(pasid_entry_domain_ids), UT_ENTRY(pasid_entry_refused),
	 UT_ENTRY(pasid_entry_used_bits), UT_ENTRY(context_entry_image),
	 UT_ENTRY(context_entry_every_bit), UT_ENTRY(context_entry_needs_capabilities),
	 UT_ENTRY(context_entry_refused), UT_ENTRY(legacy_context_entry),
	 UT_ENTRY(used_bits_of_the_others), UT_ENTRY(first_stage_reserved_bits),
	 UT_ENTRY(second_stage_reserved_bits), UT_ENTRY(queue_and_record_fields));
