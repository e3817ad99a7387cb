// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What is mapped is reached, where we say; what is not is refused. */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

#define KIB  (1ULL << 10)
#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)

/* IOVA of the home page: where no case maps anything else. */
#define HOME 0x5a5a5a000ULL

/* The start of most cases: device 0 on an empty table. */
static void map_begin(struct judge *j, struct space *s, struct judge_link *l)
{
	space_init(j, s, false);
	judge_link(j, l, 0, s, HOME);
}

static void map_end(struct judge *j, struct space *s, struct judge_link *l)
{
	judge_compare(j, "before the tables go");
	world_detach(j, l->e->rid);
	space_destroy(j, s);
}

/* ---- Small pages ----------------------------------------------------------------------------------------- */

static void case_pages(struct judge *j)
{
	const u64 at = 0x12345000;
	struct judge_link l;
	struct space s;

	map_begin(j, &s, &l);
	/* A page, a hole, two pages to two places, a hole. */
	space_map(j, &s, at, data_pages(j, PAGE, PAGE), PAGE, RW);
	space_map(j, &s, at + 2 * PAGE, data_pages(j, PAGE, PAGE), PAGE, RW);
	space_map(j, &s, at + 3 * PAGE, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check_both(j, &l, at, 1);
	judge_check_both(j, &l, at + 5, 64);
	judge_check_both(j, &l, at, EDU_MAX);
	judge_check_both(j, &l, at + PAGE - 64, 64);
	judge_check_both(j, &l, at - PAGE, 64);
	judge_check_both(j, &l, at + PAGE, 64);
	judge_check_both(j, &l, at + 4 * PAGE, 64);
	/* Across boundaries: hole to page, page to hole, page to page. */
	judge_check_both(j, &l, at - 100, 300);
	judge_check_both(j, &l, at + PAGE - 100, 300);
	judge_check_both(j, &l, at + 2 * PAGE - 100, 300);
	judge_check_both(j, &l, at + 3 * PAGE - 100, 300);
	judge_check_both(j, &l, at + 3 * PAGE - 4000, EDU_MAX);
	/* Far away, at every level. */
	judge_check_both(j, &l, at ^ 2 * MIB, 64);
	judge_check_both(j, &l, at ^ GIB, 64);
	judge_check_both(j, &l, at ^ (s.pt.ia_last / 2 + 1), 64);
	map_end(j, &s, &l);
}

static void case_permissions(struct judge *j)
{
	static const u64 sizes[] = { PAGE, 2 * MIB };
	const u64 at = 0x40000000;
	struct judge_link l;
	unsigned int i;
	struct space s;

	map_begin(j, &s, &l);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 ro = at + i * 64 * MIB, wo = ro + 2 * sizes[i], rw = wo + 2 * sizes[i];

		space_map(j, &s, ro, data_pages(j, sizes[i], sizes[i]), sizes[i], IOPT_READ);
		space_map(j, &s, rw, data_pages(j, sizes[i], sizes[i]), sizes[i], RW);
		/* A present first-stage entry can be read. */
		if (space_is_fs(j))
			judge_expect(j,
				     iopt_map(&s.pt, wo, data_pages(j, sizes[i], sizes[i]),
					      sizes[i], IOPT_WRITE) == -EOPNOTSUPP,
				     "write-only first-stage mapping not refused");
		else
			space_map(j, &s, wo, data_pages(j, sizes[i], sizes[i]), sizes[i],
				  IOPT_WRITE);
		/* Refused first, so that no cached translation decides. */
		judge_check(j, &l, ro + 16, 64, true);
		judge_check(j, &l, ro + 16, 64, false);
		judge_check(j, &l, wo + 16, 64, false);
		judge_check(j, &l, wo + 16, 64, true);
		judge_check_both(j, &l, rw + 16, 64);
	}
	map_end(j, &s, &l);
}

/* ---- Large pages ------------------------------------------------------------------------------------------- */

/* The leaf at @iova has 2^@lg2 bytes. */
static void map_expect_leaf(struct judge *j, struct space *s, u64 iova, unsigned int lg2)
{
	struct iopt_leaf leaf;

	judge_expect(j, iopt_next(&s->pt, iova, iova, &leaf) && leaf.lg2 == lg2,
		     "leaf at 0x%llx has no 2^%u bytes", iova, lg2);
}

