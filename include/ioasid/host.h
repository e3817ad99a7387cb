/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid: in-process hosts, the devices on them, and the DMA those devices do.
 *
 * This side belongs to who emulates devices (and to tests): a host has a software IOMMU over real
 * VT-d tables and devices that send requests through it, tagged with their RID and a PASID. The
 * user's side (contexts, address spaces, routes) is <ioasid/ioasid.h>.
 *
 * Numbers here are those on the wire (pPASIDs).
 */
#ifndef IOASID_HOST_H
#define IOASID_HOST_H

#include <sys/uio.h>

#include <ioasid/ioasid.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct ioasid_host - a machine in miniature: one IOMMU, devices, number spaces. Counted. */
struct ioasid_host;
/** struct ioasid_hostdev - a device of a host, as its emulator sees it. Owned by its maker. */
struct ioasid_hostdev;

#define IOASID_HOST_NO_NESTING	(1U << 0) /* the IOMMU walks no user tables */
#define IOASID_HOST_NO_SNOOP	(1U << 1) /* it cannot enforce snooping */
#define IOASID_HOST_FIRST_STAGE (1U << 2) /* kernel tables are first-stage ones (no nesting) */
/*
 * For tests that must fail, and benchmarks; never set them otherwise: they break what the interface
 * promises.
 */
#define IOASID_HOST_TEST_NO_INVALIDATE (1U << 16) /* user tables: invalidations do nothing */
#define IOASID_HOST_TEST_NO_WAIT       (1U << 17) /* user tables: they do not wait for DMA on its way */
#define IOASID_HOST_TEST_NO_AD	       (1U << 18) /* walks set no accessed and dirty bits */
#define IOASID_HOST_TEST_PAGE_EXTENTS \
	(1U << 19) /* measures MAP: pages come scattered, each pair exchanged */

/**
 * struct ioasid_host_config - what an in-process host is made of; 0 means the default
 * @size: sizeof this structure
 * @flags: IOASID_HOST_*
 * @iotlb_entries: IOTLB size, a power of two from 2 on (4096)
 * @pasid_cache_entries: PASID cache size, a power of two (1024)
 * @walk_cache_entries: paging-structure cache size, a power of two (1024)
 * @levels: levels of kernel-managed tables, 3 to 5 (4)
 * @page_sizes: bitmap of leaf sizes (4 KiB, 2 MiB, 1 GiB)
 * @pasid_bits: PASID width of the IOMMU, 1 to 20 (20)
 * @ats_timeout_ms: how long a device may take to complete an invalidation (10000)
 * @fault_share: page requests one device may have waiting for an answer (512)
 * @test_delay_us: tests: a pause between translation and copy of each piece of a DMA (0)
 * @socket_path: where the host answers ioasidctl, see below; copied. NULL: nowhere
 *
 * With a socket path the host can be looked into as the kernel can be through debugfs: a thread of
 * its own serves a Unix socket of that name, for processes of the same user and root alone (it shows
 * numbers on the wire). The path is absolute and has at most 107 bytes. A socket left behind by a
 * process that died is replaced; it is removed with the host. For the default host the environment
 * names it: IOASID_HOST_SOCKET, where "%p" stands for the process's number; there a refusal is said on
 * stderr and changes nothing else.
 */
struct ioasid_host_config {
	size_t size;
	uint32_t flags;
	uint32_t iotlb_entries;
	uint32_t pasid_cache_entries;
	uint32_t walk_cache_entries;
	uint32_t levels;
	uint32_t pasid_bits;
	uint64_t page_sizes;
	uint32_t ats_timeout_ms;
	uint32_t fault_share;
	uint32_t test_delay_us;
	const char *socket_path;
};

