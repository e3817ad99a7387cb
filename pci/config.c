// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space as the user sees it.
 *
 * What nobody has said anything about reads as zero and ignores writes: registers that are not part
 * of the header or of a capability shown are hidden, and so are capabilities without a row below.
 * What is shown is read from the function, except for bits the user owns, which are only remembered:
 * writes reach the function nowhere but in the Bus Master bit.
 */
#include "pci.h"

/* ---- the map of bits -------------------------------------------------------------------------------- */

static u32 get_bytes(const u8 *map, unsigned int pos, unsigned int size)
{
	u32 value = 0;

	while (size--)
		value = value << 8 | map[pos + size];
	return value;
}

static void set_bytes(u8 *map, unsigned int pos, unsigned int size, u32 value)
{
	for (; size--; pos++, value >>= 8)
		map[pos] = value;
}

/* The user sees what the function says. */
static void show(struct ipci_config *config, unsigned int pos, unsigned int length)
{
	if (pos < config->size)
		memset(config->virt + pos, 0, min(length, config->size - pos));
}

/* The user sees @value and may change the bits in @write. */
static void own(struct ipci_config *config, unsigned int pos, unsigned int size, u32 value,
		u32 write)
{
	if (pos + size > config->size)
		return;
	set_bytes(config->virt, pos, size, ~0U);
	set_bytes(config->value, pos, size, value);
	set_bytes(config->write, pos, size, write);
}

/* ---- the header --------------------------------------------------------------------------------------- */

static void layout_bar(struct ipci_config *config, unsigned int bar, const struct resource *res)
{
	unsigned int pos = PCI_BASE_ADDRESS_0 + 4 * bar;
	u64 mask = ~(resource_size(res) - 1);
	u32 type = 0;

	if (res->flags & IORESOURCE_IO) {
		own(config, pos, 4, PCI_BASE_ADDRESS_SPACE_IO, mask & PCI_BASE_ADDRESS_IO_MASK);
		return;
	}
	if (res->flags & IORESOURCE_PREFETCH)
		type |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	if (res->flags & IORESOURCE_MEM_64)
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	own(config, pos, 4, type, mask & PCI_BASE_ADDRESS_MEM_MASK);
	if (res->flags & IORESOURCE_MEM_64 && bar + 1 < PCI_STD_NUM_BARS)
		own(config, pos + 4, 4, 0, mask >> 32);
}

static void layout_header(struct ipci_func *func)
{
	struct ipci_config *config = &func->config;
	struct pci_dev *pdev = func->pdev;
	unsigned int i;

	/* Of a virtual function the registers say nothing. */
	own(config, PCI_VENDOR_ID, 2, pdev->vendor, 0);
	own(config, PCI_DEVICE_ID, 2, pdev->device, 0);
	own(config, PCI_COMMAND, 2, 0,
	    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		    PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	show(config, PCI_STATUS, 2);
	show(config, PCI_CLASS_REVISION, 4);
	own(config, PCI_CACHE_LINE_SIZE, 2, 0, 0xffff);
	show(config, PCI_HEADER_TYPE, 1);
	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		const struct resource *res = &pdev->resource[i];

		if (pci_resource_len(pdev, i))
			layout_bar(config, i, res);
	}
	show(config, PCI_SUBSYSTEM_VENDOR_ID, 4);
	own(config, PCI_INTERRUPT_LINE, 1, 0, 0xff);
	own(config, PCI_INTERRUPT_PIN, 1, ipci_irq_count(func, IOASID_PCI_IRQ_INTX) ? pdev->pin : 0,
	    0);
}

/* ---- capabilities ---------------------------------------------------------------------------------------- */

