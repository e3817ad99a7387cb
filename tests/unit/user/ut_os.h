/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Unit tests in user space: each suite is a program that runs under cmocka. */
#ifndef TESTS_UNIT_UT_OS_H
#define TESTS_UNIT_UT_OS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define UT_CASES_MAX 64

static inline void __attribute__((noreturn)) ut_fail(const char *file, int line, const char *text)
{
	print_error("%s:%d: %s\n", file, line, text);
	_fail(file, line);
	abort();
}

static inline void __attribute__((noreturn))
ut_fail_eq(const char *file, int line, const char *text, u64 a, u64 b)
{
	print_error("%s:%d: %s: 0x%llx, 0x%llx\n", file, line, text, (unsigned long long)a,
		    (unsigned long long)b);
	_fail(file, line);
	abort();
}

#define ut_log(fmt, ...) print_message(fmt "\n", ##__VA_ARGS__)

/** ut_user_alloc() - zeroed memory that a command may be told to copy from and to. */
static inline u64 ut_user_alloc(size_t size)
{
	return (u64)(uintptr_t)calloc(1, size);
}

static inline void ut_user_free(u64 uaddr, size_t size __maybe_unused)
{
	free((void *)(uintptr_t)uaddr);
}

static inline int ut_run(const char *suite, const struct ut_case *cases, size_t nr)
{
	static struct CMUnitTest tests[UT_CASES_MAX];
	size_t i;

	if (nr > UT_CASES_MAX)
		return 99;
	for (i = 0; i < nr; i++)
		tests[i] = (struct CMUnitTest){ .name = cases[i].name, .test_func = cases[i].fn };
	return _cmocka_run_group_tests(suite, tests, nr, NULL, NULL);
}

#define UT_SUITE_DEFINE(suite, cases)                            \
	int main(void)                                           \
	{                                                        \
		return ut_run(#suite, cases, ARRAY_SIZE(cases)); \
	}                                                        \
	extern int ut_suite_##suite##_end

#endif
