// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests (PRI): credits, groups, and requests that wait for an answer. They go to the
 * kernel's own fault path and come back through page_response().
 *
 * A group is taken from its first request until its answer, also when whoever asked has gone away
 * (reset, signal, unplug): an answer that is still to come must not meet a new group of that index.
 *
 * The requests of a group are handed on together, when its last one has come: the kernel looks at a
 * group no earlier, and what waits here can be forgotten when its route goes.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "sim/private.h"

/* struct sim_part - a page request that waits for the last one of its group. */
struct sim_part {
	struct list_head link;
	u64 addr;
	u32 access;
};

int sim_pri_init(struct sim_dev *dev)
{
	struct sim_pri *pri = &dev->pri;
	u32 i;

	mutex_init(&pri->lock);
	init_waitqueue_head(&pri->wait);
	init_rwsem(&dev->report_sem);
	pri->capacity = dev->cfg.pri_capacity;
	if (!(dev->cfg.flags & IOASID_SIM_PRI) || sim_is_slice(dev))
		return 0;
	pri->group = kvcalloc(SIM_GROUPS, sizeof(*pri->group), GFP_KERNEL_ACCOUNT);
	if (!pri->group)
		return -ENOMEM;
	for (i = 0; i < SIM_GROUPS; i++)
		INIT_LIST_HEAD(&pri->group[i].parts);
	return 0;
}

static void parts_free(struct list_head *parts)
{
	struct sim_part *part, *next;

	list_for_each_entry_safe(part, next, parts, link)
		kfree(part);
	INIT_LIST_HEAD(parts);
}

void sim_pri_destroy(struct sim_dev *dev)
{
	u32 i;

	for (i = 0; dev->pri.group && i < SIM_GROUPS; i++)
		parts_free(&dev->pri.group[i].parts);
	kvfree(dev->pri.group);
	mutex_destroy(&dev->pri.lock);
}

/* Lock held. */
static void group_free(struct sim_pri *pri, struct sim_group *g)
{
	pri->outstanding -= g->nr;
	parts_free(&g->parts);
	g->state = SIM_FREE;
	g->sender = NULL;
	g->nr = 0;
	g->last = false;
	g->answered = false;
	wake_up_all(&pri->wait);
}

void sim_pri_abort(struct sim_dev *dev, bool reset)
{
	struct sim_pri *pri = &dev->fn->pri;
	u32 i;

	mutex_lock(&pri->lock);
	smp_store_release(&dev->asker.epoch, dev->asker.epoch + 1);
	if (reset && !sim_is_slice(dev))
		pri->disabled = false;
	for (i = 0; reset && pri->group && i < SIM_GROUPS; i++) {
		struct sim_group *g = &pri->group[i];

		/* Without a last one there will be no answer either. */
		if (g->state == SIM_DEVICE && !g->last && g->sender == dev)
			group_free(pri, g);
	}
	wake_up_all(&pri->wait);
	mutex_unlock(&pri->lock);
}

void sim_pri_forget(struct sim_dev *dev)
{
	struct sim_pri *pri = &dev->fn->pri;
	u32 i;

	mutex_lock(&pri->lock);
	for (i = 0; pri->group && i < SIM_GROUPS; i++) {
		struct sim_group *g = &pri->group[i];

		if (g->state != SIM_DEVICE || g->sender != dev)
			continue;
		if (g->last)
			g->state = SIM_ABANDONED;
		else
			group_free(pri, g);
	}
	mutex_unlock(&pri->lock);
}

void sim_pri_drain(struct sim_dev *dev, u32 pasid, bool drop)
{
	struct sim_pri *pri = &dev->pri;
	u32 i;

	/* Whoever reports has looked at the route under this. */
	down_write(&dev->report_sem);
	up_write(&dev->report_sem);
	if (!drop || !pri->group)
		return;
	mutex_lock(&pri->lock);
	for (i = 0; i < SIM_GROUPS; i++) {
		struct sim_group *g = &pri->group[i];

		if (g->state == SIM_DEVICE && !g->last && g->has_pasid == (pasid != 0) &&
		    g->pasid == pasid)
			parts_free(&g->parts);
	}
	mutex_unlock(&pri->lock);
}

