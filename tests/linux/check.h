/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * TAP for the programs that run in guests: cases are functions; the first check of a case that does
 * not hold is printed and fails it, what follows in the case is still run.
 */
#ifndef TESTS_LINUX_CHECK_H
#define TESTS_LINUX_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static bool check_failed, check_skipped;
static unsigned int check_nr, check_bad;

static inline bool check_that(bool ok, long got, const char *text, const char *file, int line)
{
	if (!ok && !check_failed) {
		printf("# %s:%d: %s; got %ld\n", file, line, text, got);
		check_failed = true;
	}
	return ok;
}

/* Both say whether it holds, for what makes no sense otherwise. */
#define is(expr, want)                                                                          \
	({                                                                                      \
		long _got = (long)(expr);                                                       \
		check_that(_got == (long)(want), _got, #expr " == " #want, __FILE__, __LINE__); \
	})
#define yes(expr) check_that(!!(expr), 0, #expr, __FILE__, __LINE__)

static inline void skip(const char *reason)
{
	printf("# skipped: %s\n", reason);
	check_skipped = true;
}

static inline void test_case(const char *name, void (*fn)(void))
{
	check_failed = false;
	check_skipped = false;
	fn();
	check_nr++;
	check_bad += check_failed;
	printf("%s %u %s %s\n", check_failed ? "not ok" : "ok", check_nr,
	       check_skipped && !check_failed ? "# SKIP" : "-", name);
	fflush(stdout);
}
#define CASE(fn) test_case(#fn, fn)

/* What main() returns. */
static inline int test_done(void)
{
	printf("1..%u\n", check_nr);
	return check_bad != 0;
}

#endif
