/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hook for hypervisors: how a module that runs VMs lets ioasid.ko translate the PASIDs of ENQCMD on
 * their CPUs. A user names the VM's descriptor in IOASID_CPU_PASID_ENABLE; the module that made the
 * descriptor recognizes it, and from then on is told what to load into each vCPU and when to kick it.
 *
 * Handlers registered on a process (ioasid_register_notifier_mm()) do not hear of the numbers of a
 * context, which belong to no process: what a VM has to know of them it is told here.
 */
#ifndef _LINUX_IOASID_CPU_H
#define _LINUX_IOASID_CPU_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/types.h>

struct ioasid_kcpu;

/**
 * struct ioasid_kcpu_ops - what a VM is asked; all are needed
 * Called with a lock of the user's context held, may sleep; must not issue a command of /dev/ioasid or
 * wait for who does. A vCPU outside of guest mode is not waited for.
 *
 * @enable: every vCPU, present or later added, runs with VM-execution control "PASID translation" and
 *          the directories at physical addresses @low and @high (VMCS 0x2038, 0x203a). Return: 0 when
 *          that is so; -EOPNOTSUPP: not every one can; another error
 * @disable: on return no vCPU does, and none reads the tables any more
 * @flush: on return no vCPU uses what it read in the tables before (at least: each was out of guest mode)
 * @release: the context lets go: drop the reference that get took
 */
struct ioasid_kcpu_ops {
	int (*enable)(void *vm, u64 low, u64 high);
	void (*disable)(void *vm);
	void (*flush)(void *vm);
	void (*release)(void *vm);
};

/**
 * struct ioasid_cpu_provider - a module whose descriptors are VMs; lives until unregistered
 * @owner: THIS_MODULE; pinned while a context has a VM of it
 * @ops: see above
 * @get: is @file a VM of this module? The VM with a reference (on the VM, not on @file, so that its
 *       release can end the VM), or NULL. May sleep
 * @list: ioasid.ko's
 */
struct ioasid_cpu_provider {
	struct module *owner;
	const struct ioasid_kcpu_ops *ops;
	void *(*get)(struct file *file);
	struct list_head list;
};

void ioasid_register_cpu_provider(struct ioasid_cpu_provider *provider);
/** ioasid_unregister_cpu_provider() - none of its VMs is left. */
void ioasid_unregister_cpu_provider(struct ioasid_cpu_provider *provider);

/**
 * ioasid_cpu_vm_gone() - a VM ends: its context's portals close, then translation is off
 * @vm: what get returned; get does not return it any more
 *
 * On return no operation of it runs or will. Sleeps; without locks that the operations take.
 */
void ioasid_cpu_vm_gone(void *vm);

#endif
