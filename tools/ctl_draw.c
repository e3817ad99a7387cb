// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasidctl graph: a host as a picture, in the language of graphviz's dot.
 *
 * What is drawn is named by its place in what was read (c0: a context, c0i1: an address space in it,
 * c0d2: a device, c0cpu: its CPU table, f3: a function), never by what it is called: names are only in
 * labels, and escaped there. Each thing has a class, which dot hands on to the SVG.
 */
#include <json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_draw.h"

/**
 * struct graph_limits - how many of each are drawn; the rest is counted
 * @contexts, @functions: of all
 * @devices, @spaces: of a context; address spaces that an arrow leads to come besides
 * @targets: arrows from a device to address spaces
 * @lines: numbers in a label
 */
struct graph_limits {
	size_t contexts;
	size_t functions;
	size_t devices;
	size_t spaces;
	size_t targets;
	size_t lines;
};

static const struct graph_limits folded = {
	.contexts = 24,
	.functions = 40,
	.devices = 24,
	.spaces = 16,
	.targets = 8,
	.lines = 8,
};

static const struct graph_limits everything = {
	SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX,
};

/**
 * struct graph - a picture in the making
 * @to: its source
 * @model: what is drawn
 * @limit: how much of it
 * @function: name -> its place in the model's array
 * @drawn: functions that a device leads to: name -> nothing
 */
struct graph {
	FILE *to;
	const struct ctl_model *model;
	const struct graph_limits *limit;
	struct json_object *function;
	struct json_object *drawn;
};

/**
 * struct graph_context - a context in the making
 * @ctx: context; @at: its place
 * @spaces, @devices: its arrays, or NULL
 * @space: handle -> place
 * @shown: per address space: it is drawn
 */
struct graph_context {
	struct json_object *ctx;
	size_t at;
	struct json_object *spaces;
	struct json_object *devices;
	struct json_object *space;
	bool *shown;
};

/* ---- the language ----------------------------------------------------------------------------- */

/* How things of a class look. */
static const struct {
	const char *class;
	const char *look;
} looks[] = {
	{ "context", "style=\"rounded,filled\" fillcolor=\"#f6f6f6\" color=\"#888888\"" },
	{ "ioas", "shape=box style=\"rounded,filled\" fillcolor=\"#dcebfa\"" },
	{ "device", "shape=box style=filled fillcolor=\"#fdf0d0\"" },
	{ "cpu", "shape=box3d style=filled fillcolor=\"#e3f4df\"" },
	{ "function", "shape=component style=filled fillcolor=\"#f2e2f2\"" },
	{ "more", "shape=plaintext" },
	{ "nested", "style=dashed color=\"#4a78a8\" fontcolor=\"#4a78a8\"" },
	{ "default", "penwidth=2" },
	{ "route", "" },
	{ "waiting", "style=dotted" },
	{ "part", "style=dashed dir=none color=\"#806080\" fontcolor=\"#806080\"" },
	{ "enqcmd", "color=\"#3c803c\" fontcolor=\"#3c803c\"" },
};

static const char *look_of(const char *class)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(looks); i++) {
		if (!strcmp(looks[i].class, class))
			return looks[i].look;
	}
	return "";
}

/* Text that means nothing but itself in a label: there are escapes (\N) and entities (&amp;). */
static void put_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '"':
		case '\\':
			fprintf(to, "\\%c", *text);
			break;
		case '&':
			fputs("&amp;", to);
			break;
		default:
			fputc(*text, to);
			break;
		}
	}
}

