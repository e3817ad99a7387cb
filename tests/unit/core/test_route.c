// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* PASID routes and numbers; tables that a guest brings; invalidations. */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW	 (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define MEM	 0x7f0000000000ULL
#define NONE	 IOASID_INVALID
#define PASID	 IOASID_ATTACH_PASID
#define BY_PASID (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID)
#define DEV	 IOASID_HWID_DEVICE
#define ANY	 IOASID_HWID_ANY
#define ALL	 IOASID_HWID_ALL

/* Devices 0 and 1 of class 5 behind the two IOMMUs (6 and 4 bits), cookies 100 and 101. */
struct setup {
	struct fake *fake;
	u32 a, b;
};

static void set_up(struct setup *s)
{
	unsigned int i;

	s->fake = fake_new();
	ut_assert(s->fake);
	ut_assert_eq(fake_ctx(s->fake, 0), 0);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(fake_device(s->fake, i, i, IOASID_CLASS_PDEV_PASID, NONE), 0);
		ut_assert_eq(fk_bind(s->fake, i, 0, 100 + i), 0);
	}
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->a), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->b), 0);
}

static void tear_down(struct setup *s)
{
	const char *broken = fake_free(s->fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static u32 nr_routes(struct setup *s)
{
	struct ioasid_info info;

	ut_assert_eq(fk_info(s->fake, 0, &info), 0);
	return info.nr_routes;
}

static u32 ioas_routes(struct setup *s, u32 ioasid)
{
	struct ioasid_ioas_info info;

	ut_assert_eq(fk_ioas_info(s->fake, 0, ioasid, &info), 0);
	return info.nr_routes;
}

static u32 reaches(struct setup *s, unsigned int dev, u32 pasid)
{
	struct fake_domain *d = fake_route(s->fake, dev, pasid);

	return d ? d->domain.ioas->handle.val : NONE;
}

static int set(struct setup *s, u32 ioasid, u32 flags, u64 cookie, u32 vpasid)
{
	return fk_set_hwid(s->fake, 0, ioasid, flags, cookie, &vpasid);
}

static int clear(struct setup *s, u32 ioasid, u32 flags, u64 cookie, u32 vpasid)
{
	return fk_clear_hwid(s->fake, 0, ioasid, flags, cookie, vpasid);
}

/* ---- attach with the number, and later ------------------------------------------------------------ */

UT_CASE(number_with_the_attach)
{
	struct ioasid_device_info info;
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 0), -ERANGE);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 64), -ERANGE);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, NONE), -ERANGE);
	ut_assert_eq(fk_attach(s.fake, 1, s.a, BY_PASID, 16), -ERANGE);
	ut_assert_eq(s.fake->iommu[0].nr_attach + s.fake->iommu[1].nr_attach, 0);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 63), 0);
	ut_assert_eq(reaches(&s, 0, 63), s.a);
	ut_assert_eq(fk_attach(s.fake, 0, s.b, BY_PASID, 63), -EEXIST);
	ut_assert_eq(fk_dev_info(s.fake, 0, &info), 0);
	ut_assert_eq(info.last_refusal, IOASID_REFUSAL_NUMBER);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 62), -EBUSY);
	ut_assert_eq(fk_attach(s.fake, 0, s.b, BY_PASID, 62), 0);
	/* In local mode each device has its own numbering. */
	ut_assert_eq(fk_attach(s.fake, 1, s.b, BY_PASID, 15), 0);
	ut_assert_eq(nr_routes(&s), 3);
	ut_assert_eq(ioas_routes(&s, s.b), 2);
	ut_assert_eq(fk_free(s.fake, 0, s.b), -EBUSY);
	ut_assert_eq(fk_detach(s.fake, 0, s.b, 0), -ENOENT);
	ut_assert_eq(fk_detach(s.fake, 0, s.b, PASID), 0);
	ut_assert_eq(fk_detach(s.fake, 0, s.b, PASID), -ENOENT);
	ut_assert_eq(reaches(&s, 0, 62), NONE);
	ut_assert_eq(reaches(&s, 0, 63), s.a);
	ut_assert_eq(fk_detach(s.fake, 1, s.b, PASID), 0);
	ut_assert_eq(fk_free(s.fake, 0, s.b), 0);
	tear_down(&s);
}

