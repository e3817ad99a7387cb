// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl: asks hosts in processes; see ctl_host.h, and inproc/serve.c for the other end. */
#include <errno.h>
#include <json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/ctl_dump.h"
#include "tools/ctl_host.h"

#define PATIENCE_S 15
#define ANSWER_MAX (1ULL << 30)

/* ---- the socket ------------------------------------------------------------------------------- */

static int host_connect(const char *path)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		ctl_error("%s: too long for a socket", path);
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		ctl_error("socket: %s", strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	ctl_error("%s: %s%s", path, strerror(errno),
		  errno == ECONNREFUSED || errno == ENOENT ? " (does the host still run?)" : "");
	close(fd);
	return -1;
}

static int host_send(int fd, const char *path, const char *text)
{
	size_t len = strlen(text), done = 0;
	ssize_t n;

	while (done < len) {
		n = send(fd, text + done, len - done, MSG_NOSIGNAL);
		/* It would not hear more; why, it has said. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return CTL_OK;
		if (n <= 0)
			return ctl_error("%s: %s", path, strerror(errno));
		done += (size_t)n;
	}
	return CTL_OK;
}

/* ---- the answer ------------------------------------------------------------------------------- */

/* The last line: ". ok", or ". error" and what it was. */
static int host_verdict(const char *path, const char *line)
{
	size_t i;

	if (!strcmp(line, ". ok\n"))
		return CTL_OK;
	if (strncmp(line, ". error ", 8))
		return ctl_error("%s: is no host of libioasid", path);
	line += 8;
	for (i = 0; line[i] >= ' ' && line[i] <= '~';)
		i++;
	return ctl_error("%s: %.*s", path, (int)i, line);
}

/* The last line, of which the first character has come: what does not fit is not worth much. */
static int host_last(FILE *from, const char *path)
{
	char line[256] = ".";
	size_t len = 1;
	int c;

	while (len < sizeof(line) - 1 && (c = getc_unlocked(from)) != EOF) {
		line[len++] = (char)c;
		if (c == '\n')
			break;
	}
	line[len] = 0;
	return host_verdict(path, line);
}

/* Without its last line an answer is not whole. */
static int host_receive(FILE *from, const char *path, FILE *to)
{
	bool begins = true;
	u64 total = 0;
	int c;

	while ((c = getc_unlocked(from)) != EOF) {
		if (begins && c == '.')
			return host_last(from, path);
		if (!c)
			return ctl_error("%s: is no host of libioasid", path);
		if (++total > ANSWER_MAX)
			return ctl_error("%s: says too much", path);
		if (putc_unlocked(c, to) == EOF)
			return ctl_error("%s: %s", path, strerror(errno));
		begins = c == '\n';
	}
	return ctl_error("%s: the answer was cut off%s%s", path, ferror(from) ? ": " : "",
			 ferror(from) ? strerror(errno) : "");
}

static FILE *host_paper(void)
{
	int fd = memfd_create("ioasidctl", MFD_CLOEXEC);
	FILE *paper = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!paper)
		ctl_error("memory for the answer: %s", strerror(errno));
	if (!paper && fd >= 0)
		close(fd);
	return paper;
}

static FILE *host_answer(int fd, const char *path)
{
	FILE *from = fdopen(fd, "r"), *paper = host_paper();

	if (!from || !paper || host_receive(from, path, paper) != CTL_OK || fflush(paper)) {
		if (paper)
			fclose(paper);
		paper = NULL;
	}
	if (from)
		fclose(from);
	else
		close(fd);
	if (paper)
		rewind(paper);
	return paper;
}

FILE *ctl_host_ask(const char *socket, const char *fmt, ...)
{
	char *request = NULL, *line = NULL;
	FILE *answer = NULL;
	va_list ap;
	int fd, n;

	va_start(ap, fmt);
	n = vasprintf(&request, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	if (strchr(request, '\n'))
		ctl_error("no line ends in a request");
	else if (asprintf(&line, "%s\n", request) < 0)
		line = NULL;
	free(request);
	fd = line ? host_connect(socket) : -1;
	if (fd >= 0 && host_send(fd, socket, line) == CTL_OK)
		answer = host_answer(fd, socket);
	else if (fd >= 0)
		close(fd);
	free(line);
	return answer;
}

/* ---- where to look ---------------------------------------------------------------------------- */

bool ctl_source_option(struct ctl_source *source, int opt, const char *arg)
{
	if (opt == CTL_OPT_FROM)
		source->file = arg;
	else if (opt == CTL_OPT_HOST)
		source->host = arg;
	else
		return false;
	return true;
}

int ctl_source_finish(struct ctl_source *source)
{
	const char *env = getenv(CTL_HOST_ENV);

	if (source->file && source->host)
		return ctl_error("--from and --host exclude each other");
	if (!source->file && !source->host && env && *env)
		source->host = env;
	return CTL_OK;
}

FILE *ctl_source_open(const struct ctl_source *source, const char *name)
{
	if (source->host)
		return ctl_host_ask(source->host, "%s", name);
	return ctl_dump_open(source->file, name);
}

int ctl_source_read(const struct ctl_source *source, const char *name, struct json_object *all)
{
	FILE *file = ctl_source_open(source, name);
	struct json_object *part;
	size_t i;

	if (!file)
		return CTL_ERROR;
	part = ctl_dump_read(file);
	fclose(file);
	for (i = 0; i < json_object_array_length(part); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(part, i)));
	json_object_put(part);
	return CTL_OK;
}
