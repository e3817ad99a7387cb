// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The register window: what reads say, what writes change, commands. */
#include "tests/unit/viommu/fx.h"

UT_CASE(capabilities)
{
	struct vtd_unit_config config = { 0 };
	struct vtd_caps caps;
	struct fx fx;

	fx_unit(&fx, &config);
	vtd_caps_decode(&caps, vg_get64(&fx.g, VTD_REG_CAP), vg_get64(&fx.g, VTD_REG_ECAP), 52);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_VER), 0x60);
	/* First stage only: guests then use their own tables for everything, and no legacy mode. */
	ut_assert(caps.smts && caps.fsts && !caps.ssts && !caps.nest && !caps.sagaw);
	ut_assert(caps.cm && caps.dt && caps.prs && caps.pt && caps.sc && caps.smpwcs);
	ut_assert(!caps.srs && !caps.rps && !caps.ers && !caps.fs5lp && caps.fs_1g);
	ut_assert_eq(caps.pasid_bits, 20);
	ut_assert_eq(caps.mgaw, 48);
	ut_assert_eq(FIELD_GET(VTD_CAP_FRO, vg_get64(&fx.g, VTD_REG_CAP)) * 16, VTD_REG_FRCD);
	ut_assert_eq(FIELD_GET(VTD_CAP_NFR, vg_get64(&fx.g, VTD_REG_CAP)) + 1, 8);
	ut_assert_eq(FIELD_GET(VTD_ECAP_IRO, vg_get64(&fx.g, VTD_REG_ECAP)) * 16, VTD_REG_IVA);
	ut_assert(vg_get64(&fx.g, VTD_REG_ECAP) & VTD_ECAP_PDS);
	ut_assert(!(vg_get64(&fx.g, VTD_REG_ECAP) & (VTD_ECAP_IR | VTD_ECAP_VCS)));
	fx_end(&fx);
}

UT_CASE(capabilities_follow_the_configuration)
{
	struct vtd_unit_config config = {
		.flags = VTD_UNIT_NO_CM | VTD_UNIT_NO_DT | VTD_UNIT_NO_PT | VTD_UNIT_NO_SC |
			 VTD_UNIT_LEVELS5,
		.pasid_bits = 9,
		.nr_fault_records = 64,
	};
	struct vtd_caps caps;
	struct fx fx;

	fx_unit(&fx, &config);
	vtd_caps_decode(&caps, vg_get64(&fx.g, VTD_REG_CAP), vg_get64(&fx.g, VTD_REG_ECAP), 52);
	ut_assert(!caps.cm && !caps.dt && !caps.prs && !caps.pt && !caps.sc && caps.fs5lp);
	ut_assert_eq(caps.pasid_bits, 9);
	ut_assert_eq(caps.mgaw, 57);
	ut_assert_eq(FIELD_GET(VTD_CAP_NFR, vg_get64(&fx.g, VTD_REG_CAP)) + 1, 64);
	fx_end(&fx);
}

UT_CASE(bad_configurations)
{
	struct vtd_unit_config bad[] = {
		{ .flags = 1u << 31 },
		{ .mgaw = 38 },
		{ .mgaw = 58 },
		{ .pasid_bits = 21 },
		{ .nr_fault_records = 65 },
		{ .max_devices = 5000 },
	};
	struct vtd_unit_config config;
	struct vtd_unit *unit;
	struct fx fx;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		shim_init();
		vg_init(&fx.g);
		ut_assert_eq(vg_unit(&fx.g, &bad[i], SHIM_CTX, SHIM_GPA), -EINVAL);
		vg_destroy(&fx.g);
		shim_destroy();
	}
	config = (struct vtd_unit_config){ 0 };
	fx_unit(&fx, &config);
	/* The context's fault descriptor is taken, there is no such space, it is no root. */
	ut_assert_eq(vtd_unit_create(&config, &unit), -EBUSY);
	config.gpa_ioasid = 99;
	ut_assert_eq(vtd_unit_create(&config, &unit), -ENOENT);
	shim.ioas[99].live = true;
	ut_assert_eq(vtd_unit_create(&config, &unit), -EINVAL);
	shim.ioas[99].live = false;
	config.size--;
	ut_assert_eq(vtd_unit_create(&config, &unit), -EINVAL);
	fx_end(&fx);
}

