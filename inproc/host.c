// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Hosts: what a machine is in miniature. */
#include <stdlib.h>

#include "inproc/caller.h"
#include "inproc/private.h"
#include "inproc/serve.h"

/* The default host is an ordinary one with a name that ioasid_host_create() refuses. */
#define DEFAULT_NAME ""
#define NAME_MAX_LEN 63

#define KNOWN_FLAGS                                                                           \
	(IOASID_HOST_NO_NESTING | IOASID_HOST_NO_SNOOP | IOASID_HOST_FIRST_STAGE |            \
	 IOASID_HOST_TEST_NO_INVALIDATE | IOASID_HOST_TEST_NO_WAIT | IOASID_HOST_TEST_NO_AD | \
	 IOASID_HOST_TEST_PAGE_EXTENTS)
#define LEAF_SIZES	  (BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30))
#define CACHE_ENTRIES_MAX (1U << 24)
#define DID_BITS	  16
/* Both stages take addresses of this process: user addresses end below 2^52 on every machine. */
#define HOST_ADDRESS_BITS 52

static pthread_mutex_t hosts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_head hosts = { &hosts, &hosts };

/* ---- memory of tables ------------------------------------------------------------------------ */

static void *env_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct inproc_env *env = container_of(ta, struct inproc_env, alloc);
	void *p = os_pages_zalloc(order);

	if (!p)
		return NULL;
	__atomic_add_fetch(&env->nr_pages, 1ULL << order, __ATOMIC_RELAXED);
	*pa = os_virt_to_phys(p);
	return p;
}

static void env_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct inproc_env *env = container_of(ta, struct inproc_env, alloc);

	(void)pa;
	__atomic_sub_fetch(&env->nr_pages, 1ULL << order, __ATOMIC_RELAXED);
	os_pages_free(table, order);
}

static void env_init(struct inproc_env *env)
{
	phys_mem_init_linear(&env->mem, ~0ULL, 0);
	env->alloc.alloc = env_alloc;
	env->alloc.free = env_free;
	env->env.mem = &env->mem;
	env->env.alloc = &env->alloc;
}

/* ---- configuration ----------------------------------------------------------------------------- */

static u32 or_default(u32 value, u32 def)
{
	return value ? value : def;
}

static bool entries_ok(u32 n, u32 min)
{
	return n >= min && n <= CACHE_ENTRIES_MAX && is_power_of_2(n);
}

