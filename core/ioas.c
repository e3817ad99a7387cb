// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Address spaces: kinds, handles, nesting, tables a user brings. */
#include "core/core.h"

/* clang-format off */
static const struct ioas_kind_policy kinds[] = {
	{ .kind = IOASID_KIND_KERNEL, .available = true, .root = true, .child = true,
	  .mappable = true, .attachable = true, .domain = IOASID_DOMAIN_PAGING },
	{ .kind = IOASID_KIND_USER_TABLE, .available = true, .child = true,
	  .attachable = true, .user_table = true, .domain = IOASID_DOMAIN_NESTED },
	{ .kind = IOASID_KIND_USER_PASID_TABLE, .child = true,
	  .attachable = true, .user_table = true, .domain = IOASID_DOMAIN_NESTED },
	{ .kind = IOASID_KIND_ACCOUNTING, .available = true, .root = true, .mappable = true },
	{ .kind = IOASID_KIND_SHARED, .available = true, .root = true,
	  .attachable = true, .domain = IOASID_DOMAIN_SHARED },
};
/* clang-format on */

static const struct ioas_kind_policy *kind_find(u32 kind)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind == kind)
			return &kinds[i];
	}
	return NULL;
}

struct ioas *ioas_find(struct ioasid_ctx *ctx, u32 handle)
{
	return idtree_find(&ctx->ioas, handle);
}

/**
 * ioas_family_lock() - the lock over maps of @ioas and everything related to it by nesting
 * @ioas: kind with maps, or on such a parent
 *
 * One lock per family: a change of a parent's maps reaches all its descendants.
 */
struct mutex *ioas_family_lock(const struct ioas *ioas)
{
	while (ioas->parent)
		ioas = ioas->parent;
	return &ioas->maps->lock;
}

u32 ioas_nr_routes(const struct ioas *ioas)
{
	struct ioas_attach *attach;
	struct ioas_route *route;
	u32 n = ioas->default_routes;

	list_for_each_entry(attach, &ioas->attaches, ioas_link) {
		list_for_each_entry(route, &attach->routes, link)
			n++;
	}
	return n;
}

/* ---- nesting rules ---------------------------------------------------------------------------- */

static bool is_accounting(const struct ioas *ioas)
{
	return ioas->kind->kind == IOASID_KIND_ACCOUNTING;
}

/* A kernel-managed space that children other than by accounting may nest on. */
static bool is_stage2_parent(const struct ioas *ioas)
{
	return ioas->kind->kind == IOASID_KIND_KERNEL &&
	       (!ioas->parent || is_accounting(ioas->parent));
}

/*
 * Depth is root plus one; an accounting root may sit under both. User tables need an address
 * space that devices can reach below them, which an accounting root is not.
 */
static int check_parent(const struct ioas_kind_policy *kind, const struct ioas *parent)
{
	if (!parent)
		return kind->root ? 0 : -EINVAL;
	if (!kind->child)
		return -EINVAL;
	if (is_stage2_parent(parent))
		return 0;
	return is_accounting(parent) && kind->kind == IOASID_KIND_KERNEL ? 0 : -EINVAL;
}

static int check_table(const struct ioasid_table *t)
{
	static const struct ioasid_table zero;

	if (t->format == IOASID_FORMAT_NONE)
		return -EINVAL;
	if (t->format != IOASID_FORMAT_VTD_FS)
		return -EOPNOTSUPP;
	if (t->flags & ~(IOASID_TABLE_SRE | IOASID_TABLE_WPE | IOASID_TABLE_EAFE))
		return -EOPNOTSUPP;
	if (t->levels != 4 && t->levels != 5)
		return -EINVAL;
	if (t->pasid_bits || memcmp(t->config, zero.config, sizeof(zero.config)))
		return -EINVAL;
	/* The root is one page; its address is a GPA that the parent need not map yet. */
	return t->address & IOAS_PAGE_MASK || t->address >> 52 ? -EINVAL : 0;
}

/* ---- alloc --------------------------------------------------------------------------------------- */

static struct ioas_maps *maps_alloc(struct ioas *ioas)
{
	struct ioas_maps *maps = kzalloc(sizeof(*maps), GFP_KERNEL_ACCOUNT);

