// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tables that translate PASIDs of ENQCMD. Where entries are and what is in them is compared with
 * numbers written out here, not with the names of the layout header; so a correction of the layout has
 * to be made twice, on purpose.
 */
#include "formats/cpu_pasid.h"
#include "tests/unit/formats/arena.h"

#define B(n)	  (1ULL << (n))
#define PHYS_BITS 46 /* the arena is below */
#define PA_MASK	  0x003ffffffffff000ULL /* 45:12 */

struct fix {
	struct arena *a;
	struct cpu_pasid_table t;
};

static void setup(struct fix *f)
{
	f->a = arena_new();
	ut_assert_eq(cpu_pasid_init(&f->t, &f->a->env), 0);
}

static void teardown(struct fix *f)
{
	cpu_pasid_destroy(&f->t);
	arena_end(f->a);
}

/* The directory entry of @n, as the specification counts: bit 19, then 18:10 times 8 bytes. */
static const u64 *naive_de(const struct fix *f, u32 n)
{
	u64 dir = n & 0x80000 ? f->t.high : f->t.low;

	return phys_at(&f->a->mem, dir + ((n & 0x7fc00) >> 10) * 8, 8);
}

/* The table entry: 9:0 times 4 bytes. NULL: no table. */
static const u32 *naive_te(const struct fix *f, u32 n)
{
	u64 de = *naive_de(f, n);

	if (!(de & 1))
		return NULL;
	return phys_at(&f->a->mem, (de & PA_MASK) + (n & 0x3ff) * 4, 4);
}

static u32 naive(const struct fix *f, u32 n)
{
	const u32 *te = naive_te(f, n);

	return te && *te & 0x80000000 ? *te & 0xfffff : ~0u;
}

/* Both ways to walk; who is in a hurry finds the same. */
static enum cpu_pasid_level walk_in(const struct phys_mem *mem, u64 low, u64 high,
				    unsigned int bits, u32 n, struct cpu_pasid_walk *w)
{
	enum cpu_pasid_level level;

	memset(w, 0xee, sizeof(*w));
	level = cpu_pasid_walk(mem, low, high, bits, n, w);
	ut_assert_eq(level == CPU_PASID_OK, w->ppasid != CPU_PASID_NONE);
	ut_assert_eq(cpu_pasid_find(mem, low, high, cpu_pasid_de_reserved(bits), n), w->ppasid);
	return level;
}

static enum cpu_pasid_level walk(const struct fix *f, u32 n, struct cpu_pasid_walk *w)
{
	return walk_in(&f->a->mem, f->t.low, f->t.high, PHYS_BITS, n, w);
}

/* What all three say of @n. */
static u32 agreed(const struct fix *f, u32 n)
{
	struct cpu_pasid_walk w;
	enum cpu_pasid_level level = walk(f, n, &w);

	ut_assert_eq(cpu_pasid_get(&f->t, n), naive(f, n));
	ut_assert_eq(w.ppasid, naive(f, n));
	ut_assert_eq(level == CPU_PASID_OK, w.ppasid != ~0u);
	return w.ppasid;
}

static u32 nonzero_words(const struct fix *f, u64 pa)
{
	const u64 *page = phys_at(&f->a->mem, pa, 4096);
	u32 i, nr = 0;

	for (i = 0; i < 512; i++)
		nr += !!page[i];
	return nr;
}

/* ---- Builder -------------------------------------------------------------------------------------- */

UT_CASE(init)
{
	struct arena *a = arena_new();
	struct cpu_pasid_table t;
	u32 nth;

	for (nth = 1; nth <= 2; nth++) {
		a->fail_in = nth;
		ut_assert_eq(cpu_pasid_init(&t, &a->env), -ENOMEM);
		ut_assert_eq(a->live, 0);
		ut_assert_eq(t.nr_pages, 0);
		cpu_pasid_destroy(&t);
	}
	ut_assert_eq(cpu_pasid_init(&t, &a->env), 0);
	ut_assert_eq(t.nr_pages, 2);
	ut_assert_eq(a->live, 2);
	ut_assert(t.low != t.high && !(t.low & 0xfff) && !(t.high & 0xfff));
	ut_assert_eq(a->sync_nr, 0);
	cpu_pasid_destroy(&t);
	ut_assert_eq(t.nr_pages, 0);
	cpu_pasid_destroy(&t);
	arena_end(a);
}

