// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Invalidation (design section 7). The order is the same everywhere:
 *
 *   1. the tables have changed already
 *   2. cached copies in the IOMMU become unusable
 *   3. device TLBs forget, and say when nothing through them is on its way any more
 *   4. sections that began before end: no copy through the old translation is still running, no
 *      walk still reads the old tables
 *   5. ioasid_dma_map() holders give back
 *   6. the caller frees table pages, memory
 */
#include "inproc/private.h"

/* Up to here pages are purged one by one; beyond it costs more than filling the IOTLB again. */
#define EXACT_PAGES 64

static u32 next_fill(struct inproc_domain *dom)
{
	return __atomic_add_fetch(&dom->fill, 1, __ATOMIC_SEQ_CST);
}

/*
 * Step 2 for [@start, @last] of @dom itself. @tables: not only leaf entries changed.
 * Return: the invalidation's number.
 */
static u32 drop_cached(struct inproc_domain *dom, u64 start, u64 last, bool tables)
{
	struct ioasid_host *host = domain_host(dom);
	u32 fill = next_fill(dom);

	/*
	 * Parts of a large guest page are entries of their own: purging the one address that was
	 * named would leave the others.
	 */
	if ((last >> PAGE_SHIFT) - (start >> PAGE_SHIFT) >= EXACT_PAGES ||
	    load_seq_cst(&dom->large) || !iotlb_purge(host, dom, start, last))
		store_release(&dom->tag, host_new_tag(host));
	if (tables)
		store_release(&dom->wtag, host_new_tag(host));
	return fill;
}

/* Step 2 for everything that children combined through @p: they are found by no address of it. */
static void drop_nested(struct inproc_paging *p)
{
	struct ioasid_host *host = domain_host(&p->d);
	struct inproc_domain *child;
	/* Entries hold 32 bits of it. */
	u64 ngen = (load_relaxed(&p->ngen) + NGEN_STEP) & ((NGEN_STEP << 32) - 1);

	store_release(&p->ngen, ngen);
	if (likely(ngen))
		return;
	/* It started over: old entries could match again one day. */
	list_for_each_entry(child, &p->children, sibling) {
		store_release(&child->tag, host_new_tag(host));
		store_release(&child->wtag, host_new_tag(host));
	}
}

/* Step 3. @only: on the function of that device; NULL: on all. */
static int purge_devices(struct inproc_domain *dom, const struct ioasid_hostdev *only, u64 start,
			 u64 last)
{
	struct inproc_route *r;
	int rc = 0;

	list_for_each_entry(r, &dom->routes, link) {
		if (!(r->fn->flags & IOASID_HOSTDEV_ATS) || (only && only->fn != r->fn))
			continue;
		if (ats_purge(r->fn, r->pasid, start, last))
			rc = -EIO;
	}
	return rc;
}

static int purge_children(struct inproc_paging *p)
{
	struct inproc_domain *child;
	int rc = 0;

	list_for_each_entry(child, &p->children, sibling) {
		if (purge_devices(child, NULL, 0, ~0ULL))
			rc = -EIO;
	}
	return rc;
}

int inval_flush(struct ioasid_domain *base, u64 start, u64 last)
{
	struct inproc_domain *dom = to_domain(base);
	struct inproc_paging *p = to_paging(dom);
	struct ioasid_host *host = domain_host(dom);
	bool nested = !list_empty(&p->children) && !(host->flags & IOASID_HOST_TEST_NO_INVALIDATE);
	struct hold_match m = { .dom = dom, .start = start, .last = last };
	int rc = 0;

	count(&host->nr_invalidations);
	m.fill = drop_cached(dom, start, last, p->gather.nr);
	if (nested) {
		m.parent = dom;
		drop_nested(p);
	}
	/*
	 * Without a route no request reaches the tables, and those that did when the last route
	 * went were waited for then.
	 */
	if (p->nr_routes) {
		if (p->nr_ats)
			rc = purge_devices(dom, NULL, start, last);
		if (p->nr_ats && nested && purge_children(p))
			rc = -EIO;
		if (p->gather.nr || !(host->flags & IOASID_HOST_TEST_NO_WAIT))
			section_wait();
		hold_wait(host, &m);
	}
	table_gather_free(&host->pt_env.env, &p->gather);
	return rc;
}

