// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A PASID through all its life, with everybody who takes part: an owner (a VMM), an IOMMU driver, the
 * CPU side that translates what ENQCMD sends, and a device with a shared and a dedicated queue. The
 * same roles in the kernel are examples/kernel/sva_*.c; docs/allocator.md says why each does what it
 * does.
 *
 * First the normal flow, with the references after each step; then the guest that frees before it
 * unbinds, on a device that is slow; then virtual machines that die with all of it at work, their three
 * descriptors closed in every order.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ioasid/allocator.h>

#define GPASIDS 64
#define MAX	((1U << 20) - 1)

#define MUST(cond)                                                                 \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

/**
 * struct bond - what the IOMMU driver has of a number: a PASID entry
 * @refs: the number's private pointer, the device's list, works queued
 * @present: the entry is in the table; @torn: all of it was given back. Under iommu_lock
 * @iommu_work, @dev_work: what FREE leaves to be done; ready before it can come
 * @next: in the IOMMU's table, which is a list here; under table_lock, which handlers take
 */
struct bond {
	atomic_int refs;
	ioasid_t id;
	struct vm *vm;
	atomic_bool present;
	bool torn;
	struct ioasid_work iommu_work;
	struct ioasid_work dev_work;
	struct bond *next;
};

/**
 * struct vm - a virtual machine, as three parts of the host see it
 * @table: the CPU's: number by guest PASID, each with a reference; under @cpu_lock
 * @bond: what is bound on the device, NULL: nothing; @stopping: no job comes any more; @jobs: on their
 *        way; @dwq: the dedicated queue's register, holds a reference. Under @dev_lock
 */
struct vm {
	struct mm_struct *mm;
	struct ioasid_set *set;

	pthread_mutex_t cpu_lock;
	struct notifier_block cpu_nb;
	ioasid_t table[GPASIDS];

	pthread_mutex_t dev_lock;
	pthread_cond_t moved;
	pthread_t engine;
	struct notifier_block dev_nb;
	struct bond *bond;
	bool stopping;
	bool off;
	unsigned int jobs;
	unsigned int job_ms;
	ioasid_t dwq;
};

static pthread_mutex_t iommu_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bond *table;
static atomic_int bonds, done, blocked;

static void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- the IOMMU driver ------------------------------------------------------------------------ */

static void bond_put(struct bond *bond)
{
	if (atomic_fetch_sub(&bond->refs, 1) != 1)
		return;
	free(bond);
	atomic_fetch_sub(&bonds, 1);
}

/* The table holds a reference on what is in it. */
static void table_add(struct bond *bond)
{
	atomic_fetch_add(&bond->refs, 1);
	pthread_mutex_lock(&table_lock);
	bond->next = table;
	table = bond;
	pthread_mutex_unlock(&table_lock);
}

static void table_remove(struct bond *bond)
{
	struct bond **at = &table;

	pthread_mutex_lock(&table_lock);
	while (*at != bond)
		at = &(*at)->next;
	*at = bond->next;
	pthread_mutex_unlock(&table_lock);
	bond_put(bond);
}

/* With a reference; NULL: not in it. */
static struct bond *table_find(ioasid_t id)
{
	struct bond *bond;

	pthread_mutex_lock(&table_lock);
	for (bond = table; bond && bond->id != id; bond = bond->next)
		;
	if (bond)
		atomic_fetch_add(&bond->refs, 1);
	pthread_mutex_unlock(&table_lock);
	return bond;
}

/* The reverse of iommu_bind(): the name first, the reference last. */
static void iommu_tear(struct bond *bond)
{
	bool mine;

	pthread_mutex_lock(&iommu_lock);
	atomic_store(&bond->present, false);
	mine = !bond->torn;
	bond->torn = true;
	if (mine) {
		ioasid_detach_spid(bond->id);
		ioasid_detach_data(bond->id);
		ioasid_put_as(NULL, bond->id, IOASID_HOLD_IOMMU);
	}
	pthread_mutex_unlock(&iommu_lock);
	if (mine)
		table_remove(bond);
}

static void iommu_free_work(struct ioasid_work *work)
{
	struct bond *bond = (void *)((char *)work - offsetof(struct bond, iommu_work));

	iommu_tear(bond);
	bond_put(bond);
}

