// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Two processes with a context each do not see one another, and the numbers of the one mean nothing in
 * the other.
 *
 *   apart DEVICE OTHER   devices in groups of their own
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "pci_dev.h"

#define IOVA   0x100000ULL
#define COOKIE 0x1234567812345678ULL

static const char *names[2];

/* A process with a context, a device and some memory; lives until its pipe closes. */
static pid_t neighbour(int *stop)
{
	struct ioasid *ctx = NULL;
	struct ioasid_dev *dev = NULL;
	uint32_t ioas, second;
	int ready[2], end[2];
	char byte;
	pid_t pid;

	if (!is(pipe(ready), 0) || !is(pipe(end), 0))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(end[1]);
		if (ioasid_open(CTX_PATH, &ctx) || ioasid_dev_open(ctx, names[1], &dev) ||
		    ioasid_dev_bind(dev, ctx, COOKIE) || ioasid_alloc_kernel(ctx, &ioas) ||
		    ioasid_alloc_kernel(ctx, &second) ||
		    ioasid_map(ctx, ioas, IOVA, (uintptr_t)pages(4), 4 * PAGE, RW) ||
		    ioasid_dev_attach(dev, ioas, 0) || write(ready[1], "", 1) != 1)
			_exit(1);
		/* Its own view stays what it was, whatever the other one tries. */
		(void)!read(end[0], &byte, 1);
		struct ioasid_info info = { 0 };

		_exit(ioasid_get_info(ctx, NULL, 0, &info) || info.nr_ioasids != 2 ||
		      info.nr_devices != 1 || info.pinned_bytes != 4 * PAGE ||
		      ioasid_unmap(ctx, ioas, IOVA, 4 * PAGE, NULL));
	}
	close(ready[1]);
	close(end[0]);
	*stop = end[1];
	is(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void contexts_share_nothing(void)
{
	struct ioasid_device_info dinfo = { 0 };
	struct ioasid_info info = { 0 };
	struct ioasid *ctx = NULL;
	struct ioasid_dev *dev = NULL, *theirs = NULL;
	uint32_t handle, ioas;
	int stop, status = -1;
	pid_t pid = neighbour(&stop);

	if (pid < 0 || !is(ioasid_open(CTX_PATH, &ctx), 0))
		return;
	is(ioasid_get_info(ctx, NULL, 0, &info), 0);
	is(info.nr_ioasids + info.nr_devices + info.nr_routes + info.pinned_bytes, 0);
	is(ioasid_device_get_info(ctx, COOKIE, &dinfo), -ENOENT);
	for (handle = 0; handle < 64; handle++) {
		is(ioasid_unmap_all(ctx, handle, NULL), -ENOENT);
		is(ioasid_ioas_free(ctx, handle), -ENOENT);
	}
	/* The other's device can be looked at, not had; the cookie is free here. */
	is(ioasid_dev_open(ctx, names[1], &theirs), 0);
	is(ioasid_dev_bind(theirs, ctx, COOKIE), -EBUSY);
	is(ioasid_dev_reset(theirs), -EINVAL);
	is(ioasid_dev_get_info(theirs, &dinfo), 0);
	is(dinfo.cookie, 0);
	is(ioasid_dev_open(ctx, names[0], &dev), 0);
	is(ioasid_dev_bind(dev, ctx, COOKIE), 0);
	is(ioasid_alloc_kernel(ctx, &ioas), 0);
	is(ioasid_map(ctx, ioas, IOVA, (uintptr_t)pages(2), 2 * PAGE, RW), 0);
	is(ioasid_dev_attach(dev, ioas, 0), 0);
	is(ioasid_dev_attach(theirs, ioas, 0), -EINVAL);
	is(ioasid_get_info(ctx, NULL, 0, &info), 0);
	is(info.pinned_bytes, 2 * PAGE);
	close(stop);
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	/* Free now. */
	is(ioasid_dev_bind(theirs, ctx, COOKIE + 1), 0);
	ioasid_dev_close(theirs);
	ioasid_dev_close(dev);
	ioasid_close(ctx);
}

/* A node that another process left open, bound to a context that ended, is no way in. */
static void descriptors_are_not_a_way_in(void)
{
	struct ioasid *ctx = NULL, *second = NULL;
	struct ioasid_dev *dev = NULL;

	if (!is(ioasid_open(CTX_PATH, &ctx), 0) || !is(ioasid_open(CTX_PATH, &second), 0) ||
	    !is(ioasid_dev_open(ctx, names[0], &dev), 0))
		return;
	is(ioasid_dev_bind(dev, ctx, 1), 0);
	ioasid_close(ctx);
	is(ioasid_dev_bind(dev, second, 1), -ENODEV);
	is(ioasid_dev_reset(dev), -ENODEV);
	ioasid_dev_close(dev);
	is(ioasid_dev_open(second, names[0], &dev), 0);
	is(ioasid_dev_bind(dev, second, 1), 0);
	ioasid_dev_close(dev);
	ioasid_close(second);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	names[0] = argv[1];
	names[1] = argv[2];
	CASE(contexts_share_nothing);
	CASE(descriptors_are_not_a_way_in);
	return test_done();
}
