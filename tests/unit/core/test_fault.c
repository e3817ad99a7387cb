// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The fault queue: each group of page requests is answered exactly once, whatever happens. */
#include "fake.h"
#include "tests/unit/ut.h"

#define COOKIE 0xc00c1eULL

/* Context 0, device 0 of class 5 by default on the root, by vPASID 3 on the user table. */
struct setup {
	struct fake *fake;
	u32 root, table;
};

static void set_up(struct setup *s, u32 dev_class, u32 share)
{
	s->fake = fake_new();
	ut_assert(s->fake);
	ut_assert_eq(fake_ctx(s->fake, 0), 0);
	ut_assert_eq(fake_device_share(s->fake, 0, 0, dev_class, IOASID_INVALID, share), 0);
	ut_assert_eq(fk_bind(s->fake, 0, 0, COOKIE), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, IOASID_INVALID, &s->root), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_USER_TABLE, s->root, &s->table), 0);
	ut_assert_eq(fk_bind_table(s->fake, 0, s->table, 0x4000), 0);
	ut_assert_eq(fk_attach(s->fake, 0, s->root, 0, 0), 0);
	if (dev_class == IOASID_CLASS_PDEV_PASID)
		ut_assert_eq(fk_attach(s->fake, 0, s->table,
				       IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 3),
			     0);
	else
		ut_assert_eq(fk_attach(s->fake, 0, s->table, 0, 0), 0);
}

static void set_up_open(struct setup *s, u32 capacity)
{
	set_up(s, IOASID_CLASS_PDEV_PASID, 0);
	ut_assert_eq(fk_fault_fd(s->fake, 0, capacity), FAKE_FAULT_FD);
}

static void tear_down(struct setup *s)
{
	const char *broken = fake_free(s->fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static int take(struct setup *s, struct ioasid_fault *out, unsigned int n)
{
	return ioasid_fault_take(s->fake->ctx[0], out, n);
}

static u32 waiting(struct setup *s)
{
	struct ioasid_info info;

	ut_assert_eq(fk_info(s->fake, 0, &info), 0);
	return info.nr_faults;
}

static u64 dropped(struct setup *s)
{
	struct ioasid_info info;

	ut_assert_eq(fk_info(s->fake, 0, &info), 0);
	return info.faults_dropped;
}

/* Answer @n went to device 0: this number, group and code. */
static void assert_answer(struct setup *s, u32 n, u32 pasid, u32 group, u32 code)
{
	const struct fake_answer *a = &s->fake->answer[n];

	ut_assert(s->fake->nr_answers > n);
	ut_assert(a->dev == s->fake->dev[0]);
	ut_assert_eq(a->pasid, pasid);
	ut_assert_eq(a->group, group);
	ut_assert_eq(a->code, code);
}

/* ---- the ordinary way ------------------------------------------------------------------------- */

UT_CASE(request_and_answer)
{
	struct ioasid_fault f[2];
	struct setup s;

	set_up_open(&s, 0);
	ut_assert_eq(take(&s, f, 2), 0);
	fk_request(s.fake, 0, 3, 0x7000, 11, true);
	ut_assert(s.fake->readable);
	ut_assert_eq(waiting(&s), 1);
	ut_assert_eq(take(&s, f, 2), 1);
	ut_assert(!s.fake->readable);
	ut_assert_eq(f[0].type, IOASID_FAULT_PAGE_REQUEST);
	ut_assert_eq(f[0].flags, IOASID_FAULT_READ | IOASID_FAULT_LAST | IOASID_FAULT_VPASID |
					 IOASID_FAULT_IOASID);
	ut_assert_eq(f[0].ioasid, s.table);
	ut_assert_eq(f[0].cookie, COOKIE);
	ut_assert_eq(f[0].address, 0x7000);
	ut_assert_eq(f[0].vpasid, 3);
	ut_assert_eq(f[0].group, 11);
	ut_assert_eq(waiting(&s), 1);
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	assert_answer(&s, 0, 3, 11, IOASID_RESPONSE_SUCCESS);
	ut_assert_eq(waiting(&s), 0);
	tear_down(&s);
}

UT_CASE(late_double_unknown_answers)
{
	struct ioasid_fault f;
	struct setup s;

	set_up_open(&s, 0);
	fk_request(s.fake, 0, 3, 0x7000, 1, true);
	ut_assert_eq(take(&s, &f, 1), 1);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, 2), -EINVAL);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, ~0U), -EINVAL);
	ut_assert_eq(fk_respond(s.fake, 0, f.id + 1, IOASID_RESPONSE_SUCCESS), -ENOENT);
	ut_assert_eq(fk_respond(s.fake, 0, ~0U, IOASID_RESPONSE_SUCCESS), -ENOENT);
	ut_assert_eq(s.fake->nr_answers, 0);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, IOASID_RESPONSE_INVALID), 0);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, IOASID_RESPONSE_INVALID), -ENOENT);
	ut_assert_eq(s.fake->nr_answers, 1);
	assert_answer(&s, 0, 3, 1, IOASID_RESPONSE_INVALID);
	tear_down(&s);
}

