/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this module is built for, in one place. LIN_HAVE_* come from
 * compat_defines.h, which the build makes: every file of compat/ is compiled, and where that
 * succeeds its name is defined; a symbol is looked up in the kernel's Module.symvers. Version
 * numbers say nothing, since interfaces change inside a stable series too.
 */
#ifndef IOASID_LINUX_COMPAT_H
#define IOASID_LINUX_COMPAT_H

#include <linux/iommu.h>
#include <linux/module.h>
#include <uapi/linux/iommufd.h>

#include "compat_defines.h"

#ifdef LIN_HAVE_IMPORT_NS_TOKEN
#define LIN_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#else
#define LIN_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#endif

/* Exported in the name space IOMMUFD_INTERNAL; their header is not installed. */
int iommu_attach_group_handle(struct iommu_domain *domain, struct iommu_group *group,
			      struct iommu_attach_handle *handle);
void iommu_detach_group_handle(struct iommu_domain *domain, struct iommu_group *group);
int iommu_replace_group_handle(struct iommu_group *group, struct iommu_domain *new_domain,
			       struct iommu_attach_handle *handle);
int iommu_replace_device_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
			       struct iommu_attach_handle *handle);

/**
 * lin_pasid_replace() - lead a PASID from @old to @new in one step
 * @now: handle it is attached with
 * @next: another one, unused
 *
 * Return: the handle in use afterwards, whose domain is @new; ERR_PTR: nothing has changed.
 * -EOPNOTSUPP: this kernel has no such step.
 */
static inline struct iommu_attach_handle *lin_pasid_replace(struct device *dev, ioasid_t pasid,
							    struct iommu_domain *old,
							    struct iommu_domain *new,
							    struct iommu_attach_handle *now,
							    struct iommu_attach_handle *next)
{
#ifdef LIN_HAVE_IOMMU_REPLACE_DEVICE_PASID
	int rc = iommu_replace_device_pasid(new, dev, pasid, next);

	return rc ? ERR_PTR(rc) : next;
#elif defined(LIN_HAVE_SET_PASID_OLD)
	int rc = -EOPNOTSUPP;

