// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups of limits are the caller's real cgroups (v2) and their ancestors.
 *
 * A group is made when somebody in its cgroup takes a number, or its limit is asked for or set, and its
 * ancestors with it. It lasts as long as it has something to say: a charge, or a limit; that keeps the
 * cgroup's structure, whose directory can be removed all the same. So peak and events of a group without a
 * limit are those since it was last without a number. What is charged to a removed cgroup counts above it
 * until it is given back. Nobody tells a module of removals: limits of cgroups that are gone are looked
 * for when the groups have doubled, and before people are told of groups.
 *
 * Kernel threads pay where they are, which is the root unless they work for a process (vhost, io_uring)
 * and were moved to its cgroup; a module's initialization is paid by the process that loads it.
 */
#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/nsproxy.h>

#include "linux/ioasid_linux.h"

#ifdef CONFIG_CGROUPS

#define SWEEP_MIN 64U

/* Makes groups; outside the lock of the limits. Guards what follows. */
static DEFINE_MUTEX(lin_groups_lock);
static struct limit_group *lin_group_root; /* held until the module goes */
static u32 lin_sweep_at = SWEEP_MIN;

static struct limit_tree *lin_tree(void)
{
	return &lin_machine.pasids.limits;
}

/* The last number may be given back in any context that can drop a reference; so may a cgroup. */
void lin_limit_release(void *priv)
{
	cgroup_put(priv);
}

static bool is_removed(void *priv)
{
	const struct cgroup *cgroup = priv;

	return !(READ_ONCE(cgroup->self.flags) & CSS_ONLINE);
}

void lin_limit_sweep(void)
{
	limit_tree_sweep(lin_tree(), is_removed);
}

static void sweep_sometimes(void)
{
	if (READ_ONCE(lin_tree()->nr) < lin_sweep_at)
		return;
	lin_limit_sweep();
	lin_sweep_at = max(2 * READ_ONCE(lin_tree()->nr), SWEEP_MIN);
}

static struct limit_group *make(struct cgroup *cgroup, struct limit_group *parent)
{
	char *name = kzalloc(PATH_MAX, GFP_KERNEL);
	struct limit_group *group;

	if (!name)
		return ERR_PTR(-ENOMEM);
	/* cgroups have no longer names to be told by than a path, but may lie deeper. */
	if (cgroup_path(cgroup, name, PATH_MAX) < 0)
		strscpy(name, "?", PATH_MAX);
	cgroup_get(cgroup);
	group = limit_group_create(lin_tree(), parent, cgroup_id(cgroup), name, cgroup);
	if (IS_ERR(group))
		cgroup_put(cgroup);
	kfree(name);
	if (!parent && !IS_ERR(group)) {
		limit_group_get(group);
		lin_group_root = group;
	}
	return group;
}

/* From the root down, as a group needs its parent. */
static struct limit_group *make_all(struct cgroup *cgroup)
{
	struct limit_group *group = NULL, *parent = NULL;
	int level;

	for (level = 0; level <= cgroup->level; level++) {
		struct cgroup *at = cgroup_ancestor(cgroup, level);

		group = limit_group_find(lin_tree(), cgroup_id(at)) ?: make(at, parent);
		if (parent)
			limit_group_put(parent);
		if (IS_ERR(group))
			break;
		parent = group;
	}
	return group;
}

/* The group of @cgroup, which the caller holds, with a reference. */
static struct limit_group *group_of(struct cgroup *cgroup)
{
	struct limit_group *group = limit_group_find(lin_tree(), cgroup_id(cgroup));

	if (group)
		return group;
	mutex_lock(&lin_groups_lock);
	sweep_sometimes();
	group = make_all(cgroup);
	mutex_unlock(&lin_groups_lock);
	return group;
}

static struct limit_group *own_group(void)
{
	struct limit_group *group;
	struct cgroup *cgroup;

	rcu_read_lock();
	cgroup = task_dfl_cgroup(current);
	/* A living task's cgroup cannot be gone. */
	cgroup_get(cgroup);
	rcu_read_unlock();
	group = group_of(cgroup);
	cgroup_put(cgroup);
	return group;
}

