// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 *   sim_numbers HOG-MODULE
 *
 * Numbers that somebody else uses on a device: the kernel (tests/linux/hog, loaded and unloaded
 * here), or the device's driver (kept_first, kept_last of ioasid-sim.ko). Nobody else may be using
 * /dev/ioasid. Needs root; prints TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ioasid/ioasid.h>
#include <linux/ioasid_sim.h>

#include "check.h"

#define PAGE   4096UL
#define IOVA   0x100000ULL
#define SPLIT  4096U
#define NR_DEV 2

static const char *hog_module;
static int sim = -1;
static uint32_t host_split; /* where host-wide numbers begin */

static int command(unsigned long cmd, void *arg)
{
	return ioctl(sim, cmd, arg) < 0 ? -errno : 0;
}

/* ---- who else uses numbers ------------------------------------------------------------------------ */

/* "ioasid-sim.N.auto" behind a node. */
static bool platform_name(const char *node, char *out, size_t room)
{
	char path[128], target[256];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/ioasid/%s/device", node);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	last = strrchr(target, '/');
	return snprintf(out, room, "%s", last ? last + 1 : target) < (int)room;
}

static int hog_take(const char *node, uint32_t pasid)
{
	char name[128], args[192];
	int fd, rc;

	if (!platform_name(node, name, sizeof(name)))
		return -ENODEV;
	snprintf(args, sizeof(args), "device=%s pasid=%u", name, pasid);
	fd = open(hog_module, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return rc;
}

static int hog_leave(void)
{
	return syscall(SYS_delete_module, "ioasid_hog", O_NONBLOCK) ? -errno : 0;
}

static bool parameter_set(const char *path, uint32_t value)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fprintf(f, "%u\n", value) > 0;

	return (!f || !fclose(f)) && ok;
}

static bool driver_keeps(uint32_t first, uint32_t last)
{
	return parameter_set("/sys/module/ioasid_sim/parameters/kept_first", first) &&
	       parameter_set("/sys/module/ioasid_sim/parameters/kept_last", last);
}

static uint32_t parameter_get(const char *path)
{
	uint32_t value = 0;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%u", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* ---- a user with devices ------------------------------------------------------------------------------ */

/**
 * struct user - a context with one address space, and all devices attached to it by PASID
 * @page: what IOVA leads to
 */
struct user {
	uint32_t iommu, device[NR_DEV], space;
	struct ioasid *ctx;
	struct ioasid_dev *dev[NR_DEV];
	uint64_t *page;
};

static const char *const names[NR_DEV] = { "numbers0", "numbers1" };

static bool device_make(struct user *u, unsigned int i)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.flags = IOASID_SIM_ATS | IOASID_SIM_PRI,
		.iommu = u->iommu,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_SIM_NONE,
	};

	snprintf(d.name, sizeof(d.name), "%s", names[i]);
	if (!is(command(IOASID_SIM_DEVICE_CREATE, &d), 0))
		return false;
	u->device[i] = d.device;
	return true;
}

static bool device_bind(struct user *u, unsigned int i)
{
	return is(ioasid_dev_open(u->ctx, names[i], &u->dev[i]), 0) &&
	       is(ioasid_dev_bind(u->dev[i], u->ctx, i + 1), 0) &&
	       is(ioasid_dev_attach_pasid(u->dev[i], u->space, 0, 0), 0);
}

static void device_unbind(struct user *u, unsigned int i)
{
	ioasid_dev_close(u->dev[i]);
	u->dev[i] = NULL;
}

