// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Host-wide numbers: devices in global mode, the split, quotas. The number on the wire is learnt by
 * exposure, and DMA shows where it leads.
 */
#include "tests/conformance/fixture.h"

#define PAGE	   GUEST_PAGE
#define IOVA	   FX_IOVA
#define SPLIT	   4096U
#define HOST_SPLIT 32768U /* a host's default: numbers for all of it begin here */

static struct ioasid_info info_of(struct ioasid *ctx)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), 0);
	return info;
}

/* A split for the context, and a device bound under it. */
static struct ioasid_dev *bind_global(struct fx *fx, unsigned int slot)
{
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	return fx_bind(fx, slot);
}

static int set_exposed(struct fx *fx, uint32_t ioasid, uint32_t vpasid, uint32_t *ppasid)
{
	struct ioasid_set_hwid h = {
		.flags = IOASID_HWID_EXPOSE,
		.ioasid = ioasid,
		.vpasid = vpasid,
	};
	int rc = ioasid_set_hwid_args(fx->ctx[0], &h);

	*ppasid = h.ppasid;
	return rc;
}

static void both_numbers_lead_to_one_place_on_all_devices(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d0 = bind_global(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), g, again;
	unsigned int slot;

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, a, 0, 0), 0);
	assert_int_equal(set_exposed(fx, a, 5, &g), 0);
	assert_true(g >= HOST_SPLIT && g < (1U << 20));
	for (slot = 0; slot < 2; slot++) {
		fx_dma_lands(fx, slot, 5, IOVA, 1);
		fx_dma_lands(fx, slot, g, IOVA, 1);
		fx_dma_blocked(fx, slot, 6, IOVA, IOASID_REASON_NO_ROUTE);
		fx_dma_blocked(fx, slot, g + 1, IOVA, IOASID_REASON_NO_ROUTE);
	}
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 1);
	assert_int_equal(info_of(fx->ctx[0]).nr_routes, 2);
	/* What is there already stays as it is. */
	assert_int_equal(set_exposed(fx, a, 5, &again), 0);
	assert_int_equal(again, g);
	/* Unmap and map reach both. */
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], a, NULL), 0);
	fx_dma_blocked(fx, 0, 5, IOVA, -1);
	fx_dma_blocked(fx, 1, g, IOVA, -1);
	fx_map_page(fx, a, IOVA, 2);
	fx_dma_lands(fx, 0, g, IOVA, 2);
	/* The number stays until the last device lets go. */
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], a, 5, FX_COOKIE(0)), 0);
	fx_dma_blocked(fx, 0, 5, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, g, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 1, g, IOVA, 2);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 1);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, 5), 0);
	fx_dma_blocked(fx, 1, 5, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 1, g, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 0);
}

static void a_guest_table_is_reached_by_both_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = bind_global(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user, g;
	uint64_t root = guest_table_new(&fx->g);

	user = fx_user(fx, gpa, root);
	guest_map(&fx->g, root, 4, IOVA, guest_data_gpa(&fx->g, 3), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_dev_attach_pasid(dev, user, 0, 0), 0);
	assert_int_equal(set_exposed(fx, user, 7, &g), 0);
	fx_dma_lands(fx, 0, 7, IOVA, 3);
	fx_dma_lands(fx, 0, g, IOVA, 3);
	/* One invalidation, both numbers. */
	guest_map(&fx->g, root, 4, IOVA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_invalidate(fx->ctx[0], user), 0);
	fx_dma_lands(fx, 0, g, IOVA, 6);
	fx_dma_lands(fx, 0, 7, IOVA, 6);
}

static void the_guest_manages_numbers_below_the_split_only(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = bind_global(fx, 0);
	struct ioasid_set_hwid any = { .flags = IOASID_HWID_ANY };
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, 0), 0);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, SPLIT));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, 0));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, HOST_SPLIT));
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, SPLIT - 1), 0);
	any.ioasid = a;
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &any), 0);
	assert_int_equal(any.vpasid, 1);
	assert_int_equal(any.ppasid, IOASID_INVALID);
	assert_int_equal(info_of(fx->ctx[0]).pasid_bits, 12);
	assert_int_equal(info_of(fx->ctx[0]).no_migration & IOASID_NOMIG_EXPOSED, 0);
	fx_dma_lands(fx, 0, 1, IOVA, 1);
	fx_dma_lands(fx, 0, SPLIT - 1, IOVA, 1);
}

