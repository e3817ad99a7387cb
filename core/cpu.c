// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PASIDs that CPUs translate: the context's table from vPASIDs to host-wide numbers, in the format a CPU
 * walks, and the VM whose vCPUs walk it (design section 5.5). An entry holds its number. User space's
 * word opens no portal: only when the VM has said that every vCPU translates do slices accept what
 * vCPUs submit.
 *
 * All functions run under ctx->lock held for writing.
 */
#include "core/core.h"

/* ---- the table ---------------------------------------------------------------------------------- */

static int table_make(struct ioasid_ctx *ctx)
{
	const struct ioasid_home_ops *ops = ctx->machine->ops;
	struct cpu_pasid_table *table;
	int rc;

	if (ctx->cpu_table)
		return 0;
	if (!ops->cpu_env)
		return -EOPNOTSUPP;
	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	rc = cpu_pasid_init(table, ops->cpu_env(ctx->machine));
	if (rc) {
		kfree(table);
		return rc;
	}
	ctx->cpu_table = table;
	return 0;
}

void cpu_destroy(struct ioasid_ctx *ctx)
{
	if (!ctx->cpu_table)
		return;
	cpu_pasid_destroy(ctx->cpu_table);
	kfree(ctx->cpu_table);
	ctx->cpu_table = NULL;
}

/* ---- entries -------------------------------------------------------------------------------------- */

bool cpu_clear(struct hostnum *num)
{
	if (num->cpu != HOSTNUM_CPU_MAPPED)
		return false;
	cpu_pasid_clear(num->ioas->ctx->cpu_table, num->vpasid.val);
	num->cpu = HOSTNUM_CPU_CLEARED;
	return true;
}

void cpu_flush(struct ioasid_ctx *ctx)
{
	if (ctx->cpu_on)
		ctx->cpu->ops->flush(ctx->cpu);
}

void cpu_release(struct hostnum *num)
{
	struct ioasid_ctx *ctx = num->ioas->ctx;

	if (num->cpu != HOSTNUM_CPU_CLEARED)
		return;
	num->cpu = HOSTNUM_CPU_NOT;
	pasid_put(&ctx->machine->pasids, ctx->set, num->number.val, IOASID_HOLD_CPU);
}

void cpu_forget(struct hostnum *num)
{
	if (!cpu_clear(num))
		return;
	cpu_flush(num->ioas->ctx);
	cpu_release(num);
}

static int map_number(struct ioasid_ctx *ctx, struct hostnum *num)
{
	struct pasid_host *host = &ctx->machine->pasids;
	int rc = pasid_get(host, ctx->set, num->number.val, IOASID_HOLD_CPU);

	if (rc)
		return rc;
	rc = cpu_pasid_set(ctx->cpu_table, num->vpasid.val, num->number.val);
	if (rc)
		pasid_put(host, ctx->set, num->number.val, IOASID_HOLD_CPU);
	else
		num->cpu = HOSTNUM_CPU_MAPPED;
	return rc;
}

/* No vCPU remembers that there was nothing: who met a hole leaves the guest, and finds the entry on return. */
int cpu_pasid_map(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_cpu_pasid *c = arg;
	bool fresh = !ctx->cpu_table;
	struct hostnum *num;
	int rc;

	if (!ctx->machine->ops->cpu_get)
		return -EOPNOTSUPP;
	if (!c->vpasid || c->vpasid >= 1U << IOASID_PASID_BITS)
		return -ERANGE;
	num = hostnum_find(ctx, VPASID(c->vpasid));
	if (!num)
		return -ENOENT;
	if (num->cpu == HOSTNUM_CPU_MAPPED)
		return 0;
	rc = table_make(ctx) ?: map_number(ctx, num);
	if (rc && fresh)
		cpu_destroy(ctx);
	return rc;
}

int cpu_pasid_unmap(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_cpu_pasid *c = arg;
	struct hostnum *num;

	if (!ctx->machine->ops->cpu_get)
		return -EOPNOTSUPP;
	num = hostnum_find(ctx, VPASID(c->vpasid));
	if (!num || num->cpu != HOSTNUM_CPU_MAPPED)
		return -ENOENT;
	cpu_forget(num);
	return 0;
}

/* ---- on and off --------------------------------------------------------------------------------------- */

/* The VM becomes the context's. It is nobody else's. */
static int provider_take(struct ioasid_ctx *ctx, struct ioasid_cpu *cpu)
{
	int rc = 0;

	mutex_lock(&ctx->machine->lock);
	if (cpu->gone)
		rc = -ENODEV;
	else if (cpu->ctx)
		rc = -EBUSY;
	else
		cpu->ctx = ctx;
	mutex_unlock(&ctx->machine->lock);
	return rc;
}

