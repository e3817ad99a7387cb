/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioasidctl graph: a host in the language of graphviz's dot. */
#ifndef IOASID_CTL_DRAW_H
#define IOASID_CTL_DRAW_H

#include "tools/ctl_model.h"

/**
 * ctl_draw() - write a picture's source
 * @model: host
 * @all: nothing is folded
 * @to: where
 *
 * Plain ASCII, whatever the names in @model are.
 */
void ctl_draw(const struct ctl_model *model, bool all, FILE *to);

#endif
