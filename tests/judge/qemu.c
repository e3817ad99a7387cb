// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* QEMU as a child process: start, qtest protocol, monitor, stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/judge/qemu.h"

/* Longest wait for an answer. Starting counts: QEMU answers when it is up. */
#define QEMU_ANSWER_MS 20000

#define QEMU_ARGS_MAX 96

/* For the way out: the one that runs. */
static pid_t qemu_running;

static void qemu_kill(void)
{
	if (qemu_running <= 0)
		return;
	kill(qemu_running, SIGKILL);
	waitpid(qemu_running, NULL, 0);
	qemu_running = 0;
}

void qemu_die(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

/* ---- Start and stop ---------------------------------------------------------------------------- */

static void __attribute__((noreturn))
qemu_exec(const char *const *argv, int in, int out, int qmp, int log)
{
	const char *args[QEMU_ARGS_MAX];
	char chardev[64];
	unsigned int n = 0;

	while (*argv && n < QEMU_ARGS_MAX - 10)
		args[n++] = *argv++;
	snprintf(chardev, sizeof(chardev), "socket,id=qmp,fd=%d", qmp);
	args[n++] = "-qtest";
	args[n++] = "stdio";
	args[n++] = "-qtest-log";
	args[n++] = "none";
	args[n++] = "-chardev";
	args[n++] = chardev;
	args[n++] = "-mon";
	args[n++] = "chardev=qmp,mode=control";
	args[n] = NULL;
	/* Even if this test is killed no QEMU stays behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (*argv || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0 ||
	    fcntl(qmp, F_SETFD, 0))
		_exit(126);
	execvp(args[0], (char **)args);
	_exit(127);
}

void qemu_start(struct qemu *q, const char *log, const char *const *argv)
{
	int in[2], out[2], qmp[2];
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		qemu_die("%s: %s", log, strerror(errno));
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp))
		qemu_die("pipe: %s", strerror(errno));
	memset(q, 0, sizeof(*q));
	signal(SIGPIPE, SIG_IGN);
	fflush(stdout);
	q->pid = fork();
	if (q->pid < 0)
		qemu_die("fork: %s", strerror(errno));
	if (!q->pid)
		qemu_exec(argv, in[0], out[1], qmp[1], fd);
	if (!qemu_running)
		atexit(qemu_kill);
	qemu_running = q->pid;
	close(in[0]);
	close(out[1]);
	close(qmp[1]);
	close(fd);
	q->in = in[1];
	q->out = out[0];
	q->qmp = qmp[0];
}

void qemu_stop(struct qemu *q)
{
	qemu_kill();
	close(q->in);
	close(q->out);
	close(q->qmp);
}

/* ---- Lines ---------------------------------------------------------------------------------------- */

static void qemu_send(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			qemu_die("QEMU does not read: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* More bytes from @fd into @buf; blocks up to the limit. */
static void qemu_more(int fd, char *buf, size_t *len, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (*len == size)
		qemu_die("QEMU sends endless lines");
	do
		n = poll(&pfd, 1, QEMU_ANSWER_MS);
	while (n < 0 && errno == EINTR);
	if (!n)
		qemu_die("QEMU does not answer within %d ms", QEMU_ANSWER_MS);
	n = read(fd, buf + *len, size - *len);
	if (n <= 0)
		qemu_die("QEMU is gone");
	*len += (size_t)n;
}

/* The next line, without its end, into @line. */
static void qemu_line(int fd, char *buf, size_t *len, size_t size, char *line, size_t line_size)
{
	char *end;
	size_t n;

	while (!(end = memchr(buf, '\n', *len)))
		qemu_more(fd, buf, len, size);
	n = (size_t)(end - buf);
	snprintf(line, line_size, "%.*s", (int)n, buf);
	*len -= n + 1;
	memmove(buf, end + 1, *len);
}

/* ---- qtest ------------------------------------------------------------------------------------------ */

/* One answer; what devices print to standard output may stand in between. */
static u64 qtest_answer(struct qemu *q)
{
	char line[256];

	for (;;) {
		qemu_line(q->out, q->buf, &q->len, sizeof(q->buf), line, sizeof(line));
		if (!strncmp(line, "FAIL", 4) || !strncmp(line, "ERR", 3))
			qemu_die("qtest: %s", line);
		if (!strncmp(line, "OK", 2))
			return line[2] ? strtoull(line + 2, NULL, 0) : 0;
	}
}

/* Send what was queued, collect the answers to what was posted. */
static void qtest_flush(struct qemu *q)
{
	qemu_send(q->in, q->cmd, q->cmd_len);
	q->cmd_len = 0;
	for (; q->posted; q->posted--)
		qtest_answer(q);
}

static void qtest_queue(struct qemu *q, const char *fmt, va_list ap)
{
	int n;

	if (q->cmd_len > sizeof(q->cmd) - 256)
		qtest_flush(q);
	n = vsnprintf(q->cmd + q->cmd_len, 255, fmt, ap);
	if (n < 0 || n >= 255)
		qemu_die("qtest command too long");
	q->cmd_len += (size_t)n;
	q->cmd[q->cmd_len++] = '\n';
}

void qtest_post(struct qemu *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	qtest_queue(q, fmt, ap);
	va_end(ap);
	q->posted++;
}

u64 qtest_ask(struct qemu *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	qtest_queue(q, fmt, ap);
	va_end(ap);
	qtest_flush(q);
	return qtest_answer(q);
}

/* ---- Monitor ------------------------------------------------------------------------------------------ */

/* The greeting and events may come before the answer. */
static void qmp_send(struct qemu *q, const char *json)
{
	char text[1024], line[1024];

	snprintf(text, sizeof(text), "{\"id\": \"judge\", %s}\n", json);
	qemu_send(q->qmp, text, strlen(text));
	do {
		qemu_line(q->qmp, q->qmp_buf, &q->qmp_len, sizeof(q->qmp_buf), line, sizeof(line));
		if (strstr(line, "\"error\""))
			qemu_die("monitor: %s", line);
	} while (!strstr(line, "\"judge\""));
}

void qmp_command(struct qemu *q, const char *json)
{
	qtest_flush(q);
	if (!q->qmp_greeted)
		qmp_send(q, "\"execute\": \"qmp_capabilities\"");
	q->qmp_greeted = true;
	qmp_send(q, json);
}
