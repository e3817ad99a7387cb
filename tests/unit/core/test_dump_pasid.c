// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Dumps of the allocator: sets and their owners, refusals, pending numbers and who holds them, limits. */
#include "paper.h"
#include "pin.h"

#define ALL ((1U << 20) - 1)

/* ---- a machine with nothing but the allocator -------------------------------------------------- */

static struct limit_group *charge_to;
static u32 released;

static void who_is(void *mm, struct pasid_who *who)
{
	who->pid = 4711;
	memcpy(who->comm, "a\n\"b", 5);
}

static struct limit_group *current_group(struct pasid_host *host)
{
	if (charge_to)
		limit_group_get(charge_to);
	return charge_to;
}

static void group_released(void *priv)
{
	released++;
}

static const struct pasid_host_ops pasid_ops = { .mm_who = who_is, .limit_get = current_group };
static const struct ioasid_home_ops home_ops = {
	.pasids = &pasid_ops,
	.limit_release = group_released,
};

static struct ioasid_machine *machine_make(void)
{
	struct ioasid_machine *m = kzalloc(sizeof(*m), GFP_KERNEL);

	ut_assert(m);
	charge_to = NULL;
	released = 0;
	ioasid_machine_init(m, &home_ops);
	return m;
}

static void machine_free(struct ioasid_machine *m)
{
	ioasid_machine_destroy(m);
	kfree(m);
}

/* Everything about sets, each step asked for twice; to be freed. */
static char *dump_sets(struct ioasid_machine *m)
{
	struct paper p = paper_make();
	const struct ioasid_dump d = { .print = paper_print, .priv = &p };
	struct ioasid_dump_cursor at = { 0 }, same;
	size_t before;
	bool more;

	do {
		same = at;
		before = p.used;
		(void)ioasid_dump_sets(m, &d, &same);
		p.used = before;
		more = ioasid_dump_sets(m, &d, &at);
	} while (more);
	p.text[p.used] = 0;
	return p.text;
}

static char *dump_limits(struct ioasid_machine *m)
{
	struct paper p = paper_make();
	const struct ioasid_dump d = { .print = paper_print, .priv = &p };
	struct limit_group *group = NULL;

	while ((group = ioasid_dump_limit_next(m, group)) != NULL)
		ioasid_dump_limit(group, &d);
	p.text[p.used] = 0;
	return p.text;
}

static void sets_have(struct ioasid_machine *m, const char *line)
{
	char *text = dump_sets(m);

	paper_has(text, line);
	kvfree(text);
}

static struct ioasid_set *make_set(struct ioasid_machine *m, void *token, u32 quota)
{
	struct ioasid_set *set = pasid_set_alloc(&m->pasids, token, quota,
						 token ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);

	ut_assert(!IS_ERR(set));
	return set;
}

static int try_one(struct ioasid_set *set, u32 min, u32 max, u32 *id)
{
	struct ioasid_request req = { .min = min, .max = max };

	return pasid_alloc(set, &req, NULL, id);
}

static u32 take(struct ioasid_set *set)
{
	u32 id;

	ut_assert_eq(try_one(set, 1, ALL, &id), 0);
	return id;
}

/* ---- the allocator ------------------------------------------------------------------------------ */

static int deaf(struct notifier_block *nb, unsigned long event, void *data)
{
	return 0;
}

UT_CASE(the_allocator)
{
	struct ioasid_machine *m = machine_make();
	struct notifier_block nb = { .notifier_call = deaf };
	struct ioasid_set *set, *other;
	u32 id;

	sets_have(m, "allocator capacity=1048576 avail=1048576 reserved=0 promised=0 split=32768 "
		     "default_ceiling=- sets=0 live=0 pending=0 works=0 handlers=0 backends=0 "
		     "backend=default returning=0\n");
	pasid_install_capacity(&m->pasids, 1000);
	ut_assert_eq(pasid_reserve_capacity(&m->pasids, 100), 100);
	set = make_set(m, NULL, 10);
	other = make_set(m, NULL, 0);
	ut_assert_eq(pasid_register_notifier(&m->pasids, NULL, &nb), 0);
	id = take(set);
	(void)take(other);
	ut_assert_eq(pasid_get(&m->pasids, set, id, IOASID_HOLD_USER), 0);
	pasid_free(&m->pasids, set, id);
	sets_have(m, "allocator capacity=1000 avail=889 reserved=100 promised=10 split=32768 "
		     "default_ceiling=- sets=2 live=2 pending=1 works=0 handlers=1 ");
	ut_assert_eq(pasid_adjust_set(set, 30), 0);
	sets_have(m, " avail=869 reserved=100 promised=30 ");
	pasid_unregister_notifier(&m->pasids, NULL, &nb);
	ut_assert(pasid_put(&m->pasids, set, id, IOASID_HOLD_USER));
	pasid_free_all(other);
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(pasid_set_free(other), 0);
	sets_have(m, " avail=900 reserved=100 promised=0 ");
	machine_free(m);
}

