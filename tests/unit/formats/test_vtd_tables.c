// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Root, context and PASID structures being built and changed: contents against images, every
 * intermediate state, every allocation failing, random sequences against a list.
 */
#include "tests/unit/formats/arena.h"
#include "tests/unit/formats/caps.h"

#define B(n)  (1ULL << (n))
#define FLAGS (VTD_TE_DT | VTD_TE_PASID | VTD_TE_PR)

static struct vtd_te fs_te(u16 did, u64 root)
{
	return (struct vtd_te){ .fs_root = root,
				.did = did,
				.pgtt = VTD_PGTT_FS,
				.fs_levels = 4,
				.flags = VTD_TE_PWSNP };
}

static struct vtd_te ss_te(u16 did, u64 root)
{
	return (struct vtd_te){ .ss_root = root,
				.did = did,
				.pgtt = VTD_PGTT_SS,
				.ss_levels = 4,
				.flags = VTD_TE_PWSNP | VTD_TE_PGSNP };
}

static struct vtd_te nested_te(u16 did, u64 fs_root, u64 ss_root)
{
	return (struct vtd_te){ .fs_root = fs_root,
				.ss_root = ss_root,
				.did = did,
				.pgtt = VTD_PGTT_NESTED,
				.fs_levels = 5,
				.ss_levels = 4,
				.flags = VTD_TE_PWSNP | VTD_TE_PGSNP | VTD_TE_WPE };
}

static struct vtd_te pass_te(u16 did)
{
	return (struct vtd_te){ .did = did, .pgtt = VTD_PGTT_PASS };
}

/* Find the entry the way hardware does, with numbers only. NULL: something is not present. */
static const u64 *naive_pe(const struct arena *a, u64 rtaddr, u16 rid, u32 pasid)
{
	const u64 mask = ~0xfffULL;
	const u64 *root = phys_at(&a->mem, rtaddr & mask, 4096), *words;
	u64 re = root[(rid >> 8) * 2 + ((rid >> 7) & 1)];

	if (!(re & 1))
		return NULL;
	words = phys_at(&a->mem, (re & mask) + (rid & 0x7f) * 32u, 32);
	ut_assert(words);
	if (!(words[0] & 1) || pasid >> (((words[0] >> 9) & 7) + 13))
		return NULL;
	words = phys_at(&a->mem, (words[0] & mask) + (pasid >> 6) * 8u, 8);
	ut_assert(words);
	if (!(words[0] & 1))
		return NULL;
	words = phys_at(&a->mem, (words[0] & mask) + (pasid & 63) * 64u, 64);
	ut_assert(words);
	return words[0] & 1 ? words : NULL;
}

static bool pe_is(const struct vtd_caps *caps, const u64 *pe, const struct vtd_te *te)
{
	u64 want[8], used[8], used2[8];
	unsigned int i;

	ut_assert_eq(vtd_pe_encode(caps, te, want), 0);
	vtd_pe_used(want, used);
	vtd_pe_used(pe, used2);
	for (i = 0; i < 8; i++)
		if ((pe[i] ^ want[i]) & (used[i] | used2[i]))
			return false;
	return true;
}

struct fix {
	struct arena *a;
	struct vtd_tables t;
	struct vtd_caps caps;
	struct table_gather g;
};

static void setup(struct fix *f)
{
	f->a = arena_new();
	f->caps = test_caps();
	ut_assert_eq(vtd_tables_init(&f->t, &f->a->env, &f->caps), 0);
	table_gather_init(&f->g);
}

static void teardown(struct fix *f)
{
	table_gather_free(&f->a->env, &f->g);
	vtd_tables_destroy(&f->t);
	arena_end(f->a);
}

