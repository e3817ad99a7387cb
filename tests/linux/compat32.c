// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A 32-bit program on a 64-bit kernel: every structure has the same layout, and the kernel takes the
 * same commands from it. Freestanding, since a 64-bit machine need not have a 32-bit C library:
 *
 *   gcc -m32 -ffreestanding -nostdlib -static -Iinclude/uapi compat32.c
 *   compat32 [FUNCTION]   a PCI function of ioasid-pci.ko, for what needs a device
 */
#include <linux/ioasid.h>
#include <linux/ioasid_pci.h>

_Static_assert(sizeof(void *) == 4, "this is about 32-bit callers");

#define PAGE	   4096U
#define RW	   (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define O_RDWR	   2
#define EFAULT	   14
#define EEXIST	   17
#define EINVAL	   22
#define ENOTTY	   25
#define PROT_RW	   3
#define MAP_SHARED 1
#define MAP_ANON   0x22

/* System calls of i386. */
enum {
	SYS_EXIT = 1,
	SYS_WRITE = 4,
	SYS_OPEN = 5,
	SYS_CLOSE = 6,
	SYS_IOCTL = 54,
	SYS_PREAD64 = 180,
	SYS_MMAP2 = 192,
	SYS_EVENTFD2 = 328,
};

static long call(long nr, long a, long b, long c, long d, long e)
{
	long rc;

	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return rc;
}

/* The sixth argument travels in a register that the compiler keeps for itself. */
static long map2(long length, long flags, long fd, long page)
{
	struct {
		unsigned long addr, len, prot, flags, fd, offset;
	} old = { 0,
		  (unsigned long)length,
		  PROT_RW,
		  (unsigned long)flags,
		  (unsigned long)fd,
		  (unsigned long)page * PAGE };

	return call(90, (long)&old, 0, 0, 0, 0); /* old mmap takes a structure */
}

/* ---- TAP ------------------------------------------------------------------------------------------------- */

static int failed, nr, bad;

static void print(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	call(SYS_WRITE, 1, (long)text, length, 0, 0);
}

static void print_number(long value)
{
	char text[12], *at = text + sizeof(text) - 1;
	unsigned long n = value < 0 ? -(unsigned long)value : (unsigned long)value;

	*at = 0;
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	if (value < 0)
		*--at = '-';
	print(at);
}

static void is_at(long got, long want, const char *text)
{
	if (got == want || failed)
		return;
	failed = 1;
	print("# ");
	print(text);
	print(": got ");
	print_number(got);
	print("\n");
}
#define is(expr, want) is_at((long)(expr), (long)(want), #expr " == " #want)

static void test(const char *name, void (*fn)(void))
{
	failed = 0;
	fn();
	nr++;
	bad += failed;
	print(failed ? "not ok " : "ok ");
	print_number(nr);
	print(" - 32 bits: ");
	print(name);
	print("\n");
}
#define CASE(fn) test(#fn, fn)

/* ---- cases ------------------------------------------------------------------------------------------------- */

static char node[128] = "/dev/ioasid-devices/";
static int have_device, ctx, dev;
static __u32 ioas;

static int command(int fd, unsigned long cmd, void *arg)
{
	return (int)call(SYS_IOCTL, fd, (long)cmd, (long)arg, 0, 0);
}

/* Sizes and offsets the 64-bit side has, too; core/abi_layout.c holds it to them. */
static void layouts_are_the_same(void)
{
	is(sizeof(struct ioasid_map_dma), 40);
	is(__builtin_offsetof(struct ioasid_map_dma, iova), 16);
	is(sizeof(struct ioasid_info), 104);
	is(sizeof(struct ioasid_device_info), 88);
	is(__builtin_offsetof(struct ioasid_device_info, cookie), 8);
	is(sizeof(struct ioasid_fault), 64);
	is(sizeof(struct ioasid_dev_bind), 24);
	is(sizeof(struct ioasid_dev_region), 32);
	is(sizeof(struct ioasid_pci_info), 32);
	is(sizeof(struct ioasid_pci_irq), 32);
	is(sizeof(struct ioasid_pci_mask), 16);
}

