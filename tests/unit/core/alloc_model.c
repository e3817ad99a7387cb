// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "alloc_model.h"

void am_init(struct am *am, u8 numbers)
{
	memset(&am->state, 0, sizeof(am->state));
	am->numbers = numbers;
	am->telling = 0;
	am->sweeping = 0;
	am->state.set[0].life = AM_LIVE;
	am->state.set[1].life = AM_LIVE;
}

static struct am_number *number_of(struct am *am, u8 id)
{
	return &am->state.number[id];
}

static bool is_held(const struct am_number *n)
{
	return n->holders[0] || n->holders[1];
}

/* The set's own handler goes with A's set; the process's waits for the next. */
static void set_is_gone(struct am *am)
{
	am->state.set[0].life = AM_ABSENT;
	am->state.set[0].hears = false;
	am->state.registered[AM_SET] = false;
}

/* Freed, held by nobody, not being talked about: gone. */
static bool reclaim(struct am *am, u8 id)
{
	struct am_number *n = number_of(am, id);
	struct am_set *set = &am->state.set[n->set];
	u8 i, born = n->born;

	if (!n->pending || is_held(n) || (n->pins && am->wrong != AM_WRONG_EARLY))
		return false;
	memset(n, 0, sizeof(*n));
	for (i = 1; i <= am->numbers; i++)
		number_of(am, i)->born -= number_of(am, i)->born > born;
	if (!--set->nr && set->life == AM_DYING)
		set_is_gone(am);
	return true;
}

static u8 count_used(struct am *am)
{
	u8 i, n = 0;

	for (i = 1; i <= am->numbers; i++)
		n += number_of(am, i)->used;
	return n;
}

/* The higher priority first, of equal ones the global: set 2, global 1, process 1. */
static void tell(struct am *am, u32 event, u8 id, u32 spid)
{
	static const u8 orders[][AM_HANDLERS] = { { AM_SET, AM_GLOBAL, AM_MM },
						  { AM_SET, AM_MM, AM_GLOBAL } };
	const u8 *order = orders[am->wrong == AM_WRONG_ORDER];
	struct am_number *n = number_of(am, id);
	unsigned int i;
	bool hears;

	n->pins++;
	am->telling++;
	for (i = 0; i < AM_HANDLERS; i++) {
		/* Both the others are A's. */
		hears = order[i] == AM_GLOBAL ? event == IOASID_NOTIFY_FREE : n->set == 0;
		hears &= order[i] != AM_MM || am->state.set[0].hears;
		if (hears && am->state.registered[order[i]])
			am->heard(am, order[i], event, id, spid);
	}
	am->telling--;
	n->pins--;
}

static s64 do_alloc(struct am *am, u8 set)
{
	struct am_set *s = &am->state.set[set];
	u8 id, born = (u8)(count_used(am) + 1);

	if (s->life != AM_LIVE)
		return -EINVAL;
	if (set == 0 && s->nr == AM_QUOTA)
		return -EDQUOT;
	for (id = 1; id <= am->numbers && number_of(am, id)->used; id++)
		;
	if (id > am->numbers)
		return -ENOSPC;
	*number_of(am, id) =
		(struct am_number){ .used = true, .set = set, .spid = AM_NONE, .born = born };
	s->nr++;
	tell(am, IOASID_NOTIFY_ALLOC, id, AM_NONE);
	reclaim(am, id);
	return id;
}

static s64 do_free(struct am *am, u8 id)
{
	struct am_number *n = number_of(am, id);

	if (n->used && n->pending && n->holders[0] && am->wrong == AM_WRONG_FREE_TWICE)
		n->holders[0]--;
	if (!n->used || n->pending)
		return 0;
	n->pending = true;
	if (is_held(n) || am->wrong == AM_WRONG_FREE_IDLE)
		tell(am, IOASID_NOTIFY_FREE, id, n->spid);
	reclaim(am, id);
	return 0;
}

static s64 do_get(struct am *am, u8 id, u8 holder)
{
	struct am_number *n = number_of(am, id);

	if (!n->used)
		return -EINVAL;
	if (n->pending && am->wrong != AM_WRONG_GET_PENDING)
		return -EBUSY;
	n->holders[holder]++;
	return 0;
}

static s64 do_put(struct am *am, u8 id, u8 holder)
{
	struct am_number *n = number_of(am, id);

	if (!n->used || !n->holders[holder])
		return false;
	n->holders[holder]--;
	return reclaim(am, id);
}

u32 am_find_spid(const struct am *am, u8 set, u32 spid)
{
	const struct am_number *n;
	u8 id;

	for (id = 1; id <= am->numbers; id++) {
		n = &am->state.number[id];
		if (n->used && (!n->unlisted || am->wrong == AM_WRONG_SPID) && n->set == set &&
		    n->spid == spid)
			return id;
	}
	return AM_NONE;
}

