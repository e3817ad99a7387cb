/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Intel VT-d: capabilities, the structures above the page tables, translation, decoding.
 *
 *   vtd_entry.c   encode, decode and validate root, context and PASID structures
 *   vtd_tables.c  build and change them in the order hardware needs
 *   vtd_lookup.c  from a request to its translation entry
 *   vtd_walk.c    from an entry and an address to the result: page tables
 *   vtd_fault.c   fault reasons as a table
 *   vtd_decode.c  entries as named fields, for people
 *
 * Bit positions are in vtd_layout.h and nobody else's business.
 */
#ifndef FORMATS_VTD_H
#define FORMATS_VTD_H

#include "formats/tables.h"
#include "formats/vtd_layout.h"
#include "formats/xlat.h"

/* ---- Capabilities ------------------------------------------------------------------------- */

/**
 * struct vtd_caps - what a VT-d unit can do, as far as its tables depend on it
 *
 * Fill it with vtd_caps_decode(), or field by field and then vtd_caps_prepare(). Read-only after.
 */
struct vtd_caps {
	u8 haw; /* host address width, 32 to 52 (in-process: width of a host virtual address) */
	u8 mgaw; /* maximum guest address width, 32 to 57 */
	u8 sagaw; /* bit n: AW encoding n (n + 2 second-stage levels) */
	u8 did_bits; /* width of a domain ID */
	u8 pasid_bits; /* width of a PASID, 0: no requests with PASID */
	bool coherent; /* ECAP.C */
	bool cm; /* caching mode: domain ID 0 is reserved */
	bool zlr; /* zero-length reads of write-only pages */
	bool ss_2m, ss_1g; /* second-stage large pages */
	bool fs_1g; /* first-stage 1 GiB pages */
	bool fs5lp; /* 5-level first stage */
	bool dt; /* device TLBs */
	bool pt; /* pass-through */
	bool sc; /* snoop control: SS leaf SNP, PGSNP */
	bool mts; /* memory types */
	bool prs; /* page requests */
	bool ers; /* execute requests (old revisions) */
	bool srs; /* supervisor requests */
	bool eafs; /* extended accessed flag */
	bool smts; /* scalable mode */
	bool ssads; /* second-stage accessed/dirty */
	bool ssts, fsts, nest; /* second stage, first stage, nested */
	bool smpwcs; /* page walk coherency per PASID entry (PWSNP) */
	bool rps; /* RID_PASID */
	bool rprivs; /* RID_PRIV */
	bool adms; /* abort mode */

	/* Filled by vtd_caps_prepare(): reserved bits by level, for pointers and for leaves. */
	u64 fs_rsvd_table[5], fs_rsvd_leaf[5];
	u64 ss_rsvd_table[5], ss_rsvd_leaf[5];
	u64 haw_rsvd; /* bits 63:HAW */
};

/**
 * vtd_caps_decode() - fill @caps from register values
 * @caps: result, prepared
 * @cap: capability register
 * @ecap: extended capability register
 * @haw: host address width; widths no unit can have are pulled to the nearest possible one
 */
void vtd_caps_decode(struct vtd_caps *caps, u64 cap, u64 ecap, u8 haw);

/**
 * vtd_caps_prepare() - compute what follows from the other fields
 * @caps: fields filled by hand
 *
 * Return: 0; -EINVAL for widths that no unit can have (haw 32..52, mgaw 32..57).
 */
int vtd_caps_prepare(struct vtd_caps *caps);

/* ---- Entries ------------------------------------------------------------------------------ */

