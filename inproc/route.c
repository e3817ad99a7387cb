// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Routes: {function, PASID} reaches a domain. Each is said twice: in the VT-d tables, where the
 * translation reads it as hardware would, and in the function's route tree, which leads to the domain
 * (the tables have no room for a pointer). A slice has no routes but its function's.
 *
 * host->seq keeps the two together: it is odd while they disagree. A request that misses the PASID
 * cache reads both and starts again if the number was odd or has moved, so it sees the old route or
 * the new one also where the tables go through "not present" in between.
 */
#include <sched.h>

#include "inproc/private.h"

/* What has to be freed when no section can reach it any more. */
struct route_garbage {
	struct table_gather gather;
	struct inproc_route *route;
	struct route_leaf *leaf;
	struct route_mid *mid;
};

static void garbage_init(struct route_garbage *g)
{
	memset(g, 0, sizeof(*g));
	table_gather_init(&g->gather);
}

static void garbage_free(struct ioasid_host *host, struct route_garbage *g)
{
	table_gather_free(&host->env.env, &g->gather);
	os_free(g->route);
	os_free(g->leaf);
	os_free(g->mid);
}

static void seq_begin(struct ioasid_host *host)
{
	__atomic_add_fetch(&host->seq, 1, __ATOMIC_SEQ_CST);
}

