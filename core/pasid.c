// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "core/pasid.h"

#define WORDS	  64U
#define WORD_BITS 64U

/*
 * struct pasid_node - 4096 numbers
 * @taken: bit set: used or quarantined
 * @quarantined: bit set: quarantined
 * @full, @any: bit set: that word of @taken is all ones, is not zero
 */
struct pasid_node {
	u64 full;
	u64 any;
	u64 taken[WORDS];
	u64 quarantined[WORDS];
};

static u32 node_of(u32 number)
{
	return number >> PASID_NODE_LG2;
}

static u32 word_of(u32 number)
{
	return (number / WORD_BITS) % WORDS;
}

static u64 bit_of(u32 number)
{
	return BIT_ULL(number % WORD_BITS);
}

static struct pasid_node *find_node(const struct pasid_space *space, u32 number)
{
	return space->node && number <= space->last ? space->node[node_of(number)] : NULL;
}

void pasid_space_init(struct pasid_space *space, unsigned int bits)
{
	memset(space, 0, sizeof(*space));
	space->last = bits ? (u32)(BIT_ULL(bits) - 1) : 0;
}

void pasid_space_destroy(struct pasid_space *space)
{
	u32 i;

	if (!space->node)
		return;
	for (i = 0; i < PASID_NODES; i++)
		kfree(space->node[i]);
	kfree(space->node);
	space->node = NULL;
	space->used = 0;
	space->quarantined = 0;
	memset(space->full, 0, sizeof(space->full));
}

void pasid_space_trim(struct pasid_space *space)
{
	if (!space->used && !space->quarantined)
		pasid_space_destroy(space);
}

/* ---- search ---------------------------------------------------------------------------------- */

/* Lowest zero bit of @word at or after bit @from, or WORD_BITS. */
static u32 zero_from(u64 word, u32 from)
{
	u64 free = ~word & (~0ULL << from);

	return free ? (u32)__ffs64(free) : WORD_BITS;
}

/* Lowest free number of @node at or after @from, both relative to it, or -1. */
static s32 node_free(const struct pasid_node *node, u32 from)
{
	u32 word = from / WORD_BITS, bit = zero_from(node->taken[word], from % WORD_BITS);

	if (bit < WORD_BITS)
		return (s32)(word * WORD_BITS + bit);
	if (word == WORDS - 1)
		return -1;
	word = zero_from(node->full, word + 1);
	return word < WORDS ? (s32)(word * WORD_BITS + zero_from(node->taken[word], 0)) : -1;
}

/* First node at or after @index in which a number is free. */
static u32 node_not_full(const struct pasid_space *space, u32 index)
{
	u32 word = index / 64, bit = zero_from(space->full[word], index % 64);

	while (bit == 64 && ++word < ARRAY_SIZE(space->full))
		bit = zero_from(space->full[word], 0);
	return word * 64 + bit;
}

s64 pasid_space_lowest_free(const struct pasid_space *space, u32 first, u32 last)
{
	u32 from, index;
	s32 got;

	first = max(first, 1U);
	last = min(last, space->last);
	if (first > last)
		return -ENOSPC;
	if (!space->node)
		return first;
	/* At most twice: a node that is not full may have nothing free after @first. */
	for (index = node_of(first); index < PASID_NODES; index++) {
		index = node_not_full(space, index);
		if (index >= PASID_NODES)
			break;
		from = index == node_of(first) ? first % BIT(PASID_NODE_LG2) : 0;
		/* Of the first node 0 is never free. */
		got = space->node[index] ? node_free(space->node[index], from) : (s32)from;
		if (got < 0)
			continue;
		from = (index << PASID_NODE_LG2) + (u32)got;
		return from <= last ? (s64)from : -ENOSPC;
	}
	return -ENOSPC;
}

/* First number of @node in use at or after @from, or -1. */
static s32 node_taken(const struct pasid_node *node, u32 from)
{
	u32 word = from / WORD_BITS;
	u64 bits = node->taken[word] & (~0ULL << (from % WORD_BITS));

	if (!bits && word + 1 < WORDS) {
		bits = node->any & (~0ULL << (word + 1));
		if (!bits)
			return -1;
		word = (u32)__ffs64(bits);
		bits = node->taken[word];
	}
	return bits ? (s32)(word * WORD_BITS + (u32)__ffs64(bits)) : -1;
}

s64 pasid_space_next(const struct pasid_space *space, u32 number)
{
	u32 index, from = number % BIT(PASID_NODE_LG2);
	s32 got;

	if (!space->node || number > space->last)
		return -ENOENT;
	for (index = node_of(number); index < PASID_NODES; index++, from = 0) {
		got = space->node[index] ? node_taken(space->node[index], from) : -1;
		if (got >= 0)
			return ((s64)index << PASID_NODE_LG2) + got;
	}
	return -ENOENT;
}

bool pasid_space_any(const struct pasid_space *space, u32 first, u32 last)
{
	const struct pasid_node *node = find_node(space, first);
	u64 mask = (~0ULL << (first % WORD_BITS)) & (~0ULL >> (WORD_BITS - 1 - last % WORD_BITS));

	return node && node->taken[word_of(first)] & mask;
}

