// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasid-vtd-hw: a VT-d unit in hardware mode and two commanded endpoints, as vfio-user devices for
 * a QEMU guest.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmar.h"
#include "hw_machine.h"

#define HW_DEFAULT_SLOT	   4
#define HW_DEFAULT_RAM	   (16ULL << 30)
#define HW_DEFAULT_TIMEOUT 10000
#define HW_HOST_WIDTH	   48

static const char hw_usage[] =
	"usage: ioasid-vtd-hw --endpoint SOCKET --endpoint SOCKET --drhd SOCKET [option...]\n"
	"       ioasid-vtd-hw --write-dmar FILE [--slot N]\n"
	"  --endpoint SOCKET   vfio-user socket of an endpoint; the first in slot N, the next in N + 1\n"
	"  --drhd SOCKET       vfio-user socket of the remapping unit\n"
	"  --write-dmar FILE   write the ACPI table for QEMU's -acpitable file=FILE and exit\n"
	"  --slot N            PCI slot of the first endpoint on bus 0 (4)\n"
	"  --max-ram MIB       most guest RAM a client may bring (16384)\n"
	"  --stats FILE        write counters as JSON there at the end and on SIGUSR1\n"
	"  --log FILE          record every DMA there\n"
	"  --once              end when the guest is gone\n"
	"  --trace             print what the guest does to the unit\n"
	"  --timeout MS        how long a DMA waits for the answer to a page request (10000)\n"
	"What the unit offers (all but caching mode, and 4-level tables):\n"
	"  --no-nesting --first-stage-only --second-stage-only --levels5 --levels3 --cm\n"
	"  --no-prs --no-ats --no-sc --no-dirty\n"
	"  --vcmd N            virtual commands: the guest may have N PASIDs of the host\n"
	"  --no-cache          walk the tables for every request\n"
	"  --no-verify         do not compare cached translations with the tables\n"
	"For tests, which must then fail:\n"
	"  --break no-invalidate|no-wait\n"
	"  --delay US          pause between translation and access\n";

struct hw_options {
	struct hw_config machine;
	unsigned int nr_endpoints, slot;
	const char *dmar, *stats;
};

static int hw_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	return errno || end == text || *end || *value > max ? -EINVAL : 0;
}

static int hw_break(struct hw_config *config, const char *what)
{
	if (!strcmp(what, "no-invalidate"))
		config->broken |= VTD_UNIT_BREAK_NO_INVALIDATE;
	else if (!strcmp(what, "no-wait"))
		config->broken |= VTD_UNIT_BREAK_NO_WAIT;
	else
		return -EINVAL;
	return 0;
}

static void hw_client_left(void)
{
	kill(getpid(), SIGTERM);
}

static int hw_number_option(struct hw_options *o, int option)
{
	unsigned long max = option == 's' ? 31 - HW_ENDPOINTS : 1UL << 20, n;

	if (!optarg || hw_number(optarg, max, &n))
		return -EINVAL;
	switch (option) {
	case 's':
		o->slot = n;
		return 0;
	case 'm':
		o->machine.max_ram = (uint64_t)n << 20;
		return 0;
	case 'y':
		o->machine.delay_us = n;
		return 0;
	case 'T':
		o->machine.timeout_ms = n;
		return 0;
	case 'v':
		o->machine.vcmd_quota = n;
		return 0;
	default:
		return -EINVAL;
	}
}

static int hw_option(struct hw_options *o, int option)
{
	switch (option) {
	case 'e':
		if (o->nr_endpoints == HW_ENDPOINTS)
			return -EINVAL;
		o->machine.endpoint_path[o->nr_endpoints++] = optarg;
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
	case 'l':
		o->machine.log_path = optarg;
		return 0;
	case 'o':
		o->machine.gone = hw_client_left;
		return 0;
	case 't':
		o->machine.trace = true;
		return 0;
	case 'b':
		return hw_break(&o->machine, optarg);
	default:
		return hw_number_option(o, option);
	}
}

/* Options that are flags of the unit have numbers from here, in the order of @hw_flags. */
#define HW_FLAG_BASE 1000

static const uint32_t hw_flags[] = {
	VU_HW_NO_NESTING, VU_HW_FIRST_STAGE, VU_HW_SECOND_STAGE, VU_HW_LEVELS5,
	VU_HW_LEVELS3,	  VU_HW_CM,	     VU_HW_NO_PRS,	 VU_HW_NO_DT,
	VU_HW_NO_SC,	  VU_HW_NO_DIRTY,    VU_HW_NO_CACHE,	 VU_HW_VERIFY,
};

