// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices of a host: making, stopping, resetting, unplugging them. One of class 5 or 7 is a function that
 * others may be slices of; the core has an object for it, made with the device whether it gets slices or
 * not.
 */
#include "inproc/private.h"

#define KNOWN_FLAGS (IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI | IOASID_HOSTDEV_OWN_DTLB)
#define DTLB_MAX    (1U << 20)

/* ---- what the core asks ---------------------------------------------------------------------- */

/* Operations of an emulator that knows them; NULL: of one that was built before there were any. */
static const struct ioasid_hostdev_ops *later_ops(const struct ioasid_hostdev *dev)
{
	return dev->old_ops ? NULL : dev->ops;
}

static int device_bind(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);
	const struct ioasid_hostdev_ops *ops = later_ops(dev);

	store_relaxed(&dev->bound, true);
	if (ops && ops->start)
		ops->start(dev->opaque);
	return 0;
}

static void device_unbind(struct ioasid_device *core)
{
	store_relaxed(&hostdev_of(core)->bound, false);
}

/*
 * The emulator stops sending, waiters for pages leave, what is in a section ends. A request it
 * sends all the same is blocked once the routes are gone. While the emulator waits for its work to end
 * none of it may begin to wait for a page: who answers waits for us.
 */
static void device_quiesce(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);

	pri_refuse(dev, true);
	if (dev->ops && dev->ops->quiesce)
		dev->ops->quiesce(dev->opaque);
	pri_refuse(dev, false);
	section_wait();
}

static void device_reset(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);

	pri_refuse(dev, true);
	if (dev->ops && dev->ops->reset)
		dev->ops->reset(dev->opaque);
	pri_refuse(dev, false);
	pri_abort(dev, true);
	section_wait();
}

static int device_portal_open(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);
	const struct ioasid_hostdev_ops *ops = later_ops(dev);

	return ops && ops->portal_open ? ops->portal_open(dev->opaque) : 0;
}

static void device_portal_close(struct ioasid_device *core)
{
	struct ioasid_hostdev *dev = hostdev_of(core);
	const struct ioasid_hostdev_ops *ops = later_ops(dev);

	if (ops && ops->portal_close)
		ops->portal_close(dev->opaque);
}

static int device_drain(struct ioasid_device *core, ppasid_t pasid)
{
	struct ioasid_hostdev *dev = hostdev_of(core);
	const struct ioasid_hostdev_ops *ops = later_ops(dev);

	return ops && ops->drain ? ops->drain(dev->opaque, pasid.val) : 0;
}

const struct ioasid_device_ops inproc_device_ops = {
	.bind = device_bind,
	.unbind = device_unbind,
	.quiesce = device_quiesce,
	.reset = device_reset,
	.page_response = pri_response,
	.portal_open = device_portal_open,
	.portal_close = device_portal_close,
	.drain = device_drain,
};

/* ---- no requests ----------------------------------------------------------------------------------- */

static void set_keys(struct ioasid_hostdev *dev, bool blocked)
{
	u64 key = blocked ? ROUTE_KEY_NEVER : route_key(dev->rid, 0);

	store_relaxed(&dev->key, key);
	store_relaxed(&dev->rid_key,
		      blocked || dev->slice ? ROUTE_KEY_NEVER : key | ROUTE_KEY_NO_PASID);
}

/*
 * No request finds its route cached any more, and the slow way looks at @blocked. Siblings have the same
 * routes, so what is cached stays.
 */
void hostdev_block(struct ioasid_hostdev *dev)
{
	store_relaxed(&dev->blocked, true);
	set_keys(dev, true);
}

void hostdev_unblock(struct ioasid_hostdev *dev)
{
	if (load_relaxed(&dev->dead))
		return;
	set_keys(dev, false);
	store_relaxed(&dev->blocked, false);
}

static void fence_one(struct ioasid_hostdev *dev)
{
	hostdev_block(dev);
	ioasid_device_fence(dev->core);
}

void hostdev_fence(struct ioasid_hostdev *dev)
{
	struct ioasid_hostdev *fn = dev->fn, *slice;

	fence_one(dev);
	if (fn != dev && load_relaxed(&fn->bound))
		fence_one(fn);
	list_for_each_entry(slice, &fn->slices, fn_link) {
		if (slice != dev && load_relaxed(&slice->bound))
			fence_one(slice);
	}
}

/* ---- making --------------------------------------------------------------------------------------- */

#define CONFIG_HAS(size, member)                                    \
	((size) >= offsetof(struct ioasid_hostdev_config, member) + \
			   sizeof(((struct ioasid_hostdev_config *)0)->member))

