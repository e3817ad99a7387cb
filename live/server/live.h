/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What every file of the server may use. */
#ifndef LIVE_LIVE_H
#define LIVE_LIVE_H

/** A parameter that an interface has and this function does not need. */
#define live_unused __attribute__((unused))

#endif
