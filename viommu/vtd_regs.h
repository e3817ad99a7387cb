/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Intel VT-d registers: what a unit that answers to them needs beyond formats/vtd_layout.h.
 *
 * Source: VT-d specification 5.10, chapter 11.4, and section 6.5.2 for the descriptors. The layout
 * header says where fields are; this one says which bits software may write, which it clears by
 * writing 1, and which are reserved. Offsets in bytes, masks per 32-bit half.
 */
#ifndef VIOMMU_VTD_REGS_H
#define VIOMMU_VTD_REGS_H

#include "formats/vtd_layout.h"

/* Major version 6, minor 0. */
#define VTD_VER_VALUE 0x60

#define VTD_GCMD_WBF BIT_ULL(27)
/* Commands that stay in force; the others happen once. GSTS shows both kinds. */
#define VTD_GCMD_LEVELS (VTD_GCMD_TE | VTD_GCMD_QIE)

#define VTD_RTADDR_WRITABLE (VTD_RTADDR_RTA | VTD_RTADDR_TTM)

/* Context command register: register-based context cache invalidation. */
#define VTD_CCMD_ICC  BIT_ULL(63)
#define VTD_CCMD_CIRG GENMASK_ULL(62, 61)
#define VTD_CCMD_CAIG GENMASK_ULL(60, 59)
#define VTD_CCMD_FM   GENMASK_ULL(33, 32)
#define VTD_CCMD_SID  GENMASK_ULL(31, 16)
#define VTD_CCMD_DID  GENMASK_ULL(15, 0)

/* IOTLB registers, where ECAP.IRO says: address first, then the command. */
#define VTD_UNIT_IRO   0x0f
#define VTD_REG_IVA    (VTD_UNIT_IRO * 16)
#define VTD_REG_IOTLB  (VTD_UNIT_IRO * 16 + 8)
#define VTD_IVA_AM     GENMASK_ULL(5, 0)
#define VTD_IVA_IH     BIT_ULL(6)
#define VTD_IVA_ADDR   VTD_PTR_MASK
#define VTD_IOTLB_IVT  BIT_ULL(63)
#define VTD_IOTLB_IIRG GENMASK_ULL(61, 60)
#define VTD_IOTLB_IAIG GENMASK_ULL(58, 57)
#define VTD_IOTLB_DID  GENMASK_ULL(47, 32)
/* Granularity codes are those of the descriptors. */

/* Fault recording registers, where CAP.FRO says; 16 bytes each. */
#define VTD_UNIT_FRO	   0x22
#define VTD_REG_FRCD	   (VTD_UNIT_FRO * 16)
#define VTD_UNIT_NR_FR_MAX 64

/* Event registers come in fours: control, data, address, upper address. */
#define VTD_MSI_IM	  BIT_ULL(31)
#define VTD_MSI_IP	  BIT_ULL(30)
#define VTD_MSI_ADDR_MASK GENMASK_ULL(31, 2)
/* Interrupt messages are 32-bit writes to 0xFEEx_xxxx; anything else would be DMA. */
#define VTD_MSI_WINDOW	    0xfee00000ULL
#define VTD_MSI_WINDOW_MASK 0xfffffffffff00000ULL

#define VTD_ICS_IWC BIT_ULL(0)

/* What software clears in FSTS by writing 1. PPF and FRI follow the recording registers. */
#define VTD_FSTS_RW1C (VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)
/* While one of these is set, the invalidation queue stands still. */
#define VTD_FSTS_QUEUE (VTD_FSTS_IQE | VTD_FSTS_ITE)

#define VTD_IQA_WRITABLE  (VTD_IQA_IQA | VTD_IQA_DW | VTD_IQA_QS)
#define VTD_IQERCD_IQEI	  GENMASK_ULL(3, 0)
#define VTD_IQERCD_ITESID GENMASK_ULL(47, 32)
#define VTD_PQA_WRITABLE  (VTD_PQA_PQA | VTD_PQA_PQS)
#define VTD_PR_BYTES	  32

/* Bits 15:8 of VCMD are reserved. */
#define VTD_VCMD_WRITABLE (VTD_VCMD_CMD | VTD_VCMD_OA)
/*
 * Bit 0 stands for the null command; drivers from before the specification settled take it for "PASIDs
 * can be allocated". With all three set both find what they look for.
 */
#define VTD_VCCAP_VALUE (VTD_VCCAP_NS | VTD_VCCAP_PAS | VTD_VCCAP_FPS)

/*
 * Largest address mask worth having: 2^52 pages are everything. Guests may use any mask up to what
 * CAP.MAMV says.
 */
#define VTD_UNIT_MAMV 52

/* Type of a descriptor: {11:9, 3:0}. */
#define VTD_QI_NR_TYPES 10

/* Bits that must be 0, per type, in the two low words; words 2 and 3 are reserved in all types. */
#define VTD_QI_RSVD_CONTEXT0 (GENMASK_ULL(8, 6) | GENMASK_ULL(15, 12) | GENMASK_ULL(63, 50))
#define VTD_QI_RSVD_CONTEXT1 GENMASK_ULL(63, 0)
#define VTD_QI_RSVD_IOTLB0   (BIT_ULL(8) | GENMASK_ULL(15, 12) | GENMASK_ULL(63, 32))
#define VTD_QI_RSVD_IOTLB1   GENMASK_ULL(11, 7)
#define VTD_QI_RSVD_DEV_TLB0 (GENMASK_ULL(8, 4) | GENMASK_ULL(31, 21) | GENMASK_ULL(51, 48))
#define VTD_QI_RSVD_DEV_TLB1 GENMASK_ULL(11, 1)
/* Interrupt remapping is not offered: whatever such a descriptor names is not cached. */
#define VTD_QI_RSVD_INT_ENTRY0	   0
#define VTD_QI_RSVD_INT_ENTRY1	   0
#define VTD_QI_RSVD_WAIT0	   (BIT_ULL(8) | GENMASK_ULL(31, 12))
#define VTD_QI_RSVD_WAIT1	   GENMASK_ULL(1, 0)
#define VTD_QI_RSVD_PASID_IOTLB0   (GENMASK_ULL(8, 6) | GENMASK_ULL(15, 12) | GENMASK_ULL(63, 52))
#define VTD_QI_RSVD_PASID_IOTLB1   GENMASK_ULL(11, 7)
#define VTD_QI_RSVD_PASID_CACHE0   (GENMASK_ULL(8, 6) | GENMASK_ULL(15, 12) | GENMASK_ULL(63, 52))
#define VTD_QI_RSVD_PASID_CACHE1   GENMASK_ULL(63, 0)
#define VTD_QI_RSVD_PASID_DEV_TLB0 0
#define VTD_QI_RSVD_PASID_DEV_TLB1 GENMASK_ULL(10, 1)
#define VTD_QI_RSVD_PGRSP0	   (GENMASK_ULL(8, 5) | GENMASK_ULL(63, 52))
#define VTD_QI_RSVD_PGRSP1	   (GENMASK_ULL(63, 12) | GENMASK_ULL(1, 0))

#endif
