// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The VT-d unit: creation, reset, devices, threads, statistics. */
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "viommu/unit.h"

#define VU_FLAGS                                                                               \
	(VTD_UNIT_NO_CM | VTD_UNIT_NO_PRS | VTD_UNIT_NO_DT | VTD_UNIT_NO_PT | VTD_UNIT_NO_SC | \
	 VTD_UNIT_LEVELS5 | VTD_UNIT_BLOCK | VTD_UNIT_CPU_PASID)
#define VU_BREAKS (VTD_UNIT_BREAK_NO_INVALIDATE | VTD_UNIT_BREAK_NO_WAIT)
/* Guest-physical addresses may have any width that entries can hold; RAM ends where it ends. */
#define VU_HAW		     52
#define VU_MAX_DEVICES	     4096
#define VU_MAX_PAGE_REQUESTS (1u << 20)

/* ---- guest memory and tracing ------------------------------------------------------------------ */

void *vu_gpa(struct vtd_unit *unit, u64 gpa, u32 len, bool write)
{
	void *p = unit->ops.gpa(unit->cfg.opaque, gpa, len, write);

	if (!p)
		vu_count(&unit->stats.bad_gpa);
	return p;
}

static void *vu_mem_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct vtd_unit *unit = container_of(mem, struct vtd_unit, mem);

	return vu_gpa(unit, pa, len, false);
}

void vu_trace_line(struct vtd_unit *unit, const char *fmt, ...)
{
	char line[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	unit->ops.trace(unit->cfg.opaque, line);
}

/* ---- configuration --------------------------------------------------------------------------------- */

static u64 vu_make_cap(const struct vtd_unit_config *cfg)
{
	u64 cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_MGAW, cfg->mgaw - 1) |
		  VTD_CAP_ZLR | FIELD_PREP(VTD_CAP_FRO, VTD_UNIT_FRO) | VTD_CAP_PSI |
		  FIELD_PREP(VTD_CAP_NFR, cfg->nr_fault_records - 1) |
		  FIELD_PREP(VTD_CAP_MAMV, VTD_UNIT_MAMV) | VTD_CAP_DWD | VTD_CAP_DRD |
		  VTD_CAP_FS1GP | VTD_CAP_ESRTPS;

	if (!(cfg->flags & VTD_UNIT_NO_CM))
		cap |= VTD_CAP_CM;
	if (cfg->flags & VTD_UNIT_LEVELS5)
		cap |= VTD_CAP_FS5LP;
	return cap;
}

static u64 vu_make_ecap(const struct vtd_unit_config *cfg)
{
	u64 ecap = VTD_ECAP_C | VTD_ECAP_QI | FIELD_PREP(VTD_ECAP_IRO, VTD_UNIT_IRO) |
		   FIELD_PREP(VTD_ECAP_PSS, cfg->pasid_bits - 1) | VTD_ECAP_PASID | VTD_ECAP_SMTS |
		   VTD_ECAP_FSTS | VTD_ECAP_SMPWCS;

	if (!(cfg->flags & VTD_UNIT_NO_DT))
		ecap |= VTD_ECAP_DT;
	if (!(cfg->flags & (VTD_UNIT_NO_DT | VTD_UNIT_NO_PRS)))
		ecap |= VTD_ECAP_PRS | VTD_ECAP_PDS;
	if (!(cfg->flags & VTD_UNIT_NO_PT))
		ecap |= VTD_ECAP_PT;
	if (!(cfg->flags & VTD_UNIT_NO_SC))
		ecap |= VTD_ECAP_SC;
	if (cfg->vcmd)
		ecap |= VTD_ECAP_VCS;
	return ecap;
}

static void vu_default(u32 *value, u32 def)
{
	if (!*value)
		*value = def;
}

/* What a caller's older, shorter structure does not have is 0. */
static int vu_take_config(struct vtd_unit_config *cfg, const struct vtd_unit_config *config)
{
	if (config->size != sizeof(*config) &&
	    config->size != offsetof(struct vtd_unit_config, vcmd))
		return -EINVAL;
	memset(cfg, 0, sizeof(*cfg));
	memcpy(cfg, config, config->size);
	if (!cfg->ctx || !cfg->ops || !cfg->ops->gpa || !cfg->ops->send_msi ||
	    (cfg->flags & ~VU_FLAGS))
		return -EINVAL;
	return 0;
}

