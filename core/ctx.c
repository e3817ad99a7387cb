// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Machines and contexts: opening, closing, information, number policy. */
#include "core/core.h"

#define MAX_COOKIES	   4096U
#define DEFAULT_MAX_IOAS   (1U << 20)
#define DEFAULT_MAX_ROUTES (1U << 20)
#define DEFAULT_MAX_MAPS   (1U << 26)
#define HANDLE_BITS	   30

void ioasid_machine_init(struct ioasid_machine *machine, const struct ioasid_home_ops *ops)
{
	memset(machine, 0, sizeof(*machine));
	machine->ops = ops;
	mutex_init(&machine->lock);
	INIT_LIST_HEAD(&machine->devices);
	INIT_LIST_HEAD(&machine->groups);
	INIT_LIST_HEAD(&machine->functions);
	pasid_host_init(&machine->pasids, ops->pasids, ops->limit_release);
}

void ioasid_machine_destroy(struct ioasid_machine *machine)
{
	WARN_ON(!list_empty(&machine->devices) || !list_empty(&machine->functions));
	pasid_host_destroy(&machine->pasids);
	mutex_destroy(&machine->lock);
}

/* The set may outlive the context. */
static void name_set(struct ioasid_ctx *ctx)
{
	struct pasid_who who = { .ctx = ctx->config.id, .pid = ctx->config.pid };

	memcpy(who.comm, ctx->config.comm, sizeof(who.comm));
	pasid_set_who(ctx->set, &who);
}

struct ioasid_ctx *ioasid_ctx_open(struct ioasid_machine *machine,
				   const struct ioasid_ctx_config *config, void *priv)
{
	struct ioasid_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ctx->set = pasid_set_alloc_ctx(&machine->pasids, ctx);
	if (IS_ERR(ctx->set)) {
		kfree(ctx);
		return ERR_PTR(-ENOMEM);
	}
	init_rwsem(&ctx->lock);
	refcount_set(&ctx->refs, 1);
	ctx->machine = machine;
	ctx->priv = priv;
	if (config)
		ctx->config = *config;
	ctx->config.max_ioas = ctx->config.max_ioas ?: DEFAULT_MAX_IOAS;
	ctx->config.max_routes = ctx->config.max_routes ?: DEFAULT_MAX_ROUTES;
	ctx->config.max_maps = ctx->config.max_maps ?: DEFAULT_MAX_MAPS;
	name_set(ctx);
	idtree_init(&ctx->ioas, HANDLE_BITS);
	INIT_LIST_HEAD(&ctx->devices);
	ctx->promised_bits = IOASID_INVALID;
	faultq_init(&ctx->faultq);
	atomic64_inc(&machine->nr_ctx);
	trace_ioasid_ctx_open(ctx);
	return ctx;
}

void ioasid_ctx_close(struct ioasid_ctx *ctx)
{
	/* Devices first, while their routes still name live address spaces; then the spaces. */
	device_unbind_all(ctx);
	ioasid_fault_release(ctx);
	down_write(&ctx->lock);
	ctx->closed = true;
	ioas_destroy_all(ctx);
	up_write(&ctx->lock);
	/*
	 * Its numbers went with their routes; what somebody else still holds stays pending, and charged,
	 * until he lets go. Information that comes late still finds the set.
	 */
	pasid_free_all(ctx->set);
	atomic64_sub(1, &ctx->machine->nr_ctx);
	trace_ioasid_ctx_close(ctx);
	ioasid_ctx_put(ctx);
}

void ioasid_ctx_get(struct ioasid_ctx *ctx)
{
	refcount_inc(&ctx->refs);
}

void ioasid_ctx_put(struct ioasid_ctx *ctx)
{
	if (!refcount_dec_and_test(&ctx->refs))
		return;
	cpu_destroy(ctx);
	pasid_set_destroy(ctx->set);
	idtree_destroy(&ctx->ioas);
	faultq_destroy(&ctx->faultq);
	rwsem_destroy(&ctx->lock);
	kfree(ctx);
}

