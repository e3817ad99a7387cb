// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Contexts, spaces, devices and their default routes; where requests get to. */
#include "tests/isolation/model_private.h"

const char *const wrong_names[NR_WRONGS] = {
	[WRONG_CLEAR] = "CLEAR_HWID leaves the route",
	[WRONG_ALIAS] = "a whole function has no host-wide number",
	[WRONG_LOCAL] = "a slice has the guest's number on the wire",
	[WRONG_SPLIT] = "host-wide numbers lie below host_split",
	[WRONG_SHARED] = "each sibling has a host-wide number of its own",
	[WRONG_MEDIATION] = "a register takes numbers without route",
	[WRONG_ALLOW] = "a slice sends what it is given",
	[WRONG_PORTAL] = "portals of class 8 are always open",
	[WRONG_FLUSH] = "a CPU entry outlives its number",
	[WRONG_DRAIN] = "work outlives its number",
	[WRONG_EXCLUSIVE] = "whole and slices do not exclude each other",
	[WRONG_RESET] = "registers outlive a binding",
	[WRONG_STACK] = "a replaced default route stays",
	[WRONG_PAGE] = "a change of a space passes its host-wide number by",
};

const struct m_topo topo[NR_DEV] = {
	[0] = { IOASID_CLASS_PDEV_PASID, -1, 0, 1, 0, false },
	[1] = { IOASID_CLASS_MDEV_FIXED, 0, 0, 0, 0, false },
	[2] = { IOASID_CLASS_MDEV_PASID, 0, 0, 1, 0, false },
	[3] = { IOASID_CLASS_MDEV_PASID, 0, 0, 1, 0, false },
	[4] = { IOASID_CLASS_PDEV_DMWR, -1, 0, 1, 1, false },
	[5] = { IOASID_CLASS_MDEV_PASID, 4, 0, 1, 0, false },
	[6] = { IOASID_CLASS_MDEV_DMWR, 4, IOASID_MODE_GLOBAL, 1, 1, false },
	[7] = { IOASID_CLASS_MDEV_DMWR, 4, IOASID_MODE_GLOBAL, 1, 1, false },
	[8] = { IOASID_CLASS_PDEV_PASID, -1, 0, 1, 0, true },
	[9] = { IOASID_CLASS_PDEV_DMWR, -1, 0, 1, 1, true },
	[10] = { IOASID_CLASS_PDEV, -1, 0, 0, 0, false },
	[11] = { IOASID_CLASS_SW_MDEV, -1, 0, 0, 0, false },
};

bool is_slice(int dev)
{
	return topo[dev].parent >= 0;
}

int function_of(int dev)
{
	return is_slice(dev) ? topo[dev].parent : dev;
}

bool takes_pasids(int dev)
{
	return topo[dev].dev_class >= IOASID_CLASS_PDEV_PASID;
}

bool may_global(int dev)
{
	return takes_pasids(dev);
}

void model_init(struct model *m, const struct m_config *config, enum wrong wrong)
{
	int d, v;

	memset(m, 0, sizeof(*m));
	m->config = config;
	m->wrong = wrong;
	for (d = 0; d < NR_DEV; d++) {
		m->dev[d].plugged = true;
		m->dev[d].default_pick = -1;
		m->dev[d].program = (struct m_source){ .rid = true, .pick = -1 };
	}
	for (v = 0; v < NR_VM; v++)
		m->vm_used[v] = true;
}

static void add_error(struct m_answer *a, int err)
{
	if (a->nr < sizeof(a->err) / sizeof(a->err[0]))
		a->err[a->nr++] = -err;
}

void fails(struct m_answer *a, int err)
{
	add_error(a, err);
	a->either = false;
}

void may_fail(struct m_answer *a, int err)
{
	a->either |= !a->nr;
	add_error(a, err);
}

uint32_t width_of(const struct model *m, int dev)
{
	return 1U << m->config->bits[dev];
}

bool keeps(const struct model *m, int dev, uint32_t number)
{
	int f = function_of(dev);

	return m->config->kept && number == m->config->kept && (f == 0 || f == 8);
}

