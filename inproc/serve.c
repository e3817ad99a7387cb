// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Hosts answer ioasidctl. One thread listens on a Unix socket that only the owner can reach, and
 * gives what the core prints about a host (core/dump.h).
 *
 *	request		one line: a word of requests[], what it is about after a blank
 *	answer		lines; the last one begins with a dot, which no other does:
 *			". ok", or ". error" and why. Then the connection is closed
 *
 * A client holds up nobody: nothing is ever waited for but in poll(), an answer is made a step at a
 * time as fast as it is read, and who takes too long is cut off.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/dump.h"
#include "inproc/ctx.h"
#include "inproc/private.h"
#include "inproc/serve.h"

#define CLIENTS_MAX   16
#define REQUEST_MAX   (PATH_MAX + 64)
#define OUT_LINE      128U
#define OUT_ENOUGH    65536U /* made ahead of what the client has read */
#define IDLE_MS	      5000 /* without a byte read or written */
#define TOTAL_MS      60000
#define ACCEPT_MS     100 /* pause when the process is out of descriptors */
#define LOCK_TRIES    100
#define LOCK_PAUSE_US 10000

struct serve_client;

/**
 * struct serve_request - something that can be asked
 * @word: first word of the request; @argument: more has to follow
 * @step: print some more. Return: true: there may be more; false: that was all
 */
struct serve_request {
	const char *word;
	bool argument;
	bool (*step)(struct serve_client *c);
};

/**
 * struct serve_client - a connection
 * @fd: -1: free
 * @idle, @total: when it is cut off (ms)
 * @request, @got: what it has said so far
 * @asked: what it wants, once it is known; @argument: what follows the word
 * @at, @context, @limit: how far the answer has come
 * @error: what went wrong, or NULL; @ended: the last line is made
 * @out, @room, @used, @sent: text of the answer
 */
struct serve_client {
	struct serve *serve;
	int fd;
	u64 idle;
	u64 total;
	char request[REQUEST_MAX];
	size_t got;
	const struct serve_request *asked;
	const char *argument;
	struct ioasid_dump_cursor at;
	u64 context;
	struct limit_group *limit;
	const char *error;
	bool ended;
	char *out;
	size_t room;
	size_t used;
	size_t sent;
};

/**
 * struct serve - a host that answers
 * @listen: the socket; @folder: where it is; @wake: eventfd that ends the thread
 * @path, @name: where it is, and the last part of it
 * @dev, @ino: the socket's file, to know it again
 * @pid: a forked child has this structure, but neither thread nor socket
 * @owner: who may ask, besides root
 * @pause: no connections are accepted before (ms); 0: they are
 */
struct serve {
	struct ioasid_host *host;
	int listen;
	int folder;
	int wake;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *name;
	dev_t dev;
	ino_t ino;
	pid_t pid;
	uid_t owner;
	u64 pause;
	pthread_t thread;
	struct serve_client client[CLIENTS_MAX];
};

static u64 now_ms(void)
{
	return ktime_get_ns() / 1000000;
}

/* ---- text of an answer ------------------------------------------------------------------------- */

static bool out_room(struct serve_client *c, size_t n)
{
	size_t room = c->room ? c->room : 4096;
	char *out;

	while (room - c->used < n)
		room *= 2;
	if (room == c->room)
		return true;
	out = realloc(c->out, room);
	if (!out) {
		c->error = "out of memory";
		return false;
	}
	c->out = out;
	c->room = room;
	return true;
}

/* Once something could not be said the rest is not worth it: the answer ends with the error. */
static void __attribute__((format(printf, 2, 0)))
out_vprint(struct serve_client *c, const char *fmt, va_list args)
{
	va_list again;
	int n;

	if (c->error || !out_room(c, OUT_LINE))
		return;
	va_copy(again, args);
	n = vsnprintf(c->out + c->used, c->room - c->used, fmt, args);
	if (n >= 0 && (size_t)n >= c->room - c->used && out_room(c, (size_t)n + 1))
		n = vsnprintf(c->out + c->used, c->room - c->used, fmt, again);
	va_end(again);
	if (!c->error && n > 0)
		c->used += (size_t)n;
}

