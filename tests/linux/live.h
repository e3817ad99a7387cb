/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What is alive in the kernel, from debugfs and /proc/modules, to see that nothing was left behind.
 * Nobody else may use /dev/ioasid meanwhile.
 */
#ifndef TESTS_LINUX_LIVE_H
#define TESTS_LINUX_LIVE_H

#include <stdio.h>
#include <string.h>

#define LIVE_PATH "/sys/kernel/debug/ioasid/live"

/** struct live - the text of the counters, compared as a whole. */
struct live {
	char counters[1024];
	unsigned int module_users;
};

static inline void live_take(struct live *live)
{
	char name[64];
	unsigned int users;
	FILE *f;
	size_t n = 0;

	memset(live, 0, sizeof(*live));
	f = fopen(LIVE_PATH, "r");
	if (f) {
		n = fread(live->counters, 1, sizeof(live->counters) - 1, f);
		fclose(f);
	}
	live->counters[n] = 0;
	f = fopen("/proc/modules", "r");
	while (f && fscanf(f, "%63s %*u %u %*[^\n]", name, &users) == 2) {
		if (!strncmp(name, "ioasid", 6))
			live->module_users += users;
	}
	if (f)
		fclose(f);
}

static inline int live_differs(const struct live *a)
{
	struct live b;

	live_take(&b);
	if (!strcmp(a->counters, b.counters) && a->module_users == b.module_users)
		return 0;
	printf("# before: module users %u\n# %s\n# now: module users %u\n# %s\n", a->module_users,
	       a->counters, b.module_users, b.counters);
	return 1;
}

#endif
