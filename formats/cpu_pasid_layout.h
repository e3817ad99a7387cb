/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * PASID translation of x86 CPUs: where the bits are.
 *
 * How sure this is. Confirmed by several sources: there are two directories, low and high, each named by a
 * physical address; an entry of a directory has a present bit, an entry of a table a valid bit; in both a
 * reserved bit that is set stops the instruction (exit reasons 72 and 73). Recalled from the Intel SDM
 * vol. 3C ("PASID translation") and not checked against its text: which bits of the number choose what,
 * how many entries there are, their sizes, and every position below. They agree with each other (2 x 512 x
 * 1024 is 2^20, every level fills 4 KiB) and with IA32_PASID, which has the number and its valid bit at the
 * same places. Should a position turn out wrong, this file is the only one to correct, and
 * tests/unit/formats/test_cpu_pasid.c the only one to disagree.
 *
 * Everything is little endian.
 */
#ifndef FORMATS_CPU_PASID_LAYOUT_H
#define FORMATS_CPU_PASID_LAYOUT_H

#include "os/os.h"

/* ---- The number: bit 19 chooses the directory, 18:10 its entry, 9:0 the entry of the table ---- */
#define CPU_PASID_BITS	    20
#define CPU_PASID_MAX	    ((1U << CPU_PASID_BITS) - 1)
#define CPU_PASID_TABLE_LG2 10
#define CPU_PASID_DIR_LG2   9
#define CPU_PASID_TABLE_NR  (1U << CPU_PASID_TABLE_LG2)
#define CPU_PASID_DIR_NR    (1U << CPU_PASID_DIR_LG2)

/* ---- Directory entry: 8 bytes ---- */
#define CPU_PASID_DE_BYTES 8
#define CPU_PASID_DE_P	   BIT_ULL(0)
/* 11:1 reserved */
#define CPU_PASID_DE_TABLE \
	GENMASK_ULL(63, 12) /* from the width of physical addresses on: reserved */

/* ---- Table entry: 4 bytes ---- */
#define CPU_PASID_TE_BYTES 4
#define CPU_PASID_TE_PASID 0x000fffffU /* 19:0: what goes to the device */
/* 30:20 reserved */
#define CPU_PASID_TE_V 0x80000000U /* 31 */

#endif
