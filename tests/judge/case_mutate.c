// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tables that no builder writes: one bit of an entry on the way flipped. QEMU and our walker have
 * to agree on what is left of the translation.
 */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

#define MIB  (1ULL << 20)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)
#define HOME 0x5a5a5a000ULL

/* Where the entries on the way are. */
struct path {
	struct vtd_trace trace;
	u64 pa[5];
	u8 level[5];
	unsigned int nr;
};

static void path_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct path *p = container_of(trace, struct path, trace);

	if (p->nr == ARRAY_SIZE(p->pa))
		return;
	p->pa[p->nr] = rec->pa;
	p->level[p->nr++] = rec->level;
}

static void path_find(struct judge *j, struct path *p, const struct space *s, u64 iova)
{
	struct vtd_te te = space_te(j, s);
	u64 pe[VTD_PE_WORDS];
	struct vtd_xlat x;

	*p = (struct path){ .trace = { .entry = path_entry } };
	if (j->v->legacy) {
		vtd_lce_encode(&j->m.caps, &te, pe);
		vtd_lce_decode(&j->m.caps, pe, &te);
	} else {
		vtd_pe_encode(&j->m.caps, &te, pe);
		vtd_pe_decode(&j->m.caps, pe, &te);
	}
	vtd_walk_peek(&j->m.shadow.mem, &j->m.caps, &te, iova, XLAT_READ, &x, &p->trace);
}

/*
 * Bits about which QEMU is known to differ from the specification, so that they tell nothing about
 * us. First stage: none. Second stage: it takes SNP of entries that are no leaves, and bit 62, for
 * ignored.
 */
static u64 mutate_unfair(const struct judge *j, u8 level)
{
	(void)level;
	return space_is_fs(j) ? 0 : VTD_SS_SNP | VTD_SS_IW;
}

static void mutate_flip(struct judge *j, u64 pa, unsigned int bit)
{
	u64 *e = machine_ptr(&j->m.real, pa, 8);

	WRITE_ONCE(*e, *e ^ BIT_ULL(bit));
	machine_adopt(&j->m, pa, 8);
}

/* Would the DMA go where it does harm: to registers, or to what the test itself needs? */
static bool mutate_harmful(struct judge *j, const struct judge_link *l, u64 iova)
{
	unsigned int write;

	for (write = 0; write < 2; write++) {
		struct forecast f = judge_peek(j, l->e->rid, iova, write);

		if (f.reason)
			continue;
		if (!machine_is_ram(&j->m, f.pa & ~(PAGE - 1), PAGE) ||
		    f.pa < j->m.data_area[0].start)
			return true;
		if (f.pa >= j->m.table_area[1].start &&
		    f.pa < j->m.table_area[1].start + j->m.table_area[1].size)
			return true;
	}
	return false;
}

static void mutate_one(struct judge *j, const struct judge_link *l, const struct path *p, u64 iova)
{
	unsigned int n = (unsigned int)rng_below(&j->rng, p->nr);
	unsigned int bit = (unsigned int)rng_below(&j->rng, 64), errors = j->errors;
	u64 saved = *(u64 *)machine_ptr(&j->m.real, p->pa[n], 8);

	if (mutate_unfair(j, p->level[n]) & BIT_ULL(bit))
		return;
	mutate_flip(j, p->pa[n], bit);
	judge_flush_global(j);
	if (!mutate_harmful(j, l, iova)) {
		judge_check(j, l, iova, 64, true);
		judge_flush_global(j);
		judge_check(j, l, iova, 64, false);
	}
	if (j->errors != errors)
		judge_error(j, "that was bit %u of level %u, entry %016llx", bit, p->level[n],
			    saved);
	*(u64 *)machine_ptr(&j->m.real, p->pa[n], 8) = saved;
	machine_adopt(&j->m, p->pa[n], 8);
	judge_flush_global(j);
}

#define MUTATE_NR 160

static void case_mutate(struct judge *j)
{
	struct judge_link l;
	unsigned int i;
	struct path p;
	struct space s;
	u64 at[2];

	space_init(j, &s, false);
	/* The home page stays reachable: it shares no entry with these. */
	at[0] = s.pt.ia_last / 2 + 1 + 4 * MIB;
	at[1] = at[0] + 4 * MIB;
	judge_link(j, &l, 0, &s, HOME);
	space_map(j, &s, at[0], data_pages(j, PAGE, PAGE), PAGE, RW);
	space_map(j, &s, at[1], data_pages(j, 2 * MIB, 2 * MIB), 2 * MIB, RW);
	j->garbage = true;
	for (i = 0; i < MUTATE_NR; i++) {
		path_find(j, &p, &s, at[i % 2]);
		mutate_one(j, &l, &p, at[i % 2] + 8);
	}
	j->garbage = false;
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

const struct judge_case judge_mutate_cases[] = {
	{ "entries with a wrong bit", case_mutate, NULL },
	{ NULL, NULL, NULL },
};
