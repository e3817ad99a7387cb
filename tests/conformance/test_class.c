// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Device classes: what devices of each say of themselves, functions that are whole or in slices, and the
 * default PASIDs by which slices do what others do by RID alone.
 */
#include "tests/conformance/fixture.h"

#define PARENT	   2 /* slot of the function whose slices a test has */
#define HOST_SPLIT 128U /* of the machine with 8 bits */

/**
 * struct row - a class
 * @slice: of the function in PARENT
 * @caps: what it has of CLASS_CAPS
 * @idle, @bound: enum ioasid_portal before and after binding
 */
struct row {
	uint16_t dev_class;
	bool slice;
	uint32_t caps;
	uint32_t idle, bound;
};

#define CLASS_CAPS (IOASID_DEV_PASID | IOASID_DEV_DELEGATED | IOASID_DEV_CPU | IOASID_DEV_CPU_VIRT)
#define NONE	   IOASID_PORTAL_NONE
#define CLOSED	   IOASID_PORTAL_CLOSED
#define OPEN	   IOASID_PORTAL_OPEN

static const struct row rows[] = {
	{ IOASID_CLASS_PDEV, false, 0, NONE, NONE },
	{ IOASID_CLASS_SW_MDEV, false, 0, NONE, NONE },
	{ IOASID_CLASS_MDEV_FIXED, true, 0, NONE, NONE },
	{ IOASID_CLASS_PDEV_PASID, false, IOASID_DEV_PASID, NONE, NONE },
	{ IOASID_CLASS_MDEV_PASID, true, IOASID_DEV_PASID, NONE, NONE },
	{ IOASID_CLASS_PDEV_DMWR, false, IOASID_DEV_PASID | IOASID_DEV_CPU, CLOSED, OPEN },
	{ IOASID_CLASS_MDEV_DMWR, true, IOASID_DEV_PASID | IOASID_DEV_CPU | IOASID_DEV_CPU_VIRT,
	  CLOSED, CLOSED },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static void add_row(struct fx *fx, unsigned int slot, const struct row *r)
{
	fx_add(fx, slot, FX_DEV(r->dev_class, .parent = r->slice ? fx->hw[PARENT] : NULL));
}

static void expect_row(struct fx *fx, unsigned int slot, const struct row *r, uint32_t portal)
{
	struct ioasid_device_info info = fx_dev_info(fx, slot);

	assert_int_equal(info.dev_class, r->dev_class);
	assert_int_equal(info.caps & CLASS_CAPS, r->caps);
	assert_int_equal(info.pasid_width, r->caps ? 20 : 0);
	assert_int_equal(info.portal, portal);
	assert_int_equal(info.mode, IOASID_MODE_LOCAL);
	assert_int_equal(info.global_min, 0);
	assert_true(!r->slice || info.group == IOASID_INVALID);
	assert_int_equal(info.default_ioasid, IOASID_INVALID);
	assert_int_equal(!(info.caps & IOASID_DEV_BLOCKED), 0);
}

static void devices_say_what_class_they_are_of(void **state)
{
	struct fx *fx = *state;
	unsigned int i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	for (i = 0; i < NR_ROWS; i++) {
		unsigned int slot = PARENT + 1 + i;

		add_row(fx, slot, &rows[i]);
		fx_handle(fx, slot);
		expect_row(fx, slot, &rows[i], rows[i].idle);
		assert_int_equal(ioasid_dev_bind(fx->dev[slot], fx->ctx[0], FX_COOKIE(slot)), 0);
		expect_row(fx, slot, &rows[i], rows[i].bound);
	}
	assert_int_equal(fx_info(fx, 0).nr_devices, NR_ROWS);
}

static void devices_say_whether_they_migrate_and_why_not(void **state)
{
	struct fx *fx = *state;
	bool home_can = ioasid_check_extension(fx->ctx[0], IOASID_EXT_STATE) > 0;
	struct ioasid_set_hwid h = { .flags = IOASID_HWID_EXPOSE, .vpasid = 5 };
	struct ioasid_device_info info;
	unsigned int i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], 1024), 0);
	for (i = 0; i < NR_ROWS; i++) {
		add_row(fx, PARENT + 1 + i, &rows[i]);
		fx_bind(fx, PARENT + 1 + i);
		info = fx_dev_info(fx, PARENT + 1 + i);
		assert_int_equal(!(info.caps & IOASID_DEV_MIGRATABLE), !!info.no_migration);
		assert_int_equal(!(info.no_migration & IOASID_NOMIG_HOME), home_can);
		assert_int_equal(info.no_migration & IOASID_NOMIG_EXPOSED, 0);
	}
	/* A number that its user has seen holds the context and its devices back. */
	h.ioasid = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[PARENT + NR_ROWS], h.ioasid, 0,
						 IOASID_ATTACH_GLOBAL),
			 0);
	assert_int_equal(fx_info(fx, 0).no_migration & IOASID_NOMIG_EXPOSED, 0);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &h), 0);
	assert_true(h.ppasid >= 32768 && h.ppasid < 1 << 20);
	assert_int_equal(fx_info(fx, 0).no_migration & IOASID_NOMIG_EXPOSED, IOASID_NOMIG_EXPOSED);
	info = fx_dev_info(fx, PARENT + NR_ROWS);
	assert_int_equal(info.no_migration & IOASID_NOMIG_EXPOSED, IOASID_NOMIG_EXPOSED);
	assert_int_equal(info.caps & IOASID_DEV_MIGRATABLE, 0);
}

