// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: address spaces, what they map, and user tables. */
#include <errno.h>

#include "lib/lib.h"

int ioasid_ioas_alloc(struct ioasid *ctx, const struct ioasid_alloc *args, uint32_t *ioasid)
{
	struct ioasid_alloc a = *args;
	int rc;

	a.argsz = sizeof(a);
	rc = lib_call(ctx, IOASID_ALLOC, &a);
	if (!rc)
		*ioasid = a.ioasid;
	return rc;
}

int ioasid_alloc_kernel(struct ioasid *ctx, uint32_t *ioasid)
{
	return ioasid_alloc_child(ctx, IOASID_INVALID, ioasid);
}

int ioasid_alloc_child(struct ioasid *ctx, uint32_t parent, uint32_t *ioasid)
{
	struct ioasid_alloc args = { .kind = IOASID_KIND_KERNEL, .parent = parent };

	return ioasid_ioas_alloc(ctx, &args, ioasid);
}

int ioasid_alloc_user_table(struct ioasid *ctx, uint32_t parent, const struct ioasid_table *table,
			    uint32_t *ioasid)
{
	struct ioasid_alloc args = { .kind = IOASID_KIND_USER_TABLE, .parent = parent };

	if (table) {
		args.flags = IOASID_ALLOC_TABLE;
		args.table = *table;
	}
	return ioasid_ioas_alloc(ctx, &args, ioasid);
}

int ioasid_ioas_free(struct ioasid *ctx, uint32_t ioasid)
{
	struct ioasid_free args = { .argsz = sizeof(args), .ioasid = ioasid };

	return lib_call(ctx, IOASID_FREE, &args);
}

int ioasid_map(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t vaddr, uint64_t length,
	       uint32_t flags)
{
	struct ioasid_map_dma args = {
		.argsz = sizeof(args),
		.flags = flags,
		.ioasid = ioasid,
		.iova = iova,
		.vaddr = vaddr,
		.length = length,
	};

	/* Without a descriptor to go with it, the flag would name descriptor 0. */
	if (flags & IOASID_MAP_FD)
		return -EINVAL;
	return lib_call(ctx, IOASID_MAP_DMA, &args);
}

int ioasid_map_fd(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, int fd, uint64_t offset,
		  uint64_t length, uint32_t flags)
{
	struct ioasid_map_dma args = {
		.argsz = sizeof(args),
		.flags = flags | IOASID_MAP_FD,
		.ioasid = ioasid,
		.fd = fd,
		.iova = iova,
		.vaddr = offset,
		.length = length,
	};

	return lib_call(ctx, IOASID_MAP_DMA, &args);
}

static int unmap(struct ioasid *ctx, struct ioasid_unmap_dma *args, uint64_t *unmapped)
{
	int rc = lib_call(ctx, IOASID_UNMAP_DMA, args);

	if (!rc && unmapped)
		*unmapped = args->unmapped;
	return rc;
}

int ioasid_unmap(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t length,
		 uint64_t *unmapped)
{
	struct ioasid_unmap_dma args = {
		.argsz = sizeof(args),
		.ioasid = ioasid,
		.iova = iova,
		.length = length,
	};

	return unmap(ctx, &args, unmapped);
}

int ioasid_unmap_all(struct ioasid *ctx, uint32_t ioasid, uint64_t *unmapped)
{
	struct ioasid_unmap_dma args = {
		.argsz = sizeof(args),
		.flags = IOASID_UNMAP_ALL,
		.ioasid = ioasid,
	};

	return unmap(ctx, &args, unmapped);
}

static int bind_table(struct ioasid *ctx, unsigned long cmd, uint32_t ioasid,
		      const struct ioasid_table *table)
{
	struct ioasid_bind_pgtable args = { .argsz = sizeof(args), .ioasid = ioasid };

	if (table)
		args.table = *table;
	else
		args.flags = IOASID_BIND_NONE;
	return lib_call(ctx, cmd, &args);
}

int ioasid_bind_pgtable(struct ioasid *ctx, uint32_t ioasid, const struct ioasid_table *table)
{
	return bind_table(ctx, IOASID_BIND_PGTABLE, ioasid, table);
}

int ioasid_set_pasid_table(struct ioasid *ctx, uint32_t ioasid, const struct ioasid_table *table)
{
	return bind_table(ctx, IOASID_SET_PASID_TABLE, ioasid, table);
}

int ioasid_invalidate(struct ioasid *ctx, uint32_t ioasid)
{
	struct ioasid_invalidate args = { .ioasid = ioasid, .granularity = IOASID_INV_ALL };

	return ioasid_invalidate_args(ctx, &args);
}

int ioasid_invalidate_range(struct ioasid *ctx, uint32_t ioasid, uint64_t iova, uint64_t length,
			    bool leaf)
{
	struct ioasid_invalidate args = {
		.flags = leaf ? IOASID_INV_LEAF : 0,
		.ioasid = ioasid,
		.granularity = IOASID_INV_RANGE,
		.iova = iova,
		.length = length,
	};

	return ioasid_invalidate_args(ctx, &args);
}

int ioasid_invalidate_args(struct ioasid *ctx, const struct ioasid_invalidate *args)
{
	struct ioasid_invalidate a = *args;

	a.argsz = sizeof(a);
	return lib_call(ctx, IOASID_INVALIDATE_CACHE, &a);
}
