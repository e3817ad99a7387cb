/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Template: the page table builder. A format's .c file defines PT_FMT as the format's prefix,
 * includes the format's pgtable_fmt_*.h and then this file, and gets <prefix>_iopt_ops.
 *
 * The format provides (<prefix>_ before each name)
 *	GRANULE_LG2, INDEX_LG2, LEVELS_MAX	smallest page, index bits per level, levels
 *	present(e)			hardware would use the entry
 *	is_leaf(e, lvl)			a present entry is a page, not a pointer
 *	table_pa(e), leaf_oa(e, lg2)	where it points
 *	make_table(pa)			a pointer entry
 *	leaf_attrs(pt, prot, lvl)	all of a leaf but the address
 *	make_leaf(pa, attrs)
 *	leaf_prot(e), leaf_dirty(e), leaf_clean(e)
 *	page_sizes(), ia_lg2(levels)	what exists; negative errno for impossible levels
 *	prot_check(pt, prot)
 *
 * Invariants between calls: no table below the root is empty, and software never splits a leaf. So
 * a present entry in a range means that something is mapped there, and removal needs no memory.
 *
 * Map runs the same code twice: first to plan (check that the range is free, count the tables it
 * needs), then, with all memory in hand, to commit. Until then no store was made.
 */
#ifndef PT_FMT
#error "define PT_FMT"
#endif

#include "formats/pgtable.h"

#define PT_CAT2(a, b) a##_##b
#define PT_CAT(a, b)  PT_CAT2(a, b)
#define PTF(name)     PT_CAT(PT_FMT, name)

enum {
	PTF(NR_ENTRIES) = 1 << PTF(INDEX_LG2),
	PTF(INDEX_MASK) = PTF(NR_ENTRIES) - 1,
};

/* Bytes that one entry at @lvl covers, as a power of two. */
static __always_inline unsigned int PTF(entry_lg2)(unsigned int lvl)
{
	return PTF(GRANULE_LG2) + lvl * PTF(INDEX_LG2);
}

static __always_inline u64 PTF(entry_size)(unsigned int lvl)
{
	return 1ULL << PTF(entry_lg2)(lvl);
}

static __always_inline unsigned int PTF(index)(u64 va, unsigned int lvl)
{
	return (unsigned int)(va >> PTF(entry_lg2)(lvl)) & PTF(INDEX_MASK);
}

static __always_inline void PTF(sync)(const struct iopt *pt, const u64 *word)
{
	struct table_sync *sync = pt->env->sync;

	if (unlikely(sync))
		sync->at(sync, word);
}

static __always_inline void PTF(store)(const struct iopt *pt, u64 *word, u64 val)
{
	WRITE_ONCE(*word, val);
	PTF(sync)(pt, word);
}

/* Our own table, by the pointer entry that leads to it. */
static __always_inline u64 *PTF(child)(const struct iopt *pt, u64 e)
{
	return phys_at_u64(pt->env->mem, PTF(table_pa)(e));
}

/* ---- map ----------------------------------------------------------------------------------- */

/*
 * State of a fill. @table[l] is the table at level l on the path to @va; when planning it is NULL
 * below the first table that does not exist yet. @spare is a chain of fresh pages, linked through
 * their first words; @nr_tables counts what was needed. @oa_bad and @ia_bad are the bits that
 * output and input addresses must not have.
 */
struct PTF(fill) {
	struct iopt *pt;
	struct table_sync *sync;
	const struct iopt_extent *ext;
	u64 nr_ext;
	u64 va;
	u64 pa;
	u64 len;
	u64 spare;
	u64 nr_tables;
	u64 oa_bad;
	u64 ia_bad;
	u32 prot;
	u64 *table[PTF(LEVELS_MAX)];
};

/* What is wrong with the extent [@pa, @pa + @len - 1] at @va. */
static noinline int PTF(extent_errno)(u64 pa, u64 len)
{
	if (!len || (len | pa) & (PTF(entry_size)(0) - 1) || pa + (len - 1) < pa)
		return -EINVAL;
	return -ERANGE;
}

