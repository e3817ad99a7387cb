/* SPDX-License-Identifier: GPL-2.0-only */
/* PASIDs are detached by remove_dev_pasid(), not by attaching the blocked domain. */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
void rem(struct device *dev, ioasid_t pasid, struct iommu_domain *domain);
const struct iommu_ops probe = { .remove_dev_pasid = rem };
