// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The one entry of the ABI: both homes, every command. A row of the table says what the argument
 * looks like and which lock the handler wants; handlers work on a copy and never touch the caller's
 * structure.
 */
#include "core/core.h"

enum abi_lock {
	/*
	 * Works on the fault queue only, and gets through while others wait; or copies arrays or
	 * pins memory, and takes the lock itself: a caller's page that does not come must not hold
	 * it up.
	 */
	ABI_LOCK_NONE,
	ABI_LOCK_READ,
	ABI_LOCK_WRITE,
};

/*
 * struct abi_row - a command
 * @cmd: number
 * @size: full size of its structure
 * @min_size: end of the last field that was there from the start
 * @flags: flags it knows
 * @out, @out_size: the [out] fields, contiguous; 0: none
 * @reserved: offsets of u32 fields that must be zero (0: unused; offset 0 is argsz)
 * @lock: of the context
 * @ctx_fn, @dev_fn: handler; one of them
 * @bound: device commands: only on a descriptor that is bound
 */
struct abi_row {
	u32 cmd;
	u16 size;
	u16 min_size;
	u32 flags;
	u16 out;
	u16 out_size;
	u16 reserved[2];
	enum abi_lock lock;
	int (*ctx_fn)(struct ioasid_ctx *ctx, void *arg);
	int (*dev_fn)(struct ioasid_devfile *file, void *arg);
	bool bound;
};

#define ABI_MAX_SIZE	128
#define FIELD_END(t, f) (offsetof(t, f) + sizeof(((t *)0)->f))
#define SIZES(t, last)	.size = sizeof(t), .min_size = FIELD_END(t, last)
#define OUT(t, a, b)	.out = offsetof(t, a), .out_size = FIELD_END(t, b) - offsetof(t, a)
#define RESERVED(t)	.reserved = { offsetof(t, __reserved) }

/* clang-format off */
#define CTX(number, type, last, ...)                                                    \
	[(number) - IOASID_CHECK_EXTENSION] = {                                         \
		.cmd = (number), SIZES(struct type, last), __VA_ARGS__ }
#define DEV(number, type, last, ...)                                                    \
	[(number) - IOASID_DEV_GET_INFO] = {                                            \
		.cmd = (number), SIZES(struct type, last), __VA_ARGS__ }

