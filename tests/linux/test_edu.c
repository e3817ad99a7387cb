// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-pci.ko under a user-space driver of QEMU's educational device.
 *
 *   test_edu EDU OTHER MEMBER MEMBER: function names. OTHER is an edu in another group, the MEMBERs
 *   share one
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "edu.h"

#define IOVA_A 0x100000ULL
#define IOVA_B 0x200000ULL
#define DRIVER "/sys/bus/pci/drivers/ioasid-pci"

static const char *name, *other_name, *member_names[2];

/* ---- what a case starts from ----------------------------------------------------------------------------- */

static struct {
	struct ioasid *ctx;
	uint32_t ioas;
	struct edu edu;
	uint8_t *a, *b;
} t;

static void teardown(void);

/* After a case that failed half way, it takes away what that left. */
static bool setup(void)
{
	if (t.ctx)
		teardown();
	t.a = pages(2);
	t.b = pages(2);
	return is(ioasid_open(CTX_PATH, &t.ctx), 0) && is(edu_open(&t.edu, t.ctx, name, 7), 0) &&
	       is(ioasid_alloc_kernel(t.ctx, &t.ioas), 0) &&
	       is(ioasid_map(t.ctx, t.ioas, IOVA_A, (uintptr_t)t.a, 2 * PAGE, RW), 0) &&
	       is(ioasid_map(t.ctx, t.ioas, IOVA_B, (uintptr_t)t.b, 2 * PAGE, RW), 0) &&
	       is(ioasid_dev_attach(t.edu.pci.dev, t.ioas, 0), 0);
}

static void teardown(void)
{
	if (t.edu.pci.dev)
		edu_close(&t.edu);
	ioasid_close(t.ctx);
	munmap(t.a, 2 * PAGE);
	munmap(t.b, 2 * PAGE);
	memset(&t, 0, sizeof(t));
}

static int pci_info(struct ioasid_pci_info *info)
{
	*info = (struct ioasid_pci_info){ .argsz = sizeof(*info) };
	return ioasid_dev_command(t.edu.pci.dev, IOASID_PCI_GET_INFO, info);
}

/* ---- what it says of itself --------------------------------------------------------------------------------- */

static void information(void)
{
	struct ioasid_device_info info = { 0 };
	struct ioasid_dev_region region;
	struct ioasid_pci_info pci;
	unsigned int i;

	if (!setup())
		return;
	is(ioasid_dev_get_info(t.edu.pci.dev, &info), 0);
	is(info.dev_class, IOASID_CLASS_PDEV);
	is(info.cookie, 7);
	is(info.default_ioasid, t.ioas);
	is(info.caps & (IOASID_DEV_PASID | IOASID_DEV_ATS | IOASID_DEV_PRI | IOASID_DEV_BLOCKED),
	   0);
	is(info.nr_regions, IOASID_PCI_NR_REGIONS);
	for (i = 0; i < IOASID_PCI_NR_REGIONS; i++) {
		is(pci_region(&t.edu.pci, i, &region), 0);
		is(region.size, i == 0 ? EDU_BAR_SIZE : i == IOASID_PCI_REGION_CONFIG ? 256 : 0);
		is(!!(region.region_flags & IOASID_REGION_MMAP), i == 0);
	}
	is(pci_region(&t.edu.pci, i, &region), -EINVAL);
	is(pci_info(&pci), 0);
	is(pci.nr_irqs[IOASID_PCI_IRQ_INTX], 1);
	is(pci.nr_irqs[IOASID_PCI_IRQ_MSI], 1);
	is(pci.nr_irqs[IOASID_PCI_IRQ_MSIX], 0);
	is(pci.irq_type, IOASID_INVALID);
	teardown();
}

