// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasidctl: looks at what IOMMUs and their guests have in memory, and at contexts, of the kernel or
 * of hosts in processes.
 * main() and what the subcommands share; each subcommand is in a file of its own.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl.h"

/* ---- Messages and numbers --------------------------------------------------------------------- */

int ctl_error(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("ioasidctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CTL_ERROR;
}

bool ctl_number(const char *text, u64 last, u64 *val)
{
	char *end;

	/* strtoull() would take blanks and signs. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*val = strtoull(text, &end, 0);
	return !errno && !*end && *val <= last;
}

bool ctl_number_arg(const char *what, const char *text, u64 last, u64 *val)
{
	if (ctl_number(text, last, val))
		return true;
	ctl_error("%s: '%s' is not a number from 0 to 0x%llx", what, text, last);
	return false;
}

bool ctl_rid(const char *text, u16 *rid)
{
	unsigned int bus, dev, fn;
	u64 val;
	int n = 0;

	if (sscanf(text, "%2x:%2x.%1x%n", &bus, &dev, &fn, &n) == 3 && !text[n] && dev < 32 &&
	    fn < 8) {
		*rid = (u16)(bus << 8 | dev << 3 | fn);
		return true;
	}
	if (ctl_number(text, 0xffff, &val)) {
		*rid = (u16)val;
		return true;
	}
	ctl_error("'%s' is not a requester ID (BUS:DEVICE.FUNCTION or a 16-bit number)", text);
	return false;
}

/* ---- Memory from the command line ----------------------------------------------------------------- */

void ctl_input_init(struct ctl_input *in)
{
	memset(in, 0, sizeof(*in));
	ctl_image_init(&in->img);
}

void ctl_input_destroy(struct ctl_input *in)
{
	ctl_image_destroy(&in->img);
	while (in->nr_fd)
		close(in->fd[--in->nr_fd]);
}

bool ctl_input_given(const struct ctl_input *in)
{
	return in->nr_fd;
}

static int ctl_input_open(struct ctl_input *in, const char *name)
{
	int fd;

	if (in->nr_fd == CTL_FILES_MAX)
		return ctl_error("at most %u files", CTL_FILES_MAX);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctl_error("%s: %s", name, strerror(errno));
	in->fd[in->nr_fd++] = fd;
	return CTL_OK;
}

static int ctl_input_check(struct ctl_input *in, const char *name, int rc)
{
	return rc ? ctl_error("%s: %s", name, in->img.error) : CTL_OK;
}

/* A --ram file that nothing was said about is at 0. */
static int ctl_input_place(struct ctl_input *in)
{
	const char *name = in->raw;

	in->raw = NULL;
	if (!name || in->raw_used)
		return CTL_OK;
	return ctl_input_check(in, name, ctl_image_add(&in->img, in->fd[in->nr_fd - 1], 0, 0, 0));
}

static int ctl_input_file(struct ctl_input *in, int opt, const char *name)
{
	int rc = ctl_input_place(in);

	if (rc == CTL_OK)
		rc = ctl_input_open(in, name);
	if (rc != CTL_OK)
		return rc;
	if (opt == CTL_OPT_CORE) {
		rc = ctl_image_add_core(&in->img, in->fd[in->nr_fd - 1]);
		return ctl_input_check(in, name, rc);
	}
	in->raw = name;
	in->raw_used = false;
	return CTL_OK;
}

/* "ADDR:OFFSET:LEN" */
static bool ctl_input_triple(const char *arg, u64 val[3])
{
	char copy[80], *at = copy, *part;
	unsigned int i;

	if (strlen(arg) >= sizeof(copy))
		return false;
	strcpy(copy, arg);
	for (i = 0; i < 3; i++) {
		part = strsep(&at, ":");
		if (!part || !ctl_number(part, ~0ULL, &val[i]))
			return false;
	}
	return !at;
}

static int ctl_input_map(struct ctl_input *in, const char *arg)
{
	u64 val[3];

	if (!in->raw)
		return ctl_error("--map has to follow the --ram file it is about");
	if (!ctl_input_triple(arg, val))
		return ctl_error("--map: '%s' is not ADDR:OFFSET:LEN", arg);
	in->raw_used = true;
	return ctl_input_check(in, in->raw,
			       ctl_image_add(&in->img, in->fd[in->nr_fd - 1], val[0], val[1],
					     val[2]));
}

static int ctl_input_q35(struct ctl_input *in, const char *arg)
{
	u64 low = 0;

	if (!in->raw || in->raw_used)
		return ctl_error("--q35 has to follow the --ram file it is about");
	if (arg && !ctl_number_arg("--q35", arg, 1ULL << 32, &low))
		return CTL_ERROR;
	in->raw_used = true;
	return ctl_input_check(in, in->raw,
			       ctl_image_add_q35(&in->img, in->fd[in->nr_fd - 1], low));
}

int ctl_input_option(struct ctl_input *in, int opt, const char *arg)
{
	switch (opt) {
	case CTL_OPT_RAM:
	case CTL_OPT_CORE:
		return ctl_input_file(in, opt, arg);
	case CTL_OPT_MAP:
		return ctl_input_map(in, arg);
	case CTL_OPT_Q35:
		return ctl_input_q35(in, arg);
	default:
		return -1;
	}
}

int ctl_input_finish(struct ctl_input *in)
{
	int rc = ctl_input_place(in);

	if (rc == CTL_OK && ctl_image_seal(&in->img))
		rc = ctl_error("%s", in->img.error);
	return rc;
}

/* ---- main ------------------------------------------------------------------------------------------ */

static const struct ctl_cmd ctl_cmds[] = {
	{ "walk", "translate an address and show every step", ctl_walk_help, ctl_walk_main },
	{ "decode", "show the fields of a table entry or register", ctl_decode_help,
	  ctl_decode_main },
	{ "show", "show contexts as a tree", ctl_show_help, ctl_show_main },
	{ "graph", "draw them, as SVG", ctl_graph_help, ctl_graph_main },
	{ "devices", "show devices and what they can do", ctl_devices_help, ctl_devices_main },
	{ "sets", "show who has host-wide numbers, and limits", ctl_sets_help, ctl_sets_main },
	{ "limit", "show or set how many host-wide numbers a group may hold", ctl_limit_help,
	  ctl_limit_main },
	{ "trace", "show what the kernel does, as it does it", ctl_trace_help, ctl_trace_main },
};

static int ctl_usage(FILE *to)
{
	unsigned int i;

	fputs("Usage: ioasidctl COMMAND [ARGUMENT]...\n"
	      "       ioasidctl COMMAND --help\n\n"
	      "Commands:\n",
	      to);
	for (i = 0; i < ARRAY_SIZE(ctl_cmds); i++)
		fprintf(to, "  %-8s %s\n", ctl_cmds[i].name, ctl_cmds[i].what);
	fputs("\nExit status: 0 fine, 1 an address is not translated, 2 wrong usage or input.\n",
	      to);
	return to == stdout ? CTL_OK : CTL_ERROR;
}

static bool ctl_wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int ctl_run(const struct ctl_cmd *cmd, int argc, char **argv)
{
	if (ctl_wants_help(argc, argv)) {
		fputs(cmd->help, stdout);
		return CTL_OK;
	}
	return cmd->run(argc, argv);
}

int main(int argc, char **argv)
{
	unsigned int i;
	int rc = -1;

	if (argc < 2)
		return ctl_usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		rc = ctl_usage(stdout);
	for (i = 0; rc < 0 && i < ARRAY_SIZE(ctl_cmds); i++)
		if (!strcmp(argv[1], ctl_cmds[i].name))
			rc = ctl_run(&ctl_cmds[i], argc - 1, argv + 1);
	if (rc < 0) {
		ctl_error("no command '%s'", argv[1]);
		return ctl_usage(stderr);
	}
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		return ctl_error("cannot write the result: %s", strerror(errno));
	return rc;
}