/*
 * Is it good? The limits are powers of two minus one, so all that must not be set can be collected
 * and tested at once; and they are small enough that sums of what passes do not wrap.
 */
static __always_inline int PTF(extent_check)(const struct PTF(fill) * f, u64 va, u64 pa, u64 len)
{
	u64 more = len - 1, bad;

	bad = (len | pa) & (PTF(entry_size)(0) - 1);
	bad |= (more | pa | (pa + more)) & f->oa_bad;
	bad |= (va + more) & f->ia_bad;
	return likely(!bad) ? 0 : PTF(extent_errno)(pa, len);
}

/*
 * Next extent, joined with those that continue it. The plan checks each one as it comes by.
 * Return: 0, -EINVAL, -ERANGE.
 */
static __always_inline int PTF(fill_extent)(struct PTF(fill) * f, const bool commit)
{
	const struct iopt_extent *ext = f->ext;
	u64 pa = ext->pa, len = ext->len;
	int rc;

	if (!commit) {
		rc = PTF(extent_check)(f, f->va, pa, len);
		if (unlikely(rc))
			return rc;
	}
	f->pa = pa;
	f->len = len;
	f->ext = ++ext;
	if (likely(!--f->nr_ext || ext->pa != pa + len))
		return 0;
	do {
		if (!commit) {
			rc = PTF(extent_check)(f, f->va + f->len, ext->pa, ext->len);
			if (unlikely(rc))
				return rc;
		}
		f->len += ext->len;
		ext++;
	} while (--f->nr_ext && ext->pa == pa + f->len);
	f->ext = ext;
	return 0;
}

/* May the next page be one of @lvl? */
static __always_inline bool PTF(fill_fits)(const struct PTF(fill) * f, unsigned int lvl)
{
	u64 size = PTF(entry_size)(lvl);

	if (lvl == 0)
		return true;
	return (f->pt->page_sizes & size) && !((f->va | f->pa) & (size - 1)) && f->len >= size;
}

static __always_inline u64 *PTF(fill_take)(struct PTF(fill) * f)
{
	u64 *table = phys_at_u64(f->pt->env->mem, f->spare);

	f->spare = table[0];
	table[0] = 0;
	/* Hardware may follow the pointer as soon as it is there: zeroes first. */
	dma_wmb();
	return table;
}

/* Go one level down to the table that covers @f->va; make it if need be. */
static __always_inline int PTF(fill_down)(struct PTF(fill) * f, unsigned int lvl, const bool commit)
{
	u64 *entry = f->table[lvl] ? &f->table[lvl][PTF(index)(f->va, lvl)] : NULL;
	u64 e = entry ? READ_ONCE(*entry) : 0;
	u64 pa = f->spare;

	if (PTF(present)(e)) {
		f->table[lvl - 1] = PTF(child)(f->pt, e);
		return PTF(is_leaf)(e, lvl) ? -EEXIST : 0;
	}
	f->nr_tables++;
	f->table[lvl - 1] = NULL;
	if (commit) {
		f->table[lvl - 1] = PTF(fill_take)(f);
		PTF(store)(f->pt, entry, PTF(make_table)(pa));
	}
	return 0;
}

/* @n leaves at @entry, from @f->pa on. Return: 0 or -EEXIST. */
static __always_inline int PTF(fill_leaves)(struct PTF(fill) * f, u64 *entry, u64 n, u64 attrs,
					    unsigned int lg2, const bool commit)
{
	struct table_sync *sync = f->sync;
	u64 i;

	for (i = 0; i < n; i++) {
		u64 pa = f->pa + (i << lg2);

		if (commit) {
			WRITE_ONCE(entry[i], PTF(make_leaf)(pa, attrs));
			if (unlikely(sync))
				sync->at(sync, &entry[i]);
		} else if (PTF(present)(READ_ONCE(entry[i]))) {
			return -EEXIST;
		}
	}
	return 0;
}