/* @mode: enum ioasid_mode of all devices; in global mode with a split. */
static bool user_open(struct user *u, enum ioasid_mode mode)
{
	struct ioasid_sim_iommu c = { .argsz = sizeof(c) };
	unsigned int i;

	memset(u, 0, sizeof(*u));
	u->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!is(command(IOASID_SIM_IOMMU_CREATE, &c), 0))
		return false;
	u->iommu = c.iommu;
	for (i = 0; i < NR_DEV; i++) {
		if (!device_make(u, i))
			return false;
	}
	if (!is(ioasid_open("/dev/ioasid", &u->ctx), 0) ||
	    !is(ioasid_set_hwid_mode(u->ctx, mode), 0) ||
	    !is(ioasid_hwid_set_global_min(u->ctx, SPLIT), 0) ||
	    !is(ioasid_alloc_kernel(u->ctx, &u->space), 0) ||
	    !is(ioasid_map(u->ctx, u->space, IOVA, (uintptr_t)u->page, PAGE,
			   IOASID_MAP_READ | IOASID_MAP_WRITE),
		0))
		return false;
	for (i = 0; i < NR_DEV; i++) {
		if (!device_bind(u, i))
			return false;
	}
	return true;
}

static void user_close(struct user *u)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = u->iommu };
	unsigned int i;

	for (i = 0; i < NR_DEV; i++) {
		if (u->dev[i])
			ioasid_dev_close(u->dev[i]);
	}
	if (u->ctx)
		ioasid_close(u->ctx);
	is(command(IOASID_SIM_IOMMU_DESTROY, &o), 0);
	munmap(u->page, PAGE);
}

/* What a write by device @i under @pasid comes to: 0, the reason why it is blocked, or an errno. */
static int write_by(struct user *u, unsigned int i, uint32_t pasid)
{
	static uint64_t stamp;
	uint64_t data = ++stamp;
	struct ioasid_sim_dma d = {
		.argsz = sizeof(d),
		.flags = IOASID_SIM_DMA_NO_REPORT,
		.device = u->device[i],
		.op = IOASID_SIM_WRITE,
		.addr = IOVA,
		.data = (uintptr_t)&data,
		.length = sizeof(data),
		.pasid = pasid,
	};
	int rc = command(IOASID_SIM_DMA, &d);

	if (rc || d.blocked)
		return rc ?: (int)d.reason;
	return u->page[0] == data ? 0 : -EIO;
}

/* SET_HWID @vpasid and tell the number on the wire; "any" with 0. */
static int set_hwid(struct user *u, uint32_t *vpasid, uint32_t *ppasid)
{
	struct ioasid_set_hwid h = {
		.flags = (*vpasid ? 0 : IOASID_HWID_ANY) | (ppasid ? IOASID_HWID_EXPOSE : 0),
		.ioasid = u->space,
		.vpasid = *vpasid,
	};
	int rc = ioasid_set_hwid_args(u->ctx, &h);

	if (rc)
		return rc;
	*vpasid = h.vpasid;
	if (ppasid)
		*ppasid = h.ppasid;
	return 0;
}

static int set_named(struct user *u, uint32_t vpasid)
{
	return set_hwid(u, &vpasid, NULL);
}

static struct ioasid_info info_of(struct user *u)
{
	struct ioasid_info info = { 0 };

	is(ioasid_get_info(u->ctx, NULL, 0, &info), 0);
	return info;
}

/* ---- numbers of the kernel -------------------------------------------------------------------------------- */

static void any_passes_over_what_the_kernel_uses(void)
{
	uint32_t vpasid = 0;
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL) && is(hog_take(names[1], 1), 0)) {
		is(set_hwid(&u, &vpasid, NULL), 0);
		is(vpasid, 2);
		is(write_by(&u, 0, 2), 0);
		is(write_by(&u, 1, 2), 0);
		/* The first device took 1 before the second could not: that is undone. */
		is(write_by(&u, 0, 1), IOASID_REASON_NO_ROUTE);
		is(info_of(&u).nr_routes, 2);
		is(hog_leave(), 0);
	}
	user_close(&u);
}

