// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ABI of the kernel, fuzzed from user space.
 *
 *   fuzz_abi [-t SECONDS] [-s SEED] [-n STEPS] [-d DEVICE]
 *
 * Runs as root in a guest with ioasid.ko, better also with ioasid-sim.ko. Each seed is a process
 * with a small world of its own (devices, contexts, address spaces), several threads and a bounded
 * number of random steps; half of them give up root before they begin, some are killed on the way.
 * When a round of seeds is over, nothing of it may be left. -s runs one seed alone, without time
 * limit; -d takes a device of /dev/ioasid-devices besides the software devices. Prints TAP and a table of what each command answered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define NOBODY	      65534
#define GROUP	      900 /* whoever may open /dev/ioasid, if the machine says so */
#define MEMLOCK	      (64 * PAGE)
#define SIDE_BY_SIDE  2
#define MIN_ROUNDS    4
#define STUCK_SECONDS 60

static unsigned int steps = 150;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- threads of a seed --------------------------------------------------------------------------- */

/* Writes over arguments while the kernel reads them. The lock tells when an argument is over. */
static void *changer(void *arg)
{
	struct fuzz_thread *t = arg;
	struct fuzz *f = t->f;

	while (!atomic_load(&f->done)) {
		pthread_mutex_lock(&f->victim_lock);
		if (f->victim)
			f->victim[rnd_below(t, f->victim_size)] = (uint8_t)rnd(t);
		pthread_mutex_unlock(&f->victim_lock);
		if (!f->victim)
			usleep(50);
	}
	return NULL;
}

static void *second(void *arg)
{
	struct fuzz_thread *t = arg;

	while (!atomic_load(&t->f->done))
		random_step(t);
	return NULL;
}

/* Fills the page of memory whose faults it gets, after a while. */
static void *pager(void *arg)
{
	struct fuzz_thread *t = arg;
	int fd = (int)(uintptr_t)t->room;
	struct uffd_msg msg;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct uffdio_zeropage zero = { .range = { (uintptr_t)t->f->uffd_page, PAGE } };

		if (poll(&p, 1, -1) < 0 || read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		usleep(500);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

static void pager_start(struct fuzz_thread *t, struct fuzz *f)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	t->f = f;
	if (fd < 0)
		return;
	f->uffd_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)f->uffd_page;
	reg.range.len = PAGE;
	t->room = (uint8_t *)(uintptr_t)fd;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&t->id, NULL, pager, t)) {
		f->uffd_page = NULL;
		close(fd);
	}
}

static void wake(int sig)
{
	(void)sig;
}

/* Calls that wait are interrupted now and then, and holds released. */
static void *watchdog(void *arg)
{
	struct fuzz_thread *threads = arg;
	struct fuzz *f = threads[0].f;

	while (!atomic_load(&f->done)) {
		usleep(40000);
		pthread_kill(threads[0].id, SIGUSR1);
		pthread_kill(threads[1].id, SIGUSR1);
		release_holds(f);
	}
	return NULL;
}

/* ---- one seed ------------------------------------------------------------------------------------------ */

static void drop_root(struct fuzz *f)
{
	struct rlimit limit = { MEMLOCK, MEMLOCK };

	f->privileged = false;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) || setgid(GROUP) ||
	    setuid(NOBODY))
		_exit(99);
}

static void seed_threads(struct fuzz *f, struct fuzz_thread *t, uint64_t seed)
{
	struct sigaction action = { .sa_handler = wake };
	pthread_t dog;
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	t[0].id = pthread_self();
	if (!thread_init(&t[1], f, seed + 1) || !thread_init(&t[2], f, seed + 2) ||
	    pthread_create(&t[1].id, NULL, second, &t[1]) ||
	    pthread_create(&t[2].id, NULL, changer, &t[2]) ||
	    pthread_create(&dog, NULL, watchdog, t))
		_exit(98);
	for (i = 0; i < steps; i++)
		random_step(&t[0]);
	/* Either everything is closed one by one while others work, or all at once. */
	if (one_in(&t[0], 2))
		_exit(0);
	atomic_store(&f->done, true);
	release_holds(f);
	pthread_join(t[1].id, NULL);
	pthread_join(t[2].id, NULL);
	pthread_join(dog, NULL);
	for (i = 3; i < 1024; i++)
		close((int)i);
	_exit(0);
}

