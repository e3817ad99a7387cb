// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Each stage alone: every bit of every entry, permissions, accessed and dirty bits. */
#include "tests/unit/formats/hand.h"

/* ---- first stage: every bit of every entry ------------------------------------------------------- */

/* What flipping @bit of a good entry at @level gives: a reason, or 0 with another output. */
static u8 fs_bit_reason(unsigned int level, bool large, unsigned int bit, u32 access)
{
	if (bit == 0)
		return 0x71;
	if (bit == 1)
		return access & XLAT_WRITE ? 0x85 : 0;
	if (bit == 2)
		return 0x81;
	if (bit == 7)
		return level >= 3 ? 0x72 : level == 0 ? 0 : 0xff;
	if (bit >= TEST_HAW && bit <= 51)
		return 0x72;
	if (large && bit >= 13 && bit < 12 + 9 * level)
		return 0x72;
	/* Another table, which is not there or empty; or another page. */
	if (bit >= 12 && bit < TEST_HAW && level > 0 && !large)
		return 0xff;
	return 0;
}

/* One bit of one entry flipped, then all as it was. */
static u8 walk_flipped(struct hand *h, u64 *const *entry, unsigned int levels, unsigned int level,
		       unsigned int bit, u32 access)
{
	unsigned int l;
	u64 saved[5];
	u8 rc;

	for (l = 0; l < levels; l++)
		saved[l] = *entry[l];
	*entry[level] ^= B(bit);
	rc = walk(h, access);
	for (l = 0; l < levels; l++)
		*entry[l] = saved[l];
	return rc;
}

static void fs_bit(struct hand *h, unsigned int leaf, unsigned int level, unsigned int bit,
		   u32 access)
{
	u8 want = fs_bit_reason(level, leaf && level == leaf, bit, access);
	u8 rc = walk_flipped(h, h->fs, h->te.fs_levels, level, bit, access);

	if (want == 0xff)
		ut_assert(rc != 0x85 && rc != 0x81);
	else
		ut_assert_eq(rc, want);
	if (!rc)
		return;
	ut_assert_eq(!!(h->x.flags & VTD_XLAT_PAGE_REQUEST),
		     rc == 0x71 || rc == 0x81 || rc == 0x85);
	if (rc == want)
		ut_assert(h->x.stage == VTD_STAGE_FS && h->x.level == (rc >= 0x80 ? leaf : level));
}

static void fs_bits(unsigned int levels, unsigned int leaf)
{
	unsigned int level, bit;
	struct hand h;
	u32 access;

	setup_levels(&h, VTD_PGTT_FS, levels, 0);
	if (leaf)
		*h.fs[leaf] = 0x123440000000ULL | 1 | W | US | PS;
	for (level = leaf; level < levels; level++)
		for (bit = 0; bit < 64; bit++)
			for (access = XLAT_READ; access <= XLAT_RW; access++)
				fs_bit(&h, leaf, level, bit, access);
	teardown(&h);
}

UT_CASE(first_stage_every_bit)
{
	fs_bits(4, 0);
	fs_bits(4, 1);
	fs_bits(4, 2);
	fs_bits(5, 0);
}

UT_CASE(first_stage_1g_needs_capability)
{
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	*h.fs[2] = 0x123440000000ULL | 1 | W | US | PS;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	h.caps.fs_1g = false;
	ut_assert_eq(vtd_caps_prepare(&h.caps), 0);
	ut_assert_eq(walk(&h, XLAT_READ), 0x72);
	ut_assert(h.x.fault == XLAT_FAULT_RESERVED && h.x.level == 2);
	teardown(&h);
}

UT_CASE(first_stage_access_errors)
{
	unsigned int level;
	struct hand h;

	for (level = 0; level < 4; level++) {
		setup(&h, VTD_PGTT_FS);
		if (level == 3)
			h.te.fs_root = ABSENT_PA;
		else
			*h.fs[level + 1] = (*h.fs[level + 1] & ~ADDR) | ABSENT_PA;
		ut_assert_eq(walk(&h, XLAT_READ), level == 3 ? 0x73 : 0x70);
		ut_assert(h.x.stage == VTD_STAGE_FS && h.x.level == level);
		ut_assert_eq(h.x.fault, XLAT_FAULT_ACCESS);
		teardown(&h);
	}
}

