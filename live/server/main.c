// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-accel-server: an accelerator with PASID and the VT-d unit in front of it, as two
 * vfio-user devices for a QEMU guest.
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
	"  --write-dmar FILE   write the ACPI table for QEMU's -acpitable file=FILE and exit\n"
	"  --slot N            PCI slot of the accelerator on bus 0 (4)\n"
	"  --max-ram MIB       most guest RAM a client may bring (16384)\n"
	"  --vcmd N            virtual commands: the guest may have N PASIDs of the host\n"
	"  --levels5           offer 5-level page tables\n"
	"  --stats FILE        write counters as JSON there at the end and on SIGUSR1\n"
	"  --once              end when the guest is gone\n"
	"  --trace             print what the guest does to the unit\n"
	"For tests, which must then fail:\n"
	"  --break no-invalidate|no-wait|no-ad|host-no-invalidate|host-no-wait\n"
	"  --delay US          pause between translation and access\n";

struct server_options {
	struct machine_config machine;
	const char *dmar, *stats;
};

static int server_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	return errno || end == text || *end || *value > max ? -EINVAL : 0;
}

static int server_break(struct machine_config *config, const char *what)
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
			config->broken |= names[i].flag;
			return 0;
		}
	return -EINVAL;
}

static void server_client_gone(void)
{
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
	case 'b':
		return server_break(&o->machine, optarg);
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
	if (rc || optind != argc)
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

static int server_run(const struct server_options *o)
{
	static struct machine machine;
	sigset_t set;
	int sig, rc;

	/* Before there are threads, so that all of them leave these to sigwait(). */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	rc = machine_start(&machine, &o->machine);
	if (rc)
		return rc;
	printf("ready\n");
	fflush(stdout);
	while (!sigwait(&set, &sig) && sig == SIGUSR1)
		server_write_stats(&machine, o->stats);
	machine_hang_up(&machine);
	server_write_stats(&machine, o->stats);
	return machine_stop(&machine);
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
