/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What all measuring programs share: the clock, and rows that are measured once per round and
 * reported by their medians.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MIN 15
#define ROUNDS_MAX 101
#define ROW_BASES  2

/* Whatever fails here leaves nothing worth measuring. */
#define must(call)                                                                    \
	do {                                                                          \
		long _rc = (long)(call);                                              \
		if (_rc < 0) {                                                        \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
				strerror((int)-_rc));                                 \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/** rng() - the same numbers in each run of the program. */
static inline uint64_t rng(void)
{
	static uint64_t state = 0x1234567;
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/**
 * struct row - something measured
 * @name, @unit: for the reader
 * @what: the baseline, in words, or NULL
 * @run: one sample; fills @baseline if the row has one, and @baseline[1] if it has a second
 * @what2: the second baseline, or NULL
 * @value, @base: samples, one per round
 * @ratio: of each round: what disturbs a round disturbs both
 * @n: rounds done
 */
struct row {
	const char *name;
	const char *unit;
	const char *what;
	double (*run)(double *baseline);
	const char *what2;
	double value[ROUNDS_MAX];
	double base[ROW_BASES][ROUNDS_MAX];
	double ratio[ROW_BASES][ROUNDS_MAX];
	unsigned int n;
};

/** row_wanted() - does @row begin with one of @prefixes (ended by NULL; none: all rows)? */
bool row_wanted(const struct row *row, char **prefixes);

/**
 * rows_measure() - every wanted row once per round, rows one after the other
 * @rows, @nr: rows
 * @rounds: 1 to ROUNDS_MAX
 * @prefixes: as row_wanted()
 */
void rows_measure(struct row *rows, unsigned int nr, unsigned int rounds, char **prefixes);

/** rows_report() - medians of what was measured, on stdout and, with @path, as JSON there. */
void rows_report(struct row *rows, unsigned int nr, const char *path);

#endif
