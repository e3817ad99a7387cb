// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Who the calling thread is. One immutable object says it all, so that it can be handed to other
 * threads; a setter makes a changed copy of the thread's own.
 */
#include "inproc/caller.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "inproc/private.h"

/*
 * struct ioasid_caller
 * @host: held; NULL: the default one
 * @mm: held; NULL: the default one
 * @group: held, a group of @host; NULL: the root of whichever host it is about
 */
struct ioasid_caller {
	refcount_t refs;
	struct ioasid_host *host;
	struct mm_struct *mm;
	struct limit_group *group;
	bool unprivileged;
};

/* struct mm_struct - nothing but an identity */
struct mm_struct {
	refcount_t refs;
};

static struct mm_struct mm_default = { .refs = { 1 } };
static __thread struct ioasid_caller *self;
/* The host whose handler or work this thread is running; that comes before what the thread says. */
static __thread struct pasid_host *inside;
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

/* ---- processes ------------------------------------------------------------------------------- */

struct mm_struct *ioasid_mm_create(void)
{
	struct mm_struct *mm = os_zalloc(sizeof(*mm));

	if (mm)
		refcount_set(&mm->refs, 1);
	return mm;
}

static void mm_get(void *mm)
{
	refcount_inc(&((struct mm_struct *)mm)->refs);
}

static void mm_put(void *mm)
{
	if (refcount_dec_and_test(&((struct mm_struct *)mm)->refs))
		os_free(mm);
}

void ioasid_mm_put(struct mm_struct *mm)
{
	if (mm)
		mm_put(mm);
}

struct mm_struct *ioasid_mm_default(void)
{
	return &mm_default;
}

/* All of them are this program. */
static void mm_who(void *mm, struct pasid_who *who)
{
	who->pid = (u32)getpid();
	snprintf(who->comm, sizeof(who->comm), "%s", program_invocation_short_name);
}

static void *mm_current(void)
{
	return self && self->mm ? self->mm : &mm_default;
}

/* ---- the thread's own ------------------------------------------------------------------------ */

void ioasid_caller_put(struct ioasid_caller *caller)
{
	if (!caller || !refcount_dec_and_test(&caller->refs))
		return;
	ioasid_mm_put(caller->mm);
	if (caller->group)
		limit_group_put(caller->group);
	if (caller->host)
		ioasid_host_put(caller->host);
	os_free(caller);
}

static void thread_exit(void *caller)
{
	self = NULL;
	ioasid_caller_put(caller);
}

static void key_create(void)
{
	if (pthread_key_create(&key, thread_exit))
		abort();
}

/* Takes over the reference. */
static void become(struct ioasid_caller *caller)
{
	struct ioasid_caller *old = self;

	pthread_once(&key_once, key_create);
	self = caller;
	pthread_setspecific(key, caller);
	ioasid_caller_put(old);
}

struct ioasid_caller *ioasid_caller_get(void)
{
	if (self)
		refcount_inc(&self->refs);
	return self;
}

void ioasid_caller_adopt(struct ioasid_caller *caller)
{
	if (caller)
		refcount_inc(&caller->refs);
	become(caller);
}

/* A copy of what the thread is, to be changed. */
static struct ioasid_caller *copy_self(void)
{
	struct ioasid_caller *copy = os_zalloc(sizeof(*copy));

	if (!copy)
		return NULL;
	if (self)
		*copy = *self;
	refcount_set(&copy->refs, 1);
	if (copy->host)
		host_get(copy->host);
	if (copy->mm)
		mm_get(copy->mm);
	if (copy->group)
		limit_group_get(copy->group);
	return copy;
}

int ioasid_caller_set_host(struct ioasid_host *host)
{
	struct ioasid_caller *caller = copy_self();

	if (!caller)
		return -ENOMEM;
	if (caller->group)
		limit_group_put(caller->group);
	caller->group = NULL;
	if (caller->host)
		ioasid_host_put(caller->host);
	if (host)
		host_get(host);
	caller->host = host;
	become(caller);
	return 0;
}