static void a_number_of_the_kernel_is_busy_now_and_later(void)
{
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL) && is(hog_take(names[1], 7), 0)) {
		/* The attempt shows it, then it is known. */
		is(set_named(&u, 7), -EBUSY);
		is(set_named(&u, 7), -EBUSY);
		is(ioasid_set_hwid_dev(u.ctx, u.space, 7, 2), -EBUSY);
		is(info_of(&u).nr_routes, 0);
		is(write_by(&u, 0, 7), IOASID_REASON_NO_ROUTE);
		/* Where the kernel does not use it, it is free. */
		is(ioasid_set_hwid_dev(u.ctx, u.space, 7, 1), 0);
		is(write_by(&u, 0, 7), 0);
		is(ioasid_clear_hwid(u.ctx, u.space, 7), 0);
		/* With ATTACH as well. */
		is(ioasid_dev_detach_pasid(u.dev[1], u.space), 0);
		is(ioasid_dev_attach_pasid(u.dev[1], u.space, 7, 0), -EBUSY);
		is(ioasid_dev_attach_pasid(u.dev[1], u.space, 8, 0), 0);
		is(write_by(&u, 1, 8), 0);
		is(hog_leave(), 0);
	}
	user_close(&u);
}

static void attach_finds_out_what_the_kernel_uses_too(void)
{
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL) && is(hog_take(names[1], 7), 0)) {
		is(ioasid_dev_detach_pasid(u.dev[1], u.space), 0);
		is(ioasid_dev_attach_pasid(u.dev[1], u.space, 7, 0), -EBUSY);
		is(info_of(&u).nr_routes, 0);
		/* It is not attached, and can be. */
		is(ioasid_dev_detach_pasid(u.dev[1], u.space), -ENOENT);
		is(ioasid_dev_attach_pasid(u.dev[1], u.space, 8, 0), 0);
		is(write_by(&u, 1, 8), 0);
		is(hog_leave(), 0);
	}
	user_close(&u);
}

/* The kernel's own rule, which is why whoever comes later is the one to be refused. */
static void a_device_whose_numbers_the_kernel_uses_is_not_bound(void)
{
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL)) {
		device_unbind(&u, 1);
		is(hog_take(names[1], 7), 0);
		is(ioasid_dev_open(u.ctx, names[1], &u.dev[1]), 0);
		is(ioasid_dev_bind(u.dev[1], u.ctx, 2), -EBUSY);
		is(info_of(&u).nr_devices, 1);
		is(hog_leave(), 0);
		is(ioasid_dev_bind(u.dev[1], u.ctx, 2), 0);
		is(ioasid_dev_attach_pasid(u.dev[1], u.space, 7, 0), 0);
		is(write_by(&u, 1, 7), 0);
	}
	user_close(&u);
}

static void what_the_kernel_gave_back_is_usable_again(void)
{
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL) && is(hog_take(names[1], 7), 0)) {
		is(set_named(&u, 7), -EBUSY);
		is(hog_leave(), 0);
		/* While it is bound what was found out stands. */
		is(set_named(&u, 7), -EBUSY);
		device_unbind(&u, 1);
		device_bind(&u, 1);
		is(set_named(&u, 7), 0);
		is(write_by(&u, 0, 7), 0);
		is(write_by(&u, 1, 7), 0);
		/* Now it is the kernel that has to wait. */
		is(hog_take(names[1], 7), -EBUSY);
		is(write_by(&u, 1, 7), 0);
	}
	user_close(&u);
}