	/* We attached this number, and the kernel gives it to nobody else meanwhile. */
	if (new->ops->set_dev_pasid)
		rc = new->ops->set_dev_pasid(new, dev, pasid, old);
	if (rc)
		return ERR_PTR(rc);
	/* Page requests are delivered by what the handle in the kernel's books says. */
	WRITE_ONCE(now->domain, new);
	return now;
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/* What IOMMUFD does after its driver's operation: the owner is the caller's to fill in. */
static inline struct iommu_domain *lin_domain_owned(struct iommu_domain *domain,
						    const struct iommu_ops *ops)
{
	if (!IS_ERR_OR_NULL(domain))
		domain->owner = ops;
	return domain ?: ERR_PTR(-ENOMEM);
}

/** lin_nest_parent_alloc() - a paging domain that others can nest on, or ERR_PTR. */
static inline struct iommu_domain *lin_nest_parent_alloc(struct device *dev)
{
#ifdef LIN_HAVE_ALLOC_NESTED
	return iommu_paging_domain_alloc_flags(dev, IOMMU_HWPT_ALLOC_NEST_PARENT);
#elif defined(LIN_HAVE_ALLOC_USER)
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	if (!ops->domain_alloc_user)
		return ERR_PTR(-EOPNOTSUPP);
	return lin_domain_owned(
		ops->domain_alloc_user(dev, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL, NULL), ops);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/**
 * lin_plain_second() - can plain paging domains be made second-stage tables?
 * @scalable: the unit has both stages to choose from, or may have
 * @second: it has second-stage tables
 * @dirty: and these can note what is written to
 *
 * First-stage tables cannot forbid to read what may be written. Where one operation makes all
 * domains that users configure, it makes second-stage ones. Where the first stage is preferred, the
 * wish to note writes, which nobody has to make use of, leads to the second.
 */
static inline bool lin_plain_second(bool scalable, bool second, bool dirty)
{
#ifdef LIN_HAVE_ALLOC_NESTED
	return scalable && dirty;
#else
	return !scalable || second;
#endif
}

/**
 * lin_plain_alloc() - a paging domain for @dev, or ERR_PTR
 * @second_stage: what lin_plain_second() said
 *
 * Where there is an operation that takes the device into account it comes first: what the older
 * one returns shows its real page sizes and width only after an attach.
 */
static inline struct iommu_domain *lin_plain_alloc(struct device *dev, bool second_stage)
{
	struct iommu_domain *domain = ERR_PTR(-EOPNOTSUPP);
#ifdef LIN_HAVE_ALLOC_NESTED
	if (second_stage)
		domain = iommu_paging_domain_alloc_flags(dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
#elif defined(LIN_HAVE_ALLOC_USER)
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;

	if (ops->domain_alloc_user && second_stage)
		domain = lin_domain_owned(ops->domain_alloc_user(dev, 0, NULL, NULL), ops);
#endif
	return domain == ERR_PTR(-EOPNOTSUPP) ? iommu_paging_domain_alloc(dev) : domain;
}

/**
 * lin_vtd_write_reads() - can devices read what the kernel's VT-d driver enters for writing only?
 * @domain: a plain paging domain of it
 * @both: the unit has both stages
 *
 * In first-stage tables always; older drivers set the bit that means "present" there and "read"
 * in the second stage in all leaves.
 */
static inline bool lin_vtd_write_reads(const struct iommu_domain *domain, bool both)
{
#ifdef LIN_HAVE_ALLOC_NESTED
	return both && !domain->dirty_ops;
#else
	return true;
#endif
}

/** lin_nested_alloc() - a domain that walks the user's table @data, or ERR_PTR. */
static inline struct iommu_domain *lin_nested_alloc(struct device *dev, struct iommu_domain *parent,
						    const struct iommu_user_data *data)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;
	struct iommu_domain *domain = ERR_PTR(-EOPNOTSUPP);

#ifdef LIN_HAVE_ALLOC_NESTED
	if (ops->domain_alloc_nested)
		domain = ops->domain_alloc_nested(dev, parent, 0, data);
#elif defined(LIN_HAVE_ALLOC_USER)
	if (ops->domain_alloc_user)
		domain = ops->domain_alloc_user(dev, 0, parent, data);
#endif
	return lin_domain_owned(domain, ops);
}

/** lin_nested_possible() - does the driver have the operation at all? */
static inline bool lin_nested_possible(const struct iommu_ops *ops)
{
#ifdef LIN_HAVE_ALLOC_NESTED
	return ops->domain_alloc_nested;
#elif defined(LIN_HAVE_ALLOC_USER)
	return ops->domain_alloc_user;
#else
	return false;
#endif
}

/** lin_vtd_info() - what the driver says of a VT-d unit; to be freed; NULL: it is none. */
static inline struct iommu_hw_info_vtd *lin_vtd_info(struct device *dev)
{
#ifdef LIN_HAVE_HW_INFO_ENUM
	enum iommu_hw_info_type type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
#else
	u32 type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
#endif
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;
	u32 len = 0;
	void *info;

	info = ops->hw_info ? ops->hw_info(dev, &len, &type) : NULL;
	if (IS_ERR_OR_NULL(info))
		return NULL;
	if (type == IOMMU_HW_INFO_TYPE_INTEL_VTD && len >= sizeof(struct iommu_hw_info_vtd))
		return info;
	kfree(info);
	return NULL;
}

/* Page requests: switched on around fault-capable domains, or by the driver when one is attached. */
static inline int lin_iopf_enable(struct device *dev)
{
#ifdef LIN_HAVE_DEV_FEATURE
	return iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
#else
	return 0;
#endif
}

static inline void lin_iopf_disable(struct device *dev)
{
#ifdef LIN_HAVE_DEV_FEATURE
	iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
#endif
}

/** lin_domain_is_sva() - @domain holds a reference on @mm that iommu_domain_free() drops. */
static inline void lin_domain_is_sva(struct iommu_domain *domain)
{
	domain->type = IOMMU_DOMAIN_SVA;
#ifdef LIN_HAVE_COOKIE_TYPE
	domain->cookie_type = IOMMU_COOKIE_SVA;
#endif
}

/** lin_domain_unclaimed() - iommu_set_fault_handler() may be called on @domain. */
static inline bool lin_domain_unclaimed(struct iommu_domain *domain)
{
#ifdef LIN_HAVE_COOKIE_TYPE
	return domain->cookie_type == IOMMU_COOKIE_NONE;
#else
	return true;
#endif
}

#endif
