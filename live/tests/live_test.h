/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the tests of this folder share: cmocka, and descriptors counted so that none gets lost. */
#ifndef LIVE_TEST_H
#define LIVE_TEST_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** live_open_fds() - descriptors this process has open. */
static inline unsigned int live_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
