// SPDX-License-Identifier: GPL-2.0-only
/*
 * The published allocator in the kernel; see tests/abi/allocator_calls.h. Loading the module is the
 * test: it stays if all went well. With mistake=1 or 2 it calls a function where it must not, which a
 * kernel with CONFIG_DEBUG_ATOMIC_SLEEP has to say in its log, and goes.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#define is_err	IS_ERR
#define ptr_err PTR_ERR
#include "allocator_calls.h"

static int mistake;
module_param(mistake, int, 0444);
MODULE_PARM_DESC(mistake, "1: in a hard interrupt; 2: sleeping function under a spin lock");

static DECLARE_COMPLETION(irq_done);

static void in_interrupt_handler(struct irq_work *work)
{
	ioasid_get(NULL, 1);
	complete(&irq_done);
}

static void make_mistake(void)
{
	static DEFINE_SPINLOCK(lock);
	static struct irq_work work = IRQ_WORK_INIT_HARD(in_interrupt_handler);

	if (mistake == 1) {
		irq_work_queue(&work);
		wait_for_completion(&irq_done);
		irq_work_sync(&work);
		return;
	}
	spin_lock(&lock);
	ioasid_alloc(NULL, 1, 1, NULL);
	ioasid_flush_work(1);
	spin_unlock(&lock);
}

static int __init alloc_test_init(void)
{
	const char *failed = functions_are_there(&allocator_table);

	if (mistake) {
		make_mistake();
		return -EINVAL;
	}
	if (!failed)
		failed = handlers_refuse(current->mm);
	if (!failed)
		return 0;
	pr_err("allocator: not so: %s\n", failed);
	return -EINVAL;
}

static void __exit alloc_test_exit(void)
{
	ioasid_flush_work(INVALID_IOASID);
}

module_init(alloc_test_init);
module_exit(alloc_test_exit);
MODULE_DESCRIPTION("Test of the allocator's driver API");
MODULE_LICENSE("GPL");
