// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VMs and vCPUs that execute ENQCMD and ENQCMDS: see vm.h for what is modelled, docs/enqcmd.md for the rest.
 *
 * What a vCPU may keep from the tables carries the VM's generation of the time. An instruction looks at the
 * generation first, then at which tables hold, then at what it kept, all in one RCU section: what it reads
 * after a new generation is newer than what the generation was made for. Who makes one waits for sections,
 * so an instruction that saw the old one has stored when he returns.
 */
#include "enqcmd/vm.h"

#include "formats/cpu_pasid.h"

#define VM_PAGE_OFFSET (PHYS_PAGE_SIZE - 1)

/* Numbers a vCPU remembers. Few, so that tests meet both hits and replacements. */
#ifndef VCPU_CACHE_NR
#define VCPU_CACHE_NR 8U
#endif

#define IA32_PASID_RESERVED (~(IA32_PASID_VALID | CPU_PASID_MAX))

/* The first four bytes of what is enqueued: the number as in a table entry, PRIV on top. */
#define ENQ_BYTES    64
#define ENQ_PASID    0x000fffffU
#define ENQ_RESERVED 0x7ff00000U
#define ENQ_PRIV     0x80000000U

/** struct vm_tables - VMCS fields 0x2038 and 0x203a, which change together */
struct vm_tables {
	u64 low;
	u64 high;
};

/**
 * struct vm - a VM
 * @rsvd: what @phys_bits reserves in a directory entry
 * @lock: who changes what follows
 * @gen: generation of what vCPUs may keep; never 0
 * @tables: in force; NULL: control "PASID translation" is 0
 * @slot: @tables points to one of them; no instruction looks at the other
 */
struct vm {
	const struct phys_mem *mem;
	unsigned int phys_bits;
	u64 rsvd;
	refcount_t refs;
	struct mutex lock;
	u64 gen;
	struct vm_tables *tables;
	struct vm_tables slot[2];
};

/** struct vcpu_cached - one translation that a vCPU keeps; @gen 0: none */
struct vcpu_cached {
	u64 gen;
	u32 vpasid;
	u32 ppasid;
};

struct vcpu {
	struct vm *vm;
	u64 pasid_msr;
	struct vcpu_cached cache[VCPU_CACHE_NR];
};

/* ---- VMs ---------------------------------------------------------------------------------------- */

struct vm *vm_create(const struct phys_mem *mem, unsigned int phys_bits)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->mem = mem;
	vm->phys_bits = phys_bits;
	vm->rsvd = cpu_pasid_de_reserved(phys_bits);
	vm->gen = 1;
	refcount_set(&vm->refs, 1);
	mutex_init(&vm->lock);
	return vm;
}

void vm_get(struct vm *vm)
{
	refcount_inc(&vm->refs);
}

void vm_put(struct vm *vm)
{
	if (!refcount_dec_and_test(&vm->refs))
		return;
	mutex_destroy(&vm->lock);
	kfree(vm);
}

static bool vm_address_ok(const struct vm *vm, u64 pa)
{
	return !(pa & VM_PAGE_OFFSET) && (vm->phys_bits >= 64 || !(pa >> vm->phys_bits));
}

/* A new generation; on return no instruction is under way that began in an older one. */
static void vm_renew(struct vm *vm)
{
	smp_store_release(&vm->gen, vm->gen + 1);
	os_synchronize_rcu();
}

int vm_enable(struct vm *vm, u64 low, u64 high)
{
	struct vm_tables *tables;

	if (!vm_address_ok(vm, low) || !vm_address_ok(vm, high))
		return -EINVAL;
	mutex_lock(&vm->lock);
	tables = &vm->slot[vm->tables == &vm->slot[0]];
	tables->low = low;
	tables->high = high;
	rcu_assign_pointer(vm->tables, tables);
	vm_renew(vm);
	mutex_unlock(&vm->lock);
	return 0;
}

void vm_disable(struct vm *vm)
{
	mutex_lock(&vm->lock);
	rcu_assign_pointer(vm->tables, NULL);
	vm_renew(vm);
	mutex_unlock(&vm->lock);
}

void vm_flush(struct vm *vm)
{
	mutex_lock(&vm->lock);
	vm_renew(vm);
	mutex_unlock(&vm->lock);
}

bool vm_translates(const struct vm *vm)
{
	return READ_ONCE(vm->tables);
}

/* ---- vCPUs -------------------------------------------------------------------------------------- */

struct vcpu *vcpu_create(struct vm *vm)
{
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vm_get(vm);
	vcpu->vm = vm;
	return vcpu;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	vm_put(vcpu->vm);
	kfree(vcpu);
}

int vcpu_wrmsr_pasid(struct vcpu *vcpu, u64 value)
{
	if (value & IA32_PASID_RESERVED)
		return -EINVAL;
	vcpu->pasid_msr = value;
	return 0;
}

