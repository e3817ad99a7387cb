/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of ioasid-sim.ko share.
 *
 *   main.c     the module, /dev/ioasid-sim, the table of its commands
 *   iommu.c    IOMMUs: what they can do, memory of their tables, their life
 *   ops.c      struct iommu_ops: what the kernel's IOMMU core asks
 *   domain.c   domains: kernel-managed, nested, shared
 *   route.c    {device, PASID} -> domain; attach and detach
 *   inval.c    invalidation
 *   cache.c    PASID cache and IOTLB
 *   xlate.c    from a request to memory
 *   dma.c      read, write, atomic; holds
 *   shared.c   memory of a process
 *   ats.c      device TLBs
 *   pri.c      page requests
 *   device.c   devices: classes, creation, removal; what ioasid.ko asks of them
 *   soft.c     class 2: devices without an IOMMU
 *   wq.c       work queues: registers, portals, the engine
 *   vm.c       VMs, whose CPUs execute ENQCMD
 *
 * A slice of a function (classes 3, 6, 8) is a struct sim_dev whose @fn is its parent's. What the
 * hardware has once for each function is used through that: RID, routes, device TLB, page requests,
 * the platform device. What is each device's own is its node, what it waits for, its holds, its
 * queues, and whether it is cut off.
 *
 * It does what inproc/ does for the in-process home, with the same answers, in the plainest way: one
 * lock for what changes, one for what is cached.
 *
 * How an invalidation works. A request is inside an SRCU section of its IOMMU from the first look at
 * a cache to the last byte copied. The invalidator has changed the tables; it empties the caches,
 * which begins a new generation, has device TLBs emptied, and waits for sections. What a request
 * found in the tables is cached only if the generation is still that from before it looked.
 *
 * Locks, outermost first:
 *   file->lock       what one open of the node has made
 *   iommu->lock      tables above page tables, routes, lists of domains and devices; held while an
 *                    invalidation waits, as the invalidation queue of hardware is occupied by it
 *   dom->pt_lock     a page table and the pages that left it
 *   dev->report_sem  read: page requests on their way to the kernel; write: no more of a route
 *   the kernel's locks around page faults
 *   dev->pri.lock    page requests of a device. No section is open while it is waited under
 *   dev->dtlb_lock, iommu->cache_lock   spinlocks
 *   dev->hold_lock   spinlock
 * A section takes the spinlocks only, and never sleeps for anybody but the clock. A hold is a
 * section that nobody stands in.
 */
#ifndef IOASID_SIM_PRIVATE_H
#define IOASID_SIM_PRIVATE_H

#include <linux/fwnode.h>
#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/ioasid_driver.h>
#include <linux/ioasid_sim.h>
#include <linux/mmu_notifier.h>
#include <linux/platform_device.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "enqcmd/wq.h"
#include "formats/pgtable.h"
#include "formats/vtd.h"
#include "sim/compat.h"

struct sim_dev;

#undef pr_fmt
#define pr_fmt(fmt) "ioasid-sim: " fmt

/* Writes here are interrupts, in the input of a device as in what an IOMMU's tables lead to. */
#define SIM_MSI_FIRST 0xfee00000ULL
#define SIM_MSI_LAST  0xfeefffffULL

static inline bool sim_is_msi(u64 iova)
{
	return iova >= SIM_MSI_FIRST && iova <= SIM_MSI_LAST;
}

/* ---- IOMMUs ------------------------------------------------------------------------------------ */

/** enum sim_counter - what is counted; in the order of struct ioasid_sim_stats. */
enum sim_counter {
	SIM_DOMAINS,
	SIM_ROUTES,
	SIM_TABLE_PAGES,
	SIM_GRANTS,
	SIM_HOLDS,
	SIM_IOTLB_HITS,
	SIM_IOTLB_MISSES,
	SIM_WALKS,
	SIM_PASID_HITS,
	SIM_PASID_MISSES,
	SIM_INVALIDATIONS,
	SIM_PAGE_REQUESTS,
	SIM_FAULTS,
	SIM_CALL_BACKS,
	SIM_NR_COUNTERS,
};