static const struct abi_row ctx_rows[] = {
	CTX(IOASID_CHECK_EXTENSION, ioasid_check_extension, value,
	    OUT(struct ioasid_check_extension, value, value),
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_check_extension),
	CTX(IOASID_GET_INFO, ioasid_info, non_coherent,
	    .flags = IOASID_INFO_COOKIES,
	    OUT(struct ioasid_info, pasid_bits, refused_group),
	    .lock = ABI_LOCK_NONE, .ctx_fn = ctx_get_info),
	CTX(IOASID_DEVICE_GET_INFO, ioasid_device_info, iommu_format,
	    OUT(struct ioasid_device_info, dev_class, iommu_format),
	    .lock = ABI_LOCK_NONE, .ctx_fn = device_get_info_by_cookie),
	CTX(IOASID_IOAS_GET_INFO, ioasid_ioas_info, nr_ranges,
	    OUT(struct ioasid_ioas_info, kind, nr_ranges),
	    RESERVED(struct ioasid_ioas_info),
	    .lock = ABI_LOCK_NONE, .ctx_fn = ioas_get_info),
	CTX(IOASID_ALLOC, ioasid_alloc, table,
	    .flags = IOASID_ALLOC_HANDLE | IOASID_ALLOC_TABLE,
	    OUT(struct ioasid_alloc, ioasid, ioasid),
	    RESERVED(struct ioasid_alloc),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = ioas_alloc),
	CTX(IOASID_FREE, ioasid_free, ioasid,
	    RESERVED(struct ioasid_free),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = ioas_free),
	CTX(IOASID_MAP_DMA, ioasid_map_dma, length,
	    .flags = IOASID_MAP_READ | IOASID_MAP_WRITE | IOASID_MAP_FD,
	    .lock = ABI_LOCK_NONE, .ctx_fn = ioas_map_dma),
	CTX(IOASID_UNMAP_DMA, ioasid_unmap_dma, dirty_page_size,
	    .flags = IOASID_UNMAP_ALL | IOASID_UNMAP_DIRTY,
	    OUT(struct ioasid_unmap_dma, unmapped, unmapped),
	    RESERVED(struct ioasid_unmap_dma),
	    .lock = ABI_LOCK_READ, .ctx_fn = ioas_unmap_dma),
	CTX(IOASID_BIND_PGTABLE, ioasid_bind_pgtable, table,
	    .flags = IOASID_BIND_NONE,
	    RESERVED(struct ioasid_bind_pgtable),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = ioas_bind_pgtable),
	CTX(IOASID_SET_PASID_TABLE, ioasid_bind_pgtable, table,
	    .flags = IOASID_BIND_NONE,
	    RESERVED(struct ioasid_bind_pgtable),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = ioas_set_pasid_table),
	CTX(IOASID_SET_HWID, ioasid_set_hwid, ppasid,
	    .flags = IOASID_HWID_DEVICE | IOASID_HWID_ANY | IOASID_HWID_EXPOSE,
	    OUT(struct ioasid_set_hwid, vpasid, ppasid),
	    RESERVED(struct ioasid_set_hwid),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = route_set_hwid),
	CTX(IOASID_CLEAR_HWID, ioasid_set_hwid, ppasid,
	    .flags = IOASID_HWID_DEVICE | IOASID_HWID_ALL,
	    RESERVED(struct ioasid_set_hwid),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = route_clear_hwid),
	CTX(IOASID_SET_HWID_MODE, ioasid_hwid_policy, value,
	    .flags = IOASID_HWID_DEVICE,
	    RESERVED(struct ioasid_hwid_policy),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = mode_set),
	CTX(IOASID_HWID_SET_GLOBAL_MIN, ioasid_hwid_policy, value,
	    .flags = IOASID_HWID_DEVICE,
	    RESERVED(struct ioasid_hwid_policy),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = mode_set_global_min),
	CTX(IOASID_HWID_SET_PROMISED_WIDTH, ioasid_hwid_policy, value,
	    RESERVED(struct ioasid_hwid_policy),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = mode_set_promised_width),
	CTX(IOASID_INVALIDATE_CACHE, ioasid_invalidate, length,
	    .flags = IOASID_INV_DEVICE | IOASID_INV_LEAF | IOASID_INV_VPASID,
	    .lock = ABI_LOCK_READ, .ctx_fn = inval_cache),
	CTX(IOASID_FAULT_FD, ioasid_fault_fd, fd,
	    OUT(struct ioasid_fault_fd, fd, fd),
	    .lock = ABI_LOCK_NONE, .ctx_fn = faultq_open),
	CTX(IOASID_PAGE_RESPONSE, ioasid_page_response, code,
	    .lock = ABI_LOCK_NONE, .ctx_fn = faultq_respond),
	CTX(IOASID_DIRTY_SET, ioasid_dirty, bitmap,
	    .flags = IOASID_DIRTY_ENABLE,
	    RESERVED(struct ioasid_dirty),
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_unavailable),
	CTX(IOASID_DIRTY_GET, ioasid_dirty, bitmap,
	    .flags = IOASID_DIRTY_NO_CLEAR,
	    RESERVED(struct ioasid_dirty),
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_unavailable),
	CTX(IOASID_CPU_PASID_ENABLE, ioasid_cpu_pasid_enable, provider_fd,
	    .flags = IOASID_CPU_DISABLE,
	    RESERVED(struct ioasid_cpu_pasid_enable),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = cpu_pasid_enable),
	CTX(IOASID_CPU_PASID_MAP, ioasid_cpu_pasid, vpasid,
	    RESERVED(struct ioasid_cpu_pasid),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = cpu_pasid_map),
	CTX(IOASID_CPU_PASID_UNMAP, ioasid_cpu_pasid, vpasid,
	    RESERVED(struct ioasid_cpu_pasid),
	    .lock = ABI_LOCK_WRITE, .ctx_fn = cpu_pasid_unmap),
	CTX(IOASID_SET_QUOTA, ioasid_quota, quota,
	    .flags = IOASID_QUOTA_RESERVE,
	    RESERVED(struct ioasid_quota),
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_set_quota),
	CTX(IOASID_LIMIT_GET, ioasid_limit, events_local,
	    .flags = IOASID_LIMIT_OWN | IOASID_LIMIT_FD | IOASID_LIMIT_PATH,
	    OUT(struct ioasid_limit, max, events_local),
	    RESERVED(struct ioasid_limit),
	    .lock = ABI_LOCK_NONE, .ctx_fn = limit_get),
	CTX(IOASID_LIMIT_SET, ioasid_limit, events_local,
	    .flags = IOASID_LIMIT_OWN | IOASID_LIMIT_FD | IOASID_LIMIT_PATH,
	    OUT(struct ioasid_limit, max, events_local),
	    RESERVED(struct ioasid_limit),
	    .lock = ABI_LOCK_NONE, .ctx_fn = limit_set),
	CTX(IOASID_STATE_SAVE, ioasid_state, size,
	    OUT(struct ioasid_state, size, size),
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_unavailable),
	CTX(IOASID_STATE_RESTORE, ioasid_state, size,
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_unavailable),
	CTX(IOASID_STATE_RESUME, ioasid_state, size,
	    .lock = ABI_LOCK_READ, .ctx_fn = ctx_unavailable),
	CTX(IOASID_QUERY, ioasid_query, count,
	    OUT(struct ioasid_query, cursor, count),
	    .lock = ABI_LOCK_NONE, .ctx_fn = query_objects),
};

