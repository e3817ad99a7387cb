// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Handlers of notifications.
 *
 * A chain is a list through notifier_block.next, sorted by priority. It changes under host->lock and is
 * read inside RCU. An event about a set goes to the set's chain, FREE to the host's as well, and both
 * are walked at once, so that priority holds over all handlers whoever they registered with. What a
 * handler returns is ignored.
 *
 * Handlers registered for a process are one list of the host, whether attached to the chain of the
 * process's set or waiting for it to come. Everything about them is guarded by host->lock too, so
 * there is no second lock that could be taken the other way round. While an event is told the number
 * it is about is pinned. So when a set dies, which needs that it has no number, nobody is on its chain,
 * and its handlers may go to the chain of the next set of the process at once.
 */
#include "core/pasid_alloc.h"

/* struct frame - a task runs handlers; on its stack */
struct frame {
	struct list_head link;
	const void *task;
};

/*
 * struct mm_handler - a handler registered for a process
 * @set: on whose chain it is; NULL: the process has no set that it can hear
 */
struct mm_handler {
	struct list_head link;
	void *mm;
	struct notifier_block *nb;
	struct ioasid_set *set;
};

/* ---- telling --------------------------------------------------------------------------------- */

static void frame_enter(struct pasid_host *host, struct frame *frame)
{
	frame->task = os_task_id();
	spin_lock_bh(&host->lock);
	list_add(&frame->link, &host->frames);
	WRITE_ONCE(host->nr_frames, host->nr_frames + 1);
	spin_unlock_bh(&host->lock);
}

static void frame_exit(struct pasid_host *host, struct frame *frame)
{
	spin_lock_bh(&host->lock);
	list_del(&frame->link);
	WRITE_ONCE(host->nr_frames, host->nr_frames - 1);
	spin_unlock_bh(&host->lock);
}

/* The first of two chains' handlers; of equal ones the global. Steps on in the chain it is from. */
static struct notifier_block *next_handler(struct notifier_block **global,
					   struct notifier_block **set)
{
	struct notifier_block **from = global, *nb;

	if (!*global || (*set && (*set)->priority > (*global)->priority))
		from = set;
	nb = *from;
	if (nb)
		*from = rcu_dereference(nb->next);
	return nb;
}

static noinline void tell(struct pasid_host *host, unsigned long event, struct ioasid_nb_args *args,
			  u32 scope)
{
	struct notifier_block *global = NULL, *set = NULL, *nb;
	struct ioasid_nb_args copy;
	struct frame frame;
	void *before = host->ops->enter ? host->ops->enter(host) : NULL;

	frame_enter(host, &frame);
	os_rcu_enter();
	/* Read in here: who takes it away waits for us before what it leads to goes. */
	args->pdata = READ_ONCE(pasid_table_hot(&host->table, args->id)->priv);
	if (scope & PASID_SCOPE_ALL)
		global = rcu_dereference(host->chain);
	if (scope & PASID_SCOPE_SET)
		set = rcu_dereference(args->set->chain);
	while ((nb = next_handler(&global, &set))) {
		/* One handler's scribbling is not the next one's event. */
		copy = *args;
		nb->notifier_call(nb, event, &copy);
	}
	os_rcu_exit();
	frame_exit(host, &frame);
	if (host->ops->leave)
		host->ops->leave(before);
}

void pasid_notify(struct pasid_host *host, enum ioasid_notify_val event,
		  struct ioasid_nb_args *args, u32 scope)
{
	if ((scope & PASID_SCOPE_ALL && READ_ONCE(host->chain)) ||
	    (scope & PASID_SCOPE_SET && READ_ONCE(args->set->chain)))
		tell(host, event, args, scope);
}

static bool in_handler(struct pasid_host *host)
{
	const void *me = os_task_id();
	struct frame *frame;
	bool found = false;

	spin_lock_bh(&host->lock);
	list_for_each_entry(frame, &host->frames, link)
		found = found || frame->task == me;
	spin_unlock_bh(&host->lock);
	return found;
}

bool pasid_refuse_in_handler(struct pasid_host *host, const char *what)
{
	static int said;

	/* The caller's own frame is seen without lock: it put it there itself. */
	if (likely(!READ_ONCE(host->nr_frames)) || !in_handler(host))
		return false;
	if (!xchg(&said, 1))
		pr_warn_ratelimited("%s in a notification handler: refused\n", what);
	return true;
}

/* ---- chains ---------------------------------------------------------------------------------- */

static bool chain_has(struct notifier_block *chain, const struct notifier_block *nb)
{
	for (; chain; chain = chain->next) {
		if (chain == nb)
			return true;
	}
	return false;
}

/* Behind those of the same priority. */
static void chain_add(struct notifier_block **chain, struct notifier_block *nb)
{
	while (*chain && (*chain)->priority >= nb->priority)
		chain = &(*chain)->next;
	/* A reader that comes to @nb goes on from it. */
	WRITE_ONCE(nb->next, *chain);
	rcu_assign_pointer(*chain, nb);
}

/* @nb leads on: a reader may be on it. */
static bool chain_remove(struct notifier_block **chain, struct notifier_block *nb)
{
	for (; *chain; chain = &(*chain)->next) {
		if (*chain == nb) {
			rcu_assign_pointer(*chain, nb->next);
			return true;
		}
	}
	return false;
}

