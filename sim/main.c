// SPDX-License-Identifier: GPL-2.0-only
/* The module, /dev/ioasid-sim, and the commands of <linux/ioasid_sim.h>. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>

#include "sim/private.h"

/**
 * struct sim_file - one open of the node
 * @ref: the open, VMs made through it
 * @lock: serializes what makes and ends things
 * @iommus, @devs, @holds: by number; each entry is a reference. Empty once it is closed
 */
struct sim_file {
	struct kref ref;
	struct mutex lock;
	struct xarray iommus;
	struct xarray devs;
	struct xarray holds;
};

struct workqueue_struct *sim_wq;

/* ---- finding things ---------------------------------------------------------------------------------- */

struct sim_dev *sim_dev_begin(struct sim_file *file, u32 id)
{
	struct sim_dev *dev;
	int rc = -ENOENT;

	xa_lock(&file->devs);
	dev = xa_load(&file->devs, id);
	if (dev)
		rc = sim_dev_enter(dev);
	if (!rc)
		kref_get(&dev->ref);
	xa_unlock(&file->devs);
	return rc ? ERR_PTR(rc) : dev;
}

void sim_dev_end(struct sim_dev *dev)
{
	sim_dev_exit(dev);
	sim_dev_put(dev);
}

int sim_id_store(struct xarray *xa, void *entry, u32 *id)
{
	static atomic_t next_id;
	u32 next = atomic_read(&next_id);
	int rc = xa_alloc_cyclic(xa, id, entry, XA_LIMIT(1, INT_MAX), &next, GFP_KERNEL_ACCOUNT);

	atomic_set(&next_id, next);
	return rc < 0 ? rc : 0;
}

/*
 * Devices behind @iommu go (NULL: all), or the slices of @fn: those first that are nobody's function. So
 * what is said twice ends all. file->lock held, or nobody else has @file.
 */
static void devs_end(struct sim_file *file, const struct sim_iommu *iommu, const struct sim_dev *fn)
{
	struct sim_dev *dev;
	unsigned long id;

	xa_for_each(&file->devs, id, dev) {
		if ((iommu && dev->iommu != iommu) || (fn && dev->fn != fn) ||
		    !list_empty(&dev->slices))
			continue;
		xa_erase(&file->devs, id);
		sim_dev_destroy(dev);
	}
}

/* ---- IOMMUs ------------------------------------------------------------------------------------------------ */

static int cmd_iommu_create(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_iommu *c = arg;
	struct sim_iommu *iommu = sim_iommu_create(c);
	int rc;

	if (IS_ERR(iommu))
		return PTR_ERR(iommu);
	mutex_lock(&file->lock);
	rc = sim_id_store(&file->iommus, iommu, &c->iommu);
	mutex_unlock(&file->lock);
	if (rc)
		sim_iommu_destroy(iommu);
	return rc;
}

/* file->lock held. */
static void iommu_end(struct sim_file *file, struct sim_iommu *iommu)
{
	/* Slices before what they are slices of. */
	devs_end(file, iommu, NULL);
	devs_end(file, iommu, NULL);
	sim_iommu_destroy(iommu);
}

static int end_iommu(void *owner, u32 id)
{
	struct sim_file *file = owner;
	struct sim_iommu *iommu;

	mutex_lock(&file->lock);
	iommu = xa_erase(&file->iommus, id);
	if (iommu)
		iommu_end(file, iommu);
	mutex_unlock(&file->lock);
	return iommu ? 0 : -ENOENT;
}

