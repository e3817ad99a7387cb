// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Guests that submit by ENQCMD while everything behind it changes, for the thread sanitizer.
 *
 *	enqcmd_world [--seconds N]
 *
 * Two contexts, a VM each. Each has a whole function of class 7 and two slices of class 8 of one parent:
 * one with work queues, one whose portal only listens. vCPUs submit work for processes with equal vPASIDs
 * in both; it fills the process's page with the process's mark. Meanwhile numbers are set, mapped, unmapped
 * and cleared, translation goes off and on, devices are reset. What may not happen: a page gets a mark that
 * is not its own; a page is written after its number was cleared; a number arrives at the portal that
 * listens after its UNMAP has returned, or while translation is off, or as the guest wrote it, or one that
 * is not of that slice.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/host.h>
#include <ioasid/ioasid.h>
#include <ioasid/vcpu.h>
#include <ioasid/wq.h>

#define CONTEXTS   2
#define PROCS	   4
#define DEVICES	   3
#define VCPUS	   2
#define GLOBAL_MIN 1024u
#define IOVA	   0x10000ull
#define PAGE	   4096u
#define NUMBERS	   (1u << 20)

enum { PDEV, MDEV, EAR };

struct guest {
	unsigned int index;
	struct ioasid *ctx;
	struct ioasid_vm *vm;
	struct ioasid_wqdev *wq[2]; /* of PDEV, MDEV */
	struct ioasid_hostdev *ear;
	struct ioasid_dev *dev[DEVICES];
	struct ioasid_dmwr_portal portal[DEVICES];
	uint32_t ioas[PROCS];
	uint64_t *page[PROCS];
	bool is_set[PROCS], mapped[PROCS]; /* the changer's */
	pthread_mutex_t ear_lock;
	bool ear_open; /* under ear_lock */
	bool may_come; /* translation is on, or going on */
	bool dead[NUMBERS]; /* UNMAP has returned */
	bool stop; /* its vCPUs */
	pthread_t vcpu[VCPUS], changer;
};

static struct {
	struct ioasid_host *host;
	struct ioasid_hostdev *parent;
	struct guest guest[CONTEXTS];
	bool stop; /* changers */
	uint64_t wrong, accepted, retried, exits, heard, changes, filled, restarts;
} s;

static __thread unsigned int seed;

static uint32_t below(uint32_t n)
{
	return (uint32_t)rand_r(&seed) % n;
}

static void count(uint64_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static uint64_t load_count(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static bool load(const bool *b)
{
	return __atomic_load_n(b, __ATOMIC_ACQUIRE);
}

static void store(bool *b, bool to)
{
	__atomic_store_n(b, to, __ATOMIC_RELEASE);
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# unexpected: %s\n", what);
	count(&s.wrong);
}

/* A call that may meet @allowed because of what was done before, and nothing else. */
static void may(int rc, int allowed, const char *what)
{
	if (!rc || rc == allowed)
		return;
	fprintf(stderr, "# %s: %d\n", what, rc);
	count(&s.wrong);
}

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "# %s: %d\n", what, rc);
	exit(1);
}

static uint64_t mark(const struct guest *g, unsigned int proc)
{
	return 0x5e1f000000000000ull | g->index << 8 | proc;
}

/* ---- the slice that listens ------------------------------------------------------------------------- */

/* An ENQCMD that is on its way is over when the command that it is a victim of returns. */
static bool ear_store(void *opaque, uint64_t offset, const void *data)
{
	struct guest *g = opaque;
	uint32_t number;
	bool open;

	(void)offset;
	memcpy(&number, data, sizeof(number));
	number &= NUMBERS - 1;
	pthread_mutex_lock(&g->ear_lock);
	open = g->ear_open;
	if (open) {
		expect(load(&g->may_come), "a store while translation is off");
		expect(number >= GLOBAL_MIN, "a number as the guest wrote it");
		if (!below(4))
			sched_yield();
		expect(!load(&g->dead[number]), "a number after its UNMAP");
		count(&s.heard);
	}
	pthread_mutex_unlock(&g->ear_lock);
	return open && ioasid_hostdev_allows(g->ear, number);
}

static int ear_portal(struct guest *g, bool open)
{
	pthread_mutex_lock(&g->ear_lock);
	g->ear_open = open;
	pthread_mutex_unlock(&g->ear_lock);
	return 0;
}

static int ear_portal_open(void *opaque)
{
	return ear_portal(opaque, true);
}

static void ear_portal_close(void *opaque)
{
	ear_portal(opaque, false);
}

