// SPDX-License-Identifier: GPL-2.0-only
/* The module, /dev/ioasid-sim, and the commands of <linux/ioasid_sim.h>. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>

#include "sim/private.h"

/**
 * struct sim_file - one open of the node
 * @lock: serializes what makes and ends things
 * @iommus, @devs, @holds: by number; each entry is a reference
 */
struct sim_file {
	struct mutex lock;
	struct xarray iommus;
	struct xarray devs;
	struct xarray holds;
};

struct workqueue_struct *sim_wq;

/* ---- finding things ---------------------------------------------------------------------------------- */

/* A device with a reference, and a command inside it. Return: ERR_PTR(-ENOENT, -ENODEV). */
static struct sim_dev *dev_begin(struct sim_file *file, u32 id)
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

static void dev_end(struct sim_dev *dev)
{
	sim_dev_exit(dev);
	sim_dev_put(dev);
}

/* Numbers begin at 1 and do not come again soon. */
static int id_store(struct xarray *xa, void *entry, u32 *id)
{
	static atomic_t next_id;
	u32 next = atomic_read(&next_id);
	int rc = xa_alloc_cyclic(xa, id, entry, XA_LIMIT(1, INT_MAX), &next, GFP_KERNEL_ACCOUNT);

	atomic_set(&next_id, next);
	return rc < 0 ? rc : 0;
}

/* ---- IOMMUs ------------------------------------------------------------------------------------------------ */

static int cmd_iommu_create(struct sim_file *file, void *arg)
{
	struct ioasid_sim_iommu *c = arg;
	struct sim_iommu *iommu = sim_iommu_create(c);
	int rc;

	if (IS_ERR(iommu))
		return PTR_ERR(iommu);
	mutex_lock(&file->lock);
	rc = id_store(&file->iommus, iommu, &c->iommu);
	mutex_unlock(&file->lock);
	if (rc)
		sim_iommu_destroy(iommu);
	return rc;
}

/* file->lock held. */
static void iommu_end(struct sim_file *file, struct sim_iommu *iommu)
{
	struct sim_dev *dev;
	unsigned long id;

	xa_for_each(&file->devs, id, dev) {
		if (dev->iommu != iommu)
			continue;
		xa_erase(&file->devs, id);
		sim_dev_destroy(dev);
	}
	sim_iommu_destroy(iommu);
}

static int end_iommu(struct sim_file *file, u32 id)
{
	struct sim_iommu *iommu;

	mutex_lock(&file->lock);
	iommu = xa_erase(&file->iommus, id);
	if (iommu)
		iommu_end(file, iommu);
	mutex_unlock(&file->lock);
	return iommu ? 0 : -ENOENT;
}

