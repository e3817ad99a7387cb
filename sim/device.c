// SPDX-License-Identifier: GPL-2.0-only
/* Devices: classes, what ioasid.ko asks of them, how they come and go. */
#include <linux/moduleparam.h>
#include <linux/property.h>
#include <linux/string.h>

#include "sim/private.h"

/* ---- classes ------------------------------------------------------------------------------------------ */

/**
 * struct sim_class - what a device of a class is made of
 * @dma: how its requests travel; NULL: this module does not offer the class
 * @behind_iommu: it is a function of its own, behind an IOMMU
 * @slice: it is a slice of one
 * @pasid: it may have a PASID capability
 * @dedicated, @shared: it may have such queues
 */
struct sim_class {
	const struct sim_dma_ops *dma;
	bool behind_iommu;
	bool slice;
	bool pasid;
	bool dedicated;
	bool shared;
};

/* clang-format off */
static const struct sim_class classes[] = {
	[IOASID_CLASS_PDEV] = { .dma = &sim_iommu_dma, .behind_iommu = true },
	[IOASID_CLASS_SW_MDEV] = { .dma = &sim_soft_dma },
	[IOASID_CLASS_MDEV_FIXED] = { .dma = &sim_iommu_dma, .slice = true },
	[IOASID_CLASS_PDEV_DELEGATED] = { .behind_iommu = true, .pasid = true },
	[IOASID_CLASS_PDEV_PASID] = {
		.dma = &sim_iommu_dma, .behind_iommu = true, .pasid = true, .dedicated = true },
	[IOASID_CLASS_MDEV_PASID] = {
		.dma = &sim_iommu_dma, .slice = true, .pasid = true, .dedicated = true },
	[IOASID_CLASS_PDEV_DMWR] = {
		.dma = &sim_iommu_dma, .behind_iommu = true, .pasid = true, .dedicated = true,
		.shared = true },
	[IOASID_CLASS_MDEV_DMWR] = {
		.dma = &sim_iommu_dma, .slice = true, .pasid = true, .dedicated = true,
		.shared = true },
};
/* clang-format on */

const struct sim_dma_ops *sim_dev_dma(const struct sim_dev *dev)
{
	return dev->policy->dma;
}

/* ---- being inside ----------------------------------------------------------------------------------------- */

int sim_dev_enter(struct sim_dev *dev)
{
	return refcount_inc_not_zero(&dev->inside) ? 0 : -ENODEV;
}

void sim_dev_exit(struct sim_dev *dev)
{
	if (refcount_dec_and_test(&dev->inside))
		complete(&dev->left);
}

void sim_dev_block(struct sim_dev *dev)
{
	WRITE_ONCE(dev->blocked, true);
}

/* Slices do not come and go meanwhile: that is done under the lock. */
void sim_dev_fence(struct sim_dev *fn)
{
	struct sim_dev *dev;

	lockdep_assert_held(&fn->iommu->lock);
	sim_dev_block(fn);
	ioasid_kdev_fence(fn->kdev);
	list_for_each_entry(dev, &fn->slices, slice) {
		sim_dev_block(dev);
		ioasid_kdev_fence(dev->kdev);
	}
}

/* ---- what ioasid.ko asks ------------------------------------------------------------------------------------- */

static int dev_bind(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	/* A user may be here before registration has returned. */
	WRITE_ONCE(dev->kdev, kdev);
	WRITE_ONCE(dev->running, true);
	sim_wq_start(dev);
	return 0;
}

/*
 * Waiters for pages leave, what is in a section ends, and so does the descriptor that the engine is
 * at. A request that is sent all the same is blocked once the routes are gone.
 */
static void dev_quiesce(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	WRITE_ONCE(dev->running, false);
	sim_pri_abort(dev, false);
	sim_wq_stop(dev, false);
	if (dev->iommu)
		sim_wait(dev->iommu);
}

static void dev_unbind(struct ioasid_kdev *kdev)
{
	sim_wq_stop(ioasid_kdev_priv(kdev), true);
}

/*
 * What it held translations of is forgotten with it; so nothing it could do is worth a fence. The device
 * TLB is the function's: what is in it for siblings goes along.
 */
