// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices: registration, descriptors, binding to a context, information. */
#include "core/core.h"

#define DEFAULT_PRI_SHARE 512U

/* ---- groups -------------------------------------------------------------------------------- */

static struct ioasid_group *group_find(struct ioasid_machine *machine, u32 number)
{
	struct ioasid_group *group;

	if (number == IOASID_INVALID)
		return NULL;
	list_for_each_entry(group, &machine->groups, link) {
		if (group->number == number)
			return group;
	}
	return NULL;
}

/*
 * A member that arrives while the group is bound would have DMA that nobody blocks, so it has to
 * wait. Members share one IOMMU; a mediated device has no RID to share and stands alone.
 */
static int group_join(struct ioasid_machine *machine, struct ioasid_device *dev, u32 number)
{
	struct ioasid_group *group = group_find(machine, number);

	if (group && group->ctx)
		return -EBUSY;
	if (group && (dev->policy->mediated ||
		      list_first_entry(&group->members, struct ioasid_device, group_link)->iommu !=
			      dev->iommu))
		return -EINVAL;
	if (!group) {
		group = kzalloc(sizeof(*group), GFP_KERNEL);
		if (!group)
			return -ENOMEM;
		group->number = number;
		INIT_LIST_HEAD(&group->members);
		list_add_tail(&group->link, &machine->groups);
	}
	list_add_tail(&dev->group_link, &group->members);
	group->nr_members++;
	dev->group = group;
	return 0;
}

static void group_leave(struct ioasid_device *dev)
{
	struct ioasid_group *group = dev->group;

	list_del(&dev->group_link);
	if (--group->nr_members)
		return;
	list_del(&group->link);
	kfree(group);
}

/* ---- lifetime ---------------------------------------------------------------------------------- */

void device_get(struct ioasid_device *dev)
{
	refcount_inc(&dev->refs);
}

void device_put(struct ioasid_device *dev)
{
	if (!refcount_dec_and_test(&dev->refs))
		return;
	destroy_completion(&dev->idle);
	idtree_destroy(&dev->vpasids);
	if (dev->fn)
		function_put(dev->fn);
	mutex_destroy(&dev->event_lock);
	kfree(dev);
}

void ioasid_device_get(struct ioasid_device *dev)
{
	device_get(dev);
}

void ioasid_device_put(struct ioasid_device *dev)
{
	device_put(dev);
}

/* Callbacks outside all locks: unregistration waits for them, and none starts after it. */
bool device_call_enter(struct ioasid_device *dev)
{
	return refcount_inc_not_zero(&dev->calls);
}

void device_call_exit(struct ioasid_device *dev)
{
	if (refcount_dec_and_test(&dev->calls))
		complete_all(&dev->idle);
}

/* A slice is one of something; a whole function may be one that has slices. */
static int check_function(const struct ioasid_device_desc *desc,
			  const struct ioasid_class_policy *policy)
{
	const struct ioasid_function *fn = desc->function;

	if (!fn)
		return policy->slice ? -EINVAL : 0;
	if (desc->iommu != fn->iommu || desc->kept_first || desc->kept_last || !fn->pasid_bits ||
	    desc->pasid_bits > fn->pasid_bits)
		return -EINVAL;
	return policy->slice || policy->numbers == IOASID_NUMBERS_RID ? 0 : -EINVAL;
}

static int check_desc(const struct ioasid_device_desc *desc)
{
	const struct ioasid_class_policy *policy = ioasid_class_get(desc->dev_class);

	if (!policy || !desc->iommu || !desc->ops || desc->pasid_bits > IOASID_PASID_BITS)
		return -EINVAL;
	if (desc->mode > IOASID_MODE_GLOBAL ||
	    (desc->mode == IOASID_MODE_GLOBAL && !policy->may_global))
		return -EINVAL;
	if (desc->caps & IOASID_DEV_PRI && !(desc->caps & IOASID_DEV_ATS))
		return -EINVAL;
	if (!policy->available)
		return -EOPNOTSUPP;
	if (policy->pasid && !desc->pasid_bits)
		return -EINVAL;
	return check_function(desc, policy);
}

