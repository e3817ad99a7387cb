// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Processes that hammer /dev/ioasid and the devices behind it, and are killed at any moment.
 *
 *	stress SECONDS
 *
 * Each process has a few contexts, device and fault descriptors, which its threads use and close
 * without asking each other. One process at a time is killed and replaced; devices are unplugged
 * and come back. Which call meets which is left to chance; what must hold is that errors are those
 * of the ABI, that every call gets through now and then, that nobody waits for ever, and that
 * nothing is left at the end. The kernel's own checkers see the rest. Prints TAP, needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sim.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	  4096UL
#define WORKERS	  3
#define THREADS	  3
#define SLOTS	  3 /* descriptors of each kind in a process */
#define SPACES	  4 /* handles in use */
#define DEVICES	  5
#define PASIDS	  2
#define SPLIT	  16 /* in global mode */
#define NUMBERS	  4 /* of the host, that are remembered */
#define PIECES	  8 /* of 16 KiB each, that are mapped */
#define PIECE	  (4 * PAGE)
#define MEMORY	  (PIECES * PIECE)
#define RW	  (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define LIVE_FILE "/sys/kernel/debug/ioasid/live"
#define SETS_FILE "/sys/kernel/debug/ioasid/sets"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Shared by all processes. */
struct shared {
	uint32_t device[DEVICES]; /* numbers behind the simulator's node; IOASID_SIM_NONE: unplugged */
	uint32_t number[NUMBERS]; /* of the host, on some device lately */
	uint64_t done[32], refused[32]; /* by kind of call */
	uint64_t kills, unplugs, host_wide;
	uint32_t strange_call, strange_errno;
};
static struct shared *shared;
static int sim;
static uint32_t iommu;

/* ---- a process -------------------------------------------------------------------------------------- */

/* A device descriptor is mostly bound to the context of its number, a fault descriptor is its own. */
static int ctx[SLOTS], dev[SLOTS], fault[SLOTS];
static uint8_t *memory;
static unsigned int first_device; /* those this process likes */

static uint32_t below(unsigned int *seed, uint32_t n)
{
	return (uint32_t)rand_r(seed) % n;
}

static int issue(int fd, unsigned long command, void *arg)
{
	return ioctl(fd, command, arg) < 0 ? -errno : 0;
}

/* A slot's descriptor is replaced; who uses the old number meets another file, or none. */
static void put(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_RELAXED);

	if (old >= 0)
		close(old);
}

static int open_into(int *slot, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc = fd < 0 ? -errno : 0;

	put(slot, fd);
	return rc;
}

static int at(int *slots, unsigned int i)
{
	return __atomic_load_n(&slots[i], __ATOMIC_RELAXED);
}

static int pick(int *slots, unsigned int *seed)
{
	return at(slots, below(seed, SLOTS));
}

static int do_open(unsigned int *seed)
{
	return open_into(&ctx[below(seed, SLOTS)], "/dev/ioasid");
}

/* What a handle mostly stands for, so that calls fit together now and then. */
static const struct {
	uint32_t kind, parent;
} spaces[SPACES] = {
	{ IOASID_KIND_KERNEL, IOASID_INVALID },
	{ IOASID_KIND_USER_TABLE, 0 },
	{ IOASID_KIND_KERNEL, 0 },
	{ IOASID_KIND_ACCOUNTING, IOASID_INVALID },
};

static int alloc_space(int fd, uint32_t handle, uint32_t parent)
{
	struct ioasid_alloc a = {
		.argsz = sizeof(a),
		.flags = IOASID_ALLOC_HANDLE,
		.kind = spaces[handle].kind,
		.parent = parent,
		.ioasid = handle,
	};

	return issue(fd, IOASID_ALLOC, &a);
}

static int do_alloc(unsigned int *seed)
{
	uint32_t handle = below(seed, SPACES);

	return alloc_space(pick(ctx, seed), handle,
			   below(seed, 8) ? spaces[handle].parent : below(seed, SPACES));
}

static int do_free(unsigned int *seed)
{
	struct ioasid_free f = { .argsz = sizeof(f), .ioasid = below(seed, SPACES) };

	return issue(pick(ctx, seed), IOASID_FREE, &f);
}

static int do_map(unsigned int *seed)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = RW,
		.ioasid = below(seed, SPACES),
		.iova = below(seed, PIECES) * PIECE,
		.vaddr = (uintptr_t)memory + below(seed, PIECES) * PIECE,
		.length = PIECE,
	};

	if (!below(seed, 3)) /* of a child: an address in the parent */
		m.vaddr = below(seed, PIECES) * PIECE;
	return issue(pick(ctx, seed), IOASID_MAP_DMA, &m);
}

