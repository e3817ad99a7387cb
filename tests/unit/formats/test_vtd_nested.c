// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Both stages nested: who is to blame for what, and device TLB answers. */
#include "tests/unit/formats/hand.h"

/* ---- nesting ---------------------------------------------------------------------------------------------- */

/*
 * Second-stage permissions of the page with the first-stage root table, of the page with the lowest
 * table, and of the page itself, with and without a pending update of accessed bits.
 */
static u8 nested_reason(unsigned int root, unsigned int low, unsigned int page, unsigned int access,
			bool ssade, bool update)
{
	unsigned int need = ssade ? R | W : R;

	if (!root)
		return 0x79;
	if (need & ~root)
		return 0x75;
	if (update && !(root & W))
		return 0x77;
	if (!low)
		return 0x79;
	if (need & ~low)
		return 0x76;
	if (update && !(low & W))
		return 0x77;
	if (!page)
		return 0x79;
	if (access & R & ~page)
		return 0x86;
	if (access & W & ~page)
		return 0x85;
	return 0;
}

static void nested_matrix_row(bool ssade, bool update, unsigned int access)
{
	unsigned int root, low, page, l;
	struct hand h;

	setup(&h, VTD_PGTT_NESTED);
	h.te.flags |= ssade ? VTD_TE_SSADE : 0;
	for (root = 0; root < 4; root++) {
		for (low = 0; low < 4; low++) {
			for (page = 0; page < 4; page++) {
				u8 want = nested_reason(root, low, page, access, ssade, update);

				for (l = 0; l < 4; l++)
					*h.fs[l] = (*h.fs[l] & ~(u64)(A | D)) | (update ? 0 :
										 l	? A :
											  A | D);
				*h.gss[3] = (*h.gss[3] & ~3ULL) | root;
				*h.gss[0] = (*h.gss[0] & ~3ULL) | low;
				*h.ss[0] = (*h.ss[0] & ~3ULL) | page;
				ut_assert_eq(walk(&h, access), want);
				if (!want) {
					ut_assert_eq(h.x.oa, h.page | 0x678);
					ut_assert_eq(h.x.perm & page, h.x.perm);
					continue;
				}
				ut_assert(h.x.stage == VTD_STAGE_SS && h.x.flags & VTD_XLAT_GPA);
				ut_assert(!(h.x.flags & VTD_XLAT_PAGE_REQUEST));
				if (want >= 0x85 || (want == 0x79 && root && low)) {
					ut_assert_eq(h.x.gpa, GPA_PAGE | 0x678);
					ut_assert(!(h.x.flags & VTD_XLAT_TABLE));
				} else {
					ut_assert(h.x.flags & VTD_XLAT_TABLE);
					ut_assert(h.x.gpa >> 12 == GPA_TABLE(0) >> 12 ||
						  h.x.gpa >> 12 == GPA_TABLE(3) >> 12);
				}
			}
		}
	}
	teardown(&h);
}

UT_CASE(nested_permission_matrix)
{
	unsigned int access;

	for (access = 1; access < 4; access++) {
		nested_matrix_row(false, false, access);
		nested_matrix_row(false, true, access);
		nested_matrix_row(true, false, access);
		nested_matrix_row(true, true, access);
	}
}

/* The entry whose accessed bit could not be set is named by its guest-physical address. */
UT_CASE(nested_update_names_the_entry)
{
	unsigned int level;
	struct hand h;

	for (level = 0; level < 4; level++) {
		unsigned int l;

		setup(&h, VTD_PGTT_NESTED);
		for (l = level + 1; l < 4; l++)
			*h.fs[l] |= A;
		*h.gss[level] &= ~(u64)W;
		ut_assert_eq(walk(&h, XLAT_READ), 0x77);
		ut_assert_eq(h.x.gpa, GPA_TABLE(level) + slot(VA, level) * 8);
		ut_assert(!(*h.fs[level] & A));
		*h.fs[level] |= A;
		ut_assert_eq(walk(&h, XLAT_READ), 0);
		teardown(&h);
	}
}

/* Second-stage trouble on the way to a table: not present, reserved, not accessible. */
UT_CASE(nested_table_faults)
{
	unsigned int level;
	struct hand h;

	for (level = 0; level < 4; level++) {
		setup(&h, VTD_PGTT_NESTED);
		*h.gss[level] = 0;
		ut_assert_eq(walk(&h, XLAT_READ), 0x79);
		ut_assert_eq(h.x.gpa, GPA_TABLE(level));
		*h.gss[level] = h.table_pa[level] | R | W | B(62);
		ut_assert_eq(walk(&h, XLAT_READ), 0x7a);
		ut_assert(h.x.flags & VTD_XLAT_TABLE && h.x.level == 0);
		/* The second stage leads to memory that is not there. */
		*h.gss[level] = ABSENT_PA | R | W;
		ut_assert_eq(walk(&h, XLAT_READ), level == 3 ? 0x73 : 0x70);
		ut_assert(h.x.stage == VTD_STAGE_FS && h.x.level == level);
		teardown(&h);
	}
}

