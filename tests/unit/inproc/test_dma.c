// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Requests of every kind, through tables of every kind. */
#include "rig.h"

static void copies_across_pages(void **state)
{
	uint8_t out[3 * PAGE], in[3 * PAGE];
	struct ioasid_dma dma = by_rid(0x10000 + 123);
	struct rig rig;
	size_t i;

	(void)state;
	rig_make(&rig, NULL);
	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + i / 256);
	ok(ioasid_dma_write(rig.dev[0], &dma, out, sizeof(out)));
	assert_memory_equal(rig.ram + 0x10000 + 123, out, sizeof(out));
	ok(ioasid_dma_read(rig.dev[1], &dma, in, sizeof(in)));
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(dma.page_requests, 0);
	/* Nothing to transfer: nothing happens, wherever it is. */
	dma.addr = ~0ULL;
	ok(ioasid_dma_read(rig.dev[0], &dma, in, 0));
	no_event(&rig);
	rig_free(&rig);
}

static void says_why_it_is_blocked(void **state)
{
	struct ioasid_fault f;
	struct ioasid_dma dma;
	uint8_t buf[2 * PAGE];
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	/* The second page is missing: the first one is transferred, the address says where. */
	memset(buf, 7, sizeof(buf));
	dma = by_rid(rig.ram_size - PAGE);
	assert_int_equal(ioasid_dma_write(rig.dev[0], &dma, buf, sizeof(buf)), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(dma.arch_reason, VTD_SSS_2);
	assert_int_equal(dma.fault_addr, rig.ram_size);
	assert_int_equal(rig.ram[rig.ram_size - 1], 7);
	f = next_event(&rig);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.flags, IOASID_FAULT_WRITE | IOASID_FAULT_IOASID);
	assert_int_equal(f.ioasid, rig.gpa);
	assert_int_equal(f.cookie, 10);
	assert_int_equal(f.address, rig.ram_size);
	assert_int_equal(f.reason, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(f.arch_reason, VTD_SSS_2);
	/* A PASID without route, one that is none, and a probe, which leaves no trace. */
	blocked(rig.dev[0], by_pasid(5, 0), IOASID_REASON_NO_ROUTE);
	assert_int_equal(next_event(&rig).reason, IOASID_REASON_NO_ROUTE);
	blocked(rig.dev[0], by_pasid(1U << 20, 0), IOASID_REASON_NO_ROUTE);
	next_event(&rig);
	/* All ones must not pass for "no PASID". */
	blocked(rig.dev[0], by_pasid(IOASID_INVALID, 0), IOASID_REASON_NO_ROUTE);
	next_event(&rig);
	blocked(rig.dev[0], by_pasid(0, 0), IOASID_REASON_NO_ROUTE);
	next_event(&rig);
	dma = by_pasid(6, 0);
	dma.flags |= IOASID_DMA_NO_REPORT;
	blocked(rig.dev[0], dma, IOASID_REASON_NO_ROUTE);
	/* Interrupts, when there is no PASID; an ordinary address with one. */
	blocked(rig.dev[0], by_rid(0xfee01000), IOASID_REASON_ADDRESS);
	next_event(&rig);
	/* A request does not wrap. */
	dma = by_rid(~0ULL - 3);
	assert_int_equal(ioasid_dma_write(rig.dev[0], &dma, buf, 8), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_ADDRESS);
	next_event(&rig);
	blocked(rig.dev[0], by_rid(1ULL << 48), IOASID_REASON_ADDRESS);
	next_event(&rig);
	no_event(&rig);
	rig_free(&rig);
}

static void obeys_permissions_of_a_map(void **state)
{
	uint64_t value = 0x1122334455667788, got = 0, old;
	struct ioasid_dma dma;
	struct rig rig;
	void *mem;

	(void)state;
	rig_make(&rig, NULL);
	mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(mem, &value, 8);
	ok(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)mem, PAGE, IOASID_MAP_READ));
	ok(ioasid_map(rig.ctx, rig.gpa, GIB + PAGE, (uintptr_t)mem + PAGE, PAGE, IOASID_MAP_WRITE));
	ok(dma_get(rig.dev[0], by_rid(GIB), &got));
	assert_int_equal(got, value);
	blocked(rig.dev[0], by_rid(GIB), IOASID_REASON_PERMISSION);
	ok(dma_put(rig.dev[0], by_rid(GIB + PAGE), 1));
	dma = by_rid(GIB + PAGE);
	assert_int_equal(ioasid_dma_read(rig.dev[0], &dma, &got, 8), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_PERMISSION);
	/* An atomic needs both. */
	assert_int_equal(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, 1, 0, &old),
			 -EFAULT);
	dma.addr = GIB;
	assert_int_equal(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, 1, 0, &old),
			 -EFAULT);
	assert_memory_equal(mem, &value, 8);
	ok(ioasid_unmap(rig.ctx, rig.gpa, GIB, 2 * PAGE, NULL));
	munmap(mem, 2 * PAGE);
	rig_free(&rig);
}

