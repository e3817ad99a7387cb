// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdbool.h>
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
		} scope[DMAR_MAX_ENDPOINTS];
	} __attribute__((packed)) unit;
} __attribute__((packed));

_Static_assert(sizeof(struct dmar_table) == DMAR_SIZE(DMAR_MAX_ENDPOINTS), "layout");

#define DMAR_OEM       "IOASID"
#define DMAR_OEM_TABLE "IOASIDVM"
#define DMAR_ENDPOINT  1

static void dmar_sum(struct dmar_table *t)
{
	const uint8_t *b = (const uint8_t *)t;
	uint8_t sum = 0;
	size_t i;

	t->checksum = 0;
	for (i = 0; i < t->length; i++)
		sum += b[i];
	t->checksum = -sum;
}

void dmar_build(uint8_t *table, uint64_t base, const uint8_t *devfn, unsigned int nr,
		unsigned int width)
{
	struct dmar_table t = {
		.length = DMAR_SIZE(nr), .revision = 1, .oem_revision = 1, .creator_revision = 1
	};
	unsigned int i;

	memcpy(t.signature, "DMAR", 4);
	memcpy(t.oem_id, DMAR_OEM, sizeof(t.oem_id));
	memcpy(t.oem_table_id, DMAR_OEM_TABLE, sizeof(t.oem_table_id));
	memcpy(t.creator, "IOAS", 4);
	t.width = width - 1;
	/* Not INCLUDE_ALL: the machine's other devices do their DMA past us. */
	t.unit.length = t.length - offsetof(struct dmar_table, unit);
	t.unit.base = base;
	for (i = 0; i < nr; i++) {
		t.unit.scope[i].type = DMAR_ENDPOINT;
		t.unit.scope[i].length = sizeof(t.unit.scope[i]);
		t.unit.scope[i].dev = devfn[i] >> 3;
		t.unit.scope[i].fn = devfn[i] & 7;
	}
	dmar_sum(&t);
	memcpy(table, &t, t.length);
}

/* Is there a whole table of ours in @len bytes at @at? @t gets it. */
static bool dmar_ours(const uint8_t *at, size_t len, struct dmar_table *t)
{
	if (len < DMAR_SIZE(1))
		return false;
	memcpy(t, at, DMAR_SIZE(1));
	if (memcmp(t->signature, "DMAR", 4) || memcmp(t->oem_id, DMAR_OEM, sizeof(t->oem_id)) ||
	    memcmp(t->oem_table_id, DMAR_OEM_TABLE, sizeof(t->oem_table_id)))
		return false;
	if (t->length < DMAR_SIZE(1) || t->length > sizeof(*t) || t->length > len ||
	    (t->length - DMAR_SIZE(1)) % 8)
		return false;
	memcpy((uint8_t *)t + DMAR_SIZE(1), at + DMAR_SIZE(1), t->length - DMAR_SIZE(1));
	return true;
}

unsigned int dmar_patch(uint8_t *ram, size_t len, uint64_t base)
{
	uint8_t *end = ram + len, *at = ram;
	struct dmar_table t;
	unsigned int n = 0;

	for (; (at = memmem(at, end - at, "DMAR", 4)); at += 4) {
		if (!dmar_ours(at, end - at, &t))
			continue;
		t.unit.base = base;
		dmar_sum(&t);
		memcpy(at, &t, t.length);
		n++;
	}
	return n;
}