/** sim_counters - of all IOMMUs and class 2 devices together. */
extern atomic64_t sim_counters[SIM_NR_COUNTERS];

/**
 * struct sim_tlb_entry - one 4 KiB page
 * @dom: ID of the domain; 0: empty
 * @root: ID of the paging domain at the bottom
 * @page: input page number
 * @pa: host page
 * @lg2: size of the guest's page it is a part of: invalidated together
 * @perm: XLAT_READ | XLAT_WRITE
 * @priv: for privileged requests
 */
struct sim_tlb_entry {
	u64 dom;
	u64 root;
	u64 page;
	u64 pa;
	u8 lg2;
	u8 perm;
	bool priv;
};

/** struct sim_pasid_entry - what the PASID table says of {@rid, @pasid}; @dom NULL: empty. */
struct sim_pasid_entry {
	struct sim_domain *dom;
	struct vtd_te te;
	u32 pasid;
	u16 rid;
	bool has_pasid;
};

/**
 * struct sim_iommu - a software IOMMU
 * @ref: its maker, devices, domains
 * @core: what the kernel knows
 * @hw: the platform device that stands for it; @fwnode: what the kernel finds it by
 * @cfg: as asked for, with the defaults filled in
 * @cap, @ecap: its registers
 * @width: bits of input of its paging domains
 * @iopf: the kernel's fault queue
 * @srcu: sections of requests
 * @lock, @cache_lock: see above
 * @seq: odd while PASID tables and routes disagree; written under @lock
 * @mem, @alloc, @env: memory of tables
 * @tables: VT-d structures down to PASID tables
 * @rtaddr: root table address register
 * @dids, @rids: numbers in use
 * @devices: struct sim_dev
 * @gen: of what is cached, under @cache_lock
 * @tlb, @pasids: caches
 * @link: in the list of all
 * @counters: enum sim_counter
 */
struct sim_iommu {
	struct kref ref;
	struct iommu_device core;
	struct platform_device *hw;
	struct fwnode_handle fwnode;
	struct ioasid_sim_iommu cfg;
	u64 cap;
	u64 ecap;
	u32 width;
	struct iopf_queue *iopf;
	struct srcu_struct srcu;
	struct mutex lock;
	seqcount_t seq;
	struct phys_mem mem;
	struct table_alloc alloc;
	struct table_env env;
	struct vtd_tables tables;
	u64 rtaddr;
	struct ida dids;
	struct ida rids;
	struct list_head devices;

	spinlock_t cache_lock;
	u64 gen;
	struct sim_tlb_entry *tlb;
	struct sim_pasid_entry *pasids;

	struct list_head link;
	atomic64_t counters[SIM_NR_COUNTERS];
};

static inline void sim_count(struct sim_iommu *iommu, enum sim_counter which, s64 n)
{
	if (iommu)
		atomic64_add(n, &iommu->counters[which]);
	atomic64_add(n, &sim_counters[which]);
}

/* For work that must have ended before the module goes. */
extern struct workqueue_struct *sim_wq;
extern const struct iommu_ops sim_iommu_ops;
extern struct iommu_domain sim_blocked_domain;

/** sim_iommu_create() - Return: IOMMU with a reference; ERR_PTR: -EINVAL, -EOPNOTSUPP, -ENOMEM. */
struct sim_iommu *sim_iommu_create(const struct ioasid_sim_iommu *cfg);
/** sim_iommu_destroy() - no device is left; drops the maker's reference. */
void sim_iommu_destroy(struct sim_iommu *iommu);
void sim_iommu_get(struct sim_iommu *iommu);
void sim_iommu_put(struct sim_iommu *iommu);
/** sim_platform_add() - platform_device_add(). */
int sim_platform_add(struct platform_device *pdev);
/** sim_platform_remove() - a platform device with a firmware node of ours goes. */
void sim_platform_remove(struct platform_device *pdev);
void *sim_mem_at(const struct phys_mem *mem, u64 pa, u32 len);

