// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-pci.ko under a user-space NVMe driver.
 *
 *   test_nvme --disk FILE   make the disk image, on the host
 *   test_nvme NVME          function name
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "nvme.h"

#define IOVA_MEM  0x10000000ULL
#define IOVA_DATA 0x20000000ULL
#define DATA	  32 /* pages */

static const char *name;

static struct {
	struct ioasid *ctx;
	uint32_t ioas;
	struct nvme nvme;
	uint8_t *data;
} t;

static void teardown(void);

/* After a case that failed half way, it takes away what that left. */
static bool setup(void)
{
	if (t.ctx)
		teardown();
	t.nvme.mem = pages(NVME_MEM_PAGES);
	t.nvme.iova = IOVA_MEM;
	t.data = pages(DATA);
	return is(ioasid_open(CTX_PATH, &t.ctx), 0) && is(nvme_open(&t.nvme, t.ctx, name, 1), 0) &&
	       is(ioasid_alloc_kernel(t.ctx, &t.ioas), 0) &&
	       is(ioasid_map(t.ctx, t.ioas, IOVA_MEM, (uintptr_t)t.nvme.mem, NVME_MEM_PAGES * PAGE,
			     RW),
		  0) &&
	       is(ioasid_dev_attach(t.nvme.pci.dev, t.ioas, 0), 0);
}

static void teardown(void)
{
	nvme_close(&t.nvme);
	ioasid_close(t.ctx);
	munmap(t.nvme.mem, NVME_MEM_PAGES * PAGE);
	munmap(t.data, DATA * PAGE);
	memset(&t, 0, sizeof(t));
}

static bool map_data(void)
{
	return is(ioasid_map(t.ctx, t.ioas, IOVA_DATA, (uintptr_t)t.data, DATA * PAGE, RW), 0);
}

static bool bring_up(void)
{
	return is(nvme_start(&t.nvme), 0) && is(nvme_make_queues(&t.nvme), 0);
}

/* ---- cases ------------------------------------------------------------------------------------------------ */

static void controller_is_identified(void)
{
	uint8_t *page;

	if (!setup())
		return;
	page = t.nvme.mem + NVME_IDENTIFY * PAGE;
	is(nvme_start(&t.nvme), 0);
	is(nvme_identify(&t.nvme), 0);
	is(memcmp(page + 4, NVME_SERIAL, strlen(NVME_SERIAL)), 0);
	is(page[0] | page[1] << 8, cfg_read(&t.nvme.pci, 0, 2));
	teardown();
}

static void disk_is_read(void)
{
	if (!setup() || !map_data() || !bring_up())
		return;
	is(nvme_read(&t.nvme, 0, 1, IOVA_DATA), 0);
	yes(nvme_is_disk(t.data, 0, 1));
	/* Two pages, then a list of many, from the middle of a page on. */
	is(nvme_read(&t.nvme, 100, 16, IOVA_DATA), 0);
	yes(nvme_is_disk(t.data, 100, 16));
	is(nvme_read(&t.nvme, 1000, 100, IOVA_DATA + 512), 0);
	yes(nvme_is_disk(t.data + 512, 1000, 100));
	is(nvme_read(&t.nvme, NVME_DISK_BLOCKS - 1, 1, IOVA_DATA), 0);
	yes(nvme_is_disk(t.data, NVME_DISK_BLOCKS - 1, 1));
	teardown();
}

/* Neighbours for the device are strangers in memory. */
static void scattered_memory_is_read_into(void)
{
	unsigned int i;

	if (!setup())
		return;
	for (i = 0; i < 16; i++)
		is(ioasid_map(t.ctx, t.ioas, IOVA_DATA + i * PAGE,
			      (uintptr_t)t.data + (15 - i) * 2 * PAGE, PAGE, RW),
		   0);
	if (!bring_up())
		return;
	is(nvme_read(&t.nvme, 40, 128, IOVA_DATA), 0);
	for (i = 0; i < 16; i++)
		yes(nvme_is_disk(t.data + (15 - i) * 2 * PAGE, 40 + 8 * i, 8));
	teardown();
}

static void interrupts_by_msix(void)
{
	struct ioasid_pci_info info = { .argsz = sizeof(info) };
	int fds[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };

	if (!setup() || !map_data())
		return;
	is(ioasid_dev_command(t.nvme.pci.dev, IOASID_PCI_GET_INFO, &info), 0);
	yes(info.nr_irqs[IOASID_PCI_IRQ_MSIX] >= 2);
	is(pci_irq(&t.nvme.pci, IOASID_PCI_IRQ_MSIX, fds, 2), 0);
	t.nvme.events[0] = fds[0];
	t.nvme.events[1] = fds[1];
	if (!bring_up())
		return;
	is(nvme_read(&t.nvme, 3, 1, IOVA_DATA), 0);
	yes(nvme_is_disk(t.data, 3, 1));
	is(event_wait(fds[0], 0) + event_wait(fds[1], 0), 0);
	close(fds[0]);
	close(fds[1]);
	teardown();
}