UT_CASE(answer_before_reading)
{
	struct ioasid_fault f[2];
	struct setup s;

	set_up_open(&s, 0);
	fk_request(s.fake, 0, 3, 0x1000, 1, true);
	fk_request(s.fake, 0, 3, 0x2000, 2, true);
	ut_assert_eq(take(&s, f, 1), 1);
	/* Ids are given in order, so the unread one is known too. Its record goes with it. */
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id + 1, IOASID_RESPONSE_SUCCESS), 0);
	assert_answer(&s, 0, 3, 2, IOASID_RESPONSE_SUCCESS);
	ut_assert(!s.fake->readable);
	ut_assert_eq(take(&s, f, 2), 0);
	ut_assert_eq(waiting(&s), 1);
	tear_down(&s);
}

UT_CASE(group_of_several_requests)
{
	struct ioasid_fault f[4];
	struct setup s;

	set_up_open(&s, 0);
	fk_request(s.fake, 0, 3, 0x1000, 5, false);
	fk_request(s.fake, 0, 3, 0x2fff, 5, false);
	fk_request(s.fake, 0, 3, 0x3000, 5, true);
	ut_assert_eq(take(&s, f, 4), 3);
	ut_assert_eq(f[1].id, f[0].id);
	ut_assert_eq(f[2].id, f[0].id);
	ut_assert_eq(f[1].address, 0x2000);
	ut_assert(!(f[1].flags & IOASID_FAULT_LAST));
	ut_assert(f[2].flags & IOASID_FAULT_LAST);
	ut_assert_eq(waiting(&s), 1);
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	ut_assert_eq(s.fake->nr_answers, 1);
	/* The same group index again is another group. */
	fk_request(s.fake, 0, 3, 0x4000, 5, true);
	ut_assert_eq(take(&s, f + 3, 1), 1);
	ut_assert(f[3].id != f[0].id);
	tear_down(&s);
}

/* The answer is for the whole group: it waits for the end, and no more is asked. */
UT_CASE(answer_before_the_last_request)
{
	struct ioasid_fault f[4];
	struct setup s;

	set_up_open(&s, 0);
	fk_request(s.fake, 0, 3, 0x1000, 5, false);
	fk_request(s.fake, 0, 3, 0x2000, 6, false);
	ut_assert_eq(take(&s, f, 4), 2);
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id, IOASID_RESPONSE_INVALID), 0);
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id, IOASID_RESPONSE_SUCCESS), -ENOENT);
	ut_assert_eq(fk_respond(s.fake, 0, f[1].id, IOASID_RESPONSE_SUCCESS), 0);
	ut_assert_eq(s.fake->nr_answers, 0);
	fk_request(s.fake, 0, 3, 0x3000, 5, false);
	ut_assert_eq(take(&s, f, 4), 0);
	fk_request(s.fake, 0, 3, 0x4000, 5, true);
	assert_answer(&s, 0, 3, 5, IOASID_RESPONSE_INVALID);
	/* Nobody listens any more, and the answer is there all the same. */
	ioasid_fault_release(s.fake->ctx[0]);
	ut_assert_eq(s.fake->nr_answers, 1);
	fk_request(s.fake, 0, 3, 0x4000, 6, true);
	assert_answer(&s, 1, 3, 6, IOASID_RESPONSE_SUCCESS);
	ut_assert_eq(s.fake->dev[0]->nr_fault_groups, 0);
	ut_assert_eq(waiting(&s), 0);
	tear_down(&s);
}

