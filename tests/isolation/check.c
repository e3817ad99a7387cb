// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/isolation/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isolation/learn.h"
#include "tests/isolation/real.h"

#define PASIDS (1U << IOASID_PASID_BITS)

/** struct run - a sequence under way. */
struct run {
	struct real real;
	struct model model;
	char why[256];
	struct m_scan scan, last;
	uint32_t *interest; /* 20 bits: numbers that are tried */
	unsigned int nr_interest;
	uint8_t is_interest[PASIDS / 8];
	unsigned int turn, step;
	bool sparse;
};

struct tally *check_tally;

__attribute__((format(printf, 2, 3))) static bool differs(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->why, sizeof(run->why), format, args);
	va_end(args);
	return false;
}

/* ---- which numbers -------------------------------------------------------------------------------- */

static bool is_wide(const struct run *run)
{
	return run->model.config->split > 4096;
}

/* A number of interest, and its neighbours, stay so to the end of the run. */
static void note(struct run *run, uint32_t number)
{
	uint32_t n;
	int delta;

	for (delta = -1; delta <= 1; delta++) {
		n = (number + (uint32_t)delta) & (PASIDS - 1);
		if (run->is_interest[n / 8] & 1U << n % 8)
			continue;
		run->is_interest[n / 8] |= 1U << n % 8;
		run->interest[run->nr_interest++] = n;
	}
}

static void note_ends(struct run *run)
{
	int d;

	note(run, 1);
	note(run, run->model.config->split);
	for (d = 0; d < NR_DEV; d++)
		note(run, 1U << run->model.config->bits[d]);
}

static void note_live(struct run *run)
{
	unsigned int i;
	int d;

	for (d = 0; d < NR_DEV; d++) {
		note(run, model_split(&run->model, d));
		for (i = 0; i < NR_ROUTES; i++) {
			if (run->model.dev[d].route[i].used)
				note(run, run->model.dev[d].route[i].v);
		}
	}
	for (i = 0; i < NR_PICKS; i++) {
		if (run->model.pick[i].used && run->model.pick[i].number)
			note(run, run->model.pick[i].number);
	}
}

/* All numbers, if they are few, and some that are too wide. */
static void note_all(struct run *run)
{
	unsigned int bits = 0;
	uint32_t n;
	int d;

	for (d = 0; d < NR_DEV; d++)
		bits = run->model.config->bits[d] > bits ? run->model.config->bits[d] : bits;
	for (n = 1; n <= 1U << bits; n++)
		note(run, n);
	note(run, (2U << bits) - 1);
	note(run, PASIDS - 2);
}

/* ---- DMA --------------------------------------------------------------------------------------------- */

/* Requests go out with the RID of the function; its slices take turns with the function itself. */
static int sender(struct run *run, int function)
{
	int d, nr = 0, at;

	for (d = 0; d < NR_DEV; d++)
		nr += function_of(d) == function && run->real.hw[d];
	at = nr ? (int)(run->turn++ % (unsigned int)nr) : -1;
	for (d = 0; d < NR_DEV; d++) {
		if (function_of(d) == function && run->real.hw[d] && !at--)
			return d;
	}
	return -1;
}

static bool try_number(struct run *run, int dev, uint32_t number)
{
	int tag = real_reaches(&run->real, dev, number);

	if (tag == STRAY)
		return differs(run, "device %d number %u reaches what is nobody's", dev, number);
	/* PASID 0 may mean "without PASID" to an IOMMU. */
	if (!number && tag == model_default(&run->model, function_of(dev)))
		return true;
	if (tag == NOTHING)
		return true;
	if (run->scan.nr == MAX_SEEN)
		return differs(run, "more numbers lead somewhere than there are");
	run->scan.seen[run->scan.nr++] = (struct m_seen){
		.function = function_of(dev),
		.number = number,
		.tag = tag,
	};
	return true;
}

static bool scan(struct run *run)
{
	unsigned int i;
	int f, dev;

	run->scan.nr = 0;
	for (f = 0; f < NR_DEV; f++) {
		if (is_slice(f) || !run->real.hw[f])
			continue;
		for (i = 0; i < run->nr_interest; i++) {
			dev = sender(run, f);
			if (dev >= 0 && !try_number(run, dev, run->interest[i]))
				return false;
		}
	}
	return true;
}

