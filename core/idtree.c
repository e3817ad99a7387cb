// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "core/idtree.h"

/*
 * struct idnode - 64 slots
 * @used: slots that are not NULL
 * @full: slots below which no number is free (leaves: same as @used)
 * @rcu: for nodes that readers may still look at
 */
struct idnode {
	u64 used;
	u64 full;
	struct os_rcu rcu;
	void *slot[IDTREE_FANOUT];
};

static unsigned int shift_of(unsigned int level)
{
	return level * IDTREE_LG2;
}

static unsigned int slot_of(u32 id, unsigned int level)
{
	return (id >> shift_of(level)) & (IDTREE_FANOUT - 1);
}

void idtree_init(struct idtree *t, unsigned int bits)
{
	t->root = NULL;
	t->count = 0;
	t->levels = (u8)DIV_ROUND_UP(bits, IDTREE_LG2);
	t->last = (u32)(BIT_ULL(bits) - 1);
	t->rcu = false;
	BUILD_BUG_ON(IDTREE_LEVELS * IDTREE_LG2 < 31);
}

void idtree_init_rcu(struct idtree *t, unsigned int bits)
{
	idtree_init(t, bits);
	t->rcu = true;
}

static void node_free(struct idnode *node, unsigned int level)
{
	unsigned int i;

	if (level) {
		for (i = 0; i < IDTREE_FANOUT; i++) {
			if (node->slot[i])
				node_free(node->slot[i], level - 1);
		}
	}
	kfree(node);
}

void idtree_destroy(struct idtree *t)
{
	if (t->root)
		node_free(t->root, t->levels - 1);
	t->root = NULL;
	t->count = 0;
}

void *idtree_find(const struct idtree *t, u32 id)
{
	struct idnode *node = READ_ONCE(t->root);
	unsigned int level;

	if (id > t->last)
		return NULL;
	for (level = t->levels; node && level-- > 0;)
		node = READ_ONCE(node->slot[slot_of(id, level)]);
	return node;
}

void *idtree_swap(struct idtree *t, u32 id, void *ptr)
{
	struct idnode *node = t->root;
	unsigned int level = t->levels;
	void *old = idtree_find(t, id);

	if (!old)
		return NULL;
	while (--level > 0)
		node = node->slot[slot_of(id, level)];
	rcu_assign_pointer(node->slot[slot_of(id, 0)], ptr);
	return old;
}

static void node_drop(const struct idtree *t, struct idnode *node)
{
	if (t->rcu)
		os_free_rcu(node, &node->rcu);
	else
		kfree(node);
}

/* Give back the nodes of a path that an insertion prepared and then could not use. */
static void prune(struct idtree *t, u32 id)
{
	struct idnode *path[IDTREE_LEVELS], *node = t->root;
	unsigned int level = t->levels, n = 0;

	while (node && level-- > 0) {
		path[n++] = node;
		node = level ? node->slot[slot_of(id, level)] : NULL;
	}
	while (n-- > 0 && !path[n]->used) {
		if (n) {
			level = t->levels - n;
			WRITE_ONCE(path[n - 1]->slot[slot_of(id, level)], NULL);
			path[n - 1]->used &= ~BIT_ULL(slot_of(id, level));
		} else {
			WRITE_ONCE(t->root, NULL);
		}
		node_drop(t, path[n]);
	}
}

static void mark_full(struct idnode **path, unsigned int levels, u32 id)
{
	unsigned int level;

	for (level = 0; level < levels; level++) {
		struct idnode *node = path[level];

		node->full |= BIT_ULL(slot_of(id, level));
		if (~node->full)
			return;
	}
}

