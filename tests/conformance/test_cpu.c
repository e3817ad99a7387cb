// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PASIDs that CPUs translate: on and off, entries, portals, and ENQCMD through a VM to shared queues. What a
 * vCPU sends is what its context's table says at that time, or it exits; it never goes out as it is.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define WHOLE	   2 /* class 7 */
#define PARENT	   3
#define SLICE	   4 /* class 8 */
#define HOST_SPLIT 128U
#define SPLIT	   64U
#define L	   5U
#define CONTROL(q) (IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_CONTROL)
#define COUNT(q)   (IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_COUNT)

static struct ioasid *ctx_of(struct fx *fx)
{
	return fx->ctx[0];
}

static int enable(struct fx *fx)
{
	return ioasid_cpu_pasid_enable(fx->ctx[0], fx_vm_fd(fx));
}

static void go_global(struct fx *fx, unsigned int ctx)
{
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[ctx], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[ctx], SPLIT), 0);
}

/* A whole function and a slice in one context with a split, queues on, a VM with a CPU. */
static void set_up(struct fx *fx)
{
	fx_add_queues(fx, WHOLE, IOASID_CLASS_PDEV_DMWR, FX_WHOLE);
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add_queues(fx, SLICE, IOASID_CLASS_MDEV_DMWR, PARENT);
	go_global(fx, 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, SLICE);
	fx_enable(fx, WHOLE, FX_SHARED);
	fx_enable(fx, SLICE, FX_SHARED);
	fx_vm(fx);
}

/* @ioasid under @vpasid on both devices. Return: the host-wide number. */
static uint32_t route(struct fx *fx, uint32_t ioasid, uint32_t vpasid)
{
	struct fx_numbers before = fx_numbers(fx, PARENT);

	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], ioasid, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], ioasid, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid(ctx_of(fx), ioasid, vpasid), 0);
	return fx_wire(fx, PARENT, &before, 0);
}

/* An instruction that ends like that, after which nothing has been sent. */
#define EXPECT_SENT(fx, cpu, slot, vpasid, how)                               \
	do {                                                                  \
		struct fx_work w_ = fx_work(FX_IOVA);                         \
		assert_int_equal(fx_enqcmd(fx, cpu, slot, vpasid, &w_), how); \
		fx_lost(fx, slot);                                            \
	} while (0)
#define EXPECT_EXIT(fx, cpu, slot, vpasid)  EXPECT_SENT(fx, cpu, slot, vpasid, FX_EXIT)
#define EXPECT_RETRY(fx, cpu, slot, vpasid) EXPECT_SENT(fx, cpu, slot, vpasid, FX_RETRY)

/* ---- on and off ------------------------------------------------------------------------------------ */

/* A descriptor of something else; in-process hosts know their own and no others. */
static void expect_no_vm(struct fx *fx, int fd)
{
	int rc = ioasid_cpu_pasid_enable(fx->ctx[0], fd);

	assert_true(rc == -EBADF || rc == -EOPNOTSUPP);
	EXPECT_REFUSED(fx, rc, ioasid_cpu_pasid_enable(fx->ctx[0], fd));
}

static void user_spaces_word_switches_nothing_on(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e), .provider_fd = -1 };
	int pipes[2];

	set_up(fx);
	assert_int_equal(pipe(pipes), 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_enable(ctx, -1));
	EXPECT_REFUSED(fx, -EBADF, ioasid_cpu_pasid_enable(ctx, 987654));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_cpu_pasid_enable(ctx, -2));
	expect_no_vm(fx, pipes[0]);
	expect_no_vm(fx, ioasid_fd(ctx));
	e.flags = IOASID_CPU_DISABLE;
	e.provider_fd = fx_vm_fd(fx);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_CPU_PASID_ENABLE, &e));
	/* Off already. */
	EXPECT_REFUSED(fx, 0, ioasid_cpu_pasid_disable(ctx));
	assert_int_equal(fx_dev_info(fx, SLICE).portal, IOASID_PORTAL_CLOSED);
	EXPECT_RETRY(fx, 0, SLICE, L);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(fx_dev_info(fx, SLICE).portal, IOASID_PORTAL_OPEN);
	EXPECT_REFUSED(fx, 0, enable(fx));
	EXPECT_REFUSED(fx, 0, ioasid_cpu_pasid_enable(ctx, -1));
}

static void a_vm_is_one_contexts_and_a_context_has_one_vm(void **state)
{
	struct fx *fx = *state;
	int second;

	set_up(fx);
	fx_open(fx, 1);
	fx->vm[1] = fx->env.home->vm_create(&fx->env);
	assert_non_null(fx->vm[1]);
	second = fx->env.home->vm_fd(fx->vm[1]);
	assert_int_equal(enable(fx), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_cpu_pasid_enable(fx->ctx[1], fx_vm_fd(fx)));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_cpu_pasid_enable(fx->ctx[0], second));
	assert_int_equal(ioasid_cpu_pasid_disable(fx->ctx[0]), 0);
	/* Off, and still attached. */
	EXPECT_REFUSED(fx, -EBUSY, ioasid_cpu_pasid_enable(fx->ctx[1], fx_vm_fd(fx)));
	assert_int_equal(ioasid_cpu_pasid_enable(fx->ctx[0], second), 0);
	assert_int_equal(ioasid_cpu_pasid_enable(fx->ctx[1], fx_vm_fd(fx)), 0);
}

