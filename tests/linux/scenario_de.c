// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Scenarios D (plain DMA) and E (a vIOMMU without PASID, nested in software) on PCI functions behind
 * the machine's IOMMU: an edu and an NVMe controller do the DMA.
 *
 *   scenario_de EDU NVME EDU: function names, the last one stays in the guest's physical addresses
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "edu.h"
#include "nvme.h"

static const char *edu_name, *nvme_name, *other_name;

#define RAM_PAGES 64UL
/* Where the driver's and the test's memory lie in the guest's, in pages. */
enum { AT_NVME = 0, AT_A = 16, AT_B = 20, AT_DATA = 32 };
#define GPA(page) ((uint64_t)(page)*PAGE)
#define GIOVA	  0x7000000ULL
#define GIOVA_TOP 0x8000000ULL

static struct {
	struct ioasid *ctx;
	struct edu edu, other;
	struct nvme nvme;
	uint8_t *ram;
	uint32_t gpa, child;
} t;

static uint8_t *ram(unsigned long page)
{
	return t.ram + page * PAGE;
}

static void teardown(void);

/* After a case that failed half way, it takes away what that left. */
static bool setup(void)
{
	if (t.ctx)
		teardown();
	t.ram = pages(RAM_PAGES);
	t.nvme.mem = ram(AT_NVME);
	t.nvme.iova = GPA(AT_NVME);
	return is(ioasid_open(CTX_PATH, &t.ctx), 0) &&
	       is(edu_open(&t.edu, t.ctx, edu_name, 1), 0) &&
	       is(nvme_open(&t.nvme, t.ctx, nvme_name, 2), 0) &&
	       is(edu_open(&t.other, t.ctx, other_name, 3), 0);
}

static void teardown(void)
{
	edu_close(&t.edu);
	edu_close(&t.other);
	nvme_close(&t.nvme);
	ioasid_close(t.ctx);
	munmap(t.ram, RAM_PAGES * PAGE);
	memset(&t, 0, sizeof(t));
}

static uint64_t pinned(void)
{
	struct ioasid_info info = { 0 };

	return ioasid_get_info(t.ctx, NULL, 0, &info) ? ~0ULL : info.pinned_bytes;
}

/* The guest's RAM at 0, all functions in it. */
static bool guest_ram(void)
{
	return is(ioasid_alloc_kernel(t.ctx, &t.gpa), 0) &&
	       is(ioasid_map(t.ctx, t.gpa, 0, (uintptr_t)t.ram, RAM_PAGES * PAGE, RW), 0) &&
	       is(ioasid_dev_attach(t.edu.pci.dev, t.gpa, 0), 0) &&
	       is(ioasid_dev_attach(t.nvme.pci.dev, t.gpa, 0), 0) &&
	       is(ioasid_dev_attach(t.other.pci.dev, t.gpa, 0), 0);
}

/* ---- D ---------------------------------------------------------------------------------------------------- */

static void scenario_d_plain_dma(void)
{
	if (!setup() || !is(ioasid_alloc_kernel(t.ctx, &t.gpa), 0))
		return;
	/* As DPDK does it: the program's own addresses, kept low for the edu. */
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_A), (uintptr_t)ram(AT_A), PAGE, RW), 0);
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_B), (uintptr_t)ram(AT_B), PAGE, RW), 0);
	is(pinned(), 2 * PAGE);
	is(ioasid_dev_attach(t.edu.pci.dev, t.gpa, 0), 0);
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	is(ioasid_unmap(t.ctx, t.gpa, GPA(AT_B), PAGE, NULL), 0);
	yes(edu_is_blocked(&t.edu, GPA(AT_B), ram(AT_B), true));
	is(pinned(), PAGE);
	/* The rest is as it was. */
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_DATA), (uintptr_t)ram(AT_DATA), PAGE, RW), 0);
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_DATA), ram(AT_DATA)));
	teardown();
}

static void scenario_d_nvme(void)
{
	if (!setup() || !is(ioasid_alloc_kernel(t.ctx, &t.gpa), 0))
		return;
	is(ioasid_map(t.ctx, t.gpa, 0, (uintptr_t)t.ram, RAM_PAGES * PAGE, RW), 0);
	is(ioasid_dev_attach(t.nvme.pci.dev, t.gpa, 0), 0);
	is(nvme_start(&t.nvme), 0);
	is(nvme_identify(&t.nvme), 0);
	is(nvme_make_queues(&t.nvme), 0);
	is(nvme_read(&t.nvme, 17, 64, GPA(AT_DATA)), 0);
	yes(nvme_is_disk(ram(AT_DATA), 17, 64));
	teardown();
}

