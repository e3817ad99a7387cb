// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Page table builders against a naive model (an array of pages), a naive reader of the tables
 * written from the specification's bit positions, and the walker.
 */
#include "formats/pgtable.h"
#include "tests/unit/formats/arena.h"
#include "tests/unit/formats/caps.h"

#define B(n)	 (1ULL << (n))
#define PAGES_4K B(12)
#define PAGES_2M (B(12) | B(21))
#define PAGES_1G (B(12) | B(21) | B(30))
#define RW	 (IOPT_READ | IOPT_WRITE)

/* What every test runs over. */
struct variant {
	enum iopt_fmt fmt;
	u8 levels;
	u64 sizes;
};

static const struct variant variants[] = {
	{ IOPT_FMT_VTD_FS, 4, PAGES_1G }, { IOPT_FMT_VTD_FS, 5, PAGES_2M },
	{ IOPT_FMT_VTD_FS, 4, PAGES_4K }, { IOPT_FMT_VTD_SS, 3, PAGES_1G },
	{ IOPT_FMT_VTD_SS, 4, PAGES_2M }, { IOPT_FMT_VTD_SS, 5, PAGES_1G },
	{ IOPT_FMT_VTD_SS, 4, PAGES_4K },
};

#define FOR_EACH_VARIANT(v) for (v = variants; v < variants + ARRAY_SIZE(variants); v++)

static void make(struct arena *a, struct iopt *pt, const struct variant *v)
{
	struct iopt_cfg cfg = { .env = &a->env,
				.fmt = v->fmt,
				.levels = v->levels,
				.oa_lg2 = 46,
				.page_sizes = v->sizes,
				.leaf_snoop = true };

	ut_assert_eq(iopt_init(pt, &cfg), 0);
}

static u64 ia_last(const struct variant *v)
{
	return B(12 + 9 * v->levels - (v->fmt == IOPT_FMT_VTD_FS ? 1 : 0)) - 1;
}

/* ---- naive reader -------------------------------------------------------------------------- */

struct found {
	bool present;
	u8 lg2;
	u64 pa;
	u64 leaf;
	u32 prot;
};

static bool same(const struct found *a, const struct found *b)
{
	if (!a->present || !b->present)
		return a->present == b->present;
	return a->pa == b->pa && a->prot == b->prot;
}

/* Where a byte goes, by the tables alone. */
static struct found lookup(const struct arena *a, const struct iopt *pt, u64 va)
{
	bool fs = pt->fmt == IOPT_FMT_VTD_FS;
	u64 table = pt->root_pa;
	struct found f = { 0 };
	int level;

	for (level = pt->top; level >= 0; level--) {
		unsigned int shift = 12 + 9 * level;
		const u64 *words = phys_at(&a->mem, table, 4096);
		u64 e;

		ut_assert(words);
		e = words[(va >> shift) & 511];
		if (!(e & (fs ? 1 : 3)))
			return f;
		if (level > 0 && !(e & B(7))) {
			/* All permissions, no bit that hardware would have to set or refuse. */
			ut_assert_eq(e & ~0x000ffffffffff000ULL, fs ? 0x27 : 0x103);
			table = e & 0x000ffffffffff000ULL;
			continue;
		}
		f.present = true;
		f.leaf = e;
		f.lg2 = shift;
		f.pa = (e & 0x000ffffffffff000ULL & ~(B(shift) - 1)) | (va & (B(shift) - 1));
		if (fs)
			f.prot = IOPT_READ | (e & 2 ? IOPT_WRITE : 0);
		else
			f.prot = (e & 1 ? IOPT_READ : 0) | (e & 2 ? IOPT_WRITE : 0) |
				 (e & B(11) ? IOPT_SNOOP : 0);
		return f;
	}
	return f;
}

/* Number of tables, none of which but the root may be empty. */
static u64 count_tables(const struct arena *a, const struct iopt *pt, u64 table, int level)
{
	const u64 *words = phys_at(&a->mem, table, 4096);
	u64 nr = 1, present = 0, i;

	ut_assert(words);
	for (i = 0; i < 512; i++) {
		u64 e = words[i];

		if (!(e & (pt->fmt == IOPT_FMT_VTD_FS ? 1 : 3)))
			continue;
		present++;
		if (level > 0 && !(e & B(7)))
			nr += count_tables(a, pt, e & 0x000ffffffffff000ULL, level - 1);
	}
	ut_assert(present || level == pt->top);
	return nr;
}

/* ---- the leaf, bit by bit -------------------------------------------------------------------- */

static u64 leaf_of(enum iopt_fmt fmt, bool track, u64 sizes, u64 pa, u64 len, u32 prot)
{
	struct arena *a = arena_new();
	struct iopt_cfg cfg = { .env = &a->env,
				.fmt = fmt,
				.levels = 4,
				.oa_lg2 = 46,
				.page_sizes = sizes,
				.leaf_snoop = true,
				.track = track };
	struct iopt pt;
	struct found f;

	ut_assert_eq(iopt_init(&pt, &cfg), 0);
	ut_assert_eq(iopt_map(&pt, 0x40000000, pa, len, prot), 0);
	f = lookup(a, &pt, 0x40000000);
	iopt_destroy(&pt);
	arena_end(a);
	return f.leaf;
}

