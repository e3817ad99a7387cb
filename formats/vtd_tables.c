// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The structures of a VT-d host: root table, context tables, PASID directories and tables.
 *
 * Every store that hardware can see is one aligned word. An entry becomes present by the store of
 * its word 0 after all others, and absent by the same word alone: the others stay until a new entry
 * is installed, because hardware may still be reading them. New tables are filled before a pointer
 * to them is stored. Source for the ordering: VT-d 5.10, 6.2 and 6.8.
 */
#include "formats/vtd.h"

#define VTD_DIR_ENTRY_PASIDS (1u << VTD_PE_TABLE_LG2)
#define VTD_PE_BYTES	     (VTD_PE_WORDS * 8)

static void vtd_tables_store(const struct vtd_tables *t, u64 *word, u64 val)
{
	WRITE_ONCE(*word, val);
	if (unlikely(t->env->sync))
		t->env->sync->at(t->env->sync, word);
}

static u64 *vtd_tables_alloc(struct vtd_tables *t, unsigned int order, u64 *pa)
{
	u64 *table = t->env->alloc->alloc(t->env->alloc, order, pa);

	if (table)
		t->nr_pages += 1ULL << order;
	return table;
}

/* A table that hardware has never seen, or does not see any more. */
static void vtd_tables_free(struct vtd_tables *t, u64 *table, u64 pa, unsigned int order)
{
	t->env->alloc->free(t->env->alloc, table, pa, order);
	t->nr_pages -= 1ULL << order;
}

static void vtd_tables_gather(struct vtd_tables *t, struct table_gather *g, u64 pa,
			      unsigned int order)
{
	table_gather_add(g, phys_at_u64(t->env->mem, pa), pa, order);
	t->nr_pages -= 1ULL << order;
}

/* ---- Places ----------------------------------------------------------------------------------- */

/* The half of the root entry (LP, LCTP or UP, UCTP) for @rid. */
static u64 *vtd_tables_re(const struct vtd_tables *t, u16 rid)
{
	return &t->root[rid >> 7];
}

/* The context entry for @rid, or NULL if it has no table. */
static u64 *vtd_tables_ce_slot(const struct vtd_tables *t, u16 rid)
{
	u64 re = *vtd_tables_re(t, rid);

	if (!(re & VTD_RE_P))
		return NULL;
	return phys_at_u64(t->env->mem, re & VTD_RE_CTP) +
	       (rid & (VTD_CTX_ENTRIES - 1)) * VTD_CTX_WORDS;
}

/* The same, or NULL if it is not present. */
static u64 *vtd_tables_ce(const struct vtd_tables *t, u16 rid)
{
	u64 *ce = vtd_tables_ce_slot(t, rid);

	return ce && ce[0] & VTD_CE0_P ? ce : NULL;
}

static u32 vtd_pdts_entries(unsigned int pdts)
{
	return 1u << (pdts + VTD_PDTS_PASID_LG2 - VTD_PE_TABLE_LG2);
}

static unsigned int vtd_pdts_order(unsigned int pdts)
{
	return pdts > 2 ? pdts - 2 : 0;
}

/* Smallest directory that has room for @pasid. */
static unsigned int vtd_pdts_for(u32 pasid)
{
	unsigned int pdts = 0;

	while (pasid >> (pdts + VTD_PDTS_PASID_LG2))
		pdts++;
	return pdts;
}

static unsigned int vtd_ce_pdts(const u64 *ce)
{
	return (unsigned int)FIELD_GET(VTD_CE0_PDTS, ce[0]);
}

/* The directory entry for @pasid, or NULL if the directory is too small. */
static u64 *vtd_tables_de(const struct vtd_tables *t, const u64 *ce, u32 pasid)
{
	u32 i = pasid >> VTD_PE_TABLE_LG2;

	if (i >= vtd_pdts_entries(vtd_ce_pdts(ce)))
		return NULL;
	return phys_at_u64(t->env->mem, (ce[0] & VTD_CE0_PASIDDIRPTR) + i * 8ULL);
}