/* It hears of every set of the host, so it asks its own table whether the number is its business. */
static int iommu_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct ioasid_nb_args *args = data;
	struct bond *bond;

	(void)nb;
	if (action != IOASID_NOTIFY_FREE)
		return 0;
	bond = table_find(args->id);
	if (bond && !ioasid_queue_work(&bond->iommu_work))
		bond_put(bond);
	return 0;
}

static struct notifier_block iommu_nb = {
	.notifier_call = iommu_event,
	.priority = IOASID_PRIO_IOMMU,
};

/* Data and reference before the name: BIND tells of both. */
static int bind_locked(struct bond *bond, ioasid_t gpasid)
{
	int rc = ioasid_attach_data(bond->id, bond);

	if (rc)
		return rc;
	table_add(bond);
	rc = ioasid_get_as(NULL, bond->id, IOASID_HOLD_IOMMU);
	if (!rc) {
		atomic_store(&bond->present, true);
		rc = ioasid_attach_spid(bond->id, gpasid);
		if (!rc)
			return 0;
		ioasid_put_as(NULL, bond->id, IOASID_HOLD_IOMMU);
	}
	/* FREE may have found it meanwhile, and finds nothing left to do. */
	bond->torn = true;
	ioasid_detach_data(bond->id);
	table_remove(bond);
	return rc;
}

/* Handlers run inside, and never take this lock. @bond: the caller has a reference on it. */
static int iommu_bind(struct bond *bond, ioasid_t gpasid)
{
	int rc;

	pthread_mutex_lock(&iommu_lock);
	rc = bind_locked(bond, gpasid);
	pthread_mutex_unlock(&iommu_lock);
	return rc;
}

/* ---- the CPU side ---------------------------------------------------------------------------- */

static bool cpu_take_out(struct vm *vm, ioasid_t gpasid, ioasid_t id)
{
	bool mine;

	if (gpasid >= GPASIDS)
		return false;
	pthread_mutex_lock(&vm->cpu_lock);
	mine = vm->table[gpasid] == id;
	if (mine)
		vm->table[gpasid] = 0;
	pthread_mutex_unlock(&vm->cpu_lock);
	return mine;
}

/* Whichever of FREE and UNBIND comes first ends the translation, and drops its reference once. */
static int cpu_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct vm *vm = (void *)((char *)nb - offsetof(struct vm, cpu_nb));
	struct ioasid_nb_args *args = data;

	if (action == IOASID_NOTIFY_BIND && args->spid < GPASIDS &&
	    !ioasid_get_as(args->set, args->id, IOASID_HOLD_CPU)) {
		pthread_mutex_lock(&vm->cpu_lock);
		vm->table[args->spid] = args->id;
		pthread_mutex_unlock(&vm->cpu_lock);
	} else if ((action == IOASID_NOTIFY_FREE || action == IOASID_NOTIFY_UNBIND) &&
		   cpu_take_out(vm, args->spid, args->id)) {
		ioasid_put_as(args->set, args->id, IOASID_HOLD_CPU);
	}
	return 0;
}

static void cpu_open(struct vm *vm)
{
	pthread_mutex_init(&vm->cpu_lock, NULL);
	vm->cpu_nb.notifier_call = cpu_event;
	vm->cpu_nb.priority = IOASID_PRIO_CPU;
	/* The set may not be there yet. */
	MUST(!ioasid_register_notifier_mm(vm->mm, &vm->cpu_nb));
}

static void cpu_close(struct vm *vm)
{
	ioasid_t gpasid, id;

	ioasid_unregister_notifier_mm(vm->mm, &vm->cpu_nb);
	for (gpasid = 1; gpasid < GPASIDS; gpasid++) {
		id = vm->table[gpasid];
		if (id && cpu_take_out(vm, gpasid, id))
			ioasid_put_as(NULL, id, IOASID_HOLD_CPU);
	}
}

/* ---- the device ------------------------------------------------------------------------------ */

