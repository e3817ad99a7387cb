// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* PASID routes and their numbers (design sections 5.3 and 5.4). */
#include "tests/isolation/model_private.h"

/* ---- picks ---------------------------------------------------------------------------------------- */

int pick_new(struct model *m, int function, uint32_t first, uint32_t last)
{
	int i;

	for (i = 0; i < NR_PICKS && m->pick[i].used; i++)
		;
	if (i == NR_PICKS)
		return -1;
	m->pick[i] = (struct m_pick){
		.used = true,
		.open = true,
		.function = function,
		.first = first,
		.last = last,
	};
	return i;
}

/* Numbers of a parent for its slices: [1, host_split), what its driver keeps left out. */
static uint32_t local_last(const struct model *m, int dev)
{
	uint32_t end = width_of(m, dev);

	return (end < m->config->split ? end : m->config->split) - 1;
}

int local_room(const struct model *m, int function)
{
	uint32_t last = local_last(m, function);
	int room = (int)last, i;

	if (m->config->kept <= last && keeps(m, function, m->config->kept))
		room--;
	for (i = 0; i < NR_PICKS; i++)
		room -= m->pick[i].used && m->pick[i].function == function;
	return room;
}

int pick_local(struct model *m, int dev)
{
	return pick_new(m, function_of(dev), 1, local_last(m, dev));
}

/* Where a host-wide number for @ctx may lie. */
static void host_range(const struct model *m, int ctx, uint32_t *first, uint32_t *last)
{
	int d;

	*first = m->config->split;
	*last = (1U << IOASID_PASID_BITS) - 1;
	for (d = 0; d < NR_DEV; d++) {
		if (!is_bound(m, d, ctx) || !takes_pasids(d) || !is_global(m, d))
			continue;
		if (model_split(m, d) > *first)
			*first = model_split(m, d);
		if (width_of(m, d) - 1 < *last)
			*last = width_of(m, d) - 1;
	}
	if (m->wrong == WRONG_SPLIT) {
		*last = *first - 1;
		*first = 1;
	}
}

/* ---- looking up --------------------------------------------------------------------------------------- */

struct m_route *find_route(struct model *m, int dev, uint32_t v)
{
	unsigned int i;

	for (i = 0; i < NR_ROUTES; i++) {
		struct m_route *r = &m->dev[dev].route[i];

		if (r->used && r->v == v)
			return r;
	}
	return NULL;
}

struct m_name *find_name(struct model *m, int ctx, uint32_t v)
{
	unsigned int i;

	for (i = 0; i < NR_NAMES; i++) {
		struct m_name *n = &m->ctx[ctx].name[i];

		if (n->used && n->v == v)
			return n;
	}
	return NULL;
}

/** struct scope - the devices that a command is about. */
struct scope {
	int ctx, ioas;
	bool in[NR_DEV];
	bool any, global, all_host;
};

static struct scope scope_of(const struct model *m, int ctx, int ioas, int only)
{
	struct scope s = { .ctx = ctx, .ioas = ioas };
	int d;

	for (d = 0; d < NR_DEV; d++) {
		s.in[d] = is_bound(m, d, ctx) && m->dev[d].attached[ioas] &&
			  (only < 0 || d == only);
		s.any |= s.in[d];
		s.global |= s.in[d] && is_global(m, d);
		s.all_host |= s.in[d] && is_global(m, d) && model_split(m, d) == 1;
	}
	return s;
}

/* ---- ending ----------------------------------------------------------------------------------------------- */

static bool name_is_used(const struct model *m, int ctx, int pick)
{
	unsigned int i;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		for (i = 0; i < NR_ROUTES && is_bound(m, d, ctx); i++) {
			if (m->dev[d].route[i].used && m->dev[d].route[i].pick == pick)
				return true;
		}
	}
	return false;
}

/* Its CPU entry goes with it. */
static void name_drop(struct model *m, int ctx, int pick)
{
	unsigned int i;

	for (i = 0; i < NR_NAMES; i++) {
		struct m_name *n = &m->ctx[ctx].name[i];

		if (!n->used || n->pick != pick || name_is_used(m, ctx, pick))
			continue;
		m->pick[pick].used = false;
		if (m->wrong != WRONG_FLUSH || !n->mapped)
			n->used = false;
	}
}

static void end_route(struct model *m, int dev, struct m_route *r)
{
	int pick = r->pick;

	r->used = false;
	if (pick < 0)
		return;
	drain(m, dev, pick);
	if (m->pick[pick].function >= 0)
		m->pick[pick].used = false;
	else
		name_drop(m, m->dev[dev].ctx, pick);
}

