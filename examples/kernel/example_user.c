// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Uses the example device: binds and attaches it, lets it checksum and copy, sees it stopped where
 * nothing is mapped. Prints what was checked as TAP; runs as root with ioasid-example.ko loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/ioasid.h>

#include "ioasid_example.h"

#define PAGE  4096ULL
#define PAGES 5ULL /* 0, 1: source; 2, 3: destination; 4: the record */
#define IOVA  0x100000ULL

static unsigned int cases;
static int failed;

static void check(int good, const char *what)
{
	printf("%sok %u - example: %s\n", good ? "" : "not ", ++cases, what);
	failed |= !good;
}

/* Errno of the command, 0: fine. */
static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0U;
	int bit;

	while (n--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

static int unmap(int ctx, uint32_t ioasid, uint64_t iova)
{
	struct ioasid_unmap_dma args = {
		.argsz = sizeof(args),
		.ioasid = ioasid,
		.iova = iova,
		.length = PAGE,
	};

	return command(ctx, IOASID_UNMAP_DMA, &args);
}

/* Each page is a mapping of its own, so that one can go alone. */
static int map_all(int ctx, uint32_t ioasid, const uint8_t *mem)
{
	struct ioasid_map_dma args = {
		.argsz = sizeof(args),
		.flags = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.ioasid = ioasid,
		.length = PAGE,
	};
	uint64_t i;
	int rc = 0;

	for (i = 0; i < PAGES && !rc; i++) {
		args.iova = IOVA + i * PAGE;
		args.vaddr = (uintptr_t)mem + i * PAGE;
		rc = command(ctx, IOASID_MAP_DMA, &args);
	}
	return rc;
}

static int event_address(int faults, uint64_t *address)
{
	struct ioasid_fault record;

	if (read(faults, &record, sizeof(record)) != sizeof(record))
		return 0;
	*address = record.address;
	return record.type == IOASID_FAULT_EVENT;
}

static void jobs(int ctx, int dev, int faults, uint32_t ioasid, uint8_t *mem)
{
	/* Odd places, so that both ranges cross pages, at different bytes. */
	struct ioasid_example_job job = { .src = IOVA + 100,
					  .dst = IOVA + 2 * PAGE + 999,
					  .length = 5000 };
	struct ioasid_example_where where = { .iova = IOVA + 4 * PAGE };
	struct ioasid_example_record *record = (void *)(mem + 4 * PAGE);
	uint32_t crc = crc32_of(mem + 100, 5000);
	uint64_t address = 0;

	check(!command(dev, IOASID_EXAMPLE_CHECKSUM, &job) && job.crc == crc, "checksum");
	check(!command(dev, IOASID_EXAMPLE_SET_RECORD, &where), "record page is pinned");
	check(!command(dev, IOASID_EXAMPLE_COPY, &job) && job.crc == crc &&
		      !memcmp(mem + 100, mem + 2 * PAGE + 999, 5000),
	      "copy");
	check(record->jobs == 1 && record->crc == crc, "record is written");

	check(!unmap(ctx, ioasid, where.iova), "unmapping the pinned page returns");
	check(!command(dev, IOASID_EXAMPLE_CHECKSUM, &job) && record->jobs == 1,
	      "nothing is written to the page after that");
	check(command(dev, IOASID_EXAMPLE_SET_RECORD, &where) == EFAULT, "nor is it pinned again");

	check(!unmap(ctx, ioasid, IOVA + PAGE), "unmapping half of the source");
	job.crc = 0;
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) == EFAULT,
	      "what is not mapped is not read");
	check(event_address(faults, &address) && address == IOVA + PAGE, "an event says where");
	job.length = 0;
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) == EINVAL, "an empty job is refused");
	check(command(dev, 0x1234, &job) == ENOTTY, "an unknown command is refused");
}

int main(void)
{
	struct ioasid_alloc alloc = { .argsz = sizeof(alloc),
				      .kind = IOASID_KIND_KERNEL,
				      .parent = IOASID_INVALID };
	struct ioasid_dev_bind bind = { .argsz = sizeof(bind), .cookie = 7 };
	struct ioasid_dev_attach attach = { .argsz = sizeof(attach) };
	struct ioasid_fault_fd faults = { .argsz = sizeof(faults) };
	struct ioasid_example_job job = { .src = IOVA, .length = 1 };
	uint8_t *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int ctx = open("/dev/ioasid", O_RDWR);
	int dev = open("/dev/ioasid-devices/example", O_RDWR);
	size_t i;

	if (mem == MAP_FAILED || ctx < 0 || dev < 0) {
		check(0, "context, device and memory are there");
		printf("1..%u\n", cases);
		return 1;
	}
	for (i = 0; i < 2 * PAGE; i++)
		mem[i] = (uint8_t)(i * 7 + i / 251);
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) == EINVAL, "no job before it is bound");
	bind.ioasid_fd = ctx;
	check(!command(ctx, IOASID_ALLOC, &alloc) && !map_all(ctx, alloc.ioasid, mem) &&
		      !command(ctx, IOASID_FAULT_FD, &faults) &&
		      !command(dev, IOASID_DEV_BIND_IOASID_FD, &bind),
	      "address space, fault descriptor, binding");
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) == ENODEV,
	      "no job before it is attached");
	attach.ioasid = alloc.ioasid;
	check(!command(dev, IOASID_DEV_ATTACH_IOASID, &attach), "attach");
	jobs(ctx, dev, faults.fd, alloc.ioasid, mem);
	check(!command(dev, IOASID_DEV_DETACH_IOASID, &attach), "detach");
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) == ENODEV, "no job after that");
	close(ctx);
	check(command(dev, IOASID_EXAMPLE_CHECKSUM, &job) != 0, "nor when the context is gone");
	printf("1..%u\n", cases);
	return failed;
}
