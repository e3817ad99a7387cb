// SPDX-License-Identifier: GPL-2.0-only
/* The requests a device sends through its IOMMU, page by page; and those that stay open. */
#include <linux/delay.h>
#include <linux/kcsan-checks.h>
#include <linux/mm.h>

#include "sim/private.h"

/* ---- the copy -------------------------------------------------------------------------------------- */

/*
 * A device is not a thread of the kernel: what its DMA races with is between the user and the
 * device, so the race detector does not look at it.
 */
void sim_act(const struct sim_action *act, void *p)
{
	u64 operand;

	if (act->delay_us)
		fsleep(act->delay_us);
	kcsan_disable_current();
	switch (act->op) {
	case IOASID_SIM_READ:
		memcpy(act->buf, p, act->n);
		break;
	case IOASID_SIM_WRITE:
		memcpy(p, act->buf, act->n);
		break;
	case IOASID_SIM_FETCH_ADD:
		memcpy(&operand, act->buf, sizeof(operand));
		operand = atomic64_fetch_add(operand, (atomic64_t *)p);
		memcpy(act->buf, &operand, sizeof(operand));
		break;
	}
	kcsan_enable_current();
}

/* ---- one page ----------------------------------------------------------------------------------------- */

static enum sim_result xlate(struct sim_dev *dev, struct sim_xlate *x, u64 *pa)
{
	/* A mute device looks after its device TLB itself; what it sends here is untranslated. */
	if ((dev->cfg.flags & (IOASID_SIM_ATS | IOASID_SIM_MUTE)) == IOASID_SIM_ATS)
		return sim_ats_xlate(dev, x, pa);
	return sim_xlate(dev, x, pa);
}

/* Translation and copy of at most a page, in one section. */
static enum sim_result dma_piece(struct sim_dev *dev, struct sim_xlate *x, struct sim_action *act)
{
	enum sim_result res;
	int idx;
	u64 pa;

	idx = sim_section_enter(dev);
	sim_xlate_begin(dev, x);
	res = xlate(dev, x, &pa);
	if (res == SIM_OK)
		sim_act(act, phys_to_virt(pa));
	sim_section_exit(dev, idx);
	if (res == SIM_PROCESS)
		res = sim_shared_act(dev, x, act);
	return res;
}

/*
 * Nothing came of a piece. A device that only asked for the page in vain keeps that to itself: the
 * IOMMU records what it blocks, not what a device asks.
 * Return: 0: repaired, send it again; -EFAULT; -ENODEV; -EINTR.
 */
