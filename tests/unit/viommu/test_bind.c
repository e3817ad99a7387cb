// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a guest's tables become: the calls, in order, and what remains when one of them fails. */
#include "tests/unit/viommu/fx.h"

static void sync_pasid(struct fx *fx, u32 pasid)
{
	vg_qi(&fx->g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 1, pasid), 0);
	ut_assert(vg_wait(&fx->g));
}

static void sync_all(struct fx *fx)
{
	vg_qi(&fx->g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(vg_wait(&fx->g));
}

static void sync_context(struct fx *fx, u16 rid)
{
	vg_qi(&fx->g, vg_desc_context(VTD_QI_CONTEXT_G_DEVICE, rid), 0);
	ut_assert(vg_wait(&fx->g));
}

UT_CASE(translation_off)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;

	fx_unit(&fx, &config);
	fx_add(&fx);
	shim_assert("attach dev 0 1\nattach dev 1 1\n");
	vg_boot(&fx.g);
	/* No context entries: blocked. */
	shim_assert("detach dev 0 1\ndetach dev 1 1\n");
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	shim_assert("attach dev 0 1\nattach dev 1 1\n");
	fx_end(&fx);
}

UT_CASE(translation_off_blocks_if_wanted)
{
	struct vtd_unit_config config = { .flags = VTD_UNIT_BLOCK };
	struct fx fx;

	fx_unit(&fx, &config);
	fx_add(&fx);
	vg_boot(&fx.g);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	shim_assert("");
	fx_end(&fx);
}

/* A driver's own sequence for DMA without PASID: entry 0, then the context entry, then flushes. */
UT_CASE(default_route)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 2);
	sync_context(&fx, RID0);
	shim_assert("alloc 10 root 7000\nattach dev 0 10\n");
	vg_pasid_fs(&fx.g, dir, 0, 0x8000, 2);
	sync_pasid(&fx, 0);
	shim_assert("bind 10 root 8000 levels 4\n");
	vg_pasid_pass(&fx.g, dir, 0, 3);
	sync_pasid(&fx, 0);
	shim_assert("attach dev 0 1 replace\nfree 10\n");
	vg_pasid_fs(&fx.g, dir, 0, 0x9000, 2);
	sync_pasid(&fx, 0);
	shim_assert("alloc 11 root 9000\nattach dev 0 11 replace\n");
	/* Nothing changed: nothing said. */
	sync_all(&fx);
	shim_assert("");
	vg_pasid_clear(&fx.g, dir, 0, false);
	sync_pasid(&fx, 0);
	shim_assert("detach dev 0 11\nfree 11\n");
	fx_end(&fx);
}

UT_CASE(default_route_goes_when_translation_does)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 2);
	vg_pasid_fs(&fx.g, dir, 9, 0x5000, 2);
	sync_context(&fx, RID0);
	shim_clear();
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	shim_assert("attach dev 0 1 replace\nfree 10\n"
		    "clear_hwid 11 pasid 9 dev 0\ndetach_pasid dev 0 11\nfree 11\n"
		    "attach dev 1 1\n");
	vg_command(&fx.g, VTD_GCMD_TE);
	shim_assert("alloc 12 root 7000\nattach dev 0 12 replace\n"
		    "alloc 13 root 0\nattach_pasid dev 0 13\nbind 13 root 5000 levels 4\n"
		    "set_hwid 13 pasid 9 dev 0\ndetach dev 1 1\n");
	fx_end(&fx);
}

UT_CASE(pasid_comes_changes_goes)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 0xfffff, 0x5000, 1);
	sync_pasid(&fx, 0xfffff);
	shim_assert("alloc 10 root 0\nattach_pasid dev 1 10\nbind 10 root 5000 levels 4\n"
		    "set_hwid 10 pasid 1048575 dev 1\n");
	ut_assert_eq(shim.ioas[10].table.flags, 0);
	vg_pasid_fs(&fx.g, dir, 0xfffff, 0x6000, 1);
	sync_pasid(&fx, 0xfffff);
	shim_assert("bind 10 root 6000 levels 4\n");
	/* Another domain ID is no other table. */
	vg_pasid_fs(&fx.g, dir, 0xfffff, 0x6000, 7);
	sync_pasid(&fx, 0xfffff);
	shim_assert("");
	/* ... but it is what invalidations name. */
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0);
	ut_assert(vg_wait(&fx.g));
	shim_assert("");
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 7), 0);
	ut_assert(vg_wait(&fx.g));
	shim_assert("invalidate 10\n");
	vg_pasid_clear(&fx.g, dir, 0xfffff, true);
	sync_pasid(&fx, 0xfffff);
	shim_assert("clear_hwid 10 pasid 1048575 dev 1\ndetach_pasid dev 1 10\nfree 10\n");
	ut_assert_eq(fx_stats(&fx).binds, 1);
	ut_assert_eq(fx_stats(&fx).rebinds, 1);
	ut_assert_eq(fx_stats(&fx).unbinds, 1);
	fx_end(&fx);
}

