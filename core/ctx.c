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
}

void ioasid_machine_destroy(struct ioasid_machine *machine)
{
	WARN_ON(!list_empty(&machine->devices));
	mutex_destroy(&machine->lock);
}

struct ioasid_ctx *ioasid_ctx_open(struct ioasid_machine *machine,
				   const struct ioasid_ctx_config *config, void *priv)
{
	struct ioasid_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&ctx->lock);
	refcount_set(&ctx->refs, 1);
	ctx->machine = machine;
	ctx->priv = priv;
	if (config)
		ctx->config = *config;
	ctx->config.max_ioas = ctx->config.max_ioas ?: DEFAULT_MAX_IOAS;
	ctx->config.max_routes = ctx->config.max_routes ?: DEFAULT_MAX_ROUTES;
	ctx->config.max_maps = ctx->config.max_maps ?: DEFAULT_MAX_MAPS;
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
	[IOASID_EXT_PAGE_REQUEST] = 1,
	[IOASID_EXT_MAP_FD] = 1,
	[IOASID_EXT_QUERY] = 1,
};

int ctx_check_extension(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_check_extension *c = arg;

	c->value = 0;
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

/* Bits this device adds to the minimum; 0: it takes no PASID and does not count. */
static u32 device_bits(const struct ioasid_device *dev)
{
	return dev->policy->pasid ? dev->pasid_bits : 0;
}

static u32 min_bits(u32 so_far, u32 bits)
{
	if (!bits)
		return so_far;
	return so_far ? min(so_far, bits) : bits;
}

/**
 * ctx_advertisable_bits() - PASID bits a vIOMMU over all bound devices may report
 * @ctx: context, lock held
 *
 * Return: bits, 0: none. Source: design section 5.2.
 */
u32 ctx_advertisable_bits(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;
	u32 bits = 0;

	list_for_each_entry(dev, &ctx->devices, ctx_link)
		bits = min_bits(bits, device_bits(dev));
	return bits;
}

struct width_sum {
	u32 bits;
	bool non_coherent;
};

static void sum_device(struct width_sum *sum, const struct ioasid_device *dev)
{
	sum->bits = min_bits(sum->bits, device_bits(dev));
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
		       struct width_sum *sum)
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

static u32 no_migration(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;
	struct ioas *ioas;
	u32 id, why = IOASID_NOMIG_HOME;

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

static int fill_info(struct ioasid_ctx *ctx, struct ioasid_info *info, const u64 *cookies)
{
	struct width_sum sum = { 0 };
	struct ioasid_device *dev;
	int rc = sum_devices(ctx, info, cookies, &sum);

	if (rc)
		return rc;
	info->pasid_bits = sum.bits;
	/* ECAP.PSS holds the width less one; the other two hold the width itself. */
	info->vtd_pss = sum.bits ? sum.bits - 1 : 0;
	info->smmu_ssidsize = sum.bits;
	info->pcie_width = sum.bits;
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
	info->quota = IOASID_INVALID;
	info->ids_live = 0;
	info->ids_pending = 0;
	info->no_migration = no_migration(ctx);
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

/* ---- number policy -------------------------------------------------------------------------------- */

static int policy_device(struct ioasid_ctx *ctx, const struct ioasid_hwid_policy *p,
			 struct ioasid_device **dev)
{
	*dev = NULL;
	if (!(p->flags & IOASID_HWID_DEVICE))
		return p->cookie ? -EINVAL : 0;
	*dev = ctx_find_device(ctx, p->cookie);
	return *dev ? 0 : -ENOENT;
}

int ctx_set_hwid_mode(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	struct ioasid_device *dev;
	int rc;

	if (p->value > IOASID_MODE_GLOBAL)
		return -EINVAL;
	rc = policy_device(ctx, p, &dev);
	if (rc)
		return rc;
	/* Host-wide numbers are not offered yet (IOASID_EXT_PASID_GLOBAL). */
	if (p->value == IOASID_MODE_GLOBAL)
		return -EOPNOTSUPP;
	if (dev)
		dev->mode = p->value;
	else
		ctx->mode = p->value;
	return 0;
}

int ctx_set_global_min(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	struct ioasid_device *dev;
	int rc;

	if (!p->value || p->value > (1U << IOASID_PASID_BITS))
		return -EINVAL;
	rc = policy_device(ctx, p, &dev);
	/* A split only means something in global mode, which is not offered yet. */
	return rc ?: -EOPNOTSUPP;
}

int ctx_set_promised_width(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_hwid_policy *p = arg;
	u32 bits;

	if (p->cookie || p->value > IOASID_PASID_BITS)
		return -EINVAL;
	/* A guest may be told a width before any device is plugged; binding checks it then. */
	bits = ctx_advertisable_bits(ctx);
	if (bits && p->value > bits)
		return -EMEDIUMTYPE;
	ctx->promised_bits = p->value;
	return 0;
}
