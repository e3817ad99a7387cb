/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the files of the in-process home share.
 *
 *   host.c     hosts: making, finding, counting them
 *   home.c     memory of the caller, descriptors: what the core asks of any home
 *   ctx.c      contexts and device descriptors, for the library
 *   thread.c   DMA sections, and who is inside a device
 *   cache.c    PASID cache, IOTLB, walk cache
 *   route.c    {device, PASID} -> address space; attach and detach
 *   domain.c   address spaces as VT-d tables
 *   inval.c    invalidation
 *   xlate.c    from a request to a host pointer
 *   dma.c      read, write, atomic
 *   shared.c   DMA to the process itself
 *   hold.c     ioasid_dma_map()
 *   ats.c      device TLBs and their grants
 *   pri.c      page requests
 *   hostdev.c  devices: functions, and slices of them
 *   vm.c       VMs whose CPUs execute ENQCMD
 *   wqdev.c    the device with work queues
 *   serve.c    answers for ioasidctl
 *
 * "Physical" addresses are host virtual addresses of this process.
 *
 * Locks. The core calls the IOMMU with its context lock held: for writing where routes change
 * (attach, detach, domain_alloc, domain_free, set_table, purge), so that the lists of routes and
 * of nested domains, all within one context, stand still in flush() and invalidate(). Inside:
 *
 *   host->names_lock  devices of the host, their creation. Outside the core's locks
 *   host->lock        VT-d tables above the page tables, route trees, domain IDs. Never held while
 *                     waiting for sections, devices or holders
 *   fn->slices_lock   slices of a function; held for reading while their device TLBs are waited for
 *   dev->ats_lock     grants of a device. Taken inside DMA sections
 *   dev->pri.lock     page requests of a device. Never with a section open
 *   host->hold_lock   holds. Taken inside DMA sections
 *   hosts_lock, ctxs_lock, vms_lock, threads_lock   registries; leaves
 *
 * How an invalidation works. Readers (DMA) take no lock: they are inside an RCU section from the
 * first look at a cache to the last byte copied. The invalidator changes the tables, then makes
 * every cached copy unusable, then waits for device TLBs, for sections (synchronize_rcu()) and for
 * holders, and only then frees. Two devices make copies unusable:
 *   - a tag: entries are tagged with a number that is never used twice; a domain that takes a new
 *     number leaves all its old entries behind, also those a slow reader is still to insert;
 *   - an exact purge with a fill counter: see cache.c.
 */
#ifndef INPROC_PRIVATE_H
#define INPROC_PRIVATE_H

#include <pthread.h>

#include <ioasid/host.h>

#include "core/home.h"
#include "formats/pgtable.h"
#include "formats/vtd.h"
#include "inproc/inproc.h"
#include "inproc/thread.h"

struct inproc_domain;
struct inproc_route;

#define INPROC_CACHE_LINE 64

/* Writes here are interrupts, in the input of a device as in what an IOMMU's tables lead to. */
#define INPROC_MSI_FIRST 0xfee00000ULL
#define INPROC_MSI_LAST	 0xfeefffffULL

/* ---- caches -------------------------------------------------------------------------------- */

/*
 * Entries are read without a lock. The header is a sequence number in bits 30:0, bit 31 set while
 * somebody writes, and the nested generation in bits 63:32, so that one comparison says "not being
 * written, and of our generation". Who sees the same header before and after has a whole entry.
 */
#define ENTRY_LOCKED (1ULL << 31)
#define ENTRY_SEQ    (ENTRY_LOCKED - 1)
/* The comparison: with the generation as it is kept, one bit up. */
#define ENTRY_STATE_SHIFT 31
#define NGEN_STEP	  2ULL

/**
 * struct iotlb_entry - one 4 KiB page
 * @hdr: see above
 * @vpn: iotlb_vpn()
 * @tag: domain's tag; 0: empty
 * @val: host page | what is missing of XLAT_READ | XLAT_WRITE
 */
