// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl walk: command line, and the walk itself with a record of what it read. */
#include <json-c/json.h>
#include <string.h>

#include "formats/pgtable.h"
#include "tools/ctl_walk.h"

const char ctl_walk_help[] =
	"Usage: ioasidctl walk MEMORY START [REQUEST] [OUTPUT] ADDRESS...\n"
	"\n"
	"Translates each ADDRESS as a VT-d unit would and shows every table entry on the way, the\n"
	"permissions so far, and the result or the fault. Nothing is written; accessed and dirty\n"
	"bits stay as they are.\n"
	"\n" CTL_INPUT_HELP "\n"
	"Start, either at the root table:\n"
	"  --rtaddr VALUE         root table address register, with its translation table mode\n"
	"                         in bits 11:10\n"
	"  --rid RID              requester ID: BUS:DEVICE.FUNCTION or a number\n"
	"  --pasid PASID          PASID of the request; without: a request without PASID\n"
	"or at page tables:\n"
	"  --fs-root ADDR         first-stage root\n"
	"  --ss-root ADDR         second-stage root; both: nested, the first is guest-physical\n"
	"  --levels N             levels of the only table (default 4)\n"
	"  --fs-levels N, --ss-levels N   the same for each of two\n"
	"\n"
	"Request:\n"
	"  --access r|w|rw|z      read (default), write, atomic, zero-length read\n"
	"  --priv                 with supervisor privilege\n"
	"  --type TYPE            untranslated (default), translation, translated, page\n"
	"\n"
	"Unit; by default one that has everything the specification offers:\n"
	"  --cap VALUE, --ecap VALUE   its capability registers, given together\n"
	"  --haw BITS             host address width (default 52)\n"
	"  --snooped              page walks are snooped, whatever the PASID entry says: accessed and\n"
	"                         dirty bits can be set (QEMU's unit is like that)\n"
	"\n"
	"Output:\n"
	"  --json                 one JSON array with an object per address\n"
	"  --brief                one line per address\n"
	"\n"
	"Exit status: 0 every address is translated, 1 one is not, 2 wrong usage or input.\n";

/* ---- The walk -------------------------------------------------------------------------------------- */

/* Collects what the walker reads. */
struct ctl_tracer {
	struct vtd_trace trace;
	struct ctl_walk *w;
	u8 perm[2]; /* so far: of the first stage, of the second stage's walk at hand */
};

static enum vtd_entry_type ctl_step_type(const struct vtd_trace_rec *rec)
{
	switch (rec->stage) {
	case VTD_STAGE_ROOT:
		return VTD_ENTRY_ROOT;
	case VTD_STAGE_CONTEXT:
		return rec->nr_words == VTD_LCTX_WORDS ? VTD_ENTRY_LEGACY_CONTEXT :
							 VTD_ENTRY_CONTEXT;
	case VTD_STAGE_PASID_DIR:
		return VTD_ENTRY_PASID_DIR;
	case VTD_STAGE_PASID:
		return VTD_ENTRY_PASID;
	case VTD_STAGE_FS:
		return VTD_ENTRY_FS;
	default:
		return VTD_ENTRY_SS;
	}
}

/* A PASID directory may be bigger than a page; where it begins, the context entry said. */
static u64 ctl_step_table(const struct ctl_walk *w, const struct ctl_step *step)
{
	const struct ctl_step *prev = step - 1;
	struct vtd_ctx ctx;

	if (step->type == VTD_ENTRY_PASID_DIR && w->nr_steps && prev->type == VTD_ENTRY_CONTEXT &&
	    !vtd_ce_decode(&w->caps, prev->words, &ctx))
		return ctx.dir;
	return step->pa & ~(PHYS_PAGE_SIZE - 1);
}

/* What the entry itself allows. A second stage knows no users. */
static u8 ctl_entry_perm(enum vtd_entry_type type, u64 e)
{
	if (type == VTD_ENTRY_FS)
		return (e & VTD_FS_P ? CTL_PERM_READ : 0) | (e & VTD_FS_RW ? CTL_PERM_WRITE : 0) |
		       (e & VTD_FS_US ? CTL_PERM_USER : 0);
	return (e & VTD_SS_R ? CTL_PERM_READ : 0) | (e & VTD_SS_W ? CTL_PERM_WRITE : 0);
}

