// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Domains: the form an address space takes on one IOMMU. Made when the first route on that IOMMU
 * needs it, gone with the last; the meaning stays in the address space.
 */
#include "core/core.h"

static struct ioasid_domain *domain_find(struct ioas *ioas, struct ioasid_iommu *iommu)
{
	struct ioasid_domain *domain;

	list_for_each_entry(domain, &ioas->domains, link) {
		if (domain->iommu == iommu)
			return domain;
	}
	return NULL;
}

static int check_snoop(const struct ioas *ioas, const struct ioasid_iommu *iommu, u32 *refusal)
{
	if (ioas->snoop != IOASID_SNOOP_ENFORCE || iommu->caps & IOASID_IOMMU_SNOOP)
		return 0;
	*refusal = IOASID_REFUSAL_SNOOP;
	return -EOPNOTSUPP;
}

/* What was mapped before must be within reach of this IOMMU. */
static int check_maps(struct ioas *ioas, struct ioasid_iommu *iommu, u32 *refusal)
{
	struct ioas_map *map;
	int rc = 0;

	if (!ioas->maps)
		return 0;
	*refusal = IOASID_REFUSAL_APERTURE;
	if (ioas->addr_bits && ioas_input_last(ioas) > iommu->last)
		return -EOPNOTSUPP;
	mutex_lock(ioas_family_lock(ioas));
	for (map = ioas_map_first(ioas, 0, ~0UL); map; map = ioas_map_next(map, 0, ~0UL)) {
		cond_resched();
		if (map->iova.last > iommu->last ||
		    ioas_map_reserved(iommu, map->iova.start, map->iova.last)) {
			rc = -EOPNOTSUPP;
			break;
		}
	}
	mutex_unlock(ioas_family_lock(ioas));
	return rc;
}

static void domain_fill(struct ioas *ioas, struct ioasid_iommu *iommu, struct ioasid_domain *domain)
{
	domain->iommu = iommu;
	domain->ioas = ioas;
	domain->users = 1;
	list_add_tail(&domain->link, &ioas->domains);
	atomic64_inc(&ioas->ctx->machine->nr_domains);
}

static struct ioasid_domain *paging_domain(struct ioas *ioas, struct ioasid_iommu *iommu,
					   u32 *refusal)
{
	struct ioasid_domain_attr attr = {
		.type = IOASID_DOMAIN_PAGING,
		.snoop = ioas->snoop,
		.addr_bits = ioas->addr_bits,
		.nest_parent = iommu->caps & IOASID_IOMMU_NESTING,
	};
	struct ioasid_domain *domain;
	int rc;

	rc = check_maps(ioas, iommu, refusal);
	if (rc)
		return ERR_PTR(rc);
	*refusal = IOASID_REFUSAL_FORMAT;
	domain = iommu->ops->domain_alloc(iommu, &attr);
	if (IS_ERR(domain))
		return domain;
	domain_fill(ioas, iommu, domain);
	mutex_lock(ioas_family_lock(ioas));
	rc = ioas_populate(ioas, domain);
	mutex_unlock(ioas_family_lock(ioas));
	if (rc) {
		ioas_domain_put(domain);
		return ERR_PTR(rc);
	}
	return domain;
}

static struct ioasid_domain *nested_domain(struct ioas *ioas, struct ioasid_iommu *iommu,
					   u32 *refusal)
{
	struct ioasid_domain_attr attr = {
		.type = IOASID_DOMAIN_NESTED,
		.snoop = ioas->snoop,
		.table = ioas->table.format ? &ioas->table : NULL,
	};
	struct ioasid_domain *domain;

	*refusal = IOASID_REFUSAL_NO_NESTING;
	if (!(iommu->caps & IOASID_IOMMU_NESTING))
		return ERR_PTR(-EOPNOTSUPP);
	attr.parent = ioas_domain_get(ioas->parent, iommu, refusal);
	if (IS_ERR(attr.parent))
		return attr.parent;
	*refusal = IOASID_REFUSAL_FORMAT;
	domain = iommu->ops->domain_alloc(iommu, &attr);
	if (IS_ERR(domain))
		ioas_domain_put(attr.parent);
	else
		domain_fill(ioas, iommu, domain);
	return domain;
}

static struct ioasid_domain *shared_domain(struct ioas *ioas, struct ioasid_iommu *iommu,
					   u32 *refusal)
{
	struct ioasid_domain_attr attr = {
		.type = IOASID_DOMAIN_SHARED,
		.snoop = ioas->snoop,
		.owner = ioas->owner,
	};
	struct ioasid_domain *domain;

	*refusal = IOASID_REFUSAL_SHARED;
	if (!(iommu->caps & IOASID_IOMMU_SHARED))
		return ERR_PTR(-EOPNOTSUPP);
	domain = iommu->ops->domain_alloc(iommu, &attr);
	if (!IS_ERR(domain))
		domain_fill(ioas, iommu, domain);
	return domain;
}

/**
 * ioas_domain_get() - the domain of @ioas on @iommu, made if needed
 * @ioas: attachable address space
 * @iommu: IOMMU of the device to attach
 * @refusal: set when the answer is an error
 *
 * Context: ctx->lock for writing.
 * Return: domain with one more user, or ERR_PTR: -EOPNOTSUPP, -ENOMEM.
 */
struct ioasid_domain *ioas_domain_get(struct ioas *ioas, struct ioasid_iommu *iommu, u32 *refusal)
{
	struct ioasid_domain *domain = domain_find(ioas, iommu);
	int rc;

	if (domain) {
		domain->users++;
		return domain;
	}
	rc = check_snoop(ioas, iommu, refusal);
	if (rc)
		return ERR_PTR(rc);
	switch (ioas->kind->domain) {
	case IOASID_DOMAIN_NESTED:
		return nested_domain(ioas, iommu, refusal);
	case IOASID_DOMAIN_SHARED:
		return shared_domain(ioas, iommu, refusal);
	default:
		return paging_domain(ioas, iommu, refusal);
	}
}

/** ioas_domain_put() - one user less; with the last the domain goes, and lets go of its parent. */
void ioas_domain_put(struct ioasid_domain *domain)
{
	struct ioasid_iommu *iommu = domain->iommu;
	struct ioas *ioas = domain->ioas;

	if (--domain->users)
		return;
	list_del(&domain->link);
	atomic64_sub(1, &ioas->ctx->machine->nr_domains);
	iommu->ops->domain_free(domain);
	if (ioas->kind->domain == IOASID_DOMAIN_NESTED)
		ioas_domain_put(domain_find(ioas->parent, iommu));
}
