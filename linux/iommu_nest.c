// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested domains: a guest's own table on top of a paging domain.
 *
 * A kernel domain of this kind has its table for life, so a new root is a new kernel domain that
 * takes the place of the old one on all routes. The one replaced last is kept until the next
 * change: undoing a change finds it and allocates nothing.
 *
 * The kernel takes a table's description, and invalidations, from memory of the user. Ours is in
 * the kernel, so it passes through a page of the caller's address space, mapped for the call. Should
 * another thread change that page meanwhile, the driver sees what the user could have said in the
 * first place: all of it names the guest's own table, below which the paging domain still is.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "iommu.h"
#include "compat.h"

#define MAX_INV_PAGES (BIT_ULL(57) >> PAGE_SHIFT)

/* ---- a page of the caller ----------------------------------------------------------------------- */

static int user_page_map(const void *data, size_t size, unsigned long *uaddr)
{
	unsigned long addr;

	/* A task on its way out: there is nobody to take the answer either. */
	if (!current->mm)
		return -EOPNOTSUPP;
	addr = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(addr))
		return -ENOMEM;
	if (copy_to_user((void __user *)addr, data, size)) {
		vm_munmap(addr, PAGE_SIZE);
		return -ENOMEM;
	}
	*uaddr = addr;
	return 0;
}

static void user_page_unmap(unsigned long uaddr)
{
	vm_munmap(uaddr, PAGE_SIZE);
}

/* ---- kernel domains ------------------------------------------------------------------------------- */

static int vtd_describe(const struct ioasid_table *table, struct iommu_hwpt_vtd_s1 *vtd)
{
	if (table->format != IOASID_FORMAT_VTD_FS)
		return -EOPNOTSUPP;
	*vtd = (struct iommu_hwpt_vtd_s1){
		.flags = (table->flags & IOASID_TABLE_SRE ? IOMMU_VTD_S1_SRE : 0) |
			 (table->flags & IOASID_TABLE_WPE ? IOMMU_VTD_S1_WPE : 0) |
			 (table->flags & IOASID_TABLE_EAFE ? IOMMU_VTD_S1_EAFE : 0),
		.pgtbl_addr = table->address,
		.addr_width = table->levels == 5 ? 57 : 48,
	};
	return 0;
}

static struct iommu_domain *nested_alloc(struct lin_domain *domain,
					 const struct ioasid_table *table)
{
	struct lin_iommu *iommu = lin_domain_iommu(domain);
	struct iommu_domain *parent = lin_paging_nest(domain->nested.parent);
	struct iommu_user_data data = { .type = IOMMU_HWPT_DATA_VTD_S1 };
	struct iommu_hwpt_vtd_s1 vtd;
	struct iommu_domain *kernel;
	struct lin_hw *hw;
	unsigned long uaddr;
	int rc;

	if (IS_ERR(parent))
		return parent;
	rc = vtd_describe(table, &vtd);
	if (!rc)
		rc = user_page_map(&vtd, sizeof(vtd), &uaddr);
	if (rc)
		return ERR_PTR(rc);
	data.uptr = (void __user *)uaddr;
	data.len = sizeof(vtd);
	hw = lin_iommu_borrow(iommu);
	kernel = lin_nested_alloc(hw->dev, parent, &data);
	lin_iommu_return(hw);
	user_page_unmap(uaddr);
	/* Only where they can come: a driver may refuse to attach what it cannot serve. */
	if (!IS_ERR(kernel) && iommu->faults)
		kernel->iopf_handler = lin_iopf;
	return kernel;
}

static void nested_drop(struct iommu_domain *kernel)
{
	if (kernel)
		iommu_domain_free(kernel);
}

int lin_nested_init(struct lin_domain *domain, const struct ioasid_domain_attr *attr)
{
	struct lin_nested *nested = &domain->nested;

	nested->parent = lin_domain_of(attr->parent);
	if (!attr->table)
		return PTR_ERR_OR_ZERO(lin_paging_nest(nested->parent));
	nested->root = *attr->table;
	nested->kernel = nested_alloc(domain, attr->table);
	return PTR_ERR_OR_ZERO(nested->kernel);
}

