// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* MAP and UNMAP of kernel-managed roots: ranges, permissions, overlap, cutting, both ends. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE GUEST_PAGE
#define IOVA 0x10000000ULL

static uint64_t page_va(struct fx *fx, size_t n)
{
	return (uintptr_t)fx->g.ram + n * PAGE;
}

static uint32_t attached_space(struct fx *fx)
{
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t ioasid = fx_kernel(fx);

	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), 0);
	return ioasid;
}

static void mapped_page_is_reached_whether_mapped_before_or_after_attach(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t ioasid = fx_kernel(fx);

	fx_map_page(fx, ioasid, IOVA, 3);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA + PAGE, IOASID_REASON_NOT_PRESENT);
	fx_map_page(fx, ioasid, IOVA + PAGE, 1);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + PAGE, 1);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 3);
}

static void permissions_are_obeyed(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx);
	uint64_t value = 1;
	struct conf_dma dma = { CONF_REQ(CONF_WRITE, IOVA + PAGE, CONF_RID, &value, 8),
				.no_report = true };
	int rc;

	assert_int_equal(
		ioasid_map(fx->ctx[0], ioasid, IOVA, page_va(fx, 0), PAGE, IOASID_MAP_READ), 0);
	fx_dma_reads(fx, 0, CONF_RID, IOVA, 0);
	/* The first-stage format has no write-only pages, and nothing is silently widened. */
	rc = ioasid_map(fx->ctx[0], ioasid, IOVA + PAGE, page_va(fx, 1), PAGE, IOASID_MAP_WRITE);
	if (fx->machine->first_stage || (rc && fx->env.home->host_format)) {
		assert_int_equal(rc, -EOPNOTSUPP);
		EXPECT_REFUSED(fx, -EOPNOTSUPP,
			       ioasid_map(fx->ctx[0], ioasid, IOVA + PAGE, page_va(fx, 1), PAGE,
					  IOASID_MAP_WRITE));
		fx_dma_blocked(fx, 0, CONF_RID, IOVA + PAGE, IOASID_REASON_NOT_PRESENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(*(uint64_t *)(uintptr_t)page_va(fx, 1), 1);
	dma.op = CONF_READ;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_PERMISSION);
}

static void a_map_without_permission_is_EINVAL(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = fx_kernel(fx);

	EXPECT_REFUSED(fx, -EINVAL, ioasid_map(fx->ctx[0], ioasid, IOVA, page_va(fx, 0), PAGE, 0));
}

static void misaligned_or_empty_ranges_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = fx_kernel(fx);
	static const uint64_t off[] = { 1, 8, 512, 2048, 4095 };
	unsigned int i;

	fx_map_page(fx, ioasid, 0, 0);
	for (i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		EXPECT_REFUSED(fx, -EINVAL,
			       ioasid_map(ctx, ioasid, IOVA + off[i], page_va(fx, 1), PAGE, FX_RW));
		EXPECT_REFUSED(fx, -EINVAL,
			       ioasid_map(ctx, ioasid, IOVA, page_va(fx, 1) + off[i], PAGE, FX_RW));
		EXPECT_REFUSED(fx, -EINVAL,
			       ioasid_map(ctx, ioasid, IOVA, page_va(fx, 1), PAGE + off[i], FX_RW));
		EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, off[i], PAGE, NULL));
		EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, 0, off[i], NULL));
	}
	EXPECT_REFUSED(fx, -EINVAL, ioasid_map(ctx, ioasid, IOVA, page_va(fx, 1), 0, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, 0, 0, NULL));
}

static void wrapping_ranges_are_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = fx_kernel(fx);

	fx_map_page(fx, ioasid, IOVA, 0);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(ctx, ioasid, -PAGE, page_va(fx, 1), 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_map(ctx, ioasid, PAGE, page_va(fx, 1), -PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_map(ctx, ioasid, 0, -PAGE, 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, -PAGE, 2 * PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, 2 * PAGE, -PAGE, NULL));
}

