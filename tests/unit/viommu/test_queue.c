// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The invalidation queue: every type of descriptor, errors, and when a wait completes. */
#include "tests/unit/viommu/fx.h"

/* PASIDs 5 (domain 1) and 6 (domain 2) on device 0, 5 (domain 1) on device 1, entry 0 (domain 3). */
static void tables(struct fx *fx)
{
	u64 dir = vg_context(&fx->g, RID0, ALL_CTX, 7);

	vg_pasid_fs(&fx->g, dir, 5, 0x5000, 1);
	vg_pasid_fs(&fx->g, dir, 6, 0x6000, 2);
	vg_pasid_fs(&fx->g, dir, 0, 0x7000, 3);
	dir = vg_context(&fx->g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx->g, dir, 5, 0x5000, 1);
	vg_pasid_pass(&fx->g, dir, 7, 2);
	vg_qi(&fx->g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx->g));
	/* Handles: device 0 default 10, 5 -> 11, 6 -> 12; device 1: 5 -> 13. */
	ut_assert_eq(fx->dev[0].attached, 10);
	ut_assert_eq(shim_route(0, 5), 11);
	ut_assert_eq(shim_route(0, 6), 12);
	ut_assert_eq(shim_route(1, 5), 13);
	shim_clear();
}

static void one(struct fx *fx, u64 q0, u64 q1, const char *file, int line, const char *calls)
{
	vg_qi(&fx->g, q0, q1);
	if (!vg_wait(&fx->g))
		ut_fail(file, line, "no wait status");
	shim_expect(file, line, calls);
}
#define one(fx, q0, q1, calls) one(fx, q0, q1, __FILE__, __LINE__, calls)

UT_CASE(iotlb_descriptors)
{
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0,
	    "invalidate 10\ninvalidate 12\ninvalidate 11\ninvalidate 13\n");
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0, "invalidate 13\ninvalidate 11\n");
	/* Pass-through in the domain: the GPA space is not the guest's to invalidate. */
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 2) | VTD_QI_IOTLB0_DR | VTD_QI_IOTLB0_DW, 0,
	    "invalidate 12\n");
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 9), 0, "");
	/* Page-selective hits first-stage entries by domain. */
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_PAGE, 3), 0x12345000 | 3, "invalidate 10\n");
	one(&fx, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 1, 5), 0,
	    "invalidate 11\ninvalidate 13\n");
	one(&fx, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 2, 5), 0, "");
	one(&fx, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 3, 0), 0, "invalidate 10\n");
	one(&fx, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 2, 7), 0, "");
	fx_end(&fx);
}

UT_CASE(page_ranges)
{
	u64 q0 = vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PAGE, 2, 6);
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	one(&fx, q0, 0x7f0012345000, "invalidate 12 7f0012345000+1000\n");
	one(&fx, q0, 0x7f0012345000 | VTD_QI_IOTLB1_IH, "invalidate 12 7f0012345000+1000 leaf\n");
	/* Low address bits below the mask are ignored. */
	one(&fx, q0, 0x7f0012345000 | 9, "invalidate 12 7f0012200000+200000\n");
	one(&fx, q0, 0x7f0012345000 | 51, "invalidate 12 0+8000000000000000\n");
	one(&fx, q0, 0xffffffffffff0000 | 4, "invalidate 12 ffffffffffff0000+10000\n");
	one(&fx, q0, 0x7f0012345000 | 52, "invalidate 12\n");
	fx_end(&fx);
}

UT_CASE(device_tlb_descriptors)
{
	u64 all = 0x7ffffffffffff000ull;
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), 0x1000, "invalidate 11 1000+1000 leaf\n");
	/* S: trailing ones code the size. */
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), 0x40000000 | VTD_QI_PASID_DEV_TLB1_S,
	    "invalidate 11 40000000+2000 leaf\n");
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), 0x400ff000 | VTD_QI_PASID_DEV_TLB1_S,
	    "invalidate 11 40000000+200000 leaf\n");
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), all | VTD_QI_PASID_DEV_TLB1_S, "invalidate 11\n");
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), VTD_PTR_MASK | VTD_QI_PASID_DEV_TLB1_S,
	    "invalidate 11\n");
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 9), 0x1000, "");
	one(&fx, vg_desc_pasid_dev_tlb(0x7777, 5), 0x1000, "");
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 0), 0x3000 | VTD_QI_PASID_DEV_TLB1_GI,
	    "invalidate 12\ninvalidate 11\n");
	/* Without PASID. Queue depth and physical function are hints. */
	one(&fx,
	    vg_desc_dev_tlb(RID0) | VTD_QI_DEV_TLB0_MIP | VTD_QI_DEV0_PFSID_LO |
		    VTD_QI_DEV0_PFSID_HI,
	    0x1000, "invalidate 10 1000+1000 leaf\n");
	one(&fx, vg_desc_dev_tlb(RID0), all | VTD_QI_DEV_TLB1_S, "invalidate 10\n");
	one(&fx, vg_desc_dev_tlb(RID1), all | VTD_QI_DEV_TLB1_S, "");
	fx_end(&fx);
}

