// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a seed starts with, sequences that have to succeed, and everything that is no command. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define RW (IOASID_MAP_READ | IOASID_MAP_WRITE)

/* Where things are in every world; the handles are asked for. */
enum { ROOT = 0x100, CHILD, TABLE, ACCOUNTING };
#define TABLE_GPA  0x10000ULL
#define TABLE_PAGE 16 /* of the arena */
#define VPASID	   5
#define COOKIE	   1

#define ARG(type, ...)                        \
	(&(struct type){                      \
		.argsz = sizeof(struct type), \
		__VA_ARGS__,                  \
	})

static int open_node(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);

	return fd;
}

void node_open(struct fuzz_thread *t, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%.63s", name);
	fd = open_node(path, O_RDWR);
	if (fd >= 0)
		pool_add(t, R_FD_IOASID_DEV, (uint32_t)fd);
}

/* ---- devices, made by root ------------------------------------------------------------------------ */

static void device_make(struct fuzz_thread *t, int sim, uint32_t iommu, uint32_t dev_class,
			uint32_t flags, unsigned int n)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.flags = flags,
		.iommu = iommu,
		.dev_class = dev_class,
		/* Few numbers are soon used up, with many there are the host's among them. */
		.pasid_bits = dev_class != IOASID_CLASS_PDEV_PASID ? 0 :
			      t->f->seed % 4 > 1		   ? 8 :
								     20,
		.group = IOASID_SIM_NONE,
	};

	snprintf(d.name, sizeof(d.name), "fz%d-%u", getpid(), n);
	if (counted(t->f, sim, IOASID_SIM_DEVICE_CREATE, &d))
		return;
	pool_add(t, R_IOASID_SIM_DEVICE_ID, d.device);
	node_open(t, d.name);
}

/*
 * A function with slices of both kinds, which have work queues, and a VM. The function itself is not
 * opened, so that nobody binds it whole: a random command may.
 */
static void slices_make(struct fuzz_thread *t, int sim, uint32_t iommu)
{
	struct ioasid_sim_device d = { .argsz = sizeof(d),
				       .iommu = iommu,
				       .dev_class = IOASID_CLASS_PDEV_DMWR,
				       .pasid_bits = 20,
				       .group = IOASID_SIM_NONE };
	struct ioasid_sim_vm vm = { .argsz = sizeof(vm) };

	snprintf(d.name, sizeof(d.name), "fz%d-parent", getpid());
	if (counted(t->f, sim, IOASID_SIM_DEVICE_CREATE, &d))
		return;
	pool_add(t, R_IOASID_SIM_DEVICE_ID, d.device);
	d.parent = d.device;
	d.pasid_bits = 0;
	d.nr_dedicated = 1;
	d.queue_size = 4;
	d.flags = one_in(t, 2) ? IOASID_SIM_ENGINE : 0;
	d.dev_class = IOASID_CLASS_MDEV_PASID;
	snprintf(d.name, sizeof(d.name), "fz%d-slice", getpid());
	if (!counted(t->f, sim, IOASID_SIM_DEVICE_CREATE, &d)) {
		pool_add(t, R_IOASID_SIM_DEVICE_ID, d.device);
		node_open(t, d.name);
	}
	d.nr_shared = 1;
	d.dev_class = IOASID_CLASS_MDEV_DMWR;
	snprintf(d.name, sizeof(d.name), "fz%d-portal", getpid());
	if (!counted(t->f, sim, IOASID_SIM_DEVICE_CREATE, &d)) {
		t->f->portal = d.device;
		pool_add(t, R_IOASID_SIM_DEVICE_ID, d.device);
		node_open(t, d.name);
	}
	if (!counted(t->f, sim, IOASID_SIM_VM_CREATE, &vm))
		pool_add(t, R_FD_IOASID_SIM_VM, (uint32_t)vm.fd);
}

void devices_make(struct fuzz_thread *t)
{
	struct ioasid_sim_iommu i = { .argsz = sizeof(i), .ats_timeout_ms = 20 };
	int sim = open_node("/dev/ioasid-sim", O_RDWR);

	if (t->f->shared->node)
		node_open(t, t->f->shared->node);
	if (sim < 0)
		return;
	pool_add(t, R_FD_IOASID_SIM, (uint32_t)sim);
	if (counted(t->f, sim, IOASID_SIM_IOMMU_CREATE, &i))
		return;
	pool_add(t, R_IOASID_SIM_IOMMU_ID, i.iommu);
	device_make(t, sim, i.iommu, IOASID_CLASS_PDEV_PASID, IOASID_SIM_ATS | IOASID_SIM_PRI, 0);
	device_make(t, sim, i.iommu, IOASID_CLASS_PDEV, 0, 1);
	device_make(t, sim, i.iommu, IOASID_CLASS_SW_MDEV, 0, 2);
	if (!(t->f->seed % 4))
		device_make(t, sim, i.iommu, IOASID_CLASS_PDEV_PASID, IOASID_SIM_MUTE, 3);
	slices_make(t, sim, i.iommu);
}

