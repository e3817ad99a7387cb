// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Who the calling thread is: its host, process and group of limits; groups and their paths. */
#include <ioasid/allocator.h>

#include "os/os.h"
#include "tests/unit/inproc/rig.h"

static struct ioasid_host *host;
static struct ioasid *ctx;
static long live;

static int make_host(void **state)
{
	(void)state;
	live = os_alloc_live();
	return ioasid_host_create("caller", NULL, &host) || ioasid_open("inproc:caller", &ctx);
}

static int end_host(void **state)
{
	(void)state;
	ioasid_caller_adopt(NULL);
	ioasid_close(ctx);
	ioasid_host_put(host);
	/* Whatever threads and callers held is gone with them. */
	return os_alloc_live() != live;
}

static struct ioasid_limit get(const char *path)
{
	struct ioasid_limit l = { .flags = path ? IOASID_LIMIT_PATH : IOASID_LIMIT_OWN };

	if (path) {
		l.path = (uintptr_t)path;
		l.path_len = (uint32_t)strlen(path);
	}
	assert_int_equal(ioasid_limit_get(ctx, &l), 0);
	return l;
}

static int set_max(const char *path, uint32_t max)
{
	struct ioasid_limit l = {
		.flags = IOASID_LIMIT_PATH,
		.path = (uintptr_t)path,
		.path_len = (uint32_t)strlen(path),
		.max = max,
	};

	return ioasid_limit_set(ctx, &l);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static void paths(void **state)
{
	static const char *const bad[] = { "",	    "a",    "a/b", "//",     "/a/",
					   "/a//b", "/.",   "/..", "/a/..",  "/a/.",
					   "/../a", "/./a", "//a", "/a/../b" };
	struct ioasid_limit l = { .flags = IOASID_LIMIT_PATH };
	char *longest = malloc(8192);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ioasid_host_group_create(host, bad[i]), -EINVAL);
		assert_int_equal(ioasid_host_group_remove(host, bad[i]), -EINVAL);
		assert_int_equal(ioasid_caller_set_group(bad[i]), -EINVAL);
	}
	assert_int_equal(ioasid_host_group_create(host, "/"), -EEXIST);
	assert_int_equal(ioasid_host_group_remove(host, "/"), -EBUSY);
	assert_int_equal(ioasid_host_group_create(host, "/a/b"), -ENOENT);
	assert_int_equal(ioasid_host_group_remove(host, "/a"), -ENOENT);
	assert_int_equal(ioasid_host_group_create(host, "/a"), 0);
	assert_int_equal(ioasid_host_group_create(host, "/a"), -EEXIST);
	assert_int_equal(ioasid_host_group_create(host, "/a/b"), 0);
	assert_int_equal(ioasid_host_group_create(host, "/a/..."), 0);
	assert_int_equal(ioasid_host_group_remove(host, "/a"), -EBUSY);
	assert_int_equal(ioasid_host_group_remove(host, "/a/..."), 0);
	assert_int_equal(ioasid_host_group_remove(host, "/a/b"), 0);
	assert_int_equal(ioasid_host_group_remove(host, "/a"), 0);
	/* 4095 bytes are a path, one more is none. */
	memset(longest, 'x', 8192);
	longest[0] = '/';
	longest[4095] = 0;
	assert_int_equal(ioasid_host_group_create(host, longest), 0);
	assert_int_equal(set_max(longest, 3), 0);
	assert_int_equal(ioasid_host_group_remove(host, longest), 0);
	longest[4095] = 'x';
	longest[4096] = 0;
	assert_int_equal(ioasid_host_group_create(host, longest), -EINVAL);
	assert_int_equal(set_max(longest, 3), -EINVAL);
	free(longest);
	/* What an ABI call may say wrongly. */
	assert_int_equal(set_max("", 3), -EINVAL);
	assert_int_equal(set_max("/a/", 3), -EINVAL);
	assert_int_equal(set_max("/", 3), -EINVAL);
	assert_int_equal(set_max("/nobody", 3), -ENOENT);
	l.path = 8;
	l.path_len = 3;
	assert_int_equal(ioasid_limit_get(ctx, &l), -EFAULT);
	l.path = (uintptr_t) "/\0a";
	assert_int_equal(ioasid_limit_get(ctx, &l), -EINVAL);
	l = (struct ioasid_limit){ .flags = IOASID_LIMIT_FD, .fd = 0 };
	assert_int_equal(ioasid_limit_get(ctx, &l), -EOPNOTSUPP);
}

