/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The ABI fuzzer, between its own files.
 *
 *   fuzz_table.py   makes fuzz_table.h from include/uapi/linux/ioasid*.syz
 *   fuzz_arg.c      values, arguments and where they lie in memory; one random command
 *   fuzz_world.c    what a seed starts with, sequences that have to succeed, everything that is no
 *                   command: fault descriptor, nodes, memory under our feet
 *   fuzz_judge.c    what has been reached, what must be true after a seed
 *   fuzz_abi.c      seeds, processes, threads, the verdict
 */
#ifndef TESTS_LINUX_FUZZ_H
#define TESTS_LINUX_FUZZ_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz_data.h"

#define PAGE	      4096UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what all processes share ---------------------------------------------------------------- */

#define MAX_ERRNO 134

/** struct fuzz_cover - how a command was answered; index MAX_ERRNO: an errno beyond. */
struct fuzz_cover {
	atomic_ulong calls, ok;
	atomic_ulong err[MAX_ERRNO + 1];
};

/**
 * struct fuzz_shared - @complaints: cases of a broken rule; the first few are kept in words
 * @sim: there are software devices; @node: name of another device, one process at a time, or NULL
 * @group: there is FUZZ_GROUP
 */
struct fuzz_shared {
	struct fuzz_cover cover[NR_COMMANDS];
	atomic_ulong other; /* calls that are no command */
	bool sim, group;
	const char *node;
	atomic_uint complaints;
	char complaint[8][160];
};

/* ---- one process -------------------------------------------------------------------------------- */

#define POOL_SIZE 12

/** struct fuzz_pool - live and stale values of a resource. */
struct fuzz_pool {
	unsigned int nr;
	uint32_t values[POOL_SIZE];
};

/**
 * struct fuzz - a process that runs one seed
 * @seed: what everything random comes from
 * @arena: memory to map for DMA, ARENA bytes; @uffd_page: a page whose faults another thread fills
 * @lock: @pools
 * @privileged: runs as root
 * @done: threads end
 * @portal: number of a software device with queues
 * @victim, @victim_size: an argument on its way, for the thread that changes it; NULL: none; both
 *                        under @victim_lock
 */
struct fuzz {
	struct fuzz_shared *shared;
	uint64_t seed;
	uint8_t *arena;
	uint8_t *uffd_page;
	pthread_mutex_t lock;
	struct fuzz_pool pools[NR_RESOURCES];
	bool privileged;
	uint32_t portal;
	atomic_bool done;
	pthread_mutex_t victim_lock;
	volatile uint8_t *volatile victim;
	size_t victim_size;
};
#define ARENA (256 * PAGE)

/** FUZZ_GROUP - a cgroup that is the fuzzer's own, if whoever runs it made one. */
#define FUZZ_GROUP "/sys/fs/cgroup/ioasid-fuzz"

/**
 * struct fuzz_thread - a thread that issues commands
 * @room: its pages for arguments: three to write, one read-only, one without access
 */
struct fuzz_thread {
	struct fuzz *f;
	uint64_t rng;
	uint8_t *room;
	pthread_t id;
};

/* ---- fuzz_arg.c ----------------------------------------------------------------------------------- */
extern const struct fuzz_command *const commands;
extern const char *const *const resource_names;
uint64_t rnd(struct fuzz_thread *t);
/** rnd_below() - 0 .. n - 1. */
uint64_t rnd_below(struct fuzz_thread *t, uint64_t n);
/** one_in() - true once in @n. */
bool one_in(struct fuzz_thread *t, unsigned int n);
bool thread_init(struct fuzz_thread *t, struct fuzz *f, uint64_t seed);
bool is_descriptor(unsigned int resource);
void pool_add(struct fuzz_thread *t, unsigned int resource, uint32_t value);
/** pool_pick() - a value of the pool, or IOASID_INVALID. */
uint32_t pool_pick(struct fuzz_thread *t, unsigned int resource);
/** command_index() - row of a command. */
unsigned int command_index(unsigned long cmd);
/** counted() - issue a command with a well-formed argument and count it. Return: 0 or -errno. */
int counted(struct fuzz *f, int fd, unsigned long cmd, void *arg);
/** random_command() - any command, any argument, anywhere. */
void random_command(struct fuzz_thread *t);
/** node_open() - the node of a device. */
void node_open(struct fuzz_thread *t, const char *name);
/** wild() - a value chosen for doing harm. */
uint64_t wild(struct fuzz_thread *t);

/* ---- fuzz_world.c ---------------------------------------------------------------------------------- */
/** devices_make() - IOMMU and devices of this seed, as root. */
void devices_make(struct fuzz_thread *t);
/** world_make() - contexts, address spaces, bound devices. */
void world_make(struct fuzz_thread *t);
/** world_tour() - every sequence that has to succeed, once. */
void world_tour(struct fuzz_thread *t);
/** random_step() - one step of a seed. */
void random_step(struct fuzz_thread *t);
/** release_holds() - what keeps invalidations waiting ends. */
void release_holds(struct fuzz *f);

/* ---- fuzz_judge.c ----------------------------------------------------------------------------------- */
void complain(struct fuzz_shared *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** struct fuzz_gauge - what has to be the same before and after. */
struct fuzz_gauge {
	char live[2048];
	long pinned;
	long free_kib, slab_kib;
};
/** memory_kept_kib() - what this kernel may keep of freed memory, to find who uses it. */
long memory_kept_kib(void);
/** caches_drop() - before memory is to be compared. */
void caches_drop(void);
void gauge_read(struct fuzz_gauge *g);
/** gauge_compare() - true: nothing is left of what ran in between. Complains in TAP comments. */
bool gauge_compare(const struct fuzz_gauge *before, const struct fuzz_gauge *after);
/** cover_print() - the table; cover_judge() - TAP lines, @n: number of the next. true: all good. */
void cover_print(struct fuzz_shared *s);
bool cover_judge(struct fuzz_shared *s, unsigned int *n);
bool tap(bool ok, unsigned int *n, const char *text);

#endif
