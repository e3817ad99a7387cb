// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mode and split: who says them, which say wins, when they stand still, the width that a vIOMMU may
 * advertise of it, and what a promised width forbids.
 */
#include "tests/conformance/fixture.h"

#define PARENT	  2
#define LOCAL	  IOASID_MODE_LOCAL
#define GLOBAL	  IOASID_MODE_GLOBAL
#define OF_DRIVER IOASID_MODE_DEFAULT

static void expect_mode(struct fx *fx, unsigned int slot, uint32_t mode, uint32_t global_min)
{
	struct ioasid_device_info info = fx_dev_info(fx, slot);

	assert_int_equal(info.mode, mode);
	assert_int_equal(info.global_min, mode == GLOBAL ? global_min : 0);
}

/* A whole function and two slices of another, whose drivers make global mode their default or not. */
static void add_devices(struct fx *fx)
{
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add(fx, 3, FX_DEV(IOASID_CLASS_PDEV_DMWR, .mode = GLOBAL));
	fx_add(fx, 4, FX_DEV(IOASID_CLASS_MDEV_PASID, .parent = fx->hw[PARENT]));
	fx_add(fx, 5, FX_DEV(IOASID_CLASS_MDEV_DMWR, .parent = fx->hw[PARENT], .mode = GLOBAL));
}

static void the_narrower_say_wins(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	unsigned int slot;

	add_devices(fx);
	for (slot = 3; slot <= 5; slot++)
		fx_bind(fx, slot);
	/* The driver's. */
	expect_mode(fx, 3, GLOBAL, 1);
	expect_mode(fx, 4, LOCAL, 0);
	expect_mode(fx, 5, GLOBAL, 1);
	/* The context's. */
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 4096), 0);
	expect_mode(fx, 3, GLOBAL, 4096);
	assert_int_equal(ioasid_set_hwid_mode(ctx, LOCAL), 0);
	for (slot = 3; slot <= 5; slot++)
		expect_mode(fx, slot, LOCAL, 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, GLOBAL), 0);
	for (slot = 3; slot <= 5; slot++)
		expect_mode(fx, slot, GLOBAL, 4096);
	/* The device's. */
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(4), LOCAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(5), 8192), 0);
	expect_mode(fx, 3, GLOBAL, 4096);
	expect_mode(fx, 4, LOCAL, 0);
	expect_mode(fx, 5, GLOBAL, 8192);
	/* Wider ones pass those by who have been told; nothing said: the next wider one. */
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 1024), 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, OF_DRIVER), 0);
	expect_mode(fx, 3, GLOBAL, 1024);
	expect_mode(fx, 4, LOCAL, 0);
	expect_mode(fx, 5, GLOBAL, 8192);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(4), GLOBAL), 0);
	expect_mode(fx, 4, GLOBAL, 1024);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(4), OF_DRIVER), 0);
	expect_mode(fx, 4, LOCAL, 0);
}

static void knobs_end_with_the_binding(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];

	add_devices(fx);
	fx_bind(fx, 4);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(4), GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(4), 4096), 0);
	fx_dev_close(fx, 4);
	fx_bind(fx, 4);
	expect_mode(fx, 4, LOCAL, 0);
	/* The context's knob waits for whoever comes. */
	assert_int_equal(ioasid_set_hwid_mode(ctx, GLOBAL), 0);
	fx_bind(fx, 5);
	expect_mode(fx, 5, GLOBAL, 1);
}

static void an_attach_flag_says_it_while_no_number_lives(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);
	struct ioasid_dev *dev;

	add_devices(fx);
	dev = fx_bind(fx, 4);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 4096), 0);
	/* What is refused for another reason has not said anything. */
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(dev, a, 4096, IOASID_ATTACH_GLOBAL));
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_dev_attach_pasid(dev, a, 5,
					       IOASID_ATTACH_GLOBAL | IOASID_ATTACH_LOCAL));
	expect_mode(fx, 4, LOCAL, 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 5, IOASID_ATTACH_GLOBAL), 0);
	expect_mode(fx, 4, GLOBAL, 4096);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, b, 6, IOASID_ATTACH_LOCAL));
	assert_int_equal(fx_refusal(fx, 4), IOASID_REFUSAL_MODE);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 6, IOASID_ATTACH_GLOBAL), 0);
	/* An attachment without number is no route yet. */
	assert_int_equal(ioasid_clear_hwid(ctx, a, 5), 0);
	assert_int_equal(ioasid_dev_detach_pasid(dev, b), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 6, IOASID_ATTACH_LOCAL), 0);
	expect_mode(fx, 4, LOCAL, 0);
	/* The flag is the device's knob: the context's does not reach it. */
	assert_int_equal(ioasid_dev_detach_pasid(dev, b), 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, GLOBAL), 0);
	expect_mode(fx, 4, LOCAL, 0);
}

