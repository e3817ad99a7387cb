// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Slices, work queues and VMs of ioasid-sim.ko: what the node refuses, how long things live, who is in
 * whose way. What they mean for /dev/ioasid is the conformance suite's. Needs root; prints TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ioasid/ioasid.h>
#include <linux/ioasid_sim.h>
#include <linux/ioasid_wq.h>

#include "check.h"

#define NODE   "/dev/ioasid-sim"
#define PAGE   4096UL
#define IOVA   0x100000ULL
#define RW     (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define GUESTS 7 /* a vPASID */
#define SPLIT  1024

static int sim = -1;
static uint32_t iommu;

static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static int end(unsigned long cmd, uint32_t id)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = id };

	return command(sim, cmd, &o);
}

/* ---- making things ------------------------------------------------------------------------------- */

static struct ioasid_sim_device config(const char *name, uint32_t dev_class, uint32_t parent)
{
	struct ioasid_sim_device c = {
		.argsz = sizeof(c),
		.iommu = iommu,
		.dev_class = dev_class,
		.group = IOASID_SIM_NONE,
		.parent = parent,
	};

	if (!parent) {
		c.flags = IOASID_SIM_ATS | IOASID_SIM_PRI;
		c.pasid_bits = 20;
	}
	if (dev_class == IOASID_CLASS_PDEV_DMWR || dev_class == IOASID_CLASS_MDEV_DMWR) {
		c.nr_dedicated = 1;
		c.nr_shared = 1;
		c.queue_size = 4;
	}
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static uint32_t plug(const char *name, uint32_t dev_class, uint32_t parent)
{
	struct ioasid_sim_device c = config(name, dev_class, parent);

	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), 0);
	return c.device;
}

static int vm_make(void)
{
	struct ioasid_sim_vm v = { .argsz = sizeof(v) };

	is(command(sim, IOASID_SIM_VM_CREATE, &v), 0);
	return v.fd;
}

static uint32_t vcpu_make(int vm)
{
	struct ioasid_sim_vcpu v = { .argsz = sizeof(v) };

	is(command(vm, IOASID_SIM_VCPU_CREATE, &v), 0);
	return v.vcpu;
}

static int wrmsr(int vm, uint32_t vcpu, uint64_t value)
{
	struct ioasid_sim_wrmsr m = { .argsz = sizeof(m), .vcpu = vcpu, .value = value };

	return command(vm, IOASID_SIM_WRMSR_PASID, &m);
}

static struct ioasid_wq_desc fill(uint64_t dst, uint64_t pattern)
{
	return (struct ioasid_wq_desc){
		.op = IOASID_WQ_FILL, .length = 64, .src = pattern, .dst = dst
	};
}

static int store(uint32_t device, uint32_t queue, struct ioasid_wq_desc d, uint32_t how)
{
	struct ioasid_sim_wq_store s = {
		.argsz = sizeof(s),
		.device = device,
		.queue = queue,
		.how = how,
		.data = (uintptr_t)&d,
		.length = sizeof(d),
	};
	int rc = command(sim, IOASID_SIM_WQ_STORE, &s);

	return rc ? rc : (int)s.taken;
}

static int run(uint32_t device, uint32_t max)
{
	struct ioasid_sim_wq_run r = { .argsz = sizeof(r), .device = device, .max = max };
	int rc = command(sim, IOASID_SIM_WQ_RUN, &r);

	return rc ? rc : (int)r.done;
}

static int enqcmd(int vm, uint32_t vcpu, uint32_t device, struct ioasid_wq_desc d,
		  struct ioasid_sim_enqcmd *e)
{
	*e = (struct ioasid_sim_enqcmd){
		.argsz = sizeof(*e), .vcpu = vcpu, .device = device, .queue = 1, .cpl = 3
	};
	memcpy(e->data, &d, sizeof(d));
	return command(vm, IOASID_SIM_ENQCMD, e);
}

static struct ioasid_sim_walk walk(uint32_t device, uint32_t pasid)
{
	struct ioasid_sim_walk w = { .argsz = sizeof(w), .device = device, .pasid = pasid };

	is(command(sim, IOASID_SIM_WALK, &w), 0);
	return w;
}

static int reg_write(struct ioasid_dev *dev, uint32_t offset, uint32_t value)
{
	ssize_t n = pwrite(ioasid_dev_fd(dev), &value, sizeof(value), offset);

	return n == sizeof(value) ? 0 : n < 0 ? -errno : 1;
}

static uint32_t reg_read(struct ioasid_dev *dev, uint32_t offset)
{
	uint32_t value = 0xdeadbeef;

	is(pread(ioasid_dev_fd(dev), &value, sizeof(value), offset), sizeof(value));
	return value;
}

/* One write of 8 bytes. Return: 0, the reason of a blocked one, or an errno. */
static int dma_write(uint32_t device, uint32_t pasid, uint64_t addr)
{
	uint64_t data = 0x1122334455667788;
	struct ioasid_sim_dma d = {
		.argsz = sizeof(d),
		.device = device,
		.op = IOASID_SIM_WRITE,
		.addr = addr,
		.data = (uintptr_t)&data,
		.length = sizeof(data),
		.pasid = pasid,
	};
	int rc = command(sim, IOASID_SIM_DMA, &d);

	return rc ? rc : d.blocked ? (int)d.reason : 0;
}

/* ---- a slice with a user ---------------------------------------------------------------------------- */

/**
 * struct world - a parent with a slice of class 8, bound, with one address space: as its default route
 *                and by vPASID GUESTS, host-wide
 */
