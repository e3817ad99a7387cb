// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Limits on host-wide numbers, by real cgroups: users in different groups, limited separately and
 * together; who moves, goes or is removed; who may change a limit.
 *
 * A user is a process of this program that has a software device in global mode: each vPASID he sets is
 * a host-wide number. He does what he is told through a socket.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sim.h>

#include "check.h"

#define CG     "/tmp/cgroups"
#define TOP    CG "/limited"
#define A      TOP "/a"
#define B      TOP "/b"
#define SPLIT  4096U
#define USER_A 1001
#define USER_B 1002

static int sim, control; /* /dev/ioasid-sim; a context of our own, for limits */

/* ---- limits ---------------------------------------------------------------------------------- */

static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static int limit_by_fd(int ctx, unsigned long cmd, int fd, struct ioasid_limit *l)
{
	l->argsz = sizeof(*l);
	l->flags = IOASID_LIMIT_FD;
	l->fd = fd;
	return command(ctx, cmd, l);
}

static int limit_by_path(int ctx, unsigned long cmd, const char *path, struct ioasid_limit *l)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = limit_by_fd(ctx, cmd, fd, l);
	close(fd);
	return rc;
}

static int set_max(const char *path, uint32_t max)
{
	struct ioasid_limit l = { .max = max };

	return limit_by_path(control, IOASID_LIMIT_SET, path, &l);
}

static struct ioasid_limit get(const char *path)
{
	struct ioasid_limit l = { 0 };

	is(limit_by_path(control, IOASID_LIMIT_GET, path, &l), 0);
	return l;
}

static void expect(const char *path, uint32_t charge, uint32_t peak, uint64_t events,
		   uint64_t local)
{
	struct ioasid_limit l = get(path);

	is(l.current_charge, charge);
	is(l.peak, peak);
	is(l.events, events);
	is(l.events_local, local);
}

/* ---- users ------------------------------------------------------------------------------------ */

enum { TAKE, GIVE, SET, QUOTA, UNSHARE, CLOSE };

struct order {
	int what;
	uint32_t value;
	char path[64];
};

/* struct user - @pid: 0: not there; @device: simulated, @at: the end of the socket to speak into */
struct user {
	pid_t pid;
	int at;
	uint32_t device;
};

/* What a user has, in his own process. */
static struct {
	int ctx, dev;
	uint32_t ioas, taken;
} me;

static bool user_start(const char *name)
{
	struct ioasid_hwid_policy global = { .argsz = sizeof(global), .value = IOASID_MODE_GLOBAL };
	struct ioasid_hwid_policy split = { .argsz = sizeof(split), .value = SPLIT };
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };
	struct ioasid_dev_bind b = { .argsz = sizeof(b), .cookie = 1 };
	struct ioasid_dev_attach t = { .argsz = sizeof(t), .flags = IOASID_ATTACH_PASID };
	char path[128];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%s", name);
	me.ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	me.dev = open(path, O_RDWR | O_CLOEXEC);
	b.ioasid_fd = me.ctx;
	if (command(me.ctx, IOASID_SET_HWID_MODE, &global) ||
	    command(me.ctx, IOASID_HWID_SET_GLOBAL_MIN, &split) ||
	    command(me.dev, IOASID_DEV_BIND_IOASID_FD, &b) || command(me.ctx, IOASID_ALLOC, &a))
		return false;
	me.ioas = a.ioasid;
	t.ioasid = a.ioasid;
	return !command(me.dev, IOASID_DEV_ATTACH_IOASID, &t);
}

static int user_number(unsigned long cmd, uint32_t vpasid)
{
	struct ioasid_set_hwid h = { .argsz = sizeof(h), .ioasid = me.ioas, .vpasid = vpasid };

	return command(me.ctx, cmd, &h);
}

static int user_quota(uint32_t quota)
{
	struct ioasid_quota q = { .argsz = sizeof(q),
				  .flags = IOASID_QUOTA_RESERVE,
				  .quota = quota };

	return command(me.ctx, IOASID_SET_QUOTA, &q);
}

