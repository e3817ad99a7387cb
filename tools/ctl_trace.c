// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ioasidctl trace: what the kernel does, as it does it. A trace instance of our own, so that nobody
 * else's tracing is disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl_dump.h"

const char ctl_trace_help[] =
	"Usage: ioasidctl trace [--pid PID] [--context ID] [--event NAME]... [--for SECONDS] [--json]\n"
	"       ioasidctl trace --from FILE [--json]\n\n"
	"Shows every change of state in the kernel's ioasid as it happens, until Ctrl-C. For root.\n\n"
	"  --pid PID      only contexts that this process opened\n"
	"  --context ID   only the context with that number (ioasidctl show)\n"
	"  --event NAME   only such events (map, bind, page_request ...); may be repeated\n"
	"  --for SECONDS  end by itself\n"
	"  --from FILE    a copy of the kernel's trace file instead\n"
	"  --json         one object per line\n";

#define EVENT_PREFIX "ioasid_"
#define EVENTS_MAX   32

/**
 * struct trace_args - what to show, and how
 * @pid, @context: 0: all
 * @events, @nr_events: names; none: all
 * @seconds: 0: without end
 * @from: file, or NULL: the kernel
 */
struct trace_args {
	u64 pid;
	u64 context;
	const char *events[EVENTS_MAX];
	unsigned int nr_events;
	u64 seconds;
	const char *from;
	bool json;
};

static volatile sig_atomic_t trace_stopped;

static void trace_stop(int sig)
{
	(void)sig;
	trace_stopped = 1;
}

/* ---- lines ------------------------------------------------------------------------------------ */

/* What stands in front of an event's fields: "COMM-PID [CPU] FLAGS SECONDS: NAME: ". */
struct trace_head {
	int task;
	int cpu;
	double seconds;
	char event[48];
};

/*
 * A task may call itself what it likes, within 15 characters: the first place that reads as a whole
 * head with one of our events in it is the real one.
 */
static const char *parse_head(const char *line, struct trace_head *h)
{
	const char *at = line;
	char flags[16];
	int n;

	while ((at = strchr(at, '-')) != NULL) {
		n = 0;
		if (sscanf(at, "-%d [%d] %15s %lf: " EVENT_PREFIX "%47[a-z_]:%n", &h->task, &h->cpu,
			   flags, &h->seconds, h->event, &n) == 5 &&
		    n)
			return at + n;
		at++;
	}
	return NULL;
}

static void print_field(const char *name, struct json_object *value)
{
	const char *text = value ? json_object_get_string(value) : "-";
	long long rc = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

	if (!strcmp(name, "rc"))
		printf(" -> %s", !rc ? "0" : strerrorname_np((int)-rc) ?: text);
	else if (strchr(text, ' '))
		printf(" %s=\"%s\"", name, text);
	else
		printf(" %s=%s", name, text);
}

static void print_text(const struct trace_head *h, struct json_object *obj)
{
	printf("%12.6f  task %-6d ", h->seconds, h->task);
	if (ctl_get_num(obj, "context", 0))
		printf("context %s (pid %s) ", ctl_get_str(obj, "context"),
		       ctl_get_str(obj, "pid"));
	printf("%s:", h->event);
	json_object_object_foreach(obj, name, value)
	{
		if (strcmp(name, "context") && strcmp(name, "pid") &&
		    (strcmp(name, "device") || strcmp(ctl_get_str(obj, name), "-")))
			print_field(name, value);
	}
	printf("\n");
}

static void print_json(const struct trace_head *h, struct json_object *fields)
{
	struct json_object *obj = json_object_new_object();
	char time[40];

	snprintf(time, sizeof(time), "%.6f", h->seconds);
	json_object_object_add(obj, "time", json_object_new_double_s(h->seconds, time));
	json_object_object_add(obj, "task", json_object_new_int(h->task));
	json_object_object_add(obj, "cpu", json_object_new_int(h->cpu));
	json_object_object_add(obj, "event", json_object_new_string(h->event));
	json_object_object_foreach(fields, name, value)
		json_object_object_add(obj, name, json_object_get(value));
	printf("%s\n", json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN));
	json_object_put(obj);
}

static void show_line(const struct trace_args *args, const char *line)
{
	struct trace_head head;
	const char *fields = parse_head(line, &head);
	struct json_object *obj;

	if (!fields)
		return;
	obj = json_object_new_object();
	ctl_dump_fields(fields, obj);
	if (args->json)
		print_json(&head, obj);
	else
		print_text(&head, obj);
	json_object_put(obj);
}

static int show_file(const struct trace_args *args)
{
	FILE *file = ctl_dump_open(args->from, "");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return CTL_ERROR;
	while (getline(&line, &size, file) >= 0)
		show_line(args, line);
	free(line);
	fclose(file);
	return CTL_OK;
}

/* ---- the kernel's side -------------------------------------------------------------------------- */

/* Return: CTL_OK; CTL_ERROR with errno set. */
static int put(const char *dir, const char *name, const char *text)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return CTL_ERROR;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? CTL_OK : CTL_ERROR;
}

/* Return: CTL_OK; CTL_ERROR after a message, nothing was made. */
static int instance_make(char *dir, size_t size)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		snprintf(dir, size, "%s/instances/ioasidctl-%d", roots[i], (int)getpid());
		if (!mkdir(dir, 0700))
			return CTL_OK;
		if (errno != ENOENT)
			break;
	}
	return ctl_error("cannot make %s: %s%s", dir, strerror(errno),
			 errno == EACCES || errno == EPERM ? " (this is for root)" :
			 errno == ENOENT		   ? " (is tracefs mounted?)" :
							     "");
}

