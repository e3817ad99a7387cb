/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid-pci.ko, between its own files.
 *
 *   main.c     the PCI driver: which functions, registration, binding, reset, the deny table
 *   config.c   configuration space as the user sees it
 *   region.c   BARs: read, write, map
 *   irq.c      interrupts by eventfd
 *   ioctl.c    commands of <linux/ioasid_pci.h>
 *
 * The function is enabled from bind to unbind; in between its user may touch it. Locks, outermost
 * first:
 *
 *   (context's lock, held by bind, unbind, quiesce, reset)
 *   pdev's device lock    resets. Only tried inside the context's lock, since remove() has it and
 *                         waits for contexts
 *   (mmap lock, held by faults)
 *   @access (rwsem)       read: an access to the function; write: a reset. No user memory is touched
 *                         under it
 *   @config_lock (mutex)  the virtual configuration space
 *   @irq_lock (mutex)     which vectors are in use
 *   @command_lock (spin)  the command register, shared with the INTx handler
 */
#ifndef IOASID_PCI_H
#define IOASID_PCI_H

#include <linux/eventfd.h>
#include <linux/ioasid_driver.h>
#include <linux/ioasid_pci.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/wait.h>

/* A region's place in the descriptor: its number above bits that hold any BAR. */
#define REGION_SHIFT 40
#define REGION_MASK  ((1ULL << REGION_SHIFT) - 1)

#define NO_IRQ_TYPE IOASID_INVALID

/**
 * struct ipci_vector - an interrupt
 * @lock: @eventfd, against the handler
 * @eventfd: signalled; NULL: nobody cares
 */
struct ipci_vector {
	spinlock_t lock;
	struct eventfd_ctx *eventfd;
};

/**
 * struct ipci_config - configuration space as the user sees it
 * @size: 256 or 4096 bytes
 * @virt: bits that come from @value, the others from the function
 * @write: bits of @value the user may change
 * @value: written last
 */
struct ipci_config {
	unsigned int size;
	u8 *virt;
	u8 *write;
	u8 *value;
};

/**
 * struct ipci_func - a function, from probe to remove
 * @pdev: referenced by the driver core
 * @kdev: the node
 * @access: see above; @enabled is changed under it
 * @enabled: bound: memory and I/O decode are on
 * @dirty: a user had it and it was not reset since
 * @removing: remove() has the device lock and resets it later
 * @unbound: waited for by remove()
 * @can_reset: there is a way to reset it alone
 * @resetter: the task whose reset this driver asked for
 * @msix_bar, @msix_start, @msix_length: where the MSI-X table lies; length 0: nowhere
 * @bars: mapped when first accessed, under @config_lock; until unbind
 * @irq_type, @nr_vectors, @vectors: under @irq_lock
 * @intx_masked: the user or the handler masked it; under @command_lock
 */
struct ipci_func {
	struct pci_dev *pdev;
	struct ioasid_kdev *kdev;
	struct rw_semaphore access;
	bool enabled;
	bool dirty;
	bool removing;
	bool can_reset;
	struct task_struct *resetter;
	wait_queue_head_t unbound;
	unsigned int msix_bar;
	u64 msix_start;
	u64 msix_length;
	struct mutex config_lock;
	struct ipci_config config;
	void __iomem *bars[PCI_STD_NUM_BARS];
	struct mutex irq_lock;
	u32 irq_type;
	unsigned int nr_vectors;
	struct ipci_vector *vectors;
	spinlock_t command_lock;
	bool intx_masked;
};

/* ---- config.c ------------------------------------------------------------------------------------ */

/** ipci_config_init() - lay out what the user may see, at values after reset. Return: 0; -ENOMEM. */
int ipci_config_init(struct ipci_func *func);
/** ipci_config_free() - nobody accesses it any more. */
void ipci_config_free(struct ipci_func *func);
/** ipci_config_reset() - back to values after reset; @access held for writing, or not bound. */
void ipci_config_reset(struct ipci_func *func);
/**
 * ipci_config_read(), ipci_config_write() - @size 1, 2 or 4 bytes, naturally aligned, in range
 * @access held for reading. Return: 0 or what the bus said.
 */
int ipci_config_read(struct ipci_func *func, unsigned int pos, unsigned int size, u32 *value);
int ipci_config_write(struct ipci_func *func, unsigned int pos, unsigned int size, u32 value);
/** ipci_set_mastering() - the user's Bus Master bit reaches the function. */
void ipci_set_mastering(struct ipci_func *func, bool on);

/* ---- region.c: struct ioasid_kdev_ops ------------------------------------------------------------- */
int ipci_region_info(struct ioasid_kdev *kdev, struct ioasid_dev_region *region);
ssize_t ipci_region_read(struct ioasid_kdev *kdev, void *buf, size_t count, u64 pos);
ssize_t ipci_region_write(struct ioasid_kdev *kdev, const void *buf, size_t count, u64 pos);
int ipci_region_mmap(struct ioasid_kdev *kdev, struct vm_area_struct *vma);
/** ipci_regions_unmap() - the kernel's own mappings go. */
void ipci_regions_unmap(struct ipci_func *func);

/* ---- irq.c ------------------------------------------------------------------------------------------ */

/** ipci_irq_count() - vectors of @type the function has. */
unsigned int ipci_irq_count(struct ipci_func *func, u32 type);
/**
 * ipci_irq_set() - as IOASID_PCI_SET_IRQ
 * @eventfds: @count references or NULLs; taken over on success only
 * Return: 0; -EINVAL, -EBUSY, -ENOSPC, -ENOMEM, -EIO.
 */
int ipci_irq_set(struct ipci_func *func, u32 type, u32 start, u32 count,
		 struct eventfd_ctx **eventfds);
/** ipci_irq_off() - release all vectors; no handler runs on return. */
void ipci_irq_off(struct ipci_func *func);
/** ipci_irq_mask_intx() - Return: 0; -EINVAL: INTx is not in use. */
int ipci_irq_mask_intx(struct ipci_func *func, bool masked);

/* ---- ioctl.c ------------------------------------------------------------------------------------------ */
long ipci_func_ioctl(struct ioasid_kdev *kdev, struct ioasid_kfile *file, unsigned int cmd,
		     unsigned long arg);

#endif