/* The slot of @pasid in the table that directory entry @de points to. */
static u64 *vtd_tables_pe_slot(const struct vtd_tables *t, u64 de, u32 pasid)
{
	u32 i = pasid & (VTD_DIR_ENTRY_PASIDS - 1);

	return phys_at_u64(t->env->mem, (de & VTD_DE_SMPTBLPTR) + i * VTD_PE_BYTES);
}

/* The present entry of {@rid, @pasid}, or NULL. */
static u64 *vtd_tables_pe(const struct vtd_tables *t, u16 rid, u32 pasid)
{
	u64 *ce = vtd_tables_ce(t, rid), *de, *pe;

	if (!ce)
		return NULL;
	de = vtd_tables_de(t, ce, pasid);
	if (!de || !(*de & VTD_DE_P))
		return NULL;
	pe = vtd_tables_pe_slot(t, *de, pasid);
	return pe[0] & VTD_PE0_P ? pe : NULL;
}

/* Is entry 0, 1, ... (@words apart, @nr of them) of a table present? All formats have P in bit 0. */
static bool vtd_table_empty(const u64 *table, unsigned int words, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (table[i * words] & 1)
			return false;
	return true;
}

/* ---- Life ------------------------------------------------------------------------------------- */

int vtd_tables_init(struct vtd_tables *t, const struct table_env *env, const struct vtd_caps *caps)
{
	int rc;

	memset(t, 0, sizeof(*t));
	if (!caps->smts)
		return -EOPNOTSUPP;
	t->env = env;
	t->caps = *caps;
	rc = vtd_caps_prepare(&t->caps);
	if (rc)
		return rc;
	t->root = vtd_tables_alloc(t, 0, &t->root_pa);
	return t->root ? 0 : -ENOMEM;
}

/* Everything below a context entry goes onto the list. */
static void vtd_tables_gather_dir(struct vtd_tables *t, u64 ce0, struct table_gather *g)
{
	unsigned int pdts = vtd_ce_pdts(&ce0);
	u64 dir = ce0 & VTD_CE0_PASIDDIRPTR;
	u32 i;

	for (i = 0; i < vtd_pdts_entries(pdts); i++) {
		u64 de = *phys_at_u64(t->env->mem, dir + i * 8ULL);

		if (de & VTD_DE_P)
			vtd_tables_gather(t, g, de & VTD_DE_SMPTBLPTR, 0);
	}
	vtd_tables_gather(t, g, dir, vtd_pdts_order(pdts));
}

void vtd_tables_destroy(struct vtd_tables *t)
{
	struct table_gather g;
	unsigned int half;
	u16 i;

	if (!t->root)
		return;
	table_gather_init(&g);
	for (half = 0; half < 512; half++) {
		u16 rid = (u16)(half << 7);

		if (!(t->root[half] & VTD_RE_P))
			continue;
		for (i = 0; i < VTD_CTX_ENTRIES; i++) {
			u64 *ce = vtd_tables_ce(t, rid | i);

			if (ce)
				vtd_tables_gather_dir(t, ce[0], &g);
		}
		vtd_tables_gather(t, &g, t->root[half] & VTD_RE_CTP, 0);
	}
	table_gather_free(t->env, &g);
	vtd_tables_free(t, t->root, t->root_pa, 0);
	t->root = NULL;
}

u64 vtd_tables_rtaddr(const struct vtd_tables *t)
{
	return t->root_pa | FIELD_PREP(VTD_RTADDR_TTM, (u64)VTD_TTM_SCALABLE);
}

/* ---- Context entries --------------------------------------------------------------------------- */