static int do_unmap(unsigned int *seed)
{
	struct ioasid_unmap_dma u = { .argsz = sizeof(u), .ioasid = below(seed, SPACES) };

	if (below(seed, 4)) {
		u.iova = below(seed, PIECES) * PIECE;
		u.length = PIECE * (1 + below(seed, 4));
	} else {
		u.flags = IOASID_UNMAP_ALL;
	}
	return issue(pick(ctx, seed), IOASID_UNMAP_DMA, &u);
}

static int do_bind_table(unsigned int *seed)
{
	struct ioasid_bind_pgtable b = {
		.argsz = sizeof(b),
		.ioasid = below(seed, SPACES),
		.table = { .format = IOASID_FORMAT_VTD_FS,
			   .levels = 4,
			   .address = below(seed, PIECES) * PIECE },
	};

	return issue(pick(ctx, seed), IOASID_BIND_PGTABLE, &b);
}

static int do_invalidate(unsigned int *seed)
{
	struct ioasid_invalidate i = {
		.argsz = sizeof(i),
		.ioasid = below(seed, SPACES),
		.granularity = IOASID_INV_ALL,
	};

	if (below(seed, 2)) {
		i.granularity = IOASID_INV_RANGE;
		i.iova = below(seed, PIECES) * PIECE;
		i.length = PIECE;
	}
	return issue(pick(ctx, seed), IOASID_INVALIDATE_CACHE, &i);
}

static int do_set_hwid(unsigned int *seed)
{
	struct ioasid_set_hwid h = {
		.argsz = sizeof(h),
		.flags = below(seed, 2) ? IOASID_HWID_EXPOSE : 0,
		.ioasid = below(seed, SPACES),
		.vpasid = 1 + below(seed, PASIDS),
	};
	int rc;

	if (!below(seed, 4)) {
		h.flags |= IOASID_HWID_ANY;
		h.vpasid = 0;
	}
	rc = issue(pick(ctx, seed), IOASID_SET_HWID, &h);
	if (rc || !(h.flags & IOASID_HWID_EXPOSE))
		return rc;
	__atomic_store_n(&shared->number[below(seed, NUMBERS)], h.ppasid, __ATOMIC_RELAXED);
	if (h.ppasid != h.vpasid)
		__atomic_add_fetch(&shared->host_wide, 1, __ATOMIC_RELAXED);
	return rc;
}

static int do_clear_hwid(unsigned int *seed)
{
	struct ioasid_set_hwid h = {
		.argsz = sizeof(h),
		.ioasid = below(seed, SPACES),
		.vpasid = 1 + below(seed, PASIDS),
	};

	return issue(pick(ctx, seed), IOASID_CLEAR_HWID, &h);
}

/* They stand still under routes, so they get through when a device has lost its own. */
static int do_mode(unsigned int *seed)
{
	struct ioasid_hwid_policy p = {
		.argsz = sizeof(p),
		.value = below(seed, 4) ? IOASID_MODE_GLOBAL : IOASID_MODE_LOCAL,
	};

	if (below(seed, 2)) {
		p.flags = IOASID_HWID_DEVICE;
		p.cookie = below(seed, DEVICES);
	}
	return issue(pick(ctx, seed), IOASID_SET_HWID_MODE, &p);
}

static int do_split(unsigned int *seed)
{
	struct ioasid_hwid_policy p = {
		.argsz = sizeof(p),
		.value = below(seed, 8) ? SPLIT : 1,
	};

	return issue(pick(ctx, seed), IOASID_HWID_SET_GLOBAL_MIN, &p);
}

static int do_quota(unsigned int *seed)
{
	struct ioasid_quota q = { .argsz = sizeof(q), .quota = 1 + below(seed, 4) };

	if (below(seed, 2))
		q.quota = IOASID_INVALID;
	else if (below(seed, 2))
		q.flags = IOASID_QUOTA_RESERVE;
	return issue(pick(ctx, seed), IOASID_SET_QUOTA, &q);
}

static int do_ask(unsigned int *seed)
{
	struct ioasid_query_map entries[4];
	struct ioasid_query q = {
		.argsz = sizeof(q),
		.type = IOASID_QUERY_IOAS + below(seed, 4),
		.buffer = (uintptr_t)entries,
		.room = 4,
	};
	struct ioasid_info info = { .argsz = sizeof(info) };
	int fd = pick(ctx, seed);

	if (q.type == IOASID_QUERY_MAP)
		q.ioasid = below(seed, SPACES);
	issue(fd, IOASID_QUERY, &q);
	return issue(fd, IOASID_GET_INFO, &info);
}

