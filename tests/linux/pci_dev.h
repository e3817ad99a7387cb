/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a user-space PCI driver needs, over libioasid and <linux/ioasid_pci.h>: a function in a context,
 * its registers, its configuration space, its interrupts, memory it can reach.
 */
#ifndef TESTS_LINUX_PCI_DEV_H
#define TESTS_LINUX_PCI_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ioasid/ioasid.h>
#include <linux/ioasid_pci.h>

#define PAGE	 4096UL
#define RW	 (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define CTX_PATH "/dev/ioasid"

/**
 * struct pci_dev - a function, opened and bound
 * @name: "0000:00:05.0"
 * @fd: its descriptor
 */
struct pci_dev {
	const char *name;
	struct ioasid_dev *dev;
	int fd;
};

/** pci_open() - open @name and bind it to @ctx as @cookie. Return: 0 or negative errno. */
int pci_open(struct pci_dev *p, struct ioasid *ctx, const char *name, uint64_t cookie);
void pci_close(struct pci_dev *p);

int pci_region(struct pci_dev *p, uint32_t index, struct ioasid_dev_region *region);
/** pci_map() - map a region's [@start, @start + @length). Return: NULL: no. */
void *pci_map(struct pci_dev *p, uint32_t index, uint64_t start, uint64_t length);
/** pci_peek(), pci_poke() - read(), write() @size bytes of a region. Return: bytes or -errno. */
long pci_peek(struct pci_dev *p, uint32_t index, uint64_t pos, void *buf, size_t size);
long pci_poke(struct pci_dev *p, uint32_t index, uint64_t pos, const void *buf, size_t size);

uint32_t cfg_read(struct pci_dev *p, unsigned int pos, unsigned int size);
int cfg_write(struct pci_dev *p, unsigned int pos, unsigned int size, uint32_t value);
/** cfg_real() - the same register as the host sees it, through sysfs. */
uint32_t cfg_real(const char *name, unsigned int pos, unsigned int size);
/** cfg_find_cap() - offset of a capability in the list the user sees; 0: none. */
unsigned int cfg_find_cap(struct pci_dev *p, unsigned int id);
int pci_bus_master(struct pci_dev *p, bool on);

/** pci_irq() - eventfds for vectors 0 .. @n - 1 of @type; @n 0: off. Return: 0 or -errno. */
int pci_irq(struct pci_dev *p, uint32_t type, const int *fds, unsigned int n);
int pci_mask_intx(struct pci_dev *p, bool masked);
/** event_wait() - take what is in the eventfd within @ms. Return: count; 0: nothing came. */
uint64_t event_wait(int fd, int ms);

/** pages() - @n anonymous zeroed pages. */
void *pages(unsigned long n);
/** touch_dies() - does reading @p raise SIGBUS? */
bool touch_dies(volatile uint32_t *p);

/** have_vtd() - is the machine's IOMMU a VT-d, which tells of blocked DMA in the kernel log? */
bool have_vtd(void);
/** dmar_faults() - lines of the kernel log that report blocked DMA of @name. */
unsigned int dmar_faults(const char *name);
/** sysfs_write() - Return: 0 or -errno. */
int sysfs_write(const char *path, const char *text);

#endif
