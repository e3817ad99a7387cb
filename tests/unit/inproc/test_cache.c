// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Caches: what may be kept, what has to go, and that size does not matter. Everything here runs
 * with caches of two or four entries too, where each step evicts.
 */
#include "rig.h"

static const struct {
	uint32_t iotlb, pasid, walk;
} sizes[] = { { 0, 0, 0 }, { 4, 2, 2 }, { 2, 1, 1 } };
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct rig_config config_of(size_t i)
{
	return (struct rig_config){
		.host = { .iotlb_entries = sizes[i].iotlb,
			  .pasid_cache_entries = sizes[i].pasid,
			  .walk_cache_entries = sizes[i].walk },
	};
}

#define USER (G_P | G_W | G_U)

/* The guest moves a page without saying so: what is cached stays, and goes when it says so. */
static void keeps_until_told(void **state)
{
	uint64_t root, *pte, old, new, va = 0x7f1234567000;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	old = guest_map(&rig, root, va, USER);
	new = guest_page(&rig);
	pte = guest_pte(&rig, root, va, 0);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	*pte = new | USER;
	ok(dma_put(rig.dev[0], by_pasid(7, va), 2));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 2);
	/* Next door, and with another length, is something else. */
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va + PAGE, PAGE, true));
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va - PAGE, PAGE, false));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 3));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 3);
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, 1, true));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 4));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 3);
	assert_int_equal(*(uint64_t *)(rig.ram + new), 4);
	/* A range too long to go through it page by page, and all of it. */
	*pte = old | USER;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va - GIB, 2 * GIB, true));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 5));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 5);
	*pte = new | USER;
	ok(ioasid_invalidate(rig.ctx, ioasid));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 6));
	assert_int_equal(*(uint64_t *)(rig.ram + new), 6);
	/* To the end of all addresses. */
	*pte = old | USER;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, -va, true));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 7));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 7);
	rig_free(&rig);
}

/* A table page is replaced: only an invalidation that is not leaf-only drops the way to it. */
static void forgets_table_pages(void **state)
{
	uint64_t root, *pde, va = 0x7f1234567000, first, second, table;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	first = guest_map(&rig, root, va, USER);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	pde = guest_pte(&rig, root, va, 1);
	table = guest_page(&rig);
	second = guest_page(&rig);
	((uint64_t *)(rig.ram + table))[(va >> 12) & 511] = second | USER;
	*pde = table | USER;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, false));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 2));
	assert_int_equal(*(uint64_t *)(rig.ram + first), 1);
	assert_int_equal(*(uint64_t *)(rig.ram + second), 2);
	rig_free(&rig);
}

/* x86 raises permissions and makes pages present without an invalidation, at any level. */
static void raised_permissions_need_no_word(void **state)
{
	uint64_t root, *pte, *pde, gpa, va = 0x400000, got;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, va, G_P | G_U);
	pte = guest_pte(&rig, root, va, 0);
	pde = guest_pte(&rig, root, va, 1);
	*pde &= ~G_W;
	guest_process(&rig, root, 7, 0);
	ok(dma_get(rig.dev[0], by_pasid(7, va), &got));
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_PERMISSION);
	*pte |= G_W;
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_PERMISSION);
	*pde |= G_W;
	ok(dma_put(rig.dev[0], by_pasid(7, va), 3));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa), 3);
	blocked(rig.dev[0], by_pasid(7, va + PAGE), IOASID_REASON_NOT_PRESENT);
	guest_map(&rig, root, va + PAGE, USER);
	ok(dma_put(rig.dev[0], by_pasid(7, va + PAGE), 3));
	rig_free(&rig);
}

/* A write that finds the page cached by a read has to set the dirty bit first. */
static void writes_only_through_dirty(void **state)
{
	uint64_t root, *pte, va = 0x400000, got;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	guest_map(&rig, root, va, USER);
	pte = guest_pte(&rig, root, va, 0);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(dma_get(rig.dev[0], by_pasid(7, va), &got));
	assert_int_equal(*pte & (G_A | G_D), G_A);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	assert_int_equal(*pte & (G_A | G_D), G_A | G_D);
	/* Cleared and invalidated, it is set again; never in an entry that forbids writing. */
	*pte &= ~(G_A | G_D);
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, true));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	assert_int_equal(*pte & (G_A | G_D), G_A | G_D);
	*pte &= ~(G_D | G_W);
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, true));
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_PERMISSION);
	assert_int_equal(*pte & G_D, 0);
	rig_free(&rig);
}

