// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* CPU translation, portals, registers and queues (design section 5.5). */
#include "tests/isolation/model_private.h"

/* ---- queues ----------------------------------------------------------------------------------------- */

static bool carries(const struct model *m, const struct m_source *source, int pick)
{
	if (source->rid)
		return false;
	if (source->pick >= 0)
		return source->pick == pick;
	return m->pick[pick].number && m->pick[pick].number == source->number;
}

void drain(struct model *m, int d, int pick)
{
	struct m_dev *dev = &m->dev[d];
	unsigned int i;

	if (m->wrong == WRONG_DRAIN)
		return;
	if (carries(m, &dev->program, pick)) {
		dev->program = (struct m_source){ .rid = true, .pick = -1 };
		dev->enabled = false;
		for (i = 0; i < NR_WAITING; i++)
			dev->waiting[i].used &= dev->waiting[i].shared;
	}
	for (i = 0; i < NR_WAITING; i++) {
		if (dev->waiting[i].used && carries(m, &dev->waiting[i].source, pick))
			dev->waiting[i].used = false;
	}
}

void queues_forget(struct model *m, int d)
{
	struct m_dev *dev = &m->dev[d];

	dev->program = (struct m_source){ .rid = true, .pick = -1 };
	dev->enabled = false;
	memset(dev->waiting, 0, sizeof(dev->waiting));
}

void model_left(struct model *m, int dev)
{
	memset(m->dev[dev].waiting, 0, sizeof(m->dev[dev].waiting));
}

void queue_restart(struct m_dev *dev)
{
	unsigned int i;

	for (i = 0; i < NR_WAITING; i++)
		dev->waiting[i].used &= dev->waiting[i].shared;
	dev->enabled = true;
}

bool model_mediate(const struct model *m, int d, uint32_t v, struct m_source *source)
{
	struct model *naive = (struct model *)m; /* find_route() hands out what may be changed */
	const struct m_route *r = find_route(naive, d, v);

	*source = (struct m_source){ .number = v, .pick = -1 };
	if (r && is_slice(d))
		source->pick = r->pick;
	return r || m->wrong == WRONG_MEDIATION;
}

/* A register is written: the guest's number is looked up among the device's own. */
void op_program(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	uint32_t v = op->flags & F_NO_NUMBER ? 0 : model_number(m, op) & 0xfffff;
	struct m_source source;

	a->skip = dev->handle != BOUND || !topo[op->dev].dedicated;
	if (a->skip)
		return;
	queue_restart(dev);
	if (!v)
		dev->program = (struct m_source){ .rid = true, .pick = -1 };
	else if (model_mediate(m, op->dev, v, &source))
		dev->program = source;
	else
		fails(a, ENOENT);
}

static struct m_work *free_work(struct m_dev *dev)
{
	unsigned int i;

	for (i = 0; i < NR_WAITING; i++) {
		if (!dev->waiting[i].used)
			return &dev->waiting[i];
	}
	return NULL;
}

void op_work(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	struct m_work *work = free_work(dev);

	a->skip = dev->handle != BOUND || !topo[op->dev].dedicated || !dev->enabled || !work;
	if (!a->skip)
		*work = (struct m_work){ .used = true, .source = dev->program };
}

void op_work_cpu(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	struct m_work *work = free_work(dev);
	struct m_source source;

	a->skip = dev->handle != BOUND || !topo[op->dev].shared || !work ||
		  model_enqcmd(m, op->vm % NR_VM, op->dev, model_number(m, op) & 0xfffff,
			       &source) != CPU_TAKEN;
	if (!a->skip)
		*work = (struct m_work){ .used = true, .shared = true, .source = source };
}

/* ---- CPUs ---------------------------------------------------------------------------------------------- */

static int owner_of(const struct model *m, int vm)
{
	int c;

	for (c = 0; c < NR_CTX; c++) {
		if (m->ctx[c].open && m->ctx[c].vm == vm)
			return c;
	}
	return -1;
}