/*
 * Extents of one page each from @f on, for as long as they come, up to input address @end.
 * Scattered memory is the case that takes time, so it has a tight loop of its own. @entry is NULL
 * when planning for a table that does not exist. Return as fill_run().
 */
static __always_inline int PTF(fill_singles)(struct PTF(fill) * f, u64 *entry, u64 attrs, u64 end,
					     const bool commit)
{
	const u64 size = PTF(entry_size)(0);
	int rc;

	while (f->len == size && f->va != end) {
		if (commit || entry) {
			rc = PTF(fill_leaves)(f, entry++, 1, attrs, 0, commit);
			if (unlikely(rc))
				return rc;
		}
		f->va += size;
		if (unlikely(!f->nr_ext))
			return 1;
		rc = PTF(fill_extent)(f, commit);
		if (unlikely(rc))
			return rc;
	}
	return 0;
}

/*
 * Leaves from @shared->va on, until the end of the table, the end of the mapping, or a place where
 * a page of this size does not fit. Return: 0: more to do; 1: all done; negative errno.
 *
 * It works on a copy of the state, and each of its instances is a function of its own, so that
 * everything in the loops stays in registers.
 */
static __always_inline int PTF(fill_run)(struct PTF(fill) * shared, unsigned int lvl,
					 const bool commit)
{
	struct PTF(fill) f = {
		.pt = shared->pt,
		.sync = shared->sync,
		.ext = shared->ext,
		.nr_ext = shared->nr_ext,
		.va = shared->va,
		.pa = shared->pa,
		.len = shared->len,
		.oa_bad = shared->oa_bad,
		.ia_bad = shared->ia_bad,
	};
	u64 attrs = commit ? PTF(leaf_attrs)(f.pt, shared->prot, lvl) : 0;
	const u64 end = (f.va | (PTF(entry_size)(lvl + 1) - 1)) + 1;
	unsigned int lg2 = PTF(entry_lg2)(lvl);
	u64 *table = shared->table[lvl];
	int rc = 0;

	while (f.va != end && PTF(fill_fits)(&f, lvl)) {
		u64 *entry = table ? &table[PTF(index)(f.va, lvl)] : NULL;
		/* What is left of this extent fits as often as it is long: it stays aligned. */
		u64 n = min_t(u64, f.len, end - f.va) >> lg2;

		if (lvl == 0 && n == 1 && f.len >> lg2 == 1) {
			rc = PTF(fill_singles)(&f, entry, attrs, end, commit);
			if (unlikely(rc))
				break;
			continue;
		}
		if (commit || table)
			rc = PTF(fill_leaves)(&f, entry, n, attrs, lg2, commit);
		if (unlikely(rc))
			break;
		f.va += n << lg2;
		f.pa += n << lg2;
		f.len -= n << lg2;
		if (!f.len)
			rc = f.nr_ext ? PTF(fill_extent)(&f, commit) : 1;
		if (unlikely(rc))
			break;
	}
	shared->ext = f.ext;
	shared->nr_ext = f.nr_ext;
	shared->va = f.va;
	shared->pa = f.pa;
	shared->len = f.len;
	return rc;
}

static noinline int PTF(fill_run_plan)(struct PTF(fill) * f, unsigned int lvl)
{
	return PTF(fill_run)(f, lvl, false);
}

static noinline int PTF(fill_run_plan_0)(struct PTF(fill) * f)
{
	return PTF(fill_run)(f, 0, false);
}

/* The same where there is no table yet: nothing to look at but the extents. */
static noinline int PTF(fill_run_plan_new)(struct PTF(fill) * f)
{
	f->table[0] = NULL;
	return PTF(fill_run)(f, 0, false);
}

static noinline int PTF(fill_run_commit)(struct PTF(fill) * f, unsigned int lvl)
{
	return PTF(fill_run)(f, lvl, true);
}