static void overlap_with_a_former_mapping_is_EEXIST(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = attached_space(fx);
	uint64_t va = page_va(fx, 0);

	/* Four pages; every way of touching them. */
	assert_int_equal(ioasid_map(ctx, ioasid, IOVA, va, 4 * PAGE, FX_RW), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA, va, 4 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA, va, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA + PAGE, va, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA + 3 * PAGE, va, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA + 3 * PAGE, va, 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA - PAGE, va, 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, IOVA - PAGE, va, 6 * PAGE, FX_RW));
	assert_int_equal(ioasid_map(ctx, ioasid, IOVA - PAGE, va + 4 * PAGE, PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, ioasid, IOVA + 4 * PAGE, va + 5 * PAGE, PAGE, FX_RW), 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA - PAGE, 4);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + 4 * PAGE, 5);
}

static void memory_the_caller_does_not_have_is_EFAULT(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx);
	uint8_t *p =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	munmap(p + PAGE, PAGE);
	EXPECT_REFUSED(fx, -EFAULT,
		       ioasid_map(fx->ctx[0], ioasid, IOVA, (uintptr_t)p + PAGE, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EFAULT,
		       ioasid_map(fx->ctx[0], ioasid, IOVA, (uintptr_t)p, 3 * PAGE, FX_RW));
	assert_int_equal(mprotect(p, PAGE, PROT_READ), 0);
	EXPECT_REFUSED(fx, -EFAULT,
		       ioasid_map(fx->ctx[0], ioasid, IOVA, (uintptr_t)p, PAGE, FX_RW));
	munmap(p, 3 * PAGE);
}

static void unmap_ends_dma_and_says_how_much_it_took(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = attached_space(fx);
	uint64_t bytes = 0;

	fx_map_page(fx, ioasid, IOVA, 0);
	fx_map_page(fx, ioasid, IOVA + 8 * PAGE, 1);
	fx_map_page(fx, ioasid, IOVA + 9 * PAGE, 2);
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + 9 * PAGE, 2);
	/* Holes on both sides and in between. */
	assert_int_equal(ioasid_unmap(ctx, ioasid, IOVA - PAGE, 10 * PAGE, &bytes), 0);
	assert_int_equal(bytes, 2 * PAGE);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA + 8 * PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + 9 * PAGE, 2);
	assert_int_equal(ioasid_unmap(ctx, ioasid, IOVA - PAGE, 10 * PAGE, &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void unmap_that_cuts_a_mapping_is_EINVAL(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = attached_space(fx);

	assert_int_equal(ioasid_map(ctx, ioasid, IOVA, page_va(fx, 0), 4 * PAGE, FX_RW), 0);
	assert_int_equal(ioasid_map(ctx, ioasid, IOVA + 4 * PAGE, page_va(fx, 4), PAGE, FX_RW), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, IOVA, PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, IOVA + PAGE, PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, IOVA + PAGE, 3 * PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, IOVA + 3 * PAGE, 2 * PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, IOVA - PAGE, 2 * PAGE, NULL));
	fx_dma_lands(fx, 0, CONF_RID, IOVA, 0);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + 3 * PAGE, 3);
	fx_dma_lands(fx, 0, CONF_RID, IOVA + 4 * PAGE, 4);
}

static void unmap_all_takes_everything(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = fx_kernel(fx);
	struct ioasid_unmap_dma args = {
		.argsz = sizeof(args),
		.flags = IOASID_UNMAP_ALL,
		.ioasid = ioasid,
		.iova = PAGE,
	};
	uint64_t bytes;

	fx_map_page(fx, ioasid, 0, 0);
	fx_map_page(fx, ioasid, IOVA, 1);
	fx_map_page(fx, ioasid, -PAGE, 2);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_UNMAP_DMA, &args));
	args.iova = 0;
	args.length = PAGE;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_UNMAP_DMA, &args));
	assert_int_equal(ioasid_unmap_all(ctx, ioasid, &bytes), 0);
	assert_int_equal(bytes, 3 * PAGE);
	assert_int_equal(ioasid_unmap_all(ctx, ioasid, &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void the_very_last_byte_of_the_space_can_be_mapped(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = fx_kernel(fx);
	struct ioasid_query_map map;
	uint64_t cursor = 0, bytes;

	fx_map_page(fx, ioasid, -PAGE, 0);
	assert_int_equal(ioasid_query(ctx, IOASID_QUERY_MAP, ioasid, &cursor, &map, 1), 1);
	assert_true(map.iova == -PAGE && map.last == ~0ULL);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_map(ctx, ioasid, -PAGE, page_va(fx, 1), PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(ctx, ioasid, -PAGE, 2 * PAGE, NULL));
	assert_int_equal(ioasid_unmap(ctx, ioasid, -PAGE, PAGE, &bytes), 0);
	assert_int_equal(bytes, PAGE);
}

static void a_mapping_out_of_the_iommus_reach_refuses_the_attach(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t ioasid = fx_kernel(fx);

	fx_map_page(fx, ioasid, -PAGE, 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, ioasid, 0));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_APERTURE);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach_pasid(dev, ioasid, 7, 0));
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], ioasid, NULL), 0);
	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), 0);
}