/* ---- contexts -------------------------------------------------------------------------------------- */

static int context_open(struct fuzz_thread *t)
{
	int fd = open_node("/dev/ioasid", O_RDWR);

	if (fd >= 0)
		pool_add(t, R_FD_IOASID, (uint32_t)fd);
	return fd;
}

static void space_make(struct fuzz_thread *t, int ctx, uint32_t kind, uint32_t handle,
		       uint32_t parent)
{
	if (!counted(t->f, ctx, IOASID_ALLOC,
		     ARG(ioasid_alloc, .flags = IOASID_ALLOC_HANDLE, .kind = kind, .parent = parent,
			 .ioasid = handle)))
		pool_add(t, R_IOASID_HANDLE, handle);
}

static int map(struct fuzz_thread *t, int ctx, uint32_t ioasid, uint64_t iova, unsigned int page,
	       uint64_t length)
{
	return counted(t->f, ctx, IOASID_MAP_DMA,
		       ARG(ioasid_map_dma, .flags = RW, .ioasid = ioasid, .iova = iova,
			   .vaddr = (uintptr_t)t->f->arena + page * PAGE, .length = length));
}

static int table(struct fuzz_thread *t, int ctx)
{
	return counted(t->f, ctx, IOASID_BIND_PGTABLE,
		       ARG(ioasid_bind_pgtable, .ioasid = TABLE,
			   .table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = TABLE_GPA }));
}

static void fault_fd_open(struct fuzz_thread *t, int ctx)
{
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };

	if (counted(t->f, ctx, IOASID_FAULT_FD, &f))
		return;
	fcntl(f.fd, F_SETFL, O_NONBLOCK);
	pool_add(t, R_FD_IOASID_FAULT, (uint32_t)f.fd);
}

static int attach(struct fuzz_thread *t, int dev, uint32_t ioasid, uint32_t flags, uint32_t vpasid)
{
	return counted(t->f, dev, IOASID_DEV_ATTACH_IOASID,
		       ARG(ioasid_dev_attach, .flags = flags, .ioasid = ioasid, .vpasid = vpasid));
}

static void devices_bind(struct fuzz_thread *t, int ctx)
{
	struct fuzz_pool *devs = &t->f->pools[R_FD_IOASID_DEV];
	unsigned int i, n = devs->nr;

	for (i = 0; i < n; i++) {
		int dev = (int)devs->values[i];

		if (counted(t->f, dev, IOASID_DEV_BIND_IOASID_FD,
			    ARG(ioasid_dev_bind, .ioasid_fd = ctx, .cookie = COOKIE + i)))
			continue;
		attach(t, dev, ROOT, 0, 0);
		attach(t, dev, TABLE, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, VPASID);
	}
}

void world_make(struct fuzz_thread *t)
{
	int ctx = context_open(t);

	if (ctx < 0)
		return;
	space_make(t, ctx, IOASID_KIND_KERNEL, ROOT, IOASID_INVALID);
	space_make(t, ctx, IOASID_KIND_KERNEL, CHILD, ROOT);
	space_make(t, ctx, IOASID_KIND_USER_TABLE, TABLE, ROOT);
	space_make(t, ctx, IOASID_KIND_ACCOUNTING, ACCOUNTING, IOASID_INVALID);
	map(t, ctx, ROOT, TABLE_GPA, TABLE_PAGE, PAGE);
	map(t, ctx, ROOT, 0x40000000, 32, 16 * PAGE);
	table(t, ctx);
	fault_fd_open(t, ctx);
	devices_bind(t, ctx);
}

/* ---- sequences that have to succeed ------------------------------------------------------------------ */

