// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Steps with several processes: copy-on-write, isolation, sudden death. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

/* ---- fork ------------------------------------------------------------------------------------ */

#define DEMO_FORK_PAGES 16
#define DEMO_FORK_BYTES (DEMO_FORK_PAGES * DEMO_PAGE)

struct demo_fork {
	struct demo_queue q;
	uint8_t *mem;
	int to_child[2], to_parent[2];
};

#define DEMO_AWAIT_MS 20000

static void demo_signal(const int *pipe)
{
	if (write(pipe[1], "x", 1) != 1)
		perror("pipe");
}

/* False: the other side never came so far. */
static bool demo_await(const int *pipe)
{
	struct pollfd p = { .fd = pipe[0], .events = POLLIN };
	char c;

	return poll(&p, 1, DEMO_AWAIT_MS) == 1 && read(pipe[0], &c, 1) == 1;
}

/*
 * The child: its memory must stay what it was at the fork while its parent's device writes; what it
 * writes itself, by hand and by a queue of its own, must stay its own.
 */
static int demo_fork_child(void *arg)
{
	struct demo_fork *f = arg;
	struct demo_queue q;

	if (!demo_await(f->to_child))
		return 9;
	if (!demo_is(f->mem, 'B', DEMO_FORK_BYTES))
		return 1;
	memset(f->mem, 'C', DEMO_FORK_BYTES / 2);
	if (demo_queue_open(&q, 4))
		return 2;
	if (demo_run(&q, ACCEL_OP_FILL, NULL, f->mem + DEMO_FORK_BYTES / 2, DEMO_FORK_BYTES / 2,
		     0x4444444444444444ULL, NULL) != ACCEL_COMP_SUCCESS)
		return 3;
	if (!demo_is(f->mem + DEMO_FORK_BYTES / 2, 0x44, DEMO_FORK_BYTES / 2))
		return 4;
	demo_queue_close(&q);
	return 0;
}

/* The parent's device writes what is shared since the fork. */
static int demo_fork_parent(struct demo_fork *f, int pid, struct accel_comp *comp)
{
	int status;

	demo_run(&f->q, ACCEL_OP_FILL, NULL, f->mem, DEMO_FORK_BYTES, 0x5858585858585858ULL, comp);
	demo_signal(f->to_child);
	status = demo_reap(pid);
	if (comp->status != ACCEL_COMP_SUCCESS)
		return demo_fail("the parent's device: status %u", comp->status);
	if (status == 1)
		return demo_fail("the child sees its parent's DMA");
	if (status)
		return demo_fail("child: %d", status);
	if (!demo_is(f->mem, 'X', DEMO_FORK_BYTES))
		return demo_fail("the parent sees its child's writes, or lost its own DMA");
	return 0;
}

int step_fork(void)
{
	struct accel_comp comp = { 0 };
	struct demo_fork f;
	int pid, rc;

	rc = demo_queue_open(&f.q, 4);
	f.mem = demo_map(DEMO_FORK_BYTES, false);
	if (rc || !f.mem || pipe(f.to_child) || pipe(f.to_parent))
		return demo_fail("bind: %s", strerror(-rc));
	/* The device has written here: it knows writable translations of these pages. */
	if (demo_run(&f.q, ACCEL_OP_FILL, NULL, f.mem, DEMO_FORK_BYTES, 0x4242424242424242ULL,
		     NULL) != ACCEL_COMP_SUCCESS)
		return demo_fail("fill before fork");
	pid = demo_child(demo_fork_child, &f);
	if (pid < 0)
		return demo_fail("fork: %s", strerror(errno));
	rc = demo_fork_parent(&f, pid, &comp);
	demo_queue_close(&f.q);
	munmap(f.mem, DEMO_FORK_BYTES);
	close(f.to_child[0]), close(f.to_child[1]);
	close(f.to_parent[0]), close(f.to_parent[1]);
	return rc ? rc :
		    demo_ok("%u pages shared by fork: parent's DMA took %u copies by page "
			    "request, each process kept its own bytes",
			    DEMO_FORK_PAGES, comp.page_requests);
}

/* ---- isolation ------------------------------------------------------------------------------- */

