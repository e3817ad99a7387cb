// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every step of a long sequence is first made to fail: its 1st allocation, its 2nd, and so on, until
 * it succeeds untouched. After each failure all must be as it was before. Fault points of the fake
 * machine (pin, map, attach, set_table) count like allocations.
 */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW	 (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define PG(n)	 ((u64)(n) << PAGE_SHIFT)
#define MEM	 0x7f0000000000ULL
#define NONE	 IOASID_INVALID
#define PASID	 IOASID_ATTACH_PASID
#define BY_PASID (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID)

struct seq {
	struct fake *fake;
	u32 root, acct, over, child, table, shared, number, other;
};

/* ---- everything that can be seen ------------------------------------------------------------------ */

struct snap {
	long live;
	u64 hash;
};

static void mix(u64 *hash, u64 v)
{
	*hash = (*hash ^ v) * 0x100000001b3ULL;
	*hash ^= *hash >> 29;
}

static void mix_bytes(u64 *hash, const void *p, size_t size)
{
	const u8 *b = p;

	while (size--)
		mix(hash, *b++);
}

static void mix_domain(u64 *hash, const struct fake_domain *d)
{
	unsigned int i;

	mix(hash, (u64)(unsigned long)d);
	mix(hash, d->nr_routes);
	mix(hash, d->domain.users);
	mix_bytes(hash, &d->guest, sizeof(d->guest));
	for (i = 0; i < FAKE_PAGES; i++) {
		mix(hash, d->table[i].pa);
		mix(hash, d->table[i].prot);
		mix(hash, d->cache[i].pa);
	}
}

static void mix_ioas(u64 *hash, struct fake *fake, u32 id)
{
	struct ioasid_ioas_info info;

	ut_assert_eq(fk_ioas_info(fake, 0, id, &info), 0);
	mix_bytes(hash, &info, sizeof(info));
}

static void mix_device(u64 *hash, struct fake *fake, unsigned int n)
{
	struct ioasid_device_info info;

	if (!fake->file[n])
		return;
	ut_assert_eq(fk_dev_info(fake, n, &info), 0);
	info.last_refusal = 0; /* a refused attach is meant to leave this */
	mix_bytes(hash, &info, sizeof(info));
}

static struct snap look(struct seq *s)
{
	struct fake *fake = s->fake;
	struct snap snap = { .live = os_alloc_live() };
	struct fake_domain *d;
	struct ioasid_info info;
	struct ioas *ioas;
	unsigned int i;
	u32 id;

	for (i = 0; i < FAKE_IOMMUS; i++) {
		list_for_each_entry(d, &fake->iommu[i].domains, link)
			mix_domain(&snap.hash, d);
	}
	mix_bytes(&snap.hash, fake->route, sizeof(fake->route));
	mix(&snap.hash, fake->nr_pins);
	for (i = 0; i < FAKE_DEVICES; i++)
		mix_device(&snap.hash, fake, i);
	if (!fake->ctx[0])
		return snap;
	ut_assert_eq(fk_info(fake, 0, &info), 0);
	mix_bytes(&snap.hash, &info, sizeof(info));
	idtree_for_each(&fake->ctx[0]->ioas, id, ioas) mix_ioas(&snap.hash, fake, id);
	return snap;
}

/* ---- the steps --------------------------------------------------------------------------------------- */

static int open_context(struct seq *s)
{
	return fake_ctx(s->fake, 0);
}

static int device_0(struct seq *s)
{
	return fake_device(s->fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE);
}

static int device_1(struct seq *s)
{
	return fake_device(s->fake, 1, 1, IOASID_CLASS_PDEV_PASID, NONE);
}

static int group_of_two(struct seq *s)
{
	return fake_device(s->fake, 2, 0, IOASID_CLASS_PDEV, 7) ?:
		       fake_device(s->fake, 3, 0, IOASID_CLASS_PDEV, 7);
}

static int second_of_two(struct seq *s)
{
	return s->fake->dev[3] ? 0 : fake_device(s->fake, 3, 0, IOASID_CLASS_PDEV, 7);
}

static int alloc_root(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->root);
}

static int alloc_accounting(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_ACCOUNTING, NONE, &s->acct);
}

static int alloc_over(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, s->acct, &s->over);
}

static int alloc_child(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, s->root, &s->child);
}

static int alloc_table(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_USER_TABLE, s->root, &s->table);
}