void end_routes(struct model *m, int dev, int ioas)
{
	unsigned int i;

	for (i = 0; i < NR_ROUTES; i++) {
		struct m_route *r = &m->dev[dev].route[i];

		if (r->used && (ioas < 0 || r->ioas == ioas))
			end_route(m, dev, r);
	}
}

/* ---- beginning ------------------------------------------------------------------------------------------ */

/* May the guest give @dev the number @v? Those it manages, or one of the host's it was told of. */
static bool fits(const struct model *m, int dev, uint32_t v, const struct m_name *name)
{
	uint32_t end = width_of(m, dev);

	if (is_global(m, dev) && model_split(m, dev) < end)
		end = model_split(m, dev);
	if (v && v < end)
		return true;
	return name && is_global(m, dev) && model_split(m, dev) == 1 &&
	       m->pick[name->pick].number == v;
}

/* Can @dev have the host-wide number that others have got? */
static void check_name(const struct model *m, int dev, const struct m_name *name,
		       struct m_answer *a)
{
	const struct m_pick *p = &m->pick[name->pick];
	uint32_t first = model_split(m, dev), last = width_of(m, dev) - 1;

	if (!is_global(m, dev))
		return;
	if (p->number) {
		if (p->number < first || p->number > last)
			fails(a, ERANGE);
		if (keeps(m, dev, p->number))
			fails(a, EBUSY);
	} else if (p->first < first || p->last > last) {
		may_fail(a, ERANGE);
	} else if (keeps(m, dev, m->config->kept)) {
		may_fail(a, EBUSY);
	}
}

/* Is a number of the whole host left? */
static void check_host_room(const struct model *m, const struct scope *s, struct m_answer *a)
{
	uint32_t first, last;
	int room, unknown = 0, i;

	host_range(m, s->ctx, &first, &last);
	room = last < first ? 0 : (int)(last - first + 1);
	for (i = 0; i < NR_PICKS; i++) {
		const struct m_pick *p = &m->pick[i];

		if (!p->used || p->function >= 0)
			continue;
		if (p->number)
			room -= p->number >= first && p->number <= last;
		else
			unknown++;
	}
	/* What a driver keeps is passed over, and what a device of the scope uses for itself may be. */
	for (i = 0; i < NR_DEV; i++) {
		if (s->in[i])
			unknown += 1 + (is_slice(i) ? 0 : (int)model_nr_routes(m, i));
	}
	if (m->wrong == WRONG_SPLIT)
		may_fail(a, ENOSPC);
	else if (room <= 0)
		fails(a, ENOSPC);
	else if (room <= unknown)
		may_fail(a, ENOSPC);
}

static void check_local_room(const struct model *m, const struct scope *s, const bool fresh[NR_DEV],
			     struct m_answer *a)
{
	int wanted[NR_DEV] = { 0 }, d;

	for (d = 0; d < NR_DEV; d++) {
		if (s->in[d] && fresh[d] && is_slice(d) && !is_global(m, d))
			wanted[function_of(d)]++;
	}
	for (d = 0; d < NR_DEV; d++) {
		if (wanted[d] > local_room(m, d))
			fails(a, ENOSPC);
	}
}

static unsigned int free_routes(const struct model *m, int dev)
{
	return NR_ROUTES - model_nr_routes(m, dev);
}

static unsigned int free_names(const struct model *m, int ctx)
{
	unsigned int n = 0, i;

	for (i = 0; i < NR_NAMES; i++)
		n += !m->ctx[ctx].name[i].used;
	return n;
}

/* Whatever stands in the way of giving the scope's devices the number @v. */
static void check_number(struct model *m, const struct scope *s, uint32_t v, struct m_answer *a)
{
	struct m_name *name = s->global ? find_name(m, s->ctx, v) : NULL;
	bool fresh[NR_DEV] = { false };
	int d;

	for (d = 0; d < NR_DEV; d++) {
		struct m_route *r = find_route(m, d, v);

		if (!s->in[d])
			continue;
		fresh[d] = !r;
		a->skip |= fresh[d] && (!free_routes(m, d) || !free_names(m, s->ctx));
		if (!fits(m, d, v, name))
			fails(a, ERANGE);
		if (r && r->ioas != s->ioas)
			fails(a, EEXIST);
		if (fresh[d] && !is_slice(d) && keeps(m, d, v))
			fails(a, EBUSY);
		if (name && fresh[d])
			check_name(m, d, name, a);
	}
	if (name && name->ioas != s->ioas)
		fails(a, EEXIST);
	if (s->global && !name)
		check_host_room(m, s, a);
	check_local_room(m, s, fresh, a);
}

