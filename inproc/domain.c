// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Address spaces as VT-d holds them: a kernel-managed one is a second-stage table (first-stage on
 * hosts made so), a user table is the guest's first stage on top of its parent's second stage, a
 * shared one is a pass-through entry behind which DMA goes to the process itself.
 */
#include <unistd.h>

#include "inproc/private.h"

/* ---- domain IDs ------------------------------------------------------------------------------ */

#define NR_DIDS (1U << 16)

/* 0 is reserved on units with caching mode; nobody needs it. Return: 0: all are in use. */
static u16 did_take(struct ioasid_host *host)
{
	u32 i, did;

	mutex_lock(&host->lock);
	for (i = 0; i < NR_DIDS; i++) {
		did = host->next_did++ % NR_DIDS;
		if (!did || host->dids[did / 64] & BIT_ULL(did % 64))
			continue;
		host->dids[did / 64] |= BIT_ULL(did % 64);
		mutex_unlock(&host->lock);
		return (u16)did;
	}
	mutex_unlock(&host->lock);
	return 0;
}

static void did_release(struct ioasid_host *host, u16 did)
{
	mutex_lock(&host->lock);
	host->dids[did / 64] &= ~BIT_ULL(did % 64);
	mutex_unlock(&host->lock);
}

/* ---- entries --------------------------------------------------------------------------------- */

static u16 te_flags_of_table(const struct ioasid_table *table)
{
	u16 flags = 0;

	flags |= table->flags & IOASID_TABLE_SRE ? VTD_TE_SRE : 0;
	flags |= table->flags & IOASID_TABLE_WPE ? VTD_TE_WPE : 0;
	flags |= table->flags & IOASID_TABLE_EAFE ? VTD_TE_EAFE : 0;
	return flags;
}

static void nested_te(const struct inproc_paging *parent, u64 fs_root, u8 levels, u16 flags,
		      struct vtd_te *te)
{
	*te = parent->te;
	te->pgtt = VTD_PGTT_NESTED;
	te->fs_root = fs_root;
	te->fs_levels = levels;
	te->flags |= flags;
}

/* Not bound: every access finds a first stage with nothing in it. */
static void unbound_te(const struct ioasid_host *host, const struct inproc_paging *parent,
		       struct vtd_te *te)
{
	*te = (struct vtd_te){
		.pgtt = VTD_PGTT_FS,
		.fs_root = os_virt_to_phys(host->empty_table),
		.fs_levels = 4,
		.did = parent->te.did,
		.flags = VTD_TE_PWSNP,
	};
}

void domain_te(const struct inproc_domain *dom, struct vtd_te *te)
{
	if (!domain_nested(dom))
		*te = to_paging((struct inproc_domain *)dom)->te;
	else if (dom->has_table)
		nested_te(to_paging(dom->parent), dom->fs_root, dom->fs_levels, dom->te_flags, te);
	else
		unbound_te(host_of_iommu(dom->base.iommu), to_paging(dom->parent), te);
}

int domain_table_check(struct ioasid_host *host, struct inproc_paging *parent,
		       const struct ioasid_table *table)
{
	u64 pe[VTD_PE_WORDS];
	struct vtd_te te;

	if (table->format != IOASID_FORMAT_VTD_FS)
		return -EOPNOTSUPP;
	if (table->levels > 5)
		return -EINVAL;
	nested_te(parent, table->address, (u8)table->levels, te_flags_of_table(table), &te);
	return vtd_pe_encode(host->caps, &te, pe);
}

static void table_store(struct inproc_domain *dom, const struct ioasid_table *table)
{
	dom->has_table = table != NULL;
	dom->fs_root = table ? table->address : 0;
	dom->fs_levels = table ? (u8)table->levels : 0;
	dom->te_flags = table ? te_flags_of_table(table) : 0;
}

/* ---- making and freeing ------------------------------------------------------------------------- */

static void domain_init(struct ioasid_host *host, struct inproc_domain *dom, u8 type)
{
	dom->type = type;
	dom->tag = host_new_tag(host);
	dom->wtag = host_new_tag(host);
	/* Multiples of an odd number: neighbours in number are far apart in the caches. */
	dom->salt = __atomic_add_fetch(&host->next_salt, 0x9e3779b1U, __ATOMIC_RELAXED);
	INIT_LIST_HEAD(&dom->routes);
	INIT_LIST_HEAD(&dom->sibling);
}

static bool wants_snoop(const struct ioasid_host *host, u32 snoop)
{
	return snoop != IOASID_SNOOP_ALLOW && host->caps->sc;
}

static int paging_table(struct ioasid_host *host, struct inproc_paging *p, bool snoop)
{
	const struct ioasid_host_config *c = &host->config;
	bool first = c->flags & IOASID_HOST_FIRST_STAGE;
	const struct iopt_cfg cfg = {
		.env = &host->pt_env.env,
		.fmt = first ? IOPT_FMT_VTD_FS : IOPT_FMT_VTD_SS,
		.levels = (u8)c->levels,
		.oa_lg2 = host->caps->haw,
		.page_sizes = c->page_sizes,
		.leaf_snoop = host->caps->sc,
	};
	int rc = iopt_init(&p->pt, &cfg);

	if (rc)
		return rc;
	p->prot = snoop ? IOPT_SNOOP : 0;
	p->te.pgtt = first ? VTD_PGTT_FS : VTD_PGTT_SS;
	p->te.flags = VTD_TE_PWSNP | (snoop ? VTD_TE_PGSNP : 0);
	if (first) {
		p->te.fs_root = p->pt.root_pa;
		p->te.fs_levels = (u8)c->levels;
		/* Privileged requests pass as they do through a second stage, which knows none. */
		p->te.flags |= VTD_TE_SRE | VTD_TE_WPE;
	} else {
		p->te.ss_root = p->pt.root_pa;
		p->te.ss_levels = (u8)c->levels;
	}
	return 0;
}

