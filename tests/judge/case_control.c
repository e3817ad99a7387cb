// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Disagreements made on purpose: the judge has to notice each. */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

#define GIB  (1ULL << 30)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)
#define HOME 0x5a5a5a000ULL

/* Everything until control_noticed() is expected to go wrong, silently. */
static unsigned int control_begin(struct judge *j)
{
	j->said = ~0u / 2;
	return j->errors;
}

static void control_noticed(struct judge *j, unsigned int before, const char *what)
{
	bool noticed = j->errors > before;

	j->errors = before;
	j->said = 0;
	judge_expect(j, noticed, "%s was not noticed", what);
}

/* The leaf of @iova, in the shadow only, so that our walker believes something else. */
static u64 *control_leaf(struct judge *j, struct space *s, u64 iova)
{
	u64 *table = machine_ptr(&j->m.shadow, s->pt.root_pa, PAGE);
	unsigned int lvl = s->pt.top, shift = 12 + 9 * lvl;

	for (; lvl; lvl--, shift -= 9) {
		u64 e = table[iova >> shift & 511];

		table = machine_ptr(&j->m.shadow, e & VTD_ADDR_MASK, PAGE);
	}
	return &table[iova >> 12 & 511];
}

static void control_shadow(struct judge *j, struct space *s, struct judge_link *l, u64 iova,
			   u64 flip, const char *what)
{
	u64 *leaf = control_leaf(j, s, iova), saved = *leaf;
	unsigned int before = control_begin(j);

	judge_flush_global(j);
	*leaf ^= flip;
	judge_check(j, l, iova, 64, false);
	judge_check(j, l, iova, 64, true);
	*leaf = saved;
	control_noticed(j, before, what);
	/* Both went their ways; make RAM one again. */
	before = control_begin(j);
	judge_compare(j, "control");
	control_noticed(j, before, "different RAM");
}

static void control_heal(struct judge *j)
{
	u64 pa;

	while (machine_differs(&j->m, &pa))
		machine_adopt(&j->m, pa & ~(PAGE - 1), PAGE);
}

static void case_control(struct judge *j)
{
	const u64 at = 14 * GIB, gone = at + 2 * PAGE;
	struct judge_link l;
	struct space s;
	u64 pa;

	space_init(j, &s, false);
	judge_link(j, &l, 0, &s, HOME);
	pa = data_pages(j, 2 * PAGE, 2 * PAGE);
	space_map(j, &s, at, pa, PAGE, RW);
	space_map(j, &s, gone, data_pages(j, PAGE, PAGE), PAGE, RW);
	control_shadow(j, &s, &l, at, PAGE, "DMA that lands on the page beside");
	control_heal(j);
	control_shadow(j, &s, &l, at, space_is_fs(j) ? VTD_FS_P : VTD_SS_R | VTD_SS_W,
		       "DMA that should have been refused");
	control_heal(j);
	/* The other way round: gone for QEMU, there for us. */
	space_unmap(j, &s, gone, gone + PAGE - 1);
	control_shadow(j, &s, &l, gone,
		       pa | (space_is_fs(j) ? VTD_FS_P | VTD_FS_RW | VTD_FS_US :
					      VTD_SS_R | VTD_SS_W),
		       "DMA that should not have been refused");
	control_heal(j);
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

/* QEMU's bits in RAM, ours taken away from the shadow. */
static void case_control_dirty(struct judge *j)
{
	const u64 at = 15 * GIB;
	unsigned int before;
	struct judge_link l;
	struct space s;

	space_init(j, &s, true);
	judge_link(j, &l, 0, &s, HOME);
	space_map(j, &s, at, data_pages(j, PAGE, PAGE), PAGE, RW);
	judge_check(j, &l, at, 64, true);
	judge_compare(j, "before the control");
	*control_leaf(j, &s, at) ^= VTD_FS_D;
	before = control_begin(j);
	judge_compare(j, "control");
	control_noticed(j, before, "a dirty bit too many");
	control_heal(j);
	world_detach(j, l.e->rid);
	space_destroy(j, &s);
}

/*
 * An entry written in the wrong order, present first: between the stores its first stage starts at
 * address 0, where a table waits that leads to a page of its own.
 */
struct pasid_trace {
	struct vtd_trace trace;
	u64 pa;
};

static void pasid_trace_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct pasid_trace *t = container_of(trace, struct pasid_trace, trace);

	if (rec->stage == VTD_STAGE_PASID)
		t->pa = rec->pa;
}

/* The PASID table entry of @rid, in RAM. */
static u64 *control_pasid_entry(struct judge *j, u16 rid)
{
	struct pasid_trace t = { .trace = { .entry = pasid_trace_entry } };
	struct vtd_req req = { .rid = rid };
	struct vtd_lookup lk;

	vtd_lookup(&j->m.real.mem, &j->m.caps, j->rtaddr, &req, &lk, &t.trace);
	return machine_ptr(&j->m.real, t.pa, VTD_PE_WORDS * sizeof(u64));
}

/* Store a word and look, as the hook of the builders does. */
static enum landed control_store(struct judge *j, const struct judge_link *l, u64 *word, u64 val,
				 const u64 probe[3])
{
	WRITE_ONCE(*word, val);
	judge_flush(j);
	machine_adopt_tables(&j->m);
	return judge_probe(j, l->e, probe[0], probe[1], probe[2]);
}

static void case_control_order(struct judge *j)
{
	u64 probe[3] = { 16 * GIB, data_pages(j, PAGE, PAGE), data_pages(j, PAGE, PAGE) };
	u64 *zero = machine_ptr(&j->m.real, 0, PAGE), *pe, word0, word2;
	struct judge_link l;
	struct space s, decoy;

	space_init(j, &s, false);
	space_init(j, &decoy, false);
	judge_link(j, &l, 0, &s, HOME);
	space_map(j, &s, probe[0], probe[1], PAGE, RW);
	space_map(j, &decoy, probe[0], probe[2], PAGE, RW);
	judge_load(j, &l, 64);
	memcpy(zero, decoy.pt.root, PAGE);
	machine_adopt(&j->m, 0, PAGE);
	pe = control_pasid_entry(j, l.e->rid);
	word0 = pe[0];
	word2 = pe[2];
	judge_expect(j, control_store(j, &l, &pe[0], 0, probe) == LANDED_NOWHERE, "removed");
	judge_expect(j, control_store(j, &l, &pe[2], 0, probe) == LANDED_NOWHERE, "wiped");
	judge_expect(j, control_store(j, &l, &pe[0], word0, probe) == LANDED_B,
		     "an entry that is present too early leads nowhere");
	judge_expect(j, control_store(j, &l, &pe[2], word2, probe) == LANDED_A, "complete");
	memset(zero, 0, PAGE);
	machine_adopt(&j->m, 0, PAGE);
	world_detach(j, l.e->rid);
	space_destroy(j, &decoy);
	space_destroy(j, &s);
}

static bool control_wants_fs(const struct variant *v)
{
	return v->fmt == IOPT_FMT_VTD_FS;
}

const struct judge_case judge_control_cases[] = {
	{ "control: wrong forecasts are noticed", case_control, NULL },
	{ "control: wrong dirty bits are noticed", case_control_dirty, control_wants_fs },
	{ "control: a wrong order of stores is noticed", case_control_order, control_wants_fs },
	{ NULL, NULL, NULL },
};
