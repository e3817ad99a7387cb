// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* QUERY: walk the objects of a context, for tools. Virtual numbers only. */
#include "core/core.h"

#define QUERY_END (~0ULL)
/* Entries per call: locks are held meanwhile, and the cursor tells where to go on. */
#define QUERY_MAX 256U

/* What one call has written so far. */
struct query_out {
	struct ioasid_query *q;
	u8 *entries;
	u32 size;
	u32 room;
};

static void query_put(struct query_out *out, const void *entry)
{
	memcpy(out->entries + (size_t)out->q->count++ * out->size, entry, out->size);
}

static bool query_full(const struct query_out *out)
{
	return out->q->count == out->room;
}

static int query_ioas(struct ioasid_ctx *ctx, struct query_out *out)
{
	struct ioasid_query *q = out->q;
	struct ioas *ioas;
	u32 id;

	if (q->cursor > ctx->ioas.last) {
		q->cursor = QUERY_END;
		return 0;
	}
	for (id = (u32)q->cursor; (ioas = idtree_next(&ctx->ioas, &id)) != NULL; id++) {
		struct ioasid_query_ioas e = {
			.ioasid = id,
			.kind = ioas->kind->kind,
			.parent = ioas->parent ? ioas->parent->handle.val : IOASID_INVALID,
			.nr_routes = ioas_nr_routes(ioas),
		};

		q->cursor = id;
		if (query_full(out))
			return 0;
		query_put(out, &e);
	}
	q->cursor = QUERY_END;
	return 0;
}

static int query_devices(struct ioasid_ctx *ctx, struct query_out *out)
{
	struct ioasid_query *q = out->q;
	struct ioasid_device *dev;
	u64 i = 0;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		struct ioasid_query_device e = {
			.cookie = dev->cookie,
			.dev_class = dev->dev_class,
			.nr_pasid_routes = dev->nr_routes,
			.default_ioasid = device_default(dev),
			.mode = device_mode(dev),
		};

		if (i++ < q->cursor)
			continue;
		if (query_full(out)) {
			q->cursor = i - 1;
			return 0;
		}
		query_put(out, &e);
	}
	q->cursor = QUERY_END;
	return 0;
}

/*
 * Routes of one device. The position within it, bits 20:0 of the cursor: 0 is the default route,
 * then come the numbers, from FIRST_PENDING on the attachments without one.
 */
#define POSITION_LG2  (IOASID_PASID_BITS + 1)
#define FIRST_PENDING (1U << IOASID_PASID_BITS)

/* Return: false: no room: the caller goes on here. */
static bool query_put_route(struct query_out *out, struct ioasid_device *dev, u32 ioasid,
			    u32 vpasid, u32 flags)
{
	struct ioasid_query_route e = {
		.cookie = dev->cookie,
		.ioasid = ioasid,
		.vpasid = vpasid,
		.flags = flags,
	};

	if (query_full(out))
		return false;
	query_put(out, &e);
	return true;
}

/* Return: false: no room; @position says where. So do the next two. */
static bool query_numbers(struct ioasid_device *dev, struct query_out *out, u32 *position)
{
	struct ioas_route *route;

	u32 cpu;

	for (; (route = route_next(dev, position)); ++*position) {
		cpu = route_in_cpu_table(route) ? IOASID_ROUTE_CPU : 0;
		if (!query_put_route(out, dev, route->attach->ioas->handle.val, route->vpasid.val,
				     IOASID_ROUTE_PASID | cpu))
			return false;
	}
	*position = FIRST_PENDING;
	return true;
}

static bool query_pending(struct ioasid_device *dev, struct query_out *out, u32 *position)
{
	struct ioas_attach *attach;
	u32 i = FIRST_PENDING;

	list_for_each_entry(attach, &dev->attaches, dev_link) {
		if (!list_empty(&attach->routes) || i++ < *position)
			continue;
		*position = i - 1;
		if (!query_put_route(out, dev, attach->ioas->handle.val, 0,
				     IOASID_ROUTE_PASID | IOASID_ROUTE_PENDING))
			return false;
	}
	return true;
}

