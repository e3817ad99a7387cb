// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every allocation of every command fails once, in the kernel.
 *
 * Needs a kernel with fault injection. Each step of a sequence runs with the 1st, 2nd, 3rd, ...
 * place where the kernel may fail told to fail, until it gets through without meeting one. A call
 * that failed must say ENOMEM or EFAULT and have changed nothing; steps that end something must not
 * need memory at all. Where ioasid-sim.ko is there, the steps that need a device are taken on one of
 * its own. Prints TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/ioasid.h>
#include <linux/ioasid_sim.h>

#include "tests/conformance/snap.h"

#define PAGE	  4096UL
#define RW	  (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define NTH_LIMIT 4000
#define CTX_PATH  "/dev/ioasid"

/* Handles the user picks, so that undoing and redoing gives the same state. */
enum { ROOT = 1, CHILD, TABLE };

#define SMALL_IOVA  0x1000000ULL
#define LARGE_IOVA  0x2000000ULL
#define LARGE	    (512 * PAGE)
#define COOKIE	    7
#define SLICE	    8 /* another cookie */
#define PASID	    5
#define SPLIT	    64
#define MAX_DEVICES 1024 /* that are plugged one after the other */

static struct {
	int sim; /* the simulator's node, or -1 */
	uint32_t last; /* number of the last device made there */
	int vm;
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	struct ioasid_dev *slice;
	uint8_t *mem;
	int knob; /* fail-nth of this thread */
} t;

/* ---- what the kernel is told -------------------------------------------------------------------- */

static void arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(t.knob, text, (size_t)n, 0) != n) {
		printf("Bail out! fail-nth: %s\n", strerror(errno));
		exit(1);
	}
}

/*
 * Return: true if a failure was injected since arm(). Asking and switching off can meet the failure
 * themselves: then it had not been used up before.
 */
static bool disarm(void)
{
	char text[16] = "";
	ssize_t n = pread(t.knob, text, sizeof(text) - 1, 0);
	bool met = n > 0 && text[0] == '0';

	if (pwrite(t.knob, "0", 1, 0) != 1) {
		met = false;
		arm(0);
	}
	return met;
}

/* ---- steps ------------------------------------------------------------------------------------------ */

static int open_context(void)
{
	return ioasid_open(CTX_PATH, &t.ctx);
}

static int close_context(void)
{
	ioasid_close(t.ctx);
	t.ctx = NULL;
	return 0;
}

static int alloc_root(void)
{
	const struct ioasid_alloc a = {
		.flags = IOASID_ALLOC_HANDLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
		.ioasid = ROOT,
	};
	uint32_t handle;

	return ioasid_ioas_alloc(t.ctx, &a, &handle);
}

static int free_root(void)
{
	return ioasid_ioas_free(t.ctx, ROOT);
}

static int map_small(void)
{
	return ioasid_map(t.ctx, ROOT, SMALL_IOVA, (uintptr_t)t.mem, 4 * PAGE, RW);
}

static int unmap_small(void)
{
	return ioasid_unmap(t.ctx, ROOT, SMALL_IOVA, 4 * PAGE, NULL);
}

static int map_large(void)
{
	return ioasid_map(t.ctx, ROOT, LARGE_IOVA, (uintptr_t)t.mem, LARGE, RW);
}

static int unmap_large(void)
{
	return ioasid_unmap(t.ctx, ROOT, LARGE_IOVA, LARGE, NULL);
}

static int alloc_child(void)
{
	const struct ioasid_alloc a = {
		.flags = IOASID_ALLOC_HANDLE,
		.kind = IOASID_KIND_KERNEL,
		.parent = ROOT,
		.ioasid = CHILD,
	};
	uint32_t handle;

	return ioasid_ioas_alloc(t.ctx, &a, &handle);
}

static int free_child(void)
{
	return ioasid_ioas_free(t.ctx, CHILD);
}

static int map_child(void)
{
	return ioasid_map(t.ctx, CHILD, 0x10000, LARGE_IOVA + PAGE, 20 * PAGE, RW);
}

static int unmap_child(void)
{
	return ioasid_unmap(t.ctx, CHILD, 0x10000, 20 * PAGE, NULL);
}

