// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * One accelerator cut in two for two guests. Each has a mediated slice with a queue, and both use the
 * same PASID for a process at the same address. The register write of a guest is trapped: what it says
 * is replaced by what the host has allocated from the parent's numbers, so that on the wire, where both
 * slices have one Requester ID, the two never meet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ioasid/wq.h>

#define PAGE	4096UL
#define RAM	(16 * PAGE)
#define GPA	0x100000UL /* where a guest believes its memory to be */
#define VA	0x7f0012345000UL /* a page of a process in it; the next one takes the completion */
#define PASID	5U
#define PRESENT 7UL /* present, writable, user */
#define COOKIE	1U

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void must_be(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/**
 * struct guest - a guest, and what its VMM has for it
 */
struct guest {
	uint8_t *ram;
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	struct ioasid_wqdev *wq;
};

/* ---- inside ---------------------------------------------------------------------------------------- */

static uint64_t *table(const struct guest *g, unsigned int n)
{
	return (uint64_t *)(void *)(g->ram + n * PAGE);
}

/* Pages 0 to 3 of memory are the levels of a process's table; its two pages are 8 and 9. */
static void make_process(const struct guest *g)
{
	unsigned int level;

	for (level = 0; level < 3; level++)
		table(g, level)[VA >> (39 - 9 * level) & 511] = (GPA + (level + 1) * PAGE) |
								PRESENT;
	table(g, 3)[VA >> 12 & 511] = (GPA + 8 * PAGE) | PRESENT;
	table(g, 3)[(VA >> 12 & 511) + 1] = (GPA + 9 * PAGE) | PRESENT;
}

static int program_queue(const struct guest *g, uint32_t pasid)
{
	return ioasid_wqdev_write(g->wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID,
				  IOASID_WQ_PASID_VALID | pasid);
}

/* Hand the queue a descriptor that writes @value to the process's page. */
static void submit(const struct guest *g, uint64_t value)
{
	const struct ioasid_wq_desc desc = {
		.op = IOASID_WQ_FILL,
		.length = 8,
		.src = value,
		.dst = VA,
		.completion = VA + PAGE,
	};

	must(ioasid_wqdev_write(g->wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL,
				IOASID_WQ_ENABLE),
	     "enable the queue");
	must_be(ioasid_wqdev_store(g->wq, 0, 0, &desc, sizeof(desc), IOASID_STORE_MOVDIR64B),
		"the descriptor is taken");
}

/* ---- its VMM --------------------------------------------------------------------------------------- */

static void open_slice(struct guest *g, struct ioasid_host *host, struct ioasid_hostdev *parent,
		       const char *name)
{
	const struct ioasid_wqdev_config config = {
		.size = sizeof(config),
		.hostdev = {
			.size = sizeof(config.hostdev),
			.name = name,
			.dev_class = IOASID_CLASS_MDEV_PASID,
			.pasid_bits = 20,
			.group = IOASID_INVALID,
			.parent = parent,
		},
		.flags = IOASID_WQDEV_MANUAL, /* no engine: ioasid_wqdev_run() is */
		.nr_dedicated = 1,
	};

	must(ioasid_wqdev_create(host, &config, &g->wq), "slice");
	must(ioasid_open("inproc", &g->ctx), "open");
	must(ioasid_dev_open(g->ctx, name, &g->dev), "open slice");
	must(ioasid_dev_bind(g->dev, g->ctx, COOKIE), "bind");
}

/* Guest memory, and on it the page table of the process, by the number the guest has given it. */
static void bind_process(struct guest *g)
{
	struct ioasid_table root = { .format = IOASID_FORMAT_VTD_FS, .levels = 4, .address = GPA };
	uint32_t gpa, process;

	g->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must_be(g->ram != MAP_FAILED, "memory");
	must(ioasid_alloc_kernel(g->ctx, &gpa), "alloc");
	must(ioasid_map(g->ctx, gpa, GPA, (uintptr_t)g->ram, RAM,
			IOASID_MAP_READ | IOASID_MAP_WRITE),
	     "map");
	must(ioasid_dev_attach(g->dev, gpa, 0), "attach");
	must(ioasid_alloc_user_table(g->ctx, gpa, &root, &process), "alloc user table");
	must(ioasid_dev_attach_pasid(g->dev, process, PASID, 0), "attach");
	make_process(g);
}

static void end(struct guest *g)
{
	ioasid_dev_close(g->dev);
	ioasid_close(g->ctx);
	ioasid_wqdev_destroy(g->wq);
	munmap(g->ram, RAM);
}

/* ---- what happens ---------------------------------------------------------------------------------- */

static void use_both(struct guest g[2])
{
	uint32_t wire[2];
	uint64_t *word;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		must(program_queue(&g[i], PASID), "program the queue");
		must(ioasid_hostdev_ppasid(ioasid_wqdev_hostdev(g[i].wq), PASID, &wire[i]),
		     "number on the wire");
		printf("guest %u programs PASID %u; on the wire it is %u\n", i, PASID, wire[i]);
		submit(&g[i], 0x1111 * (i + 1));
	}
	must_be(wire[0] != wire[1], "the numbers are two");
	for (i = 0; i < 2; i++) {
		must_be(ioasid_wqdev_run(g[i].wq, 1) == 1, "the slice works");
		word = table(&g[i], 8);
		must_be(*word == 0x1111 * (i + 1), "the guest's own value is in its own memory");
		printf("guest %u finds 0x%lx at 0x%lx\n", i, (unsigned long)*word,
		       (unsigned long)VA);
	}
}

/* A number that the guest has not bound: the write is refused, and the register is as it was. */
static void refuse_unknown(const struct guest *g)
{
	uint32_t before, after;

	must(ioasid_wqdev_write(g->wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_CONTROL, 0), "disable");
	must(ioasid_wqdev_read(g->wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID, &before), "read");
	must_be(program_queue(g, PASID + 1) == -ENOENT, "an unknown number is refused");
	must(ioasid_wqdev_read(g->wq, IOASID_WQ_QUEUE(0) + IOASID_WQ_REG_PASID, &after), "read");
	must_be(before == after, "the register keeps its value");
	printf("PASID %u was never bound: refused, the register still says %u\n", PASID + 1,
	       after & IOASID_WQ_DESC_PASID);
}

/* As long as slices are in use nobody gets the whole. */
static void refuse_whole(struct ioasid *ctx)
{
	struct ioasid_dev *whole;
	int rc;

	must(ioasid_dev_open(ctx, "accelerator", &whole), "open the parent");
	rc = ioasid_dev_bind(whole, ctx, COOKIE + 1);
	must_be(rc == -EBUSY, "a parent of slices is not assigned");
	printf("the accelerator as a whole: %s\n", strerror(-rc));
	ioasid_dev_close(whole);
}

int main(void)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "accelerator",
		.rid = 0x0200,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	struct ioasid_hostdev *parent;
	struct ioasid_host *host;
	struct guest g[2];

	must(ioasid_host_default(&host), "host");
	must(ioasid_hostdev_create(host, &config, &parent), "accelerator");
	open_slice(&g[0], host, parent, "slice0");
	open_slice(&g[1], host, parent, "slice1");
	bind_process(&g[0]);
	bind_process(&g[1]);

	use_both(g);
	refuse_unknown(&g[0]);
	refuse_whole(g[0].ctx);

	end(&g[0]);
	end(&g[1]);
	ioasid_hostdev_destroy(parent);
	ioasid_host_put(host);
	return 0;
}