UT_CASE(creation_without_memory)
{
	struct vtd_unit_config config = { 0 };
	long live = os_alloc_live();
	struct fx fx;
	u32 nth;
	int rc;

	for (nth = 1;; nth++) {
		shim_init();
		vg_init(&fx.g);
		os_alloc_fail_nth(nth);
		rc = vg_unit(&fx.g, &config, SHIM_CTX, SHIM_GPA);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(os_alloc_live(), live);
		ut_assert_eq(shim.fault_fd, -1);
		vg_destroy(&fx.g);
		shim_destroy();
	}
	ut_assert(nth > 3);
	fx.live = live;
	fx.dev[0] = fx.dev[1] = (struct ioasid_dev){ .attached = IOASID_INVALID };
	fx_end(&fx);
}

/* Each size and alignment of an access gives the bytes that an access of the whole gives. */
UT_CASE(reads_of_any_size)
{
	struct vtd_unit_config config = { 0 };
	unsigned int size;
	u8 byte[0x300];
	struct fx fx;
	u64 off;
	u32 i;

	fx_unit(&fx, &config);
	vg_set64(&fx.g, VTD_REG_RTADDR, 0x123456789abcf400);
	vg_set64(&fx.g, VTD_REG_IQA, 0xfedcba9876543807);
	vg_set32(&fx.g, VTD_REG_FEDATA, 0xa5b6c7d8);
	for (off = 0; off < sizeof(byte); off++)
		byte[off] = (u8)vtd_unit_read(fx.g.unit, off, 1);
	ut_assert_eq(byte[VTD_REG_RTADDR + 2], 0xbc);
	ut_assert_eq(byte[VTD_REG_FEDATA + 3], 0xa5);
	for (off = 0; off < sizeof(byte) - 8; off++) {
		for (size = 1; size <= 8; size++) {
			u64 want = 0;

			for (i = 0; i < size; i++)
				want |= (u64)byte[off + i] << 8 * i;
			ut_assert_eq(vtd_unit_read(fx.g.unit, off, size), want);
		}
	}
	fx_end(&fx);
}

UT_CASE(writes_of_any_size)
{
	static const u64 value = 0x123456789abcf400ull;
	struct vtd_unit_config config = { 0 };
	unsigned int size, i;
	struct fx fx;

	fx_unit(&fx, &config);
	for (size = 1; size <= 8; size++) {
		vg_set64(&fx.g, VTD_REG_RTADDR, 0);
		for (i = 0; i < 8; i += size)
			vtd_unit_write(fx.g.unit, VTD_REG_RTADDR + i, min(size, 8 - i),
				       value >> 8 * i);
		ut_assert_eq(vg_get64(&fx.g, VTD_REG_RTADDR), value);
	}
	/* A write that begins in one register and ends in the next changes just these bytes. */
	vg_set64(&fx.g, VTD_REG_FEADDR, 0);
	vg_set32(&fx.g, VTD_REG_FEDATA, 0);
	vtd_unit_write(fx.g.unit, VTD_REG_FEDATA + 2, 4, 0x44332211);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FEDATA), 0x22110000);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FEADDR), 0x4430);
	fx_end(&fx);
}

UT_CASE(accesses_outside)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;

	fx_unit(&fx, &config);
	ut_assert_eq(vtd_unit_read(fx.g.unit, 0x1000, 8), 0);
	ut_assert_eq(vtd_unit_read(fx.g.unit, ~0ull, 8), 0);
	ut_assert_eq(vtd_unit_read(fx.g.unit, 0xfff, 8), 0);
	ut_assert_eq(vtd_unit_read(fx.g.unit, 0, 0), 0);
	ut_assert_eq(vtd_unit_read(fx.g.unit, 0, 9), 0);
	vtd_unit_write(fx.g.unit, 0xfff, 8, ~0ull);
	vtd_unit_write(fx.g.unit, ~0ull, 8, ~0ull);
	vtd_unit_write(fx.g.unit, 0x18, 16, ~0ull);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), 0);
	fx_end(&fx);
}