/* ---- E ---------------------------------------------------------------------------------------------------- */

static void scenario_e_giova_on_gpa(void)
{
	if (!setup() || !guest_ram())
		return;
	is(pinned(), RAM_PAGES * PAGE);
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	/* The guest's IOMMU driver maps for one device; another stays where it was. */
	is(ioasid_alloc_child(t.ctx, t.gpa, &t.child), 0);
	is(ioasid_map(t.ctx, t.child, GIOVA, GPA(AT_A), PAGE, RW), 0);
	is(ioasid_map(t.ctx, t.child, GIOVA + PAGE, GPA(AT_DATA), PAGE, RW), 0);
	is(ioasid_dev_attach(t.edu.pci.dev, t.child, 0), 0);
	yes(edu_copies(&t.edu, GIOVA, ram(AT_A), GIOVA + PAGE, ram(AT_DATA)));
	yes(edu_is_blocked(&t.edu, GPA(AT_B), ram(AT_B), true));
	yes(edu_copies(&t.other, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	is(pinned(), RAM_PAGES * PAGE);
	/* The guest changes its mind. */
	is(ioasid_unmap(t.ctx, t.child, GIOVA + PAGE, PAGE, NULL), 0);
	yes(edu_is_blocked(&t.edu, GIOVA + PAGE, ram(AT_DATA), true));
	is(ioasid_map(t.ctx, t.child, GIOVA + PAGE, GPA(AT_B), PAGE, RW), 0);
	yes(edu_copies(&t.edu, GIOVA, ram(AT_A), GIOVA + PAGE, ram(AT_B)));
	is(pinned(), RAM_PAGES * PAGE);
	/* Back to physical addresses, as a guest does that switches its IOMMU off. */
	is(ioasid_dev_detach(t.edu.pci.dev, t.child), 0);
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	is(ioasid_ioas_free(t.ctx, t.child), 0);
	teardown();
}

static void scenario_e_permissions_and_holes(void)
{
	if (!setup() || !is(ioasid_alloc_kernel(t.ctx, &t.gpa), 0) ||
	    !is(ioasid_alloc_child(t.ctx, t.gpa, &t.child), 0))
		return;
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_A), (uintptr_t)ram(AT_A), PAGE, RW), 0);
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_B), (uintptr_t)ram(AT_B), PAGE, IOASID_MAP_READ), 0);
	is(ioasid_map(t.ctx, t.child, GIOVA, GPA(AT_A), 8 * PAGE, RW), 0);
	is(ioasid_dev_attach(t.edu.pci.dev, t.child, 0), 0);
	/* Read-only in the parent is read-only in the child. */
	memset(ram(AT_B), 0x3c, PAGE);
	is(edu_dma(&t.edu, GIOVA + GPA(AT_B - AT_A), EDU_MAX, true), 0);
	is(edu_dma(&t.edu, GIOVA, EDU_MAX, false), 0);
	is(memcmp(ram(AT_A), ram(AT_B), EDU_MAX), 0);
	/* An emulated IOMMU that has the translation cached says nothing. */
	yes(edu_is_blocked(&t.edu, GIOVA + GPA(AT_B - AT_A), ram(AT_B), false));
	/* A hole in the parent is one in the child, until the parent has a page there. */
	yes(edu_is_blocked(&t.edu, GIOVA + PAGE, ram(AT_A + 1), true));
	is(ioasid_map(t.ctx, t.gpa, GPA(AT_A + 1), (uintptr_t)ram(AT_A + 1), PAGE, RW), 0);
	yes(edu_copies(&t.edu, GIOVA, ram(AT_A), GIOVA + PAGE, ram(AT_A + 1)));
	is(ioasid_unmap(t.ctx, t.gpa, GPA(AT_A + 1), PAGE, NULL), 0);
	yes(edu_is_blocked(&t.edu, GIOVA + PAGE, ram(AT_A + 1), true));
	is(pinned(), 2 * PAGE);
	teardown();
}