static struct m_name *name_new(struct model *m, const struct scope *s, uint32_t v)
{
	struct m_name *name = m->ctx[s->ctx].name;
	uint32_t first, last;

	while (name->used)
		name++;
	host_range(m, s->ctx, &first, &last);
	*name = (struct m_name){ .used = true, .v = v, .ioas = s->ioas };
	name->pick = pick_new(m, -1, first, last);
	return name;
}

static void add_route(struct model *m, int dev, const struct scope *s, uint32_t v,
		      const struct m_name *name)
{
	struct m_route *r = m->dev[dev].route;
	bool local = !is_global(m, dev);

	while (r->used)
		r++;
	*r = (struct m_route){ .used = true, .v = v, .ioas = s->ioas, .pick = -1 };
	if (!local)
		r->pick = name->pick;
	else if (is_slice(dev))
		r->pick = pick_local(m, dev);
	if (!local && is_slice(dev) && m->wrong == WRONG_SHARED)
		r->pick = pick_new(m, -1, m->pick[name->pick].first, m->pick[name->pick].last);
	/* On a whole function the guest's number is there too, unless it is the host's anyway. */
	r->local = !is_slice(dev) && (local || model_split(m, dev) > 1);
}

static void add_routes(struct model *m, const struct scope *s, uint32_t v, struct m_name *name)
{
	int d;

	if (s->global && !name)
		name = name_new(m, s, v);
	for (d = 0; d < NR_DEV; d++) {
		if (s->in[d] && !find_route(m, d, v))
			add_route(m, d, s, v, name);
	}
}

static void set_number(struct model *m, const struct scope *s, uint32_t v, struct m_answer *a)
{
	check_number(m, s, v, a);
	if (!a->skip && (!a->nr || a->either))
		add_routes(m, s, v, s->global ? find_name(m, s->ctx, v) : NULL);
}

/* ---- commands -------------------------------------------------------------------------------------------- */

static bool command_scope(struct model *m, const struct op *op, struct scope *s, struct m_answer *a)
{
	bool found = find_ioas(m, op);

	*s = scope_of(m, op->ctx, op->ioas, op->flags & F_DEV ? op->dev : -1);
	if (!found || !s->any)
		fails(a, ENOENT);
	return found && s->any;
}

/* A slice in local mode has a number of its own: several devices have no one number to be shown. */
static void check_expose(const struct model *m, const struct op *op, const struct scope *s,
			 struct m_answer *a)
{
	bool own = false;
	int d, n = 0;

	for (d = 0; d < NR_DEV; d++) {
		n += s->in[d];
		own |= s->in[d] && is_slice(d) && !is_global(m, d);
	}
	if (op->flags & F_EXPOSE && own && n > 1)
		fails(a, EINVAL);
}

/* The pick that EXPOSE shows, -1: none, the guest's number is on the wire. */
static int shown(struct model *m, const struct scope *s, uint32_t v)
{
	const struct m_name *name = s->global ? find_name(m, s->ctx, v) : NULL;
	const struct m_route *r;
	int d;

	if (name)
		return name->pick;
	for (d = 0; d < NR_DEV; d++) {
		r = s->in[d] ? find_route(m, d, v) : NULL;
		if (r && r->pick >= 0)
			return r->pick;
	}
	return -1;
}

void op_set_hwid(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t v = model_number(m, op);
	struct scope s;

	if (!command_scope(m, op, &s, a))
		return;
	check_expose(m, op, &s, a);
	set_number(m, &s, v, a);
	a->pick = shown(m, &s, v);
}

static bool is_free(struct model *m, const struct scope *s, uint32_t v)
{
	int d;

	if (s->global && find_name(m, s->ctx, v))
		return false;
	for (d = 0; d < NR_DEV; d++) {
		if (s->in[d] && (find_route(m, d, v) || (!is_slice(d) && keeps(m, d, v))))
			return false;
	}
	return true;
}

/* A number of the host's that the guest uses as it is: what it is, is only known when it comes. */
#define UNNAMED 0xfffffffeU

static void set_host_number(struct model *m, const struct op *op, const struct scope *s,
			    struct m_answer *a)
{
	bool fresh[NR_DEV] = { false };
	struct m_name *name;
	int d;

