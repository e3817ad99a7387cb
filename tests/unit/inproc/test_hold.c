// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasid_dma_map(): pointers that are held, waited for, called back. */
#include "rig.h"

#define USER (G_P | G_W | G_U)
#define BOTH (IOASID_ACCESS_READ | IOASID_ACCESS_WRITE)
#define VA   0x400000ULL

static void pieces(void **state)
{
	uint64_t root, gpa[4];
	struct ioasid_hold *hold;
	struct ioasid_dma dma;
	struct iovec iov[4];
	unsigned int n, i;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	/* Adjacent pages are one piece, whatever they are in the input. */
	dma = by_rid(0x10000 + 100);
	n = 1;
	ok(ioasid_dma_map(rig.dev[0], &dma, 5 * PAGE, BOTH, iov, &n, NULL, NULL, &hold));
	assert_int_equal(n, 1);
	assert_ptr_equal(iov[0].iov_base, rig.ram + 0x10000 + 100);
	assert_int_equal(iov[0].iov_len, 5 * PAGE);
	assert_int_equal(stats_of(&rig).holds, 1);
	ioasid_dma_unmap(hold);
	assert_int_equal(stats_of(&rig).holds, 0);
	root = guest_page(&rig);
	guest_pte(&rig, root, VA, 0);
	for (i = 0; i < 4; i++) {
		/* One page of distance between the first two and the others. */
		if (i == 2)
			guest_page(&rig);
		gpa[i] = guest_map(&rig, root, VA + i * PAGE, USER);
	}
	guest_process(&rig, root, 7, 0);
	dma = by_pasid(7, VA + 16);
	n = 1;
	refused(ioasid_dma_map(rig.dev[0], &dma, 4 * PAGE - 16, BOTH, iov, &n, NULL, NULL, &hold),
		E2BIG);
	n = 4;
	ok(ioasid_dma_map(rig.dev[0], &dma, 4 * PAGE - 16, BOTH, iov, &n, NULL, NULL, &hold));
	assert_int_equal(n, 2);
	assert_ptr_equal(iov[0].iov_base, rig.ram + gpa[0] + 16);
	assert_int_equal(iov[0].iov_len, 2 * PAGE - 16);
	assert_ptr_equal(iov[1].iov_base, rig.ram + gpa[2]);
	assert_int_equal(*guest_pte(&rig, root, VA + PAGE, 0) & G_D, G_D);
	ioasid_dma_unmap(hold);
	/* Blocked in the middle: recorded, nothing held. */
	n = 4;
	assert_int_equal(ioasid_dma_map(rig.dev[0], &dma, 5 * PAGE, BOTH, iov, &n, NULL, NULL,
					&hold),
			 -EFAULT);
	assert_int_equal(dma.fault_addr, VA + 4 * PAGE);
	assert_int_equal(next_event(&rig).address, VA + 4 * PAGE);
	refused(ioasid_dma_map(rig.dev[0], &dma, 0, BOTH, iov, &n, NULL, NULL, &hold), EINVAL);
	refused(ioasid_dma_map(rig.dev[0], &dma, -VA, BOTH, iov, &n, NULL, NULL, &hold), EINVAL);
	assert_int_equal(stats_of(&rig).holds, 0);
	rig_free(&rig);
}

/* ---- an operation that has to wait ------------------------------------------------------------ */

struct waiter {
	pthread_t thread;
	struct rig *rig;
	int (*op)(struct waiter *w);
	uint32_t ioasid;
	uint64_t addr, len;
	int done;
	int rc;
};

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	w->rc = w->op(w);
	__atomic_store_n(&w->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void waiter_start(struct waiter *w)
{
	w->done = 0;
	assert_int_equal(pthread_create(&w->thread, NULL, waiter_run, w), 0);
}

static bool waiter_done(struct waiter *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_SEQ_CST);
}

static int op_unmap(struct waiter *w)
{
	return ioasid_unmap(w->rig->ctx, w->ioasid, w->addr, w->len, NULL);
}

static int op_invalidate(struct waiter *w)
{
	return ioasid_invalidate_range(w->rig->ctx, w->ioasid, w->addr, w->len, true);
}

static int op_detach(struct waiter *w)
{
	return ioasid_dev_detach_pasid(w->rig->handle[0], w->ioasid);
}

static struct ioasid_hold *hold(struct rig *rig, struct ioasid_dma dma, size_t len,
				void (*back)(struct ioasid_hold *, void *), void *opaque)
{
	struct ioasid_hold *h;
	struct iovec iov[8];
	unsigned int n = 8;

	ok(ioasid_dma_map(rig->dev[0], &dma, len, BOTH, iov, &n, back, opaque, &h));
	return h;
}

