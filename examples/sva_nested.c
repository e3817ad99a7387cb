// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Guest SVA in one process: a "guest" keeps an x86-64 page table in its memory, the host nests it
 * on the guest-physical map and gives it a PASID, and a device uses the guest's virtual addresses.
 * Then a page is missing: the device asks for it, the guest enters it, the DMA goes on.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ioasid/host.h>

#define PAGE	4096UL
#define RAM	(64 * PAGE)
#define GPA	0x100000UL /* where the guest believes its memory to be */
#define VA	0x7f0012345000UL /* an address of a process in the guest */
#define PASID	42
#define PRESENT 7UL /* present, writable, user */

static uint8_t *ram;

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

static uint64_t *table(unsigned int n)
{
	return (uint64_t *)(void *)(ram + n * PAGE);
}

static uint64_t gpa_of(unsigned int page)
{
	return GPA + page * PAGE;
}

/* Pages 0 to 3 of guest memory are the four levels of the table; VA leads to page @data. */
static void guest_enter(uint64_t va, unsigned int data)
{
	unsigned int level;

	for (level = 0; level < 3; level++)
		table(level)[va >> (39 - 9 * level) & 511] = gpa_of(level + 1) | PRESENT;
	__atomic_store_n(&table(3)[va >> 12 & 511], gpa_of(data) | PRESENT, __ATOMIC_RELEASE);
}

/* The guest's page fault handler: serves one request. */
static void serve_fault(struct ioasid *ctx, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ioasid_fault fault;

	must(poll(&p, 1, 5000), "poll");
	must(ioasid_fault_read(ctx, &fault, 1), "read fault");
	printf("page request: PASID %u, address 0x%llx\n", fault.vpasid, fault.address);
	guest_enter(fault.address, 11);
	must(ioasid_page_response(ctx, fault.id, IOASID_RESPONSE_SUCCESS), "respond");
}

struct copy {
	struct ioasid_hostdev *hw;
	int rc;
};

static void *write_to_missing_page(void *arg)
{
	struct copy *copy = arg;
	struct ioasid_dma dma = {
		.addr = VA + PAGE,
		.pasid = PASID,
		.flags = IOASID_DMA_PASID | IOASID_DMA_PAGE_REQUEST,
	};

	copy->rc = ioasid_dma_write(copy->hw, &dma, "late", 5);
	return NULL;
}

int main(void)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "accelerator",
		.rid = 0x0200,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	struct ioasid_table root = {
		.format = IOASID_FORMAT_VTD_FS,
		.levels = 4,
		.address = GPA,
	};
	struct ioasid_dma dma = { .addr = VA, .pasid = PASID, .flags = IOASID_DMA_PASID };
	struct ioasid_host *host;
	struct ioasid_dev *dev;
	struct ioasid *ctx;
	struct copy copy = { .rc = -1 };
	uint32_t gpa, process;
	pthread_t thread;
	int fault_fd;

	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return 1;
	must(ioasid_host_default(&host), "host");
	must(ioasid_hostdev_create(host, &config, &copy.hw), "device");
	must(ioasid_open("inproc", &ctx), "open");
	must(ioasid_dev_open(ctx, "accelerator", &dev), "open device");
	must(ioasid_dev_bind(dev, ctx, 1), "bind");

	/* The guest-physical map, and on it the page table of a process in the guest. */
	must(ioasid_alloc_kernel(ctx, &gpa), "alloc");
	must(ioasid_map(ctx, gpa, GPA, (uintptr_t)ram, RAM, IOASID_MAP_READ | IOASID_MAP_WRITE),
	     "map");
	must(ioasid_alloc_user_table(ctx, gpa, NULL, &process), "alloc user table");
	must(ioasid_dev_attach_pasid(dev, process, PASID, 0), "attach");
	must(ioasid_bind_pgtable(ctx, process, &root), "bind table");
	fault_fd = ioasid_fault_open(ctx, 0);
	must(fault_fd, "faults");

	guest_enter(VA, 10);
	must(ioasid_dma_write(copy.hw, &dma, "plain", 6), "DMA");
	printf("the guest's page 10 holds: %s\n", (char *)ram + 10 * PAGE);

	pthread_create(&thread, NULL, write_to_missing_page, &copy);
	serve_fault(ctx, fault_fd);
	pthread_join(thread, NULL);
	must(copy.rc, "DMA to a missing page");
	printf("the guest's page 11 holds: %s\n", (char *)ram + 11 * PAGE);

	/* The process exits: its page goes away, and the guest says so. */
	table(3)[VA >> 12 & 511] = 0;
	must(ioasid_invalidate_range(ctx, process, VA, PAGE, true), "invalidate");
	if (!ioasid_dma_write(copy.hw, &dma, "stale", 6))
		return 1;
	printf("after the invalidation: %s\n", ioasid_strreason(dma.reason));

	ioasid_dev_close(dev);
	ioasid_close(ctx);
	ioasid_hostdev_destroy(copy.hw);
	ioasid_host_put(host);
	munmap(ram, RAM);
	return 0;
}
