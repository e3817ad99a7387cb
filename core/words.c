// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The ABI's enumerations in words. */
#include "core/words.h"

#define BY_VALUE(value, word) [value] = word

static const char *const reasons[] = { IOAS_WORDS_REASON(BY_VALUE) };
static const char *const refusals[] = { IOAS_WORDS_REFUSAL(BY_VALUE) };
static const char *const classes[] = { IOAS_WORDS_CLASS(BY_VALUE) };
static const char *const kinds[] = { IOAS_WORDS_KIND(BY_VALUE) };

/* By bit number. */
static const char *const dev_caps[] = {
	"pasid", "delegated", "cpu",   "cpu-virt", "migratable", "ats",
	"pri",	 "nesting",   "snoop", "blocked",  "fenced",
};

#define LOOKUP(table, n) \
	((n) < sizeof(table) / sizeof((table)[0]) && (table)[n] ? (table)[n] : "unknown")

const char *ioas_word_reason(u32 reason)
{
	return LOOKUP(reasons, reason);
}

const char *ioas_word_refusal(u32 refusal)
{
	return LOOKUP(refusals, refusal);
}

const char *ioas_word_class(u32 dev_class)
{
	return LOOKUP(classes, dev_class);
}

const char *ioas_word_kind(u32 kind)
{
	return LOOKUP(kinds, kind);
}

const char *ioas_word_dev_cap(unsigned int bit)
{
	return LOOKUP(dev_caps, bit);
}