static int instance_filter(const struct trace_args *args, const char *dir)
{
	char filter[96] = "";

	if (args->pid && args->context)
		snprintf(filter, sizeof(filter), "pid == %llu && context == %llu", args->pid,
			 args->context);
	else if (args->pid)
		snprintf(filter, sizeof(filter), "pid == %llu", args->pid);
	else if (args->context)
		snprintf(filter, sizeof(filter), "context == %llu", args->context);
	if (!*filter || put(dir, "events/ioasid/filter", filter) == CTL_OK)
		return CTL_OK;
	return ctl_error("%s/events/ioasid/filter: %s", dir, strerror(errno));
}

static int instance_enable(const struct trace_args *args, const char *dir)
{
	char name[128];
	unsigned int i;

	for (i = 0; i < args->nr_events; i++) {
		snprintf(name, sizeof(name), "events/ioasid/" EVENT_PREFIX "%s/enable",
			 args->events[i]);
		if (put(dir, name, "1") != CTL_OK)
			return ctl_error("no event '%s'", args->events[i]);
	}
	if (!args->nr_events && put(dir, "events/ioasid/enable", "1") != CTL_OK)
		return ctl_error("no tracepoints (is ioasid.ko loaded?): %s", strerror(errno));
	return CTL_OK;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct trace_buffer {
	char text[65536];
	size_t used;
};

/* Whole lines go out; what is left waits for its end. Return: false: nothing was there. */
static bool drain(const struct trace_args *args, int fd, struct trace_buffer *b)
{
	ssize_t n = read(fd, b->text + b->used, sizeof(b->text) - 1 - b->used);
	char *at = b->text, *end;

	if (n <= 0)
		return false;
	b->used += (size_t)n;
	b->text[b->used] = 0;
	while ((end = strchr(at, '\n')) != NULL) {
		*end = 0;
		show_line(args, at);
		at = end + 1;
	}
	b->used -= (size_t)(at - b->text);
	/* A line as long as the buffer is none of ours. */
	if (b->used == sizeof(b->text) - 1)
		b->used = 0;
	memmove(b->text, at, b->used);
	fflush(stdout);
	return true;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The kernel wakes a reader late: look in regularly. */
#define LOOK_MS 100

static int follow(const struct trace_args *args, const char *dir)
{
	double end = now() + (double)args->seconds;
	struct trace_buffer *b = malloc(sizeof(*b));
	struct pollfd pfd = { .events = POLLIN };
	char path[256];

	snprintf(path, sizeof(path), "%s/trace_pipe", dir);
	pfd.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (!b || pfd.fd < 0) {
		free(b);
		return ctl_error("%s: %s", path, strerror(errno));
	}
	b->used = 0;
	while (!trace_stopped && !ferror(stdout) && (!args->seconds || now() < end)) {
		(void)poll(&pfd, 1, LOOK_MS);
		drain(args, pfd.fd, b);
	}
	(void)put(dir, "events/enable", "0");
	while (drain(args, pfd.fd, b))
		;
	close(pfd.fd);
	free(b);
	return CTL_OK;
}

static int trace_kernel(const struct trace_args *args)
{
	struct sigaction stop = { .sa_handler = trace_stop };
	char dir[96];
	int rc;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (instance_make(dir, sizeof(dir)) != CTL_OK)
		return CTL_ERROR;
	(void)put(dir, "buffer_percent", "0");
	rc = instance_filter(args, dir);
	if (rc == CTL_OK)
		rc = instance_enable(args, dir);
	if (rc == CTL_OK) {
		fprintf(stderr, "ioasidctl: tracing%s\n", args->seconds ? "" : ", Ctrl-C ends it");
		rc = follow(args, dir);
	}
	if (rmdir(dir))
		rc = ctl_error("cannot remove %s: %s", dir, strerror(errno));
	return rc;
}

/* ---- the command -------------------------------------------------------------------------------- */

static int trace_event_arg(struct trace_args *args, const char *name)
{
	if (args->nr_events == EVENTS_MAX)
		return ctl_error("at most %u events", EVENTS_MAX);
	if (strlen(name) > 40 || strspn(name, "abcdefghijklmnopqrstuvwxyz_") != strlen(name))
		return ctl_error("no event '%s'", name);
	args->events[args->nr_events++] = name;
	return CTL_OK;
}

static int trace_option(struct trace_args *args, int opt)
{
	switch (opt) {
	case 'p':
		return ctl_number_arg("--pid", optarg, UINT32_MAX, &args->pid) ? CTL_OK : CTL_ERROR;
	case 'c':
		return ctl_number_arg("--context", optarg, INT64_MAX, &args->context) ? CTL_OK :
											CTL_ERROR;
	case 'e':
		return trace_event_arg(args, optarg);
	case 's':
		return ctl_number_arg("--for", optarg, 1000000, &args->seconds) ? CTL_OK :
										  CTL_ERROR;
	case 'f':
		args->from = optarg;
		return CTL_OK;
	case 'j':
		args->json = true;
		return CTL_OK;
	default:
		return CTL_ERROR;
	}
}

int ctl_trace_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "context", required_argument, NULL, 'c' },
		{ "event", required_argument, NULL, 'e' },
		{ "for", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct trace_args args = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (trace_option(&args, opt) != CTL_OK)
			return CTL_ERROR;
	}
	if (optind < argc)
		return ctl_error("trace: unexpected '%s'", argv[optind]);
	if (args.from && (args.pid || args.context || args.nr_events || args.seconds))
		return ctl_error("trace: a file is shown as it is");
	return args.from ? show_file(&args) : trace_kernel(&args);
}
