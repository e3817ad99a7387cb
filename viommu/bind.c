// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * From the guest's tables to routes and user tables of libioasid.
 *
 * Entries are looked at when the guest says that they changed, and bindings stay as they are until
 * then: they are the unit's PASID cache. Every path ends with libioasid agreeing with what was read,
 * or with the entry unbound and its DMA blocked.
 */
#include "viommu/unit.h"

/*
 * A page where no guest has memory: behind a table there every access is an event, never a page
 * request.
 */
#define VU_NOWHERE ((1ull << 47) - PAGE_SIZE)

/* One directory can name the same table of bad entries 16384 times; do not try them all. */
#define VU_SCAN_ERRORS 64

/* ---- bookkeeping ------------------------------------------------------------------------------- */

struct vu_bind *vu_bind_find(struct vu_dev *dev, u32 pasid)
{
	struct vu_leaf *leaf;

	if (!pasid)
		return dev->def;
	if (pasid >> IOASID_PASID_BITS)
		return NULL;
	leaf = dev->top[pasid >> VU_LEAF_LG2];
	return leaf ? leaf->bind[pasid & (VU_LEAF_SLOTS - 1)] : NULL;
}

/* Make room in the tree, so that vu_tree_set() cannot fail. */
static int vu_tree_reserve(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_leaf **slot = &dev->top[pasid >> VU_LEAF_LG2];
	struct vu_leaf *leaf;

	if (*slot)
		return 0;
	leaf = kzalloc(sizeof(*leaf), GFP_KERNEL);
	if (!leaf)
		return -ENOMEM;
	mutex_lock(&unit->regs_lock);
	*slot = leaf;
	mutex_unlock(&unit->regs_lock);
	return 0;
}

/* Publish or withdraw a binding; the fault path looks it up under the regs lock. */
static void vu_tree_set(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid, struct vu_bind *b)
{
	struct vu_leaf **slot = &dev->top[pasid >> VU_LEAF_LG2];
	struct vu_leaf *leaf = *slot, *empty = NULL;

	mutex_lock(&unit->regs_lock);
	if (!pasid) {
		dev->def = b;
	} else {
		leaf->bind[pasid & (VU_LEAF_SLOTS - 1)] = b;
		leaf->used += b ? 1 : -1;
		if (!leaf->used) {
			empty = leaf;
			*slot = NULL;
		}
	}
	mutex_unlock(&unit->regs_lock);
	kfree(empty);
}

/* Undo vu_tree_reserve() where nothing came of it. */
static void vu_tree_trim(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_leaf **slot = &dev->top[pasid >> VU_LEAF_LG2];
	struct vu_leaf *leaf = *slot;

	if (!leaf || leaf->used)
		return;
	mutex_lock(&unit->regs_lock);
	*slot = NULL;
	mutex_unlock(&unit->regs_lock);
	kfree(leaf);
}

static void vu_did_move(struct vtd_unit *unit, struct vu_bind *b, u16 did)
{
	cds_hlist_del(&b->did_node);
	b->target.did = did;
	cds_hlist_add_head(&b->did_node, &unit->dids[did].binds);
}

static bool vu_target_same(const struct vu_target *a, const struct vu_target *b)
{
	if (a->pgtt != b->pgtt)
		return false;
	return a->pgtt != VTD_PGTT_FS ||
	       (a->table.address == b->table.address && a->table.levels == b->table.levels &&
		a->table.flags == b->table.flags);
}

/*
 * In global mode a number names one address space, whichever device uses it. So devices in that mode
 * share it; a guest gives them equal entries. Return: the binding of the same number of another one.
 */
static struct vu_bind *vu_bind_twin(struct vtd_unit *unit, const struct vu_dev *dev, u32 pasid)
{
	struct vu_dev *other;
	struct vu_bind *b;

	if (!dev->global || !pasid)
		return NULL;
	list_for_each_entry(other, &unit->devices, link) {
		b = other == dev || !other->global ? NULL : vu_bind_find(other, pasid);
		if (b && b->target.pgtt == VTD_PGTT_FS)
			return b;
	}
	return NULL;
}

