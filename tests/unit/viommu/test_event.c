// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Page requests and events, as the guest sees them. */
#include <unistd.h>

#include "tests/unit/viommu/fx.h"

/* PASID 5 and entry 0 on device 0; device 1 has a context entry without page requests. */
static u64 tables(struct fx *fx)
{
	u64 dir = vg_context(&fx->g, RID0, ALL_CTX, 7);

	vg_pasid_fs(&fx->g, dir, 5, 0x5000, 1);
	vg_pasid_fs(&fx->g, dir, 0, 0x7000, 3);
	vg_pasid_fs(&fx->g, vg_context(&fx->g, RID1, VTD_CE0_DTE | VTD_CE0_PASIDE, 7), 5, 0x5000,
		    1);
	vg_qi(&fx->g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx->g));
	shim_clear();
	return dir;
}

static struct ioasid_fault request(u32 id, u64 cookie, u32 pasid, u64 address, u32 group)
{
	return (struct ioasid_fault){
		.type = IOASID_FAULT_PAGE_REQUEST,
		.flags = (pasid ? IOASID_FAULT_VPASID : 0) | IOASID_FAULT_LAST | IOASID_FAULT_READ,
		.id = id,
		.cookie = cookie,
		.vpasid = pasid,
		.address = address,
		.group = group,
	};
}

static struct ioasid_fault event(u64 cookie, u32 pasid, u64 address, u32 flags, u32 arch)
{
	return (struct ioasid_fault){
		.type = IOASID_FAULT_EVENT,
		.flags = (pasid ? IOASID_FAULT_VPASID : 0) | flags,
		.cookie = cookie,
		.vpasid = pasid,
		.address = address,
		.arch_reason = arch,
		/* Host matters that must not show. */
		.ioasid = 0x1234,
		.gpa = 0xabcdef000,
	};
}

static void deliver(struct fx *fx, struct ioasid_fault rec)
{
	shim_record(&rec);
	ut_assert_eq(vtd_unit_process_faults(fx->g.unit), 1);
}

/* The guest takes the oldest descriptor. */
static bool take(struct fx *fx, u64 d[4])
{
	u64 head = vg_get64(&fx->g, VTD_REG_PQH), tail = vg_get64(&fx->g, VTD_REG_PQT);

	if (head == tail)
		return false;
	memcpy(d, vg_word(&fx->g, fx->g.prq + head), 32);
	vg_set64(&fx->g, VTD_REG_PQH, (head + 32) & 4095);
	return true;
}

static void respond(struct fx *fx, u16 rid, u32 pasid, u32 group, u32 code)
{
	vg_qi(&fx->g, vg_desc_page_response(rid, pasid, code),
	      FIELD_PREP(VTD_QI_PGRSP1_PRGI, group) | VTD_QI_PGRSP1_LPIG);
	ut_assert(vg_wait(&fx->g));
}

UT_CASE(page_request_and_answer)
{
	struct fx fx;
	struct ioasid_fault rec;
	u64 d[4];

	fx_boot(&fx, 0);
	tables(&fx);
	rec = request(77, 0, 5, 0x7fff12345000, 0x1a5);
	rec.flags |= IOASID_FAULT_WRITE | IOASID_FAULT_EXEC | IOASID_FAULT_PRIV;
	deliver(&fx, rec);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 1);
	ut_assert_eq(fx.g.msi[0].data, 0x33);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PRS), VTD_PRS_PPR);
	ut_assert(take(&fx, d));
	ut_assert_eq(d[0], VTD_PR_TYPE_PAGE | VTD_PR0_PP | (u64)RID0 << 16 | 5ull << 32 |
				   VTD_PR0_EXR | VTD_PR0_PMR);
	ut_assert_eq(d[1], 0x7fff12345000 | VTD_PR1_RDR | VTD_PR1_WRR | VTD_PR1_LPIG | 0x1a5 << 3);
	ut_assert_eq(d[2] | d[3], 0);
	shim_assert("");
	respond(&fx, RID0, 5, 0x1a5, 0);
	shim_assert("response 77 0\n");
	ut_assert_eq(fx_stats(&fx).requests_now, 0);
	/* Answered twice: nobody is left. */
	respond(&fx, RID0, 5, 0x1a5, 0);
	shim_assert("");
	ut_assert_eq(fx_stats(&fx).responses_ignored, 1);
	ut_assert_eq(fx_stats(&fx).page_responses, 1);
	fx_end(&fx);
}

