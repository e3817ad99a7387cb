// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <string.h>

#include "tests/model/model.h"

const unsigned int m_pasid_bits[NR_DEV] = { 3, 4, 0, 0 };

int m_group_of(int dev)
{
	return dev == 3 ? 2 : dev;
}

void model_init(struct model *m)
{
	int d, n;

	memset(m, 0, sizeof(*m));
	for (d = 0; d < NR_DEV; d++) {
		for (n = 0; n < NR_PASID; n++)
			m->dev[d].number[n] = -1;
	}
}

static void fails(struct m_answer *a, int err)
{
	a->err[a->nr++] = -err;
}

static struct m_ioas *find(struct model *m, const struct op *op)
{
	struct m_ioas *ioas = &m->ctx[op->ctx].ioas[op->ioas];

	return ioas->kind == FREE_SLOT ? NULL : ioas;
}

/* ---- address spaces --------------------------------------------------------------------------- */

static bool has_children(const struct m_ctx *ctx, int slot)
{
	int i;

	for (i = 0; i < NR_IOAS; i++) {
		if (ctx->ioas[i].kind != FREE_SLOT && ctx->ioas[i].parent == slot)
			return true;
	}
	return false;
}

static bool is_routed(const struct model *m, int ctx, int slot)
{
	unsigned int i;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		const struct m_group *g = &m->group[m_group_of(d)];

		if (m->dev[d].handle != BOUND || m->dev[d].ctx != ctx)
			continue;
		if (m->dev[d].pasid_attached[slot])
			return true;
		for (i = 0; i < g->depth; i++) {
			if (g->stack[i] == slot)
				return true;
		}
	}
	return false;
}

static void op_alloc(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ctx *ctx = &m->ctx[op->ctx];
	static const enum ioas_kind kinds[] = { KERNEL, USER, ACCOUNTING };
	enum ioas_kind kind = kinds[op->a % 3];
	/* One in four is a root; others name a parent, which may be an empty slot. */
	int parent = op->b % 4 ? op->ioas : -1;
	const struct m_ioas *p = parent < 0 ? NULL : &ctx->ioas[parent];
	int slot;

	for (slot = 0; slot < NR_IOAS && ctx->ioas[slot].kind != FREE_SLOT; slot++)
		;
	a->skip = slot == NR_IOAS;
	if (a->skip)
		return;
	if (p && p->kind == FREE_SLOT) {
		fails(a, ENOENT);
		return;
	}
	if (!p && kind == USER)
		fails(a, EINVAL);
	if (p && kind == ACCOUNTING)
		fails(a, EINVAL);
	if (p && p->kind == USER)
		fails(a, EINVAL);
	if (p && p->kind == ACCOUNTING && kind == USER)
		fails(a, EINVAL);
	if (p && p->kind == KERNEL && p->parent >= 0 && ctx->ioas[p->parent].kind != ACCOUNTING)
		fails(a, EINVAL);
	if (a->nr)
		return;
	memset(&ctx->ioas[slot], 0, sizeof(ctx->ioas[slot]));
	ctx->ioas[slot].kind = kind;
	ctx->ioas[slot].parent = parent;
	ctx->ioas[slot].tree = -1;
	a->slot = slot;
}

static void op_free(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);

	if (!ioas) {
		fails(a, ENOENT);
		return;
	}
	if (has_children(&m->ctx[op->ctx], op->ioas) || is_routed(m, op->ctx, op->ioas))
		fails(a, EBUSY);
	if (!a->nr)
		ioas->kind = FREE_SLOT;
}

/* ---- maps ---------------------------------------------------------------------------------------- */

static const struct m_map *map_at(const struct m_ioas *ioas, bool tables, int page)
{
	int i;

	for (i = 0; i < NR_MAPS; i++) {
		const struct m_map *map = &ioas->maps[i];

		if (map->used && map->tables == tables &&
		    (tables || (page >= map->page && page < map->page + map->len)))
			return map;
	}
	return NULL;
}

static struct m_map *free_map(struct m_ioas *ioas)
{
	int i;

	for (i = 0; i < NR_MAPS; i++) {
		if (!ioas->maps[i].used)
			return &ioas->maps[i];
	}
	return NULL;
}

static const struct m_ioas *parent_of(const struct model *m, int ctx, const struct m_ioas *ioas)
{
	return ioas->parent < 0 ? NULL : &m->ctx[ctx].ioas[ioas->parent];
}