static void scenario_e_nvme_through_giova(void)
{
	unsigned int i;

	if (!setup() || !guest_ram())
		return;
	is(ioasid_alloc_child(t.ctx, t.gpa, &t.child), 0);
	is(ioasid_map(t.ctx, t.child, GIOVA, GPA(AT_NVME), NVME_MEM_PAGES * PAGE, RW), 0);
	/* The guest's buffer, scattered. */
	for (i = 0; i < 8; i++)
		is(ioasid_map(t.ctx, t.child, GIOVA_TOP + i * PAGE, GPA(AT_DATA + 2 * (7 - i)),
			      PAGE, RW),
		   0);
	is(ioasid_dev_attach(t.nvme.pci.dev, t.child, 0), 0);
	t.nvme.iova = GIOVA;
	is(nvme_start(&t.nvme), 0);
	is(nvme_make_queues(&t.nvme), 0);
	is(nvme_read(&t.nvme, 200, 64, GIOVA_TOP), 0);
	for (i = 0; i < 8; i++)
		yes(nvme_is_disk(ram(AT_DATA + 2 * (7 - i)), 200 + 8 * i, 8));
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	is(pinned(), RAM_PAGES * PAGE);
	teardown();
}

/* One root accounts for what two spaces map, so that memory that is mapped twice is charged once. */
static void scenario_e_accounting_root(void)
{
	struct ioasid_alloc a = {
		.kind = IOASID_KIND_ACCOUNTING,
		.parent = IOASID_INVALID,
	};
	uint64_t hva;
	uint32_t root;

	if (!setup() || !is(ioasid_ioas_alloc(t.ctx, &a, &root), 0))
		return;
	hva = (uintptr_t)t.ram;
	a = (struct ioasid_alloc){ .kind = IOASID_KIND_KERNEL, .parent = root };
	is(ioasid_ioas_alloc(t.ctx, &a, &t.gpa), 0);
	is(ioasid_ioas_alloc(t.ctx, &a, &t.child), 0);
	is(ioasid_map(t.ctx, t.gpa, 0, hva, PAGE, RW), -ENOENT);
	is(ioasid_map(t.ctx, root, hva, hva, RAM_PAGES * PAGE, RW), 0);
	is(pinned(), RAM_PAGES * PAGE);
	is(ioasid_map(t.ctx, t.gpa, 0, hva, RAM_PAGES * PAGE, RW), 0);
	is(ioasid_map(t.ctx, t.child, GIOVA, hva, RAM_PAGES * PAGE, RW), 0);
	is(pinned(), RAM_PAGES * PAGE);
	is(ioasid_dev_attach(t.edu.pci.dev, t.gpa, 0), 0);
	is(ioasid_dev_attach(t.other.pci.dev, t.child, 0), 0);
	yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	yes(edu_copies(&t.other, GIOVA + GPA(AT_A), ram(AT_A), GIOVA + GPA(AT_B), ram(AT_B)));
	is(ioasid_unmap(t.ctx, root, hva, RAM_PAGES * PAGE, NULL), -EBUSY);
	is(ioasid_unmap_all(t.ctx, t.gpa, NULL), 0);
	is(ioasid_unmap_all(t.ctx, t.child, NULL), 0);
	yes(edu_is_blocked(&t.edu, GPA(AT_B), ram(AT_B), true));
	is(ioasid_unmap_all(t.ctx, root, NULL), 0);
	is(pinned(), 0);
	teardown();
}

/* A guest table needs an IOMMU that walks it; here there is none, which is said and changes nothing. */
static void scenario_e_hardware_nesting_is_refused(void)
{
	struct ioasid_table table = {
		.format = IOASID_FORMAT_VTD_FS,
		.levels = 4,
		.address = GPA(AT_DATA),
	};
	struct ioasid_device_info info = { 0 };
	uint32_t user = 0;
	int rc;

	if (!setup() || !guest_ram())
		return;
	is(ioasid_dev_get_info(t.edu.pci.dev, &info), 0);
	if (info.caps & IOASID_DEV_NESTING) {
		skip("this IOMMU nests in hardware");
	} else {
		rc = ioasid_alloc_user_table(t.ctx, t.gpa, &table, &user);
		if (!rc) {
			is(ioasid_dev_attach(t.edu.pci.dev, user, 0), -EOPNOTSUPP);
			is(ioasid_dev_get_info(t.edu.pci.dev, &info), 0);
			is(info.last_refusal, IOASID_REFUSAL_NO_NESTING);
		} else {
			is(rc, -EOPNOTSUPP);
		}
		yes(edu_copies(&t.edu, GPA(AT_A), ram(AT_A), GPA(AT_B), ram(AT_B)));
	}
	teardown();
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	edu_name = argv[1];
	nvme_name = argv[2];
	other_name = argv[3];
	CASE(scenario_d_plain_dma);
	CASE(scenario_d_nvme);
	CASE(scenario_e_giova_on_gpa);
	CASE(scenario_e_permissions_and_holes);
	CASE(scenario_e_nvme_through_giova);
	CASE(scenario_e_accounting_root);
	CASE(scenario_e_hardware_nesting_is_refused);
	return test_done();
}