/**
 * struct portal_row - what the portals of a device are
 * @dev_class: 7 or 8
 * @global, @on: its mode, translation
 */
static const struct portal_row {
	unsigned int slot;
	bool global, on;
	uint32_t portal;
} portal_rows[] = {
	{ WHOLE, false, false, IOASID_PORTAL_OPEN },
	{ WHOLE, false, true, IOASID_PORTAL_CLOSED_LOCAL },
	{ WHOLE, true, false, IOASID_PORTAL_OPEN },
	{ WHOLE, true, true, IOASID_PORTAL_OPEN },
	{ SLICE, false, false, IOASID_PORTAL_CLOSED },
	{ SLICE, false, true, IOASID_PORTAL_CLOSED_LOCAL },
	{ SLICE, true, false, IOASID_PORTAL_CLOSED },
	{ SLICE, true, true, IOASID_PORTAL_OPEN },
};
#define NR_PORTAL_ROWS (sizeof(portal_rows) / sizeof(portal_rows[0]))

static void expect_portal(struct fx *fx, unsigned int slot, uint32_t portal)
{
	bool open = portal == IOASID_PORTAL_OPEN;
	uint32_t status = fx_reg(fx, slot, IOASID_WQ_REG_STATUS);

	assert_int_equal(fx_dev_info(fx, slot).portal, portal);
	/* What the device does is what is said of it. */
	assert_int_equal(!!(status & IOASID_WQ_STATUS_PORTAL), open);
}

static void portals_are_open_where_mode_and_translation_agree(void **state)
{
	struct fx *fx = *state;
	unsigned int i, order;

	set_up(fx);
	for (i = 0; i < NR_PORTAL_ROWS; i++) {
		const struct portal_row *r = &portal_rows[i];
		enum ioasid_mode mode = r->global ? IOASID_MODE_GLOBAL : IOASID_MODE_LOCAL;

		/* Whichever comes first: mode, then translation; or binding last of all. */
		for (order = 0; order < 3; order++) {
			if (order == 0)
				assert_int_equal(ioasid_set_hwid_mode_dev(ctx_of(fx),
									  FX_COOKIE(r->slot), mode),
						 0);
			if (r->on)
				assert_int_equal(enable(fx), 0);
			if (order == 1)
				assert_int_equal(ioasid_set_hwid_mode_dev(ctx_of(fx),
									  FX_COOKIE(r->slot), mode),
						 0);
			if (order == 2) {
				assert_int_equal(ioasid_set_hwid_mode(ctx_of(fx), mode), 0);
				fx_dev_close(fx, r->slot);
				fx_bind(fx, r->slot);
				fx_enable(fx, r->slot, FX_SHARED);
			}
			expect_portal(fx, r->slot, r->portal);
			assert_int_equal(ioasid_cpu_pasid_disable(ctx_of(fx)), 0);
			assert_int_equal(ioasid_set_hwid_mode_dev(ctx_of(fx), FX_COOKIE(r->slot),
								  IOASID_MODE_DEFAULT),
					 0);
			go_global(fx, 0);
		}
	}
}

static void an_attach_flag_moves_the_portal_along(void **state)
{
	struct fx *fx = *state;
	uint32_t a;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx_of(fx), FX_COOKIE(SLICE), IOASID_MODE_LOCAL),
			 0);
	assert_int_equal(enable(fx), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED_LOCAL);
	/* A refused one leaves it where it was. */
	EXPECT_REFUSED(fx, -ERANGE,
		       ioasid_dev_attach_pasid(fx->dev[SLICE], a, SPLIT, IOASID_ATTACH_GLOBAL));
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED_LOCAL);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], a, L, IOASID_ATTACH_GLOBAL), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_OPEN);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], a), 0);
	EXPECT_REFUSED(fx, -ERANGE,
		       ioasid_dev_attach_pasid(fx->dev[SLICE], a, 1 << 8, IOASID_ATTACH_LOCAL));
	expect_portal(fx, SLICE, IOASID_PORTAL_OPEN);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], a, L, IOASID_ATTACH_LOCAL), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED_LOCAL);
}

static void a_slice_that_is_nobodys_has_its_portal_closed(void **state)
{
	struct fx *fx = *state;

	set_up(fx);
	assert_int_equal(enable(fx), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_OPEN);
	fx_dev_close(fx, SLICE);
	fx_handle(fx, SLICE);
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED);
	fx_dev_close(fx, WHOLE);
	fx_handle(fx, WHOLE);
	expect_portal(fx, WHOLE, IOASID_PORTAL_CLOSED);
}

