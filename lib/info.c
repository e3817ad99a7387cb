// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: questions. */
#include <limits.h>
#include <stdint.h>

#include "lib/lib.h"

int ioasid_check_extension(struct ioasid *ctx, enum ioasid_extension ext)
{
	struct ioasid_check_extension args = { .argsz = sizeof(args), .extension = (uint32_t)ext };
	int rc = lib_call(ctx, IOASID_CHECK_EXTENSION, &args);

	if (rc)
		return rc;
	return args.value > INT_MAX ? INT_MAX : (int)args.value;
}

int ioasid_get_info(struct ioasid *ctx, const uint64_t *cookies, unsigned int nr_cookies,
		    struct ioasid_info *info)
{
	struct ioasid_info args = { .argsz = sizeof(args) };
	int rc;

	if (cookies) {
		args.flags = IOASID_INFO_COOKIES;
		args.cookies = (uintptr_t)cookies;
		args.nr_cookies = nr_cookies;
	}
	rc = lib_call(ctx, IOASID_GET_INFO, &args);
	if (!rc)
		*info = args;
	return rc;
}

int ioasid_device_get_info(struct ioasid *ctx, uint64_t cookie, struct ioasid_device_info *info)
{
	struct ioasid_device_info args = {
		.argsz = sizeof(args),
		.cookie = cookie,
		.ranges = info->ranges,
		.nr_ranges = info->nr_ranges,
	};
	int rc = lib_call(ctx, IOASID_DEVICE_GET_INFO, &args);

	if (!rc)
		*info = args;
	return rc;
}

int ioasid_ioas_get_info(struct ioasid *ctx, uint32_t ioasid, struct ioasid_ioas_info *info)
{
	struct ioasid_ioas_info args = {
		.argsz = sizeof(args),
		.ioasid = ioasid,
		.ranges = info->ranges,
		.nr_ranges = info->nr_ranges,
	};
	int rc = lib_call(ctx, IOASID_IOAS_GET_INFO, &args);

	if (!rc)
		*info = args;
	return rc;
}

int ioasid_query(struct ioasid *ctx, enum ioasid_query_type type, uint32_t ioasid, uint64_t *cursor,
		 void *buffer, unsigned int room)
{
	struct ioasid_query args = {
		.argsz = sizeof(args),
		.type = (uint32_t)type,
		.ioasid = ioasid,
		.cursor = *cursor,
		.buffer = (uintptr_t)buffer,
		.room = room > INT_MAX ? INT_MAX : room,
	};
	int rc = lib_call(ctx, IOASID_QUERY, &args);

	if (rc)
		return rc;
	*cursor = args.cursor;
	return (int)args.count;
}
