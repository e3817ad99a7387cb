/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The allocator as its description has it, over arrays and by the shortest way to write it down: what
 * every operation answers, what each handler hears and in which state it finds everything. It knows
 * nothing of the allocator's own data. Source: docs/allocator.md, include/linux/ioasid_alloc.h.
 *
 * Two owners: A is a process with a set that comes and goes and is promised two numbers, B the host
 * with one that stays and draws on what is left. Three handlers: of all sets, of A's set, of process A.
 */
#ifndef TESTS_UNIT_CORE_ALLOC_MODEL_H
#define TESTS_UNIT_CORE_ALLOC_MODEL_H

#include "core/pasid_alloc.h"

#define AM_NUMBERS 3 /* at most: 1 to this */
#define AM_SETS	   2
#define AM_QUOTA   2 /* of A */
#define AM_SPIDS   2 /* private numbers 0 and 1 */
#define AM_HOLDERS 2
#define AM_NONE	   INVALID_IOASID

enum am_op_kind {
	AM_NOTHING,
	AM_ALLOC, /* set */
	AM_FREE, /* id, by its owner */
	AM_GET, /* id, holder */
	AM_PUT, /* id, holder */
	AM_GET_SPID, /* set, spid: find and get */
	AM_ATTACH, /* id, spid */
	AM_DETACH, /* id */
	AM_FREE_ALL, /* set */
	AM_SET_FREE, /* A: only when it is empty */
	AM_SET_DESTROY, /* A: as soon as it is empty */
	AM_SET_ALLOC, /* A */
	AM_REGISTER, /* handler */
	AM_UNREGISTER, /* handler */
};

/** struct am_op - an operation; members as the kind needs them */
struct am_op {
	u8 kind;
	u8 set;
	u8 id;
	u8 arg; /* holder, spid or handler */
};

enum am_handler { AM_GLOBAL, AM_SET, AM_MM, AM_HANDLERS };

/** struct am_number - a number; if it is not used, nothing else counts */
struct am_number {
	bool used;
	bool pending;
	bool unlisted; /* free_all was here */
	u8 set;
	u8 phase; /* of the private number: enum am_phase */
	u8 pins; /* events about it that are being told */
	u8 born; /* 1: the oldest of all, 2: the next */
	u8 holders[AM_HOLDERS];
	u32 spid;
};

enum am_phase { AM_STABLE, AM_BINDING, AM_BINDING_UNBIND, AM_UNBINDING };
enum am_life { AM_ABSENT, AM_LIVE, AM_DYING };

/** struct am_set - a set; @hears: process A's handler is attached to this one */
struct am_set {
	u8 life;
	u8 nr;
	bool hears;
};

/** enum am_wrong - rules the model breaks on purpose, to see that the difference is found */
enum am_wrong {
	AM_RIGHT,
	AM_WRONG_GET_PENDING, /* a number that is being freed can be taken */
	AM_WRONG_FREE_IDLE, /* FREE is told when nobody is left to be told */
	AM_WRONG_FREE_TWICE, /* the second free drops a reference */
	AM_WRONG_EARLY, /* a number goes while its event is being told */
	AM_WRONG_UNBIND, /* UNBIND is told when the private number is gone */
	AM_WRONG_ORDER, /* equal handlers: the set's before the global one */
	AM_WRONG_SPID, /* free_all leaves private numbers to be found */
	AM_WRONGS,
};

/**
 * struct am - everything
 * @numbers: how many there are
 * @wrong: enum am_wrong
 * @state: what a run leaves; what of it is equal is equal in all that follows
 * @telling: events that are being told; @sweeping: by free_all of the set of this number - 1
 * @heard: called for every handler that hears an event: what it does about it is up to the caller
 */
struct am {
	u8 numbers;
	u8 wrong;
	struct {
		struct am_number number[AM_NUMBERS + 1];
		struct am_set set[AM_SETS];
		bool registered[AM_HANDLERS];
	} state;
	u8 telling;
	u8 sweeping;
	void (*heard)(struct am *am, enum am_handler handler, u32 event, u8 id, u32 spid);
};

void am_init(struct am *am, u8 numbers);
/** am_do() - Return: what the allocator answers: errno, number or bool. */
s64 am_do(struct am *am, struct am_op op);
/** am_find_spid() - the number behind a private one, or AM_NONE. */
u32 am_find_spid(const struct am *am, u8 set, u32 spid);

#endif
