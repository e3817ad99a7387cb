// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The node of ioasid-sim.ko itself: what it refuses, how long things live, who is in whose way.
 * What its devices do for /dev/ioasid is the conformance suite's. Needs root; prints TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ioasid/ioasid.h>
#include <linux/ioasid_sim.h>

#include "check.h"

#define NODE	      "/dev/ioasid-sim"
#define PAGE	      4096UL
#define IOVA	      0x100000ULL
#define RW	      (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int sim = -1;

static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- making things -------------------------------------------------------------------------------- */

static uint32_t iommu_make(int fd)
{
	struct ioasid_sim_iommu c = { .argsz = sizeof(c) };

	is(command(fd, IOASID_SIM_IOMMU_CREATE, &c), 0);
	return c.iommu;
}

static struct ioasid_sim_device device_config(uint32_t iommu, const char *name, uint32_t dev_class)
{
	struct ioasid_sim_device c = {
		.argsz = sizeof(c),
		.iommu = iommu,
		.dev_class = dev_class,
		.group = IOASID_SIM_NONE,
	};

	if (dev_class == IOASID_CLASS_PDEV_PASID) {
		c.flags = IOASID_SIM_ATS | IOASID_SIM_PRI;
		c.pasid_bits = 20;
	}
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static uint32_t device_make(int fd, uint32_t iommu, const char *name, uint32_t dev_class)
{
	struct ioasid_sim_device c = device_config(iommu, name, dev_class);

	is(command(fd, IOASID_SIM_DEVICE_CREATE, &c), 0);
	return c.device;
}

static int end(int fd, unsigned long cmd, uint32_t id)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = id };

	return command(fd, cmd, &o);
}

static struct ioasid_sim_stats stats(uint32_t iommu)
{
	struct ioasid_sim_stats s = { .argsz = sizeof(s), .iommu = iommu };

	is(command(sim, IOASID_SIM_STATS, &s), 0);
	return s;
}

static bool node_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%s", name);
	return !access(path, F_OK);
}

/* One write of 8 bytes. Return: 0, the reason of a blocked one, or an errno. */
static int dma_write(int fd, uint32_t device, uint32_t pasid, uint64_t addr, uint32_t flags)
{
	uint64_t data = 0x1122334455667788;
	struct ioasid_sim_dma d = {
		.argsz = sizeof(d),
		.flags = flags,
		.device = device,
		.op = IOASID_SIM_WRITE,
		.addr = addr,
		.data = (uintptr_t)&data,
		.length = sizeof(data),
		.pasid = pasid,
	};
	int rc = command(fd, IOASID_SIM_DMA, &d);

	return rc ? rc : d.blocked ? (int)d.reason : 0;
}

/* ---- arguments -------------------------------------------------------------------------------------- */