static void __attribute__((format(printf, 2, 3)))
out_print(struct serve_client *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_vprint(c, fmt, args);
	va_end(args);
}

static void dump_print(const struct ioasid_dump *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_vprint(d->priv, fmt, args);
	va_end(args);
}

static const char *dump_device_name(const struct ioasid_device *dev)
{
	return ((const struct ioasid_hostdev *)ioasid_device_priv(dev))->name;
}

static const char *dump_iommu_name(const struct ioasid_device *dev)
{
	return "inproc";
}

/* A function that slices are of is its parent's. */
static const char *dump_function_name(const struct ioasid_function *fn)
{
	return ((const struct ioasid_hostdev *)ioasid_function_priv(fn))->name;
}

static s32 dump_requester(const struct ioasid_function *fn, const struct ioasid_device *dev)
{
	const struct ioasid_hostdev *hd = fn ? ioasid_function_priv(fn) : ioasid_device_priv(dev);

	return hd->rid;
}

static struct ioasid_dump dump_for(struct serve_client *c)
{
	return (struct ioasid_dump){
		.print = dump_print,
		.device_name = dump_device_name,
		.iommu_name = dump_iommu_name,
		.function_name = dump_function_name,
		.requester = dump_requester,
		.priv = c,
	};
}

/* ---- requests ---------------------------------------------------------------------------------- */

static struct ioasid_machine *machine_of(struct serve_client *c)
{
	return &c->serve->host->machine;
}

static bool step_live(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);

	ioasid_dump_live(machine_of(c), &d);
	return false;
}

static bool step_contexts(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);
	struct ioasid_ctx *ctx;
	u64 id = c->context;

	ctx = ctx_next(c->serve->host, &id);
	if (!ctx)
		return false;
	/* The one that was begun is gone. */
	if (id != c->context)
		memset(&c->at, 0, sizeof(c->at));
	c->context = id;
	if (!ioasid_dump_context(ctx, &d, &c->at)) {
		c->context++;
		memset(&c->at, 0, sizeof(c->at));
	}
	ioasid_ctx_put(ctx);
	return true;
}

static bool step_devices(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);

	return ioasid_dump_devices(machine_of(c), &d, &c->at);
}

static bool step_functions(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);

	return ioasid_dump_functions(machine_of(c), &d, &c->at);
}

static bool step_sets(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);

	return ioasid_dump_sets(machine_of(c), &d, &c->at);
}

static bool step_limits(struct serve_client *c)
{
	struct ioasid_dump d = dump_for(c);

	c->limit = ioasid_dump_limit_next(machine_of(c), c->limit);
	if (c->limit)
		ioasid_dump_limit(c->limit, &d);
	return c->limit;
}

static const char *error_text(long rc)
{
	switch (rc) {
	case -ENOENT:
		return "no such group";
	case -EINVAL:
		return "not a path, or a root, which has no limit";
	case -EPERM:
		return "not permitted";
	case -ENOMEM:
		return "out of memory";
	default:
		return "cannot be done";
	}
}

/* Return: group with a reference, or NULL with c->error. */
static struct limit_group *limit_find(struct serve_client *c, const char *path, bool change)
{
	struct ioasid_machine *machine = machine_of(c);
	struct ioasid_limit name = {
		.argsz = sizeof(name),
		.flags = IOASID_LIMIT_PATH,
		.path = (uintptr_t)path,
		.path_len = (u32)strlen(path),
	};
	struct limit_group *group;

	if (!machine->ops->limit_find) {
		c->error = "the host has no limits";
		return NULL;
	}
	group = machine->ops->limit_find(machine, &name, change);
	if (!IS_ERR(group))
		return group;
	c->error = error_text(PTR_ERR(group));
	return NULL;
}

static void limit_answer(struct serve_client *c, struct limit_group *group)
{
	struct ioasid_dump d = dump_for(c);

	ioasid_dump_limit(group, &d);
	limit_group_put(group);
}

static bool step_limit(struct serve_client *c)
{
	struct limit_group *group = limit_find(c, c->argument, false);

	if (group)
		limit_answer(c, group);
	return false;
}

