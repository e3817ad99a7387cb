// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/isolation/sequences.h"

#include <linux/ioasid.h>

const char *const op_names[NR_OPS] = {
	"OP_OPEN",	   "OP_CLOSE",	  "OP_ALLOC",	   "OP_FREE",	     "OP_TURN",
	"OP_REBIND",	   "OP_BIND",	  "OP_UNBIND",	   "OP_RESET",	     "OP_UNPLUG",
	"OP_PLUG",	   "OP_HOST_USE", "OP_ATTACH",	   "OP_DETACH",	     "OP_ATTACH_PASID",
	"OP_DETACH_PASID", "OP_SET_HWID", "OP_SET_ANY",	   "OP_CLEAR_HWID",  "OP_MODE",
	"OP_SPLIT",	   "OP_PROMISE",  "OP_CPU_ENABLE", "OP_CPU_DISABLE", "OP_CPU_MAP",
	"OP_CPU_UNMAP",	   "OP_VM_END",	  "OP_PROGRAM",	   "OP_WORK",	     "OP_WORK_CPU",
};

/* ---- random ones ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned int below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(next_random(state) % n);
}

/* How often each operation is drawn: much routing, little closing. */
static const uint8_t weights[NR_OPS] = {
	[OP_OPEN] = 8,	    [OP_CLOSE] = 1,	[OP_ALLOC] = 10,	[OP_FREE] = 2,
	[OP_TURN] = 8,	    [OP_REBIND] = 5,	[OP_BIND] = 18,		[OP_UNBIND] = 2,
	[OP_RESET] = 3,	    [OP_UNPLUG] = 1,	[OP_PLUG] = 4,		[OP_HOST_USE] = 1,
	[OP_ATTACH] = 10,   [OP_DETACH] = 4,	[OP_ATTACH_PASID] = 32, [OP_DETACH_PASID] = 2,
	[OP_SET_HWID] = 36, [OP_SET_ANY] = 8,	[OP_CLEAR_HWID] = 6,	[OP_MODE] = 5,
	[OP_SPLIT] = 5,	    [OP_PROMISE] = 1,	[OP_CPU_ENABLE] = 6,	[OP_CPU_DISABLE] = 1,
	[OP_CPU_MAP] = 20,  [OP_CPU_UNMAP] = 2, [OP_VM_END] = 1,	[OP_PROGRAM] = 14,
	[OP_WORK] = 6,	    [OP_WORK_CPU] = 12,
};

static uint8_t draw_type(uint64_t *state)
{
	unsigned int total = 0, i, n;

	for (i = 0; i < NR_OPS; i++)
		total += weights[i];
	n = below(state, total);
	for (i = 0; n >= weights[i]; i++)
		n -= weights[i];
	return (uint8_t)i;
}

/* Numbers that guests use, those next to a border, and those of others. */
static uint32_t draw_number(uint64_t *state, const struct model *m, int dev)
{
	uint32_t width = 1U << m->config->bits[dev], near[4];

	near[0] = m->config->split;
	near[1] = width;
	near[2] = model_split(m, dev);
	near[3] = 1U << below(state, 8);
	switch (below(state, 8)) {
	case 0:
		return (near[below(state, 4)] + below(state, 3) - 1) & 0xfffff;
	case 1:
		return NUM_PICK(below(state, 256), (int)below(state, 3) - 1);
	case 2:
		return below(state, width);
	default:
		return 1 + below(state, 5);
	}
}

/* Splits that fit, that reach into what is the host's, and that make no sense. */
static uint32_t draw_split(uint64_t *state, const struct model *m, int dev)
{
	uint32_t split = m->config->split, width = 1U << m->config->bits[dev];

	switch (below(state, 8)) {
	case 0:
		return 1;
	case 1:
		return split + below(state, 3) - 1;
	case 2:
		return split / 2;
	case 3:
		return split + (width - split) / 2;
	case 4:
		return width - below(state, 3);
	case 5:
		return below(state, 2) ? 2 : 1U << IOASID_PASID_BITS;
	case 6:
		return NUM_PICK(below(state, 256), below(state, 2));
	default:
		return 4 + below(state, 12);
	}
}

