// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl show: the contexts of the kernel, or of a host in a process, as a tree. */
#include <json.h>
#include <string.h>

#include "tools/ctl_model.h"
#include "tools/ctl_tree.h"

const char ctl_show_help[] =
	"Usage: ioasidctl show [--context ID] [--pid PID] [--host SOCKET] [--from FILE] [--plain]\n"
	"                      [--json]\n\n"
	"Shows every open /dev/ioasid of this machine: who opened it, its address spaces, its\n"
	"devices, and what leads where; then the functions that have numbers on the wire, and\n"
	"which. For root; a host in a process is for its user. See also ioasidctl graph.\n\n" CTL_HOST_HELP
		CTL_PICK_HELP CTL_MODEL_FROM_HELP
	"  --plain       indented, without lines between; so it is too where the locale does\n"
	"                not speak UTF-8\n"
	"  --json        an array of objects\n";

static const char *plural(long long n)
{
	return n == 1 ? "" : "s";
}

/* ---- address spaces --------------------------------------------------------------------------- */

static void show_attach(struct ctl_tree *t, unsigned int depth, struct json_object *attach)
{
	FILE *line = ctl_tree_begin(t, depth);
	long long numbers = ctl_get_num(attach, "numbers", 0);

	fprintf(line, "attached: %s (cookie %s), ", ctl_get_str(attach, "device"),
		ctl_get_str(attach, "cookie"));
	if (numbers)
		fprintf(line, "%lld number%s", numbers, plural(numbers));
	else
		fprintf(line, "no number yet");
}

static void show_space(struct ctl_tree *t, unsigned int depth, struct json_object *space)
{
	long long routes = ctl_get_num(space, "default_routes", 0);
	long long maps = ctl_get_num(space, "maps", 0);
	struct json_object *list = ctl_children(space, "attach");
	FILE *line = ctl_tree_begin(t, depth);
	size_t i;

	fprintf(line, "ioas %s: %s", ctl_get_str(space, "id"), ctl_get_str(space, "kind"));
	if (ctl_has(space, "table"))
		fprintf(line, ", table at %s", ctl_get_str(space, "table"));
	if (maps)
		fprintf(line, ", %lld map%s, %s bytes", maps, plural(maps),
			ctl_get_str(space, "bytes"));
	fprintf(line, ", snoop %s", ctl_get_str(space, "snoop"));
	if (routes)
		fprintf(line, ", default route of %lld group%s", routes, plural(routes));
	for (i = 0; i < ctl_count(list); i++)
		show_attach(t, depth + 1, ctl_at(list, i));
}

/* A space under its parent: nesting is at most three deep, whatever the file says. */
static void show_spaces(struct ctl_tree *t, struct json_object *list, const char *parent,
			unsigned int depth)
{
	struct json_object *space;
	size_t i;

	for (i = 0; depth < 5 && i < ctl_count(list); i++) {
		space = ctl_at(list, i);
		if (strcmp(ctl_get_str(space, "parent"), parent))
			continue;
		show_space(t, depth, space);
		if (ctl_get_num(space, "children", 0))
			show_spaces(t, list, ctl_get_str(space, "id"), depth + 1);
	}
}

/* ---- devices ---------------------------------------------------------------------------------- */

static void show_default(struct ctl_tree *t, struct json_object *dev)
{
	FILE *line = ctl_tree_begin(t, 2);

	fprintf(line, "without PASID");
	if (!ctl_has(dev, "default")) {
		fprintf(line, ": blocked");
		return;
	}
	if (ctl_has(dev, "default_pasid"))
		fprintf(line, " (wire %s)", ctl_get_str(dev, "default_pasid"));
	fprintf(line, " -> ioas %s", ctl_get_str(dev, "default"));
	if (ctl_has(dev, "below"))
		fprintf(line, " (stacked on %s)", ctl_get_str(dev, "below"));
}

/* What the guest says, and what goes on the wire for it: its own number, a host-wide one, or both. */
static void show_route(struct ctl_tree *t, struct json_object *route)
{
	bool local = ctl_has(route, "ppasid"), global = ctl_has(route, "global");
	FILE *line = ctl_tree_begin(t, 2);

	fprintf(line, "PASID %s (", ctl_get_str(route, "vpasid"));
	if (local)
		fprintf(line, "wire %s", ctl_get_str(route, "ppasid"));
	if (global)
		fprintf(line, "%shost-wide %s", local ? ", " : "", ctl_get_str(route, "global"));
	if (ctl_get_num(route, "cpu", 0))
		fprintf(line, ", in the CPU table");
	fprintf(line, ") -> ioas %s", ctl_get_str(route, "ioas"));
}

