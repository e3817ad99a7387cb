// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's own IOMMU driver makes of requests by a module, tried on the commanded endpoint
 * behind a VT-d unit in hardware mode: DMA API, paging domains under a PASID, nesting parents, nested
 * domains on the RID and on PASIDs, page requests, invalidation. Reading the debugfs file
 * "ioasid_hwcheck" runs it; each line says what was tried and what came of it.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <ioasid_hw.h>

#include "hwcheck_compat.h"

#define HWCHECK_PASID	     5
#define HWCHECK_NESTED_PASID 7
#define HWCHECK_IOVA	     0x40000000UL
/* Where the parent shows its pages, and where the nested table shows the data. */
#define HWCHECK_GPA   0x100000000UL
#define HWCHECK_VA    0x7f1234567000UL
#define HWCHECK_PAGES 8
/* First-stage entry: present, writable, user, accessed. */
#define HWCHECK_PTE   0x27UL
#define HWCHECK_DIRTY 0x40UL

/**
 * struct hwcheck - the device under test
 * @pages: 0 to 3 page tables from the root down, 4 and up data
 * @faults: page requests that came to the handler
 * @fill: entry the handler makes present; NULL: it answers "invalid"
 */
struct hwcheck {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct seq_file *out;
	void *pages[HWCHECK_PAGES];
	unsigned int faults;
	u64 fault_addr;
	u32 fault_pasid;
	u64 *fill, fill_value;
};

static bool nesting = true;
module_param(nesting, bool, 0400);
MODULE_PARM_DESC(nesting, "the unit can nest; false: check that this is refused");

static struct hwcheck *hwcheck_first;
static struct dentry *hwcheck_file;

static void hwcheck_say(struct hwcheck *h, bool ok, const char *what, int rc)
{
	seq_printf(h->out, "CHECK %s %s (%d)\n", ok ? "OK" : "FAILED", what, rc);
}

static void hwcheck_note(struct hwcheck *h, const char *what, s64 value)
{
	seq_printf(h->out, "FACT %s: %lld\n", what, value);
}

/* ---- commands ------------------------------------------------------------------------------- */

/* Return: enum iohw_result. @expect: physical address, or IOHW_NOWHERE. */
static u32 hwcheck_dma(struct hwcheck *h, u32 op, u32 pasid, u64 addr, u64 *data, u64 expect)
{
	unsigned int ms;

	if (pasid)
		op |= IOHW_CMD_PASID;
	writel(pasid, h->regs + IOHW_REG_PASID);
	writel(8, h->regs + IOHW_REG_LENGTH);
	writeq(addr, h->regs + IOHW_REG_ADDR);
	writeq(expect, h->regs + IOHW_REG_EXPECT);
	writeq(*data, h->regs + IOHW_REG_DATA);
	writel(op, h->regs + IOHW_REG_COMMAND);
	for (ms = 0; readl(h->regs + IOHW_REG_STATUS) & IOHW_STATUS_BUSY; ms++) {
		if (ms == 15000)
			return IOHW_NONE;
		usleep_range(500, 1000);
	}
	*data = readq(h->regs + IOHW_REG_DATA);
	return readl(h->regs + IOHW_REG_RESULT);
}

static u64 hwcheck_phys(void *mem)
{
	if (!is_vmalloc_addr(mem))
		return virt_to_phys(mem);
	return page_to_phys(vmalloc_to_page(mem)) + offset_in_page(mem);
}

