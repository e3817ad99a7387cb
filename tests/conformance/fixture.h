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

#include <linux/ioasid_wq.h>

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
#define FX_DEVICES  12
#define FX_GROUPS   4
#define FX_VMS	    2
#define FX_VCPUS    4
#define FX_WHOLE    FX_DEVICES /* as the slot of a parent: it is no slice */

#define FX_GPA	     0x100000ULL /* guest RAM starts here in the GPA space */
#define FX_DATA	     64 /* data pages */
#define FX_TABLES    128
#define FX_COOKIE(n) (0xc00c1e00ULL + (n))
#define FX_RW	     (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define FX_IOVA	     0x10000000ULL /* where fx_space_at() has its page */

/**
 * struct fx - the state of one test
 * @machine: what it runs on
 * @ctx: contexts by slot; [0] is open from the start
 * @hw, @dev: devices by slot and the handles on them; slots 0 and 1 are plugged from the start:
 *            PASID, ATS, PRI, each alone in its group
 * @g: guest memory, mapped nowhere at first
 * @vm, @vcpu: VMs and CPUs by slot
 * @group, @nr_groups: groups of limits, in the order they were made
 * @empty, @before: live objects without and with the first two devices
 */
struct fx {
	const struct conf_machine *machine;
	struct conf_env env;
	struct ioasid *ctx[FX_CONTEXTS];
	struct conf_dev *hw[FX_DEVICES];
	struct ioasid_dev *dev[FX_DEVICES];
	struct conf_vm *vm[FX_VMS];
	struct conf_vcpu *vcpu[FX_VCPUS];
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
/**
 * fx_add() - a further device, "devSLOT", alone in its group
 * @spec: without a name; without a width it has all bits if its class takes PASIDs
 *
 * Slices lie in higher slots than their parents: devices go in falling order.
 */
void fx_add(struct fx *fx, unsigned int slot, struct conf_dev_spec spec);
/** FX_DEV() - what fx_add() takes: class, and further members. */
#define FX_DEV(...) ((struct conf_dev_spec){ .dev_class = __VA_ARGS__ })
/** fx_add_slice() - of the function in slot @parent. */
void fx_add_slice(struct fx *fx, unsigned int slot, uint16_t dev_class, unsigned int parent);
/**
 * fx_add_queues() - a device with FX_DEDICATED, and FX_SHARED if CPUs carry PASIDs of its class
 * @parent: slot, or FX_WHOLE
 */
void fx_add_queues(struct fx *fx, unsigned int slot, uint16_t dev_class, unsigned int parent);
#define FX_DEDICATED 0
#define FX_SHARED    1
/** fx_add_mute() - a whole function of class 5 that never completes an invalidation. */
void fx_add_mute(struct fx *fx, unsigned int slot);
/** fx_bind() - open the handle of @slot and bind it to context 0 as FX_COOKIE(@slot). */
struct ioasid_dev *fx_bind(struct fx *fx, unsigned int slot);
/** fx_bind_to() - the same, to context @ctx. */
struct ioasid_dev *fx_bind_to(struct fx *fx, unsigned int slot, unsigned int ctx);
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
/** fx_space_at() - a kernel-managed root of context @ctx with data page @page at FX_IOVA. */
uint32_t fx_space_at(struct fx *fx, unsigned int ctx, size_t page);

/* ---- information ------------------------------------------------------------------------------- */

struct ioasid_info fx_info(struct fx *fx, unsigned int ctx);
struct ioasid_device_info fx_dev_info(struct fx *fx, unsigned int slot);

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

/**
 * EXPECT_REFUSED() - @call answers @rc, and the contexts tell the same about themselves as before
 *
 * On machines of 8 bits the tables in memory have to be the same as well.
 */
#define EXPECT_REFUSED(fx, rc, call)                                               \
	do {                                                                       \
		struct snap before_, after_;                                       \
		int rc_;                                                           \
		fx_snap(fx, &before_);                                             \
		rc_ = (call);                                                      \
		fx_snap(fx, &after_);                                              \
		fx_refused(rc_, rc, &before_, &after_, #call, __FILE__, __LINE__); \
	} while (0)
/** fx_snap() - everything there is to see of all open contexts. */
void fx_snap(struct fx *fx, struct snap *snap);
void fx_refused(int rc, int expected, struct snap *before, struct snap *after, const char *call,
		const char *file, int line);

/** fx_refusal() - why the last ATTACH of @slot was refused. */
uint32_t fx_refusal(struct fx *fx, unsigned int slot);

/* ---- numbers on the wire, as tables in memory have them ------------------------------------------ */

#define FX_NUMBERS 4096

/** struct fx_numbers - what a function has entries for; machines of up to 12 bits only. */
struct fx_numbers {
	bool present[FX_NUMBERS];
};
/** fx_numbers() - of the function that @slot is, or is a slice of. */
struct fx_numbers fx_numbers(struct fx *fx, unsigned int slot);
unsigned int fx_count(const struct fx_numbers *n);
/** fx_entry() - one entry; CONF_RID: without PASID. */
struct conf_entry fx_entry(struct fx *fx, unsigned int slot, uint32_t number);
/**
 * fx_wire() - the one number that @slot's function has now and had not before
 * @before: fx_numbers() of then
 * @besides: another one that may have come as well: what a whole function is programmed with; 0: none
 */
#define fx_wire(fx, slot, before, besides) fx_wire_at(fx, slot, before, besides, __FILE__, __LINE__)
uint32_t fx_wire_at(struct fx *fx, unsigned int slot, const struct fx_numbers *before,
		    uint32_t besides, const char *file, int line);
/** fx_attach_wire() - ATTACH with a number. Return: number on the wire besides what was asked for. */
uint32_t fx_attach_wire(struct fx *fx, unsigned int slot, uint32_t ioasid, uint32_t vpasid);
/** fx_leads_alike() - {slot a, number} and {slot b, number} have entries that lead to one table. */
bool fx_leads_alike(struct fx *fx, unsigned int a, uint32_t number_a, unsigned int b,
		    uint32_t number_b);

/* ---- work queues ------------------------------------------------------------------------------------ */

uint32_t fx_reg(struct fx *fx, unsigned int slot, uint32_t offset);
int fx_set_reg(struct fx *fx, unsigned int slot, uint32_t offset, uint32_t value);
/** fx_program() - what a guest does with a dedicated queue: off, PASID, on. CONF_RID: no PASID. */
int fx_program(struct fx *fx, unsigned int slot, uint32_t vpasid);
/** fx_enable() - switch a queue on. */
void fx_enable(struct fx *fx, unsigned int slot, uint32_t queue);

/**
 * struct fx_work - eight bytes to be written to @desc.dst, and a completion 64 bytes behind
 * @value: the bytes
 */
struct fx_work {
	struct ioasid_wq_desc desc;
	uint64_t value;
};
struct fx_work fx_work(uint64_t addr);
/** fx_store() - MOVDIR64B to the dedicated queue. fx_dmwr() - a bare DMWr to the shared one. Taken? */
bool fx_store(struct fx *fx, unsigned int slot, const struct fx_work *w);
bool fx_dmwr(struct fx *fx, unsigned int slot, uint32_t ppasid, const struct fx_work *w);
/** fx_landed() - the engine does one thing, and that is @w, whose bytes are in data page @page now. */
#define fx_landed(fx, slot, w, page) fx_landed_at(fx, slot, w, page, __FILE__, __LINE__)
void fx_landed_at(struct fx *fx, unsigned int slot, const struct fx_work *w, size_t page,
		  const char *file, int line);
/** fx_lost() - whatever the engine still does, no memory of the guest changes. */
#define fx_lost(fx, slot) fx_lost_at(fx, slot, __FILE__, __LINE__)
void fx_lost_at(struct fx *fx, unsigned int slot, const char *file, int line);
/** fx_dedicated_lands() - work for @addr through the dedicated queue reaches data page @page. */
#define fx_dedicated_lands(fx, slot, addr, page) \
	fx_dedicated_lands_at(fx, slot, addr, page, __FILE__, __LINE__)
void fx_dedicated_lands_at(struct fx *fx, unsigned int slot, uint64_t addr, size_t page,
			   const char *file, int line);

/* ---- CPUs ------------------------------------------------------------------------------------------- */

/** fx_vm() - a VM in slot 0 with one CPU, in slot 0. */
void fx_vm(struct fx *fx);
void fx_vm_destroy(struct fx *fx, unsigned int slot);
/** fx_vm_fd() - what names VM 0 to ENABLE. */
int fx_vm_fd(struct fx *fx);

/** enum fx_sent - how ENQCMD ended. */
enum fx_sent { FX_ACCEPTED, FX_RETRY, FX_GP, FX_EXIT };
/** fx_enqcmd() - CPU @cpu executes ENQCMD on the shared queue with @vpasid in IA32_PASID. */
enum fx_sent fx_enqcmd(struct fx *fx, unsigned int cpu, unsigned int slot, uint32_t vpasid,
		       const struct fx_work *w);
/** fx_shared_lands() - work for @addr by ENQCMD on CPU 0 with @vpasid reaches data page @page. */
#define fx_shared_lands(fx, slot, vpasid, addr, page) \
	fx_shared_lands_at(fx, slot, vpasid, addr, page, __FILE__, __LINE__)
void fx_shared_lands_at(struct fx *fx, unsigned int slot, uint32_t vpasid, uint64_t addr,
			size_t page, const char *file, int line);

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
