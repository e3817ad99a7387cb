// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A function of ioasid-pci.ko in the hands of a program. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pci_dev.h"

int pci_open(struct pci_dev *p, struct ioasid *ctx, const char *name, uint64_t cookie)
{
	int rc;

	*p = (struct pci_dev){ .name = name, .fd = -1 };
	rc = ioasid_dev_open(ctx, name, &p->dev);
	if (rc)
		return rc;
	p->fd = ioasid_dev_fd(p->dev);
	rc = ioasid_dev_bind(p->dev, ctx, cookie);
	if (rc)
		pci_close(p);
	return rc;
}

void pci_close(struct pci_dev *p)
{
	ioasid_dev_close(p->dev);
	p->dev = NULL;
	p->fd = -1;
}

/* ---- regions ------------------------------------------------------------------------------------------ */

int pci_region(struct pci_dev *p, uint32_t index, struct ioasid_dev_region *region)
{
	*region = (struct ioasid_dev_region){ .argsz = sizeof(*region), .index = index };
	return ioasid_dev_command(p->dev, IOASID_DEV_GET_REGION, region);
}

void *pci_map(struct pci_dev *p, uint32_t index, uint64_t start, uint64_t length)
{
	struct ioasid_dev_region region;
	void *at;

	if (pci_region(p, index, &region))
		return NULL;
	at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd,
		  (off_t)(region.offset + start));
	return at == MAP_FAILED ? NULL : at;
}

long pci_peek(struct pci_dev *p, uint32_t index, uint64_t pos, void *buf, size_t size)
{
	struct ioasid_dev_region region;
	ssize_t n;

	if (pci_region(p, index, &region))
		return -ENXIO;
	n = pread(p->fd, buf, size, (off_t)(region.offset + pos));
	return n < 0 ? -errno : n;
}

long pci_poke(struct pci_dev *p, uint32_t index, uint64_t pos, const void *buf, size_t size)
{
	struct ioasid_dev_region region;
	ssize_t n;

	if (pci_region(p, index, &region))
		return -ENXIO;
	n = pwrite(p->fd, buf, size, (off_t)(region.offset + pos));
	return n < 0 ? -errno : n;
}

/* ---- configuration space -------------------------------------------------------------------------------- */

uint32_t cfg_read(struct pci_dev *p, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;

	return pci_peek(p, IOASID_PCI_REGION_CONFIG, pos, &value, size) == size ? value :
										  0xdeadbeef;
}

int cfg_write(struct pci_dev *p, unsigned int pos, unsigned int size, uint32_t value)
{
	long n = pci_poke(p, IOASID_PCI_REGION_CONFIG, pos, &value, size);

	return n < 0 ? (int)n : n == size ? 0 : -EIO;
}

uint32_t cfg_real(const char *name, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &value, size, pos) != size)
		value = 0xdeadbeef;
	if (fd >= 0)
		close(fd);
	return value;
}

unsigned int cfg_find_cap(struct pci_dev *p, unsigned int id)
{
	unsigned int pos = cfg_read(p, 0x34, 1), left = 48;

	while (pos && left--) {
		if (cfg_read(p, pos, 1) == id)
			return pos;
		pos = cfg_read(p, pos + 1, 1);
	}
	return 0;
}

int pci_bus_master(struct pci_dev *p, bool on)
{
	return cfg_write(p, 4, 2, on ? 0x0006 : 0x0002);
}

/* ---- interrupts ------------------------------------------------------------------------------------------- */

int pci_irq(struct pci_dev *p, uint32_t type, const int *fds, unsigned int n)
{
	struct ioasid_pci_irq irq = { .argsz = sizeof(irq), .flags = IOASID_PCI_IRQ_OFF };

	if (n) {
		irq.flags = 0;
		irq.type = type;
		irq.count = n;
		irq.fds = (uintptr_t)fds;
	}
	return ioasid_dev_command(p->dev, IOASID_PCI_SET_IRQ, &irq);
}

int pci_mask_intx(struct pci_dev *p, bool masked)
{
	struct ioasid_pci_mask mask = { .argsz = sizeof(mask), .masked = masked };

	return ioasid_dev_command(p->dev, IOASID_PCI_MASK_INTX, &mask);
}

uint64_t event_wait(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&pfd, 1, ms) != 1 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

/* ---- small things ------------------------------------------------------------------------------------------- */

void *pages(unsigned long n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static sigjmp_buf touch_jump;

static void on_sigbus(int sig)
{
	siglongjmp(touch_jump, sig);
}

bool touch_dies(volatile uint32_t *p)
{
	struct sigaction now = { .sa_handler = on_sigbus }, before;
	bool dies = false;

	sigaction(SIGBUS, &now, &before);
	if (sigsetjmp(touch_jump, 1))
		dies = true;
	else
		(void)*p;
	sigaction(SIGBUS, &before, NULL);
	return dies;
}

bool have_vtd(void)
{
	return !access("/sys/class/iommu/dmar0", F_OK);
}

/* Newer kernels print the domain as well. */
unsigned int dmar_faults(const char *name)
{
	static const char mark[] = "Request device [";
	static char log[1 << 20];
	size_t domain = strlen("0000:"), rest = strlen(name) - domain;
	const char *at = log;
	unsigned int n = 0;
	int length = klogctl(3, log, sizeof(log) - 1);

	log[length < 0 ? 0 : length] = 0;
	while ((at = strstr(at, mark))) {
		at += sizeof(mark) - 1;
		if (!strncmp(at, name, domain))
			at += domain;
		n += !strncmp(at, name + domain, rest) && at[rest] == ']';
	}
	return n;
}

int sysfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
