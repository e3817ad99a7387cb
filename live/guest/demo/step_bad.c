// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Steps with bad pointers and worse programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_KERNEL_VA	   0xffff888000001000ULL
#define DEMO_NONCANONICAL  0x0012345678000000ULL
#define DEMO_NONCANON_TEXT "12345678000000"

/* ---- bad pointers ---------------------------------------------------------------------------- */

/* @what must end in a fault at @at after @done bytes. */
static int demo_bad(struct demo_queue *q, const char *what, bool write, uint64_t at, uint32_t len,
		    uint64_t fault, uint32_t done)
{
	static uint8_t local[4 * DEMO_PAGE];
	struct accel_comp comp;

	if (write)
		demo_run(q, ACCEL_OP_COPY, local, (void *)at, len, 0, &comp);
	else
		demo_run(q, ACCEL_OP_COPY, (void *)at, local, len, 0, &comp);
	if (comp.status == ACCEL_COMP_FAULT && comp.fault_addr == fault && comp.bytes_done == done)
		return 0;
	return demo_fail("%s: status %u at %#llx after %u bytes", what, comp.status,
			 comp.fault_addr, comp.bytes_done);
}

static int demo_bad_user(struct demo_queue *q, uint8_t *mem)
{
	uint64_t hole = (uintptr_t)mem + DEMO_PAGE, ro = (uintptr_t)mem + 2 * DEMO_PAGE;
	int rc;

	mem[0] = 1;
	munmap((void *)hole, DEMO_PAGE);
	mprotect((void *)ro, DEMO_PAGE, PROT_READ);
	rc = demo_bad(q, "read of a hole", false, hole, 64, hole, 0);
	if (!rc)
		rc = demo_bad(q, "write to a hole", true, hole, 64, hole, 0);
	if (!rc)
		rc = demo_bad(q, "read into a hole", false, (uintptr_t)mem, 2 * DEMO_PAGE, hole,
			      DEMO_PAGE);
	if (!rc)
		rc = demo_bad(q, "write to read-only", true, ro, 64, ro, 0);
	if (!rc)
		rc = demo_bad(q, "null", true, 0, 8, 0, 0);
	return rc;
}

/* The unit's driver prints only a few faults in five seconds, so it may take another try. */
static int demo_bad_reported(struct demo_queue *q, int kmsg, char *line, size_t size)
{
	unsigned int try;
	int rc = 0;

	for (try = 0; !rc && try < 7; try++) {
		rc = demo_bad(q, "non-canonical", true, DEMO_NONCANONICAL, 64, DEMO_NONCANONICAL,
			      0);
		if (demo_kmsg_find(kmsg, "DMAR: [DMA Write", DEMO_NONCANON_TEXT, line, size))
			return rc;
	}
	return rc ? rc : demo_fail("no DMAR line for the non-canonical address");
}

/* Addresses no page request can help with: the guest's own unit driver must report them. */
static int demo_bad_hard(struct demo_queue *q, int kmsg, char *line, size_t size)
{
	int rc;

	rc = demo_bad(q, "kernel address", false, DEMO_KERNEL_VA, 64, DEMO_KERNEL_VA, 0);
	if (!rc)
		rc = demo_bad_reported(q, kmsg, line, size);
	/* Mapped in the process, but device registers, not RAM. */
	if (!rc)
		rc = demo_bad(q, "device registers", true, (uintptr_t)q->doorbell, 4,
			      (uintptr_t)q->doorbell, 0);
	return rc;
}

int step_badptr(void)
{
	uint8_t *mem = demo_map(4 * DEMO_PAGE, false);
	int kmsg = demo_kmsg_open();
	struct demo_queue q;
	char line[256] = "";
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc || !mem || kmsg < 0)
		return demo_fail("bind: %s", strerror(-rc));
	rc = demo_bad_user(&q, mem);
	if (!rc)
		rc = demo_bad_hard(&q, kmsg, line, sizeof(line));
	/* None of it harms the queue. */
	if (!rc && demo_run(&q, ACCEL_OP_NOOP, NULL, NULL, 0, 0, NULL) != ACCEL_COMP_SUCCESS)
		rc = demo_fail("the queue is dead afterwards");
	demo_queue_close(&q);
	close(kmsg);
	munmap(mem, 4 * DEMO_PAGE);
	return rc ? rc : demo_ok("8 bad pointers refused with their address; \"%s\"", line);
}

/* ---- hostile --------------------------------------------------------------------------------- */

static int demo_refused(struct demo_queue *q, const char *what, struct accel_desc desc)
{
	uint32_t status = demo_wait(demo_submit(q, &desc));

	return status == ACCEL_COMP_REFUSED ? 0 : demo_fail("%s: status %u", what, status);
}