/**
 * ioasid_host_create() - make a host that ioasid_open("inproc:NAME") finds
 * @name: unique in the process
 * @config: NULL for the defaults
 * @host: a reference for the caller
 *
 * Return: 0; -EEXIST there is one with this name, or the socket path is taken (by a process that
 * listens, or by anything but a socket of this user); -EINVAL bad name, size or path; -EOPNOTSUPP
 * unknown flag; -ENOMEM; -EBUSY others hold a lock on the socket's folder; what the system says when
 * the socket is made (-EACCES, -ENOENT, -EROFS, ...).
 */
int ioasid_host_create(const char *name, const struct ioasid_host_config *config,
		       struct ioasid_host **host);
/** ioasid_host_default() - the host of "inproc", made on first use; a reference for the caller. */
int ioasid_host_default(struct ioasid_host **host);
/** ioasid_host_put() - drop a reference; contexts and devices hold their own. */
void ioasid_host_put(struct ioasid_host *host);

/**
 * ioasid_host_set_pasid_split() - where the numbers that are one for the whole host begin
 * @host: host
 * @split: 1 to 2^20 (2^15). Numbers below belong to functions with mediated devices
 *
 * Return: 0; -EBUSY: a host-wide number is out; -EINVAL. Source: design section 5.4.
 */
int ioasid_host_set_pasid_split(struct ioasid_host *host, uint32_t split);
/**
 * ioasid_host_set_default_quota() - host-wide numbers a context may hold without privilege
 * @quota: numbers; IOASID_INVALID (the default): no such limit
 *
 * For contexts opened from now on, and as the most that SET_QUOTA gives the unprivileged.
 */
void ioasid_host_set_default_quota(struct ioasid_host *host, uint32_t quota);

/**
 * struct ioasid_hostdev_ops - what a host asks of a device's emulator; all may be NULL
 * @page_response: a page request group was answered. No locks held; must not sleep long; may be
 *                 called from any thread, also during ioasid_hostdev_page_request()
 * @invalidate: translations of [@start, @last] for @pasid (IOASID_INVALID: for requests without
 *              PASID) must leave the device TLB of a device that keeps one of its own. The device
 *              calls ioasid_hostdev_inv_done(@tag) when no request through them is still on its
 *              way; it may do so from inside. It must not issue commands or wait for pages before
 *              that. What does not answer within the host's ats_timeout_ms is fenced: its requests
 *              are refused until RESET
 * @quiesce: stop sending requests (context closes, unbind); return when stopped
 * @reset: RESET was asked: stop, forget queues and registers
 * @portal_open, @portal_close: classes 7 and 8: accept submissions by the CPU, refuse them; on return of
 *              close none is being accepted. Return of open: 0 or an error
 * @drain: @pasid, a number of the host's, ends on this device: what was programmed with it forgets it,
 *         work with it ends. Return: 0: nothing with it will be sent any more; -EINPROGRESS:
 *         ioasid_hostdev_drained() will say when
 * @start: a context took the device; quiesce ends that
 *
 * quiesce, reset, portal_*, drain and start run inside a command of the context that has the device:
 * they issue none themselves. While quiesce and reset run no request waits for a page: those that did, and
 * those that would, fail. Emulators whose ioasid_hostdev_config ends before @parent have no portal_open
 * and what follows it.
 */
struct ioasid_hostdev_ops {
	void (*page_response)(void *opaque, uint32_t pasid, uint32_t group, uint32_t code);
	void (*invalidate)(void *opaque, uint32_t pasid, uint64_t start, uint64_t last,
			   uint32_t tag);
	void (*quiesce)(void *opaque);
	void (*reset)(void *opaque);
	int (*portal_open)(void *opaque);
	void (*portal_close)(void *opaque);
	int (*drain)(void *opaque, uint32_t pasid);
	void (*start)(void *opaque);
};

#define IOASID_HOSTDEV_ATS	(1U << 0) /* has a device TLB */
#define IOASID_HOSTDEV_PRI	(1U << 1) /* raises page requests; needs ATS */
#define IOASID_HOSTDEV_OWN_DTLB (1U << 2) /* emulates its device TLB itself: ops->invalidate */

