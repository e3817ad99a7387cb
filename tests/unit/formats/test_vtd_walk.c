// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Where walks lead, from where, for which input, and what they report. */
#include "tests/unit/formats/hand.h"

/* ---- good walks ------------------------------------------------------------------------------- */

UT_CASE(first_stage)
{
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	ut_assert_eq(walk(&h, XLAT_RW), 0);
	ut_assert_eq(h.x.oa, h.page | 0x678);
	ut_assert(h.x.lg2 == 12 && h.x.fs_lg2 == 12 && h.x.ss_lg2 == 0);
	ut_assert_eq(h.x.perm, XLAT_RW);
	ut_assert(h.x.stage == VTD_STAGE_FS && h.x.level == 0);
	ut_assert_eq(h.x.flags, VTD_XLAT_USER);
	teardown(&h);
	setup_levels(&h, VTD_PGTT_FS, 5, 0);
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(h.x.oa, h.page | 0x678);
	teardown(&h);
}

UT_CASE(second_stage)
{
	unsigned int levels;
	struct hand h;

	for (levels = 3; levels <= 5; levels++) {
		setup_levels(&h, VTD_PGTT_SS, 0, levels);
		ut_assert_eq(walk(&h, XLAT_RW), 0);
		ut_assert_eq(h.x.oa, h.page | 0x678);
		ut_assert(h.x.lg2 == 12 && h.x.fs_lg2 == 0 && h.x.ss_lg2 == 12);
		ut_assert_eq(h.x.perm, XLAT_RW);
		ut_assert(h.x.stage == VTD_STAGE_SS && h.x.level == 0);
		ut_assert_eq(h.x.flags, VTD_XLAT_USER);
		*h.ss[0] |= SNP;
		ut_assert_eq(walk(&h, XLAT_RW), 0);
		ut_assert_eq(h.x.flags, VTD_XLAT_USER | VTD_XLAT_SNOOP);
		/* Ignored bits: EMT, IPAT, X, bit 10, 52 to 61, 63. */
		*h.ss[0] |= 0x7c | B(10) | B(63) | (B(62) - B(52));
		ut_assert_eq(walk(&h, XLAT_RW), 0);
		teardown(&h);
	}
}

UT_CASE(nested)
{
	unsigned int fs, ss;
	struct hand h;

	for (fs = 4; fs <= 5; fs++) {
		for (ss = 3; ss <= 5; ss++) {
			setup_levels(&h, VTD_PGTT_NESTED, fs, ss);
			ut_assert_eq(walk(&h, XLAT_RW), 0);
			ut_assert_eq(h.x.oa, h.page | 0x678);
			ut_assert_eq(h.x.gpa, GPA_PAGE | 0x678);
			ut_assert(h.x.lg2 == 12 && h.x.fs_lg2 == 12 && h.x.ss_lg2 == 12);
			ut_assert_eq(h.x.flags, VTD_XLAT_USER | VTD_XLAT_GPA);
			h.te.flags |= VTD_TE_PGSNP;
			ut_assert_eq(walk(&h, XLAT_RW), 0);
			ut_assert(h.x.flags & VTD_XLAT_SNOOP);
			teardown(&h);
		}
	}
}

UT_CASE(pass_through)
{
	struct hand h;

	setup(&h, VTD_PGTT_PASS);
	ut_assert_eq(walk_at(&h, B(TEST_HAW) - 1, XLAT_RW), 0);
	ut_assert_eq(h.x.oa, B(TEST_HAW) - 1);
	ut_assert_eq(h.x.perm, XLAT_RW);
	ut_assert(h.x.lg2 == 30 && h.x.stage == VTD_STAGE_NONE);
	ut_assert_eq(walk_at(&h, B(TEST_HAW), XLAT_READ), 0x83);
	ut_assert(h.x.stage == VTD_STAGE_NONE && h.x.fault == XLAT_FAULT_WIDTH);
	ut_assert_eq(walk_at(&h, ~0ULL, XLAT_READ), 0x83);
	teardown(&h);
}

