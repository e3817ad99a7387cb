// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VMs whose CPUs execute ENQCMD: the model in enqcmd/ as a provider of translation to the core, under a
 * number that stands for it where an ioctl takes a descriptor.
 */
#include <fcntl.h>

#include <ioasid/vcpu.h>

#include "enqcmd/vm.h"
#include "inproc/ctx.h"
#include "inproc/private.h"
#include "inproc/vm.h"

/* As contexts have them: beyond what any process has as file descriptors. */
#define VM_FD_BASE 0x30000000
#define VM_FD_LAST 0x3fffffff

/* User addresses end below 2^52 on every machine. */
#define PHYS_BITS 52

/**
 * struct ioasid_vm - see <ioasid/vcpu.h>
 * @cpu: what the core sees of it
 * @refs: its maker, a context that has it
 * @link: under vms_lock, while it can be found
 */
struct ioasid_vm {
	struct ioasid_host *host;
	struct vm *vm;
	struct ioasid_cpu cpu;
	refcount_t refs;
	int fd;
	struct list_head link;
};

struct ioasid_vcpu {
	struct vcpu *vcpu;
};

static pthread_mutex_t vms_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_head vms = { &vms, &vms };
static int next_fd = VM_FD_BASE;

/* ---- what the core asks ------------------------------------------------------------------------ */

static struct ioasid_vm *vm_of(struct ioasid_cpu *cpu)
{
	return container_of(cpu, struct ioasid_vm, cpu);
}

static int cpu_enable(struct ioasid_cpu *cpu, u64 low, u64 high)
{
	return vm_enable(vm_of(cpu)->vm, low, high);
}

static void cpu_disable(struct ioasid_cpu *cpu)
{
	vm_disable(vm_of(cpu)->vm);
}

static void cpu_flush(struct ioasid_cpu *cpu)
{
	vm_flush(vm_of(cpu)->vm);
}

static void vm_release(struct ioasid_vm *vm)
{
	struct ioasid_host *host = vm->host;

	if (!refcount_dec_and_test(&vm->refs))
		return;
	vm_put(vm->vm);
	os_free(vm);
	ioasid_host_put(host);
}

static void cpu_put(struct ioasid_cpu *cpu)
{
	vm_release(vm_of(cpu));
}

static const struct ioasid_cpu_ops cpu_ops = {
	.enable = cpu_enable,
	.disable = cpu_disable,
	.flush = cpu_flush,
	.put = cpu_put,
};

/* ---- numbers ------------------------------------------------------------------------------------- */

/* vms_lock held. */
static struct ioasid_vm *find_fd(int fd)
{
	struct ioasid_vm *vm;

	list_for_each_entry(vm, &vms, link) {
		if (vm->fd == fd)
			return vm;
	}
	return NULL;
}

static void publish(struct ioasid_vm *vm)
{
	pthread_mutex_lock(&vms_lock);
	do {
		vm->fd = next_fd;
		next_fd = next_fd == VM_FD_LAST ? VM_FD_BASE : next_fd + 1;
	} while (find_fd(vm->fd));
	list_add_tail(&vm->link, &vms);
	pthread_mutex_unlock(&vms_lock);
}

/* Is there something else behind the number? A VM of another host is none here. */
static int not_a_vm(int fd)
{
	struct ioasid_ctx *ctx = ctx_get_by_fd(fd);

	if (ctx)
		ioasid_ctx_put(ctx);
	return ctx || fcntl(fd, F_GETFD) >= 0 ? -EOPNOTSUPP : -EBADF;
}

struct ioasid_cpu *vm_get_by_fd(struct ioasid_machine *machine, int fd)
{
	struct ioasid_vm *vm;
	bool ours;

	pthread_mutex_lock(&vms_lock);
	vm = find_fd(fd);
	ours = vm && vm->host == host_of_machine(machine);
	if (ours)
		refcount_inc(&vm->refs);
	pthread_mutex_unlock(&vms_lock);
	if (ours)
		return &vm->cpu;
	return ERR_PTR(vm ? -EOPNOTSUPP : not_a_vm(fd));
}

const struct table_env *vm_table_env(struct ioasid_machine *machine)
{
	return &host_of_machine(machine)->pt_env.env;
}

/* ---- life ------------------------------------------------------------------------------------------ */

int ioasid_vm_create(struct ioasid_host *host, struct ioasid_vm **out)
{
	struct ioasid_vm *vm = os_zalloc(sizeof(*vm));
	int rc;

	if (!vm)
		return -ENOMEM;
	vm->vm = vm_create(&host->pt_env.mem, PHYS_BITS);
	if (IS_ERR(vm->vm)) {
		rc = (int)PTR_ERR(vm->vm);
		os_free(vm);
		return rc;
	}
	host_get(host);
	vm->host = host;
	vm->cpu.ops = &cpu_ops;
	refcount_set(&vm->refs, 1);
	publish(vm);
	*out = vm;
	return 0;
}

void ioasid_vm_destroy(struct ioasid_vm *vm)
{
	if (!vm)
		return;
	pthread_mutex_lock(&vms_lock);
	list_del(&vm->link);
	pthread_mutex_unlock(&vms_lock);
	ioasid_cpu_leave(&vm->host->machine, &vm->cpu);
	vm_release(vm);
}

int ioasid_vm_fd(const struct ioasid_vm *vm)
{
	return vm->fd;
}

/* ---- vCPUs ------------------------------------------------------------------------------------------- */

int ioasid_vcpu_create(struct ioasid_vm *vm, struct ioasid_vcpu **out)
{
	struct ioasid_vcpu *v = os_zalloc(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->vcpu = vcpu_create(vm->vm);
	if (IS_ERR(v->vcpu)) {
		rc = (int)PTR_ERR(v->vcpu);
		os_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void ioasid_vcpu_destroy(struct ioasid_vcpu *v)
{
	if (!v)
		return;
	vcpu_destroy(v->vcpu);
	os_free(v);
}

int ioasid_vcpu_wrmsr_pasid(struct ioasid_vcpu *v, uint64_t value)
{
	return vcpu_wrmsr_pasid(v->vcpu, value);
}

uint64_t ioasid_vcpu_rdmsr_pasid(const struct ioasid_vcpu *v)
{
	return vcpu_rdmsr_pasid(v->vcpu);
}

static bool portal_store(void *opaque, u64 offset, const void *data)
{
	const struct ioasid_dmwr_portal *portal = opaque;

	return portal->store(portal->opaque, offset, data);
}

enum ioasid_enqcmd_result ioasid_vcpu_enqcmd(struct ioasid_vcpu *v,
					     const struct ioasid_dmwr_portal *portal,
					     struct ioasid_enqcmd *insn)
{
	static const enum ioasid_enqcmd_result results[] = {
		[ENQCMD_RETIRED] = IOASID_ENQCMD_RETIRED,
		[ENQCMD_GP] = IOASID_ENQCMD_GP,
		[ENQCMD_EXIT] = IOASID_ENQCMD_EXIT,
	};
	const struct dmwr_target target = {
		.store = portal && portal->store ? portal_store : NULL,
		.opaque = (void *)(uintptr_t)portal,
	};
	struct enqcmd e = {
		.supervisor = insn->supervisor,
		.cpl = insn->cpl,
		.dst = insn->dst,
		.src = insn->src,
	};
	enum enqcmd_result result = vcpu_enqcmd(v->vcpu, &target, &e);

	insn->zf = e.zf;
	insn->exit_reason = e.exit_reason;
	insn->vpasid = e.vpasid;
	return results[result];
}