static uint8_t draw_flags(uint64_t *state, uint8_t type)
{
	uint8_t flags = 0;

	switch (type) {
	case OP_ALLOC:
		return below(state, 3) ? 0 : F_USER;
	case OP_ATTACH:
		return below(state, 4) ? 0 : F_REPLACE;
	case OP_ATTACH_PASID:
		flags = below(state, 2) ? F_NO_NUMBER : 0;
		if (!below(state, 3))
			flags |= below(state, 8) ? F_GLOBAL : F_GLOBAL | F_LOCAL;
		else if (!below(state, 8))
			flags |= F_LOCAL;
		return flags;
	case OP_SET_HWID:
	case OP_SET_ANY:
	case OP_CLEAR_HWID:
		flags = below(state, 3) ? 0 : F_DEV;
		if (!below(state, type == OP_SET_ANY ? 2 : 5))
			flags |= F_EXPOSE;
		if (!below(state, 5))
			flags |= F_ALL;
		return flags;
	case OP_MODE:
	case OP_SPLIT:
		return below(state, 2) ? F_DEV : 0;
	case OP_PROGRAM:
		return below(state, 5) ? 0 : F_NO_NUMBER;
	default:
		return 0;
	}
}

static struct op draw(uint64_t *state, const struct model *m, uint8_t type)
{
	struct op op = {
		.type = type,
		.ctx = (uint8_t)below(state, NR_CTX),
		.ioas = (uint8_t)below(state, NR_IOAS),
		.dev = (uint8_t)below(state, NR_DEV),
		.flags = draw_flags(state, type),
		.vm = (uint8_t)below(state, NR_VM + 1),
	};

	/* Most of the time a context has a VM of its own. */
	if (type == OP_CPU_ENABLE && below(state, 4))
		op.vm = op.ctx;
	switch (type) {
	case OP_SPLIT:
		op.num = draw_split(state, m, op.dev);
		break;
	case OP_MODE:
		op.num = below(state, 16) ? below(state, 5) % 3 : 3;
		/* Global more often than not. */
		op.num = op.num < 2 && below(state, 2) ? 2 : op.num;
		break;
	case OP_PROMISE:
		op.num = below(state, 22);
		break;
	default:
		op.num = draw_number(state, m, op.dev);
	}
	return op;
}

/* While drawing nobody says what the host picks: the lowest number it may be. */
static void guess(struct model *m)
{
	uint32_t n;
	int i, k;

	for (i = 0; i < NR_PICKS; i++) {
		struct m_pick *p = &m->pick[i];

		if (!p->used || p->number)
			continue;
		for (n = p->first; n <= p->last; n++) {
			for (k = 0; k < NR_PICKS; k++) {
				if (m->pick[k].used && m->pick[k].number == n &&
				    m->pick[k].function == p->function)
					break;
			}
			if (k == NR_PICKS)
				break;
		}
		p->number = n;
	}
}

/* Drawn blindly, most operations are refused: look for one that is not, most of the time. */
static struct op draw_useful(uint64_t *state, struct model *m, uint8_t type)
{
	unsigned int tries = below(state, 5) ? 40 : 1;
	static struct model after;
	struct m_answer a;
	struct op op;

	do {
		after = *m;
		op = draw(state, m, type);
		a = model_apply(&after, &op);
	} while ((a.skip || a.nr) && --tries);
	if (a.skip)
		return op;
	if (a.nr) {
		model_failed(m, &op);
		return op;
	}
	guess(&after);
	if (a.any && a.pick >= 0 && !a.number) {
		uint32_t n = after.pick[a.pick].number;

		after.pick[a.pick].number = 0;
		(void)model_named(&after, &op, &a, n);
	}
	*m = after;
	return op;
}

/* How a sequence begins, so that there is something to do for the rest. */
static const uint8_t beginning[] = {
	OP_OPEN,	 OP_OPEN,	  OP_OPEN,	   OP_ALLOC,	    OP_ALLOC,
	OP_ALLOC,	 OP_ALLOC,	  OP_ALLOC,	   OP_ALLOC,	    OP_MODE,
	OP_MODE,	 OP_SPLIT,	  OP_SPLIT,	   OP_SPLIT,	    OP_BIND,
	OP_BIND,	 OP_BIND,	  OP_BIND,	   OP_BIND,	    OP_BIND,
	OP_BIND,	 OP_BIND,	  OP_BIND,	   OP_BIND,	    OP_BIND,
	OP_BIND,	 OP_ATTACH,	  OP_ATTACH,	   OP_ATTACH,	    OP_CPU_ENABLE,
	OP_CPU_ENABLE,	 OP_ATTACH_PASID, OP_ATTACH_PASID, OP_ATTACH_PASID, OP_ATTACH_PASID,
	OP_ATTACH_PASID, OP_ATTACH_PASID, OP_ATTACH_PASID, OP_ATTACH_PASID, OP_ATTACH_PASID,
};

