/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid: CPUs of a guest as far as ENQCMD goes, on an in-process host. A VM is what
 * ioasid_cpu_pasid_enable() takes; its vCPUs then translate PASIDs by the context's table, which they walk
 * in memory as hardware does (Intel SDM vol. 3C, PASID translation). See docs/enqcmd.md.
 */
#ifndef IOASID_VCPU_H
#define IOASID_VCPU_H

#include <ioasid/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ioasid_vm;
struct ioasid_vcpu;

/** ioasid_vm_create() - a VM without vCPUs, translation off. Return: 0 or -ENOMEM. */
int ioasid_vm_create(struct ioasid_host *host, struct ioasid_vm **vm);
/**
 * ioasid_vm_destroy() - the VM ends: a context that has it loses it: portals close, translation is off
 *
 * Its vCPUs have been destroyed. Not inside a command of that context.
 */
void ioasid_vm_destroy(struct ioasid_vm *vm);
/** ioasid_vm_fd() - what names it to ioasid_cpu_pasid_enable(); no descriptor of the system. */
int ioasid_vm_fd(const struct ioasid_vm *vm);

/** ioasid_vcpu_create() - may come at any time. One thread at a time uses it. Return: 0 or -ENOMEM. */
int ioasid_vcpu_create(struct ioasid_vm *vm, struct ioasid_vcpu **vcpu);
void ioasid_vcpu_destroy(struct ioasid_vcpu *vcpu);

#define IOASID_IA32_PASID_VALID (1ULL << 31)
/** ioasid_vcpu_wrmsr_pasid() - IA32_PASID. Return: 0; -EINVAL reserved bits: #GP, nothing changed. */
int ioasid_vcpu_wrmsr_pasid(struct ioasid_vcpu *vcpu, uint64_t value);
uint64_t ioasid_vcpu_rdmsr_pasid(const struct ioasid_vcpu *vcpu);

/**
 * struct ioasid_dmwr_portal - something that answers deferrable memory writes
 * @store: 64 bytes at @offset. Return: true: accepted. Must not sleep, nor issue commands
 *
 * ENQCMD to a portal without @store answers "retry", as ordinary memory does.
 */
struct ioasid_dmwr_portal {
	bool (*store)(void *opaque, uint64_t offset, const void *data);
	void *opaque;
};

/** enum ioasid_enqcmd_result - how the instruction ended. */
enum ioasid_enqcmd_result {
	IOASID_ENQCMD_RETIRED, /* see zf */
	IOASID_ENQCMD_GP, /* #GP, nothing was sent */
	IOASID_ENQCMD_EXIT, /* VM exit: nothing was sent; map the number and execute it again */
};

/**
 * struct ioasid_enqcmd - one instruction
 * @supervisor: ENQCMDS instead of ENQCMD
 * @cpl: privilege level
 * @dst: destination address: 64-byte aligned; offset in the portal
 * @src: 64 bytes, any alignment
 * @zf: [out] RETIRED: true: the device says retry
 * @exit_reason: [out] EXIT: 72 ENQCMD, 73 ENQCMDS
 * @vpasid: [out] EXIT: the number that could not be translated
 */
struct ioasid_enqcmd {
	bool supervisor;
	unsigned int cpl;
	uint64_t dst;
	const void *src;
	bool zf;
	uint32_t exit_reason;
	uint32_t vpasid;
};

/** ioasid_vcpu_enqcmd() - execute. Any thread, also inside ioasid_dma_enter(). Does not sleep. */
enum ioasid_enqcmd_result ioasid_vcpu_enqcmd(struct ioasid_vcpu *vcpu,
					     const struct ioasid_dmwr_portal *portal,
					     struct ioasid_enqcmd *insn);

#ifdef __cplusplus
}
#endif
#endif
