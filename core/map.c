// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * MAP and UNMAP: bookkeeping of ranges by the rules of VFIO type1v2 (no overlap, a former mapping
 * is never cut), and the same change in every table that shows them.
 */
#include "core/core.h"

struct ioas_map *ioas_map_first(struct ioas *ioas, u64 start, u64 last)
{
	struct interval_tree_node *n = interval_tree_iter_first(&ioas->maps->by_iova, start, last);

	return n ? container_of(n, struct ioas_map, iova) : NULL;
}

struct ioas_map *ioas_map_next(struct ioas_map *map, u64 start, u64 last)
{
	struct interval_tree_node *n = interval_tree_iter_next(&map->iova, start, last);

	return n ? container_of(n, struct ioas_map, iova) : NULL;
}

/** ioas_map_reserved() - does [@start, @last] touch a window the IOMMU keeps for itself? */
bool ioas_map_reserved(struct ioasid_iommu *iommu, u64 start, u64 last)
{
	return iommu->ops->reserved && iommu->ops->reserved(iommu, start, last);
}

/* ---- tables ------------------------------------------------------------------------------------- */

/** ioas_populate() - enter all maps into a new domain; on error the domain is empty again. */
int ioas_populate(struct ioas *ioas, struct ioasid_domain *domain)
{
	struct ioas_map *map;
	int rc;

	for (map = ioas_map_first(ioas, 0, ~0UL); map; map = ioas_map_next(map, 0, ~0UL)) {
		rc = nest_pieces(map, domain, map->iova.start, map->iova.last, map->prot);
		if (rc) {
			domain->iommu->ops->unmap(domain, 0, domain->iommu->last);
			domain->iommu->ops->flush(domain, 0, domain->iommu->last);
			return rc;
		}
	}
	return 0;
}

static void tables_unmap(struct ioas *ioas, u64 start, u64 last)
{
	struct ioasid_domain *domain;

	list_for_each_entry(domain, &ioas->domains, link)
		domain->iommu->ops->unmap(domain, start, last);
}

static void tables_flush(struct ioas *ioas, u64 start, u64 last)
{
	struct ioasid_domain *domain;

	/*
	 * A device that does not answer in time is fenced, which blocks its DMA: what the caller
	 * was promised holds, and the error shows in the device's state.
	 */
	list_for_each_entry(domain, &ioas->domains, link)
		(void)domain->iommu->ops->flush(domain, start, last);
}

/* ---- map -------------------------------------------------------------------------------------------- */

static int check_map_range(struct ioas *ioas, const struct ioasid_map_dma *m, u64 *last)
{
	struct ioasid_domain *domain;
	u64 end;

	if (!(m->flags & (IOASID_MAP_READ | IOASID_MAP_WRITE)))
		return -EINVAL;
	if (!m->length || (m->iova | m->vaddr | m->length) & IOAS_PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(m->iova, m->length - 1, last) ||
	    check_add_overflow(m->vaddr, m->length - 1, &end))
		return -EINVAL;
	if (*last > ioas_input_last(ioas))
		return -EINVAL;
	list_for_each_entry(domain, &ioas->domains, link) {
		if (*last > domain->iommu->last || ioas_map_reserved(domain->iommu, m->iova, *last))
			return -EINVAL;
	}
	return 0;
}

static int check_map(struct ioas *ioas, const struct ioasid_map_dma *m, u64 *last)
{
	bool fd = m->flags & IOASID_MAP_FD;

	if (!ioas->kind->mappable)
		return -EINVAL;
	if (fd ? m->fd < 0 || ioas->parent : m->fd)
		return -EINVAL;
	if (ioas->kind->kind == IOASID_KIND_ACCOUNTING && (fd || m->iova != m->vaddr))
		return -EINVAL;
	return check_map_range(ioas, m, last);
}

/* Charge and pin. No lock held: this may take as long as the caller's memory takes to come. */
static int map_pin(struct ioasid_ctx *ctx, struct ioas_map *map, const struct ioasid_map_dma *m)
{
	struct ioasid_pin_req req = {
		.uaddr = m->vaddr,
		.length = m->length,
		.fd = m->flags & IOASID_MAP_FD ? m->fd : -1,
		.write = m->flags & IOASID_MAP_WRITE,
	};
	int rc = ctx->machine->ops->pin(ctx, &req, &map->pin);

	if (rc)
		return rc;
	atomic64_add((s64)m->length, &ctx->pinned);
	atomic64_add((s64)m->length, &ctx->machine->pinned);
	return 0;
}

