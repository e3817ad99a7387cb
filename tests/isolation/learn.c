// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/isolation/learn.h"

#include <stdio.h>

/** struct view - the model's wires beside what was seen. */
struct view {
	const struct m_wire *wires;
	unsigned int n;
	struct m_scan *scan;
	const struct m_scan *last;
};

static int find_seen(const struct m_scan *scan, int function, uint32_t number)
{
	unsigned int i;

	for (i = 0; i < scan->nr; i++) {
		if (scan->seen[i].function == function && scan->seen[i].number == number)
			return (int)i;
	}
	return -1;
}

static struct m_seen *find(const struct view *v, int function, uint32_t number)
{
	int at = find_seen(v->scan, function, number);

	return at < 0 ? NULL : &v->scan->seen[at];
}

static uint32_t number_of(const struct model *m, const struct m_wire *w)
{
	return w->source.pick < 0 ? w->source.number : m->pick[w->source.pick].number;
}

/* Numbers that are known lead where the model says. */
static bool explain_known(const struct model *m, const struct view *v, char *why, size_t size)
{
	unsigned int i;

	for (i = 0; i < v->n; i++) {
		const struct m_wire *w = &v->wires[i];
		uint32_t number = number_of(m, w);
		struct m_seen *s = number ? find(v, w->function, number) : NULL;

		if (!number)
			continue;
		if (s)
			s->explained = true;
		if ((s ? s->tag : NOTHING) == w->tag)
			continue;
		snprintf(why, size, "function %d number %u reaches page %d, model: %d", w->function,
			 number, s ? s->tag : NOTHING, w->tag);
		return false;
	}
	return true;
}

static bool is_known_host_number(const struct model *m, int except, uint32_t number)
{
	int i;

	for (i = 0; i < NR_PICKS; i++) {
		if (i != except && m->pick[i].used && m->pick[i].function < 0 &&
		    m->pick[i].number == number)
			return true;
	}
	return false;
}

static bool was_candidate(const struct m_pick *p, uint32_t number)
{
	unsigned int i;

	for (i = 0; i < p->nr && !p->open; i++) {
		if (p->candidate[i] == number)
			return true;
	}
	return p->open;
}

/* May @pick be @number? Then it leads where it must on all RIDs, and led nowhere before. */
static bool can_be(const struct model *m, const struct view *v, int pick, uint32_t number)
{
	const struct m_pick *p = &m->pick[pick];
	unsigned int i;

	if (number < p->first || number > p->last || !was_candidate(p, number))
		return false;
	if (p->function < 0 && is_known_host_number(m, pick, number))
		return false;
	for (i = 0; i < v->n; i++) {
		const struct m_wire *w = &v->wires[i];
		struct m_seen *s;

		if (w->source.pick != pick || w->tag == NOTHING)
			continue;
		s = find(v, w->function, number);
		if (!s || s->explained || s->tag != w->tag)
			return false;
		if (p->open && find_seen(v->last, w->function, number) >= 0)
			return false;
	}
	return true;
}

static int first_wire(const struct view *v, int pick)
{
	unsigned int i;

	for (i = 0; i < v->n; i++) {
		if (v->wires[i].source.pick == pick && v->wires[i].tag != NOTHING)
			return (int)i;
	}
	return -1;
}

static bool narrow(struct model *m, const struct view *v, int pick, char *why, size_t size)
{
	int wire = first_wire(v, pick);
	struct m_pick *p = &m->pick[pick];
	struct m_pick next = *p;
	unsigned int i;

	if (wire < 0)
		return true;
	next.open = false;
	next.nr = 0;
	for (i = 0; i < v->scan->nr && next.nr < NR_CANDIDATES; i++) {
		const struct m_seen *s = &v->scan->seen[i];

		if (s->function == v->wires[wire].function && can_be(m, v, pick, s->number))
			next.candidate[next.nr++] = s->number;
	}
	*p = next;
	if (next.nr)
		return true;
	snprintf(why, size, "function %d: no number of %u to %u leads to page %d as it should",
		 v->wires[wire].function, p->first, p->last, v->wires[wire].tag);
	return false;
}

static void take(struct model *m, const struct view *v, int pick)
{
	struct m_pick *p = &m->pick[pick];
	unsigned int i;

	p->number = p->candidate[0];
	for (i = 0; i < v->n; i++) {
		struct m_seen *s = find(v, v->wires[i].function, p->number);

		if (v->wires[i].source.pick == pick && s)
			s->explained = true;
	}
}

/* As many strange numbers as there are picks that are not known: no more, no fewer. */
static bool count(const struct model *m, const struct view *v, char *why, size_t size)
{
	int wanted[NR_DEV] = { 0 };
	unsigned int i;

	for (i = 0; i < v->n; i++)
		wanted[v->wires[i].function] += !number_of(m, &v->wires[i]) &&
						v->wires[i].tag != NOTHING;
	for (i = 0; i < v->scan->nr; i++)
		wanted[v->scan->seen[i].function] -= !v->scan->seen[i].explained;
	for (i = 0; i < v->scan->nr; i++) {
		const struct m_seen *s = &v->scan->seen[i];

		if (s->explained || wanted[s->function] >= 0)
			continue;
		snprintf(why, size, "function %d number %u reaches page %d, model: nothing",
			 s->function, s->number, s->tag);
		return false;
	}
	for (i = 0; i < NR_DEV; i++) {
		if (wanted[i] <= 0)
			continue;
		snprintf(why, size, "function %u: %d numbers too few lead somewhere", i, wanted[i]);
		return false;
	}
	return true;
}

/* Whatever only one number can be is that; then others have fewer to choose from. */
static bool settle(struct model *m, const struct view *v, char *why, size_t size)
{
	bool moved = true;
	int i;

	while (moved) {
		moved = false;
		for (i = 0; i < NR_PICKS; i++) {
			struct m_pick *p = &m->pick[i];

			if (!p->used || p->number)
				continue;
			if (!narrow(m, v, i, why, size))
				return false;
			if (p->open || p->nr != 1 || first_wire(v, i) < 0)
				continue;
			take(m, v, i);
			moved = true;
		}
	}
	return true;
}

bool learn(struct model *m, struct m_scan *scan, const struct m_scan *last, char *why, size_t size)
{
	static struct m_wire wires[MAX_WIRES];
	const struct view v = {
		.wires = wires,
		.n = model_wires(m, wires),
		.scan = scan,
		.last = last,
	};

	return explain_known(m, &v, why, size) && settle(m, &v, why, size) &&
	       count(m, &v, why, size);
}