static u32 device_caps(const struct ioasid_device_desc *desc, const struct ioasid_class_policy *p)
{
	u32 caps = desc->caps & (IOASID_DEV_ATS | IOASID_DEV_PRI);

	caps |= p->pasid && desc->iommu->pasid_bits ? IOASID_DEV_PASID : 0;
	caps |= p->delegated ? IOASID_DEV_DELEGATED : 0;
	caps |= p->cpu ? IOASID_DEV_CPU : 0;
	caps |= p->cpu_virt ? IOASID_DEV_CPU_VIRT : 0;
	caps |= desc->iommu->caps & IOASID_IOMMU_NESTING ? IOASID_DEV_NESTING : 0;
	caps |= desc->iommu->caps & IOASID_IOMMU_SNOOP ? IOASID_DEV_SNOOP : 0;
	return caps;
}

/* Its function, with a reference: the one it is a slice of, or one of its own. */
static struct ioasid_function *find_function(struct ioasid_machine *machine,
					     const struct ioasid_device_desc *desc,
					     const struct ioasid_class_policy *policy)
{
	const struct ioasid_function_desc own = {
		.iommu = desc->iommu,
		.pasid_bits = policy->pasid ? desc->pasid_bits : 0,
		.kept_first = desc->kept_first,
		.kept_last = desc->kept_last,
	};

	if (!desc->function)
		return ioasid_function_create(machine, &own, NULL);
	function_get(desc->function);
	return desc->function;
}

/* Two devices that are all of one function would have one RID. machine->lock held. */
static int function_join(struct ioasid_device *dev)
{
	struct ioasid_device *other;

	list_for_each_entry(other, &dev->fn->devices, fn_link) {
		if (!device_is_slice(dev) && !device_is_slice(other))
			return -EBUSY;
	}
	function_add_device(dev->fn, dev);
	return 0;
}

static int register_locked(struct ioasid_device *dev, const struct ioasid_device_desc *desc)
{
	struct ioasid_machine *machine = dev->machine;
	int rc;

	mutex_lock(&machine->lock);
	rc = function_join(dev);
	if (!rc) {
		rc = group_join(machine, dev, desc->group);
		if (rc)
			function_remove_device(dev);
		else
			list_add_tail(&dev->link, &machine->devices);
	}
	mutex_unlock(&machine->lock);
	return rc;
}

/* The device keeps a reference on it, so that its memory goes with the device's. */
static void drop_own_function(struct ioasid_device *dev)
{
	if (!dev->own_fn)
		return;
	function_get(dev->fn);
	ioasid_function_destroy(dev->fn);
}

struct ioasid_device *ioasid_device_register(struct ioasid_machine *machine,
					     const struct ioasid_device_desc *desc, void *priv)
{
	struct ioasid_device *dev;
	int rc = check_desc(desc);

	if (rc)
		return ERR_PTR(rc);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->machine = machine;
	dev->ops = desc->ops;
	dev->iommu = desc->iommu;
	dev->policy = ioasid_class_get(desc->dev_class);
	dev->dev_class = desc->dev_class;
	dev->caps = device_caps(desc, dev->policy);
	dev->pasid_bits = dev->policy->pasid ? min(desc->pasid_bits, desc->iommu->pasid_bits) : 0;
	dev->pri_share = desc->pri_share ?: DEFAULT_PRI_SHARE;
	dev->nr_regions = desc->nr_regions;
	dev->default_mode = desc->mode;
	dev->priv = priv;
	refcount_set(&dev->refs, 1);
	refcount_set(&dev->calls, 1);
	init_completion(&dev->idle);
	mutex_init(&dev->event_lock);
	INIT_LIST_HEAD(&dev->attaches);
	INIT_LIST_HEAD(&dev->fault_groups);
	idtree_init_rcu(&dev->vpasids, IOASID_PASID_BITS);
	dev->fn = find_function(machine, desc, dev->policy);
	if (IS_ERR(dev->fn)) {
		rc = (int)PTR_ERR(dev->fn);
		dev->fn = NULL;
		device_put(dev);
		return ERR_PTR(rc);
	}
	dev->own_fn = !desc->function;
	rc = register_locked(dev, desc);
	if (rc) {
		drop_own_function(dev);
		device_put(dev);
		return ERR_PTR(rc);
	}
	trace_ioasid_device_add(dev);
	return dev;
}