static void atomics(void **state)
{
	struct ioasid_dma dma = by_rid(0x2000);
	uint64_t *p64, old = 0;
	uint32_t *p32;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	p64 = (uint64_t *)(rig.ram + 0x2000);
	p32 = (uint32_t *)(rig.ram + 0x2008);
	*p64 = 10;
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_FETCH_ADD, 8, 5, 0, &old));
	assert_int_equal(old, 10);
	assert_int_equal(*p64, 15);
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, ~0ULL, 0, &old));
	assert_int_equal(old, 15);
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_CAS, 8, 3, 4, &old));
	assert_int_equal(old, ~0ULL);
	assert_int_equal(*p64, ~0ULL);
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_CAS, 8, 3, ~0ULL, &old));
	assert_int_equal(*p64, 3);
	dma.addr = 0x2008;
	*p32 = 0xffffffff;
	p32[1] = 0x55;
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_FETCH_ADD, 4, 2, 0, &old));
	assert_int_equal(old, 0xffffffff);
	assert_int_equal(*p32, 1);
	assert_int_equal(p32[1], 0x55);
	refused(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 2, 0, 0, &old), EINVAL);
	dma.addr = 0x200c;
	refused(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, 0, 0, &old), EINVAL);
	rig_free(&rig);
}

/* One mapping of 1 GiB and a bit, at addresses that let every leaf size appear. */
static void large_pages(void **state)
{
	const uint64_t size = GIB + 2 * MIB + PAGE;
	struct ioasid_host_stats before, after;
	uint64_t skip, got, at[] = { 0, 8, GIB - 8, GIB, GIB + 2 * MIB - 8, GIB + 2 * MIB };
	struct rig rig;
	uint8_t *raw, *mem;
	size_t i;

	(void)state;
	rig_make(&rig, NULL);
	raw = mmap(NULL, size + GIB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(raw != MAP_FAILED);
	skip = -(uintptr_t)raw & (GIB - 1);
	mem = raw + skip;
	before = stats_of(&rig);
	ok(ioasid_map(rig.ctx, rig.gpa, 8 * GIB, (uintptr_t)mem, size, RW));
	after = stats_of(&rig);
	/* A gigabyte needs no table of its own; the rest two. */
	assert_int_equal(after.table_pages - before.table_pages, 2);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		ok(dma_put(rig.dev[0], by_rid(8 * GIB + at[i]), i + 1));
		assert_int_equal(*(uint64_t *)(mem + at[i]), i + 1);
		ok(dma_get(rig.dev[1], by_rid(8 * GIB + at[i]), &got));
		assert_int_equal(got, i + 1);
	}
	ok(ioasid_unmap(rig.ctx, rig.gpa, 8 * GIB, size, NULL));
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		blocked(rig.dev[0], by_rid(8 * GIB + at[i]), IOASID_REASON_NOT_PRESENT);
	assert_int_equal(stats_of(&rig).table_pages, before.table_pages);
	munmap(raw, size + GIB);
	rig_free(&rig);
}