/* Changes are not looked at before the guest says so. */
UT_CASE(entries_are_cached)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	shim_clear();
	vg_pasid_clear(&fx.g, dir, 5, false);
	vg_pasid_fs(&fx.g, dir, 6, 0x5000, 1);
	vg_qi(&fx.g, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 1, 6), 0);
	ut_assert(vg_wait(&fx.g));
	shim_assert("");
	sync_pasid(&fx, 6);
	sync_pasid(&fx, 5);
	shim_assert("alloc 11 root 0\nattach_pasid dev 0 11\nbind 11 root 5000 levels 4\n"
		    "set_hwid 11 pasid 6 dev 0\n"
		    "clear_hwid 10 pasid 5 dev 0\ndetach_pasid dev 0 10\nfree 10\n");
	fx_end(&fx);
}

/* Pass-through with a PASID: one attachment of the GPA space carries all numbers. */
UT_CASE(pasid_pass_through)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_pass(&fx.g, dir, 5, 3);
	sync_pasid(&fx, 5);
	shim_assert("attach_pasid dev 0 1\nset_hwid 1 pasid 5 dev 0\n");
	vg_pasid_pass(&fx.g, dir, 6, 3);
	sync_pasid(&fx, 6);
	shim_assert("set_hwid 1 pasid 6 dev 0\n");
	/* From pass-through to a table: the number is nowhere in between. */
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	shim_assert("clear_hwid 1 pasid 5 dev 0\n"
		    "alloc 10 root 0\nattach_pasid dev 0 10\nbind 10 root 5000 levels 4\n"
		    "set_hwid 10 pasid 5 dev 0\n");
	vg_pasid_clear(&fx.g, dir, 6, false);
	sync_pasid(&fx, 6);
	shim_assert("clear_hwid 1 pasid 6 dev 0\ndetach_pasid dev 0 1\n");
	fx_end(&fx);
}

/* Two devices with one PASID directory: each gets its own. */
UT_CASE(shared_directory)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	*vg_word(&fx.g, (*vg_word(&fx.g, fx.g.root + 24) & VTD_RE_CTP)) = 0;
	vg_context(&fx.g, RID1, ALL_CTX, 7);
	*vg_word(&fx.g, (*vg_word(&fx.g, fx.g.root + 24) & VTD_RE_CTP) + (RID1 & 0x7f) * 32) =
		dir | FIELD_PREP(VTD_CE0_PDTS, 7) | ALL_CTX | VTD_CE0_P;
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	ut_assert(shim_route(0, 5) && shim_route(1, 5));
	ut_assert(shim_route(0, 5) != shim_route(1, 5));
	vg_pasid_clear(&fx.g, dir, 5, false);
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5) && !shim_route(1, 5));
	fx_end(&fx);
}

/* Caching mode: an invalidation that names no number finds all that appeared. */
UT_CASE(scan_finds_new_entries)
{
	static const u32 pasids[] = { 1, 63, 64, 4095, 0x7ffff, 0xffffe };
	struct fx fx;
	u64 dir;
	u32 i;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		vg_pasid_fs(&fx.g, dir, pasids[i], 0x5000 + i * 0x1000, 1);
	sync_all(&fx);
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		ut_assert_eq(shim.ioas[shim_route(0, pasids[i])].table.address,
			     0x5000 + i * 0x1000);
	ut_assert_eq(fx_stats(&fx).bound_now, ARRAY_SIZE(pasids));
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		vg_pasid_clear(&fx.g, dir, pasids[i], false);
	sync_all(&fx);
	ut_assert_eq(fx_stats(&fx).bound_now, 0);
	fx_end(&fx);
}

