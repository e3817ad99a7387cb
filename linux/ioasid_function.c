// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions: devices of the kernel that several devices of ours are slices of, and perhaps one is all
 * of. What they share is here: the device behind its IOMMU, and the core's space of numbers.
 *
 * A function lives from registration to unregistration, and is behind its IOMMU all that time; its
 * devices come and go in between. Which of them may be bound together the core decides; the kernel
 * agrees, since it gives nobody the DMA of a group in which PASIDs are attached, nor of one whose
 * driver has it.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "iommu.h"

static int function_enter(struct ioasid_kfunction *fn, const struct ioasid_kfunction_desc *desc)
{
	struct ioasid_function_desc core = {
		.kept_first = desc->kept_first,
		.kept_last = desc->kept_last,
	};
	struct lin_hw_info info;
	int rc = lin_iommu_enter(&fn->hw, &info);

	if (rc)
		return rc;
	fn->pasid_bits = desc->pasid_bits ? min(desc->pasid_bits, info.pasid_bits) :
					    info.pasid_bits;
	core.iommu = info.iommu;
	core.pasid_bits = fn->pasid_bits;
	/* PASIDs of devices that the hardware cannot tell apart would be one and the same. */
	if (!fn->pasid_bits || !lin_iommu_alone(&fn->hw))
		rc = -EOPNOTSUPP;
	if (!rc) {
		fn->core = ioasid_function_create(&lin_machine, &core, fn);
		rc = PTR_ERR_OR_ZERO(fn->core);
	}
	if (rc)
		lin_iommu_leave(&fn->hw);
	return rc;
}

struct ioasid_kfunction *ioasid_register_function(const struct ioasid_kfunction_desc *desc)
{
	struct ioasid_kfunction *fn;
	int rc;

	if (!desc->dev)
		return ERR_PTR(-EINVAL);
	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->hw.dev = get_device(desc->dev);
	rc = function_enter(fn, desc);
	if (!rc)
		return fn;
	put_device(fn->hw.dev);
	kfree(fn);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_GPL(ioasid_register_function);

void ioasid_unregister_function(struct ioasid_kfunction *fn)
{
	ioasid_function_destroy(fn->core);
	lin_iommu_leave(&fn->hw);
	put_device(fn->hw.dev);
	kfree(fn);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_function);

int ioasid_kfunction_use(struct ioasid_kfunction *fn, bool use)
{
	return ioasid_function_host_use(fn->core, use);
}
EXPORT_SYMBOL_GPL(ioasid_kfunction_use);

void lin_function_describe(struct ioasid_kfunction *fn, struct lin_hw_info *info,
			   struct ioasid_device_desc *core)
{
	info->iommu = &fn->hw.iommu->core;
	info->group = IOASID_INVALID;
	info->pasid_bits = fn->pasid_bits;
	core->function = fn->core;
}
