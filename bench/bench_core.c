// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the library costs: translation, mapping, attaching, invalidation, memory.
 *
 *	bench_core [-r ROUNDS] [-o FILE.json] [NAME-PREFIX...]
 *
 * Every row is measured once per round, rows one after the other, so that what disturbs the machine
 * disturbs all of them; the medians over the rounds are reported. A row with a baseline measures it
 * in the same round, right after its own value. Where a sample is made of many short pieces it is
 * the best of them: being preempted is not what is measured.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/types.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <ioasid/host.h>
#include <ioasid/ioasid.h>

#include "bench/measure.h"
#include "bench/row.h"

#define PAGE 4096ULL
#define GIB  (1ULL << 30)

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* ---- a host with a device and a guest's memory ---------------------------------------------- */

#define GUEST_RAM (64ULL << 20)

/**
 * struct rig - one host, one context, devices, a guest-physical address space
 * @ram: guest memory, GPA 0 onwards; @ram_used: taken for tables and pages
 * @gpa: kernel-managed address space over it
 */
struct rig {
	struct ioasid_host *host;
	struct ioasid_hostdev *dev[2];
	struct ioasid_dev *handle[2];
	struct ioasid *ctx;
	uint8_t *ram;
	uint64_t ram_used;
	uint32_t gpa;
};

static void rig_device(struct rig *rig, const char *host, unsigned int i)
{
	static const char *const names[] = { "dev0", "dev1" };
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = names[i],
		.rid = (uint16_t)(0x100 + 8 * i),
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};

	(void)host;
	must(ioasid_hostdev_create(rig->host, &config, &rig->dev[i]));
	must(ioasid_dev_open(rig->ctx, names[i], &rig->handle[i]));
	must(ioasid_dev_bind(rig->handle[i], rig->ctx, i + 1));
}

static void rig_make(struct rig *rig, const char *name, const struct ioasid_host_config *config)
{
	char home[80];
	unsigned int i;

	memset(rig, 0, sizeof(*rig));
	must(ioasid_host_create(name, config, &rig->host));
	snprintf(home, sizeof(home), "inproc:%s", name);
	must(ioasid_open(home, &rig->ctx));
	for (i = 0; i < 2; i++)
		rig_device(rig, name, i);
	rig->ram = mmap(NULL, GUEST_RAM, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rig->ram == MAP_FAILED)
		must(-ENOMEM);
	must(ioasid_alloc_kernel(rig->ctx, &rig->gpa));
	must(ioasid_map(rig->ctx, rig->gpa, 0, (uintptr_t)rig->ram, GUEST_RAM,
			IOASID_MAP_READ | IOASID_MAP_WRITE));
	for (i = 0; i < 2; i++)
		must(ioasid_dev_attach(rig->handle[i], rig->gpa, 0));
}

static void rig_free(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		ioasid_dev_close(rig->handle[i]);
	ioasid_close(rig->ctx);
	for (i = 0; i < 2; i++)
		ioasid_hostdev_destroy(rig->dev[i]);
	ioasid_host_put(rig->host);
	munmap(rig->ram, GUEST_RAM);
}

static uint64_t guest_page(struct rig *rig)
{
	uint64_t gpa = rig->ram_used;

	rig->ram_used += PAGE;
	if (rig->ram_used > GUEST_RAM)
		must(-ENOMEM);
	return gpa;
}

static uint64_t *guest_table(struct rig *rig, uint64_t gpa)
{
	return (uint64_t *)(rig->ram + gpa);
}

/* Enter a page of its own at @va in the guest's 4-level table, as its kernel would: A and D set. */
static void guest_map(struct rig *rig, uint64_t root, uint64_t va)
{
	uint64_t table = root, *entry;
	int level;

	for (level = 3; level >= 0; level--) {
		entry = &guest_table(rig, table)[(va >> (12 + 9 * level)) & 511];
		if (!*entry)
			*entry = guest_page(rig) | 0x67;
		table = *entry & ~0xfffULL;
	}
}

