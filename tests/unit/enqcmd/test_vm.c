// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CPUs that execute ENQCMD: every check and their order, what goes out, exits and what helps them, what a
 * vCPU keeps and when it has to forget.
 */
#include "enqcmd/vm.h"

#include "formats/cpu_pasid.h"
#include "tests/unit/formats/arena.h"
#include "tests/unit/ut_thread.h"

#define PHYS_BITS 46
#define VALID	  0x80000000u

/* Something that takes stores, or does not, and remembers the last. */
struct portal {
	bool full;
	u32 stores;
	u64 offset;
	u8 data[64];
};

static bool portal_store(void *opaque, u64 offset, const void *data)
{
	struct portal *p = opaque;

	if (p->full)
		return false;
	p->stores++;
	p->offset = offset;
	memcpy(p->data, data, sizeof(p->data));
	return true;
}

static u32 portal_first(const struct portal *p)
{
	u32 first;

	memcpy(&first, p->data, sizeof(first));
	return first;
}

struct fix {
	struct arena *a;
	struct cpu_pasid_table t;
	struct vm *vm;
	struct vcpu *cpu;
	struct portal portal;
	struct dmwr_target target;
	u8 src[72] __aligned(8);
	struct enqcmd insn;
};

/* A VM with one vCPU and empty tables; translation is off. */
static void setup(struct fix *f)
{
	memset(f, 0, sizeof(*f));
	f->a = arena_new();
	ut_assert_eq(cpu_pasid_init(&f->t, &f->a->env), 0);
	f->vm = vm_create(&f->a->mem, PHYS_BITS);
	ut_assert(!IS_ERR(f->vm));
	f->cpu = vcpu_create(f->vm);
	ut_assert(!IS_ERR(f->cpu));
	f->target = (struct dmwr_target){ portal_store, &f->portal };
	f->insn.src = f->src;
}

static void teardown(struct fix *f)
{
	vm_disable(f->vm);
	cpu_pasid_destroy(&f->t);
	vcpu_destroy(f->cpu);
	vm_put(f->vm);
	arena_end(f->a);
}

static void enable(struct fix *f)
{
	ut_assert_eq(vm_enable(f->vm, f->t.low, f->t.high), 0);
}

static void set(struct fix *f, u32 vpasid, u32 ppasid)
{
	ut_assert_eq(cpu_pasid_set(&f->t, vpasid, ppasid), 0);
}

static void put_first(struct fix *f, u32 first)
{
	memcpy(f->src, &first, sizeof(first));
}

/* ENQCMD with @vpasid in the register. */
static enum enqcmd_result user(struct fix *f, struct vcpu *cpu, u32 vpasid)
{
	ut_assert_eq(vcpu_wrmsr_pasid(cpu, VALID | vpasid), 0);
	f->insn.supervisor = false;
	put_first(f, 0);
	return vcpu_enqcmd(cpu, &f->target, &f->insn);
}

/* The number that one with @vpasid sends. */
static u32 sends(struct fix *f, struct vcpu *cpu, u32 vpasid)
{
	u32 before = f->portal.stores;

	ut_assert_eq(user(f, cpu, vpasid), ENQCMD_RETIRED);
	ut_assert(!f->insn.zf);
	ut_assert_eq(f->portal.stores, before + 1);
	return portal_first(&f->portal);
}

static void exits(struct fix *f, struct vcpu *cpu, u32 vpasid, u32 level, u64 entry)
{
	u32 before = f->portal.stores;

	ut_assert_eq(user(f, cpu, vpasid), ENQCMD_EXIT);
	ut_assert_eq(f->insn.exit_reason, 72);
	ut_assert_eq(f->insn.vpasid, vpasid);
	ut_assert_eq(f->insn.level, level);
	ut_assert_eq(f->insn.entry, entry);
	ut_assert(!f->insn.zf);
	ut_assert_eq(f->portal.stores, before);
}

/* ---- IA32_PASID ------------------------------------------------------------------------------------ */

