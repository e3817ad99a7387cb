/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The real thing, driven by the same operations as the model. */
#ifndef TESTS_ISOLATION_REAL_H
#define TESTS_ISOLATION_REAL_H

#include "tests/conformance/env.h"
#include "tests/isolation/model.h"

/** struct real_left - work that was left in a queue: what it writes, and where. */
struct real_left {
	bool used;
	unsigned int place;
	uint64_t serial;
};

/** struct real - a machine with its contexts, devices and VMs, and everybody's memory. */
struct real {
	struct conf_env env;
	const struct m_config *config;
	struct conf_dev *hw[NR_DEV];
	struct ioasid *ctx[NR_CTX];
	uint32_t handle[NR_CTX][NR_IOAS];
	int tree[NR_CTX][NR_IOAS];
	struct ioasid_dev *dev[NR_DEV];
	int dev_ctx[NR_DEV];
	struct conf_vm *vm[NR_VM];
	struct conf_vcpu *cpu[NR_VM][NR_CPU];
	struct real_left left[NR_DEV][NR_WAITING];
	struct conf_live before;
	uint64_t serial;
	uint8_t *ram;
};

bool real_start(struct real *r, const struct m_config *config);
/** real_stop() - everything goes. Return: nothing leaked. */
bool real_stop(struct real *r);
/**
 * real_apply() - do @op
 * @before, @after: the model, if the call succeeds
 * @number: SET_HWID: vPASID, and @ppasid: the exposed one, that came back
 *
 * Return: what the library said.
 */
int real_apply(struct real *r, const struct model *before, const struct model *after,
	       const struct op *op, uint32_t *number, uint32_t *ppasid);

enum { STRAY = -2 }; /* something that is no page of ours, or more than one */
/** real_reaches() - what a read with @pasid of @dev gets to: a tag, NOTHING, STRAY. */
int real_reaches(struct real *r, int dev, uint32_t pasid);
/** real_program() - write @v to the register of the dedicated queue, 0: no PASID. What came back. */
int real_program(struct real *r, int dev, uint32_t v);
/** real_enable() - switch the dedicated queue on or off. */
void real_enable(struct real *r, int dev, bool on);
/** real_enable_shared() - switch the shared queue on. */
void real_enable_shared(struct real *r, int dev);
/** real_work() - store work to the dedicated queue. Return: taken. */
bool real_work(struct real *r, int dev, struct real_left *left);
/** real_enqcmd() - store work to the shared queue of @dev by ENQCMD with @v. */
enum m_cpu real_enqcmd(struct real *r, int vm, int cpu, int dev, uint32_t v,
		       struct real_left *left);
/** real_run() - the engine of @dev does what waits. Return: descriptors. */
unsigned int real_run(struct real *r, int dev);
/** real_landed() - the page that the work wrote to: a tag, NOTHING, STRAY. */
int real_landed(struct real *r, const struct real_left *left);

#endif
