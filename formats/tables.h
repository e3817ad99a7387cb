/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What every builder of hardware tables needs from its owner: memory for tables, a way to see each
 * step (tests), and a list on which pages wait until no cache can still lead to them.
 */
#ifndef FORMATS_TABLES_H
#define FORMATS_TABLES_H

#include "formats/phys.h"

/**
 * struct table_alloc - where table pages come from
 * @alloc: give 2^@order contiguous 4 KiB pages, zeroed and aligned to their size; store their
 *	physical address in @pa and return a pointer, or NULL (the operation then fails with
 *	-ENOMEM and has changed nothing). Called with the locks and the context of the builder call.
 * @free: take them back. The contents are arbitrary.
 *
 * Physical addresses must be below 2^52 and must be reachable through the phys_mem of the same
 * &struct table_env at the same pointer.
 */
struct table_alloc {
	void *(*alloc)(struct table_alloc *ta, unsigned int order, u64 *pa);
	void (*free)(struct table_alloc *ta, void *table, u64 pa, unsigned int order);
};

/**
 * struct table_sync - test hook
 * @at: called after each store that hardware can see, with the word just written. Snapshots taken
 *	here are all the states in which hardware can find the tables.
 */
struct table_sync {
	void (*at)(struct table_sync *sync, const u64 *word);
};

/**
 * struct table_env - what a builder works with
 * @mem: reaches the table pages by physical address
 * @alloc: gives and takes them
 * @sync: NULL in production
 *
 * Owned by the caller, shared by any number of builders, lives longer than all of them.
 */
struct table_env {
	const struct phys_mem *mem;
	struct table_alloc *alloc;
	struct table_sync *sync;
};

/**
 * struct table_gather - pages that are out of the tables but maybe not out of the caches
 * @head: physical address of the first page, TABLE_PA_NONE if there is none
 * @order: order of the first
 * @nr: how many 4 KiB pages are on the list. Not 0 after an unmap means that table pointers went,
 *	so a leaf-only ("invalidation hint") flush is not enough.
 * @start: lowest address removed, > @last if nothing was
 * @last: highest address removed, inclusive
 * @what: OR of TABLE_GATHER_*: which structures changed, hence which caches hold old contents
 *
 * The caller flushes every cache that may lead to the old tables, waits for walks in progress, then
 * calls table_gather_free(). The list needs no memory: each page is linked through its own first
 * word, as a value that every format reads as "not present" (a page address with small even bits),
 * so a walk that still gets there finds what it may find: the old entry or nothing.
 */
struct table_gather {
	u64 head;
	u32 order;
	u32 what;
	u64 nr;
	u64 start;
	u64 last;
};

#define TABLE_PA_NONE (~0ULL)

#define TABLE_GATHER_LEAVES  0x1u /* translations went */
#define TABLE_GATHER_TABLES  0x2u /* pointers to page tables went */
#define TABLE_GATHER_PASID   0x4u /* a PASID table entry or directory entry changed or went */
#define TABLE_GATHER_CONTEXT 0x8u /* a context or root entry changed or went */

/** table_gather_init() - an empty list */
static inline void table_gather_init(struct table_gather *g)
{
	g->head = TABLE_PA_NONE;
	g->order = 0;
	g->what = 0;
	g->nr = 0;
	g->start = ~0ULL;
	g->last = 0;
}

/** table_gather_range() - note that [@start, @last] changed */
static inline void table_gather_range(struct table_gather *g, u64 start, u64 last)
{
	if (start < g->start)
		g->start = start;
	if (last > g->last)
		g->last = last;
}

/**
 * table_gather_add() - put a page on the list, for builders
 * @g: list
 * @table: the page, already unreachable from the root
 * @pa: its physical address
 * @order: its order, at most 15
 */
void table_gather_add(struct table_gather *g, u64 *table, u64 pa, unsigned int order);

/**
 * table_gather_free() - free the pages and make the list empty
 * @env: the environment the pages came from
 * @g: list
 *
 * Only after the caches were flushed and walks in progress have ended.
 */
void table_gather_free(const struct table_env *env, struct table_gather *g);

#endif
