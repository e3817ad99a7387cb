// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One DMA: what our walker says about it, what QEMU does, and whether that is the same. */
#include <stdio.h>
#include <string.h>

#include "tests/judge/judge.h"

/* ---- Forecast ----------------------------------------------------------------------------------------- */

/* The last page table entry that was read, and its address. */
struct leaf_trace {
	struct vtd_trace trace;
	u64 pa;
	u64 e;
};

static void leaf_trace_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct leaf_trace *t = container_of(trace, struct leaf_trace, trace);

	t->pa = rec->pa;
	t->e = rec->words[0];
}

static bool judge_lookup(struct judge *j, u16 rid, struct vtd_te *te, struct forecast *f)
{
	struct vtd_req req = { .rid = rid };
	struct vtd_lookup lk;

	f->reason = vtd_lookup(&j->m.shadow.mem, &j->m.caps, j->rtaddr, &req, &lk, NULL);
	f->report = lk.report;
	*te = lk.te;
	/* QEMU's unit sees all of memory coherently, though its capabilities do not say so. */
	te->flags |= VTD_TE_PWSNP;
	return !f->reason;
}

static void judge_result(struct forecast *f, const struct vtd_xlat *x)
{
	f->pa = x->oa;
	f->reason = x->reason;
	f->fault = x->fault;
	f->report = x->flags & VTD_XLAT_REPORT;
}

struct forecast judge_forecast(struct judge *j, u16 rid, u64 iova, bool write)
{
	struct forecast f = { .pa = 0 };
	struct vtd_xlat x;
	struct vtd_te te;

	if (!judge_lookup(j, rid, &te, &f))
		return f;
	vtd_walk(&j->m.shadow.mem, &j->m.caps, &te, iova, write ? XLAT_WRITE : XLAT_READ, &x);
	judge_result(&f, &x);
	return f;
}

static struct forecast judge_peek_leaf(struct judge *j, u16 rid, u64 iova, bool write,
				       struct leaf_trace *leaf)
{
	struct forecast f = { .pa = 0 };
	struct vtd_xlat x;
	struct vtd_te te;

	*leaf = (struct leaf_trace){ .trace = { .entry = leaf_trace_entry } };
	if (!judge_lookup(j, rid, &te, &f))
		return f;
	vtd_walk_peek(&j->m.shadow.mem, &j->m.caps, &te, iova, write ? XLAT_WRITE : XLAT_READ, &x,
		      &leaf->trace);
	judge_result(&f, &x);
	return f;
}

struct forecast judge_peek(struct judge *j, u16 rid, u64 iova, bool write)
{
	struct leaf_trace leaf;

	return judge_peek_leaf(j, rid, iova, write, &leaf);
}

/* ---- One DMA, page by page ------------------------------------------------------------------------------ */

/* A DMA may cross one page boundary. */
#define PIECES_MAX 2

struct piece {
	u64 iova;
	u32 len;
	struct forecast f;
	struct leaf_trace leaf; /* as it was before */
};

static unsigned int judge_pieces(struct judge *j, u16 rid, u64 iova, u32 len, bool write,
				 struct piece *piece)
{
	unsigned int nr = 0;

	while (len) {
		u32 n = min_t(u32, len, (u32)(PHYS_PAGE_SIZE - (iova & (PHYS_PAGE_SIZE - 1))));
		struct piece *p = &piece[nr++];

		p->iova = iova;
		p->len = n;
		judge_peek_leaf(j, rid, iova, write, &p->leaf);
		p->f = judge_forecast(j, rid, iova, write);
		iova += n;
		len -= n;
	}
	return nr;
}

/*
 * QEMU sets accessed and dirty bits only if neither is set, so the first write after a read leaves
 * the dirty bit clear. Real hardware and we do not. Take note, and let the shadow follow it.
 */
static void judge_late_dirty(struct judge *j, const struct piece *p, bool write)
{
	u64 *real;

	if (!space_is_fs(j) || !write || p->f.reason || !(p->leaf.e & VTD_FS_A) ||
	    p->leaf.e & VTD_FS_D)
		return;
	real = machine_ptr(&j->m.real, p->leaf.pa, 8);
	if (*real & VTD_FS_D)
		return;
	j->late_dirty++;
	machine_adopt(&j->m, p->leaf.pa, 8);
}

/*
 * QEMU looks at the permissions of each entry before it looks at its reserved bits and at the
 * entries below; these reasons it may have too early.
 */
static bool judge_early(u8 reason)
{
	return reason == VTD_SGN_2 || reason == VTD_SGN_6;
}