/* ---- whole, or in slices ----------------------------------------------------------------------- */

static void a_function_is_assigned_whole_or_in_slices(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *whole, *slice;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_DMWR, PARENT);
	fx_add_slice(fx, 4, IOASID_CLASS_MDEV_FIXED, PARENT);
	fx_bind_to(fx, 3, 1);
	whole = fx_handle(fx, PARENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(whole, fx->ctx[0], 1));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(whole, other, 1));
	/* Of several contexts, of several classes; until the last has gone. */
	fx_bind(fx, 4);
	fx_dev_close(fx, 3);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(whole, fx->ctx[0], 1));
	fx_dev_close(fx, 4);
	assert_int_equal(ioasid_dev_bind(whole, fx->ctx[0], FX_COOKIE(PARENT)), 0);
	slice = fx_handle(fx, 3);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(slice, fx->ctx[0], 1));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(slice, other, 1));
	/* A context that goes takes its claim along. */
	fx_close(fx, 0);
	assert_int_equal(ioasid_dev_bind(slice, other, 1), 0);
	fx_open(fx, 0);
	fx_dev_close(fx, PARENT);
	whole = fx_handle(fx, PARENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(whole, fx->ctx[0], 1));
}

static void a_function_whose_host_uses_pasids_is_not_assigned_whole(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *whole;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_PASID, PARENT);
	assert_int_equal(fx->env.home->host_use(fx->hw[PARENT], true), 0);
	whole = fx_handle(fx, PARENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(whole, fx->ctx[0], 1));
	/* Slices are the host's own doing: it knows how to share. */
	fx_bind(fx, 3);
	fx_dev_close(fx, 3);
	assert_int_equal(fx->env.home->host_use(fx->hw[PARENT], false), 0);
	assert_int_equal(ioasid_dev_bind(whole, fx->ctx[0], 1), 0);
	EXPECT_REFUSED(fx, -EBUSY, fx->env.home->host_use(fx->hw[PARENT], true));
	fx_dev_close(fx, PARENT);
	assert_int_equal(fx->env.home->host_use(fx->hw[PARENT], true), 0);
	assert_int_equal(fx->env.home->host_use(fx->hw[PARENT], false), 0);
}

static void a_bound_slice_belongs_to_one_context(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *again;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_bind(fx, 3);
	assert_int_equal(ioasid_dev_open(other, "dev3", &again), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(again, other, 1));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(again, fx->ctx[0], 1));
	ioasid_dev_close(again);
}

/* ---- default PASIDs ---------------------------------------------------------------------------- */

static uint32_t attach_default(struct fx *fx, unsigned int slot, uint32_t ioasid)
{
	struct fx_numbers before = fx_numbers(fx, slot);

	assert_int_equal(ioasid_dev_attach(fx->dev[slot], ioasid, 0), 0);
	return fx_wire(fx, slot, &before, 0);
}

