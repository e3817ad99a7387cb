// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The VT-d unit over the library: a guest writes tables and registers, a device's DMA goes where
 * they say.
 */
#include <sched.h>
#include <unistd.h>

#include <ioasid/host.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/vguest.h"

#define RID	0x0020
#define COOKIE	0xc0ffee
#define ALL_CTX (VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE)
#define URW	(VTD_FS_P | VTD_FS_RW | VTD_FS_US)

struct real {
	struct ioasid_host *host;
	struct ioasid *ctx;
	struct ioasid_hostdev *hostdev;
	struct ioasid_dev *dev;
	u32 gpa;
	struct vguest g;
	u64 dir;
};

static void real_init(struct real *r, u32 flags)
{
	/* A name of its own for each case: what a failed one left behind is not met again. */
	static u32 serial;
	char host[32], home[64];
	struct ioasid_hostdev_config dev = {
		.size = sizeof(dev),
		.name = "accel",
		.rid = 0x0100,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	struct vtd_unit_config config = { .flags = flags };

	memset(r, 0, sizeof(*r));
	vg_init(&r->g);
	snprintf(host, sizeof(host), "vtd%u", serial++);
	snprintf(home, sizeof(home), "inproc:%s", host);
	ut_assert_eq(ioasid_host_create(host, NULL, &r->host), 0);
	ut_assert_eq(ioasid_hostdev_create(r->host, &dev, &r->hostdev), 0);
	ut_assert_eq(ioasid_open(home, &r->ctx), 0);
	ut_assert_eq(ioasid_alloc_kernel(r->ctx, &r->gpa), 0);
	ut_assert_eq(ioasid_map(r->ctx, r->gpa, 0, (uintptr_t)r->g.ram, VG_RAM_BYTES,
				IOASID_MAP_READ | IOASID_MAP_WRITE),
		     0);
	ut_assert_eq(ioasid_dev_open(r->ctx, "accel", &r->dev), 0);
	ut_assert_eq(ioasid_dev_bind(r->dev, r->ctx, COOKIE), 0);
	ut_assert_eq(vg_unit(&r->g, &config, r->ctx, r->gpa), 0);
	ut_assert_eq(vtd_unit_add_device(r->g.unit, RID, r->dev, COOKIE), 0);
}

static void real_boot(struct real *r, u32 flags)
{
	real_init(r, flags);
	vg_boot(&r->g);
	r->dir = vg_context(&r->g, RID, ALL_CTX, 7);
	vg_qi(&r->g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&r->g));
}

static void real_end(struct real *r)
{
	struct ioasid_info info = { 0 };
	struct ioasid_host_stats stats;

	vtd_unit_destroy(r->g.unit);
	/* Only the GPA space is left, and nothing leads to it. */
	ut_assert_eq(ioasid_get_info(r->ctx, NULL, 0, &info), 0);
	ut_assert_eq(info.nr_ioasids, 1);
	ut_assert_eq(info.nr_routes, 0);
	ut_assert_eq(info.nr_faults, 0);
	ioasid_dev_close(r->dev);
	ioasid_close(r->ctx);
	ioasid_hostdev_destroy(r->hostdev);
	ioasid_host_get_stats(r->host, &stats);
	ut_assert_eq(stats.ioasids, 0);
	ut_assert_eq(stats.routes, 0);
	ioasid_host_put(r->host);
	vg_destroy(&r->g);
}

/* ---- the guest's page tables, and DMA --------------------------------------------------------------- */

/* Devices set accessed and dirty bits in these entries meanwhile. */
static u64 *leaf(struct real *r, u64 root, u64 va)
{
	u64 *e = vg_word(&r->g, root), entry;
	int level;

	for (level = 3; level > 0; level--) {
		e += va >> (12 + 9 * level) & 511;
		entry = smp_load_acquire(e);
		if (!(entry & VTD_FS_P)) {
			entry = vg_page(&r->g) | URW;
			smp_store_release(e, entry);
		}
		e = vg_word(&r->g, entry & VTD_ADDR_MASK);
	}
	return e + (va >> 12 & 511);
}