/* One number at a time, and nothing but its two entries is written. */
static void one_number(u32 n, u32 p)
{
	struct fix f;
	const u64 *de;

	setup(&f);
	ut_assert_eq(agreed(&f, n), ~0u);
	ut_assert_eq(cpu_pasid_set(&f.t, n, p), 0);
	de = naive_de(&f, n);
	ut_assert_eq(*de & 0xfff, 1);
	ut_assert_eq(*naive_te(&f, n), 0x80000000u + p);
	ut_assert_eq(agreed(&f, n), p);
	ut_assert_eq(nonzero_words(&f, f.t.low), !(n >> 19));
	ut_assert_eq(nonzero_words(&f, f.t.high), n >> 19);
	ut_assert_eq(nonzero_words(&f, *de & PA_MASK), 1);
	ut_assert_eq(f.t.nr_pages, 3);
	cpu_pasid_clear(&f.t, n);
	ut_assert_eq(*de & 0xfff, 1);
	ut_assert_eq(*naive_te(&f, n), 0);
	ut_assert_eq(nonzero_words(&f, *de & PA_MASK), 0);
	ut_assert_eq(agreed(&f, n), ~0u);
	teardown(&f);
}

UT_CASE(entries_land_where_a_cpu_looks)
{
	static const u32 numbers[] = { 0,	1,	 0x3ff,	  0x400,   0x7ffff,
				       0x80000, 0x803ff, 0x80400, 0xffc00, 0xfffff };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		one_number(numbers[i], 0xfffff - numbers[i]);
		one_number(numbers[i], 0);
	}
	for (i = 0; i < 20; i++) {
		one_number(1u << i, 0x5a5a5);
		one_number(0xfffff ^ (1u << i), 1u << i);
	}
}

/* Numbers that differ in one bit of any level do not meet. */
UT_CASE(neighbours_stay_apart)
{
	struct fix f;
	u32 i;

	setup(&f);
	ut_assert_eq(cpu_pasid_set(&f.t, 0x5a5a5, 1), 0);
	for (i = 0; i < 20; i++)
		ut_assert_eq(cpu_pasid_set(&f.t, 0x5a5a5 ^ (1u << i), 2 + i), 0);
	ut_assert_eq(agreed(&f, 0x5a5a5), 1);
	for (i = 0; i < 20; i++)
		ut_assert_eq(agreed(&f, 0x5a5a5 ^ (1u << i)), 2 + i);
	/* Ten more in the first table, nine more of the low directory, one of the high one. */
	ut_assert_eq(f.t.nr_pages, 2 + 1 + 10);
	cpu_pasid_clear(&f.t, 0x5a5a5);
	ut_assert_eq(agreed(&f, 0x5a5a5), ~0u);
	for (i = 0; i < 20; i++)
		ut_assert_eq(agreed(&f, 0x5a5a5 ^ (1u << i)), 2 + i);
	ut_assert_eq(f.a->live, f.t.nr_pages);
	teardown(&f);
}

UT_CASE(refusals_change_nothing)
{
	struct fix f;
	u32 syncs;

	setup(&f);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 6), 0);
	syncs = f.a->sync_nr;
	ut_assert_eq(cpu_pasid_set(&f.t, 0x100000, 1), -ERANGE);
	ut_assert_eq(cpu_pasid_set(&f.t, ~0u, 1), -ERANGE);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 0x100000), -ERANGE);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 0x80000001), -ERANGE);
	cpu_pasid_clear(&f.t, 0x100005);
	cpu_pasid_clear(&f.t, ~0u);
	cpu_pasid_clear(&f.t, 4);
	cpu_pasid_clear(&f.t, 0x80005);
	ut_assert_eq(cpu_pasid_get(&f.t, 0x100005), CPU_PASID_NONE);
	ut_assert_eq(f.a->sync_nr, syncs);
	ut_assert_eq(f.t.nr_pages, 3);
	ut_assert_eq(agreed(&f, 5), 6);
	teardown(&f);
}