/* Host-wide numbers of all seeds are charged to one group, whose limit seeds change. */
static void group_join(const struct fuzz_shared *shared)
{
	int fd = shared->group ? open(FUZZ_GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;

	if (shared->group && (fd < 0 || write(fd, "0", 1) != 1))
		_exit(96);
	close(fd);
}

static void seed_run(struct fuzz_shared *shared, uint64_t seed)
{
	static struct fuzz f;
	static struct fuzz_thread threads[4];

	f.shared = shared;
	f.seed = seed;
	f.privileged = true;
	pthread_mutex_init(&f.lock, NULL);
	pthread_mutex_init(&f.victim_lock, NULL);
	f.arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f.arena == MAP_FAILED || !thread_init(&threads[0], &f, seed))
		_exit(97);
	for (int i = 0; i < 4; i++) /* the first values are not well mixed */
		rnd(&threads[0]);
	pager_start(&threads[3], &f);
	devices_make(&threads[0]);
	group_join(shared);
	if (seed % 2)
		drop_root(&f);
	world_make(&threads[0]);
	if (!(seed % 4))
		world_tour(&threads[0]);
	seed_threads(&f, threads, seed);
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	uint64_t seed;
	double kill_at;
};

static void show_stacks(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "for s in /proc/%d/task/*/stack; do echo \"# $s\"; sed 's/^/#  /' $s; done", pid);
	fflush(stdout);
	(void)!system(command);
}

/* Return: false: it hung, or crashed by itself. */
static bool reap(struct child *c)
{
	double deadline = now() + STUCK_SECONDS;
	bool killed = false;
	int status = 0;

	while (!waitpid(c->pid, &status, WNOHANG)) {
		if (c->kill_at && now() > c->kill_at && !killed) {
			killed = true;
			kill(c->pid, SIGKILL);
		}
		if (now() > deadline) {
			printf("# seed %#llx hangs\n", (unsigned long long)c->seed);
			show_stacks(c->pid);
			return false;
		}
		usleep(2000);
	}
	if (killed || (WIFEXITED(status) && !WEXITSTATUS(status)))
		return true;
	/* Garbage for mmap and mprotect may well take its own stack away. */
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS))
		return true;
	printf("# seed %#llx ended with status %#x\n", (unsigned long long)c->seed, status);
	return false;
}

static bool round_run(struct fuzz_shared *shared, uint64_t seed, unsigned int n)
{
	struct child children[SIDE_BY_SIDE];
	bool ok = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct child *c = &children[i];

		c->seed = seed + i;
		c->kill_at = (c->seed >> 1) % 4 != 1 ? 0 :
						       now() + 0.02 * (double)((c->seed >> 3) % 32);
		c->pid = fork();
		if (!c->pid)
			seed_run(shared, c->seed);
	}
	for (i = 0; i < n; i++)
		ok &= reap(&children[i]);
	return ok;
}

/* Nothing is left; what ends behind our back gets a moment. */
static bool settled(const struct fuzz_gauge *before)
{
	struct fuzz_gauge after;
	int i;

	for (i = 0; i < 100; i++) {
		gauge_read(&after);
		if (!strcmp(before->live, after.live) && before->pinned == after.pinned)
			return true;
		usleep(50000);
	}
	return gauge_compare(before, &after);
}

/* ---- what a user may lock ---------------------------------------------------------------------------------- */

/* If charges were lost on the way, less than the limit is left, or more. */
static bool limit_intact(void)
{
	uint8_t *p = mmap(NULL, MEMLOCK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };
	struct ioasid_map_dma m = { .argsz = sizeof(m),
				    .flags = IOASID_MAP_READ,
				    .vaddr = (uintptr_t)p,
				    .length = MEMLOCK };
	struct fuzz f = { 0 };
	int fd = open("/dev/ioasid", O_RDWR), all, more;

	drop_root(&f);
	if (ioctl(fd, IOASID_ALLOC, &a))
		return false;
	m.ioasid = a.ioasid;
	all = ioctl(fd, IOASID_MAP_DMA, &m) ? errno : 0;
	m.iova = MEMLOCK;
	m.vaddr += MEMLOCK;
	m.length = PAGE;
	more = ioctl(fd, IOASID_MAP_DMA, &m) ? errno : 0;
	if (all || more != EDQUOT)
		printf("# up to the limit: %s; beyond: %s\n", strerror(all), strerror(more));
	fflush(stdout);
	return !all && more == EDQUOT;
}

