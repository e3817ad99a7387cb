// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The published allocator in a process; see allocator_calls.h. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <ioasid/allocator.h>

#define is_err	ioasid_is_err
#define ptr_err ioasid_ptr_err
#include "allocator_calls.h"

static void good(const char *failed)
{
	if (failed)
		fail_msg("%s", failed);
}

static void every_function_is_there(void **state)
{
	good(functions_are_there(&allocator_table));
}

/* A process that nobody named is one without structure: any address will do to look for its set. */
static void handlers_are_refused(void **state)
{
	static long mm;

	good(handlers_refuse((struct mm_struct *)&mm));
}

/* Inside a DMA section nobody may sleep: invalidations wait for it. The library ends the program. */
static void sleeping_in_a_section_is_noticed(void **state)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	int status = 0;
	pid_t pid;

	assert_false(ioasid_is_err(set));
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		ioasid_dma_enter();
		ioasid_alloc(set, 1, 10, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	/* What does not sleep may be called there. */
	ioasid_dma_enter();
	assert_int_equal(ioasid_get(set, 1), -EINVAL);
	assert_true(ioasid_find_by_spid(set, 1, false) == INVALID_IOASID);
	ioasid_dma_exit();
	assert_int_equal(ioasid_set_free(set), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_is_there),
		cmocka_unit_test(handlers_are_refused),
		cmocka_unit_test(sleeping_in_a_section_is_noticed),
	};

	return cmocka_run_group_tests_name("allocator", tests, NULL, NULL);
}
