// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Guest RAM from descriptors of a client, the configuration space, and the DMAR table. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmar.h"
#include "guest_ram.h"
#include "live.h"
#include "live_test.h"
#include "pci_config.h"

#define MIB (1ULL << 20)

/** struct seen - what ops were told */
struct seen {
	unsigned int maps, unmaps;
	uint64_t bytes;
	int refuse_at; /* which map call fails, 0: none */
};

static int seen_map(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable live_unused)
{
	struct seen *s = opaque;

	if (s->refuse_at && (int)s->maps + 1 == s->refuse_at)
		return -ENOMEM;
	s->maps++;
	s->bytes += size;
	/* Same place modulo 2 MiB, so that large pages are possible. */
	assert_int_equal((uintptr_t)ptr % (2 * MIB), gpa % (2 * MIB));
	return 0;
}

static void seen_unmap(void *opaque, uint64_t gpa live_unused, uint64_t size)
{
	struct seen *s = opaque;

	s->unmaps++;
	s->bytes -= size;
}

static const struct guest_ram_ops seen_ops = { .map = seen_map, .unmap = seen_unmap };

static int ram_file(uint64_t size, int seals)
{
	int fd = memfd_create("ram", MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

struct fixture {
	struct guest_ram ram;
	struct seen seen;
	int fd;
	unsigned int fds;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.fds = live_open_fds();
	f.fd = ram_file(16 * MIB, F_SEAL_SHRINK);
	guest_ram_init(&f.ram, 64 * MIB, &seen_ops, &f.seen);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	guest_ram_destroy(&f->ram);
	close(f->fd);
	assert_int_equal(f->seen.bytes, 0);
	assert_int_equal(f->seen.maps, f->seen.unmaps);
	assert_int_equal(live_open_fds(), f->fds);
	return 0;
}

static void lookup(void **state)
{
	struct fixture *f = *state;
	uint8_t *p;

	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 2 * MIB, f->fd, MIB, true), 0);
	p = guest_ram_ptr(&f->ram, 4 * MIB, 2 * MIB, true);
	assert_non_null(p);
	p[5] = 7;
	assert_int_equal(pread(f->fd, p, 1, MIB + 5), 1);
	assert_int_equal(p[0], 7);
	assert_ptr_equal(guest_ram_ptr(&f->ram, 6 * MIB - 1, 1, false), p + 2 * MIB - 1);
	assert_null(guest_ram_ptr(&f->ram, 6 * MIB - 1, 2, false));
	assert_null(guest_ram_ptr(&f->ram, 4 * MIB - 1, 1, false));
	assert_null(guest_ram_ptr(&f->ram, 4 * MIB, ~0ULL, false));
	assert_null(guest_ram_ptr(&f->ram, ~0ULL, 1, false));
	assert_null(guest_ram_ptr(&f->ram, 4 * MIB, 0, false));
	assert_int_equal(guest_ram_gpa(&f->ram, p + 5), 4 * MIB + 5);
	assert_int_equal(guest_ram_gpa(&f->ram, p - 1), ~0ULL);
	assert_int_equal(guest_ram_gpa(&f->ram, p + 2 * MIB), ~0ULL);
}

static void read_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, MIB, f->fd, 0, false), 0);
	assert_non_null(guest_ram_ptr(&f->ram, 4 * MIB, 4096, false));
	assert_null(guest_ram_ptr(&f->ram, 4 * MIB, 4096, true));
}

static void legacy_hole(void **state)
{
	struct fixture *f = *state;
	uint8_t *low, *high;

	assert_int_equal(guest_ram_add(&f->ram, 0, 4 * MIB, f->fd, 0, true), 0);
	assert_int_equal(f->seen.maps, 2);
	assert_int_equal(f->seen.bytes, 4 * MIB - 0x60000);
	low = guest_ram_ptr(&f->ram, 0x9f000, 4096, true);
	high = guest_ram_ptr(&f->ram, 0x100000, 4096, true);
	assert_non_null(low);
	assert_non_null(high);
	/* Behind the hole the file goes on where it would have without it. */
	high[0] = 9;
	assert_int_equal(pread(f->fd, low, 1, MIB), 1);
	assert_int_equal(low[0], 9);
	assert_null(guest_ram_ptr(&f->ram, 0xa0000, 1, false));
	assert_null(guest_ram_ptr(&f->ram, 0xfffff, 1, false));
	assert_int_equal(guest_ram_remove(&f->ram, 0, 4 * MIB), 0);
	assert_int_equal(f->seen.bytes, 0);
	/* Nothing but hole. */
	assert_int_equal(guest_ram_add(&f->ram, 0xc0000, 0x10000, f->fd, 0, true), 0);
	assert_int_equal(f->ram.nr, 0);
}