UT_CASE(pasid_register)
{
	struct fix f;
	u64 was = VALID | 0x12345;
	unsigned int bit;

	setup(&f);
	ut_assert_eq(vcpu_rdmsr_pasid(f.cpu), 0);
	for (bit = 0; bit < 64; bit++) {
		bool reserved = (bit >= 20 && bit <= 30) || bit >= 32;

		ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, was), 0);
		ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, 1ULL << bit), reserved ? -EINVAL : 0);
		ut_assert_eq(vcpu_rdmsr_pasid(f.cpu), reserved ? was : 1ULL << bit);
	}
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 0xfffff), 0);
	ut_assert_eq(vcpu_rdmsr_pasid(f.cpu), VALID | 0xfffff);
	teardown(&f);
}

/* ---- #GP --------------------------------------------------------------------------------------------- */

static void faults(struct fix *f)
{
	u32 before = f->portal.stores;

	f->insn.zf = true;
	f->insn.exit_reason = 99;
	ut_assert_eq(vcpu_enqcmd(f->cpu, &f->target, &f->insn), ENQCMD_GP);
	ut_assert_eq(f->portal.stores, before);
	ut_assert(!f->insn.zf && !f->insn.exit_reason && !f->insn.vpasid && !f->insn.entry);
}

static void retires(struct fix *f)
{
	u32 before = f->portal.stores;

	ut_assert_eq(vcpu_enqcmd(f->cpu, &f->target, &f->insn), ENQCMD_RETIRED);
	ut_assert_eq(f->portal.stores, before + 1);
	ut_assert(!f->insn.zf);
}

UT_CASE(register_must_be_valid)
{
	struct fix f;

	setup(&f);
	faults(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, 0x12345), 0);
	faults(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID), 0);
	retires(&f);
	ut_assert_eq(portal_first(&f.portal), 0);
	/* ENQCMDS does not look at it. */
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, 0), 0);
	f.insn.supervisor = true;
	retires(&f);
	teardown(&f);
}

UT_CASE(privilege)
{
	struct fix f;

	setup(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 5), 0);
	for (f.insn.cpl = 0; f.insn.cpl < 4; f.insn.cpl++) {
		f.insn.supervisor = false;
		retires(&f);
		f.insn.supervisor = true;
		if (f.insn.cpl)
			faults(&f);
		else
			retires(&f);
	}
	teardown(&f);
}

UT_CASE(alignment_of_the_destination)
{
	struct fix f;
	u64 dst;

	setup(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 5), 0);
	for (dst = 0xfffffffff000; dst <= 0xfffffffff100; dst++) {
		f.insn.dst = dst;
		for (f.insn.supervisor = false;; f.insn.supervisor = true) {
			if (dst % 64) {
				faults(&f);
			} else {
				retires(&f);
				ut_assert_eq(f.portal.offset, dst);
			}
			if (f.insn.supervisor)
				break;
		}
	}
	teardown(&f);
}

UT_CASE(first_word_of_the_source)
{
	struct fix f;
	unsigned int bit;

	setup(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 5), 0);
	for (bit = 0; bit < 32; bit++) {
		put_first(&f, 1u << bit);
		f.insn.supervisor = false;
		faults(&f);
		f.insn.supervisor = true;
		if (bit >= 20 && bit <= 30) {
			faults(&f);
		} else {
			retires(&f);
			ut_assert_eq(portal_first(&f.portal), 1u << bit);
		}
	}
	/* The second word is payload. */
	put_first(&f, 0);
	f.src[4] = 0xff;
	f.insn.supervisor = false;
	retires(&f);
	teardown(&f);
}

/* ---- The order -------------------------------------------------------------------------------------- */

enum { BAD_DST = 1, BAD_SOURCE = 2, BAD_REGISTER = 4, BAD_CPL = 8, NO_ENTRY = 16, NO_TARGET = 32 };

