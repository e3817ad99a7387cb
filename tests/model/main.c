// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Random operations against the model.
 *
 *   model [--seconds N] [--steps N] [--seed N]
 *
 * Runs the named regressions, then sequences from consecutive seeds until the time is over; with
 * --seed only that one. Each sequence runs in a child, so that a crash is a failure like any other.
 * A failing one is made as short as it gets and printed in the form the list of regressions takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"
#include "tests/model/real.h"
#include "tests/model/sequences.h"

#define MAX_STEPS 4096

/* ---- sequences ------------------------------------------------------------------------------- */

static const struct conf_machine machines[] = {
	{ .name = "defaults" },
	{ .name = "4-entry caches", .cache_entries = 4 },
	{ .name = "3 levels", .levels = 3 },
	{ .name = "5 levels, small caches", .levels = 5, .cache_entries = 8 },
	{ .name = "4 KiB pages", .page_sizes = 4096 },
};
#define NR_MACHINES (sizeof(machines) / sizeof(machines[0]))

/* ---- comparing ------------------------------------------------------------------------------------ */

static bool probe_all(struct real *r, const struct model *m, char *why, size_t size)
{
	int dev, pasid, page;

	for (dev = 0; dev < NR_DEV; dev++) {
		for (pasid = 0; pasid < 1 << m_pasid_bits[dev]; pasid++) {
			for (page = 0; page < NR_PAGES; page++) {
				struct m_target t = model_dma(m, dev, pasid, page);

				if (!real_probe(r, dev, pasid, page, t, why, size))
					return false;
			}
		}
	}
	return true;
}

static bool answer_fits(const struct m_answer *a, int rc)
{
	unsigned int i;

	if (!a->nr)
		return !rc;
	for (i = 0; i < a->nr; i++) {
		if (a->err[i] == rc)
			return true;
	}
	return false;
}

/* Return: 0 the same all the way, else 1 with the reason on stdout. */
static int compare(const struct op *ops, unsigned int n, const struct conf_machine *machine)
{
	static struct real r;
	static struct model m;
	long live = os_alloc_live();
	char why[256] = "";
	unsigned int i;
	int number = 0;

	model_init(&m);
	if (!real_start(&r, machine)) {
		printf("# no machine\n");
		return 1;
	}
	for (i = 0; i < n && !*why; i++) {
		struct m_answer a = model_apply(&m, &ops[i]);
		int rc;

		if (a.skip)
			continue;
		rc = real_apply(&r, &m, &ops[i], &a, &number);
		if (!answer_fits(&a, rc))
			snprintf(why, sizeof(why), "answer %d, model: %d of %u", rc,
				 a.nr ? a.err[0] : 0, a.nr);
		else if (!rc && ops[i].type == OP_SET_ANY && number != a.number)
			snprintf(why, sizeof(why), "number %d, model: %d", number, a.number);
		else
			probe_all(&r, &m, why, sizeof(why));
	}
	if (*why) {
		printf("# step %u: %s\n", i - 1, why);
		fflush(stdout);
		return 1;
	}
	if (!real_stop(&r) || os_alloc_live() != live) {
		printf("# leak: %ld allocations\n", os_alloc_live() - live);
		fflush(stdout);
		return 1;
	}
	return 0;
}

/* ---- running and shrinking -------------------------------------------------------------------------- */

static bool fails_in_child(const struct op *ops, unsigned int n, const struct conf_machine *machine,
			   bool quiet)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (quiet &&
		    (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
			_exit(2);
		alarm(60);
		_exit(compare(ops, n, machine));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(2);
	}
	return status != 0;
}

/* Delta debugging: take out ever smaller pieces as long as it still fails. */
static unsigned int shrink(struct op *ops, unsigned int n, const struct conf_machine *machine)
{
	unsigned int piece = n / 2, at;
	struct op *less = calloc(n, sizeof(*less));

	while (piece && less) {
		bool smaller = false;

		for (at = 0; at + piece <= n;) {
			memcpy(less, ops, at * sizeof(*ops));
			memcpy(less + at, ops + at + piece, (n - at - piece) * sizeof(*ops));
			if (fails_in_child(less, n - piece, machine, true)) {
				n -= piece;
				memcpy(ops, less, n * sizeof(*ops));
				smaller = true;
			} else {
				at += piece;
			}
		}
		if (!smaller || piece > n)
			piece /= 2;
	}
	free(less);
	return n;
}

static const char *const op_names[NR_OPS] = { OP_NAMES };

static void report(struct op *ops, unsigned int n, const struct conf_machine *machine)
{
	unsigned int i;

	printf("# shrinking %u steps on machine \"%s\"\n", n, machine->name);
	n = shrink(ops, n, machine);
	for (i = 0; i < n; i++)
		printf("#\t{ %s, %u, %u, %u, %u, %u, %u, %u },\n", op_names[ops[i].type],
		       ops[i].ctx, ops[i].ioas, ops[i].dev, ops[i].a, ops[i].b, ops[i].c, ops[i].d);
	fails_in_child(ops, n, machine, false);
}

static bool run_seed(uint64_t seed, unsigned int steps)
{
	static struct op ops[MAX_STEPS];
	const struct conf_machine *machine = &machines[seed % NR_MACHINES];
	unsigned int n = sequence(seed, ops, steps);

	if (!fails_in_child(ops, n, machine, false))
		return true;
	printf("# seed %lu fails (model --seed %lu --steps %u)\n", seed, seed, steps);
	report(ops, n, machine);
	return false;
}

static bool run_regressions(void)
{
	bool good = true, all = true;
	unsigned int i, m;

	for (i = 0; i < NR_REGRESSIONS; i++) {
		good = true;
		for (m = 0; m < NR_MACHINES; m++)
			good &= !fails_in_child(regressions[i].ops, regressions[i].nr, &machines[m],
						false);
		printf("%s - model: %s\n", good ? "ok" : "not ok", regressions[i].name);
		all &= good;
	}
	return all;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 10, seed = 0, start = now(), n;
	unsigned int steps = 150;
	bool good, one = false;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			seconds = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--steps"))
			steps = (unsigned int)strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed")) {
			seed = strtoull(argv[i + 1], NULL, 0);
			one = true;
		}
	}
	if (!steps || steps > MAX_STEPS)
		return 2;
	if (one)
		return !run_seed(seed, steps);
	good = run_regressions();
	/* The first seeds are the same in every run; later ones differ by the day. */
	for (n = 0; now() - start < seconds && good; n++) {
		seed = n < 100 ? n : (uint64_t)time(NULL) / 86400 * 1000000 + n;
		good &= run_seed(seed, steps);
	}
	printf("%s - model: %lu random sequences of %u operations agree\n", good ? "ok" : "not ok",
	       n, steps);
	return !good;
}
