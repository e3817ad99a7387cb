// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/real.h"

#define PAGE	   4096ULL
#define BASE	   0x10000000ULL /* window of I/O addresses */
#define TABLES	   0x40000000ULL /* where guest table pages are in a GPA space */
#define TREE_PAGES 4 /* root to last level, for one window */
#define NR_TABLES  (NR_TREES * TREE_PAGES)
#define NOBODY	   0x3fffff00U /* handles no space ever gets */

static uint64_t window(int page)
{
	return BASE + (uint64_t)page * PAGE;
}

static uint64_t data(const struct real *r, int page)
{
	return (uintptr_t)r->ram + (uint64_t)page * PAGE;
}

static uint64_t *table_page(const struct real *r, int tree, int depth)
{
	return (uint64_t *)(void *)(r->ram + (NR_PAGES + tree * TREE_PAGES + depth) * PAGE);
}

static uint64_t tree_root(int tree)
{
	return TABLES + (uint64_t)tree * TREE_PAGES * PAGE;
}

/* One path from the root to a last-level table that covers the window. */
static void make_tree(struct real *r, int tree)
{
	int depth;

	for (depth = 0; depth < TREE_PAGES - 1; depth++) {
		unsigned int shift = 12 + 9 * (3 - (unsigned int)depth);

		table_page(r, tree, depth)[BASE >> shift & 511] =
			(tree_root(tree) + ((uint64_t)depth + 1) * PAGE) | 7;
	}
}

bool real_start(struct real *r, const struct conf_machine *machine)
{
	int i;

	memset(r, 0, sizeof(*r));
	r->env.home = &conf_home_under_test;
	r->ram = mmap(NULL, (NR_PAGES + NR_TABLES) * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->ram == MAP_FAILED || r->env.home->start(&r->env, machine))
		return false;
	for (i = 0; i < NR_PAGES; i++)
		*(uint64_t *)(uintptr_t)data(r, i) = 0xda7a0000ULL + (unsigned int)i;
	for (i = 0; i < NR_TREES; i++)
		make_tree(r, i);
	r->env.home->live(&r->env, &r->before);
	for (i = 0; i < NR_DEV; i++) {
		char name[8];
		struct conf_dev_spec spec = {
			.name = name,
			.dev_class = i < 2 ? IOASID_CLASS_PDEV_PASID : IOASID_CLASS_PDEV,
			.pasid_bits = m_pasid_bits[i],
			.ats = i == 0,
			.pri = i == 0,
			.group = i < 2 ? IOASID_INVALID : 7,
		};

		snprintf(name, sizeof(name), "dev%d", i);
		r->hw[i] = r->env.home->plug(&r->env, &spec);
		if (!r->hw[i])
			return false;
	}
	return true;
}

bool real_stop(struct real *r)
{
	struct conf_live now;
	int i;

	for (i = 0; i < NR_CTX; i++)
		ioasid_close(r->ctx[i]);
	for (i = 0; i < NR_DEV; i++)
		ioasid_dev_close(r->dev[i]);
	for (i = 0; i < NR_DEV; i++)
		r->env.home->unplug(r->hw[i]);
	r->env.home->live(&r->env, &now);
	r->env.home->stop(&r->env);
	munmap(r->ram, (NR_PAGES + NR_TABLES) * PAGE);
	return !memcmp(&now, &r->before, sizeof(now));
}

/* ---- operations ------------------------------------------------------------------------------- */

static uint32_t handle(const struct real *r, int ctx, int slot)
{
	return r->handle[ctx][slot] ? r->handle[ctx][slot] : NOBODY + (unsigned int)slot;
}

static int real_alloc(struct real *r, const struct op *op, const struct m_answer *a)
{
	static const uint32_t kinds[] = {
		IOASID_KIND_KERNEL,
		IOASID_KIND_USER_TABLE,
		IOASID_KIND_ACCOUNTING,
	};
	struct ioasid_alloc args = {
		.kind = kinds[op->a % 3],
		.parent = op->b % 4 ? handle(r, op->ctx, op->ioas) : IOASID_INVALID,
	};
	uint32_t ioasid;
	int rc = ioasid_ioas_alloc(r->ctx[op->ctx], &args, &ioasid);

	if (!rc && a->slot >= 0)
		r->handle[op->ctx][a->slot] = ioasid;
	return rc;
}

static int real_free(struct real *r, const struct op *op)
{
	int rc = ioasid_ioas_free(r->ctx[op->ctx], handle(r, op->ctx, op->ioas));

	if (!rc)
		r->handle[op->ctx][op->ioas] = 0;
	return rc;
}