/* IOTLB and device TLB of the same range in one go: libioasid does both at once. */
UT_CASE(covered_within_a_run)
{
	u64 iotlb = vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PAGE, 1, 5);
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	vg_qi(&fx.g, iotlb, 0x40000000 | 9);
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID0, 5), 0x400ff000 | VTD_QI_PASID_DEV_TLB1_S);
	one(&fx, vg_desc_pasid_dev_tlb(RID1, 5), 0x400ff000 | VTD_QI_PASID_DEV_TLB1_S,
	    "invalidate 11 40000000+200000\ninvalidate 13 40000000+200000\n");
	ut_assert_eq(fx_stats(&fx).invalidate_covered, 2);
	/* Not covered: a wider range, and all of it after leaves only. */
	vg_qi(&fx.g, iotlb, 0x40000000 | VTD_QI_IOTLB1_IH);
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID0, 5), 0x40000000 | VTD_QI_PASID_DEV_TLB1_S);
	one(&fx, iotlb, 0x40000000,
	    "invalidate 11 40000000+1000 leaf\ninvalidate 13 40000000+1000 leaf\n"
	    "invalidate 11 40000000+2000 leaf\n"
	    "invalidate 11 40000000+1000\ninvalidate 13 40000000+1000\n");
	/* The next write of the tail starts over. */
	one(&fx, vg_desc_pasid_dev_tlb(RID0, 5), 0x40000000, "invalidate 11 40000000+1000 leaf\n");
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0);
	one(&fx, iotlb, 0x1000, "invalidate 10\ninvalidate 12\ninvalidate 11\ninvalidate 13\n");
	fx_end(&fx);
}

static struct vguest *seen_guest;
static u32 seen_early;

static void before_return(u32 ioasid __maybe_unused)
{
	struct vguest *g = seen_guest;

	/* The wait is in the queue already, and must not be done while this is not. */
	if (*(u32 *)vg_word(g, g->status) == g->wait_value)
		seen_early++;
}

UT_CASE(wait_comes_after)
{
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	seen_guest = &fx.g;
	seen_early = 0;
	shim.on_invalidate = before_return;
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(seen_early, 0);
	ut_assert_eq(shim.invalidations, 4);
	/* The must-fail control does complete it early, and notices nothing else. */
	vtd_unit_set_broken(fx.g.unit, VTD_UNIT_BREAK_NO_WAIT);
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(seen_early, 4);
	shim_clear();
	vtd_unit_set_broken(fx.g.unit, VTD_UNIT_BREAK_NO_INVALIDATE);
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0, "");
	vtd_unit_set_broken(fx.g.unit, 0);
	one(&fx, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 3), 0, "invalidate 10\n");
	fx_end(&fx);
}

UT_CASE(wait_interrupt)
{
	struct fx fx;

	fx_boot(&fx, 0);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_IF | VTD_QI_WAIT0_FN, 0);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_IF, 0);
	vg_kick(&fx.g);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_INV), 1);
	ut_assert_eq(fx.g.msi[0].data, 0x32);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_ICS), 1);
	vg_set32(&fx.g, VTD_REG_ICS, 1);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_ICS), 0);
	/* Masked: held back until unmasked. */
	vg_set32(&fx.g, VTD_REG_IECTL, VTD_MSI_IM);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_IF, 0);
	vg_kick(&fx.g);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_INV), 1);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_IECTL), VTD_MSI_IM | VTD_MSI_IP);
	vg_set32(&fx.g, VTD_REG_IECTL, 0);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_INV), 2);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_IECTL), 0);
	/* Serviced while masked: withdrawn. */
	vg_set32(&fx.g, VTD_REG_ICS, 1);
	vg_set32(&fx.g, VTD_REG_IECTL, VTD_MSI_IM);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_IF, 0);
	vg_kick(&fx.g);
	vg_set32(&fx.g, VTD_REG_ICS, 1);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_IECTL), VTD_MSI_IM);
	vg_set32(&fx.g, VTD_REG_IECTL, 0);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_INV), 2);
	fx_end(&fx);
}

