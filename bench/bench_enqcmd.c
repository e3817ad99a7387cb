// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What it costs that CPUs translate PASIDs, and that a number is two.
 *
 *	bench_enqcmd [-r ROUNDS] [-o FILE.json] [NAME-PREFIX...]
 *
 * Translation is measured beside a bare two-level array that takes the same memory: 1024 leaves of 1024
 * numbers, found through 1024 pointers. Every number is translated, in an order that nobody can predict
 * and no cache of a vCPU holds. Each number follows from the one before, since a CPU sends one ENQCMD at a
 * time and waits for its answer; cpu.translate_stream has the numbers beforehand, so that the processor
 * that measures can look up several at once.
 *
 * Linked with the static library: tables and vCPUs are not part of the API, their users are. Rows, rounds
 * and samples as in bench_core.
 */
#include <getopt.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/host.h>
#include <ioasid/ioasid.h>

#include "enqcmd/vm.h"

#include "bench/measure.h"
#include "bench/row.h"

#define NR    (1U << CPU_PASID_BITS)
#define PIECE (1U << 13)

/* A full table and its bare twin: from each number one comes to another, once around. */
static struct {
	struct phys_mem mem;
	struct table_alloc ta;
	struct table_env env;
	struct cpu_pasid_table table;
	struct vm *vm;
	struct vcpu *cpu;
	u32 *leaf[1024]; /* bare */
	u32 stream[NR];
} t;

static void *page_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	void *page = os_page_zalloc();

	(void)ta;
	(void)order;
	*pa = os_virt_to_phys(page);
	return page;
}

static void page_free(struct table_alloc *ta, void *page, u64 pa, unsigned int order)
{
	(void)ta;
	(void)pa;
	(void)order;
	os_page_free(page);
}

static bool made;

static void table_make(void)
{
	u32 i, j, swap;

	if (made)
		return;
	made = true;
	phys_mem_init_linear(&t.mem, ~0ULL, 0);
	t.ta = (struct table_alloc){ page_alloc, page_free };
	t.env = (struct table_env){ .mem = &t.mem, .alloc = &t.ta };
	must(cpu_pasid_init(&t.table, &t.env));
	/* Side by side in memory, so that neither has the better pages. */
	for (i = 0; i < 1024; i++) {
		must(cpu_pasid_set(&t.table, i << 10, 0));
		t.leaf[i] = os_page_zalloc();
	}
	for (i = 0; i < NR; i++)
		t.stream[i] = i;
	for (i = NR - 1; i; i--) {
		j = (u32)(rng() % (i + 1));
		swap = t.stream[i];
		t.stream[i] = t.stream[j];
		t.stream[j] = swap;
	}
	for (i = 0; i < NR; i++) {
		u32 from = t.stream[i], to = t.stream[(i + 1) % NR];

		must(cpu_pasid_set(&t.table, from, to));
		t.leaf[from >> 10][from & 1023] = to;
	}
	t.vm = vm_create(&t.mem, 52);
	must(PTR_ERR_OR_ZERO(t.vm));
	must(vm_enable(t.vm, t.table.low, t.table.high));
	t.cpu = vcpu_create(t.vm);
	must(PTR_ERR_OR_ZERO(t.cpu));
}

static void table_drop(void)
{
	u32 i;

	if (!made)
		return;
	vm_disable(t.vm);
	vcpu_destroy(t.cpu);
	vm_put(t.vm);
	cpu_pasid_destroy(&t.table);
	for (i = 0; i < 1024; i++)
		os_page_free(t.leaf[i]);
}

/* Out of line as the walk is, and as careful about what the compiler may remember. */
static noinline u32 bare_translate(u32 *const *leaf, u32 number)
{
	return READ_ONCE(READ_ONCE(leaf[number >> 10])[number & 1023]);
}

static u32 translate(u32 number)
{
	u32 to = vcpu_translate(t.cpu, number);

	if (unlikely(to == CPU_PASID_NONE))
		must(-ENOENT);
	return to;
}

/* A piece begins at place @at of the stream; the chain goes the same way. */
static uint64_t chain_ours(u32 at)
{
	u32 number = t.stream[at], n;

	for (n = PIECE; n; n--)
		number = translate(number);
	return number;
}

static uint64_t chain_bare(u32 at)
{
	u32 number = t.stream[at], n;

	for (n = PIECE; n; n--)
		number = bare_translate(t.leaf, number);
	return number;
}

static uint64_t stream_ours(u32 at)
{
	u64 sum = 0;
	u32 i;

	for (i = at; i < at + PIECE; i++)
		sum += translate(t.stream[i]);
	return sum;
}

