// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices with work queues: the model of enqcmd/ with registers on the device's node, portals that
 * are stored to by command or by a vCPU (vm.c), and an engine that runs on demand, or by itself as work
 * of the module.
 *
 * The engine sends ordinary requests of the device, which may wait for pages. Numbers end while it is
 * at work: the core takes the routes away, answers who waits for their pages, and then asks for a
 * drain, which does not wait. Who stops the device, does: with the context's lock held, and with no
 * other that a request takes.
 */
#include <linux/slab.h>

#include "sim/private.h"

#define REGISTERS_SIZE 0x1000
/* What it does before it lets other work of the module run. */
#define ENGINE_TURN 64

/**
 * struct sim_wq - queues of a device
 * @model: what they are
 * @lock: @retired
 * @engine: executes what waits, with IOASID_SIM_ENGINE
 * @retired: it is not started any more
 */
struct sim_wq {
	struct sim_dev *dev;
	struct wq_dev *model;
	spinlock_t lock;
	struct work_struct engine;
	bool retired;
};

/* ---- what the model asks: under its lock, but for the requests ------------------------------------ */

static int to_wire(void *opaque, u32 vpasid, u32 *ppasid)
{
	const struct sim_wq *wq = opaque;

	return ioasid_vpasid_to_ppasid(READ_ONCE(wq->dev->kdev), vpasid, ppasid);
}

static bool allows(void *opaque, u32 ppasid)
{
	const struct sim_wq *wq = opaque;

	return ioasid_kdev_allows(READ_ONCE(wq->dev->kdev), ppasid);
}

static int request(struct sim_wq *wq, u32 op, u32 ppasid, bool priv, u64 addr, void *buf,
		   size_t len, u64 *fault_addr)
{
	struct ioasid_sim_dma dma = {
		.flags = SIM_DMA_PATIENT | IOASID_SIM_DMA_PAGE_REQUEST |
			 (priv ? IOASID_SIM_DMA_PRIV : 0),
		.op = op,
		.addr = addr,
		.length = len,
		.pasid = ppasid == IOASID_WQ_NO_PASID ? IOASID_SIM_NONE : ppasid,
	};
	int rc = sim_dev_dma(wq->dev)->dma(wq->dev, &dma, buf);

	if (!rc && !dma.blocked)
		return 0;
	if (dma.blocked)
		*fault_addr = dma.fault_addr;
	return -EFAULT;
}

static int read_memory(void *opaque, u32 ppasid, bool priv, u64 addr, void *buf, size_t len,
		       u64 *fault_addr)
{
	return request(opaque, IOASID_SIM_READ, ppasid, priv, addr, buf, len, fault_addr);
}

static int write_memory(void *opaque, u32 ppasid, bool priv, u64 addr, const void *buf, size_t len,
			u64 *fault_addr)
{
	return request(opaque, IOASID_SIM_WRITE, ppasid, priv, addr, (void *)buf, len, fault_addr);
}

static void engine_up(void *opaque)
{
	struct sim_wq *wq = opaque;

	if (!(wq->dev->cfg.flags & IOASID_SIM_ENGINE))
		return;
	spin_lock(&wq->lock);
	if (!wq->retired)
		queue_work(sim_wq, &wq->engine);
	spin_unlock(&wq->lock);
}

static void drained(void *opaque, u32 ppasid)
{
	const struct sim_wq *wq = opaque;

	ioasid_kdev_drained(wq->dev->kdev, ppasid);
}

static const struct wq_ops model_ops = {
	.to_wire = to_wire,
	.allows = allows,
	.read = read_memory,
	.write = write_memory,
	.work = engine_up,
	.drained = drained,
};

/* ---- the engine -------------------------------------------------------------------------------------- */

static void engine_run(struct work_struct *work)
{
	struct sim_wq *wq = container_of(work, struct sim_wq, engine);

	if (wq_run(wq->model, ENGINE_TURN))
		engine_up(wq);
}

u32 sim_wq_run(struct sim_dev *dev, u32 max)
{
	u32 done = 0, n = 1;

	while (n && done < max && !fatal_signal_pending(current)) {
		n = wq_run(dev->wq->model, min(max - done, ENGINE_TURN));
		done += n;
		cond_resched();
	}
	return done;
}

enum wq_answer sim_wq_store(struct sim_dev *dev, u32 queue, u64 offset, const void *data,
			    size_t len, enum wq_store how)
{
	/* Beyond the portal, wherever that is. */
	u32 at = min_t(u64, offset, U32_MAX);

	return wq_portal_store(dev->wq->model, queue, at, data, len, how);
}

