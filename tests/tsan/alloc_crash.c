// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A user of the allocator dies: after each step of a number's life, and whoever closes his files does
 * it in any order, or all at once. Nothing of him may be left, and others have what they had.
 *
 * The cast is that of the life cycle: the CPU's side holds the number from BIND to whichever of UNBIND
 * and FREE comes first; the IOMMU driver holds it from the first bind, and hears FREE for all; the
 * device holds it while the guest has programmed it.
 */
#include <pthread.h>
#include <unistd.h>

#include "core/pasid_alloc.h"

#define NUMBERS	   3 /* of each user */
#define NEIGHBOURS 4
#define SPID	   40

/**
 * struct user - one that dies
 * @set: NULL until made
 * @id: numbers it took; @cpu, @iommu, @device, @caller: who holds them. Whoever clears a flag drops
 *      the reference
 * @late: what the IOMMU driver does later, one for each number
 */
struct user {
	struct ioasid_set *set;
	unsigned int n;
	u32 id[NUMBERS];
	bool cpu[NUMBERS], iommu[NUMBERS], device[NUMBERS], caller[NUMBERS];
	struct ioasid_work late[NUMBERS];
	unsigned int steps;
};

static struct pasid_host host;
static struct limit_group *group;
static struct ioasid_set *neighbour;
static u32 neighbour_id[NEIGHBOURS];
static int process; /* whose user it is, and what stands behind its numbers */
static struct user u;
static u64 wrong, events;

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# unexpected: %s, after %u steps\n", what, u.steps);
	__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

/* ---- who holds numbers ---------------------------------------------------------------------------- */