static void show_device_line(struct ctl_tree *t, struct json_object *dev)
{
	FILE *line = ctl_tree_begin(t, 1);

	fprintf(line, "device %s: cookie %s, class %s, ", ctl_get_str(dev, "name"),
		ctl_get_str(dev, "cookie"), ctl_get_str(dev, "class"));
	if (ctl_get_num(dev, "slice", 0))
		fprintf(line, "slice of %s, ", ctl_get_str(dev, "function"));
	if (ctl_has(dev, "group"))
		fprintf(line, "group %s, ", ctl_get_str(dev, "group"));
	fprintf(line, "%s numbers", ctl_get_str(dev, "mode"));
	if (ctl_has(dev, "global_min"))
		fprintf(line, ", host-wide from %s on", ctl_get_str(dev, "global_min"));
	if (ctl_get_num(dev, "fenced", 0))
		fprintf(line, ", FENCED: it did not answer in time");
}

static void show_device(struct ctl_tree *t, struct json_object *dev)
{
	struct json_object *list = ctl_children(dev, "route");
	const char *portal = ctl_portal(dev);
	size_t i;

	show_device_line(t, dev);
	if (portal)
		ctl_tree_add(t, 2, "portal %s", portal);
	show_default(t, dev);
	for (i = 0; i < ctl_count(list); i++)
		show_route(t, ctl_at(list, i));
	if (ctl_get_num(dev, "numbers_pending", 0))
		ctl_tree_add(t, 2, "numbers it may still send: %s",
			     ctl_get_str(dev, "numbers_pending"));
	if (ctl_get_num(dev, "faults_waiting", 0))
		ctl_tree_add(t, 2, "page request groups waiting for an answer: %s",
			     ctl_get_str(dev, "faults_waiting"));
	if (ctl_get_num(dev, "refusal", 0))
		ctl_tree_add(t, 2, "last ATTACH was refused: %s", ctl_get_str(dev, "why"));
}

/* ---- contexts --------------------------------------------------------------------------------- */

static void show_faults(struct ctl_tree *t, struct json_object *ctx)
{
	struct json_object *list = ctl_children(ctx, "faults"), *faults;

	if (!ctl_count(list))
		return;
	faults = ctl_at(list, 0);
	if (!ctl_get_num(faults, "open", 0)) {
		ctl_tree_add(t, 1, "no fault descriptor");
		return;
	}
	ctl_tree_add(t, 1, "fault queue: %s of %s records, %s groups wait, %s dropped",
		     ctl_get_str(faults, "records"), ctl_get_str(faults, "capacity"),
		     ctl_get_str(faults, "waiting"), ctl_get_str(faults, "dropped"));
}

static void show_cpu(struct ctl_tree *t, struct json_object *ctx)
{
	struct json_object *entries = ctl_cpu_entries(ctx);
	size_t n = ctl_count(entries);

	if (ctl_has(ctx, "cpu"))
		ctl_tree_add(t, 1, "CPU table: %s, %zu number%s", ctl_get_str(ctx, "cpu"), n,
			     plural((long long)n));
	json_object_put(entries);
}

static void show_no_migration(struct ctl_tree *t, struct json_object *ctx)
{
	const char *at = NULL, *why = ctl_no_migration(ctx, &at);
	FILE *line;

	if (!why)
		return;
	line = ctl_tree_begin(t, 1);
	fprintf(line, "cannot be saved: %s", why);
	while ((why = ctl_no_migration(ctx, &at)) != NULL)
		fprintf(line, "; %s", why);
}

static void show_context_line(struct ctl_tree *t, struct json_object *ctx)
{
	FILE *line = ctl_tree_begin(t, 0);

	fprintf(line, "context %s of %s (pid %s)%s: %s bytes pinned in %s maps",
		ctl_get_str(ctx, "id"), ctl_get_str(ctx, "comm"), ctl_get_str(ctx, "pid"),
		ctl_get_num(ctx, "closed", 0) ? ", closing" : "", ctl_get_str(ctx, "pinned_bytes"),
		ctl_get_str(ctx, "maps"));
	if (ctl_has(ctx, "promised_bits"))
		fprintf(line, ", promised PASID width %s", ctl_get_str(ctx, "promised_bits"));
}

static void show_context(struct ctl_tree *t, struct json_object *ctx)
{
	struct json_object *list = ctl_children(ctx, "device");
	size_t i;

	show_context_line(t, ctx);
	show_faults(t, ctx);
	show_cpu(t, ctx);
	show_no_migration(t, ctx);
	show_spaces(t, ctl_children(ctx, "ioas"), "-", 1);
	for (i = 0; i < ctl_count(list); i++)
		show_device(t, ctl_at(list, i));
}

/* ---- functions -------------------------------------------------------------------------------- */