/* Numbers of requests are small, so a guess hits now and then, too. */
static int do_answer(unsigned int *seed)
{
	struct ioasid_page_response r = {
		.argsz = sizeof(r),
		.id = 1 + below(seed, 8),
		.code = below(seed, 2),
	};
	unsigned int i = below(seed, SLOTS);
	struct ioasid_fault record;

	if (read(at(fault, i), &record, sizeof(record)) == sizeof(record))
		r.id = record.id;
	return issue(at(ctx, i), IOASID_PAGE_RESPONSE, &r);
}

static int open_device(int *slot, unsigned int i)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/stress%u", i % DEVICES);
	return open_into(slot, path);
}

static int do_dev_open(unsigned int *seed)
{
	return open_device(&dev[below(seed, SLOTS)], first_device + below(seed, SLOTS));
}

static int fault_fd(unsigned int i)
{
	struct ioasid_fault_fd f = { .argsz = sizeof(f), .capacity = 8 };
	int rc = issue(at(ctx, i), IOASID_FAULT_FD, &f);

	if (!rc)
		fcntl(f.fd, F_SETFL, O_NONBLOCK);
	put(&fault[i], rc ? -1 : f.fd); /* an old one in the way goes */
	return rc;
}

static int do_fault_fd(unsigned int *seed)
{
	return fault_fd(below(seed, SLOTS));
}

static int bind_device(unsigned int i, int context, uint64_t cookie)
{
	struct ioasid_dev_bind b = {
		.argsz = sizeof(b),
		.ioasid_fd = context,
		.cookie = cookie,
	};

	return issue(at(dev, i), IOASID_DEV_BIND_IOASID_FD, &b);
}

static int do_dev_bind(unsigned int *seed)
{
	unsigned int i = below(seed, SLOTS);

	return bind_device(i, below(seed, 8) ? at(ctx, i) : pick(ctx, seed), below(seed, DEVICES));
}

static int do_attach(unsigned int *seed)
{
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .ioasid = below(seed, SPACES) };

	if (!below(seed, 3))
		a.flags = IOASID_ATTACH_REPLACE;
	return issue(pick(dev, seed), IOASID_DEV_ATTACH_IOASID, &a);
}

static int attach_pasid(int fd, uint32_t ioasid, uint32_t vpasid, uint32_t flags)
{
	struct ioasid_dev_attach a = {
		.argsz = sizeof(a),
		.flags = IOASID_ATTACH_PASID | (vpasid ? IOASID_ATTACH_VPASID : 0) | flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
	};

	return issue(fd, IOASID_DEV_ATTACH_IOASID, &a);
}

static int do_attach_pasid(unsigned int *seed)
{
	static const uint32_t modes[] = { 0, 0, 0, IOASID_ATTACH_LOCAL, IOASID_ATTACH_GLOBAL };

	return attach_pasid(pick(dev, seed), below(seed, SPACES), below(seed, PASIDS + 1),
			    modes[below(seed, ARRAY_SIZE(modes))]);
}

static int do_detach(unsigned int *seed)
{
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .ioasid = below(seed, SPACES) };

	if (below(seed, 2))
		a.flags = IOASID_ATTACH_PASID;
	return issue(pick(dev, seed), IOASID_DEV_DETACH_IOASID, &a);
}

static int do_reset(unsigned int *seed)
{
	struct ioasid_dev_reset r = { .argsz = sizeof(r) };

	return issue(pick(dev, seed), IOASID_DEV_RESET, &r);
}

static uint32_t any_pasid(unsigned int *seed)
{
	uint32_t pasid = below(seed, PASIDS + 2);

	if (pasid > PASIDS)
		return __atomic_load_n(&shared->number[below(seed, NUMBERS)], __ATOMIC_RELAXED);
	return pasid ? pasid : IOASID_SIM_NONE;
}

static uint32_t any_device(unsigned int *seed)
{
	return __atomic_load_n(&shared->device[below(seed, DEVICES)], __ATOMIC_RELAXED);
}

static int do_dma(unsigned int *seed)
{
	uint64_t data[64];
	struct ioasid_sim_dma d = {
		.argsz = sizeof(d),
		.device = any_device(seed),
		.op = below(seed, 2) ? IOASID_SIM_WRITE : IOASID_SIM_READ,
		.addr = below(seed, PIECES) * PIECE + below(seed, 4) * PAGE,
		.data = (uintptr_t)data,
		.length = sizeof(data),
		.pasid = any_pasid(seed),
	};
	int rc;

	memset(data, 0, sizeof(data));
	rc = issue(sim, IOASID_SIM_DMA, &d);
	return rc || !d.blocked ? rc : -EINVAL;
}