/* Write through the device, read back through it, look at memory. */
static void hwcheck_both_ways(struct hwcheck *h, u32 pasid, u64 addr, u64 *mem, const char *what)
{
	u64 data = 0x1122334455667788ULL + pasid;
	u32 result;

	*mem = 0;
	result = hwcheck_dma(h, IOHW_CMD_WRITE, pasid, addr, &data, hwcheck_phys(mem));
	if (result == IOHW_OK && READ_ONCE(*mem) != data)
		result = IOHW_NONE;
	WRITE_ONCE(*mem, 42);
	if (result == IOHW_OK)
		result = hwcheck_dma(h, IOHW_CMD_READ, pasid, addr, &data, hwcheck_phys(mem));
	if (result == IOHW_OK && data != 42)
		result = IOHW_NONE;
	/* Past the device TLB, if there is one. */
	if (result == IOHW_OK)
		result = hwcheck_dma(h, IOHW_CMD_READ | IOHW_CMD_NO_ATS, pasid, addr, &data,
				     hwcheck_phys(mem));
	hwcheck_say(h, result == IOHW_OK && readl(h->regs + IOHW_REG_MISMATCHES) == 0, what,
		    result == IOHW_BLOCKED ? readl(h->regs + IOHW_REG_REASON) & 0xff :
					     -(int)result);
}

static void hwcheck_blocked(struct hwcheck *h, u32 pasid, u64 addr, const char *what)
{
	u64 data = 0;
	u32 result = hwcheck_dma(h, IOHW_CMD_READ, pasid, addr, &data, IOHW_NOWHERE);

	hwcheck_say(h, result == IOHW_BLOCKED, what,
		    result == IOHW_BLOCKED ? readl(h->regs + IOHW_REG_REASON) & 0xff :
					     -(int)result);
}

/* ---- the DMA API, paging domains ------------------------------------------------------------ */

static void hwcheck_dma_api(struct hwcheck *h)
{
	struct device *dev = &h->pdev->dev;
	dma_addr_t dma;
	u64 *mem = dma_alloc_coherent(dev, PAGE_SIZE, &dma, GFP_KERNEL);

	hwcheck_say(h, mem, "dma_alloc_coherent", 0);
	if (!mem)
		return;
	hwcheck_both_ways(h, 0, dma, mem, "DMA API: write and read");
	dma_free_coherent(dev, PAGE_SIZE, mem, dma);
	hwcheck_blocked(h, 0, 0x123456000ULL, "no mapping without PASID");
	hwcheck_blocked(h, HWCHECK_PASID, HWCHECK_IOVA, "no entry for the PASID");
}

static void hwcheck_paging_mapped(struct hwcheck *h, struct iommu_domain *domain)
{
	u64 *mem = h->pages[4];

	hwcheck_both_ways(h, HWCHECK_PASID, HWCHECK_IOVA, mem, "PASID: write and read");
	hwcheck_both_ways(h, HWCHECK_PASID, HWCHECK_IOVA, mem, "PASID: the same again");
	iommu_unmap(domain, HWCHECK_IOVA, PAGE_SIZE);
	hwcheck_blocked(h, HWCHECK_PASID, HWCHECK_IOVA, "PASID: blocked after unmap");
}

static void hwcheck_paging_pasid(struct hwcheck *h)
{
	struct device *dev = &h->pdev->dev;
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);
	int rc;

	if (IS_ERR(domain)) {
		hwcheck_say(h, false, "iommu_paging_domain_alloc", PTR_ERR(domain));
		return;
	}
	hwcheck_note(h, "paging domain: page sizes", domain->pgsize_bitmap);
	hwcheck_note(h, "paging domain: aperture bits", fls64(domain->geometry.aperture_end));
	rc = iommu_attach_device_pasid(domain, dev, HWCHECK_PASID, NULL);
	hwcheck_say(h, !rc, "iommu_attach_device_pasid(paging)", rc);
	if (rc)
		goto free;
	rc = iommu_map(domain, HWCHECK_IOVA, virt_to_phys(h->pages[4]), PAGE_SIZE,
		       IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
	hwcheck_say(h, !rc, "iommu_map", rc);
	if (!rc)
		hwcheck_paging_mapped(h, domain);
	iommu_detach_device_pasid(domain, dev, HWCHECK_PASID);
	hwcheck_blocked(h, HWCHECK_PASID, HWCHECK_IOVA, "PASID: blocked after detach");
free:
	iommu_domain_free(domain);
}

/* ---- nesting -------------------------------------------------------------------------------- */

static u64 hwcheck_gpa(unsigned int page)
{
	return HWCHECK_GPA + page * PAGE_SIZE;
}