static void without_a_split_numbers_are_the_hosts_and_have_to_be_shown(void **state)
{
	struct fx *fx = *state;
	struct ioasid_set_hwid h = { .flags = IOASID_HWID_ANY };
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 0, IOASID_ATTACH_GLOBAL), 0);
	assert_int_equal(info_of(fx->ctx[0]).pasid_bits, 0);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, 5));
	h.ioasid = a;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_hwid_args(fx->ctx[0], &h));
	h.flags |= IOASID_HWID_EXPOSE;
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &h), 0);
	assert_true(h.vpasid >= HOST_SPLIT);
	assert_int_equal(h.ppasid, h.vpasid);
	fx_dma_lands(fx, 0, h.ppasid, IOVA, 1);
	assert_int_equal(info_of(fx->ctx[0]).no_migration & IOASID_NOMIG_EXPOSED,
			 IOASID_NOMIG_EXPOSED);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, h.vpasid), 0);
	fx_dma_blocked(fx, 0, h.ppasid, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 0);
}

static void one_vpasid_names_one_space_among_global_devices(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d0 = bind_global(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 5, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_dev_attach_pasid(d1, b, 5, 0));
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 6, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(fx->ctx[0], b, 5));
	/* Below a device of its own numbering it is free. */
	assert_int_equal(ioasid_dev_detach_pasid(d1, b), 0);
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(1), IOASID_MODE_LOCAL), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 1);
	fx_dma_lands(fx, 1, 5, IOVA, 2);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 1);
}

static void a_number_that_one_device_refuses_is_set_on_none(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d0 = bind_global(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(1), IOASID_MODE_LOCAL), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 9, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(fx->ctx[0], a, 9));
	fx_dma_blocked(fx, 0, 9, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 1, 9, IOVA, 2);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 0);
}

static void mode_and_split_stand_still_under_routes(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	/* Default routes do not count; then a PASID route settles it. */
	assert_int_equal(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(0), SPLIT), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 1, IOASID_ATTACH_GLOBAL), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(0), IOASID_MODE_LOCAL));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(0), SPLIT * 2));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(dev, a, 2, IOASID_ATTACH_LOCAL));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_MODE);
	/* The present value is always fine; so is what does not reach this device. */
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(0), IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(0), SPLIT), 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, IOASID_MODE_LOCAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 77), 0);
	assert_int_equal(ioasid_clear_hwid(ctx, b, 1), 0);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(0), IOASID_MODE_LOCAL), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_hwid_mode(ctx, 3));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_hwid_set_global_min(ctx, 0));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_hwid_set_global_min(ctx, (1U << 20) + 1));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_hwid_set_global_min_dev(ctx, 1, 1024));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_set_hwid_mode_dev(ctx, 1, IOASID_MODE_LOCAL));
}

static void what_the_guest_was_promised_stays(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];

	fx_bind(fx, 0);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx, 16), 0);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, SPLIT), 0);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL));
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 1U << 16), 0);
	assert_int_equal(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL), 0);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE,
		       ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(0), (1U << 16) - 1));
	/* A device whose own split is too narrow is not let in. */
	assert_int_equal(info_of(ctx).pasid_bits, 16);
	EXPECT_REFUSED(fx, -EMEDIUMTYPE, ioasid_hwid_set_promised_width(ctx, 17));
}

