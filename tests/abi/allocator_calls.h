/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The published allocator, called from outside, the same in both homes: each function is there with
 * its signature, and in a notification handler those that are not legal there do nothing and say so.
 * Included once by a program (tests/abi/test_allocator.c) and by a module (tests/linux/alloc/), which
 * bring is_err(), ptr_err() and a struct mm_struct of the calling process.
 */
#ifndef TESTS_ABI_ALLOCATOR_CALLS_H
#define TESTS_ABI_ALLOCATOR_CALLS_H

#include "allocator_rows.h"

#define ROW_POINTER(ret, name, args) ret(*name) args;
#define ROW_ADDRESS(ret, name, args) .name = name,
/* Through pointers of the types written down there: another signature does not compile. */
static const struct allocator_table {
	ALLOCATOR_ROWS(ROW_POINTER)
} allocator_table = { ALLOCATOR_ROWS(ROW_ADDRESS) };

#define ROW_THERE(ret, name, args)  \
	if (!READ_POINTER(t->name)) \
		return #name " is there";
#define READ_POINTER(p) (*(void *const volatile *)&(p))

static const char *functions_are_there(const struct allocator_table *t)
{
	ALLOCATOR_ROWS(ROW_THERE)
	return NULL;
}

/* struct calls - what is tried inside a handler, and what came of it; @failed: the first surprise */
struct calls {
	struct notifier_block nb;
	struct notifier_block other;
	struct ioasid_set *set;
	struct mm_struct *mm;
	ioasid_t id;
	int events;
	int seen;
	int ran;
	const char *failed;
	struct ioasid_work work;
	struct ioasid_allocator_ops ops;
};
static struct calls calls;

#define EXPECT(cond)                       \
	do {                               \
		if (!(cond) && !c->failed) \
			c->failed = #cond; \
	} while (0)

#define SPID 77

static void count_number(ioasid_t id, void *data)
{
	((struct calls *)data)->seen++;
}

static void work_ran(struct ioasid_work *work)
{
	calls.ran++;
}

static bool pin_not(void *data)
{
	return false;
}

static ioasid_t ops_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return INVALID_IOASID;
}

static void ops_free(ioasid_t id, void *data)
{
}

static int other_event(struct notifier_block *nb, unsigned long action, void *data)
{
	return 0;
}

static void sets_refused(struct calls *c)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);

	EXPECT(is_err(set) && ptr_err(set) == -EDEADLK);
	ioasid_install_capacity(4);
	EXPECT(ioasid_reserve_capacity(1) == -EDEADLK);
	EXPECT(ioasid_cancel_capacity(1) == -EDEADLK);
	EXPECT(ioasid_set_free(c->set) == -EDEADLK);
	ioasid_set_destroy(c->set);
	EXPECT(ioasid_adjust_set(c->set, 8) == -EDEADLK);
	ioasid_set_for_each_ioasid(c->set, count_number, c);
	ioasid_free_all_in_set(c->set);
}

static void numbers_refused(struct calls *c)
{
	struct ioasid_request request = { .min = 1, .max = 100 };
	ioasid_t id = 1;

	EXPECT(ioasid_alloc_request(c->set, &request, &id) == -EDEADLK && id == INVALID_IOASID);
	EXPECT(ioasid_alloc(c->set, 1, 100, NULL) == INVALID_IOASID);
	ioasid_free(c->set, c->id);
	EXPECT(ioasid_attach_data(c->id, c) == -EDEADLK);
	ioasid_detach_data(c->id);
	EXPECT(ioasid_attach_spid(c->id, SPID + 1) == -EDEADLK);
	ioasid_detach_spid(c->id);
}

static void registration_refused(struct calls *c)
{
	EXPECT(ioasid_register_notifier(c->set, &c->other) == -EDEADLK);
	EXPECT(ioasid_register_notifier(NULL, &c->other) == -EDEADLK);
	ioasid_unregister_notifier(c->set, &c->nb);
	EXPECT(ioasid_register_notifier_mm(c->mm, &c->other) == -EDEADLK);
	ioasid_unregister_notifier_mm(c->mm, &c->nb);
	ioasid_flush_work(c->id);
	ioasid_flush_work(INVALID_IOASID);
	EXPECT(ioasid_register_allocator(&c->ops) == -EDEADLK);
	ioasid_unregister_allocator(&c->ops);
}