static void records_read(struct fuzz_thread *t, int fd)
{
	struct ioasid_fault rec[8];
	ssize_t got = read(fd, rec, sizeof(rec));
	size_t i;

	if (got > 0 && got % (ssize_t)sizeof(*rec))
		complain(t->f->shared, "seed %#llx: read() of %zd bytes",
			 (unsigned long long)t->f->seed, got);
	for (i = 0; got > 0 && i < (size_t)got / sizeof(*rec); i++) {
		if (rec[i].__reserved || rec[i].flags >= IOASID_FAULT_IOASID << 1 ||
		    rec[i].type - 1 > 1)
			complain(t->f->shared, "seed %#llx: a fault record is malformed",
				 (unsigned long long)t->f->seed);
		if (rec[i].type == IOASID_FAULT_PAGE_REQUEST)
			pool_add(t, R_IOASID_FAULT_ID, rec[i].id);
	}
}

static int ask_for_page(struct fuzz_thread *t, int sim, uint32_t device)
{
	return counted(t->f, sim, IOASID_SIM_PAGE_REQUEST,
		       ARG(ioasid_sim_request, .flags = IOASID_SIM_REQ_READ | IOASID_SIM_REQ_LAST,
			   .device = device, .pasid = VPASID, .addr = 0x7000,
			   .group = (uint32_t)rnd_below(t, 512)));
}

static void scene_page_request(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	int sim = (int)pool_pick(t, R_FD_IOASID_SIM), fd;
	uint32_t device = t->f->pools[R_IOASID_SIM_DEVICE_ID].values[0];

	ask_for_page(t, sim, device);
	fd = (int)t->f->pools[R_FD_IOASID_FAULT].values[0];
	if (t->f->pools[R_FD_IOASID_FAULT].nr)
		records_read(t, fd);
	counted(t->f, ctx, IOASID_PAGE_RESPONSE,
		ARG(ioasid_page_response, .id = pool_pick(t, R_IOASID_FAULT_ID),
		    .code = IOASID_RESPONSE_SUCCESS));
	counted(t->f, sim, IOASID_SIM_RESPONSE, ARG(ioasid_sim_response, .device = device));
}

static void scene_dma(struct fuzz_thread *t)
{
	int sim = (int)pool_pick(t, R_FD_IOASID_SIM);
	uint64_t data = 0;

	counted(t->f, sim, IOASID_SIM_DMA,
		ARG(ioasid_sim_dma, .device = pool_pick(t, R_IOASID_SIM_DEVICE_ID),
		    .op = (uint32_t)rnd_below(t, 3), .addr = 0x40000000, .data = (uintptr_t)&data,
		    .length = sizeof(data), .pasid = IOASID_SIM_NONE));
}

static void scene_hold(struct fuzz_thread *t)
{
	struct ioasid_sim_hold h = {
		.argsz = sizeof(h), .pasid = IOASID_SIM_NONE, .addr = 0x40000000, .length = 64
	};
	int sim = (int)t->f->pools[R_FD_IOASID_SIM].values[0];

	h.device = t->f->pools[R_IOASID_SIM_DEVICE_ID].values[one_in(t, 2)];
	if (counted(t->f, sim, IOASID_SIM_HOLD, &h))
		return;
	pool_add(t, R_IOASID_SIM_HOLD_ID, h.hold);
	counted(t->f, sim, IOASID_SIM_RELEASE, ARG(ioasid_sim_object, .id = h.hold));
}

static void scene_translate(struct fuzz_thread *t)
{
	int sim = (int)t->f->pools[R_FD_IOASID_SIM].values[0];
	struct fuzz_pool *devices = &t->f->pools[R_IOASID_SIM_DEVICE_ID];

	if (!(t->f->seed % 4))
		counted(t->f, sim, IOASID_SIM_TRANSLATE,
			ARG(ioasid_sim_request, .flags = IOASID_SIM_REQ_READ,
			    .device = devices->values[3], .pasid = IOASID_SIM_NONE,
			    .addr = 0x40000000));
}

static void scene_numbers(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	struct ioasid_set_hwid h = { .argsz = sizeof(h),
				     .flags = IOASID_HWID_ANY,
				     .ioasid = TABLE };

	if (counted(t->f, ctx, IOASID_SET_HWID, &h))
		return;
	h.flags = 0;
	counted(t->f, ctx, IOASID_INVALIDATE_CACHE,
		ARG(ioasid_invalidate, .ioasid = TABLE, .granularity = IOASID_INV_PASID,
		    .vpasid = h.vpasid));
	counted(t->f, ctx, IOASID_CLEAR_HWID, &h);
}

static int policy(struct fuzz_thread *t, int ctx, unsigned long cmd, uint64_t cookie,
		  uint32_t value)
{
	return counted(t->f, ctx, cmd,
		       ARG(ioasid_hwid_policy, .flags = IOASID_HWID_DEVICE, .cookie = cookie,
			   .value = value));
}