/* A page of @level in the second stage for @gpa, in a GiB of which nothing exists yet. */
static u64 add_ss_page(struct hand *h, u64 gpa, unsigned int level)
{
	u64 *entry = h->ss[2] - slot(GPA_PAGE, 2) + slot(gpa, 2), pa;
	u64 mask = B(12 + 9 * level) - 1, base = 0x123480000000ULL;
	unsigned int l;

	for (l = 2; l > level; l--)
		entry = new_table(h, entry, R | W, &pa) + slot(gpa, l - 1);
	*entry = base | R | W | (level ? PS : 0);
	return base | (gpa & mask);
}

/* Large pages of both stages; the result is one block of the smaller size. */
UT_CASE(large_pages)
{
	unsigned int fl, sl;
	struct hand h;

	for (fl = 0; fl <= 2; fl++) {
		for (sl = 0; sl <= 2; sl++) {
			u64 mask = B(12 + 9 * fl) - 1, gpa = B(31) | (VA & mask), oa;

			setup(&h, VTD_PGTT_NESTED);
			oa = add_ss_page(&h, gpa, sl);
			/* PAT (bit 7 of a small leaf, 12 of a large one), PWT, PCD, G are ignored. */
			*h.fs[fl] = B(31) | 0x118 | PS | 1 | W | US | (fl ? B(12) : 0);
			ut_assert_eq(walk(&h, XLAT_RW), 0);
			ut_assert_eq(h.x.gpa, gpa);
			ut_assert_eq(h.x.oa, oa);
			ut_assert_eq(h.x.fs_lg2, 12 + 9 * fl);
			ut_assert_eq(h.x.ss_lg2, 12 + 9 * sl);
			ut_assert_eq(h.x.lg2, 12 + 9 * min_t(unsigned int, fl, sl));
			teardown(&h);
		}
	}
}

UT_CASE(large_pages_of_one_stage)
{
	unsigned int l;
	struct hand h;

	for (l = 1; l <= 2; l++) {
		setup(&h, VTD_PGTT_FS);
		*h.fs[l] = 0x123440000000ULL | 1 | W | US | PS | B(12);
		ut_assert_eq(walk(&h, XLAT_RW), 0);
		ut_assert_eq(h.x.oa, 0x123440000000ULL | (VA & (B(12 + 9 * l) - 1)));
		ut_assert(h.x.lg2 == 12 + 9 * l && h.x.level == l);
		teardown(&h);
		setup(&h, VTD_PGTT_SS);
		*h.ss[l] = 0x123440000000ULL | R | W | PS | SNP;
		ut_assert_eq(walk(&h, XLAT_RW), 0);
		ut_assert_eq(h.x.oa,
			     0x123440000000ULL | ((GPA_PAGE | 0x678) & (B(12 + 9 * l) - 1)));
		ut_assert(h.x.lg2 == 12 + 9 * l && h.x.flags & VTD_XLAT_SNOOP);
		teardown(&h);
	}
}

/* ---- input ranges -------------------------------------------------------------------------------- */

UT_CASE(canonical_addresses)
{
	struct hand h;
	u64 *root;

	setup(&h, VTD_PGTT_FS);
	root = h.fs[3] - slot(VA, 3);
	/* The upper half has entries 256 to 511 of the root. */
	root[511] = *h.fs[3];
	root[256] = *h.fs[3];
	root[255] = *h.fs[3];
	ut_assert_eq(
		walk_at(&h, (VA & (B(39) - 1)) | (511ULL << 39) | (0xffffULL << 48), XLAT_READ), 0);
	ut_assert_eq(
		walk_at(&h, (VA & (B(39) - 1)) | (256ULL << 39) | (0xffffULL << 48), XLAT_READ), 0);
	ut_assert_eq(walk_at(&h, (VA & (B(39) - 1)) | (255ULL << 39), XLAT_READ), 0);
	ut_assert_eq(walk_at(&h, (VA & (B(39) - 1)) | (256ULL << 39), XLAT_READ), 0x80);
	ut_assert(h.x.stage == VTD_STAGE_NONE && h.x.fault == XLAT_FAULT_WIDTH);
	ut_assert(!(h.x.flags & VTD_XLAT_PAGE_REQUEST));
	ut_assert_eq(walk_at(&h, VA | B(63), XLAT_READ), 0x80);
	ut_assert_eq(walk_at(&h, VA | B(48), XLAT_READ), 0x80);
	ut_assert_eq(walk_at(&h, (0xfffeULL << 48) | B(47), XLAT_READ), 0x80);
	teardown(&h);
	setup_levels(&h, VTD_PGTT_FS, 5, 0);
	ut_assert_eq(walk_at(&h, VA5 | B(56), XLAT_READ), 0x80);
	ut_assert_eq(walk_at(&h, VA5 | B(57), XLAT_READ), 0x80);
	teardown(&h);
}

