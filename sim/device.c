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
 * @pasid: it may have a PASID capability
 */
struct sim_class {
	const struct sim_dma_ops *dma;
	bool behind_iommu;
	bool pasid;
};

static const struct sim_class classes[] = {
	[IOASID_CLASS_PDEV] = { .dma = &sim_iommu_dma, .behind_iommu = true },
	[IOASID_CLASS_SW_MDEV] = { .dma = &sim_soft_dma },
	[IOASID_CLASS_MDEV_FIXED] = { .behind_iommu = false },
	[IOASID_CLASS_PDEV_DELEGATED] = { .behind_iommu = true, .pasid = true },
	[IOASID_CLASS_PDEV_PASID] = { .dma = &sim_iommu_dma, .behind_iommu = true, .pasid = true },
	[IOASID_CLASS_MDEV_PASID] = { .pasid = true },
	[IOASID_CLASS_PDEV_DMWR] = { .behind_iommu = true, .pasid = true },
	[IOASID_CLASS_MDEV_DMWR] = { .pasid = true },
};

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

/* ---- what ioasid.ko asks ------------------------------------------------------------------------------------- */

/*
 * Waiters for pages leave, what is in a section ends. A request that is sent all the same is blocked
 * once the routes are gone.
 */
static void dev_quiesce(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	sim_pri_abort(dev, false);
	if (dev->iommu)
		sim_wait(dev->iommu);
}

/* What it held translations of is forgotten with it; so nothing it could do is worth a fence. */
static void dev_reset(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	sim_pri_abort(dev, true);
	if (!dev->iommu)
		return;
	sim_ats_reset(dev);
	sim_wait(dev->iommu);
	WRITE_ONCE(dev->blocked, READ_ONCE(dev->dead));
}

/* Of devices made from now on; for tests, which look at what users are refused then. */
static uint kept_first;
module_param(kept_first, uint, 0644);
MODULE_PARM_DESC(kept_first, "first PASID that devices with PASIDs keep for their driver");
static uint kept_last;
module_param(kept_last, uint, 0644);
MODULE_PARM_DESC(kept_last, "last of them (default 0: they keep none)");

static const struct ioasid_kdev_ops kdev_ops = {
	.owner = THIS_MODULE,
	.quiesce = dev_quiesce,
	.reset = dev_reset,
};

static int dev_register(struct sim_dev *dev)
{
	const struct ioasid_sim_device *c = &dev->cfg;
	const struct ioasid_kdev_desc desc = {
		.name = c->name,
		.ops = &kdev_ops,
		.priv = dev,
		.dev = dev->pdev ? &dev->pdev->dev : NULL,
		.dev_class = c->dev_class,
		.caps = (c->flags & IOASID_SIM_ATS ? IOASID_DEV_ATS : 0) |
			(c->flags & IOASID_SIM_PRI ? IOASID_DEV_PRI : 0),
		.pasid_bits = c->pasid_bits,
		.pri_share = dev->iommu ? dev->iommu->cfg.fault_share : 0,
		.kept_first = c->pasid_bits ? kept_first : 0,
		.kept_last = c->pasid_bits ? kept_last : 0,
	};

	dev->kdev = ioasid_register_device(&desc);
	return PTR_ERR_OR_ZERO(dev->kdev);
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

static int config_check(const struct sim_iommu *iommu, struct ioasid_sim_device *c)
{
	const struct sim_class *policy;

	if (strnlen(c->name, sizeof(c->name)) == sizeof(c->name))
		return -EINVAL;
	if (c->dev_class >= ARRAY_SIZE(classes) || !classes[c->dev_class].dma)
		return -EOPNOTSUPP;
	policy = &classes[c->dev_class];
	if (c->pasid_bits > IOASID_PASID_BITS || (c->pasid_bits && !policy->pasid) ||
	    (c->flags && !policy->behind_iommu))
		return -EINVAL;
	if (policy->behind_iommu && !iommu)
		return -ENOENT;
	c->flags |= c->flags & (IOASID_SIM_PRI | IOASID_SIM_MUTE) ? IOASID_SIM_ATS : 0;
	c->pri_capacity = c->pri_capacity ? c->pri_capacity : SIM_GROUPS;
	c->dtlb_entries = c->dtlb_entries ? c->dtlb_entries : 64;
	return c->pri_capacity > SIM_GROUPS || c->dtlb_entries > 65536 ? -EINVAL : 0;
}

static void dev_free(struct kref *ref)
{
	struct sim_dev *dev = container_of(ref, struct sim_dev, ref);

	WARN_ON(!xa_empty(&dev->routes));
	xa_destroy(&dev->routes);
	sim_pri_destroy(dev);
	sim_ats_destroy(dev);
	if (dev->iommu)
		sim_iommu_put(dev->iommu);
	kfree(dev);
}

void sim_dev_put(struct sim_dev *dev)
{
	kref_put(&dev->ref, dev_free);
}

static struct sim_dev *dev_alloc(struct sim_iommu *iommu, const struct ioasid_sim_device *cfg)
{
	struct sim_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!dev)
		return NULL;
	kref_init(&dev->ref);
	refcount_set(&dev->inside, 1);
	init_completion(&dev->left);
	xa_init(&dev->routes);
	INIT_LIST_HEAD(&dev->link);
	spin_lock_init(&dev->hold_lock);
	INIT_LIST_HEAD(&dev->holds);
	dev->cfg = *cfg;
	dev->policy = &classes[cfg->dev_class];
	if (dev->policy->behind_iommu) {
		sim_iommu_get(iommu);
		dev->iommu = iommu;
	}
	rc = sim_ats_init(dev);
	rc = sim_pri_init(dev) ? -ENOMEM : rc;
	if (!rc)
		return dev;
	sim_dev_put(dev);
	return NULL;
}

/* Undo what sim_dev_create() did after dev_alloc(), in reverse. */
static void dev_unmake(struct sim_dev *dev)
{
	struct platform_device *pdev = dev->pdev;

	if (!pdev)
		return;
	/* Until it leaves the list another device may look at it for its group. */
	get_device(&pdev->dev);
	sim_platform_remove(pdev);
	tables_remove(dev);
	put_device(&pdev->dev);
}

struct sim_dev *sim_dev_create(struct sim_iommu *iommu, const struct ioasid_sim_device *user)
{
	struct ioasid_sim_device cfg = *user;
	struct sim_dev *dev;
	int rc = config_check(iommu, &cfg);

	if (rc)
		return ERR_PTR(rc);
	dev = dev_alloc(iommu, &cfg);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	rc = dev->policy->behind_iommu ? behind_iommu(dev) : 0;
	if (rc)
		goto err_put;
	rc = dev_register(dev);
	if (rc)
		goto err_unmake;
	rc = dev->policy->behind_iommu ? 0 : sim_soft_init(dev);
	if (rc)
		goto err_unregister;
	return dev;

err_unregister:
	ioasid_unregister_device(dev->kdev);
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
	sim_hold_end_all(dev);
	if (dev->iommu)
		sim_wait(dev->iommu);
	else
		sim_soft_destroy(dev);
	ioasid_unregister_device(dev->kdev);
	dev_unmake(dev);
	sim_dev_put(dev);
}