UT_CASE(without_memory)
{
	struct fix f;

	setup(&f);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 6), 0);
	f.a->fail_in = 1;
	ut_assert_eq(cpu_pasid_set(&f.t, 0x405, 7), -ENOMEM);
	ut_assert_eq(f.a->sync_nr, 2);
	ut_assert_eq(f.t.nr_pages, 3);
	ut_assert_eq(f.a->live, 3);
	ut_assert_eq(nonzero_words(&f, f.t.low), 1);
	ut_assert_eq(agreed(&f, 0x405), ~0u);
	/* Where there is a table, nothing is needed. */
	f.a->fail_in = 1;
	ut_assert_eq(cpu_pasid_set(&f.t, 6, 8), 0);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 9), 0);
	cpu_pasid_clear(&f.t, 5);
	ut_assert_eq(cpu_pasid_set(&f.t, 5, 10), 0);
	ut_assert_eq(f.a->fail_in, 1);
	f.a->fail_in = 0;
	ut_assert_eq(cpu_pasid_set(&f.t, 0x405, 7), 0);
	ut_assert_eq(agreed(&f, 0x405), 7);
	ut_assert_eq(agreed(&f, 5), 10);
	teardown(&f);
}

/* ---- Every state a CPU can find -------------------------------------------------------------------- */

/* @n goes from @old to @new; @by stands beside it and does not move. */
struct watch {
	struct fix *f;
	u32 n, old, new;
	u32 by, by_is;
	u32 seen_old, seen_new;
	bool wrong;
};

static void watch_at(void *arg, const u64 *word)
{
	struct watch *w = arg;
	struct cpu_pasid_walk r;
	enum cpu_pasid_level level = walk(w->f, w->n, &r);
	u64 off = (u64)((const u8 *)word - w->f->a->base);

	w->seen_old += r.ppasid == w->old;
	w->seen_new += r.ppasid == w->new;
	/* Never a reserved bit, never a page that was not zeroed: only "nothing" is nothing. */
	w->wrong |= level == CPU_PASID_TABLE && r.table_entry;
	w->wrong |= level == CPU_PASID_DIRECTORY && r.directory_entry;
	w->wrong |= r.ppasid != w->old && r.ppasid != w->new;
	w->wrong |= off & 7 || off >= ARENA_PAGES * 4096ULL;
	walk(w->f, w->by, &r);
	w->wrong |= r.ppasid != w->by_is;
}

static void watched(struct fix *f, struct watch *w, u32 new, u32 stores)
{
	u32 syncs = f->a->sync_nr;

	w->old = naive(f, w->n);
	w->new = new;
	w->seen_old = w->seen_new = 0;
	if (new == ~0u)
		cpu_pasid_clear(&f->t, w->n);
	else
		ut_assert_eq(cpu_pasid_set(&f->t, w->n, new), 0);
	ut_assert_eq(f->a->sync_nr - syncs, stores);
	ut_assert_eq(w->seen_new, 1);
	ut_assert_eq(w->seen_old, stores - 1);
	ut_assert(!w->wrong);
}

UT_CASE(snapshots)
{
	static const u32 by[] = { 0x12344, 0x12346, 0x12745, 0x92345 };
	struct watch w = { .n = 0x12345 };
	struct fix f;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(by); i++) {
		setup(&f);
		w.f = &f;
		w.by = by[i];
		w.by_is = 0xabcde;
		ut_assert_eq(cpu_pasid_set(&f.t, w.by, w.by_is), 0);
		f.a->sync_fn = watch_at;
		f.a->sync_arg = &w;
		/* The table of a neighbour is there already. */
		watched(&f, &w, 0xfffff, i < 2 ? 1 : 2);
		watched(&f, &w, 1, 1);
		watched(&f, &w, ~0u, 1);
		watched(&f, &w, 2, 1);
		f.a->sync_fn = NULL;
		teardown(&f);
	}
}

/* Linking of the table of 0x800, counted. */
struct linked {
	struct fix *f;
	u32 times;
};

static void linked_at(void *arg, const u64 *word)
{
	struct linked *d = arg;
	const u64 *de = naive_de(d->f, 0x800);

	if (word != de)
		return;
	d->times++;
	ut_assert_eq(nonzero_words(d->f, *de & PA_MASK), 0);
}

UT_CASE(a_table_is_linked_once)
{
	struct linked d = { 0 };
	struct fix f;
	u32 i;

	setup(&f);
	d.f = &f;
	f.a->sync_fn = linked_at;
	f.a->sync_arg = &d;
	for (i = 0; i < 1024; i++)
		ut_assert_eq(cpu_pasid_set(&f.t, 0x800 + i, i), 0);
	for (i = 0; i < 1024; i++)
		cpu_pasid_clear(&f.t, 0x800 + i);
	/* Emptied, it stays: a CPU may be in it. */
	ut_assert_eq(d.times, 1);
	ut_assert_eq(f.t.nr_pages, 3);
	ut_assert_eq(cpu_pasid_set(&f.t, 0x800, 1), 0);
	ut_assert_eq(d.times, 1);
	f.a->sync_fn = NULL;
	teardown(&f);
}

