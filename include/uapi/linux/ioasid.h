/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/ioasid: I/O address spaces, PASIDs and the devices that use them.
 *
 * One open context holds address spaces (named by an IOASID, a u32 handle local to the context),
 * the devices bound to it, and the numbers (PASIDs) by which DMA reaches the address spaces.
 *
 * Rules for every command:
 *  - The argument points to a structure that begins with @argsz (its size in bytes, as the caller
 *    knows it) and @flags. A smaller structure than the command needs is EINVAL. A larger one than
 *    this implementation knows is accepted if the rest is zero, else E2BIG.
 *  - An unknown flag is EOPNOTSUPP; a reserved field that is not zero is EINVAL; an unknown command
 *    is ENOTTY. Only fields marked [out] are written, and only on success.
 *  - Addresses and lengths are in bytes; ranges are checked against wrapping and may end at the
 *    very last byte of the address space. Pointers travel as u64.
 *  - A command that fails has changed nothing. (Whoever takes the argument's memory away during the
 *    call gets EFAULT where the answer could not be written; the object may have been made then.)
 *
 * Errors mean the same in all commands:
 *   EINVAL malformed argument, misaligned or wrapping range, wrong kind for this operation
 *   ENOENT no such IOASID, cookie, PASID or fault id in this context
 *   EEXIST overlapping map, number or handle already in use, cookie taken
 *   EBUSY  still referenced, bound elsewhere, mode change under PASID routes
 *   ENOSPC number space exhausted         EDQUOT quota or limit reached
 *   ERANGE number outside what mode, split or width allow
 *   EPERM  privilege missing              EOPNOTSUPP home, IOMMU, class or format cannot do it
 *   EMEDIUMTYPE what the guest was promised does not fit
 *   ENOTTY unknown command                ENODEV device gone or its context closed
 *   EIO    device or IOMMU did not answer in time and is fenced
 *   EINTR  interrupted, nothing changed   EFAULT, ENOMEM, E2BIG, EAGAIN as usual
 */
#ifndef _UAPI_LINUX_IOASID_H
#define _UAPI_LINUX_IOASID_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOASID_IOC_TYPE	    0xE5
#define IOASID_IOC_BASE	    0x00
#define IOASID_IOC_DEV_BASE 0x40

/** No number, no handle. PASIDs have 20 bits; handles are never all ones. */
#define IOASID_INVALID	  0xffffffffU
#define IOASID_PASID_BITS 20

/* ---- CHECK_EXTENSION ---------------------------------------------------------------------- */

/** enum ioasid_extension - what a home may offer; IOASID_CHECK_EXTENSION tells what is there. */
enum ioasid_extension {
	IOASID_EXT_KERNEL_TABLE = 0, /* kernel-managed address spaces */
	IOASID_EXT_USER_TABLE = 1, /* user page tables nested on a parent */
	IOASID_EXT_USER_PASID_TABLE = 2, /* whole PASID tables in guest memory */
	IOASID_EXT_ACCOUNTING_ROOT = 3, /* pin and account once for all children */
	IOASID_EXT_SHARED = 4, /* the caller's own address space */
	IOASID_EXT_SOFTWARE_NESTING = 5, /* kernel-managed child on kernel-managed parent */
	IOASID_EXT_PASID_LOCAL = 6, /* per-device numbers */
	IOASID_EXT_PASID_GLOBAL = 7, /* host-wide numbers, hybrid split */
	IOASID_EXT_PAGE_REQUEST = 8, /* FAULT_FD with page requests */
	IOASID_EXT_DIRTY = 9, /* dirty tracking */
	IOASID_EXT_CPU_PASID = 10, /* CPU PASID translation */
	IOASID_EXT_QUOTA = 11, /* SET_QUOTA and limits */
	IOASID_EXT_STATE = 12, /* save, restore, resume */
	IOASID_EXT_MAP_FD = 13, /* MAP_DMA from a file descriptor */
	IOASID_EXT_QUERY = 14, /* QUERY introspection */
};

/**
 * struct ioasid_check_extension - IOASID_CHECK_EXTENSION
 * @argsz: size of this structure
 * @flags: must be 0
 * @extension: enum ioasid_extension
 * @value: [out] 0 not there (also for numbers this implementation never heard of), else 1 or a
 *         limit where the extension has one
 */
struct ioasid_check_extension {
	__u32 argsz;
	__u32 flags;
	__u32 extension;
	__u32 value;
};
#define IOASID_CHECK_EXTENSION _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x00)

/* ---- GET_INFO ------------------------------------------------------------------------------ */

/* Why a context or a device cannot have its state saved; 0: it can. */
#define IOASID_NOMIG_SHARED  (1U << 0) /* a shared address space is in use */
#define IOASID_NOMIG_EXPOSED (1U << 1) /* a pPASID was returned to the user */
#define IOASID_NOMIG_DRIVER  (1U << 2) /* a device driver cannot save its state */
#define IOASID_NOMIG_HOME    (1U << 3) /* this home does not offer the state commands */

/** enum ioasid_refused - what stood in the way of a host-wide number. */
enum ioasid_refused {
	IOASID_REFUSED_NOT = 0, /* nothing so far */
	IOASID_REFUSED_QUOTA = 1, /* the context's own ceiling: EDQUOT */
	IOASID_REFUSED_CAPACITY = 2, /* all the host has is promised or in use: ENOSPC */
	IOASID_REFUSED_RANGE = 3, /* none is free where the devices can use it: ENOSPC */
	IOASID_REFUSED_LIMIT = 4, /* the limit of a group: EDQUOT */
};

#define IOASID_INFO_COOKIES (1U << 0)