static void hold(bool *flag, unsigned int i, enum ioasid_holder holder)
{
	if (!pasid_get(&host, u.set, u.id[i], holder))
		__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static void let_go(bool *flag, unsigned int i, enum ioasid_holder holder)
{
	if (__atomic_exchange_n(flag, false, __ATOMIC_ACQ_REL))
		pasid_put(&host, NULL, u.id[i], holder);
}

/* The number's place among the user's, or NUMBERS. The same number may have come twice. */
static unsigned int place_of(u32 id)
{
	unsigned int i;

	for (i = NUMBERS; i-- > 0;) {
		if (__atomic_load_n(&u.id[i], __ATOMIC_ACQUIRE) == id)
			return i;
	}
	return NUMBERS;
}

static int cpu_hears(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;
	unsigned int i = place_of(args->id);

	__atomic_add_fetch(&events, 1, __ATOMIC_RELAXED);
	if (i == NUMBERS)
		return 0;
	if (event == IOASID_NOTIFY_BIND)
		hold(&u.cpu[i], i, IOASID_HOLD_CPU);
	else if (event != IOASID_NOTIFY_ALLOC)
		let_go(&u.cpu[i], i, IOASID_HOLD_CPU);
	return 0;
}

/* No device reaches the number any more: its name, its data, its reference. */
static void iommu_unbind(unsigned int i)
{
	if (!__atomic_load_n(&u.iommu[i], __ATOMIC_ACQUIRE))
		return;
	pasid_detach_spid(&host, u.id[i]);
	pasid_detach_data(&host, u.id[i]);
	let_go(&u.iommu[i], i, IOASID_HOLD_IOMMU);
}

static void iommu_later(struct ioasid_work *work)
{
	iommu_unbind((unsigned int)(work - u.late));
}

static int iommu_hears(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;
	unsigned int i = place_of(args->id);

	expect(event == IOASID_NOTIFY_FREE, "an event that is not for all");
	if (i < NUMBERS)
		pasid_queue_work(&host, &u.late[i]);
	return 0;
}

static struct notifier_block cpu_nb = { .notifier_call = cpu_hears, .priority = IOASID_PRIO_CPU };
static struct notifier_block iommu_nb = {
	.notifier_call = iommu_hears,
	.priority = IOASID_PRIO_IOMMU,
};

/* ---- the life, step by step ---------------------------------------------------------------------- */

static void step_set(unsigned int i)
{
	if (!u.set)
		u.set = pasid_set_alloc(&host, &process, NUMBERS, IOASID_SET_TYPE_MM);
	expect(!IS_ERR(u.set), "set_alloc");
}

static void step_alloc(unsigned int i)
{
	const struct ioasid_request req = { .min = 1, .max = 1000 };
	u32 id;

	expect(!pasid_alloc(u.set, &req, group, &id), "alloc");
	pasid_init_work(&u.late[i], id, iommu_later);
	__atomic_store_n(&u.id[i], id, __ATOMIC_RELEASE);
	u.n = i + 1;
}

static void step_caller(unsigned int i)
{
	hold(&u.caller[i], i, IOASID_HOLD_USER);
}

static void step_data(unsigned int i)
{
	expect(!pasid_attach_data(&host, u.id[i], &process), "attach_data");
}

static void step_iommu(unsigned int i)
{
	hold(&u.iommu[i], i, IOASID_HOLD_IOMMU);
}

static void step_bind(unsigned int i)
{
	expect(!pasid_attach_spid(&host, u.id[i], SPID + i), "attach_spid");
	expect(u.cpu[i], "the CPU's side holds it");
}

static void step_return(unsigned int i)
{
	let_go(&u.caller[i], i, IOASID_HOLD_USER);
}

static void step_device(unsigned int i)
{
	u32 id = pasid_get_by_spid(u.set, SPID + i, IOASID_HOLD_DEVICE);

	expect(id == u.id[i], "find_by_spid");
	u.device[i] = id == u.id[i];
}

static void step_stop(unsigned int i)
{
	let_go(&u.device[i], i, IOASID_HOLD_DEVICE);
}

static void step_free(unsigned int i)
{
	pasid_free(&host, u.set, u.id[i]);
}

static void step_drained(unsigned int i)
{
	pasid_flush_work(&host, u.id[i]);
}

/* One number that ends well, one that is freed while it is used, one that is not freed at all. */
static const struct {
	void (*run)(unsigned int i);
	unsigned int i;
} steps[] = {
	{ step_set, 0 },     { step_alloc, 0 },	 { step_caller, 0 }, { step_data, 0 },
	{ step_iommu, 0 },   { step_bind, 0 },	 { step_return, 0 }, { step_device, 0 },
	{ step_alloc, 1 },   { step_caller, 1 }, { step_data, 1 },   { step_iommu, 1 },
	{ step_bind, 1 },    { step_return, 1 }, { step_device, 1 }, { step_stop, 0 },
	{ iommu_unbind, 0 }, { step_free, 0 },	 { step_free, 1 },   { step_drained, 1 },
	{ step_alloc, 2 },   { step_data, 2 },	 { step_iommu, 2 },  { step_bind, 2 },
	{ step_device, 2 },  { step_free, 2 },
};

static void *live(void *arg)
{
	unsigned int i;

	for (i = 0; i < u.steps; i++)
		steps[i].run(steps[i].i);
	return NULL;
}

/* ---- the files he leaves --------------------------------------------------------------------------- */

static void *close_device(void *arg)
{
	unsigned int i;

	for (i = 0; i < u.n; i++) {
		let_go(&u.device[i], i, IOASID_HOLD_DEVICE);
		iommu_unbind(i);
		let_go(&u.caller[i], i, IOASID_HOLD_USER);
	}
	return NULL;
}

static void *close_cpu(void *arg)
{
	unsigned int i;

	/* From here on nobody tells it, so it gives back what it has. */
	pasid_unregister_notifier_mm(&host, &process, &cpu_nb);
	for (i = 0; i < u.n; i++)
		let_go(&u.cpu[i], i, IOASID_HOLD_CPU);
	return NULL;
}

static void *close_numbers(void *arg)
{
	if (!u.set)
		return NULL;
	pasid_free_all(u.set);
	pasid_set_destroy(u.set);
	return NULL;
}

static void *(*const closers[])(void *arg) = { close_device, close_cpu, close_numbers };
static const u8 orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
				{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
#define AT_ONCE ARRAY_SIZE(orders)

static void bury(unsigned int order)
{
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (order == AT_ONCE)
			pthread_create(&threads[i], NULL, closers[i], NULL);
		else
			closers[orders[order][i]](NULL);
	}
	for (i = 0; order == AT_ONCE && i < 3; i++)
		pthread_join(threads[i], NULL);
	pasid_flush_all_work(&host);
}

/* ---- afterwards -------------------------------------------------------------------------------------- */

static void check_neighbours(void)
{
	struct ioasid_id_info info;
	u32 i;

	for (i = 0; i < NEIGHBOURS; i++) {
		expect(!pasid_describe(&host, neighbour_id[i], &info) && info.set == neighbour &&
			       info.state == (i ? IOASID_STATE_ACTIVE : IOASID_STATE_IDLE) &&
			       info.holders[IOASID_HOLD_USER] == i && info.spid == SPID + i,
		       "a neighbour's number changed");
		expect(pasid_find_by_spid(neighbour, SPID + i) == neighbour_id[i],
		       "a neighbour's private number changed");
	}
}

static void check_nothing_left(void)
{
	struct limit_figures figures;
	struct ioasid_set *set;

	limit_read(group, &figures);
	expect(!figures.current_charge, "something is charged");
	expect(host.nr_live == NEIGHBOURS && !host.nr_pending, "a number is left");
	expect(host.nr_sets == 1 && host.avail == host.capacity - NEIGHBOURS, "a set is left");
	expect(!host.nr_works && list_empty(&host.mm_handlers), "a work or handler is left");
	/* His process could begin anew. */
	set = pasid_set_alloc(&host, &process, 0, IOASID_SET_TYPE_MM);
	expect(!IS_ERR(set) && !pasid_set_free(set), "a new set for the same process");
}

static void one_life(unsigned int n, unsigned int order)
{
	pthread_t thread;

	memset(&u, 0, sizeof(u));
	u.steps = n;
	expect(!pasid_register_notifier_mm(&host, &process, &cpu_nb), "register");
	pthread_create(&thread, NULL, live, NULL);
	pthread_join(thread, NULL);
	bury(order);
	check_neighbours();
	check_nothing_left();
}

static const struct pasid_host_ops no_ops;

static void no_release(void *priv)
{
}

static void set_up(void)
{
	const struct ioasid_request req = { .min = 1, .max = 1000 };
	u32 i, h;

	pasid_host_init(&host, &no_ops, no_release);
	group = limit_group_create(&host.limits, NULL, 1, "/", NULL);
	neighbour = pasid_set_alloc(&host, NULL, 0, IOASID_SET_TYPE_NULL);
	for (i = 0; i < NEIGHBOURS; i++) {
		expect(!pasid_alloc(neighbour, &req, NULL, &neighbour_id[i]), "alloc");
		expect(!pasid_attach_spid(&host, neighbour_id[i], SPID + i), "attach_spid");
		for (h = 0; h < i; h++)
			pasid_get(&host, neighbour, neighbour_id[i], IOASID_HOLD_USER);
	}
	expect(!pasid_register_notifier(&host, NULL, &iommu_nb), "register for all");
}

static void tear_down(void)
{
	u32 i, h;

	pasid_free_all(neighbour);
	for (i = 0; i < NEIGHBOURS; i++) {
		for (h = 0; h < i; h++)
			pasid_put(&host, NULL, neighbour_id[i], IOASID_HOLD_USER);
	}
	pasid_unregister_notifier(&host, NULL, &iommu_nb);
	expect(!pasid_set_free(neighbour), "the neighbour's set");
	limit_group_put(group);
	pasid_host_destroy(&host);
	os_rcu_barrier();
}

int main(void)
{
	long before = os_alloc_live();
	unsigned int n, order, lives = 0, repeat;

	alarm(100);
	set_up();
	for (n = 0; n <= ARRAY_SIZE(steps); n++) {
		for (order = 0; order <= AT_ONCE; order++) {
			for (repeat = 0; repeat < (order == AT_ONCE ? 10 : 1); repeat++, lives++)
				one_life(n, order);
		}
	}
	tear_down();
	expect(os_alloc_live() == before, "memory is left");
	expect(events, "no event was heard");
	printf("# %u lives, %llu events\n", lives, (unsigned long long)events);
	printf("%sok - alloc-crash: a user dies at any step, his files close in any order\n",
	       wrong ? "not " : "");
	return !!wrong;
}
