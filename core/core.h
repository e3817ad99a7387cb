/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the files of the core share. Nothing here is seen outside core/.
 *
 * Lock order, outermost first:
 *
 *   ctx->lock (rwsem)        objects of a context and how they hang together. Commands that change
 *                            structure take it for writing; MAP, UNMAP, INVALIDATE and information
 *                            for reading; PAGE_RESPONSE and the fault descriptor not at all, so
 *                            that an answer gets through while a command waits for hardware
 *   family lock (mutex)      maps of a root address space and of all its descendants
 *   machine->lock (mutex)    devices, groups, who is bound to whom
 *   faultq->lock (mutex)     records, pending groups
 *   dev->event_lock (mutex)  a leaf: eventfds, signalled from any place that may sleep
 *   function->lock (mutex)   numbers on the wire of a function, for lookups by fault reports
 *   pasid_host.lock (spin)   the allocator of host-wide numbers, see core/pasid_alloc.h; a leaf but
 *                            for the lock of the limits
 *
 * A provider of CPU translation is called under ctx->lock held for writing; machine->lock says which
 * context has it.
 *
 * A home's IOMMU operations are called under the first two and may wait for DMA sections and for
 * devices, never for a page response. Device callbacks (page_response) are called with no lock.
 */
#ifndef IOASID_CORE_CORE_H
#define IOASID_CORE_CORE_H

#include "core/class.h"
#include "core/home.h"
#include "core/idtree.h"
#include "core/pasid.h"
#include "core/trace.h"
#include "formats/cpu_pasid.h"

#define IOAS_PAGE_MASK (PAGE_SIZE - 1)

/* ---- address spaces ------------------------------------------------------------------------ */

/**
 * struct ioas_maps - contents of an address space that is changed by MAP
 * @lock: the family lock; used only in the root of a family
 * @by_iova: struct ioas_map by input range; no overlaps
 * @targets: maps of our children, by the range of ours they lead to; overlaps are normal
 * @nr, @bytes: live maps
 * @dirty_start, @dirty_last, @dirty_link: during an UNMAP of the parent: what has to be flushed here
 * @dirty: during an UNMAP: children with something to flush (dirty_link)
 * @ioas: owner
 */
struct ioas_maps {
	struct mutex lock;
	struct rb_root_cached by_iova;
	struct rb_root_cached targets;
	u64 nr;
	u64 bytes;
	u64 dirty_start;
	u64 dirty_last;
	struct list_head dirty_link;
	struct list_head dirty;
	struct ioas *ioas;
};

/**
 * struct ioas_map - one MAP
 * @iova: input range, in the owner's by_iova
 * @target: output range in the parent, in the parent's targets; children only
 * @ioas: owner
 * @vaddr: what it leads to: caller's address or file offset (roots), parent's address (children)
 * @prot: IOASID_MAP_READ | IOASID_MAP_WRITE
 * @pin: the home's; NULL in children
 */
struct ioas_map {
	struct interval_tree_node iova;
	struct interval_tree_node target;
	struct ioas *ioas;
	u64 vaddr;
	void *pin;
	u32 prot;
};

struct ioas_kind_policy;

/**
 * struct ioas - one address space
 * @ctx: owner
 * @kind: its row in the kind table
 * @handle: its IOASID
 * @parent: NULL for roots
 * @children, @sibling: spaces that nest on it
 * @domains: struct ioasid_domain, one per IOMMU that reaches it
 * @attaches: struct ioas_attach: devices attached with the PASID flag
 * @default_routes: groups whose default stack it is part of
 * @maps: kinds changed by MAP; NULL otherwise
 * @table: user tables; table.format 0: none bound
 * @bound: user tables: one is bound; read by fault reports without lock
 * @owner: shared: the process, as the home holds it
 *
 * Everything but @maps changes only under ctx->lock held for writing.
 */
