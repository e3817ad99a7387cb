/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Lists of operations: drawn from a seed, or kept by name. */
#ifndef TESTS_ISOLATION_SEQUENCES_H
#define TESTS_ISOLATION_SEQUENCES_H

#include "tests/isolation/model.h"

extern const char *const op_names[NR_OPS];

/** sequence() - @steps operations that depend on @seed and @config alone. Return: @steps. */
unsigned int sequence(uint64_t seed, const struct m_config *config, struct op *ops,
		      unsigned int steps);

/** struct regression - a sequence that once failed, or that somebody thought of. */
struct regression {
	const char *name;
	const struct op *ops;
	unsigned int nr;
};
extern const struct regression regressions[];
extern const unsigned int nr_regressions;

#endif
