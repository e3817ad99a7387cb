// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Life cycles of guest SVA, with small actors in the places of those who use numbers: an IOMMU driver
 * (global FREE handler, deferred work), KVM (handler registered by process, acts on whichever of FREE
 * and UNBIND comes first), a driver of mediated devices (reference by private number, deferred work),
 * and a VMM that allocates, binds, and closes in any order. Numbers of cases: docs/testing.md.
 */
#include "pasid_ut.h"
#include "tests/unit/ut_thread.h"

#define NUMS	4
#define DEVICES 2
#define GPASID	100 /* of number 0; number n has GPASID + n */
#define LOG	64

struct world;

/**
 * struct num - a number and what each actor holds of it
 * @devices: bitmap: the PASID tables it is in; @bound: the IOMMU driver has it
 * @translated: the CPU's table leads from @gpasid to it; @programmed: a device's register has it
 * @gate: the device's queue does not run dry before; NULL: at once
 * @iommu_work, @device_work: taken at bind, since a handler cannot fail
 */
struct num {
	struct world *w;
	u32 id;
	u32 gpasid;
	struct mutex lock;
	u32 devices;
	bool bound;
	u32 translated;
	u32 programmed;
	struct completion *gate;
	struct ioasid_work iommu_work;
	struct ioasid_work device_work;
};

/* What happened, in order: an actor's letter and the number of struct num. */
enum {
	CPU_IN = 'K',
	CPU_OUT = 'k',
	TABLE_IN = 'I',
	TABLE_OUT = 'i',
	QUEUE_IN = 'D',
	QUEUE_OUT = 'd'
};

struct world {
	struct pasid_host *host;
	struct ioasid_set *set;
	struct limit_group *group;
	struct notifier_block kvm;
	struct notifier_block iommu;
	struct notifier_block vdcm;
	bool kvm_open;
	struct num num[NUMS];
	spinlock_t log_lock;
	u32 nr_log;
	struct {
		u8 what, num;
	} log[LOG];
	u32 refs[8], nr_refs;
};

static void note(struct num *n, u8 what)
{
	struct world *w = n->w;

	spin_lock(&w->log_lock);
	if (w->nr_log < LOG) {
		w->log[w->nr_log].what = what;
		w->log[w->nr_log].num = (u8)(n - w->num);
	}
	w->nr_log++;
	spin_unlock(&w->log_lock);
}

/* Where @what happened to number @num first; LOG: never. */
static u32 when(const struct world *w, u8 what, u32 num)
{
	u32 i;

	for (i = 0; i < min(w->nr_log, (u32)LOG); i++) {
		if (w->log[i].what == what && w->log[i].num == num)
			return i;
	}
	return LOG;
}

static u32 times(const struct world *w, u8 what, u32 num)
{
	u32 i, n = 0;

	for (i = 0; i < min(w->nr_log, (u32)LOG); i++)
		n += w->log[i].what == what && w->log[i].num == num;
	return n;
}

/* The count of references as it is between two steps inside an actor. */
static void note_refs(struct num *n)
{
	u32 refs = pu_refs(n->w->host, n->id);

	spin_lock(&n->w->log_lock);
	if (n->w->nr_refs < ARRAY_SIZE(n->w->refs))
		n->w->refs[n->w->nr_refs++] = refs;
	spin_unlock(&n->w->log_lock);
}

static void want_refs(struct world *w, const u32 *want, u32 n)
{
	u32 i;

	ut_assert_eq(w->nr_refs, n);
	for (i = 0; i < n; i++)
		ut_assert_eq(w->refs[i], want[i]);
	w->nr_refs = 0;
}

/* ---- KVM: translates what the guest calls a PASID -------------------------------------------------------- */

static void kvm_drop(struct num *n)
{
	if (!xchg(&n->translated, 0))
		return;
	note(n, CPU_OUT);
	pasid_put(n->w->host, NULL, n->id, IOASID_HOLD_CPU);
}