static noinline int PTF(fill_run_commit_0)(struct PTF(fill) * f)
{
	return PTF(fill_run)(f, 0, true);
}

static __always_inline int PTF(fill)(struct PTF(fill) * f, const bool commit)
{
	unsigned int lvl = f->pt->top;
	int rc;

	f->table[lvl] = f->pt->root;
	rc = PTF(fill_extent)(f, commit);
	if (rc)
		return rc;
	do {
		u64 was = f->va;

		for (; !PTF(fill_fits)(f, lvl); lvl--) {
			rc = PTF(fill_down)(f, lvl, commit);
			if (rc)
				return rc;
		}
		if (commit)
			rc = lvl ? PTF(fill_run_commit)(f, lvl) : PTF(fill_run_commit_0)(f);
		else if (lvl)
			rc = PTF(fill_run_plan)(f, lvl);
		else
			rc = f->table[0] ? PTF(fill_run_plan_0)(f) : PTF(fill_run_plan_new)(f);
		/* Up to the level whose table has both the last page and the next. */
		was ^= f->va;
		while (lvl < f->pt->top && was >> PTF(entry_lg2)(lvl + 1))
			lvl++;
	} while (!rc);
	return rc < 0 ? rc : 0;
}

static noinline int PTF(fill_plan)(struct PTF(fill) * f)
{
	return PTF(fill)(f, false);
}

static noinline void PTF(fill_commit)(struct PTF(fill) * f)
{
	WARN_ON_ONCE(PTF(fill)(f, true));
}

static void PTF(fill_put_spare)(struct PTF(fill) * f, u64 nr)
{
	const struct table_env *env = f->pt->env;

	while (nr--) {
		u64 pa = f->spare;
		u64 *table = phys_at_u64(env->mem, pa);

		f->spare = table[0];
		env->alloc->free(env->alloc, table, pa, 0);
	}
}

static int PTF(fill_get_spare)(struct PTF(fill) * f, u64 nr)
{
	const struct table_env *env = f->pt->env;
	u64 pa, i;

	for (i = 0; i < nr; i++) {
		u64 *table = env->alloc->alloc(env->alloc, 0, &pa);

		if (!table) {
			PTF(fill_put_spare)(f, i);
			return -ENOMEM;
		}
		table[0] = f->spare;
		f->spare = pa;
	}
	return 0;
}

static int PTF(map)(struct iopt *pt, u64 iova, const struct iopt_extent *ext, u64 nr, u32 prot)
{
	struct PTF(fill) plan = {
		.pt = pt,
		.sync = pt->env->sync,
		.ext = ext,
		.nr_ext = nr,
		.va = iova,
		.oa_bad = ~pt->oa_last,
		.ia_bad = ~pt->ia_last,
		.prot = prot,
	};
	struct PTF(fill) f = plan;
	int rc = PTF(prot_check)(pt, prot);

	if (rc)
		return rc;
	rc = PTF(fill_plan)(&plan);
	if (rc)
		return rc;
	rc = PTF(fill_get_spare)(&f, plan.nr_tables);
	if (rc)
		return rc;
	pt->nr_tables += plan.nr_tables;
	PTF(fill_commit)(&f);
	return 0;
}

/* ---- going through a range ------------------------------------------------------------------ */

/* A place in the table: @table[l] is valid from the root's level down to @lvl. */
struct PTF(pos) {
	u64 va;
	unsigned int lvl;
	u64 *table[PTF(LEVELS_MAX)];
};

static __always_inline void PTF(pos_init)(const struct iopt *pt, struct PTF(pos) * pos, u64 va)
{
	pos->va = va;
	pos->lvl = pt->top;
	pos->table[pt->top] = pt->root;
}

static __always_inline u64 *PTF(pos_entry)(const struct PTF(pos) * pos)
{
	return &pos->table[pos->lvl][PTF(index)(pos->va, pos->lvl)];
}

