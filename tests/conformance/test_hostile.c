// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Arguments nobody sane passes, and callers that race. Layout rules of commands: tests/abi. */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA 0x10000000ULL

static void bad_cookie_arrays_are_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_info args = { .argsz = sizeof(args), .flags = IOASID_INFO_COOKIES };
	struct ioasid_info info;
	uint64_t cookie = FX_COOKIE(0);

	fx_bind(fx, 0);
	EXPECT_REFUSED(fx, -EFAULT, ioasid_get_info(ctx, (uint64_t *)16, 1, &info));
	EXPECT_REFUSED(fx, -EFAULT, ioasid_get_info(ctx, (uint64_t *)-64, 100, &info));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_get_info(ctx, &cookie, 4097, &info));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_get_info(ctx, &cookie, 0xffffffff, &info));
	args.flags = 0;
	args.nr_cookies = 1;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_GET_INFO, &args));
	args.nr_cookies = 0;
	args.cookies = 8;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_GET_INFO, &args));
}

static void flags_that_do_not_go_together_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_kernel(fx);

	fx_bind(fx, 0);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(ctx, a, IOVA, (uintptr_t)fx->g.ram, PAGE, FX_RW | IOASID_MAP_FD));
	EXPECT_REFUSED(fx, -EOPNOTSUPP,
		       ioasid_map(ctx, a, IOVA, (uintptr_t)fx->g.ram, PAGE, FX_RW | 1U << 30));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_dev_attach(fx->dev[0], a, IOASID_ATTACH_PASID));
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(fx->dev[0], a, 1U << 30));
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(fx->dev[0], a, 1, 1U << 30));
}

static void later_commands_are_EOPNOTSUPP_and_their_extension_says_so(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a = fx_kernel(fx);
	struct ioasid_dirty dirty = { .ioasid = a };
	char state_buffer[16];
	size_t size = sizeof(state_buffer);

	if (!ioasid_check_extension(ctx, IOASID_EXT_DIRTY)) {
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dirty_set(ctx, a, true));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dirty_get(ctx, &dirty));
	}
	if (!ioasid_check_extension(ctx, IOASID_EXT_CPU_PASID)) {
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_enable(ctx, -1));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_disable(ctx));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_map(ctx, 1));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_cpu_pasid_unmap(ctx, 1));
	}
	if (!ioasid_check_extension(ctx, IOASID_EXT_STATE)) {
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_state_save(ctx, state_buffer, &size));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_state_restore(ctx, state_buffer, size));
		EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_state_resume(ctx));
	}
}

static void thousands_of_small_objects_come_and_go(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	enum { N = 3000 };
	static uint32_t spaces[N];
	uint32_t i;

	for (i = 0; i < N; i++)
		assert_int_equal(ioasid_alloc_kernel(ctx, &spaces[i]), 0);
	for (i = 0; i < N; i += 2)
		assert_int_equal(ioasid_ioas_free(ctx, spaces[i]), 0);
	for (i = 0; i < N; i += 2)
		assert_int_equal(ioasid_alloc_kernel(ctx, &spaces[i]), 0);
	for (i = 0; i < N; i++) {
		struct ioasid_ioas_info info = { 0 };

		assert_int_equal(ioasid_ioas_get_info(ctx, spaces[i], &info), 0);
	}
	/* The rest goes with the context. */
}

/* ---- races ---------------------------------------------------------------------------------------- */

struct racer {
	struct fx *fx;
	uint32_t ioasid;
	bool *stop;
	uint64_t good, wrong;
};

