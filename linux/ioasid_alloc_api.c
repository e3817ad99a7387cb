// SPDX-License-Identifier: GPL-2.0-only
/* The Linux home: the allocator's driver API, <linux/ioasid_alloc.h>, and processes as its tokens. */
#include <linux/hardirq.h>
#include <linux/sched/mm.h>

#include "linux/ioasid_linux.h"

#define api_host() (&lin_machine.pasids)
/*
 * Locks of the allocator do not switch interrupts off. The kernels that check whether might_sleep()
 * is true check this as well; lockdep finds the mistake by itself only if the interrupt really comes.
 */
#if IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP)
#define api_check_any() ((void)WARN_ON_ONCE(in_hardirq()))
#else
#define api_check_any() ((void)0)
#endif
#define api_check_sleep() might_sleep()

#include "core/pasid_api.h"

/* ---- processes ------------------------------------------------------------------------------- */

static void *lin_mm_current(void)
{
	return current->mm;
}

static void lin_mm_get(void *mm)
{
	mmgrab(mm);
}

static void lin_mm_put(void *mm)
{
	mmdrop(mm);
}

static void lin_mm_who(void *mm, struct pasid_who *who)
{
	struct task_struct *task = NULL;

	rcu_read_lock();
	if (current->mm == mm)
		task = current->group_leader;
#ifdef CONFIG_MEMCG
	if (!task)
		task = rcu_dereference(((struct mm_struct *)mm)->owner);
#endif
	if (task) {
		who->pid = task_tgid_nr(task);
		get_task_comm(who->comm, task);
	}
	rcu_read_unlock();
}

const struct pasid_host_ops lin_pasid_ops = {
	.mm_current = lin_mm_current,
	.mm_get = lin_mm_get,
	.mm_put = lin_mm_put,
	.mm_who = lin_mm_who,
	.limit_get = lin_limit_get,
};
