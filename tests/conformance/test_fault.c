// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The fault descriptor: events, page requests, responses, and everything that ends them. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE  GUEST_PAGE
#define VA    0x7f0012345000ULL
#define PASID 17

struct nested {
	uint32_t gpa, user;
	uint64_t root;
	int fd;
};

/* Device 0 reaches an empty user table by PASID; the fault descriptor is open. */
static struct nested nested_with_faults(struct fx *fx, unsigned int capacity)
{
	struct ioasid_dev *dev = fx_bind(fx, 0);
	struct nested n;

	n.gpa = fx_gpa_space(fx);
	n.root = guest_table_new(&fx->g);
	n.user = fx_user(fx, n.gpa, n.root);
	assert_int_equal(ioasid_dev_attach_pasid(dev, n.user, PASID, 0), 0);
	n.fd = ioasid_fault_open(fx->ctx[0], capacity);
	assert_true(n.fd >= 0);
	return n;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static struct ioasid_info info_of(struct fx *fx)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(fx->ctx[0], NULL, 0, &info), 0);
	return info;
}

/* On real hardware a request travels through a queue in memory: give it the time. */
static void expect_pending(struct fx *fx, uint32_t nr)
{
	uint64_t i, limit = fx_patience(2000);

	for (i = 0; i < limit && info_of(fx).nr_faults != nr; i++)
		usleep(1000);
	assert_int_equal(info_of(fx).nr_faults, nr);
}

static void give_page(struct fx *fx, struct nested *n, uint64_t va, size_t page)
{
	guest_map(&fx->g, n->root, 4, va, guest_data_gpa(&fx->g, page), PTE_U | PTE_W, 1);
}

static int request(struct fx *fx, unsigned int slot, uint64_t va, uint32_t group, bool last)
{
	return fx->env.home->page_request(fx->hw[slot], PASID, va, true, group, last);
}

/* ---- the descriptor ---------------------------------------------------------------------------- */

static void there_is_one_descriptor_at_a_time(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault fault;
	int fd;

	assert_int_equal(ioasid_fault_read(fx->ctx[0], &fault, 1), -ENOENT);
	assert_int_equal(ioasid_fault_close(fx->ctx[0]), -ENOENT);
	fd = ioasid_fault_open(fx->ctx[0], 0);
	assert_true(fd >= 0);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_fault_open(fx->ctx[0], 0));
	assert_false(readable(fd));
	fx_fault_none(fx);
	assert_int_equal(ioasid_fault_close(fx->ctx[0]), 0);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_fault_open(fx->ctx[0], 0xffffffff));
	fd = ioasid_fault_open(fx->ctx[0], 1);
	assert_true(fd >= 0);
	/* The close of the context ends it as well. */
}

static void a_raw_fault_fd_command_serves_the_library_calls(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault_fd args = { .argsz = sizeof(args), .fd = -1 };

	assert_int_equal(ioasid_command(fx->ctx[0], IOASID_FAULT_FD, &args), 0);
	assert_true(args.fd >= 0);
	fx_fault_none(fx);
	assert_int_equal(ioasid_fault_close(fx->ctx[0]), 0);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_fault_close(fx->ctx[0]));
}

/* ---- events ------------------------------------------------------------------------------------- */

static void expect_event(struct fx *fx, uint32_t reason, uint32_t flags, uint64_t address,
			 uint32_t ioasid, uint32_t vpasid)
{
	struct ioasid_fault f = fx_fault_wait(fx);

	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.reason, reason);
	assert_int_equal(f.flags, flags);
	assert_int_equal(f.address & ~(PAGE - 1), address & ~(PAGE - 1));
	assert_int_equal(f.cookie, FX_COOKIE(0));
	assert_int_equal(f.ioasid, ioasid);
	assert_int_equal(f.vpasid, vpasid);
	assert_int_equal(f.__reserved, 0);
}

