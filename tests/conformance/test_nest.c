// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Nesting: software shadows, user tables walked by the IOMMU, accounting roots. */
#include "tests/conformance/fixture.h"

#define PAGE  GUEST_PAGE
#define GIOVA 0x7000000ULL
#define VA    0x7f0012345000ULL

static uint64_t page_va(struct fx *fx, size_t n)
{
	return (uintptr_t)fx->g.ram + n * PAGE;
}

/* ---- software nesting ------------------------------------------------------------------------- */

static void a_child_shows_the_parent_through_its_own_maps(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0), *dev1 = fx_bind(fx, 1);
	uint32_t gpa = fx_gpa_space(fx), child = fx_child(fx, gpa);

	assert_int_equal(ioasid_map(ctx, child, GIOVA, guest_data_gpa(&fx->g, 4), 2 * PAGE, FX_RW),
			 0);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev1, gpa, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA, 4);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + PAGE, 5);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 2 * PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 4), IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 1, CONF_RID, guest_data_gpa(&fx->g, 4), 4);
	/* A second name for the same page, while attached. */
	assert_int_equal(ioasid_map(ctx, child, GIOVA + 16 * PAGE, guest_data_gpa(&fx->g, 4), PAGE,
				    FX_RW),
			 0);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 16 * PAGE, 4);
	assert_int_equal(ioasid_unmap(ctx, child, GIOVA, 2 * PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 16 * PAGE, 4);
}

static void holes_of_the_parent_are_holes_of_the_child_until_filled(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_kernel(fx), child = fx_child(fx, gpa);

	fx_map_page(fx, gpa, 0x1000, 1);
	fx_map_page(fx, gpa, 0x3000, 3);
	/* Five pages, of which the parent has two. */
	assert_int_equal(ioasid_map(ctx, child, GIOVA, 0x0, 5 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x1000, 1);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 0x2000, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x3000, 3);

	fx_map_page(fx, gpa, 0x2000, 2);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x2000, 2);
	assert_int_equal(ioasid_unmap(ctx, gpa, 0x1000, PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 0x1000, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x2000, 2);
	/* Another page comes in its place. */
	fx_map_page(fx, gpa, 0x1000, 7);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x1000, 7);
	assert_int_equal(ioasid_unmap_all(ctx, gpa, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 0x3000, IOASID_REASON_NOT_PRESENT);
	fx_map_page(fx, gpa, 0x4000, 9);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 0x4000, 9);
}

static void permissions_of_parent_and_child_are_anded(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_kernel(fx), child = fx_child(fx, gpa);

	assert_int_equal(ioasid_map(ctx, gpa, 0x1000, page_va(fx, 1), PAGE, IOASID_MAP_READ), 0);
	assert_int_equal(ioasid_map(ctx, gpa, 0x2000, page_va(fx, 2), PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, gpa, 0x3000, page_va(fx, 3), PAGE, IOASID_MAP_WRITE), 0);
	assert_int_equal(ioasid_map(ctx, child, 0x1000, 0x1000, PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, child, 0x2000, 0x2000, PAGE, IOASID_MAP_READ), 0);
	assert_int_equal(ioasid_map(ctx, child, 0x3000, 0x3000, PAGE, IOASID_MAP_READ), 0);
	assert_int_equal(ioasid_map(ctx, child, 0x4000, 0x2000, PAGE, FX_RW), 0);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	fx_dma_reads(fx, 0, CONF_RID, 0x1000, 1);
	fx_dma_reads(fx, 0, CONF_RID, 0x2000, 2);
	/* Write-only under read-only: nothing is left. */
	fx_dma_blocked(fx, 0, CONF_RID, 0x3000, -1);
	fx_dma_lands(fx, 0, CONF_RID, 0x4000, 2);
}

static void child_maps_may_overlap_in_the_parent_and_span_its_maps(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_kernel(fx), child = fx_child(fx, gpa);
	unsigned int i;

	for (i = 0; i < 8; i++)
		fx_map_page(fx, gpa, i * PAGE, 20 - i);
	assert_int_equal(ioasid_dev_attach(dev, child, 0), 0);
	assert_int_equal(ioasid_map(ctx, child, GIOVA, 0, 8 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, child, GIOVA + 8 * PAGE, 2 * PAGE, 4 * PAGE, FX_RW), 0);
	for (i = 0; i < 8; i++)
		fx_dma_lands(fx, 0, CONF_RID, GIOVA + i * PAGE, 20 - i);
	for (i = 0; i < 4; i++)
		fx_dma_lands(fx, 0, CONF_RID, GIOVA + (8 + i) * PAGE, 18 - i);
	/* One UNMAP of the parent shows in both. */
	assert_int_equal(ioasid_unmap(ctx, gpa, 3 * PAGE, PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 3 * PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA + 9 * PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 2 * PAGE, 18);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA + 10 * PAGE, 16);
}

