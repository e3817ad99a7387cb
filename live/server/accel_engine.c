// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a queue's thread does: fetch a descriptor, check it, do it piece by piece, write the
 * completion record.
 *
 * A piece is at most a page of each operand. Translating its operands and touching them happens in
 * one section (ioasid_dma_enter() to ioasid_dma_exit()), so an invalidation that returns has no
 * access of ours left behind it. A missing page is asked for outside of the section; then the
 * whole piece is translated again, since anything may have gone meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accel.h"

#define ACCEL_PIECE	  4096U
#define ACCEL_MAX_TRIES	  64 /* page requests for one piece */
#define ACCEL_ANSWER_S	  10 /* how long software may take for a page request */
#define ACCEL_CREDIT_US	  200 /* pause when all page requests of the function are out */
#define ACCEL_REASON_USER 0x81 /* VT-d: a page of the supervisor */

/**
 * struct accel_work - a descriptor being done
 * @desc: our copy of it
 * @comp: record being made
 */
struct accel_work {
	struct accel_desc desc;
	struct accel_comp comp;
	uint64_t wait_ns;
};

/** struct accel_operand - one side of a piece; @ptr and @bytes are filled by accel_enter(). */
struct accel_operand {
	uint64_t addr;
	unsigned int access;
	uint8_t *ptr;
	size_t bytes;
};

static uint64_t accel_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- page requests --------------------------------------------------------------------------- */

/* Groups of a function are divided among its slices, and there among who can ask. */
static unsigned int accel_group_share(const struct accel *accel)
{
	return ACCEL_GROUPS / (accel_is_slice(accel) ? accel->config.nr_slices : 1);
}

static unsigned int accel_group_first(const struct accel *accel)
{
	return accel_is_slice(accel) ? accel->config.slice * accel_group_share(accel) : 0;
}

static struct accel_queue *accel_group_queue(struct accel *accel, uint32_t group)
{
	unsigned int index = (group - accel_group_first(accel)) % ACCEL_ENGINES;

	if (index < ACCEL_QUEUES)
		return &accel->queues[index];
	return index == ACCEL_QUEUES && accel_is_slice(accel) ? &accel->shared.q : NULL;
}

void accel_page_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code)
{
	struct accel *accel = opaque;
	struct accel_queue *q = accel_group_queue(accel, group);

	if (!q)
		return;
	if (code == IOASID_RESPONSE_FAILURE)
		atomic_store(&accel->pri_failed, true);
	pthread_mutex_lock(&q->lock);
	/* An answer to a request given up meanwhile carries an older group. */
	if (q->group == (int)group && q->wire == pasid) {
		q->group = -1;
		q->answered = true;
		q->answer = code;
		pthread_cond_broadcast(&q->wake);
	}
	pthread_mutex_unlock(&q->lock);
}

/* The next of the group numbers that are this queue's: its own index modulo ACCEL_ENGINES. */
static uint32_t accel_group_begin(struct accel_queue *q)
{
	unsigned int rounds = accel_group_share(q->accel) / ACCEL_ENGINES;
	uint32_t group = accel_group_first(q->accel) + q->index;

	pthread_mutex_lock(&q->lock);
	group += ACCEL_ENGINES * (q->next_group++ % rounds);
	q->group = group;
	q->last_group = group;
	q->last_pasid = q->with_pasid ? q->pasid : IOASID_INVALID;
	q->answered = false;
	pthread_mutex_unlock(&q->lock);
	return group;
}

/* Not even an answer is waited for. */
static bool accel_must_leave(struct accel_queue *q)
{
	return atomic_load(&q->abort) || atomic_load(&q->lost);
}

/*
 * Wait for the answer, also when the queue is being stopped: software would still be handling a
 * request of a PASID that it takes down next. Only a reset, or the end of the number, gives up at once.
 */
