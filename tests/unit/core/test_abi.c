// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The dispatch table's rules for every command, and QUERY, through the caller's memory. */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW    (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define MEM   0x7f0000000000ULL
#define NONE  IOASID_INVALID
#define PG(n) ((u64)(n) << PAGE_SHIFT)
#define BUF   8192U

static void tear_down(struct fake *fake)
{
	const char *broken = fake_free(fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

/* ---- every command ----------------------------------------------------------------------------- */

/* @reserved: offset of the field that must be zero, 0: none. */
struct row {
	u32 cmd;
	u32 size;
	u32 flags;
	u32 reserved;
};

#define ROW(cmd, type, flags)                      \
	{                                          \
		cmd, sizeof(struct type), flags, 0 \
	}
#define ROW_RESERVED(cmd, type, flags)                                             \
	{                                                                          \
		cmd, sizeof(struct type), flags, offsetof(struct type, __reserved) \
	}

static const struct row ctx_rows[] = {
	ROW(IOASID_CHECK_EXTENSION, ioasid_check_extension, 0),
	ROW(IOASID_GET_INFO, ioasid_info, 1),
	ROW(IOASID_DEVICE_GET_INFO, ioasid_device_info, 0),
	ROW_RESERVED(IOASID_IOAS_GET_INFO, ioasid_ioas_info, 0),
	ROW_RESERVED(IOASID_ALLOC, ioasid_alloc, 3),
	ROW_RESERVED(IOASID_FREE, ioasid_free, 0),
	ROW(IOASID_MAP_DMA, ioasid_map_dma, 7),
	ROW_RESERVED(IOASID_UNMAP_DMA, ioasid_unmap_dma, 3),
	ROW_RESERVED(IOASID_BIND_PGTABLE, ioasid_bind_pgtable, 1),
	ROW_RESERVED(IOASID_SET_PASID_TABLE, ioasid_bind_pgtable, 1),
	ROW_RESERVED(IOASID_SET_HWID, ioasid_set_hwid, 7),
	ROW_RESERVED(IOASID_CLEAR_HWID, ioasid_set_hwid, 9),
	ROW_RESERVED(IOASID_SET_HWID_MODE, ioasid_hwid_policy, 1),
	ROW_RESERVED(IOASID_HWID_SET_GLOBAL_MIN, ioasid_hwid_policy, 1),
	ROW_RESERVED(IOASID_HWID_SET_PROMISED_WIDTH, ioasid_hwid_policy, 0),
	ROW(IOASID_INVALIDATE_CACHE, ioasid_invalidate, 7),
	ROW(IOASID_FAULT_FD, ioasid_fault_fd, 0),
	ROW(IOASID_PAGE_RESPONSE, ioasid_page_response, 0),
	ROW_RESERVED(IOASID_DIRTY_SET, ioasid_dirty, 1),
	ROW_RESERVED(IOASID_DIRTY_GET, ioasid_dirty, 2),
	ROW_RESERVED(IOASID_CPU_PASID_ENABLE, ioasid_cpu_pasid_enable, 1),
	ROW_RESERVED(IOASID_CPU_PASID_MAP, ioasid_cpu_pasid, 0),
	ROW_RESERVED(IOASID_CPU_PASID_UNMAP, ioasid_cpu_pasid, 0),
	ROW_RESERVED(IOASID_SET_QUOTA, ioasid_quota, 1),
	ROW_RESERVED(IOASID_LIMIT_GET, ioasid_limit, 7),
	ROW_RESERVED(IOASID_LIMIT_SET, ioasid_limit, 7),
	ROW(IOASID_STATE_SAVE, ioasid_state, 0),
	ROW(IOASID_STATE_RESTORE, ioasid_state, 0),
	ROW(IOASID_STATE_RESUME, ioasid_state, 0),
	ROW(IOASID_QUERY, ioasid_query, 0),
};

static const struct row dev_rows[] = {
	ROW(IOASID_DEV_GET_INFO, ioasid_device_info, 0),
	ROW_RESERVED(IOASID_DEV_BIND_IOASID_FD, ioasid_dev_bind, 0),
	ROW(IOASID_DEV_ATTACH_IOASID, ioasid_dev_attach, 31),
	ROW(IOASID_DEV_DETACH_IOASID, ioasid_dev_attach, 1),
	ROW(IOASID_DEV_RESET, ioasid_dev_reset, 0),
	ROW(IOASID_DEV_SET_EVENTFD, ioasid_dev_eventfd, 0),
	ROW(IOASID_DEV_GET_REGION, ioasid_dev_region, 0),
};

/* One command through the caller's memory; @dev: on device 0's descriptor. */
struct caller {
	struct fake *fake;
	bool dev;
	u64 uaddr;
};

/* The caller's structure: its size, flags, and one more word at @at if that is not 0. */
static int call(struct caller *c, u32 cmd, u32 argsz, u32 flags, u32 at)
{
	struct ioasid_arg arg = { .uaddr = c->uaddr };
	u32 words[2] = { argsz, flags }, one = 1;
	u8 zero[256] = { 0 };

	ut_assert_eq(os_copy_to_user(c->uaddr, zero, sizeof(zero)), 0);
	ut_assert_eq(os_copy_to_user(c->uaddr, words, sizeof(words)), 0);
	if (at)
		ut_assert_eq(os_copy_to_user(c->uaddr + at, &one, sizeof(one)), 0);
	return c->dev ? ioasid_devfile_command(c->fake->file[0], cmd, &arg) :
			ioasid_ctx_command(c->fake->ctx[0], cmd, &arg);
}

static void check_row(struct caller *c, const struct row *r)
{
	struct ioasid_arg nowhere = { .uaddr = 8 };
	unsigned int bit;

	ut_assert_eq(call(c, r->cmd, 0, 0, 0), -EINVAL);
	ut_assert_eq(call(c, r->cmd, 7, 0, 0), -EINVAL);
	if (r->size > 8)
		ut_assert_eq(call(c, r->cmd, 8, 0, 0), -EINVAL);
	ut_assert_eq(call(c, r->cmd, r->size + 8, 0, r->size), -E2BIG);
	ut_assert_eq(call(c, r->cmd, r->size + 8, 0, r->size + 4), -E2BIG);
	ut_assert_eq(call(c, r->cmd, PAGE_SIZE + 1, 0, 0), -E2BIG);
	ut_assert_eq(call(c, r->cmd, ~0U, 0, 0), -E2BIG);
	for (bit = 0; bit < 32; bit++) {
		if (!(r->flags & BIT(bit)))
			ut_assert_eq(call(c, r->cmd, r->size, BIT(bit), 0), -EOPNOTSUPP);
	}
	if (r->reserved)
		ut_assert_eq(call(c, r->cmd, r->size, 0, r->reserved), -EINVAL);
	ut_assert_eq(c->dev ? ioasid_devfile_command(c->fake->file[0], r->cmd, &nowhere) :
			      ioasid_ctx_command(c->fake->ctx[0], r->cmd, &nowhere),
		     -EFAULT);
}

static struct fake *machine(void)
{
	struct fake *fake = fake_new();

	ut_assert(fake);
	ut_assert_eq(fake_ctx(fake, 0), 0);
	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	return fake;
}

UT_CASE(rules_of_every_command)
{
	struct caller c = { .fake = machine(), .uaddr = ut_user_alloc(BUF) };
	unsigned int i;

	ut_assert_eq(fk_bind(c.fake, 0, 0, 1), 0);
	for (i = 0; i < ARRAY_SIZE(ctx_rows); i++)
		check_row(&c, &ctx_rows[i]);
	c.dev = true;
	for (i = 0; i < ARRAY_SIZE(dev_rows); i++)
		check_row(&c, &dev_rows[i]);
	ut_assert_eq(call(&c, IOASID_CHECK_EXTENSION, 16, 0, 0), -ENOTTY);
	ut_assert_eq(call(&c, IOASID_DEV_GET_REGION + 1, 16, 0, 0), -ENOTTY);
	c.dev = false;
	ut_assert_eq(call(&c, IOASID_DEV_RESET, 16, 0, 0), -ENOTTY);
	ut_assert_eq(call(&c, IOASID_LIMIT_SET + 1, 16, 0, 0), -ENOTTY);
	ut_assert_eq(call(&c, 0, 16, 0, 0), -ENOTTY);
	ut_assert_eq(call(&c, ~0U, 16, 0, 0), -ENOTTY);
	ut_user_free(c.uaddr, BUF);
	tear_down(c.fake);
}

/* What is designed and not there yet says so, and changes nothing. */
UT_CASE(commands_of_later_releases)
{
	static const u32 later[] = { IOASID_DIRTY_SET, IOASID_DIRTY_GET, IOASID_STATE_SAVE,
				     IOASID_STATE_RESTORE, IOASID_STATE_RESUME };
	static const u32 extensions[] = { IOASID_EXT_DIRTY, IOASID_EXT_STATE,
					  IOASID_EXT_USER_PASID_TABLE, IOASID_EXT_QUERY + 1000U,
					  ~0U };
	struct caller c = { .fake = machine(), .uaddr = ut_user_alloc(BUF) };
	struct ioasid_check_extension x = { .argsz = sizeof(x) };
	struct ioasid_arg arg = { .direct = &x };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(later); i++)
		ut_assert_eq(call(&c, later[i], 64, 0, 0), -EOPNOTSUPP);
	for (i = 0; i < ARRAY_SIZE(extensions); i++) {
		x.extension = extensions[i];
		x.value = 7;
		ut_assert_eq(ioasid_ctx_command(c.fake->ctx[0], IOASID_CHECK_EXTENSION, &arg), 0);
		ut_assert_eq(x.value, 0);
	}
	ut_user_free(c.uaddr, BUF);
	tear_down(c.fake);
}

UT_CASE(a_closed_context)
{
	struct caller c = { .fake = machine(), .uaddr = ut_user_alloc(BUF) };
	struct ioasid_ctx *ctx = c.fake->ctx[0];

	ioasid_ctx_get(ctx);
	fake_ctx_close(c.fake, 0);
	c.fake->ctx[0] = ctx;
	ut_assert_eq(call(&c, IOASID_CHECK_EXTENSION, 16, 0, 0), -ENODEV);
	ut_assert_eq(call(&c, IOASID_FREE, 16, 0, 0), -ENODEV);
	ut_assert_eq(call(&c, IOASID_FAULT_FD, 16, 0, 0), -ENODEV);
	ut_assert_eq(call(&c, IOASID_PAGE_RESPONSE, 16, 0, 0), -ENODEV);
	ut_assert_eq(fk_bind(c.fake, 0, 0, 1), -ENODEV);
	c.fake->ctx[0] = NULL;
	ioasid_ctx_put(ctx);
	ut_user_free(c.uaddr, BUF);
	tear_down(c.fake);
}

/* ---- QUERY ------------------------------------------------------------------------------------- */

/* All entries, fetched @room at a time, one after the other in @out. Returns their number. */
static u32 query(struct caller *c, u32 type, u32 ioasid, u32 size, u32 room, void *out)
{
	struct ioasid_query q = { .argsz = sizeof(q), .type = type, .ioasid = ioasid };
	struct ioasid_arg arg = { .direct = &q };
	u32 total = 0, calls;

	for (calls = 0; calls < 100 && q.cursor != ~0ULL; calls++) {
		q.buffer = c->uaddr;
		q.room = room;
		ut_assert_eq(ioasid_ctx_command(c->fake->ctx[0], IOASID_QUERY, &arg), 0);
		ut_assert(q.count <= room);
		ut_assert_eq(os_copy_from_user((u8 *)out + (size_t)total * size, c->uaddr,
					       (size_t)q.count * size),
			     0);
		total += q.count;
	}
	ut_assert(calls < 100);
	return total;
}

struct objects {
	struct ioasid_query_ioas ioas[8];
	struct ioasid_query_device device[8];
	struct ioasid_query_route route[16];
	struct ioasid_query_map map[16];
	u32 n[4];
};

static void query_all(struct caller *c, u32 root, u32 room, struct objects *o)
{
	memset(o, 0, sizeof(*o));
	o->n[0] = query(c, IOASID_QUERY_IOAS, 0, sizeof(o->ioas[0]), room, o->ioas);
	o->n[1] = query(c, IOASID_QUERY_DEVICE, 0, sizeof(o->device[0]), room, o->device);
	o->n[2] = query(c, IOASID_QUERY_ROUTE, 0, sizeof(o->route[0]), room, o->route);
	o->n[3] = query(c, IOASID_QUERY_MAP, root, sizeof(o->map[0]), room, o->map);
}

/* Two devices, three spaces, five routes (one default), four maps. */
static u32 populate(struct fake *fake)
{
	u32 root = 0, a = 0, b = 0, i;

	ut_assert_eq(fk_bind(fake, 0, 0, 70), 0);
	ut_assert_eq(fake_device(fake, 1, 1, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 71), 0);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, NONE, &root), 0);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, root, &a), 0);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, root, &b), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, a, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 3), 0);
	ut_assert_eq(fk_attach(fake, 0, b, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 9), 0);
	ut_assert_eq(fk_attach(fake, 1, a, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 2), 0);
	ut_assert_eq(fk_attach(fake, 1, root, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 15), 0);
	for (i = 0; i < 4; i++)
		ut_assert_eq(fk_map(fake, 0, root, PG(10 * i), MEM + PG(i), i + 1, RW), 0);
	return root;
}

