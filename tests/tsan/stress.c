// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Many threads on one context, for the thread sanitizer and for whoever waits for a deadlock.
 *
 *   stress [--seconds N]
 *
 * Engines read through a guest's table all the time, while others remap it, unmap and map the
 * parent, attach and detach, set and clear numbers, stack default routes, answer faults, reset,
 * unbind, ask and close. Every page of guest memory carries the number of the one address that may
 * ever lead to it, so a read that succeeds with something else is a stale or foreign translation.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/conformance/env.h"
#include "tests/conformance/guest.h"

#define GPA    0x100000ULL
#define VA     0x7f0000000000ULL
#define SLOTS  16 /* addresses in use */
#define COPIES 4 /* pages that each may lead to */
#define PASID  5
#define EXTRA  6 /* the number that comes and goes */

static struct {
	struct conf_env env;
	struct conf_dev *hw[3];
	struct ioasid *ctx;
	struct ioasid_dev *dev[3];
	struct guest g;
	uint32_t gpa, user, child;
	uint64_t root;
	bool stop;
	uint64_t reads, blocked, wrong, answers, errors;
} s;

static void count(uint64_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static __thread uint64_t rounds;

/* The head of every role's loop. */
static bool stopped(void)
{
	rounds++;
	return __atomic_load_n(&s.stop, __ATOMIC_RELAXED);
}

/* A call that may meet @allowed because of what the other threads do, and nothing else. */
static void may(int rc, int allowed, const char *what)
{
	if (!rc || rc == allowed)
		return;
	fprintf(stderr, "# %s: %d\n", what, rc);
	count(&s.errors);
}

static unsigned int below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

static uint64_t page_of(unsigned int slot, unsigned int copy)
{
	return guest_data_gpa(&s.g, slot * COPIES + copy);
}

/* ---- roles ------------------------------------------------------------------------------------ */

static void engine_read(unsigned int dev, uint32_t pasid, unsigned int slot, bool page_request)
{
	uint64_t got = 0;
	struct conf_dma dma = {
		CONF_REQ(CONF_READ, VA + slot * GUEST_PAGE, pasid, &got, 8),
		.page_request = page_request,
		.no_report = !page_request,
	};
	int rc = s.env.home->dma(s.hw[dev], &dma);

	if (rc) {
		count(&s.blocked);
		return;
	}
	count(&s.reads);
	if (got != 0x51070000ULL + slot)
		count(&s.wrong);
}

static void *engine(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	while (!stopped()) {
		unsigned int slot = below(&seed, SLOTS);

		engine_read(0, PASID, slot, true);
		engine_read(0, EXTRA, slot, false);
		engine_read(1, PASID, slot, false);
		engine_read(1, CONF_RID, slot, false);
	}
	return NULL;
}

/* The guest: moves its pages about, and takes some away, telling of it as it must. */
static void *remapper(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	while (!stopped()) {
		unsigned int slot = below(&seed, SLOTS);
		uint64_t va = VA + slot * GUEST_PAGE;

		guest_unmap(&s.g, s.root, 4, va);
		may(ioasid_invalidate_range(s.ctx, s.user, va, GUEST_PAGE, below(&seed, 2)), 0,
		    "invalidate");
		if (below(&seed, 4))
			guest_map(&s.g, s.root, 4, va, page_of(slot, below(&seed, COPIES)),
				  PTE_U | PTE_W, 1);
	}
	return NULL;
}

/* Pages the guest took away come back when a device asks. */
static void *pager(void *arg)
{
	struct pollfd p = { .fd = (int)(intptr_t)arg, .events = POLLIN };
	struct ioasid_fault f[8];
	unsigned int seed = 7;
	int i, n;

	while (!stopped()) {
		poll(&p, 1, 5);
		n = ioasid_fault_read(s.ctx, f, 8);
		for (i = 0; i < n; i++) {
			unsigned int slot =
				(unsigned int)((f[i].address - VA) / GUEST_PAGE) % SLOTS;

			if (f[i].type != IOASID_FAULT_PAGE_REQUEST)
				continue;
			if (below(&seed, 8))
				guest_map(&s.g, s.root, 4, VA + slot * GUEST_PAGE,
					  page_of(slot, below(&seed, COPIES)), PTE_U | PTE_W, 1);
			may(ioasid_page_response(s.ctx, f[i].id,
						 below(&seed, 16) ? IOASID_RESPONSE_SUCCESS :
								    IOASID_RESPONSE_INVALID),
			    -ENOENT, "response");
			count(&s.answers);
		}
	}
	return NULL;
}

static void *mapper(void *arg)
{
	uint64_t iova = 0x80000000ULL + (uintptr_t)arg * 0x1000000ULL;
	unsigned int i;

	while (!stopped()) {
		for (i = 0; i < 8; i++)
			may(ioasid_map(s.ctx, s.gpa, iova + i * GUEST_PAGE,
				       (uintptr_t)s.g.ram + i * GUEST_PAGE, GUEST_PAGE, 3),
			    0, "map");
		may(ioasid_unmap(s.ctx, s.gpa, iova, 8 * GUEST_PAGE, NULL), 0, "unmap");
	}
	return NULL;
}

static void *router(void *arg)
{
	(void)arg;
	while (!stopped()) {
		may(ioasid_set_hwid_dev(s.ctx, s.user, EXTRA, 0), 0, "set");
		usleep(100);
		may(ioasid_clear_hwid_dev(s.ctx, s.user, EXTRA, 0), 0, "clear");
		may(ioasid_dev_detach_pasid(s.dev[1], s.user), 0, "detach");
		may(ioasid_dev_attach_pasid(s.dev[1], s.user, PASID, 0), 0, "attach");
	}
	return NULL;
}

static void *stacker(void *arg)
{
	(void)arg;
	while (!stopped()) {
		may(ioasid_dev_attach(s.dev[1], s.gpa, 0), 0, "attach parent");
		may(ioasid_dev_attach(s.dev[1], s.user, 0), 0, "stack");
		usleep(50);
		may(ioasid_dev_detach(s.dev[1], s.user), 0, "unstack");
		may(ioasid_dev_attach(s.dev[1], s.child, 0), 0, "stack child");
		may(ioasid_dev_attach(s.dev[1], s.user, IOASID_ATTACH_REPLACE), 0, "replace");
		may(ioasid_dev_detach(s.dev[1], s.user), 0, "detach");
	}
	return NULL;
}

static void *churner(void *arg)
{
	(void)arg;
	while (!stopped()) {
		uint32_t space, child;

		may(ioasid_alloc_child(s.ctx, s.gpa, &space), 0, "alloc");
		may(ioasid_alloc_user_table(s.ctx, s.gpa, NULL, &child), 0, "alloc table");
		may(ioasid_map(s.ctx, space, 0, GPA, 4 * GUEST_PAGE, 3), 0, "map child");
		may(ioasid_ioas_free(s.ctx, child), 0, "free table");
		may(ioasid_ioas_free(s.ctx, space), 0, "free");
	}
	return NULL;
}

/* Device 2 is bound, used, reset and unbound, over and over, by its own handle. */
static void *binder(void *arg)
{
	unsigned int seed = 3;

	(void)arg;
	while (!stopped()) {
		struct ioasid_dev *dev;

		if (ioasid_dev_open(s.ctx, "dev2", &dev)) {
			count(&s.errors);
			break;
		}
		may(ioasid_dev_bind(dev, s.ctx, 2), 0, "bind");
		may(ioasid_dev_attach(dev, s.gpa, 0), 0, "attach 2");
		may(ioasid_dev_attach_pasid(dev, s.user, PASID, 0), 0, "attach pasid 2");
		engine_read(2, PASID, below(&seed, SLOTS), false);
		may(ioasid_dev_reset(dev), 0, "reset");
		ioasid_dev_close(dev);
	}
	return NULL;
}

static void *asker(void *arg)
{
	struct ioasid_query_route routes[8];
	struct ioasid_query_map maps[8];

	(void)arg;
	while (!stopped()) {
		struct ioasid_device_info d = { 0 };
		struct ioasid_ioas_info i = { 0 };
		struct ioasid_info info;
		uint64_t cursor;

		may(ioasid_get_info(s.ctx, NULL, 0, &info), 0, "info");
		may(ioasid_device_get_info(s.ctx, 1, &d), 0, "device info");
		may(ioasid_ioas_get_info(s.ctx, s.gpa, &i), 0, "space info");
		for (cursor = 0; cursor != ~0ULL;)
			if (ioasid_query(s.ctx, IOASID_QUERY_ROUTE, 0, &cursor, routes, 8) < 0)
				break;
		for (cursor = 0; cursor != ~0ULL;)
			if (ioasid_query(s.ctx, IOASID_QUERY_MAP, s.gpa, &cursor, maps, 8) < 0)
				break;
	}
	return NULL;
}

/* Another tenant of the same machine. */
static void *neighbour(void *arg)
{
	(void)arg;
	while (!stopped()) {
		struct ioasid *ctx;
		uint32_t space;

		if (ioasid_open(s.env.path, &ctx)) {
			count(&s.errors);
			break;
		}
		may(ioasid_alloc_kernel(ctx, &space), 0, "neighbour alloc");
		may(ioasid_map(ctx, space, 0, (uintptr_t)s.g.ram, GUEST_PAGE, 3), 0,
		    "neighbour map");
		ioasid_close(ctx);
	}
	return NULL;
}

/* ---- main -------------------------------------------------------------------------------------------- */

static bool set_up(int *fault_fd)
{
	unsigned int slot, copy;
	int i, rc = 0;

	s.env.home = &conf_home_under_test;
	if (s.env.home->start(&s.env, &(struct conf_machine){ .cache_entries = 16 }) ||
	    !guest_init(&s.g, GPA, SLOTS * COPIES, 32) || ioasid_open(s.env.path, &s.ctx))
		return false;
	for (slot = 0; slot < SLOTS; slot++) {
		for (copy = 0; copy < COPIES; copy++)
			*(uint64_t *)(void *)(s.g.ram + (slot * COPIES + copy) * GUEST_PAGE) =
				0x51070000ULL + slot;
	}
	for (i = 0; i < 3; i++) {
		char name[8];
		struct conf_dev_spec spec = {
			.name = name,
			.dev_class = IOASID_CLASS_PDEV_PASID,
			.pasid_bits = 16,
			.ats = i == 0,
			.pri = i == 0,
			.group = IOASID_INVALID,
		};

		snprintf(name, sizeof(name), "dev%d", i);
		s.hw[i] = s.env.home->plug(&s.env, &spec);
		if (i < 2) {
			rc |= ioasid_dev_open(s.ctx, name, &s.dev[i]);
			rc |= ioasid_dev_bind(s.dev[i], s.ctx, (uint64_t)i);
		}
	}
	rc |= ioasid_alloc_kernel(s.ctx, &s.gpa);
	rc |= ioasid_map(s.ctx, s.gpa, GPA, (uintptr_t)s.g.ram, s.g.size, 3);
	rc |= ioasid_alloc_child(s.ctx, s.gpa, &s.child);
	s.root = guest_table_new(&s.g);
	/* Tables are made before the threads start: only the last level changes. */
	for (slot = 0; slot < SLOTS; slot++)
		guest_map(&s.g, s.root, 4, VA + slot * GUEST_PAGE, page_of(slot, 0), PTE_U | PTE_W,
			  1);
	rc |= ioasid_alloc_user_table(
		s.ctx, s.gpa,
		&(struct ioasid_table){ IOASID_FORMAT_VTD_FS, 4, 0, 0, s.root, { 0, 0 } }, &s.user);
	for (i = 0; i < 2; i++)
		rc |= ioasid_dev_attach_pasid(s.dev[i], s.user, PASID, 0);
	*fault_fd = ioasid_fault_open(s.ctx, 64);
	return !rc && *fault_fd >= 0;
}

struct role {
	const char *name;
	void *(*run)(void *arg);
	uintptr_t arg;
	uint64_t rounds;
};

static struct role roles[] = {
	{ "engine", engine, 1, 0 },
	{ "engine", engine, 2, 0 },
	{ "remapper", remapper, 3, 0 },
	{ "mapper", mapper, 1, 0 },
	{ "mapper", mapper, 2, 0 },
	{ "router", router, 0, 0 },
	{ "stacker", stacker, 0, 0 },
	{ "churner", churner, 0, 0 },
	{ "binder", binder, 0, 0 },
	{ "asker", asker, 0, 0 },
	{ "neighbour", neighbour, 0, 0 },
	{ "pager", pager, 0, 0 }, /* its argument is the fault descriptor */
};
#define NR_ROLES (sizeof(roles) / sizeof(roles[0]))
#define PAGER	 (NR_ROLES - 1)

static void *play(void *arg)
{
	struct role *role = arg;

	role->run((void *)role->arg);
	role->rounds = rounds;
	return NULL;
}

/* Nobody may starve the others: each role got through its loop. */
static bool everybody_worked(void)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < NR_ROLES; i++) {
		printf("# %-9s %lu rounds\n", roles[i].name, roles[i].rounds);
		all &= roles[i].rounds >= 10;
	}
	return all;
}

