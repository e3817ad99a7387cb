// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Printing the allocator of host-wide numbers and its limits, for the administrator of a host.
 *
 * pasid_host.lock and limit_tree.lock are spin locks: what is printed is copied under them, one object
 * or a few records at a time, and printed afterwards.
 */
#include "core/dump_print.h"

#define STEP_SETS 32U
/* Records copied, and records or empty pages looked at, in one go under the lock. */
#define COPIES	  8U
#define LOOKS	  256U
#define STEP_RUNS 16U

/* ---- the allocator --------------------------------------------------------------------------- */

/* struct host_copy - figures of the allocator at one moment */
struct host_copy {
	u32 capacity, avail, reserved, promised, split, ceiling;
	u32 sets, live, pending, works, handlers, backends, returns;
	bool custom;
};

static u32 count_chain(const struct notifier_block *nb)
{
	u32 n = 0;

	for (; nb; nb = nb->next)
		n++;
	return n;
}

static void copy_host(struct pasid_host *host, struct host_copy *c)
{
	struct list_head *pos;

	spin_lock_bh(&host->lock);
	*c = (struct host_copy){
		.capacity = host->capacity,
		.avail = host->avail,
		.reserved = host->reserved,
		.promised = host->promised,
		.split = host->split,
		.ceiling = host->default_ceiling,
		.sets = host->nr_sets,
		.live = host->nr_live,
		.pending = host->nr_pending,
		.works = host->nr_works,
		.handlers = count_chain(host->chain),
		.returns = host->nr_returns,
		.custom = host->active,
	};
	for (pos = host->backends.next; pos != &host->backends; pos = pos->next)
		c->backends++;
	spin_unlock_bh(&host->lock);
}