static bool query_device_routes(struct ioasid_device *dev, struct query_out *out, u32 *position)
{
	u32 top = device_default(dev);

	if (!*position && top != IOASID_INVALID && !query_put_route(out, dev, top, 0, 0))
		return false;
	if (*position < FIRST_PENDING) {
		*position = *position ?: 1;
		if (!query_numbers(dev, out, position))
			return false;
	}
	return query_pending(dev, out, position);
}

static int query_routes(struct ioasid_ctx *ctx, struct query_out *out)
{
	struct ioasid_query *q = out->q;
	u64 first = q->cursor >> POSITION_LG2, i = 0;
	u32 position = (u32)q->cursor & ((1U << POSITION_LG2) - 1);
	struct ioasid_device *dev;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (i++ < first)
			continue;
		if (!query_device_routes(dev, out, &position)) {
			q->cursor = (i - 1) << POSITION_LG2 | position;
			return 0;
		}
		position = 0;
	}
	q->cursor = QUERY_END;
	return 0;
}

static void query_maps(struct ioas *ioas, struct query_out *out)
{
	struct ioasid_query *q = out->q;
	struct ioas_map *map;

	for (map = ioas_map_first(ioas, q->cursor, ~0UL); map;
	     map = ioas_map_next(map, q->cursor, ~0UL)) {
		struct ioasid_query_map e = {
			.iova = map->iova.start,
			.last = map->iova.last,
			.vaddr = map->vaddr,
			.flags = map->prot,
		};

		if (e.iova < q->cursor)
			continue;
		if (query_full(out)) {
			q->cursor = e.iova;
			return;
		}
		query_put(out, &e);
	}
	q->cursor = QUERY_END;
}

static int query_maps_of(struct ioasid_ctx *ctx, struct query_out *out)
{
	struct ioas *ioas = ioas_find(ctx, out->q->ioasid);

	if (!ioas)
		return -ENOENT;
	if (!ioas->maps)
		return -EINVAL;
	mutex_lock(ioas_family_lock(ioas));
	query_maps(ioas, out);
	mutex_unlock(ioas_family_lock(ioas));
	return 0;
}

static const struct {
	u32 size;
	int (*fn)(struct ioasid_ctx *ctx, struct query_out *out);
} queries[] = {
	[IOASID_QUERY_IOAS] = { sizeof(struct ioasid_query_ioas), query_ioas },
	[IOASID_QUERY_DEVICE] = { sizeof(struct ioasid_query_device), query_devices },
	[IOASID_QUERY_ROUTE] = { sizeof(struct ioasid_query_route), query_routes },
	[IOASID_QUERY_MAP] = { sizeof(struct ioasid_query_map), query_maps_of },
};

int query_objects(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_query *q = arg;
	struct query_out out = { .q = q };
	int rc;

	if (q->type >= ARRAY_SIZE(queries) || !queries[q->type].fn)
		return -EINVAL;
	if (q->ioasid && q->type != IOASID_QUERY_MAP)
		return -EINVAL;
	if (!q->room)
		return -EINVAL;
	out.room = min(q->room, QUERY_MAX);
	q->count = 0;
	if (q->cursor == QUERY_END)
		return 0;
	out.size = queries[q->type].size;
	out.entries = kvcalloc(out.room, out.size, GFP_KERNEL_ACCOUNT);
	if (!out.entries)
		return -ENOMEM;
	rc = ctx_lock_read(ctx);
	if (!rc) {
		rc = queries[q->type].fn(ctx, &out);
		up_read(&ctx->lock);
	}
	if (!rc && q->count)
		rc = os_copy_to_user(q->buffer, out.entries, (size_t)q->count * out.size);
	kvfree(out.entries);
	return rc;
}