struct ioas {
	struct ioasid_ctx *ctx;
	const struct ioas_kind_policy *kind;
	ioasid_handle_t handle;
	u8 snoop;
	u8 addr_bits;
	u32 default_routes;
	u32 nr_children;
	struct ioas *parent;
	struct list_head children;
	struct list_head sibling;
	struct list_head domains;
	struct list_head attaches;
	struct ioas_maps *maps;
	struct ioasid_table table;
	bool bound;
	void *owner;
};

/**
 * struct ioas_kind_policy - what a kind of address space may do (design section 4)
 * @kind: enum ioasid_kind
 * @available: this release offers it
 * @root, @child: may be without, with a parent
 * @mappable: changed by MAP and UNMAP
 * @attachable: may be a route
 * @user_table: its table is the guest's; page requests are delivered
 * @domain: how an IOMMU holds it
 */
struct ioas_kind_policy {
	u32 kind;
	bool available;
	bool root;
	bool child;
	bool mappable;
	bool attachable;
	bool user_table;
	enum ioasid_domain_type domain;
};

/* ---- faults ---------------------------------------------------------------------------------- */

/**
 * struct ioasid_faultq - the context's fault descriptor
 * @lock: everything below
 * @open: somebody listens
 * @capacity: records it may hold
 * @records: struct fault_record not yet read
 * @nr_records: their number
 * @ids: fault id -> struct fault_group
 * @next_id: cyclic
 * @dropped: records lost
 */
struct ioasid_faultq {
	struct mutex lock;
	bool open;
	u32 capacity;
	u32 nr_records;
	u32 next_id;
	struct list_head records;
	struct idtree ids;
	u64 dropped;
};

/* ---- contexts -------------------------------------------------------------------------------- */

/**
 * struct ioasid_ctx - one open of /dev/ioasid
 * @lock: see the top of this file
 * @refs: the descriptor, device descriptors being bound, reports on their way
 * @closed: every further command is ENODEV
 * @ioas: handle -> struct ioas
 * @devices: bound devices (ctx_link)
 * @mode, @global_min: the context's knobs; 0: not set
 * @set: its host-wide numbers
 * @cpu: the VM whose CPUs translate by @cpu_table, or NULL; @cpu_on: they do. @cpu_table: made when it
 *       is needed first, and kept. Under @lock
 * @exposed: a number on the wire was shown to the user
 * @promised_bits: or IOASID_INVALID
 * @nr_maps, @pinned: over all address spaces; changed under family locks, hence atomic
 */
struct ioasid_ctx {
	struct rw_semaphore lock;
	refcount_t refs;
	struct ioasid_machine *machine;
	void *priv;
	bool closed;
	struct ioasid_ctx_config config;
	struct idtree ioas;
	u32 next_handle;
	struct list_head devices;
	u32 nr_devices;
	u32 nr_routes;
	u32 mode;
	u32 global_min;
	u32 promised_bits;
	bool exposed;
	struct ioasid_set *set;
	struct ioasid_cpu *cpu;
	struct cpu_pasid_table *cpu_table;
	bool cpu_on;
	atomic64_t nr_maps;
	atomic64_t pinned;
	struct ioasid_faultq faultq;
};

/* ---- devices ---------------------------------------------------------------------------------- */

#define IOAS_STACK_DEPTH 2

/**
 * struct ioasid_group - devices that the hardware cannot tell apart
 * @number: as the machine numbers it; IOASID_INVALID: a device alone
 * @link: in machine->groups
 * @members, @nr_members: struct ioasid_device (group_link)
 * @ctx: whose it is: set while a member is bound
 * @nr_bound: members bound
 * @stack: default route: [0] the lower, [1] the child stacked on it
 * @domain: of each level; kept so that going back to the lower one cannot fail
 * @depth: levels in use
 * @programmed: the IOMMU really leads there (only while every member is bound)
 *
 * Membership and binding under machine->lock, the route under ctx->lock for writing.
 */