/* A caller's older, shorter structure: what it does not have, or only half, is 0. */
static int config_fill(struct ioasid_hostdev_config *c, const struct ioasid_hostdev_config *user)
{
	size_t size = user->size;

	if (size < offsetof(struct ioasid_hostdev_config, parent))
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	memcpy(c, user, min(size, sizeof(*c)));
	if (!CONFIG_HAS(size, parent))
		c->parent = NULL;
	if (!CONFIG_HAS(size, mode))
		c->mode = IOASID_MODE_DEFAULT;
	if (!CONFIG_HAS(size, kept_last))
		c->kept_first = c->kept_last = 0;
	return 0;
}

static bool class_is_slice(u32 dev_class)
{
	return dev_class == IOASID_CLASS_MDEV_FIXED || dev_class == IOASID_CLASS_MDEV_PASID ||
	       dev_class == IOASID_CLASS_MDEV_DMWR;
}

static bool class_has_slices(u32 dev_class)
{
	return dev_class == IOASID_CLASS_PDEV_PASID || dev_class == IOASID_CLASS_PDEV_DMWR;
}

/* A slice has what its function has, or less. */
static int parent_check(const struct ioasid_host *host, const struct ioasid_hostdev_config *c)
{
	const struct ioasid_hostdev *fn = c->parent;
	const u32 of_fn = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI;

	if (!class_is_slice(c->dev_class))
		return fn ? -EINVAL : 0;
	if (!fn || fn->host != host || !fn->function || !fn->alone)
		return -EINVAL;
	return c->flags & of_fn & ~fn->flags || c->pasid_bits > fn->pasid_bits || c->kept_first ||
			       c->kept_last ?
		       -EINVAL :
		       0;
}