static void provider_drop(struct ioasid_ctx *ctx, struct ioasid_cpu *cpu)
{
	mutex_lock(&ctx->machine->lock);
	cpu->ctx = NULL;
	mutex_unlock(&ctx->machine->lock);
	cpu->ops->put(cpu);
}

/* Portals first: nothing is accepted that was not translated. */
static void turn_off(struct ioasid_ctx *ctx)
{
	if (!ctx->cpu_on)
		return;
	ctx->cpu_on = false;
	portals_shut_translated(ctx);
	ctx->cpu->ops->disable(ctx->cpu);
	/* Whole functions in local mode accept again what CPUs send as it is. One that will not says so. */
	(void)portals_update(ctx);
}

static int start_cpus(struct ioasid_ctx *ctx, struct ioasid_cpu *cpu)
{
	int rc;

	/* The numbers that come from now on are not those that are installed there. */
	portals_shut_local(ctx);
	rc = cpu->ops->enable(cpu, ctx->cpu_table->low, ctx->cpu_table->high);
	if (!rc) {
		ctx->cpu_on = true;
		rc = portals_update(ctx);
		if (!rc)
			return 0;
		ctx->cpu_on = false;
		cpu->ops->disable(cpu);
	}
	/* As it was. A device that will not open again says so. */
	(void)portals_update(ctx);
	return rc;
}

static int turn_on(struct ioasid_ctx *ctx, struct ioasid_cpu *cpu)
{
	bool fresh = !ctx->cpu_table;
	int rc = table_make(ctx) ?: start_cpus(ctx, cpu);

	if (rc && fresh)
		cpu_destroy(ctx);
	return rc;
}

/* Another VM than before: only while none of them translates. */
static int enable_other(struct ioasid_ctx *ctx, struct ioasid_cpu *cpu)
{
	struct ioasid_cpu *old = ctx->cpu;
	int rc = ctx->cpu_on ? -EBUSY : provider_take(ctx, cpu);

	if (rc) {
		cpu->ops->put(cpu);
		return rc;
	}
	ctx->cpu = cpu;
	rc = turn_on(ctx, cpu);
	if (rc) {
		ctx->cpu = old;
		provider_drop(ctx, cpu);
	} else if (old) {
		provider_drop(ctx, old);
	}
	return rc;
}

static int enable_named(struct ioasid_ctx *ctx, s32 fd)
{
	struct ioasid_cpu *cpu = ctx->machine->ops->cpu_get(ctx->machine, fd);

	if (IS_ERR(cpu))
		return (int)PTR_ERR(cpu);
	if (cpu != ctx->cpu)
		return enable_other(ctx, cpu);
	cpu->ops->put(cpu);
	return ctx->cpu_on ? 0 : turn_on(ctx, cpu);
}

int cpu_pasid_enable(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_cpu_pasid_enable *e = arg;

	if (!ctx->machine->ops->cpu_get)
		return -EOPNOTSUPP;
	if (e->provider_fd < -1 || (e->flags & IOASID_CPU_DISABLE && e->provider_fd != -1))
		return -EINVAL;
	if (e->flags & IOASID_CPU_DISABLE) {
		turn_off(ctx);
		return 0;
	}
	if (e->provider_fd >= 0)
		return enable_named(ctx, e->provider_fd);
	if (!ctx->cpu)
		return -EOPNOTSUPP;
	return ctx->cpu_on ? 0 : turn_on(ctx, ctx->cpu);
}

void cpu_stop(struct ioasid_ctx *ctx)
{
	struct ioasid_cpu *cpu = ctx->cpu;

	turn_off(ctx);
	ctx->cpu = NULL;
	if (cpu)
		provider_drop(ctx, cpu);
}

/* The context that has it may change until its lock is ours. */
void ioasid_cpu_leave(struct ioasid_machine *machine, struct ioasid_cpu *cpu)
{
	struct ioasid_ctx *ctx;

	for (;;) {
		mutex_lock(&machine->lock);
		cpu->gone = true;
		ctx = cpu->ctx;
		if (ctx)
			ioasid_ctx_get(ctx);
		mutex_unlock(&machine->lock);
		if (!ctx)
			return;
		down_write(&ctx->lock);
		if (ctx->cpu == cpu)
			cpu_stop(ctx);
		up_write(&ctx->lock);
		ioasid_ctx_put(ctx);
	}
}