/**
 * struct ioasid_info - IOASID_GET_INFO
 * @argsz: size of this structure
 * @flags: IOASID_INFO_COOKIES: @cookies and @nr_cookies are valid
 * @cookies: address of an array of u64: the devices behind one vIOMMU
 * @nr_cookies: entries in @cookies (at most 4096); without the flag all bound devices count
 * @pasid_bits: [out] bits a vIOMMU over these devices may advertise: floor(log2(min over the PASID
 *              devices of global_min in global mode, else 2^width)); 0: do not advertise PASID
 * @vtd_pss: [out] the same as VT-d ECAP.PSS (valid if @pasid_bits > 0)
 * @smmu_ssidsize: [out] the same as SMMUv3 IDR1.SSIDSIZE
 * @pcie_width: [out] the same as the PCIe capability's max PASID width
 * @promised_bits: [out] what HWID_SET_PROMISED_WIDTH recorded; IOASID_INVALID: nothing
 * @nr_ioasids: [out] live address spaces
 * @nr_devices: [out] bound devices
 * @nr_routes: [out] default and PASID routes
 * @nr_faults: [out] page requests waiting for a response
 * @faults_dropped: [out] records lost to a full queue since the context was opened
 * @pinned_bytes: [out] memory pinned (and accounted) on behalf of this context
 * @quota: [out] ceiling of host-wide numbers; IOASID_INVALID: none set
 * @ids_live: [out] host-wide numbers this context holds
 * @ids_pending: [out] of these, freed but still held by somebody
 * @no_migration: [out] IOASID_NOMIG_* reasons
 * @non_coherent: [out] 1 if a device of the list may do DMA that is not snooped
 * @refused_by: [out] enum ioasid_refused: why the last host-wide number was refused
 * @refused_group: [out] with IOASID_REFUSED_LIMIT: id of the group whose limit it was (a cgroup's id)
 */
struct ioasid_info {
	__u32 argsz;
	__u32 flags;
	__u64 cookies;
	__u32 nr_cookies;
	__u32 pasid_bits;
	__u32 vtd_pss;
	__u32 smmu_ssidsize;
	__u32 pcie_width;
	__u32 promised_bits;
	__u32 nr_ioasids;
	__u32 nr_devices;
	__u32 nr_routes;
	__u32 nr_faults;
	__u64 faults_dropped;
	__u64 pinned_bytes;
	__u32 quota;
	__u32 ids_live;
	__u32 ids_pending;
	__u32 no_migration;
	__u32 non_coherent;
	__u32 refused_by;
	__u64 refused_group;
};
#define IOASID_GET_INFO _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x01)

/* ---- ranges, device and IOASID information --------------------------------------------------- */

/**
 * struct ioasid_range - one range of I/O addresses
 * @start: first address
 * @last: last address, inclusive
 * @type: IOASID_RANGE_*
 * @__reserved: 0
 */
struct ioasid_range {
	__u64 start;
	__u64 last;
	__u32 type;
	__u32 __reserved;
};
#define IOASID_RANGE_USABLE   0
#define IOASID_RANGE_RESERVED 1 /* firmware or topology keeps it */
#define IOASID_RANGE_MSI      2 /* writes here are interrupts */

/** enum ioasid_class - how a device takes part in PASID virtualization (design section 5.1). */
enum ioasid_class {
	IOASID_CLASS_PDEV = 1, /* whole function without PASID */
	IOASID_CLASS_SW_MDEV = 2, /* software mediated device without PASID */
	IOASID_CLASS_MDEV_FIXED = 3, /* mediated device with a fixed default PASID */
	IOASID_CLASS_PDEV_DELEGATED = 4, /* PASID table in guest memory */
	IOASID_CLASS_PDEV_PASID = 5, /* PASID table in host memory */
	IOASID_CLASS_MDEV_PASID = 6, /* mediated device with vPASIDs */
	IOASID_CLASS_PDEV_DMWR = 7, /* class 5 with a shared work queue */
	IOASID_CLASS_MDEV_DMWR = 8, /* class 6 with a shared work queue */
};

/* Device capabilities, as reported by the two device information commands. */
#define IOASID_DEV_PASID      (1U << 0) /* takes PASID routes */
#define IOASID_DEV_DELEGATED  (1U << 1) /* its PASID table may live in guest memory */
#define IOASID_DEV_CPU	      (1U << 2) /* the CPU carries its PASIDs (DMWr) */
#define IOASID_DEV_CPU_VIRT   (1U << 3) /* ... and translates them */
#define IOASID_DEV_MIGRATABLE (1U << 4) /* see no_migration */
#define IOASID_DEV_ATS	      (1U << 5) /* has a device TLB */
#define IOASID_DEV_PRI	      (1U << 6) /* raises page requests */
#define IOASID_DEV_NESTING    (1U << 7) /* its IOMMU walks user tables */
#define IOASID_DEV_SNOOP      (1U << 8) /* its IOMMU can enforce snooping */
#define IOASID_DEV_BLOCKED    (1U << 9) /* no default route, or its group is incomplete */
#define IOASID_DEV_FENCED     (1U << 10) /* did not answer in time; RESET or removal ends it */

/** enum ioasid_portal - state of a command portal (shared work queue). */
enum ioasid_portal {
	IOASID_PORTAL_NONE = 0,
	IOASID_PORTAL_CLOSED = 1,
	IOASID_PORTAL_OPEN = 2,
	IOASID_PORTAL_CLOSED_LOCAL = 3, /* closed: in local mode while the CPU translates */
};

