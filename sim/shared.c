// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the memory of a process. The page is brought in and pinned outside of any section,
 * since that may take long; then, inside, the route is looked at again and the mappings must not have
 * changed since: only then the bytes are copied. A change of mappings waits for copies, as an
 * invalidation does.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "sim/private.h"

static bool mappings_change(struct mmu_interval_notifier *notifier,
			    const struct mmu_notifier_range *range, unsigned long seq)
{
	struct sim_shared *s = container_of(notifier, struct sim_shared, notifier);

	if (mmu_notifier_range_blockable(range))
		down_write(&s->lock);
	else if (!down_write_trylock(&s->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	up_write(&s->lock);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = mappings_change,
};

struct sim_shared *sim_shared_make(struct mm_struct *mm)
{
	struct sim_shared *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!s)
		return ERR_PTR(-ENOMEM);
	kref_init(&s->ref);
	init_rwsem(&s->lock);
	s->mm = mm;
	rc = mmu_interval_notifier_insert(&s->notifier, mm, 0, TASK_SIZE_MAX, &notifier_ops);
	if (rc) {
		kfree(s);
		return ERR_PTR(rc);
	}
	mmgrab(mm);
	return s;
}

static void shared_release(struct kref *ref)
{
	struct sim_shared *s = container_of(ref, struct sim_shared, ref);

	mmu_interval_notifier_remove(&s->notifier);
	mmdrop(s->mm);
	kfree(s);
}

void sim_shared_put(struct sim_shared *shared)
{
	kref_put(&shared->ref, shared_release);
}

/* ---- one page ------------------------------------------------------------------------------------- */

/* What a first-stage walk of the process's own table would say. */
static enum sim_result page_missing(struct sim_xlate *x)
{
	return sim_xlate_refuse(x, IOASID_REASON_NOT_PRESENT, VTD_SFS_2);
}

/* @seq: of the mappings, from before the page was looked up. */
static enum sim_result page_pin(struct sim_xlate *x, struct page **page, unsigned long *seq)
{
	unsigned int flags = (x->access & XLAT_WRITE ? FOLL_WRITE : 0) |
			     (x->nowait ? FOLL_NOWAIT : 0);
	struct sim_shared *s = x->shared;
	long n;

	if (x->iova >> 52)
		return sim_xlate_refuse(x, IOASID_REASON_ADDRESS, VTD_SGN_1);
	if (x->iova >= TASK_SIZE_MAX)
		return page_missing(x);
	if (!mmget_not_zero(s->mm))
		return sim_xlate_refuse(x, IOASID_REASON_DEAD, VTD_SFS_2);
	*seq = mmu_interval_read_begin(&s->notifier);
	n = mmap_read_lock_killable(s->mm);
	if (!n) {
		n = pin_user_pages_remote(s->mm, x->iova & PAGE_MASK, 1, flags, page, NULL);
		mmap_read_unlock(s->mm);
	}
	mmput(s->mm);
	if (n == -EINTR || n == -ERESTARTSYS)
		return SIM_AGAIN;
	return n == 1 ? SIM_OK : page_missing(x);
}

/* In a section: does the request still lead to the process? */
static bool route_same(struct sim_dev *dev, struct sim_xlate *x)
{
	struct sim_view v;

	return sim_xlate_view(dev, x, VTD_REQ_UNTRANSLATED, &v) == SIM_OK &&
	       v.dom->shared == x->shared;
}

static enum sim_result page_act(struct sim_dev *dev, struct sim_xlate *x, struct page *page,
				unsigned long seq, const struct sim_action *act)
{
	struct sim_shared *s = x->shared;
	enum sim_result res = SIM_AGAIN;
	int idx = sim_section_enter(dev);

	sim_xlate_begin(dev, x);
	if (route_same(dev, x)) {
		down_read(&s->lock);
		if (!mmu_interval_read_retry(&s->notifier, seq)) {
			sim_act(act, page_address(page) + (x->iova & ~PAGE_MASK));
			res = SIM_OK;
		}
		up_read(&s->lock);
	}
	sim_section_exit(dev, idx);
	return res;
}

enum sim_result sim_shared_act(struct sim_dev *dev, struct sim_xlate *x,
			       const struct sim_action *act)
{
	enum sim_result res;
	unsigned long seq;
	struct page *page;

	res = page_pin(x, &page, &seq);
	if (res == SIM_OK) {
		res = page_act(dev, x, page, seq, act);
		unpin_user_pages_dirty_lock(&page, 1, act->op != IOASID_SIM_READ);
	}
	sim_shared_put(x->shared);
	x->shared = NULL;
	return res;
}