static void show_slice(struct ctl_tree *t, struct json_object *slice)
{
	FILE *line = ctl_tree_begin(t, 1);

	fprintf(line, "slice %s: class %s, ", ctl_get_str(slice, "name"),
		ctl_get_str(slice, "class"));
	if (ctl_has(slice, "context"))
		fprintf(line, "of context %s", ctl_get_str(slice, "context"));
	else
		fprintf(line, "not bound");
}

#define SHOW_RANGES 10

/* "WHAT: 5, 17-40, ...", in lines of bearable length. */
static void show_numbers(struct ctl_tree *t, struct json_object *fn, const char *state,
			 const char *what)
{
	struct ctl_ranges r = { .fn = fn, .state = state };
	FILE *line = NULL;
	char range[48];
	u32 i;

	for (i = 0; ctl_ranges_next(&r, range, sizeof(range), NULL); i++) {
		if (i % SHOW_RANGES == 0) {
			line = ctl_tree_begin(t, 1);
			fprintf(line, "%s: %s", what, range);
		} else {
			fprintf(line, ", %s", range);
		}
	}
}

static void show_function_line(struct ctl_tree *t, struct json_object *fn)
{
	FILE *line = ctl_tree_begin(t, 0);

	fprintf(line, "function %s", ctl_get_str(fn, "name"));
	if (ctl_has(fn, "rid"))
		fprintf(line, ", requester %s", ctl_get_str(fn, "rid"));
	fprintf(line, ": PASID width %s", ctl_get_str(fn, "pasid_bits"));
	if (ctl_has(fn, "kept_last"))
		fprintf(line, ", its driver has %s-%s for itself", ctl_get_str(fn, "kept_first"),
			ctl_get_str(fn, "kept_last"));
	if (ctl_get_num(fn, "host_use", 0))
		fprintf(line, ", the host uses it");
}

/* Of a function that has neither slices nor numbers there is nothing to say. */
static void show_function(struct ctl_tree *t, struct json_object *fn)
{
	struct json_object *slices = ctl_children(fn, "slice");
	size_t i;

	if (!ctl_count(slices) && !ctl_count(ctl_children(fn, "numbers")))
		return;
	show_function_line(t, fn);
	for (i = 0; i < ctl_count(slices); i++)
		show_slice(t, ctl_at(slices, i));
	show_numbers(t, fn, "live", "on the wire");
	show_numbers(t, fn, "pending", "pending");
	show_numbers(t, fn, "host", "the kernel's");
}

/* ---- the command ------------------------------------------------------------------------------ */

/**
 * struct show_args - what to show, and how
 */
struct show_args {
	struct ctl_source from;
	struct ctl_pick pick;
	bool plain;
	bool json;
};

static int show_parse(int argc, char **argv, struct show_args *args)
{
	static const struct option options[] = {
		CTL_PICK_OPTIONS,
		CTL_HOST_OPTION,
		CTL_FROM_OPTION,
		{ "plain", no_argument, NULL, 'P' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, rc;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT, options, NULL)) >= 0) {
		if (ctl_source_option(&args->from, opt, optarg))
			continue;
		rc = ctl_pick_option(&args->pick, opt, optarg);
		if (rc == CTL_ERROR || opt == '?')
			return CTL_ERROR;
		args->plain |= opt == 'P';
		args->json |= opt == 'j';
	}
	if (optind < argc)
		return ctl_error("show: unexpected '%s'", argv[optind]);
	return ctl_source_finish(&args->from);
}

static void show_text(const struct ctl_model *m, bool plain)
{
	struct ctl_tree tree = { NULL };
	size_t i;

	for (i = 0; i < ctl_count(m->contexts); i++)
		show_context(&tree, ctl_at(m->contexts, i));
	if (!i)
		ctl_tree_add(&tree, 0, "no context");
	for (i = 0; i < ctl_count(m->functions); i++)
		show_function(&tree, ctl_at(m->functions, i));
	ctl_tree_print(&tree, stdout, !plain && ctl_tree_utf8());
	ctl_tree_free(&tree);
}

static void show_json(const struct ctl_model *m)
{
	struct json_object *all = json_object_new_array();
	size_t i;

	for (i = 0; i < ctl_count(m->contexts); i++)
		json_object_array_add(all, json_object_get(ctl_at(m->contexts, i)));
	for (i = 0; i < ctl_count(m->functions); i++)
		json_object_array_add(all, json_object_get(ctl_at(m->functions, i)));
	ctl_json_print(all);
}

int ctl_show_main(int argc, char **argv)
{
	struct show_args args = { .plain = false };
	struct ctl_model model;

	if (show_parse(argc, argv, &args) != CTL_OK)
		return CTL_ERROR;
	if (ctl_model_read(&model, &args.from, &args.pick) != CTL_OK)
		return CTL_ERROR;
	if (args.json)
		show_json(&model);
	else
		show_text(&model, args.plain);
	ctl_model_free(&model);
	return CTL_OK;
}