static void under_a_pasid_route_nothing_moves(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_space_at(fx, 0, 1);
	unsigned int slot;

	add_devices(fx);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 4096), 0);
	for (slot = 3; slot <= 5; slot++) {
		uint32_t mode, other;

		fx_bind(fx, slot);
		mode = fx_dev_info(fx, slot).mode;
		other = mode == GLOBAL ? LOCAL : GLOBAL;
		assert_int_equal(ioasid_dev_attach(fx->dev[slot], a, 0), 0);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[slot], a, 5, 0), 0);
		EXPECT_REFUSED(fx, -EBUSY, ioasid_set_hwid_mode(ctx, other));
		EXPECT_REFUSED(fx, -EBUSY, ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(slot), other));
		if (mode == GLOBAL) {
			EXPECT_REFUSED(fx, -EBUSY, ioasid_hwid_set_global_min(ctx, 2048));
			EXPECT_REFUSED(fx, -EBUSY,
				       ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(slot), 2048));
		}
		/* The present values, under another name or the same. */
		EXPECT_REFUSED(fx, 0, ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(slot), mode));
		EXPECT_REFUSED(fx, 0, ioasid_hwid_set_global_min(ctx, 4096));
		EXPECT_REFUSED(fx, 0, ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(slot), 4096));
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[slot], a), 0);
		assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(slot), other), 0);
		fx_dma_lands(fx, slot, CONF_RID, FX_IOVA, 1);
		fx_dev_close(fx, slot);
	}
}

static void one_device_that_cannot_keeps_the_context_from_changing(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_space_at(fx, 0, 1);

	add_devices(fx);
	fx_bind(fx, 3);
	fx_bind(fx, 4);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[4], a, 5, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_set_hwid_mode(ctx, GLOBAL));
	expect_mode(fx, 3, GLOBAL, 1);
	/* Local now for the one, and what the other is already. */
	assert_int_equal(ioasid_set_hwid_mode(ctx, LOCAL), 0);
	expect_mode(fx, 3, LOCAL, 0);
}

static void only_classes_with_vpasids_can_be_global(void **state)
{
	struct fx *fx = *state;
	static const uint16_t classes[] = { IOASID_CLASS_PDEV, IOASID_CLASS_SW_MDEV,
					    IOASID_CLASS_MDEV_FIXED };
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_space_at(fx, 0, 1);
	unsigned int i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	for (i = 0; i < 3; i++) {
		unsigned int slot = 3 + i;

		fx_add(fx, slot, FX_DEV(classes[i], .parent = i == 2 ? fx->hw[PARENT] : NULL));
		fx_bind(fx, slot);
		EXPECT_REFUSED(fx, -EOPNOTSUPP,
			       ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(slot), GLOBAL));
		EXPECT_REFUSED(fx, -EOPNOTSUPP,
			       ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(slot), 4096));
		EXPECT_REFUSED(fx, -EOPNOTSUPP,
			       ioasid_dev_attach_pasid(fx->dev[slot], a, 0, IOASID_ATTACH_GLOBAL));
		EXPECT_REFUSED(fx, 0, ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(slot), LOCAL));
	}
	assert_int_equal(ioasid_set_hwid_mode(ctx, GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 4096), 0);
	for (i = 0; i < 3; i++)
		expect_mode(fx, 3 + i, LOCAL, 0);
}

/* ---- width --------------------------------------------------------------------------------------- */

static void expect_width(struct fx *fx, const uint64_t *cookies, unsigned int n, uint32_t bits)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(fx->ctx[0], cookies, n, &info), 0);
	assert_int_equal(info.pasid_bits, bits);
	/* ECAP.PSS is one less than the width; IDR1.SSIDSIZE and the PCIe capability are the width. */
	if (bits)
		assert_int_equal(info.vtd_pss, bits - 1);
	assert_int_equal(info.smmu_ssidsize, bits);
	assert_int_equal(info.pcie_width, bits);
}

