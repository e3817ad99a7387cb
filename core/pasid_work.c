// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Deferred work: of one number in order and one at a time, of different numbers side by side.
 *
 * There is no queue object, for handlers cannot take memory. The first work of a number stands in the
 * host's hash for all of them, and the others wait in a list that it carries. When it begins to run it
 * may be freed any moment, so a token on the runner's stack takes its place; when it has run, the next
 * one does. Each queued work pins its number.
 */
#include "core/pasid_alloc.h"

/*
 * struct item - what we keep in a work
 * @link: in the hash (it stands for its number), or in @waiting of the one that does
 * @waiting: those behind it
 * @host: where it is queued; NULL: it is not
 * @os: runs it when its turn has come
 */
struct item {
	struct list_head link;
	struct list_head waiting;
	struct pasid_host *host;
	struct os_work os;
};

/* struct running - stands for a number while one of its works runs; @task: who runs it */
struct running {
	struct ioasid_work work;
	const void *task;
};

/* struct barrier - runs nothing, but says that its turn has come; on the stack of who waits for that */
struct barrier {
	struct ioasid_work work;
	struct completion done;
};

/* These are never called: they tell what kind of thing stands in a list. */
static void fn_running(struct ioasid_work *work)
{
}

static void fn_barrier(struct ioasid_work *work)
{
}

static struct item *item_of(struct ioasid_work *work)
{
	BUILD_BUG_ON(sizeof(struct item) > sizeof(work->priv));
	return (struct item *)work->priv;
}

static struct ioasid_work *work_of(struct item *item)
{
	return container_of((void **)item, struct ioasid_work, priv[0]);
}

static struct list_head *bucket_of(struct pasid_host *host, u32 id)
{
	return &host->queues[id % PASID_WORK_BUCKETS];
}

/* Who stands for @id, or NULL. */
static struct item *head_locked(struct pasid_host *host, u32 id)
{
	struct item *item;

	list_for_each_entry(item, bucket_of(host, id), link) {
		if (work_of(item)->id == id)
			return item;
	}
	return NULL;
}

/* @to stands for its number instead of @from. */
static void replace_locked(struct item *from, struct item *to)
{
	list_add(&to->link, &from->link);
	list_del(&from->link);
	INIT_LIST_HEAD(&to->waiting);
	list_splice(&from->waiting, &to->waiting);
	INIT_LIST_HEAD(&from->waiting);
}

/* ---- running --------------------------------------------------------------------------------- */

/*
 * A work of @running has run. Whoever waits for just that is told. Return: the next work, which stands
 * for the number now, or NULL: none does. In that case this was the last look at the host.
 */
static struct item *next_locked(struct pasid_host *host, struct running *running)
{
	struct item *head = item_of(&running->work), *next = NULL;

	host->nr_works--;
	while (!next && !list_empty(&head->waiting)) {
		next = list_first_entry(&head->waiting, struct item, link);
		list_del(&next->link);
		if (work_of(next)->fn == fn_barrier) {
			complete(&container_of(work_of(next), struct barrier, work)->done);
			next = NULL;
		}
	}
	if (next)
		replace_locked(head, next);
	else
		list_del(&head->link);
	return next;
}

static void run(struct os_work *os)
{
	struct item *item = container_of(os, struct item, os), *next;
	struct ioasid_work *work = work_of(item);
	void (*fn)(struct ioasid_work * work) = work->fn;
	struct pasid_host *host = item->host;
	struct running running = {
		.work = { .fn = fn_running, .id = work->id },
		.task = os_task_id(),
	};
	void *before;

	spin_lock_bh(&host->lock);
	replace_locked(item, item_of(&running.work));
	item->host = NULL;
	spin_unlock_bh(&host->lock);
	before = host->ops->enter ? host->ops->enter(host) : NULL;
	fn(work);
	if (host->ops->leave)
		host->ops->leave(before);
	/* Before those who wait are told: they expect to see what became of the number. */
	pasid_unpin(host, running.work.id);
	spin_lock_bh(&host->lock);
	next = next_locked(host, &running);
	spin_unlock_bh(&host->lock);
	if (next)
		os_work_queue(&next->os);
}

/* ---- queueing -------------------------------------------------------------------------------- */

void pasid_init_work(struct ioasid_work *work, u32 id, void (*fn)(struct ioasid_work *work))
{
	memset(work, 0, sizeof(*work));
	work->fn = fn;
	work->id = id;
	os_work_init(&item_of(work)->os, run);
}

/* Return: true: it stands for its number and is to be run. */
static bool enqueue_locked(struct pasid_host *host, struct ioasid_work *work)
{
	struct item *item = item_of(work), *head = head_locked(host, work->id);

	item->host = host;
	host->nr_works++;
	if (head) {
		list_add_tail(&item->link, &head->waiting);
		return false;
	}
	INIT_LIST_HEAD(&item->waiting);
	list_add_tail(&item->link, bucket_of(host, work->id));
	return true;
}

bool pasid_queue_work(struct pasid_host *host, struct ioasid_work *work)
{
	struct pasid_rec *rec;
	bool queued, now = false;

	spin_lock_bh(&host->lock);
	rec = pasid_rec_locked(host, work->id);
	queued = rec && !item_of(work)->host;
	if (queued) {
		rec->pins++;
		now = enqueue_locked(host, work);
	}
	spin_unlock_bh(&host->lock);
	/* Nobody else runs it, and until it has run it is ours. */
	if (now)
		os_work_queue(&item_of(work)->os);
	return queued;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Wait for what is queued behind @head now. False: the caller is one of these himself. Drops the lock. */
static bool wait_behind(struct pasid_host *host, struct item *head)
{
	struct barrier b = { .work = { .fn = fn_barrier, .id = work_of(head)->id } };
	struct ioasid_work *work = work_of(head);

	if (work->fn == fn_running &&
	    container_of(work, struct running, work)->task == os_task_id()) {
		spin_unlock_bh(&host->lock);
		return false;
	}
	init_completion(&b.done);
	list_add_tail(&item_of(&b.work)->link, &head->waiting);
	spin_unlock_bh(&host->lock);
	wait_for_completion(&b.done);
	destroy_completion(&b.done);
	return true;
}

void pasid_flush_work(struct pasid_host *host, u32 id)
{
	struct item *head;

	if (pasid_refuse_in_handler(host, "waiting for works"))
		return;
	spin_lock_bh(&host->lock);
	head = head_locked(host, id);
	if (!head)
		spin_unlock_bh(&host->lock);
	else if (!wait_behind(host, head))
		pr_debug("a work waits for itself: refused\n");
}

void pasid_flush_all_work(struct pasid_host *host)
{
	unsigned int i;

	if (pasid_refuse_in_handler(host, "waiting for works"))
		return;
	/* Works may queue works of other numbers, in buckets we have been at. */
	do {
		for (i = 0; i < PASID_WORK_BUCKETS; i++) {
			spin_lock_bh(&host->lock);
			while (!list_empty(&host->queues[i])) {
				if (!wait_behind(host, list_first_entry(&host->queues[i],
									struct item, link)))
					return;
				spin_lock_bh(&host->lock);
			}
			spin_unlock_bh(&host->lock);
		}
		spin_lock_bh(&host->lock);
		i = host->nr_works;
		spin_unlock_bh(&host->lock);
	} while (i);
}
