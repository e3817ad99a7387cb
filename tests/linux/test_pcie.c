// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-pci.ko on a PCI Express function with all kinds of regions and with error reporting: QEMU's
 * e1000e. It needs no driver here; its registers are read in two ways, and errors are injected.
 *
 *   test_pcie E1000E: function name
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "pci_dev.h"

#define REG_RAL	    0x5400 /* station address */
#define AER	    0x0001
#define SERIAL	    0x0003
#define UNCORRECTED 0x04
#define UNSUPPORTED (1U << 20) /* request: uncorrectable, not fatal */
#define INJECT	    "/dev/aer_inject"

static const char *name;

static struct {
	struct ioasid *ctx;
	struct pci_dev pci;
} t;

static void teardown(void)
{
	pci_close(&t.pci);
	ioasid_close(t.ctx);
	memset(&t, 0, sizeof(t));
}

static bool setup(void)
{
	if (t.ctx)
		teardown();
	return is(ioasid_open(CTX_PATH, &t.ctx), 0) && is(pci_open(&t.pci, t.ctx, name, 1), 0);
}

static void regions_of_all_kinds(void)
{
	struct ioasid_dev_region region;
	uint32_t mapped, window = REG_RAL, value = 0;
	volatile uint8_t *bar;
	uint64_t both = 0;
	uint8_t address[6];

	if (!setup())
		return;
	is(pci_region(&t.pci, 0, &region), 0);
	is(region.region_flags, IOASID_REGION_READ | IOASID_REGION_WRITE | IOASID_REGION_MMAP);
	is(pci_region(&t.pci, 2, &region), 0);
	is(region.region_flags, IOASID_REGION_READ | IOASID_REGION_WRITE);
	bar = pci_map(&t.pci, 0, 0, 0x20000);
	if (!yes(bar))
		return;
	mapped = *(volatile uint32_t *)(bar + REG_RAL);
	/* QEMU's addresses begin with 52:54:00. */
	is(mapped & 0xffffff, 0x005452);
	/* Through a window of I/O ports: address, then data. */
	is(pci_poke(&t.pci, 2, 0, &window, 4), 4);
	is(pci_peek(&t.pci, 2, 4, &value, 4), 4);
	is(value, mapped);
	/* Eight bytes of ports are two accesses. */
	is(pci_peek(&t.pci, 2, 0, &both, 8), 8);
	is(both >> 32, mapped);
	is((uint32_t)both, REG_RAL);
	/* Six bytes are an access of four and one of two. */
	is(pci_peek(&t.pci, 0, REG_RAL, address, 6), 6);
	is(memcmp(address, &mapped, 4), 0);
	munmap((void *)bar, 0x20000);
	teardown();
}

static void msix_table_in_a_bar_of_its_own(void)
{
	struct ioasid_dev_region region;
	unsigned int cap, bir;
	uint32_t table;

	if (!setup())
		return;
	cap = cfg_find_cap(&t.pci, 0x11);
	table = cfg_read(&t.pci, cap + 4, 4);
	bir = table & 7;
	is(pci_region(&t.pci, bir, &region), 0);
	yes(!pci_map(&t.pci, bir, table & ~7U, PAGE));
	/* What lies behind the table can be mapped. */
	yes(pci_map(&t.pci, bir, region.size - PAGE, PAGE) != NULL);
	teardown();
}

static void extended_capabilities(void)
{
	unsigned int pos = 0x100, seen = 0, left = 64;
	uint32_t header, mask;

	if (!setup())
		return;
	while (pos && left--) {
		header = cfg_read(&t.pci, pos, 4);
		seen |= 1U << (header & 31);
		if ((header & 0xffff) == AER) {
			mask = cfg_real(name, pos + 8, 4);
			is(cfg_read(&t.pci, pos + 8, 4), mask);
			is(cfg_write(&t.pci, pos + 8, 4, ~mask), 0);
			is(cfg_real(name, pos + 8, 4), mask);
		}
		is(cfg_write(&t.pci, pos, 4, 0), 0);
		is(cfg_read(&t.pci, pos, 4), header);
		pos = header >> 20;
	}
	is(seen & 1U << AER, 1U << AER);
	is(seen & ~(1U << AER | 1U << SERIAL | 1), 0);
	teardown();
}

/* As the kernel's aer_inject module takes it. */
struct injection {
	uint8_t bus, dev, fn;
	uint32_t uncorrectable, correctable, log[4];
	uint32_t domain;
};

static void errors_reach_the_user(void)
{
	int error = eventfd(0, EFD_CLOEXEC), fd = open(INJECT, O_WRONLY | O_CLOEXEC);
	struct injection injection = { .uncorrectable = UNSUPPORTED };
	unsigned int bus, dev, fn;

	if (fd < 0) {
		skip("no " INJECT);
		return;
	}
	if (!setup() || !is(sscanf(name, "%*x:%x:%x.%x", &bus, &dev, &fn), 3))
		return;
	injection.bus = (uint8_t)bus;
	injection.dev = (uint8_t)dev;
	injection.fn = (uint8_t)fn;
	is(ioasid_dev_set_eventfd(t.pci.dev, IOASID_DEV_EVENT_ERROR, error), 0);
	is(event_wait(error, 0), 0);
	is(write(fd, &injection, sizeof(injection)), sizeof(injection));
	yes(event_wait(error, 10000) > 0);
	/* Still there, still ours. */
	is(cfg_read(&t.pci, 0, 2), 0x8086);
	is(ioasid_dev_reset(t.pci.dev), 0);
	close(fd);
	close(error);
	teardown();
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	name = argv[1];
	CASE(regions_of_all_kinds);
	CASE(msix_table_in_a_bar_of_its_own);
	CASE(extended_capabilities);
	CASE(errors_reach_the_user);
	return test_done();
}
