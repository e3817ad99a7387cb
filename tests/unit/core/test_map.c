// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* MAP and UNMAP: the books, the tables, and the order in which both change. */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW    (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define R     IOASID_MAP_READ
#define PG(n) ((u64)(n) << PAGE_SHIFT)
#define MEM   0x7f0000000000ULL /* where the caller's memory is */

struct setup {
	struct fake *fake;
	u32 root;
};

/* A kernel-managed root; with @devices, device i behind IOMMU i leads to it. */
static void set_up(struct setup *s, unsigned int devices)
{
	unsigned int i;

	s->fake = fake_new();
	ut_assert(s->fake);
	ut_assert_eq(fake_ctx(s->fake, 0), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, IOASID_INVALID, &s->root), 0);
	for (i = 0; i < devices; i++) {
		ut_assert_eq(fake_device(s->fake, i, i, IOASID_CLASS_PDEV, IOASID_INVALID), 0);
		ut_assert_eq(fk_bind(s->fake, i, 0, i), 0);
		ut_assert_eq(fk_attach(s->fake, i, s->root, 0, 0), 0);
	}
}

static void tear_down(struct setup *s)
{
	const char *broken = fake_free(s->fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static int map(struct setup *s, u64 iova, u64 vaddr, u64 pages)
{
	return fk_map(s->fake, 0, s->root, iova, vaddr, pages, RW);
}

static s64 unmap(struct setup *s, u64 iova, u64 pages)
{
	return fk_unmap(s->fake, 0, s->root, iova, pages);
}

static void assert_maps(struct setup *s, u64 nr, u64 pages)
{
	struct ioasid_ioas_info info;
	struct ioasid_info ctx;

	ut_assert_eq(fk_ioas_info(s->fake, 0, s->root, &info), 0);
	ut_assert_eq(info.nr_maps, nr);
	ut_assert_eq(info.mapped_bytes, PG(pages));
	ut_assert_eq(fk_info(s->fake, 0, &ctx), 0);
	ut_assert_eq(ctx.pinned_bytes, PG(pages));
	ut_assert_eq(s->fake->nr_pins, nr);
}

/* [first, first + n) of device @dev leads to @vaddr onwards. */
static void assert_leads(struct setup *s, unsigned int dev, u64 iova, u64 vaddr, u64 pages,
			 u32 prot)
{
	u64 i;

	for (i = 0; i < pages; i++) {
		u64 pa = fake_phys(s->fake, vaddr + PG(i));

		ut_assert(pa);
		ut_assert_eq(fake_look(s->fake, dev, IOASID_NO_PASID, iova + PG(i)), pa | prot);
	}
}

static void assert_empty(struct setup *s, unsigned int dev, u64 iova, u64 pages)
{
	u64 i;

	for (i = 0; i < pages; i++)
		ut_assert_eq(fake_look(s->fake, dev, IOASID_NO_PASID, iova + PG(i)), 0);
}

/* ---- books, without any device ------------------------------------------------------------------ */

UT_CASE(overlap_is_refused)
{
	struct setup s;

	set_up(&s, 0);
	ut_assert_eq(map(&s, PG(10), MEM, 5), 0);
	ut_assert_eq(map(&s, PG(10), MEM, 5), -EEXIST);
	ut_assert_eq(map(&s, PG(14), MEM, 1), -EEXIST);
	ut_assert_eq(map(&s, PG(9), MEM, 2), -EEXIST);
	ut_assert_eq(map(&s, PG(0), MEM, 100), -EEXIST);
	assert_maps(&s, 1, 5);
	ut_assert_eq(map(&s, PG(15), MEM, 1), 0);
	ut_assert_eq(map(&s, PG(9), MEM, 1), 0);
	assert_maps(&s, 3, 7);
	tear_down(&s);
}

UT_CASE(unmap_takes_whole_mappings)
{
	struct setup s;

	set_up(&s, 0);
	ut_assert_eq(map(&s, PG(10), MEM, 5), 0);
	ut_assert_eq(map(&s, PG(20), MEM, 5), 0);
	ut_assert_eq(unmap(&s, PG(10), 4), -EINVAL);
	ut_assert_eq(unmap(&s, PG(11), 4), -EINVAL);
	ut_assert_eq(unmap(&s, PG(12), 1), -EINVAL);
	ut_assert_eq(unmap(&s, PG(10), 11), -EINVAL);
	ut_assert_eq(unmap(&s, PG(14), 11), -EINVAL);
	assert_maps(&s, 2, 10);
	ut_assert_eq(unmap(&s, PG(15), 5), 0);
	ut_assert_eq(unmap(&s, PG(9), 6), 5);
	ut_assert_eq(unmap(&s, PG(9), 6), 0);
	assert_maps(&s, 1, 5);
	ut_assert_eq(map(&s, PG(0), MEM, 2), 0);
	ut_assert_eq(unmap(&s, 0, 96), 7);
	assert_maps(&s, 0, 0);
	tear_down(&s);
}

UT_CASE(unmap_all)
{
	struct ioasid_unmap_dma u = { .argsz = sizeof(u), .flags = IOASID_UNMAP_ALL };
	struct ioasid_arg arg = { .direct = &u };
	struct setup s;

	set_up(&s, 0);
	ut_assert_eq(fk_unmap_all(s.fake, 0, s.root), 0);
	ut_assert_eq(map(&s, 0, MEM, 2), 0);
	ut_assert_eq(map(&s, FAKE_HIGH_START, MEM, FAKE_HIGH), 0);
	u.ioasid = s.root;
	u.length = PAGE_SIZE;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_UNMAP_DMA, &arg), -EINVAL);
	u.length = 0;
	u.iova = PAGE_SIZE;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_UNMAP_DMA, &arg), -EINVAL);
	assert_maps(&s, 2, 2 + FAKE_HIGH);
	ut_assert_eq(fk_unmap_all(s.fake, 0, s.root), 2 + FAKE_HIGH);
	assert_maps(&s, 0, 0);
	tear_down(&s);
}

