/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Between the core and a home: what the core asks of the machine it runs on, and what a home and
 * its device drivers may ask of the core.
 *
 * Downwards: struct ioasid_home_ops (memory of the caller, descriptors), struct ioasid_iommu_ops
 * (page tables and their caches), struct ioasid_device_ops (devices). Upwards: registration of
 * IOMMUs and devices, reports of faults.
 *
 * Locks: see core/core.h. All downward calls may sleep and are made with the context lock held
 * unless said otherwise; none of them may call back into the core except where said.
 */
#ifndef IOASID_CORE_HOME_H
#define IOASID_CORE_HOME_H

#include "core/pasid_alloc.h"
#include "os/os.h"
#include <linux/ioasid.h>

struct ioas;
struct ioasid_ctx;
struct ioasid_device;
struct ioasid_domain;
struct ioasid_function;
struct ioasid_group;
struct ioasid_iommu;
struct ioasid_machine;
struct table_env;

/** IOASID_NO_PASID - "by RID alone" where a wire number is expected. Never a valid PASID. */
#define IOASID_NO_PASID IOASID_INVALID

/** typedef vpasid_t - the number a guest programs; a struct so that it is never mistaken. */
typedef struct {
	u32 val;
} vpasid_t;
/** typedef ppasid_t - the number on the wire. */
typedef struct {
	u32 val;
} ppasid_t;
/** typedef ioasid_handle_t - handle of an address space, local to its context. */
typedef struct {
	u32 val;
} ioasid_handle_t;

#define VPASID(n)   ((vpasid_t){ (n) })
#define PPASID(n)   ((ppasid_t){ (n) })
#define PPASID_NONE PPASID(IOASID_NO_PASID)

/** struct ioasid_extent - a piece of physically contiguous memory, in bytes. */
struct ioasid_extent {
	u64 pa;
	u64 len;
};

/* ---- the IOMMU ---------------------------------------------------------------------------- */

/** enum ioasid_domain_type - how an IOMMU holds an address space. */
enum ioasid_domain_type {
	IOASID_DOMAIN_PAGING, /* a table this system writes */
	IOASID_DOMAIN_NESTED, /* a guest's table on top of a paging domain */
	IOASID_DOMAIN_SHARED, /* the page table of a process */
};

/**
 * struct ioasid_domain_attr - what a domain must be able to do
 * @type: kind of domain
 * @snoop: enforce (IOASID_SNOOP_ENFORCE), allow, or auto
 * @addr_bits: PAGING: input width needed; 0: any
 * @nest_parent: PAGING: user tables will nest on it
 * @parent: NESTED: the parent's paging domain on the same IOMMU
 * @table: NESTED: the guest's table, or NULL: none yet
 * @owner: SHARED: what ops->shared_get() returned for the process
 */
struct ioasid_domain_attr {
	enum ioasid_domain_type type;
	u32 snoop;
	u32 addr_bits;
	bool nest_parent;
	struct ioasid_domain *parent;
	const struct ioasid_table *table;
	void *owner;
};

/**
 * struct ioasid_domain - one IOMMU's form of an address space; embedded in the home's own
 * @iommu: who made it
 * @ioas: whose it is; set by the core
 * @link: in @ioas->domains; the core's
 * @users: attachments (default and PASID) plus nested domains on it; the core's
 */
struct ioasid_domain {
	struct ioasid_iommu *iommu;
	struct ioas *ioas;
	struct list_head link;
	u32 users;
};

#define IOASID_IOMMU_NESTING (1U << 0)
#define IOASID_IOMMU_SNOOP   (1U << 1) /* can enforce snooping */
#define IOASID_IOMMU_SHARED  (1U << 2) /* can walk the caller's own address space */

