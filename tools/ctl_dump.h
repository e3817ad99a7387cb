/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ioasidctl show, devices, trace: lines of "type name=value ...", as core/dump.h defines them, read
 * into JSON objects.
 *
 * A file may say anything: what is not such a line is skipped, and strings lose their control
 * characters before they reach a terminal.
 */
#ifndef IOASID_CTL_DUMP_H
#define IOASID_CTL_DUMP_H

#include <stdio.h>

#include "tools/ctl.h"

/* Kept in an object under this name: what it is. */
#define CTL_TYPE "type"

/**
 * ctl_dump_fields() - "name=value ..." into an object
 * @text: the fields, up to the end of the line
 * @to: object they are added to; "-", quoted or not, becomes null, decimal numbers become numbers,
 *      everything else is a string
 */
void ctl_dump_fields(const char *text, struct json_object *to);

/**
 * ctl_dump_read() - all lines of a file as an array of objects
 * @from: file
 *
 * An object that belongs to another is in its array named after its own type.
 *
 * Return: new reference.
 */
struct json_object *ctl_dump_read(FILE *from);

/** ctl_get_str() - field @name as text; "-" if there is none. Valid as long as @obj. */
const char *ctl_get_str(struct json_object *obj, const char *name);
/** ctl_get_num() - field @name as a number; @otherwise if it is none */
long long ctl_get_num(struct json_object *obj, const char *name, long long otherwise);
/** ctl_has() - is field @name there, and not null? */
bool ctl_has(struct json_object *obj, const char *name);
/** ctl_children() - array of the objects of type @type that belong to @obj, or NULL */
struct json_object *ctl_children(struct json_object *obj, const char *type);

/**
 * ctl_dump_open() - a file of debugfs/ioasid, or one named by the user
 * @from: the user's, NULL: none
 * @name: in debugfs
 *
 * Return: file; NULL after a message.
 */
FILE *ctl_dump_open(const char *from, const char *name);

#define CTL_DEBUGFS "/sys/kernel/debug/ioasid"

#endif
