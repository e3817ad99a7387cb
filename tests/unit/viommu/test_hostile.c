// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Guests that lie: nothing but refusals may come of it, and everything is given back. */
#include <time.h>
#include <unistd.h>

#include "tests/unit/viommu/chaos.h"
#include "tests/unit/viommu/fx.h"

static struct fx *chaos_fx;

static void chaos_device(struct chaos *c __maybe_unused, u32 n, u32 kind, u64 value, u32 pasid)
{
	struct ioasid_fault rec = {
		.type = kind & 1 ? IOASID_FAULT_PAGE_REQUEST : IOASID_FAULT_EVENT,
		.flags = (value & 0x3e) | (pasid ? IOASID_FAULT_VPASID : 0),
		.id = value >> 32,
		.cookie = n,
		.address = value & ~0xfffull,
		.vpasid = pasid,
		.group = value >> 52,
		.reason = value >> 8 & 15,
		.arch_reason = value >> 16 & 0xff,
	};

	shim_record(&rec);
}

static void chaos_plug(struct chaos *c, u32 n, bool in)
{
	if (in)
		vtd_unit_add_device(c->g->unit, c->rid[n], &chaos_fx->dev[n], n);
	else
		vtd_unit_remove_device(c->g->unit, c->rid[n]);
}

static void chaos_run(u64 seed, u32 flags)
{
	struct chaos_pool pool = { 0 };
	struct vtd_unit_config config = {
		.flags = flags,
		.max_pasids = 40,
		.max_page_requests = 20,
		.vcmd = seed & 16 ? NULL : &chaos_vcmd,
		.vcmd_opaque = &pool,
	};
	struct ut_rand r = { seed };
	u8 bytes[4096];
	struct chaos c;
	struct fx fx;
	u32 i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)ut_rand(&r);
	fx_unit(&fx, &config);
	shim.quiet = true;
	chaos_fx = &fx;
	c = (struct chaos){ &fx.g, bytes, sizeof(bytes), { RID0, RID1 }, chaos_device, chaos_plug };
	/* A call that fails now and then. */
	if (seed & 1) {
		static const char *const calls[] = { "alloc", "bind",	      "set_hwid",  "attach",
						     "free",  "attach_pasid", "invalidate" };

		shim.fail = calls[seed / 2 % ARRAY_SIZE(calls)];
		shim.fail_rc = seed & 2 ? -EIO : -EBUSY;
	}
	while (chaos_step(&c)) {
		struct vtd_unit_stats s = fx_stats(&fx);

		if (!shim.fail_nth)
			shim.fail_nth = 3;
		ut_assert(s.bound_now <= 42);
		ut_assert(s.requests_now <= 20);
	}
	ut_assert_eq(fx.g.traces != 0, fx_trace);
	shim.fail = NULL;
	vtd_unit_reset(fx.g.unit);
	ut_assert_eq(fx_stats(&fx).bound_now, 0);
	ut_assert_eq(fx_stats(&fx).requests_now, 0);
	ut_assert_eq(fx_stats(&fx).pasids_now, 0);
	ut_assert_eq(pool.nr, 0);
	fx_end(&fx);
}

