// SPDX-License-Identifier: GPL-2.0-only
/* Nested domains and parents of them have operations of their own. */
#include <linux/iommu.h>

struct iommu_domain *probe(const struct iommu_ops *ops, struct device *dev,
			   struct iommu_domain *parent, const struct iommu_user_data *data)
{
	if (!parent)
		return iommu_paging_domain_alloc_flags(dev, IOMMU_HWPT_ALLOC_NEST_PARENT);
	return ops->domain_alloc_nested(dev, parent, 0, data);
}