/* Any address within a large guest page names all of it. */
static void large_guest_page_goes_whole(void **state)
{
	uint64_t root, *pde, va = 0x40000000, i;
	struct rig_config c = { .ram_size = 16 * MIB };
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	pde = guest_pte(&rig, root, va, 1);
	*pde = 4 * MIB | USER | G_PS;
	ioasid = guest_process(&rig, root, 7, 0);
	for (i = 0; i < 2 * MIB; i += 64 * 1024)
		ok(dma_put(rig.dev[0], by_pasid(7, va + i), i));
	assert_int_equal(*pde & (G_A | G_D), G_A | G_D);
	*pde = 8 * MIB | USER | G_PS;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va + 5 * PAGE, PAGE, true));
	for (i = 0; i < 2 * MIB; i += 64 * 1024) {
		ok(dma_put(rig.dev[0], by_pasid(7, va + i), i + 1));
		assert_int_equal(*(uint64_t *)(rig.ram + 4 * MIB + i), i);
		assert_int_equal(*(uint64_t *)(rig.ram + 8 * MIB + i), i + 1);
	}
	rig_free(&rig);
}

/* The parent takes away memory that holds a page of the guest, then one that holds its table. */
static void parent_unmap_reaches_children(void **state)
{
	uint64_t root, va = 0x400000, data, table;
	struct ioasid_fault f;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	ok(ioasid_unmap(rig.ctx, rig.gpa, 0, rig.ram_size, NULL));
	/* Page by page, so that single ones can go. */
	for (data = 0; data < 64 * PAGE; data += PAGE)
		ok(ioasid_map(rig.ctx, rig.gpa, data, (uintptr_t)rig.ram + data, PAGE, RW));
	root = guest_page(&rig);
	data = guest_map(&rig, root, va, USER);
	table = *guest_pte(&rig, root, va, 1) & ~0xfffULL;
	guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	ok(ioasid_unmap(rig.ctx, rig.gpa, data, PAGE, NULL));
	blocked(rig.dev[0], by_pasid(7, va + 8), IOASID_REASON_STAGE2);
	f = next_event(&rig);
	assert_int_equal(f.gpa, data + 8);
	ok(ioasid_map(rig.ctx, rig.gpa, data, (uintptr_t)rig.ram + data, PAGE, RW));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 2));
	ok(ioasid_unmap(rig.ctx, rig.gpa, table, PAGE, NULL));
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_STAGE2);
	f = next_event(&rig);
	assert_int_equal(f.gpa, table + ((va >> 12) & 511) * 8);
	rig_free(&rig);
}

/* One table, several numbers on several devices: an invalidation reaches them all. */
static void reaches_every_number(void **state)
{
	uint64_t root, va = 0x400000, old, new;
	uint32_t ioasid, n;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	old = guest_map(&rig, root, va, USER);
	new = guest_page(&rig);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(ioasid_dev_attach_pasid(rig.handle[1], ioasid, 8, 0));
	for (n = 100; n < 140; n++)
		ok(ioasid_set_hwid(rig.ctx, ioasid, n));
	for (n = 100; n < 140; n++) {
		ok(dma_put(rig.dev[0], by_pasid(n, va), n));
		ok(dma_put(rig.dev[1], by_pasid(n, va + 8), n));
	}
	*guest_pte(&rig, root, va, 0) = new | USER;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, true));
	for (n = 100; n < 140; n++) {
		ok(dma_put(rig.dev[0], by_pasid(n, va), n));
		assert_int_equal(*(uint64_t *)(rig.ram + new), n);
		ok(dma_put(rig.dev[1], by_pasid(n, va + 8), n));
		assert_int_equal(*(uint64_t *)(rig.ram + new + 8), n);
	}
	assert_int_equal(*(uint64_t *)(rig.ram + old), 139);
	/* A number that is cleared leads nowhere; the others stay. */
	ok(ioasid_clear_hwid(rig.ctx, ioasid, 120));
	blocked(rig.dev[0], by_pasid(120, va), IOASID_REASON_NO_ROUTE);
	blocked(rig.dev[1], by_pasid(120, va), IOASID_REASON_NO_ROUTE);
	ok(dma_put(rig.dev[0], by_pasid(119, va), 1));
	rig_free(&rig);
}

/* ---- against a model --------------------------------------------------------------------------- */

#define SLOTS  64 /* pages of input in play, some next to each other, some far apart */
#define STEPS  4000
#define SPACES 3

/**
 * struct model - what must be true
 * @page: of each slot of each space: the page of RAM behind it, or -1
 */
struct model {
	int page[SPACES][SLOTS];
};

static uint64_t slot_iova(unsigned int slot)
{
	static const uint64_t base[] = { 0, 0x200000 - 8 * PAGE, GIB - 8 * PAGE, 0x7fff00000000 };

	return base[slot / 16] + (slot % 16) * PAGE;
}

static uint32_t next(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((*seed >> 33) % below);
}