static int kvm_call(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;
	struct num *n = args->pdata;

	if (!n)
		return 0;
	if (event == IOASID_NOTIFY_BIND && args->spid == n->gpasid &&
	    !pasid_get(n->w->host, NULL, args->id, IOASID_HOLD_CPU)) {
		note(n, CPU_IN);
		xchg(&n->translated, 1);
	} else if (event == IOASID_NOTIFY_FREE || event == IOASID_NOTIFY_UNBIND) {
		kvm_drop(n);
	}
	return 0;
}

static void kvm_start(struct world *w)
{
	ut_assert_eq(pasid_register_notifier_mm(w->host, &pu_mms[0], &w->kvm), 0);
	w->kvm_open = true;
}

static void kvm_close(struct world *w)
{
	u32 i;

	if (!w->kvm_open)
		return;
	pasid_unregister_notifier_mm(w->host, &pu_mms[0], &w->kvm);
	for (i = 0; i < NUMS; i++)
		kvm_drop(&w->num[i]);
	w->kvm_open = false;
}

/* ---- the IOMMU driver ---------------------------------------------------------------------------------------- */

/* Out of the tables of all devices; the names and what hangs on them go after that. */
static void iommu_clear(struct num *n, u32 devices)
{
	bool last;

	mutex_lock(&n->lock);
	n->devices &= ~devices;
	last = n->bound && !n->devices;
	if (last) {
		n->bound = false;
		note(n, TABLE_OUT);
	}
	mutex_unlock(&n->lock);
	if (!last)
		return;
	pasid_detach_spid(n->w->host, n->id);
	note_refs(n);
	pasid_detach_data(n->w->host, n->id);
	pasid_put(n->w->host, NULL, n->id, IOASID_HOLD_IOMMU);
	note_refs(n);
}

static void iommu_free_work(struct ioasid_work *work)
{
	iommu_clear(container_of(work, struct num, iommu_work), ~0U);
}

static int iommu_call(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;
	struct num *n = args->pdata;

	if (event == IOASID_NOTIFY_FREE && n)
		pasid_queue_work(n->w->host, &n->iommu_work);
	return 0;
}

/* The first device brings the number in, with everything that can fail before it is seen. */
static int iommu_bind_first(struct num *n)
{
	struct pasid_host *host = n->w->host;
	int rc;

	rc = pasid_attach_data(host, n->id, n);
	if (rc)
		return rc;
	rc = pasid_get(host, NULL, n->id, IOASID_HOLD_IOMMU);
	if (rc)
		goto err_data;
	note_refs(n);
	n->bound = true;
	rc = pasid_attach_spid(host, n->id, n->gpasid);
	if (rc)
		goto err_put;
	note_refs(n);
	note(n, TABLE_IN);
	return 0;
err_put:
	n->bound = false;
	pasid_put(host, NULL, n->id, IOASID_HOLD_IOMMU);
err_data:
	pasid_detach_data(host, n->id);
	return rc;
}

static int iommu_bind(struct num *n, u32 device)
{
	int rc = 0;

	mutex_lock(&n->lock);
	if (n->devices & BIT(device))
		rc = -EEXIST;
	else if (!n->bound)
		rc = iommu_bind_first(n);
	if (!rc)
		n->devices |= (u32)BIT(device);
	mutex_unlock(&n->lock);
	return rc;
}

/* ---- mediated devices ------------------------------------------------------------------------------------------ */

static void vdcm_stop(struct num *n)
{
	if (n->gate)
		wait_for_completion(n->gate);
	if (!xchg(&n->programmed, 0))
		return;
	note(n, QUEUE_OUT);
	pasid_put(n->w->host, NULL, n->id, IOASID_HOLD_DEVICE);
}

static void vdcm_work(struct ioasid_work *work)
{
	vdcm_stop(container_of(work, struct num, device_work));
}

