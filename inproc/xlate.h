/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The way of a request whose route and page are cached: no lock, no store but its thread's own
 * counter, no call.
 */
#ifndef INPROC_XLATE_H
#define INPROC_XLATE_H

#include "inproc/private.h"

/* First place of a page. */
static __always_inline struct iotlb_entry *iotlb_place(const struct ioasid_host *host, u64 page,
						       u64 salt)
{
	return &host->iotlb[(page ^ salt) & host->iotlb_mask];
}

/* Second place: the other half of the cache line. */
static __always_inline struct iotlb_entry *iotlb_other(const struct iotlb_entry *e)
{
	return (struct iotlb_entry *)((uintptr_t)e ^ sizeof(*e));
}

/* What an IOTLB entry has to say for a request. */
struct iotlb_want {
	u64 vpn;
	u64 tag;
	u64 ngen;
	u64 need;
};

/* Return: true: @val is the entry's value, the page with nothing of what is needed missing. */
static __always_inline bool iotlb_match(const struct iotlb_entry *e, const struct iotlb_want *w,
					u64 *val)
{
	u64 hdr = load_acquire(&e->hdr);

	if (load_acquire(&e->vpn) != w->vpn || load_acquire(&e->tag) != w->tag)
		return false;
	*val = load_acquire(&e->val);
	return likely(hdr >> ENTRY_STATE_SHIFT == w->ngen && load_relaxed(&e->hdr) == hdr &&
		      !(*val & w->need));
}

/*
 * The first place of a request's page, and in @w what its entry would have to say.
 * Return: false: the route is not cached.
 */
static __always_inline bool iotlb_route(const struct ioasid_host *host, u64 key, u32 hash, u64 page,
					struct iotlb_want *w, const struct iotlb_entry **e)
{
	const struct pasid_entry *p = &host->pasid_cache[hash & host->pasid_mask];
	u64 hdr = load_acquire(&p->hdr) & ~ENTRY_LOCKED, salt;
	const u64 *tag, *ngen;

	if (unlikely(load_acquire(&p->key) != key))
		return false;
	tag = load_acquire(&p->tag);
	ngen = load_acquire(&p->ngen);
	salt = load_acquire(&p->salt);
	/* Only pointers of a whole entry may be followed; a locked one is never equal. */
	if (unlikely(load_relaxed(&p->hdr) != hdr))
		return false;
	w->tag = load_acquire(tag);
	w->ngen = load_acquire(ngen);
	*e = iotlb_place(host, page, salt);
	return true;
}

static __always_inline void *page_pointer(u64 val, u64 iova)
{
	return (void *)(uintptr_t)((val & ~(PAGE_SIZE - 1)) | (iova & (PAGE_SIZE - 1)));
}

/**
 * xlate_page() - in a section: host pointer of a request's first byte
 * @dev: device
 * @x: request
 *
 * Return: pointer, good until the section ends and up to the end of the page; NULL: @x says why.
 */
static __always_inline void *xlate_page(struct ioasid_hostdev *dev, struct xlate *x)
{
	bool pasid = x->pasid != IOASID_NO_PASID;
	u64 key = pasid ? load_relaxed(&dev->key) | x->pasid : load_relaxed(&dev->rid_key);
	u32 hash = pasid ? x->pasid + dev->hash : dev->rid_hash;
	struct iotlb_want w = {
		.vpn = iotlb_vpn(x->iova, x->access & XLAT_PRIV),
		.need = x->access & XLAT_RW,
	};
	const struct iotlb_entry *e;
	u64 val;

	if (unlikely(!iotlb_route(dev->host, key, hash, x->iova >> PAGE_SHIFT, &w, &e)) ||
	    (!iotlb_match(e, &w, &val) && !iotlb_match(iotlb_other(e), &w, &val)))
		return xlate_slow(dev, x);
	stat_inc(&thread_stats(dev->host)->iotlb_hits);
	return page_pointer(val, x->iova);
}

/** xlate_init() - a request as its sender says it. */
static __always_inline void xlate_init(struct xlate *x, const struct ioasid_dma *dma, u32 access)
{
	bool pasid = dma->flags & IOASID_DMA_PASID;

	x->iova = dma->addr;
	x->by_rid = !pasid;
	x->pasid = IOASID_NO_PASID;
	/* All ones is not a PASID, nor the absence of one: any other number that is none will do. */
	if (pasid)
		x->pasid = dma->pasid == IOASID_NO_PASID ? IOASID_NO_PASID - 1 : dma->pasid;
	/* Only requests with PASID can claim privilege. */
	x->access = access | (pasid && dma->flags & IOASID_DMA_PRIV ? XLAT_PRIV : 0);
	x->quiet = dma->flags & IOASID_DMA_NO_REPORT;
	x->shared = false;
}

/**
 * xlate_wire() - what the request has on the wire
 *
 * A slice's default PASID is another context's some time after it is unbound, so what is translated takes
 * it from here in the section that it is translated in. While it is not bound the number is 0, which goes nowhere.
 */
static __always_inline void xlate_wire(const struct ioasid_hostdev *dev, struct xlate *x)
{
	if (unlikely(dev->slice) && x->by_rid)
		x->pasid = ioasid_device_rid_pasid(dev->core).val;
}

/** xlate_blame() - tell the caller of a DMA function why it failed. Return: -EFAULT. */
static inline int xlate_blame(struct ioasid_dma *dma, const struct xlate *x)
{
	dma->reason = x->reason;
	dma->arch_reason = x->arch_reason;
	dma->fault_addr = x->iova;
	return -EFAULT;
}

#endif
