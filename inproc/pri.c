// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Page requests (PRI): credits, groups, and threads that wait for an answer.
 *
 * A group is taken from its first request until its answer, also when whoever asked has gone away
 * (reset, unbind, unplug): an answer that is still to come must not meet a new group of that index.
 */
#include <time.h>

#include "inproc/xlate.h"

int pri_init(struct ioasid_hostdev *dev, u32 capacity)
{
	struct pri *pri = &dev->pri;

	mutex_init(&pri->lock);
	pthread_cond_init(&pri->credits, NULL);
	pri->capacity = capacity;
	if (!(dev->flags & IOASID_HOSTDEV_PRI))
		return 0;
	pri->group = os_zalloc(PRI_GROUPS * sizeof(*pri->group));
	return pri->group ? 0 : -ENOMEM;
}

void pri_destroy(struct ioasid_hostdev *dev)
{
	os_free(dev->pri.group);
	pthread_cond_destroy(&dev->pri.credits);
	mutex_destroy(&dev->pri.lock);
}

/* Lock held. */
static void group_free(struct pri *pri, struct pri_group *g)
{
	pri->outstanding -= g->nr;
	memset(g, 0, sizeof(*g));
	pthread_cond_signal(&pri->credits);
}

void pri_abort(struct ioasid_hostdev *dev, bool reset)
{
	struct pri *pri = &dev->pri;
	u32 i;

	mutex_lock(&pri->lock);
	pri->epoch++;
	if (reset)
		pri->disabled = false;
	for (i = 0; pri->group && i < PRI_GROUPS; i++) {
		struct pri_group *g = &pri->group[i];

		if (g->state == PRI_WAITER)
			pthread_cond_signal(&g->waiter->cond);
		/* Without a LAST there will be no answer either. */
		if (reset && g->state == PRI_DEVICE && !g->last)
			group_free(pri, g);
	}
	pthread_cond_broadcast(&pri->credits);
	mutex_unlock(&pri->lock);
}

void pri_refuse(struct ioasid_hostdev *dev, bool refuse)
{
	mutex_lock(&dev->pri.lock);
	dev->pri.refused = refuse;
	mutex_unlock(&dev->pri.lock);
	pri_abort(dev, false);
}

/* ---- asking and waiting ---------------------------------------------------------------------- */

static bool may_wait(const struct ioasid_hostdev *dev, u32 epoch)
{
	return dev->pri.epoch == epoch && !dev->pri.refused && !dev->pri.disabled &&
	       !load_relaxed(&dev->dead);
}

static struct pri_group *group_take(struct pri *pri)
{
	u32 i, index;

	for (i = 0; i < PRI_GROUPS; i++) {
		index = pri->next++ % PRI_GROUPS;
		if (pri->group[index].state == PRI_FREE)
			return &pri->group[index];
	}
	return NULL;
}

/* A group and a credit, waiting for them if need be. Lock held. Return: NULL: gave up. */
static struct pri_group *group_wait(struct ioasid_hostdev *dev, struct pri_waiter *w, u32 epoch)
{
	struct pri *pri = &dev->pri;
	struct pri_group *g;

	while (may_wait(dev, epoch)) {
		g = pri->outstanding < pri->capacity ? group_take(pri) : NULL;
		if (g) {
			g->state = PRI_WAITER;
			g->waiter = w;
			g->nr = 1;
			g->last = true;
			pri->outstanding++;
			return g;
		}
		pthread_cond_wait(&pri->credits, &pri->lock.m);
	}
	return NULL;
}

static void request_send(struct ioasid_hostdev *dev, const struct xlate *x, u32 group, bool last)
{
	const struct ioasid_fault_report report = {
		.pasid = PPASID(x->pasid),
		.flags = (x->access & XLAT_READ ? IOASID_FAULT_READ : 0) |
			 (x->access & XLAT_WRITE ? IOASID_FAULT_WRITE : 0) |
			 (x->access & XLAT_PRIV ? IOASID_FAULT_PRIV : 0) |
			 (last ? IOASID_FAULT_LAST : 0),
		.address = x->iova & ~(u64)(PAGE_SIZE - 1),
		.group = group,
	};

	count(&dev->host->nr_page_requests);
	ioasid_report_page_request(dev->core, &report);
}