/** enum ioasid_mode - where a device's numbers come from. */
enum ioasid_mode {
	IOASID_MODE_DEFAULT = 0, /* what the narrower or the driver says */
	IOASID_MODE_LOCAL = 1,
	IOASID_MODE_GLOBAL = 2,
};

/** enum ioasid_refusal - why the last ATTACH of a device was refused, finer than its errno. */
enum ioasid_refusal {
	IOASID_REFUSAL_NONE = 0,
	IOASID_REFUSAL_GROUP_INCOMPLETE = 1, /* another member of the group is not bound here */
	IOASID_REFUSAL_GROUP_ROUTE = 2, /* the group is attached to another address space */
	IOASID_REFUSAL_OCCUPIED = 3, /* a default route exists */
	IOASID_REFUSAL_NO_PASID = 4, /* the device or its class takes no PASID */
	IOASID_REFUSAL_NO_NESTING = 5, /* the IOMMU cannot walk user tables */
	IOASID_REFUSAL_SNOOP = 6, /* the IOMMU cannot enforce snooping */
	IOASID_REFUSAL_FORMAT = 7, /* the IOMMU does not know the table format or width */
	IOASID_REFUSAL_APERTURE = 8, /* a mapping lies outside what the IOMMU reaches */
	IOASID_REFUSAL_MODE = 9, /* the asked mode contradicts live PASID routes */
	IOASID_REFUSAL_NUMBER = 10, /* the number is outside width or split, or taken */
	IOASID_REFUSAL_KIND = 11, /* this kind of address space is not attached */
	IOASID_REFUSAL_SHARED = 12, /* no SVA on this IOMMU or kernel */
	IOASID_REFUSAL_FENCED = 13, /* the device did not answer earlier */
	IOASID_REFUSAL_OS = 14, /* the kernel's own IOMMU layer refused */
};

/**
 * struct ioasid_device_info - IOASID_DEVICE_GET_INFO (context) and IOASID_DEV_GET_INFO (device)
 * @argsz: size of this structure
 * @flags: must be 0
 * @cookie: context command: which device; device command: [out] its cookie, 0 while not bound
 * @dev_class: [out] enum ioasid_class
 * @caps: [out] IOASID_DEV_*
 * @pasid_width: [out] bits of PASID the device and its IOMMU share; 0: none
 * @mode: [out] enum ioasid_mode in force
 * @global_min: [out] first host-allocated number in global mode; 0 in local mode
 * @portal: [out] enum ioasid_portal
 * @no_migration: [out] IOASID_NOMIG_* reasons
 * @default_ioasid: [out] where requests without PASID go; IOASID_INVALID: nowhere
 * @nr_pasid_routes: [out] live PASID routes
 * @last_refusal: [out] enum ioasid_refusal of the last refused ATTACH
 * @group: [out] IOMMU group number; IOASID_INVALID: none
 * @nr_regions: [out] regions a device descriptor offers
 * @page_sizes: [out] bitmap of page sizes of its IOMMU
 * @ranges: address of an array of struct ioasid_range to fill, or 0
 * @nr_ranges: in: room in @ranges; [out] ranges there are
 * @iommu_format: [out] enum ioasid_format of tables its IOMMU walks
 */
struct ioasid_device_info {
	__u32 argsz;
	__u32 flags;
	__u64 cookie;
	__u32 dev_class;
	__u32 caps;
	__u32 pasid_width;
	__u32 mode;
	__u32 global_min;
	__u32 portal;
	__u32 no_migration;
	__u32 default_ioasid;
	__u32 nr_pasid_routes;
	__u32 last_refusal;
	__u32 group;
	__u32 nr_regions;
	__u64 page_sizes;
	__u64 ranges;
	__u32 nr_ranges;
	__u32 iommu_format;
};
#define IOASID_DEVICE_GET_INFO _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x02)

/** enum ioasid_kind - what an address space is; fixed at ALLOC (design section 4). */
enum ioasid_kind {
	IOASID_KIND_KERNEL = 1, /* changed by MAP and UNMAP */
	IOASID_KIND_USER_TABLE = 2, /* page table in the parent's address space */
	IOASID_KIND_USER_PASID_TABLE = 3, /* PASID table in the parent's address space */
	IOASID_KIND_ACCOUNTING = 4, /* identity, pins once for all children */
	IOASID_KIND_SHARED = 5, /* the calling process */
};

/** enum ioasid_format - formats of tables a user brings. */
enum ioasid_format {
	IOASID_FORMAT_NONE = 0,
	IOASID_FORMAT_VTD_FS = 1, /* VT-d first stage = x86-64; levels 4 or 5 */
	IOASID_FORMAT_SMMUV3_S1 = 2,
	IOASID_FORMAT_AMD_V2 = 3,
	IOASID_FORMAT_RISCV = 4,
	IOASID_FORMAT_NATIVE = 5, /* IOASID_DEV info only: the kernel's IOMMU API hides it */
};

/** enum ioasid_snoop - coherence of DMA through an address space. */
enum ioasid_snoop {
	IOASID_SNOOP_AUTO = 0, /* enforce where the IOMMU can */
	IOASID_SNOOP_ENFORCE = 1, /* refuse devices whose IOMMU cannot */
	IOASID_SNOOP_ALLOW = 2, /* no-snoop requests stay no-snoop */
};

