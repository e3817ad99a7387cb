/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Intel VT-d: where the bits are. Source: VT-d specification 5.10, chapters 3, 6, 7, 9, 11.
 *
 * All structures are little-endian arrays of 64-bit words. A macro name says structure, word and
 * field: VTD_PE2_FSPM is in word 2 (bits 191:128) of a PASID table entry. HAW is the host address
 * width; pointer fields are given with all 52 bits, the part above HAW is reserved.
 */
#ifndef FORMATS_VTD_LAYOUT_H
#define FORMATS_VTD_LAYOUT_H

#include "os/os.h"

#define VTD_ADDR_MASK GENMASK_ULL(51, 12)
/* The pointer fields of the structures above the page tables reach to bit 63. */
#define VTD_PTR_MASK GENMASK_ULL(63, 12)

/* ---- Registers (byte offsets) ---- */
#define VTD_REG_VER	0x00
#define VTD_REG_CAP	0x08
#define VTD_REG_ECAP	0x10
#define VTD_REG_GCMD	0x18
#define VTD_REG_GSTS	0x1c
#define VTD_REG_RTADDR	0x20
#define VTD_REG_CCMD	0x28
#define VTD_REG_FSTS	0x34
#define VTD_REG_FECTL	0x38
#define VTD_REG_FEDATA	0x3c
#define VTD_REG_FEADDR	0x40
#define VTD_REG_FEUADDR 0x44
#define VTD_REG_IQH	0x80
#define VTD_REG_IQT	0x88
#define VTD_REG_IQA	0x90
#define VTD_REG_ICS	0x9c
#define VTD_REG_IECTL	0xa0
#define VTD_REG_IEDATA	0xa4
#define VTD_REG_IEADDR	0xa8
#define VTD_REG_IEUADDR 0xac
#define VTD_REG_IQERCD	0xb0
#define VTD_REG_PQH	0xc0
#define VTD_REG_PQT	0xc8
#define VTD_REG_PQA	0xd0
#define VTD_REG_PRS	0xdc
#define VTD_REG_PECTL	0xe0
#define VTD_REG_PEDATA	0xe4
#define VTD_REG_PEADDR	0xe8
#define VTD_REG_PEUADDR 0xec
#define VTD_REG_VCMD	0xe00
#define VTD_REG_VCMD_EO 0xe08
#define VTD_REG_VCRSP	0xe10
#define VTD_REG_VCCAP	0xe30

/* Virtual commands. A PASID is at the same place in operand A and in the result. */
#define VTD_VCMD_CMD	 GENMASK_ULL(7, 0)
#define VTD_VCMD_OA	 GENMASK_ULL(63, 16)
#define VTD_VCMD_NULL	 0
#define VTD_VCMD_ALLOC	 1
#define VTD_VCMD_FREE	 2
#define VTD_VC_PASID	 GENMASK_ULL(35, 16)
#define VTD_VCRSP_IP	 BIT_ULL(0)
#define VTD_VCRSP_SC	 GENMASK_ULL(7, 1)
#define VTD_VCRSP_RSLT	 GENMASK_ULL(63, 16)
#define VTD_VC_OK	 0
#define VTD_VC_UNDEFINED 1
#define VTD_VC_PASID_BAD 16 /* none available, or not one that can be freed */
#define VTD_VCCAP_NS	 BIT_ULL(0) /* null */
#define VTD_VCCAP_PAS	 BIT_ULL(1) /* allocate */
#define VTD_VCCAP_FPS	 BIT_ULL(2) /* free */

#define VTD_GCMD_TE   BIT_ULL(31) /* the same bits in GSTS */
#define VTD_GCMD_SRTP BIT_ULL(30)
#define VTD_GCMD_QIE  BIT_ULL(26)

#define VTD_RTADDR_RTA	  VTD_PTR_MASK
#define VTD_RTADDR_TTM	  GENMASK_ULL(11, 10)
#define VTD_RTADDR_SSIRWE BIT_ULL(7)
#define VTD_TTM_LEGACY	  0
#define VTD_TTM_SCALABLE  1
#define VTD_TTM_RESERVED  2
#define VTD_TTM_ABORT	  3

