// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid_dma_map(): host pointers that an emulated device keeps for longer than a section.
 *
 * A hold is entered in its address space's list before the section of its translation ends. An
 * invalidation numbers itself (fill), waits for sections, and then finds every hold that was made
 * before its number; later ones saw the new tables already and do not concern it.
 *
 * Holds through a user table remember which pages of the parent they lead to, so that an unmap of
 * the parent calls back those and no others.
 */
#include <stdlib.h>

#include "inproc/xlate.h"

/* A piece of the parent's address space. */
struct hold_gpa {
	u64 start;
	u64 last;
};

/**
 * struct ioasid_hold - see ioasid_dma_map()
 * @link: in the list of the domain at the bottom, under host->hold_lock
 * @start, @last: of the domain's input
 * @fill, @root_fill: made under these counts of the domain and of its parent
 * @recalled: @called_back was called; @calling: it is running; @released: and the hold was given
 *            back meanwhile, by it or by another thread: its caller frees it
 * @gpa, @nr_gpa: user tables: where it leads
 */
struct ioasid_hold {
	struct list_head link;
	struct ioasid_host *host;
	struct ioasid_hostdev *fn;
	struct inproc_domain *dom;
	u64 start;
	u64 last;
	u32 pasid;
	u32 fill;
	u32 root_fill;
	u32 nr_gpa;
	bool recalled;
	bool calling;
	bool released;
	void (*called_back)(struct ioasid_hold *hold, void *opaque);
	void *opaque;
	struct hold_gpa *gpa;
};

/* State of a translation in progress: what of the caller's room is used. */
struct hold_build {
	struct iovec *iov;
	unsigned int room;
	unsigned int nr;
	struct hold_gpa *gpa;
	unsigned int nr_gpa;
};

/* ---- making ---------------------------------------------------------------------------------- */

/* Return: false: no room. */
static bool build_add(struct hold_build *b, u64 host, u64 gpa, size_t n)
{
	struct iovec *end = b->nr ? &b->iov[b->nr - 1] : NULL;
	struct hold_gpa *gend = b->nr_gpa ? &b->gpa[b->nr_gpa - 1] : NULL;

	if (end && (u64)(uintptr_t)end->iov_base + end->iov_len == host) {
		end->iov_len += n;
	} else {
		if (b->nr == b->room)
			return false;
		b->iov[b->nr++] = (struct iovec){ (void *)(uintptr_t)host, n };
	}
	/* Never more pieces than pages, which is what there is room for. */
	if (gend && gend->last + 1 == gpa)
		gend->last += n;
	else
		b->gpa[b->nr_gpa++] = (struct hold_gpa){ gpa, gpa + (n - 1) };
	return true;
}

/*
 * In a section: translate [@x->iova, @last]. The walk goes past the IOTLB, which does not know
 * guest-physical addresses; it sets accessed and dirty bits for all that may be done with the
 * pointers.
 */
static int build_all(struct ioasid_hostdev *dev, struct xlate *x, u64 last, struct hold_build *b,
		     struct xlate_view *v)
{
	struct vtd_xlat w;
	u64 left, n;

	b->nr = 0;
	b->nr_gpa = 0;
	if (load_relaxed(&dev->blocked)) {
		xlate_refuse(x, IOASID_REASON_NO_ROUTE, VTD_SCT_2);
		return -EFAULT;
	}
	/* A large page of the guest may span the window of interrupts. */
	if (x->pasid == IOASID_NO_PASID && x->iova <= INPROC_MSI_LAST && last >= INPROC_MSI_FIRST) {
		xlate_refuse(x, IOASID_REASON_ADDRESS, VTD_SGN_8);
		x->iova = max(x->iova, (u64)INPROC_MSI_FIRST);
		return -EFAULT;
	}
	if (!xlate_view_get(dev, x, VTD_REQ_UNTRANSLATED, v))
		return -EFAULT;
	if (v->te.pgtt == VTD_PGTT_PASS)
		return -EOPNOTSUPP;
	for (;;) {
		if (xlate_walk(dev->host, v, x->iova, x->access, &w)) {
			xlate_fail(x, v, &w);
			return -EFAULT;
		}
		left = last - x->iova;
		n = min(left, (BIT_ULL(w.lg2) - 1) & ~x->iova);
		if (!build_add(b, w.oa, domain_nested(v->dom) ? w.gpa : x->iova, n + 1))
			return -E2BIG;
		if (n == left)
			return 0;
		x->iova += n + 1;
	}
}

/* In a section. Return: false: something was invalidated meanwhile. */
static bool hold_enter(struct ioasid_host *host, struct ioasid_hold *hold, u32 pasid,
		       const struct xlate_view *v, const struct hold_build *b)
{
	bool good;

	hold->dom = v->dom;
	hold->pasid = pasid;
	hold->fill = v->fill;
	hold->root_fill = v->root_fill;
	hold->nr_gpa = b->nr_gpa;
	mutex_lock(&host->hold_lock);
	good = view_current(v);
	if (good) {
		list_add_tail(&hold->link, &domain_root(v->dom)->holds);
		store_relaxed(&host->nr_holds, host->nr_holds + 1);
	}
	mutex_unlock(&host->hold_lock);
	return good;
}

static int hold_once(struct ioasid_hostdev *dev, struct xlate *x, struct ioasid_hold *hold,
		     struct hold_build *b)
{
	struct xlate_view v;
	int rc;