static int alloc_shared(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_SHARED, NONE, &s->shared);
}

static int alloc_far_handle(struct seq *s)
{
	struct ioasid_alloc a = {
		.argsz = sizeof(a),
		.flags = IOASID_ALLOC_HANDLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = NONE,
		.ioasid = 1U << 29,
	};
	struct ioasid_arg arg = { .direct = &a };

	return ioasid_ctx_command(s->fake->ctx[0], IOASID_ALLOC, &arg);
}

static int map_root(struct seq *s)
{
	return fk_map(s->fake, 0, s->root, 0, MEM, 20, RW);
}

static int map_root_more(struct seq *s)
{
	return fk_map(s->fake, 0, s->root, PG(30), MEM + PG(30), 5, IOASID_MAP_READ);
}

static int map_accounting(struct seq *s)
{
	return fk_map(s->fake, 0, s->acct, MEM, MEM, 10, RW);
}

static int map_over(struct seq *s)
{
	return fk_map(s->fake, 0, s->over, 0, MEM, 10, RW);
}

static int map_child(struct seq *s)
{
	return fk_map(s->fake, 0, s->child, PG(50), PG(10), 30, RW);
}

static int bind_0(struct seq *s)
{
	return fk_bind(s->fake, 0, 0, 0);
}

static int bind_1(struct seq *s)
{
	return fk_bind(s->fake, 1, 0, 1);
}

static int bind_2(struct seq *s)
{
	return fk_bind(s->fake, 2, 0, 2);
}

static int bind_3(struct seq *s)
{
	return fk_bind(s->fake, 3, 0, 3);
}

static int attach_root(struct seq *s)
{
	return fk_attach(s->fake, 0, s->root, 0, 0);
}

static int attach_root_elsewhere(struct seq *s)
{
	return fk_attach(s->fake, 1, s->root, 0, 0);
}

static int stack_table(struct seq *s)
{
	return fk_attach(s->fake, 0, s->table, 0, 0);
}

static int attach_group(struct seq *s)
{
	return fk_attach(s->fake, 2, s->over, 0, 0);
}

static int replace_stack(struct seq *s)
{
	return fk_attach(s->fake, 0, s->over, IOASID_ATTACH_REPLACE, 0);
}

static int attach_child_pasid(struct seq *s)
{
	return fk_attach(s->fake, 0, s->child, BY_PASID, 5);
}

static int attach_child_elsewhere(struct seq *s)
{
	return fk_attach(s->fake, 1, s->child, PASID, 0);
}

static int set_number(struct seq *s)
{
	return fk_set_hwid(s->fake, 0, s->child, IOASID_HWID_ANY, 0, &s->number);
}

static int attach_table_pasid(struct seq *s)
{
	return fk_attach(s->fake, 0, s->table, BY_PASID, 9);
}

static int attach_shared(struct seq *s)
{
	return fk_attach(s->fake, 0, s->shared, BY_PASID, 10);
}

static int bind_table(struct seq *s)
{
	return fk_bind_table(s->fake, 0, s->table, 0x8000);
}

static int rebind_table(struct seq *s)
{
	return fk_bind_table(s->fake, 0, s->table, 0x9000);
}

static int fault_fd(struct seq *s)
{
	int rc = fk_fault_fd(s->fake, 0, 0);

	return rc < 0 ? rc : 0;
}

static int request(struct seq *s)
{
	fk_request(s->fake, 0, 9, 0x1000, 1, true);
	return 0;
}

static int unmap_root(struct seq *s)
{
	s64 rc = fk_unmap(s->fake, 0, s->root, 0, 20);

	return rc < 0 ? (int)rc : 0;
}

static int clear_number(struct seq *s)
{
	return fk_clear_hwid(s->fake, 0, s->child, 0, 0, s->number);
}

static int detach_group(struct seq *s)
{
	return fk_detach(s->fake, 2, s->over, 0);
}

static int pop_table(struct seq *s)
{
	return fk_detach(s->fake, 0, s->table, 0);
}

static int reset(struct seq *s)
{
	return fk_dev_reset(s->fake, 0);
}

static int close_context(struct seq *s)
{
	fake_ctx_close(s->fake, 0);
	return 0;
}

/*
 * @never: needs no memory, so injected failures must not reach it. @calm: nothing fails: the allocator
 * of host-wide numbers keeps what lookups read as long as the host lives
 */