struct iotlb_entry {
	u64 hdr;
	u64 vpn;
	u64 tag;
	u64 val;
};

/* A page of the input, for requests of one privilege. */
static __always_inline u64 iotlb_vpn(u64 iova, bool priv)
{
	return iova >> PAGE_SHIFT | (u64)priv << 63;
}

/*
 * A page has two places: the one its number says, and the neighbour in the same cache line. Pages in
 * a row lie in a row.
 */
#define IOTLB_WAYS 2

/**
 * struct walk_entry - a page table that a walk went through
 * @hdr: as in the IOTLB
 * @key: prefix of the address, level, privilege
 * @wtag: domain's walk tag; 0: empty
 * @table, @gpa, @rest: struct vtd_step
 */
struct walk_entry {
	u64 hdr;
	u64 key;
	u64 wtag;
	u64 table;
	u64 gpa;
	u64 rest;
} __aligned(INPROC_CACHE_LINE);

/**
 * struct pasid_entry - a decoded PASID table entry and the domain behind it
 * @hdr: as in the IOTLB, without generation
 * @key: route_key(); 0: empty
 * @tag, @ngen: where the domain's tag and its parent's nested generation are read
 * @salt: of the domain
 * @domain: for the way through the tables
 * @te: struct vtd_te
 */
struct pasid_entry {
	u64 hdr;
	u64 key;
	const u64 *tag;
	const u64 *ngen;
	u64 salt;
	struct inproc_domain *domain;
	u64 te[4];
} __aligned(INPROC_CACHE_LINE);

_Static_assert(sizeof(struct vtd_te) == 32, "struct pasid_entry copies it as four words");

/* ---- hosts ------------------------------------------------------------------------------------- */

/**
 * struct inproc_env - memory of the tables
 * @nr_pages: allocated
 */
struct inproc_env {
	struct table_env env;
	struct table_alloc alloc;
	struct phys_mem mem;
	u64 nr_pages;
};

/**
 * struct ioasid_host - see <ioasid/host.h>
 *
 * The first part is read by every request and never written while requests run.
 *
 * @iotlb, @walk_cache, @pasid_cache: caches
 * @iotlb_mask, @walk_mask, @pasid_mask: number of entries, less one
 * @no_ngen: always 0: the nested generation of domains that are not nested
 * @rtaddr: root table address register
 * @caps: of the software IOMMU
 * @seq: even; odd while PASID entries and route trees disagree; see route.c
 * @next_tag: tags never come twice
 * @lock: see top of file
 * @tables: VT-d structures down to the PASID tables; @env: their memory
 * @pt_env: memory of page tables
 * @dids: bitmap of domain IDs in use
 * @serve: answers ioasidctl, or NULL; @next_ctx: contexts are numbered
 * @empty_table: a first-stage table without entries: user tables that are not bound
 */
struct ioasid_host {
	struct iotlb_entry *iotlb;
	struct pasid_entry *pasid_cache;
	struct walk_entry *walk_cache;
	u64 iotlb_mask;
	u64 pasid_mask;
	u64 walk_mask;
	u64 no_ngen;
	u32 flags;
	u32 pad0;
	u64 rtaddr;
	const struct vtd_caps *caps;
	u32 test_delay_us;

	/* What follows is written while requests run. */
	u8 pad[INPROC_CACHE_LINE];
	u64 seq;
	u64 next_tag;
	struct mutex lock;
	struct vtd_tables tables;
	struct inproc_env env;
	struct inproc_env pt_env;
	u64 *dids;
	void *empty_table;
	u32 next_did;
	u32 next_salt;

	struct ioasid_machine machine;
	struct ioasid_iommu iommu;
	struct ioasid_host_config config;
	char *name;
	refcount_t refs;
	struct list_head link;

	struct mutex names_lock;
	struct list_head devices;
	u32 nr_devices;

	struct mutex hold_lock;
	pthread_cond_t hold_cond;
	u64 nr_holds;

