/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * VT-d second stage for the templates pgtable_build.h and pgtable_walk.h.
 * Source: VT-d 5.10, 3.7 and 9.8.
 */
#ifndef FORMATS_PGTABLE_FMT_VTDSS_H
#define FORMATS_PGTABLE_FMT_VTDSS_H

#include "formats/pgtable.h"
#include "formats/vtd_layout.h"

enum {
	vtdss_GRANULE_LG2 = 12,
	vtdss_INDEX_LG2 = 9,
	vtdss_LEVELS_MAX = 5,
};

static __always_inline bool vtdss_present(u64 e)
{
	return e & (VTD_SS_R | VTD_SS_W);
}

/* Of a present entry. Where a level has no large pages PS is a reserved bit, caught before. */
static __always_inline bool vtdss_is_leaf(u64 e, unsigned int lvl)
{
	return lvl == 0 || (e & VTD_SS_PS);
}

static __always_inline u64 vtdss_table_pa(u64 e)
{
	return e & VTD_ADDR_MASK;
}

static __always_inline u64 vtdss_leaf_oa(u64 e, unsigned int lg2)
{
	return e & VTD_ADDR_MASK & ~((1ULL << lg2) - 1);
}

static __always_inline bool vtdss_leaf_dirty(u64 e)
{
	return e & VTD_SS_D;
}

static __always_inline u64 vtdss_leaf_clean(u64 e)
{
	return e & ~VTD_SS_D;
}

/* ---- building ---- */

static inline u64 vtdss_page_sizes(void)
{
	return BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30);
}

static inline int vtdss_ia_lg2(unsigned int levels)
{
	if (levels < 3 || levels > 5)
		return -EOPNOTSUPP;
	return (int)(12 + 9 * levels);
}

static inline int vtdss_prot_check(const struct iopt *pt, u32 prot)
{
	/* SNP is a reserved bit on units without snoop control. */
	return prot & IOPT_SNOOP && !pt->leaf_snoop ? -EOPNOTSUPP : 0;
}

/*
 * A is set in advance, so that a walk never has to write to the upper levels, whatever the entry
 * says about accessed/dirty bits (without SSADE the bit is ignored).
 */
static __always_inline u64 vtdss_make_table(u64 pa)
{
	return pa | VTD_SS_R | VTD_SS_W | VTD_SS_A;
}

static inline u64 vtdss_leaf_attrs(const struct iopt *pt, u32 prot, unsigned int lvl)
{
	u64 attrs = 0;

	if (prot & IOPT_READ)
		attrs |= VTD_SS_R;
	if (prot & IOPT_WRITE)
		attrs |= VTD_SS_W;
	if (prot & IOPT_SNOOP)
		attrs |= VTD_SS_SNP;
	if (!pt->track)
		attrs |= VTD_SS_A | (prot & IOPT_WRITE ? VTD_SS_D : 0);
	if (lvl)
		attrs |= VTD_SS_PS;
	return attrs;
}

static __always_inline u64 vtdss_make_leaf(u64 pa, u64 attrs)
{
	return pa | attrs;
}

static inline u32 vtdss_leaf_prot(u64 e)
{
	u32 prot = 0;

	if (e & VTD_SS_R)
		prot |= IOPT_READ;
	if (e & VTD_SS_W)
		prot |= IOPT_WRITE;
	if (e & VTD_SS_SNP)
		prot |= IOPT_SNOOP;
	return prot;
}

#endif