/* An address space of its own, or the one of the other devices with this number. */
static int vu_bind_space(struct vtd_unit *unit, struct vu_bind *b, bool bound)
{
	struct vu_bind *twin = vu_bind_twin(unit, b->dev, b->pasid);

	if (!twin)
		return ioasid_alloc_user_table(unit->cfg.ctx, unit->cfg.gpa_ioasid,
					       bound ? &b->target.table : NULL, &b->ioasid);
	if (!vu_target_same(&twin->target, &b->target))
		return -EEXIST;
	b->ioasid = twin->ioasid;
	return 0;
}

/* A binding that nothing leads to yet. A user table gets @target's table at once if @bound. */
static int vu_bind_new(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid,
		       const struct vu_target *target, bool bound, struct vu_bind **bind)
{
	struct vu_bind *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int rc;

	if (!b)
		return -ENOMEM;
	b->dev = dev;
	b->pasid = pasid;
	b->target = *target;
	b->ioasid = unit->cfg.gpa_ioasid;
	INIT_LIST_HEAD(&b->dev_link);
	if (target->pgtt == VTD_PGTT_FS) {
		rc = vu_bind_space(unit, b, bound);
		if (rc) {
			kfree(b);
			return rc;
		}
	}
	cds_hlist_add_head(&b->did_node, &unit->dids[target->did].binds);
	unit->nr_binds++;
	vu_gauge(&unit->stats.bound_now, 1);
	*bind = b;
	return 0;
}

/* Somebody else's binding has the address space, too. */
static bool vu_space_shared(struct vtd_unit *unit, const struct vu_bind *b)
{
	struct vu_bind *other;
	struct vu_dev *dev;

	list_for_each_entry(dev, &unit->devices, link) {
		other = vu_bind_find(dev, b->pasid);
		if (other && other != b && other->ioasid == b->ioasid)
			return true;
	}
	list_for_each_entry(other, &unit->zombies, dev_link)
		if (other != b && other->ioasid == b->ioasid)
			return true;
	return false;
}

static bool vu_bind_try_free(struct vtd_unit *unit, struct vu_bind *b)
{
	int rc = 0;

	if (b->target.pgtt == VTD_PGTT_FS && !vu_space_shared(unit, b))
		rc = ioasid_ioas_free(unit->cfg.ctx, b->ioasid);
	/* A device that did not answer in time may still hold it. */
	if (rc && rc != -ENOENT)
		return false;
	unit->nr_binds--;
	kfree(b);
	return true;
}

/* The opposite of vu_bind_new(); no route leads to it any more. */
static void vu_bind_free(struct vtd_unit *unit, struct vu_bind *b)
{
	cds_hlist_del(&b->did_node);
	vu_gauge(&unit->stats.bound_now, -1);
	b->dev = NULL;
	if (!vu_bind_try_free(unit, b))
		list_add(&b->dev_link, &unit->zombies);
}

void vu_bind_reap(struct vtd_unit *unit)
{
	struct vu_bind *b, *next;

	list_for_each_entry_safe(b, next, &unit->zombies, dev_link) {
		list_del(&b->dev_link);
		if (!vu_bind_try_free(unit, b))
			list_add(&b->dev_link, &unit->zombies);
	}
}

/* ---- reading the guest's tables ------------------------------------------------------------------ */

/* What the guest's tables say about a request. Return: 0 or the fault reason. */
static u8 vu_target_read(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid,
			 struct vu_target *target)
{
	struct vtd_req req = {
		.rid = dev->rid,
		.has_pasid = pasid != 0,
		.type = VTD_REQ_UNTRANSLATED,
		.pasid = pasid,
	};
	struct vtd_lookup res;

