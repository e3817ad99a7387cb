// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Steps in which page tables change under the device, or the device changes them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

/* ---- remap ----------------------------------------------------------------------------------- */

#define DEMO_REMAP_PAGES  64
#define DEMO_LOAD_PAGES	  16
#define DEMO_LOAD_BYTES	  (DEMO_LOAD_PAGES * DEMO_PAGE)
#define DEMO_LOAD_ROUNDS  200
#define DEMO_LOAD_DEPTH	  8
#define DEMO_LOAD_LIMIT_S 20

/**
 * struct demo_remap - two files' pages that take turns at one address
 * @file: memory files
 * @alias: each file mapped a second time, to look at its pages behind the device's back
 * @at: where the device writes
 */
struct demo_remap {
	struct demo_queue q;
	int file[2];
	uint8_t *alias[2];
	uint8_t *at;
	size_t len;
};

static int demo_remap_init(struct demo_remap *r, size_t len)
{
	unsigned int i;

	r->len = len;
	r->at = demo_map(len, false);
	for (i = 0; i < 2; i++) {
		r->file[i] = memfd_create("remap", MFD_CLOEXEC);
		if (r->file[i] < 0 || ftruncate(r->file[i], len))
			return -errno;
		r->alias[i] = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->file[i], 0);
		if (r->alias[i] == MAP_FAILED)
			return -errno;
		memset(r->alias[i], 0, len);
	}
	return r->at ? demo_queue_open(&r->q, 6) : -ENOMEM;
}

static void demo_remap_done(struct demo_remap *r)
{
	unsigned int i;

	demo_queue_close(&r->q);
	for (i = 0; i < 2; i++) {
		munmap(r->alias[i], r->len);
		close(r->file[i]);
	}
	munmap(r->at, r->len);
}

static int demo_remap_to(struct demo_remap *r, unsigned int file, size_t offset, size_t len)
{
	void *mem = mmap(r->at + offset, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 r->file[file], offset);

	return mem == r->at + offset ? 0 : -errno;
}

static int demo_remap_write(struct demo_remap *r, size_t offset, uint64_t byte)
{
	return demo_run(&r->q, ACCEL_OP_FILL, NULL, r->at + offset, DEMO_PAGE,
			byte * 0x0101010101010101ULL, NULL);
}

/* Page by page: write, put another page there, write. The old page must keep what it had. */
static int demo_remap_pages(struct demo_remap *r)
{
	unsigned int i, stale = 0, missed = 0;
	size_t at;

	if (demo_remap_to(r, 0, 0, r->len))
		return demo_fail("mmap: %s", strerror(errno));
	for (i = 0; i < DEMO_REMAP_PAGES; i++) {
		at = i * DEMO_PAGE;
		if (demo_remap_write(r, at, 'A') != ACCEL_COMP_SUCCESS ||
		    demo_remap_to(r, 1, at, DEMO_PAGE) ||
		    demo_remap_write(r, at, 'B') != ACCEL_COMP_SUCCESS)
			return demo_fail("page %u", i);
		stale += !demo_is(r->alias[0] + at, 'A', DEMO_PAGE);
		missed += !demo_is(r->alias[1] + at, 'B', DEMO_PAGE);
	}
	if (stale || missed)
		return demo_fail("%u of %u remapped pages: the write went to the old page", stale,
				 DEMO_REMAP_PAGES);
	return 0;
}

/* munmap(), mprotect() and mremap(): what is gone must be refused, what moved must be found. */
static int demo_remap_calls(struct demo_remap *r)
{
	uint8_t *moved;

	munmap(r->at, DEMO_PAGE);
	if (demo_remap_write(r, 0, 'C') != ACCEL_COMP_FAULT ||
	    !demo_is(r->alias[1], 'B', DEMO_PAGE))
		return demo_fail("write after munmap");
	mprotect(r->at + DEMO_PAGE, DEMO_PAGE, PROT_READ);
	if (demo_remap_write(r, DEMO_PAGE, 'C') != ACCEL_COMP_FAULT ||
	    !demo_is(r->alias[1] + DEMO_PAGE, 'B', DEMO_PAGE))
		return demo_fail("write after mprotect");
	moved = mremap(r->at + 2 * DEMO_PAGE, DEMO_PAGE, DEMO_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       r->at);
	if (moved != r->at)
		return demo_fail("mremap: %s", strerror(errno));
	if (demo_remap_write(r, 2 * DEMO_PAGE, 'C') != ACCEL_COMP_FAULT ||
	    demo_remap_write(r, 0, 'D') != ACCEL_COMP_SUCCESS ||
	    !demo_is(r->alias[1] + 2 * DEMO_PAGE, 'D', DEMO_PAGE))
		return demo_fail("write after mremap");
	return 0;
}

