// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The fault descriptor: page requests that wait for an answer, and events that do not.
 *
 * A group of page requests is one struct fault_group from its first request to its answer. Whoever
 * takes it out of the tree of ids answers it, so every group is answered exactly once, whatever
 * races: the user's response, a cancel, the descriptor's close. Answers are given with no lock
 * held; the device is kept by device_call_enter().
 */
#include "core/core.h"

#define DEFAULT_CAPACITY 4096U
#define MAX_CAPACITY	 (1U << 20)
/* Fault ids are 24 bits wide: long before one comes again the old one is forgotten. */
#define ID_BITS 24

/*
 * struct fault_group - a page request group of one device
 * @dev_link: in dev->fault_groups
 * @unread: records of it still in the queue
 * @complete: its LAST request was seen: it may be answered
 * @overflow: a record was lost: nobody will be asked, the device asks again
 */
struct fault_group {
	struct list_head dev_link;
	struct ioasid_device *dev;
	ppasid_t pasid;
	u32 group;
	u32 id;
	u32 unread;
	bool complete;
	bool overflow;
};

struct fault_record {
	struct list_head link;
	struct fault_group *group; /* NULL: an event */
	struct ioasid_fault rec;
};

void faultq_init(struct ioasid_faultq *q)
{
	mutex_init(&q->lock);
	INIT_LIST_HEAD(&q->records);
	idtree_init(&q->ids, ID_BITS);
}

void faultq_destroy(struct ioasid_faultq *q)
{
	idtree_destroy(&q->ids);
	mutex_destroy(&q->lock);
}

u32 faultq_pending(struct ioasid_ctx *ctx)
{
	u32 n;

	mutex_lock(&ctx->faultq.lock);
	n = ctx->faultq.ids.count;
	mutex_unlock(&ctx->faultq.lock);
	return n;
}

/* ---- answering ---------------------------------------------------------------------------------- */

static void respond(struct ioasid_device *dev, ppasid_t pasid, u32 group, u32 code)
{
	/* "Failure" stops the page requests of a RID: never for one that has other users. */
	if (code == IOASID_RESPONSE_FAILURE && dev->policy->mediated)
		code = IOASID_RESPONSE_INVALID;
	if (!device_call_enter(dev))
		return;
	if (dev->ops->page_response)
		dev->ops->page_response(dev, pasid, group, code);
	device_call_exit(dev);
}

/* Take a group out; its unread records go too. Caller frees it after answering. Lock held. */
static void group_unlink(struct ioasid_ctx *ctx, struct fault_group *g)
{
	struct ioasid_faultq *q = &ctx->faultq;
	struct fault_record *r, *next;

	list_for_each_entry_safe(r, next, &q->records, link) {
		if (!g->unread)
			break;
		if (r->group != g)
			continue;
		list_del(&r->link);
		q->nr_records--;
		g->unread--;
		kfree(r);
		if (!q->nr_records)
			ctx->machine->ops->fault_notify(ctx, false);
	}
	idtree_erase(&q->ids, g->id);
	list_del(&g->dev_link);
	g->dev->nr_fault_groups--;
}

/*
 * Cancelled groups are collected under the lock and answered after it. A group that is not
 * complete gets no answer now: the hardware expects one after LAST, which will find no listener.
 */
static void answer_list(struct list_head *list)
{
	struct fault_group *g, *next;

	list_for_each_entry_safe(g, next, list, dev_link) {
		if (g->complete)
			respond(g->dev, g->pasid, g->group, IOASID_RESPONSE_INVALID);
		device_put(g->dev);
		kfree(g);
	}
}

static void cancel_where(struct ioasid_ctx *ctx, struct ioasid_device *dev, ppasid_t pasid,
			 bool all)
{
	struct fault_group *g, *next;
	LIST_HEAD(out);

	mutex_lock(&ctx->faultq.lock);
	list_for_each_entry_safe(g, next, &dev->fault_groups, dev_link) {
		if (!all && g->pasid.val != pasid.val)
			continue;
		group_unlink(ctx, g);
		list_add_tail(&g->dev_link, &out);
	}
	mutex_unlock(&ctx->faultq.lock);
	answer_list(&out);
}

