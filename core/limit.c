// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "core/limit.h"

void limit_tree_init(struct limit_tree *tree, void (*release)(void *priv))
{
	spin_lock_init(&tree->lock);
	INIT_LIST_HEAD(&tree->groups);
	tree->by_id = RB_ROOT_CACHED;
	tree->nr = 0;
	tree->release = release;
}

/* ---- memory of groups ------------------------------------------------------------------------ */

static bool is_unused(const struct limit_group *group)
{
	return !group->refs && !group->current_charge && (group->gone || group->max == LIMIT_NONE);
}

static void lose_name(struct limit_group *group)
{
	if (!group->gone && group->parent)
		group->parent->named--;
	group->gone = true;
}

/* Out of the tree, in front of @unused, which is linked through @parent. */
static struct limit_group *unlink_group(struct limit_group *group, struct limit_group *unused)
{
	list_del(&group->link);
	interval_tree_remove(&group->by_id, &group->tree->by_id);
	group->tree->nr--;
	lose_name(group);
	if (group->parent)
		group->parent->refs--;
	group->parent = unused;
	return group;
}

/* Take out of the tree what nobody uses, and after it what that was the last user of. */
static struct limit_group *prune_locked(struct limit_group *group)
{
	struct limit_group *unused = NULL, *parent;

	for (; group && is_unused(group); group = parent) {
		parent = group->parent;
		unused = unlink_group(group, unused);
	}
	return unused;
}

static void free_groups(struct limit_group *unused)
{
	struct limit_group *next;

	for (; unused; unused = next) {
		next = unused->parent;
		if (unused->tree->release)
			unused->tree->release(unused->priv);
		kfree(unused);
	}
}

static bool everything_is_gone(void *priv)
{
	return true;
}

void limit_tree_sweep(struct limit_tree *tree, bool (*gone)(void *priv))
{
	struct limit_group *unused = NULL, *group;
	struct list_head *at, *before;

	spin_lock_bh(&tree->lock);
	/* From the end: a group comes before its parent, which may go because of it. */
	for (at = tree->groups.prev; at != &tree->groups; at = before) {
		before = at->prev;
		group = list_entry(at, struct limit_group, link);
		if (!group->gone && !group->named && gone(group->priv))
			lose_name(group);
		if (is_unused(group))
			unused = unlink_group(group, unused);
	}
	spin_unlock_bh(&tree->lock);
	free_groups(unused);
}

void limit_tree_destroy(struct limit_tree *tree)
{
	limit_tree_sweep(tree, everything_is_gone);
	WARN_ON(!list_empty(&tree->groups));
}

/* ---- groups ---------------------------------------------------------------------------------- */

struct limit_group *limit_group_create(struct limit_tree *tree, struct limit_group *parent, u64 id,
				       const char *name, void *priv)
{
	size_t len = strlen(name) + 1;
	struct limit_group *group = kzalloc(sizeof(*group) + len, GFP_KERNEL_ACCOUNT);

	if (!group)
		return ERR_PTR(-ENOMEM);
	group->tree = tree;
	group->parent = parent;
	group->by_id.start = id;
	group->by_id.last = id;
	group->id = id;
	group->max = LIMIT_NONE;
	group->refs = 1;
	group->priv = priv;
	memcpy(group->name, name, len);
	spin_lock_bh(&tree->lock);
	if (parent) {
		parent->refs++;
		parent->named++;
	}
	list_add_tail(&group->link, &tree->groups);
	interval_tree_insert(&group->by_id, &tree->by_id);
	tree->nr++;
	spin_unlock_bh(&tree->lock);
	return group;
}

void limit_group_get(struct limit_group *group)
{
	spin_lock_bh(&group->tree->lock);
	group->refs++;
	spin_unlock_bh(&group->tree->lock);
}

void limit_group_put(struct limit_group *group)
{
	struct limit_tree *tree = group->tree;
	struct limit_group *unused = NULL;

	spin_lock_bh(&tree->lock);
	if (!WARN_ON(!group->refs)) {
		group->refs--;
		unused = prune_locked(group);
	}
	spin_unlock_bh(&tree->lock);
	free_groups(unused);
}

struct limit_group *limit_group_find(struct limit_tree *tree, u64 id)
{
	struct limit_group *group = NULL;
	struct interval_tree_node *node;

