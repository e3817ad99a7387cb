/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Where ioasidctl looks: at the kernel (debugfs), at a host in a process (its socket, see
 * <ioasid/host.h>), or at a copy in a file.
 */
#ifndef IOASID_CTL_HOST_H
#define IOASID_CTL_HOST_H

#include <stdio.h>

#include "tools/ctl.h"

/* Environment: a host's socket, where --host is not given. */
#define CTL_HOST_ENV "IOASID_HOST"

/**
 * struct ctl_source - where to look; all NULL: at the kernel
 * @file: a copy
 * @host: socket of a host
 */
struct ctl_source {
	const char *file;
	const char *host;
};

#define CTL_OPT_FROM 'f'
#define CTL_OPT_HOST 'H'
/* For the table of options, and the string of short ones. */
#define CTL_HOST_OPTION                                       \
	{                                                     \
		"host", required_argument, NULL, CTL_OPT_HOST \
	}
#define CTL_FROM_OPTION                                       \
	{                                                     \
		"from", required_argument, NULL, CTL_OPT_FROM \
	}
#define CTL_HOST_SHORT "H:"
#define CTL_HOST_HELP                                                                 \
	"  -H, --host SOCKET  ask the in-process host that serves there instead of\n" \
	"                the kernel (also: environment " CTL_HOST_ENV ")\n"

/**
 * ctl_source_option() - handle one of the two options
 * Return: true; false: it is another option.
 */
bool ctl_source_option(struct ctl_source *source, int opt, const char *arg);

/** ctl_source_finish() - no more options: look into the environment. CTL_OK, or CTL_ERROR after a message. */
int ctl_source_finish(struct ctl_source *source);

/**
 * ctl_source_open() - what is said about @name ("contexts", "functions", "devices", "sets", "limits")
 * Return: file; NULL after a message.
 */
FILE *ctl_source_open(const struct ctl_source *source, const char *name);

/** ctl_source_read() - the same, objects added to the array @all. CTL_OK, or CTL_ERROR after a message. */
int ctl_source_read(const struct ctl_source *source, const char *name, struct json_object *all);

/**
 * ctl_host_ask() - one question to a host
 * @socket: where it serves
 * @fmt: the request, without end of line
 *
 * Return: the whole answer, its last line taken off; NULL after a message.
 */
FILE *ctl_host_ask(const char *socket, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