static void one_of_order(struct fix *f, u32 bad, bool supervisor)
{
	bool gp = bad & (BAD_DST | BAD_SOURCE | (supervisor ? BAD_CPL : BAD_REGISTER));
	u32 n = bad & NO_ENTRY ? 8 : 7, before = f->portal.stores;
	enum enqcmd_result rc;

	f->insn.supervisor = supervisor;
	f->insn.cpl = bad & BAD_CPL ? 3 : 0;
	f->insn.dst = bad & BAD_DST ? 32 : 64;
	put_first(f, (supervisor ? n : 0) | (bad & BAD_SOURCE ? 1u << 25 : 0));
	ut_assert_eq(vcpu_wrmsr_pasid(f->cpu, (bad & BAD_REGISTER ? 0 : VALID) | n), 0);
	rc = vcpu_enqcmd(f->cpu, bad & NO_TARGET ? NULL : &f->target, &f->insn);
	if (gp) {
		ut_assert_eq(rc, ENQCMD_GP);
	} else if (bad & NO_ENTRY) {
		ut_assert_eq(rc, ENQCMD_EXIT);
		ut_assert_eq(f->insn.exit_reason, supervisor ? 73 : 72);
		ut_assert_eq(f->insn.vpasid, 8);
	} else {
		ut_assert_eq(rc, ENQCMD_RETIRED);
		ut_assert_eq(f->insn.zf, !!(bad & NO_TARGET));
	}
	ut_assert_eq(f->portal.stores, before + (rc == ENQCMD_RETIRED && !(bad & NO_TARGET)));
}

/* #GP by what the guest did comes before the exit, and the exit before the destination is looked at. */
UT_CASE(order_of_checks)
{
	struct fix f;
	u32 bad;

	setup(&f);
	set(&f, 7, 0x70007);
	enable(&f);
	for (bad = 0; bad < 64; bad++) {
		one_of_order(&f, bad, false);
		one_of_order(&f, bad, true);
	}
	teardown(&f);
}

/* ---- What goes out ------------------------------------------------------------------------------------ */

static void payload(struct fix *f, u32 shift, bool supervisor, u32 first, u32 want)
{
	struct ut_rand rnd = { shift };
	u32 i;

	for (i = 0; i < sizeof(f->src); i++)
		f->src[i] = (u8)ut_rand(&rnd);
	memcpy(f->src + shift, &first, sizeof(first));
	f->insn.src = f->src + shift;
	f->insn.supervisor = supervisor;
	retires(f);
	ut_assert_eq(portal_first(&f->portal), want);
	ut_assert(!memcmp(f->portal.data + 4, f->src + shift + 4, 60));
	ut_assert(!memcmp(f->src + shift, &first, sizeof(first)));
	f->insn.src = f->src;
}

UT_CASE(what_goes_out)
{
	struct fix f;
	u32 shift;

	setup(&f);
	set(&f, 0x23456, 0xfedcb);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 0x23456), 0);
	for (shift = 0; shift < 8; shift++) {
		/* Off: the number as it is. PRIV: never of ENQCMD, of ENQCMDS as it says. */
		vm_disable(f.vm);
		ut_assert(!vm_translates(f.vm));
		payload(&f, shift, false, 0, 0x23456);
		payload(&f, shift, true, 0x9abcd, 0x9abcd);
		payload(&f, shift, true, VALID | 0x9abcd, VALID | 0x9abcd);
		enable(&f);
		ut_assert(vm_translates(f.vm));
		payload(&f, shift, false, 0, 0xfedcb);
		payload(&f, shift, true, 0x23456, 0xfedcb);
		payload(&f, shift, true, VALID | 0x23456, VALID | 0xfedcb);
	}
	teardown(&f);
}

UT_CASE(answers)
{
	const struct dmwr_target memory = { 0 };
	struct fix f;

	setup(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 5), 0);
	retires(&f);
	f.portal.full = true;
	ut_assert_eq(vcpu_enqcmd(f.cpu, &f.target, &f.insn), ENQCMD_RETIRED);
	ut_assert(f.insn.zf);
	ut_assert_eq(vcpu_enqcmd(f.cpu, &memory, &f.insn), ENQCMD_RETIRED);
	ut_assert(f.insn.zf);
	ut_assert_eq(vcpu_enqcmd(f.cpu, NULL, &f.insn), ENQCMD_RETIRED);
	ut_assert(f.insn.zf);
	f.portal.full = false;
	retires(&f);
	ut_assert_eq(f.portal.stores, 2);
	teardown(&f);
}