/*
 * One round under load: while the device writes to a range, put the other file's pages there and
 * use the old ones at once. Return: pages that a late write hit.
 */
static int demo_load_round(struct demo_remap *r, unsigned int round)
{
	unsigned int old = round & 1, i, bad = 0;
	struct accel_desc desc = { .op = ACCEL_OP_FILL,
				   .len = DEMO_LOAD_BYTES,
				   .dst = (uintptr_t)r->at,
				   .operand = 0x5757575757575757ULL };
	struct accel_comp *comps[DEMO_LOAD_DEPTH];

	for (i = 0; i < DEMO_LOAD_DEPTH; i++)
		comps[i] = demo_submit(&r->q, &desc);
	/* Into the midst of it, at another place each time. */
	demo_wait(comps[round % 4]);
	if (demo_remap_to(r, !old, 0, DEMO_LOAD_BYTES))
		return -errno;
	/* These pages belong to somebody else now. */
	memset(r->alias[old], 'm', DEMO_LOAD_BYTES);
	for (i = 0; i < DEMO_LOAD_DEPTH; i++)
		if (demo_wait(comps[i]) != ACCEL_COMP_SUCCESS)
			return -EIO;
	for (i = 0; i < DEMO_LOAD_PAGES; i++)
		bad += !demo_is(r->alias[old] + i * DEMO_PAGE, 'm', DEMO_PAGE);
	return bad;
}

static int demo_remap_load(struct demo_remap *r, unsigned int *rounds)
{
	uint64_t until = demo_now() + DEMO_LOAD_LIMIT_S * 1000000000ULL;
	int bad, total = 0;

	if (demo_remap_to(r, 0, 0, DEMO_LOAD_BYTES))
		return demo_fail("mmap: %s", strerror(errno));
	for (*rounds = 0; *rounds < DEMO_LOAD_ROUNDS && demo_now() < until; ++*rounds) {
		bad = demo_load_round(r, *rounds);
		if (bad < 0)
			return demo_fail("round %u: %s", *rounds, strerror(-bad));
		total += bad;
	}
	return total ? demo_fail("late writes to %d pages that were given back, in %u rounds",
				 total, *rounds) :
		       0;
}

int step_remap(void)
{
	unsigned int rounds = 0;
	struct demo_remap r;
	int rc;

	rc = demo_remap_init(&r, DEMO_REMAP_PAGES * DEMO_PAGE);
	if (rc)
		return demo_fail("bind: %s", strerror(-rc));
	rc = demo_remap_pages(&r);
	if (!rc)
		rc = demo_remap_calls(&r);
	if (!rc)
		rc = demo_remap_load(&r, &rounds);
	demo_remap_done(&r);
	return rc ? rc :
		    demo_ok("%u pages replaced between writes, munmap, mprotect, mremap; %u "
			    "rounds of %u pages replaced during writes: no stale write",
			    DEMO_REMAP_PAGES, rounds, DEMO_LOAD_PAGES);
}

/* ---- accessed and dirty ---------------------------------------------------------------------- */

#define DEMO_DIRTY_PAGES 16
#define DEMO_DIRTY_KB	 (DEMO_DIRTY_PAGES * 4)

struct demo_smaps {
	unsigned int dirty, referenced;
};

/* What the kernel says of the mapping at @at, in KiB. */
static int demo_smaps(const void *at, struct demo_smaps *s)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool here = false;
	unsigned int kb;
	char line[256];

	memset(s, 0, sizeof(*s));
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)at && (uintptr_t)at < end;
		if (here && (sscanf(line, "Private_Dirty: %u", &kb) == 1 ||
			     sscanf(line, "Shared_Dirty: %u", &kb) == 1))
			s->dirty += kb;
		if (here && sscanf(line, "Referenced: %u", &kb) == 1)
			s->referenced = kb;
	}
	fclose(f);
	return 0;
}

