// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains as VT-d holds them: a kernel-managed one is a second-stage table (first-stage on IOMMUs
 * made so), a nested one is the guest's first stage on top of its parent's second stage, a shared
 * one is a pass-through entry behind which requests go to a process.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <uapi/linux/iommufd.h>

#include "sim/private.h"

static atomic64_t next_id;

/* ---- making and freeing -------------------------------------------------------------------------- */

static struct sim_domain *domain_new(struct sim_iommu *iommu, enum sim_domain_kind kind,
				     const struct iommu_domain_ops *ops)
{
	struct sim_domain *dom = kzalloc(sizeof(*dom), GFP_KERNEL_ACCOUNT);

	if (!dom)
		return NULL;
	dom->iommu = iommu;
	dom->kind = kind;
	dom->id = atomic64_inc_return(&next_id);
	dom->domain.ops = ops;
	dom->domain.owner = &sim_iommu_ops;
	INIT_LIST_HEAD(&dom->routes);
	INIT_LIST_HEAD(&dom->children);
	INIT_LIST_HEAD(&dom->sibling);
	mutex_init(&dom->pt_lock);
	table_gather_init(&dom->gather);
	/* Whoever holds a domain may free it later than the last device goes. */
	sim_iommu_get(iommu);
	__module_get(THIS_MODULE);
	sim_count(iommu, SIM_DOMAINS, 1);
	return dom;
}

static void domain_delete(struct sim_domain *dom)
{
	struct sim_iommu *iommu = dom->iommu;

	WARN_ON(dom->nr_routes || !list_empty(&dom->children));
	mutex_destroy(&dom->pt_lock);
	kfree(dom);
	sim_count(iommu, SIM_DOMAINS, -1);
	sim_iommu_put(iommu);
	module_put(THIS_MODULE);
}

/* 0 is nobody's. */
static int did_take(struct sim_domain *dom)
{
	int did = ida_alloc_range(&dom->iommu->dids, 1, U16_MAX, GFP_KERNEL);

	if (did < 0)
		return did == -ENOSPC ? -ENOMEM : did;
	dom->te.did = did;
	return 0;
}

/* ---- attaching --------------------------------------------------------------------------------------- */

static int domain_attach(struct iommu_domain *domain, struct device *dev)
{
	return sim_route_set(sim_dev_of(dev), IOMMU_NO_PASID, to_sim_domain(domain));
}
SIM_ATTACH_OP(domain_attach_op, domain_attach)

static int domain_set_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid)
{
	return sim_route_set(sim_dev_of(dev), pasid, to_sim_domain(domain));
}
SIM_SET_PASID_OP(domain_set_pasid_op, domain_set_pasid)

/* ---- kernel-managed ------------------------------------------------------------------------------------ */

static int paging_table(struct sim_domain *dom)
{
	const struct ioasid_sim_iommu *c = &dom->iommu->cfg;
	const struct vtd_caps *caps = &dom->iommu->tables.caps;
	bool first = c->flags & IOASID_SIM_FIRST_STAGE;
	const struct iopt_cfg cfg = {
		.env = &dom->iommu->env,
		.fmt = first ? IOPT_FMT_VTD_FS : IOPT_FMT_VTD_SS,
		.levels = c->levels,
		.oa_lg2 = caps->haw,
		.page_sizes = c->page_sizes,
		.leaf_snoop = caps->sc,
	};
	int rc = iopt_init(&dom->pt, &cfg);

	if (rc)
		return rc;
	dom->te.pgtt = first ? VTD_PGTT_FS : VTD_PGTT_SS;
	dom->te.flags = VTD_TE_PWSNP;
	if (first) {
		dom->te.fs_root = dom->pt.root_pa;
		dom->te.fs_levels = c->levels;
		/* Privileged requests pass as they do through a second stage, which knows none. */
		dom->te.flags |= VTD_TE_SRE | VTD_TE_WPE;
	} else {
		dom->te.ss_root = dom->pt.root_pa;
		dom->te.ss_levels = c->levels;
	}
	return 0;
}