static const struct ioasid_hostdev_ops ear_ops = {
	.portal_open = ear_portal_open,
	.portal_close = ear_portal_close,
};

/* ---- vCPUs --------------------------------------------------------------------------------------------- */

static void submit(struct guest *g, struct ioasid_vcpu *cpu)
{
	unsigned int proc = below(PROCS), dev = below(DEVICES), spot = below(PAGE / 64);
	struct ioasid_wq_desc desc = {
		.op = IOASID_WQ_FILL,
		.length = 64,
		.src = mark(g, proc),
		.dst = IOVA + spot * 64ull,
	};
	struct ioasid_enqcmd insn = { .src = &desc };

	if (below(2)) {
		must(ioasid_vcpu_wrmsr_pasid(cpu, IOASID_IA32_PASID_VALID | (proc + 1)), "wrmsr");
	} else {
		insn.supervisor = true;
		desc.pasid = proc + 1;
	}
	switch (ioasid_vcpu_enqcmd(cpu, &g->portal[dev], &insn)) {
	case IOASID_ENQCMD_RETIRED:
		count(insn.zf ? &s.retried : &s.accepted);
		break;
	case IOASID_ENQCMD_EXIT:
		expect(insn.vpasid == proc + 1, "the number of an exit");
		count(&s.exits);
		sched_yield();
		break;
	default:
		expect(false, "#GP");
		break;
	}
}

static void *vcpu(void *arg)
{
	struct guest *g = arg;
	struct ioasid_vcpu *cpu = NULL;
	unsigned int n;

	seed = (unsigned int)(uintptr_t)&cpu;
	while (!load(&g->stop)) {
		must(ioasid_vcpu_create(g->vm, &cpu), "vcpu");
		for (n = 1 + below(5000); n && !load(&g->stop); n--)
			submit(g, cpu);
		ioasid_vcpu_destroy(cpu);
	}
	return NULL;
}

/* ---- who changes ------------------------------------------------------------------------------------------ */

static bool page_is(const struct guest *g, unsigned int proc, uint64_t allowed)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < PAGE / 8; i++) {
		uint64_t word = __atomic_load_n(&g->page[proc][i], __ATOMIC_RELAXED);

		expect(!word || word == allowed, "a mark of somebody else, or after the end");
		any |= word != 0;
	}
	return any;
}

static uint32_t number_of(const struct guest *g, unsigned int proc)
{
	uint32_t number = 0;

	must(ioasid_hostdev_ppasid(g->ear, proc + 1, &number), "mediation");
	return number;
}

static void toggle_map(struct guest *g, unsigned int proc)
{
	uint32_t number;

	if (!g->is_set[proc]) {
		expect(ioasid_cpu_pasid_map(g->ctx, proc + 1) == -ENOENT, "MAP of nothing");
		return;
	}
	number = number_of(g, proc);
	expect(number >= GLOBAL_MIN && number < NUMBERS, "a host-wide number");
	if (!g->mapped[proc]) {
		store(&g->dead[number], false);
		must(ioasid_cpu_pasid_map(g->ctx, proc + 1), "MAP");
	} else {
		must(ioasid_cpu_pasid_unmap(g->ctx, proc + 1), "UNMAP");
		store(&g->dead[number], true);
	}
	g->mapped[proc] = !g->mapped[proc];
}

/* Its last route ends a number, by whatever command. */
static void end_number(struct guest *g, unsigned int proc)
{
	unsigned int i;

	if (below(3)) {
		must(ioasid_clear_hwid(g->ctx, g->ioas[proc], proc + 1), "CLEAR_HWID");
		return;
	}
	for (i = 0; i < DEVICES; i++)
		must(ioasid_dev_detach_pasid(g->dev[i], g->ioas[proc]), "DETACH");
}

static void toggle_set(struct guest *g, unsigned int proc)
{
	unsigned int i;
	uint32_t number;

	if (!g->is_set[proc]) {
		for (i = 0; i < DEVICES; i++)
			may(ioasid_dev_attach_pasid(g->dev[i], g->ioas[proc], 0, 0), -EBUSY,
			    "ATTACH");
		must(ioasid_set_hwid(g->ctx, g->ioas[proc], proc + 1), "SET_HWID");
		g->is_set[proc] = true;
		return;
	}
	number = number_of(g, proc);
	end_number(g, proc);
	store(&g->dead[number], true);
	g->is_set[proc] = g->mapped[proc] = false;
	if (page_is(g, proc, mark(g, proc)))
		count(&s.filled);
	memset(g->page[proc], 0, PAGE);
	for (i = 0; i < 20; i++) {
		page_is(g, proc, 0);
		sched_yield();
	}
}