static void dev_reset(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	sim_pri_abort(dev, true);
	sim_wq_stop(dev, true);
	sim_wq_start(dev);
	if (!dev->iommu)
		return;
	sim_ats_reset(dev->fn);
	sim_wait(dev->iommu);
	/* The function answers again; siblings that were cut off with it ask for a reset themselves. */
	WRITE_ONCE(dev->fn->blocked, READ_ONCE(dev->fn->dead));
	WRITE_ONCE(dev->blocked, READ_ONCE(dev->dead));
}

/* Of devices made from now on; for tests, which look at what users are refused then. */
static uint kept_first;
module_param(kept_first, uint, 0644);
MODULE_PARM_DESC(kept_first, "first PASID that devices with PASIDs keep for their driver");
static uint kept_last;
module_param(kept_last, uint, 0644);
MODULE_PARM_DESC(kept_last, "last of them (default 0: they keep none)");

static struct ioasid_kdev_ops plain_ops = {
	.owner = THIS_MODULE,
	.bind = dev_bind,
	.unbind = dev_unbind,
	.quiesce = dev_quiesce,
	.reset = dev_reset,
};
static struct ioasid_kdev_ops wq_ops;

void sim_dev_init(void)
{
	wq_ops = plain_ops;
	sim_wq_ops_fill(&wq_ops);
}

/* The numbers that the driver of @dev keeps. */
static void dev_keeps(const struct sim_dev *dev, u32 *first, u32 *last)
{
	const struct ioasid_sim_device *c = &dev->cfg;

	*first = c->kept_last ? c->kept_first : c->pasid_bits ? kept_first : 0;
	*last = c->kept_last ? c->kept_last : c->pasid_bits ? kept_last : 0;
}

static int function_register(struct sim_dev *dev)
{
	struct ioasid_kfunction_desc desc = {
		.dev = &dev->pdev->dev,
		.pasid_bits = dev->cfg.pasid_bits,
	};

	dev_keeps(dev, &desc.kept_first, &desc.kept_last);
	dev->kfn = ioasid_register_function(&desc);
	if (!IS_ERR(dev->kfn))
		return 0;
	/* Perhaps its IOMMU has no PASIDs: then it has no slices. */
	if (dev->kfn == ERR_PTR(-EOPNOTSUPP)) {
		dev->kfn = NULL;
		return 0;
	}
	return PTR_ERR(dev->kfn);
}

int sim_dev_host_use(struct sim_dev *dev, u32 use)
{
	int rc;

	if (!dev->kfn || use > 1 || (!use && !dev->host_uses))
		return -EINVAL;
	rc = ioasid_kfunction_use(dev->kfn, use);
	if (!rc)
		dev->host_uses += use ? 1 : -1;
	return rc;
}

static int dev_register(struct sim_dev *dev)
{
	const struct ioasid_sim_device *c = &dev->cfg;
	struct ioasid_kdev_desc desc = {
		.name = c->name,
		.ops = dev->wq ? &wq_ops : &plain_ops,
		.priv = dev,
		.dev = dev->pdev ? &dev->pdev->dev : NULL,
		.function = dev->fn->kfn,
		.dev_class = c->dev_class,
		.mode = c->mode,
		.caps = (c->flags & IOASID_SIM_ATS ? IOASID_DEV_ATS : 0) |
			(c->flags & IOASID_SIM_PRI ? IOASID_DEV_PRI : 0),
		.pasid_bits = c->pasid_bits,
		.pri_share = dev->iommu ? dev->iommu->cfg.fault_share : 0,
		.nr_regions = dev->wq ? 1 : 0,
	};
	struct ioasid_kdev *kdev;

	if (!desc.function)
		dev_keeps(dev, &desc.kept_first, &desc.kept_last);
	kdev = ioasid_register_device(&desc);
	if (IS_ERR(kdev))
		return PTR_ERR(kdev);
	WRITE_ONCE(dev->kdev, kdev);
	if (sim_is_slice(dev)) {
		mutex_lock(&dev->iommu->lock);
		list_add_tail(&dev->slice, &dev->fn->slices);
		mutex_unlock(&dev->iommu->lock);
	}
	return 0;
}

static void dev_unregister(struct sim_dev *dev)
{
	if (sim_is_slice(dev)) {
		mutex_lock(&dev->iommu->lock);
		list_del_init(&dev->slice);
		mutex_unlock(&dev->iommu->lock);
	}
	ioasid_unregister_device(dev->kdev);
}