/* Children lean on what their parent pinned. */
static void map_unpin(struct ioasid_ctx *ctx, struct ioas_map *map)
{
	s64 bytes = (s64)(map->iova.last - map->iova.start + 1);

	if (!map->pin)
		return;
	ctx->machine->ops->unpin(ctx, map->pin);
	atomic64_sub(bytes, &ctx->pinned);
	atomic64_sub(bytes, &ctx->machine->pinned);
}

static void map_link(struct ioas_map *map)
{
	struct ioas *ioas = map->ioas;

	interval_tree_insert(&map->iova, &ioas->maps->by_iova);
	if (ioas->parent)
		interval_tree_insert(&map->target, &ioas->parent->maps->targets);
	WRITE_ONCE(ioas->maps->nr, ioas->maps->nr + 1);
	WRITE_ONCE(ioas->maps->bytes, ioas->maps->bytes + (map->iova.last - map->iova.start + 1));
	atomic64_inc(&ioas->ctx->nr_maps);
}

static void map_unlink(struct ioas_map *map)
{
	struct ioas *ioas = map->ioas;

	interval_tree_remove(&map->iova, &ioas->maps->by_iova);
	if (ioas->parent)
		interval_tree_remove(&map->target, &ioas->parent->maps->targets);
	WRITE_ONCE(ioas->maps->nr, ioas->maps->nr - 1);
	WRITE_ONCE(ioas->maps->bytes, ioas->maps->bytes - (map->iova.last - map->iova.start + 1));
	atomic64_sub(1, &ioas->ctx->nr_maps);
}

/* Show a linked map in our own tables and in those of children that lead here. */
static int map_enter(struct ioas_map *map)
{
	struct ioas *ioas = map->ioas;
	struct ioasid_domain *domain;
	int rc = 0;

	list_for_each_entry(domain, &ioas->domains, link) {
		rc = nest_pieces(map, domain, map->iova.start, map->iova.last, map->prot);
		if (rc)
			goto undo;
	}
	rc = nest_parent_mapped(map);
	if (!rc)
		return 0;
undo:
	/* Nothing was there before, so taking out the whole range is the way back. */
	tables_unmap(ioas, map->iova.start, map->iova.last);
	tables_flush(ioas, map->iova.start, map->iova.last);
	return rc;
}

static int map_locked(struct ioas *ioas, struct ioas_map *map)
{
	struct ioasid_ctx *ctx = ioas->ctx;
	int rc;

	if (ioas_map_first(ioas, map->iova.start, map->iova.last))
		return -EEXIST;
	if (atomic64_read(&ctx->nr_maps) >= ctx->config.max_maps)
		return -EDQUOT;
	if (ioas->parent && ioas->parent->kind->kind == IOASID_KIND_ACCOUNTING) {
		rc = nest_check_covered(ioas->parent, map->target.start, map->target.last,
					map->prot);
		if (rc)
			return rc;
	}
	map_link(map);
	rc = map_enter(map);
	if (rc)
		map_unlink(map);
	return rc;
}

/* Could it be mapped as things are? ctx->lock held. Return: the address space, or ERR_PTR. */
static struct ioas *map_check(struct ioasid_ctx *ctx, const struct ioasid_map_dma *m, u64 *last)
{
	struct ioas *ioas = ioas_find(ctx, m->ioasid);
	bool taken;
	int rc;

	if (!ioas)
		return ERR_PTR(-ENOENT);
	rc = check_map(ioas, m, last);
	if (rc)
		return ERR_PTR(rc);
	mutex_lock(ioas_family_lock(ioas));
	taken = ioas_map_first(ioas, m->iova, *last);
	mutex_unlock(ioas_family_lock(ioas));
	return taken ? ERR_PTR(-EEXIST) : ioas;
}

/* What changed while memory was pinned shows here; also the handle may name another space now. */
static int map_commit(struct ioasid_ctx *ctx, const struct ioasid_map_dma *m, struct ioas_map *map)
{
	struct ioas *ioas;
	u64 last;
	int rc = ctx_lock_read(ctx);

	if (rc)
		return rc;
	ioas = map_check(ctx, m, &last);
	if (IS_ERR(ioas)) {
		rc = (int)PTR_ERR(ioas);
	} else if (!ioas->parent != (map->pin != NULL)) {
		rc = -ENOENT;
	} else {
		map->ioas = ioas;
		mutex_lock(ioas_family_lock(ioas));
		rc = map_locked(ioas, map);
		mutex_unlock(ioas_family_lock(ioas));
	}
	up_read(&ctx->lock);
	return rc;
}

