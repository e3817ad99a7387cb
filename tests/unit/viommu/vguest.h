/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The guest's side of a VT-d unit, for tests: RAM, translation structures, an invalidation queue,
 * and a note of the interrupts that came.
 */
#ifndef TESTS_VIOMMU_VGUEST_H
#define TESTS_VIOMMU_VGUEST_H

#include <ioasid/vtd_unit.h>

#include "formats/vtd.h"
#include "viommu/vtd_regs.h"

#define VG_RAM_BYTES (32ull << 20)
#define VG_ROM	     (VG_RAM_BYTES - 4096) /* the last page cannot be written */
#define VG_MSIS	     64
#define VG_MSI_FAULT 0xfee00040ull
#define VG_MSI_PAGE  0xfee01040ull
#define VG_MSI_INV   0xfee02040ull

/**
 * struct vguest - a guest
 * @ram: its RAM, at guest-physical 0
 * @next: next page never used
 * @root: root table
 * @iq: invalidation queue; @iq_qs its size code, @iq_tail byte offset
 * @status: where wait descriptors write
 * @prq: page request queue, one page (128 entries)
 * @gpa_calls: times the unit asked for RAM
 */
struct vguest {
	struct vtd_unit *unit;
	u8 *ram;
	u64 next;
	u64 root, iq, prq, status;
	u32 iq_qs, iq_tail;
	bool narrow; /* 128-bit descriptors */
	u32 wait_value;
	u32 nr_msis;
	struct {
		u64 addr;
		u32 data;
	} msi[VG_MSIS];
	u64 gpa_calls;
	bool trace; /* ask for trace lines, and count them */
	u64 traces;
};

/** vg_init() - RAM only */
void vg_init(struct vguest *g);
void vg_destroy(struct vguest *g);
/** vg_unit() - a unit over @g's RAM; fields of @config that say where are filled in */
int vg_unit(struct vguest *g, struct vtd_unit_config *config, struct ioasid *ctx, u32 gpa_ioasid);
/** vg_page() - a zeroed page. Return: its address. */
u64 vg_page(struct vguest *g);
u64 *vg_word(struct vguest *g, u64 gpa);

/** vg_boot() - as a driver does: queue, root table, interrupts, page request queue, translation */
void vg_boot(struct vguest *g);
void vg_command(struct vguest *g, u32 bits);
u32 vg_get32(struct vguest *g, u32 off);
u64 vg_get64(struct vguest *g, u32 off);
void vg_set32(struct vguest *g, u32 off, u32 value);
void vg_set64(struct vguest *g, u32 off, u64 value);

/** vg_context() - context entry with an empty PASID directory. Return: the directory. */
u64 vg_context(struct vguest *g, u16 rid, u64 flags, u32 pdts);
void vg_context_clear(struct vguest *g, u16 rid);
/** vg_pasid() - address of a PASID table entry, made reachable */
u64 *vg_pasid(struct vguest *g, u64 dir, u32 pasid);
/** vg_pasid_fs() - first-stage entry, P last */
void vg_pasid_fs(struct vguest *g, u64 dir, u32 pasid, u64 root, u16 did);
void vg_pasid_pass(struct vguest *g, u64 dir, u32 pasid, u16 did);
void vg_pasid_clear(struct vguest *g, u64 dir, u32 pasid, bool fpd);

/** vg_qi() - append a descriptor, without telling the unit */
void vg_qi(struct vguest *g, u64 q0, u64 q1);
void vg_kick(struct vguest *g);
/** vg_wait() - append a wait, tell the unit. Return: the wait completed. */
bool vg_wait(struct vguest *g);
u64 vg_desc_pasid_cache(u32 g, u16 did, u32 pasid);
u64 vg_desc_pasid_iotlb(u32 g, u16 did, u32 pasid);
u64 vg_desc_context(u32 g, u16 rid);
u64 vg_desc_iotlb(u32 g, u16 did);
u64 vg_desc_dev_tlb(u16 rid);
u64 vg_desc_pasid_dev_tlb(u16 rid, u32 pasid);
u64 vg_desc_page_response(u16 rid, u32 pasid, u32 code);

/** vg_msi() - interrupts to @addr since vg_msi_clear() */
u32 vg_msi(const struct vguest *g, u64 addr);
void vg_msi_clear(struct vguest *g);

#endif