static void a_reset_leaves_portals_as_they_should_be(void **state)
{
	struct fx *fx = *state;

	set_up(fx);
	assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_OPEN);
	assert_int_equal(ioasid_dev_reset(fx->dev[WHOLE]), 0);
	expect_portal(fx, WHOLE, IOASID_PORTAL_OPEN);
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static uint32_t cpu_flag(struct fx *fx, uint32_t vpasid)
{
	struct ioasid_query_route routes[16];
	uint64_t cursor = 0;
	int i, n = ioasid_query(ctx_of(fx), IOASID_QUERY_ROUTE, 0, &cursor, routes, 16);

	for (i = 0; i < n; i++) {
		if (routes[i].vpasid == vpasid && routes[i].flags & IOASID_ROUTE_CPU)
			return IOASID_ROUTE_CPU;
	}
	return 0;
}

static void entries_are_of_routed_numbers_in_global_mode(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_cpu_pasid bad = { .argsz = sizeof(bad), .vpasid = L, .flags = 1 };
	uint32_t a;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_map(ctx, L));
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], a, 0, 0), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_map(ctx, L));
	assert_int_equal(ioasid_set_hwid(ctx, a, L), 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_command(ctx, IOASID_CPU_PASID_MAP, &bad));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_unmap(ctx, L));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_cpu_pasid_map(ctx, 0));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_cpu_pasid_map(ctx, 1 << 20));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_map(ctx, L + 1));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_unmap(ctx, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_unmap(ctx, IOASID_INVALID));
	assert_int_equal(cpu_flag(fx, L), 0);
	/* Before translation is on or after, once or twice. */
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
	assert_int_equal(cpu_flag(fx, L), IOASID_ROUTE_CPU);
	EXPECT_REFUSED(fx, 0, ioasid_cpu_pasid_map(ctx, L));
	assert_int_equal(ioasid_cpu_pasid_unmap(ctx, L), 0);
	assert_int_equal(cpu_flag(fx, L), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_unmap(ctx, L));
	/* A number of the device's own is none that a CPU could translate to. */
	assert_int_equal(ioasid_clear_hwid(ctx, a, L), 0);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx, FX_COOKIE(SLICE), IOASID_MODE_LOCAL), 0);
	assert_int_equal(ioasid_set_hwid(ctx, a, L), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_cpu_pasid_map(ctx, L));
}

static void one_number_reaches_one_memory_by_three_ways(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	route(fx, a, L);
	route(fx, b, L + 1);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L + 1), 0);
	assert_int_equal(fx_program(fx, WHOLE, L), 0);
	fx_dedicated_lands(fx, WHOLE, FX_IOVA, 1);
	fx_shared_lands(fx, WHOLE, L, FX_IOVA, 1);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	fx_shared_lands(fx, SLICE, L + 1, FX_IOVA, 2);
	fx_shared_lands(fx, WHOLE, L + 1, FX_IOVA, 2);
	assert_int_equal(fx_program(fx, SLICE, L + 1), 0);
	fx_dedicated_lands(fx, SLICE, FX_IOVA, 2);
}

static void a_hole_exits_and_is_never_sent_as_it_is(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a, g, i;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	assert_int_equal(enable(fx), 0);
	EXPECT_EXIT(fx, 0, WHOLE, L);
	g = route(fx, a, L);
	EXPECT_EXIT(fx, 0, WHOLE, L);
	EXPECT_EXIT(fx, 0, SLICE, L);
	/* The VMM maps what the guest may use, and enters at the same instruction again. */
	assert_int_equal(fx_enqcmd(fx, 0, SLICE, L, &w), FX_EXIT);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	assert_int_equal(fx_enqcmd(fx, 0, SLICE, L, &w), FX_ACCEPTED);
	fx_landed(fx, SLICE, &w, 1);
	/* Every other number has an exit; also the one on the wire, which the guest may have guessed. */
	for (i = 0; i < 300; i++) {
		if (i == L)
			continue;
		EXPECT_EXIT(fx, 0, WHOLE, i);
		EXPECT_EXIT(fx, 0, SLICE, i);
	}
	EXPECT_EXIT(fx, 0, SLICE, g);
	EXPECT_EXIT(fx, 0, SLICE, 0xfffff);
	EXPECT_EXIT(fx, 0, SLICE, 1 << 19);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
}

