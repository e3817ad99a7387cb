// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The fault descriptor: page requests that wait for an answer, and events that do not.
 *
 * A group of page requests is one struct fault_group from its first request to its answer. Whoever
 * unlinks it answers it, so every group is answered exactly once, whatever races: the user's
 * response, a cancel, the descriptor's close. Answers are given with no lock of this file held;
 * dev->nr_answering counts those on their way, and a cancel waits for them: on its return the
 * device hears nothing more about the numbers that were cancelled.
 */
#include "core/core.h"

#define DEFAULT_CAPACITY 4096U
#define MAX_CAPACITY	 65536U
#define MIN_SHARE	 16U
/* Fault ids are 24 bits wide: long before one comes again the old one is forgotten. */
#define ID_BITS 24

/*
 * struct fault_group - a page request group of one device
 * @dev_link: in dev->fault_groups
 * @records: struct fault_record not yet read
 * @dev: whose it is, with a reference
 * @source: who reported it and is to be answered, with a reference: @dev, or another device of its
 *          function
 * @pasid: number it is about; PPASID_NONE: none. @wire: what the hardware calls that
 * @ioas: the address space it is about
 * @complete: its LAST request was seen: it may be answered
 * @answered: the user answered before LAST: @code waits for it, and @id is no longer valid
 * @overflow: a record was lost: nobody will be asked, the device asks again
 */
struct fault_group {
	struct list_head dev_link;
	struct list_head records;
	struct ioasid_device *dev;
	struct ioasid_device *source;
	const struct ioas *ioas;
	ppasid_t pasid;
	ppasid_t wire;
	u32 group;
	u32 id;
	u32 code;
	bool complete;
	bool answered;
	bool overflow;
};

/*
 * struct fault_record - one record not yet read
 * @link: in q->records
 * @group_link: in group->records; events: unused
 * @dev: whose share it takes; NULL once the device was unbound
 */
