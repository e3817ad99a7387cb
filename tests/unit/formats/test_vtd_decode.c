// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Entries as named fields: all bits accounted for, values and meanings right. */
#include "tests/unit/ut.h"
#include "formats/vtd.h"

#define B(n) (1ULL << (n))

/* Collects fields, and looks for one. */
struct seen {
	const char *want;
	struct vtd_field found;
	u64 bits[8];
	u32 nr;
	int last;
};

static bool same_name(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void see(void *arg, const struct vtd_field *f)
{
	struct seen *s = arg;
	unsigned int bit;

	ut_assert(f->name && f->hi >= f->lo && f->hi / 64 == f->lo / 64);
	/* Ascending, without overlap. */
	ut_assert((int)f->lo > s->last);
	s->last = f->hi;
	for (bit = f->lo; bit <= f->hi; bit++)
		s->bits[bit / 64] |= B(bit % 64);
	s->nr++;
	if (same_name(f->name, s->want))
		s->found = *f;
}

static struct vtd_field field(enum vtd_entry_type type, u8 level, const u64 *words,
			      const char *name)
{
	struct seen s = { .want = name, .last = -1 };

	ut_assert_eq(vtd_decode(type, level, words, see, &s), 0);
	ut_assert(s.found.name);
	return s.found;
}

UT_CASE(bounds)
{
	u64 words[8] = { 0 };
	struct seen s = { .last = -1 };

	ut_assert_eq(vtd_decode(VTD_ENTRY_NR, 0, words, see, &s), -EINVAL);
	ut_assert_eq(vtd_decode(VTD_ENTRY_FS, 5, words, see, &s), -EINVAL);
	ut_assert_eq(s.nr, 0);
	ut_assert(!vtd_entry_name(VTD_ENTRY_NR));
	ut_assert_eq(vtd_entry_words(VTD_ENTRY_NR), 0);
	ut_assert_eq(vtd_entry_bytes(VTD_ENTRY_NR), 0);
}

UT_CASE(names_and_sizes)
{
	static const struct {
		const char *name;
		u32 words;
		u32 bytes;
	} want[VTD_ENTRY_NR] = {
		{ "root", 2 },
		{ "context", 4 },
		{ "legacy-context", 2 },
		{ "pasid-dir", 1 },
		{ "pasid", 8 },
		{ "fs", 1 },
		{ "ss", 1 },
		{ "rtaddr", 1 },
		{ "cap", 1 },
		{ "ecap", 1 },
		{ "fault", 2 },
		{ "page-request", 4 },
		{ "cpu-pasid-dir", 1 },
		{ "cpu-pasid", 1, 4 },
	};
	unsigned int i;

	for (i = 0; i < VTD_ENTRY_NR; i++) {
		ut_assert(same_name(vtd_entry_name(i), want[i].name));
		ut_assert_eq(vtd_entry_words(i), want[i].words);
		ut_assert_eq(vtd_entry_bytes(i), want[i].bytes ? want[i].bytes : want[i].words * 8);
	}
}

/* The fields of a PASID entry are exactly its bits that are not reserved. */
UT_CASE(fields_cover_the_entries)
{
	u64 words[8] = { 0 };
	struct seen s = { .last = -1 };

	ut_assert_eq(vtd_decode(VTD_ENTRY_PASID, 0, words, see, &s), 0);
	ut_assert_eq(s.bits[0], ~(B(5) | B(10) | B(11)));
	ut_assert_eq(s.bits[1], 0xffffffff0780ffffULL);
	ut_assert_eq(s.bits[2], ~0xf00ULL);
	ut_assert(!(s.bits[3] | s.bits[4] | s.bits[5] | s.bits[6] | s.bits[7]));
	s = (struct seen){ .last = -1 };
	ut_assert_eq(vtd_decode(VTD_ENTRY_CONTEXT, 0, words, see, &s), 0);
	ut_assert_eq(s.bits[0], ~0x180ULL);
	ut_assert_eq(s.bits[1], B(21) - 1);
	s = (struct seen){ .last = -1 };
	ut_assert_eq(vtd_decode(VTD_ENTRY_PAGE_REQUEST, 0, words, see, &s), 0);
	ut_assert_eq(s.bits[0], 0x003fffffffff01ffULL);
	ut_assert_eq(s.bits[1], ~0ULL);
	s = (struct seen){ .last = -1 };
	ut_assert_eq(vtd_decode(VTD_ENTRY_CPU_PASID_DIR, 0, words, see, &s), 0);
	ut_assert_eq(s.bits[0], ~0xffeULL);
	s = (struct seen){ .last = -1 };
	ut_assert_eq(vtd_decode(VTD_ENTRY_CPU_PASID, 0, words, see, &s), 0);
	ut_assert_eq(s.bits[0], 0x800fffffULL);
}

UT_CASE(values)
{
	u64 pe[8] = { 0x12345000 | 1 | 2 << 2 | 3 << 6, 0xbeef, 0x777000 | 1 << 2 };
	u64 fault[2] = { 0x7fff12345000ULL, 0x1234 | 0x71ULL << 32 | 0xabcdeULL << 40 | B(63) };
	u64 fs1g = 0x12340000000ULL | 0xe7, fs4k = 0x1234567000ULL | 0x67 | B(63);
	u64 te = 0x80012345, de = 0x12345001;
	struct vtd_field f;

	f = field(VTD_ENTRY_PASID, 0, pe, "PGTT");
	ut_assert(f.value == 3 && same_name(f.meaning, "nested") && f.lo == 6 && f.hi == 8);
	f = field(VTD_ENTRY_PASID, 0, pe, "AW");
	ut_assert(f.value == 2 && same_name(f.meaning, "48 bits, 4 levels"));
	f = field(VTD_ENTRY_PASID, 0, pe, "FSPM");
	ut_assert(f.value == 1 && same_name(f.meaning, "5 levels"));
	f = field(VTD_ENTRY_PASID, 0, pe, "SSPTPTR");
	ut_assert(f.value == 0x12345000 && f.is_addr && !f.meaning);
	f = field(VTD_ENTRY_PASID, 0, pe, "FSPTPTR");
	ut_assert(f.value == 0x777000 && f.lo == 140 && f.hi == 191);
	f = field(VTD_ENTRY_PASID, 0, pe, "DID");
	ut_assert(f.value == 0xbeef && !f.is_addr);

	f = field(VTD_ENTRY_FAULT, 0, fault, "FR");
	ut_assert(f.value == 0x71 && f.meaning);
	ut_assert_eq(field(VTD_ENTRY_FAULT, 0, fault, "PASID").value, 0xabcde);
	ut_assert_eq(field(VTD_ENTRY_FAULT, 0, fault, "FI").value, 0x7fff12345000ULL);

	ut_assert_eq(field(VTD_ENTRY_CPU_PASID, 0, &te, "PASID").value, 0x12345);
	ut_assert_eq(field(VTD_ENTRY_CPU_PASID, 0, &te, "V").value, 1);
	ut_assert_eq(field(VTD_ENTRY_CPU_PASID_DIR, 0, &de, "TABLE").value, 0x12345000);

	f = field(VTD_ENTRY_FS, 2, &fs1g, "ADDR");
	ut_assert(f.value == 0x12340000000ULL && f.lo == 30);
	ut_assert_eq(field(VTD_ENTRY_FS, 0, &fs4k, "ADDR").value, 0x1234567000ULL);
	ut_assert_eq(field(VTD_ENTRY_FS, 0, &fs4k, "XD").value, 1);
	ut_assert_eq(field(VTD_ENTRY_FS, 0, &fs4k, "D").value, 1);
}

/* By level and PS: a pointer or a leaf, which has its own fields. */
UT_CASE(pointers_and_leaves)
{
	u64 leaf = 0x40000083, pointer = 0x40001003;
	unsigned int level;

	for (level = 0; level <= 4; level++) {
		struct seen s = { .want = "SNP", .last = -1 };

		ut_assert_eq(vtd_decode(VTD_ENTRY_SS, (u8)level, &leaf, see, &s), 0);
		ut_assert_eq(s.found.name != NULL, level <= 2);
		s = (struct seen){ .want = "SNP", .last = -1 };
		ut_assert_eq(vtd_decode(VTD_ENTRY_SS, (u8)level, &pointer, see, &s), 0);
		ut_assert_eq(s.found.name != NULL, level == 0);
		s = (struct seen){ .want = "G", .last = -1 };
		ut_assert_eq(vtd_decode(VTD_ENTRY_FS, (u8)level, &leaf, see, &s), 0);
		ut_assert_eq(s.found.name != NULL, level <= 2);
	}
}

UT_SUITE(formats_vtd_decode, UT_ENTRY(bounds), UT_ENTRY(names_and_sizes),
	 UT_ENTRY(fields_cover_the_entries), UT_ENTRY(values), UT_ENTRY(pointers_and_leaves));