/* Properties of a translation (struct vtd_te.flags). */
#define VTD_TE_FPD   0x0001u /* qualified faults are not reported; by lookup: any FPD on the path */
#define VTD_TE_SSADE 0x0002u /* accessed/dirty in second-stage entries */
#define VTD_TE_PWSNP 0x0004u /* page walks are snooped */
#define VTD_TE_PGSNP 0x0008u /* accesses are snooped */
#define VTD_TE_CD    0x0010u
#define VTD_TE_EMTE  0x0020u
#define VTD_TE_SRE   0x0040u /* supervisor requests allowed */
#define VTD_TE_WPE   0x0080u /* supervisor writes obey R/W */
#define VTD_TE_EAFE  0x0100u /* extended accessed flag */
#define VTD_TE_ERE   0x0200u
/* From here: only in results of vtd_lookup(), from the context entry. */
#define VTD_TE_DT     0x1000u /* translation and translated requests allowed (DTE) */
#define VTD_TE_PASID  0x2000u /* requests with PASID allowed (PASIDE) */
#define VTD_TE_PR     0x4000u /* page requests allowed (PRE) */
#define VTD_TE_LEGACY 0x8000u /* legacy-mode entry */

/**
 * struct vtd_te - a translation entry: a PASID table entry, or a legacy context entry, decoded
 * @fs_root: first-stage root: host-physical for VTD_PGTT_FS, guest-physical for VTD_PGTT_NESTED
 * @ss_root: second-stage root, host-physical
 * @pat: memory types (only with caps.mts)
 * @did: domain ID, the cache tag
 * @pgtt: VTD_PGTT_*
 * @fs_levels: 4 or 5 if there is a first stage
 * @ss_levels: 3, 4 or 5 if there is a second stage
 * @gpa_lg2: width of second-stage input, set by decoding, ignored by encoding
 * @flags: VTD_TE_*
 */
struct vtd_te {
	u64 fs_root;
	u64 ss_root;
	u32 pat;
	u16 did;
	u16 flags;
	u8 pgtt;
	u8 fs_levels;
	u8 ss_levels;
	u8 gpa_lg2;
};

/**
 * vtd_pe_encode() - make a PASID table entry
 * @caps: unit
 * @te: contents
 * @pe: eight words, P set
 *
 * Return: 0; -EINVAL if the hardware would refuse the entry (see vtd_pe_decode()).
 */
int vtd_pe_encode(const struct vtd_caps *caps, const struct vtd_te *te, u64 pe[VTD_PE_WORDS]);

/**
 * vtd_pe_decode() - check a PASID table entry and take it apart
 * @caps: unit; a field whose capability is absent is reserved
 * @pe: eight words
 * @te: result; FPD is set in its flags also when the entry is refused
 *
 * Return: 0 or the fault reason: SPT.2 (0x59) not present, SPT.3 (0x5a) reserved bit,
 * SPT.4 (0x5b) illegal AW, PGTT, FSPM or nested first-stage root.
 */
u8 vtd_pe_decode(const struct vtd_caps *caps, const u64 pe[VTD_PE_WORDS], struct vtd_te *te);

/**
 * vtd_pe_used() - which bits of a PASID table entry mean something
 * @pe: eight words
 * @used: mask of the bits that hardware looks at, given the others
 *
 * Two entries that agree in all used bits of both have the same meaning. Changing a bit that is
 * not used changes nothing; that is what updates of live entries are built on.
 */
void vtd_pe_used(const u64 pe[VTD_PE_WORDS], u64 used[VTD_PE_WORDS]);

/** vtd_ce_used() - the same for a scalable-mode context entry */
void vtd_ce_used(const u64 ce[VTD_CTX_WORDS], u64 used[VTD_CTX_WORDS]);
/** vtd_lce_used() - the same for a legacy-mode context entry */
void vtd_lce_used(const u64 ce[VTD_LCTX_WORDS], u64 used[VTD_LCTX_WORDS]);
/** vtd_de_used() - the same for a PASID directory entry */
u64 vtd_de_used(u64 de);
/** vtd_re_used() - the same for one half (word) of a root entry */
u64 vtd_re_used(u64 re);

/**
 * struct vtd_ctx - a scalable-mode context entry, decoded
 * @dir: PASID directory
 * @rid_pasid: PASID of requests without PASID
 * @pdts: size of the directory: 2^(@pdts + 7) entries
 * @rid_priv: privilege of requests without PASID
 * @flags: VTD_TE_FPD, VTD_TE_DT, VTD_TE_PASID, VTD_TE_PR
 */