UT_CASE(to_the_very_last_byte)
{
	struct setup s;

	set_up(&s, 1);
	ut_assert_eq(map(&s, 0ULL - PAGE_SIZE, MEM, 1), 0);
	assert_leads(&s, 0, 0ULL - PAGE_SIZE, MEM, 1, RW);
	ut_assert_eq(map(&s, 0ULL - PAGE_SIZE, MEM, 1), -EEXIST);
	ut_assert_eq(map(&s, 0ULL - PAGE_SIZE, MEM, 2), -EINVAL);
	ut_assert_eq(map(&s, 0ULL - PG(3), MEM, 2), 0);
	ut_assert_eq(unmap(&s, 0ULL - PG(2), 2), -EINVAL);
	ut_assert_eq(unmap(&s, 0ULL - PG(2), 3), -EINVAL);
	ut_assert_eq(unmap(&s, 0ULL - PG(3), 3), 3);
	assert_empty(&s, 0, FAKE_HIGH_START, FAKE_HIGH);
	tear_down(&s);
}

UT_CASE(bad_arguments)
{
	struct ioasid_map_dma m = { .argsz = sizeof(m) };
	struct ioasid_arg arg = { .direct = &m };
	struct ioasid_ctx *ctx;
	struct setup s;
	u32 table;

	set_up(&s, 0);
	ctx = s.fake->ctx[0];
	ut_assert_eq(fk_alloc(s.fake, 0, IOASID_KIND_USER_TABLE, s.root, &table), 0);
	m = (struct ioasid_map_dma){ sizeof(m), RW, s.root, 0, 0, MEM, PAGE_SIZE };
	m.flags = 0;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.flags = RW | 1U << 3;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EOPNOTSUPP);
	m.flags = RW;
	m.length = 0;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.length = PAGE_SIZE + 1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.length = PAGE_SIZE;
	m.iova = 1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.iova = 0;
	m.vaddr = MEM + 8;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.vaddr = 0ULL - PAGE_SIZE;
	m.length = 2 * PAGE_SIZE;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.vaddr = MEM;
	m.fd = 3;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.flags = RW | IOASID_MAP_FD;
	m.fd = -1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	m.fd = 0;
	m.flags = RW;
	m.ioasid = s.root + 100;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -ENOENT);
	m.ioasid = table;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_MAP_DMA, &arg), -EINVAL);
	ut_assert_eq(fk_unmap(s.fake, 0, table, 0, 1), -EINVAL);
	ut_assert_eq(fk_unmap(s.fake, 0, s.root + 100, 0, 1), -ENOENT);
	ut_assert_eq(unmap(&s, 0, 0), -EINVAL);
	ut_assert_eq(unmap(&s, 1, 1), -EINVAL);
	assert_maps(&s, 0, 0);
	tear_down(&s);
}