struct fault_record {
	struct list_head link;
	struct list_head group_link;
	struct fault_group *group;
	struct ioasid_device *dev;
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

/** faultq_info() - page requests waiting for an answer; @dropped: records lost so far. */
u32 faultq_info(struct ioasid_ctx *ctx, u64 *dropped)
{
	u32 n;

	mutex_lock(&ctx->faultq.lock);
	n = ctx->faultq.ids.count;
	*dropped = ctx->faultq.dropped;
	mutex_unlock(&ctx->faultq.lock);
	return n;
}

/* ---- answering ------------------------------------------------------------------------------ */

static void respond(struct ioasid_device *dev, ppasid_t pasid, u32 group, u32 code)
{
	/* "Failure" stops the page requests of a RID: never for one that has other users. */
	if (code == IOASID_RESPONSE_FAILURE && (dev->policy->mediated || !dev->fn->whole))
		code = IOASID_RESPONSE_INVALID;
	if (!device_call_enter(dev))
		return;
	if (dev->ops->page_response)
		dev->ops->page_response(dev, pasid, group, code);
	device_call_exit(dev);
}

/* Answer something chosen under the queue's lock, where dev->nr_answering was raised. */
static void respond_counted(struct ioasid_ctx *ctx, struct ioasid_device *dev,
			    struct ioasid_device *source, ppasid_t wire, u32 group, u32 code)
{
	respond(source, wire, group, code);
	mutex_lock(&ctx->faultq.lock);
	if (!--dev->nr_answering && dev->answered)
		complete(dev->answered);
	mutex_unlock(&ctx->faultq.lock);
}

static void record_free(struct ioasid_ctx *ctx, struct fault_record *r)
{
	struct ioasid_faultq *q = &ctx->faultq;

	list_del(&r->link);
	if (r->group)
		list_del(&r->group_link);
	if (r->dev)
		r->dev->nr_records--;
	if (!--q->nr_records)
		ctx->machine->ops->fault_notify(ctx, false);
	kfree(r);
}

/* Take a group out; its unread records go too. The caller answers and frees it. Lock held. */
static void group_unlink(struct ioasid_ctx *ctx, struct fault_group *g)
{
	struct fault_record *r, *next;

	list_for_each_entry_safe(r, next, &g->records, group_link)
		record_free(ctx, r);
	if (!g->answered)
		idtree_erase(&ctx->faultq.ids, g->id);
	list_del(&g->dev_link);
	g->dev->nr_fault_groups--;
}

static void group_free(struct fault_group *g)
{
	device_put(g->source);
	device_put(g->dev);
	kfree(g);
}

/*
 * A group that is not complete gets no answer now: the hardware expects one after LAST, which will
 * find no listener.
 */
static void answer_list(struct ioasid_ctx *ctx, struct list_head *list, bool counted)
{
	struct fault_group *g, *next;

	list_for_each_entry_safe(g, next, list, dev_link) {
		u32 code = g->answered ? g->code : IOASID_RESPONSE_INVALID;

		if (g->complete)
			trace_ioasid_page_response(ctx, g->dev, g->pasid.val, g->group, code,
						   g->answered ? IOAS_BY_USER : IOAS_BY_CANCEL);
		if (g->complete && counted)
			respond_counted(ctx, g->dev, g->source, g->wire, g->group, code);
		else if (g->complete)
			respond(g->source, g->wire, g->group, code);
		group_free(g);
	}
}

/*
 * What a cancel is about: one number or all (@all), of one address space or any (@ioas NULL).
 * ctx->lock is held for writing, so there is one canceller at a time.
 */
static void cancel_where(struct ioasid_device *dev, bool all, ppasid_t pasid,
			 const struct ioas *ioas)
{
	struct ioasid_ctx *ctx = dev->ctx;
	struct fault_group *g, *next;
	struct completion answered;
	LIST_HEAD(out);
	bool wait;

	init_completion(&answered);
	mutex_lock(&ctx->faultq.lock);
	list_for_each_entry_safe(g, next, &dev->fault_groups, dev_link) {
		if ((!all && g->pasid.val != pasid.val) || (ioas && g->ioas != ioas))
			continue;
		group_unlink(ctx, g);
		list_add_tail(&g->dev_link, &out);
	}
	wait = dev->nr_answering != 0;
	if (wait)
		dev->answered = &answered;
	mutex_unlock(&ctx->faultq.lock);
	answer_list(ctx, &out, false);
	if (wait) {
		wait_for_completion(&answered);
		mutex_lock(&ctx->faultq.lock);
		dev->answered = NULL;
		mutex_unlock(&ctx->faultq.lock);
	}
	destroy_completion(&answered);
}

/** faultq_cancel() - answer "invalid" to what {@dev, @pasid} has waiting about @ioas. */
void faultq_cancel(struct ioasid_device *dev, ppasid_t pasid, const struct ioas *ioas)
{
	cancel_where(dev, false, pasid, ioas);
}

/**
 * faultq_stop() - answer "invalid" to all that waits, and to all that comes until faultq_start()
 * @dev: bound device
 *
 * A device that is being stopped may have work that waits for pages; stopping must not depend on
 * the user's answers.
 */
void faultq_stop(struct ioasid_device *dev)
{
	mutex_lock(&dev->ctx->faultq.lock);
	mutex_lock(&dev->fn->lock);
	dev->faults_off = true;
	mutex_unlock(&dev->fn->lock);
	mutex_unlock(&dev->ctx->faultq.lock);
	cancel_where(dev, true, PPASID_NONE, NULL);
}

void faultq_start(struct ioasid_device *dev)
{
	mutex_lock(&dev->fn->lock);
	dev->faults_off = false;
	mutex_unlock(&dev->fn->lock);
}

/** faultq_disown() - @dev leaves its context: what it reported stays readable, on nobody's share. */
void faultq_disown(struct ioasid_device *dev)
{
	struct fault_record *r;

	mutex_lock(&dev->ctx->faultq.lock);
	list_for_each_entry(r, &dev->ctx->faultq.records, link) {
		if (r->dev == dev)
			r->dev = NULL;
	}
	dev->nr_records = 0;
	mutex_unlock(&dev->ctx->faultq.lock);
}

/* ---- reporting ------------------------------------------------------------------------------ */

/* What the route behind a number says to its user; virtual numbers only. */
struct fault_origin {
	const struct ioas *ioas;
	bool asks;
	bool has_vpasid;
	u32 ioasid;
	u32 vpasid;
	u64 cookie;
};

/*
 * struct fault_target - whom a report is about
 * @source: the device that made it
 * @dev: the device whose number it is, with a reference: @source, or a slice of the same function
 * @ctx: its context, with a reference, or NULL
 * @pasid: the number; PPASID_NONE: requests without PASID, of slices those with their default PASID
 */
struct fault_target {
	struct ioasid_device *source;
	struct ioasid_device *dev;
	struct ioasid_ctx *ctx;
	ppasid_t pasid;
};

/* Whose is the number? Of siblings that share it, the one that reports is meant. fn->lock held. */
static void find_owner(struct fault_target *t)
{
	struct ioasid_function *fn = t->source->fn;
	struct ioas_route *route = idtree_find(&fn->wires, t->pasid.val);
	struct ioasid_device *dev;

	if (route) {
		t->dev = route_on_wire(t->source, t->pasid) ? t->source : route->dev;
		return;
	}
	list_for_each_entry(dev, &fn->bound, bound_link) {
		if (device_is_slice(dev) && dev->default_pasid.val == t->pasid.val) {
			t->dev = dev;
			t->pasid = PPASID_NONE;
			return;
		}
	}
}

static void target_get(struct ioasid_device *source, ppasid_t pasid, struct fault_target *t)
{
	*t = (struct fault_target){ .source = source, .dev = source, .pasid = pasid };
	mutex_lock(&source->fn->lock);
	if (is_number(pasid))
		find_owner(t);
	device_get(t->dev);
	t->ctx = t->dev->ctx;
	if (t->ctx)
		ioasid_ctx_get(t->ctx);
	mutex_unlock(&source->fn->lock);
}

static void target_put(struct fault_target *t)
{
	if (t->ctx)
		ioasid_ctx_put(t->ctx);
	device_put(t->dev);
}

static void origin_of_route(struct ioasid_device *dev, ppasid_t pasid, struct fault_origin *o)
{
	struct ioas_route *route = route_on_wire(dev, pasid);

	if (route) {
		o->ioas = route->attach->ioas;
		o->vpasid = route->vpasid.val;
		o->has_vpasid = true;
	} else if (!dev->policy->mediated && pasid.val <= device_local_last(dev)) {
		/* On a whole function the wire number is the guest's own, but for the host's. */
		o->vpasid = pasid.val;
		o->has_vpasid = true;
	}
}

/*
 * Called with the queue's lock held: whoever takes a route away does so first and cancels under
 * this lock afterwards, so a group queued here is either found by that cancel or not queued.
 * Return: false: no longer bound to @ctx.
 */
static bool find_origin(struct ioasid_ctx *ctx, struct ioasid_device *dev, ppasid_t pasid,
			struct fault_origin *o)
{
	bool bound;

