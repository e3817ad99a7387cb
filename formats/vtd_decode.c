// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d entries, and those of CPU PASID translation, as named fields, for people. All knowledge is in
 * the tables; the positions repeat vtd_layout.h and cpu_pasid_layout.h as bit numbers within the whole
 * entry, the way the specifications give them.
 */
#include "formats/vtd.h"

/**
 * struct vtd_field_def - one field
 * @name: as in the specification
 * @lo: lowest bit, from bit 0 of word 0
 * @width: bits; a field does not cross a word
 * @addr: the field is an address without its low bits
 * @nr: length of @values
 * @values: meanings of the first values, NULL where the number says it
 */
struct vtd_field_def {
	const char *name;
	u16 lo;
	u8 width;
	bool addr;
	u8 nr;
	const char *const *values;
};

#define FLAG(n, bit)                             \
	{                                        \
		.name = n, .lo = bit, .width = 1 \
	}
#define NUM(n, hi, low)                                         \
	{                                                       \
		.name = n, .lo = low, .width = (hi) - (low) + 1 \
	}
#define ADDR(n, hi, low)                                                      \
	{                                                                     \
		.name = n, .lo = low, .width = (hi) - (low) + 1, .addr = true \
	}
#define ENUM(n, hi, low, vals)                                                           \
	{                                                                                \
		.name = n, .lo = low, .width = (hi) - (low) + 1, .nr = ARRAY_SIZE(vals), \
		.values = vals                                                           \
	}

static const char *const vtd_ttm_values[] = { "legacy", "scalable", "reserved", "abort" };
static const char *const vtd_pgtt_values[] = { "reserved", "first-stage",  "second-stage",
					       "nested",   "pass-through", "reserved",
					       "reserved", "reserved" };
static const char *const vtd_aw_values[] = { "reserved",	  "39 bits, 3 levels",
					     "48 bits, 4 levels", "57 bits, 5 levels",
					     "reserved",	  "reserved",
					     "reserved",	  "reserved" };
static const char *const vtd_fspm_values[] = { "4 levels", "5 levels", "reserved", "reserved" };
static const char *const vtd_tt_values[] = { "second stage, untranslated requests",
					     "second stage, all requests", "pass-through",
					     "reserved" };
static const char *const vtd_pdts_values[] = { "128 entries",  "256 entries",  "512 entries",
					       "1024 entries", "2048 entries", "4096 entries",
					       "8192 entries", "16384 entries" };
static const char *const vtd_at_values[] = { "untranslated", "translation request", "translated",
					     "reserved" };

static const struct vtd_field_def vtd_root_fields[] = {
	FLAG("LP", 0),
	ADDR("LCTP", 63, 12),
	FLAG("UP", 64),
	ADDR("UCTP", 127, 76),
};

static const struct vtd_field_def vtd_context_fields[] = {
	FLAG("P", 0),
	FLAG("FPD", 1),
	FLAG("DTE", 2),
	FLAG("PASIDE", 3),
	FLAG("PRE", 4),
	FLAG("HPTE", 5),
	FLAG("EPTR", 6),
	ENUM("PDTS", 11, 9, vtd_pdts_values),
	ADDR("PASIDDIRPTR", 63, 12),
	NUM("RID_PASID", 83, 64),
	FLAG("RID_PRIV", 84),
};

static const struct vtd_field_def vtd_legacy_context_fields[] = {
	FLAG("P", 0),
	FLAG("FPD", 1),
	ENUM("TT", 3, 2, vtd_tt_values),
	ADDR("SSPTPTR", 63, 12),
	ENUM("AW", 66, 64, vtd_aw_values),
	NUM("DID", 87, 72),
};

static const struct vtd_field_def vtd_pasid_dir_fields[] = {
	FLAG("P", 0),
	FLAG("FPD", 1),
	ADDR("SMPTBLPTR", 63, 12),
};

