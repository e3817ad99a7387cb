// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/isolation/real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/ioasid_wq.h>

#define PAGE	   4096ULL
#define PROBE	   0x10000000ULL /* every space leads somewhere from here */
#define DATA	   0x20000000ULL /* the context's pages in its guest-physical space */
#define TABLES	   0x40000000ULL /* ... and its guest's tables */
#define NOBODY	   0x3fffff00U /* handles that no space ever gets */
#define CTX_PAGES  (NR_IOAS * PAGES_PER_IOAS)
#define TREE_PAGES 4
#define CTX_TREES  (NR_IOAS * 2 * TREE_PAGES)
#define ALL_PAGES  (NR_CTX * (CTX_PAGES + CTX_TREES))
#define MARK	   0xda7a5eed00000000ULL
#define WORK	   64 /* where in a page work writes */
#define PLACES	   64

/* ---- memory --------------------------------------------------------------------------------------- */

static uint64_t *page_of(const struct real *r, int tag)
{
	return (uint64_t *)(void *)(r->ram + (uint64_t)tag * PAGE);
}

/* Trees come after all pages of data. */
static uint64_t *tree_page(const struct real *r, int ctx, int ioas, int tree, int depth)
{
	int at = NR_CTX * CTX_PAGES + ctx * CTX_TREES + (ioas * 2 + tree) * TREE_PAGES + depth;

	return page_of(r, at);
}

static uint64_t tree_gpa(int ioas, int tree, int depth)
{
	return TABLES + (uint64_t)((ioas * 2 + tree) * TREE_PAGES + depth) * PAGE;
}

/* The page of a space in its context's guest-physical space. */
static uint64_t page_gpa(int ioas, int page)
{
	return DATA + (uint64_t)(ioas * PAGES_PER_IOAS + page) * PAGE;
}

static void tree_write(const struct real *r, int ctx, int ioas, int tree, int page)
{
	int depth;

	for (depth = 0; depth < TREE_PAGES; depth++) {
		unsigned int shift = 12 + 9 * (3 - (unsigned int)depth);
		uint64_t to = depth == TREE_PAGES - 1 ? page_gpa(ioas, page) :
							tree_gpa(ioas, tree, depth + 1);

		__atomic_store_n(&tree_page(r, ctx, ioas, tree, depth)[PROBE >> shift & 511],
				 to | 7, __ATOMIC_RELEASE);
	}
}

static uint64_t memory_of(const struct real *r, int ctx, int ioas, int page)
{
	return (uintptr_t)page_of(r, (ctx * NR_IOAS + ioas) * PAGES_PER_IOAS + page);
}

/* ---- the machine ------------------------------------------------------------------------------------ */

static bool plug(struct real *r, int d)
{
	char name[16];
	struct conf_dev_spec spec = {
		.name = name,
		.dev_class = topo[d].dev_class,
		.pasid_bits = r->config->bits[d],
		.ats = topo[d].ats,
		.group = IOASID_INVALID,
		.parent = is_slice(d) ? r->hw[topo[d].parent] : NULL,
		.mode = topo[d].mode,
		.nr_dedicated = topo[d].dedicated,
		.nr_shared = topo[d].shared,
	};

	if (r->config->kept && (d == 0 || d == 8))
		spec.kept_first = spec.kept_last = r->config->kept;
	snprintf(name, sizeof(name), "dev%d", d);
	r->hw[d] = r->env.home->plug(&r->env, &spec);
	return r->hw[d];
}

static bool vm_make(struct real *r, int vm)
{
	int i;

	r->vm[vm] = r->env.home->vm_create(&r->env);
	if (!r->vm[vm])
		return false;
	for (i = 0; i < NR_CPU; i++) {
		r->cpu[vm][i] = r->env.home->vcpu_create(r->vm[vm]);
		if (!r->cpu[vm][i])
			return false;
	}
	return true;
}

static void vm_end(struct real *r, int vm)
{
	int i;

	for (i = 0; i < NR_CPU; i++) {
		if (r->cpu[vm][i])
			r->env.home->vcpu_destroy(r->cpu[vm][i]);
		r->cpu[vm][i] = NULL;
	}
	if (r->vm[vm])
		r->env.home->vm_destroy(r->vm[vm]);
	r->vm[vm] = NULL;
}

static unsigned int widest(const struct m_config *config)
{
	unsigned int bits = 1;
	int d;

	for (d = 0; d < NR_DEV; d++)
		bits = config->bits[d] > bits ? config->bits[d] : bits;
	return bits;
}