static void legal_in_handler(struct calls *c)
{
	struct ioasid_id_info info;

	EXPECT(!ioasid_find_mm_set(c->mm));
	EXPECT(ioasid_find_set(c->id) == c->set);
	EXPECT(!ioasid_get(c->set, c->id) && !ioasid_put(c->set, c->id));
	EXPECT(!ioasid_get_as(NULL, c->id, IOASID_HOLD_CPU));
	EXPECT(!ioasid_describe(c->id, &info) && info.refs == 2 && info.spid == SPID &&
	       info.state == IOASID_STATE_ACTIVE && info.set == c->set);
	EXPECT(!ioasid_put_as(NULL, c->id, IOASID_HOLD_CPU));
	EXPECT(ioasid_get_if_owned(c->id) == -EINVAL);
	EXPECT(ioasid_find(c->set, c->id, NULL) == &calls);
	EXPECT(ioasid_find(NULL, c->id, pin_not) == NULL);
	EXPECT(ioasid_find_by_spid(c->set, SPID, false) == c->id);
	EXPECT(ioasid_find_by_spid_as(c->set, SPID, IOASID_HOLD_DEVICE) == c->id);
	EXPECT(!ioasid_put_as(c->set, c->id, IOASID_HOLD_DEVICE));
	EXPECT(ioasid_queue_work(&c->work));
}

static int calls_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct calls *c = &calls;

	c->events++;
	if (action != IOASID_NOTIFY_BIND)
		return 0;
	sets_refused(c);
	numbers_refused(c);
	registration_refused(c);
	legal_in_handler(c);
	return 0;
}

/* Nothing of what was tried has happened. */
static void check_after(struct calls *c)
{
	struct ioasid_id_info info;

	EXPECT(c->events == 2); /* ALLOC, BIND */
	EXPECT(!c->seen);
	EXPECT(!ioasid_describe(c->id, &info) && info.state == IOASID_STATE_IDLE &&
	       info.spid == SPID && info.refs == 1);
	EXPECT(ioasid_find(c->set, c->id, NULL) == &calls);
	ioasid_flush_work(c->id);
	EXPECT(c->ran == 1);
	ioasid_detach_spid(c->id);
	EXPECT(c->events == 3);
	EXPECT(ioasid_cancel_capacity(0) >= 1000);
	EXPECT(ioasid_register_notifier(c->set, &c->nb) == -EEXIST);
	EXPECT(!ioasid_register_notifier(c->set, &c->other));
	ioasid_unregister_notifier(c->set, &c->other);
}

/** handlers_refuse() - Return: NULL, or what was not as it should be. @mm: the calling process. */
static const char *handlers_refuse(struct mm_struct *mm)
{
	struct calls *c = &calls;

	c->mm = mm;
	c->nb.notifier_call = calls_event;
	c->other.notifier_call = other_event;
	c->ops.alloc = ops_alloc;
	c->ops.free = ops_free;
	/* The type of contexts' sets is none of the published ones. */
	EXPECT(ptr_err(ioasid_set_alloc(c, 0, 3)) == -EINVAL);
	c->set = ioasid_set_alloc(NULL, 10, IOASID_SET_TYPE_NULL);
	if (is_err(c->set))
		return "set";
	EXPECT(!ioasid_register_notifier(c->set, &c->nb));
	c->id = ioasid_alloc(c->set, 50, 60, c);
	EXPECT(c->id >= 50 && c->id <= 60);
	ioasid_init_work(&c->work, c->id, work_ran);
	EXPECT(!ioasid_attach_spid(c->id, SPID));
	check_after(c);
	ioasid_free(c->set, c->id);
	EXPECT(ioasid_describe(c->id, &(struct ioasid_id_info){ 0 }) == -ENOENT);
	ioasid_unregister_notifier(c->set, &c->nb);
	EXPECT(!ioasid_set_free(c->set));
	return c->failed;
}

#endif