static void dump_allocator(struct pasid_host *host, const struct ioasid_dump *d)
{
	struct host_copy c;

	copy_host(host, &c);
	d->print(d, "allocator capacity=%u avail=%u reserved=%u promised=%u split=%u", c.capacity,
		 c.avail, c.reserved, c.promised, c.split);
	dump_number(d, "default_ceiling", c.ceiling);
	d->print(d, " sets=%u live=%u pending=%u works=%u handlers=%u", c.sets, c.live, c.pending,
		 c.works, c.handlers);
	d->print(d, " backends=%u backend=%s returning=%u\n", c.backends,
		 c.custom ? "custom" : "default", c.returns);
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* struct set_copy - a set at one moment */
struct set_copy {
	u32 id;
	int type;
	enum pasid_set_state state;
	struct pasid_who who;
	u32 ceiling, promised, nr, pending, spids, handlers, refused_by;
	u64 refused_group;
};

/* The first set with a number from @id on. Return: false: none is left. */
static bool copy_set(struct pasid_host *host, u32 id, struct set_copy *c)
{
	struct interval_tree_node *node;
	const struct ioasid_set *set;

	spin_lock_bh(&host->lock);
	node = interval_tree_iter_first(&host->sets_by_id, id, ~0UL);
	if (node) {
		set = container_of(node, struct ioasid_set, by_id);
		*c = (struct set_copy){
			.id = set->id,
			.type = set->type,
			.state = set->state,
			.who = set->who,
			.ceiling = set->ceiling,
			.promised = set->promised,
			.nr = set->nr,
			.pending = set->nr_pending,
			.spids = set->nr_spids,
			.handlers = count_chain(set->chain),
			.refused_by = set->refused_by,
			.refused_group = set->refused_group,
		};
	}
	spin_unlock_bh(&host->lock);
	return node;
}

static const char *word(const char *const *words, unsigned int nr, unsigned int index)
{
	return index < nr && words[index] ? words[index] : "unknown";
}

static void dump_set(const struct ioasid_dump *d, const struct set_copy *c)
{
	static const char *const owners[] = {
		[IOASID_SET_TYPE_NULL] = "host",
		[IOASID_SET_TYPE_MM] = "process",
		[PASID_SET_CTX] = "context",
	};
	static const char *const states[] = {
		[PASID_SET_LIVE] = "live",
		[PASID_SET_DYING] = "dying",
		[PASID_SET_DEAD] = "dead",
	};
	static const char *const refusals[] = {
		[PASID_REFUSED_NOT] = "-",
		[PASID_REFUSED_QUOTA] = "quota",
		[PASID_REFUSED_CAPACITY] = "capacity",
		[PASID_REFUSED_RANGE] = "range",
		[PASID_REFUSED_LIMIT] = "limit",
	};

	d->print(d, "set id=%u owner=%s state=%s", c->id,
		 word(owners, ARRAY_SIZE(owners), (unsigned int)c->type),
		 word(states, ARRAY_SIZE(states), c->state));
	dump_id(d, "context", c->who.ctx);
	dump_id(d, "pid", c->who.pid);
	dump_string(d, "comm", c->who.pid ? c->who.comm : NULL);
	dump_number(d, "ceiling", c->ceiling);
	d->print(d, " promised=%u numbers=%u pending=%u private=%u handlers=%u", c->promised, c->nr,
		 c->pending, c->spids, c->handlers);
	d->print(d, " refused=%s", word(refusals, ARRAY_SIZE(refusals), c->refused_by));
	dump_id(d, "refused_group", c->refused_group);
	d->print(d, "\n");
}

/* Return: false: no set with a number from *@id on is left. */
static bool dump_some_sets(struct pasid_host *host, const struct ioasid_dump *d, u32 *id)
{
	struct set_copy c;
	u32 n;

	for (n = 0; n < STEP_SETS; n++) {
		if (!copy_set(host, *id, &c))
			return false;
		dump_set(d, &c);
		*id = c.id + 1;
	}
	return true;
}

/* ---- pending numbers ------------------------------------------------------------------------- */

/* struct number_copy - a pending number and who keeps it, at one moment */
struct number_copy {
	u32 number, set, spid, users, iommu, cpu, device, pins, backend;
	bool unlisted;
	u64 charged;
};

/*
 * Pending numbers of one set are linked together with those that are in use, if at all: looking at
 * the records in the order of their numbers finds all of all sets in one pass.
 *
 * Return: number of copies; *@from is the next number to look at, PASID_CAPACITY at the end.
 */
static u32 copy_pending(struct pasid_host *host, u32 *from, struct number_copy *copy)
{
	const struct pasid_rec *rec;
	u32 n = 0, looks;

	spin_lock_bh(&host->lock);
	if (!host->nr_pending)
		*from = PASID_CAPACITY;
	for (looks = 0; looks < LOOKS && n < COPIES && *from < PASID_CAPACITY; looks++) {
		rec = pasid_table_find(&host->table, *from);
		if (!rec) {
			*from = (*from | (PASID_CHUNK - 1)) + 1;
			continue;
		}
		++*from;
		if (!rec->used || !rec->pending)
			continue;
		copy[n++] = (struct number_copy){
			.number = rec->number,
			.set = rec->set->id,
			.spid = rec->spid,
			.users = rec->users,
			.iommu = rec->iommu,
			.cpu = rec->cpu,
			.device = rec->device,
			.pins = rec->pins,
			.backend = rec->backend,
			.unlisted = rec->unlisted,
			.charged = rec->charged ? rec->charged->id : 0,
		};
	}
	spin_unlock_bh(&host->lock);
	return n;
}

static void dump_pending(const struct ioasid_dump *d, const struct number_copy *c)
{
	d->print(d, "number id=%u set=%u", c->number, c->set);
	dump_number(d, "spid", c->unlisted ? INVALID_IOASID : c->spid);
	d->print(d, " user=%u iommu=%u cpu=%u device=%u pins=%u backend=%s", c->users, c->iommu,
		 c->cpu, c->device, c->pins, c->backend ? "custom" : "default");
	dump_id(d, "charged", c->charged);
	d->print(d, "\n");
}

/* Return: false: none from *@from on is left. */
static bool dump_some_numbers(struct pasid_host *host, const struct ioasid_dump *d, u32 *from)
{
	struct number_copy copy[COPIES];
	u32 runs, i, n;

	for (runs = 0; runs < STEP_RUNS; runs++) {
		n = copy_pending(host, from, copy);
		for (i = 0; i < n; i++)
			dump_pending(d, &copy[i]);
		if (*from >= PASID_CAPACITY)
			return false;
		cond_resched();
	}
	return true;
}

/* ---- all of it ------------------------------------------------------------------------------- */

enum { SETS_ALLOCATOR, SETS_SETS, SETS_NUMBERS };

bool ioasid_dump_sets(struct ioasid_machine *machine, const struct ioasid_dump *d,
		      struct ioasid_dump_cursor *at)
{
	struct pasid_host *host = &machine->pasids;

	switch (at->phase) {
	case SETS_ALLOCATOR:
		dump_allocator(host, d);
		at->phase = SETS_SETS;
		return true;
	case SETS_SETS:
		if (!dump_some_sets(host, d, &at->index)) {
			at->phase = SETS_NUMBERS;
			at->index = 1;
		}
		return true;
	default:
		return dump_some_numbers(host, d, &at->index);
	}
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct limit_group *ioasid_dump_limit_next(struct ioasid_machine *machine,
					   struct limit_group *after)
{
	struct limit_tree *tree = &machine->pasids.limits;
	struct list_head *next;
	struct limit_group *group = NULL;

	spin_lock_bh(&tree->lock);
	next = list_next_or_null(after ? &after->link : &tree->groups, &tree->groups);
	if (next) {
		group = list_entry(next, struct limit_group, link);
		group->refs++;
	}
	spin_unlock_bh(&tree->lock);
	if (after)
		limit_group_put(after);
	return group;
}

void ioasid_dump_limit(struct limit_group *group, const struct ioasid_dump *d)
{
	struct limit_figures f;

	limit_read(group, &f);
	d->print(d, "limit id=%llu", (unsigned long long)f.id);
	dump_id(d, "parent", group->parent ? group->parent->id : 0);
	dump_string(d, "name", group->name);
	dump_number(d, "max", f.max);
	d->print(d, " current=%u peak=%u events=%llu events_local=%llu gone=%u\n", f.current_charge,
		 f.peak, (unsigned long long)f.events, (unsigned long long)f.events_local, f.gone);
}
