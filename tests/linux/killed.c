// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * kill -9 at every step of a program's way to its device, and while the kernel is in the middle of a
 * step: whatever there was is gone when the process is, and the device can be had again.
 *
 *   killed DEVICE [edu]   edu: it is one, and does DMA as well
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "edu.h"
#include "live.h"

#define IOVA	0x100000ULL
#define MEMORY	(64 * PAGE)
#define USER	1000
#define RACES	60
#define MUST(e) ((e) ? (void)_exit(__LINE__ % 250 + 1) : (void)0)

static const char *device;
static bool is_edu;

/* ---- the steps: each of them in a child that is killed after one of them ---------------------------------- */

static struct {
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	uint32_t ioas, child;
	uint8_t *mem;
	struct edu edu;
} c;

static void step_open(void)
{
	MUST(ioasid_open(CTX_PATH, &c.ctx));
}

static void step_open_device(void)
{
	MUST(ioasid_dev_open(c.ctx, device, &c.dev));
}

static void step_bind(void)
{
	MUST(ioasid_dev_bind(c.dev, c.ctx, 1));
}

static void step_alloc(void)
{
	MUST(ioasid_alloc_kernel(c.ctx, &c.ioas));
}

static void step_map(void)
{
	c.mem = pages(MEMORY / PAGE);
	MUST(ioasid_map(c.ctx, c.ioas, IOVA, (uintptr_t)c.mem, MEMORY, RW));
}

static void step_nest(void)
{
	MUST(ioasid_alloc_child(c.ctx, c.ioas, &c.child));
	MUST(ioasid_map(c.ctx, c.child, 0, IOVA, MEMORY, RW));
}

static void step_attach(void)
{
	MUST(ioasid_dev_attach(c.dev, c.ioas, 0));
}

static void step_faults(void)
{
	MUST(ioasid_fault_open(c.ctx, 0) < 0);
}

static void step_registers(void)
{
	c.edu.pci = (struct pci_dev){ .name = device, .dev = c.dev, .fd = ioasid_dev_fd(c.dev) };
	c.edu.bar = pci_map(&c.edu.pci, 0, 0, EDU_BAR_SIZE);
	MUST(!c.edu.bar || edu_read(&c.edu, EDU_REG_ID) != EDU_ID);
	MUST(pci_bus_master(&c.edu.pci, true));
}

static void step_interrupts(void)
{
	int fd = eventfd(0, 0);

	MUST(fd < 0 || pci_irq(&c.edu.pci, IOASID_PCI_IRQ_MSI, &fd, 1));
}

static void step_dma(void)
{
	/* Still under way when the blow falls. */
	edu_start(&c.edu, IOVA, EDU_MAX, false);
}

static void step_child_dma(void)
{
	MUST(edu_wait(&c.edu));
	MUST(ioasid_dev_attach(c.dev, c.child, 0));
	edu_start(&c.edu, 0, EDU_MAX, false);
}

static const struct {
	const char *name;
	void (*fn)(void);
	bool edu;
} steps[] = {
	{ "open", step_open, false },
	{ "open the device", step_open_device, false },
	{ "bind", step_bind, false },
	{ "alloc", step_alloc, false },
	{ "map", step_map, false },
	{ "nest", step_nest, false },
	{ "attach", step_attach, false },
	{ "fault descriptor", step_faults, false },
	{ "registers", step_registers, true },
	{ "interrupts", step_interrupts, true },
	{ "DMA", step_dma, true },
	{ "DMA of the child", step_child_dma, true },
};
#define NR_STEPS (sizeof(steps) / sizeof(steps[0]))

/* ---- the killer ------------------------------------------------------------------------------------------- */

/* Whoever comes next finds device and memory free. */
static void expect_free(const struct live *before)
{
	struct ioasid *ctx = NULL;
	struct ioasid_dev *dev = NULL;
	struct ioasid_info info = { 0 };

	is(live_differs(before), 0);
	is(ioasid_open(CTX_PATH, &ctx), 0);
	is(ioasid_dev_open(ctx, device, &dev), 0);
	is(ioasid_dev_bind(dev, ctx, 1), 0);
	is(ioasid_get_info(ctx, NULL, 0, &info), 0);
	is(info.pinned_bytes, 0);
	ioasid_dev_close(dev);
	ioasid_close(ctx);
}