UT_CASE(init)
{
	struct arena *a = arena_new();
	struct vtd_caps caps = test_caps();
	struct vtd_tables t;

	a->fail_in = 1;
	ut_assert_eq(vtd_tables_init(&t, &a->env, &caps), -ENOMEM);
	vtd_tables_destroy(&t);
	caps.smts = false;
	ut_assert_eq(vtd_tables_init(&t, &a->env, &caps), -EOPNOTSUPP);
	caps.smts = true;
	caps.haw = 99;
	ut_assert_eq(vtd_tables_init(&t, &a->env, &caps), -EINVAL);
	caps = test_caps();
	ut_assert_eq(vtd_tables_init(&t, &a->env, &caps), 0);
	/* TTM 1 in bits 11:10. */
	ut_assert_eq(vtd_tables_rtaddr(&t), t.root_pa | 0x400);
	ut_assert_eq(t.nr_pages, 1);
	vtd_tables_destroy(&t);
	arena_end(a);
}

/* ---- context entries --------------------------------------------------------------------------- */

UT_CASE(context_entries_land_where_hardware_looks)
{
	static const u16 rids[] = { 0x0000, 0x007f, 0x0080, 0x00ff, 0x0100, 0x12a9, 0xffff };
	struct fix f;
	unsigned int i;

	setup(&f);
	for (i = 0; i < ARRAY_SIZE(rids); i++) {
		u16 rid = rids[i];
		const u64 *root = phys_at(&f.a->mem, f.t.root_pa, 4096), *ce;
		u64 re;

		ut_assert_eq(vtd_tables_device_add(&f.t, rid, FLAGS | VTD_TE_FPD), 0);
		re = root[(rid >> 8) * 2 + (rid & 0x80 ? 1 : 0)];
		ut_assert_eq(re & 0xfff, 1);
		ce = phys_at(&f.a->mem, re - 1 + (rid & 0x7f) * 32u, 32);
		/* P, FPD, DTE, PASIDE, PRE; PDTS 2: a page of directory. */
		ut_assert_eq(ce[0] & 0xfff, 0x41f);
		ut_assert(!ce[1] && !ce[2] && !ce[3]);
		ut_assert(phys_at(&f.a->mem, ce[0] & ~0xfffULL, 4096));
		ut_assert_eq(vtd_tables_device_add(&f.t, rid, FLAGS), -EEXIST);
	}
	/* 5 halves of buses have a context table, each RID a directory. */
	ut_assert_eq(f.t.nr_pages, 1 + 5 + ARRAY_SIZE(rids));
	ut_assert_eq(f.a->live, f.t.nr_pages);
	for (i = 0; i < ARRAY_SIZE(rids); i++) {
		ut_assert_eq(vtd_tables_device_remove(&f.t, rids[i], &f.g), 0);
		ut_assert_eq(vtd_tables_device_remove(&f.t, rids[i], &f.g), -ENOENT);
	}
	ut_assert_eq(f.g.what, TABLE_GATHER_CONTEXT | TABLE_GATHER_PASID);
	ut_assert_eq(f.t.nr_pages, 1);
	table_gather_free(&f.a->env, &f.g);
	ut_assert_eq(f.a->live, 1);
	teardown(&f);
}

UT_CASE(context_flags)
{
	struct fix f;
	u32 syncs;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 8, VTD_TE_PR), -EINVAL);
	ut_assert_eq(vtd_tables_device_add(&f.t, 8, VTD_TE_SRE), -EINVAL);
	ut_assert_eq(vtd_tables_device_set(&f.t, 8, FLAGS), -ENOENT);
	ut_assert_eq(vtd_tables_device_add(&f.t, 8, 0), 0);
	syncs = f.a->sync_nr;
	ut_assert_eq(vtd_tables_device_set(&f.t, 8, FLAGS), 0);
	/* One store. */
	ut_assert_eq(f.a->sync_nr, syncs + 1);
	ut_assert_eq(vtd_tables_device_set(&f.t, 8, VTD_TE_PR), -EINVAL);
	ut_assert_eq(f.a->sync_nr, syncs + 1);
	f.t.caps.dt = false;
	ut_assert_eq(vtd_tables_device_add(&f.t, 9, VTD_TE_DT), -EOPNOTSUPP);
	f.t.caps.prs = false;
	f.t.caps.dt = true;
	ut_assert_eq(vtd_tables_device_add(&f.t, 9, VTD_TE_DT | VTD_TE_PR), -EOPNOTSUPP);
	f.t.caps.pasid_bits = 0;
	ut_assert_eq(vtd_tables_device_add(&f.t, 9, VTD_TE_PASID), -EOPNOTSUPP);
	ut_assert_eq(vtd_tables_device_add(&f.t, 9, VTD_TE_DT), 0);
	teardown(&f);
}

