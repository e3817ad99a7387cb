/* SPDX-License-Identifier: GPL-2.0-only */
/* The type of hw_info() is an enum. */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
void *info(struct device *dev, u32 *length, enum iommu_hw_info_type *type);
const struct iommu_ops probe = { .hw_info = info };
