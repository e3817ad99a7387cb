// SPDX-License-Identifier: GPL-2.0-only
/*
 * Class 2: a device without an IOMMU. Software does its DMA, through what ioasid.ko offers for that;
 * a hold of it is a pinned range.
 */
#include <linux/highmem.h>
#include <linux/mm.h>

#include "sim/private.h"

/* ---- requests -------------------------------------------------------------------------------------- */

static int fetch_add(struct sim_dev *dev, u64 addr, const struct sim_action *act)
{
	u64 start = addr & PAGE_MASK;
	struct page *page;
	void *p;
	int rc;

	rc = ioasid_access_pin(dev->access, start, PAGE_SIZE,
			       IOASID_ACCESS_READ | IOASID_ACCESS_WRITE, &page);
	if (rc)
		return rc;
	p = kmap_local_page(page);
	sim_act(act, p + (addr & ~PAGE_MASK));
	kunmap_local(p);
	ioasid_access_unpin(dev->access, start, PAGE_SIZE);
	return 0;
}

static int soft_piece(struct sim_dev *dev, u64 addr, const struct sim_action *act)
{
	switch (act->op) {
	case IOASID_SIM_READ:
		return ioasid_access_rw(dev->access, addr, act->buf, act->n, IOASID_ACCESS_READ);
	case IOASID_SIM_WRITE:
		return ioasid_access_rw(dev->access, addr, act->buf, act->n, IOASID_ACCESS_WRITE);
	default:
		return fetch_add(dev, addr, act);
	}
}

/* Why it did not work: the interface says no more than that it did not. */
static u32 soft_reason(struct sim_dev *dev, u64 addr, int rc)
{
	u8 byte;

	if (rc == -ENODEV)
		return IOASID_REASON_NO_ROUTE;
	rc = ioasid_access_rw(dev->access, addr, &byte, 1, IOASID_ACCESS_READ);
	return rc ? IOASID_REASON_NOT_PRESENT : IOASID_REASON_PERMISSION;
}

static void soft_blocked(struct sim_dev *dev, struct ioasid_sim_dma *dma, u64 addr, int rc)
{
	struct sim_xlate x;

	sim_xlate_init(&x, dev, addr, IOASID_SIM_NONE,
		       dma->op == IOASID_SIM_READ  ? XLAT_READ :
		       dma->op == IOASID_SIM_WRITE ? XLAT_WRITE :
						     XLAT_RW);
	sim_xlate_refuse(&x, soft_reason(dev, addr, rc), 0);
	if (!(dma->flags & IOASID_SIM_DMA_NO_REPORT))
		sim_xlate_report(dev, &x);
	dma->blocked = 1;
	dma->reason = x.reason;
	dma->fault_addr = addr;
}

static int soft_dma(struct sim_dev *dev, struct ioasid_sim_dma *dma, void *buf)
{
	struct sim_action act = { .op = dma->op, .buf = buf };
	u64 addr = dma->addr;
	size_t left = dma->length;
	int rc;

	/* It has no way to say a PASID. */
	if (dma->pasid != IOASID_SIM_NONE) {
		soft_blocked(dev, dma, addr, -ENODEV);
		return 0;
	}
	while (left) {
		act.n = min_t(size_t, left, PAGE_SIZE - (addr & ~PAGE_MASK));
		rc = soft_piece(dev, addr, &act);
		if (rc == -EFAULT || rc == -ENODEV) {
			soft_blocked(dev, dma, addr, rc);
			return 0;
		}
		if (rc)
			return rc;
		addr += act.n;
		act.buf += act.n;
		left -= act.n;
	}
	return 0;
}

/* ---- holds ------------------------------------------------------------------------------------------ */

static void unpin_end(struct sim_hold *hold)
{
	ioasid_access_unpin(hold->dev->access, hold->addr, hold->length);
}

static u32 epoch_of(struct sim_dev *dev)
{
	u32 epoch;

	spin_lock(&dev->hold_lock);
	epoch = dev->hold_epoch;
	spin_unlock(&dev->hold_lock);
	return epoch;
}

/* A call back between pin and list would find nothing to give back: then it is pinned again. */
static int pin_and_begin(struct sim_dev *dev, struct sim_hold *hold, struct page **pages)
{
	unsigned int tries;
	u32 epoch;
	int rc;

	for (tries = 0; tries < SIM_TRIES_MAX; tries++) {
		epoch = epoch_of(dev);
		rc = ioasid_access_pin(dev->access, hold->addr, hold->length, IOASID_ACCESS_WRITE,
				       pages);
		if (rc)
			return rc;
		if (sim_hold_begin(hold, dev, epoch, unpin_end))
			return 0;
		ioasid_access_unpin(dev->access, hold->addr, hold->length);
	}
	return -EFAULT;
}

static int soft_hold(struct sim_dev *dev, const struct ioasid_sim_hold *req, struct sim_hold **out)
{
	struct sim_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
	struct page **pages;
	u64 end;
	int rc = -ENOMEM;

	if (!hold)
		return -ENOMEM;
	hold->addr = req->addr & PAGE_MASK;
	end = PAGE_ALIGN(req->addr + req->length);
	hold->length = end - hold->addr;
	pages = kvcalloc(hold->length >> PAGE_SHIFT, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (pages)
		rc = req->pasid == IOASID_SIM_NONE ? pin_and_begin(dev, hold, pages) : -EFAULT;
	/* The pages themselves are of no interest here. */
	kvfree(pages);
	if (rc)
		kfree(hold);
	else
		*out = hold;
	return rc == -ENODEV ? -EFAULT : rc;
}

/* A hold in [@start, @last] that is still open, with a reference, or NULL. */
static struct sim_hold *hold_in(struct sim_dev *dev, u64 start, u64 last)
{
	struct sim_hold *hold, *found = NULL;

	spin_lock(&dev->hold_lock);
	list_for_each_entry(hold, &dev->holds, link) {
		if (hold->addr <= last && hold->addr + (hold->length - 1) >= start) {
			kref_get(&hold->ref);
			found = hold;
			break;
		}
	}
	spin_unlock(&dev->hold_lock);
	return found;
}

static void called_back(void *data, u64 start, u64 last)
{
	struct sim_dev *dev = data;
	struct sim_hold *hold;

	spin_lock(&dev->hold_lock);
	dev->hold_epoch++;
	spin_unlock(&dev->hold_lock);
	while ((hold = hold_in(dev, start, last))) {
		if (sim_hold_end(hold))
			sim_count(dev->iommu, SIM_CALL_BACKS, 1);
		sim_hold_put(hold);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static const struct ioasid_access_ops access_ops = {
	.unmap = called_back,
};

int sim_soft_init(struct sim_dev *dev)
{
	dev->access = ioasid_access_create(dev->kdev, &access_ops, dev);
	return PTR_ERR_OR_ZERO(dev->access);
}

void sim_soft_destroy(struct sim_dev *dev)
{
	ioasid_access_destroy(dev->access);
}

const struct sim_dma_ops sim_soft_dma = {
	.dma = soft_dma,
	.hold = soft_hold,
};
