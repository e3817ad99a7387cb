// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Page requests: asking, waiting, answers of all kinds, and no answer at all. */
#include "rig.h"

#define USER (G_P | G_W | G_U)
#define VA   0x400000ULL

static const struct rig_config pri_config = {
	.dev_flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
};

/* A request that waits in a thread of its own. */
struct asker {
	pthread_t thread;
	struct ioasid_hostdev *dev;
	struct ioasid_dma dma;
	uint64_t value;
	int rc;
};

static void *asker_run(void *arg)
{
	struct asker *a = arg;

	a->rc = ioasid_dma_write(a->dev, &a->dma, &a->value, sizeof(a->value));
	return NULL;
}

static void asker_start(struct asker *a, struct ioasid_hostdev *dev, uint64_t va)
{
	*a = (struct asker){ .dev = dev, .dma = by_pasid(7, va), .value = va };
	a->dma.flags |= IOASID_DMA_PAGE_REQUEST;
	assert_int_equal(pthread_create(&a->thread, NULL, asker_run, a), 0);
}

static int asker_end(struct asker *a)
{
	pthread_join(a->thread, NULL);
	return a->rc;
}

static uint32_t process(struct rig *rig, uint64_t *root)
{
	*root = guest_page(rig);
	/* The tables are there, the pages are not. */
	guest_pte(rig, *root, VA, 0);
	return guest_process(rig, *root, 7, 0);
}

static void a_page_is_brought_in(void **state)
{
	struct ioasid_fault f;
	uint64_t root, gpa;
	uint32_t ioasid;
	struct asker a;
	struct rig rig;

	(void)state;
	rig_make(&rig, &pri_config);
	ioasid = process(&rig, &root);
	asker_start(&a, rig.dev[0], VA + 0x128);
	f = next_event(&rig);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f.flags, IOASID_FAULT_VPASID | IOASID_FAULT_LAST | IOASID_FAULT_WRITE |
					  IOASID_FAULT_IOASID);
	assert_int_equal(f.address, VA);
	assert_int_equal(f.vpasid, 7);
	assert_int_equal(f.ioasid, ioasid);
	gpa = guest_map(&rig, root, VA, USER);
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS));
	assert_int_equal(asker_end(&a), 0);
	assert_int_equal(a.dma.page_requests, 1);
	assert_int_equal(*(uint64_t *)(rig.ram + gpa + 0x128), VA + 0x128);
	refused(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS), ENOENT);
	/* Copy on write: there, but not for writing. */
	*guest_pte(&rig, root, VA, 0) = gpa | G_P | G_U;
	ok(ioasid_invalidate_range(rig.ctx, ioasid, VA, PAGE, true));
	asker_start(&a, rig.dev[0], VA);
	f = next_event(&rig);
	*guest_pte(&rig, root, VA, 0) = gpa | USER;
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS));
	assert_int_equal(asker_end(&a), 0);
	no_event(&rig);
	rig_free(&rig);
}

static void refusal_ends_the_request_quietly(void **state)
{
	struct ioasid_fault f;
	uint64_t root;
	struct asker a;
	struct rig rig;

	(void)state;
	rig_make(&rig, &pri_config);
	process(&rig, &root);
	asker_start(&a, rig.dev[0], VA);
	f = next_event(&rig);
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_INVALID));
	assert_int_equal(asker_end(&a), -EFAULT);
	assert_int_equal(a.dma.reason, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(a.dma.fault_addr, VA);
	no_event(&rig);
	/* What no page could mend is not asked for. */
	asker_start(&a, rig.dev[0], 1ULL << 47);
	assert_int_equal(asker_end(&a), -EFAULT);
	assert_int_equal(next_event(&rig).type, IOASID_FAULT_EVENT);
	*guest_pte(&rig, root, VA, 0) = rig.ram_size | USER;
	asker_start(&a, rig.dev[0], VA);
	assert_int_equal(asker_end(&a), -EFAULT);
	f = next_event(&rig);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.reason, IOASID_REASON_STAGE2);
	no_event(&rig);
	rig_free(&rig);
}

