// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <stdlib.h>

#include "demo.h"

/* Which kernels a step is for. */
#define DEMO_ANY  0
#define DEMO_SVA  1
#define DEMO_NONE 2 /* only where SVA is refused */

static const struct demo_step {
	const char *name;
	int (*run)(void);
	int kernels;
} demo_steps[] = {
	{ "boot", step_boot, DEMO_ANY },
	{ "unit", step_unit, DEMO_ANY },
	{ "rid-dma", step_rid, DEMO_ANY },
	{ "pasid-dma", step_pasid, DEMO_ANY },
	{ "sva-refused", step_refused, DEMO_NONE },
	{ "bind", step_bind, DEMO_SVA },
	{ "copy", step_copy, DEMO_SVA },
	{ "interrupt", step_interrupt, DEMO_SVA },
	{ "untouched", step_touch, DEMO_SVA },
	{ "fork", step_fork, DEMO_SVA },
	{ "remap", step_remap, DEMO_SVA },
	{ "isolation", step_isolation, DEMO_SVA },
	{ "bad-pointer", step_badptr, DEMO_SVA },
	{ "kill", step_kill, DEMO_SVA },
	{ "hostile", step_hostile, DEMO_SVA },
	{ "dirty", step_dirty, DEMO_SVA },
	{ "pagemap", step_pagemap, DEMO_SVA },
};

static bool demo_has_sva(void)
{
	return step_refused() != DEMO_OK;
}

static void demo_totals(unsigned int ok, unsigned int failed)
{
	struct accel_info info = { 0 };

	if (demo_info(&info))
		return;
	printf("TOTALS steps=%u failed=%u descriptors=%llu bytes=%llu page_requests=%llu "
	       "faults=%llu interrupts=%llu\n",
	       ok + failed, failed, info.counters[ACCEL_COUNTER_DESCRIPTORS],
	       info.counters[ACCEL_COUNTER_BYTES], info.counters[ACCEL_COUNTER_PAGE_REQUESTS],
	       info.counters[ACCEL_COUNTER_FAULTS], info.counters[ACCEL_COUNTER_INTERRUPTS]);
}

int main(void)
{
	const char *list = getenv("accel_steps"), *first = NULL;
	unsigned int i, count[3] = { 0 };
	int kernel, rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("accel_reboot"))
		demo_reboot_once();
	kernel = demo_has_sva() ? DEMO_SVA : DEMO_NONE;
	for (i = 0; i < sizeof(demo_steps) / sizeof(demo_steps[0]); i++) {
		const struct demo_step *step = &demo_steps[i];

		if ((step->kernels && step->kernels != kernel) || !demo_wanted(list, step->name))
			continue;
		rc = demo_step(step->name, step->run);
		count[rc]++;
		if (rc == DEMO_FAIL && !first)
			first = step->name;
	}
	demo_totals(count[DEMO_OK], count[DEMO_FAIL]);
	if (first)
		printf("DEMO FAILED %s\n", first);
	else
		printf("DEMO OK %s\n", kernel == DEMO_SVA ? "SVA" : "PASID");
	return first ? 1 : 0;
}