static void judge_check_fault(struct judge *j, u16 rid, const struct piece *piece, unsigned int nr,
			      bool write)
{
	struct unit_fault got = machine_fault(&j->m);
	const struct piece *p = piece;

	while (p < piece + nr && !p->f.reason)
		p++;
	if (p == piece + nr || !p->f.report) {
		judge_expect(j, !got.recorded, "fault 0x%02x at 0x%llx, none expected (0x%llx)",
			     got.reason, got.page, piece->iova);
		return;
	}
	j->faults++;
	judge_expect(j, got.recorded, "no fault recorded at 0x%llx, 0x%02x expected", p->iova,
		     p->f.reason);
	if (!got.recorded)
		return;
	judge_expect(j, got.page == (p->iova & ~(PHYS_PAGE_SIZE - 1)),
		     "fault recorded at 0x%llx, not 0x%llx", got.page, p->iova);
	judge_expect(j, got.rid == rid, "fault of %04x recorded for %04x", rid, got.rid);
	judge_expect(j, got.read == !write, "fault of a %s at 0x%llx recorded as the other kind",
		     write ? "write" : "read", p->iova);
	if (got.reason == p->f.reason)
		j->codes++;
	else if (!j->garbage || !judge_early(got.reason))
		judge_expect(j, !j->v->codes, "fault at 0x%llx is 0x%02x, not 0x%02x", p->iova,
			     got.reason, p->f.reason);
}

static void judge_pattern(struct judge *j, u8 *buf, u32 len)
{
	u32 i;

	j->seq++;
	for (i = 0; i < len; i++)
		buf[i] = (u8)(j->seq >> (i % 4 * 8)) ^ (u8)(i * 37 + 11);
}

/* ---- Moving data ------------------------------------------------------------------------------------------ */

void judge_link(struct judge *j, struct judge_link *l, unsigned int edu, struct space *s, u64 home)
{
	struct vtd_te te = space_te(j, s);

	l->e = &j->m.edu[edu];
	l->home = home;
	l->home_pa = data_pages(j, PHYS_PAGE_SIZE, PHYS_PAGE_SIZE);
	space_map(j, s, home, l->home_pa, PHYS_PAGE_SIZE, IOPT_READ | IOPT_WRITE);
	world_attach(j, l->e->rid, &te);
	judge_flush(j);
}

/* Between the home page and the device; it has to work. */
static void judge_home(struct judge *j, const struct judge_link *l, u32 len, bool write)
{
	struct piece p[PIECES_MAX];
	unsigned int nr = judge_pieces(j, l->e->rid, l->home, len, write, p);

	judge_expect(j, nr == 1 && !p[0].f.reason && p[0].f.pa == l->home_pa,
		     "our walker does not find the home page");
	machine_dma(&j->m, l->e, l->home, len, write);
	judge_late_dirty(j, &p[0], write);
	judge_check_fault(j, l->e->rid, p, nr, write);
}

static void judge_load_bytes(struct judge *j, const struct judge_link *l, const u8 *buf, u32 len)
{
	memcpy(machine_ptr(&j->m.real, l->home_pa, len), buf, len);
	machine_adopt(&j->m, l->home_pa, len);
	judge_home(j, l, len, false);
}

void judge_load(struct judge *j, const struct judge_link *l, u32 len)
{
	u8 buf[EDU_MAX];

	judge_pattern(j, buf, len);
	judge_load_bytes(j, l, buf, len);
}

static void judge_put(struct ram_view *view, u64 pa, const u8 *buf, u32 len)
{
	if (machine_is_ram(view->m, pa, len))
		memcpy(machine_ptr(view, pa, len), buf, len);
}

static void judge_check_write(struct judge *j, const struct judge_link *l, u64 iova, u32 len)
{
	struct piece p[PIECES_MAX];
	u8 buf[EDU_MAX];
	unsigned int i, nr;
	u32 at = 0;

	judge_pattern(j, buf, len);
	judge_load_bytes(j, l, buf, len);
	nr = judge_pieces(j, l->e->rid, iova, len, true, p);
	machine_dma(&j->m, l->e, iova, len, true);
	for (i = 0; i < nr; at += p[i].len, i++) {
		judge_late_dirty(j, &p[i], true);
		if (p[i].f.reason)
			continue;
		judge_put(&j->m.shadow, p[i].f.pa, buf + at, p[i].len);
		judge_expect(j,
			     machine_is_ram(&j->m, p[i].f.pa, p[i].len) &&
				     !memcmp(machine_ptr(&j->m.real, p[i].f.pa, p[i].len), buf + at,
					     p[i].len),
			     "write to 0x%llx did not land at 0x%llx", p[i].iova, p[i].f.pa);
	}
	judge_check_fault(j, l->e->rid, p, nr, true);
}