	if (!maps)
		return NULL;
	mutex_init(&maps->lock);
	maps->by_iova = RB_ROOT_CACHED;
	maps->targets = RB_ROOT_CACHED;
	maps->ioas = ioas;
	INIT_LIST_HEAD(&maps->dirty);
	return maps;
}

static void ioas_release(struct ioas *ioas)
{
	if (ioas->owner)
		ioas->ctx->machine->ops->shared_put(ioas->owner);
	if (ioas->maps) {
		mutex_destroy(&ioas->maps->lock);
		kfree(ioas->maps);
	}
	kfree(ioas);
}

/* The shared kind is the process that asks for it, however the descriptor travels later. */
static int ioas_take_owner(struct ioas *ioas)
{
	const struct ioasid_home_ops *ops = ioas->ctx->machine->ops;
	void *owner;

	if (ioas->kind->kind != IOASID_KIND_SHARED || !ops->shared_get)
		return 0;
	owner = ops->shared_get(ioas->ctx);
	if (IS_ERR(owner))
		return (int)PTR_ERR(owner);
	ioas->owner = owner;
	return 0;
}

static struct ioas *ioas_create(struct ioasid_ctx *ctx, const struct ioas_kind_policy *kind,
				struct ioas *parent, const struct ioasid_alloc *a)
{
	struct ioas *ioas = kzalloc(sizeof(*ioas), GFP_KERNEL_ACCOUNT);

	if (!ioas)
		return NULL;
	ioas->ctx = ctx;
	ioas->kind = kind;
	ioas->parent = parent;
	ioas->snoop = (u8)(a->snoop || !parent ? a->snoop : parent->snoop);
	ioas->addr_bits = (u8)a->addr_bits;
	INIT_LIST_HEAD(&ioas->children);
	INIT_LIST_HEAD(&ioas->sibling);
	INIT_LIST_HEAD(&ioas->domains);
	INIT_LIST_HEAD(&ioas->attaches);
	if (a->flags & IOASID_ALLOC_TABLE) {
		ioas->table = a->table;
		ioas->bound = true;
	}
	if (kind->mappable) {
		ioas->maps = maps_alloc(ioas);
		if (!ioas->maps) {
			kfree(ioas);
			return NULL;
		}
	}
	return ioas;
}

static int check_alloc(struct ioasid_ctx *ctx, const struct ioasid_alloc *a,
		       const struct ioas_kind_policy **kind, struct ioas **parent)
{
	static const struct ioasid_table zero;
	int rc;

	*kind = kind_find(a->kind);
	if (!*kind || a->snoop > IOASID_SNOOP_ALLOW || a->addr_bits > 64)
		return -EINVAL;
	if (a->addr_bits && (*kind)->kind != IOASID_KIND_KERNEL)
		return -EINVAL;
	if (a->flags & IOASID_ALLOC_HANDLE && a->ioasid >= BIT(30))
		return -EINVAL;
	*parent = NULL;
	if (a->parent != IOASID_INVALID) {
		*parent = ioas_find(ctx, a->parent);
		if (!*parent)
			return -ENOENT;
	}
	rc = check_parent(*kind, *parent);
	if (rc)
		return rc;
	if (!(*kind)->available)
		return -EOPNOTSUPP;
	if (!(a->flags & IOASID_ALLOC_TABLE))
		return memcmp(&a->table, &zero, sizeof(zero)) ? -EINVAL : 0;
	return (*kind)->user_table ? check_table(&a->table) : -EINVAL;
}

int ioas_alloc(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_alloc *a = arg;
	const struct ioas_kind_policy *kind;
	struct ioas *parent, *ioas;
	u32 handle = a->ioasid;
	int rc;

	rc = check_alloc(ctx, a, &kind, &parent);
	if (rc)
		return rc;
	if (ctx->ioas.count >= ctx->config.max_ioas)
		return -EDQUOT;
	ioas = ioas_create(ctx, kind, parent, a);
	if (!ioas)
		return -ENOMEM;
	rc = ioas_take_owner(ioas);
	if (!rc && a->flags & IOASID_ALLOC_HANDLE)
		rc = idtree_insert(&ctx->ioas, handle, ioas);
	else if (!rc)
		rc = idtree_alloc_cyclic(&ctx->ioas, 1, ctx->ioas.last, &ctx->next_handle, ioas,
					 &handle);
	if (rc) {
		ioas_release(ioas);
		return rc;
	}
	ioas->handle.val = handle;
	if (parent) {
		list_add_tail(&ioas->sibling, &parent->children);
		parent->nr_children++;
	}
	atomic64_inc(&ctx->machine->nr_ioas);
	trace_ioasid_alloc(ctx, handle, a->kind, a->parent);
	a->ioasid = handle;
	return 0;
}