/* ---- Exits --------------------------------------------------------------------------------------------- */

UT_CASE(exits_and_reenters)
{
	struct fix f;
	u64 *de;
	u32 *te;

	setup(&f);
	enable(&f);
	/* No table, in either directory. */
	exits(&f, f.cpu, 0x12345, CPU_PASID_DIRECTORY, 0);
	exits(&f, f.cpu, 0x92345, CPU_PASID_DIRECTORY, 0);
	/* A table, but no entry. Then one, which needs no flush. */
	set(&f, 0x12344, 1);
	exits(&f, f.cpu, 0x12345, CPU_PASID_TABLE, 0);
	set(&f, 0x12345, 0x777);
	ut_assert_eq(sends(&f, f.cpu, 0x12345), 0x777);
	exits(&f, f.cpu, 0x92345, CPU_PASID_DIRECTORY, 0);
	/* ENQCMDS: the other reason, the number of the source. */
	f.insn.supervisor = true;
	put_first(&f, VALID | 0x12346);
	ut_assert_eq(vcpu_enqcmd(f.cpu, &f.target, &f.insn), ENQCMD_EXIT);
	ut_assert_eq(f.insn.exit_reason, 73);
	ut_assert_eq(f.insn.vpasid, 0x12346);
	ut_assert_eq(f.insn.level, CPU_PASID_TABLE);
	/* Entries that are there and broken. */
	de = phys_at(&f.a->mem, f.t.low + (0x12400 >> 10) * 8, 8);
	te = phys_at(&f.a->mem,
		     (*phys_at_u64(&f.a->mem, f.t.low + (0x12000 >> 10) * 8) - 1) + 0x347 * 4, 4);
	*te = 0xc0000005;
	exits(&f, f.cpu, 0x12347, CPU_PASID_TABLE, 0xc0000005);
	*te = 5;
	exits(&f, f.cpu, 0x12347, CPU_PASID_TABLE, 5);
	*te = VALID | 5;
	ut_assert_eq(sends(&f, f.cpu, 0x12347), 5);
	*de = f.t.low | 3;
	exits(&f, f.cpu, 0x12400, CPU_PASID_DIRECTORY, f.t.low | 3);
	*de = 1ULL << PHYS_BITS | 1;
	exits(&f, f.cpu, 0x12400, CPU_PASID_DIRECTORY, 1ULL << PHYS_BITS | 1);
	*de = 0;
	teardown(&f);
}

/* Memory in which somebody sets an entry at the @in-th read from now. */
struct late {
	struct phys_mem mem;
	struct fix *f;
	u32 in;
};

static void *late_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct late *late = container_of((struct phys_mem *)mem, struct late, mem);

	if (late->in && !--late->in)
		set(late->f, 5, 0x555);
	return arena_at(&late->f->a->mem, pa, len);
}

/* An entry that comes while a vCPU is about to say that there is none: an exit or the number. */
UT_CASE(an_entry_that_just_comes)
{
	struct late late;
	struct vcpu *cpu;
	struct vm *vm;
	struct fix f;
	u32 in, found = 0, exited = 0;

	setup(&f);
	late.f = &f;
	phys_mem_init_callback(&late.mem, late_at);
	vm = vm_create(&late.mem, PHYS_BITS);
	ut_assert(!IS_ERR(vm));
	cpu = vcpu_create(vm);
	ut_assert(!IS_ERR(cpu));
	ut_assert_eq(vm_enable(vm, f.t.low, f.t.high), 0);
	set(&f, 4, 1);
	for (in = 1; in <= 5; in++) {
		late.in = in;
		if (user(&f, cpu, 5) == ENQCMD_RETIRED) {
			ut_assert_eq(portal_first(&f.portal), 0x555);
			found++;
		} else {
			ut_assert(f.insn.level != CPU_PASID_OK && !f.insn.entry);
			exited++;
		}
		cpu_pasid_clear(&f.t, 5);
		vm_flush(vm);
	}
	/* At each of the four reads of both walks it is found; the fifth never happens. */
	ut_assert_eq(found, 4);
	ut_assert_eq(exited, 1);
	vm_disable(vm);
	vcpu_destroy(cpu);
	vm_put(vm);
	teardown(&f);
}

