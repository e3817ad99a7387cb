// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tables that change while translation is on: what caches may still know until they are told, and
 * what the unit can find between two stores of a change.
 */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)
#define HOME 0x5a5a5a000ULL

/* A device on a table with some pages, and data to write already in its buffer. */
struct live {
	struct space s;
	struct judge_link l;
	u64 at; /* the address at stake */
	u64 a; /* two pages it may lead to */
	u64 b;
};

static void live_begin(struct judge *j, struct live *v, u64 size)
{
	space_init(j, &v->s, false);
	judge_link(j, &v->l, 0, &v->s, HOME);
	v->at = 9 * GIB + 6 * MIB;
	v->a = data_pages(j, size, size);
	do
		v->b = data_pages(j, size, size);
	while (v->b == v->a);
	judge_load(j, &v->l, 64);
}

static void live_end(struct judge *j, struct live *v)
{
	judge_compare(j, "before the tables go");
	world_detach(j, v->l.e->rid);
	space_destroy(j, &v->s);
}

static enum landed live_probe(struct judge *j, const struct live *v)
{
	return judge_probe(j, v->l.e, v->at, v->a, v->b);
}

/* The old translation is allowed, and so is the new one; count which it was. */
static void live_expect_either(struct judge *j, enum landed got, enum landed old, enum landed new)
{
	if (got == old)
		j->stale++;
	else if (got == new)
		j->fresh++;
	else
		judge_error(j, "neither the old nor the new translation was used");
}

/* ---- Invalidation, with and without ---------------------------------------------------------------------- */

/* Ways to make the unit forget a page. */
struct live_flush {
	const char *name;
	void (*fn)(struct judge *j, const struct live *v);
	bool fs_only;
};

static void live_flush_page(struct judge *j, const struct live *v)
{
	judge_flush_page(j, v->s.did, v->at, 0);
}

/* A range that holds the page somewhere in its middle. */
static void live_flush_range(struct judge *j, const struct live *v)
{
	judge_flush_page(j, v->s.did, v->at & ~(16 * PAGE - 1), 4);
}

static void live_flush_domain(struct judge *j, const struct live *v)
{
	judge_flush_domain(j, v->s.did);
}

static void live_flush_global(struct judge *j, const struct live *v)
{
	(void)v;
	judge_flush_global(j);
}

static void live_flush_pasid(struct judge *j, const struct live *v)
{
	judge_flush_pasid(j, v->s.did);
}

static const struct live_flush live_flushes[] = {
	{ "page", live_flush_page, false },	{ "range", live_flush_range, false },
	{ "domain", live_flush_domain, false }, { "global", live_flush_global, false },
	{ "PASID", live_flush_pasid, true },
};

/* Take out what is at @v->at, without a word to the unit; the tables it leaves behind wait in @g. */
static void live_unmap(struct judge *j, struct live *v, struct table_gather *g, u64 size)
{
	s64 rc;

	table_gather_init(g);
	rc = iopt_unmap(&v->s.pt, v->at, v->at + size - 1, g);
	judge_expect(j, rc == (s64)size, "iopt_unmap: %lld", rc);
	machine_adopt_tables(&j->m);
}

static void live_stale_one(struct judge *j, struct live *v, const struct live_flush *flush,
			   u64 size)
{
	struct table_gather g;

	space_map(j, &v->s, v->at, v->a, size, RW);
	/* Caching mode is off: what was not there needs no invalidation to appear. */
	judge_expect(j, live_probe(j, v) == LANDED_A, "a new page is not reached");
	live_unmap(j, v, &g, size);
	live_expect_either(j, live_probe(j, v), LANDED_A, LANDED_NOWHERE);
	/* Until the flush the tables that went out still belong to the unit. */
	flush->fn(j, v);
	judge_expect(j, live_probe(j, v) == LANDED_NOWHERE,
		     "a page that is gone is reached after %s invalidation", flush->name);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);

	/* From one page to another. */
	space_map(j, &v->s, v->at, v->a, size, RW);
	judge_expect(j, live_probe(j, v) == LANDED_A, "a new page is not reached again");
	live_unmap(j, v, &g, size);
	space_map(j, &v->s, v->at, v->b, size, RW);
	live_expect_either(j, live_probe(j, v), LANDED_A, LANDED_B);
	flush->fn(j, v);
	judge_expect(j, live_probe(j, v) == LANDED_B,
		     "the old page is reached after %s invalidation", flush->name);
	table_gather_free(&j->env, &g);
	space_unmap(j, &v->s, v->at, v->at + size - 1);
	judge_expect(j, live_probe(j, v) == LANDED_NOWHERE, "a removed page is reached");
}

