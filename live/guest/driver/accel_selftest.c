// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA the driver does for itself: without PASID through the kernel's DMA API, and under a PASID
 * through a paging domain. Each test takes a queue, runs descriptors one at a time and looks at the
 * bytes.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "accel_drv.h"

#define ACCEL_TEST_RING_LG2 4
#define ACCEL_TEST_COMP	    2048 /* offset of the completion record behind the ring */
#define ACCEL_TEST_BYTES    PAGE_SIZE
#define ACCEL_TEST_WAIT_US  2000000
#define ACCEL_TEST_IOVA	    0x40000000UL

/**
 * struct accel_test - a test under way
 * @ring: a page of ours: descriptors, then the completion record
 * @ring_addr: where the device sees it
 * @src, @dst: where the device sees the operands
 * @tail: descriptors submitted
 */
struct accel_test {
	struct accel_device *ad;
	struct accel_run *run;
	int queue;
	void *ring;
	u64 ring_addr;
	u64 src, dst;
	u32 tail;
};

static int accel_test_fail(struct accel_test *t, int rc, const char *step)
{
	if (rc && !t->run->step[0])
		strscpy(t->run->step, step, sizeof(t->run->step));
	return rc;
}

static struct accel_comp *accel_test_comp(struct accel_test *t)
{
	return t->ring + ACCEL_TEST_COMP;
}

/* Submit one descriptor and wait for its record. Return: enum accel_comp_status or -ETIMEDOUT. */
static int accel_test_submit(struct accel_test *t, u8 op, u64 src, u64 dst, u64 operand)
{
	struct accel_desc *desc = t->ring;
	struct accel_comp *comp = accel_test_comp(t);
	unsigned int us;

	desc += t->tail & ((1 << ACCEL_TEST_RING_LG2) - 1);
	memset(comp, 0, sizeof(*comp));
	*desc = (struct accel_desc){
		.op = op,
		.flags = ACCEL_DESC_COMPLETION | ACCEL_DESC_INTERRUPT,
		.len = ACCEL_TEST_BYTES,
		.src = src,
		.dst = dst,
		.operand = operand,
		.completion = t->ring_addr + ACCEL_TEST_COMP,
	};
	/* The device must see the descriptor before the tail. */
	dma_wmb();
	writel(++t->tail, t->ad->doorbells + t->queue * ACCEL_DOORBELL_STRIDE);
	for (us = 0; us < ACCEL_TEST_WAIT_US; us += 20) {
		if (READ_ONCE(comp->status) != ACCEL_COMP_PENDING) {
			dma_rmb();
			t->run->bytes += comp->bytes_done;
			return comp->status;
		}
		usleep_range(10, 20);
	}
	return -ETIMEDOUT;
}

static int accel_test_start(struct accel_test *t, u32 pasid)
{
	int rc;

	t->queue = accel_queue_get(t->ad);
	if (t->queue < 0)
		return accel_test_fail(t, t->queue, "no free queue");
	t->tail = 0;
	rc = accel_queue_start(t->ad, t->queue, t->ring_addr, ACCEL_TEST_RING_LG2, pasid);
	if (!rc)
		return 0;
	accel_queue_put(t->ad, t->queue);
	return accel_test_fail(t, rc, "queue does not start");
}

static int accel_test_stop(struct accel_test *t, int rc)
{
	if (!accel_queue_stop(t->ad, t->queue))
		accel_queue_put(t->ad, t->queue);
	return rc;
}

static void accel_test_pattern(u8 *p, unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < ACCEL_TEST_BYTES; i++)
		p[i] = i * 7 + seed;
}

/* An interrupt came, or comes soon. Those of descriptors close together may be one. */
static int accel_test_interrupts(struct accel_test *t, u64 before)
{
	struct accel_vector *vector = &t->ad->vectors[t->queue];
	unsigned int ms;

	for (ms = 0; ms < 1000; ms++) {
		if (atomic64_read(&vector->count) != before)
			return 0;
		msleep(1);
	}
	return accel_test_fail(t, -EIO, "no interrupt");
}

/* Copy source to destination. @dst: where the CPU may look already, or NULL. */
static int accel_test_copy(struct accel_test *t, const u8 *src, const u8 *dst)
{
	if (accel_test_submit(t, ACCEL_OP_COPY, t->src, t->dst, 0) != ACCEL_COMP_SUCCESS)
		return accel_test_fail(t, -EIO, "copy");
	if (dst && memcmp(src, dst, ACCEL_TEST_BYTES))
		return accel_test_fail(t, -EIO, "copied bytes differ");
	return 0;
}