/* ---- What a vCPU keeps ------------------------------------------------------------------------------------ */

/* The model is as bad as a CPU may be: without a flush the old number goes on. */
UT_CASE(without_flush_the_old_entry_is_used)
{
	struct vcpu *other;
	struct fix f;
	u32 i;

	setup(&f);
	other = vcpu_create(f.vm);
	ut_assert(!IS_ERR(other));
	enable(&f);
	for (i = 0; i < 4; i++)
		set(&f, 100 + i, 200 + i);
	for (i = 0; i < 4; i++)
		ut_assert_eq(sends(&f, f.cpu, 100 + i), 200 + i);
	cpu_pasid_clear(&f.t, 100);
	set(&f, 101, 301);
	for (i = 0; i < 4; i++)
		ut_assert_eq(sends(&f, f.cpu, 100 + i), 200 + i);
	/* So does ENQCMDS, which is the same CPU. Another has not seen the old ones. */
	f.insn.supervisor = true;
	put_first(&f, 100);
	retires(&f);
	ut_assert_eq(portal_first(&f.portal), 200);
	exits(&f, other, 100, CPU_PASID_TABLE, 0);
	ut_assert_eq(sends(&f, other, 101), 301);
	vm_flush(f.vm);
	exits(&f, f.cpu, 100, CPU_PASID_TABLE, 0);
	ut_assert_eq(sends(&f, f.cpu, 101), 301);
	ut_assert_eq(sends(&f, f.cpu, 102), 202);
	vcpu_destroy(other);
	teardown(&f);
}

/* Numbers that take each other's place in a small cache are still told apart. */
UT_CASE(many_numbers)
{
	struct fix f;
	u32 i, round;

	setup(&f);
	enable(&f);
	for (i = 0; i < 300; i++)
		set(&f, i * 7, 0xff000 - i);
	for (round = 0; round < 3; round++)
		for (i = 0; i < 300; i++)
			ut_assert_eq(sends(&f, f.cpu, i * 7), 0xff000 - i);
	for (i = 0; i < 300; i++)
		cpu_pasid_clear(&f.t, i * 7);
	vm_flush(f.vm);
	for (i = 0; i < 300; i++)
		exits(&f, f.cpu, i * 7, CPU_PASID_TABLE, 0);
	teardown(&f);
}

UT_CASE(a_flush_is_for_one_vm)
{
	struct vcpu *cpu2;
	struct vm *vm2;
	struct fix f;

	setup(&f);
	vm2 = vm_create(&f.a->mem, PHYS_BITS);
	ut_assert(!IS_ERR(vm2));
	cpu2 = vcpu_create(vm2);
	ut_assert(!IS_ERR(cpu2));
	set(&f, 5, 6);
	enable(&f);
	ut_assert_eq(sends(&f, f.cpu, 5), 6);
	ut_assert_eq(sends(&f, cpu2, 5), 5);
	ut_assert_eq(vm_enable(vm2, f.t.low, f.t.high), 0);
	ut_assert_eq(sends(&f, cpu2, 5), 6);
	cpu_pasid_clear(&f.t, 5);
	vm_flush(vm2);
	ut_assert_eq(sends(&f, f.cpu, 5), 6);
	exits(&f, cpu2, 5, CPU_PASID_TABLE, 0);
	vcpu_destroy(cpu2);
	vm_put(vm2);
	teardown(&f);
}

/* ---- On and off ------------------------------------------------------------------------------------------- */