static struct ioasid_table table_at(uint64_t address)
{
	return (struct ioasid_table){ .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = address };
}

static int alloc_table(void)
{
	struct ioasid_alloc a = {
		.flags = IOASID_ALLOC_HANDLE | IOASID_ALLOC_TABLE,
		.kind = IOASID_KIND_USER_TABLE,
		.parent = ROOT,
		.ioasid = TABLE,
		.table = table_at(LARGE_IOVA),
	};
	uint32_t handle;

	return ioasid_ioas_alloc(t.ctx, &a, &handle);
}

static int free_table(void)
{
	return ioasid_ioas_free(t.ctx, TABLE);
}

static int bind_other(void)
{
	const struct ioasid_table table = table_at(LARGE_IOVA + PAGE);

	return ioasid_bind_pgtable(t.ctx, TABLE, &table);
}

static int bind_first(void)
{
	const struct ioasid_table table = table_at(LARGE_IOVA);

	return ioasid_bind_pgtable(t.ctx, TABLE, &table);
}

static int ask(void)
{
	struct ioasid_query_ioas entries[4];
	struct ioasid_ioas_info space = { 0 };
	struct ioasid_info info;
	uint64_t cursor = 0;
	int rc = ioasid_get_info(t.ctx, NULL, 0, &info);

	if (!rc)
		rc = ioasid_ioas_get_info(t.ctx, ROOT, &space);
	if (!rc)
		rc = ioasid_query(t.ctx, IOASID_QUERY_IOAS, 0, &cursor, entries, 4);
	return rc < 0 ? rc : 0;
}

/* Where only the answer was lost, the descriptor is there all the same: the lowest that was free. */
static int fault_fd = -1;

static int fault_open(void)
{
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };
	int rc;

	fault_fd = dup(0);
	close(fault_fd);
	rc = ioasid_command(t.ctx, IOASID_FAULT_FD, &f);
	if (!rc)
		fault_fd = f.fd;
	else if (rc == -EFAULT)
		close(fault_fd);
	return rc;
}

static int fault_close(void)
{
	return close(fault_fd) ? -errno : 0;
}

/* ---- steps on a device of the simulator ------------------------------------------------------------------------------ */

static int sim_command(unsigned long command, void *arg)
{
	return ioctl(t.sim, command, arg) < 0 ? -errno : 0;
}

static int plug(struct ioasid_sim_device d, uint32_t *number)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o) };
	int rc;

	d.argsz = sizeof(d);
	d.group = IOASID_SIM_NONE;
	rc = sim_command(IOASID_SIM_DEVICE_CREATE, &d);
	*number = d.device;
	/* Only the answer was lost: it is the last one, whatever its number. */
	for (o.id = t.last + 1; rc == -EFAULT && o.id < MAX_DEVICES; o.id++)
		sim_command(IOASID_SIM_DEVICE_DESTROY, &o);
	return rc;
}

static uint32_t soft_device;

/*
 * One without a struct device of its own: the kernel's driver core does not survive all failures
 * while it adds one (a software node whose links could not be made is put once too often).
 */
static int soft_plug(void)
{
	const struct ioasid_sim_device d = { .dev_class = IOASID_CLASS_SW_MDEV, .name = "soft" };

	return plug(d, &soft_device);
}

static int soft_unplug(void)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = soft_device };

	return sim_command(IOASID_SIM_DEVICE_DESTROY, &o);
}

static int dev_open(void)
{
	return ioasid_dev_open(t.ctx, "failnth", &t.dev);
}

static int dev_close(void)
{
	ioasid_dev_close(t.dev);
	t.dev = NULL;
	return 0;
}

static int dev_bind(void)
{
	return ioasid_dev_bind(t.dev, t.ctx, COOKIE);
}

/* Only closing ends a binding. */
static int dev_unbind(void)
{
	dev_close();
	return dev_open();
}

static int dev_attach(void)
{
	return ioasid_dev_attach(t.dev, ROOT, 0);
}

static int dev_detach(void)
{
	return ioasid_dev_detach(t.dev, ROOT);
}

static int dev_stack(void)
{
	return ioasid_dev_attach(t.dev, CHILD, 0);
}

