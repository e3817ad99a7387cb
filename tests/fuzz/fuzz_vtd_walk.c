// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libFuzzer target: hostile VT-d structures. The input is a small header and a few pages of
 * "physical memory"; every address lands in one of them (or, by one bit, nowhere), so that random
 * pointers lead to more tables. The sanitizers see accesses outside; here we check that the walk
 * ends, that looking changes nothing, and that answers make sense.
 */
#include <stdint.h>
#include <stdlib.h>
#include "formats/vtd.h"

#define NR_PAGES 6u
#define NOWHERE	 (1ULL << 44) /* addresses with this bit are not memory */

struct header {
	u64 cap;
	u64 ecap;
	u64 rtaddr;
	u64 iova;
	u64 fs_root;
	u64 ss_root;
	u32 pasid;
	u16 rid;
	u16 te_flags;
	u8 access;
	u8 req;
	u8 pgtt;
	u8 levels;
	u8 haw;
	u8 entry; /* for the decoder */
};

struct memory {
	struct phys_mem mem;
	u8 *page[NR_PAGES];
	unsigned long nr_at;
};

static void *memory_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct memory *m = container_of((struct phys_mem *)mem, struct memory, mem);

	m->nr_at++;
	if (!len || (pa & 0xfff) + len > 4096)
		abort();
	if (pa & NOWHERE)
		return NULL;
	return m->page[(pa >> 12) % NR_PAGES] + (pa & 0xfff);
}

/* Reads the records it gets; @nr of them. */
struct counter {
	struct vtd_trace trace;
	unsigned long nr;
	u64 sum;
};

static void count(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct counter *c = container_of(trace, struct counter, trace);

	c->nr++;
	c->sum += rec->words[0] ^ rec->words[rec->nr_words - 1] ^ rec->pa;
}

static void check_xlat(const struct vtd_caps *caps, const struct vtd_xlat *x, u32 access)
{
	if (x->reason) {
		if (!vtd_reason_info(x->reason) || x->fault == XLAT_OK || x->perm)
			abort();
		return;
	}
	if (x->fault != XLAT_OK || x->oa & caps->haw_rsvd || x->lg2 < 12 || x->lg2 > 30)
		abort();
	if (x->oa >> 20 == 0xfee)
		abort();
	/* A successful write is allowed, and its dirty bit set. */
	if (access & XLAT_WRITE && !(access & XLAT_ATS) && !(x->perm & XLAT_WRITE))
		abort();
}

/* All ways to walk one entry. */
static void walk_all(struct memory *m, const struct vtd_caps *caps, const struct vtd_te *te,
		     const struct header *h, u8 *copy)
{
	u32 access = h->access & (XLAT_RW | XLAT_PRIV | XLAT_ZERO_LEN | XLAT_ATS), i;
	struct counter counter = { .trace.entry = count };
	struct vtd_steps steps;
	struct vtd_xlat x;

	for (i = 0; i < NR_PAGES; i++)
		memcpy(copy + i * 4096, m->page[i], 4096);
	m->nr_at = 0;
	vtd_walk_peek(&m->mem, caps, te, h->iova, access, &x, &counter.trace);
	/* 5 levels on 5 levels read 35 entries; those that are no memory are not seen. */
	if (m->nr_at > 35 || counter.nr > m->nr_at || counter.nr + 1 < m->nr_at)
		abort();
	for (i = 0; i < NR_PAGES; i++)
		if (memcmp(copy + i * 4096, m->page[i], 4096))
			abort();
	m->nr_at = 0;
	vtd_walk(&m->mem, caps, te, h->iova, access, &x);
	check_xlat(caps, &x, access);
	/* Nobody else changes the memory, but a walk may meet the bits it set itself. */
	if (m->nr_at > 64 * 35)
		abort();
	vtd_walk_steps(&m->mem, caps, te, NULL, h->iova, access, &x, &steps);
	check_xlat(caps, &x, access);
	if (steps.nr > ARRAY_SIZE(steps.step))
		abort();
	for (i = 0; i < steps.nr; i++) {
		struct vtd_steps again;

		vtd_walk_steps(&m->mem, caps, te, &steps.step[i], h->iova, access, &x, &again);
		check_xlat(caps, &x, access);
		if (again.nr > ARRAY_SIZE(again.step))
			abort();
	}
}

