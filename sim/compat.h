/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernels differ that ioasid-sim.ko is built for. Each SIM_HAVE_* says that the file of
 * that name in compat/ compiles against the headers at hand; no version numbers.
 */
#ifndef IOASID_SIM_COMPAT_H
#define IOASID_SIM_COMPAT_H

#include <linux/iommu.h>

/*
 * attach_dev() may be told which domain was attached before. We know that ourselves, so the
 * operations are written without it, and these make what the kernel calls: NAME from FN.
 */
#ifdef SIM_HAVE_ATTACH_OLD
#define SIM_ATTACH_OP(name, fn)                                                                    \
	static int name(struct iommu_domain *domain, struct device *dev, struct iommu_domain *old) \
	{                                                                                          \
		return fn(domain, dev);                                                            \
	}
#else
#define SIM_ATTACH_OP(name, fn)                                          \
	static int name(struct iommu_domain *domain, struct device *dev) \
	{                                                                \
		return fn(domain, dev);                                  \
	}
#endif

/* The same for set_dev_pasid(). */
#ifdef SIM_HAVE_SET_PASID_OLD
#define SIM_SET_PASID_OP(name, fn)                                                       \
	static int name(struct iommu_domain *domain, struct device *dev, ioasid_t pasid, \
			struct iommu_domain *old)                                        \
	{                                                                                \
		return fn(domain, dev, pasid);                                           \
	}
#else
#define SIM_SET_PASID_OP(name, fn)                                                       \
	static int name(struct iommu_domain *domain, struct device *dev, ioasid_t pasid) \
	{                                                                                \
		return fn(domain, dev, pasid);                                           \
	}
#endif

/* The type hw_info() speaks of is an enum, and then says on entry which one is asked for. */
#ifdef SIM_HAVE_HW_INFO_ENUM
typedef enum iommu_hw_info_type sim_hw_info_type;
#define SIM_HW_INFO_ASKS 1
#else
typedef u32 sim_hw_info_type;
#define SIM_HW_INFO_ASKS 0
#endif

#endif