	if (!(op->flags & F_EXPOSE))
		fails(a, EINVAL);
	check_host_room(m, s, a);
	for (d = 0; d < NR_DEV; d++) {
		fresh[d] = s->in[d];
		a->skip |= s->in[d] && (!free_routes(m, d) || !free_names(m, s->ctx));
		if (s->in[d] && is_global(m, d) && model_split(m, d) > 1)
			fails(a, ERANGE);
		if (s->in[d] && !is_global(m, d)) {
			may_fail(a, ERANGE);
			may_fail(a, EEXIST);
			may_fail(a, EBUSY);
		}
	}
	check_local_room(m, s, fresh, a);
	if (a->skip || (a->nr && !a->either))
		return;
	name = name_new(m, s, UNNAMED);
	add_routes(m, s, UNNAMED, name);
	a->any = true;
	a->pick = name->pick;
}

void op_set_any(struct model *m, const struct op *op, struct m_answer *a)
{
	struct scope s;
	uint32_t v = 1;
	int d;

	if (!command_scope(m, op, &s, a))
		return;
	check_expose(m, op, &s, a);
	if (s.all_host) {
		set_host_number(m, op, &s, a);
		return;
	}
	/* The lowest that is free on all of them. */
	while (v < 1U << IOASID_PASID_BITS && !is_free(m, &s, v))
		v++;
	for (d = 0; d < NR_DEV; d++) {
		if (!s.in[d] || fits(m, d, v, NULL))
			continue;
		fails(a, ENOSPC);
		return;
	}
	set_number(m, &s, v, a);
	a->pick = shown(m, &s, v);
	a->any = true;
	a->number = v;
}

bool model_named(struct model *m, const struct op *op, const struct m_answer *a, uint32_t number)
{
	struct m_pick *p = a->pick < 0 ? NULL : &m->pick[a->pick];
	unsigned int i;
	int d, k;

	if (a->number)
		return number == a->number;
	if (!p || number < p->first || number > p->last)
		return false;
	for (k = 0; k < NR_PICKS; k++) {
		if (m->pick[k].used && m->pick[k].function < 0 && m->pick[k].number == number)
			return false;
	}
	p->number = number;
	find_name(m, op->ctx, UNNAMED)->v = number;
	for (d = 0; d < NR_DEV; d++) {
		for (i = 0; i < NR_ROUTES; i++) {
			struct m_route *r = &m->dev[d].route[i];

			if (r->used && r->v == UNNAMED)
				r->v = number;
		}
	}
	return true;
}

void op_clear_hwid(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t v = model_number(m, op);
	unsigned int i, n = 0;
	struct scope s;
	int d;

	if (!command_scope(m, op, &s, a))
		return;
	for (d = 0; d < NR_DEV; d++) {
		for (i = 0; i < NR_ROUTES && s.in[d]; i++) {
			struct m_route *r = &m->dev[d].route[i];

			if (!r->used || r->ioas != op->ioas || (!(op->flags & F_ALL) && r->v != v))
				continue;
			n++;
			if (m->wrong != WRONG_CLEAR)
				end_route(m, d, r);
		}
	}
	if (!n)
		fails(a, ENOENT);
}

void op_attach_pasid(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	bool local = op->flags & F_LOCAL, global = op->flags & F_GLOBAL;
	uint32_t v = op->flags & F_NO_NUMBER ? 0 : model_number(m, op);
	struct model before = *m;
	struct scope s;

	if (local && global)
		fails(a, EINVAL);
	if (!device_target(m, op, a))
		return;
	if (!takes_pasids(op->dev))
		fails(a, EOPNOTSUPP);
	if (dev->attached[op->ioas])
		fails(a, EBUSY);
	if (a->nr)
		return;
	if (local || global)
		dev->mode = local ? IOASID_MODE_LOCAL : IOASID_MODE_GLOBAL;
	mode_check(&before, m, dev->ctx, a);
	dev->attached[op->ioas] = true;
	if (!v)
		return;
	if (find_route(m, op->dev, v))
		fails(a, EEXIST);
	s = scope_of(m, dev->ctx, op->ioas, op->dev);
	set_number(m, &s, v, a);
}

void op_detach_pasid(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];

	if (!device_target(m, op, a))
		return;
	if (!dev->attached[op->ioas]) {
		fails(a, ENOENT);
		return;
	}
	end_routes(m, op->dev, op->ioas);
	dev->attached[op->ioas] = false;
}