static void an_unmap_of_the_parent_reaches_all_children(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0), *dev1 = fx_bind(fx, 1);
	uint32_t gpa = fx_gpa_space(fx), a = fx_child(fx, gpa), b = fx_child(fx, gpa);

	assert_int_equal(ioasid_map(ctx, a, GIOVA, FX_GPA, PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, b, GIOVA, FX_GPA, PAGE, FX_RW), 0);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 3, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev1, b, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA, 0);
	fx_dma_lands(fx, 0, 3, GIOVA, 0);
	fx_dma_lands(fx, 1, CONF_RID, GIOVA, 0);
	assert_int_equal(ioasid_unmap_all(ctx, gpa, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, GIOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, 3, GIOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 1, CONF_RID, GIOVA, IOASID_REASON_NOT_PRESENT);
}

/* ---- hardware nesting --------------------------------------------------------------------------- */

struct nested {
	uint32_t gpa, user;
	uint64_t root;
};

static struct nested nested_on_device_0(struct fx *fx, uint32_t pasid)
{
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct nested n;

	n.gpa = fx_gpa_space(fx);
	n.root = guest_table_new(&fx->g);
	n.user = fx_user(fx, n.gpa, n.root);
	assert_int_equal(ioasid_dev_attach_pasid(dev, n.user, pasid, 0), 0);
	return n;
}

static void a_user_table_is_walked_nested_on_its_parent(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	guest_map(&fx->g, n.root, 4, VA + PAGE, guest_data_gpa(&fx->g, 7), PTE_U, 1);
	guest_map(&fx->g, n.root, 4, VA + 2 * PAGE, guest_data_gpa(&fx->g, 8), PTE_W, 1);
	fx_dma_lands(fx, 0, 17, VA, 6);
	fx_dma_reads(fx, 0, 17, VA + PAGE, 7);
	/* Supervisor page, user request. */
	fx_dma_blocked(fx, 0, 17, VA + 2 * PAGE, IOASID_REASON_PERMISSION);
	fx_dma_blocked(fx, 0, 17, VA + 3 * PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, 17, 0x800000000000ULL, IOASID_REASON_ADDRESS);
	fx_dma_blocked(fx, 0, CONF_RID, VA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, 18, VA, IOASID_REASON_NO_ROUTE);
}

static void large_pages_and_five_levels_of_a_user_table(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct nested n = nested_on_device_0(fx, 17);
	struct ioasid_table five = fx_table(guest_table_new(&fx->g));
	uint64_t high = 0xab000000000000ULL; /* needs the fifth level */

	/* A 2 MiB page of guest memory, backed by the page that holds data page 0 upwards. */
	assert_int_equal(ioasid_map(ctx, n.gpa, 0x40000000, (uintptr_t)fx->g.ram, 4 * PAGE, FX_RW),
			 0);
	guest_map(&fx->g, n.root, 4, 0x200000, 0x40000000, PTE_U | PTE_W, 2);
	guest_map(&fx->g, n.root, 4, 0x80000000, 0x40000000, PTE_U | PTE_W, 3);
	fx_dma_lands(fx, 0, 17, 0x200000 + PAGE, 1);
	fx_dma_lands(fx, 0, 17, 0x80000000 + 3 * PAGE, 3);
	/* The large page reaches further than the parent does. */
	fx_dma_blocked(fx, 0, 17, 0x200000 + 4 * PAGE, IOASID_REASON_STAGE2);
	five.levels = 5;
	assert_int_equal(ioasid_bind_pgtable(ctx, n.user, &five), 0);
	guest_map(&fx->g, five.address, 5, high, guest_data_gpa(&fx->g, 2), PTE_U | PTE_W, 1);
	fx_dma_lands(fx, 0, 17, high, 2);
	fx_dma_blocked(fx, 0, 17, 0x200000 + PAGE, IOASID_REASON_NOT_PRESENT);
}

