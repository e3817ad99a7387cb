/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The machine QEMU shows us: RAM, a VT-d unit, edu devices that do DMA.
 *
 * RAM exists twice. The first copy is shared with QEMU, so our builder writes where QEMU's VT-d
 * reads. The second, the shadow, is what RAM should look like: our walker works on it and sets
 * accessed and dirty bits there, and DMA is done to it by hand. Wherever the two differ in the end,
 * QEMU and we disagree.
 */
#ifndef JUDGE_MACHINE_H
#define JUDGE_MACHINE_H

#include "formats/vtd.h"
#include "tests/judge/qemu.h"

/**
 * struct ram_area - part of RAM set aside for a purpose
 * @start: first guest-physical address
 * @size: bytes
 */
struct ram_area {
	u64 start;
	u64 size;
};

/**
 * struct machine_cfg - how to make a machine
 * @qemu: "host" or "tree", for scripts/qemu.sh
 * @iommu: properties of the intel-iommu device
 * @name: for log files
 * @aw: its address width, which QEMU also takes for the host address width
 * @small: 48 MiB of RAM with the split at 32 MiB, instead of 4 GiB with the split at 2 GiB
 */
struct machine_cfg {
	const char *qemu;
	const char *iommu;
	const char *name;
	u8 aw;
	bool small;
};

#define EDU_NR 3

/* Device 5; device 21, whose context entry is in the upper table; one behind a bridge, on bus 1. */
#define EDU_RID_PLAIN 0x0028
#define EDU_RID_UPPER 0x00a8
#define EDU_RID_BUS1  0x0100

/** struct edu - one edu device; @rid: its requester ID; @bar: its registers */
struct edu {
	u16 rid;
	u64 bar;
};

/* Bytes an edu can move at once: it takes the last byte of its buffer for out of range. */
#define EDU_MAX 4095

/* A view of RAM: by guest-physical address. */
struct ram_view {
	struct phys_mem mem; /* first */
	const struct machine *m;
	u8 *base;
};

/* Table pages: out of two areas, one below and one above 4 GiB, in a shuffled order. */
#define MACHINE_TABLE_AREAS 2
#define MACHINE_TABLE_MAX   2048

struct machine_tables {
	struct table_alloc alloc; /* first */
	struct machine *m;
	u64 order[MACHINE_TABLE_MAX]; /* pages in the order they are tried */
	bool used[MACHINE_TABLE_MAX]; /* by place in @order */
	u32 nr;
	u32 in_use;
	u32 next;
};

/**
 * struct machine - all of it
 * @cfg: as given
 * @q: QEMU
 * @ram_fd: RAM as a file
 * @ram_size: bytes
 * @low: bytes below 4 GiB
 * @real: RAM
 * @shadow: what it should be
 * @tables: table pages
 * @table_area: where they are
 * @data_area: where mapped memory is: below and above 4 GiB
 * @queue: invalidation queue, one page, followed by a page for its status
 * @caps: of the unit, decoded
 * @cap: capability register
 * @ecap: extended capability register
 * @scalable: queue entries have 256 bits
 * @tail: of the queue, in bytes
 * @token: last value written by a wait descriptor
 * @edu: devices
 * @dmas: count
 */
struct machine {
	const struct machine_cfg *cfg;
	struct qemu q;
	int ram_fd;
	u64 ram_size;
	u64 low;
	struct ram_view real;
	struct ram_view shadow;
	struct machine_tables tables;
	struct ram_area table_area[MACHINE_TABLE_AREAS];
	struct ram_area data_area[2];
	u64 queue;
	struct vtd_caps caps;
	u64 cap;
	u64 ecap;
	bool scalable;
	u32 tail;
	u32 token;
	struct edu edu[EDU_NR];
	u64 dmas;
};

/** machine_start() - start QEMU and set its devices up; translation is off */
void machine_start(struct machine *m, const struct machine_cfg *cfg, u64 seed);
void machine_stop(struct machine *m);

/** machine_is_ram() - are [@pa, @pa + @len - 1] RAM? */
bool machine_is_ram(const struct machine *m, u64 pa, u64 len);

/** machine_ptr() - RAM at @pa in a view; ends the test if it is none */
void *machine_ptr(const struct ram_view *view, u64 pa, u64 len);

/** machine_adopt() - the shadow takes over what RAM is in [@pa, @pa + @len - 1] */
void machine_adopt(struct machine *m, u64 pa, u64 len);

/** machine_adopt_tables() - the same for all table areas */
void machine_adopt_tables(struct machine *m);

/**
 * machine_differs() - compare all of RAM with the shadow
 * @pa: gets the first address where they differ
 */
bool machine_differs(struct machine *m, u64 *pa);

/**
 * machine_find() - search all of RAM
 * @what: bytes
 * @len: how many
 * @not: address of a page to leave out
 * @pa: where it was found
 */
bool machine_find(struct machine *m, const void *what, size_t len, u64 not, u64 *pa);

/** machine_save() - write the RAM file to @ram, and a core made by QEMU to @core */
void machine_save(struct machine *m, const char *ram, const char *core);

/* ---- VT-d unit ---- */

/** machine_translate() - load the root table pointer and switch translation on */
void machine_translate(struct machine *m, u64 rtaddr);

/** struct unit_fault - a fault the unit recorded */
struct unit_fault {
	bool recorded;
	u8 reason;
	u16 rid;
	u64 page;
	bool read;
};

/** machine_fault() - read the fault record and make room for the next */
struct unit_fault machine_fault(struct machine *m);

/** machine_invalidate() - put a descriptor in the queue and wait until it is done */
void machine_invalidate(struct machine *m, u64 word0, u64 word1);

/* ---- Devices ---- */

/**
 * machine_dma() - one DMA
 * @m: machine
 * @e: device
 * @iova: address in memory
 * @len: bytes, at most EDU_MAX
 * @write: from the device's buffer into memory; else the other way
 */
void machine_dma(struct machine *m, const struct edu *e, u64 iova, u32 len, bool write);

#endif
