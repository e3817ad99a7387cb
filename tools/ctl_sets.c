// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl sets: who has how many host-wide numbers, who still holds freed ones, and limits. */
#include <json.h>
#include <string.h>

#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

const char ctl_sets_help[] =
	"Usage: ioasidctl sets [--host SOCKET] [--from FILE] [--json]\n\n"
	"Shows the allocator of host-wide PASIDs: its sets with their owners, quotas and last refusal,\n"
	"the numbers that were freed and are still held, with who holds them, and the limits of groups.\n"
	"For root; a host in a process is for its user.\n\n" CTL_HOST_HELP
	"  --from FILE   a copy of " CTL_DEBUGFS "/sets and limits, one after the\n"
	"                other, instead\n"
	"  --json        an object\n";

#define CTL_NUMBER "number"
#define INDENT_MAX 40
#define DEPTH_MAX  1000

/* ---- reading ---------------------------------------------------------------------------------- */

/* Objects of one type, by id: borrowed references in a new object. */
static struct json_object *by_id(struct json_object *list)
{
	struct json_object *index = json_object_new_object(), *obj;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		obj = json_object_array_get_idx(list, i);
		json_object_object_add(index, ctl_get_str(obj, "id"), json_object_get(obj));
	}
	return index;
}

static void add_to(struct json_object *parent, const char *name, struct json_object *obj)
{
	struct json_object *list = ctl_children(parent, name);

	if (!list) {
		list = json_object_new_array();
		json_object_object_add(parent, name, list);
	}
	json_object_array_add(list, json_object_get(obj));
}

/* Numbers go to their sets; those whose set came or went meanwhile stay at the top. */
static void place_numbers(struct json_object *top, struct json_object *all)
{
	struct json_object *index = by_id(ctl_children(top, "set")), *obj, *set;
	size_t i;

	for (i = 0; i < json_object_array_length(all); i++) {
		obj = json_object_array_get_idx(all, i);
		if (strcmp(ctl_get_str(obj, CTL_TYPE), CTL_NUMBER))
			continue;
		if (!json_object_object_get_ex(index, ctl_get_str(obj, "set"), &set))
			set = top;
		add_to(set, CTL_NUMBER, obj);
	}
	json_object_put(index);
}

/* Return: {"allocator": {}, "set": [{"number": []}], "limit": []}, new reference. */
static struct json_object *arrange(struct json_object *all)
{
	static const char *const lists[] = { "set", "limit" };
	struct json_object *top = json_object_new_object(), *obj;
	const char *type;
	size_t i, l;

	json_object_object_add(top, "allocator", NULL);
	for (l = 0; l < ARRAY_SIZE(lists); l++)
		json_object_object_add(top, lists[l], json_object_new_array());
	for (i = 0; i < json_object_array_length(all); i++) {
		obj = json_object_array_get_idx(all, i);
		type = ctl_get_str(obj, CTL_TYPE);
		if (!strcmp(type, "allocator"))
			json_object_object_add(top, type, json_object_get(obj));
		for (l = 0; l < ARRAY_SIZE(lists); l++) {
			if (!strcmp(type, lists[l]))
				add_to(top, type, obj);
		}
	}
	place_numbers(top, all);
	return top;
}

/* Return: new reference; NULL after a message. */
static struct json_object *collect(const struct ctl_source *source)
{
	struct json_object *all = json_object_new_array(), *top = NULL;
	int rc = ctl_source_read(source, "sets", all);

	if (rc == CTL_OK && !source->file)
		rc = ctl_source_read(source, "limits", all);
	if (rc == CTL_OK)
		top = arrange(all);
	json_object_put(all);
	return top;
}

/* ---- text ------------------------------------------------------------------------------------- */

