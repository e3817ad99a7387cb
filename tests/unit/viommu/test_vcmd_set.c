// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Virtual commands answered from sets of the driver API: guests of one host, quota, pending numbers. */
#include <unistd.h>

#include <ioasid/allocator.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/vguest.h"

#define GUESTS 2

/** struct vset - two guests on the process's default host, each with a set */
struct vset {
	struct ioasid *ctx[GUESTS];
	struct ioasid_set *set[GUESTS];
	struct vguest g[GUESTS];
};

static void vs_init(struct vset *v, u32 quota, u32 pasid_bits)
{
	struct vtd_unit_config config;
	u32 i, gpa;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < GUESTS; i++) {
		config = (struct vtd_unit_config){ .pasid_bits = pasid_bits };
		vg_init(&v->g[i]);
		ut_assert_eq(ioasid_open("inproc", &v->ctx[i]), 0);
		ut_assert_eq(ioasid_alloc_kernel(v->ctx[i], &gpa), 0);
		v->set[i] = ioasid_set_alloc(NULL, quota, IOASID_SET_TYPE_NULL);
		ut_assert(!IS_ERR(v->set[i]));
		vtd_unit_vcmd_set(&config, v->set[i]);
		ut_assert_eq(vg_unit(&v->g[i], &config, v->ctx[i], gpa), 0);
		ut_assert(vg_get64(&v->g[i], VTD_REG_ECAP) & VTD_ECAP_VCS);
	}
}

/* A unit that is gone has left nothing in its set. */
static void vs_end(struct vset *v)
{
	u32 i;

	for (i = 0; i < GUESTS; i++) {
		vtd_unit_destroy(v->g[i].unit);
		ut_assert_eq(ioasid_set_free(v->set[i]), 0);
		ioasid_close(v->ctx[i]);
		vg_destroy(&v->g[i]);
	}
}

static u64 vs_do(struct vguest *g, u64 cmd)
{
	u32 us = 0;
	u64 rsp;

	vg_set64(g, VTD_REG_VCMD, cmd);
	while ((rsp = vg_get64(g, VTD_REG_VCRSP)) & VTD_VCRSP_IP) {
		ut_assert(us < 10000000);
		usleep(20);
		us += 20;
	}
	return rsp;
}

/* Return: number; 0: none available. */
static u32 vs_alloc(struct vguest *g)
{
	u64 rsp = vs_do(g, VTD_VCMD_ALLOC);

	if (FIELD_GET(VTD_VCRSP_SC, rsp)) {
		ut_assert_eq(rsp, FIELD_PREP(VTD_VCRSP_SC, VTD_VC_PASID_BAD));
		return 0;
	}
	return (u32)FIELD_GET(VTD_VC_PASID, rsp);
}

static u32 vs_free(struct vguest *g, u64 pasid)
{
	return (u32)FIELD_GET(VTD_VCRSP_SC,
			      vs_do(g, VTD_VCMD_FREE | FIELD_PREP(VTD_VCMD_OA, pasid)));
}

static void vs_count_one(ioasid_t id __maybe_unused, void *data)
{
	++*(u32 *)data;
}

static u32 vs_count(struct ioasid_set *set)
{
	u32 nr = 0;

	ioasid_set_for_each_ioasid(set, vs_count_one, &nr);
	return nr;
}

static enum ioasid_id_state vs_state(u32 id)
{
	struct ioasid_id_info info;

	return ioasid_describe(id, &info) ? IOASID_STATE_FREE : info.state;
}

UT_CASE(numbers_of_the_set)
{
	struct vset v;
	u32 a, b;

	vs_init(&v, 0, 0);
	a = vs_alloc(&v.g[0]);
	b = vs_alloc(&v.g[1]);
	ut_assert(a && b && a != b);
	ut_assert(ioasid_find_set(a) == v.set[0]);
	ut_assert(ioasid_find_set(b) == v.set[1]);
	ut_assert_eq(vs_count(v.set[0]), 1);
	/* Each its own. */
	ut_assert_eq(vs_free(&v.g[0], b), 16);
	ut_assert_eq(vs_free(&v.g[1], a), 16);
	ut_assert(ioasid_find_set(b) == v.set[1]);
	ut_assert_eq(vs_free(&v.g[0], a), 0);
	ut_assert_eq(vs_state(a), IOASID_STATE_FREE);
	ut_assert_eq(vs_free(&v.g[1], b), 0);
	vs_end(&v);
}

/* What the VMM takes out of the guest's set is not the guest's. */
UT_CASE(numbers_of_the_vmm)
{
	struct vset v;
	u32 id;

	vs_init(&v, 0, 0);
	id = ioasid_alloc(v.set[0], 1, 0xfffff, NULL);
	ut_assert(id != INVALID_IOASID);
	ut_assert_eq(vs_free(&v.g[0], id), 16);
	ut_assert(vs_alloc(&v.g[0]) != id);
	ut_assert(ioasid_find_set(id) == v.set[0]);
	vtd_unit_reset(v.g[0].unit);
	ut_assert_eq(vs_count(v.set[0]), 1);
	ioasid_free(v.set[0], id);
	vs_end(&v);
}

