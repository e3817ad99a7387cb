/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * PCI configuration space of an emulated function: bytes, a mask of what software may write, and
 * builders for the capabilities the devices here have. Bits: PCIe Base Specification 6.x, 7.5 to
 * 7.8; spec numbers are at the definitions.
 */
#ifndef LIVE_PCI_CONFIG_H
#define LIVE_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 4096

#define PCI_COMMAND	   0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_BAR0	   0x10

/* Where the builders put the capabilities. */
#define PCI_CAP_EXPRESS 0x40
#define PCI_CAP_MSIX	0x80
#define PCI_CAP_ATS	0x100
#define PCI_CAP_PRI	0x110
#define PCI_CAP_PASID	0x120

#define PCI_ATS_ENABLE	 (1U << 15)
#define PCI_PRI_ENABLE	 (1U << 0)
#define PCI_PRI_FAILURE	 (1U << 0) /* status */
#define PCI_PASID_ENABLE (1U << 0)
#define PCI_PASID_PRIV	 (1U << 2) /* privileged mode */

/**
 * struct pci_config - configuration space of one function
 * @bytes: what software reads
 * @mask: bits software may change
 */
struct pci_config {
	uint8_t bytes[PCI_CONFIG_SIZE];
	uint8_t mask[PCI_CONFIG_SIZE];
};

/**
 * pci_config_init() - a type 0 header without capabilities
 * @cfg: cleared first
 * @vendor, @device: IDs, also used for the subsystem
 * @class: 24-bit class code
 */
void pci_config_init(struct pci_config *cfg, uint16_t vendor, uint16_t device, uint32_t class);

/**
 * pci_config_add_bar() - a memory BAR
 * @cfg: configuration space
 * @bar: 0 to 5; a 64-bit one takes the next, too
 * @size: power of two, at least 4096
 * @wide: 64-bit
 */
void pci_config_add_bar(struct pci_config *cfg, unsigned int bar, uint32_t size, bool wide);

/** pci_config_add_express() - PCIe capability of an RCiEP with end-end TLP prefixes and FLR. */
void pci_config_add_express(struct pci_config *cfg);

/** pci_config_add_msix() - @vectors with table at @bar + 0 and pending bits at @bar + @pba. */
void pci_config_add_msix(struct pci_config *cfg, unsigned int vectors, unsigned int bar,
			 uint32_t pba);

/** pci_config_add_pasid() - ATS, PRI (with @capacity requests) and PASID of 20 bits. */
void pci_config_add_pasid(struct pci_config *cfg, uint32_t capacity);

/** pci_config_add_privileged() - the PASID capability offers privileged requests, too. */
void pci_config_add_privileged(struct pci_config *cfg);

/** pci_config_write() - software writes @len bytes at @offset; the range is inside. */
void pci_config_write(struct pci_config *cfg, size_t offset, const void *buf, size_t len);

uint16_t pci_config_get16(const struct pci_config *cfg, size_t offset);
uint32_t pci_config_get32(const struct pci_config *cfg, size_t offset);
void pci_config_set16(struct pci_config *cfg, size_t offset, uint16_t value);
void pci_config_set32(struct pci_config *cfg, size_t offset, uint32_t value);

#endif