static void print_allocator(struct json_object *a)
{
	if (!a) {
		printf("nothing is known of the allocator\n");
		return;
	}
	printf("host-wide numbers: %s of %s are left, %s promised to sets, %s reserved\n",
	       ctl_get_str(a, "avail"), ctl_get_str(a, "capacity"), ctl_get_str(a, "promised"),
	       ctl_get_str(a, "reserved"));
	printf("  %s out, %s of them pending, in %s sets; from %s on\n", ctl_get_str(a, "live"),
	       ctl_get_str(a, "pending"), ctl_get_str(a, "sets"), ctl_get_str(a, "split"));
	if (ctl_has(a, "default_ceiling"))
		printf("  a context may have %s without privilege\n",
		       ctl_get_str(a, "default_ceiling"));
	if (!strcmp(ctl_get_str(a, "backend"), "custom"))
		printf("  they come from a custom allocator (%s registered)\n",
		       ctl_get_str(a, "backends"));
	if (ctl_get_num(a, "returning", 0))
		printf("  %s wait to be given back to it\n", ctl_get_str(a, "returning"));
	if (ctl_get_num(a, "handlers", 0))
		printf("  handlers that hear of all sets: %s\n", ctl_get_str(a, "handlers"));
	if (ctl_get_num(a, "works", 0))
		printf("  works queued or running: %s\n", ctl_get_str(a, "works"));
}

static const char *group_name(struct json_object *groups, const char *id)
{
	struct json_object *group;

	if (!json_object_object_get_ex(groups, id, &group))
		return "no longer listed";
	return ctl_get_str(group, "name");
}

static void print_group(const char *what, struct json_object *obj, const char *field,
			struct json_object *groups)
{
	const char *id = ctl_get_str(obj, field);

	printf("%s %s (%s)", what, id, group_name(groups, id));
}

/* Who keeps it: only those who do. */
static void print_number(struct json_object *number, struct json_object *groups, int indent)
{
	static const char *const holders[][2] = {
		{ "user", "user" },
		{ "iommu", "IOMMU" },
		{ "cpu", "CPU" },
		{ "device", "device" },
		{ "pins", "handlers or works" },
	};
	const char *gap = "";
	size_t i;

	printf("%*spending %s: held by ", indent, "", ctl_get_str(number, "id"));
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		if (!ctl_get_num(number, holders[i][0], 0))
			continue;
		printf("%s%s x %s", gap, holders[i][1], ctl_get_str(number, holders[i][0]));
		gap = ", ";
	}
	printf("%s", *gap ? "" : "nobody");
	if (ctl_has(number, "spid"))
		printf("; private number %s", ctl_get_str(number, "spid"));
	if (ctl_has(number, "charged"))
		print_group("; charged to group", number, "charged", groups);
	if (!strcmp(ctl_get_str(number, "backend"), "custom"))
		printf("; from a custom allocator");
	printf("\n");
}

static void print_numbers(struct json_object *owner, struct json_object *groups, int indent)
{
	struct json_object *list = ctl_children(owner, CTL_NUMBER);
	size_t i;

	for (i = 0; list && i < json_object_array_length(list); i++)
		print_number(json_object_array_get_idx(list, i), groups, indent);
}

static void print_owner(struct json_object *set)
{
	const char *type = ctl_get_str(set, "owner");

	if (!strcmp(type, "host")) {
		printf("of the host");
		return;
	}
	printf("of a %s", type);
	if (ctl_has(set, "context"))
		printf(" (%s)", ctl_get_str(set, "context"));
	if (ctl_has(set, "pid"))
		printf(" of %s (pid %s)", ctl_get_str(set, "comm"), ctl_get_str(set, "pid"));
}

static void print_refusal(struct json_object *set, struct json_object *groups)
{
	static const char *const words[][2] = {
		{ "quota", "its own quota" },
		{ "capacity", "capacity: the rest is promised or in use" },
		{ "range", "no number was free in the range asked for" },
	};
	const char *by = ctl_get_str(set, "refused");
	size_t i;

	if (!strcmp(by, "-"))
		return;
	printf("  last refused by: ");
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(by, words[i][0]))
			printf("%s", words[i][1]);
	}
	if (ctl_has(set, "refused_group"))
		print_group("the limit of group", set, "refused_group", groups);
	printf("\n");
}

