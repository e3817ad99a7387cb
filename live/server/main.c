// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-accel-server: an accelerator with PASID and the VT-d unit in front of it, as two
 * vfio-user devices for a QEMU guest; or the accelerator in slices, two such devices for each
 * of several guests.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmar.h"
#include "machine.h"

#define SERVER_DEFAULT_DEVFN 0x20 /* 00:04.0 */
#define SERVER_DEFAULT_RAM   (16ULL << 30)
#define SERVER_HOST_WIDTH    48

static const char server_usage[] =
	"usage: ioasid-accel-server --endpoint SOCKET --drhd SOCKET [option...]\n"
	"       ioasid-accel-server --write-dmar FILE [--slot N]\n"
	"  --endpoint SOCKET   vfio-user socket of the accelerator\n"
	"  --drhd SOCKET       vfio-user socket of the remapping unit\n"
	"  --slices N          N guests have a slice each (2 to 8); names of sockets and counters get\n"
	"                      .1 to .N\n"
	"  --meet              slices have registers to meet, which also tell numbers of others\n"
	"  --lazy N            CPUs of guest N get a translation when they miss it\n"
	"  --host SOCKET       where ioasidctl can look at the host\n"
	"  --write-dmar FILE   write the ACPI table for QEMU's -acpitable file=FILE and exit\n"
	"  --slot N            PCI slot of the accelerator on bus 0 (4)\n"
	"  --max-ram MIB       most guest RAM a client may bring (16384)\n"
	"  --vcmd N            virtual commands: the guest may have N PASIDs of the host\n"
	"  --levels5           offer 5-level page tables\n"
	"  --stats FILE        write counters as JSON there at the end and on SIGUSR1\n"
	"  --once              end when the guest is gone\n"
	"  --trace             print what the guest does to the unit\n"
	"For tests, which must then fail:\n"
	"  --break no-invalidate|no-wait|no-ad|host-no-invalidate|host-no-wait|\n"
	"          no-mediation:N|no-portal:N (of guest N)\n"
	"  --delay US          pause between translation and access\n";

struct server_options {
	struct machine_config machine;
	const char *dmar, *stats;
	unsigned int slices, lazy;
	unsigned int broken[MEETING_MAX];
};

/**
 * struct server - what runs: machines, and what they share
 * @nr: machines that run; @wanted: that will; @left: guests that are gone
 */
static struct server {
	struct board board;
	struct machine machines[MEETING_MAX];
	unsigned int nr, wanted;
	char names[MEETING_MAX][3][512]; /* of sockets and counters */
	atomic_uint left;
} server;

static int server_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	return errno || end == text || *end || *value > max ? -EINVAL : 0;
}

/* What is broken in one slice alone: NAME:N. */
static int server_break_slice(struct server_options *o, const char *what)
{
	static const struct {
		const char *what;
		unsigned int flag;
	} names[] = {
		{ "no-mediation:", MACHINE_BREAK_NO_MEDIATION },
		{ "no-portal:", MACHINE_BREAK_NO_PORTAL },
	};
	unsigned long n;
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].what);

		if (strncmp(what, names[i].what, len))
			continue;
		if (server_number(what + len, MEETING_MAX, &n) || !n)
			return -EINVAL;
		o->broken[n - 1] |= names[i].flag;
		return 0;
	}
	return -EINVAL;
}

static int server_break(struct server_options *o, const char *what)
{
	static const struct {
		const char *what;
		unsigned int flag;
	} names[] = {
		{ "no-invalidate", MACHINE_BREAK_NO_INVALIDATE },
		{ "no-wait", MACHINE_BREAK_NO_WAIT },
		{ "no-ad", MACHINE_BREAK_NO_AD },
		{ "host-no-invalidate", MACHINE_BREAK_HOST_NO_INVALIDATE },
		{ "host-no-wait", MACHINE_BREAK_HOST_NO_WAIT },
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(what, names[i].what)) {
			o->machine.broken |= names[i].flag;
			return 0;
		}
	return server_break_slice(o, what);
}

static void server_client_gone(void)
{
	if (atomic_fetch_add(&server.left, 1) + 1 >= server.wanted)
		kill(getpid(), SIGTERM);
}

/* Options whose value is a number. Return: -EINVAL also for an option nobody knows. */
static int server_number_option(struct server_options *o, int option)
{
	unsigned long max = option == 's' ? 31 : 1UL << 20, n;

	if (!optarg || server_number(optarg, max, &n))
		return -EINVAL;
	switch (option) {
	case 's':
		o->machine.devfn = n << 3;
		return 0;
	case 'm':
		o->machine.max_ram = (uint64_t)n << 20;
		return 0;
	case 'y':
		o->machine.delay_us = n;
		return 0;
	case 'v':
		o->machine.vcmd_quota = n;
		return 0;
	case 'n':
		o->slices = n;
		return n >= 2 && n <= MEETING_MAX ? 0 : -EINVAL;
	case 'l':
		o->lazy = n;
		return 0;
	default:
		return -EINVAL;
	}
}

static int server_option(struct server_options *o, int option)
{
	switch (option) {
	case 'e':
		o->machine.endpoint_path = optarg;
		return 0;
	case 'd':
		o->machine.drhd_path = optarg;
		return 0;
	case 'h':
		o->machine.host_socket = optarg;
		return 0;
	case 'w':
		o->dmar = optarg;
		return 0;
	case 'j':
		o->stats = optarg;
		return 0;
	case '5':
		o->machine.levels5 = true;
		return 0;
	case 'o':
		o->machine.gone = server_client_gone;
		return 0;
	case 't':
		o->machine.trace = true;
		return 0;
	case 'a':
		o->machine.meet = true;
		return 0;
	case 'b':
		return server_break(o, optarg);
	default:
		return server_number_option(o, option);
	}
}