struct ioasid_group {
	u32 number;
	struct list_head link;
	struct list_head members;
	u32 nr_members;
	struct ioasid_ctx *ctx;
	u32 nr_bound;
	u32 depth;
	bool programmed;
	struct ioas *stack[IOAS_STACK_DEPTH];
	struct ioasid_domain *domain[IOAS_STACK_DEPTH];
};

/**
 * struct ioasid_function - what has a RID and a space of numbers on the wire (design section 5.1)
 * @machine, @iommu, @pasid_bits, @kept_first, @kept_last, @priv: fixed
 * @refs: its maker, its devices; memory only
 * @link: in machine->functions; @devices: struct ioasid_device (fn_link): under machine->lock
 * @host_uses: the host's own driver has PASIDs on it, so many times; @nr_slices: slices bound;
 *             @whole: the device that is all of it is bound. Under machine->lock
 * @lock: what follows
 * @bound: bound devices (bound_link)
 * @space: numbers on the wire: used with a route or as a default PASID; used without either: the
 *         kernel's; quarantined: let go of, and work with them may still come
 * @wires: number -> the first struct ioas_route with it; written under @lock, read there or in RCU
 * @stuck: routes (link) whose numbers wait for a device to drain, or to be reset
 */
struct ioasid_function {
	struct ioasid_machine *machine;
	struct ioasid_iommu *iommu;
	u32 pasid_bits;
	u32 kept_first;
	u32 kept_last;
	void *priv;
	refcount_t refs;
	struct list_head link;
	struct list_head devices;
	u32 host_uses;
	u32 nr_slices;
	bool whole;

	struct mutex lock;
	struct list_head bound;
	struct pasid_space space;
	struct idtree wires;
	struct list_head stuck;
};

/**
 * struct ioasid_device - a device of the machine: a function as a whole, or a slice of one
 * @machine, @link, @ops, @iommu, @policy, @caps, @pasid_bits, @nr_regions, @priv: fixed
 * @fn: its function, with a reference; @fn_link: in fn->devices; @own_fn: it was made with it
 * @default_mode: the driver's, enum ioasid_mode
 * @group, @group_link: its group; never NULL
 * @refs: registration, open descriptors; memory only
 * @calls: callbacks running (plus one for the registration); at 0 @idle completes
 * @gone: unregistered
 * @ctx, @cookie, @ctx_link, @file: while bound; @bound_link: in fn->bound
 * @attached: levels of the group's default stack this member asked for (0 .. depth)
 * @mode, @global_min: its knobs; 0: not set
 * @portal: classes 7 and 8: submissions by the CPU are accepted; @portal_fresh: by the command in
 *          progress, so that it can be undone
 * @vpasids: slices: vPASID -> struct ioas_route; written under fn->lock, read there or in RCU
 * @default_pasid: slices, while bound: what requests "without PASID" carry; else 0. Written under
 *                 fn->lock. @default_charge: the group it was charged to
 * @attaches: struct ioas_attach (dev_link)
 * @nr_routes: live PASID routes
 * @fault_groups, @nr_fault_groups: page requests waiting; under the context's faultq->lock
 * @nr_records: unread records of it; @nr_answering: answers on their way to it; @answered: who
 *              waits for them. All under the context's faultq->lock
 * @faults_off: it is being stopped: page requests are answered "invalid" at once; under fn->lock
 * @ending: it is being unbound: nobody is told its numbers any more; written under fn->lock
 * @event_lock, @eventfd: IOASID_DEV_EVENT_*; a leaf
 * @default_ioas: top of the default stack while it is programmed; under fn->lock
 */
struct ioasid_device {
	struct ioasid_machine *machine;
	struct list_head link;
	const struct ioasid_device_ops *ops;
	struct ioasid_iommu *iommu;
	const struct ioasid_class_policy *policy;
	struct ioasid_function *fn;
	struct list_head fn_link;
	bool own_fn;
	u32 dev_class;
	u32 caps;
	u32 pasid_bits;
	u32 default_mode;
	u32 pri_share;
	u32 nr_regions;
	void *priv;
	struct ioasid_group *group;
	struct list_head group_link;
	refcount_t refs;
	refcount_t calls;
	struct completion idle;
	bool gone;
	bool fenced;
	u32 last_refusal;