/**
 * struct ioasid_iommu_ops - operations of an IOMMU
 *
 * map()/unmap() change tables only; nothing may be cached from an entry before it is present, so
 * map() needs no flush. unmap() and a detach keep memory and table pages reachable until flush()
 * or detach() itself has returned: on return of those two, no access through the old translation
 * is still to land and the old tables are neither read nor written (design section 7).
 *
 * @domain_alloc: Return: domain or ERR_PTR: -EOPNOTSUPP the format cannot do @attr, -ENOMEM
 * @domain_free: no attachment, no nested domain is left
 * @map: enter @n extents one after the other from @iova on, all or nothing; @prot is
 *       IOASID_MAP_READ | WRITE. A leaf never spans two calls, so unmap() needs no memory
 * @unmap: clear [@start, @last]; holes are fine; cannot fail; frees nothing before flush()
 * @flush: make the last unmap()s of [@start, @last] take effect everywhere, nested domains and
 *         device TLBs included; then free the emptied table pages. Return: 0; -EIO: a device did
 *         not answer and was fenced (its DMA is blocked, so the promise holds all the same)
 * @set_table: NESTED: replace the root atomically; NULL: every access is an event. Flushes. Going
 *             back to a table that was set before needs no memory. -EIO as flush: the table is set
 * @invalidate: NESTED: the guest changed its table in [@start, @last]; @dev NULL: all devices.
 *              @leaf: only leaf entries. Return: 0 or -EIO as flush
 * @attach: make {@dev, @pasid} reach @domain, replacing atomically what it reached before
 *          (flushed on return); PPASID_NONE: the RID. Nothing has changed on error. Replacing what
 *          is attached needs no memory. A number belongs to the function that @dev is or is a slice
 *          of: slices of one function that share a number attach it once, and any of them may be
 *          named when it is replaced or detached. A slice is never attached with PPASID_NONE
 * @detach: {@dev, @pasid} reaches nothing; flushed on return
 * @purge: RESET of @dev: forget everything cached for it, end its fence; routes stay. Of a slice: what
 *         is cached for its siblings may be forgotten too
 * @reserved: does [@start, @last] touch a window of the IOMMU's own? NULL: it has none
 * @report_ranges: usable ranges and reserved windows; fills up to @room, returns how many exist
 */
struct ioasid_iommu_ops {
	struct ioasid_domain *(*domain_alloc)(struct ioasid_iommu *iommu,
					      const struct ioasid_domain_attr *attr);
	void (*domain_free)(struct ioasid_domain *domain);
	int (*map)(struct ioasid_domain *domain, u64 iova, const struct ioasid_extent *ext,
		   unsigned int n, u32 prot);
	void (*unmap)(struct ioasid_domain *domain, u64 start, u64 last);
	int (*flush)(struct ioasid_domain *domain, u64 start, u64 last);
	int (*set_table)(struct ioasid_domain *domain, const struct ioasid_table *table);
	int (*invalidate)(struct ioasid_domain *domain, struct ioasid_device *dev, u64 start,
			  u64 last, bool leaf);
	int (*attach)(struct ioasid_device *dev, ppasid_t pasid, struct ioasid_domain *domain);
	void (*detach)(struct ioasid_device *dev, ppasid_t pasid);
	void (*purge)(struct ioasid_device *dev);
	bool (*reserved)(struct ioasid_iommu *iommu, u64 start, u64 last);
	unsigned int (*report_ranges)(struct ioasid_iommu *iommu, struct ioasid_range *ranges,
				      unsigned int room);
};

/**
 * struct ioasid_iommu - an IOMMU; embedded in the home's own, lives longer than its devices
 * @ops: operations
 * @caps: IOASID_IOMMU_*
 * @pasid_bits: width it handles; 0: none
 * @format: enum ioasid_format of user tables it walks
 * @page_sizes: bitmap of leaf sizes in bytes
 * @last: last input address of paging domains
 */
struct ioasid_iommu {
	const struct ioasid_iommu_ops *ops;
	u32 caps;
	u32 pasid_bits;
	u32 format;
	u64 page_sizes;
	u64 last;
};

