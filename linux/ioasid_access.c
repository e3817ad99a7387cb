// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access interface: address spaces of devices that have no IOMMU in front of them, because
 * software does their DMA. To the core this is one more IOMMU, whose "table" is a tree of the
 * extents that MAP names. Nothing is cached, so there is nothing to invalidate: what must not be
 * used any more is taken out of the tree, and whoever holds pages of it is asked to give them back.
 *
 * Locks, outermost first: kdev->access_lock (what the device is attached to), domain->lock (the
 * tree), pins_lock (pins of all domains). Copies run with the first two held for reading, so that
 * taking a range out waits for them. The driver's unmap callback runs with none.
 */
#include <linux/highmem.h>
#include <linux/interval_tree.h>
#include <linux/mm.h>

#include "linux/ioasid_linux.h"

/**
 * struct access_range - what one map() entered
 * @iova: where; in the domain's tree
 * @prot: IOASID_MAP_*
 * @nr, @ext: pieces of memory, one after the other
 */
struct access_range {
	struct interval_tree_node iova;
	u32 prot;
	unsigned int nr;
	struct ioasid_extent ext[] __counted_by(nr);
};

/**
 * struct lin_access_domain - an address space
 * @lock: @ranges
 * @ranges: struct access_range; no overlaps
 * @pins: struct access_pin (of_domain), under pins_lock
 * @unpinned: somebody gave pages back
 */
struct lin_access_domain {
	struct ioasid_domain base;
	struct rw_semaphore lock;
	struct rb_root_cached ranges;
	struct list_head pins;
	wait_queue_head_t unpinned;
};

/**
 * struct access_pin - pages a driver holds
 * @domain: whose; stays while there are pins
 * @access: who
 * @of_domain, @of_access: in the lists of both
 */
struct access_pin {
	struct lin_access_domain *domain;
	struct ioasid_access *access;
	struct list_head of_domain;
	struct list_head of_access;
	u64 start;
	u64 last;
};

/**
 * struct ioasid_access - see <linux/ioasid_driver.h>
 * @link: in @kdev->accesses
 * @pins: struct access_pin (of_access)
 * @calls: unmap callbacks running
 */
struct ioasid_access {
	struct ioasid_kdev *kdev;
	const struct ioasid_access_ops *ops;
	void *data;
	struct list_head link;
	struct list_head pins;
	unsigned int calls;
};

static DEFINE_MUTEX(pins_lock);
static DECLARE_WAIT_QUEUE_HEAD(calls_ended);

static struct lin_access_domain *to_access(struct ioasid_domain *base)
{
	return container_of(base, struct lin_access_domain, base);
}

/* ---- the IOMMU -------------------------------------------------------------------------------- */

static struct ioasid_domain *access_domain_alloc(struct ioasid_iommu *iommu,
						 const struct ioasid_domain_attr *attr)
{
	struct lin_access_domain *domain;

	if (attr->type != IOASID_DOMAIN_PAGING)
		return ERR_PTR(-EOPNOTSUPP);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&domain->lock);
	domain->ranges = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&domain->pins);
	init_waitqueue_head(&domain->unpinned);
	return &domain->base;
}

/* Take out all of [@start, @last]; no copy through it is running afterwards. */
static void access_unmap(struct ioasid_domain *base, u64 start, u64 last)
{
	struct lin_access_domain *domain = to_access(base);
	struct interval_tree_node *n;

	down_write(&domain->lock);
	while ((n = interval_tree_iter_first(&domain->ranges, start, last))) {
		interval_tree_remove(n, &domain->ranges);
		kfree(container_of(n, struct access_range, iova));
	}
	up_write(&domain->lock);
}

static void access_domain_free(struct ioasid_domain *base)
{
	struct lin_access_domain *domain = to_access(base);

	WARN_ON(!list_empty(&domain->pins));
	access_unmap(base, 0, ~0ULL);
	kfree(domain);
}

