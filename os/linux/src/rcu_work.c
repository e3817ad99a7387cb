// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* OS layer, Linux home: what is called back after a grace period or in a worker. */
#include "os/os.h"

/* Our own: what runs in it has left this module's code when the queue is gone. */
struct workqueue_struct *os_wq;

int os_init(void)
{
	os_wq = alloc_workqueue("ioasid", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return os_wq ? 0 : -ENOMEM;
}

void os_exit(void)
{
	/* Callbacks may queue works, and works may call back. */
	os_rcu_barrier();
	destroy_workqueue(os_wq);
	os_rcu_barrier();
}

static void rcu_run(struct rcu_head *head)
{
	struct os_rcu *rcu = container_of(head, struct os_rcu, head);

	rcu->fn(rcu);
}

void os_call_rcu(struct os_rcu *rcu, void (*fn)(struct os_rcu *rcu))
{
	rcu->fn = fn;
	call_rcu(&rcu->head, rcu_run);
}

static void free_base(struct os_rcu *rcu)
{
	kvfree(rcu->base);
}

void os_free_rcu(void *base, struct os_rcu *rcu)
{
	rcu->base = base;
	os_call_rcu(rcu, free_base);
}

void os_work_run(struct work_struct *w)
{
	struct os_work *work = container_of(w, struct os_work, w);

	work->fn(work);
}