/* Permissions are combined over the levels of one walk of one stage. */
static u8 ctl_step_perm(struct ctl_tracer *t, const struct ctl_step *step)
{
	bool fs = step->type == VTD_ENTRY_FS;
	u8 top = (u8)((fs ? t->w->te.fs_levels : t->w->te.ss_levels) - 1);
	u8 *so_far = &t->perm[!fs];

	if (step->level == top)
		*so_far = CTL_PERM_READ | CTL_PERM_WRITE | CTL_PERM_USER;
	*so_far &= ctl_entry_perm(step->type, step->words[0]);
	return *so_far;
}

static void ctl_tracer_entry(struct vtd_trace *trace, const struct vtd_trace_rec *rec)
{
	struct ctl_tracer *t = container_of(trace, struct ctl_tracer, trace);
	struct ctl_walk *w = t->w;
	struct ctl_step *step = &w->step[w->nr_steps];

	if (w->nr_steps == CTL_STEPS_MAX || rec->nr_words > VTD_PE_WORDS)
		return;
	*step = (struct ctl_step){
		.type = ctl_step_type(rec),
		.stage = rec->stage,
		.level = rec->level,
		.for_table = rec->for_table,
		.has_gpa = rec->has_gpa,
		.pa = rec->pa,
		.gpa = rec->gpa,
		.nr_words = rec->nr_words,
	};
	memcpy(step->words, rec->words, rec->nr_words * sizeof(u64));
	step->table = ctl_step_table(w, step);
	step->index = (step->pa - step->table) / (rec->nr_words * sizeof(u64));
	if (step->type == VTD_ENTRY_FS || step->type == VTD_ENTRY_SS)
		step->perm = ctl_step_perm(t, step);
	w->nr_steps++;
}

u8 ctl_walk_reason(const struct ctl_walk *w)
{
	return w->lookup.reason ? w->lookup.reason : w->xlat.reason;
}

u8 ctl_walk_do(struct ctl_walk *w)
{
	struct ctl_tracer t = { .trace = { .entry = ctl_tracer_entry }, .w = w };
	const struct phys_mem *mem = &w->img->mem;
	u32 access = w->access;

	w->nr_steps = 0;
	memset(&w->lookup, 0, sizeof(w->lookup));
	memset(&w->xlat, 0, sizeof(w->xlat));
	if (w->from_root) {
		if (vtd_lookup(mem, &w->caps, w->rtaddr, &w->req, &w->lookup, &t.trace))
			goto out;
		w->te = w->lookup.te;
		w->te.flags |= w->snooped ? VTD_TE_PWSNP : 0;
		if (w->lookup.priv)
			access |= XLAT_PRIV;
	} else if (w->req.priv) {
		access |= XLAT_PRIV;
	}
	/* A translated request carries the result already. */
	if (w->req.type != VTD_REQ_TRANSLATED)
		vtd_walk_peek(mem, &w->caps, &w->te, w->iova, access, &w->xlat, &t.trace);
	else
		w->xlat = (struct vtd_xlat){ .oa = w->iova, .perm = XLAT_RW, .lg2 = 12 };
out:
	ctl_image_forget(w->img);
	return ctl_walk_reason(w);
}

/* ---- Command line ----------------------------------------------------------------------------------- */

enum {
	CTL_OPT_RTADDR = CTL_OPT_OTHER,
	CTL_OPT_RID,
	CTL_OPT_PASID,
	CTL_OPT_FS_ROOT,
	CTL_OPT_SS_ROOT,
	CTL_OPT_LEVELS,
	CTL_OPT_FS_LEVELS,
	CTL_OPT_SS_LEVELS,
	CTL_OPT_ACCESS,
	CTL_OPT_PRIV,
	CTL_OPT_TYPE,
	CTL_OPT_CAP,
	CTL_OPT_ECAP,
	CTL_OPT_HAW,
	CTL_OPT_SNOOPED,
	CTL_OPT_JSON,
	CTL_OPT_BRIEF,
};