/* The nested table: HWCHECK_VA + n pages -> data page 4 + n, for n = 0. */
static void hwcheck_build(struct hwcheck *h)
{
	u64 *p4 = h->pages[0], *p3 = h->pages[1], *p2 = h->pages[2], *p1 = h->pages[3];
	unsigned int i;

	for (i = 0; i < 4; i++)
		memset(h->pages[i], 0, PAGE_SIZE);
	p4[(HWCHECK_VA >> 39) & 511] = hwcheck_gpa(1) | HWCHECK_PTE;
	p3[(HWCHECK_VA >> 30) & 511] = hwcheck_gpa(2) | HWCHECK_PTE;
	p2[(HWCHECK_VA >> 21) & 511] = hwcheck_gpa(3) | HWCHECK_PTE;
	p1[(HWCHECK_VA >> 12) & 511] = hwcheck_gpa(4) | HWCHECK_PTE;
	wmb(); /* the device walks it from here on */
}

static u64 *hwcheck_pte(struct hwcheck *h, unsigned int n)
{
	return (u64 *)h->pages[3] + ((HWCHECK_VA >> 12) & 511) + n;
}

static struct iommu_domain *hwcheck_parent(struct hwcheck *h)
{
	struct iommu_domain *parent = hwcheck_alloc_parent(&h->pdev->dev);
	unsigned int i;
	int rc = PTR_ERR_OR_ZERO(parent);

	if (!nesting) {
		hwcheck_say(h, rc == -EOPNOTSUPP, "a nesting parent is refused", rc);
		if (!rc)
			iommu_domain_free(parent);
		return NULL;
	}
	hwcheck_say(h, !rc, "allocate a nesting parent", rc);
	if (rc)
		return NULL;
	rc = iommu_map(parent, HWCHECK_GPA, virt_to_phys(h->pages[0]), PAGE_SIZE, IOMMU_READ,
		       GFP_KERNEL);
	hwcheck_note(h, "read-only mapping on a nesting parent", rc);
	if (!rc)
		iommu_unmap(parent, HWCHECK_GPA, PAGE_SIZE);
	for (i = 0, rc = 0; i < HWCHECK_PAGES && !rc; i++)
		rc = iommu_map(parent, hwcheck_gpa(i), virt_to_phys(h->pages[i]), PAGE_SIZE,
			       IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
	hwcheck_say(h, !rc, "map the parent", rc);
	return parent;
}

/* The driver reads its argument from user memory: lend it a page of the caller's. */
static void __user *hwcheck_user(const void *data, size_t len)
{
	unsigned long at =
		vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	if (IS_ERR_VALUE(at))
		return NULL;
	if (!copy_to_user((void __user *)at, data, len))
		return (void __user *)at;
	vm_munmap(at, PAGE_SIZE);
	return NULL;
}

static struct iommu_domain *hwcheck_nested(struct hwcheck *h, struct iommu_domain *parent)
{
	struct iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = hwcheck_gpa(0), .addr_width = 48 };
	struct iommu_user_data data = { .type = IOMMU_HWPT_DATA_VTD_S1, .len = sizeof(s1) };
	struct iommu_domain *nested;
	int rc;

	data.uptr = hwcheck_user(&s1, sizeof(s1));
	if (!data.uptr)
		return NULL;
	nested = hwcheck_alloc_nested(&h->pdev->dev, parent, &data);
	vm_munmap((unsigned long)data.uptr, PAGE_SIZE);
	rc = PTR_ERR_OR_ZERO(nested);
	hwcheck_say(h, !rc, "allocate a nested domain", rc);
	if (rc)
		return NULL;
	hwcheck_note(h, "nested domain: owner is set by the driver", nested->owner != NULL);
	nested->owner = h->pdev->dev.iommu->iommu_dev->ops;
	return nested;
}

