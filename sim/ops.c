// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct iommu_ops: what the kernel's IOMMU core asks. In shape and data it is Intel's, so that users
 * of the kernel's API need one way for both.
 */
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "sim/private.h"

/* ---- the blocked domain ------------------------------------------------------------------------------ */

/*
 * It is the default as well: nothing in the kernel uses these devices, and a default that lets
 * requests pass untranslated would make the control node a way to all memory.
 */
static int blocked_attach(struct iommu_domain *domain, struct device *dev)
{
	sim_route_clear(sim_dev_of(dev), IOMMU_NO_PASID);
	return 0;
}
SIM_ATTACH_OP(blocked_attach_op, blocked_attach)

#ifdef SIM_HAVE_REMOVE_PASID
static void remove_pasid(struct device *dev, ioasid_t pasid, struct iommu_domain *domain)
{
	sim_route_clear(sim_dev_of(dev), pasid);
}
#else
static int blocked_set_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid)
{
	sim_route_clear(sim_dev_of(dev), pasid);
	return 0;
}
SIM_SET_PASID_OP(blocked_set_pasid_op, blocked_set_pasid)
#endif

static const struct iommu_domain_ops blocked_ops = {
	.attach_dev = blocked_attach_op,
#ifndef SIM_HAVE_REMOVE_PASID
	.set_dev_pasid = blocked_set_pasid_op,
#endif
};

struct iommu_domain sim_blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
	.owner = &sim_iommu_ops,
};

/* ---- other domains -------------------------------------------------------------------------------------- */

static struct iommu_domain *alloc_paging(struct device *dev)
{
	return sim_paging_alloc(dev, false);
}

#ifdef SIM_HAVE_ALLOC_USER
static struct iommu_domain *alloc_user(struct device *dev, u32 flags, struct iommu_domain *parent,
				       const struct iommu_user_data *data)
{
	if (flags & ~(parent ? 0U : (u32)IOMMU_HWPT_ALLOC_NEST_PARENT) || (!parent && data))
		return ERR_PTR(-EOPNOTSUPP);
	if (parent)
		return sim_nested_alloc(dev, parent, data);
	return sim_paging_alloc(dev, flags & IOMMU_HWPT_ALLOC_NEST_PARENT);
}
#endif

#ifdef SIM_HAVE_ALLOC_FLAGS
/* Any domain may be attached to a PASID, so asking for one that may is nothing special. */
static struct iommu_domain *alloc_paging_flags(struct device *dev, u32 flags,
					       const struct iommu_user_data *data)
{
	if (data || flags & ~(u32)(IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID))
		return ERR_PTR(-EOPNOTSUPP);
	return sim_paging_alloc(dev, flags & IOMMU_HWPT_ALLOC_NEST_PARENT);
}

static struct iommu_domain *alloc_nested(struct device *dev, struct iommu_domain *parent, u32 flags,
					 const struct iommu_user_data *data)
{
	if (flags & ~(u32)IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	return sim_nested_alloc(dev, parent, data);
}
#endif

/* ---- devices ----------------------------------------------------------------------------------------------- */

static struct iommu_device *probe_device(struct device *dev)
{
	struct sim_dev *sdev = dev_get_drvdata(dev);

	if (!sdev)
		return ERR_PTR(-ENODEV);
	dev_iommu_priv_set(dev, sdev);
	return &sdev->iommu->core;
}

/* Everything is freed by whoever made the device. */
static void release_device(struct device *dev)
{
}

static struct iommu_group *device_group(struct device *dev)
{
	struct sim_dev *self = sim_dev_of(dev), *other;
	struct iommu_group *group = NULL;

	if (self->cfg.group == IOASID_SIM_NONE)
		return generic_device_group(dev);
	mutex_lock(&self->iommu->lock);
	list_for_each_entry(other, &self->iommu->devices, link) {
		if (other != self && other->pdev && other->cfg.group == self->cfg.group)
			group = iommu_group_get(&other->pdev->dev);
		if (group)
			break;
	}
	mutex_unlock(&self->iommu->lock);
	return group ? group : generic_device_group(dev);
}

static void get_resv_regions(struct device *dev, struct list_head *head)
{
	struct iommu_resv_region *msi;

	msi = iommu_alloc_resv_region(SIM_MSI_FIRST, SIM_MSI_LAST - SIM_MSI_FIRST + 1, 0,
				      IOMMU_RESV_MSI, GFP_KERNEL);
	if (msi)
		list_add_tail(&msi->list, head);
}

static bool capable_of(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_ENFORCE_CACHE_COHERENCY:
		return sim_dev_of(dev)->iommu->tables.caps.sc;
	default:
		return false;
	}
}