/**
 * struct ioasid_ioas_info - IOASID_IOAS_GET_INFO
 * @argsz: size of this structure
 * @flags: must be 0
 * @ioasid: which address space
 * @kind: [out] enum ioasid_kind
 * @parent: [out] IOASID_INVALID: a root
 * @nr_children: [out]
 * @nr_routes: [out] default and PASID routes
 * @snoop: [out] enum ioasid_snoop in force
 * @non_coherent: [out] 1 if DMA through it may bypass caches
 * @format: [out] user tables: enum ioasid_format
 * @nr_maps: [out] live MAP ranges
 * @mapped_bytes: [out]
 * @page_sizes: [out] page sizes all attached IOMMUs share
 * @ranges: address of an array of struct ioasid_range to fill, or 0
 * @nr_ranges: in: room; [out] ranges there are (usable ones, then reserved windows)
 * @__reserved: 0
 */
struct ioasid_ioas_info {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 kind;
	__u32 parent;
	__u32 nr_children;
	__u32 nr_routes;
	__u32 snoop;
	__u32 non_coherent;
	__u32 format;
	__u64 nr_maps;
	__u64 mapped_bytes;
	__u64 page_sizes;
	__u64 ranges;
	__u32 nr_ranges;
	__u32 __reserved;
};
#define IOASID_IOAS_GET_INFO _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x03)

/* ---- ALLOC, FREE --------------------------------------------------------------------------- */

#define IOASID_ALLOC_HANDLE (1U << 0) /* @ioasid asks for a handle */
#define IOASID_ALLOC_TABLE  (1U << 1) /* @table is valid: bind it at once */

/**
 * struct ioasid_table - a table in the parent's address space
 * @format: enum ioasid_format
 * @levels: VT-d first stage: 4 or 5
 * @flags: IOASID_TABLE_*
 * @pasid_bits: PASID tables: width
 * @address: where it starts, in the parent's input addresses; aligned as the format asks
 * @config: further words of the format, as hardware has them (SMMUv3: CD attributes)
 */
struct ioasid_table {
	__u32 format;
	__u32 levels;
	__u32 flags;
	__u32 pasid_bits;
	__u64 address;
	__u64 config[2];
};
#define IOASID_TABLE_SRE	(1U << 0) /* supervisor requests allowed (VT-d SRE) */
#define IOASID_TABLE_WPE	(1U << 1) /* supervisor writes obey R/W (VT-d WPE) */
#define IOASID_TABLE_EAFE	(1U << 2) /* extended accessed flag (VT-d EAFE) */
#define IOASID_TABLE_SUBSTREAM0 (1U << 3) /* PASID table: no PASID means entry 0 */
#define IOASID_TABLE_BYPASS0	(1U << 4) /* PASID table: no PASID means the parent itself */

/**
 * struct ioasid_alloc - IOASID_ALLOC
 * @argsz: size of this structure
 * @flags: IOASID_ALLOC_*
 * @kind: enum ioasid_kind
 * @parent: IOASID_INVALID, or the address space this one nests on (required for user tables)
 * @snoop: enum ioasid_snoop; children inherit what they leave at AUTO
 * @addr_bits: kernel kind: highest address width the user needs; 0: any
 * @ioasid: in with IOASID_ALLOC_HANDLE: the handle wanted (EEXIST if taken); [out] the handle
 * @__reserved: 0
 * @table: with IOASID_ALLOC_TABLE: as in BIND_PGTABLE or SET_PASID_TABLE
 */
struct ioasid_alloc {
	__u32 argsz;
	__u32 flags;
	__u32 kind;
	__u32 parent;
	__u32 snoop;
	__u32 addr_bits;
	__u32 ioasid;
	__u32 __reserved;
	struct ioasid_table table;
};
#define IOASID_ALLOC _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x04)

/**
 * struct ioasid_free - IOASID_FREE
 * @argsz: size of this structure
 * @flags: must be 0
 * @ioasid: address space without children and routes (else EBUSY)
 * @__reserved: 0
 */
struct ioasid_free {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 __reserved;
};
#define IOASID_FREE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x05)

/* ---- MAP_DMA, UNMAP_DMA --------------------------------------------------------------------- */

#define IOASID_MAP_READ	 (1U << 0) /* devices may read */
#define IOASID_MAP_WRITE (1U << 1) /* devices may write */
#define IOASID_MAP_FD	 (1U << 2) /* memory comes from @fd at offset @vaddr */

/**
 * struct ioasid_map_dma - IOASID_MAP_DMA
 * @argsz: size of this structure
 * @flags: IOASID_MAP_*; at least one of READ and WRITE
 * @ioasid: kernel kind or accounting root
 * @fd: with IOASID_MAP_FD, else 0
 * @iova: first I/O address, page aligned
 * @vaddr: roots: address in the caller, or offset in @fd; children of a kernel-managed parent:
 *         address in the parent; accounting roots: equal to @iova
 * @length: bytes, a multiple of the page size, not 0
 *
 * Overlap with a former mapping is EEXIST; nothing is replaced.
 */
struct ioasid_map_dma {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__s32 fd;
	__u64 iova;
	__u64 vaddr;
	__u64 length;
};
#define IOASID_MAP_DMA _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x06)

#define IOASID_UNMAP_ALL   (1U << 0) /* everything; @iova and @length must be 0 */
#define IOASID_UNMAP_DIRTY (1U << 1) /* return the range's dirty bits */

/**
 * struct ioasid_unmap_dma - IOASID_UNMAP_DMA
 * @argsz: size of this structure
 * @flags: IOASID_UNMAP_*
 * @ioasid: kernel kind or accounting root
 * @__reserved: 0
 * @iova: first I/O address
 * @length: bytes; a range that cuts a former mapping in two is EINVAL, holes are fine
 * @unmapped: [out] bytes that were mapped
 * @bitmap: with IOASID_UNMAP_DIRTY: address of a bitmap, one bit per @dirty_page_size
 * @dirty_page_size: with IOASID_UNMAP_DIRTY
 *
 * On return no DMA through the range is still to land.
 */