static const struct option ctl_walk_options[] = {
	CTL_INPUT_OPTIONS,
	{ "rtaddr", required_argument, NULL, CTL_OPT_RTADDR },
	{ "rid", required_argument, NULL, CTL_OPT_RID },
	{ "pasid", required_argument, NULL, CTL_OPT_PASID },
	{ "fs-root", required_argument, NULL, CTL_OPT_FS_ROOT },
	{ "ss-root", required_argument, NULL, CTL_OPT_SS_ROOT },
	{ "levels", required_argument, NULL, CTL_OPT_LEVELS },
	{ "fs-levels", required_argument, NULL, CTL_OPT_FS_LEVELS },
	{ "ss-levels", required_argument, NULL, CTL_OPT_SS_LEVELS },
	{ "access", required_argument, NULL, CTL_OPT_ACCESS },
	{ "priv", no_argument, NULL, CTL_OPT_PRIV },
	{ "type", required_argument, NULL, CTL_OPT_TYPE },
	{ "cap", required_argument, NULL, CTL_OPT_CAP },
	{ "ecap", required_argument, NULL, CTL_OPT_ECAP },
	{ "haw", required_argument, NULL, CTL_OPT_HAW },
	{ "snooped", no_argument, NULL, CTL_OPT_SNOOPED },
	{ "json", no_argument, NULL, CTL_OPT_JSON },
	{ "brief", no_argument, NULL, CTL_OPT_BRIEF },
	{ NULL, 0, NULL, 0 },
};

/* Numbers as typed, and which options were there: bit (option - CTL_OPT_OTHER). */
struct ctl_walk_args {
	struct ctl_input in;
	u32 given;
	u64 val[CTL_OPT_BRIEF - CTL_OPT_OTHER + 1];
};

static bool ctl_given(const struct ctl_walk_args *a, int opt)
{
	return a->given & BIT(opt - CTL_OPT_OTHER);
}

static u64 ctl_val(const struct ctl_walk_args *a, int opt, u64 otherwise)
{
	return ctl_given(a, opt) ? a->val[opt - CTL_OPT_OTHER] : otherwise;
}

/* A word out of a list; its value is the number beside it. */
struct ctl_word {
	const char *word;
	u64 val;
};

static const struct ctl_word ctl_accesses[] = {
	{ "r", XLAT_READ },
	{ "w", XLAT_WRITE },
	{ "rw", XLAT_RW },
	{ "z", XLAT_READ | XLAT_ZERO_LEN },
};

static const struct ctl_word ctl_types[] = {
	{ "untranslated", VTD_REQ_UNTRANSLATED },
	{ "translation", VTD_REQ_TRANSLATION },
	{ "translated", VTD_REQ_TRANSLATED },
	{ "page", VTD_REQ_PAGE },
};

static bool ctl_word(const struct ctl_word *list, size_t nr, const char *text, u64 *val)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(list[i].word, text)) {
			*val = list[i].val;
			return true;
		}
	}
	ctl_error("'%s' is not one of the words --help lists", text);
	return false;
}

static bool ctl_walk_value(int opt, const char *arg, u64 *val)
{
	u16 rid = 0;

	switch (opt) {
	case CTL_OPT_RID:
		if (!ctl_rid(arg, &rid))
			return false;
		*val = rid;
		return true;
	case CTL_OPT_PASID:
		return ctl_number_arg("--pasid", arg, (1u << 20) - 1, val);
	case CTL_OPT_LEVELS:
	case CTL_OPT_FS_LEVELS:
	case CTL_OPT_SS_LEVELS:
		return ctl_number_arg("levels", arg, IOPT_LEVELS_MAX, val);
	case CTL_OPT_HAW:
		return ctl_number_arg("--haw", arg, 52, val);
	case CTL_OPT_ACCESS:
		return ctl_word(ctl_accesses, ARRAY_SIZE(ctl_accesses), arg, val);
	case CTL_OPT_TYPE:
		return ctl_word(ctl_types, ARRAY_SIZE(ctl_types), arg, val);
	case CTL_OPT_PRIV:
	case CTL_OPT_SNOOPED:
	case CTL_OPT_JSON:
	case CTL_OPT_BRIEF:
		return true;
	default:
		return ctl_number_arg("value", arg, ~0ULL, val);
	}
}

