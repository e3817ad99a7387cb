// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl graph: a host as SVG; what is drawn says ctl_draw.c, graphviz's dot makes the picture. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/ctl_draw.h"

const char ctl_graph_help[] =
	"Usage: ioasidctl graph [--context ID] [--pid PID] [--host SOCKET] [--from FILE] [--all]\n"
	"                       [--dot] [-o FILE]\n\n"
	"Draws what show prints: contexts with their address spaces, devices and CPU tables, which\n"
	"number on which device leads where and what is on the wire for it, and the functions\n"
	"behind, with the numbers that are live on them. The picture is SVG, made by dot of\n"
	"graphviz (Debian: graphviz).\n\n" CTL_HOST_HELP CTL_PICK_HELP CTL_MODEL_FROM_HELP
	"  --all         everything; without it what there are many of is folded\n"
	"  --dot         the picture in dot's language; dot itself is not needed then\n"
	"  -o, --output FILE  write there instead of to standard output\n";

extern char **environ;

/* ---- from source to picture ------------------------------------------------------------------- */

static FILE *paper(void)
{
	int fd = memfd_create("ioasidctl", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!file)
		ctl_error("memory for the picture: %s", strerror(errno));
	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* Return: 0; errno. The child's standard streams are @from and @to. */
static int spawn_dot(pid_t *pid, FILE *from, FILE *to)
{
	char *const argv[] = { (char *)"dot", (char *)"-Tsvg", NULL };
	posix_spawn_file_actions_t streams;
	int rc = posix_spawn_file_actions_init(&streams);

	if (rc)
		return rc;
	rc = posix_spawn_file_actions_adddup2(&streams, fileno(from), STDIN_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&streams, fileno(to), STDOUT_FILENO);
	if (!rc)
		rc = posix_spawnp(pid, "dot", &streams, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&streams);
	return rc;
}

static int run_dot(FILE *from, FILE *to)
{
	pid_t pid;
	int status, rc;

	rc = spawn_dot(&pid, from, to);
	if (rc == ENOENT)
		return ctl_error("dot is not installed: it is part of graphviz (apt-get install "
				 "graphviz); --dot prints the picture's source without it");
	if (rc)
		return ctl_error("dot: %s", strerror(rc));
	while ((rc = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (rc < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return ctl_error("dot made no picture (status 0x%x)", (unsigned int)status);
	return CTL_OK;
}

/* @source becomes its picture. Takes @source. Return: file, or NULL after a message. */
static FILE *to_svg(FILE *source)
{
	FILE *svg = paper();

	/* The child reads where the descriptor stands, which it shares with us. */
	if (svg && (fflush(source) || lseek(fileno(source), 0, SEEK_SET))) {
		ctl_error("memory for the picture: %s", strerror(errno));
		fclose(svg);
		svg = NULL;
	}
	if (svg && run_dot(source, svg) != CTL_OK) {
		fclose(svg);
		svg = NULL;
	}
	fclose(source);
	return svg;
}

/* ---- the command ------------------------------------------------------------------------------ */

/**
 * struct graph_args - what to draw, and how
 * @output: file, or NULL: standard output
 */
struct graph_args {
	struct ctl_source from;
	struct ctl_pick pick;
	bool all;
	bool dot;
	const char *output;
};

static int graph_parse(int argc, char **argv, struct graph_args *args)
{
	static const struct option options[] = {
		CTL_PICK_OPTIONS,
		CTL_HOST_OPTION,
		CTL_FROM_OPTION,
		{ "all", no_argument, NULL, 'a' },
		{ "dot", no_argument, NULL, 'd' },
		{ "output", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, rc;

	while ((opt = getopt_long(argc, argv, CTL_HOST_SHORT "o:", options, NULL)) >= 0) {
		if (ctl_source_option(&args->from, opt, optarg))
			continue;
		rc = ctl_pick_option(&args->pick, opt, optarg);
		if (rc == CTL_ERROR || opt == '?')
			return CTL_ERROR;
		args->all |= opt == 'a';
		args->dot |= opt == 'd';
		if (opt == 'o')
			args->output = optarg;
	}
	if (optind < argc)
		return ctl_error("graph: unexpected '%s'", argv[optind]);
	return ctl_source_finish(&args->from);
}

static int copy(FILE *from, FILE *to)
{
	char piece[65536];
	size_t n;

	rewind(from);
	while ((n = fread(piece, 1, sizeof(piece), from)) > 0) {
		if (fwrite(piece, 1, n, to) != n)
			return -1;
	}
	return ferror(from) ? -1 : 0;
}

/* The file is made when the picture is there, so that a failure leaves an older one alone. */
static int write_out(FILE *picture, const char *output)
{
	FILE *to = output ? fopen(output, "we") : stdout;
	int rc;

	if (!to)
		return ctl_error("%s: %s", output, strerror(errno));
	rc = copy(picture, to);
	if (output && fclose(to))
		rc = -1;
	return rc ? ctl_error("%s: %s", output ? output : "output", strerror(errno)) : CTL_OK;
}

int ctl_graph_main(int argc, char **argv)
{
	struct graph_args args = { .all = false };
	struct ctl_model model;
	FILE *picture;
	int rc;

	if (graph_parse(argc, argv, &args) != CTL_OK)
		return CTL_ERROR;
	if (ctl_model_read(&model, &args.from, &args.pick) != CTL_OK)
		return CTL_ERROR;
	picture = paper();
	if (picture)
		ctl_draw(&model, args.all, picture);
	ctl_model_free(&model);
	if (picture && !args.dot)
		picture = to_svg(picture);
	if (!picture)
		return CTL_ERROR;
	rc = write_out(picture, args.output);
	fclose(picture);
	return rc;
}