static int vdcm_call(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;
	struct num *n = args->pdata;

	if (event == IOASID_NOTIFY_FREE && n && READ_ONCE(n->programmed))
		pasid_queue_work(n->w->host, &n->device_work);
	return 0;
}

/* The guest writes what it calls a PASID to a register. Return: 0, or the write fails. */
static int vdcm_program(struct world *w, u32 gpasid)
{
	u32 id = pasid_get_by_spid(w->set, gpasid, IOASID_HOLD_DEVICE), i;

	if (id == INVALID_IOASID)
		return -ENOENT;
	for (i = 0; i < NUMS && w->num[i].id != id; i++)
		;
	note(&w->num[i], QUEUE_IN);
	xchg(&w->num[i].programmed, 1);
	return 0;
}

/* ---- the VMM ---------------------------------------------------------------------------------------------------- */

/* bind() and unbind() of the IOMMU's user interface. */
static int user_bind(struct num *n, u32 device)
{
	int rc = pasid_get_if_owned(n->w->host, n->id);

	if (rc)
		return rc;
	note_refs(n);
	rc = iommu_bind(n, device);
	pasid_put(n->w->host, NULL, n->id, IOASID_HOLD_USER);
	note_refs(n);
	return rc;
}

static int user_unbind(struct num *n, u32 device)
{
	int rc = pasid_get_if_owned(n->w->host, n->id);

	if (rc)
		return rc;
	note_refs(n);
	iommu_clear(n, (u32)BIT(device));
	pasid_put(n->w->host, NULL, n->id, IOASID_HOLD_USER);
	note_refs(n);
	return 0;
}

static void num_alloc(struct world *w, u32 i)
{
	w->num[i].id = pu_alloc(w->set, NULL);
}

static void devices_close(struct world *w)
{
	u32 i;

	/* Before it lets go, or FREE could queue work for what is closed. */
	pasid_unregister_notifier_mm(w->host, &pu_mms[0], &w->vdcm);
	for (i = 0; i < NUMS; i++) {
		vdcm_stop(&w->num[i]);
		iommu_clear(&w->num[i], ~0U);
	}
}

static void ioasid_close(struct world *w)
{
	if (!w->set)
		return;
	pasid_free_all(w->set);
	pasid_set_destroy(w->set);
	w->set = NULL;
}

static void ioasid_open(struct world *w)
{
	w->set = pu_mm_set(w->host, 0, 0);
}

/* ---- the stage ----------------------------------------------------------------------------------------------------- */

static struct world *world_boot(void)
{
	struct pasid_host *host = pu_new();
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);
	u32 i;

	ut_assert(w);
	w->host = host;
	spin_lock_init(&w->log_lock);
	for (i = 0; i < NUMS; i++) {
		w->num[i].w = w;
		w->num[i].gpasid = GPASID + i;
		w->num[i].id = INVALID_IOASID;
		mutex_init(&w->num[i].lock);
	}
	w->kvm.notifier_call = kvm_call;
	w->kvm.priority = IOASID_PRIO_CPU;
	w->iommu.notifier_call = iommu_call;
	w->iommu.priority = IOASID_PRIO_IOMMU;
	w->vdcm.notifier_call = vdcm_call;
	w->vdcm.priority = IOASID_PRIO_DEVICE;
	ut_assert_eq(pasid_register_notifier(host, NULL, &w->iommu), 0);
	ut_assert_eq(pasid_register_notifier_mm(host, &pu_mms[0], &w->vdcm), 0);
	w->group = limit_group_create(&host->limits, NULL, 1, "", NULL);
	ut_assert(!IS_ERR(w->group));
	pu_group = w->group;
	return w;
}

/* The works are about a number each; before it has one a work is not queued. */
static void world_works(struct world *w)
{
	u32 i;

	for (i = 0; i < NUMS; i++) {
		pasid_init_work(&w->num[i].iommu_work, w->num[i].id, iommu_free_work);
		pasid_init_work(&w->num[i].device_work, w->num[i].id, vdcm_work);
	}
}

