/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the files of the model share. */
#ifndef TESTS_ISOLATION_MODEL_PRIVATE_H
#define TESTS_ISOLATION_MODEL_PRIVATE_H

#include <errno.h>
#include <string.h>

#include <linux/ioasid.h>

#include "tests/isolation/model.h"

/** fails() - @err applies. */
void fails(struct m_answer *a, int err);
/** may_fail() - the design leaves open whether it does. */
void may_fail(struct m_answer *a, int err);
/** device_target() - the space that a device command names; false: errors, or nothing to do. */
bool device_target(const struct model *m, const struct op *op, struct m_answer *a);
struct m_ioas *find_ioas(struct model *m, const struct op *op);

bool is_bound(const struct model *m, int dev, int ctx);
bool is_global(const struct model *m, int dev);
uint32_t width_of(const struct model *m, int dev);
bool keeps(const struct model *m, int dev, uint32_t number);

/* ---- modes (model_mode.c) ---- */
/** mode_check() - may @dev, or the context's devices, become what @after says? Same promise, no routes. */
void mode_check(const struct model *before, const struct model *after, int ctx, struct m_answer *a);
bool keeps_promise(const struct model *m, int dev, int promise);
void op_mode(struct model *m, const struct op *op, struct m_answer *a);
void op_split(struct model *m, const struct op *op, struct m_answer *a);
void op_promise(struct model *m, const struct op *op, struct m_answer *a);

/* ---- numbers (model_hwid.c) ---- */
int pick_new(struct model *m, int function, uint32_t first, uint32_t last);
/** local_room() - numbers left for slices of @function. */
int local_room(const struct model *m, int function);
int pick_local(struct model *m, int dev);
struct m_route *find_route(struct model *m, int dev, uint32_t v);
struct m_name *find_name(struct model *m, int ctx, uint32_t v);
/** end_routes() - of @dev to @ioas, -1: to all. */
void end_routes(struct model *m, int dev, int ioas);
void op_attach_pasid(struct model *m, const struct op *op, struct m_answer *a);
void op_detach_pasid(struct model *m, const struct op *op, struct m_answer *a);
void op_set_hwid(struct model *m, const struct op *op, struct m_answer *a);
void op_set_any(struct model *m, const struct op *op, struct m_answer *a);
void op_clear_hwid(struct model *m, const struct op *op, struct m_answer *a);

/* ---- CPUs and queues (model_cpu.c) ---- */
/** drain() - a number of the host's ends on @dev. */
void drain(struct model *m, int dev, int pick);
/** queues_forget() - the device was stopped. */
void queues_forget(struct model *m, int dev);
/** queue_restart() - the dedicated queue was off, and is on. */
void queue_restart(struct m_dev *dev);
void op_cpu_enable(struct model *m, const struct op *op, struct m_answer *a);
void op_cpu_disable(struct model *m, const struct op *op, struct m_answer *a);
void op_cpu_map(struct model *m, const struct op *op, struct m_answer *a);
void op_cpu_unmap(struct model *m, const struct op *op, struct m_answer *a);
void op_vm_end(struct model *m, const struct op *op, struct m_answer *a);
void op_program(struct model *m, const struct op *op, struct m_answer *a);
void op_work(struct model *m, const struct op *op, struct m_answer *a);
void op_work_cpu(struct model *m, const struct op *op, struct m_answer *a);

#endif