UT_CASE(on_and_off)
{
	struct cpu_pasid_table second;
	struct vcpu *late;
	struct fix f;

	setup(&f);
	ut_assert_eq(cpu_pasid_init(&second, &f.a->env), 0);
	set(&f, 5, 6);
	ut_assert_eq(cpu_pasid_set(&second, 5, 7), 0);
	ut_assert_eq(sends(&f, f.cpu, 5), 5);
	enable(&f);
	ut_assert_eq(sends(&f, f.cpu, 5), 6);
	/* A vCPU that comes later runs with the tables from its first instruction on. */
	late = vcpu_create(f.vm);
	ut_assert(!IS_ERR(late));
	ut_assert_eq(sends(&f, late, 5), 6);
	exits(&f, late, 4, CPU_PASID_TABLE, 0);
	/* Other tables, twice: nothing that was kept survives. */
	ut_assert_eq(vm_enable(f.vm, second.low, second.high), 0);
	ut_assert_eq(sends(&f, f.cpu, 5), 7);
	enable(&f);
	ut_assert_eq(sends(&f, f.cpu, 5), 6);
	/* The low directory in the high one's place. */
	ut_assert_eq(vm_enable(f.vm, f.t.high, f.t.low), 0);
	exits(&f, f.cpu, 5, CPU_PASID_DIRECTORY, 0);
	ut_assert_eq(sends(&f, f.cpu, 0x80005), 6);
	/* Off, and on again after a change that nobody flushed. */
	enable(&f);
	ut_assert_eq(sends(&f, f.cpu, 5), 6);
	vm_disable(f.vm);
	ut_assert_eq(sends(&f, f.cpu, 5), 5);
	ut_assert_eq(sends(&f, late, 5), 5);
	vm_disable(f.vm);
	set(&f, 5, 8);
	enable(&f);
	ut_assert_eq(sends(&f, f.cpu, 5), 8);
	ut_assert_eq(sends(&f, late, 5), 8);
	vcpu_destroy(late);
	vm_disable(f.vm);
	cpu_pasid_destroy(&second);
	teardown(&f);
}

UT_CASE(bad_directories_change_nothing)
{
	struct fix f;
	u64 bad[] = { 1,
		      8,
		      0x800,
		      0xfff,
		      1ULL << PHYS_BITS,
		      1ULL << 63,
		      ~0ULL,
		      0x1000 | 1ULL << (PHYS_BITS + 1) };
	u32 i;

	setup(&f);
	set(&f, 5, 6);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ut_assert_eq(vm_enable(f.vm, bad[i], f.t.high), -EINVAL);
		ut_assert_eq(vm_enable(f.vm, f.t.low, bad[i]), -EINVAL);
		ut_assert(!vm_translates(f.vm));
		ut_assert_eq(sends(&f, f.cpu, 5), 5);
	}
	enable(&f);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ut_assert_eq(vm_enable(f.vm, bad[i], f.t.high), -EINVAL);
		ut_assert_eq(vm_enable(f.vm, f.t.low, bad[i]), -EINVAL);
		ut_assert(vm_translates(f.vm));
		ut_assert_eq(sends(&f, f.cpu, 5), 6);
	}
	/* Entry says nothing of what is there: a directory may be anything, also no memory. */
	ut_assert_eq(vm_enable(f.vm, 0, (1ULL << PHYS_BITS) - 0x1000), 0);
	exits(&f, f.cpu, 5, CPU_PASID_DIRECTORY, 0);
	exits(&f, f.cpu, 0xfffff, CPU_PASID_DIRECTORY, 0);
	teardown(&f);
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */

