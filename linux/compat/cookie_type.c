// SPDX-License-Identifier: GPL-2.0-only
/* A domain says which member of its union is in use. */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain)
{
	return domain->cookie_type == IOMMU_COOKIE_SVA;
}