static u64 map(struct real *r, u64 root, u64 va, u64 bits)
{
	u64 page = vg_page(&r->g);

	smp_store_release(leaf(r, root, va), page | bits);
	return page;
}

static int dma(struct real *r, u32 pasid, u64 addr, bool write, u32 *value, u32 flags)
{
	struct ioasid_dma d = {
		.addr = addr,
		.pasid = pasid,
		.flags = flags | (pasid ? IOASID_DMA_PASID : 0),
	};

	return write ? ioasid_dma_write(r->hostdev, &d, value, sizeof(*value)) :
		       ioasid_dma_read(r->hostdev, &d, value, sizeof(*value));
}

static void put(struct real *r, u32 pasid, u64 addr, u32 value)
{
	ut_assert_eq(dma(r, pasid, addr, true, &value, 0), 0);
}

static u32 get(struct real *r, u32 pasid, u64 addr)
{
	u32 value = 0;

	ut_assert_eq(dma(r, pasid, addr, false, &value, 0), 0);
	return value;
}

static void refused(struct real *r, u32 pasid, u64 addr, bool write, u32 reason)
{
	u64 fr[2], want = VTD_FR1_F | RID | (u64)reason << 32 | (write ? 0 : VTD_FR1_T1);
	u32 value = 0, n;

	ut_assert_eq(dma(r, pasid, addr, write, &value, 0), -EFAULT);
	ut_assert(vtd_unit_process_faults(r->g.unit) >= 1);
	n = FIELD_GET(VTD_FSTS_FRI, vg_get32(&r->g, VTD_REG_FSTS));
	fr[0] = vg_get64(&r->g, VTD_REG_FRCD + n * 16);
	fr[1] = vg_get64(&r->g, VTD_REG_FRCD + n * 16 + 8);
	if (pasid)
		want |= VTD_FR1_PP | (u64)pasid << 40;
	ut_assert_eq(fr[0], addr & VTD_FR0_FI);
	ut_assert_eq(fr[1], want);
	vg_set32(&r->g, VTD_REG_FRCD + n * 16 + 12, 1u << 31);
	ut_assert_eq(vg_get32(&r->g, VTD_REG_FSTS), 0);
}

static void sync_pasid(struct real *r, u32 pasid)
{
	vg_qi(&r->g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_PASID, 1, pasid), 0);
	vg_qi(&r->g, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 1, pasid), 0);
	ut_assert(vg_wait(&r->g));
}

static u32 *ram(struct real *r, u64 gpa)
{
	return (u32 *)vg_word(&r->g, gpa);
}

/* ---- cases ----------------------------------------------------------------------------------------------- */

UT_CASE(translation_off_and_on)
{
	struct real r;
	u32 value = 0;

	real_init(&r, 0);
	*ram(&r, 0x123000) = 77;
	ut_assert_eq(get(&r, 0, 0x123000), 77);
	vg_boot(&r.g);
	refused(&r, 0, 0x123000, false, VTD_SRT_2);
	vg_set32(&r.g, VTD_REG_GCMD, VTD_GCMD_QIE);
	ut_assert_eq(get(&r, 0, 0x123000), 77);
	/* With a PASID there is nowhere to go, and nothing to record while translation is off. */
	ut_assert_eq(dma(&r, 5, 0x123000, false, &value, 0), -EFAULT);
	vtd_unit_process_faults(r.g.unit);
	ut_assert_eq(vg_get32(&r.g, VTD_REG_FSTS), 0);
	real_end(&r);
}

