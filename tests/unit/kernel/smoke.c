// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A user of /dev/ioasid in a guest, without any device: the ABI, pinned memory and who pays for it,
 * ends by kill, the fault descriptor, the module's use count. Static, runs as root, prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ioasid.h>

#define PAGE	      4096UL
#define RW	      (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define NONE	      IOASID_INVALID
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- checks: the first that fails is printed and fails the case ------------------------------- */

static bool failed;

static void check(bool ok, long got, const char *text, int line)
{
	if (ok || failed)
		return;
	printf("# line %d: %s; got %ld\n", line, text, got);
	failed = true;
}

#define is(expr, want)                                                           \
	do {                                                                     \
		long _got = (long)(expr);                                        \
		check(_got == (long)(want), _got, #expr " == " #want, __LINE__); \
	} while (0)
#define yes(expr) check(!!(expr), 0, #expr, __LINE__)

/* ---- commands: 0 or negative errno -------------------------------------------------------------- */

static int cmd(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static int open_ctx(void)
{
	int fd = open("/dev/ioasid", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fprintf(stderr, "# /dev/ioasid: %s\n", strerror(errno));
	return fd;
}

static int alloc(int fd, uint32_t kind, uint32_t parent, uint32_t *handle)
{
	struct ioasid_alloc a = { .argsz = sizeof(a), .kind = kind, .parent = parent };
	int rc = cmd(fd, IOASID_ALLOC, &a);

	*handle = a.ioasid;
	return rc;
}

static uint32_t root(int fd)
{
	uint32_t handle = 0;

	is(alloc(fd, IOASID_KIND_KERNEL, NONE, &handle), 0);
	return handle;
}

static int map(int fd, uint32_t ioasid, uint64_t iova, const void *p, uint64_t length,
	       uint32_t prot)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = prot,
		.ioasid = ioasid,
		.iova = iova,
		.vaddr = (uintptr_t)p,
		.length = length,
	};

	return cmd(fd, IOASID_MAP_DMA, &m);
}

static long unmap(int fd, uint32_t ioasid, uint64_t iova, uint64_t length)
{
	struct ioasid_unmap_dma u = {
		.argsz = sizeof(u), .ioasid = ioasid, .iova = iova, .length = length
	};
	int rc = cmd(fd, IOASID_UNMAP_DMA, &u);

	return rc ? rc : (long)u.unmapped;
}

static long pinned_bytes(int fd)
{
	struct ioasid_info info = { .argsz = sizeof(info) };
	int rc = cmd(fd, IOASID_GET_INFO, &info);

	return rc ? rc : (long)info.pinned_bytes;
}

static void *memory(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* A value in KiB of /proc/self/status. */
static long status_kb(const char *key)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			kb = atol(line + strlen(key));
	}
	if (f)
		fclose(f);
	return kb;
}

static bool become(uid_t uid, rlim_t limit)
{
	struct rlimit r = { limit, limit };

	return !setrlimit(RLIMIT_MEMLOCK, &r) && !setresuid(uid, uid, uid);
}

/* Run @fn in a child, as user @uid with @limit bytes of locked memory; true: all went well there. */
static bool in_child(void (*fn)(int fd), int fd, uid_t uid, rlim_t limit)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (uid && !become(uid, limit))
			_exit(3);
		fn(fd);
		fflush(stdout);
		_exit(failed);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/* ---- ABI ------------------------------------------------------------------------------------------- */

static void abi_sizes_and_flags(void)
{
	struct {
		struct ioasid_check_extension c;
		uint32_t tail[4];
	} x = { .c = { .argsz = sizeof(x.c), .extension = IOASID_EXT_KERNEL_TABLE } };
	int fd = open_ctx();

	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), 0);
	is(x.c.value, 1);
	x.c.extension = 0xdeadbeef;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), 0);
	is(x.c.value, 0);
	x.c.extension = IOASID_EXT_MAP_FD;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), 0);
	is(x.c.value, 1);
	x.c.extension = IOASID_EXT_STATE;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), 0);
	is(x.c.value, 0);
	x.c.argsz = sizeof(x.c) - 1;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), -EINVAL);
	x.c.argsz = sizeof(x);
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), 0);
	x.tail[3] = 1;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), -E2BIG);
	x.c.argsz = ~0U;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), -E2BIG);
	x.c.argsz = sizeof(x.c);
	x.c.flags = 1;
	is(cmd(fd, IOASID_CHECK_EXTENSION, &x), -EOPNOTSUPP);
	is(cmd(fd, _IO(IOASID_IOC_TYPE, 0x3f), &x), -ENOTTY);
	is(cmd(fd, IOASID_DEV_GET_INFO, &x), -ENOTTY);
	is(cmd(fd, _IO('x', 0), &x), -ENOTTY);
	close(fd);
}

