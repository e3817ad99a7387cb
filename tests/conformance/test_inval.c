// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * INVALIDATE_CACHE, and the promise that it shares with UNMAP, DETACH, CLEAR_HWID and BIND: on
 * return no access through the old translation is still to land.
 */
#include <pthread.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define VA   0x7f0012345000ULL

struct nested {
	uint32_t gpa, user;
	uint64_t root;
};

/* VA leads to data page 1 for device 0 by the numbers 17 and 18, for device 1 by 17. */
static struct nested nested_everywhere(struct fx *fx)
{
	struct ioasid_dev *d0 = fx_bind(fx, 0), *d1 = fx_bind(fx, 1);
	struct nested n;

	n.gpa = fx_gpa_space(fx);
	n.root = guest_table_new(&fx->g);
	n.user = fx_user(fx, n.gpa, n.root);
	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 1), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_dev_attach_pasid(d0, n.user, 17, 0), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], n.user, 18), 0);
	assert_int_equal(ioasid_dev_attach_pasid(d1, n.user, 17, 0), 0);
	return n;
}

static void lands_everywhere(struct fx *fx, uint64_t va, size_t page)
{
	fx_dma_lands(fx, 0, 17, va, page);
	fx_dma_lands(fx, 0, 18, va, page);
	fx_dma_lands(fx, 1, 17, va, page);
}

static void point_at(struct fx *fx, struct nested *n, size_t page)
{
	guest_map(&fx->g, n->root, 4, VA, guest_data_gpa(&fx->g, page), PTE_U | PTE_W, 1);
}

static void every_granularity_forgets_what_it_names(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	const struct ioasid_invalidate ways[] = {
		{ .granularity = IOASID_INV_ALL },
		{ .granularity = IOASID_INV_PASID, .vpasid = 17 },
		{ .granularity = IOASID_INV_PASID, .vpasid = 18 },
		{ .granularity = IOASID_INV_RANGE, .iova = VA, .length = PAGE },
		{ .granularity = IOASID_INV_RANGE,
		  .iova = VA,
		  .length = PAGE,
		  .flags = IOASID_INV_LEAF },
		{ .granularity = IOASID_INV_RANGE, .iova = VA + 100, .length = 1 },
		{ .granularity = IOASID_INV_RANGE, .iova = VA - 1, .length = 2 },
		{ .granularity = IOASID_INV_RANGE, .iova = 0, .length = ~0ULL },
		{ .granularity = IOASID_INV_RANGE, .iova = VA, .length = -VA },
	};
	struct ioasid_invalidate args;
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		lands_everywhere(fx, VA, 1 + i);
		point_at(fx, &n, 2 + i);
		args = ways[i];
		args.ioasid = n.user;
		assert_int_equal(ioasid_invalidate_args(fx->ctx[0], &args), 0);
		/* PASID names one number of one table; others of the same table may keep theirs. */
		if (ways[i].granularity == IOASID_INV_PASID)
			assert_int_equal(ioasid_invalidate(fx->ctx[0], n.user), 0);
		lands_everywhere(fx, VA, 2 + i);
	}
}

static void naming_a_device_is_enough_for_that_device(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	struct ioasid_invalidate args = {
		.flags = IOASID_INV_DEVICE,
		.ioasid = n.user,
		.granularity = IOASID_INV_ALL,
		.cookie = FX_COOKIE(0),
	};

	lands_everywhere(fx, VA, 1);
	point_at(fx, &n, 2);
	assert_int_equal(ioasid_invalidate_args(fx->ctx[0], &args), 0);
	fx_dma_lands(fx, 0, 17, VA, 2);
	fx_dma_lands(fx, 0, 18, VA, 2);
	args.cookie = FX_COOKIE(1);
	assert_int_equal(ioasid_invalidate_args(fx->ctx[0], &args), 0);
	lands_everywhere(fx, VA, 2);
}

static void upper_levels_are_forgotten_unless_only_leaves_changed(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	uint64_t other = guest_table_new(&fx->g), *pde;

	lands_everywhere(fx, VA, 1);
	/* Another last-level table in the same place. */
	((uint64_t *)(void *)(fx->g.ram + (other - FX_GPA)))[VA >> 12 & 511] =
		guest_data_gpa(&fx->g, 2) | PTE_P | PTE_U | PTE_W;
	pde = guest_pte(&fx->g, n.root, 4, VA, 2);
	*pde = other | PTE_P | PTE_U | PTE_W;
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], n.user, VA, PAGE, false), 0);
	lands_everywhere(fx, VA, 2);
	*pde = 0;
	assert_int_equal(ioasid_invalidate(fx->ctx[0], n.user), 0);
	fx_dma_blocked(fx, 0, 17, VA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 1, 17, VA, IOASID_REASON_NOT_PRESENT);
}