UT_CASE(answers_find_their_request)
{
	struct fx fx;
	u64 d[4];
	u32 i;

	fx_boot(&fx, 0);
	tables(&fx);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	deliver(&fx, request(2, 0, 5, 0x1000, 2));
	deliver(&fx, request(3, 0, 0, 0x1000, 1)); /* without PASID */
	deliver(&fx, request(4, 0, 5, 0x2000, 1)); /* an index used twice: in order */
	for (i = 0; i < 4; i++)
		ut_assert(take(&fx, d));
	ut_assert(!take(&fx, d));
	respond(&fx, RID0, 6, 1, 0);
	respond(&fx, RID1, 5, 1, 0);
	respond(&fx, RID0, 5, 3, 0);
	shim_assert("");
	respond(&fx, RID0, 0, 1, VTD_PGRSP_INVALID);
	respond(&fx, RID0, 5, 1, VTD_PGRSP_FAILURE);
	respond(&fx, RID0, 5, 2, 7);
	respond(&fx, RID0, 5, 1, VTD_PGRSP_SUCCESS);
	shim_assert("response 3 1\nresponse 1 15\nresponse 2 15\nresponse 4 0\n");
	/* A PASID of 0 is no request's. */
	deliver(&fx, request(5, 0, 0, 0x1000, 1));
	vg_qi(&fx.g, vg_desc_page_response(RID0, 0, 0) | VTD_QI_PGRSP0_PP, 1 << 3);
	ut_assert(vg_wait(&fx.g));
	shim_assert("");
	fx_end(&fx);
}

/* With room for three there are few places to look: many share one. */
UT_CASE(answers_find_theirs_in_a_crowd)
{
	struct vtd_unit_config config = { .max_page_requests = 3 };
	static const u32 pasids[] = { 0, 5, 6 };
	char want[64];
	struct fx fx;
	u64 d[4], dir;
	u32 i, k;

	fx_unit(&fx, &config);
	fx_add(&fx);
	vg_boot(&fx.g);
	dir = tables(&fx);
	vg_pasid_fs(&fx.g, dir, 6, 0x5000, 1);
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 1, 6), 0);
	ut_assert(vg_wait(&fx.g));
	shim_clear();
	for (i = 0; i < 512; i++) {
		for (k = 0; k < 3; k++) {
			deliver(&fx, request(1000 * k + i, 0, pasids[k], 0x1000, i));
			ut_assert(take(&fx, d));
		}
		ut_assert_eq(fx_stats(&fx).requests_now, 3);
		for (k = 2; k < 3; k--) {
			respond(&fx, RID0, pasids[k], i, 0);
			snprintf(want, sizeof(want), "response %u 0\n", 1000 * k + i);
			shim_assert(want);
		}
	}
	/*
	 * PASID 5 (that cannot be parked) and those without go: their requests are answered in the
	 * guest's place, its own answers then end here. The request of 6 stays what it is.
	 */
	for (k = 0; k < 3; k++)
		deliver(&fx, request(k, 0, pasids[k], 0x1000, 9));
	vg_pasid_clear(&fx.g, dir, 5, true);
	vg_pasid_clear(&fx.g, dir, 0, true);
	shim.fail = "bind";
	shim.fail_nth = 1;
	shim.fail_rc = -EINVAL;
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 0, 5), 0);
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert(strstr(shim.log, "response 1 1\n") && strstr(shim.log, "response 0 1\n"));
	ut_assert(!strstr(shim.log, "response 2"));
	for (k = 0; k < 3; k++)
		ut_assert(
			vtd_unit_request_pending(fx.g.unit, RID0, pasids[k] ?: IOASID_INVALID, 9));
	ut_assert(!vtd_unit_request_pending(fx.g.unit, RID0, 5, 8));
	shim_clear();
	respond(&fx, RID0, 5, 9, 0);
	respond(&fx, RID0, 0, 9, 0);
	shim_assert("");
	ut_assert(!vtd_unit_request_pending(fx.g.unit, RID0, 5, 9));
	ut_assert_eq(fx_stats(&fx).requests_now, 1);
	respond(&fx, RID0, 6, 9, VTD_PGRSP_INVALID);
	shim_assert("response 2 1\n");
	fx_end(&fx);
}

UT_CASE(group_of_several)
{
	struct ioasid_fault rec;
	struct fx fx;
	u64 d[4];

	fx_boot(&fx, 0);
	tables(&fx);
	rec = request(1, 0, 5, 0x1000, 9);
	rec.flags &= ~IOASID_FAULT_LAST;
	deliver(&fx, rec);
	ut_assert_eq(fx_stats(&fx).requests_now, 0);
	deliver(&fx, request(2, 0, 5, 0x2000, 9));
	ut_assert(take(&fx, d));
	ut_assert(!(d[1] & VTD_PR1_LPIG));
	ut_assert(take(&fx, d));
	ut_assert(d[1] & VTD_PR1_LPIG);
	respond(&fx, RID0, 5, 9, 0);
	shim_assert("response 2 0\n");
	fx_end(&fx);
}

