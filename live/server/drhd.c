// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <string.h>

#include <ioasid_accel_hw.h>

#include "dmar.h"
#include "drhd.h"

#define DRHD_CLASS   0x088000 /* system peripheral */
#define DRHD_TICK_MS 2
/* The kernel reads the table some 200 ms after firmware has placed the BAR. */
#define DRHD_TICKS	 5000
#define DRHD_TICKS_AFTER 25 /* firmware may copy the table once more */

static void drhd_patch(void *opaque, uint8_t *ptr, size_t len)
{
	struct drhd *drhd = opaque;

	drhd->patched += dmar_patch(ptr, len, pci_config_get32(&drhd->pci, PCI_BAR0) & ~0xfU);
}

static void drhd_tick(void *opaque)
{
	struct drhd *drhd = opaque;
	unsigned int before = drhd->patched;

	guest_ram_visit_ends(drhd->ram, DMAR_SEARCH_BYTES, drhd_patch, drhd);
	if (!before && drhd->patched)
		drhd->ticks_left = DRHD_TICKS_AFTER;
	if (!drhd->ticks_left--)
		drhd->server.tick = NULL;
}

static void drhd_show(struct drhd *drhd)
{
	drhd->hidden = false;
	drhd->patched = 0;
	drhd->server.tick = NULL;
	pci_config_init(&drhd->pci, ACCEL_PCI_VENDOR, DRHD_PCI_DEVICE, DRHD_CLASS);
	pci_config_add_bar(&drhd->pci, 0, VTD_UNIT_MMIO_SIZE, false);
	pci_config_add_express(&drhd->pci);
	/*
	 * The unit's interrupts are DMA of this function in QEMU's eyes. Nobody will enable bus
	 * mastering for it once it is hidden, so it reads as enabled from the start and firmware
	 * writes the bit back.
	 */
	pci_config_set16(&drhd->pci, PCI_COMMAND, PCI_COMMAND_MASTER);
}

static void drhd_hide(struct drhd *drhd)
{
	drhd->hidden = true;
	drhd->ticks_left = DRHD_TICKS;
	drhd->server.tick_ms = DRHD_TICK_MS;
	drhd->server.tick = drhd_tick;
}

static int drhd_region_read(void *opaque, unsigned int region, uint64_t offset, void *buf,
			    size_t len)
{
	struct drhd *drhd = opaque;
	uint64_t value;
	size_t n;

	if (region == VFIO_USER_CONFIG) {
		if (drhd->hidden)
			memset(buf, 0xff, len);
		else
			memcpy(buf, drhd->pci.bytes + offset, len);
		return 0;
	}
	for (; len; len -= n, offset += n, buf = (uint8_t *)buf + n) {
		n = len < 8 ? len : 8;
		value = vtd_unit_read(drhd->unit, offset, n);
		memcpy(buf, &value, n);
	}
	return 0;
}

static int drhd_region_write(void *opaque, unsigned int region, uint64_t offset, const void *buf,
			     size_t len)
{
	struct drhd *drhd = opaque;
	uint64_t value;
	size_t n;

	if (region == VFIO_USER_CONFIG) {
		if (drhd->hidden)
			return 0;
		pci_config_write(&drhd->pci, offset, buf, len);
		if (pci_config_get16(&drhd->pci, PCI_COMMAND) & PCI_COMMAND_MEMORY)
			drhd_hide(drhd);
		return 0;
	}
	for (; len; len -= n, offset += n, buf = (const uint8_t *)buf + n) {
		n = len < 8 ? len : 8;
		value = 0;
		memcpy(&value, buf, n);
		vtd_unit_write(drhd->unit, offset, n, value);
	}
	return 0;
}

/* The endpoint's client says the same about RAM, and the endpoint is who uses it. */
static int drhd_dma_map(void *opaque live_unused, const struct vfio_user_dma *dma live_unused,
			int fd live_unused)
{
	return 0;
}

static int drhd_dma_unmap(void *opaque live_unused, uint64_t iova live_unused,
			  uint64_t size live_unused, bool all live_unused)
{
	return 0;
}

static void drhd_reset(void *opaque)
{
	struct drhd *drhd = opaque;

	vtd_unit_reset(drhd->unit);
	drhd_show(drhd);
}

static const struct vfio_user_ops drhd_ops = {
	.region_read = drhd_region_read,
	.region_write = drhd_region_write,
	.dma_map = drhd_dma_map,
	.dma_unmap = drhd_dma_unmap,
	.reset = drhd_reset,
	.disconnect = drhd_reset,
};

void drhd_send_msi(void *drhd, uint64_t addr, uint32_t data)
{
	vfio_user_server_dma_write(&((struct drhd *)drhd)->server, addr, &data, sizeof(data));
}

void drhd_init(struct drhd *drhd, struct guest_ram *ram)
{
	memset(drhd, 0, sizeof(*drhd));
	drhd->ram = ram;
	vfio_user_dev_init(&drhd->vfio, &drhd_ops, drhd);
	drhd->vfio.region_size[0] = VTD_UNIT_MMIO_SIZE;
	drhd->vfio.region_size[VFIO_USER_CONFIG] = PCI_CONFIG_SIZE;
	drhd->server.dev = &drhd->vfio;
	drhd_show(drhd);
}
