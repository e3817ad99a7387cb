/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Software IOMMUs and devices of ioasid-sim.ko, for the homes that live in the kernel: struct
 * conf_home's operations, and the counters of live objects that ioasid.ko keeps.
 */
#ifndef CONFORMANCE_ENV_SIM_H
#define CONFORMANCE_ENV_SIM_H

#include "tests/conformance/env.h"

int sim_start(struct conf_env *env, const struct conf_machine *machine);
void sim_stop(struct conf_env *env);
struct conf_dev *sim_plug(struct conf_env *env, const struct conf_dev_spec *spec);
void sim_unplug(struct conf_dev *dev);
int sim_dma(struct conf_dev *dev, struct conf_dma *dma);
int sim_page_request(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
		     uint32_t group, bool last);
bool sim_response(struct conf_dev *dev, uint32_t *group, uint32_t *code);
bool sim_translate(struct conf_dev *dev, uint32_t pasid, uint64_t addr);
void *sim_hold(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len);
void sim_release(void *hold);
void sim_live(struct conf_env *env, struct conf_live *live);
long sim_allocations(void);
int sim_host_use(struct conf_dev *dev, bool use);
int sim_walk(struct conf_dev *dev, uint32_t pasid, struct conf_entry *entry);
int sim_wq_read(struct conf_dev *dev, uint32_t offset, uint32_t *value);
int sim_wq_write(struct conf_dev *dev, uint32_t offset, uint32_t value);
int sim_wq_store(struct conf_dev *dev, uint32_t queue, uint32_t offset, const void *data,
		 size_t len, enum conf_store how);
unsigned int sim_wq_run(struct conf_dev *dev, unsigned int n);
struct conf_vm *sim_vm_create(struct conf_env *env);
void sim_vm_destroy(struct conf_vm *vm);
int sim_vm_fd(struct conf_vm *vm);
struct conf_vcpu *sim_vcpu_create(struct conf_vm *vm);
void sim_vcpu_destroy(struct conf_vcpu *vcpu);
int sim_wrmsr_pasid(struct conf_vcpu *vcpu, uint64_t value);
enum conf_enqcmd_result sim_enqcmd(struct conf_vcpu *vcpu, struct conf_dev *dev, uint32_t queue,
				   struct conf_enqcmd *insn);
/* limit_sim.c */
int sim_group_make(struct conf_env *env, const char *group);
int sim_group_remove(struct conf_env *env, const char *group);
int sim_group_enter(struct conf_env *env, const char *group);
int sim_group_name(struct conf_env *env, const char *group, struct ioasid_limit *limit);
void sim_group_unname(struct ioasid_limit *limit);

#endif
