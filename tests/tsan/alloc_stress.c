// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Many threads on the allocator of numbers, for the thread sanitizer.
 *
 *	alloc_stress [--seconds N]
 *
 * Owners take numbers, name them, tie objects to them and free them, while others look them up, hold
 * them, detach their names, end whole sets, change quotas and limits, and handlers come and go that
 * put work off. A second machine gets its numbers from allocators that come and go. An object dies
 * with its last reference, and its memory is overwritten: who finds it dead was told too late. At the
 * end nothing may be left, and capacity be whole.
 */
#include <pthread.h>
#include <unistd.h>

#include "core/pasid_alloc.h"

#define NUMBERS	  24 /* that everybody tries */
#define PROCESSES 2
#define ALIVE	  0x600d600dU

static struct {
	struct pasid_host host, other;
	struct ioasid_set *set; /* stays */
	struct ioasid_set *other_set;
	struct limit_group *root, *leaf;
	bool stop;
	u64 wrong, found, events, works, bought;
} s;

static int process[PROCESSES];
static __thread u64 rounds;
static __thread unsigned int seed;

static bool stopped(void)
{
	rounds++;
	return __atomic_load_n(&s.stop, __ATOMIC_RELAXED);
}

static void count(u64 *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# unexpected: %s\n", what);
	count(&s.wrong);
}

static u32 below(u32 n)
{
	return (u32)rand_r(&seed) % n;
}

static u32 any_number(void)
{
	return 1 + below(NUMBERS);
}

/* ---- what is behind a number -------------------------------------------------------------------- */

struct thing {
	u32 alive;
	u32 refs;
};

static struct thing *thing_new(void)
{
	struct thing *t = malloc(sizeof(*t));

	t->alive = ALIVE;
	t->refs = 1;
	return t;
}

static void thing_put(struct thing *t)
{
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	t->alive = 0;
	free(t);
}

