// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Driver for QEMU's educational device. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"

int edu_open(struct edu *e, struct ioasid *ctx, const char *name, uint64_t cookie)
{
	int rc = pci_open(&e->pci, ctx, name, cookie);

	if (rc)
		return rc;
	e->bar = pci_map(&e->pci, 0, 0, EDU_BAR_SIZE);
	rc = e->bar ? pci_bus_master(&e->pci, true) : -ENXIO;
	if (rc)
		edu_close(e);
	return rc;
}

void edu_close(struct edu *e)
{
	if (e->bar)
		munmap((void *)e->bar, EDU_BAR_SIZE);
	e->bar = NULL;
	pci_close(&e->pci);
}

uint32_t edu_read(struct edu *e, enum edu_reg reg)
{
	return *(volatile uint32_t *)(e->bar + reg);
}

void edu_write(struct edu *e, enum edu_reg reg, uint32_t value)
{
	*(volatile uint32_t *)(e->bar + reg) = value;
}

static void write64(struct edu *e, enum edu_reg reg, uint64_t value)
{
	*(volatile uint64_t *)(e->bar + reg) = value;
}

void edu_start(struct edu *e, uint64_t iova, unsigned long length, bool in)
{
	const uint64_t buffer = 0x40000;

	write64(e, EDU_REG_DMA_SRC, in ? iova : buffer);
	write64(e, EDU_REG_DMA_DST, in ? buffer : iova);
	write64(e, EDU_REG_DMA_COUNT, length);
	write64(e, EDU_REG_DMA_CMD, in ? 1 : 3);
}

int edu_wait(struct edu *e)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		if (!(edu_read(e, EDU_REG_DMA_CMD) & 1))
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

int edu_dma(struct edu *e, uint64_t iova, unsigned long length, bool in)
{
	edu_start(e, iova, length, in);
	return edu_wait(e);
}

bool edu_copies(struct edu *e, uint64_t from, uint8_t *source, uint64_t to, uint8_t *target)
{
	static unsigned int seed;
	unsigned long i;

	seed++;
	for (i = 0; i < EDU_MAX; i++)
		source[i] = (uint8_t)(i * 7 + i / 256 + seed * 31);
	memset(target, 0xaa, EDU_MAX + 1);
	if (edu_dma(e, from, EDU_MAX, true) || edu_dma(e, to, EDU_MAX, false))
		return false;
	return !memcmp(source, target, EDU_MAX) && target[EDU_MAX] == 0xaa;
}

bool edu_is_blocked(struct edu *e, uint64_t iova, uint8_t *memory, bool reported)
{
	unsigned int before = dmar_faults(e->pci.name), tries;
	unsigned long i;

	memset(memory, 0x5a, PAGE);
	/* The kernel says so a few times in five seconds only. */
	for (tries = 0; tries < 8; tries++) {
		if (edu_dma(e, iova, EDU_MAX, false))
			return false;
		for (i = 0; i < PAGE; i++) {
			if (memory[i] != 0x5a)
				return false;
		}
		if (!reported || !have_vtd() || dmar_faults(e->pci.name) > before)
			return true;
		sleep(1);
	}
	return false;
}
