/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's IOMMU API as a struct ioasid_iommu of the core: what iommu*.c share.
 *
 *   iommu.c           devices, IOMMUs and groups, DMA ownership, the table of operations
 *   iommu_describe.c  what an IOMMU can do
 *   iommu_map.c       paging domains
 *   iommu_nest.c      nested domains: a table of the guest on top of a paging domain
 *   iommu_sva.c       shared domains: the page table of a process
 *   iommu_route.c     attach and detach, RID and PASID
 *   iommu_fault.c     page requests and events
 *
 *   struct lin_iommu  <- struct lin_hw (link in devices) <- struct ioasid_kdev: it, or slices of it
 *     ^                       | group          | routes (by PASID)
 *   struct lin_domain   struct lin_group       |
 *     | routes                | rid            |
 *     +------------------> struct lin_route <--+
 *
 * Locks. The core's: a domain's maps change under its family lock; routes, nested domains and
 * everything else of a context under ctx->lock held for writing. Ours, inside those: lin_lock
 * (IOMMUs, groups, devices coming and going), never held while memory of the caller is touched.
 * Fault handlers, for which drivers wait when a domain is detached, take hw->fault_lock and
 * hw->users_lock alone, one at a time: leaves that are never held across a call of the driver that
 * waits for them.
 */
#ifndef IOASID_LINUX_IOMMU_H
#define IOASID_LINUX_IOMMU_H

#include <linux/interval_tree.h>
#include <linux/iommu.h>

#include "linux/ioasid_linux.h"

#define LIN_NR_WINDOWS 16

/**
 * struct lin_iommu - devices that can share one kernel domain
 * @core: as the core sees it
 * @link: in the list of all, under lin_lock
 * @nr_devices: entered; the last one to leave frees it
 * @devices: struct lin_hw (link), under lin_lock
 * @hw, @ops: whose domains these are
 * @cached: IOMMU_CACHE works: devices see what CPUs have in their caches
 * @faults: its devices raise page requests, which the kernel can deliver
 * @second_stage: plain paging domains may be asked to be second-stage tables
 * @write_reads: what may be written may be read too, whatever was asked for
 * @raw_codes: its driver hands a response code to the hardware as it is
 * @nest_read_only: a domain that others nest on takes read-only maps; else the two are apart
 * @sva_direct: shared domains come from the driver itself, not from the kernel's SVA layer
 * @empty: a paging domain in which nothing is ever mapped
 * @windows, @nr_windows: what its devices cannot use
 */
struct lin_iommu {
	struct ioasid_iommu core;
	struct list_head link;
	unsigned int nr_devices;
	struct list_head devices;
	struct iommu_device *hw;
	const struct iommu_ops *ops;
	bool cached;
	bool faults;
	bool second_stage;
	bool write_reads;
	bool raw_codes;
	bool nest_read_only;
	bool sva_direct;
	struct iommu_domain *empty;
	struct ioasid_range windows[LIN_NR_WINDOWS];
	unsigned int nr_windows;
};

struct lin_domain;
struct lin_route;

/** struct lin_handle - what the kernel keeps for a route; a replaced one is never the same. */
struct lin_handle {
	struct iommu_attach_handle kernel;
	struct lin_route *route;
};

/**
 * struct lin_route - {device or group, number} that reaches a domain
 * @link: in @domain->routes, while it does
 * @domain: or NULL
 * @kernel: the kernel's domain it was attached to
 * @hw: PASID routes: the device of the kernel, whoever shares it; NULL: the RID of @group
 * @group: RID route: its group
 * @pasid: wire number
 * @bond: shared domains: keeps the process bound to the device
 * @handles, @now: the one in use, and another for a replacement
 */
struct lin_route {
	struct list_head link;
	struct lin_domain *domain;
	struct iommu_domain *kernel;
	struct lin_hw *hw;
	struct lin_group *group;
	u32 pasid;
	struct iommu_sva *bond;
	struct lin_handle handles[2];
	unsigned int now;
};