static bool over_accounting(const struct model *m, int ctx, const struct m_ioas *ioas)
{
	const struct m_ioas *p = parent_of(m, ctx, ioas);

	return p && p->kind == ACCOUNTING;
}

static void op_map(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);
	struct m_map new = { .used = true, .page = op->a, .src = op->b, .len = op->c };
	const struct m_ioas *parent;
	struct m_map *free;
	int i;

	new.prot = op->d;
	if (!ioas) {
		fails(a, ENOENT);
		return;
	}
	free = free_map(ioas);
	a->skip = !free;
	if (a->skip)
		return;
	if (ioas->kind == USER) {
		fails(a, EINVAL);
		return;
	}
	if (ioas->kind == ACCOUNTING)
		new.page = new.src;
	for (i = 0; i < new.len; i++) {
		if (map_at(ioas, false, new.page + i)) {
			fails(a, EEXIST);
			break;
		}
	}
	parent = parent_of(m, op->ctx, ioas);
	for (i = 0; i < new.len &&over_accounting(m, op->ctx, ioas); i++) {
		const struct m_map *pin = map_at(parent, false, new.src + i);

		if (!pin || new.prot & ~pin->prot) {
			fails(a, ENOENT);
			break;
		}
	}
	if (!a->nr)
		*free = new;
}

static void op_map_tables(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);
	struct m_map *free;

	if (!ioas) {
		fails(a, ENOENT);
		return;
	}
	free = free_map(ioas);
	/* A child of a kernel-managed space would name them in its parent: nobody walks it. */
	a->skip = !free ||
		  (ioas->kind == KERNEL && ioas->parent >= 0 && !over_accounting(m, op->ctx, ioas));
	if (a->skip)
		return;
	if (ioas->kind == USER)
		fails(a, EINVAL);
	else if (map_at(ioas, true, 0))
		fails(a, EEXIST);
	else if (over_accounting(m, op->ctx, ioas) && !map_at(parent_of(m, op->ctx, ioas), true, 0))
		fails(a, ENOENT);
	if (!a->nr)
		*free = (struct m_map){ .used = true, .tables = true, .prot = PROT_R | PROT_W };
}

/* Does a child of accounting root @slot map any of [@page, @page + @len), or the tables? */
static bool targeted(const struct m_ctx *ctx, int slot, bool tables, int page, int len)
{
	int i, j, k;

	for (i = 0; i < NR_IOAS; i++) {
		const struct m_ioas *c = &ctx->ioas[i];

		if (c->kind == FREE_SLOT || c->parent != slot)
			continue;
		for (j = 0; j < NR_MAPS; j++) {
			if (!c->maps[j].used || c->maps[j].tables != tables)
				continue;
			if (tables)
				return true;
			for (k = 0; k < c->maps[j].len; k++) {
				if (c->maps[j].src + k >= page && c->maps[j].src + k < page + len)
					return true;
			}
		}
	}
	return false;
}

static void op_unmap(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);
	int first = op->a, end = op->a + op->c, i;

	if (!ioas) {
		fails(a, ENOENT);
		return;
	}
	if (ioas->kind == USER) {
		fails(a, EINVAL);
		return;
	}
	for (i = 0; i < NR_MAPS; i++) {
		const struct m_map *map = &ioas->maps[i];
		int last = map->page + map->len;

		if (!map->used || map->tables || last <= first || map->page >= end)
			continue;
		if (map->page < first || last > end) {
			fails(a, EINVAL);
			break;
		}
	}
	if (ioas->kind == ACCOUNTING &&
	    targeted(&m->ctx[op->ctx], op->ioas, false, first, end - first))
		fails(a, EBUSY);
	for (i = 0; i < NR_MAPS && !a->nr; i++) {
		struct m_map *map = &ioas->maps[i];

		if (map->used && !map->tables && map->page >= first && map->page < end)
			map->used = false;
	}
}

static void op_unmap_all(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);
	const struct m_ctx *ctx = &m->ctx[op->ctx];

	if (!ioas) {
		fails(a, ENOENT);
		return;
	}
	if (ioas->kind == USER)
		fails(a, EINVAL);
	if (ioas->kind == ACCOUNTING &&
	    (targeted(ctx, op->ioas, false, 0, NR_PAGES) || targeted(ctx, op->ioas, true, 0, 0)))
		fails(a, EBUSY);
	if (!a->nr)
		memset(ioas->maps, 0, sizeof(ioas->maps));
}

static void op_bind_table(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = find(m, op);

	if (!ioas)
		fails(a, ENOENT);
	else if (ioas->kind != USER)
		fails(a, EINVAL);
	else
		ioas->tree = op->a == NR_TREES ? -1 : op->a;
}