/* ---- sets --------------------------------------------------------------------------------------- */

UT_CASE(owners)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_who who = { .ctx = 7, .pid = 812, .comm = "qemu" };
	struct ioasid_set *host = make_set(m, NULL, 5), *mm = make_set(m, m, 0), *ctx;
	char *text;

	ctx = pasid_set_alloc_ctx(&m->pasids, &who);
	ut_assert(!IS_ERR(ctx));
	pasid_set_who(ctx, &who);
	text = dump_sets(m);
	paper_has(text, "\nset id=1 owner=host state=live context=- pid=- comm=- ceiling=5 "
			"promised=5 numbers=0 pending=0 private=0 handlers=0 refused=- "
			"refused_group=-\n");
	paper_has(text, "\nset id=2 owner=process state=live context=- pid=4711 comm=\"a__b\" "
			"ceiling=- promised=0 ");
	paper_has(text, "\nset id=3 owner=context state=live context=7 pid=812 comm=\"qemu\" ");
	kvfree(text);
	ut_assert_eq(pasid_set_free(host), 0);
	ut_assert_eq(pasid_set_free(mm), 0);
	pasid_set_destroy(ctx);
	text = dump_sets(m);
	ut_assert_eq(paper_count(text, "set id="), 0);
	kvfree(text);
	machine_free(m);
}

/* What a set holds and who refused it last. */
UT_CASE(figures_and_refusals)
{
	struct ioasid_machine *m = machine_make();
	struct ioasid_set *set = make_set(m, NULL, 3);
	struct limit_group *root, *group;
	u32 id[3], i;

	root = limit_group_create(&m->pasids.limits, NULL, 1, "/", NULL);
	group = limit_group_create(&m->pasids.limits, root, 77, "/tight", NULL);
	ut_assert(!IS_ERR(root) && !IS_ERR(group));
	ut_assert_eq(limit_set_max(group, 2), 0);
	for (i = 0; i < 2; i++)
		id[i] = take(set);
	ut_assert_eq(pasid_attach_spid(&m->pasids, id[0], 5), 0);
	ut_assert_eq(try_one(set, id[0], id[0], &id[2]), -ENOSPC);
	sets_have(m, " numbers=2 pending=0 private=1 handlers=0 refused=range refused_group=-\n");
	id[2] = take(set);
	ut_assert_eq(try_one(set, 1, ALL, &i), -EDQUOT);
	sets_have(m, " numbers=3 pending=0 private=1 handlers=0 refused=quota refused_group=-\n");
	ut_assert_eq(pasid_adjust_set(set, 10), 0);
	charge_to = group;
	ut_assert_eq(limit_set_max(group, 0), 0);
	ut_assert_eq(try_one(set, 1, ALL, &i), -EDQUOT);
	sets_have(m, " refused=limit refused_group=77\n");
	charge_to = NULL;
	pasid_free_all(set);
	ut_assert_eq(pasid_set_free(set), 0);
	set = make_set(m, NULL, 0);
	ut_assert(pasid_reserve_capacity(&m->pasids, 0) > 0);
	ut_assert_eq(try_one(set, 1, ALL, &i), -ENOSPC);
	sets_have(m, " refused=capacity refused_group=-\n");
	ut_assert_eq(pasid_set_free(set), 0);
	ut_assert_eq(limit_group_forget(group), 0);
	limit_group_put(group);
	limit_group_put(root);
	machine_free(m);
}

