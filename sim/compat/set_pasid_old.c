/* SPDX-License-Identifier: GPL-2.0-only */
/* set_dev_pasid() is told the domain that was attached before. */
#include <linux/iommu.h>

extern const struct iommu_domain_ops probe;
int set(struct iommu_domain *domain, struct device *dev, ioasid_t pasid, struct iommu_domain *old);
const struct iommu_domain_ops probe = { .set_dev_pasid = set };
