/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the hooks of the page table walker (pgtable_walk.h) share with it. */
#ifndef FORMATS_PTW_H
#define FORMATS_PTW_H

#include "os/os.h"

#define PTW_PEEK 0x1u /* change nothing in memory; report each entry read */

/* A hook found that an entry changed under its hands: start again. No reason has this value. */
#define PTW_RESTART 0xff

enum ptw_fail {
	PTW_FAIL_ACCESS, /* the entry cannot be reached */
	PTW_FAIL_ABSENT, /* not present */
	PTW_FAIL_RESERVED, /* a reserved bit is set */
};

#define PTW_CAT2(a, b) a##_##b
#define PTW_CAT(a, b)  PTW_CAT2(a, b)
#define PTWF(name)     PTW_CAT(PTW_INST, name)
#define PTW_FMT(name)  PTW_CAT(PT_FMT, name)

#endif
