// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meeting.h"

#define MEETING_STILL_US 20000 /* between two looks at a guest that should stand still */
#define MEETING_HINTS	 ((ACCEL_MEET_END - ACCEL_MEET_HINTS) / 4)

/* ---- memory -------------------------------------------------------------------------------------- */

struct meeting_sum {
	uint64_t hash[4], bytes;
};

/* Every step can be undone, so memory that differs in one place never has the same sum. */
static void meeting_add(void *opaque, uint8_t *ptr, size_t len)
{
	struct meeting_sum *s = opaque;
	uint64_t word[4];
	unsigned int k;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(word, ptr + i, sizeof(word));
		for (k = 0; k < 4; k++) {
			s->hash[k] = (s->hash[k] ^ word[k]) * 0x9e3779b97f4a7c15ULL;
			s->hash[k] ^= s->hash[k] >> 29;
		}
	}
	s->bytes += len;
}

uint64_t meeting_hash(struct guest_ram *ram, uint64_t *bytes)
{
	struct meeting_sum s = { { 1, 2, 3, 4 }, 0 };

	guest_ram_visit_ends(ram, ~0ULL, meeting_add, &s);
	*bytes = s.bytes;
	return s.hash[0] ^ s.hash[1] * 3 ^ s.hash[2] * 5 ^ s.hash[3] * 7;
}

/* ---- who is where -------------------------------------------------------------------------------- */

/* Those who never came are at 0; those who are gone do not count. */
static uint32_t meeting_stage_locked(const struct meeting *m)
{
	uint32_t stage = ~0U;
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		const struct meeting_member *other = &m->members[i];
		uint32_t at = other->came ? other->stage : 0;

		if ((!other->came || other->here) && at < stage)
			stage = at;
	}
	return stage;
}

static uint32_t meeting_others_locked(const struct meeting_member *self)
{
	const struct meeting *m = self->meeting;
	uint32_t here = 0, held = 0;
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		if (i == self->index)
			continue;
		here += m->members[i].here;
		held += m->members[i].held;
	}
	return here | held << 8;
}

/* Has every other member that is there gone on? */
static bool meeting_passed_locked(const struct meeting_member *self)
{
	const struct meeting *m = self->meeting;
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		if (i != self->index && m->members[i].here && m->members[i].stage <= self->stage)
			return false;
	return true;
}

static uint32_t meeting_hint(struct meeting_member *self, unsigned int index)
{
	struct accel_number numbers[MEETING_HINTS] = { { 0 } };
	struct meeting *m = self->meeting;
	unsigned int i, n = 0;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->nr; i++)
		if (i != self->index && m->members[i].here)
			n += accel_numbers(m->members[i].accel, numbers + n, MEETING_HINTS - n);
	pthread_mutex_unlock(&m->lock);
	return numbers[index].wire;
}

/* ---- holding a guest ------------------------------------------------------------------------------- */

/* Show that the guest is held, until the others have gone on. Return: false: they did not, in time. */
static bool meeting_wait(struct meeting_member *self)
{
	struct meeting *m = self->meeting;
	struct timespec until;
	bool passed;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += MEETING_LIMIT_S;
	pthread_mutex_lock(&m->lock);
	self->held = true;
	pthread_cond_broadcast(&m->changed);
	while (!m->over && !meeting_passed_locked(self) && !rc)
		rc = pthread_cond_timedwait(&m->changed, &m->lock, &until);
	passed = meeting_passed_locked(self);
	self->held = false;
	pthread_mutex_unlock(&m->lock);
	return passed;
}

static bool meeting_alone(struct meeting_member *self)
{
	bool alone;

	pthread_mutex_lock(&self->meeting->lock);
	alone = !(meeting_others_locked(self) & 0xff);
	pthread_mutex_unlock(&self->meeting->lock);
	return alone;
}

static uint32_t meeting_hold(struct meeting_member *self)
{
	struct meeting *m = self->meeting;
	uint64_t bytes, before = meeting_hash(self->ram, &bytes), again;
	bool passed, same;

	if (meeting_alone(self))
		return ACCEL_HOLD_NONE;
	usleep(MEETING_STILL_US);
	again = meeting_hash(self->ram, &bytes);
	if (again != before) {
		fprintf(stderr, "guest %u: does not stand still\n", self->index + 1);
		return ACCEL_HOLD_MOVING;
	}
	passed = meeting_wait(self);
	same = meeting_hash(self->ram, &bytes) == before;
	pthread_mutex_lock(&m->lock);
	m->held_same += same && passed;
	m->held_changed += !same;
	pthread_mutex_unlock(&m->lock);
	fprintf(stderr, "guest %u: stood still while others went on: %llu KiB %s%s\n",
		self->index + 1, (unsigned long long)bytes >> 10, same ? "the same" : "CHANGED",
		passed ? "" : ", but they did not come in time");
	if (!same)
		return ACCEL_HOLD_CHANGED;
	return passed ? ACCEL_HOLD_SAME : ACCEL_HOLD_LIMIT;
}

/* ---- registers ------------------------------------------------------------------------------------- */

uint64_t meeting_read(struct meeting_member *self, uint64_t off)
{
	struct meeting *m = self->meeting;
	uint64_t value = 0;

	if (off == ACCEL_MEET_HOLD)
		return meeting_hold(self);
	if (off >= ACCEL_MEET_HINTS) {
		off = (off - ACCEL_MEET_HINTS) / 4;
		return meeting_hint(self, off) | (uint64_t)meeting_hint(self, off + 1) << 32;
	}
	pthread_mutex_lock(&m->lock);
	if (off == ACCEL_MEET_STAGE)
		value = meeting_stage_locked(m);
	else if (off == ACCEL_MEET_OTHERS)
		value = meeting_others_locked(self);
	pthread_mutex_unlock(&m->lock);
	return value;
}

/* For who reads the log: the guest does not learn it. */
static void meeting_introduce(struct meeting_member *self)
{
	struct accel_number numbers[MEETING_HINTS];
	unsigned int i, n = accel_numbers(self->accel, numbers, MEETING_HINTS);

	for (i = 0; i < n; i++)
		fprintf(stderr, "guest %u: PASID %u is %u on the wire\n", self->index + 1,
			numbers[i].pasid, numbers[i].wire);
}

void meeting_write(struct meeting_member *self, uint64_t off, uint32_t value)
{
	struct meeting *m = self->meeting;

	if (off != ACCEL_MEET_STAGE)
		return;
	pthread_mutex_lock(&m->lock);
	if (!self->here)
		meeting_introduce(self);
	self->came = true;
	self->here = true;
	self->stage = value;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

void meeting_leave(struct meeting_member *self)
{
	struct meeting *m = self->meeting;

	pthread_mutex_lock(&m->lock);
	self->here = false;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

/* ---- life ------------------------------------------------------------------------------------------- */

void meeting_init(struct meeting *m, unsigned int nr)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	m->nr = nr < MEETING_MAX ? nr : MEETING_MAX;
	for (i = 0; i < m->nr; i++) {
		m->members[i].meeting = m;
		m->members[i].index = i;
	}
}

void meeting_destroy(struct meeting *m)
{
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

void meeting_end(struct meeting *m)
{
	pthread_mutex_lock(&m->lock);
	m->over = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}