/* ---- behind the IOMMU --------------------------------------------------------------------------------------------- */

/* A context entry: from here on requests of the RID find an empty PASID table. */
static int tables_add(struct sim_dev *dev)
{
	struct sim_iommu *iommu = dev->iommu;
	u16 flags = 0;
	int rc;

	flags |= dev->cfg.flags & IOASID_SIM_ATS ? VTD_TE_DT : 0;
	flags |= dev->cfg.flags & IOASID_SIM_PRI ? VTD_TE_PR : 0;
	flags |= dev->cfg.pasid_bits ? VTD_TE_PASID : 0;
	rc = ida_alloc_max(&iommu->rids, U16_MAX, GFP_KERNEL);
	if (rc < 0)
		return rc;
	dev->rid = rc;
	mutex_lock(&iommu->lock);
	rc = vtd_tables_device_add(&iommu->tables, dev->rid, flags);
	if (!rc)
		list_add_tail(&dev->link, &iommu->devices);
	mutex_unlock(&iommu->lock);
	if (rc)
		ida_free(&iommu->rids, dev->rid);
	return rc;
}

static void tables_remove(struct sim_dev *dev)
{
	struct sim_iommu *iommu = dev->iommu;
	struct table_gather g;

	table_gather_init(&g);
	mutex_lock(&iommu->lock);
	list_del(&dev->link);
	WARN_ON(vtd_tables_device_remove(&iommu->tables, dev->rid, &g));
	/* Nobody sends with this RID any more, but a lookup of another may be in a shared table. */
	sim_wait(iommu);
	mutex_unlock(&iommu->lock);
	table_gather_free(&iommu->env, &g);
	ida_free(&iommu->rids, dev->rid);
}

/*
 * The firmware specification is how the kernel's IOMMU core finds the IOMMU. It is complete before
 * the device is added, since that is when the core looks.
 */
#ifdef CONFIG_LOCKDEP
/* iommu_fwspec_init() asserts a lock that is not exported; the device is not visible to anybody. */
static int fwspec_make(struct device *dev, struct fwnode_handle *fwnode)
{
	struct iommu_fwspec *fwspec = kzalloc(struct_size(fwspec, ids, 1), GFP_KERNEL);
	struct dev_iommu *param = kzalloc(sizeof(*param), GFP_KERNEL);

	if (!fwspec || !param) {
		kfree(fwspec);
		kfree(param);
		return -ENOMEM;
	}
	mutex_init(&param->lock);
	fwnode_handle_get(fwnode);
	fwspec->iommu_fwnode = fwnode;
	param->fwspec = fwspec;
	dev->iommu = param; /* the core frees both when the device goes */
	return 0;
}
#else
static int fwspec_make(struct device *dev, struct fwnode_handle *fwnode)
{
	return iommu_fwspec_init(dev, fwnode);
}
#endif

/* Of a device that was not added, so that the core knows nothing of it. */
static void fwspec_drop(struct device *dev)
{
	struct dev_iommu *param = dev->iommu;

	if (!param)
		return;
	fwnode_handle_put(param->fwspec->iommu_fwnode);
	kfree(param->fwspec);
	kfree(param);
	dev->iommu = NULL;
}

/* Its one property is how wide its PASIDs are. */
static int read_property(const struct fwnode_handle *fwnode, const char *name, unsigned int size,
			 void *val, size_t nval)
{
	const struct sim_dev *dev = container_of(fwnode, struct sim_dev, fwnode);

	if (strcmp(name, "pasid-num-bits"))
		return -EINVAL;
	if (!val)
		return 1;
	if (size != sizeof(u32) || nval != 1)
		return -EOVERFLOW;
	*(u32 *)val = dev->cfg.pasid_bits;
	return 0;
}

static bool has_property(const struct fwnode_handle *fwnode, const char *name)
{
	return !strcmp(name, "pasid-num-bits");
}

static const struct fwnode_operations properties = {
	.property_present = has_property,
	.property_read_int_array = read_property,
};

