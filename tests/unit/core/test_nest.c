// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Nesting: who may nest on whom, and software nesting as the composition of two sets of maps. */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW	 (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define R	 IOASID_MAP_READ
#define W	 IOASID_MAP_WRITE
#define PG(n)	 ((u64)(n) << PAGE_SHIFT)
#define MEM	 0x7f0000000000ULL
#define NONE	 IOASID_INVALID
#define BY_PASID (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID)

static struct fake *machine(void)
{
	struct fake *fake = fake_new();

	ut_assert(fake);
	ut_assert_eq(fake_ctx(fake, 0), 0);
	return fake;
}

static void tear_down(struct fake *fake)
{
	const char *broken = fake_free(fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static u32 alloc(struct fake *fake, u32 kind, u32 parent)
{
	u32 handle = 0;

	ut_assert_eq(fk_alloc(fake, 0, kind, parent, &handle), 0);
	return handle;
}

/* ---- who may nest on whom ----------------------------------------------------------------------- */

UT_CASE(kinds_and_parents)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 acct = alloc(fake, IOASID_KIND_ACCOUNTING, NONE);
	u32 shared = alloc(fake, IOASID_KIND_SHARED, NONE);
	u32 on_acct = alloc(fake, IOASID_KIND_KERNEL, acct);
	u32 child = alloc(fake, IOASID_KIND_KERNEL, root);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	u32 h;

	/* Below a root over an accounting root there is one more level. */
	alloc(fake, IOASID_KIND_KERNEL, on_acct);
	alloc(fake, IOASID_KIND_USER_TABLE, on_acct);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, child, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, child, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, table, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, table, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, acct, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, shared, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, shared, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, NONE, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_ACCOUNTING, root, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_ACCOUNTING, acct, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_SHARED, root, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_PASID_TABLE, root, &h), -EOPNOTSUPP);
	ut_assert_eq(fk_alloc(fake, 0, 0, NONE, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, 77, NONE, &h), -EINVAL);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, 12345, &h), -ENOENT);
	ut_assert_eq(fk_alloc_snoop(fake, 0, IOASID_KIND_KERNEL, NONE, 3, &h), -EINVAL);
	tear_down(fake);
}

UT_CASE(a_parent_outlives_its_children)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 child = alloc(fake, IOASID_KIND_KERNEL, root);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	struct ioasid_ioas_info info;

	ut_assert_eq(fk_ioas_info(fake, 0, root, &info), 0);
	ut_assert_eq(info.nr_children, 2);
	ut_assert_eq(info.parent, NONE);
	ut_assert_eq(fk_ioas_info(fake, 0, table, &info), 0);
	ut_assert_eq(info.parent, root);
	ut_assert_eq(fk_free(fake, 0, root), -EBUSY);
	ut_assert_eq(fk_free(fake, 0, child), 0);
	ut_assert_eq(fk_free(fake, 0, child), -ENOENT);
	ut_assert_eq(fk_free(fake, 0, root), -EBUSY);
	ut_assert_eq(fk_free(fake, 0, table), 0);
	ut_assert_eq(fk_free(fake, 0, root), 0);
	tear_down(fake);
}

UT_CASE(nothing_nests_across_contexts)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE), h;

	ut_assert_eq(fake_ctx(fake, 1), 0);
	ut_assert_eq(fk_alloc(fake, 1, IOASID_KIND_KERNEL, root, &h), -ENOENT);
	ut_assert_eq(fk_free(fake, 1, root), -ENOENT);
	ut_assert_eq(fk_map(fake, 1, root, 0, MEM, 1, RW), -ENOENT);
	tear_down(fake);
}

UT_CASE(handles)
{
	struct ioasid_alloc a = {
		.argsz = sizeof(a),
		.flags = IOASID_ALLOC_HANDLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = NONE,
		.ioasid = 5,
	};
	struct ioasid_arg arg = { .direct = &a };
	struct fake *fake = machine();
	u32 first = alloc(fake, IOASID_KIND_KERNEL, NONE), h;

	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_ALLOC, &arg), 0);
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_ALLOC, &arg), -EEXIST);
	a.ioasid = IOASID_INVALID;
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_ALLOC, &arg), -EINVAL);
	a.ioasid = first;
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_ALLOC, &arg), -EEXIST);
	/* Cyclic: a handle just freed does not come back at once. */
	ut_assert_eq(fk_free(fake, 0, first), 0);
	h = alloc(fake, IOASID_KIND_KERNEL, NONE);
	ut_assert(h != first);
	fake->ctx[0]->config.max_ioas = 2;
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, NONE, &h), -EDQUOT);
	tear_down(fake);
}