static int vtd_tables_check_flags(const struct vtd_tables *t, u16 flags)
{
	if (flags & ~(VTD_TE_FPD | VTD_TE_DT | VTD_TE_PASID | VTD_TE_PR) ||
	    (flags & (VTD_TE_DT | VTD_TE_PR)) == VTD_TE_PR)
		return -EINVAL;
	if ((flags & VTD_TE_DT && !t->caps.dt) || (flags & VTD_TE_PR && !t->caps.prs) ||
	    (flags & VTD_TE_PASID && !t->caps.pasid_bits))
		return -EOPNOTSUPP;
	return 0;
}

/* A whole page of directory to begin with, unless PASIDs are narrower than that. */
static unsigned int vtd_tables_first_pdts(const struct vtd_tables *t)
{
	unsigned int bits = t->caps.pasid_bits;

	return bits > VTD_PDTS_PASID_LG2 ? min_t(unsigned int, bits - VTD_PDTS_PASID_LG2, 2) : 0;
}

static void vtd_tables_write_ce(struct vtd_tables *t, u64 *slot, const u64 *ce)
{
	unsigned int i;

	for (i = 1; i < VTD_CTX_WORDS; i++)
		vtd_tables_store(t, &slot[i], ce[i]);
	dma_wmb();
	vtd_tables_store(t, &slot[0], ce[0]);
}

/* Put a context entry whose directory is ready into its place. */
static int vtd_tables_link_ce(struct vtd_tables *t, u16 rid, const u64 *ce)
{
	u64 *slot = vtd_tables_ce_slot(t, rid), *table, pa;

	if (slot) {
		vtd_tables_write_ce(t, slot, ce);
		return 0;
	}
	table = vtd_tables_alloc(t, 0, &pa);
	if (!table)
		return -ENOMEM;
	memcpy(&table[(rid & (VTD_CTX_ENTRIES - 1)) * VTD_CTX_WORDS], ce, VTD_CTX_WORDS * 8);
	dma_wmb();
	vtd_tables_store(t, vtd_tables_re(t, rid), pa | VTD_RE_P);
	return 0;
}

int vtd_tables_device_add(struct vtd_tables *t, u16 rid, u16 flags)
{
	struct vtd_ctx ctx = { .rid_pasid = VTD_TABLES_RID_PASID, .flags = flags };
	u64 ce[VTD_CTX_WORDS], *dir;
	int rc = vtd_tables_check_flags(t, flags);

	if (rc)
		return rc;
	if (vtd_tables_ce(t, rid))
		return -EEXIST;
	ctx.pdts = (u8)vtd_tables_first_pdts(t);
	dir = vtd_tables_alloc(t, vtd_pdts_order(ctx.pdts), &ctx.dir);
	if (!dir)
		return -ENOMEM;
	rc = vtd_ce_encode(&t->caps, &ctx, ce);
	if (!rc)
		rc = vtd_tables_link_ce(t, rid, ce);
	if (rc)
		vtd_tables_free(t, dir, ctx.dir, vtd_pdts_order(ctx.pdts));
	return rc;
}

int vtd_tables_device_set(struct vtd_tables *t, u16 rid, u16 flags)
{
	u64 *slot = vtd_tables_ce(t, rid), ce[VTD_CTX_WORDS];
	struct vtd_ctx ctx;
	int rc = vtd_tables_check_flags(t, flags);

	if (rc)
		return rc;
	if (!slot)
		return -ENOENT;
	/* Our own entry, so it decodes; all flags are in the word with P: one store. */
	if (WARN_ON_ONCE(vtd_ce_decode(&t->caps, slot, &ctx)))
		return -EINVAL;
	ctx.flags = flags;
	rc = vtd_ce_encode(&t->caps, &ctx, ce);
	if (!rc)
		vtd_tables_store(t, &slot[0], ce[0]);
	return rc;
}