/**
 * struct ioasid_hostdev_config - a device
 * @size: sizeof this structure
 * @name: unique on the host, at most 31 bytes
 * @rid: Requester ID, unique on the host; with @parent ignored: a slice has none of its own
 * @dev_class: enum ioasid_class; all but 4
 * @flags: IOASID_HOSTDEV_*
 * @pasid_bits: width of its PASID capability; 0: none
 * @group: IOMMU group; devices with equal numbers share it; IOASID_INVALID: alone
 * @dtlb_entries: size of the modelled device TLB, a power of two (64)
 * @pri_capacity: page requests it may have outstanding (512)
 * @ops: callbacks, or NULL
 * @opaque: their first argument
 * @parent: classes 3, 6 and 8: the function it is a slice of, of class 5 or 7, on the same host, with no
 *          group; it is destroyed after its slices. A slice has no group of its own, and its flags
 *          and width are those of the function or less. Other classes: NULL
 * @mode: enum ioasid_mode: what the driver makes its default; 0: local
 * @kept_first, @kept_last: PASIDs the host's driver keeps on the function for itself; 0: none. NULL
 *          @parent only
 *
 * The members from @parent on may be missing (@size says so).
 */
struct ioasid_hostdev_config {
	size_t size;
	const char *name;
	uint16_t rid;
	uint16_t dev_class;
	uint32_t flags;
	uint32_t pasid_bits;
	uint32_t group;
	uint32_t dtlb_entries;
	uint32_t pri_capacity;
	const struct ioasid_hostdev_ops *ops;
	void *opaque;
	struct ioasid_hostdev *parent;
	uint32_t mode;
	uint32_t kept_first;
	uint32_t kept_last;
};

/**
 * ioasid_hostdev_create() - Return: 0; -EEXIST name or RID taken; -EINVAL; -EOPNOTSUPP class
 *
 * A slice's requests go out with the RID of its parent; those without PASID carry its default PASID, and
 * are blocked while no context has it. Who does not complete an invalidation of its device TLB in time
 * gets the whole function fenced: all its slices that contexts have.
 */
int ioasid_hostdev_create(struct ioasid_host *host, const struct ioasid_hostdev_config *config,
			  struct ioasid_hostdev **dev);
/** ioasid_hostdev_destroy() - hot-unplug: routes end, handles answer -ENODEV, then it is freed. */
void ioasid_hostdev_destroy(struct ioasid_hostdev *dev);

/* ---- numbers, for emulators of devices ----------------------------------------------------------- */

/**
 * ioasid_hostdev_ppasid() - what goes on the wire for a guest's number: mediation
 * @dev: device; @vpasid: what the guest wrote to a register; @ppasid: [out]
 *
 * Takes no lock. The number may be used until ops->drain of it, quiesce or reset, which an emulator
 * serializes with its registers. Return: 0; -ENOENT: no route: the register keeps its value.
 */
int ioasid_hostdev_ppasid(struct ioasid_hostdev *dev, uint32_t vpasid, uint32_t *ppasid);
/** ioasid_hostdev_allows() - may work of @dev carry @ppasid? Its allow list. Takes no lock. */
bool ioasid_hostdev_allows(struct ioasid_hostdev *dev, uint32_t ppasid);
/** ioasid_hostdev_drained() - what ops->drain() left to do is done. Without locks that drain takes. */
void ioasid_hostdev_drained(struct ioasid_hostdev *dev, uint32_t ppasid);
/**
 * ioasid_hostdev_host_use() - the host itself begins or ends using PASIDs on a function
 * @dev: device that is no slice
 *
 * Meanwhile it cannot be bound. Return: 0; -EBUSY it is bound; -EINVAL.
 */
int ioasid_hostdev_host_use(struct ioasid_hostdev *dev, bool use);

/* ---- DMA --------------------------------------------------------------------------------------- */

