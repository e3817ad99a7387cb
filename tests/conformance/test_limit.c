// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Limits on host-wide numbers: groups of the host, and the caller in one of them. */
#include "tests/conformance/fixture.h"

#define IOVA  0x10000000ULL
#define SPLIT 4096U
#define TOP   "/conf"
#define A     "/conf/a"
#define B     "/conf/b"

/* ---- groups ---------------------------------------------------------------------------------- */

static int limit_call(struct fx *fx, const char *group, uint32_t max, struct ioasid_limit *limit)
{
	const struct conf_home *home = fx->env.home;
	int rc;

	memset(limit, 0, sizeof(*limit));
	rc = home->group_name(&fx->env, group, limit);
	if (rc)
		return rc;
	limit->max = max;
	rc = max == IOASID_INVALID - 1 ? ioasid_limit_get(fx->ctx[0], limit) :
					 ioasid_limit_set(fx->ctx[0], limit);
	home->group_unname(limit);
	return rc;
}

static int set_max(struct fx *fx, const char *group, uint32_t max)
{
	struct ioasid_limit limit;

	return limit_call(fx, group, max, &limit);
}

static struct ioasid_limit get(struct fx *fx, const char *group)
{
	struct ioasid_limit limit;

	assert_int_equal(limit_call(fx, group, IOASID_INVALID - 1, &limit), 0);
	return limit;
}

static void expect(struct fx *fx, const char *group, uint32_t charge, uint32_t peak,
		   uint64_t events, uint64_t local)
{
	struct ioasid_limit limit = get(fx, group);

	assert_int_equal(limit.current_charge, charge);
	assert_int_equal(limit.peak, peak);
	assert_int_equal(limit.events, events);
	assert_int_equal(limit.events_local, local);
}

static void enter(struct fx *fx, const char *group)
{
	assert_int_equal(fx->env.home->group_enter(&fx->env, group), 0);
}

/* A device in global mode: each vPASID set on the space is a host-wide number. */
static uint32_t begin(struct fx *fx)
{
	uint32_t space = fx_kernel(fx);

	fx_group_make(fx, TOP);
	fx_group_make(fx, A);
	fx_group_make(fx, B);
	fx_map_page(fx, space, IOVA, 1);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx_bind(fx, 0), space, 0, 0), 0);
	return space;
}

static int take(struct fx *fx, const char *group, uint32_t space, uint32_t vpasid)
{
	int rc;

	enter(fx, group);
	rc = ioasid_set_hwid(fx->ctx[0], space, vpasid);
	enter(fx, NULL);
	return rc;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_sixth_of_five_is_refused(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx), n;
	struct ioasid_info info;

	assert_int_equal(get(fx, A).max, IOASID_INVALID);
	assert_int_equal(set_max(fx, A, 5), 0);
	assert_int_equal(get(fx, A).max, 5);
	for (n = 1; n <= 5; n++)
		assert_int_equal(take(fx, A, space, n), 0);
	enter(fx, A);
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(fx->ctx[0], space, 6));
	enter(fx, NULL);
	fx_dma_blocked(fx, 0, 6, IOVA, IOASID_REASON_NO_ROUTE);
	expect(fx, A, 5, 5, 1, 1);
	expect(fx, TOP, 5, 5, 1, 0);
	/* The context is told which group it was. */
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.refused_by, IOASID_REFUSED_LIMIT);
	assert_int_equal(info.refused_group, get(fx, A).id);
	assert_int_equal(info.ids_live, 5);
	/* Nobody limits those who are elsewhere. */
	assert_int_equal(take(fx, B, space, 6), 0);
	fx_dma_lands(fx, 0, 6, IOVA, 1);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 1), 0);
	assert_int_equal(take(fx, A, space, 7), 0);
	expect(fx, A, 5, 5, 1, 1);
}

static void a_parent_limits_its_children_together(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx);

	assert_int_equal(set_max(fx, TOP, 3), 0);
	assert_int_equal(set_max(fx, A, 5), 0);
	assert_int_equal(set_max(fx, B, 5), 0);
	assert_int_equal(take(fx, A, space, 1), 0);
	assert_int_equal(take(fx, A, space, 2), 0);
	assert_int_equal(take(fx, B, space, 3), 0);
	assert_int_equal(take(fx, A, space, 4), -EDQUOT);
	assert_int_equal(take(fx, B, space, 4), -EDQUOT);
	expect(fx, TOP, 3, 3, 2, 2);
	expect(fx, A, 2, 2, 0, 0);
	expect(fx, B, 1, 1, 0, 0);
}

