// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Virtual commands: the guest asks its host for PASIDs.
 *
 * A command is taken note of by the write to VCMD, and answered by a thread of the unit, since the
 * responder may sleep. Until VCRSP.IP is clear, further writes are dropped. The thread holds the vcmd
 * lock from its look at the command to the answer; so who holds that lock, as a reset does, knows that
 * none is half done: the guest's numbers are those in the bitmap.
 *
 * Source: VT-d 5.10, 11.4.16, Tables 54 and 55.
 */
#include <ioasid/allocator.h>

#include "viommu/unit.h"

/* ---- numbers the guest has. Vcmd lock. ------------------------------------------------------- */

static bool vu_vcmd_has(const struct vu_vcmd *vc, u64 pasid)
{
	return pasid < 1u << IOASID_PASID_BITS && vc->out[pasid / 64] & 1ull << pasid % 64;
}

static void vu_vcmd_give_back(struct vtd_unit *unit, u32 pasid)
{
	unit->vc.ops.pasid_free(unit->cfg.vcmd_opaque, pasid);
}

static void vu_vcmd_give_back_all(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;
	u32 word, bit;

	for (word = 0; word < VU_PASID_WORDS; word++)
		while (vc->out[word]) {
			bit = (u32)__builtin_ctzll(vc->out[word]);
			vc->out[word] &= vc->out[word] - 1;
			vu_count(&unit->stats.vcmd_reclaimed);
			vu_gauge(&unit->stats.pasids_now, -1);
			vu_vcmd_give_back(unit, word * 64 + bit);
		}
}

/* ---- commands. Vcmd lock. Return: VCRSP without IP. ----------------------------------------------- */

static u64 vu_vcmd_refuse(struct vtd_unit *unit)
{
	vu_count(&unit->stats.vcmd_refused);
	return FIELD_PREP(VTD_VCRSP_SC, VTD_VC_PASID_BAD);
}

static u64 vu_vcmd_alloc(struct vtd_unit *unit)
{
	u32 max = (1u << unit->caps.pasid_bits) - 1, pasid = 0;
	struct vu_vcmd *vc = &unit->vc;
	int rc = vc->ops.pasid_alloc(unit->cfg.vcmd_opaque, max, &pasid);
	bool known = !rc && vu_vcmd_has(vc, pasid);

	if (!rc && (!pasid || pasid > max || known)) {
		pr_warn_ratelimited("vtd unit: the responder offers a PASID it cannot mean\n");
		/* One the guest has already is still the guest's. */
		if (pasid && !known && !(pasid >> IOASID_PASID_BITS))
			vu_vcmd_give_back(unit, pasid);
		rc = -ERANGE;
	}
	if (rc) {
		vu_trace(unit, "vcmd alloc: none (%d)", rc);
		return vu_vcmd_refuse(unit);
	}
	vc->out[pasid / 64] |= 1ull << pasid % 64;
	vu_count(&unit->stats.vcmd_allocs);
	vu_gauge(&unit->stats.pasids_now, 1);
	vu_trace(unit, "vcmd alloc: %u", pasid);
	return FIELD_PREP(VTD_VC_PASID, pasid);
}

/*
 * The whole operand counts as the number: with reserved bits set it is none the guest has. What others
 * have on the host, and what the guest freed before, cannot be told from what does not exist.
 */
static u64 vu_vcmd_free(struct vtd_unit *unit, u64 pasid)
{
	struct vu_vcmd *vc = &unit->vc;

	if (!vu_vcmd_has(vc, pasid)) {
		vu_trace(unit, "vcmd free %llu: refused", (unsigned long long)pasid);
		return vu_vcmd_refuse(unit);
	}
	vc->out[pasid / 64] &= ~(1ull << pasid % 64);
	vu_count(&unit->stats.vcmd_frees);
	vu_gauge(&unit->stats.pasids_now, -1);
	vu_vcmd_give_back(unit, (u32)pasid);
	vu_trace(unit, "vcmd free %llu", (unsigned long long)pasid);
	return 0;
}

static void vu_vcmd_answer(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;
	u64 cmd, rsp;
	bool waits;

	mutex_lock(&vc->serial);
	mutex_lock(&unit->regs_lock);
	waits = vc->rsp & VTD_VCRSP_IP;
	cmd = vc->cmd;
	mutex_unlock(&unit->regs_lock);
	/* Not if a reset came in between. */
	if (waits) {
		if (FIELD_GET(VTD_VCMD_CMD, cmd) == VTD_VCMD_ALLOC)
			rsp = vu_vcmd_alloc(unit);
		else
			rsp = vu_vcmd_free(unit, FIELD_GET(VTD_VCMD_OA, cmd));
		mutex_lock(&unit->regs_lock);
		vc->rsp = rsp;
		mutex_unlock(&unit->regs_lock);
	}
	mutex_unlock(&vc->serial);
}

