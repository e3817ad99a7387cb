// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tables that translate the PASIDs of ENQCMD: builder and walker.
 *
 * A CPU may be in the tables at any time. It finds an entry or none, never a part of one: a directory entry
 * is one 64-bit store after its table was zeroed, a table entry one 32-bit store. Tables are unlinked by
 * nothing but cpu_pasid_destroy(), so a walk never meets a page that was given back.
 */
#include "formats/cpu_pasid.h"

/* ---- Builder ------------------------------------------------------------------------------------ */

/* The hook is told the aligned 64 bits around what was written. */
static void cpu_pasid_sync(const struct cpu_pasid_table *t, const void *at)
{
	if (unlikely(t->env->sync))
		t->env->sync->at(t->env->sync, (const u64 *)ALIGN_DOWN((unsigned long)at, 8UL));
}

static void *cpu_pasid_alloc(struct cpu_pasid_table *t, u64 *pa)
{
	void *page = t->env->alloc->alloc(t->env->alloc, 0, pa);

	if (page)
		t->nr_pages++;
	return page;
}

static void cpu_pasid_free(struct cpu_pasid_table *t, void *page, u64 pa)
{
	t->env->alloc->free(t->env->alloc, page, pa, 0);
	t->nr_pages--;
}

int cpu_pasid_init(struct cpu_pasid_table *t, const struct table_env *env)
{
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->dir[0] = cpu_pasid_alloc(t, &t->low);
	if (!t->dir[0])
		return -ENOMEM;
	t->dir[1] = cpu_pasid_alloc(t, &t->high);
	if (t->dir[1])
		return 0;
	cpu_pasid_free(t, t->dir[0], t->low);
	t->dir[0] = NULL;
	return -ENOMEM;
}

static u32 *cpu_pasid_table_at(const struct cpu_pasid_table *t, u64 de)
{
	return (u32 *)phys_at_u64(t->env->mem, de & CPU_PASID_DE_TABLE);
}

static void cpu_pasid_destroy_dir(struct cpu_pasid_table *t, unsigned int high, u64 pa)
{
	u64 *dir = t->dir[high];
	u32 i;

	for (i = 0; i < CPU_PASID_DIR_NR; i++)
		if (dir[i] & CPU_PASID_DE_P)
			cpu_pasid_free(t, cpu_pasid_table_at(t, dir[i]),
				       dir[i] & CPU_PASID_DE_TABLE);
	cpu_pasid_free(t, dir, pa);
	t->dir[high] = NULL;
}

void cpu_pasid_destroy(struct cpu_pasid_table *t)
{
	if (!t->dir[0])
		return;
	cpu_pasid_destroy_dir(t, 0, t->low);
	cpu_pasid_destroy_dir(t, 1, t->high);
}

/* The entry of @vpasid, or NULL if it has no table. */
static u32 *cpu_pasid_slot(const struct cpu_pasid_table *t, u32 vpasid)
{
	u64 de = t->dir[cpu_pasid_is_high(vpasid)][cpu_pasid_dir_index(vpasid)];

	if (!(de & CPU_PASID_DE_P))
		return NULL;
	return cpu_pasid_table_at(t, de) + cpu_pasid_table_index(vpasid);
}

/* The same, with a new table if need be. */
static u32 *cpu_pasid_make_slot(struct cpu_pasid_table *t, u32 vpasid)
{
	u32 *slot = cpu_pasid_slot(t, vpasid), *table;
	u64 *de, pa;

	if (slot)
		return slot;
	table = cpu_pasid_alloc(t, &pa);
	if (!table)
		return NULL;
	de = &t->dir[cpu_pasid_is_high(vpasid)][cpu_pasid_dir_index(vpasid)];
	dma_wmb();
	WRITE_ONCE(*de, pa | CPU_PASID_DE_P);
	cpu_pasid_sync(t, de);
	return table + cpu_pasid_table_index(vpasid);
}

static void cpu_pasid_store(const struct cpu_pasid_table *t, u32 *slot, u32 te)
{
	WRITE_ONCE(*slot, te);
	cpu_pasid_sync(t, slot);
}

int cpu_pasid_set(struct cpu_pasid_table *t, u32 vpasid, u32 ppasid)
{
	u32 *slot;

	if (vpasid > CPU_PASID_MAX || ppasid > CPU_PASID_MAX)
		return -ERANGE;
	slot = cpu_pasid_make_slot(t, vpasid);
	if (!slot)
		return -ENOMEM;
	cpu_pasid_store(t, slot, ppasid | CPU_PASID_TE_V);
	return 0;
}

void cpu_pasid_clear(struct cpu_pasid_table *t, u32 vpasid)
{
	u32 *slot = vpasid > CPU_PASID_MAX ? NULL : cpu_pasid_slot(t, vpasid);

	if (slot && *slot)
		cpu_pasid_store(t, slot, 0);
}

u32 cpu_pasid_get(const struct cpu_pasid_table *t, u32 vpasid)
{
	const u32 *slot = vpasid > CPU_PASID_MAX ? NULL : cpu_pasid_slot(t, vpasid);

	return slot && *slot & CPU_PASID_TE_V ? *slot & CPU_PASID_TE_PASID : CPU_PASID_NONE;
}

/* ---- Walker ------------------------------------------------------------------------------------- */

enum cpu_pasid_level cpu_pasid_walk(const struct phys_mem *mem, u64 low, u64 high,
				    unsigned int phys_bits, u32 vpasid, struct cpu_pasid_walk *w)
{
	u64 rsvd = cpu_pasid_de_reserved(phys_bits);
	const u64 *dep;
	const u32 *tep;
	u64 de;
	u32 te;

	w->ppasid = CPU_PASID_NONE;
	w->table_entry = 0;
	w->table_pa = 0;
	w->directory_pa = (cpu_pasid_is_high(vpasid) ? high : low) +
			  cpu_pasid_dir_index(vpasid) * CPU_PASID_DE_BYTES;
	dep = phys_at_u64(mem, w->directory_pa);
	de = likely(dep) ? READ_ONCE(*dep) : 0;
	w->directory_entry = de;
	if (unlikely((de & (rsvd | CPU_PASID_DE_P)) != CPU_PASID_DE_P))
		return CPU_PASID_DIRECTORY;
	w->table_pa =
		(de & CPU_PASID_DE_TABLE) + cpu_pasid_table_index(vpasid) * CPU_PASID_TE_BYTES;
	tep = phys_at_u32(mem, w->table_pa);
	te = likely(tep) ? READ_ONCE(*tep) : 0;
	w->table_entry = te;
	if (unlikely((te & ~CPU_PASID_TE_PASID) != CPU_PASID_TE_V))
		return CPU_PASID_TABLE;
	w->ppasid = te & CPU_PASID_TE_PASID;
	return CPU_PASID_OK;
}