static const struct vtd_field_def vtd_pasid_fields[] = {
	FLAG("P", 0),
	FLAG("FPD", 1),
	ENUM("AW", 4, 2, vtd_aw_values),
	ENUM("PGTT", 8, 6, vtd_pgtt_values),
	FLAG("SSADE", 9),
	ADDR("SSPTPTR", 63, 12),
	NUM("DID", 79, 64),
	FLAG("PWSNP", 87),
	FLAG("PGSNP", 88),
	FLAG("CD", 89),
	FLAG("EMTE", 90),
	NUM("PAT", 127, 96),
	FLAG("SRE", 128),
	FLAG("ERE", 129),
	ENUM("FSPM", 131, 130, vtd_fspm_values),
	FLAG("WPE", 132),
	FLAG("NXE", 133),
	FLAG("SMEP", 134),
	FLAG("EAFE", 135),
	ADDR("FSPTPTR", 191, 140),
};

#define VTD_FS_COMMON \
	FLAG("P", 0), FLAG("R/W", 1), FLAG("U/S", 2), FLAG("PWT", 3), FLAG("PCD", 4), FLAG("A", 5)

static const struct vtd_field_def vtd_fs_table_fields[] = {
	VTD_FS_COMMON, FLAG("PS", 7), FLAG("EA", 10), ADDR("ADDR", 51, 12), FLAG("XD", 63),
};

#define VTD_FS_LEAF(low)                                                                           \
	VTD_FS_COMMON, FLAG("D", 6), FLAG("PS", 7), FLAG("G", 8), FLAG("EA", 10), FLAG("PAT", 12), \
		ADDR("ADDR", 51, low), FLAG("XD", 63)

static const struct vtd_field_def vtd_fs_leaf_1g_fields[] = { VTD_FS_LEAF(30) };
static const struct vtd_field_def vtd_fs_leaf_2m_fields[] = { VTD_FS_LEAF(21) };
static const struct vtd_field_def vtd_fs_leaf_4k_fields[] = {
	VTD_FS_COMMON,	FLAG("D", 6),	      FLAG("PAT", 7), FLAG("G", 8),
	FLAG("EA", 10), ADDR("ADDR", 51, 12), FLAG("XD", 63),
};

static const struct vtd_field_def vtd_ss_table_fields[] = {
	FLAG("R", 0),	      FLAG("W", 1),   FLAG("PS", 7),  FLAG("A", 8),
	ADDR("ADDR", 51, 12), FLAG("IR", 61), FLAG("IW", 62),
};

#define VTD_SS_LEAF(low)                                                              \
	FLAG("R", 0), FLAG("W", 1), NUM("EMT", 5, 3), FLAG("IPAT", 6), FLAG("PS", 7), \
		FLAG("A", 8), FLAG("D", 9), FLAG("SNP", 11), ADDR("ADDR", 51, low),   \
		FLAG("IR", 61), FLAG("IW", 62)

static const struct vtd_field_def vtd_ss_leaf_1g_fields[] = { VTD_SS_LEAF(30) };
static const struct vtd_field_def vtd_ss_leaf_2m_fields[] = { VTD_SS_LEAF(21) };
static const struct vtd_field_def vtd_ss_leaf_4k_fields[] = { VTD_SS_LEAF(12) };

static const struct vtd_field_def vtd_rtaddr_fields[] = {
	FLAG("SSIRWE", 7),
	ENUM("TTM", 11, 10, vtd_ttm_values),
	ADDR("RTA", 63, 12),
};

static const struct vtd_field_def vtd_cap_fields[] = {
	NUM("ND", 2, 0),     FLAG("RWBF", 4),	  FLAG("CM", 7),       NUM("SAGAW", 12, 8),
	NUM("MGAW", 21, 16), FLAG("ZLR", 22),	  NUM("FRO", 33, 24),  NUM("SSLPS", 37, 34),
	FLAG("PSI", 39),     NUM("NFR", 47, 40),  NUM("MAMV", 53, 48), FLAG("DWD", 54),
	FLAG("DRD", 55),     FLAG("FS1GP", 56),	  FLAG("PI", 59),      FLAG("FS5LP", 60),
	FLAG("ECMDS", 61),   FLAG("ESIRTPS", 62), FLAG("ESRTPS", 63),
};