static int cmd_iommu_destroy(void *owner, void *arg)
{
	return end_iommu(owner, ((struct ioasid_sim_object *)arg)->id);
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

static int cmd_device_create(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_device *c = arg;
	struct sim_dev *dev;
	int rc;

	mutex_lock(&file->lock);
	dev = sim_dev_create(xa_load(&file->iommus, c->iommu),
			     c->parent ? xa_load(&file->devs, c->parent) : NULL, c);
	rc = PTR_ERR_OR_ZERO(dev);
	if (!rc) {
		rc = sim_id_store(&file->devs, dev, &c->device);
		if (rc)
			sim_dev_destroy(dev);
	}
	mutex_unlock(&file->lock);
	return rc;
}

static int end_device(void *owner, u32 id)
{
	struct sim_file *file = owner;
	struct sim_dev *dev;

	mutex_lock(&file->lock);
	dev = xa_erase(&file->devs, id);
	if (dev) {
		devs_end(file, NULL, dev);
		sim_dev_destroy(dev);
	}
	mutex_unlock(&file->lock);
	return dev ? 0 : -ENOENT;
}

static int cmd_device_destroy(void *owner, void *arg)
{
	return end_device(owner, ((struct ioasid_sim_object *)arg)->id);
}

static int cmd_host_use(void *owner, void *arg)
{
	struct ioasid_sim_host_use *u = arg;
	struct sim_file *file = owner;
	struct sim_dev *dev;
	int rc = -ENOENT;

	mutex_lock(&file->lock);
	dev = xa_load(&file->devs, u->device);
	if (dev)
		rc = sim_dev_host_use(dev, u->use);
	mutex_unlock(&file->lock);
	return rc;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static int dma_check(const struct ioasid_sim_dma *d)
{
	u64 last;

	if (d->op > IOASID_SIM_FETCH_ADD || !d->length || d->length > IOASID_SIM_DMA_MAX)
		return -EINVAL;
	if (d->op == IOASID_SIM_FETCH_ADD && (d->length != sizeof(u64) || d->addr % sizeof(u64)))
		return -EINVAL;
	return check_add_overflow(d->addr, (u64)d->length - 1, &last) ? -EINVAL : 0;
}

/* The caller's memory may take its time: it is touched while nobody waits for us. */
static int dma_run(struct sim_file *file, struct ioasid_sim_dma *d, void *buf)
{
	struct sim_dev *dev;
	int rc;

	if (d->op != IOASID_SIM_READ && copy_from_user(buf, u64_to_user_ptr(d->data), d->length))
		return -EFAULT;
	dev = sim_dev_begin(file, d->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_dev_dma(dev)->dma(dev, d, buf);
	sim_dev_end(dev);
	if (rc || d->blocked || d->op == IOASID_SIM_WRITE)
		return rc;
	return copy_to_user(u64_to_user_ptr(d->data), buf, d->length) ? -EFAULT : 0;
}

static int cmd_dma(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_dma *d = arg;
	void *buf;
	int rc = dma_check(d);

	if (rc)
		return rc;
	d->blocked = 0;
	d->reason = 0;
	d->arch_reason = 0;
	d->page_requests = 0;
	d->fault_addr = 0;
	buf = kvzalloc(d->length, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	rc = dma_run(file, d, buf);
	kvfree(buf);
	return rc;
}

static int cmd_page_request(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_request *r = arg;
	struct sim_dev *dev = sim_dev_begin(file, r->device);
	int rc;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_pri_send(dev, r);
	sim_dev_end(dev);
	return rc;
}

static int cmd_translate(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_request *r = arg;
	struct sim_dev *dev;
	int rc;

	if (r->flags & IOASID_SIM_REQ_LAST)
		return -EOPNOTSUPP;
	dev = sim_dev_begin(file, r->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_ats_request(dev, r);
	sim_dev_end(dev);
	return rc;
}

static int cmd_response(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_response *r = arg;
	struct sim_dev *dev = sim_dev_begin(file, r->device);
	int rc;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_pri_take(dev, r);
	sim_dev_end(dev);
	return rc;
}

/* ---- holds ------------------------------------------------------------------------------------------------------------ */

static int cmd_hold(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_hold *h = arg;
	struct sim_hold *hold;
	struct sim_dev *dev;
	u64 last;
	int rc;

	/* The end of the page is counted with, so the very last page is out of reach. */
	if (!h->length || h->length > IOASID_SIM_DMA_MAX ||
	    check_add_overflow(h->addr, (u64)h->length + PAGE_SIZE, &last))
		return -EINVAL;
	dev = sim_dev_begin(file, h->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_dev_dma(dev)->hold(dev, h, &hold);
	sim_dev_end(dev);
	if (rc)
		return rc;
	rc = sim_id_store(&file->holds, hold, &h->hold);
	if (rc) {
		sim_hold_end(hold);
		sim_hold_put(hold);
	}
	return rc;
}

/* Takes no lock that somebody holds who waits for the hold. */
static int end_hold(void *owner, u32 id)
{
	struct sim_file *file = owner;
	struct sim_hold *hold = xa_erase(&file->holds, id);

	if (!hold)
		return -ENOENT;
	sim_hold_end(hold);
	sim_hold_put(hold);
	return 0;
}

static int cmd_release(void *owner, void *arg)
{
	return end_hold(owner, ((struct ioasid_sim_object *)arg)->id);
}

/* ---- questions ------------------------------------------------------------------------------------------------------------ */

static void stats_fill(struct ioasid_sim_stats *s, const atomic64_t *counters)
{
	u64 *out = &s->domains;
	unsigned int i;

	BUILD_BUG_ON(offsetofend(struct ioasid_sim_stats, call_backs) !=
		     offsetof(struct ioasid_sim_stats, domains) + SIM_NR_COUNTERS * sizeof(u64));
	for (i = 0; i < SIM_NR_COUNTERS; i++)
		out[i] = atomic64_read(&counters[i]);
}

static u32 count_devices(struct sim_file *file, const struct sim_iommu *iommu)
{
	struct sim_dev *dev;
	unsigned long id;
	u32 n = 0;

	xa_for_each(&file->devs, id, dev)
		n += !iommu || dev->iommu == iommu;
	return n;
}

static int cmd_stats(void *owner, void *arg)
{
	struct sim_file *file = owner;
	struct ioasid_sim_stats *s = arg;
	struct sim_iommu *iommu = NULL;
	int rc = 0;

	mutex_lock(&file->lock);
	if (s->iommu != IOASID_SIM_NONE) {
		iommu = xa_load(&file->iommus, s->iommu);
		rc = iommu ? 0 : -ENOENT;
	}
	if (!rc) {
		stats_fill(s, iommu ? iommu->counters : sim_counters);
		s->devices = count_devices(file, iommu);
	}
	mutex_unlock(&file->lock);
	return rc;
}

/* What the first-stage and second-stage roots of an entry are called here. */
static u32 leads_to(const struct vtd_te *te)
{
	switch (te->pgtt) {
	case VTD_PGTT_FS:
		return IOASID_SIM_LEADS_FIRST;
	case VTD_PGTT_SS:
		return IOASID_SIM_LEADS_SECOND;
	case VTD_PGTT_NESTED:
		return IOASID_SIM_LEADS_NESTED;
	default:
		return IOASID_SIM_LEADS_PROCESS;
	}
}

static void walk_fill(struct sim_dev *dev, struct ioasid_sim_walk *w)
{
	const struct vtd_req req = {
		.rid = dev->rid,
		.has_pasid = w->pasid != IOASID_SIM_NONE,
		.pasid = w->pasid != IOASID_SIM_NONE ? w->pasid : 0,
		.type = VTD_REQ_UNTRANSLATED,
	};
	struct sim_iommu *iommu = dev->iommu;
	struct vtd_lookup lk;

	/* Tables do not change, nor go, under this. */
	mutex_lock(&iommu->lock);
	vtd_lookup(&iommu->mem, &iommu->tables.caps, iommu->rtaddr, &req, &lk, NULL);
	mutex_unlock(&iommu->lock);
	if (lk.reason)
		return;
	w->leads = leads_to(&lk.te);
	w->did = lk.te.did;
	if (w->leads == IOASID_SIM_LEADS_FIRST || w->leads == IOASID_SIM_LEADS_NESTED)
		w->first = lk.te.fs_root;
	if (w->leads == IOASID_SIM_LEADS_SECOND || w->leads == IOASID_SIM_LEADS_NESTED)
		w->second = lk.te.ss_root;
}

static int cmd_walk(void *owner, void *arg)
{
	struct ioasid_sim_walk *w = arg;
	struct sim_dev *dev = sim_dev_begin(owner, w->device);
	int rc = 0;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	w->leads = IOASID_SIM_LEADS_NOWHERE;
	w->did = 0;
	w->first = 0;
	w->second = 0;
	if (dev->iommu)
		walk_fill(dev, w);
	else
		rc = -EINVAL;
	sim_dev_end(dev);
	return rc;
}

/* ---- work queues ------------------------------------------------------------------------------------------------------------ */

static int cmd_wq_store(void *owner, void *arg)
{
	static const enum wq_store how[] = {
		[IOASID_SIM_STORE_PLAIN] = WQ_STORE_PLAIN,
		[IOASID_SIM_STORE_MOVDIR64B] = WQ_STORE_MOVDIR64B,
		[IOASID_SIM_STORE_DMWR] = WQ_STORE_DMWR,
	};
	struct ioasid_sim_wq_store *st = arg;
	struct sim_dev *dev;
	void *data;
	int rc = 0;

	if (st->how >= ARRAY_SIZE(how) || !st->length || st->length > SZ_4K)
		return -EINVAL;
	data = memdup_user(u64_to_user_ptr(st->data), st->length);
	if (IS_ERR(data))
		return PTR_ERR(data);
	dev = sim_dev_begin(owner, st->device);
	if (IS_ERR(dev)) {
		kfree(data);
		return PTR_ERR(dev);
	}
	if (dev->wq)
		st->taken = sim_wq_store(dev, st->queue, st->offset, data, st->length,
					 how[st->how]) == WQ_ACCEPTED;
	else
		rc = -EINVAL;
	sim_dev_end(dev);
	kfree(data);
	return rc;
}

static int cmd_wq_run(void *owner, void *arg)
{
	struct ioasid_sim_wq_run *run = arg;
	struct sim_dev *dev = sim_dev_begin(owner, run->device);
	int rc = 0;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (dev->wq)
		run->done = sim_wq_run(dev, run->max);
	else
		rc = -EINVAL;
	sim_dev_end(dev);
	return rc;
}

static int cmd_wq_register(void *owner, void *arg)
{
	struct ioasid_sim_wq_register *r = arg;
	struct sim_dev *dev = sim_dev_begin(owner, r->device);
	int rc;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = dev->wq ? sim_wq_register(dev, r) : -EINVAL;
	sim_dev_end(dev);
	return rc;
}

static int cmd_vm_create(void *owner, void *arg);

/* ---- the table of commands ---------------------------------------------------------------------------------------------------- */

#define IOMMU_FLAGS                                                             \
	(IOASID_SIM_NO_NESTING | IOASID_SIM_NO_SNOOP | IOASID_SIM_FIRST_STAGE | \
	 IOASID_SIM_TEST_NO_INVALIDATE | IOASID_SIM_TEST_NO_WAIT | IOASID_SIM_TEST_NO_AD)
#define DEVICE_FLAGS (IOASID_SIM_ATS | IOASID_SIM_PRI | IOASID_SIM_MUTE | IOASID_SIM_ENGINE)
#define DMA_FLAGS    (IOASID_SIM_DMA_PRIV | IOASID_SIM_DMA_PAGE_REQUEST | IOASID_SIM_DMA_NO_REPORT)
#define REQUEST_FLAGS \
	(IOASID_SIM_REQ_READ | IOASID_SIM_REQ_WRITE | IOASID_SIM_REQ_PRIV | IOASID_SIM_REQ_LAST)

static const struct sim_command commands[] = {
	[_IOC_NR(IOASID_SIM_IOMMU_CREATE)] =
		SIM_MAKER(cmd_iommu_create, ioasid_sim_iommu, IOMMU_FLAGS, 0, end_iommu, iommu),
	[_IOC_NR(IOASID_SIM_IOMMU_DESTROY)] =
		SIM_COMMAND(cmd_iommu_destroy, ioasid_sim_object, 0, SIM_RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_DEVICE_CREATE)] = {
		.run = cmd_device_create, .undo = end_device,
		.made = offsetof(struct ioasid_sim_device, device),
		.size = sizeof(struct ioasid_sim_device),
		.min = offsetof(struct ioasid_sim_device, parent),
		.flags = DEVICE_FLAGS, .reserved = SIM_RSVD(ioasid_sim_device),
	},
	[_IOC_NR(IOASID_SIM_DEVICE_DESTROY)] =
		SIM_COMMAND(cmd_device_destroy, ioasid_sim_object, 0, SIM_RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_DMA)] = SIM_COMMAND(cmd_dma, ioasid_sim_dma, DMA_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_PAGE_REQUEST)] =
		SIM_COMMAND(cmd_page_request, ioasid_sim_request, REQUEST_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_RESPONSE)] =
		SIM_COMMAND(cmd_response, ioasid_sim_response, 0, SIM_RSVD(ioasid_sim_response)),
	[_IOC_NR(IOASID_SIM_TRANSLATE)] =
		SIM_COMMAND(cmd_translate, ioasid_sim_request, REQUEST_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_HOLD)] = SIM_MAKER(cmd_hold, ioasid_sim_hold, 0, 0, end_hold, hold),
	[_IOC_NR(IOASID_SIM_RELEASE)] =
		SIM_COMMAND(cmd_release, ioasid_sim_object, 0, SIM_RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_STATS)] = SIM_COMMAND(cmd_stats, ioasid_sim_stats, 0, 0),
	[_IOC_NR(IOASID_SIM_HOST_USE)] = SIM_COMMAND(cmd_host_use, ioasid_sim_host_use, 0, 0),
	[_IOC_NR(IOASID_SIM_WALK)] = SIM_COMMAND(cmd_walk, ioasid_sim_walk, 0, 0),
	[_IOC_NR(IOASID_SIM_WQ_STORE)] = SIM_COMMAND(cmd_wq_store, ioasid_sim_wq_store, 0, 0),
	[_IOC_NR(IOASID_SIM_WQ_RUN)] =
		SIM_COMMAND(cmd_wq_run, ioasid_sim_wq_run, 0, SIM_RSVD(ioasid_sim_wq_run)),
	[_IOC_NR(IOASID_SIM_WQ_REGISTER)] =
		SIM_COMMAND(cmd_wq_register, ioasid_sim_wq_register, IOASID_SIM_WQ_WRITE, 0),
	[_IOC_NR(IOASID_SIM_VM_CREATE)] =
		SIM_COMMAND(cmd_vm_create, ioasid_sim_vm, 0, SIM_RSVD(ioasid_sim_vm)),
};