static int ctl_walk_parse(struct ctl_walk_args *a, int argc, char **argv)
{
	int opt, rc;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", ctl_walk_options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			return ctl_error("walk: bad option '%s' (see walk --help)",
					 argv[optind - 1]);
		rc = ctl_input_option(&a->in, opt, optarg);
		if (rc > 0)
			return rc;
		if (!rc)
			continue;
		if (!ctl_walk_value(opt, optarg, &a->val[opt - CTL_OPT_OTHER]))
			return CTL_ERROR;
		a->given |= BIT(opt - CTL_OPT_OTHER);
	}
	if (optind == argc)
		return ctl_error("walk: no address given (see walk --help)");
	return ctl_input_finish(&a->in);
}

/* A unit that offers all there is, so that only what no unit accepts is a fault. */
static void ctl_caps_all(struct vtd_caps *caps)
{
	*caps = (struct vtd_caps){
		.mgaw = 57,
		.sagaw = BIT(1) | BIT(2) | BIT(3),
		.did_bits = 16,
		.pasid_bits = 20,
		.coherent = 1,
		.zlr = 1,
		.ss_2m = 1,
		.ss_1g = 1,
		.fs_1g = 1,
		.fs5lp = 1,
		.dt = 1,
		.pt = 1,
		.sc = 1,
		.mts = 1,
		.prs = 1,
		.ers = 1,
		.srs = 1,
		.eafs = 1,
		.smts = 1,
		.ssads = 1,
		.ssts = 1,
		.fsts = 1,
		.nest = 1,
		.smpwcs = 1,
		.rps = 1,
		.rprivs = 1,
		.adms = 1,
	};
}

static int ctl_walk_unit(const struct ctl_walk_args *a, struct vtd_caps *caps)
{
	u64 haw = ctl_val(a, CTL_OPT_HAW, 52);

	if (ctl_given(a, CTL_OPT_CAP) != ctl_given(a, CTL_OPT_ECAP))
		return ctl_error("walk: --cap and --ecap belong together");
	if (haw < 32)
		return ctl_error("walk: no unit has a host address width of %u", (unsigned int)haw);
	if (ctl_given(a, CTL_OPT_CAP)) {
		vtd_caps_decode(caps, ctl_val(a, CTL_OPT_CAP, 0), ctl_val(a, CTL_OPT_ECAP, 0),
				(u8)haw);
		return CTL_OK;
	}
	ctl_caps_all(caps);
	caps->haw = (u8)haw;
	return vtd_caps_prepare(caps) ? ctl_error("walk: impossible widths") : CTL_OK;
}

/* A translation entry for page tables given by their roots, checked as hardware checks one. */
static int ctl_walk_roots(const struct ctl_walk_args *a, struct ctl_walk *w)
{
	bool fs = ctl_given(a, CTL_OPT_FS_ROOT), ss = ctl_given(a, CTL_OPT_SS_ROOT);
	u64 levels = ctl_val(a, CTL_OPT_LEVELS, 4), pe[VTD_PE_WORDS];
	struct vtd_te te = {
		.did = 1,
		.pgtt = fs ? (ss ? VTD_PGTT_NESTED : VTD_PGTT_FS) : VTD_PGTT_SS,
		.flags = w->caps.srs ? VTD_TE_SRE | VTD_TE_WPE : 0,
	};

	if (fs && ss && ctl_given(a, CTL_OPT_LEVELS))
		return ctl_error("walk: two tables need --fs-levels and --ss-levels");
	if (fs) {
		te.fs_root = ctl_val(a, CTL_OPT_FS_ROOT, 0);
		te.fs_levels = (u8)ctl_val(a, CTL_OPT_FS_LEVELS, levels);
	}
	if (ss) {
		te.ss_root = ctl_val(a, CTL_OPT_SS_ROOT, 0);
		te.ss_levels = (u8)ctl_val(a, CTL_OPT_SS_LEVELS, levels);
	}
	if (vtd_pe_encode(&w->caps, &te, pe) || vtd_pe_decode(&w->caps, pe, &w->te))
		return ctl_error("walk: no unit takes these roots and levels");
	/* There is no entry that could say otherwise. */
	w->te.flags |= VTD_TE_PWSNP;
	return CTL_OK;
}

