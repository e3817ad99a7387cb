/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the conformance suite needs from a home besides <ioasid/ioasid.h>: a machine to run on, and
 * devices on it whose DMA the test commands. A home joins the suite by filling struct conf_home.
 *
 * Numbers in requests are those on the wire. In local mode on whole functions they are the guest's; else
 * a test learns them from the tables in memory (walk), never from the core.
 */
#ifndef CONFORMANCE_ENV_H
#define CONFORMANCE_ENV_H

#include <ioasid/ioasid.h>

/** CONF_RID - "no PASID" as the number of a request. */
#define CONF_RID IOASID_INVALID

/**
 * struct conf_machine - what kind of machine a test wants; 0 means the home's default
 * @name: for the reader
 * @levels: of kernel-managed tables: 3, 4 or 5
 * @cache_entries: size of every cache, to make evictions happen
 * @page_sizes: bitmap of leaf sizes
 * @no_nesting: its IOMMU walks no user tables
 * @no_snoop: its IOMMU cannot enforce snooping
 * @first_stage: kernel-managed tables in the first-stage format
 * @pasid_bits: width of its IOMMU
 * @fault_share: page requests one device may have waiting
 * @ats_timeout_ms: how long a device may take to complete an invalidation
 * @host_split: where numbers of the whole host begin; 0: the default
 * @delay_us: a pause between translation and copy, to widen races
 * @no_wait, @no_invalidate, @no_ad: ways to be wrong, for controls that must notice: invalidations
 *                                   that do not wait, that do nothing, walks that set no bits
 */
struct conf_machine {
	const char *name;
	unsigned int levels;
	unsigned int cache_entries;
	uint64_t page_sizes;
	bool no_nesting;
	bool no_snoop;
	bool first_stage;
	unsigned int pasid_bits;
	unsigned int fault_share;
	unsigned int ats_timeout_ms;
	unsigned int host_split;
	unsigned int delay_us;
	bool no_wait;
	bool no_invalidate;
	bool no_ad;
};

/**
 * struct conf_dev_spec - a device
 * @name: unique
 * @dev_class: enum ioasid_class
 * @pasid_bits: width of its PASID capability; 0: none
 * @ats, @pri: has a device TLB, raises page requests
 * @mute: it has a device TLB that it looks after itself, and never completes an invalidation
 * @group: devices with equal numbers share an IOMMU group; IOASID_INVALID: alone
 * @pri_capacity: page requests it may have outstanding; 0: a default
 * @parent: classes 3, 6, 8: the device whose slice it is
 * @mode: enum ioasid_mode: the driver's default
 * @kept_first, @kept_last: PASIDs its driver keeps; 0: none
 * @nr_dedicated, @nr_shared, @queue_size: work queues (<linux/ioasid_wq.h>); none: a device without
 */
struct conf_dev_spec {
	const char *name;
	uint16_t dev_class;
	unsigned int pasid_bits;
	bool ats;
	bool pri;
	bool mute;
	uint32_t group;
	unsigned int pri_capacity;
	struct conf_dev *parent;
	uint32_t mode;
	uint32_t kept_first, kept_last;
	unsigned int nr_dedicated, nr_shared, queue_size;
};

enum conf_op { CONF_READ, CONF_WRITE, CONF_FETCH_ADD };

/**
 * struct conf_dma - one request
 * @op: what
 * @addr: I/O address
 * @pasid: on the wire, or CONF_RID
 * @buf: data; CONF_FETCH_ADD: u64 addend, the value before comes back in it
 * @len: bytes
 * @page_request: ask for missing pages and wait for the answer
 * @no_report: probe: leave no fault record
 * @target: memory of the caller that the first byte must reach, for homes whose devices can compare
 *          where they got to; NULL: not told
 * @reason: [out] on -EFAULT: enum ioasid_fault_reason
 * @fault_addr: [out] on -EFAULT
 * @page_requests: [out] page requests it took
 */
struct conf_dma {
	enum conf_op op;
	uint64_t addr;
	uint32_t pasid;
	void *buf;
	size_t len;
	bool page_request;
	bool no_report;
	const void *target;
	uint32_t reason;
	uint64_t fault_addr;
	uint32_t page_requests;
};

/** CONF_REQ() - the members every request needs. */
#define CONF_REQ(o, a, p, b, l) .op = (o), .addr = (a), .pasid = (p), .buf = (b), .len = (l)

