// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A host's socket: what it answers, whom, whose file it is; clients that lie, stall and come in masses. */
#include "rig.h"

#include <ioasid/allocator.h>

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CLIENTS 16 /* served at once */

static char folder[64];
static char path[96];

/* ---- clients ------------------------------------------------------------------------------------- */

/* Return: descriptor or negative errno. */
static int reach_at(const char *at)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", at);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -errno;
}

static int reach(void)
{
	int fd = reach_at(path);

	ok(fd);
	return fd;
}

/* All that comes until the other end closes; terminated, to be freed. */
static char *hear(int fd)
{
	size_t room = 1 << 16, used = 0;
	char *text = malloc(room);
	ssize_t n;

	assert_non_null(text);
	while ((n = read(fd, text + used, room - used - 1)) > 0) {
		used += (size_t)n;
		if (room - used < 4096) {
			room *= 2;
			text = realloc(text, room);
			assert_non_null(text);
		}
	}
	text[used] = 0;
	close(fd);
	return text;
}

static char *ask_bytes(const char *bytes, size_t len)
{
	int fd = reach();

	/* Who is refused early may find the connection closed. */
	(void)!send(fd, bytes, len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	return hear(fd);
}

static char *ask(const char *request)
{
	return ask_bytes(request, strlen(request));
}

static bool ends_well(const char *text)
{
	size_t len = strlen(text);

	return len >= 5 && !strcmp(text + len - 5, ". ok\n") && (len == 5 || text[len - 6] == '\n');
}

static void answers(const char *request, const char *line)
{
	char *text = ask(request);

	if (!ends_well(text) || !strstr(text, line))
		print_error("%s answered: %s\n", request, text);
	assert_true(ends_well(text));
	assert_non_null(strstr(text, line));
	free(text);
}

static void refuses(const char *bytes, size_t len, const char *why)
{
	char *text = ask_bytes(bytes, len), line[128];

	snprintf(line, sizeof(line), ". error %s\n", why);
	assert_string_equal(text, line);
	free(text);
}

/* ---- hosts ------------------------------------------------------------------------------------------ */

static int make_host(const char *name, const char *socket_path, struct ioasid_host **host)
{
	const struct ioasid_host_config c = { .size = sizeof(c), .socket_path = socket_path };

	return ioasid_host_create(name, &c, host);
}

static bool there(const char *at)
{
	struct stat st;

	return !lstat(at, &st);
}

static unsigned int files_in(const char *name)
{
	DIR *dir = opendir(name);
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A process that serves at @at and dies without a word. */
static void leave_behind(const char *at)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", at);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_true(there(at));
}

/* ---- what it says ------------------------------------------------------------------------------------ */

static void what_there_is(void **state)
{
	struct rig_config c = { .host.socket_path = path };
	char line[128];
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	answers("live\n", "contexts 1\ndevices 2\nioasids 1\n");
	snprintf(line, sizeof(line),
		 "context id=1 pid=%d comm=\"%.15s\" closed=0 ioasids=1 devices=2 ", getpid(),
		 program_invocation_short_name);
	answers("contexts\n", line);
	answers("contexts\r\n", "\n  device name=\"dev1\" cookie=0xb class=5 ");
	answers("devices\n", "device name=\"dev0\" class=5 ");
	answers("devices\n", " iommu=\"inproc\" ");
	answers("functions\n", "host split=32768\n");
	answers("functions\n", "\nfunction name=\"dev0\" rid=");
	answers("functions\n", "\n  whole name=\"dev0\" class=5 ");
	answers("sets\n", "allocator capacity=1048576 avail=1048576 ");
	snprintf(line, sizeof(line),
		 "set id=1 owner=context state=live context=1 pid=%d comm=\"%.15s\" ", getpid(),
		 program_invocation_short_name);
	answers("sets\n", line);
	answers("limits\n", ". ok\n");
	rig_free(&rig);
	assert_false(there(path));
}

static void what_is_no_request(void **state)
{
	static const char *const unknown[] = { "\n",	   " \n",	  "liv\n",    "livex\n",
					       "LIVE\n",   " live\n",	  "live x\n", "limit\n",
					       "limit \n", "limit-set\n", ". ok\n",   "\r\n" };
	char *big = malloc(1 << 16), *text;
	struct ioasid_host *host;
	unsigned int i;

	(void)state;
	ok(make_host("a", path, &host));
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		refuses(unknown[i], strlen(unknown[i]), "no such request");
	refuses("li\0ve\n", 6, "the request holds a NUL");
	assert_non_null(big);
	memset(big, 'a', 1 << 16);
	refuses(big, 1 << 16, "the request is too long");
	/* What follows a line is not looked at; a line without end is none. */
	text = ask("live\nwhatever\n");
	assert_true(ends_well(text));
	free(text);
	text = ask("live");
	assert_string_equal(text, "");
	free(text);
	text = ask("");
	assert_string_equal(text, "");
	free(text);
	answers("live\n", "contexts 0\n");
	free(big);
	ioasid_host_put(host);
}

/* Groups of limits have paths; which there are, and what can be set. */
static void limits(void **state)
{
	struct ioasid_host *host;

	(void)state;
	ok(make_host("a", path, &host));
	ok(ioasid_host_group_create(host, "/a"));
	ok(ioasid_host_group_create(host, "/a/b c"));
	answers("limits\n", " name=\"/\" max=- current=0 ");
	answers("limit /\n", " name=\"/\" max=- current=0 ");
	answers("limit-set 5 /a/b c\n", " name=\"/a/b c\" max=5 current=0 ");
	answers("limit /a/b c\n", " name=\"/a/b c\" max=5 current=0 ");
	answers("limits\n", " name=\"/a/b c\" max=5 current=0 ");
	answers("limit-set max /a/b c\n", " name=\"/a/b c\" max=- current=0 ");
	answers("limit-set 0 /a/b c\n", " name=\"/a/b c\" max=0 ");
	refuses("limit-set 4294967295 /a\n", 24, "not a limit: a number or max, then the path");
	refuses("limit-set -1 /a\n", 16, "not a limit: a number or max, then the path");
	refuses("limit-set 5\n", 12, "not a limit: a number or max, then the path");
	refuses("limit-set 5x /a\n", 16, "not a limit: a number or max, then the path");
	refuses("limit-set 5 a\n", 14, "not a path, or a root, which has no limit");
	refuses("limit /b\n", 9, "no such group");
	refuses("limit-set 5 /\n", 14, "not a path, or a root, which has no limit");
	ioasid_host_put(host);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void whose_file_it_is(void **state)
{
	struct ioasid_host *host, *other;
	long live = os_alloc_live();
	mode_t mask = umask(0);
	struct stat st;
	char *text;

	(void)state;
	ok(make_host("a", path, &host));
	umask(mask);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, geteuid());
	/* Served already: the second host is refused, the first goes on. */
	refused(make_host("b", path, &other), EEXIST);
	answers("live\n", "contexts 0\n");
	ioasid_host_put(host);
	assert_false(there(path));
	/* A dead one is replaced. */
	leave_behind(path);
	ok(make_host("a", path, &host));
	answers("live\n", "contexts 0\n");
	/* Somebody puts his own in our place: it is not removed. */
	assert_int_equal(unlink(path), 0);
	leave_behind(path);
	ioasid_host_put(host);
	assert_true(there(path));
	assert_int_equal(unlink(path), 0);
	/* The same name and path again, at once. */
	ok(make_host("a", path, &host));
	ioasid_host_put(host);
	ok(make_host("a", path, &host));
	text = ask("live\n");
	assert_true(ends_well(text));
	free(text);
	ioasid_host_put(host);
	assert_int_equal(os_alloc_live(), live);
	assert_int_equal(files_in(folder), 2);
}

static void other_things_are_left_alone(void **state)
{
	char target[128], longest[160];
	struct ioasid_host *host;
	long live = os_alloc_live();
	struct stat st;
	int fd;

	(void)state;
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	refused(make_host("a", path, &host), EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(unlink(path), 0);
	/* Links, to nothing and to a dead socket: neither followed nor replaced. */
	snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(symlink(target, path), 0);
	refused(make_host("a", path, &host), EEXIST);
	assert_false(there(target));
	leave_behind(target);
	refused(make_host("a", path, &host), EEXIST);
	assert_true(there(target) && there(path));
	assert_int_equal(unlink(path) | unlink(target), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(make_host("a", path, &host), EEXIST);
	assert_int_equal(rmdir(path), 0);
	/* Paths that cannot be. */
	refused(make_host("a", "", &host), EINVAL);
	refused(make_host("a", "relative", &host), EINVAL);
	refused(make_host("a", "/", &host), EINVAL);
	refused(make_host("a", "/tmp/", &host), EINVAL);
	refused(make_host("a", "/tmp/..", &host), EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[108] = 0;
	refused(make_host("a", longest, &host), EINVAL);
	snprintf(target, sizeof(target), "%s/nothing/s", folder);
	refused(make_host("a", target, &host), ENOENT);
	assert_int_equal(files_in(folder), 2);
	assert_int_equal(os_alloc_live(), live);
}

/* The structure of an older program is shorter; what lies behind it is none of ours. */
static void older_structures(void **state)
{
	struct ioasid_host_config c = { .socket_path = path };
	struct ioasid_host *host;

	(void)state;
	for (c.size = offsetof(struct ioasid_host_config, test_delay_us); c.size <= sizeof(c);
	     c.size++) {
		ok(ioasid_host_create("a", &c, &host));
		assert_int_equal(there(path), c.size == sizeof(c));
		ioasid_host_put(host);
	}
	refused(ioasid_host_create("a", &c, &host), EINVAL);
}

static void the_default_host(void **state)
{
	char pattern[96], at[128];
	struct ioasid_host *host;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/%%p.s", folder);
	snprintf(at, sizeof(at), "%s/%d.s", folder, getpid());
	setenv("IOASID_HOST_SOCKET", pattern, 1);
	ok(ioasid_host_default(&host));
	assert_true(there(at));
	ioasid_host_put(host);
	assert_false(there(at));
	/* A name of its own asks for its own path. */
	ok(ioasid_host_create("a", NULL, &host));
	assert_false(there(at));
	ioasid_host_put(host);
	/* Not being seen is no reason not to be. */
	setenv("IOASID_HOST_SOCKET", "nowhere", 1);
	ok(ioasid_host_default(&host));
	ioasid_host_put(host);
	unsetenv("IOASID_HOST_SOCKET");
}

/* A child has the host's memory, but not its thread; what it puts is not its parent's. */
static void a_child_leaves_it_alone(void **state)
{
	struct ioasid_host *host;
	int status;
	pid_t pid;

	(void)state;
	ok(make_host("a", path, &host));
	pid = fork();
	if (!pid) {
		ioasid_host_put(host);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	answers("live\n", "contexts 0\n");
	ioasid_host_put(host);
	assert_false(there(path));
}

/* ---- who may ask -------------------------------------------------------------------------------------- */

static int as_nobody(void)
{
	char text[64] = "";
	int fd;

	if (setgid(65534) || setuid(65534))
		return 10;
	fd = reach_at(path);
	if (fd == -EACCES)
		return 1;
	if (fd < 0)
		return 11;
	(void)!send(fd, "live\n", 5, MSG_NOSIGNAL);
	(void)!read(fd, text, sizeof(text) - 1);
	return strcmp(text, ". error not permitted\n") ? 12 : 2;
}

static int nobody_gets(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void others_are_refused(void **state)
{
	struct ioasid_host *host;

	(void)state;
	if (geteuid())
		skip();
	ok(make_host("a", path, &host));
	chmod(folder, 0755);
	assert_int_equal(nobody_gets(), 1);
	/* Even if somebody opens the file to all. */
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(nobody_gets(), 2);
	answers("live\n", "contexts 0\n");
	ioasid_host_put(host);
}

/* ---- hostile clients ------------------------------------------------------------------------------------ */

/* Is the connection closed within @ms? */
static bool closes(int fd, unsigned int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, (int)ms) == 1 && read(fd, &c, 1) <= 0;
}

static void those_who_stall(void **state)
{
	struct pollfd hung_up = { .events = 0 };
	int fd[CLIENTS], deaf;
	struct ioasid *ctx[200];
	struct ioasid_host *host;
	unsigned int i, round;
	uint32_t id;
	char *text;

	(void)state;
	ok(make_host("a", path, &host));
	for (i = 0; i < ARRAY_SIZE(ctx); i++) {
		ok(ioasid_open("inproc:a", &ctx[i]));
		for (round = 0; round < 20; round++)
			ok(ioasid_alloc_kernel(ctx[i], &id));
	}
	/* Asks for much and reads nothing; the others say nothing, or half a word. */
	deaf = reach();
	hung_up.fd = deaf;
	assert_int_equal(send(deaf, "contexts\n", 9, 0), 9);
	for (i = 0; i < CLIENTS - 2; i++) {
		fd[i] = reach();
		if (i & 1)
			assert_int_equal(send(fd[i], "li", 2, 0), 2);
	}
	/* One place is left, and good. */
	for (round = 0; round < 20; round++) {
		text = ask("contexts\n");
		assert_true(ends_well(text));
		free(text);
	}
	/* None is left: said, and the next that leaves makes room. */
	fd[CLIENTS - 2] = reach();
	nap(50);
	refuses("live\n", 5, "too many ask at once");
	close(fd[CLIENTS - 2]);
	nap(50);
	answers("live\n", "contexts 200\n");
	/* They are cut off, the deaf one too. */
	for (i = 0; i < CLIENTS - 2; i++) {
		assert_true(closes(fd[i], 20000));
		close(fd[i]);
	}
	for (i = 0; i < CLIENTS - 2; i++)
		fd[i] = reach();
	answers("live\n", "contexts 200\n");
	for (i = 0; i < CLIENTS - 2; i++)
		close(fd[i]);
	assert_int_equal(poll(&hung_up, 1, 30000), 1);
	text = hear(deaf);
	assert_true(*text && !ends_well(text));
	free(text);
	for (i = 0; i < ARRAY_SIZE(ctx); i++)
		ioasid_close(ctx[i]);
	/* A client that stalls does not keep a host from going. */
	fd[0] = reach();
	ioasid_host_put(host);
	assert_false(there(path));
	assert_true(closes(fd[0], 5000));
	close(fd[0]);
}

/* Descriptors run out in the process that serves: it waits for better times and lives. */
static void no_descriptors(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct rlimit few, before;
	struct ioasid_host *host;
	int fd[256], n = 0, client;
	char *text;

	(void)state;
	ok(make_host("a", path, &host));
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(addr.sun_path, path, sizeof(path));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fd[n] = open("/dev/null", O_RDONLY)) >= 0)
		assert_true(++n < 256);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(send(client, "live\n", 5, 0), 5);
	nap(300);
	assert_int_equal(recv(client, fd + n, 1, MSG_DONTWAIT), -1);
	while (n)
		close(fd[--n]);
	text = hear(client);
	assert_true(ends_well(text));
	free(text);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	ioasid_host_put(host);
}

/* Words, blanks, numbers and bytes of any kind, in pieces, some hang up early. */
static void anything(void **state)
{
	static const char *const words[] = { "live", "contexts", "devices", "functions",
					     "sets", "limits",	 "limit",   "limit-set",
					     " ",    "/",	 "..",	    "max",
					     "\n",   "\r",	 "5",	    "%s" };
	unsigned int i, seed = 1, round;
	struct ioasid_host *host;
	char bytes[512];
	size_t len;
	int fd;

	(void)state;
	ok(make_host("a", path, &host));
	for (round = 0; round < 3000; round++) {
		for (len = 0, i = 0; i < 6 && len < 400; i++) {
			if (rand_r(&seed) % 4) {
				len += (size_t)sprintf(
					bytes + len, "%s",
					words[(unsigned int)rand_r(&seed) % ARRAY_SIZE(words)]);
			} else {
				bytes[len++] = (char)rand_r(&seed);
			}
		}
		bytes[len++] = rand_r(&seed) % 8 ? '\n' : 'x';
		fd = reach();
		i = (unsigned int)rand_r(&seed) % (unsigned int)len;
		(void)!send(fd, bytes, i, MSG_NOSIGNAL);
		(void)!send(fd, bytes + i, len - i, MSG_NOSIGNAL);
		if (rand_r(&seed) % 3) {
			shutdown(fd, SHUT_WR);
			free(hear(fd));
		} else {
			close(fd);
		}
	}
	answers("live\n", "contexts 0\n");
	ioasid_host_put(host);
}

/* ---- while things change ---------------------------------------------------------------------------------- */

static bool stop_asking;

static void *asking(void *arg)
{
	static const char *const requests[] = { "contexts\n", "devices\n", "functions\n",
						"sets\n",     "limits\n",  "live\n" };
	unsigned int i, *bad = arg;
	char *text;

	for (i = 0; !__atomic_load_n(&stop_asking, __ATOMIC_RELAXED); i++) {
		text = ask(requests[i % ARRAY_SIZE(requests)]);
		*bad += !ends_well(text);
		free(text);
	}
	return NULL;
}

static void objects_come_and_go(void **state)
{
	struct ioasid_hostdev_config c = { .size = sizeof(c),
					   .name = "x",
					   .rid = 5,
					   .dev_class = IOASID_CLASS_PDEV_PASID,
					   .pasid_bits = 20,
					   .group = IOASID_INVALID };
	unsigned int i, bad[2] = { 0, 0 };
	long live = os_alloc_live();
	struct ioasid_hostdev *dev;
	struct ioasid_host *host;
	struct ioasid_dev *handle;
	pthread_t thread[2];
	struct ioasid *ctx;
	uint32_t ioasid;

	(void)state;
	ok(make_host("a", path, &host));
	stop_asking = false;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, asking, &bad[i]), 0);
	for (i = 0; i < 300; i++) {
		ok(ioasid_hostdev_create(host, &c, &dev));
		ok(ioasid_open("inproc:a", &ctx));
		ok(ioasid_dev_open(ctx, "x", &handle));
		ok(ioasid_dev_bind(handle, ctx, 1));
		ok(ioasid_alloc_kernel(ctx, &ioasid));
		ok(ioasid_dev_attach(handle, ioasid, 0));
		ioasid_close(ctx);
		ioasid_hostdev_destroy(dev);
		ioasid_dev_close(handle);
	}
	__atomic_store_n(&stop_asking, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(bad[i], 0);
	}
	ioasid_host_put(host);
	assert_int_equal(os_alloc_live(), live);
}

/* Memory runs out while a host with a socket is made: nothing of it is left. */
static void no_memory(void **state)
{
	long live = os_alloc_live();
	struct ioasid_host *host;
	unsigned long nth;
	int rc;

	(void)state;
	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = make_host("a", path, &host);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(os_alloc_live(), live);
		assert_false(there(path));
	}
	assert_true(nth > 3);
	ioasid_host_put(host);
	assert_int_equal(os_alloc_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_there_is),
		cmocka_unit_test(what_is_no_request),
		cmocka_unit_test(limits),
		cmocka_unit_test(whose_file_it_is),
		cmocka_unit_test(other_things_are_left_alone),
		cmocka_unit_test(older_structures),
		cmocka_unit_test(the_default_host),
		cmocka_unit_test(a_child_leaves_it_alone),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(those_who_stall),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(anything),
		cmocka_unit_test(objects_come_and_go),
		cmocka_unit_test(no_memory),
	};
	int rc;

	snprintf(folder, sizeof(folder), "/tmp/ioasid-serve.XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	rc = cmocka_run_group_tests_name("inproc serve", tests, NULL, NULL);
	rmdir(folder);
	return rc;
}
