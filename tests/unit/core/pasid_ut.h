/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the tests of the allocator share: a host of numbers whose processes are reference counts, a
 * handler that writes down what it heard, and a picture of everything that is counted.
 */
#ifndef TESTS_UNIT_CORE_PASID_UT_H
#define TESTS_UNIT_CORE_PASID_UT_H

#include "core/pasid_alloc.h"
#include "pin.h"
#include "tests/unit/ut.h"

#define PU_MMS 4
#define PU_ALL ((1U << 20) - 1) /* the greatest number */

/** struct pu_mm - a process; @refs is 1 as long as nobody else keeps it */
struct pu_mm {
	atomic_t refs;
};

static struct pu_mm pu_mms[PU_MMS];
/** pu_current - the process that calls; NULL: a kernel thread. One for all threads. */
static struct pu_mm *pu_current;

static void *pu_mm_current(void)
{
	return pu_current;
}

static void pu_mm_get(void *mm)
{
	atomic_inc(&((struct pu_mm *)mm)->refs);
}

static void pu_mm_put(void *mm)
{
	atomic_dec(&((struct pu_mm *)mm)->refs);
}

/* Whom the next allocation is charged to; NULL: nobody. */
static struct limit_group *pu_group;

static struct limit_group *pu_limit_get(struct pasid_host *host)
{
	if (pu_group)
		limit_group_get(pu_group);
	return pu_group;
}

static const struct pasid_host_ops pu_ops = {
	.mm_current = pu_mm_current,
	.mm_get = pu_mm_get,
	.mm_put = pu_mm_put,
	.limit_get = pu_limit_get,
};

static void pu_limit_release(void *priv)
{
}

static long pu_live_before;

/** pu_live() - allocations, when all that waits for readers is freed. */
static long pu_live(void)
{
	os_rcu_barrier();
	return os_alloc_live();
}

/** pu_new() - a host with nothing in it. */
static struct pasid_host *pu_new(void)
{
	struct pasid_host *host;
	unsigned int i;

	pu_live_before = pu_live();
	for (i = 0; i < PU_MMS; i++)
		atomic_set(&pu_mms[i].refs, 1);
	pu_current = &pu_mms[0];
	pu_group = NULL;
	host = kzalloc(sizeof(*host), GFP_KERNEL);
	ut_assert(host);
	pasid_host_init(host, &pu_ops, pu_limit_release);
	return host;
}

/** pu_check() - what is promised, reserved and drawn is what is not available; counts agree. */
static void pu_check(struct pasid_host *host)
{
	u32 taken = host->reserved, nr = 0, pending = 0, sets = 0;
	struct ioasid_set *set;

	list_for_each_entry(set, &host->sets, link) {
		taken += max(set->promised, set->nr);
		nr += set->nr;
		pending += set->nr_pending;
		sets++;
	}
	ut_assert_eq(host->capacity - host->avail, taken);
	ut_assert_eq(host->nr_live, nr);
	ut_assert_eq(host->nr_pending, pending);
	ut_assert_eq(host->nr_sets, sets);
}

/** pu_free() - end the host, in which nothing may be left, and see that all memory came back. */
static void pu_free(struct pasid_host *host)
{
	unsigned int i;

	pasid_flush_all_work(host);
	pu_check(host);
	ut_assert_eq(host->nr_sets, 0);
	ut_assert_eq(host->nr_live, 0);
	ut_assert_eq(host->nr_pending, 0);
	ut_assert_eq(host->avail + host->reserved, host->capacity);
	pasid_host_destroy(host);
	kfree(host);
	ut_assert_eq(pu_live(), pu_live_before);
	for (i = 0; i < PU_MMS; i++)
		ut_assert_eq(atomic_read(&pu_mms[i].refs), 1);
}

/* ---- short forms --------------------------------------------------------------------------------- */

/** pu_set() - a set of nobody's, with a promise of @quota. */
static inline struct ioasid_set *pu_set(struct pasid_host *host, u32 quota)
{
	struct ioasid_set *set = pasid_set_alloc(host, NULL, quota, IOASID_SET_TYPE_NULL);

	ut_assert(!IS_ERR_OR_NULL(set));
	return set;
}

/** pu_mm_set() - process @n's. */
static inline struct ioasid_set *pu_mm_set(struct pasid_host *host, unsigned int n, u32 quota)
{
	struct ioasid_set *set = pasid_set_alloc(host, &pu_mms[n], quota, IOASID_SET_TYPE_MM);

	ut_assert(!IS_ERR_OR_NULL(set));
	return set;
}

/** pu_try() - a number of [@min, @max]. Return: 0 or error; @id is INVALID_IOASID then. */
static inline int pu_try(struct ioasid_set *set, u32 min, u32 max, u32 *id)
{
	struct ioasid_request req = { .min = min, .max = max };
	int rc;

	*id = 77;
	rc = pasid_alloc(set, &req, NULL, id);
	ut_assert(rc ? *id == INVALID_IOASID : *id >= min && *id <= max);
	return rc;
}

