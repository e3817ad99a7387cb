// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * judge [--seed N] [--only TEXT] [host] [tree]: run every case over every variant of these QEMUs.
 * judge --image DIR: make memory images for other tests. Started from the root of the checkout.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/judge/judge.h"

static const struct variant variants[] = {
	{
		.machine = { "host", "aw-bits=39", "host-legacy39", 39, false },
		.title = "QEMU 7.2 legacy, 39 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 3,
		.legacy = true,
	},
	{
		.machine = { "host", "aw-bits=48", "host-legacy48", 48, false },
		.title = "QEMU 7.2 legacy, 48 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 4,
		.legacy = true,
	},
	{
		.machine = { "host", "x-scalable-mode=on,aw-bits=39", "host-ss39", 39, false },
		.title = "QEMU 7.2 second stage, 39 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 3,
	},
	{
		.machine = { "host", "x-scalable-mode=on,aw-bits=48", "host-ss48", 48, false },
		.title = "QEMU 7.2 second stage, 48 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 4,
	},
	{
		.machine = { "tree", "aw-bits=48", "tree-legacy48", 48, false },
		.title = "QEMU 11 legacy, 48 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 4,
		.legacy = true,
	},
	{
		.machine = { "tree", "scalable-mode=on,aw-bits=39", "tree-ss39", 39, false },
		.title = "QEMU 11 second stage, 39 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 3,
	},
	{
		.machine = { "tree", "scalable-mode=on,pasid-bits=20", "tree-ss48", 48, false },
		.title = "QEMU 11 second stage, 48 bits",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 4,
	},
	{
		.machine = { "tree", "scalable-mode=on,fsts=on,pasid-bits=20", "tree-fs", 48,
			     false },
		.title = "QEMU 11 first stage",
		.fmt = IOPT_FMT_VTD_FS,
		.levels = 4,
		.codes = true,
	},
	{
		.machine = { "tree", "scalable-mode=on,fsts=on,fs1gp=off", "tree-fs-no1g", 48,
			     false },
		.title = "QEMU 11 first stage without 1 GiB pages",
		.fmt = IOPT_FMT_VTD_FS,
		.levels = 4,
		.codes = true,
	},
};

static const struct judge_case *const case_lists[] = {
	judge_map_cases,    judge_live_cases,	 judge_dirty_cases,
	judge_mutate_cases, judge_control_cases,
};

static unsigned int tap_nr, tap_failed;

/* ---- Running ------------------------------------------------------------------------------------------ */

const char *judge_log_dir(void)
{
	const char *dir = getenv("IOASID_LOG");

	return dir ? dir : "build/log";
}

#define ERRORS_SAID 12

void judge_error(struct judge *j, const char *fmt, ...)
{
	va_list ap;

	j->errors++;
	if (j->said++ >= ERRORS_SAID)
		return;
	printf("#    ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void judge_sync_at(struct table_sync *sync, const u64 *word)
{
	struct judge_sync *s = container_of(sync, struct judge_sync, sync);

	(void)word;
	s->fn(s->j);
}

void judge_start(struct judge *j, const struct variant *v, u64 seed)
{
	memset(j, 0, sizeof(*j));
	j->v = v;
	j->rng.state = seed;
	j->next_did = 1;
	machine_start(&j->m, &v->machine, seed);
	j->sync.sync.at = judge_sync_at;
	j->sync.j = j;
	j->env.mem = &j->m.real.mem;
	j->env.alloc = &j->m.tables.alloc;
	world_init(j);
	machine_adopt_tables(&j->m);
	j->rtaddr = world_rtaddr(j);
	machine_translate(&j->m, j->rtaddr);
}

void judge_stop(struct judge *j)
{
	world_destroy(j);
	judge_expect(j, !j->m.tables.in_use, "%u table pages were never freed", j->m.tables.in_use);
	machine_stop(&j->m);
}

/* Called around a case: what it used has to come back. */
static void judge_run(struct judge *j, const struct judge_case *c)
{
	u32 before = j->m.tables.in_use;
	u64 dmas = j->m.dmas;

	j->errors = 0;
	j->said = 0;
	c->run(j);
	judge_compare(j, "at the end");
	/* Root and context tables stay, once there. */
	judge_expect(j, j->m.tables.in_use <= before + 4, "%u table pages were not freed",
		     j->m.tables.in_use - before);
	printf("%s %u - %s: %s (%llu DMAs)\n", j->errors ? "not ok" : "ok", ++tap_nr, j->v->title,
	       c->name, j->m.dmas - dmas);
	if (j->errors)
		tap_failed++;
	fflush(stdout);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_variant(const struct variant *v, const char *only, u64 seed)
{
	const struct judge_case *c;
	double start = now();
	unsigned int i;
	struct judge j;

	judge_start(&j, v, seed);
	for (i = 0; i < ARRAY_SIZE(case_lists); i++)
		for (c = case_lists[i]; c->run; c++)
			if ((!c->wanted || c->wanted(v)) && (!only || strstr(c->name, only)))
				judge_run(&j, c);
	printf("# %s: %llu DMAs in %.1f s; %llu compared, %llu of them refused", v->title, j.m.dmas,
	       now() - start, j.checks, j.faults);
	printf(", %llu for the same reason", j.codes);
	printf("; before an invalidation %llu old, %llu new", j.stale, j.fresh);
	if (j.late_dirty)
		printf("; %llu dirty bits left out by QEMU", j.late_dirty);
	printf("\n");
	judge_stop(&j);
}

/* ---- Command line --------------------------------------------------------------------------------------- */

struct options {
	u64 seed;
	const char *only;
	const char *image;
};

static bool wanted_qemu(int argc, char **argv, const char *name)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind == argc;
}

static bool parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ "image", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			o->only = optarg;
			break;
		case 'i':
			o->image = optarg;
			break;
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1 };
	unsigned int i;

	if (!parse(&o, argc, argv)) {
		fprintf(stderr,
			"usage: judge [--seed N] [--only TEXT] [host] [tree] | --image DIR\n");
		return 2;
	}
	if (o.image)
		return judge_image(o.image, o.seed);
	printf("# seed %llu\n", o.seed);
	for (i = 0; i < ARRAY_SIZE(variants); i++)
		if (wanted_qemu(argc, argv, variants[i].machine.qemu))
			run_variant(&variants[i], o.only, o.seed);
	printf("1..%u\n", tap_nr);
	return tap_failed || !tap_nr;
}