/* What a MAP of @ioas names: memory, or addresses of the parent. */
static bool names_memory(const struct model *m, const struct op *op)
{
	const struct m_ctx *ctx = &m->ctx[op->ctx];
	int parent = ctx->ioas[op->ioas].parent;

	return parent < 0 || ctx->ioas[parent].kind == ACCOUNTING;
}

static int real_map(struct real *r, const struct model *m, const struct op *op)
{
	const struct m_ioas *ioas = &m->ctx[op->ctx].ioas[op->ioas];
	uint64_t vaddr = names_memory(m, op) ? data(r, op->b) : window(op->b);
	uint64_t iova = ioas->kind == ACCOUNTING ? vaddr : window(op->a);

	return ioasid_map(r->ctx[op->ctx], handle(r, op->ctx, op->ioas), iova, vaddr, op->c * PAGE,
			  op->d);
}

static int real_map_tables(struct real *r, const struct model *m, const struct op *op)
{
	uint64_t vaddr = data(r, NR_PAGES);
	bool identity = m->ctx[op->ctx].ioas[op->ioas].kind == ACCOUNTING;

	return ioasid_map(r->ctx[op->ctx], handle(r, op->ctx, op->ioas), identity ? vaddr : TABLES,
			  vaddr, NR_TABLES * PAGE, PROT_R | PROT_W);
}

static int real_unmap(struct real *r, const struct model *m, const struct op *op)
{
	bool identity = m->ctx[op->ctx].ioas[op->ioas].kind == ACCOUNTING;

	return ioasid_unmap(r->ctx[op->ctx], handle(r, op->ctx, op->ioas),
			    identity ? data(r, op->a) : window(op->a), op->c * PAGE, NULL);
}

static int real_bind_table(struct real *r, const struct op *op)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };

	if (op->a == NR_TREES)
		return ioasid_bind_pgtable(r->ctx[op->ctx], handle(r, op->ctx, op->ioas), NULL);
	table.address = tree_root(op->a);
	return ioasid_bind_pgtable(r->ctx[op->ctx], handle(r, op->ctx, op->ioas), &table);
}

/* The guest changes an entry and invalidates it wherever the tree is used. */
static int real_tree(struct real *r, const struct model *m, const struct op *op)
{
	int tree = op->a % NR_TREES, c, i, rc = 0;
	const struct m_pte *pte = &m->tree[tree][op->b];
	uint64_t entry = window(pte->gpa);

	entry |= (pte->present ? 1 : 0) | (pte->write ? 2 : 0) | (pte->user ? 4 : 0);
	__atomic_store_n(&table_page(r, tree, 3)[window(op->b) >> 12 & 511], entry,
			 __ATOMIC_RELEASE);
	for (c = 0; c < NR_CTX; c++) {
		for (i = 0; i < NR_IOAS && m->ctx[c].open; i++) {
			if (m->ctx[c].ioas[i].kind != USER || m->ctx[c].ioas[i].tree != tree)
				continue;
			rc |= ioasid_invalidate_range(r->ctx[c], handle(r, c, i), window(op->b),
						      PAGE, true);
		}
	}
	return rc;
}

static int real_dev_bind(struct real *r, const struct op *op)
{
	bool opened = !r->dev[op->dev];
	char name[8];
	int rc;

	if (opened) {
		snprintf(name, sizeof(name), "dev%d", op->dev);
		rc = ioasid_dev_open(r->ctx[op->ctx], name, &r->dev[op->dev]);
		if (rc)
			return rc;
	}
	rc = ioasid_dev_bind(r->dev[op->dev], r->ctx[op->ctx], op->dev);
	if (!rc)
		r->dev_ctx[op->dev] = op->ctx;
	/* Two calls are one operation here, and one that failed has changed nothing. */
	if (rc == -ENOMEM && opened) {
		ioasid_dev_close(r->dev[op->dev]);
		r->dev[op->dev] = NULL;
	}
	return rc;
}

static uint32_t dev_handle(const struct real *r, const struct op *op)
{
	return handle(r, r->dev_ctx[op->dev], op->ioas);
}

static int real_set_any(struct real *r, const struct op *op, int *number)
{
	struct ioasid_set_hwid args = {
		.flags = IOASID_HWID_ANY,
		.ioasid = handle(r, op->ctx, op->ioas),
	};
	int rc = ioasid_set_hwid_args(r->ctx[op->ctx], &args);

	*number = (int)args.vpasid;
	return rc;
}

