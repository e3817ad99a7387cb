// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Two guests on two slices of one function, all at once, for the thread sanitizer.
 *
 *   wq_stress [--seconds N]
 *
 * Each guest writes queue registers and submits by all three ways; the slices' engines execute; the VMMs
 * set and clear numbers, map and unmap them for the CPUs, switch translation off and on, reset, unbind and
 * bind. Equal vPASIDs everywhere, and numbers that change hands all the time. A descriptor writes who
 * submitted it by which name, so a page with anything else in it was reached by a stale or foreign number.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/wq.h>

#define NR_GUESTS 2
#define NR_NAMES  2
#define NAME(i)	  (5 + (i))
#define IOVA	  0x10000ULL
#define BYTES	  8192U
#define SPLIT	  16

/**
 * struct guest - a context with its slice, its VM with two vCPUs
 * @ram: what each name reaches
 * @unmapped: counts; odd while CPU_PASID_UNMAP of the first name has returned and it is not mapped again
 */
struct guest {
	unsigned int id;
	struct ioasid *ctx;
	struct ioasid_wqdev *wq;
	struct ioasid_dev *dev;
	struct ioasid_vm *vm;
	struct ioasid_vcpu *cpu[2];
	uint32_t space[NR_NAMES];
	uint64_t *ram[NR_NAMES];
	uint64_t unmapped;
};

static struct {
	struct ioasid_host *host;
	struct ioasid_hostdev *fn;
	struct guest guest[NR_GUESTS];
	bool stop;
	uint64_t accepted, retried, exits, late, errors, lives;
} s;

static void count(uint64_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
	return __atomic_load_n(&s.stop, __ATOMIC_RELAXED);
}

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	printf("# %s: %d\n", what, rc);
	count(&s.errors);
}
#define MUST(call) must(call, #call)

static uint64_t signature(const struct guest *g, unsigned int name)
{
	return 0x5157000000000000ULL + g->id * 16 + name;
}

