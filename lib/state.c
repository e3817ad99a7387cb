// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: dirty tracking, CPU PASID translation, quota, saved state. */
#include <stdint.h>

#include "lib/lib.h"

int ioasid_dirty_set(struct ioasid *ctx, uint32_t ioasid, bool enable)
{
	struct ioasid_dirty args = {
		.argsz = sizeof(args),
		.flags = enable ? IOASID_DIRTY_ENABLE : 0,
		.ioasid = ioasid,
	};

	return lib_call(ctx, IOASID_DIRTY_SET, &args);
}

int ioasid_dirty_get(struct ioasid *ctx, const struct ioasid_dirty *args)
{
	struct ioasid_dirty a = *args;

	a.argsz = sizeof(a);
	return lib_call(ctx, IOASID_DIRTY_GET, &a);
}

int ioasid_cpu_pasid_enable(struct ioasid *ctx, int provider_fd)
{
	struct ioasid_cpu_pasid_enable args = {
		.argsz = sizeof(args),
		.provider_fd = provider_fd,
	};

	return lib_call(ctx, IOASID_CPU_PASID_ENABLE, &args);
}

int ioasid_cpu_pasid_disable(struct ioasid *ctx)
{
	struct ioasid_cpu_pasid_enable args = {
		.argsz = sizeof(args),
		.flags = IOASID_CPU_DISABLE,
		.provider_fd = -1,
	};

	return lib_call(ctx, IOASID_CPU_PASID_ENABLE, &args);
}

static int cpu_pasid(struct ioasid *ctx, unsigned long cmd, uint32_t vpasid)
{
	struct ioasid_cpu_pasid args = { .argsz = sizeof(args), .vpasid = vpasid };

	return lib_call(ctx, cmd, &args);
}

int ioasid_cpu_pasid_map(struct ioasid *ctx, uint32_t vpasid)
{
	return cpu_pasid(ctx, IOASID_CPU_PASID_MAP, vpasid);
}

int ioasid_cpu_pasid_unmap(struct ioasid *ctx, uint32_t vpasid)
{
	return cpu_pasid(ctx, IOASID_CPU_PASID_UNMAP, vpasid);
}

int ioasid_set_quota(struct ioasid *ctx, uint32_t quota, bool reserve)
{
	struct ioasid_quota args = {
		.argsz = sizeof(args),
		.flags = reserve ? IOASID_QUOTA_RESERVE : 0,
		.quota = quota,
	};

	return lib_call(ctx, IOASID_SET_QUOTA, &args);
}

int ioasid_limit_get(struct ioasid *ctx, struct ioasid_limit *limit)
{
	limit->argsz = sizeof(*limit);
	return lib_call(ctx, IOASID_LIMIT_GET, limit);
}

int ioasid_limit_set(struct ioasid *ctx, struct ioasid_limit *limit)
{
	limit->argsz = sizeof(*limit);
	return lib_call(ctx, IOASID_LIMIT_SET, limit);
}

int ioasid_state_save(struct ioasid *ctx, void *buffer, size_t *size)
{
	struct ioasid_state args = {
		.argsz = sizeof(args),
		.buffer = (uintptr_t)buffer,
		.size = *size,
	};
	int rc = lib_call(ctx, IOASID_STATE_SAVE, &args);

	if (!rc)
		*size = args.size;
	return rc;
}

int ioasid_state_restore(struct ioasid *ctx, const void *buffer, size_t size)
{
	struct ioasid_state args = {
		.argsz = sizeof(args),
		.buffer = (uintptr_t)buffer,
		.size = size,
	};

	return lib_call(ctx, IOASID_STATE_RESTORE, &args);
}

int ioasid_state_resume(struct ioasid *ctx)
{
	struct ioasid_state args = { .argsz = sizeof(args) };

	return lib_call(ctx, IOASID_STATE_RESUME, &args);
}