static void child(unsigned int nr, int ready)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!steps[i].edu || is_edu)
			steps[i].fn();
	}
	if (write(ready, "", 1) == 1)
		pause();
	_exit(0);
}

static void killed_after_every_step(void)
{
	struct live before;
	unsigned int nr;
	int pipes[2], status;
	char byte;
	pid_t pid;

	live_take(&before);
	for (nr = 1; nr <= NR_STEPS && !check_failed; nr++) {
		if (steps[nr - 1].edu && !is_edu)
			continue;
		if (!is(pipe(pipes), 0))
			return;
		pid = fork();
		if (!pid)
			child(nr, pipes[1]);
		close(pipes[1]);
		if (!is(read(pipes[0], &byte, 1), 1))
			printf("# step '%s' failed\n", steps[nr - 1].name);
		close(pipes[0]);
		is(kill(pid, SIGKILL), 0);
		is(waitpid(pid, &status, 0), pid);
		expect_free(&before);
		if (check_failed)
			printf("# after '%s'\n", steps[nr - 1].name);
	}
}

/* At any moment, also inside a call. */
static void killed_in_the_middle(void)
{
	struct live before;
	unsigned int i;
	int pipes[2], status;
	pid_t pid;

	live_take(&before);
	srand(1);
	for (i = 0; i < RACES && !check_failed; i++) {
		unsigned int us = (unsigned int)rand() % (i % 3 ? 3000 : 30000);

		if (!is(pipe(pipes), 0))
			return;
		pid = fork();
		if (!pid)
			child(is_edu ? NR_STEPS - 1 : NR_STEPS, pipes[1]);
		close(pipes[1]);
		usleep(us);
		kill(pid, SIGKILL);
		is(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		is(live_differs(&before), 0);
	}
	expect_free(&before);
}

/* Two processes share the descriptors: the first one's death is nobody's end. */
static void the_last_one_ends_it(void)
{
	struct live before;
	int status;
	pid_t pid;

	live_take(&before);
	step_open();
	step_open_device();
	step_bind();
	step_alloc();
	step_map();
	step_attach();
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	kill(pid, SIGKILL);
	is(waitpid(pid, &status, 0), pid);
	if (is_edu) {
		step_registers();
		yes(edu_copies(&c.edu, IOVA, c.mem, IOVA + 8 * PAGE, c.mem + 8 * PAGE));
		munmap((void *)c.edu.bar, EDU_BAR_SIZE);
	}
	is(ioasid_dev_detach(c.dev, c.ioas), 0);
	ioasid_close(c.ctx);
	ioasid_dev_close(c.dev);
	munmap(c.mem, MEMORY);
	expect_free(&before);
}

/* The one who pays has gone, the descriptors live on elsewhere; so does the charge, until they end. */
static void memory_is_given_back_to_who_paid(void)
{
	struct rlimit limit = { MEMORY, MEMORY };
	struct live before;
	unsigned int round;
	int status;
	pid_t pid;

	live_take(&before);
	for (round = 0; round < 3; round++) {
		pid = fork();
		if (!pid) {
			step_open();
			step_alloc();
			MUST(setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(USER));
			step_map();
			MUST(ioasid_map(c.ctx, c.ioas, 2 * MEMORY + IOVA, (uintptr_t)c.mem, PAGE,
					RW) != -EDQUOT);
			kill(getpid(), SIGKILL);
		}
		is(waitpid(pid, &status, 0), pid);
		is(status, SIGKILL);
	}
	is(live_differs(&before), 0);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	device = argv[1];
	is_edu = argc > 2;
	CASE(killed_after_every_step);
	CASE(killed_in_the_middle);
	CASE(the_last_one_ends_it);
	CASE(memory_is_given_back_to_who_paid);
	return test_done();
}