/* "MAX PATH". Return: the path; NULL: it is something else. */
static const char *parse_max(const char *text, u32 *max)
{
	unsigned long long n;
	char *end;

	if (!strncmp(text, "max ", 4)) {
		*max = LIMIT_NONE;
		return text + 4;
	}
	if (*text < '0' || *text > '9')
		return NULL;
	n = strtoull(text, &end, 10);
	if (*end != ' ' || n >= LIMIT_NONE)
		return NULL;
	*max = (u32)n;
	return end + 1;
}

static bool step_limit_set(struct serve_client *c)
{
	struct limit_group *group;
	const char *path;
	u32 max;
	int rc;

	path = parse_max(c->argument, &max);
	if (!path) {
		c->error = "not a limit: a number or max, then the path";
		return false;
	}
	group = limit_find(c, path, true);
	if (!group)
		return false;
	rc = limit_set_max(group, max);
	if (rc)
		c->error = error_text(rc);
	limit_answer(c, group);
	return false;
}

static const struct serve_request requests[] = {
	{ "live", false, step_live },	    { "contexts", false, step_contexts },
	{ "devices", false, step_devices }, { "functions", false, step_functions },
	{ "sets", false, step_sets },	    { "limits", false, step_limits },
	{ "limit", true, step_limit },	    { "limit-set", true, step_limit_set },
};

/* @line ends with a NUL, after @len bytes without another. */
static void understand(struct serve_client *c, size_t len)
{
	const struct serve_request *r;
	const char *line = c->request;
	size_t word;

	if (len && line[len - 1] == '\r')
		c->request[--len] = 0;
	word = strcspn(line, " ");
	for (r = requests; r < requests + ARRAY_SIZE(requests); r++) {
		if (strlen(r->word) != word || memcmp(r->word, line, word))
			continue;
		if (r->argument == (line[word] && line[word + 1])) {
			c->asked = r;
			c->argument = line[word] ? line + word + 1 : line + word;
			return;
		}
	}
	c->error = "no such request";
}

/* ---- a client ---------------------------------------------------------------------------------- */

static void client_drop(struct serve_client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	if (c->limit)
		limit_group_put(c->limit);
	free(c->out);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static bool client_talks(const struct serve_client *c)
{
	return c->asked || c->error;
}

/* More text. The answer ends with its own last line, so that a cut one is known. */
static void client_more(struct serve_client *c)
{
	const char *error;

	if (c->ended || c->used - c->sent >= OUT_ENOUGH)
		return;
	if (!c->error && c->asked->step(c))
		return;
	c->ended = true;
	error = c->error;
	c->error = NULL;
	if (error)
		out_print(c, "%s. error %s\n", c->used && c->out[c->used - 1] != '\n' ? "\n" : "",
			  error);
	else
		out_print(c, ". ok\n");
}

static void client_write(struct serve_client *c)
{
	ssize_t n;

	client_more(c);
	if (c->sent < c->used) {
		n = send(c->fd, c->out + c->sent, c->used - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_drop(c);
			return;
		}
		if (n > 0) {
			c->sent += (size_t)n;
			c->idle = now_ms() + IDLE_MS;
		}
	}
	if (c->sent == c->used) {
		c->sent = 0;
		c->used = 0;
		if (c->ended)
			client_drop(c);
	}
}

static void client_read(struct serve_client *c)
{
	size_t room = sizeof(c->request) - 1 - c->got;
	ssize_t n = recv(c->fd, c->request + c->got, room, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(c);
		return;
	}
	c->got += (size_t)n;
	c->idle = now_ms() + IDLE_MS;
	end = memchr(c->request, '\n', c->got);
	if (!end && c->got < sizeof(c->request) - 1)
		return;
	if (!end) {
		c->error = "the request is too long";
		return;
	}
	*end = 0;
	if (strlen(c->request) == (size_t)(end - c->request))
		understand(c, strlen(c->request));
	else
		c->error = "the request holds a NUL";
}

/* ---- the thread -------------------------------------------------------------------------------- */

static struct serve_client *free_client(struct serve *s)
{
	unsigned int i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		if (s->client[i].fd < 0)
			return &s->client[i];
	}
	return NULL;
}