struct ioasid_unmap_dma {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 __reserved;
	__u64 iova;
	__u64 length;
	__u64 unmapped;
	__u64 bitmap;
	__u64 dirty_page_size;
};
#define IOASID_UNMAP_DMA _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x07)

/* ---- user tables ------------------------------------------------------------------------------ */

#define IOASID_BIND_NONE (1U << 0) /* leave a table on which every access is an event */

/**
 * struct ioasid_bind_pgtable - IOASID_BIND_PGTABLE and IOASID_SET_PASID_TABLE
 * @argsz: size of this structure
 * @flags: IOASID_BIND_NONE: @table must be zero
 * @ioasid: user page table, or user PASID table
 * @__reserved: 0
 * @table: the table; binding again replaces the root atomically
 */
struct ioasid_bind_pgtable {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 __reserved;
	struct ioasid_table table;
};
#define IOASID_BIND_PGTABLE    _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x08)
#define IOASID_SET_PASID_TABLE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x09)

/* ---- numbers ------------------------------------------------------------------------------------ */

#define IOASID_HWID_DEVICE (1U << 0) /* @cookie is valid: one device only */
#define IOASID_HWID_ANY	   (1U << 1) /* pick a number and return it in @vpasid */
#define IOASID_HWID_EXPOSE (1U << 2) /* return the pPASID: ends migratability */
#define IOASID_HWID_ALL	   (1U << 3) /* CLEAR_HWID: every number of the address space */

/**
 * struct ioasid_set_hwid - IOASID_SET_HWID and IOASID_CLEAR_HWID
 * @argsz: size of this structure
 * @flags: IOASID_HWID_*
 * @ioasid: address space
 * @vpasid: the guest's number (1 .. 2^20 - 1); [out] with IOASID_HWID_ANY
 * @cookie: with IOASID_HWID_DEVICE
 * @ppasid: [out] with IOASID_HWID_EXPOSE, else IOASID_INVALID
 * @__reserved: 0
 *
 * SET acts on the devices that are PASID-attached to @ioasid at this moment; where the same route
 * exists it changes nothing. CLEAR returns when no DMA through the number is still to land.
 *
 * On devices in global mode @vpasid is below their global_min (ERANGE), and one host-wide number besides
 * leads to the same place. EBUSY: the number is used on a device by the kernel or the device's driver,
 * or work with it may still come. If it was a host-wide one, the same call takes another.
 */
struct ioasid_set_hwid {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 vpasid;
	__u64 cookie;
	__u32 ppasid;
	__u32 __reserved;
};
#define IOASID_SET_HWID	  _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0a)
#define IOASID_CLEAR_HWID _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0b)

/**
 * struct ioasid_hwid_policy - SET_HWID_MODE, HWID_SET_GLOBAL_MIN, HWID_SET_PROMISED_WIDTH
 * @argsz: size of this structure
 * @flags: IOASID_HWID_DEVICE: @cookie is valid, else the context's knob (not for the width)
 * @cookie: device
 * @value: SET_HWID_MODE: enum ioasid_mode; HWID_SET_GLOBAL_MIN: first host-allocated number
 *         (1 .. 2^20); HWID_SET_PROMISED_WIDTH: bits the guest was told (0 .. 20)
 * @__reserved: 0
 */
struct ioasid_hwid_policy {
	__u32 argsz;
	__u32 flags;
	__u64 cookie;
	__u32 value;
	__u32 __reserved;
};
#define IOASID_SET_HWID_MODE	       _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0c)
#define IOASID_HWID_SET_GLOBAL_MIN     _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0d)
#define IOASID_HWID_SET_PROMISED_WIDTH _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0e)

/* ---- INVALIDATE_CACHE ----------------------------------------------------------------------------- */

/** enum ioasid_inv_granularity - what an invalidation names. */
enum ioasid_inv_granularity {
	IOASID_INV_ALL = 0, /* everything cached for the address space */
	IOASID_INV_PASID = 1, /* one vPASID */
	IOASID_INV_RANGE = 2, /* [iova, iova + length - 1] */
	IOASID_INV_TAG = 3, /* delegated tables: an architecture tag (ASID, PSCID) */
	IOASID_INV_PASID_ENTRY = 4, /* delegated tables: a PASID table entry */
};
#define IOASID_INV_DEVICE (1U << 0) /* @cookie is valid */
#define IOASID_INV_LEAF	  (1U << 1) /* only leaf entries changed */
#define IOASID_INV_VPASID (1U << 2) /* @vpasid is valid (with RANGE on a delegated table) */

/**
 * struct ioasid_invalidate - IOASID_INVALIDATE_CACHE
 * @argsz: size of this structure
 * @flags: IOASID_INV_*
 * @ioasid: user page table or user PASID table
 * @granularity: enum ioasid_inv_granularity
 * @cookie: with IOASID_INV_DEVICE
 * @vpasid: the number, where the granularity or the flag names one, else 0
 * @tag: architecture tag, else 0
 * @iova: with RANGE: first address; any alignment
 * @length: with RANGE: bytes, not 0; iova + length may reach 2^64
 *
 * On return no access through the old translation is still to land and the old tables are no
 * longer read or written.
 */
struct ioasid_invalidate {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 granularity;
	__u64 cookie;
	__u32 vpasid;
	__u32 tag;
	__u64 iova;
	__u64 length;
};
#define IOASID_INVALIDATE_CACHE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x0f)

/* ---- faults ------------------------------------------------------------------------------------------ */