UT_CASE(nested_address_widths)
{
	unsigned int level;
	struct hand h;

	/* 3 second-stage levels: 39 bits of guest-physical address. */
	for (level = 0; level < 4; level++) {
		setup_levels(&h, VTD_PGTT_NESTED, 4, 3);
		*h.fs[level] |= B(39);
		ut_assert_eq(walk(&h, XLAT_READ), 0x74);
		ut_assert(h.x.stage == VTD_STAGE_FS && h.x.level == level);
		ut_assert_eq(h.x.fault, XLAT_FAULT_WIDTH);
		teardown(&h);
	}
	/* Beyond the host's width it is a reserved bit first. */
	setup_levels(&h, VTD_PGTT_NESTED, 4, 5);
	*h.fs[1] |= B(TEST_HAW);
	ut_assert_eq(walk(&h, XLAT_READ), 0x72);
	teardown(&h);
}

/* First-stage faults, nested: the second stage is not asked about what does not exist. */
UT_CASE(nested_first_stage_faults)
{
	struct hand h;

	setup(&h, VTD_PGTT_NESTED);
	*h.ss[0] = 0;
	*h.fs[0] &= ~1ULL;
	ut_assert_eq(walk(&h, XLAT_READ), 0x71);
	ut_assert(h.x.flags & VTD_XLAT_PAGE_REQUEST && !(h.x.flags & VTD_XLAT_GPA));
	*h.fs[0] |= 1;
	*h.fs[0] &= ~(u64)W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x85);
	ut_assert(h.x.stage == VTD_STAGE_FS && h.x.flags & VTD_XLAT_PAGE_REQUEST);
	ut_assert_eq(walk(&h, XLAT_READ), 0x79);
	ut_assert(h.x.stage == VTD_STAGE_SS && !(h.x.flags & VTD_XLAT_PAGE_REQUEST));
	teardown(&h);
}

UT_CASE(nested_accessed_dirty)
{
	unsigned int l;
	struct hand h;

	setup(&h, VTD_PGTT_NESTED);
	h.te.flags |= VTD_TE_SSADE;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	/* Reading first-stage tables counts as writing the pages they are in. */
	for (l = 0; l < 4; l++) {
		ut_assert_eq(*h.gss[l] & (SA | SD), SA | SD);
		ut_assert_eq(*h.fs[l] & (A | D), A);
	}
	ut_assert_eq(*h.ss[0] & (SA | SD), SA);
	ut_assert_eq(h.x.perm, XLAT_READ);
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	ut_assert_eq(*h.ss[0] & (SA | SD), SA | SD);
	ut_assert_eq(*h.fs[0] & (A | D), A | D);
	ut_assert_eq(h.x.perm, XLAT_RW);
	/* Clean in one of the two stages only: not writable from a cache. */
	*h.fs[0] &= ~(u64)D;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(h.x.perm, XLAT_READ);
	*h.fs[0] |= D;
	*h.ss[0] &= ~(u64)SD;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(h.x.perm, XLAT_READ);
	/* Without SSADE the second stage has no say. */
	h.te.flags &= ~VTD_TE_SSADE;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(h.x.perm, XLAT_RW);
	teardown(&h);
}

/* ---- device TLB: permissions that are missing are missing in the answer ------------------------------------ */

UT_CASE(translation_requests)
{
	unsigned int fs_w, page, access;
	struct hand h;

	for (fs_w = 0; fs_w < 2; fs_w++) {
		for (page = 0; page < 4; page++) {
			for (access = R; access <= (R | W); access += W) {
				u32 perm = page & (fs_w ? R | W : R);

				setup(&h, VTD_PGTT_NESTED);
				h.te.flags |= VTD_TE_SSADE;
				if (!fs_w)
					*h.fs[0] &= ~(u64)W;
				*h.ss[0] = h.page | page;
				if (!(access & W))
					perm &= ~W;
				if (!page) {
					ut_assert_eq(walk(&h, access | XLAT_ATS), 0x79);
					teardown(&h);
					continue;
				}
				ut_assert_eq(walk(&h, access | XLAT_ATS), 0);
				ut_assert_eq(h.x.perm, perm);
				/* Dirty where the device got the right to write, else not in both. */
				ut_assert_eq(!!(*h.ss[0] & SD), !!(perm & W));
				ut_assert(perm & W ? *h.fs[0] & D :
						     !(*h.fs[0] & D && *h.ss[0] & SD));
				teardown(&h);
			}
		}
	}
	setup(&h, VTD_PGTT_FS);
	*h.fs[0] &= ~(u64)US;
	ut_assert_eq(walk(&h, XLAT_READ | XLAT_ATS), 0x81);
	*h.fs[0] = 0;
	ut_assert_eq(walk(&h, XLAT_READ | XLAT_ATS), 0x71);
	teardown(&h);
}

UT_SUITE(formats_vtd_nested, UT_ENTRY(nested_permission_matrix),
	 UT_ENTRY(nested_update_names_the_entry), UT_ENTRY(nested_table_faults),
	 UT_ENTRY(nested_address_widths), UT_ENTRY(nested_first_stage_faults),
	 UT_ENTRY(nested_accessed_dirty), UT_ENTRY(translation_requests));