static void without_translation_a_whole_function_takes_what_is_sent(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	route(fx, a, L);
	fx_shared_lands(fx, WHOLE, L, FX_IOVA, 1);
	EXPECT_RETRY(fx, 0, SLICE, L);
	/* In local mode L is all there is; with translation on, what is sent is not what is there. */
	assert_int_equal(ioasid_clear_hwid(ctx_of(fx), a, L), 0);
	assert_int_equal(ioasid_set_hwid_mode_dev(ctx_of(fx), FX_COOKIE(WHOLE), IOASID_MODE_LOCAL),
			 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], b, L, 0), 0);
	fx_shared_lands(fx, WHOLE, L, FX_IOVA, 2);
	assert_int_equal(ioasid_set_hwid_dev(ctx_of(fx), a, L, FX_COOKIE(SLICE)), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	assert_int_equal(enable(fx), 0);
	EXPECT_RETRY(fx, 0, WHOLE, L);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	assert_int_equal(ioasid_cpu_pasid_disable(ctx_of(fx)), 0);
	fx_shared_lands(fx, WHOLE, L, FX_IOVA, 2);
	EXPECT_RETRY(fx, 0, SLICE, L);
}

static void off_and_on_again_keeps_the_entries(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	unsigned int i;

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	route(fx, fx_space_at(fx, 0, 2), L + 1);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
	assert_int_equal(enable(fx), 0);
	for (i = 0; i < 3; i++) {
		fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
		EXPECT_EXIT(fx, 0, SLICE, L + 1);
		assert_int_equal(ioasid_cpu_pasid_disable(ctx), 0);
		EXPECT_RETRY(fx, 0, SLICE, L);
		assert_int_equal(cpu_flag(fx, L), IOASID_ROUTE_CPU);
		if (i)
			assert_int_equal(ioasid_cpu_pasid_enable(ctx, -1), 0);
		else
			assert_int_equal(enable(fx), 0);
	}
	/* Entries change while it is off, too. */
	assert_int_equal(ioasid_cpu_pasid_disable(ctx), 0);
	assert_int_equal(ioasid_cpu_pasid_unmap(ctx, L), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L + 1), 0);
	assert_int_equal(ioasid_cpu_pasid_enable(ctx, -1), 0);
	EXPECT_EXIT(fx, 0, SLICE, L);
	fx_shared_lands(fx, SLICE, L + 1, FX_IOVA, 2);
}

static void a_number_that_was_shown_is_mapped_to_itself(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_set_hwid any = { .flags = IOASID_HWID_ANY | IOASID_HWID_EXPOSE };

	set_up(fx);
	assert_int_equal(ioasid_hwid_set_global_min(ctx, 1), 0);
	any.ioasid = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], any.ioasid, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], any.ioasid, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid_args(ctx, &any), 0);
	assert_int_equal(enable(fx), 0);
	EXPECT_EXIT(fx, 0, SLICE, any.ppasid);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, any.ppasid), 0);
	fx_shared_lands(fx, SLICE, any.ppasid, FX_IOVA, 1);
	fx_shared_lands(fx, WHOLE, any.ppasid, FX_IOVA, 1);
	assert_int_equal(fx_program(fx, SLICE, any.ppasid), 0);
	fx_dedicated_lands(fx, SLICE, FX_IOVA, 1);
	assert_int_equal(ioasid_clear_hwid(ctx, any.ioasid, any.vpasid), 0);
	EXPECT_EXIT(fx, 0, SLICE, any.ppasid);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
}

static void after_unmap_no_cpu_sends_the_number(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	unsigned int cpu, way;
	uint32_t a;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	route(fx, a, L);
	assert_int_equal(enable(fx), 0);
	/* CPUs that come while it is on translate as well. */
	for (cpu = 1; cpu < FX_VCPUS; cpu++) {
		fx->vcpu[cpu] = fx->env.home->vcpu_create(fx->vm[0]);
		assert_non_null(fx->vcpu[cpu]);
	}
	for (way = 0; way < 3; way++) {
		assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
		/* All of them know the entry by heart now. */
		for (cpu = 0; cpu < FX_VCPUS; cpu++) {
			struct fx_work w = fx_work(FX_IOVA);

			assert_int_equal(fx_enqcmd(fx, cpu, SLICE, L, &w), FX_ACCEPTED);
			fx_landed(fx, SLICE, &w, 1);
		}
		if (way == 0)
			assert_int_equal(ioasid_cpu_pasid_unmap(ctx, L), 0);
		if (way == 1)
			assert_int_equal(ioasid_clear_hwid(ctx, a, L), 0);
		if (way == 2) {
			assert_int_equal(ioasid_dev_detach_pasid(fx->dev[WHOLE], a), 0);
			assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], a), 0);
		}
		for (cpu = 0; cpu < FX_VCPUS; cpu++)
			EXPECT_EXIT(fx, cpu, SLICE, L);
		if (way == 1)
			assert_int_equal(ioasid_set_hwid(ctx, a, L), 0);
	}
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
}