static int cmd_iommu_destroy(struct sim_file *file, void *arg)
{
	return end_iommu(file, ((struct ioasid_sim_object *)arg)->id);
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

static int cmd_device_create(struct sim_file *file, void *arg)
{
	struct ioasid_sim_device *c = arg;
	struct sim_dev *dev;
	int rc;

	mutex_lock(&file->lock);
	dev = sim_dev_create(xa_load(&file->iommus, c->iommu), c);
	rc = PTR_ERR_OR_ZERO(dev);
	if (!rc) {
		rc = id_store(&file->devs, dev, &c->device);
		if (rc)
			sim_dev_destroy(dev);
	}
	mutex_unlock(&file->lock);
	return rc;
}

static int end_device(struct sim_file *file, u32 id)
{
	struct sim_dev *dev;

	mutex_lock(&file->lock);
	dev = xa_erase(&file->devs, id);
	if (dev)
		sim_dev_destroy(dev);
	mutex_unlock(&file->lock);
	return dev ? 0 : -ENOENT;
}

static int cmd_device_destroy(struct sim_file *file, void *arg)
{
	return end_device(file, ((struct ioasid_sim_object *)arg)->id);
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
	dev = dev_begin(file, d->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_dev_dma(dev)->dma(dev, d, buf);
	dev_end(dev);
	if (rc || d->blocked || d->op == IOASID_SIM_WRITE)
		return rc;
	return copy_to_user(u64_to_user_ptr(d->data), buf, d->length) ? -EFAULT : 0;
}

static int cmd_dma(struct sim_file *file, void *arg)
{
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

static int cmd_page_request(struct sim_file *file, void *arg)
{
	struct ioasid_sim_request *r = arg;
	struct sim_dev *dev = dev_begin(file, r->device);
	int rc;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_pri_send(dev, r);
	dev_end(dev);
	return rc;
}

static int cmd_translate(struct sim_file *file, void *arg)
{
	struct ioasid_sim_request *r = arg;
	struct sim_dev *dev;
	int rc;

	if (r->flags & IOASID_SIM_REQ_LAST)
		return -EOPNOTSUPP;
	dev = dev_begin(file, r->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_ats_request(dev, r);
	dev_end(dev);
	return rc;
}

static int cmd_response(struct sim_file *file, void *arg)
{
	struct ioasid_sim_response *r = arg;
	struct sim_dev *dev = dev_begin(file, r->device);
	int rc;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_pri_take(dev, r);
	dev_end(dev);
	return rc;
}

/* ---- holds ------------------------------------------------------------------------------------------------------------ */

static int cmd_hold(struct sim_file *file, void *arg)
{
	struct ioasid_sim_hold *h = arg;
	struct sim_hold *hold;
	struct sim_dev *dev;
	u64 last;
	int rc;

	/* The end of the page is counted with, so the very last page is out of reach. */
	if (!h->length || h->length > IOASID_SIM_DMA_MAX ||
	    check_add_overflow(h->addr, (u64)h->length + PAGE_SIZE, &last))
		return -EINVAL;
	dev = dev_begin(file, h->device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = sim_dev_dma(dev)->hold(dev, h, &hold);
	dev_end(dev);
	if (rc)
		return rc;
	rc = id_store(&file->holds, hold, &h->hold);
	if (rc) {
		sim_hold_end(hold);
		sim_hold_put(hold);
	}
	return rc;
}

/* Takes no lock that somebody holds who waits for the hold. */
static int end_hold(struct sim_file *file, u32 id)
{
	struct sim_hold *hold = xa_erase(&file->holds, id);

	if (!hold)
		return -ENOENT;
	sim_hold_end(hold);
	sim_hold_put(hold);
	return 0;
}

static int cmd_release(struct sim_file *file, void *arg)
{
	return end_hold(file, ((struct ioasid_sim_object *)arg)->id);
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

static int cmd_stats(struct sim_file *file, void *arg)
{
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

/* ---- the table of commands ---------------------------------------------------------------------------------------------------- */

#define IOMMU_FLAGS                                                             \
	(IOASID_SIM_NO_NESTING | IOASID_SIM_NO_SNOOP | IOASID_SIM_FIRST_STAGE | \
	 IOASID_SIM_TEST_NO_INVALIDATE | IOASID_SIM_TEST_NO_WAIT | IOASID_SIM_TEST_NO_AD)
#define DEVICE_FLAGS (IOASID_SIM_ATS | IOASID_SIM_PRI | IOASID_SIM_MUTE)
#define DMA_FLAGS    (IOASID_SIM_DMA_PRIV | IOASID_SIM_DMA_PAGE_REQUEST | IOASID_SIM_DMA_NO_REPORT)
#define REQUEST_FLAGS \
	(IOASID_SIM_REQ_READ | IOASID_SIM_REQ_WRITE | IOASID_SIM_REQ_PRIV | IOASID_SIM_REQ_LAST)

/**
 * struct sim_command - a command
 * @undo: ends what it has made, whose number is at offset @made
 * @size: of its structure
 * @flags: known
 * @reserved: offset of its reserved u32, or 0: none
 */
struct sim_command {
	int (*run)(struct sim_file *file, void *arg);
	int (*undo)(struct sim_file *file, u32 id);
	u32 made;
	u32 size;
	u32 flags;
	u32 reserved;
};

/* A command that makes something. */
#define MAKER(fn, type, known, rsvd, end, number)                              \
	{                                                                      \
		.run = fn, .undo = end, .made = offsetof(struct type, number), \
		.size = sizeof(struct type), .flags = known, .reserved = rsvd, \
	}
#define COMMAND(fn, type, known, rsvd)                                                    \
	{                                                                                 \
		.run = fn, .size = sizeof(struct type), .flags = known, .reserved = rsvd, \
	}
#define RSVD(type) offsetof(struct type, __reserved)

static const struct sim_command commands[] = {
	[_IOC_NR(IOASID_SIM_IOMMU_CREATE)] =
		MAKER(cmd_iommu_create, ioasid_sim_iommu, IOMMU_FLAGS, 0, end_iommu, iommu),
	[_IOC_NR(IOASID_SIM_IOMMU_DESTROY)] =
		COMMAND(cmd_iommu_destroy, ioasid_sim_object, 0, RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_DEVICE_CREATE)] = MAKER(cmd_device_create, ioasid_sim_device,
						    DEVICE_FLAGS, RSVD(ioasid_sim_device),
						    end_device, device),
	[_IOC_NR(IOASID_SIM_DEVICE_DESTROY)] =
		COMMAND(cmd_device_destroy, ioasid_sim_object, 0, RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_DMA)] = COMMAND(cmd_dma, ioasid_sim_dma, DMA_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_PAGE_REQUEST)] =
		COMMAND(cmd_page_request, ioasid_sim_request, REQUEST_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_RESPONSE)] =
		COMMAND(cmd_response, ioasid_sim_response, 0, RSVD(ioasid_sim_response)),
	[_IOC_NR(IOASID_SIM_TRANSLATE)] =
		COMMAND(cmd_translate, ioasid_sim_request, REQUEST_FLAGS, 0),
	[_IOC_NR(IOASID_SIM_HOLD)] = MAKER(cmd_hold, ioasid_sim_hold, 0, 0, end_hold, hold),
	[_IOC_NR(IOASID_SIM_RELEASE)] =
		COMMAND(cmd_release, ioasid_sim_object, 0, RSVD(ioasid_sim_object)),
	[_IOC_NR(IOASID_SIM_STATS)] = COMMAND(cmd_stats, ioasid_sim_stats, 0, 0),
};

/* Large enough and aligned for each of them. */
union sim_arg {
	struct {
		u32 argsz;
		u32 flags;
	};
	struct ioasid_sim_device device;
	struct ioasid_sim_stats stats;
};

/* Copied once; what the caller knows and we do not must be zero. */
static int arg_get(const struct sim_command *c, union sim_arg *a, void __user *uarg)
{
	u32 argsz;
	int rc;

	if (get_user(argsz, (u32 __user *)uarg))
		return -EFAULT;
	if (argsz < c->size)
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

static long sim_ioctl(struct file *filp, unsigned int cmd, unsigned long uaddr)
{
	void __user *uarg = (void __user *)uaddr;
	const struct sim_command *c;
	union sim_arg a;
	int rc;

	if (_IOC_TYPE(cmd) != IOASID_SIM_IOC_TYPE || _IOC_NR(cmd) >= ARRAY_SIZE(commands) ||
	    cmd != _IO(IOASID_SIM_IOC_TYPE, _IOC_NR(cmd)))
		return -ENOTTY;
	c = &commands[_IOC_NR(cmd)];
	rc = arg_get(c, &a, uarg);
	if (rc)
		return rc;
	rc = c->run(filp->private_data, &a);
	if (rc || !copy_to_user(uarg, &a, c->size))
		return rc;
	/* Nobody will ever know its number. */
	if (c->undo)
		c->undo(filp->private_data, *(u32 *)((char *)&a + c->made));
	return -EFAULT;
}

/* ---- the node ----------------------------------------------------------------------------------------------------------------- */

static int sim_open(struct inode *inode, struct file *filp)
{
	struct sim_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
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
	struct sim_dev *dev;
	unsigned long id;

	xa_for_each(&file->holds, id, hold) {
		sim_hold_end(hold);
		sim_hold_put(hold);
	}
	xa_for_each(&file->devs, id, dev)
		sim_dev_destroy(dev);
	xa_for_each(&file->iommus, id, iommu)
		sim_iommu_destroy(iommu);
	xa_destroy(&file->holds);
	xa_destroy(&file->devs);
	xa_destroy(&file->iommus);
	mutex_destroy(&file->lock);
	kfree(file);
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

	sim_wq = alloc_workqueue("ioasid-sim", WQ_UNBOUND, 0);
	if (!sim_wq)
		return -ENOMEM;
	rc = misc_register(&sim_misc);
	if (rc)
		destroy_workqueue(sim_wq);
	return rc;
}

static void __exit sim_exit(void)
{
	unsigned int i;

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