static void widths(void **state)
{
	static const struct {
		uint32_t levels;
		uint32_t flags;
		unsigned int bits;
	} v[] = { { 3, 0, 39 },
		  { 4, 0, 48 },
		  { 5, 0, 57 },
		  { 4, IOASID_HOST_FIRST_STAGE, 47 },
		  { 5, IOASID_HOST_FIRST_STAGE, 56 } };
	struct rig_config c = { 0 };
	struct rig rig;
	uint64_t last, got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		c.host.levels = v[i].levels;
		c.host.flags = v[i].flags;
		rig_make(&rig, &c);
		last = (1ULL << v[i].bits) - 1;
		ok(ioasid_map(rig.ctx, rig.gpa, last - PAGE + 1, (uintptr_t)rig.ram, PAGE, RW));
		refused(ioasid_map(rig.ctx, rig.gpa, last + 1, (uintptr_t)rig.ram, PAGE, RW),
			EINVAL);
		/* Up to the very last byte, and not beyond. */
		ok(dma_put(rig.dev[0], by_rid(last - 7), 99 + i));
		assert_int_equal(*(uint64_t *)(rig.ram + PAGE - 8), 99 + i);
		ok(dma_get(rig.dev[0], by_rid(last - 7), &got));
		blocked(rig.dev[0], by_rid(last + 1), IOASID_REASON_ADDRESS);
		blocked(rig.dev[0], by_rid(last - 3), IOASID_REASON_ADDRESS);
		/* With PASID it is the same table. */
		ok(ioasid_dev_attach_pasid(rig.handle[0], rig.gpa, 3, 0));
		ok(dma_get(rig.dev[0], by_pasid(3, last - 7), &got));
		rig_free(&rig);
	}
}

static void user_tables(void **state)
{
	uint64_t root, gpa, got, kernel, ro;
	struct ioasid_dma dma;
	struct ioasid_fault f;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, 0x7000000000, G_P | G_W | G_U);
	ro = guest_map(&rig, root, 0x7000001000, G_P | G_U);
	kernel = guest_map(&rig, root, 0x7000002000, G_P | G_W);
	*guest_pte(&rig, root, 0x7000003000, 0) = rig.ram_size | G_P | G_W | G_U;
	*guest_pte(&rig, root, 0x7000004000, 0) = 1ULL << 51 | G_P | G_W | G_U;
	ioasid = guest_process(&rig, root, 7, IOASID_TABLE_SRE | IOASID_TABLE_WPE);
	ok(dma_put(rig.dev[0], by_pasid(7, 0x7000000010), 42));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa + 0x10), 42);
	/* Accessed and dirty as a write leaves them; only accessed after a read. */
	assert_int_equal(*guest_pte(&rig, root, 0x7000000000, 0) & 0xfff,
			 G_P | G_W | G_U | G_A | G_D);
	ok(dma_get(rig.dev[0], by_pasid(7, 0x7000001000), &got));
	assert_int_equal(*guest_pte(&rig, root, 0x7000001000, 0) & 0xfff, G_P | G_U | G_A);
	blocked(rig.dev[0], by_pasid(7, 0x7000001000), IOASID_REASON_PERMISSION);
	f = next_event(&rig);
	assert_int_equal(f.vpasid, 7);
	assert_int_equal(f.ioasid, ioasid);
	assert_int_equal(f.flags, IOASID_FAULT_WRITE | IOASID_FAULT_IOASID | IOASID_FAULT_VPASID);
	/* A page of the guest's kernel is for privileged requests. */
	blocked(rig.dev[0], by_pasid(7, 0x7000002000), IOASID_REASON_PERMISSION);
	next_event(&rig);
	dma = by_pasid(7, 0x7000002000);
	dma.flags |= IOASID_DMA_PRIV;
	ok(dma_put(rig.dev[0], dma, 5));
	assert_int_equal(*(uint64_t *)(rig.ram + kernel), 5);
	dma.addr = 0x7000001000;
	blocked(rig.dev[0], dma, IOASID_REASON_PERMISSION);
	assert_int_equal(next_event(&rig).flags & IOASID_FAULT_PRIV, IOASID_FAULT_PRIV);
	/* The guest names memory it does not have: an event with the GPA, never host memory. */
	blocked(rig.dev[0], by_pasid(7, 0x7000003008), IOASID_REASON_STAGE2);
	f = next_event(&rig);
	assert_true(f.flags & IOASID_FAULT_GPA);
	assert_int_equal(f.gpa, rig.ram_size + 8);
	blocked(rig.dev[0], by_pasid(7, 0x7000004000), IOASID_REASON_ADDRESS);
	next_event(&rig);
	blocked(rig.dev[0], by_pasid(7, 0x800000000000), IOASID_REASON_ADDRESS);
	next_event(&rig);
	blocked(rig.dev[0], by_pasid(7, 0x6000000000), IOASID_REASON_NOT_PRESENT);
	next_event(&rig);
	(void)ro;
	rig_free(&rig);
}