static int demo_clear_refs(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/*
 * Memory that was only read is writable and clean in the page table. If the device writes there
 * without saying so in the table, the kernel may drop what it wrote.
 */
static int demo_dirty_check(struct demo_queue *q, uint8_t *mem)
{
	struct demo_smaps before, after;
	unsigned int i;

	for (i = 0; i < DEMO_DIRTY_PAGES; i++)
		if (((volatile uint8_t *)mem)[i * DEMO_PAGE])
			return demo_fail("fresh memory is not zero");
	if (demo_clear_refs() || demo_smaps(mem, &before))
		return demo_fail("no smaps");
	if (before.dirty || before.referenced)
		return demo_fail("before: %u KiB dirty, %u KiB referenced", before.dirty,
				 before.referenced);
	if (demo_run(q, ACCEL_OP_CRC32C, mem, NULL, DEMO_DIRTY_KB << 10, 0, NULL) !=
		    ACCEL_COMP_SUCCESS ||
	    demo_smaps(mem, &before))
		return demo_fail("read by the device");
	if (before.dirty || before.referenced != DEMO_DIRTY_KB)
		return demo_fail("after device reads: %u KiB dirty, %u KiB referenced",
				 before.dirty, before.referenced);
	if (demo_run(q, ACCEL_OP_FILL, NULL, mem, DEMO_DIRTY_KB << 10, 0x6464646464646464ULL,
		     NULL) != ACCEL_COMP_SUCCESS ||
	    demo_smaps(mem, &after))
		return demo_fail("write by the device");
	if (after.dirty != DEMO_DIRTY_KB || !demo_is(mem, 'd', DEMO_DIRTY_KB << 10))
		return demo_fail("after device writes: %u of %u KiB dirty", after.dirty,
				 DEMO_DIRTY_KB);
	return demo_ok("read-touched shared memory: device reads make %u KiB referenced, device "
		       "writes %u KiB dirty",
		       before.referenced, after.dirty);
}

int step_dirty(void)
{
	uint8_t *mem = demo_map(DEMO_DIRTY_PAGES * DEMO_PAGE, true);
	struct demo_queue q;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc || !mem)
		return demo_fail("bind: %s", strerror(-rc));
	rc = demo_dirty_check(&q, mem);
	demo_queue_close(&q);
	munmap(mem, DEMO_DIRTY_PAGES * DEMO_PAGE);
	return rc;
}

/* ---- pagemap --------------------------------------------------------------------------------- */

#define DEMO_PM_PRESENT (1ULL << 63)
#define DEMO_PM_PFN	((1ULL << 55) - 1)
#define DEMO_PM_HUGE	(2UL << 20)
#define DEMO_PM_MAX	20000
#define DEMO_PM_BATCH	64

/**
 * struct demo_pm - the comparison
 * @pages, @absent: compared pages: present in both, absent in both
 * @huge: of @pages, in a 2 MiB page the kernel told us of
 * @moved: pages the kernel moved while they were looked at
 * @highest: guest-physical address seen
 */
struct demo_pm {
	struct demo_queue q;
	int fd;
	unsigned int pages, absent, huge, moved;
	uint64_t highest;
};

static uint64_t demo_pm_entry(struct demo_pm *pm, uintptr_t va)
{
	uint64_t entry = 0;

	if (pread(pm->fd, &entry, sizeof(entry), va / DEMO_PAGE * sizeof(entry)) != sizeof(entry))
		return 0;
	return entry;
}