static int platform_add(struct sim_dev *dev)
{
	struct platform_device *pdev = platform_device_alloc("ioasid-sim", PLATFORM_DEVID_AUTO);
	int rc;

	if (!pdev)
		return -ENOMEM;
	platform_set_drvdata(pdev, dev);
	fwnode_init(&dev->fwnode, &properties);
	pdev->dev.fwnode = &dev->fwnode;
	rc = fwspec_make(&pdev->dev, &dev->iommu->fwnode);
	if (rc)
		goto err_put;
	dev->pdev = pdev;
	rc = sim_platform_add(pdev);
	if (rc)
		goto err_fwspec;
	if (device_iommu_mapped(&pdev->dev))
		return 0;
	dev->pdev = NULL;
	sim_platform_remove(pdev);
	return -ENODEV;

err_fwspec:
	dev->pdev = NULL;
	fwspec_drop(&pdev->dev);
err_put:
	platform_device_put(pdev);
	return rc;
}

static int behind_iommu(struct sim_dev *dev)
{
	int rc = tables_add(dev);

	if (rc)
		return rc;
	rc = platform_add(dev);
	if (rc)
		tables_remove(dev);
	return rc;
}

/* ---- making --------------------------------------------------------------------------------------------------------- */

static bool queues_ok(const struct sim_class *policy, const struct ioasid_sim_device *c)
{
	if ((c->nr_dedicated && !policy->dedicated) || (c->nr_shared && !policy->shared))
		return false;
	/* How many there may be is for those who make them to say. */
	return c->nr_dedicated || c->nr_shared || !(c->queue_size || c->flags & IOASID_SIM_ENGINE);
}

/* What a slice takes over from its parent, and may not say itself. */
static int slice_check(struct sim_dev *parent, struct ioasid_sim_device *c)
{
	u32 hw = IOASID_SIM_ATS | IOASID_SIM_PRI | IOASID_SIM_MUTE;

	if (!parent)
		return -ENOENT;
	if (!parent->kfn || c->flags & hw || c->group != IOASID_SIM_NONE || c->pri_capacity ||
	    c->dtlb_entries || c->kept_first || c->kept_last)
		return -EINVAL;
	c->flags |= parent->cfg.flags & hw;
	return 0;
}

static int whole_check(const struct sim_class *policy, const struct sim_iommu *iommu,
		       struct ioasid_sim_device *c)
{
	if (c->parent || (c->flags && !policy->behind_iommu) || (c->pasid_bits && !policy->pasid) ||
	    ((c->kept_first || c->kept_last) && !c->pasid_bits))
		return -EINVAL;
	if (policy->behind_iommu && !iommu)
		return -ENOENT;
	c->flags |= c->flags & (IOASID_SIM_PRI | IOASID_SIM_MUTE) ? IOASID_SIM_ATS : 0;
	c->pri_capacity = c->pri_capacity ? c->pri_capacity : SIM_GROUPS;
	c->dtlb_entries = c->dtlb_entries ? c->dtlb_entries : 64;
	return c->pri_capacity > SIM_GROUPS || c->dtlb_entries > 65536 ? -EINVAL : 0;
}

static int config_check(const struct sim_iommu *iommu, struct sim_dev *parent,
			struct ioasid_sim_device *c)
{
	const struct sim_class *policy;

	if (strnlen(c->name, sizeof(c->name)) == sizeof(c->name))
		return -EINVAL;
	if (c->dev_class >= ARRAY_SIZE(classes) || !classes[c->dev_class].dma)
		return -EOPNOTSUPP;
	policy = &classes[c->dev_class];
	if (c->pasid_bits > IOASID_PASID_BITS || c->mode > IOASID_MODE_GLOBAL ||
	    !queues_ok(policy, c))
		return -EINVAL;
	return policy->slice ? slice_check(parent, c) : whole_check(policy, iommu, c);
}

static void dev_free(struct kref *ref)
{
	struct sim_dev *dev = container_of(ref, struct sim_dev, ref);

	WARN_ON(!xa_empty(&dev->routes) || !list_empty(&dev->slices));
	xa_destroy(&dev->routes);
	sim_wq_destroy(dev);
	sim_pri_destroy(dev);
	sim_ats_destroy(dev);
	if (dev->iommu)
		sim_iommu_put(dev->iommu);
	if (sim_is_slice(dev))
		sim_dev_put(dev->fn);
	kfree(dev);
}

void sim_dev_put(struct sim_dev *dev)
{
	kref_put(&dev->ref, dev_free);
}

