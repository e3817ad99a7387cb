// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <string.h>

#include "dmar.h"

struct dmar_table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
	uint8_t width, flags, reserved[10];
	struct {
		uint16_t type, length;
		uint8_t flags, size;
		uint16_t segment;
		uint64_t base;
		struct {
			uint8_t type, length, reserved[2], id, bus, dev, fn;
		} scope;
	} __attribute__((packed)) unit;
} __attribute__((packed));

_Static_assert(sizeof(struct dmar_table) == DMAR_TABLE_SIZE, "layout");

#define DMAR_OEM       "IOASID"
#define DMAR_OEM_TABLE "IOASIDVM"
#define DMAR_ENDPOINT  1

static void dmar_sum(struct dmar_table *t)
{
	const uint8_t *b = (const uint8_t *)t;
	uint8_t sum = 0;
	size_t i;

	t->checksum = 0;
	for (i = 0; i < sizeof(*t); i++)
		sum += b[i];
	t->checksum = -sum;
}

void dmar_build(uint8_t *table, uint64_t base, uint8_t devfn, unsigned int width)
{
	struct dmar_table t = {
		.length = sizeof(t), .revision = 1, .oem_revision = 1, .creator_revision = 1
	};

	memcpy(t.signature, "DMAR", 4);
	memcpy(t.oem_id, DMAR_OEM, sizeof(t.oem_id));
	memcpy(t.oem_table_id, DMAR_OEM_TABLE, sizeof(t.oem_table_id));
	memcpy(t.creator, "IOAS", 4);
	t.width = width - 1;
	/* Not INCLUDE_ALL: the machine's other devices do their DMA past us. */
	t.unit.length = sizeof(t.unit);
	t.unit.base = base;
	t.unit.scope.type = DMAR_ENDPOINT;
	t.unit.scope.length = sizeof(t.unit.scope);
	t.unit.scope.dev = devfn >> 3;
	t.unit.scope.fn = devfn & 7;
	dmar_sum(&t);
	memcpy(table, &t, sizeof(t));
}

unsigned int dmar_patch(uint8_t *ram, size_t len, uint64_t base)
{
	uint8_t *end = ram + len, *at = ram;
	struct dmar_table t;
	unsigned int n = 0;

	for (; (at = memmem(at, end - at, "DMAR", 4)) && (size_t)(end - at) >= sizeof(t); at += 4) {
		memcpy(&t, at, sizeof(t));
		if (memcmp(t.signature, "DMAR", 4) || t.length != sizeof(t) ||
		    memcmp(t.oem_id, DMAR_OEM, sizeof(t.oem_id)) ||
		    memcmp(t.oem_table_id, DMAR_OEM_TABLE, sizeof(t.oem_table_id)))
			continue;
		t.unit.base = base;
		dmar_sum(&t);
		memcpy(at, &t, sizeof(t));
		n++;
	}
	return n;
}
