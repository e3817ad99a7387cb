/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Unit tests that run in both homes. A test file is a list of cases and one suite:
 *
 *	UT_CASE(adds_up)
 *	{
 *		ut_assert_eq(1 + 1, 2);
 *	}
 *
 *	UT_SUITE(arithmetic, UT_ENTRY(adds_up));
 *
 * In user space a file is a program under cmocka, in the kernel a part of the test module: "ut_os.h"
 * is found through the include path and provides
 *	ut_fail(file, line, text)		report; the case must not go on after it
 *	ut_fail_eq(file, line, text, a, b)	the same with two values
 *	ut_log(fmt, ...)			a line for the reader
 *	UT_SUITE_DEFINE(suite, cases)		make the array known to the runner
 * Everything else comes from "os/os.h": nothing here or in the tests may need a C library.
 */
#ifndef TESTS_UNIT_UT_H
#define TESTS_UNIT_UT_H

#include "os/os.h"

/** struct ut_case - one case; @state is there for cmocka and means nothing */
struct ut_case {
	const char *name;
	void (*fn)(void **state);
};

#include "ut_os.h"

/** UT_STEPS() - random steps of a long case; a home on an emulated CPU takes fewer */
#ifndef UT_STEPS
#define UT_STEPS(n) (n)
#endif

#define UT_CASE(name) static void name(void **ut_state __maybe_unused)
#define UT_ENTRY(name)      \
	{                   \
#name, name \
	}
#define UT_SUITE(suite, ...)                                           \
	static const struct ut_case suite##_cases[] = { __VA_ARGS__ }; \
	UT_SUITE_DEFINE(suite, suite##_cases)

#define ut_assert(cond)                                     \
	do {                                                \
		if (unlikely(!(cond)))                      \
			ut_fail(__FILE__, __LINE__, #cond); \
	} while (0)

#define ut_assert_eq(a, b)                                                          \
	do {                                                                        \
		u64 _ut_a = (u64)(a), _ut_b = (u64)(b);                             \
                                                                                    \
		if (unlikely(_ut_a != _ut_b))                                       \
			ut_fail_eq(__FILE__, __LINE__, #a " == " #b, _ut_a, _ut_b); \
	} while (0)

/** struct ut_rand - numbers that look random and are the same in every run with one seed */
struct ut_rand {
	u64 state;
};

/** ut_rand() - the next 64 bits (splitmix64) */
static inline u64 ut_rand(struct ut_rand *r)
{
	u64 z = (r->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/** ut_below() - a number in [0, @n - 1] */
static inline u32 ut_below(struct ut_rand *r, u32 n)
{
	return (u32)((ut_rand(r) >> 32) * n >> 32);
}

#endif