	memset(o, 0, sizeof(*o));
	o->ioasid = IOASID_INVALID;
	mutex_lock(&dev->fn->lock);
	bound = dev->ctx == ctx;
	o->cookie = dev->cookie;
	if (bound && pasid.val == IOASID_NO_PASID)
		o->ioas = dev->default_ioas;
	else if (bound)
		origin_of_route(dev, pasid, o);
	if (o->ioas) {
		o->ioasid = o->ioas->handle.val;
		/* Without a table nobody can repair anything: no request is delivered. */
		o->asks = o->ioas->kind->user_table && READ_ONCE(o->ioas->bound) &&
			  !dev->faults_off;
	}
	mutex_unlock(&dev->fn->lock);
	return bound;
}

static void fill_record(struct fault_record *r, struct ioasid_device *dev,
			const struct ioasid_fault_report *report, const struct fault_origin *o,
			u32 type)
{
	struct ioasid_fault *f = &r->rec;

	r->dev = dev;
	f->type = type;
	f->flags = report->flags & (IOASID_FAULT_READ | IOASID_FAULT_WRITE | IOASID_FAULT_EXEC |
				    IOASID_FAULT_PRIV | IOASID_FAULT_LAST | IOASID_FAULT_GPA);
	f->flags |= o->has_vpasid ? IOASID_FAULT_VPASID : 0;
	f->flags |= o->ioas ? IOASID_FAULT_IOASID : 0;
	f->ioasid = o->ioasid;
	f->cookie = o->cookie;
	f->address = report->address;
	if (type == IOASID_FAULT_PAGE_REQUEST)
		f->address &= ~(u64)IOAS_PAGE_MASK;
	f->gpa = report->flags & IOASID_FAULT_GPA ? report->gpa : 0;
	f->vpasid = o->has_vpasid ? o->vpasid : 0;
	f->group = report->group;
	f->reason = report->reason;
	f->arch_reason = report->arch_reason;
}

/*
 * Every device has its share of the queue, and events get half of that: neither one device nor a
 * flood of events keeps the page requests of others out.
 */
static bool queue_record(struct ioasid_ctx *ctx, struct fault_record *r)
{
	struct ioasid_faultq *q = &ctx->faultq;
	u32 devices = max(READ_ONCE(ctx->nr_devices), 1U);
	u32 share = max(q->capacity / devices, MIN_SHARE);

	if (r->rec.type == IOASID_FAULT_EVENT)
		share /= 2;
	if (!q->open || q->nr_records >= q->capacity || r->dev->nr_records >= share) {
		q->dropped++;
		return false;
	}
	list_add_tail(&r->link, &q->records);
	r->dev->nr_records++;
	if (r->group)
		list_add_tail(&r->group_link, &r->group->records);
	if (!q->nr_records++)
		ctx->machine->ops->fault_notify(ctx, true);
	return true;
}

void ioasid_report_event(struct ioasid_device *source, const struct ioasid_fault_report *report)
{
	struct fault_target t;
	struct fault_record *r;
	struct fault_origin o;
	bool queued = false;

	target_get(source, report->pasid, &t);
	if (!t.ctx) {
		atomic64_inc(&source->machine->events_lost);
		trace_ioasid_event(NULL, source, report, false);
		target_put(&t);
		return;
	}
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	mutex_lock(&t.ctx->faultq.lock);
	if (!r) {
		t.ctx->faultq.dropped++;
	} else if (find_origin(t.ctx, t.dev, t.pasid, &o)) {
		fill_record(r, t.dev, report, &o, IOASID_FAULT_EVENT);
		queued = queue_record(t.ctx, r);
	}
	mutex_unlock(&t.ctx->faultq.lock);
	trace_ioasid_event(t.ctx, t.dev, report, queued);
	if (!queued)
		kfree(r);
	target_put(&t);
}

static struct fault_group *group_find(const struct fault_target *t, u32 group)
{
	struct fault_group *g;