static int ctl_walk_start(const struct ctl_walk_args *a, struct ctl_walk *w)
{
	bool roots = ctl_given(a, CTL_OPT_FS_ROOT) || ctl_given(a, CTL_OPT_SS_ROOT);

	w->from_root = ctl_given(a, CTL_OPT_RTADDR);
	if (w->from_root == roots)
		return ctl_error("walk: start with either --rtaddr or --fs-root/--ss-root");
	w->req.type = (u8)ctl_val(a, CTL_OPT_TYPE, VTD_REQ_UNTRANSLATED);
	w->req.priv = ctl_given(a, CTL_OPT_PRIV);
	w->snooped = ctl_given(a, CTL_OPT_SNOOPED);
	w->access = (u32)ctl_val(a, CTL_OPT_ACCESS, XLAT_READ);
	if (w->req.type == VTD_REQ_TRANSLATION)
		w->access |= XLAT_ATS;
	if (!w->from_root)
		return ctl_walk_roots(a, w);
	if (!ctl_given(a, CTL_OPT_RID))
		return ctl_error("walk: --rtaddr needs --rid");
	w->rtaddr = ctl_val(a, CTL_OPT_RTADDR, 0);
	w->req.rid = (u16)ctl_val(a, CTL_OPT_RID, 0);
	w->req.has_pasid = ctl_given(a, CTL_OPT_PASID);
	w->req.pasid = (u32)ctl_val(a, CTL_OPT_PASID, 0);
	if (w->req.priv && !w->req.has_pasid)
		return ctl_error("walk: only requests with PASID can be privileged");
	return CTL_OK;
}

static void ctl_walk_print(const struct ctl_walk_args *a, const struct ctl_walk *w,
			   struct json_object *arr)
{
	if (arr)
		json_object_array_add(arr, ctl_walk_json(w));
	else if (ctl_given(a, CTL_OPT_BRIEF))
		ctl_walk_brief(w);
	else
		ctl_walk_text(w);
}

static int ctl_walk_all(const struct ctl_walk_args *a, struct ctl_walk *w, int nr, char **addr)
{
	struct json_object *arr = NULL;
	int i, rc = CTL_OK;

	/* All of them first: an error comes without half a result. */
	for (i = 0; i < nr; i++)
		if (!ctl_number_arg("address", addr[i], ~0ULL, &w->iova))
			return CTL_ERROR;
	if (ctl_given(a, CTL_OPT_JSON))
		arr = json_object_new_array();
	for (i = 0; i < nr; i++) {
		ctl_number(addr[i], ~0ULL, &w->iova);
		if (ctl_walk_do(w))
			rc = CTL_FAULT;
		ctl_walk_print(a, w, arr);
	}
	if (arr)
		ctl_json_print(arr);
	return rc;
}

int ctl_walk_main(int argc, char **argv)
{
	struct ctl_walk_args a = { .given = 0 };
	struct ctl_walk w = { .img = &a.in.img };
	int rc;

	ctl_input_init(&a.in);
	rc = ctl_walk_parse(&a, argc, argv);
	if (rc == CTL_OK)
		rc = ctl_walk_unit(&a, &w.caps);
	if (rc == CTL_OK)
		rc = ctl_walk_start(&a, &w);
	if (rc == CTL_OK)
		rc = ctl_walk_all(&a, &w, argc - optind, argv + optind);
	ctl_input_destroy(&a.in);
	return rc;
}