static void map_check_large(struct judge *j, struct judge_link *l, u64 iova, u64 size)
{
	unsigned int i;

	judge_check_both(j, l, iova, 64);
	judge_check_both(j, l, iova + size - EDU_MAX, EDU_MAX);
	judge_check_both(j, l, iova - 64, 64);
	judge_check_both(j, l, iova + size, 64);
	judge_check_both(j, l, iova + size - 64, 128);
	for (i = 0; i < 4; i++)
		judge_check_both(j, l, iova + rng_below(&j->rng, size - EDU_MAX), 256);
}

static void case_large(struct judge *j)
{
	struct judge_link l;
	struct space s;

	map_begin(j, &s, &l);
	space_map(j, &s, 64 * MIB, data_pages(j, 2 * MIB, 2 * MIB), 2 * MIB, RW);
	map_expect_leaf(j, &s, 64 * MIB, 21);
	map_check_large(j, &l, 64 * MIB, 2 * MIB);
	/* Both 1 GiB pages of our RAM that hold nothing else: below and above 4 GiB. */
	space_map(j, &s, 6 * GIB, GIB, GIB, RW);
	space_map(j, &s, 8 * GIB, 4 * GIB, GIB, RW);
	map_expect_leaf(j, &s, 6 * GIB, s.pt.page_sizes & BIT_ULL(30) ? 30 : 21);
	map_check_large(j, &l, 6 * GIB, GIB);
	map_check_large(j, &l, 8 * GIB, GIB);
	/* Small pages, large pages, small pages in one mapping. */
	space_map(j, &s, 20 * GIB - 4 * PAGE, 64 * MIB - 4 * PAGE, 4 * MIB + 8 * PAGE, RW);
	map_expect_leaf(j, &s, 20 * GIB - PAGE, 12);
	map_expect_leaf(j, &s, 20 * GIB, 21);
	map_expect_leaf(j, &s, 20 * GIB + 4 * MIB, 12);
	judge_check_both(j, &l, 20 * GIB - 2000, EDU_MAX);
	judge_check_both(j, &l, 20 * GIB + 2 * MIB - 2000, EDU_MAX);
	judge_check_both(j, &l, 20 * GIB + 4 * MIB - 2000, EDU_MAX);
	map_end(j, &s, &l);
}

/* ---- Ends of the address space -------------------------------------------------------------------------------- */