	spin_lock_bh(&tree->lock);
	node = interval_tree_iter_first(&tree->by_id, id, id);
	if (node)
		group = container_of(node, struct limit_group, by_id);
	if (group && group->gone)
		group = NULL;
	if (group)
		group->refs++;
	spin_unlock_bh(&tree->lock);
	return group;
}

struct limit_group *limit_group_find_name(struct limit_tree *tree, const char *name)
{
	struct limit_group *group, *found = NULL;

	spin_lock_bh(&tree->lock);
	list_for_each_entry(group, &tree->groups, link) {
		if (!group->gone && !strcmp(group->name, name)) {
			found = group;
			group->refs++;
			break;
		}
	}
	spin_unlock_bh(&tree->lock);
	return found;
}

int limit_group_forget(struct limit_group *group)
{
	spinlock_t *lock = &group->tree->lock;
	int rc = 0;

	spin_lock_bh(lock);
	if (group->named)
		rc = -EBUSY;
	else
		lose_name(group);
	spin_unlock_bh(lock);
	return rc;
}

void limit_groups_forget_all(struct limit_tree *tree)
{
	struct limit_group *unused = NULL, *group;
	struct list_head *at, *before;

	spin_lock_bh(&tree->lock);
	for (at = tree->groups.prev; at != &tree->groups; at = before) {
		before = at->prev;
		group = list_entry(at, struct limit_group, link);
		if (!group->gone && group->refs)
			group->refs--;
		lose_name(group);
		if (is_unused(group))
			unused = unlink_group(group, unused);
	}
	spin_unlock_bh(&tree->lock);
	free_groups(unused);
}

/* ---- charging -------------------------------------------------------------------------------- */

/*
 * The lowest group from @group on that has no room for @n more. Nothing is charged before all have been
 * asked, so there is nothing to undo, and a peak that was never reached is never seen.
 */
static struct limit_group *refusing(struct limit_group *group, u32 n)
{
	u32 sum;

	for (; group; group = group->parent) {
		if (check_add_overflow(group->current_charge, n, &sum) || sum > group->max)
			return group;
	}
	return NULL;
}

static void count_refusal(struct limit_group *group)
{
	group->events_local++;
	for (; group; group = group->parent)
		group->events++;
}

static void add_charge(struct limit_group *group, u32 n)
{
	for (; group; group = group->parent) {
		group->current_charge += n;
		group->peak = max(group->peak, group->current_charge);
	}
}

int limit_charge(struct limit_group *group, u32 n, u64 *refused_by)
{
	struct limit_group *full;

	if (refused_by)
		*refused_by = 0;
	if (!group || !n)
		return 0;
	spin_lock_bh(&group->tree->lock);
	full = refusing(group, n);
	if (full) {
		count_refusal(full);
		if (refused_by)
			*refused_by = full->id;
	} else {
		add_charge(group, n);
	}
	spin_unlock_bh(&group->tree->lock);
	return full ? -EBUSY : 0;
}

void limit_uncharge(struct limit_group *group, u32 n)
{
	struct limit_group *g, *unused;
	struct limit_tree *tree;

	if (!group || !n)
		return;
	tree = group->tree;
	spin_lock_bh(&tree->lock);
	/* What is charged here is charged all the way up. */
	for (g = WARN_ON(group->current_charge < n) ? NULL : group; g; g = g->parent)
		g->current_charge -= n;
	unused = prune_locked(group);
	spin_unlock_bh(&tree->lock);
	free_groups(unused);
}

int limit_set_max(struct limit_group *group, u32 max)
{
	if (!group->parent)
		return -EINVAL;
	spin_lock_bh(&group->tree->lock);
	group->max = max;
	spin_unlock_bh(&group->tree->lock);
	return 0;
}

void limit_read(struct limit_group *group, struct limit_figures *figures)
{
	spin_lock_bh(&group->tree->lock);
	*figures = (struct limit_figures){
		.id = group->id,
		.max = group->max,
		.current_charge = group->current_charge,
		.peak = group->peak,
		.events = group->events,
		.events_local = group->events_local,
		.gone = group->gone,
	};
	spin_unlock_bh(&group->tree->lock);
}