static void *engine(void *arg)
{
	struct vm *vm = arg;

	pthread_mutex_lock(&vm->dev_lock);
	while (!vm->off || vm->jobs) {
		if (!vm->jobs) {
			pthread_cond_wait(&vm->moved, &vm->dev_lock);
			continue;
		}
		pthread_mutex_unlock(&vm->dev_lock);
		sleep_ms(vm->job_ms);
		/* The entry stays as long as jobs do; whether it leads anywhere is the IOMMU's. */
		atomic_fetch_add(atomic_load(&vm->bond->present) ? &done : &blocked, 1);
		pthread_mutex_lock(&vm->dev_lock);
		vm->jobs--;
		pthread_cond_broadcast(&vm->moved);
	}
	pthread_mutex_unlock(&vm->dev_lock);
	return NULL;
}

static int dev_submit(struct vm *vm, ioasid_t id)
{
	int rc = -EPERM;

	pthread_mutex_lock(&vm->dev_lock);
	if (vm->bond && vm->bond->id == id && !vm->stopping) {
		vm->jobs++;
		pthread_cond_broadcast(&vm->moved);
		rc = 0;
	}
	pthread_mutex_unlock(&vm->dev_lock);
	return rc;
}

/* No job comes, the table is cleared, jobs on their way end, then all references go. */
static void dev_end(struct vm *vm, struct bond *bond)
{
	bool listed, dwq;

	pthread_mutex_lock(&vm->dev_lock);
	vm->stopping = vm->stopping || vm->bond == bond;
	pthread_mutex_unlock(&vm->dev_lock);
	atomic_store(&bond->present, false);
	pthread_mutex_lock(&vm->dev_lock);
	while (vm->bond == bond && vm->jobs)
		pthread_cond_wait(&vm->moved, &vm->dev_lock);
	listed = vm->bond == bond;
	dwq = listed && vm->dwq == bond->id;
	if (dwq)
		vm->dwq = INVALID_IOASID;
	if (listed)
		vm->bond = NULL;
	pthread_mutex_unlock(&vm->dev_lock);
	if (dwq)
		ioasid_put_as(NULL, bond->id, IOASID_HOLD_DEVICE);
	if (!listed)
		return;
	iommu_tear(bond);
	bond_put(bond);
}

static void dev_free_work(struct ioasid_work *work)
{
	struct bond *bond = (void *)((char *)work - offsetof(struct bond, dev_work));

	dev_end(bond->vm, bond);
	bond_put(bond);
}

static struct bond *dev_bond(struct vm *vm, ioasid_t id)
{
	struct bond *bond;

	pthread_mutex_lock(&vm->dev_lock);
	bond = vm->bond && (id == INVALID_IOASID || vm->bond->id == id) ? vm->bond : NULL;
	if (bond)
		atomic_fetch_add(&bond->refs, 1);
	pthread_mutex_unlock(&vm->dev_lock);
	return bond;
}

static int dev_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct vm *vm = (void *)((char *)nb - offsetof(struct vm, dev_nb));
	struct ioasid_nb_args *args = data;
	struct bond *bond = action == IOASID_NOTIFY_FREE ? dev_bond(vm, args->id) : NULL;

	if (bond && !ioasid_queue_work(&bond->dev_work))
		bond_put(bond);
	return 0;
}

/* The guest writes a PASID to the dedicated queue's register. */
static int dev_program(struct vm *vm, ioasid_t gpasid)
{
	ioasid_t id = ioasid_find_by_spid_as(vm->set, gpasid, IOASID_HOLD_DEVICE);
	int rc = -ENOENT;

	if (id == INVALID_IOASID)
		return rc;
	pthread_mutex_lock(&vm->dev_lock);
	if (vm->bond && vm->bond->id == id && !vm->stopping && vm->dwq == INVALID_IOASID) {
		vm->dwq = id;
		rc = 0;
	}
	pthread_mutex_unlock(&vm->dev_lock);
	if (rc)
		ioasid_put_as(NULL, id, IOASID_HOLD_DEVICE);
	return rc;
}

static void dev_open(struct vm *vm)
{
	pthread_mutex_init(&vm->dev_lock, NULL);
	pthread_cond_init(&vm->moved, NULL);
	vm->dwq = INVALID_IOASID;
	vm->dev_nb.notifier_call = dev_event;
	vm->dev_nb.priority = IOASID_PRIO_DEVICE;
	MUST(!ioasid_register_notifier_mm(vm->mm, &vm->dev_nb));
	MUST(!pthread_create(&vm->engine, NULL, engine, vm));
}