/* Interrupts: one until the guest has serviced PPR, none while masked, none lost. */
UT_CASE(page_request_interrupts)
{
	struct fx fx;
	u64 d[4];

	fx_boot(&fx, 0);
	tables(&fx);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	deliver(&fx, request(2, 0, 5, 0x1000, 2));
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 1);
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PPR);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PRS), 0);
	ut_assert(take(&fx, d));
	ut_assert(take(&fx, d));
	vg_set32(&fx.g, VTD_REG_PECTL, VTD_MSI_IM);
	deliver(&fx, request(3, 0, 5, 0x1000, 3));
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 1);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PECTL), VTD_MSI_IM | VTD_MSI_IP);
	vg_set32(&fx.g, VTD_REG_PECTL, 0);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 2);
	/* An address that is no interrupt address gets nothing. */
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PPR);
	vg_set32(&fx.g, VTD_REG_PEUADDR, 1);
	deliver(&fx, request(4, 0, 5, 0x1000, 4));
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PPR);
	vg_set32(&fx.g, VTD_REG_PEUADDR, 0);
	vg_set32(&fx.g, VTD_REG_PEADDR, 0x1000);
	deliver(&fx, request(5, 0, 5, 0x1000, 5));
	ut_assert_eq(fx.g.nr_msis, 2);
	ut_assert_eq(fx_stats(&fx).interrupts_refused, 2);
	fx_end(&fx);
}

UT_CASE(queue_full)
{
	struct ioasid_fault rec;
	struct fx fx;
	u64 d[4];
	u32 i;

	fx_boot(&fx, 0);
	tables(&fx);
	for (i = 0; i < 127; i++)
		deliver(&fx, request(100 + i, 0, 5, 0x1000 * i, i));
	shim_assert("");
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PPR);
	vg_msi_clear(&fx.g);
	/* Full: the last of a group is answered "success", others are dropped. */
	rec = request(1, 0, 5, 0x1000, 200);
	rec.flags &= ~IOASID_FAULT_LAST;
	deliver(&fx, rec);
	shim_assert("");
	deliver(&fx, request(2, 0, 5, 0x1000, 200));
	shim_assert("response 2 0\n");
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PRS), VTD_PRS_PRO);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_PAGE), 1);
	/* Room alone is not enough: the overflow has to be cleared. */
	for (i = 0; i < 127; i++) {
		ut_assert(take(&fx, d));
		ut_assert_eq(d[1] & VTD_PR1_ADDR, 0x1000 * i);
	}
	deliver(&fx, request(3, 0, 5, 0x1000, 201));
	shim_assert("response 3 0\n");
	ut_assert(!take(&fx, d));
	vg_set32(&fx.g, VTD_REG_PRS, VTD_PRS_PRO);
	deliver(&fx, request(4, 0, 5, 0x1000, 202));
	ut_assert(take(&fx, d));
	ut_assert_eq(fx_stats(&fx).requests_dropped, 3);
	fx_end(&fx);
}

UT_CASE(no_room_to_remember)
{
	struct vtd_unit_config config = { .max_page_requests = 3 };
	struct fx fx;
	u64 d[4];
	u32 i;

	fx_unit(&fx, &config);
	fx_add(&fx);
	vg_boot(&fx.g);
	tables(&fx);
	for (i = 0; i < 5; i++)
		deliver(&fx, request(i, 0, 5, 0x1000, i));
	shim_assert("response 3 0\nresponse 4 0\n");
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_PRS), VTD_PRS_PPR);
	respond(&fx, RID0, 5, 1, 0);
	deliver(&fx, request(9, 0, 5, 0x1000, 9));
	for (i = 0; i < 4; i++)
		ut_assert(take(&fx, d));
	shim_assert("response 1 0\n");
	fx_end(&fx);
}

/* No queue, or one in no memory: the device is told to give up. */
UT_CASE(queue_off)
{
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	vg_set64(&fx.g, VTD_REG_PQA, VG_RAM_BYTES);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	shim_assert("response 1 1\n");
	/* Never set up since the reset. */
	vtd_unit_reset(fx.g.unit);
	vg_set64(&fx.g, VTD_REG_RTADDR, fx.g.root | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE));
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_SRTP | VTD_GCMD_TE);
	ut_assert(shim_route(0, 5));
	shim_clear();
	deliver(&fx, request(2, 0, 5, 0x1000, 1));
	shim_assert("response 2 1\n");
	fx_end(&fx);
	fx_boot(&fx, VTD_UNIT_NO_PRS);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_PQA), fx.g.prq);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	shim_assert("response 1 1\n");
	fx_end(&fx);
}

static u64 frcd(struct fx *fx, u32 i, u32 word)
{
	return vg_get64(&fx->g, VTD_REG_FRCD + 16 * i + 8 * word);
}