/* ---- the accounting root ----------------------------------------------------------------------- */

UT_CASE(accounting_root)
{
	struct fake *fake = machine();
	u32 acct = alloc(fake, IOASID_KIND_ACCOUNTING, NONE);
	u32 one = alloc(fake, IOASID_KIND_KERNEL, acct);
	u32 two = alloc(fake, IOASID_KIND_KERNEL, acct);
	struct ioasid_info info;

	ut_assert_eq(fk_map(fake, 0, acct, MEM, MEM + PG(1), 4, RW), -EINVAL);
	ut_assert_eq(fk_map(fake, 0, one, 0, MEM, 1, RW), -ENOENT);
	ut_assert_eq(fk_map(fake, 0, acct, MEM, MEM, 4, RW), 0);
	ut_assert_eq(fk_map(fake, 0, acct, MEM + PG(4), MEM + PG(4), 4, R), 0);
	ut_assert_eq(fk_map(fake, 0, one, 0, MEM, 4, RW), 0);
	/* Across both maps: readable all over, writable not. */
	ut_assert_eq(fk_map(fake, 0, two, 0, MEM + PG(2), 4, RW), -ENOENT);
	ut_assert_eq(fk_map(fake, 0, two, 0, MEM + PG(2), 4, R), 0);
	ut_assert_eq(fk_map(fake, 0, two, PG(50), MEM + PG(6), 3, R), -ENOENT);
	/* Pinned once, whoever leans on it. */
	ut_assert_eq(fake->nr_pins, 2);
	ut_assert_eq(fk_info(fake, 0, &info), 0);
	ut_assert_eq(info.pinned_bytes, PG(8));
	ut_assert_eq(fk_unmap(fake, 0, acct, MEM, 4), -EBUSY);
	ut_assert_eq(fk_unmap_all(fake, 0, acct), -EBUSY);
	ut_assert_eq(fk_unmap(fake, 0, one, 0, 4), 4);
	ut_assert_eq(fk_unmap(fake, 0, acct, MEM, 4), -EBUSY);
	ut_assert_eq(fk_unmap(fake, 0, two, 0, 4), 4);
	ut_assert_eq(fk_unmap(fake, 0, acct, MEM, 4), 4);
	ut_assert_eq(fk_free(fake, 0, acct), -EBUSY);
	ut_assert_eq(fk_free(fake, 0, one), 0);
	ut_assert_eq(fk_free(fake, 0, two), 0);
	ut_assert_eq(fk_free(fake, 0, acct), 0);
	tear_down(fake);
}

UT_CASE(accounting_root_is_never_attached)
{
	struct fake *fake = machine();
	u32 acct = alloc(fake, IOASID_KIND_ACCOUNTING, NONE);
	struct ioasid_device_info info;

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, acct, 0, 0), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, acct, BY_PASID, 1), -EINVAL);
	ut_assert_eq(fk_dev_info(fake, 0, &info), 0);
	ut_assert_eq(info.last_refusal, IOASID_REFUSAL_KIND);
	tear_down(fake);
}

/* Three levels: devices see memory that only the lowest one pins. */
UT_CASE(child_on_root_on_accounting_root)
{
	struct fake *fake = machine();
	u32 acct = alloc(fake, IOASID_KIND_ACCOUNTING, NONE);
	u32 root = alloc(fake, IOASID_KIND_KERNEL, acct);
	u32 child = alloc(fake, IOASID_KIND_KERNEL, root);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, child, BY_PASID, 1), 0);
	ut_assert_eq(fk_map(fake, 0, acct, MEM, MEM, 8, RW), 0);
	ut_assert_eq(fk_map(fake, 0, child, PG(40), PG(10), 4, RW), 0);
	ut_assert_eq(fake_look(fake, 0, 1, PG(40)), 0);
	ut_assert_eq(fk_map(fake, 0, root, PG(11), MEM + PG(5), 2, R), 0);
	ut_assert_eq(fake_look(fake, 0, 1, PG(40)), 0);
	ut_assert_eq(fake_look(fake, 0, 1, PG(41)), fake_phys(fake, MEM + PG(5)) | R);
	ut_assert_eq(fake_look(fake, 0, 1, PG(42)), fake_phys(fake, MEM + PG(6)) | R);
	ut_assert_eq(fake_look(fake, 0, 1, PG(43)), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fake_look(fake, 0, NONE, PG(12)), fake_phys(fake, MEM + PG(6)) | R);
	ut_assert_eq(fk_unmap(fake, 0, root, PG(11), 2), 2);
	ut_assert_eq(fake_look(fake, 0, 1, PG(41)), 0);
	tear_down(fake);
}