/* A process of the guest: its page table, reachable with @pasid on both devices. */
static uint32_t guest_process(struct rig *rig, uint64_t root, uint32_t pasid)
{
	const struct ioasid_table table = {
		.format = IOASID_FORMAT_VTD_FS,
		.levels = 4,
		.address = root,
	};
	uint32_t ioasid;
	unsigned int i;

	must(ioasid_alloc_user_table(rig->ctx, rig->gpa, &table, &ioasid));
	for (i = 0; i < 2; i++)
		must(ioasid_dev_attach_pasid(rig->handle[i], ioasid, pasid, 0));
	return ioasid;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Addresses in an order nobody can predict. */
#define STREAM 16384
static uint64_t stream[STREAM];

static struct rig main_rig;
#define HIT_PASID 5
#define HIT_PAGES 2048 /* half the IOTLB */
#define HIT_VA	  0x7f0000000000ULL

/* The trivial way: two arrays, no device, no PASID, no permissions, nothing can change. */
struct bare {
	void **top[512];
};
static struct bare bare;

static __attribute__((noinline)) void *bare_translate(const struct bare *b, uint64_t va,
						      size_t *bytes)
{
	uint64_t offset = va & (PAGE - 1);

	*bytes = PAGE - offset;
	return (char *)b->top[(va >> 21) & 511][(va >> 12) & 511] + offset;
}

static void bare_enter(uint64_t va, void *page)
{
	void ***slot = &bare.top[(va >> 21) & 511];

	if (!*slot)
		*slot = calloc(512, sizeof(void *));
	(*slot)[(va >> 12) & 511] = page;
}

/* As an engine does it: one request structure per queue, of which the address changes. */
static inline void *translate_with(struct ioasid_hostdev *dev, struct ioasid_dma *dma, uint64_t va)
{
	size_t bytes;
	void *p;

	dma->addr = va;
	ioasid_dma_enter();
	p = ioasid_dma_translate(dev, dma, IOASID_ACCESS_WRITE, &bytes);
	ioasid_dma_exit();
	return p;
}

static const struct ioasid_dma hit_dma = { .pasid = HIT_PASID, .flags = IOASID_DMA_PASID };

static void hit_setup(void)
{
	struct ioasid_dma dma = hit_dma;
	uint64_t root, i;

	rig_make(&main_rig, "bench", NULL);
	root = guest_page(&main_rig);
	for (i = 0; i < HIT_PAGES; i++)
		guest_map(&main_rig, root, HIT_VA + i * PAGE);
	guest_process(&main_rig, root, HIT_PASID);
	for (i = 0; i < HIT_PAGES; i++) {
		uint64_t va = HIT_VA + i * PAGE;

		bare_enter(va, translate_with(main_rig.dev[0], &dma, va));
	}
	for (i = 0; i < STREAM; i++)
		stream[i] = HIT_VA + rng() % HIT_PAGES * PAGE + (rng() & 0xff8);
}

#define HOT_LOOPS 50000

static uint64_t hot_ours(void *dev)
{
	struct ioasid_dma dma = hit_dma;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < HOT_LOOPS; i++)
		sum += (uintptr_t)translate_with(dev, &dma, HIT_VA);
	return sum;
}

static uint64_t hot_bare(void *arg)
{
	uint64_t sum = 0;
	size_t bytes;
	int i;

	for (i = 0; i < HOT_LOOPS; i++)
		sum += (uintptr_t)bare_translate(arg, HIT_VA, &bytes);
	return sum;
}

static double run_hit_hot(double *baseline)
{
	double t = best_of(hot_ours, main_rig.dev[0], HOT_LOOPS);

	*baseline = best_of(hot_bare, &bare, HOT_LOOPS);
	return t;
}

static uint64_t hit_ours(void *dev)
{
	struct ioasid_dma dma = hit_dma;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < STREAM; i++)
		sum += (uintptr_t)translate_with(dev, &dma, stream[i]);
	return sum;
}

static uint64_t hit_bare(void *arg)
{
	uint64_t sum = 0;
	unsigned int i;
	size_t bytes;

	for (i = 0; i < STREAM; i++)
		sum += (uintptr_t)bare_translate(arg, stream[i], &bytes);
	return sum;
}

static double run_hit(double *baseline)
{
	double t = best_of(hit_ours, main_rig.dev[0], STREAM);

	*baseline = best_of(hit_bare, &bare, STREAM);
	return t;
}

/* ---- full nested walks: every page in a gigabyte of its own, so that no walk helps the next ---- */

#define MISS_PAGES 256
#define MISS_LOOPS 40
static struct rig miss_rig;

static uint64_t miss_va(uint64_t i)
{
	return i * (GIB + (2ULL << 20) + PAGE);
}

