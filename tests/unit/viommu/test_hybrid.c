// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The VT-d unit over the library, with an assigned function and a slice of another one behind it, both in
 * global mode: a guest's number leads both to one page table, as itself and as the host's number, and
 * its CPUs send the latter.
 */
#include <ioasid/vcpu.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/vguest.h"

#define RID_WHOLE    0x0020
#define RID_SLICE    0x0028
#define COOKIE_WHOLE 1
#define COOKIE_SLICE 2
#define ALL_CTX	     (VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE)
#define URW	     (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define PASID	     5
#define ADDR	     0x40000000ull
#define GLOBAL_MIN   1024

struct hybrid {
	struct ioasid_host *host;
	struct ioasid *ctx;
	struct ioasid_hostdev *whole, *parent, *slice;
	struct ioasid_dev *dev[2];
	struct ioasid_vm *vm;
	struct ioasid_vcpu *vcpu;
	struct vguest g;
	u64 dir[2];
	u32 sent; /* by the last store to the portal */
};

static struct ioasid_hostdev *device(struct hybrid *h, const char *name, u32 dev_class, u16 rid,
				     struct ioasid_hostdev *parent)
{
	struct ioasid_hostdev_config config = { .size = sizeof(config),
						.name = name,
						.rid = rid,
						.dev_class = dev_class,
						.pasid_bits = 20,
						.group = IOASID_INVALID,
						.parent = parent };
	struct ioasid_hostdev *dev;

	ut_assert_eq(ioasid_hostdev_create(h->host, &config, &dev), 0);
	return dev;
}

static void hybrid_devices(struct hybrid *h)
{
	h->whole = device(h, "whole", IOASID_CLASS_PDEV_DMWR, 0x100, NULL);
	h->parent = device(h, "parent", IOASID_CLASS_PDEV_DMWR, 0x200, NULL);
	h->slice = device(h, "slice", IOASID_CLASS_MDEV_DMWR, 0, h->parent);
	ut_assert_eq(ioasid_dev_open(h->ctx, "whole", &h->dev[0]), 0);
	ut_assert_eq(ioasid_dev_open(h->ctx, "slice", &h->dev[1]), 0);
	ut_assert_eq(ioasid_dev_bind(h->dev[0], h->ctx, COOKIE_WHOLE), 0);
	ut_assert_eq(ioasid_dev_bind(h->dev[1], h->ctx, COOKIE_SLICE), 0);
	ut_assert_eq(ioasid_set_hwid_mode(h->ctx, IOASID_MODE_GLOBAL), 0);
	ut_assert_eq(ioasid_hwid_set_global_min(h->ctx, GLOBAL_MIN), 0);
}

static void hybrid_init(struct hybrid *h)
{
	struct vtd_unit_config config = { .flags = VTD_UNIT_CPU_PASID };
	struct ioasid_info info = { 0 };
	u32 gpa;

	memset(h, 0, sizeof(*h));
	vg_init(&h->g);
	ut_assert_eq(ioasid_host_create("hybrid", NULL, &h->host), 0);
	ut_assert_eq(ioasid_open("inproc:hybrid", &h->ctx), 0);
	ut_assert_eq(ioasid_alloc_kernel(h->ctx, &gpa), 0);
	ut_assert_eq(ioasid_map(h->ctx, gpa, 0, (uintptr_t)h->g.ram, VG_RAM_BYTES,
				IOASID_MAP_READ | IOASID_MAP_WRITE),
		     0);
	hybrid_devices(h);
	ut_assert_eq(ioasid_get_info(h->ctx, NULL, 0, &info), 0);
	ut_assert_eq(info.vtd_pss, 9);
	ut_assert_eq(ioasid_hwid_set_promised_width(h->ctx, info.pasid_bits), 0);
	ut_assert_eq(ioasid_vm_create(h->host, &h->vm), 0);
	ut_assert_eq(ioasid_vcpu_create(h->vm, &h->vcpu), 0);
	ut_assert_eq(ioasid_cpu_pasid_enable(h->ctx, ioasid_vm_fd(h->vm)), 0);
	config.pasid_bits = info.vtd_pss + 1;
	ut_assert_eq(vg_unit(&h->g, &config, h->ctx, gpa), 0);
	ut_assert_eq(vtd_unit_add_device(h->g.unit, RID_WHOLE, h->dev[0], COOKIE_WHOLE), 0);
	ut_assert_eq(vtd_unit_add_device(h->g.unit, RID_SLICE, h->dev[1], COOKIE_SLICE), 0);
	vg_boot(&h->g);
	h->dir[0] = vg_context(&h->g, RID_WHOLE, ALL_CTX, 7);
	h->dir[1] = vg_context(&h->g, RID_SLICE, ALL_CTX, 7);
	vg_qi(&h->g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&h->g));
}

