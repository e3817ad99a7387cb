/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The fixture of the conformance suite: one machine, some devices, a context, a guest's memory.
 *
 * A test is written once and runs on every machine of the list in main.c that can run it. What it
 * leaves open is closed by the fixture, which then compares the live objects with those before, so
 * that one failure stays one failure.
 */
#ifndef CONFORMANCE_FIXTURE_H
#define CONFORMANCE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/conformance/env.h"
#include "tests/conformance/guest.h"
#include "tests/conformance/snap.h"

/**
 * fx_cannot() - the home cannot do what this test is about
 *
 * A home's skips are a list (struct conf_skip) that docs/testing.md repeats, and what is on it does
 * not run. So a test that finds out by itself fails.
 */
#define fx_cannot(why) fail_msg("%s: not in the list of skips: %s", conf_home_under_test.name, why)

/** struct conf_test - a test of the suite. */
struct conf_test {
	const char *name;
	void (*run)(void **state);
	unsigned int needs;
};
#define CONF_TEST(fn, needs)   \
	{                      \
#fn, fn, needs \
	}

/** struct conf_suite - the tests of one file. */
struct conf_suite {
	const char *name;
	const struct conf_test *tests;
	unsigned int nr;
};
#define CONF_SUITE(suite, title, table) \
	const struct conf_suite suite = { title, table, sizeof(table) / sizeof((table)[0]) }

#define FX_CONTEXTS 4
#define FX_DEVICES  8
#define FX_GROUPS   4

#define FX_GPA	     0x100000ULL /* guest RAM starts here in the GPA space */
#define FX_DATA	     64 /* data pages */
#define FX_TABLES    128
#define FX_COOKIE(n) (0xc00c1e00ULL + (n))
#define FX_RW	     (IOASID_MAP_READ | IOASID_MAP_WRITE)

/**
 * struct fx - the state of one test
 * @machine: what it runs on
 * @ctx: contexts by slot; [0] is open from the start
 * @hw, @dev: devices by slot and the handles on them; slots 0 and 1 are plugged from the start:
 *            PASID, ATS, PRI, each alone in its group
 * @g: guest memory, mapped nowhere at first
 * @group, @nr_groups: groups of limits, in the order they were made
 * @empty, @before: live objects without and with the first two devices
 */
struct fx {
	const struct conf_machine *machine;
	struct conf_env env;
	struct ioasid *ctx[FX_CONTEXTS];
	struct conf_dev *hw[FX_DEVICES];
	struct ioasid_dev *dev[FX_DEVICES];
	struct guest g;
	const char *group[FX_GROUPS];
	unsigned int nr_groups;
	struct conf_live empty, before;
};

int fx_setup(void **state);
int fx_teardown(void **state);

/**
 * fx_patience() - how long to wait for what should take @ms at most
 *
 * On slow machines CONF_PATIENCE in the environment multiplies all such limits.
 */
uint64_t fx_patience(uint64_t ms);

struct ioasid *fx_open(struct fx *fx, unsigned int slot);
void fx_close(struct fx *fx, unsigned int slot);
/** fx_plug() - a further device; spec->name is enough for a PASID device like slots 0 and 1. */
void fx_plug(struct fx *fx, unsigned int slot, const struct conf_dev_spec *spec);
void fx_unplug(struct fx *fx, unsigned int slot);
/** fx_bind() - open the handle of @slot and bind it to context 0 as FX_COOKIE(@slot). */
struct ioasid_dev *fx_bind(struct fx *fx, unsigned int slot);
struct ioasid_dev *fx_handle(struct fx *fx, unsigned int slot);
void fx_dev_close(struct fx *fx, unsigned int slot);

/** fx_group_make() - a group of limits, gone at the end; @group stays the caller's. */
void fx_group_make(struct fx *fx, const char *group);
void fx_group_remove(struct fx *fx, const char *group);

