// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl devices: the devices under /dev/ioasid-devices or of a host, and what each can do. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/words.h"
#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

#define DEV_DIR	   "/dev/ioasid-devices"
#define MAX_RANGES 32

const char ctl_devices_help[] =
	"Usage: ioasidctl devices [--host SOCKET] [--from FILE] [--json] [NAME]...\n\n"
	"Shows the devices under " DEV_DIR ": class, IOMMU group, PASID width, what\n"
	"device and IOMMU can do. Works for whoever may open the nodes. Root sees besides which\n"
	"IOMMU it is, who has the device bound, and why its last ATTACH was refused. A host in a\n"
	"process tells its user all it knows.\n\n" CTL_HOST_HELP
	"  --from FILE  a copy of " CTL_DEBUGFS "/devices, and nothing else\n"
	"  --json       an array of objects\n";

/* ---- what a node says ------------------------------------------------------------------------- */

static struct json_object *caps_json(u32 caps)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < 32; i++) {
		if (caps & (1U << i))
			json_object_array_add(list, json_object_new_string(ioas_word_dev_cap(i)));
	}
	return list;
}

static struct json_object *ranges_json(const struct ioasid_range *ranges, u32 nr)
{
	static const char *const types[] = { "usable", "reserved", "msi" };
	struct json_object *list = json_object_new_array(), *range;
	u32 i;

	for (i = 0; i < nr && i < MAX_RANGES; i++) {
		range = json_object_new_object();
		json_object_object_add(range, "start", ctl_json_hex(ranges[i].start));
		json_object_object_add(range, "last", ctl_json_hex(ranges[i].last));
		json_object_object_add(range, CTL_TYPE,
				       json_object_new_string(ranges[i].type < 3 ?
								      types[ranges[i].type] :
								      "unknown"));
		json_object_array_add(list, range);
	}
	return list;
}

static void add_info(struct json_object *dev, const struct ioasid_device_info *info,
		     const struct ioasid_range *ranges)
{
	/* Whether it is blocked only its user is told. */
	u32 caps = info->caps & ~IOASID_DEV_BLOCKED;

	json_object_object_add(dev, "class", json_object_new_int64(info->dev_class));
	json_object_object_add(dev, "class_name",
			       json_object_new_string(ioas_word_class(info->dev_class)));
	json_object_object_add(dev, "group",
			       info->group == IOASID_INVALID ? NULL :
							       json_object_new_int64(info->group));
	json_object_object_add(dev, "pasid_bits", json_object_new_int64(info->pasid_width));
	json_object_object_add(dev, "can", caps_json(caps));
	json_object_object_add(dev, "format", json_object_new_int64(info->iommu_format));
	json_object_object_add(dev, "page_sizes", ctl_json_hex(info->page_sizes));
	json_object_object_add(dev, "ranges", ranges_json(ranges, info->nr_ranges));
	json_object_object_add(dev, "regions", json_object_new_int64(info->nr_regions));
}

/* Return: new object; what cannot be known is said in "error". */
static struct json_object *ask_node(const char *name)
{
	struct ioasid_range ranges[MAX_RANGES] = { { 0 } };
	struct ioasid_device_info info = {
		.argsz = sizeof(info),
		.ranges = (uintptr_t)ranges,
		.nr_ranges = MAX_RANGES,
	};
	struct json_object *dev = json_object_new_object();
	char path[512];
	int fd;

