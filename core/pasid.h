/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * PASID spaces: where numbers on the wire come from. One per RID; one host-wide.
 *
 * A number is free, taken (somebody's pointer is behind it) or pending (its owner let go, but
 * something may still send it: it is found no more and not handed out again before release).
 * PASID 0 means "no PASID" to the hardware of most formats and is never handed out.
 *
 * The caller serializes the calls on one space.
 */
#ifndef IOASID_CORE_PASID_H
#define IOASID_CORE_PASID_H

#include "core/home.h"
#include "core/idtree.h"

/**
 * struct pasid_space - a number space
 * @ids: number -> owner's pointer, or &pasid_pending
 * @last: greatest number
 * @pending: numbers in that state
 */
struct pasid_space {
	struct idtree ids;
	u32 last;
	u32 pending;
};

/** pasid_space_init() - numbers 1 .. 2^@bits - 1; @bits 0: none at all. */
void pasid_space_init(struct pasid_space *space, unsigned int bits);
void pasid_space_destroy(struct pasid_space *space);
/**
 * pasid_space_take() - take one particular number
 * @owner: what pasid_space_find() answers; not NULL
 *
 * Return: 0; -ERANGE: 0 or beyond the width; -EEXIST: taken; -EBUSY: pending; -ENOMEM.
 */
int pasid_space_take(struct pasid_space *space, ppasid_t pasid, void *owner);
/** pasid_space_alloc() - take the lowest free number in [@first, @last]. -ENOSPC, -ENOMEM. */
int pasid_space_alloc(struct pasid_space *space, u32 first, u32 last, void *owner, ppasid_t *pasid);
/** pasid_space_find() - the owner, or NULL for free and pending numbers. */
void *pasid_space_find(const struct pasid_space *space, ppasid_t pasid);
/** pasid_space_lowest_free() - Return: number or -ENOSPC; takes nothing. */
s64 pasid_space_lowest_free(const struct pasid_space *space, u32 first, u32 last);
/** pasid_space_retire() - taken -> pending. Cannot fail. */
void pasid_space_retire(struct pasid_space *space, ppasid_t pasid);
/** pasid_space_release() - taken or pending -> free. Cannot fail. */
void pasid_space_release(struct pasid_space *space, ppasid_t pasid);
/** pasid_space_release_pending() - all pending ones -> free. Cannot fail. */
void pasid_space_release_pending(struct pasid_space *space);
/** pasid_space_next() - next taken number at or after *@pasid; its owner, or NULL. */
void *pasid_space_next(const struct pasid_space *space, ppasid_t *pasid);

#endif