static void *hw_info(struct device *dev, u32 *length, sim_hw_info_type *type)
{
	const struct sim_iommu *iommu = sim_dev_of(dev)->iommu;
	struct iommu_hw_info_vtd *info;

	if (SIM_HW_INFO_ASKS && *type != IOMMU_HW_INFO_TYPE_NONE &&
	    *type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		return ERR_PTR(-EOPNOTSUPP);
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);
	info->cap_reg = iommu->cap;
	info->ecap_reg = iommu->ecap;
	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	return info;
}

/* ---- page requests -------------------------------------------------------------------------------------------- */

static u32 response_code(enum iommu_page_response_code code)
{
	switch (code) {
	case IOMMU_PAGE_RESP_SUCCESS:
		return IOASID_RESPONSE_SUCCESS;
	case IOMMU_PAGE_RESP_INVALID:
		return IOASID_RESPONSE_INVALID;
	default:
		return IOASID_RESPONSE_FAILURE;
	}
}

static void page_response(struct device *dev, struct iopf_fault *evt,
			  struct iommu_page_response *msg)
{
	sim_pri_answer(sim_dev_of(dev), msg->grpid, response_code(msg->code));
}

#ifdef SIM_HAVE_DEV_FEAT
static int dev_feature(struct device *dev, enum iommu_dev_features feature, bool on)
{
	struct sim_dev *sdev = sim_dev_of(dev);
	int rc = 0;

	if (feature != IOMMU_DEV_FEAT_IOPF || !(sdev->cfg.flags & IOASID_SIM_PRI))
		return -ENODEV;
	mutex_lock(&sdev->iommu->lock);
	if (on)
		rc = sim_iopf_get(sdev);
	else
		sim_iopf_put(sdev);
	mutex_unlock(&sdev->iommu->lock);
	return rc;
}

static int enable_feature(struct device *dev, enum iommu_dev_features feature)
{
	return dev_feature(dev, feature, true);
}

static int disable_feature(struct device *dev, enum iommu_dev_features feature)
{
	return dev_feature(dev, feature, false);
}
#endif

/* ---- the table ---------------------------------------------------------------------------------------------------- */

const struct iommu_ops sim_iommu_ops = {
	.capable = capable_of,
	.hw_info = hw_info,
	.domain_alloc_paging = alloc_paging,
#ifdef SIM_HAVE_ALLOC_USER
	.domain_alloc_user = alloc_user,
#endif
#ifdef SIM_HAVE_ALLOC_FLAGS
	.domain_alloc_paging_flags = alloc_paging_flags,
	.domain_alloc_nested = alloc_nested,
#endif
	.domain_alloc_sva = sim_shared_alloc,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.get_resv_regions = get_resv_regions,
	.page_response = page_response,
#ifdef SIM_HAVE_DEV_FEAT
	.dev_enable_feat = enable_feature,
	.dev_disable_feat = disable_feature,
#endif
#ifdef SIM_HAVE_REMOVE_PASID
	.remove_dev_pasid = remove_pasid,
#endif
#ifdef SIM_HAVE_OPS_PGSIZES
	.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G,
#endif
	.default_domain_ops = &sim_paging_ops,
	.blocked_domain = &sim_blocked_domain,
	.default_domain = &sim_blocked_domain,
	.release_domain = &sim_blocked_domain,
	.owner = THIS_MODULE,
};
