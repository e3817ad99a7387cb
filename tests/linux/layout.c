// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a caller of its word size sees: for each command its number, the size of its structure and
 * where each member lies, then what /dev/ioasid answers to a structure of zeros, to one that is too
 * small, and to one with a tail. Compiled for 64 and for 32 bits, without a C library: the two
 * outputs have to be equal.
 */
#define FUZZ_TABLES
#include "fuzz_data.h"

#ifdef __i386__
enum { SYS_WRITE = 4, SYS_OPEN = 5, SYS_EXIT = 1, SYS_IOCTL = 54 };
static long call(long nr, long a, long b, long c)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return rc;
}
#else
enum { SYS_WRITE = 1, SYS_OPEN = 2, SYS_EXIT = 60, SYS_IOCTL = 16 };
static long call(long nr, long a, long b, long c)
{
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return rc;
}
#endif

static char line[256];
static unsigned int used;

static void text(const char *s)
{
	while (*s && used < sizeof(line))
		line[used++] = *s++;
}

static void number(long value)
{
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;
	char digits[24];
	unsigned int n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	text(value < 0 ? " -" : " ");
	text(&digits[n]);
}

static void end_line(void)
{
	text("\n");
	call(SYS_WRITE, 1, (long)line, (long)used);
	used = 0;
}

static void show_layout(const struct fuzz_command *c)
{
	unsigned int i;

	text(c->name);
	number((long)c->cmd);
	number(c->size);
	end_line();
	for (i = 0; i < c->nr; i++) {
		text("  ");
		text(c->members[i].name);
		number(c->members[i].offset);
		number(c->members[i].size);
		end_line();
	}
}

static long ask(int fd, const struct fuzz_command *c, unsigned int argsz, unsigned int dirt)
{
	static uint32_t arg[128];
	unsigned int i;

	for (i = 0; i < sizeof(arg) / sizeof(arg[0]); i++)
		arg[i] = 0;
	arg[0] = argsz;
	if (dirt)
		((uint8_t *)arg)[dirt] = 1;
	return call(SYS_IOCTL, fd, (long)c->cmd, (long)arg);
}

static void show_answers(int fd, const struct fuzz_command *c)
{
	text("  answers");
	number(ask(fd, c, c->size, 0));
	number(ask(fd, c, c->size - 8U, 0));
	number(ask(fd, c, c->size + 8U, 0));
	number(ask(fd, c, c->size + 8U, c->size));
	number(ask(fd, c, 0xffffffff, 0));
	end_line();
}

__attribute__((used)) void layout_main(void)
{
	long fd = call(SYS_OPEN, (long)"/dev/ioasid", 2, 0);
	unsigned int i;

	text("open");
	number(fd < 0 ? fd : 0);
	end_line();
	for (i = 0; i < NR_COMMANDS; i++) {
		show_layout(&fuzz_commands[i]);
		if (fuzz_commands[i].on == R_FD_IOASID)
			show_answers((int)fd, &fuzz_commands[i]);
	}
	call(SYS_EXIT, fd < 0, 0, 0);
}

#ifdef __i386__
__asm__(".globl _start\n_start: and $-16, %esp\n call layout_main\n");
#else
__asm__(".globl _start\n_start: and $-16, %rsp\n call layout_main\n");
#endif
