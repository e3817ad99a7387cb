/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A small physical memory for tests of the formats: pages that can be taken, given back, told to
 * fail, and found again. Physical addresses begin at ARENA_PA, far from the pointers, so that
 * mixing the two up shows. Reaching a page that is not taken is an access error.
 */
#ifndef TESTS_UNIT_FORMATS_ARENA_H
#define TESTS_UNIT_FORMATS_ARENA_H

#include "formats/tables.h"
#include "tests/unit/ut.h"

#define ARENA_PA     0x0000003540000000ULL
#define ARENA_PAGES  1536u
#define ARENA_POISON 0xa5

/**
 * struct arena - the memory and the table environment over it
 * @fail_in: the n-th allocation from now fails, 0: none
 * @live: pages taken
 * @sync_fn: called at each sync point if set; @sync_nr counts them
 */
struct arena {
	struct phys_mem mem;
	struct table_alloc ta;
	struct table_sync sync;
	struct table_env env;
	u8 *base;
	u32 next;
	u32 live;
	u32 fail_in;
	u32 sync_nr;
	void (*sync_fn)(void *arg, const u64 *word);
	void *sync_arg;
	bool used[ARENA_PAGES];
};

static inline void *arena_at(const struct phys_mem *mem, u64 pa, u32 len __maybe_unused)
{
	const struct arena *a = container_of(mem, struct arena, mem);
	u64 off = pa - ARENA_PA;

	if (off >= ARENA_PAGES * PHYS_PAGE_SIZE || !a->used[off >> PHYS_PAGE_LG2])
		return NULL;
	return a->base + off;
}

/* 2^order pages, aligned to their size, the next ones after those given last. */
static inline void *arena_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct arena *a = container_of(ta, struct arena, ta);
	u32 n = 1u << order, tries, i, j;

	if (a->fail_in && --a->fail_in == 0)
		return NULL;
	i = ALIGN(a->next, n);
	for (tries = 0; tries < ARENA_PAGES / n + 1; tries++, i += n) {
		if (i + n > ARENA_PAGES)
			i = 0;
		for (j = 0; j < n && !a->used[i + j]; j++)
			;
		if (j < n)
			continue;
		memset(&a->used[i], true, n);
		memset(a->base + i * PHYS_PAGE_SIZE, 0, n * PHYS_PAGE_SIZE);
		a->next = i + n;
		a->live += n;
		*pa = ARENA_PA + i * PHYS_PAGE_SIZE;
		return a->base + i * PHYS_PAGE_SIZE;
	}
	return NULL;
}

static inline void arena_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct arena *a = container_of(ta, struct arena, ta);
	u64 i = (pa - ARENA_PA) >> PHYS_PAGE_LG2, n = 1ULL << order, j;

	ut_assert(i + n <= ARENA_PAGES && !(i & (n - 1)));
	ut_assert((u8 *)table == a->base + i * PHYS_PAGE_SIZE);
	for (j = 0; j < n; j++) {
		ut_assert(a->used[i + j]);
		a->used[i + j] = false;
	}
	memset(table, ARENA_POISON, n * PHYS_PAGE_SIZE);
	a->live -= (u32)n;
}

static inline void arena_sync(struct table_sync *sync, const u64 *word)
{
	struct arena *a = container_of(sync, struct arena, sync);

	a->sync_nr++;
	if (a->sync_fn)
		a->sync_fn(a->sync_arg, word);
}

static inline struct arena *arena_new(void)
{
	struct arena *a = kvcalloc(1, sizeof(*a), GFP_KERNEL);

	ut_assert(a);
	a->base = kvcalloc(ARENA_PAGES, PHYS_PAGE_SIZE, GFP_KERNEL);
	ut_assert(a->base);
	phys_mem_init_callback(&a->mem, arena_at);
	a->ta.alloc = arena_alloc;
	a->ta.free = arena_free;
	a->sync.at = arena_sync;
	a->env.mem = &a->mem;
	a->env.alloc = &a->ta;
	a->env.sync = &a->sync;
	return a;
}

/* Everything has to be back by now. */
static inline void arena_end(struct arena *a)
{
	ut_assert_eq(a->live, 0);
	kvfree(a->base);
	kvfree(a);
}

/* A page for a test to fill by hand; not checked by arena_end() once put back. */
static inline u64 *arena_page(struct arena *a, u64 *pa)
{
	u64 *page = arena_alloc(&a->ta, 0, pa);

	ut_assert(page);
	return page;
}

static inline void arena_put(struct arena *a, u64 pa)
{
	arena_free(&a->ta, arena_at(&a->mem, pa, 8), pa, 0);
}

/* Give everything back at once, for tests that made tables by hand. */
static inline void arena_reset(struct arena *a)
{
	memset(a->used, false, sizeof(a->used));
	a->live = 0;
	a->next = 0;
}

#endif
