/* SPDX-License-Identifier: GPL-2.0-only */
/* Page requests are switched on by dev_enable_feat(), not by an attach. */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
int enable(struct device *dev, enum iommu_dev_features feature);
const struct iommu_ops probe = { .dev_enable_feat = enable };
