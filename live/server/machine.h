/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What one guest gets: a host with a software IOMMU, a context whose GPA space is the guest's RAM,
 * the remapping unit over it, and the accelerator behind the unit. This is the part a VMM author
 * would write; it uses the public interface of libioasid only.
 */
#ifndef LIVE_MACHINE_H
#define LIVE_MACHINE_H

#include <ioasid/host.h>
#include <ioasid/vtd_unit.h>

#include "accel.h"
#include "drhd.h"
#include "guest_ram.h"
#include "vcmd_host.h"
#include "vfio_user_server.h"

/* Must-fail controls: what goes wrong on purpose, in the unit or in the host's IOMMU. */
#define MACHINE_BREAK_NO_INVALIDATE	 (1U << 0)
#define MACHINE_BREAK_NO_WAIT		 (1U << 1)
#define MACHINE_BREAK_NO_AD		 (1U << 2)
#define MACHINE_BREAK_HOST_NO_INVALIDATE (1U << 3)
#define MACHINE_BREAK_HOST_NO_WAIT	 (1U << 4)

/**
 * struct machine_config - what the user chooses
 * @endpoint_path, @drhd_path: sockets
 * @devfn: device and function of the endpoint on bus 0
 * @max_ram: bytes of guest RAM a client may bring
 * @delay_us: struct accel_config
 * @broken: MACHINE_BREAK_*
 * @levels5: offer 5-level first-stage tables
 * @vcmd_quota: PASIDs the guest may have by virtual commands; 0: they are not offered
 * @trace: print what the guest does to the unit
 * @gone: a client that had been there left; called from its thread
 */
struct machine_config {
	const char *endpoint_path, *drhd_path;
	uint8_t devfn;
	uint64_t max_ram;
	unsigned int delay_us;
	unsigned int broken;
	unsigned int vcmd_quota;
	bool levels5;
	bool trace;
	void (*gone)(void);
};

struct machine {
	struct machine_config config;
	struct ioasid_host *host;
	struct ioasid *ctx;
	uint32_t gpa_ioasid;
	struct ioasid_dev *dev;
	struct vtd_unit *unit;
	struct guest_ram ram;
	struct accel accel;
	struct vfio_user_server endpoint;
	struct drhd drhd;
	struct vcmd_host vcmd;
};

/**
 * machine_start() - build it and listen on its sockets
 * @m: zeroed by this
 * @config: copied; strings stay the caller's
 *
 * Return: 0; negative errno, everything is undone and said on stderr.
 */
int machine_start(struct machine *m, const struct machine_config *config);

/** machine_hang_up() - close the sockets: on return the guest is gone, and its traces with it. */
void machine_hang_up(struct machine *m);

/** machine_stop() - take it apart after that. Return: 0; -EBUSY: something of the guest is left. */
int machine_stop(struct machine *m);

/** machine_print_stats() - counters of all parts as one JSON object. */
void machine_print_stats(struct machine *m, FILE *out);

#endif