	section_enter();
	do {
		x->iova = hold->start;
		xlate_wire(dev, x);
		rc = build_all(dev, x, hold->last, b, &v);
	} while (!rc && !hold_enter(dev->host, hold, x->pasid, &v, b));
	section_exit();
	return rc;
}

static int hold_make(struct ioasid_hostdev *dev, struct ioasid_dma *dma, struct ioasid_hold *hold,
		     struct hold_build *b, unsigned int access)
{
	struct xlate x;
	int rc;

	xlate_init(&x, dma, access);
	dma->page_requests = 0;
	for (;;) {
		rc = hold_once(dev, &x, hold, b);
		if (rc == -EFAULT)
			rc = dma_failed(dev, dma, &x);
		else
			return rc;
		if (rc)
			return rc == -EFAULT ? xlate_blame(dma, &x) : rc;
	}
}

int ioasid_dma_map(struct ioasid_hostdev *dev, struct ioasid_dma *dma, size_t len,
		   unsigned int access, struct iovec *iov, unsigned int *iovcnt,
		   void (*called_back)(struct ioasid_hold *hold, void *opaque), void *opaque,
		   struct ioasid_hold **out)
{
	struct hold_build b = { .iov = iov, .room = *iovcnt };
	struct ioasid_hold *hold;
	u64 last;
	int rc;

	if (!len || !(access & XLAT_RW) || dma->flags & IOASID_DMA_TRANSLATED ||
	    check_add_overflow(dma->addr, (u64)len - 1, &last))
		return -EINVAL;
	rc = hostdev_enter(dev);
	if (rc)
		return rc;
	hold = os_zalloc(sizeof(*hold));
	b.gpa = kcalloc((last >> PAGE_SHIFT) - (dma->addr >> PAGE_SHIFT) + 1, sizeof(*b.gpa),
			GFP_KERNEL);
	if (hold && b.gpa) {
		hold->host = dev->host;
		hold->fn = dev->fn;
		hold->start = dma->addr;
		hold->last = last;
		hold->called_back = called_back;
		hold->opaque = opaque;
		hold->gpa = b.gpa;
		rc = hold_make(dev, dma, hold, &b, access & XLAT_RW);
	} else {
		rc = -ENOMEM;
	}
	hostdev_exit();
	if (rc) {
		os_free(b.gpa);
		os_free(hold);
		return rc;
	}
	*iovcnt = b.nr;
	*out = hold;
	return 0;
}

static void hold_free(struct ioasid_hold *hold)
{
	os_free(hold->gpa);
	os_free(hold);
}

void ioasid_dma_unmap(struct ioasid_hold *hold)
{
	struct ioasid_host *host;
	bool calling;

	if (!hold)
		return;
	host = hold->host;
	mutex_lock(&host->hold_lock);
	list_del(&hold->link);
	store_relaxed(&host->nr_holds, host->nr_holds - 1);
	calling = hold->calling;
	hold->released = true;
	pthread_cond_broadcast(&host->hold_cond);
	mutex_unlock(&host->hold_lock);
	if (!calling)
		hold_free(hold);
}

/* ---- wanting them back ----------------------------------------------------------------------------- */

/* Counts wrap; no hold is two billion invalidations old. */
static bool made_before(u32 fill, u32 now)
{
	return (s32)(fill - now) < 0;
}

static bool leads_into(const struct ioasid_hold *hold, u64 start, u64 last)
{
	u32 i;

	for (i = 0; i < hold->nr_gpa; i++) {
		if (hold->gpa[i].start <= last && hold->gpa[i].last >= start)
			return true;
	}
	return false;
}

static bool hold_matches(const struct ioasid_hold *hold, const struct hold_match *m)
{
	if (hold->dom == m->dom)
		return made_before(hold->fill, m->fill) && hold->start <= m->last &&
		       hold->last >= m->start &&
		       (!m->fn || (m->fn == hold->fn && m->pasid == hold->pasid));
	return m->parent && hold->dom->parent == m->parent &&
	       made_before(hold->root_fill, m->fill) && leads_into(hold, m->start, m->last);
}

/* The next hold to call back, or else one to wait for. */
static struct ioasid_hold *hold_next(struct inproc_paging *root, const struct hold_match *m)
{
	struct ioasid_hold *hold, *waiting = NULL;

	list_for_each_entry(hold, &root->holds, link) {
		if (!hold_matches(hold, m))
			continue;
		if (hold->called_back && !hold->recalled)
			return hold;
		waiting = hold;
	}
	return waiting;
}

/* Lock held; not while the holder's function runs. */
static void hold_recall(struct ioasid_host *host, struct ioasid_hold *hold)
{
	hold->recalled = true;
	hold->calling = true;
	mutex_unlock(&host->hold_lock);
	hold->called_back(hold, hold->opaque);
	mutex_lock(&host->hold_lock);
	hold->calling = false;
	if (hold->released)
		hold_free(hold);
}

void hold_wait(struct ioasid_host *host, const struct hold_match *m)
{
	struct inproc_paging *root = domain_root(m->dom);
	struct ioasid_hold *hold;

	mutex_lock(&host->hold_lock);
	while ((hold = hold_next(root, m))) {
		if (hold->called_back && !hold->recalled)
			hold_recall(host, hold);
		else
			pthread_cond_wait(&host->hold_cond, &host->hold_lock.m);
	}
	mutex_unlock(&host->hold_lock);
}
