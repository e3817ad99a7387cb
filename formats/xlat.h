/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Words that all translation formats share: kinds of access, kinds of fault. */
#ifndef FORMATS_XLAT_H
#define FORMATS_XLAT_H

#include "os/os.h"

/* What a request wants to do; READ | WRITE is an atomic. READ and WRITE also name permissions. */
#define XLAT_READ  0x01u
#define XLAT_WRITE 0x02u
#define XLAT_RW	   (XLAT_READ | XLAT_WRITE)
/* The request claims supervisor privilege (only requests with PASID can). */
#define XLAT_PRIV 0x04u
/* With READ: a read of zero bytes. */
#define XLAT_ZERO_LEN 0x08u
/*
 * A translation request of a device TLB: permissions that are missing do not fail the walk, they
 * are missing from the answer. WRITE says that the device wants to write ("NW" clear).
 */
#define XLAT_ATS 0x10u

/**
 * enum xlat_fault - what went wrong, for those who do not care about the format
 */
enum xlat_fault {
	XLAT_OK,
	XLAT_FAULT_NOT_PRESENT, /* nothing there: a table entry or page is not present */
	XLAT_FAULT_PERMISSION, /* there, but not for this access or privilege */
	XLAT_FAULT_RESERVED, /* reserved bit set or illegal value in an entry */
	XLAT_FAULT_WIDTH, /* address too wide or not canonical */
	XLAT_FAULT_ACCESS, /* table memory cannot be read or written */
	XLAT_FAULT_BLOCKED, /* this kind of request is not allowed for this source */
	XLAT_FAULT_RANGE, /* the result lies in a range that is not memory */
};

#endif