/* ---- to the kernel ---------------------------------------------------------------------------------- */

static void report_one(struct sim_dev *dev, const struct sim_group *g, u32 group,
		       const struct sim_part *part, bool last)
{
	struct iopf_fault evt = {
		.fault = {
			.type = IOMMU_FAULT_PAGE_REQ,
			.prm = {
				.flags = (last ? IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE : 0) |
					 (g->has_pasid ? IOMMU_FAULT_PAGE_REQUEST_PASID_VALID : 0),
				.pasid = g->pasid,
				.grpid = group,
				.perm = (part->access & XLAT_READ ? IOMMU_FAULT_PERM_READ : 0) |
					(part->access & XLAT_WRITE ? IOMMU_FAULT_PERM_WRITE : 0) |
					(part->access & XLAT_PRIV ? IOMMU_FAULT_PERM_PRIV : 0),
				.addr = part->addr & PAGE_MASK,
			},
		},
	};

	sim_count(dev->iommu, SIM_PAGE_REQUESTS, 1);
	/* What nobody handles is answered through page_response() before this returns. */
	iommu_report_device_fault(&dev->fn->pdev->dev, &evt);
}

/* Somebody listens to the page requests of this route. fn->report_sem held. */
static bool somebody_listens(struct sim_dev *fn, const struct sim_group *g)
{
	struct sim_route *r = fn->iopf_on ? xa_load(&fn->routes, g->pasid) : NULL;

	/* 0 as a PASID is nobody's; a request without PASID has 0 here too. */
	if (g->has_pasid && !g->pasid)
		return false;
	return r && READ_ONCE(r->dom)->domain.iopf_handler;
}

/*
 * Hand on the group @g (a copy) with its last request. A page request that reaches no table whose
 * owner wants it is answered "invalid", as an IOMMU does by itself.
 */
static void group_report(struct sim_dev *dev, u32 group, const struct sim_group *g,
			 struct list_head *parts, const struct sim_part *last)
{
	struct sim_part *part;
	bool listens;

	down_read(&dev->fn->report_sem);
	listens = somebody_listens(dev->fn, g);
	if (listens) {
		list_for_each_entry(part, parts, link)
			report_one(dev, g, group, part, false);
		report_one(dev, g, group, last, true);
	}
	up_read(&dev->fn->report_sem);
	if (!listens)
		sim_pri_answer(dev->fn, group, IOASID_RESPONSE_INVALID);
}

/* ---- the answer ------------------------------------------------------------------------------------------ */

/* The device's own group was answered: its driver takes it some time. Lock held. */
static void answer_keep(struct sim_asker *asker, u32 group, u32 code)
{
	/* Nobody takes answers: the oldest is lost. */
	if (asker->head - asker->tail == SIM_ANSWERS)
		asker->tail++;
	asker->answers[asker->head % SIM_ANSWERS].group = group;
	asker->answers[asker->head++ % SIM_ANSWERS].code = code;
}

void sim_pri_answer(struct sim_dev *fn, u32 group, u32 code)
{
	struct sim_pri *pri = &fn->pri;
	struct sim_group *g;

	if (!pri->group || group >= SIM_GROUPS)
		return;
	g = &pri->group[group];
	mutex_lock(&pri->lock);
	/* "Failure" switches page requests off until the device is reset. */
	if (code != IOASID_RESPONSE_SUCCESS && code != IOASID_RESPONSE_INVALID)
		pri->disabled = true;
	switch (g->state) {
	case SIM_WAITER:
		g->code = code;
		g->answered = true;
		break;
	case SIM_DEVICE:
		if (!g->last)
			break;
		answer_keep(&g->sender->asker, group, code);
		fallthrough;
	case SIM_ABANDONED:
		group_free(pri, g);
		break;
	case SIM_FREE:
		break;
	}
	wake_up_all(&pri->wait);
	mutex_unlock(&pri->lock);
}

