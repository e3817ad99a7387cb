// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ordinary PCI driver for the demonstration accelerator: it gives each process that asks a
 * dedicated work queue bound to the process's address space, through the kernel's SVA interface.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/module.h>

#include "accel_compat.h"
#include "accel_drv.h"

/* The device waits for the kernel's answers to page requests, which may have to read from disk. */
#define ACCEL_STOP_US	15000000
#define ACCEL_STOP_POLL 50

int accel_queue_get(struct accel_device *ad)
{
	unsigned int queue;

	mutex_lock(&ad->lock);
	queue = find_first_zero_bit(ad->busy, ACCEL_QUEUES);
	if (queue < ACCEL_QUEUES)
		__set_bit(queue, ad->busy);
	mutex_unlock(&ad->lock);
	return queue < ACCEL_QUEUES ? queue : -EBUSY;
}

void accel_queue_put(struct accel_device *ad, unsigned int queue)
{
	mutex_lock(&ad->lock);
	__clear_bit(queue, ad->busy);
	mutex_unlock(&ad->lock);
}

int accel_queue_start(struct accel_device *ad, unsigned int queue, u64 ring, u32 ring_lg2,
		      u32 pasid)
{
	void __iomem *regs = accel_queue_regs(ad, queue);
	u32 control = ACCEL_CONTROL_ENABLE;

	if (pasid != IOMMU_PASID_INVALID) {
		control |= ACCEL_CONTROL_PASID;
		writel(pasid, regs + ACCEL_QUEUE_PASID);
		/* A slice takes only numbers that the IOMMU has an entry for. */
		if (readl(regs + ACCEL_QUEUE_PASID) != pasid)
			return -ENOENT;
	}
	writel(ring_lg2, regs + ACCEL_QUEUE_RING_LG2);
	writeq(ring, regs + ACCEL_QUEUE_RING_BASE);
	writel(control, regs + ACCEL_QUEUE_CONTROL);
	if (ACCEL_STATUS_STATE(readl(regs + ACCEL_QUEUE_STATUS)) == ACCEL_STATE_RUNNING)
		return 0;
	accel_queue_stop(ad, queue);
	return -EIO;
}

int accel_queue_stop(struct accel_device *ad, unsigned int queue)
{
	void __iomem *regs = accel_queue_regs(ad, queue);
	u32 status;
	int rc;

	writel(0, regs + ACCEL_QUEUE_CONTROL);
	rc = readl_poll_timeout(regs + ACCEL_QUEUE_STATUS, status,
				ACCEL_STATUS_STATE(status) == ACCEL_STATE_IDLE, ACCEL_STOP_POLL,
				ACCEL_STOP_US);
	if (rc)
		dev_err(&ad->pdev->dev, "queue %u does not stop\n", queue);
	return rc;
}

int accel_portal_stop(struct accel_device *ad, unsigned int queue)
{
	void __iomem *reg = accel_queue_regs(ad, queue) + ACCEL_QUEUE_PORTAL;
	u32 left;
	int rc;

	if (!ad->portals)
		return 0;
	writel(0, reg);
	rc = readl_poll_timeout(reg, left, !left, ACCEL_STOP_POLL, ACCEL_STOP_US);
	if (rc)
		dev_err(&ad->pdev->dev, "portal %u does not end\n", queue);
	return rc;
}

static irqreturn_t accel_irq(int irq, void *data)
{
	struct accel_vector *vector = data;

	atomic64_inc(&vector->count);
	wake_up_interruptible(&vector->wait);
	return IRQ_HANDLED;
}

static void accel_irq_free(struct accel_device *ad, unsigned int n)
{
	while (n--)
		free_irq(pci_irq_vector(ad->pdev, n), &ad->vectors[n]);
	pci_free_irq_vectors(ad->pdev);
}