unsigned int sequence(uint64_t seed, const struct m_config *config, struct op *ops,
		      unsigned int steps)
{
	static struct model m;
	uint64_t state = seed;
	unsigned int i;

	model_init(&m, config, RIGHT);
	for (i = 0; i < steps; i++) {
		uint8_t type = i < sizeof(beginning) ? beginning[i] : draw_type(&state);

		ops[i] = draw_useful(&state, &m, type);
		/* Work waits for one operation. */
		if (ops[i].type != OP_WORK && ops[i].type != OP_WORK_CPU) {
			int d;

			for (d = 0; d < NR_DEV; d++)
				model_left(&m, d);
		}
	}
	return steps;
}

/* ---- named ones ------------------------------------------------------------------------------- */

/* Two slices of one function, one vPASID, two contexts, each with its VM. */
static const struct op seq_two_guests[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },
	{ OP_OPEN, 1, 0, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_ALLOC, 1, 1, 0, F_USER, 0, 0 },
	{ OP_BIND, 0, 0, 6, 0, 0, 0 },
	{ OP_BIND, 1, 0, 7, 0, 0, 0 },
	{ OP_SPLIT, 0, 0, 0, 0, 0, 8 },
	{ OP_SPLIT, 1, 0, 0, 0, 0, 64 },
	{ OP_ATTACH_PASID, 0, 1, 6, F_GLOBAL, 0, 5 },
	{ OP_ATTACH_PASID, 0, 1, 7, F_GLOBAL, 0, 5 },
	{ OP_CPU_ENABLE, 0, 0, 0, 0, 0, 0 },
	{ OP_CPU_ENABLE, 1, 0, 0, 0, 1, 0 },
	{ OP_CPU_MAP, 0, 0, 0, 0, 0, 5 },
	{ OP_CPU_MAP, 1, 0, 0, 0, 0, 5 },
	{ OP_PROGRAM, 0, 0, 6, 0, 0, 5 },
	{ OP_PROGRAM, 0, 0, 7, 0, 0, 5 },
	{ OP_WORK_CPU, 0, 0, 6, 0, 0, 5 },
	{ OP_WORK, 0, 0, 6, 0, 0, 0 },
	{ OP_CLEAR_HWID, 0, 1, 0, 0, 0, 5 },
	{ OP_CLOSE, 1, 0, 0, 0, 0, 0 },
};

/* A whole function and slices in one VM: both numbers there, one here; then each goes alone. */
static const struct op seq_hybrid[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 1, 0, F_USER, 0, 0 },
	{ OP_BIND, 0, 0, 9, 0, 0, 0 },
	{ OP_BIND, 0, 0, 6, 0, 0, 0 },
	{ OP_BIND, 0, 0, 7, 0, 0, 0 },
	{ OP_MODE, 0, 0, 0, 0, 0, 2 },
	{ OP_SPLIT, 0, 0, 0, 0, 0, 8 },
	{ OP_ATTACH_PASID, 0, 1, 9, F_NO_NUMBER, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 6, F_NO_NUMBER, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 7, F_NO_NUMBER, 0, 0 },
	{ OP_SET_HWID, 0, 1, 0, F_EXPOSE, 0, 3 },
	{ OP_CPU_ENABLE, 0, 0, 0, 0, 0, 0 },
	{ OP_CPU_MAP, 0, 0, 0, 0, 0, 3 },
	{ OP_PROGRAM, 0, 0, 9, 0, 0, 3 },
	{ OP_TURN, 0, 1, 0, 0, 0, 0 },
	{ OP_REBIND, 0, 1, 0, 0, 0, 1 },
	{ OP_WORK_CPU, 0, 0, 9, 0, 0, 3 },
	{ OP_WORK_CPU, 0, 0, 7, 0, 0, 3 },
	{ OP_CLEAR_HWID, 0, 1, 7, F_DEV, 0, 3 },
	{ OP_CPU_DISABLE, 0, 0, 0, 0, 0, 0 },
	{ OP_CPU_ENABLE, 0, 0, 0, 0, 3, 0 },
	{ OP_VM_END, 0, 0, 0, 0, 0, 0 },
	{ OP_CLEAR_HWID, 0, 1, 0, F_ALL, 0, 0 },
};