/* ---- first stage: permissions ---------------------------------------------------------------------- */

UT_CASE(first_stage_permissions)
{
	unsigned int level, clear, priv, wpe, access;
	struct hand h;

	/* R/W and U/S are ANDed over all levels: clear each at one level at a time. */
	for (level = 0; level < 4; level++) {
		for (clear = 0; clear <= (W | US); clear += 2) {
			setup(&h, VTD_PGTT_FS);
			*h.fs[level] &= ~(u64)clear;
			for (priv = 0; priv < 2; priv++) {
				for (wpe = 0; wpe < 2; wpe++) {
					bool may_write = !(clear & W) || (priv && !wpe);

					h.te.flags = VTD_TE_PWSNP | VTD_TE_SRE |
						     (wpe ? VTD_TE_WPE : 0);
					for (access = 1; access <= 3; access++) {
						u8 want = !priv && clear & US	   ? 0x81 :
							  access & W && !may_write ? 0x85 :
										     0;

						ut_assert_eq(walk(&h,
								  access | (priv ? XLAT_PRIV : 0)),
							     want);
						if (want) {
							ut_assert(h.x.fault ==
								  XLAT_FAULT_PERMISSION);
							continue;
						}
						ut_assert_eq(!!(h.x.flags & VTD_XLAT_USER),
							     !(clear & US));
						ut_assert_eq(
							h.x.perm & XLAT_WRITE,
							may_write && *h.fs[0] & D ? XLAT_WRITE : 0);
					}
				}
			}
			teardown(&h);
		}
	}
}

UT_CASE(supervisor_needs_sre)
{
	static const u8 types[] = { VTD_PGTT_FS, VTD_PGTT_SS, VTD_PGTT_NESTED, VTD_PGTT_PASS };
	unsigned int i;
	struct hand h;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		setup(&h, types[i]);
		h.te.fs_levels = 4;
		ut_assert_eq(walk(&h, XLAT_READ | XLAT_PRIV), 0x5d);
		h.te.flags |= VTD_TE_SRE;
		ut_assert_eq(walk(&h, XLAT_READ | XLAT_PRIV), 0);
		teardown(&h);
	}
}

/* ---- first stage: accessed, dirty, extended accessed -------------------------------------------------- */

UT_CASE(first_stage_accessed_dirty)
{
	unsigned int l;
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	/* A in all, D in none; not to be cached as writable. */
	for (l = 0; l < 4; l++)
		ut_assert_eq(*h.fs[l] & (A | D | B(10)), A);
	ut_assert_eq(h.x.perm, XLAT_READ);
	ut_assert(h.x.flags & VTD_XLAT_CLEAN);
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	for (l = 0; l < 4; l++)
		ut_assert_eq(*h.fs[l] & (A | D | B(10)), l ? A : A | D);
	ut_assert_eq(h.x.perm, XLAT_RW);
	ut_assert(!(h.x.flags & VTD_XLAT_CLEAN));
	/* Once set, reads may be cached as writable too. */
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(h.x.perm, XLAT_RW);
	/* EA comes with A. */
	h.te.flags |= VTD_TE_EAFE;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	for (l = 0; l < 4; l++)
		ut_assert_eq(*h.fs[l] & (A | B(10)), A | B(10));
	teardown(&h);
}

/* A fault leaves D alone: never D in an entry that is not writable, never A in one not present. */
UT_CASE(faults_leave_dirty_alone)
{
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	*h.fs[0] &= ~(u64)W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x85);
	ut_assert(!(*h.fs[0] & (A | D)));
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(*h.fs[0] & (A | D), A);
	ut_assert_eq(h.x.perm, XLAT_READ);
	ut_assert(!(h.x.flags & VTD_XLAT_CLEAN));
	/* Writable in the leaf, not above. */
	*h.fs[0] |= W;
	*h.fs[2] &= ~(u64)W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x85);
	ut_assert(!(*h.fs[0] & D));
	*h.fs[0] = 0x1234000 | W | US;
	ut_assert_eq(walk(&h, XLAT_READ), 0x71);
	ut_assert_eq(*h.fs[0], 0x1234000 | W | US);
	/* Not for users: no bit in the leaf. */
	*h.fs[0] = h.page | 1 | W;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x81);
	ut_assert_eq(*h.fs[0], h.page | 1 | W);
	teardown(&h);
}