UT_CASE(number_later)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(set(&s, s.a, 0, 0, 5), -ENOENT);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	/* Attached, nothing routed; the space is in use all the same. */
	ut_assert_eq(nr_routes(&s), 0);
	ut_assert_eq(s.fake->iommu[0].nr_attach, 0);
	ut_assert_eq(fk_free(s.fake, 0, s.a), -EBUSY);
	ut_assert_eq(set(&s, s.a, 0, 0, 0), -ERANGE);
	ut_assert_eq(set(&s, s.a, 0, 0, 64), -ERANGE);
	ut_assert_eq(set(&s, s.a, 0, 0, 5), 0);
	ut_assert_eq(reaches(&s, 0, 5), s.a);
	/* Again changes nothing. */
	fake_reset_counters(s.fake);
	ut_assert_eq(set(&s, s.a, 0, 0, 5), 0);
	ut_assert_eq(s.fake->iommu[0].nr_attach, 0);
	ut_assert_eq(nr_routes(&s), 1);
	/* Several numbers lead to one space. */
	ut_assert_eq(set(&s, s.a, 0, 0, 9), 0);
	ut_assert_eq(ioas_routes(&s, s.a), 2);
	ut_assert_eq(fk_attach(s.fake, 0, s.b, PASID, 0), 0);
	ut_assert_eq(set(&s, s.b, 0, 0, 9), -EEXIST);
	ut_assert_eq(set(&s, s.b, 0, 0, 10), 0);
	ut_assert_eq(clear(&s, s.a, 0, 0, 10), -ENOENT);
	ut_assert_eq(clear(&s, s.a, 0, 0, 5), 0);
	ut_assert_eq(clear(&s, s.a, 0, 0, 5), -ENOENT);
	ut_assert_eq(reaches(&s, 0, 5), NONE);
	ut_assert_eq(reaches(&s, 0, 9), s.a);
	/* A cleared number may be set again at once. */
	ut_assert_eq(set(&s, s.b, 0, 0, 5), 0);
	ut_assert_eq(reaches(&s, 0, 5), s.b);
	ut_assert_eq(clear(&s, s.b, ALL, 0, 5), -EINVAL);
	ut_assert_eq(clear(&s, s.b, ALL, 0, 0), 0);
	ut_assert_eq(clear(&s, s.b, ALL, 0, 0), -ENOENT);
	ut_assert_eq(nr_routes(&s), 1);
	ut_assert_eq(fk_detach(s.fake, 0, s.b, PASID), 0);
	tear_down(&s);
}

UT_CASE(set_and_clear_on_the_devices_attached_now)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	ut_assert_eq(set(&s, s.a, 0, 0, 3), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.a, PASID, 0), 0);
	ut_assert_eq(reaches(&s, 1, 3), NONE);
	/* Attached later: a further SET_HWID, which leaves the first device as it is. */
	ut_assert_eq(set(&s, s.a, 0, 0, 3), 0);
	ut_assert_eq(reaches(&s, 0, 3), s.a);
	ut_assert_eq(reaches(&s, 1, 3), s.a);
	/* Too wide for one is refused for all. */
	ut_assert_eq(set(&s, s.a, 0, 0, 16), -ERANGE);
	ut_assert_eq(reaches(&s, 0, 16), NONE);
	/* Named by cookie: that one only. */
	ut_assert_eq(set(&s, s.a, DEV, 100, 16), 0);
	ut_assert_eq(set(&s, s.a, DEV, 102, 17), -ENOENT);
	ut_assert_eq(set(&s, s.b, DEV, 100, 17), -ENOENT);
	ut_assert_eq(set(&s, s.a, 0, 100, 17), -EINVAL);
	ut_assert_eq(set(&s, s.a, DEV, 101, 7), 0);
	ut_assert_eq(reaches(&s, 0, 7), NONE);
	ut_assert_eq(clear(&s, s.a, DEV, 101, 3), 0);
	ut_assert_eq(reaches(&s, 0, 3), s.a);
	ut_assert_eq(reaches(&s, 1, 3), NONE);
	ut_assert_eq(clear(&s, s.a, 0, 0, 7), 0);
	ut_assert_eq(clear(&s, s.a, ALL, 0, 0), 0);
	ut_assert_eq(nr_routes(&s), 0);
	tear_down(&s);
}

