/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Where the guests of one function meet: the registers ACCEL_MEET_* of <ioasid_accel_hw.h>. A guest says how
 * far it is and sees how far all are; and it can be held, standing still, while the others go on, to
 * compare all of its memory before and after.
 */
#ifndef LIVE_MEETING_H
#define LIVE_MEETING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel.h"
#include "guest_ram.h"

#define MEETING_MAX	8
#define MEETING_LIMIT_S 40 /* how long a guest is held at most */

struct meeting;

/**
 * struct meeting_member - a slice's guest
 * @came: it said once where it is; @here: and is not gone
 * @held: it is, and its memory is known
 * @stage: where it is
 * @accel, @ram: the slice's
 */
struct meeting_member {
	struct meeting *meeting;
	unsigned int index;
	bool came, here, held;
	uint32_t stage;
	struct accel *accel;
	struct guest_ram *ram;
};

/**
 * struct meeting - all of them
 * @lock: protects all; @changed: somebody's state did
 * @over: nobody waits for anybody any more
 * @held_same, @held_changed: how often a guest's memory was found the same, and not
 */
struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over;
	unsigned int nr;
	unsigned int held_same, held_changed;
	struct meeting_member members[MEETING_MAX];
};

/** meeting_init() - @nr members, none of which is there. */
void meeting_init(struct meeting *m, unsigned int nr);
void meeting_destroy(struct meeting *m);
/** meeting_end() - whoever is held goes on; for good. */
void meeting_end(struct meeting *m);

/** meeting_read(), meeting_write() - a guest's access at @off; reading HOLD waits. */
uint64_t meeting_read(struct meeting_member *self, uint64_t off);
void meeting_write(struct meeting_member *self, uint64_t off, uint32_t value);
/** meeting_leave() - the guest is gone. */
void meeting_leave(struct meeting_member *self);

/** meeting_hash() - of all bytes of a guest's writable RAM; @bytes: how many that are. */
uint64_t meeting_hash(struct guest_ram *ram, uint64_t *bytes);

#endif