static void blocked_accesses_are_events_that_say_who_where_and_why(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *dev = fx_bind(fx, 0);
	uint32_t a = fx_kernel(fx), b = fx_kernel(fx);
	uint64_t value = 0;
	struct conf_dma dma = { CONF_REQ(CONF_READ, 0x5000, CONF_RID, &value, 8) };
	int fd = ioasid_fault_open(fx->ctx[0], 0);

	assert_true(fd >= 0);
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	expect_event(fx, IOASID_REASON_NO_ROUTE, IOASID_FAULT_READ, 0x5000, IOASID_INVALID, 0);
	assert_int_equal(ioasid_dev_attach(dev, a, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(dev, b, 33, 0), 0);
	dma.op = CONF_WRITE;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_true(readable(fd));
	expect_event(fx, IOASID_REASON_NOT_PRESENT, IOASID_FAULT_WRITE | IOASID_FAULT_IOASID,
		     0x5000, a, 0);
	assert_false(readable(fd));
	dma.pasid = 33;
	dma.op = CONF_READ;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	expect_event(fx, IOASID_REASON_NOT_PRESENT,
		     IOASID_FAULT_READ | IOASID_FAULT_IOASID | IOASID_FAULT_VPASID, 0x5000, b, 33);
	dma.pasid = 34;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	expect_event(fx, IOASID_REASON_NO_ROUTE, IOASID_FAULT_READ | IOASID_FAULT_VPASID, 0x5000,
		     IOASID_INVALID, 34);
	/* A probe leaves no record. */
	dma.no_report = true;
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	fx_fault_none(fx);
}

static void a_stage_2_miss_is_an_event_with_the_guest_physical_address(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	uint64_t value = 0, hole = 0x7f00000000ULL;
	struct conf_dma dma = { CONF_REQ(CONF_READ, VA, PASID, &value, 8) };
	struct fx_async a;
	struct ioasid_fault f;

	guest_map(&fx->g, n.root, 4, VA, hole, PTE_U | PTE_W, 1);
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.reason, IOASID_REASON_STAGE2);
	assert_true(f.flags & IOASID_FAULT_GPA);
	assert_int_equal(f.gpa & ~(PAGE - 1), hole);
	assert_int_equal(f.ioasid, n.user);
	assert_int_equal(f.vpasid, PASID);
	/* Never a page request to the guest, even if the device would ask. */
	fx_async_start(fx, &a, 0, CONF_READ, PASID, VA);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(info_of(fx).nr_faults, 0);
}

static void lost_events_are_counted(void **state)
{
	struct fx *fx = *state;
	uint64_t value = 0, before;
	struct conf_dma dma = { CONF_REQ(CONF_READ, 0x5000, CONF_RID, &value, 8) };
	struct ioasid_fault records[8];
	int fd, i;

	fx_bind(fx, 0);
	before = info_of(fx).faults_dropped;
	fd = ioasid_fault_open(fx->ctx[0], 3);
	assert_true(fd >= 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_int_equal(info_of(fx).faults_dropped - before, 2);
	assert_int_equal(ioasid_fault_read(fx->ctx[0], records, 8), 3);
	assert_false(readable(fd));
	assert_int_equal(fx_dma(fx, 0, &dma), -EFAULT);
	assert_true(readable(fd));
	assert_int_equal(ioasid_fault_read(fx->ctx[0], records, 8), 1);
}

/* ---- page requests ----------------------------------------------------------------------------------- */

static void a_page_request_is_answered_and_the_dma_completes(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;

	fx_async_start(fx, &a, 0, CONF_WRITE, PASID, VA + 0x18);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f.address, VA);
	assert_int_equal(f.cookie, FX_COOKIE(0));
	assert_int_equal(f.ioasid, n.user);
	assert_int_equal(f.vpasid, PASID);
	assert_true(f.flags & IOASID_FAULT_VPASID);
	assert_true(f.flags & IOASID_FAULT_LAST);
	assert_true(f.flags & IOASID_FAULT_WRITE);
	assert_int_equal(info_of(fx).nr_faults, 1);
	give_page(fx, &n, VA, 5);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_page_response(fx->ctx[0], f.id, 7));
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
	memcpy(fx->g.shadow + 5 * PAGE + 0x18, &a.data, 8);
	fx_dma_lands(fx, 0, PASID, VA, 5);
	/* Late or double. */
	EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f.id, 0));
	EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f.id + 1000, 0));
	assert_int_equal(info_of(fx).nr_faults, 0);
}

static void an_invalid_response_ends_the_access(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;

	fx_async_start(fx, &a, 0, CONF_READ, PASID, VA);
	f = fx_fault_wait(fx);
	assert_true(f.flags & IOASID_FAULT_READ);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_INVALID), 0);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	(void)n;
}

