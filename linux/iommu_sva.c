// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared domains: devices walk the page table of a process.
 *
 * Hardware that does so may also cache entries of the kernel's half of that table, which every
 * process has. Only the kernel's SVA layer knows when those change, and it tells the IOMMUs of
 * processes that are bound to a device through it. So a route to such a domain binds the process
 * to the device first and keeps that bond; the domain it then leads to is the bond's own, by our
 * number besides the kernel's. Kernels whose SVA layer does not do this on x86 refuse to bind.
 *
 * A driver that is a module drives no hardware on x86 (those are built in): it walks in software,
 * never touches the kernel's half, and is asked for a domain directly.
 *
 * The process may die at any time: the driver's mmu notifier then makes every access fail.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "iommu.h"
#include "compat.h"

/* Numbers kept free for users, who count from one upwards, while the kernel picks its own. */
#define LOW_NUMBERS    4096U
#define VTD_ECAP_SMPWC BIT_ULL(48)

/* ---- the process --------------------------------------------------------------------------------- */

void *lin_shared_get(struct ioasid_ctx *ctx)
{
	if (!current->mm)
		return ERR_PTR(-EINVAL);
	mmgrab(current->mm);
	return current->mm;
}

void lin_shared_put(void *owner)
{
	mmdrop(owner);
}

/* ---- domains -------------------------------------------------------------------------------------- */

static bool kernel_follows(struct device *dev)
{
	struct iommu_hw_info_vtd *vtd = lin_vtd_info(dev);
	bool coherent = !vtd || vtd->ecap_reg & VTD_ECAP_SMPWC;

	kfree(vtd);
#ifdef LIN_HAVE_SVA_KERNEL_TABLES
	return coherent;
#else
	return coherent && !IS_ENABLED(CONFIG_X86);
#endif
}

bool lin_sva_possible(struct device *dev, bool faults, bool *direct)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	*direct = IS_ENABLED(CONFIG_X86) && ops->owner;
	if (!ops->domain_alloc_sva || !dev->iommu->max_pasids)
		return false;
	return *direct || (faults && kernel_follows(dev));
}

static struct iommu_domain *direct_alloc(struct lin_iommu *iommu, struct device *dev,
					 struct mm_struct *mm)
{
	struct iommu_domain *kernel;

	/* A process on its way out has no address space to share any more. */
	if (!mmget_not_zero(mm))
		return NULL;
	kernel = iommu->ops->domain_alloc_sva(dev, mm);
	mmput(mm);
	if (IS_ERR_OR_NULL(kernel))
		return kernel ?: ERR_PTR(-ENOMEM);
	mmgrab(mm);
	kernel->mm = mm;
	kernel->owner = iommu->ops;
	lin_domain_is_sva(kernel);
	if (iommu->faults)
		kernel->iopf_handler = lin_sva_iopf;
	return kernel;
}

int lin_shared_alloc(struct lin_domain *domain, const struct ioasid_domain_attr *attr)
{
	struct lin_iommu *iommu = lin_domain_iommu(domain);
	struct lin_shared *shared = &domain->shared;

	if (!attr->owner)
		return -EOPNOTSUPP;
	if (iommu->sva_direct) {
		shared->kernel = direct_alloc(iommu, domain->dev, attr->owner);
		if (IS_ERR(shared->kernel))
			return PTR_ERR(shared->kernel);
	}
	shared->mm = attr->owner;
	mmgrab(shared->mm);
	return 0;
}

void lin_shared_free(struct lin_domain *domain)
{
	if (domain->shared.kernel)
		iommu_domain_free(domain->shared.kernel);
	mmdrop(domain->shared.mm);
}

/* ---- bonds ------------------------------------------------------------------------------------------ */

/*
 * Bind, while the lowest numbers are held: the kernel's own number for the process, which it keeps
 * for life and which users of the device cannot have, is then none of those. Speed and comfort
 * only: whatever cannot be held is not.
 */
static struct iommu_sva *bind_high(struct device *dev, struct mm_struct *mm)
{
	u32 room = min(LOW_NUMBERS, dev->iommu->max_pasids / 2), n = 0;
	u32 *held = NULL;
	struct iommu_sva *bond;

	if (!mm_valid_pasid(mm))
		held = kvmalloc_array(room, sizeof(*held), GFP_KERNEL);
	while (held && n < room) {
		held[n] = iommu_alloc_global_pasid(dev);
		if (held[n] == IOMMU_PASID_INVALID)
			break;
		if (held[n++] >= room)
			break;
	}
	bond = iommu_sva_bind_device(dev, mm);
	while (n)
		iommu_free_global_pasid(held[--n]);
	kvfree(held);
	return bond;
}

struct iommu_domain *lin_shared_bind(struct lin_domain *domain, struct lin_hw *hw,
				     struct iommu_sva **bond)
{
	struct lin_iommu *iommu = lin_domain_iommu(domain);
	struct mm_struct *mm = domain->shared.mm;

	*bond = NULL;
	if (iommu->sva_direct)
		return domain->shared.kernel ?: iommu->empty;
	/* By RID alone there is no process's table on any hardware. */
	if (!hw)
		return ERR_PTR(-EOPNOTSUPP);
	if (!mmget_not_zero(mm))
		return iommu->empty;
	*bond = bind_high(hw->dev, mm);
	mmput(mm);
	if (IS_ERR(*bond)) {
		struct iommu_domain *error = ERR_CAST(*bond);

		*bond = NULL;
		return error;
	}
	return (*bond)->handle.domain;
}

void lin_shared_unbind(struct iommu_sva *bond)
{
	if (bond)
		iommu_sva_unbind_device(bond);
}