/* What a vCPU may send: mapped, perhaps unmapped, while translation goes on and off. */
static void cpu_entry(struct fuzz_thread *t, int ctx, uint32_t vpasid)
{
	int vm = (int)pool_pick(t, R_FD_IOASID_SIM_VM);

	counted(t->f, ctx, IOASID_CPU_PASID_MAP, ARG(ioasid_cpu_pasid, .vpasid = vpasid));
	counted(t->f, ctx, IOASID_CPU_PASID_ENABLE,
		ARG(ioasid_cpu_pasid_enable, .provider_fd = one_in(t, 4) ? -1 : vm));
	if (one_in(t, 2))
		counted(t->f, ctx, IOASID_CPU_PASID_UNMAP, ARG(ioasid_cpu_pasid, .vpasid = vpasid));
	if (one_in(t, 2))
		counted(t->f, ctx, IOASID_CPU_PASID_ENABLE,
			ARG(ioasid_cpu_pasid_enable, .flags = IOASID_CPU_DISABLE,
			    .provider_fd = -1));
}

/* A device with two numbers on the wire for one address space; it goes back to its own numbering. */
static void scene_global(struct fuzz_thread *t)
{
	struct fuzz_pool *devs = &t->f->pools[R_FD_IOASID_DEV];
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	unsigned int i = (unsigned int)rnd_below(t, devs->nr);
	int dev = (int)devs->values[t->f->shared->node ? 1 : 0];
	uint64_t cookie = COOKIE + (t->f->shared->node ? 1 : 0);
	struct ioasid_set_hwid h = { .argsz = sizeof(h),
				     .flags = IOASID_HWID_EXPOSE | IOASID_HWID_DEVICE,
				     .ioasid = TABLE,
				     .vpasid = 1 + (uint32_t)rnd_below(t, 16) };

	if (one_in(t, 4)) {
		dev = (int)devs->values[i];
		cookie = COOKIE + i;
	}
	counted(t->f, dev, IOASID_DEV_DETACH_IOASID,
		ARG(ioasid_dev_attach, .flags = IOASID_ATTACH_PASID, .ioasid = TABLE));
	policy(t, ctx, IOASID_SET_HWID_MODE, cookie, IOASID_MODE_GLOBAL);
	policy(t, ctx, IOASID_HWID_SET_GLOBAL_MIN, cookie, one_in(t, 4) ? 1 : 1024);
	attach(t, dev, TABLE, IOASID_ATTACH_PASID | IOASID_ATTACH_GLOBAL, 0);
	/* Others that have the same table count by themselves. */
	h.cookie = cookie;
	if (one_in(t, 3)) {
		h.flags |= IOASID_HWID_ANY;
		h.vpasid = 0;
	}
	if (!counted(t->f, ctx, IOASID_SET_HWID, &h)) {
		h.flags = 0;
		h.ppasid = 0;
		counted(t->f, ctx, IOASID_INVALIDATE_CACHE,
			ARG(ioasid_invalidate, .ioasid = TABLE, .granularity = IOASID_INV_ALL));
		cpu_entry(t, ctx, h.vpasid);
		if (one_in(t, 2))
			counted(t->f, ctx, IOASID_CLEAR_HWID, &h);
	}
	if (one_in(t, 4))
		return;
	counted(t->f, dev, IOASID_DEV_DETACH_IOASID,
		ARG(ioasid_dev_attach, .flags = IOASID_ATTACH_PASID, .ioasid = TABLE));
	policy(t, ctx, IOASID_SET_HWID_MODE, cookie, IOASID_MODE_LOCAL);
	attach(t, dev, TABLE, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, VPASID);
}

static void scene_maps(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	uint64_t iova = 0x80000000ULL + PAGE * rnd_below(t, 1024);
	uint64_t length = PAGE * (1 + rnd_below(t, 64));

	if (map(t, ctx, one_in(t, 4) ? CHILD : ROOT, iova, 64, length))
		return;
	counted(t->f, ctx, IOASID_UNMAP_DMA,
		ARG(ioasid_unmap_dma, .ioasid = ROOT, .iova = iova, .length = length));
}

