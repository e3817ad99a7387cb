// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "two.h"

#define TWO_ROUNDS	  400
#define TWO_ROUNDS_AFTER  100
#define TWO_ECAP	  "/sys/class/iommu/dmar0/intel-iommu/ecap"
#define TWO_KILL_NS	  30000000000ULL
#define TWO_HELD_NS	  30000000000ULL
#define TWO_HELD_POLL_US  1000
#define TWO_FLOOD_US	  1000
#define TWO_WIDTH_DEFAULT 20

/* What the unit promises, and what the kernel made of it. */
static int two_width(void)
{
	struct accel_info info = { 0 };
	unsigned long long ecap;
	unsigned int bits;
	char line[64];

	if (demo_file(TWO_ECAP, line, sizeof(line)) < 0 || demo_info(&info))
		return demo_fail("no unit, or no accelerator");
	ecap = strtoull(line, NULL, 16);
	bits = (ecap >> 35 & 0x1f) + 1;
	if (bits >= TWO_WIDTH_DEFAULT)
		return demo_fail("the unit promises %u bits: nothing is left to the host", bits);
	if (info.max_pasids != 1U << bits)
		return demo_fail("%u bits, but %u PASIDs", bits, info.max_pasids);
	if (!(info.features & ACCEL_FEATURE_PORTAL))
		return demo_fail("the device has no portals");
	return demo_ok("ECAP %s: PSS %u, %u bits; the kernel has %u PASIDs", line, bits - 1, bits,
		       info.max_pasids);
}

static int two_bind(void)
{
	if (two_open() != DEMO_OK)
		return DEMO_FAIL;
	if (two.regs[(ACCEL_REG_QUEUE + two.q.bind.queue * ACCEL_QUEUE_STRIDE + ACCEL_QUEUE_PASID) /
		     4] != two.q.bind.pasid)
		return demo_fail("the queue's register has another number");
	if (!two_meet(TWO_READY))
		return demo_fail("the other guest does not come");
	return demo_ok("PASID %u in queue %u and portal", two.q.bind.pasid, two.q.bind.queue);
}

static int two_work(void)
{
	uint64_t start = demo_now(), bytes = 0;
	uint32_t page_requests = 0;

	if (two_copies(TWO_ROUNDS, 1, &bytes, &page_requests) != DEMO_OK)
		return DEMO_FAIL;
	if (!page_requests)
		return demo_fail("no page request");
	if (two_intact("while both worked") != DEMO_OK)
		return DEMO_FAIL;
	start = demo_now() - start;
	if (!two_meet(TWO_WORKED))
		return demo_fail("the other guest does not come");
	return demo_ok("%u copies by dedicated and %u by shared queue at once with the other "
		       "guest: %llu KiB right, %u page requests, %llu ms",
		       TWO_ROUNDS, TWO_ROUNDS, (unsigned long long)bytes >> 10, page_requests,
		       (unsigned long long)start / 1000000);
}

static int two_say(const struct two_attack *a, const char *how)
{
	return demo_ok("%s%u numbers, %u of them known to be the other's: %u refused by the "
		       "register, %u by the CPU, %u no numbers; %u reached memory, all of it this "
		       "guest's",
		       how, a->tried, a->hints, a->refused, a->exits, a->traps, a->own);
}

/* Both at once. */
static int two_attacks(void)
{
	struct two_attack a;
	int rc = two_attack(&a);

	if (!two_meet(TWO_ATTACKED))
		return demo_fail("the other guest does not come");
	if (rc != DEMO_OK)
		return DEMO_FAIL;
	return two_intact("after both attacked") == DEMO_OK ? two_say(&a, "") : DEMO_FAIL;
}

static int two_stand(enum two_stage stage)
{
	static const char *const words[] = {
		[ACCEL_HOLD_NONE] = "nobody else is there",
		[ACCEL_HOLD_CHANGED] = "this guest's memory was changed by the other",
		[ACCEL_HOLD_MOVING] = "this guest does not stand still",
		[ACCEL_HOLD_LIMIT] = "the other guest does not come",
	};
	uint32_t hold;

	if (!two_meet(stage))
		return demo_fail("the other guest does not come");
	hold = two.regs[ACCEL_MEET_HOLD / 4];
	if (hold != ACCEL_HOLD_SAME)
		return demo_fail("%s", hold <= ACCEL_HOLD_LIMIT ? words[hold] : "no answer");
	return two_intact("after it stood still");
}

static int two_strike(enum two_stage stage, struct two_attack *a)
{
	uint64_t start = demo_now();

	if (!two_meet(stage))
		return demo_fail("the other guest does not come");
	while (!(two_others() >> 8)) {
		if (demo_now() - start > TWO_HELD_NS)
			return demo_fail("the other guest does not stand still");
		usleep(TWO_HELD_POLL_US);
	}
	if (two_attack(a) != DEMO_OK)
		return DEMO_FAIL;
	return a->hints ? DEMO_OK : demo_fail("the other's numbers are not known");
}