static void success_is_only_a_hint_and_the_device_asks_again(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;
	int i;

	fx_async_start(fx, &a, 0, CONF_READ, PASID, VA);
	for (i = 0; i < 3; i++) {
		f = fx_fault_wait(fx);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS),
				 0);
	}
	f = fx_fault_wait(fx);
	give_page(fx, &n, VA, 2);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
	assert_memory_equal(&a.data, fx->g.shadow + 2 * PAGE, 8);
}

static void a_write_to_a_read_only_page_is_a_page_request(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;

	guest_map(&fx->g, n.root, 4, VA, guest_data_gpa(&fx->g, 2), PTE_U, 1);
	fx_async_start(fx, &a, 0, CONF_WRITE, PASID, VA);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_true(f.flags & IOASID_FAULT_WRITE);
	/* Copy on write: another page, writable. */
	give_page(fx, &n, VA, 3);
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], n.user, VA, PAGE, true), 0);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
	memcpy(fx->g.shadow + 3 * PAGE, &a.data, 8);
	fx_dma_lands(fx, 0, PASID, VA + 0, 3);
}

/* Records come one by one, or in whole groups: the home says which, and must keep to it. */
static void a_group_is_answered_once_after_its_last_request(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f[3];
	unsigned int i, early = fx->env.home->whole_groups ? 0 : 2;
	uint32_t group, code;

	assert_int_equal(request(fx, 0, VA, 9, false), 0);
	assert_int_equal(request(fx, 0, VA + PAGE, 9, false), 0);
	for (i = 0; i < early; i++)
		f[i] = fx_fault_wait(fx);
	fx_fault_none(fx);
	assert_int_equal(request(fx, 0, VA + 2 * PAGE, 9, true), 0);
	for (; i < 3; i++)
		f[i] = fx_fault_wait(fx);
	fx_fault_none(fx);
	for (i = 0; i < 3; i++) {
		assert_int_equal(f[i].type, IOASID_FAULT_PAGE_REQUEST);
		assert_int_equal(f[i].id, f[0].id);
		assert_int_equal(f[i].group, 9);
		assert_int_equal(!!(f[i].flags & IOASID_FAULT_LAST), i == 2);
	}
	/* The order of those before the last says nothing. */
	assert_int_equal(f[2].address, VA + 2 * PAGE);
	assert_int_equal(f[0].address ^ f[1].address, VA ^ (VA + PAGE));
	assert_true(f[0].address == VA || f[0].address == VA + PAGE);
	assert_int_equal(info_of(fx).nr_faults, 1);
	assert_false(fx->env.home->response(fx->hw[0], &group, &code));
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	fx_answered(fx, 0, 9, IOASID_RESPONSE_SUCCESS);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f[0].id, 0));
	(void)n;
}

/* Where records come one by one the user may answer early: that is kept for the group. */
static void no_answer_goes_out_before_the_last_request(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	bool early = !fx->env.home->whole_groups;
	uint32_t group, code;
	struct ioasid_fault f;

	assert_int_equal(request(fx, 0, VA, 9, false), 0);
	if (early) {
		f = fx_fault_wait(fx);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS),
				 0);
		EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f.id, 0));
	}
	usleep(1000);
	fx_fault_none(fx);
	assert_false(fx->env.home->response(fx->hw[0], &group, &code));
	assert_int_equal(request(fx, 0, VA + PAGE, 9, true), 0);
	if (!early) {
		f = fx_fault_wait(fx);
		assert_int_equal(f.address, VA);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS),
				 0);
	}
	fx_answered(fx, 0, 9, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(info_of(fx).nr_faults, 0);
	(void)n;
}

static void groups_are_answered_in_any_order(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f[4];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(request(fx, 0, VA + i * PAGE, 10 + i, true), 0);
		f[i] = fx_fault_wait(fx);
		assert_int_equal(f[i].group, 10 + i);
	}
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[2].id, IOASID_RESPONSE_INVALID), 0);
	fx_answered(fx, 0, 12, IOASID_RESPONSE_INVALID);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	fx_answered(fx, 0, 10, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(info_of(fx).nr_faults, 2);
	(void)n;
}

