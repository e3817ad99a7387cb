/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A pin on a number, as the allocator takes it around a handler or a work; pasid_unpin() ends it. */
#ifndef TESTS_UNIT_CORE_PIN_H
#define TESTS_UNIT_CORE_PIN_H

#include "core/pasid_alloc.h"

/** pu_pin() - keep @id, pending or not, from being reclaimed. Return: false: it is not allocated. */
static inline bool pu_pin(struct pasid_host *host, u32 id)
{
	struct pasid_rec *rec;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, id);
	if (rec)
		rec->pins++;
	spin_unlock_bh(&host->lock);
	return rec;
}

#endif