/* The directory's size counts, and entries beyond it do not exist. */
UT_CASE(scan_ends_with_the_directory)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 0);
	vg_pasid_fs(&fx.g, dir, 8191, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir, 8192, 0x5000, 1);
	sync_all(&fx);
	ut_assert(shim_route(0, 8191) && !shim_route(0, 8192));
	sync_pasid(&fx, 8192);
	ut_assert(!shim_route(0, 8192));
	fx_end(&fx);
}

/* Without caching mode nothing is scanned; the device model asks at first use. */
UT_CASE(prepare)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, VTD_UNIT_NO_CM);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 0);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 0);
	sync_all(&fx);
	ut_assert(!shim_route(0, 5));
	shim_clear();
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 5), 0);
	shim_assert("alloc 11 root 0\nattach_pasid dev 0 11\nbind 11 root 5000 levels 4\n"
		    "set_hwid 11 pasid 5 dev 0\n");
	/* Bound: stays as it is until the guest invalidates. */
	vg_pasid_fs(&fx.g, dir, 5, 0x6000, 0);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 5), 0);
	shim_assert("");
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 6000 levels 4\n");
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 6), -ENOENT);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 0), -ENOENT);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 1u << 20), -ENOENT);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, 0x1234, 5), -ENODEV);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID1, IOASID_INVALID), -ENOENT);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, IOASID_INVALID), 0);
	vg_context(&fx.g, RID1, ALL_CTX, 7);
	fx_end(&fx);
}

/* Context entries that go, lose a permission, or point elsewhere. */
UT_CASE(context_changes)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 2);
	sync_context(&fx, RID0);
	ut_assert(shim_route(0, 5));
	/* PASIDE off: requests with PASID end, those without go on. */
	*(u64 *)vg_word(&fx.g, (*vg_word(&fx.g, fx.g.root) & VTD_RE_CTP) + RID0 * 32) &=
		~VTD_CE0_PASIDE;
	sync_context(&fx, RID0);
	ut_assert(!shim_route(0, 5) && fx.dev[0].attached != IOASID_INVALID);
	vg_context_clear(&fx.g, RID0);
	/* Function mask 3: all functions of device 4. */
	vg_qi(&fx.g,
	      vg_desc_context(VTD_QI_CONTEXT_G_DEVICE, RID0 | 6) |
		      FIELD_PREP(VTD_QI_CONTEXT0_FM, 3),
	      0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx.dev[0].attached, IOASID_INVALID);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 6, 0x5000, 1);
	/* Another device's invalidation does not reach it. */
	sync_context(&fx, RID0 | 6);
	ut_assert(!shim_route(0, 6));
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_DOMAIN, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert(shim_route(0, 6));
	fx_end(&fx);
}

/* Entries hardware refuses stay unbound, and one that goes bad is unbound. */
UT_CASE(malformed_entries)
{
	struct fx fx;
	u64 dir, *pe;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	ut_assert(shim_route(0, 5));
	pe = vg_pasid(&fx.g, dir, 5);
	pe[3] = 1;
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5));
	pe[3] = 0;
	pe[2] |= FIELD_PREP(VTD_PE2_FSPM, 1); /* five levels: not offered */
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5));
	pe[2] &= ~VTD_PE2_FSPM;
	pe[0] = FIELD_PREP(VTD_PE0_PGTT, VTD_PGTT_SS) | FIELD_PREP(VTD_PE0_AW, 2) | 0x5000 | 1;
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5));
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 0); /* domain 0 is reserved in caching mode */
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5));
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	ut_assert(shim_route(0, 5));
	/* The address-width field means nothing to a first stage; drivers fill it in. */
	*pe |= FIELD_PREP(VTD_PE0_AW, 2);
	sync_pasid(&fx, 5);
	ut_assert(shim_route(0, 5));
	fx_end(&fx);
}

UT_CASE(five_levels)
{
	struct fx fx;
	u64 dir, *pe;

	fx_boot(&fx, VTD_UNIT_LEVELS5);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	pe = vg_pasid(&fx.g, dir, 5);
	pe[2] |= FIELD_PREP(VTD_PE2_FSPM, 1);
	sync_pasid(&fx, 5);
	ut_assert_eq(shim.ioas[shim_route(0, 5)].table.levels, 5);
	fx_end(&fx);
}