struct limit_group *lin_limit_get(struct pasid_host *host)
{
	return own_group();
}

/* ---- by descriptor --------------------------------------------------------------------------- */

static bool may_write(struct file *dir, struct inode *parent)
{
	struct vfsmount *mnt = dir->f_path.mnt;

	if (mnt_want_write(mnt))
		return false;
	mnt_drop_write(mnt);
	return !inode_permission(mnt_idmap(mnt), parent, MAY_WRITE | MAY_EXEC);
}

/*
 * A limit belongs to whoever is above: he could write the files of a controller in @cgroup's directory,
 * and make or remove it. It is not enough that the parent's directory would let the caller write, as it
 * lets any root: it must be in what the caller was given to see, his cgroup namespace and the mount he
 * came through. Else a container could lift the limit that was set on it.
 */
static int may_change(struct file *dir, struct cgroup *cgroup)
{
	struct cgroup *top = current->nsproxy->cgroup_ns->root_cset->dfl_cgrp;
	struct dentry *parent;
	int rc;

	if (!cgroup_parent(cgroup))
		return -EINVAL;
	if (cgroup == top || !cgroup_is_descendant(cgroup, top) ||
	    dir->f_path.dentry == dir->f_path.mnt->mnt_root)
		return -EPERM;
	parent = dget_parent(dir->f_path.dentry);
	rc = may_write(dir, d_inode(parent)) ? 0 : -EPERM;
	dput(parent);
	return rc;
}

/* @fd may have become another file meanwhile; it is @dir that permissions are about. */
static struct cgroup *cgroup_of(struct file *dir, int fd)
{
	struct inode *inode = file_inode(dir);
	struct cgroup *cgroup;

	if (inode->i_sb->s_magic != CGROUP2_SUPER_MAGIC || !S_ISDIR(inode->i_mode))
		return ERR_PTR(-EINVAL);
	cgroup = cgroup_get_from_fd(fd);
	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup) == -EBADF ? cgroup : ERR_PTR(-ENOENT);
	if (cgroup->kn == inode->i_private)
		return cgroup;
	cgroup_put(cgroup);
	return ERR_PTR(-EBADF);
}

static struct limit_group *group_of_file(struct file *dir, int fd, bool change)
{
	struct cgroup *cgroup = cgroup_of(dir, fd);
	struct limit_group *group;
	int rc;

	if (IS_ERR(cgroup))
		return ERR_CAST(cgroup);
	rc = change ? may_change(dir, cgroup) : 0;
	group = rc ? ERR_PTR(rc) : group_of(cgroup);
	cgroup_put(cgroup);
	return group;
}

struct limit_group *lin_limit_find(struct ioasid_machine *machine, const struct ioasid_limit *name,
				   bool change)
{
	struct limit_group *group;
	struct file *dir;

	if (name->flags == IOASID_LIMIT_PATH)
		return ERR_PTR(-EOPNOTSUPP);
	if (name->flags == IOASID_LIMIT_OWN)
		/* Only a directory says what is above it. */
		return change ? ERR_PTR(-EPERM) : own_group();
	dir = fget_raw(name->fd);
	if (!dir)
		return ERR_PTR(-EBADF);
	group = group_of_file(dir, name->fd, change);
	fput(dir);
	return group;
}

void lin_limit_exit(void)
{
	if (lin_group_root)
		limit_group_put(lin_group_root);
	lin_group_root = NULL;
}

#else

void lin_limit_release(void *priv)
{
}

struct limit_group *lin_limit_get(struct pasid_host *host)
{
	return NULL;
}

struct limit_group *lin_limit_find(struct ioasid_machine *machine, const struct ioasid_limit *name,
				   bool change)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void lin_limit_sweep(void)
{
}

void lin_limit_exit(void)
{
}

#endif

bool lin_privileged(void)
{
	return capable(CAP_SYS_RESOURCE);
}