static void op_tree(struct model *m, const struct op *op)
{
	struct m_pte *pte = &m->tree[op->a % NR_TREES][op->b];

	pte->present = op->d & 1;
	pte->write = op->d & 2;
	pte->user = op->d & 12; /* mostly */
	pte->gpa = op->c;
}

/* ---- devices ----------------------------------------------------------------------------------------- */

static bool group_free_for(const struct model *m, int dev, int ctx)
{
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (m_group_of(d) == m_group_of(dev) && m->dev[d].handle == BOUND &&
		    m->dev[d].ctx != ctx)
			return false;
	}
	return true;
}

static void op_dev_bind(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];

	if (dev->handle == NO_HANDLE)
		dev->handle = IDLE;
	if (dev->handle == DEAD)
		fails(a, ENODEV);
	if (dev->handle == BOUND && dev->ctx == op->ctx)
		fails(a, EEXIST); /* its own cookie */
	if (dev->handle == BOUND || !group_free_for(m, op->dev, op->ctx))
		fails(a, EBUSY);
	if (a->nr)
		return;
	dev->handle = BOUND;
	dev->ctx = op->ctx;
	dev->attached = 0;
}

static void shrink(struct model *m, int dev)
{
	struct m_group *g = &m->group[m_group_of(dev)];
	unsigned int levels = 0;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (m_group_of(d) == m_group_of(dev) && m->dev[d].attached > levels)
			levels = m->dev[d].attached;
	}
	if (g->depth > levels)
		g->depth = levels;
}

static void unbind(struct model *m, int d, enum handle_state after)
{
	struct m_dev *dev = &m->dev[d];
	int n;

	dev->handle = after;
	dev->attached = 0;
	shrink(m, d);
	memset(dev->pasid_attached, 0, sizeof(dev->pasid_attached));
	for (n = 0; n < NR_PASID; n++)
		dev->number[n] = -1;
}

/* The space a device command names, or NULL with an error. */
static struct m_ioas *device_target(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_dev *dev = &m->dev[op->dev];
	struct m_ioas *ioas;

	a->skip = dev->handle == NO_HANDLE;
	if (dev->handle == DEAD)
		fails(a, ENODEV);
	else if (dev->handle == IDLE)
		fails(a, EINVAL);
	if (a->skip || a->nr)
		return NULL;
	ioas = &m->ctx[dev->ctx].ioas[op->ioas];
	if (ioas->kind == FREE_SLOT) {
		fails(a, ENOENT);
		return NULL;
	}
	return ioas;
}

static bool others_attached(const struct model *m, int dev)
{
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (d != dev && m_group_of(d) == m_group_of(dev) && m->dev[d].attached)
			return true;
	}
	return false;
}

/* A member goes where its group is already, or comes back to the top after it left it alone. */
static bool joins(const struct m_group *g, const struct m_dev *dev, int slot)
{
	if (!g->depth || dev->attached == g->depth)
		return false;
	return !dev->attached || g->stack[g->depth - 1] == slot;
}

static void op_attach(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = device_target(m, op, a);
	struct m_dev *dev = &m->dev[op->dev];
	struct m_group *g = &m->group[m_group_of(op->dev)];
	int top = g->depth ? g->stack[g->depth - 1] : -1;
	bool replace = op->a & 1, join = joins(g, dev, op->ioas);

	if (!ioas)
		return;
	if (ioas->kind == ACCOUNTING)
		fails(a, EINVAL);
	else if (join && top != op->ioas)
		fails(a, EBUSY);
	else if (!join && dev->attached && others_attached(m, op->dev))
		fails(a, EBUSY);
	else if (!join && dev->attached && !replace &&
		 (g->depth == DEPTH || ioas->parent < 0 || ioas->parent != top))
		fails(a, EBUSY);
	if (a->nr)
		return;
	if (!join) {
		if (replace)
			g->depth = 0;
		g->stack[g->depth++] = op->ioas;
	}
	dev->attached = g->depth;
}

static void op_detach(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = device_target(m, op, a);
	struct m_dev *dev = &m->dev[op->dev];
	struct m_group *g = &m->group[m_group_of(op->dev)];

	if (!ioas)
		return;
	if (!dev->attached)
		fails(a, ENOENT);
	else if (g->stack[dev->attached - 1] != op->ioas)
		fails(a, dev->attached == 2 && g->stack[0] == op->ioas ? EBUSY : ENOENT);
	if (a->nr)
		return;
	dev->attached--;
	shrink(m, op->dev);
}