UT_CASE(wait_outside_memory)
{
	struct fx fx;

	fx_boot(&fx, 0);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_SW | 7ull << 32, VG_RAM_BYTES);
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_SW | 7ull << 32, VG_ROM);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).waits, 3);
	ut_assert_eq(fx_stats(&fx).bad_gpa, 2);
	ut_assert_eq(*vg_word(&fx.g, VG_ROM), 0);
	fx_end(&fx);
}

UT_CASE(queue_wraps)
{
	struct fx fx;
	u32 i;

	fx_boot(&fx, 0);
	for (i = 0; i < 1000; i++)
		ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).waits, 1000);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQH), fx.g.iq_tail);
	/* A full queue at once. */
	for (i = 0; i < 254; i++)
		vg_qi(&fx.g, VTD_QI_WAIT, 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).waits, 1255);
	fx_end(&fx);
}

UT_CASE(short_descriptors)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;

	fx_unit(&fx, &config);
	fx_add(&fx);
	fx.g.narrow = true;
	vg_boot(&fx.g);
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	/* Scalable mode's own types make no sense in legacy mode. */
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(!vg_wait(&fx.g));
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQERCD), VTD_IQE_TTM);
	fx_end(&fx);
}

static void stopped(struct fx *fx, u32 code, const char *file, int line)
{
	struct vguest *g = &fx->g;
	u32 head = (u32)vg_get64(g, VTD_REG_IQH);

	if (!(vg_get32(g, VTD_REG_FSTS) & VTD_FSTS_IQE))
		ut_fail(file, line, "no queue error");
	if (vg_get64(g, VTD_REG_IQERCD) != code)
		ut_fail_eq(file, line, "code", vg_get64(g, VTD_REG_IQERCD), code);
	/* Nothing goes on until the guest has repaired it and clears the bit: as a driver does. */
	g->iq_tail = head;
	vg_qi(g, VTD_QI_WAIT, 0);
	vg_kick(g);
	if (vg_get64(g, VTD_REG_IQH) != head)
		ut_fail(file, line, "went on");
	vg_set32(g, VTD_REG_FSTS, VTD_FSTS_IQE);
	if (vg_get64(g, VTD_REG_IQH) != g->iq_tail || vg_get32(g, VTD_REG_FSTS) & VTD_FSTS_IQE ||
	    vg_get64(g, VTD_REG_IQERCD))
		ut_fail(file, line, "did not go on");
	if (!vg_wait(g))
		ut_fail(file, line, "queue is dead");
}
#define stopped(fx, code) stopped(fx, code, __FILE__, __LINE__)

