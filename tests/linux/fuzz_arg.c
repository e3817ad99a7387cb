// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Arguments: values that make sense, values that do not, and memory they should not lie in. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_TABLES
#include "fuzz.h"

#define ROOM_RO	  (3 * PAGE) /* read-only page */
#define ROOM_NONE (4 * PAGE) /* page without access */
#define ROOM	  (5 * PAGE)
#define MAX_SIZE  256

const struct fuzz_command *const commands = fuzz_commands;
const char *const *const resource_names = fuzz_resources;

/* ---- chance ---------------------------------------------------------------------------------- */

uint64_t rnd(struct fuzz_thread *t)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return t->rng * 0x2545f4914f6cdd1dULL;
}

uint64_t rnd_below(struct fuzz_thread *t, uint64_t n)
{
	return (rnd(t) >> 16) % n;
}

bool one_in(struct fuzz_thread *t, unsigned int n)
{
	return !rnd_below(t, n);
}

bool thread_init(struct fuzz_thread *t, struct fuzz *f, uint64_t seed)
{
	t->f = f;
	t->rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	t->room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return t->room != MAP_FAILED && !mprotect(t->room + ROOM_NONE, PAGE, PROT_NONE);
}

/* ---- pools ------------------------------------------------------------------------------------ */

bool is_descriptor(unsigned int resource)
{
	return !strncmp(fuzz_resources[resource], "fd_", 3);
}

void pool_add(struct fuzz_thread *t, unsigned int resource, uint32_t value)
{
	struct fuzz_pool *p = &t->f->pools[resource];
	uint32_t gone = 0;
	bool full;

	pthread_mutex_lock(&t->f->lock);
	full = p->nr == POOL_SIZE;
	if (full) {
		/* The first one is the seed's own world: it stays. */
		unsigned int i = 1 + (unsigned int)rnd_below(t, POOL_SIZE - 1);

		gone = p->values[i];
		p->values[i] = value;
	} else {
		p->values[p->nr++] = value;
	}
	pthread_mutex_unlock(&t->f->lock);
	if (full && is_descriptor(resource))
		close((int)gone);
}

uint32_t pool_pick(struct fuzz_thread *t, unsigned int resource)
{
	struct fuzz_pool *p = &t->f->pools[resource];
	uint32_t value = IOASID_INVALID;

	pthread_mutex_lock(&t->f->lock);
	if (p->nr)
		value = p->values[rnd_below(t, p->nr)];
	pthread_mutex_unlock(&t->f->lock);
	return value;
}

/* ---- values ------------------------------------------------------------------------------------ */

static uint64_t memory_address(struct fuzz_thread *t)
{
	struct fuzz *f = t->f;

	switch (rnd_below(t, 16)) {
	case 0:
		return f->uffd_page ? (uintptr_t)f->uffd_page : 0;
	case 1:
		return (uintptr_t)t->room + ROOM_RO;
	case 2:
		return (uintptr_t)t->room + ROOM_NONE - 8 * rnd_below(t, 4);
	case 3:
		return 0xffff888000000000ULL + PAGE * rnd_below(t, 64);
	default:
		return (uintptr_t)f->arena + PAGE * rnd_below(t, ARENA / PAGE);
	}
}

uint64_t wild(struct fuzz_thread *t)
{
	unsigned int bit = (unsigned int)rnd_below(t, 64);

	switch (rnd_below(t, 8)) {
	case 0:
		return rnd(t);
	case 1:
		return 1ULL << bit;
	case 2:
		return (1ULL << bit) - 1;
	case 3:
		return -(1ULL << bit);
	case 4:
		return memory_address(t);
	case 5:
		return ~0ULL;
	default:
		return rnd_below(t, 8);
	}
}

static uint32_t any_descriptor(struct fuzz_thread *t)
{
	unsigned int r = (unsigned int)rnd_below(t, NR_RESOURCES);

	if (one_in(t, 3) || !is_descriptor(r))
		return one_in(t, 2) ? (uint32_t)-1 : (uint32_t)rnd_below(t, 64);
	return pool_pick(t, r);
}

