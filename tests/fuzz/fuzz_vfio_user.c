// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A vfio-user client that sends anything. The input is a row of messages:
 *
 *	byte 0	1:0 descriptors that come along (0 to 3), 4:2 what they are,
 *		5 the size in the header is the real one, 6 the type is "command"
 *	byte 1	length of the message, in units of 4 bytes
 *	...	the message, header first
 *
 * The device takes RAM as the server does (sealed memory files of 64 KiB) and has BARs and a
 * configuration space that remember what is written. After each message: no pointer, no region and
 * no reply may lie outside its bounds, and no descriptor may be left.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest_ram.h"
#include "pci_config.h"
#include "vfio_user.h"

#define FUZZ_RAM_SIZE 65536
#define FUZZ_BAR_SIZE 512

struct fuzz_dev {
	struct vfio_user_dev vfio;
	struct pci_config pci;
	struct guest_ram ram;
	uint64_t mapped;
	uint8_t bar[FUZZ_BAR_SIZE];
};

static uint8_t fuzz_reply[VFIO_USER_MAX_REPLY];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(int good)
{
	if (!good)
		abort();
}

static int fuzz_read(void *opaque, unsigned int region, uint64_t offset, void *buf, size_t len)
{
	struct fuzz_dev *d = opaque;

	if (region == VFIO_USER_CONFIG)
		memcpy(buf, d->pci.bytes + offset, len);
	else
		memcpy(buf, d->bar + offset, len);
	return 0;
}

static int fuzz_write(void *opaque, unsigned int region, uint64_t offset, const void *buf,
		      size_t len)
{
	struct fuzz_dev *d = opaque;

	if (region == VFIO_USER_CONFIG)
		pci_config_write(&d->pci, offset, buf, len);
	else
		memcpy(d->bar + offset, buf, len);
	return 0;
}

static int fuzz_map(void *opaque, const struct vfio_user_dma *dma, int fd)
{
	struct fuzz_dev *d = opaque;

	if (fd < 0)
		return 0;
	return guest_ram_add(&d->ram, dma->iova, dma->size, fd, dma->offset, dma->writable);
}

static int fuzz_unmap(void *opaque, uint64_t iova, uint64_t size, bool all)
{
	struct fuzz_dev *d = opaque;

	if (!all)
		return guest_ram_remove(&d->ram, iova, size);
	guest_ram_remove_all(&d->ram);
	return 0;
}

static void fuzz_nothing(void *opaque live_unused)
{
}

static const struct vfio_user_ops fuzz_ops = {
	.region_read = fuzz_read,
	.region_write = fuzz_write,
	.dma_map = fuzz_map,
	.dma_unmap = fuzz_unmap,
	.reset = fuzz_nothing,
	.disconnect = fuzz_nothing,
};

/* RAM the server would hand to devices: every byte of it must really be there. */
static int fuzz_ram_map(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable)
{
	struct fuzz_dev *d = opaque;
	volatile uint8_t *p = ptr;

	fuzz_check(size && !(size & 4095) && !(gpa & 4095) && size <= FUZZ_RAM_SIZE);
	fuzz_check(gpa + size - 1 < 0xa0000 || gpa > 0xfffff);
	(void)p[0];
	(void)p[size - 1];
	if (writable)
		p[size - 1] = 1;
	d->mapped += size;
	return 0;
}

static void fuzz_ram_unmap(void *opaque, uint64_t gpa live_unused, uint64_t size)
{
	((struct fuzz_dev *)opaque)->mapped -= size;
}

static const struct guest_ram_ops fuzz_ram_ops = {
	.map = fuzz_ram_map,
	.unmap = fuzz_ram_unmap,
};

/* Descriptors of all sorts; -1 where none could be made. */
static int fuzz_fd(unsigned int kind)
{
	int fd;

	if (kind == 0)
		return eventfd(0, 0);
	if (kind == 1)
		return open("/dev/null", O_RDWR);
	fd = memfd_create("fuzz", MFD_ALLOW_SEALING);
	if (fd >= 0 && kind >= 3 && ftruncate(fd, FUZZ_RAM_SIZE))
		abort();
	if (fd >= 0 && kind >= 4)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	return fd;
}

static void fuzz_message(struct fuzz_dev *d, uint8_t how, uint8_t *msg, size_t len)
{
	struct vfio_user_header header;
	unsigned int nr_fds = how & 3, i;
	int fds[3], probe, n;

	if (len >= sizeof(header)) {
		memcpy(&header, msg, sizeof(header));
		if (how & 0x20)
			header.size = len;
		if (how & 0x40)
			header.flags &= ~VFIO_USER_TYPE;
		memcpy(msg, &header, sizeof(header));
	}
	probe = dup(0);
	close(probe);
	for (i = 0; i < nr_fds; i++)
		fds[i] = fuzz_fd((how >> 2) & 7);
	n = vfio_user_dev_handle(&d->vfio, msg, len, fds, nr_fds, fuzz_reply);
	fuzz_check(n <= (int)sizeof(fuzz_reply));
	fuzz_check(d->mapped == d->ram.bytes && d->ram.nr <= GUEST_RAM_REGIONS);
	if (n >= (int)sizeof(header)) {
		memcpy(&header, fuzz_reply, sizeof(header));
		fuzz_check((int)header.size == n && (header.flags & VFIO_USER_REPLY));
	}
	for (i = 0; i < 8; i++)
		vfio_user_dev_interrupt(&d->vfio, i);
	/* Everything that is not kept as an interrupt is closed again. */
	for (i = 0; i < VFIO_USER_MAX_VECTORS; i++)
		if (d->vfio.irq_fd[i] >= 0)
			return;
	i = dup(0);
	close(i);
	fuzz_check((int)i == probe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_dev d;
	uint8_t msg[1024];
	size_t len;

	memset(&d, 0, sizeof(d));
	vfio_user_dev_init(&d.vfio, &fuzz_ops, &d);
	d.vfio.region_size[0] = FUZZ_BAR_SIZE;
	d.vfio.region_size[VFIO_USER_CONFIG] = PCI_CONFIG_SIZE;
	d.vfio.nr_vectors = 8;
	d.vfio.negotiated = size & 1;
	guest_ram_init(&d.ram, 4 * FUZZ_RAM_SIZE, &fuzz_ram_ops, &d);
	pci_config_init(&d.pci, 1, 2, 3);
	pci_config_add_express(&d.pci);
	pci_config_add_msix(&d.pci, 8, 4, 0x800);
	pci_config_add_pasid(&d.pci, 64);
	while (size >= 2) {
		len = data[1] * 4U < size - 2 ? data[1] * 4U : size - 2;
		memcpy(msg, data + 2, len);
		fuzz_message(&d, data[0], msg, len);
		data += 2 + len;
		size -= 2 + len;
	}
	vfio_user_dev_disconnect(&d.vfio);
	guest_ram_destroy(&d.ram);
	fuzz_check(!d.mapped);
	vfio_user_dev_destroy(&d.vfio);
	return 0;
}
