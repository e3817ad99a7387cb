/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Radix tree from small numbers to pointers, with search for free and for used numbers in time
 * that depends on the width alone. Callers serialize all calls on one tree; idtree_find() may be
 * called inside RCU besides, if the tree was made for it.
 */
#ifndef IOASID_CORE_IDTREE_H
#define IOASID_CORE_IDTREE_H

#include "os/os.h"

#define IDTREE_LG2    6
#define IDTREE_FANOUT (1U << IDTREE_LG2)

struct idnode;

/**
 * struct idtree - the tree; zero-initialised by idtree_init()
 * @root: NULL while empty
 * @levels: fixed by the width
 * @last: greatest number it can hold
 * @count: numbers in use
 * @rcu: nodes are freed when readers have left
 */
struct idtree {
	struct idnode *root;
	u32 last;
	u32 count;
	u8 levels;
	bool rcu;
};

#define IDTREE_LEVELS 6

/** idtree_init() - a tree for numbers of @bits bits (1 to 31). */
void idtree_init(struct idtree *t, unsigned int bits);
/** idtree_init_rcu() - the same, with idtree_find() inside RCU; what is found lives by itself. */
void idtree_init_rcu(struct idtree *t, unsigned int bits);
/** idtree_destroy() - free the nodes; what they point to is the caller's. */
void idtree_destroy(struct idtree *t);
/** idtree_insert() - Return: 0; -EEXIST; -ERANGE beyond the width; -ENOMEM. @ptr is not NULL. */
int idtree_insert(struct idtree *t, u32 id, void *ptr);
/** idtree_find_free() - lowest unused number in [@first, @last]. Return: it, or -ENOSPC. */
s64 idtree_find_free(const struct idtree *t, u32 first, u32 last);
/**
 * idtree_alloc() - take the lowest free number in [@first, @last]
 * Return: 0; -ENOSPC; -ENOMEM.
 */
int idtree_alloc(struct idtree *t, u32 first, u32 last, void *ptr, u32 *id);
/** idtree_alloc_cyclic() - the same, going on after *@next and wrapping once. */
int idtree_alloc_cyclic(struct idtree *t, u32 first, u32 last, u32 *next, void *ptr, u32 *id);
/** idtree_erase() - Return: what was there, or NULL. Needs no memory. */
void *idtree_erase(struct idtree *t, u32 id);
/** idtree_swap() - put @ptr where @id is used. Return: what was there, or NULL. Needs no memory. */
void *idtree_swap(struct idtree *t, u32 id, void *ptr);
void *idtree_find(const struct idtree *t, u32 id);
/** idtree_next() - first used number at or after *@id; NULL: none. Updates *@id. */
void *idtree_next(const struct idtree *t, u32 *id);

#define idtree_for_each(t, id, ptr) \
	for ((id) = 0; ((ptr) = idtree_next((t), &(id))) != NULL; (id)++)

#endif
