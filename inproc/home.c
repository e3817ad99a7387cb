// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the core asks of any home: memory that a MAP names, descriptors.
 *
 * The caller is this process. Its memory needs no pinning, only checking; keeping it mapped until
 * UNMAP is the caller's promise (see ioasid_map()). A MAP of a memory file makes a mapping of its
 * own, which lives as long as the MAP.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "inproc/ctx.h"
#include "inproc/caller.h"
#include "inproc/private.h"
#include "inproc/vm.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define SIZE_2M (1UL << 21)

/**
 * struct inproc_pin - memory behind one MAP
 * @addr: first byte
 * @map, @map_len: our own mapping of a file, or NULL
 */
struct inproc_pin {
	char *addr;
	void *map;
	size_t map_len;
};

/* ---- memory of the process ------------------------------------------------------------------- */

static bool populate_known;
static pthread_once_t populate_once = PTHREAD_ONCE_INIT;

/* EINVAL means an old kernel as well as missing permission: find out which it is. */
static void populate_probe(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		return;
	populate_known = !madvise(p, (size_t)page, MADV_POPULATE_WRITE);
	munmap(p, (size_t)page);
}

/* One page is there with the permission wanted; also brings it in, as pinning would. */
static int page_check(u64 addr, bool write)
{
	void *p = (void *)(uintptr_t)addr;

	pthread_once(&populate_once, populate_probe);
	if (populate_known)
		return madvise(p, PAGE_SIZE, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) ?
			       -EFAULT :
			       0;
	return msync(p, PAGE_SIZE, MS_ASYNC) ? -EFAULT : 0;
}

/*
 * Everything must be mapped, the first and the last page with the permission wanted. Asking for
 * each page would cost more than entering it into the table.
 */
static int range_check(u64 addr, u64 len, bool write)
{
	u64 last;
	int rc;

	if (check_add_overflow(addr, len - 1, &last) || last >> 52)
		return -EFAULT;
	/* Host addresses are physical ones to the IOMMU, which takes none of these for memory. */
	if (addr <= INPROC_MSI_LAST && last >= INPROC_MSI_FIRST)
		return -EINVAL;
	rc = page_check(addr, write);
	if (rc || len == PAGE_SIZE)
		return rc;
	if (msync((void *)(uintptr_t)addr, len, MS_ASYNC))
		return -EFAULT;
	return page_check(last & ~(PAGE_SIZE - 1), write);
}

/* ---- memory files -------------------------------------------------------------------------------- */

/*
 * Files whose pages are memory. Whoever can truncate the file can make an access through the
 * mapping raise SIGBUS in this process, so a file that an untrusted party holds has to be sealed
 * against shrinking (F_SEAL_SHRINK) before it is handed in.
 */
static int file_check(int fd, u64 offset, u64 len, u64 *align)
{
	struct statfs fs;
	struct stat st;
	u64 last;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return -EBADF;
	if (!S_ISREG(st.st_mode) || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC))
		return -EOPNOTSUPP;
	if (check_add_overflow(offset, len - 1, &last) || last > INT64_MAX)
		return -EINVAL;
	if (st.st_size <= 0 || last >= (u64)st.st_size)
		return -EFAULT;
	*align = fs.f_type == HUGETLBFS_MAGIC ? (u64)fs.f_bsize : PAGE_SIZE;
	return 0;
}

/* An address that is to its large page what the offset is to its own: then leaves can be large. */
static void *reserve_congruent(u64 offset, size_t len, u64 align)
{
	u64 step = max(align, (u64)SIZE_2M);
	size_t room;
	char *p;
	u64 skip;

	if (check_add_overflow(len, (size_t)step, &room))
		return MAP_FAILED;
	p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return p;
	skip = (offset - (uintptr_t)p) & (step - 1);
	if (skip)
		munmap(p, skip);
	if (step != skip)
		munmap(p + skip + len, step - skip);
	return p + skip;
}

static int file_map(struct inproc_pin *pin, const struct ioasid_pin_req *req)
{
	int prot = PROT_READ | (req->write ? PROT_WRITE : 0);
	u64 align, start;
	void *at, *p;
	int rc = file_check(req->fd, req->uaddr, req->length, &align);

	if (rc)
		return rc;
	start = ALIGN_DOWN(req->uaddr, align);
	pin->map_len = ALIGN(req->uaddr + req->length, align) - start;
	at = reserve_congruent(start, pin->map_len, align);
	if (at == MAP_FAILED)
		return -ENOMEM;
	p = mmap(at, pin->map_len, prot, MAP_SHARED | MAP_FIXED, req->fd, (off_t)start);
	if (p == MAP_FAILED) {
		rc = errno == EACCES || errno == EPERM ? -EPERM : -ENOMEM;
		munmap(at, pin->map_len);
		return rc;
	}
	pin->map = p;
	pin->addr = (char *)p + (req->uaddr - start);
	return 0;
}