int vtd_tables_device_remove(struct vtd_tables *t, u16 rid, struct table_gather *g)
{
	u64 *ce = vtd_tables_ce(t, rid), *re = vtd_tables_re(t, rid), ce0, pa;

	if (!ce)
		return -ENOENT;
	ce0 = ce[0];
	vtd_tables_store(t, &ce[0], 0);
	g->what |= TABLE_GATHER_CONTEXT | TABLE_GATHER_PASID;
	vtd_tables_gather_dir(t, ce0, g);
	pa = *re & VTD_RE_CTP;
	if (vtd_table_empty(phys_at_u64(t->env->mem, pa), VTD_CTX_WORDS, VTD_CTX_ENTRIES)) {
		vtd_tables_store(t, re, 0);
		vtd_tables_gather(t, g, pa, 0);
	}
	return 0;
}

/* ---- PASID entries ------------------------------------------------------------------------------ */

/*
 * Replace the directory by a larger copy, prepared in @dir. Pointer and size are in one word, so
 * hardware sees the old directory or the new one, which say the same.
 */
static void vtd_tables_grow(struct vtd_tables *t, u64 *ce, u64 *dir, u64 dir_pa, unsigned int pdts,
			    struct table_gather *g)
{
	u64 old = ce[0] & VTD_CE0_PASIDDIRPTR;
	unsigned int old_pdts = vtd_ce_pdts(ce);
	u32 i;

	for (i = 0; i < vtd_pdts_entries(old_pdts); i++)
		dir[i] = *phys_at_u64(t->env->mem, old + i * 8ULL);
	dma_wmb();
	vtd_tables_store(t, &ce[0],
			 (ce[0] & ~(VTD_CE0_PASIDDIRPTR | VTD_CE0_PDTS)) | dir_pa |
				 FIELD_PREP(VTD_CE0_PDTS, (u64)pdts));
	g->what |= TABLE_GATHER_CONTEXT;
	vtd_tables_gather(t, g, old, vtd_pdts_order(old_pdts));
}

/* What an installation needs before it may touch anything: a larger directory, a PASID table. */
struct vtd_tables_new {
	u64 *dir, *table;
	u64 dir_pa, table_pa;
	unsigned int pdts;
};

static int vtd_tables_prepare(struct vtd_tables *t, const u64 *ce, u32 pasid,
			      struct vtd_tables_new *new)
{
	u64 *de = vtd_tables_de(t, ce, pasid);

	memset(new, 0, sizeof(*new));
	if (!de) {
		new->pdts = vtd_pdts_for(pasid);
		new->dir = vtd_tables_alloc(t, vtd_pdts_order(new->pdts), &new->dir_pa);
		if (!new->dir)
			return -ENOMEM;
	}
	if (de && *de & VTD_DE_P)
		return 0;
	new->table = vtd_tables_alloc(t, 0, &new->table_pa);
	if (new->table)
		return 0;
	if (new->dir)
		vtd_tables_free(t, new->dir, new->dir_pa, vtd_pdts_order(new->pdts));
	return -ENOMEM;
}

static void vtd_tables_write_pe(struct vtd_tables *t, u64 *slot, const u64 *pe)
{
	unsigned int i;

	for (i = 1; i < VTD_PE_WORDS; i++)
		vtd_tables_store(t, &slot[i], pe[i]);
	dma_wmb();
	vtd_tables_store(t, &slot[0], pe[0]);
}

int vtd_tables_pasid_install(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te,
			     struct table_gather *g)
{
	u64 pe[VTD_PE_WORDS], *ce = vtd_tables_ce(t, rid), *de;
	struct vtd_tables_new new;
	int rc;

	if (pasid >> t->caps.pasid_bits)
		return -ERANGE;
	rc = vtd_pe_encode(&t->caps, te, pe);
	if (rc)
		return rc;
	if (!ce)
		return -ENOENT;
	if (vtd_tables_pe(t, rid, pasid))
		return -EEXIST;
	rc = vtd_tables_prepare(t, ce, pasid, &new);
	if (rc)
		return rc;
	if (new.dir)
		vtd_tables_grow(t, ce, new.dir, new.dir_pa, new.pdts, g);
	de = vtd_tables_de(t, ce, pasid);
	if (new.table) {
		memcpy(&new.table[(pasid & (VTD_DIR_ENTRY_PASIDS - 1)) * VTD_PE_WORDS], pe,
		       sizeof(pe));
		dma_wmb();
		vtd_tables_store(t, de, new.table_pa | VTD_DE_P);
	} else {
		vtd_tables_write_pe(t, vtd_tables_pe_slot(t, *de, pasid), pe);
	}
	return 0;
}