/* ---- pending numbers ------------------------------------------------------------------------------ */

UT_CASE(who_holds_a_number)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_host *host = &m->pasids;
	struct ioasid_set *set = make_set(m, NULL, 0);
	struct limit_group *root = limit_group_create(&host->limits, NULL, 12, "/", NULL);
	char *text, line[160];
	u32 id;

	ut_assert(!IS_ERR(root));
	charge_to = root;
	id = take(set);
	ut_assert_eq(pasid_attach_spid(host, id, 99), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_USER), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_IOMMU), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_CPU), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_DEVICE), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_DEVICE), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_DEVICE), 0);
	ut_assert(pu_pin(host, id));
	text = dump_sets(m);
	ut_assert_eq(paper_count(text, "number "), 0);
	kvfree(text);
	pasid_free(host, set, id);
	snprintf(
		line, sizeof(line),
		"\nnumber id=%u set=1 spid=99 user=2 iommu=1 cpu=1 device=3 pins=1 backend=default "
		"charged=12\n",
		id);
	sets_have(m, line);
	/* Each leaves: it is seen at once. */
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_CPU));
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_USER));
	pasid_detach_spid(host, id);
	sets_have(m, " spid=- user=1 iommu=1 cpu=0 device=3 pins=1 ");
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_USER));
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_IOMMU));
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_DEVICE));
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_DEVICE));
	ut_assert(!pasid_put(host, set, id, IOASID_HOLD_DEVICE));
	sets_have(m, " user=0 iommu=0 cpu=0 device=0 pins=1 ");
	ut_assert(pasid_unpin(host, id));
	text = dump_sets(m);
	ut_assert_eq(paper_count(text, "number "), 0);
	kvfree(text);
	ut_assert_eq(pasid_set_free(set), 0);
	limit_group_put(root);
	machine_free(m);
}

/* A set that is gone for its owner is there as long as a number of it is. */
UT_CASE(a_dying_set)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_host *host = &m->pasids;
	struct ioasid_set *set = make_set(m, NULL, 50);
	char *text, line[64];
	u32 id = take(set);

	ut_assert_eq(pasid_attach_spid(host, id, 1), 0);
	ut_assert_eq(pasid_get(host, set, id, IOASID_HOLD_IOMMU), 0);
	pasid_free_all(set);
	pasid_set_destroy(set);
	text = dump_sets(m);
	paper_has(text, "set id=1 owner=host state=dying ");
	paper_has(text, " promised=50 numbers=1 pending=1 private=0 ");
	/* It has no name in the set any more. */
	snprintf(line, sizeof(line), "number id=%u set=1 spid=- user=0 iommu=1 ", id);
	paper_has(text, line);
	kvfree(text);
	ut_assert(pasid_put(host, NULL, id, IOASID_HOLD_IOMMU));
	text = dump_sets(m);
	ut_assert_eq(paper_count(text, "set id="), 0);
	kvfree(text);
	machine_free(m);
}

struct slow {
	struct ioasid_work work;
	struct completion begun;
	struct completion go_on;
};

static void slow_work(struct ioasid_work *work)
{
	struct slow *slow = container_of(work, struct slow, work);

	complete(&slow->begun);
	wait_for_completion(&slow->go_on);
}

/* A work keeps a number nobody else holds; people are to see that. */
UT_CASE(a_work_holds_a_number)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_host *host = &m->pasids;
	struct ioasid_set *set = make_set(m, NULL, 0);
	struct slow *slow = kzalloc(sizeof(*slow), GFP_KERNEL);
	u32 id = take(set);
	char *text;

	ut_assert(slow);
	init_completion(&slow->begun);
	init_completion(&slow->go_on);
	pasid_init_work(&slow->work, id, slow_work);
	ut_assert(pasid_queue_work(host, &slow->work));
	wait_for_completion(&slow->begun);
	pasid_free(host, set, id);
	text = dump_sets(m);
	paper_has(text, " live=1 pending=1 works=1 ");
	paper_has(text, " user=0 iommu=0 cpu=0 device=0 pins=1 ");
	kvfree(text);
	complete(&slow->go_on);
	pasid_flush_all_work(host);
	text = dump_sets(m);
	paper_has(text, " live=0 pending=0 works=0 ");
	kvfree(text);
	destroy_completion(&slow->begun);
	destroy_completion(&slow->go_on);
	kfree(slow);
	ut_assert_eq(pasid_set_free(set), 0);
	machine_free(m);
}