/**
 * struct ioasid_fault_fd - IOASID_FAULT_FD
 * @argsz: size of this structure
 * @flags: must be 0
 * @capacity: records the queue holds; 0: a default
 * @fd: [out] pollable descriptor; reading it gives struct ioasid_fault records
 *
 * One at a time per context (EBUSY). Closing it answers pending page requests "invalid".
 */
struct ioasid_fault_fd {
	__u32 argsz;
	__u32 flags;
	__u32 capacity;
	__s32 fd;
};
#define IOASID_FAULT_FD _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x10)

#define IOASID_FAULT_PAGE_REQUEST 1
#define IOASID_FAULT_EVENT	  2

#define IOASID_FAULT_VPASID (1U << 0) /* @vpasid is valid */
#define IOASID_FAULT_LAST   (1U << 1) /* page request: last of its group */
#define IOASID_FAULT_READ   (1U << 2)
#define IOASID_FAULT_WRITE  (1U << 3)
#define IOASID_FAULT_EXEC   (1U << 4)
#define IOASID_FAULT_PRIV   (1U << 5)
#define IOASID_FAULT_GPA    (1U << 6) /* @gpa is valid: stage 2 */
#define IOASID_FAULT_IOASID (1U << 7) /* @ioasid is valid */

/** enum ioasid_fault_reason - why an access failed, in words common to all architectures. */
enum ioasid_fault_reason {
	IOASID_REASON_NONE = 0,
	IOASID_REASON_NO_ROUTE = 1, /* no valid PASID, or the device is blocked */
	IOASID_REASON_NOT_PRESENT = 2,
	IOASID_REASON_PERMISSION = 3,
	IOASID_REASON_RESERVED_BIT = 4, /* malformed table entry */
	IOASID_REASON_ADDRESS = 5, /* not canonical or too wide */
	IOASID_REASON_TABLE_ACCESS = 6, /* a table entry could not be read or updated */
	IOASID_REASON_STAGE2 = 7, /* the parent has no (such) mapping, see @gpa */
	IOASID_REASON_DEAD = 8, /* the process of a shared space is gone */
	IOASID_REASON_DEVICE = 9, /* misuse by the device, e.g. a grant it does not hold */
};

/**
 * struct ioasid_fault - one record read from the fault descriptor
 * @type: IOASID_FAULT_PAGE_REQUEST or IOASID_FAULT_EVENT
 * @flags: IOASID_FAULT_*
 * @id: page requests: what PAGE_RESPONSE names
 * @ioasid: address space
 * @cookie: device
 * @address: I/O address; page requests: page aligned
 * @gpa: with IOASID_FAULT_GPA: the parent's input address that failed
 * @vpasid: with IOASID_FAULT_VPASID
 * @group: page requests: the device's group index
 * @reason: events: enum ioasid_fault_reason
 * @arch_reason: events: the architecture's own code (VT-d: fault reason)
 *
 * Numbers in it are virtual ones only.
 */
struct ioasid_fault {
	__u32 type;
	__u32 flags;
	__u32 id;
	__u32 ioasid;
	__u64 cookie;
	__u64 address;
	__u64 gpa;
	__u32 vpasid;
	__u32 group;
	__u32 reason;
	__u32 arch_reason;
	__u64 __reserved;
};

/** enum ioasid_response - answers to a page request; codes as PCIe has them. */
enum ioasid_response {
	IOASID_RESPONSE_SUCCESS = 0, /* try again */
	IOASID_RESPONSE_INVALID = 1, /* give up this access */
	IOASID_RESPONSE_FAILURE = 15, /* stop page requests; never sent to a shared RID */
};

/**
 * struct ioasid_page_response - IOASID_PAGE_RESPONSE
 * @argsz: size of this structure
 * @flags: must be 0
 * @id: from the record; answers the whole group (ENOENT: answered or cancelled before)
 * @code: enum ioasid_response
 */
struct ioasid_page_response {
	__u32 argsz;
	__u32 flags;
	__u32 id;
	__u32 code;
};
#define IOASID_PAGE_RESPONSE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x11)

/* ---- dirty tracking ------------------------------------------------------------------------------------ */

#define IOASID_DIRTY_ENABLE   (1U << 0)
#define IOASID_DIRTY_NO_CLEAR (1U << 1) /* DIRTY_GET: leave the bits */

/**
 * struct ioasid_dirty - IOASID_DIRTY_SET and IOASID_DIRTY_GET
 * @argsz: size of this structure
 * @flags: IOASID_DIRTY_*
 * @ioasid: kernel-managed root
 * @__reserved: 0
 * @iova: DIRTY_GET: first address
 * @length: DIRTY_GET: bytes
 * @page_size: DIRTY_GET: bytes per bit
 * @bitmap: DIRTY_GET: address of the bitmap; bits are ORed into it
 */
struct ioasid_dirty {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 __reserved;
	__u64 iova;
	__u64 length;
	__u64 page_size;
	__u64 bitmap;
};
#define IOASID_DIRTY_SET _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x12)
#define IOASID_DIRTY_GET _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x13)

/* ---- CPU PASID translation -------------------------------------------------------------------------------- */

#define IOASID_CPU_DISABLE (1U << 0)

/**
 * struct ioasid_cpu_pasid_enable - IOASID_CPU_PASID_ENABLE
 * @argsz: size of this structure
 * @flags: IOASID_CPU_DISABLE switches it off
 * @provider_fd: descriptor of the VM whose CPUs use the table, or -1: the one attached already; with
 *               IOASID_CPU_DISABLE -1
 * @__reserved: 0
 *
 * Returns when every vCPU, present or later added, translates the PASIDs of ENQCMD by the context's
 * table; only then do portals of slices open (enum ioasid_portal). A vCPU that meets a number without
 * entry leaves the guest, and nothing is sent. Off, portals are closed before the table goes; entries and
 * the VM stay for the next time. A VM that ends takes itself out.
 *
 * EOPNOTSUPP: no VM, no descriptor of one, or it cannot; EBUSY: it is another context's, or another VM
 * translates; ENODEV: the VM is ending.
 */