	list_for_each_entry(g, &t->dev->fault_groups, dev_link) {
		if (g->pasid.val == t->pasid.val && g->source == t->source && g->group == group &&
		    !g->complete)
			return g;
	}
	return NULL;
}

/* First request of a group: give it an id, within the device's share. Lock held. */
static struct fault_group *group_start(const struct fault_target *t, struct fault_group *fresh,
				       const struct ioas *ioas,
				       const struct ioasid_fault_report *report)
{
	struct ioasid_faultq *q = &t->ctx->faultq;
	struct ioasid_device *dev = t->dev;

	if (!fresh || dev->nr_fault_groups >= dev->pri_share)
		return NULL;
	fresh->dev = dev;
	fresh->source = t->source;
	fresh->ioas = ioas;
	fresh->pasid = t->pasid;
	fresh->wire = report->pasid;
	fresh->group = report->group;
	INIT_LIST_HEAD(&fresh->records);
	if (idtree_alloc_cyclic(&q->ids, 1, q->ids.last, &q->next_id, fresh, &fresh->id))
		return NULL;
	device_get(dev);
	device_get(t->source);
	list_add_tail(&fresh->dev_link, &dev->fault_groups);
	dev->nr_fault_groups++;
	return fresh;
}

/* One more record of a group that nobody has answered. Takes *@r if it was queued. */
static void group_add_record(struct ioasid_ctx *ctx, struct fault_group *g,
			     const struct ioasid_fault_report *report, const struct fault_origin *o,
			     struct fault_record **r)
{
	if (g->answered)
		return;
	if (!*r || g->overflow) {
		g->overflow = true;
		ctx->faultq.dropped++;
		return;
	}
	fill_record(*r, g->dev, report, o, IOASID_FAULT_PAGE_REQUEST);
	(*r)->rec.id = g->id;
	(*r)->group = g;
	g->overflow = !queue_record(ctx, *r);
	if (!g->overflow)
		*r = NULL;
}

/*
 * Returns the code to answer with at once (dev->nr_answering is raised), or -1: the group waits,
 * or its LAST is still to come. What is left in *@fresh, *@r and *@done the caller frees.
 */
static int queue_request(const struct fault_target *t, const struct ioasid_fault_report *report,
			 struct fault_group **fresh, struct fault_record **r,
			 struct fault_group **done)
{
	struct ioasid_ctx *ctx = t->ctx;
	bool last = report->flags & IOASID_FAULT_LAST;
	struct fault_origin o;
	struct fault_group *g;