static uint64_t last_usable(struct fx *fx, uint32_t ioasid)
{
	struct ioasid_range ranges[8];
	struct ioasid_ioas_info info = { .ranges = (uintptr_t)ranges, .nr_ranges = 8 };
	uint64_t last = 0;
	unsigned int i;

	assert_int_equal(ioasid_ioas_get_info(fx->ctx[0], ioasid, &info), 0);
	assert_in_range(info.nr_ranges, 1, 8);
	for (i = 0; i < info.nr_ranges; i++) {
		if (ranges[i].type == IOASID_RANGE_USABLE && ranges[i].last > last)
			last = ranges[i].last;
	}
	return last;
}

static void the_last_page_within_reach_works_and_the_next_is_refused(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx);
	uint64_t last = last_usable(fx, ioasid), iova = last - PAGE + 1;
	uint64_t value = 0x1234;
	struct conf_dma dma = { CONF_REQ(CONF_WRITE, last - 7, CONF_RID, &value, 8) };

	assert_int_equal(last & (PAGE - 1), PAGE - 1);
	fx_map_page(fx, ioasid, iova, 5);
	fx_dma_lands(fx, 0, CONF_RID, iova, 5);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	memcpy(fx->g.shadow + 6 * PAGE - 8, &value, 8);
	fx_dma_lands(fx, 0, CONF_RID, iova, 5);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], ioasid, last + 1, page_va(fx, 6), PAGE, FX_RW));
	fx_dma_blocked(fx, 0, CONF_RID, last + 1, -1);
	/* Eight bytes that begin inside and end outside; a prefix may be transferred, so read. */
	dma.op = CONF_READ;
	dma.addr = last - 3;
	dma.no_report = true;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_int_equal(ioasid_unmap(fx->ctx[0], ioasid, iova, PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, iova, IOASID_REASON_NOT_PRESENT);
}

static uint32_t find_window(struct fx *fx, uint32_t ioasid, struct ioasid_range *window)
{
	struct ioasid_range ranges[8];
	struct ioasid_ioas_info info = { .ranges = (uintptr_t)ranges, .nr_ranges = 8 };
	unsigned int i;

	assert_int_equal(ioasid_ioas_get_info(fx->ctx[0], ioasid, &info), 0);
	for (i = 0; i < info.nr_ranges && i < 8; i++) {
		if (ranges[i].type == IOASID_RANGE_MSI) {
			*window = ranges[i];
			return 1;
		}
	}
	return 0;
}

static void the_interrupt_window_cannot_be_mapped(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx), other = fx_kernel(fx);
	struct ioasid_range w = { 0 };

	assert_int_equal(find_window(fx, ioasid, &w), 1);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], ioasid, w.start, page_va(fx, 0), PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], ioasid, w.last - PAGE + 1, page_va(fx, 0), PAGE,
				  FX_RW));
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], ioasid, w.start - PAGE, page_va(fx, 0), 2 * PAGE,
				  FX_RW));
	fx_map_page(fx, ioasid, w.start - PAGE, 0);
	fx_map_page(fx, ioasid, w.last + 1, 1);
	fx_dma_lands(fx, 0, CONF_RID, w.start - PAGE, 0);
	fx_dma_lands(fx, 0, CONF_RID, w.last + 1, 1);
	/* Not attached yet, nobody minds; then it is the attach that is refused. */
	fx_map_page(fx, other, w.start, 2);
	EXPECT_REFUSED(fx, -EOPNOTSUPP,
		       ioasid_dev_attach(fx->dev[0], other, IOASID_ATTACH_REPLACE));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_APERTURE);
	fx_dma_lands(fx, 0, CONF_RID, w.start - PAGE, 0);
}