/* ---- PASID entries ------------------------------------------------------------------------------- */

UT_CASE(pasid_entries)
{
	static const u32 pasids[] = { 0, 1, 63, 64, 0x7fff };
	struct vtd_te te = fs_te(5, 0x123000);
	struct fix f;
	unsigned int i;
	u64 pe[8];

	setup(&f);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, 1, &te, &f.g), -ENOENT);
	ut_assert_eq(vtd_tables_device_add(&f.t, 0x10, FLAGS), 0);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		const u64 *have;

		ut_assert(!vtd_tables_pasid_get(&f.t, 0x10, pasids[i], pe));
		ut_assert_eq(vtd_tables_pasid_remove(&f.t, 0x10, pasids[i], &f.g), -ENOENT);
		ut_assert_eq(vtd_tables_pasid_replace(&f.t, 0x10, pasids[i], &te), -ENOENT);
		te = fs_te(5, 0x1000 * (i + 1));
		ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, pasids[i], &te, &f.g), 0);
		ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, pasids[i], &te, &f.g), -EEXIST);
		have = naive_pe(f.a, vtd_tables_rtaddr(&f.t), 0x10, pasids[i]);
		ut_assert(have);
		ut_assert_eq(have[0], 0x49);
		ut_assert_eq(have[1], 0x800005);
		ut_assert_eq(have[2], 0x1000 * (i + 1));
		ut_assert(vtd_tables_pasid_get(&f.t, 0x10, pasids[i], pe));
		ut_assert(!memcmp(pe, have, 64));
	}
	/* Root, context, directory, tables for 0..63, 64..127 and the last. */
	ut_assert_eq(f.t.nr_pages, 6);
	ut_assert_eq(f.g.nr, 0);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		ut_assert_eq(vtd_tables_pasid_remove(&f.t, 0x10, pasids[i], &f.g), 0);
		ut_assert(!naive_pe(f.a, vtd_tables_rtaddr(&f.t), 0x10, pasids[i]));
	}
	ut_assert_eq(f.g.what, TABLE_GATHER_PASID);
	ut_assert_eq(f.t.nr_pages, 3);
	ut_assert_eq(f.a->live, 6);
	table_gather_free(&f.a->env, &f.g);
	ut_assert_eq(f.a->live, 3);
	teardown(&f);
}

UT_CASE(pasid_refusals_change_nothing)
{
	struct vtd_te te = fs_te(5, 0x123000);
	struct fix f;
	u32 syncs;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 0x10, FLAGS), 0);
	syncs = f.a->sync_nr;
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, 1u << 20, &te, &f.g), -ERANGE);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, ~0u, &te, &f.g), -ERANGE);
	ut_assert_eq(vtd_tables_pasid_remove(&f.t, 0x10, ~0u, &f.g), -ENOENT);
	te.fs_root = B(50);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, 1, &te, &f.g), -EINVAL);
	te = fs_te(5, 0x1001);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, 1, &te, &f.g), -EINVAL);
	ut_assert_eq(f.a->sync_nr, syncs);
	ut_assert_eq(f.a->live, 3);
	teardown(&f);
}