	struct ioasid_ctx *ctx;
	struct ioasid_devfile *file;
	u64 cookie;
	struct list_head ctx_link;
	struct list_head bound_link;
	u32 attached;
	u32 mode;
	u32 global_min;
	u32 nr_routes;
	bool portal;
	bool portal_fresh;
	struct list_head attaches;

	struct idtree vpasids;
	ppasid_t default_pasid;
	struct limit_group *default_charge;
	struct ioas *default_ioas;
	bool faults_off;
	bool ending;
	struct list_head fault_groups;
	u32 nr_fault_groups;
	u32 nr_records;
	u32 nr_answering;
	struct completion *answered;
	struct mutex event_lock;
	void *eventfd[2];
};

/**
 * struct ioasid_devfile - one open device descriptor
 * @dev: holds a reference
 * @bound: this descriptor bound the device
 * @dead: the context was closed, or the device is gone: only closing is left
 *
 * @bound and @dead change under machine->lock.
 */
struct ioasid_devfile {
	struct ioasid_device *dev;
	bool bound;
	bool dead;
};

/**
 * struct ioas_attach - a device attached to an address space with the PASID flag
 * @routes: its numbers; may be empty: attached, nothing routed
 */
struct ioas_attach {
	struct ioasid_device *dev;
	struct ioas *ioas;
	struct ioasid_domain *domain;
	struct list_head dev_link;
	struct list_head ioas_link;
	struct list_head routes;
};

/** enum hostnum_cpu - is it in the table that CPUs translate by? */
enum hostnum_cpu {
	HOSTNUM_CPU_NOT,
	HOSTNUM_CPU_MAPPED,
	HOSTNUM_CPU_CLEARED, /* out of the table, vCPUs may still have it */
};

/**
 * struct hostnum - a host-wide number of a context (see hostnum.c)
 * @vpasid: what the guest calls it; @number itself where it has no other name
 * @routes: live routes with it
 * @leaving: of @routes, how many the command in progress ends
 * @cpu: enum hostnum_cpu: do the context's CPUs translate @vpasid to it?
 */
struct hostnum {
	struct ioas *ioas;
	vpasid_t vpasid;
	ppasid_t number;
	u32 routes;
	u32 leaving;
	enum hostnum_cpu cpu;
};

/**
 * struct ioas_route - one number of an attachment
 * @attach: of @dev
 * @link: in attach->routes, or in fn->stuck
 * @sharer: slices: the next route of the function with the same number on the wire
 * @vpasid: what the guest programs
 * @local: number on the wire that is this route's alone: a whole function's vPASID, or a number of the
 *         function that only the host knows; PPASID_NONE: none
 * @global: host-wide number on the wire besides, or instead; or PPASID_NONE
 * @num: the context's side of @global; @charged: without @global: the group that @local was charged to
 * @wired: its numbers lead there: mediation may tell them
 * @fresh: made by the command in progress, so that it can be undone
 * @ending: in fn->stuck: the command that ends it is not through with it; @drained: the device said
 *          meanwhile that it sends the number no more
 * @draining: in fn->stuck: the device has not said so yet
 * @fenced: in fn->stuck: let go of while the device was fenced
 * @rcu: mediation reads routes without lock
 */
struct ioas_route {
	struct ioasid_device *dev;
	struct ioas_attach *attach;
	struct list_head link;
	struct ioas_route *sharer;
	vpasid_t vpasid;
	ppasid_t local;
	ppasid_t global;
	union {
		struct hostnum *num;
		struct limit_group *charged;
	};
	bool wired;
	bool fresh;
	bool ending;
	bool drained;
	bool draining;
	bool fenced;
	struct os_rcu rcu;
};

static inline bool is_number(ppasid_t ppasid)
{
	return ppasid.val != IOASID_NO_PASID;
}

