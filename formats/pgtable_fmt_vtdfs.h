/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * VT-d first stage (x86-64 page tables) for the templates pgtable_build.h and pgtable_walk.h.
 * Source: VT-d 5.10, 3.6 and 9.7.
 */
#ifndef FORMATS_PGTABLE_FMT_VTDFS_H
#define FORMATS_PGTABLE_FMT_VTDFS_H

#include "formats/pgtable.h"
#include "formats/vtd_layout.h"

enum {
	vtdfs_GRANULE_LG2 = 12,
	vtdfs_INDEX_LG2 = 9,
	vtdfs_LEVELS_MAX = 5,
};

static __always_inline bool vtdfs_present(u64 e)
{
	return e & VTD_FS_P;
}

/* Of a present entry. Where a level has no large pages PS is a reserved bit, caught before. */
static __always_inline bool vtdfs_is_leaf(u64 e, unsigned int lvl)
{
	return lvl == 0 || (e & VTD_FS_PS);
}

static __always_inline u64 vtdfs_table_pa(u64 e)
{
	return e & VTD_ADDR_MASK;
}

/* Drops the PAT bit of large leaves, which is the lowest bit of a page number. */
static __always_inline u64 vtdfs_leaf_oa(u64 e, unsigned int lg2)
{
	return e & VTD_ADDR_MASK & ~((1ULL << lg2) - 1);
}

static __always_inline bool vtdfs_leaf_dirty(u64 e)
{
	return e & VTD_FS_D;
}

static __always_inline u64 vtdfs_leaf_clean(u64 e)
{
	return e & ~VTD_FS_D;
}

/* ---- building ---- */

static inline u64 vtdfs_page_sizes(void)
{
	return BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30);
}

/*
 * Input addresses are sign-extended; IOVAs stay in the half whose upper bits are 0, so that "first
 * to last" is one range.
 */
static inline int vtdfs_ia_lg2(unsigned int levels)
{
	if (levels != 4 && levels != 5)
		return -EOPNOTSUPP;
	return (int)(12 + 9 * levels - 1);
}

static inline int vtdfs_prot_check(const struct iopt *pt __maybe_unused, u32 prot)
{
	/* Present means readable. */
	return prot & IOPT_READ ? 0 : -EOPNOTSUPP;
}

/* All permissions are given in the tables above and decided in the leaf. */
static __always_inline u64 vtdfs_make_table(u64 pa)
{
	return pa | VTD_FS_P | VTD_FS_RW | VTD_FS_US | VTD_FS_A;
}

static inline u64 vtdfs_leaf_attrs(const struct iopt *pt, u32 prot, unsigned int lvl)
{
	u64 attrs = VTD_FS_P | VTD_FS_US;

	if (prot & IOPT_WRITE)
		attrs |= VTD_FS_RW;
	if (!pt->track)
		attrs |= VTD_FS_A | (prot & IOPT_WRITE ? VTD_FS_D : 0);
	if (lvl)
		attrs |= VTD_FS_PS;
	return attrs;
}

static __always_inline u64 vtdfs_make_leaf(u64 pa, u64 attrs)
{
	return pa | attrs;
}

static inline u32 vtdfs_leaf_prot(u64 e)
{
	return e & VTD_FS_RW ? IOPT_READ | IOPT_WRITE : IOPT_READ;
}

#endif