/* A PASID beyond the directory makes it grow; what was there stays reachable all the time. */
struct growth {
	struct fix *f;
	const struct vtd_te *te;
};

static void growth_sync(void *arg, const u64 *word __maybe_unused)
{
	struct growth *gr = arg;
	const u64 *pe = naive_pe(gr->f->a, vtd_tables_rtaddr(&gr->f->t), 0x10, 77);

	ut_assert(pe && pe_is(&gr->f->caps, pe, gr->te));
}

UT_CASE(directory_growth)
{
	static const u32 steps[] = { 0x8000, 0xffff, 0x10000, 0x7ffff, 0xfffff };
	static const u8 pdts[] = { 3, 3, 4, 6, 7 };
	struct vtd_te te = ss_te(9, 0x5000);
	struct fix f;
	struct growth gr = { &f, &te };
	unsigned int i;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 0x10, FLAGS), 0);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, 77, &te, &f.g), 0);
	f.a->sync_fn = growth_sync;
	f.a->sync_arg = &gr;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		u32 before = f.a->live;
		const u64 *root = phys_at(&f.a->mem, f.t.root_pa, 4096), *ce;

		ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x10, steps[i], &te, &f.g), 0);
		ce = phys_at(&f.a->mem, root[0] - 1 + 0x10 * 32, 32);
		ut_assert_eq((ce[0] >> 9) & 7, pdts[i]);
		ut_assert_eq(ce[0] & 0x1ff, 0x1d);
		ut_assert(naive_pe(f.a, vtd_tables_rtaddr(&f.t), 0x10, steps[i]));
		ut_assert(f.a->live > before || i == 1);
		ut_assert_eq(!!(f.g.what & TABLE_GATHER_CONTEXT), i != 1);
		table_gather_free(&f.a->env, &f.g);
		ut_assert_eq(f.a->live, f.t.nr_pages);
	}
	f.a->sync_fn = NULL;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		ut_assert_eq(vtd_tables_pasid_remove(&f.t, 0x10, steps[i], &f.g), 0);
	ut_assert_eq(vtd_tables_device_remove(&f.t, 0x10, &f.g), 0);
	table_gather_free(&f.a->env, &f.g);
	ut_assert_eq(f.a->live, 1);
	teardown(&f);
}

/* Narrow PASIDs get a directory that covers them and not more. */
UT_CASE(directory_of_narrow_pasids)
{
	struct arena *a = arena_new();
	struct vtd_caps caps = test_caps();
	struct vtd_te te = pass_te(1);
	struct table_gather g;
	struct vtd_tables t;
	const u64 *root, *ce;

	caps.pasid_bits = 10;
	table_gather_init(&g);
	ut_assert_eq(vtd_tables_init(&t, &a->env, &caps), 0);
	ut_assert_eq(vtd_tables_device_add(&t, 0, VTD_TE_PASID), 0);
	root = phys_at(&a->mem, t.root_pa, 4096);
	ce = phys_at(&a->mem, root[0] - 1, 32);
	ut_assert_eq((ce[0] >> 9) & 7, 0);
	ut_assert_eq(vtd_tables_pasid_install(&t, 0, 1023, &te, &g), 0);
	ut_assert_eq(vtd_tables_pasid_install(&t, 0, 1024, &te, &g), -ERANGE);
	vtd_tables_destroy(&t);
	arena_end(a);
}

/* ---- snapshots --------------------------------------------------------------------------------------- */

/*
 * At each sync point hardware finds at {rid, pasid}: the old entry, the new entry, or none. Equal
 * means equal in the bits in use, by the naive lookup.
 */
struct snap {
	struct fix *f;
	u16 rid;
	u32 pasid;
	const struct vtd_te *old;
	const struct vtd_te *new;
	bool may_vanish;
	u32 nr;
};

