// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Minimal NVMe driver. Register and command layouts: NVM Express base specification 1.4. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "nvme.h"

#define REG_CAP	 0x00
#define REG_CC	 0x14
#define REG_CSTS 0x1c
#define REG_AQA	 0x24
#define REG_ASQ	 0x28
#define REG_ACQ	 0x30
#define DOORBELL 0x1000

#define CC_EN	  (1U << 0)
#define CC_SIZES  (6U << 16 | 4U << 20) /* 64-byte commands, 16-byte completions */
#define CSTS_RDY  (1U << 0)
#define BAR_PAGES 2 /* registers and doorbells; the MSI-X table lies behind them */

#define ADMIN_CREATE_SQ 0x01
#define ADMIN_CREATE_CQ 0x05
#define ADMIN_IDENTIFY	0x06
#define IO_READ		0x02

#define ENTRIES 16

/* ---- registers ------------------------------------------------------------------------------------------ */

uint32_t nvme_reg(struct nvme *n, unsigned int reg)
{
	return *(volatile uint32_t *)(n->bar + reg);
}

static void write32(struct nvme *n, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(n->bar + reg) = value;
}

static void write64(struct nvme *n, unsigned int reg, uint64_t value)
{
	write32(n, reg, (uint32_t)value);
	write32(n, reg + 4, (uint32_t)(value >> 32));
}

static void nap(void)
{
	const struct timespec t = { .tv_nsec = 1000000 };

	nanosleep(&t, NULL);
}

static int wait_ready(struct nvme *n, uint32_t want)
{
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		if ((nvme_reg(n, REG_CSTS) & CSTS_RDY) == want)
			return 0;
		nap();
	}
	return -ETIMEDOUT;
}

/* ---- life -------------------------------------------------------------------------------------------------- */

int nvme_open(struct nvme *n, struct ioasid *ctx, const char *name, uint64_t cookie)
{
	int rc = pci_open(&n->pci, ctx, name, cookie);

	n->events[0] = n->events[1] = -1;
	if (rc)
		return rc;
	n->bar = pci_map(&n->pci, 0, 0, BAR_PAGES * PAGE);
	rc = n->bar ? pci_bus_master(&n->pci, true) : -ENXIO;
	if (rc)
		nvme_close(n);
	return rc;
}

void nvme_close(struct nvme *n)
{
	if (n->bar)
		munmap((void *)n->bar, BAR_PAGES * PAGE);
	n->bar = NULL;
	pci_close(&n->pci);
}

static uint64_t page_iova(struct nvme *n, enum nvme_page page)
{
	return n->iova + page * PAGE;
}

static void queue_init(struct nvme *n, struct nvme_queue *q, unsigned int id, enum nvme_page sq)
{
	*q = (struct nvme_queue){
		.sq = n->mem + sq * PAGE,
		.cq = n->mem + (sq + 1) * PAGE,
		.id = id,
		.entries = ENTRIES,
		.phase = 1,
	};
	memset(q->sq, 0, 2 * PAGE);
}