/* Requests that the guest's own tables forbid: refused, and recorded as a fault. */
UT_CASE(page_requests_refused)
{
	struct fx fx;
	u64 dir, d[4];

	fx_boot(&fx, 0);
	dir = tables(&fx);
	deliver(&fx, request(1, 1, 5, 0x3000, 1)); /* PRE = 0 */
	shim_assert("response 1 1\n");
	ut_assert_eq(frcd(&fx, 0, 0), 0x3000);
	ut_assert_eq(frcd(&fx, 0, 1), VTD_FR1_F | VTD_FR1_T2 | VTD_FR1_PP | RID1 | 5ull << 40 |
					      (u64)VTD_SCT_8 << 32);
	deliver(&fx, request(2, 0, 6, 0x3000, 1)); /* no entry */
	shim_assert("response 2 1\n");
	ut_assert_eq(FIELD_GET(VTD_FR1_REASON, frcd(&fx, 1, 1)), VTD_SPT_2);
	vg_pasid_clear(&fx.g, dir, 6, true);
	deliver(&fx, request(3, 0, 6, 0x3000, 1)); /* ... that says so quietly */
	shim_assert("response 3 1\n");
	ut_assert_eq(frcd(&fx, 2, 1), 0);
	deliver(&fx, request(4, 99, 5, 0x3000, 1)); /* not ours */
	shim_assert("response 4 1\n");
	/* Bound: the entry is cached, the request goes on although the guest is taking it away. */
	vg_pasid_clear(&fx.g, dir, 5, false);
	deliver(&fx, request(5, 0, 5, 0x3000, 1));
	shim_assert("");
	ut_assert(take(&fx, d));
	ut_assert_eq(fx_stats(&fx).requests_invalid, 4);
	respond(&fx, RID0, 5, 1, 0);
	/* Translation off: nobody asks. */
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	shim_clear();
	deliver(&fx, request(6, 0, 5, 0x3000, 1));
	shim_assert("response 6 1\n");
	fx_end(&fx);
}

static void sync_pasid(struct fx *fx, u32 pasid)
{
	vg_qi(&fx->g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 1, pasid), 0);
	ut_assert(vg_wait(&fx->g));
}

/* A number that goes while the guest handles its page request: blocked now, ended by the answer. */
UT_CASE(entry_goes_under_page_request)
{
	struct ioasid_fault rec;
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = tables(&fx);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	deliver(&fx, request(2, 0, 5, 0x1000, 2));
	vg_pasid_clear(&fx.g, dir, 5, true);
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 7ffffffff000 levels 4\n");
	/* Nothing is left to invalidate, and looking again changes nothing. */
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0);
	sync_pasid(&fx, 5);
	shim_assert("invalidate 12\n");
	/* The device goes on asking, and touching: as for any entry that is not there. */
	deliver(&fx, request(3, 0, 5, 0x2000, 3));
	shim_assert("response 3 1\n");
	rec = event(0, 5, 0x2000, IOASID_FAULT_WRITE | IOASID_FAULT_GPA, VTD_SSS_2);
	deliver(&fx, rec);
	ut_assert_eq(fx_stats(&fx).faults_quiet, 1);
	vg_pasid_clear(&fx.g, dir, 5, false);
	deliver(&fx, rec);
	ut_assert_eq(FIELD_GET(VTD_FR1_REASON, frcd(&fx, 0, 1)), VTD_SPT_2);
	respond(&fx, RID0, 5, 1, 0);
	shim_assert("response 1 0\n");
	respond(&fx, RID0, 5, 2, 1);
	shim_assert("response 2 1\nclear_hwid 11 pasid 5 dev 0\ndetach_pasid dev 0 11\nfree 11\n");
	respond(&fx, RID0, 5, 2, 1);
	shim_assert("");
	ut_assert_eq(fx_stats(&fx).unbinds, 1);
	fx_end(&fx);
}

UT_CASE(entry_comes_back_under_page_request)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = tables(&fx);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	vg_pasid_clear(&fx.g, dir, 5, true);
	sync_pasid(&fx, 5);
	vg_pasid_fs(&fx.g, dir, 5, 0x6000, 9);
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 7ffffffff000 levels 4\nbind 11 root 6000 levels 4\n");
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 9), 0);
	ut_assert(vg_wait(&fx.g));
	shim_assert("invalidate 11\n");
	respond(&fx, RID0, 5, 1, 0);
	shim_assert("response 1 0\n");
	/* As something else: then the old request, and no other, has no meaning any more. */
	deliver(&fx, request(2, 0, 5, 0x1000, 1));
	deliver(&fx, request(3, 0, 0, 0x1000, 1));
	vg_pasid_clear(&fx.g, dir, 5, true);
	sync_pasid(&fx, 5);
	vg_pasid_pass(&fx.g, dir, 5, 9);
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 7ffffffff000 levels 4\nresponse 2 1\n"
		    "clear_hwid 11 pasid 5 dev 0\ndetach_pasid dev 0 11\nfree 11\n"
		    "attach_pasid dev 0 1\nset_hwid 1 pasid 5 dev 0\n");
	fx_end(&fx);
}