static uint32_t dice(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

/* ---- the guest ------------------------------------------------------------------------------------ */

static struct ioasid_wq_desc work_as(const struct guest *g, unsigned int name)
{
	return (struct ioasid_wq_desc){
		.op = IOASID_WQ_FILL,
		.length = BYTES,
		.src = signature(g, name),
		.dst = IOVA,
	};
}

/* Its own dedicated queue @name always sends by the name of that number. */
static void use_dedicated(struct guest *g, unsigned int name)
{
	const uint32_t q = IOASID_WQ_QUEUE(name);
	const struct ioasid_wq_desc d = work_as(g, name);
	uint32_t value;

	(void)ioasid_wqdev_write(g->wq, q + IOASID_WQ_REG_CONTROL, 0);
	if (!ioasid_wqdev_write(g->wq, q + IOASID_WQ_REG_PASID,
				IOASID_WQ_PASID_VALID | NAME(name)) &&
	    !ioasid_wqdev_read(g->wq, q + IOASID_WQ_REG_PASID, &value) &&
	    value == (IOASID_WQ_PASID_VALID | NAME(name)))
		MUST(ioasid_wqdev_write(g->wq, q + IOASID_WQ_REG_CONTROL, IOASID_WQ_ENABLE));
	/* Enabled without a number, it is sent without: there is no default route. */
	(void)ioasid_wqdev_store(g->wq, name, 0, &d, sizeof(d), IOASID_STORE_MOVDIR64B);
}

static void use_cpu(struct guest *g, struct ioasid_vcpu *cpu, unsigned int name)
{
	const struct ioasid_wq_desc d = work_as(g, name);
	uint64_t before = __atomic_load_n(&g->unmapped, __ATOMIC_ACQUIRE);
	struct ioasid_enqcmd insn = { .cpl = 3, .src = &d };
	struct ioasid_dmwr_portal portal;

	MUST(ioasid_wqdev_portal(g->wq, NR_NAMES, &portal));
	MUST(ioasid_vcpu_wrmsr_pasid(cpu, IOASID_IA32_PASID_VALID | NAME(name)));
	switch (ioasid_vcpu_enqcmd(cpu, &portal, &insn)) {
	case IOASID_ENQCMD_RETIRED:
		count(insn.zf ? &s.retried : &s.accepted);
		break;
	case IOASID_ENQCMD_EXIT:
		count(&s.exits);
		return;
	default:
		count(&s.errors);
	}
	/* The entry was gone before, and still is: the instruction had to leave the guest. */
	if (!name && before & 1 && !insn.zf &&
	    __atomic_load_n(&g->unmapped, __ATOMIC_ACQUIRE) == before)
		count(&s.late);
}

static void run_guest(struct guest *g, struct ioasid_vcpu *cpu, uint32_t seed)
{
	uint32_t value;

	while (!stopped()) {
		switch (dice(&seed, 4)) {
		case 0:
			use_dedicated(g, dice(&seed, NR_NAMES));
			break;
		case 1:
			(void)ioasid_wqdev_write(g->wq,
						 IOASID_WQ_QUEUE(NR_NAMES) + IOASID_WQ_REG_CONTROL,
						 dice(&seed, 16) ? IOASID_WQ_ENABLE : 0);
			MUST(ioasid_wqdev_read(g->wq, IOASID_WQ_REG_STATUS, &value));
			break;
		default:
			use_cpu(g, cpu, dice(&seed, NR_NAMES));
		}
	}
}

static void *guest_a(void *arg)
{
	struct guest *g = arg;

	run_guest(g, g->cpu[0], 1 + g->id);
	return NULL;
}

static void *guest_b(void *arg)
{
	struct guest *g = arg;

	run_guest(g, g->cpu[1], 77 + g->id);
	return NULL;
}

/* ---- the VMM --------------------------------------------------------------------------------------- */

static void attach(struct guest *g, unsigned int name)
{
	MUST(ioasid_dev_attach_pasid(g->dev, g->space[name], NAME(name), 0));
	MUST(ioasid_cpu_pasid_map(g->ctx, NAME(name)));
}

static void bind(struct guest *g)
{
	unsigned int i;

	MUST(ioasid_dev_open(g->ctx, g->id ? "s1" : "s0", &g->dev));
	MUST(ioasid_dev_bind(g->dev, g->ctx, 1));
	for (i = 0; i < NR_NAMES; i++)
		attach(g, i);
	count(&s.lives);
}

/* The entry of the first name comes and goes: while it is gone, which is said, nothing passes. */
static void remap(struct guest *g)
{
	MUST(ioasid_cpu_pasid_unmap(g->ctx, NAME(0)));
	__atomic_add_fetch(&g->unmapped, 1, __ATOMIC_SEQ_CST);
	usleep(100);
	__atomic_add_fetch(&g->unmapped, 1, __ATOMIC_SEQ_CST);
	MUST(ioasid_cpu_pasid_map(g->ctx, NAME(0)));
}

/* Both names end and come back in either order, so that their numbers change places. */
static void swap_numbers(struct guest *g, unsigned int first)
{
	MUST(ioasid_dev_detach_pasid(g->dev, g->space[0]));
	MUST(ioasid_dev_detach_pasid(g->dev, g->space[1]));
	attach(g, first);
	attach(g, !first);
}

static void *vmm(void *arg)
{
	struct guest *g = arg;
	uint32_t seed = 5 + g->id;

	while (!stopped()) {
		switch (dice(&seed, 8)) {
		case 0:
			MUST(ioasid_cpu_pasid_disable(g->ctx));
			MUST(ioasid_cpu_pasid_enable(g->ctx, -1));
			break;
		case 1:
			MUST(ioasid_dev_reset(g->dev));
			break;
		case 2:
			ioasid_dev_close(g->dev);
			bind(g);
			break;
		case 3:
		case 4:
			remap(g);
			break;
		default:
			swap_numbers(g, dice(&seed, 2));
		}
	}
	return NULL;
}

/* ---- the machine -------------------------------------------------------------------------------------- */

static void guest_make(struct guest *g, unsigned int id)
{
	struct ioasid_wqdev_config c = {
		.size = sizeof(c),
		.nr_dedicated = NR_NAMES,
		.nr_shared = 1,
		.queue_size = 4,
		.hostdev = {
			.size = sizeof(c.hostdev),
			.name = id ? "s1" : "s0",
			.dev_class = IOASID_CLASS_MDEV_DMWR,
			.pasid_bits = 8,
			.group = IOASID_INVALID,
			.parent = s.fn,
		},
	};
	unsigned int i;

	g->id = id;
	MUST(ioasid_open("inproc:wq-stress", &g->ctx));
	MUST(ioasid_wqdev_create(s.host, &c, &g->wq));
	MUST(ioasid_vm_create(s.host, &g->vm));
	for (i = 0; i < 2; i++)
		MUST(ioasid_vcpu_create(g->vm, &g->cpu[i]));
	for (i = 0; i < NR_NAMES; i++) {
		g->ram[i] = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
		MUST(ioasid_alloc_kernel(g->ctx, &g->space[i]));
		MUST(ioasid_map(g->ctx, g->space[i], IOVA, (uintptr_t)g->ram[i], BYTES,
				IOASID_MAP_READ | IOASID_MAP_WRITE));
	}
	MUST(ioasid_set_hwid_mode(g->ctx, IOASID_MODE_GLOBAL));
	MUST(ioasid_hwid_set_global_min(g->ctx, SPLIT));
	MUST(ioasid_cpu_pasid_enable(g->ctx, ioasid_vm_fd(g->vm)));
	bind(g);
}

static void guest_end(struct guest *g)
{
	unsigned int i;

	ioasid_dev_close(g->dev);
	for (i = 0; i < 2; i++)
		ioasid_vcpu_destroy(g->cpu[i]);
	ioasid_vm_destroy(g->vm);
	ioasid_close(g->ctx);
	ioasid_wqdev_destroy(g->wq);
}

/* Return: words that are neither untouched nor of who may reach them. */
static uint64_t strangers(const struct guest *g, uint64_t *touched)
{
	uint64_t n = 0;
	unsigned int i, w;

	for (i = 0; i < NR_NAMES; i++) {
		for (w = 0; w < BYTES / 8; w++) {
			n += g->ram[i][w] && g->ram[i][w] != signature(g, i);
			*touched += g->ram[i][w] != 0;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	static void *(*const roles[])(void *) = { guest_a, guest_b, vmm };
	const struct ioasid_hostdev_config fn = {
		.size = sizeof(fn),
		.name = "fn",
		.rid = 1,
		.dev_class = IOASID_CLASS_PDEV_DMWR,
		.pasid_bits = 8,
		.group = IOASID_INVALID,
	};
	unsigned int seconds =
		argc == 3 && !strcmp(argv[1], "--seconds") ? (unsigned int)atoi(argv[2]) : 4;
	pthread_t thread[NR_GUESTS][3];
	uint64_t wrong = 0, touched = 0;
	unsigned int i, r;
	bool good;

	alarm(seconds + 60);
	MUST(ioasid_host_create("wq-stress", NULL, &s.host));
	MUST(ioasid_host_set_pasid_split(s.host, 128));
	MUST(ioasid_hostdev_create(s.host, &fn, &s.fn));
	for (i = 0; i < NR_GUESTS; i++)
		guest_make(&s.guest[i], i);
	for (i = 0; i < NR_GUESTS; i++) {
		for (r = 0; r < 3; r++)
			pthread_create(&thread[i][r], NULL, roles[r], &s.guest[i]);
	}
	sleep(seconds);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < NR_GUESTS; i++) {
		for (r = 0; r < 3; r++)
			pthread_join(thread[i][r], NULL);
	}
	for (i = 0; i < NR_GUESTS; i++)
		guest_end(&s.guest[i]);
	for (i = 0; i < NR_GUESTS; i++)
		wrong += strangers(&s.guest[i], &touched);
	ioasid_hostdev_destroy(s.fn);
	ioasid_host_put(s.host);
	good = !wrong && !s.late && !s.errors && touched && s.accepted && s.exits && s.lives > 4;
	printf("# %lu accepted, %lu retries, %lu exits, %lu bindings; %lu words written\n",
	       s.accepted, s.retried, s.exits, s.lives, touched);
	printf("%s - wq_stress: %lu strangers, %lu late, %lu unexpected errors\n",
	       good ? "ok" : "not ok", wrong, s.late, s.errors);
	return !good;
}