/* It stops before it stops listening: FREE must find what still has jobs. */
static void dev_close(struct vm *vm)
{
	struct bond *bond = dev_bond(vm, INVALID_IOASID);

	if (bond) {
		dev_end(vm, bond);
		bond_put(bond);
	}
	ioasid_unregister_notifier_mm(vm->mm, &vm->dev_nb);
	pthread_mutex_lock(&vm->dev_lock);
	vm->off = true;
	pthread_cond_broadcast(&vm->moved);
	pthread_mutex_unlock(&vm->dev_lock);
	pthread_join(vm->engine, NULL);
}

/* ---- what the VMM asks for ------------------------------------------------------------------- */

static int vm_bind(struct vm *vm, ioasid_t id, ioasid_t gpasid)
{
	struct bond *bond;
	int rc = ioasid_get_if_owned(id);

	if (rc)
		return rc;
	bond = calloc(1, sizeof(*bond));
	MUST(bond && !vm->bond);
	atomic_fetch_add(&bonds, 1);
	atomic_store(&bond->refs, 1);
	bond->id = id;
	bond->vm = vm;
	ioasid_init_work(&bond->iommu_work, id, iommu_free_work);
	ioasid_init_work(&bond->dev_work, id, dev_free_work);
	rc = iommu_bind(bond, gpasid);
	if (!rc) {
		pthread_mutex_lock(&vm->dev_lock);
		vm->bond = bond;
		vm->stopping = false;
		pthread_mutex_unlock(&vm->dev_lock);
		/* A FREE that came before found nothing here. */
		atomic_fetch_add(&bond->refs, 1);
		rc = ioasid_get(NULL, id);
		if (rc)
			dev_end(vm, bond);
		else
			ioasid_put(NULL, id);
	}
	bond_put(bond);
	ioasid_put(NULL, id);
	return rc;
}

static int vm_unbind(struct vm *vm, ioasid_t id)
{
	int rc = ioasid_get_if_owned(id);
	struct bond *bond;

	if (rc)
		return rc;
	bond = dev_bond(vm, id);
	if (bond) {
		dev_end(vm, bond);
		bond_put(bond);
	}
	ioasid_put(NULL, id);
	return bond ? 0 : -ENOENT;
}

/* The CPU translates, and what it sends is in the queue when the table is given up. */
static int vm_enqcmd(struct vm *vm, ioasid_t gpasid)
{
	int rc = -ENXIO;

	pthread_mutex_lock(&vm->cpu_lock);
	if (vm->table[gpasid])
		rc = dev_submit(vm, vm->table[gpasid]);
	pthread_mutex_unlock(&vm->cpu_lock);
	return rc;
}

static struct vm *vm_open(unsigned int job_ms)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	MUST(vm && (vm->mm = ioasid_mm_create()) && !ioasid_caller_set_mm(vm->mm));
	vm->job_ms = job_ms;
	cpu_open(vm);
	dev_open(vm);
	vm->set = ioasid_set_alloc(vm->mm, 0, IOASID_SET_TYPE_MM);
	MUST(!ioasid_is_err(vm->set));
	return vm;
}

static void set_close(struct vm *vm)
{
	ioasid_free_all_in_set(vm->set);
	ioasid_set_destroy(vm->set);
}

static void vm_gone(struct vm *vm)
{
	/* Works of its numbers use it. */
	ioasid_flush_work(INVALID_IOASID);
	ioasid_caller_set_mm(NULL);
	ioasid_mm_put(vm->mm);
	pthread_cond_destroy(&vm->moved);
	pthread_mutex_destroy(&vm->dev_lock);
	pthread_mutex_destroy(&vm->cpu_lock);
	free(vm);
}

/* ---- the stories ----------------------------------------------------------------------------- */

static void step(const char *what, ioasid_t id, unsigned int refs)
{
	static const char *const state[] = { "free", "idle", "active", "free pending" };
	struct ioasid_id_info info = { 0 };
	int rc = ioasid_describe(id, &info);

	MUST(rc == 0 || rc == -ENOENT);
	printf("  %-44s refs %u, %s\n", what, info.refs, state[rc ? 0 : info.state]);
	MUST(info.refs == refs);
}

