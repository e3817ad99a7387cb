// SPDX-License-Identifier: GPL-2.0-only
/* Must compile on every kernel: proof that the probes are compiled with flags that work. */
#include <linux/iommu.h>
#include <linux/module.h>

int probe(struct device *dev)
{
	return device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY);
}
