// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl show: the contexts of the kernel, or of a host in a process, as a tree. */
#include <json.h>
#include <string.h>

#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

const char ctl_show_help[] =
	"Usage: ioasidctl show [--context ID] [--pid PID] [--host SOCKET] [--from FILE] [--json]\n\n"
	"Shows every open /dev/ioasid of this machine: who opened it, its address spaces, its\n"
	"devices, and what leads where. For root; a host in a process is for its user.\n\n" CTL_HOST_HELP
	"  --context ID  only the context with that number\n"
	"  --pid PID     only contexts that this process opened\n"
	"  --from FILE   a copy of " CTL_DEBUGFS "/contexts instead\n"
	"  --json        an array of objects\n";

/**
 * struct show_args - what to show
 * @from: where to look
 * @context, @pid: only these; 0: all
 */
struct show_args {
	struct ctl_source from;
	u64 context;
	u64 pid;
	bool json;
};

static const char *plural(long long n)
{
	return n == 1 ? "" : "s";
}

/* ---- text ------------------------------------------------------------------------------------- */

static void show_attach(struct json_object *attach, int indent)
{
	long long numbers = ctl_get_num(attach, "numbers", 0);

	printf("%*sattached: %s (cookie %s), ", indent, "", ctl_get_str(attach, "device"),
	       ctl_get_str(attach, "cookie"));
	if (numbers)
		printf("%lld number%s\n", numbers, plural(numbers));
	else
		printf("no number yet\n");
}

static void show_space(struct json_object *space, int indent)
{
	long long routes = ctl_get_num(space, "default_routes", 0);
	struct json_object *list = ctl_children(space, "attach");
	size_t i;

	printf("%*sioas %s: %s", indent, "", ctl_get_str(space, "id"), ctl_get_str(space, "kind"));
	if (ctl_has(space, "table"))
		printf(", table at %s", ctl_get_str(space, "table"));
	if (ctl_get_num(space, "maps", 0))
		printf(", %s map%s, %s bytes", ctl_get_str(space, "maps"),
		       plural(ctl_get_num(space, "maps", 0)), ctl_get_str(space, "bytes"));
	printf(", snoop %s", ctl_get_str(space, "snoop"));
	if (routes)
		printf(", default route of %lld group%s", routes, plural(routes));
	printf("\n");
	for (i = 0; list && i < json_object_array_length(list); i++)
		show_attach(json_object_array_get_idx(list, i), indent + 2);
}

/* A space under its parent: nesting is at most three deep, whatever the file says. */
static void show_spaces(struct json_object *list, const char *parent, int indent)
{
	struct json_object *space;
	size_t i;

	for (i = 0; list && indent < 10 && i < json_object_array_length(list); i++) {
		space = json_object_array_get_idx(list, i);
		if (strcmp(ctl_get_str(space, "parent"), parent))
			continue;
		show_space(space, indent);
		if (ctl_get_num(space, "children", 0))
			show_spaces(list, ctl_get_str(space, "id"), indent + 2);
	}
}

static void show_default(struct json_object *dev)
{
	if (!ctl_has(dev, "default")) {
		printf("    without PASID: blocked\n");
		return;
	}
	printf("    without PASID -> ioas %s", ctl_get_str(dev, "default"));
	if (ctl_has(dev, "below"))
		printf(" (stacked on %s)", ctl_get_str(dev, "below"));
	printf("\n");
}

/* What the guest says, and what goes on the wire for it: its own number, a host-wide one, or both. */
static void show_route(struct json_object *route)
{
	bool local = ctl_has(route, "ppasid"), global = ctl_has(route, "global");

	printf("    PASID %s (", ctl_get_str(route, "vpasid"));
	if (local)
		printf("wire %s", ctl_get_str(route, "ppasid"));
	if (global)
		printf("%shost-wide %s", local ? ", " : "", ctl_get_str(route, "global"));
	printf(") -> ioas %s\n", ctl_get_str(route, "ioas"));
}

