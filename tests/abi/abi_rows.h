/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Every command of the ABI, as its header describes it: written down a second time and on purpose
 * not taken from the dispatcher, so that the two are compared.
 */
#ifndef TESTS_ABI_ROWS_H
#define TESTS_ABI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

/** struct abi_out - a field marked [out]. */
struct abi_out {
	uint16_t offset, size;
};

/** ABI_GROUP - path of a group of limits, in-process. */
#define ABI_GROUP "/abi"

/**
 * struct abi_world - live objects that valid arguments name
 * @group: descriptor of a cgroup's directory; -1: ABI_GROUP
 */
struct abi_world {
	struct ioasid *ctx;
	struct ioasid_dev *bound, *idle;
	uint32_t kernel, user;
	void *page;
	uint64_t cookie;
	char buffer[256];
	int group;
};

/**
 * struct abi_row - a command
 * @name: as in the header
 * @cmd: number
 * @device: on a device descriptor
 * @size: of its structure
 * @min: end of the last field that is not reserved
 * @flags: flags it knows
 * @reserved: offset of its reserved u32; 0: none
 * @out: [out] fields, ended by size 0
 * @valid: make @arg (zeroed, argsz set) a valid argument
 * @rc: what a valid argument answers
 * @undo: after a success: take it back
 */
struct abi_row {
	const char *name;
	unsigned long cmd;
	bool device;
	uint16_t size, min;
	uint32_t flags;
	uint16_t reserved;
	struct abi_out out[20];
	void (*valid)(struct abi_world *w, void *arg);
	int rc;
	void (*undo)(struct abi_world *w, void *arg);
};
extern const struct abi_row abi_rows[];
extern const unsigned int abi_nr_rows;

#endif
