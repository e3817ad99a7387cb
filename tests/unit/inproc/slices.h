/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the tests of slices share: a host with one function, contexts, slices that they have, and address
 * spaces of one page each, so that where a request went is seen by which page changed.
 */
#ifndef TESTS_UNIT_INPROC_SLICES_H
#define TESTS_UNIT_INPROC_SLICES_H

#include "rig.h"

#define SL_CTXS	 2
#define SL_DEVS	 5
#define SL_PAGES 6
#define SL_IOVA	 0x10000ULL
#define SL_RID	 0x300

/**
 * struct slices - see slices_make()
 * @fn: the function; @fn_handle: its descriptor
 * @dev, @handle: slices; @cookie of slice i is 20 + i, of the function 10
 * @page: memory; space n of any context has page n at SL_IOVA
 */
struct slices {
	struct ioasid_host *host;
	struct ioasid *ctx[SL_CTXS];
	int fault_fd[SL_CTXS];
	struct ioasid_hostdev *fn;
	struct ioasid_dev *fn_handle;
	struct ioasid_hostdev *dev[SL_DEVS];
	struct ioasid_dev *handle[SL_DEVS];
	uint64_t *page[SL_PAGES];
	uint64_t stamp;
	long live;
};

/** slices_config() - of a function named "fn" of class 7, 10 bits wide, alone. */
struct ioasid_hostdev_config slices_config(void);
/** slices_make() - impatient host with split 512, two contexts, one function; @fn: NULL for slices_config(). */
void slices_make(struct slices *s, const struct ioasid_hostdev_config *fn);
/** slices_free() - take everything down and check that nothing is left. */
void slices_free(struct slices *s);
/** slice_config() - of slice @i of @dev_class. */
struct ioasid_hostdev_config slice_config(const struct slices *s, unsigned int i,
					  uint16_t dev_class);
/** slice_add() - made and bound to context @ctx. */
void slice_add(struct slices *s, unsigned int i, uint16_t dev_class, unsigned int ctx);
/** slice_open() - slice @i, which exists, is bound to context @ctx. */
void slice_open(struct slices *s, unsigned int i, unsigned int ctx);
void slice_close(struct slices *s, unsigned int i);
/** space() - an address space of context @ctx over page @n. */
uint32_t space(struct slices *s, unsigned int ctx, unsigned int n);
/** wire_of() - what mediation says; the route is there. */
uint32_t wire_of(struct ioasid_hostdev *dev, uint32_t vpasid);
/** lands() - a write by @dma changes page @n, and no other. */
void lands(struct slices *s, struct ioasid_hostdev *dev, struct ioasid_dma dma, unsigned int n);
/** nowhere() - a write by @dma is blocked without a route, and changes nothing. */
void nowhere(struct slices *s, struct ioasid_hostdev *dev, struct ioasid_dma dma);
/** event_of() - the next record of context @ctx. */
struct ioasid_fault event_of(struct slices *s, unsigned int ctx);

#endif
