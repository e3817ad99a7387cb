/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Who the calling thread is, to hosts of this process; see <ioasid/allocator.h>. */
#ifndef IOASID_INPROC_CALLER_H
#define IOASID_INPROC_CALLER_H

#include <ioasid/allocator.h>

#include "core/home.h"

/** caller_pasids() - allocator of the thread's host, else of the default one; NULL: no memory. */
struct pasid_host *caller_pasids(void);
/** caller_privileged() - may exceed defaults, reserve, and set limits. */
bool caller_privileged(void);
/** caller_limit_find() - home op limit_find of in-process hosts. */
struct limit_group *caller_limit_find(struct ioasid_machine *machine,
				      const struct ioasid_limit *name, bool change);
/** caller_pasid_ops - processes and groups of limits, for the allocator. */
extern const struct pasid_host_ops caller_pasid_ops;

/** groups_init() - a host begins: the root group. 0 or -ENOMEM. groups_destroy(): it ends. */
int groups_init(struct ioasid_host *host);
void groups_destroy(struct ioasid_host *host);
/** groups_find() - the group with that path, with a reference; ERR_PTR: -EINVAL, -ENOENT. */
struct limit_group *groups_find(struct ioasid_host *host, const char *path);

#endif
