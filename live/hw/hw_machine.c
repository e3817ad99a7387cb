// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw_machine.h"

/* ---- RAM ------------------------------------------------------------------------------------- */

static int hw_ram_map(void *opaque live_unused, uint64_t gpa live_unused, uint64_t size live_unused,
		      void *ptr live_unused, bool writable live_unused)
{
	return 0;
}

/* RAM left the lookup already; wait for the unit's and the endpoints' uses of it. */
static void hw_ram_unmap(void *opaque, uint64_t gpa live_unused, uint64_t size live_unused)
{
	struct hw_machine *m = opaque;

	if (m->unit)
		vu_hw_sync(m->unit);
}

static const struct guest_ram_ops hw_ram_ops = {
	.map = hw_ram_map,
	.unmap = hw_ram_unmap,
};

/* ---- endpoints ------------------------------------------------------------------------------- */

static int hw_ep_read(void *opaque, unsigned int region, uint64_t offset, void *buf, size_t len)
{
	return endpoint_region_read(&((struct hw_slot *)opaque)->ep, region, offset, buf, len);
}

static int hw_ep_write(void *opaque, unsigned int region, uint64_t offset, const void *buf,
		       size_t len)
{
	return endpoint_region_write(&((struct hw_slot *)opaque)->ep, region, offset, buf, len);
}

/* All clients offer the same RAM; the first endpoint's says what there is. */
static int hw_ep_map(void *opaque, const struct vfio_user_dma *dma, int fd)
{
	struct hw_slot *slot = opaque;
	int rc;

	/* Memory without a file is ROM: nothing a device should reach. */
	if (fd < 0 || slot->index)
		return 0;
	rc = guest_ram_add(&slot->machine->ram, dma->iova, dma->size, fd, dma->offset,
			   dma->writable);
	if (rc)
		fprintf(stderr, "server: guest RAM at %#llx refused: %s\n",
			(unsigned long long)dma->iova, strerror(-rc));
	return rc;
}

static int hw_ep_unmap(void *opaque, uint64_t iova, uint64_t size, bool all)
{
	struct hw_slot *slot = opaque;

	if (slot->index)
		return 0;
	if (!all)
		return guest_ram_remove(&slot->machine->ram, iova, size);
	guest_ram_remove_all(&slot->machine->ram);
	return 0;
}

static void hw_ep_reset(void *opaque)
{
	endpoint_reset(&((struct hw_slot *)opaque)->ep);
}

static void hw_ep_disconnect(void *opaque)
{
	struct hw_slot *slot = opaque;

	endpoint_reset(&slot->ep);
	if (!slot->index)
		guest_ram_remove_all(&slot->machine->ram);
}

static const struct vfio_user_ops hw_ep_ops = {
	.region_read = hw_ep_read,
	.region_write = hw_ep_write,
	.dma_map = hw_ep_map,
	.dma_unmap = hw_ep_unmap,
	.reset = hw_ep_reset,
	.disconnect = hw_ep_disconnect,
};

/* The last one to leave switches the light off. */
static void hw_client_gone(void *opaque)
{
	struct hw_slot *slot = opaque;

	if (!slot->index && slot->machine->config.gone)
		slot->machine->config.gone();
}

/* ---- the unit -------------------------------------------------------------------------------- */

static struct endpoint *hw_endpoint(struct hw_machine *m, uint16_t rid)
{
	unsigned int i;

	for (i = 0; i < HW_ENDPOINTS; i++)
		if (m->slot[i].made && m->config.devfn[i] == rid)
			return &m->slot[i].ep;
	return NULL;
}

static void *hw_gpa(void *opaque, uint64_t gpa, uint32_t len, bool write)
{
	return guest_ram_ptr(&((struct hw_machine *)opaque)->ram, gpa, len, write);
}

static void hw_msi(void *opaque, uint64_t addr, uint32_t data)
{
	drhd_send_msi(&((struct hw_machine *)opaque)->drhd, addr, data);
}

static void hw_trace(void *opaque live_unused, const char *line)
{
	fprintf(stderr, "unit: %s\n", line);
}

static void hw_response(void *opaque, u16 rid, u32 pasid, u16 group, u32 code)
{
	struct endpoint *ep = hw_endpoint(opaque, rid);

	if (ep)
		endpoint_response(ep, pasid, group, code);
}