static void *free_racer(void *arg)
{
	struct racer *r = arg;

	/* At least once, however late this thread starts. */
	do {
		uint32_t ioasid;
		int rc = ioasid_alloc_kernel(r->fx->ctx[0], &ioasid);

		r->wrong += rc != 0;
		rc = ioasid_map(r->fx->ctx[0], ioasid, IOVA, (uintptr_t)r->fx->g.ram, PAGE, FX_RW);
		r->wrong += rc != 0;
		rc = ioasid_ioas_free(r->fx->ctx[0], ioasid);
		r->wrong += rc != 0;
		r->good++;
	} while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void *guess_racer(void *arg)
{
	struct racer *r = arg;
	uint32_t n = 1;

	/* Handles of others, just when they come and go: any answer, no harm. */
	do {
		struct ioasid_ioas_info info = { 0 };
		uint32_t child, handle = n++ % 64 + 1;

		handle += handle == r->ioasid;
		ioasid_ioas_get_info(r->fx->ctx[0], handle, &info);
		if (!ioasid_alloc_child(r->fx->ctx[0], handle, &child))
			ioasid_ioas_free(r->fx->ctx[0], child);
		ioasid_unmap_all(r->fx->ctx[0], handle, NULL);
		r->good++;
	} while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void handles_raced_by_another_thread_do_no_harm(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t mine = fx_kernel(fx);
	bool stop = false;
	struct racer r[2] = { { fx, mine, &stop, 0, 0 }, { fx, mine, &stop, 0, 0 } };
	pthread_t threads[2];
	unsigned int i;

	fx_map_page(fx, mine, IOVA, 4);
	assert_int_equal(pthread_create(&threads[0], NULL, free_racer, &r[0]), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, guess_racer, &r[1]), 0);
	for (i = 0; i < 200; i++) {
		if (ioasid_dev_attach(dev, mine, 0) || ioasid_dev_detach(dev, mine))
			break;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(i, 200);
	/* FREE may find the child of a guess on it (EBUSY), nothing else may go wrong. */
	assert_true(r[0].good > 0 && r[1].good > 0);
}

struct blocked_call {
	struct ioasid *ctx;
	uint32_t ioasid;
	int rc;
	bool done;
};

static void *unmapper(void *arg)
{
	struct blocked_call *c = arg;

	fx_on_cpu(1);
	c->rc = ioasid_unmap_all(c->ctx, c->ioasid, NULL);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *closer(void *arg)
{
	struct blocked_call *c = arg;

	ioasid_close(c->ctx);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void close_waits_for_commands_of_other_threads(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct blocked_call unmap = { .ctx = fx->ctx[0], .ioasid = fx_kernel(fx) };
	struct blocked_call close = { .ctx = fx->ctx[0] };
	pthread_t threads[2];
	struct ioasid_info info;
	unsigned int i;
	bool early;
	void *hold;
	int late;

	if (!fx->env.home->hold)
		fx_cannot("its devices cannot hold a DMA open");
	fx_map_page(fx, unmap.ioasid, IOVA, 1);
	assert_int_equal(ioasid_dev_attach(dev, unmap.ioasid, 0), 0);
	fx_on_cpu(0);
	hold = fx->env.home->hold(fx->hw[0], CONF_RID, IOVA, 64);
	assert_non_null(hold);
	assert_int_equal(pthread_create(&threads[0], NULL, unmapper, &unmap), 0);
	usleep(200000);
	fx->ctx[0] = NULL; /* the thread closes it */
	assert_int_equal(pthread_create(&threads[1], NULL, closer, &close), 0);
	usleep(200000);
	/* The unmap waits for the hold, the close for the unmap, and nobody else gets in. */
	early = __atomic_load_n(&unmap.done, __ATOMIC_ACQUIRE) ||
		__atomic_load_n(&close.done, __ATOMIC_ACQUIRE);
	late = early ? -ENODEV : ioasid_get_info(close.ctx, NULL, 0, &info);
	fx->env.home->release(hold);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	fx_on_cpu(-1);
	assert_false(early);
	assert_int_equal(late, -ENODEV);
	assert_int_equal(unmap.rc, 0);
}

enum { CONTESTED = 4000 };

static void *contester(void *arg)
{
	struct racer *r = arg;
	uint64_t i;

	for (i = 0; i < CONTESTED; i++) {
		int rc = ioasid_map(r->fx->ctx[0], r->ioasid, IOVA + i * PAGE,
				    (uintptr_t)r->fx->g.ram, PAGE, FX_RW);

		r->good += rc == 0;
		r->wrong += rc && rc != -EEXIST;
	}
	return NULL;
}

static void of_two_threads_that_map_one_range_one_wins(void **state)
{
	struct fx *fx = *state;
	struct ioasid_ioas_info info = { 0 };
	uint32_t ioasid = fx_kernel(fx);
	struct racer r[2] = { { fx, ioasid, NULL, 0, 0 }, { fx, ioasid, NULL, 0, 0 } };
	pthread_t threads[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, contester, &r[i]), 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(r[0].wrong + r[1].wrong, 0);
	assert_int_equal(r[0].good + r[1].good, CONTESTED);
	assert_int_equal(ioasid_ioas_get_info(fx->ctx[0], ioasid, &info), 0);
	assert_int_equal(info.nr_maps, CONTESTED);
}

static const struct conf_test tests[] = {
	CONF_TEST(bad_cookie_arrays_are_refused, NEEDS_DEFAULTS),
	CONF_TEST(flags_that_do_not_go_together_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(later_commands_are_EOPNOTSUPP_and_their_extension_says_so, NEEDS_DEFAULTS),
	CONF_TEST(thousands_of_small_objects_come_and_go, NEEDS_DEFAULTS),
	CONF_TEST(handles_raced_by_another_thread_do_no_harm, NEEDS_DEFAULTS),
	CONF_TEST(of_two_threads_that_map_one_range_one_wins, NEEDS_DEFAULTS),
	CONF_TEST(close_waits_for_commands_of_other_threads, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_hostile, "hostile", tests);