UT_CASE(default_route_has_no_vpasid)
{
	struct ioasid_fault f;
	struct setup s;

	set_up(&s, IOASID_CLASS_PDEV, 0);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	fk_request(s.fake, 0, IOASID_NO_PASID, 0x9000, 2, true);
	ut_assert_eq(take(&s, &f, 1), 1);
	ut_assert(!(f.flags & IOASID_FAULT_VPASID));
	ut_assert_eq(f.ioasid, s.table);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, IOASID_RESPONSE_FAILURE), 0);
	/* A whole function may be told to stop asking. */
	assert_answer(&s, 0, IOASID_NO_PASID, 2, IOASID_RESPONSE_FAILURE);
	tear_down(&s);
}

UT_CASE(failure_never_reaches_a_shared_rid)
{
	struct ioasid_fault f;
	struct setup s;

	set_up(&s, IOASID_CLASS_SW_MDEV, 0);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	fk_request(s.fake, 0, IOASID_NO_PASID, 0x9000, 2, true);
	ut_assert_eq(take(&s, &f, 1), 1);
	ut_assert_eq(fk_respond(s.fake, 0, f.id, IOASID_RESPONSE_FAILURE), 0);
	assert_answer(&s, 0, IOASID_NO_PASID, 2, IOASID_RESPONSE_INVALID);
	tear_down(&s);
}

/* ---- nobody to ask ------------------------------------------------------------------------------ */

UT_CASE(invalid_where_nobody_listens)
{
	struct setup s;

	set_up(&s, IOASID_CLASS_PDEV_PASID, 0);
	/* No descriptor; no route; a space of the system, where every miss is final. */
	fk_request(s.fake, 0, 3, 0x1000, 1, false);
	ut_assert_eq(s.fake->nr_answers, 0);
	fk_request(s.fake, 0, 3, 0x1000, 1, true);
	assert_answer(&s, 0, 3, 1, IOASID_RESPONSE_INVALID);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	fk_request(s.fake, 0, 4, 0x1000, 2, true);
	assert_answer(&s, 1, 4, 2, IOASID_RESPONSE_INVALID);
	fk_request(s.fake, 0, IOASID_NO_PASID, 0x1000, 3, true);
	assert_answer(&s, 2, IOASID_NO_PASID, 3, IOASID_RESPONSE_INVALID);
	ut_assert_eq(waiting(&s), 0);
	tear_down(&s);
}

UT_CASE(unbound_device)
{
	struct setup s;

	set_up_open(&s, 0);
	ut_assert_eq(fake_device(s.fake, 1, 0, IOASID_CLASS_PDEV, IOASID_INVALID), 0);
	fk_request(s.fake, 1, IOASID_NO_PASID, 0, 9, true);
	ut_assert_eq(s.fake->nr_answers, 1);
	ut_assert_eq(s.fake->answer[0].code, IOASID_RESPONSE_INVALID);
	ut_assert_eq(atomic64_read(&s.fake->machine.events_lost), 0);
	fk_event(s.fake, 1, IOASID_NO_PASID, 0);
	ut_assert_eq(atomic64_read(&s.fake->machine.events_lost), 1);
	tear_down(&s);
}

/* ---- cancel ---------------------------------------------------------------------------------------- */

/* Two read, one unread, one incomplete; then something takes the route away. */
static void queue_four(struct setup *s, struct ioasid_fault *f)
{
	set_up_open(s, 0);
	fk_request(s->fake, 0, 3, 0x1000, 1, true);
	fk_request(s->fake, 0, 3, 0x2000, 2, true);
	ut_assert_eq(take(s, f, 2), 2);
	fk_request(s->fake, 0, 3, 0x3000, 3, true);
	fk_request(s->fake, 0, 3, 0x4000, 4, false);
	ut_assert_eq(waiting(s), 4);
}