void op_cpu_enable(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ctx *ctx = &m->ctx[op->ctx];
	int vm = op->vm % (NR_VM + 1), owner;

	if (vm == NR_VM) { /* the one it has */
		if (ctx->vm < 0)
			fails(a, EOPNOTSUPP);
		else
			ctx->translates = true;
		return;
	}
	owner = owner_of(m, vm);
	/* It is another's, or another one translates. */
	if ((owner >= 0 && owner != op->ctx) || (ctx->translates && ctx->vm != vm)) {
		fails(a, EBUSY);
		return;
	}
	ctx->vm = vm;
	ctx->translates = true;
}

void op_cpu_disable(struct model *m, const struct op *op, struct m_answer *a)
{
	(void)a;
	m->ctx[op->ctx].translates = false;
}

void op_cpu_map(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t v = model_number(m, op);
	struct m_name *name = find_name(m, op->ctx, v);

	if (!name)
		fails(a, ENOENT);
	if (!v || v >= 1U << IOASID_PASID_BITS)
		fails(a, ERANGE);
	if (!a->nr)
		name->mapped = true;
}

void op_cpu_unmap(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t v = model_number(m, op);
	struct m_name *name = find_name(m, op->ctx, v);

	if (!name || !name->mapped)
		fails(a, ENOENT);
	if (!v || v >= 1U << IOASID_PASID_BITS)
		fails(a, ERANGE);
	if (!a->nr)
		name->mapped = false;
}

/* The VM ends, and another one begins in its place. */
void op_vm_end(struct model *m, const struct op *op, struct m_answer *a)
{
	int owner = owner_of(m, op->vm % NR_VM);

	(void)a;
	if (owner < 0)
		return;
	m->ctx[owner].vm = -1;
	m->ctx[owner].translates = false;
}

/* ---- portals --------------------------------------------------------------------------------------------- */

uint32_t model_portal(const struct model *m, int d)
{
	const struct m_dev *dev = &m->dev[d];
	bool on = dev->handle == BOUND && m->ctx[dev->ctx].translates;

	switch (topo[d].dev_class) {
	case IOASID_CLASS_PDEV_DMWR:
		if (dev->handle != BOUND)
			return IOASID_PORTAL_CLOSED;
		return on && !is_global(m, d) ? IOASID_PORTAL_CLOSED_LOCAL : IOASID_PORTAL_OPEN;
	case IOASID_CLASS_MDEV_DMWR:
		if (m->wrong == WRONG_PORTAL && dev->handle == BOUND)
			return IOASID_PORTAL_OPEN;
		if (!on)
			return IOASID_PORTAL_CLOSED;
		return is_global(m, d) ? IOASID_PORTAL_OPEN : IOASID_PORTAL_CLOSED_LOCAL;
	default:
		return IOASID_PORTAL_NONE;
	}
}

/* The allow list: a slice sends what its own routes have. Its own default PASID: left open. */
static enum m_cpu allowed(const struct model *m, int d, const struct m_source *source)
{
	const struct m_dev *dev = &m->dev[d];
	bool known = true, yes = m->wrong == WRONG_ALLOW || !is_slice(d);
	unsigned int i;

	for (i = 0; i < NR_ROUTES; i++) {
		const struct m_route *r = &dev->route[i];
		struct m_source own = { .pick = r->pick };

		if (!r->used || r->pick < 0)
			continue;
		if (source->pick >= 0)
			yes |= source->pick == r->pick;
		else if (m->pick[own.pick].number)
			yes |= m->pick[own.pick].number == source->number;
		else
			known = false;
	}
	if (!yes && is_slice(d) && source->pick < 0 &&
	    (!m->pick[dev->default_pick].number ||
	     m->pick[dev->default_pick].number == source->number))
		known = false;
	return yes ? CPU_TAKEN : known ? CPU_RETRY : CPU_UNSAID;
}

enum m_cpu model_enqcmd(const struct model *m, int vm, int d, uint32_t v, struct m_source *source)
{
	int ctx = owner_of(m, vm);
	struct model *naive = (struct model *)m; /* find_name() hands out what may be changed */
	struct m_name *name;

	*source = (struct m_source){ .number = v, .pick = -1 };
	if (ctx >= 0 && m->ctx[ctx].translates) {
		name = find_name(naive, ctx, v);
		if (!name || !name->mapped)
			return CPU_EXIT;
		*source = (struct m_source){ .pick = name->pick };
	}
	if (model_portal(m, d) != IOASID_PORTAL_OPEN)
		return CPU_RETRY;
	return allowed(m, d, source);
}
