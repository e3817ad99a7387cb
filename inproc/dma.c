// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The requests a device sends: reads, writes, atomics, and translation for those who copy. */
#include <unistd.h>

#include "inproc/xlate.h"

/* Three short functions per request: where they begin in a cache line shows in the figures. */
#define hot_function __attribute__((hot, aligned(INPROC_CACHE_LINE)))

hot_function void ioasid_dma_enter(void)
{
	section_enter();
}

hot_function void ioasid_dma_exit(void)
{
	section_exit();
}

/* In a section: the page of the request's first byte, by whatever way the request takes. */
static __always_inline void *dma_page(struct ioasid_hostdev *dev, u32 flags, struct xlate *x)
{
	xlate_wire(dev, x);
	if (unlikely(flags & IOASID_DMA_TRANSLATED))
		return ats_translated(dev, x);
	if (unlikely(hostdev_has_dtlb(dev)))
		return ats_page(dev, x);
	return xlate_page(dev, x);
}

/*
 * A device that only asked for the page in vain keeps that to itself: the IOMMU records what it
 * blocks, not what a device asks.
 */
int dma_failed(struct ioasid_hostdev *dev, struct ioasid_dma *dma, struct xlate *x)
{
	u32 tries = dma->page_requests;

	if (x->askable && dma->flags & IOASID_DMA_PAGE_REQUEST && dev->flags & IOASID_HOSTDEV_PRI &&
	    !section_open()) {
		if (tries == PRI_TRIES_MAX)
			return -EFAULT;
		dma->page_requests++;
		return pri_ask(dev, x, tries);
	}
	xlate_report(dev, x);
	return -EFAULT;
}

/* ---- copying --------------------------------------------------------------------------------- */

/*
 * A device is not a thread of the program: what its DMA races with is between the driver and the
 * device, so the thread sanitizer does not look at it. Nor could it: an access to the shared kind
 * may end in a signal, in the middle of the sanitizer's own bookkeeping.
 */
#ifdef __SANITIZE_THREAD__
#define unwatched __attribute__((no_sanitize("thread"))) noinline
unwatched static void dma_copy(void *dst, const void *src, size_t n)
{
	volatile unsigned char *d = dst;
	const volatile unsigned char *s = src;

	while (n--)
		*d++ = *s++;
}
#else
#define unwatched
static __always_inline void dma_copy(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
}
#endif

/* Translation and copy of at most a page, in one section. Return: 0, -EFAULT: not yet. */
static __always_inline int dma_piece(struct ioasid_hostdev *dev, u32 flags, struct xlate *x,
				     void *buf, size_t n)
{
	u32 delay = dev->host->test_delay_us;
	int rc = 0;
	void *p;

	section_enter();
	p = dma_page(dev, flags, x);
	if (unlikely(delay))
		usleep(delay);
	if (unlikely(!p))
		rc = x->shared ? shared_copy(x, buf, n) : -EFAULT;
	else if (x->access & XLAT_READ)
		dma_copy(buf, p, n);
	else
		dma_copy(p, buf, n);
	section_exit();
	return rc;
}

static int dma_pieces(struct ioasid_hostdev *dev, struct ioasid_dma *dma, struct xlate *x,
		      char *buf, size_t len)
{
	size_t n;
	int rc;

	while (len) {
		n = min(len, (size_t)(PAGE_SIZE - (x->iova & (PAGE_SIZE - 1))));
		rc = dma_piece(dev, dma->flags, x, buf, n);
		if (unlikely(rc)) {
			rc = dma_failed(dev, dma, x);
			if (rc)
				return rc;
			continue;
		}
		x->iova += n;
		buf += n;
		len -= n;
	}
	return 0;
}

static int dma_copy_all(struct ioasid_hostdev *dev, struct ioasid_dma *dma, void *buf, size_t len,
			u32 access)
{
	struct xlate x;
	u64 last;
	int rc = hostdev_enter(dev);

	if (rc)
		return rc;
	dma->page_requests = 0;
	xlate_init(&x, dma, access);
	if (len && check_add_overflow(dma->addr, (u64)len - 1, &last)) {
		xlate_wire(dev, &x);
		xlate_refuse(&x, IOASID_REASON_ADDRESS, VTD_SGN_1);
		xlate_report(dev, &x);
		rc = -EFAULT;
	} else {
		rc = dma_pieces(dev, dma, &x, buf, len);
	}
	hostdev_exit();
	return rc == -EFAULT ? xlate_blame(dma, &x) : rc;
}

int ioasid_dma_read(struct ioasid_hostdev *dev, struct ioasid_dma *dma, void *buf, size_t len)
{
	return dma_copy_all(dev, dma, buf, len, XLAT_READ);
}

int ioasid_dma_write(struct ioasid_hostdev *dev, struct ioasid_dma *dma, const void *buf,
		     size_t len)
{
	return dma_copy_all(dev, dma, (void *)(uintptr_t)buf, len, XLAT_WRITE);
}

/* ---- atomics ---------------------------------------------------------------------------------- */