UT_CASE(second_stage_input_width)
{
	static const u8 width[] = { 39, 48, TEST_MGAW };
	unsigned int levels;
	struct hand h;

	for (levels = 3; levels <= 5; levels++) {
		u64 last = B(width[levels - 3]) - 1;

		setup_levels(&h, VTD_PGTT_SS, 0, levels);
		ut_assert_eq(walk_at(&h, last, XLAT_READ), 0x79);
		ut_assert_eq(walk_at(&h, last + 1, XLAT_READ), 0x84);
		ut_assert(h.x.stage == VTD_STAGE_NONE && h.x.fault == XLAT_FAULT_WIDTH);
		ut_assert_eq(walk_at(&h, ~0ULL, XLAT_READ), 0x84);
		teardown(&h);
	}
}

/* ---- the interrupt range ---------------------------------------------------------------------------------- */

UT_CASE(interrupt_range)
{
	struct hand h;

	setup(&h, VTD_PGTT_SS);
	*h.ss[0] = 0xfee00000 | R | W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x87);
	ut_assert_eq(h.x.fault, XLAT_FAULT_RANGE);
	*h.ss[0] = 0xfeeff000 | R | W;
	ut_assert_eq(walk(&h, XLAT_READ), 0x87);
	*h.ss[0] = 0xfef00000 | R | W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	*h.ss[0] = 0x1fee00000 | R | W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	/* A large page around the range: usable outside, never cached as a block. */
	*h.ss[1] = 0xfee00000 | R | W | PS;
	ut_assert_eq(walk_at(&h, GPA_PAGE, XLAT_READ), 0);
	ut_assert_eq(h.x.oa, 0xfef23000);
	ut_assert(h.x.lg2 == 12 && h.x.ss_lg2 == 21);
	ut_assert_eq(walk_at(&h, GPA_PAGE & ~0x1fffffULL, XLAT_READ), 0x87);
	*h.ss[1] = 0xfec00000 | R | W | PS;
	ut_assert_eq(walk_at(&h, GPA_PAGE, XLAT_READ), 0);
	ut_assert_eq(h.x.lg2, 21);
	teardown(&h);
	setup(&h, VTD_PGTT_PASS);
	ut_assert_eq(walk_at(&h, 0xfee12345, XLAT_WRITE), 0x87);
	ut_assert_eq(walk_at(&h, 0xfedfffff, XLAT_WRITE), 0);
	ut_assert_eq(h.x.lg2, 12);
	ut_assert_eq(walk_at(&h, 0xbfffffff, XLAT_WRITE), 0);
	ut_assert_eq(h.x.lg2, 30);
	teardown(&h);
	setup(&h, VTD_PGTT_FS);
	*h.fs[0] = 0xfee00000 | 1 | W | US;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x87);
	teardown(&h);
}

/* ---- reporting ---------------------------------------------------------------------------------------------- */

UT_CASE(fault_processing_disable)
{
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	*h.fs[0] = 0;
	ut_assert_eq(walk(&h, XLAT_READ), 0x71);
	ut_assert(h.x.flags & VTD_XLAT_REPORT);
	ut_assert_eq(h.x.perm, 0);
	h.te.flags |= VTD_TE_FPD;
	ut_assert_eq(walk(&h, XLAT_READ), 0x71);
	ut_assert(!(h.x.flags & VTD_XLAT_REPORT));
	teardown(&h);
}