/** faultq_cancel() - answer "invalid" to what {@dev, @pasid} has waiting. ctx->lock held. */
void faultq_cancel(struct ioasid_device *dev, ppasid_t pasid)
{
	cancel_where(dev->ctx, dev, pasid, false);
}

/**
 * faultq_stop() - answer "invalid" to all that waits, and to all that comes until faultq_start()
 *
 * A device that is being stopped may have work that waits for pages; stopping must not depend on
 * the user's answers.
 */
void faultq_stop(struct ioasid_device *dev)
{
	mutex_lock(&dev->ctx->faultq.lock);
	dev->faults_off = true;
	mutex_unlock(&dev->ctx->faultq.lock);
	cancel_where(dev->ctx, dev, PPASID_NONE, true);
}

void faultq_start(struct ioasid_device *dev)
{
	mutex_lock(&dev->ctx->faultq.lock);
	dev->faults_off = false;
	mutex_unlock(&dev->ctx->faultq.lock);
}

/* ---- reporting ------------------------------------------------------------------------------------- */

/* What the route behind a number says to its user; virtual numbers only. */
struct fault_origin {
	bool known;
	bool user_table;
	u32 ioasid;
	u32 vpasid;
	bool has_vpasid;
};

/* The context @dev is bound to, with a reference, or NULL. */
static struct ioasid_ctx *device_ctx_get(struct ioasid_device *dev)
{
	struct ioasid_ctx *ctx;

	mutex_lock(&dev->route_lock);
	ctx = dev->ctx;
	if (ctx)
		ioasid_ctx_get(ctx);
	mutex_unlock(&dev->route_lock);
	return ctx;
}

/*
 * Called with the queue's lock held: whoever takes a route away does so first and cancels under
 * this lock afterwards, so a group queued here is either found by that cancel or not queued.
 */
static bool find_origin(struct ioasid_ctx *ctx, struct ioasid_device *dev, ppasid_t pasid,
			struct fault_origin *o)
{
	struct ioas_route *route;
	bool bound;

	memset(o, 0, sizeof(*o));
	mutex_lock(&dev->route_lock);
	bound = dev->ctx == ctx;
	if (bound && pasid.val == IOASID_NO_PASID) {
		o->known = dev->default_handle != IOASID_INVALID;
		o->user_table = dev->default_user_table;
		o->ioasid = dev->default_handle;
	} else if (bound) {
		route = pasid_space_find(&dev->space, pasid);
		if (route) {
			o->known = true;
			o->user_table = route->attach->ioas->kind->user_table;
			o->ioasid = route->attach->ioas->handle.val;
			o->vpasid = route->vpasid.val;
			o->has_vpasid = true;
		} else if (!dev->policy->mediated) {
			/* On a whole function the wire number is the guest's own. */
			o->vpasid = pasid.val;
			o->has_vpasid = true;
		}
	}
	mutex_unlock(&dev->route_lock);
	return bound;
}

static void fill_record(struct ioasid_fault *f, const struct ioasid_device *dev,
			const struct ioasid_fault_report *report, const struct fault_origin *o,
			u32 type)
{
	f->type = type;
	f->flags = report->flags & (IOASID_FAULT_READ | IOASID_FAULT_WRITE | IOASID_FAULT_EXEC |
				    IOASID_FAULT_PRIV | IOASID_FAULT_LAST | IOASID_FAULT_GPA);
	f->flags |= o->has_vpasid ? IOASID_FAULT_VPASID : 0;
	f->flags |= o->known ? IOASID_FAULT_IOASID : 0;
	f->ioasid = o->known ? o->ioasid : IOASID_INVALID;
	f->cookie = dev->cookie;
	f->address = report->address;
	f->gpa = report->flags & IOASID_FAULT_GPA ? report->gpa : 0;
	f->vpasid = o->has_vpasid ? o->vpasid : 0;
	f->group = report->group;
	f->reason = report->reason;
	f->arch_reason = report->arch_reason;
}

