// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <sys/mman.h>

#include "tests/unit/ut.h"
#include "tests/unit/viommu/vguest.h"

/* ---- memory ---------------------------------------------------------------------------------------- */

static void *vg_gpa(void *opaque, uint64_t gpa, uint32_t len, bool write)
{
	struct vguest *g = opaque;

	__atomic_add_fetch(&g->gpa_calls, 1, __ATOMIC_RELAXED);
	ut_assert(len >= 1 && len <= 4096 && (gpa & 4095) + len <= 4096);
	if (gpa >= VG_RAM_BYTES || (write && gpa >= VG_ROM))
		return NULL;
	return g->ram + gpa;
}

static void vg_send_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct vguest *g = opaque;
	u32 n = __atomic_fetch_add(&g->nr_msis, 1, __ATOMIC_RELAXED);

	ut_assert((addr & ~0xfffffull) == 0xfee00000ull);
	if (n >= VG_MSIS)
		return;
	g->msi[n].addr = addr;
	g->msi[n].data = data;
}

static void vg_trace(void *opaque, const char *line)
{
	struct vguest *g = opaque;

	ut_assert(line[0] && line[strlen(line) - 1] != '\n');
	__atomic_add_fetch(&g->traces, 1, __ATOMIC_RELAXED);
}

void vg_init(struct vguest *g)
{
	memset(g, 0, sizeof(*g));
	g->ram = mmap(NULL, VG_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	ut_assert(g->ram != MAP_FAILED);
	g->next = 0x1000;
}

void vg_destroy(struct vguest *g)
{
	munmap(g->ram, VG_RAM_BYTES);
}

int vg_unit(struct vguest *g, struct vtd_unit_config *config, struct ioasid *ctx, u32 gpa_ioasid)
{
	static const struct vtd_unit_ops ops = { .gpa = vg_gpa, .send_msi = vg_send_msi };
	static const struct vtd_unit_ops tracing = {
		.gpa = vg_gpa,
		.send_msi = vg_send_msi,
		.trace = vg_trace,
	};

	config->size = sizeof(*config);
	config->ctx = ctx;
	config->gpa_ioasid = gpa_ioasid;
	config->ops = g->trace ? &tracing : &ops;
	config->opaque = g;
	return vtd_unit_create(config, &g->unit);
}

u64 vg_page(struct vguest *g)
{
	u64 page = g->next;

	ut_assert(page < VG_RAM_BYTES);
	g->next += 4096;
	memset(g->ram + page, 0, 4096);
	return page;
}

u64 *vg_word(struct vguest *g, u64 gpa)
{
	return (u64 *)(g->ram + gpa);
}

/* ---- registers ----------------------------------------------------------------------------------------- */

u32 vg_get32(struct vguest *g, u32 off)
{
	return (u32)vtd_unit_read(g->unit, off, 4);
}

u64 vg_get64(struct vguest *g, u32 off)
{
	return vtd_unit_read(g->unit, off, 8);
}

void vg_set32(struct vguest *g, u32 off, u32 value)
{
	vtd_unit_write(g->unit, off, 4, value);
}

void vg_set64(struct vguest *g, u32 off, u64 value)
{
	vtd_unit_write(g->unit, off, 8, value);
}

void vg_command(struct vguest *g, u32 bits)
{
	vg_set32(g, VTD_REG_GCMD, (vg_get32(g, VTD_REG_GSTS) & VTD_GCMD_LEVELS) | bits);
}

static void vg_event(struct vguest *g, u32 ctl, u64 addr, u32 data)
{
	vg_set32(g, ctl + 4, data);
	vg_set32(g, ctl + 8, (u32)addr);
	vg_set32(g, ctl + 12, (u32)(addr >> 32));
	vg_set32(g, ctl, 0);
}

void vg_boot(struct vguest *g)
{
	u32 i;

	g->iq_qs = 1; /* 256 wide descriptors in two pages */
	g->iq = vg_page(g);
	vg_page(g);
	g->status = vg_page(g);
	g->prq = vg_page(g);
	g->root = vg_page(g);
	vg_set32(g, VTD_REG_IQT, 0);
	vg_set64(g, VTD_REG_IQA, g->iq | (g->narrow ? 0 : VTD_IQA_DW) | g->iq_qs);
	vg_command(g, VTD_GCMD_QIE);
	vg_set64(g, VTD_REG_RTADDR,
		 g->root | FIELD_PREP(VTD_RTADDR_TTM, g->narrow ? 0 : VTD_TTM_SCALABLE));
	vg_command(g, VTD_GCMD_SRTP);
	vg_event(g, VTD_REG_FECTL, VG_MSI_FAULT, 0x31);
	vg_event(g, VTD_REG_IECTL, VG_MSI_INV, 0x32);
	vg_event(g, VTD_REG_PECTL, VG_MSI_PAGE, 0x33);
	vg_set64(g, VTD_REG_PQH, 0);
	vg_set64(g, VTD_REG_PQT, 0);
	vg_set64(g, VTD_REG_PQA, g->prq);
	vg_command(g, VTD_GCMD_TE);
	for (i = 0; i < VG_MSIS; i++)
		g->msi[i].addr = 0;
	g->nr_msis = 0;
}

/* ---- translation structures --------------------------------------------------------------------------------- */

static u64 *vg_context_entry(struct vguest *g, u16 rid)
{
	u64 *half = vg_word(g, g->root + (rid >> 8) * 16 + (rid & 0x80 ? 8 : 0));

	if (!(*half & VTD_RE_P))
		*half = vg_page(g) | VTD_RE_P;
	return vg_word(g, (*half & VTD_RE_CTP) + (rid & 0x7f) * 32);
}

u64 vg_context(struct vguest *g, u16 rid, u64 flags, u32 pdts)
{
	u64 *ce = vg_context_entry(g, rid), dir = vg_page(g);
	u32 i;

	for (i = 1; i < (128u << pdts) * 8 / 4096; i++)
		vg_page(g);
	ce[1] = 0;
	ce[2] = 0;
	ce[3] = 0;
	WRITE_ONCE(ce[0], dir | FIELD_PREP(VTD_CE0_PDTS, pdts) | flags | VTD_CE0_P);
	return dir;
}

void vg_context_clear(struct vguest *g, u16 rid)
{
	WRITE_ONCE(*vg_context_entry(g, rid), 0);
}

u64 *vg_pasid(struct vguest *g, u64 dir, u32 pasid)
{
	u64 *de = vg_word(g, dir + (pasid >> 6) * 8);

	if (!(*de & VTD_DE_P))
		*de = vg_page(g) | VTD_DE_P;
	return vg_word(g, (*de & VTD_DE_SMPTBLPTR) + (pasid & 63) * 64);
}

static void vg_pasid_set(struct vguest *g, u64 dir, u32 pasid, u64 w0, u64 w1, u64 w2)
{
	u64 *pe = vg_pasid(g, dir, pasid);

	WRITE_ONCE(pe[0], 0);
	WRITE_ONCE(pe[1], w1);
	WRITE_ONCE(pe[2], w2);
	smp_store_release(&pe[0], w0);
}

void vg_pasid_fs(struct vguest *g, u64 dir, u32 pasid, u64 root, u16 did)
{
	vg_pasid_set(g, dir, pasid, FIELD_PREP(VTD_PE0_PGTT, VTD_PGTT_FS) | VTD_PE0_P,
		     did | VTD_PE1_PWSNP | VTD_PE1_PGSNP, root);
}

void vg_pasid_pass(struct vguest *g, u64 dir, u32 pasid, u16 did)
{
	vg_pasid_set(g, dir, pasid, FIELD_PREP(VTD_PE0_PGTT, VTD_PGTT_PASS) | VTD_PE0_P,
		     did | VTD_PE1_PWSNP, 0);
}

void vg_pasid_clear(struct vguest *g, u64 dir, u32 pasid, bool fpd)
{
	vg_pasid_set(g, dir, pasid, fpd ? VTD_PE0_FPD : 0, 0, 0);
}

/* ---- invalidation queue -------------------------------------------------------------------------------------------- */

void vg_qi(struct vguest *g, u64 q0, u64 q1)
{
	u32 step = g->narrow ? 16 : 32;
	u64 *d = vg_word(g, g->iq + g->iq_tail);

	d[0] = q0;
	d[1] = q1;
	if (!g->narrow) {
		d[2] = 0;
		d[3] = 0;
	}
	g->iq_tail = (g->iq_tail + step) & ((4096u << g->iq_qs) - 1);
}

void vg_kick(struct vguest *g)
{
	vg_set32(g, VTD_REG_IQT, g->iq_tail);
}

bool vg_wait(struct vguest *g)
{
	vg_qi(g, VTD_QI_WAIT | VTD_QI_WAIT0_SW | FIELD_PREP(VTD_QI_WAIT0_DATA, ++g->wait_value),
	      g->status);
	vg_kick(g);
	return smp_load_acquire((u32 *)vg_word(g, g->status)) == g->wait_value;
}

u64 vg_desc_pasid_cache(u32 g, u16 did, u32 pasid)
{
	return VTD_QI_PASID_CACHE | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI0_DID, did) |
	       FIELD_PREP(VTD_QI0_PASID, pasid);
}

