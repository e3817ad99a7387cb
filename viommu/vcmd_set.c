// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The responder to virtual commands whose numbers come from a set of the driver API. */
#include <linux/ioasid_alloc.h>

#include "viommu/unit.h"

static int vu_set_alloc(void *opaque, uint32_t max, uint32_t *pasid)
{
	const struct ioasid_request req = { .min = 1, .max = max };

	return ioasid_alloc_request(opaque, &req, pasid);
}

static void vu_set_free(void *opaque, uint32_t pasid)
{
	ioasid_free(opaque, pasid);
}

void vtd_unit_vcmd_set(struct vtd_unit_config *config, struct ioasid_set *set)
{
	static const struct vtd_unit_vcmd responder = {
		.pasid_alloc = vu_set_alloc,
		.pasid_free = vu_set_free,
	};

	config->vcmd = &responder;
	config->vcmd_opaque = set;
}
