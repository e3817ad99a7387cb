// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define MACHINE_HOST   "live"
#define MACHINE_DEVICE "accel0"
#define MACHINE_COOKIE 1

/* ---- RAM ------------------------------------------------------------------------------------- */

static int machine_ram_map(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable)
{
	struct machine *m = opaque;

	return ioasid_map(m->ctx, m->gpa_ioasid, gpa, (uintptr_t)ptr, size,
			  IOASID_MAP_READ | (writable ? IOASID_MAP_WRITE : 0));
}

/* RAM left the lookup already; wait for the unit's and the devices' uses of it. */
static void machine_ram_unmap(void *opaque, uint64_t gpa, uint64_t size)
{
	struct machine *m = opaque;
	int rc;

	if (m->unit)
		vtd_unit_sync(m->unit);
	rc = ioasid_unmap(m->ctx, m->gpa_ioasid, gpa, size, NULL);
	if (rc) {
		/* Going on would leave devices with pointers to what is unmapped next. */
		fprintf(stderr, "server: cannot take RAM away: %s\n", strerror(-rc));
		abort();
	}
}

static const struct guest_ram_ops machine_ram_ops = {
	.map = machine_ram_map,
	.unmap = machine_ram_unmap,
};

/* ---- endpoint -------------------------------------------------------------------------------- */

static int machine_ep_read(void *opaque, unsigned int region, uint64_t offset, void *buf,
			   size_t len)
{
	return accel_region_read(&((struct machine *)opaque)->accel, region, offset, buf, len);
}

static int machine_ep_write(void *opaque, unsigned int region, uint64_t offset, const void *buf,
			    size_t len)
{
	return accel_region_write(&((struct machine *)opaque)->accel, region, offset, buf, len);
}

static int machine_ep_map(void *opaque, const struct vfio_user_dma *dma, int fd)
{
	struct machine *m = opaque;
	int rc;

	/* Memory without a file is ROM: nothing a device should reach. */
	if (fd < 0)
		return 0;
	rc = guest_ram_add(&m->ram, dma->iova, dma->size, fd, dma->offset, dma->writable);
	if (rc == -EPERM)
		fprintf(stderr,
			"server: guest RAM at %#llx is not a sealed memory file: use "
			"memory-backend-memfd with share=on (seal=on is its default)\n",
			(unsigned long long)dma->iova);
	else if (rc)
		fprintf(stderr, "server: guest RAM at %#llx refused: %s\n",
			(unsigned long long)dma->iova, strerror(-rc));
	return rc;
}

static int machine_ep_unmap(void *opaque, uint64_t iova, uint64_t size, bool all)
{
	struct machine *m = opaque;

	if (!all)
		return guest_ram_remove(&m->ram, iova, size);
	guest_ram_remove_all(&m->ram);
	return 0;
}

static void machine_ep_reset(void *opaque)
{
	accel_reset(&((struct machine *)opaque)->accel);
}

static void machine_ep_disconnect(void *opaque)
{
	struct machine *m = opaque;

	accel_reset(&m->accel);
	guest_ram_remove_all(&m->ram);
}

static const struct vfio_user_ops machine_ep_ops = {
	.region_read = machine_ep_read,
	.region_write = machine_ep_write,
	.dma_map = machine_ep_map,
	.dma_unmap = machine_ep_unmap,
	.reset = machine_ep_reset,
	.disconnect = machine_ep_disconnect,
};

/* The function was reset: its page requests are void for IOMMU and unit alike. */
static void machine_accel_reset(void *opaque)
{
	struct machine *m = opaque;

	if (m->dev)
		ioasid_dev_reset(m->dev);
	if (m->unit)
		vtd_unit_device_reset(m->unit, m->config.devfn);
}

/*
 * A page request of the accelerator waits in the context's fault queue: carry it to the guest from
 * here. The unit's service thread would do it, too, one wake-up later.
 */
static void machine_page_requested(void *opaque)
{
	vtd_unit_process_faults(((struct machine *)opaque)->unit);
}

static bool machine_request_pending(void *opaque, uint32_t pasid, uint32_t group)
{
	struct machine *m = opaque;

	return vtd_unit_request_pending(m->unit, m->config.devfn, pasid, group);
}

static void machine_client_gone(void *opaque)
{
	struct machine *m = opaque;

	if (m->config.gone)
		m->config.gone();
}

/* ---- the unit -------------------------------------------------------------------------------- */

static void *machine_gpa(void *opaque, uint64_t gpa, uint32_t len, bool write)
{
	return guest_ram_ptr(&((struct machine *)opaque)->ram, gpa, len, write);
}

static void machine_msi(void *opaque, uint64_t addr, uint32_t data)
{
	drhd_send_msi(&((struct machine *)opaque)->drhd, addr, data);
}