UT_CASE(all_devices_or_none)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.a, PASID, 0), 0);
	ut_assert_eq(set(&s, s.a, DEV, 101, 4), 0);
	s.fake->iommu[1].fail_attach = 1;
	ut_assert_eq(set(&s, s.a, 0, 0, 3), -ENOMEM);
	ut_assert_eq(reaches(&s, 0, 3), NONE);
	ut_assert_eq(reaches(&s, 1, 3), NONE);
	/* Undoing leaves alone what was there before the command. */
	s.fake->iommu[0].fail_attach = 1;
	ut_assert_eq(set(&s, s.a, 0, 0, 4), -ENOMEM);
	ut_assert_eq(reaches(&s, 1, 4), s.a);
	ut_assert_eq(reaches(&s, 0, 4), NONE);
	ut_assert_eq(set(&s, s.a, 0, 0, 4), 0);
	/* A number that is somebody else's on one device. */
	ut_assert_eq(fk_attach(s.fake, 1, s.b, BY_PASID, 9), 0);
	ut_assert_eq(set(&s, s.a, 0, 0, 9), -EEXIST);
	ut_assert_eq(reaches(&s, 0, 9), NONE);
	s.fake->ctx[0]->config.max_routes = nr_routes(&s) + 1;
	ut_assert_eq(set(&s, s.a, 0, 0, 10), -EDQUOT);
	ut_assert_eq(reaches(&s, 0, 10), NONE);
	ut_assert_eq(set(&s, s.a, DEV, 100, 10), 0);
	tear_down(&s);
}

UT_CASE(any_number)
{
	u32 v = 0, i;
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.a, PASID, 0), 0);
	ut_assert_eq(set(&s, s.a, ANY, 0, 3), -EINVAL);
	/* The lowest one free on both. */
	ut_assert_eq(set(&s, s.a, DEV, 100, 1), 0);
	ut_assert_eq(set(&s, s.a, DEV, 101, 2), 0);
	ut_assert_eq(set(&s, s.a, DEV, 100, 4), 0);
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
	ut_assert_eq(v, 3);
	v = 0;
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
	ut_assert_eq(v, 5);
	v = 0;
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY | DEV, 101, &v), 0);
	ut_assert_eq(v, 1);
	for (i = 6; i < 16; i++) {
		v = 0;
		ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
		ut_assert_eq(v, i);
	}
	v = 0;
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), -ENOSPC);
	ut_assert_eq(v, 0);
	tear_down(&s);
}

UT_CASE(classes_and_modes)
{
	struct ioasid_hwid_policy p = { .argsz = sizeof(p), .value = IOASID_MODE_LOCAL };
	struct ioasid_arg arg = { .direct = &p };
	struct ioasid_device_info info;
	struct setup s;

	set_up(&s);
	ut_assert_eq(fake_device(s.fake, 2, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(s.fake, 2, 0, 102), 0);
	ut_assert_eq(fk_attach(s.fake, 2, s.a, PASID, 0), -EOPNOTSUPP);
	ut_assert_eq(fk_dev_info(s.fake, 2, &info), 0);
	ut_assert_eq(info.last_refusal, IOASID_REFUSAL_NO_PASID);
	ut_assert_eq(fk_attach(s.fake, 2, s.a, PASID | IOASID_ATTACH_GLOBAL, 0), -EOPNOTSUPP);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID | IOASID_ATTACH_LOCAL, 0), 0);
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_SET_HWID_MODE, &arg), 0);
	p.value = 3;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_SET_HWID_MODE, &arg), -EINVAL);
	p.value = 100;
	p.flags = DEV;
	p.cookie = 999;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_HWID_SET_GLOBAL_MIN, &arg), -ENOENT);
	p.cookie = 102;
	ut_assert_eq(ioasid_ctx_command(s.fake->ctx[0], IOASID_HWID_SET_GLOBAL_MIN, &arg),
		     -EOPNOTSUPP);
	tear_down(&s);
}

