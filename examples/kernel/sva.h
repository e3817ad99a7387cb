/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SVA example, between its files: one process's numbers on their way through an IOMMU driver
 * (sva_iommu.c), the CPU side (sva_cpu.c) and a device driver (sva_dev.c); sva_main.c has the set
 * and the module. docs/allocator.md tells what each of them has to do and why.
 *
 * Locks, outermost first: sva_iommu_lock (mutex), cpu->lock, dev->lock (spin). Handlers of the
 * allocator take the last two only. No job is waited for under any of them.
 */
#ifndef IOASID_EXAMPLE_SVA_INTERNAL_H
#define IOASID_EXAMPLE_SVA_INTERNAL_H

#include <linux/fs.h>
#include <linux/ioasid_alloc.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "ioasid_example_sva.h"

/** struct sva_stats - what exists now (all 0 when everybody is gone), and what happened so far */
struct sva_stats {
	atomic_t sets;
	atomic_t bonds;
	atomic_t entries;
	atomic_t cpu_entries;
	atomic_t dwqs;
	atomic_t jobs;
	atomic_t done; /* jobs that reached their process */
	atomic_t blocked; /* jobs that found no PASID entry any more */
	atomic_t stray; /* jobs that would have reached another process: never */
};
extern struct sva_stats sva_stats;
extern struct workqueue_struct *sva_wq;

/**
 * struct sva_bond - the IOMMU driver's side of a number: its private data
 * @refs: the IOMMU's table; entries; a queued @work
 * @users: devices that have not let go; @entries: those whose PASID entry is present, @present: how
 *         many that are
 * @torn: everything of it is taken down
 * @work: what FREE leaves to be done, ready before it can come
 */
struct sva_bond {
	struct kref refs;
	ioasid_t id;
	ioasid_t gpasid;
	unsigned int users;
	unsigned int present;
	struct list_head entries;
	bool torn;
	struct ioasid_work work;
	struct rcu_head rcu;
};

/**
 * struct sva_entry - a number on a device: PASID entry, and place in the device's allow list
 * @refs: the device's list; jobs; a queued @work; who works on it
 * @bond: fixed once bound, referenced; @in_bond: under sva_iommu_lock
 * @link, @stopping, @listed: under dev->lock. @stopping: no job comes yet, or any more
 * @work: what FREE leaves to the device driver
 */
struct sva_entry {
	struct kref refs;
	struct sva_dev *dev;
	struct sva_bond *bond;
	struct list_head in_bond;
	struct list_head link;
	ioasid_t id;
	bool stopping;
	bool listed;
	struct ioasid_work work;
};

/**
 * struct sva_dev - a device
 * @refs: its open file, entries, jobs
 * @mm: the process that opened it, for comparison; kept
 * @set: its set, from the first BIND on; @nb listens to it
 * @entries: allow list; @jobs: on their way; @idle: one has ended
 * @dwq: number in the dedicated queue's register, INVALID_IOASID: stopped; holds a reference on it
 */
struct sva_dev {
	struct kref refs;
	struct mm_struct *mm;
	struct mutex calls; /* one call of the user at a time */
	struct ioasid_set *set;
	struct notifier_block nb;
	spinlock_t lock;
	struct list_head entries;
	struct list_head jobs;
	wait_queue_head_t idle;
	ioasid_t dwq;
	unsigned int delay_ms;
};

/* ---- sva_iommu.c --------------------------------------------------------------------------- */
int sva_iommu_init(void);
void sva_iommu_exit(void);
/** sva_bind_entry() - @entry (new, listed nowhere) leads to its process. The number is referenced. */
int sva_bind_entry(struct sva_entry *entry, ioasid_t gpasid);
/** sva_block_entry() - its PASID entry is cleared. Twice does no harm. */
void sva_block_entry(struct sva_entry *entry);
/** sva_unbind_entry() - the device has let go of a blocked entry, once: the last one ends the bond. */
void sva_unbind_entry(struct sva_entry *entry);
enum sva_dma { SVA_DMA_DONE, SVA_DMA_BLOCKED, SVA_DMA_STRAY };
/**
 * sva_dma() - where a request with number @id goes that was made for @mine, of @set. All devices are
 * parts of one function and share its PASID table, so a number that is used again too early leads to a
 * stranger
 */
enum sva_dma sva_dma(struct ioasid_set *set, ioasid_t id, const struct sva_bond *mine);

/* ---- sva_dev.c ----------------------------------------------------------------------------- */
extern const struct file_operations sva_dev_fops;
struct sva_job;
/** sva_job_new() - NULL: no memory. Sleeps; for who submits under a lock. */
struct sva_job *sva_job_new(void);
void sva_job_free(struct sva_job *job);
/** sva_dev_submit() - a job with @id, which takes @job on success. Atomic. -EPERM: not bound here. */
int sva_dev_submit(struct sva_dev *dev, ioasid_t id, struct sva_job *job);

/* ---- sva_cpu.c ----------------------------------------------------------------------------- */
extern const struct file_operations sva_cpu_fops;

#endif
