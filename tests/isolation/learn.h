/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What DMA showed, held against the model; and what the model learns from it of the host's picks. */
#ifndef TESTS_ISOLATION_LEARN_H
#define TESTS_ISOLATION_LEARN_H

#include <stddef.h>

#include "tests/isolation/model.h"

/** struct m_seen - a number on a RID that was seen to lead somewhere. */
struct m_seen {
	int function;
	uint32_t number;
	int tag;
	bool explained;
};

enum { MAX_SEEN = 8192 };

/** struct m_scan - every number that leads somewhere, on every RID. */
struct m_scan {
	struct m_seen seen[MAX_SEEN];
	unsigned int nr;
};

/**
 * learn() - is all that was seen as the model says, and nothing else?
 * @scan: what was seen
 * @last: what was seen after the step before
 *
 * What a pick's number is follows if only one number can be it: one that leads where the pick must lead,
 * on all RIDs, in its range, that nobody else has, and that led nowhere when the pick did not. Equal
 * picks (two slices in one space) stay open until something tells them apart.
 *
 * Return: true; false with *@why.
 */
bool learn(struct model *m, struct m_scan *scan, const struct m_scan *last, char *why, size_t size);

#endif
