// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * One guest against the other, with all rights that it has: each number that there is for it, and many that
 * there are not, in a queue's register and in a portal. The work that goes with a number writes TWO_TARGET,
 * TWO_LOOT and a record, and reads TWO_SECRET: addresses that mean the same in both guests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "two.h"

#define TWO_QUEUE      (ACCEL_QUEUES - 1) /* the driver gives out the lowest */
#define TWO_RING_LG2   1
#define TWO_HOST_SPLIT 32768 /* where numbers of the whole host begin, if nobody chose otherwise */
#define TWO_GUESSES    512
#define TWO_SAMPLES    1024
#define TWO_MAX	       8192
#define TWO_WAIT_MS    200 /* for what should not come */
#define TWO_LONG_MS    15000 /* for what has to, on a machine that has a lot to do */
#define TWO_BROKEN     6 /* this often is enough */
#define TWO_MARK       0x4b4341545441ULL
#define TWO_ENABLE_STEP \
	64 /* one in so many refusals: what does the queue do that was enabled anyway? */

/* ---- numbers --------------------------------------------------------------------------------------- */

struct two_numbers {
	uint32_t list[TWO_MAX];
	unsigned int n;
};

static void two_number(struct two_numbers *t, uint32_t number)
{
	if (t->n < TWO_MAX)
		t->list[t->n++] = number;
}

static void two_range(struct two_numbers *t, uint32_t first, uint32_t n)
{
	while (n--)
		two_number(t, first++);
}

/* The whole promised width, what lies behind it, what the host might have chosen for the other. */
static void two_collect(struct two_numbers *t, struct two_attack *a, uint32_t width)
{
	unsigned int i, state = two.guest;
	uint32_t hint;

	t->n = 0;
	for (i = 0; i < (ACCEL_MEET_END - ACCEL_MEET_HINTS) / 4; i++) {
		hint = two.regs[ACCEL_MEET_HINTS / 4 + i];
		if (!hint)
			continue;
		a->hints++;
		two_range(t, hint, 2);
		two_number(t, hint - 1);
	}
	two_range(t, 1, width - 1 + 64);
	for (i = 0; i < 20; i++)
		two_range(t, (1U << i) - !!i, 3);
	two_range(t, TWO_HOST_SPLIT, TWO_GUESSES);
	for (i = 0; i < TWO_SAMPLES; i++)
		two_number(t, width + rand_r(&state) % ((1U << 20) - width));
	two_range(t, (1U << 20) - 4, 4);
	/* Numbers that are none: more bits than there are, around the one that is good. */
	for (i = 20; i < 31; i++)
		two_number(t, 1U << i | two.q.bind.pasid);
	two_number(t, ~0U >> 1);
}

/* ---- what an attack does --------------------------------------------------------------------------- */

static void two_break(struct two_attack *a, uint32_t number, const char *where)
{
	if (a->broken++)
		return;
	a->first = number;
	a->where = where;
}

static volatile struct accel_comp *two_comp(unsigned int i)
{
	return (volatile struct accel_comp *)TWO_COMPS + i;
}

/*
 * The ring: the same bytes at the same place in both guests, so that it works in whosever memory it is
 * looked for.
 */
void two_ring(void)
{
	struct accel_desc *ring = (struct accel_desc *)TWO_RING;

	ring[0] = (struct accel_desc){ .op = ACCEL_OP_FILL,
				       .flags = ACCEL_DESC_COMPLETION,
				       .len = TWO_TARGET_BYTES,
				       .dst = (uintptr_t)TWO_TARGET,
				       .operand = TWO_MARK,
				       .completion = (uintptr_t)two_comp(0) };
	ring[1] = (struct accel_desc){ .op = ACCEL_OP_COPY,
				       .flags = ACCEL_DESC_COMPLETION,
				       .len = TWO_LOOT_BYTES,
				       .src = (uintptr_t)TWO_SECRET,
				       .dst = (uintptr_t)TWO_LOOT,
				       .completion = (uintptr_t)two_comp(1) };
}

/* Did the work of this number reach this guest's memory, complete and correct? Clean up after it. */
static bool two_reached(bool own)
{
	uint64_t start = demo_now(), limit = (own ? TWO_LONG_MS : TWO_WAIT_MS) * 1000000ULL;
	bool reached;
	size_t i;

	while (!two_comp(1)->status && demo_now() - start < limit)
		usleep(100);
	reached = two_comp(0)->status == ACCEL_COMP_SUCCESS &&
		  two_comp(1)->status == ACCEL_COMP_SUCCESS;
	for (i = 0; i < TWO_LOOT_BYTES && reached; i++)
		reached = TWO_LOOT[i] == two_secret(two.guest, i);
	for (i = 0; i < TWO_TARGET_BYTES && reached; i += 8)
		reached = *(uint64_t *)(TWO_TARGET + i) == TWO_MARK;
	two_fill();
	return reached;
}

static volatile uint32_t *two_queue_reg(uint32_t reg)
{
	return two.regs + (ACCEL_REG_QUEUE + TWO_QUEUE * ACCEL_QUEUE_STRIDE + reg) / 4;
}

static bool two_queue_idle(void)
{
	uint64_t start = demo_now();

	*two_queue_reg(ACCEL_QUEUE_CONTROL) = 0;
	do {
		if (ACCEL_STATUS_STATE(*two_queue_reg(ACCEL_QUEUE_STATUS)) == ACCEL_STATE_IDLE)
			return true;
		usleep(100);
	} while (demo_now() - start < TWO_LONG_MS * 1000000ULL);
	return false;
}