/* What a refused read leaves in the buffer: what was there, or one value all over. */
static bool judge_nothing_read(const u8 *got, u32 len)
{
	return !memcmp(got, got + 1, len - 1);
}

#define NOT_READ 0x5a

static void judge_check_read(struct judge *j, const struct judge_link *l, u64 iova, u32 len)
{
	struct piece p[PIECES_MAX];
	u8 want[EDU_MAX], *home;
	unsigned int i, nr;
	u32 at = 0;

	memset(want, NOT_READ, len);
	judge_load_bytes(j, l, want, len);
	judge_pattern(j, want, len);
	nr = judge_pieces(j, l->e->rid, iova, len, false, p);
	for (i = 0; i < nr; at += p[i].len, i++) {
		if (p[i].f.reason)
			continue;
		judge_put(&j->m.shadow, p[i].f.pa, want + at, p[i].len);
		judge_put(&j->m.real, p[i].f.pa, want + at, p[i].len);
	}
	machine_dma(&j->m, l->e, iova, len, false);
	judge_check_fault(j, l->e->rid, p, nr, false);
	judge_home(j, l, len, true);
	home = machine_ptr(&j->m.real, l->home_pa, len);
	for (i = 0, at = 0; i < nr; at += p[i].len, i++) {
		bool same = !memcmp(home + at, want + at, p[i].len);

		judge_expect(j, p[i].f.reason ? judge_nothing_read(home + at, p[i].len) : same,
			     "read of 0x%llx %s", p[i].iova,
			     p[i].f.reason ? "got something though refused" :
					     "did not come from where we say");
	}
	machine_adopt(&j->m, l->home_pa, len);
}

void judge_check(struct judge *j, const struct judge_link *l, u64 iova, u32 len, bool write)
{
	j->checks++;
	if (write)
		judge_check_write(j, l, iova, len);
	else
		judge_check_read(j, l, iova, len);
}

void judge_check_both(struct judge *j, const struct judge_link *l, u64 iova, u32 len)
{
	judge_check(j, l, iova, len, true);
	judge_check(j, l, iova, len, false);
}

void judge_compare(struct judge *j, const char *when)
{
	u64 pa = 0;

	if (machine_differs(&j->m, &pa))
		judge_error(j, "%s: RAM at 0x%llx is %016llx, should be %016llx", when, pa & ~7ULL,
			    *(u64 *)machine_ptr(&j->m.real, pa & ~7ULL, 8),
			    *(u64 *)machine_ptr(&j->m.shadow, pa & ~7ULL, 8));
}

#define PROBE_LEN 32

enum landed judge_probe(struct judge *j, const struct edu *e, u64 iova, u64 a, u64 b)
{
	static const u8 nothing[PROBE_LEN];
	u8 *at_a = machine_ptr(&j->m.real, a, PROBE_LEN);
	u8 *at_b = machine_ptr(&j->m.real, b, PROBE_LEN);
	struct unit_fault fault;
	enum landed landed;

	memset(at_a, 0, PROBE_LEN);
	memset(at_b, 0, PROBE_LEN);
	machine_adopt(&j->m, a, PROBE_LEN);
	machine_adopt(&j->m, b, PROBE_LEN);
	machine_dma(&j->m, e, iova, PROBE_LEN, true);
	fault = machine_fault(&j->m);
	landed = (memcmp(at_a, nothing, PROBE_LEN) ? LANDED_A : 0) |
		 (a != b && memcmp(at_b, nothing, PROBE_LEN) ? LANDED_B : 0);
	judge_expect(j, fault.recorded == (landed == LANDED_NOWHERE),
		     "probe of 0x%llx landed in neither place, and was%s refused", iova,
		     fault.recorded ? "" : " not");
	memset(at_a, 0, PROBE_LEN);
	memset(at_b, 0, PROBE_LEN);
	j->checks++;
	return landed;
}

/* Addresses are given out upwards, now from the area below 4 GiB, now from the other. */
u64 data_pages(struct judge *j, u64 size, u64 align)
{
	unsigned int i = (unsigned int)rng_below(&j->rng, 2);
	const struct ram_area *area = &j->m.data_area[i];
	u64 pa = ALIGN(area->start + j->data_used[i], align);

	/* Used up: begin anew. Pages that serve two mappings are no harm. */
	if (pa + size > area->start + area->size)
		pa = ALIGN(area->start, align);
	j->data_used[i] = pa + size - area->start;
	return pa;
}
