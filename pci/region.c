// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs: read, write, map.
 *
 * An access takes func->access for reading, so it never meets a function in reset, and touches user
 * memory only outside of it.
 */
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "pci.h"

#define REGION_PAGES_SHIFT (REGION_SHIFT - PAGE_SHIFT)

static u64 region_size(const struct ipci_func *func, unsigned int index)
{
	if (index < PCI_STD_NUM_BARS)
		return pci_resource_len(func->pdev, index);
	return index == IOASID_PCI_REGION_CONFIG ? func->config.size : 0;
}

/* Memory that fills whole pages: nothing else is on them. */
static bool region_maps(const struct ipci_func *func, unsigned int index)
{
	return index < PCI_STD_NUM_BARS && pci_resource_len(func->pdev, index) &&
	       pci_resource_flags(func->pdev, index) & IORESOURCE_MEM &&
	       PAGE_ALIGNED(pci_resource_start(func->pdev, index) |
			    pci_resource_len(func->pdev, index));
}

static bool is_msix_table(const struct ipci_func *func, unsigned int index, u64 start, u64 length)
{
	return func->msix_length && index == func->msix_bar &&
	       start < func->msix_start + func->msix_length && start + length > func->msix_start;
}

int ipci_region_info(struct ioasid_kdev *kdev, struct ioasid_dev_region *region)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);

	if (region->index >= IOASID_PCI_NR_REGIONS)
		return -EINVAL;
	region->offset = (u64)region->index << REGION_SHIFT;
	region->size = region_size(func, region->index);
	region->region_flags = region->size ? IOASID_REGION_READ | IOASID_REGION_WRITE : 0;
	if (region_maps(func, region->index))
		region->region_flags |= IOASID_REGION_MMAP;
	return 0;
}

/* ---- read, write ------------------------------------------------------------------------------------ */

/* The kernel's mapping of a BAR, made when it is first needed: some are large. */
static void __iomem *bar_map(struct ipci_func *func, unsigned int bar)
{
	void __iomem *base;

	mutex_lock(&func->config_lock);
	if (!func->bars[bar])
		func->bars[bar] = pci_iomap(func->pdev, bar, 0);
	base = func->bars[bar];
	mutex_unlock(&func->config_lock);
	return base;
}

void ipci_regions_unmap(struct ipci_func *func)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (func->bars[bar])
			pci_iounmap(func->pdev, func->bars[bar]);
		func->bars[bar] = NULL;
	}
}

static u64 bar_read(void __iomem *reg, unsigned int size)
{
	switch (size) {
	case 1:
		return ioread8(reg);
	case 2:
		return ioread16(reg);
	case 4:
		return ioread32(reg);
	default:
		return readq(reg);
	}
}

static void bar_write(void __iomem *reg, unsigned int size, u64 value)
{
	switch (size) {
	case 1:
		iowrite8(value, reg);
		break;
	case 2:
		iowrite16(value, reg);
		break;
	case 4:
		iowrite32(value, reg);
		break;
	default:
		writeq(value, reg);
	}
}

/**
 * struct piece - one access
 * @func, @index, @offset: where
 * @size: 1, 2, 4 or 8 bytes
 * @write: which way
 * @value: what, little endian
 */
struct piece {
	struct ipci_func *func;
	unsigned int index;
	u64 offset;
	unsigned int size;
	bool write;
	__le64 value;
};

static int access_config(struct piece *p)
{
	u32 value = le64_to_cpu(p->value);
	int rc;

	if (p->write)
		return ipci_config_write(p->func, p->offset, p->size, value);
	rc = ipci_config_read(p->func, p->offset, p->size, &value);
	p->value = cpu_to_le64(value);
	return rc;
}

static int access_bar(struct piece *p)
{
	void __iomem *base;

	if (is_msix_table(p->func, p->index, p->offset, p->size)) {
		p->value = 0;
		return 0;
	}
	base = bar_map(p->func, p->index);
	if (!base)
		return -ENOMEM;
	if (p->write)
		bar_write(base + p->offset, p->size, le64_to_cpu(p->value));
	else
		p->value = cpu_to_le64(bar_read(base + p->offset, p->size));
	return 0;
}