/**
 * struct sim_call - an argument
 * @device, @stats, @enqcmd: large enough and aligned for each of them
 * @made: what VM_CREATE has made; its descriptor is a member of the argument
 */
struct sim_call {
	union {
		struct {
			u32 argsz;
			u32 flags;
		};
		struct ioasid_sim_device device;
		struct ioasid_sim_stats stats;
		struct ioasid_sim_enqcmd enqcmd;
		struct ioasid_sim_vm vm;
	};
	struct file *made;
};

static int cmd_vm_create(void *owner, void *arg)
{
	struct sim_call *call = container_of(arg, struct sim_call, vm);

	return sim_vm_create(owner, &call->made, &call->vm.fd);
}

/* Copied once; what the caller knows and we do not must be zero, and so is what we alone know. */
static int arg_get(const struct sim_command *c, struct sim_call *a, void __user *uarg)
{
	u32 argsz;
	int rc;

	if (get_user(argsz, (u32 __user *)uarg))
		return -EFAULT;
	if (argsz < c->min)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	rc = copy_struct_from_user(a, c->size, uarg, argsz);
	if (rc)
		return rc;
	/* It may have been changed meanwhile: what was checked is what counts. */
	a->argsz = argsz;
	if (a->flags & ~c->flags)
		return -EOPNOTSUPP;
	if (c->reserved && *(u32 *)((char *)a + c->reserved))
		return -EINVAL;
	return 0;
}