static void refused(int cmd, void *arg, int want, int line)
{
	int rc = ioctl(t.edu.pci.fd, (unsigned long)cmd, arg) ? -errno : 0;

	check_that(rc == want, rc, "command refused as the rules say", __FILE__, line);
}
#define refuse(cmd, arg, want) refused(cmd, arg, want, __LINE__)

static void rules_of_the_abi(void)
{
	struct {
		struct ioasid_pci_irq irq;
		uint64_t more[2];
	} a = { .irq = { .argsz = sizeof(a.irq), .count = 1 } };
	struct ioasid_pci_mask mask = { .argsz = sizeof(mask) };
	int none = -1, bad = 12345, pipes[2];

	if (!setup() || !is(pipe(pipes), 0))
		return;
	a.irq.fds = (uintptr_t)&none;
	a.irq.argsz = sizeof(a.irq) - 1;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.argsz = sizeof(a);
	a.more[1] = 1;
	refuse(IOASID_PCI_SET_IRQ, &a, -E2BIG);
	a.more[1] = 0;
	a.irq.argsz = 2 * PAGE;
	refuse(IOASID_PCI_SET_IRQ, &a, -E2BIG);
	a.irq.argsz = sizeof(a);
	a.irq.flags = 0x80000000;
	refuse(IOASID_PCI_SET_IRQ, &a, -EOPNOTSUPP);
	a.irq.flags = 0;
	a.irq.__reserved = 1;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.__reserved = 0;
	a.irq.type = IOASID_PCI_NR_IRQ_TYPES;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.type = IOASID_PCI_IRQ_MSI;
	a.irq.count = 0;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.count = 0xffffffff;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.start = 1;
	a.irq.count = 1;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.start = 0;
	a.irq.fds = (uintptr_t)&bad;
	refuse(IOASID_PCI_SET_IRQ, &a, -EBADF);
	a.irq.fds = (uintptr_t)&pipes[0];
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	a.irq.fds = 8;
	refuse(IOASID_PCI_SET_IRQ, &a, -EFAULT);
	a.irq.fds = (uintptr_t)&none;
	a.irq.flags = IOASID_PCI_IRQ_OFF;
	refuse(IOASID_PCI_SET_IRQ, &a, -EINVAL);
	refuse(IOASID_PCI_SET_IRQ, (void *)8, -EFAULT);
	refuse(IOASID_PCI_MASK_INTX, &mask, -EINVAL);
	mask.masked = 2;
	refuse(IOASID_PCI_MASK_INTX, &mask, -EINVAL);
	refuse(_IO(IOASID_IOC_TYPE, IOASID_PCI_IOC_BASE + 3), &mask, -ENOTTY);
	refuse(_IO('V', IOASID_PCI_IOC_BASE), &mask, -ENOTTY);
	/* After all that one that is right, larger than known. */
	a.irq.flags = 0;
	refuse(IOASID_PCI_SET_IRQ, &a, 0);
	a.irq.type = IOASID_PCI_IRQ_INTX;
	refuse(IOASID_PCI_SET_IRQ, &a, -EBUSY);
	close(pipes[0]);
	close(pipes[1]);
	teardown();
}

static void only_the_owner_gets_in(void)
{
	struct ioasid_dev *second = NULL;
	struct ioasid_pci_info info = { .argsz = sizeof(info) };
	struct ioasid_dev_region region;
	uint32_t id;
	int fd;

	if (!setup() || !is(ioasid_dev_open(t.ctx, name, &second), 0))
		return;
	fd = ioasid_dev_fd(second);
	is(ioasid_dev_bind(second, t.ctx, 8), -EBUSY);
	is(ioasid_dev_command(second, IOASID_PCI_GET_INFO, &info), -EINVAL);
	is(pci_region(&t.edu.pci, 0, &region), 0);
	is(pread(fd, &id, 4, (off_t)region.offset), -1);
	yes(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)region.offset) == MAP_FAILED);
	ioasid_dev_close(second);
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	teardown();
}

/* ---- registers ------------------------------------------------------------------------------------------------- */