UT_CASE(query_shows_everything_once)
{
	struct caller c = { .fake = machine(), .uaddr = ut_user_alloc(BUF) };
	struct objects *all = kzalloc(sizeof(*all), GFP_KERNEL);
	struct objects *some = kzalloc(sizeof(*some), GFP_KERNEL);
	u32 root = populate(c.fake), room, i;

	ut_assert(all && some);
	query_all(&c, root, 16, all);
	ut_assert_eq(all->n[0], 3);
	ut_assert_eq(all->n[1], 2);
	ut_assert_eq(all->n[2], 5);
	ut_assert_eq(all->n[3], 4);
	for (room = 1; room < 5; room++) {
		query_all(&c, root, room, some);
		ut_assert(!memcmp(all, some, sizeof(*all)));
	}
	ut_assert_eq(all->ioas[0].ioasid, root);
	ut_assert_eq(all->ioas[0].parent, NONE);
	ut_assert_eq(all->ioas[0].nr_routes, 2);
	ut_assert_eq(all->ioas[2].kind, IOASID_KIND_USER_TABLE);
	ut_assert_eq(all->ioas[2].parent, root);
	ut_assert_eq(all->device[0].cookie, 70);
	ut_assert_eq(all->device[0].nr_pasid_routes, 2);
	ut_assert_eq(all->device[0].default_ioasid, root);
	ut_assert_eq(all->device[1].default_ioasid, NONE);
	ut_assert_eq(all->route[0].flags, 0);
	ut_assert_eq(all->route[0].ioasid, root);
	ut_assert_eq(all->route[2].vpasid, 9);
	ut_assert_eq(all->route[4].cookie, 71);
	ut_assert_eq(all->route[4].vpasid, 15);
	for (i = 0; i < 4; i++) {
		ut_assert_eq(all->map[i].iova, PG(10 * i));
		ut_assert_eq(all->map[i].last, PG(11 * i + 1) - 1);
		ut_assert_eq(all->map[i].vaddr, MEM + PG(i));
		ut_assert_eq(all->map[i].flags, RW);
	}
	kfree(some);
	kfree(all);
	ut_user_free(c.uaddr, BUF);
	tear_down(c.fake);
}