static void slices_have_default_pasids_of_their_own(void **state)
{
	struct fx *fx = *state;
	static const uint16_t classes[] = { IOASID_CLASS_MDEV_FIXED, IOASID_CLASS_MDEV_PASID,
					    IOASID_CLASS_MDEV_DMWR, IOASID_CLASS_MDEV_PASID };
	uint32_t number[4], i, j;

	fx_open(fx, 1);
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	for (i = 0; i < 4; i++) {
		fx_add_slice(fx, 3 + i, classes[i], PARENT);
		fx_dma_blocked(fx, 3 + i, CONF_RID, FX_IOVA, IOASID_REASON_NO_ROUTE);
		fx_bind_to(fx, 3 + i, i == 3);
		fx_dma_blocked(fx, 3 + i, CONF_RID, FX_IOVA, IOASID_REASON_NO_ROUTE);
	}
	for (i = 0; i < 4; i++) {
		number[i] = attach_default(fx, 3 + i, fx_space_at(fx, i == 3, 1 + i));
		assert_in_range(number[i], 1, HOST_SPLIT - 1);
		for (j = 0; j < i; j++)
			assert_int_not_equal(number[j], number[i]);
		assert_false(fx_entry(fx, PARENT, CONF_RID).present);
	}
	for (i = 0; i < 4; i++) {
		fx_dma_lands(fx, 3 + i, CONF_RID, FX_IOVA, 1 + i);
		fx_dma_lands(fx, PARENT, number[i], FX_IOVA, 1 + i);
	}
	/* The function itself has no default route, whoever has slices of it. */
	fx_dma_blocked(fx, PARENT, CONF_RID, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_close(fx, 1);
	assert_false(fx_entry(fx, PARENT, number[3]).present);
	fx_dev_close(fx, 3);
	assert_false(fx_entry(fx, PARENT, number[0]).present);
	fx_dma_blocked(fx, 3, CONF_RID, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 4, CONF_RID, FX_IOVA, 2);
	fx_dma_lands(fx, 5, CONF_RID, FX_IOVA, 3);
}

static void default_routes_of_slices_stack_and_are_replaced(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t gpa = fx_gpa_space(fx), child = fx_child(fx, gpa), other = fx_space_at(fx, 0, 5);
	struct ioasid_dev *dev;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_FIXED, PARENT);
	dev = fx_bind(fx, 3);
	assert_int_equal(
		ioasid_map(ctx, child, FX_IOVA, guest_data_gpa(&fx->g, 7), GUEST_PAGE, FX_RW), 0);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	fx_dma_lands(fx, 3, CONF_RID, guest_data_gpa(&fx->g, 6), 6);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	fx_dma_lands(fx, 3, CONF_RID, FX_IOVA, 7);
	fx_dma_blocked(fx, 3, CONF_RID, guest_data_gpa(&fx->g, 6), IOASID_REASON_NOT_PRESENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_detach(dev, gpa));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, other, 0));
	assert_int_equal(ioasid_dev_detach(dev, child), 0);
	fx_dma_lands(fx, 3, CONF_RID, guest_data_gpa(&fx->g, 6), 6);
	assert_int_equal(ioasid_dev_attach(dev, other, IOASID_ATTACH_REPLACE), 0);
	fx_dma_lands(fx, 3, CONF_RID, FX_IOVA, 5);
	assert_int_equal(ioasid_dev_detach(dev, other), 0);
	fx_dma_blocked(fx, 3, CONF_RID, FX_IOVA, IOASID_REASON_NO_ROUTE);
}

static void numbers_never_meet_a_siblings_default_pasid(void **state)
{
	struct fx *fx = *state;
	uint32_t defaults[2], a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2), wire, i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	for (i = 0; i < 2; i++) {
		fx_add_slice(fx, 3 + i, IOASID_CLASS_MDEV_PASID, PARENT);
		fx_bind(fx, 3 + i);
		defaults[i] = attach_default(fx, 3 + i, a);
	}
	/* What the guest calls it says nothing about the wire, not even this. */
	for (i = 0; i < 2; i++) {
		wire = fx_attach_wire(fx, 3 + i, b, defaults[!i]);
		assert_int_not_equal(wire, defaults[0]);
		assert_int_not_equal(wire, defaults[1]);
		assert_in_range(wire, 1, HOST_SPLIT - 1);
		fx_dma_lands(fx, 3 + i, wire, FX_IOVA, 2);
		fx_dma_lands(fx, 3 + i, CONF_RID, FX_IOVA, 1);
		fx_dma_lands(fx, 3 + i, defaults[!i], FX_IOVA, 1);
	}
}