void *ioasid_ctx_priv(const struct ioasid_ctx *ctx)
{
	return ctx->priv;
}

const struct ioasid_ctx_config *ioasid_ctx_config(const struct ioasid_ctx *ctx)
{
	return &ctx->config;
}

struct ioasid_machine *ioasid_ctx_machine(const struct ioasid_ctx *ctx)
{
	return ctx->machine;
}

int ctx_lock_read(struct ioasid_ctx *ctx)
{
	down_read(&ctx->lock);
	if (!ctx->closed)
		return 0;
	up_read(&ctx->lock);
	return -ENODEV;
}

struct ioasid_device *ctx_find_device(struct ioasid_ctx *ctx, u64 cookie)
{
	struct ioasid_device *dev;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (dev->cookie == cookie)
			return dev;
	}
	return NULL;
}

/* ---- extensions ------------------------------------------------------------------------------ */

/* What is there in this release; numbers not in the table are not there. */
static const u32 extensions[] = {
	[IOASID_EXT_KERNEL_TABLE] = 1,
	[IOASID_EXT_USER_TABLE] = 1,
	[IOASID_EXT_ACCOUNTING_ROOT] = 1,
	[IOASID_EXT_SHARED] = 1,
	[IOASID_EXT_SOFTWARE_NESTING] = 1,
	[IOASID_EXT_PASID_LOCAL] = 1,
	[IOASID_EXT_PASID_GLOBAL] = 1,
	[IOASID_EXT_PAGE_REQUEST] = 1,
	[IOASID_EXT_MAP_FD] = 1,
	[IOASID_EXT_QUERY] = 1,
	[IOASID_EXT_QUOTA] = 1,
	[IOASID_EXT_CPU_PASID] = 1,
};

int ctx_check_extension(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_check_extension *c = arg;

	c->value = 0;
	if (c->extension == IOASID_EXT_CPU_PASID && !ctx->machine->ops->cpu_get)
		return 0;
	if (c->extension < ARRAY_SIZE(extensions) &&
	    !(ctx->machine->ops->missing & BIT_ULL(c->extension)))
		c->value = extensions[c->extension];
	return 0;
}

/* Designed, and answered by CHECK_EXTENSION with 0: the command exists and cannot do anything. */
int ctx_unavailable(struct ioasid_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return -EOPNOTSUPP;
}

/* ---- information ------------------------------------------------------------------------------- */

/* struct device_sum - what a list of devices has in common */
struct device_sum {
	struct width width;
	bool non_coherent;
};

static void sum_device(struct device_sum *sum, const struct ioasid_device *dev)
{
	width_add(&sum->width, dev);
	if (!(dev->iommu->caps & IOASID_IOMMU_SNOOP))
		sum->non_coherent = true;
}

/* The caller's list, or NULL where there is none to bring in; ERR_PTR. To be freed with kvfree(). */
static u64 *copy_cookies(const struct ioasid_info *info)
{
	u64 *cookies;

	if (!(info->flags & IOASID_INFO_COOKIES))
		return info->cookies || info->nr_cookies ? ERR_PTR(-EINVAL) : NULL;
	if (info->nr_cookies > MAX_COOKIES)
		return ERR_PTR(-EINVAL);
	if (!info->nr_cookies)
		return NULL;
	cookies = kvcalloc(info->nr_cookies, sizeof(*cookies), GFP_KERNEL_ACCOUNT);
	if (!cookies)
		return ERR_PTR(-ENOMEM);
	if (!os_copy_from_user(cookies, info->cookies, info->nr_cookies * sizeof(*cookies)))
		return cookies;
	kvfree(cookies);
	return ERR_PTR(-EFAULT);
}

static int sum_devices(struct ioasid_ctx *ctx, const struct ioasid_info *info, const u64 *cookies,
		       struct device_sum *sum)
{
	struct ioasid_device *dev;
	u32 i;

