// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Random operations, and after each DMA with every number on every RID, work through every queue and
 * ENQCMD with every number on every CPU: the memory of a context is reached as the model says and in no
 * other way.
 *
 *   isolation [--seconds N] [--steps N] [--seed N] [--wide] [--mistakes] [--brief] [--sparse]
 *
 * Runs the named sequences, then random ones from consecutive seeds until the time is over; with --seed
 * only that one. --wide: numbers of 20 bits, of which those that mean something are tried. --mistakes:
 * models that are wrong, each of which has to be found out. --sparse: for slow machines: 6 bits, and one
 * CPU submits after each step, in turns. Each sequence runs in a child, so that a crash is a failure like
 * any other. A failing one is made as short as it gets (--brief: is left as it is) and printed in the form
 * that the list of named ones takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/isolation/check.h"
#include "tests/isolation/sequences.h"

#define MAX_STEPS 4096

/* ---- machines ------------------------------------------------------------------------------------- */

/* The first ones are those for --sparse. */
static const struct m_config configs[] = {
	{ "6 bits, numbers of the host from 32", { 6, 6, 6, 6, 6, 6, 6, 6, 6, 6 }, 32, 0 },
	{ "6 bits, 7 numbers for slices", { 6, 6, 6, 6, 6, 6, 6, 6, 6, 6 }, 8, 0 },
	{ "6 and 5 bits, from 24", { 6, 6, 6, 6, 6, 6, 6, 5, 6, 6 }, 24, 4 },
	{ "7 and 6 bits, from 24", { 7, 7, 7, 7, 6, 6, 6, 6, 7, 7 }, 24, 4 },
	{ "8 bits and less, from 16", { 8, 8, 8, 7, 7, 7, 5, 6, 8, 6 }, 16, 17 },
	{ "6 bits, 4 numbers of the host", { 6, 6, 6, 6, 6, 6, 6, 6, 6, 6 }, 60, 0 },
	{ "6 bits, none of the host", { 6, 6, 6, 6, 6, 6, 6, 6, 6, 6 }, 1024, 0 },
};
#define NR_CONFIGS (sizeof(configs) / sizeof(configs[0]))
#define NR_SPARSE  3

static const struct m_config wide_configs[] = {
	{ "20 bits", { 20, 20, 20, 20, 20, 20, 20, 20, 20, 20 }, 32768, 0 },
	{ "20 and 17 bits, from 65536", { 20, 20, 20, 20, 17, 17, 17, 17, 18, 20 }, 65536, 5 },
};
#define NR_WIDE (sizeof(wide_configs) / sizeof(wide_configs[0]))

/** struct job - what a child does. */
struct job {
	const struct m_config *config;
	enum wrong wrong;
	const struct op *ops;
	unsigned int n;
	bool quiet, sparse;
};

/* ---- running and shrinking ------------------------------------------------------------------------ */

#define DIFFERS 3 /* what a child ends with where the model says something else */