bool pasid_space_is_used(const struct pasid_space *space, u32 number)
{
	const struct pasid_node *node = find_node(space, number);

	return node && node->taken[word_of(number)] & bit_of(number);
}

bool pasid_space_is_quarantined(const struct pasid_space *space, u32 number)
{
	const struct pasid_node *node = find_node(space, number);

	return node && node->quarantined[word_of(number)] & bit_of(number);
}

/* ---- memory ---------------------------------------------------------------------------------- */

int pasid_space_spare(struct pasid_spare *spare)
{
	if (!spare->array)
		spare->array = kcalloc(PASID_NODES, sizeof(*spare->array), GFP_KERNEL);
	if (!spare->node)
		spare->node = kzalloc(sizeof(*spare->node), GFP_KERNEL);
	return spare->array && spare->node ? 0 : -ENOMEM;
}

void pasid_space_spare_free(struct pasid_spare *spare)
{
	kfree(spare->array);
	kfree(spare->node);
	spare->array = NULL;
	spare->node = NULL;
}

static struct pasid_node *make_node(struct pasid_space *space, u32 number,
				    struct pasid_spare *spare)
{
	bool known = space->node && space->node[node_of(number)];

	/* All that is missing, or nothing. */
	if (!(space->node || spare->array) || !(known || spare->node))
		return NULL;
	if (!space->node) {
		space->node = spare->array;
		spare->array = NULL;
	}
	if (!known) {
		space->node[node_of(number)] = spare->node;
		spare->node = NULL;
	}
	return space->node[node_of(number)];
}

size_t pasid_space_bytes(const struct pasid_space *space)
{
	size_t bytes = 0;
	u32 i;

	if (!space->node)
		return 0;
	for (i = 0; i < PASID_NODES; i++)
		bytes += space->node[i] ? sizeof(*space->node[i]) : 0;
	return bytes + PASID_NODES * sizeof(*space->node);
}

/* ---- change ---------------------------------------------------------------------------------- */

static void set_taken(struct pasid_space *space, struct pasid_node *node, u32 number)
{
	u32 word = word_of(number), index = node_of(number);

	node->taken[word] |= bit_of(number);
	node->any |= BIT_ULL(word);
	space->used++;
	if (~node->taken[word])
		return;
	node->full |= BIT_ULL(word);
	if (!~node->full)
		space->full[index / 64] |= BIT_ULL(index % 64);
}

int pasid_space_take(struct pasid_space *space, u32 number, struct pasid_spare *spare)
{
	struct pasid_spare own = { 0 };
	struct pasid_node *node;
	int rc = 0;

	if (!number || number > space->last)
		return -ERANGE;
	node = find_node(space, number);
	if (!node && !spare) {
		spare = &own;
		rc = pasid_space_spare(spare);
	}
	if (!node && !rc)
		node = make_node(space, number, spare);
	pasid_space_spare_free(&own);
	if (!node)
		return -ENOMEM;
	if (node->quarantined[word_of(number)] & bit_of(number))
		return -EBUSY;
	if (node->taken[word_of(number)] & bit_of(number))
		return -EEXIST;
	set_taken(space, node, number);
	return 0;
}

void pasid_space_retire(struct pasid_space *space, u32 number)
{
	struct pasid_node *node = find_node(space, number);
	u64 bit = bit_of(number);
	u32 word = word_of(number);

	if (WARN_ON(!node || !(node->taken[word] & bit) || node->quarantined[word] & bit))
		return;
	node->quarantined[word] |= bit;
	space->used--;
	space->quarantined++;
}

void pasid_space_release(struct pasid_space *space, u32 number)
{
	struct pasid_node *node = find_node(space, number);
	u32 word = word_of(number), index = node_of(number);
	u64 bit = bit_of(number);

	if (WARN_ON(!node || !(node->taken[word] & bit)))
		return;
	if (node->quarantined[word] & bit)
		space->quarantined--;
	else
		space->used--;
	node->quarantined[word] &= ~bit;
	node->taken[word] &= ~bit;
	node->full &= ~BIT_ULL(word);
	if (!node->taken[word])
		node->any &= ~BIT_ULL(word);
	space->full[index / 64] &= ~BIT_ULL(index % 64);
}

static void release_word(struct pasid_space *space, struct pasid_node *node, u32 word)
{
	u64 bits = node->quarantined[word];

	space->quarantined -= hweight64(bits);
	node->quarantined[word] = 0;
	node->taken[word] &= ~bits;
	node->full &= ~BIT_ULL(word);
	if (!node->taken[word])
		node->any &= ~BIT_ULL(word);
}

void pasid_space_release_quarantined(struct pasid_space *space)
{
	u32 i, word;

	for (i = 0; space->quarantined && i < PASID_NODES; i++) {
		if (!space->node[i])
			continue;
		for (word = 0; word < WORDS; word++) {
			if (!space->node[i]->quarantined[word])
				continue;
			release_word(space, space->node[i], word);
			space->full[i / 64] &= ~BIT_ULL(i % 64);
		}
	}
}