UT_CASE(leaf_images)
{
	const enum iopt_fmt fs = IOPT_FMT_VTD_FS, ss = IOPT_FMT_VTD_SS;

	/* First stage: P, R/W, U/S, A, D (only if writable), PS. */
	ut_assert_eq(leaf_of(fs, false, PAGES_1G, 0x12345000, 4096, RW), 0x12345067);
	ut_assert_eq(leaf_of(fs, false, PAGES_1G, 0x12345000, 4096, IOPT_READ), 0x12345025);
	ut_assert_eq(leaf_of(fs, false, PAGES_1G, 0x12200000, B(21), RW), 0x122000e7);
	ut_assert_eq(leaf_of(fs, false, PAGES_1G, 0x3fffc0000000, B(30), RW), 0x3fffc00000e7);
	ut_assert_eq(leaf_of(fs, true, PAGES_1G, 0x12345000, 4096, RW), 0x12345007);
	ut_assert_eq(leaf_of(fs, false, PAGES_1G, 0x12345000, 4096, RW | IOPT_SNOOP), 0x12345067);
	/* Second stage: R, W, PS, A, D, SNP. */
	ut_assert_eq(leaf_of(ss, false, PAGES_1G, 0x12345000, 4096, RW), 0x12345303);
	ut_assert_eq(leaf_of(ss, false, PAGES_1G, 0x12345000, 4096, IOPT_READ), 0x12345101);
	ut_assert_eq(leaf_of(ss, false, PAGES_1G, 0x12345000, 4096, IOPT_WRITE), 0x12345302);
	ut_assert_eq(leaf_of(ss, false, PAGES_1G, 0x12345000, 4096, RW | IOPT_SNOOP), 0x12345b03);
	ut_assert_eq(leaf_of(ss, true, PAGES_1G, 0x12200000, B(21), RW), 0x12200083);
	ut_assert_eq(leaf_of(ss, false, PAGES_1G, 0x3fffc0000000, B(30), RW), 0x3fffc0000383);
}

/* ---- page sizes and edges --------------------------------------------------------------------- */

UT_CASE(largest_pages)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		struct table_gather g;
		struct iopt pt;

		make(a, &pt, v);
		table_gather_init(&g);
		/* One 4 KiB page, then 2 MiB pages up to 1 GiB, 1 GiB, then all down again. */
		ut_assert_eq(iopt_map(&pt, B(30) - B(21) - B(12), B(30) - B(21) - B(12),
				      B(30) + 2 * (B(21) + B(12)), RW),
			     0);
		ut_assert_eq(lookup(a, &pt, B(30) - B(21) - 1).lg2, 12);
		ut_assert_eq(lookup(a, &pt, B(30) - 1).lg2, v->sizes & B(21) ? 21 : 12);
		ut_assert_eq(lookup(a, &pt, B(30)).lg2, v->sizes & B(30) ? 30 :
							v->sizes & B(21) ? 21 :
									   12);
		ut_assert_eq(lookup(a, &pt, B(31)).lg2, v->sizes & B(21) ? 21 : 12);
		ut_assert_eq(lookup(a, &pt, B(31) + B(21) + 4095).lg2, 12);
		ut_assert(!lookup(a, &pt, B(31) + B(21) + 4096).present);
		ut_assert(!lookup(a, &pt, B(30) - B(21) - B(12) - 1).present);
		ut_assert_eq(count_tables(a, &pt, pt.root_pa, pt.top), pt.nr_tables);
		ut_assert_eq(iopt_unmap(&pt, B(30) - B(21) - B(12), B(31) + B(21) + 4095, &g),
			     B(30) + 2 * (B(21) + B(12)));
		ut_assert_eq(pt.nr_tables, 1);
		table_gather_free(&a->env, &g);
		ut_assert_eq(a->live, 1);
		iopt_destroy(&pt);
		arena_end(a);
	}
}

/* Alignment of the output counts, not only of the input. */
UT_CASE(misaligned_output_gets_small_pages)
{
	struct arena *a = arena_new();
	struct iopt pt;

	make(a, &pt, &variants[0]);
	ut_assert_eq(iopt_map(&pt, B(21), B(21) + B(12), B(21), RW), 0);
	ut_assert_eq(lookup(a, &pt, B(21)).lg2, 12);
	ut_assert_eq(iopt_map(&pt, B(30), B(30) + B(21), B(30), RW), 0);
	ut_assert_eq(lookup(a, &pt, B(30)).lg2, 21);
	ut_assert_eq(lookup(a, &pt, B(31) - 1).pa, B(31) + B(21) - 1);
	iopt_destroy(&pt);
	arena_end(a);
}