struct step {
	const char *name;
	int (*fn)(struct seq *s);
	bool never;
	bool calm;
};

static const struct step steps[] = {
	{ "open", open_context, false, false },
	{ "device 0", device_0, false, false },
	{ "device 1", device_1, false, false },
	{ "group", group_of_two, false, false },
	{ "its second device", second_of_two, false, false },
	{ "root", alloc_root, false, false },
	{ "accounting root", alloc_accounting, false, false },
	{ "kernel on accounting", alloc_over, false, false },
	{ "child", alloc_child, false, false },
	{ "user table", alloc_table, false, false },
	{ "shared", alloc_shared, false, false },
	{ "far handle", alloc_far_handle, false, false },
	{ "map root", map_root, false, false },
	{ "map accounting", map_accounting, false, false },
	{ "map over accounting", map_over, false, false },
	{ "map child", map_child, false, false },
	{ "bind 0", bind_0, true, false },
	{ "bind 1", bind_1, true, false },
	{ "bind 2", bind_2, true, false },
	{ "attach the group", attach_group, false, false },
	{ "bind 3, which makes it real", bind_3, false, false },
	{ "attach root", attach_root, false, false },
	{ "attach root behind the other IOMMU", attach_root_elsewhere, false, false },
	{ "attach child by PASID", attach_child_pasid, false, false },
	{ "attach child elsewhere", attach_child_elsewhere, false, false },
	{ "any number on both", set_number, false, false },
	{ "map more under a child", map_root_more, false, false },
	{ "stack the table", stack_table, false, false },
	{ "bind the table", bind_table, false, false },
	{ "attach table by PASID", attach_table_pasid, false, false },
	{ "attach shared", attach_shared, false, false },
	{ "rebind the table", rebind_table, false, false },
	{ "fault descriptor", fault_fd, false, false },
	{ "page request", request, false, false },
	{ "unmap", unmap_root, true, false },
	{ "clear number", clear_number, true, false },
	{ "detach the group", detach_group, true, false },
	{ "unstack the table", pop_table, true, false },
	{ "stack it again", stack_table, false, false },
	{ "replace the stack", replace_stack, false, false },
	{ "reset", reset, true, false },
	{ "close", close_context, true, false },
};

/* ---- the same for functions, slices and what CPUs translate ------------------------------------------ */

static int function(struct seq *s)
{
	return fake_function(s->fake, 0, 0);
}

static int slice_0(struct seq *s)
{
	return fake_part(s->fake, 0, 0, IOASID_CLASS_MDEV_DMWR);
}

static int slice_1(struct seq *s)
{
	return fake_part(s->fake, 1, 0, IOASID_CLASS_MDEV_PASID);
}

static int whole_2(struct seq *s)
{
	return fake_device(s->fake, 2, 0, IOASID_CLASS_PDEV_DMWR, NONE);
}

static int alloc_other(struct seq *s)
{
	return fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->other);
}

static int attach_default(struct seq *s)
{
	return fk_attach(s->fake, 0, s->root, 0, 0);
}

static int attach_0_pasid(struct seq *s)
{
	return fk_attach(s->fake, 0, s->root, PASID, 0);
}

static int attach_1_own(struct seq *s)
{
	return fk_attach(s->fake, 1, s->other, BY_PASID, 2);
}

static int attach_2_pasid(struct seq *s)
{
	return fk_attach(s->fake, 2, s->root, PASID, 0);
}

static int knob(struct seq *s, unsigned int cmd, u32 value)
{
	struct ioasid_hwid_policy p = {
		.argsz = sizeof(p),
		.flags = IOASID_HWID_DEVICE,
		.value = value,
	};
	struct ioasid_arg arg = { .direct = &p };
	int rc = ioasid_ctx_command(s->fake->ctx[0], cmd, &arg);

	p.cookie = 2;
	return rc ? rc : ioasid_ctx_command(s->fake->ctx[0], cmd, &arg);
}

static int mode(struct seq *s)
{
	return knob(s, IOASID_SET_HWID_MODE, IOASID_MODE_GLOBAL);
}

static int split(struct seq *s)
{
	return knob(s, IOASID_HWID_SET_GLOBAL_MIN, 8);
}

static int set_hybrid(struct seq *s)
{
	u32 v = 3;

	return fk_set_hwid(s->fake, 0, s->root, 0, 0, &v);
}