static void abi_bad_pointers(void)
{
	struct ioasid_check_extension c = { .argsz = sizeof(c), .extension = 0 };
	char *p = memory(2 * PAGE), *edge = p + PAGE - sizeof(c);
	int fd = open_ctx();

	yes(p);
	munmap(p + PAGE, PAGE);
	is(cmd(fd, IOASID_CHECK_EXTENSION, NULL), -EFAULT);
	is(cmd(fd, IOASID_CHECK_EXTENSION, (void *)-1L), -EFAULT);
	is(cmd(fd, IOASID_CHECK_EXTENSION, (void *)0xffff888000000000UL), -EFAULT);
	/* The very end of a page is fine, one byte further is not. */
	memcpy(edge, &c, sizeof(c));
	is(cmd(fd, IOASID_CHECK_EXTENSION, edge), 0);
	memcpy(edge + 4, &c, sizeof(c) - 4);
	is(cmd(fd, IOASID_CHECK_EXTENSION, edge + 4), -EFAULT);
	/* Where the answer cannot be written nothing happens. */
	memcpy(edge, &c, sizeof(c));
	mprotect(p, PAGE, PROT_READ);
	is(cmd(fd, IOASID_CHECK_EXTENSION, edge), -EFAULT);
	munmap(p, PAGE);
	close(fd);
}

