/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The formats' instances of pgtable_build.h, for pgtable.c only. */
#ifndef FORMATS_PGTABLE_OPS_H
#define FORMATS_PGTABLE_OPS_H

#include "formats/pgtable.h"

extern const struct iopt_ops vtdfs_iopt_ops;
extern const struct iopt_ops vtdss_iopt_ops;

#endif