static void a_number_that_ended_takes_its_entry_along(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a, b;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	route(fx, a, L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
	/* The whole function leaves: the number lives on with the slice. */
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[WHOLE], a), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	assert_int_equal(ioasid_clear_hwid(ctx, a, L), 0);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	/* A new one under the same name is not mapped by itself. */
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], b, L, 0), 0);
	EXPECT_EXIT(fx, 0, SLICE, L);
	assert_int_equal(cpu_flag(fx, L), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 2);
	/* A whole function is sent what the CPU sends; it has no entry for it. */
	EXPECT_SENT(fx, 0, WHOLE, L, FX_ACCEPTED);
}

static void a_vm_translates_by_its_own_contexts_table(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);

	set_up(fx);
	fx_open(fx, 1);
	go_global(fx, 1);
	fx_add_queues(fx, 5, IOASID_CLASS_MDEV_DMWR, PARENT);
	fx_bind_to(fx, 5, 1);
	fx_enable(fx, 5, FX_SHARED);
	fx->vm[1] = fx->env.home->vm_create(&fx->env);
	fx->vcpu[1] = fx->env.home->vcpu_create(fx->vm[1]);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[5], fx_space_at(fx, 1, 2), L, 0), 0);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_enable(fx->ctx[1], fx->env.home->vm_fd(fx->vm[1])), 0);
	assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[1], L), 0);
	EXPECT_EXIT(fx, 0, SLICE, L);
	assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	/* At a portal that is not its own a VM's numbers are refused. */
	EXPECT_RETRY(fx, 0, 5, L);
	assert_int_equal(fx_enqcmd(fx, 1, 5, L, &w), FX_ACCEPTED);
	fx_landed(fx, 5, &w, 2);
	EXPECT_RETRY(fx, 1, SLICE, L);
}

/* ---- what leaves ---------------------------------------------------------------------------------------- */

static void a_vm_that_ends_closes_the_portals_first(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx, L), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	fx_vm_destroy(fx, 0);
	expect_portal(fx, SLICE, IOASID_PORTAL_CLOSED);
	expect_portal(fx, WHOLE, IOASID_PORTAL_OPEN);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_enable(ctx, -1));
	/* Entries are the context's: the next VM finds them. */
	assert_int_equal(cpu_flag(fx, L), IOASID_ROUTE_CPU);
	fx_vm(fx);
	EXPECT_RETRY(fx, 0, SLICE, L);
	assert_int_equal(enable(fx), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
}

static void a_context_that_ends_leaves_the_vm_running(void **state)
{
	struct fx *fx = *state;

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
	fx_close(fx, 0);
	/* The tables are gone, and nobody walks them. */
	EXPECT_RETRY(fx, 0, SLICE, L);
	EXPECT_RETRY(fx, 0, WHOLE, L);
	fx_dev_close(fx, WHOLE);
	fx_dev_close(fx, SLICE);
	/* The next context may have the VM. */
	fx_open(fx, 0);
	go_global(fx, 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, SLICE);
	fx_enable(fx, WHOLE, FX_SHARED);
	fx_enable(fx, SLICE, FX_SHARED);
	route(fx, fx_space_at(fx, 0, 2), L);
	assert_int_equal(enable(fx), 0);
	EXPECT_EXIT(fx, 0, SLICE, L);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 2);
	fx_shared_lands(fx, WHOLE, L, FX_IOVA, 2);
}

/* ---- portals ------------------------------------------------------------------------------------------------ */

static void expect_not_taken(struct fx *fx, unsigned int slot, uint32_t queue, uint32_t offset,
			     size_t len, enum conf_store how, uint32_t pasid)
{
	struct fx_work w = fx_work(FX_IOVA);
	uint8_t bytes[256] = { 0 };

	w.desc.pasid = pasid;
	memcpy(bytes, &w.desc, sizeof(w.desc));
	assert_int_equal(fx->env.home->wq_store(fx->hw[slot], queue, offset, bytes, len, how), 0);
	assert_int_equal(fx_reg(fx, slot, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_STORE);
	assert_int_equal(fx_set_reg(fx, slot, IOASID_WQ_REG_ERROR, 0), 0);
	assert_int_equal(fx_reg(fx, slot, COUNT(FX_SHARED)), 0);
	assert_int_equal(fx_reg(fx, slot, COUNT(FX_DEDICATED)), 0);
	fx_lost(fx, slot);
}

static void portals_take_stores_of_their_kind_only(void **state)
{
	struct fx *fx = *state;
	static const size_t lengths[] = { 1, 4, 8, 32, 63, 65, 128 };
	static const uint32_t offsets[] = { 1, 8, 32, 63, 65, 4096 };
	unsigned int i, slot;
	uint32_t g;

	set_up(fx);
	g = route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	for (slot = WHOLE; slot <= SLICE; slot += SLICE - WHOLE) {
		assert_int_equal(fx_program(fx, slot, L), 0);
		expect_not_taken(fx, slot, FX_SHARED, 0, 64, CONF_STORE_PLAIN, g);
		expect_not_taken(fx, slot, FX_SHARED, 0, 64, CONF_STORE_MOVDIR64B, g);
		expect_not_taken(fx, slot, FX_DEDICATED, 0, 64, CONF_STORE_PLAIN, 0);
		expect_not_taken(fx, slot, FX_DEDICATED, 0, 64, CONF_STORE_DMWR, 0);
		for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			expect_not_taken(fx, slot, FX_SHARED, 0, lengths[i], CONF_STORE_DMWR, g);
			expect_not_taken(fx, slot, FX_SHARED, 0, lengths[i], CONF_STORE_PLAIN, g);
			expect_not_taken(fx, slot, FX_DEDICATED, 0, lengths[i],
					 CONF_STORE_MOVDIR64B, 0);
		}
		for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
			expect_not_taken(fx, slot, FX_SHARED, offsets[i], 64, CONF_STORE_DMWR, g);
		fx_shared_lands(fx, slot, L, FX_IOVA, 1);
		fx_dedicated_lands(fx, slot, FX_IOVA, 1);
	}
}

