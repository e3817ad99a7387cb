// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What /dev/ioasid costs in the kernel, next to VFIO's type1 container and to the cheapest call
 * there is. Runs in a guest as root, static.
 *
 *	bench_linux -d DEVICE -v BDF [-r ROUNDS] [-o FILE.json] [NAME-PREFIX...]
 *
 * DEVICE (in /dev/ioasid-devices) and BDF (bound to vfio-pci) are identical functions behind the
 * same IOMMU. Both sides map the same memory at the same addresses, in turns of a few milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sim.h>
#include <linux/vfio.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/row.h"

#define PAGE 4096ULL
#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
/* Where both IOMMU address spaces are free: above memory holes and interrupt windows. */
#define IOVA (4 * GIB)

static int issue(int fd, unsigned long command, void *arg)
{
	int rc = ioctl(fd, command, arg);

	return rc < 0 ? -errno : rc;
}

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

static int open_device(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%s", name);
	return open_node(path);
}

/* ---- /dev/ioasid: thin as a wrapper can be ------------------------------------------------------ */

static uint32_t space_alloc(int ctx, uint32_t kind, uint32_t parent)
{
	struct ioasid_alloc a = { .argsz = sizeof(a), .kind = kind, .parent = parent };

	must(issue(ctx, IOASID_ALLOC, &a));
	return a.ioasid;
}

static void space_free(int ctx, uint32_t ioasid)
{
	struct ioasid_free f = { .argsz = sizeof(f), .ioasid = ioasid };

	must(issue(ctx, IOASID_FREE, &f));
}

static void device_bind(int dev, int ctx, uint64_t cookie)
{
	struct ioasid_dev_bind b = { .argsz = sizeof(b), .ioasid_fd = ctx, .cookie = cookie };

	must(issue(dev, IOASID_DEV_BIND_IOASID_FD, &b));
}

static void device_attach(int dev, uint32_t flags, uint32_t ioasid, uint32_t vpasid)
{
	struct ioasid_dev_attach a = {
		.argsz = sizeof(a), .flags = flags, .ioasid = ioasid, .vpasid = vpasid
	};

	must(issue(dev, IOASID_DEV_ATTACH_IOASID, &a));
}

static void device_detach(int dev, uint32_t flags, uint32_t ioasid)
{
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .flags = flags, .ioasid = ioasid };

	must(issue(dev, IOASID_DEV_DETACH_IOASID, &a));
}

static struct {
	int ctx;
	uint32_t ioasid;
} ours;

static void ours_map(uint64_t iova, void *vaddr, uint64_t length)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.ioasid = ours.ioasid,
		.iova = iova,
		.vaddr = (uintptr_t)vaddr,
		.length = length,
	};

	must(issue(ours.ctx, IOASID_MAP_DMA, &m));
}

static void ours_unmap(uint64_t iova, uint64_t length)
{
	struct ioasid_unmap_dma u = {
		.argsz = sizeof(u), .ioasid = ours.ioasid, .iova = iova, .length = length
	};

	must(issue(ours.ctx, IOASID_UNMAP_DMA, &u));
	if (u.unmapped != length)
		must(-EIO);
}

static void ours_setup(const char *name)
{
	int dev = open_device(name);

	ours.ctx = open_node("/dev/ioasid");
	ours.ioasid = space_alloc(ours.ctx, IOASID_KIND_KERNEL, IOASID_INVALID);
	device_bind(dev, ours.ctx, 1);
	device_attach(dev, 0, ours.ioasid, 0);
}

/* ---- VFIO type1 ------------------------------------------------------------------------------------ */

static int container;

static void vfio_map(uint64_t iova, void *vaddr, uint64_t length)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = sizeof(m),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = length,
	};

	must(issue(container, VFIO_IOMMU_MAP_DMA, &m));
}

static void vfio_unmap(uint64_t iova, uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap u = { .argsz = sizeof(u), .iova = iova, .size = length };

	must(issue(container, VFIO_IOMMU_UNMAP_DMA, &u));
	if (u.size != length)
		must(-EIO);
}