static const struct {
	unsigned long cmd;
	uint32_t size, reserved, min;
} commands[] = {
#define ROW(c, t)                                                                           \
	{                                                                                   \
		.cmd = IOASID_SIM_##c, .size = sizeof(struct ioasid_sim_##t), .reserved = 0 \
	}
#define ROW_R(c, t)                                                           \
	{                                                                     \
		.cmd = IOASID_SIM_##c, .size = sizeof(struct ioasid_sim_##t), \
		.reserved = offsetof(struct ioasid_sim_##t, __reserved)       \
	}
	ROW(IOMMU_CREATE, iommu),
	ROW_R(IOMMU_DESTROY, object),
	{ IOASID_SIM_DEVICE_CREATE, sizeof(struct ioasid_sim_device),
	  offsetof(struct ioasid_sim_device, __reserved),
	  offsetof(struct ioasid_sim_device, parent) },
	ROW_R(DEVICE_DESTROY, object),
	ROW(DMA, dma),
	ROW(PAGE_REQUEST, request),
	ROW_R(RESPONSE, response),
	ROW(TRANSLATE, request),
	ROW(HOLD, hold),
	ROW_R(RELEASE, object),
	ROW(STATS, stats),
	ROW(HOST_USE, host_use),
	ROW(WALK, walk),
	ROW(WQ_STORE, wq_store),
	ROW_R(WQ_RUN, wq_run),
	ROW(WQ_REGISTER, wq_register),
	ROW_R(VM_CREATE, vm),
	/* Of a VM's descriptor. */
	ROW_R(VCPU_CREATE, vcpu),
	ROW_R(VCPU_DESTROY, object),
	ROW_R(WRMSR_PASID, wrmsr),
	ROW(ENQCMD, enqcmd),
};

union any {
	struct {
		uint32_t argsz, flags;
	};
	uint32_t words[64];
};

static void structure_is_checked(int fd, unsigned long cmd, uint32_t size, uint32_t min,
				 uint32_t reserved)
{
	union any a;

	memset(&a, 0, sizeof(a));
	a.argsz = min - 1;
	is(command(fd, cmd, &a), -EINVAL);
	a.argsz = 0;
	is(command(fd, cmd, &a), -EINVAL);
	a.argsz = 1U << 20;
	is(command(fd, cmd, &a), -E2BIG);
	a.argsz = size + 4;
	a.words[size / 4] = 1;
	is(command(fd, cmd, &a), -E2BIG);
	memset(&a, 0, sizeof(a));
	a.argsz = size;
	a.flags = 1U << 31;
	is(command(fd, cmd, &a), -EOPNOTSUPP);
	is(command(fd, cmd, NULL), -EFAULT);
	if (!reserved)
		return;
	a.flags = 0;
	a.words[reserved / 4] = 1;
	is(command(fd, cmd, &a), -EINVAL);
}

static int vm_make(void)
{
	struct ioasid_sim_vm v = { .argsz = sizeof(v) };

	is(command(sim, IOASID_SIM_VM_CREATE, &v), 0);
	return v.fd;
}

static void structures_are_checked(void)
{
	int vm = vm_make();
	union any a = { .argsz = 8 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		bool of_vm = _IOC_NR(commands[i].cmd) >= IOASID_SIM_VM_BASE;

		structure_is_checked(of_vm ? vm : sim, commands[i].cmd, commands[i].size,
				     commands[i].min ? commands[i].min : commands[i].size,
				     commands[i].reserved);
		is(command(of_vm ? sim : vm, commands[i].cmd, &a), -ENOTTY);
	}
	close(vm);
	is(command(sim, _IO(IOASID_SIM_IOC_TYPE, 0x7f), &a), -ENOTTY);
	is(command(sim, _IOW(IOASID_SIM_IOC_TYPE, 0, int), &a), -ENOTTY);
	is(command(sim, IOASID_GET_INFO, &a), -ENOTTY);
}

static void larger_structures_with_zeros_are_taken(void)
{
	struct {
		struct ioasid_sim_stats s;
		uint64_t more[4];
	} a = { .s = { .argsz = sizeof(a), .iommu = IOASID_SIM_NONE } };

	is(command(sim, IOASID_SIM_STATS, &a), 0);
	is(a.s.argsz, sizeof(a));
}

static void a_structure_that_cannot_be_written_makes_nothing(void)
{
	struct ioasid_sim_iommu *c =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t pages = stats(IOASID_SIM_NONE).table_pages;

	*c = (struct ioasid_sim_iommu){ .argsz = sizeof(*c) };
	mprotect(c, PAGE, PROT_READ);
	is(command(sim, IOASID_SIM_IOMMU_CREATE, c), -EFAULT);
	is(stats(IOASID_SIM_NONE).table_pages, pages);
	munmap(c, PAGE);
}

/* Nor a descriptor: the next one has the number that it would have had. */
static void a_vm_that_cannot_be_named_is_not_made(void)
{
	struct ioasid_sim_vm *v =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int first = dup(sim), second;

	close(first);
	*v = (struct ioasid_sim_vm){ .argsz = sizeof(*v) };
	mprotect(v, PAGE, PROT_READ);
	is(command(sim, IOASID_SIM_VM_CREATE, v), -EFAULT);
	second = dup(sim);
	is(second, first);
	close(second);
	munmap(v, PAGE);
}

static void machines_that_make_no_sense_are_refused(void)
{
	static const struct ioasid_sim_iommu bad[] = {
		{ .levels = 2 },
		{ .levels = 6 },
		{ .levels = 3, .flags = IOASID_SIM_FIRST_STAGE },
		{ .pasid_bits = 21 },
		{ .iotlb_entries = 3 },
		{ .iotlb_entries = 1 },
		{ .iotlb_entries = 1U << 31 },
		{ .pasid_cache_entries = 12 },
		{ .page_sizes = 1ULL << 21 },
		{ .page_sizes = 1ULL << 12 | 1ULL << 16 },
		{ .ats_timeout_ms = ~0U },
		{ .test_delay_us = ~0U },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ioasid_sim_iommu c = bad[i];

		c.argsz = sizeof(c);
		is(command(sim, IOASID_SIM_IOMMU_CREATE, &c), -EINVAL);
	}
}

static int device_refused(uint32_t iommu, void (*spoil)(struct ioasid_sim_device *c))
{
	struct ioasid_sim_device c = device_config(iommu, "bad", IOASID_CLASS_PDEV_PASID);

	spoil(&c);
	return command(sim, IOASID_SIM_DEVICE_CREATE, &c);
}

static void spoil_iommu(struct ioasid_sim_device *c)
{
	c->iommu = 12345;
}

static void spoil_end_of_name(struct ioasid_sim_device *c)
{
	memset(c->name, 'x', sizeof(c->name));
}

static void spoil_name(struct ioasid_sim_device *c)
{
	strcpy(c->name, "a/b");
}

static void spoil_width(struct ioasid_sim_device *c)
{
	c->pasid_bits = 21;
}

static void spoil_pasid_of_class(struct ioasid_sim_device *c)
{
	c->dev_class = IOASID_CLASS_PDEV;
}

static void spoil_credits(struct ioasid_sim_device *c)
{
	c->pri_capacity = 513;
}

static void spoil_taken(struct ioasid_sim_device *c)
{
	strcpy(c->name, "good");
}

static void devices_that_make_no_sense_are_refused(void)
{
	uint32_t i, iommu = iommu_make(sim);

	is(device_refused(iommu, spoil_iommu), -ENOENT);
	is(device_refused(iommu, spoil_end_of_name), -EINVAL);
	is(device_refused(iommu, spoil_name), -EINVAL);
	is(device_refused(iommu, spoil_width), -EINVAL);
	is(device_refused(iommu, spoil_pasid_of_class), -EINVAL);
	is(device_refused(iommu, spoil_credits), -EINVAL);
	device_make(sim, iommu, "good", IOASID_CLASS_PDEV_PASID);
	is(device_refused(iommu, spoil_taken), -EEXIST);
	for (i = 0; i < 20; i++) {
		struct ioasid_sim_device c = device_config(iommu, "other", i);

		/* sim_queues.c has the others. */
		if (i && i <= IOASID_CLASS_MDEV_DMWR && i != IOASID_CLASS_PDEV_DELEGATED)
			continue;
		is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), -EOPNOTSUPP);
	}
	is(stats(iommu).devices, 1);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, iommu), 0);
}

