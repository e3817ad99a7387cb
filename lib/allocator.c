// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: the allocator's driver API on the calling thread's host; see <ioasid/allocator.h>. */
#include <linux/ioasid_alloc.h>

#include "inproc/caller.h"

#define api_host() caller_pasids()
/* A process has no interrupts. */
#define api_check_any() ((void)0)
/* Who waits inside a DMA section may wait for himself. */
#define api_check_sleep() ((void)WARN_ON(os_rcu_inside()))

#include "core/pasid_api.h"