static void check_slot(struct rig *rig, const struct model *m, unsigned int space,
		       unsigned int slot, uint64_t *seed)
{
	struct ioasid_hostdev *dev = rig->dev[next(seed, RIG_DEVS)];
	struct ioasid_dma dma = by_pasid(20 + space, slot_iova(slot));
	uint64_t value = *seed, got;
	int page = m->page[space][slot];

	dma.flags |= IOASID_DMA_NO_REPORT;
	if (page < 0) {
		assert_int_equal(dma_put(dev, dma, value), -EFAULT);
		return;
	}
	ok(dma_put(dev, dma, value));
	assert_int_equal(*(uint64_t *)(rig->ram + page * PAGE), value);
	ok(dma_get(dev, dma, &got));
	assert_int_equal(got, value);
}

static void random_step(struct rig *rig, struct model *m, const uint32_t *ioasid, uint64_t *seed)
{
	unsigned int space = next(seed, SPACES), slot = next(seed, SLOTS);
	uint64_t iova = slot_iova(slot), unmapped;
	int page = (int)next(seed, 64);

	switch (next(seed, 8)) {
	case 0:
	case 1:
		if (m->page[space][slot] >= 0) {
			refused(ioasid_map(rig->ctx, ioasid[space], iova, (uintptr_t)rig->ram, PAGE,
					   RW),
				EEXIST);
			break;
		}
		ok(ioasid_map(rig->ctx, ioasid[space], iova, (uintptr_t)rig->ram + page * PAGE,
			      PAGE, RW));
		m->page[space][slot] = page;
		break;
	case 2:
		ok(ioasid_unmap(rig->ctx, ioasid[space], iova, PAGE, &unmapped));
		assert_int_equal(unmapped, m->page[space][slot] >= 0 ? PAGE : 0);
		m->page[space][slot] = -1;
		break;
	case 3:
		if (next(seed, 20) == 0) {
			ok(ioasid_unmap_all(rig->ctx, ioasid[space], NULL));
			memset(m->page[space], 0xff, sizeof(m->page[space]));
		}
		break;
	default:
		check_slot(rig, m, space, slot, seed);
	}
}

static void agrees_with_a_model(void **state)
{
	uint32_t ioasid[SPACES];
	uint64_t seed = 1;
	struct rig_config c;
	struct model m;
	struct rig rig;
	unsigned int i, s, d;
	size_t v;

	(void)state;
	for (v = 0; v < NR_SIZES * 2; v++) {
		c = config_of(v % NR_SIZES);
		c.host.flags = v >= NR_SIZES ? IOASID_HOST_FIRST_STAGE : 0;
		rig_make(&rig, &c);
		memset(&m, 0xff, sizeof(m));
		for (s = 0; s < SPACES; s++) {
			ok(ioasid_alloc_kernel(rig.ctx, &ioasid[s]));
			for (d = 0; d < RIG_DEVS; d++)
				ok(ioasid_dev_attach_pasid(rig.handle[d], ioasid[s], 20 + s, 0));
		}
		for (i = 0; i < STEPS; i++)
			random_step(&rig, &m, ioasid, &seed);
		for (s = 0; s < SPACES; s++) {
			for (i = 0; i < SLOTS; i++)
				check_slot(&rig, &m, s, i, &seed);
		}
		rig_free(&rig);
	}
}

/* The same for a guest that moves its pages about and says what it changed. */
static void agrees_with_a_guest(void **state)
{
	uint64_t root, seed = 7, value, got, *pte, i;
	uint32_t ioasid;
	struct rig_config c;
	struct rig rig;
	unsigned int slot;
	size_t v;

	(void)state;
	for (v = 0; v < NR_SIZES; v++) {
		c = config_of(v);
		rig_make(&rig, &c);
		rig.used = 64 * PAGE; /* pages that move */
		root = guest_page(&rig);
		ioasid = guest_process(&rig, root, 20, 0);
		for (i = 0; i < STEPS; i++) {
			struct ioasid_dma dma = by_pasid(20, 0);

			slot = next(&seed, SLOTS);
			dma.addr = slot_iova(slot);
			dma.flags |= IOASID_DMA_NO_REPORT;
			pte = guest_pte(&rig, root, dma.addr, 0);
			if (next(&seed, 3) == 0) {
				*pte = next(&seed, 4) ? next(&seed, 64) * PAGE | USER : 0;
				ok(ioasid_invalidate_range(rig.ctx, ioasid, dma.addr,
							   next(&seed, 8) ? PAGE : GIB,
							   next(&seed, 2)));
			}
			value = seed;
			if (!(*pte & G_P)) {
				assert_int_equal(dma_put(rig.dev[0], dma, value), -EFAULT);
				continue;
			}
			ok(dma_put(rig.dev[0], dma, value));
			assert_int_equal(*(uint64_t *)(rig.ram + (*pte & ~0xfffULL)), value);
			ok(dma_get(rig.dev[0], dma, &got));
			assert_int_equal(got, value);
		}
		rig_free(&rig);
	}
}