static void a_full_or_closed_queue_says_retry(void **state)
{
	struct fx *fx = *state;
	struct fx_work w[3];
	unsigned int i;

	set_up(fx);
	fx_add(fx, 5,
	       FX_DEV(IOASID_CLASS_MDEV_DMWR, .parent = fx->hw[PARENT], .nr_dedicated = 1,
		      .nr_shared = 1, .queue_size = 2));
	fx_bind(fx, 5);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[5], fx_space_at(fx, 0, 1), L, 0), 0);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	/* Off. */
	EXPECT_RETRY(fx, 0, 5, L);
	assert_int_equal(fx_reg(fx, 5, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_CLOSED);
	fx_enable(fx, 5, FX_SHARED);
	for (i = 0; i < 3; i++) {
		w[i] = fx_work(FX_IOVA);
		assert_int_equal(fx_enqcmd(fx, 0, 5, L, &w[i]), i < 2 ? FX_ACCEPTED : FX_RETRY);
	}
	assert_int_equal(fx_reg(fx, 5, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_FULL);
	assert_int_equal(fx_reg(fx, 5, COUNT(FX_SHARED)), 2);
	/* In the order it came; the one that was refused did not come. */
	fx_landed(fx, 5, &w[0], 1);
	assert_int_equal(fx_enqcmd(fx, 0, 5, L, &w[2]), FX_ACCEPTED);
	fx_landed(fx, 5, &w[1], 1);
	fx_landed(fx, 5, &w[2], 1);
	/* What a portal took before it closed is done all the same. */
	w[0] = fx_work(FX_IOVA);
	assert_int_equal(fx_enqcmd(fx, 0, 5, L, &w[0]), FX_ACCEPTED);
	assert_int_equal(ioasid_cpu_pasid_disable(ctx_of(fx)), 0);
	fx_landed(fx, 5, &w[0], 1);
	EXPECT_RETRY(fx, 0, 5, L);
}

static void what_takes_no_deferrable_write_says_retry(void **state)
{
	struct fx *fx = *state;
	struct conf_enqcmd insn = { .cpl = 3 };
	struct fx_work w = fx_work(FX_IOVA);

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	insn.src = &w.desc;
	assert_int_equal(fx->env.home->wrmsr_pasid(fx->vcpu[0], L | 1ULL << 31), 0);
	/* A dedicated queue's portal is to ENQCMD what memory is. */
	assert_int_equal(fx->env.home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_DEDICATED, &insn),
			 CONF_ENQCMD_RETIRED);
	assert_true(insn.zf);
	fx_lost(fx, SLICE);
}

static void instructions_check_what_the_manual_says(void **state)
{
	struct fx *fx = *state;
	const struct conf_home *home = fx->env.home;
	struct fx_work w = fx_work(FX_IOVA);
	struct conf_enqcmd insn = { .cpl = 3, .src = &w.desc };
	unsigned int bit;

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	/* IA32_PASID: bits 19:0 and 31. */
	for (bit = 20; bit < 64; bit++) {
		if (bit != 31)
			assert_int_equal(home->wrmsr_pasid(fx->vcpu[0], 1ULL << bit), -EINVAL);
	}
	/* The checks of the guest's own come before translation: nothing exits. */
	assert_int_equal(home->wrmsr_pasid(fx->vcpu[0], L), 0);
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_GP);
	assert_int_equal(home->wrmsr_pasid(fx->vcpu[0], L | 1ULL << 31), 0);
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_EXIT);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	insn.offset = 32;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_GP);
	insn.offset = 0;
	w.desc.pasid = 1;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_GP);
}

