// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Device TLBs: the modelled one, and devices that keep their own. */
#include "rig.h"

#define USER (G_P | G_W | G_U)

/* ---- the modelled device TLB --------------------------------------------------------------- */

static void modelled_tlb_is_invalidated(void **state)
{
	struct rig_config c = { .dev_flags = IOASID_HOSTDEV_ATS, .dtlb_entries = 4 };
	uint64_t root, va = 0x400000, old, new, i, got;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	old = guest_map(&rig, root, va, USER);
	new = guest_page(&rig);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	assert_int_equal(stats_of(&rig).ats_grants, 1);
	*guest_pte(&rig, root, va, 0) = new | USER;
	ok(dma_put(rig.dev[0], by_pasid(7, va), 2));
	assert_int_equal(*(uint64_t *)(rig.ram + old), 2);
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, true));
	assert_int_equal(stats_of(&rig).ats_grants, 0);
	ok(dma_put(rig.dev[0], by_pasid(7, va), 3));
	assert_int_equal(*(uint64_t *)(rig.ram + new), 3);
	/* Bounded: more pages than entries, and each is still right. */
	for (i = 1; i < 20; i++)
		guest_map(&rig, root, va + i * PAGE, USER);
	for (i = 0; i < 40; i++) {
		ok(dma_put(rig.dev[0], by_pasid(7, va + (i % 20) * PAGE), i));
		ok(dma_get(rig.dev[0], by_pasid(7, va + (i % 20) * PAGE), &got));
		assert_int_equal(got, i);
		assert_true(stats_of(&rig).ats_grants <= 4);
	}
	/* A parent's unmap and a detach take all of it. */
	ok(ioasid_unmap(rig.ctx, rig.gpa, 0, rig.ram_size, NULL));
	assert_int_equal(stats_of(&rig).ats_grants, 0);
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_STAGE2);
	ok(ioasid_map(rig.ctx, rig.gpa, 0, (uintptr_t)rig.ram, rig.ram_size, RW));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 1));
	ok(ioasid_dev_detach_pasid(rig.handle[0], ioasid));
	assert_int_equal(stats_of(&rig).ats_grants, 0);
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_NO_ROUTE);
	rig_free(&rig);
}

static void modelled_tlb_asks_for_what_it_lacks(void **state)
{
	struct rig_config c = { .dev_flags = IOASID_HOSTDEV_ATS };
	uint64_t root, va = 0x400000, gpa, got;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, va, G_P | G_U);
	guest_process(&rig, root, 7, 0);
	ok(dma_get(rig.dev[0], by_pasid(7, va), &got));
	/* Without page requests the failure is one of the IOMMU, and recorded. */
	blocked(rig.dev[0], by_pasid(7, va), IOASID_REASON_PERMISSION);
	assert_int_equal(next_event(&rig).reason, IOASID_REASON_PERMISSION);
	*guest_pte(&rig, root, va, 0) |= G_W;
	ok(dma_put(rig.dev[0], by_pasid(7, va), 9));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa), 9);
	rig_free(&rig);
}

/* A forged translated request: no grant, of another PASID, of another page, taken back. */
static void translated_requests_need_a_grant(void **state)
{
	struct rig_config c = { .dev_flags = IOASID_HOSTDEV_ATS };
	struct ioasid_dma dma, fake;
	unsigned int lg2, granted;
	uint64_t root, va = 0x400000, hpa, gpa;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, va, USER);
	ioasid = guest_process(&rig, root, 7, 0);
	fake = by_pasid(7, (uintptr_t)rig.ram);
	fake.flags |= IOASID_DMA_TRANSLATED;
	blocked(rig.dev[0], fake, IOASID_REASON_DEVICE);
	assert_int_equal(next_event(&rig).reason, IOASID_REASON_DEVICE);
	dma = by_pasid(7, va);
	ok(ioasid_hostdev_translate(rig.dev[0], &dma, IOASID_ACCESS_READ | IOASID_ACCESS_WRITE,
				    &hpa, &lg2, &granted));
	assert_int_equal(granted, IOASID_ACCESS_READ | IOASID_ACCESS_WRITE);
	assert_int_equal(lg2, 12);
	assert_int_equal(hpa, (uintptr_t)rig.ram + gpa);
	fake.addr = hpa + 16;
	ok(dma_put(rig.dev[0], fake, 77));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa + 16), 77);
	blocked(rig.dev[1], fake, IOASID_REASON_DEVICE);
	fake.pasid = 8;
	blocked(rig.dev[0], fake, IOASID_REASON_DEVICE);
	fake.pasid = 7;
	fake.addr = hpa + PAGE;
	blocked(rig.dev[0], fake, IOASID_REASON_DEVICE);
	ok(ioasid_invalidate_range(rig.ctx, ioasid, va, PAGE, true));
	fake.addr = hpa;
	blocked(rig.dev[0], fake, IOASID_REASON_DEVICE);
	rig_free(&rig);
}