static void assert_cancelled(struct setup *s, const struct ioasid_fault *f)
{
	ut_assert_eq(s->fake->nr_answers, 3);
	assert_answer(s, 0, 3, 1, IOASID_RESPONSE_INVALID);
	assert_answer(s, 1, 3, 2, IOASID_RESPONSE_INVALID);
	assert_answer(s, 2, 3, 3, IOASID_RESPONSE_INVALID);
	ut_assert(!s->fake->readable);
	ut_assert_eq(waiting(s), 0);
	if (s->fake->ctx[0])
		ut_assert_eq(fk_respond(s->fake, 0, f[0].id, IOASID_RESPONSE_SUCCESS), -ENOENT);
	/* What ends the incomplete group finds nobody. */
	fk_request(s->fake, 0, 3, 0x5000, 4, true);
	assert_answer(s, 3, 3, 4, IOASID_RESPONSE_INVALID);
}

UT_CASE(cancel_by_clear_hwid)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.table, 0, 0, 3), 0);
	assert_cancelled(&s, f);
	tear_down(&s);
}

UT_CASE(cancel_by_detach)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ut_assert_eq(fk_detach(s.fake, 0, s.table, IOASID_ATTACH_PASID), 0);
	assert_cancelled(&s, f);
	tear_down(&s);
}

UT_CASE(cancel_by_closing_the_descriptor)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ioasid_fault_release(s.fake->ctx[0]);
	assert_cancelled(&s, f);
	ut_assert_eq(take(&s, f, 1), -ENOENT);
	/* A second one starts empty. */
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	ut_assert_eq(take(&s, f, 1), 0);
	tear_down(&s);
}

UT_CASE(cancel_by_binding_none)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ut_assert_eq(fk_bind_table(s.fake, 0, s.table, ~0ULL), 0);
	ut_assert_eq(s.fake->nr_answers, 3);
	ut_assert_eq(waiting(&s), 0);
	tear_down(&s);
}

UT_CASE(rebinding_keeps_requests)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ut_assert_eq(fk_bind_table(s.fake, 0, s.table, 0x5000), 0);
	ut_assert_eq(s.fake->nr_answers, 0);
	ut_assert_eq(waiting(&s), 4);
	ut_assert_eq(fk_respond(s.fake, 0, f[1].id, IOASID_RESPONSE_SUCCESS), 0);
	assert_answer(&s, 0, 3, 2, IOASID_RESPONSE_SUCCESS);
	tear_down(&s);
}

UT_CASE(cancel_by_reset)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ut_assert_eq(fk_dev_reset(s.fake, 0), 0);
	ut_assert_eq(s.fake->nr_reset, 1);
	ut_assert_eq(s.fake->iommu[0].nr_purge, 1);
	ut_assert_eq(s.fake->nr_answers, 3);
	ut_assert_eq(waiting(&s), 0);
	/* Routes and numbers stay, and so do page requests. */
	fk_request(s.fake, 0, 3, 0x6000, 6, true);
	ut_assert_eq(waiting(&s), 1);
	tear_down(&s);
}

/* A user table at the top of the default stack, with a request that waits. */
static void queue_default(struct setup *s, struct ioasid_fault *f)
{
	set_up(s, IOASID_CLASS_PDEV, 0);
	ut_assert_eq(fk_fault_fd(s->fake, 0, 0), FAKE_FAULT_FD);
	fk_request(s->fake, 0, IOASID_NO_PASID, 0x9000, 2, true);
	ut_assert_eq(take(s, f, 1), 1);
}

UT_CASE(cancel_by_replacing_the_stack)
{
	struct ioasid_fault f;
	struct setup s;
	u32 other;

	queue_default(&s, &f);
	ut_assert_eq(fk_alloc(s.fake, 0, IOASID_KIND_KERNEL, IOASID_INVALID, &other), 0);
	s.fake->iommu[0].fail_attach = 1;
	ut_assert_eq(fk_attach(s.fake, 0, other, IOASID_ATTACH_REPLACE, 0), -ENOMEM);
	ut_assert_eq(s.fake->nr_answers, 0);
	ut_assert_eq(fk_attach(s.fake, 0, other, IOASID_ATTACH_REPLACE, 0), 0);
	assert_answer(&s, 0, IOASID_NO_PASID, 2, IOASID_RESPONSE_INVALID);
	tear_down(&s);
}

