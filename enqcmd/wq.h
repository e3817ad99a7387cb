/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A device with work queues, as a model: what is in front of the IOMMU in both homes, so that guests'
 * numbers have something to be written to. It is one slice of a function, or a whole one.
 *
 * A dedicated queue has one user; work is stored to it with MOVDIR64B, and it sends with the PASID that
 * was written to its register: a guest's number, which is converted on the way in (mediation). A shared
 * queue takes work from many, stored with a deferrable memory write (ENQCMD): each descriptor
 * carries its number, put there by the CPU. Registers and descriptors are in <linux/ioasid_wq.h>.
 *
 * The home gives the queues an engine (who calls wq_run()) and DMA (struct wq_ops). What the core asks of
 * a device it passes on:
 *   bind          wq_start()
 *   portal_open   wq_portal_open()        portal_close   wq_portal_close()
 *   drain         wq_drain()
 *   quiesce       wq_halt(), refuse pages that the engine waits for, wq_stop()
 *   reset         the same, with @reset, then wq_start()
 *
 * Locks: wq->lock (spin) guards registers and queues. ops->to_wire() and ops->allows() are called with
 * it held, so that what they say cannot be outdated when it is acted on: a number that the core does
 * not give away any more, and then drains, is in no register and no queue afterwards. The other
 * callbacks are called without.
 */
#ifndef ENQCMD_WQ_H
#define ENQCMD_WQ_H

#include <linux/ioasid_wq.h>

#include "os/os.h"

struct wq_dev;

/**
 * struct wq_ops - what the model asks of its home
 * @to_wire: what goes on the wire for a guest's number: mediation. 0; -ENOENT. Takes no lock that is
 *           held when the functions below are called; does not sleep
 * @allows: may work of this device carry @ppasid? As to_wire()
 * @read, @write: DMA with @ppasid, or without PASID (IOASID_WQ_NO_PASID); may sleep, and wait for pages
 *                to come. Return: 0; an error: blocked: *@fault_addr says where
 * @work: there is something for wq_run() to do: the engine should get up. Does not sleep
 * @drained: what wq_drain() left to do is done. Called by the engine, which may sleep in it
 */
struct wq_ops {
	int (*to_wire)(void *opaque, u32 vpasid, u32 *ppasid);
	bool (*allows)(void *opaque, u32 ppasid);
	int (*read)(void *opaque, u32 ppasid, bool priv, u64 addr, void *buf, size_t len,
		    u64 *fault_addr);
	int (*write)(void *opaque, u32 ppasid, bool priv, u64 addr, const void *buf, size_t len,
		     u64 *fault_addr);
	void (*work)(void *opaque);
	void (*drained)(void *opaque, u32 ppasid);
};

/**
 * struct wq_config - a device
 * @nr_dedicated, @nr_shared: queues: dedicated ones come first; together 1 to IOASID_WQ_MAX_QUEUES
 * @size: descriptors a queue holds; 0: 16; at most 1024
 */
struct wq_config {
	u32 nr_dedicated;
	u32 nr_shared;
	u32 size;
};

/**
 * wq_create() - a device without engine, stopped until wq_start(), portal closed
 * @config: copied; @ops: live as long as the device; @opaque: their first argument
 *
 * Return: device; ERR_PTR: -EINVAL, -ENOMEM. Sleeps.
 */
struct wq_dev *wq_create(const struct wq_config *config, const struct wq_ops *ops, void *opaque);
/** wq_destroy() - nobody calls in any more. Descriptors that wait are forgotten. */
void wq_destroy(struct wq_dev *wq);

/**
 * wq_reg_read(), wq_reg_write() - the guest reads or writes a register
 * @offset: in the register page; any value is safe
 *
 * Return: 0. Else nothing has changed, but IOASID_WQ_REG_ERROR as it says: -EINVAL no such register,
 * read only, or a reserved bit; -ENOENT a number without route; -EBUSY the queue is enabled. Does not
 * sleep.
 */
int wq_reg_read(struct wq_dev *wq, u32 offset, u32 *value);
int wq_reg_write(struct wq_dev *wq, u32 offset, u32 value);

/** enum wq_store - what kind of store reaches a portal. */
enum wq_store {
	WQ_STORE_PLAIN, /* an ordinary store */
	WQ_STORE_MOVDIR64B, /* 64 bytes, posted */
	WQ_STORE_DMWR, /* 64 bytes, deferrable, answered */
};

/** enum wq_answer - what a portal says. */
enum wq_answer {
	WQ_ACCEPTED,
	WQ_RETRY, /* DMWR: ZF = 1: full, closed, or not for this device; nothing has changed */
	WQ_DROPPED, /* a posted store that it does not take: nothing has changed */
};

/**
 * wq_portal_store() - a store to the portal of a queue
 * @queue: which; any value is safe
 * @offset: in its page; must be 64-byte aligned to be taken
 * @data, @len: what was stored; read once
 *
 * Dedicated queues take MOVDIR64B of 64 bytes, shared ones DMWR of 64 bytes; everything else is not
 * taken. Does not sleep; may be called in an RCU section.
 */
enum wq_answer wq_portal_store(struct wq_dev *wq, u32 queue, u32 offset, const void *data,
			       size_t len, enum wq_store how);

/**
 * wq_run() - the engine: execute up to @max descriptors, of all queues in turn
 *
 * One engine at a time: a second one finds nothing to do. Sleeps. Return: descriptors executed; 0: there
 * was nothing to do, or the queues are stopped.
 */
u32 wq_run(struct wq_dev *wq, u32 max);

/** wq_portal_open(), wq_portal_close() - of all shared queues. On return of close no store is being taken. */
void wq_portal_open(struct wq_dev *wq);
void wq_portal_close(struct wq_dev *wq);
/**
 * wq_drain() - @ppasid ends: ops->to_wire() and ops->allows() do not know it any more
 *
 * Registers that hold it are cleared, their queues disabled; descriptors with it that still wait are
 * dropped. Does not sleep. Return: 0: nothing with it will be sent; -EINPROGRESS: the engine is executing
 * one, which it gives up at the next chance: ops->drained() follows when that has ended.
 */
int wq_drain(struct wq_dev *wq, u32 ppasid);
/**
 * wq_halt() - first half of wq_stop(), without waiting: nothing is begun any more
 *
 * What waits in queues is dropped, stores are refused, and what is being executed ends with the access it
 * is at. Does not sleep.
 */
void wq_halt(struct wq_dev *wq);
/**
 * wq_stop() - wq_halt(), and on return the engine is executing nothing
 * @reset: registers go back to what they were at first, the portal stays as it is
 *
 * Waits for the access the engine is at: who has pages to answer does that first. wq_start() ends it.
 * Not by the engine itself. Sleeps.
 */
void wq_stop(struct wq_dev *wq, bool reset);
void wq_start(struct wq_dev *wq);

#endif