bool is_bound(const struct model *m, int dev, int ctx)
{
	return m->dev[dev].handle == BOUND && m->dev[dev].ctx == ctx;
}

bool is_global(const struct model *m, int dev)
{
	return model_mode(m, dev) == IOASID_MODE_GLOBAL;
}

uint32_t model_number(const struct model *m, const struct op *op)
{
	unsigned int k = op->num >> 8 & 0xffff, nr = 0, i, at;
	int delta = (int)(op->num & 3) - 1;

	if (!(op->num & 0x80000000U))
		return op->num;
	for (i = 0; i < NR_PICKS; i++)
		nr += m->pick[i].used && m->pick[i].number;
	at = nr ? k % nr : 0;
	for (i = 0; i < NR_PICKS; i++) {
		if (m->pick[i].used && m->pick[i].number && !at--)
			return (m->pick[i].number + (uint32_t)delta) & 0xfffff;
	}
	return k & 31;
}

/* ---- contexts and spaces ---------------------------------------------------------------------- */

struct m_ioas *find_ioas(struct model *m, const struct op *op)
{
	struct m_ioas *ioas = &m->ctx[op->ctx].ioas[op->ioas];

	return ioas->used ? ioas : NULL;
}

static void other_page(struct m_ioas *ioas)
{
	ioas->old_page = ioas->page;
	ioas->page = (ioas->page + 1) % PAGES_PER_IOAS;
}

static void op_open(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ctx *ctx = &m->ctx[op->ctx];

	a->skip = ctx->open;
	if (a->skip)
		return;
	ctx->open = true;
	ctx->promise = -1;
	ctx->vm = -1;
	ctx->ioas[0].used = true;
	other_page(&ctx->ioas[0]);
	ctx->ioas[0].old_page = ctx->ioas[0].page;
}

static void op_alloc(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = &m->ctx[op->ctx].ioas[op->ioas];

	a->skip = ioas->used;
	if (a->skip)
		return;
	ioas->used = true;
	ioas->user = op->flags & F_USER;
	ioas->no_table = false;
	other_page(ioas);
	ioas->old_page = ioas->page;
}

static bool is_routed(const struct model *m, int ctx, int ioas)
{
	unsigned int i;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (!is_bound(m, d, ctx))
			continue;
		if (m->dev[d].attached[ioas])
			return true;
		for (i = 0; i < m->dev[d].depth; i++) {
			if (m->dev[d].stack[i] == ioas)
				return true;
		}
	}
	return false;
}

static void op_free(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find_ioas(m, op);

	a->skip = !op->ioas;
	if (!ioas)
		fails(a, ENOENT);
	else if (is_routed(m, op->ctx, op->ioas))
		fails(a, EBUSY);
	else if (op->ioas)
		ioas->used = false;
}

static void op_turn(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find_ioas(m, op);

	a->skip = !ioas || ioas->no_table;
	if (!a->skip)
		other_page(ioas);
}

static void op_rebind(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find_ioas(m, op);

	if (!ioas) {
		fails(a, ENOENT);
	} else if (!ioas->user) {
		fails(a, EINVAL);
	} else {
		ioas->no_table = op->num % 4 == 0;
		other_page(ioas);
	}
}

int tag_of(const struct model *m, int ctx, int ioas)
{
	const struct m_ioas *i = &m->ctx[ctx].ioas[ioas];

	return i->no_table ? NOTHING : (ctx * NR_IOAS + ioas) * PAGES_PER_IOAS + i->page;
}

/* ---- devices ------------------------------------------------------------------------------------ */

static void unbind(struct model *m, int d, enum handle_state next)
{
	struct m_dev *dev = &m->dev[d];

	if (dev->handle == BOUND) {
		end_routes(m, d, -1);
		memset(dev->attached, 0, sizeof(dev->attached));
		if (dev->default_pick >= 0) {
			drain(m, d, dev->default_pick);
			m->pick[dev->default_pick].used = false;
		}
		dev->default_pick = -1;
		dev->depth = 0;
		dev->mode = dev->split = 0;
		if (m->wrong != WRONG_RESET)
			queues_forget(m, d);
	}
	dev->handle = next;
}

