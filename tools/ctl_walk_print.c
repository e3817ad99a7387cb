// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl walk: the result as text, as one line, as JSON. */
#include <json-c/json.h>

#include "tools/ctl_walk.h"

/* ---- Words ------------------------------------------------------------------------------------------ */

static const char *const ctl_stage_names[] = {
	[VTD_STAGE_NONE] = "none",	 [VTD_STAGE_ROOT] = "root",
	[VTD_STAGE_CONTEXT] = "context", [VTD_STAGE_PASID_DIR] = "pasid-dir",
	[VTD_STAGE_PASID] = "pasid",	 [VTD_STAGE_FS] = "first-stage",
	[VTD_STAGE_SS] = "second-stage",
};

static const char *const ctl_stage_titles[] = {
	[VTD_STAGE_NONE] = "no table",	       [VTD_STAGE_ROOT] = "root table",
	[VTD_STAGE_CONTEXT] = "context table", [VTD_STAGE_PASID_DIR] = "PASID directory",
	[VTD_STAGE_PASID] = "PASID table",     [VTD_STAGE_FS] = "first-stage",
	[VTD_STAGE_SS] = "second-stage",
};

/* The specification's names of the tables, by level. */
static const char *const ctl_level_names[] = { "page table", "page directory", "PDP table",
					       "PML4 table", "PML5 table" };

static const char *const ctl_fault_kinds[] = {
	[XLAT_OK] = "none",
	[XLAT_FAULT_NOT_PRESENT] = "not-present",
	[XLAT_FAULT_PERMISSION] = "permission",
	[XLAT_FAULT_RESERVED] = "reserved",
	[XLAT_FAULT_WIDTH] = "width",
	[XLAT_FAULT_ACCESS] = "access",
	[XLAT_FAULT_BLOCKED] = "blocked",
	[XLAT_FAULT_RANGE] = "range",
};

static const char *const ctl_completions[] = {
	[VTD_COMPL_NONE] = "none",
	[VTD_COMPL_CA] = "completer-abort",
	[VTD_COMPL_UR] = "unsupported-request",
	[VTD_COMPL_EMPTY] = "success-without-permission",
	[VTD_COMPL_PERM] = "success-with-less-permission",
};

#define CTL_NAME(names, i) ((size_t)(i) < ARRAY_SIZE(names) ? names[i] : "unknown")

static bool ctl_is_table(u8 stage)
{
	return stage == VTD_STAGE_FS || stage == VTD_STAGE_SS;
}

static const char *ctl_access_name(u32 access)
{
	if (access & XLAT_ZERO_LEN)
		return "zero-length read";
	if ((access & XLAT_RW) == XLAT_RW)
		return "atomic";
	return access & XLAT_WRITE ? "write" : "read";
}

/* "rwu": read, write, user. */
static const char *ctl_perm_name(u8 perm, char buf[4])
{
	char *p = buf;

	if (perm & CTL_PERM_READ)
		*p++ = 'r';
	if (perm & CTL_PERM_WRITE)
		*p++ = 'w';
	if (perm & CTL_PERM_USER)
		*p++ = 'u';
	*p = 0;
	return buf;
}

static u8 ctl_xlat_perm(const struct vtd_xlat *x)
{
	return (x->perm & XLAT_READ ? CTL_PERM_READ : 0) |
	       (x->perm & XLAT_WRITE ? CTL_PERM_WRITE : 0);
}

static const char *ctl_size_name(u8 lg2, char buf[16])
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };

	snprintf(buf, 16, "%u %s", 1u << lg2 % 10, CTL_NAME(unit, lg2 / 10));
	return buf;
}

static void ctl_rid_name(u16 rid, char buf[12])
{
	snprintf(buf, 12, "%02x:%02x.%x", rid >> 8, rid >> 3 & 31, rid & 7);
}

/* Where a fault is to be blamed on. */
static u8 ctl_fault_stage(const struct ctl_walk *w)
{
	return w->lookup.reason ? w->lookup.stage : w->xlat.stage;
}

static bool ctl_fault_report(const struct ctl_walk *w)
{
	return w->lookup.reason ? w->lookup.report : w->xlat.flags & VTD_XLAT_REPORT;
}

/* ---- Text --------------------------------------------------------------------------------------------- */

