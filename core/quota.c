// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The commands for limits on host-wide numbers. Which group is meant, and who may change it, only the
 * home knows (limit_find); limits belong to the host and not to the context that is asked, whose lock is
 * not taken.
 */
#include "core/core.h"

#define PATH_LEN_MAX 4095U

/* Exactly one way to name the group, and nothing said of the others. */
static int check_name(const struct ioasid_limit *name)
{
	switch (name->flags) {
	case IOASID_LIMIT_OWN:
		return name->fd || name->path || name->path_len ? -EINVAL : 0;
	case IOASID_LIMIT_FD:
		return name->path || name->path_len ? -EINVAL : 0;
	case IOASID_LIMIT_PATH:
		return name->fd || !name->path_len || name->path_len > PATH_LEN_MAX ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static struct limit_group *find_group(struct ioasid_ctx *ctx, const struct ioasid_limit *name,
				      bool change)
{
	struct ioasid_machine *machine = ctx->machine;
	int rc = ctx_lock_read(ctx);

	if (rc)
		return ERR_PTR(rc);
	up_read(&ctx->lock);
	if (!machine->ops->limit_find)
		return ERR_PTR(-EOPNOTSUPP);
	rc = check_name(name);
	return rc ? ERR_PTR(rc) : machine->ops->limit_find(machine, name, change);
}

static void fill(struct limit_group *group, struct ioasid_limit *limit)
{
	struct limit_figures figures;

	limit_read(group, &figures);
	limit->max = figures.max;
	limit->current_charge = figures.current_charge;
	limit->peak = figures.peak;
	limit->id = figures.id;
	limit->events = figures.events;
	limit->events_local = figures.events_local;
}

int limit_get(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_limit *limit = arg;
	struct limit_group *group = find_group(ctx, limit, false);

	if (IS_ERR(group))
		return PTR_ERR(group);
	fill(group, limit);
	limit_group_put(group);
	return 0;
}

int limit_set(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_limit *limit = arg;
	struct limit_group *group = find_group(ctx, limit, true);
	int rc;

	if (IS_ERR(group))
		return PTR_ERR(group);
	rc = limit_set_max(group, limit->max);
	if (!rc)
		fill(group, limit);
	limit_group_put(group);
	return rc;
}