	if (!(info->flags & IOASID_INFO_COOKIES)) {
		list_for_each_entry(dev, &ctx->devices, ctx_link)
			sum_device(sum, dev);
		return 0;
	}
	for (i = 0; i < info->nr_cookies; i++) {
		dev = ctx_find_device(ctx, cookies[i]);
		if (!dev)
			return -ENOENT;
		sum_device(sum, dev);
	}
	return 0;
}

u32 ctx_no_migration(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;
	struct ioas *ioas;
	u32 id, why = IOASID_NOMIG_HOME | (ctx->exposed ? IOASID_NOMIG_EXPOSED : 0);

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (!dev->ops->can_save || !dev->ops->can_save(dev))
			why |= IOASID_NOMIG_DRIVER;
	}
	idtree_for_each(&ctx->ioas, id, ioas)
	{
		if (ioas->kind->kind == IOASID_KIND_SHARED)
			why |= IOASID_NOMIG_SHARED;
	}
	return why;
}

/* An address space that leaves no-snoop requests alone makes DMA non-coherent on any IOMMU. */
static bool reaches_non_coherent(struct ioasid_device *dev)
{
	struct ioas_attach *attach;

	if (dev->default_ioas && dev->default_ioas->snoop == IOASID_SNOOP_ALLOW)
		return true;
	list_for_each_entry(attach, &dev->attaches, dev_link) {
		if (attach->ioas->snoop == IOASID_SNOOP_ALLOW)
			return true;
	}
	return false;
}

/* ECAP.PSS holds the width less one; the other two hold the width itself. */
static void fill_width(struct ioasid_info *info, u32 bits)
{
	info->pasid_bits = bits;
	info->vtd_pss = bits ? bits - 1 : 0;
	info->smmu_ssidsize = bits;
	info->pcie_width = bits;
}

static void fill_quota(const struct ioasid_set *set, struct ioasid_info *info)
{
	spinlock_t *lock = &set->host->lock;

	spin_lock_bh(lock);
	info->quota = set->ceiling;
	info->ids_live = set->nr;
	info->ids_pending = set->nr_pending;
	info->refused_by = set->refused_by;
	info->refused_group = set->refused_group;
	spin_unlock_bh(lock);
}

static int fill_info(struct ioasid_ctx *ctx, struct ioasid_info *info, const u64 *cookies)
{
	struct device_sum sum = { 0 };
	struct ioasid_device *dev;
	int rc = sum_devices(ctx, info, cookies, &sum);

	if (rc)
		return rc;
	fill_width(info, width_bits(&sum.width));
	info->promised_bits = ctx->promised_bits;
	info->nr_ioasids = ctx->ioas.count;
	info->nr_devices = ctx->nr_devices;
	info->nr_routes = ctx->nr_routes;
	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		info->nr_routes += dev->attached ? 1 : 0;
		if (reaches_non_coherent(dev))
			sum.non_coherent = true;
	}
	info->nr_faults = faultq_info(ctx, &info->faults_dropped);
	info->pinned_bytes = (u64)atomic64_read(&ctx->pinned);
	fill_quota(ctx->set, info);
	info->no_migration = ctx_no_migration(ctx);
	info->non_coherent = sum.non_coherent;
	return 0;
}

int ctx_get_info(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_info *info = arg;
	u64 *cookies = copy_cookies(info);
	int rc;

	if (IS_ERR(cookies))
		return (int)PTR_ERR(cookies);
	rc = ctx_lock_read(ctx);
	if (!rc) {
		rc = fill_info(ctx, info, cookies);
		up_read(&ctx->lock);
	}
	kvfree(cookies);
	return rc;
}

/* ---- quota ------------------------------------------------------------------------------------------ */

int ctx_set_quota(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_quota *q = arg;
	const struct ioasid_home_ops *ops = ctx->machine->ops;

	return pasid_set_quota(ctx->set, q->quota, q->flags & IOASID_QUOTA_RESERVE,
			       !ops->privileged || ops->privileged());
}