static void scene_device(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	struct fuzz_pool *devs = &t->f->pools[R_FD_IOASID_DEV];
	int dev = (int)devs->values[rnd_below(t, devs->nr)];

	counted(t->f, ctx, IOASID_DEVICE_GET_INFO, ARG(ioasid_device_info, .cookie = COOKIE));
	counted(t->f, dev, IOASID_DEV_DETACH_IOASID, ARG(ioasid_dev_attach, .ioasid = ROOT));
	attach(t, dev, ROOT, 0, 0);
	counted(t->f, dev, IOASID_DEV_GET_INFO, ARG(ioasid_device_info, .flags = 0));
	counted(t->f, dev, IOASID_DEV_SET_EVENTFD, ARG(ioasid_dev_eventfd, .fd = -1));
	counted(t->f, dev, IOASID_DEV_RESET, ARG(ioasid_dev_reset, .flags = 0));
}

/* All seeds of a round are in one group below the machine's own, if there are groups. */
static void scene_limits(struct fuzz_thread *t, int ctx)
{
	int group = open(FUZZ_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	counted(t->f, ctx, IOASID_LIMIT_GET, ARG(ioasid_limit, .flags = IOASID_LIMIT_OWN));
	if (group < 0)
		return;
	counted(t->f, ctx, IOASID_LIMIT_SET,
		ARG(ioasid_limit, .flags = IOASID_LIMIT_FD, .fd = group,
		    .max = one_in(t, 4) ? (uint32_t)rnd_below(t, 8) : IOASID_INVALID));
	counted(t->f, ctx, IOASID_LIMIT_GET,
		ARG(ioasid_limit, .flags = IOASID_LIMIT_FD, .fd = group));
	close(group);
}

static void scene_policy(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];

	counted(t->f, ctx, IOASID_SET_HWID_MODE,
		ARG(ioasid_hwid_policy, .value = IOASID_MODE_LOCAL));
	counted(t->f, ctx, IOASID_HWID_SET_GLOBAL_MIN, ARG(ioasid_hwid_policy, .value = 1));
	counted(t->f, ctx, IOASID_HWID_SET_PROMISED_WIDTH, ARG(ioasid_hwid_policy, .value = 1));
	counted(t->f, ctx, IOASID_INVALIDATE_CACHE, ARG(ioasid_invalidate, .ioasid = TABLE));
	counted(t->f, ctx, IOASID_SET_QUOTA,
		ARG(ioasid_quota, .quota = one_in(t, 2) ? IOASID_INVALID : 1000));
	scene_limits(t, ctx);
}

static void scene_info(struct fuzz_thread *t)
{
	int ctx = (int)t->f->pools[R_FD_IOASID].values[0];
	struct ioasid_query_ioas out[4];
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };

	counted(t->f, ctx, IOASID_CHECK_EXTENSION,
		ARG(ioasid_check_extension, .extension = (uint32_t)rnd_below(t, 20)));
	counted(t->f, ctx, IOASID_GET_INFO, ARG(ioasid_info, .flags = 0));
	counted(t->f, ctx, IOASID_IOAS_GET_INFO, ARG(ioasid_ioas_info, .ioasid = ROOT));
	counted(t->f, ctx, IOASID_QUERY,
		ARG(ioasid_query, .type = IOASID_QUERY_IOAS, .buffer = (uintptr_t)out,
		    .room = ARRAY_SIZE(out)));
	if (!counted(t->f, ctx, IOASID_ALLOC, &a))
		counted(t->f, ctx, IOASID_FREE, ARG(ioasid_free, .ioasid = a.ioasid));
}

/* A device and an IOMMU come and go. */
static void scene_plug(struct fuzz_thread *t)
{
	int sim = (int)t->f->pools[R_FD_IOASID_SIM].values[0];
	struct ioasid_sim_iommu i = { .argsz = sizeof(i), .ats_timeout_ms = 20 };
	struct ioasid_sim_device d = { .argsz = sizeof(d),
				       .dev_class = IOASID_CLASS_PDEV,
				       .group = IOASID_SIM_NONE };

	counted(t->f, sim, IOASID_SIM_STATS, ARG(ioasid_sim_stats, .iommu = IOASID_SIM_NONE));
	if (counted(t->f, sim, IOASID_SIM_IOMMU_CREATE, &i))
		return;
	d.iommu = i.iommu;
	snprintf(d.name, sizeof(d.name), "fz%d-plug%u", getpid(), (unsigned int)rnd_below(t, 1000));
	if (!counted(t->f, sim, IOASID_SIM_DEVICE_CREATE, &d))
		counted(t->f, sim, IOASID_SIM_DEVICE_DESTROY,
			ARG(ioasid_sim_object, .id = d.device));
	counted(t->f, sim, IOASID_SIM_IOMMU_DESTROY, ARG(ioasid_sim_object, .id = i.iommu));
}