static int map_fill(struct ioasid_ctx *ctx, const struct ioasid_map_dma *m, struct ioas_map *map)
{
	struct ioas *ioas;
	bool root;
	u64 last;
	int rc = ctx_lock_read(ctx);

	if (rc)
		return rc;
	ioas = map_check(ctx, m, &last);
	root = !IS_ERR(ioas) && !ioas->parent;
	up_read(&ctx->lock);
	if (IS_ERR(ioas))
		return (int)PTR_ERR(ioas);
	map->vaddr = m->vaddr;
	map->prot = m->flags & (IOASID_MAP_READ | IOASID_MAP_WRITE);
	map->iova.start = m->iova;
	map->iova.last = last;
	map->target.start = m->vaddr;
	map->target.last = m->vaddr + (m->length - 1);
	if (root)
		rc = map_pin(ctx, map, m);
	if (rc)
		return rc;
	rc = map_commit(ctx, m, map);
	if (rc)
		map_unpin(ctx, map);
	return rc;
}

int ioas_map_dma(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_map_dma *m = arg;
	struct ioas_map *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!map)
		return -ENOMEM;
	rc = map_fill(ctx, m, map);
	trace_ioasid_map(ctx, m->ioasid, m->iova, m->length, m->flags, rc);
	if (rc)
		kfree(map);
	return rc;
}

/* ---- unmap -------------------------------------------------------------------------------------------- */

static int check_unmap(struct ioas *ioas, const struct ioasid_unmap_dma *u, u64 *last)
{
	if (!ioas->kind->mappable)
		return -EINVAL;
	if (u->flags & IOASID_UNMAP_DIRTY)
		return -EOPNOTSUPP;
	if (u->bitmap || u->dirty_page_size)
		return -EINVAL;
	if (u->flags & IOASID_UNMAP_ALL) {
		*last = ~0ULL;
		return u->iova || u->length ? -EINVAL : 0;
	}
	if (!u->length || (u->iova | u->length) & IOAS_PAGE_MASK)
		return -EINVAL;
	return check_add_overflow(u->iova, u->length - 1, last) ? -EINVAL : 0;
}

/* A range must hold former mappings whole: only those at its two ends can stick out. */
static bool cuts_mapping(struct ioas *ioas, u64 start, u64 last)
{
	struct ioas_map *map = ioas_map_first(ioas, start, start);

	if (map && map->iova.start < start)
		return true;
	map = ioas_map_first(ioas, last, last);
	return map && map->iova.last > last;
}

/*
 * Out of all tables, then out of all caches, only then out of the books and unpinned. Emptied
 * table pages are the IOMMU's, which frees them in flush().
 */
static u64 unmap_locked(struct ioas *ioas, u64 start, u64 last)
{
	struct ioas_map *map, *next;
	u64 first = ~0ULL, end = 0, bytes = 0;

	for (map = ioas_map_first(ioas, start, last); map; map = ioas_map_next(map, start, last)) {
		cond_resched();
		first = min(first, (u64)map->iova.start);
		end = map->iova.last;
		nest_parent_unmapping(map);
	}
	if (first > end)
		return 0;
	tables_unmap(ioas, first, end);
	tables_flush(ioas, first, end);
	nest_parent_unmapped(ioas);
	for (map = ioas_map_first(ioas, start, last); map; map = next) {
		cond_resched();
		next = ioas_map_next(map, start, last);
		bytes += map->iova.last - map->iova.start + 1;
		map_unlink(map);
		map_unpin(ioas->ctx, map);
		kfree(map);
	}
	return bytes;
}

int ioas_unmap_dma(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_unmap_dma *u = arg;
	struct ioas *ioas = ioas_find(ctx, u->ioasid);
	u64 last;
	int rc;

	if (!ioas)
		return -ENOENT;
	rc = check_unmap(ioas, u, &last);
	if (rc)
		return rc;
	mutex_lock(ioas_family_lock(ioas));
	if (cuts_mapping(ioas, u->iova, last))
		rc = -EINVAL;
	else if (ioas->kind->kind == IOASID_KIND_ACCOUNTING && nest_targeted(ioas, u->iova, last))
		rc = -EBUSY;
	else
		u->unmapped = unmap_locked(ioas, u->iova, last);
	mutex_unlock(ioas_family_lock(ioas));
	trace_ioasid_unmap(ctx, u->ioasid, u->iova, last, rc ? 0 : u->unmapped, rc);
	return rc;
}

/** ioas_unmap_everything() - for FREE and close: no route, no child is left. */
void ioas_unmap_everything(struct ioas *ioas)
{
	u64 bytes;

	mutex_lock(ioas_family_lock(ioas));
	bytes = unmap_locked(ioas, 0, ~0ULL);
	mutex_unlock(ioas_family_lock(ioas));
	trace_ioasid_unmap(ioas->ctx, ioas->handle.val, 0, ~0ULL, bytes, 0);
}