static void accessed_and_dirty_are_set_in_the_guests_table(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);
	uint64_t *pte, value = 0;
	struct conf_dma dma = { CONF_REQ(CONF_READ, VA, 17, &value, 8) };

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	pte = guest_pte(&fx->g, n.root, 4, VA, 1);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(*pte & (PTE_A | PTE_D), PTE_A);
	assert_int_equal(*guest_pte(&fx->g, n.root, 4, VA, 4) & PTE_A, PTE_A);
	dma.op = CONF_WRITE;
	memcpy(&value, fx->g.shadow + 6 * PAGE, 8);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
}

static void malformed_guest_entries_are_faults(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);
	uint64_t pml4[2] = { VA, 0x8000000000ULL }, *e;

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	/* A large page where the format has none. */
	e = guest_pte(&fx->g, n.root, 4, pml4[1], 4);
	*e = FX_GPA | PTE_P | PTE_W | PTE_U | PTE_PS;
	fx_dma_blocked(fx, 0, 17, pml4[1], IOASID_REASON_RESERVED_BIT);
	/* A table that is not in guest memory, and a page that is not. */
	*e = 0x7f00000000ULL | PTE_P | PTE_W | PTE_U;
	fx_dma_blocked(fx, 0, 17, pml4[1], IOASID_REASON_STAGE2);
	guest_map(&fx->g, n.root, 4, VA + PAGE, 0x7f00000000ULL, PTE_U | PTE_W, 1);
	fx_dma_blocked(fx, 0, 17, VA + PAGE, IOASID_REASON_STAGE2);
	fx_dma_lands(fx, 0, 17, VA, 6);
}

static void a_guest_cannot_write_what_the_parent_maps_read_only(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);
	uint64_t value = 0;
	struct conf_dma dma = { CONF_REQ(CONF_READ, VA, 17, &value, 8) };

	assert_int_equal(ioasid_map(fx->ctx[0], n.gpa, 0x50000000, page_va(fx, 3), PAGE,
				    IOASID_MAP_READ),
			 0);
	guest_map(&fx->g, n.root, 4, VA, 0x50000000, PTE_U | PTE_W, 1);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_memory_equal(&value, fx->g.shadow + 3 * PAGE, 8);
	/* It is the parent that refuses, and nothing the guest could mend. */
	dma.op = CONF_WRITE;
	dma.page_request = true;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_STAGE2);
	assert_int_equal(dma.page_requests, 0);
}

static void unmap_of_the_parent_ends_what_user_tables_lead_through_it(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct nested n = nested_on_device_0(fx, 17);
	uint64_t leaf_table;

	/* A page of its own in the parent, reached by a leaf; and a table page of its own. */
	fx_map_page(fx, n.gpa, 0x60000000, 10);
	guest_map(&fx->g, n.root, 4, VA, 0x60000000, PTE_U | PTE_W, 1);
	guest_map(&fx->g, n.root, 4, VA + PAGE, guest_data_gpa(&fx->g, 11), PTE_U | PTE_W, 1);
	fx_dma_lands(fx, 0, 17, VA, 10);
	fx_dma_lands(fx, 0, 17, VA + PAGE, 11);
	assert_int_equal(ioasid_unmap(ctx, n.gpa, 0x60000000, PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, 17, VA, IOASID_REASON_STAGE2);
	fx_dma_lands(fx, 0, 17, VA + PAGE, 11);

	/* The last-level table itself moves to where it can be unmapped. */
	leaf_table = *guest_pte(&fx->g, n.root, 4, VA, 2) & PTE_ADDR;
	assert_int_equal(ioasid_map(ctx, n.gpa, 0x60001000,
				    (uintptr_t)fx->g.ram + (leaf_table - FX_GPA), PAGE, FX_RW),
			 0);
	*guest_pte(&fx->g, n.root, 4, VA, 2) = 0x60001000 | PTE_P | PTE_U | PTE_W;
	assert_int_equal(ioasid_invalidate(ctx, n.user), 0);
	fx_dma_lands(fx, 0, 17, VA + PAGE, 11);
	assert_int_equal(ioasid_unmap(ctx, n.gpa, 0x60001000, PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, 17, VA + PAGE, IOASID_REASON_STAGE2);
	/* Children stay: when the memory comes back, so does the translation. */
	assert_int_equal(ioasid_map(ctx, n.gpa, 0x60001000,
				    (uintptr_t)fx->g.ram + (leaf_table - FX_GPA), PAGE, FX_RW),
			 0);
	fx_dma_lands(fx, 0, 17, VA + PAGE, 11);
}

static void rebinding_replaces_the_root_atomically(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);
	struct ioasid_table second = fx_table(guest_table_new(&fx->g));

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 1), PTE_U | PTE_W, 1);
	guest_map(&fx->g, second.address, 4, VA, guest_data_gpa(&fx->g, 2), PTE_U | PTE_W, 1);
	fx_dma_lands(fx, 0, 17, VA, 1);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &second), 0);
	fx_dma_lands(fx, 0, 17, VA, 2);
	second.address = n.root;
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &second), 0);
	fx_dma_lands(fx, 0, 17, VA, 1);
	second.address = 0x7f00000000ULL; /* not guest memory: allowed, and every access fails */
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &second), 0);
	fx_dma_blocked(fx, 0, 17, VA, IOASID_REASON_STAGE2);
}