static const struct vtd_field_def vtd_ecap_fields[] = {
	FLAG("C", 0),	     FLAG("QI", 1),	 FLAG("DT", 2),	     FLAG("IR", 3),
	FLAG("EIM", 4),	     FLAG("PT", 6),	 FLAG("SC", 7),	     NUM("IRO", 17, 8),
	NUM("MHMV", 23, 20), FLAG("MTS", 25),	 FLAG("NEST", 26),   FLAG("PRS", 29),
	FLAG("ERS", 30),     FLAG("SRS", 31),	 FLAG("NWFS", 33),   FLAG("EAFS", 34),
	NUM("PSS", 39, 35),  FLAG("PASID", 40),	 FLAG("DIT", 41),    FLAG("PDS", 42),
	FLAG("SMTS", 43),    FLAG("VCS", 44),	 FLAG("SSADS", 45),  FLAG("SSTS", 46),
	FLAG("FSTS", 47),    FLAG("SMPWCS", 48), FLAG("RPS", 49),    FLAG("TDXCS", 50),
	FLAG("PMS", 51),     FLAG("ADMS", 52),	 FLAG("RPRIVS", 53), FLAG("HPTS", 55),
	FLAG("PTRS", 56),    FLAG("SSIRWS", 57), FLAG("SMS", 58),    FLAG("HPT1GPS", 59),
	FLAG("RDTS", 60),    FLAG("EIMER", 61),	 FLAG("IRREQ", 62),
};

static const struct vtd_field_def vtd_fault_fields[] = {
	ADDR("FI", 63, 12), NUM("SID", 79, 64),	    FLAG("T2", 92),
	FLAG("PRIV", 93),   FLAG("EXE", 94),	    FLAG("PP", 95),
	NUM("FR", 103, 96), NUM("PASID", 123, 104), ENUM("AT", 125, 124, vtd_at_values),
	FLAG("T1", 126),    FLAG("F", 127),
};

static const struct vtd_field_def vtd_page_request_fields[] = {
	NUM("TYPE", 7, 0), FLAG("PP", 8),	NUM("RID", 31, 16),    NUM("PASID", 51, 32),
	FLAG("EXR", 52),   FLAG("PMR", 53),	FLAG("RDR", 64),       FLAG("WRR", 65),
	FLAG("LPIG", 66),  NUM("PRGI", 75, 67), ADDR("ADDR", 127, 76),
};

static const struct vtd_field_def cpu_pasid_dir_fields[] = {
	FLAG("P", 0),
	ADDR("TABLE", 63, 12),
};

static const struct vtd_field_def cpu_pasid_fields[] = {
	NUM("PASID", 19, 0),
	FLAG("V", 31),
};

/* What the tables of one entry type are: by level where there are levels. */
struct vtd_entry_def {
	const char *name;
	const struct vtd_field_def *fields;
	u8 nr_fields;
	u8 words;
	u8 bytes;
};

#define ENTRY(n, w, f)                                                                           \
	{                                                                                        \
		.name = n, .fields = f, .nr_fields = ARRAY_SIZE(f), .words = w, .bytes = 8 * (w) \
	}
/* An entry that is half a word. */
#define SMALL_ENTRY(n, f)                                                                  \
	{                                                                                  \
		.name = n, .fields = f, .nr_fields = ARRAY_SIZE(f), .words = 1, .bytes = 4 \
	}

