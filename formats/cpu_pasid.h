/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The tables by which an x86 CPU translates the PASIDs of ENQCMD and ENQCMDS in a guest (VMX "PASID
 * translation"): two directories of 512 entries, chosen by bit 19 of the guest's PASID, which lead to
 * tables of 1024 entries of four bytes. Bits: Intel SDM vol. 3C; what could not be checked against its
 * text is marked in cpu_pasid_layout.h, the one place that knows positions.
 *
 * Writers of one table are serialized by the caller. CPUs walk it at the same time: an entry is
 * written with one store, a table is linked when it is all zero, and nothing is freed before
 * cpu_pasid_destroy().
 */
#ifndef FORMATS_CPU_PASID_H
#define FORMATS_CPU_PASID_H

#include "formats/cpu_pasid_layout.h"
#include "formats/tables.h"

/**
 * struct cpu_pasid_table - one translation
 * @env: memory
 * @low, @high: physical addresses of the directories
 * @dir: the same as pointers, by bit 19
 * @nr_pages: pages it has, directories counted
 */
struct cpu_pasid_table {
	const struct table_env *env;
	u64 low;
	u64 high;
	u64 *dir[2];
	u32 nr_pages;
};

/** cpu_pasid_init() - directories without entries. Return: 0 or -ENOMEM. Sleeps as @env's alloc does. */
int cpu_pasid_init(struct cpu_pasid_table *t, const struct table_env *env);
/** cpu_pasid_destroy() - no CPU walks it any more; all its pages go. */
void cpu_pasid_destroy(struct cpu_pasid_table *t);
/**
 * cpu_pasid_set() - @vpasid becomes @ppasid
 * @vpasid, @ppasid: below 2^20
 *
 * CPUs may have cached what @vpasid became before, but not that it became nothing.
 *
 * Return: 0; -ENOMEM, -ERANGE: nothing changed. Sleeps as @env's alloc does.
 */
int cpu_pasid_set(struct cpu_pasid_table *t, u32 vpasid, u32 ppasid);
/** cpu_pasid_clear() - @vpasid is translated no longer; CPUs may have the old entry cached. */
void cpu_pasid_clear(struct cpu_pasid_table *t, u32 vpasid);
/** cpu_pasid_get() - what @vpasid becomes, or CPU_PASID_NONE. As the writer sees it. */
u32 cpu_pasid_get(const struct cpu_pasid_table *t, u32 vpasid);
#define CPU_PASID_NONE 0xffffffffU

/** enum cpu_pasid_level - where a walk ended. */
enum cpu_pasid_level {
	CPU_PASID_OK,
	CPU_PASID_DIRECTORY, /* not present, or reserved bits */
	CPU_PASID_TABLE, /* not valid, or reserved bits */
};

/**
 * struct cpu_pasid_walk - what a walk met
 * @ppasid: CPU_PASID_OK: the result
 * @directory_entry, @table_entry: as read; 0: not read
 * @directory_pa, @table_pa: physical addresses of the two entries
 */
struct cpu_pasid_walk {
	u32 ppasid;
	u32 table_entry;
	u64 directory_entry;
	u64 directory_pa;
	u64 table_pa;
};

/**
 * cpu_pasid_walk() - translate as a CPU does; reads two entries, each once
 * @mem: physical memory
 * @low, @high: directories
 * @phys_bits: width of physical addresses, at least 12: entry bits from there on are reserved
 * @vpasid: below 2^20 (bits above do not matter)
 * @w: filled; @ppasid is CPU_PASID_NONE without result
 *
 * Memory that is not there is taken for an entry that is not present. Takes no lock, does not sleep.
 */
enum cpu_pasid_level cpu_pasid_walk(const struct phys_mem *mem, u64 low, u64 high,
				    unsigned int phys_bits, u32 vpasid, struct cpu_pasid_walk *w);

/* ---- The same, when nothing is wrong ------------------------------------------------------------- */

static inline u32 cpu_pasid_dir_index(u32 vpasid)
{
	return vpasid >> CPU_PASID_TABLE_LG2 & (CPU_PASID_DIR_NR - 1);
}

static inline u32 cpu_pasid_table_index(u32 vpasid)
{
	return vpasid & (CPU_PASID_TABLE_NR - 1);
}

/** cpu_pasid_is_high() - is @vpasid in the high directory? */
static inline bool cpu_pasid_is_high(u32 vpasid)
{
	return vpasid >> (CPU_PASID_TABLE_LG2 + CPU_PASID_DIR_LG2) & 1;
}

/** cpu_pasid_de_reserved() - bits of a directory entry that must be 0 */
static inline u64 cpu_pasid_de_reserved(unsigned int phys_bits)
{
	u64 wide = phys_bits < 64 ? ~0ULL << phys_bits : 0;

	return wide | ~(CPU_PASID_DE_TABLE | CPU_PASID_DE_P);
}

/**
 * cpu_pasid_find() - the result of cpu_pasid_walk() alone, for who is in a hurry
 * @rsvd: cpu_pasid_de_reserved()
 *
 * Return: number; CPU_PASID_NONE: walk to see why not (and find it after all, if it was set meanwhile).
 */
static __always_inline u32 cpu_pasid_find(const struct phys_mem *mem, u64 low, u64 high, u64 rsvd,
					  u32 vpasid)
{
	/* Not a condition: no processor can predict the bit. */
	u64 dir = low ^ ((low ^ high) & -(u64)cpu_pasid_is_high(vpasid)), de;
	const u64 *dep;
	const u32 *tep;
	u32 te;

	dep = phys_at_u64(mem, dir + cpu_pasid_dir_index(vpasid) * CPU_PASID_DE_BYTES);
	if (unlikely(!dep))
		return CPU_PASID_NONE;
	de = READ_ONCE(*dep);
	if (unlikely((de & (rsvd | CPU_PASID_DE_P)) != CPU_PASID_DE_P))
		return CPU_PASID_NONE;
	tep = phys_at_u32(mem, (de & CPU_PASID_DE_TABLE) +
				       cpu_pasid_table_index(vpasid) * CPU_PASID_TE_BYTES);
	if (unlikely(!tep))
		return CPU_PASID_NONE;
	te = READ_ONCE(*tep);
	if (unlikely((te & ~CPU_PASID_TE_PASID) != CPU_PASID_TE_V))
		return CPU_PASID_NONE;
	return te & CPU_PASID_TE_PASID;
}

#endif
