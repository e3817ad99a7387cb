// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The default route: where requests without PASID go. It belongs to the IOMMU group, since the
 * hardware cannot tell its members apart, and is a stack of at most two: an address space, and a
 * child of it (a guest's own table). It is real only while every member of the group is bound.
 *
 * All functions run under ctx->lock held for writing.
 */
#include "core/core.h"

static bool group_complete(const struct ioasid_group *g)
{
	return g->nr_bound == g->nr_members;
}

static struct ioas *stack_top(const struct ioasid_group *g)
{
	return g->depth ? g->stack[g->depth - 1] : NULL;
}

/* Other members that asked for at least @level levels. */
static bool others_attached(struct ioasid_group *g, const struct ioasid_device *dev, u32 level)
{
	struct ioasid_device *m;

	list_for_each_entry(m, &g->members, group_link) {
		if (m != dev && m->attached >= level)
			return true;
	}
	return false;
}

/* Fault reports name the address space at the top. */
static void publish_top(struct ioasid_group *g)
{
	struct ioas *top = g->programmed ? stack_top(g) : NULL;
	struct ioasid_device *m;

	list_for_each_entry(m, &g->members, group_link) {
		mutex_lock(&m->fn->lock);
		if (m->default_ioas != top)
			trace_ioasid_default_route(m->ctx, m,
						   top ? top->handle.val : IOASID_INVALID);
		m->default_ioas = top;
		mutex_unlock(&m->fn->lock);
	}
}

static void unprogram(struct ioasid_group *g)
{
	struct ioasid_device *m;

	if (!g->programmed)
		return;
	list_for_each_entry(m, &g->members, group_link)
		m->iommu->ops->detach(m, device_rid_wire(m));
	g->programmed = false;
}

/* A slice's default PASID may turn out to be the kernel's: then it gets another one. */
static int rid_attach(struct ioasid_device *dev, struct ioasid_domain *domain)
{
	const struct ioasid_iommu_ops *ops = dev->iommu->ops;
	int rc = ops->attach(dev, device_rid_wire(dev), domain);

	while (rc == -EBUSY && device_is_slice(dev)) {
		cond_resched();
		rc = default_pasid_change(dev);
		if (!rc)
			rc = ops->attach(dev, device_rid_wire(dev), domain);
	}
	return rc;
}

/* Lead every member to @domain; on error they lead where they did. */
static int program(struct ioasid_group *g, struct ioasid_domain *domain)
{
	struct ioasid_domain *old = g->programmed ? g->domain[g->depth - 1] : NULL;
	struct ioasid_device *m, *undo;
	int rc;

	list_for_each_entry(m, &g->members, group_link) {
		rc = rid_attach(m, domain);
		if (rc)
			goto undo;
	}
	g->programmed = true;
	return 0;
undo:
	list_for_each_entry(undo, &g->members, group_link) {
		if (undo == m)
			break;
		if (!old || WARN_ON(rid_attach(undo, old)))
			undo->iommu->ops->detach(undo, device_rid_wire(undo));
	}
	return rc;
}

static void cancel_default_faults(struct ioasid_group *g, const struct ioas *ioas)
{
	struct ioasid_device *m;

	list_for_each_entry(m, &g->members, group_link) {
		if (m->ctx)
			faultq_cancel(m, PPASID_NONE, ioas);
	}
}

/* Put @ioas on top of @base levels, in place of what was above them. */
static int stack_set(struct ioasid_device *dev, struct ioas *ioas, u32 base)
{
	struct ioasid_group *g = dev->group;
	u32 refusal = IOASID_REFUSAL_OS, i;
	struct ioasid_domain *domain;
	struct ioas *old_top = stack_top(g);
	int rc = 0;

	domain = ioas_domain_get(ioas, dev->iommu, &refusal);
	if (IS_ERR(domain))
		return device_refuse(dev, refusal, (int)PTR_ERR(domain));
	if (group_complete(g))
		rc = program(g, domain);
	if (rc) {
		ioas_domain_put(domain);
		return device_refuse(dev, IOASID_REFUSAL_OS, rc);
	}
	for (i = base; i < g->depth; i++) {
		g->stack[i]->default_routes--;
		ioas_domain_put(g->domain[i]);
	}
	g->stack[base] = ioas;
	g->domain[base] = domain;
	g->depth = base + 1;
	ioas->default_routes++;
	dev->attached = g->depth;
	publish_top(g);
	/* Requests that were raised under the new table already stay. */
	if (old_top && old_top->kind->user_table)
		cancel_default_faults(g, old_top);
	return 0;
}

/* A member attaches where another one is already: only to the same place. */
static int stack_join(struct ioasid_device *dev, struct ioas *ioas)
{
	struct ioasid_group *g = dev->group;

	if (ioas != stack_top(g))
		return device_refuse(dev, IOASID_REFUSAL_GROUP_ROUTE, -EBUSY);
	dev->attached = g->depth;
	return 0;
}

/**
 * stack_attach() - ATTACH without the PASID flag
 * @dev: bound device
 * @ioas: attachable address space of its context
 * @replace: swap the whole stack
 *
 * Return: 0; -EBUSY occupied; what ioas_domain_get() and the IOMMU say. Source: design 5.1, 5.3.
 */
int stack_attach(struct ioasid_device *dev, struct ioas *ioas, bool replace)
{
	struct ioasid_group *g = dev->group;
	bool stacks;

	if (g->depth && (!dev->attached || (dev->attached < g->depth && ioas == stack_top(g))))
		return stack_join(dev, ioas);
	if (!g->depth)
		return stack_set(dev, ioas, 0);
	if (others_attached(g, dev, 1))
		return device_refuse(dev, IOASID_REFUSAL_GROUP_ROUTE, -EBUSY);
	if (replace)
		return stack_set(dev, ioas, 0);
	stacks = g->depth < IOAS_STACK_DEPTH && ioas->parent && ioas->parent == stack_top(g);
	if (!stacks)
		return device_refuse(dev, IOASID_REFUSAL_OCCUPIED, -EBUSY);
	return stack_set(dev, ioas, g->depth);
}

/* Take the top level off; going back to the level below cannot fail: its domain was kept. */
static void stack_pop(struct ioasid_group *g)
{
	struct ioas *top = stack_top(g);
	u32 i = g->depth - 1;

	if (g->programmed) {
		if (!i || WARN_ON(program(g, g->domain[i - 1])))
			unprogram(g);
	}
	g->depth = i;
	publish_top(g);
	top->default_routes--;
	ioas_domain_put(g->domain[i]);
	if (top->kind->user_table)
		cancel_default_faults(g, top);
}

static void stack_shrink(struct ioasid_group *g)
{
	struct ioasid_device *m;
	u32 levels = 0;

	list_for_each_entry(m, &g->members, group_link)
		levels = max(levels, m->attached);
	while (g->depth > levels)
		stack_pop(g);
}

/** stack_detach() - DETACH without the PASID flag. Return: 0; -ENOENT; -EBUSY under a child. */
int stack_detach(struct ioasid_device *dev, struct ioas *ioas)
{
	struct ioasid_group *g = dev->group;

	if (!dev->attached)
		return -ENOENT;
	if (g->stack[dev->attached - 1] != ioas)
		return dev->attached == IOAS_STACK_DEPTH && g->stack[0] == ioas ? -EBUSY : -ENOENT;
	dev->attached--;
	stack_shrink(g);
	return 0;
}

/** stack_member_left() - with one less, the rest may be whole: the chosen route becomes real. */
void stack_member_left(struct ioasid_group *g)
{
	if (group_complete(g) && g->depth && !g->programmed && !program(g, g->domain[g->depth - 1]))
		publish_top(g);
}

/** stack_member_bound() - @dev was bound; with the last member a chosen route becomes real. */
int stack_member_bound(struct ioasid_device *dev)
{
	struct ioasid_group *g = dev->group;
	int rc;

	if (!group_complete(g) || !g->depth || g->programmed)
		return 0;
	rc = program(g, g->domain[g->depth - 1]);
	if (!rc)
		publish_top(g);
	return rc;
}

/** stack_member_unbinding() - @dev leaves: the others' DMA is blocked, since it shares theirs. */
void stack_member_unbinding(struct ioasid_device *dev)
{
	struct ioasid_group *g = dev->group;

	unprogram(g);
	dev->attached = 0;
	publish_top(g);
	stack_shrink(g);
}

/** stack_cancel_faults() - page requests through default routes that end in @ioas. */
void stack_cancel_faults(struct ioas *ioas)
{
	struct ioasid_device *dev;

	list_for_each_entry(dev, &ioas->ctx->devices, ctx_link) {
		if (stack_top(dev->group) == ioas)
			faultq_cancel(dev, PPASID_NONE, ioas);
	}
}