static void snap_sync(void *arg, const u64 *word __maybe_unused)
{
	struct snap *s = arg;
	const u64 *pe = naive_pe(s->f->a, vtd_tables_rtaddr(&s->f->t), s->rid, s->pasid);

	s->nr++;
	if (!pe) {
		ut_assert(s->may_vanish);
		return;
	}
	ut_assert((s->old && pe_is(&s->f->caps, pe, s->old)) ||
		  (s->new &&pe_is(&s->f->caps, pe, s->new)));
}

static void snap_begin(struct snap *s, const struct vtd_te *old, const struct vtd_te *new,
		       bool may_vanish)
{
	s->old = old;
	s->new = new;
	s->may_vanish = may_vanish;
	s->nr = 0;
	s->f->a->sync_fn = snap_sync;
	s->f->a->sync_arg = s;
}

UT_CASE(snapshots_of_install_and_remove)
{
	const struct vtd_te tes[] = { fs_te(1, 0x1000), ss_te(2, 0x2000),
				      nested_te(3, 0x3000, 0x2000), pass_te(4) };
	struct fix f;
	struct snap s = { .f = &f, .rid = 0x1234, .pasid = 100 };
	struct vtd_te neighbour = pass_te(9);
	unsigned int i, j;

	setup(&f);
	snap_begin(&s, NULL, NULL, true);
	ut_assert_eq(vtd_tables_device_add(&f.t, s.rid, FLAGS), 0);
	ut_assert(s.nr);
	for (i = 0; i < ARRAY_SIZE(tes); i++) {
		/* Each after each, in the same slot, whose old words are still there. */
		for (j = 0; j < ARRAY_SIZE(tes); j++) {
			snap_begin(&s, NULL, &tes[i], true);
			ut_assert_eq(vtd_tables_pasid_install(&f.t, s.rid, 100, &tes[i], &f.g), 0);
			ut_assert(s.nr);
			snap_begin(&s, &tes[i], &tes[i], false);
			ut_assert_eq(vtd_tables_pasid_install(&f.t, s.rid, 101, &neighbour, &f.g),
				     0);
			snap_begin(&s, &tes[i], NULL, true);
			ut_assert_eq(vtd_tables_pasid_remove(&f.t, s.rid, 100, &f.g), 0);
			ut_assert_eq(s.nr, 1);
			snap_begin(&s, NULL, &tes[j], true);
			ut_assert_eq(vtd_tables_pasid_install(&f.t, s.rid, 100, &tes[j], &f.g), 0);
			ut_assert_eq(s.nr, 8);
			snap_begin(&s, &tes[j], NULL, true);
			ut_assert_eq(vtd_tables_pasid_remove(&f.t, s.rid, 101, &f.g), 0);
			ut_assert_eq(vtd_tables_pasid_remove(&f.t, s.rid, 100, &f.g), 0);
			table_gather_free(&f.a->env, &f.g);
		}
	}
	snap_begin(&s, NULL, &tes[0], true);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, s.rid, 100, &tes[0], &f.g), 0);
	snap_begin(&s, &tes[0], NULL, true);
	ut_assert_eq(vtd_tables_device_remove(&f.t, s.rid, &f.g), 0);
	ut_assert(s.nr);
	f.a->sync_fn = NULL;
	teardown(&f);
}