static void a_host_wide_number_of_the_kernel_is_busy_and_all_undone(void)
{
	uint32_t vpasid = 5, wire = 0;
	struct user u;

	if (user_open(&u, IOASID_MODE_GLOBAL) && is(hog_take(names[1], host_split), 0)) {
		is(set_hwid(&u, &vpasid, &wire), -EBUSY);
		is(info_of(&u).nr_routes, 0);
		is(info_of(&u).ids_live, 0);
		is(info_of(&u).ids_pending, 0);
		is(info_of(&u).no_migration & IOASID_NOMIG_EXPOSED, 0);
		is(write_by(&u, 0, 5), IOASID_REASON_NO_ROUTE);
		is(write_by(&u, 0, host_split), IOASID_REASON_NO_ROUTE);
		is(write_by(&u, 1, 5), IOASID_REASON_NO_ROUTE);
		/* The next attempt takes another number. */
		is(set_hwid(&u, &vpasid, &wire), 0);
		is(wire, host_split + 1);
		is(write_by(&u, 0, 5), 0);
		is(write_by(&u, 1, 5), 0);
		is(write_by(&u, 0, wire), 0);
		is(write_by(&u, 1, wire), 0);
		is(info_of(&u).ids_live, 1);
		/* What was refused for one device is not lost for the other. */
		is(ioasid_dev_detach_pasid(u.dev[1], u.space), 0);
		vpasid = 6;
		is(set_hwid(&u, &vpasid, &wire), 0);
		is(wire, host_split);
		is(write_by(&u, 0, host_split), 0);
		is(hog_leave(), 0);
	}
	user_close(&u);
}

static void without_a_split_too(void)
{
	uint32_t vpasid = 0, wire = 0;
	struct user u;

	if (user_open(&u, IOASID_MODE_GLOBAL) && is(ioasid_hwid_set_global_min(u.ctx, 1), 0) &&
	    is(hog_take(names[0], host_split), 0)) {
		is(set_hwid(&u, &vpasid, &wire), -EBUSY);
		is(info_of(&u).ids_live, 0);
		is(write_by(&u, 1, host_split), IOASID_REASON_NO_ROUTE);
		is(set_hwid(&u, &vpasid, &wire), 0);
		is(vpasid, host_split + 1);
		is(wire, host_split + 1);
		is(write_by(&u, 0, wire), 0);
		is(write_by(&u, 1, wire), 0);
		is(hog_leave(), 0);
		/* Given back, and found out anew by a device that is bound anew. */
		device_unbind(&u, 0);
		device_bind(&u, 0);
		vpasid = wire = 0;
		is(set_hwid(&u, &vpasid, &wire), 0);
		is(wire, host_split);
		is(write_by(&u, 0, wire), 0);
	}
	user_close(&u);
}

/* ---- numbers of a driver ------------------------------------------------------------------------------------- */

/* In place of device 0 as a whole: a slice of it. */
static bool slice_open(struct user *u)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.dev_class = IOASID_CLASS_MDEV_PASID,
		.group = IOASID_SIM_NONE,
		.parent = u->device[0],
		.name = "numbers-slice",
	};

	device_unbind(u, 0);
	if (!is(command(IOASID_SIM_DEVICE_CREATE, &d), 0))
		return false;
	u->device[0] = d.device;
	return is(ioasid_dev_open(u->ctx, d.name, &u->dev[0]), 0);
}

/*
 * The host's driver goes on using its device, its DMA and PASIDs of its own, while slices have users;
 * what is the kernel's is never a slice's. It is what keeps the whole from being bound.
 */
static void slices_live_beside_the_kernels_numbers(void)
{
	struct ioasid_dev *whole;
	uint32_t vpasid = 0;
	struct user u;

	if (user_open(&u, IOASID_MODE_LOCAL) && slice_open(&u) && is(hog_take(names[0], 1), 0)) {
		is(ioasid_dev_bind(u.dev[0], u.ctx, 1), 0);
		is(ioasid_dev_attach(u.dev[0], u.space, 0), 0);
		is(write_by(&u, 0, IOASID_SIM_NONE), 0);
		is(ioasid_dev_attach_pasid(u.dev[0], u.space, 0, 0), 0);
		is(set_hwid(&u, &vpasid, NULL), 0);
		/* 1 is the kernel's; the default PASID and the route are behind it. */
		is(write_by(&u, 0, 1), IOASID_REASON_NOT_PRESENT);
		is(write_by(&u, 0, 2), 0);
		is(write_by(&u, 0, 3), 0);
		is(write_by(&u, 0, 4), IOASID_REASON_NO_ROUTE);
		device_unbind(&u, 0);
		is(write_by(&u, 0, 2), IOASID_REASON_NO_ROUTE);
		is(ioasid_dev_open(u.ctx, names[0], &whole), 0);
		is(ioasid_dev_bind(whole, u.ctx, 1), -EBUSY);
		is(hog_leave(), 0);
		is(ioasid_dev_bind(whole, u.ctx, 1), 0);
		ioasid_dev_close(whole);
	}
	user_close(&u);
}