/* Whole and slices exclude each other, and the host driver's use excludes whole. */
static bool function_is_taken(const struct model *m, int dev)
{
	int d;

	if (m->wrong == WRONG_EXCLUSIVE)
		return false;
	if (!is_slice(dev) && m->dev[dev].host_use)
		return true;
	for (d = 0; d < NR_DEV; d++) {
		if (m->dev[d].handle == BOUND && function_of(d) == function_of(dev) &&
		    is_slice(d) != is_slice(dev))
			return true;
	}
	return false;
}

static void op_bind(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	struct model after = *m;

	a->skip = !m->ctx[op->ctx].open || (dev->handle == NO_HANDLE && !dev->plugged);
	if (a->skip)
		return;
	if (dev->handle == DEAD)
		fails(a, ENODEV);
	if (dev->handle == BOUND) {
		fails(a, EBUSY);
		if (dev->ctx == op->ctx)
			fails(a, EEXIST);
	}
	if (a->nr)
		return;
	after.dev[op->dev].handle = BOUND;
	after.dev[op->dev].ctx = op->ctx;
	if (function_is_taken(m, op->dev))
		fails(a, EBUSY);
	if (!keeps_promise(&after, op->dev, m->ctx[op->ctx].promise))
		fails(a, EMEDIUMTYPE);
	if (is_slice(op->dev) && local_room(m, function_of(op->dev)) < 1)
		fails(a, ENOSPC);
	if (a->nr)
		return;
	*m = after;
	if (is_slice(op->dev))
		dev->default_pick = pick_local(m, op->dev);
}

static void op_unbind(struct model *m, const struct op *op, struct m_answer *a)
{
	a->skip = m->dev[op->dev].handle == NO_HANDLE;
	if (!a->skip)
		unbind(m, op->dev, NO_HANDLE);
}

static void op_close(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ctx *ctx = &m->ctx[op->ctx];
	int d, i;

	for (d = 0; d < NR_DEV; d++) {
		if (is_bound(m, d, op->ctx))
			unbind(m, d, DEAD);
	}
	for (i = 0; i < NR_IOAS; i++)
		ctx->ioas[i].used = false;
	ctx->open = ctx->translates = false;
	ctx->vm = -1;
	ctx->mode = ctx->split = 0;
	memset(ctx->name, 0, sizeof(ctx->name));
	(void)a;
}

/* The errors of a device command before it looks at what it is about. */
static bool device_ready(const struct model *m, const struct op *op, struct m_answer *a)
{
	enum handle_state handle = m->dev[op->dev].handle;

	a->skip = handle == NO_HANDLE;
	if (handle == DEAD)
		fails(a, ENODEV);
	else if (handle == IDLE)
		fails(a, EINVAL);
	return handle == BOUND;
}

bool device_target(const struct model *m, const struct op *op, struct m_answer *a)
{
	if (!device_ready(m, op, a))
		return false;
	if (m->ctx[m->dev[op->dev].ctx].ioas[op->ioas].used)
		return true;
	fails(a, ENOENT);
	return false;
}

static void op_reset(struct model *m, const struct op *op, struct m_answer *a)
{
	if (device_ready(m, op, a))
		queues_forget(m, op->dev);
}

static void op_unplug(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	int d;

	a->skip = !dev->plugged;
	for (d = 0; d < NR_DEV; d++)
		a->skip |= d != op->dev && function_of(d) == op->dev && m->dev[d].plugged;
	if (a->skip)
		return;
	if (dev->handle != NO_HANDLE)
		unbind(m, op->dev, DEAD);
	dev->plugged = dev->host_use = false;
	queues_forget(m, op->dev);
}

static void op_plug(struct model *m, const struct op *op, struct m_answer *a)
{
	a->skip = m->dev[op->dev].plugged || !m->dev[function_of(op->dev)].plugged;
	if (op->dev == function_of(op->dev))
		a->skip = m->dev[op->dev].plugged;
	if (!a->skip)
		m->dev[op->dev].plugged = true;
}

