// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* OS layer, Linux home, test module only: counted allocations that fail on demand. */
#include "os/os.h"

#undef kfree
#undef kvfree
#undef os_page_zalloc
#undef os_page_free

/* Only the task that asked for failures gets them. */
static struct task_struct *victim;
static unsigned long fail_nth;
static atomic64_t live;

void os_alloc_fail_nth(unsigned long nth)
{
	WRITE_ONCE(victim, NULL);
	fail_nth = nth;
	WRITE_ONCE(victim, nth ? current : NULL);
}

bool os_fault_point(void)
{
	return READ_ONCE(victim) == current && fail_nth && --fail_nth == 0;
}

long os_alloc_live(void)
{
	os_rcu_barrier();
	return (long)atomic64_read(&live);
}

/* A constant without PREEMPT_COUNT, where the question has no answer. */
static void check_may_sleep(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && gfpflags_allow_blocking(gfp))
		WARN_ON_ONCE(in_atomic() || irqs_disabled());
}

static void *count(void *p)
{
	if (p)
		atomic64_inc(&live);
	return p;
}

void *os_test_zalloc(size_t n, size_t size, gfp_t gfp)
{
	check_may_sleep(gfp);
	if (os_fault_point())
		return NULL;
	return count(kvmalloc_array(n, size, gfp | __GFP_ZERO));
}

void os_test_free(const void *p)
{
	if (!p)
		return;
	/* What a vmalloc'ed block is freed with may sleep; a core that frees under a lock must not. */
	WARN_ON_ONCE(is_vmalloc_addr(p) && IS_ENABLED(CONFIG_PREEMPT_COUNT) && in_atomic());
	atomic64_dec(&live);
	kvfree(p);
}

void *os_test_page_zalloc(void)
{
	check_may_sleep(GFP_KERNEL_ACCOUNT);
	return os_fault_point() ? NULL : count((void *)get_zeroed_page(GFP_KERNEL_ACCOUNT));
}

void os_test_page_free(void *page)
{
	if (!page)
		return;
	atomic64_dec(&live);
	free_page((unsigned long)page);
}