static int demo_hostile_descs(struct demo_queue *q)
{
	uint64_t at = (uintptr_t)q->comps;
	int rc;

	rc = demo_refused(q, "operation", (struct accel_desc){ .op = 200 });
	if (!rc)
		rc = demo_refused(q, "flags", (struct accel_desc){ .op = 0, .flags = 0x80 });
	if (!rc)
		rc = demo_refused(q, "reserved", (struct accel_desc){ .op = 0, .reserved = 1 });
	if (!rc)
		rc = demo_refused(q, "no length", (struct accel_desc){ .op = 1, .dst = at });
	if (!rc)
		rc = demo_refused(q, "length",
				  (struct accel_desc){ .op = 2, .len = ~0U, .dst = at });
	if (!rc)
		rc = demo_refused(q, "wrap",
				  (struct accel_desc){ .op = 2, .len = 4096, .dst = ~0ULL - 8 });
	if (!rc)
		rc = demo_refused(q, "unaligned add",
				  (struct accel_desc){ .op = ACCEL_OP_FETCH_ADD, .dst = at + 1 });
	return rc;
}

static int demo_halted(const char *what, struct demo_queue *q, uint32_t error)
{
	struct accel_info info = { 0 };
	uint64_t until = demo_now() + 2000000000ULL;

	do {
		if (ioctl(q->fd, ACCEL_IOC_INFO, &info))
			return demo_fail("info: %s", strerror(errno));
		if (ACCEL_STATUS_STATE(info.queue_status) == ACCEL_STATE_HALTED)
			break;
		usleep(1000);
	} while (demo_now() < until);
	if (ACCEL_STATUS_STATE(info.queue_status) != ACCEL_STATE_HALTED ||
	    ACCEL_STATUS_ERROR(info.queue_status) != error)
		return demo_fail("%s: queue status %#x", what, info.queue_status);
	return 0;
}

/* A queue that cannot go on says so, and closing it is enough. */
static int demo_hostile_queue(const char *what, uint32_t error)
{
	struct accel_desc desc = { .op = ACCEL_OP_NOOP };
	struct demo_queue q;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc)
		return demo_fail("%s: bind: %s", what, strerror(-rc));
	if (error == ACCEL_ERROR_RING)
		munmap(q.ring, DEMO_PAGE);
	if (error == ACCEL_ERROR_OVERRUN)
		*q.doorbell = 1000;
	if (error == ACCEL_ERROR_RING)
		*q.doorbell = 1;
	if (error == ACCEL_ERROR_COMPLETION) {
		munmap(q.comps, DEMO_PAGE);
		desc.flags = ACCEL_DESC_COMPLETION;
		desc.completion = (uintptr_t)q.comps;
		q.ring[0] = desc;
		__atomic_thread_fence(__ATOMIC_RELEASE);
		*q.doorbell = 1;
	}
	rc = demo_halted(what, &q, error);
	demo_queue_close(&q);
	return rc;
}

/* Odd binds change nothing; all queues can be taken and not one more. */
static int demo_hostile_binds(void)
{
	struct demo_queue q[ACCEL_QUEUES + 1];
	unsigned int n = 0, i;
	int rc = 0;

	while (n < ACCEL_QUEUES + 1 && !(rc = demo_queue_open(&q[n], 4)))
		n++;
	if (n != ACCEL_QUEUES || rc != -EBUSY)
		rc = demo_fail("%u queues, then %d", n, rc);
	else
		rc = 0;
	if (!rc && (!ioctl(q[0].fd, ACCEL_IOC_BIND, &q[0].bind) || errno != EBUSY))
		rc = demo_fail("bound twice");
	if (!rc && (ioctl(q[0].fd, ACCEL_IOC_UNBIND) || !ioctl(q[0].fd, ACCEL_IOC_UNBIND)))
		rc = demo_fail("unbind");
	/* Its doorbell is still mapped here: ringing it must move nobody's queue. */
	*q[0].doorbell = 5;
	for (i = 0; i < n; i++)
		demo_queue_close(&q[i]);
	return rc;
}

int step_hostile(void)
{
	struct demo_queue q;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc)
		return demo_fail("bind: %s", strerror(-rc));
	rc = demo_hostile_descs(&q);
	demo_queue_close(&q);
	if (!rc)
		rc = demo_hostile_queue("ring gone", ACCEL_ERROR_RING);
	if (!rc)
		rc = demo_hostile_queue("record gone", ACCEL_ERROR_COMPLETION);
	if (!rc)
		rc = demo_hostile_queue("overrun", ACCEL_ERROR_OVERRUN);
	if (!rc)
		rc = demo_hostile_binds();
	return rc ? rc :
		    demo_ok("7 malformed descriptors refused; ring gone, record gone and "
			    "overrun halt their own queue; %d queues, no more",
			    ACCEL_QUEUES);
}