static void privileged_instructions_name_the_number(void **state)
{
	struct fx *fx = *state;
	const struct conf_home *home = fx->env.home;
	struct fx_work w = fx_work(FX_IOVA);
	struct conf_enqcmd insn = { .supervisor = true, .cpl = 3, .src = &w.desc };

	set_up(fx);
	route(fx, fx_space_at(fx, 0, 1), L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	w.desc.pasid = (L + 1) | 1U << 31;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_GP);
	insn.cpl = 0;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_EXIT);
	assert_int_equal(insn.exit_reason, 73);
	assert_int_equal(insn.vpasid, L + 1);
	w.desc.pasid = L | 1U << 25;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_GP);
	w.desc.pasid = L;
	assert_int_equal(home->enqcmd(fx->vcpu[0], fx->hw[SLICE], FX_SHARED, &insn),
			 CONF_ENQCMD_RETIRED);
	assert_false(insn.zf);
	fx_landed(fx, SLICE, &w, 1);
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

/**
 * struct guest_cpu - a vCPU that submits as fast as it can
 * @epoch: while it is odd nothing may be accepted that is begun
 * @accepted, @exits, @retries: how its instructions ended; @wrong: accepted, and begun and ended in one
 *                              odd epoch
 */
struct guest_cpu {
	struct fx *fx;
	unsigned int cpu;
	uint32_t *epoch;
	bool *stop;
	uint64_t accepted, exits, retries, wrong;
};

static void *submit(void *arg)
{
	struct guest_cpu *c = arg;
	struct fx_work w = fx_work(FX_IOVA);
	struct conf_enqcmd insn = { .cpl = 3, .src = &w.desc };
	const struct conf_home *home = c->fx->env.home;

	w.desc.op = IOASID_WQ_NOP;
	w.desc.completion = 0;
	while (!__atomic_load_n(c->stop, __ATOMIC_ACQUIRE)) {
		uint32_t epoch = __atomic_load_n(c->epoch, __ATOMIC_SEQ_CST);
		enum conf_enqcmd_result r =
			home->enqcmd(c->fx->vcpu[c->cpu], c->fx->hw[SLICE], FX_SHARED, &insn);
		bool accepted = r == CONF_ENQCMD_RETIRED && !insn.zf;

		if (accepted && epoch & 1 && epoch == __atomic_load_n(c->epoch, __ATOMIC_SEQ_CST))
			c->wrong++;
		c->accepted += accepted;
		c->exits += r == CONF_ENQCMD_EXIT;
		c->retries += r == CONF_ENQCMD_RETIRED && insn.zf;
	}
	return NULL;
}

/* What no CPU may send any more, for a while. */
static void forbid(struct fx *fx, uint32_t *epoch)
{
	__atomic_add_fetch(epoch, 1, __ATOMIC_SEQ_CST);
	fx->env.home->wq_run(fx->hw[SLICE], 64);
	usleep(300);
	__atomic_add_fetch(epoch, 1, __ATOMIC_SEQ_CST);
}

/* One way to end what CPUs may send, and to begin it again. Return: 0, or an error. */
static int end_and_begin(struct fx *fx, unsigned int way, uint32_t a, uint32_t *epoch)
{
	struct ioasid *ctx = fx->ctx[0];
	int rc;

	if (way == 0)
		rc = ioasid_cpu_pasid_unmap(ctx, L);
	else if (way == 1)
		rc = ioasid_clear_hwid(ctx, a, L);
	else
		rc = ioasid_cpu_pasid_disable(ctx);
	if (rc)
		return rc;
	forbid(fx, epoch);
	if (way == 1)
		rc = ioasid_set_hwid(ctx, a, L);
	if (!rc)
		rc = way == 2 ? ioasid_cpu_pasid_enable(ctx, -1) : ioasid_cpu_pasid_map(ctx, L);
	usleep(200);
	fx->env.home->wq_run(fx->hw[SLICE], 64);
	return rc;
}

/**
 * struct crowd - CPUs that submit in threads, until they are called back
 * Nothing may fail the test while they run: they would outlive it.
 */
struct crowd {
	struct guest_cpu cpu[2];
	pthread_t thread[2];
	uint32_t epoch;
	bool stop;
};

static void crowd_start(struct fx *fx, struct crowd *c)
{
	unsigned int i;

	fx->vcpu[1] = fx->env.home->vcpu_create(fx->vm[0]);
	assert_non_null(fx->vcpu[1]);
	*c = (struct crowd){ .stop = false };
	for (i = 0; i < 2; i++) {
		assert_int_equal(fx->env.home->wrmsr_pasid(fx->vcpu[i], L | 1ULL << 31), 0);
		c->cpu[i] = (struct guest_cpu){
			.fx = fx,
			.cpu = i,
			.epoch = &c->epoch,
			.stop = &c->stop,
		};
	}
	for (i = 0; i < 2; i++)
		pthread_create(&c->thread[i], NULL, submit, &c->cpu[i]);
}

static void crowd_stop(struct crowd *c)
{
	unsigned int i;

	__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		pthread_join(c->thread[i], NULL);
	assert_int_equal(c->cpu[0].wrong + c->cpu[1].wrong, 0);
	assert_true(c->cpu[0].accepted + c->cpu[1].accepted > 0);
}