static int run_child(const struct job *job)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (job->quiet &&
		    (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
			_exit(2);
		alarm(120);
		_exit(check_sequence(job->config, job->wrong, job->sparse, job->ops, job->n) ?
			      0 :
			      DIFFERS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(2);
	}
	return status;
}

static bool fails_in_child(const struct job *job)
{
	return run_child(job) != 0;
}

/* Delta debugging: take out ever smaller pieces as long as it still fails. */
static unsigned int shrink(const struct job *job, struct op *ops)
{
	unsigned int n = job->n, piece = n / 2, at;
	struct op *less = calloc(n, sizeof(*less));
	struct job shorter = *job;

	shorter.quiet = true;
	shorter.ops = less;
	while (piece && less) {
		bool smaller = false;

		for (at = 0; at + piece <= n;) {
			memcpy(less, ops, at * sizeof(*ops));
			memcpy(less + at, ops + at + piece, (n - at - piece) * sizeof(*ops));
			shorter.n = n - piece;
			if (fails_in_child(&shorter)) {
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

static void report(const struct job *job, struct op *ops)
{
	struct job shorter = *job;
	unsigned int i;

	printf("# shrinking %u steps on machine \"%s\"\n", job->n, job->config->name);
	shorter.n = shrink(job, ops);
	for (i = 0; i < shorter.n; i++)
		printf("#\t{ %s, %u, %u, %u, %u, %u, 0x%x },\n", op_names[ops[i].type], ops[i].ctx,
		       ops[i].ioas, ops[i].dev, ops[i].flags, ops[i].vm, ops[i].num);
	shorter.ops = ops;
	fails_in_child(&shorter);
}

struct options {
	uint64_t seconds, seed;
	unsigned int steps;
	bool wide, one, mistakes, brief, sparse;
};

static const struct m_config *config_of(const struct options *o, uint64_t seed)
{
	if (o->wide)
		return &wide_configs[seed % NR_WIDE];
	return &configs[seed % (o->sparse ? NR_SPARSE : NR_CONFIGS)];
}

static bool run_seed(const struct options *o, uint64_t seed)
{
	static struct op ops[MAX_STEPS];
	struct job job = { .config = config_of(o, seed), .ops = ops, .sparse = o->sparse };

	job.n = sequence(seed, job.config, ops, o->steps);
	if (!fails_in_child(&job))
		return true;
	printf("# seed %lu fails (isolation --seed %lu --steps %u%s%s)\n", seed, seed, o->steps,
	       o->wide ? " --wide" : "", o->sparse ? " --sparse" : "");
	if (!o->brief)
		report(&job, ops);
	return false;
}

static bool run_regressions(const struct options *o)
{
	bool good, all = true;
	unsigned int i, c;

	for (i = 0; i < nr_regressions; i++) {
		good = true;
		for (c = 0; c < (o->sparse ? 1 : NR_CONFIGS); c++) {
			struct job job = {
				.sparse = o->sparse,
				.config = &configs[c],
				.ops = regressions[i].ops,
				.n = regressions[i].nr,
			};

			good &= !fails_in_child(&job);
		}
		printf("%s - isolation: %s\n", good ? "ok" : "not ok", regressions[i].name);
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

/* A wrong model that agrees for this many sequences is not told from the right one. */
#define MISTAKE_SEEDS 60

static bool run_mistakes(const struct options *o)
{
	static struct op ops[MAX_STEPS];
	bool good, all = true;
	unsigned int w;
	uint64_t seed;

	for (w = RIGHT + 1; w < NR_WRONGS; w++) {
		int status = 0;

		for (seed = 0; seed < MISTAKE_SEEDS && !status; seed++) {
			struct job job = {
				.config = &configs[seed % NR_CONFIGS],
				.wrong = w,
				.ops = ops,
				.quiet = true,
			};

			job.n = sequence(seed, job.config, ops, o->steps);
			status = run_child(&job);
		}
		/* Found out is not the same as crashed. */
		good = WIFEXITED(status) && WEXITSTATUS(status) == DIFFERS;
		printf("%s - isolation: a wrong model is found out: %s (after %lu sequences)\n",
		       good ? "ok" : "not ok", wrong_names[w], seed);
		fflush(stdout);
		all &= good;
	}
	return all;
}

static double per_step(const struct tally *t, uint64_t n)
{
	return t->steps ? (double)n / (double)t->steps : 0;
}

static void tally_print(const struct tally *t)
{
	printf("# %lu steps; after each %.0f numbers tried on each RID, %.1f led somewhere, %.1f of "
	       "them host-wide; %.1f works of dedicated queues, %.1f ENQCMDs taken; %lu answers were "
	       "open\n",
	       t->steps, per_step(t, t->numbers), per_step(t, t->wires), per_step(t, t->host_wide),
	       per_step(t, t->dedicated), per_step(t, t->taken), t->open);
}

/* Did it do what it is there for? Every operation, and work that went through. */
static bool tally_is_good(const struct tally *t)
{
	bool good = t->host_wide && t->taken && t->dedicated;
	unsigned int i;

	for (i = 0; i < NR_OPS; i++) {
		if (t->done[i])
			continue;
		printf("# %s was never done, and refused %lu times\n", op_names[i], t->refused[i]);
		good = false;
	}
	return good;
}

/* In a few steps not everything comes up. */
#define ENOUGH 8000

static bool run_random(const struct options *o)
{
	uint64_t start = now(), n, seed;
	bool good = true;

	check_tally = mmap(NULL, sizeof(*check_tally), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (check_tally == MAP_FAILED)
		return false;
	/* The first seeds are the same in every run; later ones differ by the day. */
	for (n = 0; now() - start < o->seconds && good; n++) {
		seed = n < 100 ? n : (uint64_t)time(NULL) / 86400 * 1000000 + n;
		good = run_seed(o, seed);
	}
	printf("%s - isolation: %lu random sequences of %u operations%s agree\n",
	       good ? "ok" : "not ok", n, o->steps, o->wide ? ", 20 bits," : "");
	tally_print(check_tally);
	if (good && check_tally->steps >= ENOUGH) {
		good = tally_is_good(check_tally);
		printf("%s - isolation: every operation was done\n", good ? "ok" : "not ok");
	}
	return good;
}

static bool options_of(int argc, char **argv, struct options *o)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--wide")) {
			o->wide = true;
		} else if (!strcmp(argv[i], "--mistakes")) {
			o->mistakes = true;
		} else if (!strcmp(argv[i], "--brief")) {
			o->brief = true;
		} else if (!strcmp(argv[i], "--sparse")) {
			o->sparse = true;
		} else if (i + 1 == argc) {
			return false;
		} else if (!strcmp(argv[i], "--seconds")) {
			o->seconds = strtoull(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--steps")) {
			o->steps = (unsigned int)strtoul(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--seed")) {
			o->seed = strtoull(argv[++i], NULL, 0);
			o->one = true;
		} else {
			return false;
		}
	}
	return o->steps && o->steps <= MAX_STEPS;
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 10, .steps = 150 };
	bool good = true;

	if (!options_of(argc, argv, &o)) {
		fprintf(stderr, "usage: isolation [--seconds N] [--steps N] [--seed N] [--wide] "
				"[--mistakes] [--brief] [--sparse]\n");
		return 2;
	}
	if (o.one)
		return !run_seed(&o, o.seed);
	if (o.mistakes)
		return !run_mistakes(&o);
	if (!o.wide)
		good = run_regressions(&o);
	return !(good && run_random(&o));
}