static bool queue_record(struct ioasid_ctx *ctx, struct fault_record *r)
{
	struct ioasid_faultq *q = &ctx->faultq;

	if (!q->open || q->nr_records >= q->capacity) {
		q->dropped++;
		return false;
	}
	list_add_tail(&r->link, &q->records);
	if (!q->nr_records++)
		ctx->machine->ops->fault_notify(ctx, true);
	return true;
}

void ioasid_report_event(struct ioasid_device *dev, const struct ioasid_fault_report *report)
{
	struct ioasid_ctx *ctx = device_ctx_get(dev);
	struct fault_record *r;
	struct fault_origin o;
	bool queued = false;

	if (!ctx) {
		atomic64_inc(&dev->machine->events_lost);
		return;
	}
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	mutex_lock(&ctx->faultq.lock);
	if (!r) {
		ctx->faultq.dropped++;
	} else if (find_origin(ctx, dev, report->pasid, &o)) {
		fill_record(&r->rec, dev, report, &o, IOASID_FAULT_EVENT);
		queued = queue_record(ctx, r);
	}
	mutex_unlock(&ctx->faultq.lock);
	if (!queued)
		kfree(r);
	ioasid_ctx_put(ctx);
}

static struct fault_group *group_find(struct ioasid_device *dev, ppasid_t pasid, u32 group)
{
	struct fault_group *g;

	list_for_each_entry(g, &dev->fault_groups, dev_link) {
		if (g->pasid.val == pasid.val && g->group == group && !g->complete)
			return g;
	}
	return NULL;
}

/* First request of a group: give it an id, within the device's share. Lock held. */
static struct fault_group *group_start(struct ioasid_ctx *ctx, struct ioasid_device *dev,
				       struct fault_group *fresh,
				       const struct ioasid_fault_report *report)
{
	struct ioasid_faultq *q = &ctx->faultq;

	if (!fresh || dev->nr_fault_groups >= dev->pri_share)
		return NULL;
	fresh->dev = dev;
	fresh->pasid = report->pasid;
	fresh->group = report->group;
	if (idtree_alloc_cyclic(&q->ids, 1, q->ids.last, &q->next_id, fresh, &fresh->id))
		return NULL;
	device_get(dev);
	list_add_tail(&fresh->dev_link, &dev->fault_groups);
	dev->nr_fault_groups++;
	return fresh;
}

/*
 * Returns the code to answer with at once, or -1: the group waits (or its LAST is still to come).
 * @used tells which of the two allocations now belong to the queue.
 */
static int queue_request(struct ioasid_ctx *ctx, struct ioasid_device *dev,
			 const struct ioasid_fault_report *report, struct fault_group **fresh,
			 struct fault_record **r)
{
	bool last = report->flags & IOASID_FAULT_LAST;
	struct fault_origin o;
	struct fault_group *g;

	if (!find_origin(ctx, dev, report->pasid, &o) || !o.user_table || !ctx->faultq.open ||
	    dev->faults_off)
		return last ? IOASID_RESPONSE_INVALID : -1;
	g = group_find(dev, report->pasid, report->group);
	if (!g) {
		g = group_start(ctx, dev, *fresh, report);
		if (!g) {
			ctx->faultq.dropped++;
			return last ? IOASID_RESPONSE_SUCCESS : -1;
		}
		*fresh = NULL;
	}
	if (!*r || g->overflow) {
		g->overflow = true;
	} else {
		fill_record(&(*r)->rec, dev, report, &o, IOASID_FAULT_PAGE_REQUEST);
		(*r)->rec.id = g->id;
		(*r)->group = g;
		g->overflow = !queue_record(ctx, *r);
		if (!g->overflow) {
			g->unread++;
			*r = NULL;
		}
	}
	g->complete = last;
	if (!last || !g->overflow)
		return -1;
	/* The user saw only a part of it, or nothing: ask again. */
	group_unlink(ctx, g);
	device_put(dev);
	*fresh = g;
	return IOASID_RESPONSE_SUCCESS;
}