/* Unmap, invalidation and detach wait for who holds what they take, and for nobody else. */
static void waited_for(void **state)
{
	int (*const ops[])(struct waiter *) = { op_invalidate, op_detach };
	struct ioasid_hold *h;
	struct waiter w;
	uint64_t root, got;
	struct rig rig;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_make(&rig, NULL);
		root = guest_page(&rig);
		guest_map(&rig, root, VA, USER);
		guest_map(&rig, root, VA + PAGE, USER);
		w = (struct waiter){ .rig = &rig, .op = ops[i], .addr = VA, .len = PAGE };
		w.ioasid = guest_process(&rig, root, 7, 0);
		h = hold(&rig, by_pasid(7, VA + PAGE - 1), 1, NULL, NULL);
		waiter_start(&w);
		nap(30);
		assert_false(waiter_done(&w));
		/* The others are not held up. */
		ok(dma_get(rig.dev[1], by_rid(0), &got));
		ioasid_dma_unmap(h);
		pthread_join(w.thread, NULL);
		assert_int_equal(w.rc, 0);
		if (ops[i] == op_invalidate) {
			/* Next door nobody waits, nor for a hold made after the change. */
			h = hold(&rig, by_pasid(7, VA + PAGE), 8, NULL, NULL);
			assert_int_equal(op_invalidate(&w), 0);
			ioasid_dma_unmap(h);
		}
		rig_free(&rig);
	}
}

static void unmap_of_the_parent_waits_for_what_leads_there(void **state)
{
	struct ioasid_hold *h;
	uint64_t root, gpa, p;
	struct waiter w;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	ok(ioasid_unmap(rig.ctx, rig.gpa, 0, rig.ram_size, NULL));
	for (p = 0; p < 16 * PAGE; p += PAGE)
		ok(ioasid_map(rig.ctx, rig.gpa, p, (uintptr_t)rig.ram + p, PAGE, RW));
	root = guest_page(&rig);
	gpa = guest_map(&rig, root, VA, USER);
	guest_process(&rig, root, 7, 0);
	h = hold(&rig, by_pasid(7, VA), PAGE, NULL, NULL);
	w = (struct waiter){ .rig = &rig, .op = op_unmap, .ioasid = rig.gpa, .len = PAGE };
	/* Another page, and even the guest's table: the pointers do not lead there. */
	w.addr = 15 * PAGE;
	assert_int_equal(op_unmap(&w), 0);
	w.addr = root;
	assert_int_equal(op_unmap(&w), 0);
	w.addr = gpa;
	waiter_start(&w);
	nap(30);
	assert_false(waiter_done(&w));
	ioasid_dma_unmap(h);
	pthread_join(w.thread, NULL);
	assert_int_equal(w.rc, 0);
	rig_free(&rig);
}

struct recall {
	unsigned int calls;
	pthread_t from;
	struct ioasid_hold *hold;
};

static void give_back(struct ioasid_hold *h, void *opaque)
{
	struct recall *r = opaque;

	assert_ptr_equal(h, r->hold);
	r->calls++;
	r->from = pthread_self();
	ioasid_dma_unmap(h);
}

static void only_note(struct ioasid_hold *h, void *opaque)
{
	struct recall *r = opaque;

	(void)h;
	__atomic_add_fetch(&r->calls, 1, __ATOMIC_SEQ_CST);
}

static void called_back(void **state)
{
	struct recall r = { 0 }, later = { 0 };
	struct waiter w;
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	ok(ioasid_dev_attach_pasid(rig.handle[0], rig.gpa, 7, 0));
	r.hold = hold(&rig, by_pasid(7, 0), PAGE, give_back, &r);
	ok(ioasid_unmap(rig.ctx, rig.gpa, 0, rig.ram_size, NULL));
	assert_int_equal(r.calls, 1);
	assert_true(pthread_equal(r.from, pthread_self()));
	assert_int_equal(stats_of(&rig).holds, 0);
	ok(ioasid_map(rig.ctx, rig.gpa, 0, (uintptr_t)rig.ram, rig.ram_size, RW));
	/* Called once, given back by another thread. */
	later.hold = hold(&rig, by_pasid(7, 0), PAGE, only_note, &later);
	r.hold = hold(&rig, by_pasid(7, PAGE), PAGE, give_back, &r);
	w = (struct waiter){ .rig = &rig, .op = op_detach, .ioasid = rig.gpa };
	waiter_start(&w);
	while (!__atomic_load_n(&later.calls, __ATOMIC_SEQ_CST))
		nap(1);
	nap(20);
	assert_false(waiter_done(&w));
	ioasid_dma_unmap(later.hold);
	pthread_join(w.thread, NULL);
	assert_int_equal(later.calls, 1);
	assert_int_equal(r.calls, 2);
	rig_free(&rig);
}

/* Closing takes back what is held, too; the holder's pointers are good until it agrees. */
static void close_calls_back(void **state)
{
	struct recall r = { 0 };
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	r.hold = hold(&rig, by_rid(0), PAGE, give_back, &r);
	ioasid_close(rig.ctx);
	rig.ctx = NULL;
	assert_int_equal(r.calls, 1);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(waited_for),
		cmocka_unit_test(unmap_of_the_parent_waits_for_what_leads_there),
		cmocka_unit_test(called_back),
		cmocka_unit_test(close_calls_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