UT_CASE(dma_without_pasid)
{
	struct real r;
	u64 root, page;

	real_boot(&r, 0);
	refused(&r, 0, 0x40000000, false, VTD_SPD_2);
	root = vg_page(&r.g);
	page = map(&r, root, 0x40000000, URW);
	vg_pasid_fs(&r.g, r.dir, 0, root, 2);
	sync_pasid(&r, 0);
	put(&r, 0, 0x40000010, 0x11223344);
	ut_assert_eq(*ram(&r, page + 0x10), 0x11223344);
	/* The walk is the guest's to see: accessed and dirty. */
	ut_assert((*leaf(&r, root, 0x40000000) & (VTD_FS_A | VTD_FS_D)) == (VTD_FS_A | VTD_FS_D));
	refused(&r, 0, 0x40001000, false, VTD_SFS_2);
	vg_pasid_pass(&r.g, r.dir, 0, 3);
	sync_pasid(&r, 0);
	ut_assert_eq(get(&r, 0, page + 0x10), 0x11223344);
	refused(&r, 0, VG_RAM_BYTES, true, VTD_SGN_4);
	real_end(&r);
}

UT_CASE(two_processes)
{
	struct real r;
	u64 root[2], page[2];
	u32 i;

	real_boot(&r, 0);
	for (i = 0; i < 2; i++) {
		root[i] = vg_page(&r.g);
		page[i] = map(&r, root[i], 0x7fff00000000, URW);
		vg_pasid_fs(&r.g, r.dir, 5 + i, root[i], 1);
		sync_pasid(&r, 5 + i);
	}
	put(&r, 5, 0x7fff00000000, 0x5555);
	put(&r, 6, 0x7fff00000000, 0x6666);
	ut_assert_eq(*ram(&r, page[0]), 0x5555);
	ut_assert_eq(*ram(&r, page[1]), 0x6666);
	/* One goes: its number leads nowhere, the other's still does. */
	vg_pasid_clear(&r.g, r.dir, 5, false);
	sync_pasid(&r, 5);
	refused(&r, 5, 0x7fff00000000, false, VTD_SPT_2);
	ut_assert_eq(get(&r, 6, 0x7fff00000000), 0x6666);
	/* Its number comes back with another table. */
	vg_pasid_fs(&r.g, r.dir, 5, root[1], 1);
	sync_pasid(&r, 5);
	ut_assert_eq(get(&r, 5, 0x7fff00000000), 0x6666);
	real_end(&r);
}

UT_CASE(faults)
{
	struct real r;
	u64 root, *e;

	real_boot(&r, 0);
	root = vg_page(&r.g);
	map(&r, root, 0x1000, VTD_FS_P | VTD_FS_US);
	map(&r, root, 0x2000, VTD_FS_P | VTD_FS_RW);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	ut_assert_eq(get(&r, 5, 0x1000), 0);
	refused(&r, 5, 0x1000, true, VTD_SGN_6);
	refused(&r, 5, 0x2000, false, VTD_SGN_2);
	refused(&r, 5, 0x3000, false, VTD_SFS_2);
	refused(&r, 5, 0x800000000000, false, VTD_SGN_1);
	refused(&r, 7, 0x1000, false, VTD_SPT_2);
	/* Tables and pages outside of guest RAM. */
	*leaf(&r, root, 0x4000) = VG_RAM_BYTES | URW;
	refused(&r, 5, 0x4000, false, VTD_SFS_1);
	e = vg_word(&r.g, root) + 1;
	*e = 0xffffff000 | URW;
	refused(&r, 5, 1ull << 39, false, VTD_SFS_1);
	vg_pasid_fs(&r.g, r.dir, 6, VG_RAM_BYTES, 1);
	sync_pasid(&r, 6);
	refused(&r, 6, 0x1000, false, VTD_SFS_4);
	real_end(&r);
}