/* An entry that is kept for its page requests is none to the guest's CPUs. */
UT_CASE(cpu_entry_under_page_request)
{
	struct fx fx;
	u64 dir;

	fx_boot(&fx, VTD_UNIT_CPU_PASID);
	dir = tables(&fx);
	/* Device 1 has the number, too: not there, so that it is device 0's alone. */
	ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID1), 0);
	ut_assert_eq(shim.cpu[5], 5);
	shim_clear();
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	vg_pasid_clear(&fx.g, dir, 5, true);
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 7ffffffff000 levels 4\ncpu_unmap pasid 5\n");
	vg_pasid_fs(&fx.g, dir, 5, 0x6000, 9);
	sync_pasid(&fx, 5);
	shim_assert("bind 11 root 6000 levels 4\ncpu_map pasid 5\n");
	vg_pasid_clear(&fx.g, dir, 5, true);
	sync_pasid(&fx, 5);
	respond(&fx, RID0, 5, 1, 0);
	shim_assert("bind 11 root 7ffffffff000 levels 4\ncpu_unmap pasid 5\nresponse 1 0\n"
		    "clear_hwid 11 pasid 5 dev 0\ndetach_pasid dev 0 11\nfree 11\n");
	fx_end(&fx);
}

/*
 * In global mode the address space of a number is not one device's to lead nowhere; and what leads there
 * is in the way of a new one.
 */
UT_CASE(global_entry_under_page_request)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;
	u64 dir[2];

	fx_unit(&fx, &config);
	shim.global = true;
	fx.dev[0].mode = fx.dev[1].mode = IOASID_MODE_GLOBAL;
	fx_add(&fx);
	vg_boot(&fx.g);
	dir[0] = vg_context(&fx.g, RID0, ALL_CTX, 7);
	dir[1] = vg_context(&fx.g, RID1, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir[0], 5, 0x5000, 1);
	vg_pasid_fs(&fx.g, dir[1], 5, 0x5000, 1);
	vg_qi(&fx.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(shim_route(0, 5), shim_route(1, 5));
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	vg_pasid_clear(&fx.g, dir[0], 5, true);
	sync_pasid(&fx, 5);
	ut_assert(!shim_route(0, 5));
	ut_assert_eq(shim.ioas[shim_route(1, 5)].table.address, 0x5000);
	/* Device 1 alone: kept; then device 0 wants the number. */
	deliver(&fx, request(2, 1, 5, 0x1000, 2));
	vg_pasid_clear(&fx.g, dir[1], 5, true);
	sync_pasid(&fx, 5);
	ut_assert(shim.ioas[shim_route(1, 5)].table.address > 0x100000000000);
	vg_pasid_fs(&fx.g, dir[0], 5, 0x6000, 1);
	sync_pasid(&fx, 5);
	ut_assert(shim_route(0, 5) && !shim_route(1, 5));
	ut_assert_eq(fx_stats(&fx).bind_errors, 0);
	fx_end(&fx);
}

/* Whatever else ends the requests ends what was kept for them. */
UT_CASE(parked_entries_are_given_back)
{
	static const char ended[] = "response 1 1\nclear_hwid 11 pasid 5 dev 0\n"
				    "detach_pasid dev 0 11\nfree 11\n";
	struct vtd_unit_config config = { 0 };
	struct fx fx;
	u64 dir;
	u32 how;

	for (how = 0; how < 5; how++) {
		fx_boot(&fx, 0);
		dir = tables(&fx);
		deliver(&fx, request(1, 0, 5, 0x1000, 1));
		vg_pasid_clear(&fx.g, dir, 5, true);
		if (how == 4) {
			/* No way to keep it: answered at once. */
			shim.fail = "bind";
			shim.fail_nth = 1;
			shim.fail_rc = -EINVAL;
		}
		sync_pasid(&fx, 5);
		ut_assert(!memcmp(shim.log, "bind 11 root 7ffffffff000", 25));
		if (how == 0)
			ut_assert_eq(vtd_unit_device_reset(fx.g.unit, RID0), 0);
		if (how == 1)
			ut_assert_eq(vtd_unit_remove_device(fx.g.unit, RID0), 0);
		if (how == 2)
			vtd_unit_reset(fx.g.unit);
		if (how == 3)
			vtd_unit_destroy(fx.g.unit);
		ut_assert(strstr(shim.log, ended));
		/* For fx_end() to have something to end. */
		if (how == 3)
			ut_assert_eq(vg_unit(&fx.g, &config, SHIM_CTX, SHIM_GPA), 0);
		fx_end(&fx);
	}
}

