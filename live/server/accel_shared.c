// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The shared queue of a slice and the portal pages in front of it. A store to a page's COMMIT is executed
 * as ENQCMD by a CPU of the library's model (<ioasid/vcpu.h>): it translates the guest's number by the
 * table of the guest's context and stores 64 bytes with the host's number, here, or says why not.
 *
 * One thread does the work, one descriptor after the other, whoever it is from.
 */
#include <errno.h>
#include <string.h>

#include "accel.h"

#define PORTAL_PASID 0xfffffU

_Static_assert(sizeof(struct accel_portal_desc) == 64, "what ENQCMD stores");
_Static_assert(ACCEL_ENGINES > ACCEL_QUEUES, "the shared queue has groups of its own");

/* ---- the queue --------------------------------------------------------------------------------- */

/* What the CPU stored, as the descriptor of any queue: reserved fields stay where they are refused. */
static void accel_portal_decode(const struct accel_portal_desc *p, struct accel_desc *desc)
{
	*desc = (struct accel_desc){
		.op = p->op,
		.flags = p->flags,
		.reserved = p->reserved,
		.len = p->len,
		.src = p->src,
		.dst = p->dst,
		.operand = p->operand,
		.completion = p->completion,
		.tag = p->tag,
		.reserved2 = { p->reserved2, p->reserved3 },
	};
}

/* May it carry this number? What was allowed is good until drain, which takes the lock, too. */
static bool accel_shared_allows(struct accel *accel, uint32_t wire)
{
	return ioasid_hostdev_allows(accel->dev, wire) || accel->config.broken & ACCEL_BREAK_PORTAL;
}