static int cpu_map(struct seq *s)
{
	struct ioasid_cpu_pasid c = { .argsz = sizeof(c), .vpasid = 3 };
	struct ioasid_arg arg = { .direct = &c };

	return ioasid_ctx_command(s->fake->ctx[0], IOASID_CPU_PASID_MAP, &arg);
}

static int cpu_enable(struct seq *s)
{
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e), .provider_fd = FAKE_CPU_FD };
	struct ioasid_arg arg = { .direct = &e };

	return ioasid_ctx_command(s->fake->ctx[0], IOASID_CPU_PASID_ENABLE, &arg);
}

static int clear_hybrid(struct seq *s)
{
	return fk_clear_hwid(s->fake, 0, s->root, 0, 0, 3);
}

static const struct step slice_steps[] = {
	{ "open", open_context, false, false },
	{ "function", function, false, false },
	{ "slice 0", slice_0, false, false },
	{ "slice 1", slice_1, false, false },
	{ "whole function 2", whole_2, false, false },
	{ "root", alloc_root, false, false },
	{ "another root", alloc_other, false, false },
	{ "bind slice 0", bind_0, false, false },
	{ "bind slice 1", bind_1, false, false },
	{ "bind 2", bind_2, true, false },
	{ "global mode", mode, true, false },
	{ "split", split, true, false },
	{ "default PASID", attach_default, false, false },
	{ "attach slice 0", attach_0_pasid, false, false },
	{ "attach slice 1 by PASID", attach_1_own, false, false },
	{ "attach 2", attach_2_pasid, false, false },
	{ "hybrid number", set_hybrid, false, true },
	{ "and back", clear_hybrid, true, false },
	{ "hybrid number", set_hybrid, false, false },
	{ "CPU entry", cpu_map, false, false },
	{ "translation", cpu_enable, false, false },
	{ "clear it", clear_hybrid, true, false },
	{ "hybrid number again", set_hybrid, false, false },
	{ "CPU entry again", cpu_map, false, false },
	{ "close", close_context, true, false },
};

/* Returns how many times it was made to fail. */
static unsigned long run_step(struct seq *s, const struct step *step)
{
	unsigned long nth;
	struct snap before, after;
	int rc;

	for (nth = 1; nth < 200; nth++) {
		before = look(s);
		os_alloc_fail_nth(step->calm ? 0 : nth);
		rc = step->fn(s);
		os_alloc_fail_nth(0);
		if (!rc)
			return nth - 1;
		if (rc != -ENOMEM || step->never)
			ut_log("%s, allocation %lu: %d", step->name, nth, rc);
		ut_assert_eq(rc, -ENOMEM);
		ut_assert(!step->never);
		if (step->fn == group_of_two && s->fake->dev[2])
			return nth; /* made of two commands; the second one is the next step */
		after = look(s);
		if (after.live != before.live || after.hash != before.hash)
			ut_log("%s, allocation %lu: state changed", step->name, nth);
		ut_assert_eq(after.live, before.live);
		ut_assert_eq(after.hash, before.hash);
		ut_assert(!s->fake->broken);
	}
	return nth;
}

static void run_all(const struct step *table, unsigned int n, unsigned long least)
{
	long live = os_alloc_live();
	unsigned long failures = 0;
	struct seq s = { 0 };
	const char *broken;
	unsigned int i;

	s.fake = fake_new();
	ut_assert(s.fake);
	s.fake->iommu[1].iommu.caps |= IOASID_IOMMU_NESTING;
	ut_assert_eq(pasid_host_set_split(&s.fake->machine.pasids, 16), 0);
	for (i = 0; i < n; i++) {
		failures += run_step(&s, &table[i]);
		ut_assert(!s.fake->broken);
	}
	broken = fake_free(s.fake);
	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
	ut_assert_eq(os_alloc_live(), live);
	ut_log("%lu failures injected", failures);
	ut_assert(failures > least);
}

UT_CASE(every_allocation_of_every_step)
{
	run_all(steps, ARRAY_SIZE(steps), 60);
}

UT_CASE(and_with_slices)
{
	run_all(slice_steps, ARRAY_SIZE(slice_steps), 30);
}

UT_SUITE(core_failnth, UT_ENTRY(every_allocation_of_every_step), UT_ENTRY(and_with_slices));
