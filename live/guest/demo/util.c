// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_DEVICE    "/dev/ioasid-accel"
#define DEMO_WAIT_NS   10000000000ULL
#define DEMO_SPIN_NS   300000 /* longer waits leave the processor to others */
#define DEMO_KMSG_MS   1000
#define DEMO_KMSG_LINE 1024

uint64_t demo_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- samples --------------------------------------------------------------------------------- */

int demo_stats_init(struct demo_stats *s, unsigned int room)
{
	s->n = 0;
	s->room = room;
	s->samples = calloc(room, sizeof(*s->samples));
	return s->samples ? 0 : -ENOMEM;
}

void demo_stats_add(struct demo_stats *s, uint64_t ns)
{
	if (s->n < s->room)
		s->samples[s->n++] = ns;
}

static int demo_stats_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void demo_stats_done(struct demo_stats *s)
{
	qsort(s->samples, s->n, sizeof(*s->samples), demo_stats_compare);
}

uint64_t demo_stats_at(const struct demo_stats *s, unsigned int percent)
{
	return s->n ? s->samples[(s->n - 1) * percent / 100] : 0;
}

void demo_stats_free(struct demo_stats *s)
{
	free(s->samples);
}

void demo_bench(const char *name, const struct demo_stats *s)
{
	printf("BENCH %s %llu %llu %llu\n", name, (unsigned long long)demo_stats_at(s, 50),
	       (unsigned long long)demo_stats_at(s, 0), (unsigned long long)demo_stats_at(s, 100));
}

/* ---- queues ---------------------------------------------------------------------------------- */

void *demo_map(size_t len, bool shared)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static int demo_queue_bind(struct demo_queue *q)
{
	void *page;

	q->bind.ring = (uintptr_t)q->ring;
	q->bind.ring_lg2 = q->ring_lg2;
	if (ioctl(q->fd, ACCEL_IOC_BIND, &q->bind))
		return -errno;
	page = mmap(NULL, ACCEL_DOORBELL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	q->doorbell = page;
	return 0;
}

int demo_queue_open(struct demo_queue *q, unsigned int ring_lg2)
{
	size_t n = 1UL << ring_lg2;
	int rc;

	memset(q, 0, sizeof(*q));
	q->ring_lg2 = ring_lg2;
	q->fd = open(DEMO_DEVICE, O_RDWR | O_CLOEXEC);
	if (q->fd < 0)
		return -errno;
	q->ring = demo_map(n * sizeof(*q->ring), true);
	q->comps = demo_map(n * sizeof(*q->comps), true);
	rc = q->ring && q->comps ? demo_queue_bind(q) : -ENOMEM;
	if (rc)
		demo_queue_close(q);
	return rc;
}

void demo_queue_close(struct demo_queue *q)
{
	size_t n = 1UL << q->ring_lg2;

	/* Also the mapping holds the queue. */
	if (q->doorbell)
		munmap((void *)q->doorbell, ACCEL_DOORBELL_STRIDE);
	close(q->fd);
	if (q->ring)
		munmap(q->ring, n * sizeof(*q->ring));
	if (q->comps)
		munmap(q->comps, n * sizeof(*q->comps));
}

struct accel_comp *demo_submit(struct demo_queue *q, const struct accel_desc *desc)
{
	uint32_t slot = q->tail & ((1U << q->ring_lg2) - 1);
	struct accel_comp *comp = &q->comps[slot];
	struct accel_desc d = *desc;

	memset(comp, 0, sizeof(*comp));
	d.flags |= ACCEL_DESC_COMPLETION;
	d.completion = (uintptr_t)comp;
	q->ring[slot] = d;
	/* The descriptor must be there before the tail says so. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*q->doorbell = ++q->tail;
	return comp;
}

uint32_t demo_wait(const struct accel_comp *comp)
{
	uint64_t start = demo_now(), now;
	uint32_t status;

	for (;;) {
		status = __atomic_load_n(&comp->status, __ATOMIC_ACQUIRE);
		now = demo_now();
		if (status != ACCEL_COMP_PENDING || now - start > DEMO_WAIT_NS)
			return status;
		if (now - start > DEMO_SPIN_NS)
			usleep(50);
	}
}

uint32_t demo_run(struct demo_queue *q, enum accel_op op, const void *src, void *dst, uint32_t len,
		  uint64_t operand, struct accel_comp *comp)
{
	struct accel_desc desc = { .op = op,
				   .len = len,
				   .src = (uintptr_t)src,
				   .dst = (uintptr_t)dst,
				   .operand = operand };
	struct accel_comp *c = demo_submit(q, &desc);
	uint32_t status = demo_wait(c);

	if (comp)
		*comp = *c;
	return status;
}

int demo_info(struct accel_info *info)
{
	int fd = open(DEMO_DEVICE, O_RDWR | O_CLOEXEC);
	int rc = fd < 0 || ioctl(fd, ACCEL_IOC_INFO, info) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

bool demo_is(const void *mem, uint8_t value, size_t len)
{
	const uint8_t *b = mem;

	return !len || (b[0] == value && !memcmp(b, b + 1, len - 1));
}

void demo_pattern(void *mem, size_t len, unsigned int seed)
{
	uint8_t *b = mem;
	size_t i;

	for (i = 0; i < len; i++)
		b[i] = (i >> 12) * 31 + i * 7 + seed;
}

/* ---- the kernel's word ----------------------------------------------------------------------- */

int demo_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

bool demo_kmsg_find(int fd, const char *a, const char *b, char *line, size_t size)
{
	uint64_t until = demo_now() + DEMO_KMSG_MS * 1000000ULL;
	char record[DEMO_KMSG_LINE], *text;
	ssize_t n;

	while (demo_now() < until) {
		n = read(fd, record, sizeof(record) - 1);
		if (n <= 0) {
			usleep(10000);
			continue;
		}
		record[n] = 0;
		text = strchr(record, ';');
		if (!text || !strstr(text, a) || !strstr(text, b))
			continue;
		snprintf(line, size, "%.*s", (int)strcspn(text + 1, "\n"), text + 1);
		return true;
	}
	return false;
}

int demo_file(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, line, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return strlen(line);
}

/* ---- children -------------------------------------------------------------------------------- */

int demo_child(int (*run)(void *arg), void *arg)
{
	int pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(run(arg));
	return pid;
}

int demo_reap(int pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