#define IOASID_DMA_PASID	(1U << 0) /* @pasid is valid */
#define IOASID_DMA_PRIV		(1U << 1) /* privileged request */
#define IOASID_DMA_PAGE_REQUEST (1U << 2) /* ask for missing pages and wait for the answer */
#define IOASID_DMA_TRANSLATED	(1U << 3) /* @addr is a translated address (ATS grant) */
#define IOASID_DMA_NO_REPORT	(1U << 4) /* probe: do not record a fault */
#define IOASID_DMA_NO_SNOOP	(1U << 5)

/**
 * struct ioasid_dma - one request as it goes on the wire
 * @addr: I/O address
 * @pasid: with IOASID_DMA_PASID
 * @flags: IOASID_DMA_*
 * @group: page requests: group index of the device (9 bits)
 * @reason: [out] on -EFAULT: enum ioasid_fault_reason
 * @arch_reason: [out] on -EFAULT: VT-d fault reason
 * @fault_addr: [out] on -EFAULT: the I/O address that failed
 * @page_requests: [out] page requests it took
 */
struct ioasid_dma {
	uint64_t addr;
	uint32_t pasid;
	uint32_t flags;
	uint32_t group;
	uint32_t reason;
	uint32_t arch_reason;
	uint32_t page_requests;
	uint64_t fault_addr;
};

/**
 * ioasid_dma_read() - the device reads memory
 * @dev: device
 * @dma: request
 * @buf: destination
 * @len: bytes; may cross pages
 *
 * Return: 0; -EFAULT blocked (@dma says why; a prefix may have been transferred); -ENODEV.
 * Context: any thread; sleeps only with IOASID_DMA_PAGE_REQUEST.
 */
int ioasid_dma_read(struct ioasid_hostdev *dev, struct ioasid_dma *dma, void *buf, size_t len);
int ioasid_dma_write(struct ioasid_hostdev *dev, struct ioasid_dma *dma, const void *buf,
		     size_t len);

enum ioasid_atomic { IOASID_ATOMIC_FETCH_ADD, IOASID_ATOMIC_SWAP, IOASID_ATOMIC_CAS };

/**
 * ioasid_dma_atomic() - a PCIe AtomicOp
 * @dev: device
 * @dma: request; naturally aligned
 * @op: operation
 * @size: 4 or 8
 * @operand: addend or new value
 * @compare: CAS: expected value
 * @old: value before
 */
int ioasid_dma_atomic(struct ioasid_hostdev *dev, struct ioasid_dma *dma, enum ioasid_atomic op,
		      unsigned int size, uint64_t operand, uint64_t compare, uint64_t *old);

#define IOASID_ACCESS_READ  1
#define IOASID_ACCESS_WRITE 2

/**
 * ioasid_dma_enter() - begin a section in which translations stay valid
 *
 * Invalidations wait for sections that began before them: keep them short, never sleep, issue no
 * command inside. Sections nest.
 */
void ioasid_dma_enter(void);
void ioasid_dma_exit(void);

/**
 * ioasid_dma_translate() - where one request would go
 * @dev: device
 * @dma: request
 * @access: IOASID_ACCESS_*, at least one
 * @bytes: bytes from the returned pointer to the end of the page
 *
 * A failure is recorded when the caller's section ends, at most four of one section; not at all if
 * @dma says IOASID_DMA_PAGE_REQUEST and a page request may repair it.
 *
 * Return: host pointer, valid until ioasid_dma_exit(); NULL: blocked, @dma says why.
 * Context: inside ioasid_dma_enter(). Not for the shared kind (NULL, no reason).
 */
void *ioasid_dma_translate(struct ioasid_hostdev *dev, struct ioasid_dma *dma, unsigned int access,
			   size_t *bytes);