static void a_thousand_faults_over_two_functions(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 2000);
	static struct ioasid_fault records[1024];
	struct ioasid_dev *d1 = fx_bind(fx, 1);
	uint32_t i;

	assert_int_equal(ioasid_dev_attach_pasid(d1, n.user, PASID, 0), 0);
	for (i = 0; i < 512; i++) {
		assert_int_equal(request(fx, 0, VA + i * PAGE, i, true), 0);
		assert_int_equal(request(fx, 1, VA + i * PAGE, i, true), 0);
	}
	expect_pending(fx, 1024);
	/* A 513th waits in the device: no credit, and no index to name it by. */
	assert_int_not_equal(request(fx, 0, VA, 3, true), 0);
	expect_pending(fx, 1024);
	assert_int_equal(ioasid_fault_read(fx->ctx[0], records, 1024), 1024);
	for (i = 1024; i-- > 0;)
		assert_int_equal(ioasid_page_response(fx->ctx[0], records[i].id, 0), 0);
	for (i = 0; i < 1024; i++) {
		unsigned int slot = records[1023 - i].cookie == FX_COOKIE(1);

		fx_answered(fx, slot, records[1023 - i].group, IOASID_RESPONSE_SUCCESS);
	}
	assert_int_equal(request(fx, 0, VA, 3, true), 0);
	expect_pending(fx, 1);
}

static void a_device_keeps_to_its_page_request_capacity(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct conf_dev_spec spec = {
		.name = "dev2",
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.ats = true,
		.pri = true,
		.group = IOASID_INVALID,
		.pri_capacity = 8,
	};
	struct ioasid_fault f;
	uint32_t i;

	fx_plug(fx, 2, &spec);
	assert_int_equal(ioasid_dev_attach_pasid(fx_bind(fx, 2), n.user, PASID, 0), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(request(fx, 2, VA + i * PAGE, i, true), 0);
	assert_int_equal(request(fx, 2, VA, 8, true), -ENOSPC);
	f = fx_fault_wait(fx);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	fx_answered(fx, 2, f.group, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(request(fx, 2, VA, 8, true), 0);
	expect_pending(fx, 8);
}

static void overflow_is_answered_success_and_counted(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 4);
	uint64_t before = info_of(fx).faults_dropped;
	struct ioasid_fault records[8];
	uint32_t i;

	for (i = 0; i < 6; i++)
		assert_int_equal(request(fx, 0, VA + i * PAGE, i, true), 0);
	fx_answered(fx, 0, 4, IOASID_RESPONSE_SUCCESS);
	fx_answered(fx, 0, 5, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(info_of(fx).faults_dropped - before, 2);
	assert_int_equal(ioasid_fault_read(fx->ctx[0], records, 8), 4);
	expect_pending(fx, 4);
	(void)n;
}

static void without_listener_page_requests_are_invalid(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct fx_async a;

	assert_int_equal(ioasid_fault_close(fx->ctx[0]), 0);
	fx_async_start(fx, &a, 0, CONF_READ, PASID, VA);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	assert_int_equal(request(fx, 0, VA, 1, true), 0);
	fx_answered(fx, 0, 1, IOASID_RESPONSE_INVALID);
	(void)n;
}

static void page_requests_on_what_is_not_a_user_table_are_invalid(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	uint32_t kernel = fx_kernel(fx);
	struct fx_async a;

	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[0], kernel, 40, 0), 0);
	fx_async_start(fx, &a, 0, CONF_READ, 40, 0x1000);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	fx_async_start(fx, &a, 0, CONF_READ, 41, VA);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	assert_int_equal(info_of(fx).nr_faults, 0);
	(void)n;
}

static void the_default_route_raises_page_requests_without_number(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;

	assert_int_equal(ioasid_dev_attach(fx->dev[0], n.user, 0), 0);
	fx_async_start(fx, &a, 0, CONF_READ, CONF_RID, VA);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, 0);
	assert_int_equal(f.ioasid, n.user);
	give_page(fx, &n, VA, 2);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
}

static void failure_reaches_a_function_of_its_own(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;

	assert_int_equal(request(fx, 0, VA, 77, true), 0);
	f = fx_fault_wait(fx);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_FAILURE), 0);
	fx_answered(fx, 0, 77, IOASID_RESPONSE_FAILURE);
	(void)n;
}

/* ---- what ends a page request ---------------------------------------------------------------------------- */