UT_CASE(limits)
{
	struct setup s;

	set_up(&s, 0);
	s.fake->max_pins = 2;
	ut_assert_eq(map(&s, 0, MEM, 1), 0);
	ut_assert_eq(map(&s, PG(1), MEM, 1), 0);
	ut_assert_eq(map(&s, PG(2), MEM, 1), -EDQUOT);
	assert_maps(&s, 2, 2);
	s.fake->max_pins = FAKE_PINS;
	s.fake->ctx[0]->config.max_maps = 3;
	ut_assert_eq(map(&s, PG(2), MEM, 1), 0);
	ut_assert_eq(map(&s, PG(3), MEM, 1), -EDQUOT);
	assert_maps(&s, 3, 3);
	ut_assert_eq(unmap(&s, 0, 1), 1);
	ut_assert_eq(map(&s, PG(3), MEM, 1), 0);
	tear_down(&s);
}

UT_CASE(width_asked_at_alloc)
{
	struct ioasid_alloc a = {
		.argsz = sizeof(a),
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.addr_bits = 16,
	};
	struct ioasid_arg arg = { .direct = &a };
	struct setup s;

	set_up(&s, 0);
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_ALLOC, &arg), 0);
	ut_assert_eq(fk_map(s.fake, 0, a.ioasid, PG(15), MEM, 1, RW), 0);
	ut_assert_eq(fk_map(s.fake, 0, a.ioasid, PG(16), MEM, 1, RW), -EINVAL);
	ut_assert_eq(fk_map(s.fake, 0, a.ioasid, PG(14), MEM, 3, RW), -EINVAL);
	a.addr_bits = 65;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_ALLOC, &arg), -EINVAL);
	tear_down(&s);
}

/* ---- tables ----------------------------------------------------------------------------------------- */

UT_CASE(both_tables_show_every_map)
{
	struct setup s;

	set_up(&s, 2);
	/* 40 pages are more extents than one batch. */
	ut_assert_eq(map(&s, PG(4), MEM, 40), 0);
	ut_assert_eq(fk_map(s.fake, 0, s.root, PG(50), MEM + PG(100), 7, R), 0);
	assert_leads(&s, 0, PG(4), MEM, 40, RW);
	assert_leads(&s, 1, PG(4), MEM, 40, RW);
	assert_leads(&s, 1, PG(50), MEM + PG(100), 7, R);
	assert_empty(&s, 1, PG(44), 6);
	ut_assert_eq(unmap(&s, PG(4), 40), 40);
	assert_empty(&s, 0, 0, 50);
	assert_leads(&s, 0, PG(50), MEM + PG(100), 7, R);
	tear_down(&s);
}

UT_CASE(a_late_device_sees_former_maps)
{
	struct setup s;

	set_up(&s, 1);
	ut_assert_eq(map(&s, PG(3), MEM, 9), 0);
	ut_assert_eq(fake_device(s.fake, 1, 1, IOASID_CLASS_PDEV, IOASID_INVALID), 0);
	ut_assert_eq(fk_bind(s.fake, 1, 0, 1), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), 0);
	assert_leads(&s, 1, PG(3), MEM, 9, RW);
	ut_assert_eq(fk_detach(s.fake, 1, s.root, 0), 0);
	ut_assert_eq(s.fake->iommu[1].nr_free, 1);
	assert_leads(&s, 0, PG(3), MEM, 9, RW);
	tear_down(&s);
}

