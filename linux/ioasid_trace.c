// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints, and how devices are called in them. */
#include "core/trace.h"
#include "linux/ioasid_linux.h"

const char *lin_trace_device(const struct ioasid_device *dev)
{
	return dev ? kdev_of(dev)->name : "-";
}

#define CREATE_TRACE_POINTS
#include "linux/ioasid_trace.h"