UT_CASE(cancel_by_unstacking)
{
	struct ioasid_fault f;
	struct setup s;

	queue_default(&s, &f);
	ut_assert_eq(fk_detach(s.fake, 0, s.table, 0), 0);
	assert_answer(&s, 0, IOASID_NO_PASID, 2, IOASID_RESPONSE_INVALID);
	/* What comes now meets the root, where a miss is final. */
	fk_request(s.fake, 0, IOASID_NO_PASID, 0x9000, 3, true);
	assert_answer(&s, 1, IOASID_NO_PASID, 3, IOASID_RESPONSE_INVALID);
	tear_down(&s);
}

UT_CASE(cancel_by_unbinding)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	ioasid_devfile_close(s.fake->file[0]);
	s.fake->file[0] = NULL;
	assert_cancelled(&s, f);
	tear_down(&s);
}

UT_CASE(cancel_by_removal)
{
	struct ioasid_fault f[2];
	struct setup s;
	struct ioasid_device *dev;

	queue_four(&s, f);
	dev = s.fake->dev[0];
	ioasid_device_unregister(dev);
	s.fake->dev[0] = NULL;
	ut_assert_eq(s.fake->nr_answers, 3);
	ut_assert(s.fake->answer[2].dev == dev);
	ut_assert_eq(waiting(&s), 0);
	tear_down(&s);
}

UT_CASE(cancel_by_closing_the_context)
{
	struct ioasid_fault f[2];
	struct setup s;

	queue_four(&s, f);
	fake_ctx_close(s.fake, 0);
	ut_assert_eq(s.fake->nr_answers, 3);
	assert_answer(&s, 2, 3, 3, IOASID_RESPONSE_INVALID);
	tear_down(&s);
}

UT_CASE(only_the_cleared_number_is_cancelled)
{
	struct setup s;
	u32 number = 4;

	set_up_open(&s, 0);
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.table, 0, 0, &number), 0);
	fk_request(s.fake, 0, 3, 0x1000, 1, true);
	fk_request(s.fake, 0, 4, 0x1000, 1, true);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.table, 0, 0, 3), 0);
	ut_assert_eq(s.fake->nr_answers, 1);
	assert_answer(&s, 0, 3, 1, IOASID_RESPONSE_INVALID);
	ut_assert_eq(waiting(&s), 1);
	tear_down(&s);
}

/* ---- too much ------------------------------------------------------------------------------------------ */

UT_CASE(overflow_asks_again)
{
	struct ioasid_fault f[4];
	struct setup s;
	u32 i;

	set_up_open(&s, 2);
	for (i = 0; i < 2; i++)
		fk_request(s.fake, 0, 3, 0x1000, i, true);
	ut_assert_eq(s.fake->nr_answers, 0);
	fk_request(s.fake, 0, 3, 0x1000, 2, true);
	assert_answer(&s, 0, 3, 2, IOASID_RESPONSE_SUCCESS);
	ut_assert_eq(dropped(&s), 1);
	ut_assert_eq(waiting(&s), 2);
	/* Reading makes room. */
	ut_assert_eq(take(&s, f, 4), 2);
	fk_request(s.fake, 0, 3, 0x1000, 3, true);
	ut_assert_eq(s.fake->nr_answers, 1);
	ut_assert_eq(take(&s, f, 4), 1);
	tear_down(&s);
}

UT_CASE(overflow_in_the_middle_of_a_group)
{
	struct ioasid_fault f[4];
	long live = os_alloc_live();
	struct setup s;

	set_up_open(&s, 2);
	fk_request(s.fake, 0, 3, 0x1000, 1, false);
	fk_request(s.fake, 0, 3, 0x2000, 1, false);
	fk_request(s.fake, 0, 3, 0x3000, 1, false);
	ut_assert_eq(s.fake->nr_answers, 0);
	fk_request(s.fake, 0, 3, 0x4000, 1, true);
	/* Asked as a whole or not at all: what was queued of it is gone too. */
	assert_answer(&s, 0, 3, 1, IOASID_RESPONSE_SUCCESS);
	ut_assert_eq(take(&s, f, 4), 0);
	ut_assert_eq(waiting(&s), 0);
	ut_assert(!s.fake->readable);
	tear_down(&s);
	ut_assert_eq(os_alloc_live(), live);
}

