// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The conformance suite: every test on every machine that can run it.
 *
 * conformance [WORD]: only tests whose "machine: test" contains WORD.
 */
#include <stdio.h>

#include "tests/conformance/fixture.h"

extern const struct conf_suite suite_map, suite_kinds, suite_nest, suite_default, suite_pasid,
	suite_inval, suite_fault, suite_device, suite_info, suite_hostile, suite_scenario;

static const struct conf_suite *const suites[] = {
	&suite_map,   &suite_kinds, &suite_nest,   &suite_default, &suite_pasid,    &suite_inval,
	&suite_fault, &suite_info,  &suite_device, &suite_hostile, &suite_scenario,
};

static const struct conf_machine machines[] = {
	{ .name = "4 levels" },
	{ .name = "3 levels", .levels = 3 },
	{ .name = "5 levels", .levels = 5 },
	{ .name = "4-entry caches", .cache_entries = 4 },
	{ .name = "4 KiB pages", .page_sizes = 4096 },
	{ .name = "no nesting", .no_nesting = true },
	{ .name = "first stage", .first_stage = true, .no_nesting = true },
	{ .name = "no snoop control", .no_snoop = true },
	{ .name = "slow DMA", .delay_us = 60 },
	{ .name = "short timeout", .ats_timeout_ms = 20 },
	{ .name = "wrong: does not wait", .delay_us = 60, .no_wait = true },
	{ .name = "wrong: does not invalidate", .no_invalidate = true },
	{ .name = "wrong: sets no accessed and dirty bits", .no_ad = true },
};
#define NR_MACHINES (sizeof(machines) / sizeof(machines[0]))
#define NR_SUITES   (sizeof(suites) / sizeof(suites[0]))
#define MAX_TESTS   4096

static struct CMUnitTest tests[MAX_TESTS];
static char names[MAX_TESTS][128];
static unsigned int nr_tests;

/* Machines that are wrong on purpose run the controls that must notice it, and nothing else. */
static bool is_control(const struct conf_test *test)
{
	return test->needs & (NEEDS_NO_WAIT | NEEDS_NO_INVALIDATE | NEEDS_NO_AD);
}

static bool suits_control(const struct conf_machine *machine, const struct conf_test *test)
{
	return (test->needs & NEEDS_NO_WAIT && machine->no_wait) ||
	       (test->needs & NEEDS_NO_INVALIDATE && machine->no_invalidate) ||
	       (test->needs & NEEDS_NO_AD && machine->no_ad);
}

static bool suits(const struct conf_machine *machine, const struct conf_test *test)
{
	if (machine->no_wait || machine->no_invalidate || machine->no_ad || is_control(test))
		return suits_control(machine, test);
	if (machine->delay_us)
		return test->needs & RUNS_SLOWLY;
	if (machine->ats_timeout_ms || test->needs & NEEDS_SHORT_TIMEOUT)
		return machine->ats_timeout_ms && test->needs & NEEDS_SHORT_TIMEOUT;
	if (test->needs & NEEDS_NESTING && machine->no_nesting)
		return false;
	if (test->needs & NEEDS_NO_NESTING && !machine->no_nesting)
		return false;
	if (test->needs & NEEDS_SNOOP && machine->no_snoop)
		return false;
	if (test->needs & NEEDS_NO_SNOOP && !machine->no_snoop)
		return false;
	return !(test->needs & NEEDS_DEFAULTS) || machine == &machines[0];
}

static void add(const struct conf_machine *machine, const struct conf_suite *suite,
		const struct conf_test *test, const char *word)
{
	char *name = names[nr_tests];

	snprintf(name, sizeof(names[0]), "%s: %s: %s", suite->name, machine->name, test->name);
	if (word && !strstr(name, word))
		return;
	if (nr_tests == MAX_TESTS)
		abort();
	tests[nr_tests++] = (struct CMUnitTest){
		.name = name,
		.test_func = test->run,
		.setup_func = fx_setup,
		.teardown_func = fx_teardown,
		.initial_state = (void *)(uintptr_t)machine,
	};
}

int main(int argc, char **argv)
{
	unsigned int m, s, t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (s = 0; s < NR_SUITES; s++) {
		for (m = 0; m < NR_MACHINES; m++) {
			for (t = 0; t < suites[s]->nr; t++) {
				if (suits(&machines[m], &suites[s]->tests[t]))
					add(&machines[m], suites[s], &suites[s]->tests[t],
					    argc > 1 ? argv[1] : NULL);
			}
		}
	}
	return _cmocka_run_group_tests("conformance", tests, nr_tests, NULL, NULL);
}