static bool may_ask(const struct serve *s, int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) &&
	       (who.uid == s->owner || !who.uid);
}

static void refuse(int fd, const char *text)
{
	/* A new connection has room for a line; if not, it hears nothing. */
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void welcome(struct serve *s)
{
	int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct serve_client *c;

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			s->pause = now_ms() + ACCEPT_MS;
		return;
	}
	c = free_client(s);
	if (!may_ask(s, fd)) {
		refuse(fd, ". error not permitted\n");
		return;
	}
	if (!c) {
		refuse(fd, ". error too many ask at once\n");
		return;
	}
	c->serve = s;
	c->fd = fd;
	c->idle = now_ms() + IDLE_MS;
	c->total = now_ms() + TOTAL_MS;
}

static void serve_client(struct serve_client *c, short events, u64 now)
{
	/* Who made us wait is not at fault here: a client that is ready is served however late it is. */
	if (now >= c->total || (!events && now >= c->idle)) {
		client_drop(c);
		return;
	}
	if (!events)
		return;
	if (client_talks(c))
		client_write(c);
	else
		client_read(c);
}

/* Return: ms until somebody is to be cut off, or may be accepted again; -1: nobody. */
static int patience(struct serve *s, u64 now)
{
	u64 until = s->pause ? s->pause : ~0ULL;
	unsigned int i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		if (s->client[i].fd >= 0) {
			until = min(until, s->client[i].idle);
			until = min(until, s->client[i].total);
		}
	}
	if (until == ~0ULL)
		return -1;
	return until > now ? (int)(until - now) : 0;
}

enum { POLL_WAKE, POLL_LISTEN, POLL_CLIENTS, POLL_MAX = POLL_CLIENTS + CLIENTS_MAX };

static void poll_fill(struct serve *s, struct pollfd *p)
{
	unsigned int i;

	p[POLL_WAKE] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	p[POLL_LISTEN] = (struct pollfd){ .fd = s->pause ? -1 : s->listen, .events = POLLIN };
	for (i = 0; i < CLIENTS_MAX; i++)
		p[POLL_CLIENTS + i] = (struct pollfd){
			.fd = s->client[i].fd,
			.events = client_talks(&s->client[i]) ? POLLOUT : POLLIN,
		};
}

static void *serve_thread(void *arg)
{
	struct pollfd p[POLL_MAX];
	struct serve *s = arg;
	unsigned int i;
	u64 now;

	for (;;) {
		now = now_ms();
		if (s->pause && now >= s->pause)
			s->pause = 0;
		poll_fill(s, p);
		if (poll(p, POLL_MAX, patience(s, now)) < 0)
			continue;
		if (p[POLL_WAKE].revents)
			break;
		now = now_ms();
		for (i = 0; i < CLIENTS_MAX; i++) {
			if (p[POLL_CLIENTS + i].fd >= 0)
				serve_client(&s->client[i], p[POLL_CLIENTS + i].revents, now);
		}
		if (p[POLL_LISTEN].revents)
			welcome(s);
	}
	for (i = 0; i < CLIENTS_MAX; i++)
		client_drop(&s->client[i]);
	return NULL;
}

/* ---- the socket -------------------------------------------------------------------------------- */

/*
 * Whoever changes the socket's name holds a lock on its folder: of two who find a dead socket one
 * must not remove what the other has just made.
 */
static int lock_folder(int folder)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(folder, LOCK_EX | LOCK_NB))
			return 0;
		usleep(LOCK_PAUSE_US);
	}
	return -EBUSY;
}

static int open_folder(struct serve *s, const char *path)
{
	char folder[sizeof(s->path)];
	char *slash;

	if (path[0] != '/' || strlen(path) >= sizeof(s->path))
		return -EINVAL;
	strcpy(s->path, path);
	strcpy(folder, path);
	slash = strrchr(folder, '/');
	s->name = s->path + (slash - folder) + 1;
	if (!*s->name || !strcmp(s->name, ".") || !strcmp(s->name, ".."))
		return -EINVAL;
	slash[slash == folder] = 0;
	s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->folder < 0 ? -errno : 0;
}