static void off_and_on(struct guest *g)
{
	must(ioasid_cpu_pasid_disable(g->ctx), "DISABLE");
	store(&g->may_come, false);
	sched_yield();
	store(&g->may_come, true);
	must(ioasid_cpu_pasid_enable(g->ctx, below(2) ? ioasid_vm_fd(g->vm) : -1), "ENABLE");
	count(&s.restarts);
}

/* RESET forgets what the guest wrote to registers. */
static void reset(struct guest *g, unsigned int dev)
{
	must(ioasid_dev_reset(g->dev[dev]), "RESET");
	if (dev != EAR)
		must(ioasid_wqdev_write(g->wq[dev], IOASID_WQ_QUEUE(1) + IOASID_WQ_REG_CONTROL,
					IOASID_WQ_ENABLE),
		     "a queue after RESET");
}

static void *changer(void *arg)
{
	struct guest *g = arg;

	seed = g->index + 77;
	while (!load(&s.stop)) {
		unsigned int what = load_count(&s.restarts) < CONTEXTS ? 0 : below(100);
		unsigned int proc = below(PROCS);

		if (what < 2)
			off_and_on(g);
		else if (what < 4)
			reset(g, below(DEVICES));
		else if (what < 30)
			toggle_set(g, proc);
		else if (what < 70)
			toggle_map(g, proc);
		else
			page_is(g, proc, mark(g, proc));
		count(&s.changes);
	}
	return NULL;
}

/* ---- the world -------------------------------------------------------------------------------------------- */

static struct ioasid_hostdev_config device(const char *name, unsigned int rid,
					   unsigned int dev_class)
{
	return (struct ioasid_hostdev_config){
		.size = sizeof(struct ioasid_hostdev_config),
		.name = name,
		.rid = (uint16_t)rid,
		.dev_class = (uint16_t)dev_class,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
		.parent = dev_class == IOASID_CLASS_MDEV_DMWR ? s.parent : NULL,
	};
}

static void make_devices(struct guest *g, char name[DEVICES][16])
{
	struct ioasid_wqdev_config config = {
		.size = sizeof(config),
		.nr_dedicated = 1,
		.nr_shared = 1,
		.queue_size = 64,
	};
	struct ioasid_hostdev_config ear;
	unsigned int i;

	for (i = PDEV; i <= MDEV; i++) {
		config.hostdev =
			device(name[i], 0x100 * (g->index + 1),
			       i == PDEV ? IOASID_CLASS_PDEV_DMWR : IOASID_CLASS_MDEV_DMWR);
		must(ioasid_wqdev_create(s.host, &config, &g->wq[i]), "a device with queues");
		must(ioasid_wqdev_portal(g->wq[i], 1, &g->portal[i]), "its portal");
	}
	ear = device(name[EAR], 0, IOASID_CLASS_MDEV_DMWR);
	ear.ops = &ear_ops;
	ear.opaque = g;
	must(ioasid_hostdev_create(s.host, &ear, &g->ear), "a slice");
	g->portal[EAR] = (struct ioasid_dmwr_portal){ .store = ear_store, .opaque = g };
}

static void make_process(struct guest *g, unsigned int proc)
{
	unsigned int i;

	g->page[proc] =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->page[proc] == MAP_FAILED)
		must(-ENOMEM, "memory");
	must(ioasid_alloc_kernel(g->ctx, &g->ioas[proc]), "ALLOC");
	must(ioasid_map(g->ctx, g->ioas[proc], IOVA, (uintptr_t)g->page[proc], PAGE,
			IOASID_MAP_READ | IOASID_MAP_WRITE),
	     "MAP_DMA");
	for (i = 0; i < DEVICES; i++)
		must(ioasid_dev_attach_pasid(g->dev[i], g->ioas[proc], 0, 0), "ATTACH");
}