int sim_pri_take(struct sim_dev *dev, struct ioasid_sim_response *resp)
{
	struct sim_pri *pri = &dev->fn->pri;
	struct sim_asker *asker = &dev->asker;
	int rc = -EAGAIN;

	mutex_lock(&pri->lock);
	if (asker->head != asker->tail) {
		resp->group = asker->answers[asker->tail % SIM_ANSWERS].group;
		resp->code = asker->answers[asker->tail++ % SIM_ANSWERS].code;
		rc = 0;
	}
	mutex_unlock(&pri->lock);
	return rc;
}

/* ---- asking and waiting ------------------------------------------------------------------------------------ */

static bool may_wait(const struct sim_dev *dev, u32 epoch)
{
	return dev->asker.epoch == epoch && !dev->fn->pri.disabled && !READ_ONCE(dev->dead);
}

/* Until something changes; changes are made under the lock, which is held. Return: 0 or -EINTR. */
static int pri_sleep(struct sim_pri *pri, bool patient)
{
	unsigned int state = patient ? TASK_KILLABLE : TASK_INTERRUPTIBLE;
	DEFINE_WAIT(wait);

	prepare_to_wait(&pri->wait, &wait, state);
	mutex_unlock(&pri->lock);
	if (!signal_pending_state(state, current))
		schedule();
	finish_wait(&pri->wait, &wait);
	mutex_lock(&pri->lock);
	return signal_pending_state(state, current) ? -EINTR : 0;
}

static struct sim_group *group_take(struct sim_pri *pri)
{
	u32 i, index;

	if (pri->outstanding >= pri->capacity)
		return NULL;
	for (i = 0; i < SIM_GROUPS; i++) {
		index = pri->next++ % SIM_GROUPS;
		if (pri->group[index].state == SIM_FREE)
			return &pri->group[index];
	}
	return NULL;
}

/* A group and a credit, waiting for them if need be. Lock held. */
static int group_wait(struct sim_dev *dev, const struct sim_xlate *x, bool patient,
		      struct sim_group **out)
{
	struct sim_pri *pri = &dev->fn->pri;
	struct sim_group *g;
	int rc;

	while (may_wait(dev, x->epoch)) {
		g = group_take(pri);
		if (g) {
			g->state = SIM_WAITER;
			g->sender = dev;
			g->nr = 1;
			g->last = true;
			g->has_pasid = x->src.has_pasid;
			g->pasid = x->src.pasid;
			pri->outstanding++;
			*out = g;
			return 0;
		}
		rc = pri_sleep(pri, patient);
		if (rc)
			return rc;
	}
	return -EFAULT;
}

/* Lock held. */
static int answer_wait(struct sim_dev *dev, struct sim_group *g, u32 epoch, bool patient)
{
	struct sim_pri *pri = &dev->fn->pri;
	int rc = 0;

	while (!rc && !g->answered && may_wait(dev, epoch))
		rc = pri_sleep(pri, patient);
	if (g->answered) {
		rc = g->code == IOASID_RESPONSE_SUCCESS ? 0 : -EFAULT;
		group_free(pri, g);
		return rc;
	}
	g->state = SIM_ABANDONED;
	return rc ? rc : -EFAULT;
}