/* Last address of the entry at @pos. */
static __always_inline u64 PTF(pos_last)(const struct PTF(pos) * pos)
{
	return pos->va | (PTF(entry_size)(pos->lvl) - 1);
}

static __always_inline void PTF(pos_down)(const struct iopt *pt, struct PTF(pos) * pos, u64 e)
{
	pos->lvl--;
	pos->table[pos->lvl] = PTF(child)(pt, e);
}

/*
 * On to the next entry, and up until it lies in the table at hand. The next address must exist,
 * that is the entry must not be the last one of the range wanted.
 */
static __always_inline void PTF(pos_next)(const struct iopt *pt, struct PTF(pos) * pos)
{
	u64 was = pos->va;

	pos->va = PTF(pos_last)(pos) + 1;
	was ^= pos->va;
	while (pos->lvl < pt->top && was >> PTF(entry_lg2)(pos->lvl + 1))
		pos->lvl++;
}

/* From @pos on, find the next leaf that starts at or before @last. Does not move past it. */
static __always_inline bool PTF(pos_leaf)(const struct iopt *pt, struct PTF(pos) * pos, u64 last,
					  u64 *leaf)
{
	for (;;) {
		u64 e = READ_ONCE(*PTF(pos_entry)(pos));

		if (PTF(present)(e)) {
			if (PTF(is_leaf)(e, pos->lvl)) {
				*leaf = e;
				return true;
			}
			PTF(pos_down)(pt, pos, e);
			continue;
		}
		if (PTF(pos_last)(pos) >= last)
			return false;
		PTF(pos_next)(pt, pos);
	}
}

static bool PTF(next)(const struct iopt *pt, u64 start, u64 last, struct iopt_leaf *leaf)
{
	struct PTF(pos) pos;
	u64 e;

	PTF(pos_init)(pt, &pos, start);
	if (!PTF(pos_leaf)(pt, &pos, last, &e))
		return false;
	leaf->lg2 = (u8)PTF(entry_lg2)(pos.lvl);
	leaf->iova = pos.va & ~(PTF(entry_size)(pos.lvl) - 1);
	leaf->pa = PTF(leaf_oa)(e, leaf->lg2);
	leaf->prot = PTF(leaf_prot)(e);
	leaf->dirty = PTF(leaf_dirty)(e);
	return true;
}

/* Clear the dirty bit. Return: whether it was set. */
static bool PTF(leaf_wash)(const struct iopt *pt, u64 *entry, u64 e)
{
	/* Hardware may set bits meanwhile; only the owner of the table, our caller, removes leaves. */
	while (PTF(leaf_dirty)(e)) {
		if (try_cmpxchg(entry, &e, PTF(leaf_clean)(e))) {
			PTF(sync)(pt, entry);
			return true;
		}
	}
	return false;
}

static int PTF(dirty)(struct iopt *pt, u64 start, u64 last, bool clear,
		      void (*fn)(void *arg, u64 iova, u64 len), void *arg)
{
	struct PTF(pos) pos;
	u64 e;

	PTF(pos_init)(pt, &pos, start);
	while (PTF(pos_leaf)(pt, &pos, last, &e)) {
		u64 size = PTF(entry_size)(pos.lvl);
		bool dirty = clear ? PTF(leaf_wash)(pt, PTF(pos_entry)(&pos), e) :
				     PTF(leaf_dirty)(e);

		if (dirty && fn)
			fn(arg, pos.va & ~(size - 1), size);
		if (PTF(pos_last)(&pos) >= last)
			break;
		PTF(pos_next)(pt, &pos);
	}
	return 0;
}

/* ---- unmap ----------------------------------------------------------------------------------- */

/* Would removing [@start, @last] cut a large page? Only the ones at the two ends can be cut. */
static bool PTF(cuts)(const struct iopt *pt, u64 start, u64 last)
{
	struct iopt_leaf leaf;

	if (PTF(next)(pt, start, start, &leaf) && leaf.iova < start)
		return true;
	return PTF(next)(pt, last, last, &leaf) && leaf.iova + ((1ULL << leaf.lg2) - 1) > last;
}

