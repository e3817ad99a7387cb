/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* OS layer, Linux home: the core's trace hooks are tracepoints; the test module has none. */
#ifndef IOASID_OS_TRACE_H
#define IOASID_OS_TRACE_H

#ifdef IOASID_OS_TEST
#include "core/trace_none.h"
#else
#include "linux/ioasid_trace.h"
#endif

#endif