static void ctl_request_text(const struct ctl_walk *w)
{
	char rid[12];

	printf("%s 0x%llx", ctl_access_name(w->access), w->iova);
	if (w->from_root) {
		ctl_rid_name(w->req.rid, rid);
		printf(" from %s", rid);
		if (w->req.has_pasid)
			printf(" with PASID 0x%x", w->req.pasid);
	}
	printf("%s\n", w->req.priv ? ", privileged" : "");
}

static void ctl_step_text(const struct ctl_step *step)
{
	char perm[4];
	u8 i;

	printf("%s", CTL_NAME(ctl_stage_titles, step->stage));
	if (ctl_is_table(step->stage))
		printf(" %s (level %u)", CTL_NAME(ctl_level_names, step->level), step->level);
	printf(" 0x%llx index %llu, entry at 0x%llx", step->table, step->index, step->pa);
	if (step->has_gpa)
		printf(step->stage == VTD_STAGE_FS ? " (guest 0x%llx)" : " for guest 0x%llx",
		       step->gpa);
	printf("%s\n   ", step->for_table ? ", to find a first-stage table" : "");
	for (i = 0; i < step->nr_words; i++)
		printf(" %016llx", step->words[i]);
	putchar('\n');
	ctl_fields_text(stdout, step->type, step->level, step->words);
	if (ctl_is_table(step->stage))
		printf("    so far: %s\n",
		       step->perm ? ctl_perm_name(step->perm, perm) : "nothing allowed");
}

static void ctl_fault_text(const struct ctl_walk *w)
{
	const struct vtd_reason_info *info = vtd_reason_info(ctl_walk_reason(w));
	u8 stage = ctl_fault_stage(w);

	printf("fault 0x%02x %s: %s\n", ctl_walk_reason(w), info ? info->name : "?",
	       info ? info->text : "unknown reason");
	if (stage == VTD_STAGE_NONE)
		printf("    before any table");
	else
		printf("    in the %s", CTL_NAME(ctl_stage_titles, stage));
	if (ctl_is_table(stage))
		printf(" %s (level %u)", CTL_NAME(ctl_level_names, w->xlat.level), w->xlat.level);
	if (w->xlat.flags & VTD_XLAT_GPA)
		printf(", guest-physical 0x%llx", w->xlat.gpa);
	printf("; %s\n", ctl_fault_report(w) ? "recorded" : "not recorded (FPD)");
}

static void ctl_result_text(const struct ctl_walk *w)
{
	const struct vtd_xlat *x = &w->xlat;
	char size[16], perm[4];

	printf("result 0x%llx, %s page, %s", x->oa, ctl_size_name(x->lg2, size),
	       ctl_perm_name(ctl_xlat_perm(x), perm));
	if (x->flags & VTD_XLAT_GPA)
		printf(", guest-physical 0x%llx", x->gpa);
	if (x->flags & VTD_XLAT_SNOOP)
		printf(", snooped");
	if (x->flags & VTD_XLAT_CLEAN)
		printf(", not dirty yet");
	putchar('\n');
}

void ctl_walk_text(const struct ctl_walk *w)
{
	u32 i;

	ctl_request_text(w);
	for (i = 0; i < w->nr_steps; i++)
		ctl_step_text(&w->step[i]);
	if (ctl_walk_reason(w))
		ctl_fault_text(w);
	else
		ctl_result_text(w);
	putchar('\n');
}