UT_CASE(quota_and_pending)
{
	u32 id[16], i;
	struct vset v;

	vs_init(&v, ARRAY_SIZE(id), 0);
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		id[i] = vs_alloc(&v.g[0]);
		ut_assert(id[i]);
	}
	ut_assert_eq(vs_alloc(&v.g[0]), 0);
	/* The other guest's quota is its own. */
	ut_assert(vs_alloc(&v.g[1]));
	/* The host uses it: freed, and still there. */
	ut_assert_eq(ioasid_get(v.set[0], id[3]), 0);
	ut_assert_eq(vs_free(&v.g[0], id[3]), 0);
	ut_assert_eq(vs_state(id[3]), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(vs_free(&v.g[0], id[3]), 16);
	ut_assert_eq(vs_alloc(&v.g[0]), 0);
	ut_assert(ioasid_put(v.set[0], id[3]));
	ut_assert_eq(vs_alloc(&v.g[0]), id[3]);
	/* One that is not used is there at once. */
	ut_assert_eq(vs_free(&v.g[0], id[5]), 0);
	ut_assert_eq(vs_alloc(&v.g[0]), id[5]);
	ut_assert_eq(vs_count(v.set[0]), ARRAY_SIZE(id));
	vs_end(&v);
}

UT_CASE(narrow_unit)
{
	struct vset v;
	u32 nr, id;

	vs_init(&v, 0, 9);
	for (nr = 0; (id = vs_alloc(&v.g[0])); nr++)
		ut_assert(id < 512);
	ut_assert_eq(nr, 511);
	ut_assert_eq(vs_alloc(&v.g[1]), 0);
	vs_end(&v);
}

static struct ioasid_limit vs_limit(struct vset *v, const char *path)
{
	struct ioasid_limit limit = {
		.flags = IOASID_LIMIT_PATH,
		.path = (uintptr_t)path,
		.path_len = strlen(path),
	};

	ut_assert_eq(ioasid_limit_get(v->ctx[0], &limit), 0);
	return limit;
}

/* Guests of a group with a limit, though their units' threads said nothing of it. */
UT_CASE(limits_of_the_vmm)
{
	struct ioasid_limit limit;
	struct ioasid_host *host;
	struct vset v;
	u32 i;

	ut_assert_eq(ioasid_host_default(&host), 0);
	ut_assert_eq(ioasid_host_group_create(host, "/vms"), 0);
	ut_assert_eq(ioasid_caller_set_group("/vms"), 0);
	vs_init(&v, 0, 0);
	ut_assert_eq(ioasid_caller_set_group(NULL), 0);
	limit = vs_limit(&v, "/vms");
	limit.max = 5;
	ut_assert_eq(ioasid_limit_set(v.ctx[0], &limit), 0);
	for (i = 0; i < 5; i++)
		ut_assert(vs_alloc(&v.g[i % 2]));
	ut_assert_eq(vs_alloc(&v.g[0]), 0);
	ut_assert_eq(vs_alloc(&v.g[1]), 0);
	limit = vs_limit(&v, "/vms");
	ut_assert_eq(limit.current_charge, 5);
	ut_assert_eq(limit.peak, 5);
	ut_assert_eq(limit.events_local, 2);
	/* Others are not bound by it, and what is given back is uncharged, whoever does that. */
	i = ioasid_alloc(v.set[0], 1, 0xfffff, NULL);
	ut_assert(i != INVALID_IOASID);
	ioasid_free(v.set[0], i);
	vtd_unit_reset(v.g[0].unit);
	ut_assert_eq(vs_limit(&v, "/vms").current_charge, 2);
	ut_assert(vs_alloc(&v.g[1]));
	vtd_unit_destroy(v.g[1].unit);
	v.g[1].unit = NULL;
	limit = vs_limit(&v, "/vms");
	ut_assert_eq(limit.current_charge, 0);
	ut_assert_eq(limit.peak, 5);
	ut_assert_eq(ioasid_host_group_remove(host, "/vms"), 0);
	vs_end(&v);
	ioasid_host_put(host);
}

/* Reset and end of a guest whose numbers the host still uses. */
UT_CASE(gone_with_numbers_in_use)
{
	struct vset v;
	u32 id[3], i;

	vs_init(&v, 0, 0);
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		id[i] = vs_alloc(&v.g[0]);
		ut_assert_eq(ioasid_get_as(v.set[0], id[i], IOASID_HOLD_DEVICE), 0);
	}
	vtd_unit_reset(v.g[0].unit);
	for (i = 0; i < ARRAY_SIZE(id); i++)
		ut_assert_eq(vs_state(id[i]), IOASID_STATE_FREE_PENDING);
	/* The guest after the reset gets others, and has nothing to say about those. */
	for (i = 0; i < ARRAY_SIZE(id); i++)
		ut_assert_eq(vs_free(&v.g[0], id[i]), 16);
	i = vs_alloc(&v.g[0]);
	ut_assert(i && i != id[0] && i != id[1] && i != id[2]);
	vtd_unit_destroy(v.g[0].unit);
	v.g[0].unit = NULL;
	ut_assert_eq(vs_state(i), IOASID_STATE_FREE);
	ut_assert_eq(ioasid_set_free(v.set[0]), -EBUSY);
	for (i = 0; i < ARRAY_SIZE(id); i++)
		ut_assert(ioasid_put_as(v.set[0], id[i], IOASID_HOLD_DEVICE));
	vs_end(&v);
}

UT_SUITE(viommu_vcmd_set, UT_ENTRY(numbers_of_the_set), UT_ENTRY(numbers_of_the_vmm),
	 UT_ENTRY(quota_and_pending), UT_ENTRY(narrow_unit), UT_ENTRY(limits_of_the_vmm),
	 UT_ENTRY(gone_with_numbers_in_use));
