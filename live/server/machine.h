/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What one guest gets: a host with a software IOMMU, a context whose GPA space is the guest's RAM,
 * the remapping unit over it, and the accelerator behind the unit. This is the part a VMM author
 * would write; it uses the public interface of libioasid only.
 *
 * Several guests can share a host and the accelerator on it (struct board): each gets a slice of it,
 * a context, a unit, and CPUs that translate what ENQCMD sends.
 */
#ifndef LIVE_MACHINE_H
#define LIVE_MACHINE_H

#include <ioasid/host.h>
#include <ioasid/vtd_unit.h>

#include "accel.h"
#include "drhd.h"
#include "guest_ram.h"
#include "meeting.h"
#include "vcmd_host.h"
#include "vfio_user_server.h"

/* Must-fail controls: what goes wrong on purpose, in the unit or in the host's IOMMU. */
#define MACHINE_BREAK_NO_INVALIDATE	 (1U << 0)
#define MACHINE_BREAK_NO_WAIT		 (1U << 1)
#define MACHINE_BREAK_NO_AD		 (1U << 2)
#define MACHINE_BREAK_HOST_NO_INVALIDATE (1U << 3)
#define MACHINE_BREAK_HOST_NO_WAIT	 (1U << 4)
#define MACHINE_BREAK_NO_MEDIATION	 (1U << 5)
#define MACHINE_BREAK_NO_PORTAL		 (1U << 6)

/* Slices: numbers of the guest are below; what it is told is the logarithm of this. */
#define MACHINE_GLOBAL_MIN 1024

/**
 * struct board - an accelerator that several guests share
 * @host: where it is
 * @parent: the function; nobody has it whole
 * @meeting: of their guests
 * @nr: slices
 */
struct board {
	struct ioasid_host *host;
	struct ioasid_hostdev *parent;
	struct meeting meeting;
	unsigned int nr;
};

/**
 * struct machine_config - what the user chooses
 * @endpoint_path, @drhd_path: sockets
 * @devfn: device and function of the endpoint on bus 0
 * @max_ram: bytes of guest RAM a client may bring
 * @delay_us: struct accel_config
 * @broken: MACHINE_BREAK_*
 * @levels5: offer 5-level first-stage tables
 * @host_socket: where the host answers ioasidctl; NULL: nowhere
 * @board: be slice number @slice of this; NULL: a host and an accelerator of its own
 * @meet: slices: offer ACCEL_CAP_MEET: for demonstrations
 * @lazy: slices: CPUs get a translation when they miss it, not when the guest's entry appears
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
	bool meet;
	bool lazy;
	const char *host_socket;
	struct board *board;
	unsigned int slice;
	void (*gone)(void);
};

struct machine {
	struct machine_config config;
	struct ioasid_host *host;
	struct ioasid *ctx;
	uint32_t gpa_ioasid;
	struct ioasid_vm *vm;
	struct meeting_member *member;
	char name[32];
	uint32_t bits;
	atomic_uint sides_gone;
	struct ioasid_dev *dev;
	struct vtd_unit *unit;
	struct guest_ram ram;
	struct accel accel;
	struct vfio_user_server endpoint;
	struct drhd drhd;
	struct vcmd_host vcmd;
};

/**
 * board_start() - an accelerator to share
 * @b: zeroed by this
 * @config: what concerns the host
 * @nr: slices it will have, at most MEETING_MAX
 *
 * Return: 0; negative errno, everything is undone and said on stderr.
 */
int board_start(struct board *b, const struct machine_config *config, unsigned int nr);
/** board_stop() - when all its machines are stopped. */
void board_stop(struct board *b);

/**
 * machine_start() - build it and listen on its sockets
 * @m: zeroed by this
 * @config: copied; strings stay the caller's
 *
 * Return: 0; negative errno, everything is undone and said on stderr.
 */
int machine_start(struct machine *m, const struct machine_config *config);

/**
 * machine_numbers() - host-wide numbers that a slice's guest has
 * Return: 0 or what GET_INFO says.
 */
int machine_numbers(struct machine *m, struct ioasid_info *info);

/** machine_hang_up() - close the sockets: on return the guest is gone, and its traces with it. */
void machine_hang_up(struct machine *m);

/** machine_stop() - take it apart after that. Return: 0; -EBUSY: something of the guest is left. */
int machine_stop(struct machine *m);

/** machine_print_stats() - counters of all parts as one JSON object. */
void machine_print_stats(struct machine *m, FILE *out);

#endif