static uint64_t set_bits(struct fuzz_thread *t, const struct fuzz_set *set)
{
	uint64_t bits = 0;
	unsigned int n = (unsigned int)rnd_below(t, 4);

	while (n--)
		bits |= set->values[rnd_below(t, set->nr)];
	return bits;
}

static uint64_t sensible(struct fuzz_thread *t, const struct fuzz_member *m)
{
	const struct fuzz_set *set = &fuzz_sets[m->set];

	switch (m->kind) {
	case F_BITS:
		return set_bits(t, set);
	case F_ONE:
		return set->values[rnd_below(t, set->nr)];
	case F_LEN:
		return rnd_below(t, 5);
	case F_POINTER:
		return one_in(t, 2) ? 0 : memory_address(t);
	case F_VMA:
		return memory_address(t);
	case F_FD:
		return one_in(t, 2) ? 0 : any_descriptor(t);
	case F_RESOURCE:
		return one_in(t, 4) ? IOASID_INVALID : pool_pick(t, m->set);
	case F_RANGE:
		return m->low + rnd_below(t, m->high - m->low + 1);
	default:
		return 0;
	}
}

static void put(uint8_t *arg, const struct fuzz_member *m, uint64_t value)
{
	memcpy(arg + m->offset, &value, m->size < 8 ? m->size : 8);
}

static uint64_t get(const uint8_t *arg, const struct fuzz_member *m)
{
	uint64_t value = 0;

	memcpy(&value, arg + m->offset, m->size < 8 ? m->size : 8);
	return value;
}

static void put_name(struct fuzz_thread *t, uint8_t *arg, const struct fuzz_member *m)
{
	char *name = (char *)arg + m->offset;

	if (one_in(t, 4)) {
		memset(name, 'a' + (int)rnd_below(t, 26), m->size);
		name[rnd_below(t, m->size)] = one_in(t, 2) ? '/' : (char)rnd(t);
		if (one_in(t, 2))
			name[rnd_below(t, m->size)] = '\0';
		return;
	}
	snprintf(name, m->size, "fz%d-%u", getpid(), (unsigned int)rnd_below(t, 4) + 4);
}

/* Everything as the description says. */
static void fill(struct fuzz_thread *t, const struct fuzz_command *c, uint8_t *arg)
{
	const struct fuzz_member *m = c->members, *end = m + c->nr;

	while (m < end) {
		unsigned int n = m->alternatives ? m->alternatives : 1;
		const struct fuzz_member *one = m + rnd_below(t, n);

		if (one->kind == F_NAME)
			put_name(t, arg, one);
		else if (one->kind == F_ARGSZ)
			put(arg, one, c->size);
		else if (one->dir & F_IN && !one_in(t, 4))
			put(arg, one, sensible(t, one));
		m += n;
	}
}

/* ... but for a few members. */
static void spoil(struct fuzz_thread *t, const struct fuzz_command *c, uint8_t *arg)
{
	unsigned int n = one_in(t, 2) ? 0 : 1 + (unsigned int)rnd_below(t, 3);

	while (n--) {
		const struct fuzz_member *m = &c->members[rnd_below(t, c->nr)];
		uint64_t old = get(arg, m);

		if (m->tame || m->kind == F_ARGSZ || m->kind == F_NAME)
			continue;
		put(arg, m, one_in(t, 4) ? old + 1 - 2 * rnd_below(t, 2) : wild(t));
	}
}

static uint32_t odd_size(struct fuzz_thread *t, uint32_t size)
{
	static const int32_t deltas[] = { -8, -4, -1, 1, 4, 8, 64 };
	static const uint32_t sizes[] = { 0, 4, 7, 8, PAGE, PAGE + 1, 0x7fffffff, 0xffffffff };

	if (one_in(t, 2))
		return size + (uint32_t)deltas[rnd_below(t, ARRAY_SIZE(deltas))];
	return sizes[rnd_below(t, ARRAY_SIZE(sizes))];
}

/* ---- where the argument lies --------------------------------------------------------------------- */

/**
 * struct place - where an argument was put
 * @at: address for the call
 * @judge: nobody else writes there and all of it is ours: what the call writes can be judged
 */
struct place {
	uint8_t *at;
	bool judge;
};