UT_CASE(share_of_a_device)
{
	struct ioasid_fault f[4];
	struct setup s;

	set_up(&s, IOASID_CLASS_PDEV_PASID, 2);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	fk_request(s.fake, 0, 3, 0x1000, 1, true);
	fk_request(s.fake, 0, 3, 0x1000, 2, false);
	fk_request(s.fake, 0, 3, 0x1000, 3, true);
	assert_answer(&s, 0, 3, 3, IOASID_RESPONSE_SUCCESS);
	/* Another device's share is its own. */
	ut_assert_eq(fake_device(s.fake, 1, 0, IOASID_CLASS_PDEV_PASID, IOASID_INVALID), 0);
	ut_assert_eq(fk_bind(s.fake, 1, 0, COOKIE + 1), 0);
	ut_assert_eq(fk_attach(s.fake, 1, s.table, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 3),
		     0);
	fk_request(s.fake, 1, 3, 0x1000, 1, true);
	ut_assert_eq(waiting(&s), 3);
	ut_assert_eq(take(&s, f, 4), 3);
	ut_assert_eq(f[2].cookie, COOKIE + 1);
	/* An answer gives the share back; also the second part of group 2 counts once. */
	ut_assert_eq(fk_respond(s.fake, 0, f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	fk_request(s.fake, 0, 3, 0x1000, 2, true);
	fk_request(s.fake, 0, 3, 0x1000, 4, true);
	ut_assert_eq(s.fake->nr_answers, 2);
	fk_request(s.fake, 0, 3, 0x1000, 5, true);
	ut_assert_eq(s.fake->nr_answers, 3);
	tear_down(&s);
}

UT_CASE(events)
{
	struct ioasid_fault f[4];
	struct setup s;
	u32 i;

	set_up(&s, IOASID_CLASS_PDEV_PASID, 0);
	fk_event(s.fake, 0, 3, 0x1234);
	ut_assert_eq(dropped(&s), 1);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 3), FAKE_FAULT_FD);
	fk_event(s.fake, 0, 3, 0x1234);
	fk_event(s.fake, 0, 9, 0x5678);
	fk_event(s.fake, 0, IOASID_NO_PASID, 0x9abc);
	for (i = 0; i < 10; i++)
		fk_event(s.fake, 0, 3, 0);
	ut_assert_eq(dropped(&s), 11);
	ut_assert_eq(take(&s, f, 4), 3);
	ut_assert_eq(f[0].type, IOASID_FAULT_EVENT);
	ut_assert_eq(f[0].flags, IOASID_FAULT_WRITE | IOASID_FAULT_VPASID | IOASID_FAULT_IOASID);
	ut_assert_eq(f[0].ioasid, s.table);
	ut_assert_eq(f[0].vpasid, 3);
	ut_assert_eq(f[0].address, 0x1234);
	ut_assert_eq(f[0].reason, IOASID_REASON_NOT_PRESENT);
	ut_assert_eq(f[0].arch_reason, 7);
	/* On a whole function an unknown number is still the guest's own. */
	ut_assert_eq(f[1].flags, IOASID_FAULT_WRITE | IOASID_FAULT_VPASID);
	ut_assert_eq(f[1].ioasid, IOASID_INVALID);
	ut_assert_eq(f[1].vpasid, 9);
	ut_assert_eq(f[2].flags, IOASID_FAULT_WRITE | IOASID_FAULT_IOASID);
	ut_assert_eq(f[2].ioasid, s.root);
	ut_assert_eq(waiting(&s), 0);
	ut_assert_eq(s.fake->nr_answers, 0);
	tear_down(&s);
}

