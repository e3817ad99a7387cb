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
#include <linux/file.h>
#include <linux/hugetlb.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/shmem_fs.h>
#include <uapi/linux/fcntl.h>

#include "linux/ioasid_linux.h"

/* Pages asked for at once: one page of pointers; a few are kept on the stack. */
#define PIN_BATCH (PAGE_SIZE / sizeof(struct page *))
#define PIN_FEW	  32
/* Runs that need no array of their own. */
#define PIN_FIRST 2
/* What one MAP may name: 2^36 pages are 256 TiB, more than anybody's limit and any overflow's. */
#define PIN_MAX_PAGES (1UL << 36)
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
 * @first: where @runs begin
 * @file: the memory file, referenced, if it is one
 * @folios, @nr_folios: memory files are pinned folio by folio
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
	struct pin_run first[PIN_FIRST];
	struct file *file;
	struct folio **folios;
	unsigned long nr_folios;
	bool write;
};

/* ---- charging --------------------------------------------------------------------------------- */

static int pin_charge(struct lin_pin *pin, unsigned long npages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	long old = atomic_long_read(&pin->user->locked_vm), new;

	do {
		if (check_add_overflow(old, (long)npages, &new))
			return -EDQUOT;
		/* The last question: asking it costs more than all the rest. */
		if ((unsigned long)new > limit && !capable(CAP_IPC_LOCK))
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

/* Room for one more run; it doubles. */
static int pin_grow(struct lin_pin *pin)
{
	unsigned long room = 2 * pin->room;
	struct pin_run *runs;

	if (room > PIN_MAX_RUNS)
		return -ENOMEM;
	runs = kvmalloc_array(room, sizeof(*runs), GFP_KERNEL_ACCOUNT);
	if (!runs)
		return -ENOMEM;
	memcpy(runs, pin->runs, pin->nr_runs * sizeof(*runs));
	if (pin->runs != pin->first)
		kvfree(pin->runs);
	pin->runs = runs;
	pin->room = room;
	return 0;
}

/* @n pages that follow each other in physical memory. */
static int pin_add_run(struct lin_pin *pin, struct page *page, unsigned long n)
{
	struct pin_run *run = pin->nr_runs ? &pin->runs[pin->nr_runs - 1] : NULL;
	int rc;

	if (!run || page_to_pfn(page) != page_to_pfn(run->page) + (pin->nr_pages - run->index)) {
		rc = pin->nr_runs == pin->room ? pin_grow(pin) : 0;
		if (rc)
			return rc;
		pin->runs[pin->nr_runs++] = (struct pin_run){ pin->nr_pages, page };
	}
	pin->nr_pages += n;
	return 0;
}

/* How many of @n pages follow each other from the first one on. */
static int pages_in_a_row(struct page **pages, int n)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	int i;

	for (i = 1; i < n && page_to_pfn(pages[i]) == pfn + i; i++)
		;
	return i;
}

static int pin_add_pages(struct lin_pin *pin, struct page **pages, int n)
{
	int len, rc;

	for (; n; pages += len, n -= len) {
		len = pages_in_a_row(pages, n);
		rc = pin_add_run(pin, pages[0], len);
		if (rc) {
			unpin_user_pages(pages, n);
			return rc;
		}
	}
	return 0;
}

static void drop_folios(struct lin_pin *pin)
{
	unsigned long i;

	for (i = 0; i < pin->nr_folios; i++) {
		if (pin->write)
			set_page_dirty_lock(folio_page(pin->folios[i], 0));
		unpin_folio(pin->folios[i]);
		cond_resched();
	}
	kvfree(pin->folios);
	fput(pin->file);
}

static void drop_pages(struct lin_pin *pin)
{
	unsigned long i;

	for (i = 0; i < pin->nr_runs; i++) {
		unpin_user_page_range_dirty_lock(pin->runs[i].page,
						 run_end(pin, i) - pin->runs[i].index, pin->write);
		cond_resched();
	}
}

static void pin_drop(struct lin_pin *pin)
{
	if (pin->file)
		drop_folios(pin);
	else
		drop_pages(pin);
	if (pin->runs != pin->first)
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
	struct page *few[PIN_FEW], **batch = few;
	int rc;

	if (npages > PIN_FEW) {
		batch = kmalloc_array(PIN_BATCH, sizeof(*batch), GFP_KERNEL_ACCOUNT);
		if (!batch)
			return -ENOMEM;
	}
	rc = pin_range(pin, uaddr, npages, batch);
	if (batch != few)
		kfree(batch);
	return rc;
}

/* ---- memory files ---------------------------------------------------------------------------------- */

/* What is sealed against writing is not written to by devices either. */
static unsigned int file_seals(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (shmem_mapping(inode->i_mapping))
		return SHMEM_I(inode)->seals;
#ifdef CONFIG_HUGETLBFS
	return HUGETLBFS_I(inode)->seals;
#else
	return 0;
#endif
}

/*
 * Files whose pages are memory. Pinned pages stay whatever happens to the file: a file that is cut
 * shorter later loses its link to them, no more.
 */
static int file_check(struct file *file, const struct ioasid_pin_req *req)
{
	bool memory = shmem_mapping(file_inode(file)->i_mapping) || is_file_hugepages(file);
	u64 last = req->uaddr + (req->length - 1);

	if (!memory)
		return -EOPNOTSUPP;
	if (last > MAX_LFS_FILESIZE)
		return -EINVAL;
	if (!(file->f_mode & FMODE_READ))
		return -EPERM;
	if (req->write && (!(file->f_mode & FMODE_WRITE) ||
			   file_seals(file) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	return last < i_size_read(file_inode(file)) ? 0 : -EFAULT;
}

/* Take over folios from @start on. Return: bytes of the range they cover, or an error. */
static long file_take(struct lin_pin *pin, struct folio **folios, long n, size_t skip, u64 left)
{
	u64 covered = 0;
	long i;
	int rc;

	for (i = 0; i < n; i++) {
		u64 len = min_t(u64, folio_size(folios[i]) - skip, left - covered);

		rc = pin_add_run(pin, folio_page(folios[i], skip >> PAGE_SHIFT), len >> PAGE_SHIFT);
		if (rc) {
			unpin_folios(folios + i, n - i);
			return rc;
		}
		pin->folios[pin->nr_folios++] = folios[i];
		covered += len;
		skip = 0;
	}
	return covered;
}

static int file_range(struct lin_pin *pin, u64 start, u64 length, struct folio **batch)
{
	u64 end = start + length;
	pgoff_t skip;
	long n;

	while (start < end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		n = memfd_pin_folios(pin->file, start, end - 1, batch, PIN_BATCH, &skip);
		if (n <= 0)
			return n ? pin_errno(n) : -EFAULT;
		n = file_take(pin, batch, n, skip, end - start);
		if (n < 0)
			return n;
		start += n;
		cond_resched();
	}
	return 0;
}

static int file_fill(struct lin_pin *pin, const struct ioasid_pin_req *req)
{
	unsigned long npages = req->length >> PAGE_SHIFT;
	struct folio **batch;
	int rc;

	pin->file = fget(req->fd);
	if (!pin->file)
		return -EBADF;
	if (npages > PIN_MAX_RUNS)
		return -ENOMEM;
	/* At most one folio a page. */
	pin->folios = kvmalloc_array(npages, sizeof(*pin->folios), GFP_KERNEL_ACCOUNT);
	batch = kmalloc_array(PIN_BATCH, sizeof(*batch), GFP_KERNEL_ACCOUNT);
	/* Seals and size stay as they are looked at; what comes later meets pinned pages. */
	inode_lock_shared(file_inode(pin->file));
	rc = pin->folios && batch ? file_check(pin->file, req) : -ENOMEM;
	if (!rc)
		rc = file_range(pin, req->uaddr, req->length, batch);
	inode_unlock_shared(file_inode(pin->file));
	kfree(batch);
	return rc;
}

/* ---- the operations ----------------------------------------------------------------------------------- */

static int pin_check(const struct ioasid_pin_req *req)
{
	u64 last;

	if (!req->length || ((req->uaddr | req->length) & ~PAGE_MASK) ||
	    req->length >> PAGE_SHIFT > PIN_MAX_PAGES)
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
	pin->runs = pin->first;
	pin->room = PIN_FIRST;
	mmgrab(pin->mm);
	rc = pin_charge(pin, npages);
	if (rc)
		goto err_free;
	rc = req->fd >= 0 ? file_fill(pin, req) : pin_fill(pin, req->uaddr, npages);
	if (rc)
		goto err_drop;
	*out = pin;
	return 0;

err_drop:
	pin_drop(pin);
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

	pin_drop(pin);
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