static void machine_trace(void *opaque live_unused, const char *line)
{
	fprintf(stderr, "unit: %s\n", line);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int machine_make_context(struct machine *m)
{
	struct ioasid_host_config host = { .size = sizeof(host) };
	unsigned int broken = m->config.broken;
	int rc;

	if (broken & MACHINE_BREAK_NO_AD)
		host.flags |= IOASID_HOST_TEST_NO_AD;
	if (broken & MACHINE_BREAK_HOST_NO_INVALIDATE)
		host.flags |= IOASID_HOST_TEST_NO_INVALIDATE;
	if (broken & MACHINE_BREAK_HOST_NO_WAIT)
		host.flags |= IOASID_HOST_TEST_NO_WAIT;
	rc = ioasid_host_create(MACHINE_HOST, &host, &m->host);
	if (rc)
		return rc;
	rc = ioasid_open("inproc:" MACHINE_HOST, &m->ctx);
	if (rc)
		return rc;
	return ioasid_alloc_kernel(m->ctx, &m->gpa_ioasid);
}

static int machine_make_unit(struct machine *m)
{
	struct vtd_unit_ops ops = {
		.gpa = machine_gpa,
		.send_msi = machine_msi,
		.trace = m->config.trace ? machine_trace : NULL,
	};
	struct vtd_unit_config config = {
		.size = sizeof(config),
		.flags = m->config.levels5 ? VTD_UNIT_LEVELS5 : 0,
		.gpa_ioasid = m->gpa_ioasid,
		.ctx = m->ctx,
		.ops = &ops,
		.opaque = m,
	};
	uint32_t broken = 0;
	int rc = 0;

	if (m->config.vcmd_quota)
		rc = vcmd_host_start(&m->vcmd, m->config.vcmd_quota, &config);
	if (!rc)
		rc = vtd_unit_create(&config, &m->unit);
	if (rc)
		return rc;
	if (m->config.broken & MACHINE_BREAK_NO_INVALIDATE)
		broken |= VTD_UNIT_BREAK_NO_INVALIDATE;
	if (m->config.broken & MACHINE_BREAK_NO_WAIT)
		broken |= VTD_UNIT_BREAK_NO_WAIT;
	vtd_unit_set_broken(m->unit, broken);
	m->drhd.unit = m->unit;
	return 0;
}

static int machine_make_device(struct machine *m)
{
	struct accel_config config = {
		.devfn = m->config.devfn,
		.ram = &m->ram,
		.page_requested = machine_page_requested,
		.request_pending = machine_request_pending,
		.delay_us = m->config.delay_us,
		.on_reset = machine_accel_reset,
		.opaque = m,
	};
	struct vfio_user_dev *vfio = &m->accel.vfio;
	int rc;

	rc = accel_init(&m->accel, &config, m->host, MACHINE_DEVICE);
	if (rc)
		return rc;
	vfio_user_dev_init(vfio, &machine_ep_ops, m);
	vfio->region_size[ACCEL_BAR_REGS] = ACCEL_REGS_SIZE;
	vfio->region_size[ACCEL_BAR_DOORBELL] = ACCEL_QUEUES * ACCEL_DOORBELL_STRIDE;
	vfio->region_size[ACCEL_BAR_MSIX] = 0x1000;
	vfio->region_size[VFIO_USER_CONFIG] = PCI_CONFIG_SIZE;
	vfio->nr_vectors = ACCEL_QUEUES;
	rc = ioasid_dev_open(m->ctx, MACHINE_DEVICE, &m->dev);
	if (rc)
		return rc;
	rc = ioasid_dev_bind(m->dev, m->ctx, MACHINE_COOKIE);
	if (rc)
		return rc;
	return vtd_unit_add_device(m->unit, m->config.devfn, m->dev, MACHINE_COOKIE);
}

static int machine_listen(struct machine *m)
{
	int rc;

	m->endpoint.dev = &m->accel.vfio;
	m->endpoint.gone = machine_client_gone;
	rc = vfio_user_server_start(&m->endpoint, m->config.endpoint_path);
	if (rc)
		return rc;
	rc = vfio_user_server_start(&m->drhd.server, m->config.drhd_path);
	if (rc)
		vfio_user_server_stop(&m->endpoint);
	return rc;
}

/* Everything but the sockets, in the order that leaves nobody with what is gone. */
static int machine_free(struct machine *m)
{
	int rc;

	if (m->unit && m->dev)
		vtd_unit_remove_device(m->unit, m->config.devfn);
	ioasid_dev_close(m->dev);
	m->dev = NULL;
	if (m->accel.dev)
		accel_destroy(&m->accel);
	vtd_unit_destroy(m->unit);
	m->unit = NULL;
	rc = vcmd_host_stop(&m->vcmd);
	if (m->ctx) {
		guest_ram_destroy(&m->ram);
		ioasid_close(m->ctx);
	}
	if (m->host)
		ioasid_host_put(m->host);
	return rc;
}

int machine_start(struct machine *m, const struct machine_config *config)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	guest_ram_init(&m->ram, config->max_ram, &machine_ram_ops, m);
	drhd_init(&m->drhd, &m->ram);
	rc = machine_make_context(m);
	if (!rc)
		rc = machine_make_unit(m);
	if (!rc)
		rc = machine_make_device(m);
	if (!rc)
		rc = vtd_unit_service_start(m->unit);
	if (!rc)
		rc = machine_listen(m);
	if (rc) {
		fprintf(stderr, "server: cannot start: %s\n", strerror(-rc));
		machine_free(m);
	}
	return rc;
}

void machine_hang_up(struct machine *m)
{
	vfio_user_server_stop(&m->drhd.server);
	vfio_user_server_stop(&m->endpoint);
}

int machine_stop(struct machine *m)
{
	int rc = machine_free(m);

	vfio_user_dev_destroy(&m->accel.vfio);
	vfio_user_dev_destroy(&m->drhd.vfio);
	return rc;
}