/* Default and PASID routes of one device do not disturb each other. */
UT_CASE(both_kinds_of_route)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, 0, 0), 0);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 1), 0);
	ut_assert_eq(s.fake->iommu[0].nr_alloc, 1);
	ut_assert_eq(fk_map(s.fake, 0, s.a, 0, MEM, 1, RW), 0);
	ut_assert_eq(fake_look(s.fake, 0, 1, 0), fake_look(s.fake, 0, NONE, 0));
	ut_assert_eq(fk_detach(s.fake, 0, s.a, 0), 0);
	ut_assert_eq(reaches(&s, 0, 1), s.a);
	ut_assert_eq(reaches(&s, 0, NONE), NONE);
	ut_assert_eq(s.fake->iommu[0].nr_free, 0);
	ut_assert_eq(fk_detach(s.fake, 0, s.a, PASID), 0);
	ut_assert_eq(s.fake->iommu[0].nr_free, 1);
	tear_down(&s);
}

/* ---- tables a guest brings -------------------------------------------------------------------------- */

static u32 user_table(struct setup *s)
{
	u32 handle = 0;

	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_USER_TABLE, s->a, &handle), 0);
	return handle;
}

UT_CASE(binding_a_table)
{
	struct setup s;
	struct fake_domain *d;
	u32 t;

	set_up(&s);
	s.fake->iommu[1].iommu.caps |= IOASID_IOMMU_NESTING;
	t = user_table(&s);
	ut_assert_eq(fk_bind_table(s.fake, 0, s.a, 0x1000), -EINVAL);
	ut_assert_eq(fk_bind_table(s.fake, 0, 4711, 0x1000), -ENOENT);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 0x1001), -EINVAL);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 1ULL << 52), -EINVAL);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 0x1000), 0);
	ut_assert_eq(fk_attach(s.fake, 0, t, BY_PASID, 1), 0);
	d = fake_route(s.fake, 0, 1);
	ut_assert_eq(d->guest.address, 0x1000);
	ut_assert_eq(fk_attach(s.fake, 1, t, BY_PASID, 1), 0);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 0x2000), 0);
	ut_assert_eq(d->guest.address, 0x2000);
	ut_assert_eq(fake_route(s.fake, 1, 1)->guest.address, 0x2000);
	/* One IOMMU refuses: both keep the old root. */
	fake_reset_counters(s.fake);
	s.fake->iommu[1].fail_set_table = 1;
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 0x3000), -ENOMEM);
	ut_assert_eq(d->guest.address, 0x2000);
	ut_assert_eq(fake_route(s.fake, 1, 1)->guest.address, 0x2000);
	ut_assert_eq(s.fake->iommu[0].nr_set_table, 2);
	ut_assert_eq(s.fake->iommu[1].nr_set_table, 1);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, ~0ULL), 0);
	ut_assert_eq(d->guest.format, IOASID_FORMAT_NONE);
	ut_assert_eq(fake_route(s.fake, 1, 1)->guest.format, IOASID_FORMAT_NONE);
	ut_assert_eq(fk_bind_table(s.fake, 0, t, 0), 0);
	ut_assert_eq(d->guest.format, IOASID_FORMAT_VTD_FS);
	tear_down(&s);
}

UT_CASE(table_descriptions_are_checked)
{
	struct ioasid_bind_pgtable b = { .argsz = sizeof(b) };
	struct ioasid_table good = { .format = IOASID_FORMAT_VTD_FS, .levels = 5 };
	struct ioasid_arg arg = { .direct = &b };
	struct ioasid_ctx *ctx;
	struct setup s;

	set_up(&s);
	ctx = s.fake->ctx[0];
	b.ioasid = user_table(&s);
	b.table = good;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), 0);
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_SET_PASID_TABLE, &arg), -EINVAL);
	b.table.format = IOASID_FORMAT_SMMUV3_S1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EOPNOTSUPP);
	b.table.format = 0;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EINVAL);
	b.table = good;
	b.table.levels = 3;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EINVAL);
	b.table = good;
	b.table.flags = IOASID_TABLE_SUBSTREAM0;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EOPNOTSUPP);
	b.table = good;
	b.table.pasid_bits = 1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EINVAL);
	b.table = good;
	b.table.config[1] = 1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EINVAL);
	b.table = good;
	b.flags = IOASID_BIND_NONE;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_BIND_PGTABLE, &arg), -EINVAL);
	tear_down(&s);
}

