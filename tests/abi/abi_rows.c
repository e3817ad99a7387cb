// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>

#include "tests/abi/abi_rows.h"

#define PAGE	  4096
#define END(t, f) (offsetof(struct t, f) + sizeof(((struct t *)0)->f))
#define OUT(t, f)                                                 \
	{                                                         \
		offsetof(struct t, f), sizeof(((struct t *)0)->f) \
	}
#define ROW(c, t, last) .name = #c, .cmd = c, .size = sizeof(struct t), .min = END(t, last)
#define RESERVED(t)	.reserved = offsetof(struct t, __reserved)

static void valid_nothing(struct abi_world *w, void *arg)
{
	(void)w;
	(void)arg;
}

static void valid_device_info(struct abi_world *w, void *arg)
{
	((struct ioasid_device_info *)arg)->cookie = w->cookie;
}

static void valid_ioas_info(struct abi_world *w, void *arg)
{
	((struct ioasid_ioas_info *)arg)->ioasid = w->kernel;
}

static void valid_alloc(struct abi_world *w, void *arg)
{
	struct ioasid_alloc *a = arg;

	(void)w;
	a->kind = IOASID_KIND_KERNEL;
	a->parent = IOASID_INVALID;
}

static void undo_alloc(struct abi_world *w, void *arg)
{
	ioasid_ioas_free(w->ctx, ((struct ioasid_alloc *)arg)->ioasid);
}

static void valid_free(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_free *)arg)->ioasid = 0x3ffffff0;
}

static void valid_map(struct abi_world *w, void *arg)
{
	struct ioasid_map_dma *m = arg;

	m->flags = IOASID_MAP_READ;
	m->ioasid = w->kernel;
	m->iova = 0x70000000;
	m->vaddr = (uintptr_t)w->page;
	m->length = PAGE;
}

static void undo_map(struct abi_world *w, void *arg)
{
	ioasid_unmap(w->ctx, ((struct ioasid_map_dma *)arg)->ioasid, 0x70000000, PAGE, NULL);
}

static void valid_unmap(struct abi_world *w, void *arg)
{
	struct ioasid_unmap_dma *u = arg;

	u->ioasid = w->kernel;
	u->iova = 0x50000000;
	u->length = PAGE;
}

static void valid_bind_pgtable(struct abi_world *w, void *arg)
{
	struct ioasid_bind_pgtable *b = arg;

	b->flags = IOASID_BIND_NONE;
	b->ioasid = w->user;
}

static void valid_set_pasid_table(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_bind_pgtable *)arg)->ioasid = 0x3ffffff0;
}

static void valid_hwid(struct abi_world *w, void *arg)
{
	struct ioasid_set_hwid *h = arg;

	(void)w;
	h->ioasid = 0x3ffffff0;
	h->vpasid = 5;
}

static void valid_mode(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_hwid_policy *)arg)->value = IOASID_MODE_LOCAL;
}

static void valid_global_min(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_hwid_policy *)arg)->value = 1024;
}

static void valid_quota(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_quota *)arg)->quota = 10;
}

static void undo_quota(struct abi_world *w, void *arg)
{
	(void)arg;
	ioasid_set_quota(w->ctx, IOASID_INVALID, false);
}

static void valid_limit(struct abi_world *w, void *arg)
{
	struct ioasid_limit *l = arg;

	l->max = 1000;
	l->flags = w->group < 0 ? IOASID_LIMIT_PATH : IOASID_LIMIT_FD;
	if (w->group >= 0) {
		l->fd = w->group;
		return;
	}
	l->path = (uintptr_t)ABI_GROUP;
	l->path_len = sizeof(ABI_GROUP) - 1;
}

static void valid_invalidate(struct abi_world *w, void *arg)
{
	((struct ioasid_invalidate *)arg)->ioasid = w->user;
}

static void undo_fault_fd(struct abi_world *w, void *arg)
{
	(void)arg;
	ioasid_fault_close(w->ctx);
}

static void valid_cpu_pasid(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_cpu_pasid *)arg)->vpasid = 1;
}

static void valid_response(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_page_response *)arg)->id = 0x3ffff0;
}

static void valid_query(struct abi_world *w, void *arg)
{
	struct ioasid_query *q = arg;

	q->type = IOASID_QUERY_IOAS;
	q->buffer = (uintptr_t)w->buffer;
	q->room = 1000; /* more than one call gives, and there is less */
}

