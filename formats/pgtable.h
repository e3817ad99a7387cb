/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Building I/O page tables, the same calls for every format.
 *
 * The algorithm is in pgtable_build.h and is compiled once per format; the calls here reach it by
 * one indirection per call, never per level or per page.
 *
 * Locking: the caller serializes the builder calls on one table. Hardware and software walkers may
 * read (and set accessed/dirty bits in) the tables at any time: every store is one aligned 64-bit
 * word, and after each store a walker finds the old translation, the new one or none.
 */
#ifndef FORMATS_PGTABLE_H
#define FORMATS_PGTABLE_H

#include "formats/tables.h"

/* Formats. A new one adds a line here, a pgtable_fmt_*.h and a three-line .c file. */
enum iopt_fmt {
	IOPT_FMT_VTD_FS, /* VT-d first stage = x86-64, 4 or 5 levels */
	IOPT_FMT_VTD_SS, /* VT-d second stage, 3, 4 or 5 levels */
	IOPT_FMT_NR,
};

/* Permissions and properties of a mapping (@prot). */
#define IOPT_READ  0x1u
#define IOPT_WRITE 0x2u
/*
 * Accesses are snooped. In formats whose leaves have no such bit (first stage) it changes nothing
 * and the entry that points to the table has to say it.
 */
#define IOPT_SNOOP 0x4u

/* Most levels of any format. */
#define IOPT_LEVELS_MAX 5

/**
 * struct iopt_cfg - how to make a table
 * @env: memory and hooks; must outlive the table
 * @fmt: enum iopt_fmt
 * @levels: VTD_FS 4 or 5; VTD_SS 3, 4 or 5
 * @ia_lg2: width of input addresses: mappable are [0, 2^@ia_lg2 - 1]. 0 means all that @levels can
 *	express. For VTD_FS this stays within the lower canonical half, so at most one bit less.
 * @oa_lg2: width of output addresses, up to 52
 * @page_sizes: bitmap of usable page sizes (bit n = 2^n bytes); must contain the smallest. Sizes
 *	that the format does not have are ignored.
 * @leaf_snoop: VTD_SS: leaves may carry the snoop bit (ECAP.SC)
 * @track: leave the accessed and dirty bits of new leaves clear for hardware to set. Otherwise they
 *	are set in advance, so that hardware never needs to write.
 */
struct iopt_cfg {
	const struct table_env *env;
	enum iopt_fmt fmt;
	u8 levels;
	u8 ia_lg2;
	u8 oa_lg2;
	bool leaf_snoop;
	bool track;
	u64 page_sizes;
};

/**
 * struct iopt_extent - a piece of physical memory
 * @pa: first byte, multiple of the smallest page size
 * @len: bytes, multiple of the smallest page size, not 0
 */
struct iopt_extent {
	u64 pa;
	u64 len;
};

/**
 * struct iopt_leaf - one translation
 * @iova: first input address of the page
 * @pa: first output address of the page
 * @lg2: size of the page
 * @prot: IOPT_*
 * @dirty: its dirty bit (always true where the format or the entry does not track)
 */
struct iopt_leaf {
	u64 iova;
	u64 pa;
	u8 lg2;
	bool dirty;
	u32 prot;
};

struct iopt;

/* What a format's instance of the template exports; see pgtable_build.h. */
struct iopt_ops {
	int (*init)(struct iopt *pt, const struct iopt_cfg *cfg);
	void (*destroy)(struct iopt *pt);
	int (*map)(struct iopt *pt, u64 iova, const struct iopt_extent *ext, u64 nr, u32 prot);
	s64 (*unmap)(struct iopt *pt, u64 start, u64 last, struct table_gather *g);
	bool (*next)(const struct iopt *pt, u64 start, u64 last, struct iopt_leaf *leaf);
	int (*dirty)(struct iopt *pt, u64 start, u64 last, bool clear,
		     void (*fn)(void *arg, u64 iova, u64 len), void *arg);
};

/**
 * struct iopt - a page table being built; read-only for users
 * @root_pa: what a context or PASID entry has to point to
 * @root: the same, as a pointer
 * @ia_last: highest mappable address
 * @oa_last: highest output address
 * @page_sizes: sizes in use
 * @nr_tables: table pages, the root included
 * @top: level of the root; level 0 tables hold the smallest pages
 */
