// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices of a host: making, stopping, resetting, unplugging them. */
#include "inproc/private.h"

#define KNOWN_FLAGS (IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI | IOASID_HOSTDEV_OWN_DTLB)
#define DTLB_MAX    (1U << 20)

/* ---- what the core asks ---------------------------------------------------------------------- */

/*
 * The emulator stops sending, waiters for pages leave, what is in a section ends. A request it
 * sends all the same is blocked once the routes are gone.
 */
static void device_quiesce(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);

	pri_abort(dev, false);
	if (dev->ops && dev->ops->quiesce)
		dev->ops->quiesce(dev->opaque);
	pri_abort(dev, false);
	section_wait();
}

static void device_reset(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);

	pri_abort(dev, false);
	if (dev->ops && dev->ops->reset)
		dev->ops->reset(dev->opaque);
	pri_abort(dev, true);
	section_wait();
}

const struct ioasid_device_ops inproc_device_ops = {
	.quiesce = device_quiesce,
	.reset = device_reset,
	.page_response = pri_response,
};

/* ---- making --------------------------------------------------------------------------------------- */

static int config_check(const struct ioasid_hostdev_config *c)
{
	if (c->size < sizeof(*c) || !c->name || !*c->name ||
	    strlen(c->name) >= sizeof(((struct ioasid_hostdev *)NULL)->name))
		return -EINVAL;
	if (c->flags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	if (c->flags & (IOASID_HOSTDEV_PRI | IOASID_HOSTDEV_OWN_DTLB) &&
	    !(c->flags & IOASID_HOSTDEV_ATS))
		return -EINVAL;
	if (c->flags & IOASID_HOSTDEV_OWN_DTLB && (!c->ops || !c->ops->invalidate))
		return -EINVAL;
	if (c->dtlb_entries && (c->dtlb_entries > DTLB_MAX || !is_power_of_2(c->dtlb_entries)))
		return -EINVAL;
	return c->pasid_bits > IOASID_PASID_BITS || c->pri_capacity > PRI_GROUPS ? -EINVAL : 0;
}

static struct ioasid_hostdev *hostdev_alloc(struct ioasid_host *host,
					    const struct ioasid_hostdev_config *c)
{
	struct ioasid_hostdev *dev = os_zalloc(sizeof(*dev));

	if (!dev)
		return NULL;
	dev->host = host;
	dev->rid = c->rid;
	dev->key = route_key(c->rid, 0);
	dev->hash = route_hash(dev->key);
	dev->rid_hash = route_hash(route_key(c->rid, IOASID_NO_PASID));
	dev->flags = c->flags;
	dev->ops = c->ops;
	dev->opaque = c->opaque;
	dev->pasid_bits = c->pasid_bits;
	strcpy(dev->name, c->name);
	ats_init(dev, c->dtlb_entries ? c->dtlb_entries : 64);
	if (pri_init(dev, c->pri_capacity ? c->pri_capacity : PRI_GROUPS)) {
		pri_destroy(dev);
		ats_destroy(dev);
		os_free(dev);
		return NULL;
	}
	return dev;
}

static void hostdev_free(struct ioasid_hostdev *dev)
{
	WARN_ON(dev->routes.by_rid);
	pri_destroy(dev);
	ats_destroy(dev);
	os_free(dev);
}

/* A context entry: from here on requests of the RID find an empty PASID table. */
static int tables_add(struct ioasid_hostdev *dev)
{
	struct ioasid_host *host = dev->host;
	u16 flags = 0;
	int rc;

	flags |= dev->flags & IOASID_HOSTDEV_ATS ? VTD_TE_DT : 0;
	flags |= dev->flags & IOASID_HOSTDEV_PRI ? VTD_TE_PR : 0;
	flags |= dev->pasid_bits ? VTD_TE_PASID : 0;
	mutex_lock(&host->lock);
	rc = vtd_tables_device_add(&host->tables, dev->rid, flags);
	mutex_unlock(&host->lock);
	return rc;
}

static void tables_remove(struct ioasid_hostdev *dev)
{
	struct ioasid_host *host = dev->host;
	struct table_gather g;

	table_gather_init(&g);
	mutex_lock(&host->lock);
	WARN_ON(vtd_tables_device_remove(&host->tables, dev->rid, &g));
	mutex_unlock(&host->lock);
	/* Nobody sends with this RID any more, but a lookup of another may be in a shared table. */
	section_wait();
	table_gather_free(&host->env.env, &g);
}

static int core_register(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	struct ioasid_host *host = dev->host;
	const struct ioasid_device_desc desc = {
		.ops = &inproc_device_ops,
		.iommu = &host->iommu,
		.dev_class = c->dev_class,
		.caps = (c->flags & IOASID_HOSTDEV_ATS ? IOASID_DEV_ATS : 0) |
			(c->flags & IOASID_HOSTDEV_PRI ? IOASID_DEV_PRI : 0),
		.pasid_bits = c->pasid_bits,
		.group = c->group,
		.pri_share = host->config.fault_share,
	};

	dev->core = ioasid_device_register(&host->machine, &desc, dev);
	return PTR_ERR_OR_ZERO(dev->core);
}

/* host->names_lock held. */
static bool name_taken(struct ioasid_host *host, const char *name)
{
	struct ioasid_hostdev *dev;

	list_for_each_entry(dev, &host->devices, link) {
		if (!strcmp(dev->name, name))
			return true;
	}
	return false;
}

static int hostdev_publish(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	struct ioasid_host *host = dev->host;
	int rc;

	if (name_taken(host, c->name))
		return -EEXIST;
	rc = tables_add(dev);
	if (rc)
		return rc;
	rc = core_register(dev, c);
	if (rc) {
		tables_remove(dev);
		return rc;
	}
	list_add_tail(&dev->link, &host->devices);
	store_relaxed(&host->nr_devices, host->nr_devices + 1);
	return 0;
}

int ioasid_hostdev_create(struct ioasid_host *host, const struct ioasid_hostdev_config *config,
			  struct ioasid_hostdev **out)
{
	struct ioasid_hostdev *dev;
	int rc = config_check(config);

	if (rc)
		return rc;
	dev = hostdev_alloc(host, config);
	if (!dev)
		return -ENOMEM;
	mutex_lock(&host->names_lock);
	rc = hostdev_publish(dev, config);
	mutex_unlock(&host->names_lock);
	if (rc) {
		hostdev_free(dev);
		return rc;
	}
	host_get(host);
	*out = dev;
	return 0;
}

/* ---- unplugging --------------------------------------------------------------------------------------- */

void ioasid_hostdev_destroy(struct ioasid_hostdev *dev)
{
	struct ioasid_host *host;

	if (!dev)
		return;
	host = dev->host;
	mutex_lock(&host->names_lock);
	list_del(&dev->link);
	store_relaxed(&host->nr_devices, host->nr_devices - 1);
	mutex_unlock(&host->names_lock);
	store_relaxed(&dev->dead, true);
	routes_block(dev);
	/* Requests that got past these two are in a section, or say that they are inside. */
	section_wait();
	pri_abort(dev, false);
	thread_wait_leave(dev);
	ioasid_device_unregister(dev->core);
	tables_remove(dev);
	hostdev_free(dev);
	ioasid_host_put(host);
}