/**
 * struct lin_group - an IOMMU group with devices of ours; also the cookie of DMA ownership
 * @link: in the list of all, under lin_lock
 * @kernel: referenced
 * @nr_devices: entered
 * @rid: where requests without PASID go
 * @members: devices that were attached to it and not yet detached
 */
struct lin_group {
	struct list_head link;
	struct iommu_group *kernel;
	unsigned int nr_devices;
	struct lin_route rid;
	struct list_head members;
};

/**
 * struct lin_paging - a table this system writes
 * @table: for devices
 * @nest: for nested domains; often the same, else made when the first of them comes, or NULL
 * @nest_dev: on whose behalf, if it is not the same; referenced
 * @ranges: struct lin_range: what was entered, one per call of map()
 * @gather: what iommu_iotlb_sync() has still to do for the two
 */
struct lin_paging {
	struct iommu_domain *table;
	struct iommu_domain *nest;
	struct device *nest_dev;
	struct rb_root_cached ranges;
	struct iommu_iotlb_gather gather[2];
};

/**
 * struct lin_nested - a table of the guest
 * @parent: paging domain below it
 * @root: the table it leads to; format 0: none
 * @kernel: nested domain; NULL: none, routes lead to the IOMMU's empty domain
 * @former, @former_root: what set_table() replaced last, kept so that going back cannot fail
 */
struct lin_nested {
	struct lin_domain *parent;
	struct ioasid_table root;
	struct iommu_domain *kernel;
	struct ioasid_table former_root;
	struct iommu_domain *former;
};

/**
 * struct lin_shared - the page table of a process
 * @mm: referenced (memory only)
 * @kernel: with iommu->sva_direct; else every route has a domain of its own bond
 */
struct lin_shared {
	struct mm_struct *mm;
	struct iommu_domain *kernel;
};

/**
 * struct lin_domain - form of an address space on one IOMMU
 * @dev: on whose behalf it was allocated; referenced, as drivers remember it
 * @routes: struct lin_route
 */
struct lin_domain {
	struct ioasid_domain core;
	enum ioasid_domain_type type;
	bool enforce_snoop;
	struct device *dev;
	struct list_head routes;
	union {
		struct lin_paging paging;
		struct lin_nested nested;
		struct lin_shared shared;
	};
};

static inline struct lin_iommu *lin_iommu_of(const struct ioasid_iommu *core)
{
	return container_of(core, struct lin_iommu, core);
}

static inline struct lin_domain *lin_domain_of(const struct ioasid_domain *core)
{
	return container_of(core, struct lin_domain, core);
}

static inline struct lin_iommu *lin_domain_iommu(const struct lin_domain *domain)
{
	return lin_iommu_of(domain->core.iommu);
}

/* ---- iommu.c ---------------------------------------------------------------------------------- */
extern struct mutex lin_lock;
/** lin_errno() - an answer of the kernel's IOMMU layer in terms of the ABI. */
int lin_errno(int rc);
/**
 * lin_iommu_borrow() - a device of it, to ask its driver for a domain; it does not leave until
 *                      lin_iommu_return()
 */
struct lin_hw *lin_iommu_borrow(struct lin_iommu *iommu);
void lin_iommu_return(struct lin_hw *hw);
/**
 * lin_find_device() - what we have in front of @dev, or NULL
 *
 * It stays while a domain of ours is attached to it, and while work runs that lin_faults_flush()
 * waits for. Any context.
 */
struct lin_hw *lin_find_device(const struct device *dev);
/**
 * lin_hw_user() - the device of ours that requests of @hw with @pasid are of
 *
 * Return: with a reference, for lin_hw_user_put(), or NULL. It may be going away: reports on it go
 * nowhere then. Sleeps, shortly.
 */
struct ioasid_kdev *lin_hw_user(struct lin_hw *hw, ppasid_t pasid);
void lin_hw_user_put(struct ioasid_kdev *kdev);
/** lin_hw_fenced() - did a device of ours that uses {@hw, @pasid} not answer in time? */
bool lin_hw_fenced(struct lin_hw *hw, ppasid_t pasid);

extern const struct ioasid_iommu_ops lin_iommu_ops;

