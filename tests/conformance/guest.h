/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A guest's memory, and the first-stage page tables a guest keeps in it. Written from the format's
 * description alone and on purpose not with formats/: the suite judges that code.
 */
#ifndef CONFORMANCE_GUEST_H
#define CONFORMANCE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE 4096ULL

/* x86-64 page table entry bits. */
#define PTE_P	 (1ULL << 0)
#define PTE_W	 (1ULL << 1)
#define PTE_U	 (1ULL << 2)
#define PTE_A	 (1ULL << 5)
#define PTE_D	 (1ULL << 6)
#define PTE_PS	 (1ULL << 7)
#define PTE_ADDR 0x000ffffffffff000ULL

/**
 * struct guest - guest RAM: data pages first, then table pages
 * @ram: its memory in this process
 * @size: bytes
 * @gpa: guest-physical address of @ram
 * @data_pages: pages of data, at the start
 * @next_table: first table page never used
 * @shadow: what the data pages must contain; a stray write shows as a difference
 */
struct guest {
	uint8_t *ram;
	size_t size;
	uint64_t gpa;
	size_t data_pages;
	size_t next_table;
	uint8_t *shadow;
};

bool guest_init(struct guest *g, uint64_t gpa, size_t data_pages, size_t table_pages);
void guest_destroy(struct guest *g);
/** guest_data_gpa() - guest-physical address of data page @n. */
uint64_t guest_data_gpa(const struct guest *g, size_t n);
/** guest_table_new() - a zeroed table page. Return: its guest-physical address. */
uint64_t guest_table_new(struct guest *g);
/** guest_pte() - entry for @va in a tree of @levels at @root, @down: 1 = last level; NULL: none. */
uint64_t *guest_pte(const struct guest *g, uint64_t root, unsigned int levels, uint64_t va,
		    unsigned int down);
/**
 * guest_map() - enter a translation, making the tables above it
 * @root: guest-physical address of the tree
 * @levels: 4 or 5
 * @va: input; @gpa: output
 * @bits: PTE_W, PTE_U
 * @down: 1: 4 KiB, 2: 2 MiB, 3: 1 GiB
 */
void guest_map(struct guest *g, uint64_t root, unsigned int levels, uint64_t va, uint64_t gpa,
	       uint64_t bits, unsigned int down);
/** guest_unmap() - clear the last-level entry of @va. */
void guest_unmap(struct guest *g, uint64_t root, unsigned int levels, uint64_t va);
/** guest_data_intact() - data pages are as @shadow says; otherwise *@page is the first that differs. */
bool guest_data_intact(const struct guest *g, size_t *page);

#endif