static void failure_switches_it_off_until_reset(void **state)
{
	struct ioasid_fault f;
	uint64_t root;
	struct asker a;
	struct rig rig;

	(void)state;
	rig_make(&rig, &pri_config);
	process(&rig, &root);
	asker_start(&a, rig.dev[0], VA);
	f = next_event(&rig);
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_FAILURE));
	assert_int_equal(asker_end(&a), -EFAULT);
	asker_start(&a, rig.dev[0], VA);
	assert_int_equal(asker_end(&a), -EFAULT);
	no_event(&rig);
	ok(ioasid_dev_reset(rig.handle[0]));
	asker_start(&a, rig.dev[0], VA);
	f = next_event(&rig);
	guest_map(&rig, root, VA, USER);
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS));
	assert_int_equal(asker_end(&a), 0);
	rig_free(&rig);
}

/* "Success" that changes nothing is not believed for ever. */
static void gives_up_at_last(void **state)
{
	unsigned int answers = 0;
	struct ioasid_fault f;
	uint64_t root;
	struct asker a;
	struct rig rig;

	(void)state;
	rig_make(&rig, &pri_config);
	process(&rig, &root);
	asker_start(&a, rig.dev[0], VA);
	do {
		f = next_event(&rig);
		ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS));
	} while (++answers < 64);
	assert_int_equal(asker_end(&a), -EFAULT);
	assert_int_equal(a.dma.page_requests, 64);
	no_event(&rig);
	rig_free(&rig);
}

enum how { DESCRIPTOR, DETACH, RESET, UNBIND, CLOSE, UNPLUG, NR_HOW };

/* Nobody answers, and then what the request hangs on goes away. */
static void waiters_are_woken(void **state)
{
	struct ioasid_fault f;
	struct asker a[3];
	uint32_t ioasid;
	uint64_t root;
	struct rig rig;
	int how, i;

	(void)state;
	for (how = 0; how < NR_HOW; how++) {
		rig_make(&rig, &pri_config);
		ioasid = process(&rig, &root);
		for (i = 0; i < 3; i++)
			asker_start(&a[i], rig.dev[0], VA + i * PAGE);
		for (i = 0; i < 3; i++)
			f = next_event(&rig);
		switch (how) {
		case DESCRIPTOR:
			ok(ioasid_fault_close(rig.ctx));
			break;
		case DETACH:
			ok(ioasid_dev_detach_pasid(rig.handle[0], ioasid));
			break;
		case RESET:
			ok(ioasid_dev_reset(rig.handle[0]));
			break;
		case UNBIND:
			ioasid_dev_close(rig.handle[0]);
			rig.handle[0] = NULL;
			break;
		case CLOSE:
			ioasid_close(rig.ctx);
			rig.ctx = NULL;
			break;
		case UNPLUG:
			ioasid_hostdev_destroy(rig.dev[0]);
			rig.dev[0] = NULL;
			break;
		}
		for (i = 0; i < 3; i++)
			assert_int_equal(asker_end(&a[i]), how == UNPLUG ? -ENODEV : -EFAULT);
		if (how != CLOSE)
			refused(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS),
				ENOENT);
		rig_free(&rig);
	}
}

#define CREDITS 4
#define ASKERS	10

/* More requests than credits: the rest wait in the device, in nobody's queue. */
static void credits_run_out(void **state)
{
	struct rig_config c = pri_config;
	struct asker a[ASKERS];
	struct ioasid_fault f;
	unsigned int i, seen;
	uint64_t root;
	struct rig rig;

	(void)state;
	c.pri_capacity = CREDITS;
	rig_make(&rig, &c);
	process(&rig, &root);
	for (i = 0; i < ASKERS; i++)
		asker_start(&a[i], rig.dev[0], VA + i * PAGE);
	for (seen = 0; seen < CREDITS; seen++)
		f = next_event(&rig);
	nap(50);
	no_event(&rig);
	/* Each answer lets one more through. */
	for (i = 0; i < ASKERS; i++) {
		guest_map(&rig, root, f.address, USER);
		ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_SUCCESS));
		if (seen == ASKERS)
			break;
		f = next_event(&rig);
		seen++;
	}
	/* Three of the first four are still waiting. */
	ok(ioasid_fault_close(rig.ctx));
	for (i = 0, seen = 0; i < ASKERS; i++)
		seen += asker_end(&a[i]) == 0;
	assert_int_equal(seen, ASKERS - CREDITS + 1);
	rig_free(&rig);
}

