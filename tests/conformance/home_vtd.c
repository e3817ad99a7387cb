// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The Linux home on real PCI functions behind a real VT-d driver: devices "dev0" and "dev1" are the
 * two commanded endpoints of live/hw, passed through by ioasid-pci.ko and translated by what the
 * kernel's intel-iommu driver programmed. All others (without PASID, in groups, mute, ...) are
 * software devices beside them.
 */
#include <stddef.h>

#include "tests/conformance/env_vtd.h"

#define NO_EVENTS "the stock VT-d driver hands unrecoverable faults to nobody, so no record comes"
#define NOT_SUCH  "the unit of this run is not like that; the software IOMMU is"
#define A_GAP	  "the stock VT-d driver takes the old entry down before it sets up the new one"

static const struct conf_skip skips[] = {
	{ "a_device_of_another_machine_is_not_bound", NULL,
	  "a kernel is one machine; there is no second one to take a device from" },
	{ "user_tables_need_an_iommu_that_nests", NULL, NOT_SUCH },
	{ "enforced_snooping_is_refused_where_the_iommu_cannot", NULL, NOT_SUCH },
	{ "a_guest_cannot_write_what_the_parent_maps_read_only", NULL,
	  "the stock VT-d driver takes no read-only page into a table that others nest on" },
	{ "rebinding_under_load_shows_the_old_table_or_the_new", NULL, A_GAP },
	{ "replacing_under_load_shows_the_old_space_or_the_new", NULL, A_GAP },
	{ "blocked_accesses_are_events_that_say_who_where_and_why", NULL, NO_EVENTS },
	{ "a_stage_2_miss_is_an_event_with_the_guest_physical_address", NULL, NO_EVENTS },
	{ "lost_events_are_counted", NULL, NO_EVENTS },
	{ NULL },
};

const struct conf_home conf_home_under_test = {
	.name = "vtd",
	.skips = skips,
	.whole_groups = true,
	.no_events = true,
	.host_space = true,
	.host_format = true,
	.reset_forgets = true,
	.whole_only = true,
	.lacks = vtd_lacks,
	.can = vtd_can,
	.start = vtd_start,
	.stop = vtd_stop,
	.plug = vtd_plug,
	.unplug = vtd_unplug,
	.dma = vtd_dma,
	.page_request = vtd_page_request,
	.response = vtd_response,
	.translate = vtd_translate,
	.hold = vtd_hold,
	.release = vtd_release,
	.group_make = sim_group_make,
	.group_remove = sim_group_remove,
	.group_enter = sim_group_enter,
	.group_name = sim_group_name,
	.group_unname = sim_group_unname,
	.live = sim_live,
	.allocations = sim_allocations,
};