/* What a user has locked is forgotten with the last process of his: one stays until the end. */
static pid_t user_stays(void)
{
	struct fuzz f = { 0 };
	pid_t pid = fork();

	if (pid)
		return pid;
	drop_root(&f);
	for (;;)
		pause();
}

static bool check_limit(void)
{
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		_exit(limit_intact() ? 0 : 1);
	waitpid(pid, &status, 0);
	return !status;
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

static bool check_memory(const struct fuzz_gauge *early, const struct fuzz_gauge *late,
			 unsigned int rounds)
{
	long lost = early->free_kib - late->free_kib, slab = late->slab_kib - early->slab_kib;

	printf("# memory in %u rounds: free %+ld KiB, slab %+ld KiB\n", rounds, -lost, slab);
	/* A page for each round would show; what the kernel keeps by itself is less. */
	lost -= memory_kept_kib();
	slab -= memory_kept_kib();
	return lost < 8192 + 4L * rounds && slab < 6144 + 2L * rounds;
}

static bool run(struct fuzz_shared *shared, double seconds, uint64_t seed, unsigned int *n)
{
	struct fuzz_gauge before, early, late;
	double start = now();
	unsigned int rounds = 0, warm = 0;
	bool ended = true, left = true, ok;
	pid_t user = user_stays();

	gauge_read(&before);
	early = before;
	do {
		ended = round_run(shared, seed, seconds > 0 ? SIDE_BY_SIDE : 1);
		left = ended && settled(&before);
		if (!ended || !left)
			printf("# in the round of seeds %#llx\n", (unsigned long long)seed);
		seed += SIDE_BY_SIDE;
		rounds++;
		if (!warm && now() - start > seconds / 3) {
			caches_drop();
			gauge_read(&early);
			warm = rounds;
		}
	} while (ended && left &&
		 (now() - start < seconds || (seconds > 0 && rounds < MIN_ROUNDS)));
	caches_drop();
	gauge_read(&late);
	printf("# %u rounds of seeds in %.1f s\n", rounds, now() - start);
	ok = tap(ended, n, "no seed hangs");
	ok &= tap(left, n, "no object and no pinned page is left");
	ok &= tap(check_memory(&early, &late, rounds - warm), n, "no memory is lost");
	ok &= tap(check_limit(), n, "what a user may lock is what it was");
	kill(user, SIGKILL);
	return ok;
}

int main(int argc, char **argv)
{
	struct fuzz_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = (uint64_t)time(NULL) << 16;
	bool once = false, ok;
	const char *node = NULL;
	double seconds = 20;
	unsigned int n = 1;
	int option;

	while ((option = getopt(argc, argv, "t:s:n:d:")) != -1) {
		if (option == 't')
			seconds = strtod(optarg, NULL);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0), once = true;
		else if (option == 'n')
			steps = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 'd')
			node = optarg;
		else
			return 2;
	}
	if (shared == MAP_FAILED || access("/dev/ioasid", F_OK)) {
		printf("1..0 # SKIP no /dev/ioasid\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	shared->sim = !access("/dev/ioasid-sim", F_OK);
	shared->group = !access(FUZZ_GROUP, F_OK);
	shared->node = node;
	printf("1..%d\n# first seed %#llx, %s software devices, %s a group\n", once ? 4 : 9,
	       (unsigned long long)seed, shared->sim ? "with" : "without",
	       shared->group ? "with" : "without");
	ok = run(shared, once ? 0 : seconds, seed, &n);
	cover_print(shared);
	if (!once)
		ok &= cover_judge(shared, &n);
	return ok ? 0 : 1;
}