/* Whatever is known only when the tool runs goes through here. */
static void put(const struct graph *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(const struct graph *g, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	put_escaped(g->to, text);
	free(text);
}

static void end_line(const struct graph *g)
{
	fputs("\\l", g->to);
}

/* "id [... label="": the label follows, and then end(). */
static void begin(const struct graph *g, const char *class)
{
	const char *look = look_of(class);

	fprintf(g->to, " [class=\"%s\"%s%s label=\"", class, *look ? " " : "", look);
}

static void end(const struct graph *g)
{
	fputs("\"];\n", g->to);
}

static void put_more(const struct graph *g, const char *id, size_t nr, const char *what)
{
	fprintf(g->to, "%s", id);
	begin(g, "more");
	put(g, "... %zu more %s", nr, what);
	end(g);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static void put_pair(const struct graph *g, const char *from, const char *to)
{
	put(g, "%s", from);
	fputs(" &rarr; ", g->to);
	put(g, "%s", to);
}

/* Of @nr lines that many are drawn: "1 more" would take as much room as the one. */
static size_t shown_of(const struct graph *g, size_t nr)
{
	size_t shown = min(nr, g->limit->lines);

	return nr == shown + 1 ? nr : shown;
}

static void put_rest(const struct graph *g, size_t rest)
{
	if (!rest)
		return;
	put(g, "... %zu more", rest);
	end_line(g);
}

/* A line per number of @routes: what the guest says, and what is on the wire. */
static void put_numbers(const struct graph *g, struct json_object *routes)
{
	size_t i, nr = ctl_count(routes), shown = shown_of(g, nr);
	char wire[64];

	for (i = 0; i < shown; i++) {
		ctl_wire(ctl_at(routes, i), wire, sizeof(wire));
		put_pair(g, ctl_get_str(ctl_at(routes, i), "vpasid"), wire);
		end_line(g);
	}
	put_rest(g, nr - shown);
}

/* "WHAT: 5, 17-40, ... 12 more" */
static void put_ranges(const struct graph *g, struct json_object *fn, const char *state,
		       const char *what)
{
	struct ctl_ranges r = { .fn = fn, .state = state };
	u64 numbers, rest = 0;
	size_t i;
	char text[48];

	for (i = 0; ctl_ranges_next(&r, text, sizeof(text), &numbers); i++) {
		if (i < g->limit->lines)
			put(g, "%s%s%s", i ? ", " : what, i ? "" : ": ", text);
		else
			rest += numbers;
	}
	if (rest)
		put(g, ", ... %llu more", (unsigned long long)rest);
	if (i)
		end_line(g);
}

/* ---- address spaces --------------------------------------------------------------------------- */

/* Place of the address space that field @name of @obj names; false: there is none. */
static bool find_space(const struct graph_context *c, struct json_object *obj, const char *name,
		       size_t *at)
{
	struct json_object *place;

	if (!ctl_has(obj, name) ||
	    !json_object_object_get_ex(c->space, ctl_get_str(obj, name), &place))
		return false;
	*at = (size_t)json_object_get_int64(place);
	return true;
}

/* It, and what it is nested on; a file may claim that this is a circle. */
static void show_space(const struct graph_context *c, size_t at)
{
	while (!c->shown[at]) {
		c->shown[at] = true;
		if (!find_space(c, ctl_at(c->spaces, at), "parent", &at))
			return;
	}
}

static void draw_space(const struct graph *g, const struct graph_context *c, size_t at)
{
	struct json_object *space = ctl_at(c->spaces, at);
	size_t parent;

	fprintf(g->to, "c%zui%zu", c->at, at);
	begin(g, "ioas");
	put(g, "ioas %s", ctl_get_str(space, "id"));
	end_line(g);
	put(g, "%s", ctl_get_str(space, "kind"));
	end_line(g);
	if (ctl_has(space, "table")) {
		put(g, "table at %s", ctl_get_str(space, "table"));
		end_line(g);
	}
	if (ctl_get_num(space, "maps", 0)) {
		put(g, "%s bytes in %s map%s", ctl_get_str(space, "bytes"),
		    ctl_get_str(space, "maps"), ctl_get_num(space, "maps", 0) == 1 ? "" : "s");
		end_line(g);
	}
	end(g);
	if (!find_space(c, space, "parent", &parent))
		return;
	fprintf(g->to, "c%zui%zu -> c%zui%zu", c->at, at, c->at, parent);
	begin(g, "nested");
	put(g, "nested on");
	end(g);
}

static void draw_spaces(const struct graph *g, const struct graph_context *c)
{
	size_t i, nr = ctl_count(c->spaces), shown = 0;
	char id[48];

	for (i = 0; i < nr && i < g->limit->spaces; i++)
		show_space(c, i);
	for (i = 0; i < nr; i++) {
		shown += c->shown[i];
		if (c->shown[i])
			draw_space(g, c, i);
	}
	if (shown == nr)
		return;
	snprintf(id, sizeof(id), "c%zumore_spaces", c->at);
	put_more(g, id, nr - shown, "address spaces");
}

/* ---- devices ---------------------------------------------------------------------------------- */

/* Routes of a device by the address space they lead to, in the order of their numbers. */
static struct json_object *targets_of(struct json_object *dev)
{
	struct json_object *targets = json_object_new_object(), *list, *route;
	struct json_object *routes = ctl_children(dev, "route");
	const char *ioas;
	size_t i;

	for (i = 0; i < ctl_count(routes); i++) {
		route = ctl_at(routes, i);
		ioas = ctl_get_str(route, "ioas");
		if (!json_object_object_get_ex(targets, ioas, &list)) {
			list = json_object_new_array();
			json_object_object_add(targets, ioas, list);
		}
		json_object_array_add(list, json_object_get(route));
	}
	return targets;
}

static void draw_device_node(const struct graph *g, const struct graph_context *c, size_t at)
{
	struct json_object *dev = ctl_at(c->devices, at);
	const char *portal = ctl_portal(dev);

	fprintf(g->to, "c%zud%zu", c->at, at);
	begin(g, "device");
	put(g, "%s", ctl_get_str(dev, "name"));
	end_line(g);
	put(g, "class %s, %s", ctl_get_str(dev, "class"), ctl_get_str(dev, "mode"));
	if (ctl_has(dev, "global_min"))
		put(g, ", split %s", ctl_get_str(dev, "global_min"));
	end_line(g);
	put(g, "cookie %s", ctl_get_str(dev, "cookie"));
	end_line(g);
	if (portal) {
		put(g, "portal %s", portal);
		end_line(g);
	}
	if (ctl_get_num(dev, "fenced", 0)) {
		put(g, "FENCED");
		end_line(g);
	}
	if (!ctl_has(dev, "default")) {
		put(g, "without PASID: blocked");
		end_line(g);
	}
	end(g);
}

static void draw_default(const struct graph *g, const struct graph_context *c, size_t at)
{
	struct json_object *dev = ctl_at(c->devices, at);
	size_t space;

	if (!find_space(c, dev, "default", &space))
		return;
	fprintf(g->to, "c%zud%zu -> c%zui%zu", c->at, at, c->at, space);
	begin(g, "default");
	if (ctl_has(dev, "default_pasid"))
		put_pair(g, "no PASID", ctl_get_str(dev, "default_pasid"));
	else
		put(g, "no PASID");
	end(g);
}

/* One arrow to each address space, with all numbers that lead there. */
static void draw_routes(const struct graph *g, const struct graph_context *c, size_t at)
{
	struct json_object *targets = targets_of(ctl_at(c->devices, at)), *first;
	size_t n = 0, numbers = 0, space;

	json_object_object_foreach(targets, ioas, routes)
	{
		first = ctl_at(routes, 0);
		(void)ioas;
		if (n++ >= g->limit->targets || !find_space(c, first, "ioas", &space)) {
			numbers += ctl_count(routes);
			continue;
		}
		fprintf(g->to, "c%zud%zu -> c%zui%zu", c->at, at, c->at, space);
		begin(g, "route");
		put_numbers(g, routes);
		end(g);
	}
	if (numbers) {
		char id[64];

		snprintf(id, sizeof(id), "c%zud%zumore", c->at, at);
		put_more(g, id, numbers, "numbers");
		fprintf(g->to, "c%zud%zu -> %s", c->at, at, id);
		begin(g, "route");
		end(g);
	}
	json_object_put(targets);
}

/* The address spaces that draw_device() will lead to. */
static void mark_targets(const struct graph *g, const struct graph_context *c, size_t at)
{
	struct json_object *dev = ctl_at(c->devices, at), *targets = targets_of(dev);
	size_t n = 0, space;

	if (find_space(c, dev, "default", &space))
		show_space(c, space);
	json_object_object_foreach(targets, ioas, routes)
	{
		(void)ioas;
		if (n++ < g->limit->targets && find_space(c, ctl_at(routes, 0), "ioas", &space))
			show_space(c, space);
	}
	json_object_put(targets);
}

/* Attached, and no number yet: nothing is routed. */
static void draw_waiting(const struct graph *g, const struct graph_context *c, const char *name,
			 size_t at)
{
	struct json_object *list, *attach;
	size_t i, j;

	for (i = 0; i < ctl_count(c->spaces); i++) {
		list = c->shown[i] ? ctl_children(ctl_at(c->spaces, i), "attach") : NULL;
		for (j = 0; j < ctl_count(list); j++) {
			attach = ctl_at(list, j);
			if (ctl_get_num(attach, "numbers", 0) ||
			    strcmp(ctl_get_str(attach, "device"), name))
				continue;
			fprintf(g->to, "c%zud%zu -> c%zui%zu", c->at, at, c->at, i);
			begin(g, "waiting");
			put(g, "no number yet");
			end(g);
		}
	}
}

static void draw_device(const struct graph *g, const struct graph_context *c, size_t at)
{
	draw_device_node(g, c, at);
	draw_default(g, c, at);
	draw_routes(g, c, at);
	draw_waiting(g, c, ctl_get_str(ctl_at(c->devices, at), "name"), at);
}

/* ---- CPU tables ------------------------------------------------------------------------------- */

/* On a whole function the CPU's number is one of two. */
static void put_cpu_entries(const struct graph *g, struct json_object *entries)
{
	size_t i, nr = ctl_count(entries), shown = shown_of(g, nr);

	for (i = 0; i < shown; i++) {
		put_pair(g, ctl_get_str(ctl_at(entries, i), "vpasid"),
			 ctl_get_str(ctl_at(entries, i), "global"));
		end_line(g);
	}
	put_rest(g, nr - shown);
}

static void draw_cpu(const struct graph *g, const struct graph_context *c)
{
	struct json_object *entries;
	size_t i;

	if (!ctl_has(c->ctx, "cpu"))
		return;
	entries = ctl_cpu_entries(c->ctx);
	fprintf(g->to, "c%zucpu", c->at);
	begin(g, "cpu");
	put(g, "CPU table: %s", ctl_get_str(c->ctx, "cpu"));
	end_line(g);
	put_cpu_entries(g, entries);
	end(g);
	json_object_put(entries);
	for (i = 0; i < ctl_count(c->devices) && i < g->limit->devices; i++) {
		if (strcmp(ctl_get_str(c->ctx, "cpu"), "on") ||
		    strcmp(ctl_get_str(ctl_at(c->devices, i), "portal"), "open"))
			continue;
		fprintf(g->to, "c%zucpu -> c%zud%zu", c->at, c->at, i);
		begin(g, "enqcmd");
		put(g, "ENQCMD");
		end(g);
	}
}

/* ---- contexts --------------------------------------------------------------------------------- */

static void draw_context_label(const struct graph *g, struct json_object *ctx)
{
	begin(g, "context");
	put(g, "context %s of %s (pid %s)%s", ctl_get_str(ctx, "id"), ctl_get_str(ctx, "comm"),
	    ctl_get_str(ctx, "pid"), ctl_get_num(ctx, "closed", 0) ? ", closing" : "");
	end_line(g);
	if (ctl_has(ctx, "promised_bits")) {
		put(g, "promised PASID width %s", ctl_get_str(ctx, "promised_bits"));
		end_line(g);
	}
	end(g);
}

static void draw_context_content(const struct graph *g, const struct graph_context *c)
{
	size_t i, nr = ctl_count(c->devices), shown = min(nr, g->limit->devices);
	char id[48];

	for (i = 0; i < shown; i++)
		mark_targets(g, c, i);
	draw_spaces(g, c);
	for (i = 0; i < shown; i++)
		draw_device(g, c, i);
	if (nr > shown) {
		snprintf(id, sizeof(id), "c%zumore_devices", c->at);
		put_more(g, id, nr - shown, "devices");
	}
	draw_cpu(g, c);
	if (!nr && !ctl_count(c->spaces)) {
		fprintf(g->to, "c%zunothing", c->at);
		begin(g, "more");
		put(g, "nothing in it");
		end(g);
	}
}

static void draw_context(const struct graph *g, size_t at)
{
	struct json_object *ctx = ctl_at(g->model->contexts, at);
	struct graph_context c = {
		.ctx = ctx,
		.at = at,
		.spaces = ctl_children(ctx, "ioas"),
		.devices = ctl_children(ctx, "device"),
	};
	size_t i;

	c.shown = calloc(ctl_count(c.spaces) + 1, sizeof(*c.shown));
	if (!c.shown)
		return;
	c.space = json_object_new_object();
	for (i = 0; i < ctl_count(c.spaces); i++)
		json_object_object_add(c.space, ctl_get_str(ctl_at(c.spaces, i), "id"),
				       json_object_new_int64((int64_t)i));
	fprintf(g->to, "subgraph cluster_c%zu {\ngraph", at);
	draw_context_label(g, ctx);
	draw_context_content(g, &c);
	fputs("}\n", g->to);
	json_object_put(c.space);
	free(c.shown);
}

/* ---- functions -------------------------------------------------------------------------------- */

static void draw_function(const struct graph *g, size_t at)
{
	struct json_object *fn = ctl_at(g->model->functions, at);
	size_t slices = ctl_count(ctl_children(fn, "slice"));

	fprintf(g->to, "f%zu", at);
	begin(g, "function");
	put(g, "function %s", ctl_get_str(fn, "name"));
	end_line(g);
	if (ctl_has(fn, "rid"))
		put(g, "requester %s, ", ctl_get_str(fn, "rid"));
	put(g, "%s bits", ctl_get_str(fn, "pasid_bits"));
	end_line(g);
	if (slices) {
		put(g, "%zu slice%s", slices, slices == 1 ? "" : "s");
		end_line(g);
	}
	if (ctl_has(fn, "kept_last")) {
		put(g, "its driver's: %s-%s", ctl_get_str(fn, "kept_first"),
		    ctl_get_str(fn, "kept_last"));
		end_line(g);
	}
	put_ranges(g, fn, "live", "on the wire");
	put_ranges(g, fn, "pending", "pending");
	put_ranges(g, fn, "host", "the kernel's");
	end(g);
}

/* From a function to a device that is it, or a slice of it. Not inside of the context. */
static void draw_part(const struct graph *g, size_t context, size_t at, struct json_object *dev)
{
	struct json_object *place;

	if (!ctl_has(dev, "function") ||
	    !json_object_object_get_ex(g->function, ctl_get_str(dev, "function"), &place))
		return;
	json_object_object_add(g->drawn, ctl_get_str(dev, "function"), NULL);
	fprintf(g->to, "f%zu -> c%zud%zu", (size_t)json_object_get_int64(place), context, at);
	begin(g, "part");
	if (ctl_get_num(dev, "slice", 0))
		put(g, "slice");
	end(g);
}

static void draw_parts(const struct graph *g)
{
	struct json_object *devs;
	size_t i, j;

	for (i = 0; i < ctl_count(g->model->contexts) && i < g->limit->contexts; i++) {
		devs = ctl_children(ctl_at(g->model->contexts, i), "device");
		for (j = 0; j < ctl_count(devs) && j < g->limit->devices; j++)
			draw_part(g, i, j, ctl_at(devs, j));
	}
}

/* Those that devices lead to, and of the others those of which there is something to say. */
static void draw_functions(const struct graph *g)
{
	struct json_object *list = g->model->functions, *fn;
	size_t i, shown = 0, others = 0;

	draw_parts(g);
	for (i = 0; i < ctl_count(list); i++) {
		fn = ctl_at(list, i);
		if (json_object_object_get_ex(g->drawn, ctl_get_str(fn, "name"), NULL))
			draw_function(g, i);
		else if (!ctl_count(ctl_children(fn, "slice")) &&
			 !ctl_count(ctl_children(fn, "numbers")))
			continue;
		else if (shown++ < g->limit->functions)
			draw_function(g, i);
		else
			others++;
	}
	if (others)
		put_more(g, "more_functions", others, "functions");
}

/* ---- the picture ------------------------------------------------------------------------------ */

static struct json_object *index_functions(struct json_object *list)
{
	struct json_object *index = json_object_new_object();
	size_t i;

	for (i = 0; i < ctl_count(list); i++)
		json_object_object_add(index, ctl_get_str(ctl_at(list, i), "name"),
				       json_object_new_int64((int64_t)i));
	return index;
}

static void draw(const struct graph *g)
{
	size_t i, nr = ctl_count(g->model->contexts), shown = min(nr, g->limit->contexts);

	fputs("digraph ioasid {\n"
	      "graph [rankdir=LR fontname=\"sans-serif\" fontsize=11 labelloc=t labeljust=l];\n"
	      "node [fontname=\"sans-serif\" fontsize=10];\n"
	      "edge [fontname=\"sans-serif\" fontsize=9];\n",
	      g->to);
	for (i = 0; i < shown; i++)
		draw_context(g, i);
	if (nr > shown)
		put_more(g, "more_contexts", nr - shown, "contexts");
	draw_functions(g);
	if (!nr)
		fputs("nothing [class=\"more\" shape=plaintext label=\"no context\"];\n", g->to);
	if (g->model->host) {
		fputs("graph [label=\"", g->to);
		put(g, "host-wide numbers from %s on", ctl_get_str(g->model->host, "split"));
		fputs("\\l\"];\n", g->to);
	}
	fputs("}\n", g->to);
}

void ctl_draw(const struct ctl_model *model, bool all, FILE *to)
{
	struct graph g = {
		.to = to,
		.model = model,
		.limit = all ? &everything : &folded,
		.function = index_functions(model->functions),
		.drawn = json_object_new_object(),
	};

	draw(&g);
	json_object_put(g.function);
	json_object_put(g.drawn);
}