struct world {
	uint32_t parent, slice, space;
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	uint64_t *page;
};

static void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->parent = plug("q-parent", IOASID_CLASS_PDEV_DMWR, 0);
	w->slice = plug("q-slice", IOASID_CLASS_MDEV_DMWR, w->parent);
	w->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	is(ioasid_open("/dev/ioasid", &w->ctx), 0);
	is(ioasid_dev_open(w->ctx, "q-slice", &w->dev), 0);
	is(ioasid_dev_bind(w->dev, w->ctx, 1), 0);
	is(ioasid_set_hwid_mode_dev(w->ctx, 1, IOASID_MODE_GLOBAL), 0);
	is(ioasid_hwid_set_global_min_dev(w->ctx, 1, SPLIT), 0);
	is(ioasid_alloc_kernel(w->ctx, &w->space), 0);
	is(ioasid_map(w->ctx, w->space, IOVA, (uintptr_t)w->page, PAGE, RW), 0);
	is(ioasid_dev_attach(w->dev, w->space, 0), 0);
	is(ioasid_dev_attach_pasid(w->dev, w->space, GUESTS, 0), 0);
}

static void world_end(struct world *w)
{
	ioasid_dev_close(w->dev);
	ioasid_close(w->ctx);
	munmap(w->page, PAGE);
	is(end(IOASID_SIM_DEVICE_DESTROY, w->parent), 0);
}

/* ---- devices ------------------------------------------------------------------------------------------ */

static void refused(struct ioasid_sim_device c, int rc)
{
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), rc);
	if (c.device)
		end(IOASID_SIM_DEVICE_DESTROY, c.device);
}

#define REFUSED(base, rc, ...)                     \
	do {                                       \
		struct ioasid_sim_device c = base; \
		__VA_ARGS__;                       \
		refused(c, rc);                    \
	} while (0)

static void devices_that_cannot_be(void)
{
	uint32_t parent = plug("q-parent", IOASID_CLASS_PDEV_DMWR, 0);
	uint32_t slice = plug("q-slice", IOASID_CLASS_MDEV_PASID, parent);
	uint32_t plain = plug("q-plain", IOASID_CLASS_PDEV_PASID, 0);
	struct ioasid_sim_device s = config("q-no", IOASID_CLASS_MDEV_DMWR, parent);
	struct ioasid_sim_device w = config("q-no", IOASID_CLASS_PDEV_DMWR, 0);

	REFUSED(s, -ENOENT, c.parent = 0);
	REFUSED(s, -ENOENT, c.parent = 0x7ffffffe);
	REFUSED(s, -ENOENT, c.parent = IOASID_SIM_NONE);
	REFUSED(s, -EINVAL, c.parent = slice);
	REFUSED(s, -EINVAL, c.flags = IOASID_SIM_ATS);
	REFUSED(s, -EINVAL, c.group = 1);
	REFUSED(s, -EINVAL, c.pri_capacity = 1);
	REFUSED(s, -EINVAL, c.dtlb_entries = 1);
	REFUSED(s, -EINVAL, c.kept_first = 1; c.kept_last = 2);
	REFUSED(s, -EINVAL, c.mode = 3);
	REFUSED(s, -EINVAL, c.mode = IOASID_SIM_NONE);
	REFUSED(s, -EINVAL, c.nr_dedicated = 16; c.nr_shared = 1);
	REFUSED(s, -EINVAL, c.nr_shared = 0x80000000; c.nr_dedicated = 0x80000000);
	REFUSED(s, -EINVAL, c.queue_size = 1025);
	REFUSED(s, -EINVAL, c.nr_dedicated = 0; c.nr_shared = 0);
	REFUSED(s, -EINVAL, c.dev_class = IOASID_CLASS_MDEV_PASID);
	REFUSED(s, -EINVAL, c.dev_class = IOASID_CLASS_MDEV_FIXED);
	REFUSED(s, -EINVAL, c.pasid_bits = 21);
	REFUSED(w, -EINVAL, c.parent = plain);
	REFUSED(w, -EINVAL, c.dev_class = IOASID_CLASS_PDEV_PASID);
	REFUSED(w, -EINVAL, c.kept_first = 5; c.kept_last = 4);
	REFUSED(w, -EINVAL, c.kept_first = 0; c.kept_last = 4);
	REFUSED(w, -EOPNOTSUPP, c.dev_class = IOASID_CLASS_PDEV_DELEGATED);
	REFUSED(w, -EOPNOTSUPP, c.flags = 1U << 4);
	REFUSED(w, -EINVAL, c.__reserved = 1);
	is(end(IOASID_SIM_DEVICE_DESTROY, plain), 0);
	is(end(IOASID_SIM_DEVICE_DESTROY, parent), 0);
	is(end(IOASID_SIM_DEVICE_DESTROY, slice), -ENOENT);
}

/* Devices that share a group, or have no PASIDs, have no slices. */
static void not_everything_is_a_parent(void)
{
	struct ioasid_sim_device c = config("q-grouped", IOASID_CLASS_PDEV_DMWR, 0);
	struct ioasid_sim_device n = config("q-narrow", IOASID_CLASS_PDEV, 0);

	c.group = 5;
	n.pasid_bits = 0;
	n.flags = 0;
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), 0);
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &n), 0);
	refused(config("q-no", IOASID_CLASS_MDEV_DMWR, c.device), -EINVAL);
	refused(config("q-no", IOASID_CLASS_MDEV_FIXED, n.device), -EINVAL);
	end(IOASID_SIM_DEVICE_DESTROY, c.device);
	end(IOASID_SIM_DEVICE_DESTROY, n.device);
}

