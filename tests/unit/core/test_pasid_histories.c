// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Short histories of the allocator, all of them; long ones are part 31. See histories.h. */
#include "alloc_model.h"
#include "histories.h"
#include "tests/unit/ut.h"

static void say(const char *line)
{
	ut_log("%s", line);
}

static void all(u8 numbers, u8 steps, u8 inside, bool merge)
{
	const struct histories_config config = {
		.numbers = numbers,
		.steps = steps,
		.inside = inside,
		.merge = merge,
		/* Handlers run where the kernel may not sleep. */
		.atomic = true,
		.say = say,
	};
	struct histories_count count;

	ut_assert_eq(histories_run(&config, &count), 0);
	ut_assert(count.histories > 100);
	ut_assert(!inside || count.events > 100);
}

/* One less where the processor is an emulated one. */
#define STEPS(n) (UT_STEPS(8) == 8 ? (n) : (n)-1)

UT_CASE(every_short_history)
{
	all(2, STEPS(3), 1, false);
}

UT_CASE(every_state_within_a_few_steps)
{
	all(2, STEPS(5), 1, true);
}

static void say_nothing(const char *line)
{
}

UT_CASE(a_model_with_a_mistake_is_found_out)
{
	struct histories_config config = {
		.numbers = 2,
		.steps = 4,
		.atomic = true,
		.wrong = AM_WRONG_GET_PENDING,
		.say = say_nothing,
	};
	struct histories_count count;

	ut_assert_eq(histories_run(&config, &count), -EIO);
}

UT_SUITE(pasid_histories, UT_ENTRY(every_short_history), UT_ENTRY(every_state_within_a_few_steps),
	 UT_ENTRY(a_model_with_a_mistake_is_found_out));