/* ---- iommu_describe.c -------------------------------------------------------------------------- */
/** lin_iommu_describe() - what is in front of @dev, not yet in any list; ERR_PTR. */
struct lin_iommu *lin_iommu_describe(struct device *dev, struct iommu_group *group);
/** lin_iommu_same() - can devices of @a live in domains of @b and the other way round? */
bool lin_iommu_same(const struct lin_iommu *a, const struct lin_iommu *b);
void lin_iommu_destroy(struct lin_iommu *iommu);

/* ---- iommu_map.c ------------------------------------------------------------------------------ */
int lin_paging_alloc(struct lin_domain *domain, const struct ioasid_domain_attr *attr);
void lin_paging_free(struct lin_domain *domain);
/** lin_paging_nest() - the form of @domain that nested domains need, or ERR_PTR. */
struct iommu_domain *lin_paging_nest(struct lin_domain *domain);
int lin_map(struct ioasid_domain *core, u64 iova, const struct ioasid_extent *ext, unsigned int n,
	    u32 prot);
void lin_unmap(struct ioasid_domain *core, u64 start, u64 last);
int lin_flush(struct ioasid_domain *core, u64 start, u64 last);
int lin_map_init(void);
void lin_map_exit(void);

/* ---- iommu_nest.c ----------------------------------------------------------------------------- */
int lin_nested_init(struct lin_domain *domain, const struct ioasid_domain_attr *attr);
void lin_nested_free(struct lin_domain *domain);
int lin_set_table(struct ioasid_domain *core, const struct ioasid_table *table);
int lin_invalidate(struct ioasid_domain *core, struct ioasid_device *dev, u64 start, u64 last,
		   bool leaf);

/* ---- iommu_sva.c ------------------------------------------------------------------------------- */
int lin_shared_alloc(struct lin_domain *domain, const struct ioasid_domain_attr *attr);
void lin_shared_free(struct lin_domain *domain);
/**
 * lin_shared_bind() - the domain by which {@hw, PASID} reaches the process
 * @bond: [out] to be given to lin_shared_unbind() after the detach; NULL: none needed
 */
struct iommu_domain *lin_shared_bind(struct lin_domain *domain, struct lin_hw *hw,
				     struct iommu_sva **bond);
void lin_shared_unbind(struct iommu_sva *bond);
/** lin_sva_possible() - are there shared domains for devices like @dev? @direct: see above. */
bool lin_sva_possible(struct device *dev, bool faults, bool *direct);

/* ---- iommu_route.c ------------------------------------------------------------------------------ */
int lin_attach(struct ioasid_device *dev, ppasid_t pasid, struct ioasid_domain *core);
void lin_detach(struct ioasid_device *dev, ppasid_t pasid);
/** lin_route_replace() - the same route to another kernel domain; nothing changes on error. */
int lin_route_replace(struct lin_route *route, struct iommu_domain *kernel);
/** lin_domain_fenced() - -EIO: a device that reaches @domain did not answer in time; else 0. */
int lin_domain_fenced(struct lin_domain *domain);

/* ---- iommu_fault.c ------------------------------------------------------------------------------ */
int lin_iopf(struct iopf_group *group);
int lin_sva_iopf(struct iopf_group *group);
/** lin_faults_on() - page requests of @hw reach us, until as many lin_faults_off(). */
int lin_faults_on(struct lin_hw *hw);
void lin_faults_off(struct lin_hw *hw);
/** lin_faults_possible() - can the kernel deliver page requests of @dev? */
bool lin_faults_possible(struct device *dev);
/** lin_faults_drain() - answer "invalid" to what waits; @pasid PPASID_NONE: by RID; @all: all. */
void lin_faults_drain(struct lin_hw *hw, ppasid_t pasid, bool all);
/** lin_events_watch() - unrecoverable faults in @kernel that its driver reports become events. */
void lin_events_watch(struct lin_iommu *iommu, struct iommu_domain *kernel);
/** lin_faults_flush() - on return nothing of this file runs on behalf of what was detached. */
void lin_faults_flush(void);
int lin_faults_init(void);
void lin_faults_exit(void);

#endif