/*
 * Where a pick of 20 bits may be: hosts tend to take low numbers first, so those are tried first, then all.
 */
static bool widen(struct run *run, unsigned int round)
{
	const struct model *m = &run->model;
	uint32_t n, span = round ? PASIDS : 256;
	int i;

	for (i = 0; i < NR_PICKS; i++) {
		const struct m_pick *p = &m->pick[i];

		if (!p->used || p->number)
			continue;
		for (n = p->first; n <= p->last && n - p->first < span; n++)
			note(run, n);
	}
	return scan(run);
}

static bool look(struct run *run)
{
	return learn(&run->model, &run->scan, &run->last, run->why, sizeof(run->why));
}

static bool check_dma(struct run *run)
{
	static struct model before;
	unsigned int round;
	bool good;

	before = run->model;
	if (is_wide(run))
		note_live(run);
	good = scan(run) && look(run);
	for (round = 0; is_wide(run) && round < 2 && !good; round++) {
		run->model = before;
		good = widen(run, round) && look(run);
	}
	if (!good)
		return false;
	run->why[0] = '\0';
	memcpy(run->last.seen, run->scan.seen, run->scan.nr * sizeof(run->scan.seen[0]));
	run->last.nr = run->scan.nr;
	return true;
}

static bool check_defaults(struct run *run)
{
	int d, tag, want;

	for (d = 0; d < NR_DEV; d++) {
		if (!run->real.hw[d])
			continue;
		tag = real_reaches(&run->real, d, CONF_RID);
		want = model_default(&run->model, d);
		if (tag != want)
			return differs(run, "device %d without PASID reaches %d, model: %d", d, tag,
				       want);
	}
	return true;
}

/* ---- information --------------------------------------------------------------------------------------- */

static bool check_device_info(struct run *run, int d)
{
	const struct model *m = &run->model;
	struct ioasid_device_info info = { 0 };
	int rc = ioasid_device_get_info(run->real.ctx[m->dev[d].ctx], (uint64_t)d, &info);
	uint32_t split = model_mode(m, d) == IOASID_MODE_GLOBAL ? model_split(m, d) : 0;

	if (rc)
		return differs(run, "information on device %d: %d", d, rc);
	if (info.mode != model_mode(m, d) || info.global_min != split)
		return differs(run, "device %d has mode %u split %u, model: %u %u", d, info.mode,
			       info.global_min, model_mode(m, d), split);
	if (info.portal != model_portal(m, d))
		return differs(run, "device %d has portal %u, model: %u", d, info.portal,
			       model_portal(m, d));
	if (info.nr_pasid_routes != model_nr_routes(m, d))
		return differs(run, "device %d has %u routes, model: %u", d, info.nr_pasid_routes,
			       model_nr_routes(m, d));
	return true;
}

static bool check_info(struct run *run)
{
	const struct model *m = &run->model;
	struct ioasid_info info;
	int c, d, rc;

	for (c = 0; c < NR_CTX; c++) {
		if (!m->ctx[c].open)
			continue;
		rc = ioasid_get_info(run->real.ctx[c], NULL, 0, &info);
		if (rc || info.pasid_bits != model_bits(m, c))
			return differs(run, "context %d: %d, %u bits, model: %u", c, rc,
				       info.pasid_bits, model_bits(m, c));
	}
	for (d = 0; d < NR_DEV; d++) {
		if (m->dev[d].handle == BOUND && !check_device_info(run, d))
			return false;
	}
	return true;
}

/* ---- queues ------------------------------------------------------------------------------------------------ */

/* Wherever it is unsaid exactly, work of a device gets to its own context at most. */
static bool check_landed(struct run *run, int d, const struct m_source *source,
			 const struct real_left *left, const char *what)
{
	const struct model *m = &run->model;
	int tag = real_landed(&run->real, left), want;
	bool known;

	want = model_lands(m, d, source, &known);
	if (known ? tag == want :
		    tag == NOTHING || tag / (NR_IOAS * PAGES_PER_IOAS) == m->dev[d].ctx)
		return true;
	return differs(run, "%s of device %d, source %s%u pick %d, lands on %d, model: %d", what, d,
		       source->rid ? "RID " : "", source->number, source->pick, tag, want);
}