/* ---- functions --------------------------------------------------------------------------------- */

/**
 * struct ioasid_function_desc - a function: what has a RID, and one space of PASIDs on the wire
 * @iommu: the IOMMU in front of it
 * @pasid_bits: width of its PASID capability; 0: none
 * @kept_first, @kept_last: PASIDs that its host driver keeps for itself; 0: none
 */
struct ioasid_function_desc {
	struct ioasid_iommu *iommu;
	u32 pasid_bits;
	u32 kept_first;
	u32 kept_last;
};

/**
 * ioasid_function_create() - a function that mediated devices are slices of
 * @machine: machine
 * @desc: copied
 * @priv: the home's, ioasid_function_priv()
 *
 * One device may stand for the function as a whole, any number of mediated ones for slices of it. Only
 * one or the other is bound at a time (design section 5.1).
 *
 * Return: function, the caller's until ioasid_function_destroy(), when none of its devices is
 * registered any more; ERR_PTR: -EINVAL, -ENOMEM. May sleep.
 */
struct ioasid_function *ioasid_function_create(struct ioasid_machine *machine,
					       const struct ioasid_function_desc *desc, void *priv);
void ioasid_function_destroy(struct ioasid_function *fn);
void *ioasid_function_priv(const struct ioasid_function *fn);
/** ioasid_device_function() - what @dev is, or is a slice of; as long as @dev is registered. */
struct ioasid_function *ioasid_device_function(const struct ioasid_device *dev);
/**
 * ioasid_function_host_use() - its host driver begins or ends using PASIDs on it
 * @use: begin
 *
 * While it does, the function is not bound as a whole. Return: 0; -EBUSY: it is bound as a whole.
 * May sleep.
 */
int ioasid_function_host_use(struct ioasid_function *fn, bool use);

/* ---- devices ---------------------------------------------------------------------------------- */

/**
 * struct ioasid_device_ops - what the core asks of a device driver; members may be NULL
 * They may be called with the context's lock held: none of them may issue a command, or wait for
 * somebody who does. They may report faults and page requests.
 *
 * @bind: a context takes the device: see that no DMA of it passes until an attach. Return: 0 or an
 *        error that refuses the binding (-EBUSY: somebody else uses it)
 * @unbind: the context let go of it, after quiesce, when its routes are gone
 * @quiesce: stop the device's DMA; on return nothing of it is on its way. May sleep
 * @reset: stop it and forget queues and registers
 * @page_response: a page request group was answered. May be called from any context that may
 *                 sleep, also from inside ioasid_report_page_request()
 * @can_save: its driver can save state
 * @region: fill what GET_REGION tells of region @region->index < nr_regions. Return: 0 or an error
 * @portal_open: classes 7 and 8: accept submissions by the CPU from now on. Return: 0 or an error
 * @portal_close: refuse them; on return none is being accepted. What was accepted stays
 * @drain: @pasid, a number of the host's, ends on this device, and nothing with it passes the IOMMU
 *         any more. Registers and queues that were programmed with it forget it; accepted work with it
 *         ends, or is dropped. Return: 0: nothing with it will be sent any more; -EINPROGRESS: that
 *         takes its time: ioasid_device_drained() will be called, and the number stays out of use
 *         until then. It may be called before this returns. NULL: as 0
 */
struct ioasid_device_ops {
	int (*bind)(struct ioasid_device *dev);
	void (*unbind)(struct ioasid_device *dev);
	void (*quiesce)(struct ioasid_device *dev);
	void (*reset)(struct ioasid_device *dev);
	void (*page_response)(struct ioasid_device *dev, ppasid_t pasid, u32 group, u32 code);
	bool (*can_save)(struct ioasid_device *dev);
	int (*region)(struct ioasid_device *dev, struct ioasid_dev_region *region);
	int (*portal_open)(struct ioasid_device *dev);
	void (*portal_close)(struct ioasid_device *dev);
	int (*drain)(struct ioasid_device *dev, ppasid_t pasid);
};