int nvme_start(struct nvme *n)
{
	int rc;

	write32(n, REG_CC, 0);
	rc = wait_ready(n, 0);
	if (rc)
		return rc;
	queue_init(n, &n->admin, 0, NVME_ADMIN_SQ);
	write32(n, REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write64(n, REG_ASQ, page_iova(n, NVME_ADMIN_SQ));
	write64(n, REG_ACQ, page_iova(n, NVME_ADMIN_CQ));
	write32(n, REG_CC, CC_SIZES | CC_EN);
	return wait_ready(n, CSTS_RDY);
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

/* A command: words of which 0 is the opcode; the others stay zero unless set. */
struct command {
	uint32_t word[16];
};

static void set_prp(struct command *c, unsigned int which, uint64_t iova)
{
	c->word[6 + 2 * which] = (uint32_t)iova;
	c->word[7 + 2 * which] = (uint32_t)(iova >> 32);
}

/* The completion's last word changes its phase bit when it is there. */
static int take_completion(struct nvme *n, struct nvme_queue *q, int event)
{
	volatile uint32_t *entry = (volatile uint32_t *)(q->cq + 16 * q->head);
	unsigned int i, status;

	if (event >= 0 && !event_wait(event, 10000))
		return -EIO;
	for (i = 0; (entry[3] >> 16 & 1) != q->phase; i++) {
		if (i == 10000)
			return -ETIMEDOUT;
		nap();
	}
	status = entry[3] >> 17;
	if (++q->head == q->entries) {
		q->head = 0;
		q->phase ^= 1;
	}
	write32(n, DOORBELL + (2 * q->id + 1) * 4, q->head);
	return (int)status;
}

static int submit(struct nvme *n, struct nvme_queue *q, const struct command *c)
{
	memcpy(q->sq + 64 * q->tail, c, sizeof(*c));
	q->tail = (q->tail + 1) % q->entries;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write32(n, DOORBELL + 2 * q->id * 4, q->tail);
	return take_completion(n, q, n->events[q->id]);
}

int nvme_identify(struct nvme *n)
{
	struct command c = { .word = { ADMIN_IDENTIFY, [10] = 1 } };

	set_prp(&c, 0, page_iova(n, NVME_IDENTIFY));
	return submit(n, &n->admin, &c);
}

int nvme_make_queues(struct nvme *n)
{
	struct command cq = { .word = { ADMIN_CREATE_CQ } }, sq = { .word = { ADMIN_CREATE_SQ } };
	int rc;

	queue_init(n, &n->io, 1, NVME_IO_SQ);
	set_prp(&cq, 0, page_iova(n, NVME_IO_CQ));
	cq.word[10] = (ENTRIES - 1) << 16 | 1;
	/* Contiguous; with interrupt 1, which has to be there, or none. */
	cq.word[11] = n->events[1] >= 0 ? 1U << 16 | 2 | 1 : 1;
	rc = submit(n, &n->admin, &cq);
	if (rc)
		return rc;
	set_prp(&sq, 0, page_iova(n, NVME_IO_SQ));
	sq.word[10] = (ENTRIES - 1) << 16 | 1;
	sq.word[11] = 1U << 16 | 1; /* completions to queue 1, contiguous */
	return submit(n, &n->admin, &sq);
}

int nvme_read(struct nvme *n, uint64_t lba, unsigned int blocks, uint64_t iova)
{
	struct command c = { .word = { IO_READ, 1 } };
	uint64_t *list = (uint64_t *)(n->mem + NVME_PRP_LIST * PAGE);
	uint64_t last = iova + blocks * NVME_BLOCK - 1, next = (iova | (PAGE - 1)) + 1;
	unsigned int i = 0;

	set_prp(&c, 0, iova);
	if (next <= last && last - next < PAGE) {
		set_prp(&c, 1, next);
	} else if (next <= last) {
		for (; next <= last && i < PAGE / 8; next += PAGE)
			list[i++] = next;
		set_prp(&c, 1, page_iova(n, NVME_PRP_LIST));
	}
	c.word[10] = (uint32_t)lba;
	c.word[11] = (uint32_t)(lba >> 32);
	c.word[12] = blocks - 1;
	return submit(n, &n->io, &c);
}

/* ---- the disk ------------------------------------------------------------------------------------------------------ */

void nvme_block(uint64_t lba, uint8_t *block)
{
	uint64_t word, x = lba * 0x9e3779b97f4a7c15ULL + 1;
	unsigned int i;

	for (i = 0; i < NVME_BLOCK / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		word = i ? x : lba;
		memcpy(block + 8 * i, &word, 8);
	}
}

bool nvme_is_disk(const uint8_t *data, uint64_t lba, unsigned int blocks)
{
	uint8_t want[NVME_BLOCK];

	for (; blocks--; lba++, data += NVME_BLOCK) {
		nvme_block(lba, want);
		if (memcmp(data, want, NVME_BLOCK))
			return false;
	}
	return true;
}

int nvme_make_disk(const char *path)
{
	uint8_t block[NVME_BLOCK];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc = 0;
	uint64_t lba;

	if (fd < 0)
		return -errno;
	for (lba = 0; lba < NVME_DISK_BLOCKS && !rc; lba++) {
		nvme_block(lba, block);
		if (write(fd, block, sizeof(block)) != sizeof(block))
			rc = -EIO;
	}
	if (close(fd))
		rc = -EIO;
	return rc;
}