static void requests_that_make_no_sense_are_refused(void)
{
	uint32_t iommu = iommu_make(sim), dev;
	uint64_t data = 0;
	struct ioasid_sim_dma d = { .argsz = sizeof(d), .length = 8, .data = (uintptr_t)&data };
	struct ioasid_sim_request r = { .argsz = sizeof(r), .group = 512 };

	dev = device_make(sim, iommu, "d", IOASID_CLASS_PDEV_PASID);
	d.device = 4711;
	is(command(sim, IOASID_SIM_DMA, &d), -ENOENT);
	d.device = dev;
	d.op = 3;
	is(command(sim, IOASID_SIM_DMA, &d), -EINVAL);
	d.op = IOASID_SIM_FETCH_ADD;
	d.addr = 4;
	is(command(sim, IOASID_SIM_DMA, &d), -EINVAL);
	d.op = IOASID_SIM_READ;
	d.length = 0;
	is(command(sim, IOASID_SIM_DMA, &d), -EINVAL);
	d.length = IOASID_SIM_DMA_MAX + 1;
	is(command(sim, IOASID_SIM_DMA, &d), -EINVAL);
	d.length = 16;
	d.addr = ~0ULL - 8;
	is(command(sim, IOASID_SIM_DMA, &d), -EINVAL);
	d.op = IOASID_SIM_WRITE;
	d.addr = 0;
	d.data = 8;
	is(command(sim, IOASID_SIM_DMA, &d), -EFAULT);
	r.device = dev;
	r.flags = IOASID_SIM_REQ_READ;
	is(command(sim, IOASID_SIM_PAGE_REQUEST, &r), -EINVAL);
	is(command(sim, IOASID_SIM_TRANSLATE, &r), -EINVAL);
	r.group = 0;
	r.flags = IOASID_SIM_REQ_LAST;
	is(command(sim, IOASID_SIM_PAGE_REQUEST, &r), -EINVAL);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, iommu), 0);
}