static int hwcheck_invalidate(struct iommu_domain *nested, u64 addr, u64 npages)
{
	struct iommu_hwpt_vtd_s1_invalidate inv = { .addr = addr, .npages = npages };
	struct iommu_user_data_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(inv),
		.entry_num = 1,
	};
	int rc;

	array.uptr = hwcheck_user(&inv, sizeof(inv));
	if (!array.uptr)
		return -ENOMEM;
	rc = nested->ops->cache_invalidate_user(nested, &array);
	vm_munmap((unsigned long)array.uptr, PAGE_SIZE);
	return rc;
}

static int hwcheck_fault(struct iopf_group *group)
{
	struct hwcheck *h = hwcheck_first;
	struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;

	h->faults++;
	h->fault_addr = prm->addr;
	h->fault_pasid = prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID ? prm->pasid : 0;
	if (h->fill) {
		WRITE_ONCE(*h->fill, h->fill_value);
		wmb(); /* before the device tries again */
	}
	iopf_group_response(group, h->fill ? IOMMU_PAGE_RESP_SUCCESS : IOMMU_PAGE_RESP_INVALID);
	iopf_free_group(group);
	return 0;
}

/* A page that comes when it is asked for, where page requests can be raised at all. */
static void hwcheck_nested_request(struct hwcheck *h, struct iommu_domain *nested, u32 pasid)
{
	u64 data = 0;
	u32 result;

	h->faults = 0;
	h->fill = hwcheck_pte(h, 1);
	h->fill_value = hwcheck_gpa(6) | HWCHECK_PTE;
	result = hwcheck_dma(h, IOHW_CMD_WRITE | IOHW_CMD_PAGE_REQUEST, pasid,
			     HWCHECK_VA + PAGE_SIZE, &data, virt_to_phys(h->pages[6]));
	hwcheck_note(h, "nested: result of DMA with page request (1 ok, 2 blocked)", result);
	hwcheck_note(h, "nested: page requests sent", readl(h->regs + IOHW_REG_PAGE_REQUESTS));
	hwcheck_note(h, "nested: page requests at the handler", h->faults);
	/* Without ATS a device cannot know that asking would help. */
	if (readl(h->regs + IOHW_REG_FUNCTIONS) & IOHW_FUNC_ATS)
		hwcheck_say(h,
			    h->faults == 1 && h->fault_addr == HWCHECK_VA + PAGE_SIZE &&
				    h->fault_pasid == pasid && result == IOHW_OK,
			    "nested: page request and retry", result);
	else
		hwcheck_say(h, !h->faults && result == IOHW_BLOCKED, "nested: blocked without ATS",
			    result);
	h->fill = NULL;
	WRITE_ONCE(*hwcheck_pte(h, 1), 0);
	hwcheck_invalidate(nested, 0, U64_MAX);
}

/* A nested domain is attached under @pasid (0: RID): everything that can be done with it. */
static void hwcheck_nested_use(struct hwcheck *h, struct iommu_domain *nested, u32 pasid)
{
	u64 *mem = h->pages[4];
	int rc;

	hwcheck_both_ways(h, pasid, HWCHECK_VA, mem, "nested: write and read");
	hwcheck_say(h, readq(h->regs + IOHW_REG_BETWEEN) == hwcheck_gpa(4),
		    "nested: through the parent", 0);
	hwcheck_say(h, READ_ONCE(*hwcheck_pte(h, 0)) & HWCHECK_DIRTY, "nested: dirty bit", 0);
	hwcheck_blocked(h, pasid, HWCHECK_VA + PAGE_SIZE, "nested: entry not present");
	/* Move the page. */
	WRITE_ONCE(*hwcheck_pte(h, 0), hwcheck_gpa(5) | HWCHECK_PTE);
	wmb(); /* before anybody walks */
	rc = hwcheck_invalidate(nested, HWCHECK_VA, 1);
	hwcheck_say(h, !rc, "nested: cache_invalidate_user", rc);
	hwcheck_both_ways(h, pasid, HWCHECK_VA, h->pages[5], "nested: moved page");
	WRITE_ONCE(*hwcheck_pte(h, 0), hwcheck_gpa(4) | HWCHECK_PTE);
	wmb();
	rc = hwcheck_invalidate(nested, 0, U64_MAX);
	hwcheck_say(h, !rc, "nested: invalidate everything", rc);
	hwcheck_both_ways(h, pasid, HWCHECK_VA, mem, "nested: moved back");
	hwcheck_note(h, "functions (1 master, 2 ATS, 4 PRI, 8 PASID, 16 privileged)",
		     readl(h->regs + IOHW_REG_FUNCTIONS));
	hwcheck_nested_request(h, nested, pasid);
}