void *ioasid_device_priv(const struct ioasid_device *dev)
{
	return dev->priv;
}

bool ioasid_device_signal(struct ioasid_device *dev, unsigned int index)
{
	bool listens;

	mutex_lock(&dev->event_lock);
	listens = dev->eventfd[index] != NULL;
	if (listens)
		dev->machine->ops->eventfd_signal(dev->eventfd[index]);
	mutex_unlock(&dev->event_lock);
	return listens;
}

void ioasid_device_fence(struct ioasid_device *dev)
{
	WRITE_ONCE(dev->fenced, true);
	trace_ioasid_fence(dev);
	(void)ioasid_device_signal(dev, IOASID_DEV_EVENT_ERROR);
}

bool ioasid_device_fenced(const struct ioasid_device *dev)
{
	return READ_ONCE(dev->fenced);
}

int device_refuse(struct ioasid_device *dev, u32 refusal, int rc)
{
	WRITE_ONCE(dev->last_refusal, refusal);
	trace_ioasid_refusal(dev->ctx, dev, refusal, rc);
	return rc;
}

/* ---- binding --------------------------------------------------------------------------------------- */

/*
 * The context that @file bound its device to, locked for writing and with a reference; NULL if
 * none. Another descriptor's binding is none of its business: not even to wait for. The binding may
 * change while we wait for the lock, so it is looked at again.
 */
static struct ioasid_ctx *device_lock_ctx(struct ioasid_devfile *file)
{
	struct ioasid_device *dev = file->dev;
	struct ioasid_machine *machine = dev->machine;
	struct ioasid_ctx *ctx;

	for (;;) {
		mutex_lock(&machine->lock);
		ctx = dev->file == file ? dev->ctx : NULL;
		if (ctx)
			ioasid_ctx_get(ctx);
		mutex_unlock(&machine->lock);
		if (!ctx)
			return NULL;
		down_write(&ctx->lock);
		/* Under its lock the binding to this context stands still. */
		if (READ_ONCE(dev->ctx) == ctx && READ_ONCE(dev->file) == file)
			return ctx;
		up_write(&ctx->lock);
		ioasid_ctx_put(ctx);
	}
}

static void unlock_ctx(struct ioasid_ctx *ctx)
{
	up_write(&ctx->lock);
	ioasid_ctx_put(ctx);
}

static void set_binding(struct ioasid_device *dev, struct ioasid_ctx *ctx,
			struct ioasid_devfile *file)
{
	/* Fault reports look at it under the route lock alone. */
	mutex_lock(&dev->fn->lock);
	WRITE_ONCE(dev->ending, !ctx);
	dev->faults_off = false;
	WRITE_ONCE(dev->ctx, ctx);
	WRITE_ONCE(dev->file, file);
	mutex_unlock(&dev->fn->lock);
}

static void drop_eventfds(struct ioasid_device *dev)
{
	unsigned int i;

	mutex_lock(&dev->event_lock);
	for (i = 0; i < ARRAY_SIZE(dev->eventfd); i++) {
		if (dev->eventfd[i])
			dev->machine->ops->eventfd_put(dev->eventfd[i]);
		dev->eventfd[i] = NULL;
	}
	mutex_unlock(&dev->event_lock);
}

/* From here on the device is the context's. */
static int bind_take(struct ioasid_devfile *file, struct ioasid_ctx *ctx, u64 cookie)
{
	struct ioasid_device *dev = file->dev;
	struct ioasid_machine *machine = dev->machine;
	int rc = 0;

	mutex_lock(&machine->lock);
	if (dev->gone || file->dead)
		rc = -ENODEV;
	else if (dev->ctx || (dev->group->ctx && dev->group->ctx != ctx))
		rc = -EBUSY;
	else
		rc = function_bind(dev);
	if (!rc) {
		dev->group->ctx = ctx;
		dev->group->nr_bound++;
		mutex_lock(&dev->fn->lock);
		dev->cookie = cookie;
		mutex_unlock(&dev->fn->lock);
		set_binding(dev, ctx, file);
		WRITE_ONCE(file->bound, true);
	}
	mutex_unlock(&machine->lock);
	return rc;
}