static int access_map(struct ioasid_domain *base, u64 iova, const struct ioasid_extent *ext,
		      unsigned int n, u32 prot)
{
	struct lin_access_domain *domain = to_access(base);
	struct access_range *r = kmalloc(struct_size(r, ext, n), GFP_KERNEL_ACCOUNT);
	u64 len = 0;
	unsigned int i;

	if (!r)
		return -ENOMEM;
	r->nr = n;
	r->prot = prot;
	for (i = 0; i < n; i++) {
		r->ext[i] = ext[i];
		len += ext[i].len;
	}
	r->iova.start = iova;
	r->iova.last = iova + (len - 1);
	down_write(&domain->lock);
	interval_tree_insert(&r->iova, &domain->ranges);
	up_write(&domain->lock);
	return 0;
}

/* ---- giving back -------------------------------------------------------------------------------- */

/* A pin of [@start, @last] (of @kdev only, if given), or NULL. pins_lock held. */
static struct access_pin *pin_find(struct lin_access_domain *domain, const struct ioasid_kdev *kdev,
				   u64 start, u64 last)
{
	struct access_pin *pin;

	list_for_each_entry(pin, &domain->pins, of_domain) {
		if (pin->start <= last && pin->last >= start &&
		    (!kdev || pin->access->kdev == kdev))
			return pin;
	}
	return NULL;
}

static bool pins_gone(struct lin_access_domain *domain, const struct ioasid_kdev *kdev, u64 start,
		      u64 last)
{
	bool gone;

	mutex_lock(&pins_lock);
	gone = !pin_find(domain, kdev, start, last);
	mutex_unlock(&pins_lock);
	return gone;
}

/* One call of a driver; ioasid_access_destroy() waits for it. Return: false: no pin is left. */
static bool pin_recall(struct lin_access_domain *domain, const struct ioasid_kdev *kdev, u64 start,
		       u64 last)
{
	struct ioasid_access *access;
	struct access_pin *pin;

	mutex_lock(&pins_lock);
	pin = pin_find(domain, kdev, start, last);
	access = pin ? pin->access : NULL;
	if (access)
		access->calls++;
	mutex_unlock(&pins_lock);
	if (!access)
		return false;
	access->ops->unmap(access->data, start, last);
	mutex_lock(&pins_lock);
	access->calls--;
	wake_up_all(&calls_ended);
	mutex_unlock(&pins_lock);
	return true;
}

/*
 * Ask for all pins of the range and wait for them. A driver that does not give back at once is
 * asked again, every second, and bears it.
 */
static void pins_recall(struct lin_access_domain *domain, const struct ioasid_kdev *kdev, u64 start,
			u64 last)
{
	while (pin_recall(domain, kdev, start, last)) {
		if (!wait_event_timeout(domain->unpinned, pins_gone(domain, kdev, start, last), HZ))
			pr_warn_ratelimited("a software device holds pages that are to go\n");
	}
}

static int access_flush(struct ioasid_domain *base, u64 start, u64 last)
{
	pins_recall(to_access(base), NULL, start, last);
	return 0;
}

/* From here on nothing of @kdev reaches what it reached before. */
static void access_switch(struct ioasid_kdev *kdev, struct lin_access_domain *domain)
{
	struct lin_access_domain *old;

	down_write(&kdev->access_lock);
	old = kdev->access_domain;
	kdev->access_domain = domain;
	up_write(&kdev->access_lock);
	if (old && old != domain)
		pins_recall(old, kdev, 0, ~0ULL);
}

static int access_attach(struct ioasid_device *core, ppasid_t pasid, struct ioasid_domain *base)
{
	if (pasid.val != IOASID_NO_PASID)
		return -EOPNOTSUPP;
	access_switch(kdev_of(core), to_access(base));
	return 0;
}

static void access_detach(struct ioasid_device *core, ppasid_t pasid)
{
	access_switch(kdev_of(core), NULL);
}

static void access_purge(struct ioasid_device *core)
{
}

static unsigned int access_report_ranges(struct ioasid_iommu *iommu, struct ioasid_range *ranges,
					 unsigned int room)
{
	if (room)
		ranges[0] = (struct ioasid_range){ .start = 0,
						   .last = iommu->last,
						   .type = IOASID_RANGE_USABLE };
	return 1;
}

