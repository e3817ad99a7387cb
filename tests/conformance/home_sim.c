// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The Linux home on software devices. */
#include <stddef.h>

#include "tests/conformance/env_sim.h"

static const struct conf_skip skips[] = {
	{ "a_device_of_another_machine_is_not_bound", NULL,
	  "a kernel is one machine; there is no second one to take a device from" },
	{ NULL },
};

const struct conf_home conf_home_under_test = {
	.name = "sim",
	.skips = skips,
	.whole_groups = true,
	.start = sim_start,
	.stop = sim_stop,
	.plug = sim_plug,
	.unplug = sim_unplug,
	.dma = sim_dma,
	.page_request = sim_page_request,
	.response = sim_response,
	.translate = sim_translate,
	.hold = sim_hold,
	.release = sim_release,
	.host_use = sim_host_use,
	.wq_read = sim_wq_read,
	.wq_write = sim_wq_write,
	.wq_store = sim_wq_store,
	.wq_run = sim_wq_run,
	.vm_create = sim_vm_create,
	.vm_destroy = sim_vm_destroy,
	.vm_fd = sim_vm_fd,
	.vcpu_create = sim_vcpu_create,
	.vcpu_destroy = sim_vcpu_destroy,
	.wrmsr_pasid = sim_wrmsr_pasid,
	.enqcmd = sim_enqcmd,
	.walk = sim_walk,
	.group_make = sim_group_make,
	.group_remove = sim_group_remove,
	.group_enter = sim_group_enter,
	.group_name = sim_group_name,
	.group_unname = sim_group_unname,
	.live = sim_live,
	.allocations = sim_allocations,
};
