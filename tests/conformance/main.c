// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The conformance suite: every test on every machine that can run it.
 *
 * conformance [WORD]: only tests whose "suite: machine: test" contains WORD.
 * conformance --skips: what this home skips, as a table for docs/testing.md.
 *
 * A skip is a case too: it shows in the output with its reason, and more than 5 % of them, or one
 * that names nothing, is a failure. What the kernel below the home has not is shown the same way and
 * counted apart.
 */
#include <stdio.h>

#include "tests/conformance/fixture.h"

extern const struct conf_suite suite_map, suite_kinds, suite_nest, suite_default, suite_pasid,
	suite_inval, suite_fault, suite_device, suite_info, suite_hostile, suite_hostwide,
	suite_limit, suite_class, suite_mode, suite_hybrid, suite_mediation, suite_cpu, suite_life,
	suite_scenario;

static const struct conf_suite *const suites[] = {
	&suite_map,	  &suite_kinds, &suite_nest,  &suite_default,  &suite_pasid,
	&suite_inval,	  &suite_fault, &suite_info,  &suite_device,   &suite_hostile,
	&suite_hostwide,  &suite_limit, &suite_class, &suite_mode,     &suite_hybrid,
	&suite_mediation, &suite_cpu,	&suite_life,  &suite_scenario,
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
	{ .name = "8-bit PASIDs", .pasid_bits = 8, .host_split = 128, .ats_timeout_ms = 20 },
	{ .name = "12-bit PASIDs", .pasid_bits = 12, .host_split = 2048 },
	{ .name = "wrong: does not wait", .delay_us = 60, .no_wait = true },
	{ .name = "wrong: does not invalidate", .no_invalidate = true },
	{ .name = "wrong: sets no accessed and dirty bits", .no_ad = true },
};
#define NR_MACHINES (sizeof(machines) / sizeof(machines[0]))
#define NR_SUITES   (sizeof(suites) / sizeof(suites[0]))
#define MAX_TESTS   4096
#define MAX_SKIPPED 5 /* percent */

/* What a test gets that has no machine to run on. */
static const struct conf_machine no_machine = { .name = "no machine" };

static struct CMUnitTest tests[MAX_TESTS];
static char names[MAX_TESTS][128];
static unsigned int nr_tests, nr_skipped, nr_lacking, nr_elsewhere;

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

/* Tests that look at all numbers there are have machines of their own. */
static bool is_narrow(const struct conf_test *test)
{
	return test->needs & (NEEDS_8_BITS | NEEDS_12_BITS);
}

static bool suits_narrow(const struct conf_machine *machine, const struct conf_test *test)
{
	return (test->needs & NEEDS_8_BITS && machine->pasid_bits == 8) ||
	       (test->needs & NEEDS_12_BITS && machine->pasid_bits == 12);
}

static bool suits(const struct conf_machine *machine, const struct conf_test *test)
{
	if (machine->pasid_bits || is_narrow(test))
		return suits_narrow(machine, test);
	if (machine->no_wait || machine->no_invalidate || machine->no_ad || is_control(test))
		return suits_control(machine, test);
	if (machine->delay_us)
		return test->needs & RUNS_SLOWLY;
	if (machine->ats_timeout_ms || test->needs & NEEDS_SHORT_TIMEOUT)
		return machine->ats_timeout_ms && test->needs & NEEDS_SHORT_TIMEOUT;
	if (test->needs & (NEEDS_NESTING | NEEDS_RID_NESTING) && machine->no_nesting)
		return false;
	if (test->needs & NEEDS_NO_NESTING && !machine->no_nesting)
		return false;
	if (test->needs & NEEDS_SNOOP && machine->no_snoop)
		return false;
	if (test->needs & NEEDS_NO_SNOOP && !machine->no_snoop)
		return false;
	return !(test->needs & NEEDS_DEFAULTS) || machine == &machines[0];
}

/* ---- skips ----------------------------------------------------------------------------------- */

static const struct conf_skip *skip_of(const struct conf_machine *machine,
				       const struct conf_test *test)
{
	const struct conf_skip *s = conf_home_under_test.skips;

	for (; s && s->test; s++) {
		if (!strcmp(s->test, test->name) &&
		    (!s->machine || !strcmp(s->machine, machine->name)))
			return s;
	}
	return NULL;
}

static void skipped(void **state)
{
	const struct conf_skip *s = *state;

	printf("# %s: %s\n", s->test, s->reason);
	skip();
}

static void lacking(void **state)
{
	printf("# %s\n", (const char *)*state);
	skip();
}

