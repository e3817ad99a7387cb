// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * All histories of the allocator up to a length against its model; tests/unit/core/histories.h.
 *
 *	model_alloc [-n NUMBERS] [-s STEPS] [-i INSIDE] [-m]
 *
 * -n 1 to 3 numbers, -s operations one after the other, -i operations inside handlers, -m each state
 * once. Without arguments: what `make check` runs.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/core/alloc_model.h"
#include "tests/unit/core/histories.h"

static void say(const char *line)
{
	printf("# %s\n", line);
}

static void say_nothing(const char *line)
{
}

/* A model that is wrong has to be found out. */
static int controls(void)
{
	struct histories_config config = { .numbers = 2, .steps = 4, .say = say_nothing };
	struct histories_count count;
	int bad = 0, rc;

	for (config.wrong = 1; config.wrong < AM_WRONGS; config.wrong++) {
		/* What goes on inside handlers alone shows there alone. */
		config.inside = config.wrong == AM_WRONG_EARLY;
		rc = histories_run(&config, &count);
		if (rc != -EIO)
			printf("# the model's mistake %u was not found: %d\n", config.wrong, rc);
		bad |= rc != -EIO;
	}
	printf("%sok - model-alloc: a model with a mistake is found out\n", bad ? "not " : "");
	fflush(stdout);
	return bad;
}

static int run(u8 numbers, u8 steps, u8 inside, bool merge)
{
	const struct histories_config config = {
		.numbers = numbers,
		.steps = steps,
		.inside = inside,
		.merge = merge,
		.say = say,
	};
	struct histories_count count;
	u64 began = ktime_get_ns();
	int rc = histories_run(&config, &count);

	printf("# %llu histories, %llu operations, %llu events, %llu states, %.1f s\n",
	       (unsigned long long)count.histories, (unsigned long long)count.steps,
	       (unsigned long long)count.events, (unsigned long long)count.states,
	       (double)(ktime_get_ns() - began) / 1e9);
	printf("%sok - model-alloc: %u numbers, %u steps, %u inside handlers, %s\n",
	       rc ? "not " : "", numbers, steps, inside,
	       merge ? "each state once" : "every history");
	fflush(stdout);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned int numbers = 2, steps = 3, inside = 1;
	bool merge = false;
	int opt;

	if (argc == 1)
		return !!(controls() | run(2, 3, 1, false) | run(2, 5, 1, true) |
			  run(3, 4, 1, true));
	while ((opt = getopt(argc, argv, "n:s:i:m")) != -1) {
		if (opt == 'n')
			numbers = (unsigned int)atoi(optarg);
		else if (opt == 's')
			steps = (unsigned int)atoi(optarg);
		else if (opt == 'i')
			inside = (unsigned int)atoi(optarg);
		else if (opt == 'm')
			merge = true;
		else
			return 2;
	}
	if (numbers < 1 || numbers > 3 || steps < 1 || steps > 12 || inside > 8)
		return 2;
	return !!run((u8)numbers, (u8)steps, (u8)inside, merge);
}
