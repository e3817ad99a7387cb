/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A minimal NVMe driver: one admin queue, one I/O queue, one command at a time. All it shares with the
 * controller lies in one piece of memory that is mapped at an I/O address of the caller's choice.
 */
#ifndef TESTS_LINUX_NVME_H
#define TESTS_LINUX_NVME_H

#include "pci_dev.h"

#define NVME_DISK_BLOCKS 2048
#define NVME_BLOCK	 512UL
#define NVME_SERIAL	 "IOASID0123"

/* What struct nvme.mem holds, in pages. */
enum nvme_page {
	NVME_ADMIN_SQ,
	NVME_ADMIN_CQ,
	NVME_IO_SQ,
	NVME_IO_CQ,
	NVME_PRP_LIST,
	NVME_IDENTIFY,
	NVME_MEM_PAGES,
};

/**
 * struct nvme_queue - a submission queue and its completion queue
 * @sq, @cq, @id, @entries: as the controller knows them
 * @tail, @head, @phase: where we are
 */
struct nvme_queue {
	uint8_t *sq;
	volatile uint8_t *cq;
	unsigned int id, entries, tail, head, phase;
};

/**
 * struct nvme - a controller
 * @mem, @iova: NVME_MEM_PAGES pages and where the controller sees them
 * @events: eventfds of the two interrupts, -1: poll
 */
struct nvme {
	struct pci_dev pci;
	volatile uint8_t *bar;
	uint8_t *mem;
	uint64_t iova;
	struct nvme_queue admin, io;
	int events[2];
};

/** nvme_open() - bound, first page of the BAR mapped, Bus Master on; @mem is the caller's. */
int nvme_open(struct nvme *n, struct ioasid *ctx, const char *name, uint64_t cookie);
void nvme_close(struct nvme *n);
uint32_t nvme_reg(struct nvme *n, unsigned int reg);
/** nvme_start() - reset the controller and enable it with an admin queue. Return: 0 or -errno. */
int nvme_start(struct nvme *n);
/** nvme_identify() - the controller's page, in @mem. Return: status, or -errno. */
int nvme_identify(struct nvme *n);
/** nvme_make_queues() - one I/O queue pair, with interrupt 1. Return: status, or -errno. */
int nvme_make_queues(struct nvme *n);
/** nvme_read() - @blocks blocks from @lba to I/O address @iova. Return: status, or -errno. */
int nvme_read(struct nvme *n, uint64_t lba, unsigned int blocks, uint64_t iova);
/** nvme_block() - what block @lba of the test's disk holds. */
void nvme_block(uint64_t lba, uint8_t *block);
/** nvme_is_disk() - are these the disk's blocks from @lba on? */
bool nvme_is_disk(const uint8_t *data, uint64_t lba, unsigned int blocks);
/** nvme_make_disk() - write the image that nvme_is_disk() knows. Return: 0 or -errno. */
int nvme_make_disk(const char *path);

#endif