/* Handles live as long as the attachment. */
static void hwcheck_nested_rid(struct hwcheck *h, struct iommu_domain *nested)
{
	struct iommu_group *group = iommu_group_get(&h->pdev->dev);
	struct iommu_attach_handle handle = { 0 };
	int rc = iommu_attach_group_handle(nested, group, &handle);

	hwcheck_say(h, !rc, "attach the nested domain to the RID", rc);
	if (!rc) {
		hwcheck_nested_use(h, nested, 0);
		iommu_detach_group_handle(nested, group);
	}
	iommu_group_put(group);
}

static void hwcheck_nested_pasid(struct hwcheck *h, struct iommu_domain *nested)
{
	struct iommu_attach_handle handle = { 0 };
	struct device *dev = &h->pdev->dev;
	int rc = iommu_attach_device_pasid(nested, dev, HWCHECK_NESTED_PASID, &handle);

	/* 6.12 has no such operation. */
	hwcheck_say(h, rc == (nested->ops->set_dev_pasid ? 0 : -EOPNOTSUPP),
		    "attach the nested domain to a PASID, or be told that it cannot be", rc);
	if (rc)
		return;
	hwcheck_nested_use(h, nested, HWCHECK_NESTED_PASID);
	iommu_detach_device_pasid(nested, dev, HWCHECK_NESTED_PASID);
	hwcheck_blocked(h, HWCHECK_NESTED_PASID, HWCHECK_VA, "nested: blocked after detach");
}

static void hwcheck_nesting(struct hwcheck *h)
{
	struct iommu_domain *parent, *nested;
	int rc = hwcheck_enable_iopf(&h->pdev->dev);

	hwcheck_say(h, !rc, "page requests are on", rc);
	hwcheck_build(h);
	parent = hwcheck_parent(h);
	if (!parent)
		goto off;
	nested = hwcheck_nested(h, parent);
	if (nested) {
		nested->iopf_handler = hwcheck_fault;
		hwcheck_nested_pasid(h, nested);
		hwcheck_nested_rid(h, nested);
		hwcheck_dma_api(h);
		hwcheck_nested_pasid(h, nested);
		iommu_domain_free(nested);
	}
	iommu_domain_free(parent);
off:
	if (!rc)
		hwcheck_disable_iopf(&h->pdev->dev);
}

/* A page request under a PASID with a paging domain, which the device sends without need. */
static void hwcheck_plain_request(struct hwcheck *h)
{
	struct device *dev = &h->pdev->dev;
	struct iommu_attach_handle handle = { 0 };
	struct iommu_domain *domain;
	unsigned int ms;
	u32 response;
	int rc = hwcheck_enable_iopf(dev);

	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain))
		goto off;
	domain->iopf_handler = hwcheck_fault;
	rc = iommu_attach_device_pasid(domain, dev, HWCHECK_PASID, &handle);
	hwcheck_say(h, !rc, "attach a paging domain with a fault handler to a PASID", rc);
	if (rc)
		goto free;
	h->faults = 0;
	writeq(HWCHECK_IOVA, h->regs + IOHW_REG_PRQ_ADDR);
	writel(HWCHECK_PASID, h->regs + IOHW_REG_PRQ_PASID);
	writel(3 | IOHW_PRQ_WRITE | IOHW_PRQ_LAST | IOHW_PRQ_PASID, h->regs + IOHW_REG_PRQ_SEND);
	hwcheck_say(h, readl(h->regs + IOHW_REG_PRQ_STATUS) == IOHW_PRQ_SENT, "page request sent",
		    readl(h->regs + IOHW_REG_PRQ_STATUS));
	for (ms = 0; !(response = readl(h->regs + IOHW_REG_RESPONSE)) && ms < 3000; ms++)
		msleep(1);
	writel(1, h->regs + IOHW_REG_RESPONSE_POP);
	hwcheck_say(h, h->faults == 1 && response == (IOHW_RESPONSE_VALID | 1 << 12 | 3),
		    "page request at the handler, answer at the device", h->faults);
	iommu_detach_device_pasid(domain, dev, HWCHECK_PASID);
