// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What contexts, spaces and devices tell about themselves. */
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA 0x10000000ULL

static void get_info_counts_what_is_there(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_gpa_space(fx), b = fx_kernel(fx);
	struct ioasid_info info;

	fx_bind(fx, 1);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 1, 0), 0);
	assert_int_equal(ioasid_set_hwid(ctx, b, 2), 0);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), 0);
	assert_int_equal(info.nr_ioasids, 2);
	assert_int_equal(info.nr_devices, 2);
	assert_int_equal(info.nr_routes, 3);
	assert_int_equal(info.nr_faults, 0);
	assert_int_equal(info.pinned_bytes, fx->g.size);
	assert_int_equal(info.quota, IOASID_INVALID);
	assert_int_equal(info.ids_live, 0);
	assert_int_equal(info.promised_bits, IOASID_INVALID);
	assert_true(info.no_migration != 0);
}

static void an_address_space_describes_itself(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, FX_GPA);
	struct ioasid_ioas_info info = { 0 };

	assert_int_equal(ioasid_ioas_get_info(ctx, gpa, &info), 0);
	assert_int_equal(info.kind, IOASID_KIND_KERNEL);
	assert_int_equal(info.parent, IOASID_INVALID);
	assert_int_equal(info.nr_children, 1);
	assert_int_equal(info.nr_maps, 1);
	assert_int_equal(info.mapped_bytes, fx->g.size);
	assert_int_equal(info.nr_routes, 0);
	assert_true(info.page_sizes & PAGE);
	assert_true(info.nr_ranges >= 1);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, gpa, 3, 0), 0);
	memset(&info, 0, sizeof(info));
	assert_int_equal(ioasid_ioas_get_info(ctx, gpa, &info), 0);
	assert_int_equal(info.nr_routes, 2);
	memset(&info, 0, sizeof(info));
	assert_int_equal(ioasid_ioas_get_info(ctx, user, &info), 0);
	assert_int_equal(info.kind, IOASID_KIND_USER_TABLE);
	assert_int_equal(info.parent, gpa);
	assert_int_equal(info.format, IOASID_FORMAT_VTD_FS);
	assert_int_equal(info.nr_maps, 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_ioas_get_info(ctx, 4711, &info));
}

static void ranges_do_not_overlap_and_fit_the_room(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct ioasid_range ranges[16];
	struct ioasid_device_info info = { .ranges = (uintptr_t)ranges, .nr_ranges = 16 };
	unsigned int i, j, n;

	assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
	n = info.nr_ranges;
	assert_in_range(n, 1, 16);
	for (i = 0; i < n; i++) {
		assert_true(ranges[i].start <= ranges[i].last);
		assert_in_range(ranges[i].type, IOASID_RANGE_USABLE, IOASID_RANGE_MSI);
		assert_int_equal(ranges[i].__reserved, 0);
		for (j = 0; j < i; j++)
			assert_true(ranges[i].start > ranges[j].last ||
				    ranges[i].last < ranges[j].start);
	}
	/* Less room: what fits is written, the number there are is told. */
	memset(ranges, 0xaa, sizeof(ranges));
	info.ranges = (uintptr_t)ranges;
	info.nr_ranges = 1;
	assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
	assert_int_equal(info.nr_ranges, n);
	assert_int_equal(ranges[1].start, 0xaaaaaaaaaaaaaaaaULL);
	info.ranges = 0;
	info.nr_ranges = 16;
	assert_int_equal(ioasid_dev_get_info(dev, &info), 0);
	assert_int_equal(info.nr_ranges, n);
	info.ranges = 16;
	info.nr_ranges = 16;
	EXPECT_REFUSED(fx, -EFAULT, ioasid_dev_get_info(dev, &info));
}