static void case_stale(struct judge *j)
{
	static const u64 sizes[] = { PAGE, 2 * MIB };
	unsigned int i, k;
	struct live v;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		live_begin(j, &v, sizes[k]);
		for (i = 0; i < ARRAY_SIZE(live_flushes); i++)
			if (space_is_fs(j) || !live_flushes[i].fs_only)
				live_stale_one(j, &v, &live_flushes[i], sizes[k]);
		live_end(j, &v);
	}
}

/* Another table behind the same PASID entry, or context entry. */
static void case_stale_entry(struct judge *j)
{
	struct space other;
	struct vtd_te te;
	struct live v;
	int rc;

	live_begin(j, &v, PAGE);
	space_map(j, &v.s, v.at, v.a, PAGE, RW);
	space_init(j, &other, false);
	space_map(j, &other, v.at, v.b, PAGE, RW);
	te = space_te(j, &other);
	/* A second stage goes with its domain ID; one store can change a first stage only. */
	if (space_is_fs(j))
		te.did = v.s.did;
	judge_expect(j, live_probe(j, &v) == LANDED_A, "the page is not reached");
	rc = vtd_tables_pasid_replace(&j->w.t, v.l.e->rid, VTD_TABLES_RID_PASID, &te);
	judge_expect(j, rc == (space_is_fs(j) ? 0 : -EBUSY), "vtd_tables_pasid_replace: %d", rc);
	machine_adopt_tables(&j->m);
	if (!rc) {
		live_expect_either(j, live_probe(j, &v), LANDED_A, LANDED_B);
		judge_flush_entries(j);
		judge_flush_pasid(j, v.s.did);
		judge_expect(j, live_probe(j, &v) == LANDED_B, "the old table is used");
	}
	world_detach(j, v.l.e->rid);
	judge_expect(j, live_probe(j, &v) == LANDED_NOWHERE, "a table is used after the detach");
	space_destroy(j, &other);
	space_destroy(j, &v.s);
}

static bool live_wants_scalable(const struct variant *v)
{
	return !v->legacy;
}

/* ---- Between two stores ---------------------------------------------------------------------------------------- */

/* What may be found at an address while a change is going on: a set of enum landed. */
#define MAY_NOWHERE BIT(LANDED_NOWHERE)
#define MAY_A	    BIT(LANDED_A)
#define MAY_B	    BIT(LANDED_B)

struct live_watch {
	const struct edu *e;
	u64 iova;
	u64 a;
	u64 b;
	u32 may;
	u32 seen;
};

#define WATCH_MAX 4

/* The hook has no argument of its own. */
static struct {
	struct live_watch w[WATCH_MAX];
	unsigned int nr;
	unsigned int steps;
} watch;

/* After each store: a unit without caches finds the old, the new, or nothing, as the case may be. */
static void live_step(struct judge *j)
{
	unsigned int i;

	watch.steps++;
	judge_flush(j);
	machine_adopt_tables(&j->m);
	for (i = 0; i < watch.nr; i++) {
		struct live_watch *w = &watch.w[i];
		enum landed got = judge_probe(j, w->e, w->iova, w->a, w->b);

		w->seen |= BIT(got);
		judge_expect(j, BIT(got) & w->may, "step %u: 0x%llx leads to %s", watch.steps,
			     w->iova,
			     got == LANDED_NOWHERE ? "nowhere" :
			     got == LANDED_A	   ? "the old page" :
						     "the new page");
	}
	machine_adopt_tables(&j->m);
	judge_compare(j, "between two stores");
}

