/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The VT-d unit of the tests: everything on, nothing at its maximum. */
#ifndef TESTS_UNIT_FORMATS_CAPS_H
#define TESTS_UNIT_FORMATS_CAPS_H

#include "formats/vtd.h"

#define TEST_HAW  46
#define TEST_MGAW 52

static inline struct vtd_caps test_caps(void)
{
	struct vtd_caps c = {
		.haw = TEST_HAW,
		.mgaw = TEST_MGAW,
		.sagaw = 0xe,
		.did_bits = 12,
		.pasid_bits = 20,
		.coherent = true,
		.zlr = true,
		.ss_2m = true,
		.ss_1g = true,
		.fs_1g = true,
		.fs5lp = true,
		.dt = true,
		.pt = true,
		.sc = true,
		.prs = true,
		.srs = true,
		.eafs = true,
		.smts = true,
		.ssads = true,
		.ssts = true,
		.fsts = true,
		.nest = true,
		.smpwcs = true,
	};

	ut_assert_eq(vtd_caps_prepare(&c), 0);
	return c;
}

#endif
