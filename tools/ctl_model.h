/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioasidctl show, graph: what a host has, read from its dumps (core/dump.h), and how it hangs together. */
#ifndef IOASID_CTL_MODEL_H
#define IOASID_CTL_MODEL_H

#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

/**
 * struct ctl_pick - which contexts are wanted
 * @context, @pid: only these; 0: all
 */
struct ctl_pick {
	u64 context;
	u64 pid;
};

#define CTL_PICK_CONTEXT 'c'
#define CTL_PICK_PID	 'p'
#define CTL_PICK_OPTIONS                                          \
	{ "context", required_argument, NULL, CTL_PICK_CONTEXT }, \
	{                                                         \
		"pid", required_argument, NULL, CTL_PICK_PID      \
	}
#define CTL_PICK_HELP                                                           \
	"  --context ID  only the context with that number, and what it uses\n" \
	"  --pid PID     only contexts that this process opened\n"
/* What is read, for those who look at a copy. */
#define CTL_MODEL_FROM_HELP                                        \
	"  --from FILE   a copy of " CTL_DEBUGFS "/contexts and\n" \
	"                functions, one after the other, instead\n"

/** ctl_pick_option() - one of the two options. Return: CTL_OK, CTL_ERROR after a message, -1: another. */
int ctl_pick_option(struct ctl_pick *pick, int opt, const char *arg);

/**
 * struct ctl_model - a host
 * @host: fields of the host itself, or NULL
 * @contexts: array of those that are wanted; @functions: of those their devices are on, of all if
 *            all contexts are wanted
 */
struct ctl_model {
	struct json_object *host;
	struct json_object *contexts;
	struct json_object *functions;
};

/** ctl_model_read() - Return: CTL_OK, or CTL_ERROR after a message, and nothing is to be freed. */
int ctl_model_read(struct ctl_model *model, const struct ctl_source *source,
		   const struct ctl_pick *pick);
void ctl_model_free(struct ctl_model *model);

/** ctl_count() - elements of an array; NULL: none. ctl_at() - borrowed. */
size_t ctl_count(struct json_object *list);
struct json_object *ctl_at(struct json_object *list, size_t i);

/**
 * ctl_wire() - what goes on the wire for the PASID of a route
 * @route: route
 * @text, @size: where to write: "5", "5, 33000" or "33000"; "-" if nothing does
 */
void ctl_wire(struct json_object *route, char *text, size_t size);

/**
 * ctl_cpu_entries() - what the CPUs of a context translate
 * @ctx: context
 *
 * Return: array of routes, one for each PASID in the table; new reference.
 */
struct json_object *ctl_cpu_entries(struct json_object *ctx);

/** ctl_no_migration() - why a context cannot be saved: its words one by one; NULL: no more of them */
const char *ctl_no_migration(struct json_object *ctx, const char **at);

/** ctl_portal() - what a device's portal is like, in words; NULL: it has none */
const char *ctl_portal(struct json_object *dev);

/**
 * struct ctl_ranges - numbers of a function as text, in pieces
 * @fn: function; @state: "live", "pending" or "host"
 * @at: range that comes next
 */
struct ctl_ranges {
	struct json_object *fn;
	const char *state;
	size_t at;
};

/** ctl_ranges_next() - "5" or "17-40". Return: false: that was all; @numbers: how many, may be NULL. */
bool ctl_ranges_next(struct ctl_ranges *r, char *text, size_t size, u64 *numbers);

#endif
