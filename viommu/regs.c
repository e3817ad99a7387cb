// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The register window.
 *
 * Accesses of any size and alignment become accesses to 32-bit halves with a byte mask; a write
 * first stores all halves it touches, then does what the stored values ask for.
 *
 * Source: VT-d 5.10, 11.4.
 */
#include "viommu/unit.h"

/* What a write sets off, once everything it carries is stored. */
#define VU_DO_GCMD  0x01u
#define VU_DO_QUEUE 0x02u
#define VU_DO_CCMD  0x04u
#define VU_DO_IOTLB 0x08u
#define VU_DO_VCMD  0x10u

/* ---- reading ------------------------------------------------------------------------------------- */

static u32 vu_half(u64 reg, u32 off)
{
	return (u32)(off & 4 ? reg >> 32 : reg);
}

static u32 vu_msi_read(const struct vu_msi *msi, u32 index)
{
	const u32 value[] = { msi->ctl, msi->data, msi->addr, msi->uaddr };

	return value[index];
}

static u32 vu_read_fault_record(const struct vtd_unit *unit, u32 off)
{
	u32 index = (off - VTD_REG_FRCD) / 16;

	return vu_half(unit->ev.fr[index][(off & 8) != 0], off);
}

static u32 vu_read_config(const struct vtd_unit *unit, u32 off)
{
	const struct vu_regs *r = &unit->r;

	switch (off) {
	case VTD_REG_VER:
		return VTD_VER_VALUE;
	case VTD_REG_CAP:
	case VTD_REG_CAP + 4:
		return vu_half(unit->cap, off);
	case VTD_REG_ECAP:
	case VTD_REG_ECAP + 4:
		return vu_half(unit->ecap, off);
	case VTD_REG_GSTS:
		return r->gsts;
	case VTD_REG_RTADDR:
	case VTD_REG_RTADDR + 4:
		return vu_half(r->rtaddr, off);
	case VTD_REG_CCMD:
	case VTD_REG_CCMD + 4:
		return vu_half(r->ccmd, off);
	case VTD_REG_IVA:
	case VTD_REG_IVA + 4:
		return vu_half(r->iva, off);
	case VTD_REG_IOTLB:
	case VTD_REG_IOTLB + 4:
		return vu_half(r->iotlb, off);
	case VTD_REG_IQH:
		return (u32)r->iqh;
	case VTD_REG_IQT:
		return (u32)r->iqt;
	case VTD_REG_IQA:
	case VTD_REG_IQA + 4:
		return vu_half(r->iqa, off);
	case VTD_REG_IQERCD:
	case VTD_REG_IQERCD + 4:
		return vu_half(r->iqercd, off);
	default:
		return 0;
	}
}

static u32 vu_read32(const struct vtd_unit *unit, u32 off)
{
	const struct vu_events *ev = &unit->ev;

	if (off >= VTD_REG_FRCD && off < VTD_REG_FRCD + 16 * unit->cfg.nr_fault_records)
		return vu_read_fault_record(unit, off);
	switch (off) {
	case VTD_REG_FSTS:
		return vu_event_fsts(unit);
	case VTD_REG_FECTL ... VTD_REG_FEUADDR:
		return vu_msi_read(&ev->fault_msi, (off - VTD_REG_FECTL) / 4);
	case VTD_REG_ICS:
		return ev->ics;
	case VTD_REG_IECTL ... VTD_REG_IEUADDR:
		return vu_msi_read(&ev->inv_msi, (off - VTD_REG_IECTL) / 4);
	case VTD_REG_PQH:
		return (u32)ev->pqh;
	case VTD_REG_PQT:
		return (u32)ev->pqt;
	case VTD_REG_PQA:
	case VTD_REG_PQA + 4:
		return vu_half(ev->pqa, off);
	case VTD_REG_PRS:
		return ev->prs;
	case VTD_REG_PECTL ... VTD_REG_PEUADDR:
		return vu_msi_read(&ev->page_msi, (off - VTD_REG_PECTL) / 4);
	case VTD_REG_VCMD ... VTD_REG_VCCAP + 4:
		return vu_vcmd_read(unit, off);
	default:
		return vu_read_config(unit, off);
	}
}

/* Is the access inside the window, at least with its first byte? Bytes beyond do not exist. */
static bool vu_access_ok(u64 off, unsigned int size)
{
	return off < VTD_UNIT_MMIO_SIZE && size >= 1 && size <= 8;
}

