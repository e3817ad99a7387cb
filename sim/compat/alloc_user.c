/* SPDX-License-Identifier: GPL-2.0-only */
/* One operation allocates domains for user space: domain_alloc_user(). */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
struct iommu_domain *alloc(struct device *dev, u32 flags, struct iommu_domain *parent,
			   const struct iommu_user_data *user_data);
const struct iommu_ops probe = { .domain_alloc_user = alloc };
