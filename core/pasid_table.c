// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Number -> record. A number's record is always in the same place: in a page that it shares with its
 * neighbours. What lookups need is apart from the rest, in pages that are never given back.
 */
#include "core/pasid_alloc.h"

#define HOT_PAGES (PASID_CAPACITY / PASID_HOT)
#define REC_PAGES (PASID_CAPACITY / PASID_CHUNK)

struct pasid_rec *pasid_table_find(const struct pasid_table *table, u32 number)
{
	struct pasid_rec *page;

	if (!table->rec || number >= PASID_CAPACITY)
		return NULL;
	page = table->rec[number >> PASID_CHUNK_LG2];
	return page ? &page[number & (PASID_CHUNK - 1)] : NULL;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int spare_root(bool there, void *spare, u32 pages)
{
	void **root = spare;

	if (!there && !*root)
		*root = kvcalloc(pages, sizeof(void *), GFP_KERNEL);
	return there || *root ? 0 : -ENOMEM;
}

static int spare_page(void *spare)
{
	void **page = spare;

	if (!*page)
		*page = os_lines_zalloc(PAGE_SIZE, GFP_KERNEL); /* all share it: nobody pays */
	return *page ? 0 : -ENOMEM;
}

int pasid_table_spare(const struct pasid_table *table, struct pasid_table_spare *spare)
{
	BUILD_BUG_ON(sizeof(struct pasid_hot) * PASID_HOT != PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct pasid_rec) * PASID_CHUNK != PAGE_SIZE);
	return spare_root(READ_ONCE(table->hot), &spare->hot_root, HOT_PAGES)	      ?:
		       spare_root(READ_ONCE(table->rec), &spare->rec_root, REC_PAGES) ?:
		       spare_page(&spare->hot)					      ?:
		       spare_page(&spare->rec);
}

void pasid_table_spare_free(struct pasid_table_spare *spare)
{
	kvfree(spare->hot_root);
	kvfree(spare->rec_root);
	os_lines_free(spare->hot);
	os_lines_free(spare->rec);
	memset(spare, 0, sizeof(*spare));
}

static bool make_roots(struct pasid_table *table, struct pasid_table_spare *spare)
{
	if (!table->rec) {
		WRITE_ONCE(table->rec, spare->rec_root);
		spare->rec_root = NULL;
	}
	if (!table->hot && spare->hot_root) {
		smp_store_release(&table->hot, spare->hot_root);
		spare->hot_root = NULL;
	}
	return table->rec && table->hot;
}

static bool make_hot(struct pasid_table *table, u32 number, struct pasid_table_spare *spare)
{
	struct pasid_hot **page = &table->hot[number >> PASID_HOT_LG2];
	u32 i;

	if (*page || !spare->hot)
		return *page;
	for (i = 0; i < PASID_HOT; i++)
		spare->hot[i].seq = 1;
	smp_store_release(page, spare->hot);
	spare->hot = NULL;
	table->nr_hot++;
	return true;
}

struct pasid_rec *pasid_table_make(struct pasid_table *table, u32 number,
				   struct pasid_table_spare *spare)
{
	struct pasid_rec **page, *rec;

	if (!make_roots(table, spare) || !make_hot(table, number, spare))
		return NULL;
	page = &table->rec[number >> PASID_CHUNK_LG2];
	if (!*page) {
		*page = spare->rec;
		spare->rec = NULL;
		table->nr_rec += !!*page;
	}
	if (!*page)
		return NULL;
	rec = &(*page)[number & (PASID_CHUNK - 1)];
	rec->number = number;
	return rec;
}

void pasid_table_emptied(struct pasid_table *table, const struct pasid_space *space, u32 number)
{
	u32 kept = table->empty;
	struct pasid_rec **page;

	table->empty = number | (PASID_CHUNK - 1);
	if (!kept || kept == table->empty || pasid_space_any(space, kept - (PASID_CHUNK - 1), kept))
		return;
	/* One is kept, so that a number that comes and goes needs no memory each time. */
	page = &table->rec[kept >> PASID_CHUNK_LG2];
	if (!*page)
		return;
	os_lines_free(*page);
	*page = NULL;
	table->nr_rec--;
}

void pasid_table_destroy(struct pasid_table *table)
{
	u32 i;

	for (i = 0; table->rec && i < REC_PAGES; i++)
		os_lines_free(table->rec[i]);
	for (i = 0; table->hot && i < HOT_PAGES; i++)
		os_lines_free(table->hot[i]);
	kvfree(table->rec);
	kvfree(table->hot);
	memset(table, 0, sizeof(*table));
}
