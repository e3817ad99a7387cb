// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl limit: how many host-wide numbers a group may hold; of the kernel's cgroups, or a host's. */
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ioasid.h>

#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

const char ctl_limit_help[] =
	"Usage: ioasidctl limit [--json] [CGROUP [LIMIT]]\n"
	"       ioasidctl limit --host SOCKET [--json] [PATH [LIMIT]]\n\n"
	"Shows how many host-wide PASIDs a group and those below it hold together, how many they may\n"
	"hold, the most they ever held and how often they were refused; with LIMIT, a number or \"max\",\n"
	"sets how many they may hold. What they hold already is not taken away.\n\n"
	"CGROUP is a directory of the cgroup-v2 tree, without one: the group of ioasidctl itself. A limit\n"
	"is set by who may write the directory above it. PATH is a group of a host in a process (\"/\").\n\n" CTL_HOST_HELP
	"  --json        an object\n";

#define DEVICE "/dev/ioasid"

/* ---- the kernel ------------------------------------------------------------------------------- */

static int kernel_error(const char *group, bool set)
{
	switch (errno) {
	case EPERM:
		return ctl_error("%s: set by who may write the directory above it", group);
	case EINVAL:
		return ctl_error("%s: not a directory of the cgroup-v2 tree%s", group,
				 set ? ", or its root, which has no limit" : "");
	case EOPNOTSUPP:
	case ENOTTY:
		return ctl_error("this kernel's ioasid module has no limits");
	case ENOENT:
		return ctl_error("%s: the group was removed", group);
	default:
		return ctl_error("%s: %s", group, strerror(errno));
	}
}

static void add_number(struct json_object *obj, const char *name, u64 value)
{
	json_object_object_add(obj, name, json_object_new_uint64(value));
}

static struct json_object *limit_object(const struct ioasid_limit *l)
{
	struct json_object *obj = json_object_new_object();

	add_number(obj, "id", l->id);
	if (l->max == IOASID_INVALID)
		json_object_object_add(obj, "max", NULL);
	else
		add_number(obj, "max", l->max);
	add_number(obj, "current", l->current_charge);
	add_number(obj, "peak", l->peak);
	add_number(obj, "events", l->events);
	add_number(obj, "events_local", l->events_local);
	return obj;
}

/* Return: CTL_OK with *@fd and *@limit telling which; CTL_ERROR after a message. */
static int name_group(const char *group, int *fd, struct ioasid_limit *limit)
{
	limit->flags = IOASID_LIMIT_OWN;
	*fd = -1;
	if (!group)
		return CTL_OK;
	*fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return ctl_error("%s: %s", group, strerror(errno));
	limit->flags = IOASID_LIMIT_FD;
	limit->fd = *fd;
	return CTL_OK;
}

/* Return: new reference, or NULL after a message. @max: NULL: only look. */
static struct json_object *ask_kernel(const char *group, const u32 *max)
{
	struct ioasid_limit limit = { .argsz = sizeof(limit), .max = max ? *max : 0 };
	unsigned long cmd = max ? IOASID_LIMIT_SET : IOASID_LIMIT_GET;
	struct json_object *obj = NULL;
	int ctx, fd;

	if (name_group(group, &fd, &limit) != CTL_OK)
		return NULL;
	ctx = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (ctx < 0)
		ctl_error(DEVICE ": %s", strerror(errno));
	else if (ioctl(ctx, cmd, &limit))
		kernel_error(group ? group : "its own group", max);
	else
		obj = limit_object(&limit);
	if (ctx >= 0)
		close(ctx);
	if (fd >= 0)
		close(fd);
	return obj;
}

/* ---- a host ----------------------------------------------------------------------------------- */

static struct json_object *ask_host(const char *socket, const char *path, const char *max)
{
	struct json_object *list, *obj = NULL;
	FILE *answer;

	if (!path)
		path = "/";
	answer = max ? ctl_host_ask(socket, "limit-set %s %s", max, path) :
		       ctl_host_ask(socket, "limit %s", path);
	if (!answer)
		return NULL;
	list = ctl_dump_read(answer);
	fclose(answer);
	if (json_object_array_length(list) == 1)
		obj = json_object_get(json_object_array_get_idx(list, 0));
	else
		ctl_error("%s: the answer is not understood", socket);
	json_object_put(list);
	return obj;
}

/* ---- the command ------------------------------------------------------------------------------ */

static void print_limit(const char *group, struct json_object *obj)
{
	printf("%s: %s", group, ctl_get_str(obj, "current"));
	if (ctl_has(obj, "max"))
		printf(" of at most %s", ctl_get_str(obj, "max"));
	else
		printf(", no limit");
	printf(", peak %s, refused %s (%s here), group %s\n", ctl_get_str(obj, "peak"),
	       ctl_get_str(obj, "events"), ctl_get_str(obj, "events_local"),
	       ctl_get_str(obj, "id"));
}

static int limit_run(const struct ctl_source *source, const char *group, const char *text,
		     bool json)
{
	struct json_object *obj;
	u64 max = IOASID_INVALID;
	u32 value;

	if (text && strcmp(text, "max") &&
	    !ctl_number_arg("limit", text, IOASID_INVALID - 1ULL, &max))
		return CTL_ERROR;
	value = (u32)max;
	if (source->host) {
		char number[16];

		snprintf(number, sizeof(number), "%u", value);
		obj = ask_host(source->host, group,
			       !text || value == IOASID_INVALID ? text : number);
	} else {
		obj = ask_kernel(group, text ? &value : NULL);
	}
	if (!obj)
		return CTL_ERROR;
	if (json) {
		ctl_json_print(obj);
		return CTL_OK;
	}
	print_limit(group ? group : source->host ? "/" : "its own group", obj);
	json_object_put(obj);
	return CTL_OK;
}

int ctl_limit_main(int argc, char **argv)
{
	static const struct option options[] = {
		CTL_HOST_OPTION,
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl_source source = { NULL, NULL };
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT, options, NULL)) >= 0) {
		if (opt == '?')
			return CTL_ERROR;
		if (!ctl_source_option(&source, opt, optarg))
			json = true;
	}
	if (argc - optind > 2)
		return ctl_error("limit: unexpected '%s'", argv[optind + 2]);
	if (ctl_source_finish(&source) != CTL_OK)
		return CTL_ERROR;
	return limit_run(&source, optind < argc ? argv[optind] : NULL,
			 optind + 1 < argc ? argv[optind + 1] : NULL, json);
}