/* One page: the guest kernel's word against the device's walk. */
static int demo_pm_page(struct demo_pm *pm, uintptr_t va)
{
	uint64_t before, after, expected;
	struct accel_comp comp;
	unsigned int tries;
	bool present;

	for (tries = 0; tries < 3; tries++) {
		before = demo_pm_entry(pm, va);
		demo_run(&pm->q, ACCEL_OP_TRANSLATE, (void *)va, NULL, 0, 0, &comp);
		after = demo_pm_entry(pm, va);
		if (before == after)
			break;
		/* The kernel moved it just now; ask again. */
		pm->moved++;
	}
	present = before & DEMO_PM_PRESENT;
	expected = (before & DEMO_PM_PFN) * DEMO_PAGE + va % DEMO_PAGE;
	if (present && (comp.status != ACCEL_COMP_SUCCESS || comp.result != expected))
		return demo_fail("%#lx: kernel %#llx, device %#llx (status %u, fault %#x)", va,
				 (unsigned long long)expected, comp.result, comp.status,
				 comp.fault_code);
	if (!present && comp.status == ACCEL_COMP_SUCCESS)
		return demo_fail("%#lx: absent, device finds %#llx", va, comp.result);
	if (present && expected > pm->highest)
		pm->highest = expected;
	pm->pages += present;
	pm->absent += !present;
	return 0;
}

static int demo_pm_range(struct demo_pm *pm, uintptr_t start, uintptr_t end)
{
	int rc = 0;

	for (; !rc && start < end && pm->pages + pm->absent < DEMO_PM_MAX; start += DEMO_PAGE)
		rc = demo_pm_page(pm, start + start / DEMO_PAGE % DEMO_PAGE);
	return rc;
}

/* Every page of every mapping, except what is no RAM. */
static int demo_pm_all(struct demo_pm *pm)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[256], perms[8];
	int rc = 0;

	if (!f)
		return demo_fail("no maps");
	while (!rc && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) != 3 || perms[0] != 'r' ||
		    strstr(line, "ioasid-accel") || strstr(line, "[v"))
			continue;
		rc = demo_pm_range(pm, start, end);
	}
	fclose(f);
	return rc;
}

/* A 2 MiB page, if the kernel gives one: the device must get every 4 KiB of it right. */
static int demo_pm_huge(struct demo_pm *pm)
{
	uint8_t *mem = demo_map(2 * DEMO_PM_HUGE, false), *at;
	int rc = 0;

	if (!mem)
		return demo_fail("memory");
	at = (uint8_t *)(((uintptr_t)mem + DEMO_PM_HUGE - 1) & ~(DEMO_PM_HUGE - 1));
	madvise(at, DEMO_PM_HUGE, MADV_HUGEPAGE);
	memset(at, 1, DEMO_PM_HUGE);
	/* Contiguous and aligned: one large page, as far as a process can tell. */
	if ((demo_pm_entry(pm, (uintptr_t)at) & DEMO_PM_PFN) % 512 == 0 &&
	    (demo_pm_entry(pm, (uintptr_t)at + DEMO_PM_HUGE - DEMO_PAGE) & DEMO_PM_PFN) % 512 ==
		    511) {
		pm->huge = pm->pages;
		rc = demo_pm_range(pm, (uintptr_t)at, (uintptr_t)at + DEMO_PM_HUGE);
		pm->huge = pm->pages - pm->huge;
	}
	munmap(mem, 2 * DEMO_PM_HUGE);
	return rc;
}

int step_pagemap(void)
{
	uint8_t *mem = demo_map(512 * DEMO_PAGE, false);
	struct demo_pm pm = { .fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	unsigned int i;
	int rc;

	rc = demo_queue_open(&pm.q, 6);
	if (rc || !mem || pm.fd < 0)
		return demo_fail("bind: %s", strerror(-rc));
	madvise(mem, 512 * DEMO_PAGE, MADV_NOHUGEPAGE);
	/* Written, read (zero page) and untouched ones. */
	for (i = 0; i < 512; i++) {
		if (i % 3 == 0)
			mem[i * DEMO_PAGE] = 1;
		else if (i % 3 == 1)
			(void)((volatile uint8_t *)mem)[i * DEMO_PAGE];
	}
	rc = demo_pm_all(&pm);
	if (!rc)
		rc = demo_pm_huge(&pm);
	demo_queue_close(&pm.q);
	close(pm.fd);
	munmap(mem, 512 * DEMO_PAGE);
	return rc ? rc :
		    demo_ok("%u pages: device and /proc/self/pagemap agree (%u in 2 MiB "
			    "pages, up to %#llx), and on %u absent ones",
			    pm.pages, pm.huge, (unsigned long long)pm.highest, pm.absent);
}