/* The entry never vanishes; what cannot be done that way is refused and changes nothing. */
UT_CASE(snapshots_of_replace)
{
	const struct vtd_te tes[] = {
		fs_te(1, 0x1000),
		fs_te(1, 0x2000),
		fs_te(2, 0x1000),
		ss_te(1, 0x7000),
		ss_te(1, 0x8000),
		nested_te(1, 0x1000, 0x7000),
		nested_te(1, 0x2000, 0x7000),
		nested_te(1, 0x1000, 0x8000),
		nested_te(1, 0x2000, 0x8000),
		pass_te(1),
		pass_te(2),
	};
	/* By row: old; by column: new; '1': possible in one store. */
	static const char *const possible[] = {
		"11100000000", /* another root or another DID, not both */
		"11000000000", "10100000000", "00011111100", /* to nested: what the second stage alone does not use is set before */
		"00011111100", "00011111000", /* one of the two roots */
		"00011110100", "00011101100", "00011011100", "00000000011", "00000000011",
	};
	struct fix f;
	struct snap s = { .f = &f, .rid = 3, .pasid = 5 };
	unsigned int i, j;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 3, FLAGS), 0);
	for (i = 0; i < ARRAY_SIZE(tes); i++) {
		for (j = 0; j < ARRAY_SIZE(tes); j++) {
			u64 want[8], have[8];
			int rc;

			f.a->sync_fn = NULL;
			ut_assert_eq(vtd_tables_pasid_install(&f.t, 3, 5, &tes[i], &f.g), 0);
			snap_begin(&s, &tes[i], &tes[j], false);
			rc = vtd_tables_pasid_replace(&f.t, 3, 5, &tes[j]);
			ut_assert_eq(rc, possible[i][j] == '1' ? 0 : -EBUSY);
			ut_assert(rc == 0 || s.nr == 0);
			ut_assert_eq(vtd_pe_encode(&f.caps, &tes[rc ? i : j], want), 0);
			ut_assert(vtd_tables_pasid_get(&f.t, 3, 5, have));
			ut_assert(!memcmp(have, want, sizeof(have)));
			f.a->sync_fn = NULL;
			ut_assert_eq(vtd_tables_pasid_remove(&f.t, 3, 5, &f.g), 0);
			table_gather_free(&f.a->env, &f.g);
		}
	}
	teardown(&f);
}

/* Whatever the two entries are; in between there may be none. */
UT_CASE(snapshots_of_exchange)
{
	const struct vtd_te tes[] = { fs_te(1, 0x1000),
				      fs_te(2, 0x2000),
				      ss_te(1, 0x7000),
				      nested_te(1, 0x1000, 0x7000),
				      nested_te(2, 0x2000, 0x8000),
				      pass_te(3) };
	struct vtd_te bad = fs_te(1, 0x1001);
	struct fix f;
	struct snap s = { .f = &f, .rid = 3, .pasid = 5 };
	unsigned int i, j;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 3, FLAGS), 0);
	ut_assert_eq(vtd_tables_pasid_exchange(&f.t, 3, 5, &tes[0]), -ENOENT);
	for (i = 0; i < ARRAY_SIZE(tes); i++) {
		for (j = 0; j < ARRAY_SIZE(tes); j++) {
			u64 want[8], have[8];

			f.a->sync_fn = NULL;
			ut_assert_eq(vtd_tables_pasid_install(&f.t, 3, 5, &tes[i], &f.g), 0);
			snap_begin(&s, &tes[i], &tes[j], true);
			ut_assert_eq(vtd_tables_pasid_exchange(&f.t, 3, 5, &bad), -EINVAL);
			ut_assert_eq(vtd_tables_pasid_replace(&f.t, 3, 5, &bad), -EINVAL);
			ut_assert_eq(s.nr, 0);
			ut_assert_eq(vtd_tables_pasid_exchange(&f.t, 3, 5, &tes[j]), 0);
			ut_assert_eq(vtd_pe_encode(&f.caps, &tes[j], want), 0);
			ut_assert(vtd_tables_pasid_get(&f.t, 3, 5, have));
			ut_assert(!memcmp(have, want, sizeof(have)));
			f.a->sync_fn = NULL;
			ut_assert_eq(vtd_tables_pasid_remove(&f.t, 3, 5, &f.g), 0);
			table_gather_free(&f.a->env, &f.g);
		}
	}
	teardown(&f);
}

/* ---- allocation failure ---------------------------------------------------------------------------- */

