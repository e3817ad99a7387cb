/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * QEMU's VT-d as a judge of ours: our builder writes tables, our walker predicts what a DMA through
 * them does, QEMU's unit does it, and the two are compared.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "formats/pgtable.h"
#include "tests/judge/machine.h"

/* ---- Random numbers, repeatable (splitmix64) ---- */

struct rng {
	u64 state;
};

static inline u64 rng_next(struct rng *rng)
{
	u64 z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/** rng_below() - 0 to @n - 1 */
static inline u64 rng_below(struct rng *rng, u64 n)
{
	return rng_next(rng) % n;
}

/* ---- What is judged ---- */

/**
 * struct variant - a QEMU, a mode, a format
 * @machine: QEMU and its unit
 * @title: for people
 * @fmt: of the page tables
 * @levels: their depth
 * @legacy: legacy mode
 * @codes: QEMU reports the specification's fault reasons in this mode
 */
struct variant {
	struct machine_cfg machine;
	const char *title;
	enum iopt_fmt fmt;
	u8 levels;
	bool legacy;
	bool codes;
};

/**
 * struct world - the structures above the page tables, for scalable or legacy mode
 * @t: scalable mode: formats' builder
 * @root: legacy mode: root table
 * @root_pa: legacy mode: its address
 */
struct world {
	struct vtd_tables t;
	u64 *root;
	u64 root_pa;
};

/**
 * struct space - a page table and its domain ID
 */
struct space {
	struct iopt pt;
	u16 did;
};

/** struct judge_sync - the builders' hook: called after each store hardware can see */
struct judge_sync {
	struct table_sync sync; /* first */
	struct judge *j;
	void (*fn)(struct judge *j);
};

/**
 * struct judge - state of a run over one variant
 * @m: machine
 * @v: variant
 * @env: for the builders
 * @sync: their hook, if a case set one
 * @w: structures
 * @rtaddr: root table address register
 * @rng: random numbers
 * @next_did: domain IDs are not used again
 * @data_used: how much of each data area was given out
 * @errors: disagreements in the case at hand
 * @said: how many of them were printed
 * @seq: number of the last pattern
 * @checks: comparisons made
 * @faults: of them refused
 * @codes: refused with the same reason on both sides
 * @late_dirty: QEMU left a dirty bit clear because the accessed bit was set
 * @garbage: tables are garbage, so that several reasons may apply at once
 * @stale: the old translation was used before the invalidation
 * @fresh: the new one was, already
 */
struct judge {
	struct machine m;
	const struct variant *v;
	struct table_env env;
	struct judge_sync sync;
	struct world w;
	u64 rtaddr;
	struct rng rng;
	u16 next_did;
	u64 data_used[2];
	unsigned int errors;
	unsigned int said;
	u32 seq;
	u64 checks;
	u64 faults;
	u64 codes;
	u64 late_dirty;
	bool garbage;
	u64 stale;
	u64 fresh;
};

/* A case runs on a machine that translates, with no device attached. */
struct judge_case {
	const char *name;
	void (*run)(struct judge *j);
	/* NULL: runs for every variant. */
	bool (*wanted)(const struct variant *v);
};

extern const struct judge_case judge_map_cases[];
extern const struct judge_case judge_live_cases[];
extern const struct judge_case judge_dirty_cases[];
extern const struct judge_case judge_mutate_cases[];
extern const struct judge_case judge_control_cases[];

/** judge_image() - make RAM images and cores with what DMA did; @dir is where */
int judge_image(const char *dir, u64 seed);

/** judge_log_dir() - where logs go */
const char *judge_log_dir(void);

/** judge_start() - machine and structures; translation is on */
void judge_start(struct judge *j, const struct variant *v, u64 seed);

/** judge_stop() - tear it down. Reports what is left over. */
void judge_stop(struct judge *j);

/** judge_error() - a disagreement: counts, and says so unless there were too many */
void __attribute__((format(printf, 2, 3))) judge_error(struct judge *j, const char *fmt, ...);

/** judge_expect() - an error unless @ok */
#define judge_expect(j, ok, ...)                     \
	do {                                         \
		if (!(ok))                           \
			judge_error(j, __VA_ARGS__); \
	} while (0)

/* ---- Structures above the page tables (world.c) ---- */

void world_init(struct judge *j);
void world_destroy(struct judge *j);
u64 world_rtaddr(const struct judge *j);
/** world_attach() - requests of @rid without PASID use @te */
void world_attach(struct judge *j, u16 rid, const struct vtd_te *te);
/** world_detach() - and do not any more; flushes */
void world_detach(struct judge *j, u16 rid);

/** space_init() - an empty page table of the variant's format */
void space_init(struct judge *j, struct space *s, bool track);
/** space_init_levels() - the same, with less or more levels */
void space_init_levels(struct judge *j, struct space *s, u8 levels, bool track);
void space_destroy(struct judge *j, struct space *s);
/** space_te() - the translation entry for it */
struct vtd_te space_te(const struct judge *j, const struct space *s);
/** space_map() - map; the shadow follows; ends the test on failure */
void space_map(struct judge *j, struct space *s, u64 iova, u64 pa, u64 len, u32 prot);
/** space_unmap() - unmap, flush the range, free what came out; the shadow follows */
void space_unmap(struct judge *j, struct space *s, u64 start, u64 last);
/** space_is_fs() - first stage? */
static inline bool space_is_fs(const struct judge *j)
{
	return j->v->fmt == IOPT_FMT_VTD_FS;
}

/* ---- Invalidation (world.c) ---- */

/** judge_flush() - everything the unit may have cached */
void judge_flush(struct judge *j);
/** judge_flush_entries() - context and PASID caches only */
void judge_flush_entries(struct judge *j);
void judge_flush_global(struct judge *j);
void judge_flush_domain(struct judge *j, u16 did);
/** judge_flush_page() - 2^@am pages at @iova; by PASID where the table is a first stage */
void judge_flush_page(struct judge *j, u16 did, u64 iova, u8 am);
/** judge_flush_pasid() - all of the PASID that requests without PASID use */
void judge_flush_pasid(struct judge *j, u16 did);
/** judge_flush_range() - whatever the gather list says has changed */
void judge_flush_range(struct judge *j, u16 did, const struct table_gather *g);

/* ---- Comparing (check.c) ---- */

/* What a piece of DMA within one page should do. */
struct forecast {
	u64 pa; /* where it goes */
	u8 reason; /* 0, or why not */
	u8 fault; /* enum xlat_fault */
	bool report;
};

/** judge_forecast() - ask our walker, on the shadow; sets accessed and dirty bits there */
struct forecast judge_forecast(struct judge *j, u16 rid, u64 iova, bool write);

/** judge_peek() - ask our walker without setting anything */
struct forecast judge_peek(struct judge *j, u16 rid, u64 iova, bool write);

/**
 * struct judge_link - a device with a page that always works
 * @e: device
 * @home: IOVA of that page
 * @home_pa: where it is
 *
 * The home page is how a pattern gets into the device's buffer and out again.
 */
struct judge_link {
	const struct edu *e;
	u64 home;
	u64 home_pa;
};

/** judge_link() - attach @s to a device and map its home page */
void judge_link(struct judge *j, struct judge_link *l, unsigned int edu, struct space *s, u64 home);

/** judge_load() - put a new pattern of @len bytes into the device's buffer */
void judge_load(struct judge *j, const struct judge_link *l, u32 len);

/** judge_check() - one DMA: forecast, do, compare. @len at most 4095, may cross pages. */
void judge_check(struct judge *j, const struct judge_link *l, u64 iova, u32 len, bool write);

/** judge_check_both() - a read and a write */
void judge_check_both(struct judge *j, const struct judge_link *l, u64 iova, u32 len);

/** judge_compare() - all RAM: QEMU wrote what it should have and nothing else */
void judge_compare(struct judge *j, const char *when);

/* Where a probe landed. */
enum landed { LANDED_NOWHERE, LANDED_A, LANDED_B, LANDED_BOTH };

/**
 * judge_probe() - write what is in the device's buffer and see where it comes out
 * @j: judge
 * @e: device; judge_load() came before
 * @iova: where to
 * @a: one place where it may go
 * @b: another, or the same
 *
 * Needs no forecast, so the tables may be in the middle of a change. Takes the data away again.
 */
enum landed judge_probe(struct judge *j, const struct edu *e, u64 iova, u64 a, u64 b);

/** data_pages() - a piece of the data areas, each time another one */
u64 data_pages(struct judge *j, u64 size, u64 align);

#endif
