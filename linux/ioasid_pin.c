// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Linux home: memory of the caller, pinned for as long as it is mapped.
 *
 * Pages are charged twice, as elsewhere in the kernel: to the user's locked memory, which is what
 * RLIMIT_MEMLOCK bounds and what forking does not multiply, and to the address space's pinned
 * memory, which is what /proc/PID/status shows. Both are undone on objects we hold, so neither the
 * task nor its address space has to be alive then.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "linux/ioasid_linux.h"

/* Pages asked for at once: one page of pointers. */
#define PIN_BATCH (PAGE_SIZE / sizeof(struct page *))
/* One array of runs stays below what the allocator takes; 2^26 runs are at least 256 GiB. */
#define PIN_MAX_RUNS (1UL << 26)

/*
 * struct pin_run - pages that are neighbours in physical memory too
 * @index: of its first page in the pin
 * @page: first page
 */
struct pin_run {
	unsigned long index;
	struct page *page;
};

/*
 * struct lin_pin - one pinned range
 * @mm, @user: who is charged; referenced
 * @nr_charged: pages charged
 * @nr_pages: pages pinned
 * @runs, @nr_runs, @room: sorted by index
 * @write: pages may have been written to by devices
 */
struct lin_pin {
	struct mm_struct *mm;
	struct user_struct *user;
	unsigned long nr_charged;
	unsigned long nr_pages;
	struct pin_run *runs;
	unsigned long nr_runs;
	unsigned long room;
	bool write;
};

/* ---- charging --------------------------------------------------------------------------------- */

static int pin_charge(struct lin_pin *pin, unsigned long npages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	bool bounded = !capable(CAP_IPC_LOCK);
	long old = atomic_long_read(&pin->user->locked_vm), new;

	do {
		if (check_add_overflow(old, (long)npages, &new))
			return -EDQUOT;
		if (bounded && (unsigned long)new > limit)
			return -EDQUOT;
	} while (!atomic_long_try_cmpxchg(&pin->user->locked_vm, &old, new));
	atomic64_add(npages, &pin->mm->pinned_vm);
	pin->nr_charged = npages;
	return 0;
}

static void pin_uncharge(struct lin_pin *pin)
{
	atomic_long_sub(pin->nr_charged, &pin->user->locked_vm);
	atomic64_sub(pin->nr_charged, &pin->mm->pinned_vm);
}

/* ---- runs --------------------------------------------------------------------------------------- */

static unsigned long run_end(const struct lin_pin *pin, unsigned long i)
{
	return i + 1 < pin->nr_runs ? pin->runs[i + 1].index : pin->nr_pages;
}

static int pin_grow(struct lin_pin *pin)
{
	unsigned long room = pin->room ? 2 * pin->room : 8;
	struct pin_run *runs;

	if (room > PIN_MAX_RUNS)
		return -ENOMEM;
	runs = kvmalloc_array(room, sizeof(*runs), GFP_KERNEL_ACCOUNT);
	if (!runs)
		return -ENOMEM;
	if (pin->nr_runs)
		memcpy(runs, pin->runs, pin->nr_runs * sizeof(*runs));
	kvfree(pin->runs);
	pin->runs = runs;
	pin->room = room;
	return 0;
}

static int pin_add_page(struct lin_pin *pin, struct page *page)
{
	struct pin_run *run = pin->nr_runs ? &pin->runs[pin->nr_runs - 1] : NULL;
	int rc;

	if (!run || page_to_pfn(page) != page_to_pfn(run->page) + (pin->nr_pages - run->index)) {
		if (pin->nr_runs == pin->room) {
			rc = pin_grow(pin);
			if (rc)
				return rc;
		}
		pin->runs[pin->nr_runs++] = (struct pin_run){ pin->nr_pages, page };
	}
	pin->nr_pages++;
	return 0;
}

static int pin_add_pages(struct lin_pin *pin, struct page **pages, int n)
{
	int i, rc;

	for (i = 0; i < n; i++) {
		rc = pin_add_page(pin, pages[i]);
		if (rc) {
			unpin_user_pages(pages + i, n - i);
			return rc;
		}
	}
	return 0;
}