/* A VM with all its parts, and @bound numbers of which each is bound to device 0. */
static struct world *world_new(u32 bound)
{
	struct world *w = world_boot();
	u32 i;

	kvm_start(w);
	ioasid_open(w);
	for (i = 0; i < NUMS; i++)
		num_alloc(w, i);
	world_works(w);
	for (i = 0; i < bound; i++)
		ut_assert_eq(user_bind(&w->num[i], 0), 0);
	w->nr_refs = 0;
	return w;
}

/* Everything is closed: nothing may be left anywhere. */
static void world_end(struct world *w)
{
	struct pasid_host *host = w->host;
	u32 i;

	pasid_flush_all_work(host);
	for (i = 0; i < NUMS; i++) {
		ut_assert_eq(w->num[i].translated, 0);
		ut_assert_eq(w->num[i].programmed, 0);
		ut_assert_eq(w->num[i].devices, 0);
		ut_assert(!w->num[i].bound);
	}
	ut_assert_eq(host->nr_live, 0);
	ut_assert_eq(host->nr_sets, 0);
	ut_assert(list_empty(&host->mm_handlers));
	ut_assert_eq(w->group->current_charge, 0);
	pasid_unregister_notifier(host, NULL, &w->iommu);
	ut_assert(!host->chain);
	pu_group = NULL;
	limit_group_put(w->group);
	for (i = 0; i < NUMS; i++)
		mutex_destroy(&w->num[i].lock);
	kfree(w);
	pu_free(host);
}

static void close_all(struct world *w)
{
	devices_close(w);
	kvm_close(w);
	ioasid_close(w);
	world_end(w);
}

/* ---- as it should be ------------------------------------------------------------------------------------------------- */

/* 53: step by step as in the table of the life cycle; what a call does inside is compared, too */
UT_CASE(the_whole_life_of_a_number)
{
	static const u32 bind[] = { 2, 3, 4, 3 }, second[] = { 4, 3 };
	/* Both with the reference of unbind() itself in it. */
	static const u32 first_unbind[] = { 4, 3 }, last_unbind[] = { 4, 3, 2, 1 };
	struct world *w = world_boot();
	struct num *n = &w->num[0];
	u32 round;

	kvm_start(w); /* 2: before there is a set */
	for (round = 0; round < 2; round++) {
		ioasid_open(w); /* 3 */
		num_alloc(w, 0); /* 5 */
		world_works(w);
		ut_assert_eq(pu_refs(w->host, n->id), 1);
		ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_IDLE);
		ut_assert_eq(w->group->current_charge, 1);
		ut_assert_eq(user_bind(n, 0), 0); /* 6 to 11 */
		want_refs(w, bind, ARRAY_SIZE(bind));
		ut_assert_eq(n->translated, 1);
		ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_ACTIVE);
		/* Another device on the same number: no second name, no second BIND. */
		ut_assert_eq(user_bind(n, 1), 0);
		want_refs(w, second, ARRAY_SIZE(second));
		ut_assert_eq(times(w, CPU_IN, 0), round + 1);
		ut_assert_eq(vdcm_program(w, GPASID), 0); /* 12 */
		ut_assert_eq(pu_refs(w->host, n->id), 4);
		/* 13: here the guest works. */
		ut_assert(n->translated && n->programmed && n->devices == 3);
		ut_assert_eq(pu_info(w->host, n->id).holders[IOASID_HOLD_CPU], 1);
		ut_assert_eq(pu_info(w->host, n->id).holders[IOASID_HOLD_IOMMU], 1);
		ut_assert_eq(pu_info(w->host, n->id).holders[IOASID_HOLD_DEVICE], 1);
		vdcm_stop(n); /* 14 */
		ut_assert_eq(pu_refs(w->host, n->id), 3);
		ut_assert_eq(user_unbind(n, 1), 0);
		want_refs(w, first_unbind, ARRAY_SIZE(first_unbind));
		ut_assert_eq(n->translated, 1);
		ut_assert_eq(user_unbind(n, 0), 0); /* 15 to 17 */
		want_refs(w, last_unbind, ARRAY_SIZE(last_unbind));
		ut_assert_eq(n->translated, 0);
		ut_assert_eq(times(w, CPU_OUT, 0), round + 1);
		ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_IDLE);
		pasid_free(w->host, w->set, n->id); /* 18 */
		ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE);
		ut_assert_eq(w->group->current_charge, 0);
		ioasid_close(w); /* 19: KVM's handler waits for the next set */
		ut_assert_eq(w->host->nr_sets, 0);
	}
	devices_close(w);
	kvm_close(w);
	world_end(w);
}