static void make_guest(struct guest *g, unsigned int index)
{
	char name[DEVICES][16];
	unsigned int i;

	g->index = index;
	pthread_mutex_init(&g->ear_lock, NULL);
	for (i = 0; i < DEVICES; i++)
		snprintf(name[i], sizeof(name[i]), "dev%u.%u", index, i);
	make_devices(g, name);
	must(ioasid_open("inproc:world", &g->ctx), "open");
	must(ioasid_set_hwid_mode(g->ctx, IOASID_MODE_GLOBAL), "mode");
	must(ioasid_hwid_set_global_min(g->ctx, GLOBAL_MIN), "split");
	for (i = 0; i < DEVICES; i++) {
		must(ioasid_dev_open(g->ctx, name[i], &g->dev[i]), "device");
		must(ioasid_dev_bind(g->dev[i], g->ctx, i + 1), "BIND");
	}
	for (i = 0; i < PROCS; i++)
		make_process(g, i);
	for (i = PDEV; i <= MDEV; i++)
		must(ioasid_wqdev_write(g->wq[i], IOASID_WQ_QUEUE(1) + IOASID_WQ_REG_CONTROL,
					IOASID_WQ_ENABLE),
		     "a queue");
	must(ioasid_vm_create(s.host, &g->vm), "VM");
	g->may_come = true;
	must(ioasid_cpu_pasid_enable(g->ctx, ioasid_vm_fd(g->vm)), "ENABLE");
}

static void end_context(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		ioasid_dev_close(g->dev[i]);
	ioasid_close(g->ctx);
}

static void end_vcpus(struct guest *g)
{
	unsigned int i;

	store(&g->stop, true);
	for (i = 0; i < VCPUS; i++)
		pthread_join(g->vcpu[i], NULL);
}

/* The context ends while vCPUs execute, or the VM under the context's feet. */
static void end_guest(struct guest *g)
{
	unsigned int i;

	if (g->index) {
		end_vcpus(g);
		ioasid_vm_destroy(g->vm);
		end_context(g);
	} else {
		end_context(g);
		usleep(100000);
		end_vcpus(g);
		ioasid_vm_destroy(g->vm);
	}
	ioasid_wqdev_destroy(g->wq[PDEV]);
	ioasid_wqdev_destroy(g->wq[MDEV]);
	ioasid_hostdev_destroy(g->ear);
	for (i = 0; i < PROCS; i++) {
		page_is(g, i, mark(g, i));
		munmap(g->page[i], PAGE);
	}
	pthread_mutex_destroy(&g->ear_lock);
}

static bool nothing_left(void)
{
	struct ioasid_host_stats stats;

	ioasid_host_get_stats(s.host, &stats);
	return !stats.contexts && !stats.devices && !stats.ioasids && !stats.domains &&
	       !stats.routes && !stats.pinned_bytes;
}

static void make_world(void)
{
	struct ioasid_hostdev_config parent = device("parent", 0x800, IOASID_CLASS_PDEV_DMWR);
	unsigned int i;

	must(ioasid_host_create("world", NULL, &s.host), "host");
	must(ioasid_hostdev_create(s.host, &parent, &s.parent), "parent");
	for (i = 0; i < CONTEXTS; i++)
		make_guest(&s.guest[i], i);
}

static void run(unsigned int seconds)
{
	unsigned int i, k;

	for (i = 0; i < CONTEXTS; i++) {
		for (k = 0; k < VCPUS; k++)
			pthread_create(&s.guest[i].vcpu[k], NULL, vcpu, &s.guest[i]);
		pthread_create(&s.guest[i].changer, NULL, changer, &s.guest[i]);
	}
	sleep(seconds);
	store(&s.stop, true);
	for (i = 0; i < CONTEXTS; i++)
		pthread_join(s.guest[i].changer, NULL);
}

int main(int argc, char **argv)
{
	unsigned int seconds = 6, i;

	if (argc == 3 && !strcmp(argv[1], "--seconds"))
		seconds = (unsigned int)atoi(argv[2]);
	/* A deadlock ends the program instead of the patience of who waits. */
	alarm(seconds + 60);
	make_world();
	run(seconds);
	for (i = 0; i < CONTEXTS; i++)
		end_guest(&s.guest[i]);
	ioasid_hostdev_destroy(s.parent);
	expect(nothing_left(), "something is left");
	ioasid_host_put(s.host);
	expect(s.accepted && s.retried && s.exits && s.heard && s.changes && s.filled && s.restarts,
	       "something did not happen");
	printf("# %llu accepted, %llu retried, %llu exits, %llu heard, %llu changes, %llu pages filled, "
	       "%llu restarts\n",
	       (unsigned long long)s.accepted, (unsigned long long)s.retried,
	       (unsigned long long)s.exits, (unsigned long long)s.heard,
	       (unsigned long long)s.changes, (unsigned long long)s.filled,
	       (unsigned long long)s.restarts);
	printf("%s - guests that submit while numbers come and go\n", s.wrong ? "not ok" : "ok");
	return s.wrong ? 1 : 0;
}