static void *vu_vcmd_thread(void *arg)
{
	struct vtd_unit *unit = arg;
	struct vu_vcmd *vc = &unit->vc;

	ioasid_caller_adopt(vc->caller);
	pthread_mutex_lock(&vc->lock);
	while (!vc->stop) {
		if (!vc->kicked) {
			pthread_cond_wait(&vc->kick, &vc->lock);
			continue;
		}
		vc->kicked = false;
		pthread_mutex_unlock(&vc->lock);
		vu_vcmd_answer(unit);
		pthread_mutex_lock(&vc->lock);
	}
	pthread_mutex_unlock(&vc->lock);
	return NULL;
}

/* ---- registers. Regs lock, but for the waking. ------------------------------------------------------ */

u32 vu_vcmd_read(const struct vtd_unit *unit, u32 off)
{
	const struct vu_vcmd *vc = &unit->vc;
	u64 value = 0;

	if (!vc->out)
		return 0;
	switch (off & ~7u) {
	case VTD_REG_VCMD:
		value = vc->cmd;
		break;
	case VTD_REG_VCMD_EO:
		value = vc->eo;
		break;
	case VTD_REG_VCRSP:
		value = vc->rsp;
		break;
	case VTD_REG_VCCAP:
		value = VTD_VCCAP_VALUE;
		break;
	}
	return (u32)(off & 4 ? value >> 32 : value);
}

bool vu_vcmd_write(struct vtd_unit *unit, u32 off, u32 value, u32 mask)
{
	u32 reg = off & ~7u, shift = off & 4 ? 32 : 0;
	struct vu_vcmd *vc = &unit->vc;
	u64 m = (u64)mask << shift, v = (u64)value << shift;

	if (!vc->out || (reg != VTD_REG_VCMD && reg != VTD_REG_VCMD_EO))
		return false;
	if (vc->rsp & VTD_VCRSP_IP) {
		vu_count(&unit->stats.vcmd_dropped);
		return false;
	}
	if (reg == VTD_REG_VCMD_EO) {
		vc->eo = (vc->eo & ~m) | (v & m);
		return false;
	}
	m &= VTD_VCMD_WRITABLE;
	vc->cmd = (vc->cmd & ~m) | (v & m);
	return m & VTD_VCMD_CMD;
}

bool vu_vcmd_submit(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;

	switch (FIELD_GET(VTD_VCMD_CMD, vc->cmd)) {
	case VTD_VCMD_ALLOC:
	case VTD_VCMD_FREE:
		vc->rsp = VTD_VCRSP_IP;
		return true;
	case VTD_VCMD_NULL:
		vc->rsp = FIELD_PREP(VTD_VCRSP_SC, VTD_VC_OK);
		return false;
	default:
		vu_count(&unit->stats.vcmd_undefined);
		vc->rsp = FIELD_PREP(VTD_VCRSP_SC, VTD_VC_UNDEFINED);
		return false;
	}
}

void vu_vcmd_wake(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;

	pthread_mutex_lock(&vc->lock);
	vc->kicked = true;
	pthread_cond_signal(&vc->kick);
	pthread_mutex_unlock(&vc->lock);
}

/* ---- life ------------------------------------------------------------------------------------------- */

void vu_vcmd_reset(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;

	if (!vc->out)
		return;
	mutex_lock(&vc->serial);
	mutex_lock(&unit->regs_lock);
	vc->cmd = 0;
	vc->eo = 0;
	vc->rsp = 0;
	mutex_unlock(&unit->regs_lock);
	vu_vcmd_give_back_all(unit);
	mutex_unlock(&vc->serial);
}

static void vu_vcmd_free_all(struct vu_vcmd *vc)
{
	ioasid_caller_put(vc->caller);
	pthread_cond_destroy(&vc->kick);
	pthread_mutex_destroy(&vc->lock);
	mutex_destroy(&vc->serial);
	kfree(vc->out);
	vc->out = NULL;
}

int vu_vcmd_init(struct vtd_unit *unit, const struct vtd_unit_vcmd *vcmd)
{
	struct vu_vcmd *vc = &unit->vc;
	int rc;

	if (!vcmd)
		return 0;
	if (!vcmd->pasid_alloc || !vcmd->pasid_free)
		return -EINVAL;
	vc->out = kcalloc(VU_PASID_WORDS, sizeof(*vc->out), GFP_KERNEL);
	if (!vc->out)
		return -ENOMEM;
	vc->ops = *vcmd;
	mutex_init(&vc->serial);
	pthread_mutex_init(&vc->lock, NULL);
	pthread_cond_init(&vc->kick, NULL);
	vc->caller = ioasid_caller_get();
	rc = vu_thread_start(&vc->thread, vu_vcmd_thread, unit);
	if (rc)
		vu_vcmd_free_all(vc);
	return rc;
}

void vu_vcmd_destroy(struct vtd_unit *unit)
{
	struct vu_vcmd *vc = &unit->vc;

	if (!vc->out)
		return;
	pthread_mutex_lock(&vc->lock);
	vc->stop = true;
	pthread_cond_signal(&vc->kick);
	pthread_mutex_unlock(&vc->lock);
	pthread_join(vc->thread, NULL);
	vu_vcmd_give_back_all(unit);
	vu_vcmd_free_all(vc);
}
