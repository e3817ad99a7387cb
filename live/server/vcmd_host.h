/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The host's side of virtual commands: the guest's PASIDs come from a set of libioasid's driver API,
 * and each step is put down with what the host then has.
 */
#ifndef LIVE_VCMD_HOST_H
#define LIVE_VCMD_HOST_H

#include <ioasid/allocator.h>
#include <ioasid/vtd_unit.h>

/* Numbers the host has for itself: the lowest. */
#define VCMD_HOST_OWN 3
/* How long the one slow answer takes. */
#define VCMD_HOST_SLOW_MS 2000

/**
 * struct vcmd_host - the responder
 * @set: the guest's numbers
 * @own: the host's
 * @ctx: asks for the figures of the group that the guest's numbers are charged to
 * @real: the responder under test; @real_opaque its argument
 * @held: the first number the guest got, which the host uses until the guest was refused twice;
 *        INVALID_IOASID: none
 * @refusals: allocations that failed
 * @slow: an answer took its time: the first after the guest had run out of numbers and given all back
 */
struct vcmd_host {
	struct ioasid_set *set, *own;
	struct ioasid *ctx;
	struct vtd_unit_vcmd real;
	void *real_opaque;
	ioasid_t held;
	unsigned int refusals;
	bool slow;
};

/**
 * vcmd_host_start() - make the sets; what the calling thread takes from now on is charged to the guest's
 * group, so it is the one to create the unit
 * @quota: numbers the guest may have
 * @config: its responder, vcmd and vcmd_opaque, is filled in
 *
 * Return: 0; negative errno, nothing is left.
 */
int vcmd_host_start(struct vcmd_host *vcmd, unsigned int quota, struct vtd_unit_config *config);
/** vcmd_host_stop() - the unit is gone. Complains on stderr about numbers that are left. Return: 0; -EBUSY. */
int vcmd_host_stop(struct vcmd_host *vcmd);

/**
 * struct vcmd_host_figures - @numbers: of the guest's set, @pending of them freed and still held; @own;
 * @charged: to the guest's group, @peak so far
 */
struct vcmd_host_figures {
	unsigned int numbers, pending, own, charged, peak;
};
/** vcmd_host_read() - what the host has at this moment; zeroes if vcmd_host_start() was not called */
void vcmd_host_read(const struct vcmd_host *vcmd, struct vcmd_host_figures *f);

#endif