static void hybrid_end(struct hybrid *h)
{
	struct ioasid_info info = { 0 };
	struct ioasid_host_stats stats;

	vtd_unit_destroy(h->g.unit);
	ut_assert_eq(ioasid_get_info(h->ctx, NULL, 0, &info), 0);
	ut_assert_eq(info.nr_ioasids, 1);
	ut_assert_eq(info.nr_routes, 0);
	ut_assert_eq(info.ids_live, 0);
	ioasid_vcpu_destroy(h->vcpu);
	ioasid_dev_close(h->dev[0]);
	ioasid_dev_close(h->dev[1]);
	ioasid_vm_destroy(h->vm);
	ioasid_close(h->ctx);
	ioasid_hostdev_destroy(h->slice);
	ioasid_hostdev_destroy(h->parent);
	ioasid_hostdev_destroy(h->whole);
	ioasid_host_get_stats(h->host, &stats);
	ut_assert_eq(stats.ioasids, 0);
	ut_assert_eq(stats.routes, 0);
	ioasid_host_put(h->host);
	vg_destroy(&h->g);
}

/* A table that has one page at ADDR. Return: the page. */
static u64 table(struct hybrid *h, u64 *root)
{
	u64 at = *root = vg_page(&h->g), next;
	int level;

	for (level = 3; level >= 0; level--) {
		next = vg_page(&h->g);
		vg_word(&h->g, at)[ADDR >> (12 + 9 * level) & 511] = next | URW;
		at = next;
	}
	return at;
}

static void resync(struct hybrid *h)
{
	vg_qi(&h->g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 1, PASID), 0);
	vg_qi(&h->g, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 1, PASID), 0);
	ut_assert(vg_wait(&h->g));
}

static int put(struct ioasid_hostdev *dev, u32 pasid, u32 value)
{
	struct ioasid_dma d = { .addr = ADDR,
				.pasid = pasid,
				.flags = IOASID_DMA_PASID | IOASID_DMA_NO_REPORT };

	return ioasid_dma_write(dev, &d, &value, sizeof(value));
}

static bool store(void *opaque, uint64_t offset, const void *data)
{
	struct hybrid *h = opaque;

	memcpy(&h->sent, data, sizeof(h->sent));
	return true;
}

static enum ioasid_enqcmd_result enqcmd(struct hybrid *h)
{
	static const u32 operand[16];
	struct ioasid_dmwr_portal portal = { .store = store, .opaque = h };
	struct ioasid_enqcmd insn = { .cpl = 3, .src = operand };

	h->sent = 0;
	ut_assert_eq(ioasid_vcpu_wrmsr_pasid(h->vcpu, PASID | IOASID_IA32_PASID_VALID), 0);
	return ioasid_vcpu_enqcmd(h->vcpu, &portal, &insn);
}

/* The number is where it belongs, and leads to @page. Return: the host's number. */
static u32 reached(struct hybrid *h, u64 page)
{
	u32 *word = (u32 *)vg_word(&h->g, page), global = 0;

	ut_assert_eq(ioasid_hostdev_ppasid(h->slice, PASID, &global), 0);
	ut_assert(global >= GLOBAL_MIN);
	ut_assert_eq(put(h->whole, PASID, 1), 0);
	ut_assert_eq(*word, 1);
	ut_assert_eq(put(h->whole, global, 2), 0);
	ut_assert_eq(*word, 2);
	ut_assert_eq(put(h->slice, global, 3), 0);
	ut_assert_eq(*word, 3);
	/* The guest's number never reaches the wire of a slice. */
	ut_assert_eq(put(h->slice, PASID, 4), -EFAULT);
	ut_assert_eq(*word, 3);
	ut_assert_eq(enqcmd(h), IOASID_ENQCMD_RETIRED);
	ut_assert_eq(h->sent, global);
	return global;
}

UT_CASE(one_number_two_devices)
{
	struct hybrid h;
	u64 root[2], page[2];
	u32 global;

	hybrid_init(&h);
	page[0] = table(&h, &root[0]);
	page[1] = table(&h, &root[1]);
	ut_assert_eq(enqcmd(&h), IOASID_ENQCMD_EXIT);
	vg_pasid_fs(&h.g, h.dir[0], PASID, root[0], 1);
	vg_pasid_fs(&h.g, h.dir[1], PASID, root[0], 1);
	resync(&h);
	global = reached(&h, page[0]);
	vg_pasid_fs(&h.g, h.dir[0], PASID, root[1], 1);
	vg_pasid_fs(&h.g, h.dir[1], PASID, root[1], 1);
	resync(&h);
	ut_assert_eq(reached(&h, page[1]), global);
	/* The function gives it back, the slice still has it: the CPUs go on. */
	vg_pasid_clear(&h.g, h.dir[0], PASID, true);
	resync(&h);
	ut_assert_eq(put(h.whole, PASID, 5), -EFAULT);
	ut_assert_eq(put(h.whole, global, 5), -EFAULT);
	ut_assert_eq(put(h.slice, global, 6), 0);
	ut_assert_eq(enqcmd(&h), IOASID_ENQCMD_RETIRED);
	vg_pasid_clear(&h.g, h.dir[1], PASID, true);
	resync(&h);
	ut_assert_eq(put(h.slice, global, 7), -EFAULT);
	ut_assert_eq(enqcmd(&h), IOASID_ENQCMD_EXIT);
	ut_assert_eq(*(u32 *)vg_word(&h.g, page[1]), 6);
	hybrid_end(&h);
}

UT_SUITE(viommu_hybrid, UT_ENTRY(one_number_two_devices));