/* Is nothing left? Look next to the entries just cleared, [@first, @end - 1]: likely neighbours. */
static bool PTF(table_empty)(const u64 *table, unsigned int first, unsigned int end)
{
	unsigned int i;

	for (i = end; i < PTF(NR_ENTRIES); i++)
		if (PTF(present)(READ_ONCE(table[i])))
			return false;
	while (first--)
		if (PTF(present)(READ_ONCE(table[first])))
			return false;
	return true;
}

static __always_inline u64 PTF(count_leaves)(const u64 *table)
{
	unsigned int i;
	u64 nr = 0;

	for (i = 0; i < PTF(NR_ENTRIES); i++)
		nr += PTF(present)(READ_ONCE(table[i]));
	return nr;
}

/*
 * Gather a table that nothing points to any more, and all below it. Their contents stay (but for
 * the link), since a walk that is inside may still read them. Return: bytes that were mapped.
 */
static u64 PTF(gather_tree)(struct iopt *pt, u64 pointer, unsigned int lvl, struct table_gather *g)
{
	unsigned int idx[PTF(LEVELS_MAX)], top = lvl;
	u64 ptr[PTF(LEVELS_MAX)], bytes = 0;

	ptr[lvl] = pointer;
	idx[lvl] = 0;
	for (;;) {
		u64 *table = PTF(child)(pt, ptr[lvl]);

		if (lvl == 0) {
			bytes += PTF(count_leaves)(table) << PTF(GRANULE_LG2);
		} else if (idx[lvl] < PTF(NR_ENTRIES)) {
			u64 e = READ_ONCE(table[idx[lvl]++]);

			if (!PTF(present)(e))
				continue;
			if (PTF(is_leaf)(e, lvl)) {
				bytes += PTF(entry_size)(lvl);
				continue;
			}
			lvl--;
			ptr[lvl] = e;
			idx[lvl] = 0;
			continue;
		}
		table_gather_add(g, table, PTF(table_pa)(ptr[lvl]), 0);
		pt->nr_tables--;
		if (lvl == top)
			return bytes;
		lvl++;
	}
}

/*
 * The last entry to be removed from the table at @pos is gone and the table is left: free it if it
 * is empty, and those above for the same reason. Entries [@first, @end - 1] were cleared.
 */
static void PTF(leave)(struct iopt *pt, struct PTF(pos) * pos, unsigned int first, unsigned int end,
		       struct table_gather *g)
{
	unsigned int lvl = pos->lvl;

	while (lvl < pt->top && PTF(table_empty)(pos->table[lvl], first, end)) {
		unsigned int i = PTF(index)(pos->va, lvl + 1);
		u64 *entry = &pos->table[lvl + 1][i];
		u64 e = READ_ONCE(*entry);

		PTF(store)(pt, entry, 0);
		table_gather_add(g, pos->table[lvl], PTF(table_pa)(e), 0);
		g->what |= TABLE_GATHER_TABLES;
		pt->nr_tables--;
		lvl++;
		first = i;
		end = i + 1;
	}
}

/* Clear the entry at @pos, which lies completely in the range. Return: bytes that were mapped. */
static __always_inline u64 PTF(clear)(struct iopt *pt, u64 *entry, u64 e, unsigned int lvl,
				      struct table_gather *g)
{
	PTF(store)(pt, entry, 0);
	if (PTF(is_leaf)(e, lvl))
		return PTF(entry_size)(lvl);
	g->what |= TABLE_GATHER_TABLES;
	return PTF(gather_tree)(pt, e, lvl - 1, g);
}

/*
 * Clear the entries at @pos and after it in its table, as long as they lie completely in the range
 * up to @last. Moves @pos->va to the last entry treated. Return: bytes that were mapped.
 */