/* ---- devices that wait by themselves ---------------------------------------------------------- */

struct answers {
	pthread_mutex_t lock;
	unsigned int nr;
	uint32_t pasid, group, code;
};

static void answered(void *opaque, uint32_t pasid, uint32_t group, uint32_t code)
{
	struct answers *an = opaque;

	pthread_mutex_lock(&an->lock);
	an->nr++;
	an->pasid = pasid;
	an->group = group;
	an->code = code;
	pthread_mutex_unlock(&an->lock);
}

static void groups(void **state)
{
	static const struct ioasid_hostdev_ops ops = { .page_response = answered };
	struct answers an = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct rig_config c = pri_config;
	struct ioasid_dma dma;
	struct ioasid_fault f;
	uint64_t root;
	struct rig rig;

	(void)state;
	c.ops = &ops;
	c.opaque = &an;
	c.pri_capacity = 3;
	rig_make(&rig, &c);
	process(&rig, &root);
	dma = by_pasid(7, VA);
	dma.group = 5;
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, false));
	dma.addr += PAGE;
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_WRITE, true));
	refused(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true), EBUSY);
	dma.group = 6;
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true));
	dma.group = 7;
	refused(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true), ENOSPC);
	dma.group = 512;
	refused(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true), EINVAL);
	f = next_event(&rig);
	assert_int_equal(f.group, 5);
	assert_int_equal(f.flags & IOASID_FAULT_LAST, 0);
	f = next_event(&rig);
	assert_int_equal(f.flags & IOASID_FAULT_LAST, IOASID_FAULT_LAST);
	ok(ioasid_page_response(rig.ctx, f.id, IOASID_RESPONSE_INVALID));
	assert_int_equal(an.nr, 1);
	assert_int_equal(an.pasid, 7);
	assert_int_equal(an.group, 5);
	assert_int_equal(an.code, IOASID_RESPONSE_INVALID);
	/* Its two credits are back. */
	dma.group = 5;
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, false));
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true));
	/* Nobody listens: answered at once, from inside the call if need be. */
	ok(ioasid_fault_close(rig.ctx));
	assert_int_equal(an.nr, 3);
	ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, true));
	assert_int_equal(an.nr, 4);
	assert_int_equal(an.code, IOASID_RESPONSE_INVALID);
	rig_free(&rig);
}

/* A group that is not finished when the device is reset gives its credits back. */
static void reset_returns_credits(void **state)
{
	struct rig_config c = pri_config;
	struct ioasid_dma dma;
	uint64_t root;
	struct rig rig;
	uint32_t i, round;

	(void)state;
	c.pri_capacity = 4;
	rig_make(&rig, &c);
	process(&rig, &root);
	dma = by_pasid(7, VA);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++) {
			dma.group = i;
			ok(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ,
						       i & 1));
		}
		dma.group = 4;
		refused(ioasid_hostdev_page_request(rig.dev[0], &dma, IOASID_ACCESS_READ, false),
			ENOSPC);
		ok(ioasid_dev_reset(rig.handle[0]));
	}
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_brought_in),
		cmocka_unit_test(refusal_ends_the_request_quietly),
		cmocka_unit_test(failure_switches_it_off_until_reset),
		cmocka_unit_test(gives_up_at_last),
		cmocka_unit_test(waiters_are_woken),
		cmocka_unit_test(credits_run_out),
		cmocka_unit_test(groups),
		cmocka_unit_test(reset_returns_credits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