static void a_fixed_slice_takes_no_pasid_route(void **state)
{
	struct fx *fx = *state;
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid_dev *dev;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_FIXED, PARENT);
	dev = fx_bind(fx, 3);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(dev, a, 1, 0));
	assert_int_equal(fx_refusal(fx, 3), IOASID_REFUSAL_NO_PASID);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(dev, a, 0, IOASID_ATTACH_GLOBAL));
	EXPECT_REFUSED(fx, -EOPNOTSUPP,
		       ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(3), IOASID_MODE_GLOBAL));
	EXPECT_REFUSED(fx, -EOPNOTSUPP,
		       ioasid_hwid_set_global_min_dev(fx->ctx[0], FX_COOKIE(3), 1024));
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(fx_dev_info(fx, 3).mode, IOASID_MODE_LOCAL);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	fx_dma_lands(fx, 3, CONF_RID, FX_IOVA, 1);
}

static void numbers_the_host_keeps_are_nobody_elses(void **state)
{
	struct fx *fx = *state;
	uint32_t a = fx_space_at(fx, 0, 1), wire;
	struct ioasid_dev *third;

	/* All but two of the numbers that slices of this function can have. */
	fx_add(fx, PARENT,
	       FX_DEV(IOASID_CLASS_PDEV_DMWR, .kept_first = 1, .kept_last = HOST_SPLIT - 3));
	fx_add_slice(fx, 3, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_add_slice(fx, 4, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_add_slice(fx, 5, IOASID_CLASS_MDEV_FIXED, PARENT);
	fx_bind(fx, 3);
	fx_bind(fx, 4);
	third = fx_handle(fx, 5);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_bind(third, fx->ctx[0], 1));
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_attach_pasid(fx->dev[3], a, 9, 0));
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], a, 0, 0), 0);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_hwid(fx->ctx[0], a, 9));
	fx_dev_close(fx, 4);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[3], a), 0);
	wire = fx_attach_wire(fx, 3, a, 9);
	assert_in_range(wire, HOST_SPLIT - 2, HOST_SPLIT - 1);
	fx_dma_lands(fx, 3, wire, FX_IOVA, 1);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_bind(third, fx->ctx[0], 1));
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, 9), 0);
	assert_int_equal(ioasid_dev_bind(third, fx->ctx[0], 1), 0);
}

static void a_whole_functions_kept_numbers_are_refused(void **state)
{
	struct fx *fx = *state;
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid_dev *dev;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR, .kept_first = 10, .kept_last = 20));
	dev = fx_bind(fx, PARENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, a, 10, 0));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, a, 20, 0));
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 9, 0), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 21), 0);
	fx_dma_lands(fx, PARENT, 9, FX_IOVA, 1);
	fx_dma_lands(fx, PARENT, 21, FX_IOVA, 1);
}

static void a_slice_that_is_unplugged_leaves_its_siblings_alone(void **state)
{
	struct fx *fx = *state;
	uint32_t a = fx_space_at(fx, 0, 1), i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	for (i = 0; i < 2; i++) {
		fx_add_slice(fx, 3 + i, IOASID_CLASS_MDEV_PASID, PARENT);
		fx_bind(fx, 3 + i);
		assert_int_equal(ioasid_dev_attach(fx->dev[3 + i], a, 0), 0);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3 + i], a, 7, 0), 0);
	}
	fx_unplug(fx, 3);
	EXPECT_REFUSED(fx, -ENODEV, ioasid_dev_reset(fx->dev[3]));
	assert_int_equal(fx_info(fx, 0).nr_devices, 1);
	assert_int_equal(fx_info(fx, 0).nr_routes, 2);
	fx_dma_lands(fx, 4, CONF_RID, FX_IOVA, 1);
}

static const struct conf_test tests[] = {
	CONF_TEST(devices_say_what_class_they_are_of, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(devices_say_whether_they_migrate_and_why_not, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_function_is_assigned_whole_or_in_slices, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_function_whose_host_uses_pasids_is_not_assigned_whole,
		  NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_bound_slice_belongs_to_one_context, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(slices_have_default_pasids_of_their_own, NEEDS_8_BITS | NEEDS_SLICES),
	CONF_TEST(default_routes_of_slices_stack_and_are_replaced, NEEDS_SLICES),
	CONF_TEST(numbers_never_meet_a_siblings_default_pasid, NEEDS_8_BITS | NEEDS_SLICES),
	CONF_TEST(a_fixed_slice_takes_no_pasid_route, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(numbers_the_host_keeps_are_nobody_elses, NEEDS_8_BITS | NEEDS_SLICES),
	CONF_TEST(a_whole_functions_kept_numbers_are_refused, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_slice_that_is_unplugged_leaves_its_siblings_alone, NEEDS_SLICES),
};
CONF_SUITE(suite_class, "class", tests);