/* ---- what ioasid.ko asks -------------------------------------------------------------------------------- */

static struct wq_dev *model_of(struct ioasid_kdev *kdev)
{
	struct sim_dev *dev = ioasid_kdev_priv(kdev);

	return dev->wq->model;
}

static int portal_open(struct ioasid_kdev *kdev)
{
	wq_portal_open(model_of(kdev));
	return 0;
}

static void portal_close(struct ioasid_kdev *kdev)
{
	wq_portal_close(model_of(kdev));
}

static int drain(struct ioasid_kdev *kdev, u32 ppasid)
{
	return wq_drain(model_of(kdev), ppasid);
}

static int region(struct ioasid_kdev *kdev, struct ioasid_dev_region *r)
{
	r->flags = IOASID_REGION_READ | IOASID_REGION_WRITE;
	r->offset = 0;
	r->size = REGISTERS_SIZE;
	return 0;
}

static bool offset_fits(u64 pos)
{
	return pos < REGISTERS_SIZE && IS_ALIGNED(pos, sizeof(u32));
}

int sim_wq_register(struct sim_dev *dev, struct ioasid_sim_wq_register *r)
{
	if (!offset_fits(r->offset))
		return -EINVAL;
	return r->flags & IOASID_SIM_WQ_WRITE ? wq_reg_write(dev->wq->model, r->offset, r->value) :
						wq_reg_read(dev->wq->model, r->offset, &r->value);
}

/* Registers are read and written one at a time. */
static bool is_register(size_t count, u64 pos)
{
	return count == sizeof(u32) && offset_fits(pos);
}

static ssize_t read_register(struct ioasid_kdev *kdev, void *buf, size_t count, u64 pos)
{
	__le32 le;
	u32 value;
	int rc;

	if (!is_register(count, pos))
		return -EINVAL;
	rc = wq_reg_read(model_of(kdev), pos, &value);
	if (rc)
		return rc;
	le = cpu_to_le32(value);
	memcpy(buf, &le, sizeof(le));
	return sizeof(le);
}

static ssize_t write_register(struct ioasid_kdev *kdev, const void *buf, size_t count, u64 pos)
{
	__le32 le;
	int rc;

	if (!is_register(count, pos))
		return -EINVAL;
	memcpy(&le, buf, sizeof(le));
	rc = wq_reg_write(model_of(kdev), pos, le32_to_cpu(le));
	return rc ? rc : sizeof(le);
}

void sim_wq_ops_fill(struct ioasid_kdev_ops *ops)
{
	ops->portal_open = portal_open;
	ops->portal_close = portal_close;
	ops->drain = drain;
	ops->region = region;
	ops->read = read_register;
	ops->write = write_register;
}

/* ---- life --------------------------------------------------------------------------------------------------- */

int sim_wq_create(struct sim_dev *dev)
{
	const struct wq_config config = {
		.nr_dedicated = dev->cfg.nr_dedicated,
		.nr_shared = dev->cfg.nr_shared,
		.size = dev->cfg.queue_size,
	};
	struct sim_wq *wq;
	int rc;

	if (!config.nr_dedicated && !config.nr_shared)
		return 0;
	wq = kzalloc(sizeof(*wq), GFP_KERNEL_ACCOUNT);
	if (!wq)
		return -ENOMEM;
	wq->dev = dev;
	spin_lock_init(&wq->lock);
	INIT_WORK(&wq->engine, engine_run);
	wq->model = wq_create(&config, &model_ops, wq);
	if (IS_ERR(wq->model)) {
		rc = PTR_ERR(wq->model);
		kfree(wq);
		return rc;
	}
	dev->wq = wq;
	return 0;
}

void sim_wq_destroy(struct sim_dev *dev)
{
	if (!dev->wq)
		return;
	wq_destroy(dev->wq->model);
	kfree(dev->wq);
}

void sim_wq_retire(struct sim_dev *dev)
{
	struct sim_wq *wq = dev->wq;

	if (!wq)
		return;
	spin_lock(&wq->lock);
	wq->retired = true;
	spin_unlock(&wq->lock);
	cancel_work_sync(&wq->engine);
}

void sim_wq_start(struct sim_dev *dev)
{
	if (dev->wq)
		wq_start(dev->wq->model);
}

void sim_wq_stop(struct sim_dev *dev, bool reset)
{
	if (dev->wq)
		wq_stop(dev->wq->model, reset);
}