/* A leaf that spans two MAPs could not be taken out without memory. */
UT_CASE(no_leaf_spans_two_maps)
{
	struct fake_domain *d;
	struct setup s;

	set_up(&s, 1);
	ut_assert_eq(map(&s, PG(0), MEM, 3), 0);
	ut_assert_eq(map(&s, PG(3), MEM + PG(3), 3), 0);
	d = fake_route(s.fake, 0, IOASID_NO_PASID);
	ut_assert_eq(d->table[0].call, d->table[2].call);
	ut_assert(d->table[2].call != d->table[3].call);
	os_alloc_fail_nth(1);
	ut_assert_eq(unmap(&s, PG(0), 3), 3);
	os_alloc_fail_nth(0);
	assert_leads(&s, 0, PG(3), MEM + PG(3), 3, RW);
	/* Nor when a domain is filled later. */
	ut_assert_eq(map(&s, PG(0), MEM, 3), 0);
	ut_assert_eq(fk_detach(s.fake, 0, s.root, 0), 0);
	ut_assert_eq(fk_attach(s.fake, 0, s.root, 0, 0), 0);
	d = fake_route(s.fake, 0, IOASID_NO_PASID);
	ut_assert(d->table[2].call != d->table[3].call);
	tear_down(&s);
}

UT_CASE(unmap_flushes_before_it_unpins)
{
	struct setup s;

	/* The fake watches the order in unpin(); here: it flushes once, and only what it must. */
	set_up(&s, 2);
	ut_assert_eq(map(&s, PG(1), MEM, 2), 0);
	ut_assert_eq(map(&s, PG(5), MEM, 2), 0);
	ut_assert_eq(map(&s, PG(20), MEM, 1), 0);
	fake_reset_counters(s.fake);
	ut_assert_eq(unmap(&s, PG(0), 8), 4);
	ut_assert_eq(s.fake->iommu[0].nr_flush, 1);
	ut_assert_eq(s.fake->iommu[1].nr_flush, 1);
	ut_assert_eq(unmap(&s, PG(0), 8), 0);
	ut_assert_eq(s.fake->iommu[0].nr_flush, 1);
	/* A device that does not answer is fenced; the unmap has kept its promise all the same. */
	s.fake->iommu[0].flush_rc = -EIO;
	ut_assert_eq(unmap(&s, PG(20), 1), 1);
	tear_down(&s);
}

UT_CASE(a_failing_table_undoes_the_map)
{
	struct setup s;

	set_up(&s, 2);
	ut_assert_eq(map(&s, PG(127), MEM, 1), 0);
	/* The first IOMMU has it already when the second fails. */
	s.fake->iommu[1].fail_map = 1;
	ut_assert_eq(map(&s, 0, MEM + PG(500), 10), -ENOMEM);
	assert_empty(&s, 0, 0, 127);
	assert_empty(&s, 1, 0, 127);
	assert_maps(&s, 1, 1);
	/* 40 extents are two batches; the first is in when the second fails. */
	s.fake->iommu[0].fail_map = 2;
	ut_assert_eq(map(&s, 0, MEM + PG(500), 120), -ENOMEM);
	assert_empty(&s, 0, 0, 127);
	assert_empty(&s, 1, 0, 127);
	assert_maps(&s, 1, 1);
	ut_assert_eq(map(&s, 0, MEM + PG(500), 120), 0);
	assert_leads(&s, 0, 0, MEM + PG(500), 120, RW);
	assert_leads(&s, 1, 0, MEM + PG(500), 120, RW);
	assert_leads(&s, 1, PG(127), MEM, 1, RW);
	tear_down(&s);
}