	*target = (struct vu_target){ 0 };
	if (vtd_lookup(&unit->mem, &unit->caps, unit->root, &req, &res, NULL))
		return res.reason;
	target->pgtt = res.te.pgtt;
	target->did = res.te.did;
	if (res.te.pgtt != VTD_PGTT_FS)
		return 0;
	target->table.format = IOASID_FORMAT_VTD_FS;
	target->table.levels = res.te.fs_levels;
	target->table.address = res.te.fs_root;
	if (res.te.flags & VTD_TE_SRE)
		target->table.flags |= IOASID_TABLE_SRE;
	if (res.te.flags & VTD_TE_WPE)
		target->table.flags |= IOASID_TABLE_WPE;
	if (res.te.flags & VTD_TE_EAFE)
		target->table.flags |= IOASID_TABLE_EAFE;
	return 0;
}

/* A present entry that makes no sense is worth a count; one that is not there is everyday. */
static void vu_reason_count(struct vtd_unit *unit, u8 reason)
{
	if (reason == VTD_SPT_3 || reason == VTD_SPT_4)
		vu_count(&unit->stats.bind_errors);
}

static bool vu_scalable(const struct vtd_unit *unit)
{
	return unit->te && FIELD_GET(VTD_RTADDR_TTM, unit->root) == VTD_TTM_SCALABLE;
}

/* The scalable-mode context entry of a device. Return: false if there is no good one. */
static bool vu_context_read(struct vtd_unit *unit, u16 rid, struct vtd_ctx *ctx)
{
	u64 slot = (unit->root & VTD_RTADDR_RTA) + (rid >> 8) * 16 + (rid & 0x80 ? 8 : 0);
	u64 words[VTD_CTX_WORDS], half;
	const u64 *p;
	u32 i;

	if (!vu_scalable(unit))
		return false;
	p = vu_gpa(unit, slot, 8, false);
	half = p ? READ_ONCE(*p) : 0;
	if (!(half & VTD_RE_P))
		return false;
	p = vu_gpa(unit, (half & VTD_RE_CTP) + (rid & 0x7f) * sizeof(words), sizeof(words), false);
	if (!p)
		return false;
	for (i = 0; i < VTD_CTX_WORDS; i++)
		words[i] = READ_ONCE(p[i]);
	return vtd_ce_decode(&unit->caps, words, ctx) == 0;
}

/* ---- the table of the CPUs --------------------------------------------------------------------------- */

/* Another device's binding of the number whose translation is there. */
static bool vu_cpu_shared(struct vtd_unit *unit, const struct vu_bind *b)
{
	struct vu_dev *dev;
	struct vu_bind *other;

	list_for_each_entry(dev, &unit->devices, link) {
		other = dev == b->dev ? NULL : vu_bind_find(dev, b->pasid);
		if (other && other->cpu)
			return true;
	}
	return false;
}

/*
 * The guest's CPUs may send the number from now on. Of a device in local mode they cannot: nothing is
 * routed by what they would send. Return: 0 or what CPU_PASID_MAP says.
 */
static int vu_cpu_map(struct vtd_unit *unit, struct vu_bind *b)
{
	int rc;

	if (!(unit->cfg.flags & VTD_UNIT_CPU_PASID) || !b->pasid)
		return 0;
	rc = ioasid_cpu_pasid_map(unit->cfg.ctx, b->pasid);
	b->cpu = !rc;
	return rc == -ENOENT ? 0 : rc;
}

/* ... not any more: on return no CPU sends it. */
static void vu_cpu_unmap(struct vtd_unit *unit, struct vu_bind *b)
{
	if (b->cpu && !vu_cpu_shared(unit, b))
		ioasid_cpu_pasid_unmap(unit->cfg.ctx, b->pasid);
	b->cpu = false;
}

/* ---- PASID routes ---------------------------------------------------------------------------------- */

/*
 * The number comes last: until SET_HWID nothing is routed, so no request can meet a table that is
 * not there, and the binding is published before the first page request can be raised.
 */