UT_CASE(updates_need_snooped_walks)
{
	unsigned int l;
	struct hand h;

	setup(&h, VTD_PGTT_FS);
	h.te.flags = 0;
	ut_assert_eq(walk(&h, XLAT_READ), 0x90);
	ut_assert(h.x.level == 3 && h.x.stage == VTD_STAGE_FS);
	for (l = 0; l < 4; l++)
		*h.fs[l] |= A;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x90);
	ut_assert_eq(h.x.level, 0);
	*h.fs[0] |= D;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	teardown(&h);
	setup(&h, VTD_PGTT_SS);
	h.te.flags = VTD_TE_SSADE;
	ut_assert_eq(walk(&h, XLAT_READ), 0x7c);
	ut_assert(h.x.level == 3 && h.x.stage == VTD_STAGE_SS);
	h.te.flags = 0;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	teardown(&h);
}

/* ---- second stage: every bit, permissions, accessed/dirty ------------------------------------------------ */

static u8 ss_bit_reason(unsigned int level, bool large, unsigned int bit, u32 access)
{
	if (bit == 0)
		return access & XLAT_READ ? 0x86 : 0;
	if (bit == 1)
		return access & XLAT_WRITE ? 0x85 : 0;
	if (bit == 62)
		return 0x7a;
	if (bit == 11)
		return level == 0 || large ? 0 : 0x7a;
	if (bit == 7)
		return level >= 3 ? 0x7a : level == 0 ? 0 : 0xff;
	if (bit >= TEST_HAW && bit <= 51)
		return 0x7a;
	if (large && bit >= 12 && bit < 12 + 9 * level)
		return 0x7a;
	if (bit >= 12 && bit < TEST_HAW && level > 0 && !large)
		return 0xff;
	return 0;
}

static void ss_bit(struct hand *h, unsigned int leaf, unsigned int level, unsigned int bit,
		   u32 access)
{
	u8 want = ss_bit_reason(level, leaf && level == leaf, bit, access);
	u8 rc = walk_flipped(h, h->ss, h->te.ss_levels, level, bit, access);

	if (want == 0xff)
		ut_assert(rc != 0x85 && rc != 0x86);
	else
		ut_assert_eq(rc, want);
	if (!rc)
		return;
	ut_assert(!(h->x.flags & VTD_XLAT_PAGE_REQUEST));
	if (rc == want)
		ut_assert(h->x.stage == VTD_STAGE_SS && h->x.level == (rc >= 0x80 ? leaf : level));
}

static void ss_bits(unsigned int levels, unsigned int leaf)
{
	unsigned int level, bit;
	struct hand h;
	u32 access;

	setup_levels(&h, VTD_PGTT_SS, 0, levels);
	if (leaf)
		*h.ss[leaf] = 0x123440000000ULL | R | W | PS;
	for (level = leaf; level < levels; level++)
		for (bit = 0; bit < 64; bit++)
			for (access = XLAT_READ; access <= XLAT_RW; access++)
				ss_bit(&h, leaf, level, bit, access);
	teardown(&h);
}

UT_CASE(second_stage_every_bit)
{
	ss_bits(3, 0);
	ss_bits(4, 0);
	ss_bits(4, 1);
	ss_bits(4, 2);
	ss_bits(5, 0);
}

UT_CASE(second_stage_capabilities)
{
	struct hand h;

	setup(&h, VTD_PGTT_SS);
	*h.ss[0] |= SNP;
	h.caps.sc = false;
	ut_assert_eq(vtd_caps_prepare(&h.caps), 0);
	ut_assert_eq(walk(&h, XLAT_READ), 0x7a);
	*h.ss[1] = 0x123440000000ULL | R | W | PS;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	h.caps.ss_2m = false;
	ut_assert_eq(vtd_caps_prepare(&h.caps), 0);
	ut_assert_eq(walk(&h, XLAT_READ), 0x7a);
	*h.ss[2] = 0x123440000000ULL | R | W | PS;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	h.caps.ss_1g = false;
	ut_assert_eq(vtd_caps_prepare(&h.caps), 0);
	ut_assert_eq(walk(&h, XLAT_READ), 0x7a);
	teardown(&h);
}