UT_CASE(bad_queries)
{
	struct caller c = { .fake = machine(), .uaddr = ut_user_alloc(BUF) };
	u32 root = populate(c.fake), shared = 0;
	struct ioasid_query q = { .argsz = sizeof(q), .buffer = c.uaddr, .room = 4 };
	struct ioasid_arg arg = { .direct = &q };
	struct ioasid_ctx *ctx = c.fake->ctx[0];
	u64 cursor;

	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EINVAL);
	q.type = IOASID_QUERY_MAP + 1;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EINVAL);
	q.type = IOASID_QUERY_ROUTE;
	q.ioasid = root;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EINVAL);
	q.type = IOASID_QUERY_MAP;
	q.ioasid = 4711;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -ENOENT);
	ut_assert_eq(fk_alloc(c.fake, 0, IOASID_KIND_SHARED, NONE, &shared), 0);
	q.ioasid = shared;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EINVAL);
	q.ioasid = root;
	q.buffer = 8;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EFAULT);
	q.buffer = 0ULL - 8;
	ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), -EFAULT);
	/* No cursor, however odd, does harm. */
	q.buffer = c.uaddr;
	q.ioasid = 0;
	for (q.type = IOASID_QUERY_IOAS; q.type <= IOASID_QUERY_ROUTE; q.type++) {
		for (cursor = 1; cursor; cursor <<= 1) {
			q.cursor = cursor * 3 - 1;
			q.room = 4;
			ut_assert_eq(ioasid_ctx_command(ctx, IOASID_QUERY, &arg), 0);
			ut_assert(q.count <= 4);
		}
	}
	ut_user_free(c.uaddr, BUF);
	tear_down(c.fake);
}

UT_SUITE(core_abi, UT_ENTRY(rules_of_every_command), UT_ENTRY(commands_of_later_releases),
	 UT_ENTRY(a_closed_context), UT_ENTRY(query_shows_everything_once), UT_ENTRY(bad_queries));