UT_CASE(life)
{
	long live = os_alloc_live();
	struct phys_mem mem;
	struct vcpu *cpu;
	struct vm *vm;

	phys_mem_init_callback(&mem, NULL);
	os_alloc_fail_nth(1);
	vm = vm_create(&mem, PHYS_BITS);
	os_alloc_fail_nth(0);
	ut_assert_eq(PTR_ERR(vm), -ENOMEM);
	vm = vm_create(&mem, PHYS_BITS);
	ut_assert(!IS_ERR(vm));
	os_alloc_fail_nth(1);
	cpu = vcpu_create(vm);
	os_alloc_fail_nth(0);
	ut_assert_eq(PTR_ERR(cpu), -ENOMEM);
	ut_assert_eq(os_alloc_live(), live + 1);
	cpu = vcpu_create(vm);
	ut_assert(!IS_ERR(cpu));
	/* The vCPU keeps it. */
	vm_get(vm);
	vm_put(vm);
	vm_put(vm);
	ut_assert_eq(os_alloc_live(), live + 2);
	ut_assert_eq(vcpu_wrmsr_pasid(cpu, VALID), 0);
	vcpu_destroy(cpu);
	ut_assert_eq(os_alloc_live(), live);
}

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

/* A store that does not end before it is told to. */
struct slow {
	struct fix *f;
	int how;
	bool inside, go, past;
	bool landed_before;
	u32 landed;
};

static bool slow_store(void *opaque, u64 offset __maybe_unused, const void *data)
{
	struct slow *s = opaque;
	u32 first;

	memcpy(&first, data, sizeof(first));
	smp_store_release(&s->inside, true);
	/* Inside an RCU section: it must not sleep, nor take long. */
	while (!smp_load_acquire(&s->go))
		smp_mb();
	s->landed = first;
	return true;
}

static void slow_submit(void *arg)
{
	struct slow *s = arg;
	const struct dmwr_target target = { slow_store, s };

	vcpu_enqcmd(s->f->cpu, &target, &s->f->insn);
}

static void slow_change(void *arg)
{
	struct slow *s = arg;

	switch (s->how) {
	case 0:
		vm_flush(s->f->vm);
		break;
	case 1:
		vm_disable(s->f->vm);
		break;
	default:
		vm_enable(s->f->vm, s->f->t.high, s->f->t.low);
		break;
	}
	s->landed_before = READ_ONCE(s->landed) == 6;
	smp_store_release(&s->past, true);
}

static void waits_for_a_store(int how)
{
	struct ut_thread submit, change;
	struct slow s = { .how = how };
	struct fix f;

	setup(&f);
	s.f = &f;
	set(&f, 5, 6);
	enable(&f);
	ut_assert_eq(vcpu_wrmsr_pasid(f.cpu, VALID | 5), 0);
	ut_assert_eq(ut_thread_start(&submit, slow_submit, &s), 0);
	while (!smp_load_acquire(&s.inside))
		ut_sleep_ms(1);
	ut_assert_eq(ut_thread_start(&change, slow_change, &s), 0);
	ut_sleep_ms(30);
	ut_assert(!smp_load_acquire(&s.past));
	smp_store_release(&s.go, true);
	ut_thread_join(&submit);
	ut_thread_join(&change);
	ut_assert(s.past);
	ut_assert(s.landed_before);
	teardown(&f);
}

UT_CASE(flush_waits_for_stores)
{
	waits_for_a_store(0);
}

UT_CASE(disable_waits_for_stores)
{
	waits_for_a_store(1);
}

UT_CASE(enable_waits_for_stores)
{
	waits_for_a_store(2);
}

UT_SUITE(enqcmd_vm, UT_ENTRY(pasid_register), UT_ENTRY(register_must_be_valid), UT_ENTRY(privilege),
	 UT_ENTRY(alignment_of_the_destination), UT_ENTRY(first_word_of_the_source),
	 UT_ENTRY(order_of_checks), UT_ENTRY(what_goes_out), UT_ENTRY(answers),
	 UT_ENTRY(exits_and_reenters), UT_ENTRY(an_entry_that_just_comes),
	 UT_ENTRY(without_flush_the_old_entry_is_used), UT_ENTRY(many_numbers),
	 UT_ENTRY(a_flush_is_for_one_vm), UT_ENTRY(on_and_off),
	 UT_ENTRY(bad_directories_change_nothing), UT_ENTRY(life), UT_ENTRY(flush_waits_for_stores),
	 UT_ENTRY(disable_waits_for_stores), UT_ENTRY(enable_waits_for_stores));