/* ---- Walker ------------------------------------------------------------------------------------------ */

/* Tables by hand: number 0xc0401 is in entry 257 of the high directory, entry 1 of its table. */
#define HAND_N 0xc0401u

struct hand {
	struct arena *a;
	u64 low, high, table;
	u64 *de;
	u32 *te;
};

static void hand_setup(struct hand *h)
{
	u64 *page;

	h->a = arena_new();
	arena_page(h->a, &h->low);
	page = arena_page(h->a, &h->high);
	h->de = &page[257];
	page = arena_page(h->a, &h->table);
	h->te = (u32 *)page + 1;
	*h->de = h->table | 1;
	*h->te = 0x80012345;
}

static void hand_teardown(struct hand *h)
{
	arena_reset(h->a);
	arena_end(h->a);
}

static enum cpu_pasid_level hand_walk(const struct hand *h, unsigned int bits,
				      struct cpu_pasid_walk *w)
{
	return walk_in(&h->a->mem, h->low, h->high, bits, HAND_N, w);
}

UT_CASE(walk_by_hand)
{
	struct cpu_pasid_walk w;
	struct hand h;

	hand_setup(&h);
	ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_OK);
	ut_assert_eq(w.ppasid, 0x12345);
	ut_assert_eq(w.directory_pa, h.high + 257 * 8);
	ut_assert_eq(w.directory_entry, h.table | 1);
	ut_assert_eq(w.table_pa, h.table + 4);
	ut_assert_eq(w.table_entry, 0x80012345);
	/* Not valid, whatever the number. */
	*h.te = 0x12345;
	ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_TABLE);
	ut_assert_eq(w.ppasid, CPU_PASID_NONE);
	ut_assert_eq(w.table_entry, 0x12345);
	ut_assert_eq(w.table_pa, h.table + 4);
	/* Not present: the table is not looked at. */
	*h.te = 0x80012345;
	*h.de = h.table;
	ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_DIRECTORY);
	ut_assert_eq(w.ppasid, CPU_PASID_NONE);
	ut_assert_eq(w.directory_entry, h.table);
	ut_assert_eq(w.directory_pa, h.high + 257 * 8);
	ut_assert_eq(w.table_entry, 0);
	ut_assert_eq(w.table_pa, 0);
	/* Bits above the number do not matter. */
	*h.de = h.table | 1;
	ut_assert_eq(walk_in(&h.a->mem, h.low, h.high, PHYS_BITS, 0xfff00000 | HAND_N, &w),
		     CPU_PASID_OK);
	ut_assert_eq(w.ppasid, 0x12345);
	hand_teardown(&h);
}

UT_CASE(reserved_bits)
{
	struct cpu_pasid_walk w;
	struct hand h;
	unsigned int bit;

	hand_setup(&h);
	for (bit = 20; bit <= 30; bit++) {
		*h.te = 0x80012345u | 1u << bit;
		ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_TABLE);
		ut_assert_eq(w.table_entry, 0x80012345u | 1u << bit);
		ut_assert_eq(w.ppasid, CPU_PASID_NONE);
	}
	for (bit = 0; bit < 20; bit++) {
		*h.te = 0x80000000u | 1u << bit;
		ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_OK);
		ut_assert_eq(w.ppasid, 1u << bit);
	}
	*h.te = 0x80012345;
	for (bit = 1; bit < 12; bit++) {
		*h.de = h.table | 1 | 1u << bit;
		ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_DIRECTORY);
		ut_assert_eq(w.directory_entry, *h.de);
		ut_assert_eq(w.table_pa, 0);
	}
	hand_teardown(&h);
}

/* Address bits are reserved from the width on; below they lead somewhere, here to no memory. */
UT_CASE(width_of_addresses)
{
	static const u8 widths[] = { 36, 39, 46, 52, 57, 63, 64 };
	struct cpu_pasid_walk w;
	struct hand h;
	unsigned int i, bit;

	hand_setup(&h);
	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (bit = 12; bit < 64; bit++) {
			*h.de = B(bit) | 1;
			ut_assert_eq(hand_walk(&h, widths[i], &w),
				     bit < widths[i] ? CPU_PASID_TABLE : CPU_PASID_DIRECTORY);
			ut_assert_eq(w.table_pa, bit < widths[i] ? B(bit) + 4 : 0);
			ut_assert_eq(w.table_entry, 0);
			ut_assert_eq(w.ppasid, CPU_PASID_NONE);
		}
	}
	/* The highest page that the width has is an address like others. */
	*h.de = h.table | 1;
	ut_assert_eq(hand_walk(&h, fls64(h.table), &w), CPU_PASID_OK);
	ut_assert_eq(hand_walk(&h, fls64(h.table) - 1, &w), CPU_PASID_DIRECTORY);
	hand_teardown(&h);
}

