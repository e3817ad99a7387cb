/* SPDX-License-Identifier: GPL-2.0-only */
/* struct iommu_ops has a bitmap of page sizes. */
#include <linux/iommu.h>

extern const struct iommu_ops probe;
const struct iommu_ops probe = { .pgsize_bitmap = 4096 };