/**
 * struct ioasid_device_desc - a device to register
 * @ops: callbacks, live as long as the device
 * @function: the function it is a slice of (classes 3, 6 and 8), or stands for as a whole. NULL: of
 *            the other classes: it has a function of its own
 * @iommu: the IOMMU in front of it; with @function that one's
 * @dev_class: enum ioasid_class
 * @mode: enum ioasid_mode: the driver's default; IOASID_MODE_DEFAULT: local
 * @caps: IOASID_DEV_ATS | IOASID_DEV_PRI; the rest follows from class and IOMMU
 * @pasid_bits: width of its capability; with @function at most that one's
 * @group: number of its IOMMU group; IOASID_INVALID: alone
 * @pri_share: page requests it may have waiting; 0: a default
 * @nr_regions: regions its descriptor offers
 * @kept_first, @kept_last: PASIDs its driver keeps for itself; 0: none. With @function: 0
 */
struct ioasid_device_desc {
	const struct ioasid_device_ops *ops;
	struct ioasid_function *function;
	struct ioasid_iommu *iommu;
	u32 dev_class;
	u32 mode;
	u32 caps;
	u32 pasid_bits;
	u32 group;
	u32 pri_share;
	u32 nr_regions;
	u32 kept_first;
	u32 kept_last;
};

/**
 * ioasid_device_register() - make a device known to a machine
 * @machine: the machine
 * @desc: copied
 * @priv: the home's object, returned by ioasid_device_priv()
 *
 * Return: device, owned by the caller until ioasid_device_unregister(); ERR_PTR: -EINVAL,
 * -EOPNOTSUPP (class), -ENOMEM. May sleep.
 */
struct ioasid_device *ioasid_device_register(struct ioasid_machine *machine,
					     const struct ioasid_device_desc *desc, void *priv);
/**
 * ioasid_device_unregister() - the device goes away
 * @dev: device
 *
 * Ends its routes and binding; its open descriptors answer ENODEV from now on. On return no op of
 * it is called any more. May sleep; no lock of the home may be held that an op takes.
 */
void ioasid_device_unregister(struct ioasid_device *dev);
/** ioasid_device_get(), ioasid_device_put() - keep its memory: reports on it go nowhere then. */
void ioasid_device_get(struct ioasid_device *dev);
void ioasid_device_put(struct ioasid_device *dev);
void *ioasid_device_priv(const struct ioasid_device *dev);
/** ioasid_device_fence() - it did not answer in time: block it and say so in its info. Any lock. */
void ioasid_device_fence(struct ioasid_device *dev);
/** ioasid_device_fenced() - is it? */
bool ioasid_device_fenced(const struct ioasid_device *dev);
/** ioasid_device_signal() - signal eventfd @index. Any lock. Return: somebody listens. */
bool ioasid_device_signal(struct ioasid_device *dev, unsigned int index);
/**
 * ioasid_device_ppasid() - what goes on the wire for a guest's number
 * Return: 0; -ENOENT: no such route. Takes no lock.
 */
int ioasid_device_ppasid(struct ioasid_device *dev, vpasid_t vpasid, ppasid_t *ppasid);
/**
 * ioasid_device_allows() - may work of @dev carry @ppasid? The allow list (design section 5.5)
 *
 * A whole function may send what it likes, the IOMMU decides; a slice only numbers that its own routes
 * have: not those of its siblings. Takes no lock. What was allowed stays so until drain or quiesce.
 */
bool ioasid_device_allows(struct ioasid_device *dev, ppasid_t ppasid);
/**
 * ioasid_device_rid_pasid() - what marks requests of @dev "without PASID" on the wire
 *
 * Return: PPASID_NONE: nothing, they go by RID; of a slice its default PASID, or PPASID(0) while it is
 * not bound: then it has none, and nothing may be sent. Takes no lock.
 */
