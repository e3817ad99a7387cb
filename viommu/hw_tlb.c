// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Hardware mode: a cache of translations, for the unit and for devices. Few entries, so no index. */
#include "viommu/hw.h"

int vu_tlb_init(struct vu_tlb *tlb, u32 nr)
{
	tlb->entry = kcalloc(nr, sizeof(*tlb->entry), GFP_KERNEL);
	tlb->nr = nr;
	tlb->next = 0;
	return tlb->entry ? 0 : -ENOMEM;
}

void vu_tlb_destroy(struct vu_tlb *tlb)
{
	kfree(tlb->entry);
	tlb->entry = NULL;
	tlb->nr = 0;
}

static bool vu_tlb_covers(const struct vu_tlb_entry *e, u64 iova)
{
	return (e->iova ^ iova) >> e->lg2 == 0;
}

/* Second-stage translations belong to the domain, others to the PASID in it. */
static bool vu_tlb_same(const struct vu_tlb_key *a, const struct vu_tlb_key *b)
{
	if (a->pgtt != b->pgtt || a->did != b->did)
		return false;
	return a->pgtt == VTD_PGTT_SS || (a->pasid == b->pasid && a->priv == b->priv);
}

struct vu_tlb_entry *vu_tlb_find(struct vu_tlb *tlb, const struct vu_tlb_key *key, u64 iova,
				 u8 perm)
{
	struct vu_tlb_entry *e, *best = NULL;
	u32 i;

	for (i = 0; i < tlb->nr; i++) {
		e = &tlb->entry[i];
		if (e->key.pgtt && vu_tlb_covers(e, iova) && vu_tlb_same(&e->key, key) &&
		    (e->perm & perm) == perm && (!best || e->lg2 < best->lg2))
			best = e;
	}
	return best;
}

void vu_tlb_add(struct vu_tlb *tlb, const struct vu_tlb_entry *entry)
{
	struct vu_tlb_entry *e;
	u32 i;

	for (i = 0; i < tlb->nr; i++) {
		e = &tlb->entry[i];
		if (e->key.pgtt && e->lg2 == entry->lg2 && vu_tlb_covers(e, entry->iova) &&
		    vu_tlb_same(&e->key, &entry->key))
			e->key.pgtt = 0;
	}
	if (!tlb->nr)
		return;
	tlb->entry[tlb->next] = *entry;
	tlb->next = (tlb->next + 1) % tlb->nr;
}

/*
 * A page of the first stage may be cached in parts; an invalidation of any address in it means all
 * of them, as software need not know how it was cached.
 */
static bool vu_tlb_overlaps(const struct vu_tlb_entry *e, u64 start, u64 last)
{
	u64 mask = (1ull << (e->fs_lg2 > e->lg2 ? e->fs_lg2 : e->lg2)) - 1;

	return (e->iova & ~mask) <= last && (e->iova | mask) >= start;
}

bool vu_tlb_entry_matches(const struct vu_tlb_entry *e, const struct vu_tlb_range *range)
{
	bool second = e->key.pgtt == VTD_PGTT_SS || e->key.pgtt == VTD_PGTT_PASS;
	bool ranged = second ? range->second_range : range->first_range;

	if (!e->key.pgtt || !(second ? range->second : range->first))
		return false;
	if (range->by_did && e->key.did != range->did)
		return false;
	if (range->by_pasid && e->key.pasid != range->pasid)
		return false;
	return !ranged || vu_tlb_overlaps(e, range->start, range->last);
}

u32 vu_tlb_purge(struct vu_tlb *tlb, const struct vu_tlb_range *range)
{
	u32 i, n = 0;

	for (i = 0; i < tlb->nr; i++) {
		if (!vu_tlb_entry_matches(&tlb->entry[i], range))
			continue;
		tlb->entry[i].key.pgtt = 0;
		n++;
	}
	return n;
}
