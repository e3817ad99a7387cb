/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* OS layer, user space: the core's trace hooks do nothing in a process. */
#ifndef IOASID_OS_TRACE_H
#define IOASID_OS_TRACE_H

#include "core/trace_none.h"

#endif