/* A device that floods the queue with events keeps neither requests nor other devices out. */
UT_CASE(share_of_the_queue)
{
	struct ioasid_fault f[8];
	struct setup s;
	u32 i;

	set_up_open(&s, 64);
	ut_assert_eq(fake_device(s.fake, 1, 0, IOASID_CLASS_PDEV, IOASID_INVALID), 0);
	ut_assert_eq(fk_bind(s.fake, 1, 0, COOKIE + 1), 0);
	for (i = 0; i < 20; i++)
		fk_event(s.fake, 0, 3, i);
	ut_assert_eq(dropped(&s), 4);
	for (i = 0; i < 20; i++)
		fk_request(s.fake, 0, 3, 0x1000, i, true);
	ut_assert_eq(s.fake->nr_answers, 4);
	ut_assert_eq(waiting(&s), 16);
	for (i = 0; i < 20; i++)
		fk_event(s.fake, 1, IOASID_NO_PASID, i);
	ut_assert_eq(dropped(&s), 12);
	/* What was reported stays readable when its device leaves. */
	fake_device_remove(s.fake, 1);
	ut_assert_eq(take(&s, f, 8), 8);
	for (i = 0; i < 5; i++)
		ut_assert_eq(take(&s, f, 8), 8);
	ut_assert_eq(f[7].cookie, COOKIE + 1);
	ut_assert_eq(take(&s, f, 8), 0);
	tear_down(&s);
}

UT_CASE(one_descriptor_at_a_time)
{
	struct setup s;

	set_up(&s, IOASID_CLASS_PDEV_PASID, 0);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 65537), -EINVAL);
	s.fake->fault_fd_rc = -EMFILE;
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), -EMFILE);
	s.fake->fault_fd_rc = 0;
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), -EBUSY);
	ioasid_fault_release(s.fake->ctx[0]);
	ioasid_fault_release(s.fake->ctx[0]);
	ut_assert_eq(fk_fault_fd(s.fake, 0, 0), FAKE_FAULT_FD);
	tear_down(&s);
}

/* Without memory a request is as good as lost to a full queue: the device asks again. */
UT_CASE(reports_without_memory)
{
	struct ioasid_fault f[4];
	unsigned long nth;
	struct setup s;

	set_up_open(&s, 0);
	for (nth = 1; nth < 20; nth++) {
		u32 before = s.fake->nr_answers;

		os_alloc_fail_nth(nth);
		fk_request(s.fake, 0, 3, 0x1000, (u32)nth, true);
		os_alloc_fail_nth(0);
		if (s.fake->nr_answers == before)
			break;
		assert_answer(&s, before, 3, (u32)nth, IOASID_RESPONSE_SUCCESS);
		ut_assert_eq(waiting(&s), 0);
		ut_assert_eq(dropped(&s), nth);
	}
	ut_assert(nth > 2 && nth < 20);
	ut_assert_eq(take(&s, f, 4), 1);
	ut_assert_eq(f[0].group, nth);
	os_alloc_fail_nth(1);
	fk_event(s.fake, 0, 3, 0x1000);
	os_alloc_fail_nth(0);
	ut_assert_eq(dropped(&s), nth);
	tear_down(&s);
}

UT_SUITE(core_fault, UT_ENTRY(request_and_answer), UT_ENTRY(late_double_unknown_answers),
	 UT_ENTRY(answer_before_reading), UT_ENTRY(group_of_several_requests),
	 UT_ENTRY(answer_before_the_last_request), UT_ENTRY(default_route_has_no_vpasid),
	 UT_ENTRY(failure_never_reaches_a_shared_rid), UT_ENTRY(invalid_where_nobody_listens),
	 UT_ENTRY(unbound_device), UT_ENTRY(cancel_by_clear_hwid), UT_ENTRY(cancel_by_detach),
	 UT_ENTRY(cancel_by_closing_the_descriptor), UT_ENTRY(cancel_by_binding_none),
	 UT_ENTRY(rebinding_keeps_requests), UT_ENTRY(cancel_by_reset),
	 UT_ENTRY(cancel_by_replacing_the_stack), UT_ENTRY(cancel_by_unstacking),
	 UT_ENTRY(cancel_by_unbinding), UT_ENTRY(cancel_by_removal),
	 UT_ENTRY(cancel_by_closing_the_context), UT_ENTRY(only_the_cleared_number_is_cancelled),
	 UT_ENTRY(overflow_asks_again), UT_ENTRY(overflow_in_the_middle_of_a_group),
	 UT_ENTRY(share_of_a_device), UT_ENTRY(events), UT_ENTRY(share_of_the_queue),
	 UT_ENTRY(one_descriptor_at_a_time), UT_ENTRY(reports_without_memory));
