// SPDX-License-Identifier: GPL-2.0-only
/* Shared address spaces follow changes of the kernel's own page tables, so x86 allows them. */
#include <linux/iommu.h>

void probe(void)
{
	iommu_sva_invalidate_kva_range(0, 1);
}