/* ---- the operations ---------------------------------------------------------------------------------- */

static int home_pin(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **out)
{
	struct inproc_pin *pin;
	int rc = 0;

	(void)ctx;
	if (req->fd < 0)
		rc = range_check(req->uaddr, req->length, req->write);
	if (rc)
		return rc;
	pin = os_zalloc(sizeof(*pin));
	if (!pin)
		return -ENOMEM;
	pin->addr = (char *)(uintptr_t)req->uaddr;
	if (req->fd >= 0)
		rc = file_map(pin, req);
	if (rc) {
		os_free(pin);
		return rc;
	}
	*out = pin;
	return 0;
}

static void home_unpin(struct ioasid_ctx *ctx, void *pin)
{
	struct inproc_pin *p = pin;

	(void)ctx;
	if (p->map)
		munmap(p->map, p->map_len);
	os_free(p);
}

/* Addresses of the process are "physical": any range is one piece. */
static u64 home_extents(void *pin, u64 offset, u64 length, struct ioasid_extent *ext,
			unsigned int *n)
{
	const struct inproc_pin *p = pin;

	*n = 1;
	ext[0].pa = (u64)(uintptr_t)p->addr + offset;
	ext[0].len = length;
	return length;
}

/*
 * As scattered memory comes: page by page, and no page continues the one before. Two neighbours
 * change places, so what DMA reaches is the other one: for measuring MAP alone.
 */
static u64 home_extents_paged(void *pin, u64 offset, u64 length, struct ioasid_extent *ext,
			      unsigned int *nr)
{
	u64 first = (u64)(uintptr_t)((const struct inproc_pin *)pin)->addr + offset;
	unsigned int i, n = (unsigned int)min((u64)*nr, length >> PAGE_SHIFT);

	for (i = 0; i + 1 < n; i += 2) {
		ext[i] = (struct ioasid_extent){ first + (i + 1) * PAGE_SIZE, PAGE_SIZE };
		ext[i + 1] = (struct ioasid_extent){ first + i * PAGE_SIZE, PAGE_SIZE };
	}
	if (i < n)
		ext[i] = (struct ioasid_extent){ first + i * PAGE_SIZE, PAGE_SIZE };
	*nr = n;
	return (u64)n << PAGE_SHIFT;
}

static bool is_eventfd(int fd)
{
	char path[32], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, "anon_inode:[eventfd]");
}

/* The reference is a descriptor of our own, as a pointer that is never NULL. */
static void *home_eventfd_get(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return ERR_PTR(errno == EBADF ? -EBADF : -ENOMEM);
	if (!is_eventfd(own)) {
		close(own);
		return ERR_PTR(-EINVAL);
	}
	return (void *)(uintptr_t)(own + 1);
}

static int eventfd_of(void *ev)
{
	return (int)(uintptr_t)ev - 1;
}

/* A full counter is still readable: nothing is lost if the write cannot be done at once. */
static void home_eventfd_signal(void *ev)
{
	struct pollfd p = { .fd = eventfd_of(ev), .events = POLLOUT };

	if (poll(&p, 1, 0) == 1)
		(void)eventfd_write(p.fd, 1);
}

static void home_eventfd_put(void *ev)
{
	close(eventfd_of(ev));
}

const struct ioasid_home_ops inproc_home_ops = {
	.pin = home_pin,
	.unpin = home_unpin,
	.extents = home_extents,
	.fault_notify = ctx_fault_notify,
	.fault_fd = ctx_fault_fd,
	.get_ctx = ctx_get_by_fd,
	.eventfd_get = home_eventfd_get,
	.eventfd_signal = home_eventfd_signal,
	.eventfd_put = home_eventfd_put,
	.privileged = caller_privileged,
	.limit_find = caller_limit_find,
	.pasids = &caller_pasid_ops,
	.cpu_get = vm_get_by_fd,
	.cpu_env = vm_table_env,
};

const struct ioasid_home_ops inproc_home_ops_paged = {
	.pin = home_pin,
	.unpin = home_unpin,
	.extents = home_extents_paged,
	.fault_notify = ctx_fault_notify,
	.fault_fd = ctx_fault_fd,
	.get_ctx = ctx_get_by_fd,
	.eventfd_get = home_eventfd_get,
	.eventfd_signal = home_eventfd_signal,
	.eventfd_put = home_eventfd_put,
	.privileged = caller_privileged,
	.limit_find = caller_limit_find,
	.pasids = &caller_pasid_ops,
	.cpu_get = vm_get_by_fd,
	.cpu_env = vm_table_env,
};