static void registers(void)
{
	static uint8_t buffer[0x20000];
	struct ioasid_dev_region region;
	uint32_t value = 0x12345678;
	int fd;

	if (!setup())
		return;
	fd = t.edu.pci.fd;
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	edu_write(&t.edu, EDU_REG_LIVE, value);
	is(edu_read(&t.edu, EDU_REG_LIVE), ~value);
	value = 0x0badcafe;
	is(pci_poke(&t.edu.pci, 0, EDU_REG_LIVE, &value, 4), 4);
	is(edu_read(&t.edu, EDU_REG_LIVE), ~value);
	value = 0;
	is(pci_peek(&t.edu.pci, 0, EDU_REG_ID, &value, 4), 4);
	is(value, EDU_ID);
	/* Ends and places where there is nothing. */
	is(pci_peek(&t.edu.pci, 0, EDU_BAR_SIZE, &value, 4), 0);
	is(pci_poke(&t.edu.pci, 0, EDU_BAR_SIZE, &value, 4), -EINVAL);
	is(pci_peek(&t.edu.pci, 1, 0, &value, 4), 0);
	is(pci_peek(&t.edu.pci, 0, EDU_BAR_SIZE - 2, &value, 4), 2);
	/* Of much it is a part at a time. */
	is(pci_peek(&t.edu.pci, 0, 0x80000, buffer, sizeof(buffer)), 0x10000);
	is(pci_region(&t.edu.pci, IOASID_PCI_REGION_CONFIG, &region), 0);
	is(pread(fd, &value, 4, (off_t)region.offset * 2), -1);
	/* Of mappings only those that lie in a memory BAR. */
	yes(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)region.offset) == MAP_FAILED);
	yes(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	yes(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, EDU_BAR_SIZE) == MAP_FAILED);
	yes(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, EDU_BAR_SIZE - PAGE) == MAP_FAILED);
	yes(pci_map(&t.edu.pci, 0, EDU_BAR_SIZE - PAGE, PAGE) != NULL);
	teardown();
}

static void configuration_space_is_guarded(void)
{
	struct pci_dev *p = &t.edu.pci;
	uint32_t bar, command, all[64], i;
	unsigned int msi;

	if (!setup())
		return;
	bar = cfg_real(name, 0x10, 4);
	is(cfg_read(p, 0, 4), 0x11e81234);
	is(cfg_write(p, 0, 4, 0), 0);
	is(cfg_read(p, 0, 4), 0x11e81234);
	/* A BAR is sized as ever, and is nobody's real address. */
	is(cfg_write(p, 0x10, 4, 0xffffffff), 0);
	is(cfg_read(p, 0x10, 4), (uint32_t) ~(EDU_BAR_SIZE - 1));
	is(cfg_real(name, 0x10, 4), bar);
	is(cfg_write(p, 0x10, 4, 0xfe000000), 0);
	is(cfg_read(p, 0x10, 4), 0xfe000000);
	is(cfg_read(p, 0x14, 4), 0);
	/* Bus Master goes through, the rest of the command register does not. */
	is(cfg_write(p, 4, 2, 0), 0);
	is(cfg_read(p, 4, 2), 0);
	command = cfg_real(name, 4, 2);
	is(command & 6, 2);
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	is(cfg_write(p, 4, 1, 4), 0);
	is(cfg_real(name, 4, 2), command | 4);
	is(cfg_write(p, 4, 4, 0xffffffff), 0);
	is(cfg_real(name, 4, 2), command | 4);
	/* MSI control, address and data stay the host's. */
	msi = cfg_find_cap(p, 5);
	if (yes(msi)) {
		uint32_t control = cfg_real(name, msi + 2, 2);

		is(cfg_write(p, msi + 2, 2, 1), 0);
		is(cfg_read(p, msi + 2, 2) & 1, 1);
		is(cfg_write(p, msi + 4, 4, 0xfee00000), 0);
		is(cfg_write(p, msi + 12, 2, 0x41), 0);
		is(cfg_real(name, msi + 2, 2), control);
		yes(cfg_real(name, msi + 12, 2) != 0x41);
	}
	/* Any write anywhere: reads back, or does not, and nothing of it arrives. */
	for (i = 0; i < 64; i++)
		all[i] = i == 1 ? 0 : cfg_real(name, 4 * i, 4);
	for (i = 0; i < 64; i++)
		is(cfg_write(p, 4 * i, 4, 0xffffffff), 0);
	for (i = 2; i < 64; i++)
		is(cfg_real(name, 4 * i, 4), all[i]);
	is(cfg_write(p, 255, 1, 1), 0);
	is(pci_poke(p, IOASID_PCI_REGION_CONFIG, 256, &bar, 4), -EINVAL);
	teardown();
	/* Nothing of it is left for the next user, and nobody is bus master. */
	is(cfg_real(name, 4, 2) & 4, 0);
	if (!setup())
		return;
	is(cfg_read(&t.edu.pci, 0x10, 4), 0);
	teardown();
}