/* ... and no longer. Nothing of the device is touched afterwards: another context may bind it. */
static void bind_release(struct ioasid_device *dev)
{
	mutex_lock(&dev->machine->lock);
	if (dev->file)
		WRITE_ONCE(dev->file->bound, false);
	set_binding(dev, NULL, NULL);
	function_unbind(dev);
	if (!--dev->group->nr_bound)
		dev->group->ctx = NULL;
	mutex_unlock(&dev->machine->lock);
}

/*
 * End a binding: stop the device, take every route away (each returns only when nothing of it is
 * still to land), answer what waits. Always succeeds. ctx->lock held for writing.
 */
static void device_unbind(struct ioasid_device *dev)
{
	struct ioasid_ctx *ctx = dev->ctx;

	/* Nothing new from the CPUs; waiters for pages next: a quiesce may wait for what they block. */
	portal_shut(dev);
	mutex_lock(&dev->fn->lock);
	WRITE_ONCE(dev->ending, true);
	mutex_unlock(&dev->fn->lock);
	faultq_stop(dev);
	if (dev->ops->quiesce)
		dev->ops->quiesce(dev);
	route_detach_all(dev);
	stack_member_unbinding(dev);
	if (dev->ops->unbind)
		dev->ops->unbind(dev);
	/* Stopped and without routes: nothing of it is on its way, fenced or not. */
	route_release_stuck(dev);
	if (device_is_slice(dev))
		default_pasid_drop(dev);
	list_del(&dev->ctx_link);
	WRITE_ONCE(ctx->nr_devices, ctx->nr_devices - 1);
	faultq_disown(dev);
	drop_eventfds(dev);
	WRITE_ONCE(dev->mode, IOASID_MODE_DEFAULT);
	WRITE_ONCE(dev->global_min, 0);
	WRITE_ONCE(dev->last_refusal, IOASID_REFUSAL_NONE);
	trace_ioasid_unbind(ctx, dev, dev->cookie);
	bind_release(dev);
}

static void mark_dead(struct ioasid_device *dev)
{
	mutex_lock(&dev->machine->lock);
	if (dev->file)
		WRITE_ONCE(dev->file->dead, true);
	mutex_unlock(&dev->machine->lock);
}

/** device_unbind_all() - the context closes: its devices go free, their descriptors are dead. */
void device_unbind_all(struct ioasid_ctx *ctx)
{
	struct ioasid_device *dev;

	down_write(&ctx->lock);
	/* From here on a bind that waits for the lock is refused. */
	WRITE_ONCE(ctx->closed, true);
	/* All numbers at once leave the CPUs, instead of one by one. */
	cpu_stop(ctx);
	while ((dev = list_first_entry_or_null(&ctx->devices, struct ioasid_device, ctx_link))) {
		mark_dead(dev);
		device_unbind(dev);
	}
	up_write(&ctx->lock);
}

