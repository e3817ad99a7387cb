// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices that are opened, reset, pulled out; contexts that close first; events. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA FX_IOVA

static void names_nobody_has_are_ENOENT(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev;
	struct ioasid *ctx;

	assert_int_equal(ioasid_dev_open(fx->ctx[0], "dev7", &dev), -ENOENT);
	assert_int_equal(ioasid_dev_open(fx->ctx[0], "", &dev), -ENOENT);
	assert_int_equal(ioasid_dev_open(fx->ctx[0], "../dev0", &dev), -ENOENT);
	assert_int_equal(ioasid_open("inproc:nobody", &ctx), -ENOENT);
	assert_int_equal(ioasid_open("/nonexistent/ioasid", &ctx), -ENOENT);
	assert_int_equal(ioasid_open("", &ctx), -ENOENT);
	ioasid_close(NULL);
	ioasid_dev_close(NULL);
}

static void expect_dead(struct ioasid_dev *dev, uint32_t ioasid)
{
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_dev_get_info(dev, &info), -ENODEV);
	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), -ENODEV);
	assert_int_equal(ioasid_dev_attach_pasid(dev, ioasid, 1, 0), -ENODEV);
	assert_int_equal(ioasid_dev_detach(dev, ioasid), -ENODEV);
	assert_int_equal(ioasid_dev_reset(dev), -ENODEV);
	assert_int_equal(ioasid_dev_set_eventfd(dev, 0, -1), -ENODEV);
}

static void the_handle_of_a_closed_context_answers_ENODEV(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1);
	struct ioasid *ctx;

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 1);
	fx_close(fx, 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, 5, IOVA, IOASID_REASON_NO_ROUTE);
	expect_dead(dev, a);
	ctx = fx_open(fx, 0);
	/* The old handle is spent; the device itself is free for the next user. */
	assert_int_equal(ioasid_dev_bind(dev, ctx, 1), -ENODEV);
	fx_dev_close(fx, 0);
	dev = fx_bind(fx, 0);
	a = fx_space_at(fx, 0, 2);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 2);
}

static void a_new_context_may_bind_while_the_old_handle_is_open(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *fresh;
	struct ioasid *ctx;

	fx_bind(fx, 0);
	fx_close(fx, 0);
	ctx = fx_open(fx, 0);
	assert_int_equal(ioasid_dev_open(ctx, "dev0", &fresh), 0);
	assert_int_equal(ioasid_dev_bind(fresh, ctx, 1), 0);
	fx_dev_close(fx, 0);
	/* The old one's close is none of the new binding's business. */
	assert_int_equal(ioasid_dev_attach(fresh, fx_space_at(fx, 0, 3), 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
	ioasid_dev_close(fresh);
}

static void unplugging_ends_routes_and_binding(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0), *idle;
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);
	struct ioasid_info info;

	assert_int_equal(ioasid_dev_open(fx->ctx[0], "dev0", &idle), 0);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 2);
	fx_unplug(fx, 0);
	expect_dead(dev, a);
	expect_dead(idle, a);
	assert_int_equal(ioasid_dev_bind(idle, fx->ctx[0], 9), -ENODEV);
	assert_int_equal(ioasid_dev_open(fx->ctx[0], "dev0", &dev), -ENOENT);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.nr_devices, 0);
	assert_int_equal(info.nr_routes, 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], a), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], b), 0);
	ioasid_dev_close(idle);
	fx_dev_close(fx, 0);
	/* Plugged in again, it is a new device. */
	fx_plug(fx, 0, &(struct conf_dev_spec){ .name = "dev0" });
	dev = fx_bind(fx, 0);
	a = fx_space_at(fx, 0, 3);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
}

static void unplugging_with_a_page_request_pending_ends_it(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, guest_table_new(&fx->g));
	struct ioasid_fault f;
	struct ioasid_info info;
	uint32_t group, code;

	assert_int_equal(ioasid_dev_attach_pasid(dev, user, 5, 0), 0);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	assert_int_equal(fx->env.home->page_request(fx->hw[0], 5, 0x1000, false, 4, true), 0);
	f = fx_fault_wait(fx);
	assert_false(fx->env.home->response(fx->hw[0], &group, &code));
	fx_unplug(fx, 0);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, 0), -ENOENT);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.nr_faults, 0);
}

static void reset_keeps_routes_and_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_space_at(fx, 0, 1), b = fx_space_at(fx, 0, 2);

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 2);
	EXPECT_REFUSED(fx, 0, ioasid_dev_reset(dev));
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 1);
	fx_dma_lands(fx, 0, 5, IOVA, 2);
}

static uint64_t signalled(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void removal_is_signalled(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	int first = eventfd(0, EFD_NONBLOCK), second = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_REMOVAL, first), 0);
	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_ERROR, first), 0);
	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_REMOVAL, second), 0);
	fx_unplug(fx, 0);
	assert_int_equal(signalled(first), 0);
	/* A driver may ask more than once. */
	assert_true(signalled(second) >= 1);
	close(first);
	close(second);
}

