/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The demonstration in two guests of one accelerator at once. Both run the same program; the kernel's
 * command line says which is which (accel_guest=1, 2). They meet in registers of the device.
 *
 * Both have memory at the same addresses, with different contents: what is done in one guest by the
 * other's work shows.
 */
#ifndef TWO_H
#define TWO_H

#include "demo.h"

#define TWO_AREA	 ((uint8_t *)0x7e0000000000ULL)
#define TWO_SECRET	 TWO_AREA
#define TWO_SECRET_BYTES (64 * DEMO_PAGE)
#define TWO_TARGET	 (TWO_SECRET + TWO_SECRET_BYTES)
#define TWO_TARGET_BYTES (16 * DEMO_PAGE)
#define TWO_LOOT	 (TWO_TARGET + TWO_TARGET_BYTES)
#define TWO_LOOT_BYTES	 (16 * DEMO_PAGE)
#define TWO_RING	 (TWO_LOOT + TWO_LOOT_BYTES)
#define TWO_COMPS	 (TWO_RING + DEMO_PAGE)
#define TWO_AREA_BYTES	 ((size_t)(TWO_COMPS + DEMO_PAGE - TWO_AREA))

/* Stages, as ACCEL_MEET_STAGE has them: each is reached by both before one of them goes on. */
enum two_stage {
	TWO_NONE,
	TWO_READY, /* bound */
	TWO_WORKED,
	TWO_ATTACKED,
	TWO_HELD_FIRST, /* guest 1 stands still, guest 2 attacks */
	TWO_HELD_SECOND, /* the other way round */
	TWO_KILL,
	TWO_DYING, /* guest 1 is at work, guest 2 may die */
};

/**
 * struct two - this guest
 * @guest: 1 or 2
 * @q: a queue of the process; its PASID is the process's
 * @portal: the queue's portal page
 * @regs, @pages: BAR 0 and 2, as somebody with all rights in this guest has them
 */
struct two {
	unsigned int guest;
	struct demo_queue q;
	volatile uint32_t *portal;
	volatile uint32_t *regs;
	volatile uint32_t *pages;
};
extern struct two two;

/** two_open() - memory, queue, portal, registers. Return: DEMO_OK or DEMO_FAIL. */
int two_open(void);

/** two_portal_open(), two_portal_close() - the portal page of @q, mapped. Return: 0 or negative errno. */
int two_portal_open(void);
void two_portal_close(void);

/** two_meet() - go to @stage and wait for the other. False: it does not come, or is gone. */
bool two_meet(enum two_stage stage);
/** two_others() - ACCEL_MEET_OTHERS. */
uint32_t two_others(void);

/** two_enqcmd() - lay @desc down in the portal, with @ia32_pasid, and commit. Return: enum accel_answer. */
uint32_t two_enqcmd(volatile uint32_t *portal, uint32_t ia32_pasid,
		    const struct accel_portal_desc *desc);

/** two_ring() - the ring of an attack, part of the area. */
void two_ring(void);
/** two_fill() - the area as it is when nobody else has written to it. */
void two_fill(void);
/** two_intact() - it still is. Return: DEMO_OK or DEMO_FAIL. */
int two_intact(const char *when);
/** two_secret() - the byte at @i of guest @guest's secret. */
uint8_t two_secret(unsigned int guest, size_t i);

/** two_copies() - @rounds of copies through queue and portal at once, checked. DEMO_OK or DEMO_FAIL. */
int two_copies(unsigned int rounds, unsigned int seed, uint64_t *bytes, uint32_t *page_requests);
/** two_flood() - as much work as fits now, which nobody waits for; again and again. */
void two_flood(void);

/**
 * struct two_attack - what came of an attack
 * @tried: numbers; @refused: writes to the register that were refused
 * @exits, @traps: instructions that ended so; @own: that reached this guest's own memory
 * @broken: numbers that were taken and are not this process's; @first, @where: the first of them
 * @hints: numbers of the other that the device told
 */
struct two_attack {
	unsigned int tried, refused, exits, traps, own, broken, hints;
	uint32_t first;
	const char *where;
};

/** two_attack() - try every number on queue and portal. Return: DEMO_OK or DEMO_FAIL. */
int two_attack(struct two_attack *a);

#endif