int sim_command(void *owner, const struct sim_command *c, void __user *uarg)
{
	struct sim_call a = {};
	int rc = arg_get(c, &a, uarg);
	u32 argsz = a.argsz;

	BUILD_BUG_ON(sizeof(struct ioasid_sim_dma) > sizeof(a.stats));
	rc = rc ? rc : c->run(owner, &a);
	if (rc)
		return rc;
	if (!copy_to_user(uarg, &a, min(argsz, c->size))) {
		if (a.made)
			fd_install(a.vm.fd, a.made);
		return 0;
	}
	/* Nobody will ever know its number. */
	if (a.made) {
		put_unused_fd(a.vm.fd);
		fput(a.made);
	}
	if (c->undo)
		c->undo(owner, *(u32 *)((char *)&a + c->made));
	return -EFAULT;
}

static long sim_ioctl(struct file *filp, unsigned int cmd, unsigned long uaddr)
{
	if (_IOC_TYPE(cmd) != IOASID_SIM_IOC_TYPE || _IOC_NR(cmd) >= ARRAY_SIZE(commands) ||
	    cmd != _IO(IOASID_SIM_IOC_TYPE, _IOC_NR(cmd)))
		return -ENOTTY;
	return sim_command(filp->private_data, &commands[_IOC_NR(cmd)], (void __user *)uaddr);
}