static void overlaps(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 2 * MIB, f->fd, 0, true), 0);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 2 * MIB, f->fd, 0, true), -EEXIST);
	assert_int_equal(guest_ram_add(&f->ram, 5 * MIB, 4096, f->fd, 0, true), -EEXIST);
	assert_int_equal(guest_ram_add(&f->ram, 0, 5 * MIB, f->fd, 0, true), -EEXIST);
	/* The refused ones left what was there, and nothing else. */
	assert_int_equal(f->ram.nr, 1);
	assert_non_null(guest_ram_ptr(&f->ram, 4 * MIB, 2 * MIB, true));
	assert_int_equal(guest_ram_add(&f->ram, 6 * MIB, 4096, f->fd, 0, true), 0);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB - 4096, 4096, f->fd, 0, true), 0);
	/* Removal names exactly what was added. */
	assert_int_equal(guest_ram_remove(&f->ram, 4 * MIB, MIB), 0);
	assert_int_equal(f->ram.nr, 3);
	guest_ram_remove_all(&f->ram);
	assert_int_equal(f->ram.nr, 0);
}

static void second_half_fails(void **state)
{
	struct fixture *f = *state;

	f->seen.refuse_at = 2;
	assert_int_equal(guest_ram_add(&f->ram, 0, 4 * MIB, f->fd, 0, true), -ENOMEM);
	assert_int_equal(f->ram.nr, 0);
	assert_int_equal(f->seen.bytes, 0);
}

static void limits(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	assert_int_equal(guest_ram_add(&f->ram, MIB, 65 * MIB, f->fd, 0, true), -ERANGE);
	f->ram.max_bytes = 8 * MIB;
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 9 * MIB, f->fd, 0, true), -ENOSPC);
	for (i = 0; i < GUEST_RAM_REGIONS; i++)
		assert_int_equal(guest_ram_add(&f->ram, (4 + 2ULL * i) * MIB, 4096, f->fd, 0, true),
				 0);
	assert_int_equal(guest_ram_add(&f->ram, 3 * MIB, 4096, f->fd, 0, true), -ENOSPC);
}

static void bad_ranges(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_ram_add(&f->ram, MIB, 0, f->fd, 0, true), -EINVAL);
	assert_int_equal(guest_ram_add(&f->ram, MIB + 1, 4096, f->fd, 0, true), -EINVAL);
	assert_int_equal(guest_ram_add(&f->ram, MIB, 4095, f->fd, 0, true), -EINVAL);
	assert_int_equal(guest_ram_add(&f->ram, MIB, 4096, f->fd, 512, true), -EINVAL);
	assert_int_equal(guest_ram_add(&f->ram, ~0xfffULL, 8192, f->fd, 0, true), -EINVAL);
	assert_int_equal(guest_ram_add(&f->ram, 1ULL << 52, 4096, f->fd, 0, true), -EINVAL);
	/* Past the end of the file, also where offset and size overflow together. */
	assert_int_equal(guest_ram_add(&f->ram, MIB, 4096, f->fd, 16 * MIB, true), -ERANGE);
	assert_int_equal(guest_ram_add(&f->ram, MIB, 4096, f->fd, ~0xfffULL, true), -ERANGE);
	assert_int_equal(guest_ram_add(&f->ram, MIB, 8192, f->fd, 16 * MIB - 4096, true), -ERANGE);
	assert_int_equal(f->ram.nr, 0);
}

/* Files the client could cut off under our feet. */
static void unsafe_files(void **state)
{
	struct fixture *f = *state;
	int fd;

	fd = ram_file(4 * MIB, 0);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, MIB, fd, 0, true), -EPERM);
	close(fd);
	fd = ram_file(4 * MIB, F_SEAL_GROW);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, MIB, fd, 0, true), -EPERM);
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, MIB, fd, 0, true), -EPERM);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 4096, fd, 0, false), -EPERM);
	close(fd);
	assert_int_equal(guest_ram_add(&f->ram, 4 * MIB, 4096, -1, 0, false), -EPERM);
	/* Sealed against writing: may be RAM only read-only. */
	fd = ram_file(4 * MIB, F_SEAL_SHRINK | F_SEAL_WRITE);
	assert_true(guest_ram_add(&f->ram, 4 * MIB, MIB, fd, 0, true) < 0);
	assert_int_equal(f->ram.nr, 0);
	close(fd);
}

/* ---- configuration space --------------------------------------------------------------------- */