static void context_commands(void)
{
	struct ioasid_check_extension ext = { .argsz = sizeof(ext) };
	struct ioasid_alloc alloc = {
		.argsz = sizeof(alloc),
		.kind = IOASID_KIND_KERNEL,
		.parent = IOASID_INVALID,
	};
	struct ioasid_map_dma map = { .argsz = sizeof(map), .flags = RW, .length = 4 * PAGE };
	struct ioasid_unmap_dma unmap = { .argsz = sizeof(unmap), .length = PAGE };
	struct ioasid_info info = { .argsz = sizeof(info) };
	long mem = map2(4 * PAGE, MAP_ANON, -1, 0);

	ctx = (int)call(SYS_OPEN, (long)"/dev/ioasid", O_RDWR, 0, 0, 0);
	is(ctx >= 0, 1);
	is(command(ctx, IOASID_CHECK_EXTENSION, &ext), 0);
	is(ext.value, 1);
	is(command(ctx, IOASID_ALLOC, &alloc), 0);
	ioas = alloc.ioasid;
	map.ioasid = ioas;
	map.iova = 0x100000;
	map.vaddr = (unsigned long)mem;
	is(command(ctx, IOASID_MAP_DMA, &map), 0);
	is(command(ctx, IOASID_MAP_DMA, &map), -EEXIST);
	/* A pointer is 64 bits wide in a structure: what lies above ours is not ours. */
	map.iova = 0x200000;
	map.vaddr |= 1ULL << 40;
	is(command(ctx, IOASID_MAP_DMA, &map), -EFAULT);
	unmap.ioasid = ioas;
	unmap.iova = 0x100000;
	is(command(ctx, IOASID_UNMAP_DMA, &unmap), -EINVAL);
	is(command(ctx, IOASID_GET_INFO, &info), 0);
	is(info.pinned_bytes, 4 * PAGE);
	is(command(ctx, IOASID_GET_INFO, (void *)0xfffff000), -EFAULT);
	is(command(ctx, 0x1234, &info), -ENOTTY);
}

static void device_commands(void)
{
	struct ioasid_dev_bind bind = { .argsz = sizeof(bind), .cookie = 1ULL << 40 };
	struct ioasid_device_info info = { .argsz = sizeof(info) };
	struct ioasid_dev_attach attach = { .argsz = sizeof(attach) };

	dev = (int)call(SYS_OPEN, (long)node, O_RDWR, 0, 0, 0);
	is(dev >= 0, 1);
	bind.ioasid_fd = ctx;
	is(command(dev, IOASID_DEV_BIND_IOASID_FD, &bind), 0);
	attach.ioasid = ioas;
	is(command(dev, IOASID_DEV_ATTACH_IOASID, &attach), 0);
	is(command(dev, IOASID_DEV_GET_INFO, &info), 0);
	is(info.cookie == 1ULL << 40, 1);
	is(info.default_ioasid, ioas);
}

static void pci_commands(void)
{
	struct ioasid_dev_region region = {
		.argsz = sizeof(region),
		.index = IOASID_PCI_REGION_CONFIG,
	};
	struct ioasid_pci_info info = { .argsz = sizeof(info) };
	struct ioasid_pci_irq irq = { .argsz = sizeof(irq),
				      .type = IOASID_PCI_IRQ_MSI,
				      .count = 1 };
	__s32 fd = (__s32)call(SYS_EVENTFD2, 0, 0, 0, 0, 0);
	volatile __u32 *bar;
	__u32 id = 0, real;

	is(command(dev, IOASID_DEV_GET_REGION, &region), 0);
	is(region.offset == 7ULL << 40, 1);
	is(call(SYS_PREAD64, dev, (long)&id, 4, (long)region.offset, (long)(region.offset >> 32)),
	   4);
	is(id, 0x11e81234);
	bar = (volatile __u32 *)map2(PAGE, MAP_SHARED, dev, 0);
	is((unsigned long)bar < (unsigned long)-PAGE, 1);
	real = failed ? 0 : *bar;
	is(real, 0x010000ed);
	irq.fds = (unsigned long)&fd;
	is(command(dev, IOASID_PCI_SET_IRQ, &irq), 0);
	is(command(dev, IOASID_PCI_GET_INFO, &info), 0);
	is(info.nr_enabled, 1);
	irq.fds |= 1ULL << 40;
	is(command(dev, IOASID_PCI_SET_IRQ, &irq), -EFAULT);
	call(SYS_CLOSE, dev, 0, 0, 0, 0);
	call(SYS_CLOSE, ctx, 0, 0, 0, 0);
}

static int run(const char *device)
{
	char *at = node;

	have_device = device != 0;
	while (*at)
		at++;
	while (device && *device && at < node + sizeof(node) - 1)
		*at++ = *device++;
	CASE(layouts_are_the_same);
	CASE(context_commands);
	if (have_device) {
		CASE(device_commands);
		CASE(pci_commands);
	}
	print("1..");
	print_number(nr);
	print("\n");
	return bad != 0;
}

__attribute__((used)) static void start_c(long *stack)
{
	call(SYS_EXIT, run(stack[0] > 1 ? ((char **)stack)[2] : 0), 0, 0, 0, 0);
	__builtin_unreachable();
}

__asm__(".globl _start\n_start:\n	mov %esp, %eax\n	and $-16, %esp\n	push $0\n	push $0\n"
	"	push $0\n	push %eax\n	call start_c\n");
