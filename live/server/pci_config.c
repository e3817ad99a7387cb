// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <string.h>

#include "pci_config.h"

#define PCI_STATUS_CAP_LIST 0x10
#define PCI_BAR_WIDE	    0x4
#define PCI_CAP_PTR	    0x34

#define PCI_EXP_TYPE_RCIEP (0x9 << 4)
#define PCI_EXP_VERSION_2  0x2
#define PCI_EXP_DEVCAP	   0x04 /* 7.5.3.3 */
#define PCI_EXP_RBER	   (1U << 15) /* role-based error reporting, required */
#define PCI_EXP_FLR	   (1U << 28)
#define PCI_EXP_DEVCTL	   0x08
#define PCI_EXP_DEVCAP2	   0x24 /* 7.5.3.15 */
#define PCI_EXP_EETLPP	   (1U << 21) /* end-end TLP prefix: PASID travels in one */

void pci_config_set16(struct pci_config *cfg, size_t offset, uint16_t value)
{
	memcpy(cfg->bytes + offset, &value, sizeof(value));
}

void pci_config_set32(struct pci_config *cfg, size_t offset, uint32_t value)
{
	memcpy(cfg->bytes + offset, &value, sizeof(value));
}

uint16_t pci_config_get16(const struct pci_config *cfg, size_t offset)
{
	uint16_t value;

	memcpy(&value, cfg->bytes + offset, sizeof(value));
	return value;
}

uint32_t pci_config_get32(const struct pci_config *cfg, size_t offset)
{
	uint32_t value;

	memcpy(&value, cfg->bytes + offset, sizeof(value));
	return value;
}

static void pci_config_mask16(struct pci_config *cfg, size_t offset, uint16_t mask)
{
	memcpy(cfg->mask + offset, &mask, sizeof(mask));
}

static void pci_config_mask32(struct pci_config *cfg, size_t offset, uint32_t mask)
{
	memcpy(cfg->mask + offset, &mask, sizeof(mask));
}

void pci_config_init(struct pci_config *cfg, uint16_t vendor, uint16_t device, uint32_t class)
{
	memset(cfg, 0, sizeof(*cfg));
	pci_config_set16(cfg, 0x00, vendor);
	pci_config_set16(cfg, 0x02, device);
	pci_config_set16(cfg, 0x06, PCI_STATUS_CAP_LIST);
	pci_config_set32(cfg, 0x08, class << 8 | 1);
	pci_config_set16(cfg, 0x2c, vendor);
	pci_config_set16(cfg, 0x2e, device);
	/* Memory space, bus master, INTx disable. */
	pci_config_mask16(cfg, PCI_COMMAND, 0x0406);
}

void pci_config_add_bar(struct pci_config *cfg, unsigned int bar, uint32_t size, bool wide)
{
	size_t offset = PCI_BAR0 + 4 * bar;

	pci_config_set32(cfg, offset, wide ? PCI_BAR_WIDE : 0);
	pci_config_mask32(cfg, offset, ~(size - 1));
	if (wide)
		pci_config_mask32(cfg, offset + 4, ~0U);
}

/* Append to the list of classic capabilities. */
static void pci_config_link(struct pci_config *cfg, uint8_t offset, uint8_t id)
{
	size_t last = PCI_CAP_PTR;

	while (cfg->bytes[last])
		last = cfg->bytes[last] + 1;
	cfg->bytes[last] = offset;
	cfg->bytes[offset] = id;
}

void pci_config_add_express(struct pci_config *cfg)
{
	pci_config_link(cfg, PCI_CAP_EXPRESS, 0x10);
	pci_config_set16(cfg, PCI_CAP_EXPRESS + 2, PCI_EXP_VERSION_2 | PCI_EXP_TYPE_RCIEP);
	pci_config_set32(cfg, PCI_CAP_EXPRESS + PCI_EXP_DEVCAP, PCI_EXP_RBER | PCI_EXP_FLR);
	/* The control bits that remember; starting an FLR (bit 15) reads as zero. */
	pci_config_mask16(cfg, PCI_CAP_EXPRESS + PCI_EXP_DEVCTL, 0x7fff);
	pci_config_set32(cfg, PCI_CAP_EXPRESS + PCI_EXP_DEVCAP2, PCI_EXP_EETLPP);
}

void pci_config_add_msix(struct pci_config *cfg, unsigned int vectors, unsigned int bar,
			 uint32_t pba)
{
	pci_config_link(cfg, PCI_CAP_MSIX, 0x11);
	pci_config_set16(cfg, PCI_CAP_MSIX + 2, vectors - 1);
	pci_config_mask16(cfg, PCI_CAP_MSIX + 2, 0xc000); /* enable, mask all */
	pci_config_set32(cfg, PCI_CAP_MSIX + 4, bar);
	pci_config_set32(cfg, PCI_CAP_MSIX + 8, pba | bar);
}

static void pci_config_extended(struct pci_config *cfg, size_t offset, uint16_t id, size_t next)
{
	pci_config_set32(cfg, offset, id | 1U << 16 | (uint32_t)next << 20);
}

void pci_config_add_pasid(struct pci_config *cfg, uint32_t capacity)
{
	/* 10.5.1 ATS: page aligned requests; smallest translation unit and enable are writable. */
	pci_config_extended(cfg, PCI_CAP_ATS, 0x0f, PCI_CAP_PRI);
	pci_config_set16(cfg, PCI_CAP_ATS + 4, 1U << 5);
	pci_config_mask16(cfg, PCI_CAP_ATS + 6, PCI_ATS_ENABLE | 0x1f);
	/* 10.5.2 PRI: stopped, and its responses carry the PASID. */
	pci_config_extended(cfg, PCI_CAP_PRI, 0x13, PCI_CAP_PASID);
	pci_config_mask16(cfg, PCI_CAP_PRI + 4, PCI_PRI_ENABLE);
	pci_config_set16(cfg, PCI_CAP_PRI + 6, 1U << 15 | 1U << 8);
	pci_config_set32(cfg, PCI_CAP_PRI + 8, capacity);
	pci_config_mask32(cfg, PCI_CAP_PRI + 12, ~0U);
	/* 7.8.9 PASID: 20 bits, no execute, no privileged mode. */
	pci_config_extended(cfg, PCI_CAP_PASID, 0x1b, 0);
	pci_config_set16(cfg, PCI_CAP_PASID + 4, 20U << 8);
	pci_config_mask16(cfg, PCI_CAP_PASID + 6, PCI_PASID_ENABLE);
}

void pci_config_add_privileged(struct pci_config *cfg)
{
	pci_config_set16(cfg, PCI_CAP_PASID + 4,
			 pci_config_get16(cfg, PCI_CAP_PASID + 4) | PCI_PASID_PRIV);
	pci_config_mask16(cfg, PCI_CAP_PASID + 6, PCI_PASID_ENABLE | PCI_PASID_PRIV);
}

void pci_config_write(struct pci_config *cfg, size_t offset, const void *buf, size_t len)
{
	const uint8_t *b = buf;
	uint8_t mask;
	size_t i;

	for (i = 0; i < len; i++) {
		mask = cfg->mask[offset + i];
		cfg->bytes[offset + i] = (cfg->bytes[offset + i] & ~mask) | (b[i] & mask);
	}
}
