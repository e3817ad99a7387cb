// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl: reads lines of "type name=value ..." into JSON objects; see ctl_dump.h. */
#include <ctype.h>
#include <errno.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_dump.h"

#define LEVELS_MAX   8
#define NAME_MAX_LEN 64

/* ---- one line --------------------------------------------------------------------------------- */

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static struct json_object *clean_string(const char *text, size_t len)
{
	struct json_object *obj;
	char *copy = malloc(len + 1);
	size_t i;

	if (!copy || (len == 1 && *text == '-')) {
		free(copy);
		return NULL;
	}
	for (i = 0; i < len; i++)
		copy[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	obj = json_object_new_string_len(copy, (int)len);
	free(copy);
	return obj;
}

/* Numbers that a JSON reader would round stay text. */
static struct json_object *bare_value(const char *text, size_t len)
{
	char copy[24], *end;
	long long val;

	if (!len || len >= 18 || (!isdigit((unsigned char)*text) && *text != '-'))
		return clean_string(text, len);
	memcpy(copy, text, len);
	copy[len] = 0;
	val = strtoll(copy, &end, 10);
	return *end ? clean_string(text, len) : json_object_new_int64(val);
}

void ctl_dump_fields(const char *text, struct json_object *to)
{
	char name[NAME_MAX_LEN];
	size_t len;

	for (;;) {
		text += strspn(text, " ");
		for (len = 0; name_char(text[len]);)
			len++;
		if (!len || len >= sizeof(name) || text[len] != '=')
			return;
		memcpy(name, text, len);
		name[len] = 0;
		text += len + 1;
		if (*text == '"') {
			len = strcspn(++text, "\"\n");
			json_object_object_add(to, name, clean_string(text, len));
			text += len;
			if (*text++ != '"')
				return;
		} else {
			len = strcspn(text, " \n");
			json_object_object_add(to, name, bare_value(text, len));
			text += len;
		}
	}
}

/* Return: new object, or NULL if the line is none. */
static struct json_object *read_line(const char *line, unsigned int *level)
{
	size_t blanks = strspn(line, " "), len = 0;
	struct json_object *obj;

	line += blanks;
	while (name_char(line[len]))
		len++;
	if (!len || len >= NAME_MAX_LEN || (line[len] != ' ' && line[len] != '\n'))
		return NULL;
	*level = (unsigned int)blanks / 2;
	obj = json_object_new_object();
	json_object_object_add(obj, CTL_TYPE, clean_string(line, len));
	ctl_dump_fields(line + len, obj);
	return obj;
}

/* ---- files ------------------------------------------------------------------------------------ */

static void add_child(struct json_object *parent, struct json_object *obj)
{
	const char *type = ctl_get_str(obj, CTL_TYPE);
	struct json_object *list = ctl_children(parent, type);

	if (!list) {
		list = json_object_new_array();
		json_object_object_add(parent, type, list);
	}
	json_object_array_add(list, obj);
}

struct json_object *ctl_dump_read(FILE *from)
{
	struct json_object *top = json_object_new_array(), *at[LEVELS_MAX] = { NULL }, *obj;
	unsigned int level, depth = 0;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, from) >= 0) {
		obj = read_line(line, &level);
		/* What nothing above can own is not ours. */
		if (!obj || level > depth || level >= LEVELS_MAX) {
			json_object_put(obj);
			continue;
		}
		if (level)
			add_child(at[level - 1], obj);
		else
			json_object_array_add(top, obj);
		at[level] = obj;
		depth = level + 1;
	}
	free(line);
	return top;
}

FILE *ctl_dump_open(const char *from, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), CTL_DEBUGFS "/%s", name);
	file = fopen(from ? from : path, "re");
	if (!file)
		ctl_error("%s: %s%s", from ? from : path, strerror(errno),
			  from		  ? "" :
			  errno == EACCES ? " (this is for root)" :
			  errno == ENOENT ? " (is ioasid.ko loaded and debugfs mounted?)" :
					    "");
	return file;
}

/* ---- fields ----------------------------------------------------------------------------------- */

const char *ctl_get_str(struct json_object *obj, const char *name)
{
	struct json_object *field;

	if (!json_object_object_get_ex(obj, name, &field) || !field)
		return "-";
	return json_object_get_string(field);
}

long long ctl_get_num(struct json_object *obj, const char *name, long long otherwise)
{
	struct json_object *field;

	if (!json_object_object_get_ex(obj, name, &field) ||
	    !json_object_is_type(field, json_type_int))
		return otherwise;
	return json_object_get_int64(field);
}

bool ctl_has(struct json_object *obj, const char *name)
{
	struct json_object *field;

	return json_object_object_get_ex(obj, name, &field) && field;
}

struct json_object *ctl_children(struct json_object *obj, const char *type)
{
	struct json_object *list;

	if (!json_object_object_get_ex(obj, type, &list) ||
	    !json_object_is_type(list, json_type_array))
		return NULL;
	return list;
}