static void msix_table_is_the_hosts(void)
{
	struct ioasid_dev_region region;
	uint64_t offset, value = ~0ULL;
	unsigned int cap, i;
	int fds[2] = { -1, -1 };

	if (!setup())
		return;
	is(pci_irq(&t.nvme.pci, IOASID_PCI_IRQ_MSIX, fds, 2), 0);
	cap = cfg_find_cap(&t.nvme.pci, 0x11);
	if (!yes(cap))
		return;
	offset = cfg_read(&t.nvme.pci, cap + 4, 4);
	is(offset & 7, 0);
	is(pci_region(&t.nvme.pci, 0, &region), 0);
	yes(!pci_map(&t.nvme.pci, 0, offset & ~(PAGE - 1), PAGE));
	yes(!pci_map(&t.nvme.pci, 0, 0, region.size));
	for (i = 0; i < 4; i++) {
		is(pci_poke(&t.nvme.pci, 0, offset + 8 * i, &value, 8), 8);
		is(pci_peek(&t.nvme.pci, 0, offset + 8 * i, &value, 8), 8);
		is(value, 0);
		value = ~0ULL;
	}
	/* Extended capabilities: a list of those that are the user's to know. */
	is(cfg_write(&t.nvme.pci, cap + 2, 2, 0xffff), 0);
	is(cfg_read(&t.nvme.pci, cap + 2, 2) & 0xc000, 0xc000);
	is(cfg_real(name, cap + 2, 2) & 0xc000, 0x8000);
	is(pci_irq(&t.nvme.pci, 0, NULL, 0), 0);
	is(cfg_real(name, cap + 2, 2) & 0xc000, 0);
	teardown();
}

static void unmapped_buffer_is_not_written(void)
{
	unsigned int before, tries;

	if (!setup() || !map_data() || !bring_up())
		return;
	is(nvme_read(&t.nvme, 5, 1, IOVA_DATA), 0);
	is(ioasid_unmap(t.ctx, t.ioas, IOVA_DATA, DATA * PAGE, NULL), 0);
	before = dmar_faults(name);
	/* The kernel reports a few in five seconds only. What the controller says is its affair. */
	for (tries = 0; tries < 8 && (!tries || (have_vtd() && dmar_faults(name) == before));
	     tries++) {
		if (tries)
			sleep(1);
		(void)nvme_read(&t.nvme, 6, 1, IOVA_DATA);
		yes(nvme_is_disk(t.data, 5, 1));
	}
	if (have_vtd())
		yes(dmar_faults(name) > before);
	teardown();
}

static void reset_stops_the_controller(void)
{
	struct ioasid_pci_info info = { .argsz = sizeof(info) };
	int error = eventfd(0, EFD_CLOEXEC);

	if (!setup() || !map_data() || !bring_up())
		return;
	is(ioasid_dev_command(t.nvme.pci.dev, IOASID_PCI_GET_INFO, &info), 0);
	is(info.info_flags, IOASID_PCI_INFO_RESET);
	is(ioasid_dev_set_eventfd(t.nvme.pci.dev, IOASID_DEV_EVENT_ERROR, error), 0);
	is(nvme_reg(&t.nvme, 0x14) & 1, 1);
	is(ioasid_dev_reset(t.nvme.pci.dev), 0);
	is(nvme_reg(&t.nvme, 0x14) & 1, 0);
	is(nvme_reg(&t.nvme, 0x1c) & 1, 0);
	is(cfg_read(&t.nvme.pci, 4, 2), 0);
	/* Its own reset is no error. */
	is(event_wait(error, 0), 0);
	is(pci_bus_master(&t.nvme.pci, true), 0);
	if (bring_up()) {
		is(nvme_read(&t.nvme, 9, 8, IOVA_DATA), 0);
		yes(nvme_is_disk(t.data, 9, 8));
	}
	close(error);
	teardown();
}

static void reset_by_somebody_else_is_an_error(void)
{
	int error = eventfd(0, EFD_CLOEXEC);
	char path[128];

	if (!setup() || !bring_up())
		return;
	is(ioasid_dev_set_eventfd(t.nvme.pci.dev, IOASID_DEV_EVENT_ERROR, error), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", name);
	is(sysfs_write(path, "1"), 0);
	yes(event_wait(error, 5000) > 0);
	is(nvme_reg(&t.nvme, 0x14) & 1, 0);
	is(cfg_real(name, 4, 2) & 4, 0);
	is(pci_bus_master(&t.nvme.pci, true), 0);
	is(nvme_start(&t.nvme), 0);
	is(nvme_identify(&t.nvme), 0);
	close(error);
	teardown();
}

/* What one user leaves running does not run for the next. */
static void next_user_finds_it_reset(void)
{
	if (!setup() || !bring_up())
		return;
	teardown();
	if (!setup())
		return;
	is(nvme_reg(&t.nvme, 0x14), 0);
	is(nvme_reg(&t.nvme, 0x1c) & 1, 0);
	teardown();
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--disk"))
		return nvme_make_disk(argv[2]) != 0;
	if (argc != 2)
		return 2;
	name = argv[1];
	CASE(controller_is_identified);
	CASE(disk_is_read);
	CASE(scattered_memory_is_read_into);
	CASE(interrupts_by_msix);
	CASE(msix_table_is_the_hosts);
	CASE(unmapped_buffer_is_not_written);
	CASE(reset_stops_the_controller);
	CASE(reset_by_somebody_else_is_an_error);
	CASE(next_user_finds_it_reset);
	return test_done();
}