/* ---- hardware nesting: a parent's unmap under user tables ----------------------------------------- */

UT_CASE(parent_unmap_under_a_user_table)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	struct fake_domain *d;

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_map(fake, 0, root, 0, MEM, 10, RW), 0);
	/* Only the child is attached: the parent gets its domain for its sake. */
	ut_assert_eq(fk_attach(fake, 0, table, BY_PASID, 1), 0);
	d = fake_route(fake, 0, 1);
	ut_assert(d && d->type == IOASID_DOMAIN_NESTED && d->parent);
	ut_assert_eq(d->parent->table[4].pa, fake_phys(fake, MEM + PG(4)));
	fake_reset_counters(fake);
	ut_assert_eq(fk_unmap_all(fake, 0, root), 10);
	ut_assert_eq(fake->iommu[0].nr_flush, 1);
	ut_assert_eq(d->parent->cache[4].pa, 0);
	ut_assert_eq(fk_map(fake, 0, root, 0, MEM, 10, RW), 0);
	ut_assert_eq(d->parent->table[4].pa, fake_phys(fake, MEM + PG(4)));
	ut_assert_eq(fk_detach(fake, 0, table, IOASID_ATTACH_PASID), 0);
	ut_assert_eq(fake->iommu[0].nr_free, 2);
	tear_down(fake);
}

/* ---- software nesting: random, against the composition of arrays ------------------------------------ */

#define PAGES	 96U
#define CHILDREN 2

/* One page of a set of maps: which MAP (0: none), what it leads to, permissions. */
struct slot {
	u32 id;
	u32 prot;
	u64 to;
};

struct model {
	struct fake *fake;
	struct ut_rand rnd;
	u32 root, child[CHILDREN];
	struct slot r[PAGES];
	struct slot c[CHILDREN][PAGES];
	u32 next;
};

static u32 count(const struct slot *set, u32 first, u32 n)
{
	u32 i, k = 0;

	for (i = first; i < first + n; i++)
		k += set[i].id != 0;
	return k;
}

static bool cuts(const struct slot *set, u32 first, u32 n)
{
	u32 end = first + n;

	return (first && set[first].id && set[first].id == set[first - 1].id) ||
	       (end < PAGES && set[end - 1].id && set[end - 1].id == set[end].id);
}

static void model_map(struct model *m, u32 ioasid, struct slot *set, u64 to, u32 first, u32 n)
{
	u32 prot = 1 + ut_below(&m->rnd, 3), i;
	int rc;

	if (!ut_below(&m->rnd, 5))
		m->fake->iommu[ut_below(&m->rnd, 2)].fail_map = 1 + ut_below(&m->rnd, 3);
	rc = fk_map(m->fake, 0, ioasid, PG(first), to, n, prot);
	m->fake->iommu[0].fail_map = m->fake->iommu[1].fail_map = 0;
	if (count(set, first, n)) {
		ut_assert_eq(rc, -EEXIST);
		return;
	}
	if (rc) {
		ut_assert_eq(rc, -ENOMEM);
		return;
	}
	m->next++;
	for (i = 0; i < n; i++)
		set[first + i] = (struct slot){ m->next, prot, to + PG(i) };
}

static void model_unmap(struct model *m, u32 ioasid, struct slot *set, u32 first, u32 n)
{
	s64 rc = fk_unmap(m->fake, 0, ioasid, PG(first), n);

	if (cuts(set, first, n)) {
		ut_assert_eq(rc, -EINVAL);
		return;
	}
	ut_assert_eq(rc, count(set, first, n));
	memset(set + first, 0, n * sizeof(*set));
}

/* What a device finds at page @i of child @k, by the meaning of nesting. */
static u64 composed(struct model *m, unsigned int k, u32 i)
{
	const struct slot *c = &m->c[k][i], *r;

	if (!c->id)
		return 0;
	r = &m->r[c->to >> PAGE_SHIFT];
	if (!r->id || !(r->prot & c->prot))
		return 0;
	return fake_phys(m->fake, r->to) | (r->prot & c->prot);
}