/* The same table with PASID and without: in the window of interrupts they differ. */
static void window_of_interrupts(void **state)
{
	const uint64_t va = 0xfee00000;
	struct ioasid_hold *hold;
	struct ioasid_dma dma;
	struct iovec iov[4];
	unsigned int n = 4;
	uint64_t root, gpa;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, va, G_P | G_W | G_U);
	guest_map(&rig, root, va - PAGE, G_P | G_W | G_U);
	ioasid = guest_process(&rig, root, 7, 0);
	ok(ioasid_dev_attach(rig.handle[0], ioasid, 0));
	ok(dma_put(rig.dev[0], by_pasid(7, va), 3));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa), 3);
	ok(dma_put(rig.dev[0], by_rid(va - PAGE), 3));
	blocked(rig.dev[0], by_rid(va), IOASID_REASON_ADDRESS);
	dma = by_rid(va - PAGE);
	assert_int_equal(ioasid_dma_map(rig.dev[0], &dma, 2 * PAGE, IOASID_ACCESS_READ, iov, &n,
					NULL, NULL, &hold),
			 -EFAULT);
	assert_int_equal(dma.fault_addr, va);
	refused(ioasid_map(rig.ctx, rig.gpa, va, (uintptr_t)rig.ram, PAGE, RW), EINVAL);
	rig_free(&rig);
}

static void unbound_user_table(void **state)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint64_t root[2], gpa[2], i;
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	for (i = 0; i < 2; i++) {
		root[i] = guest_page(&rig);
		gpa[i] = guest_map(&rig, root[i], 0x1000, G_P | G_W | G_U);
	}
	ok(ioasid_alloc_user_table(rig.ctx, rig.gpa, NULL, &ioasid));
	ok(ioasid_dev_attach_pasid(rig.handle[0], ioasid, 7, 0));
	ok(ioasid_dev_attach_pasid(rig.handle[1], ioasid, 9, 0));
	blocked(rig.dev[0], by_pasid(7, 0x1000), IOASID_REASON_NOT_PRESENT);
	assert_int_equal(next_event(&rig).ioasid, ioasid);
	for (i = 0; i < 6; i++) {
		table.address = root[i & 1];
		ok(ioasid_bind_pgtable(rig.ctx, ioasid, &table));
		ok(dma_put(rig.dev[0], by_pasid(7, 0x1000), 70 + i));
		assert_int_equal(*(uint64_t *)(rig.ram + gpa[i & 1]), 70 + i);
		ok(dma_put(rig.dev[1], by_pasid(9, 0x1008), 80 + i));
		assert_int_equal(*(uint64_t *)(rig.ram + gpa[i & 1] + 8), 80 + i);
	}
	ok(ioasid_bind_pgtable(rig.ctx, ioasid, NULL));
	blocked(rig.dev[0], by_pasid(7, 0x1000), IOASID_REASON_NOT_PRESENT);
	blocked(rig.dev[1], by_pasid(9, 0x1000), IOASID_REASON_NOT_PRESENT);
	/* The parent is not what an unbound table leads to. */
	blocked(rig.dev[0], by_pasid(7, 0), IOASID_REASON_NOT_PRESENT);
	rig_free(&rig);
}

static void stacked_default_route(void **state)
{
	uint64_t root, gpa;
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint32_t ioasid;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, 0x400000, G_P | G_W | G_U);
	table.address = root;
	ok(ioasid_alloc_user_table(rig.ctx, rig.gpa, &table, &ioasid));
	ok(dma_put(rig.dev[0], by_rid(gpa), 1));
	ok(ioasid_dev_attach(rig.handle[0], ioasid, 0));
	ok(dma_put(rig.dev[0], by_rid(0x400000), 2));
	assert_int_equal(*(uint64_t *)(rig.ram + gpa), 2);
	blocked(rig.dev[0], by_rid(gpa), IOASID_REASON_NOT_PRESENT);
	/* The other device stays where it was. */
	ok(dma_put(rig.dev[1], by_rid(gpa), 3));
	ok(ioasid_dev_detach(rig.handle[0], ioasid));
	ok(dma_put(rig.dev[0], by_rid(gpa), 4));
	blocked(rig.dev[0], by_rid(0x400000), IOASID_REASON_NOT_PRESENT);
	ok(ioasid_dev_detach(rig.handle[0], rig.gpa));
	blocked(rig.dev[0], by_rid(gpa), IOASID_REASON_NO_ROUTE);
	rig_free(&rig);
}

