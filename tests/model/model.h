/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A naive reference model: what contexts, address spaces, routes and numbers mean, in arrays and
 * loops, with no idea of tables, caches or locks. Random operations are done to it and to the real
 * thing; every answer and every DMA must agree.
 *
 * The model does not know which of several errors a call reports first: it names all that apply.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	NR_CTX = 2,
	NR_IOAS = 8, /* per context */
	NR_DEV = 4, /* 0 and 1 take PASIDs; 2 and 3 share a group */
	NR_MAPS = 24, /* per address space */
	NR_PAGES = 16, /* window of I/O addresses, and pages of data */
	NR_TREES = 3, /* guest page tables */
	NR_PASID = 16,
	DEPTH = 2,
};

#define PROT_R 1
#define PROT_W 2

/** enum op_type - operations; their arguments are struct op's, see model_apply(). */
enum op_type {
	OP_OPEN,
	OP_CLOSE,
	OP_ALLOC,
	OP_FREE,
	OP_MAP,
	OP_MAP_TABLES,
	OP_UNMAP,
	OP_UNMAP_ALL,
	OP_BIND_TABLE,
	OP_TREE,
	OP_DEV_BIND,
	OP_DEV_CLOSE,
	OP_RESET,
	OP_ATTACH,
	OP_DETACH,
	OP_ATTACH_PASID,
	OP_DETACH_PASID,
	OP_SET_HWID,
	OP_SET_HWID_DEV,
	OP_SET_ANY,
	OP_CLEAR_HWID,
	OP_CLEAR_ALL,
	NR_OPS,
};

/**
 * struct op - one operation
 * @ctx, @ioas, @dev: slots
 * @a, @b, @c, @d: what the operation makes of them
 *
 * Every value of every member means something, so that any list of operations can be run, also
 * one out of which some were taken.
 */
struct op {
	uint8_t type, ctx, ioas, dev, a, b, c, d;
};

enum ioas_kind { FREE_SLOT, KERNEL, USER, ACCOUNTING };

struct m_map {
	bool used;
	bool tables; /* the region of the guest's table pages */
	uint8_t page, len, src, prot;
};

struct m_ioas {
	enum ioas_kind kind;
	int parent; /* slot or -1 */
	int tree; /* user: which, or -1 */
	struct m_map maps[NR_MAPS];
};

struct m_ctx {
	bool open;
	struct m_ioas ioas[NR_IOAS];
};

enum handle_state { NO_HANDLE, IDLE, BOUND, DEAD };

struct m_dev {
	enum handle_state handle;
	int ctx; /* while bound */
	unsigned int attached; /* levels of the default stack */
	bool pasid_attached[NR_IOAS];
	int number[NR_PASID]; /* slot or -1 */
};

/** struct m_group - devices that share a default route. */
struct m_group {
	int stack[DEPTH];
	unsigned int depth;
};

struct m_pte {
	bool present, write, user;
	uint8_t gpa; /* page of the parent's window */
};

struct model {
	struct m_ctx ctx[NR_CTX];
	struct m_dev dev[NR_DEV];
	struct m_group group[NR_DEV]; /* by first member */
	struct m_pte tree[NR_TREES][NR_PAGES];
};

/**
 * struct m_answer - what a call may answer
 * @skip: the operation means nothing now: do not call
 * @nr: errors that apply; 0: the call must succeed
 * @err: them
 * @slot: ALLOC: slot the new space goes to
 * @number: SET_ANY: number that must come back
 */
struct m_answer {
	bool skip;
	unsigned int nr;
	int err[8];
	int slot;
	int number;
};

/** struct m_target - where a request goes: data page and permissions; @prot 0: blocked. */
struct m_target {
	uint8_t page;
	uint8_t prot;
};

extern const unsigned int m_pasid_bits[NR_DEV];
int m_group_of(int dev);
void model_init(struct model *m);
/** model_apply() - what @op answers; the model changes as the real thing must. */
struct m_answer model_apply(struct model *m, const struct op *op);
/** model_dma() - where a request of @dev with @pasid (0: none) to window page @page goes. */
struct m_target model_dma(const struct model *m, int dev, int pasid, int page);

#endif