void ioasid_device_unregister(struct ioasid_device *dev)
{
	struct ioasid_machine *machine = dev->machine;
	struct ioasid_group *group;
	struct ioasid_ctx *ctx;

	mutex_lock(&machine->lock);
	dev->gone = true;
	mutex_unlock(&machine->lock);
	for (;;) {
		mutex_lock(&machine->lock);
		ctx = dev->group->ctx;
		if (!ctx)
			break;
		ioasid_ctx_get(ctx);
		mutex_unlock(&machine->lock);
		down_write(&ctx->lock);
		if (READ_ONCE(dev->ctx) == ctx) {
			(void)ioasid_device_signal(dev, IOASID_DEV_EVENT_REMOVAL);
			mark_dead(dev);
			device_unbind(dev);
		}
		mutex_lock(&machine->lock);
		if (!dev->group->ctx || dev->group->ctx == ctx)
			break;
		mutex_unlock(&machine->lock);
		unlock_ctx(ctx);
	}
	group = dev->group->nr_members > 1 ? dev->group : NULL;
	list_del(&dev->link);
	function_remove_device(dev);
	group_leave(dev);
	mutex_unlock(&machine->lock);
	if (ctx) {
		if (group)
			stack_member_left(group);
		unlock_ctx(ctx);
	}
	device_call_exit(dev);
	wait_for_completion(&dev->idle);
	trace_ioasid_device_remove(dev);
	drop_own_function(dev);
	device_put(dev);
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

struct ioasid_devfile *ioasid_devfile_open(struct ioasid_device *dev)
{
	struct ioasid_devfile *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->dev = dev;
	device_get(dev);
	return file;
}

void ioasid_devfile_close(struct ioasid_devfile *file)
{
	struct ioasid_device *dev = file->dev;
	struct ioasid_ctx *ctx = device_lock_ctx(file);

	if (ctx) {
		device_unbind(dev);
		unlock_ctx(ctx);
	}
	device_put(dev);
	kfree(file);
}

bool ioasid_device_bound_by(const struct ioasid_device *dev, const struct ioasid_devfile *file)
{
	return READ_ONCE(dev->file) == file;
}

/* The context of a bound descriptor, locked for writing, or ERR_PTR. */
static struct ioasid_ctx *devfile_lock(struct ioasid_devfile *file)
{
	struct ioasid_ctx *ctx = device_lock_ctx(file);

	if (ctx)
		return ctx;
	return ERR_PTR(READ_ONCE(file->dead) || READ_ONCE(file->dev->gone) ? -ENODEV : -EINVAL);
}

static int bind_locked(struct ioasid_devfile *file, struct ioasid_ctx *ctx, u64 cookie)
{
	struct ioasid_device *dev = file->dev;
	int rc;

	if (ctx->closed)
		return -ENODEV;
	if (ctx_find_device(ctx, cookie))
		return -EEXIST;
	rc = bind_take(file, ctx, cookie);
	if (rc)
		return rc;
	/* The context's lock keeps everybody from attaching before all agree. */
	if (!device_keeps_promise(ctx, dev))
		rc = -EMEDIUMTYPE;
	else if (device_is_slice(dev))
		rc = default_pasid_take(dev);
	if (!rc && dev->ops->bind) {
		rc = dev->ops->bind(dev);
		if (rc && device_is_slice(dev))
			default_pasid_drop(dev);
	}
	if (rc) {
		bind_release(dev);
		return rc;
	}
	list_add_tail(&dev->ctx_link, &ctx->devices);
	WRITE_ONCE(ctx->nr_devices, ctx->nr_devices + 1);
	trace_ioasid_bind(ctx, dev, cookie);
	return 0;
}

int devfile_bind(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_dev_bind *b = arg;
	struct ioasid_device *dev = file->dev;
	struct ioasid_ctx *ctx = dev->machine->ops->get_ctx(b->ioasid_fd);
	int rc;

	if (!ctx)
		return -EINVAL;
	if (ctx->machine != dev->machine) {
		ioasid_ctx_put(ctx);
		return -EINVAL;
	}
	down_write(&ctx->lock);
	rc = bind_locked(file, ctx, b->cookie);
	if (!rc) {
		/* The last member makes the group whole: a route chosen earlier becomes real. */
		rc = stack_member_bound(dev) ?: portals_update(ctx);
		if (rc)
			device_unbind(dev);
	}
	unlock_ctx(ctx);
	return rc;
}

int devfile_attach(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_dev_attach *a = arg;
	u32 modes = a->flags & (IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL);
	u32 for_pasid = IOASID_ATTACH_VPASID | IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL;
	bool pasid = a->flags & IOASID_ATTACH_PASID;
	struct ioasid_ctx *ctx;
	struct ioas *ioas;
	int rc;

	if (pasid ? a->flags & IOASID_ATTACH_REPLACE : a->flags & for_pasid)
		return -EINVAL;
	if (modes == (IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL) ||
	    (a->vpasid && !(a->flags & IOASID_ATTACH_VPASID)))
		return -EINVAL;
	ctx = devfile_lock(file);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	ioas = ioas_find(ctx, a->ioasid);
	if (!ioas)
		rc = -ENOENT;
	else if (!ioas->kind->attachable)
		rc = device_refuse(file->dev, IOASID_REFUSAL_KIND, -EINVAL);
	else if (READ_ONCE(file->dev->fenced))
		rc = device_refuse(file->dev, IOASID_REFUSAL_FENCED, -EIO);
	else if (pasid)
		rc = route_attach(file->dev, ioas, a->flags, VPASID(a->vpasid));
	else
		rc = stack_attach(file->dev, ioas, a->flags & IOASID_ATTACH_REPLACE);
	if (!rc)
		WRITE_ONCE(file->dev->last_refusal, IOASID_REFUSAL_NONE);
	trace_ioasid_attach(ctx, file->dev, a->ioasid, a->flags, rc);
	unlock_ctx(ctx);
	return rc;
}

int devfile_detach(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_dev_attach *a = arg;
	struct ioasid_ctx *ctx;
	struct ioas *ioas;
	int rc;

	if (a->vpasid)
		return -EINVAL;
	ctx = devfile_lock(file);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	ioas = ioas_find(ctx, a->ioasid);
	if (!ioas)
		rc = -ENOENT;
	else if (a->flags & IOASID_ATTACH_PASID)
		rc = route_detach(file->dev, ioas);
	else
		rc = stack_detach(file->dev, ioas);
	trace_ioasid_detach(ctx, file->dev, a->ioasid, a->flags, rc);
	unlock_ctx(ctx);
	return rc;
}

int devfile_reset(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_ctx *ctx = devfile_lock(file);
	struct ioasid_device *dev = file->dev;

	(void)arg;
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	faultq_stop(dev);
	WRITE_ONCE(dev->fenced, false);
	if (dev->ops->reset)
		dev->ops->reset(dev);
	dev->iommu->ops->purge(dev);
	/* Its work is gone, and with it what may still have carried a number it let go of. */
	if (!READ_ONCE(dev->fenced))
		route_release_stuck(dev);
	faultq_start(dev);
	trace_ioasid_reset(ctx, dev, READ_ONCE(dev->fenced) ? -EIO : 0);
	unlock_ctx(ctx);
	/* It did not even answer this. */
	return READ_ONCE(dev->fenced) ? -EIO : 0;
}

int devfile_set_eventfd(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_dev_eventfd *e = arg;
	struct ioasid_device *dev = file->dev;
	struct ioasid_ctx *ctx;
	void *ev = NULL;

	if (e->index >= ARRAY_SIZE(dev->eventfd) || e->fd < -1)
		return -EINVAL;
	ctx = devfile_lock(file);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	if (e->fd >= 0)
		ev = dev->machine->ops->eventfd_get(e->fd);
	if (!IS_ERR(ev)) {
		mutex_lock(&dev->event_lock);
		if (dev->eventfd[e->index])
			dev->machine->ops->eventfd_put(dev->eventfd[e->index]);
		dev->eventfd[e->index] = ev;
		mutex_unlock(&dev->event_lock);
	}
	unlock_ctx(ctx);
	return PTR_ERR_OR_ZERO(ev);
}

int devfile_get_region(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_dev_region *r = arg;
	struct ioasid_device *dev = file->dev;
	int rc = -EOPNOTSUPP;

	if (r->index >= dev->nr_regions)
		return -EINVAL;
	/* Unregistration waits for calls; none starts after it. */
	if (!device_call_enter(dev))
		return -ENODEV;
	if (dev->ops->region)
		rc = dev->ops->region(dev, r);
	device_call_exit(dev);
	return rc;
}

/* ---- information ---------------------------------------------------------------------------- */

#define MAX_RANGES 32

/** device_default() - handle of the top of the default stack, IOASID_INVALID: none. ctx->lock. */
u32 device_default(const struct ioasid_device *dev)
{
	return dev->default_ioas ? dev->default_ioas->handle.val : IOASID_INVALID;
}

static u32 blocked_caps(const struct ioasid_device *dev)
{
	u32 caps = dev->group->programmed ? 0 : IOASID_DEV_BLOCKED;

	return caps | (READ_ONCE(dev->fenced) ? IOASID_DEV_FENCED | IOASID_DEV_BLOCKED : 0);
}

/* What is fixed; true for everybody who may open the device. */
static void fill_static(struct ioasid_device *dev, struct ioasid_device_info *info)
{
	bool saves = dev->ops->can_save && dev->ops->can_save(dev);

	info->cookie = 0;
	info->dev_class = dev->dev_class;
	info->caps = dev->caps | IOASID_DEV_BLOCKED;
	info->pasid_width = dev->pasid_bits;
	info->mode = dev->default_mode ?: IOASID_MODE_LOCAL;
	info->global_min = 0;
	info->portal = dev->policy->cpu ? IOASID_PORTAL_CLOSED : IOASID_PORTAL_NONE;
	info->no_migration = IOASID_NOMIG_HOME | (saves ? 0 : IOASID_NOMIG_DRIVER);
	info->default_ioasid = IOASID_INVALID;
	info->nr_pasid_routes = 0;
	info->last_refusal = IOASID_REFUSAL_NONE;
	info->nr_regions = dev->nr_regions;
	info->page_sizes = dev->iommu->page_sizes;
	info->iommu_format = dev->iommu->format;
}

/* What the context that has it bound may see besides. ctx->lock held. */
static void fill_bound(struct ioasid_device *dev, struct ioasid_device_info *info)
{
	info->cookie = dev->cookie;
	info->caps = dev->caps | blocked_caps(dev);
	info->mode = device_mode(dev);
	info->global_min = device_is_global(dev) ? device_global_min(dev) : 0;
	info->portal = portal_state(dev);
	info->no_migration |= dev->ctx->exposed ? IOASID_NOMIG_EXPOSED : 0;
	info->default_ioasid = device_default(dev);
	info->nr_pasid_routes = dev->nr_routes;
	info->last_refusal = dev->last_refusal;
}

static u32 collect_ranges(struct ioasid_iommu *iommu, struct ioasid_range *ranges)
{
	return min_t(u32, iommu->ops->report_ranges(iommu, ranges, MAX_RANGES), MAX_RANGES);
}

/* No lock is held: a page of the caller that does not come must not hold others up. */
static int copy_ranges(const struct ioasid_device_info *info, const struct ioasid_range *ranges,
		       u32 room)
{
	if (!info->ranges || !room)
		return 0;
	return os_copy_to_user(info->ranges, ranges,
			       min(info->nr_ranges, room) * sizeof(ranges[0]));
}

int device_get_info_by_cookie(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_range ranges[MAX_RANGES] = { 0 };
	struct ioasid_device_info *info = arg;
	u32 room = info->nr_ranges;
	struct ioasid_device *dev;
	int rc = ctx_lock_read(ctx);

	if (rc)
		return rc;
	dev = ctx_find_device(ctx, info->cookie);
	if (dev) {
		fill_static(dev, info);
		fill_bound(dev, info);
		info->group = dev->group->number;
		info->nr_ranges = collect_ranges(dev->iommu, ranges);
	}
	up_read(&ctx->lock);
	return dev ? copy_ranges(info, ranges, room) : -ENOENT;
}

int devfile_get_info(struct ioasid_devfile *file, void *arg)
{
	struct ioasid_range ranges[MAX_RANGES] = { 0 };
	struct ioasid_device_info *info = arg;
	struct ioasid_device *dev = file->dev;
	u32 room = info->nr_ranges;
	struct ioasid_ctx *ctx;
	bool gone;

	if (info->cookie)
		return -EINVAL;
	ctx = device_lock_ctx(file);
	/* Unregistration takes the machine's lock last: not gone here means the group is there. */
	mutex_lock(&dev->machine->lock);
	gone = dev->gone;
	if (!gone) {
		fill_static(dev, info);
		info->group = dev->group->number;
		info->nr_ranges = collect_ranges(dev->iommu, ranges);
		if (ctx)
			fill_bound(dev, info);
	}
	mutex_unlock(&dev->machine->lock);
	if (ctx)
		unlock_ctx(ctx);
	return gone ? -ENODEV : copy_ranges(info, ranges, room);
}