/* 44, 53: what the guest never bound cannot be programmed */
UT_CASE(a_number_that_is_not_bound_is_not_programmed)
{
	struct world *w = world_new(1);

	ut_assert_eq(vdcm_program(w, GPASID + 1), -ENOENT);
	ut_assert_eq(pu_refs(w->host, w->num[1].id), 1);
	ut_assert_eq(vdcm_program(w, w->num[1].id), -ENOENT);
	ut_assert_eq(times(w, QUEUE_IN, 1), 0);
	ut_assert_eq(w->num[1].translated, 0);
	close_all(w);
}

/* ---- as it should not be ----------------------------------------------------------------------------------------------- */

/* 54: freed while the guest works */
UT_CASE(a_number_freed_while_devices_use_it)
{
	struct world *w = world_new(1);
	struct num *n = &w->num[0];

	ut_assert_eq(user_bind(n, 1), 0);
	ut_assert_eq(vdcm_program(w, GPASID), 0);
	ut_assert_eq(pu_refs(w->host, n->id), 4);
	pasid_free(w->host, w->set, n->id);
	/* Whatever the works have done by now: the CPU has stopped. */
	ut_assert_eq(n->translated, 0);
	pasid_flush_work(w->host, n->id);
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE);
	ut_assert_eq(n->devices, 0);
	ut_assert_eq(n->programmed, 0);
	/* The source first, then the tables of all devices, then the queue; once each. */
	ut_assert(when(w, CPU_OUT, 0) < when(w, TABLE_OUT, 0));
	ut_assert(when(w, TABLE_OUT, 0) < when(w, QUEUE_OUT, 0));
	ut_assert(when(w, QUEUE_OUT, 0) < LOG);
	ut_assert_eq(times(w, CPU_OUT, 0), 1);
	ut_assert_eq(times(w, TABLE_OUT, 0), 1);
	ut_assert_eq(times(w, QUEUE_OUT, 0), 1);
	/* 55 */
	ut_assert_eq(user_unbind(n, 0), -ENOENT);
	ut_assert_eq(user_bind(n, 0), -ENOENT);
	pasid_free(w->host, w->set, n->id);
	ut_assert_eq(w->host->nr_live, NUMS - 1);
	close_all(w);
}

/* Freed and freed again, bound and unbound, while it is going. 55 */
UT_CASE(what_comes_while_a_number_goes_is_refused)
{
	static struct completion gate;
	struct world *w = world_new(1);
	struct num *n = &w->num[0];
	u32 i;

	init_completion(&gate);
	ut_assert_eq(vdcm_program(w, GPASID), 0);
	n->gate = &gate;
	pasid_free(w->host, w->set, n->id);
	ut_assert_eq(n->translated, 0);
	for (i = 0; i < 3; i++) {
		ut_assert_eq(user_unbind(n, 0), -EBUSY);
		ut_assert_eq(user_bind(n, 1), -EBUSY);
		ut_assert_eq(vdcm_program(w, GPASID), -ENOENT);
		pasid_free(w->host, w->set, n->id);
	}
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE_PENDING);
	complete_all(&gate);
	pasid_flush_work(w->host, n->id);
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE);
	ut_assert_eq(times(w, CPU_OUT, 0), 1);
	ut_assert_eq(times(w, TABLE_OUT, 0), 1);
	n->gate = NULL;
	close_all(w);
	destroy_completion(&gate);
}

