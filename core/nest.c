// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Nesting without hardware: where the bytes behind a map really are, and what a change of the
 * parent means for children.
 *
 * A kernel-managed child on a kernel-managed parent has a table of its own (the shadow) whose
 * leaves lead straight to memory. It is always the composition of both sets of maps: permissions
 * are ANDed, holes of the parent are holes. A parent's MAP or UNMAP changes it in the part of each
 * child map that leads into the changed range, found through the parent's tree of targets, so the
 * cost follows the range and not the size of the children.
 *
 * All functions run under the family lock.
 */
#include "core/core.h"

/* Extents per call of the IOMMU: on the stack, and where much is to be entered. */
#define BATCH_SMALL 32U
#define BATCH_LARGE 512U

/*
 * Enter [@start, @last] of a pinned map; @start and @last are its own input addresses. Not inlined:
 * its array must not be on the stack once per level of pieces_at().
 */
static noinline int pinned_pieces(struct ioas_map *map, struct ioasid_domain *domain, u64 iova,
				  u64 start, u64 last, u32 prot)
{
	const struct ioasid_home_ops *home = map->ioas->ctx->machine->ops;
	u64 offset = start - map->iova.start, left = last - start + 1;
	struct ioasid_extent small[BATCH_SMALL], *ext = small, *large = NULL;
	unsigned int room = BATCH_SMALL, n;
	u64 bytes;
	int rc = 0;

	/* Speed only: without the memory the small array does. */
	if (left > BATCH_SMALL * PAGE_SIZE)
		large = kvcalloc(BATCH_LARGE, sizeof(*large), GFP_KERNEL);
	if (large) {
		ext = large;
		room = BATCH_LARGE;
	}
	while (left && !rc) {
		cond_resched();
		n = room;
		bytes = home->extents(map->pin, offset, left, ext, &n);
		if (WARN_ON(!bytes)) {
			rc = -EFAULT;
			break;
		}
		rc = domain->iommu->ops->map(domain, iova, ext, n, prot);
		iova += bytes;
		offset += bytes;
		left -= bytes;
	}
	kvfree(large);
	return rc;
}

/*
 * The levels between a map and pinned memory, at most two: kernel child -> kernel root ->
 * accounting root. @iova is where the first byte of [@start, @last] goes in @domain.
 */