UT_CASE(a_failing_table_undoes_the_attach)
{
	struct setup s;

	set_up(&s, 1);
	ut_assert_eq(map(&s, PG(1), MEM, 4), 0);
	ut_assert_eq(map(&s, PG(7), MEM + PG(100), 4), 0);
	ut_assert_eq(fake_device(s.fake, 1, 1, IOASID_CLASS_PDEV, IOASID_INVALID), 0);
	ut_assert_eq(fk_bind(s.fake, 1, 0, 1), 0);
	s.fake->iommu[1].fail_map = 2;
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), -ENOMEM);
	ut_assert(!fake_route(s.fake, 1, IOASID_NO_PASID));
	ut_assert(list_empty(&s.fake->iommu[1].domains));
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), 0);
	assert_leads(&s, 1, PG(7), MEM + PG(100), 4, RW);
	tear_down(&s);
}

UT_CASE(reach_and_windows_of_an_iommu)
{
	struct ioasid_device_info info;
	struct setup s;

	set_up(&s, 2);
	/* The second IOMMU ends at 2^39. */
	ut_assert_eq(map(&s, FAKE_HIGH_START, MEM, 1), -EINVAL);
	ut_assert_eq(fk_detach(s.fake, 1, s.root, 0), 0);
	ut_assert_eq(map(&s, FAKE_HIGH_START, MEM, 1), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(fk_dev_info(s.fake, 1, &info), 0);
	ut_assert_eq(info.last_refusal, IOASID_REFUSAL_APERTURE);
	ut_assert_eq(fk_unmap_all(s.fake, 0, s.root), 1);
	s.fake->iommu[1].window = (struct ioasid_range){ PG(10), PG(20) - 1, IOASID_RANGE_MSI, 0 };
	s.fake->iommu[1].nr_windows = 1;
	ut_assert_eq(map(&s, PG(19), MEM, 1), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(unmap(&s, PG(19), 1), 1);
	ut_assert_eq(fk_attach(s.fake, 1, s.root, 0, 0), 0);
	ut_assert_eq(map(&s, PG(19), MEM, 1), -EINVAL);
	ut_assert_eq(map(&s, PG(9), MEM, 2), -EINVAL);
	ut_assert_eq(map(&s, PG(20), MEM, 1), 0);
	ut_assert_eq(map(&s, PG(9), MEM, 1), 0);
	assert_maps(&s, 2, 2);
	tear_down(&s);
}

UT_CASE(close_takes_everything_along)
{
	struct setup s;
	u32 other;

	set_up(&s, 2);
	ut_assert_eq(map(&s, PG(1), MEM, 4), 0);
	ut_assert_eq(fk_alloc(s.fake, 0, IOASID_KIND_KERNEL, IOASID_INVALID, &other), 0);
	ut_assert_eq(fk_map(s.fake, 0, other, FAKE_HIGH_START, MEM, 4, R), 0);
	fake_ctx_close(s.fake, 0);
	ut_assert_eq(s.fake->nr_pins, 0);
	ut_assert_eq(fake_nr_routes(s.fake), 0);
	tear_down(&s);
}

/* ---- random, against an array ------------------------------------------------------------------------- */

#define PAGES 96U

struct model {
	struct setup s;
	struct ut_rand rnd;
	/* Each page: number of its MAP, 0: none; index within it. */
	u32 id[PAGES];
	u32 offset[PAGES];
	u64 vaddr[PAGES];
	u32 prot[PAGES];
	u32 next;
};

static u32 model_count(const struct model *m, u32 first, u32 n)
{
	u32 i, count = 0;

	for (i = first; i < first + n; i++)
		count += m->id[i] != 0;
	return count;
}

static bool model_cuts(const struct model *m, u32 first, u32 n)
{
	u32 end = first + n;

	return (first && m->id[first] && m->id[first] == m->id[first - 1]) ||
	       (end < PAGES && m->id[end - 1] && m->id[end - 1] == m->id[end]);
}

static void model_map(struct model *m, u32 first, u32 n)
{
	u32 prot = 1 + ut_below(&m->rnd, 3), i;
	u64 vaddr = MEM + PG(++m->next * 256);
	int rc;

	if (!ut_below(&m->rnd, 6))
		m->s.fake->iommu[ut_below(&m->rnd, 2)].fail_map = 1;
	rc = fk_map(m->s.fake, 0, m->s.root, PG(first), vaddr, n, prot);
	if (model_count(m, first, n)) {
		ut_assert_eq(rc, -EEXIST);
	} else if (rc) {
		ut_assert_eq(rc, -ENOMEM);
		ut_assert(!m->s.fake->iommu[0].fail_map || !m->s.fake->iommu[1].fail_map);
	} else {
		for (i = 0; i < n; i++) {
			m->id[first + i] = m->next;
			m->vaddr[first + i] = vaddr + PG(i);
			m->prot[first + i] = prot;
		}
	}
	m->s.fake->iommu[0].fail_map = m->s.fake->iommu[1].fail_map = 0;
}

static void model_unmap(struct model *m, u32 first, u32 n)
{
	s64 rc = fk_unmap(m->s.fake, 0, m->s.root, PG(first), n);

	if (model_cuts(m, first, n)) {
		ut_assert_eq(rc, -EINVAL);
		return;
	}
	ut_assert_eq(rc, model_count(m, first, n));
	memset(m->id + first, 0, n * sizeof(m->id[0]));
}

static void model_compare(struct model *m, unsigned int dev)
{
	struct fake_domain *d = fake_route(m->s.fake, dev, IOASID_NO_PASID);
	u32 i;

	if (!d)
		return;
	for (i = 0; i < PAGES; i++) {
		u64 want = m->id[i] ? fake_phys(m->s.fake, m->vaddr[i]) | m->prot[i] : 0;

		ut_assert_eq(fake_look(m->s.fake, dev, IOASID_NO_PASID, PG(i)), want);
		/* The worst cache there is agrees: nothing old is left in it. */
		ut_assert_eq(d->cache[i].pa, d->table[i].pa);
		if (i && m->id[i] != m->id[i - 1] && m->id[i] && m->id[i - 1])
			ut_assert(d->table[i].call != d->table[i - 1].call);
	}
}

UT_CASE(random_against_array)
{
	struct model *m = kzalloc(sizeof(*m), GFP_KERNEL);
	u32 i, first, n;

	ut_assert(m);
	m->rnd.state = 7;
	set_up(&m->s, 2);
	for (i = 0; i < 3000; i++) {
		first = ut_below(&m->rnd, PAGES);
		n = 1 + ut_below(&m->rnd, min(PAGES - first, 12U));
		switch (ut_below(&m->rnd, 8)) {
		case 0:
			/* The second IOMMU's table comes and goes. */
			if (fake_route(m->s.fake, 1, IOASID_NO_PASID))
				ut_assert_eq(fk_detach(m->s.fake, 1, m->s.root, 0), 0);
			else
				ut_assert_eq(fk_attach(m->s.fake, 1, m->s.root, 0, 0), 0);
			break;
		case 1:
		case 2:
		case 3:
			model_unmap(m, first, n);
			break;
		default:
			model_map(m, first, n);
		}
		if (!(i % 8)) {
			model_compare(m, 0);
			model_compare(m, 1);
		}
		ut_assert(!m->s.fake->broken);
	}
	tear_down(&m->s);
	kfree(m);
}

UT_SUITE(core_map, UT_ENTRY(overlap_is_refused), UT_ENTRY(unmap_takes_whole_mappings),
	 UT_ENTRY(unmap_all), UT_ENTRY(to_the_very_last_byte), UT_ENTRY(bad_arguments),
	 UT_ENTRY(limits), UT_ENTRY(width_asked_at_alloc), UT_ENTRY(both_tables_show_every_map),
	 UT_ENTRY(a_late_device_sees_former_maps), UT_ENTRY(no_leaf_spans_two_maps),
	 UT_ENTRY(unmap_flushes_before_it_unpins), UT_ENTRY(a_failing_table_undoes_the_map),
	 UT_ENTRY(a_failing_table_undoes_the_attach), UT_ENTRY(reach_and_windows_of_an_iommu),
	 UT_ENTRY(close_takes_everything_along), UT_ENTRY(random_against_array));
