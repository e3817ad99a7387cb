// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PASID that the kernel uses itself: while this module is loaded, a domain of its own is attached
 * to one PASID of a device, without a word to ioasid.ko. That is how the kernel's SVA layer, or a
 * driver, comes before a user.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static char *device;
module_param(device, charp, 0400);
MODULE_PARM_DESC(device, "platform device, by its name");
static uint pasid;
module_param(pasid, uint, 0400);
MODULE_PARM_DESC(pasid, "number to take");

static struct iommu_domain *hog_domain;
static struct device *hog_device;

static int __init hog_init(void)
{
	int rc;

	if (!device || !pasid)
		return -EINVAL;
	hog_device = bus_find_device_by_name(&platform_bus_type, NULL, device);
	if (!hog_device)
		return -ENODEV;
	hog_domain = iommu_paging_domain_alloc(hog_device);
	rc = PTR_ERR_OR_ZERO(hog_domain);
	if (rc)
		goto put;
	rc = iommu_attach_device_pasid(hog_domain, hog_device, pasid, NULL);
	if (!rc)
		return 0;
	iommu_domain_free(hog_domain);
put:
	put_device(hog_device);
	return rc;
}

static void __exit hog_exit(void)
{
	iommu_detach_device_pasid(hog_domain, hog_device, pasid);
	iommu_domain_free(hog_domain);
	put_device(hog_device);
}

module_init(hog_init);
module_exit(hog_exit);
MODULE_DESCRIPTION("Takes a PASID of a device");
MODULE_LICENSE("GPL");
