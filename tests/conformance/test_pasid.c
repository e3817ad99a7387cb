// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* PASID routes and numbers: ATTACH with the PASID flag, SET_HWID, CLEAR_HWID, modes, width. */
#include "tests/conformance/fixture.h"

#define PAGE	   GUEST_PAGE
#define IOVA	   FX_IOVA
#define LAST_PASID 0xfffffU

static uint32_t nr_routes(struct fx *fx)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	return info.nr_routes;
}

static void a_number_given_with_the_attach_works_at_once(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 1, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, LAST_PASID, 0), 0);
	fx_dma_lands(fx, 0, 1, IOVA, 1);
	fx_dma_lands(fx, 0, LAST_PASID, IOVA, 2);
	fx_dma_blocked(fx, 0, 2, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 1, 1, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_dev_detach_pasid(dev, a), 0);
	fx_dma_blocked(fx, 0, 1, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 0, LAST_PASID, IOVA, 2);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_detach_pasid(dev, a));
}

static void between_attach_and_set_hwid_nothing_is_routed(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);

	EXPECT_REFUSED(fx, -ENOENT, ioasid_set_hwid(fx->ctx[0], a, 5));
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, 0), 0);
	assert_int_equal(nr_routes(fx), 0);
	fx_dma_blocked(fx, 0, 5, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 5), 0);
	assert_int_equal(nr_routes(fx), 1);
	fx_dma_lands(fx, 0, 5, IOVA, 1);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, 5), 0);
	assert_int_equal(nr_routes(fx), 0);
	fx_dma_blocked(fx, 0, 5, IOVA, IOASID_REASON_NO_ROUTE);
	/* Still attached: it can be set again, at once and under another name. */
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 5), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 6), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 1);
	fx_dma_lands(fx, 0, 6, IOVA, 1);
}

static void an_attachment_without_number_shows_as_pending(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid_query_route routes[4];
	uint64_t cursor = 0;

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, 0), 0);
	assert_int_equal(ioasid_query(fx->ctx[0], IOASID_QUERY_ROUTE, 0, &cursor, routes, 4), 1);
	assert_int_equal(routes[0].cookie, FX_COOKIE(0));
	assert_int_equal(routes[0].ioasid, a);
	assert_int_equal(routes[0].flags, IOASID_ROUTE_PASID | IOASID_ROUTE_PENDING);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 5), 0);
	cursor = 0;
	assert_int_equal(ioasid_query(fx->ctx[0], IOASID_QUERY_ROUTE, 0, &cursor, routes, 4), 1);
	assert_int_equal(routes[0].flags, IOASID_ROUTE_PASID);
	assert_int_equal(routes[0].vpasid, 5);
}

static void set_hwid_acts_on_the_devices_attached_at_that_moment(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 9), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, a, 0, 0), 0);
	fx_dma_lands(fx, 0, 9, IOVA, 1);
	fx_dma_blocked(fx, 1, 9, IOVA, IOASID_REASON_NO_ROUTE);
	/* Again: 0, nothing changes where the route exists, the later device gets it. */
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 9), 0);
	assert_int_equal(nr_routes(fx), 2);
	fx_dma_lands(fx, 0, 9, IOVA, 1);
	fx_dma_lands(fx, 1, 9, IOVA, 1);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 9), 0);
	assert_int_equal(nr_routes(fx), 2);
}

static void with_a_cookie_numbers_are_one_devices(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_set_hwid_dev(ctx, a, 9, FX_COOKIE(1)));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_set_hwid_dev(ctx, a, 9, 0x1234));
	assert_int_equal(ioasid_dev_attach_pasid(d1, a, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid_dev(ctx, a, 9, FX_COOKIE(1)), 0);
	fx_dma_lands(fx, 1, 9, IOVA, 1);
	fx_dma_blocked(fx, 0, 9, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_set_hwid(ctx, a, 9), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid_dev(ctx, a, 9, 0x1234));
	assert_int_equal(ioasid_clear_hwid_dev(ctx, a, 9, FX_COOKIE(1)), 0);
	fx_dma_blocked(fx, 1, 9, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 0, 9, IOVA, 1);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid_dev(ctx, a, 9, FX_COOKIE(1)));
}