static void config_space(void **state live_unused)
{
	static const uint8_t ones[PCI_CONFIG_SIZE] = { [0 ... PCI_CONFIG_SIZE - 1] = 0xff };
	struct pci_config *pci = malloc(sizeof(*pci));
	uint8_t zero[8] = { 0 };

	assert_non_null(pci);
	pci_config_init(pci, 0x1234, 0x5678, 0x120000);
	pci_config_add_bar(pci, 0, 0x4000, true);
	pci_config_add_express(pci);
	pci_config_add_msix(pci, 8, 4, 0x800);
	pci_config_add_pasid(pci, 64);
	pci_config_write(pci, 0, ones, PCI_CONFIG_SIZE);
	assert_int_equal(pci_config_get32(pci, 0), 0x56781234);
	assert_int_equal(pci_config_get16(pci, PCI_COMMAND), 0x0406);
	/* The size of a BAR shows in what can be written. */
	assert_int_equal(pci_config_get32(pci, PCI_BAR0), 0xffffc004);
	assert_int_equal(pci_config_get32(pci, PCI_BAR0 + 4), 0xffffffff);
	assert_int_equal(pci_config_get32(pci, PCI_BAR0 + 8), 0);
	/* The list: PCIe, then MSI-X, then the end. */
	assert_int_equal(pci->bytes[0x34], PCI_CAP_EXPRESS);
	assert_int_equal(pci->bytes[PCI_CAP_EXPRESS], 0x10);
	assert_int_equal(pci->bytes[PCI_CAP_EXPRESS + 1], PCI_CAP_MSIX);
	assert_int_equal(pci->bytes[PCI_CAP_MSIX], 0x11);
	assert_int_equal(pci->bytes[PCI_CAP_MSIX + 1], 0);
	assert_int_equal(pci_config_get16(pci, PCI_CAP_MSIX + 2), 0xc007);
	assert_int_equal(pci_config_get32(pci, PCI_CAP_EXPRESS + 0x24), 1U << 21);
	/* Extended: ATS, PRI, PASID. */
	assert_int_equal(pci_config_get32(pci, 0x100) & 0xffff, 0x0f);
	assert_int_equal(pci_config_get32(pci, 0x100) >> 20, 0x110);
	assert_int_equal(pci_config_get32(pci, 0x110) & 0xffff, 0x13);
	assert_int_equal(pci_config_get32(pci, 0x110) >> 20, 0x120);
	assert_int_equal(pci_config_get32(pci, 0x120), 0x1001b);
	assert_int_equal(pci_config_get16(pci, 0x106), 0x801f);
	assert_int_equal(pci_config_get16(pci, 0x114), 1);
	assert_int_equal(pci_config_get16(pci, 0x124) >> 8 & 0x1f, 20);
	assert_int_equal(pci_config_get16(pci, 0x126), 1);
	pci_config_write(pci, PCI_COMMAND, zero, 1);
	assert_int_equal(pci_config_get16(pci, PCI_COMMAND), 0x0400);
	pci_config_write(pci, PCI_CONFIG_SIZE, zero, 0);
	free(pci);
}

/* ---- DMAR ------------------------------------------------------------------------------------ */

static uint8_t sum(const uint8_t *t)
{
	uint8_t s = 0;
	unsigned int i;

	for (i = 0; i < DMAR_SIZE(1); i++)
		s += t[i];
	return s;
}

static void dmar_table(void **state live_unused)
{
	const uint8_t devfn = 0x20;
	uint8_t ram[8192] = { 0 }, *t = ram + 1003;
	uint64_t base;

	dmar_build(t, DMAR_PLACEHOLDER, &devfn, 1, 48);
	assert_memory_equal(t, "DMAR", 4);
	assert_int_equal(sum(t), 0);
	assert_int_equal(t[36], 47);
	assert_int_equal(t[71 - 1], 4);
	/* Decoys: a signature at the end, somebody else's table. */
	memcpy(ram + sizeof(ram) - 4, "DMAR", 4);
	memcpy(ram, t, DMAR_SIZE(1));
	ram[10] ^= 1;
	assert_int_equal(dmar_patch(ram, sizeof(ram), 0xfebfd000), 1);
	memcpy(&base, t + 56, sizeof(base));
	assert_int_equal(base, 0xfebfd000);
	assert_int_equal(sum(t), 0);
	memcpy(&base, ram + 56, sizeof(base));
	assert_int_equal(base, DMAR_PLACEHOLDER);
	/* A copy is corrected as well; a table that is cut off is left alone. */
	memcpy(ram + 4000, t, DMAR_SIZE(1));
	assert_int_equal(dmar_patch(ram, sizeof(ram), 0x1000), 2);
	assert_int_equal(dmar_patch(ram, 4000 + DMAR_SIZE(1) - 1, 0x2000), 1);
	assert_int_equal(dmar_patch(ram, 3, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lookup, setup, teardown),
		cmocka_unit_test_setup_teardown(read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(legacy_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(overlaps, setup, teardown),
		cmocka_unit_test_setup_teardown(second_half_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(unsafe_files, setup, teardown),
		cmocka_unit_test(config_space),
		cmocka_unit_test(dmar_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