UT_CASE(legacy_reasons)
{
	struct hand h;

	setup(&h, VTD_PGTT_SS);
	h.te.flags = VTD_TE_LEGACY;
	ut_assert_eq(walk(&h, XLAT_RW), 0);
	ut_assert_eq(walk_at(&h, B(48), XLAT_READ), 4);
	*h.ss[0] = h.page | R;
	ut_assert_eq(walk(&h, XLAT_WRITE), 5);
	*h.ss[0] = h.page | W;
	ut_assert_eq(walk(&h, XLAT_READ), 6);
	*h.ss[0] = 0;
	ut_assert_eq(walk(&h, XLAT_WRITE), 5);
	ut_assert_eq(h.x.fault, XLAT_FAULT_NOT_PRESENT);
	ut_assert_eq(walk(&h, XLAT_READ), 6);
	*h.ss[0] = h.page | R | W | B(62);
	ut_assert_eq(walk(&h, XLAT_READ), 12);
	*h.ss[1] = ABSENT_PA | R | W;
	ut_assert_eq(walk(&h, XLAT_READ), 7);
	h.te.ss_root = ABSENT_PA;
	ut_assert_eq(walk(&h, XLAT_READ), 7);
	h.te.pgtt = VTD_PGTT_PASS;
	ut_assert_eq(walk_at(&h, B(TEST_HAW), XLAT_READ), 4);
	teardown(&h);
}

/* ---- starting in the middle ------------------------------------------------------------------------------------ */

static void assert_same_step(const struct vtd_step *a, const struct vtd_step *b)
{
	ut_assert_eq(a->table, b->table);
	ut_assert_eq(a->gpa, b->gpa);
	ut_assert_eq(a->level, b->level);
	ut_assert_eq(a->perm, b->perm);
}

UT_CASE(walks_from_cached_tables)
{
	static const u8 types[] = { VTD_PGTT_FS, VTD_PGTT_SS, VTD_PGTT_NESTED };
	unsigned int i, k, s;
	struct hand h;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct vtd_steps steps;
		struct vtd_xlat x;

		setup(&h, types[i]);
		ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, NULL, input(&h), XLAT_RW,
					    &h.x, &steps),
			     0);
		ut_assert_eq(steps.nr, 3);
		for (s = 0; s < 3; s++) {
			struct vtd_steps again;

			ut_assert_eq(steps.step[s].level, 2 - s);
			if (types[i] != VTD_PGTT_SS)
				ut_assert_eq(steps.step[s].table, h.table_pa[2 - s]);
			if (types[i] == VTD_PGTT_NESTED)
				ut_assert_eq(steps.step[s].gpa, GPA_TABLE(2 - s));
			ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, &steps.step[s],
						    input(&h), XLAT_RW, &x, &again),
				     0);
			ut_assert(x.oa == h.x.oa && x.gpa == h.x.gpa && x.perm == h.x.perm);
			ut_assert(x.flags == h.x.flags && x.level == h.x.level && x.lg2 == h.x.lg2);
			ut_assert_eq(again.nr, 2 - s);
			for (k = 0; k < again.nr; k++)
				assert_same_step(&again.step[k], &steps.step[s + 1 + k]);
		}
		teardown(&h);
	}
}

