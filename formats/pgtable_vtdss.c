// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Page table builder for the VT-d second stage. */
#include "formats/pgtable_fmt_vtdss.h"
#include "formats/pgtable_ops.h"

#define PT_FMT vtdss
#include "formats/pgtable_build.h"