static struct place place_readonly(struct fuzz_thread *t, const uint8_t *arg, size_t size)
{
	uint8_t *page = t->room + ROOM_RO;

	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	memcpy(page, arg, size);
	mprotect(page, PAGE, PROT_READ);
	return (struct place){ page, false };
}

/* @size bytes of @arg; MAX_SIZE of room are there. */
static struct place place_arg(struct fuzz_thread *t, const uint8_t *arg, size_t size)
{
	uint8_t *edge = t->room + ROOM_RO, *at;
	size_t cut;

	switch (rnd_below(t, 24)) {
	case 0:
		return place_readonly(t, arg, size);
	case 1: /* ends in a page that cannot be written */
		cut = 1 + rnd_below(t, size);
		place_readonly(t, arg + size - cut, cut);
		memcpy(edge - (size - cut), arg, size - cut);
		return (struct place){ edge - (size - cut), false };
	case 2: /* ends in a page that is not there */
		at = t->room + ROOM_NONE - rnd_below(t, size + 1);
		return (struct place){ at, false };
	case 3:
		return (struct place){ (uint8_t *)(uintptr_t)wild(t), false };
	case 4: /* a page that somebody has to bring */
		if (!t->f->uffd_page)
			break;
		madvise(t->f->uffd_page, PAGE, MADV_DONTNEED);
		return (struct place){ t->f->uffd_page, false };
	case 5:
		at = t->room + 1 + rnd_below(t, 7);
		memcpy(at, arg, size);
		return (struct place){ at, true };
	case 6: /* across two pages */
		at = t->room + PAGE - 1 - rnd_below(t, size);
		memcpy(at, arg, size);
		return (struct place){ at, true };
	default:
		break;
	}
	memcpy(t->room, arg, size);
	return (struct place){ t->room, true };
}

/* ---- judging an answer ------------------------------------------------------------------------------ */

static bool may_write(const struct fuzz_command *c, size_t byte)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		const struct fuzz_member *m = &c->members[i];

		if (m->dir & F_OUT && byte >= m->offset && byte < (size_t)m->offset + m->size)
			return true;
	}
	return false;
}

/* An address of the caller's own, or where a request that began there got stuck. */
static bool said_before(const struct fuzz_command *c, const uint8_t *before, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		const struct fuzz_member *m = &c->members[i];

		if (m->size == 8 && value - get(before, m) < IOASID_SIM_DMA_MAX)
			return true;
	}
	return false;
}

static void judge(struct fuzz *f, const struct fuzz_command *c, const uint8_t *before,
		  const uint8_t *after, size_t size, int rc)
{
	uint32_t argsz;
	size_t i;

	memcpy(&argsz, before, sizeof(argsz));
	for (i = 0; i < size; i++) {
		if (before[i] == after[i] || (!rc && i < c->size && may_write(c, i)))
			continue;
		complain(f->shared, "seed %#llx: %s answered %d and wrote byte %zu",
			 (unsigned long long)f->seed, c->name, rc, i);
		return;
	}
	for (i = 0; !rc && i < c->nr; i++) {
		uint64_t value = get(after, &c->members[i]);

		/*
		 * The direct map and what lies above it: nothing of ours is there. A member that ends
		 * behind what the caller said he knows is the caller's, in part or all of it.
		 */
		if (c->members[i].dir & F_OUT && c->members[i].size == 8 &&
		    c->members[i].offset + 8U <= argsz && value >= 0xffff800000000000ULL &&
		    value < 0xffffffffff000000ULL && !said_before(c, before, value))
			complain(f->shared, "seed %#llx: %s returns %#llx in %s",
				 (unsigned long long)f->seed, c->name, (unsigned long long)value,
				 c->members[i].name);
	}
}

static void count(struct fuzz *f, const struct fuzz_command *c, int rc)
{
	struct fuzz_cover *cover = &f->shared->cover[c - fuzz_commands];

	atomic_fetch_add(&cover->calls, 1);
	if (!rc)
		atomic_fetch_add(&cover->ok, 1);
	else
		atomic_fetch_add(&cover->err[-rc < MAX_ERRNO ? -rc : MAX_ERRNO], 1);
}

