/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the conformance suite needs from a home besides <ioasid/ioasid.h>: a machine to run on, and
 * devices on it whose DMA the test commands. A home joins the suite by filling struct conf_home.
 *
 * Numbers in requests are those on the wire. The suite uses local mode, where they are the guest's.
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

/**
 * struct conf_home - a home under test
 * @name: for the reader
 * @start: make a machine. Return: 0; -EOPNOTSUPP: this home cannot be such a machine
 * @stop: it goes away; nothing of it is in use any more
 * @plug: a device appears, NULL: it cannot. @unplug: it is taken away, whatever it is doing
 * @dma: one request. Return: 0, -EFAULT blocked, -ENODEV
 * @page_request: one page request message without waiting. Return: 0; -ENOSPC no credit left
 * @response: answer to a group, if one came since. Return: true: @group and @code are filled
 * @translate: an ATS translation request of a mute device. Return: true: a grant is outstanding
 * @hold, @release: let a DMA read section stay open until released, in the calling thread
 * @live: what is alive on the machine
 */
struct conf_home {
	const char *name;
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
	void (*live)(struct conf_env *env, struct conf_live *live);
};
extern const struct conf_home conf_home_inproc;

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