ppasid_t ioasid_device_rid_pasid(const struct ioasid_device *dev);
/**
 * ioasid_device_drained() - what ops->drain() left to do is done
 *
 * Any context that may sleep; without locks that drain or quiesce take.
 */
void ioasid_device_drained(struct ioasid_device *dev, ppasid_t ppasid);

/* ---- CPUs that translate PASIDs -------------------------------------------------------------------- */

struct ioasid_cpu;

/**
 * struct ioasid_cpu_ops - what the core asks of a VM whose CPUs translate PASIDs
 * They run with the context's lock held, may sleep, and must not issue a command or wait for somebody
 * who does; a vCPU that is outside of the guest is not waited for.
 *
 * @enable: every vCPU, present or later added, runs with the directories at physical addresses @low and
 *          @high. Return: 0 when that is so; -EOPNOTSUPP: not every one can; another error
 * @disable: on return none does, and none reads the tables any more
 * @flush: on return no vCPU uses what it read in the tables before
 * @put: the context lets go of it; the core does not touch it again
 */
struct ioasid_cpu_ops {
	int (*enable)(struct ioasid_cpu *cpu, u64 low, u64 high);
	void (*disable)(struct ioasid_cpu *cpu);
	void (*flush)(struct ioasid_cpu *cpu);
	void (*put)(struct ioasid_cpu *cpu);
};

/**
 * struct ioasid_cpu - a VM, as a provider of translation; embedded in the home's own
 * @ops: operations
 * @ctx: the context whose table it uses; the core's, under machine->lock
 * @gone: it is ending: no context takes it any more; the core's, the same
 */
struct ioasid_cpu {
	const struct ioasid_cpu_ops *ops;
	struct ioasid_ctx *ctx;
	bool gone;
};

/**
 * ioasid_cpu_leave() - the VM ends: portals are closed, then translation is off
 * @machine: of the context it may be attached to
 * @cpu: nobody attaches it any more (home_ops.cpu_get() does not find it)
 *
 * On return the core does not touch it any more; ops->put() was called if a context had it. May
 * sleep; takes a context's lock.
 */
void ioasid_cpu_leave(struct ioasid_machine *machine, struct ioasid_cpu *cpu);

/* ---- faults ---------------------------------------------------------------------------------------- */

/**
 * struct ioasid_fault_report - a fault as the IOMMU saw it
 * @pasid: number on the wire, or PPASID_NONE
 * @flags: IOASID_FAULT_READ/WRITE/EXEC/PRIV/LAST/GPA
 * @address: I/O address
 * @gpa: with IOASID_FAULT_GPA
 * @group: page requests: device's group index
 * @reason: events: enum ioasid_fault_reason
 * @arch_reason: events: the architecture's code
 */
struct ioasid_fault_report {
	ppasid_t pasid;
	u32 flags;
	u64 address;
	u64 gpa;
	u32 group;
	u32 reason;
	u32 arch_reason;
};

/**
 * ioasid_report_event() - an access failed for good
 * @dev: device
 * @report: what is known
 *
 * Delivered to the context the device is bound to, else counted. Takes the fault queue's lock and
 * the device's route lock, so it may sleep, though never for long; not inside a DMA section.
 */
void ioasid_report_event(struct ioasid_device *dev, const struct ioasid_fault_report *report);

/**
 * ioasid_report_page_request() - a device asks for a page
 * @dev: device
 * @report: what is known
 *
 * Every group whose LAST request was reported is answered exactly once through
 * ops->page_response: by the user, or by the core ("success" when the queue is full: ask again;
 * "invalid" when nobody listens, on detach, reset, close).
 */
void ioasid_report_page_request(struct ioasid_device *dev,
				const struct ioasid_fault_report *report);

/* ---- the home ------------------------------------------------------------------------------------------ */

