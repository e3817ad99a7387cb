// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The device with work queues on a host: the model in enqcmd/, whose DMA is that of a hostdev. Registers
 * and portals are the public calls; what the core asks comes by way of struct ioasid_hostdev_ops, as to any
 * emulator.
 */
#include <signal.h>

#include <ioasid/wq.h>

#include "enqcmd/wq.h"
#include "inproc/private.h"

/* Descriptors between two looks at whether the engine should end. */
#define BATCH 64

/** struct portal - what a vCPU stores to. */
struct portal {
	struct ioasid_wqdev *wqdev;
	u32 queue;
};

/**
 * struct ioasid_wqdev - see <ioasid/wq.h>
 * @thread: the engine, unless IOASID_WQDEV_MANUAL
 * @lock: @work: there may be something to do; @exit: the engine ends; @dying: it is not started again
 */
struct ioasid_wqdev {
	struct wq_dev *wq;
	struct ioasid_hostdev *dev;
	u32 flags;
	u32 nr_dedicated;
	u32 nr_queues;
	bool pri;
	struct portal portal[IOASID_WQ_MAX_QUEUES];

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool work;
	bool exit;
	bool dying;
};

/* ---- what the queues ask ------------------------------------------------------------------------- */

static int queue_to_wire(void *opaque, u32 vpasid, u32 *ppasid)
{
	struct ioasid_wqdev *w = opaque;

	return ioasid_hostdev_ppasid(w->dev, vpasid, ppasid);
}

static bool queue_allows(void *opaque, u32 ppasid)
{
	struct ioasid_wqdev *w = opaque;

	return ioasid_hostdev_allows(w->dev, ppasid);
}

static struct ioasid_dma request(const struct ioasid_wqdev *w, u32 ppasid, bool priv, u64 addr)
{
	struct ioasid_dma dma = { .addr = addr };

	if (ppasid != IOASID_WQ_NO_PASID) {
		dma.flags |= IOASID_DMA_PASID;
		dma.pasid = ppasid;
	}
	dma.flags |= priv ? IOASID_DMA_PRIV : 0;
	dma.flags |= w->pri ? IOASID_DMA_PAGE_REQUEST : 0;
	return dma;
}

static int queue_read(void *opaque, u32 ppasid, bool priv, u64 addr, void *buf, size_t len,
		      u64 *fault_addr)
{
	struct ioasid_wqdev *w = opaque;
	struct ioasid_dma dma = request(w, ppasid, priv, addr);
	int rc = ioasid_dma_read(w->dev, &dma, buf, len);

	if (rc == -EFAULT)
		*fault_addr = dma.fault_addr;
	return rc;
}

static int queue_write(void *opaque, u32 ppasid, bool priv, u64 addr, const void *buf, size_t len,
		       u64 *fault_addr)
{
	struct ioasid_wqdev *w = opaque;
	struct ioasid_dma dma = request(w, ppasid, priv, addr);
	int rc = ioasid_dma_write(w->dev, &dma, buf, len);

	if (rc == -EFAULT)
		*fault_addr = dma.fault_addr;
	return rc;
}