/* Asking again and again in vain must not keep everybody else from working. */
static void slow_down(unsigned int tries)
{
	struct timespec t = { .tv_nsec = 100000 };

	if (tries < 4)
		return;
	t.tv_nsec <<= min(tries - 4, 6U);
	nanosleep(&t, NULL);
}

static int wait_answer(struct ioasid_hostdev *dev, struct pri_group *g, struct pri_waiter *w,
		       u32 epoch)
{
	struct pri *pri = &dev->pri;

	while (!w->answered && may_wait(dev, epoch))
		pthread_cond_wait(&w->cond, &pri->lock.m);
	if (w->answered)
		return w->code == IOASID_RESPONSE_SUCCESS ? 0 : -EFAULT;
	g->state = PRI_ABANDONED;
	g->waiter = NULL;
	return -EFAULT;
}

int pri_ask(struct ioasid_hostdev *dev, const struct xlate *x, unsigned int tries)
{
	struct pri_waiter w = { .cond = PTHREAD_COND_INITIALIZER };
	struct pri *pri = &dev->pri;
	struct pri_group *g;
	int rc = -EFAULT;
	u32 epoch;

	slow_down(tries);
	mutex_lock(&pri->lock);
	epoch = pri->epoch;
	g = group_wait(dev, &w, epoch);
	mutex_unlock(&pri->lock);
	if (g) {
		request_send(dev, x, (u32)(g - pri->group), true);
		mutex_lock(&pri->lock);
		rc = wait_answer(dev, g, &w, epoch);
		mutex_unlock(&pri->lock);
	}
	pthread_cond_destroy(&w.cond);
	return load_relaxed(&dev->dead) ? -ENODEV : rc;
}

/* ---- the answer --------------------------------------------------------------------------------- */

void pri_response(struct ioasid_device *core, ppasid_t pasid, u32 group, u32 code)
{
	struct ioasid_hostdev *dev = hostdev_of(core);
	struct pri *pri = &dev->pri;
	enum pri_group_state state;
	struct pri_group *g;

	if (!pri->group || group >= PRI_GROUPS)
		return;
	g = &pri->group[group];
	mutex_lock(&pri->lock);
	state = g->state;
	/* "Failure", and codes nobody knows, switch page requests off until the device is reset. */
	if (code != IOASID_RESPONSE_SUCCESS && code != IOASID_RESPONSE_INVALID)
		pri->disabled = true;
	if (state == PRI_WAITER) {
		g->waiter->code = code;
		g->waiter->answered = true;
		pthread_cond_signal(&g->waiter->cond);
	}
	if (state != PRI_FREE)
		group_free(pri, g);
	mutex_unlock(&pri->lock);
	if (state == PRI_DEVICE && dev->ops && dev->ops->page_response)
		dev->ops->page_response(dev->opaque, pasid.val, group, code);
}

/* ---- requests of devices that do their own waiting ------------------------------------------------ */

/* Count one more request in group @g. Lock held. */
static int group_join(struct ioasid_hostdev *dev, struct pri_group *g, bool last)
{
	struct pri *pri = &dev->pri;

	if (pri->disabled || load_relaxed(&dev->blocked))
		return -EIO;
	if (g->last || (g->state != PRI_FREE && g->state != PRI_DEVICE))
		return -EBUSY;
	if (pri->outstanding >= pri->capacity)
		return -ENOSPC;
	g->state = PRI_DEVICE;
	g->last = last;
	g->nr++;
	pri->outstanding++;
	return 0;
}

int ioasid_hostdev_page_request(struct ioasid_hostdev *dev, const struct ioasid_dma *dma,
				unsigned int access, bool last)
{
	struct xlate x;
	int rc;

	if (!(dev->flags & IOASID_HOSTDEV_PRI) || dma->group >= PRI_GROUPS || !(access & XLAT_RW))
		return -EINVAL;
	rc = hostdev_enter(dev);
	if (rc)
		return rc;
	xlate_init(&x, dma, access & XLAT_RW);
	xlate_wire(dev, &x);
	mutex_lock(&dev->pri.lock);
	/* A slice that is not bound has no number to ask with. */
	rc = -EIO;
	if (!x.by_rid || x.pasid)
		rc = group_join(dev, &dev->pri.group[dma->group], last);
	mutex_unlock(&dev->pri.lock);
	if (!rc)
		request_send(dev, &x, dma->group, last);
	hostdev_exit();
	return rc;
}