/** pu_alloc() - the lowest number there is; @priv behind it. */
static inline u32 pu_alloc(struct ioasid_set *set, void *priv)
{
	struct ioasid_request req = { .min = 1, .max = PU_ALL, .priv = priv };
	u32 id;

	ut_assert_eq(pasid_alloc(set, &req, NULL, &id), 0);
	return id;
}

/** pu_info() - what is known of @id, which there is. */
static inline struct ioasid_id_info pu_info(struct pasid_host *host, u32 id)
{
	struct ioasid_id_info info;

	memset(&info, 0, sizeof(info));
	ut_assert_eq(pasid_describe(host, id, &info), 0);
	ut_assert_eq(info.id, id);
	return info;
}

/** pu_refs() - references of @id, the allocation's included; 0: it is free. */
static inline u32 pu_refs(struct pasid_host *host, u32 id)
{
	struct ioasid_id_info info;

	return pasid_describe(host, id, &info) ? 0 : info.refs;
}

/** pu_state() - the state of @id. */
static inline int pu_state(struct pasid_host *host, u32 id)
{
	struct ioasid_id_info info;

	return pasid_describe(host, id, &info) ? (int)IOASID_STATE_FREE : (int)info.state;
}

/* ---- everything that is counted ------------------------------------------------------------------ */

/** struct pu_snap - a host as it can be compared; @bytes: of the number space */
struct pu_snap {
	u32 capacity, avail, reserved, nr_sets, nr_live, nr_pending;
	u32 used, quarantined;
	u32 set_nr, set_pending, set_promised, set_ceiling, spids;
	u32 charged;
	long live;
};

/** pu_look() - the picture; @set and @group may be NULL. */
static inline struct pu_snap pu_look(struct pasid_host *host, struct ioasid_set *set,
				     struct limit_group *group)
{
	struct pu_snap s;

	memset(&s, 0, sizeof(s));
	s.capacity = host->capacity;
	s.avail = host->avail;
	s.reserved = host->reserved;
	s.nr_sets = host->nr_sets;
	s.nr_live = host->nr_live;
	s.nr_pending = host->nr_pending;
	s.used = host->space.used;
	s.quarantined = host->space.quarantined;
	if (set) {
		s.set_nr = set->nr;
		s.set_pending = set->nr_pending;
		s.set_promised = set->promised;
		s.set_ceiling = set->ceiling;
		s.spids = set->nr_spids;
	}
	s.charged = group ? group->current_charge : 0;
	s.live = pu_live();
	return s;
}

/** pu_same() - nothing has changed. */
static inline void pu_same(const struct pu_snap *a, const struct pu_snap *b)
{
	ut_assert_eq(a->capacity, b->capacity);
	ut_assert_eq(a->avail, b->avail);
	ut_assert_eq(a->reserved, b->reserved);
	ut_assert_eq(a->nr_sets, b->nr_sets);
	ut_assert_eq(a->nr_live, b->nr_live);
	ut_assert_eq(a->nr_pending, b->nr_pending);
	ut_assert_eq(a->used, b->used);
	ut_assert_eq(a->quarantined, b->quarantined);
	ut_assert_eq(a->set_nr, b->set_nr);
	ut_assert_eq(a->set_pending, b->set_pending);
	ut_assert_eq(a->set_promised, b->set_promised);
	ut_assert_eq(a->set_ceiling, b->set_ceiling);
	ut_assert_eq(a->spids, b->spids);
	ut_assert_eq(a->charged, b->charged);
	ut_assert_eq(a->live, b->live);
}

/* ---- a handler that remembers ----------------------------------------------------------------- */

#define PU_EVENTS 16

/** struct pu_ear - hears events; @host: for what it looks up while it hears one */
struct pu_ear {
	struct notifier_block nb;
	struct pasid_host *host;
	u32 n;
	struct {
		u32 event;
		struct ioasid_nb_args args;
		u32 by_spid; /* what the private number led to meanwhile */
	} heard[PU_EVENTS];
};

static inline int pu_hear(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pu_ear *ear = container_of(nb, struct pu_ear, nb);
	const struct ioasid_nb_args *args = data;

	if (ear->n < PU_EVENTS) {
		ear->heard[ear->n].event = (u32)event;
		ear->heard[ear->n].args = *args;
		ear->heard[ear->n].by_spid = args->spid == INVALID_IOASID ?
						     INVALID_IOASID :
						     pasid_find_by_spid(args->set, args->spid);
	}
	ear->n++;
	return 0;
}

static inline void pu_listen(struct pasid_host *host, struct ioasid_set *set, struct pu_ear *ear)
{
	memset(ear, 0, sizeof(*ear));
	ear->host = host;
	ear->nb.notifier_call = pu_hear;
	ut_assert_eq(pasid_register_notifier(host, set, &ear->nb), 0);
}

#endif