/* A translation that is cached stays until the guest invalidates, and not longer. */
UT_CASE(invalidation)
{
	u64 descs[] = {
		vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PAGE, 1, 5),
		vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PASID, 1, 5),
		vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 1),
		vg_desc_iotlb(VTD_QI_IOTLB_G_GLOBAL, 0),
		vg_desc_pasid_dev_tlb(RID, 5),
	};
	u64 root, page, va = 0x1000;
	struct real r;
	u32 i;

	real_boot(&r, 0);
	root = vg_page(&r.g);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	for (i = 0; i < ARRAY_SIZE(descs); i++, va += 0x1000) {
		map(&r, root, va, URW);
		put(&r, 5, va, 1);
		page = map(&r, root, va, URW);
		vg_qi(&r.g, descs[i], va);
		ut_assert(vg_wait(&r.g));
		put(&r, 5, va, 0x100 + i);
		ut_assert_eq(*ram(&r, page), 0x100 + i);
		smp_store_release(leaf(&r, root, va), 0);
		vg_qi(&r.g, descs[i], va);
		ut_assert(vg_wait(&r.g));
		refused(&r, 5, va, false, VTD_SFS_2);
	}
	/* The control: without it, the old page goes on being written. */
	vtd_unit_set_broken(r.g.unit, VTD_UNIT_BREAK_NO_INVALIDATE);
	page = map(&r, root, va, URW);
	put(&r, 5, va, 1);
	smp_store_release(leaf(&r, root, va), 0);
	vg_qi(&r.g, descs[0], va);
	ut_assert(vg_wait(&r.g));
	put(&r, 5, va, 2);
	ut_assert_eq(*ram(&r, page), 2);
	vtd_unit_set_broken(r.g.unit, 0);
	real_end(&r);
}

/* ---- page requests ----------------------------------------------------------------------------------------- */

struct toucher {
	struct real *r;
	pthread_t thread;
	u32 pasid, value;
	u64 addr;
	bool write;
	int rc;
};

static void *touch(void *arg)
{
	struct toucher *t = arg;
	int rc = dma(t->r, t->pasid, t->addr, t->write, &t->value, IOASID_DMA_PAGE_REQUEST);

	__atomic_store_n(&t->rc, rc, __ATOMIC_SEQ_CST);
	return NULL;
}

static void touch_start(struct toucher *t, struct real *r, u32 pasid, u64 addr, bool write)
{
	*t = (struct toucher){
		.r = r,
		.pasid = pasid,
		.addr = addr,
		.write = write,
		.value = 0xabcd,
		.rc = 1,
	};
	ut_assert_eq(pthread_create(&t->thread, NULL, touch, t), 0);
}

static int touch_end(struct toucher *t)
{
	pthread_join(t->thread, NULL);
	return t->rc;
}

static void next_request(struct real *r, u64 d[4])
{
	u64 head = vg_get64(&r->g, VTD_REG_PQH);
	u32 i;

	for (i = 0; i < 10000 && vg_get64(&r->g, VTD_REG_PQT) == head; i++)
		usleep(500);
	ut_assert(vg_get64(&r->g, VTD_REG_PQT) != head);
	memcpy(d, vg_word(&r->g, r->g.prq + head), 32);
	vg_set64(&r->g, VTD_REG_PQH, (head + 32) & 4095);
	vg_set32(&r->g, VTD_REG_PRS, VTD_PRS_PPR);
}

static void answer(struct real *r, const u64 d[4], u32 code)
{
	vg_qi(&r->g,
	      vg_desc_page_response(FIELD_GET(VTD_PR0_RID, d[0]), FIELD_GET(VTD_PR0_PASID, d[0]),
				    code),
	      d[1] & (VTD_PR1_PRGI | VTD_PR1_LPIG));
	ut_assert(vg_wait(&r->g));
}