static void one_space_may_have_several_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid_set_hwid all = {
		.argsz = sizeof(all),
		.flags = IOASID_HWID_ALL,
		.ioasid = a,
	};
	static const uint32_t numbers[] = { 1, 63, 64, 65, 8191, 8192, LAST_PASID };
	unsigned int i, n = sizeof(numbers) / sizeof(numbers[0]);

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 100, 0), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(ioasid_set_hwid(ctx, a, numbers[i]), 0);
	for (i = 0; i < n; i++)
		fx_dma_lands(fx, 0, numbers[i], IOVA, 1);
	fx_dma_lands(fx, 0, 100, IOVA, 1);
	assert_int_equal(ioasid_clear_hwid(ctx, a, 64), 0);
	fx_dma_blocked(fx, 0, 64, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 0, 65, IOVA, 1);
	assert_int_equal(ioasid_command(ctx, IOASID_CLEAR_HWID, &all), 0);
	for (i = 0; i < n; i++)
		fx_dma_blocked(fx, 0, numbers[i], IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(nr_routes(fx), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_command(ctx, IOASID_CLEAR_HWID, &all));
	assert_int_equal(ioasid_set_hwid(ctx, a, 64), 0);
	fx_dma_lands(fx, 0, 64, IOVA, 1);
}

static void one_number_names_one_space_per_device(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 7, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_dev_attach_pasid(d0, b, 7, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_NUMBER);
	assert_int_equal(ioasid_dev_attach_pasid(d0, b, 0, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(ctx, b, 7));
	/* Local mode: the other device has a numbering of its own. */
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 7, 0), 0);
	fx_dma_lands(fx, 0, 7, IOVA, 1);
	fx_dma_lands(fx, 1, 7, IOVA, 2);
	/* All devices or none: 7 is free on neither, 8 on both. */
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(ctx, b, 7));
	assert_int_equal(ioasid_set_hwid(ctx, b, 8), 0);
	fx_dma_lands(fx, 0, 8, IOVA, 2);
	fx_dma_lands(fx, 1, 8, IOVA, 2);
}

static void a_second_pasid_attachment_to_the_same_space_is_EBUSY(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 7, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, a, 8, 0));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, a, 0, 0));
	/* The default route is another matter. */
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 1);
	fx_dma_lands(fx, 0, 7, IOVA, 1);
	assert_int_equal(ioasid_dev_detach(dev, a), 0);
	fx_dma_lands(fx, 0, 7, IOVA, 1);
}

static void zero_and_numbers_beyond_the_width_are_ERANGE(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct conf_dev_spec narrow = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 8,
		.group = IOASID_INVALID,
	};
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d2;
	struct ioasid_dev_attach zero = {
		.argsz = sizeof(zero),
		.flags = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID,
	};
	uint32_t a = fx_space_at(fx, 0, 1);

	fx_plug(fx, 2, &narrow);
	d2 = fx_bind(fx, 2);
	zero.ioasid = a;
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_command(d0, IOASID_DEV_ATTACH_IOASID, &zero));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(d0, a, LAST_PASID + 1, 0));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(d0, a, IOASID_INVALID, 0));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(d2, a, 256, 0));
	assert_int_equal(fx_refusal(fx, 2), IOASID_REFUSAL_NUMBER);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d2, a, 255, 0), 0);
	fx_dma_lands(fx, 2, 255, IOVA, 1);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(ctx, a, 0));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(ctx, a, LAST_PASID + 1));
	/* Fits the one, not the other: nothing is set. */
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(ctx, a, 256));
	assert_int_equal(ioasid_set_hwid_dev(ctx, a, 256, FX_COOKIE(0)), 0);
	fx_dma_lands(fx, 0, 256, IOVA, 1);
}

static void any_picks_the_lowest_number_free_on_all_devices(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2), c = fx_space_at(fx, 0, 3);
	struct ioasid_set_hwid any = { .flags = IOASID_HWID_ANY, .ioasid = c };

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 1, 0), 0);
	assert_int_equal(ioasid_set_hwid(ctx, a, 3), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 2, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d0, c, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, c, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid_args(ctx, &any), 0);
	assert_int_equal(any.vpasid, 4);
	assert_int_equal(any.ppasid, IOASID_INVALID);
	fx_dma_lands(fx, 0, 4, IOVA, 3);
	fx_dma_lands(fx, 1, 4, IOVA, 3);
	any = (struct ioasid_set_hwid){
		.flags = IOASID_HWID_ANY | IOASID_HWID_DEVICE,
		.ioasid = c,
		.cookie = FX_COOKIE(0),
	};
	assert_int_equal(ioasid_set_hwid_args(ctx, &any), 0);
	assert_int_equal(any.vpasid, 2);
	fx_dma_lands(fx, 0, 2, IOVA, 3);
	fx_dma_lands(fx, 1, 2, IOVA, 2);
	/* A number with "any" contradicts itself. */
	any.vpasid = 9;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_hwid_args(ctx, &any));
}