void lin_nested_free(struct lin_domain *domain)
{
	nested_drop(domain->nested.former);
	nested_drop(domain->nested.kernel);
}

/* ---- another table ---------------------------------------------------------------------------------- */

static struct iommu_domain *reached(struct lin_domain *domain, struct iommu_domain *kernel)
{
	/* No table: nothing is mapped, and requests for pages are answered "invalid". */
	return kernel ?: lin_domain_iommu(domain)->empty;
}

/* All routes lead to @kernel, or all lead where they did. */
static int switch_routes(struct lin_domain *domain, struct iommu_domain *kernel)
{
	struct iommu_domain *old = reached(domain, domain->nested.kernel);
	struct lin_route *route, *undo;
	int rc;

	list_for_each_entry(route, &domain->routes, link) {
		rc = lin_route_replace(route, reached(domain, kernel));
		if (rc)
			goto undo;
	}
	return 0;
undo:
	list_for_each_entry(undo, &domain->routes, link) {
		if (undo == route)
			break;
		WARN_ON(lin_route_replace(undo, old));
	}
	return rc;
}

static bool same_table(const struct ioasid_table *a, const struct ioasid_table *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int lin_set_table(struct ioasid_domain *core, const struct ioasid_table *table)
{
	static const struct ioasid_table none;
	struct lin_domain *domain = lin_domain_of(core);
	struct lin_nested *nested = &domain->nested;
	const struct ioasid_table *root = table ?: &none;
	struct iommu_domain *kernel = NULL;
	bool back = nested->former && same_table(root, &nested->former_root);
	int rc;

	/*
	 * The same root again is a table of its own too: the guest may have reused the page, and
	 * what is cached of the old one must go, which the change of domains sees to.
	 */
	if (back)
		kernel = nested->former;
	else if (table)
		kernel = nested_alloc(domain, table);
	if (IS_ERR(kernel))
		return lin_errno(PTR_ERR(kernel));
	rc = switch_routes(domain, kernel);
	if (rc) {
		if (!back)
			nested_drop(kernel);
		return lin_errno(rc);
	}
	if (!back)
		nested_drop(nested->former);
	nested->former = nested->kernel;
	nested->former_root = nested->root;
	nested->kernel = kernel;
	nested->root = *root;
	return lin_domain_fenced(domain);
}

/* ---- invalidation ------------------------------------------------------------------------------------- */

int lin_invalidate(struct ioasid_domain *core, struct ioasid_device *dev, u64 start, u64 last,
		   bool leaf)
{
	struct lin_domain *domain = lin_domain_of(core);
	struct iommu_domain *kernel = domain->nested.kernel;
	struct iommu_hwpt_vtd_s1_invalidate inv = {
		.flags = leaf ? IOMMU_VTD_INV_FLAGS_LEAF : 0,
	};
	struct iommu_user_data_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(inv),
		.entry_num = 1,
	};
	unsigned long uaddr;
	int rc;

	/* All devices hear of it, whichever is meant: more than asked for is allowed. */
	if (!kernel)
		return lin_domain_fenced(domain);
	if (WARN_ON(!kernel->ops->cache_invalidate_user))
		return -EOPNOTSUPP;
	inv.addr = start & PAGE_MASK;
	inv.npages = ((last - inv.addr) >> PAGE_SHIFT) + 1;
	/* More than any table translates; as bytes it might not even fit. */
	if (inv.npages > MAX_INV_PAGES) {
		inv.addr = 0;
		inv.npages = U64_MAX;
	}
	rc = user_page_map(&inv, sizeof(inv), &uaddr);
	if (rc)
		return rc;
	array.uptr = (void __user *)uaddr;
	rc = kernel->ops->cache_invalidate_user(kernel, &array);
	user_page_unmap(uaddr);
	return rc ? lin_errno(rc) : lin_domain_fenced(domain);
}
