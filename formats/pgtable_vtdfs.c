// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Page table builder for the VT-d first stage. */
#include "formats/pgtable_fmt_vtdfs.h"
#include "formats/pgtable_ops.h"

#define PT_FMT vtdfs
#include "formats/pgtable_build.h"