/** struct conf_live - what must be equal before and after: nothing leaks. */
struct conf_live {
	uint64_t contexts, devices, ioasids, domains, routes, pinned_bytes, table_pages, holds;
};

struct conf_dev;
struct conf_env;
struct conf_vm;
struct conf_vcpu;

/** enum conf_store - how something is stored to a portal. */
enum conf_store { CONF_STORE_PLAIN, CONF_STORE_MOVDIR64B, CONF_STORE_DMWR };

/** enum conf_enqcmd_result - how an instruction ended. */
enum conf_enqcmd_result { CONF_ENQCMD_RETIRED, CONF_ENQCMD_GP, CONF_ENQCMD_EXIT };

/**
 * struct conf_enqcmd - ENQCMD or ENQCMDS to the portal of a queue
 * @supervisor: ENQCMDS; @cpl: privilege level
 * @offset: in the portal's page
 * @src: 64 bytes
 * @zf: [out] RETIRED: retry
 * @exit_reason, @vpasid: [out] EXIT
 */
struct conf_enqcmd {
	bool supervisor;
	unsigned int cpl;
	uint64_t offset;
	const void *src;
	bool zf;
	uint32_t exit_reason;
	uint32_t vpasid;
};

/**
 * struct conf_entry - what the PASID table in memory says of {RID, number}, read with the formats' walker
 * @present: there is an entry
 * @table: what it leads to: equal for equal address spaces on one IOMMU, and for no others
 */
struct conf_entry {
	bool present;
	uint64_t table;
};

/* What a test needs of its machine. */
#define NEEDS_NESTING	    (1U << 0) /* user tables, by RID and by PASID */
#define NEEDS_NO_NESTING    (1U << 1)
#define NEEDS_SNOOP	    (1U << 2)
#define NEEDS_NO_SNOOP	    (1U << 3)
#define NEEDS_DEFAULTS	    (1U << 4) /* says nothing about tables: one machine will do */
#define NEEDS_NO_WAIT	    (1U << 5) /* controls: only on a machine that is wrong in this way */
#define NEEDS_NO_INVALIDATE (1U << 6)
#define NEEDS_NO_AD	    (1U << 7)
#define RUNS_SLOWLY	    (1U << 8) /* runs on the machine with slow DMA as well */
#define NEEDS_SHORT_TIMEOUT (1U << 9) /* a machine on which devices have little time */
#define NEEDS_RID_NESTING   (1U << 10) /* user tables as the default route will do */
#define NEEDS_SLICES	    (1U << 11) /* mediated devices, work queues, CPUs, a look at the tables */
#define NEEDS_8_BITS	    (1U << 12) /* PASIDs below 256, those of the whole host from 128 on */
#define NEEDS_12_BITS	    (1U << 13) /* PASIDs below 4096, those of the whole host from 2048 on */

/**
 * struct conf_skip - a case that a home does not run, and why; docs/testing.md has the same table
 * @test: name of the test; NULL ends the list
 * @machine: on this machine only; NULL: on all
 * @reason: for the reader
 */
struct conf_skip {
	const char *test;
	const char *machine;
	const char *reason;
};

