/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Fields of a dump's lines; private to the files that make dumps. See core/dump.h for the form. */
#ifndef IOASID_CORE_DUMP_PRINT_H
#define IOASID_CORE_DUMP_PRINT_H

#include "core/dump.h"

/** dump_string() - ' field="text"', or ' field=-' for NULL; whatever it holds, a line stays a line. */
void dump_string(const struct ioasid_dump *d, const char *field, const char *text);
/** dump_number() - ' field=value'; IOASID_INVALID, in whichever sense, is nothing. */
void dump_number(const struct ioasid_dump *d, const char *field, u32 value);
/** dump_id() - the same for numbers that name something: 0 is nothing. */
void dump_id(const struct ioasid_dump *d, const char *field, u64 id);
/** dump_function_name() - the name of @fn, which is @dev's or has @dev as its only one. */
void dump_function_name(const struct ioasid_dump *d, const char *field,
			const struct ioasid_function *fn, const struct ioasid_device *dev);

#endif