UT_CASE(random_guests)
{
	u64 seed, first = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : 1;
	u64 nr = getenv("ROUNDS") ? strtoull(getenv("ROUNDS"), NULL, 0) : 200;

	for (seed = first; seed < first + nr; seed++) {
		if (getenv("VERBOSE"))
			ut_log("# seed %llu", (unsigned long long)seed);
		fx_trace = seed % 16 == 3;
		chaos_run(seed, seed & 4 ? VTD_UNIT_NO_CM : seed & 8 ? VTD_UNIT_LEVELS5 : 0);
	}
	fx_trace = false;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/*
 * The dearest thing a guest can ask for with one write: every directory entry leads to one page of
 * entries, all good, in a queue full of requests to look at all of them.
 */
UT_CASE(dearest_write)
{
	struct fx fx;
	double start;
	u64 dir, table;
	u32 i;

	fx_boot(&fx, 0);
	shim.quiet = true;
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	for (i = 0; i < 64; i++)
		vg_pasid_fs(&fx.g, dir, i, 0x5000, 1);
	table = *vg_word(&fx.g, dir);
	for (i = 0; i < 16384; i++)
		*vg_word(&fx.g, dir + i * 8) = table;
	for (i = 0; i < 200; i++)
		vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	start = now();
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(fx_stats(&fx).bound_now, 65536);
	ut_assert_eq(fx_stats(&fx).bind_errors, 1);
	ut_log("# %.3f s to bind 65536 entries", now() - start);
	ut_assert(now() - start < 20);
	start = now();
	for (i = 0; i < 200; i++)
		vg_qi(&fx.g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1), 0);
	ut_assert(vg_wait(&fx.g));
	ut_log("# %.3f s to invalidate them", now() - start);
	/* Bad ones are given up after a while. */
	for (i = 0; i < 64; i++)
		vg_pasid(&fx.g, dir, i)[3] = 1;
	vg_qi(&fx.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	start = now();
	ut_assert(vg_wait(&fx.g));
	ut_log("# %.3f s to unbind them", now() - start);
	ut_assert_eq(fx_stats(&fx).bound_now, 0);
	ut_assert(now() - start < 20);
	fx_end(&fx);
}

/* ---- several processors ----------------------------------------------------------------------------- */

static struct {
	struct vguest *g;
	bool stop;
} race;

static void *race_registers(void *arg __maybe_unused)
{
	struct ut_rand r = { 7 };

	while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
		static const u16 regs[] = { VTD_REG_FSTS, VTD_REG_PQH,	 VTD_REG_PRS, VTD_REG_PECTL,
					    VTD_REG_ICS,  VTD_REG_FECTL, VTD_REG_IQT };
		u16 off = regs[ut_below(&r, ARRAY_SIZE(regs))];

		vtd_unit_write(race.g->unit, off, 4, ut_rand(&r) & 0x1ffe0);
		vtd_unit_read(race.g->unit, ut_below(&r, 0x300), 8);
	}
	return NULL;
}

static void *race_devices(void *arg __maybe_unused)
{
	struct ut_rand r = { 9 };
	u32 i = 0;

	while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
		struct ioasid_fault rec = {
			.type = 1 + ut_below(&r, 2),
			.flags = IOASID_FAULT_LAST | IOASID_FAULT_READ | IOASID_FAULT_VPASID,
			.id = i,
			.cookie = ut_below(&r, 2),
			.vpasid = 5,
			.group = i,
			.arch_reason = VTD_SFS_2,
		};

		i++;
		shim_record(&rec);
		vtd_unit_prepare(race.g->unit, RID0, 5);
		usleep(100);
	}
	return NULL;
}

UT_CASE(races)
{
	pthread_t t[2];
	struct fx fx;
	u64 dir;
	u32 i;

	fx_boot(&fx, 0);
	shim.quiet = true;
	dir = vg_context(&fx.g, RID0, ALL_CTX, 7);
	vg_pasid_fs(&fx.g, dir, 5, 0x5000, 1);
	race.g = &fx.g;
	race.stop = false;
	ut_assert_eq(vtd_unit_service_start(fx.g.unit), 0);
	pthread_create(&t[0], NULL, race_registers, NULL);
	pthread_create(&t[1], NULL, race_devices, NULL);
	for (i = 0; i < 300; i++) {
		vtd_unit_remove_device(fx.g.unit, RID0);
		ut_assert_eq(vtd_unit_add_device(fx.g.unit, RID0, &fx.dev[0], 0), 0);
		vg_set32(&fx.g, VTD_REG_FSTS, ~0u);
		if (i % 50 == 49)
			vtd_unit_reset(fx.g.unit);
		vg_command(&fx.g, VTD_GCMD_QIE | VTD_GCMD_TE);
		usleep(500);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	vtd_unit_service_stop(fx.g.unit);
	fx_end(&fx);
}

UT_SUITE(viommu_hostile, UT_ENTRY(random_guests), UT_ENTRY(dearest_write), UT_ENTRY(races));