static int dev_unstack(void)
{
	return ioasid_dev_detach(t.dev, CHILD);
}

static int dev_replace(void)
{
	return ioasid_dev_attach(t.dev, CHILD, IOASID_ATTACH_REPLACE);
}

static int dev_replace_back(void)
{
	return ioasid_dev_attach(t.dev, ROOT, IOASID_ATTACH_REPLACE);
}

static int attach_pasid(void)
{
	return ioasid_dev_attach_pasid(t.dev, ROOT, PASID, IOASID_ATTACH_LOCAL);
}

static int detach_pasid(void)
{
	return ioasid_dev_detach_pasid(t.dev, ROOT);
}

static int attach_table(void)
{
	return ioasid_dev_attach_pasid(t.dev, TABLE, PASID + 1, IOASID_ATTACH_LOCAL);
}

static int detach_table(void)
{
	return ioasid_dev_detach_pasid(t.dev, TABLE);
}

static int set_hwid(void)
{
	return ioasid_set_hwid(t.ctx, ROOT, PASID + 2);
}

static int clear_hwid(void)
{
	return ioasid_clear_hwid(t.ctx, ROOT, PASID + 2);
}

static int invalidate(void)
{
	return ioasid_invalidate(t.ctx, TABLE);
}

static int dev_reset(void)
{
	return ioasid_dev_reset(t.dev);
}

/* ---- the same in global mode: two numbers on the wire, one of them the host's ---------------------------- */

static int mode_global(void)
{
	return ioasid_set_hwid_mode_dev(t.ctx, COOKIE, IOASID_MODE_GLOBAL);
}

static int mode_local(void)
{
	return ioasid_set_hwid_mode_dev(t.ctx, COOKIE, IOASID_MODE_LOCAL);
}

static int split(void)
{
	return ioasid_hwid_set_global_min(t.ctx, SPLIT);
}

static int no_split(void)
{
	return ioasid_hwid_set_global_min(t.ctx, 1);
}

static int quota(void)
{
	return ioasid_set_quota(t.ctx, 10, true);
}

static int no_quota(void)
{
	return ioasid_set_quota(t.ctx, IOASID_INVALID, false);
}

static int attach_global(void)
{
	return ioasid_dev_attach_pasid(t.dev, ROOT, 0, IOASID_ATTACH_GLOBAL);
}

static int attach_number(void)
{
	return ioasid_dev_attach_pasid(t.dev, TABLE, PASID + 1, IOASID_ATTACH_GLOBAL);
}

static int reattach_number(void)
{
	int rc = attach_global();

	return rc ? rc : set_hwid();
}

/* ---- a slice, and CPUs that translate ------------------------------------------------------------------------ */

static int slice_open(void)
{
	return ioasid_dev_open(t.ctx, "failnth-slice", &t.slice);
}

static int slice_close(void)
{
	ioasid_dev_close(t.slice);
	t.slice = NULL;
	return 0;
}

static int slice_bind(void)
{
	return ioasid_dev_bind(t.slice, t.ctx, SLICE);
}

static int slice_unbind(void)
{
	slice_close();
	return slice_open();
}

static int slice_global(void)
{
	return ioasid_set_hwid_mode_dev(t.ctx, SLICE, IOASID_MODE_GLOBAL);
}

static int slice_local(void)
{
	return ioasid_set_hwid_mode_dev(t.ctx, SLICE, IOASID_MODE_LOCAL);
}

static int slice_attach(void)
{
	return ioasid_dev_attach(t.slice, ROOT, 0);
}

static int slice_detach(void)
{
	return ioasid_dev_detach(t.slice, ROOT);
}

/* The other device has the number by now: both lead to one number of the host's. */
static int slice_number(void)
{
	return ioasid_dev_attach_pasid(t.slice, ROOT, PASID, 0);
}

static int slice_no_number(void)
{
	return ioasid_dev_detach_pasid(t.slice, ROOT);
}

static int slice_reset(void)
{
	return ioasid_dev_reset(t.slice);
}

static int cpu_map(void)
{
	return ioasid_cpu_pasid_map(t.ctx, PASID);
}

static int cpu_unmap(void)
{
	return ioasid_cpu_pasid_unmap(t.ctx, PASID);
}