static void when_no_number_is_left_any_is_ENOSPC(void **state)
{
	struct fx *fx = *state;
	struct conf_dev_spec narrow = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 4,
		.group = IOASID_INVALID,
	};
	uint32_t a = fx_space_at(fx, 0, 1), i;
	struct ioasid_set_hwid any;
	struct ioasid_dev *dev;

	fx_plug(fx, 2, &narrow);
	dev = fx_bind(fx, 2);
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, 0), 0);
	for (i = 1; i < 16; i++) {
		any = (struct ioasid_set_hwid){ .flags = IOASID_HWID_ANY, .ioasid = a };
		assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &any), 0);
		assert_int_equal(any.vpasid, i);
	}
	any = (struct ioasid_set_hwid){ .flags = IOASID_HWID_ANY, .ioasid = a };
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_hwid_args(fx->ctx[0], &any));
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, 11), 0);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &any), 0);
	assert_int_equal(any.vpasid, 11);
	fx_dma_lands(fx, 2, 11, IOVA, 1);
}

static void a_local_number_that_is_shown_is_what_the_guest_chose(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid_set_hwid args = { .flags = IOASID_HWID_EXPOSE, .ioasid = a, .vpasid = 4 };

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &args), 0);
	assert_int_equal(args.ppasid, 4);
	fx_dma_lands(fx, 0, 4, IOVA, 1);
}

static void clear_of_what_is_not_set_is_ENOENT(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);
	struct ioasid_set_hwid all = {
		.argsz = sizeof(all),
		.flags = IOASID_HWID_ALL,
		.ioasid = a,
		.vpasid = 3,
	};

	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid(ctx, a, 3));
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 3, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 4, 0), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid(ctx, a, 4));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid(ctx, a, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid(ctx, a, IOASID_INVALID));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_clear_hwid(ctx, 4711, 3));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_CLEAR_HWID, &all));
	fx_dma_lands(fx, 0, 3, IOVA, 1);
	fx_dma_lands(fx, 0, 4, IOVA, 2);
}

static void devices_of_classes_without_pasid_take_no_pasid_route(void **state)
{
	struct fx *fx = *state;
	static const uint16_t classes[] = { IOASID_CLASS_PDEV, IOASID_CLASS_SW_MDEV };
	uint32_t a = fx_space_at(fx, 0, 1);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct conf_dev_spec spec = {
			.name = i ? "dev3" : "dev2",
			.dev_class = classes[i],
			.group = IOASID_INVALID,
		};
		struct ioasid_device_info info = { 0 };
		struct ioasid_dev *dev;

		fx_plug(fx, 2 + i, &spec);
		dev = fx_bind(fx, 2 + i);
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(dev, a, 1, 0));
		assert_int_equal(fx_refusal(fx, 2 + i), IOASID_REFUSAL_NO_PASID);
		assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
		assert_int_equal(info.dev_class, classes[i]);
		assert_int_equal(info.caps & IOASID_DEV_PASID, 0);
		assert_int_equal(info.pasid_width, 0);
		assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
		fx_dma_lands(fx, 2 + i, CONF_RID, IOVA, 1);
	}
}

static void the_promised_width_binds_those_who_come_later(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct conf_dev_spec spec = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 12,
		.group = IOASID_INVALID,
	};
	struct ioasid_dev *d2;
	struct ioasid_info info;

	fx_plug(fx, 2, &spec);
	fx_bind(fx, 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_hwid_set_promised_width(ctx, 21));
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 16), 0);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), 0);
	assert_int_equal(info.promised_bits, 16);
	d2 = fx_handle(fx, 2);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_dev_bind(d2, ctx, 2));
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 12), 0);
	assert_int_equal(ioasid_dev_bind(d2, ctx, 2), 0);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_promised_width(ctx, 13));
	/* A device without PASID breaks no promise. */
	spec = (struct conf_dev_spec){
		.name = "dev3",
		.dev_class = IOASID_CLASS_PDEV,
		.group = IOASID_INVALID,
	};
	fx_plug(fx, 3, &spec);
	fx_bind(fx, 3);
}

