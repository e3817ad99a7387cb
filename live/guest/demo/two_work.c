// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Honest work: memory, queue, portal, copies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "two.h"

#define TWO_DEVICE	"/sys/class/misc/ioasid-accel/device/"
#define TWO_BAR2_BYTES	((ACCEL_QUEUES + ACCEL_PORTALS) * ACCEL_DOORBELL_STRIDE)
#define TWO_MEET_NS	60000000000ULL
#define TWO_COPY_BYTES	(256U << 10)
#define TWO_FRESH	16 /* every so many rounds into memory that is not there yet */
#define TWO_RETRIES	100000
#define TWO_FLOOD_BYTES (8U << 20)

struct two two;

/* ---- memory -------------------------------------------------------------------------------------- */

uint8_t two_secret(unsigned int guest, size_t i)
{
	return guest * 101 + (i >> 12) * 13 + i * 7 + (i >> 5);
}

static uint8_t two_target(size_t i)
{
	return 0xa0 + two.guest + (i >> 12) + i * 3;
}

void two_fill(void)
{
	size_t i;

	for (i = 0; i < TWO_SECRET_BYTES; i++)
		TWO_SECRET[i] = two_secret(two.guest, i);
	for (i = 0; i < TWO_TARGET_BYTES; i++)
		TWO_TARGET[i] = two_target(i);
	memset(TWO_LOOT, 0, TWO_LOOT_BYTES);
	memset(TWO_COMPS, 0, DEMO_PAGE);
	two_ring();
}

int two_intact(const char *when)
{
	size_t i;

	for (i = 0; i < TWO_SECRET_BYTES; i++)
		if (TWO_SECRET[i] != two_secret(two.guest, i))
			return demo_fail("%s: byte %zu of this guest's memory has changed", when,
					 i);
	for (i = 0; i < TWO_TARGET_BYTES; i++)
		if (TWO_TARGET[i] != two_target(i))
			return demo_fail("%s: byte %zu of this guest's target was written", when,
					 i);
	if (!demo_is(TWO_LOOT, 0, TWO_LOOT_BYTES) || !demo_is(TWO_COMPS, 0, DEMO_PAGE))
		return demo_fail("%s: somebody's work ended in this guest's memory", when);
	return DEMO_OK;
}

/* ---- device -------------------------------------------------------------------------------------- */

static volatile uint32_t *two_bar(const char *name, size_t bytes)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | O_SYNC);
	void *mem;

	if (fd < 0)
		return NULL;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return mem == MAP_FAILED ? NULL : mem;
}

int two_portal_open(void)
{
	void *mem = mmap(NULL, DEMO_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, two.q.fd, DEMO_PAGE);

	if (mem == MAP_FAILED)
		return -errno;
	two.portal = mem;
	return 0;
}

void two_portal_close(void)
{
	munmap((void *)two.portal, DEMO_PAGE);
	two.portal = NULL;
}