static void valid_bind(struct abi_world *w, void *arg)
{
	struct ioasid_dev_bind *b = arg;

	b->ioasid_fd = ioasid_fd(w->ctx);
	b->cookie = 0xb1b1;
}

static void valid_attach(struct abi_world *w, void *arg)
{
	((struct ioasid_dev_attach *)arg)->ioasid = w->kernel;
}

static void undo_attach(struct abi_world *w, void *arg)
{
	ioasid_dev_detach(w->bound, ((struct ioasid_dev_attach *)arg)->ioasid);
}

static void valid_eventfd(struct abi_world *w, void *arg)
{
	(void)w;
	((struct ioasid_dev_eventfd *)arg)->fd = -1;
}

/* clang-format off */
const struct abi_row abi_rows[] = {
	{ ROW(IOASID_CHECK_EXTENSION, ioasid_check_extension, value),
	  .out = { OUT(ioasid_check_extension, value) },
	  .valid = valid_nothing },
	{ ROW(IOASID_GET_INFO, ioasid_info, non_coherent),
	  .flags = IOASID_INFO_COOKIES,
	  .out = { OUT(ioasid_info, pasid_bits), OUT(ioasid_info, vtd_pss),
		   OUT(ioasid_info, smmu_ssidsize), OUT(ioasid_info, pcie_width),
		   OUT(ioasid_info, promised_bits), OUT(ioasid_info, nr_ioasids),
		   OUT(ioasid_info, nr_devices), OUT(ioasid_info, nr_routes),
		   OUT(ioasid_info, nr_faults), OUT(ioasid_info, faults_dropped),
		   OUT(ioasid_info, pinned_bytes), OUT(ioasid_info, quota),
		   OUT(ioasid_info, ids_live), OUT(ioasid_info, ids_pending),
		   OUT(ioasid_info, no_migration), OUT(ioasid_info, non_coherent),
		   OUT(ioasid_info, refused_by), OUT(ioasid_info, refused_group) },
	  .valid = valid_nothing },
	{ ROW(IOASID_DEVICE_GET_INFO, ioasid_device_info, iommu_format),
	  .out = { OUT(ioasid_device_info, dev_class), OUT(ioasid_device_info, caps),
		   OUT(ioasid_device_info, pasid_width), OUT(ioasid_device_info, mode),
		   OUT(ioasid_device_info, global_min), OUT(ioasid_device_info, portal),
		   OUT(ioasid_device_info, no_migration),
		   OUT(ioasid_device_info, default_ioasid),
		   OUT(ioasid_device_info, nr_pasid_routes),
		   OUT(ioasid_device_info, last_refusal), OUT(ioasid_device_info, group),
		   OUT(ioasid_device_info, nr_regions), OUT(ioasid_device_info, page_sizes),
		   OUT(ioasid_device_info, nr_ranges),
		   OUT(ioasid_device_info, iommu_format) },
	  .valid = valid_device_info },
	{ ROW(IOASID_IOAS_GET_INFO, ioasid_ioas_info, nr_ranges),
	  RESERVED(ioasid_ioas_info),
	  .out = { OUT(ioasid_ioas_info, kind), OUT(ioasid_ioas_info, parent),
		   OUT(ioasid_ioas_info, nr_children), OUT(ioasid_ioas_info, nr_routes),
		   OUT(ioasid_ioas_info, snoop), OUT(ioasid_ioas_info, non_coherent),
		   OUT(ioasid_ioas_info, format), OUT(ioasid_ioas_info, nr_maps),
		   OUT(ioasid_ioas_info, mapped_bytes), OUT(ioasid_ioas_info, page_sizes),
		   OUT(ioasid_ioas_info, nr_ranges) },
	  .valid = valid_ioas_info },
	{ ROW(IOASID_ALLOC, ioasid_alloc, table),
	  .flags = IOASID_ALLOC_HANDLE | IOASID_ALLOC_TABLE, RESERVED(ioasid_alloc),
	  .out = { OUT(ioasid_alloc, ioasid) },
	  .valid = valid_alloc, .undo = undo_alloc },
	{ ROW(IOASID_FREE, ioasid_free, ioasid), RESERVED(ioasid_free),
	  .valid = valid_free, .rc = -ENOENT },
	{ ROW(IOASID_MAP_DMA, ioasid_map_dma, length),
	  .flags = IOASID_MAP_READ | IOASID_MAP_WRITE | IOASID_MAP_FD,
	  .valid = valid_map, .undo = undo_map },
	{ ROW(IOASID_UNMAP_DMA, ioasid_unmap_dma, dirty_page_size),
	  .flags = IOASID_UNMAP_ALL | IOASID_UNMAP_DIRTY, RESERVED(ioasid_unmap_dma),
	  .out = { OUT(ioasid_unmap_dma, unmapped) },
	  .valid = valid_unmap },
	{ ROW(IOASID_BIND_PGTABLE, ioasid_bind_pgtable, table),
	  .flags = IOASID_BIND_NONE, RESERVED(ioasid_bind_pgtable),
	  .valid = valid_bind_pgtable },
	{ ROW(IOASID_SET_PASID_TABLE, ioasid_bind_pgtable, table),
	  .flags = IOASID_BIND_NONE, RESERVED(ioasid_bind_pgtable),
	  .valid = valid_set_pasid_table, .rc = -ENOENT },
	{ ROW(IOASID_SET_HWID, ioasid_set_hwid, ppasid),
	  .flags = IOASID_HWID_DEVICE | IOASID_HWID_ANY | IOASID_HWID_EXPOSE,
	  RESERVED(ioasid_set_hwid),
	  .out = { OUT(ioasid_set_hwid, vpasid), OUT(ioasid_set_hwid, ppasid) },
	  .valid = valid_hwid, .rc = -ENOENT },
	{ ROW(IOASID_CLEAR_HWID, ioasid_set_hwid, ppasid),
	  .flags = IOASID_HWID_DEVICE | IOASID_HWID_ALL, RESERVED(ioasid_set_hwid),
	  .valid = valid_hwid, .rc = -ENOENT },
	{ ROW(IOASID_SET_HWID_MODE, ioasid_hwid_policy, value),
	  .flags = IOASID_HWID_DEVICE, RESERVED(ioasid_hwid_policy),
	  .valid = valid_mode },
	{ ROW(IOASID_HWID_SET_GLOBAL_MIN, ioasid_hwid_policy, value),
	  .flags = IOASID_HWID_DEVICE, RESERVED(ioasid_hwid_policy),
	  .valid = valid_global_min },
	{ ROW(IOASID_HWID_SET_PROMISED_WIDTH, ioasid_hwid_policy, value),
	  RESERVED(ioasid_hwid_policy),
	  .valid = valid_nothing },
	{ ROW(IOASID_INVALIDATE_CACHE, ioasid_invalidate, length),
	  .flags = IOASID_INV_DEVICE | IOASID_INV_LEAF | IOASID_INV_VPASID,
	  .valid = valid_invalidate },
	{ ROW(IOASID_FAULT_FD, ioasid_fault_fd, fd),
	  .out = { OUT(ioasid_fault_fd, fd) },
	  .valid = valid_nothing, .undo = undo_fault_fd },
	{ ROW(IOASID_PAGE_RESPONSE, ioasid_page_response, code),
	  .valid = valid_response, .rc = -ENOENT },
	{ ROW(IOASID_DIRTY_SET, ioasid_dirty, bitmap),
	  .flags = IOASID_DIRTY_ENABLE, RESERVED(ioasid_dirty),
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_DIRTY_GET, ioasid_dirty, bitmap),
	  .flags = IOASID_DIRTY_NO_CLEAR, RESERVED(ioasid_dirty),
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_CPU_PASID_ENABLE, ioasid_cpu_pasid_enable, provider_fd),
	  .flags = IOASID_CPU_DISABLE, RESERVED(ioasid_cpu_pasid_enable),
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_CPU_PASID_MAP, ioasid_cpu_pasid, vpasid), RESERVED(ioasid_cpu_pasid),
	  .valid = valid_cpu_pasid, .rc = -ENOENT },
	{ ROW(IOASID_CPU_PASID_UNMAP, ioasid_cpu_pasid, vpasid), RESERVED(ioasid_cpu_pasid),
	  .valid = valid_cpu_pasid, .rc = -ENOENT },
	{ ROW(IOASID_SET_QUOTA, ioasid_quota, quota),
	  .flags = IOASID_QUOTA_RESERVE, RESERVED(ioasid_quota),
	  .valid = valid_quota, .undo = undo_quota },
	{ ROW(IOASID_LIMIT_GET, ioasid_limit, events_local),
	  .flags = IOASID_LIMIT_OWN | IOASID_LIMIT_FD | IOASID_LIMIT_PATH, RESERVED(ioasid_limit),
	  .out = { OUT(ioasid_limit, max), OUT(ioasid_limit, current_charge),
		   OUT(ioasid_limit, peak), OUT(ioasid_limit, id), OUT(ioasid_limit, events),
		   OUT(ioasid_limit, events_local) },
	  .valid = valid_limit },
	{ ROW(IOASID_LIMIT_SET, ioasid_limit, events_local),
	  .flags = IOASID_LIMIT_OWN | IOASID_LIMIT_FD | IOASID_LIMIT_PATH, RESERVED(ioasid_limit),
	  .out = { OUT(ioasid_limit, max), OUT(ioasid_limit, current_charge),
		   OUT(ioasid_limit, peak), OUT(ioasid_limit, id), OUT(ioasid_limit, events),
		   OUT(ioasid_limit, events_local) },
	  .valid = valid_limit },
	{ ROW(IOASID_STATE_SAVE, ioasid_state, size),
	  .out = { OUT(ioasid_state, size) },
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_STATE_RESTORE, ioasid_state, size),
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_STATE_RESUME, ioasid_state, size),
	  .valid = valid_nothing, .rc = -EOPNOTSUPP },
	{ ROW(IOASID_QUERY, ioasid_query, count),
	  .out = { OUT(ioasid_query, cursor), OUT(ioasid_query, count) },
	  .valid = valid_query },

	{ ROW(IOASID_DEV_GET_INFO, ioasid_device_info, iommu_format), .device = true,
	  .out = { OUT(ioasid_device_info, cookie),
		   OUT(ioasid_device_info, dev_class), OUT(ioasid_device_info, caps),
		   OUT(ioasid_device_info, pasid_width), OUT(ioasid_device_info, mode),
		   OUT(ioasid_device_info, global_min), OUT(ioasid_device_info, portal),
		   OUT(ioasid_device_info, no_migration),
		   OUT(ioasid_device_info, default_ioasid),
		   OUT(ioasid_device_info, nr_pasid_routes),
		   OUT(ioasid_device_info, last_refusal), OUT(ioasid_device_info, group),
		   OUT(ioasid_device_info, nr_regions), OUT(ioasid_device_info, page_sizes),
		   OUT(ioasid_device_info, nr_ranges),
		   OUT(ioasid_device_info, iommu_format) },
	  .valid = valid_nothing },
	/* On a bound device, so that nothing has to be undone. */
	{ ROW(IOASID_DEV_BIND_IOASID_FD, ioasid_dev_bind, cookie), .device = true,
	  RESERVED(ioasid_dev_bind),
	  .valid = valid_bind, .rc = -EBUSY },
	{ ROW(IOASID_DEV_ATTACH_IOASID, ioasid_dev_attach, vpasid), .device = true,
	  .flags = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID | IOASID_ATTACH_REPLACE |
		   IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL,
	  .valid = valid_attach, .undo = undo_attach },
	{ ROW(IOASID_DEV_DETACH_IOASID, ioasid_dev_attach, vpasid), .device = true,
	  .flags = IOASID_ATTACH_PASID,
	  .valid = valid_attach, .rc = -ENOENT },
	{ ROW(IOASID_DEV_RESET, ioasid_dev_reset, flags), .device = true,
	  .valid = valid_nothing },
	{ ROW(IOASID_DEV_SET_EVENTFD, ioasid_dev_eventfd, fd), .device = true,
	  .valid = valid_eventfd },
	{ ROW(IOASID_DEV_GET_REGION, ioasid_dev_region, size), .device = true,
	  .out = { OUT(ioasid_dev_region, region_flags), OUT(ioasid_dev_region, offset),
		   OUT(ioasid_dev_region, size) },
	  .valid = valid_nothing, .rc = -EINVAL },
};
/* clang-format on */
const unsigned int abi_nr_rows = sizeof(abi_rows) / sizeof(abi_rows[0]);