static int vu_route_make(struct vtd_unit *unit, struct vu_bind *b)
{
	struct ioasid *ctx = unit->cfg.ctx;
	struct vu_dev *dev = b->dev;
	bool pass = b->target.pgtt == VTD_PGTT_PASS;
	int rc;

	if (!pass || !dev->nr_pass) {
		rc = ioasid_dev_attach_pasid(dev->handle, b->ioasid, 0, 0);
		if (rc)
			return rc;
	}
	rc = pass ? 0 : ioasid_bind_pgtable(ctx, b->ioasid, &b->target.table);
	if (rc)
		goto detach;
	vu_tree_set(unit, dev, b->pasid, b);
	rc = ioasid_set_hwid_dev(ctx, b->ioasid, b->pasid, dev->cookie);
	if (rc)
		goto unset;
	rc = vu_cpu_map(unit, b);
	if (rc)
		goto clear;
	list_add(&b->dev_link, &dev->binds);
	dev->nr_pass += pass;
	return 0;

clear:
	vu_tree_set(unit, dev, b->pasid, NULL);
	/* It was routed for a moment: the guest may have got page requests of it. */
	vu_request_orphan(unit, dev, b->pasid);
	ioasid_clear_hwid_dev(ctx, b->ioasid, b->pasid, dev->cookie);
	goto detach;
unset:
	vu_tree_set(unit, dev, b->pasid, NULL);
detach:
	if (!pass || !dev->nr_pass)
		ioasid_dev_detach_pasid(dev->handle, b->ioasid);
	return rc;
}

static void vu_route_end(struct vtd_unit *unit, struct vu_bind *b)
{
	struct vu_dev *dev = b->dev;
	bool pass = b->target.pgtt == VTD_PGTT_PASS;

	list_del(&b->dev_link);
	dev->nr_pass -= pass;
	vu_cpu_unmap(unit, b);
	/* From here on page requests of the number are refused; then those that wait are. */
	vu_tree_set(unit, dev, b->pasid, NULL);
	vu_request_orphan(unit, dev, b->pasid);
	ioasid_clear_hwid_dev(unit->cfg.ctx, b->ioasid, b->pasid, dev->cookie);
	if (!pass || !dev->nr_pass)
		ioasid_dev_detach_pasid(dev->handle, b->ioasid);
}

static void vu_parked_end(struct vtd_unit *unit, struct vu_bind *b);

/*
 * What is kept for page requests of a number stands in the way of a new address space for it, where that
 * is one for all devices: it ends, and the requests with it.
 */
static void vu_parked_yield(struct vtd_unit *unit, const struct vu_dev *dev, u32 pasid)
{
	struct vu_bind *b, *next;
	struct vu_dev *other;

	if (!dev->global)
		return;
	list_for_each_entry(other, &unit->devices, link) {
		if (other == dev || !other->global)
			continue;
		list_for_each_entry_safe(b, next, &other->parked, dev_link)
			if (b->pasid == pasid)
				vu_parked_end(unit, b);
	}
}

static int vu_bind_add(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid,
		       const struct vu_target *target)
{
	struct vu_bind *b;
	int rc;

	if (pasid >= dev->pasid_limit)
		return -ERANGE;
	if (unit->nr_binds >= unit->cfg.max_pasids)
		return -EDQUOT;
	rc = vu_tree_reserve(unit, dev, pasid);
	if (rc)
		return rc;
	vu_parked_yield(unit, dev, pasid);
	rc = vu_bind_new(unit, dev, pasid, target, false, &b);
	if (rc)
		goto unreserve;
	rc = vu_route_make(unit, b);
	if (rc) {
		vu_bind_free(unit, b);
		goto unreserve;
	}
	vu_count(&unit->stats.binds);
	vu_trace(unit, "bind rid %04x pasid %u pgtt %u did %u root %llx -> ioasid %u", dev->rid,
		 pasid, target->pgtt, target->did, (unsigned long long)target->table.address,
		 b->ioasid);
	return 0;

unreserve:
	vu_tree_trim(unit, dev, pasid);
	return rc;
}

/*
 * An entry goes while the guest handles page requests of its number. Hardware lets the device wait
 * for the guest's answer, and guests rely on it: a device that reports "stopped" has no request left
 * with software. Ending the route now would answer them at once, so it stays, leading nowhere, until
 * the guest has answered. Return: false: nothing waits, or it cannot be done.
 */
