// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paging domains: tables that the kernel's IOMMU driver writes for us.
 *
 * What drivers do when asked to unmap a hole differs, so every range that was entered is remembered
 * and only such ranges are taken out. Ranges are kept per call of map(), which is also what bounds
 * a leaf: an unmap of whole calls never splits one and needs no memory.
 *
 * Some hardware cannot take read-only leaves in a table that guests' tables nest on. There a domain
 * is two tables: the one devices use, and its double for nesting, made when it is first needed.
 */
#include <linux/sched/mm.h>

#include "iommu.h"
#include "compat.h"

/*
 * struct lin_range - what one call of map() entered
 * @node: input range
 * @prot: IOASID_MAP_READ | WRITE
 */
struct lin_range {
	struct interval_tree_node node;
	u32 prot;
};

static struct kmem_cache *range_cache;

/* ---- allocation ------------------------------------------------------------------------------ */

static int enforce_snoop(struct lin_domain *domain, struct iommu_domain *kernel)
{
	if (!domain->enforce_snoop)
		return 0;
	if (kernel->ops->enforce_cache_coherency && kernel->ops->enforce_cache_coherency(kernel))
		return 0;
	return -EOPNOTSUPP;
}

static struct iommu_domain *table_alloc(struct lin_domain *domain, struct device *dev, bool nest)
{
	struct lin_iommu *iommu = lin_domain_iommu(domain);
	struct iommu_domain *kernel;
	int rc;

	kernel = nest ? lin_nest_parent_alloc(dev) : lin_plain_alloc(dev, iommu->second_stage);
	if (IS_ERR_OR_NULL(kernel))
		return kernel ?: ERR_PTR(-ENOMEM);
	rc = enforce_snoop(domain, kernel);
	if (rc) {
		iommu_domain_free(kernel);
		return ERR_PTR(rc);
	}
	lin_events_watch(iommu, kernel);
	return kernel;
}

int lin_paging_alloc(struct lin_domain *domain, const struct ioasid_domain_attr *attr)
{
	struct lin_iommu *iommu = lin_domain_iommu(domain);
	bool can_snoop = iommu->core.caps & IOASID_IOMMU_SNOOP;
	bool nest = attr->nest_parent && iommu->nest_read_only;
	struct lin_paging *paging = &domain->paging;

	if (attr->snoop == IOASID_SNOOP_ENFORCE && !can_snoop)
		return -EOPNOTSUPP;
	if (attr->addr_bits && attr->addr_bits < 64 &&
	    BIT_ULL(attr->addr_bits) - 1 > iommu->core.last)
		return -EOPNOTSUPP;
	domain->enforce_snoop = can_snoop && attr->snoop != IOASID_SNOOP_ALLOW;
	paging->ranges = RB_ROOT_CACHED;
	iommu_iotlb_gather_init(&paging->gather[0]);
	iommu_iotlb_gather_init(&paging->gather[1]);
	paging->table = table_alloc(domain, domain->dev, nest);
	if (nest && paging->table == ERR_PTR(-EOPNOTSUPP)) {
		nest = false;
		paging->table = table_alloc(domain, domain->dev, false);
	}
	if (IS_ERR(paging->table))
		return PTR_ERR(paging->table);
	if (nest)
		paging->nest = paging->table;
	return 0;
}

void lin_paging_free(struct lin_domain *domain)
{
	struct lin_paging *paging = &domain->paging;

	lin_unmap(&domain->core, 0, U64_MAX);
	(void)lin_flush(&domain->core, 0, U64_MAX);
	if (paging->nest && paging->nest != paging->table)
		iommu_domain_free(paging->nest);
	put_device(paging->nest_dev);
	iommu_domain_free(paging->table);
}

/* ---- map ---------------------------------------------------------------------------------------- */

static int kernel_prot(const struct lin_iommu *iommu, u32 prot)
{
	return (prot & IOASID_MAP_READ ? IOMMU_READ : 0) |
	       (prot & IOASID_MAP_WRITE ? IOMMU_WRITE : 0) | (iommu->cached ? IOMMU_CACHE : 0);
}

/*
 * Enter extents, neighbours in one go. @done: [out] bytes entered, also on error.
 */
