// SPDX-License-Identifier: GPL-2.0-only
/* The Linux home: the fault descriptor, a file of its own that is read, polled and closed. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/poll.h>

#include "linux/ioasid_linux.h"

/* Records moved at once; they pass through the stack. */
#define FAULT_BATCH 8U

void lin_fault_notify(struct ioasid_ctx *ctx, bool readable)
{
	struct lin_ctx *lc = ioasid_ctx_priv(ctx);

	WRITE_ONCE(lc->readable, readable);
	if (readable)
		wake_up_interruptible_poll(&lc->wait, EPOLLIN | EPOLLRDNORM);
}

/* Wait until there is a reason to look. Return: 0, -EAGAIN, -ENODEV, -ERESTARTSYS. */
static int fault_wait(struct lin_ctx *lc, bool nonblock)
{
	int rc;

	if (!nonblock) {
		rc = wait_event_interruptible(lc->wait,
					      READ_ONCE(lc->readable) || READ_ONCE(lc->closed));
		if (rc)
			return rc;
	}
	if (READ_ONCE(lc->closed))
		return -ENODEV;
	return READ_ONCE(lc->readable) ? 0 : -EAGAIN;
}

/* Move what fits; records once taken must not get lost, so @buf was made writable before. */
static ssize_t fault_take(struct lin_ctx *lc, char __user *buf, size_t room)
{
	struct ioasid_fault batch[FAULT_BATCH];
	size_t done = 0;
	int n;

	while (done < room) {
		n = ioasid_fault_take(lc->core, batch, min_t(size_t, room - done, FAULT_BATCH));
		if (n < 0)
			return done ? done * sizeof(*batch) : -ENODEV;
		if (!n)
			break;
		if (copy_to_user(buf + done * sizeof(*batch), batch, n * sizeof(*batch)))
			return -EFAULT;
		done += n;
	}
	return done * sizeof(*batch);
}

static ssize_t fault_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct lin_ctx *lc = file->private_data;
	size_t room = count / sizeof(struct ioasid_fault);
	ssize_t got;
	int rc;

	if (!room)
		return -EINVAL;
	/* What one queue can hold is far below this; a huge buffer is not touched for nothing. */
	room = min_t(size_t, room, 1024);
	do {
		rc = fault_wait(lc, file->f_flags & O_NONBLOCK);
		if (rc)
			return rc;
		if (fault_in_writeable(buf, room * sizeof(struct ioasid_fault)))
			return -EFAULT;
		got = fault_take(lc, buf, room);
		/* Another reader was faster: wait again. */
	} while (!got);
	return got;
}

static __poll_t fault_poll(struct file *file, poll_table *wait)
{
	struct lin_ctx *lc = file->private_data;

	poll_wait(file, &lc->wait, wait);
	if (READ_ONCE(lc->closed))
		return EPOLLHUP | EPOLLERR;
	return READ_ONCE(lc->readable) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int fault_release(struct inode *inode, struct file *file)
{
	struct lin_ctx *lc = file->private_data;

	/* Harmless if the context was closed before: it has ended the queue itself. */
	ioasid_fault_release(lc->core);
	lin_ctx_put(lc);
	return 0;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.read = fault_read,
	.poll = fault_poll,
	.release = fault_release,
	.llseek = noop_llseek,
};

int lin_fault_fd(struct ioasid_ctx *ctx)
{
	struct lin_ctx *lc = ioasid_ctx_priv(ctx);
	int fd;

	refcount_inc(&lc->refs);
	fd = anon_inode_getfd("[ioasid-fault]", &fault_fops, lc, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lin_ctx_put(lc);
	return fd;
}
