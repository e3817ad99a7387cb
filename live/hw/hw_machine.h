/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Hardware for one guest: a VT-d unit in hardware mode and two commanded endpoints behind it. What the
 * guest programs is judged by walks of its own tables; nothing of libioasid is at work here, but for
 * the numbers that the guest gets by virtual commands, if they are offered.
 */
#ifndef LIVE_HW_MACHINE_H
#define LIVE_HW_MACHINE_H

#include "drhd.h"
#include "endpoint.h"
#include "vcmd_host.h"
#include "vfio_user_server.h"

#define HW_ENDPOINTS 2

/**
 * struct hw_config - what the user chooses
 * @endpoint_path, @drhd_path: sockets
 * @log_path: record of all DMA; NULL: none
 * @devfn: of the endpoints, on bus 0
 * @max_ram: bytes of guest RAM a client may bring
 * @unit_flags: VU_HW_*
 * @vcmd_quota: PASIDs the guest may have by virtual commands; 0: they are not offered
 * @broken: VTD_UNIT_BREAK_*
 * @delay_us, @timeout_ms: struct endpoint_config
 * @trace: print what the guest does to the unit
 * @gone: a client that had been there left; called from its thread
 */
struct hw_config {
	const char *endpoint_path[HW_ENDPOINTS], *drhd_path, *log_path;
	uint8_t devfn[HW_ENDPOINTS];
	uint64_t max_ram;
	uint32_t unit_flags, broken, vcmd_quota;
	unsigned int delay_us, timeout_ms;
	bool trace;
	void (*gone)(void);
};

struct hw_machine;

/** struct hw_slot - an endpoint in its place */
struct hw_slot {
	struct hw_machine *machine;
	unsigned int index;
	struct endpoint ep;
	struct vfio_user_server server;
	bool made;
};

struct hw_machine {
	struct hw_config config;
	struct vu_hw *unit;
	struct guest_ram ram;
	struct record record;
	struct hw_slot slot[HW_ENDPOINTS];
	struct drhd drhd;
	struct vcmd_host vcmd;
};

/**
 * hw_machine_start() - build it and listen on its sockets
 * @m: zeroed by this
 * @config: copied; strings stay the caller's
 *
 * Return: 0; negative errno, everything is undone and said on stderr.
 */
int hw_machine_start(struct hw_machine *m, const struct hw_config *config);
/** hw_machine_hang_up() - close the sockets: on return the guest is gone, and its traces with it. */
void hw_machine_hang_up(struct hw_machine *m);
/** hw_machine_stop() - take it apart after that. Return: 0; -EBUSY something of the guest is left. */
int hw_machine_stop(struct hw_machine *m);
/** hw_machine_print_stats() - counters of all parts as one JSON object. */
void hw_machine_print_stats(struct hw_machine *m, FILE *out);

#endif