/* ---- free ------------------------------------------------------------------------------------------- */

static void ioas_destroy(struct ioas *ioas)
{
	struct ioasid_ctx *ctx = ioas->ctx;

	WARN_ON(!list_empty(&ioas->domains));
	if (ioas->maps)
		ioas_unmap_everything(ioas);
	if (ioas->parent) {
		list_del(&ioas->sibling);
		ioas->parent->nr_children--;
	}
	idtree_erase(&ctx->ioas, ioas->handle.val);
	atomic64_sub(1, &ctx->machine->nr_ioas);
	trace_ioasid_free(ctx, ioas->handle.val);
	ioas_release(ioas);
}

int ioas_free(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_free *f = arg;
	struct ioas *ioas = ioas_find(ctx, f->ioasid);

	if (!ioas)
		return -ENOENT;
	if (ioas->nr_children || ioas->default_routes || !list_empty(&ioas->attaches))
		return -EBUSY;
	ioas_destroy(ioas);
	return 0;
}

/* Leaves first, round by round; nesting is at most three deep. */
void ioas_destroy_all(struct ioasid_ctx *ctx)
{
	struct ioas *ioas;
	u32 id, before;

	while ((before = ctx->ioas.count) != 0) {
		idtree_for_each(&ctx->ioas, id, ioas)
		{
			if (!ioas->nr_children)
				ioas_destroy(ioas);
		}
		if (WARN_ON(ctx->ioas.count == before))
			return;
	}
}

/* ---- tables a user brings ------------------------------------------------------------------------------ */

/*
 * Every IOMMU that holds the space gets the new root, or all keep the old one. Domains differ only
 * in the IOMMU, so what one accepts the next refuses for want of memory at most; the way back to
 * the old root needs none, since its domain holds it already.
 */
static int set_table_everywhere(struct ioas *ioas, const struct ioasid_table *table,
				const struct ioasid_table *old)
{
	struct ioasid_domain *domain, *undo;
	int rc, err;

	list_for_each_entry(domain, &ioas->domains, link) {
		rc = domain->iommu->ops->set_table(domain, table);
		/* EIO: it is set, and a device that did not answer is fenced. */
		if (rc && rc != -EIO)
			goto undo;
	}
	return 0;
undo:
	err = rc;
	list_for_each_entry(undo, &ioas->domains, link) {
		if (undo == domain)
			break;
		rc = undo->iommu->ops->set_table(undo, old);
		WARN_ON(rc && rc != -EIO);
	}
	return err;
}

/* Without a table nothing can satisfy a page request any more. */
static void cancel_faults(struct ioas *ioas)
{
	struct ioas_attach *attach;
	struct ioas_route *route;

	list_for_each_entry(attach, &ioas->attaches, ioas_link) {
		list_for_each_entry(route, &attach->routes, link)
			route_cancel_faults(route, ioas);
	}
	stack_cancel_faults(ioas);
}

int ioas_bind_pgtable(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_bind_pgtable *b = arg;
	struct ioas *ioas = ioas_find(ctx, b->ioasid);
	static const struct ioasid_table zero;
	bool none = b->flags & IOASID_BIND_NONE;
	int rc;

	if (!ioas)
		return -ENOENT;
	if (ioas->kind->kind != IOASID_KIND_USER_TABLE)
		return -EINVAL;
	if (none)
		rc = memcmp(&b->table, &zero, sizeof(zero)) ? -EINVAL : 0;
	else
		rc = check_table(&b->table);
	if (rc)
		return rc;
	rc = set_table_everywhere(ioas, none ? NULL : &b->table,
				  ioas->table.format ? &ioas->table : NULL);
	if (rc)
		return rc;
	ioas->table = b->table;
	WRITE_ONCE(ioas->bound, !none);
	trace_ioasid_bind_pgtable(ctx, b->ioasid, b->table.format, b->table.address);
	if (none)
		cancel_faults(ioas);
	return 0;
}