/* Let the queue run with what its register has. Return: it runs. */
static bool two_queue_run(uint32_t control)
{
	*two_queue_reg(ACCEL_QUEUE_RING_LG2) = TWO_RING_LG2;
	*two_queue_reg(ACCEL_QUEUE_RING_BASE) = (uint32_t)(uintptr_t)TWO_RING;
	*two_queue_reg(ACCEL_QUEUE_RING_BASE + 4) = (uintptr_t)TWO_RING >> 32;
	*two_queue_reg(ACCEL_QUEUE_CONTROL) = ACCEL_CONTROL_ENABLE | control;
	if (ACCEL_STATUS_STATE(*two_queue_reg(ACCEL_QUEUE_STATUS)) != ACCEL_STATE_RUNNING)
		return false;
	two.pages[TWO_QUEUE * ACCEL_DOORBELL_STRIDE / 4] = 2;
	return true;
}

static void two_dedicated(struct two_attack *a, uint32_t number)
{
	bool own = number == two.q.bind.pasid;

	*two_queue_reg(ACCEL_QUEUE_PASID) = 0;
	*two_queue_reg(ACCEL_QUEUE_PASID) = number;
	if (!*two_queue_reg(ACCEL_QUEUE_PASID)) {
		a->refused++;
		if (own)
			two_break(a, number, "register");
		if (a->refused % TWO_ENABLE_STEP == 0 && two_queue_run(ACCEL_CONTROL_PASID))
			two_break(a, number, "register");
	} else if (!two_queue_run(ACCEL_CONTROL_PASID) || two_reached(own) != own) {
		two_break(a, number, "register");
	} else if (own) {
		a->own++;
	} else {
		/* Taken, and its work was not seen here: then it is somewhere else. */
		two_break(a, number, "register");
	}
	if (ACCEL_STATUS_STATE(*two_queue_reg(ACCEL_QUEUE_STATUS)) != ACCEL_STATE_IDLE &&
	    !two_queue_idle())
		two_break(a, number, "register");
}

static void two_portal(struct two_attack *a, uint32_t number)
{
	static const struct accel_portal_desc fill = { .op = ACCEL_OP_FILL,
						       .flags = ACCEL_DESC_COMPLETION,
						       .len = TWO_TARGET_BYTES,
						       .operand = TWO_MARK };
	bool own = number == two.q.bind.pasid, valid = !(number & ~0xfffffU);
	struct accel_portal_desc desc = fill;
	uint32_t answer;

	desc.dst = (uintptr_t)TWO_TARGET;
	desc.completion = (uintptr_t)two_comp(0);
	answer = two_enqcmd(two.portal, number | ACCEL_PORTAL_VALID, &desc);
	a->exits += answer == ACCEL_ANSWER_EXIT;
	a->traps += answer == ACCEL_ANSWER_GP;
	if (answer == (valid ? ACCEL_ANSWER_EXIT : ACCEL_ANSWER_GP) && !own)
		return;
	if (answer != ACCEL_ANSWER_ACCEPTED || !own) {
		two_break(a, number, "portal");
		return;
	}
	desc = (struct accel_portal_desc){ .op = ACCEL_OP_COPY,
					   .flags = ACCEL_DESC_COMPLETION,
					   .len = TWO_LOOT_BYTES,
					   .src = (uintptr_t)TWO_SECRET,
					   .dst = (uintptr_t)TWO_LOOT,
					   .completion = (uintptr_t)two_comp(1) };
	answer = two_enqcmd(two.portal, number | ACCEL_PORTAL_VALID, &desc);
	if (answer != ACCEL_ANSWER_ACCEPTED || !two_reached(true))
		two_break(a, number, "portal");
	else
		a->own++;
}

/* A queue without PASID sends by the slice's default route: the guest's own, where nothing is mapped. */
static void two_default(struct two_attack *a)
{
	if (two_queue_run(0) && two_reached(false))
		two_break(a, 0, "register");
	if (!two_queue_idle())
		two_break(a, 0, "register");
}

/* ... and a portal without a valid number, or the good one without saying that it is. */
static void two_invalid(struct two_attack *a)
{
	const struct accel_portal_desc noop = { .op = ACCEL_OP_NOOP };

	if (two_enqcmd(two.portal, two.q.bind.pasid, &noop) != ACCEL_ANSWER_GP ||
	    two_enqcmd(two.portal, ACCEL_PORTAL_VALID, &noop) != ACCEL_ANSWER_EXIT)
		two_break(a, ACCEL_PORTAL_VALID, "portal");
}

int two_attack(struct two_attack *a)
{
	static struct two_numbers numbers;
	struct accel_info info = { 0 };
	unsigned int i;

	memset(a, 0, sizeof(*a));
	if (demo_info(&info) || !two_queue_idle())
		return demo_fail("queue %u is not free", TWO_QUEUE);
	two_collect(&numbers, a, info.max_pasids);
	for (i = 0; i < numbers.n && a->broken < TWO_BROKEN; i++) {
		two_dedicated(a, numbers.list[i]);
		two_portal(a, numbers.list[i]);
	}
	two_default(a);
	two_invalid(a);
	*two_queue_reg(ACCEL_QUEUE_PASID) = 0;
	a->tried = i;
	if (!a->broken)
		return two_intact("after the attack");
	if (a->first == two.q.bind.pasid)
		return demo_fail("its own number %u does not work at the %s", a->first, a->where);
	printf("ATTACK the %s took %u\n", a->where, a->first);
	return demo_fail(
		"a number went through that should not have, after %u: the %s took %u (%#x)",
		a->tried, a->where, a->first, a->first);
}
