// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VT-d builders and walkers on the kernel's own memory: tables in pages of the page allocator,
 * physical addresses as the hardware would see them. A small guest of scattered pages has its
 * first-stage table in its own memory, nested on a second stage.
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "formats/pgtable.h"
#include "formats/vtd.h"
#include "tests/unit/ut.h"
#include "tests/unit/formats/caps.h"

#define GUEST_PAGES  96U
#define GUEST_TABLES 64U /* of these, what the guest's tables may take */
#define IOVA	     0x7f1234560000ULL
#define RID	     0x123
#define PASID	     77

/*
 * struct real - host memory, and a guest on it
 * @host: tables by the page allocator; @nr counts pages
 * @guest: the guest's own: GPA to page
 */
struct real {
	struct phys_mem host_mem;
	struct table_alloc host_alloc;
	struct table_env host;
	struct phys_mem guest_mem;
	struct table_alloc guest_alloc;
	struct table_env guest;
	u8 *page[GUEST_PAGES];
	u32 next;
	long nr;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void *host_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	return pfn_valid(pa >> PAGE_SHIFT) ? phys_to_virt(pa) : NULL;
}

static void *host_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct real *r = container_of(ta, struct real, host_alloc);
	void *p = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);

	if (p) {
		*pa = virt_to_phys(p);
		r->nr += 1L << order;
	}
	return p;
}

static void host_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct real *r = container_of(ta, struct real, host_alloc);

	ut_assert_eq(pa, virt_to_phys(table));
	r->nr -= 1L << order;
	free_pages((unsigned long)table, order);
}

static void *guest_at(const struct phys_mem *mem, u64 gpa, u32 len)
{
	struct real *r = container_of(mem, struct real, guest_mem);
	u64 n = gpa >> PAGE_SHIFT;

	return n < GUEST_PAGES ? r->page[n] + (gpa & ~PAGE_MASK) : NULL;
}

static void *guest_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct real *r = container_of(ta, struct real, guest_alloc);

	if (order || r->next == GUEST_TABLES)
		return NULL;
	*pa = (u64)r->next << PAGE_SHIFT;
	memset(r->page[r->next], 0, PAGE_SIZE);
	return r->page[r->next++];
}

static void guest_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	/* The guest keeps its memory. */
}

static void set_up(struct real *r)
{
	u32 i;

	memset(r, 0, sizeof(*r));
	phys_mem_init_callback(&r->host_mem, host_at);
	r->host_alloc.alloc = host_alloc;
	r->host_alloc.free = host_free;
	r->host.mem = &r->host_mem;
	r->host.alloc = &r->host_alloc;
	phys_mem_init_callback(&r->guest_mem, guest_at);
	r->guest_alloc.alloc = guest_alloc;
	r->guest_alloc.free = guest_free;
	r->guest.mem = &r->guest_mem;
	r->guest.alloc = &r->guest_alloc;
	for (i = 0; i < GUEST_PAGES; i++) {
		r->page[i] = os_page_zalloc();
		ut_assert(r->page[i]);
	}
}

static void tear_down(struct real *r)
{
	u32 i;

	for (i = 0; i < GUEST_PAGES; i++)
		os_page_free(r->page[i]);
	ut_assert_eq(r->nr, 0);
}

/* ---- the case ---------------------------------------------------------------------------------- */

/* Guest page n at GPA n, wherever the page allocator put it. */
static void map_guest(struct real *r, struct iopt *ss)
{
	struct iopt_extent ext[GUEST_PAGES];
	u32 i;

	for (i = 0; i < GUEST_PAGES; i++)
		ext[i] = (struct iopt_extent){ os_virt_to_phys(r->page[i]), PAGE_SIZE };
	ut_assert_eq(iopt_map_extents(ss, 0, ext, GUEST_PAGES, IOPT_READ | IOPT_WRITE), 0);
}

static struct iopt_cfg config(const struct table_env *env, enum iopt_fmt fmt)
{
	return (struct iopt_cfg){
		.env = env,
		.fmt = fmt,
		.levels = 4,
		.oa_lg2 = TEST_HAW,
		.page_sizes = BIT_ULL(12) | BIT_ULL(21),
	};
}

/* As hardware would do it: from the root table register to a byte of memory. */
static u8 translate(struct real *r, const struct vtd_caps *caps, const struct vtd_tables *t,
		    u64 iova, u32 access, struct vtd_xlat *x)
{
	struct vtd_req req = { .rid = RID, .has_pasid = true, .pasid = PASID };
	struct vtd_lookup l;

	ut_assert_eq(vtd_lookup(&r->host_mem, caps, vtd_tables_rtaddr(t), &req, &l, NULL), 0);
	return vtd_walk(&r->host_mem, caps, &l.te, iova, access, x);
}