void ioasid_report_page_request(struct ioasid_device *dev, const struct ioasid_fault_report *report)
{
	struct ioasid_ctx *ctx = device_ctx_get(dev);
	struct fault_group *fresh = NULL;
	struct fault_record *r = NULL;
	int code = report->flags & IOASID_FAULT_LAST ? IOASID_RESPONSE_INVALID : -1;

	if (ctx) {
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
		r = kzalloc(sizeof(*r), GFP_KERNEL);
		mutex_lock(&ctx->faultq.lock);
		code = queue_request(ctx, dev, report, &fresh, &r);
		mutex_unlock(&ctx->faultq.lock);
		ioasid_ctx_put(ctx);
	}
	if (code >= 0)
		respond(dev, report->pasid, report->group, (u32)code);
	kfree(r);
	kfree(fresh);
}

/* ---- the user's side ---------------------------------------------------------------------------------- */

int faultq_open(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_fault_fd *f = arg;
	struct ioasid_faultq *q = &ctx->faultq;
	int fd;

	if (f->capacity > MAX_CAPACITY)
		return -EINVAL;
	mutex_lock(&q->lock);
	if (q->open || READ_ONCE(ctx->closed)) {
		mutex_unlock(&q->lock);
		return READ_ONCE(ctx->closed) ? -ENODEV : -EBUSY;
	}
	q->open = true;
	q->capacity = f->capacity ?: DEFAULT_CAPACITY;
	mutex_unlock(&q->lock);
	fd = ctx->machine->ops->fault_fd(ctx);
	if (fd < 0) {
		ioasid_fault_release(ctx);
		return fd;
	}
	f->fd = fd;
	return 0;
}

int ioasid_fault_take(struct ioasid_ctx *ctx, struct ioasid_fault *out, unsigned int n)
{
	struct ioasid_faultq *q = &ctx->faultq;
	struct fault_record *r, *next;
	unsigned int taken = 0;

	mutex_lock(&q->lock);
	if (!q->open) {
		mutex_unlock(&q->lock);
		return -ENOENT;
	}
	list_for_each_entry_safe(r, next, &q->records, link) {
		if (taken == n)
			break;
		out[taken++] = r->rec;
		if (r->group)
			r->group->unread--;
		list_del(&r->link);
		q->nr_records--;
		kfree(r);
	}
	if (taken && !q->nr_records)
		ctx->machine->ops->fault_notify(ctx, false);
	mutex_unlock(&q->lock);
	return (int)taken;
}

void ioasid_fault_release(struct ioasid_ctx *ctx)
{
	struct ioasid_faultq *q = &ctx->faultq;
	struct fault_record *r, *next;
	struct fault_group *g;
	LIST_HEAD(out);
	u32 id;

	mutex_lock(&q->lock);
	q->open = false;
	list_for_each_entry_safe(r, next, &q->records, link) {
		if (r->group)
			r->group->unread--;
		list_del(&r->link);
		kfree(r);
	}
	q->nr_records = 0;
	idtree_for_each(&q->ids, id, g)
	{
		group_unlink(ctx, g);
		list_add_tail(&g->dev_link, &out);
	}
	mutex_unlock(&q->lock);
	answer_list(&out);
}

static bool code_known(u32 code)
{
	return code == IOASID_RESPONSE_SUCCESS || code == IOASID_RESPONSE_INVALID ||
	       code == IOASID_RESPONSE_FAILURE;
}

int faultq_respond(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_page_response *p = arg;
	struct fault_group *g;

	if (!code_known(p->code))
		return -EINVAL;
	mutex_lock(&ctx->faultq.lock);
	g = idtree_find(&ctx->faultq.ids, p->id);
	if (!g || !g->complete) {
		mutex_unlock(&ctx->faultq.lock);
		/* The rest of the group is on its way: the answer is for all of it. */
		return g ? -EAGAIN : -ENOENT;
	}
	group_unlink(ctx, g);
	mutex_unlock(&ctx->faultq.lock);
	respond(g->dev, g->pasid, g->group, p->code);
	device_put(g->dev);
	kfree(g);
	return 0;
}
