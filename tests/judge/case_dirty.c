// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Accessed and dirty bits: QEMU sets in RAM the bits that our walker sets in the shadow. */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)
#define HOME 0x5a5a5a000ULL

#define PAGES 48

/* A page at a time, so that each has its own story. */
struct dirty_page {
	u64 iova;
	u64 size;
	bool written;
};

static void dirty_map(struct judge *j, struct space *s, struct dirty_page *page)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		page[i].size = i % 8 ? PAGE : 2 * MIB;
		page[i].iova = 11 * GIB + i * 4 * MIB;
		page[i].written = false;
		space_map(j, s, page[i].iova, data_pages(j, page[i].size, page[i].size),
			  page[i].size, RW);
	}
}

/* A cached translation sets no bit, so each access starts with empty caches. */
static void dirty_access(struct judge *j, struct judge_link *l, const struct dirty_page *page,
			 bool write)
{
	judge_flush_global(j);
	judge_check(j, l, page->iova + rng_below(&j->rng, page->size - 64), 64, write);
	judge_compare(j, write ? "after a write" : "after a read");
}

struct dirty_report {
	struct judge *j;
	struct dirty_page *page;
	unsigned int found;
};

static void dirty_seen(void *arg, u64 iova, u64 len)
{
	struct dirty_report *r = arg;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (r->page[i].iova != iova)
			continue;
		judge_expect(r->j, r->page[i].written && r->page[i].size == len,
			     "0x%llx reported as dirty", iova);
		r->found++;
	}
}

static void dirty_report(struct judge *j, struct space *s, struct dirty_page *page)
{
	struct dirty_report r = { .j = j, .page = page };
	unsigned int i, want = 0;
	int rc = iopt_read_dirty(&s->pt, page[0].iova, page[PAGES - 1].iova + 2 * MIB - 1, true,
				 dirty_seen, &r);

	for (i = 0; i < PAGES; i++)
		want += page[i].written;
	judge_expect(j, !rc && r.found == want, "iopt_read_dirty: %d, %u pages, not %u", rc,
		     r.found, want);
	judge_flush_global(j);
	machine_adopt_tables(&j->m);
}

static void case_dirty(struct judge *j)
{
	struct dirty_page page[PAGES];
	struct judge_link l;
	unsigned int i;
	struct space s;

	space_init(j, &s, true);
	judge_link(j, &l, 0, &s, HOME);
	dirty_map(j, &s, page);
	for (i = 0; i < PAGES; i++) {
		page[i].written = i % 3 == 0;
		if (i % 3 < 2)
			dirty_access(j, &l, &page[i], page[i].written);
	}
	dirty_report(j, &s, page);
	/* The first access to the last third is refused or a read; nothing is dirty now. */
	for (i = 0; i < PAGES; i++) {
		page[i].written = false;
		if (i % 3 == 2)
			dirty_access(j, &l, &page[i], false);
	}
	dirty_report(j, &s, page);
	/* Writes to pages that were read before: here QEMU is late. */
	for (i = 0; i < PAGES; i++)
		dirty_access(j, &l, &page[i], true);
	judge_expect(j, j->late_dirty <= j->m.dmas, "more late bits than accesses");
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

static bool dirty_wants_fs(const struct variant *v)
{
	return v->fmt == IOPT_FMT_VTD_FS;
}

/* A refused write leaves no dirty bit, a page beside the accessed one no accessed bit. */
static void case_dirty_refused(struct judge *j)
{
	const u64 at = 12 * GIB;
	struct judge_link l;
	struct space s;

	space_init(j, &s, true);
	judge_link(j, &l, 0, &s, HOME);
	space_map(j, &s, at, data_pages(j, PAGE, PAGE), PAGE, IOPT_READ);
	space_map(j, &s, at + PAGE, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check(j, &l, at + 8, 64, true);
	judge_compare(j, "after a refused write");
	judge_check(j, &l, at + 8, 64, false);
	judge_compare(j, "after a read beside an untouched page");
	judge_flush_global(j);
	judge_check(j, &l, at + PAGE - 32, 64, true);
	judge_compare(j, "after a write of which half is refused");
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

const struct judge_case judge_dirty_cases[] = {
	{ "accessed and dirty bits", case_dirty, dirty_wants_fs },
	{ "accessed and dirty bits of refused DMA", case_dirty_refused, dirty_wants_fs },
	{ NULL, NULL, NULL },
};
