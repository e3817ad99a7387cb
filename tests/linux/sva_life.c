// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Numbers through all their lives, on the SVA example (ioasid-example-sva.ko): the normal flow with
 * its references counted, every misuse that a user can think of, slow devices, and virtual machines
 * (processes) that close their three files in every order, or are killed, at every step. After each of
 * them nothing may be left, and no job may have reached a stranger. Prints TAP; runs as root.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ioasid_example_sva.h"

#define STATS "/sys/kernel/debug/ioasid-example-sva/"
#define MAX   ((1U << 20) - 1)

static unsigned int cases;
static int failed;

static void check(int good, const char *what)
{
	printf("%sok %u - sva: %s\n", good ? "" : "not ", ++cases, what);
	failed |= !good;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* -1: there is no such counter. */
static long stat_of(const char *name)
{
	char path[128];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), STATS "%s", name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

/* Jobs that reached a stranger, as far as it was said: one failure stays one. */
static long strays;

/* Everything that can be left behind; waits for works that are under way. */
static bool nothing_left(void)
{
	static const char *const live[] = { "sets",	   "bonds", "entries",
					    "cpu_entries", "dwqs",  "jobs" };
	uint64_t end = now_ms() + 10000;
	unsigned int i;

	for (i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
		while (stat_of(live[i]) && now_ms() < end)
			sleep_ms(2);
		if (stat_of(live[i])) {
			printf("# %s: %ld\n", live[i], stat_of(live[i]));
			return false;
		}
	}
	if (stat_of("stray") == strays)
		return true;
	strays = stat_of("stray");
	printf("# jobs have reached a stranger\n");
	return false;
}

/* What ioasid.ko itself has of sets and numbers. */
static bool allocator_is_empty(void)
{
	char line[512] = "";
	FILE *f = fopen("/sys/kernel/debug/ioasid/sets", "r");

	if (!f || !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	return strstr(line, " sets=0 live=0 pending=0 works=0 ");
}

/* ---- a virtual machine ----------------------------------------------------------------------- */

enum part { SET, CPU, DEV };
struct vm {
	int fd[3];
};

static const char *const node[] = { "/dev/ioasid-example-set", "/dev/ioasid-example-cpu",
				    "/dev/ioasid-example-dev" };

static bool vm_open(struct vm *vm)
{
	/* The CPU first: its handler waits for the set. */
	static const enum part order[] = { CPU, SET, DEV };
	bool good = true;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		vm->fd[order[i]] = open(node[order[i]], O_RDWR | O_CLOEXEC);
		good = good && vm->fd[order[i]] >= 0;
	}
	return good;
}

static void vm_close(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		close(vm->fd[i]);
}

/* All return 0 or an errno. */
static int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

static int number_alloc(struct vm *vm, uint32_t min, uint32_t max, uint32_t *id)
{
	struct sva_number arg = { .min = min, .max = max };
	int rc = call(vm->fd[SET], SVA_ALLOC, &arg);

	*id = arg.id;
	return rc;
}

static int number_free(struct vm *vm, uint32_t id)
{
	struct sva_number arg = { .id = id };

	return call(vm->fd[SET], SVA_FREE, &arg);
}

static int number_bind(int dev, uint32_t id, uint32_t gpasid)
{
	struct sva_bind arg = { .id = id, .gpasid = gpasid };

	return call(dev, SVA_BIND, &arg);
}

static int number_unbind(int dev, uint32_t id)
{
	struct sva_bind arg = { .id = id };

	return call(dev, SVA_UNBIND, &arg);
}

static int enqcmd(struct vm *vm, int dev, uint32_t gpasid)
{
	struct sva_gpasid arg = { .gpasid = gpasid, .dev_fd = dev };

	return call(vm->fd[CPU], SVA_ENQCMD, &arg);
}

static int dwq(struct vm *vm, uint32_t gpasid)
{
	struct sva_gpasid arg = { .gpasid = gpasid };

	return call(vm->fd[DEV], SVA_DWQ, &arg);
}

static int describe(struct vm *vm, uint32_t id, struct sva_state *state)
{
	*state = (struct sva_state){ .id = id };
	return call(vm->fd[SET], SVA_DESCRIBE, state);
}

/* References by holder; 0 everywhere: idle. */
static bool held(struct vm *vm, uint32_t id, uint32_t iommu, uint32_t cpu, uint32_t device)
{
	struct sva_state s;

	return !describe(vm, id, &s) && !s.user && s.iommu == iommu && s.cpu == cpu &&
	       s.device == device && s.refs == 1 + iommu + cpu + device &&
	       s.state == (iommu + cpu + device ? 2 : 1);
}

static bool gone(struct vm *vm, uint32_t id)
{
	uint64_t end = now_ms() + 10000;
	struct sva_state s;
	int rc;

	while (!(rc = describe(vm, id, &s)) && now_ms() < end)
		sleep_ms(2);
	return rc == ENOENT;
}

static bool jobs_over(void)
{
	uint64_t end = now_ms() + 10000;

	while (stat_of("jobs") && now_ms() < end)
		sleep_ms(2);
	return !stat_of("jobs");
}

/* ---- the normal flow ------------------------------------------------------------------------- */

static void normal_flow(void)
{
	long done = stat_of("done");
	struct sva_state s;
	struct vm vm;
	uint32_t id;

	check(vm_open(&vm), "the CPU may be there before the set");
	check(!number_alloc(&vm, 1, MAX, &id) && held(&vm, id, 0, 0, 0), "allocated: idle");
	check(enqcmd(&vm, vm.fd[DEV], 5) == ENXIO, "ENQCMD without a translation faults");
	check(dwq(&vm, 5) == ENOENT, "a guest PASID that was never bound reaches no register");
	check(!number_bind(vm.fd[DEV], id, 5) && held(&vm, id, 1, 1, 0) && !describe(&vm, id, &s) &&
		      s.spid == 5,
	      "bound: the IOMMU and the CPU hold it");
	check(!enqcmd(&vm, vm.fd[DEV], 5) && jobs_over() && stat_of("done") == done + 1,
	      "ENQCMD: the job reaches its process");
	check(!dwq(&vm, 5) && held(&vm, id, 1, 1, 1), "the dedicated queue holds it");
	check(!ioctl(vm.fd[DEV], SVA_DWQ_SUBMIT) && jobs_over() && stat_of("done") == done + 2,
	      "a job of the dedicated queue");
	check(!dwq(&vm, 0) && held(&vm, id, 1, 1, 0), "the queue is stopped: given back");
	check(ioctl(vm.fd[DEV], SVA_DWQ_SUBMIT) && errno == ENXIO, "a stopped queue takes no job");
	check(!number_unbind(vm.fd[DEV], id) && held(&vm, id, 0, 0, 0), "unbound: idle again");
	check(enqcmd(&vm, vm.fd[DEV], 5) == ENXIO, "the translation is gone");
	check(!number_free(&vm, id) && describe(&vm, id, &s) == ENOENT, "freed: reclaimed at once");
	vm_close(&vm);
	check(nothing_left(), "normal flow: nothing is left");
}

static void two_devices(void)
{
	struct sva_state s;
	uint32_t id, other;
	struct vm vm;
	int dev2;

	vm_open(&vm);
	dev2 = open(node[DEV], O_RDWR);
	check(!number_alloc(&vm, 1, MAX, &id) && !number_bind(vm.fd[DEV], id, 7) &&
		      !number_bind(dev2, id, 7) && held(&vm, id, 1, 1, 0),
	      "two devices, one number: one BIND, one reference of the IOMMU");
	check(number_bind(dev2, id, 7) == EEXIST, "twice on one device is refused");
	check(number_bind(dev2, id, 8) == EEXIST, "so is another name there");
	check(!number_alloc(&vm, 1, MAX, &other) && number_bind(vm.fd[DEV], other, 7) == EINVAL &&
		      held(&vm, other, 0, 0, 0),
	      "a name in use is refused, and nothing is held by that");
	check(!number_unbind(vm.fd[DEV], id) && held(&vm, id, 1, 1, 0) && !enqcmd(&vm, dev2, 7) &&
		      enqcmd(&vm, vm.fd[DEV], 7) == EPERM,
	      "the first lets go: the other works on");
	check(jobs_over() && !number_unbind(dev2, id) && held(&vm, id, 0, 0, 0),
	      "the last one ends it");
	check(number_unbind(dev2, id) == ENOENT, "unbinding what is not bound");
	check(!number_free(&vm, id) && number_bind(dev2, id, 7) == ENOENT, "bind after reclaim");
	check(!number_free(&vm, other) && describe(&vm, other, &s) == ENOENT, "both are gone");
	close(dev2);
	vm_close(&vm);
	check(nothing_left(), "two devices: nothing is left");
}

/* ---- out of order ---------------------------------------------------------------------------- */

static void free_before_unbind(void)
{
	long blocked = stat_of("blocked");
	uint32_t id, again;
	struct vm vm;

	vm_open(&vm);
	ioctl(vm.fd[DEV], SVA_DELAY, 1500);
	check(!number_alloc(&vm, 1, MAX, &id) && !number_bind(vm.fd[DEV], id, 9) && !dwq(&vm, 9) &&
		      !enqcmd(&vm, vm.fd[DEV], 9) && !enqcmd(&vm, vm.fd[DEV], 9),
	      "two jobs of 1.5 s are on their way");
	check(!number_free(&vm, id), "free while it is used succeeds");
	check(enqcmd(&vm, vm.fd[DEV], 9) == ENXIO, "the CPU sends nothing any more");
	check(number_bind(vm.fd[DEV], id, 9) == EBUSY, "bind of a pending number: EBUSY");
	check(number_unbind(vm.fd[DEV], id) == EBUSY, "unbind of a pending number: EBUSY");
	check(!number_free(&vm, id), "freeing it again is doing it once");
	check(number_alloc(&vm, id, id, &again) == ENOSPC,
	      "the number is not given out while the device drains");
	check(gone(&vm, id) && stat_of("blocked") == blocked + 2,
	      "reclaimed when the jobs were over; they found nothing");
	check(!number_alloc(&vm, id, id, &again) && again == id, "then it is given out again");
	ioctl(vm.fd[DEV], SVA_DELAY, 0);
	check(!number_bind(vm.fd[DEV], id, 9) && !enqcmd(&vm, vm.fd[DEV], 9) && jobs_over(),
	      "and works");
	vm_close(&vm);
	check(nothing_left(), "free before unbind: nothing is left");
}

/* A device that drains one number for long holds up nobody else. */
static void slow_drain(void)
{
	uint32_t slow, quick;
	uint64_t start;
	struct vm vm;
	int dev2;

	vm_open(&vm);
	dev2 = open(node[DEV], O_RDWR);
	ioctl(vm.fd[DEV], SVA_DELAY, 4000);
	check(!number_alloc(&vm, 1, MAX, &slow) && !number_alloc(&vm, 1, MAX, &quick) &&
		      !number_bind(vm.fd[DEV], slow, 1) && !number_bind(dev2, quick, 2) &&
		      !enqcmd(&vm, vm.fd[DEV], 1) && !enqcmd(&vm, dev2, 2),
	      "a slow and a quick device");
	start = now_ms();
	check(!number_free(&vm, slow) && !number_free(&vm, quick) && gone(&vm, quick) &&
		      now_ms() - start < 3000,
	      "the other number does not wait for the slow one");
	check(gone(&vm, slow) && now_ms() - start >= 3000, "which is reclaimed in its time");
	close(dev2);
	vm_close(&vm);
	check(nothing_left(), "slow drain: nothing is left");
}

static void strangers(void)
{
	struct vm vm, child;
	uint32_t id;
	int status = 1;
	pid_t pid;

	vm_open(&vm);
	check(open(node[SET], O_RDWR) < 0 && errno == EEXIST, "a process has one set");
	check(!number_alloc(&vm, 1, MAX, &id) && open(node[CPU], O_RDWR) < 0 && errno == EBUSY,
	      "a CPU that comes after the first number is refused");
	pid = fork();
	if (!pid) {
		bool good = vm_open(&child) && number_bind(child.fd[DEV], id, 3) == EPERM &&
			    number_unbind(child.fd[DEV], id) == EPERM &&
			    number_bind(vm.fd[DEV], id, 3) == EPERM && !number_free(&child, id);

		_exit(!good);
	}
	waitpid(pid, &status, 0);
	check(!status && held(&vm, id, 0, 0, 0),
	      "another process can neither bind, unbind nor free a number");
	vm_close(&vm);
	check(nothing_left(), "strangers: nothing is left");
}

/* ---- exits and crashes ----------------------------------------------------------------------- */

#define STEPS 9
static const char *const step_name[STEPS] = {
	"open",
	"allocated",
	"bound",
	"ENQCMD under way",
	"queue programmed",
	"both queues at work",
	"two numbers",
	"freed, jobs under way",
	"freed and bound again",
};

/* Everything up to @step, for which there is no way back. */
static bool vm_go(struct vm *vm, unsigned int step, unsigned int delay)
{
	uint32_t id = 0, id2 = 0;
	bool good = vm_open(vm) && !ioctl(vm->fd[DEV], SVA_DELAY, delay);

	if (step >= 1)
		good = good && !number_alloc(vm, 1, MAX, &id);
	if (step >= 2)
		good = good && !number_bind(vm->fd[DEV], id, 5);
	if (step >= 3)
		good = good && !enqcmd(vm, vm->fd[DEV], 5);
	if (step >= 4)
		good = good && !dwq(vm, 5);
	if (step >= 5)
		good = good && !ioctl(vm->fd[DEV], SVA_DWQ_SUBMIT);
	if (step >= 6)
		good = good && !number_alloc(vm, 1, MAX, &id2) &&
		       !number_bind(vm->fd[DEV], id2, 6) && !enqcmd(vm, vm->fd[DEV], 6);
	if (step >= 7)
		good = good && !number_free(vm, id);
	if (step >= 8)
		good = good && !number_alloc(vm, 1, MAX, &id) && id != id2 &&
		       !number_bind(vm->fd[DEV], id, 7) && !enqcmd(vm, vm->fd[DEV], 7);
	return good;
}

static const enum part orders[6][3] = { { SET, CPU, DEV }, { SET, DEV, CPU }, { CPU, SET, DEV },
					{ CPU, DEV, SET }, { DEV, SET, CPU }, { DEV, CPU, SET } };

/* A machine that goes to @step and closes in this order; @order 6: it is killed there. */
static bool machine(unsigned int step, unsigned int order)
{
	int ready[2], status = 0;
	struct vm vm;
	unsigned int i;
	char byte = 0;
	pid_t pid;

	if (pipe(ready))
		return false;
	pid = fork();
	if (!pid) {
		byte = vm_go(&vm, step, 20);
		if (write(ready[1], &byte, 1) != 1)
			_exit(2);
		if (order == 6)
			pause();
		for (i = 0; i < 3; i++)
			close(vm.fd[orders[order][i]]);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		byte = 0;
	close(ready[0]);
	if (order == 6)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!byte)
		printf("# step %u was not reached\n", step);
	return byte && (order == 6 ? WIFSIGNALED(status) : !status) && nothing_left();
}

static void every_end(void)
{
	unsigned int step, order;
	bool good;
	char what[96];

	for (step = 0; step < STEPS; step++) {
		good = true;
		for (order = 0; order < 6; order++) {
			if (machine(step, order))
				continue;
			printf("# order %u\n", order);
			good = false;
		}
		snprintf(what, sizeof(what), "%s: closed in each of 6 orders", step_name[step]);
		check(good, what);
		snprintf(what, sizeof(what), "%s: killed", step_name[step]);
		check(machine(step, 6), what);
	}
}

/* Machines that live through it again and again on few numbers, and die anywhere. */
static void storm(void)
{
	enum { MACHINES = 4, ROUNDS = 12 };
	unsigned int round, i;
	pid_t pid[MACHINES];
	struct vm vm;
	long done = stat_of("done");
	bool good = true;

	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < MACHINES; i++) {
			pid[i] = fork();
			while (!pid[i]) {
				vm_go(&vm, STEPS - 1, (unsigned int)i * 3);
				vm_close(&vm);
			}
		}
		sleep_ms(20 + (unsigned int)rand() % 200);
		for (i = 0; i < MACHINES; i++)
			kill(pid[i], SIGKILL);
		for (i = 0; i < MACHINES; i++)
			waitpid(pid[i], NULL, 0);
		good = good && nothing_left();
	}
	printf("# storm: %ld jobs done, %ld blocked since the beginning\n", stat_of("done") - done,
	       stat_of("blocked"));
	check(good && stat_of("done") > done, "machines killed anywhere, on the same few numbers");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (stat_of("sets") < 0) {
		check(0, "ioasid-example-sva.ko is loaded, debugfs is mounted");
		printf("1..%u\n", cases);
		return 1;
	}
	normal_flow();
	two_devices();
	free_before_unbind();
	slow_drain();
	strangers();
	every_end();
	storm();
	check(!stat_of("stray"), "no job ever reached a stranger");
	check(allocator_is_empty(), "the allocator has no set, no number and no work");
	printf("1..%u\n", cases);
	return failed;
}