/* Work that was left waiting while the last operation was done. */
static bool check_left(struct run *run)
{
	struct model *m = &run->model;
	int d, i;

	for (d = 0; d < NR_DEV; d++) {
		if (run->real.hw[d] && topo[d].dedicated)
			(void)real_run(&run->real, d);
		for (i = 0; i < NR_WAITING; i++) {
			struct real_left *left = &run->real.left[d][i];
			const struct m_work *work = &m->dev[d].waiting[i];

			if (!left->used)
				continue;
			left->used = false;
			if (work->used &&
			    !check_landed(run, d, &work->source, left, "waiting work"))
				return false;
			if (!work->used && real_landed(&run->real, left) != NOTHING)
				return differs(run, "dropped work of device %d lands on %d", d,
					       real_landed(&run->real, left));
		}
		model_left(m, d);
	}
	return true;
}

static bool check_dedicated(struct run *run, int d)
{
	const struct m_dev *dev = &run->model.dev[d];
	struct real_left left;
	bool taken = real_work(&run->real, d, &left);

	if (taken != dev->enabled)
		return differs(run, "dedicated queue of device %d %s work", d,
			       taken ? "takes" : "refuses");
	if (check_tally)
		check_tally->dedicated += taken;
	if (real_run(&run->real, d) != taken)
		return differs(run, "device %d does not do what it has taken", d);
	return !taken || check_landed(run, d, &dev->program, &left, "dedicated work");
}

/* Every number is written to a register, and work sent with those that it takes. */
static bool check_register(struct run *run, int d)
{
	const struct m_dev *dev = &run->model.dev[d];
	struct m_source source;
	struct real_left left;
	bool want, good = true;
	unsigned int i;
	uint32_t v;
	int rc;

	for (i = 0; i < run->nr_interest && good; i++) {
		v = run->interest[i];
		if (!v)
			continue;
		want = model_mediate(&run->model, d, v, &source);
		rc = real_program(&run->real, d, v);
		if (rc != (want ? 0 : -ENOENT))
			return differs(run, "register of device %d answers %d to %u, model: %s", d,
				       rc, v, want ? "0" : "ENOENT");
		if (rc)
			continue;
		if (!real_work(&run->real, d, &left) || real_run(&run->real, d) != 1)
			return differs(run, "device %d does no work with %u", d, v);
		good = check_landed(run, d, &source, &left, "programmed work");
	}
	real_program(&run->real, d, 0);
	real_enable(&run->real, d, dev->enabled);
	return good;
}

/* What was not taken is not done either, which shows when the engine runs. */
static bool check_enqcmd(struct run *run, int vm, int cpu, int d, uint32_t v)
{
	struct m_source source;
	struct real_left left;
	enum m_cpu want = model_enqcmd(&run->model, vm, d, v, &source), got;

	got = real_enqcmd(&run->real, vm, cpu, d, v, &left);
	if (want != CPU_UNSAID && got != want)
		return differs(run, "ENQCMD with %u on VM %d to device %d ends with %d, model: %d",
			       v, vm, d, got, want);
	if (got != CPU_TAKEN)
		return true;
	if (check_tally)
		check_tally->taken++;
	if (real_run(&run->real, d) != 1)
		return differs(run, "device %d does not do what it has taken", d);
	return check_landed(run, d, &source, &left, "shared work");
}

static bool check_cpu(struct run *run, int vm, int cpu, int d)
{
	unsigned int i;

	for (i = 0; i < run->nr_interest; i++) {
		if (!check_enqcmd(run, vm, cpu, d, run->interest[i]))
			return false;
	}
	return true;
}

/* All numbers on all CPUs of all VMs; or on one CPU in each step. */
static bool check_shared(struct run *run, int d)
{
	unsigned int at = run->step % (NR_VM * NR_CPU), i;

	real_enable_shared(&run->real, d);
	for (i = 0; i < NR_VM * NR_CPU; i++) {
		if (run->sparse && i != at)
			continue;
		if (!check_cpu(run, (int)(i % NR_VM), (int)(i / NR_VM), d))
			return false;
	}
	return !real_run(&run->real, d) ||
	       differs(run, "device %d does work that it has not taken", d);
}