static int real_clear(struct real *r, const struct op *op)
{
	struct ioasid_set_hwid args = {
		.argsz = sizeof(args),
		.ioasid = handle(r, op->ctx, op->ioas),
	};

	if (op->type == OP_CLEAR_ALL)
		args.flags = IOASID_HWID_ALL;
	else
		args.vpasid = op->a;
	if (op->b & 1) {
		args.flags |= IOASID_HWID_DEVICE;
		args.cookie = op->dev;
	}
	return ioasid_command(r->ctx[op->ctx], IOASID_CLEAR_HWID, &args);
}

static int real_close(struct real *r, const struct op *op)
{
	ioasid_close(r->ctx[op->ctx]);
	r->ctx[op->ctx] = NULL;
	memset(r->handle[op->ctx], 0, sizeof(r->handle[0]));
	return 0;
}

static int real_dev_close(struct real *r, const struct op *op)
{
	ioasid_dev_close(r->dev[op->dev]);
	r->dev[op->dev] = NULL;
	return 0;
}

int real_apply(struct real *r, const struct model *m, const struct op *op, const struct m_answer *a,
	       int *number)
{
	struct ioasid *ctx = r->ctx[op->ctx];
	struct ioasid_dev *dev = r->dev[op->dev];
	uint32_t ioasid = handle(r, op->ctx, op->ioas);

	switch (op->type) {
	case OP_OPEN:
		return ioasid_open(r->env.path, &r->ctx[op->ctx]);
	case OP_CLOSE:
		return real_close(r, op);
	case OP_ALLOC:
		return real_alloc(r, op, a);
	case OP_FREE:
		return real_free(r, op);
	case OP_MAP:
		return real_map(r, m, op);
	case OP_MAP_TABLES:
		return real_map_tables(r, m, op);
	case OP_UNMAP:
		return real_unmap(r, m, op);
	case OP_UNMAP_ALL:
		return ioasid_unmap_all(ctx, ioasid, NULL);
	case OP_BIND_TABLE:
		return real_bind_table(r, op);
	case OP_TREE:
		return real_tree(r, m, op);
	case OP_DEV_BIND:
		return real_dev_bind(r, op);
	case OP_DEV_CLOSE:
		return real_dev_close(r, op);
	case OP_RESET:
		return ioasid_dev_reset(dev);
	case OP_ATTACH:
		return ioasid_dev_attach(dev, dev_handle(r, op),
					 op->a & 1 ? IOASID_ATTACH_REPLACE : 0);
	case OP_DETACH:
		return ioasid_dev_detach(dev, dev_handle(r, op));
	case OP_ATTACH_PASID:
		return ioasid_dev_attach_pasid(dev, dev_handle(r, op), op->a, 0);
	case OP_DETACH_PASID:
		return ioasid_dev_detach_pasid(dev, dev_handle(r, op));
	case OP_SET_HWID:
		return ioasid_set_hwid(ctx, ioasid, op->a);
	case OP_SET_HWID_DEV:
		return ioasid_set_hwid_dev(ctx, ioasid, op->a, op->dev);
	case OP_SET_ANY:
		return real_set_any(r, op, number);
	default:
		return real_clear(r, op);
	}
}

/* ---- DMA ---------------------------------------------------------------------------------------- */

static int request(struct real *r, int dev, int pasid, int page, enum conf_op op, uint64_t *value,
		   uint64_t offset)
{
	struct conf_dma dma = {
		.op = op,
		.addr = window(page) + offset,
		.pasid = pasid ? (uint32_t)pasid : CONF_RID,
		.buf = value,
		.len = 8,
		.no_report = true,
	};

	return r->env.home->dma(r->hw[dev], &dma);
}

bool real_probe(struct real *r, int dev, int pasid, int page, struct m_target t, char *why,
		size_t size)
{
	static uint64_t serial;
	uint64_t got = 0, value = ++serial, *at;
	int rc;

	rc = request(r, dev, pasid, page, CONF_READ, &got, 0);
	if (rc != (t.prot & PROT_R ? 0 : -EFAULT) || (!rc && got != 0xda7a0000ULL + t.page)) {
		snprintf(why, size,
			 "read of device %d number %d page %d: rc %d page %d, model: %s %d", dev,
			 pasid, page, rc, (int)(got - 0xda7a0000ULL),
			 t.prot & PROT_R ? "data page" : "blocked", t.page);
		return false;
	}
	rc = request(r, dev, pasid, page, CONF_WRITE, &value, 64);
	at = (uint64_t *)(uintptr_t)(data(r, t.page) + 64);
	if (rc != (t.prot & PROT_W ? 0 : -EFAULT) || (!rc && *at != value)) {
		snprintf(why, size, "write of device %d number %d page %d: rc %d, model: %s %d",
			 dev, pasid, page, rc, t.prot & PROT_W ? "data page" : "blocked", t.page);
		return false;
	}
	return true;
}