/* Work for a queue: a page filled, from wherever. */
static struct ioasid_wq_desc work(struct fuzz_thread *t)
{
	return (struct ioasid_wq_desc){
		.op = (uint32_t)rnd_below(t, 4),
		.length = (uint32_t)rnd_below(t, 3) * 4096,
		.completion = one_in(t, 2) ? 0x40000000 : 0,
		.src = one_in(t, 2) ? 0x40000000 : wild(t),
		.dst = one_in(t, 2) ? 0x40001000 : wild(t),
	};
}

/* Registers of every device we have open that has any. */
static void registers_write(struct fuzz_thread *t)
{
	struct fuzz_pool *devs = &t->f->pools[R_FD_IOASID_DEV];
	uint32_t pasid = IOASID_WQ_PASID_VALID | VPASID, on = IOASID_WQ_ENABLE, off = 0;
	unsigned int i, q = (unsigned int)rnd_below(t, 2);

	for (i = 0; i < devs->nr && !t->f->shared->node; i++) {
		int dev = (int)devs->values[i];

		counted(t->f, dev, IOASID_DEV_GET_REGION, ARG(ioasid_dev_region, .index = 0));
		(void)!pwrite(dev, &off, 4, IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_CONTROL);
		(void)!pwrite(dev, one_in(t, 2) ? &pasid : &off, 4,
			      IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_PASID);
		(void)!pwrite(dev, &on, 4, IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_CONTROL);
	}
}

static void scene_queues(struct fuzz_thread *t)
{
	int sim = (int)t->f->pools[R_FD_IOASID_SIM].values[0];
	struct ioasid_wq_desc d = work(t);

	registers_write(t);
	counted(t->f, sim, IOASID_SIM_WQ_STORE,
		ARG(ioasid_sim_wq_store, .device = t->f->portal, .how = IOASID_SIM_STORE_MOVDIR64B,
		    .data = (uintptr_t)&d, .length = sizeof(d)));
	counted(t->f, sim, IOASID_SIM_WQ_REGISTER,
		ARG(ioasid_sim_wq_register, .device = t->f->portal,
		    .offset = 4 * (uint32_t)rnd_below(t, 64)));
	counted(t->f, sim, IOASID_SIM_WQ_RUN,
		ARG(ioasid_sim_wq_run, .device = t->f->portal, .max = 4));
	counted(t->f, sim, IOASID_SIM_WALK,
		ARG(ioasid_sim_walk, .device = t->f->portal,
		    .pasid = (uint32_t)rnd_below(t, 1 << 20)));
}

/* Only what can have slices, and is not bound whole, has a driver that says so. */
static void scene_host_use(struct fuzz_thread *t)
{
	int sim = (int)t->f->pools[R_FD_IOASID_SIM].values[0];
	struct fuzz_pool *devices = &t->f->pools[R_IOASID_SIM_DEVICE_ID];
	unsigned int i;

	for (i = 0; i < devices->nr; i++) {
		counted(t->f, sim, IOASID_SIM_HOST_USE,
			ARG(ioasid_sim_host_use, .device = devices->values[i],
			    .use = (uint32_t)rnd_below(t, 2)));
	}
}

static void scene_vcpu(struct fuzz_thread *t)
{
	int vm = (int)pool_pick(t, R_FD_IOASID_SIM_VM);
	struct ioasid_sim_vcpu v = { .argsz = sizeof(v) };
	struct ioasid_sim_enqcmd e = { .argsz = sizeof(e), .cpl = 3, .queue = 1 };
	struct ioasid_wq_desc d = work(t);

	if (counted(t->f, vm, IOASID_SIM_VCPU_CREATE, &v))
		return;
	pool_add(t, R_IOASID_SIM_VCPU_ID, v.vcpu);
	counted(t->f, vm, IOASID_SIM_WRMSR_PASID,
		ARG(ioasid_sim_wrmsr, .vcpu = v.vcpu,
		    .value = IOASID_WQ_PASID_VALID | (1 + rnd_below(t, 16))));
	e.vcpu = v.vcpu;
	e.device = t->f->portal;
	memcpy(e.data, &d, sizeof(d));
	counted(t->f, vm, IOASID_SIM_ENQCMD, &e);
	if (one_in(t, 2))
		counted(t->f, vm, IOASID_SIM_VCPU_DESTROY, ARG(ioasid_sim_object, .id = v.vcpu));
}