/* Of the context's CPUs; a route has none without a host-wide number. */
static inline struct hostnum *route_num(const struct ioas_route *route)
{
	return is_number(route->global) ? route->num : NULL;
}

/* Do the context's CPUs translate its vPASID? ctx->lock. */
static inline bool route_in_cpu_table(const struct ioas_route *route)
{
	const struct hostnum *num = route_num(route);

	return num && num->cpu == HOSTNUM_CPU_MAPPED;
}

static inline bool device_is_slice(const struct ioasid_device *dev)
{
	return dev->policy->slice;
}

/* Greatest PASID of @dev; 0: none. */
static inline u32 device_last(const struct ioasid_device *dev)
{
	return dev->pasid_bits ? (1U << dev->pasid_bits) - 1 : 0;
}

/* ---- ctx.c -------------------------------------------------------------------------------------- */
/** ctx_lock_read() - for handlers that lock by themselves. Return: 0; -ENODEV: closed, not locked. */
int ctx_lock_read(struct ioasid_ctx *ctx);
struct ioasid_device *ctx_find_device(struct ioasid_ctx *ctx, u64 cookie);
int ctx_check_extension(struct ioasid_ctx *ctx, void *arg);
int ctx_get_info(struct ioasid_ctx *ctx, void *arg);
int ctx_set_quota(struct ioasid_ctx *ctx, void *arg);
int ctx_unavailable(struct ioasid_ctx *ctx, void *arg);
/** ctx_no_migration() - IOASID_NOMIG_*: why its state cannot be saved. ctx->lock. */
u32 ctx_no_migration(struct ioasid_ctx *ctx);

/* ---- ioas.c -------------------------------------------------------------------------------------- */
struct ioas *ioas_find(struct ioasid_ctx *ctx, u32 handle);
struct mutex *ioas_family_lock(const struct ioas *ioas);
u32 ioas_nr_routes(const struct ioas *ioas);
int ioas_alloc(struct ioasid_ctx *ctx, void *arg);
int ioas_free(struct ioasid_ctx *ctx, void *arg);
int ioas_get_info(struct ioasid_ctx *ctx, void *arg);
u64 ioas_input_last(const struct ioas *ioas);
int ioas_bind_pgtable(struct ioasid_ctx *ctx, void *arg);
int ioas_set_pasid_table(struct ioasid_ctx *ctx, void *arg);
void ioas_destroy_all(struct ioasid_ctx *ctx);

/* ---- domain.c -------------------------------------------------------------------------------------- */
struct ioasid_domain *ioas_domain_get(struct ioas *ioas, struct ioasid_iommu *iommu, u32 *refusal);
void ioas_domain_put(struct ioasid_domain *domain);

/* ---- map.c ------------------------------------------------------------------------------------------- */
int ioas_map_dma(struct ioasid_ctx *ctx, void *arg);
int ioas_unmap_dma(struct ioasid_ctx *ctx, void *arg);
int ioas_populate(struct ioas *ioas, struct ioasid_domain *domain);
void ioas_unmap_everything(struct ioas *ioas);
struct ioas_map *ioas_map_first(struct ioas *ioas, u64 start, u64 last);
struct ioas_map *ioas_map_next(struct ioas_map *map, u64 start, u64 last);
bool ioas_map_reserved(struct ioasid_iommu *iommu, u64 start, u64 last);

/* ---- nest.c -------------------------------------------------------------------------------------------- */
int nest_pieces(struct ioas_map *map, struct ioasid_domain *domain, u64 start, u64 last, u32 prot);
int nest_check_covered(struct ioas *accounting, u64 start, u64 last, u32 prot);
int nest_parent_mapped(struct ioas_map *map);
void nest_parent_unmapping(struct ioas_map *map);
void nest_parent_unmapped(struct ioas *parent);
bool nest_targeted(struct ioas *ioas, u64 start, u64 last);