#define VTD_CAP_ND	 GENMASK_ULL(2, 0) /* 4 + 2N domain ID bits */
#define VTD_CAP_RWBF	 BIT_ULL(4)
#define VTD_CAP_CM	 BIT_ULL(7)
#define VTD_CAP_SAGAW	 GENMASK_ULL(12, 8) /* bit N of it: AW encoding N */
#define VTD_CAP_MGAW	 GENMASK_ULL(21, 16) /* + 1 */
#define VTD_CAP_ZLR	 BIT_ULL(22)
#define VTD_CAP_FRO	 GENMASK_ULL(33, 24) /* x 16 bytes */
#define VTD_CAP_SSLPS	 GENMASK_ULL(37, 34)
#define VTD_CAP_SSLPS_2M BIT_ULL(34)
#define VTD_CAP_SSLPS_1G BIT_ULL(35)
#define VTD_CAP_PSI	 BIT_ULL(39)
#define VTD_CAP_NFR	 GENMASK_ULL(47, 40) /* + 1 */
#define VTD_CAP_MAMV	 GENMASK_ULL(53, 48)
#define VTD_CAP_DWD	 BIT_ULL(54)
#define VTD_CAP_DRD	 BIT_ULL(55)
#define VTD_CAP_FS1GP	 BIT_ULL(56)
#define VTD_CAP_PI	 BIT_ULL(59)
#define VTD_CAP_FS5LP	 BIT_ULL(60)
#define VTD_CAP_ECMDS	 BIT_ULL(61)
#define VTD_CAP_ESIRTPS	 BIT_ULL(62)
#define VTD_CAP_ESRTPS	 BIT_ULL(63)

#define VTD_ECAP_C	 BIT_ULL(0)
#define VTD_ECAP_QI	 BIT_ULL(1)
#define VTD_ECAP_DT	 BIT_ULL(2)
#define VTD_ECAP_IR	 BIT_ULL(3)
#define VTD_ECAP_EIM	 BIT_ULL(4)
#define VTD_ECAP_PT	 BIT_ULL(6)
#define VTD_ECAP_SC	 BIT_ULL(7)
#define VTD_ECAP_IRO	 GENMASK_ULL(17, 8)
#define VTD_ECAP_MHMV	 GENMASK_ULL(23, 20)
#define VTD_ECAP_MTS	 BIT_ULL(25)
#define VTD_ECAP_NEST	 BIT_ULL(26)
#define VTD_ECAP_PRS	 BIT_ULL(29)
#define VTD_ECAP_ERS	 BIT_ULL(30)
#define VTD_ECAP_SRS	 BIT_ULL(31)
#define VTD_ECAP_NWFS	 BIT_ULL(33)
#define VTD_ECAP_EAFS	 BIT_ULL(34)
#define VTD_ECAP_PSS	 GENMASK_ULL(39, 35) /* + 1 PASID bits */
#define VTD_ECAP_PASID	 BIT_ULL(40)
#define VTD_ECAP_DIT	 BIT_ULL(41)
#define VTD_ECAP_PDS	 BIT_ULL(42)
#define VTD_ECAP_SMTS	 BIT_ULL(43)
#define VTD_ECAP_VCS	 BIT_ULL(44)
#define VTD_ECAP_SSADS	 BIT_ULL(45)
#define VTD_ECAP_SSTS	 BIT_ULL(46)
#define VTD_ECAP_FSTS	 BIT_ULL(47)
#define VTD_ECAP_SMPWCS	 BIT_ULL(48)
#define VTD_ECAP_RPS	 BIT_ULL(49)
#define VTD_ECAP_TDXCS	 BIT_ULL(50)
#define VTD_ECAP_PMS	 BIT_ULL(51)
#define VTD_ECAP_ADMS	 BIT_ULL(52)
#define VTD_ECAP_RPRIVS	 BIT_ULL(53)
#define VTD_ECAP_HPTS	 BIT_ULL(55)
#define VTD_ECAP_PTRS	 BIT_ULL(56)
#define VTD_ECAP_SSIRWS	 BIT_ULL(57)
#define VTD_ECAP_SMS	 BIT_ULL(58)
#define VTD_ECAP_HPT1GPS BIT_ULL(59)
#define VTD_ECAP_RDTS	 BIT_ULL(60)
#define VTD_ECAP_EIMER	 BIT_ULL(61)
#define VTD_ECAP_IRREQ	 BIT_ULL(62)

/* ---- Root table: 256 entries of 2 words, by bus ---- */
#define VTD_ROOT_WORDS 2
#define VTD_RE_P       BIT_ULL(0) /* LP in word 0; UP in word 1 */
#define VTD_RE_CTP     VTD_PTR_MASK