static int accel_group_wait(struct accel_queue *q)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ACCEL_ANSWER_S;
	pthread_mutex_lock(&q->lock);
	while (!q->answered && !accel_must_leave(q) && !rc)
		rc = pthread_cond_timedwait(&q->wake, &q->lock, &until);
	if (q->answered)
		rc = q->answer == IOASID_RESPONSE_SUCCESS ? 0 : -EFAULT;
	else
		rc = accel_must_leave(q) ? -ECANCELED : -ETIMEDOUT;
	q->group = -1;
	pthread_mutex_unlock(&q->lock);
	return rc;
}

static void accel_waited(struct accel_queue *q, struct accel_work *w, uint64_t ns)
{
	struct accel *accel = q->accel;
	unsigned int i = atomic_fetch_add(&accel->nr_waits, 1) % ACCEL_WAIT_SAMPLES;

	atomic_store(&accel->waits[i], ns > ~0U ? ~0U : ns);
	w->wait_ns += ns;
	w->comp.page_requests++;
	atomic_fetch_add(&q->page_requests, 1);
	accel_count(accel, ACCEL_COUNTER_PAGE_REQUESTS, 1);
}

/* Ask for a page and wait. Return: 0 try again; -EFAULT no; -ECANCELED; -ETIMEDOUT. */
static int accel_page_request(struct accel_queue *q, struct accel_work *w, struct ioasid_dma *dma,
			      unsigned int access)
{
	uint64_t start = accel_now();
	int rc;

	dma->addr &= ~0xfffULL;
	dma->group = accel_group_begin(q);
	rc = ioasid_hostdev_page_request(q->accel->dev, dma, access, true);
	if (rc == -ENOSPC) {
		usleep(ACCEL_CREDIT_US);
		return 0;
	}
	if (rc)
		return -EFAULT;
	if (q->accel->config.page_requested)
		q->accel->config.page_requested(q->accel->config.opaque);
	rc = accel_group_wait(q);
	accel_waited(q, w, accel_now() - start);
	return rc;
}

/* Could software repair this? Everything else is final, and so is a page of the supervisor. */
static bool accel_may_ask(const struct accel_queue *q, const struct ioasid_dma *dma)
{
	if (!q->with_pasid || !(atomic_load(&q->accel->functions) & ACCEL_FUNC_PRI) ||
	    atomic_load(&q->accel->pri_failed))
		return false;
	if (dma->reason == IOASID_REASON_PERMISSION)
		return dma->arch_reason != ACCEL_REASON_USER;
	return dma->reason == IOASID_REASON_NOT_PRESENT;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void accel_dma_init(const struct accel_queue *q, struct ioasid_dma *dma, uint64_t addr,
			   uint32_t flags)
{
	memset(dma, 0, sizeof(*dma));
	dma->addr = addr;
	dma->flags = flags;
	if (q->with_pasid) {
		dma->flags |= IOASID_DMA_PASID;
		dma->pasid = q->wire;
	}
}

/* The access again, this time so that the IOMMU records its fault. Return: 0 it went through. */
static int accel_report(struct accel_queue *q, struct accel_operand *o, struct ioasid_dma *dma)
{
	void *ptr;

	accel_dma_init(q, dma, o->addr, 0);
	ioasid_dma_enter();
	ptr = ioasid_dma_translate(q->accel->dev, dma, o->access, &o->bytes);
	ioasid_dma_exit();
	return ptr ? 0 : -EFAULT;
}

/* An operand cannot be reached. Return: 0 try again, or what accel_enter() returns. */
static int accel_miss(struct accel_queue *q, struct accel_work *w, struct accel_operand *o,
		      struct ioasid_dma *dma)
{
	struct ioasid_dma failed = *dma;
	int rc;

	if (accel_may_ask(q, dma)) {
		if (w->desc.flags & ACCEL_DESC_NO_BLOCK)
			rc = -EAGAIN;
		else
			rc = accel_page_request(q, w, dma, o->access);
	} else {
		rc = accel_report(q, o, &failed);
	}
	if (!rc || rc == -ECANCELED)
		return rc;
	w->comp.fault_addr = o->addr;
	w->comp.fault_code = failed.arch_reason;
	atomic_fetch_add(&q->faults, 1);
	accel_count(q->accel, ACCEL_COUNTER_FAULTS, 1);
	return rc;
}

/* Translate all operands in the section the caller has begun. Return: the one that failed. */
static struct accel_operand *accel_translate(struct accel_queue *q, struct accel_operand *o,
					     unsigned int n, struct ioasid_dma *dma)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		accel_dma_init(q, dma, o[i].addr, IOASID_DMA_NO_REPORT);
		o[i].ptr = ioasid_dma_translate(q->accel->dev, dma, o[i].access, &o[i].bytes);
		if (!o[i].ptr)
			return &o[i];
	}
	return NULL;
}

