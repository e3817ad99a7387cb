// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Default routes: requests without PASID. Stacking, replacing, groups, binding. */
#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA FX_IOVA

/* A child of @parent (made by fx_gpa_space()) whose IOVA leads to data page @page. */
static uint32_t child_at(struct fx *fx, uint32_t parent, size_t page)
{
	uint32_t child = fx_child(fx, parent);

	assert_int_equal(
		ioasid_map(fx->ctx[0], child, IOVA, guest_data_gpa(&fx->g, page), PAGE, FX_RW), 0);
	return child;
}

static uint32_t default_of(struct fx *fx, unsigned int slot)
{
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_device_get_info(fx->ctx[0], FX_COOKIE(slot), &info), 0);
	assert_int_equal(!!(info.caps & IOASID_DEV_BLOCKED), info.default_ioasid == IOASID_INVALID);
	return info.default_ioasid;
}

static void a_device_without_default_route_is_blocked(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev;
	uint32_t ioasid = fx_space_at(fx, 0, 1);

	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	dev = fx_bind(fx, 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(default_of(fx, 0), IOASID_INVALID);
	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), 0);
	assert_int_equal(default_of(fx, 0), ioasid);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 1);
	assert_int_equal(ioasid_dev_detach(dev, ioasid), 0);
	assert_int_equal(default_of(fx, 0), IOASID_INVALID);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
}

static void two_devices_may_share_a_space_or_have_their_own(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach(d0, a, 0), 0);
	assert_int_equal(ioasid_dev_attach(d1, b, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 1);
	fx_dma_lands(fx, 1, CONF_RID, IOVA, 2);
	assert_int_equal(ioasid_dev_attach(d1, a, IOASID_ATTACH_REPLACE), 0);
	fx_dma_lands(fx, 1, CONF_RID, IOVA, 1);
	assert_int_equal(ioasid_dev_detach(d0, a), 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 1, CONF_RID, IOVA, 1);
}

static void an_occupied_default_is_EBUSY(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, b, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_OCCUPIED);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, a, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_detach(dev, b));
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 1);
	/* The reason is forgotten with the next attach that works. */
	assert_int_equal(ioasid_dev_attach(dev, b, IOASID_ATTACH_REPLACE), 0);
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_NONE);
}

static void a_child_stacks_on_its_parent_and_detach_restores_it(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3);

	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), 4);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	assert_int_equal(default_of(fx, 0), child);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
	fx_dma_blocked(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), IOASID_REASON_NOT_PRESENT);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_detach(dev, gpa));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], child));
	assert_int_equal(ioasid_dev_detach(dev, child), 0);
	assert_int_equal(default_of(fx, 0), gpa);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), 4);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(ioasid_dev_detach(dev, gpa), 0);
	fx_dma_blocked(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), IOASID_REASON_NO_ROUTE);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_detach(dev, gpa));
}

static void a_child_may_be_the_default_without_its_parent(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3);

	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, gpa, 0));
	assert_int_equal(ioasid_dev_detach(dev, child), 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
}

static void only_a_child_of_the_top_stacks(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3),
		 sibling = child_at(fx, gpa, 4);
	uint32_t other = fx_gpa_space(fx), nephew = child_at(fx, other, 5);

	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, nephew, 0));
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, sibling, 0));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(dev, gpa, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_detach(dev, sibling));
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
}

static void replace_swaps_the_whole_stack(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3),
		 other = fx_space_at(fx, 0, 5);

	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, other, IOASID_ATTACH_REPLACE), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 5);
	/* Nothing of the old stack is referenced any more. */
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], child), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], gpa), 0);
	assert_int_equal(ioasid_dev_detach(dev, other), 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	/* On an empty default it is a plain attach. */
	assert_int_equal(ioasid_dev_attach(dev, other, IOASID_ATTACH_REPLACE), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 5);
}