u64 vg_desc_pasid_iotlb(u32 g, u16 did, u32 pasid)
{
	return VTD_QI_PASID_IOTLB | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI0_DID, did) |
	       FIELD_PREP(VTD_QI0_PASID, pasid);
}

u64 vg_desc_context(u32 g, u16 rid)
{
	return VTD_QI_CONTEXT | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI_CONTEXT0_SID, rid);
}

u64 vg_desc_iotlb(u32 g, u16 did)
{
	return VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, g) | FIELD_PREP(VTD_QI0_DID, did);
}

u64 vg_desc_dev_tlb(u16 rid)
{
	return VTD_QI_DEV_TLB | FIELD_PREP(VTD_QI_DEV_TLB0_SID, rid);
}

u64 vg_desc_pasid_dev_tlb(u16 rid, u32 pasid)
{
	return VTD_QI_PASID_DEV_TLB | FIELD_PREP(VTD_QI_PASID_DEV_TLB0_SID, rid) |
	       FIELD_PREP(VTD_QI0_PASID, pasid);
}

u64 vg_desc_page_response(u16 rid, u32 pasid, u32 code)
{
	return VTD_QI_PAGE_RESPONSE | (pasid ? VTD_QI_PGRSP0_PP : 0) |
	       FIELD_PREP(VTD_QI_PGRSP0_CODE, code) | FIELD_PREP(VTD_QI_PGRSP0_RID, rid) |
	       FIELD_PREP(VTD_QI0_PASID, pasid);
}

/* ---- interrupts ------------------------------------------------------------------------------------------------------- */

u32 vg_msi(const struct vguest *g, u64 addr)
{
	u32 i, n = 0;

	for (i = 0; i < min(g->nr_msis, (u32)VG_MSIS); i++)
		n += g->msi[i].addr == addr;
	return n;
}

void vg_msi_clear(struct vguest *g)
{
	g->nr_msis = 0;
}