static void map_check_ends(struct judge *j, struct space *s, struct judge_link *l)
{
	u64 last = s->pt.ia_last, top = last - (PAGE - 1);

	space_map(j, s, 0, data_pages(j, PAGE, PAGE), PAGE, RW);
	space_map(j, s, top, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check_both(j, l, 0, EDU_MAX);
	judge_check_both(j, l, top, EDU_MAX);
	judge_check_both(j, l, last - 63, 64);
	judge_check_both(j, l, top - 64, 64);
	/* One beyond, and the same lower bits with a higher one set. */
	judge_check_both(j, l, last + 1, 64);
	judge_check_both(j, l, last + 1 + top, 64);
}

static void case_ends(struct judge *j)
{
	struct judge_link l;
	struct space s;

	map_begin(j, &s, &l);
	map_check_ends(j, &s, &l);
	map_end(j, &s, &l);
}

/* A unit with 48 bits offers 39 as well. */
static void case_three_levels(struct judge *j)
{
	struct judge_link l;
	struct space s;

	space_init_levels(j, &s, 3, false);
	judge_link(j, &l, 0, &s, HOME);
	space_map(j, &s, 64 * MIB, data_pages(j, 2 * MIB, 2 * MIB), 2 * MIB, RW);
	map_check_large(j, &l, 64 * MIB, 2 * MIB);
	map_check_ends(j, &s, &l);
	map_end(j, &s, &l);
}

static bool map_wants_both_depths(const struct variant *v)
{
	return v->fmt == IOPT_FMT_VTD_SS && v->levels == 4;
}

#define CANONICAL_HIGH 0xffff800000000000ULL

/*
 * Addresses of the upper half. Our builder stays in the lower one, so the upper half of the root
 * table becomes a copy of the lower.
 */
static void case_canonical(struct judge *j)
{
	const u64 at = 7 * GIB;
	struct judge_link l;
	struct space s;

	map_begin(j, &s, &l);
	space_map(j, &s, at, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check_both(j, &l, at | CANONICAL_HIGH, 64);
	memcpy(s.pt.root + 256, s.pt.root, 256 * sizeof(u64));
	machine_adopt_tables(&j->m);
	judge_check_both(j, &l, at | CANONICAL_HIGH, 64);
	judge_check_both(j, &l, at | (CANONICAL_HIGH & ~BIT_ULL(63)), 64);
	judge_check_both(j, &l, at | (CANONICAL_HIGH & ~BIT_ULL(47)), 64);
	judge_check_both(j, &l, at | BIT_ULL(47), 64);
	judge_check_both(j, &l, at | BIT_ULL(63), 64);
	memset(s.pt.root + 256, 0, 256 * sizeof(u64));
	machine_adopt_tables(&j->m);
	judge_flush(j);
	map_end(j, &s, &l);
}

static bool map_wants_fs(const struct variant *v)
{
	return v->fmt == IOPT_FMT_VTD_FS;
}

/* ---- Random mappings --------------------------------------------------------------------------------------------- */

#define RANDOM_NR 80

struct mapping {
	u64 iova;
	u64 len;
};

/* Untranslated requests to the interrupt range are no DMA. */
static bool map_touches_interrupts(u64 iova, u64 len)
{
	return iova < 0xfef00000 + PAGE && iova + len > 0xfee00000 - PAGE;
}

static u64 map_random_len(struct judge *j)
{
	switch (rng_below(&j->rng, 8)) {
	case 0:
		return 2 * MIB * (1 + rng_below(&j->rng, 4));
	case 1:
		return 4 * MIB + PAGE * rng_below(&j->rng, 512);
	case 2:
		return j->m.cfg->small ? PAGE : GIB;
	default:
		return PAGE * (1 + rng_below(&j->rng, 64));
	}
}

/* Where to: large pieces of RAM for large mappings, at an offset that may forbid large pages. */
static u64 map_random_pa(struct judge *j, u64 len)
{
	u64 align = rng_below(&j->rng, 2) ? 2 * MIB : PAGE;

	if (len == GIB)
		return rng_below(&j->rng, 2) ? GIB : 4 * GIB;
	return data_pages(j, len, align) + (align > PAGE ? 0 : PAGE * rng_below(&j->rng, 8));
}

static bool map_random_one(struct judge *j, struct space *s, struct mapping *map)
{
	static const u32 prots[] = { RW, RW, IOPT_READ, IOPT_WRITE };
	u32 prot = prots[rng_below(&j->rng, space_is_fs(j) ? 3 : 4)];
	u64 len = map_random_len(j), pa = map_random_pa(j, len);
	u64 iova = rng_next(&j->rng) & s->pt.ia_last;
	int rc;

	/* Half of them near each other. */
	if (rng_below(&j->rng, 2))
		iova &= 64 * GIB - 1;
	iova &= ~((rng_below(&j->rng, 3) ? 2 * MIB : PAGE) - 1);
	/* Otherwise 512 page tables for it. */
	if (len == GIB)
		iova &= ~((rng_below(&j->rng, 3) ? GIB : 2 * MIB) - 1);
	if (map_touches_interrupts(iova, len) || (iova <= HOME && iova + len > HOME))
		return false;
	rc = iopt_map(&s->pt, iova, pa, len, prot);
	if (rc && rc != -EEXIST && rc != -ERANGE)
		judge_error(j, "iopt_map(0x%llx, 0x%llx, 0x%llx): %d", iova, pa, len, rc);
	*map = (struct mapping){ iova, len };
	return !rc;
}

/* Somewhere in it, and once in a while at an edge. */
static void map_random_check(struct judge *j, struct judge_link *l, const struct mapping *map)
{
	u32 len = 1 + (u32)rng_below(&j->rng, 600);
	u64 iova = map->iova + rng_below(&j->rng, map->len);

	if (!rng_below(&j->rng, 4))
		iova = map->iova + (rng_below(&j->rng, 2) ? map->len : 0) - len / 2;
	if (map_touches_interrupts(iova, len))
		return;
	/* Flushed, since QEMU records no fault of a cached translation. */
	judge_flush_global(j);
	judge_check(j, l, iova, len, rng_below(&j->rng, 2));
}

static void map_random_checks(struct judge *j, struct judge_link *l, const struct mapping *map,
			      unsigned int nr)
{
	unsigned int i, k;

	for (i = 0; i < nr; i++)
		for (k = 0; k < 2; k++)
			map_random_check(j, l, &map[i]);
	judge_compare(j, "after random DMA");
}

static void case_random(struct judge *j)
{
	struct mapping map[RANDOM_NR];
	unsigned int i, nr = 0;
	struct judge_link l;
	struct space s;

	map_begin(j, &s, &l);
	for (i = 0; i < 3 * RANDOM_NR && nr < RANDOM_NR; i++)
		nr += map_random_one(j, &s, &map[nr]);
	machine_adopt_tables(&j->m);
	map_random_checks(j, &l, map, nr);
	for (i = 0; i < nr; i += 2)
		space_unmap(j, &s, map[i].iova, map[i].iova + map[i].len - 1);
	map_random_checks(j, &l, map, nr);
	space_unmap(j, &s, 0, s.pt.ia_last);
	judge_expect(j, s.pt.nr_tables == 1, "%llu tables of an empty space", s.pt.nr_tables);
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

/* ---- Several devices ------------------------------------------------------------------------------------------------- */

static void case_devices(struct judge *j)
{
	const u64 at = 33 * GIB + 5 * PAGE;
	struct judge_link l[EDU_NR];
	struct space s[EDU_NR];
	u64 pa[EDU_NR];
	unsigned int i;

	for (i = 0; i < EDU_NR; i++) {
		space_init(j, &s[i], false);
		judge_link(j, &l[i], i, &s[i], HOME + i * PAGE);
		pa[i] = data_pages(j, PAGE, PAGE);
		space_map(j, &s[i], at, pa[i], PAGE, RW);
	}
	/* The same address leads each to its own page, and nobody to another's home. */
	for (i = 0; i < EDU_NR; i++) {
		judge_check_both(j, &l[i], at, 64);
		judge_check_both(j, &l[i], l[(i + 1) % EDU_NR].home, 64);
	}
	for (i = 0; i < EDU_NR; i++) {
		judge_load(j, &l[i], 64);
		judge_expect(j, judge_probe(j, l[i].e, at, pa[i], pa[i]) == LANDED_A,
			     "device %u does not reach its page", i);
		world_detach(j, l[i].e->rid);
		judge_expect(j, judge_probe(j, l[i].e, at, pa[i], pa[i]) == LANDED_NOWHERE,
			     "device %u reaches its page after it was detached", i);
		if (i + 1 < EDU_NR)
			judge_check_both(j, &l[i + 1], at, 64);
	}
	for (i = 0; i < EDU_NR; i++)
		space_destroy(j, &s[i]);
}

/* Two devices on one table, then one of them on another. */
static void case_shared(struct judge *j)
{
	const u64 at = 3 * PAGE;
	struct space s, other;
	struct judge_link l[2];
	struct vtd_te te;
	u64 pa;

	map_begin(j, &s, &l[0]);
	space_init(j, &other, false);
	l[1] = l[0];
	l[1].e = &j->m.edu[2];
	te = space_te(j, &s);
	world_attach(j, l[1].e->rid, &te);
	space_map(j, &s, at, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check_both(j, &l[0], at, 64);
	judge_check_both(j, &l[1], at, 64);
	judge_load(j, &l[1], 64);
	world_detach(j, l[1].e->rid);
	pa = data_pages(j, PAGE, PAGE);
	space_map(j, &other, at, pa, PAGE, RW);
	te = space_te(j, &other);
	world_attach(j, l[1].e->rid, &te);
	judge_flush(j);
	judge_expect(j, judge_probe(j, l[1].e, at, pa, pa) == LANDED_A,
		     "the new table is not used");
	judge_check_both(j, &l[0], at, 64);
	world_detach(j, l[1].e->rid);
	space_destroy(j, &other);
	map_end(j, &s, &l[0]);
}

const struct judge_case judge_map_cases[] = {
	{ "4 KiB pages and holes", case_pages, NULL },
	{ "read-only and write-only", case_permissions, NULL },
	{ "large pages", case_large, NULL },
	{ "first and last page of the width, and beyond", case_ends, NULL },
	{ "three levels on a unit with four", case_three_levels, map_wants_both_depths },
	{ "canonical addresses", case_canonical, map_wants_fs },
	{ "random mappings", case_random, NULL },
	{ "devices apart", case_devices, NULL },
	{ "devices sharing a table", case_shared, NULL },
	{ NULL, NULL, NULL },
};
