/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels this module is built for, 6.12 and 7.x. */
#ifndef HWCHECK_COMPAT_H
#define HWCHECK_COMPAT_H

#include <linux/iommu.h>
#include <linux/version.h>
#include <uapi/linux/iommufd.h>

/* Declared in a header of the IOMMU subsystem's own, exported all the same. */
int iommu_attach_group_handle(struct iommu_domain *domain, struct iommu_group *group,
			      struct iommu_attach_handle *handle);
void iommu_detach_group_handle(struct iommu_domain *domain, struct iommu_group *group);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(IOMMUFD_INTERNAL);

static inline struct iommu_domain *hwcheck_alloc_parent(struct device *dev)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	return ops->domain_alloc_user(dev, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL, NULL);
}

static inline struct iommu_domain *hwcheck_alloc_nested(struct device *dev,
							struct iommu_domain *parent,
							const struct iommu_user_data *data)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	return ops->domain_alloc_user(dev, 0, parent, data);
}
#else
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");

static inline struct iommu_domain *hwcheck_alloc_parent(struct device *dev)
{
	return iommu_paging_domain_alloc_flags(dev, IOMMU_HWPT_ALLOC_NEST_PARENT |
							    IOMMU_HWPT_ALLOC_PASID);
}

static inline struct iommu_domain *hwcheck_alloc_nested(struct device *dev,
							struct iommu_domain *parent,
							const struct iommu_user_data *data)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	return ops->domain_alloc_nested(dev, parent, IOMMU_HWPT_ALLOC_PASID, data);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline int hwcheck_enable_iopf(struct device *dev)
{
	return iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}

static inline void hwcheck_disable_iopf(struct device *dev)
{
	iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}
#else
static inline int hwcheck_enable_iopf(struct device *dev)
{
	return 0;
}

static inline void hwcheck_disable_iopf(struct device *dev)
{
}
#endif

#endif
