// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The model device with work queues: registers, portals, the engine. See wq.h. */
#include "enqcmd/wq.h"

#define DEFAULT_SIZE   16
#define MAX_SIZE       1024
#define PORTAL_SIZE    4096
#define CHUNK	       4096
#define REG_PASID_RSVD (~(IOASID_WQ_PASID_VALID | IOASID_WQ_DESC_PASID))

/**
 * struct wq_queue - one queue; guarded by wq->lock
 * @desc: ring of wq->size
 * @first, @nr: what waits in it
 * @type: IOASID_WQ_DEDICATED or SHARED
 * @enabled: takes work
 * @pasid: dedicated: the register as it was written
 * @wire: dedicated: what that is on the wire, or IOASID_WQ_NO_PASID
 */
struct wq_queue {
	struct ioasid_wq_desc *desc;
	u32 first;
	u32 nr;
	u32 type;
	bool enabled;
	u32 pasid;
	u32 wire;
};

/**
 * struct wq_job - the descriptor in execution
 * @desc, @queue, @wire, @priv: what, from where, as whom
 * @drain: ops->drained() is owed when it has ended; under wq->lock
 */
struct wq_job {
	struct ioasid_wq_desc desc;
	u32 queue;
	u32 wire;
	bool priv;
	bool drain;
};

/** struct wq_waiter - somebody in wq_stop(); on its stack. */
struct wq_waiter {
	struct list_head link;
	struct completion done;
};

/**
 * struct wq_dev - see wq.h
 * @lock: guards all but @buf, which is the engine's, and what never changes
 * @job: what the engine is at, or NULL
 * @waiters: struct wq_waiter
 * @next: queue whose turn it is
 */
struct wq_dev {
	const struct wq_ops *ops;
	void *opaque;
	u32 nr_dedicated;
	u32 nr_queues;
	u32 size;
	spinlock_t lock;
	bool stopped;
	bool portal;
	u32 error;
	u32 done;
	u32 next;
	struct wq_job *job;
	struct list_head waiters;
	struct wq_queue queue[IOASID_WQ_MAX_QUEUES];
	u8 buf[CHUNK];
};

/* ---- queues: all with the lock held ------------------------------------------------------------ */

static struct ioasid_wq_desc *queue_at(const struct wq_dev *wq, const struct wq_queue *q, u32 i)
{
	return &q->desc[(q->first + i) % wq->size];
}

static void queue_empty(struct wq_queue *q)
{
	q->first = 0;
	q->nr = 0;
}

static void queue_disable(struct wq_queue *q)
{
	q->enabled = false;
	queue_empty(q);
}

/* What the descriptor is sent with. */
static u32 wire_of(const struct wq_queue *q, const struct ioasid_wq_desc *d)
{
	return q->type == IOASID_WQ_SHARED ? d->pasid & IOASID_WQ_DESC_PASID : q->wire;
}

/* Descriptors of a shared queue with @ppasid leave it; the others keep their order. */
static void queue_drop(struct wq_dev *wq, struct wq_queue *q, u32 ppasid)
{
	u32 i, kept = 0;

	for (i = 0; i < q->nr; i++) {
		const struct ioasid_wq_desc *d = queue_at(wq, q, i);

		if (wire_of(q, d) != ppasid)
			*queue_at(wq, q, kept++) = *d;
	}
	q->nr = kept;
}

static u32 nr_waiting(const struct wq_dev *wq)
{
	u32 i, nr = 0;

	for (i = 0; i < wq->nr_queues; i++)
		nr += wq->queue[i].nr;
	return nr;
}

/* ---- life ------------------------------------------------------------------------------------------ */

/* The lock held, or nobody knows the device yet. */
static void regs_reset(struct wq_dev *wq)
{
	u32 i;

	for (i = 0; i < wq->nr_queues; i++) {
		queue_disable(&wq->queue[i]);
		wq->queue[i].pasid = 0;
		wq->queue[i].wire = IOASID_WQ_NO_PASID;
	}
	wq->error = IOASID_WQ_ERR_NONE;
	wq->done = 0;
	wq->next = 0;
}