static void binding_none_blocks_and_binding_again_revives(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_on_device_0(fx, 17);
	struct ioasid_table table = fx_table(n.root);
	struct ioasid_ioas_info info = { 0 };

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 1), PTE_U | PTE_W, 1);
	fx_dma_lands(fx, 0, 17, VA, 1);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, NULL), 0);
	fx_dma_blocked(fx, 0, 17, VA, -1);
	assert_int_equal(ioasid_ioas_get_info(fx->ctx[0], n.user, &info), 0);
	assert_int_equal(info.format, IOASID_FORMAT_NONE);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	fx_dma_lands(fx, 0, 17, VA, 1);
}

static void a_table_may_be_bound_after_the_attach(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0);
	struct ioasid_table table = fx_table(guest_table_new(&fx->g));

	assert_int_equal(ioasid_dev_attach_pasid(dev, user, 5, 0), 0);
	fx_dma_blocked(fx, 0, 5, VA, -1);
	guest_map(&fx->g, table.address, 4, VA, guest_data_gpa(&fx->g, 1), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], user, &table), 0);
	fx_dma_lands(fx, 0, 5, VA, 1);
}

/* ---- accounting roots ------------------------------------------------------------------------------ */

static uint32_t accounting_root(struct fx *fx)
{
	struct ioasid_alloc args = { .kind = IOASID_KIND_ACCOUNTING, .parent = IOASID_INVALID };
	uint32_t ioasid;

	assert_int_equal(ioasid_ioas_alloc(fx->ctx[0], &args, &ioasid), 0);
	return ioasid;
}

static int account(struct fx *fx, uint32_t acct, size_t page, size_t n, uint32_t flags)
{
	return ioasid_map(fx->ctx[0], acct, page_va(fx, page), page_va(fx, page), n * PAGE, flags);
}

static uint64_t pinned(struct fx *fx)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	return info.pinned_bytes;
}

static void an_accounting_root_maps_identity_only(void **state)
{
	struct fx *fx = *state;
	uint32_t acct = accounting_root(fx);

	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], acct, 0x1000, page_va(fx, 0), PAGE, FX_RW));
	assert_int_equal(account(fx, acct, 0, 4, FX_RW), 0);
	EXPECT_REFUSED(fx, -EEXIST, account(fx, acct, 3, 1, FX_RW));
}

static void memory_is_accounted_once_for_all_children(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0), *dev1 = fx_bind(fx, 1);
	uint32_t acct = accounting_root(fx), a, b, giova;

	assert_int_equal(account(fx, acct, 0, 8, FX_RW), 0);
	assert_int_equal(pinned(fx), 8 * PAGE);
	a = fx_child(fx, acct);
	b = fx_child(fx, acct);
	giova = fx_child(fx, a);
	assert_int_equal(ioasid_map(ctx, a, 0, page_va(fx, 0), 8 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, b, 0x10000, page_va(fx, 2), 4 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, giova, GIOVA, 0x1000, PAGE, FX_RW), 0);
	assert_int_equal(pinned(fx), 8 * PAGE);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev, giova, 0), 0);
	assert_int_equal(ioasid_dev_attach(dev1, b, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, GIOVA, 1);
	fx_dma_lands(fx, 1, CONF_RID, 0x11000, 3);
}