static int hw_parse(struct hw_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "endpoint", required_argument, NULL, 'e' },
		{ "drhd", required_argument, NULL, 'd' },
		{ "write-dmar", required_argument, NULL, 'w' },
		{ "slot", required_argument, NULL, 's' },
		{ "max-ram", required_argument, NULL, 'm' },
		{ "stats", required_argument, NULL, 'j' },
		{ "log", required_argument, NULL, 'l' },
		{ "once", no_argument, NULL, 'o' },
		{ "trace", no_argument, NULL, 't' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "break", required_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'y' },
		{ "vcmd", required_argument, NULL, 'v' },
		{ "no-nesting", no_argument, NULL, HW_FLAG_BASE },
		{ "first-stage-only", no_argument, NULL, HW_FLAG_BASE + 1 },
		{ "second-stage-only", no_argument, NULL, HW_FLAG_BASE + 2 },
		{ "levels5", no_argument, NULL, HW_FLAG_BASE + 3 },
		{ "levels3", no_argument, NULL, HW_FLAG_BASE + 4 },
		{ "cm", no_argument, NULL, HW_FLAG_BASE + 5 },
		{ "no-prs", no_argument, NULL, HW_FLAG_BASE + 6 },
		{ "no-ats", no_argument, NULL, HW_FLAG_BASE + 7 },
		{ "no-sc", no_argument, NULL, HW_FLAG_BASE + 8 },
		{ "no-dirty", no_argument, NULL, HW_FLAG_BASE + 9 },
		{ "no-cache", no_argument, NULL, HW_FLAG_BASE + 10 },
		{ "no-verify", no_argument, NULL, HW_FLAG_BASE + 11 },
		{ NULL, 0, NULL, 0 },
	};
	int option, rc = 0;

	o->slot = HW_DEFAULT_SLOT;
	o->machine.max_ram = HW_DEFAULT_RAM;
	o->machine.timeout_ms = HW_DEFAULT_TIMEOUT;
	o->machine.unit_flags = VU_HW_VERIFY;
	while (!rc && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option >= HW_FLAG_BASE)
			o->machine.unit_flags ^= hw_flags[option - HW_FLAG_BASE];
		else
			rc = hw_option(o, option);
	}
	if (rc || optind != argc)
		return -EINVAL;
	o->machine.devfn[0] = o->slot << 3;
	o->machine.devfn[1] = (o->slot + 1) << 3;
	return o->dmar || (o->nr_endpoints == HW_ENDPOINTS && o->machine.drhd_path) ? 0 : -EINVAL;
}

static int hw_write_dmar(const struct hw_options *o)
{
	uint8_t table[DMAR_SIZE(HW_ENDPOINTS)];
	FILE *f = fopen(o->dmar, "w");
	int rc;

	if (!f)
		return -errno;
	dmar_build(table, DMAR_PLACEHOLDER, o->machine.devfn, HW_ENDPOINTS, HW_HOST_WIDTH);
	rc = fwrite(table, sizeof(table), 1, f) == 1 ? 0 : -EIO;
	if (fclose(f))
		rc = -EIO;
	return rc;
}

/* Written aside and renamed: a reader never sees half of it. */
static void hw_write_stats(struct hw_machine *m, const char *path)
{
	char tmp[4096];
	FILE *f;

	if (!path || snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return;
	f = fopen(tmp, "w");
	if (!f)
		return;
	hw_machine_print_stats(m, f);
	if (fclose(f) || rename(tmp, path))
		fprintf(stderr, "server: %s: %s\n", path, strerror(errno));
}

static int hw_run(const struct hw_options *o)
{
	static struct hw_machine machine;
	sigset_t set;
	int sig, rc;

	/* Before there are threads, so that all of them leave these to sigwait(). */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	rc = hw_machine_start(&machine, &o->machine);
	if (rc)
		return rc;
	printf("ready\n");
	fflush(stdout);
	while (!sigwait(&set, &sig) && sig == SIGUSR1)
		hw_write_stats(&machine, o->stats);
	hw_machine_hang_up(&machine);
	hw_write_stats(&machine, o->stats);
	return hw_machine_stop(&machine);
}

int main(int argc, char **argv)
{
	struct hw_options o = { 0 };
	int rc;

	if (hw_parse(&o, argc, argv)) {
		fputs(hw_usage, stderr);
		return 2;
	}
	if (!o.dmar)
		return hw_run(&o) ? 1 : 0;
	rc = hw_write_dmar(&o);
	if (rc)
		fprintf(stderr, "server: %s: %s\n", o.dmar, strerror(-rc));
	return rc ? 1 : 0;
}