static void check_field(void *arg, const struct vtd_field *field)
{
	if (!field->name || field->hi < field->lo || field->hi >= 64 * *(u32 *)arg ||
	    (!field->is_addr && field->hi - field->lo < 63 &&
	     field->value >> (field->hi - field->lo + 1)))
		abort();
}

static void decode_all(const struct memory *m, const struct vtd_caps *caps, const struct header *h)
{
	u32 words = vtd_entry_words(h->entry % VTD_ENTRY_NR);
	u64 entry[VTD_PE_WORDS];
	struct vtd_te te;
	struct vtd_ctx ctx;

	memcpy(entry, m->page[0], sizeof(entry));
	vtd_decode(h->entry % VTD_ENTRY_NR, h->levels % 6, entry, check_field, &words);
	/* What decodes, encodes again. */
	if (!vtd_pe_decode(caps, entry, &te)) {
		u64 again[VTD_PE_WORDS], used[VTD_PE_WORDS], used2[VTD_PE_WORDS], i;

		if (vtd_pe_encode(caps, &te, again))
			abort();
		vtd_pe_used(entry, used);
		vtd_pe_used(again, used2);
		for (i = 0; i < VTD_PE_WORDS; i++)
			if ((entry[i] ^ again[i]) & (used[i] | used2[i]))
				abort();
	}
	if (!vtd_ce_decode(caps, entry, &ctx)) {
		u64 again[VTD_CTX_WORDS];

		if (vtd_ce_encode(caps, &ctx, again) || memcmp(again, entry, sizeof(again)))
			abort();
	}
	vtd_lce_decode(caps, entry, &te);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct counter counter = { .trace.entry = count };
	static u8 copy[NR_PAGES * 4096];
	struct memory m = { 0 };
	struct vtd_lookup res;
	struct vtd_caps caps;
	struct vtd_req req;
	struct header h;
	struct vtd_te te;
	size_t i;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	size -= sizeof(h);
	phys_mem_init_callback(&m.mem, memory_at);
	for (i = 0; i < NR_PAGES; i++) {
		size_t n = min_t(size_t, size, 4096);

		/* One allocation per page: a step over its edge shows. */
		m.page[i] = calloc(1, 4096);
		if (!m.page[i])
			abort();
		memcpy(m.page[i], data, n);
		data += n;
		size -= n;
	}
	vtd_caps_decode(&caps, h.cap, h.ecap, h.haw % 64);
	req = (struct vtd_req){ .rid = h.rid,
				.pasid = h.pasid,
				.has_pasid = h.req & 1,
				.priv = h.req & 2,
				.type = h.req >> 2 & 3 };
	if (!vtd_lookup(&m.mem, &caps, h.rtaddr, &req, &res, &counter.trace))
		walk_all(&m, &caps, &res.te, &h, copy);
	/* And an entry that needs no luck. */
	te = (struct vtd_te){ .fs_root = h.fs_root & VTD_ADDR_MASK,
			      .ss_root = h.ss_root & VTD_ADDR_MASK,
			      .flags = h.te_flags,
			      .pgtt = VTD_PGTT_FS + h.pgtt % 4,
			      .fs_levels = 4 + (h.levels & 1),
			      .ss_levels = 3 + (h.levels >> 1) % 3 };
	te.gpa_lg2 = min_t(u8, caps.mgaw, 12 + 9 * te.ss_levels);
	walk_all(&m, &caps, &te, &h, copy);
	decode_all(&m, &caps, &h);
	for (i = 0; i < NR_PAGES; i++)
		free(m.page[i]);
	return 0;
}