/* What callers of before know is enough; any size in between is, too. */
static void a_shorter_device_is_a_plain_one(void)
{
	const uint32_t old = offsetof(struct ioasid_sim_device, parent);
	struct ioasid_sim_device c;
	uint32_t argsz;

	for (argsz = old; argsz <= sizeof(c); argsz += 4) {
		c = config("q-short", IOASID_CLASS_PDEV_PASID, 0);
		c.argsz = argsz;
		/* Not read, and not written. */
		if (argsz == old)
			memset(&c.parent, 0xff, sizeof(c) - old);
		is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), 0);
		is(c.parent, argsz == old ? 0xffffffff : 0);
		is(end(IOASID_SIM_DEVICE_DESTROY, c.device), 0);
	}
	c = config("q-short", IOASID_CLASS_PDEV_PASID, 0);
	c.argsz = old - 1;
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), -EINVAL);
}

static void slices_go_with_their_parent(void)
{
	struct world w;

	world_begin(&w);
	is(dma_write(w.slice, IOASID_SIM_NONE, IOVA), 0);
	is(end(IOASID_SIM_DEVICE_DESTROY, w.parent), 0);
	is(dma_write(w.slice, IOASID_SIM_NONE, IOVA), -ENOENT);
	is(ioasid_dev_reset(w.dev), -ENODEV);
	w.parent = plug("q-parent", IOASID_CLASS_PDEV_DMWR, 0);
	world_end(&w);
}

static void whole_and_slices_exclude_each_other(void)
{
	struct ioasid_sim_host_use use = { .argsz = sizeof(use), .use = 1 };
	struct ioasid_dev *whole;
	struct world w;

	world_begin(&w);
	is(ioasid_dev_open(w.ctx, "q-parent", &whole), 0);
	is(ioasid_dev_bind(whole, w.ctx, 2), -EBUSY);
	ioasid_dev_close(w.dev);
	is(ioasid_dev_open(w.ctx, "q-slice", &w.dev), 0);
	is(ioasid_dev_bind(whole, w.ctx, 2), 0);
	is(ioasid_dev_bind(w.dev, w.ctx, 1), -EBUSY);
	use.device = w.parent;
	is(command(sim, IOASID_SIM_HOST_USE, &use), -EBUSY);
	ioasid_dev_close(whole);
	is(command(sim, IOASID_SIM_HOST_USE, &use), 0);
	is(ioasid_dev_open(w.ctx, "q-parent", &whole), 0);
	is(ioasid_dev_bind(whole, w.ctx, 2), -EBUSY);
	use.use = 0;
	is(command(sim, IOASID_SIM_HOST_USE, &use), 0);
	is(command(sim, IOASID_SIM_HOST_USE, &use), -EINVAL);
	use.device = w.slice;
	use.use = 1;
	is(command(sim, IOASID_SIM_HOST_USE, &use), -EINVAL);
	is(ioasid_dev_bind(whole, w.ctx, 2), 0);
	ioasid_dev_close(whole);
	world_end(&w);
}

/* ---- requests and tables ------------------------------------------------------------------------------ */

static void a_slice_without_user_reaches_nothing(void)
{
	struct ioasid_dev *whole;
	struct world w;

	world_begin(&w);
	ioasid_dev_close(w.dev);
	is(ioasid_dev_open(w.ctx, "q-parent", &whole), 0);
	is(ioasid_dev_bind(whole, w.ctx, 2), 0);
	is(ioasid_dev_attach(whole, w.space, 0), 0);
	is(dma_write(w.parent, IOASID_SIM_NONE, IOVA), 0);
	is(dma_write(w.slice, IOASID_SIM_NONE, IOVA), IOASID_REASON_NO_ROUTE);
	ioasid_dev_close(whole);
	is(ioasid_dev_open(w.ctx, "q-slice", &w.dev), 0);
	world_end(&w);
}

/* Every number on the parent's RID: the slice has two, neither of them the guest's. */
static void the_tables_say_who_is_where(void)
{
	struct ioasid_sim_walk found[4], one;
	uint32_t pasid, n = 0, last = 0;
	struct world w;

	world_begin(&w);
	for (pasid = 0; pasid < 40000 && n < 4; pasid++) {
		one = walk(w.slice, pasid);
		if (one.leads == IOASID_SIM_LEADS_NOWHERE)
			continue;
		found[n++] = one;
		last = pasid;
	}
	if (is(n, 2)) {
		is(found[0].leads, IOASID_SIM_LEADS_SECOND);
		yes(found[0].second && found[0].second == found[1].second);
		yes(found[0].did == found[1].did && !found[0].first);
		yes(last >= 32768);
		is(walk(w.parent, last).second, found[1].second);
		is(dma_write(w.slice, last, IOVA), 0);
	}
	is(walk(w.slice, IOASID_SIM_NONE).leads, IOASID_SIM_LEADS_NOWHERE);
	is(walk(w.slice, 0xfffff).leads, IOASID_SIM_LEADS_NOWHERE);
	is(walk(w.slice, 1U << 20).leads, IOASID_SIM_LEADS_NOWHERE);
	is(ioasid_clear_hwid(w.ctx, w.space, GUESTS), 0);
	is(walk(w.slice, last).leads, IOASID_SIM_LEADS_NOWHERE);
	is(dma_write(w.slice, last, IOVA), IOASID_REASON_NO_ROUTE);
	is(dma_write(w.slice, IOASID_SIM_NONE, IOVA), 0);
	world_end(&w);
}