/* ---- device.c ------------------------------------------------------------------------------------------- */
void device_get(struct ioasid_device *dev);
void device_put(struct ioasid_device *dev);
bool device_call_enter(struct ioasid_device *dev);
void device_call_exit(struct ioasid_device *dev);
u32 device_default(const struct ioasid_device *dev);
void device_unbind_all(struct ioasid_ctx *ctx);
int device_refuse(struct ioasid_device *dev, u32 refusal, int rc);
int device_get_info_by_cookie(struct ioasid_ctx *ctx, void *arg);
int devfile_get_info(struct ioasid_devfile *file, void *arg);
int devfile_bind(struct ioasid_devfile *file, void *arg);
int devfile_attach(struct ioasid_devfile *file, void *arg);
int devfile_detach(struct ioasid_devfile *file, void *arg);
int devfile_reset(struct ioasid_devfile *file, void *arg);
int devfile_set_eventfd(struct ioasid_devfile *file, void *arg);
int devfile_get_region(struct ioasid_devfile *file, void *arg);

/* ---- function.c: functions and numbers on their wires ------------------------------------------------------ */
void function_get(struct ioasid_function *fn);
void function_put(struct ioasid_function *fn);
/** function_add_device(), function_remove_device() - machine->lock held. */
void function_add_device(struct ioasid_function *fn, struct ioasid_device *dev);
void function_remove_device(struct ioasid_device *dev);
/** function_bind() - @dev is bound: whole or slices. machine->lock. 0; -EBUSY. */
int function_bind(struct ioasid_device *dev);
/** function_unbind() - the last one to leave takes the marks of the kernel's numbers along. */
void function_unbind(struct ioasid_device *dev);
/** function_keeps() - the host's driver named that number as its own. */
bool function_keeps(const struct ioasid_function *fn, u32 number);
/** function_number_used() - a route, the kernel, or work that may still come has it. Takes fn->lock. */
bool function_number_used(struct ioasid_function *fn, u32 number);
/** function_lowest_free() - in [@first, @last], what its driver keeps passed over; -ENOSPC. Takes fn->lock. */
s64 function_lowest_free(struct ioasid_function *fn, u32 first, u32 last);
/**
 * wire_take() - @number of @route becomes its: nothing leads there yet
 *
 * Return: 0; 1: a sibling has it already, and all that it leads to: nothing is to be attached; -EEXIST
 * another route has it; -EBUSY the kernel's, the driver's, or quarantined; -ERANGE; -ENOMEM.
 */
int wire_take(struct ioas_route *route, ppasid_t number);
/**
 * wire_take_any() - a number of the function that only the host knows, below the host's split
 * @from: where to look on; moved behind what was taken
 *
 * Return: 0: *@number; -ENOSPC; -ENOMEM.
 */
int wire_take_any(struct ioas_route *route, u32 *from, ppasid_t *number);
/**
 * wire_unlink() - what wire_take() took came to nothing
 * @kernels: the kernel has the number, and keeps it
 *
 * Return: nobody has it any more: it is to be detached, if it was attached, and wire_release() is due.
 */
bool wire_unlink(struct ioas_route *route, ppasid_t number, bool kernels);
/**
 * wire_release() - it can be given out again
 * @led: it led somewhere for a moment: of a fenced device when that was reset
 */
void wire_release(struct ioas_route *route, ppasid_t number, bool led);
/** wire_give_back() - one number of a route in fn->stuck, which forgets it. fn->lock held. */
void wire_give_back(struct ioas_route *route, ppasid_t *number);
/**
 * wire_end() - @route leaves the wire, and mediation; from here on it is in fn->stuck, and @ending
 * @local, @global: [out] nobody has that number any more: it is to be detached
 */
void wire_end(struct ioas_route *route, bool *local, bool *global);
/** wire_settle() - out of fn->stuck: numbers that nobody has can be given out again. fn->lock held. */
void wire_settle(struct ioas_route *route);
/** default_pasid_take(), default_pasid_drop() - of a slice that is bound. 0; -ENOSPC; -EDQUOT; -ENOMEM. */
int default_pasid_take(struct ioasid_device *dev);
void default_pasid_drop(struct ioasid_device *dev);
/** device_rid_wire() - how the IOMMU knows requests of @dev without PASID: PPASID_NONE: by RID. */
ppasid_t device_rid_wire(const struct ioasid_device *dev);
/** default_pasid_change() - the one it has turned out to be the kernel's. The same errors. */
int default_pasid_change(struct ioasid_device *dev);

