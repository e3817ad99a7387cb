// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: numbers and where they come from. */
#include "lib/lib.h"

static int hwid(struct ioasid *ctx, unsigned long cmd, uint32_t flags, uint32_t ioasid,
		uint32_t vpasid, uint64_t cookie)
{
	struct ioasid_set_hwid args = {
		.argsz = sizeof(args),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
		.cookie = cookie,
	};

	return lib_call(ctx, cmd, &args);
}

int ioasid_set_hwid(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid)
{
	return hwid(ctx, IOASID_SET_HWID, 0, ioasid, vpasid, 0);
}

int ioasid_set_hwid_dev(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid, uint64_t cookie)
{
	return hwid(ctx, IOASID_SET_HWID, IOASID_HWID_DEVICE, ioasid, vpasid, cookie);
}

int ioasid_set_hwid_args(struct ioasid *ctx, struct ioasid_set_hwid *args)
{
	struct ioasid_set_hwid a = *args;
	int rc;

	a.argsz = sizeof(a);
	rc = lib_call(ctx, IOASID_SET_HWID, &a);
	if (!rc)
		*args = a;
	return rc;
}

int ioasid_clear_hwid(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid)
{
	return hwid(ctx, IOASID_CLEAR_HWID, 0, ioasid, vpasid, 0);
}

int ioasid_clear_hwid_dev(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid, uint64_t cookie)
{
	return hwid(ctx, IOASID_CLEAR_HWID, IOASID_HWID_DEVICE, ioasid, vpasid, cookie);
}

static int policy(struct ioasid *ctx, unsigned long cmd, uint32_t flags, uint64_t cookie,
		  uint32_t value)
{
	struct ioasid_hwid_policy args = {
		.argsz = sizeof(args),
		.flags = flags,
		.cookie = cookie,
		.value = value,
	};

	return lib_call(ctx, cmd, &args);
}

int ioasid_set_hwid_mode(struct ioasid *ctx, enum ioasid_mode mode)
{
	return policy(ctx, IOASID_SET_HWID_MODE, 0, 0, (uint32_t)mode);
}

int ioasid_set_hwid_mode_dev(struct ioasid *ctx, uint64_t cookie, enum ioasid_mode mode)
{
	return policy(ctx, IOASID_SET_HWID_MODE, IOASID_HWID_DEVICE, cookie, (uint32_t)mode);
}

int ioasid_hwid_set_global_min(struct ioasid *ctx, uint32_t global_min)
{
	return policy(ctx, IOASID_HWID_SET_GLOBAL_MIN, 0, 0, global_min);
}

int ioasid_hwid_set_global_min_dev(struct ioasid *ctx, uint64_t cookie, uint32_t global_min)
{
	return policy(ctx, IOASID_HWID_SET_GLOBAL_MIN, IOASID_HWID_DEVICE, cookie, global_min);
}

int ioasid_hwid_set_promised_width(struct ioasid *ctx, uint32_t bits)
{
	return policy(ctx, IOASID_HWID_SET_PROMISED_WIDTH, 0, 0, bits);
}