static u32 checksum(const struct arena *a)
{
	u64 i, sum = 0;

	for (i = 0; i < ARENA_PAGES * PHYS_PAGE_SIZE; i += 8)
		if (a->used[i >> PHYS_PAGE_LG2])
			sum = sum * 31 + *(u64 *)(a->base + i) + i;
	return (u32)(sum ^ sum >> 32);
}

UT_CASE(every_allocation_fails)
{
	struct vtd_te te = pass_te(1);
	struct fix f;
	u32 n, live, sum;
	int rc;

	setup(&f);
	/* Context table and directory. */
	for (n = 1, rc = -ENOMEM; rc; n++) {
		live = f.a->live;
		sum = checksum(f.a);
		f.a->fail_in = n;
		rc = vtd_tables_device_add(&f.t, 0x77, FLAGS);
		ut_assert(!rc || (rc == -ENOMEM && f.a->live == live && checksum(f.a) == sum));
		ut_assert_eq(f.t.nr_pages, f.a->live);
	}
	ut_assert_eq(n, 4);
	f.a->fail_in = 0;
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x77, 3, &te, &f.g), 0);
	/* A larger directory and a PASID table. */
	for (n = 1, rc = -ENOMEM; rc; n++) {
		live = f.a->live;
		sum = checksum(f.a);
		f.a->fail_in = n;
		rc = vtd_tables_pasid_install(&f.t, 0x77, 0x9000, &te, &f.g);
		ut_assert(!rc || (rc == -ENOMEM && f.a->live == live && checksum(f.a) == sum));
		ut_assert(!rc || (!f.g.nr && !f.g.what));
		ut_assert_eq(f.t.nr_pages + f.g.nr, f.a->live);
	}
	ut_assert_eq(n, 4);
	f.a->fail_in = 0;
	teardown(&f);
}

/* Removal and replacement need no memory. */
UT_CASE(without_memory)
{
	struct vtd_te te = ss_te(1, 0x1000), nested = nested_te(1, 0x9000, 0x1000);
	struct fix f;

	setup(&f);
	ut_assert_eq(vtd_tables_device_add(&f.t, 0x77, FLAGS), 0);
	ut_assert_eq(vtd_tables_pasid_install(&f.t, 0x77, 0, &te, &f.g), 0);
	f.a->fail_in = 1;
	ut_assert_eq(vtd_tables_pasid_replace(&f.t, 0x77, 0, &nested), 0);
	ut_assert_eq(vtd_tables_device_set(&f.t, 0x77, 0), 0);
	ut_assert_eq(vtd_tables_pasid_remove(&f.t, 0x77, 0, &f.g), 0);
	ut_assert_eq(vtd_tables_device_remove(&f.t, 0x77, &f.g), 0);
	ut_assert_eq(f.a->fail_in, 1);
	f.a->fail_in = 0;
	teardown(&f);
}

/* ---- random sequences against a list ------------------------------------------------------------------ */

#define NR_RIDS	  6u
#define NR_PASIDS 10u

static const u16 some_rids[NR_RIDS] = { 0x0000, 0x0001, 0x0080, 0x0100, 0x01ff, 0xff80 };
static const u32 some_pasids[NR_PASIDS] = { 0, 1, 2, 63, 64, 65, 0x7fff, 0x8000, 0x8001, 0x1ffff };

struct table_model {
	bool rid[NR_RIDS];
	u16 did[NR_RIDS][NR_PASIDS]; /* 0: none */
};

static void table_model_check(struct fix *f, const struct table_model *m)
{
	u32 r, p;

	for (r = 0; r < NR_RIDS; r++) {
		for (p = 0; p < NR_PASIDS; p++) {
			const u64 *pe = naive_pe(f->a, vtd_tables_rtaddr(&f->t), some_rids[r],
						 some_pasids[p]);
			struct vtd_req req = { .rid = some_rids[r],
					       .has_pasid = some_pasids[p],
					       .pasid = some_pasids[p] };
			struct vtd_lookup res;
			u8 rc = vtd_lookup(&f->a->mem, &f->caps, vtd_tables_rtaddr(&f->t), &req,
					   &res, NULL);

			ut_assert_eq(pe != NULL, m->did[r][p] != 0);
			ut_assert_eq(rc == 0, m->did[r][p] != 0);
			if (!pe)
				continue;
			ut_assert_eq(pe[1] & 0xffff, m->did[r][p]);
			ut_assert_eq(res.te.did, m->did[r][p]);
		}
	}
	ut_assert_eq(f->a->live, f->t.nr_pages + f->g.nr);
}