/* ---- portal.c: who accepts submissions by the CPU ------------------------------------------------------------ */
/** portal_state() - enum ioasid_portal. ctx->lock. */
u32 portal_state(const struct ioasid_device *dev);
/**
 * portals_update() - portals of all bound devices are as mode and translation want them
 *
 * Return: 0; what a device said that would not open: those that were opened are closed again, and none
 * was closed.
 */
int portals_update(struct ioasid_ctx *ctx);
/** portals_shut_translated() - of slices, which take only what CPUs have translated. */
void portals_shut_translated(struct ioasid_ctx *ctx);
/** portals_shut_local() - of devices that know local numbers only. */
void portals_shut_local(struct ioasid_ctx *ctx);
/** portal_shut() - of one device, whatever it should be. */
void portal_shut(struct ioasid_device *dev);

/* ---- cpu.c: PASIDs that CPUs translate -------------------------------------------------------------------------- */
int cpu_pasid_enable(struct ioasid_ctx *ctx, void *arg);
int cpu_pasid_map(struct ioasid_ctx *ctx, void *arg);
int cpu_pasid_unmap(struct ioasid_ctx *ctx, void *arg);
/** cpu_clear() - out of the table; true: there was an entry, and cpu_flush(), cpu_release() are due. */
bool cpu_clear(struct hostnum *num);
/** cpu_flush() - no vCPU sends anymore what was cleared. */
void cpu_flush(struct ioasid_ctx *ctx);
void cpu_release(struct hostnum *num);
/** cpu_forget() - all three. */
void cpu_forget(struct hostnum *num);
/** cpu_stop() - the context ends: portals closed, vCPUs off the table, the VM forgotten. */
void cpu_stop(struct ioasid_ctx *ctx);
/** cpu_destroy() - the table goes; all entries are out, all vCPUs off it. */
void cpu_destroy(struct ioasid_ctx *ctx);

/* ---- stack.c: the default route ---------------------------------------------------------------------------- */
int stack_attach(struct ioasid_device *dev, struct ioas *ioas, bool replace);
int stack_detach(struct ioasid_device *dev, struct ioas *ioas);
void stack_cancel_faults(struct ioas *ioas);
void stack_member_left(struct ioasid_group *g);
int stack_member_bound(struct ioasid_device *dev);
void stack_member_unbinding(struct ioasid_device *dev);

/* ---- mode.c: mode, split, width -------------------------------------------------------------------------------- */
/** struct width - how many numbers a guest may use on all devices added; 0: none takes PASIDs */
struct width {
	u32 numbers;
};
void width_add(struct width *w, const struct ioasid_device *dev);
u32 width_bits(const struct width *w);
/** device_mode(), device_global_min() - what is in force: device's knob, else context's, else default. */
u32 device_mode(const struct ioasid_device *dev);
u32 device_global_min(const struct ioasid_device *dev);
bool device_is_global(const struct ioasid_device *dev);
/** device_takes_pasids() - it has them, and is alone in its group. */
bool device_takes_pasids(const struct ioasid_device *dev);
/** device_local_last() - greatest number a guest manages itself on @dev. */
u32 device_local_last(const struct ioasid_device *dev);
/** device_keeps_promise() - what was promised fits @dev as it is set now. */
bool device_keeps_promise(const struct ioasid_ctx *ctx, const struct ioasid_device *dev);
/** device_set_mode() - the device's knob. 0; -EBUSY PASID routes; -EOPNOTSUPP; -EMEDIUMTYPE. */
int device_set_mode(struct ioasid_device *dev, u32 mode);
int mode_set(struct ioasid_ctx *ctx, void *arg);
int mode_set_global_min(struct ioasid_ctx *ctx, void *arg);
int mode_set_promised_width(struct ioasid_ctx *ctx, void *arg);