static void gone(ioasid_t id)
{
	struct ioasid_id_info info;
	int tries;

	for (tries = 0; !ioasid_describe(id, &info); tries++) {
		MUST(tries < 10000);
		sleep_ms(1);
	}
}

static void normal_flow(void)
{
	struct vm *vm = vm_open(1);
	ioasid_t id = ioasid_alloc(vm->set, 1, MAX, NULL);

	printf("the normal flow\n");
	step("the VMM allocates", id, 1);
	MUST(vm_enqcmd(vm, 5) == -ENXIO && dev_program(vm, 5) == -ENOENT);
	MUST(!vm_bind(vm, id, 5));
	step("bound as guest PASID 5: IOMMU and CPU", id, 3);
	MUST(vm_bind(vm, INVALID_IOASID, 6) == -ENOENT && !vm_enqcmd(vm, 5));
	MUST(!dev_program(vm, 5) && !dev_submit(vm, vm->dwq));
	step("programmed to the dedicated queue", id, 4);
	MUST(!vm_unbind(vm, id));
	step("unbound", id, 1);
	MUST(vm_enqcmd(vm, 5) == -ENXIO);
	ioasid_free(vm->set, id);
	step("freed", id, 0);
	MUST(atomic_load(&done) + atomic_load(&blocked) == 2);
	cpu_close(vm);
	dev_close(vm);
	MUST(!ioasid_set_free(vm->set));
	vm_gone(vm);
}

static void free_before_unbind(void)
{
	struct vm *vm = vm_open(200);
	ioasid_t id = ioasid_alloc(vm->set, 1, MAX, NULL), other;
	struct timespec a, b;

	printf("free before unbind, on a slow device\n");
	MUST(!vm_bind(vm, id, 5) && !dev_program(vm, 5) && !vm_enqcmd(vm, 5));
	step("bound, programmed, a job under way", id, 4);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ioasid_free(vm->set, id);
	MUST(vm_enqcmd(vm, 5) == -ENXIO);
	printf("  %-44s nothing comes through the CPU any more\n", "freed");
	MUST(vm_unbind(vm, id) == -EBUSY && vm_bind(vm, id, 6) == -EBUSY);
	MUST(ioasid_alloc(vm->set, id, id, NULL) == INVALID_IOASID);
	other = ioasid_alloc(vm->set, 1, MAX, NULL);
	MUST(other != INVALID_IOASID && other != id);
	gone(id);
	clock_gettime(CLOCK_MONOTONIC, &b);
	step("the job is over", id, 0);
	MUST((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 150);
	MUST(ioasid_alloc(vm->set, id, id, NULL) == id);
	set_close(vm);
	dev_close(vm);
	cpu_close(vm);
	vm_gone(vm);
}

static void every_order(void)
{
	static void (*const closer[])(struct vm * vm) = { set_close, cpu_close, dev_close };
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct vm *vm;
	ioasid_t id;
	int order, i;

	for (order = 0; order < 6; order++) {
		vm = vm_open(20);
		id = ioasid_alloc(vm->set, 1, MAX, NULL);
		MUST(!vm_bind(vm, id, 5) && !dev_program(vm, 5) && !vm_enqcmd(vm, 5));
		for (i = 0; i < 3; i++)
			closer[orders[order][i]](vm);
		gone(id);
		MUST(!ioasid_find_mm_set(vm->mm));
		vm_gone(vm);
		MUST(!atomic_load(&bonds));
	}
	printf("six machines died, each closing in another order: nothing is left\n");
}

int main(void)
{
	struct ioasid_host *host;

	MUST(!ioasid_host_create("lifecycle", NULL, &host) && !ioasid_caller_set_host(host));
	MUST(!ioasid_register_notifier(NULL, &iommu_nb));
	normal_flow();
	free_before_unbind();
	every_order();
	ioasid_unregister_notifier(NULL, &iommu_nb);
	ioasid_flush_work(INVALID_IOASID);
	ioasid_caller_adopt(NULL);
	ioasid_host_put(host);
	return 0;
}