	/* Cold counters, changed with relaxed atomics. */
	u64 nr_invalidations;
	u64 nr_page_requests;
	u64 nr_faults;
	u64 nr_grants;
	struct inproc_stats stats;
	void *cache_mem;
	struct serve *serve;
	u64 next_ctx;

	/* Names of groups of limits; the groups themselves are the core's. */
	struct mutex groups_lock;
	struct limit_group *group_root;
	u64 last_group;
};

static inline void count(u64 *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

extern const struct ioasid_home_ops inproc_home_ops, inproc_home_ops_paged;
extern const struct ioasid_iommu_ops inproc_iommu_ops;
extern const struct ioasid_device_ops inproc_device_ops;

/** host_find() - a host by name with a reference, or NULL; "" is the default, made if needed. */
int host_find(const char *name, struct ioasid_host **host);
void host_get(struct ioasid_host *host);

static inline struct ioasid_host *host_of_machine(struct ioasid_machine *machine)
{
	return container_of(machine, struct ioasid_host, machine);
}

static inline struct ioasid_host *host_of_iommu(struct ioasid_iommu *iommu)
{
	return container_of(iommu, struct ioasid_host, iommu);
}

static inline u64 host_new_tag(struct ioasid_host *host)
{
	return __atomic_add_fetch(&host->next_tag, 1, __ATOMIC_RELAXED);
}

/* ---- domains ---------------------------------------------------------------------------------------- */

/**
 * struct inproc_domain - an address space on this IOMMU
 *
 * There may be a hundred thousand of the nested sort: what only paging domains need is in
 * struct inproc_paging.
 *
 * @tag: tag of its IOTLB entries; a new one invalidates them all
 * @wtag: the same for the walk cache
 * @fill: counts invalidations; see cache.c
 * @salt: spreads domains over the caches
 * @parent: nested: the paging domain below
 * @routes: struct inproc_route
 * @sibling: nested: in the parent's children
 * @fs_root, @te_flags, @fs_levels: nested: the guest's table, if @has_table
 * @large: 4 KiB entries in the IOTLB may be parts of larger guest pages
 * @type: enum ioasid_domain_type
 */
struct inproc_domain {
	struct ioasid_domain base;
	u64 tag;
	u64 wtag;
	u32 fill;
	u32 salt;
	struct inproc_domain *parent;
	struct list_head routes;
	struct list_head sibling;
	u64 fs_root;
	u16 te_flags;
	u8 fs_levels;
	bool has_table;
	bool large;
	u8 type;
};

/**
 * struct inproc_paging - a domain whose table we write, or a shared one (no table)
 * @pt: the table
 * @te: its translation entry; the second-stage half of those of nested domains
 * @gather: table pages that left the table and wait for flush()
 * @children: nested domains on it
 * @holds: of it and of its children, under host->hold_lock
 * @ngen: nested generation, in steps of NGEN_STEP: a new value invalidates everything cached for
 *        children
 * @nr_routes, @nr_ats: routes to it and its children; those of them on devices with a device TLB
 * @pid: shared: the process that allocated it
 */
struct inproc_paging {
	struct inproc_domain d;
	u64 ngen;
	u32 prot;
	u32 nr_routes;
	u32 nr_ats;
	struct iopt pt;
	struct vtd_te te;
	struct table_gather gather;
	struct list_head children;
	struct list_head holds;
	pid_t pid;
};

static inline struct inproc_domain *to_domain(struct ioasid_domain *base)
{
	return container_of(base, struct inproc_domain, base);
}

static inline struct inproc_paging *to_paging(struct inproc_domain *dom)
{
	return container_of(dom, struct inproc_paging, d);
}

static inline bool domain_nested(const struct inproc_domain *dom)
{
	return dom->type == IOASID_DOMAIN_NESTED;
}

/* The paging (or shared) domain at the bottom. */
static inline struct inproc_paging *domain_root(struct inproc_domain *dom)
{
	return to_paging(dom->parent ? dom->parent : dom);
}

static inline struct ioasid_host *domain_host(struct inproc_domain *dom)
{
	return host_of_iommu(dom->base.iommu);
}

/** domain_te() - its translation entry. */
void domain_te(const struct inproc_domain *dom, struct vtd_te *te);
/** domain_table_check() - would the IOMMU take @table on @parent? 0, -EINVAL, -EOPNOTSUPP. */
int domain_table_check(struct ioasid_host *host, struct inproc_paging *parent,
		       const struct ioasid_table *table);
struct ioasid_domain *domain_alloc(struct ioasid_iommu *iommu,
				   const struct ioasid_domain_attr *attr);
void domain_free(struct ioasid_domain *base);
int domain_map(struct ioasid_domain *base, u64 iova, const struct ioasid_extent *ext,
	       unsigned int n, u32 prot);
void domain_unmap(struct ioasid_domain *base, u64 start, u64 last);
int domain_set_table(struct ioasid_domain *base, const struct ioasid_table *table);

/* ---- routes --------------------------------------------------------------------------------------------- */

/**
 * struct inproc_route - {function, PASID} reaches a domain
 * @pasid: or IOASID_NO_PASID
 */
struct inproc_route {
	struct ioasid_hostdev *fn;
	struct inproc_domain *dom;
	struct list_head link;
	u32 pasid;
};

#define ROUTE_LEAF_LG2 6
#define ROUTE_MID_LG2  7
#define ROUTE_TOP_LG2  7

struct route_leaf {
	u32 nr;
	struct inproc_route *route[1 << ROUTE_LEAF_LG2];
};
struct route_mid {
	u32 nr;
	struct route_leaf *leaf[1 << ROUTE_MID_LG2];
};
/** struct route_tree - PASID -> route, as sparse as the PASID table itself. Readers take no lock. */
struct route_tree {
	struct inproc_route *by_rid;
	struct route_mid *mid[1 << ROUTE_TOP_LG2];
};

/* What a PASID cache entry is found by; never 0. Any 32 bits of "PASID" lead nowhere else. */
#define ROUTE_KEY_VALID	   (1ULL << 48)
#define ROUTE_KEY_NO_PASID (1ULL << 49)
/* No entry has it, whatever PASID comes with it: a request goes the slow way, which looks closer. */
#define ROUTE_KEY_NEVER (1ULL << 50)
static __always_inline u64 route_key(u16 rid, u32 pasid)
{
	u64 key = ROUTE_KEY_VALID | (u64)rid << 32;

	return key | (pasid == IOASID_NO_PASID ? ROUTE_KEY_NO_PASID : pasid);
}

/* Where in the PASID cache: neighbours in PASID do not get into each other's way. */
static __always_inline u32 route_hash(u64 key)
{
	return (u32)key + (u32)(key >> 32) * 0x9e5;
}

/** inproc_route_find() - of a function; in a section or under host->lock. Return: NULL: none. */
struct inproc_route *inproc_route_find(const struct ioasid_hostdev *fn, u32 pasid);
int iommu_attach(struct ioasid_device *core, ppasid_t pasid, struct ioasid_domain *base);
void iommu_detach(struct ioasid_device *core, ppasid_t pasid);
/** routes_rewrite() - make the PASID entries of all routes to @dom say what it says now. */
void routes_rewrite(struct inproc_domain *dom);

/* ---- caches: functions ------------------------------------------------------------------------------------- */

/**
 * struct xlate_view - what a request needs to know about its route; a consistent copy
 * @tag, @ngen, @wtag, @fill, @root_fill: sampled before the walk
 */
struct xlate_view {
	struct vtd_te te;
	struct inproc_domain *dom;
	u64 tag;
	u64 wtag;
	u64 salt;
	u64 ngen;
	u32 fill;
	u32 root_fill;
	u64 seq;
};

int cache_init(struct ioasid_host *host);
void cache_destroy(struct ioasid_host *host);
void cache_flush_all(struct ioasid_host *host);

bool pasid_cache_find(struct ioasid_host *host, u64 key, struct xlate_view *v);
void pasid_cache_insert(struct ioasid_host *host, u64 key, const struct xlate_view *v);
void pasid_cache_purge(struct ioasid_host *host, u64 key);

void iotlb_insert(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		  u64 val);
/** iotlb_purge() - pages [@start, @last] of @dom. Return: false: use a new tag instead. */
bool iotlb_purge(struct ioasid_host *host, struct inproc_domain *dom, u64 start, u64 last);

bool walk_cache_find(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		     struct vtd_step *step);
void walk_cache_insert(struct ioasid_host *host, const struct xlate_view *v, u64 iova, bool priv,
		       const struct vtd_step *step);

/* A view is still good if nothing was invalidated since it was taken. */
static __always_inline bool view_current(const struct xlate_view *v)
{
	struct inproc_domain *dom = v->dom;

	return load_seq_cst(&dom->fill) == v->fill &&
	       (!dom->parent || load_seq_cst(&dom->parent->fill) == v->root_fill);
}

/* ---- invalidation ---------------------------------------------------------------------------------------------- */

int inval_flush(struct ioasid_domain *base, u64 start, u64 last);
int inval_user(struct ioasid_domain *base, struct ioasid_device *dev, u64 start, u64 last,
	       bool leaf);
/** inval_domain() - everything cached for @dom, everywhere; waits. Return: 0 or -EIO. */
int inval_domain(struct inproc_domain *dom);
/** inval_route() - everything that was cached or held for one route of @fn that has just changed. */
void inval_route(struct ioasid_host *host, struct ioasid_hostdev *fn, u32 pasid,
		 struct inproc_domain *old);
void inval_purge_device(struct ioasid_device *core);

/* ---- translation ------------------------------------------------------------------------------------------------- */

/**
 * struct xlate - one request on its way
 * @iova, @access (XLAT_*), @pasid: the request; @quiet: a failure is not recorded
 * @by_rid: the device said no PASID: on the wire a slice's request has one all the same
 * @reason, @arch_reason, @gpa, @flags: after a failure: IOASID_REASON_*, VT-d code, IOASID_FAULT_GPA
 * @askable: a page request may repair it
 * @shared: not a failure: the process itself is the address space, see shared.c; @pid: which
 */
struct xlate {
	u64 iova;
	u64 gpa;
	u32 access;
	u32 pasid;
	u32 reason;
	u32 arch_reason;
	u32 flags;
	bool by_rid;
	bool quiet;
	bool askable;
	bool shared;
	pid_t pid;
};

static inline bool xlate_is_msi(u64 iova)
{
	return iova >= INPROC_MSI_FIRST && iova <= INPROC_MSI_LAST;
}

/** xlate_view_get() - in a section: the route's view. Return: false: @x says why not. */
bool xlate_view_get(struct ioasid_hostdev *dev, struct xlate *x, u8 type, struct xlate_view *v);
/** xlate_walk() - in a section: walk the tables, past the IOTLB. Return: VT-d reason, 0: good. */
u8 xlate_walk(struct ioasid_host *host, const struct xlate_view *v, u64 iova, u32 access,
	      struct vtd_xlat *w);
/** xlate_fail() - say in @x why a walk failed. */
void xlate_fail(struct xlate *x, const struct xlate_view *v, const struct vtd_xlat *w);
/** xlate_refuse() - say in @x why it did not come to a walk. Return: NULL. */
void *xlate_refuse(struct xlate *x, u32 reason, u32 arch_reason);
/** xlate_slow() - what xlate_page() does when the IOTLB does not know. */
void *xlate_slow(struct ioasid_hostdev *dev, struct xlate *x);
/** xlate_report() - record a failure; in a section: when it ends. */
void xlate_report(struct ioasid_hostdev *dev, const struct xlate *x);

/**
 * dma_failed() - nothing came of a request: ask for the page if it may, else record the failure
 * Return: 0: repaired, send it again; -EFAULT; -ENODEV.
 */
int dma_failed(struct ioasid_hostdev *dev, struct ioasid_dma *dma, struct xlate *x);

/* ---- devices -------------------------------------------------------------------------------------------------------- */

/**
 * struct ats_grant - a translation that a device may keep
 * @iova, @host: input and output range, in the device's two trees
 * @epoch: the device's inv_epoch when it was given
 */
struct ats_grant {
	struct interval_tree_node iova;
	struct interval_tree_node host;
	struct list_head link;
	u64 epoch;
	u32 pasid;
	u8 perm;
	bool priv;
};

/** struct ats_inv - an invalidation a device has still to complete; on the invalidator's stack. */
struct ats_inv {
	struct list_head link;
	u32 tag;
	struct completion done;
};

/** struct pri_waiter - a thread that waits for the answer to its page request. */
struct pri_waiter {
	pthread_cond_t cond;
	bool answered;
	u32 code;
};

enum pri_group_state { PRI_FREE, PRI_DEVICE, PRI_WAITER, PRI_ABANDONED };

/** struct pri_group - @nr: requests in it; @last: the last one was sent: an answer will come */
struct pri_group {
	struct pri_waiter *waiter;
	u16 nr;
	u8 state;
	bool last;
};

#define PRI_GROUPS 512

/**
 * struct pri - page requests of a device
 * @outstanding: requests sent and not answered
 * @epoch: a new value sends all waiters away
 * @refused: nobody may begin to wait: the device is being stopped
 * @disabled: a "failure" response came
 */
struct pri {
	struct mutex lock;
	pthread_cond_t credits;
	struct pri_group *group;
	u32 capacity;
	u32 outstanding;
	u32 next;
	u32 epoch;
	bool refused;
	bool disabled;
};

/**
 * struct ioasid_hostdev - see <ioasid/host.h>
 *
 * A function has a RID, and what hangs on that: tables, routes, what is cached of them. A slice has none
 * of it, it sends with the RID of its function @fn. Device TLB and page requests are each one's own.
 *
 * @key, @hash: route_key() and route_hash() with PASID 0
 * @rid_key, @rid_hash: without PASID; of a slice ROUTE_KEY_NEVER: there it is looked up what it sends with
 * @fn: its function; itself, unless it is a slice
 * @blocked: no request passes: fenced, or being destroyed. Both keys are ROUTE_KEY_NEVER then
 * @dead: being destroyed
 * @routes: of a function
 * @bound: a context has it
 * @old_ops: its maker does not know the later ones of struct ioasid_hostdev_ops
 * @function: the core's side of a function that can have slices; @alone: in its IOMMU group
 * @host_uses: ioasid_hostdev_host_use(); under host->names_lock
 * @slices: of a function (fn_link), under @slices_lock
 */
struct ioasid_hostdev {
	struct ioasid_host *host;
	u64 key;
	u64 rid_key;
	u32 hash;
	u32 rid_hash;
	struct ioasid_hostdev *fn;
	u32 flags;
	u16 rid;
	bool slice;
	bool blocked;
	bool dead;
	struct route_tree routes;

	struct ioasid_device *core;
	const struct ioasid_hostdev_ops *ops;
	void *opaque;
	u32 pasid_bits;
	bool bound;
	bool old_ops;
	char name[32];
	struct list_head link;

	struct ioasid_function *function;
	bool alone;
	u32 host_uses;
	struct list_head slices;
	struct list_head fn_link;
	struct rw_semaphore slices_lock;

	struct mutex ats_lock;
	struct rb_root_cached by_iova;
	struct rb_root_cached by_host;
	struct list_head grants;
	u32 nr_grants;
	u32 max_grants;
	struct list_head invs;
	u64 inv_epoch;
	u32 next_inv;
	struct pri pri;
};

static inline struct ioasid_hostdev *hostdev_of(const struct ioasid_device *core)
{
	return ioasid_device_priv(core);
}

/** hostdev_block() - no request of @dev passes any more; those on their way end with sections. */
void hostdev_block(struct ioasid_hostdev *dev);
/** hostdev_unblock() - they do again. Not of a device that is being destroyed. */
void hostdev_unblock(struct ioasid_hostdev *dev);
/**
 * hostdev_fence() - @dev did not answer: its function is blocked, whoever has slices of it
 *
 * fn->slices_lock held. The caller waits for sections.
 */
void hostdev_fence(struct ioasid_hostdev *dev);

/* Does its device TLB live here (rather than in its emulator)? */
static inline bool hostdev_has_dtlb(const struct ioasid_hostdev *dev)
{
	return (dev->flags & (IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB)) == IOASID_HOSTDEV_ATS;
}

/* ---- ats.c ------------------------------------------------------------------------------------------------------------- */
void ats_init(struct ioasid_hostdev *dev, u32 entries);
void ats_destroy(struct ioasid_hostdev *dev);
/**
 * ats_purge() - take back grants of {@fn, @pasid} that touch [@start, @last] and have the devices, the
 *               function and its slices, forget them
 * Return: 0, or -EIO: one did not answer, and the function is fenced.
 */
int ats_purge(struct ioasid_hostdev *fn, u32 pasid, u64 start, u64 last);
/** ats_reset() - the device was reset: its device TLB is empty. */
void ats_reset(struct ioasid_hostdev *dev);
/** ats_page() - in a section: xlate_page() through the modelled device TLB. */
void *ats_page(struct ioasid_hostdev *dev, struct xlate *x);
/** ats_translated() - in a section: where a translated request goes, or NULL: no such grant. */
void *ats_translated(struct ioasid_hostdev *dev, struct xlate *x);

/* ---- pri.c --------------------------------------------------------------------------------------------------------------- */
int pri_init(struct ioasid_hostdev *dev, u32 capacity);
void pri_destroy(struct ioasid_hostdev *dev);
/** pri_abort() - send everybody away who waits for an answer; @reset: page requests are on again. */
void pri_abort(struct ioasid_hostdev *dev, bool reset);
/** pri_refuse() - the same, and until @refuse is taken back nobody begins to wait. */
void pri_refuse(struct ioasid_hostdev *dev, bool refuse);
/**
 * pri_ask() - ask for a page and wait for the answer. No section, no lock.
 * @tries: how often it was asked for already: a device that asks in vain slows down
 * Return: 0: try again; -EFAULT: give up.
 */
int pri_ask(struct ioasid_hostdev *dev, const struct xlate *x, unsigned int tries);
void pri_response(struct ioasid_device *core, ppasid_t pasid, u32 group, u32 code);
#define PRI_TRIES_MAX 64

/* ---- hold.c ---------------------------------------------------------------------------------------------------------------- */
/**
 * struct hold_match - which holds an invalidation needs back
 * @dom: made through it; @fill: before this count
 * @parent: or through a child of it, to [@start, @last] of its input
 * @fn, @pasid: only of this route, if @fn is set
 */
struct hold_match {
	struct inproc_domain *dom;
	struct inproc_domain *parent;
	u32 fill;
	u64 start;
	u64 last;
	const struct ioasid_hostdev *fn;
	u32 pasid;
};
/** hold_wait() - call back and wait for all holds that match. No section. */
void hold_wait(struct ioasid_host *host, const struct hold_match *m);

/* ---- shared.c ---------------------------------------------------------------------------------------------------------------- */
int shared_copy(struct xlate *x, void *buf, size_t len);
int shared_atomic(struct xlate *x, enum ioasid_atomic op, unsigned int size, u64 operand,
		  u64 compare, u64 *old);
/** atomic_apply() - do it, on memory that is there. */
u64 atomic_apply(void *p, enum ioasid_atomic op, unsigned int size, u64 operand, u64 compare);

#endif