static int queues_alloc(struct wq_dev *wq)
{
	struct wq_queue *q;
	u32 i;

	for (i = 0; i < wq->nr_queues; i++) {
		q = &wq->queue[i];
		q->type = i < wq->nr_dedicated ? IOASID_WQ_DEDICATED : IOASID_WQ_SHARED;
		q->desc = kvcalloc(wq->size, sizeof(*q->desc), GFP_KERNEL_ACCOUNT);
		if (!q->desc)
			return -ENOMEM;
	}
	return 0;
}

struct wq_dev *wq_create(const struct wq_config *config, const struct wq_ops *ops, void *opaque)
{
	u32 size = config->size ? config->size : DEFAULT_SIZE;
	struct wq_dev *wq;

	BUILD_BUG_ON(sizeof(struct ioasid_wq_desc) != 64);
	BUILD_BUG_ON(sizeof(struct ioasid_wq_completion) != 16);
	if (size > MAX_SIZE || config->nr_dedicated > IOASID_WQ_MAX_QUEUES ||
	    config->nr_shared > IOASID_WQ_MAX_QUEUES - config->nr_dedicated ||
	    !(config->nr_dedicated + config->nr_shared))
		return ERR_PTR(-EINVAL);
	wq = kzalloc(sizeof(*wq), GFP_KERNEL_ACCOUNT);
	if (!wq)
		return ERR_PTR(-ENOMEM);
	wq->ops = ops;
	wq->opaque = opaque;
	wq->size = size;
	wq->nr_dedicated = config->nr_dedicated;
	wq->nr_queues = config->nr_dedicated + config->nr_shared;
	wq->stopped = true;
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->waiters);
	regs_reset(wq);
	if (!queues_alloc(wq))
		return wq;
	wq_destroy(wq);
	return ERR_PTR(-ENOMEM);
}

void wq_destroy(struct wq_dev *wq)
{
	u32 i;

	WARN_ON(wq->job);
	for (i = 0; i < wq->nr_queues; i++)
		kvfree(wq->queue[i].desc);
	kfree(wq);
}

/* ---- registers ---------------------------------------------------------------------------------------- */

/* Nothing changes, but the register that says why. */
static int refuse(struct wq_dev *wq, enum ioasid_wq_error error, int rc)
{
	wq->error = error;
	return rc;
}