static void op_host_use(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];

	a->skip = is_slice(op->dev) || !takes_pasids(op->dev) || !dev->plugged;
	if (a->skip)
		return;
	if (!dev->host_use && dev->handle == BOUND)
		fails(a, EBUSY);
	else
		dev->host_use = !dev->host_use;
}

/* ---- default routes ------------------------------------------------------------------------------- */

/* A child of the present default stacks on it: here a guest's table on the guest-physical space. */
static bool stacks(const struct model *m, const struct m_dev *dev, int ioas)
{
	return dev->depth == 1 && dev->stack[0] == 0 && m->ctx[dev->ctx].ioas[ioas].user;
}

static void op_attach(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	bool replace = op->flags & F_REPLACE;

	if (!device_target(m, op, a))
		return;
	if (topo[op->dev].dev_class == IOASID_CLASS_SW_MDEV && m->ctx[dev->ctx].ioas[op->ioas].user)
		may_fail(a, EOPNOTSUPP);
	if (dev->depth && !replace && !stacks(m, dev, op->ioas))
		fails(a, EBUSY);
	if (a->nr && !a->either)
		return;
	if (replace && m->wrong == WRONG_STACK && dev->depth)
		return;
	if (replace)
		dev->depth = 0;
	dev->stack[dev->depth++] = op->ioas;
}

static void op_detach(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];

	if (!device_target(m, op, a))
		return;
	if (!dev->depth)
		fails(a, ENOENT);
	else if (dev->stack[dev->depth - 1] != op->ioas)
		fails(a, dev->depth == 2 && dev->stack[0] == op->ioas ? EBUSY : ENOENT);
	else
		dev->depth--;
}

/* ---- all operations ---------------------------------------------------------------------------------- */

typedef void op_fn(struct model *m, const struct op *op, struct m_answer *a);

static op_fn *const ops[NR_OPS] = {
	[OP_OPEN] = op_open,
	[OP_CLOSE] = op_close,
	[OP_ALLOC] = op_alloc,
	[OP_FREE] = op_free,
	[OP_TURN] = op_turn,
	[OP_REBIND] = op_rebind,
	[OP_BIND] = op_bind,
	[OP_UNBIND] = op_unbind,
	[OP_RESET] = op_reset,
	[OP_UNPLUG] = op_unplug,
	[OP_PLUG] = op_plug,
	[OP_HOST_USE] = op_host_use,
	[OP_ATTACH] = op_attach,
	[OP_DETACH] = op_detach,
	[OP_ATTACH_PASID] = op_attach_pasid,
	[OP_DETACH_PASID] = op_detach_pasid,
	[OP_SET_HWID] = op_set_hwid,
	[OP_SET_ANY] = op_set_any,
	[OP_CLEAR_HWID] = op_clear_hwid,
	[OP_MODE] = op_mode,
	[OP_SPLIT] = op_split,
	[OP_PROMISE] = op_promise,
	[OP_CPU_ENABLE] = op_cpu_enable,
	[OP_CPU_DISABLE] = op_cpu_disable,
	[OP_CPU_MAP] = op_cpu_map,
	[OP_CPU_UNMAP] = op_cpu_unmap,
	[OP_VM_END] = op_vm_end,
	[OP_PROGRAM] = op_program,
	[OP_WORK] = op_work,
	[OP_WORK_CPU] = op_work_cpu,
};

/* Commands of a context; the others name a device, or look for themselves. */
static bool wants_ctx(uint8_t type)
{
	switch (type) {
	case OP_OPEN:
	case OP_BIND:
	case OP_UNBIND:
	case OP_RESET:
	case OP_UNPLUG:
	case OP_PLUG:
	case OP_HOST_USE:
	case OP_ATTACH:
	case OP_DETACH:
	case OP_ATTACH_PASID:
	case OP_DETACH_PASID:
	case OP_VM_END:
	case OP_PROGRAM:
	case OP_WORK:
	case OP_WORK_CPU:
		return false;
	default:
		return true;
	}
}

struct m_answer model_apply(struct model *m, const struct op *op)
{
	struct m_answer a = { .pick = -1 };

	if (wants_ctx(op->type) && !m->ctx[op->ctx].open)
		a.skip = true;
	else
		ops[op->type](m, op, &a);
	return a;
}