UT_CASE(page_request)
{
	struct vtd_unit_stats s;
	struct toucher t;
	struct real r;
	u64 root, page, d[4];
	u32 value = 0;

	real_boot(&r, 0);
	ut_assert_eq(vtd_unit_service_start(r.g.unit), 0);
	root = vg_page(&r.g);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	touch_start(&t, &r, 5, 0x5000, true);
	next_request(&r, d);
	ut_assert_eq(FIELD_GET(VTD_PR0_PASID, d[0]), 5);
	ut_assert_eq(FIELD_GET(VTD_PR0_RID, d[0]), RID);
	ut_assert_eq(d[1] & VTD_PR1_ADDR, 0x5000);
	ut_assert((d[1] & VTD_PR1_WRR) && (d[1] & VTD_PR1_LPIG));
	page = map(&r, root, 0x5000, URW);
	answer(&r, d, VTD_PGRSP_SUCCESS);
	ut_assert_eq(touch_end(&t), 0);
	ut_assert_eq(*ram(&r, page), 0xabcd);
	/* The guest refuses; and answers "success" without having done anything, once. */
	touch_start(&t, &r, 5, 0x6000, false);
	next_request(&r, d);
	answer(&r, d, VTD_PGRSP_SUCCESS);
	next_request(&r, d);
	answer(&r, d, VTD_PGRSP_INVALID);
	ut_assert_eq(touch_end(&t), -EFAULT);
	/*
	 * Unbound while it waits: it cannot reach anything any more, and goes on waiting for the
	 * guest, whose answer ends it.
	 */
	map(&r, root, 0x7000, URW);
	touch_start(&t, &r, 5, 0x8000, false);
	next_request(&r, d);
	vg_pasid_clear(&r.g, r.dir, 5, true);
	sync_pasid(&r, 5);
	map(&r, root, 0x8000, URW);
	ut_assert_eq(dma(&r, 5, 0x7000, false, &value, 0), -EFAULT);
	usleep(20000);
	ut_assert_eq(__atomic_load_n(&t.rc, __ATOMIC_SEQ_CST), 1);
	answer(&r, d, VTD_PGRSP_SUCCESS);
	ut_assert_eq(touch_end(&t), -EFAULT);
	vtd_unit_get_stats(r.g.unit, &s);
	ut_assert_eq(s.bound_now, 0);
	/* The same, and the number comes back first: tried again under the new table. */
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	touch_start(&t, &r, 5, 0x9000, true);
	next_request(&r, d);
	vg_pasid_clear(&r.g, r.dir, 5, true);
	sync_pasid(&r, 5);
	page = map(&r, root, 0x9000, URW);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	answer(&r, d, VTD_PGRSP_SUCCESS);
	ut_assert_eq(touch_end(&t), 0);
	ut_assert_eq(*ram(&r, page), 0xabcd);
	real_end(&r);
}

/* Another root while a page request waits: it stays, and the retry uses the new table. */
UT_CASE(rebind_under_page_request)
{
	struct toucher t;
	struct real r;
	u64 root, page, d[4];

	real_boot(&r, 0);
	ut_assert_eq(vtd_unit_service_start(r.g.unit), 0);
	vg_pasid_fs(&r.g, r.dir, 5, vg_page(&r.g), 1);
	sync_pasid(&r, 5);
	touch_start(&t, &r, 5, 0x5000, true);
	next_request(&r, d);
	root = vg_page(&r.g);
	page = map(&r, root, 0x5000, URW);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	sync_pasid(&r, 5);
	answer(&r, d, VTD_PGRSP_SUCCESS);
	ut_assert_eq(touch_end(&t), 0);
	ut_assert_eq(*ram(&r, page), 0xabcd);
	real_end(&r);
}

UT_CASE(page_requests_not_allowed)
{
	struct toucher t;
	struct real r;

	real_boot(&r, 0);
	ut_assert_eq(vtd_unit_service_start(r.g.unit), 0);
	vg_context_clear(&r.g, RID);
	r.dir = vg_context(&r.g, RID, VTD_CE0_DTE | VTD_CE0_PASIDE, 7);
	vg_pasid_fs(&r.g, r.dir, 5, vg_page(&r.g), 1);
	vg_qi(&r.g, vg_desc_context(VTD_QI_CONTEXT_G_GLOBAL, 0), 0);
	ut_assert(vg_wait(&r.g));
	touch_start(&t, &r, 5, 0x5000, false);
	ut_assert_eq(touch_end(&t), -EFAULT);
	ut_assert(vg_get32(&r.g, VTD_REG_FSTS) & VTD_FSTS_PPF);
	ut_assert_eq(FIELD_GET(VTD_FR1_REASON, vg_get64(&r.g, VTD_REG_FRCD + 8)), VTD_SCT_8);
	real_end(&r);
}