/* ---- DMA -------------------------------------------------------------------------------------------------------- */

static void dma_both_ways(void)
{
	if (!setup())
		return;
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	yes(edu_copies(&t.edu, IOVA_B + PAGE, t.b + PAGE, IOVA_A, t.a));
	teardown();
}

static void unmapped_access_is_blocked(void)
{
	if (!setup())
		return;
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	is(ioasid_unmap(t.ctx, t.ioas, IOVA_B, 2 * PAGE, NULL), 0);
	yes(edu_is_blocked(&t.edu, IOVA_B, t.b, true));
	/* A read-only mapping is not written to. */
	is(ioasid_map(t.ctx, t.ioas, IOVA_B, (uintptr_t)t.b, PAGE, IOASID_MAP_READ), 0);
	yes(edu_is_blocked(&t.edu, IOVA_B, t.b, false));
	is(edu_dma(&t.edu, IOVA_B, EDU_MAX, true), 0);
	is(edu_dma(&t.edu, IOVA_A, EDU_MAX, false), 0);
	is(memcmp(t.a, t.b, EDU_MAX), 0);
	/* The memory's own address means nothing. */
	yes(edu_is_blocked(&t.edu, (uintptr_t)t.b & 0xffff000, t.b, false));
	teardown();
}

static void detached_or_not_master_is_blocked(void)
{
	if (!setup())
		return;
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	is(pci_bus_master(&t.edu.pci, false), 0);
	yes(edu_is_blocked(&t.edu, IOVA_B, t.b, false));
	is(pci_bus_master(&t.edu.pci, true), 0);
	is(ioasid_dev_detach(t.edu.pci.dev, t.ioas), 0);
	yes(edu_is_blocked(&t.edu, IOVA_B, t.b, false));
	is(ioasid_dev_attach(t.edu.pci.dev, t.ioas, 0), 0);
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	teardown();
}

/* ---- interrupts --------------------------------------------------------------------------------------------------- */

