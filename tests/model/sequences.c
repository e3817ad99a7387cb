// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/model/sequences.h"

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

/* How often each operation is drawn: much mapping and routing, little closing. */
static const uint8_t weights[NR_OPS] = {
	[OP_OPEN] = 6,	       [OP_CLOSE] = 1,	    [OP_ALLOC] = 14,	   [OP_FREE] = 4,
	[OP_MAP] = 30,	       [OP_MAP_TABLES] = 8, [OP_UNMAP] = 6,	   [OP_UNMAP_ALL] = 1,
	[OP_BIND_TABLE] = 10,  [OP_TREE] = 20,	    [OP_DEV_BIND] = 8,	   [OP_DEV_CLOSE] = 1,
	[OP_RESET] = 1,	       [OP_ATTACH] = 14,    [OP_DETACH] = 4,	   [OP_ATTACH_PASID] = 14,
	[OP_DETACH_PASID] = 4, [OP_SET_HWID] = 8,   [OP_SET_HWID_DEV] = 3, [OP_SET_ANY] = 4,
	[OP_CLEAR_HWID] = 4,   [OP_CLEAR_ALL] = 1,
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

static struct op draw(uint64_t *state, uint8_t type)
{
	struct op op = {
		.type = type,
		/* The second context is there to be in the way, not to share the work. */
		.ctx = below(state, 6) == 0,
		.ioas = (uint8_t)below(state, NR_IOAS),
		.dev = (uint8_t)below(state, NR_DEV),
		.a = (uint8_t)below(state, NR_PAGES),
		.b = (uint8_t)below(state, NR_PAGES),
		.c = (uint8_t)below(state, NR_PAGES),
		.d = (uint8_t)below(state, 16),
	};

	switch (op.type) {
	case OP_MAP:
		/* Now and then the whole window. */
		if (!below(state, 4))
			op.a = op.b = 0;
		op.c = (uint8_t)(1 + below(state, NR_PAGES - (op.a > op.b ? op.a : op.b)));
		op.d = op.d < 12 ? PROT_R | PROT_W : op.d < 14 ? PROT_R : PROT_W;
		break;
	case OP_UNMAP:
		op.c = (uint8_t)(1 + below(state, NR_PAGES - op.a));
		break;
	case OP_BIND_TABLE:
		op.a = (uint8_t)below(state, NR_TREES + 1);
		break;
	case OP_TREE:
		op.d |= below(state, 8) ? 7 : 0;
		break;
	}
	return op;
}

/* Drawn blindly, most operations are refused: look for one that is not, most of the time. */
static struct op draw_useful(uint64_t *state, struct model *m)
{
	uint8_t type = draw_type(state);
	unsigned int tries = below(state, 5) ? 40 : 1;
	struct op op;

	do {
		struct model after = *m;
		struct m_answer a;

		op = draw(state, type);
		a = model_apply(&after, &op);
		if (!a.skip && !a.nr)
			break;
	} while (--tries);
	model_apply(m, &op);
	return op;
}

unsigned int sequence(uint64_t seed, struct op *ops, unsigned int steps)
{
	static struct model m;
	uint64_t state = seed;
	unsigned int i;

	model_init(&m);
	ops[0] = (struct op){ .type = OP_OPEN };
	model_apply(&m, &ops[0]);
	for (i = 1; i < steps; i++)
		ops[i] = draw_useful(&state, &m);
	return steps;
}

/* ---- named ones ------------------------------------------------------------------------------- */

static const struct op seq_first_steps[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0, 0 },   { OP_ALLOC, 0, 0, 0, 0, 0, 0, 0 },
	{ OP_MAP, 0, 0, 0, 2, 5, 3, 3 },    { OP_DEV_BIND, 0, 0, 0, 0, 0, 0, 0 },
	{ OP_ATTACH, 0, 0, 0, 0, 0, 0, 0 }, { OP_UNMAP, 0, 0, 0, 2, 0, 3, 0 },
};

static const struct op seq_user_table[] = {
	{ OP_OPEN, 0, 0, 0, 0, 0, 0, 0 },	  { OP_ALLOC, 0, 0, 0, 0, 0, 0, 0 },
	{ OP_ALLOC, 0, 0, 0, 1, 1, 0, 0 },	  { OP_MAP, 0, 0, 0, 0, 0, 16, 3 },
	{ OP_MAP_TABLES, 0, 0, 0, 0, 0, 0, 0 },	  { OP_DEV_BIND, 0, 0, 0, 0, 0, 0, 0 },
	{ OP_ATTACH_PASID, 0, 1, 0, 3, 0, 0, 0 }, { OP_TREE, 0, 0, 0, 1, 4, 9, 7 },
	{ OP_BIND_TABLE, 0, 1, 0, 1, 0, 0, 0 },	  { OP_TREE, 0, 0, 0, 1, 4, 8, 5 },
	{ OP_UNMAP_ALL, 0, 0, 0, 0, 0, 0, 0 },
};

/* A member of a group leaves the top of the stack to the other one, and comes back to it. */
static const struct op seq_group_rejoin[] = {
	{ OP_OPEN, 1, 4, 0, 11, 3, 14, 10 },	{ OP_DEV_BIND, 1, 0, 2, 13, 15, 8, 9 },
	{ OP_DEV_BIND, 1, 7, 3, 7, 1, 12, 15 }, { OP_ALLOC, 1, 0, 3, 12, 8, 8, 10 },
	{ OP_ATTACH, 0, 0, 3, 7, 0, 1, 6 },	{ OP_ALLOC, 1, 0, 0, 12, 7, 13, 9 },
	{ OP_ATTACH, 0, 1, 3, 0, 1, 14, 4 },	{ OP_ATTACH, 0, 1, 2, 6, 11, 2, 4 },
	{ OP_DETACH, 1, 1, 3, 15, 13, 8, 13 },	{ OP_ATTACH, 1, 1, 3, 15, 6, 9, 14 },
	{ OP_DETACH, 1, 1, 2, 0, 0, 0, 0 },	{ OP_DETACH, 1, 1, 3, 0, 0, 0, 0 },
	{ OP_DETACH, 1, 0, 2, 0, 0, 0, 0 },	{ OP_DETACH, 1, 0, 3, 0, 0, 0, 0 },
};

const struct regression regressions[] = {
	{ "first steps", seq_first_steps, sizeof(seq_first_steps) / sizeof(struct op) },
	{ "a member rejoins its group", seq_group_rejoin,
	  sizeof(seq_group_rejoin) / sizeof(struct op) },
	{ "a user table", seq_user_table, sizeof(seq_user_table) / sizeof(struct op) },
};
_Static_assert(sizeof(regressions) / sizeof(regressions[0]) == NR_REGRESSIONS, "count them");