static unsigned int layout_msi(struct ipci_func *func, unsigned int pos)
{
	struct ipci_config *config = &func->config;
	unsigned int length = 10;
	u16 flags;

	pci_read_config_word(func->pdev, pos + PCI_MSI_FLAGS, &flags);
	if (flags & PCI_MSI_FLAGS_64BIT)
		length += 4;
	own(config, pos + PCI_MSI_FLAGS, 2, flags & ~(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE),
	    PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	own(config, pos + PCI_MSI_ADDRESS_LO, 4, 0, ~3U);
	own(config, pos + PCI_MSI_ADDRESS_HI, 4, 0, ~0U);
	own(config, pos + length - 2, 2, 0, 0xffff);
	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	own(config, pos + length + 2, 4, 0, ~0U);
	show(config, pos + length + 6, 4);
	return 0;
}

static unsigned int layout_msix(struct ipci_func *func, unsigned int pos)
{
	u16 flags;

	pci_read_config_word(func->pdev, pos + PCI_MSIX_FLAGS, &flags);
	own(&func->config, pos + PCI_MSIX_FLAGS, 2, flags & PCI_MSIX_FLAGS_QSIZE,
	    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	show(&func->config, pos + PCI_MSIX_TABLE, 8);
	return 0;
}

static unsigned int layout_pcie(struct ipci_func *func, unsigned int pos)
{
	u16 flags;

	pci_read_config_word(func->pdev, pos + PCI_EXP_FLAGS, &flags);
	return (flags & PCI_EXP_FLAGS_VERS) < 2 ? 0x14 : 0x3c;
}

static unsigned int layout_vendor(struct ipci_func *func, unsigned int pos)
{
	u8 length;

	pci_read_config_byte(func->pdev, pos + PCI_CAP_FLAGS, &length);
	return length;
}

/**
 * struct cap_row - a capability the user may see
 * @id: capability
 * @length: bytes shown, read-only; 0: @layout says
 * @layout: lays out what is not read-only; returns the bytes to show besides
 */
static const struct cap_row {
	u16 id;
	u16 length;
	unsigned int (*layout)(struct ipci_func *func, unsigned int pos);
} caps[] = {
	{ PCI_CAP_ID_PM, PCI_PM_SIZEOF, NULL },
	{ PCI_CAP_ID_MSI, 0, layout_msi },
	{ PCI_CAP_ID_VNDR, 0, layout_vendor },
	{ PCI_CAP_ID_SSVID, 8, NULL },
	{ PCI_CAP_ID_EXP, 0, layout_pcie },
	{ PCI_CAP_ID_MSIX, 0, layout_msix },
	{ PCI_CAP_ID_AF, PCI_CAP_AF_SIZEOF, NULL },
}, ext_caps[] = {
	{ PCI_EXT_CAP_ID_ERR, 0x2c, NULL },
	{ PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_DSN_SIZEOF, NULL },
	{ PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ATS_SIZEOF, NULL },
	{ PCI_EXT_CAP_ID_PRI, PCI_EXT_CAP_PRI_SIZEOF, NULL },
	{ PCI_EXT_CAP_ID_PASID, PCI_EXT_CAP_PASID_SIZEOF, NULL },
};

static const struct cap_row *find_row(const struct cap_row *rows, unsigned int nr, u16 id)
{
	while (nr--) {
		if (rows[nr].id == id)
			return &rows[nr];
	}
	return NULL;
}

static void layout_caps(struct ipci_func *func)
{
	struct ipci_config *config = &func->config;
	unsigned int link = PCI_CAPABILITY_LIST, left = 48;
	u16 status;
	u8 pos;

	pci_read_config_word(func->pdev, PCI_STATUS, &status);
	if (!(status & PCI_STATUS_CAP_LIST))
		return;
	pci_read_config_byte(func->pdev, PCI_CAPABILITY_LIST, &pos);
	while ((pos &= ~3) >= PCI_STD_HEADER_SIZEOF && left--) {
		const struct cap_row *row;
		u16 header;

		pci_read_config_word(func->pdev, pos, &header);
		row = find_row(caps, ARRAY_SIZE(caps), header & 0xff);
		if (row) {
			unsigned int length = row->layout ? row->layout(func, pos) : row->length;

			if (length > 2)
				show(config, pos + 2, length - 2);
			own(config, link, 1, pos, 0);
			own(config, pos, 2, header & 0xff, 0);
			link = pos + PCI_CAP_LIST_NEXT;
		}
		pos = header >> 8;
	}
}

/* The list starts at a fixed place: a first capability that is hidden leaves its link there. */
static void layout_ext_caps(struct ipci_func *func)
{
	struct ipci_config *config = &func->config;
	unsigned int pos = PCI_CFG_SPACE_SIZE, link = pos, left = PCI_CFG_SPACE_EXP_SIZE / 8;
	u32 header;

	while (pos >= PCI_CFG_SPACE_SIZE && pos + 4 <= config->size && left--) {
		const struct cap_row *row;

		pci_read_config_dword(func->pdev, pos, &header);
		if (!header || PCI_POSSIBLE_ERROR(header))
			return;
		row = find_row(ext_caps, ARRAY_SIZE(ext_caps), PCI_EXT_CAP_ID(header));
		if (row) {
			own(config, pos, 4, header & 0xfffff, 0);
			show(config, pos + 4, row->length - 4);
			if (pos != link)
				own(config, link + 2, 2, config->value[link + 2] | pos << 4, 0);
			link = pos;
		}
		pos = PCI_EXT_CAP_NEXT(header);
	}
}

/* ---- life ------------------------------------------------------------------------------------------------- */

void ipci_config_reset(struct ipci_func *func)
{
	struct ipci_config *config = &func->config;

	mutex_lock(&func->config_lock);
	memset(config->virt, 0xff, config->size);
	memset(config->write, 0, config->size);
	memset(config->value, 0, config->size);
	layout_header(func);
	layout_caps(func);
	layout_ext_caps(func);
	mutex_unlock(&func->config_lock);
}

int ipci_config_init(struct ipci_func *func)
{
	struct ipci_config *config = &func->config;

	config->size = func->pdev->cfg_size;
	config->virt = kvmalloc_array(3, config->size, GFP_KERNEL);
	if (!config->virt)
		return -ENOMEM;
	config->write = config->virt + config->size;
	config->value = config->write + config->size;
	ipci_config_reset(func);
	return 0;
}

void ipci_config_free(struct ipci_func *func)
{
	kvfree(func->config.virt);
}

/* ---- access ------------------------------------------------------------------------------------------------- */

static int read_function(struct pci_dev *pdev, unsigned int pos, unsigned int size, u32 *value)
{
	u16 word = 0;
	u8 byte = 0;
	int rc;

	switch (size) {
	case 1:
		rc = pci_user_read_config_byte(pdev, pos, &byte);
		*value = byte;
		return rc;
	case 2:
		rc = pci_user_read_config_word(pdev, pos, &word);
		*value = word;
		return rc;
	default:
		return pci_user_read_config_dword(pdev, pos, value);
	}
}

int ipci_config_read(struct ipci_func *func, unsigned int pos, unsigned int size, u32 *value)
{
	struct ipci_config *config = &func->config;
	u32 virt, all = size == 4 ? ~0U : (1U << 8 * size) - 1, seen = 0;
	int rc = 0;

	mutex_lock(&func->config_lock);
	virt = get_bytes(config->virt, pos, size);
	if (virt != all)
		rc = read_function(func->pdev, pos, size, &seen);
	*value = (seen & ~virt) | (get_bytes(config->value, pos, size) & virt);
	mutex_unlock(&func->config_lock);
	return rc;
}

void ipci_set_mastering(struct ipci_func *func, bool on)
{
	unsigned long flags;

	spin_lock_irqsave(&func->command_lock, flags);
	if (on)
		pci_set_master(func->pdev);
	else
		pci_clear_master(func->pdev);
	spin_unlock_irqrestore(&func->command_lock, flags);
}

int ipci_config_write(struct ipci_func *func, unsigned int pos, unsigned int size, u32 value)
{
	struct ipci_config *config = &func->config;
	u32 old, write, set;

	mutex_lock(&func->config_lock);
	old = get_bytes(config->value, pos, size);
	write = get_bytes(config->write, pos, size);
	set = (old & ~write) | (value & write);
	set_bytes(config->value, pos, size, set);
	if (pos <= PCI_COMMAND && pos + size > PCI_COMMAND)
		ipci_set_mastering(func, config->value[PCI_COMMAND] & PCI_COMMAND_MASTER);
	mutex_unlock(&func->config_lock);
	return 0;
}
