// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kinds of address spaces: which may be made, freed, attached; handles; snooping; sharing. */
#include <sys/mman.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA 0x10000000ULL

static int alloc(struct fx *fx, uint32_t kind, uint32_t parent)
{
	struct ioasid_alloc args = { .kind = kind, .parent = parent };
	uint32_t ioasid;

	return ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid);
}

static uint32_t made(struct fx *fx, uint32_t kind, uint32_t parent)
{
	struct ioasid_alloc args = { .kind = kind, .parent = parent };
	uint32_t ioasid = IOASID_INVALID;

	assert_int_equal(ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid), 0);
	return ioasid;
}

static void unknown_kinds_are_EINVAL(void **state)
{
	struct fx *fx = *state;

	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, 0, IOASID_INVALID));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, 6, IOASID_INVALID));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, 0xffffffff, IOASID_INVALID));
}

static void roots_and_children_are_what_their_kind_allows(void **state)
{
	struct fx *fx = *state;
	uint32_t root = fx_kernel(fx);
	uint32_t acct = made(fx, IOASID_KIND_ACCOUNTING, IOASID_INVALID);

	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_TABLE, IOASID_INVALID));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_PASID_TABLE, IOASID_INVALID));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_ACCOUNTING, root));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_SHARED, root));
	/* Devices cannot reach through an accounting root, so nothing a device walks nests on it. */
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_TABLE, acct));
	EXPECT_REFUSED(fx, -ENOENT, alloc(fx, IOASID_KIND_KERNEL, 4711));
	EXPECT_REFUSED(fx, -ENOENT, alloc(fx, IOASID_KIND_USER_TABLE, 4711));
}

static void depth_is_a_root_plus_one_over_an_accounting_root_at_most(void **state)
{
	struct fx *fx = *state;
	uint32_t acct = made(fx, IOASID_KIND_ACCOUNTING, IOASID_INVALID);
	uint32_t gpa = made(fx, IOASID_KIND_KERNEL, acct), child, user;

	child = made(fx, IOASID_KIND_KERNEL, gpa);
	user = made(fx, IOASID_KIND_USER_TABLE, gpa);
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_KERNEL, child));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_TABLE, child));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_KERNEL, user));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_TABLE, user));
}

static void a_shared_space_is_never_a_parent(void **state)
{
	struct fx *fx = *state;
	uint32_t shared = made(fx, IOASID_KIND_SHARED, IOASID_INVALID);

	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_KERNEL, shared));
	EXPECT_REFUSED(fx, -EINVAL, alloc(fx, IOASID_KIND_USER_TABLE, shared));
}

static void no_nesting_across_contexts(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	uint32_t foreign = 0, child;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(ioasid_alloc_kernel(other, &foreign), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_alloc_child(fx->ctx[0], foreign, &child));
}

static void free_of_a_parent_with_children_is_EBUSY(void **state)
{
	struct fx *fx = *state;
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0), child = fx_child(fx, gpa);

	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], gpa));
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], user), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], gpa));
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], child), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], gpa), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_ioas_free(fx->ctx[0], gpa));
}

static void free_of_a_space_with_routes_is_EBUSY(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_kernel(fx), b = fx_kernel(fx);

	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], a));
	assert_int_equal(ioasid_dev_detach(dev, a), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], a), 0);

	/* Attached without a number counts as well: SET_HWID would find nothing to act on. */
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 0, 0), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], b));
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, 5), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], b));
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], b, 5), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_ioas_free(fx->ctx[0], b));
	assert_int_equal(ioasid_dev_detach_pasid(dev, b), 0);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], b), 0);
}

static void handles_are_given_out_cyclically(void **state)
{
	struct fx *fx = *state;
	uint32_t first = fx_kernel(fx), next;
	int i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(ioasid_ioas_free(fx->ctx[0], first), 0);
		next = fx_kernel(fx);
		assert_true(next != first);
		assert_true(next != IOASID_INVALID);
		first = next;
	}
}

static void a_handle_can_be_asked_for_once(void **state)
{
	struct fx *fx = *state;
	struct ioasid_alloc args = {
		.flags = IOASID_ALLOC_HANDLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.ioasid = 777,
	};
	uint32_t ioasid;

	assert_int_equal(ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid), 0);
	assert_int_equal(ioasid, 777);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid));
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], 777), 0);
	assert_int_equal(ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid), 0);
	args.ioasid = IOASID_INVALID;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid));
}

static void an_accounting_root_is_not_attached(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t acct = made(fx, IOASID_KIND_ACCOUNTING, IOASID_INVALID);

	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach(dev, acct, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_KIND);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach_pasid(dev, acct, 3, 0));
}

