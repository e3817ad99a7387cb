/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Everything a context tells about itself, to show that a refused call changed nothing. */
#ifndef CONFORMANCE_SNAP_H
#define CONFORMANCE_SNAP_H

#include <ioasid/ioasid.h>

/** struct snap - a text of all objects of a context, one per line; owned by the caller. */
struct snap {
	char *text;
	size_t size;
};
void snap_take(struct snap *snap, struct ioasid *ctx);
void snap_free(struct snap *snap);

#endif
