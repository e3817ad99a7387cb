/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the tests of the in-process home share: a host with a context, devices and a guest whose
 * page tables the test writes.
 */
#ifndef TESTS_UNIT_INPROC_RIG_H
#define TESTS_UNIT_INPROC_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <ioasid/host.h>
#include <ioasid/ioasid.h>

#include "formats/vtd.h"

#define PAGE 4096ULL
#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define RW   (IOASID_MAP_READ | IOASID_MAP_WRITE)

/* Guest page table entry bits. */
#define G_P  0x01ULL
#define G_W  0x02ULL
#define G_U  0x04ULL
#define G_A  0x20ULL
#define G_D  0x40ULL
#define G_PS 0x80ULL

#define RIG_DEVS 2

/**
 * struct rig - see rig_make()
 * @ram: guest memory, GPA 0 onwards, mapped into @gpa
 * @used: of it taken by guest_page()
 * @live: allocations before anything was made
 */
struct rig {
	struct ioasid_host *host;
	struct ioasid *ctx;
	struct ioasid_hostdev *dev[RIG_DEVS];
	struct ioasid_dev *handle[RIG_DEVS];
	uint32_t gpa;
	uint8_t *ram;
	uint64_t ram_size;
	uint64_t used;
	int fault_fd;
	long live;
};

struct rig_config {
	struct ioasid_host_config host;
	uint32_t dev_flags;
	const struct ioasid_hostdev_ops *ops;
	void *opaque;
	uint32_t pri_capacity;
	uint32_t dtlb_entries;
	uint64_t ram_size;
	bool bare; /* no address space, nothing attached */
};

/** rig_make() - a host, context, two bound class-5 devices, GPA space attached to both. */
void rig_make(struct rig *rig, const struct rig_config *config);
/** rig_free() - take everything down and check that nothing is left. */
void rig_free(struct rig *rig);
/** rig_settle() - check that nothing but allocations made before rig_make() is left. */
void rig_settle(const struct rig *rig);

/** ok() - a call that has to succeed */
#define ok(call)                                                             \
	do {                                                                 \
		long _rc = (long)(call);                                     \
		if (_rc < 0) {                                               \
			print_error("%s: %s\n", #call, strerror((int)-_rc)); \
			fail();                                              \
		}                                                            \
	} while (0)
#define refused(call, err) assert_int_equal((call), -(err))

/* ---- the guest --------------------------------------------------------------------------------- */

/** guest_page() - a fresh page of guest memory; its GPA */
uint64_t guest_page(struct rig *rig);
/** guest_pte() - the entry for @va at @level; tables on the way are made (P | W | U) */
uint64_t *guest_pte(struct rig *rig, uint64_t root, uint64_t va, int level);
/** guest_map() - a fresh page at @va with @bits; its GPA */
uint64_t guest_map(struct rig *rig, uint64_t root, uint64_t va, uint64_t bits);
/** guest_process() - a user table at @root, attached with @pasid on device 0 */
uint32_t guest_process(struct rig *rig, uint64_t root, uint32_t pasid, uint32_t flags);

/* ---- requests ------------------------------------------------------------------------------------ */

static inline struct ioasid_dma by_rid(uint64_t addr)
{
	return (struct ioasid_dma){ .addr = addr };
}

static inline struct ioasid_dma by_pasid(uint32_t pasid, uint64_t addr)
{
	return (struct ioasid_dma){ .addr = addr, .pasid = pasid, .flags = IOASID_DMA_PASID };
}

/** dma_put(), dma_get() - one 64-bit word; Return: as ioasid_dma_write() */
int dma_put(struct ioasid_hostdev *dev, struct ioasid_dma dma, uint64_t value);
int dma_get(struct ioasid_hostdev *dev, struct ioasid_dma dma, uint64_t *value);
/** blocked() - a write of one word has to fail for @reason */
#define blocked(dev, dma, why)                                                            \
	do {                                                                              \
		struct ioasid_dma _d = (dma);                                             \
		uint64_t _v = 0;                                                          \
		assert_int_equal(ioasid_dma_write((dev), &_d, &_v, sizeof(_v)), -EFAULT); \
		assert_int_equal(_d.reason, (why));                                       \
	} while (0)

/** next_event() - the next record has to be there; polls the descriptor first */
struct ioasid_fault next_event(struct rig *rig);
/** no_event() - none waits */
void no_event(struct rig *rig);
struct ioasid_host_stats stats_of(const struct rig *rig);
void nap(unsigned int ms);

#endif