static void cpus_that_submit_meanwhile_send_nothing_that_ended(void **state)
{
	struct fx *fx = *state;
	struct crowd c;
	unsigned int i;
	uint32_t a;
	int rc = 0;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	route(fx, a, L);
	assert_int_equal(enable(fx), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(fx), L), 0);
	crowd_start(fx, &c);
	for (i = 0; i < 90 && !rc; i++)
		rc = end_and_begin(fx, i % 3, a, &c.epoch);
	crowd_stop(&c);
	assert_int_equal(rc, 0);
	assert_true(c.cpu[0].exits + c.cpu[1].exits > 0);
	assert_true(c.cpu[0].retries + c.cpu[1].retries > 0);
}

/* A context with the slice in it, whose CPUs may submit. Return: 0, or an error. */
static int begin_context(struct fx *fx)
{
	uint32_t a = 0;
	int rc = ioasid_open(fx->env.path, &fx->ctx[0]);

	rc = rc ?: ioasid_dev_open(fx->ctx[0], "dev4", &fx->dev[SLICE]);
	rc = rc ?: ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL);
	rc = rc ?: ioasid_hwid_set_global_min(fx->ctx[0], SPLIT);
	rc = rc ?: ioasid_dev_bind(fx->dev[SLICE], fx->ctx[0], FX_COOKIE(SLICE));
	rc = rc ?: ioasid_alloc_kernel(fx->ctx[0], &a);
	rc = rc ?: ioasid_dev_attach_pasid(fx->dev[SLICE], a, L, 0);
	rc = rc ?: fx_set_reg(fx, SLICE, CONTROL(FX_SHARED), IOASID_WQ_ENABLE);
	rc = rc ?: ioasid_cpu_pasid_map(fx->ctx[0], L);
	return rc ?: enable(fx);
}

static void contexts_end_while_cpus_submit(void **state)
{
	struct fx *fx = *state;
	struct crowd c;
	unsigned int i;
	int rc = 0;

	set_up(fx);
	fx_dev_close(fx, WHOLE);
	fx_dev_close(fx, SLICE);
	fx_close(fx, 0);
	crowd_start(fx, &c);
	for (i = 0; i < 30 && !rc; i++) {
		rc = begin_context(fx);
		usleep(300);
		/* The context's end, or the device's, at whatever the CPUs are. */
		if (i & 1)
			fx_dev_close(fx, SLICE);
		else
			fx_close(fx, 0);
		forbid(fx, &c.epoch);
		fx_dev_close(fx, SLICE);
		fx_close(fx, 0);
	}
	crowd_stop(&c);
	assert_int_equal(rc, 0);
	fx_open(fx, 0);
}

#define NARROW (NEEDS_8_BITS | NEEDS_SLICES)
static const struct conf_test tests[] = {
	CONF_TEST(user_spaces_word_switches_nothing_on, NARROW),
	CONF_TEST(a_vm_is_one_contexts_and_a_context_has_one_vm, NARROW),
	CONF_TEST(portals_are_open_where_mode_and_translation_agree, NARROW),
	CONF_TEST(an_attach_flag_moves_the_portal_along, NARROW),
	CONF_TEST(a_slice_that_is_nobodys_has_its_portal_closed, NARROW),
	CONF_TEST(a_reset_leaves_portals_as_they_should_be, NARROW),
	CONF_TEST(entries_are_of_routed_numbers_in_global_mode, NARROW),
	CONF_TEST(one_number_reaches_one_memory_by_three_ways, NARROW),
	CONF_TEST(a_hole_exits_and_is_never_sent_as_it_is, NARROW),
	CONF_TEST(without_translation_a_whole_function_takes_what_is_sent, NARROW),
	CONF_TEST(off_and_on_again_keeps_the_entries, NARROW),
	CONF_TEST(a_number_that_was_shown_is_mapped_to_itself, NARROW),
	CONF_TEST(after_unmap_no_cpu_sends_the_number, NARROW),
	CONF_TEST(a_number_that_ended_takes_its_entry_along, NARROW),
	CONF_TEST(a_vm_translates_by_its_own_contexts_table, NARROW),
	CONF_TEST(a_vm_that_ends_closes_the_portals_first, NARROW),
	CONF_TEST(a_context_that_ends_leaves_the_vm_running, NARROW),
	CONF_TEST(portals_take_stores_of_their_kind_only, NARROW),
	CONF_TEST(a_full_or_closed_queue_says_retry, NARROW),
	CONF_TEST(what_takes_no_deferrable_write_says_retry, NARROW),
	CONF_TEST(instructions_check_what_the_manual_says, NARROW),
	CONF_TEST(privileged_instructions_name_the_number, NARROW),
	CONF_TEST(cpus_that_submit_meanwhile_send_nothing_that_ended, NARROW),
	CONF_TEST(contexts_end_while_cpus_submit, NARROW),
};
CONF_SUITE(suite_cpu, "CPU", tests);
