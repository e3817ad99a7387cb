/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A naive model of who reaches what: contexts, devices of all classes, modes, splits, numbers, CPUs that
 * translate and work queues, in arrays and loops. Written from the design (section 5) and the ABI's header,
 * not from the code: it knows no tables, caches, locks or allocators.
 *
 * Which free number the host picks is not for the model to say. A number it does not know is a pick: what
 * it must satisfy is known, its value is learnt from outside, from where DMA gets to (learn.c), and from
 * then on expected exactly.
 */
#ifndef TESTS_ISOLATION_MODEL_H
#define TESTS_ISOLATION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	NR_CTX = 3,
	NR_IOAS = 5, /* per context; slot 0 is its guest-physical space, there from the start */
	NR_DEV = 12,
	NR_VM = 3,
	NR_CPU = 2, /* of each VM */
	NR_ROUTES = 24, /* of one device, with numbers */
	NR_NAMES = 32, /* host-wide numbers of one context */
	NR_PICKS = 256,
	NR_CANDIDATES = 32,
	NR_WAITING = 4, /* descriptors left in the queues of one device */
	PAGES_PER_IOAS = 4,
	NOTHING = -1, /* no tag: blocked */
};

/** enum op_type - operations; their arguments are struct op's, see op_*() in model.c. */
enum op_type {
	OP_OPEN,
	OP_CLOSE,
	OP_ALLOC,
	OP_FREE,
	OP_TURN, /* the space leads to another page: MAP, or the guest's table and INVALIDATE */
	OP_REBIND, /* another table, or none */
	OP_BIND,
	OP_UNBIND,
	OP_RESET,
	OP_UNPLUG,
	OP_PLUG,
	OP_HOST_USE,
	OP_ATTACH,
	OP_DETACH,
	OP_ATTACH_PASID,
	OP_DETACH_PASID,
	OP_SET_HWID,
	OP_SET_ANY,
	OP_CLEAR_HWID,
	OP_MODE,
	OP_SPLIT,
	OP_PROMISE,
	OP_CPU_ENABLE,
	OP_CPU_DISABLE,
	OP_CPU_MAP,
	OP_CPU_UNMAP,
	OP_VM_END,
	OP_PROGRAM, /* a number is written to the register of the dedicated queue */
	OP_WORK, /* work is left in the dedicated queue */
	OP_WORK_CPU, /* ... in the shared queue, by ENQCMD */
	NR_OPS,
};

/* op.flags */
enum {
	F_DEV = 1, /* the command names op.dev */
	F_EXPOSE = 2,
	F_ALL = 4, /* CLEAR_HWID: all */
	F_LOCAL = 8, /* ATTACH with PASID: mode */
	F_GLOBAL = 16,
	F_REPLACE = 32,
	F_NO_NUMBER = 64, /* ATTACH with PASID: the number comes later; PROGRAM: no PASID */
	F_USER = 128, /* ALLOC: a table of the guest's */
};

/*
 * op.num is a number, or says which: the k-th number that the host has picked, plus 0, 1 or minus 1. So
 * numbers that mean something are drawn without knowing them.
 */
#define NUM_PICK(k, delta) (0x80000000U | (uint32_t)(k) << 8 | ((uint32_t)(delta) + 1))

/**
 * struct op - one operation
 *
 * Every value of every member means something, so that any list of operations can be run, also one
 * out of which some were taken.
 */
struct op {
	uint8_t type, ctx, ioas, dev, flags, vm;
	uint32_t num;
};

/* Deliberate mistakes of the model, each of which has to be found. */
enum wrong {
	RIGHT,
	WRONG_CLEAR, /* CLEAR_HWID leaves the route */
	WRONG_ALIAS, /* a whole function has no host-wide number */
	WRONG_LOCAL, /* a slice has the guest's number on the wire */
	WRONG_SPLIT, /* host-wide numbers lie below host_split */
	WRONG_SHARED, /* each sibling has a host-wide number of its own */
	WRONG_MEDIATION, /* a register takes numbers without route */
	WRONG_ALLOW, /* a slice sends what it is given */
	WRONG_PORTAL, /* portals of class 8 are always open */
	WRONG_FLUSH, /* a CPU entry outlives its number */
	WRONG_DRAIN, /* work outlives its number */
	WRONG_EXCLUSIVE, /* whole and slices do not exclude each other */
	WRONG_RESET, /* registers outlive a binding */
	WRONG_STACK, /* a default route is not replaced */
	WRONG_PAGE, /* what changes a space does not reach its host-wide numbers */
	NR_WRONGS,
};
extern const char *const wrong_names[NR_WRONGS];

/**
 * struct m_config - the machine
 * @bits: width of each device
 * @split: host_split
 * @kept: number that drivers keep on device 8 (and on 0), 0: none
 */
struct m_config {
	const char *name;
	uint8_t bits[NR_DEV];
	uint32_t split;
	uint32_t kept;
};

/** struct m_topo - what kind of device it is; the same on every machine. */
struct m_topo {
	uint8_t dev_class;
	int8_t parent;
	uint8_t mode; /* enum ioasid_mode, the driver's default */
	uint8_t dedicated, shared; /* queues */
	bool ats;
};
extern const struct m_topo topo[NR_DEV];

bool is_slice(int dev);
/** function_of() - index of the device that has its RID. */
int function_of(int dev);
/** takes_pasids(), may_global(): of its class. */
bool takes_pasids(int dev);
bool may_global(int dev);