static void miss_setup(void)
{
	/* Both stages down to 4 KiB. */
	const struct ioasid_host_config config = { .size = sizeof(config), .page_sizes = PAGE };
	uint64_t root, i;

	rig_make(&miss_rig, "bench-miss", &config);
	root = guest_page(&miss_rig);
	for (i = 0; i < MISS_PAGES; i++)
		guest_map(&miss_rig, root, miss_va(i));
	guest_process(&miss_rig, root, HIT_PASID);
}

static double run_miss(double *baseline)
{
	struct ioasid_dma dma = hit_dma;
	double t, best = 0;
	uint64_t sum = 0, i;
	int loop;

	(void)baseline;
	for (loop = 0; loop < MISS_LOOPS; loop++) {
		ioasid_host_flush_caches(miss_rig.host);
		t = now_ns();
		for (i = 0; i < MISS_PAGES; i++) {
			void *p = translate_with(miss_rig.dev[0], &dma, miss_va(i));

			sum += (uintptr_t)p;
			if (!p)
				must(-EFAULT);
		}
		t = now_ns() - t;
		if (!loop || t < best)
			best = t;
	}
	bench_sink = sum;
	return best / MISS_PAGES;
}

/* ---- two threads ------------------------------------------------------------------------------- */

#define MT_REPEATS 16

static void work_translate(unsigned int index)
{
	unsigned int i;

	for (i = 0; i < MT_REPEATS; i++)
		bench_sink = hit_ours(main_rig.dev[index]);
}

static double run_mt2(double *baseline)
{
	double one = mt_rate(work_translate, 1), two = mt_rate(work_translate, 2);

	*baseline = mt_alu();
	return two / one;
}

/* ---- one PASID among many ------------------------------------------------------------------------- */

#define MANY 100000
static struct rig many_rig, few_rig;

static void many_fill(struct rig *rig, const char *name, uint32_t n)
{
	uint64_t root, i;
	uint32_t ioasid;

	rig_make(rig, name, NULL);
	root = guest_page(rig);
	for (i = 0; i < HIT_PAGES; i++)
		guest_map(rig, root, HIT_VA + i * PAGE);
	ioasid = guest_process(rig, root, HIT_PASID);
	for (i = 1; i < n; i++)
		must(ioasid_set_hwid_dev(rig->ctx, ioasid, (uint32_t)(HIT_PASID + i), 1));
}

static void many_setup(void)
{
	many_fill(&many_rig, "bench-many", MANY);
	many_fill(&few_rig, "bench-few", 1);
}

static double run_many(double *baseline)
{
	double t = best_of(hit_ours, many_rig.dev[0], STREAM);

	*baseline = best_of(hit_ours, few_rig.dev[0], STREAM);
	return t;
}

/* ---- mapping ---------------------------------------------------------------------------------------- */

#define BULK	  GIB
#define BULK_IOVA (1ULL << 40)
static struct rig bulk_rig, flat_rig;
static uint8_t *bulk_mem;
static double bulk_unmap, flat_unmap;

static void bulk_setup(void)
{
	/* Leaves of 4 KiB; memory comes page by page, or as the one piece it is. */
	struct ioasid_host_config config = {
		.size = sizeof(config),
		.page_sizes = PAGE,
		.flags = IOASID_HOST_TEST_PAGE_EXTENTS,
	};

	bulk_mem = mmap(NULL, BULK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bulk_mem == MAP_FAILED)
		must(-ENOMEM);
	rig_make(&bulk_rig, "bench-bulk", &config);
	config.flags = 0;
	rig_make(&flat_rig, "bench-flat", &config);
}

#define BULK_PIECES 3

static double bulk_map(struct rig *rig, double *unmap)
{
	const double pages = (double)(BULK / PAGE);
	double map = 1e9, start, mapped;
	int i;

	*unmap = 1e9;
	for (i = 0; i < BULK_PIECES; i++) {
		start = now_ns();
		must(ioasid_map(rig->ctx, rig->gpa, BULK_IOVA, (uintptr_t)bulk_mem, BULK,
				IOASID_MAP_READ | IOASID_MAP_WRITE));
		mapped = now_ns();
		must(ioasid_unmap(rig->ctx, rig->gpa, BULK_IOVA, BULK, NULL));
		*unmap = smaller(*unmap, (now_ns() - mapped) / pages);
		map = smaller(map, (mapped - start) / pages);
	}
	return map;
}

static double run_map_bulk(double *baseline)
{
	(void)baseline;
	return bulk_map(&bulk_rig, &bulk_unmap);
}