struct iopt {
	u64 root_pa;
	u64 *root;
	const struct table_env *env;
	const struct iopt_ops *ops;
	u64 ia_last;
	u64 oa_last;
	u64 page_sizes;
	u64 nr_tables;
	u8 fmt;
	u8 top;
	bool leaf_snoop;
	bool track;
};

/**
 * iopt_init() - make an empty table
 * @pt: storage, owned by the caller
 * @cfg: copied, except what its @env points to
 *
 * Return: 0; -EINVAL for a configuration that makes no sense in itself; -EOPNOTSUPP for one that
 * the format does not have; -ENOMEM.
 */
int iopt_init(struct iopt *pt, const struct iopt_cfg *cfg);

/**
 * iopt_destroy() - free all tables at once
 * @pt: table; nothing may lead to it any more, neither an entry nor a cache nor a walk in progress
 */
void iopt_destroy(struct iopt *pt);

/**
 * iopt_map() - map [@iova, @iova + @len - 1] to @pa onwards
 * @pt: table
 * @iova: first input address
 * @pa: first output address
 * @len: bytes
 * @prot: IOPT_READ, IOPT_WRITE (at least one), IOPT_SNOOP
 *
 * Uses the largest page sizes that alignment and the configuration allow. All or nothing, and on
 * failure no store was made to memory that hardware can see.
 *
 * Return: 0; -EINVAL: zero, misaligned or wrapping range, bad @prot; -ERANGE: input or output
 * beyond the widths of the table; -EEXIST: something in the range is mapped; -EOPNOTSUPP: @prot is
 * nothing this format can say (write-only in VTD_FS, snoop without @leaf_snoop); -ENOMEM.
 */
int iopt_map(struct iopt *pt, u64 iova, u64 pa, u64 len, u32 prot);

/**
 * iopt_map_extents() - map a list of physical extents to consecutive input addresses
 * @pt: table
 * @iova: where the first extent goes; each next one follows without a gap
 * @ext: extents; neighbours that continue each other physically are joined
 * @nr: how many, at least 1
 * @prot: as iopt_map()
 *
 * One call is one mapping: large pages may span extents of one call, never two calls.
 * Errors as iopt_map().
 */
int iopt_map_extents(struct iopt *pt, u64 iova, const struct iopt_extent *ext, u64 nr, u32 prot);

/**
 * iopt_unmap() - remove every translation in [@start, @last]
 * @pt: table
 * @start: first address, multiple of the smallest page size
 * @last: last address, inclusive
 * @g: gets the emptied table pages and the range; not emptied first, so one list may serve many
 *	calls. See &struct table_gather for what the caller has to do with it.
 *
 * Never allocates. Unmapped parts of the range are no error. A large page that lies partly outside
 * makes the call fail with nothing changed.
 *
 * Return: bytes that were mapped (0 is fine), -EINVAL (misaligned, empty or cutting range),
 * -ERANGE (beyond the input width).
 */
s64 iopt_unmap(struct iopt *pt, u64 start, u64 last, struct table_gather *g);

/**
 * iopt_next() - find the first translation that touches [@start, @last]
 * @pt: table
 * @start: first address
 * @last: last address, inclusive
 * @leaf: the translation
 *
 * For lookup (@start == @last), for walking over all mappings, for moving them to another table.
 *
 * Return: true if there is one.
 */
bool iopt_next(const struct iopt *pt, u64 start, u64 last, struct iopt_leaf *leaf);

/**
 * iopt_read_dirty() - report, and optionally clear, dirty bits
 * @pt: table made with @track
 * @start: first address
 * @last: last address, inclusive; a page that touches the range counts whole
 * @clear: also clear the bits. The caller must flush cached translations of the range before it
 *	believes that they are clear: a cached writable translation sets no bit.
 * @fn: called for each dirty page with its first address and size, in ascending order
 * @arg: for @fn
 *
 * Return: 0; -EINVAL; -ERANGE; -EOPNOTSUPP if the table does not track.
 */
int iopt_read_dirty(struct iopt *pt, u64 start, u64 last, bool clear,
		    void (*fn)(void *arg, u64 iova, u64 len), void *arg);

/**
 * iopt_set_track() - begin or end tracking of dirty pages
 * @pt: table
 * @track: true: new leaves come without accessed and dirty bits from now on, and the dirty bits of
 *	all present ones are cleared. The caller makes the entries that point to the table say that
 *	hardware shall set them, and flushes cached translations, in this order: only then does every
 *	later write leave its mark. false: new leaves have the bits; the present ones stay.
 */
void iopt_set_track(struct iopt *pt, bool track);

#endif