static int enter_extents(struct iommu_domain *kernel, u64 iova, const struct ioasid_extent *ext,
			 unsigned int n, int prot, u64 *done)
{
	unsigned int i = 0;

	*done = 0;
	while (i < n) {
		u64 pa = ext[i].pa, len = ext[i].len;
		int rc;

		while (++i < n && ext[i].pa == pa + len)
			len += ext[i].len;
		rc = iommu_map(kernel, iova + *done, pa, len, prot, GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		*done += len;
	}
	return 0;
}

static void take_out(struct iommu_domain *kernel, u64 iova, u64 length)
{
	if (length)
		WARN_ON_ONCE(iommu_unmap(kernel, iova, length) != length);
}

static int map_extents(struct lin_domain *domain, u64 iova, const struct ioasid_extent *ext,
		       unsigned int n, u32 prot)
{
	struct lin_paging *paging = &domain->paging;
	int kprot = kernel_prot(lin_domain_iommu(domain), prot);
	u64 done, twin = 0;
	int rc;

	rc = enter_extents(paging->table, iova, ext, n, kprot, &done);
	if (!rc && paging->nest && paging->nest != paging->table)
		rc = enter_extents(paging->nest, iova, ext, n, kprot, &twin);
	if (!rc)
		return 0;
	take_out(paging->table, iova, done);
	if (paging->nest != paging->table)
		take_out(paging->nest, iova, twin);
	return rc;
}

/*
 * A table that guests' tables nest on may not take read-only leaves, others know none but readable
 * ones. Nothing is widened silently.
 */
static bool prot_possible(struct lin_domain *domain, u32 prot)
{
	struct lin_paging *paging = &domain->paging;

	if (lin_domain_iommu(domain)->write_reads && !(prot & IOASID_MAP_READ))
		return false;
	return !paging->nest || paging->nest == paging->table || prot & IOASID_MAP_WRITE;
}

int lin_map(struct ioasid_domain *core, u64 iova, const struct ioasid_extent *ext, unsigned int n,
	    u32 prot)
{
	struct lin_domain *domain = lin_domain_of(core);
	struct lin_range *range;
	unsigned int i;
	u64 bytes = 0;
	int rc;

	if (!prot_possible(domain, prot))
		return -EOPNOTSUPP;
	for (i = 0; i < n; i++)
		bytes += ext[i].len;
	range = kmem_cache_alloc(range_cache, GFP_KERNEL_ACCOUNT);
	if (!range)
		return -ENOMEM;
	rc = map_extents(domain, iova, ext, n, prot);
	if (rc) {
		kmem_cache_free(range_cache, range);
		return lin_errno(rc);
	}
	range->node.start = iova;
	range->node.last = iova + bytes - 1;
	range->prot = prot;
	interval_tree_insert(&range->node, &domain->paging.ranges);
	return 0;
}

/* ---- unmap --------------------------------------------------------------------------------------- */

static void unmap_run(struct lin_paging *paging, u64 start, u64 last)
{
	size_t length = last - start + 1;

	WARN_ON_ONCE(iommu_unmap_fast(paging->table, start, length, &paging->gather[0]) != length);
	if (paging->nest && paging->nest != paging->table)
		WARN_ON_ONCE(iommu_unmap_fast(paging->nest, start, length, &paging->gather[1]) !=
			     length);
}

/* Ranges that touch are taken out together. */
void lin_unmap(struct ioasid_domain *core, u64 start, u64 last)
{
	struct lin_paging *paging = &lin_domain_of(core)->paging;
	struct interval_tree_node *node, *next;
	u64 run_start = 0, run_last = 0;
	bool run = false;

	for (node = interval_tree_iter_first(&paging->ranges, start, last); node; node = next) {
		next = interval_tree_iter_next(node, start, last);
		WARN_ON_ONCE(node->start < start || node->last > last);
		if (run && node->start == run_last + 1) {
			run_last = node->last;
		} else {
			if (run)
				unmap_run(paging, run_start, run_last);
			run_start = node->start;
			run_last = node->last;
			run = true;
		}
		interval_tree_remove(node, &paging->ranges);
		kmem_cache_free(range_cache, container_of(node, struct lin_range, node));
		cond_resched();
	}
	if (run)
		unmap_run(paging, run_start, run_last);
}

int lin_flush(struct ioasid_domain *core, u64 start, u64 last)
{
	struct lin_domain *domain = lin_domain_of(core);
	struct lin_paging *paging = &domain->paging;

	/* The gathered range is what was unmapped, no more; emptied tables go now. */
	iommu_iotlb_sync(paging->table, &paging->gather[0]);
	if (paging->nest && paging->nest != paging->table)
		iommu_iotlb_sync(paging->nest, &paging->gather[1]);
	return lin_domain_fenced(domain);
}

/* ---- the double ----------------------------------------------------------------------------------- */

/* Copy one range from one table to the other, as large as physical neighbourhood allows. */
static int double_range(struct lin_domain *domain, struct iommu_domain *to,
			const struct lin_range *range)
{
	struct iommu_domain *from = domain->paging.table;
	int prot = kernel_prot(lin_domain_iommu(domain), range->prot);
	u64 iova = range->node.start, pa, len;
	int rc;

	while (iova <= range->node.last) {
		pa = iommu_iova_to_phys(from, iova);
		len = PAGE_SIZE;
		while (iova + len <= range->node.last &&
		       iommu_iova_to_phys(from, iova + len) == pa + len)
			len += PAGE_SIZE;
		rc = iommu_map(to, iova, pa, len, prot, GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		cond_resched();
		if (check_add_overflow(iova, len, &iova))
			break;
	}
	return 0;
}

static int double_all(struct lin_domain *domain, struct iommu_domain *to)
{
	struct rb_root_cached *ranges = &domain->paging.ranges;
	struct interval_tree_node *node;
	int rc = 0;

	for (node = interval_tree_iter_first(ranges, 0, ULONG_MAX); node && !rc;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		struct lin_range *range = container_of(node, struct lin_range, node);

		rc = range->prot & IOASID_MAP_WRITE ? double_range(domain, to, range) : -EOPNOTSUPP;
	}
	return rc;
}

/*
 * Under ctx->lock for writing: no map or unmap is on its way. The double stays as long as the
 * domain: it costs memory, but nested domains tend to come again.
 */
struct iommu_domain *lin_paging_nest(struct lin_domain *domain)
{
	struct lin_paging *paging = &domain->paging;
	struct iommu_domain *nest;
	struct lin_hw *hw;
	int rc;

	if (paging->nest)
		return paging->nest;
	hw = lin_iommu_borrow(lin_domain_iommu(domain));
	nest = table_alloc(domain, hw->dev, true);
	rc = IS_ERR(nest) ? PTR_ERR(nest) : double_all(domain, nest);
	if (!rc) {
		paging->nest = nest;
		paging->nest_dev = get_device(hw->dev);
	} else if (!IS_ERR(nest)) {
		iommu_domain_free(nest);
	}
	lin_iommu_return(hw);
	return rc ? ERR_PTR(rc) : nest;
}

int lin_map_init(void)
{
	range_cache = KMEM_CACHE(lin_range, SLAB_ACCOUNT);
	return range_cache ? 0 : -ENOMEM;
}

void lin_map_exit(void)
{
	kmem_cache_destroy(range_cache);
}