static double run_unmap_bulk(double *baseline)
{
	(void)baseline;
	return bulk_unmap;
}

static double run_map_flat(double *baseline)
{
	(void)baseline;
	return bulk_map(&flat_rig, &flat_unmap);
}

static double run_unmap_flat(double *baseline)
{
	(void)baseline;
	return flat_unmap;
}

/* Operations by hundreds, the best hundred of ten. */
#define OPS	   100
#define OPS_PIECES 10

static double best_op(void (*op)(uint64_t i))
{
	double t, best = 1e18;
	uint64_t i, piece;

	for (piece = 0; piece < OPS_PIECES; piece++) {
		t = now_ns();
		for (i = 0; i < OPS; i++)
			op(piece * OPS + i);
		best = smaller(best, now_ns() - t);
	}
	return best / OPS / 1000;
}

static void op_map(uint64_t i)
{
	must(ioasid_map(main_rig.ctx, main_rig.gpa, BULK_IOVA + i * PAGE,
			(uintptr_t)main_rig.ram + i * PAGE, PAGE,
			IOASID_MAP_READ | IOASID_MAP_WRITE));
}

static double run_map_single(double *baseline)
{
	double t = best_op(op_map);

	(void)baseline;
	must(ioasid_unmap(main_rig.ctx, main_rig.gpa, BULK_IOVA, OPS * OPS_PIECES * PAGE, NULL));
	return t;
}

/* ---- attaching, invalidating -------------------------------------------------------------------------- */

static uint32_t plain_ioasid, inval_ioasid;

static void attach_setup(void)
{
	uint64_t root = guest_page(&main_rig);

	must(ioasid_alloc_kernel(main_rig.ctx, &plain_ioasid));
	/* One more route, so that it is the attachment that is measured and not the domain. */
	must(ioasid_dev_attach_pasid(main_rig.handle[1], plain_ioasid, 77, 0));
	guest_map(&main_rig, root, HIT_VA);
	inval_ioasid = guest_process(&main_rig, root, 99);
}

static void op_attach(uint64_t i)
{
	(void)i;
	must(ioasid_dev_attach_pasid(main_rig.handle[0], plain_ioasid, 1234, 0));
	must(ioasid_dev_detach_pasid(main_rig.handle[0], plain_ioasid));
}

static double run_attach(double *baseline)
{
	(void)baseline;
	return best_op(op_attach);
}

static void op_invalidate(uint64_t i)
{
	(void)i;
	must(ioasid_invalidate_range(main_rig.ctx, inval_ioasid, HIT_VA, PAGE, true));
}

static double run_inval_idle(double *baseline)
{
	(void)baseline;
	return best_op(op_invalidate);
}

static int engine_stop;
static uint64_t engine_copies;