static bool check_queues(struct run *run)
{
	int d, at = (int)(run->turn++ % NR_DEV);

	for (d = 0; d < NR_DEV; d++) {
		if (run->model.dev[d].handle != BOUND || !topo[d].dedicated)
			continue;
		if (!check_dedicated(run, d) || (topo[d].shared && !check_shared(run, d)))
			return false;
		/* One device at a time, unless it is programmed with something. */
		if (d == at && run->model.dev[d].program.rid && !check_register(run, d))
			return false;
	}
	return true;
}

static void count(const struct run *run, const struct op *op, const struct m_answer *a, int rc)
{
	struct tally *t = check_tally;
	unsigned int i;

	if (!t)
		return;
	++*(rc ? &t->refused[op->type] : &t->done[op->type]);
	t->steps++;
	t->open += a->either;
	t->numbers += run->nr_interest;
	t->wires += run->scan.nr;
	for (i = 0; i < run->scan.nr; i++)
		t->host_wide += run->scan.seen[i].number >= run->model.config->split;
}

static bool check_all(struct run *run, const struct op *op)
{
	if (!check_dma(run) || !check_defaults(run) || !check_info(run))
		return false;
	/* Work stays where it was left, until after the next operation. */
	if (op->type == OP_WORK || op->type == OP_WORK_CPU)
		return true;
	return check_left(run) && check_queues(run);
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

static bool answer_fits(const struct m_answer *a, int rc)
{
	unsigned int i;

	if (!rc)
		return !a->nr || a->either;
	for (i = 0; i < a->nr; i++) {
		if (a->err[i] == rc)
			return true;
	}
	return false;
}

static bool check_answer(struct run *run, const struct op *op, const struct m_answer *a, int rc,
			 uint32_t number, uint32_t ppasid)
{
	struct m_pick *p = a->pick < 0 ? NULL : &run->model.pick[a->pick];

	if (!answer_fits(a, rc))
		return differs(run, "answer %d, model: %d of %u", rc, a->nr ? a->err[0] : 0, a->nr);
	if (rc)
		return true;
	if (a->any && !model_named(&run->model, op, a, number))
		return differs(run, "number %u, model: %u", number, a->number);
	if (!p || !(op->flags & F_EXPOSE))
		return true;
	if (ppasid < p->first || ppasid > p->last || (p->number && p->number != ppasid))
		return differs(run, "exposed number %u, model: %u (%u to %u)", ppasid, p->number,
			       p->first, p->last);
	/* What it leads to will show; 20 bits need not be searched for it. */
	if (is_wide(run))
		note(run, ppasid);
	return true;
}

static bool step(struct run *run, const struct op *op)
{
	static struct model after;
	uint32_t number = 0, ppasid = 0;
	struct m_answer a;
	int rc;

	after = run->model;
	a = model_apply(&after, op);
	if (a.skip)
		return true;
	run->step++;
	rc = real_apply(&run->real, &run->model, &after, op, &number, &ppasid);
	if (rc)
		model_failed(&run->model, op);
	else
		run->model = after;
	if (!check_answer(run, op, &a, rc, number, ppasid) || !check_all(run, op))
		return false;
	count(run, op, &a, rc);
	return true;
}

bool check_sequence(const struct m_config *config, enum wrong wrong, bool sparse,
		    const struct op *ops, unsigned int n)
{
	struct run *run = calloc(1, sizeof(*run));
	long live = conf_home_under_test.allocations ? conf_home_under_test.allocations() : 0;
	unsigned int i = 0;
	bool good;

	if (!run)
		return false;
	run->interest = calloc(PASIDS, sizeof(*run->interest));
	run->sparse = sparse;
	model_init(&run->model, config, wrong);
	good = run->interest && real_start(&run->real, config);
	if (!good)
		printf("# no machine\n");
	if (good && is_wide(run))
		note_ends(run);
	else if (good)
		note_all(run);
	while (good && i < n)
		good = step(run, &ops[i++]);
	if (!good) {
		printf("# step %u: %s\n", i ? i - 1 : 0, run->why);
		fflush(stdout);
		return false; /* this process ends */
	}
	good = real_stop(&run->real);
	if (good && conf_home_under_test.allocations)
		good = conf_home_under_test.allocations() == live;
	if (!good)
		printf("# something is left behind\n");
	fflush(stdout);
	free(run->interest);
	free(run);
	return good;
}
