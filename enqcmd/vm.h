/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A model of the CPUs of a guest, as far as ENQCMD and ENQCMDS go: a VM is what a context enables
 * translation on, vCPUs execute. What an instruction does, in which order it checks, and when it exits
 * follows the Intel SDM (vol. 2, ENQCMD and ENQCMDS; vol. 3C, PASID translation).
 *
 * A vCPU caches what it read in the tables, in a way a CPU may: an entry stays good to it until it is
 * kicked out of the guest. So whoever changes a table without flushing is found out.
 *
 * An instruction is an RCU section; vm_flush() and vm_disable() let every vCPU know and wait for
 * sections. One thread at a time executes on a vCPU.
 */
#ifndef ENQCMD_VM_H
#define ENQCMD_VM_H

#include "formats/cpu_pasid.h"

struct vm;
struct vcpu;

/* Exit reasons of VMX: the PASID of ENQCMD, of ENQCMDS could not be translated. */
#define VM_EXIT_ENQCMD	72
#define VM_EXIT_ENQCMDS 73

/**
 * vm_create() - a VM without vCPUs, translation off
 * @mem: reaches the tables that vm_enable() will name; lives as long as the VM
 * @phys_bits: width of physical addresses, at least 12
 *
 * With translation off a PASID goes out as it is. Return: VM with one reference; ERR_PTR(-ENOMEM).
 */
struct vm *vm_create(const struct phys_mem *mem, unsigned int phys_bits);
void vm_get(struct vm *vm);
/** vm_put() - the last one frees it. A vCPU holds one. */
void vm_put(struct vm *vm);

/**
 * vm_enable() - all vCPUs, also those to come, translate by the directories at @low and @high
 *
 * It may be on already: then they change from the directories they used to these.
 *
 * Return: 0; -EINVAL: an address is not aligned to 4 KiB or too wide, as VM entry would say. Sleeps.
 */
int vm_enable(struct vm *vm, u64 low, u64 high);
/** vm_disable() - no vCPU does, and none is in the tables. Sleeps. */
void vm_disable(struct vm *vm);
/** vm_flush() - no vCPU uses what it read before. Sleeps. */
void vm_flush(struct vm *vm);
/** vm_translates() - is translation on? */
bool vm_translates(const struct vm *vm);

/** vcpu_create() - holds @vm. ERR_PTR(-ENOMEM). IA32_PASID is 0, not valid. */
struct vcpu *vcpu_create(struct vm *vm);
void vcpu_destroy(struct vcpu *vcpu);

/** vcpu_wrmsr_pasid() - write IA32_PASID. Return: 0; -EINVAL: reserved bits: #GP, nothing changed. */
int vcpu_wrmsr_pasid(struct vcpu *vcpu, u64 value);
u64 vcpu_rdmsr_pasid(const struct vcpu *vcpu);

#define IA32_PASID_VALID (1ULL << 31)

/**
 * struct dmwr_target - what answers a deferrable memory write
 * @store: 64 bytes at @offset. Return: accepted? Called in an RCU section: must not sleep. NULL: ordinary
 *         memory, or a device that takes none: the instruction then reports "retry"
 */
struct dmwr_target {
	bool (*store)(void *opaque, u64 offset, const void *data);
	void *opaque;
};

/** enum enqcmd_result - how an instruction ended. */
enum enqcmd_result {
	ENQCMD_RETIRED, /* ZF says what the device answered */
	ENQCMD_GP, /* #GP: nothing was sent */
	ENQCMD_EXIT, /* VM exit 72 or 73: nothing was sent; execute it again after mapping */
};

/**
 * struct enqcmd - one instruction
 * @supervisor: ENQCMDS
 * @cpl: privilege level
 * @dst: address of the destination: 64-byte aligned. Given to the target as its offset
 * @src: 64 bytes, any alignment
 * @zf: [out] RETIRED: 1: retry
 * @exit_reason: [out] EXIT: 72, 73
 * @vpasid: [out] EXIT: the number that could not be translated
 * @level: [out] EXIT: enum cpu_pasid_level
 * @entry: [out] EXIT: the entry that stopped it
 */
struct enqcmd {
	bool supervisor;
	unsigned int cpl;
	u64 dst;
	const void *src;
	bool zf;
	u32 exit_reason;
	u32 vpasid;
	u32 level;
	u64 entry;
};

/**
 * vcpu_enqcmd() - execute @insn on @vcpu
 * @target: what is at the destination; NULL: nothing that takes such a store: "retry"
 * @insn: inputs; the outputs that its end does not fill are 0
 *
 * Does not sleep. Return: how it ended.
 */
enum enqcmd_result vcpu_enqcmd(struct vcpu *vcpu, const struct dmwr_target *target,
			       struct enqcmd *insn);

/**
 * vcpu_translate() - the translation alone, as an instruction of @vcpu does it
 * @vpasid: its low 20 bits count
 *
 * For measuring and for tests. Does not sleep. Return: what would go out; CPU_PASID_NONE: an exit.
 */
u32 vcpu_translate(struct vcpu *vcpu, u32 vpasid);

#endif