static void the_default_route_is_reached_too(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);

	assert_int_equal(ioasid_dev_attach(fx->dev[0], n.user, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, VA, 1);
	point_at(fx, &n, 2);
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], n.user, VA, PAGE, true), 0);
	fx_dma_lands(fx, 0, CONF_RID, VA, 2);
	lands_everywhere(fx, VA, 2);
}

static void lowered_permissions_are_seen_after_the_invalidation(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);

	lands_everywhere(fx, VA, 1);
	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 1), PTE_U, 1);
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], n.user, VA, PAGE, true), 0);
	fx_dma_reads(fx, 0, 17, VA, 1);
	fx_dma_reads(fx, 1, 17, VA, 1);
}

static void not_present_to_present_needs_no_invalidation(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);

	fx_dma_blocked(fx, 0, 17, VA + PAGE, IOASID_REASON_NOT_PRESENT);
	guest_map(&fx->g, n.root, 4, VA + PAGE, guest_data_gpa(&fx->g, 3), PTE_U, 1);
	fx_dma_reads(fx, 0, 17, VA + PAGE, 3);
	/* x86 raises permissions without a flush. */
	guest_map(&fx->g, n.root, 4, VA + PAGE, guest_data_gpa(&fx->g, 3), PTE_U | PTE_W, 1);
	fx_dma_lands(fx, 0, 17, VA + PAGE, 3);
	(void)n;
}

static void malformed_invalidations_are_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct nested n = nested_everywhere(fx);
	const struct {
		int rc;
		struct ioasid_invalidate args;
	} bad[] = {
		{ -EINVAL, { .granularity = 5 } },
		{ -EINVAL, { .granularity = IOASID_INV_TAG } },
		{ -EINVAL, { .granularity = IOASID_INV_PASID_ENTRY } },
		{ -EINVAL, { .granularity = IOASID_INV_ALL, .tag = 1 } },
		{ -EINVAL, { .granularity = IOASID_INV_ALL, .vpasid = 17 } },
		{ -EINVAL, { .granularity = IOASID_INV_ALL, .iova = VA } },
		{ -EINVAL, { .granularity = IOASID_INV_ALL, .length = 1 } },
		{ -EINVAL, { .granularity = IOASID_INV_ALL, .cookie = FX_COOKIE(0) } },
		{ -EINVAL, { .granularity = IOASID_INV_RANGE, .iova = VA } },
		{ -EINVAL, { .granularity = IOASID_INV_RANGE, .iova = -PAGE, .length = PAGE + 1 } },
		{ -EINVAL,
		  { .granularity = IOASID_INV_RANGE,
		    .flags = IOASID_INV_VPASID,
		    .length = 1,
		    .vpasid = 17 } },
		{ -ENOENT, { .granularity = IOASID_INV_PASID, .vpasid = 19 } },
		{ -ENOENT, { .granularity = IOASID_INV_PASID, .vpasid = 0 } },
		{ -ENOENT, { .granularity = IOASID_INV_PASID, .vpasid = IOASID_INVALID } },
		{ -ENOENT,
		  { .granularity = IOASID_INV_PASID,
		    .flags = IOASID_INV_DEVICE,
		    .vpasid = 18,
		    .cookie = FX_COOKIE(1) } },
		{ -ENOENT,
		  { .granularity = IOASID_INV_ALL, .flags = IOASID_INV_DEVICE, .cookie = 1 } },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ioasid_invalidate args = bad[i].args;

		args.ioasid = n.user;
		EXPECT_REFUSED(fx, bad[i].rc, ioasid_invalidate_args(ctx, &args));
	}
	EXPECT_REFUSED(fx, -EINVAL, ioasid_invalidate(ctx, n.gpa));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_invalidate(ctx, 4711));
	lands_everywhere(fx, VA, 1);
}

static void invalidating_an_unattached_table_is_nothing_to_do(void **state)
{
	struct fx *fx = *state;
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0);

	assert_int_equal(ioasid_invalidate(fx->ctx[0], user), 0);
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], user, 0, 1, true), 0);
}

/* ---- the promise --------------------------------------------------------------------------------- */