struct iommu_domain *sim_paging_alloc(struct device *dev, bool nest_parent)
{
	struct sim_iommu *iommu = sim_dev_of(dev)->iommu;
	struct sim_domain *dom;
	int rc;

	if (nest_parent && !iommu->tables.caps.nest)
		return ERR_PTR(-EOPNOTSUPP);
	dom = domain_new(iommu, SIM_PAGING, &sim_paging_ops);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	rc = did_take(dom);
	if (rc)
		goto err_delete;
	rc = paging_table(dom);
	if (rc)
		goto err_did;
	dom->nest_parent = nest_parent;
	dom->domain.type = IOMMU_DOMAIN_UNMANAGED;
	dom->domain.pgsize_bitmap = iommu->cfg.page_sizes;
	dom->domain.geometry.aperture_start = 0;
	dom->domain.geometry.aperture_end = dom->pt.ia_last;
	dom->domain.geometry.force_aperture = true;
	return &dom->domain;

err_did:
	ida_free(&iommu->dids, dom->te.did);
err_delete:
	domain_delete(dom);
	return ERR_PTR(rc);
}

/* No route leads here: each was cleared with all caches flushed. */
static void paging_free(struct iommu_domain *domain)
{
	struct sim_domain *dom = to_sim_domain(domain);

	table_gather_free(&dom->iommu->env, &dom->gather);
	iopt_destroy(&dom->pt);
	ida_free(&dom->iommu->dids, dom->te.did);
	domain_delete(dom);
}

static int paging_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr,
		      size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct sim_domain *dom = to_sim_domain(domain);
	u32 p = dom->prot | (prot & IOMMU_READ ? IOPT_READ : 0) |
		(prot & IOMMU_WRITE ? IOPT_WRITE : 0);
	u64 length;
	int rc;

	if (check_mul_overflow(pgsize, pgcount, &length) || !length)
		return -EINVAL;
	/* Requests are copies by the CPU, to and from memory. */
	if (prot & IOMMU_MMIO || !pfn_valid(PHYS_PFN(paddr)) ||
	    !pfn_valid(PHYS_PFN(paddr + length - 1)))
		return -EINVAL;
	mutex_lock(&dom->pt_lock);
	rc = iopt_map(&dom->pt, iova, paddr, length, p);
	mutex_unlock(&dom->pt_lock);
	if (!rc)
		*mapped += length;
	return rc;
}

static size_t paging_unmap(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			   size_t pgcount, struct iommu_iotlb_gather *gather)
{
	struct sim_domain *dom = to_sim_domain(domain);
	u64 length, last;
	s64 rc;

	if (check_mul_overflow(pgsize, pgcount, &length) || !length ||
	    check_add_overflow((u64)iova, length - 1, &last))
		return 0;
	mutex_lock(&dom->pt_lock);
	rc = iopt_unmap(&dom->pt, iova, min(last, dom->pt.ia_last), &dom->gather);
	mutex_unlock(&dom->pt_lock);
	if (rc < 0)
		return 0;
	iommu_iotlb_gather_add_range(gather, iova, length);
	/* Also where nothing was mapped: holes are fine. */
	return length;
}

static void paging_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	if (gather->start <= gather->end)
		sim_flush(to_sim_domain(domain), gather->start, gather->end);
}

static void paging_flush_all(struct iommu_domain *domain)
{
	sim_flush(to_sim_domain(domain), 0, ~0ULL);
}

static phys_addr_t paging_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct sim_domain *dom = to_sim_domain(domain);
	struct iopt_leaf leaf;
	bool found;

	mutex_lock(&dom->pt_lock);
	found = iopt_next(&dom->pt, iova, iova, &leaf);
	mutex_unlock(&dom->pt_lock);
	return found ? leaf.pa + (iova - leaf.iova) : 0;
}

