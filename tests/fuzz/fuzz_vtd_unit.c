// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libFuzzer target: a hostile guest before the VT-d unit, with the library and two devices behind.
 * The input is a script for tests/unit/viommu/chaos.c. What must hold: no crash, no access outside
 * guest RAM (everything around it belongs to the sanitizer), everything given back at the end.
 */
#include <ioasid/host.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/chaos.h"

static struct ioasid_host *host;
static struct ioasid_hostdev *hostdev[2];
static struct ioasid_dev *dev[2];

static const struct {
	const char *name;
	u16 rid;
} names[2] = { { "a", 0x0020 }, { "b", 0x01a8 } };

static void fuzz_device(struct chaos *c __maybe_unused, u32 n, u32 kind, u64 value, u32 pasid)
{
	struct ioasid_dma d = {
		.addr = value & 0x7fffffffffff,
		.pasid = pasid,
		.flags = pasid ? IOASID_DMA_PASID : 0,
		.group = value >> 47 & 511,
	};
	u64 buf = 0;

	switch (kind) {
	case 0:
		ioasid_dma_read(hostdev[n], &d, &buf, sizeof(buf));
		break;
	case 1:
		d.addr &= 0x3ffff;
		ioasid_dma_write(hostdev[n], &d, &buf, sizeof(buf));
		break;
	default:
		/* Nobody waits for the answer: the guest may never give one. */
		ioasid_hostdev_page_request(hostdev[n], &d, 1 + (value >> 60 & 1), value >> 61 & 1);
		break;
	}
}

static void fuzz_plug(struct chaos *c, u32 n, bool in)
{
	if (in)
		vtd_unit_add_device(c->g->unit, c->rid[n], dev[n], n);
	else
		vtd_unit_remove_device(c->g->unit, c->rid[n]);
}

static void fuzz_host(void)
{
	struct ioasid_host_config config = {
		.size = sizeof(config),
		.iotlb_entries = 16,
		.pasid_cache_entries = 16,
		.walk_cache_entries = 16,
	};
	struct ioasid_hostdev_config d = {
		.size = sizeof(d),
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	u32 i;

	ut_assert_eq(ioasid_host_create("fuzz", &config, &host), 0);
	for (i = 0; i < 2; i++) {
		d.name = names[i].name;
		d.rid = names[i].rid;
		ut_assert_eq(ioasid_hostdev_create(host, &d, &hostdev[i]), 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chaos_pool pool = { 0 };
	struct vtd_unit_config config = {
		.flags = size ? data[0] & 0x7f : 0,
		.max_pasids = 64,
		.max_page_requests = 16,
		.vcmd = size && data[0] & 0x80 ? NULL : &chaos_vcmd,
		.vcmd_opaque = &pool,
	};
	struct ioasid_info info = { 0 };
	struct ioasid *ctx;
	struct vguest g;
	struct chaos c;
	u32 gpa, i;

	if (!host)
		fuzz_host();
	vg_init(&g);
	ut_assert_eq(ioasid_open("inproc:fuzz", &ctx), 0);
	ut_assert_eq(ioasid_alloc_kernel(ctx, &gpa), 0);
	ut_assert_eq(ioasid_map(ctx, gpa, 0, (uintptr_t)g.ram, VG_RAM_BYTES,
				IOASID_MAP_READ | IOASID_MAP_WRITE),
		     0);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(ioasid_dev_open(ctx, names[i].name, &dev[i]), 0);
		ut_assert_eq(ioasid_dev_bind(dev[i], ctx, i), 0);
	}
	ut_assert_eq(vg_unit(&g, &config, ctx, gpa), 0);
	c = (struct chaos){ &g, data, size, { names[0].rid, names[1].rid }, fuzz_device, fuzz_plug };
	fuzz_plug(&c, 0, true);
	while (chaos_step(&c))
		;
	vtd_unit_destroy(g.unit);
	ut_assert_eq(pool.nr, 0);
	ut_assert_eq(ioasid_get_info(ctx, NULL, 0, &info), 0);
	ut_assert_eq(info.nr_ioasids, 1);
	ut_assert_eq(info.nr_routes, 0);
	for (i = 0; i < 2; i++)
		ioasid_dev_close(dev[i]);
	ioasid_close(ctx);
	vg_destroy(&g);
	return 0;
}
