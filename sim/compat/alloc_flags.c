/* SPDX-License-Identifier: GPL-2.0-only */
/* Two operations do: domain_alloc_paging_flags(), domain_alloc_nested(). */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
struct iommu_domain *paging(struct device *dev, u32 flags, const struct iommu_user_data *user_data);
struct iommu_domain *nested(struct device *dev, struct iommu_domain *parent, u32 flags,
			    const struct iommu_user_data *user_data);
const struct iommu_ops probe = {
	.domain_alloc_paging_flags = paging,
	.domain_alloc_nested = nested,
};