UT_CASE(malformed_descriptors)
{
	static const struct {
		u64 q0, q1;
		u32 code;
	} bad[] = {
		{ 0, 0, VTD_IQE_TYPE },
		{ 10, 0, VTD_IQE_TYPE },
		{ 15, 0, VTD_IQE_TYPE },
		{ VTD_QI_WAIT | BIT_ULL(9), 0, VTD_IQE_TYPE },
		{ VTD_QI_CONTEXT, 0, VTD_IQE_RESERVED },
		{ VTD_QI_CONTEXT | 1 << 4 | BIT_ULL(6), 0, VTD_IQE_RESERVED },
		{ VTD_QI_CONTEXT | 1 << 4, 1, VTD_IQE_RESERVED },
		{ VTD_QI_IOTLB, 0, VTD_IQE_RESERVED },
		{ VTD_QI_IOTLB | 1 << 4 | BIT_ULL(32), 0, VTD_IQE_RESERVED },
		{ VTD_QI_IOTLB | 3 << 4, 53, VTD_IQE_RESERVED },
		{ VTD_QI_DEV_TLB | BIT_ULL(4), 0, VTD_IQE_RESERVED },
		{ VTD_QI_DEV_TLB, 2, VTD_IQE_RESERVED },
		{ VTD_QI_WAIT | BIT_ULL(12), 0, VTD_IQE_RESERVED },
		{ VTD_QI_WAIT, 1, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_IOTLB, 0, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_IOTLB | 1 << 4, 0, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_IOTLB | 3 << 4, 63, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_IOTLB | 2 << 4 | BIT_ULL(63), 0, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_CACHE | 2 << 4, 0, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_CACHE, 1, VTD_IQE_RESERVED },
		{ VTD_QI_PASID_DEV_TLB, 2, VTD_IQE_RESERVED },
		{ VTD_QI_PAGE_RESPONSE | BIT_ULL(5), 0, VTD_IQE_RESERVED },
		{ VTD_QI_PAGE_RESPONSE, 1, VTD_IQE_RESERVED },
	};
	struct fx fx;
	u32 i;

	fx_boot(&fx, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		vg_msi_clear(&fx.g);
		vg_qi(&fx.g, bad[i].q0, bad[i].q1);
		ut_assert(!vg_wait(&fx.g));
		ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 1);
		stopped(&fx, bad[i].code);
	}
	ut_assert_eq(fx_stats(&fx).queue_errors, ARRAY_SIZE(bad));
	/* The upper half of a wide descriptor is reserved in all types. */
	vg_word(&fx.g, fx.g.iq + fx.g.iq_tail)[0] = VTD_QI_WAIT;
	vg_word(&fx.g, fx.g.iq + fx.g.iq_tail)[1] = 0;
	vg_word(&fx.g, fx.g.iq + fx.g.iq_tail)[2] = 0;
	vg_word(&fx.g, fx.g.iq + fx.g.iq_tail)[3] = 1;
	fx.g.iq_tail = (fx.g.iq_tail + 32) & 8191;
	vg_kick(&fx.g);
	stopped(&fx, VTD_IQE_RESERVED);
	fx_end(&fx);
}

UT_CASE(bad_queue_registers)
{
	struct fx fx;

	fx_boot(&fx, 0);
	vg_set32(&fx.g, VTD_REG_IQT, 8192);
	stopped(&fx, VTD_IQE_TAIL);
	vg_set32(&fx.g, VTD_REG_IQT, 16);
	stopped(&fx, VTD_IQE_ALIGN);
	/* A queue that is not in memory. */
	vg_set64(&fx.g, VTD_REG_IQA, VG_RAM_BYTES | VTD_IQA_DW | 1);
	vg_set32(&fx.g, VTD_REG_IQT, (fx.g.iq_tail + 32) & 8191);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQERCD), VTD_IQE_FETCH);
	vg_set64(&fx.g, VTD_REG_IQA, fx.g.iq | VTD_IQA_DW | 1);
	stopped(&fx, VTD_IQE_FETCH);
	/* Narrow descriptors in scalable mode. */
	vg_set64(&fx.g, VTD_REG_IQA, fx.g.iq | 1);
	vg_set32(&fx.g, VTD_REG_IQT, 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQERCD), VTD_IQE_WIDTH);
	vg_set64(&fx.g, VTD_REG_IQA, fx.g.iq | VTD_IQA_DW | 1);
	stopped(&fx, VTD_IQE_WIDTH);
	/* A queue that shrinks under its head. */
	vg_set64(&fx.g, VTD_REG_IQA, fx.g.iq | VTD_IQA_DW);
	fx.g.iq_qs = 0;
	fx.g.iq_tail &= 4095;
	ut_assert(vg_wait(&fx.g));
	fx_end(&fx);
}

/* Off means nothing is fetched; on again starts at the beginning. */
UT_CASE(queue_off_and_on)
{
	struct fx fx;

	fx_boot(&fx, 0);
	ut_assert(vg_wait(&fx.g));
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_TE);
	ut_assert(!vg_wait(&fx.g));
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQH), 0);
	fx.g.iq_tail = 0;
	vg_set32(&fx.g, VTD_REG_IQT, 0);
	vg_command(&fx.g, VTD_GCMD_QIE);
	ut_assert(vg_wait(&fx.g));
	fx_end(&fx);
}