static void dev_place(struct sim_dev *dev, struct sim_iommu *iommu, struct sim_dev *parent)
{
	dev->fn = dev;
	if (dev->policy->slice) {
		kref_get(&parent->ref);
		dev->fn = parent;
		dev->rid = parent->rid;
		iommu = parent->iommu;
	}
	if (dev->policy->slice || dev->policy->behind_iommu) {
		sim_iommu_get(iommu);
		dev->iommu = iommu;
	}
}

static struct sim_dev *dev_alloc(struct sim_iommu *iommu, struct sim_dev *parent,
				 const struct ioasid_sim_device *cfg)
{
	struct sim_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	kref_init(&dev->ref);
	refcount_set(&dev->inside, 1);
	init_completion(&dev->left);
	xa_init(&dev->routes);
	INIT_LIST_HEAD(&dev->link);
	INIT_LIST_HEAD(&dev->slices);
	INIT_LIST_HEAD(&dev->slice);
	spin_lock_init(&dev->hold_lock);
	INIT_LIST_HEAD(&dev->holds);
	dev->cfg = *cfg;
	dev->policy = &classes[cfg->dev_class];
	dev_place(dev, iommu, parent);
	rc = sim_ats_init(dev);
	rc = sim_pri_init(dev) ? -ENOMEM : rc;
	rc = rc ? rc : sim_wq_create(dev);
	if (!rc)
		return dev;
	sim_dev_put(dev);
	return ERR_PTR(rc);
}

/* Undo what sim_dev_create() did after dev_alloc(), in reverse. */
static void dev_unmake(struct sim_dev *dev)
{
	struct platform_device *pdev = dev->pdev;

	if (dev->kfn)
		ioasid_unregister_function(dev->kfn);
	dev->kfn = NULL;
	if (!pdev)
		return;
	/* Until it leaves the list another device may look at it for its group. */
	get_device(&pdev->dev);
	sim_platform_remove(pdev);
	tables_remove(dev);
	put_device(&pdev->dev);
}

/* Devices that the hardware cannot tell apart, or without PASIDs, have no slices. */
static int dev_make(struct sim_dev *dev)
{
	int rc = dev->policy->behind_iommu ? behind_iommu(dev) : 0;

	if (rc || !dev->policy->behind_iommu || !dev->cfg.pasid_bits ||
	    dev->cfg.group != IOASID_SIM_NONE)
		return rc;
	rc = function_register(dev);
	if (rc) {
		dev->kfn = NULL;
		dev_unmake(dev);
	}
	return rc;
}

struct sim_dev *sim_dev_create(struct sim_iommu *iommu, struct sim_dev *parent,
			       const struct ioasid_sim_device *user)
{
	struct ioasid_sim_device cfg = *user;
	struct sim_dev *dev;
	int rc = config_check(iommu, parent, &cfg);

	if (rc)
		return ERR_PTR(rc);
	dev = dev_alloc(iommu, parent, &cfg);
	if (IS_ERR(dev))
		return dev;
	rc = dev_make(dev);
	if (rc)
		goto err_put;
	rc = dev_register(dev);
	if (rc)
		goto err_unmake;
	rc = dev->iommu ? 0 : sim_soft_init(dev);
	if (rc)
		goto err_unregister;
	return dev;

err_unregister:
	dev_unregister(dev);
err_unmake:
	dev_unmake(dev);
err_put:
	sim_dev_put(dev);
	return ERR_PTR(rc);
}

/* ---- hot-unplug -------------------------------------------------------------------------------------------------------- */

void sim_dev_destroy(struct sim_dev *dev)
{
	WRITE_ONCE(dev->dead, true);
	sim_dev_block(dev);
	wake_up_all(&dev->fence_wait);
	sim_pri_abort(dev, false);
	/* Requests that got past these have an end; nobody waits for an answer any more. */
	sim_dev_exit(dev);
	wait_for_completion(&dev->left);
	sim_wq_retire(dev);
	sim_hold_end_all(dev);
	if (dev->iommu)
		sim_wait(dev->iommu);
	else
		sim_soft_destroy(dev);
	dev_unregister(dev);
	sim_pri_forget(dev);
	dev_unmake(dev);
	sim_dev_put(dev);
}