/* ---- lifetime ------------------------------------------------------------------------------------------ */

static void what_another_open_made_is_not_found(void)
{
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	uint32_t iommu = iommu_make(other), dev;
	struct ioasid_sim_device c;

	dev = device_make(other, iommu, "theirs", IOASID_CLASS_PDEV_PASID);
	c = device_config(iommu, "ours", IOASID_CLASS_PDEV_PASID);
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), -ENOENT);
	is(end(sim, IOASID_SIM_DEVICE_DESTROY, dev), -ENOENT);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, iommu), -ENOENT);
	is(dma_write(sim, dev, 5, IOVA, 0), -ENOENT);
	yes(node_there("theirs"));
	close(other);
	yes(!node_there("theirs"));
}

static void numbers_do_not_come_again_at_once(void)
{
	uint32_t iommu = iommu_make(sim), dev = device_make(sim, iommu, "d", IOASID_CLASS_PDEV);

	is(end(sim, IOASID_SIM_DEVICE_DESTROY, dev), 0);
	is(end(sim, IOASID_SIM_DEVICE_DESTROY, dev), -ENOENT);
	yes(device_make(sim, iommu, "d", IOASID_CLASS_PDEV) != dev);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, iommu), 0);
	yes(!node_there("d"));
}

static void the_module_stays_while_it_is_used(void)
{
	uint32_t iommu = iommu_make(sim);

	device_make(sim, iommu, "d", IOASID_CLASS_PDEV_PASID);
	is(syscall(SYS_delete_module, "ioasid_sim", O_NONBLOCK), -1);
	yes(errno == EAGAIN || errno == EBUSY);
	is(syscall(SYS_delete_module, "ioasid", O_NONBLOCK), -1);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, iommu), 0);
}