int ioas_set_pasid_table(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_bind_pgtable *b = arg;
	struct ioas *ioas = ioas_find(ctx, b->ioasid);

	if (!ioas)
		return -ENOENT;
	return ioas->kind->kind == IOASID_KIND_USER_PASID_TABLE ? -EOPNOTSUPP : -EINVAL;
}

/* ---- information ---------------------------------------------------------------------------------------- */

static u64 common_page_sizes(struct ioas *ioas)
{
	struct ioasid_domain *domain;
	u64 sizes = ~(u64)IOAS_PAGE_MASK;

	if (list_empty(&ioas->domains))
		return PAGE_SIZE;
	list_for_each_entry(domain, &ioas->domains, link)
		sizes &= domain->iommu->page_sizes;
	return sizes;
}

/* Input addresses every attached IOMMU can take, and what they keep for themselves. */
#define MAX_RANGES 16
static bool range_listed(const struct ioasid_range *ranges, u32 n, const struct ioasid_range *r)
{
	while (n-- > 1) {
		if (ranges[n].start == r->start && ranges[n].last == r->last)
			return true;
	}
	return false;
}

/* Return: how many. */
static u32 collect_ranges(struct ioas *ioas, struct ioasid_range *ranges)
{
	struct ioasid_range own[MAX_RANGES];
	struct ioasid_domain *domain;
	u32 n = 1, i, got;

	ranges[0].last = ioas_input_last(ioas);
	list_for_each_entry(domain, &ioas->domains, link) {
		ranges[0].last = min(ranges[0].last, domain->iommu->last);
		got = domain->iommu->ops->report_ranges(domain->iommu, own, ARRAY_SIZE(own));
		got = min_t(u32, got, ARRAY_SIZE(own));
		for (i = 0; i < got && n < MAX_RANGES; i++) {
			if (own[i].type != IOASID_RANGE_USABLE && !range_listed(ranges, n, &own[i]))
				ranges[n++] = own[i];
		}
	}
	return n;
}

static int fill_info(struct ioasid_ctx *ctx, struct ioasid_ioas_info *info,
		     struct ioasid_range *ranges)
{
	struct ioas *ioas = ioas_find(ctx, info->ioasid);
	struct ioasid_domain *domain;

	if (!ioas)
		return -ENOENT;
	info->kind = ioas->kind->kind;
	info->parent = ioas->parent ? ioas->parent->handle.val : IOASID_INVALID;
	info->nr_children = ioas->nr_children;
	info->nr_routes = ioas_nr_routes(ioas);
	info->snoop = ioas->snoop;
	info->non_coherent = ioas->snoop == IOASID_SNOOP_ALLOW;
	list_for_each_entry(domain, &ioas->domains, link) {
		if (!(domain->iommu->caps & IOASID_IOMMU_SNOOP))
			info->non_coherent = 1;
	}
	info->format = ioas->table.format;
	info->nr_maps = ioas->maps ? READ_ONCE(ioas->maps->nr) : 0;
	info->mapped_bytes = ioas->maps ? READ_ONCE(ioas->maps->bytes) : 0;
	info->page_sizes = common_page_sizes(ioas);
	info->nr_ranges = collect_ranges(ioas, ranges);
	return 0;
}

int ioas_get_info(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_range ranges[MAX_RANGES] = { 0 };
	struct ioasid_ioas_info *info = arg;
	u32 room = info->nr_ranges;
	int rc = ctx_lock_read(ctx);

	if (rc)
		return rc;
	rc = fill_info(ctx, info, ranges);
	up_read(&ctx->lock);
	if (rc || !info->ranges || !room)
		return rc;
	return os_copy_to_user(info->ranges, ranges,
			       min(info->nr_ranges, room) * sizeof(ranges[0]));
}

/** ioas_input_last() - greatest address MAP takes, as far as ALLOC said. */
u64 ioas_input_last(const struct ioas *ioas)
{
	return ioas->addr_bits && ioas->addr_bits < 64 ? BIT_ULL(ioas->addr_bits) - 1 : ~0ULL;
}