int two_open(void)
{
	void *mem = mmap(TWO_AREA, TWO_AREA_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
	int rc;

	if (mem != TWO_AREA)
		return demo_fail("no memory at %p", (void *)TWO_AREA);
	two_fill();
	rc = demo_queue_open(&two.q, 4);
	if (rc)
		return demo_fail("bind: %s", strerror(-rc));
	rc = two_portal_open();
	if (rc)
		return demo_fail("portal: %s", strerror(-rc));
	two.regs = two_bar(TWO_DEVICE "resource0", ACCEL_REGS_SIZE);
	two.pages = two_bar(TWO_DEVICE "resource2", TWO_BAR2_BYTES);
	if (!two.regs || !two.pages)
		return demo_fail("registers: %s", strerror(errno));
	if (~two.regs[ACCEL_REG_CAPS / 4] & (ACCEL_CAP_PORTAL | ACCEL_CAP_MEET))
		return demo_fail("the device is no slice");
	return DEMO_OK;
}

uint32_t two_others(void)
{
	return two.regs[ACCEL_MEET_OTHERS / 4];
}

bool two_meet(enum two_stage stage)
{
	uint64_t start = demo_now();
	static bool lost;

	/* One long wait is enough. */
	if (lost)
		return false;
	two.regs[ACCEL_MEET_STAGE / 4] = stage;
	while (two.regs[ACCEL_MEET_STAGE / 4] < (uint32_t)stage) {
		lost = demo_now() - start > TWO_MEET_NS;
		if (lost)
			return false;
		usleep(2000);
	}
	lost = !(two_others() & 0xff);
	return !lost;
}

uint32_t two_enqcmd(volatile uint32_t *portal, uint32_t ia32_pasid,
		    const struct accel_portal_desc *desc)
{
	volatile uint64_t *operand = (volatile uint64_t *)portal;
	struct accel_portal_desc d = *desc;
	uint64_t words[8];
	unsigned int i;

	d.pasid = ia32_pasid;
	memcpy(words, &d, sizeof(d));
	for (i = 0; i < 8; i++)
		operand[i] = words[i];
	portal[ACCEL_PORTAL_COMMIT / 4] = 1;
	return ACCEL_PORTAL_RESULT(portal[ACCEL_PORTAL_ANSWER / 4]);
}

/* ---- copies -------------------------------------------------------------------------------------- */

/* As a program does it: a full queue is tried again. Return: the last answer. */
static uint32_t two_submit(const struct accel_portal_desc *desc)
{
	uint32_t answer = ACCEL_ANSWER_RETRY;
	unsigned int i;

	for (i = 0; i < TWO_RETRIES && answer == ACCEL_ANSWER_RETRY; i++)
		answer = two_enqcmd(two.portal, two.q.bind.pasid | ACCEL_PORTAL_VALID, desc);
	return answer;
}

/* One copy each way at the same time. */
static int two_round(uint8_t *src, uint8_t *dst[2], uint32_t len, struct accel_comp *shared,
		     uint32_t *page_requests)
{
	struct accel_desc own = {
		.op = ACCEL_OP_COPY, .len = len, .src = (uintptr_t)src, .dst = (uintptr_t)dst[0]
	};
	struct accel_portal_desc desc = { .op = ACCEL_OP_COPY,
					  .flags = ACCEL_DESC_COMPLETION,
					  .len = len,
					  .src = (uintptr_t)src,
					  .dst = (uintptr_t)dst[1],
					  .completion = (uintptr_t)shared };
	struct accel_comp *comp;
	uint32_t answer;

	memset(shared, 0, sizeof(*shared));
	comp = demo_submit(&two.q, &own);
	answer = two_submit(&desc);
	if (answer != ACCEL_ANSWER_ACCEPTED)
		return demo_fail("the portal answers %u", answer);
	if (demo_wait(comp) != ACCEL_COMP_SUCCESS)
		return demo_fail("dedicated queue: status %u at %#llx", comp->status,
				 comp->fault_addr);
	if (demo_wait(shared) != ACCEL_COMP_SUCCESS)
		return demo_fail("shared queue: status %u at %#llx", shared->status,
				 shared->fault_addr);
	*page_requests += comp->page_requests + shared->page_requests;
	if (memcmp(src, dst[0], len) || memcmp(src, dst[1], len))
		return demo_fail("copied bytes differ");
	return DEMO_OK;
}

int two_copies(unsigned int rounds, unsigned int seed, uint64_t *bytes, uint32_t *page_requests)
{
	uint8_t *mem = demo_map(3 * TWO_COPY_BYTES, false);
	struct accel_comp *shared = demo_map(DEMO_PAGE, true);
	unsigned int i, state = seed * 7 + two.guest;
	int rc = DEMO_OK;

	if (!mem || !shared)
		return demo_fail("no memory");
	for (i = 0; i < rounds && rc == DEMO_OK; i++) {
		uint32_t off = rand_r(&state) % 8192, len;
		uint8_t *dst[2] = { mem + TWO_COPY_BYTES + off, mem + 2 * TWO_COPY_BYTES + off };

		len = 1 + rand_r(&state) % (i % TWO_FRESH ? 16384 : TWO_COPY_BYTES - 8192);
		if (i % TWO_FRESH == 0)
			madvise(mem + TWO_COPY_BYTES, 2 * TWO_COPY_BYTES, MADV_DONTNEED);
		demo_pattern(mem + off, len, state);
		rc = two_round(mem + off, dst, len, shared, page_requests);
		*bytes += 2 * len;
	}
	munmap(mem, 3 * TWO_COPY_BYTES);
	munmap(shared, DEMO_PAGE);
	return rc;
}

/* Nobody looks at the results. */
void two_flood(void)
{
	static uint8_t *mem;
	struct accel_desc own = { .op = ACCEL_OP_COPY, .len = TWO_FLOOD_BYTES };
	struct accel_portal_desc desc = { .op = ACCEL_OP_COPY, .len = TWO_FLOOD_BYTES };

	if (!mem)
		mem = demo_map(2 * TWO_FLOOD_BYTES, false);
	own.src = desc.dst = (uintptr_t)mem;
	own.dst = desc.src = (uintptr_t)mem + TWO_FLOOD_BYTES;
	while (mem && two.q.tail - two.q.doorbell[ACCEL_DOORBELL_HEAD / 4] < 1U << two.q.ring_lg2)
		demo_submit(&two.q, &own);
	while (mem && two_enqcmd(two.portal, two.q.bind.pasid | ACCEL_PORTAL_VALID, &desc) ==
			      ACCEL_ANSWER_ACCEPTED)
		;
}