static void translation_requests_are_completed(void **state)
{
	struct rig_config c = { .dev_flags = IOASID_HOSTDEV_ATS };
	unsigned int lg2, granted;
	uint64_t root, va = 0x400000, hpa;
	struct ioasid_dma dma;
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	root = guest_page(&rig);
	guest_map(&rig, root, va, G_P | G_U);
	guest_process(&rig, root, 7, 0);
	dma = by_pasid(7, va);
	ok(ioasid_hostdev_translate(rig.dev[0], &dma, IOASID_ACCESS_WRITE, &hpa, &lg2, &granted));
	assert_int_equal(granted, IOASID_ACCESS_READ);
	/* Nothing there: an empty answer, no event; no route: an error and an event. */
	dma.addr = va + PAGE;
	ok(ioasid_hostdev_translate(rig.dev[0], &dma, IOASID_ACCESS_READ, &hpa, &lg2, &granted));
	assert_int_equal(granted, 0);
	no_event(&rig);
	ok(ioasid_dev_detach(rig.handle[1], rig.gpa));
	dma = by_rid(va);
	ok(ioasid_hostdev_translate(rig.dev[1], &dma, IOASID_ACCESS_READ, &hpa, &lg2, &granted));
	assert_int_equal(granted, 0);
	/* The guest's table leads to what is not its memory: an abort. */
	*guest_pte(&rig, root, va, 0) = 1ULL << 51 | USER;
	dma = by_pasid(7, va);
	ok(ioasid_hostdev_translate(rig.dev[0], &dma, IOASID_ACCESS_READ, &hpa, &lg2, &granted));
	rig_free(&rig);
	memset(&c, 0, sizeof(c));
	rig_make(&rig, &c);
	dma = by_rid(0);
	refused(ioasid_hostdev_translate(rig.dev[0], &dma, IOASID_ACCESS_READ, &hpa, &lg2,
					 &granted),
		EINVAL);
	rig_free(&rig);
}

/* ---- a device with a TLB of its own ---------------------------------------------------------- */

/* What the device was told; it answers at once, later, or never. */
struct own {
	struct rig *rig;
	enum { AT_ONCE, LATER, NEVER } answer;
	unsigned int told;
	uint32_t pasid, tag;
	uint64_t start, last;
	struct ioasid_dma held; /* a translated request it still sends before it answers */
	int held_rc;
};

static void own_invalidate(void *opaque, uint32_t pasid, uint64_t start, uint64_t last,
			   uint32_t tag)
{
	struct own *own = opaque;

	own->pasid = pasid;
	own->start = start;
	own->last = last;
	own->tag = tag;
	if (own->held.flags)
		own->held_rc = dma_put(own->rig->dev[0], own->held, 55);
	__atomic_add_fetch(&own->told, 1, __ATOMIC_SEQ_CST);
	if (own->answer == AT_ONCE)
		ioasid_hostdev_inv_done(own->rig->dev[0], tag);
}

static const struct ioasid_hostdev_ops own_ops = { .invalidate = own_invalidate };

struct own_rig {
	struct rig rig;
	struct own own;
	uint64_t root, va, gpa, hpa;
	uint32_t ioasid;
};

/* A process whose page at @va the device has translated. */
static void own_make(struct own_rig *o, uint32_t timeout_ms)
{
	const struct rig_config c = {
		.host.ats_timeout_ms = timeout_ms,
		.dev_flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB,
		.ops = &own_ops,
		.opaque = &o->own,
	};
	unsigned int lg2, granted;
	struct ioasid_dma dma;

	memset(o, 0, sizeof(*o));
	rig_make(&o->rig, &c);
	o->own.rig = &o->rig;
	o->va = 0x400000;
	o->root = guest_page(&o->rig);
	o->gpa = guest_map(&o->rig, o->root, o->va, USER);
	o->ioasid = guest_process(&o->rig, o->root, 7, 0);
	dma = by_pasid(7, o->va);
	ok(ioasid_hostdev_translate(o->rig.dev[0], &dma, IOASID_ACCESS_WRITE, &o->hpa, &lg2,
				    &granted));
	assert_int_equal(granted, IOASID_ACCESS_READ | IOASID_ACCESS_WRITE);
}

static void own_tlb_is_told(void **state)
{
	struct own_rig o;

	(void)state;
	own_make(&o, 0);
	/* What it is still sending is honoured until it has answered. */
	o.own.held = by_pasid(7, o.hpa);
	o.own.held.flags |= IOASID_DMA_TRANSLATED;
	ok(ioasid_invalidate_range(o.rig.ctx, o.ioasid, o.va + 100, 1, true));
	assert_int_equal(o.own.told, 1);
	assert_int_equal(o.own.pasid, 7);
	assert_int_equal(o.own.start, o.va);
	assert_int_equal(o.own.last, o.va + PAGE - 1);
	assert_int_equal(o.own.held_rc, 0);
	assert_int_equal(*(uint64_t *)(o.rig.ram + o.gpa), 55);
	blocked(o.rig.dev[0], o.own.held, IOASID_REASON_DEVICE);
	/* It holds nothing any more: there is nothing to tell it. */
	ok(ioasid_invalidate(o.rig.ctx, o.ioasid));
	assert_int_equal(o.own.told, 1);
	rig_free(&o.rig);
}

