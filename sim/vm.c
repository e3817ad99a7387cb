// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: descriptors that IOASID_CPU_PASID_ENABLE takes, whose vCPUs execute ENQCMD on the portals of
 * devices made through the same open of the node.
 *
 * The descriptor is the VM: with its last reference the VM ends, which a context that has it is told.
 * Memory of the VM lives until that context has let go.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/ioasid_cpu.h>
#include <linux/slab.h>

#include "enqcmd/vm.h"
#include "sim/private.h"

#define MAX_VCPUS	  1024
#define HOST_ADDRESS_BITS 52

/**
 * struct sim_vm - a VM
 * @ref: the descriptor, a context that has it
 * @owner: whose devices its instructions reach; referenced while the descriptor is open
 * @mem: how CPUs reach tables
 * @model: what it is
 * @lock: @vcpus, @nr_vcpus coming and going
 */
struct sim_vm {
	struct kref ref;
	struct sim_file *owner;
	struct phys_mem mem;
	struct vm *model;
	struct mutex lock;
	struct xarray vcpus;
	u32 nr_vcpus;
};

/** struct sim_vcpu - a CPU; @lock: one instruction at a time. */
struct sim_vcpu {
	struct kref ref;
	struct mutex lock;
	struct vcpu *model;
};

/* ---- vCPUs ----------------------------------------------------------------------------------------- */

static void vcpu_free(struct kref *ref)
{
	struct sim_vcpu *vcpu = container_of(ref, struct sim_vcpu, ref);

	vcpu_destroy(vcpu->model);
	mutex_destroy(&vcpu->lock);
	kfree(vcpu);
}

static void vcpu_put(struct sim_vcpu *vcpu)
{
	kref_put(&vcpu->ref, vcpu_free);
}

static struct sim_vcpu *vcpu_get(struct sim_vm *vm, u32 id)
{
	struct sim_vcpu *vcpu;

	xa_lock(&vm->vcpus);
	vcpu = xa_load(&vm->vcpus, id);
	if (vcpu)
		kref_get(&vcpu->ref);
	xa_unlock(&vm->vcpus);
	return vcpu;
}

static struct sim_vcpu *vcpu_make(struct sim_vm *vm)
{
	struct sim_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->model = vcpu_create(vm->model);
	if (IS_ERR(vcpu->model)) {
		rc = PTR_ERR(vcpu->model);
		kfree(vcpu);
		return ERR_PTR(rc);
	}
	kref_init(&vcpu->ref);
	mutex_init(&vcpu->lock);
	return vcpu;
}

static int vcpu_add(struct sim_vm *vm, u32 *id)
{
	struct sim_vcpu *vcpu;
	int rc;

	if (vm->nr_vcpus == MAX_VCPUS)
		return -EDQUOT;
	vcpu = vcpu_make(vm);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	rc = sim_id_store(&vm->vcpus, vcpu, id);
	if (rc)
		vcpu_put(vcpu);
	else
		vm->nr_vcpus++;
	return rc;
}

static int cmd_vcpu_create(void *owner, void *arg)
{
	struct ioasid_sim_vcpu *v = arg;
	struct sim_vm *vm = owner;
	int rc;

	mutex_lock(&vm->lock);
	rc = vcpu_add(vm, &v->vcpu);
	mutex_unlock(&vm->lock);
	return rc;
}

static int end_vcpu(void *owner, u32 id)
{
	struct sim_vm *vm = owner;
	struct sim_vcpu *vcpu;

	mutex_lock(&vm->lock);
	vcpu = xa_erase(&vm->vcpus, id);
	if (vcpu)
		vm->nr_vcpus--;
	mutex_unlock(&vm->lock);
	if (!vcpu)
		return -ENOENT;
	vcpu_put(vcpu);
	return 0;
}

static int cmd_vcpu_destroy(void *owner, void *arg)
{
	return end_vcpu(owner, ((struct ioasid_sim_object *)arg)->id);
}