static void a_device_describes_itself_before_and_after_bind(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_handle(fx, 0);
	struct ioasid_device_info d = { 0 }, c = { 0 };
	uint32_t a = fx_kernel(fx);

	assert_int_equal(ioasid_dev_get_info(dev, &d), 0);
	assert_int_equal(d.cookie, 0);
	assert_int_equal(d.dev_class, IOASID_CLASS_PDEV_PASID);
	assert_int_equal(d.pasid_width, 20);
	assert_int_equal(d.mode, IOASID_MODE_LOCAL);
	assert_int_equal(d.default_ioasid, IOASID_INVALID);
	assert_int_equal(d.portal, IOASID_PORTAL_NONE);
	assert_true(d.caps & IOASID_DEV_PASID);
	assert_true(d.caps & IOASID_DEV_ATS);
	assert_true(d.caps & IOASID_DEV_PRI);
	assert_true(d.caps & IOASID_DEV_BLOCKED);
	assert_int_equal(!!(d.caps & IOASID_DEV_NESTING), !fx->machine->no_nesting);
	assert_int_equal(!!(d.caps & IOASID_DEV_SNOOP), !fx->machine->no_snoop);
	assert_int_equal(d.caps & (IOASID_DEV_DELEGATED | IOASID_DEV_CPU | IOASID_DEV_FENCED), 0);
	assert_true(d.page_sizes & PAGE);
	assert_int_equal(ioasid_dev_bind(dev, fx->ctx[0], 0xabcdef), 0);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, a, 3, 0), 0);
	memset(&d, 0, sizeof(d));
	assert_int_equal(ioasid_dev_get_info(dev, &d), 0);
	assert_int_equal(ioasid_device_get_info(fx->ctx[0], 0xabcdef, &c), 0);
	assert_int_equal(d.cookie, 0xabcdef);
	assert_int_equal(d.default_ioasid, a);
	assert_int_equal(d.nr_pasid_routes, 1);
	assert_int_equal(d.caps & IOASID_DEV_BLOCKED, 0);
	assert_memory_equal(&d, &c, sizeof(d));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_device_get_info(fx->ctx[0], 0xabcdee, &c));
}

/* ---- QUERY ------------------------------------------------------------------------------------- */

/* Counts what QUERY gives when asked for @room entries at a time. */
static unsigned int walk(struct fx *fx, enum ioasid_query_type type, uint32_t ioasid,
			 unsigned int room)
{
	char buffer[4096];
	uint64_t cursor = 0;
	unsigned int total = 0, calls = 0;
	int n;

	do {
		n = ioasid_query(fx->ctx[0], type, ioasid, &cursor, buffer, room);
		assert_in_range(n, 0, room);
		total += (unsigned int)n;
		assert_true(++calls < 1000);
	} while (cursor != ~0ULL);
	/* From the end there is nothing more. */
	assert_int_equal(ioasid_query(fx->ctx[0], type, ioasid, &cursor, buffer, room), 0);
	return total;
}

static void query_pages_through_all_objects(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	uint32_t spaces[5], i;
	unsigned int room;

	for (i = 0; i < 5; i++) {
		spaces[i] = fx_kernel(fx);
		assert_int_equal(ioasid_dev_attach_pasid(d0, spaces[i], 0, 0), 0);
		assert_int_equal(ioasid_set_hwid(ctx, spaces[i], 10 + i), 0);
		assert_int_equal(ioasid_set_hwid(ctx, spaces[i], 0xf0000 + i), 0);
	}
	for (i = 0; i < 9; i++)
		fx_map_page(fx, spaces[0], IOVA * (i + 1), i);
	assert_int_equal(ioasid_dev_attach(d1, spaces[1], 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, spaces[1], 7, 0), 0);
	for (room = 1; room < 12; room++) {
		assert_int_equal(walk(fx, IOASID_QUERY_IOAS, 0, room), 5);
		assert_int_equal(walk(fx, IOASID_QUERY_DEVICE, 0, room), 2);
		assert_int_equal(walk(fx, IOASID_QUERY_ROUTE, 0, room), 12);
		assert_int_equal(walk(fx, IOASID_QUERY_MAP, spaces[0], room), 9);
		assert_int_equal(walk(fx, IOASID_QUERY_MAP, spaces[1], room), 0);
	}
}