static uint64_t stream_bare(u32 at)
{
	u64 sum = 0;
	u32 i;

	for (i = at; i < at + PIECE; i++)
		sum += bare_translate(t.leaf, t.stream[i]);
	return sum;
}

#define PASSES 5

static double better(uint64_t (*piece)(u32 at), u32 at, double than)
{
	double ns = now_ns();

	bench_sink = piece(at);
	ns = now_ns() - ns;
	return ns < than ? ns : than;
}

/*
 * Time per number over all numbers, in passes of which each piece counts as in its best one. The two take
 * turns piece by piece, so that a neighbour who takes the cache away takes it from both.
 */
static double all_numbers(uint64_t (*ours)(u32 at), uint64_t (*bare)(u32 at), double *baseline)
{
	static double best[2][NR / PIECE];
	double sum[2] = { 0 };
	u32 pass, i;

	table_make();
	for (i = 0; i < NR / PIECE; i++)
		best[0][i] = best[1][i] = 1e18;
	for (pass = 0; pass < PASSES; pass++) {
		for (i = 0; i < NR / PIECE; i++) {
			best[0][i] = better(ours, i * PIECE, best[0][i]);
			best[1][i] = better(bare, i * PIECE, best[1][i]);
		}
	}
	for (i = 0; i < NR / PIECE; i++) {
		sum[0] += best[0][i];
		sum[1] += best[1][i];
	}
	*baseline = sum[1] / NR;
	return sum[0] / NR;
}

static double run_translate(double *baseline)
{
	return all_numbers(chain_ours, chain_bare, baseline);
}

static double run_translate_stream(double *baseline)
{
	return all_numbers(stream_ours, stream_bare, baseline);
}

/* ---- instructions ----------------------------------------------------------------------------------- */

static bool take_nothing(void *opaque, u64 offset, const void *data)
{
	(void)opaque;
	(void)offset;
	(void)data;
	return true;
}

#define SUBMITS 4096

static uint64_t submit_many(void *arg)
{
	static const struct dmwr_target target = { take_nothing, NULL };
	static const u32 src[16];
	struct enqcmd insn = { .src = src, .dst = 0x1000 };
	u64 retried = 0;
	int i;

	for (i = 0; i < SUBMITS; i++) {
		if (vcpu_enqcmd(arg, &target, &insn) != ENQCMD_RETIRED)
			must(-EIO);
		retried += insn.zf;
	}
	return retried;
}

/* As a process does it: with one number, which the vCPU remembers. */
static double run_submit(double *baseline)
{
	(void)baseline;
	table_make();
	must(vcpu_wrmsr_pasid(t.cpu, IA32_PASID_VALID | 77));
	return best_of(submit_many, t.cpu, SUBMITS);
}

/* ---- hybrid numbers: one whole function and one slice of another ----------------------------------- */

#define SPLIT	   65536U
#define BULK	   32768U
#define GUEST_RAM  (16ULL << 20)
#define SET_LOOPS  64
#define SET_ROUNDS 20
#define SET_VPASID 60000U

struct rig {
	struct ioasid_host *host;
	struct ioasid_hostdev *pdev, *parent, *mdev;
	struct ioasid *ctx;
	struct ioasid_dev *dev[2];
	uint8_t *ram;
	uint32_t gpa;
	uint32_t one; /* a process's address space, attached to both */
	uint32_t many[BULK]; /* the same, a process each */
};

static struct rig rig;
static bool rig_made;

static struct ioasid_hostdev *rig_device(const char *name, uint16_t rid, uint16_t dev_class,
					 struct ioasid_hostdev *parent)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = name,
		.rid = rid,
		.dev_class = dev_class,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
		.parent = parent,
	};
	struct ioasid_hostdev *dev;

	must(ioasid_hostdev_create(rig.host, &config, &dev));
	return dev;
}

static uint32_t rig_process(void)
{
	const struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint32_t ioasid;
	unsigned int i;

	must(ioasid_alloc_user_table(rig.ctx, rig.gpa, &table, &ioasid));
	for (i = 0; i < 2; i++)
		must(ioasid_dev_attach_pasid(rig.dev[i], ioasid, 0, 0));
	return ioasid;
}