/* Permissions of the levels that are skipped are not forgotten, nor whether a table is writable. */
UT_CASE(cached_tables_carry_permissions)
{
	struct vtd_steps steps;
	struct hand h;
	unsigned int s;

	setup(&h, VTD_PGTT_NESTED);
	*h.fs[3] &= ~(u64)W;
	*h.fs[0] |= A;
	*h.gss[0] &= ~(u64)W;
	ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, NULL, VA, XLAT_READ, &h.x, &steps),
		     0);
	for (s = 0; s < 3; s++) {
		ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, &steps.step[s], VA,
					    XLAT_WRITE, &h.x, NULL),
			     0x85);
		*h.fs[0] &= ~(u64)A;
		ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, &steps.step[s], VA,
					    XLAT_READ, &h.x, NULL),
			     0x77);
		ut_assert_eq(h.x.gpa, GPA_TABLE(0) + slot(VA, 0) * 8);
		*h.fs[0] |= A;
	}
	teardown(&h);
	setup(&h, VTD_PGTT_FS);
	*h.fs[2] &= ~(u64)US;
	h.te.flags |= VTD_TE_SRE;
	ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, NULL, VA, XLAT_READ | XLAT_PRIV,
				    &h.x, &steps),
		     0);
	ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, &steps.step[2], VA, XLAT_READ, &h.x,
				    NULL),
		     0x81);
	teardown(&h);
	setup(&h, VTD_PGTT_SS);
	*h.ss[3] &= ~(u64)W;
	ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, NULL, input(&h), XLAT_READ, &h.x,
				    &steps),
		     0);
	for (s = 0; s < 3; s++)
		ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, &steps.step[s], input(&h),
					    XLAT_WRITE, &h.x, NULL),
			     0x85);
	/* After a fault the steps that were made are there. */
	*h.ss[0] = 0;
	ut_assert_eq(vtd_walk_steps(&h.a->mem, &h.caps, &h.te, NULL, input(&h), XLAT_READ, &h.x,
				    &steps),
		     0x79);
	ut_assert_eq(steps.nr, 3);
	teardown(&h);
}

/* ---- looking without touching -------------------------------------------------------------------------------------- */

struct log {
	struct vtd_trace trace;
	struct vtd_trace_rec rec[64];
	u64 word[64];
	u32 nr;
};

static void log_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct log *log = container_of(trace, struct log, trace);

	ut_assert(log->nr < ARRAY_SIZE(log->rec));
	log->word[log->nr] = rec->words[0];
	log->rec[log->nr++] = *rec;
}

static u64 sum(const struct arena *a)
{
	u64 i, s = 0;

	for (i = 0; i < 32 * PHYS_PAGE_SIZE; i += 8)
		s = s * 31 + *(u64 *)(a->base + i);
	return s;
}

UT_CASE(peek_changes_nothing)
{
	static struct log log;
	u32 access, i, l;
	struct hand h;
	u64 before;

	memset(&log, 0, sizeof(log));
	log.trace.entry = log_entry;
	setup(&h, VTD_PGTT_NESTED);
	h.te.flags |= VTD_TE_SSADE | VTD_TE_EAFE;
	before = sum(h.a);
	for (access = 1; access < 4; access++) {
		ut_assert_eq(vtd_walk_peek(&h.a->mem, &h.caps, &h.te, VA, access, &h.x, NULL), 0);
		/* What is allowed, although a cache must not have it yet. */
		ut_assert_eq(h.x.perm, XLAT_RW);
		ut_assert(h.x.flags & VTD_XLAT_CLEAN);
		ut_assert_eq(h.x.oa, h.page | 0x678);
	}
	ut_assert_eq(vtd_walk_peek(&h.a->mem, &h.caps, &h.te, VA, XLAT_READ, &h.x, &log.trace), 0);
	ut_assert_eq(sum(h.a), before);
	/* 4 x (4 + 1) for the first stage, 4 for the page. */
	ut_assert_eq(log.nr, 24);
	for (i = 0; i < 20; i++) {
		const struct vtd_trace_rec *rec = &log.rec[i];

		l = 3 - i / 5;
		ut_assert(rec->has_gpa && rec->nr_words == 1);
		if (i % 5 < 4) {
			ut_assert(rec->stage == VTD_STAGE_SS && rec->level == 3 - i % 5);
			ut_assert(rec->for_table && rec->gpa == GPA_TABLE(l));
			continue;
		}
		ut_assert(rec->stage == VTD_STAGE_FS && rec->level == l);
		ut_assert_eq(rec->gpa, GPA_TABLE(l) + slot(VA, l) * 8);
		ut_assert_eq(rec->pa, h.table_pa[l] + slot(VA, l) * 8);
		ut_assert_eq(log.word[i], *h.fs[l]);
	}
	for (; i < 24; i++)
		ut_assert(!log.rec[i].for_table && log.rec[i].gpa == (GPA_PAGE | 0x678));
	/* It sees the faults an access would have. */
	*h.gss[0] &= ~(u64)W;
	ut_assert_eq(vtd_walk_peek(&h.a->mem, &h.caps, &h.te, VA, XLAT_READ, &h.x, NULL), 0x76);
	h.te.flags &= ~VTD_TE_SSADE;
	ut_assert_eq(vtd_walk_peek(&h.a->mem, &h.caps, &h.te, VA, XLAT_READ, &h.x, NULL), 0x77);
	teardown(&h);
}