/* A guest's numbers come from its hypervisor, which takes its time to have one back. */
static ioasid_t far_away_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return 500;
}

static void far_away_free(ioasid_t id, void *data)
{
	struct slow *slow = data;

	complete(&slow->begun);
	wait_for_completion(&slow->go_on);
}

UT_CASE(a_custom_allocator)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_host *host = &m->pasids;
	struct ioasid_set *set = make_set(m, NULL, 0);
	struct slow *slow = kzalloc(sizeof(*slow), GFP_KERNEL);
	struct ioasid_allocator_ops ops = {
		.alloc = far_away_alloc,
		.free = far_away_free,
		.pdata = slow,
	};

	ut_assert(slow);
	init_completion(&slow->begun);
	init_completion(&slow->go_on);
	ut_assert_eq(pasid_register_allocator(host, &ops), 0);
	ut_assert_eq(take(set), 500);
	ut_assert_eq(pasid_get(host, set, 500, IOASID_HOLD_DEVICE), 0);
	pasid_free(host, set, 500);
	sets_have(m, " backends=1 backend=custom returning=0\n");
	sets_have(m, "\nnumber id=500 set=1 spid=- user=0 iommu=0 cpu=0 device=1 pins=0 "
		     "backend=custom charged=-\n");
	ut_assert(pasid_put(host, set, 500, IOASID_HOLD_DEVICE));
	wait_for_completion(&slow->begun);
	sets_have(m, " live=0 pending=0 ");
	sets_have(m, " backends=1 backend=custom returning=1\n");
	complete(&slow->go_on);
	pasid_unregister_allocator(host, &ops);
	sets_have(m, " backends=0 backend=default returning=0\n");
	destroy_completion(&slow->begun);
	destroy_completion(&slow->go_on);
	kfree(slow);
	ut_assert_eq(pasid_set_free(set), 0);
	machine_free(m);
}

#define MANY_SETS    100U
#define MANY_NUMBERS 100U

/* More than a step prints, far apart; each once. */
UT_CASE(many)
{
	struct ioasid_machine *m = machine_make();
	struct pasid_host *host = &m->pasids;
	struct ioasid_set **sets = kcalloc(MANY_SETS, sizeof(*sets), GFP_KERNEL);
	char *text, line[48];
	u32 i, id;

	ut_assert(sets);
	for (i = 0; i < MANY_SETS; i++)
		sets[i] = make_set(m, NULL, 0);
	for (i = 0; i < MANY_NUMBERS; i++) {
		ut_assert_eq(try_one(sets[i], 1 + i * 10007, 1 + i * 10007, &id), 0);
		ut_assert_eq(pasid_get(host, NULL, id, IOASID_HOLD_CPU), 0);
		pasid_free(host, sets[i], id);
	}
	ut_assert_eq(try_one(sets[0], ALL, ALL, &id), 0);
	ut_assert_eq(pasid_get(host, NULL, id, IOASID_HOLD_CPU), 0);
	pasid_free(host, sets[0], id);
	text = dump_sets(m);
	ut_assert_eq(paper_count(text, "\nset id="), MANY_SETS);
	ut_assert_eq(paper_count(text, "\nnumber id="), MANY_NUMBERS + 1);
	paper_has(text, "\nnumber id=1048575 set=1 ");
	for (i = 0; i < MANY_SETS; i++) {
		snprintf(line, sizeof(line), "\nset id=%u ", i + 1);
		ut_assert_eq(paper_count(text, line), 1);
		snprintf(line, sizeof(line), "\nnumber id=%u set=%u ", 1 + i * 10007, i + 1);
		ut_assert_eq(paper_count(text, line), 1);
		ut_assert(pasid_put(host, NULL, 1 + i * 10007, IOASID_HOLD_CPU));
	}
	kvfree(text);
	ut_assert(pasid_put(host, NULL, ALL, IOASID_HOLD_CPU));
	for (i = 0; i < MANY_SETS; i++)
		ut_assert_eq(pasid_set_free(sets[i]), 0);
	kfree(sets);
	machine_free(m);
}