UT_CASE(last_byte_of_the_space)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		u64 last = ia_last(v);
		struct table_gather g;
		struct iopt_leaf leaf;
		struct iopt pt;

		make(a, &pt, v);
		table_gather_init(&g);
		ut_assert_eq(pt.ia_last, last);
		ut_assert_eq(iopt_map(&pt, last - 4095, 0x5000, 4096, RW), 0);
		ut_assert_eq(iopt_map(&pt, 0, 0x6000, 4096, RW), 0);
		ut_assert_eq(lookup(a, &pt, last).pa, 0x5fff);
		ut_assert(iopt_next(&pt, last, ~0ULL, &leaf) && leaf.pa == 0x5000);
		ut_assert(iopt_next(&pt, 0x1000, last, &leaf) && leaf.iova == last - 4095);
		ut_assert(!iopt_next(&pt, 0x1000, last - 4096, &leaf));
		ut_assert_eq(iopt_map(&pt, last - 4095, 0x5000, 8192, RW), -ERANGE);
		ut_assert_eq(iopt_map(&pt, last + 1, 0x5000, 4096, RW), -ERANGE);
		ut_assert_eq(iopt_unmap(&pt, 0, last + 4096, &g), -ERANGE);
		/* Everything at once. */
		ut_assert_eq(iopt_unmap(&pt, 0, last, &g), 8192);
		ut_assert(g.start == 0 && g.last == last);
		ut_assert_eq(pt.nr_tables, 1);
		table_gather_free(&a->env, &g);
		/* The very last large page. */
		if (v->sizes & B(30)) {
			ut_assert_eq(iopt_map(&pt, last - (B(30) - 1), 0, B(30), RW), 0);
			ut_assert_eq(lookup(a, &pt, last).lg2, 30);
			ut_assert_eq(iopt_unmap(&pt, last - (B(30) - 1), last, &g), B(30));
			table_gather_free(&a->env, &g);
		}
		iopt_destroy(&pt);
		arena_end(a);
	}
}

UT_CASE(narrow_input_width)
{
	struct arena *a = arena_new();
	struct iopt_cfg cfg = { .env = &a->env,
				.fmt = IOPT_FMT_VTD_SS,
				.levels = 4,
				.oa_lg2 = 40,
				.ia_lg2 = 39,
				.page_sizes = PAGES_4K };
	struct table_gather g;
	struct iopt pt;

	table_gather_init(&g);
	ut_assert_eq(iopt_init(&pt, &cfg), 0);
	ut_assert_eq(iopt_map(&pt, B(39) - 4096, B(40) - 4096, 4096, RW), 0);
	ut_assert_eq(iopt_map(&pt, B(39), 0, 4096, RW), -ERANGE);
	ut_assert_eq(iopt_map(&pt, 0, B(40), 4096, RW), -ERANGE);
	ut_assert_eq(iopt_map(&pt, 0, B(40) - 4096, 8192, RW), -ERANGE);
	ut_assert_eq(iopt_unmap(&pt, B(39), B(39) + 4095, &g), -ERANGE);
	iopt_destroy(&pt);
	arena_end(a);
}

/* ---- refusals change nothing -------------------------------------------------------------------- */

UT_CASE(bad_configurations)
{
	struct arena *a = arena_new();
	struct iopt_cfg good = { .env = &a->env,
				 .fmt = IOPT_FMT_VTD_SS,
				 .levels = 4,
				 .oa_lg2 = 46,
				 .page_sizes = PAGES_4K };
	struct iopt_cfg cfg;
	struct iopt pt;

	cfg = good;
	cfg.fmt = IOPT_FMT_NR;
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	for (cfg = good, cfg.levels = 0; cfg.levels < 8; cfg.levels++) {
		if (cfg.levels >= 3 && cfg.levels <= 5)
			continue;
		cfg.fmt = IOPT_FMT_VTD_SS;
		ut_assert_eq(iopt_init(&pt, &cfg), -EOPNOTSUPP);
		cfg.fmt = IOPT_FMT_VTD_FS;
		ut_assert_eq(iopt_init(&pt, &cfg), -EOPNOTSUPP);
	}
	cfg.levels = 3;
	ut_assert_eq(iopt_init(&pt, &cfg), -EOPNOTSUPP);
	cfg = good;
	cfg.page_sizes = B(21);
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	cfg = good;
	cfg.oa_lg2 = 53;
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	cfg.oa_lg2 = 11;
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	cfg = good;
	cfg.ia_lg2 = 49;
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	cfg.ia_lg2 = 11;
	ut_assert_eq(iopt_init(&pt, &cfg), -EINVAL);
	a->fail_in = 1;
	ut_assert_eq(iopt_init(&pt, &good), -ENOMEM);
	iopt_destroy(&pt);
	arena_end(a);
}

UT_CASE(bad_maps)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		struct iopt pt;
		u32 syncs;

		make(a, &pt, v);
		ut_assert_eq(iopt_map(&pt, 0x400000, 0x400000, 0x4000, RW), 0);
		syncs = a->sync_nr;
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, 0, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1001, 0x1000, 4096, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1800, 4096, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, 4097, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, 4096, 0), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, 4096, IOPT_SNOOP), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, 4096, RW | 8), -EINVAL);
		ut_assert_eq(iopt_map(&pt, ~0xfffULL, 0x1000, 8192, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, ~0xfffULL, 8192, RW), -EINVAL);
		ut_assert_eq(iopt_map(&pt, 0x1000, ~0xfffULL, 4096, RW), -ERANGE);
		ut_assert_eq(iopt_map(&pt, 0, 0, ~0xfffULL, RW), -ERANGE);
		/* Overlap at the first, a middle, the last page, inside, around. */
		ut_assert_eq(iopt_map(&pt, 0x400000, 0, 4096, RW), -EEXIST);
		ut_assert_eq(iopt_map(&pt, 0x3ff000, 0, 0x2000, RW), -EEXIST);
		ut_assert_eq(iopt_map(&pt, 0x403000, 0, 0x2000, RW), -EEXIST);
		ut_assert_eq(iopt_map(&pt, 0x401000, 0, 0x1000, RW), -EEXIST);
		ut_assert_eq(iopt_map(&pt, 0, 0, B(30), RW), -EEXIST);
		if (v->fmt == IOPT_FMT_VTD_FS)
			ut_assert_eq(iopt_map(&pt, 0, 0, 4096, IOPT_WRITE), -EOPNOTSUPP);
		pt.leaf_snoop = false;
		if (v->fmt == IOPT_FMT_VTD_SS)
			ut_assert_eq(iopt_map(&pt, 0, 0, 4096, RW | IOPT_SNOOP), -EOPNOTSUPP);
		ut_assert_eq(a->sync_nr, syncs);
		ut_assert_eq(a->live, pt.nr_tables);
		iopt_destroy(&pt);
		arena_end(a);
	}
}