static void show_device(struct json_object *dev)
{
	struct json_object *list = ctl_children(dev, "route");
	size_t i;

	printf("  device %s: cookie %s, class %s, ", ctl_get_str(dev, "name"),
	       ctl_get_str(dev, "cookie"), ctl_get_str(dev, "class"));
	if (ctl_has(dev, "group"))
		printf("group %s, ", ctl_get_str(dev, "group"));
	printf("%s numbers", ctl_get_str(dev, "mode"));
	if (ctl_has(dev, "global_min"))
		printf(", host-wide from %s on", ctl_get_str(dev, "global_min"));
	printf("%s\n", ctl_get_num(dev, "fenced", 0) ? ", FENCED: it did not answer in time" : "");
	show_default(dev);
	for (i = 0; list && i < json_object_array_length(list); i++)
		show_route(json_object_array_get_idx(list, i));
	if (ctl_get_num(dev, "numbers_pending", 0))
		printf("    numbers it may still send: %s\n", ctl_get_str(dev, "numbers_pending"));
	if (ctl_get_num(dev, "faults_waiting", 0))
		printf("    page request groups waiting for an answer: %s\n",
		       ctl_get_str(dev, "faults_waiting"));
	if (ctl_get_num(dev, "refusal", 0))
		printf("    last ATTACH was refused: %s\n", ctl_get_str(dev, "why"));
}

static void show_faults(struct json_object *ctx)
{
	struct json_object *list = ctl_children(ctx, "faults"), *faults;

	if (!list)
		return;
	faults = json_object_array_get_idx(list, 0);
	if (!ctl_get_num(faults, "open", 0)) {
		printf("  no fault descriptor\n");
		return;
	}
	printf("  fault queue: %s of %s records, %s groups wait, %s dropped\n",
	       ctl_get_str(faults, "records"), ctl_get_str(faults, "capacity"),
	       ctl_get_str(faults, "waiting"), ctl_get_str(faults, "dropped"));
}

static void show_context(struct json_object *ctx)
{
	struct json_object *list = ctl_children(ctx, "device");
	size_t i;

	printf("context %s of %s (pid %s)%s: %s bytes pinned in %s maps", ctl_get_str(ctx, "id"),
	       ctl_get_str(ctx, "comm"), ctl_get_str(ctx, "pid"),
	       ctl_get_num(ctx, "closed", 0) ? ", closing" : "", ctl_get_str(ctx, "pinned_bytes"),
	       ctl_get_str(ctx, "maps"));
	if (ctl_has(ctx, "promised_bits"))
		printf(", promised PASID width %s", ctl_get_str(ctx, "promised_bits"));
	printf("\n");
	show_faults(ctx);
	show_spaces(ctl_children(ctx, "ioas"), "-", 2);
	for (i = 0; list && i < json_object_array_length(list); i++)
		show_device(json_object_array_get_idx(list, i));
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool wanted(const struct show_args *args, struct json_object *ctx)
{
	if (args->context && ctl_get_num(ctx, "id", -1) != (long long)args->context)
		return false;
	return !args->pid || ctl_get_num(ctx, "pid", -1) == (long long)args->pid;
}

static int show_parse(int argc, char **argv, struct show_args *args)
{
	static const struct option options[] = {
		{ "context", required_argument, NULL, 'c' },
		{ "pid", required_argument, NULL, 'p' },
		CTL_HOST_OPTION,
		CTL_FROM_OPTION,
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT, options, NULL)) >= 0) {
		if (ctl_source_option(&args->from, opt, optarg))
			continue;
		if (opt == 'c' && !ctl_number_arg("--context", optarg, INT64_MAX, &args->context))
			return CTL_ERROR;
		if (opt == 'p' && !ctl_number_arg("--pid", optarg, UINT32_MAX, &args->pid))
			return CTL_ERROR;
		args->json |= opt == 'j';
		if (opt == '?')
			return CTL_ERROR;
	}
	if (optind < argc)
		return ctl_error("show: unexpected '%s'", argv[optind]);
	return ctl_source_finish(&args->from);
}

int ctl_show_main(int argc, char **argv)
{
	struct show_args args = { { NULL, NULL }, 0, 0, false };
	struct json_object *all, *some, *ctx;
	FILE *file;
	size_t i;

	if (show_parse(argc, argv, &args) != CTL_OK)
		return CTL_ERROR;
	file = ctl_source_open(&args.from, "contexts");
	if (!file)
		return CTL_ERROR;
	all = ctl_dump_read(file);
	fclose(file);
	some = json_object_new_array();
	for (i = 0; i < json_object_array_length(all); i++) {
		ctx = json_object_array_get_idx(all, i);
		if (!strcmp(ctl_get_str(ctx, CTL_TYPE), "context") && wanted(&args, ctx))
			json_object_array_add(some, json_object_get(ctx));
	}
	for (i = 0; !args.json && i < json_object_array_length(some); i++)
		show_context(json_object_array_get_idx(some, i));
	if (!args.json && !json_object_array_length(some))
		printf("no context\n");
	if (args.json)
		ctl_json_print(some);
	else
		json_object_put(some);
	json_object_put(all);
	return CTL_OK;
}