static void interrupts_by_msi(void)
{
	int fd = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC), none = -1;
	struct ioasid_pci_info info;

	if (!setup())
		return;
	is(pci_irq(&t.edu.pci, IOASID_PCI_IRQ_MSI, &fd, 1), 0);
	is(pci_info(&info), 0);
	is(info.irq_type, IOASID_PCI_IRQ_MSI);
	is(info.nr_enabled, 1);
	edu_write(&t.edu, EDU_REG_IRQ_RAISE, 1);
	is(event_wait(fd, 5000), 1);
	is(edu_read(&t.edu, EDU_REG_IRQ_STATUS), 1);
	edu_write(&t.edu, EDU_REG_IRQ_ACK, 1);
	/* Another eventfd in place of the first, then none. */
	is(pci_irq(&t.edu.pci, IOASID_PCI_IRQ_MSI, &second, 1), 0);
	edu_write(&t.edu, EDU_REG_IRQ_RAISE, 1);
	is(event_wait(second, 5000), 1);
	edu_write(&t.edu, EDU_REG_IRQ_ACK, 1);
	is(pci_irq(&t.edu.pci, IOASID_PCI_IRQ_MSI, &none, 1), 0);
	edu_write(&t.edu, EDU_REG_IRQ_RAISE, 1);
	edu_write(&t.edu, EDU_REG_IRQ_ACK, 1);
	is(event_wait(fd, 100) + event_wait(second, 100), 0);
	is(pci_irq(&t.edu.pci, 0, NULL, 0), 0);
	is(pci_info(&info), 0);
	is(info.irq_type, IOASID_INVALID);
	close(fd);
	close(second);
	teardown();
}

static void interrupts_by_intx(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (!setup())
		return;
	is(pci_irq(&t.edu.pci, IOASID_PCI_IRQ_INTX, &fd, 1), 0);
	edu_write(&t.edu, EDU_REG_IRQ_RAISE, 1);
	is(event_wait(fd, 5000), 1);
	/* Masked by the first; the line stays up. */
	is(event_wait(fd, 100), 0);
	is(pci_mask_intx(&t.edu.pci, false), 0);
	is(event_wait(fd, 5000), 1);
	edu_write(&t.edu, EDU_REG_IRQ_ACK, 1);
	is(pci_mask_intx(&t.edu.pci, false), 0);
	is(event_wait(fd, 100), 0);
	/* Masked by the user: it comes when it is unmasked. */
	is(pci_mask_intx(&t.edu.pci, true), 0);
	edu_write(&t.edu, EDU_REG_IRQ_RAISE, 1);
	is(event_wait(fd, 100), 0);
	is(pci_mask_intx(&t.edu.pci, false), 0);
	is(event_wait(fd, 5000), 1);
	/* Off with the line up: nothing of it is left behind. */
	is(pci_irq(&t.edu.pci, 0, NULL, 0), 0);
	edu_write(&t.edu, EDU_REG_IRQ_ACK, 1);
	close(fd);
	teardown();
}

/* ---- ends ------------------------------------------------------------------------------------------------------------ */

/* Did the page of the mapping have to be brought in? */
static long faults_of_a_touch(void)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

static void reset_forgets_and_keeps_routes(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct ioasid_pci_info info;

	if (!setup())
		return;
	is(pci_irq(&t.edu.pci, IOASID_PCI_IRQ_MSI, &fd, 1), 0);
	(void)faults_of_a_touch();
	is(faults_of_a_touch(), 0);
	is(ioasid_dev_reset(t.edu.pci.dev), 0);
	is(pci_info(&info), 0);
	is(info.irq_type, IOASID_INVALID);
	is(cfg_read(&t.edu.pci, 4, 2), 0);
	is(cfg_real(name, 4, 2) & 4, 0);
	/* The mapping was revoked and comes back by itself. */
	is(faults_of_a_touch(), 1);
	is(faults_of_a_touch(), 0);
	is(pci_bus_master(&t.edu.pci, true), 0);
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	close(fd);
	teardown();
}

static void mappings_end_with_the_binding(void)
{
	volatile uint8_t *bar;

	/* The device's descriptor is closed: the mapping keeps the file, so it is the context's end. */
	if (!setup())
		return;
	bar = t.edu.bar;
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	ioasid_close(t.ctx);
	yes(touch_dies((volatile uint32_t *)bar));
	is(ioasid_dev_reset(t.edu.pci.dev), -ENODEV);
	is(ioasid_open(CTX_PATH, &t.ctx), 0);
	/* A dead descriptor is not bound again; a new one brings its own mappings. */
	is(ioasid_dev_bind(t.edu.pci.dev, t.ctx, 7), -ENODEV);
	yes(touch_dies((volatile uint32_t *)bar));
	teardown();
	if (!setup())
		return;
	is(edu_read(&t.edu, EDU_REG_ID), EDU_ID);
	teardown();
}