static void neighbours_of_an_unmapped_large_mapping_stay(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = attached_space(fx);
	uint64_t huge = 0x200000, size = 8 * huge, i;
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t va = ((uintptr_t)p + huge - 1) & ~(huge - 1), value;
	struct conf_dma dma = { CONF_REQ(CONF_READ, 0, CONF_RID, &value, 8), .no_report = true };

	assert_ptr_not_equal(p, MAP_FAILED);
	for (i = 0; i < 4; i++) {
		*(uint64_t *)(uintptr_t)(va + i * huge + PAGE) = 0x4e4e + i;
		assert_int_equal(
			ioasid_map(ctx, ioasid, huge * (i + 1), va + i * huge, huge, FX_RW), 0);
	}
	assert_int_equal(ioasid_unmap(ctx, ioasid, 2 * huge, 2 * huge, NULL), 0);
	for (i = 0; i < 4; i++) {
		dma.addr = huge * (i + 1) + PAGE;
		value = 0;
		assert_int_equal(fx_dma(fx, 0, &dma), i == 1 || i == 2 ? -EFAULT : 0);
		assert_int_equal(value, i == 1 || i == 2 ? 0 : 0x4e4e + i);
	}
	/* Where a large page was, small ones fit. */
	fx_map_page(fx, ioasid, 2 * huge + 5 * PAGE, 9);
	fx_dma_lands(fx, 0, CONF_RID, 2 * huge + 5 * PAGE, 9);
	fx_dma_blocked(fx, 0, CONF_RID, 2 * huge + 6 * PAGE, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(ioasid_unmap_all(ctx, ioasid, NULL), 0);
	munmap(p, size);
}

static void one_request_may_cross_pages(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx);
	uint8_t data[2 * PAGE], back[2 * PAGE];
	struct conf_dma dma = { CONF_REQ(CONF_WRITE, IOVA + PAGE / 2, CONF_RID, data,
					 sizeof(data)) };
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	fx_map_page(fx, ioasid, IOVA, 10);
	fx_map_page(fx, ioasid, IOVA + PAGE, 4);
	fx_map_page(fx, ioasid, IOVA + 2 * PAGE, 7);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	memcpy(fx->g.shadow + 10 * PAGE + PAGE / 2, data, PAGE / 2);
	memcpy(fx->g.shadow + 4 * PAGE, data + PAGE / 2, PAGE);
	memcpy(fx->g.shadow + 7 * PAGE, data + PAGE / 2 + PAGE, PAGE / 2);
	assert_true(guest_data_intact(&fx->g, &i));
	dma.op = CONF_READ;
	dma.buf = back;
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_memory_equal(data, back, sizeof(data));
	/* Into the hole behind it: blocked, and the address says where. */
	dma.addr = IOVA + 2 * PAGE + PAGE / 2;
	dma.op = CONF_READ;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_int_equal(dma.fault_addr & ~(PAGE - 1), IOVA + 3 * PAGE);
}

