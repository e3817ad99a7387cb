/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Template: the page table walker. Include it once per instance, after defining
 *
 *	PT_FMT		prefix of the format (see pgtable_build.h): GRANULE_LG2, INDEX_LG2,
 *			present(), is_leaf(), table_pa()
 *	PTW_INST	prefix of this instance: names the result, <PTW_INST>_walk(), and its hooks
 *	PTW_STATE	type of the walk's state, whatever the hooks need
 *
 * One format may have several instances: a first stage whose tables lie in physical memory and one
 * whose tables are found through a second stage differ in the hook enter() only.
 *
 * Hooks, all inlined; @mode is a compile-time constant (PTW_*), so what it rules out costs nothing.
 * Those that return u8 return 0 to go on or a reason, which ends the walk and is its result.
 *
 *	const u64 *rsvd(w, leaf)	reserved bits, indexed by level
 *	u64 *entry(w, pa)		reach an entry, NULL: access error
 *	void seen(w, pa, e, lvl, mode)	an entry was read
 *	u8 collect(w, e, lvl)		combine its permissions with those above
 *	u8 use(w, ptr, e, lvl, mode)	a pointer is about to be followed: set its accessed bit
 *	u8 enter(w, &pa, lvl, mode)	@pa is the table at @lvl the pointer names: locate it
 *	u8 finish(w, ptr, e, lvl, mode)	a leaf: check permissions, set accessed and dirty bits
 *	u8 fail(w, what, lvl)		reason for enum ptw_fail at this level
 *
 * What hooks need to know beforehand is in ptw.h.
 */
#if !defined(PT_FMT) || !defined(PTW_INST) || !defined(PTW_STATE)
#error "define PT_FMT, PTW_INST and PTW_STATE"
#endif

/*
 * Walk from the table at physical address @table and level @lvl, for input address @va.
 * Return: 0 after finish() agreed, a reason, or PTW_RESTART.
 */
static __always_inline u8 PTWF(walk)(PTW_STATE *w, u64 table, unsigned int lvl, u64 va,
				     const u32 mode)
{
	const u64 *const rsvd_table = PTWF(rsvd)(w, false), *const rsvd_leaf = PTWF(rsvd)(w, true);
	const u64 index_mask = (1u << PTW_FMT(INDEX_LG2)) - 1;
	unsigned int shift = PTW_FMT(GRANULE_LG2) + lvl * PTW_FMT(INDEX_LG2);
	u8 rc;

	for (;; lvl--, shift -= PTW_FMT(INDEX_LG2)) {
		u64 pa = table + ((va >> shift) & index_mask) * 8;
		u64 *ptr = PTWF(entry)(w, pa), e;
		bool leaf;

		if (unlikely(!ptr))
			return PTWF(fail)(w, PTW_FAIL_ACCESS, lvl);
		e = READ_ONCE(*ptr);
		PTWF(seen)(w, pa, e, lvl, mode);
		if (unlikely(!PTW_FMT(present)(e)))
			return PTWF(fail)(w, PTW_FAIL_ABSENT, lvl);
		leaf = PTW_FMT(is_leaf)(e, lvl);
		if (unlikely(e & (leaf ? rsvd_leaf[lvl] : rsvd_table[lvl])))
			return PTWF(fail)(w, PTW_FAIL_RESERVED, lvl);
		rc = PTWF(collect)(w, e, lvl);
		if (unlikely(rc))
			return rc;
		if (leaf)
			return PTWF(finish)(w, ptr, e, lvl, mode);
		rc = PTWF(use)(w, ptr, e, lvl, mode);
		if (unlikely(rc))
			return rc;
		table = PTW_FMT(table_pa)(e);
		rc = PTWF(enter)(w, &table, lvl - 1, mode);
		if (unlikely(rc))
			return rc;
	}
}

#undef PTW_INST
#undef PTW_STATE
#undef PT_FMT