struct ioasid_cpu_pasid_enable {
	__u32 argsz;
	__u32 flags;
	__s32 provider_fd;
	__u32 __reserved;
};
#define IOASID_CPU_PASID_ENABLE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x14)

/**
 * struct ioasid_cpu_pasid - IOASID_CPU_PASID_MAP and IOASID_CPU_PASID_UNMAP
 * @argsz: size of this structure
 * @flags: must be 0
 * @vpasid: what the guest writes to IA32_PASID
 * @__reserved: 0
 *
 * MAP: from now on the context's CPUs make of @vpasid the host-wide number of it, which a route of a
 * device in global mode has (ENOENT: none has; ERANGE: no PASID). An entry that is there already is
 * no error. It may be made before translation is on.
 *
 * UNMAP returns when no vCPU can send the number any more (ENOENT: there is no entry). So does whatever
 * ends the number's last route.
 */
struct ioasid_cpu_pasid {
	__u32 argsz;
	__u32 flags;
	__u32 vpasid;
	__u32 __reserved;
};
#define IOASID_CPU_PASID_MAP   _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x15)
#define IOASID_CPU_PASID_UNMAP _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x16)

/* ---- quota ---------------------------------------------------------------------------------------------------- */

#define IOASID_QUOTA_RESERVE (1U << 0) /* take @quota out of capacity now; privileged */

/**
 * struct ioasid_quota - IOASID_SET_QUOTA
 * @argsz: size of this structure
 * @flags: IOASID_QUOTA_*
 * @quota: most host-wide numbers this context may hold; IOASID_INVALID: no ceiling of its own
 * @__reserved: 0
 */
struct ioasid_quota {
	__u32 argsz;
	__u32 flags;
	__u32 quota;
	__u32 __reserved;
};
#define IOASID_SET_QUOTA _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x17)

/* ---- limits ---------------------------------------------------------------------------------------------------- */

#define IOASID_LIMIT_OWN      (1U << 0) /* the group of the calling task */
#define IOASID_LIMIT_FD	      (1U << 1) /* @fd: descriptor of a cgroup-v2 directory */
#define IOASID_LIMIT_PATH     (1U << 2) /* @path: in-process hosts: their groups have paths */
#define IOASID_LIMIT_PATH_MAX 4095

/**
 * struct ioasid_limit - IOASID_LIMIT_GET, IOASID_LIMIT_SET: limits on host-wide numbers
 * @argsz: size of this structure
 * @flags: exactly one of IOASID_LIMIT_*: how the group is named
 * @fd: with IOASID_LIMIT_FD; else 0
 * @max: SET: numbers this group and those below it may hold together, IOASID_INVALID: no limit; what
 *       they hold already is not taken away. GET: [out]
 * @path: with IOASID_LIMIT_PATH: address of the path, "/a/b"; else 0
 * @path_len: its length without a final NUL, at most 4095
 * @current_charge: [out] numbers charged to this group and those below it
 * @peak: [out] highest @current_charge so far
 * @__reserved: 0
 * @id: [out] names the group in GET_INFO and dumps: the cgroup's id
 * @events: [out] refusals because of the limit of this group or of one below it
 * @events_local: [out] refusals because of this group's own limit
 *
 * Everybody may read what he can name. SET answers the figures as GET does. It is EPERM unless the
 * caller may write the group's parent directory and sees it (his cgroup namespace, a writable mount that
 * holds both); so it is with IOASID_LIMIT_OWN, which shows no directory. In-process: unless he is
 * privileged. A root has no limit (EINVAL). ENOENT: a group that is gone; EBADF: no descriptor;
 * EOPNOTSUPP: a home whose groups are named in another way.
 */
struct ioasid_limit {
	__u32 argsz;
	__u32 flags;
	__s32 fd;
	__u32 max;
	__u64 path;
	__u32 path_len;
	__u32 current_charge;
	__u32 peak;
	__u32 __reserved;
	__u64 id;
	__u64 events;
	__u64 events_local;
};
#define IOASID_LIMIT_GET _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x1c)
#define IOASID_LIMIT_SET _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x1d)

/* ---- state ------------------------------------------------------------------------------------------------------ */

/**
 * struct ioasid_state - IOASID_STATE_SAVE, IOASID_STATE_RESTORE, IOASID_STATE_RESUME
 * @argsz: size of this structure
 * @flags: must be 0
 * @buffer: address of the saved state; RESUME: 0
 * @size: SAVE: room, [out] bytes written or needed; RESTORE: bytes; RESUME: 0
 */
struct ioasid_state {
	__u32 argsz;
	__u32 flags;
	__u64 buffer;
	__u64 size;
};
#define IOASID_STATE_SAVE    _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x18)
#define IOASID_STATE_RESTORE _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x19)
#define IOASID_STATE_RESUME  _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x1a)

/* ---- QUERY: what a command-line tool shows ------------------------------------------------------------------------ */