/* ---- Scalable-mode context table: 128 entries of 4 words, by devfn[6:0]; devfn[7] picks it ---- */
#define VTD_CTX_WORDS	    4
#define VTD_CTX_ENTRIES	    128
#define VTD_CE0_P	    BIT_ULL(0)
#define VTD_CE0_FPD	    BIT_ULL(1)
#define VTD_CE0_DTE	    BIT_ULL(2)
#define VTD_CE0_PASIDE	    BIT_ULL(3)
#define VTD_CE0_PRE	    BIT_ULL(4)
#define VTD_CE0_HPTE	    BIT_ULL(5)
#define VTD_CE0_EPTR	    BIT_ULL(6)
#define VTD_CE0_PDTS	    GENMASK_ULL(11, 9) /* X: 2^(X+7) directory entries */
#define VTD_CE0_PASIDDIRPTR VTD_PTR_MASK
#define VTD_CE1_RID_PASID   GENMASK_ULL(19, 0)
#define VTD_CE1_RID_PRIV    BIT_ULL(20)
/* PASIDs that a directory of size X covers are below 2^(X + this). */
#define VTD_PDTS_PASID_LG2 13
#define VTD_PDTS_MAX	   7

/* ---- Legacy-mode context table: 256 entries of 2 words, by devfn ---- */
#define VTD_LCTX_WORDS	     2
#define VTD_LCE0_P	     BIT_ULL(0)
#define VTD_LCE0_FPD	     BIT_ULL(1)
#define VTD_LCE0_TT	     GENMASK_ULL(3, 2)
#define VTD_LCE0_SSPTPTR     VTD_PTR_MASK
#define VTD_LCE1_AW	     GENMASK_ULL(2, 0)
#define VTD_LCE1_AVAIL	     GENMASK_ULL(6, 3)
#define VTD_LCE1_DID	     GENMASK_ULL(23, 8)
#define VTD_LTT_UNTRANSLATED 0 /* second stage, untranslated requests only */
#define VTD_LTT_DEV_TLB	     1 /* second stage, all requests */
#define VTD_LTT_PASS	     2 /* untranslated requests pass through */

/* ---- PASID directory: one word per entry, by PASID[19:6] ---- */
#define VTD_DE_P	 BIT_ULL(0)
#define VTD_DE_FPD	 BIT_ULL(1)
#define VTD_DE_SMPTBLPTR VTD_PTR_MASK

/* ---- PASID table: 64 entries of 8 words, by PASID[5:0] ---- */
#define VTD_PE_WORDS	 8
#define VTD_PE_TABLE_LG2 6
#define VTD_PE0_P	 BIT_ULL(0)
#define VTD_PE0_FPD	 BIT_ULL(1)
#define VTD_PE0_AW	 GENMASK_ULL(4, 2) /* second-stage levels - 2 */
#define VTD_PE0_PGTT	 GENMASK_ULL(8, 6)
#define VTD_PE0_SSADE	 BIT_ULL(9)
#define VTD_PE0_SSPTPTR	 VTD_PTR_MASK
#define VTD_PE1_DID	 GENMASK_ULL(15, 0)
#define VTD_PE1_PWSNP	 BIT_ULL(23)
#define VTD_PE1_PGSNP	 BIT_ULL(24)
#define VTD_PE1_CD	 BIT_ULL(25)
#define VTD_PE1_EMTE	 BIT_ULL(26)
#define VTD_PE1_PAT	 GENMASK_ULL(63, 32)
#define VTD_PE2_SRE	 BIT_ULL(0)
#define VTD_PE2_ERE	 BIT_ULL(1)
#define VTD_PE2_FSPM	 GENMASK_ULL(3, 2) /* first-stage levels - 4 */
#define VTD_PE2_WPE	 BIT_ULL(4)
#define VTD_PE2_NXE	 BIT_ULL(5)
#define VTD_PE2_SMEP	 BIT_ULL(6)
#define VTD_PE2_EAFE	 BIT_ULL(7)
#define VTD_PE2_FSPTPTR	 VTD_PTR_MASK

#define VTD_PGTT_FS	1
#define VTD_PGTT_SS	2
#define VTD_PGTT_NESTED 3
#define VTD_PGTT_PASS	4