/* The default route goes: its requests are answered at once and kept until the guest has, too. */
UT_CASE(orphans)
{
	struct fx fx;
	u64 dir, d[4];
	u32 i;

	fx_boot(&fx, 0);
	dir = tables(&fx);
	for (i = 0; i < 100; i++)
		deliver(&fx, request(i, 0, 0, 0x1000, i));
	vg_pasid_clear(&fx.g, dir, 0, true);
	sync_pasid(&fx, 0);
	ut_assert(strstr(shim.log, "response 0 1\n") && strstr(shim.log, "response 99 1\n"));
	ut_assert_eq(shim.responses, 100);
	ut_assert_eq(fx_stats(&fx).requests_now, 100);
	/* Again there, and an index used again: the new request is the one that is answered. */
	vg_pasid_fs(&fx.g, dir, 0, 0x7000, 3);
	sync_pasid(&fx, 0);
	for (i = 0; i < 100; i++)
		ut_assert(take(&fx, d));
	deliver(&fx, request(1000, 0, 0, 0x1000, 7));
	ut_assert_eq(fx_stats(&fx).requests_now, 100);
	shim_clear();
	respond(&fx, RID0, 0, 7, 0);
	shim_assert("response 1000 0\n");
	ut_assert_eq(fx_stats(&fx).page_responses, 1);
	respond(&fx, RID0, 0, 8, 0);
	shim_assert("");
	ut_assert_eq(fx_stats(&fx).requests_now, 98);
	/* Nobody is told twice. */
	ut_assert_eq(vtd_unit_device_reset(fx.g.unit, RID0), 0);
	shim_assert("");
	ut_assert_eq(fx_stats(&fx).requests_now, 0);
	fx_end(&fx);
}

/* A wait with PD completes after all that was pending is in the guest's queue. */
UT_CASE(drain)
{
	struct ioasid_fault rec;
	struct fx fx;
	u64 d[4];
	u32 i;

	fx_boot(&fx, 0);
	tables(&fx);
	for (i = 0; i < 100; i++) {
		rec = request(i, 0, 5, 0x1000 * i, i);
		shim_record(&rec);
	}
	ut_assert(vg_wait(&fx.g));
	ut_assert(!take(&fx, d));
	vg_qi(&fx.g, VTD_QI_WAIT | VTD_QI_WAIT0_PD | VTD_QI_WAIT0_FN, 0);
	vg_kick(&fx.g);
	for (i = 0; i < 100; i++)
		ut_assert(take(&fx, d));
	ut_assert(!take(&fx, d));
	fx_end(&fx);
}

UT_CASE(device_reset_forgets)
{
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	deliver(&fx, request(1, 0, 5, 0x1000, 1));
	deliver(&fx, request(2, 0, 0, 0x1000, 1));
	ut_assert_eq(vtd_unit_device_reset(fx.g.unit, RID0), 0);
	ut_assert_eq(vtd_unit_device_reset(fx.g.unit, 0x77), -ENOENT);
	shim_assert("response 1 1\nresponse 2 1\n");
	respond(&fx, RID0, 5, 1, 0);
	respond(&fx, RID0, 0, 1, 0);
	shim_assert("");
	ut_assert_eq(fx_stats(&fx).requests_now, 0);
	deliver(&fx, request(3, 0, 5, 0x1000, 1));
	vtd_unit_remove_device(fx.g.unit, RID0);
	respond(&fx, RID0, 5, 1, 0);
	ut_assert_eq(fx_stats(&fx).responses_ignored, 3);
	fx_end(&fx);
}

UT_CASE(fault_records)
{
	static const u32 rw = IOASID_FAULT_READ | IOASID_FAULT_WRITE;
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	deliver(&fx, event(0, 5, 0x7fff12345678, IOASID_FAULT_WRITE, VTD_SFS_2));
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 1);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PPF);
	ut_assert_eq(frcd(&fx, 0, 0), 0x7fff12345000);
	ut_assert_eq(frcd(&fx, 0, 1),
		     VTD_FR1_F | RID0 | VTD_FR1_PP | 5ull << 40 | (u64)VTD_SFS_2 << 32);
	deliver(&fx, event(0, 5, 0x1000, IOASID_FAULT_READ | IOASID_FAULT_PRIV, VTD_SPT_6));
	deliver(&fx, event(0, 0, 0x1000, rw | IOASID_FAULT_EXEC, VTD_SGN_6));
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 1);
	ut_assert_eq(frcd(&fx, 1, 1), VTD_FR1_F | RID0 | VTD_FR1_PP | 5ull << 40 | VTD_FR1_T1 |
					      VTD_FR1_PRIV | (u64)VTD_SPT_6 << 32);
	ut_assert_eq(frcd(&fx, 2, 1), VTD_FR1_F | RID0 | VTD_FR1_T1 | VTD_FR1_T2 | VTD_FR1_EXE |
					      (u64)VTD_SGN_6 << 32);
	/* Clearing goes by the byte that has F, and by nothing else. */
	vg_set64(&fx.g, VTD_REG_FRCD, ~0ull);
	vtd_unit_write(fx.g.unit, VTD_REG_FRCD + 15, 1, 0x7f);
	ut_assert(frcd(&fx, 0, 1) & VTD_FR1_F);
	vtd_unit_write(fx.g.unit, VTD_REG_FRCD + 15, 1, 0x80);
	ut_assert(!(frcd(&fx, 0, 1) & VTD_FR1_F));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PPF);
	vg_set32(&fx.g, VTD_REG_FRCD + 16 + 12, 1u << 31);
	vg_set64(&fx.g, VTD_REG_FRCD + 32 + 8, VTD_FR1_F);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), 0);
	/* The next one: where to look, and a new interrupt. */
	deliver(&fx, event(0, 5, 0x1000, IOASID_FAULT_READ, VTD_SFS_2));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PPF | 3 << 8);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 2);
	fx_end(&fx);
}