static void live_watch_begin(struct judge *j)
{
	memset(&watch, 0, sizeof(watch));
	j->sync.fn = live_step;
	j->env.sync = &j->sync.sync;
}

static void live_watch_add(const struct edu *e, u64 iova, u64 a, u64 b, u32 may)
{
	watch.w[watch.nr++] = (struct live_watch){ e, iova, a, b, may, 0 };
}

/* The hook off; one more look, at the final state, which has to be @final for the first address. */
static void live_watch_end(struct judge *j, enum landed final)
{
	j->env.sync = NULL;
	judge_expect(j, watch.steps, "the builder made no store");
	judge_flush(j);
	machine_adopt_tables(&j->m);
	judge_expect(j,
		     judge_probe(j, watch.w[0].e, watch.w[0].iova, watch.w[0].a, watch.w[0].b) ==
			     final,
		     "the final state is another");
}

static void live_order_map(struct judge *j, struct live *v, u64 size)
{
	struct table_gather g;

	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	live_watch_add(v->l.e, v->at + size - 64, v->a + size - 64, v->b, MAY_NOWHERE | MAY_A);
	live_watch_add(v->l.e, HOME, v->l.home_pa, v->l.home_pa, MAY_A);
	judge_expect(j, !iopt_map(&v->s.pt, v->at, v->a, size, RW), "iopt_map");
	live_watch_end(j, LANDED_A);

	table_gather_init(&g);
	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	live_watch_add(v->l.e, v->at + size - 64, v->a + size - 64, v->b, MAY_NOWHERE | MAY_A);
	live_watch_add(v->l.e, HOME, v->l.home_pa, v->l.home_pa, MAY_A);
	judge_expect(j, iopt_unmap(&v->s.pt, v->at, v->at + size - 1, &g) == (s64)size,
		     "iopt_unmap");
	live_watch_end(j, LANDED_NOWHERE);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
}

static void case_order_pages(struct judge *j)
{
	struct live v;

	live_begin(j, &v, 16 * PAGE);
	live_order_map(j, &v, PAGE);
	/* Across the end of a page table, then with all tables but the leaf's there. */
	v.at -= 8 * PAGE;
	live_order_map(j, &v, 16 * PAGE);
	space_map(j, &v.s, v.at - PAGE, data_pages(j, PAGE, PAGE), PAGE, RW);
	live_order_map(j, &v, 16 * PAGE);
	live_end(j, &v);
}

static void case_order_large(struct judge *j)
{
	struct live v;

	live_begin(j, &v, 4 * MIB);
	live_order_map(j, &v, 2 * MIB);
	live_order_map(j, &v, 4 * MIB);
	live_end(j, &v);
}

/* Entries of devices and PASIDs come and go. */
static void live_order_install(struct judge *j, struct live *v, const struct vtd_te *te)
{
	struct table_gather g;
	u16 rid = v->l.e->rid;

	table_gather_init(&g);
	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	judge_expect(j, !vtd_tables_device_add(&j->w.t, rid, 0), "vtd_tables_device_add");
	judge_expect(j, !vtd_tables_pasid_install(&j->w.t, rid, VTD_TABLES_RID_PASID, te, &g),
		     "vtd_tables_pasid_install");
	live_watch_end(j, LANDED_A);
	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	judge_expect(j, !vtd_tables_pasid_remove(&j->w.t, rid, VTD_TABLES_RID_PASID, &g),
		     "vtd_tables_pasid_remove");
	live_watch_end(j, LANDED_NOWHERE);
	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	judge_expect(j, !vtd_tables_pasid_install(&j->w.t, rid, VTD_TABLES_RID_PASID, te, &g),
		     "vtd_tables_pasid_install again");
	live_watch_end(j, LANDED_A);
	live_watch_begin(j);
	live_watch_add(v->l.e, v->at, v->a, v->b, MAY_NOWHERE | MAY_A);
	judge_expect(j, !vtd_tables_device_remove(&j->w.t, rid, &g), "vtd_tables_device_remove");
	live_watch_end(j, LANDED_NOWHERE);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
}