static int cpu_on(void)
{
	return ioasid_cpu_pasid_enable(t.ctx, t.vm);
}

static int cpu_off(void)
{
	return ioasid_cpu_pasid_disable(t.ctx);
}

/* ---- the sequence ------------------------------------------------------------------------------------ */

#define STEP_DEV   1U /* needs a device */
#define STEP_ENDS  2U /* takes something away: must not need memory */
#define STEP_STAYS 4U /* there is nothing to undo */
#define STEP_KEEP  8U /* stays done for the steps that follow */

/**
 * struct step - one call
 * @name: for the reader
 * @run, @undo: each other's inverse; NULL: nothing to undo, or it cannot be done twice
 * @flags: STEP_*
 */
struct step {
	const char *name;
	int (*run)(void);
	int (*undo)(void);
	unsigned int flags;
};

/* A step that is not kept is undone at its end; the steps that end something come as their own. */
static const struct step steps[] = {
	{ "open", open_context, close_context, STEP_KEEP },
	{ "ALLOC", alloc_root, free_root, STEP_KEEP },
	{ "MAP 16 KiB", map_small, unmap_small, STEP_KEEP },
	{ "MAP 2 MiB", map_large, unmap_large, STEP_KEEP },
	{ "UNMAP 16 KiB", unmap_small, map_small, STEP_ENDS },
	{ "UNMAP 2 MiB", unmap_large, map_large, STEP_ENDS },
	{ "ALLOC a child", alloc_child, free_child, STEP_KEEP },
	{ "MAP into the parent", map_child, unmap_child, STEP_KEEP },
	{ "UNMAP from the parent", unmap_child, map_child, STEP_ENDS },
	{ "UNMAP under a child", unmap_large, map_large, STEP_ENDS },
	{ "ALLOC a user table", alloc_table, free_table, STEP_KEEP },
	{ "BIND_PGTABLE", bind_other, bind_first, 0 },
	{ "FREE a user table", free_table, alloc_table, STEP_ENDS },
	{ "GET_INFO and QUERY", ask, NULL, STEP_STAYS },
	{ "FAULT_FD", fault_open, fault_close, STEP_KEEP },
	{ "registration", soft_plug, soft_unplug, STEP_DEV },
	{ "open of a device", dev_open, dev_close, STEP_DEV | STEP_KEEP },
	{ "BIND_IOASID_FD", dev_bind, dev_unbind, STEP_DEV | STEP_KEEP },
	{ "ATTACH", dev_attach, dev_detach, STEP_DEV | STEP_KEEP },
	{ "UNMAP 2 MiB while attached", unmap_large, map_large, STEP_DEV | STEP_ENDS },
	{ "UNMAP 16 KiB while attached", unmap_small, map_small, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "MAP 16 KiB while attached", map_small, unmap_small, STEP_DEV | STEP_KEEP },
	{ "ATTACH a child", dev_stack, dev_unstack, STEP_DEV | STEP_KEEP },
	{ "DETACH a child", dev_unstack, dev_stack, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "ATTACH with REPLACE", dev_replace, dev_replace_back, STEP_DEV },
	{ "ATTACH with a PASID", attach_pasid, detach_pasid, STEP_DEV | STEP_KEEP },
	{ "SET_HWID", set_hwid, clear_hwid, STEP_DEV | STEP_KEEP },
	{ "CLEAR_HWID", clear_hwid, set_hwid, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "ATTACH a user table", attach_table, detach_table, STEP_DEV | STEP_KEEP },
	{ "INVALIDATE_CACHE", invalidate, NULL, STEP_DEV | STEP_STAYS },
	{ "RESET", dev_reset, NULL, STEP_DEV | STEP_STAYS },
	{ "DETACH a user table", detach_table, attach_table, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "DETACH with a PASID", detach_pasid, attach_pasid, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "SET_QUOTA", quota, no_quota, STEP_KEEP },
	{ "HWID_SET_GLOBAL_MIN", split, no_split, STEP_KEEP },
	{ "SET_HWID_MODE", mode_global, mode_local, STEP_DEV | STEP_KEEP },
	{ "ATTACH in global mode", attach_global, detach_pasid, STEP_DEV | STEP_KEEP },
	{ "SET_HWID in global mode", set_hwid, clear_hwid, STEP_DEV | STEP_KEEP },
	{ "ATTACH with a number in global mode", attach_number, detach_table, STEP_DEV },
	{ "CLEAR_HWID in global mode", clear_hwid, set_hwid, STEP_DEV | STEP_ENDS },
	{ "RESET in global mode", dev_reset, NULL, STEP_DEV | STEP_STAYS },
	{ "open of a slice", slice_open, slice_close, STEP_DEV | STEP_KEEP },
	{ "BIND_IOASID_FD of a slice", slice_bind, slice_unbind, STEP_DEV | STEP_KEEP },
	{ "ATTACH of a slice", slice_attach, slice_detach, STEP_DEV | STEP_KEEP },
	{ "ATTACH of a slice with a number", slice_number, slice_no_number, STEP_DEV },
	{ "SET_HWID_MODE of a slice", slice_global, slice_local, STEP_DEV | STEP_KEEP },
	{ "CPU_PASID_ENABLE", cpu_on, cpu_off, STEP_DEV },
	{ "ATTACH of a slice with a number in global mode", slice_number, slice_no_number,
	  STEP_DEV | STEP_KEEP },
	{ "CPU_PASID_MAP", cpu_map, cpu_unmap, STEP_DEV | STEP_KEEP },
	{ "CPU_PASID_ENABLE with an entry", cpu_on, cpu_off, STEP_DEV | STEP_KEEP },
	{ "RESET of a slice", slice_reset, NULL, STEP_DEV | STEP_STAYS },
	{ "CPU_PASID_UNMAP", cpu_unmap, cpu_map, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "CPU_PASID_ENABLE with DISABLE", cpu_off, cpu_on, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "DETACH of a slice with a number", slice_no_number, slice_number,
	  STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "DETACH of a slice", slice_detach, slice_attach, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "close of a slice", slice_close, NULL, STEP_DEV | STEP_ENDS | STEP_STAYS },
	{ "DETACH in global mode", detach_pasid, reattach_number,
	  STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "DETACH", dev_detach, dev_attach, STEP_DEV | STEP_ENDS | STEP_KEEP },
	{ "close of a device", dev_close, NULL, STEP_DEV | STEP_ENDS | STEP_STAYS },
	{ "close of the fault descriptor", fault_close, NULL, STEP_ENDS | STEP_STAYS },
	{ "close", close_context, NULL, STEP_ENDS | STEP_STAYS },
};
#define NR_STEPS (sizeof(steps) / sizeof(steps[0]))

