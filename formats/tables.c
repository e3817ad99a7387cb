// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The list of table pages that wait for a flush. */
#include "formats/tables.h"

/*
 * The link replaces the first entry of a page that a walk in progress may still read. Valid bits of
 * all formats are among the two lowest bits, so neither an address of a page nor the order in bits
 * 7:4 can make it look present.
 */
#define LINK_PA	   GENMASK_ULL(51, 12)
#define LINK_ORDER GENMASK_ULL(7, 4)

void table_gather_add(struct table_gather *g, u64 *table, u64 pa, unsigned int order)
{
	u64 link = 0;

	if (g->nr)
		link = (g->head & LINK_PA) | FIELD_PREP(LINK_ORDER, g->order);
	WRITE_ONCE(table[0], link);
	g->head = pa;
	g->order = order;
	g->nr += 1ULL << order;
}

void table_gather_free(const struct table_env *env, struct table_gather *g)
{
	while (g->nr) {
		u64 pa = g->head;
		u32 order = g->order;
		u64 *table = phys_at_u64(env->mem, pa);

		/* The pages were tables a moment ago; if memory lost them, leak rather than guess. */
		if (WARN_ON_ONCE(!table))
			break;
		g->head = table[0] & LINK_PA;
		g->order = (u32)FIELD_GET(LINK_ORDER, table[0]);
		g->nr -= 1ULL << order;
		env->alloc->free(env->alloc, table, pa, order);
	}
	table_gather_init(g);
}