/* All ones everywhere: what can be written, and nothing else, reads back. */
UT_CASE(read_only_bits)
{
	struct vtd_unit_config config = { 0 };
	u64 cap, ecap;
	struct fx fx;

	fx_unit(&fx, &config);
	cap = vg_get64(&fx.g, VTD_REG_CAP);
	ecap = vg_get64(&fx.g, VTD_REG_ECAP);
	vg_set64(&fx.g, VTD_REG_CAP, ~0ull);
	vg_set64(&fx.g, VTD_REG_ECAP, ~0ull);
	vg_set32(&fx.g, VTD_REG_GSTS, ~0u);
	vg_set32(&fx.g, VTD_REG_VER, ~0u);
	vg_set64(&fx.g, VTD_REG_IQH, ~0ull);
	vg_set64(&fx.g, VTD_REG_IQT, ~0ull);
	vg_set64(&fx.g, VTD_REG_IQA, ~0ull);
	vg_set64(&fx.g, VTD_REG_IQERCD, ~0ull);
	vg_set64(&fx.g, VTD_REG_PQH, ~0ull);
	vg_set64(&fx.g, VTD_REG_PQT, ~0ull);
	vg_set64(&fx.g, VTD_REG_PQA, ~0ull);
	vg_set64(&fx.g, VTD_REG_RTADDR, ~0ull);
	vg_set64(&fx.g, VTD_REG_FRCD, ~0ull);
	vg_set64(&fx.g, VTD_REG_FRCD + 8, ~0ull);
	vg_set32(&fx.g, VTD_REG_FSTS, ~0u);
	vg_set32(&fx.g, VTD_REG_PRS, ~0u);
	vg_set32(&fx.g, VTD_REG_ICS, ~0u);
	vg_set32(&fx.g, VTD_REG_FECTL, ~0u);
	vg_set32(&fx.g, VTD_REG_FEADDR, ~0u);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_CAP), cap);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_ECAP), ecap);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_VER), 0x60);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQH), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQT), 0x7fff0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQA), 0xfffffffffffff807);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQERCD), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQH), 0x7ffe0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQT), 0x7ffe0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQA), 0xfffffffffffff007);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_RTADDR), 0xfffffffffffffc00);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_FRCD), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_FRCD + 8), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PRS), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_ICS), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FECTL), 0x80000000);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FEADDR), 0xfffffffc);
	fx_end(&fx);
}

/* SRTP happens once and is remembered by GSTS; levels follow the last write. */
UT_CASE(commands)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;

	fx_unit(&fx, &config);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_SRTP);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GCMD), 0);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP | VTD_GCMD_QIE);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP | VTD_GCMD_QIE | VTD_GCMD_TE);
	/* Bits of things that are not offered change nothing. */
	vg_set32(&fx.g, VTD_REG_GCMD, ~0u);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP | VTD_GCMD_QIE | VTD_GCMD_TE);
	vg_set32(&fx.g, VTD_REG_GCMD, 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP);
	/* One byte of it: the others keep their levels. */
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	vtd_unit_write(fx.g.unit, VTD_REG_GCMD, 1, 0xff);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), VTD_GCMD_SRTP | VTD_GCMD_QIE);
	fx_end(&fx);
}

/* Until SRTP the root in use is the old one, whatever RTADDR says meanwhile. */
UT_CASE(root_is_latched)
{
	struct fx fx;
	u64 dir, old, other;

	fx_boot(&fx, 0);
	old = fx.g.root;
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	other = vg_page(&fx.g);
	vg_set64(&fx.g, VTD_REG_RTADDR, other | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE));
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert(shim_route(0, 5));
	vg_command(&fx.g, VTD_GCMD_SRTP);
	ut_assert(!shim_route(0, 5));
	vg_set64(&fx.g, VTD_REG_RTADDR, old | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE));
	vg_command(&fx.g, VTD_GCMD_SRTP);
	ut_assert(shim_route(0, 5));
	fx_end(&fx);
}

UT_CASE(reset)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 2);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert(shim_route(0, 5));
	vtd_unit_reset(fx.g.unit);
	ut_assert(!shim_route(0, 5));
	ut_assert_eq(fx.dev[0].attached, SHIM_GPA);
	ut_assert_eq(fx.dev[1].attached, SHIM_GPA);
	ut_assert_eq(shim.nr_live, 0);
	ut_assert_eq(fx_stats(&fx).bound_now, 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_GSTS), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQA), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQA), 0);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FECTL), 0x80000000);
	fx_end(&fx);
}

UT_SUITE(viommu_regs, UT_ENTRY(capabilities), UT_ENTRY(capabilities_follow_the_configuration),
	 UT_ENTRY(bad_configurations), UT_ENTRY(creation_without_memory),
	 UT_ENTRY(reads_of_any_size), UT_ENTRY(writes_of_any_size), UT_ENTRY(accesses_outside),
	 UT_ENTRY(read_only_bits), UT_ENTRY(commands), UT_ENTRY(root_is_latched), UT_ENTRY(reset));