/* A stranger neither binds nor unbinds, whatever the state. 55 */
UT_CASE(a_stranger_binds_nothing)
{
	struct world *w = world_new(1);

	pu_current = &pu_mms[1];
	ut_assert_eq(user_bind(&w->num[1], 0), -EPERM);
	ut_assert_eq(user_unbind(&w->num[0], 0), -EPERM);
	pu_current = &pu_mms[0];
	ut_assert_eq(w->num[0].devices, 1);
	ut_assert_eq(pu_refs(w->host, w->num[1].id), 1);
	close_all(w);
}

/* Unbound by the user before it is freed: there is nothing left for FREE to do. */
UT_CASE(a_number_unbound_before_it_is_freed)
{
	struct world *w = world_new(1);
	struct num *n = &w->num[0];

	ut_assert_eq(vdcm_program(w, GPASID), 0);
	ut_assert_eq(user_unbind(n, 0), 0);
	ut_assert_eq(pu_refs(w->host, n->id), 2);
	pasid_free(w->host, w->set, n->id);
	pasid_flush_work(w->host, n->id);
	ut_assert_eq(times(w, TABLE_OUT, 0), 1);
	ut_assert_eq(times(w, CPU_OUT, 0), 1);
	/* The device was not told, since the number leads to nothing; it lets go by itself. */
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE_PENDING);
	vdcm_stop(n);
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE);
	close_all(w);
}

/* ---- the VM is killed -------------------------------------------------------------------------------------------------- */

typedef void (*close_fn)(struct world *w);
static const close_fn orders[6][3] = {
	{ devices_close, kvm_close, ioasid_close }, { devices_close, ioasid_close, kvm_close },
	{ kvm_close, devices_close, ioasid_close }, { kvm_close, ioasid_close, devices_close },
	{ ioasid_close, devices_close, kvm_close }, { ioasid_close, kvm_close, devices_close },
};

/*
 * 56: a number that is idle, one bound, one programmed as well, one freed just now; the works run
 * when they like, or all before the next descriptor is closed
 */
UT_CASE(a_killed_vm_leaves_nothing)
{
	u32 order, flush, i;

	for (order = 0; order < ARRAY_SIZE(orders); order++) {
		for (flush = 0; flush < 2; flush++) {
			struct world *w = world_new(3);

			ut_assert_eq(user_bind(&w->num[1], 1), 0);
			ut_assert_eq(vdcm_program(w, GPASID + 1), 0);
			ut_assert_eq(vdcm_program(w, GPASID + 2), 0);
			pasid_free(w->host, w->set, w->num[2].id);
			for (i = 0; i < 3; i++) {
				orders[order][i](w);
				if (flush)
					pasid_flush_all_work(w->host);
			}
			world_end(w);
		}
	}
}

/* 56: at each step of a life, in each order */
UT_CASE(a_vm_killed_at_any_step_leaves_nothing)
{
	u32 order, step, i;

	for (step = 0; step <= 6; step++) {
		for (order = 0; order < ARRAY_SIZE(orders); order++) {
			struct world *w = world_boot();
			struct num *n = &w->num[0];

			kvm_start(w);
			ioasid_open(w);
			if (step >= 1)
				num_alloc(w, 0);
			world_works(w);
			if (step >= 2)
				ut_assert_eq(user_bind(n, 0), 0);
			if (step >= 3)
				ut_assert_eq(vdcm_program(w, GPASID), 0);
			if (step >= 4)
				vdcm_stop(n);
			if (step >= 5)
				ut_assert_eq(user_unbind(n, 0), 0);
			if (step >= 6)
				pasid_free(w->host, w->set, n->id);
			for (i = 0; i < 3; i++)
				orders[order][i](w);
			world_end(w);
		}
	}
}

/* ---- binding that fails ---------------------------------------------------------------------------------------------- */

