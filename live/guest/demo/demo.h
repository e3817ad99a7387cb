/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The demonstration inside the guest: one program, many steps. Each step prints one line
 *
 *	STEP name OK|FAILED|SKIP text with figures
 *
 * and measurements print BENCH name nanoseconds min max. A step that fails does not stop those
 * after it.
 */
#ifndef DEMO_H
#define DEMO_H

#include <ioasid_accel.h>
#include <ioasid_accel_hw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_PAGE 4096UL

/* Results of a step. */
#define DEMO_OK	  0
#define DEMO_FAIL 1
#define DEMO_SKIP 2

/**
 * demo_ok(), demo_fail(), demo_skip() - set the text of the step's line
 *
 * demo_fail() keeps the first text: what failed first is the cause. Return: DEMO_OK, DEMO_FAIL,
 * DEMO_SKIP, for `return demo_fail(...)`.
 */
int demo_ok(const char *format, ...) __attribute__((format(printf, 1, 2)));
int demo_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int demo_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** demo_step() - run a step and print its line. Return: its result. */
int demo_step(const char *name, int (*run)(void));
/** demo_wanted() - is @name in the comma-separated list, or is there no list? */
bool demo_wanted(const char *list, const char *name);

/** demo_now() - nanoseconds of a monotonic clock. */
uint64_t demo_now(void);

/** struct demo_stats - samples, sorted by demo_stats_done(). */
struct demo_stats {
	uint64_t *samples;
	unsigned int n, room;
};
int demo_stats_init(struct demo_stats *s, unsigned int room);
void demo_stats_add(struct demo_stats *s, uint64_t ns);
void demo_stats_done(struct demo_stats *s);
/** demo_stats_at() - the sample at @percent of the way; after demo_stats_done(). */
uint64_t demo_stats_at(const struct demo_stats *s, unsigned int percent);
void demo_stats_free(struct demo_stats *s);

/** demo_bench() - print a BENCH line: median, least and largest. */
void demo_bench(const char *name, const struct demo_stats *s);

/**
 * struct demo_queue - a work queue of this process
 * @ring: shared memory, so that a fork leaves it alone
 * @comps: a completion record for each slot of the ring
 * @tail: descriptors submitted
 */
struct demo_queue {
	int fd;
	unsigned int ring_lg2;
	volatile uint32_t *doorbell;
	struct accel_desc *ring;
	struct accel_comp *comps;
	uint32_t tail;
	struct accel_bind bind;
};

/** demo_queue_open() - open the device, bind, map the doorbell. Return: 0 or negative errno. */
int demo_queue_open(struct demo_queue *q, unsigned int ring_lg2);
void demo_queue_close(struct demo_queue *q);

/**
 * demo_submit() - hand over a descriptor; its completion record is filled in
 *
 * The caller keeps at most as many under way as the ring has. Return: the record.
 */
struct accel_comp *demo_submit(struct demo_queue *q, const struct accel_desc *desc);

/** demo_wait() - until @comp has a status. Return: it; ACCEL_COMP_PENDING after 10 s. */
uint32_t demo_wait(const struct accel_comp *comp);

/** demo_run() - one descriptor from start to end. Return: its status; @comp may be NULL. */
uint32_t demo_run(struct demo_queue *q, enum accel_op op, const void *src, void *dst, uint32_t len,
		  uint64_t operand, struct accel_comp *comp);

/** demo_map() - anonymous memory, private or shared, not touched. NULL: none. */
void *demo_map(size_t len, bool shared);

/** demo_is() - do @len bytes all have the value? */
bool demo_is(const void *mem, uint8_t value, size_t len);

/** demo_pattern() - bytes that depend on position and @seed. */
void demo_pattern(void *mem, size_t len, unsigned int seed);

/** demo_info() - ACCEL_IOC_INFO on a file of its own. */
int demo_info(struct accel_info *info);

/** demo_kmsg_open() - a descriptor at the end of the kernel's log. */
int demo_kmsg_open(void);
/** demo_kmsg_find() - wait up to a second for a line with both words; copied to @line. */
bool demo_kmsg_find(int fd, const char *a, const char *b, char *line, size_t size);
/** demo_file() - first line of a small file, without newline. Return: its length or -1. */
int demo_file(const char *path, char *line, size_t size);

/** demo_child() - fork; the child runs @run(@arg) and exits with its result. Return: pid or -1. */
int demo_child(int (*run)(void *arg), void *arg);
/** demo_reap() - wait for a child. Return: its exit status, 128 + signal, or -1. */
int demo_reap(int pid);

/**
 * demo_reboot_once() - restart the guest in the midst of work, the first time this is called
 *
 * The clock's year remembers that it was done.
 */
void demo_reboot_once(void);

/* The steps. */
int step_boot(void);
int step_unit(void);
int step_rid(void);
int step_pasid(void);
int step_refused(void);
int step_bind(void);
int step_copy(void);
int step_interrupt(void);
int step_touch(void);
int step_fork(void);
int step_remap(void);
int step_isolation(void);
int step_kill(void);
int step_badptr(void);
int step_hostile(void);
int step_dirty(void);
int step_pagemap(void);

#endif