/* One after the other stands still, all of its memory under watch, while the other one attacks. */
static int two_held(void)
{
	struct two_attack a = { 0 };
	enum two_stage stage;
	int rc = DEMO_OK;

	for (stage = TWO_HELD_FIRST; stage <= TWO_HELD_SECOND; stage++) {
		bool stand = two.guest == (stage == TWO_HELD_FIRST ? 1 : 2);
		int here = stand ? two_stand(stage) : two_strike(stage, &a);

		/* Who stands still goes on only when this one does. */
		two.regs[ACCEL_MEET_STAGE / 4] = stage + 1;
		rc = here == DEMO_OK ? rc : DEMO_FAIL;
	}
	return rc == DEMO_OK ? two_say(&a, "all memory the same after it stood still; then ") :
			       DEMO_FAIL;
}

/* It has work in both queues when it says so, and goes on until it is killed. */
static int two_die(void)
{
	two_flood();
	if (!two_meet(TWO_DYING))
		return demo_fail("the other guest does not work");
	two_flood();
	printf("READY to be killed\n");
	for (;; usleep(TWO_FLOOD_US))
		two_flood();
}

/* Guest 2 dies in the midst of work; guest 1 goes on, before, meanwhile and afterwards. */
static int two_survive(void)
{
	uint64_t start = demo_now(), bytes = 0;
	uint32_t page_requests = 0;
	unsigned int rounds = 0;

	while (two_others() & 0xff) {
		if (demo_now() - start > TWO_KILL_NS)
			return demo_fail("the other guest does not die");
		if (two_copies(10, 2 + rounds, &bytes, &page_requests) != DEMO_OK)
			return DEMO_FAIL;
		rounds += 10;
		two.regs[ACCEL_MEET_STAGE / 4] = TWO_DYING;
	}
	if (two_copies(TWO_ROUNDS_AFTER, 3, &bytes, &page_requests) != DEMO_OK)
		return DEMO_FAIL;
	if (two_intact("after the other died") != DEMO_OK)
		return DEMO_FAIL;
	return demo_ok("%u copies each way until the other guest was dead, %u after", rounds,
		       TWO_ROUNDS_AFTER);
}

static int two_kill(void)
{
	if (!two_meet(TWO_KILL))
		return demo_fail("the other guest does not come");
	return two.guest == 2 ? two_die() : two_survive();
}

/* Numbers go and come. */
static int two_again(void)
{
	uint32_t pasid = two.q.bind.pasid;
	uint64_t bytes = 0;
	uint32_t page_requests = 0;
	const struct accel_portal_desc noop = { .op = ACCEL_OP_NOOP };
	volatile uint32_t *portal = two.pages + ACCEL_PORTAL_PAGE(two.q.bind.queue) / 4;

	demo_queue_close(&two.q);
	if (two_enqcmd(portal, pasid | ACCEL_PORTAL_VALID, &noop) != ACCEL_ANSWER_ACCEPTED)
		return demo_fail("another mapping still has the queue: its number goes on");
	/* The portal is a mapping of the file, too. */
	two_portal_close();
	if (two_enqcmd(portal, pasid | ACCEL_PORTAL_VALID, &noop) != ACCEL_ANSWER_EXIT)
		return demo_fail("PASID %u is gone, but the portal takes it", pasid);
	if (demo_queue_open(&two.q, 4) || two_portal_open())
		return demo_fail("bind again");
	if (two_copies(TWO_ROUNDS_AFTER, 4, &bytes, &page_requests) != DEMO_OK)
		return DEMO_FAIL;
	return demo_ok("unbound, its PASID %u went from CPU and queue; bound again as %u", pasid,
		       two.q.bind.pasid);
}

int main(void)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} steps[] = {
		{ "boot", step_boot },	{ "width", two_width },	   { "bind", two_bind },
		{ "work", two_work },	{ "attack", two_attacks }, { "held", two_held },
		{ "again", two_again }, { "kill", two_kill },
	};
	const char *list = getenv("accel_steps"), *guest = getenv("accel_guest"), *first = NULL;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	two.guest = guest ? atoi(guest) : 0;
	if (two.guest != 1 && two.guest != 2) {
		printf("DEMO FAILED accel_guest\n");
		return 1;
	}
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (demo_wanted(list, steps[i].name) &&
		    demo_step(steps[i].name, steps[i].run) == DEMO_FAIL && !first)
			first = steps[i].name;
	if (first)
		printf("DEMO FAILED %s\n", first);
	else
		printf("DEMO OK TWO\n");
	return first ? 1 : 0;
}