static void table_model_device(struct fix *f, struct table_model *m, u32 r, bool add)
{
	int rc;

	if (add) {
		rc = vtd_tables_device_add(&f->t, some_rids[r], FLAGS);
		ut_assert_eq(rc, m->rid[r] ? -EEXIST : 0);
	} else {
		rc = vtd_tables_device_remove(&f->t, some_rids[r], &f->g);
		ut_assert_eq(rc, m->rid[r] ? 0 : -ENOENT);
		memset(m->did[r], 0, sizeof(m->did[r]));
	}
	m->rid[r] = add;
}

static void table_model_pasid(struct fix *f, struct table_model *m, struct ut_rand *rnd, u32 r,
			      u32 p)
{
	u16 *did = &m->did[r][p], next = (u16)(1 + ut_below(rnd, 4000));
	struct vtd_te te = ss_te(next, 0x1000);

	switch (ut_below(rnd, 3)) {
	case 0:
		ut_assert_eq(vtd_tables_pasid_install(&f->t, some_rids[r], some_pasids[p], &te,
						      &f->g),
			     !m->rid[r] ? -ENOENT :
			     *did	? -EEXIST :
					  0);
		if (m->rid[r] && !*did)
			*did = next;
		return;
	case 1:
		ut_assert_eq(vtd_tables_pasid_replace(&f->t, some_rids[r], some_pasids[p], &te),
			     *did ? 0 : -ENOENT);
		if (*did)
			*did = next;
		return;
	default:
		ut_assert_eq(vtd_tables_pasid_remove(&f->t, some_rids[r], some_pasids[p], &f->g),
			     *did ? 0 : -ENOENT);
		*did = 0;
	}
}

UT_CASE(random_against_list)
{
	struct table_model *m = kvcalloc(1, sizeof(*m), GFP_KERNEL);
	struct ut_rand rnd = { 42 };
	struct fix f;
	u32 i;

	ut_assert(m);
	setup(&f);
	for (i = 0; i < UT_STEPS(6000); i++) {
		u32 r = ut_below(&rnd, NR_RIDS), p = ut_below(&rnd, NR_PASIDS);

		if (!ut_below(&rnd, 12))
			table_model_device(&f, m, r, ut_below(&rnd, 3));
		else
			table_model_pasid(&f, m, &rnd, r, p);
		table_model_check(&f, m);
		if (!ut_below(&rnd, 3))
			table_gather_free(&f.a->env, &f.g);
	}
	for (i = 0; i < NR_RIDS; i++)
		table_model_device(&f, m, i, false);
	table_gather_free(&f.a->env, &f.g);
	ut_assert_eq(f.a->live, 1);
	teardown(&f);
	kvfree(m);
}

UT_SUITE(formats_vtd_tables, UT_ENTRY(init), UT_ENTRY(context_entries_land_where_hardware_looks),
	 UT_ENTRY(context_flags), UT_ENTRY(pasid_entries), UT_ENTRY(pasid_refusals_change_nothing),
	 UT_ENTRY(directory_growth), UT_ENTRY(directory_of_narrow_pasids),
	 UT_ENTRY(snapshots_of_install_and_remove), UT_ENTRY(snapshots_of_replace),
	 UT_ENTRY(snapshots_of_exchange), UT_ENTRY(every_allocation_fails),
	 UT_ENTRY(without_memory), UT_ENTRY(random_against_list));