struct vtd_ctx {
	u64 dir;
	u32 rid_pasid;
	u8 pdts;
	bool rid_priv;
	u16 flags;
};

/** vtd_ce_encode() - make a context entry. Return: 0 or -EINVAL as vtd_pe_encode(). */
int vtd_ce_encode(const struct vtd_caps *caps, const struct vtd_ctx *ctx, u64 ce[VTD_CTX_WORDS]);

/**
 * vtd_ce_decode() - check a scalable-mode context entry and take it apart
 *
 * Return: 0 or SCT.2 (0x41) not present, SCT.3 (0x42) reserved bit, SCT.4 (0x43) contradiction.
 */
u8 vtd_ce_decode(const struct vtd_caps *caps, const u64 ce[VTD_CTX_WORDS], struct vtd_ctx *ctx);

/**
 * vtd_lce_encode() - make a legacy-mode context entry
 * @te: pgtt VTD_PGTT_SS or VTD_PGTT_PASS; VTD_TE_DT asks for device TLB support
 */
int vtd_lce_encode(const struct vtd_caps *caps, const struct vtd_te *te, u64 ce[VTD_LCTX_WORDS]);

/** vtd_lce_decode() - check a legacy-mode context entry. Return: 0 or a legacy reason (1 to 13). */
u8 vtd_lce_decode(const struct vtd_caps *caps, const u64 ce[VTD_LCTX_WORDS], struct vtd_te *te);

/* ---- Fault reasons ------------------------------------------------------------------------ */