static void what_may_be_advertised_is_the_logarithm_of_the_smallest(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	static const struct {
		uint32_t split, bits;
	} splits[] = { { 1, 0 },      { 2, 1 },	     { 3, 1 },	      { 1000, 9 },
		       { 1023, 9 },   { 1024, 10 },  { 1025, 10 },    { 32768, 15 },
		       { 65535, 15 }, { 65536, 16 }, { 1 << 20, 20 }, { (1 << 20) - 1, 19 } };
	const uint64_t c[] = { FX_COOKIE(3), FX_COOKIE(4), FX_COOKIE(5), FX_COOKIE(6),
			       FX_COOKIE(7) };
	unsigned int i;

	add_devices(fx);
	fx_add(fx, 6, FX_DEV(IOASID_CLASS_PDEV_PASID, .pasid_bits = 12));
	fx_add_slice(fx, 7, IOASID_CLASS_MDEV_FIXED, PARENT);
	for (i = 3; i <= 7; i++)
		fx_bind(fx, i);
	for (i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, c[0], splits[i].split), 0);
		expect_width(fx, c, 1, splits[i].bits);
		/* A slice in local mode has all bits; one without PASIDs has no say. */
		expect_width(fx, c, 2, splits[i].bits);
	}
	expect_width(fx, &c[1], 1, 20);
	expect_width(fx, &c[3], 1, 12);
	expect_width(fx, &c[3], 2, 12);
	expect_width(fx, &c[4], 1, 0);
	/* A split beyond the device's width is bounded by that. */
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, c[3], GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, c[3], 1 << 16), 0);
	expect_width(fx, &c[3], 1, 12);
	/* Splits that disagree are the user's own affair: each vIOMMU has its list. */
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, c[0], 1024), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, c[2], 256), 0);
	expect_width(fx, c, 2, 10);
	expect_width(fx, c, 3, 8);
	expect_width(fx, &c[1], 2, 8);
	expect_width(fx, NULL, 0, 8);
}

/* ---- promises ------------------------------------------------------------------------------------ */

static void a_promise_forbids_smaller_splits(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_space_at(fx, 0, 1);

	add_devices(fx);
	fx_bind(fx, 4);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 10), 0);
	/* Global without a split leaves the guest nothing. */
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_set_hwid_mode(ctx, GLOBAL));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(4), GLOBAL));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE,
		       ioasid_dev_attach_pasid(fx->dev[4], a, 0, IOASID_ATTACH_GLOBAL));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE,
		       ioasid_dev_attach_pasid(fx->dev[4], a, 5, IOASID_ATTACH_GLOBAL));
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 1024), 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, GLOBAL), 0);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_global_min(ctx, 1023));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(4), 1023));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_promised_width(ctx, 11));
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(4), 4096), 0);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 12), 0);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 10), 0);
	/* Its own split protects it from what the context's becomes. */
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 512), 0);
	expect_mode(fx, 4, GLOBAL, 4096);
	assert_int_equal(fx_info(fx, 0).promised_bits, 10);
}

static void a_device_plugged_in_later_has_to_keep_the_promise(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *narrow, *whole, *slice;

	add_devices(fx);
	fx_add(fx, 6, FX_DEV(IOASID_CLASS_PDEV_PASID, .pasid_bits = 9));
	fx_add(fx, 7, FX_DEV(IOASID_CLASS_MDEV_PASID, .parent = fx->hw[PARENT], .pasid_bits = 9));
	fx_add_slice(fx, 8, IOASID_CLASS_MDEV_FIXED, PARENT);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 10), 0);
	/* Global by their drivers, and no split. */
	whole = fx_handle(fx, 3);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(whole, ctx, 1));
	slice = fx_handle(fx, 5);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(slice, ctx, 1));
	/* Too narrow themselves. */
	narrow = fx_handle(fx, 6);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(narrow, ctx, 1));
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(fx_handle(fx, 7), ctx, 1));
	/* Without PASIDs there is nothing to keep. */
	fx_bind(fx, 8);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 512), 0);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(whole, ctx, 1));
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 1024), 0);
	assert_int_equal(ioasid_dev_bind(whole, ctx, FX_COOKIE(3)), 0);
	assert_int_equal(ioasid_dev_bind(slice, ctx, FX_COOKIE(5)), 0);
	/* And now they hold the knobs. */
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_global_min(ctx, 512));
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 9), 0);
	assert_int_equal(ioasid_dev_bind(narrow, ctx, FX_COOKIE(6)), 0);
}

static void a_promise_is_the_contexts_own(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);

	add_devices(fx);
	assert_int_equal(ioasid_hwid_set_promised_width(fx->ctx[0], 16), 0);
	fx_bind_to(fx, 5, 1);
	assert_int_equal(fx_info(fx, 1).promised_bits, IOASID_INVALID);
	assert_int_equal(ioasid_hwid_set_global_min(other, 16), 0);
	assert_int_equal(fx_info(fx, 1).pasid_bits, 4);
}

static const struct conf_test tests[] = {
	CONF_TEST(the_narrower_say_wins, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(knobs_end_with_the_binding, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(an_attach_flag_says_it_while_no_number_lives, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(under_a_pasid_route_nothing_moves, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(one_device_that_cannot_keeps_the_context_from_changing,
		  NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(only_classes_with_vpasids_can_be_global, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(what_may_be_advertised_is_the_logarithm_of_the_smallest,
		  NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_promise_forbids_smaller_splits, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_device_plugged_in_later_has_to_keep_the_promise, NEEDS_DEFAULTS | NEEDS_SLICES),
	CONF_TEST(a_promise_is_the_contexts_own, NEEDS_DEFAULTS | NEEDS_SLICES),
};
CONF_SUITE(suite_mode, "mode", tests);