free:
	iommu_domain_free(domain);
off:
	if (!rc)
		hwcheck_disable_iopf(dev);
}

/* ---- frame ---------------------------------------------------------------------------------- */

static int hwcheck_show(struct seq_file *out, void *unused)
{
	struct hwcheck *h = hwcheck_first;
	int rc;

	if (!h)
		return -ENODEV;
	h->out = out;
	hwcheck_note(h, "max_pasids", h->pdev->dev.iommu->max_pasids);
	hwcheck_note(h, "functions (1 master, 2 ATS, 4 PRI, 8 PASID, 16 privileged)",
		     readl(h->regs + IOHW_REG_FUNCTIONS));
	hwcheck_dma_api(h);
	hwcheck_paging_pasid(h);
	hwcheck_plain_request(h);
	hwcheck_nesting(h);
	rc = pci_reset_function(h->pdev);
	hwcheck_say(h, !rc, "pci_reset_function", rc);
	hwcheck_dma_api(h);
	seq_puts(out, "CHECK END\n");
	return 0;
}

static int hwcheck_open(struct inode *inode, struct file *file)
{
	/* Room for all of it: a buffer that is too small would have everything run again. */
	return single_open_size(file, hwcheck_show, NULL, 1 << 16);
}

static const struct file_operations hwcheck_fops = {
	.owner = THIS_MODULE,
	.open = hwcheck_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int hwcheck_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct hwcheck *h;
	unsigned int i;
	int rc;

	if (hwcheck_first)
		return -EBUSY;
	h = devm_kzalloc(&pdev->dev, sizeof(*h), GFP_KERNEL);
	rc = pcim_enable_device(pdev);
	if (!h || rc)
		return rc ?: -ENOMEM;
	h->pdev = pdev;
	h->regs = pcim_iomap(pdev, IOHW_BAR_REGS, IOHW_BAR_SIZE);
	for (i = 0; i < HWCHECK_PAGES; i++) {
		h->pages[i] = (void *)devm_get_free_pages(&pdev->dev, GFP_KERNEL | __GFP_ZERO, 0);
		if (!h->pages[i])
			return -ENOMEM;
	}
	rc = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (!h->regs || rc || readl(h->regs + IOHW_REG_ID) != IOHW_ID_VALUE)
		return rc ?: -ENODEV;
	pci_set_master(pdev);
	hwcheck_first = h;
	return 0;
}

static void hwcheck_remove(struct pci_dev *pdev)
{
	hwcheck_first = NULL;
}

static const struct pci_device_id hwcheck_ids[] = { { PCI_DEVICE(IOHW_PCI_VENDOR,
								 IOHW_PCI_DEVICE) },
						    {} };
MODULE_DEVICE_TABLE(pci, hwcheck_ids);

static struct pci_driver hwcheck_driver = {
	.name = "ioasid-hwcheck",
	.id_table = hwcheck_ids,
	.probe = hwcheck_probe,
	.remove = hwcheck_remove,
};

static int __init hwcheck_init(void)
{
	int rc = pci_register_driver(&hwcheck_driver);

	if (!rc)
		hwcheck_file =
			debugfs_create_file("ioasid_hwcheck", 0400, NULL, NULL, &hwcheck_fops);
	return rc;
}

static void __exit hwcheck_exit(void)
{
	debugfs_remove(hwcheck_file);
	pci_unregister_driver(&hwcheck_driver);
}

module_init(hwcheck_init);
module_exit(hwcheck_exit);
MODULE_DESCRIPTION("Checks of the IOMMU driver with the commanded endpoint");
MODULE_LICENSE("GPL");