/* Reason codes. Legacy mode has its own, below 0x10. */
enum vtd_reason {
	VTD_L_ROOT_NOT_PRESENT = 0x01,
	VTD_L_CTX_NOT_PRESENT = 0x02,
	VTD_L_CTX_INVALID = 0x03,
	VTD_L_WIDTH = 0x04,
	VTD_L_WRITE = 0x05,
	VTD_L_READ = 0x06,
	VTD_L_ACCESS = 0x07,
	VTD_L_ROOT_ACCESS = 0x08,
	VTD_L_CTX_ACCESS = 0x09,
	VTD_L_ROOT_RSVD = 0x0a,
	VTD_L_CTX_RSVD = 0x0b,
	VTD_L_PTE_RSVD = 0x0c,
	VTD_L_BLOCKED = 0x0d,
	VTD_RTA_1 = 0x30, /* invalid TTM */
	VTD_RTA_2 = 0x31, /* PASID in legacy mode */
	VTD_RTA_3 = 0x32, /* page request in legacy mode */
	VTD_RTA_4 = 0x33, /* abort mode */
	VTD_RTA_5 = 0x34, /* execute requested */
	VTD_SRT_1 = 0x38, /* root entry: access */
	VTD_SRT_2 = 0x39, /* not present */
	VTD_SRT_3 = 0x3a, /* reserved */
	VTD_SCT_1 = 0x40, /* context entry: access */
	VTD_SCT_2 = 0x41, /* not present */
	VTD_SCT_3 = 0x42, /* reserved */
	VTD_SCT_4 = 0x43, /* contradiction */
	VTD_SCT_5 = 0x44, /* DTE = 0 */
	VTD_SCT_6 = 0x45, /* PASIDE = 0 */
	VTD_SCT_7 = 0x46, /* PASID beyond PDTS */
	VTD_SCT_8 = 0x47, /* PRE = 0 */
	VTD_SCT_9 = 0x48, /* PASID is RID_PASID */
	VTD_SCT_10 = 0x49, /* EPTR = 0 */
	VTD_SPD_1 = 0x50, /* directory entry: access */
	VTD_SPD_2 = 0x51, /* not present */
	VTD_SPD_3 = 0x52, /* reserved */
	VTD_SPT_1 = 0x58, /* PASID entry: access */
	VTD_SPT_2 = 0x59, /* not present */
	VTD_SPT_3 = 0x5a, /* reserved */
	VTD_SPT_4 = 0x5b, /* illegal value */
	VTD_SPT_5 = 0x5c, /* execute request (old) */
	VTD_SPT_6 = 0x5d, /* SRE = 0 */
	VTD_SPT_9 = 0x60, /* host permission table size */
	VTD_SFS_1 = 0x70, /* FS entry: access */
	VTD_SFS_2 = 0x71, /* not present */
	VTD_SFS_3 = 0x72, /* reserved */
	VTD_SFS_4 = 0x73, /* root table: access */
	VTD_SFS_5 = 0x74, /* nested: address too wide */
	VTD_SFS_6 = 0x75, /* nested: SS forbids reading the root table */
	VTD_SFS_7 = 0x76, /* nested: SS forbids reading a table */
	VTD_SFS_8 = 0x77, /* nested: SS forbids setting A/D/EA */
	VTD_SSS_1 = 0x78, /* SS entry: access */
	VTD_SSS_2 = 0x79, /* not present */
	VTD_SSS_3 = 0x7a, /* reserved */
	VTD_SSS_4 = 0x7b, /* root table: access */
	VTD_SSS_5 = 0x7c, /* A/D update needs snooped walks */
	VTD_SSS_6 = 0x7d, /* A/D update failed */
	VTD_SGN_1 = 0x80, /* not canonical */
	VTD_SGN_2 = 0x81, /* user request, supervisor page */
	VTD_SGN_3 = 0x82, /* no execute (old) */
	VTD_SGN_4 = 0x83, /* pass-through: too wide */
	VTD_SGN_5 = 0x84, /* second stage only: too wide */
	VTD_SGN_6 = 0x85, /* no write permission */
	VTD_SGN_7 = 0x86, /* no read permission */
	VTD_SGN_8 = 0x87, /* result in the interrupt range */
	VTD_SGN_10 = 0x89, /* PASID wider than PSS */
	VTD_SFS_9 = 0x90, /* A/D update needs snooped walks */
	VTD_SFS_10 = 0x91, /* A/D update failed */
	VTD_HPT_1 = 0xa0, /* host permission table, 0xa0 to 0xa5 */
	VTD_HPT_6 = 0xa5,
};

/* How a translation request that hits a fault is completed. Untranslated requests always get UR. */
enum vtd_completion {
	VTD_COMPL_NONE, /* cannot happen to a translation request */
	VTD_COMPL_CA, /* completer abort */
	VTD_COMPL_UR, /* unsupported request */
	VTD_COMPL_EMPTY, /* success with R = W = 0; not recorded as a fault */
	VTD_COMPL_PERM, /* success with the permission that exists */
};

/**
 * struct vtd_reason_info - what is known about a reason
 * @code: enum vtd_reason
 * @qualified: not recorded if an FPD bit on the path is set
 * @completion: enum vtd_completion
 * @fault: enum xlat_fault
 * @name: the specification's short name
 * @text: one line
 */
struct vtd_reason_info {
	u8 code;
	bool qualified;
	u8 completion;
	u8 fault;
	const char *name;
	const char *text;
};

/** vtd_reason_info() - look a reason up. Return: NULL for a code that does not exist. */
const struct vtd_reason_info *vtd_reason_info(u8 code);

/* ---- Finding the entry of a request -------------------------------------------------------- */

/* What kind of request it is (struct vtd_req.type). */
enum vtd_req_type {
	VTD_REQ_UNTRANSLATED,
	VTD_REQ_TRANSLATION, /* asks for a translation (ATS) */
	VTD_REQ_TRANSLATED, /* carries the result of one */
	VTD_REQ_PAGE, /* page request (PRI) */
};

/**
 * struct vtd_req - a request as it arrives
 * @rid: requester ID
 * @has_pasid: has a PASID
 * @priv: claims supervisor privilege; only looked at with PASID
 * @type: enum vtd_req_type
 * @pasid: PASID if @has_pasid
 */
