// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Threads against each other: engines that copy all the time, while what they use is mapped,
 * unmapped, invalidated, replaced, detached, held, unplugged. After a call that takes something
 * away has returned, the memory behind it must not change any more; built with the thread
 * sanitizer, nothing of ours may race on the way.
 *
 *	IOASID_RACE_MS	how long each case runs (400)
 */
#include <sched.h>

#include "rig.h"

#define USER (G_P | G_W | G_U)
#define VA   0x400000ULL

static unsigned int race_ms(void)
{
	const char *s = getenv("IOASID_RACE_MS");

	return s ? (unsigned int)atoi(s) : 400;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/**
 * struct engine - a thread that writes to random pages of a range
 * @good: writes that went through
 */
struct engine {
	pthread_t thread;
	struct ioasid_hostdev *dev;
	struct ioasid_dma dma;
	uint64_t start;
	unsigned int pages;
	uint64_t seed;
	uint64_t good;
	int *stop;
};

static uint32_t rnd(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((*seed >> 33) % below);
}

static void *engine_run(void *arg)
{
	struct engine *e = arg;
	uint8_t buf[256];
	int rc;

	memset(buf, 0xee, sizeof(buf));
	while (!__atomic_load_n(e->stop, __ATOMIC_RELAXED)) {
		e->dma.addr = e->start + rnd(&e->seed, e->pages) * PAGE + rnd(&e->seed, 16) * 256;
		rc = ioasid_dma_write(e->dev, &e->dma, buf, sizeof(buf));
		assert_true(rc == 0 || rc == -EFAULT || rc == -ENODEV);
		if (rc == -ENODEV)
			break;
		if (rc == 0)
			__atomic_add_fetch(&e->good, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Ask for pages where the device can: those that cannot ignore it. */
static void engine_start(struct engine *e, struct ioasid_hostdev *dev, uint32_t pasid,
			 uint64_t start, unsigned int pages, int *stop)
{
	*e = (struct engine){ .dev = dev, .start = start, .pages = pages, .stop = stop };
	e->dma = pasid ? by_pasid(pasid, 0) : by_rid(0);
	e->dma.flags |= IOASID_DMA_NO_REPORT | IOASID_DMA_PAGE_REQUEST;
	e->seed = (uintptr_t)e;
	assert_int_equal(pthread_create(&e->thread, NULL, engine_run, e), 0);
}

static void engine_end(struct engine *e)
{
	__atomic_store_n(e->stop, 1, __ATOMIC_RELAXED);
	pthread_join(e->thread, NULL);
}

/* Let it work before the rug is pulled. */
static void engine_warm(struct engine *e)
{
	uint64_t good = __atomic_load_n(&e->good, __ATOMIC_RELAXED);
	double end = now_ms() + 5;

	while (__atomic_load_n(&e->good, __ATOMIC_RELAXED) == good && now_ms() < end)
		sched_yield();
}

/* The page is nobody's now: fill it, give a late write the time to land, look. */
static void check_quiet(uint8_t *page, unsigned int round)
{
	unsigned int i;

	memset(page, 0x11, PAGE);
	for (i = 0; i < (round % 8 ? 1 : 20); i++)
		sched_yield();
	for (i = 0; i < PAGE; i++) {
		if (page[i] != 0x11)
			fail_msg("byte %u of a page was written to after it was taken away", i);
	}
}

static struct rig_config small_caches(uint32_t flags)
{
	return (struct rig_config){
		.host = { .iotlb_entries = 8, .pasid_cache_entries = 2, .walk_cache_entries = 2 },
		.dev_flags = flags,
	};
}

#define PAGES 16

static void unmap_against_engines(void **state)
{
	static const uint32_t kinds[] = { 0, IOASID_HOSTDEV_ATS };
	struct rig_config c;
	struct engine e[2];
	struct rig rig;
	unsigned int round, page, total = 0;
	uint64_t seed = 1;
	int stop = 0;
	double end;
	size_t v;

	(void)state;
	for (v = 0; v < 4; v++) {
		c = v & 2 ? small_caches(kinds[v & 1]) :
			    (struct rig_config){ .dev_flags = kinds[v & 1] };
		rig_make(&rig, &c);
		for (page = 0; page < PAGES; page++)
			ok(ioasid_map(rig.ctx, rig.gpa, GIB + page * PAGE,
				      (uintptr_t)rig.ram + page * PAGE, PAGE, RW));
		stop = 0;
		for (page = 0; page < 2; page++)
			engine_start(&e[page], rig.dev[page], 0, GIB, PAGES, &stop);
		end = now_ms() + race_ms();
		for (round = 0; now_ms() < end; round++) {
			page = rnd(&seed, PAGES);
			engine_warm(&e[round & 1]);
			ok(ioasid_unmap(rig.ctx, rig.gpa, GIB + page * PAGE, PAGE, NULL));
			check_quiet(rig.ram + page * PAGE, round);
			ok(ioasid_map(rig.ctx, rig.gpa, GIB + page * PAGE,
				      (uintptr_t)rig.ram + page * PAGE, PAGE, RW));
		}
		total += round;
		engine_end(&e[0]);
		engine_end(&e[1]);
		assert_true(e[0].good && e[1].good);
		rig_free(&rig);
	}
	assert_true(total > 0);
}

/* A guest that moves pages and says so, while its parent maps and unmaps elsewhere. */
static void invalidation_against_engines(void **state)
{
	struct engine e[2];
	struct rig_config c;
	uint64_t root, free_page, moved, *pte, i;
	unsigned int round;
	uint32_t ioasid;
	struct rig rig;
	uint64_t seed = 3;
	int stop;
	double end;
	size_t v;

	(void)state;
	for (v = 0; v < 4; v++) {
		c = small_caches(v & 1 ? IOASID_HOSTDEV_ATS : 0);
		if (v & 2)
			memset(&c.host, 0, sizeof(c.host));
		rig_make(&rig, &c);
		root = guest_page(&rig);
		for (i = 0; i < PAGES; i++)
			guest_map(&rig, root, VA + i * PAGE, USER);
		free_page = guest_page(&rig);
		ioasid = guest_process(&rig, root, 7, 0);
		ok(ioasid_dev_attach_pasid(rig.handle[1], ioasid, 7, 0));
		stop = 0;
		for (i = 0; i < 2; i++)
			engine_start(&e[i], rig.dev[i], 7, VA, PAGES, &stop);
		end = now_ms() + race_ms();
		for (round = 0; now_ms() < end; round++) {
			i = rnd(&seed, PAGES);
			pte = guest_pte(&rig, root, VA + i * PAGE, 0);
			engine_warm(&e[round & 1]);
			moved = __atomic_exchange_n(pte, free_page | USER, __ATOMIC_SEQ_CST) &
				~0xfffULL;
			switch (rnd(&seed, 4)) {
			case 0:
				ok(ioasid_invalidate(rig.ctx, ioasid));
				break;
			case 1:
				ok(ioasid_map(rig.ctx, rig.gpa, 4 * GIB, (uintptr_t)rig.ram, PAGE,
					      RW));
				ok(ioasid_unmap(rig.ctx, rig.gpa, 4 * GIB, PAGE, NULL));
				/* A parent's unmap is no promise about the guest. */
				fallthrough;
			default:
				ok(ioasid_invalidate_range(rig.ctx, ioasid, VA + i * PAGE, PAGE,
							   round & 1));
			}
			check_quiet(rig.ram + moved, round);
			free_page = moved;
		}
		engine_end(&e[0]);
		engine_end(&e[1]);
		assert_true(e[0].good && e[1].good);
		rig_free(&rig);
	}
}

/* Routes that come, go and change while requests use them: old or new, never a mixture. */
static void routes_against_engines(void **state)
{
	struct ioasid_table table[2];
	struct engine e[2];
	uint32_t ioasid, other;
	struct rig_config c = small_caches(0);
	unsigned int round = 0, b;
	uint64_t root[2], gpa[2], i;
	struct rig rig;
	int stop = 0;
	double end;

	(void)state;
	rig_make(&rig, &c);
	for (i = 0; i < 2; i++) {
		root[i] = guest_page(&rig);
		gpa[i] = guest_map(&rig, root[i], VA, USER);
		table[i] = (struct ioasid_table){ .format = IOASID_FORMAT_VTD_FS,
						  .levels = 4,
						  .address = root[i] };
	}
	ioasid = guest_process(&rig, root[0], 7, 0);
	ok(ioasid_alloc_kernel(rig.ctx, &other));
	ok(ioasid_map(rig.ctx, other, VA, (uintptr_t)rig.ram + MIB, PAGE, RW));
	ok(ioasid_map(rig.ctx, rig.gpa, VA, (uintptr_t)rig.ram + 2 * MIB, PAGE, RW));
	engine_start(&e[0], rig.dev[0], 7, VA, 1, &stop);
	engine_start(&e[1], rig.dev[1], 0, VA, 1, &stop);
	end = now_ms() + race_ms();
	for (; now_ms() < end; round++) {
		b = round & 1;
		engine_warm(&e[0]);
		ok(ioasid_bind_pgtable(rig.ctx, ioasid, &table[!b]));
		check_quiet(rig.ram + gpa[b], round);
		switch (round % 5) {
		case 0:
			ok(ioasid_dev_detach_pasid(rig.handle[0], ioasid));
			check_quiet(rig.ram + gpa[!b], round);
			ok(ioasid_dev_attach_pasid(rig.handle[0], ioasid, 7, 0));
			break;
		case 1:
			ok(ioasid_dev_attach(rig.handle[1], other, IOASID_ATTACH_REPLACE));
			check_quiet(rig.ram + 2 * MIB, round);
			engine_warm(&e[1]);
			ok(ioasid_dev_attach(rig.handle[1], rig.gpa, IOASID_ATTACH_REPLACE));
			check_quiet(rig.ram + MIB, round);
			break;
		case 2:
			ok(ioasid_bind_pgtable(rig.ctx, ioasid, NULL));
			check_quiet(rig.ram + gpa[!b], round);
			ok(ioasid_bind_pgtable(rig.ctx, ioasid, &table[!b]));
			break;
		}
	}
	engine_end(&e[0]);
	engine_end(&e[1]);
	assert_true(e[0].good && e[1].good);
	rig_free(&rig);
}

/* While a route is replaced no request may find nothing there. */
static void replacing_leaves_no_gap(void **state)
{
	uint64_t count, value;
	struct rig_config c = small_caches(0);
	uint32_t other;
	struct engine e;
	struct rig rig;
	int stop = 0, i;
	double end;

	(void)state;
	rig_make(&rig, &c);
	ok(ioasid_alloc_kernel(rig.ctx, &other));
	ok(ioasid_map(rig.ctx, other, 0, (uintptr_t)rig.ram, rig.ram_size, RW));
	ok(ioasid_dev_attach_pasid(rig.handle[1], other, 3, 0));
	engine_start(&e, rig.dev[0], 0, 0, 16, &stop);
	end = now_ms() + race_ms();
	for (i = 0; now_ms() < end; i++) {
		ok(ioasid_dev_attach(rig.handle[0], i & 1 ? rig.gpa : other,
				     IOASID_ATTACH_REPLACE));
		/* This thread sends too: both spaces have the page. */
		ok(dma_get(rig.dev[0], by_rid(0), &value));
	}
	count = stats_of(&rig).faults_recorded;
	engine_end(&e);
	assert_int_equal(count, 0);
	rig_free(&rig);
}

/* ---- holders, page requests, unplugging, all at once ------------------------------------------- */

struct holder {
	pthread_t thread;
	struct rig *rig;
	int *stop;
	int returned;
};

static void give_back(struct ioasid_hold *hold, void *opaque)
{
	__atomic_store_n((int *)opaque, 1, __ATOMIC_SEQ_CST);
	ioasid_dma_unmap(hold);
}

/* Takes a hold, writes through its pointers, and gives it back when asked or by itself. */
static void *holder_run(void *arg)
{
	struct holder *h = arg;
	struct ioasid_hold *hold;
	struct iovec iov[PAGES];
	unsigned int n;

	while (!__atomic_load_n(h->stop, __ATOMIC_RELAXED)) {
		struct ioasid_dma dma = by_rid(GIB);

		dma.flags |= IOASID_DMA_NO_REPORT;
		n = PAGES;
		if (ioasid_dma_map(h->rig->dev[0], &dma, PAGE, IOASID_ACCESS_WRITE, iov, &n, NULL,
				   NULL, &hold))
			continue;
		memset(iov[0].iov_base, 0xdd, iov[0].iov_len);
		sched_yield();
		memset(iov[0].iov_base, 0xdd, iov[0].iov_len);
		ioasid_dma_unmap(hold);
		/* Once more, with the other way to end it. */
		n = PAGES;
		__atomic_store_n(&h->returned, 0, __ATOMIC_SEQ_CST);
		if (ioasid_dma_map(h->rig->dev[0], &dma, PAGE, IOASID_ACCESS_WRITE, iov, &n,
				   give_back, &h->returned, &hold))
			continue;
		while (!__atomic_load_n(&h->returned, __ATOMIC_SEQ_CST))
			sched_yield();
	}
	return NULL;
}

static void unmap_against_holders(void **state)
{
	struct holder h;
	unsigned int round;
	struct rig rig;
	int stop = 0;
	double end;

	(void)state;
	rig_make(&rig, NULL);
	h = (struct holder){ .rig = &rig, .stop = &stop };
	pthread_create(&h.thread, NULL, holder_run, &h);
	end = now_ms() + race_ms();
	for (round = 0; now_ms() < end; round++) {
		ok(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)rig.ram, PAGE, RW));
		nap(1);
		ok(ioasid_unmap(rig.ctx, rig.gpa, GIB, PAGE, NULL));
		check_quiet(rig.ram, round);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(h.thread, NULL);
	assert_int_equal(stats_of(&rig).holds, 0);
	rig_free(&rig);
}

/* Answers every page request by mapping the page or refusing it. */
struct answerer {
	pthread_t thread;
	struct rig *rig;
	uint64_t root;
	int *stop;
	unsigned int answers;
};

static void *answerer_run(void *arg)
{
	struct answerer *an = arg;
	struct ioasid_fault f;
	uint64_t seed = 9;

	while (!__atomic_load_n(an->stop, __ATOMIC_RELAXED)) {
		if (ioasid_fault_read(an->rig->ctx, &f, 1) != 1) {
			sched_yield();
			continue;
		}
		if (f.type != IOASID_FAULT_PAGE_REQUEST)
			continue;
		an->answers++;
		if (rnd(&seed, 4))
			__atomic_or_fetch(guest_pte(an->rig, an->root, f.address, 0), G_P,
					  __ATOMIC_SEQ_CST);
		ioasid_page_response(an->rig->ctx, f.id,
				     rnd(&seed, 8) ? IOASID_RESPONSE_SUCCESS :
						     IOASID_RESPONSE_INVALID);
	}
	return NULL;
}

/* An emulator stops its engines when it is told to: after that none of them calls the device. */
struct emulator {
	struct engine e[3];
	int stop;
	bool running;
};

static void emulator_quiesce(void *opaque)
{
	struct emulator *em = opaque;
	int i;

	for (i = 0; em->running && i < 3; i++)
		engine_end(&em->e[i]);
	em->running = false;
}

static void page_requests_against_everything(void **state)
{
	static const struct ioasid_hostdev_ops ops = { .quiesce = emulator_quiesce };
	struct rig_config c = small_caches(IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI);
	struct emulator em = { 0 };
	struct answerer an;
	uint64_t root, i, *pte, old;
	unsigned int round;
	uint32_t ioasid;
	struct rig rig;
	uint64_t seed = 5;
	int stop_answers = 0;
	double end;

	(void)state;
	c.pri_capacity = 2;
	c.ops = &ops;
	c.opaque = &em;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	for (i = 0; i < PAGES; i++)
		guest_map(&rig, root, VA + i * PAGE, G_W | G_U);
	ioasid = guest_process(&rig, root, 7, 0);
	an = (struct answerer){ .rig = &rig, .root = root, .stop = &stop_answers };
	pthread_create(&an.thread, NULL, answerer_run, &an);
	for (i = 0; i < 3; i++) {
		engine_start(&em.e[i], rig.dev[0], 7, VA, PAGES, &em.stop);
	}
	em.running = true;
	end = now_ms() + race_ms();
	for (round = 0; now_ms() < end; round++) {
		pte = guest_pte(&rig, root, VA + rnd(&seed, PAGES) * PAGE, 0);
		old = __atomic_fetch_and(pte, ~(G_P | G_D), __ATOMIC_SEQ_CST);
		ok(ioasid_invalidate(rig.ctx, ioasid));
		if (!(old & G_P))
			continue;
		if (rnd(&seed, 50) == 0)
			ok(ioasid_dev_reset(rig.handle[0]));
		if (rnd(&seed, 100) == 0) {
			ok(ioasid_dev_detach_pasid(rig.handle[0], ioasid));
			ok(ioasid_dev_attach_pasid(rig.handle[0], ioasid, 7, 0));
		}
	}
	/* The last requests are cut off by unplugging the device under the engines. */
	nap(5);
	ioasid_hostdev_destroy(rig.dev[0]);
	rig.dev[0] = NULL;
	assert_false(em.running);
	__atomic_store_n(&stop_answers, 1, __ATOMIC_RELAXED);
	pthread_join(an.thread, NULL);
	assert_true(an.answers > 0);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmap_against_engines),
		cmocka_unit_test(invalidation_against_engines),
		cmocka_unit_test(routes_against_engines),
		cmocka_unit_test(replacing_leaves_no_gap),
		cmocka_unit_test(unmap_against_holders),
		cmocka_unit_test(page_requests_against_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
