// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A user whose memory does not come (a page of userfaultfd that nobody fills) must not keep a device
 * from being taken away.
 *
 *   hostage              MAP waits for the page; a software device is unplugged meanwhile
 *   hostage FUNCTION     read() of a PCI function waits for it; the function is unbound meanwhile
 *
 * Exit status 0: it went before the page came; 1: only afterwards.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/ioasid.h>
#include <linux/ioasid_pci.h>
#include <linux/ioasid_sim.h>

#define PAGE	      4096UL
#define WAIT_SECONDS  5
#define CONFIG_OFFSET ((off_t)IOASID_PCI_REGION_CONFIG << 40)

static int ctx, dev, uffd;
static uint8_t *page;
static uint32_t ioasid;
static atomic_bool came;

/* ---- memory that does not come ----------------------------------------------------------------- */

static int page_withhold(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)page;
	reg.range.len = PAGE;
	return ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg);
}

static void *page_give(void *arg)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, PAGE } };

	(void)arg;
	sleep(WAIT_SECONDS);
	atomic_store(&came, true);
	ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	return NULL;
}

/* ---- the two ways to wait for it ------------------------------------------------------------------ */

static void *wait_in_map(void *arg)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = IOASID_MAP_READ,
		.ioasid = ioasid,
		.vaddr = (uintptr_t)page,
		.length = PAGE,
	};

	(void)arg;
	ioctl(ctx, IOASID_MAP_DMA, &m);
	return NULL;
}

static void *wait_in_read(void *arg)
{
	(void)arg;
	if (pread(dev, page, 4, CONFIG_OFFSET) < 0)
		perror("# read");
	return NULL;
}

/* ---- the two ways to take the device away ----------------------------------------------------------- */

static int sim = -1;
static struct ioasid_sim_object sim_device = { .argsz = sizeof(sim_device) };

static int sim_make(const char *name)
{
	struct ioasid_sim_iommu i = { .argsz = sizeof(i) };
	struct ioasid_sim_device d = { .argsz = sizeof(d),
				       .dev_class = IOASID_CLASS_PDEV,
				       .group = IOASID_SIM_NONE };

	snprintf(d.name, sizeof(d.name), "%s", name);
	sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	if (sim < 0 || ioctl(sim, IOASID_SIM_IOMMU_CREATE, &i))
		return -1;
	d.iommu = i.iommu;
	if (ioctl(sim, IOASID_SIM_DEVICE_CREATE, &d))
		return -1;
	sim_device.id = d.device;
	return 0;
}

static int take_away(const char *function)
{
	int fd, rc;

	if (!function)
		return ioctl(sim, IOASID_SIM_DEVICE_DESTROY, &sim_device);
	fd = open("/sys/bus/pci/drivers/ioasid-pci/unbind", O_WRONLY | O_CLOEXEC);
	rc = write(fd, function, strlen(function)) < 0;
	close(fd);
	return rc;
}

static int bind_device(const char *name)
{
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };
	struct ioasid_dev_bind b = { .argsz = sizeof(b), .cookie = 1 };
	char path[128];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%s", name);
	ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	dev = open(path, O_RDWR | O_CLOEXEC);
	b.ioasid_fd = ctx;
	if (ioctl(dev, IOASID_DEV_BIND_IOASID_FD, &b) || ioctl(ctx, IOASID_ALLOC, &a))
		return -1;
	ioasid = a.ioasid;
	return 0;
}

int main(int argc, char **argv)
{
	const char *function = argc > 1 ? argv[1] : NULL;
	pthread_t waiter, giver;
	bool late;

	if ((!function && sim_make("hostage")) || bind_device(function ? function : "hostage") ||
	    page_withhold()) {
		perror("# hostage");
		return 1;
	}
	pthread_create(&waiter, NULL, function ? wait_in_read : wait_in_map, NULL);
	pthread_create(&giver, NULL, page_give, NULL);
	usleep(500000);
	if (take_away(function))
		perror("# taking it away");
	late = atomic_load(&came);
	pthread_join(waiter, NULL);
	pthread_join(giver, NULL);
	return late;
}