static const struct abi_row dev_rows[] = {
	DEV(IOASID_DEV_GET_INFO, ioasid_device_info, iommu_format,
	    OUT(struct ioasid_device_info, cookie, iommu_format),
	    .dev_fn = devfile_get_info),
	DEV(IOASID_DEV_BIND_IOASID_FD, ioasid_dev_bind, cookie,
	    RESERVED(struct ioasid_dev_bind),
	    .dev_fn = devfile_bind),
	DEV(IOASID_DEV_ATTACH_IOASID, ioasid_dev_attach, vpasid,
	    .flags = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID | IOASID_ATTACH_REPLACE |
		     IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL,
	    .dev_fn = devfile_attach, .bound = true),
	DEV(IOASID_DEV_DETACH_IOASID, ioasid_dev_attach, vpasid,
	    .flags = IOASID_ATTACH_PASID,
	    .dev_fn = devfile_detach, .bound = true),
	DEV(IOASID_DEV_RESET, ioasid_dev_reset, flags,
	    .dev_fn = devfile_reset, .bound = true),
	DEV(IOASID_DEV_SET_EVENTFD, ioasid_dev_eventfd, fd,
	    .dev_fn = devfile_set_eventfd),
	DEV(IOASID_DEV_GET_REGION, ioasid_dev_region, size,
	    OUT(struct ioasid_dev_region, region_flags, size),
	    .dev_fn = devfile_get_region),
};
/* clang-format on */

static const struct abi_row *abi_find(const struct abi_row *rows, unsigned int n, u32 base, u32 cmd)
{
	if (cmd < base || cmd - base >= n || rows[cmd - base].cmd != cmd)
		return NULL;
	return &rows[cmd - base];
}

/* What the caller knows and we do not must be zero. */
static int abi_check_tail(u64 uaddr, u32 from, u32 argsz)
{
	u8 buf[64];
	u32 i, n;

	if (argsz > PAGE_SIZE)
		return -E2BIG;
	for (; from < argsz; from += n) {
		n = min_t(u32, argsz - from, sizeof(buf));
		if (os_copy_from_user(buf, uaddr + from, n))
			return -EFAULT;
		for (i = 0; i < n; i++) {
			if (buf[i])
				return -E2BIG;
		}
	}
	return 0;
}

static int abi_check_fields(const struct abi_row *row, const void *arg)
{
	const u32 *words = arg;
	unsigned int i;

	if (words[1] & ~row->flags)
		return -EOPNOTSUPP;
	for (i = 0; i < ARRAY_SIZE(row->reserved); i++) {
		if (row->reserved[i] && words[row->reserved[i] / 4])
			return -EINVAL;
	}
	return 0;
}