static int last_number(int dev)
{
	return (1 << m_pasid_bits[dev]) - 1;
}

static void op_attach_pasid(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = device_target(m, op, a);
	struct m_dev *dev = &m->dev[op->dev];
	int n = op->a;

	if (!ioas)
		return;
	if (ioas->kind == ACCOUNTING)
		fails(a, EINVAL);
	if (!m_pasid_bits[op->dev])
		fails(a, EOPNOTSUPP);
	if (dev->pasid_attached[op->ioas])
		fails(a, EBUSY);
	if (n > last_number(op->dev))
		fails(a, ERANGE);
	else if (n && dev->number[n] >= 0)
		fails(a, EEXIST);
	if (a->nr)
		return;
	dev->pasid_attached[op->ioas] = true;
	if (n)
		dev->number[n] = op->ioas;
}

static void op_detach_pasid(struct model *m, const struct op *op, struct m_answer *a)
{
	struct m_ioas *ioas = device_target(m, op, a);
	struct m_dev *dev = &m->dev[op->dev];
	int n;

	if (!ioas)
		return;
	if (!dev->pasid_attached[op->ioas]) {
		fails(a, ENOENT);
		return;
	}
	dev->pasid_attached[op->ioas] = false;
	for (n = 0; n < NR_PASID; n++) {
		if (dev->number[n] == op->ioas)
			dev->number[n] = -1;
	}
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

/* Devices a number command means; false: none. */
static bool number_scope(const struct model *m, const struct op *op, bool one, bool in[NR_DEV])
{
	bool any = false;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		in[d] = m->dev[d].handle == BOUND && m->dev[d].ctx == op->ctx &&
			m->dev[d].pasid_attached[op->ioas] && (!one || d == op->dev);
		any |= in[d];
	}
	return any;
}

static void check_number(const struct model *m, const struct op *op, const bool in[NR_DEV], int n,
			 struct m_answer *a)
{
	bool range = false, taken = false;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (!in[d])
			continue;
		if (!n || n > last_number(d))
			range = true;
		else if (m->dev[d].number[n] >= 0 && m->dev[d].number[n] != op->ioas)
			taken = true;
	}
	if (range)
		fails(a, ERANGE);
	if (taken)
		fails(a, EEXIST);
}

static void op_set_number(struct model *m, const struct op *op, struct m_answer *a)
{
	bool in[NR_DEV], one = op->type == OP_SET_HWID_DEV;
	int n = op->a, d;

	if (!find(m, op) || !number_scope(m, op, one, in)) {
		fails(a, ENOENT);
		return;
	}
	check_number(m, op, in, n, a);
	for (d = 0; d < NR_DEV && !a->nr; d++) {
		if (in[d])
			m->dev[d].number[n] = op->ioas;
	}
}

static void op_set_any(struct model *m, const struct op *op, struct m_answer *a)
{
	bool in[NR_DEV], good;
	int n, d;

	if (!find(m, op) || !number_scope(m, op, false, in)) {
		fails(a, ENOENT);
		return;
	}
	for (n = 1; n < NR_PASID; n++) {
		good = true;
		for (d = 0; d < NR_DEV; d++) {
			if (in[d] && (n > last_number(d) || m->dev[d].number[n] >= 0))
				good = false;
		}
		if (good)
			break;
	}
	if (n == NR_PASID) {
		fails(a, ENOSPC);
		return;
	}
	for (d = 0; d < NR_DEV; d++) {
		if (in[d])
			m->dev[d].number[n] = op->ioas;
	}
	a->number = n;
}

static void op_clear(struct model *m, const struct op *op, struct m_answer *a)
{
	bool in[NR_DEV], all = op->type == OP_CLEAR_ALL;
	int n, d, cleared = 0;

	if (!find(m, op) || !number_scope(m, op, op->b & 1, in)) {
		fails(a, ENOENT);
		return;
	}
	for (d = 0; d < NR_DEV; d++) {
		for (n = 1; n < NR_PASID && in[d]; n++) {
			if ((!all && n != op->a) || m->dev[d].number[n] != op->ioas)
				continue;
			m->dev[d].number[n] = -1;
			cleared++;
		}
	}
	if (!cleared)
		fails(a, ENOENT);
}

/* ---- all operations ---------------------------------------------------------------------------------------- */