/**
 * accel_enter() - begin a section with pointers to a piece of each operand
 * @q: queue
 * @w: descriptor
 * @o: operands; all pieces have the same length
 * @n: how many
 * @want: bytes wanted
 *
 * Return: bytes of the piece, the section is open (accel_exit() ends it); -EFAULT, -EAGAIN not to
 * be reached (@w says where); -ETIMEDOUT no answer; -ELOOP asked too often; -ECANCELED stopped.
 */
static int accel_enter(struct accel_queue *q, struct accel_work *w, struct accel_operand *o,
		       unsigned int n, size_t want)
{
	struct accel_operand *failed;
	unsigned int tries = 0, i;
	struct ioasid_dma dma;
	int rc;

	for (;;) {
		if (atomic_load(&q->stop) || atomic_load(&q->lost))
			return -ECANCELED;
		/* Without bus mastering a function sends nothing. */
		if (!(atomic_load(&q->accel->functions) & ACCEL_FUNC_MASTER))
			return -EFAULT;
		ioasid_dma_enter();
		failed = accel_translate(q, o, n, &dma);
		if (!failed)
			break;
		ioasid_dma_exit();
		if (tries++ == ACCEL_MAX_TRIES)
			return -ELOOP;
		accel_count(q->accel, ACCEL_COUNTER_RETRIES, 1);
		rc = accel_miss(q, w, failed, &dma);
		if (rc)
			return rc;
	}
	want = want < ACCEL_PIECE ? want : ACCEL_PIECE;
	for (i = 0; i < n; i++)
		want = want < o[i].bytes ? want : o[i].bytes;
	if (q->accel->config.delay_us)
		usleep(q->accel->config.delay_us);
	return want;
}

static void accel_exit(void)
{
	ioasid_dma_exit();
}

/* ---- operations ------------------------------------------------------------------------------ */

static void accel_fill(uint8_t *ptr, size_t len, uint64_t pattern, uint64_t phase)
{
	unsigned int shift = phase % 8 * 8;

	if (shift)
		pattern = pattern >> shift | pattern << (64 - shift);
	for (; len >= 8; len -= 8, ptr += 8)
		memcpy(ptr, &pattern, 8);
	memcpy(ptr, &pattern, len);
}

/* One piece. Return: bytes done, or an error of accel_enter(). */
static int accel_copy_piece(struct accel_queue *q, struct accel_work *w, uint64_t done, size_t left)
{
	struct accel_operand o[2] = { { .addr = w->desc.src + done, .access = IOASID_ACCESS_READ },
				      { .addr = w->desc.dst + done,
					.access = IOASID_ACCESS_WRITE } };
	int n = accel_enter(q, w, o, 2, left);

	if (n > 0) {
		memmove(o[1].ptr, o[0].ptr, n);
		accel_exit();
	}
	return n;
}

static int accel_fill_piece(struct accel_queue *q, struct accel_work *w, uint64_t done, size_t left)
{
	struct accel_operand o = { .addr = w->desc.dst + done, .access = IOASID_ACCESS_WRITE };
	int n = accel_enter(q, w, &o, 1, left);

	if (n > 0) {
		accel_fill(o.ptr, n, w->desc.operand, done);
		accel_exit();
	}
	return n;
}