static int do_page_request(unsigned int *seed)
{
	struct ioasid_sim_request q = {
		.argsz = sizeof(q),
		.flags = IOASID_SIM_REQ_READ | IOASID_SIM_REQ_LAST,
		.device = any_device(seed),
		.pasid = any_pasid(seed),
		.addr = below(seed, PIECES) * PIECE,
		.group = below(seed, 64),
	};
	struct ioasid_sim_response r = { .argsz = sizeof(r), .device = q.device };
	int rc = issue(sim, IOASID_SIM_PAGE_REQUEST, &q);

	while (!issue(sim, IOASID_SIM_RESPONSE, &r))
		;
	return rc;
}

static const struct {
	const char *name;
	int (*run)(unsigned int *seed);
	unsigned int weight;
} calls[] = {
	{ "open", do_open, 1 },
	{ "ALLOC", do_alloc, 30 },
	{ "FREE", do_free, 4 },
	{ "MAP", do_map, 50 },
	{ "UNMAP", do_unmap, 25 },
	{ "BIND_PGTABLE", do_bind_table, 15 },
	{ "INVALIDATE", do_invalidate, 25 },
	{ "SET_HWID", do_set_hwid, 25 },
	{ "CLEAR_HWID", do_clear_hwid, 12 },
	{ "SET_HWID_MODE", do_mode, 12 },
	{ "HWID_SET_GLOBAL_MIN", do_split, 12 },
	{ "SET_QUOTA", do_quota, 4 },
	{ "GET_INFO", do_ask, 10 },
	{ "FAULT_FD", do_fault_fd, 5 },
	{ "PAGE_RESPONSE", do_answer, 50 },
	{ "open of a device", do_dev_open, 3 },
	{ "BIND", do_dev_bind, 15 },
	{ "ATTACH", do_attach, 30 },
	{ "ATTACH with a PASID", do_attach_pasid, 50 },
	{ "DETACH", do_detach, 6 },
	{ "RESET", do_reset, 2 },
	{ "DMA", do_dma, 80 },
	{ "page request", do_page_request, 100 },
};

/* What the ABI says of state that another thread has just changed; the rest is strange. */
static bool expected(int rc)
{
	static const int errors[] = { 0,      EINVAL, ENOENT,	  EEXIST,      EBUSY,
				      ENOSPC, ERANGE, EOPNOTSUPP, EMEDIUMTYPE, ENODEV,
				      EAGAIN, EINTR,  EPERM,	  EDQUOT,      EIO, /* PRI is off */
				      EBADF,  ENOTTY, /* a number whose file was closed */
				      EFAULT /* memory of a root that is a child's by now */ };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (rc == -errors[i])
			return true;
	}
	return false;
}

static unsigned int choose(unsigned int *seed)
{
	unsigned int i, total = 0, at;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		total += calls[i].weight;
	at = below(seed, total);
	for (i = 0; at >= calls[i].weight; i++)
		at -= calls[i].weight;
	return i;
}

static void *hammer(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	for (;;) {
		unsigned int i = choose(&seed);
		int rc = calls[i].run(&seed);

		__atomic_add_fetch(rc ? &shared->refused[i] : &shared->done[i], 1,
				   __ATOMIC_RELAXED);
		if (!expected(rc)) {
			__atomic_store_n(&shared->strange_call, i, __ATOMIC_RELAXED);
			__atomic_store_n(&shared->strange_errno, -rc, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

/* What the threads begin with: a device that asks for pages. Some of it may be taken already. */
static void begin(unsigned int i)
{
	uint32_t handle;

	dev[i] = fault[i] = -1;
	ctx[i] = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	for (handle = 0; handle < SPACES; handle++)
		alloc_space(ctx[i], handle, spaces[handle].parent);
	fault_fd(i);
	open_device(&dev[i], first_device + i);
	bind_device(i, ctx[i], i);
	attach_pasid(dev[i], 1, 1, 0);
}

static pid_t start_worker(unsigned int seed)
{
	pid_t pid = fork();
	pthread_t thread;
	unsigned int i;

	if (pid)
		return pid;
	/* Whatever ends the test ends its processes. */
	alarm(600);
	first_device = seed % DEVICES;
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < SLOTS; i++)
		begin(i);
	for (i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, hammer, (void *)(uintptr_t)(seed * THREADS + i));
	hammer((void *)(uintptr_t)(seed * THREADS));
	return 0;
}

/* ---- devices come and go ------------------------------------------------------------------------------- */

static bool plug(unsigned int i)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.iommu = iommu,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = i == 2 ? 8 : 20, /* where the host's numbers do not fit */
		.group = IOASID_SIM_NONE,
	};

	if (i != 1)
		d.flags = IOASID_SIM_ATS | IOASID_SIM_PRI;
	snprintf(d.name, sizeof(d.name), "stress%u", i);
	if (issue(sim, IOASID_SIM_DEVICE_CREATE, &d))
		return false;
	__atomic_store_n(&shared->device[i], d.device, __ATOMIC_RELAXED);
	return true;
}

static bool unplug(unsigned int i)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = shared->device[i] };

	return !issue(sim, IOASID_SIM_DEVICE_DESTROY, &o);
}