static void an_eventfd_taken_away_stays_silent(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	int fd = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_REMOVAL, fd), 0);
	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_REMOVAL, -1), 0);
	fx_unplug(fx, 0);
	assert_int_equal(signalled(fd), 0);
	close(fd);
}

static void an_eventfd_outlives_its_descriptor(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	int fd = eventfd(0, EFD_NONBLOCK), copy = dup(fd), pipes[2];

	assert_int_equal(ioasid_dev_set_eventfd(dev, IOASID_DEV_EVENT_REMOVAL, fd), 0);
	close(fd);
	/* Another file takes the number: it must not get the signal. */
	assert_int_equal(pipe(pipes), 0);
	fx_unplug(fx, 0);
	assert_true(signalled(copy) >= 1);
	close(copy);
	close(pipes[0]);
	close(pipes[1]);
}

static void malformed_eventfds_are_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_set_eventfd(dev, 2, -1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_set_eventfd(dev, 0, -2));
	EXPECT_REFUSED(fx, -EBADF, ioasid_dev_set_eventfd(dev, 0, 98765));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_set_eventfd(dev, 0, pipes[0]));
	close(pipes[0]);
	close(pipes[1]);
}

static uint32_t caps_of(struct fx *fx, unsigned int slot)
{
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_dev_get_info(fx->dev[slot], &info), 0);
	return info.caps;
}

static void a_device_that_does_not_answer_is_fenced_until_reset(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *good = fx_bind(fx, 0), *mute;
	uint32_t gpa = fx_gpa_space(fx), user, other = fx_space_at(fx, 0, 4);
	uint64_t root = guest_table_new(&fx->g);
	int fd = eventfd(0, EFD_NONBLOCK);

	fx_add_mute(fx, 2);
	mute = fx_bind(fx, 2);
	user = fx_user(fx, gpa, root);
	guest_map(&fx->g, root, 4, IOVA, guest_data_gpa(&fx->g, 3), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_dev_set_eventfd(mute, IOASID_DEV_EVENT_ERROR, fd), 0);
	assert_int_equal(ioasid_dev_attach_pasid(mute, user, 5, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(good, user, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 3);
	/* Nothing is held, so nothing is asked. */
	assert_int_equal(ioasid_invalidate(ctx, user), 0);
	assert_int_equal(caps_of(fx, 2) & IOASID_DEV_FENCED, 0);
	assert_true(fx->env.home->translate(fx->hw[2], 5, IOVA));
	guest_map(&fx->g, root, 4, IOVA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_invalidate(ctx, user), -EIO);
	/* The promise holds all the same: the device is cut off, the other one sees the new page. */
	assert_int_equal(caps_of(fx, 2) & IOASID_DEV_FENCED, IOASID_DEV_FENCED);
	assert_int_equal(signalled(fd), 1);
	fx_dma_blocked(fx, 2, 5, IOVA, -1);
	assert_false(fx->env.home->translate(fx->hw[2], 5, IOVA));
	fx_dma_lands(fx, 0, 5, IOVA, 6);
	EXPECT_REFUSED(fx, -EIO, ioasid_dev_attach(mute, other, 0));
	assert_int_equal(fx_refusal(fx, 2), IOASID_REFUSAL_FENCED);
	EXPECT_REFUSED(fx, -EIO, ioasid_dev_attach_pasid(mute, other, 6, 0));
	/* Routes and numbers stay; RESET ends it. */
	assert_int_equal(ioasid_dev_reset(mute), 0);
	assert_int_equal(caps_of(fx, 2) & IOASID_DEV_FENCED, 0);
	fx_dma_lands(fx, 2, 5, IOVA, 6);
	close(fd);
}

static void ending_things_works_on_a_device_that_does_not_answer(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	unsigned int i;

	/* UNMAP, CLEAR_HWID, DETACH, unbind: each in its turn meets an outstanding grant. */
	fx_add_mute(fx, 2);
	for (i = 0; i < 4; i++) {
		struct ioasid_dev *mute = fx_bind(fx, 2);
		uint32_t a = fx_space_at(fx, 0, 4);

		assert_int_equal(ioasid_dev_attach_pasid(mute, a, 5, 0), 0);
		assert_true(fx->env.home->translate(fx->hw[2], 5, IOVA));
		if (i == 0)
			assert_int_equal(ioasid_unmap_all(ctx, a, NULL), 0);
		if (i == 1)
			assert_int_equal(ioasid_clear_hwid(ctx, a, 5), 0);
		if (i == 2)
			assert_int_equal(ioasid_dev_detach_pasid(mute, a), 0);
		if (i < 3) {
			assert_int_equal(caps_of(fx, 2) & IOASID_DEV_FENCED, IOASID_DEV_FENCED);
			fx_dma_blocked(fx, 2, 5, IOVA, -1);
			assert_int_equal(ioasid_dev_reset(mute), 0);
		}
		fx_dev_close(fx, 2);
		fx_dma_blocked(fx, 2, 5, IOVA, -1);
	}
}

static void regions_nobody_offers_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct ioasid_dev_region region = { .argsz = sizeof(region) };
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
	region.index = info.nr_regions;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_GET_REGION, &region));
	region.index = 0xffffffff;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_command(dev, IOASID_DEV_GET_REGION, &region));
}