static void unbound_from_its_driver(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct ioasid_pci_info info;

	if (!setup())
		return;
	is(ioasid_dev_set_eventfd(t.edu.pci.dev, IOASID_DEV_EVENT_REMOVAL, fd), 0);
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	is(event_wait(fd, 0), 0);
	is(sysfs_write(DRIVER "/unbind", name), 0);
	yes(event_wait(fd, 5000) > 0);
	yes(touch_dies((volatile uint32_t *)t.edu.bar));
	is(pci_info(&info), -ENODEV);
	is(ioasid_dev_reset(t.edu.pci.dev), -ENODEV);
	is(cfg_real(name, 4, 2) & 4, 0);
	/* While the old node is still open a new one takes its place. */
	is(sysfs_write(DRIVER "/bind", name), 0);
	teardown();
	close(fd);
	if (!setup())
		return;
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	teardown();
}

/* Pulled out under its user, and plugged in again: a new function under the old name. */
static void removed_from_the_bus(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	char path[128];

	if (!setup())
		return;
	is(ioasid_dev_set_eventfd(t.edu.pci.dev, IOASID_DEV_EVENT_REMOVAL, fd), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", name);
	is(sysfs_write(path, "1"), 0);
	yes(event_wait(fd, 5000) > 0);
	yes(touch_dies((volatile uint32_t *)t.edu.bar));
	is(ioasid_dev_reset(t.edu.pci.dev), -ENODEV);
	is(ioasid_unmap(t.ctx, t.ioas, IOVA_A, 2 * PAGE, NULL), 0);
	is(sysfs_write("/sys/bus/pci/rescan", "1"), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", name);
	is(sysfs_write(path, "ioasid-pci"), 0);
	is(sysfs_write("/sys/bus/pci/drivers_probe", name), 0);
	teardown();
	close(fd);
	if (!setup())
		return;
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	teardown();
}

/* Lets go as soon as it is asked to. */
static int polite_user(int ready)
{
	int removal = eventfd(0, EFD_CLOEXEC);

	if (!setup())
		return 1;
	if (!is(ioasid_dev_set_eventfd(t.edu.pci.dev, IOASID_DEV_EVENT_REMOVAL, removal), 0) ||
	    write(ready, "", 1) != 1 || !event_wait(removal, 10000))
		return 1;
	is(pci_bus_master(&t.edu.pci, false), 0);
	teardown();
	return check_failed;
}

static void a_user_may_let_go_in_time(void)
{
	int pipes[2], status = -1;
	pid_t pid;
	char byte;

	if (!is(pipe(pipes), 0))
		return;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(polite_user(pipes[1]));
	close(pipes[1]);
	is(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	is(sysfs_write(DRIVER "/unbind", name), 0);
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	is(sysfs_write(DRIVER "/bind", name), 0);
}

/* ---- groups ----------------------------------------------------------------------------------------------------------- */

static void a_group_moves_together(void)
{
	struct ioasid_device_info info[2] = { { 0 }, { 0 } };
	struct edu e[2] = { 0 };
	struct ioasid *ctx = NULL, *stranger = NULL;
	uint8_t *a = pages(1), *b = pages(1);
	uint32_t ioas, second;

	is(ioasid_open(CTX_PATH, &ctx), 0);
	is(ioasid_open(CTX_PATH, &stranger), 0);
	is(ioasid_alloc_kernel(ctx, &ioas), 0);
	is(ioasid_alloc_kernel(ctx, &second), 0);
	is(ioasid_map(ctx, ioas, IOVA_A, (uintptr_t)a, PAGE, RW), 0);
	is(ioasid_map(ctx, ioas, IOVA_B, (uintptr_t)b, PAGE, RW), 0);
	if (!is(edu_open(&e[0], ctx, member_names[0], 1), 0))
		return;
	is(ioasid_dev_attach(e[0].pci.dev, ioas, 0), 0);
	is(ioasid_dev_get_info(e[0].pci.dev, &info[0]), 0);
	/* The other member is nobody's: all of them are blocked. */
	is(info[0].caps & IOASID_DEV_BLOCKED, IOASID_DEV_BLOCKED);
	yes(!edu_copies(&e[0], IOVA_A, a, IOVA_B, b));
	is(edu_open(&e[1], stranger, member_names[1], 1), -EBUSY);
	if (!is(edu_open(&e[1], ctx, member_names[1], 2), 0))
		return;
	is(ioasid_dev_get_info(e[1].pci.dev, &info[1]), 0);
	is(info[0].group, info[1].group);
	is(info[1].caps & IOASID_DEV_BLOCKED, 0);
	yes(edu_copies(&e[0], IOVA_A, a, IOVA_B, b));
	yes(edu_copies(&e[1], IOVA_A, a, IOVA_B, b));
	is(ioasid_dev_attach(e[1].pci.dev, second, 0), -EBUSY);
	is(ioasid_dev_attach_pasid(e[1].pci.dev, second, 5, 0), -EOPNOTSUPP);
	/* One leaves: blocked again. */
	edu_close(&e[1]);
	yes(!edu_copies(&e[0], IOVA_A, a, IOVA_B, b));
	edu_close(&e[0]);
	ioasid_close(ctx);
	ioasid_close(stranger);
}

static void functions_of_two_contexts_are_apart(void)
{
	uint8_t *a = pages(2), *b = pages(2);
	struct ioasid *other = NULL;
	struct edu e = { 0 };
	uint32_t ioas;

	if (!setup() || !is(ioasid_open(CTX_PATH, &other), 0))
		return;
	is(ioasid_alloc_kernel(other, &ioas), 0);
	is(ioasid_map(other, ioas, IOVA_A, (uintptr_t)a, 2 * PAGE, RW), 0);
	is(ioasid_map(other, ioas, IOVA_B, (uintptr_t)b, 2 * PAGE, RW), 0);
	if (!is(edu_open(&e, other, other_name, 7), 0))
		return;
	is(ioasid_dev_attach(e.pci.dev, ioas, 0), 0);
	/* The same numbers everywhere, and other memory behind them. */
	memset(b, 0x11, PAGE);
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	is(b[0], 0x11);
	memset(t.b, 0x22, PAGE);
	yes(edu_copies(&e, IOVA_A, a, IOVA_B, b));
	is(t.b[0], 0x22);
	/* One ends, the other goes on. */
	ioasid_close(other);
	yes(edu_copies(&t.edu, IOVA_A, t.a, IOVA_B, t.b));
	edu_close(&e);
	teardown();
	munmap(a, 2 * PAGE);
	munmap(b, 2 * PAGE);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	name = argv[1];
	other_name = argv[2];
	member_names[0] = argv[3];
	member_names[1] = argv[4];
	CASE(information);
	CASE(rules_of_the_abi);
	CASE(only_the_owner_gets_in);
	CASE(registers);
	CASE(configuration_space_is_guarded);
	CASE(dma_both_ways);
	CASE(unmapped_access_is_blocked);
	CASE(detached_or_not_master_is_blocked);
	CASE(interrupts_by_msi);
	CASE(interrupts_by_intx);
	CASE(reset_forgets_and_keeps_routes);
	CASE(mappings_end_with_the_binding);
	CASE(unbound_from_its_driver);
	CASE(removed_from_the_bus);
	CASE(a_user_may_let_go_in_time);
	CASE(a_group_moves_together);
	CASE(functions_of_two_contexts_are_apart);
	return test_done();
}
