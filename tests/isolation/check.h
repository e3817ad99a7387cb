/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A sequence of operations on the real thing and on the model. */
#ifndef TESTS_ISOLATION_CHECK_H
#define TESTS_ISOLATION_CHECK_H

#include "tests/isolation/model.h"

/**
 * struct tally - what was really done, so that a run that does nothing is not taken for a good one
 * @done, @refused: operations
 * @wires: numbers that led somewhere, host-wide ones among them, after each step
 * @taken: ENQCMDs
 * @open: answers that the design leaves open
 */
struct tally {
	uint64_t done[NR_OPS], refused[NR_OPS];
	uint64_t steps, numbers, wires, host_wide, taken, dedicated, open;
};
/** check_tally - in memory that children share; NULL: nobody counts. */
extern struct tally *check_tally;

/**
 * check_sequence() - do both agree all the way?
 * @wrong: a mistake of the model
 * @sparse: after each step one CPU submits, in turns; not all of them
 *
 * Return: true; false: the reason is on stdout.
 */
bool check_sequence(const struct m_config *config, enum wrong wrong, bool sparse,
		    const struct op *ops, unsigned int n);

#endif