/* A device that does not complete: told once, the wait is aborted, then life goes on. */
UT_CASE(device_timeout)
{
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	shim.fail = "invalidate";
	shim.fail_nth = 1;
	shim.fail_rc = -EIO;
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID0, 5), 0x1000);
	ut_assert(!vg_wait(&fx.g));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_ITE);
	ut_assert_eq(FIELD_GET(VTD_IQERCD_ITESID, vg_get64(&fx.g, VTD_REG_IQERCD)), RID0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IQH), fx.g.iq_tail);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 1);
	ut_assert(!vg_wait(&fx.g));
	vg_set32(&fx.g, VTD_REG_FSTS, VTD_FSTS_ITE);
	ut_assert(vg_wait(&fx.g));
	/* The fenced device times out again; the guest need not hear it again. */
	shim.fail_nth = 1;
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID0, 5), 0x1000);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).timeouts, 1);
	ut_assert_eq(vtd_unit_device_reset(fx.g.unit, RID0), 0);
	shim.fail_nth = 1;
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID0, 5), 0x1000);
	ut_assert(!vg_wait(&fx.g));
	/* Any other failure of a range: the whole address space. */
	vg_set32(&fx.g, VTD_REG_FSTS, VTD_FSTS_ITE);
	shim_clear();
	shim.fail_nth = 1;
	shim.fail_rc = -ENOMEM;
	vg_qi(&fx.g, vg_desc_pasid_dev_tlb(RID1, 5), 0x1000);
	ut_assert(vg_wait(&fx.g));
	shim_assert("invalidate 13 1000+1000 leaf\ninvalidate 13\n");
	fx_end(&fx);
}

UT_CASE(registers_invalidate_too)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	/* In halves; the upper one has the trigger. */
	vg_set32(&fx.g, VTD_REG_CCMD, 0);
	ut_assert(!shim_route(0, 5));
	vg_set32(&fx.g, VTD_REG_CCMD + 4, 1u << 31 | 1u << 29);
	ut_assert(shim_route(0, 5));
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_CCMD), 1ull << 61 | 1ull << 59);
	shim_clear();
	vg_set64(&fx.g, VTD_REG_IVA, 0x1000);
	vg_set64(&fx.g, VTD_REG_IOTLB,
		 VTD_IOTLB_IVT | FIELD_PREP(VTD_IOTLB_IIRG, 2) | FIELD_PREP(VTD_IOTLB_DID, 1));
	shim_assert("invalidate 10\n");
	ut_assert_eq(FIELD_GET(VTD_IOTLB_IAIG, vg_get64(&fx.g, VTD_REG_IOTLB)), 2);
	ut_assert(!(vg_get64(&fx.g, VTD_REG_IOTLB) & VTD_IOTLB_IVT));
	/* A granularity that does not exist: done, with nothing done. */
	vg_set64(&fx.g, VTD_REG_IOTLB, VTD_IOTLB_IVT);
	shim_assert("");
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_IOTLB), 0);
	fx_end(&fx);
}

/* A queue full of the most expensive requests costs one of them. */
UT_CASE(expensive_requests_are_bounded)
{
	struct fx fx;
	u64 dir, before;
	u32 i;

	fx_boot(&fx, 0);
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	for (i = 1; i < 2000; i++)
		vg_pasid_fs(&fx.g, dir, i * 64, 0x5000, 1);
	for (i = 0; i < 50; i++) {
		vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
		vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
		vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0), 0);
		vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0);
	}
	shim.quiet = true;
	before = fx.g.gpa_calls;
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).bound_now, 1999);
	ut_assert_eq(shim.invalidations, 1999);
	/* Looked at again once, by domain. */
	ut_assert_eq(fx_stats(&fx).invalidate_covered, 1999);
	ut_assert_eq(fx_stats(&fx).scans, 1);
	ut_assert(fx.g.gpa_calls - before < 20000);
	fx_end(&fx);
}

UT_SUITE(viommu_queue, UT_ENTRY(iotlb_descriptors), UT_ENTRY(page_ranges),
	 UT_ENTRY(device_tlb_descriptors), UT_ENTRY(covered_within_a_run),
	 UT_ENTRY(wait_comes_after), UT_ENTRY(wait_interrupt), UT_ENTRY(wait_outside_memory),
	 UT_ENTRY(queue_wraps), UT_ENTRY(short_descriptors), UT_ENTRY(malformed_descriptors),
	 UT_ENTRY(bad_queue_registers), UT_ENTRY(queue_off_and_on), UT_ENTRY(device_timeout),
	 UT_ENTRY(registers_invalidate_too), UT_ENTRY(expensive_requests_are_bounded));