static int user_obey(const struct order *o)
{
	struct ioasid_limit l = { .max = o->value };
	int rc;

	switch (o->what) {
	case TAKE:
		rc = user_number(IOASID_SET_HWID, me.taken + 1);
		me.taken += !rc;
		return rc;
	case GIVE:
		return user_number(IOASID_CLEAR_HWID, me.taken--);
	case SET:
		return limit_by_path(me.ctx, IOASID_LIMIT_SET, o->path, &l);
	case QUOTA:
		return user_quota(o->value);
	case UNSHARE:
		return unshare(CLONE_NEWCGROUP) ? -errno : 0;
	default:
		return close(me.dev) || close(me.ctx) ? -errno : 0;
	}
}

static void user_main(const char *name, int at, uid_t uid)
{
	struct order o;
	int rc = user_start(name) && !setgid(uid) && !setuid(uid) ? 0 : -EIO;

	do {
		if (write(at, &rc, sizeof(rc)) != sizeof(rc) ||
		    read(at, &o, sizeof(o)) != sizeof(o))
			_exit(0);
		rc = user_obey(&o);
	} while (true);
}

static bool join_group(pid_t pid, const char *group)
{
	char path[128], text[16];
	int fd, n = snprintf(text, sizeof(text), "%d", pid);
	bool ok;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = write(fd, text, (size_t)n) == n;
	close(fd);
	return ok;
}

static int answer(const struct user *u)
{
	int rc;

	return read(u->at, &rc, sizeof(rc)) == sizeof(rc) ? rc : -EPIPE;
}

static int tell(const struct user *u, int what, uint32_t value, const char *path)
{
	struct order o = { .what = what, .value = value };

	snprintf(o.path, sizeof(o.path), "%s", path ? path : "");
	if (write(u->at, &o, sizeof(o)) != sizeof(o))
		return -EPIPE;
	return answer(u);
}

static int take(const struct user *u)
{
	return tell(u, TAKE, 0, NULL);
}

static int give(const struct user *u)
{
	return tell(u, GIVE, 0, NULL);
}

static struct user ua = { .at = -1 }, ub = { .at = -1 };

static bool user_make(struct user *u, const char *name, const char *group, uid_t uid)
{
	struct ioasid_sim_iommu i = { .argsz = sizeof(i) };
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_SIM_NONE,
	};
	int ends[2];

	snprintf(d.name, sizeof(d.name), "%s", name);
	if (!is(command(sim, IOASID_SIM_IOMMU_CREATE, &i), 0))
		return false;
	d.iommu = i.iommu;
	if (!is(command(sim, IOASID_SIM_DEVICE_CREATE, &d), 0) ||
	    !yes(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)))
		return false;
	u->device = d.device;
	fflush(stdout);
	u->pid = fork();
	if (!u->pid) {
		/* He ends with our end of his socket, of which nobody may have a copy. */
		close(ends[0]);
		close(ua.at);
		close(ub.at);
		user_main(name, ends[1], uid);
	}
	close(ends[1]);
	u->at = ends[0];
	return is(answer(u), 0) && yes(join_group(u->pid, group));
}

/* The socket ends, and the user with it; what he had is given back when he is gone. */
static void user_end(struct user *u)
{
	struct ioasid_sim_object device = { .argsz = sizeof(device), .id = u->device };

	close(u->at);
	is(waitpid(u->pid, NULL, 0), u->pid);
	is(command(sim, IOASID_SIM_DEVICE_DESTROY, &device), 0);
	*u = (struct user){ .at = -1 };
}

static bool begin(uid_t a, uid_t b)
{
	return yes(!mkdir(TOP, 0755)) && yes(!mkdir(A, 0755)) && yes(!mkdir(B, 0755)) &&
	       user_make(&ua, "cg-a", A, a) && user_make(&ub, "cg-b", B, b);
}

static void end(void)
{
	user_end(&ua);
	user_end(&ub);
	if (!access(A, F_OK))
		is(rmdir(A), 0);
	if (!access(B, F_OK))
		is(rmdir(B), 0);
	is(get(TOP).current_charge, 0);
	is(rmdir(TOP), 0);
	is(get(CG).current_charge, 0);
}

/* ---- what is limited --------------------------------------------------------------------------- */