/* @reset: the device is reset on the way; it may not remember its answers then. */
static void cancelled_by(void **state, int (*end)(struct fx *fx, struct nested *n), bool reset)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_fault f;
	struct fx_async a;
	int rc;

	assert_int_equal(request(fx, 0, VA + PAGE, 200, true), 0);
	f = fx_fault_wait(fx);
	fx_async_start(fx, &a, 0, CONF_READ, PASID, VA);
	fx_fault_wait(fx);
	rc = end(fx, &n);
	assert_int_equal(fx_async_join(&a), -EFAULT);
	assert_int_equal(rc, 0);
	if (!reset || !fx->env.home->reset_forgets)
		fx_answered(fx, 0, 200, IOASID_RESPONSE_INVALID);
	if (fx->ctx[0]) {
		EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f.id, 0));
		assert_int_equal(info_of(fx).nr_faults, 0);
	}
}

static int end_close_descriptor(struct fx *fx, struct nested *n)
{
	(void)n;
	return ioasid_fault_close(fx->ctx[0]);
}

static int end_detach(struct fx *fx, struct nested *n)
{
	return ioasid_dev_detach_pasid(fx->dev[0], n->user);
}

static int end_clear(struct fx *fx, struct nested *n)
{
	return ioasid_clear_hwid(fx->ctx[0], n->user, PASID);
}

static int end_bind_none(struct fx *fx, struct nested *n)
{
	return ioasid_bind_pgtable(fx->ctx[0], n->user, NULL);
}

static int end_reset(struct fx *fx, struct nested *n)
{
	(void)n;
	return ioasid_dev_reset(fx->dev[0]);
}

static int end_close_device(struct fx *fx, struct nested *n)
{
	(void)n;
	fx_dev_close(fx, 0);
	return 0;
}

static int end_close_context(struct fx *fx, struct nested *n)
{
	(void)n;
	fx_close(fx, 0);
	return 0;
}

static void closing_the_descriptor_answers_invalid(void **state)
{
	cancelled_by(state, end_close_descriptor, false);
}

static void detach_answers_invalid(void **state)
{
	cancelled_by(state, end_detach, false);
}

static void clear_hwid_answers_invalid(void **state)
{
	cancelled_by(state, end_clear, false);
}

static void binding_none_answers_invalid(void **state)
{
	cancelled_by(state, end_bind_none, false);
}

static void reset_answers_invalid(void **state)
{
	cancelled_by(state, end_reset, true);
}

static void closing_the_device_answers_invalid(void **state)
{
	cancelled_by(state, end_close_device, true);
}

static void closing_the_context_answers_invalid(void **state)
{
	cancelled_by(state, end_close_context, true);
}

static void rebinding_keeps_requests_pending_and_success_uses_the_new_root(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid_table second = fx_table(guest_table_new(&fx->g));
	struct ioasid_fault f;
	struct fx_async a;

	fx_async_start(fx, &a, 0, CONF_WRITE, PASID, VA);
	f = fx_fault_wait(fx);
	guest_map(&fx->g, second.address, 4, VA, guest_data_gpa(&fx->g, 9), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &second), 0);
	assert_int_equal(info_of(fx).nr_faults, 1);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
	memcpy(fx->g.shadow + 9 * PAGE, &a.data, 8);
	fx_dma_lands(fx, 0, PASID, VA, 9);
}