struct vtd_req {
	u16 rid;
	bool has_pasid;
	bool priv;
	u8 type;
	u32 pasid;
};

/* Stages, as reported in faults, results and traces. */
enum vtd_stage {
	VTD_STAGE_NONE,
	VTD_STAGE_ROOT,
	VTD_STAGE_CONTEXT,
	VTD_STAGE_PASID_DIR,
	VTD_STAGE_PASID,
	VTD_STAGE_FS,
	VTD_STAGE_SS,
};

/**
 * struct vtd_trace_rec - one entry that was read
 * @words: its contents
 * @nr_words: 1 to 8
 * @stage: enum vtd_stage
 * @level: for page tables: 0 is the table of 4 KiB pages
 * @for_table: second stage of a nested walk: this step locates a first-stage table
 * @has_gpa: @gpa is valid
 * @pa: physical address of the entry
 * @gpa: nested: guest-physical address of a first-stage entry, or the second stage's input
 */
struct vtd_trace_rec {
	const u64 *words;
	u64 pa;
	u64 gpa;
	u8 nr_words;
	u8 stage;
	u8 level;
	bool for_table;
	bool has_gpa;
};

/** struct vtd_trace - gets a record of every entry read, in order; embed it for context */
struct vtd_trace {
	void (*entry)(struct vtd_trace *trace, const struct vtd_trace_rec *rec);
};

/**
 * struct vtd_lookup - result of vtd_lookup()
 * @te: the entry; after a fault only its FPD flag is valid
 * @pasid: PASID of the entry used (RID_PASID for a request without)
 * @reason: 0 or enum vtd_reason
 * @report: after a fault: record it (false: qualified and FPD says no)
 * @stage: after a fault: whose entry is to blame
 * @priv: privilege of the request: as it says, or RID_PRIV
 */
struct vtd_lookup {
	struct vtd_te te;
	u32 pasid;
	u8 reason;
	u8 stage;
	bool report;
	bool priv;
};

/**
 * vtd_lookup() - from a request to its translation entry
 * @mem: reaches root table, context tables, PASID directory and tables
 * @caps: unit
 * @rtaddr: root table address register, with its translation table mode
 * @req: request
 * @res: result
 * @trace: NULL, or gets each entry read
 *
 * Reads memory only. Entries may change meanwhile: an entry that changes while its words are read
 * is read again, so that the result is one state of it.
 *
 * Return: @res->reason.
 */
u8 vtd_lookup(const struct phys_mem *mem, const struct vtd_caps *caps, u64 rtaddr,
	      const struct vtd_req *req, struct vtd_lookup *res, struct vtd_trace *trace);

/**
 * vtd_te_refuses() - may this kind of request use a cached entry?
 * @te: result of an earlier lookup of the same RID and PASID (or of "no PASID")
 * @req: request
 *
 * The checks of vtd_lookup() that depend on the type of request only; a cache of entries needs
 * them for each hit.
 *
 * Return: 0 or the fault reason (SCT.5, SCT.8, or their legacy forms).
 */
static inline u8 vtd_te_refuses(const struct vtd_te *te, const struct vtd_req *req)
{
	if (likely(req->type == VTD_REQ_UNTRANSLATED))
		return 0;
	if (te->flags & VTD_TE_LEGACY) {
		if (req->type == VTD_REQ_PAGE)
			return VTD_RTA_3;
		return te->flags & VTD_TE_DT ? 0 : VTD_L_BLOCKED;
	}
	if (req->type == VTD_REQ_PAGE)
		return te->flags & VTD_TE_PR ? 0 : VTD_SCT_8;
	return te->flags & VTD_TE_DT ? 0 : VTD_SCT_5;
}

/* ---- Walking ------------------------------------------------------------------------------- */