static void replaces_with_an_unrelated_space(void **state)
{
	struct rig rig;
	uint32_t other;

	(void)state;
	rig_make(&rig, NULL);
	ok(ioasid_alloc_kernel(rig.ctx, &other));
	ok(ioasid_map(rig.ctx, other, 0, (uintptr_t)rig.ram + 0x8000, PAGE, RW));
	ok(dma_put(rig.dev[0], by_rid(0), 1));
	ok(ioasid_dev_attach(rig.handle[0], other, IOASID_ATTACH_REPLACE));
	ok(dma_put(rig.dev[0], by_rid(0), 2));
	assert_int_equal(*(uint64_t *)rig.ram, 1);
	assert_int_equal(*(uint64_t *)(rig.ram + 0x8000), 2);
	blocked(rig.dev[0], by_rid(PAGE), IOASID_REASON_NOT_PRESENT);
	rig_free(&rig);
}

static uint32_t shared_space(struct rig *rig, uint32_t pasid)
{
	const struct ioasid_alloc a = { .kind = IOASID_KIND_SHARED, .parent = IOASID_INVALID };
	uint32_t ioasid;

	ok(ioasid_ioas_alloc(rig->ctx, &a, &ioasid));
	ok(ioasid_dev_attach_pasid(rig->handle[0], ioasid, pasid, 0));
	return ioasid;
}

static void shared_kind(void **state)
{
	uint64_t word = 5, got, old;
	struct ioasid_hold *hold;
	struct ioasid_dma dma;
	struct iovec iov;
	unsigned int n = 1;
	struct rig rig;
	size_t bytes;
	char *mem;

	(void)state;
	rig_make(&rig, NULL);
	shared_space(&rig, 9);
	mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(mem + 2 * PAGE, PAGE);
	ok(dma_put(rig.dev[0], by_pasid(9, (uintptr_t)&word), 6));
	assert_int_equal(word, 6);
	ok(dma_get(rig.dev[0], by_pasid(9, (uintptr_t)&word), &got));
	assert_int_equal(got, 6);
	dma = by_pasid(9, (uintptr_t)&word);
	ok(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_CAS, 8, 8, 6, &old));
	assert_int_equal(word, 8);
	/* Bad addresses are records, not signals: nothing there, read-only, not canonical. */
	blocked(rig.dev[0], by_pasid(9, (uintptr_t)mem + 2 * PAGE), IOASID_REASON_NOT_PRESENT);
	assert_int_equal(next_event(&rig).address, (uintptr_t)mem + 2 * PAGE);
	blocked(rig.dev[0], by_pasid(9, 1ULL << 63), IOASID_REASON_ADDRESS);
	next_event(&rig);
	mprotect(mem, PAGE, PROT_READ);
	ok(dma_get(rig.dev[0], by_pasid(9, (uintptr_t)mem), &got));
	blocked(rig.dev[0], by_pasid(9, (uintptr_t)mem), IOASID_REASON_NOT_PRESENT);
	next_event(&rig);
	dma = by_pasid(9, (uintptr_t)mem);
	assert_int_equal(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, 1, 0, &old),
			 -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_PERMISSION);
	next_event(&rig);
	dma.addr = (uintptr_t)mem + 2 * PAGE;
	assert_int_equal(ioasid_dma_atomic(rig.dev[0], &dma, IOASID_ATOMIC_SWAP, 8, 1, 0, &old),
			 -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_NOT_PRESENT);
	next_event(&rig);
	/* Pointers into it are not given out. */
	dma.addr = (uintptr_t)&word;
	refused(ioasid_dma_map(rig.dev[0], &dma, 8, IOASID_ACCESS_READ, &iov, &n, NULL, NULL,
			       &hold),
		EOPNOTSUPP);
	ioasid_dma_enter();
	assert_null(ioasid_dma_translate(rig.dev[0], &dma, IOASID_ACCESS_READ, &bytes));
	ioasid_dma_exit();
	no_event(&rig);
	munmap(mem, 2 * PAGE);
	rig_free(&rig);
}