static void compare(struct model *m, unsigned int dev)
{
	struct fake_domain *d;
	unsigned int k;
	u32 i;

	for (k = 0; k < CHILDREN; k++) {
		d = fake_route(m->fake, dev, k + 1);
		for (i = 0; d && i < PAGES; i++) {
			ut_assert_eq(fake_look(m->fake, dev, k + 1, PG(i)), composed(m, k, i));
			ut_assert_eq(d->cache[i].pa, d->table[i].pa);
			ut_assert_eq(d->cache[i].prot, d->table[i].prot);
		}
	}
	for (i = 0; i < PAGES; i++)
		ut_assert_eq(fake_look(m->fake, dev, NONE, PG(i)),
			     m->r[i].id ? fake_phys(m->fake, m->r[i].to) | m->r[i].prot : 0);
}

static void model_attach(struct model *m, unsigned int dev, unsigned int k)
{
	if (fake_route(m->fake, dev, k + 1))
		ut_assert_eq(fk_detach(m->fake, dev, m->child[k], IOASID_ATTACH_PASID), 0);
	else
		ut_assert_eq(fk_attach(m->fake, dev, m->child[k], BY_PASID, k + 1), 0);
}

static void model_step(struct model *m)
{
	u32 first = ut_below(&m->rnd, PAGES), k = ut_below(&m->rnd, CHILDREN);
	u32 n = 1 + ut_below(&m->rnd, min(PAGES - first, 16U));

	switch (ut_below(&m->rnd, 10)) {
	case 0:
		model_attach(m, ut_below(&m->rnd, 2), k);
		break;
	case 1:
	case 2:
		model_unmap(m, m->root, m->r, first, n);
		break;
	case 3:
	case 4:
		model_unmap(m, m->child[k], m->c[k], first, n);
		break;
	case 5:
	case 6:
	case 7:
		model_map(m, m->root, m->r, MEM + PG(++m->next * 256), first, n);
		break;
	default:
		model_map(m, m->child[k], m->c[k], PG(ut_below(&m->rnd, PAGES - n + 1)), first, n);
	}
}

static void run_model(struct model *m, u64 seed, u32 steps)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->rnd.state = seed;
	m->fake = machine();
	m->root = alloc(m->fake, IOASID_KIND_KERNEL, NONE);
	for (i = 0; i < CHILDREN; i++)
		m->child[i] = alloc(m->fake, IOASID_KIND_KERNEL, m->root);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(fake_device(m->fake, i, i, IOASID_CLASS_PDEV_PASID, NONE), 0);
		ut_assert_eq(fk_bind(m->fake, i, 0, i), 0);
		ut_assert_eq(fk_attach(m->fake, i, m->root, 0, 0), 0);
		ut_assert_eq(fk_attach(m->fake, i, m->child[0], BY_PASID, 1), 0);
	}
	for (i = 0; i < steps; i++) {
		model_step(m);
		if (!(i % 4)) {
			compare(m, 0);
			compare(m, 1);
		}
		ut_assert(!m->fake->broken);
	}
	tear_down(m->fake);
}

UT_CASE(shadow_is_the_composition)
{
	struct model *m = kzalloc(sizeof(*m), GFP_KERNEL);
	u64 seed;

	ut_assert(m);
	for (seed = 1; seed <= 4; seed++)
		run_model(m, seed, 800);
	kfree(m);
}

/* A parent's change costs what its range costs, however much the children map elsewhere. */
UT_CASE(cost_follows_the_range)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 child = alloc(fake, IOASID_KIND_KERNEL, root), i;

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, child, BY_PASID, 1), 0);
	for (i = 0; i < 50; i++)
		ut_assert_eq(fk_map(fake, 0, child, PG(2 * i), PG(i), 1, RW), 0);
	fake_reset_counters(fake);
	ut_assert_eq(fk_map(fake, 0, root, PG(7), MEM, 2, RW), 0);
	ut_assert_eq(fake->iommu[0].nr_map, 2);
	ut_assert_eq(fake->iommu[0].nr_flush, 0);
	ut_assert_eq(fk_unmap(fake, 0, root, PG(7), 2), 2);
	ut_assert_eq(fake->iommu[0].nr_unmap, 2);
	ut_assert_eq(fake->iommu[0].nr_flush, 1);
	tear_down(fake);
}

UT_SUITE(core_nest, UT_ENTRY(kinds_and_parents), UT_ENTRY(a_parent_outlives_its_children),
	 UT_ENTRY(nothing_nests_across_contexts), UT_ENTRY(handles), UT_ENTRY(accounting_root),
	 UT_ENTRY(accounting_root_is_never_attached), UT_ENTRY(child_on_root_on_accounting_root),
	 UT_ENTRY(parent_unmap_under_a_user_table), UT_ENTRY(shadow_is_the_composition),
	 UT_ENTRY(cost_follows_the_range));