/* ---- the switches that break it, for tests that must fail ------------------------------------- */

static void without_invalidation(void **state)
{
	struct rig_config c = { .host.flags = IOASID_HOST_TEST_NO_INVALIDATE };
	uint64_t root, va = 0x400000, old, *pte;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	old = guest_map(&rig, root, va, USER);
	pte = guest_pte(&rig, root, va, 0);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	*pte = guest_page(&rig) | USER;
	ok(ioasid_invalidate(rig.ctx, ioasid));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 2));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 2);
	rig_free(&rig);
}

static void without_accessed_and_dirty(void **state)
{
	struct rig_config c = { .host.flags = IOASID_HOST_TEST_NO_AD };
	uint64_t root, va = 0x400000, gpa;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, va, USER);
	guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 5));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa), 5);
	assert_int_equal(*guest_pte(&rig, root, va, 0) & (G_A | G_D), 0);
	rig_free(&rig);
}

struct slow_write {
	pthread_t thread;
	struct ioasid_hostdev *dev;
	uint64_t va;
};

static void *slow_write_run(void *arg)
{
	struct slow_write *w = arg;

	ok(dma_put(w->dev, by_pasid(7, w->va), 0xbad));
	return NULL;
}

/*
 * A write is between translation and copy when its page is taken away. The call that takes it
 * waits, so the old page is quiet afterwards; told not to wait, it does not, and the write lands.
 */
static void waiting_is_what_protects(void **state)
{
	struct rig_config c = { .host.test_delay_us = 200000 };
	uint64_t root, old, *pte, *word;
	struct slow_write w;
	uint32_t ioasid;
	struct rig rig;
	int v;

	(void)state;
	for (v = 0; v < 2; v++) {
		c.host.flags = v ? IOASID_HOST_TEST_NO_WAIT : 0;
		rig_make(&rig, &c);
		root = guest_page(&rig);
		w = (struct slow_write){ .dev = rig.dev[0], .va = 0x400000 };
		old = guest_map(&rig, root, w.va, USER);
		pte = guest_pte(&rig, root, w.va, 0);
		ioasid = guest_process(&rig, root, 7, 0);
		pthread_create(&w.thread, NULL, slow_write_run, &w);
		/* The dirty bit says that it has translated. */
		while (!(__atomic_load_n(pte, __ATOMIC_SEQ_CST) & G_D))
			nap(1);
		*pte = guest_page(&rig) | USER;
		ok(ioasid_invalidate_range(rig.ctx, ioasid, w.va, PAGE, true));
		word = (uint64_t *)(rig.ram + old);
		*word = 1;
		pthread_join(w.thread, NULL);
		assert_int_equal(*word, v ? 0xbad : 1);
		rig_free(&rig);
	}
}

/* Hits are hits: the figures say what happened. */
static void counts(void **state)
{
	struct ioasid_host_stats a, b;
	struct rig rig;
	int i;

	(void)state;
	rig_make(&rig, NULL);
	ok(dma_put(rig.dev[0], by_rid(0x5000), 1));
	a = stats_of(&rig);
	assert_int_equal(a.iotlb_misses, 1);
	assert_int_equal(a.pasid_cache_misses, 1);
	for (i = 0; i < 10; i++)
		ok(dma_put(rig.dev[0], by_rid(0x5008), 1));
	/* The other device reaches the same space: its page is known, its route is not. */
	ok(dma_put(rig.dev[1], by_rid(0x5008), 1));
	b = stats_of(&rig);
	assert_int_equal(b.iotlb_hits - a.iotlb_hits, 10);
	assert_int_equal(b.pasid_cache_misses - a.pasid_cache_misses, 1);
	ioasid_host_flush_caches(rig.host);
	ok(dma_put(rig.dev[0], by_rid(0x5008), 1));
	a = stats_of(&rig);
	assert_int_equal(a.pasid_cache_misses - b.pasid_cache_misses, 1);
	assert_int_equal(a.walks - b.walks, 1);
	assert_int_equal(a.contexts, 1);
	assert_int_equal(a.devices, 2);
	assert_int_equal(a.pinned_bytes, rig.ram_size);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_until_told),
		cmocka_unit_test(forgets_table_pages),
		cmocka_unit_test(raised_permissions_need_no_word),
		cmocka_unit_test(writes_only_through_dirty),
		cmocka_unit_test(large_guest_page_goes_whole),
		cmocka_unit_test(parent_unmap_reaches_children),
		cmocka_unit_test(reaches_every_number),
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(agrees_with_a_guest),
		cmocka_unit_test(without_invalidation),
		cmocka_unit_test(without_accessed_and_dirty),
		cmocka_unit_test(waiting_is_what_protects),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
