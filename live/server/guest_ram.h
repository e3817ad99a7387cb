/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The guest's RAM in this process: what vfio-user's DMA_MAP offers, mapped, and a map from
 * guest-physical addresses to pointers.
 *
 * Memory is taken only as a sealed file (memfd with F_SEAL_SHRINK) that covers the range: a client
 * that could shrink it later would turn our accesses into SIGBUS. The legacy window a0000-fffff is
 * never RAM here: it holds ROM shadows whose write protection we do not see.
 */
#ifndef LIVE_GUEST_RAM_H
#define LIVE_GUEST_RAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_RAM_REGIONS 64

/**
 * struct guest_ram_ops - who else must know about RAM
 * @map: RAM at [@gpa, @gpa + @size - 1] can be used at @ptr from now on
 * @unmap: it goes away: on return nobody uses @ptr any more
 */
struct guest_ram_ops {
	int (*map)(void *opaque, uint64_t gpa, uint64_t size, void *ptr, bool writable);
	void (*unmap)(void *opaque, uint64_t gpa, uint64_t size);
};

/** struct guest_ram_region - RAM at [@gpa, @last], mapped at @ptr. */
struct guest_ram_region {
	uint64_t gpa, last;
	uint8_t *ptr;
	bool writable;
	/* What the client asked for, of which this is a part, and the whole mapping. */
	uint64_t asked, asked_size;
};

/**
 * struct guest_ram - RAM of one guest
 * @lock: readers look up, the device's thread changes
 * @regions: sorted by address, no overlap
 * @nr: of them
 * @bytes, @max_bytes: mapped, and how much a client may make us map
 */
struct guest_ram {
	pthread_rwlock_t lock;
	struct guest_ram_region regions[GUEST_RAM_REGIONS];
	unsigned int nr;
	uint64_t bytes, max_bytes;
	const struct guest_ram_ops *ops;
	void *opaque;
};

void guest_ram_init(struct guest_ram *ram, uint64_t max_bytes, const struct guest_ram_ops *ops,
		    void *opaque);

/** guest_ram_destroy() - take all RAM away. */
void guest_ram_destroy(struct guest_ram *ram);

/**
 * guest_ram_add() - take RAM that a client offers
 * @ram: RAM
 * @gpa, @size: range, page aligned, not wrapping
 * @fd: file, lent
 * @offset: where the range begins in it
 * @writable: false: read-only
 *
 * Return: 0 (also where nothing of it is RAM for us); -EINVAL alignment; -EEXIST overlap; -EPERM
 * not a sealed file; -ERANGE file too short; -ENOSPC too many regions or bytes; what mmap says.
 */
int guest_ram_add(struct guest_ram *ram, uint64_t gpa, uint64_t size, int fd, uint64_t offset,
		  bool writable);

/**
 * guest_ram_remove() - take away what one guest_ram_add() brought
 * @ram: RAM
 * @gpa, @size: as added
 *
 * Return: 0, also where nothing of it was RAM for us.
 */
int guest_ram_remove(struct guest_ram *ram, uint64_t gpa, uint64_t size);

/** guest_ram_remove_all() - take everything away. */
void guest_ram_remove_all(struct guest_ram *ram);

/**
 * guest_ram_ptr() - pointer to @len bytes at @gpa, or NULL
 *
 * It is good until ops->unmap for it returned. Context: any thread.
 */
void *guest_ram_ptr(struct guest_ram *ram, uint64_t gpa, uint64_t len, bool write);

/** guest_ram_gpa() - the guest-physical address of a pointer into RAM; ~0: it is none. */
uint64_t guest_ram_gpa(struct guest_ram *ram, const void *ptr);

/**
 * guest_ram_visit_ends() - look at the last bytes of each writable region
 * @ram: RAM
 * @bytes: how many, at most
 * @visit: called with no way for the region to go meanwhile
 * @opaque: its first argument
 */
void guest_ram_visit_ends(struct guest_ram *ram, uint64_t bytes,
			  void (*visit)(void *opaque, uint8_t *ptr, size_t len), void *opaque);

#endif