static void hw_invalidate(void *opaque, u16 rid, u32 pasid, bool all, u64 start, u64 last)
{
	struct endpoint *ep = hw_endpoint(opaque, rid);

	if (ep)
		endpoint_invalidate(ep, pasid, all, start, last);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int hw_make_unit(struct hw_machine *m)
{
	const struct vu_hw_ops ops = {
		.gpa = hw_gpa,
		.send_msi = hw_msi,
		.trace = m->config.trace ? hw_trace : NULL,
		.response = hw_response,
		.invalidate = hw_invalidate,
	};
	struct vu_hw_config config = {
		.flags = m->config.unit_flags,
		.ops = &ops,
		.opaque = m,
	};
	struct vtd_unit_config vcmd = { 0 };
	int rc = 0;

	if (m->config.vcmd_quota)
		rc = vcmd_host_start(&m->vcmd, m->config.vcmd_quota, &vcmd);
	config.vcmd = vcmd.vcmd;
	config.vcmd_opaque = vcmd.vcmd_opaque;
	if (!rc)
		rc = vu_hw_create(&config, &m->unit);
	if (rc)
		return rc;
	vtd_unit_set_broken(&m->unit->unit, m->config.broken);
	m->drhd.unit = &m->unit->unit;
	return vu_hw_service_start(m->unit);
}

static int hw_make_endpoint(struct hw_machine *m, unsigned int index)
{
	const struct endpoint_config config = {
		.devfn = m->config.devfn[index],
		.unit = m->unit,
		.ram = &m->ram,
		.record = &m->record,
		.delay_us = m->config.delay_us,
		.timeout_ms = m->config.timeout_ms,
	};
	struct hw_slot *slot = &m->slot[index];
	struct vfio_user_dev *vfio = &slot->ep.vfio;
	int rc = endpoint_init(&slot->ep, &config);

	if (rc)
		return rc;
	slot->machine = m;
	slot->index = index;
	slot->made = true;
	vfio_user_dev_init(vfio, &hw_ep_ops, slot);
	vfio->region_size[IOHW_BAR_REGS] = IOHW_BAR_SIZE;
	vfio->region_size[IOHW_BAR_MSIX] = 0x1000;
	vfio->region_size[VFIO_USER_CONFIG] = PCI_CONFIG_SIZE;
	vfio->nr_vectors = IOHW_VECTORS;
	slot->server.dev = vfio;
	slot->server.gone = hw_client_gone;
	return 0;
}

static int hw_listen(struct hw_machine *m)
{
	unsigned int n;
	int rc = 0;

	for (n = 0; n < HW_ENDPOINTS && !rc; n++)
		rc = vfio_user_server_start(&m->slot[n].server, m->config.endpoint_path[n]);
	if (!rc)
		rc = vfio_user_server_start(&m->drhd.server, m->config.drhd_path);
	else
		n--;
	while (rc && n--)
		vfio_user_server_stop(&m->slot[n].server);
	return rc;
}

static int hw_free(struct hw_machine *m)
{
	unsigned int i;
	int rc;

	/* Nobody answers endpoints that go. */
	if (m->unit)
		vu_hw_service_stop(m->unit);
	guest_ram_destroy(&m->ram);
	for (i = 0; i < HW_ENDPOINTS; i++) {
		if (!m->slot[i].made)
			continue;
		endpoint_destroy(&m->slot[i].ep);
		vfio_user_dev_destroy(&m->slot[i].ep.vfio);
	}
	vu_hw_destroy(m->unit);
	rc = vcmd_host_stop(&m->vcmd);
	vfio_user_dev_destroy(&m->drhd.vfio);
	record_close(&m->record);
	return rc;
}

int hw_machine_start(struct hw_machine *m, const struct hw_config *config)
{
	unsigned int i;
	int rc;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	guest_ram_init(&m->ram, config->max_ram, &hw_ram_ops, m);
	drhd_init(&m->drhd, &m->ram);
	rc = record_open(&m->record, config->log_path);
	if (!rc)
		rc = hw_make_unit(m);
	for (i = 0; i < HW_ENDPOINTS && !rc; i++)
		rc = hw_make_endpoint(m, i);
	if (!rc)
		rc = hw_listen(m);
	if (rc) {
		fprintf(stderr, "server: cannot start: %s\n", strerror(-rc));
		hw_free(m);
	}
	return rc;
}

void hw_machine_hang_up(struct hw_machine *m)
{
	unsigned int i;

	vfio_user_server_stop(&m->drhd.server);
	for (i = 0; i < HW_ENDPOINTS; i++)
		vfio_user_server_stop(&m->slot[i].server);
}

int hw_machine_stop(struct hw_machine *m)
{
	return hw_free(m);
}