static int accel_compare_piece(struct accel_queue *q, struct accel_work *w, uint64_t done,
			       size_t left)
{
	struct accel_operand o[2] = { { .addr = w->desc.src + done, .access = IOASID_ACCESS_READ },
				      { .addr = w->desc.dst + done,
					.access = IOASID_ACCESS_READ } };
	int n = accel_enter(q, w, o, 2, left);
	int i = 0;

	if (n <= 0)
		return n;
	if (memcmp(o[0].ptr, o[1].ptr, n)) {
		while (i < n && o[0].ptr[i] == o[1].ptr[i])
			i++;
		/* It may be equal by now; that the two differed once is the answer. */
		w->comp.result = 1;
		n = i;
	}
	accel_exit();
	return n;
}

static int accel_crc_piece(struct accel_queue *q, struct accel_work *w, uint64_t done, size_t left)
{
	struct accel_operand o = { .addr = w->desc.src + done, .access = IOASID_ACCESS_READ };
	int n = accel_enter(q, w, &o, 1, left);

	if (n > 0) {
		w->comp.result = accel_crc32c(w->comp.result, o.ptr, n);
		accel_exit();
	}
	return n;
}

static int accel_add_piece(struct accel_queue *q, struct accel_work *w, uint64_t done live_unused,
			   size_t left)
{
	struct accel_operand o = { .addr = w->desc.dst,
				   .access = IOASID_ACCESS_READ | IOASID_ACCESS_WRITE };
	int n = accel_enter(q, w, &o, 1, left);

	if (n > 0) {
		w->comp.result =
			__atomic_fetch_add((uint64_t *)o.ptr, w->desc.operand, __ATOMIC_SEQ_CST);
		accel_exit();
	}
	return n;
}

static int accel_translate_piece(struct accel_queue *q, struct accel_work *w,
				 uint64_t done live_unused, size_t left)
{
	bool write = w->desc.flags & ACCEL_DESC_WRITE;
	struct accel_operand o = { .addr = w->desc.src,
				   .access = write ? IOASID_ACCESS_WRITE : IOASID_ACCESS_READ };
	int n = accel_enter(q, w, &o, 1, left);

	if (n > 0) {
		w->comp.result = guest_ram_gpa(q->accel->config.ram, o.ptr);
		accel_exit();
	}
	return n;
}

/**
 * struct accel_op_info - what a descriptor of this kind must look like, and who does it
 * @fixed_len: bytes where the descriptor names none
 * @dst_align: alignment asked of the destination
 */
static const struct accel_op_info {
	int (*piece)(struct accel_queue *q, struct accel_work *w, uint64_t done, size_t left);
	uint32_t fixed_len;
	uint32_t dst_align;
} accel_ops[ACCEL_NR_OPS] = {
	[ACCEL_OP_NOOP] = { NULL, 0, 1 },
	[ACCEL_OP_COPY] = { accel_copy_piece, 0, 1 },
	[ACCEL_OP_FILL] = { accel_fill_piece, 0, 1 },
	[ACCEL_OP_COMPARE] = { accel_compare_piece, 0, 1 },
	[ACCEL_OP_CRC32C] = { accel_crc_piece, 0, 1 },
	[ACCEL_OP_FETCH_ADD] = { accel_add_piece, 8, 8 },
	[ACCEL_OP_TRANSLATE] = { accel_translate_piece, 1, 1 },
};

/* Bytes to do, or -EINVAL for a descriptor that is malformed. */
static int64_t accel_check(const struct accel_desc *d)
{
	const struct accel_op_info *op = &accel_ops[d->op < ACCEL_NR_OPS ? d->op : 0];

	if (d->op >= ACCEL_NR_OPS || d->flags & ~ACCEL_DESC_FLAGS || d->reserved ||
	    d->reserved2[0] || d->reserved2[1])
		return -EINVAL;
	if (d->flags & ACCEL_DESC_COMPLETION && d->completion & (sizeof(struct accel_comp) - 1))
		return -EINVAL;
	if (!op->piece || op->fixed_len)
		return d->len || d->dst & (op->dst_align - 1) ? -EINVAL : (int64_t)op->fixed_len;
	if (!d->len || d->len > ACCEL_MAX_LEN)
		return -EINVAL;
	/* An operand that wraps around is no range. */
	if (d->src + (d->len - 1) < d->src || d->dst + (d->len - 1) < d->dst)
		return -EINVAL;
	return d->len;
}