/* What a device with registers has on top. */
static void scene_hardware(struct fuzz_thread *t)
{
	int dev = (int)t->f->pools[R_FD_IOASID_DEV].values[0];
	struct ioasid_dev_region r = { .argsz = sizeof(r), .index = (uint32_t)rnd_below(t, 9) };
	int event = eventfd(0, EFD_CLOEXEC);
	struct ioasid_pci_irq irq = { .argsz = sizeof(irq),
				      .type = (uint32_t)rnd_below(t, 3),
				      .count = 1,
				      .fds = (uintptr_t)&event };

	counted(t->f, dev, IOASID_DEV_GET_REGION, &r);
	counted(t->f, dev, IOASID_PCI_GET_INFO, ARG(ioasid_pci_info, .flags = 0));
	counted(t->f, dev, IOASID_PCI_SET_IRQ, &irq);
	counted(t->f, dev, IOASID_PCI_MASK_INTX,
		ARG(ioasid_pci_mask, .masked = (uint32_t)rnd_below(t, 2)));
	counted(t->f, dev, IOASID_PCI_SET_IRQ, ARG(ioasid_pci_irq, .flags = IOASID_PCI_IRQ_OFF));
	close(event);
}

/* The first NR_ALONE want no device. */
#define NR_ALONE 4
static void (*const scenes[])(struct fuzz_thread *t) = {
	scene_maps,	    scene_info,	  scene_policy,	  scene_numbers, scene_device,
	scene_page_request, scene_dma,	  scene_hold,	  scene_plug,	 scene_translate,
	scene_global,	    scene_queues, scene_host_use, scene_vcpu,
};

static unsigned int nr_scenes(const struct fuzz *f)
{
	bool devices = f->pools[R_IOASID_SIM_DEVICE_ID].nr > 1 && f->pools[R_FD_IOASID_FAULT].nr &&
		       f->pools[R_FD_IOASID_DEV].nr;

	if (!f->pools[R_FD_IOASID].nr)
		return 0;
	return devices ? ARRAY_SIZE(scenes) : NR_ALONE;
}

static void scene(struct fuzz_thread *t)
{
	unsigned int n = nr_scenes(t->f);

	if (t->f->shared->node && t->f->pools[R_FD_IOASID_DEV].nr && one_in(t, 4))
		scene_hardware(t);
	else if (n)
		scenes[rnd_below(t, n)](t);
}

void world_tour(struct fuzz_thread *t)
{
	unsigned int i;

	for (i = 0; i < nr_scenes(t->f); i++)
		scenes[i](t);
	for (i = 0; i < 64 && t->f->shared->node && t->f->pools[R_FD_IOASID_DEV].nr; i++)
		scene_hardware(t);
}

void release_holds(struct fuzz *f)
{
	struct fuzz_pool holds, sims;
	unsigned int i, k;

	pthread_mutex_lock(&f->lock);
	holds = f->pools[R_IOASID_SIM_HOLD_ID];
	sims = f->pools[R_FD_IOASID_SIM];
	pthread_mutex_unlock(&f->lock);
	for (i = 0; i < sims.nr; i++) {
		for (k = 0; k < holds.nr; k++)
			ioctl((int)sims.values[i], IOASID_SIM_RELEASE,
			      ARG(ioasid_sim_object, .id = holds.values[k]));
	}
}

/* ---- what is no command ---------------------------------------------------------------------------------- */

static void other_poll(struct fuzz_thread *t)
{
	static const unsigned int kinds[] = { R_FD_IOASID, R_FD_IOASID_DEV, R_FD_IOASID_FAULT,
					      R_FD_IOASID_SIM, R_FD_IOASID_SIM_VM };
	int fd = (int)pool_pick(t, kinds[rnd_below(t, ARRAY_SIZE(kinds))]);
	struct pollfd p = { .fd = fd, .events = (short)rnd(t) };

	poll(&p, 1, 0);
	lseek(fd, (off_t)wild(t), (int)rnd_below(t, 3));
}

static void other_records(struct fuzz_thread *t)
{
	int fd = (int)pool_pick(t, R_FD_IOASID_FAULT);

	if (one_in(t, 2))
		return records_read(t, fd);
	/* A record that is taken and cannot be written is gone: only its group's answer is not. */
	(void)!read(fd, (void *)(uintptr_t)wild(t), wild(t));
	(void)!write(fd, t->room, 64);
}