static void a_refused_replace_keeps_the_stack(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3), far = fx_kernel(fx);

	fx_map_page(fx, far, -PAGE, 0);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, far, IOASID_ATTACH_REPLACE));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_attach(dev, 4711, IOASID_ATTACH_REPLACE));
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
	assert_int_equal(ioasid_dev_detach(dev, child), 0);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), 4);
}

static void a_user_table_stacks_as_the_guests_default(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user;
	uint64_t root = guest_table_new(&fx->g);

	user = fx_user(fx, gpa, root);
	guest_map(&fx->g, root, 4, IOVA, guest_data_gpa(&fx->g, 9), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, user, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 9);
	assert_int_equal(ioasid_dev_detach(dev, user), 0);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 9), 9);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NOT_PRESENT);
}

static void attach_needs_a_bound_device_and_a_space_of_its_context(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_handle(fx, 0);
	struct ioasid *other = fx_open(fx, 1);
	uint32_t ioasid = fx_space_at(fx, 0, 1), foreign = 0, i;

	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach(dev, ioasid, 0));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach_pasid(dev, ioasid, 1, 0));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_detach(dev, ioasid));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_reset(dev));
	assert_int_equal(ioasid_dev_bind(dev, fx->ctx[0], 1), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_attach(dev, 4711, 0));
	for (i = 0; i < 5; i++)
		assert_int_equal(ioasid_alloc_kernel(other, &foreign), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_attach(dev, foreign, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_attach_pasid(dev, foreign, 1, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_dev_detach(dev, foreign));
}

static void contradicting_attach_flags_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .ioasid = fx_space_at(fx, 0, 1) };
	static const struct {
		uint32_t flags, vpasid;
	} bad[] = {
		{ IOASID_ATTACH_VPASID, 1 },
		{ IOASID_ATTACH_LOCAL, 0 },
		{ IOASID_ATTACH_GLOBAL, 0 },
		{ IOASID_ATTACH_PASID | IOASID_ATTACH_REPLACE, 0 },
		{ IOASID_ATTACH_PASID | IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL, 0 },
		{ IOASID_ATTACH_PASID, 1 },
		{ 0, 1 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a.flags = bad[i].flags;
		a.vpasid = bad[i].vpasid;
		EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_ATTACH_IOASID, &a));
	}
	a.flags = 0;
	a.vpasid = 1;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_DETACH_IOASID, &a));
}

/* ---- binding ---------------------------------------------------------------------------------- */

static void a_device_has_one_context(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *dev = fx_bind(fx, 0), *second;
	uint32_t ioasid = fx_space_at(fx, 0, 1);

	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(dev, other, 1));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(dev, fx->ctx[0], 1));
	/* Through a descriptor of its own just as well. */
	assert_int_equal(ioasid_dev_open(other, "dev0", &second), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(second, other, 1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach(second, ioasid, 0));
	fx_dev_close(fx, 0);
	assert_int_equal(ioasid_dev_bind(second, other, 1), 0);
	ioasid_dev_close(second);
}

static void a_cookie_names_one_device(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d1 = fx_handle(fx, 1);

	fx_bind(fx, 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_dev_bind(d1, fx->ctx[0], FX_COOKIE(0)));
	assert_int_equal(ioasid_dev_bind(d1, fx->ctx[0], 0), 0);
	fx_dev_close(fx, 0);
	fx_bind(fx, 0);
}

static void closing_the_handle_unbinds_and_blocks(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);
	struct ioasid_info info;

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 3, 0), 0);
	fx_dma_lands(fx, 0, 3, IOVA, 2);
	fx_dev_close(fx, 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, 3, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.nr_devices, 0);
	assert_int_equal(info.nr_routes, 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], a), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], b), 0);
}

static void bind_to_what_is_not_a_context_is_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_handle(fx, 0);
	struct ioasid_dev_bind b = { .argsz = sizeof(b), .cookie = 1 };

	b.ioasid_fd = -1;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b));
	b.ioasid_fd = 0x7ffffff0;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b));
	b.ioasid_fd = ioasid_fd(fx->ctx[0]);
	assert_int_equal(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b), 0);
}

