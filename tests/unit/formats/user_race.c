// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * User space only (threads): walks while their tables change. A dirty bit that a walk set must be
 * seen by whoever takes the entry away; a walk finds the old translation, the new one or none.
 */
#include <pthread.h>
#include <sched.h>
#include "formats/pgtable.h"
#include "tests/unit/formats/arena.h"
#include "tests/unit/formats/caps.h"

#define B(n)	   (1ULL << (n))
#define NR_WALKERS 2
#define NR_PAGES   4000u /* pages that come and go */
/* A loaded machine may not give walkers a turn for long. */
#define LIMIT_NS 20000000000ULL
#define VA	 0x12345000ULL

static struct {
	struct arena *a;
	struct vtd_caps caps;
	struct vtd_te te;
	u64 *leaf; /* first or second stage: whose dirty bit is looked at */
	u64 dirty_bit;
	u64 bits;
	bool stop;
	u64 nr_walks;
	bool written[NR_PAGES]; /* a walk for writing led there */
	bool dirty[NR_PAGES]; /* the entry said so when it was taken away */
} race;

static void *walker(void *arg __maybe_unused)
{
	struct vtd_xlat x;

	while (!READ_ONCE(race.stop)) {
		if (vtd_walk(&race.a->mem, &race.caps, &race.te, VA, XLAT_WRITE, &x))
			continue;
		if (!(x.perm & XLAT_WRITE))
			return "writable without dirty bit";
		WRITE_ONCE(race.written[x.oa >> 12], true);
		__atomic_fetch_add(&race.nr_walks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void run_walkers(void (*owner)(void))
{
	pthread_t thread[NR_WALKERS];
	unsigned int i;
	void *rc;

	WRITE_ONCE(race.stop, false);
	for (i = 0; i < NR_WALKERS; i++)
		ut_assert_eq(pthread_create(&thread[i], NULL, walker, NULL), 0);
	owner();
	WRITE_ONCE(race.stop, true);
	for (i = 0; i < NR_WALKERS; i++) {
		ut_assert_eq(pthread_join(thread[i], &rc), 0);
		if (rc)
			ut_log("%s", (const char *)rc);
		ut_assert(!rc);
	}
}

/* What was at the leaf has to be the page that was put there, with bits added. */
static void take_note(u64 e, u64 page)
{
	ut_assert_eq(e >> 12, page);
	ut_assert_eq(e & race.bits, race.bits);
	race.dirty[page] |= !!(e & race.dirty_bit);
}

/*
 * Page after page at one address, each there until a walk found it. Meanwhile the bits are cleared
 * over and over, so that every walk has to set them.
 */
static void owner_of_leaf(void)
{
	u64 i, spin, start = ktime_get_ns();

	WRITE_ONCE(*race.leaf, race.bits);
	for (i = 0; i < NR_PAGES && ktime_get_ns() - start < LIMIT_NS; i++) {
		take_note(xchg(race.leaf, i << 12 | race.bits), i ? i - 1 : 0);
		for (spin = 1; !READ_ONCE(race.written[i]) && spin < 100000; spin++) {
			take_note(xchg(race.leaf, i << 12 | race.bits), i);
			if (!(spin % 256))
				sched_yield();
		}
	}
	take_note(xchg(race.leaf, 0), i - 1);
}

static u64 make_tables(unsigned int levels, u64 pointer_bits)
{
	u64 pa, root = 0, *parent = NULL, *words;
	int l;

	for (l = (int)levels - 1; l >= 0; l--) {
		words = arena_page(race.a, &pa);
		if (parent)
			*parent = pa | pointer_bits;
		else
			root = pa;
		parent = &words[(VA >> (12 + 9 * l)) & 511];
	}
	race.leaf = parent;
	return root;
}

static void check_dirty(void)
{
	u32 i, nr = 0;

	for (i = 0; i < NR_PAGES; i++) {
		ut_assert(!race.written[i] || race.dirty[i]);
		nr += race.written[i];
	}
	/* Else the test shows nothing. */
	ut_assert(nr > NR_PAGES / 10);
	arena_reset(race.a);
	arena_end(race.a);
}

static void begin(void)
{
	memset(&race, 0, sizeof(race));
	race.a = arena_new();
	/* Without the arena's own bookkeeping, which is not made for threads. */
	phys_mem_init_linear(&race.a->mem, ARENA_PA + ARENA_PAGES * PHYS_PAGE_SIZE - 1,
			     (u64)(unsigned long)race.a->base - ARENA_PA);
	race.caps = test_caps();
}

UT_CASE(no_dirty_bit_is_lost_first_stage)
{
	begin();
	race.te = (struct vtd_te){ .pgtt = VTD_PGTT_FS, .fs_levels = 4, .flags = VTD_TE_PWSNP };
	race.te.fs_root = make_tables(4, 7);
	race.bits = 7;
	race.dirty_bit = 0x40;
	run_walkers(owner_of_leaf);
	check_dirty();
}

UT_CASE(no_dirty_bit_is_lost_second_stage)
{
	begin();
	race.te = (struct vtd_te){ .pgtt = VTD_PGTT_SS,
				   .ss_levels = 4,
				   .gpa_lg2 = 48,
				   .flags = VTD_TE_PWSNP | VTD_TE_SSADE };
	race.te.ss_root = make_tables(4, 3);
	race.bits = 3;
	race.dirty_bit = 0x200;
	run_walkers(owner_of_leaf);
	check_dirty();
}

/* The builder maps and unmaps; a walk finds the one page that is ever there, or nothing. */
static struct iopt builder_pt;

static void owner_with_builder(void)
{
	u64 start = ktime_get_ns();
	struct table_gather g;
	s64 want;
	u32 i;

	/* Until walkers met it often enough, at least 20000 times. */
	for (i = 0; i < 20000 || READ_ONCE(race.nr_walks) < 2000; i++) {
		/* Gathered tables stay: nobody waits for walks in progress here. */
		bool all = !(i % 32) && race.a->live < ARENA_PAGES / 2;

		table_gather_init(&g);
		if (!iopt_map(&builder_pt, VA - 0x6000, 0x5000, 0x1000, 3))
			ut_assert(i % 32 == 1 || i < 2);
		ut_assert_eq(iopt_map(&builder_pt, VA - 0x5000, B(12), 0xa000, 3), 0);
		want = all ? 0xb000 : 0xa000;
		ut_assert_eq(iopt_unmap(&builder_pt, VA - (all ? 0x6000 : 0x5000), VA + 0x4fff, &g),
			     want);
		ut_assert_eq(g.nr != 0, all);
		if (!(i % 256))
			sched_yield();
		if (ktime_get_ns() - start > LIMIT_NS)
			break;
	}
}

UT_CASE(builder_against_walkers)
{
	struct iopt_cfg cfg = {
		.fmt = IOPT_FMT_VTD_SS, .levels = 4, .oa_lg2 = 46, .page_sizes = B(12)
	};
	u32 i;

	begin();
	cfg.env = &race.a->env;
	ut_assert_eq(iopt_init(&builder_pt, &cfg), 0);
	race.te = (struct vtd_te){ .pgtt = VTD_PGTT_SS,
				   .ss_levels = 4,
				   .gpa_lg2 = 48,
				   .ss_root = builder_pt.root_pa,
				   .flags = VTD_TE_PWSNP };
	run_walkers(owner_with_builder);
	/* VA is the sixth page of what was mapped to 0x1000 onwards. */
	for (i = 0; i < NR_PAGES; i++)
		ut_assert_eq(race.written[i], i == 6);
	arena_reset(race.a);
	arena_end(race.a);
}

/* A PASID entry changes to and fro; a lookup finds the one, the other or none, never parts of both. */
static struct vtd_tables tables;
static const struct vtd_te one = { .fs_root = 0x1111111000,
				   .did = 0x111,
				   .pgtt = VTD_PGTT_FS,
				   .fs_levels = 4,
				   .flags = VTD_TE_PWSNP };
static const struct vtd_te two = { .fs_root = 0x2222222000,
				   .did = 0x222,
				   .pgtt = VTD_PGTT_FS,
				   .fs_levels = 4,
				   .flags = VTD_TE_PWSNP };

static void *looker(void *arg __maybe_unused)
{
	struct vtd_req req = { .rid = 7, .has_pasid = true, .pasid = 5 };
	struct vtd_lookup res;
	u8 rc;

	while (!READ_ONCE(race.stop)) {
		const struct vtd_te *te = &res.te;

		rc = vtd_lookup(&race.a->mem, &race.caps, vtd_tables_rtaddr(&tables), &req, &res,
				NULL);
		__atomic_fetch_add(&race.nr_walks, 1, __ATOMIC_RELAXED);
		if (rc == VTD_SPT_2)
			continue;
		if (rc || (te->did == one.did ? te->fs_root != one.fs_root :
						te->did != two.did || te->fs_root != two.fs_root))
			return "parts of two entries";
	}
	return NULL;
}

/* The stores of vtd_tables_pasid_exchange(), without anything in between: more chances to collide. */
static void switch_entry(u64 *pe, const u64 *a, const u64 *b)
{
	u32 i;

	for (i = 0; i < 1000; i++) {
		const u64 *next = i & 1 ? a : b;

		WRITE_ONCE(pe[0], 0);
		WRITE_ONCE(pe[1], next[1]);
		WRITE_ONCE(pe[2], next[2]);
		WRITE_ONCE(pe[0], next[0]);
	}
}

UT_CASE(lookups_never_mix_entries)
{
	u64 start = ktime_get_ns(), a[VTD_PE_WORDS], b[VTD_PE_WORDS], pa, *pe;
	struct table_gather g;
	pthread_t thread;
	void *rc;
	u32 i;

	begin();
	table_gather_init(&g);
	ut_assert_eq(vtd_tables_init(&tables, &race.a->env, &race.caps), 0);
	ut_assert_eq(vtd_tables_device_add(&tables, 7, VTD_TE_PASID), 0);
	ut_assert_eq(vtd_tables_pasid_install(&tables, 7, 5, &one, &g), 0);
	ut_assert_eq(vtd_pe_encode(&race.caps, &one, a), 0);
	ut_assert_eq(vtd_pe_encode(&race.caps, &two, b), 0);
	/* Root, context table, directory, PASID table: the arena gives pages one after the other. */
	for (pe = NULL, pa = ARENA_PA; !pe; pa += PHYS_PAGE_SIZE) {
		u64 *slot = phys_at(&race.a->mem, pa + 5 * 64, 64);

		if (slot[0] == a[0] && slot[1] == a[1] && slot[2] == a[2])
			pe = slot;
	}
	ut_assert_eq(pthread_create(&thread, NULL, looker, NULL), 0);
	for (i = 0; i < 2000 || READ_ONCE(race.nr_walks) < 200000; i++) {
		switch_entry(pe, a, b);
		if (!(i % 16))
			sched_yield();
		if (ktime_get_ns() - start > LIMIT_NS)
			break;
	}
	WRITE_ONCE(race.stop, true);
	ut_assert_eq(pthread_join(thread, &rc), 0);
	if (rc)
		ut_log("%s", (const char *)rc);
	ut_assert(!rc);
	vtd_tables_destroy(&tables);
	arena_end(race.a);
}

UT_SUITE(formats_race, UT_ENTRY(no_dirty_bit_is_lost_first_stage),
	 UT_ENTRY(no_dirty_bit_is_lost_second_stage), UT_ENTRY(builder_against_walkers),
	 UT_ENTRY(lookups_never_mix_entries));