/* ---- where requests get to -------------------------------------------------------------------------------- */

int model_default(const struct model *m, int dev)
{
	const struct m_dev *d = &m->dev[dev];

	if (d->handle != BOUND || !d->depth)
		return NOTHING;
	return tag_of(m, d->ctx, d->stack[d->depth - 1]);
}

static void add_wire(struct m_wire *out, unsigned int *n, const struct m_wire *wire)
{
	unsigned int i;

	/* Siblings share an entry. */
	for (i = 0; i < *n; i++) {
		if (out[i].function == wire->function && out[i].source.pick == wire->source.pick &&
		    out[i].source.number == wire->source.number)
			return;
	}
	out[(*n)++] = *wire;
}

static void add_route(const struct model *m, int dev, const struct m_route *r, struct m_wire *out,
		      unsigned int *n)
{
	struct m_wire wire = { .function = function_of(dev) };

	wire.tag = tag_of(m, m->dev[dev].ctx, r->ioas);
	if (r->local || (m->wrong == WRONG_LOCAL && is_slice(dev))) {
		wire.source = (struct m_source){ .number = r->v, .pick = -1 };
		add_wire(out, n, &wire);
	}
	if (r->pick >= 0 && !(m->wrong == WRONG_ALIAS && !is_slice(dev))) {
		wire.source = (struct m_source){ .pick = r->pick };
		if (m->wrong == WRONG_PAGE && wire.tag != NOTHING && m->pick[r->pick].function < 0)
			wire.tag += m->ctx[m->dev[dev].ctx].ioas[r->ioas].old_page -
				    m->ctx[m->dev[dev].ctx].ioas[r->ioas].page;
		add_wire(out, n, &wire);
	}
}

unsigned int model_wires(const struct model *m, struct m_wire *out)
{
	unsigned int n = 0, i;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		const struct m_dev *dev = &m->dev[d];

		if (dev->handle != BOUND)
			continue;
		for (i = 0; i < NR_ROUTES; i++) {
			if (dev->route[i].used)
				add_route(m, d, &dev->route[i], out, &n);
		}
		if (dev->default_pick >= 0 && dev->depth) {
			struct m_wire wire = {
				.function = function_of(d),
				.source = { .pick = dev->default_pick },
				.tag = model_default(m, d),
			};

			add_wire(out, &n, &wire);
		}
	}
	return n;
}

/* Is this number that of the pick? *@known is false if that cannot be said yet. */
static bool is_number(const struct m_pick *p, uint32_t number, bool *known)
{
	bool may = p->open && number >= p->first && number <= p->last;
	unsigned int i;

	if (p->number)
		return p->number == number;
	for (i = 0; i < p->nr; i++)
		may |= p->candidate[i] == number;
	*known &= !may;
	return false;
}

static bool same_number(const struct model *m, const struct m_source *a, const struct m_source *b,
			bool *known)
{
	if (a->pick >= 0 && b->pick >= 0)
		return a->pick == b->pick;
	if (a->pick >= 0)
		return is_number(&m->pick[a->pick], b->number, known);
	if (b->pick >= 0)
		return is_number(&m->pick[b->pick], a->number, known);
	return a->number == b->number;
}

int model_lands(const struct model *m, int dev, const struct m_source *source, bool *known)
{
	static struct m_wire wires[MAX_WIRES];
	unsigned int n, i;

	*known = true;
	if (source->rid)
		return model_default(m, dev);
	n = model_wires(m, wires);
	for (i = 0; i < n; i++) {
		if (wires[i].function == function_of(dev) &&
		    same_number(m, source, &wires[i].source, known))
			return wires[i].tag;
	}
	return NOTHING;
}

void model_failed(struct model *m, const struct op *op)
{
	struct m_dev *dev = &m->dev[op->dev];

	/* Its descriptor is open all the same. */
	if (op->type == OP_BIND && dev->handle == NO_HANDLE)
		dev->handle = IDLE;
	/* The queue was off meanwhile, and is on afterwards. */
	if (op->type == OP_PROGRAM)
		queue_restart(dev);
}