static void a_child_map_not_pinned_by_the_accounting_root_is_ENOENT(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t acct = accounting_root(fx), gpa = fx_child(fx, acct);

	EXPECT_REFUSED(fx, -ENOENT, ioasid_map(ctx, gpa, 0, page_va(fx, 0), PAGE, FX_RW));
	assert_int_equal(account(fx, acct, 1, 2, FX_RW), 0);
	assert_int_equal(account(fx, acct, 3, 2, FX_RW), 0);
	assert_int_equal(account(fx, acct, 6, 1, IOASID_MAP_READ), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_map(ctx, gpa, 0, page_va(fx, 0), 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_map(ctx, gpa, 0, page_va(fx, 4), 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_map(ctx, gpa, 0, page_va(fx, 6), PAGE, FX_RW));
	/* Two pins side by side are as good as one. */
	assert_int_equal(ioasid_map(ctx, gpa, 0, page_va(fx, 1), 4 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, gpa, 0x10000, page_va(fx, 6), PAGE, IOASID_MAP_READ), 0);
}

static void unmapping_what_a_child_maps_is_EBUSY_at_the_accounting_root(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t acct = accounting_root(fx), gpa = fx_child(fx, acct);

	assert_int_equal(account(fx, acct, 0, 2, FX_RW), 0);
	assert_int_equal(account(fx, acct, 2, 2, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, gpa, 0, page_va(fx, 1), PAGE, FX_RW), 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_unmap(ctx, acct, page_va(fx, 0), 2 * PAGE, NULL));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_unmap(ctx, acct, page_va(fx, 0), 4 * PAGE, NULL));
	EXPECT_REFUSED(fx, -EBUSY, ioasid_unmap_all(ctx, acct, NULL));
	assert_int_equal(ioasid_unmap(ctx, acct, page_va(fx, 2), 2 * PAGE, NULL), 0);
	assert_int_equal(pinned(fx), 2 * PAGE);
	assert_int_equal(ioasid_unmap_all(ctx, gpa, NULL), 0);
	assert_int_equal(ioasid_unmap_all(ctx, acct, NULL), 0);
	assert_int_equal(pinned(fx), 0);
}

static void dma_over_an_accounting_root_reaches_the_same_memory(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t acct = accounting_root(fx), gpa = fx_child(fx, acct), user;
	uint64_t root = guest_table_new(&fx->g);

	assert_int_equal(ioasid_map(ctx, acct, (uintptr_t)fx->g.ram, (uintptr_t)fx->g.ram,
				    fx->g.size, FX_RW),
			 0);
	assert_int_equal(ioasid_map(ctx, gpa, FX_GPA, (uintptr_t)fx->g.ram, fx->g.size, FX_RW), 0);
	user = fx_user(fx, gpa, root);
	guest_map(&fx->g, root, 4, VA, guest_data_gpa(&fx->g, 6), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_dev_attach(dev, gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, user, 2, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 5), 5);
	fx_dma_lands(fx, 0, 2, VA, 6);
	assert_int_equal(ioasid_unmap_all(ctx, gpa, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, FX_GPA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, 2, VA, IOASID_REASON_STAGE2);
}

static const struct conf_test tests[] = {
	CONF_TEST(a_child_shows_the_parent_through_its_own_maps, 0),
	CONF_TEST(holes_of_the_parent_are_holes_of_the_child_until_filled, 0),
	CONF_TEST(permissions_of_parent_and_child_are_anded, 0),
	CONF_TEST(child_maps_may_overlap_in_the_parent_and_span_its_maps, 0),
	CONF_TEST(an_unmap_of_the_parent_reaches_all_children, 0),
	CONF_TEST(a_user_table_is_walked_nested_on_its_parent, NEEDS_NESTING),
	CONF_TEST(large_pages_and_five_levels_of_a_user_table, NEEDS_NESTING),
	CONF_TEST(accessed_and_dirty_are_set_in_the_guests_table, NEEDS_NESTING),
	CONF_TEST(malformed_guest_entries_are_faults, NEEDS_NESTING),
	CONF_TEST(a_guest_cannot_write_what_the_parent_maps_read_only, NEEDS_NESTING),
	CONF_TEST(unmap_of_the_parent_ends_what_user_tables_lead_through_it, NEEDS_NESTING),
	CONF_TEST(rebinding_replaces_the_root_atomically, NEEDS_NESTING),
	CONF_TEST(binding_none_blocks_and_binding_again_revives, NEEDS_NESTING),
	CONF_TEST(a_table_may_be_bound_after_the_attach, NEEDS_NESTING),
	CONF_TEST(an_accounting_root_maps_identity_only, NEEDS_DEFAULTS),
	CONF_TEST(memory_is_accounted_once_for_all_children, 0),
	CONF_TEST(a_child_map_not_pinned_by_the_accounting_root_is_ENOENT, NEEDS_DEFAULTS),
	CONF_TEST(unmapping_what_a_child_maps_is_EBUSY_at_the_accounting_root, NEEDS_DEFAULTS),
	CONF_TEST(dma_over_an_accounting_root_reaches_the_same_memory, NEEDS_NESTING),
};
CONF_SUITE(suite_nest, "nest", tests);
