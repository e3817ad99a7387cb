// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The caches of the software IOMMU: PASID cache, IOTLB, walk (paging-structure) cache.
 *
 * Readers take no lock. A writer makes the sequence number of an entry odd, fills the entry and
 * makes the number even again; a reader that finds it odd misses, an insertion is dropped, and a
 * purge of IOTLB entries falls back to a new tag, so nobody waits for an inserter that was preempted
 * (except a purge of the PASID cache, which is rare).
 *
 * Insertion races with invalidation: a reader may have walked the old tables and insert what it
 * found after the invalidator purged. Entries that carry a tag drawn before the walk are harmless
 * after a new tag was drawn. A purge of single entries is safe by counting: the invalidator
 * increases the counter (domain's fill, host's seq), then looks at the entries; the inserter takes
 * the entry, then looks at the counter it sampled before its walk. Both are sequentially
 * consistent, so either the inserter sees the new count and drops its entry, or the purge sees the
 * entry taken or filled.
 */
#include <sched.h>

#include "inproc/xlate.h"

static __always_inline bool entry_lock(u64 *hdr)
{
	u64 old = load_relaxed(hdr);

	return !(old & ENTRY_LOCKED) &&
	       __atomic_compare_exchange_n(hdr, &old, old | ENTRY_LOCKED, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

/* Unlock, with a new nested generation. */
static __always_inline void entry_unlock(u64 *hdr, u64 ngen)
{
	store_release(hdr, ngen << ENTRY_STATE_SHIFT | ((load_relaxed(hdr) + 1) & ENTRY_SEQ));
}

/* ---- IOTLB ----------------------------------------------------------------------------------- */

/* An entry of the same page is replaced; else an empty place; else one of the two, in turn. */
static struct iotlb_entry *iotlb_victim(struct iotlb_entry *first, u64 vpn, u64 tag)
{
	struct iotlb_entry *e = first;
	unsigned int i;

	for (i = 0; i < IOTLB_WAYS; i++, e = iotlb_other(e)) {
		if (load_relaxed(&e->vpn) == vpn && load_relaxed(&e->tag) == tag)
			return e;
	}
	for (i = 0; i < IOTLB_WAYS; i++, e = iotlb_other(e)) {
		if (!load_relaxed(&e->tag))
			return e;
	}
	return inproc_self.rotor++ & 1 ? iotlb_other(first) : first;
}

static u64 entry_ngen(const struct iotlb_entry *e)
{
	return (load_relaxed(&e->hdr) & ~ENTRY_LOCKED) >> ENTRY_STATE_SHIFT;
}

void iotlb_insert(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		  u64 val)
{
	u64 page = iova >> PAGE_SHIFT, vpn = iotlb_vpn(iova, priv);
	struct iotlb_entry *e = iotlb_victim(iotlb_place(host, page, v->salt), vpn, v->tag);

	if (!entry_lock(&e->hdr))
		return;
	if (!view_current(v)) {
		entry_unlock(&e->hdr, entry_ngen(e));
		return;
	}
	store_release(&e->vpn, vpn);
	store_release(&e->tag, v->tag);
	store_release(&e->val, val);
	entry_unlock(&e->hdr, v->ngen);
}

/* Return: false: somebody is writing it. */
static bool iotlb_purge_entry(struct iotlb_entry *e, u64 page, u64 tag)
{
	if (load_seq_cst(&e->hdr) & ENTRY_LOCKED)
		return false;
	if (load_relaxed(&e->tag) != tag || load_relaxed(&e->vpn) << 1 != page << 1)
		return true;
	if (!entry_lock(&e->hdr))
		return false;
	/* It may have become another page's meanwhile; losing that one is harmless. */
	store_release(&e->tag, 0);
	entry_unlock(&e->hdr, 0);
	return true;
}

bool iotlb_purge(struct ioasid_host *host, struct inproc_domain *dom, u64 start, u64 last)
{
	u64 page, tag = load_relaxed(&dom->tag);
	struct iotlb_entry *e;

	for (page = start >> PAGE_SHIFT; page <= last >> PAGE_SHIFT; page++) {
		e = iotlb_place(host, page, dom->salt);
		if (!iotlb_purge_entry(e, page, tag) ||
		    !iotlb_purge_entry(iotlb_other(e), page, tag))
			return false;
	}
	return true;
}

/* ---- walk cache -------------------------------------------------------------------------------- */

/* Tables of the two lowest levels: the others are few and near the root. */
#define WALK_LEVELS 2

static __always_inline u64 walk_key(u64 iova, unsigned int level, bool priv)
{
	return (iova >> (21 + 9 * level)) << 2 | (u64)level << 1 | priv;
}

static __always_inline struct walk_entry *walk_slot(struct ioasid_host *host, u64 key, u64 salt)
{
	u64 h = (key >> 2) ^ salt ^ (key << 7);

	return &host->walk_cache[(h ^ h >> 9) & host->walk_mask];
}

static bool walk_entry_read(const struct walk_entry *e, const struct xlate_view *v, u64 key,
			    struct vtd_step *step)
{
	u64 hdr = load_acquire(&e->hdr), rest;

	if (hdr >> ENTRY_STATE_SHIFT != v->ngen || load_acquire(&e->key) != key ||
	    load_acquire(&e->wtag) != v->wtag)
		return false;
	step->table = load_acquire(&e->table);
	step->gpa = load_acquire(&e->gpa);
	rest = load_acquire(&e->rest);
	step->level = (u8)rest;
	step->perm = (u8)(rest >> 8);
	return load_relaxed(&e->hdr) == hdr;
}

bool walk_cache_find(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		     struct vtd_step *step)
{
	unsigned int level;
	u64 key;

	for (level = 0; level < WALK_LEVELS; level++) {
		key = walk_key(iova, level, priv);
		if (walk_entry_read(walk_slot(host, key, v->salt), v, key, step))
			return true;
	}
	return false;
}

void walk_cache_insert(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		       const struct vtd_step *step)
{
	u64 key = walk_key(iova, step->level, priv);
	struct walk_entry *e;

	if (step->level >= WALK_LEVELS)
		return;
	e = walk_slot(host, key, v->salt);
	/* Tagged entries only: a walk tag is never purged entry by entry. */
	if (!entry_lock(&e->hdr))
		return;
	store_release(&e->key, key);
	store_release(&e->wtag, v->wtag);
	store_release(&e->table, step->table);
	store_release(&e->gpa, step->gpa);
	store_release(&e->rest, (u64)step->level | (u64)step->perm << 8);
	entry_unlock(&e->hdr, v->ngen);
}

/* ---- PASID cache --------------------------------------------------------------------------------- */

static __always_inline struct pasid_entry *pasid_slot(const struct ioasid_host *host, u64 key)
{
	return &host->pasid_cache[route_hash(key) & host->pasid_mask];
}

bool pasid_cache_find(struct ioasid_host *host, u64 key, struct xlate_view *v)
{
	const struct pasid_entry *e = pasid_slot(host, key);
	u64 hdr = load_acquire(&e->hdr), te[4];
	unsigned int i;

	if (hdr & ENTRY_LOCKED || load_acquire(&e->key) != key)
		return false;
	for (i = 0; i < 4; i++)
		te[i] = load_acquire(&e->te[i]);
	v->dom = load_acquire(&e->domain);
	v->salt = load_acquire(&e->salt);
	if (load_relaxed(&e->hdr) != hdr)
		return false;
	memcpy(&v->te, te, sizeof(te));
	return true;
}

void pasid_cache_insert(struct ioasid_host *host, u64 key, const struct xlate_view *v)
{
	struct pasid_entry *e = pasid_slot(host, key);
	struct inproc_domain *dom = v->dom;
	const u64 *ngen = domain_nested(dom) ? &to_paging(dom->parent)->ngen : &host->no_ngen;
	u64 te[4];
	unsigned int i;

	if (!entry_lock(&e->hdr))
		return;
	if (load_seq_cst(&host->seq) != v->seq) {
		entry_unlock(&e->hdr, 0);
		return;
	}
	memcpy(te, &v->te, sizeof(te));
	store_release(&e->key, key);
	store_release(&e->tag, &dom->tag);
	store_release(&e->ngen, ngen);
	store_release(&e->salt, v->salt);
	store_release(&e->domain, dom);
	for (i = 0; i < 4; i++)
		store_release(&e->te[i], te[i]);
	entry_unlock(&e->hdr, 0);
}

/*
 * Empty the entry if it is of @key. host->seq has moved before, so whoever holds it drops what he
 * has, or has filled it already; an inserter holds it for a few stores only.
 */
void pasid_cache_purge(struct ioasid_host *host, u64 key)
{
	struct pasid_entry *e = pasid_slot(host, key);

	for (;;) {
		if (!(load_seq_cst(&e->hdr) & ENTRY_LOCKED)) {
			if (load_relaxed(&e->key) != key)
				return;
			if (entry_lock(&e->hdr))
				break;
		}
		sched_yield();
	}
	store_release(&e->key, 0);
	entry_unlock(&e->hdr, 0);
}

/* ---- life ------------------------------------------------------------------------------------------ */

static void *line_align(void *p)
{
	return (void *)(((uintptr_t)p + INPROC_CACHE_LINE - 1) &
			~(uintptr_t)(INPROC_CACHE_LINE - 1));
}

int cache_init(struct ioasid_host *host)
{
	const struct ioasid_host_config *c = &host->config;
	size_t bytes;

	bytes = (size_t)c->iotlb_entries * sizeof(struct iotlb_entry) +
		(size_t)c->pasid_cache_entries * sizeof(struct pasid_entry) +
		(size_t)c->walk_cache_entries * sizeof(struct walk_entry);
	host->cache_mem = os_zalloc(bytes + INPROC_CACHE_LINE);
	if (!host->cache_mem)
		return -ENOMEM;
	host->iotlb = line_align(host->cache_mem);
	host->pasid_cache = (struct pasid_entry *)(host->iotlb + c->iotlb_entries);
	host->walk_cache = (struct walk_entry *)(host->pasid_cache + c->pasid_cache_entries);
	host->iotlb_mask = c->iotlb_entries - 1;
	host->pasid_mask = c->pasid_cache_entries - 1;
	host->walk_mask = c->walk_cache_entries - 1;
	return 0;
}

void cache_destroy(struct ioasid_host *host)
{
	os_free(host->cache_mem);
}

static void wipe(u64 *hdr, u64 *tag)
{
	if (!entry_lock(hdr))
		return;
	store_release(tag, 0);
	entry_unlock(hdr, 0);
}

/* For tests and benchmarks: what is being inserted right now may survive. */
void cache_flush_all(struct ioasid_host *host)
{
	u64 i;

	for (i = 0; i <= host->pasid_mask; i++)
		wipe(&host->pasid_cache[i].hdr, &host->pasid_cache[i].key);
	for (i = 0; i <= host->iotlb_mask; i++)
		wipe(&host->iotlb[i].hdr, &host->iotlb[i].tag);
	for (i = 0; i <= host->walk_mask; i++)
		wipe(&host->walk_cache[i].hdr, &host->walk_cache[i].wtag);
}