/*
 * From now on every leaf and the entries of all routes say that accesses are snooped; too late for
 * leaves and nested domains that are there.
 */
static bool paging_enforce_snoop(struct iommu_domain *domain)
{
	struct sim_domain *dom = to_sim_domain(domain);
	struct iopt_leaf leaf;
	bool ok;

	if (!dom->iommu->tables.caps.sc)
		return false;
	if (dom->te.flags & VTD_TE_PGSNP)
		return true;
	mutex_lock(&dom->iommu->lock);
	mutex_lock(&dom->pt_lock);
	ok = list_empty(&dom->children) && list_empty(&dom->routes) &&
	     !iopt_next(&dom->pt, 0, dom->pt.ia_last, &leaf);
	if (ok) {
		dom->prot |= IOPT_SNOOP;
		dom->te.flags |= VTD_TE_PGSNP;
	}
	mutex_unlock(&dom->pt_lock);
	mutex_unlock(&dom->iommu->lock);
	return ok;
}

const struct iommu_domain_ops sim_paging_ops = {
	.attach_dev = domain_attach_op,
	.set_dev_pasid = domain_set_pasid_op,
	.map_pages = paging_map,
	.unmap_pages = paging_unmap,
	.iotlb_sync = paging_sync,
	.flush_iotlb_all = paging_flush_all,
	.iova_to_phys = paging_iova_to_phys,
	.enforce_cache_coherency = paging_enforce_snoop,
	.free = paging_free,
};

/* ---- nested --------------------------------------------------------------------------------------------- */

static void nested_free(struct iommu_domain *domain)
{
	struct sim_domain *dom = to_sim_domain(domain);

	mutex_lock(&dom->iommu->lock);
	list_del(&dom->sibling);
	mutex_unlock(&dom->iommu->lock);
	domain_delete(dom);
}

/* The range an entry names, as [*@start, *@last]. */
static int nested_range(const struct iommu_hwpt_vtd_s1_invalidate *inv, u64 *start, u64 *last)
{
	u64 length;

	if (inv->flags & ~(u32)IOMMU_VTD_INV_FLAGS_LEAF || inv->__reserved)
		return -EOPNOTSUPP;
	*start = inv->addr;
	*last = ~0ULL;
	if (inv->npages == U64_MAX)
		return inv->addr ? -EINVAL : 0;
	if (!inv->npages || inv->addr & ~PAGE_MASK)
		return -EINVAL;
	/* What leads beyond the last address ends there. */
	if (check_mul_overflow(inv->npages, (u64)PAGE_SIZE, &length) ||
	    check_add_overflow(inv->addr, length - 1, last))
		*last = ~0ULL;
	return 0;
}

static int nested_invalidate(struct iommu_domain *domain, struct iommu_user_data_array *array)
{
	struct iommu_hwpt_vtd_s1_invalidate inv;
	u64 start, last;
	u32 i;
	int rc = 0;

	if (array->type != IOMMU_HWPT_INVALIDATE_DATA_VTD_S1) {
		array->entry_num = 0;
		return -EINVAL;
	}
	for (i = 0; i < array->entry_num; i++) {
		rc = iommu_copy_struct_from_user_array(
			&inv, array, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, i, __reserved);
		if (!rc)
			rc = nested_range(&inv, &start, &last);
		if (rc)
			break;
		sim_flush_user(to_sim_domain(domain), start, last);
	}
	array->entry_num = i;
	return rc;
}

static const struct iommu_domain_ops nested_ops = {
	.attach_dev = domain_attach_op,
	.set_dev_pasid = domain_set_pasid_op,
	.cache_invalidate_user = nested_invalidate,
	.free = nested_free,
};

static int nested_te(const struct sim_domain *parent, const struct iommu_hwpt_vtd_s1 *s1,
		     struct vtd_te *te)
{
	const u64 known = IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE | IOMMU_VTD_S1_WPE;
	u64 pe[VTD_PE_WORDS];