static void a_device_of_another_machine_is_not_bound(void **state)
{
	struct fx *fx = *state;
	struct conf_env other = { .home = fx->env.home };
	struct conf_dev_spec spec = {
		.name = "elsewhere",
		.dev_class = IOASID_CLASS_PDEV,
		.group = IOASID_INVALID,
	};
	struct conf_dev *hw;
	struct ioasid_dev *dev;
	struct ioasid *ctx;

	if (other.home->start(&other, fx->machine))
		fx_cannot("it is one machine only");
	hw = other.home->plug(&other, &spec);
	assert_non_null(hw);
	assert_int_equal(ioasid_open(other.path, &ctx), 0);
	assert_int_equal(ioasid_dev_open(ctx, "elsewhere", &dev), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_bind(dev, fx->ctx[0], 1));
	assert_int_equal(ioasid_dev_bind(dev, ctx, 1), 0);
	ioasid_dev_close(dev);
	ioasid_close(ctx);
	other.home->unplug(hw);
	other.home->stop(&other);
}

/* ---- groups ------------------------------------------------------------------------------------ */

/* Slots 2 and 3 become the two members of a group. */
static void plug_group(struct fx *fx)
{
	struct conf_dev_spec spec = {
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 16,
		.group = 42,
	};

	spec.name = "dev2";
	fx_plug(fx, 2, &spec);
	spec.name = "dev3";
	fx_plug(fx, 3, &spec);
}

static void a_group_stays_blocked_until_all_its_members_are_bound(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d2;
	uint32_t a = fx_space_at(fx, 0, 1);

	plug_group(fx);
	d2 = fx_bind(fx, 2);
	assert_int_equal(ioasid_dev_attach(d2, a, 0), 0);
	fx_dma_blocked(fx, 2, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 3, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(default_of(fx, 2), IOASID_INVALID);
	fx_bind(fx, 3);
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 1);
	/* The group has one default route. */
	fx_dma_lands(fx, 3, CONF_RID, IOVA, 1);
	fx_dev_close(fx, 3);
	fx_dma_blocked(fx, 2, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 3, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_bind(fx, 3);
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 1);
}

static void members_of_a_group_belong_to_one_context(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *d3;

	plug_group(fx);
	fx_bind(fx, 2);
	d3 = fx_handle(fx, 3);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_bind(d3, other, 1));
	fx_dev_close(fx, 2);
	assert_int_equal(ioasid_dev_bind(d3, other, 1), 0);
}

static void members_of_a_group_attach_to_one_space(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d2, *d3;
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	plug_group(fx);
	d2 = fx_bind(fx, 2);
	d3 = fx_bind(fx, 3);
	assert_int_equal(ioasid_dev_attach(d2, a, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(d3, b, 0));
	assert_int_equal(fx_refusal(fx, 3), IOASID_REFUSAL_GROUP_ROUTE);
	assert_int_equal(ioasid_dev_attach(d3, a, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach(d3, b, IOASID_ATTACH_REPLACE));
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 1);
	fx_dma_lands(fx, 3, CONF_RID, IOVA, 1);
	/* The route lives until the last member lets go. */
	assert_int_equal(ioasid_dev_detach(d2, a), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], a));
	fx_dma_lands(fx, 3, CONF_RID, IOVA, 1);
	assert_int_equal(ioasid_dev_detach(d3, a), 0);
	fx_dma_blocked(fx, 2, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 3, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], a), 0);
	assert_int_equal(ioasid_dev_attach(d3, b, 0), 0);
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 2);
}

