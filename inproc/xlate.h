/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The way of a request whose route and page are cached: no lock, no store but its thread's own
 * counter, no call.
 */
#ifndef INPROC_XLATE_H
#define INPROC_XLATE_H

#include "inproc/private.h"

static __always_inline struct iotlb_set *iotlb_set(const struct ioasid_host *host, u64 page,
						   u64 salt)
{
	return &host->iotlb[(page ^ salt) & host->iotlb_mask];
}

/* Return: the entry's value if it is of this page and domain and lacks nothing of @need, else 0. */
static __always_inline u64 iotlb_match(const struct iotlb_entry *e, u64 vpn, u64 tag, u32 ngen,
				       u64 need)
{
	u64 hdr = load_acquire(&e->hdr), val;

	if (load_acquire(&e->vpn) != vpn || load_acquire(&e->tag) != tag)
		return 0;
	val = load_acquire(&e->val);
	if (unlikely((hdr & (ENTRY_LOCKED | ENTRY_LOW)) != ngen || load_relaxed(&e->hdr) != hdr))
		return 0;
	return likely(!(val & need)) ? val : 0;
}

/*
 * Return: the page, with its missing permissions in the low bits, or 0: nothing is cached that says
 * yes. Pages of a process are never at 0.
 */
static __always_inline u64 iotlb_find(const struct ioasid_hostdev *dev, u32 pasid, u64 iova,
				      u64 need, bool priv)
{
	const struct ioasid_host *host = dev->host;
	const struct pasid_entry *p = &host->pasid_cache[(pasid + dev->hash) & host->pasid_mask];
	u64 hdr = load_acquire(&p->hdr) & ~ENTRY_LOCKED, vpn, tag, val;
	const struct iotlb_set *set;
	const u64 *tagp;
	const u32 *ngenp;
	u32 ngen;

	if (unlikely(load_acquire(&p->key) != (dev->key | pasid)))
		return 0;
	tagp = load_acquire(&p->tag);
	ngenp = load_acquire(&p->ngen);
	set = iotlb_set(host, iova >> PAGE_SHIFT, load_acquire(&p->salt));
	/* Only pointers of a whole entry may be followed; a locked one is never equal. */
	if (unlikely(load_relaxed(&p->hdr) != hdr))
		return 0;
	vpn = (iova >> PAGE_SHIFT) << 1 | priv;
	tag = load_acquire(tagp);
	ngen = load_acquire(ngenp);
	val = iotlb_match(&set->way[0], vpn, tag, ngen, need);
	return likely(val) ? val : iotlb_match(&set->way[1], vpn, tag, ngen, need);
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
	u64 val = iotlb_find(dev, x->pasid, x->iova, x->access & XLAT_RW, x->access & XLAT_PRIV);

	if (unlikely(!val))
		return xlate_slow(dev, x);
	stat_inc(&thread_stats(dev->host)->iotlb_hits);
	return page_pointer(val, x->iova);
}

/** xlate_init() - a request as its sender says it. */
static __always_inline void xlate_init(struct xlate *x, const struct ioasid_dma *dma, u32 access)
{
	bool pasid = dma->flags & IOASID_DMA_PASID;

	x->iova = dma->addr;
	x->pasid = IOASID_NO_PASID;
	/* All ones is not a PASID, nor the absence of one: any other number that is none will do. */
	if (pasid)
		x->pasid = dma->pasid == IOASID_NO_PASID ? IOASID_NO_PASID - 1 : dma->pasid;
	/* Only requests with PASID can claim privilege. */
	x->access = access | (pasid && dma->flags & IOASID_DMA_PRIV ? XLAT_PRIV : 0);
	x->quiet = dma->flags & IOASID_DMA_NO_REPORT;
	x->shared = false;
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
