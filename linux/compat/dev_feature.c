// SPDX-License-Identifier: GPL-2.0-only
/* Page requests are switched on by iommu_dev_enable_feature(), not by attaching a domain. */
#include <linux/iommu.h>

int probe(struct device *dev)
{
	return iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}