static void two_users_are_limited_separately_and_together(void)
{
	struct ioasid_limit l;
	struct ioasid_info info = { .argsz = sizeof(info) };
	struct stat st;

	if (!begin(USER_A, USER_B))
		return;
	l = get(A);
	is(l.max, IOASID_INVALID);
	is(l.current_charge, 0);
	yes(!stat(A, &st) && l.id == st.st_ino);
	is(set_max(A, 2), 0);
	is(set_max(B, 5), 0);
	is(get(A).max, 2);
	is(take(&ua), 0);
	is(take(&ua), 0);
	is(take(&ua), -EDQUOT);
	expect(A, 2, 2, 1, 1);
	expect(B, 0, 0, 0, 0);
	expect(TOP, 2, 2, 1, 0);
	/* Together: both have room in their own groups. */
	is(set_max(TOP, 4), 0);
	is(take(&ub), 0);
	is(take(&ub), 0);
	is(take(&ub), -EDQUOT);
	expect(B, 2, 2, 0, 0);
	expect(TOP, 4, 4, 2, 1);
	is(give(&ua), 0);
	is(take(&ub), 0);
	expect(A, 1, 2, 1, 1);
	expect(B, 3, 3, 0, 0);
	expect(TOP, 4, 4, 2, 1);
	is(take(&ua), -EDQUOT);
	expect(TOP, 4, 4, 3, 2);
	/* We are elsewhere, and not limited; nobody told our context anything. */
	is(command(control, IOASID_GET_INFO, &info), 0);
	is(info.refused_by, IOASID_REFUSED_NOT);
	end();
}

static void a_lower_limit_takes_nothing_away(void)
{
	if (!begin(USER_A, USER_B))
		return;
	is(take(&ua), 0);
	is(take(&ua), 0);
	is(take(&ua), 0);
	is(set_max(A, 1), 0);
	expect(A, 3, 3, 0, 0);
	is(take(&ua), -EDQUOT);
	is(give(&ua), 0);
	is(take(&ua), -EDQUOT);
	is(give(&ua), 0);
	is(give(&ua), 0);
	is(take(&ua), 0);
	expect(A, 1, 3, 2, 2);
	is(set_max(A, IOASID_INVALID), 0);
	is(take(&ua), 0);
	end();
}

static void who_moves_leaves_his_charges_behind(void)
{
	if (!begin(USER_A, USER_B))
		return;
	is(set_max(A, 2), 0);
	is(take(&ua), 0);
	is(take(&ua), 0);
	yes(join_group(ua.pid, B));
	is(get(A).current_charge, 2);
	is(get(B).current_charge, 0);
	/* What he takes from now on is charged here; the last one taken is given back first. */
	is(take(&ua), 0);
	is(get(A).current_charge, 2);
	is(get(B).current_charge, 1);
	is(give(&ua), 0);
	is(get(B).current_charge, 0);
	is(give(&ua), 0);
	is(get(A).current_charge, 1);
	is(get(B).current_charge, 0);
	is(get(TOP).current_charge, 1);
	/* Dying elsewhere, too, gives back where it was taken. */
	yes(join_group(ua.pid, CG));
	is(get(A).current_charge, 1);
	end();
}

/* How many groups the kernel has, whose line contains @text. */
static int groups_listed(const char *text)
{
	FILE *file = fopen("/sys/kernel/debug/ioasid/limits", "r");
	char line[512];
	int n = 0;

	if (!yes(file))
		return -1;
	while (fgets(line, sizeof(line), file))
		n += !strncmp(line, "limit ", 6) && strstr(line, text);
	fclose(file);
	return n;
}

