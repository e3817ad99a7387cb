// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Groups of limits of an in-process host: a tree of paths, as directories of cgroups are. */
#include "inproc/caller.h"
#include "inproc/private.h"

#define PATH_MAX_LEN IOASID_LIMIT_PATH_MAX

/* Names stand in lines that people and programs read. */
static bool printable(const char *name, size_t n)
{
	while (n--) {
		if ((unsigned char)name[n] < ' ' || name[n] == 0x7f)
			return false;
	}
	return true;
}

/* "/", or names after slashes: none empty, none "." or "..". */
static bool path_ok(const char *path)
{
	size_t len = strnlen(path, PATH_MAX_LEN + 1), n;
	const char *name;

	if (path[0] != '/' || len > PATH_MAX_LEN)
		return false;
	if (len == 1)
		return true;
	for (name = path; *name; name += 1 + n) {
		n = strcspn(name + 1, "/");
		if (!n || (n <= 2 && !strncmp(name + 1, "..", n)) || !printable(name + 1, n))
			return false;
	}
	return path[len - 1] != '/';
}

struct limit_group *groups_find(struct ioasid_host *host, const char *path)
{
	struct limit_group *group;

	if (!path_ok(path))
		return ERR_PTR(-EINVAL);
	group = limit_group_find_name(&host->machine.pasids.limits, path);
	return group ? group : ERR_PTR(-ENOENT);
}

/* The group above @path, with a reference. */
static struct limit_group *find_parent(struct ioasid_host *host, const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);
	struct limit_group *group;
	char *parent;

	if (!len)
		return groups_find(host, "/");
	parent = os_zalloc(len + 1);
	if (!parent)
		return ERR_PTR(-ENOMEM);
	memcpy(parent, path, len);
	group = groups_find(host, parent);
	os_free(parent);
	return group;
}

static int create(struct ioasid_host *host, const char *path)
{
	struct limit_tree *tree = &host->machine.pasids.limits;
	struct limit_group *parent = find_parent(host, path), *group;

	if (IS_ERR(parent))
		return (int)PTR_ERR(parent);
	group = limit_group_find_name(tree, path);
	if (group) {
		limit_group_put(group);
		limit_group_put(parent);
		return -EEXIST;
	}
	/* The name holds it. */
	group = limit_group_create(tree, parent, ++host->last_group, path, NULL);
	limit_group_put(parent);
	return PTR_ERR_OR_ZERO(group);
}

int ioasid_host_group_create(struct ioasid_host *host, const char *path)
{
	int rc;

	if (!path || !path_ok(path))
		return -EINVAL;
	if (!path[1])
		return -EEXIST;
	mutex_lock(&host->groups_lock);
	rc = create(host, path);
	mutex_unlock(&host->groups_lock);
	return rc;
}

int ioasid_host_group_remove(struct ioasid_host *host, const char *path)
{
	struct limit_group *group;
	int rc = 0;

	if (!path || !path_ok(path))
		return -EINVAL;
	if (!path[1])
		return -EBUSY;
	mutex_lock(&host->groups_lock);
	group = groups_find(host, path);
	if (IS_ERR(group)) {
		rc = (int)PTR_ERR(group);
	} else {
		rc = limit_group_forget(group);
		if (!rc)
			limit_group_put(group); /* the name's */
		limit_group_put(group);
	}
	mutex_unlock(&host->groups_lock);
	return rc;
}

int groups_init(struct ioasid_host *host)
{
	struct limit_group *root;

	mutex_init(&host->groups_lock);
	root = limit_group_create(&host->machine.pasids.limits, NULL, ++host->last_group, "/",
				  NULL);
	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	host->group_root = root;
	return 0;
}

void groups_destroy(struct ioasid_host *host)
{
	/* Whoever is in a group keeps the host, so only names are left. */
	limit_groups_forget_all(&host->machine.pasids.limits);
	mutex_destroy(&host->groups_lock);
}
