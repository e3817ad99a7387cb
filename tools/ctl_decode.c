// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl decode: the fields of one entry, given as words or found in memory. */
#include <json-c/json.h>
#include <string.h>

#include "formats/pgtable.h"
#include "tools/ctl.h"

const char ctl_decode_help[] =
	"Usage: ioasidctl decode TYPE [--level N] [--json] WORD...\n"
	"       ioasidctl decode TYPE [--level N] [--json] MEMORY --at ADDR [--count N]\n"
	"       ioasidctl decode --list\n"
	"\n"
	"Shows the fields of an entry or register: of VT-d, or of CPU PASID translation. WORDs are its\n"
	"64-bit words, the lowest first; a multiple of its size shows several entries. An entry of type\n"
	"cpu-pasid has 32 bits, and a WORD of its own.\n"
	"\n"
	"  --list                 the types and how many words each has\n"
	"  --level N              fs, ss: level of the table (0: the table of 4 KiB pages; default 0)\n"
	"  --at ADDR              address of the first entry\n"
	"  --count N              entries to show (default 1)\n"
	"  --json                 one JSON array with an object per entry\n"
	"\n" CTL_INPUT_HELP "\n"
	"Exit status: 0 shown, 2 wrong usage or input.\n";

/* A page of the smallest entries. */
#define CTL_DECODE_MAX 512

enum {
	CTL_OPT_LIST = CTL_OPT_OTHER,
	CTL_OPT_LEVEL,
	CTL_OPT_AT,
	CTL_OPT_COUNT,
	CTL_OPT_JSON,
};

static const struct option ctl_decode_options[] = {
	CTL_INPUT_OPTIONS,
	{ "list", no_argument, NULL, CTL_OPT_LIST },
	{ "level", required_argument, NULL, CTL_OPT_LEVEL },
	{ "at", required_argument, NULL, CTL_OPT_AT },
	{ "count", required_argument, NULL, CTL_OPT_COUNT },
	{ "json", no_argument, NULL, CTL_OPT_JSON },
	{ NULL, 0, NULL, 0 },
};

/* The command line, taken apart. */
struct ctl_decode {
	struct ctl_input in;
	enum vtd_entry_type type;
	u64 level;
	u64 at;
	u64 count;
	bool has_at;
	bool has_count;
	bool json;
	bool list;
};

static int ctl_decode_option(struct ctl_decode *d, int opt)
{
	bool ok = true;
	int rc = ctl_input_option(&d->in, opt, optarg);

	if (rc >= 0)
		return rc;
	switch (opt) {
	case CTL_OPT_LIST:
		d->list = true;
		break;
	case CTL_OPT_JSON:
		d->json = true;
		break;
	case CTL_OPT_LEVEL:
		ok = ctl_number_arg("--level", optarg, IOPT_LEVELS_MAX - 1, &d->level);
		break;
	case CTL_OPT_AT:
		ok = ctl_number_arg("--at", optarg, ~0ULL, &d->at);
		d->has_at = true;
		break;
	default:
		ok = ctl_number_arg("--count", optarg, CTL_DECODE_MAX, &d->count);
		d->has_count = true;
		break;
	}
	return ok ? CTL_OK : CTL_ERROR;
}

static int ctl_decode_parse(struct ctl_decode *d, int argc, char **argv)
{
	int opt, rc;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", ctl_decode_options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			return ctl_error("decode: bad option '%s' (see decode --help)",
					 argv[optind - 1]);
		rc = ctl_decode_option(d, opt);
		if (rc != CTL_OK)
			return rc;
	}
	return CTL_OK;
}

static int ctl_decode_type(struct ctl_decode *d, const char *name)
{
	unsigned int type;

	for (type = 0; type < VTD_ENTRY_NR; type++) {
		if (!strcmp(vtd_entry_name(type), name)) {
			d->type = type;
			return CTL_OK;
		}
	}
	return ctl_error("decode: no type '%s' (see decode --list)", name);
}

static int ctl_decode_list(void)
{
	unsigned int type;

	for (type = 0; type < VTD_ENTRY_NR; type++)
		printf("%-16s %u\n", vtd_entry_name(type), vtd_entry_words(type));
	return CTL_OK;
}

