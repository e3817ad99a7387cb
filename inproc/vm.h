/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* VMs of in-process hosts: what home.c needs of vm.c. */
#ifndef INPROC_VM_H
#define INPROC_VM_H

#include "core/home.h"

/**
 * vm_get_by_fd() - the VM behind a number, with a reference that ops->put() gives back
 * Return: VM; ERR_PTR: -EOPNOTSUPP it is a context's, a file's, or a VM of another host; -EBADF nothing's.
 */
struct ioasid_cpu *vm_get_by_fd(struct ioasid_machine *machine, int fd);
/** vm_table_env() - memory of the tables that its CPUs walk. */
const struct table_env *vm_table_env(struct ioasid_machine *machine);

#endif