static void map_from_a_memory_file(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = attached_space(fx);
	int fd = memfd_create("conformance", 0);
	uint64_t value = 0xf11e, got = 0;
	struct conf_dma dma = { CONF_REQ(CONF_WRITE, IOVA, CONF_RID, &value, 8) };
	struct ioasid_map_dma args = {
		.argsz = sizeof(args),
		.flags = FX_RW,
		.ioasid = ioasid,
		.fd = fd,
		.iova = IOVA,
		.vaddr = page_va(fx, 0),
		.length = PAGE,
	};

	assert_true(fd > 0);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_map_fd(ctx, ioasid, IOVA, fd, 100, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_map_fd(ctx, ioasid, IOVA, -1, 0, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(ctx, IOASID_MAP_DMA, &args));
	assert_int_equal(ioasid_map_fd(ctx, ioasid, IOVA, fd, 2 * PAGE, 2 * PAGE, FX_RW), 0);
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(pread(fd, &got, 8, 2 * PAGE), 8);
	assert_int_equal(got, value);
	/* The mapping holds the file itself, not the descriptor. */
	close(fd);
	dma.op = CONF_READ;
	dma.buf = &got;
	got = 0;
	assert_int_equal(fx_dma(fx, 0, &dma), 0);
	assert_int_equal(got, value);
	assert_int_equal(ioasid_unmap(ctx, ioasid, IOVA, 2 * PAGE, NULL), 0);
	fx_dma_blocked(fx, 0, CONF_RID, IOVA, IOASID_REASON_NOT_PRESENT);
}

static void map_from_what_is_not_a_memory_file_is_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t ioasid = fx_kernel(fx);
	int fd = memfd_create("conformance", 0), pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	/* Beyond the end of the file. */
	EXPECT_REFUSED(fx, -EFAULT, ioasid_map_fd(ctx, ioasid, IOVA, fd, 0, 2 * PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EBADF, ioasid_map_fd(ctx, ioasid, IOVA, 12345, 0, PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_map_fd(ctx, ioasid, IOVA, pipes[0], 0, PAGE, FX_RW));
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void maps_of_the_wrong_kind_or_of_nobody_are_refused(void **state)
{
	struct fx *fx = *state;
	struct ioasid *other = fx_open(fx, 1);
	uint32_t gpa = fx_gpa_space(fx), user = fx_user(fx, gpa, 0), foreign, i;

	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(fx->ctx[0], user, IOVA, page_va(fx, 0), PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap(fx->ctx[0], user, IOVA, PAGE, NULL));
	EXPECT_REFUSED(fx, -EINVAL, ioasid_unmap_all(fx->ctx[0], user, NULL));
	EXPECT_REFUSED(fx, -ENOENT,
		       ioasid_map(fx->ctx[0], 4242, IOVA, page_va(fx, 0), PAGE, FX_RW));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_unmap(fx->ctx[0], 4242, IOVA, PAGE, NULL));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_unmap_all(fx->ctx[0], IOASID_INVALID, NULL));
	/* A handle that only another context has: the same as none. */
	for (i = 0; i < 5; i++)
		assert_int_equal(ioasid_alloc_kernel(other, &foreign), 0);
	EXPECT_REFUSED(fx, -ENOENT,
		       ioasid_map(fx->ctx[0], foreign, IOVA, page_va(fx, 0), PAGE, FX_RW));
}

static void dirty_bits_of_an_unmap_are_EOPNOTSUPP_while_the_extension_is_absent(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = fx_kernel(fx);
	uint64_t bitmap = 0;
	struct ioasid_unmap_dma args = {
		.argsz = sizeof(args),
		.flags = IOASID_UNMAP_DIRTY,
		.ioasid = ioasid,
		.iova = IOVA,
		.length = PAGE,
		.bitmap = (uintptr_t)&bitmap,
		.dirty_page_size = PAGE,
	};

	fx_map_page(fx, ioasid, IOVA, 0);
	if (ioasid_check_extension(fx->ctx[0], IOASID_EXT_DIRTY))
		fx_cannot("the extension is there");
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_command(fx->ctx[0], IOASID_UNMAP_DMA, &args));
	args.flags = 0;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_command(fx->ctx[0], IOASID_UNMAP_DMA, &args));
}

static void addr_bits_limit_what_can_be_mapped(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct ioasid_alloc args = {
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.addr_bits = 32,
	};
	uint32_t ioasid;

	assert_int_equal(ioasid_ioas_alloc(ctx, &args, &ioasid), 0);
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(ctx, ioasid, 1ULL << 32, page_va(fx, 0), PAGE, FX_RW));
	EXPECT_REFUSED(fx, -EINVAL,
		       ioasid_map(ctx, ioasid, (1ULL << 32) - PAGE, page_va(fx, 0), 2 * PAGE,
				  FX_RW));
	fx_map_page(fx, ioasid, (1ULL << 32) - PAGE, 0);
	assert_int_equal(ioasid_dev_attach(dev, ioasid, 0), 0);
	fx_dma_lands(fx, 0, CONF_RID, (1ULL << 32) - PAGE, 0);
	args.addr_bits = 65;
	EXPECT_REFUSED(fx, -EINVAL, ioasid_ioas_alloc(ctx, &args, &ioasid));
	/* More than any IOMMU reaches: refused where it matters, at attach. */
	args.addr_bits = 64;
	assert_int_equal(ioasid_ioas_alloc(ctx, &args, &ioasid), 0);
	EXPECT_REFUSED(fx, -EOPNOTSUPP, ioasid_dev_attach(dev, ioasid, IOASID_ATTACH_REPLACE));
	assert_int_equal(fx_refusal(fx, 0), IOASID_REFUSAL_APERTURE);
}