static s64 do_get_spid(struct am *am, u8 set, u32 spid)
{
	u32 id = am_find_spid(am, set, spid);

	return id == AM_NONE || do_get(am, (u8)id, 0) ? AM_NONE : id;
}

static void unbind(struct am *am, u8 id)
{
	struct am_number *n = number_of(am, id);
	u32 spid = n->spid;

	n->phase = AM_UNBINDING;
	if (am->wrong == AM_WRONG_UNBIND)
		n->spid = AM_NONE;
	tell(am, IOASID_NOTIFY_UNBIND, id, spid);
	n->phase = AM_STABLE;
	n->spid = AM_NONE;
}

static s64 do_attach(struct am *am, u8 id, u32 spid)
{
	struct am_number *n = number_of(am, id);

	if (!n->used)
		return -ENOENT;
	if (n->pending || n->spid != AM_NONE)
		return -EBUSY;
	if (am_find_spid(am, n->set, spid) != AM_NONE)
		return -EINVAL;
	n->spid = spid;
	n->phase = AM_BINDING;
	/* UNBIND comes after BIND, and the number stays for both. */
	n->pins++;
	tell(am, IOASID_NOTIFY_BIND, id, spid);
	if (n->phase == AM_BINDING_UNBIND)
		unbind(am, id);
	n->phase = AM_STABLE;
	n->pins--;
	reclaim(am, id);
	return 0;
}

static s64 do_detach(struct am *am, u8 id)
{
	struct am_number *n = number_of(am, id);

	if (!n->used || n->spid == AM_NONE)
		return 0;
	if (n->phase == AM_BINDING)
		n->phase = AM_BINDING_UNBIND;
	if (n->phase != AM_STABLE)
		return 0;
	unbind(am, id);
	reclaim(am, id);
	return 0;
}

/* The oldest number of @set that is listed; 0: none. */
static u8 oldest(struct am *am, u8 set)
{
	struct am_number *n;
	u8 id, best = 0;

	for (id = 1; id <= am->numbers; id++) {
		n = number_of(am, id);
		if (n->used && n->set == set && !n->unlisted &&
		    (!best || n->born < number_of(am, best)->born))
			best = id;
	}
	return best;
}

/* Nobody is promised an order; that of allocation is what there is. */
static s64 do_free_all(struct am *am, u8 set)
{
	u8 id, outer = am->sweeping;

	am->sweeping = (u8)(set + 1);
	while ((id = oldest(am, set))) {
		number_of(am, id)->unlisted = true;
		number_of(am, id)->pins++;
		do_free(am, id);
		number_of(am, id)->pins--;
		reclaim(am, id);
	}
	am->sweeping = outer;
	return 0;
}

static s64 do_set(struct am *am, enum am_op_kind kind)
{
	struct am_set *a = &am->state.set[0];

	if (kind == AM_SET_ALLOC) {
		if (a->life != AM_ABSENT)
			return -EEXIST;
		a->life = AM_LIVE;
		a->hears = am->state.registered[AM_MM];
		return 0;
	}
	if (kind == AM_SET_FREE && (a->life != AM_LIVE || a->nr))
		return a->life == AM_LIVE ? -EBUSY : -EINVAL;
	if (a->life != AM_LIVE)
		return 0;
	a->life = AM_DYING;
	if (!a->nr)
		set_is_gone(am);
	return 0;
}

static s64 do_register(struct am *am, u8 handler)
{
	const struct am_set *a = &am->state.set[0];
	bool *there = &am->state.registered[handler];

	if (handler == AM_MM && (*there || (a->life == AM_LIVE && a->nr)))
		return -EBUSY;
	if (handler == AM_SET && a->life != AM_LIVE)
		return -EINVAL;
	if (*there)
		return -EEXIST;
	*there = true;
	/* A set that is dying is not the one it waits for. */
	if (handler == AM_MM)
		am->state.set[0].hears = a->life == AM_LIVE;
	return 0;
}

s64 am_do(struct am *am, struct am_op op)
{
	switch (op.kind) {
	case AM_ALLOC:
		return do_alloc(am, op.set);
	case AM_FREE:
		return do_free(am, op.id);
	case AM_GET:
		return do_get(am, op.id, op.arg);
	case AM_PUT:
		return do_put(am, op.id, op.arg);
	case AM_GET_SPID:
		return do_get_spid(am, op.set, op.arg);
	case AM_ATTACH:
		return do_attach(am, op.id, op.arg);
	case AM_DETACH:
		return do_detach(am, op.id);
	case AM_FREE_ALL:
		return do_free_all(am, op.set);
	case AM_REGISTER:
		return do_register(am, op.arg);
	case AM_UNREGISTER:
		am->state.registered[op.arg] = false;
		if (op.arg == AM_MM)
			am->state.set[0].hears = false;
		return 0;
	case AM_NOTHING:
		return 0;
	default:
		return do_set(am, (enum am_op_kind)op.kind);
	}
}