/** sim_wait() - every request that began before has ended. */
static inline void sim_wait(struct sim_iommu *iommu)
{
	synchronize_srcu_expedited(&iommu->srcu);
}

/* ---- domains ------------------------------------------------------------------------------------- */

enum sim_domain_kind { SIM_PAGING, SIM_NESTED, SIM_SHARED };

/**
 * struct sim_shared - the memory of a process, counted: a request may outlive the domain
 * @notifier: tells of changes in its mappings
 * @lock: read: a copy is running; write: mappings change
 */
struct sim_shared {
	struct kref ref;
	struct mm_struct *mm;
	struct mmu_interval_notifier notifier;
	struct rw_semaphore lock;
};

/**
 * struct sim_domain - an address space on one IOMMU
 * @domain: what the kernel knows
 * @iommu: holds a reference
 * @id: tag of what is cached of it; never comes twice
 * @te: its entry in PASID tables
 * @routes: struct sim_route, under iommu->lock
 * @nr_routes: to it and to its children, under iommu->lock
 * @parent: nested: the domain below
 * @children: nested domains on it, by @sibling, under iommu->lock
 * @nest_parent: it may have children
 * @pt_lock: serializes changes of @pt
 * @pt: paging: the table
 * @prot: paging: added to each mapping
 * @gather: paging: table pages that wait for the caches to be flushed
 * @shared: the process
 */
struct sim_domain {
	struct iommu_domain domain;
	struct sim_iommu *iommu;
	enum sim_domain_kind kind;
	u64 id;
	struct vtd_te te;
	struct list_head routes;
	u32 nr_routes;
	struct sim_domain *parent;
	struct list_head children;
	struct list_head sibling;
	bool nest_parent;
	struct mutex pt_lock;
	struct iopt pt;
	u32 prot;
	struct table_gather gather;
	struct sim_shared *shared;
};

static inline struct sim_domain *to_sim_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct sim_domain, domain);
}

static inline struct sim_domain *sim_domain_root(struct sim_domain *dom)
{
	return dom->parent ? dom->parent : dom;
}

/** sim_paging_alloc() - a table of our own. @nest_parent: user tables will nest on it. */
struct iommu_domain *sim_paging_alloc(struct device *dev, bool nest_parent);
/** sim_nested_alloc() - a guest's table on @parent, as @data says it (IOMMU_HWPT_DATA_VTD_S1). */
struct iommu_domain *sim_nested_alloc(struct device *dev, struct iommu_domain *parent,
				      const struct iommu_user_data *data);
struct iommu_domain *sim_shared_alloc(struct device *dev, struct mm_struct *mm);
extern const struct iommu_domain_ops sim_paging_ops;

struct sim_shared *sim_shared_make(struct mm_struct *mm);
void sim_shared_put(struct sim_shared *shared);

/* ---- devices --------------------------------------------------------------------------------------- */

/* Entries of a PRI group index: 9 bits. */
#define SIM_GROUPS 512
/* Answers the device's driver has not taken yet; as many as groups can be under way. */
#define SIM_ANSWERS SIM_GROUPS
/* How often a request asks for the same page. */
#define SIM_TRIES_MAX 64

/** struct sim_grant - a translation a device TLB holds, of one 4 KiB page; @perm 0: none. */
struct sim_grant {
	u64 page;
	u64 pa;
	u32 pasid;
	u8 lg2;
	u8 perm;
	bool priv;
	bool has_pasid;
};

enum sim_group_state { SIM_FREE, SIM_DEVICE, SIM_WAITER, SIM_ABANDONED };

/**
 * struct sim_group - a page request group
 * @state: free; the device's own; of a request that waits; of one that went away
 * @nr: requests in it
 * @last: the last one was sent: an answer will come
 * @answered, @code: SIM_WAITER: the answer
 * @pasid, @has_pasid: whose
 * @sender: SIM_DEVICE, SIM_WAITER: the device that asks
 * @parts: SIM_DEVICE: struct sim_part, requests that wait for the last one
 */