UT_CASE(second_stage_access_errors)
{
	unsigned int level;
	struct hand h;

	for (level = 0; level < 4; level++) {
		setup(&h, VTD_PGTT_SS);
		if (level == 3)
			h.te.ss_root = ABSENT_PA;
		else
			*h.ss[level + 1] = ABSENT_PA | R | W;
		ut_assert_eq(walk(&h, XLAT_READ), level == 3 ? 0x7b : 0x78);
		ut_assert(h.x.stage == VTD_STAGE_SS && h.x.level == level);
		teardown(&h);
	}
}

/* Two levels, all permissions of each: what is left must cover the access, and not be nothing. */
UT_CASE(second_stage_permissions)
{
	unsigned int level, p1, p2, access, zlr;
	struct hand h;

	setup(&h, VTD_PGTT_SS);
	for (level = 1; level < 4; level++) {
		for (p1 = 0; p1 < 4; p1++) {
			for (p2 = 0; p2 < 4; p2++) {
				*h.ss[level] = (*h.ss[level] & ~3ULL) | p1;
				*h.ss[0] = (*h.ss[0] & ~3ULL) | p2;
				for (access = 1; access < 4; access++) {
					u32 acc = p1 & p2;
					u8 want = !acc		    ? 0x79 :
						  access & ~acc & R ? 0x86 :
						  access & ~acc & W ? 0x85 :
								      0;

					ut_assert_eq(walk(&h, access), want);
					if (!want)
						ut_assert_eq(h.x.perm, acc);
				}
				/* Zero-length reads of write-only pages, if the unit can. */
				for (zlr = 0; zlr < 2; zlr++) {
					u32 acc = p1 & p2;

					h.caps.zlr = zlr;
					ut_assert_eq(walk(&h, XLAT_READ | XLAT_ZERO_LEN),
						     !acc	    ? 0x79 :
						     acc & R || zlr ? 0 :
								      0x86);
				}
			}
		}
		*h.ss[level] |= 3;
	}
	teardown(&h);
}

UT_CASE(second_stage_accessed_dirty)
{
	unsigned int l;
	struct hand h;

	setup(&h, VTD_PGTT_SS);
	/* Without SSADE nothing is written, and nothing stands in the way of caching. */
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	for (l = 0; l < 4; l++)
		ut_assert(!(*h.ss[l] & (SA | SD)));
	ut_assert_eq(h.x.perm, XLAT_RW);
	h.te.flags |= VTD_TE_SSADE;
	ut_assert_eq(walk(&h, XLAT_READ), 0);
	for (l = 0; l < 4; l++)
		ut_assert_eq(*h.ss[l] & (SA | SD), SA);
	ut_assert(h.x.perm == XLAT_READ && h.x.flags & VTD_XLAT_CLEAN);
	ut_assert_eq(walk(&h, XLAT_WRITE), 0);
	for (l = 0; l < 4; l++)
		ut_assert_eq(*h.ss[l] & (SA | SD), l ? SA : SA | SD);
	ut_assert(h.x.perm == XLAT_RW && !(h.x.flags & VTD_XLAT_CLEAN));
	/* A write that is refused leaves no mark. */
	*h.ss[0] = h.page | R;
	ut_assert_eq(walk(&h, XLAT_WRITE), 0x85);
	ut_assert_eq(*h.ss[0], h.page | R);
	teardown(&h);
}

UT_SUITE(formats_vtd_stages, UT_ENTRY(first_stage_every_bit),
	 UT_ENTRY(first_stage_1g_needs_capability), UT_ENTRY(first_stage_access_errors),
	 UT_ENTRY(first_stage_permissions), UT_ENTRY(supervisor_needs_sre),
	 UT_ENTRY(first_stage_accessed_dirty), UT_ENTRY(faults_leave_dirty_alone),
	 UT_ENTRY(updates_need_snooped_walks), UT_ENTRY(second_stage_every_bit),
	 UT_ENTRY(second_stage_capabilities), UT_ENTRY(second_stage_access_errors),
	 UT_ENTRY(second_stage_permissions), UT_ENTRY(second_stage_accessed_dirty));