static void assert_lands(struct real *r, const struct vtd_caps *caps, const struct vtd_tables *t)
{
	struct vtd_xlat x;
	u32 i;

	for (i = 0; i < GUEST_PAGES - GUEST_TABLES; i++) {
		u8 *page = r->page[GUEST_TABLES + i];

		ut_assert_eq(translate(r, caps, t, IOVA + ((u64)i << PAGE_SHIFT) + 5, XLAT_RW, &x),
			     0);
		ut_assert_eq(x.oa, os_virt_to_phys(page) + 5);
		*(u8 *)phys_to_virt(x.oa) = (u8)(i + 1);
		ut_assert_eq(page[5], i + 1);
	}
	ut_assert(translate(r, caps, t, IOVA - 1, XLAT_READ, &x));
	ut_assert(x.flags & VTD_XLAT_PAGE_REQUEST);
}

static void run(struct real *r, const struct vtd_caps *caps, struct vtd_tables *t, struct iopt *ss,
		struct iopt *fs)
{
	struct vtd_te te = {
		.pgtt = VTD_PGTT_NESTED,
		.did = 9,
		.fs_root = fs->root_pa,
		.fs_levels = 4,
		.ss_root = ss->root_pa,
		.ss_levels = 4,
	};
	struct table_gather g, guest_g;
	struct vtd_xlat x;

	table_gather_init(&g);
	table_gather_init(&guest_g);
	ut_assert_eq(vtd_tables_device_add(t, RID, VTD_TE_PASID | VTD_TE_DT | VTD_TE_PR), 0);
	ut_assert_eq(vtd_tables_pasid_install(t, RID, PASID, &te, &g), 0);
	assert_lands(r, caps, t);
	/* The guest unmaps half; then the host takes a page of the guest away. */
	ut_assert_eq(iopt_unmap(fs, IOVA + 16 * PAGE_SIZE, IOVA + 32 * PAGE_SIZE - 1, &guest_g),
		     16 * PAGE_SIZE);
	ut_assert(translate(r, caps, t, IOVA + 16 * PAGE_SIZE, XLAT_READ, &x));
	ut_assert_eq(translate(r, caps, t, IOVA + 15 * PAGE_SIZE, XLAT_READ, &x), 0);
	ut_assert_eq(iopt_unmap(ss, GUEST_TABLES * PAGE_SIZE, (GUEST_TABLES + 1) * PAGE_SIZE - 1,
				&g),
		     PAGE_SIZE);
	ut_assert(translate(r, caps, t, IOVA, XLAT_READ, &x));
	ut_assert_eq(x.stage, VTD_STAGE_SS);
	ut_assert_eq(x.gpa, GUEST_TABLES * PAGE_SIZE);
	ut_assert_eq(vtd_tables_device_remove(t, RID, &g), 0);
	table_gather_free(&r->guest, &guest_g);
	table_gather_free(&r->host, &g);
}

UT_CASE(nested_on_kernel_pages)
{
	struct real *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct vtd_caps caps = test_caps();
	struct iopt_cfg ss_cfg, fs_cfg;
	struct vtd_tables t;
	struct iopt ss, fs;
	u32 i;

	ut_assert(r);
	set_up(r);
	ss_cfg = config(&r->host, IOPT_FMT_VTD_SS);
	fs_cfg = config(&r->guest, IOPT_FMT_VTD_FS);
	ut_assert_eq(iopt_init(&ss, &ss_cfg), 0);
	map_guest(r, &ss);
	ut_assert_eq(iopt_init(&fs, &fs_cfg), 0);
	for (i = 0; i < GUEST_PAGES - GUEST_TABLES; i++)
		ut_assert_eq(iopt_map(&fs, IOVA + ((u64)i << PAGE_SHIFT),
				      (u64)(GUEST_TABLES + i) << PAGE_SHIFT, PAGE_SIZE,
				      IOPT_READ | IOPT_WRITE),
			     0);
	ut_assert_eq(vtd_tables_init(&t, &r->host, &caps), 0);
	run(r, &caps, &t, &ss, &fs);
	vtd_tables_destroy(&t);
	iopt_destroy(&fs);
	iopt_destroy(&ss);
	tear_down(r);
	kfree(r);
}

UT_SUITE(kernel_realmem, UT_ENTRY(nested_on_kernel_pages));