static void advertisable_width_is_the_narrowest_of_the_named_devices(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct conf_dev_spec spec = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 12,
		.group = IOASID_INVALID,
	};
	uint64_t cookies[3] = { FX_COOKIE(0), FX_COOKIE(2), 0x1234 };
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), 0);
	assert_int_equal(info.pasid_bits, 0);
	fx_plug(fx, 2, &spec);
	fx_bind(fx, 0);
	fx_bind(fx, 2);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), 0);
	assert_int_equal(info.pasid_bits, 12);
	assert_int_equal(ioasid_get_info(ctx, cookies, 1, &info), 0);
	assert_int_equal(info.pasid_bits, 20);
	assert_int_equal(info.vtd_pss, 19);
	assert_int_equal(info.smmu_ssidsize, 20);
	assert_int_equal(info.pcie_width, 20);
	assert_int_equal(ioasid_get_info(ctx, cookies, 2, &info), 0);
	assert_int_equal(info.pasid_bits, 12);
	assert_int_equal(info.vtd_pss, 11);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_get_info(ctx, cookies, 3, &info));
	assert_int_equal(ioasid_get_info(ctx, cookies, 0, &info), 0);
	assert_int_equal(info.pasid_bits, 0);
}

static void many_numbers_on_one_device(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t spaces[8], i;
	enum { N = 1000 };

	for (i = 0; i < 8; i++) {
		spaces[i] = fx_space_at(fx, 0, i);
		assert_int_equal(ioasid_dev_attach_pasid(dev, spaces[i], 0, 0), 0);
	}
	for (i = 0; i < N; i++)
		assert_int_equal(ioasid_set_hwid(ctx, spaces[i % 8], 1 + i * 997 % 1000003), 0);
	for (i = 0; i < N; i += 7)
		fx_dma_lands(fx, 0, 1 + i * 997 % 1000003, IOVA, i % 8);
	assert_int_equal(ioasid_dev_detach_pasid(dev, spaces[3]), 0);
	for (i = 0; i < N; i += 7) {
		if (i % 8 == 3)
			fx_dma_blocked(fx, 0, 1 + i * 997 % 1000003, IOVA, IOASID_REASON_NO_ROUTE);
		else
			fx_dma_lands(fx, 0, 1 + i * 997 % 1000003, IOVA, i % 8);
	}
}

static const struct conf_test tests[] = {
	CONF_TEST(a_number_given_with_the_attach_works_at_once, 0),
	CONF_TEST(between_attach_and_set_hwid_nothing_is_routed, 0),
	CONF_TEST(an_attachment_without_number_shows_as_pending, NEEDS_DEFAULTS),
	CONF_TEST(set_hwid_acts_on_the_devices_attached_at_that_moment, 0),
	CONF_TEST(with_a_cookie_numbers_are_one_devices, 0),
	CONF_TEST(one_space_may_have_several_numbers, 0),
	CONF_TEST(one_number_names_one_space_per_device, 0),
	CONF_TEST(a_second_pasid_attachment_to_the_same_space_is_EBUSY, 0),
	CONF_TEST(zero_and_numbers_beyond_the_width_are_ERANGE, NEEDS_DEFAULTS),
	CONF_TEST(any_picks_the_lowest_number_free_on_all_devices, 0),
	CONF_TEST(when_no_number_is_left_any_is_ENOSPC, NEEDS_DEFAULTS),
	CONF_TEST(a_local_number_that_is_shown_is_what_the_guest_chose, NEEDS_DEFAULTS),
	CONF_TEST(clear_of_what_is_not_set_is_ENOENT, 0),
	CONF_TEST(devices_of_classes_without_pasid_take_no_pasid_route, 0),
	CONF_TEST(the_promised_width_binds_those_who_come_later, NEEDS_DEFAULTS),
	CONF_TEST(advertisable_width_is_the_narrowest_of_the_named_devices, NEEDS_DEFAULTS),
	CONF_TEST(many_numbers_on_one_device, 0),
};
CONF_SUITE(suite_pasid, "pasid route", tests);