static int global_read(const struct wq_dev *wq, u32 offset, u32 *value)
{
	switch (offset) {
	case IOASID_WQ_REG_ID:
		*value = IOASID_WQ_ID;
		return 0;
	case IOASID_WQ_REG_QUEUES:
		*value = wq->nr_dedicated | (wq->nr_queues - wq->nr_dedicated) << 8 |
			 wq->size << 16;
		return 0;
	case IOASID_WQ_REG_STATUS:
		*value = (wq->portal ? IOASID_WQ_STATUS_PORTAL : 0) |
			 (wq->job || nr_waiting(wq) ? IOASID_WQ_STATUS_BUSY : 0);
		return 0;
	case IOASID_WQ_REG_ERROR:
		*value = wq->error;
		return 0;
	case IOASID_WQ_REG_DONE:
		*value = wq->done;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Queue and register behind an offset. Return: NULL: there is none. */
static struct wq_queue *queue_reg(struct wq_dev *wq, u32 offset, u32 *reg)
{
	u32 n = (offset - IOASID_WQ_QUEUE(0)) / IOASID_WQ_QUEUE_SIZE;

	if (offset < IOASID_WQ_QUEUE(0) || n >= wq->nr_queues)
		return NULL;
	*reg = offset - IOASID_WQ_QUEUE(n);
	return &wq->queue[n];
}

static int queue_read(const struct wq_dev *wq, const struct wq_queue *q, u32 reg, u32 *value)
{
	switch (reg) {
	case IOASID_WQ_REG_TYPE:
		*value = q->type;
		return 0;
	case IOASID_WQ_REG_CONTROL:
		*value = q->enabled ? IOASID_WQ_ENABLE : 0;
		return 0;
	case IOASID_WQ_REG_PASID:
		*value = q->pasid;
		return q->type == IOASID_WQ_DEDICATED ? 0 : -EINVAL;
	case IOASID_WQ_REG_COUNT:
		*value = q->nr + (wq->job && wq->job->queue == q - wq->queue);
		return 0;
	default:
		return -EINVAL;
	}
}

int wq_reg_read(struct wq_dev *wq, u32 offset, u32 *value)
{
	u32 reg, got = 0;
	struct wq_queue *q;
	int rc;

	spin_lock(&wq->lock);
	q = queue_reg(wq, offset, &reg);
	rc = q ? queue_read(wq, q, reg, &got) : global_read(wq, offset, &got);
	spin_unlock(&wq->lock);
	if (!rc)
		*value = got;
	return rc;
}

/* Mediation: the guest's number becomes the one on the wire, or the register keeps what it has. */
static int write_pasid(struct wq_dev *wq, struct wq_queue *q, u32 value)
{
	u32 vpasid = value & IOASID_WQ_DESC_PASID, wire = IOASID_WQ_NO_PASID;

	if (q->type != IOASID_WQ_DEDICATED || value & REG_PASID_RSVD)
		return -EINVAL;
	if (q->enabled)
		return refuse(wq, IOASID_WQ_ERR_BUSY, -EBUSY);
	if (value & IOASID_WQ_PASID_VALID &&
	    (wq->ops->to_wire(wq->opaque, vpasid, &wire) || !wq->ops->allows(wq->opaque, wire)))
		return refuse(wq, IOASID_WQ_ERR_PASID, -ENOENT);
	q->pasid = value;
	q->wire = wire;
	return 0;
}

static int queue_write(struct wq_dev *wq, struct wq_queue *q, u32 reg, u32 value)
{
	if (reg == IOASID_WQ_REG_PASID)
		return write_pasid(wq, q, value);
	if (reg != IOASID_WQ_REG_CONTROL || value & ~IOASID_WQ_ENABLE)
		return -EINVAL;
	if (value)
		q->enabled = true;
	else
		queue_disable(q);
	return 0;
}

int wq_reg_write(struct wq_dev *wq, u32 offset, u32 value)
{
	struct wq_queue *q;
	int rc = -EINVAL;
	u32 reg;

	spin_lock(&wq->lock);
	q = queue_reg(wq, offset, &reg);
	if (q) {
		rc = queue_write(wq, q, reg, value);
	} else if (offset == IOASID_WQ_REG_ERROR) {
		wq->error = IOASID_WQ_ERR_NONE;
		rc = 0;
	}
	spin_unlock(&wq->lock);
	return rc;
}

/* ---- portals ------------------------------------------------------------------------------------------- */

static bool desc_allowed(struct wq_dev *wq, const struct ioasid_wq_desc *d)
{
	const u32 rsvd = ~(IOASID_WQ_DESC_PASID | IOASID_WQ_DESC_PRIV);

	return !(d->pasid & rsvd) && wq->ops->allows(wq->opaque, d->pasid & IOASID_WQ_DESC_PASID);
}

/* Take @d, or say why not. Lock held. */
static enum ioasid_wq_error queue_take(struct wq_dev *wq, struct wq_queue *q,
				       const struct ioasid_wq_desc *d)
{
	bool shared = q->type == IOASID_WQ_SHARED;

	if (wq->stopped || !q->enabled || (shared && !wq->portal))
		return IOASID_WQ_ERR_CLOSED;
	if (shared && !desc_allowed(wq, d))
		return IOASID_WQ_ERR_ALLOW;
	if (q->nr == wq->size)
		return IOASID_WQ_ERR_FULL;
	*queue_at(wq, q, q->nr++) = *d;
	return IOASID_WQ_ERR_NONE;
}

/* Would the portal of @queue take a store like this at all? */
static bool store_fits(const struct wq_dev *wq, u32 queue, u32 offset, size_t len,
		       enum wq_store how)
{
	enum wq_store takes = queue < wq->nr_dedicated ? WQ_STORE_MOVDIR64B : WQ_STORE_DMWR;

	return queue < wq->nr_queues && how == takes && len == sizeof(struct ioasid_wq_desc) &&
	       offset < PORTAL_SIZE && IS_ALIGNED(offset, sizeof(struct ioasid_wq_desc));
}

enum wq_answer wq_portal_store(struct wq_dev *wq, u32 queue, u32 offset, const void *data,
			       size_t len, enum wq_store how)
{
	enum ioasid_wq_error error = IOASID_WQ_ERR_STORE;
	bool fits = store_fits(wq, queue, offset, len, how);
	struct ioasid_wq_desc d;

	if (fits)
		memcpy(&d, data, sizeof(d));
	spin_lock(&wq->lock);
	if (fits)
		error = queue_take(wq, &wq->queue[queue], &d);
	if (error)
		wq->error = error;
	spin_unlock(&wq->lock);
	if (error)
		return how == WQ_STORE_DMWR ? WQ_RETRY : WQ_DROPPED;
	wq->ops->work(wq->opaque);
	return WQ_ACCEPTED;
}

void wq_portal_open(struct wq_dev *wq)
{
	spin_lock(&wq->lock);
	wq->portal = true;
	spin_unlock(&wq->lock);
}

void wq_portal_close(struct wq_dev *wq)
{
	spin_lock(&wq->lock);
	wq->portal = false;
	spin_unlock(&wq->lock);
}

/* ---- the engine ----------------------------------------------------------------------------------------- */

/* Was the job given up meanwhile? Asked between two accesses. */
static bool job_over(struct wq_dev *wq, const struct wq_job *job)
{
	bool over;

	spin_lock(&wq->lock);
	over = wq->stopped || job->drain;
	spin_unlock(&wq->lock);
	return over;
}

static bool range_wraps(u64 addr, u64 len)
{
	u64 last;

	return len && check_add_overflow(addr, len - 1, &last);
}

static bool desc_bad(const struct wq_job *job, bool dedicated)
{
	const struct ioasid_wq_desc *d = &job->desc;

	if (d->flags || d->__reserved[0] || d->__reserved[1] || d->__reserved[2] ||
	    (dedicated && d->pasid))
		return true;
	switch (d->op) {
	case IOASID_WQ_NOP:
		return false;
	case IOASID_WQ_COPY:
		if (range_wraps(d->src, d->length))
			return true;
		fallthrough;
	case IOASID_WQ_FILL:
		return d->length > IOASID_WQ_LENGTH_MAX || range_wraps(d->dst, d->length);
	default:
		return true;
	}
}

static void fill_pattern(u8 *buf, u64 pattern, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		buf[i] = (u8)(pattern >> 8 * (i % sizeof(pattern)));
}

/* The data of COPY and FILL. Return: 0; -ECANCELED given up; another: blocked at *@fault_addr. */
static int job_move(struct wq_dev *wq, const struct wq_job *job, u64 *fault_addr)
{
	const struct ioasid_wq_desc *d = &job->desc;
	u32 n, at;
	int rc;

	if (d->op == IOASID_WQ_NOP)
		return 0;
	if (d->op == IOASID_WQ_FILL)
		fill_pattern(wq->buf, d->src, min_t(u32, d->length, CHUNK));
	for (at = 0; at < d->length; at += n) {
		n = min_t(u32, d->length - at, CHUNK);
		if (d->op == IOASID_WQ_COPY) {
			if (job_over(wq, job))
				return -ECANCELED;
			*fault_addr = d->src + at;
			rc = wq->ops->read(wq->opaque, job->wire, job->priv, d->src + at, wq->buf,
					   n, fault_addr);
			if (rc)
				return rc;
		}
		if (job_over(wq, job))
			return -ECANCELED;
		*fault_addr = d->dst + at;
		rc = wq->ops->write(wq->opaque, job->wire, job->priv, d->dst + at, wq->buf, n,
				    fault_addr);
		if (rc)
			return rc;
	}
	return 0;
}

/* The record that says how it ended: whoever polls its status finds the rest in place. */
static void job_complete(struct wq_dev *wq, const struct wq_job *job, u32 status, u64 address)
{
	const size_t first = offsetof(struct ioasid_wq_completion, status);
	const struct ioasid_wq_completion c = { .address = address, .status = status };
	u64 at = job->desc.completion, ignored;

	if (!at || !IS_ALIGNED(at, 8) || range_wraps(at, sizeof(c)) || job_over(wq, job))
		return;
	dma_wmb();
	if (wq->ops->write(wq->opaque, job->wire, job->priv, at, &c, first, &ignored))
		return;
	dma_wmb();
	if (!job_over(wq, job))
		(void)wq->ops->write(wq->opaque, job->wire, job->priv, at + first, &c.status,
				     sizeof(c.status), &ignored);
}

static void job_execute(struct wq_dev *wq, const struct wq_job *job)
{
	u64 fault_addr = 0;
	int rc;

	if (desc_bad(job, job->queue < wq->nr_dedicated)) {
		job_complete(wq, job, IOASID_WQ_BAD, 0);
		return;
	}
	rc = job_move(wq, job, &fault_addr);
	if (rc != -ECANCELED)
		job_complete(wq, job, rc ? IOASID_WQ_FAULT : IOASID_WQ_DONE, rc ? fault_addr : 0);
}

/* The next descriptor, if there is one and nobody else is the engine. */
static bool job_begin(struct wq_dev *wq, struct wq_job *job)
{
	struct wq_queue *q;
	bool found = false;
	u32 i, n;

	spin_lock(&wq->lock);
	for (i = 0; i < wq->nr_queues && !wq->stopped && !wq->job && !found; i++) {
		n = (wq->next + i) % wq->nr_queues;
		q = &wq->queue[n];
		found = q->nr;
		if (!found)
			continue;
		job->desc = *queue_at(wq, q, 0);
		job->queue = n;
		job->wire = wire_of(q, &job->desc);
		job->priv = q->type == IOASID_WQ_SHARED && job->desc.pasid & IOASID_WQ_DESC_PRIV;
		job->drain = false;
		q->first = (q->first + 1) % wq->size;
		q->nr--;
		wq->job = job;
		wq->next = (n + 1) % wq->nr_queues;
	}
	spin_unlock(&wq->lock);
	return found;
}

/*
 * Who waits in wq_stop() is woken after ops->drained() returned: a number that is handed out again must
 * not be reported by a word that belongs to its former life.
 */
static void job_end(struct wq_dev *wq, struct wq_job *job)
{
	struct wq_waiter *w, *next;
	u32 wire = job->wire;

	spin_lock(&wq->lock);
	if (job->drain) {
		/* Who drains the number in its next life is not to wait for this one. */
		job->wire = IOASID_WQ_NO_PASID;
		spin_unlock(&wq->lock);
		wq->ops->drained(wq->opaque, wire);
		spin_lock(&wq->lock);
	} else if (!wq->stopped) {
		/* What was given up is not done. */
		wq->done++;
	}
	wq->job = NULL;
	list_for_each_entry_safe(w, next, &wq->waiters, link) {
		list_del(&w->link);
		complete(&w->done);
	}
	spin_unlock(&wq->lock);
}

u32 wq_run(struct wq_dev *wq, u32 max)
{
	struct wq_job job;
	u32 nr;

	for (nr = 0; nr < max && job_begin(wq, &job); nr++) {
		job_execute(wq, &job);
		job_end(wq, &job);
	}
	return nr;
}

/* ---- numbers end, work ends -------------------------------------------------------------------------------- */

int wq_drain(struct wq_dev *wq, u32 ppasid)
{
	struct wq_queue *q;
	int rc = 0;
	u32 i;

	spin_lock(&wq->lock);
	for (i = 0; i < wq->nr_queues; i++) {
		q = &wq->queue[i];
		if (q->type == IOASID_WQ_SHARED) {
			queue_drop(wq, q, ppasid);
		} else if (q->wire == ppasid) {
			queue_disable(q);
			q->pasid = 0;
			q->wire = IOASID_WQ_NO_PASID;
		}
	}
	if (wq->job && wq->job->wire == ppasid) {
		wq->job->drain = true;
		rc = -EINPROGRESS;
	}
	spin_unlock(&wq->lock);
	return rc;
}

static void halt_locked(struct wq_dev *wq)
{
	u32 i;

	wq->stopped = true;
	for (i = 0; i < wq->nr_queues; i++)
		queue_empty(&wq->queue[i]);
}

void wq_halt(struct wq_dev *wq)
{
	spin_lock(&wq->lock);
	halt_locked(wq);
	spin_unlock(&wq->lock);
}

void wq_stop(struct wq_dev *wq, bool reset)
{
	struct wq_waiter w;
	bool wait;

	init_completion(&w.done);
	spin_lock(&wq->lock);
	halt_locked(wq);
	wait = wq->job;
	if (wait)
		list_add_tail(&w.link, &wq->waiters);
	spin_unlock(&wq->lock);
	if (wait)
		wait_for_completion(&w.done);
	/* With the lock held once more whoever woke us has let go of @w. */
	spin_lock(&wq->lock);
	if (reset)
		regs_reset(wq);
	spin_unlock(&wq->lock);
	destroy_completion(&w.done);
}

void wq_start(struct wq_dev *wq)
{
	spin_lock(&wq->lock);
	wq->stopped = false;
	spin_unlock(&wq->lock);
}
