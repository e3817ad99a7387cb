// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest_ram.h"

#define GUEST_RAM_PAGE	     4096ULL
#define GUEST_RAM_HUGE	     (2ULL << 20)
#define GUEST_RAM_HOLE	     0xa0000ULL
#define GUEST_RAM_HOLE_LAST  0xfffffULL
#define GUEST_RAM_ADDR_LIMIT (1ULL << 52)

void guest_ram_init(struct guest_ram *ram, uint64_t max_bytes, const struct guest_ram_ops *ops,
		    void *opaque)
{
	memset(ram, 0, sizeof(*ram));
	pthread_rwlock_init(&ram->lock, NULL);
	ram->max_bytes = max_bytes;
	ram->ops = ops;
	ram->opaque = opaque;
}

/* Caller holds lock. First region that ends at or after @gpa. */
static unsigned int guest_ram_find_locked(const struct guest_ram *ram, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < ram->nr; i++)
		if (ram->regions[i].last >= gpa)
			break;
	return i;
}

void *guest_ram_ptr(struct guest_ram *ram, uint64_t gpa, uint64_t len, bool write)
{
	const struct guest_ram_region *r;
	void *ptr = NULL;
	unsigned int i;

	pthread_rwlock_rdlock(&ram->lock);
	i = guest_ram_find_locked(ram, gpa);
	r = &ram->regions[i];
	if (i < ram->nr && len && r->gpa <= gpa && len - 1 <= r->last - gpa &&
	    (r->writable || !write))
		ptr = r->ptr + (gpa - r->gpa);
	pthread_rwlock_unlock(&ram->lock);
	return ptr;
}

uint64_t guest_ram_gpa(struct guest_ram *ram, const void *ptr)
{
	const uint8_t *p = ptr;
	uint64_t gpa = ~0ULL;
	unsigned int i;

	pthread_rwlock_rdlock(&ram->lock);
	for (i = 0; i < ram->nr; i++) {
		const struct guest_ram_region *r = &ram->regions[i];

		if (p >= r->ptr && (uint64_t)(p - r->ptr) <= r->last - r->gpa)
			gpa = r->gpa + (p - r->ptr);
	}
	pthread_rwlock_unlock(&ram->lock);
	return gpa;
}

void guest_ram_visit_ends(struct guest_ram *ram, uint64_t bytes,
			  void (*visit)(void *opaque, uint8_t *ptr, size_t len), void *opaque)
{
	uint64_t size, len;
	unsigned int i;

	pthread_rwlock_rdlock(&ram->lock);
	for (i = 0; i < ram->nr; i++) {
		const struct guest_ram_region *r = &ram->regions[i];

		size = r->last - r->gpa + 1;
		len = size < bytes ? size : bytes;
		if (r->writable)
			visit(opaque, r->ptr + (size - len), len);
	}
	pthread_rwlock_unlock(&ram->lock);
}

/* Memory that cannot shrink under us, and covers the range. */
static int guest_ram_check_file(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return -EPERM;
	if (fstat(fd, &st))
		return -errno;
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -ERANGE;
	return 0;
}

/*
 * Map with the pointer congruent to the guest-physical address modulo 2 MiB, so that large pages
 * of the guest space can be large pages of ours.
 */