static bool vu_bind_park(struct vtd_unit *unit, struct vu_bind *b)
{
	struct ioasid_table nowhere = b->target.table;

	if (b->target.pgtt != VTD_PGTT_FS || !vu_request_waits(unit, b->dev, b->pasid) ||
	    vu_bind_twin(unit, b->dev, b->pasid) ||
	    unit->ops.gpa(unit->cfg.opaque, VU_NOWHERE, 8, false))
		return false;
	nowhere.address = VU_NOWHERE;
	if (ioasid_bind_pgtable(unit->cfg.ctx, b->ioasid, &nowhere))
		return false;
	vu_cpu_unmap(unit, b);
	vu_tree_set(unit, b->dev, b->pasid, NULL);
	b->parked = true;
	list_del(&b->dev_link);
	list_add(&b->dev_link, &b->dev->parked);
	vu_count(&unit->stats.unbinds);
	vu_trace(unit, "park rid %04x pasid %u ioasid %u", b->dev->rid, b->pasid, b->ioasid);
	return true;
}

static void vu_parked_end(struct vtd_unit *unit, struct vu_bind *b)
{
	struct vu_dev *dev = b->dev;

	vu_trace(unit, "unbind rid %04x pasid %u ioasid %u", dev->rid, b->pasid, b->ioasid);
	list_del(&b->dev_link);
	vu_request_drop(unit, dev, b->pasid);
	ioasid_clear_hwid_dev(unit->cfg.ctx, b->ioasid, b->pasid, dev->cookie);
	ioasid_dev_detach_pasid(dev->handle, b->ioasid);
	vu_bind_free(unit, b);
}

void vu_bind_settle(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_bind *b, *next;

	list_for_each_entry_safe(b, next, &dev->parked, dev_link) {
		if ((pasid == IOASID_INVALID || b->pasid == pasid) &&
		    !vu_request_waits(unit, dev, b->pasid))
			vu_parked_end(unit, b);
	}
}

/*
 * The number has an entry again: what still waits is tried again under the new table. Return: false:
 * it was not parked, or is not any more.
 */
static bool vu_bind_unpark(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid,
			   const struct vu_target *target)
{
	struct vu_bind *b;

	list_for_each_entry(b, &dev->parked, dev_link) {
		if (b->pasid != pasid)
			continue;
		if (target->pgtt != VTD_PGTT_FS || vu_tree_reserve(unit, dev, pasid) ||
		    ioasid_bind_pgtable(unit->cfg.ctx, b->ioasid, &target->table) ||
		    vu_cpu_map(unit, b)) {
			vu_tree_trim(unit, dev, pasid);
			vu_parked_end(unit, b);
			return false;
		}
		list_del(&b->dev_link);
		list_add(&b->dev_link, &dev->binds);
		b->parked = false;
		b->target.table = target->table;
		vu_did_move(unit, b, target->did);
		vu_tree_set(unit, dev, pasid, b);
		vu_count(&unit->stats.binds);
		return true;
	}
	return false;
}

static void vu_bind_remove(struct vtd_unit *unit, struct vu_bind *b)
{
	vu_trace(unit, "unbind rid %04x pasid %u ioasid %u", b->dev->rid, b->pasid, b->ioasid);
	vu_route_end(unit, b);
	vu_bind_free(unit, b);
	vu_count(&unit->stats.unbinds);
}

/* The same kind of entry with another table. Return: 0, or an error and nothing changed. */
static int vu_bind_change(struct vtd_unit *unit, struct vu_bind *b, const struct vu_target *target)
{
	int rc = ioasid_bind_pgtable(unit->cfg.ctx, b->ioasid, &target->table);

	if (rc)
		return rc;
	b->target.table = target->table;
	vu_count(&unit->stats.rebinds);
	vu_trace(unit, "rebind rid %04x pasid %u root %llx", b->dev->rid, b->pasid,
		 (unsigned long long)target->table.address);
	return 0;
}