	g = group_find(t, report->group);
	/* A group that has its answer gets it, also if nobody listens any more. */
	if (!find_origin(ctx, t->dev, t->pasid, &o) ||
	    (!(g && g->answered) && (!o.asks || !ctx->faultq.open)))
		return last ? IOASID_RESPONSE_INVALID : -1;
	if (!g) {
		g = group_start(t, *fresh, o.ioas, report);
		if (!g) {
			ctx->faultq.dropped++;
			return last ? IOASID_RESPONSE_SUCCESS : -1;
		}
		*fresh = NULL;
	}
	group_add_record(ctx, g, report, &o, r);
	g->complete = last;
	if (!last || (!g->overflow && !g->answered))
		return -1;
	/* Overflow: the user saw only a part of it, or nothing: the device asks again. */
	group_unlink(ctx, g);
	*done = g;
	return g->answered ? (int)g->code : IOASID_RESPONSE_SUCCESS;
}

static enum ioas_answer_by answered_by(const struct fault_group *done, int code)
{
	if (done && done->answered)
		return IOAS_BY_USER;
	return code == IOASID_RESPONSE_SUCCESS ? IOAS_BY_OVERFLOW : IOAS_BY_NOBODY;
}

static void report_request(const struct fault_target *t, const struct ioasid_fault_report *report)
{
	struct fault_group *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT), *done = NULL;
	struct fault_record *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct ioasid_ctx *ctx = t->ctx;
	int code;

	mutex_lock(&ctx->faultq.lock);
	code = queue_request(t, report, &fresh, &r, &done);
	if (code >= 0)
		t->dev->nr_answering++;
	/* Before anybody can answer it. */
	trace_ioasid_page_request(ctx, t->dev, report, code);
	mutex_unlock(&ctx->faultq.lock);
	if (code >= 0) {
		trace_ioasid_page_response(ctx, t->dev, report->pasid.val, report->group, (u32)code,
					   answered_by(done, code));
		respond_counted(ctx, t->dev, t->source, report->pasid, report->group, (u32)code);
	}
	if (done)
		group_free(done);
	kfree(fresh);
	kfree(r);
}

void ioasid_report_page_request(struct ioasid_device *source,
				const struct ioasid_fault_report *report)
{
	struct fault_target t;

	target_get(source, report->pasid, &t);
	if (t.ctx) {
		report_request(&t, report);
	} else if (report->flags & IOASID_FAULT_LAST) {
		trace_ioasid_page_request(NULL, source, report, IOASID_RESPONSE_INVALID);
		trace_ioasid_page_response(NULL, source, report->pasid.val, report->group,
					   IOASID_RESPONSE_INVALID, IOAS_BY_NOBODY);
		respond(source, report->pasid, report->group, IOASID_RESPONSE_INVALID);
	}
	target_put(&t);
}

/* ---- the user's side ------------------------------------------------------------------------ */

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
		record_free(ctx, r);
	}
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
	/* A group answered before its LAST has its answer: it needs no listener any more. */
	idtree_for_each(&q->ids, id, g)
	{
		group_unlink(ctx, g);
		if (g->complete)
			g->dev->nr_answering++;
		list_add_tail(&g->dev_link, &out);
	}
	list_for_each_entry_safe(r, next, &q->records, link)
		record_free(ctx, r);
	mutex_unlock(&q->lock);
	answer_list(ctx, &out, true);
}

static bool code_known(u32 code)
{
	return code == IOASID_RESPONSE_SUCCESS || code == IOASID_RESPONSE_INVALID ||
	       code == IOASID_RESPONSE_FAILURE;
}

int faultq_respond(struct ioasid_ctx *ctx, void *arg)
{
	struct ioasid_page_response *p = arg;
	struct ioasid_faultq *q = &ctx->faultq;
	struct fault_group *g;
	bool now;

	if (!code_known(p->code))
		return -EINVAL;
	if (READ_ONCE(ctx->closed))
		return -ENODEV;
	mutex_lock(&q->lock);
	g = idtree_find(&q->ids, p->id);
	if (!g) {
		mutex_unlock(&q->lock);
		return -ENOENT;
	}
	now = g->complete;
	if (now) {
		group_unlink(ctx, g);
		g->dev->nr_answering++;
	} else {
		/* The rest of the group is on its way: the answer is for all of it. */
		idtree_erase(&q->ids, g->id);
		g->answered = true;
		g->code = p->code;
	}
	mutex_unlock(&q->lock);
	if (now) {
		trace_ioasid_page_response(ctx, g->dev, g->pasid.val, g->group, p->code,
					   IOAS_BY_USER);
		respond_counted(ctx, g->dev, g->source, g->wire, g->group, p->code);
		group_free(g);
	}
	return 0;
}