/* DMA to an address without mapping: it must fail there, and nowhere else. */
static int accel_test_fault(struct accel_test *t)
{
	struct accel_comp *comp = accel_test_comp(t);

	if (accel_test_submit(t, ACCEL_OP_COPY, t->src, t->dst, 0) != ACCEL_COMP_FAULT)
		return accel_test_fail(t, -EIO, "access after unmap was not refused");
	t->run->iova = comp->fault_addr;
	t->run->fault_code = comp->fault_code;
	if (comp->fault_addr != t->dst)
		return accel_test_fail(t, -EIO, "fault at another address");
	return 0;
}

static int accel_test_coherent(struct accel_test *t)
{
	struct device *dev = &t->ad->pdev->dev;
	dma_addr_t dma;
	u64 before;
	u8 *mem;
	int rc;

	mem = dma_alloc_coherent(dev, 2 * ACCEL_TEST_BYTES, &dma, GFP_KERNEL);
	if (!mem)
		return accel_test_fail(t, -ENOMEM, "dma_alloc_coherent");
	accel_test_pattern(mem, 1);
	t->src = dma;
	t->dst = dma + ACCEL_TEST_BYTES;
	t->run->iova = dma;
	rc = accel_test_start(t, IOMMU_PASID_INVALID);
	if (rc)
		goto free;
	before = atomic64_read(&t->ad->vectors[t->queue].count);
	rc = accel_test_copy(t, mem, mem + ACCEL_TEST_BYTES);
	if (!rc && accel_test_submit(t, ACCEL_OP_FILL, 0, t->dst, ~0ULL) != ACCEL_COMP_SUCCESS)
		rc = accel_test_fail(t, -EIO, "fill");
	if (!rc && memchr_inv(mem + ACCEL_TEST_BYTES, 0xff, ACCEL_TEST_BYTES))
		rc = accel_test_fail(t, -EIO, "filled bytes differ");
	if (!rc)
		rc = accel_test_interrupts(t, before);
	rc = accel_test_stop(t, rc);
free:
	dma_free_coherent(dev, 2 * ACCEL_TEST_BYTES, mem, dma);
	return rc;
}

/* @fault: use the destination after it was unmapped. */
static int accel_test_streaming(struct accel_test *t, bool fault)
{
	struct device *dev = &t->ad->pdev->dev;
	u8 *src = kmalloc(ACCEL_TEST_BYTES, GFP_KERNEL);
	u8 *dst = kzalloc(ACCEL_TEST_BYTES, GFP_KERNEL);
	bool dst_mapped = true;
	int rc = -ENOMEM;

	if (!src || !dst)
		goto free;
	accel_test_pattern(src, 2);
	t->src = dma_map_single(dev, src, ACCEL_TEST_BYTES, DMA_TO_DEVICE);
	t->dst = dma_map_single(dev, dst, ACCEL_TEST_BYTES, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, t->src) || dma_mapping_error(dev, t->dst)) {
		/* Unmapping an address that stands for an error is not allowed. */
		rc = accel_test_fail(t, -ENOMEM, "dma_map_single");
		goto unmap;
	}
	t->run->iova = t->dst;
	rc = accel_test_start(t, IOMMU_PASID_INVALID);
	if (!rc)
		rc = accel_test_copy(t, src, NULL);
	dma_unmap_single(dev, t->dst, ACCEL_TEST_BYTES, DMA_FROM_DEVICE);
	dst_mapped = false;
	if (!rc && memcmp(src, dst, ACCEL_TEST_BYTES))
		rc = accel_test_fail(t, -EIO, "copied bytes differ");
	/* The kernel may collect invalidations for some milliseconds. */
	msleep(fault ? 50 : 0);
	if (!rc && fault)
		rc = accel_test_fault(t);
	if (t->tail)
		rc = accel_test_stop(t, rc);
unmap:
	if (dst_mapped && !dma_mapping_error(dev, t->dst))
		dma_unmap_single(dev, t->dst, ACCEL_TEST_BYTES, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, t->src))
		dma_unmap_single(dev, t->src, ACCEL_TEST_BYTES, DMA_TO_DEVICE);
free:
	kfree(src);
	kfree(dst);
	return rc;
}