static void deep(void **state)
{
	char path[2 * 1000 + 1] = "";
	struct ioasid_set *set;
	ioasid_t id;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		strcpy(path + 2 * i, "/d");
		assert_int_equal(ioasid_host_group_create(host, path), 0);
	}
	assert_int_equal(ioasid_caller_set_host(host), 0);
	assert_int_equal(ioasid_caller_set_group(path), 0);
	set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	id = ioasid_alloc(set, 1, 100, NULL);
	assert_int_equal(id, 1);
	assert_int_equal(get("/d").current_charge, 1);
	assert_int_equal(get(path).current_charge, 1);
	assert_int_equal(set_max("/d", 1), 0);
	assert_int_equal(ioasid_alloc(set, 1, 100, NULL), INVALID_IOASID);
	assert_int_equal(get(path).events, 0);
	assert_int_equal(get("/d").events_local, 1);
	ioasid_free(set, id);
	assert_int_equal(ioasid_set_free(set), 0);
}

/* ---- threads ----------------------------------------------------------------------------------- */

struct guest_thread {
	const char *group;
	struct ioasid_caller *adopt;
	struct ioasid_set *set;
	ioasid_t id;
	int rc;
};

static void *take_one(void *arg)
{
	struct guest_thread *t = arg;

	if (t->adopt) {
		ioasid_caller_adopt(t->adopt);
	} else {
		t->rc = ioasid_caller_set_host(host);
		t->rc = t->rc ? t->rc : ioasid_caller_set_group(t->group);
	}
	t->id = ioasid_alloc(t->set, 1, 1000, NULL);
	return NULL;
}

static void run(struct guest_thread *t)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, take_one, t), 0);
	pthread_join(thread, NULL);
	assert_int_equal(t->rc, 0);
}

static void every_thread_pays_for_itself(void **state)
{
	struct guest_thread t = { 0 };
	ioasid_t own, last;

	(void)state;
	assert_int_equal(ioasid_host_group_create(host, "/a"), 0);
	assert_int_equal(ioasid_host_group_create(host, "/b"), 0);
	assert_int_equal(set_max("/b", 1), 0);
	assert_int_equal(ioasid_caller_set_host(host), 0);
	assert_int_equal(ioasid_caller_set_group("/a"), 0);
	t.set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	own = ioasid_alloc(t.set, 1, 1000, NULL);
	t.group = "/b";
	run(&t);
	assert_int_not_equal(t.id, INVALID_IOASID);
	assert_int_equal(get("/a").current_charge, 1);
	assert_int_equal(get("/b").current_charge, 1);
	assert_int_equal(get("/").current_charge, 2);
	last = t.id;
	run(&t);
	assert_int_equal(t.id, INVALID_IOASID);
	assert_int_equal(get("/b").events_local, 1);
	/* OWN is the thread's; the thread in /b is gone, and what it took is not. */
	assert_int_equal(get(NULL).id, get("/a").id);
	/* Handed on: as this one is. */
	t.adopt = ioasid_caller_get();
	run(&t);
	ioasid_caller_put(t.adopt);
	assert_int_equal(get("/a").current_charge, 2);
	/* The default again: the root pays. */
	ioasid_free(t.set, own);
	assert_int_equal(get("/a").current_charge, 1);
	assert_int_equal(ioasid_caller_set_group(NULL), 0);
	own = ioasid_alloc(t.set, 1, 1000, NULL);
	assert_int_equal(get("/a").current_charge, 1);
	assert_int_equal(get("/").current_charge, 3);
	/* Removed while charged, by number and by nobody in it. */
	assert_int_equal(ioasid_host_group_remove(host, "/b"), 0);
	assert_int_equal(get("/").current_charge, 3);
	ioasid_free(t.set, last);
	assert_int_equal(get("/").current_charge, 2);
	ioasid_free_all_in_set(t.set);
	assert_int_equal(get("/").current_charge, 0);
	assert_int_equal(ioasid_set_free(t.set), 0);
}