static uint64_t spread(unsigned int i)
{
	/* Neighbours, other tables, other upper tables; within 39 bits. */
	return (i & 7) * PAGE + (uint64_t)(i >> 3 & 7) * 0x200000 +
	       (uint64_t)(i >> 6) * 0x40000000 + 0x4000000000ULL * (i & 1);
}

static void many_small_maps_come_and_go(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = attached_space(fx);
	enum { N = 512 };
	unsigned int i;

	for (i = 0; i < N; i++)
		fx_map_page(fx, ioasid, spread(i), i % FX_DATA);
	for (i = 0; i < N; i++)
		fx_dma_lands(fx, 0, CONF_RID, spread(i), i % FX_DATA);
	for (i = 0; i < N; i += 3)
		assert_int_equal(ioasid_unmap(fx->ctx[0], ioasid, spread(i), PAGE, NULL), 0);
	for (i = 0; i < N; i++) {
		if (i % 3)
			fx_dma_lands(fx, 0, CONF_RID, spread(i), i % FX_DATA);
		else
			fx_dma_blocked(fx, 0, CONF_RID, spread(i), IOASID_REASON_NOT_PRESENT);
	}
	for (i = 0; i < N; i += 3)
		fx_map_page(fx, ioasid, spread(i), (i + 1) % FX_DATA);
	for (i = 0; i < N; i++)
		fx_dma_lands(fx, 0, CONF_RID, spread(i), (i % 3 ? i : i + 1) % FX_DATA);
}

static void pinned_bytes_follow_the_maps(void **state)
{
	struct fx *fx = *state;
	uint32_t ioasid = fx_kernel(fx);
	struct ioasid_info info;

	fx_map_page(fx, ioasid, IOVA, 0);
	fx_map_page(fx, ioasid, IOVA + PAGE, 0);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.pinned_bytes, 2 * PAGE);
	assert_int_equal(ioasid_unmap(fx->ctx[0], ioasid, IOVA, PAGE, NULL), 0);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.pinned_bytes, PAGE);
	assert_int_equal(ioasid_ioas_free(fx->ctx[0], ioasid), 0);
	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	assert_int_equal(info.pinned_bytes, 0);
}

static const struct conf_test tests[] = {
	CONF_TEST(mapped_page_is_reached_whether_mapped_before_or_after_attach, 0),
	CONF_TEST(permissions_are_obeyed, 0),
	CONF_TEST(a_map_without_permission_is_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(misaligned_or_empty_ranges_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(wrapping_ranges_are_EINVAL, NEEDS_DEFAULTS),
	CONF_TEST(overlap_with_a_former_mapping_is_EEXIST, 0),
	CONF_TEST(memory_the_caller_does_not_have_is_EFAULT, NEEDS_DEFAULTS),
	CONF_TEST(unmap_ends_dma_and_says_how_much_it_took, 0),
	CONF_TEST(unmap_that_cuts_a_mapping_is_EINVAL, 0),
	CONF_TEST(unmap_all_takes_everything, NEEDS_DEFAULTS),
	CONF_TEST(the_very_last_byte_of_the_space_can_be_mapped, NEEDS_DEFAULTS),
	CONF_TEST(a_mapping_out_of_the_iommus_reach_refuses_the_attach, 0),
	CONF_TEST(the_last_page_within_reach_works_and_the_next_is_refused, 0),
	CONF_TEST(the_interrupt_window_cannot_be_mapped, 0),
	CONF_TEST(neighbours_of_an_unmapped_large_mapping_stay, 0),
	CONF_TEST(one_request_may_cross_pages, 0),
	CONF_TEST(map_from_a_memory_file, 0),
	CONF_TEST(map_from_what_is_not_a_memory_file_is_refused, NEEDS_DEFAULTS),
	CONF_TEST(maps_of_the_wrong_kind_or_of_nobody_are_refused, NEEDS_DEFAULTS),
	CONF_TEST(dirty_bits_of_an_unmap_are_EOPNOTSUPP_while_the_extension_is_absent,
		  NEEDS_DEFAULTS),
	CONF_TEST(addr_bits_limit_what_can_be_mapped, 0),
	CONF_TEST(many_small_maps_come_and_go, 0),
	CONF_TEST(pinned_bytes_follow_the_maps, NEEDS_DEFAULTS),
};
CONF_SUITE(suite_map, "map", tests);
