// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Numbers of functions with slices, as far as the host's allocator is concerned: they are charged to
 * the group of who takes them, once per device, and the split stands still while one is out. Which
 * number it is, core/function.c says. Source: design sections 5.4 and 6.
 */
#include "core/pasid_alloc.h"

int pasid_parent_charge(struct pasid_host *host, struct limit_group **charged)
{
	struct limit_group *group = host->ops->limit_get ? host->ops->limit_get(host) : NULL;
	int rc;

	if (IS_ERR(group))
		return (int)PTR_ERR(group);
	rc = limit_charge(group, 1, NULL);
	if (!rc) {
		spin_lock_bh(&host->lock);
		host->nr_parent++;
		spin_unlock_bh(&host->lock);
	}
	/* What is charged keeps the group. */
	if (group)
		limit_group_put(group);
	*charged = rc ? NULL : group;
	return rc ? -EDQUOT : 0;
}

void pasid_parent_uncharge(struct pasid_host *host, struct limit_group *charged)
{
	if (charged)
		limit_uncharge(charged, 1);
	spin_lock_bh(&host->lock);
	host->nr_parent--;
	spin_unlock_bh(&host->lock);
}