/* ---- limits --------------------------------------------------------------------------------------- */

UT_CASE(limits)
{
	struct ioasid_machine *m = machine_make();
	struct limit_tree *tree = &m->pasids.limits;
	struct limit_group *root = limit_group_create(tree, NULL, 1, "/", NULL);
	struct limit_group *a = limit_group_create(tree, root, 1ULL << 40, "/a", NULL);
	struct limit_group *b = limit_group_create(tree, a, 3, "/a/b \n\"", NULL);
	u64 by;
	char *text;

	ut_assert(!IS_ERR(root) && !IS_ERR(a) && !IS_ERR(b));
	ut_assert_eq(limit_set_max(a, 2), 0);
	ut_assert_eq(limit_charge(b, 2, &by), 0);
	ut_assert_eq(limit_charge(b, 1, &by), -EBUSY);
	limit_uncharge(b, 1);
	text = dump_limits(m);
	paper_has(text, "limit id=1 parent=- name=\"/\" max=- current=1 peak=2 events=1 "
			"events_local=0 gone=0\n");
	paper_has(text, "\nlimit id=1099511627776 parent=1 name=\"/a\" max=2 current=1 peak=2 "
			"events=1 events_local=1 gone=0\n");
	paper_has(text, "\nlimit id=3 parent=1099511627776 name=\"/a/b __\" max=- current=1 peak=2 "
			"events=0 events_local=0 gone=0\n");
	ut_assert_eq(paper_count(text, "\n"), 3);
	kvfree(text);
	/* Removed, and still charged. */
	ut_assert_eq(limit_group_forget(b), 0);
	limit_group_put(b);
	text = dump_limits(m);
	paper_has(text, "\nlimit id=3 parent=1099511627776 name=\"/a/b __\" max=- current=1 peak=2 "
			"events=0 events_local=0 gone=1\n");
	kvfree(text);
	limit_uncharge(b, 1);
	text = dump_limits(m);
	ut_assert_eq(paper_count(text, "\n"), 2);
	kvfree(text);
	/* A limit is kept for those who come later, as long as its group has a name. */
	ut_assert_eq(limit_group_forget(a), 0);
	limit_group_put(a);
	limit_group_put(root);
	ut_assert_eq(released, 3);
	machine_free(m);
}

/* The group a reader stands on is removed under him: he goes on behind it. */
UT_CASE(a_reader_keeps_his_place)
{
	struct ioasid_machine *m = machine_make();
	struct limit_tree *tree = &m->pasids.limits;
	struct limit_group *root = limit_group_create(tree, NULL, 1, "/", NULL), *at;
	struct limit_group *a = limit_group_create(tree, root, 2, "/a", NULL);
	struct limit_group *b = limit_group_create(tree, root, 3, "/b", NULL);

	ut_assert(!IS_ERR(root) && !IS_ERR(a) && !IS_ERR(b));
	at = ioasid_dump_limit_next(m, NULL);
	ut_assert(at == root);
	at = ioasid_dump_limit_next(m, at);
	ut_assert(at == a);
	ut_assert_eq(limit_group_forget(a), 0);
	limit_group_put(a);
	ut_assert_eq(released, 0);
	at = ioasid_dump_limit_next(m, at);
	ut_assert(at == b);
	ut_assert_eq(released, 1);
	limit_group_put(at);
	limit_group_put(b);
	limit_group_put(root);
	ut_assert_eq(released, 3);
	machine_free(m);
}

UT_SUITE(core_dump_pasid, UT_ENTRY(the_allocator), UT_ENTRY(owners), UT_ENTRY(figures_and_refusals),
	 UT_ENTRY(who_holds_a_number), UT_ENTRY(a_dying_set), UT_ENTRY(a_work_holds_a_number),
	 UT_ENTRY(a_custom_allocator), UT_ENTRY(many), UT_ENTRY(limits),
	 UT_ENTRY(a_reader_keeps_his_place));