/* ---- hostnum.c: host-wide numbers of a context ------------------------------------------------------------------ */
/** hostnum_find() - by vPASID. NULL: none. */
struct hostnum *hostnum_find(struct ioasid_ctx *ctx, vpasid_t vpasid);
/**
 * hostnum_make() - a new one, without routes
 * @ioas: what it is going to name
 * @only: the device it is for; NULL: all that are attached to @ioas
 * @identity: its vPASID is the number itself; else @vpasid
 *
 * Return: number, to be given hostnum_drop_unused() if no route came of it; ERR_PTR: -ENOSPC, -EDQUOT,
 * -ENOMEM.
 */
struct hostnum *hostnum_make(struct ioas *ioas, const struct ioasid_device *only, bool identity,
			     vpasid_t vpasid);
/** hostnum_hold() - one route more; holds the number for the IOMMU. */
int hostnum_hold(struct hostnum *num);
/** hostnum_release() - what hostnum_hold() took, when nothing with the number is still to come. */
void hostnum_release(struct ioasid_ctx *ctx, ppasid_t number);
/** hostnum_drop_unused() - without routes it ends; the number may stay pending. */
void hostnum_drop_unused(struct hostnum *num);

/* ---- route.c: PASID routes ------------------------------------------------------------------------------------ */
int route_attach(struct ioasid_device *dev, struct ioas *ioas, u32 flags, vpasid_t vpasid);
int route_detach(struct ioasid_device *dev, struct ioas *ioas);
void route_detach_all(struct ioasid_device *dev);
/** route_find() - the route of @vpasid on @dev, or NULL. fn->lock, ctx->lock or RCU. */
struct ioas_route *route_find(struct ioasid_device *dev, vpasid_t vpasid);
/** route_on_wire() - the route of @dev with a number on the wire, or NULL. The same locks. */
struct ioas_route *route_on_wire(struct ioasid_device *dev, ppasid_t ppasid);
/** route_next() - the first route with a vPASID at or after *@vpasid, which is moved there. */
struct ioas_route *route_next(struct ioasid_device *dev, u32 *vpasid);
/** route_cancel_faults() - page requests by any of its numbers; as faultq_cancel(). */
void route_cancel_faults(struct ioas_route *route, const struct ioas *ioas);
/** route_release_stuck() - nothing of @dev is on its way any more: numbers it let go of are free. */
void route_release_stuck(struct ioasid_device *dev);
struct ioas_attach *route_find_attach(struct ioasid_device *dev, struct ioas *ioas);
int route_set_hwid(struct ioasid_ctx *ctx, void *arg);
int route_clear_hwid(struct ioasid_ctx *ctx, void *arg);

/* ---- inval.c, query.c -------------------------------------------------------------------------------------------- */
int inval_cache(struct ioasid_ctx *ctx, void *arg);
int query_objects(struct ioasid_ctx *ctx, void *arg);

/* ---- quota.c: limits of the host ------------------------------------------------------------------------------------ */
int limit_get(struct ioasid_ctx *ctx, void *arg);
int limit_set(struct ioasid_ctx *ctx, void *arg);

/* ---- fault.c ------------------------------------------------------------------------------------------------------- */
void faultq_init(struct ioasid_faultq *q);
void faultq_destroy(struct ioasid_faultq *q);
int faultq_open(struct ioasid_ctx *ctx, void *arg);
int faultq_respond(struct ioasid_ctx *ctx, void *arg);
u32 faultq_info(struct ioasid_ctx *ctx, u64 *dropped);
void faultq_cancel(struct ioasid_device *dev, ppasid_t pasid, const struct ioas *ioas);
void faultq_disown(struct ioasid_device *dev);
void faultq_stop(struct ioasid_device *dev);
void faultq_start(struct ioasid_device *dev);

#endif