static void pin_drop_pages(struct lin_pin *pin)
{
	unsigned long i;

	for (i = 0; i < pin->nr_runs; i++) {
		unpin_user_page_range_dirty_lock(pin->runs[i].page,
						 run_end(pin, i) - pin->runs[i].index, pin->write);
		cond_resched();
	}
	kvfree(pin->runs);
}

/* ---- pinning --------------------------------------------------------------------------------------- */

static int pin_errno(long rc)
{
	switch (rc) {
	case -ENOMEM:
	case -EINTR:
		return (int)rc;
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return -EFAULT;
	}
}

static int pin_range(struct lin_pin *pin, unsigned long uaddr, unsigned long npages,
		     struct page **batch)
{
	unsigned int flags = FOLL_LONGTERM | (pin->write ? FOLL_WRITE : 0);
	int n, rc;

	while (npages) {
		/* A large range takes seconds; whoever is being killed does not wait for it. */
		if (fatal_signal_pending(current))
			return -EINTR;
		n = pin_user_pages_fast(uaddr, min_t(unsigned long, npages, PIN_BATCH), flags,
					batch);
		if (n <= 0)
			return pin_errno(n);
		rc = pin_add_pages(pin, batch, n);
		if (rc)
			return rc;
		uaddr += (unsigned long)n << PAGE_SHIFT;
		npages -= n;
		cond_resched();
	}
	return 0;
}

static int pin_fill(struct lin_pin *pin, unsigned long uaddr, unsigned long npages)
{
	struct page **batch = kmalloc_array(PIN_BATCH, sizeof(*batch), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!batch)
		return -ENOMEM;
	rc = pin_range(pin, uaddr, npages, batch);
	kfree(batch);
	if (rc)
		pin_drop_pages(pin);
	return rc;
}

static int pin_check(const struct ioasid_pin_req *req)
{
	u64 last;

	if (req->fd >= 0)
		return -EOPNOTSUPP;
	if (!req->length || ((req->uaddr | req->length) & ~PAGE_MASK))
		return -EINVAL;
	return check_add_overflow(req->uaddr, req->length - 1, &last) ? -EINVAL : 0;
}

int lin_pin(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **out)
{
	unsigned long npages = req->length >> PAGE_SHIFT;
	struct lin_pin *pin;
	int rc;

	rc = pin_check(req);
	if (rc)
		return rc;
	/* The exiting task of an io_uring worker, say: there is no address space to pin. */
	if (!current->mm)
		return -EFAULT;
	pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	if (!pin)
		return -ENOMEM;
	pin->mm = current->mm;
	pin->user = get_uid(current_user());
	pin->write = req->write;
	mmgrab(pin->mm);
	rc = pin_charge(pin, npages);
	if (rc)
		goto err_free;
	rc = pin_fill(pin, req->uaddr, npages);
	if (rc)
		goto err_uncharge;
	*out = pin;
	return 0;

err_uncharge:
	pin_uncharge(pin);
err_free:
	mmdrop(pin->mm);
	free_uid(pin->user);
	kfree(pin);
	return rc;
}

void lin_unpin(struct ioasid_ctx *ctx, void *p)
{
	struct lin_pin *pin = p;

	pin_drop_pages(pin);
	pin_uncharge(pin);
	mmdrop(pin->mm);
	free_uid(pin->user);
	kfree(pin);
}

/* ---- where the pages are ------------------------------------------------------------------------- */

/* The run that holds page @index. */
static unsigned long run_find(const struct lin_pin *pin, unsigned long index)
{
	unsigned long lo = 0, hi = pin->nr_runs - 1;

	while (lo < hi) {
		unsigned long mid = hi - (hi - lo) / 2;

		if (pin->runs[mid].index <= index)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

u64 lin_extents(void *p, u64 offset, u64 length, struct ioasid_extent *ext, unsigned int *n)
{
	const struct lin_pin *pin = p;
	unsigned long i = run_find(pin, offset >> PAGE_SHIFT);
	u64 first = offset;
	unsigned int k;

	for (k = 0; k < *n && length; k++, i++) {
		u64 start = (u64)pin->runs[i].index << PAGE_SHIFT;
		u64 end = (u64)run_end(pin, i) << PAGE_SHIFT;

		ext[k].pa = page_to_phys(pin->runs[i].page) + (offset - start);
		ext[k].len = min(length, end - offset);
		offset += ext[k].len;
		length -= ext[k].len;
	}
	*n = k;
	return offset - first;
}