UT_CASE(overlap_with_large_pages)
{
	struct arena *a = arena_new();
	struct table_gather g;
	struct iopt pt;
	u32 syncs;

	make(a, &pt, &variants[3]);
	table_gather_init(&g);
	ut_assert_eq(iopt_map(&pt, B(30), B(30), B(30), RW), 0);
	ut_assert_eq(iopt_map(&pt, 0, 0, B(21), RW), 0);
	syncs = a->sync_nr;
	ut_assert_eq(iopt_map(&pt, B(30) + 0x5000, 0, 4096, RW), -EEXIST);
	ut_assert_eq(iopt_map(&pt, B(30) + B(29), 0, B(21), RW), -EEXIST);
	ut_assert_eq(iopt_map(&pt, B(30), 0, B(30), RW), -EEXIST);
	ut_assert_eq(iopt_map(&pt, 0, 0, B(30), RW), -EEXIST);
	/* Large pages are not cut, from either side, and nothing else in the range goes either. */
	ut_assert_eq(iopt_unmap(&pt, 0x1000, B(21) - 1, &g), -EINVAL);
	ut_assert_eq(iopt_unmap(&pt, 0, B(21) - 4097, &g), -EINVAL);
	ut_assert_eq(iopt_unmap(&pt, 0, B(30) + B(29) - 1, &g), -EINVAL);
	ut_assert_eq(iopt_unmap(&pt, B(20), B(31) - 1, &g), -EINVAL);
	/* Malformed ranges. */
	ut_assert_eq(iopt_unmap(&pt, 1, B(21) - 1, &g), -EINVAL);
	ut_assert_eq(iopt_unmap(&pt, 0, B(21), &g), -EINVAL);
	ut_assert_eq(iopt_unmap(&pt, B(21), B(21) - 1, &g), -EINVAL);
	ut_assert_eq(a->sync_nr, syncs);
	ut_assert(!g.nr && !g.what && g.start > g.last);
	/* The neighbourhood may be part of the range. */
	ut_assert_eq(iopt_unmap(&pt, 0, B(31) - 1, &g), B(30) + B(21));
	table_gather_free(&a->env, &g);
	iopt_destroy(&pt);
	arena_end(a);
}

UT_CASE(extents)
{
	struct arena *a = arena_new();
	static const struct iopt_extent joined[] = {
		{ B(21), B(19) },	  { B(21) + B(19), B(19) }, { B(21) + B(20), B(20) },
		{ B(22) + B(21), B(21) }, /* a page of its own */
		{ 0x7000, 4096 },	  { 0x8000, 4096 },	    { 0x1000, 4096 },
	};
	struct iopt_extent bad[] = { { 0, 4096 }, { 0x5000, 4096 }, { 0x9000, 4096 } };
	struct iopt pt;
	u32 syncs;

	make(a, &pt, &variants[4]);
	ut_assert_eq(iopt_map_extents(&pt, B(30), joined, ARRAY_SIZE(joined), RW), 0);
	ut_assert_eq(lookup(a, &pt, B(30)).lg2, 21);
	ut_assert_eq(lookup(a, &pt, B(30)).pa, B(21));
	ut_assert_eq(lookup(a, &pt, B(30) + B(21)).lg2, 21);
	ut_assert_eq(lookup(a, &pt, B(30) + B(21)).pa, B(22) + B(21));
	ut_assert_eq(lookup(a, &pt, B(30) + B(22)).pa, 0x7000);
	ut_assert_eq(lookup(a, &pt, B(30) + B(22) + 0x1000).pa, 0x8000);
	ut_assert_eq(lookup(a, &pt, B(30) + B(22) + 0x2000).pa, 0x1000);
	ut_assert(!lookup(a, &pt, B(30) + B(22) + 0x3000).present);

	syncs = a->sync_nr;
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 0, RW), -EINVAL);
	bad[2].len = 0;
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 3, RW), -EINVAL);
	bad[2].len = 0x1800;
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 3, RW), -EINVAL);
	bad[2].len = 0x1000;
	bad[1].pa = 0x5001;
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 3, RW), -EINVAL);
	bad[1].pa = B(46);
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 3, RW), -ERANGE);
	bad[1].pa = B(46) - 0x1000;
	bad[1].len = 0x2000;
	ut_assert_eq(iopt_map_extents(&pt, 0, bad, 3, RW), -ERANGE);
	/* Sums that pass the end of the input, also by joining, also by wrapping. */
	bad[0] = (struct iopt_extent){ 0, 0x1000 };
	bad[1] = (struct iopt_extent){ 0x1000, 0x1000 };
	ut_assert_eq(iopt_map_extents(&pt, B(48) - 0x1000, bad, 2, RW), -ERANGE);
	bad[1].pa = 0x9000;
	ut_assert_eq(iopt_map_extents(&pt, B(48) - 0x1000, bad, 2, RW), -ERANGE);
	bad[1] = (struct iopt_extent){ 0x3000, ~0ULL << 12 };
	ut_assert_eq(iopt_map_extents(&pt, 0x1000, bad, 2, RW), -EINVAL);
	ut_assert_eq(a->sync_nr, syncs);
	ut_assert_eq(a->live, pt.nr_tables);
	iopt_destroy(&pt);
	arena_end(a);
}