/* ---- invalidations ------------------------------------------------------------------------------------- */

UT_CASE(invalidations)
{
	struct ioasid_invalidate v = { 0 }, none = { 0 };
	struct fake_iommu *fi;
	struct setup s;
	u32 t;

	set_up(&s);
	fi = &s.fake->iommu[0];
	t = user_table(&s);
	ut_assert_eq(fk_attach(s.fake, 0, t, BY_PASID, 7), 0);
	v.ioasid = t;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), 0);
	ut_assert_eq(fi->nr_invalidate, 1);
	ut_assert_eq(fi->last_inv.start, 0);
	ut_assert_eq(fi->last_inv.last, ~0ULL);
	ut_assert(!fi->last_inv.dev && !fi->last_inv.leaf);
	v.granularity = IOASID_INV_RANGE;
	v.iova = 0x12345;
	v.length = 1;
	v.flags = IOASID_INV_LEAF | IOASID_INV_DEVICE;
	v.cookie = 100;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), 0);
	ut_assert_eq(fi->last_inv.start, 0x12345);
	ut_assert_eq(fi->last_inv.last, 0x12345);
	ut_assert(fi->last_inv.dev == s.fake->dev[0] && fi->last_inv.leaf);
	/* To the last byte, and not beyond it. */
	v.iova = ~0ULL - 9;
	v.length = 10;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), 0);
	ut_assert_eq(fi->last_inv.last, ~0ULL);
	v.length = 11;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.length = 0;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.iova = 0;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v = none;
	v.ioasid = t;
	v.granularity = IOASID_INV_PASID;
	v.vpasid = 7;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), 0);
	v.vpasid = 8;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -ENOENT);
	/* Somebody else's number. */
	ut_assert_eq(fk_attach(s.fake, 0, s.b, BY_PASID, 8), 0);
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -ENOENT);
	ut_assert_eq(fi->nr_invalidate, 4);
	tear_down(&s);
}

UT_CASE(bad_invalidations)
{
	struct ioasid_invalidate v = { 0 };
	struct setup s;
	u32 t;

	set_up(&s);
	t = user_table(&s);
	ut_assert_eq(fk_attach(s.fake, 0, t, BY_PASID, 7), 0);
	v.ioasid = s.a;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.ioasid = 4711;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -ENOENT);
	v.ioasid = t;
	v.granularity = IOASID_INV_TAG;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.granularity = IOASID_INV_PASID_ENTRY;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.granularity = IOASID_INV_PASID_ENTRY + 1;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.granularity = IOASID_INV_ALL;
	v.iova = 0x1000;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.iova = 0;
	v.vpasid = 7;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.vpasid = 0;
	v.tag = 1;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.tag = 0;
	v.cookie = 100;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EINVAL);
	v.flags = IOASID_INV_DEVICE;
	v.cookie = 101; /* bound, but does not reach this table */
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -ENOENT);
	v.cookie = 102;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -ENOENT);
	ut_assert_eq(s.fake->iommu[0].nr_invalidate, 0);
	/* A device that does not answer is told to the caller. */
	v.cookie = 100;
	s.fake->iommu[0].flush_rc = -EIO;
	ut_assert_eq(fk_invalidate(s.fake, 0, &v), -EIO);
	tear_down(&s);
}

UT_SUITE(core_route, UT_ENTRY(number_with_the_attach), UT_ENTRY(number_later),
	 UT_ENTRY(set_and_clear_on_the_devices_attached_now), UT_ENTRY(all_devices_or_none),
	 UT_ENTRY(any_number), UT_ENTRY(classes_and_modes), UT_ENTRY(both_kinds_of_route),
	 UT_ENTRY(binding_a_table), UT_ENTRY(table_descriptions_are_checked),
	 UT_ENTRY(invalidations), UT_ENTRY(bad_invalidations));