int inval_user(struct ioasid_domain *base, struct ioasid_device *core, u64 start, u64 last,
	       bool leaf)
{
	struct inproc_domain *dom = to_domain(base);
	struct inproc_paging *root = domain_root(dom);
	struct ioasid_host *host = domain_host(dom);
	struct hold_match m = { .dom = dom, .start = start, .last = last };
	int rc = 0;

	count(&host->nr_invalidations);
	if (host->flags & IOASID_HOST_TEST_NO_INVALIDATE)
		return 0;
	m.fill = drop_cached(dom, start, last, !leaf);
	if (list_empty(&dom->routes))
		return 0;
	if (root->nr_ats)
		rc = purge_devices(dom, core ? hostdev_of(core) : NULL, start, last);
	if (host->flags & IOASID_HOST_TEST_NO_WAIT)
		return rc;
	section_wait();
	hold_wait(host, &m);
	return rc;
}

int inval_domain(struct inproc_domain *dom)
{
	struct ioasid_host *host = domain_host(dom);
	struct hold_match m = { .dom = dom, .start = 0, .last = ~0ULL };
	struct inproc_route *r;
	int rc = 0;

	count(&host->nr_invalidations);
	list_for_each_entry(r, &dom->routes, link)
		pasid_cache_purge(host, route_key(r->fn->rid, r->pasid));
	m.fill = drop_cached(dom, 0, ~0ULL, true);
	if (list_empty(&dom->routes))
		return 0;
	if (domain_root(dom)->nr_ats)
		rc = purge_devices(dom, NULL, 0, ~0ULL);
	section_wait();
	hold_wait(host, &m);
	return rc;
}

/*
 * IOTLB and walk cache belong to domains, not to routes: once the PASID cache leads elsewhere (or
 * nowhere) a request of this route cannot find what they hold for the old domain.
 */
void inval_route(struct ioasid_host *host, struct ioasid_hostdev *fn, u32 pasid,
		 struct inproc_domain *old)
{
	const struct hold_match m = {
		.dom = old,
		.fill = next_fill(old),
		.start = 0,
		.last = ~0ULL,
		.fn = fn,
		.pasid = pasid,
	};

	count(&host->nr_invalidations);
	pasid_cache_purge(host, route_key(fn->rid, pasid));
	if (fn->flags & IOASID_HOSTDEV_ATS)
		(void)ats_purge(fn, pasid, 0, ~0ULL);
	section_wait();
	hold_wait(host, &m);
}

void inval_purge_device(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);

	count(&dev->host->nr_invalidations);
	ats_reset(dev);
	section_wait();
	hostdev_unblock(dev);
}

static unsigned int report_ranges(struct ioasid_iommu *iommu, struct ioasid_range *ranges,
				  unsigned int room)
{
	/* Without PASID, addresses in the window are interrupts and never reach a table. */
	const struct ioasid_range all[] = {
		{ .start = 0, .last = INPROC_MSI_FIRST - 1, .type = IOASID_RANGE_USABLE },
		{ .start = INPROC_MSI_LAST + 1, .last = iommu->last, .type = IOASID_RANGE_USABLE },
		{ .start = INPROC_MSI_FIRST, .last = INPROC_MSI_LAST, .type = IOASID_RANGE_MSI },
	};

	memcpy(ranges, all, min((size_t)room, ARRAY_SIZE(all)) * sizeof(all[0]));
	return ARRAY_SIZE(all);
}

static bool range_reserved(struct ioasid_iommu *iommu, u64 start, u64 last)
{
	(void)iommu;
	return start <= INPROC_MSI_LAST && last >= INPROC_MSI_FIRST;
}

const struct ioasid_iommu_ops inproc_iommu_ops = {
	.domain_alloc = domain_alloc,
	.domain_free = domain_free,
	.map = domain_map,
	.unmap = domain_unmap,
	.flush = inval_flush,
	.set_table = domain_set_table,
	.invalidate = inval_user,
	.attach = iommu_attach,
	.detach = iommu_detach,
	.purge = inval_purge_device,
	.reserved = range_reserved,
	.report_ranges = report_ranges,
};
