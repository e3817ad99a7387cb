/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Samples for rows: what is left of many short pieces of work when those are dropped in which
 * somebody else had the processor, and how much more two threads do than one.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

/** bench_sink - keeps the compiler from dropping a loop whose result nobody looks at. */
extern volatile uint64_t bench_sink;

/** best_of() - time per item of the best of many runs of @work, which does @n items, in ns. */
double best_of(uint64_t (*work)(void *arg), void *arg, uint64_t n);

/** mt_rate() - runs of @work per ns by @n threads (1 or 2) at once, in the best of many windows. */
double mt_rate(void (*work)(unsigned int index), unsigned int n);

/** mt_alu() - how much more work in registers only two threads do than one. */
double mt_alu(void);

#endif