static void what_a_driver_keeps_is_never_a_users(void)
{
	uint32_t vpasid = 0;
	struct user u;

	yes(driver_keeps(1, 9));
	if (user_open(&u, IOASID_MODE_LOCAL)) {
		is(set_named(&u, 1), -EBUSY);
		is(set_named(&u, 9), -EBUSY);
		is(set_hwid(&u, &vpasid, NULL), 0);
		is(vpasid, 10);
		is(write_by(&u, 0, 10), 0);
		is(ioasid_dev_detach_pasid(u.dev[0], u.space), 0);
		is(ioasid_dev_attach_pasid(u.dev[0], u.space, 5, 0), -EBUSY);
		is(info_of(&u).nr_routes, 1);
	}
	user_close(&u);
	yes(driver_keeps(0, 0));
}

static void host_wide_numbers_go_round_what_drivers_keep(void)
{
	uint32_t vpasid = 5, wire = 0;
	struct user u;

	yes(driver_keeps(host_split, host_split + 99));
	if (user_open(&u, IOASID_MODE_GLOBAL)) {
		is(set_hwid(&u, &vpasid, &wire), 0);
		is(wire, host_split + 100);
		is(write_by(&u, 0, wire), 0);
		is(write_by(&u, 1, wire), 0);
		is(write_by(&u, 1, 5), 0);
	}
	user_close(&u);
	yes(driver_keeps(0, 0));
}

static void a_range_that_makes_no_sense_is_refused(void)
{
	struct ioasid_sim_iommu c = { .argsz = sizeof(c) };
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_SIM_NONE,
		.name = "numbers0",
	};
	struct ioasid_sim_object o = { .argsz = sizeof(o) };

	is(command(IOASID_SIM_IOMMU_CREATE, &c), 0);
	d.iommu = c.iommu;
	yes(driver_keeps(0, 9));
	is(command(IOASID_SIM_DEVICE_CREATE, &d), -EINVAL);
	yes(driver_keeps(10, 9));
	is(command(IOASID_SIM_DEVICE_CREATE, &d), -EINVAL);
	yes(driver_keeps(0, 0));
	is(command(IOASID_SIM_DEVICE_CREATE, &d), 0);
	o.id = c.iommu;
	is(command(IOASID_SIM_IOMMU_DESTROY, &o), 0);
}

int main(int argc, char **argv)
{
	setbuf(stdout, NULL);
	sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	host_split = parameter_get("/sys/module/ioasid/parameters/host_split");
	if (argc != 2 || sim < 0 || !host_split) {
		printf("1..0 # SKIP %s, module %s, host_split %u\n", strerror(errno),
		       argc == 2 ? argv[1] : "not named", host_split);
		return 1;
	}
	hog_module = argv[1];
	CASE(any_passes_over_what_the_kernel_uses);
	CASE(a_number_of_the_kernel_is_busy_now_and_later);
	CASE(attach_finds_out_what_the_kernel_uses_too);
	CASE(a_device_whose_numbers_the_kernel_uses_is_not_bound);
	CASE(what_the_kernel_gave_back_is_usable_again);
	CASE(a_host_wide_number_of_the_kernel_is_busy_and_all_undone);
	CASE(without_a_split_too);
	CASE(slices_live_beside_the_kernels_numbers);
	CASE(what_a_driver_keeps_is_never_a_users);
	CASE(host_wide_numbers_go_round_what_drivers_keep);
	CASE(a_range_that_makes_no_sense_is_refused);
	return test_done();
}