static int dma_failed(struct sim_dev *dev, struct ioasid_sim_dma *dma, const struct sim_xlate *x)
{
	if (x->askable && dma->flags & IOASID_SIM_DMA_PAGE_REQUEST &&
	    dev->cfg.flags & IOASID_SIM_PRI) {
		if (dma->page_requests == SIM_TRIES_MAX)
			return -EFAULT;
		return sim_pri_ask(dev, x, dma->page_requests++, dma->flags & SIM_DMA_PATIENT);
	}
	if (!(dma->flags & IOASID_SIM_DMA_NO_REPORT))
		sim_xlate_report(dev, x);
	return -EFAULT;
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static u32 access_of(const struct ioasid_sim_dma *dma)
{
	static const u32 access[] = {
		[IOASID_SIM_READ] = XLAT_READ,
		[IOASID_SIM_WRITE] = XLAT_WRITE,
		[IOASID_SIM_FETCH_ADD] = XLAT_RW,
	};

	return access[dma->op] | (dma->flags & IOASID_SIM_DMA_PRIV ? XLAT_PRIV : 0);
}

static int dma_pieces(struct sim_dev *dev, struct ioasid_sim_dma *dma, struct sim_xlate *x,
		      void *buf)
{
	struct sim_action act = {
		.op = dma->op,
		.buf = buf,
		.delay_us = dev->iommu->cfg.test_delay_us,
	};
	size_t left = dma->length;
	enum sim_result res;
	int rc;

	while (left) {
		act.n = min_t(size_t, left, PAGE_SIZE - (x->iova & ~PAGE_MASK));
		res = dma_piece(dev, x, &act);
		if (res == SIM_OK) {
			x->iova += act.n;
			act.buf += act.n;
			left -= act.n;
			continue;
		}
		if (READ_ONCE(dev->dead))
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		rc = res == SIM_FAULT ? dma_failed(dev, dma, x) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static int iommu_dma(struct sim_dev *dev, struct ioasid_sim_dma *dma, void *buf)
{
	struct sim_xlate x;
	int rc;

	sim_xlate_init(&x, dev, dma->addr, dma->pasid, access_of(dma));
	x.nowait = dma->flags & SIM_DMA_PATIENT;
	rc = dma_pieces(dev, dma, &x, buf);
	if (rc != -EFAULT)
		return rc;
	dma->blocked = 1;
	dma->reason = x.reason;
	dma->arch_reason = x.arch_reason;
	dma->fault_addr = x.iova;
	return 0;
}

/* ---- holds ------------------------------------------------------------------------------------------------- */

/* Nobody waits longer than this for somebody who forgot, or was killed. */
#define HOLD_MS 10000

static void hold_release(struct kref *ref)
{
	struct sim_hold *hold = container_of(ref, struct sim_hold, ref);

	sim_dev_put(hold->dev);
	kfree(hold);
}

void sim_hold_put(struct sim_hold *hold)
{
	kref_put(&hold->ref, hold_release);
}

bool sim_hold_end(struct sim_hold *hold)
{
	struct sim_dev *dev = hold->dev;
	bool open;

	spin_lock(&dev->hold_lock);
	open = !list_empty(&hold->link);
	list_del_init(&hold->link);
	spin_unlock(&dev->hold_lock);
	if (!open)
		return false;
	hold->end(hold);
	sim_count(dev->iommu, SIM_HOLDS, -1);
	if (cancel_delayed_work(&hold->expire))
		sim_hold_put(hold);
	sim_hold_put(hold);
	return true;
}

static void hold_expired(struct work_struct *work)
{
	struct sim_hold *hold = container_of(work, struct sim_hold, expire.work);

	sim_hold_end(hold);
	sim_hold_put(hold);
}

/* References: the maker's, the device's list, the clock's. */
bool sim_hold_begin(struct sim_hold *hold, struct sim_dev *dev, u32 epoch,
		    void (*end)(struct sim_hold *hold))
{
	bool begun;

	kref_init(&hold->ref);
	hold->dev = dev;
	hold->end = end;
	INIT_DELAYED_WORK(&hold->expire, hold_expired);
	spin_lock(&dev->hold_lock);
	begun = dev->hold_epoch == epoch;
	if (begun) {
		kref_get(&dev->ref);
		kref_get(&hold->ref);
		kref_get(&hold->ref);
		queue_delayed_work(sim_wq, &hold->expire, msecs_to_jiffies(HOLD_MS));
		list_add_tail(&hold->link, &dev->holds);
		sim_count(dev->iommu, SIM_HOLDS, 1);
	}
	spin_unlock(&dev->hold_lock);
	return begun;
}

void sim_hold_end_all(struct sim_dev *dev)
{
	struct sim_hold *hold;

	for (;;) {
		spin_lock(&dev->hold_lock);
		hold = list_first_entry_or_null(&dev->holds, struct sim_hold, link);
		if (hold)
			kref_get(&hold->ref);
		spin_unlock(&dev->hold_lock);
		if (!hold)
			return;
		sim_hold_end(hold);
		sim_hold_put(hold);
	}
}

static void section_end(struct sim_hold *hold)
{
	srcu_up_read(&hold->dev->iommu->srcu, hold->idx);
}

/* Every page of the range can be written, and will be until the section ends. */
static enum sim_result hold_check(struct sim_dev *dev, const struct ioasid_sim_hold *req)
{
	enum sim_result res;
	struct sim_xlate x;
	u64 addr = req->addr, end = req->addr + req->length, pa;

	for (; addr < end; addr = (addr & PAGE_MASK) + PAGE_SIZE) {
		sim_xlate_init(&x, dev, addr, req->pasid, XLAT_WRITE);
		sim_xlate_begin(dev, &x);
		res = xlate(dev, &x, &pa);
		if (res == SIM_PROCESS)
			sim_shared_put(x.shared);
		if (res != SIM_OK)
			return res;
	}
	return SIM_OK;
}

static int iommu_hold(struct sim_dev *dev, const struct ioasid_sim_hold *req, struct sim_hold **out)
{
	struct sim_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
	enum sim_result res;

	if (!hold)
		return -ENOMEM;
	do {
		hold->idx = srcu_down_read(&dev->iommu->srcu);
		res = hold_check(dev, req);
		if (res == SIM_OK) {
			/* Nobody calls back a device behind an IOMMU. */
			WARN_ON(!sim_hold_begin(hold, dev, dev->hold_epoch, section_end));
			*out = hold;
			return 0;
		}
		srcu_up_read(&dev->iommu->srcu, hold->idx);
		cond_resched();
	} while (res == SIM_AGAIN && !fatal_signal_pending(current));
	kfree(hold);
	return res == SIM_PROCESS ? -EOPNOTSUPP : res == SIM_AGAIN ? -EINTR : -EFAULT;
}

const struct sim_dma_ops sim_iommu_dma = {
	.dma = iommu_dma,
	.hold = iommu_hold,
};
