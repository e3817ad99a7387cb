/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * PCI functions under /dev/ioasid-devices, as ioasid-pci.ko offers them: what comes on top of the
 * device commands of <linux/ioasid.h>. The node is named by the function, "0000:00:05.0".
 *
 * Commands follow the rules of <linux/ioasid.h> (argsz, flags, reserved fields, errors). They,
 * read(), write() and mmap() are for the descriptor that bound the function, while it does.
 *
 * Regions (IOASID_DEV_GET_REGION) have the numbers below; one that the function does not have has
 * size 0. A transfer is split into naturally aligned pieces of 1, 2, 4 or 8 bytes, so that an
 * aligned transfer of such a size is one access. Memory BARs that fill whole pages can be mapped,
 * MAP_SHARED, except for the pages that hold the MSI-X table: the table belongs to the kernel, reads
 * as zero and ignores writes. A mapping that is touched after the function was reset comes back by
 * itself; after its binding ended the access is SIGBUS.
 *
 * Configuration space: BARs, command, interrupt line and pin, MSI and MSI-X control are the user's to
 * write and read back, and of these only Bus Master reaches the function. Capabilities that govern
 * what the host owns are read-only (PM, PCIe, AER, ATS, PRI, PASID) or hidden. Memory and I/O decoding
 * is on from bind to unbind.
 */
#ifndef _UAPI_LINUX_IOASID_PCI_H
#define _UAPI_LINUX_IOASID_PCI_H

#include <linux/ioasid.h>

#define IOASID_PCI_IOC_BASE (IOASID_IOC_DEV_BASE + 0x20)

/** enum ioasid_pci_region - region numbers. */
enum ioasid_pci_region {
	IOASID_PCI_REGION_BAR0 = 0, /* to BAR5 = 5; the upper half of a 64-bit BAR has size 0 */
	IOASID_PCI_REGION_ROM = 6, /* size 0: not offered */
	IOASID_PCI_REGION_CONFIG = 7,
	IOASID_PCI_NR_REGIONS = 8,
};

/** enum ioasid_pci_irq_type - kinds of interrupts; one of them is in use at a time. */
enum ioasid_pci_irq_type {
	IOASID_PCI_IRQ_INTX = 0,
	IOASID_PCI_IRQ_MSI = 1,
	IOASID_PCI_IRQ_MSIX = 2,
	IOASID_PCI_NR_IRQ_TYPES = 3,
};

#define IOASID_PCI_INFO_RESET (1U << 0) /* the function can be reset by itself */

/**
 * struct ioasid_pci_info - IOASID_PCI_GET_INFO
 * @argsz: size of this structure
 * @flags: must be 0
 * @info_flags: [out] IOASID_PCI_INFO_*
 * @irq_type: [out] enum ioasid_pci_irq_type in use; IOASID_INVALID: none
 * @nr_irqs: [out] vectors the function has of each type
 * @nr_enabled: [out] vectors of @irq_type in use
 */
struct ioasid_pci_info {
	__u32 argsz;
	__u32 flags;
	__u32 info_flags;
	__u32 irq_type;
	__u32 nr_irqs[IOASID_PCI_NR_IRQ_TYPES];
	__u32 nr_enabled;
};
#define IOASID_PCI_GET_INFO _IO(IOASID_IOC_TYPE, IOASID_PCI_IOC_BASE + 0x00)

#define IOASID_PCI_IRQ_OFF (1U << 0) /* release all vectors; the other fields must be 0 */

/**
 * struct ioasid_pci_irq - IOASID_PCI_SET_IRQ
 * @argsz: size of this structure
 * @flags: IOASID_PCI_IRQ_OFF
 * @type: enum ioasid_pci_irq_type
 * @start: first vector
 * @count: vectors, not 0
 * @__reserved: 0
 * @fds: address of @count __s32: eventfds to signal, or -1: nothing
 *
 * While no type is in use, @start has to be 0 and @count vectors are taken; the function can raise no
 * others until IRQ_OFF. After that it changes eventfds of these vectors. Another type than the one in
 * use is EBUSY; more vectors than the function has are EINVAL, than the host has free ENOSPC.
 *
 * INTx is masked when it is signalled, until IOASID_PCI_MASK_INTX unmasks it. RESET of the function
 * releases all vectors.
 */
struct ioasid_pci_irq {
	__u32 argsz;
	__u32 flags;
	__u32 type;
	__u32 start;
	__u32 count;
	__u32 __reserved;
	__u64 fds;
};
#define IOASID_PCI_SET_IRQ _IO(IOASID_IOC_TYPE, IOASID_PCI_IOC_BASE + 0x01)

/**
 * struct ioasid_pci_mask - IOASID_PCI_MASK_INTX
 * @argsz: size of this structure
 * @flags: must be 0
 * @masked: 1: mask; 0: unmask: an interrupt that is pending is signalled again
 * @__reserved: 0
 *
 * EINVAL while INTx is not in use.
 */
struct ioasid_pci_mask {
	__u32 argsz;
	__u32 flags;
	__u32 masked;
	__u32 __reserved;
};
#define IOASID_PCI_MASK_INTX _IO(IOASID_IOC_TYPE, IOASID_PCI_IOC_BASE + 0x02)

#endif