/** fx_gpa_space() - a kernel-managed root with all guest RAM at FX_GPA. */
uint32_t fx_gpa_space(struct fx *fx);
uint32_t fx_kernel(struct fx *fx);
uint32_t fx_child(struct fx *fx, uint32_t parent);
/** fx_user() - a user page table nested on @parent with its tree at @root; 0: none yet. */
uint32_t fx_user(struct fx *fx, uint32_t parent, uint64_t root);
/** fx_table() - how the ABI says "the tree at @root". */
struct ioasid_table fx_table(uint64_t root);
void fx_map_page(struct fx *fx, uint32_t ioasid, uint64_t iova, size_t data_page);

/* ---- DMA: every helper also checks that nothing else changed --------------------------------- */

/** fx_dma_lands() - a write and a read at @addr both reach byte 0 of data page @page. */
#define fx_dma_lands(fx, slot, pasid, addr, page) \
	fx_dma_lands_at(fx, slot, pasid, addr, page, __FILE__, __LINE__)
void fx_dma_lands_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, size_t page,
		     const char *file, int line);
/** fx_dma_reads() - a read reaches data page @page, a write is blocked for lack of permission. */
#define fx_dma_reads(fx, slot, pasid, addr, page) \
	fx_dma_reads_at(fx, slot, pasid, addr, page, __FILE__, __LINE__)
void fx_dma_reads_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, size_t page,
		     const char *file, int line);
/** fx_dma_blocked() - read and write are blocked; @reason: enum ioasid_fault_reason, -1: any. */
#define fx_dma_blocked(fx, slot, pasid, addr, reason) \
	fx_dma_blocked_at(fx, slot, pasid, addr, reason, __FILE__, __LINE__)
void fx_dma_blocked_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, int reason,
		       const char *file, int line);
/** fx_dma() - one request as it comes. */
int fx_dma(struct fx *fx, unsigned int slot, struct conf_dma *dma);

/* ---- refusals ----------------------------------------------------------------------------------- */

/** EXPECT_REFUSED() - @call answers @rc, and context 0 tells the same about itself as before. */
#define EXPECT_REFUSED(fx, rc, call)                                               \
	do {                                                                       \
		struct snap before_, after_;                                       \
		int rc_;                                                           \
		snap_take(&before_, (fx)->ctx[0]);                                 \
		rc_ = (call);                                                      \
		snap_take(&after_, (fx)->ctx[0]);                                  \
		fx_refused(rc_, rc, &before_, &after_, #call, __FILE__, __LINE__); \
	} while (0)
void fx_refused(int rc, int expected, struct snap *before, struct snap *after, const char *call,
		const char *file, int line);

/** fx_refusal() - why the last ATTACH of @slot was refused. */
uint32_t fx_refusal(struct fx *fx, unsigned int slot);

/* ---- faults ---------------------------------------------------------------------------------------- */

/** fx_fault_wait() - the next record, waiting up to two seconds (fx_patience()) for it. */
struct ioasid_fault fx_fault_wait(struct fx *fx);
/** fx_fault_none() - no record waits. */
void fx_fault_none(struct fx *fx);
/** fx_answered() - @slot's next answered group is @group with @code, within two seconds. */
#define fx_answered(fx, slot, group, code) fx_answered_at(fx, slot, group, code, __FILE__, __LINE__)
void fx_answered_at(struct fx *fx, unsigned int slot, uint32_t group, uint32_t code,
		    const char *file, int line);

/**
 * struct fx_async - a DMA with page requests in a thread of its own
 * @rc: its result, valid after fx_async_join()
 */
struct fx_async {
	struct fx *fx;
	unsigned int slot;
	struct conf_dma dma;
	uint64_t data;
	int rc;
	unsigned long thread;
	bool done;
};
void fx_async_start(struct fx *fx, struct fx_async *a, unsigned int slot, enum conf_op op,
		    uint32_t pasid, uint64_t addr);
/** fx_async_join() - wait for it; a test that would wait longer than ten seconds is ended. */
int fx_async_join(struct fx_async *a);

/**
 * fx_on_cpu() - the calling thread runs there from now on, if the machine has so many; -1: anywhere
 *
 * A kernel may wait for an invalidation with interrupts off. Where a test keeps it waiting, the
 * thread that ends the wait must not depend on that processor's timer.
 */
void fx_on_cpu(int cpu);

#endif