static int config_check(const struct ioasid_host_config *c)
{
	u32 min_levels = c->flags & IOASID_HOST_FIRST_STAGE ? 4 : 3;

	if (c->flags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	if (!entries_ok(c->iotlb_entries, IOTLB_WAYS) || !entries_ok(c->pasid_cache_entries, 1) ||
	    !entries_ok(c->walk_cache_entries, 1))
		return -EINVAL;
	if (c->levels < min_levels || c->levels > 5 || c->pasid_bits > IOASID_PASID_BITS)
		return -EINVAL;
	return !(c->page_sizes & PAGE_SIZE) || c->page_sizes & ~LEAF_SIZES ? -EINVAL : 0;
}

/* Fields a caller's older, shorter structure does not have are 0: the default. */
static int config_fill(struct ioasid_host_config *c, const struct ioasid_host_config *user)
{
	memset(c, 0, sizeof(*c));
	if (user) {
		if (user->size < offsetof(struct ioasid_host_config, test_delay_us) ||
		    user->size > sizeof(*c))
			return -EINVAL;
		memcpy(c, user, user->size);
		/* Half a pointer is none. */
		if (user->size < sizeof(*c))
			c->socket_path = NULL;
	}
	c->size = sizeof(*c);
	c->iotlb_entries = or_default(c->iotlb_entries, 4096);
	c->pasid_cache_entries = or_default(c->pasid_cache_entries, 1024);
	c->walk_cache_entries = or_default(c->walk_cache_entries, 1024);
	c->levels = or_default(c->levels, 4);
	c->pasid_bits = or_default(c->pasid_bits, IOASID_PASID_BITS);
	c->page_sizes = c->page_sizes ? c->page_sizes : LEAF_SIZES;
	c->ats_timeout_ms = or_default(c->ats_timeout_ms, 10000);
	c->fault_share = or_default(c->fault_share, PRI_GROUPS);
	return config_check(c);
}

static void caps_fill(struct vtd_caps *caps, const struct ioasid_host_config *c)
{
	bool first = c->flags & IOASID_HOST_FIRST_STAGE;

	*caps = (struct vtd_caps){
		.haw = HOST_ADDRESS_BITS,
		.mgaw = 57,
		.sagaw = BIT(1) | BIT(2) | BIT(3),
		.did_bits = DID_BITS,
		.pasid_bits = (u8)c->pasid_bits,
		.coherent = true,
		.zlr = true,
		.ss_2m = true,
		.ss_1g = true,
		.fs_1g = true,
		.fs5lp = true,
		.dt = true,
		.pt = true,
		.sc = !(c->flags & IOASID_HOST_NO_SNOOP),
		.prs = true,
		.srs = true,
		.eafs = true,
		.smts = true,
		.ssts = true,
		.fsts = true,
		.nest = !first && !(c->flags & IOASID_HOST_NO_NESTING),
		.smpwcs = true,
		.rps = true,
	};
}

static void iommu_fill(struct ioasid_host *host)
{
	const struct ioasid_host_config *c = &host->config;
	struct ioasid_iommu *iommu = &host->iommu;

	iommu->ops = &inproc_iommu_ops;
	iommu->caps = IOASID_IOMMU_SHARED;
	iommu->caps |= host->tables.caps.nest ? IOASID_IOMMU_NESTING : 0;
	iommu->caps |= host->tables.caps.sc ? IOASID_IOMMU_SNOOP : 0;
	iommu->pasid_bits = c->pasid_bits;
	iommu->format = host->tables.caps.nest ? IOASID_FORMAT_VTD_FS : IOASID_FORMAT_NONE;
	iommu->page_sizes = c->page_sizes;
	/* First-stage input is sign-extended; addresses stay in the lower half. */
	iommu->last = BIT_ULL(12 + 9 * c->levels - !!(c->flags & IOASID_HOST_FIRST_STAGE)) - 1;
}

/* ---- life ------------------------------------------------------------------------------------------ */

static void host_free(struct ioasid_host *host)
{
	if (host->tables.root)
		vtd_tables_destroy(&host->tables);
	WARN_ON(host->env.nr_pages || host->pt_env.nr_pages);
	cache_destroy(host);
	thread_stats_forget(host);
	groups_destroy(host);
	ioasid_machine_destroy(&host->machine);
	pthread_cond_destroy(&host->hold_cond);
	mutex_destroy(&host->hold_lock);
	mutex_destroy(&host->names_lock);
	mutex_destroy(&host->lock);
	os_page_free(host->empty_table);
	os_free(host->dids);
	os_free(host->name);
	os_free(host);
}

static int host_build(struct ioasid_host *host, const char *name)
{
	struct vtd_caps caps;
	int rc;

	host->name = os_zalloc(strlen(name) + 1);
	host->dids = os_zalloc(BIT(DID_BITS) / 8);
	host->empty_table = os_page_zalloc();
	if (!host->name || !host->dids || !host->empty_table)
		return -ENOMEM;
	strcpy(host->name, name);
	rc = cache_init(host);
	if (rc)
		return rc;
	caps_fill(&caps, &host->config);
	rc = vtd_tables_init(&host->tables, &host->env.env, &caps);
	if (rc)
		return rc;
	host->caps = &host->tables.caps;
	host->rtaddr = vtd_tables_rtaddr(&host->tables);
	iommu_fill(host);
	return 0;
}

static struct ioasid_host *host_make(const char *name, const struct ioasid_host_config *config)
{
	struct ioasid_host *host = os_zalloc(sizeof(*host));
	int rc;

	if (!host)
		return ERR_PTR(-ENOMEM);
	host->config = *config;
	host->flags = config->flags;
	host->test_delay_us = config->test_delay_us;
	refcount_set(&host->refs, 1);
	mutex_init(&host->lock);
	mutex_init(&host->names_lock);
	mutex_init(&host->hold_lock);
	pthread_cond_init(&host->hold_cond, NULL);
	INIT_LIST_HEAD(&host->devices);
	ioasid_machine_init(&host->machine, config->flags & IOASID_HOST_TEST_PAGE_EXTENTS ?
						    &inproc_home_ops_paged :
						    &inproc_home_ops);
	env_init(&host->env);
	env_init(&host->pt_env);
	rc = groups_init(host);
	if (!rc)
		rc = host_build(host, name);
	if (!rc && config->socket_path)
		rc = serve_start(host, config->socket_path, &host->serve);
	if (!rc && !*name)
		host->serve = serve_start_env(host);
	host->config.socket_path = NULL;
	if (!rc)
		return host;
	host_free(host);
	return ERR_PTR(rc);
}

static struct ioasid_host *find_locked(const char *name)
{
	struct ioasid_host *host;

	list_for_each_entry(host, &hosts, link) {
		if (!strcmp(host->name, name) && refcount_inc_not_zero(&host->refs))
			return host;
	}
	return NULL;
}

static int create_locked(const char *name, const struct ioasid_host_config *config,
			 struct ioasid_host **out)
{
	struct ioasid_host *host = host_make(name, config);

	if (IS_ERR(host))
		return (int)PTR_ERR(host);
	list_add_tail(&host->link, &hosts);
	*out = host;
	return 0;
}

int host_find(const char *name, struct ioasid_host **host)
{
	struct ioasid_host_config config;
	int rc = 0;

	pthread_mutex_lock(&hosts_lock);
	*host = find_locked(name);
	if (!*host)
		rc = *name ? -ENOENT : config_fill(&config, NULL);
	if (!*host && !rc)
		rc = create_locked(name, &config, host);
	pthread_mutex_unlock(&hosts_lock);
	return rc;
}

void host_get(struct ioasid_host *host)
{
	refcount_inc(&host->refs);
}

int ioasid_host_create(const char *name, const struct ioasid_host_config *config,
		       struct ioasid_host **host)
{
	struct ioasid_host_config filled;
	struct ioasid_host *old;
	int rc;

	if (!name || !*name || strlen(name) > NAME_MAX_LEN)
		return -EINVAL;
	rc = config_fill(&filled, config);
	if (rc)
		return rc;
	pthread_mutex_lock(&hosts_lock);
	old = find_locked(name);
	rc = old ? -EEXIST : create_locked(name, &filled, host);
	pthread_mutex_unlock(&hosts_lock);
	if (old)
		ioasid_host_put(old);
	return rc;
}

int ioasid_host_default(struct ioasid_host **host)
{
	return host_find(DEFAULT_NAME, host);
}

void ioasid_host_put(struct ioasid_host *host)
{
	if (!host || !refcount_dec_and_test(&host->refs))
		return;
	/*
	 * Nobody finds it any more: find_locked() takes no reference on a host at 0. Its socket goes
	 * before another host of its name can want it.
	 */
	pthread_mutex_lock(&hosts_lock);
	list_del(&host->link);
	serve_stop(host->serve);
	pthread_mutex_unlock(&hosts_lock);
	host_free(host);
}

/* ---- white-box questions ----------------------------------------------------------------------------- */

void ioasid_host_get_stats(struct ioasid_host *host, struct ioasid_host_stats *stats)
{
	struct inproc_stats sum;

	thread_stats_sum(host, &sum);
	*stats = (struct ioasid_host_stats){
		.contexts = (u64)atomic64_read(&host->machine.nr_ctx),
		.devices = load_relaxed(&host->nr_devices),
		.ioasids = (u64)atomic64_read(&host->machine.nr_ioas),
		.domains = (u64)atomic64_read(&host->machine.nr_domains),
		.routes = (u64)atomic64_read(&host->machine.nr_routes),
		.pinned_bytes = (u64)atomic64_read(&host->machine.pinned),
		.table_pages =
			load_relaxed(&host->env.nr_pages) + load_relaxed(&host->pt_env.nr_pages),
		.holds = load_relaxed(&host->nr_holds),
		.iotlb_hits = sum.iotlb_hits,
		.iotlb_misses = sum.iotlb_misses,
		.walks = sum.walks,
		.pasid_cache_misses = sum.pasid_misses,
		.invalidations = load_relaxed(&host->nr_invalidations),
		.page_requests = load_relaxed(&host->nr_page_requests),
		.faults_recorded = load_relaxed(&host->nr_faults),
		.ats_grants = load_relaxed(&host->nr_grants),
	};
}

void ioasid_host_flush_caches(struct ioasid_host *host)
{
	cache_flush_all(host);
}

uint64_t ioasid_host_root_table(struct ioasid_host *host)
{
	return host->rtaddr;
}

int ioasid_host_set_pasid_split(struct ioasid_host *host, uint32_t split)
{
	return pasid_host_set_split(&host->machine.pasids, split);
}

void ioasid_host_set_default_quota(struct ioasid_host *host, uint32_t quota)
{
	pasid_host_set_default_ceiling(&host->machine.pasids, quota);
}
