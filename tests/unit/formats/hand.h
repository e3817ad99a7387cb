/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * VT-d page tables written by hand, with numbers from the specification, and a walk through them.
 */
#ifndef TESTS_UNIT_FORMATS_HAND_H
#define TESTS_UNIT_FORMATS_HAND_H

#include "tests/unit/formats/arena.h"
#include "tests/unit/formats/caps.h"

#define B(n) (1ULL << (n))
#define ADDR 0x000ffffffffff000ULL

/* Indexes 0x1f, 0x10, 0xff, 0x1a2, 0x33 from level 4 down (the highest only with 5 levels). */
#define VA  ((0x10ULL << 39) | (0xffULL << 30) | (0x1a2ULL << 21) | (0x33ULL << 12) | 0x678)
#define VA5 (VA | 0x1fULL << 48)
/* Guest-physical addresses: first-stage tables by level, then the page. */
#define GPA_TABLE(level) (0x40010000ULL + (level)*0x1000)
#define GPA_PAGE	 0x40123000ULL
#define ABSENT_PA	 0x3ffff0000000ULL

enum { R = 1, W = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, SA = 0x100, SD = 0x200, SNP = 0x800 };

/*
 * A complete set of tables. @fs[l], @ss[l] are the entries the walk of VA uses at level l; @gss[l]
 * is the second-stage leaf through which the first-stage table at level l is found (nested).
 */
struct hand {
	struct arena *a;
	struct vtd_caps caps;
	struct vtd_te te;
	struct vtd_xlat x;
	u64 *fs[5];
	u64 *ss[5];
	u64 *gss[5];
	u64 page; /* host-physical address of the page */
	u64 table_pa[5]; /* of the first-stage tables */
};

static inline u64 slot(u64 va, unsigned int level)
{
	return (va >> (12 + 9 * level)) & 511;
}

/* A table at @level, which @parent will point to (NULL: the root). */
static inline u64 *new_table(struct hand *h, u64 *parent, u64 bits, u64 *pa)
{
	u64 *words = arena_page(h->a, pa);

	if (parent)
		*parent = *pa | bits;
	return words;
}

/* Second-stage tables for GPA_PAGE and its 2 MiB. */
static inline void make_ss(struct hand *h, unsigned int levels)
{
	u64 *parent = NULL, pa;
	int l;

	for (l = levels - 1; l >= 0; l--) {
		u64 *words = new_table(h, parent, R | W, &pa);

		if (l == (int)levels - 1)
			h->te.ss_root = pa;
		h->ss[l] = parent = &words[slot(GPA_PAGE, l)];
	}
	h->te.ss_levels = levels;
	h->te.gpa_lg2 = min_t(u8, TEST_MGAW, 12 + 9 * levels);
}

/* First-stage tables for VA; nested: pointers are guest-physical. */
static inline void make_fs(struct hand *h, unsigned int levels, bool nested)
{
	u64 *parent = NULL, pa;
	int l;

	for (l = levels - 1; l >= 0; l--) {
		u64 *words = new_table(h, NULL, 0, &pa), name = pa;

		if (nested) {
			name = GPA_TABLE(l);
			/* The page's own leaf entry and those of the tables share one table. */
			h->gss[l] = h->ss[0] - slot(GPA_PAGE, 0) + slot(name, 0);
			*h->gss[l] = pa | R | W;
		}
		h->table_pa[l] = pa;
		if (parent)
			*parent = name | 1 | W | US;
		else
			h->te.fs_root = name;
		h->fs[l] = parent = &words[slot(levels == 5 ? VA5 : VA, l)];
	}
	h->te.fs_levels = levels;
}

static inline void setup_levels(struct hand *h, u8 pgtt, unsigned int fs, unsigned int ss)
{
	memset(h, 0, sizeof(*h));
	h->a = arena_new();
	h->caps = test_caps();
	h->te.pgtt = pgtt;
	h->te.flags = VTD_TE_PWSNP;
	arena_page(h->a, &h->page);
	if (pgtt == VTD_PGTT_SS || pgtt == VTD_PGTT_NESTED) {
		make_ss(h, ss);
		*h->ss[0] = h->page | R | W;
	}
	if (pgtt == VTD_PGTT_FS || pgtt == VTD_PGTT_NESTED) {
		make_fs(h, fs, pgtt == VTD_PGTT_NESTED);
		*h->fs[0] = (pgtt == VTD_PGTT_NESTED ? GPA_PAGE : h->page) | 1 | W | US;
	}
}

static inline void setup(struct hand *h, u8 pgtt)
{
	setup_levels(h, pgtt, 4, 4);
}

static inline void teardown(struct hand *h)
{
	arena_reset(h->a);
	arena_end(h->a);
}

static inline u64 input(const struct hand *h)
{
	if (h->te.pgtt == VTD_PGTT_SS)
		return GPA_PAGE | 0x678;
	return h->te.fs_levels == 5 ? VA5 : VA;
}

static inline u8 walk_at(struct hand *h, u64 va, u32 access)
{
	u8 rc = vtd_walk(&h->a->mem, &h->caps, &h->te, va, access, &h->x);

	ut_assert_eq(rc, h->x.reason);
	ut_assert_eq(rc == 0, h->x.fault == XLAT_OK);
	return rc;
}

static inline u8 walk(struct hand *h, u32 access)
{
	return walk_at(h, input(h), access);
}

#endif