/* struct vtd_xlat.flags */
#define VTD_XLAT_SNOOP	      0x01u /* the access is snooped whatever the request says */
#define VTD_XLAT_GPA	      0x02u /* .gpa is valid */
#define VTD_XLAT_TABLE	      0x04u /* fault: while locating or updating a first-stage table */
#define VTD_XLAT_REPORT	      0x08u /* fault: record it (not qualified, or no FPD) */
#define VTD_XLAT_PAGE_REQUEST 0x10u /* fault: a page request may repair it */
#define VTD_XLAT_CLEAN	      0x20u /* a dirty bit on the way is still clear */
#define VTD_XLAT_USER	      0x40u /* user requests may use the page too (always, without first stage) */

/**
 * struct vtd_xlat - result of a walk
 * @oa: output address, valid if @reason is 0
 * @gpa: nested: first-stage output; after a fault of the second stage its input (the address of
 *	a first-stage entry if VTD_XLAT_TABLE). Valid if VTD_XLAT_GPA.
 * @reason: 0 or enum vtd_reason
 * @fault: enum xlat_fault, the same in general terms
 * @stage: VTD_STAGE_FS or VTD_STAGE_SS: where the walk ended; NONE: before any table
 * @level: level of the entry where it ended
 * @lg2: @oa - and all of its naturally aligned block of 2^@lg2 bytes - is one translation; the
 *	smaller of the two stages. 12 where the block would touch the interrupt range.
 * @fs_lg2: page size of the first stage, 0 without
 * @ss_lg2: page size of the second stage, 0 without
 * @perm: XLAT_READ, XLAT_WRITE: what may be cached for requests of this privilege. WRITE appears
 *	only if every dirty bit on the way is set, so that writing through the cache loses none.
 * @flags: VTD_XLAT_*
 */
struct vtd_xlat {
	u64 oa;
	u64 gpa;
	u8 reason;
	u8 fault;
	u8 stage;
	u8 level;
	u8 lg2;
	u8 fs_lg2;
	u8 ss_lg2;
	u8 perm;
	u8 flags;
};

/**
 * struct vtd_step - a place inside a walk, for a paging-structure cache
 * @table: host-physical address of a page table
 * @gpa: nested: its guest-physical address
 * @level: its level: it covers the 2^(21 + 9 * @level) bytes of input around the address walked
 * @perm: what the entries above leave, opaque
 *
 * Tables of the first stage, or of the second if that is the only one. Good as long as neither
 * stage changed: purge it on every invalidation of the domain, PASID or address that is not
 * leaf-only, and on every change of the second stage.
 */
struct vtd_step {
	u64 table;
	u64 gpa;
	u8 level;
	u8 perm;
};

/** struct vtd_steps - the tables of one walk, below its root, in the order visited */
struct vtd_steps {
	u8 nr;
	struct vtd_step step[4];
};

/**
 * vtd_walk() - translate one address
 * @mem: reaches all page tables by host-physical address
 * @caps: unit
 * @te: entry, from vtd_lookup() or vtd_pe_decode()
 * @iova: input address
 * @access: XLAT_*: READ, WRITE or both, PRIV, ZERO_LEN, ATS
 * @x: result, written completely
 *
 * Sets accessed and dirty bits by compare-and-exchange and starts again when an entry changed
 * under its hands. Any contents of guest tables are safe: it reads and writes only where
 * the second stage (or, without one, @mem) allows. Does not sleep, takes no lock; the caller keeps
 * the host's own tables from being freed (RCU or a lock) until it returns.
 *
 * Return: @x->reason.
 */
u8 vtd_walk(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
	    u64 iova, u32 access, struct vtd_xlat *x);

/**
 * vtd_walk_steps() - the same, with a paging-structure cache
 * @from: where to start, from an earlier walk of the same entry and privilege; NULL: at the root
 * @steps: gets the tables visited; NULL: not wanted. Valid also after a fault.
 *
 * The other arguments are vtd_walk()'s.
 */
