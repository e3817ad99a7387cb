/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The OS layer, user-space home.
 *
 * core/ and formats/ include "os/os.h" and nothing else from outside; the include path of each home
 * decides which one they get. What belongs here: names the core really uses, spelled as in the
 * kernel and meaning the same. What must not come in: table formats, ABI structures, policy, or a
 * helper only one home would need.
 *
 * The parts are sorted by how far a reader may trust them:
 *   inert.h   things that do nothing here (annotations, might_sleep(), GFP flags)
 *   dup.h     things that behave exactly as in the kernel (lists, interval tree, bits, errors)
 *   custom.h  things that differ on purpose (allocation that can be told to fail, RCU by liburcu,
 *             copies from a caller that is the same process)
 */
#ifndef IOASID_OS_H
#define IOASID_OS_H

#include "os/inert.h"
#include "os/dup.h"
#include "os/custom.h"

#endif