static void *answer_later(void *arg)
{
	struct own *own = arg;

	while (!__atomic_load_n(&own->told, __ATOMIC_SEQ_CST))
		nap(1);
	nap(50);
	ioasid_hostdev_inv_done(own->rig->dev[0], own->tag + 1); /* not the one: ignored */
	ioasid_hostdev_inv_done(own->rig->dev[0], own->tag);
	return NULL;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void invalidation_waits_for_the_answer(void **state)
{
	struct own_rig o;
	pthread_t thread;
	double t;

	(void)state;
	own_make(&o, 0);
	o.own.answer = LATER;
	pthread_create(&thread, NULL, answer_later, &o.own);
	t = now_ms();
	ok(ioasid_invalidate_range(o.rig.ctx, o.ioasid, o.va, PAGE, true));
	assert_true(now_ms() - t >= 50);
	pthread_join(thread, NULL);
	rig_free(&o.rig);
}

/* It does not answer: fenced, its DMA refused, everybody else's goes on; RESET brings it back. */
static void silent_device_is_fenced(void **state)
{
	struct ioasid_device_info info = { .argsz = sizeof(info) };
	unsigned int lg2, granted;
	struct ioasid_dma dma;
	struct own_rig o;

	(void)state;
	own_make(&o, 30);
	o.own.answer = NEVER;
	refused(ioasid_invalidate_range(o.rig.ctx, o.ioasid, o.va, PAGE, true), EIO);
	ok(ioasid_dev_get_info(o.rig.handle[0], &info));
	assert_true(info.caps & IOASID_DEV_FENCED);
	blocked(o.rig.dev[0], by_pasid(7, o.va), IOASID_REASON_NO_ROUTE);
	blocked(o.rig.dev[0], by_rid(0x1000), IOASID_REASON_NO_ROUTE);
	dma = by_pasid(7, o.hpa);
	dma.flags |= IOASID_DMA_TRANSLATED;
	blocked(o.rig.dev[0], dma, IOASID_REASON_DEVICE);
	dma = by_pasid(7, o.va);
	assert_int_equal(ioasid_hostdev_translate(o.rig.dev[0], &dma, IOASID_ACCESS_READ, &o.hpa,
						  &lg2, &granted),
			 -EFAULT);
	ok(dma_put(o.rig.dev[1], by_rid(0x1000), 1));
	/* It is not asked again, so nobody waits for it again. */
	ok(ioasid_invalidate_range(o.rig.ctx, o.ioasid, o.va, PAGE, true));
	ok(ioasid_dev_reset(o.rig.handle[0]));
	o.own.answer = AT_ONCE;
	ok(dma_put(o.rig.dev[0], by_pasid(7, o.va), 1));
	ok(ioasid_hostdev_translate(o.rig.dev[0], &dma, IOASID_ACCESS_READ, &o.hpa, &lg2,
				    &granted));
	rig_free(&o.rig);
}

/* Detaching and closing do not hang on it either. */
static void silent_device_does_not_stop_a_close(void **state)
{
	struct own_rig o;

	(void)state;
	own_make(&o, 30);
	o.own.answer = NEVER;
	rig_free(&o.rig);
	assert_true(o.own.told > 0);
}

/* A route that is replaced is invalidated as a whole. */
static void rebinding_takes_grants(void **state)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	struct ioasid_dma dma;
	struct own_rig o;

	(void)state;
	own_make(&o, 0);
	table.address = guest_page(&o.rig);
	ok(ioasid_bind_pgtable(o.rig.ctx, o.ioasid, &table));
	assert_int_equal(o.own.told, 1);
	assert_int_equal(o.own.start, 0);
	assert_int_equal(o.own.last, ~0ULL);
	dma = by_pasid(7, o.hpa);
	dma.flags |= IOASID_DMA_TRANSLATED;
	blocked(o.rig.dev[0], dma, IOASID_REASON_DEVICE);
	rig_free(&o.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modelled_tlb_is_invalidated),
		cmocka_unit_test(modelled_tlb_asks_for_what_it_lacks),
		cmocka_unit_test(translated_requests_need_a_grant),
		cmocka_unit_test(translation_requests_are_completed),
		cmocka_unit_test(own_tlb_is_told),
		cmocka_unit_test(invalidation_waits_for_the_answer),
		cmocka_unit_test(silent_device_is_fenced),
		cmocka_unit_test(silent_device_does_not_stop_a_close),
		cmocka_unit_test(rebinding_takes_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
