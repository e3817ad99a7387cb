/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How the formats reach physical memory.
 *
 * "Physical" is whatever the table's addresses mean to its owner: bus addresses in a kernel, host
 * virtual addresses in a process, offsets in a memory image for a tool, guest-physical addresses
 * for code that looks at a guest's own tables.
 */
#ifndef FORMATS_PHYS_H
#define FORMATS_PHYS_H

#include "os/os.h"

#define PHYS_PAGE_LG2  12
#define PHYS_PAGE_SIZE (1ULL << PHYS_PAGE_LG2)

/**
 * struct phys_mem - a physical address space
 * @linear_last: the linear window is [0, @linear_last]; 0 means there is no window
 * @linear_offset: what to add (modulo 2^64) to an address in the window to get a pointer
 * @at: asked for everything outside the window; NULL if there is nothing outside
 *
 * The window is the fast path: one comparison and one addition, no indirect call. Everything in it
 * must be readable, because nothing else is checked; a window over addresses that an untrusted
 * party chooses must be backed completely. A process whose tables hold host virtual addresses uses
 * {.linear_last = ~0ULL, .linear_offset = 0}.
 *
 * @at gets an address and a length (1 to 4096 bytes) that do not cross a 4 KiB page, and returns a
 * pointer to these bytes or NULL, which the hardware formats call an access error. The pointer has
 * to stay good for as long as the caller of the format's function said it would (for a walk: until
 * the walk returns). It keeps the alignment of @pa up to 8. Embed this structure to give @at more
 * context. It may be called concurrently and must not sleep.
 */
struct phys_mem {
	u64 linear_last;
	u64 linear_offset;
	void *(*at)(const struct phys_mem *mem, u64 pa, u32 len);
};

/** phys_mem_init_linear() - [0, @last] is at @offset, and nothing else exists */
static inline void phys_mem_init_linear(struct phys_mem *mem, u64 last, u64 offset)
{
	mem->linear_last = last;
	mem->linear_offset = offset;
	mem->at = NULL;
}

/** phys_mem_init_callback() - every access asks @at */
static inline void phys_mem_init_callback(struct phys_mem *mem,
					  void *(*at)(const struct phys_mem *mem, u64 pa, u32 len))
{
	mem->linear_last = 0;
	mem->linear_offset = 0;
	mem->at = at;
}

/* The part of phys_at() that is not the fast path. */
static inline void *phys_at_outside(const struct phys_mem *mem, u64 pa, u32 len)
{
	return mem->at ? mem->at(mem, pa, len) : NULL;
}

/**
 * phys_at() - reach @len bytes at physical address @pa
 * @mem: address space
 * @pa: address
 * @len: 1 to 4096
 *
 * Return: pointer, or NULL when there is no memory, @len is 0 or the bytes cross a 4 KiB page.
 */
static __always_inline void *phys_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	if (unlikely(!len || (pa & (PHYS_PAGE_SIZE - 1)) + len > PHYS_PAGE_SIZE))
		return NULL;
	if (likely(mem->linear_last && pa + (len - 1) <= mem->linear_last))
		return (void *)(unsigned long)(pa + mem->linear_offset);
	return phys_at_outside(mem, pa, len);
}

/**
 * phys_at_u64() - reach one table entry
 * @mem: address space
 * @pa: address, a multiple of 8 (so that it crosses no page and @pa + 7 does not wrap)
 *
 * The same as phys_at(mem, pa, 8), without the checks that alignment makes superfluous.
 */
static __always_inline u64 *phys_at_u64(const struct phys_mem *mem, u64 pa)
{
	if (likely(pa + 7 <= mem->linear_last))
		return (u64 *)(unsigned long)(pa + mem->linear_offset);
	return phys_at_outside(mem, pa, 8);
}

/** phys_at_u32() - the same for an entry of 4 bytes; @pa is a multiple of 4 */
static __always_inline u32 *phys_at_u32(const struct phys_mem *mem, u64 pa)
{
	if (likely(pa + 3 <= mem->linear_last))
		return (u32 *)(unsigned long)(pa + mem->linear_offset);
	return phys_at_outside(mem, pa, 4);
}

#endif