static void only_root_may_open_the_node(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(open(NODE, O_RDWR) < 0 && errno == EACCES ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	is(status, 0);
}

/* ---- a device at work --------------------------------------------------------------------------------------- */

/* What a case works with: a device that reaches one page, here and at IOVA. */
struct bench {
	uint32_t iommu, device, space, pasid;
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	uint64_t *page;
};

static bool bench_open(struct bench *b, uint32_t dev_class)
{
	memset(b, 0, sizeof(*b));
	b->iommu = iommu_make(sim);
	b->device = device_make(sim, b->iommu, "bench", dev_class);
	b->pasid = dev_class == IOASID_CLASS_PDEV_PASID ? 5 : IOASID_SIM_NONE;
	b->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return is(ioasid_open("/dev/ioasid", &b->ctx), 0) &&
	       is(ioasid_dev_open(b->ctx, "bench", &b->dev), 0) &&
	       is(ioasid_dev_bind(b->dev, b->ctx, 1), 0) &&
	       is(ioasid_alloc_kernel(b->ctx, &b->space), 0) &&
	       is(ioasid_map(b->ctx, b->space, IOVA, (uintptr_t)b->page, PAGE, RW), 0) &&
	       is(b->pasid == IOASID_SIM_NONE ?
			  ioasid_dev_attach(b->dev, b->space, 0) :
			  ioasid_dev_attach_pasid(b->dev, b->space, b->pasid, 0),
		  0);
}

static void bench_close(struct bench *b)
{
	if (b->dev)
		ioasid_dev_close(b->dev);
	if (b->ctx)
		ioasid_close(b->ctx);
	munmap(b->page, PAGE);
	is(end(sim, IOASID_SIM_IOMMU_DESTROY, b->iommu), 0);
	is(end(sim, IOASID_SIM_DEVICE_DESTROY, b->device),
	   b->pasid == IOASID_SIM_NONE ? 0 : -ENOENT);
}

static uint32_t hold_at(struct bench *b, uint64_t addr, int *rc)
{
	struct ioasid_sim_hold h = {
		.argsz = sizeof(h),
		.device = b->device,
		.pasid = b->pasid,
		.addr = addr,
		.length = 8,
	};

	*rc = command(sim, IOASID_SIM_HOLD, &h);
	return h.hold;
}

static void a_software_device_gives_back_what_it_pinned(void)
{
	uint64_t called, length = 0;
	struct bench b;
	uint32_t hold;
	double start;
	int rc;

	if (bench_open(&b, IOASID_CLASS_SW_MDEV)) {
		is(dma_write(sim, b.device, IOASID_SIM_NONE, IOVA + 8, 0), 0);
		yes(b.page[1] == 0x1122334455667788);
		is(dma_write(sim, b.device, IOASID_SIM_NONE, IOVA + PAGE, 0),
		   IOASID_REASON_NOT_PRESENT);
		is(dma_write(sim, b.device, 5, IOVA, 0), IOASID_REASON_NO_ROUTE);
		hold = hold_at(&b, IOVA, &rc);
		is(rc, 0);
		is(stats(IOASID_SIM_NONE).holds, 1);
		called = stats(IOASID_SIM_NONE).call_backs;
		start = now();
		is(ioasid_unmap(b.ctx, b.space, IOVA, PAGE, &length), 0);
		yes(now() - start < 5); /* it did not have to wait for the hold to run out */
		is(stats(IOASID_SIM_NONE).call_backs, called + 1);
		is(stats(IOASID_SIM_NONE).holds, 0);
		is(end(sim, IOASID_SIM_RELEASE, hold), 0);
		is(end(sim, IOASID_SIM_RELEASE, hold), -ENOENT);
		hold_at(&b, IOVA, &rc);
		is(rc, -EFAULT);
	}
	bench_close(&b);
}

static void holds_end_with_their_device(void)
{
	struct bench b;
	uint32_t hold;
	int rc;

	if (bench_open(&b, IOASID_CLASS_PDEV_PASID)) {
		hold_at(&b, IOVA + PAGE, &rc);
		is(rc, -EFAULT);
		hold = hold_at(&b, IOVA, &rc);
		is(rc, 0);
		is(stats(b.iommu).holds, 1);
		is(end(sim, IOASID_SIM_DEVICE_DESTROY, b.device), 0);
		is(stats(b.iommu).holds, 0);
		is(end(sim, IOASID_SIM_RELEASE, hold), 0);
	}
	bench_close(&b);
}

static void a_dead_process_is_no_memory(void)
{
	struct ioasid_alloc shared = { .argsz = sizeof(shared),
				       .kind = IOASID_KIND_SHARED,
				       .parent = IOASID_INVALID };
	uint32_t *space =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct bench b;
	int status;
	pid_t pid;

	if (!bench_open(&b, IOASID_CLASS_PDEV_PASID))
		goto out;
	if (!ioasid_check_extension(b.ctx, IOASID_EXT_SHARED)) {
		skip("no shared address spaces");
		goto out;
	}
	pid = fork();
	if (!pid) {
		/* Its own memory, which only this process has a say over. */
		b.page[3] = 0;
		if (ioasid_ioas_alloc(b.ctx, &shared, space) ||
		    ioasid_dev_attach_pasid(b.dev, *space, 6, 0) ||
		    dma_write(sim, b.device, 6, (uintptr_t)&b.page[3], 0))
			_exit(1);
		_exit(b.page[3] == 0x1122334455667788 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	is(status, 0);
	is(dma_write(sim, b.device, 6, (uintptr_t)&b.page[3], 0), IOASID_REASON_DEAD);
	is(ioasid_dev_detach_pasid(b.dev, *space), 0);
	is(dma_write(sim, b.device, 6, (uintptr_t)&b.page[3], 0), IOASID_REASON_NO_ROUTE);
out:
	bench_close(&b);
	munmap(space, PAGE);
}

/* ---- requests that wait for a page ----------------------------------------------------------------------------- */

/* A user table in @b's page, empty, under PASID 6, with a listener who never answers. */
static bool silent_table(struct bench *b)
{
	struct ioasid_table table = {
		.format = IOASID_FORMAT_VTD_FS,
		.levels = 4,
		.address = IOVA,
	};
	uint32_t user;

	return is(ioasid_alloc_user_table(b->ctx, b->space, &table, &user), 0) &&
	       is(ioasid_dev_attach_pasid(b->dev, user, 6, 0), 0) &&
	       yes(ioasid_fault_open(b->ctx, 0) >= 0);
}

static bool request_waits(uint32_t iommu, uint64_t before)
{
	unsigned int i;

	for (i = 0; i < 500; i++) {
		if (stats(iommu).page_requests > before)
			return true;
		usleep(10000);
	}
	return false;
}

static void no_signal_handler(int sig)
{
	(void)sig;
}

static void a_signal_ends_the_wait_for_a_page(void)
{
	struct sigaction sa = { .sa_handler = no_signal_handler };
	struct bench b;

	sigaction(SIGALRM, &sa, NULL);
	if (bench_open(&b, IOASID_CLASS_PDEV_PASID) && silent_table(&b)) {
		alarm(1);
		is(dma_write(sim, b.device, 6, 0x5000, IOASID_SIM_DMA_PAGE_REQUEST), -EINTR);
	}
	alarm(0);
	bench_close(&b);
}

static void *waiting_request(void *arg)
{
	struct bench *b = arg;

	return (void *)(long)dma_write(sim, b->device, 6, 0x5000, IOASID_SIM_DMA_PAGE_REQUEST);
}

static void unplugging_ends_the_wait_for_a_page(void)
{
	pthread_t thread;
	struct bench b;
	void *rc;

	if (bench_open(&b, IOASID_CLASS_PDEV_PASID) && silent_table(&b)) {
		pthread_create(&thread, NULL, waiting_request, &b);
		yes(request_waits(b.iommu, 0));
		is(end(sim, IOASID_SIM_DEVICE_DESTROY, b.device), 0);
		pthread_join(thread, &rc);
		is((long)rc, -ENODEV);
	}
	bench_close(&b);
}

/* In a child: everything is its own, and a request of it waits for ever. */
static void child_that_waits(void)
{
	struct bench b;

	sim = open(NODE, O_RDWR | O_CLOEXEC);
	if (bench_open(&b, IOASID_CLASS_PDEV_PASID) && silent_table(&b))
		dma_write(sim, b.device, 6, 0x5000, IOASID_SIM_DMA_PAGE_REQUEST);
	_exit(1);
}

static void a_killed_process_leaves_nothing(void)
{
	struct ioasid_sim_stats before = stats(IOASID_SIM_NONE), after;
	pid_t pid = fork();
	double start;
	int status;

	if (!pid)
		child_that_waits();
	yes(request_waits(IOASID_SIM_NONE, before.page_requests));
	yes(node_there("bench"));
	start = now();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	yes(WIFSIGNALED(status) && now() - start < 5);
	after = stats(IOASID_SIM_NONE);
	is(after.table_pages, before.table_pages);
	is(after.domains, before.domains);
	is(after.routes, before.routes);
	yes(!node_there("bench"));
}

/* ---- failing allocations ------------------------------------------------------------------------------------------- */

/* Let the @nth allocation of this thread fail. Return: false: this kernel cannot. */
static bool fail_nth(unsigned int nth)
{
	char text[16];
	int fd = open("/proc/thread-self/fail-nth", O_RDWR), n = snprintf(text, 16, "%u", nth);
	bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Did it fail? Reading after the call tells; then it is taken back. */
static bool fail_nth_done(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR);
	char text[16] = "";
	bool done = read(fd, text, sizeof(text) - 1) > 0 && atoi(text) == 0;

	if (write(fd, "0", 1) != 1)
		done = false;
	close(fd);
	return done;
}

/* A machine, a function with queues, a slice of it, a VM with a vCPU. Return: 0 or what failed first. */
static int make_everything(struct ioasid_sim_iommu *c, struct ioasid_sim_vm *v)
{
	struct ioasid_sim_device d, slice;
	struct ioasid_sim_vcpu p = { .argsz = sizeof(p) };
	int rc = command(sim, IOASID_SIM_IOMMU_CREATE, c);

	d = device_config(c->iommu, "nth", IOASID_CLASS_PDEV_PASID);
	d.nr_dedicated = 1;
	rc = rc ? rc : command(sim, IOASID_SIM_DEVICE_CREATE, &d);
	slice = device_config(c->iommu, "nth-slice", IOASID_CLASS_MDEV_DMWR);
	slice.parent = d.device;
	slice.nr_shared = 2;
	rc = rc ? rc : command(sim, IOASID_SIM_DEVICE_CREATE, &slice);
	rc = rc ? rc : command(sim, IOASID_SIM_VM_CREATE, v);
	return rc ? rc : command(v->fd, IOASID_SIM_VCPU_CREATE, &p);
}

static void making_things_fails_clean_at_every_allocation(void)
{
	struct ioasid_sim_stats before = stats(IOASID_SIM_NONE), after;
	unsigned int n = 0;
	bool failed = true;
	int rc;

	if (!fail_nth(0)) {
		skip("the kernel has no fault injection");
		return;
	}
	while (failed && ++n < 3000) {
		struct ioasid_sim_iommu c = { .argsz = sizeof(c) };
		struct ioasid_sim_vm v = { .argsz = sizeof(v), .fd = -1 };

		fail_nth(n);
		rc = make_everything(&c, &v);
		failed = fail_nth_done();
		if (v.fd >= 0)
			close(v.fd);
		if (c.iommu)
			is(end(sim, IOASID_SIM_IOMMU_DESTROY, c.iommu), 0);
		if (failed && rc != -ENOMEM && rc != -ENODEV && rc != -EFAULT && !is(rc, 0))
			printf("# at place %u\n", n);
		yes(failed || !rc);
		after = stats(IOASID_SIM_NONE);
		if (!is(after.table_pages, before.table_pages) || !yes(!node_there("nth")) ||
		    !yes(!node_there("nth-slice")))
			break;
	}
	printf("# %u places to fail\n", n - 1);
	yes(n > 40 && n < 3000);
}

int main(void)
{
	setbuf(stdout, NULL);
	sim = open(NODE, O_RDWR | O_CLOEXEC);
	if (sim < 0) {
		printf("1..0 # SKIP %s: %s\n", NODE, strerror(errno));
		return 1;
	}
	CASE(structures_are_checked);
	CASE(larger_structures_with_zeros_are_taken);
	CASE(a_structure_that_cannot_be_written_makes_nothing);
	CASE(a_vm_that_cannot_be_named_is_not_made);
	CASE(machines_that_make_no_sense_are_refused);
	CASE(devices_that_make_no_sense_are_refused);
	CASE(requests_that_make_no_sense_are_refused);
	CASE(what_another_open_made_is_not_found);
	CASE(numbers_do_not_come_again_at_once);
	CASE(the_module_stays_while_it_is_used);
	CASE(only_root_may_open_the_node);
	CASE(a_software_device_gives_back_what_it_pinned);
	CASE(holds_end_with_their_device);
	CASE(a_dead_process_is_no_memory);
	CASE(a_signal_ends_the_wait_for_a_page);
	CASE(unplugging_ends_the_wait_for_a_page);
	CASE(a_killed_process_leaves_nothing);
	CASE(making_things_fails_clean_at_every_allocation);
	return test_done();
}