static void unplugging_the_missing_member_completes_a_group(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d2;
	uint32_t a = fx_space_at(fx, 0, 1);
	struct conf_dev_spec spec = {
		.name = "dev4",
		.dev_class = IOASID_CLASS_PDEV,
		.group = 42,
	};

	plug_group(fx);
	d2 = fx_bind(fx, 2);
	assert_int_equal(ioasid_dev_attach(d2, a, 0), 0);
	fx_dma_blocked(fx, 2, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	/* Nobody joins a group that is in use: its DMA would be led where nobody asked. */
	assert_null(fx->env.home->plug(&fx->env, &spec));
	fx_unplug(fx, 3);
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 1);
}

static void a_member_that_left_the_top_of_the_stack_comes_back(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d2, *d3;
	uint32_t gpa = fx_gpa_space(fx), child = child_at(fx, gpa, 3);

	plug_group(fx);
	d2 = fx_bind(fx, 2);
	d3 = fx_bind(fx, 3);
	assert_int_equal(ioasid_dev_attach(d2, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(d2, child, 0), 0);
	assert_int_equal(ioasid_dev_attach(d3, child, 0), 0);
	assert_int_equal(ioasid_dev_detach(d2, child), 0);
	fx_dma_lands(fx, 2, CONF_RID, IOVA, 3);
	assert_int_equal(ioasid_dev_attach(d2, child, 0), 0);
	assert_int_equal(ioasid_dev_detach(d3, child), 0);
	fx_dma_lands(fx, 3, CONF_RID, IOVA, 3);
	assert_int_equal(ioasid_dev_detach(d2, child), 0);
	fx_dma_lands(fx, 3, CONF_RID, guest_data_gpa(&fx->g, 4), 4);
}

static void pasid_routes_are_only_for_devices_alone_in_their_group(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *d2;
	uint32_t a = fx_space_at(fx, 0, 1);

	plug_group(fx);
	d2 = fx_bind(fx, 2);
	fx_bind(fx, 3);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(d2, a, 1, 0));
	assert_int_equal(fx_refusal(fx, 2), IOASID_REFUSAL_NO_PASID);
}

static const struct conf_test tests[] = {
	CONF_TEST(a_device_without_default_route_is_blocked, 0),
	CONF_TEST(two_devices_may_share_a_space_or_have_their_own, 0),
	CONF_TEST(an_occupied_default_is_EBUSY, 0),
	CONF_TEST(a_child_stacks_on_its_parent_and_detach_restores_it, 0),
	CONF_TEST(a_child_may_be_the_default_without_its_parent, 0),
	CONF_TEST(only_a_child_of_the_top_stacks, 0),
	CONF_TEST(replace_swaps_the_whole_stack, 0),
	CONF_TEST(a_refused_replace_keeps_the_stack, 0),
	CONF_TEST(a_user_table_stacks_as_the_guests_default, NEEDS_RID_NESTING),
	CONF_TEST(attach_needs_a_bound_device_and_a_space_of_its_context, NEEDS_DEFAULTS),
	CONF_TEST(contradicting_attach_flags_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(a_device_has_one_context, NEEDS_DEFAULTS),
	CONF_TEST(a_cookie_names_one_device, NEEDS_DEFAULTS),
	CONF_TEST(closing_the_handle_unbinds_and_blocks, 0),
	CONF_TEST(bind_to_what_is_not_a_context_is_refused, NEEDS_DEFAULTS),
	CONF_TEST(a_group_stays_blocked_until_all_its_members_are_bound, 0),
	CONF_TEST(members_of_a_group_belong_to_one_context, NEEDS_DEFAULTS),
	CONF_TEST(members_of_a_group_attach_to_one_space, 0),
	CONF_TEST(unplugging_the_missing_member_completes_a_group, 0),
	CONF_TEST(a_member_that_left_the_top_of_the_stack_comes_back, 0),
	CONF_TEST(a_device_of_another_machine_is_not_bound, NEEDS_DEFAULTS),
	CONF_TEST(pasid_routes_are_only_for_devices_alone_in_their_group, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_default, "default route", tests);