static void case_order_entries(struct judge *j)
{
	struct vtd_te te;
	struct live v;

	live_begin(j, &v, PAGE);
	space_map(j, &v.s, v.at, v.a, PAGE, RW);
	te = space_te(j, &v.s);
	world_detach(j, v.l.e->rid);
	live_order_install(j, &v, &te);
	space_destroy(j, &v.s);
}

/*
 * One table after the other behind a live entry. A first stage can be changed by one store, so
 * there is no moment without; a second stage takes its domain ID along and goes through "not
 * present".
 */
static void case_order_replace(struct judge *j)
{
	bool fs = space_is_fs(j);
	struct space other;
	struct vtd_te te;
	struct live v;
	u16 rid;

	live_begin(j, &v, PAGE);
	rid = v.l.e->rid;
	space_map(j, &v.s, v.at, v.a, PAGE, RW);
	space_init(j, &other, false);
	space_map(j, &other, v.at, v.b, PAGE, RW);
	te = space_te(j, &other);
	if (fs)
		te.did = v.s.did;
	live_watch_begin(j);
	live_watch_add(v.l.e, v.at, v.a, v.b, MAY_A | MAY_B | (fs ? 0 : MAY_NOWHERE));
	judge_expect(j, !vtd_tables_pasid_exchange(&j->w.t, rid, VTD_TABLES_RID_PASID, &te),
		     "vtd_tables_pasid_exchange");
	live_watch_end(j, LANDED_B);
	world_detach(j, rid);
	space_destroy(j, &other);
	space_destroy(j, &v.s);
}

/* Other PASIDs of a device, and a directory that grows: nothing happens to the RID's own entry. */
static void case_order_directory(struct judge *j)
{
	static const u32 pasids[] = { 1, 63, 64, 0x1fff, 0x2000, 0x12345, 0xfffff };
	struct table_gather g;
	unsigned int i;
	struct vtd_te te;
	struct live v;
	int rc, want;

	live_begin(j, &v, PAGE);
	space_map(j, &v.s, v.at, v.a, PAGE, RW);
	te = space_te(j, &v.s);
	table_gather_init(&g);
	live_watch_begin(j);
	live_watch_add(v.l.e, v.at, v.a, v.b, MAY_A);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		rc = vtd_tables_pasid_install(&j->w.t, v.l.e->rid, pasids[i], &te, &g);
		want = pasids[i] >> j->m.caps.pasid_bits ? -ERANGE : 0;
		judge_expect(j, rc == want, "PASID 0x%x installed: %d", pasids[i], rc);
	}
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		rc = vtd_tables_pasid_remove(&j->w.t, v.l.e->rid, pasids[i], &g);
		want = pasids[i] >> j->m.caps.pasid_bits ? -ENOENT : 0;
		judge_expect(j, rc == want, "PASID 0x%x removed: %d", pasids[i], rc);
	}
	live_watch_end(j, LANDED_A);
	judge_flush(j);
	table_gather_free(&j->env, &g);
	machine_adopt_tables(&j->m);
	live_end(j, &v);
}

/* Only units with PASIDs have something to install. */
static bool live_wants_pasids(const struct variant *v)
{
	return strstr(v->machine.iommu, "pasid-bits=20");
}

const struct judge_case judge_live_cases[] = {
	{ "changed pages before and after invalidation", case_stale, NULL },
	{ "a changed entry before and after invalidation", case_stale_entry, live_wants_scalable },
	{ "between the stores of map and unmap", case_order_pages, NULL },
	{ "between the stores of large pages", case_order_large, NULL },
	{ "between the stores of attach and detach", case_order_entries, live_wants_scalable },
	{ "between the stores of a replaced entry", case_order_replace, live_wants_scalable },
	{ "between the stores of a growing directory", case_order_directory, live_wants_pasids },
	{ NULL, NULL, NULL },
};
