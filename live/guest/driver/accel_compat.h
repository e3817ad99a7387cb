/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels this driver is built for, 6.12 and 7.x. */
#ifndef ACCEL_COMPAT_H
#define ACCEL_COMPAT_H

#include <linux/iommu.h>
#include <linux/version.h>

/*
 * Up to 6.15 a driver switched page requests and SVA on; later kernels do both when an address
 * space that needs them is attached. A refusal is not an error here: binding will say so.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline void accel_compat_enable_sva(struct device *dev)
{
	if (!iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF) &&
	    iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_SVA))
		iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}

static inline void accel_compat_disable_sva(struct device *dev)
{
	/* Both answer an error, and change nothing, where the feature is off. */
	iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_SVA);
	iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}
#else
static inline void accel_compat_enable_sva(struct device *dev)
{
}

static inline void accel_compat_disable_sva(struct device *dev)
{
}
#endif

#endif
