// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASID cache and IOTLB. Small arrays under a spinlock; what is looked up is copied out. Every
 * invalidation begins a new generation, and what was found in the tables under an older one is not
 * cached: it may be what the invalidation was about.
 */
#include <linux/hash.h>
#include <linux/mm.h>

#include "sim/private.h"

/* A page has two places, neighbours. */
#define WAYS 2

int sim_cache_init(struct sim_iommu *iommu)
{
	const struct ioasid_sim_iommu *c = &iommu->cfg;

	spin_lock_init(&iommu->cache_lock);
	iommu->tlb = kvcalloc(c->iotlb_entries, sizeof(*iommu->tlb), GFP_KERNEL_ACCOUNT);
	iommu->pasids =
		kvcalloc(c->pasid_cache_entries, sizeof(*iommu->pasids), GFP_KERNEL_ACCOUNT);
	return iommu->tlb && iommu->pasids ? 0 : -ENOMEM;
}

void sim_cache_destroy(struct sim_iommu *iommu)
{
	kvfree(iommu->tlb);
	kvfree(iommu->pasids);
}

bool sim_gen_is(struct sim_iommu *iommu, u64 gen)
{
	bool same;

	spin_lock(&iommu->cache_lock);
	same = iommu->gen == gen;
	spin_unlock(&iommu->cache_lock);
	return same;
}

/* ---- PASID cache --------------------------------------------------------------------------------- */

static struct sim_pasid_entry *pasid_slot(struct sim_iommu *iommu, const struct sim_source *src)
{
	u32 hash = src->rid * 0x9e5 + (src->has_pasid ? src->pasid + 1 : 0);

	return &iommu->pasids[hash & (iommu->cfg.pasid_cache_entries - 1)];
}

static bool pasid_is(const struct sim_pasid_entry *e, const struct sim_source *src)
{
	return e->dom && e->rid == src->rid && e->has_pasid == src->has_pasid &&
	       (!src->has_pasid || e->pasid == src->pasid);
}

bool sim_pasid_find(struct sim_iommu *iommu, const struct sim_source *src, struct sim_view *v)
{
	const struct sim_pasid_entry *e = pasid_slot(iommu, src);
	bool hit;

	spin_lock(&iommu->cache_lock);
	v->gen = iommu->gen;
	hit = pasid_is(e, src);
	if (hit) {
		v->dom = e->dom;
		v->te = e->te;
	}
	spin_unlock(&iommu->cache_lock);
	sim_count(iommu, hit ? SIM_PASID_HITS : SIM_PASID_MISSES, 1);
	return hit;
}

void sim_pasid_insert(struct sim_iommu *iommu, const struct sim_source *src,
		      const struct sim_view *v)
{
	struct sim_pasid_entry *e = pasid_slot(iommu, src);

	spin_lock(&iommu->cache_lock);
	if (iommu->gen == v->gen)
		*e = (struct sim_pasid_entry){
			.dom = v->dom,
			.te = v->te,
			.rid = src->rid,
			.has_pasid = src->has_pasid,
			.pasid = src->has_pasid ? src->pasid : 0,
		};
	spin_unlock(&iommu->cache_lock);
}

void sim_pasid_purge(struct sim_iommu *iommu, u16 rid, u32 pasid)
{
	const struct sim_source src = { .rid = rid, .has_pasid = pasid != 0, .pasid = pasid };
	struct sim_pasid_entry *e = pasid_slot(iommu, &src);

	spin_lock(&iommu->cache_lock);
	iommu->gen++;
	if (pasid_is(e, &src))
		e->dom = NULL;
	spin_unlock(&iommu->cache_lock);
}

/* ---- IOTLB ------------------------------------------------------------------------------------------- */

static struct sim_tlb_entry *tlb_slot(struct sim_iommu *iommu, u64 dom, u64 page)
{
	/* Pages in a row lie in a row. */
	u64 place = page + hash_64(dom, 32);

	return &iommu->tlb[place & (iommu->cfg.iotlb_entries - 1) & ~(u64)(WAYS - 1)];
}

static bool tlb_is(const struct sim_tlb_entry *e, u64 dom, u64 page, bool priv)
{
	return e->dom == dom && e->page == page && e->priv == priv;
}

bool sim_tlb_find(struct sim_iommu *iommu, const struct sim_view *v, u64 iova, u32 access, u64 *pa)
{
	struct sim_tlb_entry *e = tlb_slot(iommu, v->dom->id, iova >> PAGE_SHIFT);
	u32 need = access & XLAT_RW;
	bool hit = false;
	unsigned int i;

	spin_lock(&iommu->cache_lock);
	for (i = 0; i < WAYS && !hit; i++, e++) {
		if (tlb_is(e, v->dom->id, iova >> PAGE_SHIFT, access & XLAT_PRIV) &&
		    (e->perm & need) == need) {
			*pa = e->pa | (iova & ~PAGE_MASK);
			hit = true;
		}
	}
	spin_unlock(&iommu->cache_lock);
	sim_count(iommu, hit ? SIM_IOTLB_HITS : SIM_IOTLB_MISSES, 1);
	return hit;
}

/* The entry of the same page is replaced; else an empty place; else one of the two, in turn. */
static struct sim_tlb_entry *tlb_victim(struct sim_tlb_entry *e, u64 dom, u64 page, bool priv,
					u64 turn)
{
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (tlb_is(&e[i], dom, page, priv))
			return &e[i];
	}
	for (i = 0; i < WAYS; i++) {
		if (!e[i].dom)
			return &e[i];
	}
	return &e[turn % WAYS];
}

void sim_tlb_insert(struct sim_iommu *iommu, const struct sim_view *v, u64 iova, u32 access,
		    const struct vtd_xlat *w)
{
	u64 page = iova >> PAGE_SHIFT, turn = atomic64_read(&iommu->counters[SIM_WALKS]);
	bool priv = access & XLAT_PRIV;
	struct sim_tlb_entry *e;

	spin_lock(&iommu->cache_lock);
	if (iommu->gen == v->gen) {
		e = tlb_victim(tlb_slot(iommu, v->dom->id, page), v->dom->id, page, priv, turn);
		*e = (struct sim_tlb_entry){
			.dom = v->dom->id,
			.root = sim_domain_root(v->dom)->id,
			.page = page,
			.pa = w->oa & PAGE_MASK,
			.lg2 = max_t(u8, w->fs_lg2, PAGE_SHIFT),
			.perm = w->perm & XLAT_RW,
			.priv = priv,
		};
	}
	spin_unlock(&iommu->cache_lock);
}

/* A part of a larger guest page goes when any part of that page is named. */
static bool tlb_touches(const struct sim_tlb_entry *e, u64 start, u64 last)
{
	u64 mask = BIT_ULL(e->lg2) - 1, iova = e->page << PAGE_SHIFT;

	return (iova & ~mask) <= last && (iova | mask) >= start;
}

void sim_tlb_purge(struct sim_domain *dom, u64 start, u64 last, bool children)
{
	struct sim_iommu *iommu = dom->iommu;
	struct sim_tlb_entry *e;
	u32 i;

	spin_lock(&iommu->cache_lock);
	iommu->gen++;
	for (i = 0; i < iommu->cfg.iotlb_entries; i++) {
		e = &iommu->tlb[i];
		/* What children combined is found by no address of the parent: all of it goes. */
		if ((e->dom == dom->id && tlb_touches(e, start, last)) ||
		    (children && e->dom != dom->id && e->root == dom->id))
			e->dom = 0;
	}
	spin_unlock(&iommu->cache_lock);
}