/* The words of all entries from the command line. */
static int ctl_decode_words(struct ctl_decode *d, int argc, char **argv, u64 *words)
{
	u32 nr = vtd_entry_words(d->type);
	int i;

	if (d->has_at || d->has_count)
		return ctl_error("decode: --at and --count need memory to look at");
	if (!argc || argc % (int)nr || argc > CTL_DECODE_MAX * (int)nr)
		return ctl_error("decode: %s has %u words, not %d", vtd_entry_name(d->type), nr,
				 argc);
	for (i = 0; i < argc; i++)
		if (!ctl_number_arg("word", argv[i], ~0ULL, &words[i]))
			return CTL_ERROR;
	d->count = (u64)argc / nr;
	return CTL_OK;
}

/* Entries of four bytes get a word each, as from the command line. */
static void ctl_decode_widen(u64 *words, u64 count)
{
	u32 small;

	while (count--) {
		memcpy(&small, (const char *)words + count * sizeof(small), sizeof(small));
		words[count] = small;
	}
}

/* The same from memory. */
static int ctl_decode_memory(struct ctl_decode *d, int argc, u64 *words)
{
	size_t len;

	if (argc || !d->has_at)
		return ctl_error("decode: memory needs --at, and no words");
	if (ctl_input_finish(&d->in) != CTL_OK)
		return CTL_ERROR;
	if (!d->has_count)
		d->count = 1;
	len = d->count * vtd_entry_bytes(d->type);
	if (!ctl_image_read(&d->in.img, d->at, words, len))
		return ctl_error("decode: no memory at 0x%llx for %zu bytes", d->at, len);
	if (vtd_entry_bytes(d->type) == sizeof(u32))
		ctl_decode_widen(words, d->count);
	return CTL_OK;
}

static void ctl_decode_text(const struct ctl_decode *d, const u64 *words, u64 i)
{
	u32 nr = vtd_entry_words(d->type), w;

	printf("%s", vtd_entry_name(d->type));
	if (d->type == VTD_ENTRY_FS || d->type == VTD_ENTRY_SS)
		printf(" level %u", (unsigned int)d->level);
	if (d->has_at)
		printf(" at 0x%llx", d->at + i * vtd_entry_bytes(d->type));
	printf("\n   ");
	for (w = 0; w < nr; w++)
		printf(" %0*llx", (int)(vtd_entry_bytes(d->type) / nr * 2), words[w]);
	putchar('\n');
	ctl_fields_text(stdout, d->type, (u8)d->level, words);
}

static struct json_object *ctl_decode_json(const struct ctl_decode *d, const u64 *words, u64 i)
{
	struct json_object *obj = json_object_new_object();
	u32 nr = vtd_entry_words(d->type);

	json_object_object_add(obj, "type", json_object_new_string(vtd_entry_name(d->type)));
	if (d->type == VTD_ENTRY_FS || d->type == VTD_ENTRY_SS)
		json_object_object_add(obj, "level", json_object_new_int((int)d->level));
	if (d->has_at)
		json_object_object_add(obj, "entry",
				       ctl_json_hex(d->at + i * vtd_entry_bytes(d->type)));
	json_object_object_add(obj, "words", ctl_json_words(words, nr));
	json_object_object_add(obj, "fields", ctl_fields_json(d->type, (u8)d->level, words));
	return obj;
}

static int ctl_decode_print(const struct ctl_decode *d, const u64 *words)
{
	struct json_object *arr = d->json ? json_object_new_array() : NULL;
	u64 i;

	for (i = 0; i < d->count; i++, words += vtd_entry_words(d->type)) {
		if (d->json)
			json_object_array_add(arr, ctl_decode_json(d, words, i));
		else
			ctl_decode_text(d, words, i);
	}
	if (d->json)
		ctl_json_print(arr);
	return CTL_OK;
}

static int ctl_decode_run(struct ctl_decode *d, int argc, char **argv)
{
	static u64 words[CTL_DECODE_MAX * VTD_PE_WORDS];
	int rc = ctl_decode_parse(d, argc, argv);

	argc -= optind;
	argv += optind;
	if (rc != CTL_OK)
		return rc;
	if (d->list)
		return ctl_decode_list();
	if (!argc)
		return ctl_error("decode: no type given (see decode --list)");
	rc = ctl_decode_type(d, argv[0]);
	if (rc == CTL_OK)
		rc = ctl_input_given(&d->in) ? ctl_decode_memory(d, argc - 1, words) :
					       ctl_decode_words(d, argc - 1, argv + 1, words);
	return rc == CTL_OK ? ctl_decode_print(d, words) : rc;
}

int ctl_decode_main(int argc, char **argv)
{
	struct ctl_decode d = { .level = 0 };
	int rc;

	ctl_input_init(&d.in);
	rc = ctl_decode_run(&d, argc, argv);
	ctl_input_destroy(&d.in);
	return rc;
}
