/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Unit tests in the kernel: all suites are parts of one module. Each case runs in a thread of its
 * own, so a failed assertion ends the case and nothing else; what it held is leaked.
 */
#ifndef TESTS_UNIT_UT_OS_H
#define TESTS_UNIT_UT_OS_H

#include <linux/printk.h>

/** struct ut_suite - what UT_SUITE() makes of a file */
struct ut_suite {
	const char *name;
	const struct ut_case *cases;
	unsigned int nr;
};

void __noreturn ut_fail(const char *file, int line, const char *text);
void __noreturn ut_fail_eq(const char *file, int line, const char *text, u64 a, u64 b);

/** ut_user_alloc() - zeroed memory of the task that loads the module. */
u64 ut_user_alloc(size_t size);
void ut_user_free(u64 uaddr, size_t size);

#define UT_STEPS(n) ((n) / 8)

#define ut_log(fmt, ...) pr_info("# " fmt "\n", ##__VA_ARGS__)

/* The build finds the names of all suites and hands them to the runner. */
#define UT_SUITE_DEFINE(suite, cases)                  \
	extern const struct ut_suite ut_suite_##suite; \
	const struct ut_suite ut_suite_##suite = { #suite, cases, ARRAY_SIZE(cases) }

#endif