/* ---- the node ----------------------------------------------------------------------------------------------------------------- */

static void file_free(struct kref *ref)
{
	struct sim_file *file = container_of(ref, struct sim_file, ref);

	xa_destroy(&file->holds);
	xa_destroy(&file->devs);
	xa_destroy(&file->iommus);
	mutex_destroy(&file->lock);
	kfree(file);
}

void sim_file_get(struct sim_file *file)
{
	kref_get(&file->ref);
}

void sim_file_put(struct sim_file *file)
{
	kref_put(&file->ref, file_free);
}

static int sim_open(struct inode *inode, struct file *filp)
{
	struct sim_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	kref_init(&file->ref);
	mutex_init(&file->lock);
	xa_init_flags(&file->iommus, XA_FLAGS_ALLOC);
	xa_init_flags(&file->devs, XA_FLAGS_ALLOC);
	xa_init_flags(&file->holds, XA_FLAGS_ALLOC);
	filp->private_data = file;
	return 0;
}

static int sim_release(struct inode *inode, struct file *filp)
{
	struct sim_file *file = filp->private_data;
	struct sim_iommu *iommu;
	struct sim_hold *hold;
	unsigned long id;

	xa_for_each(&file->holds, id, hold) {
		sim_hold_end(hold);
		sim_hold_put(hold);
	}
	/* A VM may still be looking for a device. */
	mutex_lock(&file->lock);
	devs_end(file, NULL, NULL);
	devs_end(file, NULL, NULL);
	xa_for_each(&file->iommus, id, iommu) {
		xa_erase(&file->iommus, id);
		sim_iommu_destroy(iommu);
	}
	mutex_unlock(&file->lock);
	sim_file_put(file);
	return 0;
}

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = sim_open,
	.release = sim_release,
	.unlocked_ioctl = sim_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice sim_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ioasid-sim",
	.fops = &sim_fops,
	.mode = 0600,
};

/* ---- the module ------------------------------------------------------------------------------------------------------------------ */

static int __init sim_init(void)
{
	int rc;

	sim_dev_init();
	sim_wq = alloc_workqueue("ioasid-sim", WQ_UNBOUND, 0);
	if (!sim_wq)
		return -ENOMEM;
	rc = misc_register(&sim_misc);
	if (rc) {
		destroy_workqueue(sim_wq);
		return rc;
	}
	sim_vm_init();
	return 0;
}

static void __exit sim_exit(void)
{
	unsigned int i;

	sim_vm_exit();
	misc_deregister(&sim_misc);
	destroy_workqueue(sim_wq);
	/* Open files, devices and domains hold the module: nothing can be left. */
	for (i = SIM_DOMAINS; i <= SIM_HOLDS; i++)
		WARN_ON(atomic64_read(&sim_counters[i]));
}

module_init(sim_init);
module_exit(sim_exit);
MODULE_DESCRIPTION("Software IOMMUs and devices for /dev/ioasid");
MODULE_LICENSE("GPL");