static int try_bind(const struct serve *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, s->path, sizeof(addr.sun_path));
	/* Neither replaces nor follows what is there. */
	return bind(s->listen, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

static bool somebody_listens(const struct serve *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	bool dead;

	if (fd < 0)
		return true;
	memcpy(addr.sun_path, s->path, sizeof(addr.sun_path));
	dead = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

/* What a process of ours left behind when it died. */
static int remove_dead(const struct serve *s)
{
	struct stat st;

	if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != s->owner || somebody_listens(s))
		return -EEXIST;
	return unlinkat(s->folder, s->name, 0) ? -errno : 0;
}

static int make_socket(struct serve *s)
{
	struct stat st;
	int rc;

	s->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->wake = eventfd(0, EFD_CLOEXEC);
	/* Before it has a name: nobody else gets in, not even for a moment. */
	if (s->listen < 0 || s->wake < 0 || fchmod(s->listen, 0600))
		return -errno;
	rc = try_bind(s);
	if (rc == -EADDRINUSE) {
		rc = remove_dead(s);
		if (!rc)
			rc = try_bind(s);
	}
	if (rc)
		return rc == -EADDRINUSE ? -EEXIST : rc;
	if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return listen(s->listen, CLIENTS_MAX) ? -errno : 0;
}

/* Only what we made ourselves: somebody may have put something else there. */
static void remove_own(const struct serve *s)
{
	struct stat st;

	if (s->ino && !fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISSOCK(st.st_mode) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlinkat(s->folder, s->name, 0);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void serve_free(struct serve *s)
{
	close_fd(s->listen);
	close_fd(s->folder);
	close_fd(s->wake);
	os_free(s);
}

/* Signals are the program's own business. */
static int start_thread(struct serve *s)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, serve_thread, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc)
		pthread_setname_np(s->thread, "ioasid-serve");
	return -rc;
}

static int serve_open(struct serve *s, const char *path)
{
	int rc = open_folder(s, path);

	if (!rc)
		rc = lock_folder(s->folder);
	if (rc)
		return rc;
	rc = make_socket(s);
	if (!rc)
		rc = start_thread(s);
	if (rc)
		remove_own(s);
	flock(s->folder, LOCK_UN);
	return rc;
}

int serve_start(struct ioasid_host *host, const char *path, struct serve **serve)
{
	struct serve *s = os_zalloc(sizeof(*s));
	unsigned int i;
	int rc;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->listen = -1;
	s->folder = -1;
	s->wake = -1;
	s->pid = getpid();
	s->owner = geteuid();
	for (i = 0; i < CLIENTS_MAX; i++)
		s->client[i].fd = -1;
	rc = serve_open(s, path);
	if (rc)
		serve_free(s);
	else
		*serve = s;
	return rc;
}

/* "%p" becomes the process's number. Return: false: it does not fit. */
static bool expand(const char *text, char *path, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'p') {
			used += (size_t)snprintf(path + used, size - used, "%d", getpid());
			text++;
		} else {
			path[used++] = *text;
		}
		if (used + 1 >= size)
			return false;
	}
	path[used] = 0;
	return true;
}

struct serve *serve_start_env(struct ioasid_host *host)
{
	const char *text = secure_getenv(SERVE_ENV);
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 16];
	struct serve *serve = NULL;
	int rc = -EINVAL;

	if (!text || !*text)
		return NULL;
	if (expand(text, path, sizeof(path)))
		rc = serve_start(host, path, &serve);
	/* Whoever set the variable wants to look inside, but the program works without. */
	if (rc)
		fprintf(stderr, "libioasid: %s=%s: %s\n", SERVE_ENV, text, strerror(-rc));
	return serve;
}

void serve_stop(struct serve *s)
{
	if (!s)
		return;
	if (s->pid == getpid()) {
		/* Until here a new host with this path is refused; from here on it has it. */
		(void)eventfd_write(s->wake, 1);
		pthread_join(s->thread, NULL);
		if (!lock_folder(s->folder))
			remove_own(s);
	}
	serve_free(s);
}