int sim_pri_ask(struct sim_dev *dev, const struct sim_xlate *x, unsigned int tries, bool patient)
{
	const struct sim_part part = { .addr = x->iova, .access = x->access };
	struct sim_pri *pri = &dev->fn->pri;
	struct sim_group *g, copy;
	LIST_HEAD(none);
	int rc;

	/* Asking again and again in vain must not keep everybody else from working. */
	if (tries >= 4)
		usleep_range(100 << min(tries - 4, 6U), 200 << min(tries - 4, 6U));
	mutex_lock(&pri->lock);
	rc = group_wait(dev, x, patient, &g);
	if (!rc) {
		copy = *g;
		mutex_unlock(&pri->lock);
		group_report(dev, g - pri->group, &copy, &none, &part);
		mutex_lock(&pri->lock);
		rc = answer_wait(dev, g, x->epoch, patient);
	}
	mutex_unlock(&pri->lock);
	return READ_ONCE(dev->dead) ? -ENODEV : rc;
}

/* ---- requests of devices that do their own waiting ------------------------------------------------------------ */

/* As it goes on the wire; 0 is nobody's. A slice that is told to stop has no default PASID. */
static u32 request_pasid(const struct sim_dev *dev, const struct ioasid_sim_request *req)
{
	if (req->pasid != IOASID_SIM_NONE)
		return req->pasid;
	return sim_is_slice(dev) && READ_ONCE(dev->running) ? ioasid_kdev_rid_pasid(dev->kdev) : 0;
}

/* One more request in group @g. Lock held. */
static int group_join(struct sim_dev *dev, struct sim_group *g,
		      const struct ioasid_sim_request *req)
{
	bool has_pasid = req->pasid != IOASID_SIM_NONE || sim_is_slice(dev);
	u32 pasid = request_pasid(dev, req);
	struct sim_pri *pri = &dev->fn->pri;

	if (pri->disabled || READ_ONCE(dev->blocked))
		return -EIO;
	/* The kernel tells groups apart by their index alone. */
	if (g->last || (g->state != SIM_FREE && g->state != SIM_DEVICE) ||
	    (g->state == SIM_DEVICE &&
	     (g->has_pasid != has_pasid || g->pasid != pasid || g->sender != dev)))
		return -EBUSY;
	if (pri->outstanding >= pri->capacity)
		return -ENOSPC;
	g->state = SIM_DEVICE;
	g->sender = dev;
	g->last = req->flags & IOASID_SIM_REQ_LAST;
	g->has_pasid = has_pasid;
	g->pasid = pasid;
	g->nr++;
	pri->outstanding++;
	return 0;
}

static u32 request_access(const struct ioasid_sim_request *req)
{
	u32 access = (req->flags & IOASID_SIM_REQ_READ ? XLAT_READ : 0) |
		     (req->flags & IOASID_SIM_REQ_WRITE ? XLAT_WRITE : 0);

	if (req->flags & IOASID_SIM_REQ_PRIV && req->pasid != IOASID_SIM_NONE)
		access |= XLAT_PRIV;
	return access;
}

int sim_pri_send(struct sim_dev *dev, const struct ioasid_sim_request *req)
{
	struct sim_pri *pri = &dev->fn->pri;
	struct sim_group *g, copy;
	struct sim_part *part;
	LIST_HEAD(parts);
	int rc;

	if (!(dev->cfg.flags & IOASID_SIM_PRI) || req->group >= SIM_GROUPS ||
	    !(request_access(req) & XLAT_RW))
		return -EINVAL;
	part = kzalloc(sizeof(*part), GFP_KERNEL_ACCOUNT);
	if (!part)
		return -ENOMEM;
	part->addr = req->addr;
	part->access = request_access(req);
	g = &pri->group[req->group];
	mutex_lock(&pri->lock);
	rc = group_join(dev, g, req);
	if (!rc && g->last) {
		copy = *g;
		list_splice_init(&g->parts, &parts);
	} else if (!rc) {
		list_add_tail(&part->link, &g->parts);
		part = NULL;
	}
	mutex_unlock(&pri->lock);
	if (!rc && part)
		group_report(dev, req->group, &copy, &parts, part);
	parts_free(&parts);
	kfree(part);
	return rc;
}
