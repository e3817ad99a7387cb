// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Fields of table entries, for people and as JSON. What the fields are, formats/ knows. */
#include <json-c/json.h>

#include "tools/ctl.h"

/* ---- JSON ------------------------------------------------------------------------------------------ */

struct json_object *ctl_json_hex(u64 val)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", val);
	return json_object_new_string(text);
}

struct json_object *ctl_json_words(const u64 *words, u32 nr)
{
	struct json_object *arr = json_object_new_array();
	u32 i;

	for (i = 0; i < nr; i++)
		json_object_array_add(arr, ctl_json_hex(words[i]));
	return arr;
}

void ctl_json_print(struct json_object *obj)
{
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(obj);
}

static void ctl_field_json(void *arg, const struct vtd_field *field)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "name", json_object_new_string(field->name));
	json_object_object_add(obj, "high", json_object_new_int(field->hi));
	json_object_object_add(obj, "low", json_object_new_int(field->lo));
	json_object_object_add(obj, "value", ctl_json_hex(field->value));
	if (field->meaning)
		json_object_object_add(obj, "meaning", json_object_new_string(field->meaning));
	json_object_array_add(arg, obj);
}

struct json_object *ctl_fields_json(enum vtd_entry_type type, u8 level, const u64 *words)
{
	struct json_object *arr = json_object_new_array();

	vtd_decode(type, level, words, ctl_field_json, arr);
	return arr;
}

/* ---- Text ------------------------------------------------------------------------------------------- */

/* Where the next field goes. */
struct ctl_line {
	FILE *to;
	int column;
};

#define CTL_INDENT   4
#define CTL_LINE_END 96

static void ctl_field_text(void *arg, const struct vtd_field *field)
{
	struct ctl_line *line = arg;
	char text[160];
	int n;

	if (field->meaning)
		n = snprintf(text, sizeof(text), "%s=%s%llx (%s)", field->name,
			     field->value > 9 || field->is_addr ? "0x" : "", field->value,
			     field->meaning);
	else
		n = snprintf(text, sizeof(text), "%s=%s%llx", field->name,
			     field->value > 9 || field->is_addr ? "0x" : "", field->value);
	n = min_t(int, n, (int)sizeof(text) - 1);
	if (line->column && line->column + 2 + n > CTL_LINE_END) {
		fputc('\n', line->to);
		line->column = 0;
	}
	line->column += fprintf(line->to, "%*s%s", line->column ? 2 : CTL_INDENT, "", text);
}

void ctl_fields_text(FILE *to, enum vtd_entry_type type, u8 level, const u64 *words)
{
	struct ctl_line line = { .to = to };

	vtd_decode(type, level, words, ctl_field_text, &line);
	if (line.column)
		fputc('\n', to);
}
