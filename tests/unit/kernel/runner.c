// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid_test.ko: runs every suite when it is loaded and prints TAP lines to the kernel log, each
 * after "ioasid-ut: ". Cases see the address space of the task that loads the module.
 */
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/module.h>

#include "tests/unit/ut.h"

#undef pr_fmt
#define pr_fmt(fmt) "ioasid-ut: " fmt

/* UT_SUITES is X(name) for each suite, from Kbuild. */
#define X(suite) extern const struct ut_suite ut_suite_##suite;
UT_SUITES
#undef X
#define X(suite) &ut_suite_##suite,
static const struct ut_suite *const suites[] = { UT_SUITES };
#undef X

/*
 * struct ut_run - the case that runs now; there is one at a time
 * @mm: address space to use
 * @done: the case ended, @failed says how
 */
struct ut_run {
	const struct ut_case *c;
	struct mm_struct *mm;
	struct completion done;
	bool failed;
};

static struct ut_run run;

static void __noreturn ut_end(bool failed)
{
	run.failed = failed;
	os_alloc_fail_nth(0);
	kthread_unuse_mm(run.mm);
	kthread_complete_and_exit(&run.done, 0);
}

void ut_fail(const char *file, int line, const char *text)
{
	pr_info("# %s:%d: %s\n", file, line, text);
	ut_end(true);
}

void ut_fail_eq(const char *file, int line, const char *text, u64 a, u64 b)
{
	pr_info("# %s:%d: %s: 0x%llx, 0x%llx\n", file, line, text, a, b);
	ut_end(true);
}

/* Copies go to the address space that ut_thread() uses; mmap() looks at current->mm, the same. */
u64 ut_user_alloc(size_t size)
{
	return vm_mmap(NULL, 0, PAGE_ALIGN(size), PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE, 0);
}

void ut_user_free(u64 uaddr, size_t size)
{
	vm_munmap(uaddr, PAGE_ALIGN(size));
}

static int ut_thread(void *unused)
{
	kthread_use_mm(run.mm);
	run.c->fn(NULL);
	ut_end(false);
}

static bool run_case(const struct ut_case *c)
{
	struct task_struct *task;

	run.c = c;
	run.mm = current->mm;
	run.failed = true;
	init_completion(&run.done);
	task = kthread_run(ut_thread, NULL, "ioasid-ut");
	if (IS_ERR(task))
		return false;
	wait_for_completion(&run.done);
	return !run.failed;
}

static void report(unsigned int n, bool ok, const char *suite, const char *name, u64 ns)
{
	pr_info("%s %u - %s: %s (%llu ms)\n", ok ? "ok" : "not ok", n, suite, name,
		ns / NSEC_PER_MSEC);
}

static int __init ut_init(void)
{
	unsigned int i, k, n = 0, bad = 0;
	int rc = os_init();

	if (rc)
		return rc;
	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		for (k = 0; k < suites[i]->nr; k++) {
			u64 start = ktime_get_ns();
			bool ok = run_case(&suites[i]->cases[k]);

			bad += !ok;
			report(++n, ok, suites[i]->name, suites[i]->cases[k].name,
			       ktime_get_ns() - start);
		}
	}
	/* A failed case leaks by design; otherwise nothing may be left. */
	if (!bad)
		report(++n, !os_alloc_live(), "all", "nothing is left allocated", 0);
	pr_info("1..%u\n", n);
	return 0;
}

static void __exit ut_exit(void)
{
	os_exit();
}

module_init(ut_init);
module_exit(ut_exit);
MODULE_DESCRIPTION("Unit tests of ioasid's core and formats");
MODULE_LICENSE("GPL");
