/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioasidctl walk: a translation with everything that was read for it, and how to show it. */
#ifndef IOASID_CTL_WALK_H
#define IOASID_CTL_WALK_H

#include "tools/ctl.h"

/*
 * Most entries one translation can read: root, context, directory, PASID entry; five levels of
 * first stage, each located by five of second stage; five for the result.
 */
#define CTL_STEPS_MAX (4 + 5 * 6 + 5)

/**
 * struct ctl_step - one entry that was read
 * @type: what it is
 * @stage: enum vtd_stage
 * @level: of page tables, 0: 4 KiB pages
 * @for_table: this second-stage step locates a first-stage table
 * @has_gpa: @gpa is valid
 * @table: address of the table it is in
 * @index: its place there
 * @pa: its address
 * @gpa: see &struct vtd_trace_rec
 * @perm: CTL_PERM_*: permissions of its stage so far; only for page tables
 * @nr_words: its size
 * @words: its contents
 */
struct ctl_step {
	enum vtd_entry_type type;
	u8 stage;
	u8 level;
	bool for_table;
	bool has_gpa;
	u64 table;
	u64 index;
	u64 pa;
	u64 gpa;
	u8 perm;
	u8 nr_words;
	u64 words[VTD_PE_WORDS];
};

#define CTL_PERM_READ  0x1u
#define CTL_PERM_WRITE 0x2u
#define CTL_PERM_USER  0x4u

/**
 * struct ctl_walk - a question and its answer
 * @caps: the unit
 * @img: memory
 * @from_root: start at @rtaddr with @req; otherwise @te is given
 * @rtaddr: root table address register
 * @req: request
 * @te: translation entry: given, or found
 * @snooped: take page walks for snooped
 * @access: XLAT_*
 * @iova: address asked for
 * @lookup: result of the first part if @from_root
 * @xlat: result of the second part, if the first had one
 * @step: what was read, in order
 * @nr_steps: how many
 */
struct ctl_walk {
	struct vtd_caps caps;
	struct ctl_image *img;
	bool from_root;
	u64 rtaddr;
	struct vtd_req req;
	struct vtd_te te;
	bool snooped;
	u32 access;
	u64 iova;
	struct vtd_lookup lookup;
	struct vtd_xlat xlat;
	struct ctl_step step[CTL_STEPS_MAX];
	u32 nr_steps;
};

/** ctl_walk_do() - find the answer to @w. Return: 0 or the fault reason. */
u8 ctl_walk_do(struct ctl_walk *w);

/** ctl_walk_reason() - its fault reason, 0 if there is none */
u8 ctl_walk_reason(const struct ctl_walk *w);

void ctl_walk_text(const struct ctl_walk *w);
/** ctl_walk_brief() - one line */
void ctl_walk_brief(const struct ctl_walk *w);
/** ctl_walk_json() - new reference */
struct json_object *ctl_walk_json(const struct ctl_walk *w);

#endif