static int pieces_at(struct ioas_map *map, struct ioasid_domain *domain, u64 iova, u64 start,
		     u64 last, u32 prot, unsigned int depth)
{
	struct ioas *parent = map->ioas->parent;
	u64 tstart = map->vaddr + (start - map->iova.start), tlast = tstart + (last - start);
	struct ioas_map *pm;
	int rc;

	if (!parent)
		return pinned_pieces(map, domain, iova, start, last, prot);
	if (WARN_ON(depth > 2))
		return -EINVAL;
	for (pm = ioas_map_first(parent, tstart, tlast); pm;
	     pm = ioas_map_next(pm, tstart, tlast)) {
		u64 s = max(tstart, (u64)pm->iova.start), l = min(tlast, (u64)pm->iova.last);

		if (!(prot & pm->prot))
			continue;
		rc = pieces_at(pm, domain, iova + (s - tstart), s, l, prot & pm->prot, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * nest_pieces() - enter part of a map into a table
 * @map: map
 * @domain: a domain of the map's owner
 * @start: first input address of the part
 * @last: last input address of the part
 * @prot: permissions to enter, a subset of the map's
 *
 * Return: 0, or what the IOMMU said; then part of it may be entered and the caller takes it out.
 */
int nest_pieces(struct ioas_map *map, struct ioasid_domain *domain, u64 start, u64 last, u32 prot)
{
	return pieces_at(map, domain, start, start, last, prot, 0);
}

/**
 * nest_check_covered() - is all of [@start, @last] pinned in an accounting root?
 * @accounting: the root
 * @start: first address
 * @last: last address
 * @prot: permissions needed all over
 *
 * Return: 0, or -ENOENT if a part is missing or mapped with less than @prot.
 */
int nest_check_covered(struct ioas *accounting, u64 start, u64 last, u32 prot)
{
	struct ioas_map *map;

	for (;;) {
		map = ioas_map_first(accounting, start, start);
		if (!map || prot & ~map->prot)
			return -ENOENT;
		if (map->iova.last >= last)
			return 0;
		start = map->iova.last + 1;
	}
}

/** nest_targeted() - does a map of a child lead into [@start, @last]? */
bool nest_targeted(struct ioas *ioas, u64 start, u64 last)
{
	return interval_tree_iter_first(&ioas->maps->targets, start, last) != NULL;
}

/* The part of child map @cm that leads into [@start, @last] of the parent, in @cm's input. */
static void child_part(const struct ioas_map *cm, u64 start, u64 last, u64 *cstart, u64 *clast)
{
	*cstart = cm->iova.start + (max(start, (u64)cm->target.start) - cm->target.start);
	*clast = cm->iova.start + (min(last, (u64)cm->target.last) - cm->target.start);
}

static void child_take_out(struct ioas_map *cm, u64 start, u64 last)
{
	struct ioas_maps *maps = cm->ioas->maps;
	struct ioasid_domain *domain;
	u64 cstart, clast;

	child_part(cm, start, last, &cstart, &clast);
	list_for_each_entry(domain, &cm->ioas->domains, link)
		domain->iommu->ops->unmap(domain, cstart, clast);
	/* Ranges are whole pages, so a last address of 0 means: nothing yet. */
	if (!maps->dirty_last)
		list_add_tail(&maps->dirty_link, &cm->ioas->parent->maps->dirty);
	maps->dirty_start = maps->dirty_last ? min(maps->dirty_start, cstart) : cstart;
	maps->dirty_last = max(maps->dirty_last, clast);
}

#define for_each_target(node, ioas, start, last)                                         \
	for (node = interval_tree_iter_first(&(ioas)->maps->targets, start, last); node; \
	     node = interval_tree_iter_next(node, start, last))

static bool is_shadowed(const struct ioas *parent)
{
	return parent->kind->kind == IOASID_KIND_KERNEL;
}

/**
 * nest_parent_unmapping() - take what leads through @map out of the children's shadows
 * @map: a parent's map
 *
 * The caches still hold it until nest_parent_unmapped().
 */
void nest_parent_unmapping(struct ioas_map *map)
{
	struct interval_tree_node *n;

	if (!is_shadowed(map->ioas))
		return;
	for_each_target(n, map->ioas, map->iova.start, map->iova.last)
	{
		cond_resched();
		child_take_out(container_of(n, struct ioas_map, target), map->iova.start,
			       map->iova.last);
	}
}

/** nest_parent_unmapped() - flush what nest_parent_unmapping() took out, once per child. */
void nest_parent_unmapped(struct ioas *parent)
{
	struct ioasid_domain *domain;
	struct ioas_maps *maps, *next;

	list_for_each_entry_safe(maps, next, &parent->maps->dirty, dirty_link) {
		list_for_each_entry(domain, &maps->ioas->domains, link)
			(void)domain->iommu->ops->flush(domain, maps->dirty_start,
							maps->dirty_last);
		list_del(&maps->dirty_link);
		maps->dirty_start = 0;
		maps->dirty_last = 0;
	}
}

static int child_put_in(struct ioas_map *cm, struct ioas_map *pm)
{
	struct ioasid_domain *domain;
	u64 cstart, clast;
	int rc;

	child_part(cm, pm->iova.start, pm->iova.last, &cstart, &clast);
	if (!(cm->prot & pm->prot))
		return 0;
	list_for_each_entry(domain, &cm->ioas->domains, link) {
		rc = nest_pieces(cm, domain, cstart, clast, cm->prot);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * nest_parent_mapped() - a new map of a parent shows through its children
 * @map: linked into its owner already
 *
 * Return: 0, or what the IOMMU said; then no child shows it.
 */
int nest_parent_mapped(struct ioas_map *map)
{
	struct interval_tree_node *n;
	int rc;

	if (!is_shadowed(map->ioas))
		return 0;
	for_each_target(n, map->ioas, map->iova.start, map->iova.last)
	{
		rc = child_put_in(container_of(n, struct ioas_map, target), map);
		if (rc) {
			nest_parent_unmapping(map);
			nest_parent_unmapped(map->ioas);
			return rc;
		}
	}
	return 0;
}