/* The first number from @from on that leads to a guest's table on the RID of @device. */
static uint32_t guests_number(uint32_t device, uint32_t from)
{
	while (from < 40000 && walk(device, from).leads != IOASID_SIM_LEADS_NESTED)
		from++;
	return from;
}

/* Two slices, two contexts, equal vPASIDs: who asks for a page is heard by its own user. */
static void a_page_request_finds_its_slice(void)
{
	struct ioasid_sim_request r = {
		.argsz = sizeof(r),
		.flags = IOASID_SIM_REQ_READ | IOASID_SIM_REQ_LAST,
		.addr = 0x5000,
	};
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = IOVA };
	struct ioasid_sim_response answer = { .argsz = sizeof(answer) };
	uint32_t slice[2], space, user, number[2];
	struct ioasid_dev *dev[2];
	struct ioasid *ctx[2];
	struct ioasid_fault f;
	struct world w;
	int i, k;

	world_begin(&w);
	ctx[0] = w.ctx;
	is(ioasid_open("/dev/ioasid", &ctx[1]), 0);
	for (i = 0; i < 2; i++) {
		slice[i] = plug(i ? "q-two" : "q-one", IOASID_CLASS_MDEV_PASID, w.parent);
		yes(ioasid_fault_open(ctx[i], 0) >= 0);
		is(ioasid_dev_open(ctx[i], i ? "q-two" : "q-one", &dev[i]), 0);
		is(ioasid_dev_bind(dev[i], ctx[i], 5), 0);
		is(ioasid_alloc_kernel(ctx[i], &space), 0);
		is(ioasid_map(ctx[i], space, IOVA, (uintptr_t)w.page, PAGE, RW), 0);
		is(ioasid_alloc_user_table(ctx[i], space, &table, &user), 0);
		is(ioasid_dev_attach_pasid(dev[i], user, GUESTS, 0), 0);
		number[i] = guests_number(slice[i], i ? number[0] + 1 : 1);
	}
	for (i = 1; i >= 0; i--) {
		r.device = slice[i];
		r.pasid = number[i];
		is(command(sim, IOASID_SIM_PAGE_REQUEST, &r), 0);
		is(ioasid_fault_read(ctx[!i], &f, 1), -EAGAIN);
		if (!is(ioasid_fault_read(ctx[i], &f, 1), 1))
			continue;
		is(f.type, IOASID_FAULT_PAGE_REQUEST);
		is(f.vpasid, GUESTS);
		is(f.cookie, 5);
		is(ioasid_page_response(ctx[i], f.id, IOASID_RESPONSE_SUCCESS), 0);
		for (k = 0; k < 2; k++) {
			answer.device = slice[k];
			is(command(sim, IOASID_SIM_RESPONSE, &answer), k == i ? 0 : -EAGAIN);
		}
	}
	/* What waits is answered when its slice goes, also where nobody listens any more. */
	is(command(sim, IOASID_SIM_PAGE_REQUEST, &r), 0);
	ioasid_dev_close(dev[0]);
	answer.device = slice[0];
	is(command(sim, IOASID_SIM_RESPONSE, &answer), 0);
	is(answer.code, IOASID_RESPONSE_INVALID);
	ioasid_dev_close(dev[1]);
	ioasid_close(ctx[1]);
	world_end(&w);
}

/* ---- registers and portals --------------------------------------------------------------------------------- */

static void registers_on_the_node(void)
{
	const uint32_t q = IOASID_WQ_QUEUE(0);
	struct ioasid_dev_region region = { .argsz = sizeof(region) };
	struct ioasid_sim_wq_register c = { .argsz = sizeof(c), .offset = q + IOASID_WQ_REG_PASID };
	uint8_t buf[8] = { 0 };
	struct world w;
	int fd, other;

	world_begin(&w);
	fd = ioasid_dev_fd(w.dev);
	is(ioasid_dev_command(w.dev, IOASID_DEV_GET_REGION, &region), 0);
	is(region.size, PAGE);
	is(region.offset, 0);
	is(reg_read(w.dev, IOASID_WQ_REG_ID), IOASID_WQ_ID);
	is(reg_read(w.dev, IOASID_WQ_REG_QUEUES), 1 | 1 << 8 | 4 << 16);
	is(pread(fd, buf, 1, 0), -1);
	is(pread(fd, buf, 8, 0), -1);
	is(pread(fd, buf, 4, 2), -1);
	is(pread(fd, buf, 4, 0x14), -1);
	is(pread(fd, buf, 4, (off_t)PAGE), -1);
	is(pread(fd, buf, 4, (off_t)1 << 40), -1);
	is(pwrite(fd, buf, 8, q + IOASID_WQ_REG_CONTROL), -1);
	is(pwrite(fd, buf, 4, IOASID_WQ_REG_ID), -1);
	/* Mediation: what the guest cannot have changes nothing. */
	is(reg_write(w.dev, q + IOASID_WQ_REG_PASID, IOASID_WQ_PASID_VALID | GUESTS), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_PASID, IOASID_WQ_PASID_VALID | (GUESTS + 1)),
	   -ENOENT);
	is(reg_read(w.dev, q + IOASID_WQ_REG_PASID), IOASID_WQ_PASID_VALID | GUESTS);
	is(reg_read(w.dev, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_PASID);
	/* The control node reaches them too, mediated the same way. */
	c.device = w.slice;
	is(command(sim, IOASID_SIM_WQ_REGISTER, &c), 0);
	is(c.value, IOASID_WQ_PASID_VALID | GUESTS);
	c.flags = IOASID_SIM_WQ_WRITE;
	c.value = IOASID_WQ_PASID_VALID | (GUESTS + 1);
	is(command(sim, IOASID_SIM_WQ_REGISTER, &c), -ENOENT);
	c.offset = PAGE;
	is(command(sim, IOASID_SIM_WQ_REGISTER, &c), -EINVAL);
	c.offset = 0xfffffffc;
	is(command(sim, IOASID_SIM_WQ_REGISTER, &c), -EINVAL);
	/* Somebody else's descriptor of the node. */
	other = open("/dev/ioasid-devices/q-slice", O_RDWR | O_CLOEXEC);
	is(pread(other, buf, 4, 0), -1);
	close(other);
	world_end(&w);
}