/* ---- the test --------------------------------------------------------------------------------------------- */

static char why[4096];

static bool wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return false;
}

static char *state(void)
{
	struct snap snap;

	if (!t.ctx)
		return strdup("no context");
	snap_take(&snap, t.ctx);
	return snap.text;
}

static bool state_is(const char *want, const char *when, unsigned int nth)
{
	char *now = state();
	bool same = !strcmp(now, want);

	if (!same)
		wrong("%s, place %u: state was\n%s-- became\n%s", when, nth, want, now);
	free(now);
	return same;
}

/*
 * The step was told to fail and answered @rc. A caller whose structure cannot be written any more
 * learns EFAULT although the work is done: then the state is the one after the step, and undone.
 */
static bool judge(const struct step *step, int rc, unsigned int nth, const char *before,
		  const char *after, bool *done)
{
	*done = !rc;
	if (rc && rc != -ENOMEM && rc != -EFAULT)
		return wrong("place %u: error %d", nth, rc);
	if (rc == -ENOMEM && step->flags & STEP_ENDS)
		return wrong("place %u: needs memory", nth);
	if (rc == -EFAULT && state_is(after, "", nth) && strcmp(before, after))
		*done = true;
	if (*done)
		return state_is(after, "done though something failed", nth);
	return state_is(before, "failed", nth);
}