u8 vtd_walk_steps(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
		  const struct vtd_step *from, u64 iova, u32 access, struct vtd_xlat *x,
		  struct vtd_steps *steps);

/**
 * vtd_walk_peek() - the same for tools: sets no bit anywhere
 * @trace: NULL, or gets each entry read
 *
 * The other arguments are vtd_walk()'s. XLAT_WRITE in @x->perm means permission even if a dirty bit
 * is clear; VTD_XLAT_CLEAN tells.
 */
u8 vtd_walk_peek(const struct phys_mem *mem, const struct vtd_caps *caps, const struct vtd_te *te,
		 u64 iova, u32 access, struct vtd_xlat *x, struct vtd_trace *trace);

/* ---- Building the structures of a host ------------------------------------------------------- */

/* A request without PASID uses this entry of its RID's PASID table. */
#define VTD_TABLES_RID_PASID 0u

/**
 * struct vtd_tables - root table and everything between it and the page tables
 *
 * Calls on one of these are serialized by the caller; hardware and vtd_lookup() read at any time.
 * Removals gather pages and say in the list's "what" which caches hold old contents.
 */
struct vtd_tables {
	const struct table_env *env;
	struct vtd_caps caps;
	u64 *root;
	u64 root_pa;
	u64 nr_pages;
};

/**
 * vtd_tables_init() - an empty root table: every request is blocked
 * @t: storage, owned by the caller
 * @env: memory and hooks, must outlive @t
 * @caps: unit, copied; needs smts
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP (no scalable mode), -ENOMEM.
 */
int vtd_tables_init(struct vtd_tables *t, const struct table_env *env, const struct vtd_caps *caps);

/** vtd_tables_destroy() - free everything at once; nothing may read the tables any more */
void vtd_tables_destroy(struct vtd_tables *t);

/** vtd_tables_rtaddr() - value for the root table address register (scalable mode) */
u64 vtd_tables_rtaddr(const struct vtd_tables *t);

/**
 * vtd_tables_device_add() - give a RID a context entry with an empty PASID directory
 * @t: tables
 * @rid: requester ID
 * @flags: VTD_TE_DT, VTD_TE_PASID, VTD_TE_PR, VTD_TE_FPD
 *
 * Return: 0, -EEXIST, -EINVAL (PR without DT), -EOPNOTSUPP (a flag the unit does not have),
 * -ENOMEM.
 */
int vtd_tables_device_add(struct vtd_tables *t, u16 rid, u16 flags);

/**
 * vtd_tables_device_set() - change the flags of a RID's context entry, atomically
 *
 * The caller flushes the context cache afterwards. Errors as vtd_tables_device_add(), and -ENOENT.
 */
int vtd_tables_device_set(struct vtd_tables *t, u16 rid, u16 flags);

/**
 * vtd_tables_device_remove() - take the context entry and all PASID entries of a RID away
 * @t: tables
 * @rid: requester ID
 * @g: gets its PASID directory and tables
 *
 * Return: 0 or -ENOENT.
 */
int vtd_tables_device_remove(struct vtd_tables *t, u16 rid, struct table_gather *g);

/**
 * vtd_tables_pasid_install() - make an entry that is not there
 * @t: tables
 * @rid: requester ID, added before
 * @pasid: PASID, or VTD_TABLES_RID_PASID for requests without
 * @te: contents
 * @g: gets the old PASID directory if it had to grow (TABLE_GATHER_CONTEXT is then set)
 *
 * The slot must have been flushed since a former entry was removed from it.
 *
 * Return: 0; -EEXIST; -ENOENT (no such RID); -ERANGE (PASID wider than the unit's); -EINVAL (an
 * entry hardware would refuse); -ENOMEM. Nothing changed unless 0.
 */
int vtd_tables_pasid_install(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te,
			     struct table_gather *g);