static struct ioasid_domain *paging_alloc(struct ioasid_host *host,
					  const struct ioasid_domain_attr *attr)
{
	bool snoop = wants_snoop(host, attr->snoop);
	struct inproc_paging *p = os_zalloc(sizeof(*p));
	int rc = 0;

	if (!p)
		return ERR_PTR(-ENOMEM);
	domain_init(host, &p->d, (u8)attr->type);
	table_gather_init(&p->gather);
	INIT_LIST_HEAD(&p->children);
	INIT_LIST_HEAD(&p->holds);
	p->te.did = did_take(host);
	if (!p->te.did)
		rc = -ENOMEM;
	else if (attr->type == IOASID_DOMAIN_PAGING)
		rc = paging_table(host, p, snoop);
	if (rc) {
		if (p->te.did)
			did_release(host, p->te.did);
		os_free(p);
		return ERR_PTR(rc);
	}
	if (attr->type == IOASID_DOMAIN_SHARED) {
		p->te.pgtt = VTD_PGTT_PASS;
		p->te.flags = VTD_TE_PWSNP | (snoop ? VTD_TE_PGSNP : 0);
		p->pid = getpid();
	}
	return &p->d.base;
}

static struct ioasid_domain *nested_alloc(struct ioasid_host *host,
					  const struct ioasid_domain_attr *attr)
{
	struct inproc_paging *parent = to_paging(to_domain(attr->parent));
	struct inproc_domain *dom;
	int rc;

	if (attr->table) {
		rc = domain_table_check(host, parent, attr->table);
		if (rc)
			return ERR_PTR(rc);
	}
	dom = os_zalloc(sizeof(*dom));
	if (!dom)
		return ERR_PTR(-ENOMEM);
	domain_init(host, dom, IOASID_DOMAIN_NESTED);
	dom->parent = &parent->d;
	table_store(dom, attr->table);
	list_add_tail(&dom->sibling, &parent->children);
	return &dom->base;
}

struct ioasid_domain *domain_alloc(struct ioasid_iommu *iommu,
				   const struct ioasid_domain_attr *attr)
{
	struct ioasid_host *host = host_of_iommu(iommu);
	struct ioasid_domain *base;

	if (attr->snoop == IOASID_SNOOP_ENFORCE && !host->caps->sc)
		return ERR_PTR(-EOPNOTSUPP);
	if ((attr->type == IOASID_DOMAIN_NESTED || attr->nest_parent) && !host->caps->nest)
		return ERR_PTR(-EOPNOTSUPP);
	if (attr->addr_bits && (attr->addr_bits > 63 || BIT_ULL(attr->addr_bits) - 1 > iommu->last))
		return ERR_PTR(-EOPNOTSUPP);
	base = attr->type == IOASID_DOMAIN_NESTED ? nested_alloc(host, attr) :
						    paging_alloc(host, attr);
	if (!IS_ERR(base))
		base->iommu = iommu;
	return base;
}

/*
 * No route leads here: each was detached with all caches flushed, and what may still be cached
 * carries a tag that never comes again.
 */
void domain_free(struct ioasid_domain *base)
{
	struct inproc_domain *dom = to_domain(base);
	struct ioasid_host *host = domain_host(dom);
	struct inproc_paging *p;

	WARN_ON(!list_empty(&dom->routes));
	if (domain_nested(dom)) {
		list_del(&dom->sibling);
		os_free(dom);
		return;
	}
	p = to_paging(dom);
	WARN_ON(!list_empty(&p->children) || !list_empty(&p->holds));
	did_release(host, p->te.did);
	if (dom->type == IOASID_DOMAIN_PAGING) {
		table_gather_free(&host->pt_env.env, &p->gather);
		iopt_destroy(&p->pt);
	}
	os_free(p);
}

/* ---- contents --------------------------------------------------------------------------------------- */

int domain_map(struct ioasid_domain *base, u64 iova, const struct ioasid_extent *ext,
	       unsigned int n, u32 prot)
{
	struct inproc_paging *p = to_paging(to_domain(base));

	BUILD_BUG_ON(sizeof(struct ioasid_extent) != sizeof(struct iopt_extent) ||
		     offsetof(struct ioasid_extent, len) != offsetof(struct iopt_extent, len));
	BUILD_BUG_ON(IOASID_MAP_READ != IOPT_READ || IOASID_MAP_WRITE != IOPT_WRITE);
	return iopt_map_extents(&p->pt, iova, (const struct iopt_extent *)ext, n, prot | p->prot);
}

void domain_unmap(struct ioasid_domain *base, u64 start, u64 last)
{
	struct inproc_paging *p = to_paging(to_domain(base));

	WARN_ON(iopt_unmap(&p->pt, start, min(last, p->pt.ia_last), &p->gather) < 0);
}

int domain_set_table(struct ioasid_domain *base, const struct ioasid_table *table)
{
	struct inproc_domain *dom = to_domain(base);
	int rc = 0;

	if (table)
		rc = domain_table_check(domain_host(dom), to_paging(dom->parent), table);
	if (rc)
		return rc;
	table_store(dom, table);
	routes_rewrite(dom);
	return inval_domain(dom);
}