static int accel_irq_setup(struct accel_device *ad)
{
	unsigned int i;
	int rc;

	rc = pci_alloc_irq_vectors(ad->pdev, ACCEL_QUEUES, ACCEL_QUEUES, PCI_IRQ_MSIX);
	if (rc < 0)
		return rc;
	for (i = 0; i < ACCEL_QUEUES; i++) {
		init_waitqueue_head(&ad->vectors[i].wait);
		rc = request_irq(pci_irq_vector(ad->pdev, i), accel_irq, 0, "ioasid-accel",
				 &ad->vectors[i]);
		if (rc) {
			accel_irq_free(ad, i);
			return rc;
		}
	}
	return 0;
}

static int accel_map_bars(struct accel_device *ad)
{
	struct pci_dev *pdev = ad->pdev;
	u32 id, version;

	ad->regs = pcim_iomap(pdev, ACCEL_BAR_REGS, ACCEL_REGS_SIZE);
	ad->doorbells = pcim_iomap(pdev, ACCEL_BAR_DOORBELL, ACCEL_QUEUES * ACCEL_DOORBELL_STRIDE);
	if (!ad->regs || !ad->doorbells)
		return -ENOMEM;
	id = readl(ad->regs + ACCEL_REG_ID);
	version = readl(ad->regs + ACCEL_REG_VERSION);
	ad->portals = readl(ad->regs + ACCEL_REG_CAPS) & ACCEL_CAP_PORTAL;
	if (id == ACCEL_ID_VALUE && version == ACCEL_VERSION_VALUE)
		return 0;
	dev_err(&pdev->dev, "unknown device: id %#x, version %u\n", id, version);
	return -ENODEV;
}

static int accel_probe(struct pci_dev *pdev, const struct pci_device_id *ids)
{
	struct accel_device *ad;
	int rc;

	ad = devm_kzalloc(&pdev->dev, sizeof(*ad), GFP_KERNEL);
	if (!ad)
		return -ENOMEM;
	ad->pdev = pdev;
	mutex_init(&ad->lock);
	pci_set_drvdata(pdev, ad);
	rc = pcim_enable_device(pdev);
	if (rc)
		return rc;
	rc = accel_map_bars(ad);
	if (rc)
		return rc;
	rc = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (rc)
		return rc;
	writel(ACCEL_CONTROL_RESET, ad->regs + ACCEL_REG_CONTROL);
	pci_set_master(pdev);
	rc = accel_irq_setup(ad);
	if (rc)
		return rc;
	accel_compat_enable_sva(&pdev->dev);
	ad->misc.minor = MISC_DYNAMIC_MINOR;
	ad->misc.name = "ioasid-accel";
	ad->misc.fops = &accel_chr_fops;
	ad->misc.parent = &pdev->dev;
	ad->misc.mode = 0666;
	rc = misc_register(&ad->misc);
	if (rc) {
		accel_compat_disable_sva(&pdev->dev);
		accel_irq_free(ad, ACCEL_QUEUES);
		return rc;
	}
	dev_info(&pdev->dev, "%d queues%s\n", ACCEL_QUEUES, ad->portals ? ", portals" : "");
	return 0;
}

static void accel_remove(struct pci_dev *pdev)
{
	struct accel_device *ad = pci_get_drvdata(pdev);

	misc_deregister(&ad->misc);
	writel(ACCEL_CONTROL_RESET, ad->regs + ACCEL_REG_CONTROL);
	accel_compat_disable_sva(&pdev->dev);
	accel_irq_free(ad, ACCEL_QUEUES);
	pci_clear_master(pdev);
}

static const struct pci_device_id accel_ids[] = {
	{ PCI_DEVICE(ACCEL_PCI_VENDOR, ACCEL_PCI_DEVICE) },
	{},
};
MODULE_DEVICE_TABLE(pci, accel_ids);

static struct pci_driver accel_driver = {
	.name = "ioasid-accel",
	.id_table = accel_ids,
	.probe = accel_probe,
	.remove = accel_remove,
	/*
	 * Open files hold the module, so unloading waits for them; unbinding by hand would not.
	 */
	.driver.suppress_bind_attrs = true,
};
module_pci_driver(accel_driver);

MODULE_DESCRIPTION("ioasid demonstration accelerator");
MODULE_LICENSE("GPL");