u64 vcpu_rdmsr_pasid(const struct vcpu *vcpu)
{
	return vcpu->pasid_msr;
}

/* ---- Translation -------------------------------------------------------------------------------- */

/** struct vcpu_miss - why a number could not be translated */
struct vcpu_miss {
	enum cpu_pasid_level level;
	u64 entry;
};

/* The fast walk found nothing: what stopped it, unless it is there by now. */
static noinline u32 vcpu_walk(const struct vm *vm, const struct vm_tables *tables, u32 vpasid,
			      struct vcpu_miss *miss)
{
	struct cpu_pasid_walk w;

	miss->level = cpu_pasid_walk(vm->mem, tables->low, tables->high, vm->phys_bits, vpasid, &w);
	miss->entry = miss->level == CPU_PASID_DIRECTORY ? w.directory_entry : w.table_entry;
	return w.ppasid;
}

/*
 * What @vpasid becomes, by what is kept or by the tables; CPU_PASID_NONE: see @miss. Only what was found
 * is kept: a CPU does not remember that there was nothing, so a new entry needs no flush.
 */
static __always_inline u32 vcpu_lookup(struct vcpu *vcpu, u32 vpasid, struct vcpu_miss *miss)
{
	struct vcpu_cached *kept = &vcpu->cache[vpasid % VCPU_CACHE_NR];
	const struct vm *vm = vcpu->vm;
	u64 gen = smp_load_acquire(&vm->gen);
	const struct vm_tables *tables = rcu_dereference(vm->tables);
	u32 ppasid;

	if (!tables)
		return vpasid;
	if (kept->gen == gen && kept->vpasid == vpasid)
		return kept->ppasid;
	ppasid = cpu_pasid_find(vm->mem, tables->low, tables->high, vm->rsvd, vpasid);
	if (unlikely(ppasid == CPU_PASID_NONE))
		ppasid = vcpu_walk(vm, tables, vpasid, miss);
	if (likely(ppasid != CPU_PASID_NONE))
		*kept = (struct vcpu_cached){ gen, vpasid, ppasid };
	return ppasid;
}

u32 vcpu_translate(struct vcpu *vcpu, u32 vpasid)
{
	struct vcpu_miss miss;
	u32 ppasid;

	os_rcu_enter();
	ppasid = vcpu_lookup(vcpu, vpasid & CPU_PASID_MAX, &miss);
	os_rcu_exit();
	return ppasid;
}

/* ---- Instructions ------------------------------------------------------------------------------- */

/* What ends in #GP: it looks at the guest's state alone, and comes before the translation. */
static bool enqcmd_faults(const struct vcpu *vcpu, const struct enqcmd *insn, u32 first)
{
	if (insn->supervisor && insn->cpl)
		return true;
	if (insn->dst & (ENQ_BYTES - 1))
		return true;
	if (insn->supervisor)
		return first & ENQ_RESERVED;
	return first || !(vcpu->pasid_msr & IA32_PASID_VALID);
}

static enum enqcmd_result enqcmd_exit(struct enqcmd *insn, u32 vpasid, const struct vcpu_miss *miss)
{
	insn->exit_reason = insn->supervisor ? VM_EXIT_ENQCMDS : VM_EXIT_ENQCMD;
	insn->vpasid = vpasid;
	insn->level = miss->level;
	insn->entry = miss->entry;
	return ENQCMD_EXIT;
}

static bool enqcmd_store(const struct dmwr_target *target, u64 dst, const u32 *data)
{
	return target && target->store && target->store(target->opaque, dst, data);
}

enum enqcmd_result vcpu_enqcmd(struct vcpu *vcpu, const struct dmwr_target *target,
			       struct enqcmd *insn)
{
	u32 data[ENQ_BYTES / sizeof(u32)] __aligned(8), vpasid, ppasid;
	enum enqcmd_result result = ENQCMD_RETIRED;
	struct vcpu_miss miss;

	insn->zf = false;
	insn->exit_reason = 0;
	insn->vpasid = 0;
	insn->level = CPU_PASID_OK;
	insn->entry = 0;
	/* Once: what is checked is what is sent, whatever is written there meanwhile. */
	memcpy(data, insn->src, sizeof(data));
	smp_rmb();
	if (enqcmd_faults(vcpu, insn, data[0]))
		return ENQCMD_GP;
	vpasid = (insn->supervisor ? data[0] : (u32)vcpu->pasid_msr) & ENQ_PASID;
	os_rcu_enter();
	ppasid = vcpu_lookup(vcpu, vpasid, &miss);
	if (likely(ppasid != CPU_PASID_NONE)) {
		/* Of ENQCMD this is 0: work of user mode, at any privilege level. */
		data[0] = ppasid | (data[0] & ENQ_PRIV);
		insn->zf = !enqcmd_store(target, insn->dst, data);
	} else {
		result = enqcmd_exit(insn, vpasid, &miss);
	}
	os_rcu_exit();
	return result;
}