/**
 * struct ioasid_pin_req - memory a MAP names
 * @uaddr: address in the caller, or offset in @fd
 * @length: bytes
 * @fd: -1, or a memory file
 * @write: devices will write to it
 */
struct ioasid_pin_req {
	u64 uaddr;
	u64 length;
	int fd;
	bool write;
};

/**
 * struct ioasid_home_ops - memory of the caller and descriptors
 * @missing: BIT_ULL(enum ioasid_extension) of what this home does not offer, for CHECK_EXTENSION
 * @pin: make the memory stay where it is until unpin(); charges the caller. Return: 0, -EFAULT,
 *       -ENOMEM, -EDQUOT over the locked-memory limit, -EBADF. @pin is opaque to the core
 * @unpin: needs neither the caller nor its limits to be alive
 * @extents: physical pieces of [@offset, @offset + @length - 1] of a pin. @n: in: room in @ext, not
 *           0; out: pieces filled. Return: bytes they cover, not 0; the caller goes on after them
 * @fault_notify: records wait (true) or the queue ran empty (false); called with the queue's lock
 *                held, never sleeps
 * @fault_fd: make the pollable descriptor. Return: fd or negative errno
 * @get_ctx: context behind a descriptor number, with a reference, or NULL
 * @eventfd_get: reference to the eventfd @fd, or ERR_PTR; @eventfd_signal, @eventfd_put
 * @shared_get: the calling process, for a SHARED address space, with a reference; or ERR_PTR. NULL:
 *              a home that has but one
 * @shared_put: the address space goes
 * @privileged: the caller may exceed the host's defaults and reserve (CAP_SYS_RESOURCE). NULL: yes
 * @limit_find: the group of limits that @name names, with a reference; @change: to change its
 *              limit, which not everybody may. Without a context's lock; may sleep. ERR_PTR: -ENOENT,
 *              -EBADF, -EINVAL, -EPERM, -ENOMEM, -EFAULT, -EOPNOTSUPP this way of naming it. NULL: a home without limits
 * @pasids: the allocator's side of the home; NULL: it has neither processes nor limits
 * @limit_release: the last reference to a group of limits went
 * @cpu_get: the VM behind a descriptor, with a reference; ERR_PTR: -EBADF, -EOPNOTSUPP: it is none.
 *           NULL: a home without CPU translation
 * @cpu_env: memory for the tables that CPUs walk
 */
struct ioasid_home_ops {
	u64 missing;
	int (*pin)(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **pin);
	void (*unpin)(struct ioasid_ctx *ctx, void *pin);
	u64 (*extents)(void *pin, u64 offset, u64 length, struct ioasid_extent *ext,
		       unsigned int *n);
	void (*fault_notify)(struct ioasid_ctx *ctx, bool readable);
	int (*fault_fd)(struct ioasid_ctx *ctx);
	struct ioasid_ctx *(*get_ctx)(int fd);
	void *(*eventfd_get)(int fd);
	void (*eventfd_signal)(void *ev);
	void (*eventfd_put)(void *ev);
	void *(*shared_get)(struct ioasid_ctx *ctx);
	void (*shared_put)(void *owner);
	bool (*privileged)(void);
	struct limit_group *(*limit_find)(struct ioasid_machine *machine,
					  const struct ioasid_limit *name, bool change);
	const struct pasid_host_ops *pasids;
	void (*limit_release)(void *priv);
	struct ioasid_cpu *(*cpu_get)(struct ioasid_machine *machine, int fd);
	const struct table_env *(*cpu_env)(struct ioasid_machine *machine);
};

/**
 * struct ioasid_machine - the host that contexts share; embedded in the home's own
 * @ops: the home
 * @lock: devices, groups and their binding; taken inside a context's lock
 * @devices: registered devices
 * @groups: IOMMU groups with members
 * @functions: struct ioasid_function
 * @nr_ctx, @nr_ioas, @nr_domains, @nr_routes, @pinned: live objects, for introspection and tests
 * @events_lost: events of devices nobody had bound
 * @pasids: host-wide numbers and the limits on them
 */
