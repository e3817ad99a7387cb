// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a step says, and which steps are wanted. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

static char demo_text[512];
static int demo_result;

/* The first failure of a step stays: what comes after follows from it. */
static int demo_say(int result, const char *format, va_list args)
{
	if (demo_result == DEMO_FAIL)
		return DEMO_FAIL;
	demo_result = result;
	vsnprintf(demo_text, sizeof(demo_text), format, args);
	return result;
}

#define DEMO_SAY(result)                     \
	va_list args;                        \
	int rc;                              \
	va_start(args, format);              \
	rc = demo_say(result, format, args); \
	va_end(args);                        \
	return rc

int demo_ok(const char *format, ...)
{
	DEMO_SAY(DEMO_OK);
}

int demo_fail(const char *format, ...)
{
	DEMO_SAY(DEMO_FAIL);
}

int demo_skip(const char *format, ...)
{
	DEMO_SAY(DEMO_SKIP);
}

/* Is @name in the comma-separated list, or is there no list? */
bool demo_wanted(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at = list;

	if (!list || !*list)
		return true;
	while ((at = strstr(at, name))) {
		if ((at == list || at[-1] == ',') && (at[len] == ',' || !at[len]))
			return true;
		at += len;
	}
	return false;
}

int demo_step(const char *name, int (*run)(void))
{
	static const char *const words[] = { "OK", "FAILED", "SKIP" };
	int rc;

	demo_result = DEMO_OK;
	demo_text[0] = 0;
	rc = run();
	printf("STEP %s %s %s\n", name, words[rc], demo_text);
	return rc;
}