int ioasid_caller_set_mm(struct mm_struct *mm)
{
	struct ioasid_caller *caller = copy_self();

	if (!caller)
		return -ENOMEM;
	if (mm)
		mm_get(mm);
	ioasid_mm_put(caller->mm);
	caller->mm = mm;
	become(caller);
	return 0;
}

int ioasid_caller_set_privileged(bool privileged)
{
	struct ioasid_caller *caller = copy_self();

	if (!caller)
		return -ENOMEM;
	caller->unprivileged = !privileged;
	become(caller);
	return 0;
}

bool caller_privileged(void)
{
	return !self || !self->unprivileged;
}

/* The thread's host with a reference, or NULL. */
static struct ioasid_host *own_host(void)
{
	struct ioasid_host *host;

	if (self && self->host) {
		host_get(self->host);
		return self->host;
	}
	return ioasid_host_default(&host) ? NULL : host;
}

int ioasid_caller_set_group(const char *path)
{
	struct ioasid_host *host = own_host();
	struct ioasid_caller *caller;
	struct limit_group *group;

	if (!host)
		return -ENOMEM;
	group = groups_find(host, path ? path : "/");
	if (IS_ERR(group)) {
		ioasid_host_put(host);
		return (int)PTR_ERR(group);
	}
	caller = copy_self();
	if (!caller) {
		limit_group_put(group);
		ioasid_host_put(host);
		return -ENOMEM;
	}
	if (caller->group)
		limit_group_put(caller->group);
	if (caller->host)
		ioasid_host_put(caller->host);
	/* A group is of its host, which is kept as long. */
	caller->host = host;
	caller->group = group;
	become(caller);
	return 0;
}

/* ---- what the core asks ---------------------------------------------------------------------- */

/*
 * The default host, once a driver function was called on it, stays: nobody could say when the process
 * is done with it.
 */
static struct ioasid_host *kept_default;

static void keep_default(void)
{
	if (ioasid_host_default(&kept_default))
		kept_default = NULL;
}

struct pasid_host *caller_pasids(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	if (inside)
		return inside;
	if (self && self->host)
		return &self->host->machine.pasids;
	pthread_mutex_lock(&lock);
	if (!kept_default)
		keep_default();
	pthread_mutex_unlock(&lock);
	return kept_default ? &kept_default->machine.pasids : NULL;
}

static struct limit_group *own_group(struct ioasid_host *host)
{
	struct limit_group *group = self && self->group && self->host == host ? self->group :
										host->group_root;

	limit_group_get(group);
	return group;
}

static struct limit_group *limit_get(struct pasid_host *pasids)
{
	return own_group(container_of(pasids, struct ioasid_host, machine.pasids));
}

struct limit_group *caller_limit_find(struct ioasid_machine *machine,
				      const struct ioasid_limit *name, bool change)
{
	struct ioasid_host *host = container_of(machine, struct ioasid_host, machine);
	struct limit_group *group;
	char *path;

	if (name->flags == IOASID_LIMIT_FD)
		return ERR_PTR(-EOPNOTSUPP);
	if (change && !caller_privileged())
		return ERR_PTR(-EPERM);
	if (name->flags == IOASID_LIMIT_OWN)
		return own_group(host);
	path = os_zalloc(name->path_len + 1);
	if (!path)
		return ERR_PTR(-ENOMEM);
	if (os_copy_from_user(path, name->path, name->path_len))
		group = ERR_PTR(-EFAULT);
	else
		group = strlen(path) == name->path_len ? groups_find(host, path) : ERR_PTR(-EINVAL);
	os_free(path);
	return group;
}

static void *enter(struct pasid_host *host)
{
	struct pasid_host *before = inside;

	inside = host;
	return before;
}

static void leave(void *before)
{
	inside = before;
}

const struct pasid_host_ops caller_pasid_ops = {
	.mm_current = mm_current,
	.mm_get = mm_get,
	.mm_put = mm_put,
	.mm_who = mm_who,
	.limit_get = limit_get,
	.enter = enter,
	.leave = leave,
};
