/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid-vtd: a register-level Intel VT-d DMA-remapping unit for a guest.
 *
 * The guest's own intel-iommu driver programs it: registers, queued invalidation, fault recording,
 * page request queue. Everything the guest says is said again through the public API of libioasid
 * (<ioasid/ioasid.h>), so it runs on either home:
 *
 *   translation off, or a pass-through entry    default route to the GPA space
 *   context entry + PASID entry 0, first stage  default route to a user table nested on it
 *   PASID entry that appears                    ALLOC, ATTACH (PASID), BIND_PGTABLE, SET_HWID
 *   ... that changes                            BIND_PGTABLE with the new root
 *   ... that disappears                         CLEAR_HWID, DETACH, FREE; as long as page requests
 *                                               of the number wait for the guest: BIND_PGTABLE to
 *                                               nowhere, so that the guest's answer ends them
 *   ... with VTD_UNIT_CPU_PASID                 CPU_PASID_MAP after SET_HWID, CPU_PASID_UNMAP before
 *                                               CLEAR_HWID
 *   invalidation descriptors                    INVALIDATE_CACHE
 *   page requests, page group responses         fault descriptor, PAGE_RESPONSE
 *   events                                      fault recording registers
 *
 * Only first-stage translation is offered (ECAP.SSTS = 0, so CAP.SAGAW = 0 and no legacy mode): the
 * guest's own tables are walked in place, nothing is shadowed.
 *
 * What a VMM does:
 *   1. open a context, make its GPA space (ioasid_alloc_kernel()) and map the guest's RAM there;
 *   2. vtd_unit_create(), one unit per context (the unit owns the context's fault descriptor);
 *   3. bind each device to the context, then vtd_unit_add_device(): from then on the unit owns all
 *      routes of the device. Devices may be slices of a function (mediated devices), and be in local or
 *      in global PASID mode; the mode is chosen before. In global mode the guest's numbers have to end
 *      below the split: @pasid_bits is what ioasid_get_info() says (vtd_pss + 1). Devices in global
 *      mode share one address space per number: the guest gives them equal entries, and one that
 *      changes changes it for all of them;
 *   4. pass MMIO accesses to vtd_unit_read() and vtd_unit_write();
 *   5. vtd_unit_service_start(), or poll vtd_unit_fault_fd() and call vtd_unit_process_faults().
 * A guest that is to take its PASIDs from the host gets virtual commands: see struct vtd_unit_vcmd.
 *
 * Threads and locks. All calls may come from any thread. Two locks, taken in this order:
 *
 *   config   what devices translate through: the invalidation queue, the tables, the bindings. It
 *            is held while libioasid is called, also while an invalidation waits for DMA that is
 *            under way.
 *   regs     register values and what goes to the guest: fault records, page request queue,
 *            pending page requests, interrupts. Never held across a call that waits. Page requests
 *            and events pass through under this lock alone, so they make progress while an
 *            invalidation waits; so do reads of registers.
 *
 * A third lock orders answers to virtual commands, which a thread of its own gives; nobody who holds
 * `config` waits for it.
 *
 * Consequences for the device model:
 *   - vtd_unit_prepare(), vtd_unit_write() and adding or removing devices take `config`: never call
 *     them inside ioasid_dma_enter() sections, while holding translations, or from callbacks of
 *     libioasid (page_response, invalidate, quiesce);
 *   - callbacks of struct vtd_unit_ops must not call the unit, and must not wait for the guest.
 *
 * The guest is not trusted: registers, queues and tables may hold anything and change at any time.
 * The unit reads and writes guest RAM only through the callback, sends interrupts only to
 * 0xFEEx_xxxx, and bounds what one access may cost and what a guest may make it remember.
 */
#ifndef IOASID_VTD_UNIT_H
#define IOASID_VTD_UNIT_H

#include <ioasid/ioasid.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** struct vtd_unit - one remapping unit; owned by the caller, ended by vtd_unit_destroy(). */
struct vtd_unit;
struct ioasid_set;

/** Bytes of the register window; the DRHD's register base points here. */
#define VTD_UNIT_MMIO_SIZE 0x1000

/**
 * struct vtd_unit_ops - what the unit asks of the VMM
 * @gpa: host pointer to @len bytes of guest RAM at @gpa, or NULL: not (completely) RAM, or @write
 *       is set and it is read-only. @len is 1 to 4096, the bytes never cross a 4 KiB page, and the
 *       pointer keeps the alignment of @gpa up to 8. It is used until the call of the unit that
 *       asked for it returns; see vtd_unit_sync() for taking RAM away. Any thread, also several
 *       at once.
 * @send_msi: write @data (32 bits) to the interrupt address @addr (0xFEE0_0000 to 0xFEEF_FFFC).
 *            Must not wait for the guest. Any thread.
 * @trace: one line without newline about what the guest did; NULL: no tracing. Any thread.
 *
 * @opaque is the one of the configuration.
 */
struct vtd_unit_ops {
	void *(*gpa)(void *opaque, uint64_t gpa, uint32_t len, bool write);
	void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
	void (*trace)(void *opaque, const char *line);
};

/**
 * struct vtd_unit_vcmd - who gives the guest its PASIDs: the responder to virtual commands
 * @pasid_alloc: a number for the guest, from 1 to @max; stored in *@pasid. Return: 0; negative errno:
 *               none, for whatever reason ("no PASID available" in the guest)
 * @pasid_free: the guest is done with a number that @pasid_alloc gave it. Cannot fail. The number may
 *              still be in use on the host: not giving it away as long as it is, is up to the callee
 *
 * @opaque is vcmd_opaque of the configuration. Called from a thread of the unit, which to libioasid is the
 * same caller as the one that created the unit, and from vtd_unit_reset() and vtd_unit_destroy(); one call
 * at a time. They may take their time: the guest's
 * other register accesses do not wait. They must not call the unit nor wait for the guest.
 *
 * The unit remembers which numbers the guest has. It refuses to free any other, frees each once, and
 * gives back what is left when the guest resets or the unit ends.
 */
struct vtd_unit_vcmd {
	int (*pasid_alloc)(void *opaque, uint32_t max, uint32_t *pasid);
	void (*pasid_free)(void *opaque, uint32_t pasid);
};

#define VTD_UNIT_NO_CM \
	(1U << 0) /* CAP.CM = 0: entries that appear are not announced by the guest */
#define VTD_UNIT_NO_PRS	 (1U << 1) /* no page requests (ECAP.PRS, PDS = 0) */
#define VTD_UNIT_NO_DT	 (1U << 2) /* no device TLBs (ECAP.DT = 0); implies VTD_UNIT_NO_PRS */
#define VTD_UNIT_NO_PT	 (1U << 3) /* no pass-through entries (ECAP.PT = 0) */
#define VTD_UNIT_NO_SC	 (1U << 4) /* no snoop control (ECAP.SC = 0) */
#define VTD_UNIT_LEVELS5 (1U << 5) /* 5-level first stage (CAP.FS5LP); guests with LA57 want it */
#define VTD_UNIT_BLOCK	 (1U << 6) /* translation off means blocked, not pass-through */
#define VTD_UNIT_CPU_PASID \
	(1U << 7) /* numbers of devices in global mode are translated by the guest's CPUs, too */

/**
 * struct vtd_unit_config - what a unit is made of; 0 means the default
 * @size: sizeof this structure; or what it was before @vcmd was added
 * @flags: VTD_UNIT_*
 * @ctx: an open context; must outlive the unit. Its fault descriptor must not be open
 * @gpa_ioasid: kernel-managed root with the guest's RAM mapped at guest-physical addresses; stays
 *              the caller's, who goes on mapping and unmapping RAM there
 * @ops: callbacks; copied
 * @opaque: their first argument
 * @mgaw: guest address width in bits, 39 to 57 (48; 57 with VTD_UNIT_LEVELS5)
 * @pasid_bits: PASID width offered, 1 to 20 (20). See ioasid_get_info() for what fits the devices
 * @nr_fault_records: fault recording registers, 1 to 64 (8)
 * @max_devices: devices behind the unit (64; at most 4096)
 * @max_pasids: PASID entries bound at a time, all devices together (65536). Further entries of the
 *              guest stay unbound: their DMA is blocked and counted in the statistics
 * @max_page_requests: page request groups waiting for the guest's answer (4096). Further ones are
 *                     answered "success": the device asks again
 * @fault_capacity: records the context's fault descriptor holds (0: libioasid's default)
 * @vcmd: the guest is to take its PASIDs from the host: virtual commands are offered (ECAP.VCS, VCCAP)
 *        and answered by this; copied. NULL: not offered. vtd_unit_vcmd_set() fills it in
 * @vcmd_opaque: first argument of @vcmd's functions
 */
struct vtd_unit_config {
	size_t size;
	uint32_t flags;
	uint32_t gpa_ioasid;
	struct ioasid *ctx;
	const struct vtd_unit_ops *ops;
	void *opaque;
	uint32_t mgaw;
	uint32_t pasid_bits;
	uint32_t nr_fault_records;
	uint32_t max_devices;
	uint32_t max_pasids;
	uint32_t max_page_requests;
	uint32_t fault_capacity;
	const struct vtd_unit_vcmd *vcmd;
	void *vcmd_opaque;
};

/**
 * vtd_unit_vcmd_set() - have the guest's PASIDs taken from a set of the driver API
 * @config: its vcmd and vcmd_opaque are filled in
 * @set: of ioasid_set_alloc() (<linux/ioasid_alloc.h>); stays the caller's and must outlive the unit
 *
 * The set's quota bounds what the guest can have, and the limits of the group that the thread which
 * creates the unit is in then (<ioasid/allocator.h>). A number the guest freed while the host still holds
 * it is pending there, and counts.
 */
void vtd_unit_vcmd_set(struct vtd_unit_config *config, struct ioasid_set *set);

/**
 * vtd_unit_create() - make a unit in its power-on state
 * @config: copied
 * @unit: the unit
 *
 * Return: 0; -EINVAL bad configuration; -EBUSY the context's fault descriptor is open; -ENOMEM;
 * what ioasid_ioas_get_info() says about @gpa_ioasid; with @config->vcmd what pthread_create(3) says.
 */
int vtd_unit_create(const struct vtd_unit_config *config, struct vtd_unit **unit);

/**
 * vtd_unit_destroy() - end a unit
 * @unit: NULL is ignored; no other call of it may be running
 *
 * Stops the service thread, removes all devices, closes the context's fault descriptor (pending
 * page requests are answered "invalid"), gives back the numbers the guest has by virtual commands.
 */
void vtd_unit_destroy(struct vtd_unit *unit);

/**
 * vtd_unit_reset() - back to the power-on state (reset of the guest)
 * @unit: unit
 *
 * Registers go to their defaults, all bindings end, pending page requests are answered "invalid",
 * devices stay and get the route of "translation off". On return no DMA through a guest table is
 * still to land, and the numbers the guest had by virtual commands are given back; a command that is
 * being answered is waited for.
 */
void vtd_unit_reset(struct vtd_unit *unit);

/* ---- registers --------------------------------------------------------------------------------- */

/**
 * vtd_unit_read() - the guest reads from the register window
 * @unit: unit
 * @off: byte offset; any value
 * @size: 1 to 8 bytes; any alignment
 *
 * Return: the value, little-endian; what is no register reads 0. No side effects.
 */
uint64_t vtd_unit_read(struct vtd_unit *unit, uint64_t off, unsigned int size);

/**
 * vtd_unit_write() - the guest writes to the register window
 * @unit: unit
 * @off: byte offset; any value
 * @size: 1 to 8 bytes; any alignment. Registers of 64 bits may be written in halves; what a write
 *        sets off happens when the half with the triggering bit is written
 * @value: bytes, little-endian
 *
 * Descriptors of the invalidation queue are processed here: on return everything up to the tail is
 * done and its wait descriptors are completed, or the queue has stopped with an error. May
 * therefore take as long as DMA that is under way.
 */
void vtd_unit_write(struct vtd_unit *unit, uint64_t off, unsigned int size, uint64_t value);

/* ---- devices ------------------------------------------------------------------------------------ */

/**
 * vtd_unit_add_device() - put a device behind the unit
 * @unit: unit
 * @rid: Requester ID the guest sees (bus << 8 | devfn)
 * @dev: bound to the unit's context, without routes; stays the caller's and must stay open until
 *       vtd_unit_remove_device()
 * @cookie: what it was bound with
 *
 * The device gets the routes that the guest's tables say at this moment.
 *
 * Return: 0; -EEXIST @rid or @cookie taken; -ENOSPC @max_devices; -ENOMEM; what ATTACH says.
 */
int vtd_unit_add_device(struct vtd_unit *unit, uint16_t rid, struct ioasid_dev *dev,
			uint64_t cookie);

/**
 * vtd_unit_remove_device() - take a device away: its routes end and it is blocked
 * @unit: unit
 * @rid: as added
 *
 * Return: 0; -ENOENT.
 */
int vtd_unit_remove_device(struct vtd_unit *unit, uint16_t rid);

/**
 * vtd_unit_device_reset() - the device was reset (FLR)
 * @unit: unit
 * @rid: as added
 *
 * Forgets its page requests; late answers of the guest are ignored. Routes stay. Call it next to
 * ioasid_dev_reset(), which answers them to the device.
 *
 * Return: 0; -ENOENT.
 */
int vtd_unit_device_reset(struct vtd_unit *unit, uint16_t rid);

/**
 * vtd_unit_prepare() - look a number up in the guest's tables at first use
 * @unit: unit
 * @rid: as added
 * @pasid: number the device is about to use, or IOASID_INVALID: requests without PASID
 *
 * Needed without caching mode (VTD_UNIT_NO_CM), where the guest does not announce entries that
 * appear; call it when DMA of a number was refused for want of a route, then try once more.
 * Harmless otherwise: an entry that is bound already is left as it is until the guest invalidates.
 *
 * Return: 0 there is a route now; -ENOENT the guest has no (valid) entry; -EDQUOT @max_pasids;
 * -ENODEV no device @rid; what the commands say. Context: see the top.
 */
int vtd_unit_prepare(struct vtd_unit *unit, uint16_t rid, uint32_t pasid);

/* ---- faults and page requests -------------------------------------------------------------------- */

/** vtd_unit_fault_fd() - descriptor for poll: readable when vtd_unit_process_faults() has work. */
int vtd_unit_fault_fd(struct vtd_unit *unit);

/**
 * vtd_unit_process_faults() - carry waiting page requests and events to the guest
 * @unit: unit
 *
 * Never blocks, handles a bounded number of records.
 *
 * Return: records taken; 0: nothing was waiting.
 */
int vtd_unit_process_faults(struct vtd_unit *unit);

/**
 * vtd_unit_service_start() - start a thread that does vtd_unit_process_faults() as needed
 * @unit: unit
 *
 * Return: 0; -EALREADY it is running; what eventfd(2) and pthread_create(3) say.
 */
int vtd_unit_service_start(struct vtd_unit *unit);
/** vtd_unit_service_stop() - stop it and wait for it; also done by vtd_unit_destroy(). */
void vtd_unit_service_stop(struct vtd_unit *unit);

/**
 * vtd_unit_sync() - wait until no earlier answer of the gpa callback is in use
 * @unit: unit
 *
 * To take RAM away: make the callback say NULL for it, call this, unmap it from the GPA space, then
 * unmap it from the process.
 */
void vtd_unit_sync(struct vtd_unit *unit);

/**
 * vtd_unit_request_pending() - has the guest still to answer a page request?
 * @unit: unit
 * @rid: as added
 * @pasid: number it was raised for, or IOASID_INVALID: without PASID
 * @group: the device's group index
 *
 * When a number goes (its entry disappears), libioasid answers the device's requests "invalid" at
 * once, while the guest may still be working on them. Hardware does not know that short cut: a
 * stop of a queue or PASID completes only after the answers came, and guest kernels rely on it
 * (they free what their fault handlers use). A device model therefore reports "stopped" only when
 * this says false, or after a limit of its own.
 *
 * Context: any thread, not inside a DMA section.
 */
bool vtd_unit_request_pending(struct vtd_unit *unit, uint16_t rid, uint32_t pasid, uint32_t group);

/* ---- statistics ------------------------------------------------------------------------------------ */

/**
 * struct vtd_unit_stats - counters since creation, except those named "now"
 * @descriptors: invalidation queue descriptors by type (index = type, 0 and above 9: malformed)
 * @queue_errors: times the queue stopped (FSTS.IQE)
 * @timeouts: devices that did not complete an invalidation in time (FSTS.ITE)
 * @waits: wait descriptors completed
 * @invalidate_all: IOASID_INVALIDATE of a whole address space
 * @invalidate_range: ... of a range
 * @invalidate_covered: descriptors that an invalidation of the same queue run had covered already
 * @binds: PASID entries bound (PASID 0 included)
 * @rebinds: entries whose table changed
 * @unbinds: entries that went
 * @bind_errors: entries that could not be bound (malformed, limit, refused by libioasid)
 * @bound_now: PASID entries bound at this moment, those included whose page requests still wait
 * @scans: walks over a whole PASID directory
 * @page_requests: page requests put into the guest's queue
 * @page_responses: answers of the guest that were passed on
 * @responses_ignored: answers that no pending page request matched
 * @requests_dropped: page requests that did not reach the guest because its queue was full or off
 * @requests_invalid: page requests refused ("invalid request") because of the guest's tables
 * @requests_now: page request groups waiting for the guest at this moment
 * @faults: events recorded in the fault recording registers
 * @faults_lost: events that found no free register
 * @faults_quiet: events not recorded: fault processing disabled by the guest's tables, translation
 *                off, or a device the unit does not have
 * @interrupts: messages sent
 * @interrupts_refused: messages not sent because their address is no interrupt address
 * @bad_gpa: accesses of the unit to guest memory that is no RAM
 * @vcmd_allocs: PASIDs given to the guest by virtual commands
 * @vcmd_frees: ... that it gave back
 * @vcmd_refused: commands that ended with "no PASID available" or "invalid PASID"
 * @vcmd_undefined: commands nobody knows
 * @vcmd_dropped: 32-bit halves written while a command was in progress
 * @vcmd_reclaimed: PASIDs the guest had when it was reset
 * @pasids_now: PASIDs it has at this moment
 */
struct vtd_unit_stats {
	uint64_t descriptors[16];
	uint64_t queue_errors, timeouts, waits;
	uint64_t invalidate_all, invalidate_range, invalidate_covered;
	uint64_t binds, rebinds, unbinds, bind_errors, bound_now, scans;
	uint64_t page_requests, page_responses, responses_ignored;
	uint64_t requests_dropped, requests_invalid, requests_now;
	uint64_t faults, faults_lost, faults_quiet;
	uint64_t interrupts, interrupts_refused, bad_gpa;
	uint64_t vcmd_allocs, vcmd_frees, vcmd_refused, vcmd_undefined, vcmd_dropped,
		vcmd_reclaimed;
	uint64_t pasids_now;
};

/** vtd_unit_get_stats() - counters; each is exact, together they are no snapshot. */
void vtd_unit_get_stats(struct vtd_unit *unit, struct vtd_unit_stats *stats);

/* ---- must-fail controls ------------------------------------------------------------------------------ */

#define VTD_UNIT_BREAK_NO_INVALIDATE (1U << 0) /* IOTLB and device-TLB descriptors do nothing */
#define VTD_UNIT_BREAK_NO_WAIT	     (1U << 1) /* waits complete before what they wait for is done */

/**
 * vtd_unit_set_broken() - make the unit break its promises, to show that tests notice
 * @unit: unit
 * @flags: VTD_UNIT_BREAK_*; 0: correct again
 *
 * For tests only.
 */
void vtd_unit_set_broken(struct vtd_unit *unit, uint32_t flags);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