#define ATOMIC_APPLY(type)                                                                         \
	unwatched static type apply_##type(type *p, enum ioasid_atomic op, type operand,           \
					   type compare)                                           \
	{                                                                                          \
		switch (op) {                                                                      \
		case IOASID_ATOMIC_FETCH_ADD:                                                      \
			return __atomic_fetch_add(p, operand, __ATOMIC_SEQ_CST);                   \
		case IOASID_ATOMIC_SWAP:                                                           \
			return __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);                  \
		default:                                                                           \
			__atomic_compare_exchange_n(p, &compare, operand, false, __ATOMIC_SEQ_CST, \
						    __ATOMIC_SEQ_CST);                             \
			return compare;                                                            \
		}                                                                                  \
	}
ATOMIC_APPLY(u32)
ATOMIC_APPLY(u64)

u64 atomic_apply(void *p, enum ioasid_atomic op, unsigned int size, u64 operand, u64 compare)
{
	if (size == sizeof(u32))
		return apply_u32(p, op, (u32)operand, (u32)compare);
	return apply_u64(p, op, operand, compare);
}

static int atomic_once(struct ioasid_hostdev *dev, u32 flags, struct xlate *x,
		       enum ioasid_atomic op, unsigned int size, u64 operand, u64 compare, u64 *old)
{
	int rc = 0;
	void *p;

	section_enter();
	p = dma_page(dev, flags, x);
	if (p)
		*old = atomic_apply(p, op, size, operand, compare);
	else
		rc = x->shared ? shared_atomic(x, op, size, operand, compare, old) : -EFAULT;
	section_exit();
	return rc;
}

int ioasid_dma_atomic(struct ioasid_hostdev *dev, struct ioasid_dma *dma, enum ioasid_atomic op,
		      unsigned int size, uint64_t operand, uint64_t compare, uint64_t *old)
{
	struct xlate x;
	u64 before = 0;
	int rc;

	if ((size != sizeof(u32) && size != sizeof(u64)) || dma->addr & (size - 1) ||
	    (unsigned int)op > IOASID_ATOMIC_CAS)
		return -EINVAL;
	rc = hostdev_enter(dev);
	if (rc)
		return rc;
	dma->page_requests = 0;
	xlate_init(&x, dma, XLAT_RW);
	do {
		rc = atomic_once(dev, dma->flags, &x, op, size, operand, compare, &before);
	} while (rc && !(rc = dma_failed(dev, dma, &x)));
	hostdev_exit();
	if (!rc)
		*old = before;
	return rc == -EFAULT ? xlate_blame(dma, &x) : rc;
}

/* ---- translation alone -------------------------------------------------------------------------- */

/* Everything but the usual: the IOTLB does not know, other kinds of request, counters to switch. */
static noinline void *translate_slow(struct ioasid_hostdev *dev, struct ioasid_dma *dma,
				     unsigned int access)
{
	struct xlate x;
	void *p;

	xlate_init(&x, dma, access & XLAT_RW);
	xlate_wire(dev, &x);
	if (dma->flags & IOASID_DMA_TRANSLATED)
		p = ats_translated(dev, &x);
	else
		p = xlate_page(dev, &x);
	if (p)
		return p;
	if (x.shared)
		xlate_refuse(&x, IOASID_REASON_NONE, 0);
	/* Who is going to ask for the page has no failure to report yet. */
	else if (!x.askable || !(dma->flags & IOASID_DMA_PAGE_REQUEST))
		xlate_report(dev, &x);
	xlate_blame(dma, &x);
	return NULL;
}

/*
 * xlate_page() once more, for the case that matters: nothing is spilled, and all that is out of the
 * ordinary leaves by one tail call.
 */
hot_function void *ioasid_dma_translate(struct ioasid_hostdev *dev, struct ioasid_dma *dma,
					unsigned int access, size_t *bytes)
{
	u32 flags = dma->flags & (IOASID_DMA_PASID | IOASID_DMA_TRANSLATED | IOASID_DMA_PRIV);
	u64 iova = dma->addr, key, val;
	/* What is not a permission in @access is not found missing, or sends it the slow way. */
	struct iotlb_want w = { .vpn = iotlb_vpn(iova, false), .need = access };
	const struct ioasid_host *host = dev->host;
	const struct iotlb_entry *e;
	u32 hash;

	*bytes = PAGE_SIZE - (iova & (PAGE_SIZE - 1));
	if (likely(flags == IOASID_DMA_PASID)) {
		key = load_relaxed(&dev->key) | dma->pasid;
		hash = dma->pasid + dev->hash;
	} else {
		key = load_relaxed(&dev->rid_key);
		hash = dev->rid_hash;
		if (flags)
			goto slow;
	}
	/* What is in its second place xlate_page() finds. */
	if (unlikely(!iotlb_route(host, key, hash, iova >> PAGE_SHIFT, &w, &e) ||
		     !iotlb_match(e, &w, &val) || inproc_self.stats_host != host))
		goto slow;
	stat_inc(&inproc_self.stats.iotlb_hits);
	return page_pointer(val, iova);
slow:
	return translate_slow(dev, dma, access);
}
