// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CPUs that execute ENQCMD while their table changes, for the thread sanitizer.
 *
 *	enqcmd_stress [--seconds N]
 *
 * vCPUs submit with a few numbers, all the time; some come and go. One thread gives these numbers
 * others, takes them away, and flushes; now and then it closes the portal, switches translation off,
 * throws the tables away and begins again with new ones. What may not happen: a number arrives after
 * the flush that ended it has returned, or a number arrives as the guest wrote it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enqcmd/vm.h"

#define VCPUS	 3
#define HOST_MIN 0x8000u

/* What the guest writes. Some share a place in a vCPU's cache, some a table; two are in the high directory. */
static const u32 vpasids[] = { 1, 2, 9, 1023, 1024, 0x7000, 0x80001, 0xfffff };
#define NR ARRAY_SIZE(vpasids)

static struct {
	struct phys_mem mem;
	struct table_alloc ta;
	struct table_env env;
	struct cpu_pasid_table table;
	struct vm *vm;
	u32 now[NR]; /* what is set; 0: nothing. The changer's */
	u32 next;
	bool dead[1u << CPU_PASID_BITS]; /* ended: its flush has returned */
	bool open, stop;
	u64 wrong, stores, refused, exits, changes, restarts, came;
} s;

static __thread unsigned int seed;

static u32 below(u32 n)
{
	return (u32)rand_r(&seed) % n;
}

static void count(u64 *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# unexpected: %s\n", what);
	count(&s.wrong);
}

static bool is_vpasid(u32 number)
{
	u32 i;

	for (i = 0; i < NR; i++)
		if (vpasids[i] == number)
			return true;
	return false;
}

/* ---- pages: given back for good, so that the address sanitizer sees who is late -------------------- */

static void *page_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	void *page = os_page_zalloc();

	(void)order;
	*pa = os_virt_to_phys(page);
	return page;
}

static void page_free(struct table_alloc *ta, void *page, u64 pa, unsigned int order)
{
	os_page_free(page);
}

/* ---- the portal -------------------------------------------------------------------------------------- */

/* In the instruction's RCU section: who waits for it, waits for the second look too. */
static bool portal_store(void *opaque, u64 offset, const void *data)
{
	u32 number, i;

	if (!READ_ONCE(s.open)) {
		count(&s.refused);
		return false;
	}
	memcpy(&number, data, sizeof(number));
	number &= ~0x80000000u;
	expect(!is_vpasid(number), "a number arrived untranslated");
	expect(number >= HOST_MIN && number <= CPU_PASID_MAX, "a number nobody has set");
	for (i = below(16) ? 0 : below(4); i; i--)
		sched_yield();
	expect(!READ_ONCE(s.dead[number]), "a number arrived after its end");
	count(&s.stores);
	return true;
}

static const struct dmwr_target portal = { portal_store, NULL };

/* ---- vCPUs -------------------------------------------------------------------------------------------- */

static void submit(struct vcpu *cpu)
{
	u32 src[16] = { 0 }, vpasid = vpasids[below(NR)];
	struct enqcmd insn = { .supervisor = below(2), .src = src, .dst = 64 };

	if (insn.supervisor)
		src[0] = vpasid | (below(2) ? 0x80000000u : 0);
	else
		expect(!vcpu_wrmsr_pasid(cpu, IA32_PASID_VALID | vpasid), "a write of IA32_PASID");
	switch (vcpu_enqcmd(cpu, &portal, &insn)) {
	case ENQCMD_EXIT:
		expect(insn.vpasid == vpasid && !insn.entry, "the reason of an exit");
		count(&s.exits);
		break;
	case ENQCMD_GP:
		expect(false, "#GP");
		break;
	default:
		break;
	}
}

static struct vcpu *vcpu_new(void)
{
	struct vcpu *cpu = vcpu_create(s.vm);

	if (IS_ERR(cpu))
		abort();
	return cpu;
}

static void *stays(void *arg)
{
	struct vcpu *cpu = vcpu_new();

	seed = (unsigned int)(uintptr_t)arg;
	while (!READ_ONCE(s.stop))
		submit(cpu);
	vcpu_destroy(cpu);
	return NULL;
}

static void *comes_and_goes(void *arg)
{
	seed = (unsigned int)(uintptr_t)arg;
	while (!READ_ONCE(s.stop)) {
		struct vcpu *cpu = vcpu_new();
		u32 n = below(20);

		while (n--)
			submit(cpu);
		vcpu_destroy(cpu);
		count(&s.came);
	}
	return NULL;
}

/* ---- who changes the table ------------------------------------------------------------------------------ */