/* struct ioasid_dmwr_portal: the deferrable write arrives. In an RCU section: nobody here waits for one. */
static bool accel_shared_store(void *opaque, uint64_t offset live_unused, const void *data)
{
	struct accel_portal *p = opaque;
	struct accel_shared *s = &p->accel->shared;
	struct accel_portal_desc stored;
	struct accel_item *item;
	bool taken = false;

	memcpy(&stored, data, sizeof(stored));
	pthread_mutex_lock(&s->lock);
	if (s->open && s->nr < ACCEL_SHARED_SIZE &&
	    accel_shared_allows(p->accel, stored.pasid & PORTAL_PASID)) {
		item = &s->items[(s->first + s->nr++) % ACCEL_SHARED_SIZE];
		accel_portal_decode(&stored, &item->desc);
		item->wire = stored.pasid & PORTAL_PASID;
		item->vpasid = p->vpasid;
		item->portal = p->index;
		taken = true;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	return taken;
}

/* Drop what waits and is from @portal, or carries @wire; ~0: whatever it is. */
static void accel_shared_drop_locked(struct accel_shared *s, unsigned int portal, uint32_t wire)
{
	unsigned int i, kept = 0;

	for (i = 0; i < s->nr; i++) {
		struct accel_item *item = &s->items[(s->first + i) % ACCEL_SHARED_SIZE];

		if ((portal != ~0U && item->portal != portal) ||
		    (wire != ~0U && item->wire != wire))
			s->items[(s->first + kept++) % ACCEL_SHARED_SIZE] = *item;
	}
	s->nr = kept;
}

/* Tell the thread, which may be waiting for a page, to leave the descriptor it is at. */
static void accel_shared_interrupt_locked(struct accel_shared *s, atomic_bool *how)
{
	pthread_mutex_lock(&s->q.lock);
	atomic_store(how, true);
	pthread_cond_broadcast(&s->q.wake);
	pthread_mutex_unlock(&s->q.lock);
}

void accel_shared_stop(struct accel *accel)
{
	struct accel_shared *s = &accel->shared;

	pthread_mutex_lock(&s->lock);
	accel_shared_drop_locked(s, ~0U, ~0U);
	if (s->busy) {
		accel_shared_interrupt_locked(s, &s->q.stop);
		accel_shared_interrupt_locked(s, &s->q.abort);
	}
	while (s->busy)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void accel_shared_drain(struct accel *accel, uint32_t wire)
{
	struct accel_shared *s = &accel->shared;

	pthread_mutex_lock(&s->lock);
	accel_shared_drop_locked(s, ~0U, wire);
	if (s->sending && s->now.wire == wire) {
		accel_event(accel, ACCEL_EVENT_DRAINED);
		accel_shared_interrupt_locked(s, &s->q.lost);
		while (s->sending && s->now.wire == wire)
			pthread_cond_wait(&s->done, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
}

void accel_shared_open(struct accel *accel, bool open)
{
	/* A store holds the lock: on return of close none is being taken. */
	pthread_mutex_lock(&accel->shared.lock);
	accel->shared.open = open;
	pthread_mutex_unlock(&accel->shared.lock);
}

/* The next descriptor, and the queue's state as that of a queue that was just enabled for it. */
static void accel_shared_take_locked(struct accel_shared *s)
{
	s->now = s->items[s->first];
	s->first = (s->first + 1) % ACCEL_SHARED_SIZE;
	s->nr--;
	s->busy = true;
	s->sending = true;
	pthread_mutex_lock(&s->q.lock);
	s->q.wire = s->now.wire;
	s->q.pasid = s->now.vpasid;
	s->q.vector = s->now.portal;
	s->q.last_group = -1;
	atomic_store(&s->q.stop, false);
	atomic_store(&s->q.abort, false);
	atomic_store(&s->q.lost, false);
	pthread_mutex_unlock(&s->q.lock);
}

static void *accel_shared_run(void *arg)
{
	struct accel_shared *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->nr && !s->quit)
			pthread_cond_wait(&s->wake, &s->lock);
		if (s->quit)
			break;
		accel_shared_take_locked(s);
		pthread_mutex_unlock(&s->lock);
		accel_queue_do(&s->q, &s->now.desc);
		pthread_mutex_lock(&s->lock);
		s->sending = false;
		pthread_cond_broadcast(&s->done);
		pthread_mutex_unlock(&s->lock);
		if (atomic_load(&s->q.stop) || atomic_load(&s->q.lost))
			accel_wait_software(&s->q);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
		pthread_cond_broadcast(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- registers of a queue, and the pages -------------------------------------------------------- */

uint32_t accel_portal_count(struct accel *accel, unsigned int index)
{
	struct accel_shared *s = &accel->shared;
	uint32_t n;
	unsigned int i;

	pthread_mutex_lock(&s->lock);
	n = s->busy && s->now.portal == index;
	for (i = 0; i < s->nr; i++)
		n += s->items[(s->first + i) % ACCEL_SHARED_SIZE].portal == index;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void accel_portal_stop(struct accel *accel, unsigned int index)
{
	struct accel_shared *s = &accel->shared;

	pthread_mutex_lock(&s->lock);
	accel_shared_drop_locked(s, index, ~0U);
	if (s->busy && s->now.portal == index)
		accel_shared_interrupt_locked(s, &s->q.stop);
	pthread_mutex_unlock(&s->lock);
}

/* The must-fail control: what would happen if nobody translated, and nobody checked. */
static enum accel_answer accel_portal_bypass(struct accel_portal *p)
{
	if (!(p->accel->config.broken & ACCEL_BREAK_PORTAL))
		return ACCEL_ANSWER_EXIT;
	return accel_shared_store(p, 0, p->words) ? ACCEL_ANSWER_ACCEPTED : ACCEL_ANSWER_RETRY;
}

static enum accel_answer accel_portal_execute(struct accel_portal *p)
{
	const struct accel_config *config = &p->accel->config;
	struct ioasid_dmwr_portal portal = { .store = accel_shared_store, .opaque = p };
	uint32_t words[16];
	struct ioasid_enqcmd insn = { .cpl = 3, .dst = ACCEL_PORTAL_PAGE(p->index), .src = words };
	bool again = false;

	memcpy(words, p->words, sizeof(words));
	p->vpasid = words[0] & PORTAL_PASID;
	/* IA32_PASID is not part of the operand, where these bits are reserved. */
	words[0] = 0;
	if (ioasid_vcpu_wrmsr_pasid(p->vcpu, p->words[0]))
		return ACCEL_ANSWER_GP;
	for (;; again = true) {
		switch (ioasid_vcpu_enqcmd(p->vcpu, &portal, &insn)) {
		case IOASID_ENQCMD_RETIRED:
			return insn.zf ? ACCEL_ANSWER_RETRY : ACCEL_ANSWER_ACCEPTED;
		case IOASID_ENQCMD_GP:
			return ACCEL_ANSWER_GP;
		case IOASID_ENQCMD_EXIT:
			break;
		}
		accel_event(p->accel, ACCEL_EVENT_EXIT);
		if (again || !config->enqcmd_exit ||
		    config->enqcmd_exit(config->opaque, insn.vpasid))
			return accel_portal_bypass(p);
		accel_event(p->accel, ACCEL_EVENT_ENTERED);
	}
}

static void accel_portal_commit(struct accel_portal *p)
{
	static const enum accel_event events[] = {
		[ACCEL_ANSWER_ACCEPTED] = ACCEL_EVENT_ACCEPTED,
		[ACCEL_ANSWER_RETRY] = ACCEL_EVENT_RETRY,
		[ACCEL_ANSWER_GP] = ACCEL_EVENT_GP,
	};
	enum accel_answer answer = accel_portal_execute(p);

	if (answer != ACCEL_ANSWER_EXIT)
		accel_event(p->accel, events[answer]);
	p->answer = answer | ++p->executed << 8;
}

uint64_t accel_portal_read(struct accel *accel, uint64_t off)
{
	if (!accel_is_slice(accel) || off % ACCEL_DOORBELL_STRIDE != ACCEL_PORTAL_ANSWER)
		return 0;
	return accel->portals[off / ACCEL_DOORBELL_STRIDE].answer;
}

void accel_portal_write(struct accel *accel, uint64_t off, uint32_t value)
{
	struct accel_portal *p = &accel->portals[off / ACCEL_DOORBELL_STRIDE];

	if (!accel_is_slice(accel))
		return;
	off %= ACCEL_DOORBELL_STRIDE;
	if (off < sizeof(p->words))
		p->words[off / 4] = value;
	else if (off == ACCEL_PORTAL_COMMIT)
		accel_portal_commit(p);
}

/* ---- life -------------------------------------------------------------------------------------- */

int accel_shared_init(struct accel *accel)
{
	struct accel_shared *s = &accel->shared;
	unsigned int i;
	int rc = 0;

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	pthread_cond_init(&s->done, NULL);
	accel_queue_init(accel, &s->q, ACCEL_QUEUES);
	s->q.with_pasid = true;
	for (i = 0; i < ACCEL_PORTALS && !rc; i++) {
		accel->portals[i].accel = accel;
		accel->portals[i].index = i;
		rc = ioasid_vcpu_create(accel->config.vm, &accel->portals[i].vcpu);
	}
	if (!rc)
		rc = -pthread_create(&s->thread, NULL, accel_shared_run, s);
	s->has_thread = !rc;
	if (rc)
		accel_shared_destroy(accel);
	return rc;
}

void accel_shared_destroy(struct accel *accel)
{
	struct accel_shared *s = &accel->shared;
	unsigned int i;

	if (s->has_thread) {
		accel_shared_stop(accel);
		pthread_mutex_lock(&s->lock);
		s->quit = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
		s->has_thread = false;
	}
	for (i = 0; i < ACCEL_PORTALS; i++) {
		if (accel->portals[i].vcpu)
			ioasid_vcpu_destroy(accel->portals[i].vcpu);
		accel->portals[i].vcpu = NULL;
	}
	accel_queue_destroy(&s->q);
	pthread_cond_destroy(&s->done);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
}