#define DEMO_SAME    ((uint8_t *)0x7e0000000000ULL) /* mapped by both, with different data */
#define DEMO_OTHER   ((uint8_t *)0x7e0000100000ULL) /* mapped by the child alone */
#define DEMO_ISO_LEN (4 * DEMO_PAGE)

static uint8_t *demo_map_at(uint8_t *at)
{
	void *mem = mmap(at, DEMO_ISO_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return mem == at ? mem : NULL;
}

/* Own queue, own data at the common address: the device must see ours. */
static int demo_iso_look(struct demo_queue *q, uint8_t mine)
{
	uint8_t *copy = demo_map(DEMO_ISO_LEN, false);
	int rc = 0;

	if (!copy || demo_run(q, ACCEL_OP_COPY, DEMO_SAME, copy, DEMO_ISO_LEN, 0, NULL) !=
			     ACCEL_COMP_SUCCESS)
		rc = 3;
	else if (!demo_is(copy, mine, DEMO_ISO_LEN))
		rc = 4;
	munmap(copy, DEMO_ISO_LEN);
	return rc;
}

struct demo_iso {
	struct demo_fork f;
	struct demo_queue child;
};

static int demo_iso_child(void *arg)
{
	struct demo_iso *iso = arg;
	struct demo_queue *q = &iso->child;
	int rc;

	if (!demo_map_at(DEMO_SAME) || !demo_map_at(DEMO_OTHER) || demo_queue_open(q, 4))
		return 2;
	memset(DEMO_SAME, 'c', DEMO_ISO_LEN);
	memset(DEMO_OTHER, 'o', DEMO_ISO_LEN);
	/* The file came along by fork; the doorbell of its queue must not. */
	if (mmap(NULL, DEMO_PAGE, PROT_WRITE, MAP_SHARED, iso->f.q.fd, 0) != MAP_FAILED ||
	    errno != EPERM)
		return 5;
	demo_signal(iso->f.to_parent);
	if (!demo_await(iso->f.to_child))
		return 9;
	rc = demo_iso_look(q, 'c');
	if (!rc &&
	    (!demo_is(DEMO_SAME, 'c', DEMO_ISO_LEN) || !demo_is(DEMO_OTHER, 'o', DEMO_ISO_LEN)))
		rc = 6;
	demo_queue_close(q);
	return rc;
}

/* The parent names what only its child has mapped. */
static int demo_iso_reach(struct demo_queue *q)
{
	static uint8_t local[DEMO_PAGE];
	struct accel_comp comp;

	demo_run(q, ACCEL_OP_COPY, DEMO_OTHER, local, 64, 0, &comp);
	if (comp.status != ACCEL_COMP_FAULT || comp.fault_addr != (uintptr_t)DEMO_OTHER)
		return demo_fail("reading the other's memory: status %u", comp.status);
	demo_run(q, ACCEL_OP_FILL, NULL, DEMO_OTHER, 64, 0, &comp);
	if (comp.status != ACCEL_COMP_FAULT || comp.fault_addr != (uintptr_t)DEMO_OTHER)
		return demo_fail("writing the other's memory: status %u", comp.status);
	return 0;
}

int step_isolation(void)
{
	struct demo_iso iso;
	int pid, rc, status;

	rc = demo_queue_open(&iso.f.q, 4);
	if (rc || pipe(iso.f.to_child) || pipe(iso.f.to_parent))
		return demo_fail("bind: %s", strerror(-rc));
	pid = demo_child(demo_iso_child, &iso);
	if (pid < 0 || !demo_map_at(DEMO_SAME))
		return demo_fail("fork: %s", strerror(errno));
	memset(DEMO_SAME, 'p', DEMO_ISO_LEN);
	rc = demo_await(iso.f.to_parent) ? 0 : demo_fail("the child is not ready");
	if (!rc && demo_iso_look(&iso.f.q, 'p'))
		rc = demo_fail("the parent's device saw other bytes at the common address");
	if (!rc)
		rc = demo_iso_reach(&iso.f.q);
	demo_signal(iso.f.to_child);
	status = demo_reap(pid);
	if (!rc && status)
		rc = demo_fail("child: %d", status);
	demo_queue_close(&iso.f.q);
	munmap(DEMO_SAME, DEMO_ISO_LEN);
	close(iso.f.to_child[0]), close(iso.f.to_child[1]);
	close(iso.f.to_parent[0]), close(iso.f.to_parent[1]);
	return rc ? rc :
		    demo_ok("same address, own bytes in each of two processes; memory of the "
			    "other: read and write refused; its doorbell: not mappable");
}

/* ---- kill ------------------------------------------------------------------------------------ */

#define DEMO_KILL_ROUNDS 5
#define DEMO_KILL_BYTES	 (16U << 20)
#define DEMO_KILL_DEPTH	 8
#define DEMO_KILL_MS	 5000

/* Work that takes long: large copies in memory that has to be faulted in. Never returns. */
static int demo_kill_child(void *arg)
{
	int *ready = arg;
	struct accel_desc desc = { .op = ACCEL_OP_COPY, .len = DEMO_KILL_BYTES };
	struct demo_queue q;
	unsigned int i;
	uint8_t *mem;

	mem = demo_map((DEMO_KILL_DEPTH + 1UL) * DEMO_KILL_BYTES, false);
	if (!mem || demo_queue_open(&q, 4))
		return 2;
	madvise(mem, (DEMO_KILL_DEPTH + 1UL) * DEMO_KILL_BYTES, MADV_NOHUGEPAGE);
	/* What arrives at the first destination shows that it has really begun. */
	mem[0] = 1;
	for (i = 0; i < DEMO_KILL_DEPTH; i++) {
		desc.src = (uintptr_t)mem;
		desc.dst = (uintptr_t)mem + (i + 1UL) * DEMO_KILL_BYTES;
		demo_submit(&q, &desc);
	}
	while (!*(volatile uint8_t *)(mem + DEMO_KILL_BYTES))
		usleep(100);
	demo_signal(ready);
	for (;;)
		pause();
}

/* Kill the child and wait for its queue. Return: nanoseconds, or 0: it never came back. */
static uint64_t demo_kill_one(int *ready, unsigned int free_before)
{
	struct accel_info info = { 0 };
	uint64_t start;
	int pid;

	pid = demo_child(demo_kill_child, ready);
	if (pid < 0)
		return 0;
	if (!demo_await(ready))
		return 0;
	start = demo_now();
	kill(pid, SIGKILL);
	if (demo_reap(pid) != 128 + SIGKILL)
		return 0;
	while (demo_now() - start < DEMO_KILL_MS * 1000000ULL) {
		if (!demo_info(&info) && info.free_queues == free_before)
			return demo_now() - start;
		usleep(500);
	}
	return 0;
}

int step_kill(void)
{
	uint8_t *canary = demo_map(DEMO_KILL_BYTES, false);
	struct accel_info info = { 0 };
	struct demo_stats s;
	struct demo_queue q;
	uint64_t ns = 1;
	unsigned int i;
	int ready[2];

	if (!canary || demo_info(&info) || pipe(ready) || demo_stats_init(&s, DEMO_KILL_ROUNDS))
		return demo_fail("no device");
	memset(canary, 'k', DEMO_KILL_BYTES);
	for (i = 0; i < DEMO_KILL_ROUNDS && ns; i++) {
		ns = demo_kill_one(ready, info.free_queues);
		demo_stats_add(&s, ns);
	}
	demo_stats_done(&s);
	close(ready[0]), close(ready[1]);
	if (!ns)
		return demo_fail("kill %u: the queue did not come back", i);
	/* Pages the dead had are ours and others' now. */
	if (!demo_is(canary, 'k', DEMO_KILL_BYTES))
		return demo_fail("memory of another process changed");
	if (demo_queue_open(&q, 4) ||
	    demo_run(&q, ACCEL_OP_NOOP, NULL, NULL, 0, 0, NULL) != ACCEL_COMP_SUCCESS)
		return demo_fail("no working queue afterwards");
	demo_queue_close(&q);
	munmap(canary, DEMO_KILL_BYTES);
	i = demo_stats_at(&s, 100) / 1000;
	demo_stats_free(&s);
	return demo_ok("%u processes killed with %u MiB of copies queued each; the queue was back "
		       "in at most %u us",
		       DEMO_KILL_ROUNDS, DEMO_KILL_DEPTH * (DEMO_KILL_BYTES >> 20), i);
}