static uint32_t accel_status(int rc)
{
	switch (rc) {
	case -EFAULT:
		return ACCEL_COMP_FAULT;
	case -EAGAIN:
		return ACCEL_COMP_PARTIAL;
	default:
		return ACCEL_COMP_STOPPED;
	}
}

/* Do a descriptor. Return: 0 the record says how it went; -ECANCELED stopped half way. */
static int accel_execute(struct accel_queue *q, struct accel_work *w)
{
	uint64_t done = 0;
	int64_t total;
	int n;

	total = accel_check(&w->desc);
	w->comp.status = ACCEL_COMP_SUCCESS;
	if (total < 0) {
		w->comp.status = ACCEL_COMP_REFUSED;
		accel_count(q->accel, ACCEL_COUNTER_REFUSED, 1);
		return 0;
	}
	if (w->desc.op == ACCEL_OP_CRC32C)
		w->comp.result = w->desc.operand & 0xffffffff;
	/* TRANSLATE is a question: it must not change what it asks about. */
	if (w->desc.op == ACCEL_OP_TRANSLATE)
		w->desc.flags |= ACCEL_DESC_NO_BLOCK;
	while (done < (uint64_t)total && w->comp.status == ACCEL_COMP_SUCCESS) {
		n = accel_ops[w->desc.op].piece(q, w, done, total - done);
		if (n == -ECANCELED)
			return n;
		if (n < 0)
			w->comp.status = accel_status(n);
		else
			done += n;
		if (w->desc.op == ACCEL_OP_COMPARE && w->comp.result)
			break;
	}
	w->comp.bytes_done = done;
	if (w->desc.op == ACCEL_OP_COPY || w->desc.op == ACCEL_OP_FILL)
		w->comp.result = w->wait_ns;
	accel_count(q->accel, ACCEL_COUNTER_BYTES, done);
	return 0;
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* Write the record, its status last: who sees the status sees everything. */
static int accel_complete(struct accel_queue *q, struct accel_work *w)
{
	struct accel_operand o = { .addr = w->desc.completion, .access = IOASID_ACCESS_WRITE };
	struct accel_work ours = { .desc.flags = 0 };
	int n;

	/* A refused descriptor may have no place for a record. */
	if (!(w->desc.flags & ACCEL_DESC_COMPLETION) || w->desc.completion % sizeof(w->comp))
		return 0;
	n = accel_enter(q, &ours, &o, 1, sizeof(w->comp));
	if (n < 0) {
		w->comp = ours.comp;
		return n;
	}
	w->comp.page_requests += ours.comp.page_requests;
	memcpy(o.ptr + sizeof(uint32_t), (uint8_t *)&w->comp + sizeof(uint32_t),
	       sizeof(w->comp) - sizeof(uint32_t));
	__atomic_store_n((uint32_t *)o.ptr, w->comp.status, __ATOMIC_RELEASE);
	accel_exit();
	return 0;
}

static int accel_fetch(struct accel_queue *q, struct accel_work *w)
{
	uint32_t slot = atomic_load(&q->head) & ((1U << q->ring_lg2) - 1);
	struct accel_operand o = { .addr = q->ring_base + slot * sizeof(w->desc),
				   .access = IOASID_ACCESS_READ };
	int n;

	n = accel_enter(q, w, &o, 1, sizeof(w->desc));
	if (n < 0)
		return n;
	/* Copied once; from here on the process can change its ring as it likes. */
	memcpy(&w->desc, o.ptr, sizeof(w->desc));
	accel_exit();
	w->comp = (struct accel_comp){ 0 };
	w->wait_ns = 0;
	return 0;
}

static void accel_interrupt(struct accel_queue *q)
{
	accel_count(q->accel, ACCEL_COUNTER_INTERRUPTS, 1);
	vfio_user_dev_interrupt(&q->accel->vfio, q->vector);
}

/* The queue cannot go on; its owner is told by an interrupt and has to disable it. */
static void accel_halt(struct accel_queue *q, uint32_t error, const struct accel_work *w)
{
	pthread_mutex_lock(&q->lock);
	if (q->state == ACCEL_STATE_RUNNING)
		q->state = ACCEL_STATE_HALTED;
	q->sending = false;
	pthread_cond_broadcast(&q->wake);
	q->error = error;
	q->fault_addr = w->comp.fault_addr;
	q->fault_code = w->comp.fault_code;
	pthread_mutex_unlock(&q->lock);
	accel_interrupt(q);
	pthread_mutex_lock(&q->lock);
	while (!atomic_load(&q->stop))
		pthread_cond_wait(&q->wake, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

/* What a descriptor that was executed leaves behind. */
static int accel_finish(struct accel_queue *q, struct accel_work *w)
{
	int rc = accel_complete(q, w);

	if (rc)
		return rc;
	atomic_fetch_add(&q->head, 1);
	atomic_fetch_add(&q->descriptors, 1);
	accel_count(q->accel, ACCEL_COUNTER_DESCRIPTORS, 1);
	if (w->desc.flags & ACCEL_DESC_INTERRUPT)
		accel_interrupt(q);
	return 0;
}

int accel_queue_do(struct accel_queue *q, const struct accel_desc *desc)
{
	struct accel_work w = { .desc = *desc };
	int rc = accel_execute(q, &w);

	return rc ? rc : accel_finish(q, &w);
}

static void accel_queue_step(struct accel_queue *q)
{
	struct accel_work w = { .desc.flags = 0 };
	int rc;

	rc = accel_fetch(q, &w);
	if (rc) {
		if (rc != -ECANCELED)
			accel_halt(q, ACCEL_ERROR_RING, &w);
		return;
	}
	if (accel_execute(q, &w))
		return;
	rc = accel_finish(q, &w);
	if (rc && rc != -ECANCELED)
		accel_halt(q, ACCEL_ERROR_COMPLETION, &w);
}

/* Wait until there is work, or a reason to leave. */
static void accel_queue_wait(struct accel_queue *q)
{
	uint32_t head = atomic_load(&q->head);

	pthread_mutex_lock(&q->lock);
	while (atomic_load(&q->tail) == head && !atomic_load(&q->stop) && !atomic_load(&q->lost))
		pthread_cond_wait(&q->wake, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

/*
 * A page request may have been answered in software's place, because its PASID went. Stopped means
 * that software is done with it, too: a driver that hears "idle" takes down what handles requests.
 */
void accel_wait_software(struct accel_queue *q)
{
	const struct accel_config *config = &q->accel->config;
	uint64_t limit = accel_now() + ACCEL_ANSWER_S * 1000000000ULL;

	if (!config->request_pending || q->last_group < 0)
		return;
	while (!atomic_load(&q->abort) && accel_now() < limit &&
	       config->request_pending(config->opaque, q->last_pasid, (uint32_t)q->last_group))
		usleep(ACCEL_CREDIT_US);
}

/* Who waits for the last request of the queue need not wait for software, too. */
static void accel_queue_quiet(struct accel_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->sending = false;
	pthread_cond_broadcast(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void *accel_queue_run(void *queue)
{
	const struct accel_work none = { .desc.flags = 0 };
	struct accel_queue *q = queue;
	uint32_t waiting;

	while (!atomic_load(&q->stop)) {
		waiting = atomic_load(&q->tail) - atomic_load(&q->head);
		if (atomic_load(&q->lost))
			accel_halt(q, ACCEL_ERROR_PASID, &none);
		else if (!waiting)
			accel_queue_wait(q);
		else if (waiting > 1U << q->ring_lg2)
			accel_halt(q, ACCEL_ERROR_OVERRUN, &none);
		else
			accel_queue_step(q);
	}
	accel_queue_quiet(q);
	accel_wait_software(q);
	pthread_mutex_lock(&q->lock);
	q->state = ACCEL_STATE_IDLE;
	pthread_mutex_unlock(&q->lock);
	return NULL;
}