static void nothing_waits_for_a_page_response(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid *ctx = fx->ctx[0];
	struct ioasid_dev *d1;
	struct ioasid_fault f;
	struct fx_async a;
	uint32_t other, child;

	/* Whatever a guest may do to resolve the fault must not wait for the resolution. */
	alarm((unsigned int)fx_patience(20));
	fx_async_start(fx, &a, 0, CONF_WRITE, PASID, VA);
	f = fx_fault_wait(fx);
	other = fx_kernel(fx);
	child = fx_child(fx, n.gpa);
	assert_int_equal(ioasid_map(ctx, child, 0, FX_GPA, PAGE, FX_RW), 0);
	fx_map_page(fx, n.gpa, 0x40000000, 1);
	assert_int_equal(ioasid_unmap(ctx, n.gpa, 0x40000000, PAGE, NULL), 0);
	assert_int_equal(ioasid_invalidate(ctx, n.user), 0);
	assert_int_equal(ioasid_dev_attach(fx->dev[0], n.gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(fx->dev[0], child, 0), 0);
	assert_int_equal(ioasid_set_hwid(ctx, n.user, 99), 0);
	assert_int_equal(ioasid_clear_hwid(ctx, n.user, 99), 0);
	d1 = fx_bind(fx, 1);
	assert_int_equal(ioasid_dev_attach_pasid(d1, n.user, PASID, 0), 0);
	fx_dev_close(fx, 1);
	assert_int_equal(ioasid_ioas_free(ctx, other), 0);
	assert_false(__atomic_load_n(&a.done, __ATOMIC_ACQUIRE));
	give_page(fx, &n, VA, 7);
	assert_int_equal(ioasid_page_response(ctx, f.id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&a), 0);
	memcpy(fx->g.shadow + 7 * PAGE, &a.data, 8);
	fx_dma_lands(fx, 0, PASID, VA, 7);
	alarm(0);
}

static void responses_of_another_context_are_ENOENT(void **state)
{
	struct fx *fx = *state;
	struct nested n = nested_with_faults(fx, 0);
	struct ioasid *other = fx_open(fx, 1);
	struct ioasid_fault f;

	assert_int_equal(request(fx, 0, VA, 5, true), 0);
	f = fx_fault_wait(fx);
	assert_int_equal(ioasid_page_response(other, f.id, IOASID_RESPONSE_SUCCESS), -ENOENT);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS), 0);
	(void)n;
}

static const struct conf_test tests[] = {
	CONF_TEST(there_is_one_descriptor_at_a_time, NEEDS_DEFAULTS),
	CONF_TEST(a_raw_fault_fd_command_serves_the_library_calls, NEEDS_DEFAULTS),
	CONF_TEST(blocked_accesses_are_events_that_say_who_where_and_why, 0),
	CONF_TEST(a_stage_2_miss_is_an_event_with_the_guest_physical_address, NEEDS_NESTING),
	CONF_TEST(lost_events_are_counted, NEEDS_DEFAULTS),
	CONF_TEST(a_page_request_is_answered_and_the_dma_completes, NEEDS_NESTING),
	CONF_TEST(an_invalid_response_ends_the_access, NEEDS_NESTING),
	CONF_TEST(success_is_only_a_hint_and_the_device_asks_again, NEEDS_NESTING),
	CONF_TEST(a_write_to_a_read_only_page_is_a_page_request, NEEDS_NESTING),
	CONF_TEST(a_group_is_answered_once_after_its_last_request, NEEDS_NESTING),
	CONF_TEST(no_answer_goes_out_before_the_last_request, NEEDS_NESTING),
	CONF_TEST(groups_are_answered_in_any_order, NEEDS_NESTING),
	CONF_TEST(a_thousand_faults_over_two_functions, NEEDS_NESTING),
	CONF_TEST(a_device_keeps_to_its_page_request_capacity, NEEDS_NESTING),
	CONF_TEST(overflow_is_answered_success_and_counted, NEEDS_NESTING),
	CONF_TEST(without_listener_page_requests_are_invalid, NEEDS_NESTING),
	CONF_TEST(page_requests_on_what_is_not_a_user_table_are_invalid, NEEDS_NESTING),
	CONF_TEST(the_default_route_raises_page_requests_without_number, NEEDS_NESTING),
	CONF_TEST(failure_reaches_a_function_of_its_own, NEEDS_NESTING),
	CONF_TEST(closing_the_descriptor_answers_invalid, NEEDS_NESTING),
	CONF_TEST(detach_answers_invalid, NEEDS_NESTING),
	CONF_TEST(clear_hwid_answers_invalid, NEEDS_NESTING),
	CONF_TEST(binding_none_answers_invalid, NEEDS_NESTING),
	CONF_TEST(reset_answers_invalid, NEEDS_NESTING),
	CONF_TEST(closing_the_device_answers_invalid, NEEDS_NESTING),
	CONF_TEST(closing_the_context_answers_invalid, NEEDS_NESTING),
	CONF_TEST(rebinding_keeps_requests_pending_and_success_uses_the_new_root, NEEDS_NESTING),
	CONF_TEST(nothing_waits_for_a_page_response, NEEDS_NESTING),
	CONF_TEST(responses_of_another_context_are_ENOENT, NEEDS_NESTING),
};
CONF_SUITE(suite_fault, "fault", tests);
