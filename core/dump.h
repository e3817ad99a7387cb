/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What there is, for people: the objects of a machine printed one by one. For the administrator of
 * the host only, since wire numbers are shown.
 *
 * One object is one line: its type, then fields "name=value". Strings are in double quotes and hold
 * neither quotes nor control characters; "-" stands for nothing. An object belongs to the nearest
 * line above it that is indented less (two blanks a level). New fields and types may appear; readers
 * skip what they do not know.
 */
#ifndef IOASID_CORE_DUMP_H
#define IOASID_CORE_DUMP_H

#include "core/home.h"

/**
 * struct ioasid_dump - where a dump goes; the home's callbacks
 * @print: add to the output; called with locks of the core held: it must not copy to a user
 * @device_name: name of a device for people; valid while the device is registered
 * @iommu_name: what is in front of @dev; NULL: nothing that has a name
 * @function_name: name of a function that the home made; valid while it is there. Others have the name of
 *                 their device
 * @requester: Requester ID of a function that the home made, or, @fn NULL, of one that is @dev alone;
 *             -1: it has none, or none is known
 * @priv: the home's
 */
struct ioasid_dump {
	void (*print)(const struct ioasid_dump *d, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
	const char *(*device_name)(const struct ioasid_device *dev);
	const char *(*iommu_name)(const struct ioasid_device *dev);
	const char *(*function_name)(const struct ioasid_function *fn);
	s32 (*requester)(const struct ioasid_function *fn, const struct ioasid_device *dev);
	void *priv;
};

/**
 * struct ioasid_dump_cursor - how far a dump has come; all zero at the start
 *
 * A dump is made in steps of a few lines, and locks are held during a step only. So each line is
 * true at some moment, but objects may come, change and go between two steps.
 */
struct ioasid_dump_cursor {
	u32 phase;
	u32 index;
	u32 sub;
};

/**
 * ioasid_dump_live() - numbers of live objects, one "name value" per line
 * @machine: machine
 * @d: output
 *
 * Each number is exact at some moment during the call. Takes machine->lock.
 */
void ioasid_dump_live(struct ioasid_machine *machine, const struct ioasid_dump *d);

/**
 * ioasid_dump_context() - the next lines about a context
 * @ctx: context, referenced; may be closed
 * @d: output
 * @at: where to go on; the same @at gives the same objects again
 *
 * Takes the context's lock for reading.
 * Return: true: @at was moved on, there may be more; false: that was all.
 */
bool ioasid_dump_context(struct ioasid_ctx *ctx, const struct ioasid_dump *d,
			 struct ioasid_dump_cursor *at);

/**
 * ioasid_dump_devices() - the next lines about a machine's devices, bound or not
 * @machine: machine
 * @d: output
 * @at: as above
 *
 * Takes machine->lock. Return: as above.
 */
bool ioasid_dump_devices(struct ioasid_machine *machine, const struct ioasid_dump *d,
			 struct ioasid_dump_cursor *at);

/**
 * ioasid_dump_functions() - the next lines about the host and its functions
 * @machine: machine
 * @d: output
 * @at: as above
 *
 * A "host" line, then functions, each with its devices and the numbers on its wire: those that lead
 * somewhere, those that are pending, and those found to be the kernel's. Takes machine->lock, and a
 * function's lock inside. Return: as above.
 */
bool ioasid_dump_functions(struct ioasid_machine *machine, const struct ioasid_dump *d,
			   struct ioasid_dump_cursor *at);

/**
 * ioasid_dump_sets() - the next lines about the allocator of host-wide numbers
 * @machine: machine
 * @d: output
 * @at: as above
 *
 * One "allocator" line, "set" lines, and a "number" line for each number that was freed and is still
 * held, with how many references each kind of holder has and how often the allocator itself has it
 * pinned (handlers that run, works, iterations). Takes machine->pasids.lock for a few records at a
 * time. Sleeps. Return: as above.
 */
bool ioasid_dump_sets(struct ioasid_machine *machine, const struct ioasid_dump *d,
		      struct ioasid_dump_cursor *at);

/**
 * ioasid_dump_limit_next() - go through the groups of limits, parents before their children
 * @machine: machine
 * @after: where to go on, as returned before; its reference is taken over. NULL: at the beginning
 *
 * The reference holds the place, however long the reader takes. Who stops early drops it with
 * limit_group_put().
 *
 * Return: the next group with a reference; NULL: that was all.
 */
struct limit_group *ioasid_dump_limit_next(struct ioasid_machine *machine,
					   struct limit_group *after);
/** ioasid_dump_limit() - the line of one group, true at one moment. Takes the tree's lock. */
void ioasid_dump_limit(struct limit_group *group, const struct ioasid_dump *d);

#endif