/* An engine that copies pages through the address space that is being invalidated. */
static void *engine(void *arg)
{
	struct ioasid_dma dma = { .addr = HIT_VA, .pasid = 99, .flags = IOASID_DMA_PASID };
	static uint8_t buf[PAGE];

	(void)arg;
	while (!__atomic_load_n(&engine_stop, __ATOMIC_RELAXED)) {
		must(ioasid_dma_write(main_rig.dev[1], &dma, buf, sizeof(buf)));
		__atomic_add_fetch(&engine_copies, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Keep this thread and @other on processors of their own, where there are two. */
static void apart(pthread_t other, bool on)
{
	int cpu = sched_getcpu(), i, n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t mine, his;

	CPU_ZERO(&mine);
	CPU_ZERO(&his);
	for (i = 0; i < n; i++) {
		if (i == cpu || !on)
			CPU_SET(i, &mine);
		if (i != cpu || n == 1)
			CPU_SET(i, &his);
	}
	pthread_setaffinity_np(pthread_self(), sizeof(mine), &mine);
	pthread_setaffinity_np(other, sizeof(his), &his);
}

#define COPY_NS_MAX 400

/* The best hundred of those during which the engine ran beside us all the time. */
static double run_inval_busy(double *baseline)
{
	double t, best = 1e18;
	uint64_t copies, i;
	pthread_t thread;
	int good = 0;

	(void)baseline;
	engine_stop = 0;
	pthread_create(&thread, NULL, engine, NULL);
	apart(thread, true);
	while (good < OPS_PIECES) {
		copies = __atomic_load_n(&engine_copies, __ATOMIC_RELAXED);
		t = now_ns();
		for (i = 0; i < OPS; i++)
			op_invalidate(i);
		t = now_ns() - t;
		copies = __atomic_load_n(&engine_copies, __ATOMIC_RELAXED) - copies;
		if ((double)copies * COPY_NS_MAX < t)
			continue;
		best = smaller(best, t);
		good++;
	}
	__atomic_store_n(&engine_stop, 1, __ATOMIC_RELAXED);
	apart(thread, false);
	pthread_join(thread, NULL);
	return best / OPS / 1000;
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static double heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

#define MEM_ROUTES 8192
#define MEM_SPACES 8192

/*
 * The library keeps some table pages that were freed. Use them up, so that what is made from here on
 * is made of memory the heap has to give.
 */
static void rig_make_dry(struct rig *rig)
{
	const struct ioasid_host_config config = { .size = sizeof(config), .page_sizes = PAGE };
	unsigned int i;

	rig_make(rig, "bench-mem", &config);
	for (i = 0; i < 5; i++)
		must(ioasid_map(rig->ctx, rig->gpa, BULK_IOVA + i * BULK, (uintptr_t)bulk_mem, BULK,
				IOASID_MAP_READ));
}

static double run_mem_route(double *baseline)
{
	double before, after;
	struct rig rig;
	uint32_t i;

	(void)baseline;
	rig_make_dry(&rig);
	must(ioasid_dev_attach_pasid(rig.handle[0], rig.gpa, 1, 0));
	before = heap();
	for (i = 0; i < MEM_ROUTES; i++)
		must(ioasid_set_hwid_dev(rig.ctx, rig.gpa, 64 + i, 1));
	after = heap();
	rig_free(&rig);
	return (after - before) / MEM_ROUTES;
}

static double run_mem_space(double *baseline)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	double before, after;
	uint32_t i, ioasid;
	struct rig rig;

	(void)baseline;
	rig_make_dry(&rig);
	before = heap();
	for (i = 0; i < MEM_SPACES; i++) {
		must(ioasid_alloc_user_table(rig.ctx, rig.gpa, &table, &ioasid));
		must(ioasid_dev_attach_pasid(rig.handle[0], ioasid, 64 + i, 0));
	}
	after = heap();
	rig_free(&rig);
	return (after - before) / MEM_SPACES;
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

static struct row rows[] = {
	{ "translate.iotlb_hit_hot", "ns", "bare two-level array", run_hit_hot },
	{ "translate.iotlb_hit", "ns", "bare two-level array, same addresses", run_hit },
	{ "translate.nested_miss", "ns", NULL, run_miss },
	{ "translate.mt2", "x", "ALU loop on two threads", run_mt2 },
	{ "translate.many_pasids", "ns", "one PASID", run_many },
	{ "map.4k_bulk", "ns/page", NULL, run_map_bulk },
	{ "unmap.4k_bulk", "ns/page", NULL, run_unmap_bulk },
	{ "map.4k_one_piece", "ns/page", NULL, run_map_flat },
	{ "unmap.4k_one_piece", "ns/page", NULL, run_unmap_flat },
	{ "map.single", "us", NULL, run_map_single },
	{ "attach_detach", "us", NULL, run_attach },
	{ "invalidate.range.idle", "us", NULL, run_inval_idle },
	{ "invalidate.range.busy", "us", NULL, run_inval_busy },
	{ "memory.route", "B", NULL, run_mem_route },
	{ "memory.user_table_ioasid", "B", NULL, run_mem_space },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

int main(int argc, char **argv)
{
	unsigned int rounds = ROUNDS_MIN, i;
	const char *path = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "r:o:")) != -1) {
		if (opt == 'r')
			rounds = (unsigned int)atoi(optarg);
		else if (opt == 'o')
			path = optarg;
		else
			return 2;
	}
	if (!rounds || rounds > ROUNDS_MAX)
		return 2;
	hit_setup();
	miss_setup();
	many_setup();
	bulk_setup();
	attach_setup();
	rows_measure(rows, NR_ROWS, rounds, argv + optind);
	rows_report(rows, NR_ROWS, path);
	rig_free(&main_rig);
	rig_free(&miss_rig);
	rig_free(&many_rig);
	rig_free(&few_rig);
	rig_free(&bulk_rig);
	rig_free(&flat_rig);
	munmap(bulk_mem, BULK);
	for (i = 0; i < 512; i++)
		free(bare.top[i]);
	return 0;
}