/** enum ioasid_query_type - which objects QUERY walks. */
enum ioasid_query_type {
	IOASID_QUERY_IOAS = 1, /* struct ioasid_query_ioas */
	IOASID_QUERY_DEVICE = 2, /* struct ioasid_query_device */
	IOASID_QUERY_ROUTE = 3, /* struct ioasid_query_route */
	IOASID_QUERY_MAP = 4, /* struct ioasid_query_map, of @ioasid */
};
struct ioasid_query_ioas {
	__u32 ioasid, kind, parent, nr_routes;
};
struct ioasid_query_device {
	__u64 cookie;
	__u32 dev_class, nr_pasid_routes, default_ioasid, mode;
};
#define IOASID_ROUTE_PASID   (1U << 0)
#define IOASID_ROUTE_PENDING (1U << 1) /* attached, no number yet: nothing is routed */
#define IOASID_ROUTE_CPU     (1U << 2) /* the CPUs translate this number */
struct ioasid_query_route {
	__u64 cookie;
	__u32 ioasid, vpasid, flags, __reserved;
};
struct ioasid_query_map {
	__u64 iova, last, vaddr;
	__u32 flags, __reserved;
};

/**
 * struct ioasid_query - IOASID_QUERY
 * @argsz: size of this structure
 * @flags: must be 0
 * @type: enum ioasid_query_type
 * @ioasid: QUERY_MAP: which; else 0
 * @cursor: in: 0, or what the last call returned; [out] where to go on; ~0: the end
 * @buffer: address of an array of the type's structure
 * @room: entries that fit
 * @count: [out] entries written
 *
 * Not a snapshot: objects that come or go between calls may be missed.
 */
struct ioasid_query {
	__u32 argsz;
	__u32 flags;
	__u32 type;
	__u32 ioasid;
	__u64 cursor;
	__u64 buffer;
	__u32 room;
	__u32 count;
};
#define IOASID_QUERY _IO(IOASID_IOC_TYPE, IOASID_IOC_BASE + 0x1b)

/* ==== commands on a device descriptor ================================================================================ */

/* IOASID_DEV_GET_INFO takes struct ioasid_device_info. */
#define IOASID_DEV_GET_INFO _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x00)

/**
 * struct ioasid_dev_bind - IOASID_DEV_BIND_IOASID_FD
 * @argsz: size of this structure
 * @flags: must be 0
 * @ioasid_fd: an open context
 * @__reserved: 0
 * @cookie: the user's name for the device, unique in the context
 *
 * A device belongs to one context at a time (EBUSY). Bound and not attached, its DMA is blocked.
 */
struct ioasid_dev_bind {
	__u32 argsz;
	__u32 flags;
	__s32 ioasid_fd;
	__u32 __reserved;
	__u64 cookie;
};
#define IOASID_DEV_BIND_IOASID_FD _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x01)

#define IOASID_ATTACH_PASID   (1U << 0) /* a PASID route instead of the default route */
#define IOASID_ATTACH_VPASID  (1U << 1) /* with PASID: @vpasid is the number */
#define IOASID_ATTACH_REPLACE (1U << 2) /* swap the whole default stack, atomically */
#define IOASID_ATTACH_LOCAL   (1U << 3) /* with PASID: the device's mode */
#define IOASID_ATTACH_GLOBAL  (1U << 4) /* with PASID: the device's mode */

/**
 * struct ioasid_dev_attach - IOASID_DEV_ATTACH_IOASID and IOASID_DEV_DETACH_IOASID
 * @argsz: size of this structure
 * @flags: IOASID_ATTACH_*; DETACH knows IOASID_ATTACH_PASID
 * @ioasid: address space
 * @vpasid: with IOASID_ATTACH_VPASID, else 0
 *
 * DETACH without the PASID flag ends the default route to @ioasid (its parent's route comes back
 * if it was stacked on it); with the flag, the device's PASID attachment with all its numbers.
 */
struct ioasid_dev_attach {
	__u32 argsz;
	__u32 flags;
	__u32 ioasid;
	__u32 vpasid;
};
#define IOASID_DEV_ATTACH_IOASID _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x02)
#define IOASID_DEV_DETACH_IOASID _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x03)

/**
 * struct ioasid_dev_reset - IOASID_DEV_RESET
 * @argsz: size of this structure
 * @flags: must be 0
 *
 * Stops the device, answers its page requests "invalid", purges caches; routes and numbers stay.
 */
struct ioasid_dev_reset {
	__u32 argsz;
	__u32 flags;
};
#define IOASID_DEV_RESET _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x04)

#define IOASID_DEV_EVENT_REMOVAL 0 /* somebody wants the device back */
#define IOASID_DEV_EVENT_ERROR	 1 /* the device reported an error or is fenced */

/**
 * struct ioasid_dev_eventfd - IOASID_DEV_SET_EVENTFD
 * @argsz: size of this structure
 * @flags: must be 0
 * @index: IOASID_DEV_EVENT_*
 * @fd: an eventfd, or -1 to take it away
 */
struct ioasid_dev_eventfd {
	__u32 argsz;
	__u32 flags;
	__u32 index;
	__s32 fd;
};
#define IOASID_DEV_SET_EVENTFD _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x05)

/**
 * struct ioasid_dev_region - IOASID_DEV_GET_REGION
 * @argsz: size of this structure
 * @flags: must be 0
 * @index: region number
 * @region_flags: [out] IOASID_REGION_*
 * @offset: [out] offset in the device descriptor for read, write and mmap
 * @size: [out] bytes
 */
struct ioasid_dev_region {
	__u32 argsz;
	__u32 flags;
	__u32 index;
	__u32 region_flags;
	__u64 offset;
	__u64 size;
};
#define IOASID_REGION_READ    (1U << 0)
#define IOASID_REGION_WRITE   (1U << 1)
#define IOASID_REGION_MMAP    (1U << 2)
#define IOASID_DEV_GET_REGION _IO(IOASID_IOC_TYPE, IOASID_IOC_DEV_BASE + 0x06)

#endif