/* ---- First-stage (x86-64) page tables ---- */
#define VTD_FS_P	 BIT_ULL(0)
#define VTD_FS_RW	 BIT_ULL(1)
#define VTD_FS_US	 BIT_ULL(2)
#define VTD_FS_PWT	 BIT_ULL(3)
#define VTD_FS_PCD	 BIT_ULL(4)
#define VTD_FS_A	 BIT_ULL(5)
#define VTD_FS_D	 BIT_ULL(6)
#define VTD_FS_PS	 BIT_ULL(7)
#define VTD_FS_G	 BIT_ULL(8)
#define VTD_FS_EA	 BIT_ULL(10)
#define VTD_FS_PAT_LARGE BIT_ULL(12)
#define VTD_FS_XD	 BIT_ULL(63)

/* ---- Second-stage page tables ---- */
#define VTD_SS_R    BIT_ULL(0)
#define VTD_SS_W    BIT_ULL(1)
#define VTD_SS_X    BIT_ULL(2)
#define VTD_SS_EMT  GENMASK_ULL(5, 3)
#define VTD_SS_IPAT BIT_ULL(6)
#define VTD_SS_PS   BIT_ULL(7)
#define VTD_SS_A    BIT_ULL(8)
#define VTD_SS_D    BIT_ULL(9)
#define VTD_SS_SNP  BIT_ULL(11)
#define VTD_SS_IR   BIT_ULL(61)
#define VTD_SS_IW   BIT_ULL(62)

/* ---- Invalidation queue ---- */
#define VTD_IQA_IQA   VTD_PTR_MASK
#define VTD_IQA_DW    BIT_ULL(11)
#define VTD_IQA_QS    GENMASK_ULL(2, 0)
#define VTD_IQ_OFFSET GENMASK_ULL(18, 4) /* IQH, IQT: byte offset; bit 4 unused when 256-bit */

/* IQERCD.IQEI */
#define VTD_IQE_TAIL	 1
#define VTD_IQE_FETCH	 2
#define VTD_IQE_TYPE	 3
#define VTD_IQE_RESERVED 4
#define VTD_IQE_WIDTH	 5
#define VTD_IQE_ALIGN	 6
#define VTD_IQE_TTM	 7

#define VTD_QI0_TYPE_LO	     GENMASK_ULL(3, 0)
#define VTD_QI0_TYPE_HI	     GENMASK_ULL(11, 9)
#define VTD_QI_CONTEXT	     1
#define VTD_QI_IOTLB	     2
#define VTD_QI_DEV_TLB	     3
#define VTD_QI_INT_ENTRY     4
#define VTD_QI_WAIT	     5
#define VTD_QI_PASID_IOTLB   6
#define VTD_QI_PASID_CACHE   7
#define VTD_QI_PASID_DEV_TLB 8
#define VTD_QI_PAGE_RESPONSE 9

#define VTD_QI0_G     GENMASK_ULL(5, 4) /* context, IOTLB, PASID IOTLB, PASID cache */
#define VTD_QI0_DID   GENMASK_ULL(31, 16) /* the same four */
#define VTD_QI0_PASID GENMASK_ULL(51, 32) /* types 6 to 9 */

#define VTD_QI_CONTEXT_G_GLOBAL 1
#define VTD_QI_CONTEXT_G_DOMAIN 2
#define VTD_QI_CONTEXT_G_DEVICE 3
#define VTD_QI_CONTEXT0_SID	GENMASK_ULL(47, 32)
#define VTD_QI_CONTEXT0_FM	GENMASK_ULL(49, 48)

#define VTD_QI_IOTLB_G_GLOBAL 1
#define VTD_QI_IOTLB_G_DOMAIN 2
#define VTD_QI_IOTLB_G_PAGE   3
#define VTD_QI_IOTLB0_DW      BIT_ULL(6)
#define VTD_QI_IOTLB0_DR      BIT_ULL(7)
#define VTD_QI_IOTLB1_AM      GENMASK_ULL(5, 0) /* also PASID IOTLB */
#define VTD_QI_IOTLB1_IH      BIT_ULL(6)
#define VTD_QI_IOTLB1_ADDR    VTD_PTR_MASK

#define VTD_QI_PASID_IOTLB_G_PASID 2
#define VTD_QI_PASID_IOTLB_G_PAGE  3

#define VTD_QI_PASID_CACHE_G_DOMAIN 0
#define VTD_QI_PASID_CACHE_G_PASID  1
#define VTD_QI_PASID_CACHE_G_GLOBAL 3

