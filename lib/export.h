/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Included ahead of every source of the shared library: what the installed headers declare is
 * visible, all else is compiled hidden, so that calls within the library stay direct.
 */
#pragma GCC visibility push(default)
#include <ioasid/allocator.h>
#include <ioasid/wq.h>
#pragma GCC visibility pop