/** struct m_ioas - an address space; it leads to page @page of its context's pages, or nowhere. */
struct m_ioas {
	bool used, user;
	int page, old_page;
	bool no_table;
};

/**
 * struct m_pick - a number that the host chose
 * @function: in whose space; -1: of the whole host
 * @first, @last: it must lie there
 * @number: 0: not known yet
 * @nr, @candidate: while it is not known: numbers it may be; @open: nothing was seen of it yet
 */
struct m_pick {
	bool used, open;
	int function;
	uint32_t first, last;
	uint32_t number;
	unsigned int nr;
	uint32_t candidate[NR_CANDIDATES];
};

/** struct m_route - vPASID @v of a device leads to @ioas; on the wire: @v itself, a pick, or both. */
struct m_route {
	bool used;
	uint32_t v;
	int ioas;
	bool local; /* @v is on the wire */
	int pick; /* -1: none */
};

/** struct m_name - a context's host-wide number for a vPASID. */
struct m_name {
	bool used, mapped;
	uint32_t v;
	int ioas, pick;
};

struct m_ctx {
	bool open;
	struct m_ioas ioas[NR_IOAS];
	uint32_t mode, split; /* knobs, 0: not set */
	int promise; /* -1: none */
	struct m_name name[NR_NAMES];
	int vm; /* -1: none */
	bool translates;
};

/** struct m_source - what a queue sends with: without PASID, a number, or a pick. */
struct m_source {
	bool rid;
	uint32_t number;
	int pick;
};

struct m_work {
	bool used, shared;
	struct m_source source;
};

enum handle_state { NO_HANDLE, IDLE, BOUND, DEAD };

struct m_dev {
	bool plugged, host_use;
	enum handle_state handle;
	int ctx; /* while bound */
	uint32_t mode, split; /* knobs */
	int stack[2];
	unsigned int depth;
	bool attached[NR_IOAS]; /* with the PASID flag */
	struct m_route route[NR_ROUTES];
	int default_pick;
	bool enabled; /* the dedicated queue */
	struct m_source program;
	struct m_work waiting[NR_WAITING];
};

struct model {
	const struct m_config *config;
	enum wrong wrong;
	struct m_ctx ctx[NR_CTX];
	struct m_dev dev[NR_DEV];
	bool vm_used[NR_VM];
	struct m_pick pick[NR_PICKS];
	unsigned int turns[NR_CTX]; /* pages are taken in turn */
};

/**
 * struct m_answer - what a call may answer
 * @skip: the operation means nothing now: do not call
 * @nr: errors that apply; 0: the call must succeed
 * @either: it may also succeed: the design leaves it open
 * @err: them
 * @any: SET_ANY: the number must be @number, or, if that is 0, is the host's pick @pick
 */
struct m_answer {
	bool skip, either, any;
	unsigned int nr;
	int err[8];
	uint32_t number;
	int pick;
};

void model_init(struct model *m, const struct m_config *config, enum wrong wrong);
/** model_number() - what op.num stands for now. */
uint32_t model_number(const struct model *m, const struct op *op);
/** model_apply() - what @op answers; @m becomes what it is if the call succeeds. */
struct m_answer model_apply(struct model *m, const struct op *op);
/** model_failed() - what @op leaves behind all the same. */
void model_failed(struct model *m, const struct op *op);
/** model_named() - SET_ANY returned @number for the pick of @a. false: it must not. */
bool model_named(struct model *m, const struct op *op, const struct m_answer *a, uint32_t number);

/** struct m_wire - a number on a RID that leads somewhere. */
struct m_wire {
	int function;
	struct m_source source;
	int tag;
};
enum { MAX_WIRES = NR_DEV * (2 * NR_ROUTES + 2) };
/** model_wires() - all of them; @out has MAX_WIRES. Return: how many. */
unsigned int model_wires(const struct model *m, struct m_wire *out);
/** tag_of() - names the page that a space leads to; NOTHING: none. */
int tag_of(const struct model *m, int ctx, int ioas);
/** model_lands() - where a request of @dev from @source gets to; *@known is false: cannot be said. */
int model_lands(const struct model *m, int dev, const struct m_source *source, bool *known);
/** model_default() - where a request of @dev without PASID gets to. */
int model_default(const struct model *m, int dev);

/** model_mediate() - what a register of @dev makes of @v. Return: it takes it. */
bool model_mediate(const struct model *m, int dev, uint32_t v, struct m_source *source);

/** enum m_cpu - how ENQCMD ends. */
enum m_cpu { CPU_EXIT, CPU_RETRY, CPU_TAKEN, CPU_UNSAID };
/** model_enqcmd() - ENQCMD with @v on a vCPU of @vm, to the shared queue of @dev. */
enum m_cpu model_enqcmd(const struct model *m, int vm, int dev, uint32_t v,
			struct m_source *source);
/** model_left() - the work that waits in @dev's queues is done, or dropped. */
void model_left(struct model *m, int dev);

/* What the information commands must say. */
uint32_t model_mode(const struct model *m, int dev);
uint32_t model_split(const struct model *m, int dev);
uint32_t model_portal(const struct model *m, int dev);
unsigned int model_nr_routes(const struct model *m, int dev);
unsigned int model_bits(const struct model *m, int ctx);

#endif