static const struct ioasid_iommu_ops access_iommu_ops = {
	.domain_alloc = access_domain_alloc,
	.domain_free = access_domain_free,
	.map = access_map,
	.unmap = access_unmap,
	.flush = access_flush,
	.attach = access_attach,
	.detach = access_detach,
	.purge = access_purge,
	.report_ranges = access_report_ranges,
};

/* Software copies through the caches: it snoops, always. */
struct ioasid_iommu lin_access_iommu = {
	.ops = &access_iommu_ops,
	.caps = IOASID_IOMMU_SNOOP,
	.format = IOASID_FORMAT_NONE,
	.page_sizes = PAGE_SIZE,
	.last = ~0ULL,
};

void lin_access_kdev_init(struct ioasid_kdev *kdev)
{
	init_rwsem(&kdev->access_lock);
	INIT_LIST_HEAD(&kdev->accesses);
}

/* ---- the driver's side ------------------------------------------------------------------------------ */

struct ioasid_access *ioasid_access_create(struct ioasid_kdev *kdev,
					   const struct ioasid_access_ops *ops, void *data)
{
	struct ioasid_access *access;

	if (kdev->hw)
		return ERR_PTR(-EINVAL);
	access = kzalloc(sizeof(*access), GFP_KERNEL);
	if (!access)
		return ERR_PTR(-ENOMEM);
	access->kdev = kdev;
	access->ops = ops;
	access->data = data;
	INIT_LIST_HEAD(&access->pins);
	down_write(&kdev->access_lock);
	list_add_tail(&access->link, &kdev->accesses);
	up_write(&kdev->access_lock);
	return access;
}
EXPORT_SYMBOL_GPL(ioasid_access_create);

static bool calls_over(const struct ioasid_access *access)
{
	bool over;

	mutex_lock(&pins_lock);
	over = !access->calls;
	mutex_unlock(&pins_lock);
	return over;
}

void ioasid_access_destroy(struct ioasid_access *access)
{
	WARN_ON(!list_empty(&access->pins));
	wait_event(calls_ended, calls_over(access));
	down_write(&access->kdev->access_lock);
	list_del(&access->link);
	up_write(&access->kdev->access_lock);
	kfree(access);
}
EXPORT_SYMBOL_GPL(ioasid_access_destroy);

static u32 prot_of(u32 flags)
{
	return (flags & IOASID_ACCESS_READ ? IOASID_MAP_READ : 0) |
	       (flags & IOASID_ACCESS_WRITE ? IOASID_MAP_WRITE : 0);
}

/**
 * struct access_walk - a place in an address space
 * @page, @offset: the byte at the walk's address
 * @len: bytes from there on in one piece, at most to the end of the page
 */
struct access_walk {
	struct page *page;
	size_t offset;
	size_t len;
};

static int walk_at(struct lin_access_domain *domain, u64 iova, u32 prot, struct access_walk *w)
{
	struct interval_tree_node *n = interval_tree_iter_first(&domain->ranges, iova, iova);
	struct access_range *r;
	unsigned int i = 0;
	u64 skip, pa;

	if (!n)
		return -EFAULT;
	r = container_of(n, struct access_range, iova);
	if (prot & ~r->prot)
		return -EFAULT;
	for (skip = iova - r->iova.start; skip >= r->ext[i].len; i++)
		skip -= r->ext[i].len;
	pa = r->ext[i].pa + skip;
	w->page = pfn_to_page(PHYS_PFN(pa));
	w->offset = offset_in_page(pa);
	w->len = min_t(u64, PAGE_SIZE - w->offset, r->ext[i].len - skip);
	return 0;
}

static int pin_pages(struct lin_access_domain *domain, u64 iova, u64 nr, u32 prot,
		     struct page **pages)
{
	struct access_walk w;
	u64 i;
	int rc;

	for (i = 0; i < nr; i++) {
		rc = walk_at(domain, iova + i * PAGE_SIZE, prot, &w);
		if (rc)
			return rc;
		pages[i] = w.page;
	}
	return 0;
}

