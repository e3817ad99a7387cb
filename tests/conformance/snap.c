// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/conformance/snap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16

typedef void (*print_fn)(FILE *out, const void *entry, uint32_t ioasid);

static void print_ioas(FILE *out, const void *entry, uint32_t unused)
{
	const struct ioasid_query_ioas *q = entry;

	(void)unused;
	fprintf(out, "ioasid %u kind %u parent %d routes %u\n", q->ioasid, q->kind, (int)q->parent,
		q->nr_routes);
}

static void print_device(FILE *out, const struct ioasid_query_device *q)
{
	fprintf(out, "device %#llx class %u routes %u default %d mode %u\n", q->cookie,
		q->dev_class, q->nr_pasid_routes, (int)q->default_ioasid, q->mode);
}

static void print_device_details(FILE *out, struct ioasid *ctx, uint64_t cookie)
{
	struct ioasid_device_info info = { 0 };

	if (ioasid_device_get_info(ctx, cookie, &info))
		return;
	fprintf(out, "details %#lx caps %#x width %u split %u portal %u migration %#x\n", cookie,
		info.caps & ~IOASID_DEV_FENCED, info.pasid_width, info.global_min, info.portal,
		info.no_migration);
}

static void print_devices(FILE *out, struct ioasid *ctx)
{
	struct ioasid_query_device entries[ROOM];
	uint64_t cursor = 0;
	int i, n;

	while (cursor != ~0ULL) {
		n = ioasid_query(ctx, IOASID_QUERY_DEVICE, 0, &cursor, entries, ROOM);
		if (n < 0)
			return;
		for (i = 0; i < n; i++) {
			print_device(out, &entries[i]);
			print_device_details(out, ctx, entries[i].cookie);
		}
	}
}

static void print_route(FILE *out, const void *entry, uint32_t unused)
{
	const struct ioasid_query_route *q = entry;

	(void)unused;
	fprintf(out, "route device %#llx ioasid %u vpasid %d flags %#x\n", q->cookie, q->ioasid,
		(int)q->vpasid, q->flags);
}

static void print_map(FILE *out, const void *entry, uint32_t ioasid)
{
	const struct ioasid_query_map *q = entry;

	fprintf(out, "map ioasid %u %#018llx-%#018llx to %#llx flags %#x\n", ioasid, q->iova,
		q->last, q->vaddr, q->flags);
}

static void print_all(FILE *out, struct ioasid *ctx, enum ioasid_query_type type, uint32_t ioasid,
		      size_t size, print_fn print)
{
	char buffer[ROOM * sizeof(struct ioasid_query_map)];
	uint64_t cursor = 0;
	int i, n;

	while (cursor != ~0ULL) {
		n = ioasid_query(ctx, type, ioasid, &cursor, buffer, ROOM);
		if (n < 0) {
			fprintf(out, "query %d of %u: error %d\n", (int)type, ioasid, n);
			return;
		}
		for (i = 0; i < n; i++)
			print(out, buffer + (size_t)i * size, ioasid);
	}
}

static void print_ioas_details(FILE *out, struct ioasid *ctx, uint32_t ioasid)
{
	struct ioasid_ioas_info info = { 0 };

	if (ioasid_ioas_get_info(ctx, ioasid, &info))
		return;
	fprintf(out, "space ioasid %u children %u snoop %u format %u maps %llu bytes %llu\n",
		ioasid, info.nr_children, info.snoop, info.format, info.nr_maps, info.mapped_bytes);
	if (info.kind == IOASID_KIND_KERNEL || info.kind == IOASID_KIND_ACCOUNTING)
		print_all(out, ctx, IOASID_QUERY_MAP, ioasid, sizeof(struct ioasid_query_map),
			  print_map);
}

static void print_spaces(FILE *out, struct ioasid *ctx)
{
	struct ioasid_query_ioas entries[ROOM];
	uint64_t cursor = 0;
	int i, n;

	while (cursor != ~0ULL) {
		n = ioasid_query(ctx, IOASID_QUERY_IOAS, 0, &cursor, entries, ROOM);
		if (n < 0)
			return;
		for (i = 0; i < n; i++) {
			print_ioas(out, &entries[i], 0);
			print_ioas_details(out, ctx, entries[i].ioasid);
		}
	}
}

static void print_context(FILE *out, struct ioasid *ctx)
{
	struct ioasid_info info;

	if (ioasid_get_info(ctx, NULL, 0, &info))
		return;
	fprintf(out, "bits %u promised %d spaces %u devices %u routes %u faults %u pinned %llu\n",
		info.pasid_bits, (int)info.promised_bits, info.nr_ioasids, info.nr_devices,
		info.nr_routes, info.nr_faults, info.pinned_bytes);
	fprintf(out, "quota %u numbers %u pending %u migration %#x\n", info.quota, info.ids_live,
		info.ids_pending, info.no_migration);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* QUERY promises no order, and undoing a step may change it. */
static void sort_lines(struct snap *snap)
{
	char *copy = strdup(snap->text), *save = NULL, *line;
	char **lines = calloc(snap->size + 1, sizeof(*lines));
	char *to = snap->text;
	size_t i, n = 0;

	if (!copy || !lines)
		abort();
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (i = 0; i < n; i++)
		to += sprintf(to, "%s\n", lines[i]);
	free(lines);
	free(copy);
}

void snap_take(struct snap *snap, struct ioasid *ctx)
{
	FILE *out = open_memstream(&snap->text, &snap->size);

	if (!out)
		abort();
	print_context(out, ctx);
	print_spaces(out, ctx);
	print_devices(out, ctx);
	print_all(out, ctx, IOASID_QUERY_ROUTE, 0, sizeof(struct ioasid_query_route), print_route);
	if (fclose(out))
		abort();
	sort_lines(snap);
}

void snap_free(struct snap *snap)
{
	free(snap->text);
	snap->text = NULL;
}