UT_CASE(fault_overflow)
{
	struct fx fx;
	u32 i;

	fx_boot(&fx, 0);
	tables(&fx);
	for (i = 0; i < 10; i++)
		deliver(&fx, event(0, 5, 0x1000 * i, IOASID_FAULT_READ, VTD_SFS_2));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
	ut_assert_eq(fx_stats(&fx).faults, 8);
	ut_assert_eq(fx_stats(&fx).faults_lost, 2);
	for (i = 0; i < 8; i++) {
		ut_assert_eq(frcd(&fx, i, 0), 0x1000 * i);
		vg_set32(&fx.g, VTD_REG_FRCD + 16 * i + 12, 1u << 31);
	}
	/* Not recorded until the overflow is cleared, too. */
	deliver(&fx, event(0, 5, 0x1000, IOASID_FAULT_READ, VTD_SFS_2));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PFO);
	vg_set32(&fx.g, VTD_REG_FSTS, VTD_FSTS_PFO);
	deliver(&fx, event(0, 5, 0x1000, IOASID_FAULT_READ, VTD_SFS_2));
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_FSTS), VTD_FSTS_PPF);
	ut_assert_eq(vg_msi(&fx.g, VG_MSI_FAULT), 2);
	fx_end(&fx);
}

static u32 reason(struct fx *fx, struct ioasid_fault rec)
{
	u32 code = 0, i;

	deliver(fx, rec);
	for (i = 0; i < 8; i++) {
		if (!(frcd(fx, i, 1) & VTD_FR1_F))
			continue;
		code = FIELD_GET(VTD_FR1_REASON, frcd(fx, i, 1));
		vg_set32(&fx->g, VTD_REG_FRCD + 16 * i + 12, 1u << 31);
	}
	return code;
}

/* The host's structures are not the guest's: reasons are what the guest's own tables explain. */
UT_CASE(reasons)
{
	struct ioasid_fault rec;
	struct fx fx;
	u64 dir;

	fx_boot(&fx, 0);
	dir = tables(&fx);
	/* No route on the host: why, in the guest's tables. */
	ut_assert_eq(reason(&fx, event(0, 6, 0, 0, VTD_SPT_2)), VTD_SPT_2);
	ut_assert_eq(reason(&fx, event(0, 0x7777, 0, 0, VTD_SPT_2)), VTD_SPD_2);
	vg_pasid_fs(&fx.g, dir, 6, 0x5000, 1);
	vg_pasid(&fx.g, dir, 6)[4] = 1;
	ut_assert_eq(reason(&fx, event(0, 6, 0, 0, VTD_SPD_2)), VTD_SPT_3);
	vg_pasid(&fx.g, dir, 6)[4] = 0;
	ut_assert_eq(reason(&fx, event(0, 6, 0, 0, VTD_SPD_2)), VTD_SPT_2); /* never announced */
	vg_context_clear(&fx.g, RID1);
	ut_assert_eq(reason(&fx, event(1, 5, 0, 0, VTD_SPT_2)), VTD_SCT_2);
	*vg_word(&fx.g, fx.g.root + 24) = 0;
	ut_assert_eq(reason(&fx, event(1, 5, 0, 0, VTD_SPT_2)), VTD_SRT_2);
	/* First-stage reasons are the guest's own. */
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_3)), VTD_SFS_3);
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SGN_2)), VTD_SGN_2);
	/* Second-stage ones are not: to the guest its memory is not there. */
	ut_assert_eq(reason(&fx, event(0, 5, 0, IOASID_FAULT_GPA, VTD_SSS_2)), VTD_SFS_1);
	ut_assert_eq(reason(&fx, event(0, 5, 0, IOASID_FAULT_GPA, VTD_SFS_7)), VTD_SFS_1);
	ut_assert_eq(reason(&fx, event(0, 5, 0, IOASID_FAULT_GPA, VTD_SFS_6)), VTD_SFS_4);
	rec = event(0, 5, 0, IOASID_FAULT_GPA, VTD_SSS_2);
	rec.gpa = 0x5008; /* in the root table */
	ut_assert_eq(reason(&fx, rec), VTD_SFS_4);
	vg_pasid_pass(&fx.g, dir, 0, 1);
	ut_assert_eq(reason(&fx, event(0, 0, 0, IOASID_FAULT_GPA, VTD_SSS_2)), VTD_SGN_4);
	/* A home without VT-d codes. */
	rec = event(0, 5, 0, IOASID_FAULT_WRITE, 0);
	rec.reason = IOASID_REASON_PERMISSION;
	ut_assert_eq(reason(&fx, rec), VTD_SGN_6);
	rec.flags = IOASID_FAULT_VPASID | IOASID_FAULT_READ;
	ut_assert_eq(reason(&fx, rec), VTD_SGN_7);
	rec.reason = IOASID_REASON_NOT_PRESENT;
	rec.arch_reason = 0x12345;
	ut_assert_eq(reason(&fx, rec), VTD_SFS_2);
	rec.reason = IOASID_REASON_NO_ROUTE;
	rec.vpasid = 0x7777;
	ut_assert_eq(reason(&fx, rec), VTD_SPD_2);
	fx_end(&fx);
}