bool real_start(struct real *r, const struct m_config *config)
{
	struct conf_machine machine = {
		.name = config->name,
		.pasid_bits = widest(config),
		.host_split = config->split,
		.cache_entries = config->split & 1 ? 8 : 0,
	};
	int i;

	memset(r, 0, sizeof(*r));
	r->env.home = &conf_home_under_test;
	r->config = config;
	r->ram = mmap(NULL, ALL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (r->ram == MAP_FAILED || r->env.home->start(&r->env, &machine))
		return false;
	for (i = 0; i < NR_CTX * CTX_PAGES; i++)
		page_of(r, i)[0] = MARK + (unsigned int)i;
	r->env.home->live(&r->env, &r->before);
	for (i = 0; i < NR_DEV; i++) {
		if (!plug(r, i)) {
			printf("# device %d cannot be plugged\n", i);
			return false;
		}
	}
	for (i = 0; i < NR_VM; i++) {
		if (!vm_make(r, i))
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
	for (i = 0; i < NR_VM; i++)
		vm_end(r, i);
	for (i = 0; i < NR_DEV; i++)
		ioasid_dev_close(r->dev[i]);
	for (i = NR_DEV - 1; i >= 0; i--) {
		if (r->hw[i] && is_slice(i))
			r->env.home->unplug(r->hw[i]);
	}
	for (i = NR_DEV - 1; i >= 0; i--) {
		if (r->hw[i] && !is_slice(i))
			r->env.home->unplug(r->hw[i]);
	}
	r->env.home->live(&r->env, &now);
	r->env.home->stop(&r->env);
	munmap(r->ram, ALL_PAGES * PAGE);
	return !memcmp(&now, &r->before, sizeof(now));
}

/* ---- contexts and spaces -------------------------------------------------------------------------- */

static uint32_t handle(const struct real *r, int ctx, int ioas)
{
	return r->handle[ctx][ioas] ? r->handle[ctx][ioas] : NOBODY + (unsigned int)ioas;
}

static int map(struct real *r, int ctx, int ioas, uint64_t iova, uint64_t vaddr, uint64_t pages)
{
	return ioasid_map(r->ctx[ctx], handle(r, ctx, ioas), iova, vaddr, pages * PAGE,
			  IOASID_MAP_READ | IOASID_MAP_WRITE);
}

static int map_probe(struct real *r, const struct model *m, int c, int i)
{
	return map(r, c, i, PROBE, memory_of(r, c, i, m->ctx[c].ioas[i].page), 1);
}

static int real_open(struct real *r, const struct model *m, int c)
{
	int rc = ioasid_open(r->env.path, &r->ctx[c]);

	if (!rc)
		rc = ioasid_alloc_kernel(r->ctx[c], &r->handle[c][0]);
	if (!rc)
		rc = map_probe(r, m, c, 0);
	if (!rc)
		rc = map(r, c, 0, DATA, memory_of(r, c, 0, 0), CTX_PAGES);
	if (!rc)
		rc = map(r, c, 0, TABLES, (uintptr_t)tree_page(r, c, 0, 0, 0), CTX_TREES);
	return rc;
}

static int bind_table(struct real *r, const struct model *m, int c, int i)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };

	if (m->ctx[c].ioas[i].no_table)
		return ioasid_bind_pgtable(r->ctx[c], handle(r, c, i), NULL);
	r->tree[c][i] ^= 1;
	table.address = tree_gpa(i, r->tree[c][i], 0);
	tree_write(r, c, i, r->tree[c][i], m->ctx[c].ioas[i].page);
	return ioasid_bind_pgtable(r->ctx[c], handle(r, c, i), &table);
}

static int real_alloc(struct real *r, const struct model *m, const struct op *op)
{
	struct ioasid_alloc args = {
		.kind = op->flags & F_USER ? IOASID_KIND_USER_TABLE : IOASID_KIND_KERNEL,
		.parent = op->flags & F_USER ? handle(r, op->ctx, 0) : IOASID_INVALID,
	};
	int rc = ioasid_ioas_alloc(r->ctx[op->ctx], &args, &r->handle[op->ctx][op->ioas]);

	if (rc)
		return rc;
	return op->flags & F_USER ? bind_table(r, m, op->ctx, op->ioas) :
				    map_probe(r, m, op->ctx, op->ioas);
}

static int real_free(struct real *r, const struct op *op)
{
	int rc = ioasid_ioas_free(r->ctx[op->ctx], handle(r, op->ctx, op->ioas));

	if (!rc)
		r->handle[op->ctx][op->ioas] = 0;
	return rc;
}