static int cmd_wrmsr(void *owner, void *arg)
{
	struct ioasid_sim_wrmsr *msr = arg;
	struct sim_vcpu *vcpu = vcpu_get(owner, msr->vcpu);
	int rc;

	if (!vcpu)
		return -ENOENT;
	mutex_lock(&vcpu->lock);
	rc = vcpu_wrmsr_pasid(vcpu->model, msr->value);
	mutex_unlock(&vcpu->lock);
	vcpu_put(vcpu);
	return rc;
}

/* ---- ENQCMD ---------------------------------------------------------------------------------------------- */

/** struct portal - where an instruction goes; in a command inside @dev. */
struct portal {
	struct sim_dev *dev;
	u32 queue;
};

/* In an RCU section. */
static bool portal_store(void *opaque, u64 offset, const void *data)
{
	const struct portal *p = opaque;

	return sim_wq_store(p->dev, p->queue, offset, data, 64, WQ_STORE_DMWR) == WQ_ACCEPTED;
}

static void insn_execute(struct sim_vcpu *vcpu, const struct dmwr_target *target,
			 struct ioasid_sim_enqcmd *e)
{
	static const u32 results[] = {
		[ENQCMD_RETIRED] = IOASID_SIM_INSN_RETIRED,
		[ENQCMD_GP] = IOASID_SIM_INSN_GP,
		[ENQCMD_EXIT] = IOASID_SIM_INSN_EXIT,
	};
	struct enqcmd insn = {
		.supervisor = e->flags & IOASID_SIM_ENQCMD_SUPERVISOR,
		.cpl = e->cpl,
		.dst = e->offset,
		.src = e->data,
	};

	mutex_lock(&vcpu->lock);
	e->result = results[vcpu_enqcmd(vcpu->model, target, &insn)];
	mutex_unlock(&vcpu->lock);
	e->zf = e->result == IOASID_SIM_INSN_RETIRED && insn.zf;
	e->exit_reason = e->result == IOASID_SIM_INSN_EXIT ? insn.exit_reason : 0;
	e->vpasid = e->result == IOASID_SIM_INSN_EXIT ? insn.vpasid : 0;
}

static int insn_on_device(struct sim_vm *vm, struct sim_vcpu *vcpu, struct ioasid_sim_enqcmd *e)
{
	struct sim_dev *dev = sim_dev_begin(vm->owner, e->device);
	struct portal portal = { .dev = dev, .queue = e->queue };
	const struct dmwr_target target = { .store = portal_store, .opaque = &portal };
	int rc = 0;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (dev->wq)
		insn_execute(vcpu, &target, e);
	else
		rc = -EINVAL;
	sim_dev_end(dev);
	return rc;
}

static int cmd_enqcmd(void *owner, void *arg)
{
	struct ioasid_sim_enqcmd *e = arg;
	struct sim_vcpu *vcpu;
	int rc = 0;

	if (e->cpl > 3)
		return -EINVAL;
	vcpu = vcpu_get(owner, e->vcpu);
	if (!vcpu)
		return -ENOENT;
	if (e->device == IOASID_SIM_NONE)
		insn_execute(vcpu, NULL, e);
	else
		rc = insn_on_device(owner, vcpu, e);
	vcpu_put(vcpu);
	return rc;
}

/* ---- the descriptor ------------------------------------------------------------------------------------------ */

#define VM_NR(cmd) (_IOC_NR(cmd) - IOASID_SIM_VM_BASE)

static const struct sim_command commands[] = {
	[VM_NR(IOASID_SIM_VCPU_CREATE)] = SIM_MAKER(cmd_vcpu_create, ioasid_sim_vcpu, 0,
						    SIM_RSVD(ioasid_sim_vcpu), end_vcpu, vcpu),
	[VM_NR(IOASID_SIM_VCPU_DESTROY)] =
		SIM_COMMAND(cmd_vcpu_destroy, ioasid_sim_object, 0, SIM_RSVD(ioasid_sim_object)),
	[VM_NR(IOASID_SIM_WRMSR_PASID)] =
		SIM_COMMAND(cmd_wrmsr, ioasid_sim_wrmsr, 0, SIM_RSVD(ioasid_sim_wrmsr)),
	[VM_NR(IOASID_SIM_ENQCMD)] =
		SIM_COMMAND(cmd_enqcmd, ioasid_sim_enqcmd, IOASID_SIM_ENQCMD_SUPERVISOR, 0),
};