uint64_t vtd_unit_read(struct vtd_unit *unit, uint64_t off, unsigned int size)
{
	u64 value = 0, half;
	u32 at;

	if (!vu_access_ok(off, size))
		return 0;
	mutex_lock(&unit->regs_lock);
	for (at = off & ~3ull; at < off + size && at < VTD_UNIT_MMIO_SIZE; at += 4) {
		half = vu_read32(unit, at);
		if (at < off)
			value = half >> 8 * (off - at);
		else
			value |= half << 8 * (at - off);
	}
	mutex_unlock(&unit->regs_lock);
	return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

/* ---- writing --------------------------------------------------------------------------------------- */

static u32 vu_merge(u32 old, u32 value, u32 mask, u32 writable)
{
	mask &= writable;
	return (old & ~mask) | (value & mask);
}

static u64 vu_merge_half(u64 old, u32 off, u32 value, u32 mask, u64 writable)
{
	u32 shift = off & 4 ? 32 : 0;
	u64 m = (u64)mask << shift & writable;

	return (old & ~m) | ((u64)value << shift & m);
}

static void vu_msi_write(struct vu_msi *msi, u32 index, u32 value, u32 mask, struct vu_out *out)
{
	switch (index) {
	case 0:
		msi->ctl = vu_merge(msi->ctl, value, mask, VTD_MSI_IM);
		vu_msi_unmask(msi, out);
		break;
	case 1:
		msi->data = vu_merge(msi->data, value, mask, ~0u);
		break;
	case 2:
		msi->addr = vu_merge(msi->addr, value, mask, VTD_MSI_ADDR_MASK);
		break;
	case 3:
		msi->uaddr = vu_merge(msi->uaddr, value, mask, ~0u);
		break;
	}
}

static void vu_write_fault_record(struct vtd_unit *unit, u32 off, u32 value)
{
	u32 index = (off - VTD_REG_FRCD) / 16;

	/* The one thing software can do: clear F, in the last of the four halves. */
	if ((off & 12) != 12 || !((u64)value << 32 & VTD_FR1_F))
		return;
	unit->ev.fr[index][1] &= ~VTD_FR1_F;
	vu_event_settle(unit);
}

static u32 vu_write_status(struct vtd_unit *unit, u32 clear)
{
	u32 stopped = unit->ev.fsts & VTD_FSTS_QUEUE;

	unit->ev.fsts &= ~(clear & (u32)VTD_FSTS_RW1C);
	vu_event_settle(unit);
	/* Software has dealt with what stopped the queue: it goes on. */
	if (!stopped || (unit->ev.fsts & VTD_FSTS_QUEUE))
		return 0;
	unit->r.iqercd = 0;
	return VU_DO_QUEUE;
}

static u32 vu_write_config(struct vtd_unit *unit, u32 off, u32 value, u32 mask)
{
	struct vu_regs *r = &unit->r;

	switch (off) {
	case VTD_REG_GCMD:
		return VU_DO_GCMD;
	case VTD_REG_RTADDR:
	case VTD_REG_RTADDR + 4:
		r->rtaddr = vu_merge_half(r->rtaddr, off, value, mask, VTD_RTADDR_WRITABLE);
		return 0;
	case VTD_REG_CCMD:
	case VTD_REG_CCMD + 4:
		r->ccmd = vu_merge_half(r->ccmd, off, value, mask, ~VTD_CCMD_CAIG);
		return r->ccmd & VTD_CCMD_ICC ? VU_DO_CCMD : 0;
	case VTD_REG_IVA:
	case VTD_REG_IVA + 4:
		r->iva = vu_merge_half(r->iva, off, value, mask, ~0ull);
		return 0;
	case VTD_REG_IOTLB:
	case VTD_REG_IOTLB + 4:
		r->iotlb = vu_merge_half(r->iotlb, off, value, mask, ~VTD_IOTLB_IAIG);
		return r->iotlb & VTD_IOTLB_IVT ? VU_DO_IOTLB : 0;
	case VTD_REG_IQT:
		r->iqt = vu_merge_half(r->iqt, off, value, mask, VTD_IQ_OFFSET);
		return VU_DO_QUEUE;
	case VTD_REG_IQA:
	case VTD_REG_IQA + 4:
		r->iqa = vu_merge_half(r->iqa, off, value, mask, VTD_IQA_WRITABLE);
		return 0;
	default:
		return 0;
	}
}

static u32 vu_write32(struct vtd_unit *unit, u32 off, u32 value, u32 mask, struct vu_out *out)
{
	struct vu_events *ev = &unit->ev;

	if (off >= VTD_REG_FRCD && off < VTD_REG_FRCD + 16 * unit->cfg.nr_fault_records) {
		vu_write_fault_record(unit, off, value);
		return 0;
	}
	switch (off) {
	case VTD_REG_FSTS:
		return vu_write_status(unit, value);
	case VTD_REG_FECTL ... VTD_REG_FEUADDR:
		vu_msi_write(&ev->fault_msi, (off - VTD_REG_FECTL) / 4, value, mask, out);
		return 0;
	case VTD_REG_ICS:
		ev->ics &= ~value;
		vu_event_settle(unit);
		return 0;
	case VTD_REG_IECTL ... VTD_REG_IEUADDR:
		vu_msi_write(&ev->inv_msi, (off - VTD_REG_IECTL) / 4, value, mask, out);
		return 0;
	case VTD_REG_PQH:
		ev->pqh = vu_merge_half(ev->pqh, off, value, mask, VTD_PQ_OFFSET);
		return 0;
	case VTD_REG_PQT:
		ev->pqt = vu_merge_half(ev->pqt, off, value, mask, VTD_PQ_OFFSET);
		return 0;
	case VTD_REG_PQA:
	case VTD_REG_PQA + 4:
		ev->pqa = vu_merge_half(ev->pqa, off, value, mask, VTD_PQA_WRITABLE);
		ev->pq_on = unit->caps.prs;
		return 0;
	case VTD_REG_PRS:
		ev->prs &= ~value;
		vu_event_settle(unit);
		return 0;
	case VTD_REG_PECTL ... VTD_REG_PEUADDR:
		vu_msi_write(&ev->page_msi, (off - VTD_REG_PECTL) / 4, value, mask, out);
		return 0;
	case VTD_REG_VCMD ... VTD_REG_VCCAP + 4:
		return vu_vcmd_write(unit, off, value, mask) ? VU_DO_VCMD : 0;
	default:
		return vu_write_config(unit, off, value, mask);
	}
}

/* Store all halves, submit a virtual command. @gcmd gets what was written to GCMD, which has no memory. */
static u32 vu_store(struct vtd_unit *unit, u64 off, unsigned int size, u64 value, u32 *gcmd)
{
	struct vu_out out = { 0 };
	u64 mask = size == 8 ? ~0ull : (1ull << 8 * size) - 1;
	u32 todo = 0, at, half, bytes;
	bool vcmd = false;

	value &= mask;
	mutex_lock(&unit->regs_lock);
	for (at = off & ~3ull; at < off + size && at < VTD_UNIT_MMIO_SIZE; at += 4) {
		half = at < off ? value << 8 * (off - at) : value >> 8 * (at - off);
		bytes = at < off ? mask << 8 * (off - at) : mask >> 8 * (at - off);
		if (at == VTD_REG_GCMD)
			*gcmd = vu_merge(unit->r.gsts & VTD_GCMD_LEVELS, half, bytes, ~0u);
		todo |= vu_write32(unit, at, half, bytes, &out);
	}
	/* Now, so that no other write comes between the operand and the command. */
	if (todo & VU_DO_VCMD)
		vcmd = vu_vcmd_submit(unit);
	mutex_unlock(&unit->regs_lock);
	vu_out_flush(unit, &out);
	if (vcmd)
		vu_vcmd_wake(unit);
	return todo & ~VU_DO_VCMD;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static void vu_set_queue(struct vtd_unit *unit, bool on)
{
	mutex_lock(&unit->regs_lock);
	unit->r.gsts &= ~(u32)VTD_GCMD_QIE;
	if (on)
		unit->r.gsts |= VTD_GCMD_QIE;
	unit->r.iqh = 0;
	mutex_unlock(&unit->regs_lock);
	vu_trace(unit, "queue %s iqa %llx", on ? "on" : "off", (unsigned long long)unit->r.iqa);
}

static void vu_set_root(struct vtd_unit *unit)
{
	mutex_lock(&unit->regs_lock);
	unit->root = unit->r.rtaddr;
	unit->r.gsts |= VTD_GCMD_SRTP;
	mutex_unlock(&unit->regs_lock);
	vu_trace(unit, "root table %llx", (unsigned long long)unit->root);
}

static void vu_set_translation(struct vtd_unit *unit, bool on)
{
	mutex_lock(&unit->regs_lock);
	unit->te = on;
	mutex_unlock(&unit->regs_lock);
	vu_trace(unit, "translation %s", on ? "on" : "off");
}

/*
 * One-shot commands happen, the others are switched where they differ from GSTS. The status bit of
 * TE follows when all devices are where it says. CAP.ESRTPS: setting the root invalidates.
 */
static void vu_command(struct vtd_unit *unit, u32 gcmd)
{
	u32 change = (gcmd ^ unit->r.gsts) & VTD_GCMD_LEVELS;

	if (gcmd & VTD_GCMD_SRTP)
		vu_set_root(unit);
	if (change & VTD_GCMD_TE)
		vu_set_translation(unit, gcmd & VTD_GCMD_TE);
	if ((gcmd & VTD_GCMD_SRTP) || (change & VTD_GCMD_TE)) {
		unit->run++;
		unit->be->retranslate(unit);
	}
	mutex_lock(&unit->regs_lock);
	unit->r.gsts = (unit->r.gsts & ~(u32)VTD_GCMD_TE) | (gcmd & VTD_GCMD_TE);
	mutex_unlock(&unit->regs_lock);
	if (change & VTD_GCMD_QIE)
		vu_set_queue(unit, gcmd & VTD_GCMD_QIE);
}

static void vu_do_ccmd(struct vtd_unit *unit)
{
	u64 ccmd = vu_queue_ccmd(unit, unit->r.ccmd);

	mutex_lock(&unit->regs_lock);
	unit->r.ccmd = ccmd;
	mutex_unlock(&unit->regs_lock);
}

static void vu_do_iotlb(struct vtd_unit *unit)
{
	u64 iotlb = vu_queue_iotlb(unit, unit->r.iotlb, unit->r.iva);

	mutex_lock(&unit->regs_lock);
	unit->r.iotlb = iotlb;
	mutex_unlock(&unit->regs_lock);
}

/*
 * Registers whose writes act on translation, or that such an action reads, are written under the
 * config lock. The others - all that interrupt handlers of the guest touch - must not wait for an
 * invalidation that another processor asked for.
 */
static bool vu_needs_config(struct vtd_unit *unit, u64 off, unsigned int size)
{
	u64 last = off + size - 1;
	bool stopped;

	if (off <= VTD_REG_CCMD + 7 && last >= VTD_REG_GCMD)
		return true;
	if (off <= VTD_REG_IQA + 7 && last >= VTD_REG_IQH)
		return true;
	if (off <= VTD_REG_IOTLB + 7 && last >= VTD_REG_IVA)
		return true;
	if (off > VTD_REG_FSTS + 3 || last < VTD_REG_FSTS)
		return false;
	mutex_lock(&unit->regs_lock);
	stopped = unit->ev.fsts & VTD_FSTS_QUEUE;
	mutex_unlock(&unit->regs_lock);
	return stopped;
}

/* A new tail, which another thread takes note of? */
static bool vu_kick(struct vtd_unit *unit, u64 off, unsigned int size, u64 value)
{
	u32 gcmd;

	if (!unit->be->kick || off < VTD_REG_IQT || off + size > VTD_REG_IQT + 8)
		return false;
	vu_store(unit, off, size, value, &gcmd);
	return unit->be->kick(unit);
}

void vtd_unit_write(struct vtd_unit *unit, uint64_t off, unsigned int size, uint64_t value)
{
	u32 todo, gcmd = 0;

	if (!vu_access_ok(off, size) || vu_kick(unit, off, size, value))
		return;
	if (!vu_needs_config(unit, off, size)) {
		todo = vu_store(unit, off, size, value, &gcmd);
		if (!todo)
			return;
		/* The queue stopped between the question and the write that clears the reason. */
		mutex_lock(&unit->config);
	} else {
		mutex_lock(&unit->config);
		todo = vu_store(unit, off, size, value, &gcmd);
	}
	if (todo & VU_DO_GCMD)
		vu_command(unit, gcmd);
	if (todo & VU_DO_CCMD)
		vu_do_ccmd(unit);
	if (todo & VU_DO_IOTLB)
		vu_do_iotlb(unit);
	if (todo & (VU_DO_QUEUE | VU_DO_GCMD))
		vu_queue_run(unit);
	mutex_unlock(&unit->config);
}

void vu_regs_reset(struct vtd_unit *unit)
{
	memset(&unit->r, 0, sizeof(unit->r));
	unit->root = 0;
	unit->te = false;
}
