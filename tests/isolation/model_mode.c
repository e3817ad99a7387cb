// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Modes, splits and the width that follows from them (design section 5.2). */
#include "tests/isolation/model_private.h"

uint32_t model_mode(const struct model *m, int dev)
{
	const struct m_dev *d = &m->dev[dev];

	if (!may_global(dev))
		return IOASID_MODE_LOCAL;
	if (d->mode)
		return d->mode;
	if (d->handle == BOUND && m->ctx[d->ctx].mode)
		return m->ctx[d->ctx].mode;
	return topo[dev].mode ? topo[dev].mode : IOASID_MODE_LOCAL;
}

uint32_t model_split(const struct model *m, int dev)
{
	const struct m_dev *d = &m->dev[dev];

	if (d->split)
		return d->split;
	if (d->handle == BOUND && m->ctx[d->ctx].split)
		return m->ctx[d->ctx].split;
	return 1;
}

static unsigned int log2_of(uint32_t n)
{
	unsigned int bits = 0;

	while (n >>= 1)
		bits++;
	return bits;
}

static uint32_t numbers_of(const struct model *m, int dev)
{
	uint32_t width = width_of(m, dev), split = model_split(m, dev);

	return is_global(m, dev) && split < width ? split : width;
}

unsigned int model_bits(const struct model *m, int ctx)
{
	uint32_t least = 0;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (is_bound(m, d, ctx) && takes_pasids(d) && (!least || numbers_of(m, d) < least))
			least = numbers_of(m, d);
	}
	return log2_of(least);
}

bool keeps_promise(const struct model *m, int dev, int promise)
{
	return promise < 0 || !takes_pasids(dev) || (int)log2_of(numbers_of(m, dev)) >= promise;
}

unsigned int model_nr_routes(const struct model *m, int dev)
{
	unsigned int n = 0, i;

	for (i = 0; i < NR_ROUTES; i++)
		n += m->dev[dev].route[i].used;
	return n;
}

void mode_check(const struct model *before, const struct model *after, int ctx, struct m_answer *a)
{
	bool mode, split, promise = false, busy = false, moved = false;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (!is_bound(after, d, ctx) || !takes_pasids(d))
			continue;
		mode = model_mode(before, d) != model_mode(after, d);
		split = model_split(before, d) != model_split(after, d);
		busy |= (mode || (split && is_global(after, d))) && model_nr_routes(before, d);
		moved |= split && !is_global(after, d) && model_nr_routes(before, d);
		promise |= !keeps_promise(after, d, after->ctx[ctx].promise);
	}
	if (busy)
		fails(a, EBUSY);
	if (promise)
		fails(a, EMEDIUMTYPE);
	/* A split that is not in force as yet: the design does not say whether that is a change. */
	if (moved)
		may_fail(a, EBUSY);
}

static void set_knob(struct model *m, const struct op *op, bool mode, uint32_t value,
		     struct m_answer *a)
{
	struct model after = *m;

	if (mode)
		*(op->flags & F_DEV ? &after.dev[op->dev].mode : &after.ctx[op->ctx].mode) = value;
	else
		*(op->flags & F_DEV ? &after.dev[op->dev].split : &after.ctx[op->ctx].split) =
			value;
	mode_check(m, &after, op->ctx, a);
	if (!a->nr || a->either)
		*m = after;
}

void op_mode(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t mode = op->num % 4;

	if (mode > IOASID_MODE_GLOBAL)
		fails(a, EINVAL);
	if (op->flags & F_DEV && !is_bound(m, op->dev, op->ctx))
		fails(a, ENOENT);
	else if (op->flags & F_DEV && mode == IOASID_MODE_GLOBAL && !may_global(op->dev))
		fails(a, EOPNOTSUPP);
	if (!a->nr)
		set_knob(m, op, true, mode, a);
}

void op_split(struct model *m, const struct op *op, struct m_answer *a)
{
	uint32_t split = model_number(m, op);

	if (!split || split > 1U << IOASID_PASID_BITS)
		fails(a, EINVAL);
	if (op->flags & F_DEV && !is_bound(m, op->dev, op->ctx))
		fails(a, ENOENT);
	else if (op->flags & F_DEV && !may_global(op->dev))
		may_fail(a, EOPNOTSUPP);
	if (!a->nr || a->either)
		set_knob(m, op, false, split, a);
}

void op_promise(struct model *m, const struct op *op, struct m_answer *a)
{
	int bits = (int)(op->num % 22), d;
	bool broken = false;

	if (bits > IOASID_PASID_BITS)
		fails(a, EINVAL);
	for (d = 0; d < NR_DEV; d++)
		broken |= is_bound(m, d, op->ctx) && !keeps_promise(m, d, bits);
	if (broken)
		fails(a, EMEDIUMTYPE);
	if (!a->nr)
		m->ctx[op->ctx].promise = bits;
}