/*
 * Bring in the caller's structure: what both sides know, the rest zero. The [out] fields are
 * written back as they came: a structure that cannot be written is refused before anything changed.
 */
static int abi_copy_in(const struct abi_row *row, u64 uaddr, void *buf, u32 *known)
{
	u32 argsz;
	int rc;

	if (os_copy_from_user(&argsz, uaddr, sizeof(argsz)))
		return -EFAULT;
	if (argsz < row->min_size)
		return -EINVAL;
	*known = min_t(u32, argsz, row->size);
	if (os_copy_from_user(buf, uaddr, *known))
		return -EFAULT;
	/* Copied twice, so it may have changed in between; the first reading is the one that counts. */
	memcpy(buf, &argsz, sizeof(argsz));
	rc = abi_check_tail(uaddr, row->size, argsz);
	if (rc)
		return rc;
	if (row->out_size && os_copy_to_user(uaddr + row->out, (u8 *)buf + row->out,
					     min_t(u32, row->out_size, *known - row->out)))
		return -EFAULT;
	return 0;
}

static int abi_copy_out(const struct abi_row *row, u64 uaddr, const void *buf, u32 known)
{
	if (!row->out_size)
		return 0;
	return os_copy_to_user(uaddr + row->out, (const u8 *)buf + row->out,
			       min_t(u32, row->out_size, known - row->out));
}

static int ctx_run(struct ioasid_ctx *ctx, const struct abi_row *row, void *arg)
{
	int rc;

	if (row->lock == ABI_LOCK_NONE)
		return row->ctx_fn(ctx, arg);
	if (row->lock == ABI_LOCK_WRITE) {
		down_write(&ctx->lock);
		rc = ctx->closed ? -ENODEV : row->ctx_fn(ctx, arg);
		up_write(&ctx->lock);
	} else {
		down_read(&ctx->lock);
		rc = ctx->closed ? -ENODEV : row->ctx_fn(ctx, arg);
		up_read(&ctx->lock);
	}
	return rc;
}

static int dev_run(struct ioasid_devfile *file, const struct abi_row *row, void *arg)
{
	if (READ_ONCE(file->dead) || READ_ONCE(file->dev->gone))
		return -ENODEV;
	if (row->bound && !READ_ONCE(file->bound))
		return -EINVAL;
	return row->dev_fn(file, arg);
}

static int abi_run(const struct abi_row *row, struct ioasid_ctx *ctx, struct ioasid_devfile *file,
		   const struct ioasid_arg *arg)
{
	u64 buf[ABI_MAX_SIZE / 8] = { 0 };
	u32 known = row->size;
	int rc = 0;

	/* Also a structure of our own is worked on as a copy: a failed call leaves it as it was. */
	if (arg->direct)
		memcpy(buf, arg->direct, row->size);
	else
		rc = abi_copy_in(row, arg->uaddr, buf, &known);
	if (!rc)
		rc = abi_check_fields(row, buf);
	if (!rc)
		rc = row->ctx_fn ? ctx_run(ctx, row, buf) : dev_run(file, row, buf);
	trace_ioasid_command(ctx, file ? file->dev : NULL, row->cmd, rc);
	if (rc)
		return rc;
	if (!arg->direct)
		return abi_copy_out(row, arg->uaddr, buf, known);
	memcpy((u8 *)arg->direct + row->out, (u8 *)buf + row->out, row->out_size);
	return 0;
}

int ioasid_ctx_command(struct ioasid_ctx *ctx, unsigned int cmd, const struct ioasid_arg *arg)
{
	const struct abi_row *row =
		abi_find(ctx_rows, ARRAY_SIZE(ctx_rows), IOASID_CHECK_EXTENSION, cmd);

	return row ? abi_run(row, ctx, NULL, arg) : -ENOTTY;
}

int ioasid_devfile_command(struct ioasid_devfile *file, unsigned int cmd,
			   const struct ioasid_arg *arg)
{
	const struct abi_row *row =
		abi_find(dev_rows, ARRAY_SIZE(dev_rows), IOASID_DEV_GET_INFO, cmd);

	return row ? abi_run(row, NULL, file, arg) : -ENOTTY;
}