static int real_turn(struct real *r, const struct model *m, int c, int i)
{
	int rc;

	if (m->ctx[c].ioas[i].user) {
		tree_write(r, c, i, r->tree[c][i], m->ctx[c].ioas[i].page);
		return ioasid_invalidate_range(r->ctx[c], handle(r, c, i), PROBE, PAGE, true);
	}
	rc = ioasid_unmap(r->ctx[c], handle(r, c, i), PROBE, PAGE, NULL);
	return rc ? rc : map_probe(r, m, c, i);
}

static int real_rebind(struct real *r, const struct model *m, const struct op *op)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = TABLES };

	if (m->ctx[op->ctx].ioas[op->ioas].user && r->handle[op->ctx][op->ioas])
		return bind_table(r, m, op->ctx, op->ioas);
	return ioasid_bind_pgtable(r->ctx[op->ctx], handle(r, op->ctx, op->ioas), &table);
}

/* ---- devices ------------------------------------------------------------------------------------------ */

static int real_bind(struct real *r, const struct op *op)
{
	char name[16];
	int rc;

	if (!r->dev[op->dev]) {
		snprintf(name, sizeof(name), "dev%d", op->dev);
		rc = ioasid_dev_open(r->ctx[op->ctx], name, &r->dev[op->dev]);
		if (rc)
			return rc;
	}
	rc = ioasid_dev_bind(r->dev[op->dev], r->ctx[op->ctx], op->dev);
	if (!rc)
		r->dev_ctx[op->dev] = op->ctx;
	return rc;
}

static int real_unplug(struct real *r, int d)
{
	r->env.home->unplug(r->hw[d]);
	r->hw[d] = NULL;
	return 0;
}

static int real_attach_pasid(struct real *r, const struct model *m, const struct op *op)
{
	uint32_t v = op->flags & F_NO_NUMBER ? 0 : model_number(m, op), flags = 0;

	if (op->flags & F_LOCAL)
		flags |= IOASID_ATTACH_LOCAL;
	if (op->flags & F_GLOBAL)
		flags |= IOASID_ATTACH_GLOBAL;
	return ioasid_dev_attach_pasid(r->dev[op->dev], handle(r, r->dev_ctx[op->dev], op->ioas), v,
				       flags);
}

/* ---- numbers -------------------------------------------------------------------------------------------- */

static int real_set(struct real *r, const struct model *m, const struct op *op, uint32_t *number,
		    uint32_t *ppasid)
{
	struct ioasid_set_hwid args = { .ioasid = handle(r, op->ctx, op->ioas) };
	int rc;

	if (op->type == OP_SET_ANY)
		args.flags |= IOASID_HWID_ANY;
	else
		args.vpasid = model_number(m, op);
	if (op->flags & F_EXPOSE)
		args.flags |= IOASID_HWID_EXPOSE;
	if (op->flags & F_DEV) {
		args.flags |= IOASID_HWID_DEVICE;
		args.cookie = op->dev;
	}
	rc = ioasid_set_hwid_args(r->ctx[op->ctx], &args);
	*number = args.vpasid;
	*ppasid = args.ppasid;
	return rc;
}

static int real_clear(struct real *r, const struct model *m, const struct op *op)
{
	struct ioasid_set_hwid args = {
		.argsz = sizeof(args),
		.ioasid = handle(r, op->ctx, op->ioas),
	};

	if (op->flags & F_ALL)
		args.flags |= IOASID_HWID_ALL;
	else
		args.vpasid = model_number(m, op);
	if (op->flags & F_DEV) {
		args.flags |= IOASID_HWID_DEVICE;
		args.cookie = op->dev;
	}
	return ioasid_command(r->ctx[op->ctx], IOASID_CLEAR_HWID, &args);
}

static int real_policy(struct real *r, const struct op *op, unsigned long cmd, uint32_t value)
{
	struct ioasid_hwid_policy args = { .argsz = sizeof(args), .value = value };

	if (op->flags & F_DEV && op->type != OP_PROMISE) {
		args.flags = IOASID_HWID_DEVICE;
		args.cookie = op->dev;
	}
	return ioasid_command(r->ctx[op->ctx], cmd, &args);
}

/* ---- CPUs and queues ---------------------------------------------------------------------------------- */

/* A vCPU that comes when translation is on has to translate, too. */
static int cpu_renew(struct real *r, int vm)
{
	r->env.home->vcpu_destroy(r->cpu[vm][NR_CPU - 1]);
	r->cpu[vm][NR_CPU - 1] = r->env.home->vcpu_create(r->vm[vm]);
	return r->cpu[vm][NR_CPU - 1] ? 0 : -EIO;
}