static const struct vtd_entry_def vtd_entries[VTD_ENTRY_NR] = {
	[VTD_ENTRY_ROOT] = ENTRY("root", 2, vtd_root_fields),
	[VTD_ENTRY_CONTEXT] = ENTRY("context", 4, vtd_context_fields),
	[VTD_ENTRY_LEGACY_CONTEXT] = ENTRY("legacy-context", 2, vtd_legacy_context_fields),
	[VTD_ENTRY_PASID_DIR] = ENTRY("pasid-dir", 1, vtd_pasid_dir_fields),
	[VTD_ENTRY_PASID] = ENTRY("pasid", 8, vtd_pasid_fields),
	[VTD_ENTRY_FS] = ENTRY("fs", 1, vtd_fs_table_fields),
	[VTD_ENTRY_SS] = ENTRY("ss", 1, vtd_ss_table_fields),
	[VTD_ENTRY_RTADDR] = ENTRY("rtaddr", 1, vtd_rtaddr_fields),
	[VTD_ENTRY_CAP] = ENTRY("cap", 1, vtd_cap_fields),
	[VTD_ENTRY_ECAP] = ENTRY("ecap", 1, vtd_ecap_fields),
	[VTD_ENTRY_FAULT] = ENTRY("fault", 2, vtd_fault_fields),
	[VTD_ENTRY_PAGE_REQUEST] = ENTRY("page-request", 4, vtd_page_request_fields),
	[VTD_ENTRY_CPU_PASID_DIR] = ENTRY("cpu-pasid-dir", 1, cpu_pasid_dir_fields),
	[VTD_ENTRY_CPU_PASID] = SMALL_ENTRY("cpu-pasid", cpu_pasid_fields),
};

static const struct vtd_entry_def vtd_fs_leaves[] = {
	ENTRY("fs", 1, vtd_fs_leaf_4k_fields),
	ENTRY("fs", 1, vtd_fs_leaf_2m_fields),
	ENTRY("fs", 1, vtd_fs_leaf_1g_fields),
};

static const struct vtd_entry_def vtd_ss_leaves[] = {
	ENTRY("ss", 1, vtd_ss_leaf_4k_fields),
	ENTRY("ss", 1, vtd_ss_leaf_2m_fields),
	ENTRY("ss", 1, vtd_ss_leaf_1g_fields),
};

const char *vtd_entry_name(enum vtd_entry_type type)
{
	return (unsigned int)type < VTD_ENTRY_NR ? vtd_entries[type].name : NULL;
}

u32 vtd_entry_words(enum vtd_entry_type type)
{
	return (unsigned int)type < VTD_ENTRY_NR ? vtd_entries[type].words : 0;
}

u32 vtd_entry_bytes(enum vtd_entry_type type)
{
	return (unsigned int)type < VTD_ENTRY_NR ? vtd_entries[type].bytes : 0;
}

/* PS is the same bit in both stages. */
static const struct vtd_entry_def *vtd_entry_def(enum vtd_entry_type type, u8 level, u64 word)
{
	bool leaf = level == 0 || (level <= 2 && word & VTD_FS_PS);

	if (leaf && type == VTD_ENTRY_FS)
		return &vtd_fs_leaves[level];
	if (leaf && type == VTD_ENTRY_SS)
		return &vtd_ss_leaves[level];
	return &vtd_entries[type];
}

static void vtd_field_read(const struct vtd_field_def *def, const u64 *words,
			   struct vtd_field *field)
{
	unsigned int shift = def->lo % 64;
	u64 mask = def->width == 64 ? ~0ULL : (1ULL << def->width) - 1;

	field->name = def->name;
	field->lo = def->lo;
	field->hi = (u16)(def->lo + def->width - 1);
	field->is_addr = def->addr;
	field->value = (words[def->lo / 64] >> shift) & mask;
	field->meaning = field->value < def->nr ? def->values[field->value] : NULL;
	if (def->addr)
		field->value <<= shift;
}

/* A fault's reason is a table of its own. */
static const char *vtd_fault_meaning(u64 reason)
{
	const struct vtd_reason_info *info = vtd_reason_info((u8)reason);

	return info ? info->text : NULL;
}

int vtd_decode(enum vtd_entry_type type, u8 level, const u64 *words,
	       void (*fn)(void *arg, const struct vtd_field *field), void *arg)
{
	const struct vtd_entry_def *def;
	struct vtd_field field;
	unsigned int i;

	if ((unsigned int)type >= VTD_ENTRY_NR || level > 4)
		return -EINVAL;
	def = vtd_entry_def(type, level, words[0]);
	for (i = 0; i < def->nr_fields; i++) {
		vtd_field_read(&def->fields[i], words, &field);
		if (type == VTD_ENTRY_FAULT && field.lo == 96)
			field.meaning = vtd_fault_meaning(field.value);
		fn(arg, &field);
	}
	return 0;
}