/* Tables in places that are no RAM. */
UT_CASE(tables_outside_memory)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	*vg_word(&fx.g, dir) = VG_RAM_BYTES | VTD_DE_P;
	*vg_word(&fx.g, dir + 8) = 0x000ffffffffff000ull | VTD_DE_P;
	sync_all(&fx);
	vg_set64(&fx.g, VTD_REG_RTADDR,
		 VG_RAM_BYTES | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE));
	vg_command(&fx.g, VTD_GCMD_SRTP);
	ut_assert_eq(fx_stats(&fx).bound_now, 0);
	ut_assert(fx_stats(&fx).bad_gpa > 0);
	fx_end(&fx);
}

/* Each call that can fail, failing: the entry is unbound, nothing leaks, and the next try works. */
UT_CASE(failing_calls)
{
	static const char *const calls[] = { "alloc", "attach_pasid", "bind", "set_hwid" };
	struct fx fx;
	u64 dir;
	u32 i;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
		shim.fail = calls[i];
		shim.fail_nth = 1;
		shim.fail_rc = -ENOMEM;
		sync_pasid(&fx, 5);
		ut_assert(!shim_route(0, 5));
		ut_assert_eq(shim.nr_live, 0);
		ut_assert_eq(fx.dev[0].nr_attached, 0);
		ut_assert_eq(fx_stats(&fx).bind_errors, i + 1);
		sync_pasid(&fx, 5);
		ut_assert(shim_route(0, 5));
		vg_pasid_clear(&fx.g, dir, 5, false);
		sync_pasid(&fx, 5);
	}
	/* A root that cannot be changed in place: made anew; if that fails too, gone. */
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	vg_pasid_fs(&fx.g, dir, 5, 0x6000, 1);
	shim.fail = "bind";
	shim.fail_nth = 1;
	sync_pasid(&fx, 5);
	ut_assert_eq(shim.ioas[shim_route(0, 5)].table.address, 0x6000);
	fx_end(&fx);
}

UT_CASE(failing_default_route)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_pass(&fx.g, dir, 0, 3);
	sync_context(&fx, RID0);
	ut_assert_eq(fx.dev[0].attached, SHIM_GPA);
	/* The guest took the pass-through away: it must not survive the failure. */
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 3);
	shim.fail = "attach";
	shim.fail_nth = 1;
	shim.fail_rc = -EOPNOTSUPP;
	sync_pasid(&fx, 0);
	ut_assert_eq(fx.dev[0].attached, IOASID_INVALID);
	ut_assert_eq(shim.nr_live, 0);
	shim.fail = "alloc";
	shim.fail_nth = 1;
	sync_pasid(&fx, 0);
	ut_assert_eq(fx.dev[0].attached, IOASID_INVALID);
	sync_pasid(&fx, 0);
	ut_assert(fx.dev[0].attached != IOASID_INVALID && fx.dev[0].attached != SHIM_GPA);
	fx_end(&fx);
}

/* Each allocation of the unit failing, through the life of an entry. */
UT_CASE(failing_allocations)
{
	struct fx fx;
	u64 dir;
	u32 nth;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		sync_pasid(&fx, 5);
		os_alloc_fail_nth(0);
		if (shim_route(0, 5))
			break;
		ut_assert_eq(shim.nr_live, 0);
		ut_assert_eq(fx.dev[0].nr_attached, 0);
	}
	ut_assert_eq(nth, 3);
	fx_end(&fx);
}

/* An address space that a fenced device still holds is freed later. */
UT_CASE(freed_later)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	sync_pasid(&fx, 5);
	vg_pasid_clear(&fx.g, dir, 5, false);
	shim.fail = "free";
	shim.fail_nth = 1;
	shim.fail_rc = -EBUSY;
	sync_pasid(&fx, 5);
	ut_assert_eq(shim.nr_live, 1);
	ut_assert(!shim_route(0, 5));
	shim.fail_nth = 1;
	sync_pasid(&fx, 5);
	ut_assert_eq(shim.nr_live, 1);
	sync_pasid(&fx, 5);
	ut_assert_eq(shim.nr_live, 0);
	fx_end(&fx);
}

