// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * DMA to an address space of the shared kind: the process itself, without a table of ours. Any
 * address may be wrong, and a wrong one is a fault record, never a signal: copies are done by the
 * kernel, which answers EFAULT. Only atomics have to touch the memory directly; they run under a
 * guard that catches the signal.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include "inproc/private.h"

/* What a first-stage walk of the process's own table would say. */
static int shared_fault(struct xlate *x, u32 reason, u64 done)
{
	xlate_refuse(x, reason, VTD_SFS_2);
	x->iova += done;
	return -EFAULT;
}

static bool too_wide(const struct xlate *x, size_t len)
{
	return x->iova >> 52 || (x->iova + (len - 1)) >> 52;
}

static ssize_t process_copy(const struct xlate *x, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { (void *)(uintptr_t)x->iova, len };

	return x->access & XLAT_READ ? process_vm_readv(x->pid, &local, 1, &remote, 1, 0) :
				       process_vm_writev(x->pid, &local, 1, &remote, 1, 0);
}

int shared_copy(struct xlate *x, void *buf, size_t len)
{
	ssize_t n;

	if (too_wide(x, len)) {
		xlate_refuse(x, IOASID_REASON_ADDRESS, VTD_SGN_1);
		return -EFAULT;
	}
	n = process_copy(x, buf, len);
	if (n == (ssize_t)len)
		return 0;
	if (n < 0 && errno == ESRCH)
		return shared_fault(x, IOASID_REASON_DEAD, 0);
	return shared_fault(x, IOASID_REASON_NOT_PRESENT, n > 0 ? (u64)n : 0);
}

/* ---- atomics --------------------------------------------------------------------------------- */

static __thread struct {
	sigjmp_buf out;
	volatile uintptr_t addr; /* 0: no guard */
} guard __attribute__((tls_model("initial-exec")));

static struct sigaction old_segv, old_bus;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

/* Not ours: whoever was there before decides; the default is to die where the fault is. */
static void guard_chain(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *old = sig == SIGSEGV ? &old_segv : &old_bus;

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, context);
		return;
	}
	if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
		return;
	}
	if (info->si_code <= 0 && old->sa_handler == SIG_IGN)
		return;
	signal(sig, SIG_DFL);
	/* A fault comes again by itself when we return; a signal somebody sent does not. */
	if (info->si_code <= 0)
		raise(sig);
}

static void guard_handler(int sig, siginfo_t *info, void *context)
{
	if (guard.addr && info->si_code > 0 && (uintptr_t)info->si_addr == guard.addr) {
		guard.addr = 0;
		siglongjmp(guard.out, 1);
	}
	guard_chain(sig, info, context);
}

static void guard_install(void)
{
	struct sigaction sa = { .sa_sigaction = guard_handler };

	/* Nothing is blocked in the handler, so that jumping out of it leaves no mask behind. */
	sa.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, &old_segv);
	sigaction(SIGBUS, &sa, &old_bus);
}

static bool guarded_atomic(void *p, enum ioasid_atomic op, unsigned int size, u64 operand,
			   u64 compare, u64 *old)
{
	if (sigsetjmp(guard.out, 0))
		return false;
	guard.addr = (uintptr_t)p;
	*old = atomic_apply(p, op, size, operand, compare);
	guard.addr = 0;
	return true;
}

int shared_atomic(struct xlate *x, enum ioasid_atomic op, unsigned int size, u64 operand,
		  u64 compare, u64 *old)
{
	struct xlate probe = *x;
	u64 now;
	int rc;

	/* Another process's memory cannot be changed atomically from here. */
	if (getpid() != x->pid)
		return shared_fault(x, IOASID_REASON_DEAD, 0);
	/* Says at once what is wrong with most wrong addresses, and brings the page in. */
	probe.access = XLAT_READ;
	rc = shared_copy(&probe, &now, size);
	if (rc) {
		*x = probe;
		x->access = XLAT_RW;
		return rc;
	}
	pthread_once(&guard_once, guard_install);
	if (guarded_atomic((void *)(uintptr_t)x->iova, op, size, operand, compare, old))
		return 0;
	xlate_refuse(x, IOASID_REASON_PERMISSION, VTD_SGN_6);
	return -EFAULT;
}