static int real_cpu_enable(struct real *r, const struct op *op)
{
	int vm = op->vm % (NR_VM + 1), rc;

	if (vm == NR_VM)
		return ioasid_cpu_pasid_enable(r->ctx[op->ctx], -1);
	rc = ioasid_cpu_pasid_enable(r->ctx[op->ctx], r->env.home->vm_fd(r->vm[vm]));
	return rc ? rc : cpu_renew(r, vm);
}

static int real_vm_end(struct real *r, int vm)
{
	vm_end(r, vm);
	return vm_make(r, vm) ? 0 : -ENOMEM;
}

static int queue_write(struct real *r, int dev, uint32_t queue, uint32_t reg, uint32_t value)
{
	return r->env.home->wq_write(r->hw[dev], IOASID_WQ_QUEUE(queue) + reg, value);
}

void real_enable(struct real *r, int dev, bool on)
{
	queue_write(r, dev, 0, IOASID_WQ_REG_CONTROL, on ? IOASID_WQ_ENABLE : 0);
}

void real_enable_shared(struct real *r, int dev)
{
	queue_write(r, dev, topo[dev].dedicated, IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE);
}

int real_program(struct real *r, int dev, uint32_t v)
{
	int rc;

	real_enable(r, dev, false);
	rc = queue_write(r, dev, 0, IOASID_WQ_REG_PASID, v ? v | IOASID_WQ_PASID_VALID : 0);
	real_enable(r, dev, true);
	return rc;
}

/* A descriptor that writes a number never written before to a place of its own. */
static struct ioasid_wq_desc work_new(struct real *r, struct real_left *left)
{
	*left = (struct real_left){ .used = true, .serial = ++r->serial };
	left->place = (unsigned int)(left->serial % PLACES);
	return (struct ioasid_wq_desc){
		.op = IOASID_WQ_FILL,
		.length = 8,
		.src = left->serial,
		.dst = PROBE + WORK + 8ULL * left->place,
	};
}

bool real_work(struct real *r, int dev, struct real_left *left)
{
	struct ioasid_wq_desc desc = work_new(r, left);

	return r->env.home->wq_store(r->hw[dev], 0, 0, &desc, sizeof(desc), CONF_STORE_MOVDIR64B) ==
	       1;
}

/* Now and then the other instruction, which takes the number from its source. */
enum m_cpu real_enqcmd(struct real *r, int vm, int cpu, int dev, uint32_t v, struct real_left *left)
{
	struct ioasid_wq_desc desc = work_new(r, left);
	struct conf_enqcmd insn = { .cpl = 3, .src = &desc };

	if (left->serial % 8) {
		if (r->env.home->wrmsr_pasid(r->cpu[vm][cpu], v | IOASID_WQ_PASID_VALID))
			return CPU_UNSAID;
	} else {
		insn.supervisor = true;
		insn.cpl = 0;
		desc.pasid = v;
	}
	switch (r->env.home->enqcmd(r->cpu[vm][cpu], r->hw[dev], topo[dev].dedicated, &insn)) {
	case CONF_ENQCMD_RETIRED:
		return insn.zf ? CPU_RETRY : CPU_TAKEN;
	case CONF_ENQCMD_EXIT:
		return CPU_EXIT;
	default:
		return CPU_UNSAID;
	}
}

unsigned int real_run(struct real *r, int dev)
{
	unsigned int n, all = 0;

	do {
		n = r->env.home->wq_run(r->hw[dev], 64);
		all += n;
	} while (n == 64);
	return all;
}

int real_landed(struct real *r, const struct real_left *left)
{
	int tag, found = NOTHING;

	for (tag = 0; tag < NR_CTX * CTX_PAGES; tag++) {
		if (page_of(r, tag)[WORK / 8 + left->place] == left->serial)
			found = found == NOTHING ? tag : STRAY;
	}
	return found;
}

/* Work is left behind: it waits while the next operation is done. */
static int real_leave(struct real *r, const struct model *before, const struct model *after,
		      const struct op *op)
{
	int i = 0, vm = op->vm % NR_VM;

	while (before->dev[op->dev].waiting[i].used == after->dev[op->dev].waiting[i].used)
		i++;
	if (op->type == OP_WORK)
		return real_work(r, op->dev, &r->left[op->dev][i]) ? 0 : -EAGAIN;
	real_enable_shared(r, op->dev);
	return real_enqcmd(r, vm, (int)(r->serial % NR_CPU), op->dev,
			   model_number(before, op) & 0xfffff, &r->left[op->dev][i]) == CPU_TAKEN ?
		       0 :
		       -EAGAIN;
}

