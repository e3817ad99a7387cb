/* SPDX-License-Identifier: GPL-2.0-only */
/* Must compile: if it does not, the other answers mean nothing. */
#include <linux/iommu.h>

extern const struct iommu_ops *probe;
const struct iommu_ops *probe;
