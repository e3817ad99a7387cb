// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Groups of limits of the Linux home: cgroups below one of our own. The process is the caller. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conformance/env_sim.h"

#define CG "/tmp/conf-cgroup"

static bool mount_tree(void)
{
	static bool mounted;

	mkdir(CG, 0755);
	if (!mounted)
		mounted = !mount("none", CG, "cgroup2", 0, NULL);
	return mounted;
}

static void path_of(char *path, size_t size, const char *group)
{
	snprintf(path, size, CG "%s", group);
}

int sim_group_make(struct conf_env *env, const char *group)
{
	char path[128];

	(void)env;
	if (!mount_tree())
		return -ENODEV;
	path_of(path, sizeof(path), group);
	return mkdir(path, 0755) ? -errno : 0;
}

int sim_group_remove(struct conf_env *env, const char *group)
{
	char path[128];

	(void)env;
	path_of(path, sizeof(path), group);
	return rmdir(path) ? -errno : 0;
}

int sim_group_enter(struct conf_env *env, const char *group)
{
	char path[160];
	int fd, rc;

	(void)env;
	if (!mount_tree())
		return -ENODEV;
	snprintf(path, sizeof(path), CG "%s/cgroup.procs", group ? group : "");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, "0", 1) == 1 ? 0 : -errno;
	close(fd);
	return rc;
}

int sim_group_name(struct conf_env *env, const char *group, struct ioasid_limit *limit)
{
	char path[128];

	(void)env;
	path_of(path, sizeof(path), group);
	limit->flags = IOASID_LIMIT_FD;
	limit->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return limit->fd < 0 ? -errno : 0;
}

void sim_group_unname(struct ioasid_limit *limit)
{
	close(limit->fd);
}