unsigned int command_index(unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < NR_COMMANDS - 1; i++) {
		if (fuzz_commands[i].cmd == cmd)
			break;
	}
	return i;
}

int counted(struct fuzz *f, int fd, unsigned long cmd, void *arg)
{
	const struct fuzz_command *c = &fuzz_commands[command_index(cmd)];
	uint8_t before[MAX_SIZE];
	int rc;

	memcpy(before, arg, c->size);
	rc = ioctl(fd, cmd, arg) ? -errno : 0;
	count(f, c, rc);
	judge(f, c, before, arg, c->size, rc);
	return rc;
}

/* ---- one random command -------------------------------------------------------------------------------- */

/* Commands that cost much, or keep others waiting: one try in so many is taken. */
static unsigned int rarity(unsigned long cmd)
{
	switch (cmd) {
	case IOASID_SIM_HOLD:
		return 12;
	case IOASID_SIM_IOMMU_CREATE:
	case IOASID_SIM_DEVICE_CREATE:
	case IOASID_SIM_IOMMU_DESTROY:
	case IOASID_SIM_DEVICE_DESTROY:
		return 8;
	case IOASID_SIM_DMA:
		return 3;
	default:
		return 1;
	}
}

static const struct fuzz_command *choose(struct fuzz_thread *t)
{
	const struct fuzz_command *c;

	do {
		c = &fuzz_commands[rnd_below(t, NR_COMMANDS)];
	} while (!t->f->pools[c->on].nr || !one_in(t, rarity(c->cmd)));
	return c;
}

static void collect(struct fuzz_thread *t, const struct fuzz_command *c, const uint8_t *arg)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		const struct fuzz_member *m = &c->members[i];
		uint32_t value = (uint32_t)get(arg, m);

		if (m->kind != F_RESOURCE || !(m->dir & F_OUT))
			continue;
		if (is_descriptor(m->set))
			fcntl((int)value, F_SETFL, O_NONBLOCK);
		pool_add(t, m->set, value);
	}
	if (c->cmd == IOASID_SIM_DEVICE_CREATE)
		node_open(t, ((const struct ioasid_sim_device *)arg)->name);
}

/* One argument at a time can be the victim of the thread that changes them. */
static bool victim_set(struct fuzz *f, uint8_t *at, size_t size)
{
	bool free;

	pthread_mutex_lock(&f->victim_lock);
	free = !f->victim;
	if (free) {
		f->victim = at;
		f->victim_size = size;
	}
	pthread_mutex_unlock(&f->victim_lock);
	return free;
}

static void victim_clear(struct fuzz *f)
{
	pthread_mutex_lock(&f->victim_lock);
	f->victim = NULL;
	pthread_mutex_unlock(&f->victim_lock);
}

static int issue(struct fuzz_thread *t, const struct fuzz_command *c, int fd, uint8_t *at,
		 bool race)
{
	int rc = ioctl(fd, c->cmd, at) ? -errno : 0;

	if (race)
		victim_clear(t->f);
	count(t->f, c, rc);
	return rc;
}

void random_command(struct fuzz_thread *t)
{
	const struct fuzz_command *c = choose(t);
	uint8_t arg[MAX_SIZE] = { 0 }, after[MAX_SIZE];
	size_t size = c->size;
	bool race = one_in(t, 8);
	struct place place;
	uint32_t argsz;
	int fd = (int)pool_pick(t, c->on), rc;

	fill(t, c, arg);
	spoil(t, c, arg);
	if (one_in(t, 10)) {
		argsz = odd_size(t, c->size);
		memcpy(arg, &argsz, sizeof(argsz));
		if (one_in(t, 2))
			arg[c->size + rnd_below(t, 16)] = 1;
		size = c->size + 64;
	}
	if (one_in(t, 30))
		fd = (int)any_descriptor(t);
	place = place_arg(t, arg, size);
	race = race && place.judge && victim_set(t->f, place.at, c->size);
	rc = issue(t, c, fd, place.at, race);
	/* A descriptor that only the answer names is lost when another thread wrote over it. */
	if (!place.judge || race)
		return;
	memcpy(after, place.at, size);
	judge(t->f, c, arg, after, size, rc);
	if (!rc)
		collect(t, c, after);
}
