// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stddef.h>
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

	if (m->member)
		meeting_leave(m->member);
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

/* A CPU of the guest sends a number that it has no translation of: it gets one if it is routed. */
static int machine_enqcmd_exit(void *opaque, uint32_t vpasid)
{
	return ioasid_cpu_pasid_map(((struct machine *)opaque)->ctx, vpasid);
}

static uint64_t machine_meet_read(void *opaque, uint64_t off)
{
	return meeting_read(((struct machine *)opaque)->member, off);
}

static void machine_meet_write(void *opaque, uint64_t off, uint32_t value)
{
	meeting_write(((struct machine *)opaque)->member, off, value);
}

int machine_numbers(struct machine *m, struct ioasid_info *info)
{
	memset(info, 0, sizeof(*info));
	return ioasid_get_info(m->ctx, NULL, 0, info);
}

/* Both sockets of a guest are left, in any order: then nothing of it may be left either. */
static void machine_side_gone(struct machine *m)
{
	struct ioasid_info info;

	if (m->member && atomic_fetch_add(&m->sides_gone, 1) % 2 == 0)
		return;
	if (m->member && !machine_numbers(m, &info))
		fprintf(stderr, "guest %u: gone, numbers %u live, %u pending\n",
			m->config.slice + 1, info.ids_live, info.ids_pending);
	if (m->config.gone)
		m->config.gone();
}

static void machine_ep_gone(void *opaque)
{
	machine_side_gone(opaque);
}

static void machine_drhd_gone(void *opaque)
{
	struct drhd *drhd = opaque;

	machine_side_gone((struct machine *)((char *)drhd - offsetof(struct machine, drhd)));
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

/* ---- boards ---------------------------------------------------------------------------------- */

static int machine_make_host(const struct machine_config *c, struct ioasid_host **hostp)
{
	struct ioasid_host_config host = { .size = sizeof(host), .socket_path = c->host_socket };

	if (c->broken & MACHINE_BREAK_NO_AD)
		host.flags |= IOASID_HOST_TEST_NO_AD;
	if (c->broken & MACHINE_BREAK_HOST_NO_INVALIDATE)
		host.flags |= IOASID_HOST_TEST_NO_INVALIDATE;
	if (c->broken & MACHINE_BREAK_HOST_NO_WAIT)
		host.flags |= IOASID_HOST_TEST_NO_WAIT;
	return ioasid_host_create(MACHINE_HOST, &host, hostp);
}

static int board_make(struct board *b, const struct machine_config *config)
{
	struct ioasid_hostdev_config dev = {
		.size = sizeof(dev),
		.name = MACHINE_DEVICE,
		.rid = config->devfn,
		.dev_class = IOASID_CLASS_PDEV_DMWR,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = IOASID_PASID_BITS,
		.group = IOASID_INVALID,
	};
	int rc = machine_make_host(config, &b->host);

	if (rc)
		return rc;
	rc = ioasid_hostdev_create(b->host, &dev, &b->parent);
	if (rc)
		ioasid_host_put(b->host);
	return rc;
}

int board_start(struct board *b, const struct machine_config *config, unsigned int nr)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->nr = nr;
	rc = board_make(b, config);
	if (rc)
		fprintf(stderr, "server: cannot make the function: %s\n", strerror(-rc));
	else
		meeting_init(&b->meeting, nr);
	return rc;
}

