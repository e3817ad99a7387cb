// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What has been reached, and what must be true when everything was closed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define LIVE "/sys/kernel/debug/ioasid/live"
#define SETS "/sys/kernel/debug/ioasid/sets" /* the first line is about the whole allocator */

void complain(struct fuzz_shared *s, const char *format, ...)
{
	unsigned int n = atomic_fetch_add(&s->complaints, 1);
	va_list args;

	if (n >= ARRAY_SIZE(s->complaint))
		return;
	va_start(args, format);
	vsnprintf(s->complaint[n], sizeof(s->complaint[n]), format, args);
	va_end(args);
}

bool tap(bool ok, unsigned int *n, const char *text)
{
	printf("%sok %u - abi fuzz: %s\n", ok ? "" : "not ", (*n)++, text);
	fflush(stdout);
	return ok;
}

/* ---- gauges ------------------------------------------------------------------------------------ */

static void slurp(const char *path, char *buf, size_t room)
{
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(buf, 1, room - 1, file) : 0;

	buf[n] = '\0';
	if (file)
		fclose(file);
}

static long word_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* A kernel that checks every access keeps freed memory for a while, up to a part of all there is. */
long memory_kept_kib(void)
{
	char line[256], total[4096];
	FILE *symbols = fopen("/proc/kallsyms", "r");
	bool keeps = false;

	while (symbols && !keeps && fgets(line, sizeof(line), symbols))
		keeps = strstr(line, " kasan_quarantine_put\n") != NULL;
	if (symbols)
		fclose(symbols);
	slurp("/proc/meminfo", total, sizeof(total));
	return keeps ? word_of(total, "MemTotal:") / 16 : 0;
}

void caches_drop(void)
{
	FILE *drop = fopen("/proc/sys/vm/drop_caches", "w");

	if (drop) {
		fputs("3\n", drop);
		fclose(drop);
	}
}

void gauge_read(struct fuzz_gauge *g)
{
	static char text[65536];
	char *at;

	memset(g, 0, sizeof(*g));
	slurp(LIVE, g->live, sizeof(g->live));
	/* Counts what happened, not what there is. */
	at = strstr(g->live, "events_lost");
	if (at)
		*at = '\0';
	slurp(SETS, text, 1024);
	strncat(g->live, text, strcspn(text, "\n"));
	/* The kernel adds up its counters when it comes to it; reading this makes it. */
	slurp("/proc/sys/vm/stat_refresh", text, sizeof(text));
	slurp("/proc/vmstat", text, sizeof(text));
	g->pinned = word_of(text, "nr_foll_pin_acquired ") - word_of(text, "nr_foll_pin_released ");
	slurp("/proc/meminfo", text, sizeof(text));
	g->free_kib = word_of(text, "MemFree:");
	g->slab_kib = word_of(text, "SUnreclaim:");
}

bool gauge_compare(const struct fuzz_gauge *before, const struct fuzz_gauge *after)
{
	bool ok = true;

	if (strcmp(before->live, after->live)) {
		printf("# live objects before: %s\n# after: %s\n", before->live, after->live);
		ok = false;
	}
	if (before->pinned != after->pinned) {
		printf("# pages pinned before: %ld, after: %ld\n", before->pinned, after->pinned);
		ok = false;
	}
	return ok;
}

/* ---- coverage ------------------------------------------------------------------------------------- */

/* What this release answers EOPNOTSUPP at best. */
static const unsigned long unavailable[] = {
	IOASID_SET_PASID_TABLE, IOASID_DIRTY_SET,     IOASID_DIRTY_GET,
	IOASID_STATE_SAVE,	IOASID_STATE_RESTORE, IOASID_STATE_RESUME,
};

/* What cannot succeed without a device; everything on another descriptor than the context's, too. */
static const unsigned long with_device[] = {
	IOASID_DEVICE_GET_INFO, IOASID_SET_HWID,      IOASID_CLEAR_HWID,
	IOASID_PAGE_RESPONSE,	IOASID_CPU_PASID_MAP, IOASID_CPU_PASID_UNMAP,
};

/* What software devices do not have. */
static const unsigned long with_hardware[] = {
	IOASID_PCI_GET_INFO,
	IOASID_PCI_SET_IRQ,
	IOASID_PCI_MASK_INTX,
};