static void closing_in_any_order_leaves_nothing(void **state)
{
	struct fx *fx = *state;
	struct conf_live live;
	unsigned int order;

	for (order = 0; order < 8; order++) {
		struct ioasid_dev *d0, *d1;
		uint32_t gpa, child;

		if (!fx->ctx[0])
			fx_open(fx, 0);
		d0 = fx_bind(fx, 0);
		d1 = fx_bind(fx, 1);
		gpa = fx_gpa_space(fx);
		child = fx_child(fx, gpa);
		assert_int_equal(ioasid_map(fx->ctx[0], child, 0, FX_GPA, PAGE, FX_RW), 0);
		assert_int_equal(ioasid_dev_attach(d0, gpa, 0), 0);
		assert_int_equal(ioasid_dev_attach(d0, child, 0), 0);
		assert_int_equal(ioasid_dev_attach_pasid(d0, child, 5, 0), 0);
		assert_int_equal(ioasid_dev_attach_pasid(d1, gpa, 5, 0), 0);
		fx_dma_lands(fx, 0, 5, 0, 0);
		if (order & 1)
			fx_dev_close(fx, 0);
		if (order & 2)
			fx_dev_close(fx, 1);
		if (order & 4)
			assert_int_equal(ioasid_unmap_all(fx->ctx[0], gpa, NULL), 0);
		fx_close(fx, 0);
		fx_dev_close(fx, 0);
		fx_dev_close(fx, 1);
		fx->env.home->live(&fx->env, &live);
		assert_int_equal(live.contexts, 0);
		assert_int_equal(live.ioasids, 0);
		assert_int_equal(live.domains, 0);
		assert_int_equal(live.routes, 0);
		assert_int_equal(live.pinned_bytes, 0);
	}
}

static void two_contexts_do_not_see_each_other(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1;
	uint32_t a = fx_space_at(fx, 0, 1), b;
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_alloc_kernel(other, &b), 0);
	assert_int_equal(ioasid_map(other, b, IOVA, (uintptr_t)fx->g.ram + 2 * PAGE, PAGE, FX_RW),
			 0);
	assert_int_equal(ioasid_dev_open(other, "dev1", &d1), 0);
	assert_int_equal(ioasid_dev_bind(d1, other, FX_COOKIE(0)), 0);
	assert_int_equal(ioasid_dev_attach(d0, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d0, a, 5, 0), 0);
	assert_int_equal(ioasid_dev_attach(d1, b, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, b, 5, 0), 0);
	fx_dma_lands(fx, 0, 5, IOVA, 1);
	fx_dma_lands(fx, 1, 5, IOVA, 2);
	assert_int_equal(ioasid_device_get_info(other, FX_COOKIE(1), &info), -ENOENT);
	fx_close(fx, 0);
	fx_dma_blocked(fx, 0, 5, IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, 1, CONF_RID, IOVA, 2);
	fx_dma_lands(fx, 1, 5, IOVA, 2);
	ioasid_dev_close(d1);
}

static const struct conf_test tests[] = {
	CONF_TEST(names_nobody_has_are_ENOENT, NEEDS_DEFAULTS),
	CONF_TEST(the_handle_of_a_closed_context_answers_ENODEV, 0),
	CONF_TEST(a_new_context_may_bind_while_the_old_handle_is_open, NEEDS_DEFAULTS),
	CONF_TEST(unplugging_ends_routes_and_binding, 0),
	CONF_TEST(unplugging_with_a_page_request_pending_ends_it, NEEDS_NESTING),
	CONF_TEST(reset_keeps_routes_and_numbers, 0),
	CONF_TEST(removal_is_signalled, NEEDS_DEFAULTS),
	CONF_TEST(an_eventfd_taken_away_stays_silent, NEEDS_DEFAULTS),
	CONF_TEST(an_eventfd_outlives_its_descriptor, NEEDS_DEFAULTS),
	CONF_TEST(malformed_eventfds_are_refused, NEEDS_DEFAULTS),
	CONF_TEST(a_device_that_does_not_answer_is_fenced_until_reset,
		  NEEDS_SHORT_TIMEOUT | NEEDS_NESTING),
	CONF_TEST(ending_things_works_on_a_device_that_does_not_answer, NEEDS_SHORT_TIMEOUT),
	CONF_TEST(regions_nobody_offers_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(closing_in_any_order_leaves_nothing, 0),
	CONF_TEST(two_contexts_do_not_see_each_other, 0),
};
CONF_SUITE(suite_device, "device", tests);