/* ---- random sequences against the model ---------------------------------------------------------- */

#define WINDOW_PAGES 1400u

/* One page of the model; @call: which map call, 0: not mapped. */
struct model_page {
	u64 pa;
	u32 prot;
	u32 call;
};

struct model {
	struct arena *a;
	const struct variant *v;
	struct iopt pt;
	struct vtd_caps caps;
	struct vtd_te te;
	struct ut_rand rnd;
	u64 base;
	u32 call;
	struct model_page page[WINDOW_PAGES];
	struct model_page next[WINDOW_PAGES]; /* after the operation at hand */
};

static u32 model_prot_mask(const struct model *m)
{
	return m->v->fmt == IOPT_FMT_VTD_FS ? RW : RW | IOPT_SNOOP;
}

static struct found model_found(const struct model *m, const struct model_page *p)
{
	return (struct found){ .present = p->call,
			       .pa = p->pa,
			       .prot = p->prot & model_prot_mask(m) };
}

/* At each sync point every page is as before, as after, or not there. */
static void model_check_sync(void *arg, const u64 *word __maybe_unused)
{
	struct model *m = arg;
	u32 i;

	/* Each 7th page and the neighbours of what changes are enough, and keep it quick. */
	for (i = ut_below(&m->rnd, 7); i < WINDOW_PAGES; i += 7) {
		struct found now = lookup(m->a, &m->pt, m->base + (u64)i * 4096);
		struct found old = model_found(m, &m->page[i]);
		struct found new = model_found(m, &m->next[i]);

		ut_assert(!now.present || same(&now, &old) || same(&now, &new));
	}
}

/* The page size that the largest-page rule gives. */
static u8 model_lg2(const struct model *m, u32 i)
{
	u64 first = (m->base >> 12) + i, n = 512, k;
	u64 block = first & ~(n - 1);

	if (!(m->v->sizes & B(21)) || block < m->base >> 12 ||
	    block + n > (m->base >> 12) + WINDOW_PAGES)
		return 12;
	i = (u32)(block - (m->base >> 12));
	if (!m->page[i].call || m->page[i].pa & (B(21) - 1))
		return 12;
	for (k = 1; k < n; k++)
		if (m->page[i + k].call != m->page[i].call ||
		    m->page[i + k].pa != m->page[i].pa + k * 4096)
			return 12;
	return 21;
}

static void model_compare(struct model *m)
{
	struct iopt_leaf leaf;
	u64 va = m->base;
	u32 i;

	for (i = 0; i < WINDOW_PAGES; i++, va += 4096) {
		const struct model_page *p = &m->page[i];
		struct found f = lookup(m->a, &m->pt, va + 0x123);
		bool found = iopt_next(&m->pt, va, va, &leaf);
		struct vtd_xlat x;
		u8 rc = vtd_walk_peek(&m->a->mem, &m->caps, &m->te, va + 0x123,
				      p->prot & IOPT_READ ? XLAT_READ : XLAT_WRITE, &x, NULL);

		ut_assert_eq(f.present, p->call != 0);
		ut_assert_eq(found, p->call != 0);
		ut_assert_eq(rc == 0, p->call != 0);
		if (!p->call)
			continue;
		ut_assert_eq(f.pa, p->pa + 0x123);
		ut_assert_eq(f.prot, p->prot & model_prot_mask(m));
		ut_assert_eq(f.lg2, model_lg2(m, i));
		ut_assert(leaf.lg2 == f.lg2 && leaf.pa + (va - leaf.iova) == p->pa);
		ut_assert_eq(leaf.prot, f.prot);
		ut_assert(x.oa == f.pa && x.lg2 == f.lg2 && x.perm == (p->prot & RW));
		ut_assert_eq(!!(x.flags & VTD_XLAT_SNOOP), !!(f.prot & IOPT_SNOOP));
	}
	ut_assert_eq(count_tables(m->a, &m->pt, m->pt.root_pa, m->pt.top), m->pt.nr_tables);
	ut_assert_eq(m->a->live, m->pt.nr_tables);
}

/* Ranges like to begin and end at 2 MiB. */
static u32 model_pick(struct model *m)
{
	u32 i = ut_below(&m->rnd, WINDOW_PAGES), to_block;

	if (ut_below(&m->rnd, 3))
		return i;
	to_block = (u32)(512 - (((m->base >> 12) + i) & 511)) & 511;
	return i + to_block < WINDOW_PAGES ? i + to_block : i;
}

/* Make [@i, @end - 1] out of two pages. */
static void model_order(u32 *i, u32 *end)
{
	u32 low = min_t(u32, *i, *end), high = max_t(u32, *i, *end);

	*i = low;
	*end = high + 1;
}

static u32 model_prot(struct model *m)
{
	static const u32 prots[] = { RW, RW | IOPT_SNOOP, IOPT_READ, IOPT_WRITE };

	return prots[ut_below(&m->rnd, m->v->fmt == IOPT_FMT_VTD_FS ? 3 : 4)];
}