/* ---- all operations -------------------------------------------------------------------------------------- */

static int real_close(struct real *r, int c)
{
	ioasid_close(r->ctx[c]);
	r->ctx[c] = NULL;
	memset(r->handle[c], 0, sizeof(r->handle[c]));
	return 0;
}

static int real_unbind(struct real *r, int d)
{
	ioasid_dev_close(r->dev[d]);
	r->dev[d] = NULL;
	return 0;
}

static int apply_device(struct real *r, const struct model *m, const struct op *op)
{
	struct ioasid_dev *dev = r->dev[op->dev];
	uint32_t ioasid = handle(r, r->dev_ctx[op->dev], op->ioas);

	switch (op->type) {
	case OP_BIND:
		return real_bind(r, op);
	case OP_UNBIND:
		return real_unbind(r, op->dev);
	case OP_RESET:
		return ioasid_dev_reset(dev);
	case OP_UNPLUG:
		return real_unplug(r, op->dev);
	case OP_PLUG:
		return plug(r, op->dev) ? 0 : -EIO;
	case OP_HOST_USE:
		return r->env.home->host_use(r->hw[op->dev], !m->dev[op->dev].host_use);
	case OP_ATTACH:
		return ioasid_dev_attach(dev, ioasid,
					 op->flags & F_REPLACE ? IOASID_ATTACH_REPLACE : 0);
	case OP_DETACH:
		return ioasid_dev_detach(dev, ioasid);
	case OP_ATTACH_PASID:
		return real_attach_pasid(r, m, op);
	case OP_DETACH_PASID:
		return ioasid_dev_detach_pasid(dev, ioasid);
	case OP_PROGRAM:
		return real_program(r, op->dev,
				    op->flags & F_NO_NUMBER ? 0 : model_number(m, op) & 0xfffff);
	default:
		return -ENOSYS;
	}
}

static int apply_ctx(struct real *r, const struct model *m, const struct op *op)
{
	struct ioasid *ctx = r->ctx[op->ctx];

	switch (op->type) {
	case OP_CLOSE:
		return real_close(r, op->ctx);
	case OP_FREE:
		return real_free(r, op);
	case OP_CLEAR_HWID:
		return real_clear(r, m, op);
	case OP_MODE:
		return real_policy(r, op, IOASID_SET_HWID_MODE, op->num % 4);
	case OP_SPLIT:
		return real_policy(r, op, IOASID_HWID_SET_GLOBAL_MIN, model_number(m, op));
	case OP_PROMISE:
		return real_policy(r, op, IOASID_HWID_SET_PROMISED_WIDTH, op->num % 22);
	case OP_CPU_ENABLE:
		return real_cpu_enable(r, op);
	case OP_CPU_DISABLE:
		return ioasid_cpu_pasid_disable(ctx);
	case OP_CPU_MAP:
		return ioasid_cpu_pasid_map(ctx, model_number(m, op));
	case OP_CPU_UNMAP:
		return ioasid_cpu_pasid_unmap(ctx, model_number(m, op));
	case OP_VM_END:
		return real_vm_end(r, op->vm % NR_VM);
	default:
		return apply_device(r, m, op);
	}
}

int real_apply(struct real *r, const struct model *before, const struct model *after,
	       const struct op *op, uint32_t *number, uint32_t *ppasid)
{
	switch (op->type) {
	case OP_OPEN:
		return real_open(r, after, op->ctx);
	case OP_ALLOC:
		return real_alloc(r, after, op);
	case OP_TURN:
		return real_turn(r, after, op->ctx, op->ioas);
	case OP_REBIND:
		return real_rebind(r, after, op);
	case OP_SET_HWID:
	case OP_SET_ANY:
		return real_set(r, before, op, number, ppasid);
	case OP_WORK:
	case OP_WORK_CPU:
		return real_leave(r, before, after, op);
	default:
		return apply_ctx(r, before, op);
	}
}

/* ---- DMA -------------------------------------------------------------------------------------------------- */

int real_reaches(struct real *r, int dev, uint32_t pasid)
{
	uint64_t got = 0;
	struct conf_dma dma = {
		CONF_REQ(CONF_READ, PROBE, pasid, &got, sizeof(got)),
		.no_report = true,
	};
	int rc = r->env.home->dma(r->hw[dev], &dma);

	if (rc == -EFAULT)
		return NOTHING;
	if (rc || got - MARK >= NR_CTX * CTX_PAGES)
		return STRAY;
	return (int)(got - MARK);
}
