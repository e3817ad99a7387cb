// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl: reads what a host has; see ctl_model.h. */
#include <json.h>
#include <string.h>

#include "tools/ctl_model.h"

/* ---- options ---------------------------------------------------------------------------------- */

int ctl_pick_option(struct ctl_pick *pick, int opt, const char *arg)
{
	if (opt == CTL_PICK_CONTEXT)
		return ctl_number_arg("--context", arg, INT64_MAX, &pick->context) ? CTL_OK :
										     CTL_ERROR;
	if (opt == CTL_PICK_PID)
		return ctl_number_arg("--pid", arg, UINT32_MAX, &pick->pid) ? CTL_OK : CTL_ERROR;
	return -1;
}

static bool wanted(const struct ctl_pick *pick, struct json_object *ctx)
{
	if (pick->context && ctl_get_num(ctx, "id", -1) != (long long)pick->context)
		return false;
	return !pick->pid || ctl_get_num(ctx, "pid", -1) == (long long)pick->pid;
}

/* ---- reading ---------------------------------------------------------------------------------- */

size_t ctl_count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

struct json_object *ctl_at(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

/* Names of the functions that the devices of the wanted contexts are on. */
static struct json_object *used_functions(struct json_object *contexts)
{
	struct json_object *names = json_object_new_object(), *devs;
	size_t i, j;

	for (i = 0; i < ctl_count(contexts); i++) {
		devs = ctl_children(ctl_at(contexts, i), "device");
		for (j = 0; j < ctl_count(devs); j++)
			json_object_object_add(names, ctl_get_str(ctl_at(devs, j), "function"),
					       NULL);
	}
	return names;
}

static void choose_functions(struct ctl_model *m, struct json_object *all, bool only_used)
{
	struct json_object *used = used_functions(m->contexts), *obj;
	size_t i;

	for (i = 0; i < ctl_count(all); i++) {
		obj = ctl_at(all, i);
		if (strcmp(ctl_get_str(obj, CTL_TYPE), "function"))
			continue;
		if (!only_used || json_object_object_get_ex(used, ctl_get_str(obj, "name"), NULL))
			json_object_array_add(m->functions, json_object_get(obj));
	}
	json_object_put(used);
}

static void choose(struct ctl_model *m, struct json_object *all, const struct ctl_pick *pick)
{
	struct json_object *obj;
	const char *type;
	size_t i;

	for (i = 0; i < ctl_count(all); i++) {
		obj = ctl_at(all, i);
		type = ctl_get_str(obj, CTL_TYPE);
		if (!strcmp(type, "host") && !m->host)
			m->host = json_object_get(obj);
		if (!strcmp(type, "context") && wanted(pick, obj))
			json_object_array_add(m->contexts, json_object_get(obj));
	}
	choose_functions(m, all, pick->context || pick->pid);
}

int ctl_model_read(struct ctl_model *model, const struct ctl_source *source,
		   const struct ctl_pick *pick)
{
	struct json_object *all = json_object_new_array();
	int rc = ctl_source_read(source, "contexts", all);

	if (rc == CTL_OK && !source->file)
		rc = ctl_source_read(source, "functions", all);
	if (rc == CTL_OK) {
		*model = (struct ctl_model){
			.contexts = json_object_new_array(),
			.functions = json_object_new_array(),
		};
		choose(model, all, pick);
	}
	json_object_put(all);
	return rc;
}

void ctl_model_free(struct ctl_model *model)
{
	json_object_put(model->host);
	json_object_put(model->contexts);
	json_object_put(model->functions);
}

/* ---- in words --------------------------------------------------------------------------------- */

void ctl_wire(struct json_object *route, char *text, size_t size)
{
	bool local = ctl_has(route, "ppasid"), global = ctl_has(route, "global");

	snprintf(text, size, "%s%s%s", local || !global ? ctl_get_str(route, "ppasid") : "",
		 local && global ? ", " : "", global ? ctl_get_str(route, "global") : "");
}

const char *ctl_portal(struct json_object *dev)
{
	static const char *const words[][2] = {
		{ "open", "open" },
		{ "closed", "closed" },
		{ "closed-local", "closed: its numbers are local while the CPUs translate" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(ctl_get_str(dev, "portal"), words[i][0]))
			return words[i][1];
	}
	return NULL;
}

struct json_object *ctl_cpu_entries(struct json_object *ctx)
{
	struct json_object *seen = json_object_new_object(), *list = json_object_new_array();
	struct json_object *devs = ctl_children(ctx, "device"), *routes, *route;
	size_t i, j;

	for (i = 0; i < ctl_count(devs); i++) {
		routes = ctl_children(ctl_at(devs, i), "route");
		for (j = 0; j < ctl_count(routes); j++) {
			route = ctl_at(routes, j);
			if (!ctl_get_num(route, "cpu", 0) ||
			    json_object_object_get_ex(seen, ctl_get_str(route, "vpasid"), NULL))
				continue;
			json_object_object_add(seen, ctl_get_str(route, "vpasid"), NULL);
			json_object_array_add(list, json_object_get(route));
		}
	}
	json_object_put(seen);
	return list;
}

const char *ctl_no_migration(struct json_object *ctx, const char **at)
{
	static const char *const words[][2] = {
		{ "shared-space", "an address space is a process's" },
		{ "exposed-number", "a number on the wire was shown to the user" },
		{ "device-driver", "a device's driver cannot" },
		{ "home", "there are no commands for it" },
	};
	size_t i, len;

	if (!ctl_has(ctx, "no_migration"))
		return NULL;
	for (*at = *at ?: ctl_get_str(ctx, "no_migration"); **at; *at += len) {
		*at += strspn(*at, " ");
		len = strcspn(*at, " ");
		for (i = 0; i < ARRAY_SIZE(words); i++) {
			if (strlen(words[i][0]) == len && !memcmp(words[i][0], *at, len)) {
				*at += len;
				return words[i][1];
			}
		}
	}
	return NULL;
}

/* The next range in the state that is looked for. A dump may have one in pieces. */
static struct json_object *next_range(struct ctl_ranges *r)
{
	struct json_object *list = ctl_children(r->fn, "numbers"), *range;

	for (; r->at < ctl_count(list); r->at++) {
		range = ctl_at(list, r->at);
		if (!strcmp(ctl_get_str(range, "state"), r->state))
			return range;
	}
	return NULL;
}

bool ctl_ranges_next(struct ctl_ranges *r, char *text, size_t size, u64 *numbers)
{
	struct json_object *range = next_range(r);
	long long first, last;

	if (!range)
		return false;
	first = ctl_get_num(range, "first", 0);
	do {
		last = ctl_get_num(range, "last", first);
		r->at++;
		range = next_range(r);
	} while (range && last < UINT32_MAX && ctl_get_num(range, "first", -1) == last + 1);
	if (first == last)
		snprintf(text, size, "%lld", first);
	else
		snprintf(text, size, "%lld-%lld", first, last);
	if (numbers)
		*numbers = last > first ? (u64)last - (u64)first + 1 : 1;
	return true;
}