	json_object_object_add(dev, "name", json_object_new_string(name));
	snprintf(path, sizeof(path), DEV_DIR "/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, IOASID_DEV_GET_INFO, &info))
		json_object_object_add(dev, "error", json_object_new_string(strerror(errno)));
	else
		add_info(dev, &info, ranges);
	if (fd >= 0)
		close(fd);
	return dev;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static struct json_object *ask_nodes(void)
{
	struct json_object *list = json_object_new_array();
	struct dirent **names;
	int i, n = scandir(DEV_DIR, &names, visible, alphasort);

	for (i = 0; i < n; i++) {
		json_object_array_add(list, ask_node(names[i]->d_name));
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return list;
}

/* Words in one string, as debugfs has them, become a list. */
static void split_words(struct json_object *dev, const char *name)
{
	struct json_object *list;
	const char *text;
	size_t len;

	if (!ctl_has(dev, name) || ctl_children(dev, name))
		return;
	list = json_object_new_array();
	for (text = ctl_get_str(dev, name); *text; text += len) {
		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (len)
			json_object_array_add(list, json_object_new_string_len(text, (int)len));
	}
	json_object_object_add(dev, name, list);
}

/* ---- what debugfs adds ------------------------------------------------------------------------ */

static struct json_object *find_named(struct json_object *list, const char *name)
{
	struct json_object *obj;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		obj = json_object_array_get_idx(list, i);
		if (!strcmp(ctl_get_str(obj, "name"), name))
			return obj;
	}
	return NULL;
}

static void add_debug(struct json_object *devs)
{
	static const char *const fields[] = {
		"iommu",    "iommu_can", "iommu_pasid_bits", "fenced", "context",
		"pid",	    "comm",	 "refusal",	     "why",    "slice",
		"function",
	};
	FILE *file = fopen(CTL_DEBUGFS "/devices", "re");
	struct json_object *dump, *dev, *more, *field;
	size_t i, j;

	if (!file)
		return;
	dump = ctl_dump_read(file);
	fclose(file);
	for (i = 0; i < json_object_array_length(devs); i++) {
		dev = json_object_array_get_idx(devs, i);
		more = find_named(dump, ctl_get_str(dev, "name"));
		for (j = 0; more && j < ARRAY_SIZE(fields); j++) {
			if (json_object_object_get_ex(more, fields[j], &field))
				json_object_object_add(dev, fields[j], json_object_get(field));
		}
	}
	json_object_put(dump);
}

/* ---- text ------------------------------------------------------------------------------------- */

static void print_words(const char *what, struct json_object *dev, const char *name)
{
	struct json_object *list = ctl_children(dev, name);
	size_t i;

	printf("  %s:", what);
	for (i = 0; list && i < json_object_array_length(list); i++)
		printf(" %s", json_object_get_string(json_object_array_get_idx(list, i)));
	if (!list || !json_object_array_length(list))
		printf(" nothing of that");
	printf("\n");
}

static void print_ranges(struct json_object *dev)
{
	struct json_object *list = ctl_children(dev, "ranges"), *range;
	size_t i;

	for (i = 0; list && i < json_object_array_length(list); i++) {
		range = json_object_array_get_idx(list, i);
		printf("  addresses: %s to %s %s\n", ctl_get_str(range, "start"),
		       ctl_get_str(range, "last"), ctl_get_str(range, CTL_TYPE));
	}
}

static void print_device(struct json_object *dev)
{
	long long bits = ctl_get_num(dev, "pasid_bits", 0);

	printf("%s\n", ctl_get_str(dev, "name"));
	if (ctl_has(dev, "error")) {
		printf("  cannot be asked: %s\n", ctl_get_str(dev, "error"));
	} else {
		printf("  class: %s, %s\n", ctl_get_str(dev, "class"),
		       ctl_get_str(dev, "class_name"));
		printf("  group: %s\n", ctl_has(dev, "group") ? ctl_get_str(dev, "group") : "none");
		if (ctl_get_num(dev, "slice", 0))
			printf("  slice of: %s\n", ctl_get_str(dev, "function"));
		if (bits)
			printf("  PASID width: %lld bits\n", bits);
		else
			printf("  PASID width: none\n");
		print_words("can", dev, "can");
	}
	if (ctl_has(dev, "iommu_can")) {
		printf("  IOMMU: %s\n",
		       ctl_has(dev, "iommu") ? ctl_get_str(dev, "iommu") : "none, software");
		print_words("IOMMU can", dev, "iommu_can");
	}
	if (ctl_has(dev, "context"))
		printf("  bound by: context %s of %s (pid %s)\n", ctl_get_str(dev, "context"),
		       ctl_get_str(dev, "comm"), ctl_get_str(dev, "pid"));
	if (ctl_get_num(dev, "fenced", 0))
		printf("  fenced: it did not answer in time; a reset ends it\n");
	if (ctl_get_num(dev, "refusal", 0))
		printf("  last ATTACH was refused: %s\n", ctl_get_str(dev, "why"));
	print_ranges(dev);
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool named(struct json_object *dev, int argc, char **argv)
{
	int i;

	for (i = optind; i < argc; i++) {
		if (!strcmp(argv[i], ctl_get_str(dev, "name")))
			return true;
	}
	return optind == argc;
}

/* Only those named. Takes @all. Return: new reference; NULL after a message. */
static struct json_object *choose(struct json_object *all, int argc, char **argv)
{
	struct json_object *some = json_object_new_array(), *dev;
	size_t i;
	int n;

	for (i = 0; i < json_object_array_length(all); i++) {
		dev = json_object_array_get_idx(all, i);
		split_words(dev, "can");
		split_words(dev, "iommu_can");
		if (named(dev, argc, argv))
			json_object_array_add(some, json_object_get(dev));
	}
	for (n = optind; n < argc; n++) {
		if (find_named(all, argv[n]))
			continue;
		ctl_error("no device '%s'", argv[n]);
		json_object_put(some);
		some = NULL;
		break;
	}
	json_object_put(all);
	return some;
}

static struct json_object *collect(const struct ctl_source *from)
{
	struct json_object *all;
	FILE *file;

	if (!from->file && !from->host) {
		all = ask_nodes();
		add_debug(all);
		return all;
	}
	file = ctl_source_open(from, "devices");
	if (!file)
		return NULL;
	all = ctl_dump_read(file);
	fclose(file);
	return all;
}

int ctl_devices_main(int argc, char **argv)
{
	static const struct option options[] = {
		CTL_HOST_OPTION,
		CTL_FROM_OPTION,
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct json_object *devs;
	struct ctl_source from = { NULL, NULL };
	bool json = false;
	size_t i;
	int opt;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT, options, NULL)) >= 0) {
		if (opt == '?')
			return CTL_ERROR;
		if (!ctl_source_option(&from, opt, optarg))
			json = true;
	}
	if (ctl_source_finish(&from) != CTL_OK)
		return CTL_ERROR;
	devs = collect(&from);
	if (devs)
		devs = choose(devs, argc, argv);
	if (!devs)
		return CTL_ERROR;
	if (json) {
		ctl_json_print(devs);
		return CTL_OK;
	}
	for (i = 0; i < json_object_array_length(devs); i++)
		print_device(json_object_array_get_idx(devs, i));
	if (!json_object_array_length(devs))
		printf("no device\n");
	json_object_put(devs);
	return CTL_OK;
}
