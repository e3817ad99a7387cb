/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The ACPI table that tells the guest about the remapping unit. It has to exist before QEMU starts,
 * but firmware chooses the address of the registers: the server corrects base and checksum in
 * guest RAM once firmware has put both in place. Layout: VT-d specification 8.
 */
#ifndef LIVE_DMAR_H
#define LIVE_DMAR_H

#include <stddef.h>
#include <stdint.h>

#define DMAR_MAX_ENDPOINTS 8
/* Bytes of a table with @n endpoints. */
#define DMAR_SIZE(n)	  (64 + 8 * (n))
#define DMAR_PLACEHOLDER  0xfed90000ULL /* base until it is corrected */
#define DMAR_SEARCH_BYTES (2U << 20) /* firmware keeps its tables at the end of low RAM */

/**
 * dmar_build() - write the table: one unit with endpoints on bus 0 in its scope
 * @table: DMAR_SIZE(@nr) bytes
 * @base: of the registers
 * @devfn: of the endpoints
 * @nr: how many, 1 to DMAR_MAX_ENDPOINTS
 * @width: host address width in bits
 */
void dmar_build(uint8_t *table, uint64_t base, const uint8_t *devfn, unsigned int nr,
		unsigned int width);

/**
 * dmar_patch() - find our table in a piece of guest RAM and set its base
 * @ram: memory, which may change at any time
 * @len: bytes
 * @base: of the registers
 *
 * Return: tables corrected.
 */
unsigned int dmar_patch(uint8_t *ram, size_t len, uint64_t base);

#endif