static void queue_work(void *opaque)
{
	struct ioasid_wqdev *w = opaque;

	pthread_mutex_lock(&w->lock);
	w->work = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void queue_drained(void *opaque, u32 ppasid)
{
	struct ioasid_wqdev *w = opaque;

	ioasid_hostdev_drained(w->dev, ppasid);
}

static const struct wq_ops queue_ops = {
	.to_wire = queue_to_wire,
	.allows = queue_allows,
	.read = queue_read,
	.write = queue_write,
	.work = queue_work,
	.drained = queue_drained,
};

/* ---- what the core asks -------------------------------------------------------------------------- */

static void wqdev_start(void *opaque)
{
	struct ioasid_wqdev *w = opaque;

	pthread_mutex_lock(&w->lock);
	if (!w->dying)
		wq_start(w->wq);
	pthread_mutex_unlock(&w->lock);
}

/* Numbers of the context that has it do not outlive that: registers are cleared. */
static void wqdev_quiesce(void *opaque)
{
	struct ioasid_wqdev *w = opaque;

	wq_stop(w->wq, true);
}

static void wqdev_reset(void *opaque)
{
	wqdev_quiesce(opaque);
	wqdev_start(opaque);
}

static int wqdev_portal_open(void *opaque)
{
	struct ioasid_wqdev *w = opaque;

	wq_portal_open(w->wq);
	return 0;
}

static void wqdev_portal_close(void *opaque)
{
	struct ioasid_wqdev *w = opaque;

	wq_portal_close(w->wq);
}

static int wqdev_drain(void *opaque, uint32_t pasid)
{
	struct ioasid_wqdev *w = opaque;

	return wq_drain(w->wq, pasid);
}

static const struct ioasid_hostdev_ops hostdev_ops = {
	.quiesce = wqdev_quiesce,
	.reset = wqdev_reset,
	.portal_open = wqdev_portal_open,
	.portal_close = wqdev_portal_close,
	.drain = wqdev_drain,
	.start = wqdev_start,
};

/* ---- the engine ----------------------------------------------------------------------------------- */

static bool engine_wait(struct ioasid_wqdev *w)
{
	bool exit;

	pthread_mutex_lock(&w->lock);
	while (!w->work && !w->exit)
		pthread_cond_wait(&w->cond, &w->lock);
	w->work = false;
	exit = w->exit;
	pthread_mutex_unlock(&w->lock);
	return !exit;
}

static void *engine(void *arg)
{
	struct ioasid_wqdev *w = arg;

	while (engine_wait(w)) {
		while (wq_run(w->wq, BATCH) == BATCH)
			;
	}
	return NULL;
}

/* Signals are for the program's own threads. */
static int engine_start(struct ioasid_wqdev *w)
{
	sigset_t all, before;
	int rc;

	if (w->flags & IOASID_WQDEV_MANUAL)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&w->thread, NULL, engine, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc ? -ENOMEM : 0;
}

static void engine_end(struct ioasid_wqdev *w)
{
	if (w->flags & IOASID_WQDEV_MANUAL)
		return;
	pthread_mutex_lock(&w->lock);
	w->exit = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}

/* ---- life ------------------------------------------------------------------------------------------ */

static int config_check(const struct ioasid_wqdev_config *c)
{
	const struct ioasid_hostdev_config *h = &c->hostdev;
	bool shared = h->dev_class == IOASID_CLASS_PDEV_DMWR ||
		      h->dev_class == IOASID_CLASS_MDEV_DMWR;

	if (c->size < sizeof(*c) || h->size < sizeof(*h) || h->ops || h->opaque)
		return -EINVAL;
	if (c->flags & ~IOASID_WQDEV_MANUAL)
		return -EOPNOTSUPP;
	return c->nr_shared && !shared ? -EINVAL : 0;
}

static void wqdev_free(struct ioasid_wqdev *w)
{
	if (w->wq)
		wq_destroy(w->wq);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	os_free(w);
}

static struct ioasid_wqdev *wqdev_alloc(const struct ioasid_wqdev_config *c)
{
	const struct wq_config queues = {
		.nr_dedicated = c->nr_dedicated,
		.nr_shared = c->nr_shared,
		.size = c->queue_size,
	};
	struct ioasid_wqdev *w = os_zalloc(sizeof(*w));
	struct wq_dev *wq;
	u32 i;

	if (!w)
		return ERR_PTR(-ENOMEM);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	wq = wq_create(&queues, &queue_ops, w);
	if (IS_ERR(wq)) {
		wqdev_free(w);
		return ERR_CAST(wq);
	}
	w->wq = wq;
	w->flags = c->flags;
	w->nr_dedicated = c->nr_dedicated;
	w->nr_queues = c->nr_dedicated + c->nr_shared;
	w->pri = c->hostdev.flags & IOASID_HOSTDEV_PRI;
	for (i = 0; i < w->nr_queues; i++)
		w->portal[i] = (struct portal){ w, i };
	return w;
}

int ioasid_wqdev_create(struct ioasid_host *host, const struct ioasid_wqdev_config *config,
			struct ioasid_wqdev **out)
{
	struct ioasid_hostdev_config hostdev;
	struct ioasid_wqdev *w;
	int rc = config_check(config);

	if (rc)
		return rc;
	w = wqdev_alloc(config);
	if (IS_ERR(w))
		return (int)PTR_ERR(w);
	rc = engine_start(w);
	if (rc) {
		wqdev_free(w);
		return rc;
	}
	hostdev = config->hostdev;
	hostdev.ops = &hostdev_ops;
	hostdev.opaque = w;
	rc = ioasid_hostdev_create(host, &hostdev, &w->dev);
	if (rc) {
		engine_end(w);
		wqdev_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

/* The engine lets go of the device before that goes. */
void ioasid_wqdev_destroy(struct ioasid_wqdev *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->dying = true;
	pthread_mutex_unlock(&w->lock);
	wq_halt(w->wq);
	pri_refuse(w->dev, true);
	wq_stop(w->wq, true);
	engine_end(w);
	ioasid_hostdev_destroy(w->dev);
	wqdev_free(w);
}

struct ioasid_hostdev *ioasid_wqdev_hostdev(struct ioasid_wqdev *w)
{
	return w->dev;
}

/* ---- what a guest does ------------------------------------------------------------------------------ */

int ioasid_wqdev_read(struct ioasid_wqdev *w, uint32_t offset, uint32_t *value)
{
	return wq_reg_read(w->wq, offset, value);
}

int ioasid_wqdev_write(struct ioasid_wqdev *w, uint32_t offset, uint32_t value)
{
	return wq_reg_write(w->wq, offset, value);
}

bool ioasid_wqdev_store(struct ioasid_wqdev *w, uint32_t queue, uint32_t offset, const void *data,
			size_t len, enum ioasid_store how)
{
	static const enum wq_store kinds[] = {
		[IOASID_STORE_PLAIN] = WQ_STORE_PLAIN,
		[IOASID_STORE_MOVDIR64B] = WQ_STORE_MOVDIR64B,
		[IOASID_STORE_DMWR] = WQ_STORE_DMWR,
	};

	if ((unsigned int)how >= ARRAY_SIZE(kinds))
		return false;
	return wq_portal_store(w->wq, queue, offset, data, len, kinds[how]) == WQ_ACCEPTED;
}

static bool portal_store(void *opaque, uint64_t offset, const void *data)
{
	const struct portal *p = opaque;
	/* What is beyond the page stays beyond it. */
	u32 at = (u32)min(offset, (uint64_t)~0U);

	return wq_portal_store(p->wqdev->wq, p->queue, at, data, sizeof(struct ioasid_wq_desc),
			       WQ_STORE_DMWR) == WQ_ACCEPTED;
}

int ioasid_wqdev_portal(struct ioasid_wqdev *w, uint32_t queue, struct ioasid_dmwr_portal *portal)
{
	if (queue < w->nr_dedicated || queue >= w->nr_queues)
		return -EINVAL;
	*portal = (struct ioasid_dmwr_portal){ portal_store, &w->portal[queue] };
	return 0;
}

unsigned int ioasid_wqdev_run(struct ioasid_wqdev *w, unsigned int max)
{
	return w->flags & IOASID_WQDEV_MANUAL ? wq_run(w->wq, max) : 0;
}