struct ioasid_hold;
/**
 * ioasid_dma_map() - host pointers for a range of I/O addresses, held until released
 * @dev: device
 * @dma: request
 * @len: bytes
 * @access: IOASID_ACCESS_*
 * @iov: filled; adjacent pages are merged
 * @iovcnt: in: room; out: entries
 * @called_back: an invalidation needs it back: called once, without locks, from the invalidating
 *               thread; must cause ioasid_dma_unmap() soon. NULL: the invalidation just waits
 * @opaque: its argument
 * @hold: release with ioasid_dma_unmap()
 *
 * An unmap of the parent concerns a hold through a user table only if it leads into the range.
 *
 * Return: 0; -EFAULT; -E2BIG @iov too small; -EINVAL empty or wrapping range, no access;
 * -EOPNOTSUPP the shared kind; -ENOMEM; -ENODEV.
 */
int ioasid_dma_map(struct ioasid_hostdev *dev, struct ioasid_dma *dma, size_t len,
		   unsigned int access, struct iovec *iov, unsigned int *iovcnt,
		   void (*called_back)(struct ioasid_hold *hold, void *opaque), void *opaque,
		   struct ioasid_hold **hold);
void ioasid_dma_unmap(struct ioasid_hold *hold);

/* ---- ATS and PRI, for devices that keep their own device TLB ------------------------------------ */

/**
 * ioasid_hostdev_translate() - an ATS translation request
 * @dev: device with ATS
 * @dma: request
 * @access: what is wanted; fewer permissions may be granted
 * @translated: start of the translated page
 * @page_lg2: log2 of the page's size
 * @granted: IOASID_ACCESS_* granted; 0: none, raise a page request
 *
 * The grant is outstanding until an invalidation takes it; a translated request is honoured only
 * as long as it is.
 *
 * Return: 0; -EFAULT completer abort or unsupported request (also: more than 2^20 grants are
 * outstanding; the shared kind, which has no translated addresses); -EINVAL no ATS; -ENODEV.
 */
int ioasid_hostdev_translate(struct ioasid_hostdev *dev, struct ioasid_dma *dma,
			     unsigned int access, uint64_t *translated, unsigned int *page_lg2,
			     unsigned int *granted);
/** ioasid_hostdev_inv_done() - the device completed the invalidation @tag. */
void ioasid_hostdev_inv_done(struct ioasid_hostdev *dev, uint32_t tag);

/**
 * ioasid_hostdev_page_request() - send one page request message
 * @dev: device with PRI
 * @dma: address, PASID, group
 * @access: IOASID_ACCESS_*
 * @last: last of its group: a response will come through ops->page_response
 *
 * Return: 0 sent; -ENOSPC the device's credits are used up; -EBUSY the group waits for its answer,
 * or the index is in use by a request of ioasid_dma_*(); -EIO a "failure" response switched page
 * requests off, the device is fenced, or a slice without context has no number to ask with; -EINVAL no
 * PRI, bad group or access; -ENODEV.
 */
int ioasid_hostdev_page_request(struct ioasid_hostdev *dev, const struct ioasid_dma *dma,
				unsigned int access, bool last);

/* ---- white-box questions --------------------------------------------------------------------------- */

/** struct ioasid_host_stats - live objects and cache figures of a host. */
struct ioasid_host_stats {
	uint64_t contexts, devices, ioasids, domains, routes, pinned_bytes, table_pages, holds;
	uint64_t iotlb_hits, iotlb_misses, walks, pasid_cache_misses, invalidations, page_requests;
	uint64_t faults_recorded, ats_grants;
};
/** ioasid_host_get_stats() - counters are per device and summed here; not a snapshot. */
void ioasid_host_get_stats(struct ioasid_host *host, struct ioasid_host_stats *stats);
/** ioasid_host_flush_caches() - drop every cached translation (benchmarks, tests). */
void ioasid_host_flush_caches(struct ioasid_host *host);
/**
 * ioasid_host_root_table() - the software IOMMU's root table address register (VT-d RTADDR)
 *
 * Address of the root table in bits 63:12, translation table mode (scalable) in bits 11:10.
 * "Physical" addresses of a host are this process's virtual addresses.
 */
uint64_t ioasid_host_root_table(struct ioasid_host *host);

#ifdef __cplusplus
}
#endif
#endif