static void query_tells_what_was_done(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0);
	struct ioasid_query_ioas spaces[4];
	struct ioasid_query_device devices[2];
	struct ioasid_query_route routes[4];
	struct ioasid_query_map maps[2];
	uint64_t cursor = 0;

	if (!fx->machine->no_nesting)
		assert_int_equal(ioasid_dev_attach_pasid(dev, user, 5, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_IOAS, 0, &cursor, spaces, 4), 2);
	assert_true(cursor == ~0ULL);
	assert_int_equal(spaces[0].ioasid, gpa);
	assert_int_equal(spaces[0].kind, IOASID_KIND_KERNEL);
	assert_int_equal(spaces[0].parent, IOASID_INVALID);
	assert_int_equal(spaces[0].nr_routes, 1);
	assert_int_equal(spaces[1].ioasid, user);
	assert_int_equal(spaces[1].parent, gpa);
	cursor = 0;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_DEVICE, 0, &cursor, devices, 2), 1);
	assert_int_equal(devices[0].cookie, FX_COOKIE(0));
	assert_int_equal(devices[0].default_ioasid, gpa);
	assert_int_equal(devices[0].dev_class, IOASID_CLASS_PDEV_PASID);
	cursor = 0;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_MAP, gpa, &cursor, maps, 2), 1);
	assert_int_equal(maps[0].iova, FX_GPA);
	assert_int_equal(maps[0].last, FX_GPA + fx->g.size - 1);
	assert_int_equal(maps[0].vaddr, (uintptr_t)fx->g.ram);
	assert_int_equal(maps[0].flags, FX_RW);
	if (fx->machine->no_nesting)
		return;
	cursor = 0;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_ROUTE, 0, &cursor, routes, 4), 2);
	assert_int_equal(routes[0].flags, 0);
	assert_int_equal(routes[0].ioasid, gpa);
	assert_int_equal(routes[1].flags, IOASID_ROUTE_PASID);
	assert_int_equal(routes[1].ioasid, user);
	assert_int_equal(routes[1].vpasid, 5);
}

static void malformed_queries_are_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0);
	char buffer[256];
	uint64_t cursor = 0;

	EXPECT_REFUSED(fx, -EINVAL, ioasid_query(ctx, 0, 0, &cursor, buffer, 1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_query(ctx, 5, 0, &cursor, buffer, 1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_query(ctx, IOASID_QUERY_IOAS, gpa, &cursor, buffer, 1));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_query(ctx, IOASID_QUERY_MAP, 4711, &cursor, buffer, 1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_query(ctx, IOASID_QUERY_MAP, user, &cursor, buffer, 1));
	EXPECT_REFUSED(fx, -EFAULT,
		       ioasid_query(ctx, IOASID_QUERY_IOAS, 0, &cursor, (void *)16, 1));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_query(ctx, IOASID_QUERY_IOAS, 0, &cursor, buffer, 0));
	/* Any cursor is safe. */
	cursor = 0x123456789abcdefULL;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_IOAS, 0, &cursor, buffer, 1), 0);
	cursor = 0x123456789abcdefULL;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_ROUTE, 0, &cursor, buffer, 1), 0);
	cursor = 0x123456789abcdefULL;
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_MAP, gpa, &cursor, buffer, 1), 0);
}

static void names_for_people(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i <= IOASID_REASON_DEVICE; i++)
		assert_string_not_equal(ioasid_strreason(i), "unknown");
	for (i = 0; i <= IOASID_REFUSAL_OS; i++)
		assert_string_not_equal(ioasid_strrefusal(i), "unknown");
	for (i = 1; i <= IOASID_CLASS_MDEV_DMWR; i++)
		assert_string_not_equal(ioasid_strclass(i), "unknown");
	assert_string_equal(ioasid_strreason(1000), "unknown");
	assert_string_equal(ioasid_strrefusal(1000), "unknown");
	assert_string_equal(ioasid_strclass(0), "unknown");
	assert_string_equal(ioasid_strclass(0xffffffff), "unknown");
}

static const struct conf_test tests[] = {
	CONF_TEST(get_info_counts_what_is_there, 0),
	CONF_TEST(an_address_space_describes_itself, NEEDS_DEFAULTS),
	CONF_TEST(ranges_do_not_overlap_and_fit_the_room, 0),
	CONF_TEST(a_device_describes_itself_before_and_after_bind, 0),
	CONF_TEST(query_pages_through_all_objects, NEEDS_DEFAULTS),
	CONF_TEST(query_tells_what_was_done, 0),
	CONF_TEST(malformed_queries_are_refused, NEEDS_DEFAULTS),
	CONF_TEST(names_for_people, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_info, "information", tests);