	if (s1->flags & ~known)
		return -EOPNOTSUPP;
	if (s1->__reserved || (s1->addr_width != 48 && s1->addr_width != 57))
		return -EINVAL;
	*te = parent->te;
	te->pgtt = VTD_PGTT_NESTED;
	te->fs_root = s1->pgtbl_addr;
	te->fs_levels = s1->addr_width == 57 ? 5 : 4;
	te->flags |= s1->flags & IOMMU_VTD_S1_SRE ? VTD_TE_SRE : 0;
	te->flags |= s1->flags & IOMMU_VTD_S1_WPE ? VTD_TE_WPE : 0;
	te->flags |= s1->flags & IOMMU_VTD_S1_EAFE ? VTD_TE_EAFE : 0;
	return vtd_pe_encode(&parent->iommu->tables.caps, te, pe);
}

struct iommu_domain *sim_nested_alloc(struct device *dev, struct iommu_domain *parent_domain,
				      const struct iommu_user_data *data)
{
	struct sim_iommu *iommu = sim_dev_of(dev)->iommu;
	struct iommu_hwpt_vtd_s1 s1;
	struct sim_domain *parent, *dom;
	struct vtd_te te;
	int rc;

	if (!data || data->type != IOMMU_HWPT_DATA_VTD_S1)
		return ERR_PTR(-EOPNOTSUPP);
	if (parent_domain->ops != &sim_paging_ops)
		return ERR_PTR(-EINVAL);
	parent = to_sim_domain(parent_domain);
	if (parent->iommu != iommu || !parent->nest_parent)
		return ERR_PTR(-EINVAL);
	rc = iommu_copy_struct_from_user(&s1, data, IOMMU_HWPT_DATA_VTD_S1, __reserved);
	if (!rc)
		rc = nested_te(parent, &s1, &te);
	if (rc)
		return ERR_PTR(rc);
	dom = domain_new(iommu, SIM_NESTED, &nested_ops);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	dom->te = te;
	dom->parent = parent;
	dom->domain.type = IOMMU_DOMAIN_NESTED;
	mutex_lock(&iommu->lock);
	list_add_tail(&dom->sibling, &parent->children);
	mutex_unlock(&iommu->lock);
	return &dom->domain;
}

/* ---- shared ------------------------------------------------------------------------------------------------ */

static void shared_free(struct iommu_domain *domain)
{
	struct sim_domain *dom = to_sim_domain(domain);

	sim_shared_put(dom->shared);
	ida_free(&dom->iommu->dids, dom->te.did);
	domain_delete(dom);
}

static const struct iommu_domain_ops shared_ops = {
	.attach_dev = domain_attach_op,
	.set_dev_pasid = domain_set_pasid_op,
	.free = shared_free,
};

/*
 * The rest (type, domain.mm and its reference) is filled by whoever asks, as the kernel's IOMMU core
 * does it.
 */
struct iommu_domain *sim_shared_alloc(struct device *dev, struct mm_struct *mm)
{
	struct sim_iommu *iommu = sim_dev_of(dev)->iommu;
	struct sim_domain *dom = domain_new(iommu, SIM_SHARED, &shared_ops);
	int rc;

	if (!dom)
		return ERR_PTR(-ENOMEM);
	rc = did_take(dom);
	if (rc)
		goto err_delete;
	dom->te.pgtt = VTD_PGTT_PASS;
	dom->te.flags = VTD_TE_PWSNP;
	dom->te.flags |= iommu->tables.caps.sc ? VTD_TE_PGSNP : 0;
	dom->shared = sim_shared_make(mm);
	if (IS_ERR(dom->shared)) {
		rc = PTR_ERR(dom->shared);
		goto err_did;
	}
	return &dom->domain;

err_did:
	ida_free(&iommu->dids, dom->te.did);
err_delete:
	domain_delete(dom);
	return ERR_PTR(rc);
}