static void a_number_that_does_not_fit_a_later_device_is_ERANGE(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct conf_dev_spec spec = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 16,
		.group = IOASID_INVALID,
	};
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d2;
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2), g;

	assert_int_equal(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(0), 1U << 16), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(set_exposed(fx, a, 5, &g), 0);
	assert_true(g >= 1U << 16);
	fx_plug(fx, 2, &spec);
	d2 = fx_bind(fx, 2);
	assert_int_equal(ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(2), SPLIT), 0);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(d2, a, 5, 0));
	/* No number fits both. */
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_attach_pasid(d2, b, 6, 0));
	fx_dma_lands(fx, 0, g, IOVA, 1);
	assert_int_equal(info_of(ctx).ids_live, 1);
}

static void a_quota_bounds_host_wide_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d0 = bind_global(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1);

	assert_int_equal(info_of(ctx).quota, IOASID_INVALID);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, a, 0, 0), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_quota(ctx, 0, false));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_quota(ctx, IOASID_INVALID, true));
	assert_int_equal(ioasid_set_quota(ctx, 2, false), 0);
	assert_int_equal(info_of(ctx).quota, 2);
	/* Once per vPASID, however many devices; a refused one is nowhere. */
	assert_int_equal(ioasid_set_hwid(ctx, a, 1), 0);
	assert_int_equal(ioasid_set_hwid(ctx, a, 2), 0);
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(ctx, a, 3));
	assert_int_equal(info_of(ctx).refused_by, IOASID_REFUSED_QUOTA);
	fx_dma_blocked(fx, 0, 3, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 1, 3, IOVA, IOASID_REASON_NO_ROUTE);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_set_quota(ctx, 1, false));
	assert_int_equal(ioasid_clear_hwid(ctx, a, 1), 0);
	assert_int_equal(ioasid_set_hwid(ctx, a, 3), 0);
	assert_int_equal(ioasid_set_quota(ctx, IOASID_INVALID, false), 0);
	assert_int_equal(ioasid_set_hwid(ctx, a, 4), 0);
	assert_int_equal(info_of(ctx).ids_live, 3);
	/* A reservation comes out of the capacity of all; more than there is cannot be promised. */
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_quota(ctx, 1U << 21, true));
	assert_int_equal(ioasid_set_quota(ctx, 100, true), 0);
	assert_int_equal(info_of(ctx).quota, 100);
	assert_int_equal(ioasid_set_quota(ctx, 100, false), 0);
}

static void a_device_that_does_not_answer_keeps_its_numbers_pending(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *good = bind_global(fx, 0), *mute;
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2), g, other;

	fx_add_mute(fx, 2);
	mute = fx_bind(fx, 2);
	assert_int_equal(ioasid_dev_attach_pasid(mute, a, 0, 0), 0);
	assert_int_equal(set_exposed(fx, a, 5, &g), 0);
	assert_true(fx->env.home->translate(fx->hw[2], g, IOVA));
	assert_int_equal(ioasid_set_quota(ctx, 2, false), 0);
	/* Nobody answers the invalidation: the number is let go of, and is not free. */
	assert_int_equal(ioasid_clear_hwid(ctx, a, 5), 0);
	assert_int_equal(info_of(ctx).ids_live, 1);
	assert_int_equal(info_of(ctx).ids_pending, 1);
	/* The same vPASID gets another one at once. The pending one counts. */
	assert_int_equal(ioasid_dev_attach_pasid(good, b, 0, 0), 0);
	assert_int_equal(set_exposed(fx, b, 5, &other), 0);
	assert_int_not_equal(other, g);
	fx_dma_lands(fx, 0, other, IOVA, 2);
	fx_dma_blocked(fx, 0, g, IOVA, IOASID_REASON_NO_ROUTE);
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(ctx, b, 6));
	assert_int_equal(ioasid_dev_reset(mute), 0);
	assert_int_equal(info_of(ctx).ids_live, 1);
	assert_int_equal(info_of(ctx).ids_pending, 0);
	assert_int_equal(ioasid_set_hwid(ctx, b, 6), 0);
}

