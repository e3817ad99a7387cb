/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What tests of dumps share: text that is printed is collected and looked at. */
#ifndef TESTS_UNIT_CORE_PAPER_H
#define TESTS_UNIT_CORE_PAPER_H

#include "core/dump.h"
#include "tests/unit/ut.h"

#define PAPER_ROOM 65536U

/** struct paper - text printed so far */
struct paper {
	char *text;
	size_t used;
};

static void paper_print(const struct ioasid_dump *d, const char *fmt, ...)
{
	struct paper *p = d->priv;
	__builtin_va_list args;
	int n;

	__builtin_va_start(args, fmt);
	n = vsnprintf(p->text + p->used, PAPER_ROOM - p->used, fmt, args);
	__builtin_va_end(args);
	ut_assert(n >= 0 && (size_t)n < PAPER_ROOM - p->used);
	p->used += (size_t)n;
}

/** paper_make() - an empty one; p->text is to be freed with kvfree(). */
static inline struct paper paper_make(void)
{
	struct paper p = { .text = kvcalloc(1, PAPER_ROOM, GFP_KERNEL) };

	ut_assert(p.text);
	return p;
}

/** paper_count() - how often does @word stand in @text? */
static inline unsigned int paper_count(const char *text, const char *word)
{
	unsigned int n = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		n++;
	return n;
}

/** paper_has() - @line stands in @text. */
static inline void paper_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		ut_log("missing: %s", line);
	ut_assert(strstr(text, line));
}

#endif