static long vm_ioctl(struct file *filp, unsigned int cmd, unsigned long uaddr)
{
	unsigned int nr = VM_NR(cmd);

	if (_IOC_TYPE(cmd) != IOASID_SIM_IOC_TYPE || nr >= ARRAY_SIZE(commands) ||
	    cmd != _IO(IOASID_SIM_IOC_TYPE, _IOC_NR(cmd)))
		return -ENOTTY;
	return sim_command(filp->private_data, &commands[nr], (void __user *)uaddr);
}

static void vm_free(struct kref *ref)
{
	struct sim_vm *vm = container_of(ref, struct sim_vm, ref);

	xa_destroy(&vm->vcpus);
	vm_put(vm->model);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

/* Nobody is in a command of it any more, nor finds it. */
static int vm_release(struct inode *inode, struct file *filp)
{
	struct sim_vm *vm = filp->private_data;
	struct sim_vcpu *vcpu;
	unsigned long id;

	ioasid_cpu_vm_gone(vm);
	xa_for_each(&vm->vcpus, id, vcpu) {
		xa_erase(&vm->vcpus, id);
		vcpu_put(vcpu);
	}
	sim_file_put(vm->owner);
	kref_put(&vm->ref, vm_free);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct sim_vm *vm_make(struct sim_file *owner)
{
	struct sim_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	phys_mem_init_callback(&vm->mem, sim_mem_at);
	vm->model = vm_create(&vm->mem, HOST_ADDRESS_BITS);
	if (IS_ERR(vm->model)) {
		rc = PTR_ERR(vm->model);
		kfree(vm);
		return ERR_PTR(rc);
	}
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ALLOC);
	sim_file_get(owner);
	vm->owner = owner;
	return vm;
}

int sim_vm_create(struct sim_file *owner, struct file **made, int *fd)
{
	struct sim_vm *vm = vm_make(owner);
	struct file *file;
	int number;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	file = anon_inode_getfile("[ioasid-sim-vm]", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		sim_file_put(owner);
		kref_put(&vm->ref, vm_free);
		return PTR_ERR(file);
	}
	number = get_unused_fd_flags(O_CLOEXEC);
	if (number < 0) {
		fput(file); /* ends the VM */
		return number;
	}
	*made = file;
	*fd = number;
	return 0;
}

/* ---- what ioasid.ko asks ---------------------------------------------------------------------------------------- */

static void *provider_get(struct file *file)
{
	struct sim_vm *vm = file->private_data;

	if (file->f_op != &vm_fops)
		return NULL;
	kref_get(&vm->ref);
	return vm;
}

static int provider_enable(void *opaque, u64 low, u64 high)
{
	struct sim_vm *vm = opaque;

	return vm_enable(vm->model, low, high);
}

static void provider_disable(void *opaque)
{
	struct sim_vm *vm = opaque;

	vm_disable(vm->model);
}

static void provider_flush(void *opaque)
{
	struct sim_vm *vm = opaque;

	vm_flush(vm->model);
}

static void provider_release(void *opaque)
{
	struct sim_vm *vm = opaque;

	kref_put(&vm->ref, vm_free);
}

static const struct ioasid_kcpu_ops provider_ops = {
	.enable = provider_enable,
	.disable = provider_disable,
	.flush = provider_flush,
	.release = provider_release,
};

static struct ioasid_cpu_provider provider = {
	.owner = THIS_MODULE,
	.ops = &provider_ops,
	.get = provider_get,
};

void sim_vm_init(void)
{
	ioasid_register_cpu_provider(&provider);
}

void sim_vm_exit(void)
{
	ioasid_unregister_cpu_provider(&provider);
}