UT_CASE(limit_of_entries)
{
	struct vtd_unit_config config = { .max_pasids = 10 };
	struct fx fx;
	u32 i;
	u64 dir;

	fx_unit(&fx, &config);
	fx_add(&fx);
	vg_boot(&fx.g);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	for (i = 1; i <= 30; i++)
		vg_pasid_fs(&fx.g, dir, i, 0x5000, 1);
	sync_all(&fx);
	ut_assert_eq(fx_stats(&fx).bound_now, 10);
	ut_assert(shim_route(0, 10) && !shim_route(0, 11));
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 20), -EDQUOT);
	for (i = 1; i <= 5; i++)
		vg_pasid_clear(&fx.g, dir, i, false);
	sync_all(&fx);
	ut_assert_eq(fx_stats(&fx).bound_now, 10);
	ut_assert(shim_route(0, 15) && !shim_route(0, 16));
	fx_end(&fx);
}

UT_CASE(device_width_limits)
{
	struct vtd_unit_config config = { .pasid_bits = 16 };
	struct fx fx;
	u64 dir;

	fx_unit(&fx, &config);
	fx.dev[0].pasid_width = 8;
	fx.dev[1].pasid_width = 0;
	fx_add(&fx);
	vg_boot(&fx.g);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 3);
	vg_pasid_fs(&fx.g, dir, 255, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir, 256, 0x5000, 1);
	dir = vg_context(&fx.g, RID1, ALL_CTX, 3);
	vg_pasid_fs(&fx.g, dir, 1, 0x5000, 1);
	sync_all(&fx);
	ut_assert(shim_route(0, 255) && !shim_route(0, 256) && !shim_route(1, 1));
	ut_assert_eq(fx_stats(&fx).bind_errors, 0);
	ut_assert_eq(vtd_unit_prepare(fx.g.unit, RID0, 256), -ERANGE);
	/* A width that ends inside a page of entries. */
	vtd_unit_remove_device(fx.g.unit, RID0);
	fx.dev[0].pasid_width = 3;
	dir = vg_context(&fx.g, RID0, ALL_CTX, 0);
	vg_pasid_fs(&fx.g, dir, 7, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir, 8, 0x5000, 1);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[0], 0), 0);
	ut_assert(shim_route(0, 7) && !shim_route(0, 8));
	ut_assert_eq(fx_stats(&fx).bind_errors, 1);
	fx_end(&fx);
}

UT_CASE(devices)
{
	struct vtd_unit_config config = { .max_devices = 1 };
	struct fx fx;
	u64 dir;

	fx_unit(&fx, &config);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[0], 0), 0);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[1], 1), -EEXIST);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID1, &fx.dev[0], 0), -EEXIST);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID1, &fx.dev[1], 1), -ENOSPC);
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID1), -ENOENT);
	vg_boot(&fx.g);
	dir = vg_context(&fx.g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID0), 0);
	ut_assert_eq(fx.dev[0].attached, IOASID_INVALID);
	/* What the guest's tables say now is there at once. */
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID1, &fx.dev[1], 1), 0);
	ut_assert(shim_route(1, 5));
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID1), 0);
	ut_assert(!shim_route(1, 5));
	shim.fail = "attach";
	shim.fail_nth = 1;
	shim.fail_rc = -EBUSY;
	vg_set32(&fx.g, VTD_REG_GCMD, 0);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[0], 0), -EBUSY);
	ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[0], 0), 0);
	fx_end(&fx);
}

/* Legacy mode is not offered; whoever uses it reaches nothing. */
UT_CASE(legacy_mode_is_blocked)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;
	u64 *re, *ce, ctx;

	fx_unit(&fx, &config);
	fx_add(&fx);
	fx.g.narrow = true;
	vg_boot(&fx.g);
	ctx = vg_page(&fx.g);
	re = vg_word(&fx.g, fx.g.root);
	re[0] = ctx | VTD_RE_P;
	ce = vg_word(&fx.g, ctx + RID0 * 16);
	ce[1] = FIELD_PREP(VTD_LCE1_AW, 2) | FIELD_PREP(VTD_LCE1_DID, 1);
	ce[0] = 0x5000 | VTD_LCE0_P;
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx.dev[0].attached, IOASID_INVALID);
	fx_end(&fx);
}

/* ---- numbers that the guest's CPUs send ---------------------------------------------------------- */