struct sim_group {
	enum sim_group_state state;
	u32 nr;
	u32 pasid;
	u32 code;
	bool has_pasid;
	bool last;
	bool answered;
	struct sim_dev *sender;
	struct list_head parts;
};

/**
 * struct sim_pri - page requests of a function
 * @outstanding: requests sent and not answered
 * @disabled: a "failure" response came
 */
struct sim_pri {
	struct mutex lock;
	wait_queue_head_t wait;
	struct sim_group *group;
	u32 capacity;
	u32 outstanding;
	u32 next;
	bool disabled;
};

/**
 * struct sim_asker - a device as one that raises page requests; under its function's pri.lock
 * @epoch: a new value sends its waiters away
 * @answers: answers to the device's own groups, a ring
 */
struct sim_asker {
	u32 epoch;
	u32 head, tail;
	struct {
		u32 group;
		u32 code;
	} answers[SIM_ANSWERS];
};

struct sim_class;
struct sim_hold;
struct sim_wq;

/**
 * struct sim_route - {@dev, @pasid} reaches @dom
 * @pasid: 0: requests without PASID
 * @iopf: it counts in dev->iopf_users
 */
struct sim_route {
	struct sim_dev *dev;
	struct sim_domain *dom;
	struct list_head link;
	u32 pasid;
	bool iopf;
};

/**
 * struct sim_dev - a device
 * @ref: its maker, commands in progress
 * @iommu: in front of it, with a reference; NULL: class 2
 * @cfg: as asked for, with the defaults filled in
 * @policy: of its class
 * @fn: the function it is a slice of, with a reference, which is taken away after it; else itself
 * @kfn: what slices and the whole are of; NULL: it can have none
 * @host_uses: how often its driver says that it uses PASIDs on it; under file->lock
 * @slices, @slice: struct sim_dev; under iommu->lock
 * @pdev: NULL: class 2, slices; @fwnode: has its properties
 * @kdev: what ioasid.ko made of it
 * @access: class 2: the way into what is attached
 * @rid: Requester ID
 * @dead: it is being taken away
 * @running: bound, and not told to stop
 * @blocked: no request passes: fenced, or dead
 * @inside: requests in progress, and one for its life; @left: the last is gone
 * @routes: struct sim_route by PASID, 0: without
 * @link: in iommu->devices
 * @iopf_users: routes (and, on older kernels, users) that want page requests; under iommu->lock
 * @iopf_on: they may be reported
 * @hold_lock, @holds: struct sim_hold; @hold_epoch: counts the times some were called back
 * @dtlb_lock, @grants: device TLB
 * @fence_wait: woken when waiting for a mute device makes no sense any more
 * @pri: page requests; @asker: its own part in its function's
 * @wq: its work queues, or NULL
 */
struct sim_dev {
	struct kref ref;
	struct sim_iommu *iommu;
	struct ioasid_sim_device cfg;
	const struct sim_class *policy;
	struct sim_dev *fn;
	struct ioasid_kfunction *kfn;
	u32 host_uses;
	struct list_head slices;
	struct list_head slice;
	struct platform_device *pdev;
	struct fwnode_handle fwnode;
	struct ioasid_kdev *kdev;
	struct ioasid_access *access;
	u16 rid;
	bool dead;
	bool running;
	bool blocked;
	refcount_t inside;
	struct completion left;
	struct xarray routes;
	struct list_head link;
	struct rw_semaphore report_sem;
	u32 iopf_users;
	bool iopf_on;
	spinlock_t hold_lock;
	struct list_head holds;
	u32 hold_epoch;
	spinlock_t dtlb_lock;
	struct sim_grant *grants;
	u32 next_grant;
	wait_queue_head_t fence_wait;
	struct sim_pri pri;
	struct sim_asker asker;
	struct sim_wq *wq;
};

static inline bool sim_is_slice(const struct sim_dev *dev)
{
	return dev->fn != dev;
}