void ctl_walk_brief(const struct ctl_walk *w)
{
	const struct vtd_reason_info *info = vtd_reason_info(ctl_walk_reason(w));
	char perm[4];

	printf("0x%llx ", w->iova);
	if (ctl_walk_reason(w))
		printf("fault 0x%02x %s\n", ctl_walk_reason(w), info ? info->name : "?");
	else
		printf("0x%llx %u %s\n", w->xlat.oa, w->xlat.lg2,
		       ctl_perm_name(ctl_xlat_perm(&w->xlat), perm));
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static void ctl_add_str(struct json_object *obj, const char *key, const char *val)
{
	json_object_object_add(obj, key, val ? json_object_new_string(val) : NULL);
}

static void ctl_add_int(struct json_object *obj, const char *key, int val)
{
	json_object_object_add(obj, key, json_object_new_int(val));
}

static void ctl_add_hex(struct json_object *obj, const char *key, u64 val)
{
	json_object_object_add(obj, key, ctl_json_hex(val));
}

static void ctl_add_bool(struct json_object *obj, const char *key, bool val)
{
	json_object_object_add(obj, key, json_object_new_boolean(val));
}

static struct json_object *ctl_request_json(const struct ctl_walk *w)
{
	struct json_object *obj = json_object_new_object();
	char rid[12];

	ctl_add_hex(obj, "address", w->iova);
	ctl_add_str(obj, "access", ctl_access_name(w->access));
	ctl_add_bool(obj, "privileged", w->req.priv);
	if (!w->from_root)
		return obj;
	ctl_rid_name(w->req.rid, rid);
	ctl_add_str(obj, "rid", rid);
	if (w->req.has_pasid)
		ctl_add_hex(obj, "pasid", w->req.pasid);
	return obj;
}

static struct json_object *ctl_step_json(const struct ctl_step *step)
{
	struct json_object *obj = json_object_new_object();
	char perm[4];

	ctl_add_str(obj, "stage", CTL_NAME(ctl_stage_names, step->stage));
	ctl_add_str(obj, "type", vtd_entry_name(step->type));
	if (ctl_is_table(step->stage))
		ctl_add_int(obj, "level", step->level);
	ctl_add_hex(obj, "table", step->table);
	json_object_object_add(obj, "index", json_object_new_int64((int64_t)step->index));
	ctl_add_hex(obj, "entry", step->pa);
	if (step->has_gpa)
		ctl_add_hex(obj, "guest", step->gpa);
	if (step->stage == VTD_STAGE_SS)
		ctl_add_bool(obj, "for_table", step->for_table);
	json_object_object_add(obj, "words", ctl_json_words(step->words, step->nr_words));
	json_object_object_add(obj, "fields",
			       ctl_fields_json(step->type, step->level, step->words));
	if (ctl_is_table(step->stage))
		ctl_add_str(obj, "so_far", ctl_perm_name(step->perm, perm));
	return obj;
}

static struct json_object *ctl_fault_json(const struct ctl_walk *w)
{
	const struct vtd_reason_info *info = vtd_reason_info(ctl_walk_reason(w));
	struct json_object *obj = json_object_new_object();
	u8 stage = ctl_fault_stage(w);

	ctl_add_hex(obj, "code", ctl_walk_reason(w));
	ctl_add_str(obj, "name", info ? info->name : NULL);
	ctl_add_str(obj, "meaning", info ? info->text : NULL);
	ctl_add_str(obj, "kind", info ? CTL_NAME(ctl_fault_kinds, info->fault) : NULL);
	ctl_add_str(obj, "completion", info ? CTL_NAME(ctl_completions, info->completion) : NULL);
	ctl_add_str(obj, "stage", CTL_NAME(ctl_stage_names, stage));
	if (ctl_is_table(stage))
		ctl_add_int(obj, "level", w->xlat.level);
	if (w->xlat.flags & VTD_XLAT_GPA)
		ctl_add_hex(obj, "guest", w->xlat.gpa);
	ctl_add_bool(obj, "recorded", ctl_fault_report(w));
	return obj;
}

static struct json_object *ctl_result_json(const struct ctl_walk *w)
{
	struct json_object *obj = json_object_new_object();
	const struct vtd_xlat *x = &w->xlat;
	char perm[4];

	ctl_add_hex(obj, "address", x->oa);
	ctl_add_int(obj, "page_lg2", x->lg2);
	ctl_add_str(obj, "permissions", ctl_perm_name(ctl_xlat_perm(x), perm));
	if (x->flags & VTD_XLAT_GPA)
		ctl_add_hex(obj, "guest", x->gpa);
	ctl_add_bool(obj, "snooped", x->flags & VTD_XLAT_SNOOP);
	ctl_add_bool(obj, "clean", x->flags & VTD_XLAT_CLEAN);
	return obj;
}

struct json_object *ctl_walk_json(const struct ctl_walk *w)
{
	struct json_object *obj = json_object_new_object(), *steps = json_object_new_array();
	bool fault = ctl_walk_reason(w);
	u32 i;

	for (i = 0; i < w->nr_steps; i++)
		json_object_array_add(steps, ctl_step_json(&w->step[i]));
	json_object_object_add(obj, "request", ctl_request_json(w));
	json_object_object_add(obj, "steps", steps);
	json_object_object_add(obj, "result", fault ? NULL : ctl_result_json(w));
	json_object_object_add(obj, "fault", fault ? ctl_fault_json(w) : NULL);
	return obj;
}