static int vu_pasid_sync(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	struct vu_bind *b = vu_bind_find(dev, pasid);
	struct vu_target target = { 0 };
	int rc;

	if (vu_scalable(unit))
		vu_reason_count(unit, vu_target_read(unit, dev, pasid, &target));
	if (b && target.pgtt && b->target.did != target.did)
		vu_did_move(unit, b, target.did);
	if (b && vu_target_same(&b->target, &target))
		return 0;
	if (b && b->target.pgtt == VTD_PGTT_FS && target.pgtt == VTD_PGTT_FS &&
	    !vu_bind_change(unit, b, &target))
		return 0;
	if (b && (target.pgtt || !vu_bind_park(unit, b)))
		vu_bind_remove(unit, b);
	if (!target.pgtt || (!b && vu_bind_unpark(unit, dev, pasid, &target)))
		return 0;
	rc = vu_bind_add(unit, dev, pasid, &target);
	if (rc)
		vu_count(&unit->stats.bind_errors);
	return rc;
}

/* ---- default route --------------------------------------------------------------------------------- */

static int vu_default_attach(struct vu_dev *dev, u32 want)
{
	int rc = 0;

	if (want == dev->attached)
		return 0;
	if (want == IOASID_INVALID)
		ioasid_dev_detach(dev->handle, dev->attached);
	else
		rc = ioasid_dev_attach(dev->handle, want,
				       dev->attached != IOASID_INVALID ? IOASID_ATTACH_REPLACE : 0);
	if (!rc)
		dev->attached = want;
	return rc;
}

/*
 * Move the default route. What cannot be done leaves the device blocked: the guest took the old
 * route away, so keeping it would be the one wrong answer.
 */
static int vu_default_set(struct vtd_unit *unit, struct vu_dev *dev, const struct vu_target *target)
{
	struct vu_bind *old = dev->def, *new = NULL;
	u32 want = IOASID_INVALID;
	int rc = 0;

	if (!unit->te && !(unit->cfg.flags & VTD_UNIT_BLOCK))
		want = unit->cfg.gpa_ioasid;
	if (target->pgtt) {
		rc = vu_bind_new(unit, dev, 0, target, true, &new);
		want = rc ? IOASID_INVALID : new->ioasid;
	}
	vu_tree_set(unit, dev, 0, new);
	if (!rc)
		rc = vu_default_attach(dev, want);
	if (rc) {
		vu_tree_set(unit, dev, 0, NULL);
		vu_default_attach(dev, IOASID_INVALID);
		if (new)
			vu_bind_free(unit, new);
		vu_count(&unit->stats.bind_errors);
	} else if (new) {
		vu_count(&unit->stats.binds);
	}
	if (old) {
		vu_request_orphan(unit, dev, 0);
		vu_bind_free(unit, old);
		vu_count(&unit->stats.unbinds);
	}
	vu_trace(unit, "default route rid %04x -> ioasid %d (pgtt %u root %llx) rc %d", dev->rid,
		 (int)dev->attached, target->pgtt, (unsigned long long)target->table.address, rc);
	return rc;
}

static int vu_default_sync(struct vtd_unit *unit, struct vu_dev *dev)
{
	bool open = !unit->te && !(unit->cfg.flags & VTD_UNIT_BLOCK);
	struct vu_target target = { 0 };
	struct vu_bind *b = dev->def;

	if (unit->te)
		vu_reason_count(unit, vu_target_read(unit, dev, 0, &target));
	if (b && target.pgtt && b->target.did != target.did)
		vu_did_move(unit, b, target.did);
	if (b && vu_target_same(&b->target, &target))
		return 0;
	if (!b && !target.pgtt && (dev->attached != IOASID_INVALID) == open)
		return 0;
	if (b && b->target.pgtt == VTD_PGTT_FS && target.pgtt == VTD_PGTT_FS &&
	    !vu_bind_change(unit, b, &target))
		return 0;
	return vu_default_set(unit, dev, &target);
}

/* ---- whole devices ----------------------------------------------------------------------------------- */

int vu_bind_sync(struct vtd_unit *unit, struct vu_dev *dev, u32 pasid)
{
	return pasid ? vu_pasid_sync(unit, dev, pasid) : vu_default_sync(unit, dev);
}