/**
 * vtd_tables_pasid_replace() - change a live entry so that hardware sees the old or the new one
 * @t: tables
 * @rid: requester ID
 * @pasid: PASID
 * @te: new contents
 *
 * Possible when one 64-bit store switches everything that hardware looks at; a new first-stage
 * root is, as is going between second stage and nested with the same DID. The caller flushes
 * PASID cache, IOTLB and device TLB afterwards, before the old page tables may go.
 *
 * Return: 0; -ENOENT; -EINVAL; -EBUSY: not possible in one step: remove, flush, install.
 */
int vtd_tables_pasid_replace(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te);

/**
 * vtd_tables_pasid_exchange() - the same, through "not present" where one step is not enough
 *
 * Needs no memory, and the slot is never seen with a mixture; but hardware may find nothing there
 * for a moment, so the caller has to let requests that do try again. Real hardware, which may have
 * cached the old entry in parts, needs remove, flush, install instead.
 *
 * Return: 0; -ENOENT; -EINVAL.
 */
int vtd_tables_pasid_exchange(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te);

/**
 * vtd_tables_pasid_remove() - take an entry away
 * @t: tables
 * @rid: requester ID
 * @pasid: PASID
 * @g: gets the PASID table if it became empty
 *
 * Return: 0 or -ENOENT.
 */
int vtd_tables_pasid_remove(struct vtd_tables *t, u16 rid, u32 pasid, struct table_gather *g);

/**
 * vtd_tables_pasid_get() - copy an entry out
 *
 * Return: true and the words, or false if there is none.
 */
bool vtd_tables_pasid_get(const struct vtd_tables *t, u16 rid, u32 pasid, u64 pe[VTD_PE_WORDS]);

/* ---- Decoding for people ---------------------------------------------------------------------- */

enum vtd_entry_type {
	VTD_ENTRY_ROOT,
	VTD_ENTRY_CONTEXT,
	VTD_ENTRY_LEGACY_CONTEXT,
	VTD_ENTRY_PASID_DIR,
	VTD_ENTRY_PASID,
	VTD_ENTRY_FS, /* with a level */
	VTD_ENTRY_SS, /* with a level */
	VTD_ENTRY_RTADDR,
	VTD_ENTRY_CAP,
	VTD_ENTRY_ECAP,
	VTD_ENTRY_FAULT,
	VTD_ENTRY_PAGE_REQUEST,
	/* What CPUs walk on the way to a VT-d unit: formats/cpu_pasid_layout.h */
	VTD_ENTRY_CPU_PASID_DIR,
	VTD_ENTRY_CPU_PASID,
	VTD_ENTRY_NR,
};

/** vtd_entry_name() - "root", "context", ... ; NULL if @type is out of range */
const char *vtd_entry_name(enum vtd_entry_type type);
/** vtd_entry_words() - how many 64-bit words such an entry has */
u32 vtd_entry_words(enum vtd_entry_type type);
/** vtd_entry_bytes() - its size in memory: 8 for each word, or 4: then a word holds one entry too */
u32 vtd_entry_bytes(enum vtd_entry_type type);

/**
 * struct vtd_field - a field as found in an entry
 * @name: the specification's name
 * @value: the field's bits moved down; an address is given as an address
 * @meaning: what this value says, or NULL if the number says it all
 * @hi: highest bit, counted from bit 0 of word 0
 * @lo: lowest bit
 * @is_addr: @value is an address
 */
struct vtd_field {
	const char *name;
	const char *meaning;
	u64 value;
	u16 hi;
	u16 lo;
	bool is_addr;
};

/**
 * vtd_decode() - go through the fields of an entry
 * @type: kind of entry
 * @level: for page table entries: level of its table (0: 4 KiB pages)
 * @words: vtd_entry_words() words
 * @fn: called per field, in order; the field is valid during the call only
 * @arg: for @fn
 *
 * Fields that @type and @level do not have are left out; so are ignored ones.
 *
 * Return: 0 or -EINVAL.
 */
int vtd_decode(enum vtd_entry_type type, u8 level, const u64 *words,
	       void (*fn)(void *arg, const struct vtd_field *field), void *arg);

#endif