static int access_piece(struct piece *p)
{
	struct ipci_func *func = p->func;
	int rc = -ENODEV;

	down_read(&func->access);
	if (func->enabled)
		rc = p->index == IOASID_PCI_REGION_CONFIG ? access_config(p) : access_bar(p);
	up_read(&func->access);
	return rc;
}

/* The largest piece that is aligned, and that the region takes. */
static unsigned int piece_size(const struct ipci_func *func, unsigned int index, u64 offset,
			       size_t count)
{
	unsigned int size = 4;

	if (index < PCI_STD_NUM_BARS && pci_resource_flags(func->pdev, index) & IORESOURCE_MEM)
		size = 8;
	while (size > count || offset & (size - 1))
		size >>= 1;
	return size;
}

static int transfer_piece(struct piece *p, void *buf)
{
	int rc;

	p->value = 0;
	if (p->write)
		memcpy(&p->value, buf, p->size);
	rc = access_piece(p);
	if (!rc && !p->write)
		memcpy(buf, &p->value, p->size);
	return rc;
}

static ssize_t transfer(struct ipci_func *func, void *buf, size_t count, u64 pos, bool write)
{
	struct piece p = {
		.func = func,
		.index = min_t(u64, pos >> REGION_SHIFT, IOASID_PCI_NR_REGIONS),
		.offset = pos & REGION_MASK,
		.write = write,
	};
	size_t done = 0;
	u64 size;
	int rc;

	if (p.index >= IOASID_PCI_NR_REGIONS)
		return -EINVAL;
	size = region_size(func, p.index);
	if (p.offset >= size)
		return write && count ? -EINVAL : 0;
	count = min((u64)count, size - p.offset);
	while (done < count) {
		p.size = piece_size(func, p.index, p.offset, count - done);
		rc = transfer_piece(&p, buf + done);
		if (rc)
			return done ? done : rc;
		done += p.size;
		p.offset += p.size;
		cond_resched();
	}
	return done;
}

ssize_t ipci_region_read(struct ioasid_kdev *kdev, void *buf, size_t count, u64 pos)
{
	return transfer(ioasid_kdev_priv(kdev), buf, count, pos, false);
}

ssize_t ipci_region_write(struct ioasid_kdev *kdev, const void *buf, size_t count, u64 pos)
{
	return transfer(ioasid_kdev_priv(kdev), (void *)buf, count, pos, true);
}

/* ---- mmap --------------------------------------------------------------------------------------------- */

/*
 * The mapping may outlive the binding and even the function. The node lives as long as the mapping,
 * and says whether the function may be looked at.
 */
static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ioasid_kdev *kdev = vma->vm_private_data;
	unsigned int index = vmf->pgoff >> REGION_PAGES_SHIFT;
	unsigned long page = vmf->pgoff & (BIT(REGION_PAGES_SHIFT) - 1);
	vm_fault_t rc = VM_FAULT_SIGBUS;
	struct ipci_func *func;
	int idx;

	if (!ioasid_kdev_io_begin(kdev, vma->vm_file, &idx))
		return VM_FAULT_SIGBUS;
	func = ioasid_kdev_priv(kdev);
	down_read(&func->access);
	if (func->enabled)
		rc = vmf_insert_pfn(vma, vmf->address,
				    PHYS_PFN(pci_resource_start(func->pdev, index)) + page);
	up_read(&func->access);
	ioasid_kdev_io_end(kdev, idx);
	return rc;
}

static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
};

int ipci_region_mmap(struct ioasid_kdev *kdev, struct vm_area_struct *vma)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);
	unsigned long index = vma->vm_pgoff >> REGION_PAGES_SHIFT;
	u64 start = (u64)(vma->vm_pgoff & (BIT(REGION_PAGES_SHIFT) - 1)) << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;

	if (index >= PCI_STD_NUM_BARS || !region_maps(func, index) || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (length > region_size(func, index) || start > region_size(func, index) - length)
		return -EINVAL;
	if (func->msix_length && index == func->msix_bar &&
	    start < PAGE_ALIGN(func->msix_start + func->msix_length) &&
	    start + length > ALIGN_DOWN(func->msix_start, PAGE_SIZE))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_private_data = kdev;
	vma->vm_ops = &region_vm_ops;
	return 0;
}
