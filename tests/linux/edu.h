/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A driver for QEMU's educational device. It copies between memory and a buffer of its own, one
 * transfer at a time, each of which takes about 100 ms.
 */
#ifndef TESTS_LINUX_EDU_H
#define TESTS_LINUX_EDU_H

#include "pci_dev.h"

#define EDU_BAR_SIZE 0x100000
#define EDU_ID	     0x010000edU
/* A transfer that reaches the last byte of its buffer ends the machine. */
#define EDU_MAX 4095UL

enum edu_reg {
	EDU_REG_ID = 0x00,
	EDU_REG_LIVE = 0x04, /* reads as the complement of what was written */
	EDU_REG_IRQ_STATUS = 0x24,
	EDU_REG_IRQ_RAISE = 0x60,
	EDU_REG_IRQ_ACK = 0x64,
	EDU_REG_DMA_SRC = 0x80,
	EDU_REG_DMA_DST = 0x88,
	EDU_REG_DMA_COUNT = 0x90,
	EDU_REG_DMA_CMD = 0x98,
};

struct edu {
	struct pci_dev pci;
	volatile uint8_t *bar;
};

/** edu_open() - bound, BAR mapped, Bus Master on. Return: 0 or -errno. */
int edu_open(struct edu *e, struct ioasid *ctx, const char *name, uint64_t cookie);
void edu_close(struct edu *e);
uint32_t edu_read(struct edu *e, enum edu_reg reg);
void edu_write(struct edu *e, enum edu_reg reg, uint32_t value);
/** edu_start() - begin to copy @length bytes; @in: from @iova into the device. */
void edu_start(struct edu *e, uint64_t iova, unsigned long length, bool in);
/** edu_wait() - Return: 0; -ETIMEDOUT. */
int edu_wait(struct edu *e);
int edu_dma(struct edu *e, uint64_t iova, unsigned long length, bool in);
/**
 * edu_copies() - does a copy from @from to @to, both I/O addresses, arrive?
 * @source, @target: the memory that is thought to be there; @target is overwritten first
 */
bool edu_copies(struct edu *e, uint64_t from, uint8_t *source, uint64_t to, uint8_t *target);
/**
 * edu_is_blocked() - does what the device writes to @iova leave the page @memory alone?
 * Where the kernel tells of blocked DMA, it has to have told of this one.
 */
bool edu_is_blocked(struct edu *e, uint64_t iova, uint8_t *memory, bool reported);

#endif
