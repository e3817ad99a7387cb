// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d fault reasons. Source: VT-d 5.10, Table 30 (scalable mode) and 11.4.7; the legacy codes keep
 * the meanings they have had since revision 1.
 */
#include "formats/vtd.h"

#define Q true
#define N false

/* One row: code, is it qualified, completion of a translation request, kind, name, text. */
#define ROW(c, q, compl, kind, n, t)             \
	[c] = { .code = c,                       \
		.qualified = q,                  \
		.completion = VTD_COMPL_##compl, \
		.fault = XLAT_FAULT_##kind,      \
		.name = n,                       \
		.text = t }

static const struct vtd_reason_info vtd_reasons[] = {
	ROW(VTD_L_ROOT_NOT_PRESENT, N, UR, NOT_PRESENT, "legacy 1", "root entry not present"),
	ROW(VTD_L_CTX_NOT_PRESENT, Q, UR, NOT_PRESENT, "legacy 2", "context entry not present"),
	ROW(VTD_L_CTX_INVALID, Q, UR, RESERVED, "legacy 3", "context entry invalid"),
	ROW(VTD_L_WIDTH, Q, UR, WIDTH, "legacy 4", "address beyond the width"),
	ROW(VTD_L_WRITE, Q, PERM, PERMISSION, "legacy 5", "no write permission"),
	ROW(VTD_L_READ, Q, PERM, PERMISSION, "legacy 6", "no read permission"),
	ROW(VTD_L_ACCESS, Q, CA, ACCESS, "legacy 7", "page table not accessible"),
	ROW(VTD_L_ROOT_ACCESS, N, CA, ACCESS, "legacy 8", "root table not accessible"),
	ROW(VTD_L_CTX_ACCESS, N, CA, ACCESS, "legacy 9", "context table not accessible"),
	ROW(VTD_L_ROOT_RSVD, N, CA, RESERVED, "legacy 10", "root entry: reserved bit"),
	ROW(VTD_L_CTX_RSVD, Q, CA, RESERVED, "legacy 11", "context entry: reserved bit"),
	ROW(VTD_L_PTE_RSVD, Q, CA, RESERVED, "legacy 12", "page table entry: reserved bit"),
	ROW(VTD_L_BLOCKED, Q, UR, BLOCKED, "legacy 13", "translation requests not allowed"),

	ROW(VTD_RTA_1, N, CA, RESERVED, "RTA.1", "invalid translation table mode"),
	ROW(VTD_RTA_2, N, UR, BLOCKED, "RTA.2", "request with PASID in legacy mode"),
	ROW(VTD_RTA_3, N, UR, BLOCKED, "RTA.3", "page request in legacy mode"),
	ROW(VTD_RTA_4, N, UR, BLOCKED, "RTA.4", "all requests aborted (abort mode)"),
	ROW(VTD_RTA_5, N, UR, BLOCKED, "RTA.5", "execute requested"),

	ROW(VTD_SRT_1, N, CA, ACCESS, "SRT.1", "root entry not accessible"),
	ROW(VTD_SRT_2, N, UR, NOT_PRESENT, "SRT.2", "root entry not present"),
	ROW(VTD_SRT_3, N, CA, RESERVED, "SRT.3", "root entry: reserved bit"),

	ROW(VTD_SCT_1, N, CA, ACCESS, "SCT.1", "context entry not accessible"),
	ROW(VTD_SCT_2, Q, UR, NOT_PRESENT, "SCT.2", "context entry not present"),
	ROW(VTD_SCT_3, Q, CA, RESERVED, "SCT.3", "context entry: reserved bit"),
	ROW(VTD_SCT_4, Q, CA, RESERVED, "SCT.4", "context entry contradicts itself"),
	ROW(VTD_SCT_5, Q, UR, BLOCKED, "SCT.5", "translation requests not allowed (DTE = 0)"),
	ROW(VTD_SCT_6, Q, UR, BLOCKED, "SCT.6", "requests with PASID not allowed (PASIDE = 0)"),
	ROW(VTD_SCT_7, Q, UR, BLOCKED, "SCT.7", "PASID beyond the PASID directory"),
	ROW(VTD_SCT_8, Q, UR, BLOCKED, "SCT.8", "page requests not allowed (PRE = 0)"),
	ROW(VTD_SCT_9, Q, UR, BLOCKED, "SCT.9", "request with the PASID of requests without"),
	ROW(VTD_SCT_10, Q, NONE, BLOCKED, "SCT.10", "translated request with PASID (EPTR = 0)"),

	ROW(VTD_SPD_1, N, CA, ACCESS, "SPD.1", "PASID directory entry not accessible"),
	ROW(VTD_SPD_2, Q, EMPTY, NOT_PRESENT, "SPD.2", "PASID directory entry not present"),
	ROW(VTD_SPD_3, Q, CA, RESERVED, "SPD.3", "PASID directory entry: reserved bit"),

	ROW(VTD_SPT_1, N, CA, ACCESS, "SPT.1", "PASID table entry not accessible"),
	ROW(VTD_SPT_2, Q, EMPTY, NOT_PRESENT, "SPT.2", "PASID table entry not present"),
	ROW(VTD_SPT_3, Q, CA, RESERVED, "SPT.3", "PASID table entry: reserved bit"),
	ROW(VTD_SPT_4, Q, CA, RESERVED, "SPT.4", "PASID table entry: illegal value"),
	ROW(VTD_SPT_5, Q, EMPTY, PERMISSION, "SPT.5", "execute requests not allowed"),
	ROW(VTD_SPT_6, Q, EMPTY, PERMISSION, "SPT.6", "supervisor requests not allowed (SRE = 0)"),
	ROW(VTD_SPT_9, Q, NONE, RESERVED, "SPT.9", "host permission table: illegal size"),

	ROW(VTD_SFS_1, Q, EMPTY, ACCESS, "SFS.1", "first-stage entry not accessible"),
	ROW(VTD_SFS_2, Q, EMPTY, NOT_PRESENT, "SFS.2", "first-stage entry not present"),
	ROW(VTD_SFS_3, Q, EMPTY, RESERVED, "SFS.3", "first-stage entry: reserved bit"),
	ROW(VTD_SFS_4, Q, EMPTY, ACCESS, "SFS.4", "first-stage root table not accessible"),
	ROW(VTD_SFS_5, Q, EMPTY, WIDTH, "SFS.5", "first-stage entry: address too wide for nesting"),
	ROW(VTD_SFS_6, Q, EMPTY, PERMISSION, "SFS.6",
	    "second stage forbids reading the first-stage root table"),
	ROW(VTD_SFS_7, Q, EMPTY, PERMISSION, "SFS.7",
	    "second stage forbids reading a first-stage table"),
	ROW(VTD_SFS_8, Q, EMPTY, PERMISSION, "SFS.8",
	    "second stage forbids setting accessed or dirty bits"),
	ROW(VTD_SFS_9, Q, EMPTY, ACCESS, "SFS.9",
	    "first-stage accessed/dirty update needs snooped walks"),
	ROW(VTD_SFS_10, Q, EMPTY, ACCESS, "SFS.10", "first-stage accessed/dirty update failed"),

	ROW(VTD_SSS_1, Q, CA, ACCESS, "SSS.1", "second-stage entry not accessible"),
	ROW(VTD_SSS_2, Q, EMPTY, NOT_PRESENT, "SSS.2", "second-stage entry not present"),
	ROW(VTD_SSS_3, Q, CA, RESERVED, "SSS.3", "second-stage entry: reserved bit"),
	ROW(VTD_SSS_4, Q, CA, ACCESS, "SSS.4", "second-stage root table not accessible"),
	ROW(VTD_SSS_5, Q, CA, ACCESS, "SSS.5",
	    "second-stage accessed/dirty update needs snooped walks"),
	ROW(VTD_SSS_6, Q, CA, ACCESS, "SSS.6", "second-stage accessed/dirty update failed"),

	ROW(VTD_SGN_1, Q, EMPTY, WIDTH, "SGN.1", "address not canonical"),
	ROW(VTD_SGN_2, Q, EMPTY, PERMISSION, "SGN.2", "user request for a supervisor page"),
	ROW(VTD_SGN_3, Q, EMPTY, PERMISSION, "SGN.3", "no execute permission"),
	ROW(VTD_SGN_4, Q, EMPTY, WIDTH, "SGN.4", "address beyond the host address width"),
	ROW(VTD_SGN_5, Q, EMPTY, WIDTH, "SGN.5", "address too wide for the second stage"),
	ROW(VTD_SGN_6, Q, PERM, PERMISSION, "SGN.6", "no write permission"),
	ROW(VTD_SGN_7, Q, PERM, PERMISSION, "SGN.7", "no read permission"),
	ROW(VTD_SGN_8, Q, CA, RANGE, "SGN.8", "result in the interrupt range"),
	ROW(VTD_SGN_10, Q, UR, BLOCKED, "SGN.10", "PASID wider than the unit supports"),

	ROW(VTD_HPT_1, Q, NONE, BLOCKED, "HPT.1", "host permission table"),
	ROW(VTD_HPT_1 + 1, Q, NONE, BLOCKED, "HPT.2", "host permission table"),
	ROW(VTD_HPT_1 + 2, Q, NONE, BLOCKED, "HPT.3", "host permission table"),
	ROW(VTD_HPT_1 + 3, Q, NONE, BLOCKED, "HPT.4", "host permission table"),
	ROW(VTD_HPT_1 + 4, Q, NONE, BLOCKED, "HPT.5", "host permission table"),
	ROW(VTD_HPT_6, Q, NONE, BLOCKED, "HPT.6", "host permission table"),
};

const struct vtd_reason_info *vtd_reason_info(u8 code)
{
	if (code >= ARRAY_SIZE(vtd_reasons) || !vtd_reasons[code].name)
		return NULL;
	return &vtd_reasons[code];
}
