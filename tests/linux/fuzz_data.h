/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The ABI as data: what tests/linux/fuzz_table.py makes of include/uapi/linux/ioasid*.syz. */
#ifndef TESTS_LINUX_FUZZ_DATA_H
#define TESTS_LINUX_FUZZ_DATA_H

#include <stdint.h>

enum fuzz_kind {
	F_ARGSZ,
	F_ZERO, /* reserved */
	F_BITS, /* any of a set, ORed */
	F_ONE, /* one of a set */
	F_LEN, /* entries or bytes of an array */
	F_POINTER, /* to memory of ours */
	F_VMA, /* memory to be mapped */
	F_NAME,
	F_BYTES,
	F_FD, /* any descriptor */
	F_RESOURCE, /* something a former command returned */
	F_RANGE, /* low to high */
	F_INT,
};

struct fuzz_set {
	unsigned int nr;
	uint64_t values[32];
};

#define F_IN  1
#define F_OUT 2

/**
 * struct fuzz_member - a member of an argument
 * @dir: F_IN | F_OUT
 * @set: F_BITS, F_ONE: index of the set; F_RESOURCE: of the resource
 * @alternatives: this and as many less one behind it are ways to see the same member; 0: one
 * @tame: keep to the values of the description
 */
struct fuzz_member {
	const char *name;
	uint16_t offset, size;
	uint8_t dir;
	enum fuzz_kind kind;
	uint16_t set;
	uint8_t alternatives;
	uint8_t tame;
	uint64_t low, high;
};

/** struct fuzz_command - @on: resource of the descriptor it is for. */
struct fuzz_command {
	const char *name;
	unsigned long cmd;
	unsigned int on;
	uint16_t size;
	uint16_t nr;
	const struct fuzz_member *members;
};

#include "fuzz_table.h"

#endif
