/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Lists of operations: drawn from a seed, or kept by name. */
#ifndef TESTS_MODEL_SEQUENCES_H
#define TESTS_MODEL_SEQUENCES_H

#include "tests/model/model.h"

#define OP_NAMES                                                                             \
	"OP_OPEN", "OP_CLOSE", "OP_ALLOC", "OP_FREE", "OP_MAP", "OP_MAP_TABLES", "OP_UNMAP", \
		"OP_UNMAP_ALL", "OP_BIND_TABLE", "OP_TREE", "OP_DEV_BIND", "OP_DEV_CLOSE",   \
		"OP_RESET", "OP_ATTACH", "OP_DETACH", "OP_ATTACH_PASID", "OP_DETACH_PASID",  \
		"OP_SET_HWID", "OP_SET_HWID_DEV", "OP_SET_ANY", "OP_CLEAR_HWID", "OP_CLEAR_ALL"

/** sequence() - @steps operations that depend on @seed alone. Return: @steps. */
unsigned int sequence(uint64_t seed, struct op *ops, unsigned int steps);

/** struct regression - a sequence that once failed, or that somebody thought of. */
struct regression {
	const char *name;
	const struct op *ops;
	unsigned int nr;
};
#define NR_REGRESSIONS 3
extern const struct regression regressions[NR_REGRESSIONS];

#endif