/* Attached: page 0 is the ring, 1 the source, 2 the destination. */
static int accel_test_pasid_dma(struct accel_test *t, struct iommu_domain *domain, u8 *mem)
{
	int rc;

	rc = accel_test_start(t, t->run->pasid);
	if (rc)
		return rc;
	rc = accel_test_copy(t, mem + PAGE_SIZE, mem + 2 * PAGE_SIZE);
	if (!rc) {
		if (iommu_unmap(domain, t->dst, PAGE_SIZE) != PAGE_SIZE)
			rc = accel_test_fail(t, -EIO, "iommu_unmap");
		else
			rc = accel_test_fault(t);
	}
	return accel_test_stop(t, rc);
}

static int accel_test_pasid_attach(struct accel_test *t, struct iommu_domain *domain, u8 *mem)
{
	struct device *dev = &t->ad->pdev->dev;
	ioasid_t pasid;
	int rc;

	rc = iommu_map(domain, ACCEL_TEST_IOVA, virt_to_phys(mem), 4 * PAGE_SIZE,
		       IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
	if (rc)
		return accel_test_fail(t, rc, "iommu_map");
	pasid = iommu_alloc_global_pasid(dev);
	if (pasid == IOMMU_PASID_INVALID)
		return accel_test_fail(t, -ENOSPC, "iommu_alloc_global_pasid");
	t->run->pasid = pasid;
	rc = iommu_attach_device_pasid(domain, dev, pasid, NULL);
	if (rc) {
		accel_test_fail(t, rc, "iommu_attach_device_pasid");
	} else {
		rc = accel_test_pasid_dma(t, domain, mem);
		iommu_detach_device_pasid(domain, dev, pasid);
	}
	iommu_free_global_pasid(pasid);
	return rc;
}

static int accel_test_pasid(struct accel_test *t)
{
	struct iommu_domain *domain;
	unsigned long mem;
	int rc;

	domain = iommu_paging_domain_alloc(&t->ad->pdev->dev);
	if (IS_ERR(domain))
		return accel_test_fail(t, PTR_ERR(domain), "iommu_paging_domain_alloc");
	mem = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	if (!mem) {
		iommu_domain_free(domain);
		return accel_test_fail(t, -ENOMEM, "memory");
	}
	t->ring = (void *)mem;
	t->ring_addr = ACCEL_TEST_IOVA;
	t->src = ACCEL_TEST_IOVA + PAGE_SIZE;
	t->dst = ACCEL_TEST_IOVA + 2 * PAGE_SIZE;
	t->run->iova = ACCEL_TEST_IOVA;
	accel_test_pattern((u8 *)mem + PAGE_SIZE, 3);
	rc = accel_test_pasid_attach(t, domain, (u8 *)mem);
	/* Frees the mappings, too; the pages must outlive them. */
	iommu_domain_free(domain);
	free_pages(mem, 2);
	return rc;
}

static int accel_test_sva(struct accel_test *t)
{
	struct iommu_sva *sva = iommu_sva_bind_device(&t->ad->pdev->dev, current->mm);

	if (IS_ERR(sva))
		return accel_test_fail(t, PTR_ERR(sva), "iommu_sva_bind_device");
	t->run->pasid = iommu_sva_get_pasid(sva);
	iommu_sva_unbind_device(sva);
	return 0;
}

/* The tests without PASID have their ring in coherent memory. */
static int accel_test_rid(struct accel_test *t)
{
	struct device *dev = &t->ad->pdev->dev;
	dma_addr_t dma;
	void *ring;
	int rc;

	ring = dma_alloc_coherent(dev, PAGE_SIZE, &dma, GFP_KERNEL);
	if (!ring)
		return accel_test_fail(t, -ENOMEM, "dma_alloc_coherent");
	t->ring = ring;
	t->ring_addr = dma;
	if (t->run->test == ACCEL_SELFTEST_COHERENT)
		rc = accel_test_coherent(t);
	else
		rc = accel_test_streaming(t, t->run->test == ACCEL_SELFTEST_UNMAPPED);
	dma_free_coherent(dev, PAGE_SIZE, ring, dma);
	return rc;
}

void accel_selftest_run(struct accel_device *ad, struct accel_run *run)
{
	struct accel_test t = { .ad = ad, .run = run };
	u32 test = run->test;

	memset(run, 0, sizeof(*run));
	run->test = test;
	switch (test) {
	case ACCEL_SELFTEST_PASID:
		run->result = accel_test_pasid(&t);
		break;
	case ACCEL_SELFTEST_SVA:
		run->result = accel_test_sva(&t);
		break;
	default:
		run->result = accel_test_rid(&t);
	}
}