int main(int argc, char **argv)
{
	unsigned int seconds =
		argc == 3 && !strcmp(argv[1], "--seconds") ? (unsigned int)atoi(argv[2]) : 4;
	pthread_t threads[NR_ROLES];
	unsigned int i;
	int fault_fd;
	bool good;

	if (!set_up(&fault_fd)) {
		printf("not ok - stress: no machine\n");
		return 1;
	}
	/* A deadlock ends the program instead of the patience of who waits. */
	alarm(seconds + 60);
	roles[PAGER].arg = (uintptr_t)fault_fd;
	for (i = 0; i < NR_ROLES; i++)
		pthread_create(&threads[i], NULL, play, &roles[i]);
	sleep(seconds);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	/* An engine may wait for the pager, which is gone: this answers it. */
	pthread_join(threads[PAGER], NULL);
	ioasid_fault_close(s.ctx);
	for (i = 0; i < PAGER; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 2; i++)
		ioasid_dev_close(s.dev[i]);
	ioasid_close(s.ctx);
	for (i = 0; i < 3; i++)
		s.env.home->unplug(s.hw[i]);
	s.env.home->stop(&s.env);
	guest_destroy(&s.g);
	good = everybody_worked() && !s.wrong && !s.errors && s.reads && s.answers;
	printf("# %lu reads, %lu blocked, %lu wrong, %lu faults answered, %lu unexpected errors\n",
	       s.reads, s.blocked, s.wrong, s.answers, s.errors);
	printf("%s - stress: %zu threads on one context, %u s\n", good ? "ok" : "not ok", NR_ROLES,
	       seconds);
	return !good;
}