static void other_node(struct fuzz_thread *t)
{
	int fd = (int)pool_pick(t, one_in(t, 4) ? R_FD_IOASID : R_FD_IOASID_DEV);
	off_t offset = (off_t)(one_in(t, 2) ? PAGE * rnd_below(t, 64) : wild(t));
	size_t size = rnd_below(t, 64);
	uint8_t *p;

	(void)!pread(fd, t->room, size, offset);
	(void)!pwrite(fd, t->room, size, offset);
	p = mmap(NULL, PAGE << rnd_below(t, 4), PROT_READ | PROT_WRITE,
		 one_in(t, 4) ? MAP_PRIVATE : MAP_SHARED, fd, offset & ~(off_t)(PAGE - 1));
	/* Not touched: a revoked mapping is SIGBUS, which is right. */
	if (p != MAP_FAILED)
		munmap(p, PAGE);
}

static void other_ioctl(struct fuzz_thread *t)
{
	static const unsigned int kinds[] = { R_FD_IOASID, R_FD_IOASID_DEV, R_FD_IOASID_FAULT,
					      R_FD_IOASID_SIM, R_FD_IOASID_SIM_VM };
	int fd = (int)pool_pick(t, kinds[rnd_below(t, ARRAY_SIZE(kinds))]);
	unsigned long cmd = one_in(t, 2) ? rnd(t) :
					   (0xe500 + rnd_below(t, 0x200)) | (rnd(t) & 0xffff0000);
	uint32_t first = 64;

	/* Flags of the descriptor that ioctl() changes for everybody: not ours to test. */
	if (cmd == 0x5421 || cmd == 0x5452)
		return;
	memset(t->room, 0, PAGE);
	memcpy(t->room, &first, sizeof(first));
	ioctl(fd, cmd, one_in(t, 2) ? (uintptr_t)t->room : wild(t));
}

static void other_descriptors(struct fuzz_thread *t)
{
	unsigned int r = (unsigned int)rnd_below(t, NR_RESOURCES);

	switch (rnd_below(t, 8)) {
	case 0:
		context_open(t);
		break;
	case 1:
		if (is_descriptor(r))
			pool_add(t, r, (uint32_t)dup((int)pool_pick(t, r)));
		break;
	case 2: /* stays in the pool: a number that means something else, or nothing */
		if (is_descriptor(r) && one_in(t, 4))
			close((int)pool_pick(t, r));
		break;
	case 3:
		fault_fd_open(t, (int)pool_pick(t, R_FD_IOASID));
		break;
	case 4:
		counted(t->f, (int)pool_pick(t, R_FD_IOASID_DEV), IOASID_DEV_SET_EVENTFD,
			ARG(ioasid_dev_eventfd, .index = (uint32_t)rnd_below(t, 3),
			    .fd = eventfd(0, EFD_CLOEXEC)));
		break;
	default:
		break;
	}
}

/* Pages that are pinned go, change their rights, move, become huge. */
static void other_memory(struct fuzz_thread *t)
{
	uint8_t *at = t->f->arena + PAGE * rnd_below(t, ARENA / PAGE);
	size_t size = PAGE * (1 + rnd_below(t, 4));
	int prot = one_in(t, 4) ? PROT_READ : PROT_READ | PROT_WRITE;

	if (at + size > t->f->arena + ARENA)
		return;
	switch (rnd_below(t, 4)) {
	case 0:
		madvise(at, size, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, size, prot);
		break;
	case 2:
		mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		madvise(t->f->arena, ARENA, MADV_HUGEPAGE);
		break;
	}
}

/* A child that has all descriptors and uses them once. */
static void other_fork(struct fuzz_thread *t)
{
	pid_t pid;

	if (!one_in(t, 16))
		return;
	pid = fork();
	if (!pid) {
		/* Its threads are gone, and with them whoever held the lock. */
		pthread_mutex_init(&t->f->lock, NULL);
		alarm(2);
		random_command(t);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void other(struct fuzz_thread *t)
{
	static void (*const others[])(struct fuzz_thread * t) = {
		other_poll,	   other_records, other_node, other_ioctl,
		other_descriptors, other_memory,  other_fork,
	};

	atomic_fetch_add(&t->f->shared->other, 1);
	others[rnd_below(t, ARRAY_SIZE(others))](t);
}

void random_step(struct fuzz_thread *t)
{
	switch (rnd_below(t, 8)) {
	case 0:
		return scene(t);
	case 1:
		return other(t);
	default:
		return random_command(t);
	}
}