static int config_check(const struct ioasid_hostdev_config *c)
{
	if (!c->name || !*c->name ||
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

/* Who is the function: itself, or the one it is a slice of. */
static void function_init(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	dev->fn = c->parent ? c->parent : dev;
	dev->slice = c->parent;
	dev->rid = c->parent ? c->parent->rid : c->rid;
	dev->alone = c->group == IOASID_INVALID;
	dev->hash = route_hash(route_key(dev->rid, 0));
	dev->rid_hash = route_hash(route_key(dev->rid, IOASID_NO_PASID));
	set_keys(dev, false);
	INIT_LIST_HEAD(&dev->slices);
	INIT_LIST_HEAD(&dev->fn_link);
	init_rwsem(&dev->slices_lock);
}

static void hostdev_free(struct ioasid_hostdev *dev)
{
	WARN_ON(dev->routes.by_rid);
	pri_destroy(dev);
	ats_destroy(dev);
	rwsem_destroy(&dev->slices_lock);
	os_free(dev);
}

static struct ioasid_hostdev *hostdev_alloc(struct ioasid_host *host,
					    const struct ioasid_hostdev_config *c)
{
	struct ioasid_hostdev *dev = os_zalloc(sizeof(*dev));

	if (!dev)
		return NULL;
	dev->host = host;
	dev->flags = c->flags;
	dev->ops = c->ops;
	dev->old_ops = !CONFIG_HAS(c->size, parent);
	dev->opaque = c->opaque;
	dev->pasid_bits = c->pasid_bits;
	strcpy(dev->name, c->name);
	function_init(dev, c);
	ats_init(dev, c->dtlb_entries ? c->dtlb_entries : 64);
	if (!pri_init(dev, c->pri_capacity ? c->pri_capacity : PRI_GROUPS))
		return dev;
	hostdev_free(dev);
	return NULL;
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

static int function_make(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	const struct ioasid_function_desc desc = {
		.iommu = &dev->host->iommu,
		.pasid_bits = c->pasid_bits,
		.kept_first = c->kept_first,
		.kept_last = c->kept_last,
	};
	struct ioasid_function *function;

	if (!class_has_slices(c->dev_class))
		return 0;
	function = ioasid_function_create(&dev->host->machine, &desc, dev);
	if (IS_ERR(function))
		return (int)PTR_ERR(function);
	dev->function = function;
	return 0;
}

static void function_unmake(struct ioasid_hostdev *dev)
{
	if (dev->function)
		ioasid_function_destroy(dev->function);
	dev->function = NULL;
}

static int core_register(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	struct ioasid_host *host = dev->host;
	const struct ioasid_device_desc desc = {
		.ops = &inproc_device_ops,
		.function = dev->fn->function,
		.iommu = &host->iommu,
		.dev_class = c->dev_class,
		.mode = c->mode,
		.caps = (c->flags & IOASID_HOSTDEV_ATS ? IOASID_DEV_ATS : 0) |
			(c->flags & IOASID_HOSTDEV_PRI ? IOASID_DEV_PRI : 0),
		.pasid_bits = dev->fn->function ? min(c->pasid_bits, host->iommu.pasid_bits) :
						  c->pasid_bits,
		.group = dev->slice ? IOASID_INVALID : c->group,
		.pri_share = host->config.fault_share,
		.kept_first = dev->fn->function ? 0 : c->kept_first,
		.kept_last = dev->fn->function ? 0 : c->kept_last,
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

/* What is behind a RID; a slice shares it. */
static int wire_make(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	int rc;

	if (dev->slice)
		return 0;
	rc = tables_add(dev);
	if (rc)
		return rc;
	rc = function_make(dev, c);
	if (rc)
		tables_remove(dev);
	return rc;
}

static void wire_unmake(struct ioasid_hostdev *dev)
{
	if (dev->slice)
		return;
	function_unmake(dev);
	tables_remove(dev);
}

static void slice_link(struct ioasid_hostdev *dev)
{
	if (!dev->slice)
		return;
	down_write(&dev->fn->slices_lock);
	list_add_tail(&dev->fn_link, &dev->fn->slices);
	up_write(&dev->fn->slices_lock);
}

/* On return nobody invalidates, or fences, it as one of its function. */
static void slice_unlink(struct ioasid_hostdev *dev)
{
	if (!dev->slice)
		return;
	down_write(&dev->fn->slices_lock);
	list_del_init(&dev->fn_link);
	up_write(&dev->fn->slices_lock);
}

static int hostdev_publish(struct ioasid_hostdev *dev, const struct ioasid_hostdev_config *c)
{
	struct ioasid_host *host = dev->host;
	int rc;

	if (name_taken(host, c->name))
		return -EEXIST;
	rc = wire_make(dev, c);
	if (rc)
		return rc;
	rc = core_register(dev, c);
	if (rc) {
		wire_unmake(dev);
		return rc;
	}
	list_add_tail(&dev->link, &host->devices);
	store_relaxed(&host->nr_devices, host->nr_devices + 1);
	return 0;
}

int ioasid_hostdev_create(struct ioasid_host *host, const struct ioasid_hostdev_config *config,
			  struct ioasid_hostdev **out)
{
	struct ioasid_hostdev_config c;
	struct ioasid_hostdev *dev;
	int rc = config_fill(&c, config);

	if (!rc)
		rc = config_check(&c);
	if (!rc)
		rc = parent_check(host, &c);
	if (rc)
		return rc;
	dev = hostdev_alloc(host, &c);
	if (!dev)
		return -ENOMEM;
	/* It may have to wait for a device TLB: nobody else has to wait for that. */
	slice_link(dev);
	mutex_lock(&host->names_lock);
	rc = hostdev_publish(dev, &c);
	mutex_unlock(&host->names_lock);
	if (rc) {
		slice_unlink(dev);
		hostdev_free(dev);
		return rc;
	}
	host_get(host);
	*out = dev;
	return 0;
}

/* ---- numbers -------------------------------------------------------------------------------------- */

int ioasid_hostdev_ppasid(struct ioasid_hostdev *dev, uint32_t vpasid, uint32_t *ppasid)
{
	ppasid_t got;
	int rc = ioasid_device_ppasid(dev->core, VPASID(vpasid), &got);

	if (!rc)
		*ppasid = got.val;
	return rc;
}

bool ioasid_hostdev_allows(struct ioasid_hostdev *dev, uint32_t ppasid)
{
	return ioasid_device_allows(dev->core, PPASID(ppasid));
}

void ioasid_hostdev_drained(struct ioasid_hostdev *dev, uint32_t ppasid)
{
	ioasid_device_drained(dev->core, PPASID(ppasid));
}

int ioasid_hostdev_host_use(struct ioasid_hostdev *dev, bool use)
{
	int rc = -EINVAL;

	if (dev->slice)
		return rc;
	mutex_lock(&dev->host->names_lock);
	if (use || dev->host_uses)
		rc = ioasid_function_host_use(ioasid_device_function(dev->core), use);
	if (!rc)
		dev->host_uses += use ? 1U : -1U;
	mutex_unlock(&dev->host->names_lock);
	return rc;
}

/* ---- unplugging --------------------------------------------------------------------------------------- */

static bool has_slices(struct ioasid_hostdev *dev)
{
	bool any;

	down_read(&dev->slices_lock);
	any = !list_empty(&dev->slices);
	up_read(&dev->slices_lock);
	return any;
}

static void hostdev_unpublish(struct ioasid_hostdev *dev)
{
	struct ioasid_host *host = dev->host;

	mutex_lock(&host->names_lock);
	list_del(&dev->link);
	store_relaxed(&host->nr_devices, host->nr_devices - 1);
	mutex_unlock(&host->names_lock);
}

void ioasid_hostdev_destroy(struct ioasid_hostdev *dev)
{
	struct ioasid_host *host;

	/* With slices it stays: they send with its RID. */
	if (!dev || WARN_ON(has_slices(dev)))
		return;
	host = dev->host;
	hostdev_unpublish(dev);
	store_relaxed(&dev->dead, true);
	hostdev_block(dev);
	/* Requests that got past these two are in a section, or say that they are inside. */
	section_wait();
	pri_abort(dev, false);
	thread_wait_leave(dev);
	slice_unlink(dev);
	ioasid_device_unregister(dev->core);
	wire_unmake(dev);
	hostdev_free(dev);
	ioasid_host_put(host);
}