int idtree_insert(struct idtree *t, u32 id, void *ptr)
{
	struct idnode **link = &t->root, *path[IDTREE_LEVELS], *parent = NULL, *node;
	unsigned int level = t->levels;

	if (id > t->last)
		return -ERANGE;
	while (level-- > 0) {
		if (!*link) {
			node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
			if (!node) {
				prune(t, id);
				return -ENOMEM;
			}
			rcu_assign_pointer(*link, node);
			if (parent)
				parent->used |= BIT_ULL(slot_of(id, level + 1));
		}
		parent = *link;
		path[level] = parent;
		link = (struct idnode **)&parent->slot[slot_of(id, level)];
	}
	if (*link)
		return -EEXIST;
	rcu_assign_pointer(*link, ptr);
	parent->used |= BIT_ULL(slot_of(id, 0));
	mark_full(path, t->levels, id);
	t->count++;
	return 0;
}

void *idtree_erase(struct idtree *t, u32 id)
{
	struct idnode *node = t->root;
	unsigned int level = t->levels;
	void *ptr;

	ptr = idtree_find(t, id);
	if (!ptr)
		return NULL;
	while (level-- > 0) {
		node->full &= ~BIT_ULL(slot_of(id, level));
		if (!level)
			break;
		node = node->slot[slot_of(id, level)];
	}
	WRITE_ONCE(node->slot[slot_of(id, 0)], NULL);
	node->used &= ~BIT_ULL(slot_of(id, 0));
	t->count--;
	prune(t, id);
	return ptr;
}

/* Lowest free number at or after @id below @node, or -1. @id is relative to the node. */
static s64 free_below(const struct idnode *node, unsigned int level, u64 id)
{
	unsigned int slot = (unsigned int)(id >> shift_of(level));
	u64 candidates = ~node->full & (~0ULL << slot);

	while (candidates) {
		unsigned int i = (unsigned int)__ffs64(candidates);
		u64 base = (u64)i << shift_of(level);
		u64 from = i == slot ? id - base : 0;
		s64 got;

		if (!level || !node->slot[i])
			return (s64)(base + from);
		got = free_below(node->slot[i], level - 1, from);
		if (got >= 0)
			return (s64)base + got;
		candidates &= candidates - 1;
	}
	return -1;
}

s64 idtree_find_free(const struct idtree *t, u32 first, u32 last)
{
	s64 id;

	last = min(last, t->last);
	if (first > last)
		return -ENOSPC;
	id = t->root ? free_below(t->root, t->levels - 1, first) : (s64)first;
	return id < 0 || id > (s64)last ? -ENOSPC : id;
}

int idtree_alloc(struct idtree *t, u32 first, u32 last, void *ptr, u32 *id)
{
	s64 got = idtree_find_free(t, first, last);
	int rc;

	if (got < 0)
		return (int)got;
	rc = idtree_insert(t, (u32)got, ptr);
	if (!rc)
		*id = (u32)got;
	return rc;
}

int idtree_alloc_cyclic(struct idtree *t, u32 first, u32 last, u32 *next, void *ptr, u32 *id)
{
	u32 from = *next < first || *next > last ? first : *next;
	int rc = idtree_alloc(t, from, last, ptr, id);

	if (rc == -ENOSPC && from > first)
		rc = idtree_alloc(t, first, from - 1, ptr, id);
	if (!rc)
		*next = *id + 1;
	return rc;
}

/* First used number at or after @id below @node, or -1. */
static s64 used_below(const struct idnode *node, unsigned int level, u64 id, void **ptr)
{
	unsigned int slot = (unsigned int)(id >> shift_of(level));
	u64 candidates = node->used & (~0ULL << slot);

	while (candidates) {
		unsigned int i = (unsigned int)__ffs64(candidates);
		u64 base = (u64)i << shift_of(level);
		s64 got;

		if (!level) {
			*ptr = node->slot[i];
			return (s64)base;
		}
		got = used_below(node->slot[i], level - 1, i == slot ? id - base : 0, ptr);
		if (got >= 0)
			return (s64)base + got;
		candidates &= candidates - 1;
	}
	return -1;
}

void *idtree_next(const struct idtree *t, u32 *id)
{
	void *ptr = NULL;
	s64 got;

	if (!t->root || *id > t->last)
		return NULL;
	got = used_below(t->root, t->levels - 1, *id, &ptr);
	if (got < 0)
		return NULL;
	*id = (u32)got;
	return ptr;
}