/* Device without caching mode: a refused number is looked up and tried again. */
UT_CASE(prepare_at_first_use)
{
	struct real r;
	u64 root, page;
	u32 value = 3;

	real_boot(&r, VTD_UNIT_NO_CM);
	root = vg_page(&r.g);
	page = map(&r, root, 0x1000, URW);
	vg_pasid_fs(&r.g, r.dir, 5, root, 0);
	ut_assert_eq(dma(&r, 5, 0x1000, true, &value, IOASID_DMA_NO_REPORT), -EFAULT);
	ut_assert_eq(vtd_unit_prepare(r.g.unit, RID, 5), 0);
	put(&r, 5, 0x1000, 3);
	ut_assert_eq(*ram(&r, page), 3);
	real_end(&r);
}

UT_CASE(pass_through_with_pasid)
{
	struct real r;

	real_boot(&r, 0);
	vg_pasid_pass(&r.g, r.dir, 5, 1);
	vg_pasid_pass(&r.g, r.dir, 6, 1);
	sync_pasid(&r, 5);
	sync_pasid(&r, 6);
	put(&r, 5, 0x200000, 5);
	ut_assert_eq(get(&r, 6, 0x200000), 5);
	vg_pasid_clear(&r.g, r.dir, 5, false);
	sync_pasid(&r, 5);
	refused(&r, 5, 0x200000, false, VTD_SPT_2);
	ut_assert_eq(get(&r, 6, 0x200000), 5);
	real_end(&r);
}

UT_CASE(guest_reset)
{
	struct toucher t;
	struct real r;
	u64 d[4];

	real_boot(&r, 0);
	ut_assert_eq(vtd_unit_service_start(r.g.unit), 0);
	vg_pasid_fs(&r.g, r.dir, 5, vg_page(&r.g), 1);
	vg_pasid_fs(&r.g, r.dir, 0, vg_page(&r.g), 1);
	sync_pasid(&r, 5);
	sync_pasid(&r, 0);
	touch_start(&t, &r, 5, 0x5000, false);
	next_request(&r, d);
	vtd_unit_reset(r.g.unit);
	ut_assert_eq(touch_end(&t), -EFAULT);
	*ram(&r, 0x123000) = 99;
	ut_assert_eq(get(&r, 0, 0x123000), 99);
	real_end(&r);
}

/* ---- mass, and at once ---------------------------------------------------------------------------------------- */

static struct {
	struct real *r;
	bool stop;
	u64 done;
} engine;