static void a_group_is_of_one_host(void **state)
{
	struct ioasid_host *other;
	struct ioasid_set *set;
	ioasid_t id;

	(void)state;
	assert_int_equal(ioasid_host_create("other", NULL, &other), 0);
	assert_int_equal(ioasid_host_group_create(host, "/a"), 0);
	assert_int_equal(ioasid_caller_set_host(other), 0);
	assert_int_equal(ioasid_caller_set_group("/a"), -ENOENT);
	assert_int_equal(ioasid_caller_set_host(host), 0);
	set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	assert_int_equal(ioasid_caller_set_group("/a"), 0);
	/* Another host: in the root there, and in the root here again. */
	assert_int_equal(ioasid_caller_set_host(other), 0);
	id = ioasid_alloc(set, 1, 10, NULL);
	assert_int_equal(get("/a").current_charge, 0);
	assert_int_equal(get("/").current_charge, 1);
	ioasid_free(set, id);
	assert_int_equal(ioasid_set_free(set), 0);
	/* The thread keeps its host. */
	ioasid_host_put(other);
	set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	assert_int_equal(ioasid_set_free(set), 0);
}

static void privilege(void **state)
{
	(void)state;
	assert_int_equal(ioasid_host_group_create(host, "/a"), 0);
	assert_int_equal(ioasid_caller_set_privileged(false), 0);
	assert_int_equal(set_max("/a", 5), -EPERM);
	assert_int_equal(get("/a").max, IOASID_INVALID);
	assert_int_equal(ioasid_set_quota(ctx, 10, true), -EPERM);
	assert_int_equal(ioasid_set_quota(ctx, 10, false), 0);
	assert_int_equal(ioasid_caller_set_privileged(true), 0);
	assert_int_equal(set_max("/a", 5), 0);
	assert_int_equal(ioasid_set_quota(ctx, 10, true), 0);
}

static void processes(void **state)
{
	struct mm_struct *mm = ioasid_mm_create(), *none = NULL;
	struct ioasid_set *set;
	ioasid_t id;

	(void)state;
	assert_non_null(mm);
	assert_int_equal(ioasid_caller_set_host(host), 0);
	set = ioasid_set_alloc(mm, 0, IOASID_SET_TYPE_MM);
	assert_false(ioasid_is_err(set));
	id = ioasid_alloc(set, 1, 10, NULL);
	/* Still the default process. */
	assert_int_equal(ioasid_get_if_owned(id), -EPERM);
	assert_int_equal(ioasid_caller_set_mm(mm), 0);
	assert_int_equal(ioasid_get_if_owned(id), 0);
	assert_false(ioasid_put(set, id));
	/* The set and the thread keep it. */
	ioasid_mm_put(mm);
	assert_ptr_equal(ioasid_find_mm_set(mm), set);
	ioasid_set_put(set);
	assert_int_equal(ioasid_caller_set_mm(NULL), 0);
	assert_int_equal(ioasid_get_if_owned(id), -EPERM);
	ioasid_free(set, id);
	assert_int_equal(ioasid_set_free(set), 0);
	ioasid_mm_put(none);
}

static void no_memory(void **state)
{
	unsigned long nth;
	int rc;

	(void)state;
	assert_int_equal(ioasid_host_group_create(host, "/a"), 0);
	for (nth = 1;; nth++) {
		os_alloc_fail_nth(nth);
		rc = ioasid_host_group_create(host, "/a/b");
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(ioasid_host_group_remove(host, "/a/b"), -ENOENT);
	}
	assert_true(nth > 1);
	assert_int_equal(ioasid_caller_set_host(host), 0);
	os_alloc_fail_nth(1);
	rc = ioasid_caller_set_group("/a");
	os_alloc_fail_nth(0);
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(get(NULL).id, get("/").id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(paths, make_host, end_host),
		cmocka_unit_test_setup_teardown(deep, make_host, end_host),
		cmocka_unit_test_setup_teardown(every_thread_pays_for_itself, make_host, end_host),
		cmocka_unit_test_setup_teardown(a_group_is_of_one_host, make_host, end_host),
		cmocka_unit_test_setup_teardown(privilege, make_host, end_host),
		cmocka_unit_test_setup_teardown(processes, make_host, end_host),
		cmocka_unit_test_setup_teardown(no_memory, make_host, end_host),
	};

	return cmocka_run_group_tests_name("inproc caller", tests, NULL, NULL);
}