/* Extents that cover pages [@i, @end - 1], some scattered, some contiguous, some large. */
static u32 model_extents(struct model *m, u32 i, u32 end, struct iopt_extent *ext)
{
	u32 nr = 0, kind = ut_below(&m->rnd, 3), prot = model_prot(m);

	m->call++;
	while (i < end) {
		u32 n = kind == 0 ? 1 : 1 + ut_below(&m->rnd, end - i), k;
		u64 pa = (ut_rand(&m->rnd) & (B(46) - B(23))) | (((m->base >> 12) + i) & 511) << 12;

		if (kind == 1)
			pa = ut_rand(&m->rnd) & (B(45) - B(12));
		ext[nr++] = (struct iopt_extent){ pa, (u64)n * 4096 };
		for (k = 0; k < n; k++, i++)
			m->next[i] = (struct model_page){ pa + k * 4096ULL, prot, m->call };
	}
	return nr;
}

static void model_map(struct model *m, struct iopt_extent *ext)
{
	u32 i = model_pick(m), end = model_pick(m), nr, k, prot;
	bool taken = false;
	int rc;

	model_order(&i, &end);
	for (k = i; k < end; k++)
		taken |= m->page[k].call != 0;
	nr = model_extents(m, i, end, ext);
	prot = m->next[i].prot;
	rc = iopt_map_extents(&m->pt, m->base + (u64)i * 4096, ext, nr, prot);
	ut_assert_eq(rc, taken ? -EEXIST : 0);
	if (rc)
		memcpy(m->next, m->page, sizeof(m->page));
}

/* Does removing [@i, @end - 1] cut a large page? */
static bool model_cuts(struct model *m, u32 i, u32 end)
{
	u64 first = (m->base >> 12) + i, after = (m->base >> 12) + end;

	return (model_lg2(m, i) == 21 && first & 511) ||
	       (model_lg2(m, end - 1) == 21 && after & 511);
}

static void model_unmap(struct model *m)
{
	u32 i = model_pick(m), end = model_pick(m), k, before = m->a->live;
	struct table_gather g;
	bool cuts;
	u64 bytes = 0;
	s64 rc;

	model_order(&i, &end);
	for (k = i; k < end; k++) {
		bytes += m->page[k].call ? 4096 : 0;
		m->next[k].call = 0;
	}
	cuts = model_cuts(m, i, end);
	table_gather_init(&g);
	rc = iopt_unmap(&m->pt, m->base + (u64)i * 4096, m->base + (u64)end * 4096 - 1, &g);
	ut_assert_eq(rc, cuts ? -EINVAL : (s64)bytes);
	if (cuts)
		memcpy(m->next, m->page, sizeof(m->page));
	/* Nothing was freed before the flush, everything after it. */
	ut_assert_eq(m->a->live, before);
	ut_assert_eq(g.nr, before - m->pt.nr_tables);
	ut_assert_eq(!!(g.what & TABLE_GATHER_TABLES), g.nr > 0);
	ut_assert_eq(!!(g.what & TABLE_GATHER_LEAVES), rc > 0);
	if (rc > 0)
		ut_assert(g.start == m->base + (u64)i * 4096 &&
			  g.last == m->base + (u64)end * 4096 - 1);
	table_gather_free(&m->a->env, &g);
}

static void model_run(const struct variant *v, u64 base, u64 seed, u32 steps)
{
	struct iopt_extent *ext = kvcalloc(WINDOW_PAGES, sizeof(*ext), GFP_KERNEL);
	struct model *m = kvcalloc(1, sizeof(*m), GFP_KERNEL);
	struct table_gather g;
	u32 i;

	ut_assert(m && ext);
	m->a = arena_new();
	m->v = v;
	m->base = base;
	m->rnd.state = seed;
	m->caps = test_caps();
	make(m->a, &m->pt, v);
	m->te = (struct vtd_te){ .fs_root = m->pt.root_pa,
				 .ss_root = m->pt.root_pa,
				 .pgtt = v->fmt == IOPT_FMT_VTD_FS ? VTD_PGTT_FS : VTD_PGTT_SS,
				 .fs_levels = v->levels,
				 .ss_levels = v->levels,
				 .gpa_lg2 = 57,
				 .flags = VTD_TE_PWSNP };
	m->a->sync_fn = model_check_sync;
	m->a->sync_arg = m;
	for (i = 0; i < steps; i++) {
		if (ut_below(&m->rnd, 5) < 2)
			model_unmap(m);
		else
			model_map(m, ext);
		memcpy(m->page, m->next, sizeof(m->page));
		model_compare(m);
	}
	m->a->sync_fn = NULL;
	table_gather_init(&g);
	ut_assert(iopt_unmap(&m->pt, 0, m->pt.ia_last, &g) >= 0);
	table_gather_free(&m->a->env, &g);
	ut_assert_eq(m->a->live, 1);
	iopt_destroy(&m->pt);
	arena_end(m->a);
	kvfree(m);
	kvfree(ext);
}

/* Windows over boundaries of every level, and at both ends of the space. */
UT_CASE(random_against_model)
{
	const struct variant *v;
	u64 seed = 1;

	FOR_EACH_VARIANT(v)
	{
		u64 last = ia_last(v) - WINDOW_PAGES * 4096ULL + 1;

		model_run(v, 0, seed++, UT_STEPS(40));
		model_run(v, B(30) - 700 * 4096ULL, seed++, UT_STEPS(60));
		model_run(v, (last + 1) / 2 - 600 * 4096ULL, seed++, UT_STEPS(40));
		model_run(v, last, seed++, UT_STEPS(40));
	}
}