/* 57 */
UT_CASE(binding_under_a_taken_name_fails_as_a_whole)
{
	struct world *w = world_new(1);
	struct num *n = &w->num[1];
	struct pu_snap before = pu_look(w->host, w->set, w->group), after;
	u32 logged = w->nr_log;

	n->gpasid = GPASID;
	ut_assert_eq(user_bind(n, 0), -EINVAL);
	after = pu_look(w->host, w->set, w->group);
	pu_same(&before, &after);
	ut_assert_eq(pu_refs(w->host, n->id), 1);
	ut_assert_eq(pu_refs(w->host, w->num[0].id), 3);
	ut_assert(!pasid_find(w->host, w->set, n->id, NULL));
	ut_assert_eq(n->devices, 0);
	ut_assert_eq(w->nr_log, logged);
	ut_assert_eq(w->num[0].translated, 1);
	/* Under another name it works. */
	n->gpasid = GPASID + 1;
	ut_assert_eq(user_bind(n, 0), 0);
	close_all(w);
}

/* 21, 57 */
UT_CASE(binding_without_memory_fails_as_a_whole)
{
	struct world *w = world_new(0);
	struct num *n = &w->num[0];
	struct pu_snap before = pu_look(w->host, w->set, w->group), after;
	unsigned long nth;
	int rc;

	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = user_bind(n, 0);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		after = pu_look(w->host, w->set, w->group);
		pu_same(&before, &after);
		ut_assert_eq(pu_refs(w->host, n->id), 1);
		ut_assert_eq(w->nr_log, 0);
	}
	ut_assert(nth > 1);
	/* Taking everything down needs none: freeing cannot fail. */
	os_alloc_fail_nth(1);
	pasid_free(w->host, w->set, n->id);
	os_alloc_fail_nth(0);
	pasid_flush_work(w->host, n->id);
	ut_assert_eq(pu_state(w->host, n->id), IOASID_STATE_FREE);
	close_all(w);
}

/* ---- a device that takes its time --------------------------------------------------------------------------------------- */