static void a_dedicated_queue_works(void)
{
	const uint32_t q = IOASID_WQ_QUEUE(0);
	struct world w;

	world_begin(&w);
	is(store(w.slice, 0, fill(IOVA, 1), IOASID_SIM_STORE_MOVDIR64B), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_PASID, IOASID_WQ_PASID_VALID | GUESTS), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(w.slice, 0, fill(IOVA, 2), IOASID_SIM_STORE_PLAIN), 0);
	is(store(w.slice, 0, fill(IOVA, 2), IOASID_SIM_STORE_DMWR), 0);
	is(run(w.slice, 10), 0);
	is(store(w.slice, 0, fill(IOVA + 128, 0x77), IOASID_SIM_STORE_MOVDIR64B), 1);
	is(w.page[16], 0);
	is(run(w.slice, 10), 1);
	is(w.page[16], 0x77);
	is(reg_read(w.dev, IOASID_WQ_REG_DONE), 1);
	/* Without PASID: its default PASID, which the device never sees. */
	is(reg_write(w.dev, q + IOASID_WQ_REG_CONTROL, 0), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_PASID, 0), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(w.slice, 0, fill(IOVA + 256, 0x78), IOASID_SIM_STORE_MOVDIR64B), 1);
	is(run(w.slice, 10), 1);
	is(w.page[32], 0x78);
	/* A number that ends takes what was programmed with it along. */
	is(reg_write(w.dev, q + IOASID_WQ_REG_CONTROL, 0), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_PASID, IOASID_WQ_PASID_VALID | GUESTS), 0);
	is(reg_write(w.dev, q + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(w.slice, 0, fill(IOVA, 0x79), IOASID_SIM_STORE_MOVDIR64B), 1);
	is(ioasid_clear_hwid(w.ctx, w.space, GUESTS), 0);
	is(reg_read(w.dev, q + IOASID_WQ_REG_PASID), 0);
	is(reg_read(w.dev, q + IOASID_WQ_REG_CONTROL), 0);
	is(run(w.slice, 10), 0);
	is(w.page[0], 0);
	world_end(&w);
}

static void stores_that_cannot_be(void)
{
	struct ioasid_wq_desc d = fill(IOVA, 1);
	struct ioasid_sim_wq_store good = {
		.argsz = sizeof(good), .how = IOASID_SIM_STORE_MOVDIR64B,
		.data = (uintptr_t)&d, .length = sizeof(d),
	}, s;
	struct world w;

	world_begin(&w);
	good.device = w.slice;
	is(reg_write(w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	s = good;
	s.how = 3;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EINVAL);
	s = good;
	s.length = 0;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EINVAL);
	s.length = 4097;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EINVAL);
	s = good;
	s.data = 8;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EFAULT);
	s = good;
	s.device = IOASID_SIM_NONE;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -ENOENT);
	s = good;
	s.flags = 1;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EOPNOTSUPP);
	for (s = good, s.queue = 2; s.queue < 40; s.queue++) {
		is(command(sim, IOASID_SIM_WQ_STORE, &s), 0);
		is(s.taken, 0);
	}
	s = good;
	s.offset = 32;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), 0);
	is(s.taken, 0);
	s.offset = PAGE;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), 0);
	is(s.taken, 0);
	s = good;
	s.length = 32;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), 0);
	is(s.taken, 0);
	is(run(w.slice, 100), 0);
	s = good;
	s.offset = PAGE - 64;
	is(command(sim, IOASID_SIM_WQ_STORE, &s), 0);
	is(s.taken, 1);
	world_end(&w);
	/* A device that has none. */
	s.device = plug("q-plain", IOASID_CLASS_PDEV_PASID, 0);
	is(command(sim, IOASID_SIM_WQ_STORE, &s), -EINVAL);
	is(run(s.device, 1), -EINVAL);
	end(IOASID_SIM_DEVICE_DESTROY, s.device);
}