static void *run_engine(void *arg __maybe_unused)
{
	u32 value = 1;

	while (!__atomic_load_n(&engine.stop, __ATOMIC_RELAXED)) {
		dma(engine.r, 5, 0x1000, true, &value, IOASID_DMA_NO_REPORT);
		dma(engine.r, 0, 0x1000, true, &value, IOASID_DMA_NO_REPORT);
		__atomic_add_fetch(&engine.done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Until the device has begun and finished at least one access from now on. */
static void engine_turns(void)
{
	u64 from = __atomic_load_n(&engine.done, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&engine.done, __ATOMIC_SEQ_CST) < from + 2)
		sched_yield();
}

/* Give the page at 0x1000 away, @n times. Return: times the old page was written afterwards. */
static u32 remap(struct real *r, u64 root, u32 n)
{
	u64 old, page = 0x300000;
	u32 i, wrong = 0;

	for (i = 0; i < n; i++) {
		old = page;
		page = old == 0x300000 ? 0x301000 : 0x300000;
		smp_store_release(leaf(r, root, 0x1000), page | URW);
		vg_qi(&r->g, vg_desc_pasid_iotlb(VTD_QI_PASID_IOTLB_G_PAGE, 1, 5), 0x1000);
		vg_qi(&r->g, vg_desc_pasid_dev_tlb(RID, 5), 0x1000);
		vg_qi(&r->g, vg_desc_iotlb(VTD_QI_IOTLB_G_DOMAIN, 2), 0);
		ut_assert(vg_wait(&r->g));
		__atomic_store_n(ram(r, old), 0xdead, __ATOMIC_SEQ_CST);
		if (i % 16 == 0) {
			vg_pasid_clear(&r->g, r->dir, 5, true);
			sync_pasid(r, 5);
			vg_pasid_fs(&r->g, r->dir, 5, root, 1);
			sync_pasid(r, 5);
		}
		engine_turns();
		wrong += __atomic_load_n(ram(r, old), __ATOMIC_SEQ_CST) != 0xdead;
	}
	return wrong;
}

/*
 * A page changes hands under running DMA: once the wait is done, the old page is not written any
 * more. Entries come and go meanwhile. Without the invalidations it is written.
 */
UT_CASE(remap_under_load)
{
	pthread_t thread;
	struct real r;
	u64 root;

	real_boot(&r, 0);
	root = vg_page(&r.g);
	smp_store_release(leaf(&r, root, 0x1000), 0x300000 | URW);
	vg_pasid_fs(&r.g, r.dir, 5, root, 1);
	vg_pasid_fs(&r.g, r.dir, 0, root, 2);
	sync_pasid(&r, 5);
	sync_pasid(&r, 0);
	engine.r = &r;
	engine.stop = false;
	engine.done = 0;
	ut_assert_eq(pthread_create(&thread, NULL, run_engine, NULL), 0);
	engine_turns();
	ut_assert_eq(remap(&r, root, 500), 0);
	vtd_unit_set_broken(r.g.unit, VTD_UNIT_BREAK_NO_INVALIDATE);
	ut_assert(remap(&r, root, 10) > 0);
	__atomic_store_n(&engine.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	real_end(&r);
}

UT_CASE(many_numbers)
{
	struct vtd_unit_stats s;
	struct real r;
	u64 root;
	u32 i;

	real_boot(&r, 0);
	root = vg_page(&r.g);
	map(&r, root, 0x1000, URW);
	for (i = 1; i <= 3000; i++)
		vg_pasid_fs(&r.g, r.dir, i * 8, root, 1);
	vg_qi(&r.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(vg_wait(&r.g));
	vtd_unit_get_stats(r.g.unit, &s);
	ut_assert_eq(s.bound_now, 3000);
	ut_assert_eq(s.bind_errors, 0);
	for (i = 1; i <= 3000; i += 7)
		put(&r, i * 8, 0x1000, i);
	*vg_word(&r.g, r.dir) = 0;
	memset(vg_word(&r.g, r.dir), 0, 4096);
	vg_qi(&r.g, vg_desc_pasid_cache(VTD_QI_PASID_CACHE_G_GLOBAL, 0, 0), 0);
	ut_assert(vg_wait(&r.g));
	vtd_unit_get_stats(r.g.unit, &s);
	ut_assert_eq(s.bound_now, 0);
	real_end(&r);
}

UT_SUITE(viommu_real, UT_ENTRY(translation_off_and_on), UT_ENTRY(dma_without_pasid),
	 UT_ENTRY(two_processes), UT_ENTRY(faults), UT_ENTRY(invalidation), UT_ENTRY(page_request),
	 UT_ENTRY(rebind_under_page_request), UT_ENTRY(page_requests_not_allowed),
	 UT_ENTRY(prepare_at_first_use), UT_ENTRY(pass_through_with_pasid), UT_ENTRY(guest_reset),
	 UT_ENTRY(remap_under_load), UT_ENTRY(many_numbers));