/* What the header says, and EBADF, which comes before us. */
static const int documented[] = {
	EINVAL, ENOENT, EEXIST, EBUSY, ENOSPC, EDQUOT, ERANGE, EPERM,  EOPNOTSUPP, EMEDIUMTYPE,
	ENOTTY, ENODEV, EIO,	EINTR, EFAULT, ENOMEM, E2BIG,  EAGAIN, EBADF,
};

static bool listed(const unsigned long *list, size_t n, unsigned long cmd)
{
	while (n--) {
		if (list[n] == cmd)
			return true;
	}
	return false;
}

/* Can it succeed on this machine? */
static bool possible(const struct fuzz_shared *s, const struct fuzz_command *c)
{
	if (listed(with_hardware, ARRAY_SIZE(with_hardware), c->cmd))
		return s->node;
	if (c->cmd == IOASID_LIMIT_SET)
		return s->group;
	if (c->on == R_FD_IOASID_SIM || c->on == R_FD_IOASID_SIM_VM ||
	    c->cmd == IOASID_CPU_PASID_ENABLE)
		return s->sim;
	if (c->on != R_FD_IOASID || listed(with_device, ARRAY_SIZE(with_device), c->cmd))
		return s->sim || s->node;
	return true;
}

void cover_print(struct fuzz_shared *s)
{
	unsigned int i;
	int e;

	printf("# %-32s %8s %8s  errors\n", "command", "calls", "ok");
	for (i = 0; i < NR_COMMANDS; i++) {
		struct fuzz_cover *c = &s->cover[i];

		printf("# %-32s %8lu %8lu ", commands[i].name, atomic_load(&c->calls),
		       atomic_load(&c->ok));
		for (e = 0; e <= MAX_ERRNO; e++) {
			if (c->err[e])
				printf(" %s=%lu", strerrorname_np(e) ?: "?",
				       atomic_load(&c->err[e]));
		}
		printf("\n");
	}
	printf("# calls that are no command: %lu\n", atomic_load(&s->other));
}

static bool only_documented(struct fuzz_shared *s)
{
	bool ok = true;
	unsigned int i, k;
	int e;

	for (i = 0; i < NR_COMMANDS; i++) {
		for (e = 1; e <= MAX_ERRNO; e++) {
			for (k = 0; k < ARRAY_SIZE(documented) && documented[k] != e; k++)
				;
			if (k < ARRAY_SIZE(documented) || !s->cover[i].err[e])
				continue;
			printf("# %s answered %s\n", commands[i].name, strerrorname_np(e) ?: "?");
			ok = false;
		}
	}
	return ok;
}

static bool all_succeeded(struct fuzz_shared *s, bool *stubs)
{
	bool ok = true;
	unsigned int i;

	*stubs = true;
	for (i = 0; i < NR_COMMANDS; i++) {
		const struct fuzz_command *c = &commands[i];
		unsigned long good = atomic_load(&s->cover[i].ok);

		if (listed(unavailable, ARRAY_SIZE(unavailable), c->cmd)) {
			if (good) {
				printf("# %s is listed as unavailable and succeeded\n", c->name);
				*stubs = false;
			}
		} else if (!good && possible(s, c)) {
			printf("# %s never succeeded\n", c->name);
			ok = false;
		}
	}
	return ok;
}

static bool all_reached(struct fuzz_shared *s)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (atomic_load(&s->cover[i].calls) || !possible(s, &commands[i]))
			continue;
		printf("# %s was never issued\n", commands[i].name);
		ok = false;
	}
	return ok;
}

bool cover_judge(struct fuzz_shared *s, unsigned int *n)
{
	bool stubs, ok, good = all_succeeded(s, &stubs);
	unsigned int i;

	ok = tap(all_reached(s), n, "every command was reached");
	ok &= tap(good, n, "every command that this release offers succeeded");
	ok &= tap(stubs, n, "no command succeeded that it does not offer");
	ok &= tap(only_documented(s), n, "every error is one of the header's");
	for (i = 0; i < atomic_load(&s->complaints) && i < ARRAY_SIZE(s->complaint); i++)
		printf("# %s\n", s->complaint[i]);
	ok &= tap(!atomic_load(&s->complaints), n,
		  "commands write [out] members, on success, and no kernel addresses");
	return ok;
}