static void no_machine_and_no_reason_listed(void **state)
{
	fail_msg("no machine of this home suits %s, and the list of skips does not name it",
		 ((const struct conf_test *)*state)->name);
}

static void a_listed_skip_that_names_nothing(void **state)
{
	fail_msg("the list of skips names %s, which is no case", (const char *)*state);
}

static void too_many_skips(void **state)
{
	(void)state;
	printf("# %u of %u cases skipped\n", nr_skipped, nr_tests);
	if (nr_elsewhere)
		printf("# %u tests run where all devices are software ones\n", nr_elsewhere);
	if (nr_lacking)
		printf("# %u more are beyond this kernel\n", nr_lacking);
	assert_true(nr_skipped * 100 <= nr_tests * MAX_SKIPPED);
}

static int print_skips(void)
{
	const struct conf_skip *s = conf_home_under_test.skips;

	for (; s && s->test; s++)
		printf("| %s | %s | %s | %s |\n", conf_home_under_test.name, s->test,
		       s->machine ? s->machine : "all", s->reason);
	return 0;
}

/* ---- cases ------------------------------------------------------------------------------------- */

static struct CMUnitTest *add(const char *suite, const char *machine, const char *test,
			      const char *word)
{
	char *name = names[nr_tests];

	snprintf(name, sizeof(names[0]), "%s: %s: %s", suite, machine, test);
	if (word && !strstr(name, word))
		return NULL;
	if (nr_tests == MAX_TESTS)
		abort();
	tests[nr_tests].name = name;
	return &tests[nr_tests++];
}

static const char *lacks(const struct conf_test *test)
{
	return conf_home_under_test.lacks ? conf_home_under_test.lacks(test->needs) : NULL;
}

static void add_case(const struct conf_suite *suite, const struct conf_machine *machine,
		     const struct conf_test *test, const char *word)
{
	const struct conf_skip *skip = skip_of(machine, test);
	struct CMUnitTest *t = add(suite->name, machine->name, test->name, word);
	const char *reason = lacks(test);

	if (!t)
		return;
	if (reason && !skip) {
		nr_lacking++;
		t->test_func = lacking;
		t->initial_state = (void *)(uintptr_t)reason;
		return;
	}
	if (skip) {
		nr_skipped++;
		t->test_func = skipped;
		t->initial_state = (void *)(uintptr_t)skip;
		return;
	}
	if (machine == &no_machine) {
		t->test_func = no_machine_and_no_reason_listed;
		t->initial_state = (void *)(uintptr_t)test;
		return;
	}
	t->test_func = test->run;
	t->setup_func = fx_setup;
	t->teardown_func = fx_teardown;
	t->initial_state = (void *)(uintptr_t)machine;
}

static bool home_can(const struct conf_machine *machine)
{
	return !conf_home_under_test.can || conf_home_under_test.can(machine);
}

/* One test on all machines; on none is a case as well. */
static void add_test(const struct conf_suite *suite, const struct conf_test *test, const char *word)
{
	bool any = false;
	unsigned int m;

	if (conf_home_under_test.whole_only && test->needs & NEEDS_SLICES) {
		nr_elsewhere++;
		return;
	}
	for (m = 0; m < NR_MACHINES; m++) {
		if (suits(&machines[m], test) && home_can(&machines[m])) {
			add_case(suite, &machines[m], test, word);
			any = true;
		}
	}
	/* Whether the suite can fail is shown where machines can be made wrong. */
	if (!any && !is_control(test))
		add_case(suite, &no_machine, test, word);
}

static bool names_a_case(const struct conf_skip *s)
{
	unsigned int i;

	for (i = 0; i < nr_tests; i++) {
		if (tests[i].test_func == skipped && tests[i].initial_state == s)
			return true;
	}
	return false;
}

static void add_checks_of_skips(void)
{
	const struct conf_skip *s = conf_home_under_test.skips;
	struct CMUnitTest *t;

	for (; s && s->test; s++) {
		if (names_a_case(s))
			continue;
		t = add("skips", "none", s->test, NULL);
		t->test_func = a_listed_skip_that_names_nothing;
		t->initial_state = (void *)(uintptr_t)s->test;
	}
	t = add("skips", "all", "five_percent_at_most", NULL);
	t->test_func = too_many_skips;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	unsigned int s, t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (word && !strcmp(word, "--skips"))
		return print_skips();
	for (s = 0; s < NR_SUITES; s++) {
		for (t = 0; t < suites[s]->nr; t++)
			add_test(suites[s], &suites[s]->tests[t], word);
	}
	if (!word)
		add_checks_of_skips();
	return _cmocka_run_group_tests("conformance", tests, nr_tests, NULL, NULL);
}