static void a_removed_group_is_charged_above(void)
{
	struct ioasid_limit l = { 0 };
	int dir;

	if (!begin(USER_A, USER_B))
		return;
	is(set_max(TOP, 3), 0);
	is(set_max(A, 2), 0);
	is(take(&ua), 0);
	is(take(&ua), 0);
	dir = open(A, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	yes(join_group(ua.pid, CG));
	is(rmdir(A), 0);
	is(limit_by_fd(control, IOASID_LIMIT_GET, dir, &l), -ENOENT);
	is(limit_by_fd(control, IOASID_LIMIT_SET, dir, &l), -ENOENT);
	close(dir);
	is(get(TOP).current_charge, 2);
	is(take(&ub), 0);
	is(take(&ub), -EDQUOT);
	/* One of the same name is another one. */
	is(mkdir(A, 0755), 0);
	is(get(A).max, IOASID_INVALID);
	is(get(A).current_charge, 0);
	is(groups_listed("/limited/a"), 1);
	is(groups_listed("gone=1"), 1);
	is(set_max(A, 9), 0);
	is(groups_listed("/limited/a"), 2);
	is(give(&ua), 0);
	is(get(TOP).current_charge, 2);
	is(give(&ua), 0);
	is(get(TOP).current_charge, 1);
	end();
}

static void who_dies_gives_back(void)
{
	if (!begin(USER_A, USER_B))
		return;
	is(take(&ua), 0);
	is(take(&ub), 0);
	is(kill(ua.pid, SIGKILL), 0);
	user_end(&ua);
	is(get(A).current_charge, 0);
	is(get(TOP).current_charge, 1);
	user_make(&ua, "cg-a", A, USER_A);
	end();
}

/* Groups of cgroups that are gone do not pile up: each has a limit, so that it would stay. */
static void many_groups_come_and_go(void)
{
	char path[64];
	int i;

	is(mkdir(TOP, 0755), 0);
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), TOP "/%d", i);
		if (!is(mkdir(path, 0755), 0) || !is(set_max(path, 5), 0) || !is(rmdir(path), 0))
			break;
	}
	is(groups_listed("/limited/"), 0);
	is(rmdir(TOP), 0);
}

/* ---- who may change a limit -------------------------------------------------------------------- */

static void only_who_may_write_the_parent_sets_a_limit(void)
{
	if (!begin(USER_A, 0))
		return;
	is(set_max(A, 5), 0);
	is(tell(&ua, SET, 9, A), -EPERM);
	is(tell(&ua, SET, 9, TOP), -EPERM);
	/* The group's own directory does not help, and its parent's does. */
	is(chown(A, USER_A, USER_A), 0);
	is(tell(&ua, SET, 9, A), -EPERM);
	is(get(A).max, 5);
	is(chown(TOP, USER_A, USER_A), 0);
	is(tell(&ua, SET, 9, A), 0);
	is(tell(&ua, SET, 8, B), 0);
	is(tell(&ua, SET, 8, TOP), -EPERM);
	is(get(A).max, 9);
	is(get(TOP).max, IOASID_INVALID);
	is(tell(&ub, SET, 7, A), 0);
	end();
}

/* In a cgroup namespace of its own even root does not reach what is set on him. */
static void not_from_below(void)
{
	if (!begin(0, 0))
		return;
	is(set_max(A, 1), 0);
	is(tell(&ua, SET, 2, A), 0);
	is(tell(&ua, UNSHARE, 0, NULL), 0);
	is(tell(&ua, SET, 3, A), -EPERM);
	is(tell(&ua, SET, 3, B), -EPERM);
	is(tell(&ua, SET, 3, TOP), -EPERM);
	is(mkdir(A "/below", 0755), 0);
	is(tell(&ua, SET, 3, A "/below"), 0);
	is(get(A "/below").max, 3);
	is(get(A).max, 2);
	is(rmdir(A "/below"), 0);
	end();
}