/* Looked up without lock, so it may be on its way out. */
static bool thing_get(void *priv)
{
	struct thing *t = priv;
	u32 refs = __atomic_load_n(&t->refs, __ATOMIC_RELAXED);

	while (refs && !__atomic_compare_exchange_n(&t->refs, &refs, refs + 1, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	return refs;
}

/* ---- owners ----------------------------------------------------------------------------------------- */

static u32 take(struct ioasid_set *set, void *priv)
{
	const struct ioasid_request req = {
		.min = 1,
		.max = NUMBERS,
		.flags = below(2) ? IOASID_REQUEST_NEXT : 0,
		.priv = priv,
	};
	u32 id;
	int rc = pasid_alloc(set, &req, below(2) ? s.leaf : NULL, &id);

	expect(!rc || rc == -ENOSPC || rc == -EDQUOT, "alloc");
	return rc ? INVALID_IOASID : id;
}

static void *owner(void *arg)
{
	while (!stopped()) {
		struct thing *t = thing_new();
		u32 id = take(s.set, NULL);
		int rc;

		if (id == INVALID_IOASID) {
			thing_put(t);
			continue;
		}
		expect(!pasid_attach_data(&s.host, id, t), "attach_data");
		rc = pasid_attach_spid(&s.host, id, id + 100);
		expect(!rc || rc == -EINVAL || rc == -EBUSY, "attach_spid");
		if (below(2))
			pasid_detach_spid(&s.host, id);
		/* Readers have left when this returns; only references keep it then. */
		pasid_detach_data(&s.host, id);
		thing_put(t);
		pasid_free(&s.host, s.set, id);
	}
	return NULL;
}

/* A process: its set with all that is in it comes and goes. */
static void *tenant(void *arg)
{
	void *mm = &process[(uintptr_t)arg % PROCESSES];

	while (!stopped()) {
		struct ioasid_set *set = pasid_set_alloc(&s.host, mm, below(4), IOASID_SET_TYPE_MM);
		u32 i, id;

		if (IS_ERR(set)) {
			expect(PTR_ERR(set) == -EEXIST || PTR_ERR(set) == -ENOSPC, "set_alloc");
			continue;
		}
		for (i = 0; i < 4; i++) {
			id = take(set, NULL);
			if (id == INVALID_IOASID)
				break;
			pasid_attach_spid(&s.host, id, i);
			if (below(2) && !pasid_get(&s.host, set, id, IOASID_HOLD_IOMMU))
				pasid_put(&s.host, set, id, IOASID_HOLD_IOMMU);
			if (pasid_get_by_spid(set, i, IOASID_HOLD_CPU) == id)
				pasid_put(&s.host, set, id, IOASID_HOLD_CPU);
		}
		pasid_adjust_set(set, 1 + below(8));
		if (below(2))
			pasid_free_all(set);
		if (pasid_set_free(set) != -EBUSY)
			continue;
		pasid_free_all(set);
		pasid_set_destroy(set);
	}
	return NULL;
}

/* ---- everybody else ------------------------------------------------------------------------------------- */

static void *holder(void *arg)
{
	enum ioasid_holder as = (enum ioasid_holder)((uintptr_t)arg % IOASID_HOLDERS);

	while (!stopped()) {
		u32 id = any_number();
		int rc = pasid_get(&s.host, NULL, id, as);

		expect(!rc || rc == -EINVAL || rc == -EBUSY, "get");
		if (rc)
			continue;
		if (below(4) == 0)
			pasid_detach_spid(&s.host, id);
		/* Held, so it is the same number. */
		expect(!IS_ERR(pasid_find_set(&s.host, id)), "a held number is gone");
		pasid_put(&s.host, NULL, id, as);
	}
	return NULL;
}

static void *finder(void *arg)
{
	struct ioasid_id_info info;

	while (!stopped()) {
		u32 id = any_number();
		struct thing *t = pasid_find(&s.host, s.set, id, thing_get);

		if (!IS_ERR_OR_NULL(t)) {
			expect(t->alive == ALIVE, "a dead object was found");
			count(&s.found);
			thing_put(t);
		}
		id = pasid_find_by_spid(s.set, id + 100);
		expect(id == INVALID_IOASID || id <= NUMBERS, "find_by_spid");
		id = pasid_get_by_spid(s.set, any_number() + 100, IOASID_HOLD_DEVICE);
		if (id != INVALID_IOASID)
			pasid_put(&s.host, s.set, id, IOASID_HOLD_DEVICE);
		if (!pasid_describe(&s.host, any_number(), &info))
			expect(info.id && info.id <= NUMBERS, "describe");
	}
	return NULL;
}

static void see(u32 id, void *data)
{
	(*(u32 *)data)++;
	expect(id && id <= NUMBERS, "for_each");
}

static void *walker(void *arg)
{
	while (!stopped()) {
		struct ioasid_set *set = pasid_find_mm_set(&s.host, &process[below(PROCESSES)]);
		u32 n = 0;

		pasid_set_for_each(s.set, see, &n);
		expect(n <= NUMBERS, "for_each saw too many");
		if (!set)
			continue;
		pasid_set_for_each(set, see, &n);
		pasid_set_put(set);
	}
	return NULL;
}

static void *keeper(void *arg)
{
	struct limit_figures figures;
	int n;

	while (!stopped()) {
		n = pasid_reserve_capacity(&s.host, 1 + below(1000));
		if (n > 0)
			expect(pasid_cancel_capacity(&s.host, (u32)n) >= 0, "cancel_capacity");
		limit_set_max(s.leaf, below(2) ? LIMIT_NONE : below(NUMBERS));
		limit_read(s.leaf, &figures);
		expect(figures.current_charge <= NUMBERS, "charged more than there is");
	}
	return NULL;
}

/* ---- handlers and works ------------------------------------------------------------------------------------ */

struct late {
	struct ioasid_work work;
};

static void late_fn(struct ioasid_work *work)
{
	struct ioasid_id_info info;

	/* The number waits for its works. */
	expect(!pasid_describe(&s.host, work->id, &info), "a work's number is gone");
	count(&s.works);
	free(work);
}

static int on_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;
	struct late *late;

	count(&s.events);
	if (!pasid_get(&s.host, args->set, args->id, IOASID_HOLD_CPU))
		pasid_put(&s.host, args->set, args->id, IOASID_HOLD_CPU);
	if (event == IOASID_NOTIFY_BIND)
		expect(pasid_find_by_spid(args->set, args->spid) != INVALID_IOASID ||
			       args->set != s.set,
		       "a name that is told is not there");
	late = malloc(sizeof(*late));
	pasid_init_work(&late->work, args->id, late_fn);
	expect(pasid_queue_work(&s.host, &late->work), "queue_work in a handler");
	return 0;
}

static void *listener(void *arg)
{
	struct notifier_block all = { .notifier_call = on_event, .priority = IOASID_PRIO_IOMMU };
	struct notifier_block one = { .notifier_call = on_event, .priority = IOASID_PRIO_CPU };
	struct notifier_block mm = { .notifier_call = on_event };
	void *process_mm = &process[(uintptr_t)arg % PROCESSES];
	int rc;

	while (!stopped()) {
		expect(!pasid_register_notifier(&s.host, NULL, &all), "register");
		expect(!pasid_register_notifier(&s.host, s.set, &one), "register with a set");
		rc = pasid_register_notifier_mm(&s.host, process_mm, &mm);
		expect(!rc || rc == -EBUSY, "register with a process");
		usleep(500);
		pasid_unregister_notifier_mm(&s.host, process_mm, &mm);
		pasid_unregister_notifier(&s.host, s.set, &one);
		pasid_unregister_notifier(&s.host, NULL, &all);
		pasid_flush_work(&s.host, any_number());
	}
	return NULL;
}

/* ---- the machine whose numbers come from elsewhere --------------------------------------------------------- */

static bool taken[NUMBERS + 1];

static ioasid_t custom_alloc(ioasid_t min, ioasid_t max, void *data)
{
	ioasid_t id;

	for (id = min; id <= max && id <= NUMBERS; id++) {
		if (!__atomic_exchange_n(&taken[id], true, __ATOMIC_ACQ_REL)) {
			count(&s.bought);
			return id;
		}
	}
	return INVALID_IOASID;
}

static void custom_free(ioasid_t id, void *data)
{
	expect(__atomic_exchange_n(&taken[id], false, __ATOMIC_ACQ_REL),
	       "a number came back that was not out");
}

static void *supplier(void *arg)
{
	struct ioasid_allocator_ops first = { custom_alloc, custom_free, NULL }, second = first;
	ioasid_t id;
	int rc;

	while (!stopped()) {
		rc = pasid_register_allocator(&s.other, &first);
		expect(!rc || rc == -EAGAIN, "register_allocator");
		if (rc)
			continue;
		/* The same space: numbers stay when the first goes. */
		expect(!pasid_register_allocator(&s.other, &second), "a second allocator");
		usleep(200);
		pasid_unregister_allocator(&s.other, &first);
		usleep(200);
		pasid_free_all(s.other_set);
		pasid_unregister_allocator(&s.other, &second);
		/* Nobody asks it any more; what is still out does not come back to it. */
		for (id = 1; id <= NUMBERS; id++)
			__atomic_store_n(&taken[id], false, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *buyer(void *arg)
{
	const struct ioasid_request req = { .min = 1, .max = NUMBERS };
	u32 id;
	int rc;

	while (!stopped()) {
		rc = pasid_alloc(s.other_set, &req, NULL, &id);
		expect(!rc || rc == -ENOSPC, "alloc from elsewhere");
		if (rc)
			continue;
		if (!pasid_get(&s.other, s.other_set, id, IOASID_HOLD_USER))
			pasid_put(&s.other, s.other_set, id, IOASID_HOLD_USER);
		pasid_free(&s.other, s.other_set, id);
		/* For the default one to be empty now and then. */
		if (!below(8))
			usleep(100);
	}
	return NULL;
}

/* ---- main ------------------------------------------------------------------------------------------------------ */

struct role {
	const char *name;
	void *(*run)(void *arg);
	uintptr_t arg;
	u64 rounds;
};

static struct role roles[] = {
	{ "owner", owner, 1, 0 },	{ "owner", owner, 2, 0 },
	{ "tenant", tenant, 0, 0 },	{ "tenant", tenant, 1, 0 },
	{ "tenant", tenant, 2, 0 },	{ "holder", holder, 0, 0 },
	{ "holder", holder, 1, 0 },	{ "holder", holder, 3, 0 },
	{ "finder", finder, 0, 0 },	{ "finder", finder, 1, 0 },
	{ "walker", walker, 0, 0 },	{ "keeper", keeper, 0, 0 },
	{ "listener", listener, 0, 0 }, { "listener", listener, 1, 0 },
	{ "supplier", supplier, 0, 0 }, { "buyer", buyer, 0, 0 },
	{ "buyer", buyer, 1, 0 },
};

static void *play(void *arg)
{
	struct role *role = arg;

	seed = (unsigned int)(role - roles) + 1;
	role->run((void *)role->arg);
	role->rounds = rounds;
	return NULL;
}

static const struct pasid_host_ops no_ops;

static void no_release(void *priv)
{
}

static bool set_up(void)
{
	pasid_host_init(&s.host, &no_ops, no_release);
	pasid_host_init(&s.other, &no_ops, no_release);
	s.set = pasid_set_alloc(&s.host, NULL, 2, IOASID_SET_TYPE_NULL);
	s.other_set = pasid_set_alloc(&s.other, NULL, 0, IOASID_SET_TYPE_NULL);
	s.root = limit_group_create(&s.host.limits, NULL, 1, "/", NULL);
	s.leaf = limit_group_create(&s.host.limits, s.root, 2, "/leaf", NULL);
	/* Without a promise from here on: it draws, and its ceiling is high. */
	return !IS_ERR(s.set) && !IS_ERR(s.other_set) && !IS_ERR(s.leaf) &&
	       !pasid_adjust_set(s.set, NUMBERS);
}

static bool whole(struct pasid_host *host)
{
	return !host->nr_live && !host->nr_pending && !host->nr_sets && !host->nr_works &&
	       !host->space.used && !host->space.quarantined && !host->promised &&
	       host->avail == host->capacity && !host->chain && list_empty(&host->mm_handlers);
}

/* Everybody is gone: so is everything. */
static bool clean_up(void)
{
	struct limit_figures figures;
	bool good;

	pasid_flush_all_work(&s.host);
	pasid_free_all(s.set);
	pasid_free_all(s.other_set);
	expect(!pasid_set_free(s.set), "the set's end");
	expect(!pasid_set_free(s.other_set), "the other set's end");
	limit_read(s.root, &figures);
	good = whole(&s.host) && whole(&s.other) && !figures.current_charge;
	printf("# %s: %u live, %u pending, %u sets, %u of %u left, %u charged\n",
	       good ? "clean" : "NOT CLEAN", s.host.nr_live, s.host.nr_pending, s.host.nr_sets,
	       s.host.avail, s.host.capacity, figures.current_charge);
	limit_group_put(s.leaf);
	limit_group_put(s.root);
	pasid_host_destroy(&s.host);
	pasid_host_destroy(&s.other);
	os_rcu_barrier();
	return good;
}

int main(int argc, char **argv)
{
	unsigned int seconds =
		argc == 3 && !strcmp(argv[1], "--seconds") ? (unsigned int)atoi(argv[2]) : 4;
	pthread_t threads[ARRAY_SIZE(roles)];
	long live = os_alloc_live();
	unsigned int i;
	bool good;

	if (!set_up()) {
		printf("not ok - alloc-stress: no machine\n");
		return 1;
	}
	/* A deadlock ends the program instead of the patience of who waits. */
	alarm(seconds + 60);
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		pthread_create(&threads[i], NULL, play, &roles[i]);
	sleep(seconds);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		pthread_join(threads[i], NULL);
	good = clean_up();
	live = os_alloc_live() - live;
	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		printf("# %-9s %llu rounds\n", roles[i].name, (unsigned long long)roles[i].rounds);
		good &= roles[i].rounds >= 10;
	}
	printf("# %llu objects found, %llu events, %llu works, %llu numbers from elsewhere\n"
	       "# %llu wrong, %ld allocations left\n",
	       (unsigned long long)s.found, (unsigned long long)s.events,
	       (unsigned long long)s.works, (unsigned long long)s.bought,
	       (unsigned long long)s.wrong, live);
	good &= !s.wrong && !live && s.found && s.events && s.works && s.bought;
	printf("%sok - alloc-stress: %zu threads on the allocator, %u s\n", good ? "" : "not ",
	       ARRAY_SIZE(roles), seconds);
	return !good;
}
