/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Number spaces: which PASIDs are free, used or quarantined. One per RID, one for the host.
 *
 * A used number is somebody's. A quarantined one was let go of, but something may still send it, so
 * it is not handed out before it is released. PASID 0 means "no PASID" to the hardware of most formats
 * and is never handed out. Every operation takes constant time: a space is a tree of bitmaps, made
 * where there are numbers. What a number stands for is kept elsewhere.
 *
 * The caller serializes the calls on one space.
 */
#ifndef IOASID_CORE_PASID_H
#define IOASID_CORE_PASID_H

#include "os/os.h"

struct pasid_node;

#define PASID_NODE_LG2 12 /* numbers below one node: 64 words of 64 */
#define PASID_NODES    (1U << (20 - PASID_NODE_LG2))

/**
 * struct pasid_space - a number space
 * @last: greatest number; 0: there is none
 * @used, @quarantined: how many numbers are in that state
 * @full: bit set: no number of that node is free
 * @node: array of PASID_NODES; NULL until the first number
 */
struct pasid_space {
	u32 last;
	u32 used;
	u32 quarantined;
	u64 full[PASID_NODES / 64];
	struct pasid_node **node;
};

/** struct pasid_spare - memory for one number, for callers that cannot take it under their lock */
struct pasid_spare {
	struct pasid_node **array;
	struct pasid_node *node;
};

/** pasid_space_init() - numbers 1 .. 2^@bits - 1; @bits 0: none at all. */
void pasid_space_init(struct pasid_space *space, unsigned int bits);
void pasid_space_destroy(struct pasid_space *space);
/**
 * pasid_space_lowest_free() - lowest free number in [@first, @last]
 * Return: number, or -ENOSPC. Takes nothing.
 */
s64 pasid_space_lowest_free(const struct pasid_space *space, u32 first, u32 last);
/**
 * pasid_space_take() - take one particular number
 * @spare: memory it may use; what it used is set to NULL. NULL: it allocates itself, and may sleep
 *
 * Return: 0; -ERANGE: 0 or beyond the width; -EEXIST: used; -EBUSY: quarantined; -ENOMEM.
 */
int pasid_space_take(struct pasid_space *space, u32 number, struct pasid_spare *spare);
/** pasid_space_spare() - fill @spare, for any number of any space. 0 or -ENOMEM. Sleeps. */
int pasid_space_spare(struct pasid_spare *spare);
/** pasid_space_spare_free() - what was not used. */
void pasid_space_spare_free(struct pasid_spare *spare);
/** pasid_space_is_used() - used or quarantined. */
bool pasid_space_is_used(const struct pasid_space *space, u32 number);
bool pasid_space_is_quarantined(const struct pasid_space *space, u32 number);
/** pasid_space_retire() - used -> quarantined. Cannot fail. */
void pasid_space_retire(struct pasid_space *space, u32 number);
/** pasid_space_release() - used or quarantined -> free. Cannot fail. */
void pasid_space_release(struct pasid_space *space, u32 number);
/** pasid_space_release_quarantined() - all of them -> free. Cannot fail. */
void pasid_space_release_quarantined(struct pasid_space *space);
/** pasid_space_trim() - give its memory back if no number is in use. */
void pasid_space_trim(struct pasid_space *space);
/** pasid_space_next() - first used or quarantined number at or after @number, or -ENOENT. */
s64 pasid_space_next(const struct pasid_space *space, u32 number);
/** pasid_space_any() - is a number of [@first, @last] used or quarantined? Within one word of 64. */
bool pasid_space_any(const struct pasid_space *space, u32 first, u32 last);
/** pasid_space_bytes() - memory behind it. */
size_t pasid_space_bytes(const struct pasid_space *space);

#endif