static inline bool sim_has_ats(const struct sim_dev *dev)
{
	return dev->cfg.flags & IOASID_SIM_ATS;
}

/** struct sim_dma_ops - how a device's requests travel: through an IOMMU, or by software. */
struct sim_dma_ops {
	int (*dma)(struct sim_dev *dev, struct ioasid_sim_dma *dma, void *buf);
	int (*hold)(struct sim_dev *dev, const struct ioasid_sim_hold *req, struct sim_hold **hold);
};
extern const struct sim_dma_ops sim_iommu_dma, sim_soft_dma;
const struct sim_dma_ops *sim_dev_dma(const struct sim_dev *dev);

/** sim_dev_init() - when the module comes. */
void sim_dev_init(void);
/**
 * sim_dev_create() - a device, with its node
 * @iommu: as asked for, or NULL: there is none of that number; @parent: the same
 */
struct sim_dev *sim_dev_create(struct sim_iommu *iommu, struct sim_dev *parent,
			       const struct ioasid_sim_device *cfg);
/** sim_dev_destroy() - hot-unplug; its slices have gone. Drops the maker's reference. */
void sim_dev_destroy(struct sim_dev *dev);
void sim_dev_put(struct sim_dev *dev);
/** sim_dev_host_use() - the command HOST_USE. file->lock held. */
int sim_dev_host_use(struct sim_dev *dev, u32 use);
/** sim_dev_enter() - begin a command. Return: 0 or -ENODEV. */
int sim_dev_enter(struct sim_dev *dev);
void sim_dev_exit(struct sim_dev *dev);
/** sim_dev_block() - no request passes any more; the caller waits for those on their way. */
void sim_dev_block(struct sim_dev *dev);
/** sim_dev_fence() - the function @fn did not answer: none of its devices' requests passes. */
void sim_dev_fence(struct sim_dev *fn);