/*
 * An engine writes through VA without pause while the translation is taken away; once the call has
 * returned the old page belongs to somebody else and must stay as it is.
 */
struct engine {
	struct fx *fx;
	uint64_t va;
	uint64_t writes;
	bool stop;
};

static void *engine_thread(void *arg)
{
	struct engine *e = arg;
	uint8_t data[512];

	while (!__atomic_load_n(&e->stop, __ATOMIC_RELAXED)) {
		struct conf_dma dma = {
			.op = CONF_WRITE,
			.addr = e->va,
			.pasid = 17,
			.buf = data,
			.len = sizeof(data),
			.no_report = true,
		};

		memset(data, 0xee, sizeof(data));
		if (!fx_dma(e->fx, 0, &dma))
			__atomic_add_fetch(&e->writes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Ways to take the translation away, and to give it back. */
struct taking {
	int (*take)(struct fx *fx, struct nested *n);
	int (*give)(struct fx *fx, struct nested *n);
};

static int take_invalidate(struct fx *fx, struct nested *n)
{
	guest_unmap(&fx->g, n->root, 4, VA);
	return ioasid_invalidate_range(fx->ctx[0], n->user, VA, PAGE, true);
}

static int give_pte(struct fx *fx, struct nested *n)
{
	point_at(fx, n, 1);
	return 0;
}

static int take_parent_unmap(struct fx *fx, struct nested *n)
{
	return ioasid_unmap_all(fx->ctx[0], n->gpa, NULL);
}

static int give_parent_map(struct fx *fx, struct nested *n)
{
	return ioasid_map(fx->ctx[0], n->gpa, FX_GPA, (uintptr_t)fx->g.ram, fx->g.size, FX_RW);
}

static int take_detach(struct fx *fx, struct nested *n)
{
	return ioasid_dev_detach_pasid(fx->dev[0], n->user);
}

static int give_attach(struct fx *fx, struct nested *n)
{
	return ioasid_dev_attach_pasid(fx->dev[0], n->user, 17, 0);
}

static int take_clear(struct fx *fx, struct nested *n)
{
	return ioasid_clear_hwid_dev(fx->ctx[0], n->user, 17, FX_COOKIE(0));
}

static int give_set(struct fx *fx, struct nested *n)
{
	return ioasid_set_hwid_dev(fx->ctx[0], n->user, 17, FX_COOKIE(0));
}

static int take_bind_none(struct fx *fx, struct nested *n)
{
	return ioasid_bind_pgtable(fx->ctx[0], n->user, NULL);
}

static int give_bind(struct fx *fx, struct nested *n)
{
	struct ioasid_table table = fx_table(n->root);

	return ioasid_bind_pgtable(fx->ctx[0], n->user, &table);
}

static void wait_for_writes(struct engine *e)
{
	uint64_t seen = __atomic_load_n(&e->writes, __ATOMIC_RELAXED);
	unsigned int i;

	for (i = 0; i < 20000 && __atomic_load_n(&e->writes, __ATOMIC_RELAXED) < seen + 2; i++)
		usleep(50);
}

/* Bytes that landed after the translation was taken away, over a hundred times. */
static unsigned int bytes_landing_after(void **state, const struct taking *t)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	struct engine e = { .fx = fx, .va = VA };
	uint8_t *page = fx->g.ram + PAGE;
	pthread_t thread;
	unsigned int i, late = 0;
	size_t j;

	assert_int_equal(pthread_create(&thread, NULL, engine_thread, &e), 0);
	for (i = 0; i < 100; i++) {
		int rc;

		wait_for_writes(&e);
		rc = t->take(fx, &n);
		memset(page, 0x11, PAGE);
		usleep(i % 8 ? 0 : 300);
		for (j = 0; j < PAGE; j++)
			late += page[j] != 0x11;
		if (rc || t->give(fx, &n))
			break;
	}
	__atomic_store_n(&e.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(i, 100);
	assert_true(e.writes >= 100);
	memcpy(fx->g.shadow + PAGE, page, PAGE);
	return late;
}

static void nothing_lands_after(void **state, const struct taking *t)
{
	assert_int_equal(bytes_landing_after(state, t), 0);
}

static void nothing_lands_after_invalidate(void **state)
{
	nothing_lands_after(state, &(struct taking){ take_invalidate, give_pte });
}

static void nothing_lands_after_unmap_of_the_parent(void **state)
{
	nothing_lands_after(state, &(struct taking){ take_parent_unmap, give_parent_map });
}

static void nothing_lands_after_detach(void **state)
{
	nothing_lands_after(state, &(struct taking){ take_detach, give_attach });
}

static void nothing_lands_after_clear_hwid(void **state)
{
	nothing_lands_after(state, &(struct taking){ take_clear, give_set });
}

static void nothing_lands_after_bind_none(void **state)
{
	nothing_lands_after(state, &(struct taking){ take_bind_none, give_bind });
}

/* ---- changing without a gap ---------------------------------------------------------------------- */

/* A reader that must never be blocked, and never see anything but two pages. */
struct reader {
	struct fx *fx;
	uint32_t pasid;
	uint64_t addr;
	uint64_t allowed[2];
	uint64_t reads[2], blocked, wrong;
	bool stop;
};

static void *reader_thread(void *arg)
{
	struct reader *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		uint64_t value = 0;
		struct conf_dma dma = { CONF_REQ(CONF_READ, r->addr, r->pasid, &value, 8) };

		if (fx_dma(r->fx, 0, &dma))
			r->blocked++;
		else if (value == r->allowed[0])
			__atomic_add_fetch(&r->reads[0], 1, __ATOMIC_RELAXED);
		else if (value == r->allowed[1])
			__atomic_add_fetch(&r->reads[1], 1, __ATOMIC_RELAXED);
		else
			r->wrong++;
	}
	return NULL;
}

static uint64_t first_word(const struct fx *fx, size_t page)
{
	return *(const uint64_t *)(const void *)(fx->g.shadow + page * PAGE);
}

static uint64_t all_reads(struct reader *r)
{
	return __atomic_load_n(&r->reads[0], __ATOMIC_RELAXED) +
	       __atomic_load_n(&r->reads[1], __ATOMIC_RELAXED);
}

/* Change back and forth under the reader; after each change it gets the time for a few reads. */
static void changes_without_gap(struct fx *fx, struct reader *r,
				int (*change)(struct fx *fx, void *arg, unsigned int to), void *arg)
{
	pthread_t thread;
	unsigned int i, j;
	uint64_t seen;
	int rc = 0;

	assert_int_equal(pthread_create(&thread, NULL, reader_thread, r), 0);
	for (i = 0; i < 200 && !rc; i++) {
		rc = change(fx, arg, i & 1);
		seen = all_reads(r);
		for (j = 0; j < 2000 && all_reads(r) < seen + 3; j++)
			usleep(20);
	}
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(r->blocked, 0);
	assert_int_equal(r->wrong, 0);
	assert_true(r->reads[0] > 50 && r->reads[1] > 50);
}

struct two_tables {
	uint32_t user;
	uint64_t root[2];
};

static int bind_other(struct fx *fx, void *arg, unsigned int to)
{
	struct two_tables *t = arg;
	struct ioasid_table table = fx_table(t->root[to]);

	return ioasid_bind_pgtable(fx->ctx[0], t->user, &table);
}

static void rebinding_under_load_shows_the_old_table_or_the_new(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	struct two_tables t = { n.user, { n.root, guest_table_new(&fx->g) } };
	struct reader r = {
		.fx = fx,
		.pasid = 17,
		.addr = VA,
		.allowed = { first_word(fx, 1), first_word(fx, 2) },
	};

	guest_map(&fx->g, t.root[1], 4, VA, guest_data_gpa(&fx->g, 2), PTE_U | PTE_W, 1);
	changes_without_gap(fx, &r, bind_other, &t);
}

static int replace_other(struct fx *fx, void *arg, unsigned int to)
{
	return ioasid_dev_attach(fx->dev[0], ((uint32_t *)arg)[to], IOASID_ATTACH_REPLACE);
}

static void replacing_under_load_shows_the_old_space_or_the_new(void **state)
{
	struct fx *fx = *state;
	uint32_t spaces[2] = { fx_kernel(fx), fx_kernel(fx) };
	struct reader r = {
		.fx = fx,
		.pasid = CONF_RID,
		.addr = 0x1000,
		.allowed = { first_word(fx, 1), first_word(fx, 2) },
	};

	fx_bind(fx, 0);
	fx_map_page(fx, spaces[0], 0x1000, 1);
	fx_map_page(fx, spaces[1], 0x1000, 2);
	assert_int_equal(ioasid_dev_attach(fx->dev[0], spaces[0], 0), 0);
	changes_without_gap(fx, &r, replace_other, spaces);
}

/* ---- controls: the tests above must be able to fail --------------------------------------------------- */

static void control_without_waiting_something_lands(void **state)
{
	assert_true(bytes_landing_after(state, &(struct taking){ take_invalidate, give_pte }) > 0);
}

static void control_without_invalidation_the_old_page_is_written(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	uint64_t value = 0x0123456789abcdefULL;
	struct conf_dma dma = { CONF_REQ(CONF_WRITE, VA, 17, &value, 8) };

	lands_everywhere(fx, VA, 1);
	point_at(fx, &n, 2);
	assert_int_equal(ioasid_invalidate(fx->ctx[0], n.user), 0);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(*(uint64_t *)(void *)(fx->g.ram + PAGE), value);
	memcpy(fx->g.shadow + PAGE, &value, 8);
}

static void control_without_accessed_and_dirty_the_guest_sees_none(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);

	lands_everywhere(fx, VA, 1);
	assert_int_equal(*guest_pte(&fx->g, n.root, 4, VA, 1) & (PTE_A | PTE_D), 0);
}

struct invalidator {
	struct fx *fx;
	uint32_t ioasid;
	bool done;
	int rc;
};

static void *invalidator_thread(void *arg)
{
	struct invalidator *v = arg;

	fx_on_cpu(1);
	v->rc = ioasid_invalidate_range(v->fx->ctx[0], v->ioasid, VA, PAGE, true);
	__atomic_store_n(&v->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void an_invalidation_waits_for_who_holds_the_translation(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_everywhere(fx);
	struct invalidator v = { .fx = fx, .ioasid = n.user };
	pthread_t thread;
	bool early;
	void *hold;

	if (!fx->env.home->hold)
		fx_cannot("its devices cannot hold a DMA open");
	fx_on_cpu(0);
	hold = fx->env.home->hold(fx->hw[0], 17, VA, 64);
	assert_non_null(hold);
	guest_unmap(&fx->g, n.root, 4, VA);
	assert_int_equal(pthread_create(&thread, NULL, invalidator_thread, &v), 0);
	usleep(30000);
	early = __atomic_load_n(&v.done, __ATOMIC_ACQUIRE);
	fx->env.home->release(hold);
	pthread_join(thread, NULL);
	fx_on_cpu(-1);
	assert_false(early);
	assert_int_equal(v.rc, 0);
	fx_dma_blocked(fx, 0, 17, VA, IOASID_REASON_NOT_PRESENT);
}

static const struct conf_test tests[] = {
	CONF_TEST(every_granularity_forgets_what_it_names, NEEDS_NESTING),
	CONF_TEST(naming_a_device_is_enough_for_that_device, NEEDS_NESTING),
	CONF_TEST(upper_levels_are_forgotten_unless_only_leaves_changed, NEEDS_NESTING),
	CONF_TEST(the_default_route_is_reached_too, NEEDS_NESTING),
	CONF_TEST(lowered_permissions_are_seen_after_the_invalidation, NEEDS_NESTING),
	CONF_TEST(not_present_to_present_needs_no_invalidation, NEEDS_NESTING),
	CONF_TEST(malformed_invalidations_are_refused, NEEDS_DEFAULTS | NEEDS_NESTING),
	CONF_TEST(invalidating_an_unattached_table_is_nothing_to_do, NEEDS_DEFAULTS),
	CONF_TEST(nothing_lands_after_invalidate, NEEDS_NESTING | RUNS_SLOWLY),
	CONF_TEST(nothing_lands_after_unmap_of_the_parent, NEEDS_NESTING | RUNS_SLOWLY),
	CONF_TEST(nothing_lands_after_detach, NEEDS_NESTING | RUNS_SLOWLY),
	CONF_TEST(nothing_lands_after_clear_hwid, NEEDS_NESTING | RUNS_SLOWLY),
	CONF_TEST(nothing_lands_after_bind_none, NEEDS_NESTING | RUNS_SLOWLY),
	CONF_TEST(rebinding_under_load_shows_the_old_table_or_the_new, NEEDS_NESTING),
	CONF_TEST(replacing_under_load_shows_the_old_space_or_the_new, 0),
	CONF_TEST(control_without_waiting_something_lands, NEEDS_NO_WAIT),
	CONF_TEST(control_without_invalidation_the_old_page_is_written, NEEDS_NO_INVALIDATE),
	CONF_TEST(control_without_accessed_and_dirty_the_guest_sees_none, NEEDS_NO_AD),
	CONF_TEST(an_invalidation_waits_for_who_holds_the_translation, NEEDS_NESTING),
};
CONF_SUITE(suite_inval, "invalidation", tests);