static int server_parse(struct server_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "endpoint", required_argument, NULL, 'e' },
		{ "drhd", required_argument, NULL, 'd' },
		{ "write-dmar", required_argument, NULL, 'w' },
		{ "slot", required_argument, NULL, 's' },
		{ "max-ram", required_argument, NULL, 'm' },
		{ "delay", required_argument, NULL, 'y' },
		{ "vcmd", required_argument, NULL, 'v' },
		{ "slices", required_argument, NULL, 'n' },
		{ "meet", no_argument, NULL, 'a' },
		{ "lazy", required_argument, NULL, 'l' },
		{ "host", required_argument, NULL, 'h' },
		{ "levels5", no_argument, NULL, '5' },
		{ "stats", required_argument, NULL, 'j' },
		{ "once", no_argument, NULL, 'o' },
		{ "trace", no_argument, NULL, 't' },
		{ "break", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int option, rc = 0;

	o->machine.devfn = SERVER_DEFAULT_DEVFN;
	o->machine.max_ram = SERVER_DEFAULT_RAM;
	while (!rc && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		rc = server_option(o, option);
	if (rc || optind != argc || (o->slices && o->machine.vcmd_quota))
		return -EINVAL;
	return o->dmar || (o->machine.endpoint_path && o->machine.drhd_path) ? 0 : -EINVAL;
}

static int server_write_dmar(const char *path, uint8_t devfn)
{
	uint8_t table[DMAR_SIZE(1)];
	FILE *f = fopen(path, "w");
	int rc;

	if (!f)
		return -errno;
	dmar_build(table, DMAR_PLACEHOLDER, &devfn, 1, SERVER_HOST_WIDTH);
	rc = fwrite(table, sizeof(table), 1, f) == 1 ? 0 : -EIO;
	if (fclose(f))
		rc = -EIO;
	return rc;
}

/* Written aside and renamed: a reader never sees half of it. */
static void server_write_stats(struct machine *m, const char *path)
{
	char tmp[4096];
	FILE *f;

	if (!path || snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return;
	f = fopen(tmp, "w");
	if (!f)
		return;
	machine_print_stats(m, f);
	if (fclose(f) || rename(tmp, path))
		fprintf(stderr, "server: %s: %s\n", path, strerror(errno));
}

/* PATH, or PATH.N of the Nth guest. Return: NULL: too long, or there is no PATH. */
static const char *server_name(const struct server_options *o, unsigned int i, unsigned int which,
			       const char *path)
{
	char *name = server.names[i][which];

	if (!path || !o->slices)
		return path;
	if (snprintf(name, sizeof(server.names[i][which]), "%s.%u", path, i + 1) >=
	    (int)sizeof(server.names[i][which]))
		return NULL;
	return name;
}

static int server_start_machine(const struct server_options *o, unsigned int i)
{
	struct machine_config config = o->machine;
	int rc;

	config.endpoint_path = server_name(o, i, 0, o->machine.endpoint_path);
	config.drhd_path = server_name(o, i, 1, o->machine.drhd_path);
	if (!config.endpoint_path || !config.drhd_path)
		return -ENAMETOOLONG;
	config.board = o->slices ? &server.board : NULL;
	config.slice = i;
	config.lazy = o->lazy == i + 1;
	config.broken |= o->broken[i];
	rc = machine_start(&server.machines[i], &config);
	server.nr += !rc;
	return rc;
}

static int server_stop(const struct server_options *o)
{
	unsigned int i;
	int rc = 0;

	if (o->slices)
		meeting_end(&server.board.meeting);
	for (i = 0; i < server.nr; i++) {
		machine_hang_up(&server.machines[i]);
		server_write_stats(&server.machines[i], server_name(o, i, 2, o->stats));
	}
	for (i = 0; i < server.nr; i++)
		rc = machine_stop(&server.machines[i]) ?: rc;
	if (o->slices)
		board_stop(&server.board);
	return rc;
}

static int server_start(const struct server_options *o)
{
	unsigned int i;
	int rc = o->slices ? board_start(&server.board, &o->machine, o->slices) : 0;

	if (rc)
		return rc;
	server.wanted = o->slices ? o->slices : 1;
	for (i = 0; i < server.wanted && !rc; i++)
		rc = server_start_machine(o, i);
	if (rc)
		server_stop(o);
	return rc;
}

static int server_run(const struct server_options *o)
{
	unsigned int i;
	sigset_t set;
	int sig, rc;

	/* Before there are threads, so that all of them leave these to sigwait(). */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	rc = server_start(o);
	if (rc)
		return rc;
	printf("ready\n");
	fflush(stdout);
	while (!sigwait(&set, &sig) && sig == SIGUSR1)
		for (i = 0; i < server.nr; i++)
			server_write_stats(&server.machines[i], server_name(o, i, 2, o->stats));
	return server_stop(o);
}

int main(int argc, char **argv)
{
	struct server_options o = { 0 };
	int rc;

	if (server_parse(&o, argc, argv)) {
		fputs(server_usage, stderr);
		return 2;
	}
	if (!o.dmar)
		return server_run(&o) ? 1 : 0;
	rc = server_write_dmar(o.dmar, o.machine.devfn);
	if (rc)
		fprintf(stderr, "server: %s: %s\n", o.dmar, strerror(-rc));
	return rc ? 1 : 0;
}