struct ioasid_machine {
	const struct ioasid_home_ops *ops;
	struct mutex lock;
	struct list_head devices;
	struct list_head groups;
	struct list_head functions;
	atomic64_t nr_ctx, nr_ioas, nr_domains, nr_routes, pinned, events_lost;
	struct pasid_host pasids;
};
void ioasid_machine_init(struct ioasid_machine *machine, const struct ioasid_home_ops *ops);
void ioasid_machine_destroy(struct ioasid_machine *machine);

/* ---- contexts and descriptors, as a home's entry points see them ------------------------------------- */

/**
 * struct ioasid_ctx_config - limits of a context, and what names it to people
 * @max_ioas: address spaces; 0: 1 << 20
 * @max_routes: PASID routes; 0: 1 << 20
 * @max_maps: live MAP ranges; 0: 1 << 26
 * @id: names it in traces and dumps; the home never uses one twice. 0: the home has no numbers
 * @pid, @comm: who opened it
 */
struct ioasid_ctx_config {
	u32 max_ioas;
	u32 max_routes;
	u32 max_maps;
	u64 id;
	u32 pid;
	char comm[16];
};
/** ioasid_ctx_config() - its limits in force and its names; they do not change. */
const struct ioasid_ctx_config *ioasid_ctx_config(const struct ioasid_ctx *ctx);

/** ioasid_ctx_open() - what open("/dev/ioasid") makes. Return: context or ERR_PTR(-ENOMEM). */
struct ioasid_ctx *ioasid_ctx_open(struct ioasid_machine *machine,
				   const struct ioasid_ctx_config *config, void *priv);
/** ioasid_ctx_close() - the last descriptor was closed: everything ends before it returns. */
void ioasid_ctx_close(struct ioasid_ctx *ctx);
void ioasid_ctx_get(struct ioasid_ctx *ctx);
/** ioasid_ctx_put() - the memory of a closed context goes with the last reference. */
void ioasid_ctx_put(struct ioasid_ctx *ctx);
void *ioasid_ctx_priv(const struct ioasid_ctx *ctx);
struct ioasid_machine *ioasid_ctx_machine(const struct ioasid_ctx *ctx);

/** struct ioasid_devfile - one open device descriptor. */
struct ioasid_devfile;
struct ioasid_devfile *ioasid_devfile_open(struct ioasid_device *dev);
void ioasid_devfile_close(struct ioasid_devfile *file);
/** ioasid_device_bound_by() - is it @file that has the device bound? Any lock; may change at once. */
bool ioasid_device_bound_by(const struct ioasid_device *dev, const struct ioasid_devfile *file);

/**
 * struct ioasid_arg - the argument of a command
 * @uaddr: address in the caller; copied with checks
 * @direct: kernel-side structure of the full known size, argsz set; NULL: use @uaddr. For a
 *          home's own typed calls, whose structure needs no second copy
 */
struct ioasid_arg {
	u64 uaddr;
	void *direct;
};
/** ioasid_ctx_command() - the dispatch table's entry for context descriptors. May sleep. */
int ioasid_ctx_command(struct ioasid_ctx *ctx, unsigned int cmd, const struct ioasid_arg *arg);
int ioasid_devfile_command(struct ioasid_devfile *file, unsigned int cmd,
			   const struct ioasid_arg *arg);

/**
 * ioasid_fault_take() - move up to @n records to @out; for read() on the fault descriptor
 * Return: records taken, 0: none wait, -ENOENT: no fault descriptor.
 */
int ioasid_fault_take(struct ioasid_ctx *ctx, struct ioasid_fault *out, unsigned int n);
/** ioasid_fault_release() - the fault descriptor was closed. */
void ioasid_fault_release(struct ioasid_ctx *ctx);

#endif