static bool set_up(void)
{
	struct ioasid_sim_iommu machine = { .argsz = sizeof(machine), .iotlb_entries = 64 };
	unsigned int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	if (shared == MAP_FAILED || sim < 0 || issue(sim, IOASID_SIM_IOMMU_CREATE, &machine))
		return false;
	iommu = machine.iommu;
	for (i = 0; i < DEVICES; i++) {
		if (!plug(i))
			return false;
	}
	return true;
}

/* ---- the test ------------------------------------------------------------------------------------------------ */

static bool reap(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	/* One that cannot die is waited for until alarm() ends the test. */
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static bool run(unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int seed = 1, i, next = 1;
	pid_t worker[WORKERS];
	bool good = true;

	for (i = 0; i < WORKERS; i++)
		worker[i] = start_worker(next++);
	while (time(NULL) < end && good) {
		usleep(50000 + below(&seed, 400000));
		i = below(&seed, WORKERS);
		good &= reap(worker[i]);
		worker[i] = start_worker(next++);
		shared->kills++;
		if (below(&seed, 2))
			continue;
		i = below(&seed, DEVICES);
		good &= unplug(i) && plug(i);
		shared->unplugs++;
	}
	for (i = 0; i < WORKERS; i++)
		good &= reap(worker[i]);
	return good;
}

static int case_number;

static bool verdict(bool ok, const char *what)
{
	printf("%s %d - stress: %s\n", ok ? "ok" : "not ok", ++case_number, what);
	return ok;
}

static bool all_worked(void)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		printf("# %-20s %8lu done %8lu refused\n", calls[i].name, shared->done[i],
		       shared->refused[i]);
		all &= shared->done[i] > 0;
	}
	printf("# %lu host-wide numbers\n", shared->host_wide);
	return all && shared->host_wide;
}

/* Each line is a name and a number, which is zero when nobody has anything. */
static bool is_object(const char *name)
{
	return strcmp(name, "events_lost") != 0; /* a counter of what happened */
}

/* The first line is about the allocator as a whole. */
static bool no_numbers_left(void)
{
	static const char *const none[] = { " promised=0 ", " sets=0 ", " live=0 ", " pending=0 " };
	FILE *in = fopen(SETS_FILE, "r");
	char line[512] = "";
	bool clean = in && fgets(line, sizeof(line), in);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		clean &= strstr(line, none[i]) != NULL;
	if (in)
		fclose(in);
	if (!clean)
		printf("# %s", line);
	return clean;
}

static bool nothing_left(void)
{
	FILE *in = fopen(LIVE_FILE, "r");
	unsigned long long n;
	bool clean = in;
	char name[64];

	while (in && fscanf(in, "%63s %llu", name, &n) == 2) {
		if (n && is_object(name)) {
			printf("# %s %llu\n", name, n);
			clean = false;
		}
	}
	if (in)
		fclose(in);
	return clean;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 10;
	bool good;

	setbuf(stdout, NULL);
	if (!set_up()) {
		printf("Bail out! no devices: %s\n", strerror(errno));
		return 1;
	}
	alarm(seconds + 120);
	good = verdict(run(seconds), "processes are killed and devices unplugged under them");
	printf("# %lu processes killed, %lu devices unplugged\n", shared->kills, shared->unplugs);
	good &= verdict(all_worked(), "every call gets through");
	if (shared->strange_errno)
		printf("# %s: %s\n", calls[shared->strange_call].name,
		       strerror((int)shared->strange_errno));
	good &= verdict(!shared->strange_errno, "errors are those of the ABI");
	close(sim);
	good &= verdict(nothing_left() && no_numbers_left(), "nothing is left");
	printf("1..%d\n", case_number);
	return !good;
}