static void op_close(struct model *m, const struct op *op)
{
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (m->dev[d].handle == BOUND && m->dev[d].ctx == op->ctx)
			unbind(m, d, DEAD);
	}
	memset(&m->ctx[op->ctx], 0, sizeof(m->ctx[op->ctx]));
}

static void op_reset(struct model *m, const struct op *op, struct m_answer *a)
{
	a->skip = m->dev[op->dev].handle == NO_HANDLE;
	if (m->dev[op->dev].handle == DEAD)
		fails(a, ENODEV);
	if (m->dev[op->dev].handle == IDLE)
		fails(a, EINVAL);
}

struct m_answer model_apply(struct model *m, const struct op *op)
{
	static void (*const ops[NR_OPS])(struct model * m, const struct op *op,
					 struct m_answer *a) = {
		[OP_ALLOC] = op_alloc,
		[OP_FREE] = op_free,
		[OP_MAP] = op_map,
		[OP_MAP_TABLES] = op_map_tables,
		[OP_UNMAP] = op_unmap,
		[OP_UNMAP_ALL] = op_unmap_all,
		[OP_BIND_TABLE] = op_bind_table,
		[OP_DEV_BIND] = op_dev_bind,
		[OP_RESET] = op_reset,
		[OP_ATTACH] = op_attach,
		[OP_DETACH] = op_detach,
		[OP_ATTACH_PASID] = op_attach_pasid,
		[OP_DETACH_PASID] = op_detach_pasid,
		[OP_SET_HWID] = op_set_number,
		[OP_SET_HWID_DEV] = op_set_number,
		[OP_SET_ANY] = op_set_any,
		[OP_CLEAR_HWID] = op_clear,
		[OP_CLEAR_ALL] = op_clear,
	};
	bool device_op = op->type >= OP_DEV_CLOSE && op->type <= OP_DETACH_PASID;
	struct m_answer a = { .slot = -1 };

	if (op->type == OP_OPEN) {
		a.skip = m->ctx[op->ctx].open;
		m->ctx[op->ctx].open = true;
	} else if (op->type == OP_DEV_CLOSE) {
		a.skip = m->dev[op->dev].handle == NO_HANDLE;
		unbind(m, op->dev, NO_HANDLE);
	} else if (op->type == OP_TREE) {
		op_tree(m, op);
	} else if (!device_op && !m->ctx[op->ctx].open) {
		a.skip = true;
	} else if (op->type == OP_CLOSE) {
		op_close(m, op);
	} else {
		ops[op->type](m, op, &a);
	}
	return a;
}

/* ---- DMA -------------------------------------------------------------------------------------------------------- */

static struct m_target walk(const struct model *m, int ctx, int slot, int page)
{
	const struct m_ioas *ioas = &m->ctx[ctx].ioas[slot];
	const struct m_ioas *parent = parent_of(m, ctx, ioas);
	struct m_target t = { 0, 0 };
	const struct m_map *map;
	const struct m_pte *pte;

	if (page >= NR_PAGES)
		return t;
	if (ioas->kind == KERNEL) {
		map = map_at(ioas, false, page);
		if (!map)
			return t;
		t.page = (uint8_t)(map->src + page - map->page);
		t.prot = map->prot;
		if (parent && parent->kind == KERNEL) {
			t = walk(m, ctx, ioas->parent, t.page);
			t.prot &= map->prot;
		}
		return t;
	}
	/* A guest's table is itself read through the parent. */
	if (ioas->kind != USER || ioas->tree < 0 || !map_at(parent, true, 0))
		return t;
	pte = &m->tree[ioas->tree][page];
	if (!pte->present || !pte->user)
		return t;
	t = walk(m, ctx, ioas->parent, pte->gpa);
	t.prot &= pte->write ? PROT_R | PROT_W : PROT_R;
	return t;
}

static bool group_complete(const struct model *m, int dev)
{
	int d;

	for (d = 0; d < NR_DEV; d++) {
		if (m_group_of(d) == m_group_of(dev) && m->dev[d].handle != BOUND)
			return false;
	}
	return true;
}

struct m_target model_dma(const struct model *m, int dev, int pasid, int page)
{
	const struct m_dev *d = &m->dev[dev];
	const struct m_group *g = &m->group[m_group_of(dev)];
	struct m_target blocked = { 0, 0 };

	if (d->handle != BOUND)
		return blocked;
	if (pasid)
		return d->number[pasid] < 0 ? blocked : walk(m, d->ctx, d->number[pasid], page);
	if (!g->depth || !group_complete(m, dev))
		return blocked;
	return walk(m, d->ctx, g->stack[g->depth - 1], page);
}
