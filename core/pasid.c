// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "core/pasid.h"

/* Behind a pending number: not an owner, never handed out. */
static char pasid_pending;

void pasid_space_init(struct pasid_space *space, unsigned int bits)
{
	idtree_init(&space->ids, IOASID_PASID_BITS);
	space->last = bits ? (u32)(BIT_ULL(bits) - 1) : 0;
	space->pending = 0;
}

void pasid_space_destroy(struct pasid_space *space)
{
	idtree_destroy(&space->ids);
}

int pasid_space_take(struct pasid_space *space, ppasid_t pasid, void *owner)
{
	int rc;

	if (!pasid.val || pasid.val > space->last)
		return -ERANGE;
	rc = idtree_insert(&space->ids, pasid.val, owner);
	if (rc == -EEXIST && idtree_find(&space->ids, pasid.val) == &pasid_pending)
		return -EBUSY;
	return rc;
}

int pasid_space_alloc(struct pasid_space *space, u32 first, u32 last, void *owner, ppasid_t *pasid)
{
	return idtree_alloc(&space->ids, max(first, 1U), min(last, space->last), owner,
			    &pasid->val);
}

void *pasid_space_find(const struct pasid_space *space, ppasid_t pasid)
{
	void *owner = idtree_find(&space->ids, pasid.val);

	return owner == &pasid_pending ? NULL : owner;
}

s64 pasid_space_lowest_free(const struct pasid_space *space, u32 first, u32 last)
{
	return idtree_find_free(&space->ids, max(first, 1U), min(last, space->last));
}

void pasid_space_retire(struct pasid_space *space, ppasid_t pasid)
{
	/* Swapped in place: to erase and insert again could need memory, and this cannot fail. */
	if (idtree_swap(&space->ids, pasid.val, &pasid_pending))
		space->pending++;
}

void pasid_space_release(struct pasid_space *space, ppasid_t pasid)
{
	if (idtree_erase(&space->ids, pasid.val) == &pasid_pending)
		space->pending--;
}

void pasid_space_release_pending(struct pasid_space *space)
{
	void *owner;
	u32 id;

	if (!space->pending)
		return;
	idtree_for_each(&space->ids, id, owner)
	{
		if (owner == &pasid_pending)
			idtree_erase(&space->ids, id);
	}
	space->pending = 0;
}

void *pasid_space_next(const struct pasid_space *space, ppasid_t *pasid)
{
	void *owner;

	while ((owner = idtree_next(&space->ids, &pasid->val)) == &pasid_pending)
		pasid->val++;
	return owner;
}