static u32 new_number(void)
{
	do {
		s.next = s.next >= CPU_PASID_MAX ? HOST_MIN : s.next + 1;
	} while (is_vpasid(s.next));
	WRITE_ONCE(s.dead[s.next], false);
	return s.next;
}

/* A vCPU that executes by itself: what was set last is what it sends. */
static void must_send(struct vcpu *cpu, u32 i)
{
	u32 want = s.now[i] ? s.now[i] : CPU_PASID_NONE;

	expect(vcpu_translate(cpu, vpasids[i]) == want, "what was set, or cleared, last");
}

static void change(struct vcpu *cpu)
{
	u32 ended[NR], nr = 0, todo = 1 + below(3), i, k;

	for (k = 0; k < todo; k++) {
		i = below(NR);
		if (s.now[i])
			ended[nr++] = s.now[i];
		s.now[i] = below(3) ? new_number() : 0;
		if (s.now[i])
			expect(!cpu_pasid_set(&s.table, vpasids[i], s.now[i]), "an entry");
		else
			cpu_pasid_clear(&s.table, vpasids[i]);
	}
	if (nr)
		vm_flush(s.vm);
	for (k = 0; k < nr; k++)
		WRITE_ONCE(s.dead[ended[k]], true);
	for (i = 0; i < NR; i++)
		must_send(cpu, i);
	count(&s.changes);
}

/* As a portal is closed: nothing is taken when this returns. */
static void portal_close(void)
{
	WRITE_ONCE(s.open, false);
	os_synchronize_rcu();
}

static void table_begin(void)
{
	expect(!cpu_pasid_init(&s.table, &s.env), "directories");
	memset(s.now, 0, sizeof(s.now));
	expect(!vm_enable(s.vm, s.table.low, s.table.high), "enable");
	WRITE_ONCE(s.open, true);
}

static void table_end(void)
{
	u32 i;

	portal_close();
	vm_disable(s.vm);
	cpu_pasid_destroy(&s.table);
	for (i = 0; i < NR; i++)
		if (s.now[i])
			WRITE_ONCE(s.dead[s.now[i]], true);
}

/* The tables of a VM that goes from one pair to another without being off. */
static void table_move(void)
{
	struct cpu_pasid_table old = s.table;
	u32 i;

	expect(!cpu_pasid_init(&s.table, &s.env), "directories");
	for (i = 0; i < NR; i++)
		if (s.now[i])
			expect(!cpu_pasid_set(&s.table, vpasids[i], s.now[i]), "an entry");
	expect(!vm_enable(s.vm, s.table.low, s.table.high), "enable again");
	cpu_pasid_destroy(&old);
}

static void *changer(void *arg)
{
	struct vcpu *cpu = vcpu_new();

	seed = (unsigned int)(uintptr_t)arg;
	while (!READ_ONCE(s.stop)) {
		u32 what = s.restarts ? below(100) : 0;

		if (!what) {
			table_end();
			table_begin();
			count(&s.restarts);
		} else if (what < 4) {
			table_move();
		} else {
			change(cpu);
		}
	}
	vcpu_destroy(cpu);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int seconds = 4, i;
	pthread_t thread[VCPUS + 2];

	if (argc == 3 && !strcmp(argv[1], "--seconds"))
		seconds = (unsigned int)atoi(argv[2]);
	/* A deadlock ends the program instead of the patience of who waits. */
	alarm(seconds + 60);
	phys_mem_init_linear(&s.mem, ~0ULL, 0);
	s.ta = (struct table_alloc){ page_alloc, page_free };
	s.env = (struct table_env){ .mem = &s.mem, .alloc = &s.ta };
	s.vm = vm_create(&s.mem, 52);
	s.next = HOST_MIN;
	table_begin();
	for (i = 0; i < VCPUS; i++)
		pthread_create(&thread[i], NULL, stays, (void *)(uintptr_t)(i + 1));
	pthread_create(&thread[i], NULL, comes_and_goes, (void *)(uintptr_t)(i + 1));
	pthread_create(&thread[i + 1], NULL, changer, (void *)(uintptr_t)(i + 2));
	sleep(seconds);
	WRITE_ONCE(s.stop, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	table_end();
	vm_put(s.vm);
	expect(!os_alloc_live(), "something is left");
	expect(s.stores && s.exits && s.refused && s.changes && s.restarts && s.came,
	       "something did not happen");
	printf("# %llu stores, %llu exits, %llu refused, %llu changes, %llu restarts, %llu vCPUs\n",
	       s.stores, s.exits, s.refused, s.changes, s.restarts, s.came);
	printf("%s - vCPUs while their table changes\n", s.wrong ? "not ok" : "ok");
	return s.wrong ? 1 : 0;
}