static void vfio_setup(const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;
	int group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		must(-errno);
	target[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);
	container = open_node("/dev/vfio/vfio");
	group = open_node(path);
	must(issue(group, VFIO_GROUP_SET_CONTAINER, &container));
	must(issue(container, VFIO_SET_IOMMU, (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU));
	/* Opened, as a user of the device would have it. */
	must(issue(group, VFIO_GROUP_GET_DEVICE_FD, (void *)(uintptr_t)bdf));
}

/* ---- map and unmap ------------------------------------------------------------------------------------ */

struct side {
	void (*map)(uint64_t iova, void *vaddr, uint64_t length);
	void (*unmap)(uint64_t iova, uint64_t length);
};
static const struct side sides[2] = { { ours_map, ours_unmap }, { vfio_map, vfio_unmap } };

static char *memory;

static double one_size(const struct side *side, const void *arg)
{
	uint64_t length = *(const uint64_t *)arg;
	/* About the same time for all lengths. */
	unsigned int n = length < 64 * PAGE ? 100 : length < GIB ? 4 : 1, i;
	double start = now_ns();

	for (i = 0; i < n; i++) {
		side->map(IOVA, memory, length);
		side->unmap(IOVA, length);
	}
	return (now_ns() - start) / n / 1000;
}

/*
 * Both sides in turns, the one that begins changes; the best turn of each: what a sample is
 * disturbed by is not what is measured.
 */
static double compare(double (*run)(const struct side *side, const void *arg), const void *arg,
		      unsigned int turns, double *baseline)
{
	double best[2] = { 0, 0 };
	unsigned int i, turn;

	for (turn = 0; turn < turns; turn++) {
		for (i = 0; i < 2; i++) {
			unsigned int which = (turn + i) % 2;
			double t = run(&sides[which], arg);

			if (!turn || t < best[which])
				best[which] = t;
		}
	}
	*baseline = best[1];
	return best[0];
}

static double run_size(uint64_t length, double *baseline)
{
	return compare(one_size, &length, length < GIB ? 8 : 2, baseline);
}

static double run_map_4k(double *baseline)
{
	return run_size(PAGE, baseline);
}

static double run_map_64k(double *baseline)
{
	return run_size(16 * PAGE, baseline);
}

static double run_map_2m(double *baseline)
{
	return run_size(2 * MIB, baseline);
}

static double run_map_1g(double *baseline)
{
	return run_size(GIB, baseline);
}

/* One to sixteen pages each, many alive at once, at addresses nobody can predict. */
#define SMALL 256
struct small {
	uint64_t iova, offset, length;
};

static void shuffle(struct small *list)
{
	unsigned int i;

	for (i = SMALL - 1; i > 0; i--) {
		unsigned int k = (unsigned int)(rng() % (i + 1));
		struct small swap = list[i];

		list[i] = list[k];
		list[k] = swap;
	}
}

static double one_small(const struct side *side, const void *arg)
{
	const struct small *list = arg;
	double start = now_ns();
	unsigned int i;

	for (i = 0; i < SMALL; i++)
		side->map(list[i].iova, memory + list[i].offset, list[i].length);
	for (i = 0; i < SMALL; i++)
		side->unmap(list[SMALL + i].iova, list[SMALL + i].length);
	return (now_ns() - start) / SMALL / 1000;
}

static double run_map_random(double *baseline)
{
	static struct small list[2 * SMALL]; /* to map in one order, to unmap in another */
	unsigned int i;

	for (i = 0; i < SMALL; i++) {
		list[i].length = (1 + rng() % 16) * PAGE;
		list[i].offset = rng() % (GIB / PAGE - 16) * PAGE;
		/* A slot of its own, somewhere in 16 GiB. */
		list[i].iova = IOVA + (i * 64 + rng() % 48) * MIB + rng() % 240 * PAGE;
	}
	shuffle(list);
	memcpy(list + SMALL, list, SMALL * sizeof(*list));
	shuffle(list + SMALL);
	return compare(one_small, list, 4, baseline);
}

/* ---- the rest: a software device, in multiples of getppid() ------------------------------------------------ */

#define SIM_PASID 5

static struct {
	int node, ctx, dev, fault;
	uint32_t device, space, table;
} sim;

static uint32_t sim_device(void)
{
	struct ioasid_sim_iommu iommu = { .argsz = sizeof(iommu) };
	struct ioasid_sim_device device = {
		.argsz = sizeof(device),
		.flags = IOASID_SIM_ATS | IOASID_SIM_PRI,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 16,
		.group = IOASID_SIM_NONE,
		.name = "bench",
	};

	must(issue(sim.node, IOASID_SIM_IOMMU_CREATE, &iommu));
	device.iommu = iommu.iommu;
	must(issue(sim.node, IOASID_SIM_DEVICE_CREATE, &device));
	return device.device;
}

/* A context with a guest's memory, and an empty table in it that the device reaches by PASID. */
static void sim_setup(void)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.vaddr = (uintptr_t)memory,
		.length = 16 * PAGE,
	};
	struct ioasid_bind_pgtable bind = {
		.argsz = sizeof(bind),
		.table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 },
	};
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };

	sim.node = open_node("/dev/ioasid-sim");
	sim.device = sim_device();
	sim.ctx = open_node("/dev/ioasid");
	sim.dev = open_device("bench");
	device_bind(sim.dev, sim.ctx, 1);
	m.ioasid = sim.space = space_alloc(sim.ctx, IOASID_KIND_KERNEL, IOASID_INVALID);
	must(issue(sim.ctx, IOASID_MAP_DMA, &m));
	bind.ioasid = sim.table = space_alloc(sim.ctx, IOASID_KIND_USER_TABLE, sim.space);
	must(issue(sim.ctx, IOASID_BIND_PGTABLE, &bind));
	device_attach(sim.dev, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, sim.table, SIM_PASID);
	must(issue(sim.ctx, IOASID_FAULT_FD, &f));
	sim.fault = f.fd;
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_alloc(void)
{
	space_free(sim.ctx, space_alloc(sim.ctx, IOASID_KIND_KERNEL, IOASID_INVALID));
}