/*
 * Go from the entry in @slot to @pe in three steps, of which only the second changes the meaning:
 * set what the old entry does not use, switch the one word in which used bits differ, clean up what
 * the new entry does not use.
 */
static int vtd_tables_switch_pe(struct vtd_tables *t, u64 *slot, const u64 *pe)
{
	u64 used[VTD_PE_WORDS], new_used[VTD_PE_WORDS], step[VTD_PE_WORDS];
	unsigned int i, critical = VTD_PE_WORDS;

	vtd_pe_used(slot, used);
	vtd_pe_used(pe, new_used);
	for (i = 0; i < VTD_PE_WORDS; i++) {
		step[i] = (slot[i] & used[i]) | (pe[i] & ~used[i]);
		if (!((step[i] ^ pe[i]) & new_used[i]))
			continue;
		if (critical != VTD_PE_WORDS)
			return -EBUSY;
		critical = i;
	}
	for (i = 0; i < VTD_PE_WORDS; i++)
		if (i != critical && slot[i] != step[i])
			vtd_tables_store(t, &slot[i], step[i]);
	dma_wmb();
	if (critical != VTD_PE_WORDS)
		vtd_tables_store(t, &slot[critical], pe[critical]);
	dma_wmb();
	for (i = 0; i < VTD_PE_WORDS; i++)
		if (slot[i] != pe[i])
			vtd_tables_store(t, &slot[i], pe[i]);
	return 0;
}

int vtd_tables_pasid_replace(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te)
{
	u64 pe[VTD_PE_WORDS], *slot = vtd_tables_pe(t, rid, pasid);
	int rc = vtd_pe_encode(&t->caps, te, pe);

	if (rc)
		return rc;
	return slot ? vtd_tables_switch_pe(t, slot, pe) : -ENOENT;
}

int vtd_tables_pasid_exchange(struct vtd_tables *t, u16 rid, u32 pasid, const struct vtd_te *te)
{
	u64 pe[VTD_PE_WORDS], *slot = vtd_tables_pe(t, rid, pasid);
	int rc = vtd_pe_encode(&t->caps, te, pe);

	if (rc)
		return rc;
	if (!slot)
		return -ENOENT;
	rc = vtd_tables_switch_pe(t, slot, pe);
	if (rc != -EBUSY)
		return rc;
	vtd_tables_store(t, &slot[0], 0);
	dma_wmb();
	vtd_tables_write_pe(t, slot, pe);
	return 0;
}

int vtd_tables_pasid_remove(struct vtd_tables *t, u16 rid, u32 pasid, struct table_gather *g)
{
	u64 *pe = vtd_tables_pe(t, rid, pasid), *de, pa;

	if (!pe)
		return -ENOENT;
	vtd_tables_store(t, &pe[0], 0);
	g->what |= TABLE_GATHER_PASID;
	de = vtd_tables_de(t, vtd_tables_ce(t, rid), pasid);
	pa = *de & VTD_DE_SMPTBLPTR;
	if (vtd_table_empty(phys_at_u64(t->env->mem, pa), VTD_PE_WORDS, VTD_DIR_ENTRY_PASIDS)) {
		vtd_tables_store(t, de, 0);
		vtd_tables_gather(t, g, pa, 0);
	}
	return 0;
}

bool vtd_tables_pasid_get(const struct vtd_tables *t, u16 rid, u32 pasid, u64 pe[VTD_PE_WORDS])
{
	const u64 *slot = vtd_tables_pe(t, rid, pasid);

	if (slot)
		memcpy(pe, slot, VTD_PE_BYTES);
	return slot;
}