/* Fault processing disable, on any level of the path. */
UT_CASE(quiet_faults)
{
	struct fx fx;
	u64 dir, *ce;

	fx_boot(&fx, 0);
	dir = tables(&fx);
	vg_pasid_clear(&fx.g, dir, 6, true);
	ut_assert_eq(reason(&fx, event(0, 6, 0, 0, VTD_SPT_2)), 0);
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_2)), VTD_SFS_2);
	*vg_pasid(&fx.g, dir, 5) |= VTD_PE0_FPD;
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_2)), 0);
	*vg_pasid(&fx.g, dir, 5) &= ~VTD_PE0_FPD;
	*vg_word(&fx.g, dir) |= VTD_DE_FPD;
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_2)), 0);
	*vg_word(&fx.g, dir) &= ~VTD_DE_FPD;
	ce = vg_word(&fx.g, (*vg_word(&fx.g, fx.g.root) & VTD_RE_CTP) + RID0 * 32);
	*ce |= VTD_CE0_FPD;
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_2)), 0);
	*ce &= ~VTD_CE0_FPD;
	ut_assert_eq(reason(&fx, event(77, 5, 0, 0, VTD_SFS_2)), 0);
	ut_assert_eq(fx_stats(&fx).faults_quiet, 5);
	vg_set32(&fx.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	ut_assert_eq(reason(&fx, event(0, 5, 0, 0, VTD_SFS_2)), 0);
	fx_end(&fx);
}

/* ---- the service thread --------------------------------------------------------------------------- */

static bool wait_for(struct fx *fx, u64 tail)
{
	u32 i;

	for (i = 0; i < 5000; i++) {
		if (vg_get64(&fx->g, VTD_REG_PQT) == tail)
			return true;
		usleep(1000);
	}
	return false;
}

static struct fx *service_fx;
static bool service_ok;

/* While an invalidation waits, page requests go on reaching the guest. */
static void in_invalidation(u32 ioasid __maybe_unused)
{
	struct ioasid_fault rec = request(1, 0, 5, 0x1000, 1);

	shim_record(&rec);
	service_ok = wait_for(service_fx, 32);
}

UT_CASE(service_thread)
{
	struct ioasid_fault rec;
	struct fx fx;

	fx_boot(&fx, 0);
	tables(&fx);
	ut_assert(vtd_unit_fault_fd(fx.g.unit) >= 0);
	ut_assert_eq(vtd_unit_service_start(fx.g.unit), 0);
	ut_assert_eq(vtd_unit_service_start(fx.g.unit), -EALREADY);
	service_fx = &fx;
	service_ok = false;
	shim.on_invalidate = in_invalidation;
	vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 3), 0);
	ut_assert(vg_wait(&fx.g));
	ut_assert(service_ok);
	vtd_unit_service_stop(fx.g.unit);
	vtd_unit_service_stop(fx.g.unit);
	ut_assert_eq(vtd_unit_service_start(fx.g.unit), 0);
	rec = request(2, 0, 5, 0x1000, 2);
	shim_record(&rec);
	ut_assert(wait_for(&fx, 64));
	vtd_unit_sync(fx.g.unit);
	fx_end(&fx);
}

UT_SUITE(viommu_event, UT_ENTRY(page_request_and_answer), UT_ENTRY(answers_find_their_request),
	 UT_ENTRY(answers_find_theirs_in_a_crowd), UT_ENTRY(group_of_several),
	 UT_ENTRY(page_request_interrupts), UT_ENTRY(queue_full), UT_ENTRY(no_room_to_remember),
	 UT_ENTRY(queue_off), UT_ENTRY(page_requests_refused),
	 UT_ENTRY(entry_goes_under_page_request), UT_ENTRY(entry_comes_back_under_page_request),
	 UT_ENTRY(parked_entries_are_given_back), UT_ENTRY(cpu_entry_under_page_request),
	 UT_ENTRY(global_entry_under_page_request), UT_ENTRY(orphans), UT_ENTRY(drain),
	 UT_ENTRY(device_reset_forgets), UT_ENTRY(fault_records), UT_ENTRY(fault_overflow),
	 UT_ENTRY(reasons), UT_ENTRY(quiet_faults), UT_ENTRY(service_thread));
