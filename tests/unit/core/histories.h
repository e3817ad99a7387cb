/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * All histories of the allocator up to a length, each compared with the model (alloc_model.h): what
 * every operation answers, which handlers hear what in which order, and how each of them and everybody
 * afterwards finds numbers, references, private numbers, quotas and charges.
 *
 * Where a handler runs, another user's operation may come: there the histories branch too. It is made
 * right there, as another task would make it; what a handler itself may not do is tried every time
 * and has to be refused.
 */
#ifndef TESTS_UNIT_CORE_HISTORIES_H
#define TESTS_UNIT_CORE_HISTORIES_H

#include "core/pasid_alloc.h"

/**
 * struct histories_config - which histories
 * @numbers: 1 to AM_NUMBERS
 * @steps: operations one after the other
 * @inside: operations inside handlers, of one history
 * @merge: go on from each state once only: far longer histories, not all of them
 * @atomic: operations inside handlers must not sleep, and handlers come and go at the start only
 * @wrong: the model is wrong on purpose, see enum am_wrong: that has to be found
 * @say: a line for the reader
 */
struct histories_config {
	u8 numbers;
	u8 steps;
	u8 inside;
	bool merge;
	bool atomic;
	u8 wrong;
	void (*say)(const char *line);
};

/** struct histories_count - what was done */
struct histories_count {
	u64 histories;
	u64 steps;
	u64 events;
	u64 states;
};

/** histories_run() - Return: 0; -EIO: a difference, which was said; -ENOMEM. Sleeps. */
int histories_run(const struct histories_config *config, struct histories_count *count);

#endif