static __always_inline u64 PTF(clear_run)(struct iopt *pt, struct PTF(pos) * pos, u64 last,
					  struct table_gather *g)
{
	unsigned int lvl = pos->lvl, i = PTF(index)(pos->va, lvl);
	u64 bytes = 0, size = PTF(entry_size)(lvl);
	u64 *table = pos->table[lvl];

	for (;;) {
		u64 e = READ_ONCE(table[i]);

		if (PTF(present)(e))
			bytes += PTF(clear)(pt, &table[i], e, lvl, g);
		if (++i == PTF(NR_ENTRIES) || last - pos->va < 2 * size - 1)
			return bytes;
		pos->va += size;
	}
}

/* Is the entry at @pos completely in the range? @pos->va is its start or the start of the range. */
static __always_inline bool PTF(whole)(const struct PTF(pos) * pos, u64 last)
{
	return !(pos->va & (PTF(entry_size)(pos->lvl) - 1)) && PTF(pos_last)(pos) <= last;
}

static s64 PTF(unmap)(struct iopt *pt, u64 start, u64 last, struct table_gather *g)
{
	struct PTF(pos) pos;
	u64 bytes = 0;

	if (PTF(cuts)(pt, start, last))
		return -EINVAL;
	PTF(pos_init)(pt, &pos, start);
	for (;;) {
		u64 e = READ_ONCE(*PTF(pos_entry)(&pos));

		if (PTF(whole)(&pos, last)) {
			unsigned int first = PTF(index)(pos.va, pos.lvl);
			u64 n = pos.lvl ? PTF(clear_run)(pt, &pos, last, g) :
					  PTF(clear_run)(pt, &pos, last, g);

			bytes += n;
			if (n)
				PTF(leave)(pt, &pos, first, PTF(index)(pos.va, pos.lvl) + 1, g);
		} else if (PTF(present)(e)) {
			PTF(pos_down)(pt, &pos, e);
			continue;
		}
		if (PTF(pos_last)(&pos) >= last)
			break;
		PTF(pos_next)(pt, &pos);
	}
	if (bytes) {
		g->what |= TABLE_GATHER_LEAVES;
		table_gather_range(g, start, last);
	}
	return (s64)bytes;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int PTF(init)(struct iopt *pt, const struct iopt_cfg *cfg)
{
	int ia_lg2 = PTF(ia_lg2)(cfg->levels);
	u64 sizes = cfg->page_sizes & PTF(page_sizes)();

	if (ia_lg2 < 0)
		return ia_lg2;
	if (cfg->ia_lg2 > ia_lg2 || (cfg->ia_lg2 && cfg->ia_lg2 < PTF(GRANULE_LG2)) ||
	    cfg->oa_lg2 < PTF(GRANULE_LG2) || cfg->oa_lg2 > 52 || !(sizes & PTF(entry_size)(0)))
		return -EINVAL;
	if (cfg->ia_lg2)
		ia_lg2 = cfg->ia_lg2;
	pt->ia_last = (1ULL << ia_lg2) - 1;
	pt->oa_last = (1ULL << cfg->oa_lg2) - 1;
	pt->page_sizes = sizes;
	pt->top = cfg->levels - 1;
	pt->root = cfg->env->alloc->alloc(cfg->env->alloc, 0, &pt->root_pa);
	if (!pt->root)
		return -ENOMEM;
	pt->nr_tables = 1;
	return 0;
}

/* Everything into a list without a flush: nobody looks any more. */
static void PTF(destroy)(struct iopt *pt)
{
	struct table_gather g;

	table_gather_init(&g);
	PTF(gather_tree)(pt, PTF(make_table)(pt->root_pa), pt->top, &g);
	table_gather_free(pt->env, &g);
	pt->root = NULL;
}

const struct iopt_ops PTF(iopt_ops) = {
	.init = PTF(init),
	.destroy = PTF(destroy),
	.map = PTF(map),
	.unmap = PTF(unmap),
	.next = PTF(next),
	.dirty = PTF(dirty),
};