/* ---- allocation failure ---------------------------------------------------------------------------- */

UT_CASE(map_without_memory)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		u32 n, live, syncs;
		struct iopt pt;
		int rc;

		make(a, &pt, v);
		ut_assert_eq(iopt_map(&pt, 0, 0, 4096, RW), 0);
		for (n = 1;; n++) {
			live = a->live;
			syncs = a->sync_nr;
			a->fail_in = n;
			/* Over a 1 GiB boundary, by pages that cannot be large. */
			rc = iopt_map(&pt, B(30) - B(22), B(13) + B(12), B(23), RW);
			if (!a->fail_in)
				ut_assert_eq(rc, -ENOMEM);
			a->fail_in = 0;
			if (!rc)
				break;
			ut_assert_eq(a->live, live);
			ut_assert_eq(a->sync_nr, syncs);
			ut_assert_eq(pt.nr_tables, live);
			ut_assert(!lookup(a, &pt, B(30) - B(22)).present);
		}
		ut_assert(n >= 6);
		ut_assert_eq(lookup(a, &pt, B(30) + B(22) - 1).pa, B(23) + B(13) + B(12) - 1);
		iopt_destroy(&pt);
		arena_end(a);
	}
}

/* Removal works when there is no memory at all. */
UT_CASE(unmap_without_memory)
{
	struct arena *a = arena_new();
	struct table_gather g;
	struct iopt pt;

	make(a, &pt, &variants[0]);
	table_gather_init(&g);
	ut_assert_eq(iopt_map(&pt, 0x1000, 0x1000, B(23), RW), 0);
	a->fail_in = 1;
	ut_assert_eq(iopt_unmap(&pt, 0x1000, B(23) + 0xfff, &g), B(23));
	ut_assert_eq(a->fail_in, 1);
	a->fail_in = 0;
	table_gather_free(&a->env, &g);
	iopt_destroy(&pt);
	arena_end(a);
}

/* ---- the gather list ----------------------------------------------------------------------------------- */

/* Whoever still walks a gathered table finds what was there or nothing, never anything else. */
UT_CASE(gathered_tables_stay_readable)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		u64 mask = 0x000ffffffffff000ULL, e, i;
		struct table_gather g;
		struct iopt pt;
		static u64 old[512];
		u64 *words;
		int level;

		make(a, &pt, v);
		table_gather_init(&g);
		ut_assert_eq(iopt_map(&pt, 0, B(45) + B(12), B(21), RW), 0);
		ut_assert_eq(iopt_map(&pt, B(30), B(45) + B(12), B(21), RW), 0);
		/* The table of 4 KiB pages, as a stale pointer would name it. */
		for (e = pt.root_pa, level = pt.top; level > 0; level--)
			e = *(u64 *)phys_at(&a->mem, e & mask, 8);
		words = phys_at(&a->mem, e & mask, 4096);
		memcpy(old, words, sizeof(old));
		ut_assert_eq(iopt_unmap(&pt, 0, B(31) - 1, &g), B(22));
		ut_assert(g.nr >= 3);
		for (i = 0; i < 512; i++)
			ut_assert(words[i] == old[i] || !(words[i] & 3));
		table_gather_free(&a->env, &g);
		ut_assert(!g.nr && !g.what);
		iopt_destroy(&pt);
		arena_end(a);
	}
}

UT_CASE(one_list_for_many_tables)
{
	struct arena *a = arena_new();
	struct iopt one, two;
	struct table_gather g;

	make(a, &one, &variants[0]);
	make(a, &two, &variants[5]);
	table_gather_init(&g);
	ut_assert_eq(iopt_map(&one, 0x5000, 0x5000, 4096, RW), 0);
	ut_assert_eq(iopt_map(&two, 0x9000, 0x5000, 4096, RW), 0);
	ut_assert_eq(iopt_unmap(&one, 0x5000, 0x5fff, &g), 4096);
	ut_assert_eq(iopt_unmap(&two, 0x9000, 0x9fff, &g), 4096);
	ut_assert_eq(g.nr, 3 + 4);
	ut_assert(g.start == 0x5000 && g.last == 0x9fff);
	table_gather_free(&a->env, &g);
	ut_assert_eq(a->live, 2);
	iopt_destroy(&one);
	iopt_destroy(&two);
	arena_end(a);
}

/* ---- dirty bits -------------------------------------------------------------------------------------------- */

struct dirty_log {
	u32 nr;
	u64 iova[8];
	u64 len[8];
};

static void dirty_note(void *arg, u64 iova, u64 len)
{
	struct dirty_log *log = arg;

	ut_assert(log->nr < ARRAY_SIZE(log->iova));
	log->iova[log->nr] = iova;
	log->len[log->nr++] = len;
}

/* What hardware does on a write. */
static void make_dirty(const struct arena *a, const struct iopt *pt, u64 va)
{
	struct vtd_te te = { .fs_root = pt->root_pa,
			     .ss_root = pt->root_pa,
			     .fs_levels = 4,
			     .ss_levels = 4,
			     .gpa_lg2 = 48,
			     .pgtt = pt->fmt == IOPT_FMT_VTD_FS ? VTD_PGTT_FS : VTD_PGTT_SS,
			     .flags = VTD_TE_PWSNP | VTD_TE_SSADE };
	struct vtd_caps caps = test_caps();
	struct vtd_xlat x;

	ut_assert_eq(vtd_walk(&a->mem, &caps, &te, va, XLAT_WRITE, &x), 0);
}

