/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A machine for tests of the core: a home, two IOMMUs and devices that are made of arrays.
 *
 * A page table is an array of pages, and next to it lies the worst cache there could be: it holds
 * every translation from the moment it is entered until a flush or a detach takes it out. So the
 * fake sees by itself what a wrong order does, and says so in @broken: memory unpinned while a
 * cache still leads to it, a domain freed while something is attached, two maps in one leaf.
 *
 * Input addresses: two windows, the first FAKE_LOW pages and the last FAKE_HIGH of 2^64 bytes.
 * Memory behind a pin is contiguous in runs of FAKE_RUN pages; fake_pa() is the same formula.
 */
#ifndef TESTS_UNIT_CORE_FAKE_H
#define TESTS_UNIT_CORE_FAKE_H

#include "core/core.h"

#define FAKE_LOW	128U
#define FAKE_HIGH	8U
#define FAKE_PAGES	(FAKE_LOW + FAKE_HIGH)
#define FAKE_HIGH_START (0ULL - FAKE_HIGH * PAGE_SIZE)
#define FAKE_RUN	3U
#define FAKE_IOMMUS	2
#define FAKE_DEVICES	8
#define FAKE_ROUTES	32
#define FAKE_PINS	64
#define FAKE_ANSWERS	32
#define FAKE_CTXS	4
#define FAKE_FD		100 /* descriptor number of context 0 */
#define FAKE_FAULT_FD	50
#define FAKE_FUNCTIONS	2
#define FAKE_CPUS	2
#define FAKE_CPU_FD	200 /* descriptor number of VM 0 */
#define FAKE_TABLES	16 /* pages for the tables of CPUs */

struct fake;

/** struct fake_pte - one page: where it leads (0: nowhere), what is allowed, which map() call */
struct fake_pte {
	u64 pa;
	u32 prot;
	u32 call;
};

/**
 * struct fake_domain - an address space on a fake IOMMU
 * @table: what unmap() and map() changed last
 * @cache: what devices may still use
 * @parent, @guest: nested domains; guest.format 0: no table
 */
struct fake_domain {
	struct ioasid_domain domain;
	struct list_head link;
	enum ioasid_domain_type type;
	struct fake_domain *parent;
	struct ioasid_table guest;
	u32 nr_routes;
	struct fake_pte *table;
	struct fake_pte *cache;
};

/**
 * struct fake_iommu - an IOMMU whose calls are counted and can be told to fail
 * @fail_map, @fail_attach, @fail_alloc, @fail_set_table: 1: the next call fails, n: the nth
 * @kernel_pasid: a number the kernel uses by itself: attach() of it is -EBUSY; 0: none
 * @flush_rc: what flush() and invalidate() answer
 * @last_inv: arguments of the last invalidate()
 */
struct fake_iommu {
	struct ioasid_iommu iommu;
	struct fake *fake;
	struct list_head domains;
	u32 nr_alloc, nr_free, nr_map, nr_unmap, nr_flush, nr_attach, nr_detach, nr_set_table;
	u32 nr_invalidate, nr_purge, nr_windows;
	u32 fail_map, fail_attach, fail_alloc, fail_set_table;
	u32 kernel_pasid;
	int flush_rc;
	struct ioasid_range window;
	struct {
		struct ioasid_domain *domain;
		struct ioasid_device *dev;
		u64 start, last;
		bool leaf;
	} last_inv;
};

/** struct fake_route - what the hardware would find for {fn, pasid}; IOASID_NO_PASID: by RID */
struct fake_route {
	struct ioasid_function *fn;
	u32 pasid;
	struct fake_domain *domain;
};

/** struct fake_pin - pinned memory; @base: physical address of its first page */
struct fake_pin {
	bool used;
	u64 base;
	u64 uaddr;
	u64 npages;
	bool write;
};

/** struct fake_answer - an answer to a page request group */
struct fake_answer {
	struct ioasid_device *dev;
	u32 pasid, group, code;
};