static int vu_configure(struct vtd_unit *unit, const struct vtd_unit_config *config)
{
	struct vtd_unit_config *cfg = &unit->cfg;
	int rc = vu_take_config(cfg, config);

	if (rc)
		return rc;
	unit->ops = *cfg->ops;
	vu_default(&cfg->mgaw, cfg->flags & VTD_UNIT_LEVELS5 ? 57 : 48);
	vu_default(&cfg->pasid_bits, IOASID_PASID_BITS);
	vu_default(&cfg->nr_fault_records, 8);
	vu_default(&cfg->max_devices, 64);
	vu_default(&cfg->max_pasids, 65536);
	vu_default(&cfg->max_page_requests, 4096);
	if (cfg->mgaw < 39 || cfg->mgaw > 57 || cfg->pasid_bits > IOASID_PASID_BITS ||
	    cfg->nr_fault_records > VTD_UNIT_NR_FR_MAX || cfg->max_devices > VU_MAX_DEVICES ||
	    cfg->max_page_requests > VU_MAX_PAGE_REQUESTS)
		return -EINVAL;
	unit->cap = vu_make_cap(cfg);
	unit->ecap = vu_make_ecap(cfg);
	vtd_caps_decode(&unit->caps, unit->cap, unit->ecap, VU_HAW);
	phys_mem_init_callback(&unit->mem, vu_mem_at);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------------------ */

static int vu_check_gpa_space(const struct vtd_unit_config *cfg)
{
	struct ioasid_ioas_info info = { .ioasid = cfg->gpa_ioasid };
	int rc = ioasid_ioas_get_info(cfg->ctx, cfg->gpa_ioasid, &info);

	if (rc)
		return rc;
	return info.kind == IOASID_KIND_KERNEL && info.parent == IOASID_INVALID ? 0 : -EINVAL;
}

static int vu_init(struct vtd_unit *unit)
{
	int rc = vu_check_gpa_space(&unit->cfg);

	if (rc)
		return rc;
	unit->dids = kcalloc(VU_NR_DIDS, sizeof(*unit->dids), GFP_KERNEL);
	if (!unit->dids)
		return -ENOMEM;
	rc = vu_events_init(unit);
	if (rc)
		goto free_dids;
	unit->fault_fd = ioasid_fault_open(unit->cfg.ctx, unit->cfg.fault_capacity);
	if (unit->fault_fd < 0) {
		rc = unit->fault_fd;
		goto destroy_events;
	}
	rc = vu_vcmd_init(unit, unit->cfg.vcmd);
	if (!rc)
		return 0;
	ioasid_fault_close(unit->cfg.ctx);

destroy_events:
	vu_events_destroy(unit);
free_dids:
	kfree(unit->dids);
	return rc;
}

int vtd_unit_create(const struct vtd_unit_config *config, struct vtd_unit **unitp)
{
	struct vtd_unit *unit = kzalloc(sizeof(*unit), GFP_KERNEL);
	int rc;

	if (!unit)
		return -ENOMEM;
	rc = vu_configure(unit, config);
	if (rc)
		goto free;
	unit->be = &vu_front;
	mutex_init(&unit->config);
	mutex_init(&unit->regs_lock);
	INIT_LIST_HEAD(&unit->devices);
	INIT_LIST_HEAD(&unit->zombies);
	/* Run 0 is never: what was not invalidated yet has a 0 in it. */
	unit->run = 1;
	unit->stop_fd = -1;
	rc = vu_init(unit);
	if (rc)
		goto free;
	*unitp = unit;
	return 0;

free:
	kfree(unit);
	return rc;
}

static void vu_dev_free(struct vtd_unit *unit, struct vu_dev *dev)
{
	vu_bind_drop_dev(unit, dev);
	mutex_lock(&unit->regs_lock);
	list_del(&dev->link);
	unit->nr_devices--;
	mutex_unlock(&unit->regs_lock);
	kfree(dev);
}

void vtd_unit_destroy(struct vtd_unit *unit)
{
	struct vu_dev *dev, *next_dev;
	struct vu_bind *b, *next;

	if (!unit)
		return;
	vtd_unit_service_stop(unit);
	mutex_lock(&unit->config);
	list_for_each_entry_safe(dev, next_dev, &unit->devices, link)
		vu_dev_free(unit, dev);
	vu_bind_reap(unit);
	/* What a fenced device still holds ends with the context. */
	list_for_each_entry_safe(b, next, &unit->zombies, dev_link)
		kfree(b);
	mutex_unlock(&unit->config);
	/* Nothing of ours carries the guest's numbers any more. */
	vu_vcmd_destroy(unit);
	ioasid_fault_close(unit->cfg.ctx);
	vu_events_destroy(unit);
	kfree(unit->dids);
	mutex_destroy(&unit->config);
	mutex_destroy(&unit->regs_lock);
	kfree(unit);
}

void vtd_unit_reset(struct vtd_unit *unit)
{
	struct vu_dev *dev;

	mutex_lock(&unit->config);
	mutex_lock(&unit->regs_lock);
	vu_regs_reset(unit);
	vu_events_reset(unit);
	mutex_unlock(&unit->regs_lock);
	/* Translation is off, so none are added. */
	list_for_each_entry(dev, &unit->devices, link) {
		vu_request_drop(unit, dev, IOASID_INVALID);
		vu_bind_settle(unit, dev, IOASID_INVALID);
	}
	unit->run++;
	unit->be->begin(unit);
	unit->be->retranslate(unit);
	mutex_unlock(&unit->config);
	vu_vcmd_reset(unit);
	vu_trace(unit, "reset");
}

void vtd_unit_sync(struct vtd_unit *unit)
{
	mutex_lock(&unit->config);
	mutex_lock(&unit->regs_lock);
	mutex_unlock(&unit->regs_lock);
	mutex_unlock(&unit->config);
}

void vtd_unit_set_broken(struct vtd_unit *unit, uint32_t flags)
{
	mutex_lock(&unit->config);
	unit->broken = flags & VU_BREAKS;
	mutex_unlock(&unit->config);
}

/* ---- devices ----------------------------------------------------------------------------------------------- */

struct vu_dev *vu_dev_by_rid(struct vtd_unit *unit, u16 rid)
{
	struct vu_dev *dev;

	list_for_each_entry(dev, &unit->devices, link)
		if (dev->rid == rid)
			return dev;
	return NULL;
}

struct vu_dev *vu_dev_by_cookie(struct vtd_unit *unit, u64 cookie)
{
	struct vu_dev *dev;

	list_for_each_entry(dev, &unit->devices, link)
		if (dev->cookie == cookie)
			return dev;
	return NULL;
}

static int vu_dev_new(struct vtd_unit *unit, u16 rid, struct ioasid_dev *handle, u64 cookie,
		      struct vu_dev **devp)
{
	struct ioasid_device_info info = { 0 };
	struct vu_dev *dev;
	u32 bits;
	int rc;

	if (vu_dev_by_rid(unit, rid) || vu_dev_by_cookie(unit, cookie))
		return -EEXIST;
	if (unit->nr_devices >= unit->cfg.max_devices)
		return -ENOSPC;
	rc = ioasid_dev_get_info(handle, &info);
	if (rc)
		return rc;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	bits = info.caps & IOASID_DEV_PASID ? min(info.pasid_width, unit->cfg.pasid_bits) : 0;
	dev->handle = handle;
	dev->cookie = cookie;
	dev->rid = rid;
	dev->global = info.mode == IOASID_MODE_GLOBAL;
	dev->pasid_limit = bits ? 1u << bits : 0;
	dev->attached = IOASID_INVALID;
	INIT_LIST_HEAD(&dev->binds);
	INIT_LIST_HEAD(&dev->parked);
	INIT_LIST_HEAD(&dev->pending);
	*devp = dev;
	return 0;
}

int vtd_unit_add_device(struct vtd_unit *unit, uint16_t rid, struct ioasid_dev *handle,
			uint64_t cookie)
{
	struct vu_dev *dev;
	int rc;

	mutex_lock(&unit->config);
	rc = vu_dev_new(unit, rid, handle, cookie, &dev);
	if (rc)
		goto unlock;
	mutex_lock(&unit->regs_lock);
	list_add_tail(&dev->link, &unit->devices);
	unit->nr_devices++;
	mutex_unlock(&unit->regs_lock);
	unit->run++;
	rc = vu_bind_sync_dev(unit, dev);
	if (rc)
		vu_dev_free(unit, dev);
	else
		vu_trace(unit, "device rid %04x added", rid);
unlock:
	mutex_unlock(&unit->config);
	return rc;
}

int vtd_unit_remove_device(struct vtd_unit *unit, uint16_t rid)
{
	struct vu_dev *dev;

	mutex_lock(&unit->config);
	dev = vu_dev_by_rid(unit, rid);
	if (dev)
		vu_dev_free(unit, dev);
	mutex_unlock(&unit->config);
	return dev ? 0 : -ENOENT;
}

int vtd_unit_device_reset(struct vtd_unit *unit, uint16_t rid)
{
	struct vu_dev *dev;

	mutex_lock(&unit->config);
	dev = vu_dev_by_rid(unit, rid);
	if (dev) {
		dev->fenced = false;
		vu_request_drop(unit, dev, IOASID_INVALID);
		vu_bind_settle(unit, dev, IOASID_INVALID);
	}
	mutex_unlock(&unit->config);
	return dev ? 0 : -ENOENT;
}

int vtd_unit_prepare(struct vtd_unit *unit, uint16_t rid, uint32_t pasid)
{
	u32 number = pasid == IOASID_INVALID ? 0 : pasid;
	struct vu_dev *dev;
	int rc = -ENODEV;

	if (pasid != IOASID_INVALID && (!pasid || pasid >> IOASID_PASID_BITS))
		return -ENOENT;
	mutex_lock(&unit->config);
	dev = vu_dev_by_rid(unit, rid);
	if (!dev)
		goto unlock;
	rc = 0;
	if (!vu_bind_find(dev, number))
		rc = vu_bind_sync(unit, dev, number);
	if (!rc && !vu_bind_find(dev, number) && (number || dev->attached == IOASID_INVALID))
		rc = -ENOENT;
unlock:
	mutex_unlock(&unit->config);
	return rc;
}

/* ---- faults: descriptor and thread ----------------------------------------------------------------------------- */

int vtd_unit_fault_fd(struct vtd_unit *unit)
{
	return unit->fault_fd;
}

static void *vu_service(void *arg)
{
	struct vtd_unit *unit = arg;
	struct pollfd fds[] = {
		{ .fd = unit->fault_fd, .events = POLLIN },
		{ .fd = unit->stop_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			break;
		if (fds[0].revents & POLLIN)
			vtd_unit_process_faults(unit);
		else if (fds[0].revents)
			break;
	}
	return NULL;
}

int vu_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

int vtd_unit_service_start(struct vtd_unit *unit)
{
	int rc;

	if (unit->serving)
		return -EALREADY;
	unit->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (unit->stop_fd < 0)
		return -errno;
	rc = vu_thread_start(&unit->service, vu_service, unit);
	if (rc) {
		close(unit->stop_fd);
		unit->stop_fd = -1;
		return rc;
	}
	unit->serving = true;
	return 0;
}

void vtd_unit_service_stop(struct vtd_unit *unit)
{
	u64 one = 1;

	if (!unit->serving)
		return;
	if (write(unit->stop_fd, &one, sizeof(one)) != sizeof(one))
		pr_warn_ratelimited("vtd unit: cannot stop its service thread\n");
	pthread_join(unit->service, NULL);
	close(unit->stop_fd);
	unit->stop_fd = -1;
	unit->serving = false;
}

/* ---- statistics --------------------------------------------------------------------------------------------------- */

void vtd_unit_get_stats(struct vtd_unit *unit, struct vtd_unit_stats *stats)
{
	const u64 *from = (const u64 *)&unit->stats;
	u64 *to = (u64 *)stats;
	u32 i;

	BUILD_BUG_ON(sizeof(*stats) % sizeof(u64));
	for (i = 0; i < sizeof(*stats) / sizeof(u64); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