/* The same structures through the 32-bit system call table; pointers below 4 GiB. */
static int cmd32(int fd, unsigned int request, void *arg)
{
	int rc;

	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(54), "b"(fd), "c"(request), "d"((uint32_t)(uintptr_t)arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return rc;
}

static void abi_32_bit_caller(void)
{
	char *low = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct ioasid_alloc *a = (void *)low;
	struct ioasid_map_dma *m = (void *)low;
	struct ioasid_unmap_dma *u = (void *)low;
	struct ioasid_info *info = (void *)low;
	int fd = open_ctx();
	uint32_t h;

	if (low == MAP_FAILED) {
		yes(low != MAP_FAILED);
		return;
	}
	*a = (struct ioasid_alloc){ .argsz = sizeof(*a),
				    .kind = IOASID_KIND_KERNEL,
				    .parent = NONE };
	is(cmd32(fd, IOASID_ALLOC, a), 0);
	h = a->ioasid;
	*m = (struct ioasid_map_dma){
		sizeof(*m), RW, h, 0, 0xfffffffffffff000ULL, (uintptr_t)low + PAGE, PAGE
	};
	is(cmd32(fd, IOASID_MAP_DMA, m), 0);
	*info = (struct ioasid_info){ .argsz = sizeof(*info) };
	is(cmd32(fd, IOASID_GET_INFO, info), 0);
	is(info->pinned_bytes, PAGE);
	*u = (struct ioasid_unmap_dma){ .argsz = sizeof(*u),
					.flags = IOASID_UNMAP_ALL,
					.ioasid = h };
	is(cmd32(fd, IOASID_UNMAP_DMA, u), 0);
	is(u->unmapped, PAGE);
	is(cmd32(fd, _IO(IOASID_IOC_TYPE, 0x3f), u), -ENOTTY);
	munmap(low, 2 * PAGE);
	close(fd);
}

static void address_spaces(void)
{
	struct ioasid_query_map e[4];
	struct ioasid_query q = { .argsz = sizeof(q), .type = IOASID_QUERY_MAP };
	struct ioasid_free f = { .argsz = sizeof(f) };
	struct ioasid_info info = { .argsz = sizeof(info) };
	uint32_t parent, child, table;
	char *p = memory(4 * PAGE);
	int fd = open_ctx();

	parent = root(fd);
	is(alloc(fd, IOASID_KIND_KERNEL, parent, &child), 0);
	is(alloc(fd, IOASID_KIND_USER_TABLE, parent, &table), 0);
	is(map(fd, parent, 0x10000, p, 4 * PAGE, RW), 0);
	is(map(fd, child, 0, (void *)0x10000, 2 * PAGE, IOASID_MAP_READ), 0);
	is(map(fd, child, 8 * PAGE, (void *)0x90000, PAGE, RW), 0);
	q.ioasid = child;
	q.buffer = (uintptr_t)e;
	q.room = 1;
	is(cmd(fd, IOASID_QUERY, &q), 0);
	is(q.count, 1);
	is(e[0].last, 2 * PAGE - 1);
	is(e[0].vaddr, 0x10000);
	q.room = 4;
	is(cmd(fd, IOASID_QUERY, &q), 0);
	is(q.count, 1);
	is(e[0].iova, 8 * PAGE);
	is(q.cursor, ~0UL);
	q.cursor = 0;
	q.buffer = 8;
	is(cmd(fd, IOASID_QUERY, &q), -EFAULT);
	is(cmd(fd, IOASID_GET_INFO, &info), 0);
	is(info.nr_ioasids, 3);
	is(info.nr_devices, 0);
	f.ioasid = parent;
	is(cmd(fd, IOASID_FREE, &f), -EBUSY);
	f.ioasid = child;
	is(cmd(fd, IOASID_FREE, &f), 0);
	is(cmd(fd, IOASID_FREE, &f), -ENOENT);
	munmap(p, 4 * PAGE);
	close(fd);
}

/* ---- pinned memory ----------------------------------------------------------------------------------- */

static void pinned_and_charged(void)
{
	long before = status_kb("VmPin:");
	char *p = memory(64 * PAGE);
	int fd = open_ctx();
	uint32_t h = root(fd);

	memset(p, 7, 64 * PAGE);
	is(map(fd, h, 0, p, 64 * PAGE, RW), 0);
	is(status_kb("VmPin:"), before + 256);
	is(pinned_bytes(fd), 64 * PAGE);
	is(map(fd, h, 0, p, PAGE, RW), -EEXIST);
	is(status_kb("VmPin:"), before + 256);
	is(unmap(fd, h, PAGE, PAGE), -EINVAL);
	is(unmap(fd, h, 0, 64 * PAGE), 64 * PAGE);
	is(status_kb("VmPin:"), before);
	is(pinned_bytes(fd), 0);
	/* Closing undoes what is left. */
	is(map(fd, h, 0, p, 64 * PAGE, RW), 0);
	close(fd);
	is(status_kb("VmPin:"), before);
	is(p[5 * PAGE], 7);
	munmap(p, 64 * PAGE);
}

/* Pages that the kernel brings in for the mapping, read-only ones, and a large range. */
static void kinds_of_memory(void)
{
	size_t big = 24UL << 20;
	char *fresh = memory(big), *ro = memory(4 * PAGE);
	int fd = open_ctx();
	uint32_t h = root(fd);

	is(map(fd, h, 0, fresh, big, RW), 0);
	is(pinned_bytes(fd), big);
	is(unmap(fd, h, 0, big), big);
	mprotect(ro, 4 * PAGE, PROT_READ);
	is(map(fd, h, 0, ro, 4 * PAGE, RW), -EFAULT);
	is(map(fd, h, 0, ro, 4 * PAGE, IOASID_MAP_READ), 0);
	is(unmap(fd, h, 0, 4 * PAGE), 4 * PAGE);
	is(pinned_bytes(fd), 0);
	munmap(fresh, big);
	munmap(ro, 4 * PAGE);
	close(fd);
}

static void memory_files(void)
{
	struct ioasid_map_dma m = { .argsz = sizeof(m),
				    .flags = RW | IOASID_MAP_FD,
				    .length = 4 * PAGE };
	long before = status_kb("VmPin:");
	int fd = open_ctx(), other;

	m.ioasid = root(fd);
	m.fd = memfd_create("x", MFD_ALLOW_SEALING);
	is(ftruncate(m.fd, 4 * PAGE), 0);
	is(cmd(fd, IOASID_MAP_DMA, &m), 0);
	is(pinned_bytes(fd), 4 * PAGE);
	is(status_kb("VmPin:"), before + 16);
	/* Devices may write to it: it can be cut shorter, not sealed. */
	is(fcntl(m.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	is(ftruncate(m.fd, 0), 0);
	is(unmap(fd, m.ioasid, 0, 4 * PAGE), 4 * PAGE);
	is(cmd(fd, IOASID_MAP_DMA, &m), -EFAULT);
	is(ftruncate(m.fd, 4 * PAGE), 0);
	is(fcntl(m.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	is(cmd(fd, IOASID_MAP_DMA, &m), -EPERM);
	m.flags = IOASID_MAP_READ | IOASID_MAP_FD;
	m.vaddr = PAGE;
	is(cmd(fd, IOASID_MAP_DMA, &m), -EFAULT);
	m.length = 3 * PAGE;
	is(cmd(fd, IOASID_MAP_DMA, &m), 0);
	is(unmap(fd, m.ioasid, 0, 3 * PAGE), 3 * PAGE);
	close(m.fd);
	is(cmd(fd, IOASID_MAP_DMA, &m), -EBADF);
	/* Not a file whose pages are memory. */
	other = m.fd = open("/proc/self/maps", O_RDONLY);
	is(cmd(fd, IOASID_MAP_DMA, &m), -EOPNOTSUPP);
	close(other);
	is(pinned_bytes(fd), 0);
	is(status_kb("VmPin:"), before);
	close(fd);
}

static void what_cannot_be_pinned(void)
{
	long before = status_kb("VmPin:");
	char *p = memory(8 * PAGE);
	int fd = open_ctx();
	uint32_t h = root(fd);

	memset(p, 1, 8 * PAGE);
	munmap(p + 5 * PAGE, PAGE);
	is(map(fd, h, 0, p, 8 * PAGE, RW), -EFAULT);
	is(map(fd, h, 0, NULL, PAGE, RW), -EFAULT);
	is(map(fd, h, 0, (void *)0xffff888000000000UL, PAGE, RW), -EFAULT);
	is(map(fd, h, 0, p, 1UL << 46, RW), -EFAULT);
	yes(map(fd, h, 0, p, 1UL << 62, RW) < 0);
	yes(map(fd, h, 0, NULL, 0UL - PAGE, RW) < 0);
	is(status_kb("VmPin:"), before);
	is(pinned_bytes(fd), 0);
	is(map(fd, h, 0, p, 5 * PAGE, RW), 0);
	munmap(p, 8 * PAGE);
	/* Unmapped by its owner, still pinned, given back in the end. */
	is(pinned_bytes(fd), 5 * PAGE);
	is(unmap(fd, h, 0, 5 * PAGE), 5 * PAGE);
	close(fd);
}

#define LIMIT (16 * PAGE)
#define USER  4711

static void map_up_to_the_limit(int fd)
{
	char *p = memory(32 * PAGE);
	uint32_t h = root(fd);

	is(map(fd, h, 0, p, 17 * PAGE, RW), -EDQUOT);
	is(map(fd, h, 0, p, 16 * PAGE, RW), 0);
	is(map(fd, h, 64 * PAGE, p, PAGE, RW), -EDQUOT);
	is(unmap(fd, h, 0, 16 * PAGE), 16 * PAGE);
	is(map(fd, h, 0, p, 10 * PAGE, RW), 0);
	is(map(fd, h, 64 * PAGE, p, 6 * PAGE, RW), 0);
	is(map(fd, h, 128 * PAGE, p, PAGE, RW), -EDQUOT);
	is(status_kb("VmPin:"), 64);
}

static void map_beside_a_full_user(int fd)
{
	uint32_t h = root(fd);

	is(map(fd, h, 0, memory(PAGE), PAGE, RW), -EDQUOT);
}

/* The limit is the user's, not the process's: neither fork nor the end of the process frees it. */
static void locked_memory_limit(void)
{
	int fd = open_ctx(), other = open_ctx();

	yes(in_child(map_up_to_the_limit, fd, USER, LIMIT));
	is(pinned_bytes(fd), 16 * PAGE);
	yes(in_child(map_beside_a_full_user, other, USER, LIMIT));
	close(fd);
	yes(in_child(map_up_to_the_limit, other, USER, LIMIT));
	close(other);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void map_and_wait(int fd)
{
	int ctx = open_ctx();
	uint32_t h = root(ctx);

	yes(become(USER + 1, 8UL << 20));
	is(map(ctx, h, 0, memory(8UL << 20), 8UL << 20, RW), 0);
	if (write(fd, failed ? "!" : "+", 1) != 1)
		_exit(2);
	for (;;)
		pause();
}

/* Each takes all that its user may lock, so the next one shows that nothing was left. */
static void killed_while_mapped(void)
{
	int p[2], status, i;
	char c = 0;
	pid_t pid;

	fflush(stdout);
	for (i = 0; i < 3; i++) {
		is(pipe(p), 0);
		pid = fork();
		if (!pid)
			map_and_wait(p[1]);
		is(read(p[0], &c, 1), 1);
		is(c, '+');
		kill(pid, SIGKILL);
		is(waitpid(pid, &status, 0), pid);
		yes(WIFSIGNALED(status));
		close(p[0]);
		close(p[1]);
	}
}

/* Memory of a process that is gone, given back by another. */
static void map_for_the_parent(int fd)
{
	uint32_t h = root(fd);

	is(map(fd, h, 0, memory(4 * PAGE), 4 * PAGE, RW), 0);
}

static void outlived_by_the_context(void)
{
	struct ioasid_query_ioas e = { 0 };
	struct ioasid_query q = {
		.argsz = sizeof(q), .type = IOASID_QUERY_IOAS, .buffer = (uintptr_t)&e, .room = 1
	};
	int fd = open_ctx();

	yes(in_child(map_for_the_parent, fd, 0, 0));
	is(pinned_bytes(fd), 4 * PAGE);
	is(cmd(fd, IOASID_QUERY, &q), 0);
	is(unmap(fd, e.ioasid, 0, 4 * PAGE), 4 * PAGE);
	is(pinned_bytes(fd), 0);
	close(fd);
}

/* ---- the descriptor in other hands ----------------------------------------------------------------- */

/* Hand @fd over with a handle that its context knows. */
static bool send_fd(int sock, int fd, uint32_t handle)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec part = { &handle, sizeof(handle) };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == sizeof(handle);
}

static int receive_fd(int sock, uint32_t *handle)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { handle, sizeof(*handle) };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(sock, &msg, 0) == sizeof(*handle) && msg.msg_controllen)
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

static int free_handle(int fd, uint32_t ioasid)
{
	struct ioasid_free f = { .argsz = sizeof(f), .ioasid = ioasid };

	return cmd(fd, IOASID_FREE, &f);
}

/* Somebody else, without privileges, who got the descriptor and nothing else. */
static void use_what_was_sent(int sock)
{
	int own = open_ctx(), fd;
	uint32_t theirs = NONE, mine = NONE;

	fd = receive_fd(sock, &theirs);
	yes(own >= 0 && fd >= 0);
	/* The number means nothing where it does not come from. */
	is(free_handle(own, theirs), -ENOENT);
	yes(become(65534, 1 << 20));
	is(alloc(fd, IOASID_KIND_KERNEL, NONE, &mine), 0);
	is(map(fd, mine, 0, memory(PAGE), PAGE, RW), 0);
	is(map(fd, theirs, PAGE, memory(PAGE), PAGE, RW), 0);
	is(unmap(fd, theirs, 0, PAGE), PAGE);
	is(write(sock, &mine, sizeof(mine)), sizeof(mine));
}

/* Who has the descriptor may do everything with the context, and nothing with any other. */
static void rights_follow_the_descriptor(void)
{
	uint32_t ours, theirs = NONE;
	int pair[2], fd, status = -1;
	pid_t pid;

	is(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fflush(stdout);
	/* Before there is a context, so that nothing is inherited. */
	pid = fork();
	if (!pid) {
		close(pair[1]);
		use_what_was_sent(pair[0]);
		fflush(stdout);
		_exit(failed);
	}
	close(pair[0]);
	fd = open_ctx();
	ours = root(fd);
	is(map(fd, ours, 0, memory(PAGE), PAGE, RW), 0);
	yes(send_fd(pair[1], fd, ours));
	is(read(pair[1], &theirs, sizeof(theirs)), sizeof(theirs));
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	/* It is gone; what it made belongs to the context. */
	is(unmap(fd, theirs, 0, PAGE), PAGE);
	is(unmap(fd, ours, PAGE, PAGE), PAGE);
	is(unmap(fd, ours, 0, PAGE), 0);
	is(free_handle(fd, theirs), 0);
	is(free_handle(fd, ours), 0);
	close(fd);
	close(pair[1]);
}

/* ---- the fault descriptor ------------------------------------------------------------------------------ */

static int fault_fd(int ctx)
{
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };
	int rc = cmd(ctx, IOASID_FAULT_FD, &f);

	return rc ? rc : f.fd;
}

static void fault_descriptor(void)
{
	struct ioasid_fault rec;
	int ctx = open_ctx(), fd = fault_fd(ctx);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	yes(fd >= 0);
	is(fault_fd(ctx), -EBUSY);
	is(poll(&p, 1, 0), 0);
	is(read(fd, &rec, sizeof(rec) - 1), -1);
	is(errno, EINVAL);
	is(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	is(read(fd, &rec, sizeof(rec)), -1);
	is(errno, EAGAIN);
	is(write(fd, &rec, sizeof(rec)), -1);
	close(fd);
	fd = fault_fd(ctx);
	yes(fd >= 0);
	/* It may outlive its context, and then says so. */
	close(ctx);
	p.fd = fd;
	is(poll(&p, 1, 1000), 1);
	yes(p.revents & POLLHUP);
	is(read(fd, &rec, sizeof(rec)), -1);
	is(errno, ENODEV);
	close(fd);
}

/* A reader that sleeps is woken by the end of the context. */
static void fault_reader_wakes(void)
{
	int ctx = open_ctx(), fd = fault_fd(ctx), status;
	struct ioasid_fault rec;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(ctx);
		alarm(10);
		_exit(read(fd, &rec, sizeof(rec)) == -1 && errno == ENODEV ? 0 : 1);
	}
	usleep(100000);
	close(ctx);
	is(waitpid(pid, &status, 0), pid);
	is(status, 0);
	close(fd);
}

/* ---- the module -------------------------------------------------------------------------------------------- */

static int unload(void)
{
	return syscall(SYS_delete_module, "ioasid", O_NONBLOCK) ? -errno : 0;
}

static void unload_under_use(void)
{
	int ctx = open_ctx(), fd = fault_fd(ctx);

	is(unload(), -EWOULDBLOCK);
	close(ctx);
	is(unload(), -EWOULDBLOCK);
	close(fd);
}

/* ---- at once ------------------------------------------------------------------------------------------------- */

#define WORKERS 4

/* Map, look, unmap; each worker has its own part of one address space. */
static void worker(int fd, uint32_t h, unsigned int n)
{
	char *p = memory(16 * PAGE);
	uint64_t base = (uint64_t)n << 32;
	int i;

	for (i = 0; i < 300 && !failed; i++) {
		uint64_t len = (1 + (i * 7 + n) % 16) * PAGE;

		is(map(fd, h, base, p, len, RW), 0);
		is(map(fd, h, base + 15 * PAGE, p, PAGE, RW), len == 16 * PAGE ? -EEXIST : 0);
		yes(pinned_bytes(fd) >= (long)len);
		is(unmap(fd, h, base, 16 * PAGE), len == 16 * PAGE ? len : len + PAGE);
	}
	_exit(failed);
}

static void many_at_once(void)
{
	int fd = open_ctx(), i, status;
	uint32_t h = root(fd);
	pid_t pid[WORKERS];

	fflush(stdout);
	for (i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			worker(fd, h, i);
	}
	for (i = 0; i < WORKERS; i++) {
		is(waitpid(pid[i], &status, 0), pid[i]);
		is(status, 0);
	}
	is(pinned_bytes(fd), 0);
	close(fd);
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{ "sizes, flags, unknown commands", abi_sizes_and_flags },
	{ "bad pointers", abi_bad_pointers },
	{ "a 32-bit caller", abi_32_bit_caller },
	{ "address spaces, nesting, query", address_spaces },
	{ "memory is pinned and charged", pinned_and_charged },
	{ "fresh, read-only, large memory", kinds_of_memory },
	{ "what cannot be pinned", what_cannot_be_pinned },
	{ "memory files", memory_files },
	{ "the locked-memory limit is the user's", locked_memory_limit },
	{ "killed while mapped", killed_while_mapped },
	{ "a context outlives who mapped", outlived_by_the_context },
	{ "rights follow the descriptor", rights_follow_the_descriptor },
	{ "the fault descriptor", fault_descriptor },
	{ "a sleeping reader wakes", fault_reader_wakes },
	{ "no unloading under use", unload_under_use },
	{ "many at once", many_at_once },
	{ "nothing is left pinned", NULL },
};

int main(void)
{
	unsigned int i, bad = 0;

	printf("1..%zu\n", ARRAY_SIZE(cases));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		failed = false;
		if (cases[i].fn)
			cases[i].fn();
		else
			is(status_kb("VmPin:"), 0);
		printf("%s %u - /dev/ioasid: %s\n", failed ? "not ok" : "ok", i + 1, cases[i].name);
		fflush(stdout);
		bad += failed;
	}
	return bad != 0;
}