/* A linear window is the same memory by another way. */
UT_CASE(linear_window)
{
	struct phys_mem mem;
	struct hand h;

	setup(&h, VTD_PGTT_NESTED);
	phys_mem_init_linear(&mem, ARENA_PA + ARENA_PAGES * PHYS_PAGE_SIZE - 1,
			     (u64)(unsigned long)h.a->base - ARENA_PA);
	ut_assert_eq(vtd_walk(&mem, &h.caps, &h.te, VA, XLAT_RW, &h.x), 0);
	ut_assert_eq(h.x.oa, h.page | 0x678);
	/* Its end is its end. */
	*h.fs[1] = (*h.fs[1] & ~ADDR) | (GPA_PAGE & ~0x1fffffULL);
	*(h.ss[0] - slot(GPA_PAGE, 0)) = (ARENA_PA + ARENA_PAGES * PHYS_PAGE_SIZE) | R | W;
	ut_assert_eq(vtd_walk(&mem, &h.caps, &h.te, VA, XLAT_READ, &h.x), 0x70);
	mem.at = arena_at;
	mem.linear_last = 0;
	teardown(&h);
}

UT_CASE(reaching_memory)
{
	static u8 bytes[8192];
	struct phys_mem mem;
	struct arena *a = arena_new();

	phys_mem_init_linear(&mem, 8191, (u64)(unsigned long)bytes);
	ut_assert(phys_at(&mem, 0, 4096) == bytes);
	ut_assert(phys_at(&mem, 4096, 4096) == bytes + 4096);
	ut_assert(phys_at(&mem, 8191, 1) == bytes + 8191);
	ut_assert(!phys_at(&mem, 1, 4096)); /* crosses a page */
	ut_assert(!phys_at(&mem, 0, 0));
	ut_assert(!phys_at(&mem, 0, 4097));
	ut_assert(!phys_at(&mem, 8192, 1));
	ut_assert(!phys_at(&mem, ~0ULL, 1));
	ut_assert(!phys_at_u64(&mem, 8192));
	ut_assert(!phys_at_u64(&mem, ~7ULL));
	ut_assert((u8 *)phys_at_u64(&mem, 8184) == bytes + 8184);
	phys_mem_init_linear(&mem, 8190, (u64)(unsigned long)bytes);
	ut_assert(!phys_at_u64(&mem, 8184));
	ut_assert(!phys_at(&mem, 8184, 8));
	ut_assert(phys_at(&mem, 8184, 7));
	phys_mem_init_linear(&mem, ~0ULL, 0);
	ut_assert(phys_at(&mem, (u64)(unsigned long)bytes, 1) == bytes);
	phys_mem_init_callback(&mem, NULL);
	ut_assert(!phys_at(&mem, 0, 1));
	ut_assert(!phys_at_u64(&mem, 0));
	ut_assert(!phys_at(&a->mem, ARENA_PA, 8));
	arena_end(a);
}

UT_SUITE(formats_vtd_walk, UT_ENTRY(first_stage), UT_ENTRY(second_stage), UT_ENTRY(nested),
	 UT_ENTRY(pass_through), UT_ENTRY(large_pages), UT_ENTRY(large_pages_of_one_stage),
	 UT_ENTRY(canonical_addresses), UT_ENTRY(second_stage_input_width),
	 UT_ENTRY(interrupt_range), UT_ENTRY(fault_processing_disable), UT_ENTRY(legacy_reasons),
	 UT_ENTRY(walks_from_cached_tables), UT_ENTRY(cached_tables_carry_permissions),
	 UT_ENTRY(peek_changes_nothing), UT_ENTRY(linear_window), UT_ENTRY(reaching_memory));