/* Fail one place after the other. Return: how many did, or -1. */
static int fail_each(const struct step *step, const char *before, const char *after)
{
	unsigned int nth;
	bool done;

	for (nth = 1; nth < NTH_LIMIT; nth++) {
		bool met;
		int rc;

		arm(nth);
		rc = step->run();
		met = disarm();
		if (!met && rc)
			return wrong("error %d though nothing failed", rc) - 1;
		if (!met)
			return (int)nth - 1;
		if (!judge(step, rc, nth, before, after, &done))
			return -1;
		if (done && step->undo && step->undo())
			return wrong("place %u: cannot be undone", nth) - 1;
		if (!state_is(before, "undone", nth))
			return -1;
	}
	return wrong("no end after %u places", nth) - 1;
}

/* Once without failures, to know what it does; then again and again. */
static int play(const struct step *step)
{
	char *before = state(), *after = NULL;
	int rc, failed = -1;

	if (!step->undo && step->flags & STEP_ENDS) { /* can be done once only */
		arm(1);
		rc = step->run();
		disarm();
		failed = rc ? wrong("error %d", rc) - 1 : 1;
		goto out;
	}
	rc = step->run();
	after = state();
	if (rc || (step->undo && step->undo())) {
		wrong("error %d without any failure", rc);
		goto out;
	}
	if (!state_is(before, "done and undone", 0))
		goto out;
	failed = fail_each(step, before, after);
	if (failed >= 0 && step->undo && !(step->flags & STEP_KEEP) && step->undo())
		failed = wrong("cannot be undone") - 1;
out:
	free(before);
	free(after);
	return failed;
}

/* Pages that are no neighbours make a pin's list of runs grow. */
static bool make_memory(void)
{
	unsigned int i;

	t.mem = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t.mem == MAP_FAILED)
		return false;
	madvise(t.mem, LARGE, MADV_NOHUGEPAGE);
	/* Pages come in the order they are touched in. */
	for (i = 0; i < LARGE / PAGE; i++)
		t.mem[i * 37 % (LARGE / PAGE) * PAGE] = 1;
	return true;
}

static bool play_all(int *total)
{
	unsigned int i, n = 0;
	bool good = true;

	for (i = 0; i < NR_STEPS && good; i++) {
		const struct step *step = &steps[i];
		int failed;

		if (step->flags & STEP_DEV && t.sim < 0)
			continue;
		failed = play(step);
		good = failed >= 0;
		n++;
		if (good)
			printf("ok %u - fail-nth %s: %d places\n", n, step->name, failed);
		else
			printf("not ok %u - fail-nth %s\n# %s\n", n, step->name, why);
		*total += good ? failed : 0;
	}
	/* A kernel that injects nothing lets every step pass at once. */
	good &= *total > 50;
	n++;
	printf("%s %u - fail-nth: %d failures were injected\n", good ? "ok" : "not ok", n, *total);
	printf("1..%u\n", n);
	return good;
}

/* A device that is whole, a function with a slice, a VM. */
static bool make_device(void)
{
	struct ioasid_sim_iommu iommu = { .argsz = sizeof(iommu) };
	struct ioasid_sim_vm vm = { .argsz = sizeof(vm) };
	struct ioasid_sim_device d = {
		.flags = IOASID_SIM_ATS | IOASID_SIM_PRI,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.name = "failnth",
	};
	struct ioasid_sim_device slice = {
		.dev_class = IOASID_CLASS_MDEV_DMWR,
		.nr_dedicated = 1,
		.nr_shared = 1,
		.name = "failnth-slice",
	};

	t.sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	if (t.sim < 0)
		return errno == ENOENT;
	if (sim_command(IOASID_SIM_IOMMU_CREATE, &iommu) || sim_command(IOASID_SIM_VM_CREATE, &vm))
		return false;
	t.vm = vm.fd;
	d.iommu = iommu.iommu;
	if (plug(d, &t.last))
		return false;
	snprintf(d.name, sizeof(d.name), "failnth-parent");
	if (plug(d, &t.last))
		return false;
	slice.parent = t.last;
	return !plug(slice, &t.last);
}

int main(void)
{
	int total = 0;

	setbuf(stdout, NULL);
	t.knob = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (t.knob < 0 || !make_memory() || !make_device()) {
		printf("Bail out! no fault injection, or no machine: %s\n", strerror(errno));
		return 1;
	}
	return !play_all(&total);
}
