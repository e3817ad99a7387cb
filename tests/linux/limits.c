// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Limits of memory: RLIMIT_MEMLOCK of a user without privilege, and a memory control group.
 *
 *   limits [DEVICE]   with a device the mappings are in a table of its IOMMU as well
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "live.h"
#include "pci_dev.h"

#define LIMIT	(256 * PAGE)
#define USER	1000
#define GROUP	"/sys/fs/cgroup/ioasid-limits"
#define MUST(e) ((e) ? (void)_exit(__LINE__ % 250 + 1) : (void)0)

static const char *device;

static struct {
	struct ioasid *ctx;
	struct ioasid_dev *dev;
	uint32_t ioas;
} t;

static bool setup(void)
{
	memset(&t, 0, sizeof(t));
	if (!is(ioasid_open(CTX_PATH, &t.ctx), 0) || !is(ioasid_alloc_kernel(t.ctx, &t.ioas), 0))
		return false;
	if (!device)
		return true;
	return is(ioasid_dev_open(t.ctx, device, &t.dev), 0) &&
	       is(ioasid_dev_bind(t.dev, t.ctx, 1), 0) &&
	       is(ioasid_dev_attach(t.dev, t.ioas, 0), 0);
}

static void teardown(void)
{
	ioasid_dev_close(t.dev);
	ioasid_close(t.ctx);
}

static uint64_t pinned(void)
{
	struct ioasid_info info = { 0 };

	return ioasid_get_info(t.ctx, NULL, 0, &info) ? ~0ULL : info.pinned_bytes;
}

/* A child without privilege and with little memory to lock, and what it exits with. */
static int as_user(void (*fn)(void))
{
	struct rlimit limit = { LIMIT, LIMIT };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		MUST(setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(USER) || setuid(USER));
		fn();
		fflush(stdout);
		_exit(check_failed);
	}
	is(waitpid(pid, &status, 0), pid);
	return status;
}

static void map_up_to_the_limit(void)
{
	uint8_t *mem = pages(2 * LIMIT / PAGE);

	is(ioasid_map(t.ctx, t.ioas, 0, (uintptr_t)mem, LIMIT + PAGE, RW), -EDQUOT);
	is(pinned(), 0);
	is(ioasid_map(t.ctx, t.ioas, 0, (uintptr_t)mem, LIMIT, RW), 0);
	is(pinned(), LIMIT);
	is(ioasid_map(t.ctx, t.ioas, LIMIT, (uintptr_t)mem + LIMIT, PAGE, RW), -EDQUOT);
	/* The same memory once more is pinned once more. */
	is(ioasid_map(t.ctx, t.ioas, LIMIT, (uintptr_t)mem, PAGE, RW), -EDQUOT);
	is(pinned(), LIMIT);
	is(ioasid_unmap(t.ctx, t.ioas, 0, LIMIT, NULL), 0);
	is(pinned(), 0);
	is(ioasid_map(t.ctx, t.ioas, LIMIT, (uintptr_t)mem + LIMIT, LIMIT, RW), 0);
	/* A failing pin gives back what it had taken: half of this range is not there. */
	is(ioasid_unmap_all(t.ctx, t.ioas, NULL), 0);
	munmap(mem + LIMIT / 2, LIMIT);
	is(ioasid_map(t.ctx, t.ioas, 0, (uintptr_t)mem, LIMIT, RW), -EFAULT);
	is(pinned(), 0);
	is(ioasid_map(t.ctx, t.ioas, 0, (uintptr_t)mem, LIMIT / 2, RW), 0);
}

/* Processes and contexts of one user share what the user has. */
static void second_process_of_the_user(void)
{
	uint8_t *mem = pages(LIMIT / PAGE);
	int status = -1;
	pid_t pid;

	is(ioasid_map(t.ctx, t.ioas, 0, (uintptr_t)mem, LIMIT / 2, RW), 0);
	pid = fork();
	if (!pid) {
		/* Its own memory, the same user. */
		MUST(ioasid_map(t.ctx, t.ioas, LIMIT, (uintptr_t)mem, LIMIT / 2 + PAGE, RW) !=
		     -EDQUOT);
		MUST(ioasid_map(t.ctx, t.ioas, LIMIT, (uintptr_t)mem, LIMIT / 2, RW));
		_exit(0);
	}
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	/* What the dead one pinned is still mapped, and still counts. */
	is(ioasid_map(t.ctx, t.ioas, 2 * LIMIT, (uintptr_t)mem, PAGE, RW), -EDQUOT);
	is(ioasid_unmap(t.ctx, t.ioas, LIMIT, LIMIT / 2, NULL), 0);
	is(ioasid_map(t.ctx, t.ioas, 2 * LIMIT, (uintptr_t)mem, PAGE, RW), 0);
}

static void locked_memory_is_limited(void)
{
	struct live before;

	live_take(&before);
	if (setup())
		is(as_user(map_up_to_the_limit), 0);
	teardown();
	is(live_differs(&before), 0);
	/* Nothing of it stays on the user's account. */
	if (setup())
		is(as_user(map_up_to_the_limit), 0);
	teardown();
	is(live_differs(&before), 0);
}

static void locked_memory_is_the_users(void)
{
	struct live before;

	live_take(&before);
	if (setup())
		is(as_user(second_process_of_the_user), 0);
	teardown();
	is(live_differs(&before), 0);
}

/* ---- memory control group -------------------------------------------------------------------------------- */

/*
 * Takes objects until the group has no memory for more; they are the kernel's, but charged to us. A
 * context that has as many as one may have is followed by another.
 */
static void eat(void)
{
	struct ioasid *ctx = NULL;
	uint32_t handle = 0;
	int rc = -EDQUOT;

	MUST(sysfs_write(GROUP "/cgroup.procs", "0"));
	while (rc == -EDQUOT) {
		rc = ioasid_open(CTX_PATH, &ctx);
		while (!rc)
			rc = ioasid_alloc_kernel(ctx, &handle);
	}
	/* All that there was is usable still. */
	if (handle && ctx)
		(void)ioasid_ioas_free(ctx, handle);
	_exit(rc == -ENOMEM ? 0 : 101);
}

static long group_events(const char *name)
{
	char line[64], key[32];
	long value, found = -1;
	FILE *f = fopen(GROUP "/memory.events", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %ld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	}
	if (f)
		fclose(f);
	return found;
}

/*
 * At the limit the kernel kills inside the group before a call can fail; either way nobody outside
 * notices, and nothing stays.
 */
static void control_group_is_charged(void)
{
	struct live before;
	int status = -1;
	pid_t pid;

	sysfs_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || sysfs_write(GROUP "/memory.max", "16777216")) {
		rmdir(GROUP);
		skip("no memory controller");
		return;
	}
	live_take(&before);
	fflush(stdout);
	pid = fork();
	if (!pid)
		eat();
	is(waitpid(pid, &status, 0), pid);
	yes(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
	yes(group_events("max") > 0);
	printf("# group at its limit: %s\n", status ? "killed inside the group" : "ENOMEM");
	is(live_differs(&before), 0);
	is(rmdir(GROUP), 0);
}

int main(int argc, char **argv)
{
	device = argc > 1 ? argv[1] : NULL;
	CASE(locked_memory_is_limited);
	CASE(locked_memory_is_the_users);
	CASE(control_group_is_charged);
	return test_done();
}