static void a_pasid_table_is_EOPNOTSUPP_while_the_extension_is_absent(void **state)
{
	struct fx *fx = *state;
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0);

	if (ioasid_check_extension(fx->ctx[0], IOASID_EXT_USER_PASID_TABLE))
		fx_cannot("the extension is there");
	EXPECT_REFUSED(fx, -EOPNOTSUPP, alloc(fx, IOASID_KIND_USER_PASID_TABLE, gpa));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_pasid_table(fx->ctx[0], user, NULL));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_set_pasid_table(fx->ctx[0], 4711, NULL));
}

static void malformed_tables_are_refused(void **state)
{
	struct fx *fx = *state;
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0), ioasid;
	const struct ioasid_table good = fx_table(FX_GPA);
	struct ioasid_table t;

#define BAD(rc, change)                                                                        \
	do {                                                                                   \
		t = good;                                                                      \
		change;                                                                        \
		EXPECT_REFUSED(fx, rc, ioasid_bind_pgtable(fx->ctx[0], user, &t));             \
		EXPECT_REFUSED(fx, rc, ioasid_alloc_user_table(fx->ctx[0], gpa, &t, &ioasid)); \
	} while (0)
	BAD(-EINVAL, t.format = IOASID_FORMAT_NONE);
	BAD(-EOPNOTSUPP, t.format = IOASID_FORMAT_SMMUV3_S1);
	BAD(-EOPNOTSUPP, t.format = 99);
	BAD(-EINVAL, t.levels = 0);
	BAD(-EINVAL, t.levels = 3);
	BAD(-EINVAL, t.levels = 6);
	BAD(-EINVAL, t.address |= 8);
	BAD(-EINVAL, t.address = 1ULL << 63);
	BAD(-EINVAL, t.pasid_bits = 1);
	BAD(-EINVAL, t.config[0] = 1);
	BAD(-EINVAL, t.config[1] = 1);
	BAD(-EOPNOTSUPP, t.flags = IOASID_TABLE_SUBSTREAM0);
	BAD(-EOPNOTSUPP, t.flags = 1U << 31);
#undef BAD
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], user, &good), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_bind_pgtable(fx->ctx[0], gpa, &good));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_bind_pgtable(fx->ctx[0], 4711, &good));
}

static void a_table_is_only_for_user_tables_and_only_with_its_flag(void **state)
{
	struct fx *fx = *state;
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0), ioasid;
	struct ioasid_alloc args = {
		.flags = IOASID_ALLOC_TABLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.table = fx_table(FX_GPA),
	};
	struct ioasid_bind_pgtable none = {
		.argsz = sizeof(none),
		.flags = IOASID_BIND_NONE,
		.ioasid = user,
		.table = fx_table(FX_GPA),
	};

	EXPECT_REFUSED(fx, -EINVAL, ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid));
	args.kind = IOASID_KIND_USER_TABLE;
	args.parent = gpa;
	args.flags = 0;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(fx->ctx[0], IOASID_BIND_PGTABLE, &none));
}

static void user_tables_need_an_iommu_that_nests(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, FX_GPA + FX_DATA * PAGE);

	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, user, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_NO_NESTING);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(dev, user, 4, 0));
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, user, 0));
	fx_dma_lands(fx, 0, CONF_RID, FX_GPA, 0);
}

static uint32_t snooping(struct fx *fx, uint32_t snoop, uint32_t parent)
{
	struct ioasid_alloc args = { .kind = IOASID_KIND_KERNEL, .parent = parent, .snoop = snoop };
	uint32_t ioasid = IOASID_INVALID;

	assert_int_equal(ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid), 0);
	return ioasid;
}

static uint32_t non_coherent(struct fx *fx, uint32_t ioasid)
{
	struct ioasid_ioas_info info = { 0 };

	assert_int_equal(ioasid_ioas_get_info(fx->ctx[0], ioasid, &info), 0);
	return info.non_coherent;
}

static void enforced_snooping_is_refused_where_the_iommu_cannot(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t enforce = snooping(fx, IOASID_SNOOP_ENFORCE, IOASID_INVALID);
	uint32_t automatic = snooping(fx, IOASID_SNOOP_AUTO, IOASID_INVALID);
	uint32_t inherited = snooping(fx, IOASID_SNOOP_AUTO, enforce);

	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, enforce, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_SNOOP);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, inherited, 0));
	assert_int_equal(ioasid_dev_attach(dev, automatic, 0), 0);
	assert_int_equal(non_coherent(fx, automatic), 1);
}

