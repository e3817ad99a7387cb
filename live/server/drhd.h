/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The PCI function behind which the remapping unit's registers are reached.
 *
 * vfio-user knows only PCI functions, while a DRHD is MMIO at an address from an ACPI table. So the
 * registers are a BAR. Once firmware has placed it and switched memory decoding on, the function
 * answers no configuration reads any more: QEMU keeps the BAR mapped, but the guest's kernel sees
 * no function whose BAR would conflict with the DRHD's range. From then on the table is looked for
 * in guest RAM and gets the BAR's address.
 */
#ifndef LIVE_DRHD_H
#define LIVE_DRHD_H

#include <ioasid/vtd_unit.h>

#include "guest_ram.h"
#include "pci_config.h"
#include "vfio_user_server.h"

#define DRHD_PCI_DEVICE 0x10f6

/**
 * struct drhd - the function
 * @unit: whose registers it shows; set by the owner after drhd_init()
 * @ram: where the table is looked for
 * @server: its socket; the owner starts it
 * @hidden: answers no configuration reads
 * @ticks_left: how often to look for the table still
 * @patched: tables corrected since the last reset
 */
struct drhd {
	struct vtd_unit *unit;
	struct guest_ram *ram;
	struct vfio_user_dev vfio;
	struct vfio_user_server server;
	struct pci_config pci;
	bool hidden;
	unsigned int ticks_left;
	unsigned int patched;
};

/** drhd_init() - @drhd: zeroed by this; @ram: see above. */
void drhd_init(struct drhd *drhd, struct guest_ram *ram);

/** drhd_send_msi() - struct vtd_unit_ops: an interrupt of the unit; @drhd: struct drhd. */
void drhd_send_msi(void *drhd, uint64_t addr, uint32_t data);

#endif
