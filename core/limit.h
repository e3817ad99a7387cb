/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Limits: a tree of groups that mirrors the host's cgroup-v2 tree. A number is charged to the group
 * of the caller that took it, and to all groups above that one, until it is reclaimed; who moves to
 * another group moves alone. Source: design section 6, docs/allocator.md.
 *
 * The home owns the groups (which one a caller is in, what names them); the rules are here.
 */
#ifndef IOASID_CORE_LIMIT_H
#define IOASID_CORE_LIMIT_H

#include "os/os.h"

/** LIMIT_NONE - "max" of a group without a limit of its own. */
#define LIMIT_NONE 0xffffffffU

struct limit_group;

/**
 * struct limit_tree - all groups of a host
 * @lock: figures and links of all groups; a leaf of the lock order, taken inside pasid_host.lock
 * @groups: struct limit_group (link), parents before their children
 * @by_id: the same groups; @nr: how many
 * @release: the last reference to a group went: give back @priv. Any context but hard interrupts
 */
struct limit_tree {
	spinlock_t lock;
	struct list_head groups;
	struct rb_root_cached by_id;
	u32 nr;
	void (*release)(void *priv);
};

/**
 * struct limit_group - one group
 * @tree, @parent, @id, @priv, @name: fixed. @parent is held, and NULL for a root
 * @id: what names it to programs: cgroup id, or a number of the home; not 0, never used twice
 * @max: LIMIT_NONE: no limit. The root has none
 * @current_charge: charged here and below
 * @peak: highest @current_charge so far
 * @events: refusals because of this group's limit or one below it; @events_local: this group's own
 * @refs: the home's, its children's; @named: children that are not @gone
 * @gone: no name leads to it any more
 * @priv: the home's
 * @name: for people
 *
 * Its memory goes when @refs and @current_charge are 0, unless it has a limit of its own and a name: such a
 * group stays until one of them goes, with all its figures. All others begin anew from 0 when they are
 * needed again.
 */
struct limit_group {
	struct limit_tree *tree;
	struct limit_group *parent;
	struct list_head link;
	struct interval_tree_node by_id;
	u64 id;
	u32 max;
	u32 current_charge;
	u32 peak;
	u32 refs;
	u32 named;
	u64 events;
	u64 events_local;
	bool gone;
	void *priv;
	char name[];
};

void limit_tree_init(struct limit_tree *tree, void (*release)(void *priv));
/** limit_tree_destroy() - nobody holds a group, nothing is charged; what limits kept goes now. */
void limit_tree_destroy(struct limit_tree *tree);
/**
 * limit_tree_sweep() - limit_group_forget() for every group whose name is gone
 * @gone: is it? Gets @priv of the group; called with the tree's lock held
 *
 * For homes that nobody tells. Atomic.
 */
void limit_tree_sweep(struct limit_tree *tree, bool (*gone)(void *priv));

/**
 * limit_group_create() - a group with one reference
 * @parent: gets a reference; NULL: a root
 * @id, @name, @priv: see struct limit_group; @name is copied. The caller sees to it that no two groups
 *                    are made with one id
 *
 * Sleeps. Return: group; ERR_PTR(-ENOMEM), and @priv is still the caller's.
 */
struct limit_group *limit_group_create(struct limit_tree *tree, struct limit_group *parent, u64 id,
				       const char *name, void *priv);
void limit_group_get(struct limit_group *group);
/** limit_group_put() - any context but hard interrupts; the tree's lock is not held. */
void limit_group_put(struct limit_group *group);
/** limit_group_find() - by id, not @gone; with a reference, or NULL. Atomic. */
struct limit_group *limit_group_find(struct limit_tree *tree, u64 id);
/** limit_group_find_name() - the same by name. */
struct limit_group *limit_group_find_name(struct limit_tree *tree, const char *name);
/** limit_group_forget() - its name goes; charges stay. Caller holds it. 0; -EBUSY: named ones below. */
int limit_group_forget(struct limit_group *group);
/** limit_groups_forget_all() - a host ends: every name goes, with the reference that it was. */
void limit_groups_forget_all(struct limit_tree *tree);

/**
 * limit_charge() - charge @n numbers to @group and all above it, or to none
 * @refused_by: [out] on refusal: id of the group whose limit it was; may be NULL
 *
 * Atomic. A NULL @group, and @n 0, succeed. What is charged keeps the group.
 * Return: 0; -EBUSY a limit is reached: counted in that group's events_local and in the events of it
 * and of all above it.
 */
int limit_charge(struct limit_group *group, u32 n, u64 *refused_by);
/** limit_uncharge() - exactly what was charged before. Atomic. */
void limit_uncharge(struct limit_group *group, u32 n);
/**
 * limit_set_max() - another limit, which takes nothing away from anybody
 * @group: held by the caller
 * @max: may be lower than what is charged, and higher than what there is; LIMIT_NONE: none
 *
 * Return: 0; -EINVAL: a root. Atomic.
 */
int limit_set_max(struct limit_group *group, u32 max);

/** struct limit_figures - one group's figures at one moment */
struct limit_figures {
	u64 id;
	u32 max;
	u32 current_charge;
	u32 peak;
	u64 events;
	u64 events_local;
	bool gone;
};
void limit_read(struct limit_group *group, struct limit_figures *figures);

#endif
