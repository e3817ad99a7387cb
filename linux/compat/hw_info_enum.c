// SPDX-License-Identifier: GPL-2.0-only
/* The type that hw_info() returns is an enum, and is also a request. */
#include <linux/iommu.h>

void *probe(const struct iommu_ops *ops, struct device *dev)
{
	enum iommu_hw_info_type type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	u32 len;

	return ops->hw_info(dev, &len, &type);
}
