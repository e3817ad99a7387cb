// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs of hypervisors as the core's providers of CPU translation. Which descriptors are VMs is known to
 * the modules that make them (struct ioasid_cpu_provider).
 *
 * A VM that somebody has named is one struct lin_cpu, whoever names it again, so that the core can say
 * that it serves a context already. It lives as long as it has references: of calls in progress and
 * of the context that has it.
 *
 * Locks: providers_lock is held while a module is asked about a file, so that the module stays;
 * cpus_lock is a leaf.
 */
#include <linux/file.h>
#include <linux/ioasid_cpu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "formats/tables.h"
#include "linux/ioasid_linux.h"

/**
 * struct lin_cpu - a VM
 * @core: what the core has of it
 * @provider: whose it is; its module is pinned
 * @vm: the module's, referenced
 * @refs, @link: under cpus_lock
 * @gone: it ends: nobody enables it any more
 */
struct lin_cpu {
	struct ioasid_cpu core;
	struct ioasid_cpu_provider *provider;
	void *vm;
	unsigned int refs;
	struct list_head link;
	bool gone;
};

static DEFINE_MUTEX(providers_lock);
static LIST_HEAD(providers);
static DEFINE_MUTEX(cpus_lock);
static LIST_HEAD(cpus);
static DECLARE_WAIT_QUEUE_HEAD(cpu_released);

void ioasid_register_cpu_provider(struct ioasid_cpu_provider *provider)
{
	mutex_lock(&providers_lock);
	list_add_tail(&provider->list, &providers);
	mutex_unlock(&providers_lock);
}
EXPORT_SYMBOL_GPL(ioasid_register_cpu_provider);

void ioasid_unregister_cpu_provider(struct ioasid_cpu_provider *provider)
{
	mutex_lock(&providers_lock);
	list_del(&provider->list);
	mutex_unlock(&providers_lock);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_cpu_provider);

/* ---- what the core asks of a VM -------------------------------------------------------------- */

static struct lin_cpu *cpu_of(struct ioasid_cpu *core)
{
	return container_of(core, struct lin_cpu, core);
}

static int cpu_enable(struct ioasid_cpu *core, u64 low, u64 high)
{
	struct lin_cpu *cpu = cpu_of(core);

	if (READ_ONCE(cpu->gone))
		return -ENODEV;
	return cpu->provider->ops->enable(cpu->vm, low, high);
}

static void cpu_disable(struct ioasid_cpu *core)
{
	cpu_of(core)->provider->ops->disable(cpu_of(core)->vm);
}

static void cpu_flush(struct ioasid_cpu *core)
{
	cpu_of(core)->provider->ops->flush(cpu_of(core)->vm);
}

static void cpu_put(struct ioasid_cpu *core)
{
	struct lin_cpu *cpu = cpu_of(core);
	struct module *owner = cpu->provider->owner;
	bool last;

	mutex_lock(&cpus_lock);
	WRITE_ONCE(cpu->refs, cpu->refs - 1);
	last = !cpu->refs;
	if (last)
		list_del(&cpu->link);
	mutex_unlock(&cpus_lock);
	wake_up_all(&cpu_released);
	if (!last)
		return;
	cpu->provider->ops->release(cpu->vm);
	kfree(cpu);
	module_put(owner);
}

static const struct ioasid_cpu_ops cpu_ops = {
	.enable = cpu_enable,
	.disable = cpu_disable,
	.flush = cpu_flush,
	.put = cpu_put,
};

/* ---- naming one -------------------------------------------------------------------------------- */

/* What there is for @vm, with a reference, or NULL. */
static struct lin_cpu *cpu_find(const void *vm)
{
	struct lin_cpu *cpu, *found = NULL;

	mutex_lock(&cpus_lock);
	list_for_each_entry(cpu, &cpus, link) {
		if (cpu->vm == vm) {
			found = cpu;
			cpu->refs++;
			break;
		}
	}
	mutex_unlock(&cpus_lock);
	return found;
}

/* providers_lock held: nobody else adds one. The reference on @vm is ours to keep or to drop. */
static struct lin_cpu *cpu_make(struct ioasid_cpu_provider *provider, void *vm)
{
	struct lin_cpu *cpu = cpu_find(vm);

	if (cpu) {
		provider->ops->release(vm);
		return cpu;
	}
	cpu = kzalloc(sizeof(*cpu), GFP_KERNEL_ACCOUNT);
	if (!cpu) {
		provider->ops->release(vm);
		return ERR_PTR(-ENOMEM);
	}
	/* The caller's descriptor keeps the module, until it is closed by somebody else. */
	__module_get(provider->owner);
	cpu->core.ops = &cpu_ops;
	cpu->provider = provider;
	cpu->vm = vm;
	cpu->refs = 1;
	mutex_lock(&cpus_lock);
	list_add_tail(&cpu->link, &cpus);
	mutex_unlock(&cpus_lock);
	return cpu;
}

static struct lin_cpu *cpu_of_file(struct file *file)
{
	struct lin_cpu *cpu = ERR_PTR(-EOPNOTSUPP);
	struct ioasid_cpu_provider *provider;
	void *vm;

	mutex_lock(&providers_lock);
	list_for_each_entry(provider, &providers, list) {
		vm = provider->get(file);
		if (vm) {
			cpu = cpu_make(provider, vm);
			break;
		}
	}
	mutex_unlock(&providers_lock);
	return cpu;
}

struct ioasid_cpu *lin_cpu_get(struct ioasid_machine *machine, int fd)
{
	struct file *file = fget(fd);
	struct lin_cpu *cpu;

	if (!file)
		return ERR_PTR(-EBADF);
	cpu = cpu_of_file(file);
	fput(file);
	return IS_ERR(cpu) ? ERR_CAST(cpu) : &cpu->core;
}

/* ---- the end of a VM ------------------------------------------------------------------------------ */

/*
 * A command that found the VM before it stopped being found may be about to enable it: it is refused,
 * or has taken effect and is undone here. So we look until nobody but us has it.
 */
void ioasid_cpu_vm_gone(void *vm)
{
	struct lin_cpu *cpu;

	/* Whoever asked its module about a file before has found it. */
	mutex_lock(&providers_lock);
	cpu = cpu_find(vm);
	mutex_unlock(&providers_lock);
	if (!cpu)
		return;
	WRITE_ONCE(cpu->gone, true);
	do {
		ioasid_cpu_leave(&lin_machine, &cpu->core);
	} while (!wait_event_timeout(cpu_released, READ_ONCE(cpu->refs) == 1, HZ / 50));
	cpu_put(&cpu->core);
}
EXPORT_SYMBOL_GPL(ioasid_cpu_vm_gone);

/* ---- memory of the tables ---------------------------------------------------------------------- */

static void *table_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	return pfn_valid(PHYS_PFN(pa)) ? phys_to_virt(pa) : NULL;
}

static void *table_take(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	void *p = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);

	if (p)
		*pa = virt_to_phys(p);
	return p;
}

static void table_give(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	free_pages((unsigned long)table, order);
}

const struct table_env *lin_cpu_env(struct ioasid_machine *machine)
{
	static const struct phys_mem mem = { .at = table_at };
	static struct table_alloc alloc = { .alloc = table_take, .free = table_give };
	static const struct table_env env = { .mem = &mem, .alloc = &alloc };

	return &env;
}