/* The function behind a device of the kernel. */
static inline struct sim_dev *sim_dev_of(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

/* ---- routes ------------------------------------------------------------------------------------------ */

/** sim_route_set() - {@dev, @pasid} reaches @dom, and no longer what it did before. */
int sim_route_set(struct sim_dev *dev, u32 pasid, struct sim_domain *dom);
/** sim_route_clear() - it reaches nothing; harmless if it did not before. */
void sim_route_clear(struct sim_dev *dev, u32 pasid);
/** sim_iopf_get() - page requests of @dev may be reported. iommu->lock held. */
int sim_iopf_get(struct sim_dev *dev);
void sim_iopf_put(struct sim_dev *dev);

/* ---- invalidation -------------------------------------------------------------------------------------- */

/** sim_flush() - [@start, @last] of a paging domain was unmapped: nothing of it is used any more. */
void sim_flush(struct sim_domain *dom, u64 start, u64 last);
/** sim_flush_user() - a guest changed its table. */
void sim_flush_user(struct sim_domain *dom, u64 start, u64 last);
/** sim_flush_route() - a route changed, or is @gone, and what was cached of it too. iommu->lock held. */
void sim_flush_route(struct sim_dev *dev, u32 pasid, bool gone);

/* ---- caches ---------------------------------------------------------------------------------------------- */

int sim_cache_init(struct sim_iommu *iommu);
void sim_cache_destroy(struct sim_iommu *iommu);

/**
 * struct sim_view - what a request needs to know about its route
 * @gen: of the caches, before it was looked up
 */
struct sim_view {
	struct sim_domain *dom;
	struct vtd_te te;
	u64 gen;
};

/* Who asks, in caches and tables. */
struct sim_source {
	u16 rid;
	bool has_pasid;
	u32 pasid;
};

/** sim_pasid_find() - Return: found; @v->gen is set in any case. */
bool sim_pasid_find(struct sim_iommu *iommu, const struct sim_source *src, struct sim_view *v);
void sim_pasid_insert(struct sim_iommu *iommu, const struct sim_source *src,
		      const struct sim_view *v);
/** sim_pasid_purge() - what is cached of {@rid, @pasid}; 0: without. */
void sim_pasid_purge(struct sim_iommu *iommu, u16 rid, u32 pasid);
bool sim_tlb_find(struct sim_iommu *iommu, const struct sim_view *v, u64 iova, u32 access, u64 *pa);
void sim_tlb_insert(struct sim_iommu *iommu, const struct sim_view *v, u64 iova, u32 access,
		    const struct vtd_xlat *w);
/** sim_tlb_purge() - [@start, @last] of @dom; @children: and all that was combined through it. */
void sim_tlb_purge(struct sim_domain *dom, u64 start, u64 last, bool children);
/** sim_gen_is() - nothing was invalidated since @gen. */
bool sim_gen_is(struct sim_iommu *iommu, u64 gen);

/* ---- requests ---------------------------------------------------------------------------------------------- */

enum sim_result {
	SIM_OK,
	SIM_FAULT, /* @x says why */
	SIM_AGAIN, /* leave the section and try again */
	SIM_PROCESS, /* x->shared is the address space, with a reference */
};

/**
 * struct sim_xlate - one request on its way
 * @iova, @access (XLAT_*), @src: the request
 * @plain: a slice sends it without PASID: its default PASID has to be filled in
 * @unrouted: it has none
 * @nowait: of a process, only what is to be had at once: who stops the sender waits for this request,
 *          and may be that process on its way out, with a page that it was to provide itself
 * @epoch: of dev->asker, from before anything was looked at
 * @reason, @arch_reason, @gpa, @flags: after SIM_FAULT
 * @askable: a page request may repair it
 */
struct sim_xlate {
	u64 iova;
	u64 gpa;
	u32 access;
	struct sim_source src;
	bool plain;
	bool unrouted;
	bool nowait;
	u32 epoch;
	u32 reason;
	u32 arch_reason;
	u32 flags;
	bool askable;
	struct sim_shared *shared;
};

/** sim_section_enter() - requests of @dev look at caches and tables only between these two. */
static inline int sim_section_enter(struct sim_dev *dev)
{
	return srcu_read_lock(&dev->iommu->srcu);
}

static inline void sim_section_exit(struct sim_dev *dev, int idx)
{
	srcu_read_unlock(&dev->iommu->srcu, idx);
}

/** sim_xlate_init() - a request as its sender says it. */
void sim_xlate_init(struct sim_xlate *x, const struct sim_dev *dev, u64 addr, u32 pasid,
		    u32 access);
/**
 * sim_xlate_begin() - at the beginning of each section, before anything else
 *
 * The default PASID of a slice may be another's next time: it is good for one section, which
 * quiesce waits for.
 */
void sim_xlate_begin(struct sim_dev *dev, struct sim_xlate *x);
/** sim_xlate() - in a section: where the first byte goes; @pa good until the section ends. */
enum sim_result sim_xlate(struct sim_dev *dev, struct sim_xlate *x, u64 *pa);
/** sim_xlate_view() - in a section: the route; @type: enum vtd_req_type. SIM_OK: @v is filled. */
enum sim_result sim_xlate_view(struct sim_dev *dev, struct sim_xlate *x, u8 type,
			       struct sim_view *v);
/** sim_xlate_walk() - in a section: the tables. Return: VT-d reason, 0: good. */
u8 sim_xlate_walk(struct sim_dev *dev, const struct sim_xlate *x, const struct sim_view *v,
		  u32 more_access, struct vtd_xlat *w);
/** sim_xlate_fail() - say in @x why a walk failed. */
enum sim_result sim_xlate_fail(struct sim_xlate *x, const struct sim_view *v,
			       const struct vtd_xlat *w);
/** sim_xlate_refuse() - say in @x why it did not come to a walk. Return: SIM_FAULT. */
enum sim_result sim_xlate_refuse(struct sim_xlate *x, u32 reason, u32 arch_reason);
/** sim_xlate_report() - record a failure. No section. */
void sim_xlate_report(struct sim_dev *dev, const struct sim_xlate *x);

/* What a request does with the bytes it reached. */
struct sim_action {
	u32 op; /* enum ioasid_sim_op */
	void *buf;
	size_t n;
	u32 delay_us;
};
/** sim_act() - do it at @p. */
void sim_act(const struct sim_action *act, void *p);
/** sim_shared_act() - do it in the process x->shared. No section. Gives the reference back. */
enum sim_result sim_shared_act(struct sim_dev *dev, struct sim_xlate *x,
			       const struct sim_action *act);

/* ---- device TLBs -------------------------------------------------------------------------------------------- */

int sim_ats_init(struct sim_dev *dev);
void sim_ats_destroy(struct sim_dev *dev);
/** sim_ats_xlate() - in a section: sim_xlate() through the device TLB. */
enum sim_result sim_ats_xlate(struct sim_dev *dev, struct sim_xlate *x, u64 *pa);
/** sim_ats_request() - the command TRANSLATE. */
int sim_ats_request(struct sim_dev *dev, struct ioasid_sim_request *req);
/** sim_ats_purge() - [@start, @last] of @pasid leaves the device TLB; a mute device is fenced. */
void sim_ats_purge(struct sim_dev *dev, u32 pasid, u64 start, u64 last);
/** sim_ats_reset() - it is empty. */
void sim_ats_reset(struct sim_dev *dev);

/* ---- page requests -------------------------------------------------------------------------------------------- */

int sim_pri_init(struct sim_dev *dev);
void sim_pri_destroy(struct sim_dev *dev);
/**
 * sim_pri_ask() - ask for x's page and wait
 * @patient: only a fatal signal ends that
 *
 * Return: 0: try again; -EFAULT, -ENODEV, -EINTR.
 */
int sim_pri_ask(struct sim_dev *dev, const struct sim_xlate *x, unsigned int tries, bool patient);
/** sim_pri_send() - the command PAGE_REQUEST. */
int sim_pri_send(struct sim_dev *dev, const struct ioasid_sim_request *req);
/** sim_pri_take() - the command RESPONSE. */
int sim_pri_take(struct sim_dev *dev, struct ioasid_sim_response *resp);
/** sim_pri_answer() - group @group of the function @fn was answered. */
void sim_pri_answer(struct sim_dev *fn, u32 group, u32 code);
/** sim_pri_forget() - @dev goes; answers to what it asked are nobody's. */
void sim_pri_forget(struct sim_dev *dev);
/** sim_pri_abort() - send everybody away who waits; @reset: page requests are on again. */
void sim_pri_abort(struct sim_dev *dev, bool reset);
/**
 * sim_pri_drain() - on return no page request of {@dev, @pasid} is on its way to the kernel by the
 * route that was; @drop: those that wait for the last of their group are forgotten
 */
void sim_pri_drain(struct sim_dev *dev, u32 pasid, bool drop);

/* ---- holds ------------------------------------------------------------------------------------------------------ */

/**
 * struct sim_hold - a DMA that stays open
 * @ref: its maker, @expire, the device's list
 * @link: in dev->holds while it is open, under dev->hold_lock
 * @end: gives back what is held; called once
 */
struct sim_hold {
	struct kref ref;
	struct sim_dev *dev;
	struct list_head link;
	struct delayed_work expire;
	void (*end)(struct sim_hold *hold);
	int idx;
	u64 addr;
	u64 length;
};

/**
 * sim_hold_begin() - a hold that is open already gets its maker, its device and its clock
 * @hold: zeroed
 * @epoch: dev->hold_epoch from before it was opened
 *
 * Return: false: the device was called back since. Nothing was done.
 */
bool sim_hold_begin(struct sim_hold *hold, struct sim_dev *dev, u32 epoch,
		    void (*end)(struct sim_hold *hold));
/** sim_hold_end() - give back, unless somebody did. Return: it was us. */
bool sim_hold_end(struct sim_hold *hold);
void sim_hold_put(struct sim_hold *hold);
/** sim_hold_end_all() - of a device that goes. */
void sim_hold_end_all(struct sim_dev *dev);

/* ---- class 2 ---------------------------------------------------------------------------------------------------- */

int sim_soft_init(struct sim_dev *dev);
void sim_soft_destroy(struct sim_dev *dev);

/* ---- work queues --------------------------------------------------------------------------------------------------- */

#define SIM_DMA_PATIENT BIT(31) /* struct ioasid_sim_dma.flags: as sim_pri_ask() */

/** sim_wq_create() - the queues that dev->cfg asks for, stopped; none: dev->wq stays NULL. */
int sim_wq_create(struct sim_dev *dev);
void sim_wq_destroy(struct sim_dev *dev);
/** sim_wq_retire() - its engine has ended and does not begin again; before dev->kdev goes. */
void sim_wq_retire(struct sim_dev *dev);
/** sim_wq_start(), sim_wq_stop() - as wq_start(), wq_stop(); also without queues. */
void sim_wq_start(struct sim_dev *dev);
void sim_wq_stop(struct sim_dev *dev, bool reset);
/** sim_wq_ops_fill() - what ioasid.ko asks of a device with queues, besides what it asks of all. */
void sim_wq_ops_fill(struct ioasid_kdev_ops *ops);
/** sim_wq_store() - any store to a portal. */
enum wq_answer sim_wq_store(struct sim_dev *dev, u32 queue, u64 offset, const void *data,
			    size_t len, enum wq_store how);
/** sim_wq_register() - the command WQ_REGISTER. */
int sim_wq_register(struct sim_dev *dev, struct ioasid_sim_wq_register *r);
/** sim_wq_run() - the command WQ_RUN. Return: descriptors executed. */
u32 sim_wq_run(struct sim_dev *dev, u32 max);

/* ---- main.c: what one open of the node has made ------------------------------------------------------------------------ */

struct sim_file;
void sim_file_get(struct sim_file *file);
void sim_file_put(struct sim_file *file);
/** sim_dev_begin() - a device with a reference, and a command inside it. ERR_PTR(-ENOENT, -ENODEV). */
struct sim_dev *sim_dev_begin(struct sim_file *file, u32 id);
void sim_dev_end(struct sim_dev *dev);

/**
 * struct sim_command - a command of the node, or of another descriptor
 * @run: does it; @owner: what the descriptor stands for
 * @undo: ends what it has made, whose number is at offset @made
 * @size: of its structure; @min: what was there from the start
 * @flags: known
 * @reserved: offset of its reserved u32, or 0: none
 */
struct sim_command {
	int (*run)(void *owner, void *arg);
	int (*undo)(void *owner, u32 id);
	u32 made;
	u32 size;
	u32 min;
	u32 flags;
	u32 reserved;
};

/* A command that makes something. */
#define SIM_MAKER(fn, type, known, rsvd, end, number)                                    \
	{                                                                                \
		.run = fn, .undo = end, .made = offsetof(struct type, number),           \
		.size = sizeof(struct type), .min = sizeof(struct type), .flags = known, \
		.reserved = rsvd,                                                        \
	}
#define SIM_COMMAND(fn, type, known, rsvd)                                          \
	{                                                                           \
		.run = fn, .size = sizeof(struct type), .min = sizeof(struct type), \
		.flags = known, .reserved = rsvd,                                   \
	}
#define SIM_RSVD(type) offsetof(struct type, __reserved)

/** sim_command() - copy the argument, check it, do it, copy it back. */
int sim_command(void *owner, const struct sim_command *c, void __user *uarg);
/** sim_id_store() - numbers begin at 1 and do not come again soon. */
int sim_id_store(struct xarray *xa, void *entry, u32 *id);

/* ---- VMs -------------------------------------------------------------------------------------------------------------- */

/** sim_vm_create() - the command VM_CREATE; @made: the file behind the descriptor, not installed yet */
int sim_vm_create(struct sim_file *owner, struct file **made, int *fd);
void sim_vm_init(void);
void sim_vm_exit(void);

#endif
