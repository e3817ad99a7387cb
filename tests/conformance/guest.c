// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/conformance/guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool guest_init(struct guest *g, uint64_t gpa, size_t data_pages, size_t table_pages)
{
	size_t i;

	memset(g, 0, sizeof(*g));
	g->size = (data_pages + table_pages) * GUEST_PAGE;
	g->ram = memory(g->size);
	g->shadow = memory(data_pages * GUEST_PAGE);
	if (!g->ram || !g->shadow)
		return false;
	g->gpa = gpa;
	g->data_pages = data_pages;
	g->next_table = data_pages;
	for (i = 0; i < data_pages * GUEST_PAGE / 8; i++)
		((uint64_t *)g->ram)[i] = 0xdada000000000000ULL + i;
	memcpy(g->shadow, g->ram, data_pages * GUEST_PAGE);
	return true;
}

void guest_destroy(struct guest *g)
{
	if (g->ram)
		munmap(g->ram, g->size);
	if (g->shadow)
		munmap(g->shadow, g->data_pages * GUEST_PAGE);
	memset(g, 0, sizeof(*g));
}

uint64_t guest_data_gpa(const struct guest *g, size_t n)
{
	return g->gpa + n * GUEST_PAGE;
}

uint64_t guest_table_new(struct guest *g)
{
	uint64_t offset = g->next_table++ * GUEST_PAGE;

	if (offset >= g->size)
		abort(); /* the test asked for too few table pages */
	memset(g->ram + offset, 0, GUEST_PAGE);
	return g->gpa + offset;
}

static uint64_t *entry(const struct guest *g, uint64_t table, uint64_t va, unsigned int level)
{
	uint64_t index = va >> (12 + 9 * (level - 1)) & 511;

	return (uint64_t *)(void *)(g->ram + (table - g->gpa)) + index;
}

/* Devices read entries, and set bits in them, while the guest changes them. */
static uint64_t load(const uint64_t *pte)
{
	return __atomic_load_n(pte, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *pte, uint64_t value)
{
	__atomic_store_n(pte, value, __ATOMIC_RELEASE);
}

uint64_t *guest_pte(const struct guest *g, uint64_t root, unsigned int levels, uint64_t va,
		    unsigned int down)
{
	uint64_t table = root, pte;
	unsigned int level;

	for (level = levels; level > down; level--) {
		pte = load(entry(g, table, va, level));
		if (!(pte & PTE_P) || (pte & PTE_PS && level <= 3))
			return NULL;
		table = pte & PTE_ADDR;
	}
	return entry(g, table, va, down);
}

void guest_map(struct guest *g, uint64_t root, unsigned int levels, uint64_t va, uint64_t gpa,
	       uint64_t bits, unsigned int down)
{
	uint64_t table = root, *pte;
	unsigned int level;

	for (level = levels; level > down; level--) {
		pte = entry(g, table, va, level);
		if (!(load(pte) & PTE_P))
			store(pte, guest_table_new(g) | PTE_P | PTE_W | PTE_U);
		table = load(pte) & PTE_ADDR;
	}
	store(entry(g, table, va, down), gpa | bits | PTE_P | (down > 1 ? PTE_PS : 0));
}

void guest_unmap(struct guest *g, uint64_t root, unsigned int levels, uint64_t va)
{
	uint64_t *pte = guest_pte(g, root, levels, va, 1);

	if (pte)
		store(pte, 0);
}

bool guest_data_intact(const struct guest *g, size_t *page)
{
	size_t i;

	for (i = 0; i < g->data_pages; i++) {
		if (memcmp(g->ram + i * GUEST_PAGE, g->shadow + i * GUEST_PAGE, GUEST_PAGE)) {
			*page = i;
			return false;
		}
	}
	return true;
}