static void seq_end(struct ioasid_host *host)
{
	__atomic_add_fetch(&host->seq, 1, __ATOMIC_SEQ_CST);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static unsigned int top_index(u32 pasid)
{
	return pasid >> (ROUTE_LEAF_LG2 + ROUTE_MID_LG2);
}

static unsigned int mid_index(u32 pasid)
{
	return (pasid >> ROUTE_LEAF_LG2) & ((1U << ROUTE_MID_LG2) - 1);
}

static unsigned int leaf_index(u32 pasid)
{
	return pasid & ((1U << ROUTE_LEAF_LG2) - 1);
}

struct inproc_route *inproc_route_find(const struct ioasid_hostdev *fn, u32 pasid)
{
	struct route_leaf *leaf;
	struct route_mid *mid;

	if (pasid == IOASID_NO_PASID)
		return load_acquire(&fn->routes.by_rid);
	if (pasid >> IOASID_PASID_BITS)
		return NULL;
	mid = load_acquire(&fn->routes.mid[top_index(pasid)]);
	leaf = mid ? load_acquire(&mid->leaf[mid_index(pasid)]) : NULL;
	return leaf ? load_acquire(&leaf->route[leaf_index(pasid)]) : NULL;
}

/* Where the pointer to the route of @pasid goes; makes what is missing on the way. */
static int tree_slot(struct ioasid_hostdev *fn, u32 pasid, struct inproc_route ***slot)
{
	struct route_mid **top, *mid;
	struct route_leaf **in_mid, *leaf;

	*slot = &fn->routes.by_rid;
	if (pasid == IOASID_NO_PASID)
		return 0;
	top = &fn->routes.mid[top_index(pasid)];
	mid = *top ? *top : os_zalloc(sizeof(*mid));
	if (!mid)
		return -ENOMEM;
	in_mid = &mid->leaf[mid_index(pasid)];
	leaf = *in_mid ? *in_mid : os_zalloc(sizeof(*leaf));
	if (!leaf) {
		if (!*top)
			os_free(mid);
		return -ENOMEM;
	}
	if (!*in_mid) {
		mid->nr++;
		store_release(in_mid, leaf);
	}
	store_release(top, mid);
	*slot = &leaf->route[leaf_index(pasid)];
	return 0;
}

/* Empty levels of the tree on the way to @pasid leave it. */
static void tree_prune(struct ioasid_hostdev *fn, u32 pasid, struct route_garbage *g)
{
	struct route_mid **top = &fn->routes.mid[top_index(pasid)], *mid = *top;
	struct route_leaf **in_mid = &mid->leaf[mid_index(pasid)];

	if ((*in_mid)->nr)
		return;
	g->leaf = *in_mid;
	store_release(in_mid, NULL);
	if (--mid->nr)
		return;
	g->mid = mid;
	store_release(top, NULL);
}

static void tree_enter(struct ioasid_hostdev *fn, struct inproc_route *r,
		       struct inproc_route **slot)
{
	if (r->pasid != IOASID_NO_PASID)
		fn->routes.mid[top_index(r->pasid)]->leaf[mid_index(r->pasid)]->nr++;
	store_release(slot, r);
}

static void tree_remove(struct ioasid_hostdev *fn, struct inproc_route *r, struct route_garbage *g)
{
	struct route_leaf *leaf;

	if (r->pasid == IOASID_NO_PASID) {
		store_release(&fn->routes.by_rid, NULL);
		return;
	}
	leaf = fn->routes.mid[top_index(r->pasid)]->leaf[mid_index(r->pasid)];
	store_release(&leaf->route[leaf_index(r->pasid)], NULL);
	leaf->nr--;
	tree_prune(fn, r->pasid, g);
}

/* ---- PASID table entries ------------------------------------------------------------------------ */

static u32 table_pasid(u32 pasid)
{
	return pasid == IOASID_NO_PASID ? VTD_TABLES_RID_PASID : pasid;
}

/*
 * Make the entry of @r, which is there, say what its domain says. Readers do not see the gap there
 * may be (host->seq). Needs no memory, so that the way back from a half done change is always open.
 */
static void pe_rewrite(struct ioasid_host *host, struct inproc_route *r, struct inproc_domain *dom)
{
	struct vtd_te te;

	domain_te(dom, &te);
	WARN_ON(vtd_tables_pasid_exchange(&host->tables, r->fn->rid, table_pasid(r->pasid), &te));
}

void routes_rewrite(struct inproc_domain *dom)
{
	struct ioasid_host *host = domain_host(dom);
	struct inproc_route *r;

	mutex_lock(&host->lock);
	seq_begin(host);
	list_for_each_entry(r, &dom->routes, link)
		pe_rewrite(host, r, dom);
	seq_end(host);
	mutex_unlock(&host->lock);
}

static void link_route(struct inproc_route *r, struct inproc_domain *dom)
{
	struct inproc_paging *root = domain_root(dom);

	list_add_tail(&r->link, &dom->routes);
	root->nr_routes++;
	root->nr_ats += r->fn->flags & IOASID_HOSTDEV_ATS ? 1 : 0;
}

static void unlink_route(struct inproc_route *r)
{
	struct inproc_paging *root = domain_root(r->dom);

	list_del(&r->link);
	root->nr_routes--;
	root->nr_ats -= r->fn->flags & IOASID_HOSTDEV_ATS ? 1 : 0;
}

/* ---- attach ------------------------------------------------------------------------------------------ */

static int route_new(struct ioasid_hostdev *fn, u32 pasid, struct inproc_domain *dom,
		     struct route_garbage *g)
{
	struct ioasid_host *host = fn->host;
	struct inproc_route *r = os_zalloc(sizeof(*r)), **slot;
	struct vtd_te te;
	int rc;

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->dom = dom;
	r->pasid = pasid;
	rc = tree_slot(fn, pasid, &slot);
	if (rc) {
		os_free(r);
		return rc;
	}
	domain_te(dom, &te);
	seq_begin(host);
	rc = vtd_tables_pasid_install(&host->tables, fn->rid, table_pasid(pasid), &te, &g->gather);
	if (rc) {
		g->route = r;
		if (pasid != IOASID_NO_PASID)
			tree_prune(fn, pasid, g);
	} else {
		tree_enter(fn, r, slot);
		link_route(r, dom);
	}
	seq_end(host);
	return rc;
}

static void route_replace(struct inproc_route *r, struct inproc_domain *dom)
{
	struct ioasid_host *host = r->fn->host;

	seq_begin(host);
	pe_rewrite(host, r, dom);
	unlink_route(r);
	store_relaxed(&r->dom, dom);
	link_route(r, dom);
	seq_end(host);
}

int iommu_attach(struct ioasid_device *core, ppasid_t pasid, struct ioasid_domain *base)
{
	struct ioasid_hostdev *fn = hostdev_of(core)->fn;
	struct inproc_domain *dom = to_domain(base), *old = NULL;
	struct ioasid_host *host = fn->host;
	struct route_garbage g;
	struct inproc_route *r;
	int rc = 0;

	garbage_init(&g);
	mutex_lock(&host->lock);
	r = inproc_route_find(fn, pasid.val);
	if (r && r->dom != dom) {
		old = r->dom;
		route_replace(r, dom);
	} else if (!r) {
		rc = route_new(fn, pasid.val, dom, &g);
	}
	mutex_unlock(&host->lock);
	if (old)
		inval_route(host, fn, pasid.val, old);
	else if (g.gather.nr || g.leaf)
		section_wait();
	garbage_free(host, &g);
	return rc;
}

/* ---- detach ------------------------------------------------------------------------------------------- */

void iommu_detach(struct ioasid_device *core, ppasid_t pasid)
{
	struct ioasid_hostdev *fn = hostdev_of(core)->fn;
	struct ioasid_host *host = fn->host;
	struct route_garbage g;
	struct inproc_route *r;

	garbage_init(&g);
	mutex_lock(&host->lock);
	r = inproc_route_find(fn, pasid.val);
	if (r) {
		seq_begin(host);
		WARN_ON(vtd_tables_pasid_remove(&host->tables, fn->rid, table_pasid(pasid.val),
						&g.gather));
		tree_remove(fn, r, &g);
		unlink_route(r);
		seq_end(host);
	}
	mutex_unlock(&host->lock);
	if (!r)
		return;
	inval_route(host, fn, pasid.val, r->dom);
	g.route = r;
	garbage_free(host, &g);
}