static void an_engine_of_its_own(void)
{
	struct ioasid_sim_device c;
	unsigned int i;
	struct world w;

	world_begin(&w);
	ioasid_dev_close(w.dev);
	end(IOASID_SIM_DEVICE_DESTROY, w.slice);
	c = config("q-slice", IOASID_CLASS_MDEV_DMWR, w.parent);
	c.flags = IOASID_SIM_ENGINE;
	is(command(sim, IOASID_SIM_DEVICE_CREATE, &c), 0);
	is(ioasid_dev_open(w.ctx, "q-slice", &w.dev), 0);
	is(ioasid_dev_bind(w.dev, w.ctx, 1), 0);
	is(ioasid_dev_attach(w.dev, w.space, 0), 0);
	is(reg_write(w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(c.device, 0, fill(IOVA, 0x42), IOASID_SIM_STORE_MOVDIR64B), 1);
	for (i = 0; i < 5000 && __atomic_load_n(&w.page[7], __ATOMIC_ACQUIRE) != 0x42; i++)
		usleep(1000);
	is(w.page[7], 0x42);
	world_end(&w);
}

/* ---- VMs -------------------------------------------------------------------------------------------------------- */

static void enqcmd_through_the_table(void)
{
	struct ioasid_device_info info = { .argsz = sizeof(info) };
	struct ioasid_sim_enqcmd e;
	struct world w;
	uint32_t vcpu;
	int vm;

	world_begin(&w);
	vm = vm_make();
	vcpu = vcpu_make(vm);
	is(reg_write(w.dev, IOASID_WQ_QUEUE(1) + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(enqcmd(vm, vcpu, w.slice, fill(IOVA, 1), &e), 0);
	is(e.result, IOASID_SIM_INSN_GP);
	is(wrmsr(vm, vcpu, 1ULL << 40), -EINVAL);
	is(wrmsr(vm, vcpu, IOASID_WQ_PASID_VALID | GUESTS), 0);
	/* Nothing is open, and nothing passes untranslated. */
	is(enqcmd(vm, vcpu, w.slice, fill(IOVA, 1), &e), 0);
	is(e.result, IOASID_SIM_INSN_RETIRED);
	is(e.zf, 1);
	is(ioasid_cpu_pasid_enable(w.ctx, vm), 0);
	is(ioasid_dev_get_info(w.dev, &info), 0);
	is(info.portal, IOASID_PORTAL_OPEN);
	is(reg_read(w.dev, IOASID_WQ_REG_STATUS), IOASID_WQ_STATUS_PORTAL);
	is(enqcmd(vm, vcpu, w.slice, fill(IOVA, 1), &e), 0);
	is(e.result, IOASID_SIM_INSN_EXIT);
	is(e.exit_reason, 72);
	is(e.vpasid, GUESTS);
	is(ioasid_cpu_pasid_map(w.ctx, GUESTS), 0);
	is(enqcmd(vm, vcpu, w.slice, fill(IOVA + 64, 0x99), &e), 0);
	is(e.result, IOASID_SIM_INSN_RETIRED);
	is(e.zf, 0);
	is(run(w.slice, 10), 1);
	is(w.page[8], 0x99);
	is(ioasid_cpu_pasid_unmap(w.ctx, GUESTS), 0);
	is(enqcmd(vm, vcpu, w.slice, fill(IOVA, 1), &e), 0);
	is(e.result, IOASID_SIM_INSN_EXIT);
	/* Ordinary memory, another queue, another portal. */
	is(ioasid_cpu_pasid_map(w.ctx, GUESTS), 0);
	is(enqcmd(vm, vcpu, IOASID_SIM_NONE, fill(IOVA, 1), &e), 0);
	is(e.zf, 1);
	is(enqcmd(vm, vcpu, 0x7ffffffe, fill(IOVA, 1), &e), -ENOENT);
	/* The VM goes, the portal with it. */
	close(vm);
	is(ioasid_dev_get_info(w.dev, &info), 0);
	is(info.portal, IOASID_PORTAL_CLOSED);
	is(reg_read(w.dev, IOASID_WQ_REG_STATUS), 0);
	world_end(&w);
}

static void vms_that_cannot_be(void)
{
	struct ioasid_sim_vm v = { .argsz = sizeof(v) };
	struct ioasid_sim_enqcmd e;
	struct ioasid *ctx, *second;
	uint32_t vcpu;
	int vm, fd;

	v.flags = 1;
	is(command(sim, IOASID_SIM_VM_CREATE, &v), -EOPNOTSUPP);
	v.flags = 0;
	v.__reserved = 1;
	is(command(sim, IOASID_SIM_VM_CREATE, &v), -EINVAL);
	vm = vm_make();
	vcpu = vcpu_make(vm);
	is(wrmsr(vm, vcpu + 1000, 0), -ENOENT);
	is(enqcmd(vm, 0, IOASID_SIM_NONE, fill(0, 0), &e), -ENOENT);
	e.vcpu = vcpu;
	e.cpl = 4;
	is(command(vm, IOASID_SIM_ENQCMD, &e), -EINVAL);
	e.cpl = 3;
	e.flags = 2;
	is(command(vm, IOASID_SIM_ENQCMD, &e), -EOPNOTSUPP);
	/* ENQCMDS is for the kernel. */
	is(wrmsr(vm, vcpu, IOASID_WQ_PASID_VALID | 1), 0);
	e.flags = IOASID_SIM_ENQCMD_SUPERVISOR;
	is(command(vm, IOASID_SIM_ENQCMD, &e), 0);
	is(e.result, IOASID_SIM_INSN_GP);
	is(command(vm, IOASID_SIM_DMA, &e), -ENOTTY);
	is(command(sim, IOASID_SIM_ENQCMD, &e), -ENOTTY);
	is(ioasid_open("/dev/ioasid", &ctx), 0);
	is(ioasid_open("/dev/ioasid", &second), 0);
	/* Descriptors that are no VM. */
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	is(ioasid_cpu_pasid_enable(ctx, fd), -EOPNOTSUPP);
	close(fd);
	is(ioasid_cpu_pasid_enable(ctx, fd), -EBADF);
	is(ioasid_cpu_pasid_enable(ctx, sim), -EOPNOTSUPP);
	/* A VM has one context. */
	is(ioasid_cpu_pasid_enable(ctx, vm), 0);
	is(ioasid_cpu_pasid_enable(ctx, vm), 0);
	is(ioasid_cpu_pasid_enable(second, vm), -EBUSY);
	is(ioasid_cpu_pasid_disable(ctx), 0);
	is(ioasid_cpu_pasid_enable(second, vm), -EBUSY);
	ioasid_close(ctx);
	is(ioasid_cpu_pasid_enable(second, vm), 0);
	close(vm);
	ioasid_close(second);
}

static void a_vm_has_so_many_vcpus(void)
{
	struct ioasid_sim_vcpu v = { .argsz = sizeof(v) };
	struct ioasid_sim_object o = { .argsz = sizeof(o) };
	int vm = vm_make(), i, rc;

	for (i = 0, rc = 0; i < 2000 && !rc; i++)
		rc = command(vm, IOASID_SIM_VCPU_CREATE, &v);
	is(rc, -EDQUOT);
	is(i, 1025);
	o.id = v.vcpu;
	is(command(vm, IOASID_SIM_VCPU_DESTROY, &o), 0);
	is(command(vm, IOASID_SIM_VCPU_DESTROY, &o), -ENOENT);
	is(command(vm, IOASID_SIM_VCPU_CREATE, &v), 0);
	close(vm);
}

/* The open that made it is gone, and its devices; the VM is not. */
static void a_vm_outlives_its_node(void)
{
	struct ioasid_sim_vm v = { .argsz = sizeof(v) };
	int node = open(NODE, O_RDWR | O_CLOEXEC);
	struct ioasid_sim_enqcmd e;
	uint32_t vcpu;

	is(command(node, IOASID_SIM_VM_CREATE, &v), 0);
	close(node);
	vcpu = vcpu_make(v.fd);
	is(wrmsr(v.fd, vcpu, IOASID_WQ_PASID_VALID | 1), 0);
	is(enqcmd(v.fd, vcpu, 1, fill(0, 0), &e), -ENOENT);
	is(enqcmd(v.fd, vcpu, IOASID_SIM_NONE, fill(0, 0), &e), 0);
	close(v.fd);
}

/* ---- work that does not end ---------------------------------------------------------------------------------------- */

/* A guest's table without a page in it, and a descriptor that waits for one. */
static void *engine(void *device)
{
	run(*(uint32_t *)device, 1);
	return NULL;
}

struct stuck {
	struct world w;
	uint32_t table;
	uint64_t *root;
	pthread_t thread;
	int faults;
};

static void stuck_begin(struct stuck *s)
{
	const uint32_t q = IOASID_WQ_QUEUE(0);
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS,
				      .levels = 4,
				      .address = 0x200000 };
	struct ioasid_device_info info = { .argsz = sizeof(info) };
	unsigned int i;

	world_begin(&s->w);
	s->root = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	is(ioasid_map(s->w.ctx, s->w.space, 0x200000, (uintptr_t)s->root, PAGE, RW), 0);
	s->faults = ioasid_fault_open(s->w.ctx, 0);
	is(ioasid_alloc_user_table(s->w.ctx, s->w.space, &table, &s->table), 0);
	is(ioasid_dev_attach_pasid(s->w.dev, s->table, GUESTS + 1, 0), 0);
	is(reg_write(s->w.dev, q + IOASID_WQ_REG_PASID, IOASID_WQ_PASID_VALID | (GUESTS + 1)), 0);
	is(reg_write(s->w.dev, q + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(s->w.slice, 0, fill(IOVA, 5), IOASID_SIM_STORE_MOVDIR64B), 1);
	pthread_create(&s->thread, NULL, engine, &s->w.slice);
	for (i = 0; i < 5000 && !info.cookie; i++) {
		struct ioasid_fault f;

		usleep(1000);
		if (ioasid_fault_read(s->w.ctx, &f, 1) == 1) {
			is(f.type, IOASID_FAULT_PAGE_REQUEST);
			is(f.vpasid, GUESTS + 1);
			is(f.cookie, 1);
			info.cookie = f.id;
		}
	}
	yes(info.cookie);
}

static void stuck_end(struct stuck *s)
{
	pthread_join(s->thread, NULL);
	world_end(&s->w);
	munmap(s->root, PAGE);
}

static void a_number_ends_under_the_engine(void)
{
	struct stuck s;

	stuck_begin(&s);
	is(ioasid_clear_hwid(s.w.ctx, s.table, GUESTS + 1), 0);
	pthread_join(s.thread, NULL);
	is(reg_read(s.w.dev, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_BUSY, 0);
	is(reg_read(s.w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID), 0);
	is(reg_read(s.w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL), 0);
	pthread_create(&s.thread, NULL, engine, &s.w.slice);
	stuck_end(&s);
}

static void a_reset_under_the_engine(void)
{
	struct stuck s;

	stuck_begin(&s);
	is(ioasid_dev_reset(s.w.dev), 0);
	is(reg_read(s.w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID), 0);
	stuck_end(&s);
}

static void an_unbind_under_the_engine(void)
{
	struct stuck s;

	stuck_begin(&s);
	ioasid_dev_close(s.w.dev);
	s.w.dev = NULL;
	stuck_end(&s);
}

static void an_unplug_under_the_engine(void)
{
	struct stuck s;

	stuck_begin(&s);
	is(end(IOASID_SIM_DEVICE_DESTROY, s.w.slice), 0);
	stuck_end(&s);
}

/* Nobody but the engine itself is left; only a signal that kills ends what it waits for. */
static void a_runner_is_killed(void)
{
	struct stuck s;
	int status;
	pid_t pid;

	stuck_begin(&s);
	is(store(s.w.slice, 0, fill(IOVA, 6), IOASID_SIM_STORE_MOVDIR64B), 1);
	is(ioasid_clear_hwid(s.w.ctx, s.table, GUESTS + 1), 0);
	pthread_join(s.thread, NULL);
	is(ioasid_set_hwid(s.w.ctx, s.table, GUESTS + 1), 0);
	is(reg_write(s.w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID,
		     IOASID_WQ_PASID_VALID | (GUESTS + 1)),
	   0);
	is(reg_write(s.w.dev, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(store(s.w.slice, 0, fill(IOVA, 6), IOASID_SIM_STORE_MOVDIR64B), 1);
	pid = fork();
	if (!pid) {
		run(s.w.slice, 1);
		_exit(0);
	}
	usleep(100000);
	is(waitpid(pid, &status, WNOHANG), 0);
	is(reg_read(s.w.dev, IOASID_WQ_REG_STATUS) & IOASID_WQ_STATUS_BUSY, IOASID_WQ_STATUS_BUSY);
	kill(pid, SIGKILL);
	is(waitpid(pid, &status, 0), pid);
	yes(WIFSIGNALED(status));
	pthread_create(&s.thread, NULL, engine, &s.w.slice);
	stuck_end(&s);
}

/* ---- everything at once ---------------------------------------------------------------------------------------------- */

struct race {
	struct world *w;
	int vm;
	uint32_t vcpu;
	bool over;
	unsigned long sent, exits;
};

static void *race_cpu(void *opaque)
{
	struct race *r = opaque;
	struct ioasid_sim_enqcmd e;

	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED)) {
		int rc = enqcmd(r->vm, r->vcpu, r->w->slice, fill(IOVA, 1), &e);

		if (!rc && e.result == IOASID_SIM_INSN_RETIRED && !e.zf)
			r->sent++;
		if (!rc && e.result == IOASID_SIM_INSN_EXIT)
			r->exits++;
	}
	return NULL;
}

static void *race_engine(void *opaque)
{
	struct race *r = opaque;

	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED))
		run(r->w->slice, 16);
	return NULL;
}

/*
 * vCPUs send while the number comes and goes, and the device is taken away under them at last. What
 * was accepted before the number ended is blocked until the drain drops it, and that may be seen.
 */
static void vcpus_while_everything_changes(void)
{
	struct ioasid_fault f;
	pthread_t cpu, eng;
	unsigned int i;
	struct world w;
	struct race r;

	world_begin(&w);
	is(ioasid_fault_open(w.ctx, 0) < 0, 0);
	r = (struct race){ .w = &w, .vm = vm_make() };
	r.vcpu = vcpu_make(r.vm);
	is(wrmsr(r.vm, r.vcpu, IOASID_WQ_PASID_VALID | GUESTS), 0);
	is(reg_write(w.dev, IOASID_WQ_QUEUE(1) + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE), 0);
	is(ioasid_cpu_pasid_enable(w.ctx, r.vm), 0);
	pthread_create(&cpu, NULL, race_cpu, &r);
	pthread_create(&eng, NULL, race_engine, &r);
	for (i = 0; i < 100; i++) {
		is(ioasid_cpu_pasid_map(w.ctx, GUESTS), 0);
		usleep(500);
		if (i % 3 == 0)
			is(ioasid_cpu_pasid_unmap(w.ctx, GUESTS), 0);
		is(ioasid_clear_hwid(w.ctx, w.space, GUESTS), 0);
		is(ioasid_set_hwid(w.ctx, w.space, GUESTS), 0);
		if (i % 10 == 0) {
			is(ioasid_cpu_pasid_disable(w.ctx), 0);
			is(ioasid_cpu_pasid_enable(w.ctx, r.vm), 0);
		}
	}
	while (ioasid_fault_read(w.ctx, &f, 1) == 1) {
		is(f.type, IOASID_FAULT_EVENT);
		is(f.reason, IOASID_REASON_NO_ROUTE);
		is(f.flags & IOASID_FAULT_VPASID, 0);
	}
	is(end(IOASID_SIM_DEVICE_DESTROY, w.slice), 0);
	__atomic_store_n(&r.over, true, __ATOMIC_RELAXED);
	pthread_join(cpu, NULL);
	pthread_join(eng, NULL);
	yes(r.sent && r.exits);
	close(r.vm);
	world_end(&w);
}

int main(void)
{
	struct ioasid_sim_iommu c = { .argsz = sizeof(c) };

	sim = open(NODE, O_RDWR | O_CLOEXEC);
	if (sim < 0 || command(sim, IOASID_SIM_IOMMU_CREATE, &c)) {
		perror(NODE);
		return 1;
	}
	iommu = c.iommu;
	CASE(devices_that_cannot_be);
	CASE(not_everything_is_a_parent);
	CASE(a_shorter_device_is_a_plain_one);
	CASE(slices_go_with_their_parent);
	CASE(whole_and_slices_exclude_each_other);
	CASE(a_slice_without_user_reaches_nothing);
	CASE(the_tables_say_who_is_where);
	CASE(a_page_request_finds_its_slice);
	CASE(registers_on_the_node);
	CASE(a_dedicated_queue_works);
	CASE(stores_that_cannot_be);
	CASE(an_engine_of_its_own);
	CASE(enqcmd_through_the_table);
	CASE(vms_that_cannot_be);
	CASE(a_vm_has_so_many_vcpus);
	CASE(a_vm_outlives_its_node);
	CASE(a_number_ends_under_the_engine);
	CASE(a_reset_under_the_engine);
	CASE(an_unbind_under_the_engine);
	CASE(an_unplug_under_the_engine);
	CASE(a_runner_is_killed);
	CASE(vcpus_while_everything_changes);
	close(sim);
	return test_done();
}