static void automatic_snooping_is_enforced_where_the_iommu_can(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0), *dev1 = fx_bind(fx, 1);
	uint32_t enforce = snooping(fx, IOASID_SNOOP_ENFORCE, IOASID_INVALID);
	uint32_t automatic = snooping(fx, IOASID_SNOOP_AUTO, IOASID_INVALID);
	uint32_t allow = snooping(fx, IOASID_SNOOP_ALLOW, IOASID_INVALID);
	struct ioasid_info info;

	assert_int_equal(ioasid_dev_attach(dev, enforce, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, automatic, 1, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev1, allow, 0), 0);
	assert_int_equal(non_coherent(fx, enforce), 0);
	assert_int_equal(non_coherent(fx, automatic), 0);
	assert_int_equal(non_coherent(fx, allow), 1);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.non_coherent, 1);
}

static void unknown_snoop_modes_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid_alloc args = {
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.snoop = 3,
	};
	uint32_t ioasid;

	EXPECT_REFUSED(fx, -EINVAL, ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid));
}

static void a_shared_space_is_the_callers_memory(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t shared = made(fx, IOASID_KIND_SHARED, IOASID_INVALID);
	uint8_t *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(ioasid_dev_attach_pasid(dev, shared, 9, 0), 0);
	fx_dma_lands(fx, 0, 9, (uintptr_t)fx->g.ram, 0);
	fx_dma_lands(fx, 0, 9, (uintptr_t)fx->g.ram + 5 * PAGE, 5);
	/* What the process may not do, the device may not do; and nobody dies of it. */
	fx_dma_blocked(fx, 0, 9, 0, -1);
	fx_dma_blocked(fx, 0, 9, ~0ULL - 7, -1);
	munmap(p + PAGE, PAGE);
	fx_dma_blocked(fx, 0, 9, (uintptr_t)p + PAGE, -1);
	munmap(p, PAGE);
	assert_int_equal(ioasid_dev_detach_pasid(dev, shared), 0);
	fx_dma_blocked(fx, 0, 9, (uintptr_t)fx->g.ram, IOASID_REASON_NO_ROUTE);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], shared, IOVA, (uintptr_t)fx->g.ram, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_invalidate(fx->ctx[0], shared));
}

static void what_check_extension_promises_is_there(void **state)
{
	struct fx *fx = *state;
	static const uint32_t must[] = {
		IOASID_EXT_KERNEL_TABLE,    IOASID_EXT_USER_TABLE,
		IOASID_EXT_ACCOUNTING_ROOT, IOASID_EXT_SOFTWARE_NESTING,
		IOASID_EXT_PASID_LOCAL,	    IOASID_EXT_PAGE_REQUEST,
		IOASID_EXT_QUERY,
	};
	unsigned int i;

	for (i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		assert_true(ioasid_check_extension(fx->ctx[0], must[i]) > 0);
	assert_int_equal(ioasid_check_extension(fx->ctx[0], 12345), 0);
	assert_int_equal(ioasid_check_extension(fx->ctx[0], 0xffffffffU), 0);
}

static const struct conf_test tests[] = {
	CONF_TEST(unknown_kinds_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(roots_and_children_are_what_their_kind_allows, NEEDS_DEFAULTS),
	CONF_TEST(depth_is_a_root_plus_one_over_an_accounting_root_at_most, NEEDS_DEFAULTS),
	CONF_TEST(a_shared_space_is_never_a_parent, NEEDS_DEFAULTS),
	CONF_TEST(no_nesting_across_contexts, NEEDS_DEFAULTS),
	CONF_TEST(free_of_a_parent_with_children_is_EBUSY, NEEDS_DEFAULTS),
	CONF_TEST(free_of_a_space_with_routes_is_EBUSY, 0),
	CONF_TEST(handles_are_given_out_cyclically, NEEDS_DEFAULTS),
	CONF_TEST(a_handle_can_be_asked_for_once, NEEDS_DEFAULTS),
	CONF_TEST(an_accounting_root_is_not_attached, NEEDS_DEFAULTS),
	CONF_TEST(a_pasid_table_is_EOPNOTSUPP_while_the_extension_is_absent, NEEDS_DEFAULTS),
	CONF_TEST(malformed_tables_are_refused, NEEDS_DEFAULTS),
	CONF_TEST(a_table_is_only_for_user_tables_and_only_with_its_flag, NEEDS_DEFAULTS),
	CONF_TEST(user_tables_need_an_iommu_that_nests, NEEDS_NO_NESTING),
	CONF_TEST(enforced_snooping_is_refused_where_the_iommu_cannot, NEEDS_NO_SNOOP),
	CONF_TEST(automatic_snooping_is_enforced_where_the_iommu_can, NEEDS_SNOOP),
	CONF_TEST(unknown_snoop_modes_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(a_shared_space_is_the_callers_memory, NEEDS_NESTING),
	CONF_TEST(what_check_extension_promises_is_there, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_kinds, "kinds", tests);