static void print_set(struct json_object *set, struct json_object *groups)
{
	const char *state = ctl_get_str(set, "state");

	printf("set %s ", ctl_get_str(set, "id"));
	print_owner(set);
	if (strcmp(state, "live"))
		printf(", %s", state);
	printf(": %s number%s", ctl_get_str(set, "numbers"),
	       ctl_get_num(set, "numbers", 0) == 1 ? "" : "s");
	if (ctl_has(set, "ceiling"))
		printf(" of at most %s", ctl_get_str(set, "ceiling"));
	if (ctl_get_num(set, "promised", 0))
		printf(", %s promised", ctl_get_str(set, "promised"));
	if (ctl_get_num(set, "private", 0))
		printf(", %s with a private number", ctl_get_str(set, "private"));
	if (ctl_get_num(set, "pending", 0))
		printf(", %s pending", ctl_get_str(set, "pending"));
	if (ctl_get_num(set, "handlers", 0))
		printf(", handlers: %s", ctl_get_str(set, "handlers"));
	printf("\n");
	print_refusal(set, groups);
	print_numbers(set, groups, 2);
}

static void print_limit(struct json_object *group, int indent)
{
	printf("%*sgroup %s (%s)%s: %s", indent, "", ctl_get_str(group, "id"),
	       ctl_get_str(group, "name"), ctl_get_num(group, "gone", 0) ? ", removed" : "",
	       ctl_get_str(group, "current"));
	if (ctl_has(group, "max"))
		printf(" of at most %s", ctl_get_str(group, "max"));
	printf(", peak %s", ctl_get_str(group, "peak"));
	if (ctl_get_num(group, "events", 0))
		printf(", refused %s (%s here)", ctl_get_str(group, "events"),
		       ctl_get_str(group, "events_local"));
	printf("\n");
}

/* Each list of children is printed once and then gone, whatever a file says about who is whose. */
static void print_tree(struct json_object *list, struct json_object *kids, int depth)
{
	struct json_object *group, *below;
	const char *id;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		group = json_object_array_get_idx(list, i);
		id = ctl_get_str(group, "id");
		print_limit(group, min_t(int, 2 * depth, INDENT_MAX));
		if (depth >= DEPTH_MAX || !json_object_object_get_ex(kids, id, &below))
			continue;
		json_object_get(below);
		json_object_object_del(kids, id);
		print_tree(below, kids, depth + 1);
		json_object_put(below);
	}
}

/* Groups stand under their parents, which come before them; those without one are at the top. */
static void print_limits(struct json_object *list)
{
	struct json_object *kids = json_object_new_object(), *known = json_object_new_object();
	struct json_object *roots = json_object_new_array(), *group;
	const char *parent;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		group = json_object_array_get_idx(list, i);
		parent = ctl_get_str(group, "parent");
		if (json_object_object_get_ex(known, parent, NULL))
			add_to(kids, parent, group);
		else
			json_object_array_add(roots, json_object_get(group));
		json_object_object_add(known, ctl_get_str(group, "id"), NULL);
	}
	if (json_object_array_length(roots))
		printf("limits\n");
	print_tree(roots, kids, 1);
	json_object_put(roots);
	json_object_put(known);
	json_object_put(kids);
}

static void print_text(struct json_object *top)
{
	struct json_object *sets = ctl_children(top, "set"), *limits = ctl_children(top, "limit");
	struct json_object *groups = by_id(limits), *allocator = NULL;
	size_t i;

	json_object_object_get_ex(top, "allocator", &allocator);
	print_allocator(allocator);
	for (i = 0; i < json_object_array_length(sets); i++)
		print_set(json_object_array_get_idx(sets, i), groups);
	if (!json_object_array_length(sets))
		printf("no set\n");
	print_numbers(top, groups, 0);
	print_limits(limits);
	json_object_put(groups);
}

/* ---- the command ------------------------------------------------------------------------------ */

int ctl_sets_main(int argc, char **argv)
{
	static const struct option options[] = {
		CTL_HOST_OPTION,
		CTL_FROM_OPTION,
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl_source source = { NULL, NULL };
	struct json_object *top;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT, options, NULL)) >= 0) {
		if (opt == '?')
			return CTL_ERROR;
		if (!ctl_source_option(&source, opt, optarg))
			json = true;
	}
	if (optind < argc)
		return ctl_error("sets: unexpected '%s'", argv[optind]);
	if (ctl_source_finish(&source) != CTL_OK)
		return CTL_ERROR;
	top = collect(&source);
	if (!top)
		return CTL_ERROR;
	if (json) {
		ctl_json_print(top);
		return CTL_OK;
	}
	print_text(top);
	json_object_put(top);
	return CTL_OK;
}