/* Routed before the CPUs can send it, and no CPU can any more before the route goes. */
UT_CASE(cpu_entry_comes_and_goes)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, VTD_UNIT_CPU_PASID);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 2);
	vg_pasid_fs(&fx.g, dir, 9, 0x5000, 1);
	sync_context(&fx, RID0);
	shim_assert("alloc 10 root 7000\nattach dev 0 10\n"
		    "alloc 11 root 0\nattach_pasid dev 0 11\nbind 11 root 5000 levels 4\n"
		    "set_hwid 11 pasid 9 dev 0\ncpu_map pasid 9\n");
	vg_pasid_fs(&fx.g, dir, 9, 0x6000, 1);
	sync_pasid(&fx, 9);
	shim_assert("bind 11 root 6000 levels 4\n");
	vg_pasid_clear(&fx.g, dir, 9, true);
	sync_pasid(&fx, 9);
	shim_assert("cpu_unmap pasid 9\nclear_hwid 11 pasid 9 dev 0\ndetach_pasid dev 0 11\n"
		    "free 11\n");
	vg_pasid_pass(&fx.g, dir, 12, 3);
	sync_pasid(&fx, 12);
	shim_assert("attach_pasid dev 0 1\nset_hwid 1 pasid 12 dev 0\ncpu_map pasid 12\n");
	/* The end of the device is the end of its numbers. */
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID0), 0);
	shim_assert("cpu_unmap pasid 12\nclear_hwid 1 pasid 12 dev 0\ndetach_pasid dev 0 1\n"
		    "detach dev 0 10\nfree 10\n");
	fx_end(&fx);
}

/* The translation is the guest's, not the device's: it goes with the last device that has the number. */
UT_CASE(cpu_entry_of_two_devices)
{
	struct fx fx;
	u64 dir[2];
	u32 i;

	for (i = 0; i < 2; i++) {
		fx_boot(&fx, VTD_UNIT_CPU_PASID);
		dir[0] = vg_context(&fx.g, RID0, ALL_CTX, 7);
		dir[1] = vg_context(&fx.g, RID1, ALL_CTX, 7);
		vg_pasid_fs(&fx.g, dir[0], 9, 0x5000, 1);
		vg_pasid_fs(&fx.g, dir[1], 9, 0x6000, 1);
		sync_all(&fx);
		ut_assert_eq(shim.cpu[9], 9);
		vg_pasid_clear(&fx.g, dir[i], 9, true);
		sync_pasid(&fx, 9);
		ut_assert_eq(shim.cpu[9], 9);
		vg_pasid_clear(&fx.g, dir[!i], 9, true);
		sync_pasid(&fx, 9);
		ut_assert_eq(shim.cpu[9], 0);
		fx_end(&fx);
	}
}

/* What the CPUs cannot be told is not there at all; what does not concern them is no error. */
UT_CASE(cpu_entry_fails)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, VTD_UNIT_CPU_PASID);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 9, 0x5000, 1);
	shim.fail = "cpu_map";
	shim.fail_nth = 1;
	shim.fail_rc = -ENOMEM;
	sync_pasid(&fx, 9);
	shim_assert("alloc 10 root 0\nattach_pasid dev 0 10\nbind 10 root 5000 levels 4\n"
		    "set_hwid 10 pasid 9 dev 0\ncpu_map pasid 9\nclear_hwid 10 pasid 9 dev 0\n"
		    "detach_pasid dev 0 10\nfree 10\n");
	ut_assert(!shim_route(0, 9));
	ut_assert_eq(fx_stats(&fx).bind_errors, 1);
	/* A device in local mode. */
	shim.fail_nth = 1;
	shim.fail_rc = -ENOENT;
	sync_pasid(&fx, 9);
	ut_assert(shim_route(0, 9));
	ut_assert_eq(fx_stats(&fx).bind_errors, 1);
	shim_clear();
	vg_pasid_clear(&fx.g, dir, 9, true);
	sync_pasid(&fx, 9);
	shim_assert("clear_hwid 11 pasid 9 dev 0\ndetach_pasid dev 0 11\nfree 11\n");
	fx_end(&fx);
}

/* ---- devices in global mode ------------------------------------------------------------------------ */

static void boot_global(struct fx *fx)
{
	struct vtd_unit_config config = { .flags = VTD_UNIT_CPU_PASID };

	fx_unit(fx, &config);
	shim.global = true;
	fx->dev[0].mode = fx->dev[1].mode = IOASID_MODE_GLOBAL;
	fx_add(fx);
	vg_boot(&fx->g);
	shim_clear();
}