/* Physical function source ID: low 4 bits in 15:12, high 12 in 63:52. */
#define VTD_QI_DEV0_PFSID_LO	   GENMASK_ULL(15, 12)
#define VTD_QI_DEV0_PFSID_HI	   GENMASK_ULL(63, 52)
#define VTD_QI_DEV_TLB0_MIP	   GENMASK_ULL(20, 16)
#define VTD_QI_DEV_TLB0_SID	   GENMASK_ULL(47, 32)
#define VTD_QI_DEV_TLB1_S	   BIT_ULL(0)
#define VTD_QI_DEV_TLB1_ADDR	   VTD_PTR_MASK
#define VTD_QI_PASID_DEV_TLB0_MIP  GENMASK_ULL(8, 4)
#define VTD_QI_PASID_DEV_TLB0_SID  GENMASK_ULL(31, 16)
#define VTD_QI_PASID_DEV_TLB1_GI   BIT_ULL(0)
#define VTD_QI_PASID_DEV_TLB1_S	   BIT_ULL(11)
#define VTD_QI_PASID_DEV_TLB1_ADDR VTD_PTR_MASK

#define VTD_QI_WAIT0_IF	  BIT_ULL(4)
#define VTD_QI_WAIT0_SW	  BIT_ULL(5)
#define VTD_QI_WAIT0_FN	  BIT_ULL(6)
#define VTD_QI_WAIT0_PD	  BIT_ULL(7)
#define VTD_QI_WAIT0_DATA GENMASK_ULL(63, 32)
#define VTD_QI_WAIT1_ADDR GENMASK_ULL(63, 2)

#define VTD_QI_PGRSP0_PP   BIT_ULL(4)
#define VTD_QI_PGRSP0_CODE GENMASK_ULL(15, 12)
#define VTD_QI_PGRSP0_RID  GENMASK_ULL(31, 16)
#define VTD_QI_PGRSP1_LPIG BIT_ULL(2)
#define VTD_QI_PGRSP1_PRGI GENMASK_ULL(11, 3)
#define VTD_PGRSP_SUCCESS  0
#define VTD_PGRSP_INVALID  1
#define VTD_PGRSP_FAILURE  0xf

/* ---- Page request queue: entries of 4 words ---- */
#define VTD_PQA_PQA	 VTD_PTR_MASK
#define VTD_PQA_PQS	 GENMASK_ULL(2, 0)
#define VTD_PQ_OFFSET	 GENMASK_ULL(18, 5)
#define VTD_PRS_PPR	 BIT_ULL(0)
#define VTD_PRS_PRO	 BIT_ULL(1)
#define VTD_PECTL_IM	 BIT_ULL(31)
#define VTD_PECTL_IP	 BIT_ULL(30)
#define VTD_PR_WORDS	 4
#define VTD_PR0_TYPE	 GENMASK_ULL(7, 0)
#define VTD_PR_TYPE_PAGE 1
#define VTD_PR0_PP	 BIT_ULL(8)
#define VTD_PR0_RID	 GENMASK_ULL(31, 16)
#define VTD_PR0_PASID	 GENMASK_ULL(51, 32)
#define VTD_PR0_EXR	 BIT_ULL(52)
#define VTD_PR0_PMR	 BIT_ULL(53)
#define VTD_PR1_RDR	 BIT_ULL(0)
#define VTD_PR1_WRR	 BIT_ULL(1)
#define VTD_PR1_LPIG	 BIT_ULL(2)
#define VTD_PR1_PRGI	 GENMASK_ULL(11, 3)
#define VTD_PR1_ADDR	 VTD_PTR_MASK

/* ---- Fault recording ---- */
#define VTD_FSTS_PFO   BIT_ULL(0)
#define VTD_FSTS_PPF   BIT_ULL(1)
#define VTD_FSTS_IQE   BIT_ULL(4)
#define VTD_FSTS_ICE   BIT_ULL(5)
#define VTD_FSTS_ITE   BIT_ULL(6)
#define VTD_FSTS_FRI   GENMASK_ULL(15, 8)
#define VTD_FR_WORDS   2
#define VTD_FR0_FI     VTD_PTR_MASK
#define VTD_FR1_SID    GENMASK_ULL(15, 0)
#define VTD_FR1_T2     BIT_ULL(28)
#define VTD_FR1_PRIV   BIT_ULL(29)
#define VTD_FR1_EXE    BIT_ULL(30)
#define VTD_FR1_PP     BIT_ULL(31)
#define VTD_FR1_REASON GENMASK_ULL(39, 32)
#define VTD_FR1_PASID  GENMASK_ULL(59, 40)
#define VTD_FR1_AT     GENMASK_ULL(61, 60)
#define VTD_FR1_T1     BIT_ULL(62)
#define VTD_FR1_F      BIT_ULL(63)

#endif