static void call_attach(void)
{
	device_attach(sim.dev, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, sim.space,
		      SIM_PASID + 1);
	device_detach(sim.dev, IOASID_ATTACH_PASID, sim.space);
}

static void call_hwid(void)
{
	struct ioasid_set_hwid h = { .argsz = sizeof(h),
				     .ioasid = sim.table,
				     .vpasid = SIM_PASID + 2 };

	must(issue(sim.ctx, IOASID_SET_HWID, &h));
	must(issue(sim.ctx, IOASID_CLEAR_HWID, &h));
}

/* The device asks, we read and answer, the device has it. */
static void call_page_request(void)
{
	struct ioasid_sim_request q = {
		.argsz = sizeof(q),
		.flags = IOASID_SIM_REQ_READ | IOASID_SIM_REQ_WRITE | IOASID_SIM_REQ_LAST,
		.device = sim.device,
		.pasid = SIM_PASID,
		.addr = 0x7f0000001000ULL,
	};
	struct ioasid_page_response r = { .argsz = sizeof(r) };
	struct ioasid_sim_response a = { .argsz = sizeof(a), .device = sim.device };
	struct ioasid_fault record;
	int rc;

	must(issue(sim.node, IOASID_SIM_PAGE_REQUEST, &q));
	if (read(sim.fault, &record, sizeof(record)) != sizeof(record))
		must(-EIO);
	r.id = record.id;
	must(issue(sim.ctx, IOASID_PAGE_RESPONSE, &r));
	do
		rc = issue(sim.node, IOASID_SIM_RESPONSE, &a);
	while (rc == -EAGAIN);
	must(rc);
}

/* Nanoseconds of the best of some turns of @n calls. */
static double best_call(void (*call)(void), unsigned int n)
{
	double best = 0;
	unsigned int turn, i;

	for (turn = 0; turn < 8; turn++) {
		double t = now_ns();

		for (i = 0; i < n; i++)
			call();
		t = (now_ns() - t) / n;
		if (!turn || t < best)
			best = t;
	}
	return best;
}

static double run_calls(void (*call)(void), unsigned int n, double *baseline)
{
	double t = best_call(call, n);

	*baseline = best_call(call_getppid, 1000);
	return t;
}

static double run_alloc_free(double *baseline)
{
	return run_calls(call_alloc, 50, baseline);
}

static double run_attach_detach(double *baseline)
{
	return run_calls(call_attach, 10, baseline);
}

static double run_set_hwid(double *baseline)
{
	return run_calls(call_hwid, 10, baseline);
}

static double run_page_request(double *baseline)
{
	return run_calls(call_page_request, 20, baseline);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static struct row rows[] = {
	{ "linux.map_4k", "us", "vfio type1", run_map_4k },
	{ "linux.map_64k", "us", "vfio type1", run_map_64k },
	{ "linux.map_2m", "us", "vfio type1", run_map_2m },
	{ "linux.map_1g", "us", "vfio type1", run_map_1g },
	{ "linux.map_random_small", "us", "vfio type1", run_map_random },
	{ "linux.alloc_free", "ns", "getppid()", run_alloc_free },
	{ "linux.attach_detach_pasid", "ns", "getppid()", run_attach_detach },
	{ "linux.set_clear_hwid", "ns", "getppid()", run_set_hwid },
	{ "linux.page_request", "ns", "getppid()", run_page_request },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Guest memory: what the kernel gives to a program that asks for much, all of it touched. */
static void make_memory(void)
{
	char *p = mmap(NULL, GIB + 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		must(-errno);
	memory = (char *)(((uintptr_t)p + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
	memset(memory, 0, GIB);
}

int main(int argc, char **argv)
{
	const char *path = NULL, *device = NULL, *bdf = NULL;
	unsigned int rounds = ROUNDS_MIN;
	cpu_set_t cpu;
	int opt;

	while ((opt = getopt(argc, argv, "d:v:r:o:")) != -1) {
		if (opt == 'd')
			device = optarg;
		else if (opt == 'v')
			bdf = optarg;
		else if (opt == 'r')
			rounds = (unsigned int)atoi(optarg);
		else if (opt == 'o')
			path = optarg;
		else
			return 2;
	}
	if (!device || !bdf || !rounds || rounds > ROUNDS_MAX)
		return 2;
	CPU_ZERO(&cpu);
	CPU_SET(1, &cpu); /* interrupts like the other one */
	sched_setaffinity(0, sizeof(cpu), &cpu);
	make_memory();
	ours_setup(device);
	vfio_setup(bdf);
	sim_setup();
	rows_measure(rows, NR_ROWS, rounds, argv + optind);
	rows_report(rows, NR_ROWS, path);
	return 0;
}