/* One page of 64 PASID entries. Return: false: enough of it. */
static bool vu_scan_table(struct vtd_unit *unit, struct vu_dev *dev, const u64 *table, u32 first,
			  u32 *errors)
{
	u32 i, pasid;
	int rc;

	for (i = 0; i < (1u << VTD_PE_TABLE_LG2); i++) {
		pasid = first + i;
		if (!(READ_ONCE(table[i * VTD_PE_WORDS]) & VTD_PE0_P) || !pasid)
			continue;
		if (pasid >= dev->pasid_limit)
			return false;
		if (vu_bind_find(dev, pasid))
			continue;
		rc = vu_pasid_sync(unit, dev, pasid);
		if (rc == -EDQUOT || rc == -ENOMEM || rc == -ENOSPC)
			return false;
		if (rc && ++*errors >= VU_SCAN_ERRORS)
			return false;
	}
	return true;
}

/*
 * Caching mode: entries that appeared are announced by an invalidation, which may name no number.
 * Guest memory is reached a page at a time.
 */
static void vu_scan(struct vtd_unit *unit, struct vu_dev *dev, const struct vtd_ctx *ctx)
{
	u32 nr = min(1u << (ctx->pdts + VTD_PDTS_PASID_LG2 - VTD_PE_TABLE_LG2),
		     DIV_ROUND_UP(dev->pasid_limit, 1u << VTD_PE_TABLE_LG2));
	const u64 *dir = NULL, *table;
	u32 i, errors = 0;
	u64 de;

	vu_count(&unit->stats.scans);
	for (i = 0; i < nr; i++) {
		if (!(i % 512))
			dir = vu_gpa(unit, ctx->dir + i * 8ULL, PAGE_SIZE, false);
		de = dir ? READ_ONCE(dir[i % 512]) : 0;
		if (!(de & VTD_DE_P))
			continue;
		table = vu_gpa(unit, de & VTD_DE_SMPTBLPTR, PAGE_SIZE, false);
		if (table && !vu_scan_table(unit, dev, table, i << VTD_PE_TABLE_LG2, &errors))
			return;
	}
}

int vu_bind_sync_dev(struct vtd_unit *unit, struct vu_dev *dev)
{
	struct vu_bind *b, *next;
	struct vtd_ctx ctx = { 0 };
	bool good;
	int rc;

	/* All that the guest changed before it wrote the tail was visible the first time. */
	if (dev->scan_run == unit->run)
		return 0;
	dev->scan_run = unit->run;
	good = vu_context_read(unit, dev->rid, &ctx);
	mutex_lock(&unit->regs_lock);
	dev->page_requests = good && (ctx.flags & VTD_TE_PR);
	mutex_unlock(&unit->regs_lock);
	rc = vu_default_sync(unit, dev);
	/* An entry that changes its kind comes back at the head: not met again by this loop. */
	list_for_each_entry_safe(b, next, &dev->binds, dev_link)
		vu_pasid_sync(unit, dev, b->pasid);
	if (good && (ctx.flags & VTD_TE_PASID) && unit->caps.cm)
		vu_scan(unit, dev, &ctx);
	return rc;
}

void vu_bind_sync_all(struct vtd_unit *unit)
{
	struct vu_dev *dev;

	list_for_each_entry(dev, &unit->devices, link)
		vu_bind_sync_dev(unit, dev);
}

void vu_bind_drop_dev(struct vtd_unit *unit, struct vu_dev *dev)
{
	struct vu_bind *b, *next, *def = dev->def;

	list_for_each_entry_safe(b, next, &dev->binds, dev_link)
		vu_bind_remove(unit, b);
	vu_tree_set(unit, dev, 0, NULL);
	vu_request_drop(unit, dev, IOASID_INVALID);
	vu_bind_settle(unit, dev, IOASID_INVALID);
	vu_default_attach(dev, IOASID_INVALID);
	if (!def)
		return;
	vu_bind_free(unit, def);
	vu_count(&unit->stats.unbinds);
}