/**
 * struct conf_home - a home under test
 * @name: for the reader, one word
 * @skips: what it does not run; NULL: it runs everything
 * @whole_groups: records of page requests come when their group is complete, not one by one
 * @no_events: nobody tells it of accesses that failed for good: no event records
 * @host_space: a device that nobody bound is not blocked but in a space of its host's, an empty one
 * @host_format: the host chose the format of kernel-managed tables; it may lack write-only pages
 * @reset_forgets: a device that was reset does not know what it was answered before
 * @lacks: why it cannot run tests with these NEEDS_*, for lack of something that the kernel it runs on
 *         has or has not; NULL: it can
 * @can: it can be this machine; NULL: it can be any
 * @start: make a machine. Return: 0; -EOPNOTSUPP: this home cannot be such a machine, or not beside
 *         those it is already
 * @stop: it goes away; nothing of it is in use any more
 * @plug: a device appears, NULL: it cannot. @unplug: it is taken away, whatever it is doing
 * @dma: one request. Return: 0, -EFAULT blocked, -ENODEV
 * @page_request: one page request message without waiting. Return: 0; -ENOSPC no credit left
 * @response: answer to a group, if one came since. Return: true: @group and @code are filled
 * @translate: an ATS translation request of a mute device. Return: true: a grant is outstanding
 * @hold, @release: let a DMA read section stay open until released, in the calling thread
 * @whole_only: its own devices are whole functions only, of the kernel's own IOMMU driver: what needs
 *         slices, work queues or a look at the tables runs in the home that has software devices only
 * @host_use: the host's own driver begins or ends using PASIDs on a whole function. Return: 0, -EBUSY
 * @wq_read, @wq_write: a guest's access to a register of a device with work queues, through whatever the
 *         home has for it. Return: 0, -EINVAL, -ENOENT
 * @wq_store: a store to the portal of a queue. Return: 1 taken, 0 not; negative: cannot be done
 * @wq_run: its engine executes up to @n descriptors. It executes nothing by itself. Return: how many
 * @vm_create, @vm_destroy, @vm_fd: a VM whose CPUs execute ENQCMD. NULL: this home has none
 * @vcpu_create, @vcpu_destroy, @wrmsr_pasid, @enqcmd: one of its CPUs; a thread each. wrmsr_pasid:
 *         0 or -EINVAL (#GP)
 * @walk: the entry of {RID of @dev, number} in the tables in memory; CONF_RID: without PASID. Return: 0
 * @group_make, @group_remove: groups of limits by path ("/a/b"), whatever the home knows them by
 * @group_enter: the calling thread is in that group from now on; NULL: in none of ours
 * @group_name, @group_unname: fill in what names it to ioasid_limit_get(); give that back
 * @live: what is alive on the machine
 * @allocations: memory blocks of the library that are alive in this process; NULL: nobody counts
 */
struct conf_home {
	const char *name;
	const struct conf_skip *skips;
	bool whole_groups;
	bool no_events;
	bool host_space;
	bool host_format;
	bool reset_forgets;
	bool whole_only;
	const char *(*lacks)(unsigned int needs);
	bool (*can)(const struct conf_machine *machine);
	int (*start)(struct conf_env *env, const struct conf_machine *machine);
	void (*stop)(struct conf_env *env);
	struct conf_dev *(*plug)(struct conf_env *env, const struct conf_dev_spec *spec);
	void (*unplug)(struct conf_dev *dev);
	int (*dma)(struct conf_dev *dev, struct conf_dma *dma);
	int (*page_request)(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
			    uint32_t group, bool last);
	bool (*response)(struct conf_dev *dev, uint32_t *group, uint32_t *code);
	bool (*translate)(struct conf_dev *dev, uint32_t pasid, uint64_t addr);
	void *(*hold)(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len);
	void (*release)(void *hold);
	int (*host_use)(struct conf_dev *dev, bool use);
	int (*wq_read)(struct conf_dev *dev, uint32_t offset, uint32_t *value);
	int (*wq_write)(struct conf_dev *dev, uint32_t offset, uint32_t value);
	int (*wq_store)(struct conf_dev *dev, uint32_t queue, uint32_t offset, const void *data,
			size_t len, enum conf_store how);
	unsigned int (*wq_run)(struct conf_dev *dev, unsigned int n);
	struct conf_vm *(*vm_create)(struct conf_env *env);
	void (*vm_destroy)(struct conf_vm *vm);
	int (*vm_fd)(struct conf_vm *vm);
	struct conf_vcpu *(*vcpu_create)(struct conf_vm *vm);
	void (*vcpu_destroy)(struct conf_vcpu *vcpu);
	int (*wrmsr_pasid)(struct conf_vcpu *vcpu, uint64_t value);
	enum conf_enqcmd_result (*enqcmd)(struct conf_vcpu *vcpu, struct conf_dev *dev,
					  uint32_t queue, struct conf_enqcmd *insn);
	int (*walk)(struct conf_dev *dev, uint32_t pasid, struct conf_entry *entry);
	int (*group_make)(struct conf_env *env, const char *group);
	int (*group_remove)(struct conf_env *env, const char *group);
	int (*group_enter)(struct conf_env *env, const char *group);
	int (*group_name)(struct conf_env *env, const char *group, struct ioasid_limit *limit);
	void (*group_unname)(struct ioasid_limit *limit);
	void (*live)(struct conf_env *env, struct conf_live *live);
	long (*allocations)(void);
};

/** conf_home_under_test - each test program is linked with the one home that defines it. */
extern const struct conf_home conf_home_under_test;

/**
 * struct conf_env - a home with a machine on it
 * @home: operations
 * @path: what ioasid_open() takes
 * @priv: the home's own
 */
struct conf_env {
	const struct conf_home *home;
	char path[64];
	void *priv;
};

#endif