static struct mm_handler *find_handler_locked(struct pasid_host *host,
					      const struct notifier_block *nb)
{
	struct mm_handler *h;

	list_for_each_entry(h, &host->mm_handlers, link) {
		if (h->nb == nb)
			return h;
	}
	return NULL;
}

/* Anywhere we can see. A block has one link, so it can be in one chain only. */
static bool is_registered_locked(struct pasid_host *host, const struct ioasid_set *set,
				 const struct notifier_block *nb)
{
	return chain_has(host->chain, nb) || (set && chain_has(set->chain, nb)) ||
	       find_handler_locked(host, nb);
}

/* ---- for all, and for one set ---------------------------------------------------------------- */

int pasid_register_notifier(struct pasid_host *host, struct ioasid_set *set,
			    struct notifier_block *nb)
{
	int rc = 0;

	if (!nb || !nb->notifier_call)
		return -EINVAL;
	if (pasid_refuse_in_handler(host, "registering"))
		return -EDEADLK;
	spin_lock_bh(&host->lock);
	if (set && set->state != PASID_SET_LIVE)
		rc = -EINVAL;
	else if (is_registered_locked(host, set, nb))
		rc = -EEXIST;
	else
		chain_add(set ? &set->chain : &host->chain, nb);
	spin_unlock_bh(&host->lock);
	return rc;
}

void pasid_unregister_notifier(struct pasid_host *host, struct ioasid_set *set,
			       struct notifier_block *nb)
{
	bool by_mm, removed = false;

	if (!nb || pasid_refuse_in_handler(host, "unregistering"))
		return;
	spin_lock_bh(&host->lock);
	by_mm = find_handler_locked(host, nb);
	if (!by_mm)
		removed = chain_remove(set ? &set->chain : &host->chain, nb);
	spin_unlock_bh(&host->lock);
	if (by_mm)
		pr_warn_ratelimited(
			"a handler registered for a process stays: it goes as it came\n");
	else if (!removed)
		pr_debug("unregistering a handler that is not registered\n");
	if (removed)
		os_synchronize_rcu();
}

/* ---- for a process --------------------------------------------------------------------------- */

/*
 * A set that dies is as good as none: what becomes of its last numbers this handler would hear from the
 * middle on; it hears the next set from its first number.
 */
static int handler_add_locked(struct pasid_host *host, struct mm_handler *h)
{
	struct ioasid_set *set = pasid_find_mm_set_locked(host, h->mm);

	if (set && set->state != PASID_SET_LIVE)
		set = NULL;
	if (is_registered_locked(host, set, h->nb) || (set && set->nr))
		return -EBUSY;
	list_add_tail(&h->link, &host->mm_handlers);
	h->set = set;
	if (set)
		chain_add(&set->chain, h->nb);
	return 0;
}

int pasid_register_notifier_mm(struct pasid_host *host, void *mm, struct notifier_block *nb)
{
	struct mm_handler *h;
	int rc;

	if (!mm || !nb || !nb->notifier_call)
		return -EINVAL;
	if (pasid_refuse_in_handler(host, "registering"))
		return -EDEADLK;
	h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	if (!h)
		return -ENOMEM;
	h->mm = mm;
	h->nb = nb;
	if (host->ops->mm_get)
		host->ops->mm_get(mm);
	spin_lock_bh(&host->lock);
	rc = handler_add_locked(host, h);
	spin_unlock_bh(&host->lock);
	if (!rc)
		return 0;
	if (host->ops->mm_put)
		host->ops->mm_put(mm);
	kfree(h);
	return rc;
}

void pasid_unregister_notifier_mm(struct pasid_host *host, void *mm, struct notifier_block *nb)
{
	struct mm_handler *h;

	if (!mm || !nb || pasid_refuse_in_handler(host, "unregistering"))
		return;
	spin_lock_bh(&host->lock);
	h = find_handler_locked(host, nb);
	if (h && h->mm == mm) {
		if (h->set)
			chain_remove(&h->set->chain, nb);
		list_del(&h->link);
	} else {
		h = NULL;
	}
	spin_unlock_bh(&host->lock);
	if (!h) {
		pr_debug("unregistering a handler that is not registered\n");
		return;
	}
	if (h->set)
		os_synchronize_rcu();
	if (host->ops->mm_put)
		host->ops->mm_put(mm);
	kfree(h);
}

void pasid_handlers_attach_locked(struct ioasid_set *set)
{
	struct mm_handler *h;

	lockdep_assert_held(&set->host->lock);
	list_for_each_entry(h, &set->host->mm_handlers, link) {
		if (h->mm != set->token)
			continue;
		h->set = set;
		chain_add(&set->chain, h->nb);
	}
}

void pasid_handlers_park_locked(struct ioasid_set *set)
{
	struct mm_handler *h;

	lockdep_assert_held(&set->host->lock);
	/* It has no number, so no event is being told; see above. */
	WARN_ON(set->nr);
	list_for_each_entry(h, &set->host->mm_handlers, link) {
		if (h->set != set)
			continue;
		chain_remove(&set->chain, h->nb);
		h->set = NULL;
	}
}