UT_CASE(memory_that_is_not_there)
{
	struct cpu_pasid_walk w;
	struct hand h;

	hand_setup(&h);
	*h.de = (h.table + 0x100000) | 1;
	ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_TABLE);
	ut_assert_eq(w.table_entry, 0);
	h.high = B(45);
	ut_assert_eq(hand_walk(&h, PHYS_BITS, &w), CPU_PASID_DIRECTORY);
	ut_assert_eq(w.directory_entry, 0);
	ut_assert_eq(w.directory_pa, B(45) + 257 * 8);
	hand_teardown(&h);
}

/* The fast path: the same pages through a linear window. Its last four bytes are in it. */
UT_CASE(linear_window)
{
	struct cpu_pasid_walk w;
	struct phys_mem mem;
	struct hand h;

	hand_setup(&h);
	phys_mem_init_linear(&mem, h.table + 7, (u64)(unsigned long)h.a->base - ARENA_PA);
	ut_assert_eq(walk_in(&mem, h.low, h.high, PHYS_BITS, HAND_N, &w), CPU_PASID_OK);
	ut_assert_eq(w.ppasid, 0x12345);
	phys_mem_init_linear(&mem, h.table + 6, (u64)(unsigned long)h.a->base - ARENA_PA);
	ut_assert_eq(walk_in(&mem, h.low, h.high, PHYS_BITS, HAND_N, &w), CPU_PASID_TABLE);
	hand_teardown(&h);
}

/* ---- Random -------------------------------------------------------------------------------------------- */

#define NR 48
struct model {
	u32 n[NR];
	u32 is[NR];
};

UT_CASE(random_against_list)
{
	struct ut_rand rnd = { 20 };
	struct model *m = kvcalloc(1, sizeof(*m), GFP_KERNEL);
	struct fix f;
	u32 i, j, step;

	ut_assert(m);
	setup(&f);
	/* Some in one table, some alone; j keeps them apart. */
	for (i = 0; i < NR; i++) {
		do {
			m->n[i] = i < NR / 2 ? ut_below(&rnd, 1024) : ut_below(&rnd, 1u << 20);
			for (j = 0; j < i && m->n[j] != m->n[i]; j++)
				;
		} while (j < i);
		m->is[i] = ~0u;
	}
	for (step = 0; step < UT_STEPS(20000u); step++) {
		u32 p = ut_below(&rnd, 1u << 20);

		i = ut_below(&rnd, NR);
		if (!ut_below(&rnd, 3)) {
			cpu_pasid_clear(&f.t, m->n[i]);
			m->is[i] = ~0u;
		} else if (!ut_below(&rnd, 4)) {
			u32 had = f.a->live;

			f.a->fail_in = 1;
			if (!cpu_pasid_set(&f.t, m->n[i], p))
				m->is[i] = p;
			ut_assert_eq(f.a->live, had);
			f.a->fail_in = 0;
		} else {
			ut_assert_eq(cpu_pasid_set(&f.t, m->n[i], p), 0);
			m->is[i] = p;
		}
		for (i = 0; i < NR; i++)
			ut_assert_eq(agreed(&f, m->n[i]), m->is[i]);
		ut_assert_eq(f.a->live, f.t.nr_pages);
	}
	teardown(&f);
	kvfree(m);
}

UT_SUITE(formats_cpu_pasid, UT_ENTRY(init), UT_ENTRY(entries_land_where_a_cpu_looks),
	 UT_ENTRY(neighbours_stay_apart), UT_ENTRY(refusals_change_nothing),
	 UT_ENTRY(without_memory), UT_ENTRY(snapshots), UT_ENTRY(a_table_is_linked_once),
	 UT_ENTRY(walk_by_hand), UT_ENTRY(reserved_bits), UT_ENTRY(width_of_addresses),
	 UT_ENTRY(memory_that_is_not_there), UT_ENTRY(linear_window),
	 UT_ENTRY(random_against_list));
