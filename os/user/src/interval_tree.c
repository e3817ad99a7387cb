// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Interval tree for the user-space home: a treap ordered by (start, address), each node carrying
 * the largest `last` below it, so that overlap queries skip what cannot match. The priority comes
 * from a hash of the node's address: callers can choose ranges but not addresses, so a hostile
 * order of insertions does not unbalance it.
 */
#include "os/os.h"

typedef struct interval_tree_node itn;

static unsigned int prio_of(const itn *n)
{
	u64 x = (u64)(uintptr_t)n;

	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 29;
	return (unsigned int)(x >> 16);
}

static bool before(const itn *a, const itn *b)
{
	return a->start != b->start ? a->start < b->start : (uintptr_t)a < (uintptr_t)b;
}

static void update(itn *n)
{
	unsigned long m = n->last;

	if (n->__left)
		m = max(m, n->__left->__subtree_last);
	if (n->__right)
		m = max(m, n->__right->__subtree_last);
	n->__subtree_last = m;
}

static void replace_child(struct rb_root_cached *root, itn *old, itn *new)
{
	itn *parent = old->__parent;

	if (!parent)
		root->node = new;
	else if (parent->__left == old)
		parent->__left = new;
	else
		parent->__right = new;
	if (new)
		new->__parent = parent;
}

static void rotate_up(struct rb_root_cached *root, itn *n)
{
	itn *parent = n->__parent;

	replace_child(root, parent, n);
	if (parent->__left == n) {
		parent->__left = n->__right;
		if (n->__right)
			n->__right->__parent = parent;
		n->__right = parent;
	} else {
		parent->__right = n->__left;
		if (n->__left)
			n->__left->__parent = parent;
		n->__left = parent;
	}
	parent->__parent = n;
	update(parent);
	update(n);
}

void interval_tree_insert(itn *node, struct rb_root_cached *root)
{
	itn **link = &root->node, *parent = NULL;

	node->__left = node->__right = NULL;
	node->__prio = prio_of(node);
	node->__subtree_last = node->last;
	while (*link) {
		parent = *link;
		parent->__subtree_last = max(parent->__subtree_last, node->last);
		link = before(node, parent) ? &parent->__left : &parent->__right;
	}
	*link = node;
	node->__parent = parent;
	while (node->__parent && node->__parent->__prio < node->__prio)
		rotate_up(root, node);
}

void interval_tree_remove(itn *node, struct rb_root_cached *root)
{
	itn *up;

	while (node->__left && node->__right) {
		bool left = node->__left->__prio > node->__right->__prio;

		rotate_up(root, left ? node->__left : node->__right);
	}
	up = node->__parent;
	replace_child(root, node, node->__left ? node->__left : node->__right);
	for (; up; up = up->__parent)
		update(up);
}

static itn *subtree_first(itn *n, unsigned long start, unsigned long last)
{
	for (;;) {
		if (n->__left && n->__left->__subtree_last >= start) {
			/* The leftmost match, if the left side has one that starts early enough. */
			n = n->__left;
			continue;
		}
		if (n->start > last)
			return NULL;
		if (n->last >= start)
			return n;
		if (!n->__right || n->__right->__subtree_last < start)
			return NULL;
		n = n->__right;
	}
}

itn *interval_tree_iter_first(struct rb_root_cached *root, unsigned long start, unsigned long last)
{
	if (!root->node || root->node->__subtree_last < start)
		return NULL;
	return subtree_first(root->node, start, last);
}

itn *interval_tree_iter_next(itn *node, unsigned long start, unsigned long last)
{
	for (;;) {
		itn *right = node->__right, *prev;

		if (right && right->__subtree_last >= start)
			return subtree_first(right, start, last);
		do {
			prev = node;
			node = node->__parent;
			if (!node)
				return NULL;
		} while (node->__right == prev);
		if (node->start > last)
			return NULL;
		if (node->last >= start)
			return node;
	}
}