/**
 * struct fake_cpu - a VM with one vCPU, which caches what it read until it is flushed
 * @on, @low, @high: it translates, by these
 * @cache: what it read for each vPASID; CPU_PASID_NONE: nothing
 * @refs: references of contexts
 * @fail_enable: what enable() answers
 */
struct fake_cpu {
	struct ioasid_cpu cpu;
	struct fake *fake;
	bool on;
	u64 low, high;
	u32 cache[64];
	u32 refs, nr_flush, nr_enable, nr_disable;
	int fail_enable;
};

/**
 * struct fake - the machine
 * @broken: the first promise that was not kept, or NULL
 * @max_pins: pin() answers -EDQUOT beyond this many
 * @readable, @nr_notify: what the fault queue said last
 * @fault_fd_rc: 0, or what fault_fd() answers
 * @on_detach: called in detach(), or NULL
 * @drain_rc: what drain() answers; @nr_drains, @drained: calls, and the last one
 * @portal: of each device: open; @fail_portal: device whose portal will not open, plus 1
 * @table: pages for the tables of CPUs; page n is at physical address (n + 1) * PAGE_SIZE
 */
struct fake {
	struct ioasid_machine machine;
	const char *broken;
	struct fake_iommu iommu[FAKE_IOMMUS];
	struct fake_route route[FAKE_ROUTES];
	struct fake_pin pin[FAKE_PINS];
	struct fake_answer answer[FAKE_ANSWERS];
	struct ioasid_ctx *ctx[FAKE_CTXS];
	struct ioasid_device *dev[FAKE_DEVICES];
	struct ioasid_devfile *file[FAKE_DEVICES];
	u32 nr_pins, max_pins, next_base, next_call;
	u32 nr_answers, nr_quiesce, nr_reset, nr_notify, nr_eventfds, nr_signals;
	bool readable;
	int fault_fd_rc;
	struct ioasid_function *fn[FAKE_FUNCTIONS];
	void (*on_detach)(struct fake *fake, u32 pasid);
	int drain_rc;
	u32 nr_drains;
	struct {
		struct ioasid_device *dev;
		u32 pasid;
	} drained;
	bool portal[FAKE_DEVICES];
	unsigned int fail_portal;
	struct fake_cpu cpu[FAKE_CPUS];
	void *table[FAKE_TABLES];
	struct phys_mem mem;
	struct table_alloc alloc;
	struct table_env env;
};

/** fake_new() - a machine with two IOMMUs (the second narrower, without nesting and snooping) */
struct fake *fake_new(void);
/** fake_free() - close what is open. Return: NULL, or what was broken or left over. */
const char *fake_free(struct fake *fake);
/** fake_reset_counters() - forget calls counted so far. */
void fake_reset_counters(struct fake *fake);

/** fake_pa() - where byte @offset of a pin with @base is. */
u64 fake_pa(u64 base, u64 offset);
/** fake_pin_base() - base of the pin that holds @uaddr, or 0. */
u64 fake_pin_base(const struct fake *fake, u64 uaddr);
/** fake_phys() - physical address of the pinned byte at @uaddr, or 0. */
u64 fake_phys(const struct fake *fake, u64 uaddr);

/** fake_ctx() - open context @n; it has descriptor FAKE_FD + @n. Return: 0 or error. */
int fake_ctx(struct fake *fake, unsigned int n);
void fake_ctx_close(struct fake *fake, unsigned int n);
/**
 * fake_device() - register device @n and open a descriptor
 * @iommu: index
 * @dev_class: enum ioasid_class
 * @group: number or IOASID_INVALID
 */
int fake_device(struct fake *fake, unsigned int n, unsigned int iommu, u32 dev_class, u32 group);
/** fake_device_share() - the same with a share of @pri_share page requests. */
int fake_device_share(struct fake *fake, unsigned int n, unsigned int iommu, u32 dev_class,
		      u32 group, u32 pri_share);
