/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The real thing, driven by the same operations as the model. */
#ifndef TESTS_MODEL_REAL_H
#define TESTS_MODEL_REAL_H

#include "tests/conformance/env.h"
#include "tests/model/model.h"

/** struct real - a machine with its contexts and devices, and the guest's memory. */
struct real {
	struct conf_env env;
	struct conf_dev *hw[NR_DEV];
	struct ioasid *ctx[NR_CTX];
	uint32_t handle[NR_CTX][NR_IOAS];
	struct ioasid_dev *dev[NR_DEV];
	int dev_ctx[NR_DEV];
	struct conf_live before;
	uint8_t *ram; /* NR_PAGES of data, then the pages of the guest's tables */
};

bool real_start(struct real *r, const struct conf_machine *machine);
/** real_stop() - everything goes. Return: nothing leaked. */
bool real_stop(struct real *r);
/**
 * real_apply() - do @op
 * @a: what the model says; ALLOC: the slot to fill
 * @number: SET_ANY: what came back
 *
 * Return: what the library said.
 */
int real_apply(struct real *r, const struct model *m, const struct op *op, const struct m_answer *a,
	       int *number);
/** real_probe() - one read and one write; false with *@why: not as @t says. */
bool real_probe(struct real *r, int dev, int pasid, int page, struct m_target t, char *why,
		size_t size);

#endif
