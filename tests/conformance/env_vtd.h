/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Commanded PCI endpoints (<ioasid_hw.h>) behind a VT-d unit, and software devices beside them. */
#ifndef CONFORMANCE_ENV_VTD_H
#define CONFORMANCE_ENV_VTD_H

#include "tests/conformance/env_sim.h"

const char *vtd_lacks(unsigned int needs);
bool vtd_can(const struct conf_machine *machine);
int vtd_start(struct conf_env *env, const struct conf_machine *machine);
void vtd_stop(struct conf_env *env);
struct conf_dev *vtd_plug(struct conf_env *env, const struct conf_dev_spec *spec);
void vtd_unplug(struct conf_dev *dev);
int vtd_dma(struct conf_dev *dev, struct conf_dma *dma);
int vtd_page_request(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
		     uint32_t group, bool last);
bool vtd_response(struct conf_dev *dev, uint32_t *group, uint32_t *code);
bool vtd_translate(struct conf_dev *dev, uint32_t pasid, uint64_t addr);
void *vtd_hold(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len);
void vtd_release(void *hold);

#endif