/* A mount that shows no parent, or that may not be written. */
static void not_through_every_mount(void)
{
	if (!begin(0, 0))
		return;
	is(mkdir("/tmp/view", 0755), 0);
	is(mount(A, "/tmp/view", NULL, MS_BIND, NULL), 0);
	is(set_max("/tmp/view", 1), -EPERM);
	is(umount("/tmp/view"), 0);
	is(mount(TOP, "/tmp/view", NULL, MS_BIND, NULL), 0);
	is(set_max("/tmp/view/a", 1), 0);
	is(mount(NULL, "/tmp/view", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	is(set_max("/tmp/view/a", 2), -EPERM);
	is(get("/tmp/view/a").max, 1);
	is(umount("/tmp/view"), 0);
	is(rmdir("/tmp/view"), 0);
	end();
}

static void reserving_needs_privilege(void)
{
	if (!begin(USER_A, 0))
		return;
	is(tell(&ua, QUOTA, 10, NULL), -EPERM);
	is(tell(&ub, QUOTA, 10, NULL), 0);
	end();
}

static int drop_capability(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << cap);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static void root_without_the_capability(void)
{
	struct ioasid_quota q = { .argsz = sizeof(q), .flags = IOASID_QUOTA_RESERVE, .quota = 10 };
	struct ioasid_limit l = { .max = 6 };
	int status = -1, dir;
	pid_t pid;

	is(mkdir(TOP, 0700), 0);
	is(mkdir(A, 0755), 0);
	dir = open(A, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is(chown(TOP, USER_A, USER_A), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		is(command(control, IOASID_SET_QUOTA, &q), 0);
		is(set_max(A, 4), 0);
		is(drop_capability(CAP_SYS_RESOURCE), 0);
		is(command(control, IOASID_SET_QUOTA, &q), -EPERM);
		is(set_max(A, 5), 0);
		/* The directory of somebody else, into which only this leads. */
		is(drop_capability(CAP_DAC_READ_SEARCH), 0);
		is(drop_capability(CAP_DAC_OVERRIDE), 0);
		is(limit_by_fd(control, IOASID_LIMIT_SET, dir, &l), -EPERM);
		is(limit_by_fd(control, IOASID_LIMIT_GET, dir, &l), 0);
		fflush(stdout);
		_exit(check_failed);
	}
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	close(dir);
	is(get(A).max, 5);
	is(rmdir(A), 0);
	is(rmdir(TOP), 0);
}

/* ---- what names a group ------------------------------------------------------------------------ */

static int named(unsigned long cmd, uint32_t flags, int fd)
{
	struct ioasid_limit l = { .argsz = sizeof(l), .flags = flags, .fd = fd, .max = 7 };

	return command(control, cmd, &l);
}

static void names(void)
{
	int root = open(CG, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int path = open(CG, O_PATH | O_CLOEXEC);
	int file = open(CG "/cgroup.procs", O_RDONLY | O_CLOEXEC);
	int other = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ioasid_limit l = { .argsz = sizeof(l) };

	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, root), 0);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, path), 0);
	is(named(IOASID_LIMIT_SET, IOASID_LIMIT_FD, root), -EINVAL);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, file), -EINVAL);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, other), -EINVAL);
	is(named(IOASID_LIMIT_SET, IOASID_LIMIT_FD, other), -EINVAL);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, control), -EINVAL);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, -1), -EBADF);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_FD, 10000), -EBADF);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_OWN, 0), 0);
	is(named(IOASID_LIMIT_SET, IOASID_LIMIT_OWN, 0), -EPERM);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_OWN, 1), -EINVAL);
	is(named(IOASID_LIMIT_GET, IOASID_LIMIT_OWN | IOASID_LIMIT_FD, 0), -EINVAL);
	is(named(IOASID_LIMIT_GET, 0, 0), -EINVAL);
	is(named(IOASID_LIMIT_GET, 8, 0), -EOPNOTSUPP);
	l.flags = IOASID_LIMIT_PATH;
	l.path = (uintptr_t) "/";
	l.path_len = 1;
	is(command(control, IOASID_LIMIT_GET, &l), -EOPNOTSUPP);
	/* Ours is the root, as nobody moved us. */
	l = (struct ioasid_limit){ .argsz = sizeof(l), .flags = IOASID_LIMIT_OWN };
	is(command(control, IOASID_LIMIT_GET, &l), 0);
	is(l.id, get(CG).id);
	close(root);
	close(path);
	close(file);
	close(other);
}

int main(void)
{
	mkdir(CG, 0755);
	sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	control = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	if (sim < 0 || control < 0 || mount("none", CG, "cgroup2", 0, NULL)) {
		perror("# cgroups");
		return 1;
	}
	CASE(names);
	CASE(two_users_are_limited_separately_and_together);
	CASE(a_lower_limit_takes_nothing_away);
	CASE(who_moves_leaves_his_charges_behind);
	CASE(a_removed_group_is_charged_above);
	CASE(who_dies_gives_back);
	CASE(many_groups_come_and_go);
	CASE(only_who_may_write_the_parent_sets_a_limit);
	CASE(not_from_below);
	CASE(not_through_every_mount);
	CASE(reserving_needs_privilege);
	CASE(root_without_the_capability);
	umount(CG);
	rmdir(CG);
	return test_done();
}