static void *guest_ram_mmap(uint64_t gpa, uint64_t size, int fd, uint64_t offset, bool writable)
{
	uint8_t *space, *at;
	uint64_t head;
	void *ptr;

	space = mmap(NULL, size + GUEST_RAM_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (space == MAP_FAILED)
		return NULL;
	head = (gpa - (uintptr_t)space) & (GUEST_RAM_HUGE - 1);
	at = space + head;
	ptr = mmap(at, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED, fd,
		   offset);
	if (head)
		munmap(space, head);
	munmap(ptr == MAP_FAILED ? at : at + size,
	       ptr == MAP_FAILED ? size + GUEST_RAM_HUGE - head : GUEST_RAM_HUGE - head);
	return ptr == MAP_FAILED ? NULL : ptr;
}

static void guest_ram_insert(struct guest_ram *ram, const struct guest_ram_region *region)
{
	unsigned int i;

	pthread_rwlock_wrlock(&ram->lock);
	i = guest_ram_find_locked(ram, region->gpa);
	memmove(&ram->regions[i + 1], &ram->regions[i], (ram->nr - i) * sizeof(*region));
	ram->regions[i] = *region;
	ram->nr++;
	ram->bytes += region->last - region->gpa + 1;
	pthread_rwlock_unlock(&ram->lock);
}

static void guest_ram_remove_at(struct guest_ram *ram, unsigned int i)
{
	struct guest_ram_region r = ram->regions[i];
	uint64_t size = r.last - r.gpa + 1;

	/* Out of the lookup first: ops->unmap then only waits for those who have it already. */
	pthread_rwlock_wrlock(&ram->lock);
	memmove(&ram->regions[i], &ram->regions[i + 1], (ram->nr - i - 1) * sizeof(r));
	ram->nr--;
	ram->bytes -= size;
	pthread_rwlock_unlock(&ram->lock);
	ram->ops->unmap(ram->opaque, r.gpa, size);
	munmap(r.ptr, size);
}

/* Add one range that is RAM throughout. */
static int guest_ram_add_part(struct guest_ram *ram, struct guest_ram_region *region, int fd,
			      uint64_t offset)
{
	uint64_t size = region->last - region->gpa + 1;
	unsigned int i = guest_ram_find_locked(ram, region->gpa);
	int rc;

	if (i < ram->nr && ram->regions[i].gpa <= region->last)
		return -EEXIST;
	if (ram->nr == GUEST_RAM_REGIONS || size > ram->max_bytes - ram->bytes)
		return -ENOSPC;
	region->ptr = guest_ram_mmap(region->gpa, size, fd, offset, region->writable);
	if (!region->ptr)
		return -errno;
	rc = ram->ops->map(ram->opaque, region->gpa, size, region->ptr, region->writable);
	if (rc) {
		munmap(region->ptr, size);
		return rc;
	}
	guest_ram_insert(ram, region);
	return 0;
}

int guest_ram_add(struct guest_ram *ram, uint64_t gpa, uint64_t size, int fd, uint64_t offset,
		  bool writable)
{
	struct guest_ram_region region = { .writable = writable, .asked = gpa, .asked_size = size };
	uint64_t last = gpa + size - 1;
	int rc;

	if (!size || (gpa | size | offset) & (GUEST_RAM_PAGE - 1))
		return -EINVAL;
	if (last < gpa || last >= GUEST_RAM_ADDR_LIMIT)
		return -EINVAL;
	rc = guest_ram_check_file(fd, offset, size);
	if (rc)
		return rc;
	if (gpa < GUEST_RAM_HOLE) {
		region.gpa = gpa;
		region.last = last < GUEST_RAM_HOLE ? last : GUEST_RAM_HOLE - 1;
		rc = guest_ram_add_part(ram, &region, fd, offset);
		if (rc)
			return rc;
	}
	if (last > GUEST_RAM_HOLE_LAST) {
		region.gpa = gpa > GUEST_RAM_HOLE_LAST ? gpa : GUEST_RAM_HOLE_LAST + 1;
		region.last = last;
		rc = guest_ram_add_part(ram, &region, fd, offset + (region.gpa - gpa));
		/* Only what this call added: an equal, older range overlapped above already. */
		if (rc && gpa < GUEST_RAM_HOLE)
			guest_ram_remove(ram, gpa, size);
	}
	return rc;
}

int guest_ram_remove(struct guest_ram *ram, uint64_t gpa, uint64_t size)
{
	unsigned int i = 0;

	while (i < ram->nr) {
		if (ram->regions[i].asked == gpa && ram->regions[i].asked_size == size)
			guest_ram_remove_at(ram, i);
		else
			i++;
	}
	return 0;
}

void guest_ram_remove_all(struct guest_ram *ram)
{
	while (ram->nr)
		guest_ram_remove_at(ram, ram->nr - 1);
}

void guest_ram_destroy(struct guest_ram *ram)
{
	guest_ram_remove_all(ram);
	pthread_rwlock_destroy(&ram->lock);
}
