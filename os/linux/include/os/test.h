/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * OS layer, Linux home, test module only: the allocator that can be told to fail, as user space
 * always has it. Included by os/os.h.
 */
#ifndef IOASID_OS_TEST_H
#define IOASID_OS_TEST_H

/**
 * os_alloc_fail_nth() - make the @nth allocation of this task from now on fail
 * @nth: 1 fails the next one; 0 switches injection off
 */
void os_alloc_fail_nth(unsigned long nth);
/** os_alloc_live() - allocations of the test module not yet freed nor given to os_free_rcu(). Sleeps. */
long os_alloc_live(void);
/** os_fault_point() - a failure point that is not an allocation; true: fail here now. */
bool os_fault_point(void);

/*
 * The stock kernel does not look for sleeping under a spin lock; these do, with a warning in the
 * kernel log, which fails the run.
 */
void *os_test_zalloc(size_t n, size_t size, gfp_t gfp);
void os_test_free(const void *p);
void *os_test_page_zalloc(void);
void os_test_page_free(void *page);

#undef kzalloc
#undef kcalloc
#undef kvcalloc
#define kzalloc(size, gfp)     os_test_zalloc(1, size, gfp)
#define kcalloc(n, size, gfp)  os_test_zalloc(n, size, gfp)
#define kvcalloc(n, size, gfp) os_test_zalloc(n, size, gfp)
#define kfree(p)	       os_test_free(p)
#define kvfree(p)	       os_test_free(p)
#define os_page_zalloc()       os_test_page_zalloc()
#define os_page_free(p)	       os_test_page_free(p)

#endif