UT_CASE(dirty_tracking)
{
	static const struct variant both[] = { { IOPT_FMT_VTD_FS, 4, PAGES_2M },
					       { IOPT_FMT_VTD_SS, 4, PAGES_2M } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(both); i++) {
		struct arena *a = arena_new();
		struct dirty_log log = { 0 };
		struct iopt_leaf leaf;
		struct iopt pt;

		make(a, &pt, &both[i]);
		ut_assert_eq(iopt_map(&pt, B(21), B(21), B(21) + B(13), RW), 0);
		ut_assert_eq(iopt_read_dirty(&pt, 0, B(30), true, dirty_note, &log), -EOPNOTSUPP);
		ut_assert(iopt_next(&pt, B(21), B(21), &leaf) && leaf.dirty);
		iopt_set_track(&pt, true);
		ut_assert(iopt_next(&pt, B(21), B(21), &leaf) && !leaf.dirty);
		ut_assert_eq(iopt_map(&pt, B(30), B(21), B(12), RW), 0);
		ut_assert_eq(iopt_read_dirty(&pt, 0, B(31), true, dirty_note, &log), 0);
		ut_assert_eq(log.nr, 0);

		make_dirty(a, &pt, B(21) + 0x5678);
		make_dirty(a, &pt, B(22) + 0x1008);
		make_dirty(a, &pt, B(30));
		/* Reading without clearing, then with, then again. */
		ut_assert_eq(iopt_read_dirty(&pt, 0, B(31), false, dirty_note, &log), 0);
		ut_assert_eq(iopt_read_dirty(&pt, 0, B(30) - 1, true, dirty_note, &log), 0);
		ut_assert_eq(iopt_read_dirty(&pt, 0, B(31), true, dirty_note, &log), 0);
		ut_assert_eq(log.nr, 6);
		ut_assert(log.iova[0] == B(21) && log.len[0] == B(21));
		ut_assert(log.iova[1] == B(22) + 0x1000 && log.len[1] == B(12));
		ut_assert(log.iova[2] == B(30) && log.len[2] == B(12));
		ut_assert(log.iova[3] == B(21) && log.iova[4] == B(22) + 0x1000);
		ut_assert_eq(log.iova[5], B(30));
		/* A page that only touches the range counts. */
		make_dirty(a, &pt, B(21));
		ut_assert_eq(iopt_read_dirty(&pt, B(21) + 0x7000, B(21) + 0x7fff, true, dirty_note,
					     &log),
			     0);
		ut_assert(log.nr == 7 && log.iova[6] == B(21));
		ut_assert_eq(iopt_read_dirty(&pt, 1, 0, true, dirty_note, &log), -EINVAL);
		ut_assert_eq(iopt_read_dirty(&pt, 0, ~0ULL, true, dirty_note, &log), -ERANGE);
		/* The rest of the leaf stays. */
		ut_assert_eq(lookup(a, &pt, B(30)).pa, B(21));
		iopt_set_track(&pt, false);
		ut_assert_eq(iopt_map(&pt, B(31), B(21), B(12), RW), 0);
		ut_assert(iopt_next(&pt, B(31), B(31), &leaf) && leaf.dirty);
		iopt_destroy(&pt);
		arena_end(a);
	}
}

UT_CASE(next_goes_over_everything)
{
	const struct variant *v;

	FOR_EACH_VARIANT(v)
	{
		struct arena *a = arena_new();
		static const u64 at[] = { 0, 0x3000, B(21), B(30) + 0x1000, B(38) };
		struct iopt_leaf leaf = { 0 };
		struct iopt pt;
		u64 pos = 0;
		unsigned int i;

		make(a, &pt, v);
		ut_assert(!iopt_next(&pt, 0, ~0ULL, &leaf));
		for (i = 0; i < ARRAY_SIZE(at); i++)
			ut_assert_eq(iopt_map(&pt, at[i], (i + 1) * 0x1000, 4096, RW), 0);
		for (i = 0; iopt_next(&pt, pos, ~0ULL, &leaf); i++) {
			ut_assert(i < ARRAY_SIZE(at) && leaf.iova == at[i]);
			ut_assert(leaf.pa == (i + 1) * 0x1000 && leaf.lg2 == 12);
			pos = leaf.iova + 4096;
		}
		ut_assert_eq(i, ARRAY_SIZE(at));
		ut_assert(!iopt_next(&pt, 5, 4, &leaf));
		ut_assert(!iopt_next(&pt, ia_last(v) + 1, ~0ULL, &leaf));
		iopt_destroy(&pt);
		arena_end(a);
	}
}

UT_SUITE(formats_pgtable, UT_ENTRY(leaf_images), UT_ENTRY(largest_pages),
	 UT_ENTRY(misaligned_output_gets_small_pages), UT_ENTRY(last_byte_of_the_space),
	 UT_ENTRY(narrow_input_width), UT_ENTRY(bad_configurations), UT_ENTRY(bad_maps),
	 UT_ENTRY(overlap_with_large_pages), UT_ENTRY(extents), UT_ENTRY(random_against_model),
	 UT_ENTRY(map_without_memory), UT_ENTRY(unmap_without_memory),
	 UT_ENTRY(gathered_tables_stay_readable), UT_ENTRY(one_list_for_many_tables),
	 UT_ENTRY(dirty_tracking), UT_ENTRY(next_goes_over_everything));
