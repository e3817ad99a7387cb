// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What /proc says of our descriptors: a name that tells what they are, and neither there nor in
 * fdinfo an address of the kernel. Exit status 0: all is well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/ioasid.h>

/* A word of hexadecimal digits that lies in the upper half of the address space. */
static bool has_address(const char *text)
{
	while (*text) {
		size_t n = strspn(text, "0123456789abcdefABCDEF");

		if (n == 16 && strtoull(text, NULL, 16) >> 47 == 0x1ffff &&
		    strtoull(text, NULL, 16) != ~0ULL)
			return true;
		text += n ? n : 1;
	}
	return false;
}

static bool check_file(const char *path, const char *wanted)
{
	char text[4096];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	if (n && strstr(text, wanted) && !has_address(text))
		return true;
	printf("# %s: %s\n", path, text);
	return false;
}

static bool check_fd(int fd, const char *name)
{
	char path[64], link[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof(link) - 1) < 0 || strcmp(link, name)) {
		printf("# descriptor %d is called '%s', not '%s'\n", fd, link, name);
		return false;
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return check_file(path, "flags:");
}

int main(void)
{
	int ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };
	bool ok;

	if (ctx < 0 || ioctl(ctx, IOASID_FAULT_FD, &f))
		return 1;
	ok = check_fd(ctx, "/dev/ioasid");
	ok &= check_fd(f.fd, "anon_inode:[ioasid-fault]");
	/* Contexts are not memory. */
	ok &= mmap(NULL, 4096, PROT_READ, MAP_SHARED, ctx, 0) == MAP_FAILED;
	ok &= (fcntl(f.fd, F_GETFD) & FD_CLOEXEC) != 0;
	return ok ? 0 : 1;
}