/* A number is one address space for all of them: the first makes it, the last ends it. */
UT_CASE(global_devices_share)
{
	struct fx fx;
	u64 dir[2];

	boot_global(&fx);
	dir[0] = vg_context(&fx.g, RID0, ALL_CTX, 7);
	dir[1] = vg_context(&fx.g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir[0], 9, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir[1], 9, 0x5000, 1);
	sync_pasid(&fx, 9);
	ut_assert(shim_route(0, 9) && shim_route(0, 9) == shim_route(1, 9));
	ut_assert_eq(shim.nr_live, 1);
	ut_assert_eq(fx_stats(&fx).bind_errors, 0);
	/* Both entries change, one after the other. */
	vg_pasid_fs(&fx.g, dir[0], 9, 0x6000, 1);
	vg_pasid_fs(&fx.g, dir[1], 9, 0x6000, 1);
	sync_pasid(&fx, 9);
	ut_assert_eq(shim.ioas[shim_route(0, 9)].table.address, 0x6000);
	ut_assert_eq(fx_stats(&fx).bind_errors, 0);
	vg_pasid_clear(&fx.g, dir[0], 9, true);
	sync_pasid(&fx, 9);
	ut_assert(!shim_route(0, 9) && shim_route(1, 9));
	ut_assert_eq(shim.nr_live, 1);
	ut_assert_eq(shim.cpu[9], 9);
	vg_pasid_fs(&fx.g, dir[0], 9, 0x6000, 1);
	sync_pasid(&fx, 9);
	ut_assert_eq(shim_route(0, 9), shim_route(1, 9));
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID1), 0);
	ut_assert_eq(shim.nr_live, 1);
	vg_pasid_clear(&fx.g, dir[0], 9, true);
	sync_pasid(&fx, 9);
	ut_assert_eq(shim.nr_live, 0);
	ut_assert_eq(shim.cpu[9], 0);
	fx_end(&fx);
}

/* Entries that disagree: the second is not there, until the guest makes up its mind. */
UT_CASE(global_devices_disagree)
{
	struct fx fx;
	u64 dir[2];

	boot_global(&fx);
	dir[0] = vg_context(&fx.g, RID0, ALL_CTX, 7);
	dir[1] = vg_context(&fx.g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir[0], 9, 0x5000, 1);
	sync_pasid(&fx, 9);
	vg_pasid_fs(&fx.g, dir[1], 9, 0x6000, 1);
	sync_pasid(&fx, 9);
	ut_assert(shim_route(0, 9) && !shim_route(1, 9));
	ut_assert_eq(fx_stats(&fx).bind_errors, 1);
	ut_assert_eq(shim.nr_live, 1);
	vg_pasid_fs(&fx.g, dir[1], 9, 0x5000, 1);
	sync_pasid(&fx, 9);
	ut_assert_eq(shim_route(0, 9), shim_route(1, 9));
	fx_end(&fx);
}

UT_SUITE(viommu_bind, UT_ENTRY(translation_off), UT_ENTRY(translation_off_blocks_if_wanted),
	 UT_ENTRY(default_route), UT_ENTRY(default_route_goes_when_translation_does),
	 UT_ENTRY(pasid_comes_changes_goes), UT_ENTRY(entries_are_cached),
	 UT_ENTRY(pasid_pass_through), UT_ENTRY(shared_directory), UT_ENTRY(scan_finds_new_entries),
	 UT_ENTRY(scan_ends_with_the_directory), UT_ENTRY(prepare), UT_ENTRY(context_changes),
	 UT_ENTRY(malformed_entries), UT_ENTRY(five_levels), UT_ENTRY(tables_outside_memory),
	 UT_ENTRY(failing_calls), UT_ENTRY(failing_default_route), UT_ENTRY(failing_allocations),
	 UT_ENTRY(freed_later), UT_ENTRY(limit_of_entries), UT_ENTRY(device_width_limits),
	 UT_ENTRY(devices), UT_ENTRY(legacy_mode_is_blocked), UT_ENTRY(cpu_entry_comes_and_goes),
	 UT_ENTRY(cpu_entry_of_two_devices), UT_ENTRY(cpu_entry_fails),
	 UT_ENTRY(global_devices_share), UT_ENTRY(global_devices_disagree));
