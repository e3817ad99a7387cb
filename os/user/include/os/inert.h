/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* OS layer, user space: names that do nothing in a process. */
#ifndef IOASID_OS_INERT_H
#define IOASID_OS_INERT_H

#define __user
#define __iomem
#define __rcu
#define __must_check __attribute__((warn_unused_result))
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define EXPORT_SYMBOL_GPL(sym) extern int ioasid_os_export_##sym

#define GFP_KERNEL	   0
#define GFP_KERNEL_ACCOUNT 0
#define GFP_ATOMIC	   0
#define GFP_NOWAIT	   0
#define __GFP_NOWARN	   0

#define might_sleep()			((void)0)
#define cond_resched()			((void)0)
#define lockdep_assert_held(l)		((void)(l))
#define lockdep_assert_held_write(l)	((void)(l))
#define rcu_dereference_protected(p, c) (p)

#endif