static void charges_stay_where_they_were_taken(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx);

	assert_int_equal(take(fx, A, space, 1), 0);
	assert_int_equal(take(fx, A, space, 2), 0);
	/* Given back by somebody in another group. */
	enter(fx, B);
	assert_int_equal(get(fx, A).current_charge, 2);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 1), 0);
	assert_int_equal(get(fx, A).current_charge, 1);
	assert_int_equal(get(fx, B).current_charge, 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], space, 3), 0);
	assert_int_equal(get(fx, B).current_charge, 1);
	assert_int_equal(get(fx, TOP).current_charge, 2);
	enter(fx, NULL);
	/* And by closing. */
	fx_close(fx, 0);
	fx_open(fx, 0);
	assert_int_equal(get(fx, TOP).current_charge, 0);
}

static void a_lower_limit_takes_nothing_away(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx), n;

	for (n = 1; n <= 3; n++)
		assert_int_equal(take(fx, A, space, n), 0);
	assert_int_equal(set_max(fx, A, 2), 0);
	for (n = 1; n <= 3; n++)
		fx_dma_lands(fx, 0, n, IOVA, 1);
	assert_int_equal(take(fx, A, space, 4), -EDQUOT);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 1), 0);
	assert_int_equal(take(fx, A, space, 4), -EDQUOT);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 2), 0);
	assert_int_equal(take(fx, A, space, 4), 0);
	expect(fx, A, 2, 3, 2, 2);
	/* More than there is at all is a limit, too. */
	assert_int_equal(set_max(fx, A, 1U << 30), 0);
	assert_int_equal(take(fx, A, space, 5), 0);
	assert_int_equal(set_max(fx, A, 0), 0);
	assert_int_equal(take(fx, A, space, 6), -EDQUOT);
}

static void a_removed_group_is_charged_above(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx);

	assert_int_equal(set_max(fx, TOP, 2), 0);
	assert_int_equal(take(fx, A, space, 1), 0);
	assert_int_equal(take(fx, A, space, 2), 0);
	fx_group_remove(fx, A);
	assert_int_equal(set_max(fx, A, 5), -ENOENT);
	assert_int_equal(get(fx, TOP).current_charge, 2);
	assert_int_equal(take(fx, B, space, 3), -EDQUOT);
	/* Another one of that name begins at 0. */
	fx_group_make(fx, A);
	assert_int_equal(get(fx, A).current_charge, 0);
	assert_int_equal(take(fx, A, space, 3), -EDQUOT);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 1), 0);
	assert_int_equal(get(fx, TOP).current_charge, 1);
	assert_int_equal(take(fx, A, space, 3), 0);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], space, 2), 0);
	assert_int_equal(get(fx, TOP).current_charge, 1);
	assert_int_equal(get(fx, A).current_charge, 1);
}

static void what_the_quota_refuses_is_not_charged(void **state)
{
	struct fx *fx = *state;
	uint32_t space = begin(fx);

	assert_int_equal(ioasid_set_quota(fx->ctx[0], 1, false), 0);
	assert_int_equal(take(fx, A, space, 1), 0);
	assert_int_equal(take(fx, A, space, 2), -EDQUOT);
	expect(fx, A, 1, 1, 0, 0);
	expect(fx, TOP, 1, 1, 0, 0);
	/* Once per vPASID, for all devices; and once if it is set again. */
	assert_int_equal(take(fx, B, space, 1), 0);
	expect(fx, A, 1, 1, 0, 0);
	expect(fx, B, 0, 0, 0, 0);
}

static void the_root_has_no_limit(void **state)
{
	struct fx *fx = *state;

	fx_group_make(fx, TOP);
	EXPECT_REFUSED(fx, -EINVAL, set_max(fx, "/", 5));
	assert_int_equal(get(fx, "/").max, IOASID_INVALID);
	EXPECT_REFUSED(fx, -ENOENT, set_max(fx, "/nobody", 5));
}

static const struct conf_test tests[] = {
	CONF_TEST(the_sixth_of_five_is_refused, NEEDS_DEFAULTS),
	CONF_TEST(a_parent_limits_its_children_together, NEEDS_DEFAULTS),
	CONF_TEST(charges_stay_where_they_were_taken, NEEDS_DEFAULTS),
	CONF_TEST(a_lower_limit_takes_nothing_away, NEEDS_DEFAULTS),
	CONF_TEST(a_removed_group_is_charged_above, NEEDS_DEFAULTS),
	CONF_TEST(what_the_quota_refuses_is_not_charged, NEEDS_DEFAULTS),
	CONF_TEST(the_root_has_no_limit, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_limit, "limits", tests);