static void translation_alone(void **state)
{
	struct ioasid_dma dma = by_rid(0x3010), pasid = by_pasid(4, 0);
	struct ioasid_host_stats s;
	struct rig rig;
	size_t bytes;
	int i;

	(void)state;
	rig_make(&rig, NULL);
	ioasid_dma_enter();
	ioasid_dma_enter();
	for (i = 0; i < 3; i++) {
		assert_ptr_equal(ioasid_dma_translate(rig.dev[0], &dma, IOASID_ACCESS_WRITE,
						      &bytes),
				 rig.ram + 0x3010);
		assert_int_equal(bytes, PAGE - 0x10);
	}
	ioasid_dma_exit();
	/* A failure is recorded when the last section ends. */
	assert_null(ioasid_dma_translate(rig.dev[0], &pasid, IOASID_ACCESS_READ, &bytes));
	assert_int_equal(pasid.reason, IOASID_REASON_NO_ROUTE);
	no_event(&rig);
	ioasid_dma_exit();
	assert_int_equal(next_event(&rig).reason, IOASID_REASON_NO_ROUTE);
	s = stats_of(&rig);
	assert_int_equal(s.iotlb_hits, 2);
	assert_int_equal(s.iotlb_misses, 1);
	assert_int_equal(s.faults_recorded, 1);
	rig_free(&rig);
}

static void memory_files(void **state)
{
	struct rig rig;
	uint64_t *p;
	int fd;

	(void)state;
	rig_make(&rig, NULL);
	fd = memfd_create("t", MFD_CLOEXEC);
	ok(ftruncate(fd, 4 * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	refused(ioasid_map_fd(rig.ctx, rig.gpa, GIB, fd, 2 * PAGE, 4 * PAGE, RW), EFAULT);
	ok(ioasid_map_fd(rig.ctx, rig.gpa, GIB, fd, PAGE, 2 * PAGE, RW));
	ok(dma_put(rig.dev[0], by_rid(GIB + PAGE - 8), 0x1122334455667788));
	assert_int_equal(p[2 * PAGE / 8 - 1], 0x1122334455667788);
	/* The mapping is the map's own: descriptor and our view of it may go. */
	munmap(p, 4 * PAGE);
	close(fd);
	ok(dma_put(rig.dev[0], by_rid(GIB), 1));
	ok(ioasid_unmap(rig.ctx, rig.gpa, GIB, 2 * PAGE, NULL));
	fd = memfd_create("ro", MFD_CLOEXEC);
	ok(ftruncate(fd, PAGE));
	close(fd);
	refused(ioasid_map_fd(rig.ctx, rig.gpa, GIB, fd, 0, PAGE, RW), EBADF);
	fd = open("/proc/self/exe", O_RDONLY);
	refused(ioasid_map_fd(rig.ctx, rig.gpa, GIB, fd, 0, PAGE, IOASID_MAP_READ), EOPNOTSUPP);
	close(fd);
	rig_free(&rig);
}

static void memory_that_is_not_there(void **state)
{
	struct rig rig;
	char *mem;

	(void)state;
	rig_make(&rig, NULL);
	mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(mem + PAGE, PAGE);
	refused(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)mem, 3 * PAGE, RW), EFAULT);
	refused(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)mem + PAGE, PAGE, RW), EFAULT);
	refused(ioasid_map(rig.ctx, rig.gpa, GIB, 1ULL << 60, PAGE, RW), EFAULT);
	mprotect(mem, PAGE, PROT_READ);
	refused(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)mem, PAGE, RW), EFAULT);
	ok(ioasid_map(rig.ctx, rig.gpa, GIB, (uintptr_t)mem, PAGE, IOASID_MAP_READ));
	assert_int_equal(stats_of(&rig).pinned_bytes, rig.ram_size + PAGE);
	rig_free(&rig);
	munmap(mem, 3 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_across_pages),
		cmocka_unit_test(says_why_it_is_blocked),
		cmocka_unit_test(obeys_permissions_of_a_map),
		cmocka_unit_test(atomics),
		cmocka_unit_test(large_pages),
		cmocka_unit_test(widths),
		cmocka_unit_test(user_tables),
		cmocka_unit_test(window_of_interrupts),
		cmocka_unit_test(unbound_user_table),
		cmocka_unit_test(stacked_default_route),
		cmocka_unit_test(replaces_with_an_unrelated_space),
		cmocka_unit_test(shared_kind),
		cmocka_unit_test(translation_alone),
		cmocka_unit_test(memory_files),
		cmocka_unit_test(memory_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
