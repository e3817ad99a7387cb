// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <sched.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/chaos.h"

/* ---- virtual commands ---------------------------------------------------------------------- */

static int chaos_pasid_alloc(void *opaque, uint32_t max, uint32_t *pasid)
{
	struct chaos_pool *pool = opaque;
	u32 i;

	ut_assert(max < 1u << IOASID_PASID_BITS);
	for (i = 1; i < sizeof(pool->out) && i <= max; i++) {
		if (pool->out[i])
			continue;
		pool->out[i] = 1;
		pool->nr++;
		*pasid = i;
		return 0;
	}
	return -ENOSPC;
}

static void chaos_pasid_free(void *opaque, uint32_t pasid)
{
	struct chaos_pool *pool = opaque;

	ut_assert(pasid < sizeof(pool->out) && pool->out[pasid]);
	pool->out[pasid] = 0;
	pool->nr--;
}

const struct vtd_unit_vcmd chaos_vcmd = {
	.pasid_alloc = chaos_pasid_alloc,
	.pasid_free = chaos_pasid_free,
};

/* ---- steps ------------------------------------------------------------------------------------ */

static u64 take(struct chaos *c, u32 bytes)
{
	u64 v = 0;

	while (bytes--) {
		v = v << 8 | (c->left ? *c->data : 0);
		if (c->left) {
			c->data++;
			c->left--;
		}
	}
	return v;
}

static u64 page(struct chaos *c)
{
	return (take(c, 1) % CHAOS_PAGES) << 12;
}

static u32 small_pasid(struct chaos *c)
{
	u32 v = take(c, 1);

	return v < 200 ? v & 15 : v < 250 ? v : (u32)take(c, 3) & 0xfffff;
}

static void poke_register(struct chaos *c)
{
	static const u16 regs[] = {
		VTD_REG_GCMD,  VTD_REG_RTADDR,	 VTD_REG_CCMD,	    VTD_REG_CCMD + 4, VTD_REG_FSTS,
		VTD_REG_FECTL, VTD_REG_FEADDR,	 VTD_REG_IQT,	    VTD_REG_IQA,      VTD_REG_ICS,
		VTD_REG_IECTL, VTD_REG_PQH,	 VTD_REG_PQT,	    VTD_REG_PQA,      VTD_REG_PRS,
		VTD_REG_PECTL, VTD_REG_IOTLB,	 VTD_REG_IOTLB + 4, VTD_REG_VCMD,     VTD_REG_VCMD,
		VTD_REG_VCMD,  VTD_REG_VCMD + 4, VTD_REG_VCMD_EO,
	};
	u32 pick = take(c, 1), size = 1 + take(c, 1) % 8;
	u64 off = pick < 240 ? regs[pick % ARRAY_SIZE(regs)] : take(c, 2);
	u64 value = take(c, 1) & 1 ? take(c, 8) : page(c) | (take(c, 2) & 0xc07);

	if (pick & 1)
		size = 8;
	vtd_unit_write(c->g->unit, off, size, value);
	vtd_unit_read(c->g->unit, off, size);
	/* Mostly wait for the answer to a virtual command: while there is none, writes are dropped. */
	while (value & 3 && vtd_unit_read(c->g->unit, VTD_REG_VCRSP, 4) & VTD_VCRSP_IP)
		sched_yield();
}

static void poke_memory(struct chaos *c)
{
	u64 at = page(c) + (take(c, 2) & 0xff8);

	*vg_word(c->g, at) = take(c, 1) & 1 ? take(c, 8) : page(c) | (take(c, 2) & 0xfff);
}

/* A translation structure as a guest would write it, with something wrong now and then. */
static void poke_table(struct chaos *c)
{
	struct vguest *g = c->g;
	u64 at = page(c), value = page(c) | VTD_CE0_P, extra = take(c, 1);
	u32 rid = c->rid[extra & 1], pasid = small_pasid(c);

	switch (take(c, 1) % 4) {
	case 0:
		*vg_word(g, at + (rid >> 8) * 16 + (rid & 0x80 ? 8 : 0)) = value;
		break;
	case 1:
		*vg_word(g, at + (rid & 0x7f) * 32) = value | (extra & 0xfe) << 1;
		break;
	case 2:
		*vg_word(g, at + (pasid >> 6) % 512 * 8) = value | (extra & 2);
		break;
	case 3:
		at += (pasid & 63) * 64;
		*vg_word(g, at + 8) = extra & 7;
		*vg_word(g, at + 16) = page(c);
		*vg_word(g, at) = VTD_PE0_P | (extra & VTD_PE0_FPD) |
				  FIELD_PREP(VTD_PE0_PGTT, extra & 8 ? VTD_PGTT_PASS : VTD_PGTT_FS);
		break;
	}
}

/* Bring a sound state about, so that what follows has something to break. */
static void sane_boot(struct chaos *c)
{
	struct vguest *g = c->g;

	g->next = 0x1000;
	g->iq_tail = 0;
	vtd_unit_write(g->unit, VTD_REG_GCMD, 4, 0);
	vtd_unit_write(g->unit, VTD_REG_FSTS, 4, ~0u);
	vg_boot(g);
	vg_pasid_fs(g, vg_context(g, c->rid[0], VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE, 0),
		    1 + small_pasid(c), 0x20000, 1);
	g->next = 0x1000;
}

static void submit(struct chaos *c)
{
	struct vguest *g = c->g;
	u32 n = 1 + take(c, 1) % 8, type, rid;
	u64 q0;

	g->iq_qs = 1;
	g->narrow = false;
	while (n--) {
		type = take(c, 1) % 12;
		rid = c->rid[take(c, 1) & 1];
		q0 = type | (take(c, 1) & 0x3) << 4 | (take(c, 1) & 7) << 16;
		if (type == VTD_QI_PASID_DEV_TLB || type == VTD_QI_PAGE_RESPONSE)
			q0 = (q0 & 0xffff) | (u64)rid << 16;
		if (type >= VTD_QI_PASID_IOTLB)
			q0 |= (u64)small_pasid(c) << 32;
		else
			q0 |= (u64)rid << 32;
		if (!(take(c, 1) % 16))
			q0 ^= 1ull << take(c, 1) % 64;
		vg_qi(g, q0, take(c, 1) & 1 ? page(c) | take(c, 1) << 4 : 0);
	}
	vg_qi(g, VTD_QI_WAIT | VTD_QI_WAIT0_SW | (take(c, 1) & 0xf0), page(c));
	vg_kick(g);
}

bool chaos_step(struct chaos *c)
{
	if (!c->left)
		return false;
	switch (take(c, 1) % 16) {
	case 0:
		sane_boot(c);
		break;
	case 1 ... 3:
		poke_register(c);
		break;
	case 4:
		poke_memory(c);
		break;
	case 5 ... 7:
		poke_table(c);
		break;
	case 8 ... 10:
		submit(c);
		break;
	case 11 ... 12:
		c->device(c, take(c, 1) & 1, take(c, 1) & 3, take(c, 8), small_pasid(c));
		break;
	case 13:
		if (c->bare)
			break;
		vtd_unit_prepare(c->g->unit, c->rid[take(c, 1) & 1],
				 take(c, 1) & 7 ? small_pasid(c) : IOASID_INVALID);
		break;
	case 14:
		if (!c->bare)
			vtd_unit_process_faults(c->g->unit);
		break;
	case 15:
		if (take(c, 1) % 8)
			c->plug(c, take(c, 1) & 1, take(c, 1) & 1);
		else
			vtd_unit_reset(c->g->unit);
		break;
	}
	return true;
}
