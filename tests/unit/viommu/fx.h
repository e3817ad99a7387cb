/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the tests over the shim share: a guest, a unit, two devices. */
#ifndef TESTS_VIOMMU_FX_H
#define TESTS_VIOMMU_FX_H

#include "tests/unit/ut.h"
#include "tests/unit/viommu/shim.h"
#include "tests/unit/viommu/vguest.h"

#define RID0 0x0020 /* 00:04.0 */
#define RID1 0x01a8 /* 01:15.0: upper context table */

struct fx {
	struct vguest g;
	struct ioasid_dev dev[2];
	long live; /* allocations there were before */
};

/* Set before fx_unit(): trace lines are made too. */
static bool fx_trace __maybe_unused;

/* A unit in its power-on state, no devices. */
static inline void fx_unit(struct fx *fx, struct vtd_unit_config *config)
{
	u32 i;

	fx->live = os_alloc_live();
	shim_init();
	vg_init(&fx->g);
	fx->g.trace = fx_trace;
	ut_assert_eq(vg_unit(&fx->g, config, SHIM_CTX, SHIM_GPA), 0);
	for (i = 0; i < 2; i++)
		fx->dev[i] = (struct ioasid_dev){ .cookie = i,
						  .pasid_width = 20,
						  .attached = IOASID_INVALID };
}

static inline void fx_add(struct fx *fx)
{
	ut_assert_eq(vtd_unit_add_device(fx->g.unit, RID0, &fx->dev[0], 0), 0);
	ut_assert_eq(vtd_unit_add_device(fx->g.unit, RID1, &fx->dev[1], 1), 0);
}

/* ... with devices, and a guest that has translation on. */
static inline void fx_boot(struct fx *fx, u32 flags)
{
	struct vtd_unit_config config = { .flags = flags };

	fx_unit(fx, &config);
	fx_add(fx);
	vg_boot(&fx->g);
	shim_clear();
}

/* Everything must be given back. */
static inline void fx_end(struct fx *fx)
{
	u32 i;

	vtd_unit_destroy(fx->g.unit);
	vg_destroy(&fx->g);
	ut_assert_eq(shim.nr_live, 0);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(fx->dev[i].attached, IOASID_INVALID);
		ut_assert_eq(fx->dev[i].nr_attached, 0);
	}
	ut_assert_eq(shim.ioas[SHIM_GPA].routes, 0);
	ut_assert_eq(shim.fault_fd, -1);
	shim_destroy();
	ut_assert_eq(os_alloc_live(), fx->live);
}

static inline struct vtd_unit_stats fx_stats(struct fx *fx)
{
	struct vtd_unit_stats s;

	vtd_unit_get_stats(fx->g.unit, &s);
	return s;
}

#define ALL_CTX (VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE)

#endif