/* 58 */
UT_CASE(a_slow_device_keeps_its_number_and_no_other)
{
	static struct completion gate;
	struct world *w = world_new(3);
	struct num *slow = &w->num[0];
	u32 i, id, again;

	init_completion(&gate);
	for (i = 0; i < 3; i++)
		ut_assert_eq(vdcm_program(w, GPASID + i), 0);
	slow->gate = &gate;
	for (i = 0; i < 3; i++)
		pasid_free(w->host, w->set, w->num[i].id);
	/* The others do not wait for it. */
	for (i = 1; i < 3; i++) {
		pasid_flush_work(w->host, w->num[i].id);
		ut_assert_eq(pu_state(w->host, w->num[i].id), IOASID_STATE_FREE);
	}
	/* Nobody gets its number; it stays charged. */
	ut_assert_eq(pu_state(w->host, slow->id), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(w->group->current_charge, 2);
	ut_assert_eq(pu_try(w->set, slow->id, slow->id, &again), -ENOSPC);
	for (i = 0; i < 20; i++) {
		id = pu_alloc(w->set, NULL);
		ut_assert(id != slow->id);
		pasid_free(w->host, w->set, id);
	}
	/* The set goes on: a new life under a name of before. */
	w->num[1].id = pu_alloc(w->set, NULL);
	pasid_init_work(&w->num[1].iommu_work, w->num[1].id, iommu_free_work);
	pasid_init_work(&w->num[1].device_work, w->num[1].id, vdcm_work);
	ut_assert_eq(user_bind(&w->num[1], 0), 0);
	ut_assert_eq(w->num[1].translated, 1);
	complete_all(&gate);
	pasid_flush_work(w->host, slow->id);
	ut_assert_eq(pu_state(w->host, slow->id), IOASID_STATE_FREE);
	ut_assert_eq(pu_try(w->set, slow->id, slow->id, &again), 0);
	ut_assert_eq(again, slow->id);
	pasid_free(w->host, w->set, again);
	slow->gate = NULL;
	close_all(w);
	destroy_completion(&gate);
}

/* 58: nor does it keep the VM from going: what is left goes when the device lets go */
UT_CASE(a_slow_device_outlives_its_vm)
{
	static struct completion gate;
	struct world *w = world_new(1);
	struct num *n = &w->num[0];
	u32 id = n->id;

	init_completion(&gate);
	ut_assert_eq(vdcm_program(w, GPASID), 0);
	n->gate = &gate;
	ioasid_close(w);
	kvm_close(w);
	/* Its device descriptor is open still. */
	ut_assert_eq(pu_state(w->host, id), IOASID_STATE_FREE_PENDING);
	ut_assert_eq(w->host->nr_sets, 1);
	ut_assert_eq(w->group->current_charge, 1);
	/* The process may not make another set yet. */
	ut_assert_eq(PTR_ERR(pasid_set_alloc(w->host, &pu_mms[0], 1, IOASID_SET_TYPE_MM)), -EEXIST);
	complete_all(&gate);
	pasid_flush_all_work(w->host);
	ut_assert_eq(w->host->nr_sets, 0);
	n->gate = NULL;
	devices_close(w);
	world_end(w);
	destroy_completion(&gate);
}

/* ---- nobody waits for nobody --------------------------------------------------------------------------------------------- */

/* struct killer - closes one descriptor as soon as it may */
struct killer {
	struct world *w;
	struct completion *go;
	close_fn fn;
};

static void killer(void *arg)
{
	struct killer *k = arg;

	wait_for_completion(k->go);
	k->fn(k->w);
}

/* 56: the three descriptors at the same moment, the works in between */
UT_CASE(a_vm_killed_by_three_threads_leaves_nothing)
{
	static struct completion go;
	struct ut_thread t[3];
	struct killer k[3];
	u32 round, i;

	for (round = 0; round < UT_STEPS(200U); round++) {
		struct world *w = world_new(3);

		ut_assert_eq(user_bind(&w->num[1], 1), 0);
		for (i = 0; i < 3; i++)
			ut_assert_eq(vdcm_program(w, GPASID + i), 0);
		init_completion(&go);
		for (i = 0; i < 3; i++) {
			k[i] = (struct killer){ w, &go, orders[0][i] };
			ut_assert_eq(ut_thread_start(&t[i], killer, &k[i]), 0);
		}
		complete_all(&go);
		for (i = 0; i < 3; i++)
			ut_thread_join(&t[i]);
		destroy_completion(&go);
		pasid_flush_all_work(w->host);
		for (i = 0; i < 3; i++) {
			ut_assert_eq(times(w, CPU_OUT, i), 1);
			ut_assert_eq(times(w, TABLE_OUT, i), 1);
			ut_assert_eq(times(w, QUEUE_OUT, i), 1);
		}
		world_end(w);
	}
}

UT_SUITE(core_pasid_life, UT_ENTRY(the_whole_life_of_a_number),
	 UT_ENTRY(a_number_that_is_not_bound_is_not_programmed),
	 UT_ENTRY(a_number_freed_while_devices_use_it),
	 UT_ENTRY(what_comes_while_a_number_goes_is_refused), UT_ENTRY(a_stranger_binds_nothing),
	 UT_ENTRY(a_number_unbound_before_it_is_freed), UT_ENTRY(a_killed_vm_leaves_nothing),
	 UT_ENTRY(a_vm_killed_at_any_step_leaves_nothing),
	 UT_ENTRY(binding_under_a_taken_name_fails_as_a_whole),
	 UT_ENTRY(binding_without_memory_fails_as_a_whole),
	 UT_ENTRY(a_slow_device_keeps_its_number_and_no_other),
	 UT_ENTRY(a_slow_device_outlives_its_vm),
	 UT_ENTRY(a_vm_killed_by_three_threads_leaves_nothing));