/* A function whole, then in slices, then whole again: never both. */
static const struct op seq_exclusive[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },	       { OP_OPEN, 1, 0, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 1, 0, 0, 0, 0 },	       { OP_ALLOC, 1, 1, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 0, 0, 0, 0 },	       { OP_BIND, 1, 0, 2, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 0, 0, 0, 3 }, { OP_UNBIND, 0, 0, 0, 0, 0, 0 },
	{ OP_BIND, 1, 0, 2, 0, 0, 0 },	       { OP_ATTACH, 0, 1, 2, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 2, 0, 0, 3 }, { OP_BIND, 0, 0, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 3, 0, 0, 0 },	       { OP_ATTACH, 0, 1, 3, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 3, 0, 0, 3 }, { OP_UNBIND, 0, 0, 2, 0, 0, 0 },
	{ OP_UNBIND, 0, 0, 3, 0, 0, 0 },       { OP_BIND, 0, 0, 0, 0, 0, 0 },
	{ OP_HOST_USE, 0, 0, 0, 0, 0, 0 },     { OP_UNBIND, 0, 0, 0, 0, 0, 0 },
	{ OP_HOST_USE, 0, 0, 0, 0, 0, 0 },     { OP_BIND, 0, 0, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 2, 0, 0, 0 },	       { OP_HOST_USE, 0, 0, 0, 0, 0, 0 },
};

/* A parent with few numbers: default PASIDs and vPASIDs share them. */
static const struct op seq_parent_runs_out[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },	   { OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 2, 0, 0, 0 },	   { OP_BIND, 0, 0, 3, 0, 0, 0 },
	{ OP_ATTACH, 0, 0, 3, 0, 0, 0 },   { OP_ATTACH_PASID, 0, 1, 2, 0, 0, 1 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 2 }, { OP_SET_HWID, 0, 1, 0, 0, 0, 3 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 4 }, { OP_SET_HWID, 0, 1, 0, 0, 0, 5 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 6 }, { OP_SET_HWID, 0, 1, 0, 0, 0, 7 },
	{ OP_BIND, 0, 0, 1, 0, 0, 0 },	   { OP_CLEAR_HWID, 0, 1, 0, 0, 0, 2 },
	{ OP_BIND, 0, 0, 1, 0, 0, 0 },	   { OP_ATTACH, 0, 1, 1, 0, 0, 0 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 2 }, { OP_UNBIND, 0, 0, 1, 0, 0, 0 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 2 },
};

/* A number that was fine for one device lies below the split of the next. */
static const struct op seq_split_later[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },	       { OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_MODE, 0, 0, 0, 0, 0, 2 },	       { OP_SPLIT, 0, 0, 0, 0, 0, 8 },
	{ OP_BIND, 0, 0, 9, 0, 0, 0 },	       { OP_ATTACH_PASID, 0, 1, 9, 0, 0, 3 },
	{ OP_BIND, 0, 0, 8, 0, 0, 0 },	       { OP_SPLIT, 0, 0, 8, F_DEV, 0, 1U << 20 },
	{ OP_ATTACH_PASID, 0, 1, 8, 0, 0, 3 }, { OP_ATTACH_PASID, 0, 1, 8, 0, 0, 6 },
	{ OP_SPLIT, 0, 0, 8, F_DEV, 0, 8 },    { OP_ATTACH_PASID, 0, 1, 8, 0, 0, 3 },
};