static void rig_make(void)
{
	static const char *const names[] = { "pdev", "mdev" };
	unsigned int i;

	if (rig_made)
		return;
	rig_made = true;
	must(ioasid_host_create("bench-hybrid", NULL, &rig.host));
	rig.pdev = rig_device("pdev", 0x100, IOASID_CLASS_PDEV_DMWR, NULL);
	rig.parent = rig_device("parent", 0x200, IOASID_CLASS_PDEV_DMWR, NULL);
	rig.mdev = rig_device("mdev", 0, IOASID_CLASS_MDEV_DMWR, rig.parent);
	must(ioasid_open("inproc:bench-hybrid", &rig.ctx));
	rig.ram = mmap(NULL, GUEST_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rig.ram == MAP_FAILED)
		must(-ENOMEM);
	must(ioasid_alloc_kernel(rig.ctx, &rig.gpa));
	must(ioasid_map(rig.ctx, rig.gpa, 0, (uintptr_t)rig.ram, GUEST_RAM,
			IOASID_MAP_READ | IOASID_MAP_WRITE));
	must(ioasid_set_hwid_mode(rig.ctx, IOASID_MODE_GLOBAL));
	must(ioasid_hwid_set_global_min(rig.ctx, SPLIT));
	for (i = 0; i < 2; i++) {
		must(ioasid_dev_open(rig.ctx, names[i], &rig.dev[i]));
		must(ioasid_dev_bind(rig.dev[i], rig.ctx, i + 1));
		must(ioasid_dev_attach(rig.dev[i], rig.gpa, 0));
	}
	rig.one = rig_process();
}

static void rig_drop(void)
{
	unsigned int i;

	if (!rig_made)
		return;
	for (i = 0; i < 2; i++)
		ioasid_dev_close(rig.dev[i]);
	ioasid_close(rig.ctx);
	ioasid_hostdev_destroy(rig.mdev);
	ioasid_hostdev_destroy(rig.parent);
	ioasid_hostdev_destroy(rig.pdev);
	ioasid_host_put(rig.host);
	munmap(rig.ram, GUEST_RAM);
}

/* ns for all of them, by @one. */
static double each_number(int (*one)(struct ioasid *ctx, uint32_t ioasid, uint32_t vpasid))
{
	double start = now_ns();
	u32 i;

	for (i = 0; i < SET_LOOPS; i++)
		must(one(rig.ctx, rig.one, SET_VPASID + i));
	return now_ns() - start;
}

/* The best of some rounds, in which numbers of one process are set and cleared; microseconds a number. */
static double best_round(bool clear)
{
	double best = 0, set, cleared, took;
	int i;

	rig_make();
	for (i = 0; i < SET_ROUNDS; i++) {
		set = each_number(ioasid_set_hwid);
		cleared = each_number(ioasid_clear_hwid);
		took = clear ? cleared : set;
		best = !i || took < best ? took : best;
	}
	return best / SET_LOOPS / 1000;
}

static double run_set_hybrid(double *baseline)
{
	(void)baseline;
	return best_round(false);
}

/* Waits for requests on their way, once for each number on each function. */
static double run_clear_hybrid(double *baseline)
{
	(void)baseline;
	return best_round(true);
}

/* What is measured must have happened: the slice has a host-wide number, the function its own too. */
static void check_hybrid(uint32_t vpasid)
{
	uint32_t number;

	must(ioasid_hostdev_ppasid(rig.mdev, vpasid, &number));
	if (number < SPLIT || !ioasid_hostdev_allows(rig.mdev, number))
		must(-ERANGE);
	must(ioasid_hostdev_ppasid(rig.pdev, vpasid, &number));
}

/* A guest that gives all its processes their numbers. */
static double run_bulk_hybrid(double *baseline)
{
	double ns;
	u32 i;

	(void)baseline;
	rig_make();
	for (i = 0; i < BULK; i++)
		if (!rig.many[i])
			rig.many[i] = rig_process();
	ns = now_ns();
	for (i = 0; i < BULK; i++)
		must(ioasid_set_hwid(rig.ctx, rig.many[i], i + 1));
	ns = now_ns() - ns;
	for (i = 0; i < BULK; i++) {
		check_hybrid(i + 1);
		must(ioasid_clear_hwid(rig.ctx, rig.many[i], i + 1));
	}
	return ns / 1e6;
}

static struct row rows[] = {
	{ "cpu.translate", "ns", "bare two-level array", run_translate },
	{ "cpu.translate_stream", "ns", "bare two-level array", run_translate_stream },
	{ "enqcmd.submit", "ns", NULL, run_submit },
	{ "hwid.set_hybrid", "us", NULL, run_set_hybrid },
	{ "hwid.clear_hybrid", "us", NULL, run_clear_hybrid },
	{ "hwid.bulk_hybrid", "ms", NULL, run_bulk_hybrid },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

int main(int argc, char **argv)
{
	unsigned int rounds = ROUNDS_MIN;
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
	rows_measure(rows, NR_ROWS, rounds, argv + optind);
	rows_report(rows, NR_ROWS, path);
	table_drop();
	rig_drop();
	return 0;
}
