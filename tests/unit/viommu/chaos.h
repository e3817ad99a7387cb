/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A guest without manners: bytes become register accesses, table entries, descriptors and device
 * activity. Pure noise would hardly get past the first table, so most values are made of what the
 * unit looks for: pages of a small arena, valid types, valid flags.
 */
#ifndef TESTS_VIOMMU_CHAOS_H
#define TESTS_VIOMMU_CHAOS_H

#include "tests/unit/viommu/vguest.h"

#define CHAOS_PAGES 48u

/**
 * struct chaos - one run
 * @data: where the decisions come from
 * @device: a device does something: @kind in 0..3, @value and @pasid as it likes
 * @plug: add or remove device @n
 * @bare: hardware mode: what only the front end does is left out
 */
struct chaos {
	struct vguest *g;
	const u8 *data;
	size_t left;
	u16 rid[2];
	void (*device)(struct chaos *c, u32 n, u32 kind, u64 value, u32 pasid);
	void (*plug)(struct chaos *c, u32 n, bool in);
	bool bare;
};

/**
 * chaos_vcmd - a responder to virtual commands with few numbers, which insists on getting back what it
 * gave, once; its opaque is a struct chaos_pool, empty in the beginning and to be empty in the end
 */
struct chaos_pool {
	u8 out[24];
	u32 nr;
};
extern const struct vtd_unit_vcmd chaos_vcmd;

/** chaos_step() - one action. Return: false: no bytes left. */
bool chaos_step(struct chaos *c);

#endif