/* A guest that was told of 5 bits. */
static const struct op seq_promise[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },	     { OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 9, 0, 0, 0 },	     { OP_PROMISE, 0, 0, 0, 0, 0, 5 },
	{ OP_MODE, 0, 0, 0, 0, 0, 2 },	     { OP_SPLIT, 0, 0, 0, 0, 0, 16 },
	{ OP_MODE, 0, 0, 9, F_DEV, 0, 2 },   { OP_ATTACH_PASID, 0, 1, 9, F_GLOBAL, 0, 3 },
	{ OP_SPLIT, 0, 0, 0, 0, 0, 32 },     { OP_MODE, 0, 0, 0, 0, 0, 2 },
	{ OP_SPLIT, 0, 0, 9, F_DEV, 0, 31 }, { OP_SPLIT, 0, 0, 0, 0, 0, 31 },
	{ OP_BIND, 0, 0, 6, 0, 0, 0 },	     { OP_SPLIT, 0, 0, 6, F_DEV, 0, 8 },
	{ OP_PROMISE, 0, 0, 0, 0, 0, 20 },   { OP_SPLIT, 0, 0, 0, 0, 0, 1 },
};

/* One vPASID is one space on all devices in global mode; each in local mode has its own. */
static const struct op seq_one_space[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },	       { OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 2, 0, 0, 0, 0 },	       { OP_MODE, 0, 0, 0, 0, 0, 2 },
	{ OP_SPLIT, 0, 0, 0, 0, 0, 8 },	       { OP_BIND, 0, 0, 9, 0, 0, 0 },
	{ OP_BIND, 0, 0, 8, 0, 0, 0 },	       { OP_BIND, 0, 0, 5, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 9, 0, 0, 5 }, { OP_ATTACH_PASID, 0, 2, 8, 0, 0, 5 },
	{ OP_ATTACH_PASID, 0, 2, 5, 0, 0, 5 }, { OP_ATTACH_PASID, 0, 2, 5, F_LOCAL, 0, 5 },
	{ OP_ATTACH_PASID, 0, 2, 8, 0, 0, 6 }, { OP_SET_HWID, 0, 2, 0, 0, 0, 5 },
	{ OP_SET_HWID, 0, 1, 0, 0, 0, 6 },
};

/* A slice with work in its queues is taken away; another context gets the one that comes. */
static const struct op seq_unplug[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0 },
	{ OP_OPEN, 1, 0, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 1, 0, 0, 0, 0 },
	{ OP_ALLOC, 1, 1, 0, 0, 0, 0 },
	{ OP_BIND, 0, 0, 7, 0, 0, 0 },
	{ OP_BIND, 0, 0, 6, 0, 0, 0 },
	{ OP_SPLIT, 0, 0, 0, 0, 0, 8 },
	{ OP_ATTACH, 0, 1, 7, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 7, F_GLOBAL, 0, 5 },
	{ OP_ATTACH_PASID, 0, 1, 6, F_GLOBAL, 0, 5 },
	{ OP_CPU_ENABLE, 0, 0, 0, 0, 0, 0 },
	{ OP_CPU_MAP, 0, 0, 0, 0, 0, 5 },
	{ OP_PROGRAM, 0, 0, 7, 0, 0, 5 },
	{ OP_WORK, 0, 0, 7, 0, 0, 0 },
	{ OP_WORK_CPU, 0, 0, 7, 0, 0, 5 },
	{ OP_UNPLUG, 0, 0, 7, 0, 0, 0 },
	{ OP_PLUG, 0, 0, 7, 0, 0, 0 },
	{ OP_BIND, 1, 0, 7, 0, 0, 0 },
	{ OP_UNBIND, 0, 0, 7, 0, 0, 0 },
	{ OP_BIND, 1, 0, 7, 0, 0, 0 },
	{ OP_ATTACH, 1, 1, 7, 0, 0, 0 },
	{ OP_ATTACH_PASID, 1, 1, 7, F_LOCAL, 0, 5 },
	{ OP_CLOSE, 0, 0, 0, 0, 0, 0 },
};

#define REGRESSION(name, seq)                           \
	{                                               \
		name, seq, sizeof(seq) / sizeof(seq[0]) \
	}

const struct regression regressions[] = {
	REGRESSION("two guests on one function", seq_two_guests),
	REGRESSION("a whole function and slices in one VM", seq_hybrid),
	REGRESSION("whole or in slices", seq_exclusive),
	REGRESSION("a parent runs out of numbers", seq_parent_runs_out),
	REGRESSION("a split that comes later", seq_split_later),
	REGRESSION("a promised width", seq_promise),
	REGRESSION("one vPASID, one space", seq_one_space),
	REGRESSION("a slice goes and comes", seq_unplug),
};
const unsigned int nr_regressions = sizeof(regressions) / sizeof(regressions[0]);