void board_stop(struct board *b)
{
	meeting_destroy(&b->meeting);
	ioasid_hostdev_destroy(b->parent);
	ioasid_host_put(b->host);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int machine_make_context(struct machine *m)
{
	int rc = 0;

	if (!m->config.board)
		rc = machine_make_host(&m->config, &m->host);
	if (!rc)
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
		.flags = (m->config.levels5 ? VTD_UNIT_LEVELS5 : 0) |
			 (m->config.board && !m->config.lazy ? VTD_UNIT_CPU_PASID : 0),
		.pasid_bits = m->bits,
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

static unsigned int machine_accel_broken(const struct machine_config *c)
{
	return (c->broken & MACHINE_BREAK_NO_MEDIATION ? ACCEL_BREAK_MEDIATION : 0) |
	       (c->broken & MACHINE_BREAK_NO_PORTAL ? ACCEL_BREAK_PORTAL : 0);
}

static int machine_make_accel(struct machine *m)
{
	struct board *board = m->config.board;
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
	int rc = 0;

	if (board) {
		config.parent = board->parent;
		config.slice = m->config.slice;
		config.nr_slices = board->nr;
		config.enqcmd_exit = machine_enqcmd_exit;
		config.meet_read = m->config.meet ? machine_meet_read : NULL;
		config.meet_write = m->config.meet ? machine_meet_write : NULL;
		config.broken = machine_accel_broken(&m->config);
		rc = ioasid_vm_create(board->host, &m->vm);
		config.vm = m->vm;
	}
	if (!rc)
		rc = accel_init(&m->accel, &config, board ? board->host : m->host, m->name);
	if (rc)
		return rc;
	vfio_user_dev_init(vfio, &machine_ep_ops, m);
	vfio->region_size[ACCEL_BAR_REGS] = ACCEL_REGS_SIZE;
	vfio->region_size[ACCEL_BAR_DOORBELL] = accel_bar2_size(&config);
	vfio->region_size[ACCEL_BAR_MSIX] = 0x1000;
	vfio->region_size[VFIO_USER_CONFIG] = PCI_CONFIG_SIZE;
	vfio->nr_vectors = ACCEL_QUEUES;
	return 0;
}

static int machine_make_device(struct machine *m)
{
	int rc;

	if (m->config.board)
		snprintf(m->name, sizeof(m->name), MACHINE_DEVICE ".%u", m->config.slice + 1);
	else
		snprintf(m->name, sizeof(m->name), MACHINE_DEVICE);
	rc = machine_make_accel(m);
	if (!rc)
		rc = ioasid_dev_open(m->ctx, m->name, &m->dev);
	if (!rc)
		rc = ioasid_dev_bind(m->dev, m->ctx, MACHINE_COOKIE);
	return rc;
}

/*
 * A slice's numbers: the guest's own are below the split, and that is the width it is told. What they are
 * on the wire the host decides, and the guest's CPUs translate them.
 */
static int machine_make_numbers(struct machine *m)
{
	const uint64_t cookie = MACHINE_COOKIE;
	struct ioasid_info info = { 0 };
	int rc;

	if (!m->config.board)
		return 0;
	rc = ioasid_set_hwid_mode(m->ctx, IOASID_MODE_GLOBAL);
	if (!rc)
		rc = ioasid_hwid_set_global_min(m->ctx, MACHINE_GLOBAL_MIN);
	if (!rc)
		rc = ioasid_get_info(m->ctx, &cookie, 1, &info);
	if (!rc)
		rc = ioasid_hwid_set_promised_width(m->ctx, info.pasid_bits);
	m->bits = info.vtd_pss + 1;
	if (!rc)
		rc = ioasid_cpu_pasid_enable(m->ctx, ioasid_vm_fd(m->vm));
	return rc;
}

static int machine_listen(struct machine *m)
{
	int rc;

	m->endpoint.dev = &m->accel.vfio;
	m->endpoint.gone = machine_ep_gone;
	m->drhd.server.gone = m->member ? machine_drhd_gone : NULL;
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

	/* Without the device there is nothing to remove. */
	if (m->unit && m->dev)
		vtd_unit_remove_device(m->unit, m->config.devfn);
	ioasid_dev_close(m->dev);
	m->dev = NULL;
	if (m->accel.dev)
		accel_destroy(&m->accel);
	vtd_unit_destroy(m->unit);
	m->unit = NULL;
	rc = vcmd_host_stop(&m->vcmd);
	if (m->vm)
		ioasid_vm_destroy(m->vm);
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
	if (config->board) {
		m->member = &config->board->meeting.members[config->slice];
		m->member->accel = &m->accel;
		m->member->ram = &m->ram;
	}
	rc = machine_make_context(m);
	if (!rc)
		rc = machine_make_device(m);
	if (!rc)
		rc = machine_make_numbers(m);
	if (!rc)
		rc = machine_make_unit(m);
	if (!rc)
		rc = vtd_unit_add_device(m->unit, m->config.devfn, m->dev, MACHINE_COOKIE);
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