/* access_lock held. */
static int pin_locked(struct access_pin *pin, u32 flags, struct page **pages)
{
	struct lin_access_domain *domain = pin->access->kdev->access_domain;
	u64 nr = (pin->last - pin->start + 1) >> PAGE_SHIFT;
	int rc;

	if (!domain)
		return -ENODEV;
	pin->domain = domain;
	/* The tree stands still until the pin is there to be seen by who wants to change it. */
	down_read(&domain->lock);
	rc = pin_pages(domain, pin->start, nr, prot_of(flags), pages);
	if (!rc) {
		mutex_lock(&pins_lock);
		list_add_tail(&pin->of_domain, &domain->pins);
		list_add_tail(&pin->of_access, &pin->access->pins);
		mutex_unlock(&pins_lock);
	}
	up_read(&domain->lock);
	return rc;
}

int ioasid_access_pin(struct ioasid_access *access, u64 iova, u64 length, u32 flags,
		      struct page **pages)
{
	struct ioasid_kdev *kdev = access->kdev;
	struct access_pin *pin;
	u64 last;
	int rc;

	if (!access->ops || !access->ops->unmap || !length || (iova | length) & ~PAGE_MASK ||
	    !prot_of(flags) || check_add_overflow(iova, length - 1, &last))
		return -EINVAL;
	pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	if (!pin)
		return -ENOMEM;
	pin->access = access;
	pin->start = iova;
	pin->last = last;
	down_read(&kdev->access_lock);
	rc = pin_locked(pin, flags, pages);
	up_read(&kdev->access_lock);
	if (rc)
		kfree(pin);
	return rc;
}
EXPORT_SYMBOL_GPL(ioasid_access_pin);

void ioasid_access_unpin(struct ioasid_access *access, u64 iova, u64 length)
{
	struct access_pin *pin;

	mutex_lock(&pins_lock);
	list_for_each_entry(pin, &access->pins, of_access) {
		if (pin->start != iova || pin->last != iova + (length - 1))
			continue;
		list_del(&pin->of_domain);
		list_del(&pin->of_access);
		/* Under the lock: who sees the pin gone may free the domain. */
		wake_up_all(&pin->domain->unpinned);
		mutex_unlock(&pins_lock);
		kfree(pin);
		return;
	}
	mutex_unlock(&pins_lock);
	WARN(1, "unpin of what is not pinned\n");
}
EXPORT_SYMBOL_GPL(ioasid_access_unpin);

static void copy_piece(const struct access_walk *w, void *buf, size_t n, u32 flags)
{
	char *p = kmap_local_page(w->page);

	if (flags & IOASID_ACCESS_READ)
		memcpy(buf, p + w->offset, n);
	else
		memcpy(p + w->offset, buf, n);
	kunmap_local(p);
}

/* One page at most per lock, so that who wants to change the tree does not wait for long. */
static int rw_piece(struct ioasid_kdev *kdev, u64 iova, void *buf, size_t *n, u32 flags)
{
	struct lin_access_domain *domain;
	struct access_walk w;
	int rc = -ENODEV;

	down_read(&kdev->access_lock);
	domain = kdev->access_domain;
	if (domain) {
		down_read(&domain->lock);
		rc = walk_at(domain, iova, prot_of(flags), &w);
		if (!rc) {
			*n = min(*n, w.len);
			copy_piece(&w, buf, *n, flags);
		}
		up_read(&domain->lock);
	}
	up_read(&kdev->access_lock);
	return rc;
}

int ioasid_access_rw(struct ioasid_access *access, u64 iova, void *buf, size_t length, u32 flags)
{
	u64 last;
	size_t n;
	int rc;

	if (flags != IOASID_ACCESS_READ && flags != IOASID_ACCESS_WRITE)
		return -EINVAL;
	if (!length)
		return 0;
	if (check_add_overflow(iova, (u64)length - 1, &last))
		return -EFAULT;
	while (length) {
		n = length;
		rc = rw_piece(access->kdev, iova, buf, &n, flags);
		if (rc)
			return rc;
		iova += n;
		buf += n;
		length -= n;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(ioasid_access_rw);