void fake_device_remove(struct fake *fake, unsigned int n);
/** fake_function() - function @fn on IOMMU @iommu, for slices. fake_free() ends it. */
int fake_function(struct fake *fake, unsigned int fn, unsigned int iommu);
/** fake_part() - device @n of function @fn: a slice, or, of class 5 or 7, all of it. */
int fake_part(struct fake *fake, unsigned int n, unsigned int fn, u32 dev_class);
/** fake_cpu_sends() - what the vCPU of VM @n makes of @vpasid (below 64); CPU_PASID_NONE: it exits. */
u32 fake_cpu_sends(struct fake *fake, unsigned int n, u32 vpasid);

/** fake_route() - domain that {device @n, @pasid} reaches, or NULL. */
struct fake_domain *fake_route(struct fake *fake, unsigned int n, u32 pasid);
/** fake_look() - what device @n finds at @iova through a route: physical address | permissions. */
u64 fake_look(struct fake *fake, unsigned int n, u32 pasid, u64 iova);
/** fake_nr_routes() - entries in the hardware. */
unsigned int fake_nr_routes(const struct fake *fake);

/* ---- commands; the numbers are those of struct fake's arrays -------------------------------- */

int fk_alloc(struct fake *fake, unsigned int ctx, u32 kind, u32 parent, u32 *handle);
int fk_alloc_snoop(struct fake *fake, unsigned int ctx, u32 kind, u32 parent, u32 snoop,
		   u32 *handle);
int fk_free(struct fake *fake, unsigned int ctx, u32 ioasid);
int fk_map(struct fake *fake, unsigned int ctx, u32 ioasid, u64 iova, u64 vaddr, u64 pages,
	   u32 prot);
/** fk_unmap() - Return: pages that were mapped, or error. */
s64 fk_unmap(struct fake *fake, unsigned int ctx, u32 ioasid, u64 iova, u64 pages);
s64 fk_unmap_all(struct fake *fake, unsigned int ctx, u32 ioasid);
/** fk_bind_table() - bind a four-level VT-d table at @address; ~0: bind none. */
int fk_bind_table(struct fake *fake, unsigned int ctx, u32 ioasid, u64 address);
int fk_info(struct fake *fake, unsigned int ctx, struct ioasid_info *info);
int fk_ioas_info(struct fake *fake, unsigned int ctx, u32 ioasid, struct ioasid_ioas_info *info);
int fk_bind(struct fake *fake, unsigned int dev, unsigned int ctx, u64 cookie);
int fk_attach(struct fake *fake, unsigned int dev, u32 ioasid, u32 flags, u32 vpasid);
int fk_detach(struct fake *fake, unsigned int dev, u32 ioasid, u32 flags);
int fk_set_hwid(struct fake *fake, unsigned int ctx, u32 ioasid, u32 flags, u64 cookie,
		u32 *vpasid);
int fk_clear_hwid(struct fake *fake, unsigned int ctx, u32 ioasid, u32 flags, u64 cookie,
		  u32 vpasid);
int fk_dev_info(struct fake *fake, unsigned int dev, struct ioasid_device_info *info);
int fk_dev_reset(struct fake *fake, unsigned int dev);
int fk_fault_fd(struct fake *fake, unsigned int ctx, u32 capacity);
int fk_respond(struct fake *fake, unsigned int ctx, u32 id, u32 code);
int fk_invalidate(struct fake *fake, unsigned int ctx, const struct ioasid_invalidate *inv);
/** fk_request() - device @dev asks for a page; @last: it ends its group. */
void fk_request(struct fake *fake, unsigned int dev, u32 pasid, u64 address, u32 group, bool last);
/** fk_event() - an access of device @dev failed. */
void fk_event(struct fake *fake, unsigned int dev, u32 pasid, u64 address);

#endif