static void unbinding_a_fenced_device_frees_what_it_held(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *mute;
	uint32_t a = fx_space_at(fx, 0, 1), g;

	bind_global(fx, 0);
	fx_add_mute(fx, 2);
	mute = fx_bind(fx, 2);
	assert_int_equal(ioasid_dev_attach_pasid(mute, a, 0, 0), 0);
	assert_int_equal(set_exposed(fx, a, 5, &g), 0);
	assert_true(fx->env.home->translate(fx->hw[2], g, IOVA));
	assert_int_equal(ioasid_clear_hwid(ctx, a, 5), 0);
	assert_int_equal(info_of(ctx).ids_pending, 1);
	fx_dev_close(fx, 2);
	assert_int_equal(info_of(ctx).ids_live, 0);
}

static void only_classes_with_pasid_can_be_global(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct conf_dev_spec spec = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV,
		.group = IOASID_INVALID,
	};
	struct ioasid_device_info info = { 0 };
	struct ioasid_dev *dev;

	fx_plug(fx, 2, &spec);
	dev = fx_bind(fx, 2);
	EXPECT_REFUSED(fx, -EOPNOTSUPP,
		       ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(2), IOASID_MODE_GLOBAL));
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_hwid_set_global_min_dev(ctx, FX_COOKIE(2), SPLIT));
	/* The knob of the context passes it over. */
	assert_int_equal(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
	assert_int_equal(info.mode, IOASID_MODE_LOCAL);
	assert_int_equal(info.global_min, 0);
}

static void two_contexts_never_share_a_number(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *d0 = bind_global(fx, 0), *d1 = fx_handle(fx, 1);
	struct ioasid_set_hwid h = { .flags = IOASID_HWID_EXPOSE, .vpasid = 5 };
	uint32_t a = fx_space_at(fx, 0, 1), g;

	assert_int_equal(ioasid_set_hwid_mode(other, IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(other, SPLIT), 0);
	assert_int_equal(ioasid_dev_bind(d1, other, FX_COOKIE(1)), 0);
	assert_int_equal(ioasid_alloc_kernel(other, &h.ioasid), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, h.ioasid, 0, 0), 0);
	assert_int_equal(set_exposed(fx, a, 5, &g), 0);
	assert_int_equal(ioasid_set_hwid_args(other, &h), 0);
	assert_int_not_equal(h.ppasid, g);
	fx_dma_lands(fx, 0, g, IOVA, 1);
	fx_dma_blocked(fx, 1, g, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 1, h.ppasid, IOVA, -1);
	fx_dma_blocked(fx, 0, h.ppasid, IOVA, IOASID_REASON_NO_ROUTE);
	fx_close(fx, 1);
	assert_int_equal(info_of(fx->ctx[0]).ids_live, 1);
}

static const struct conf_test tests[] = {
	CONF_TEST(both_numbers_lead_to_one_place_on_all_devices, 0),
	CONF_TEST(a_guest_table_is_reached_by_both_numbers, NEEDS_NESTING),
	CONF_TEST(the_guest_manages_numbers_below_the_split_only, NEEDS_DEFAULTS),
	CONF_TEST(without_a_split_numbers_are_the_hosts_and_have_to_be_shown, NEEDS_DEFAULTS),
	CONF_TEST(one_vpasid_names_one_space_among_global_devices, NEEDS_DEFAULTS),
	CONF_TEST(a_number_that_one_device_refuses_is_set_on_none, NEEDS_DEFAULTS),
	CONF_TEST(mode_and_split_stand_still_under_routes, NEEDS_DEFAULTS),
	CONF_TEST(what_the_guest_was_promised_stays, NEEDS_DEFAULTS),
	CONF_TEST(a_number_that_does_not_fit_a_later_device_is_ERANGE, NEEDS_DEFAULTS),
	CONF_TEST(a_quota_bounds_host_wide_numbers, NEEDS_DEFAULTS),
	CONF_TEST(a_device_that_does_not_answer_keeps_its_numbers_pending, NEEDS_SHORT_TIMEOUT),
	CONF_TEST(unbinding_a_fenced_device_frees_what_it_held, NEEDS_SHORT_TIMEOUT),
	CONF_TEST(only_classes_with_pasid_can_be_global, NEEDS_DEFAULTS),
	CONF_TEST(two_contexts_never_share_a_number, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_hostwide, "host-wide", tests);
