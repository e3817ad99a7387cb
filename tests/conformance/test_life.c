// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The life of numbers: what becomes of work that carries them. A number ends at once for its user; nobody gets
 * it again while something with it may still come.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define WHOLE	   2 /* class 7 */
#define PARENT	   3
#define SLICE	   4 /* class 8 */
#define SIBLING	   5 /* class 6 */
#define HOST_SPLIT 128U
#define SPLIT	   64U
#define L	   5U
#define VA	   0x7f0012345000ULL
#define COUNT(q)   (IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_COUNT)
#define PASID_REG  (IOASID_WQ_QUEUE(FX_DEDICATED) + IOASID_WQ_REG_PASID)

static struct conf_dev_spec queues(struct fx *fx, uint16_t dev_class, bool slice)
{
	return FX_DEV(dev_class, .parent = slice ? fx->hw[PARENT] : NULL, .nr_dedicated = 1,
		      .nr_shared = dev_class >= IOASID_CLASS_PDEV_DMWR, .ats = true, .pri = true);
}

static void set_up(struct fx *fx)
{
	fx_add(fx, WHOLE, queues(fx, IOASID_CLASS_PDEV_DMWR, false));
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR, .ats = true, .pri = true));
	fx_add(fx, SLICE, queues(fx, IOASID_CLASS_MDEV_DMWR, true));
	fx_add(fx, SIBLING, queues(fx, IOASID_CLASS_MDEV_PASID, true));
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, SLICE);
	fx_enable(fx, WHOLE, FX_SHARED);
	fx_enable(fx, SLICE, FX_SHARED);
	fx_vm(fx);
	assert_int_equal(ioasid_cpu_pasid_enable(fx->ctx[0], fx_vm_fd(fx)), 0);
}

/* @ioasid under L on both devices and for the CPUs. Return: the host-wide number. */
static uint32_t route(struct fx *fx, uint32_t ioasid)
{
	struct fx_numbers before = fx_numbers(fx, PARENT);

	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], ioasid, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], ioasid, 0, 0), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], ioasid, L), 0);
	assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L), 0);
	return fx_wire(fx, PARENT, &before, 0);
}

/* Work under L waits in every queue of both devices. */
static void fill_queues(struct fx *fx)
{
	static const unsigned int slots[] = { WHOLE, SLICE };
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		assert_int_equal(fx_program(fx, slots[i], L), 0);
		for (j = 0; j < 3; j++) {
			struct fx_work w = fx_work(FX_IOVA);

			assert_true(fx_store(fx, slots[i], &w));
			assert_int_equal(fx_enqcmd(fx, 0, slots[i], L, &w), FX_ACCEPTED);
		}
	}
}

/* ---- work that waits in queues ------------------------------------------------------------------- */

static void clear_hwid(struct fx *fx, uint32_t a)
{
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
}

static void detach(struct fx *fx, uint32_t a)
{
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[WHOLE], a), 0);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], a), 0);
}

static void reset(struct fx *fx, uint32_t a)
{
	(void)a;
	assert_int_equal(ioasid_dev_reset(fx->dev[WHOLE]), 0);
	assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
}

static void unbind(struct fx *fx, uint32_t a)
{
	(void)a;
	fx_dev_close(fx, SLICE);
	fx_dev_close(fx, WHOLE);
}

static void close_context(struct fx *fx, uint32_t a)
{
	(void)a;
	fx_close(fx, 0);
}

static void (*const ends[])(struct fx *fx, uint32_t a) = {
	clear_hwid, detach, reset, unbind, close_context,
};

static void queued_work_ends_with_its_number(void **state)
{
	struct fx *fx = *state;
	unsigned int i;
	uint32_t a;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		set_up(fx);
		a = fx_space_at(fx, 0, 1);
		route(fx, a);
		fill_queues(fx);
		ends[i](fx, a);
		/* The slice's is gone from its queues; a whole function's does not get through. */
		assert_int_equal(fx_reg(fx, SLICE, COUNT(FX_DEDICATED)), 0);
		assert_int_equal(fx_reg(fx, SLICE, COUNT(FX_SHARED)), 0);
		assert_int_equal(fx_reg(fx, SLICE, PASID_REG), 0);
		fx_lost(fx, SLICE);
		fx_lost(fx, WHOLE);
		if (fx->ctx[0] && ends[i] != reset)
			assert_int_equal(fx_info(fx, 0).ids_live, 0);
		fx_dev_close(fx, WHOLE);
		fx_dev_close(fx, SLICE);
		fx_vm_destroy(fx, 0);
		if (!fx->ctx[0])
			fx_open(fx, 0);
		fx_unplug(fx, SIBLING);
		fx_unplug(fx, SLICE);
		fx_unplug(fx, PARENT);
		fx_unplug(fx, WHOLE);
	}
}

static void queued_work_ends_with_its_device(void **state)
{
	struct fx *fx = *state;
	size_t page;
	uint32_t a;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	route(fx, a);
	fill_queues(fx);
	fx_unplug(fx, SLICE);
	assert_int_equal(fx_info(fx, 0).ids_live, 1);
	fx_unplug(fx, WHOLE);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	assert_int_equal(fx_info(fx, 0).nr_routes, 0);
	assert_true(guest_data_intact(&fx->g, &page));
	/* The same places, other devices: there is nothing in their queues. */
	fx_dev_close(fx, SLICE);
	fx_dev_close(fx, WHOLE);
	fx_add(fx, WHOLE, queues(fx, IOASID_CLASS_PDEV_DMWR, false));
	fx_add(fx, SLICE, queues(fx, IOASID_CLASS_MDEV_DMWR, true));
	fx_bind(fx, WHOLE);
	fx_bind(fx, SLICE);
	route(fx, a);
	fx_lost(fx, WHOLE);
	fx_lost(fx, SLICE);
	fx_enable(fx, SLICE, FX_SHARED);
	fx_shared_lands(fx, SLICE, L, FX_IOVA, 1);
}

static void queued_work_of_other_numbers_stays(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA), x = fx_work(FX_IOVA);
	uint32_t a, b;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	route(fx, a);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], b, L + 1, 0), 0);
	assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L + 1), 0);
	assert_int_equal(fx_program(fx, SLICE, L + 1), 0);
	assert_int_equal(fx_enqcmd(fx, 0, SLICE, L, &x), FX_ACCEPTED);
	assert_int_equal(fx_enqcmd(fx, 0, SLICE, L + 1, &w), FX_ACCEPTED);
	assert_int_equal(fx_enqcmd(fx, 0, SLICE, L, &x), FX_ACCEPTED);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_int_equal(fx_reg(fx, SLICE, COUNT(FX_SHARED)), 1);
	fx_landed(fx, SLICE, &w, 2);
	fx_dedicated_lands(fx, SLICE, FX_IOVA, 2);
}

static void stale_work_does_not_reach_what_has_the_name_now(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a, b, i;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	route(fx, a);
	for (i = 0; i < 4; i++) {
		assert_int_equal(fx_program(fx, SLICE, L), 0);
		assert_true(fx_store(fx, SLICE, &w));
		assert_int_equal(fx_enqcmd(fx, 0, SLICE, L, &w), FX_ACCEPTED);
		assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], b, L, 0), 0);
		assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L), 0);
		fx_lost(fx, SLICE);
		fx_shared_lands(fx, SLICE, L, FX_IOVA, 2);
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], b), 0);
		assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
		assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L), 0);
	}
	/* A whole function's stays inside the context: what it finds is the guest driver's to see to. */
	assert_int_equal(fx_program(fx, WHOLE, L), 0);
	w = fx_work(FX_IOVA);
	assert_true(fx_store(fx, WHOLE, &w));
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], b, L, 0), 0);
	fx_landed(fx, WHOLE, &w, 2);
}

/* ---- work in execution --------------------------------------------------------------------------- */

/** struct engine - a device's engine in a thread of its own. */
struct engine {
	struct fx *fx;
	unsigned int slot;
	pthread_t thread;
	bool done;
};

static void *engine_thread(void *arg)
{
	struct engine *e = arg;

	e->fx->env.home->wq_run(e->fx->hw[e->slot], 1);
	__atomic_store_n(&e->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Work at a page that is not there: it has begun, and waits. Return: the page request's record. */
static struct ioasid_fault begin_work(struct fx *fx, struct engine *e, unsigned int slot,
				      bool shared)
{
	struct fx_work w = fx_work(VA);
	struct ioasid_fault f;

	if (shared) {
		assert_int_equal(fx_enqcmd(fx, 0, slot, L, &w), FX_ACCEPTED);
	} else {
		assert_int_equal(fx_program(fx, slot, L), 0);
		assert_true(fx_store(fx, slot, &w));
	}
	*e = (struct engine){ .fx = fx, .slot = slot };
	assert_int_equal(pthread_create(&e->thread, NULL, engine_thread, e), 0);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f.vpasid, L);
	return f;
}

static void join(struct engine *e)
{
	unsigned int i;

	for (i = 0; !__atomic_load_n(&e->done, __ATOMIC_ACQUIRE); i++) {
		if (i == fx_patience(10000)) {
			/* It has the device of a test that would go on: end the program. */
			printf("not ok - work hangs\n");
			abort();
		}
		usleep(1000);
	}
	pthread_join(e->thread, NULL);
}

/* It did not reach anything. */
static void end_work(struct engine *e)
{
	size_t page;

	join(e);
	assert_true(guest_data_intact(&e->fx->g, &page));
}

/* Until what takes its time is over. */
static void wait_for_numbers(struct fx *fx, uint32_t live)
{
	unsigned int i;

	for (i = 0; i < fx_patience(2000) && fx_info(fx, 0).ids_live != live; i++)
		usleep(1000);
	assert_int_equal(fx_info(fx, 0).ids_live, live);
	assert_int_equal(fx_info(fx, 0).ids_pending, 0);
}

static void work_that_waits_for_a_page_goes_on_when_it_comes(void **state)
{
	struct fx *fx = *state;
	static const unsigned int slots[] = { WHOLE, SLICE };
	uint64_t root = guest_table_new(&fx->g);
	struct ioasid_wq_completion done;
	struct ioasid_fault f;
	struct engine e;
	unsigned int i;
	uint32_t user;

	set_up(fx);
	user = fx_user(fx, fx_gpa_space(fx), root);
	route(fx, user);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	for (i = 0; i < 4; i++) {
		uint8_t *ram = fx->g.ram + (10 + i) * GUEST_PAGE;

		f = begin_work(fx, &e, slots[i & 1], i & 2);
		memset(ram + 64, 0, 16);
		guest_map(&fx->g, root, 4, VA, guest_data_gpa(&fx->g, 10 + i), PTE_U | PTE_W, 1);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS),
				 0);
		join(&e);
		memcpy(&done, ram + 64, sizeof(done));
		assert_int_equal(done.status, IOASID_WQ_DONE);
		memcpy(fx->g.shadow + (10 + i) * GUEST_PAGE, ram, 80);
		guest_unmap(&fx->g, root, 4, VA);
		assert_int_equal(ioasid_invalidate_range(fx->ctx[0], user, VA, GUEST_PAGE, true),
				 0);
	}
}

static void numbers_end_with_work_in_execution(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f;
	struct engine e;
	uint32_t user, way, g = 0;

	set_up(fx);
	user = fx_user(fx, fx_gpa_space(fx), guest_table_new(&fx->g));
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	for (way = 0; way < 8; way++) {
		g = route(fx, user);
		f = begin_work(fx, &e, way & 1 ? SLICE : WHOLE, way & 2);
		(way & 4 ? detach : clear_hwid)(fx, user);
		/* The call has returned: nothing with the number passes any more, to whatever comes. */
		assert_false(fx_entry(fx, PARENT, g).present);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, 0), -ENOENT);
		end_work(&e);
		wait_for_numbers(fx, 0);
		if (!(way & 4))
			detach(fx, user);
		while (ioasid_fault_read(fx->ctx[0], &f, 1) == 1)
			;
	}
}

static void the_name_is_free_while_work_with_the_number_ends(void **state)
{
	struct fx *fx = *state;
	struct fx_numbers before;
	uint32_t user, b, g, h, way;
	struct ioasid_fault f;
	struct engine e;

	set_up(fx);
	user = fx_user(fx, fx_gpa_space(fx), guest_table_new(&fx->g));
	b = fx_space_at(fx, 0, 2);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	for (way = 0; way < 2; way++) {
		g = route(fx, user);
		f = begin_work(fx, &e, SLICE, way);
		detach(fx, user);
		before = fx_numbers(fx, PARENT);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SLICE], b, L, 0), 0);
		h = fx_wire(fx, PARENT, &before, 0);
		/* Either the device has let go of the old one by now, or the new one is another. */
		if (h == g)
			assert_int_equal(fx_info(fx, 0).ids_pending, 0);
		assert_int_equal(ioasid_cpu_pasid_map(fx->ctx[0], L), 0);
		end_work(&e);
		fx_shared_lands(fx, SLICE, L, FX_IOVA, 2);
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], b), 0);
		wait_for_numbers(fx, 0);
		while (ioasid_fault_read(fx->ctx[0], &f, 1) == 1)
			;
	}
}

static void contexts_end_with_work_in_execution(void **state)
{
	struct fx *fx = *state;
	struct engine e;
	uint32_t way;

	for (way = 0; way < 8; way++) {
		set_up(fx);
		route(fx, fx_user(fx, fx_gpa_space(fx), guest_table_new(&fx->g)));
		assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
		begin_work(fx, &e, way & 1 ? SLICE : WHOLE, way & 2);
		if (way & 4)
			unbind(fx, 0);
		else
			fx_close(fx, 0);
		end_work(&e);
		assert_int_equal(fx_reg(fx, e.slot, PASID_REG), 0);
		if (fx->ctx[0])
			fx_close(fx, 0);
		fx_dev_close(fx, WHOLE);
		fx_dev_close(fx, SLICE);
		fx_vm_destroy(fx, 0);
		fx_unplug(fx, SIBLING);
		fx_unplug(fx, SLICE);
		fx_unplug(fx, PARENT);
		fx_unplug(fx, WHOLE);
		fx->g.next_table = fx->g.data_pages;
		fx_open(fx, 0);
	}
}

static void a_reset_ends_work_in_execution_and_keeps_the_number(void **state)
{
	struct fx *fx = *state;
	uint64_t root = guest_table_new(&fx->g);
	static const unsigned int slots[] = { WHOLE, SLICE };
	struct engine e;
	unsigned int i;

	set_up(fx);
	route(fx, fx_user(fx, fx_gpa_space(fx), root));
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	for (i = 0; i < 2; i++) {
		begin_work(fx, &e, slots[i], i);
		assert_int_equal(ioasid_dev_reset(fx->dev[slots[i]]), 0);
		end_work(&e);
		assert_int_equal(fx_info(fx, 0).ids_live, 1);
		assert_int_equal(fx_info(fx, 0).ids_pending, 0);
	}
	guest_map(&fx->g, root, 4, VA, guest_data_gpa(&fx->g, 10), PTE_U | PTE_W, 1);
	for (i = 0; i < 2; i++) {
		fx_enable(fx, slots[i], FX_SHARED);
		fx_shared_lands(fx, slots[i], L, VA, 10);
	}
}

/* ---- devices that do not answer ------------------------------------------------------------------- */

static void expect_fenced(struct fx *fx, unsigned int slot, bool fenced)
{
	assert_int_equal(!!(fx_dev_info(fx, slot).caps & IOASID_DEV_FENCED), fenced);
}

/*
 * The mute slice has a grant for @number, which is then let go of. Invalidations are asked of the
 * function: all of it is cut off, and each slice comes back by its own RESET.
 */
static void strand(struct fx *fx, uint32_t number, uint32_t ioasid)
{
	assert_true(fx->env.home->translate(fx->hw[SLICE], number, FX_IOVA));
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], ioasid, L, FX_COOKIE(SLICE)), 0);
	expect_fenced(fx, SLICE, true);
	expect_fenced(fx, SIBLING, true);
	assert_false(fx_entry(fx, PARENT, number).present);
	assert_int_equal(ioasid_dev_reset(fx->dev[SIBLING]), 0);
	expect_fenced(fx, SLICE, true);
	expect_fenced(fx, SIBLING, false);
}

static void add_mute_slices(struct fx *fx)
{
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR, .mute = true));
	fx_add(fx, SLICE, FX_DEV(IOASID_CLASS_MDEV_DMWR, .parent = fx->hw[PARENT], .mute = true));
	fx_add_slice(fx, SIBLING, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_bind(fx, SLICE);
	fx_bind(fx, SIBLING);
}

static void a_local_number_of_a_fenced_slice_is_nobodys_until_reset(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b, wire, other, i;

	add_mute_slices(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	wire = fx_attach_wire(fx, SLICE, a, L);
	strand(fx, wire, a);
	/* Its siblings go on, and take others. */
	other = fx_attach_wire(fx, SIBLING, b, L);
	assert_int_not_equal(other, wire);
	fx_dma_lands(fx, SIBLING, other, FX_IOVA, 2);
	EXPECT_REFUSED(fx, -EIO, ioasid_dev_attach_pasid(fx->dev[SLICE], b, L + 1, 0));
	for (i = 0; i < 8; i++) {
		assert_int_equal(ioasid_clear_hwid(fx->ctx[0], b, L), 0);
		assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, L), 0);
		assert_false(fx_entry(fx, PARENT, wire).present);
	}
	assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
	expect_fenced(fx, SLICE, false);
	/* The lowest free one is that again. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], b, L), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, L), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, L + 1), 0);
	assert_true(fx_entry(fx, PARENT, wire).present);
}

static void a_host_wide_number_of_a_fenced_slice_stays_pending(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b, g, h, way;

	add_mute_slices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	for (way = 0; way < 2; way++) {
		a = fx_space_at(fx, 0, 1);
		b = fx_space_at(fx, 0, 2);
		g = fx_attach_wire(fx, SLICE, a, L);
		strand(fx, g, a);
		assert_int_equal(fx_info(fx, 0).ids_live, 1);
		assert_int_equal(fx_info(fx, 0).ids_pending, 1);
		/* The name is free, and is another number now. */
		h = fx_attach_wire(fx, SIBLING, b, L);
		assert_int_not_equal(h, g);
		fx_dma_lands(fx, SIBLING, h, FX_IOVA, 2);
		fx_dma_blocked(fx, SIBLING, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
		assert_int_equal(fx_info(fx, 0).ids_live, 2);
		/* It is charged until then. */
		assert_int_equal(ioasid_set_quota(fx->ctx[0], 2, false), 0);
		EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(fx->ctx[0], b, L + 1));
		if (way) {
			fx_dev_close(fx, SLICE);
		} else {
			assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
			assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SLICE], a), 0);
		}
		assert_int_equal(fx_info(fx, 0).ids_live, 1);
		assert_int_equal(fx_info(fx, 0).ids_pending, 0);
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SIBLING], b), 0);
	}
}

static void a_sibling_keeps_a_number_that_a_fenced_one_let_go_of(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	add_mute_slices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	a = fx_space_at(fx, 0, 1);
	g = fx_attach_wire(fx, SLICE, a, L);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[SIBLING], a, L, 0), 0);
	assert_true(fx->env.home->translate(fx->hw[SLICE], g, FX_IOVA));
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], a, L, FX_COOKIE(SLICE)), 0);
	fx_dma_lands(fx, SIBLING, g, FX_IOVA, 1);
	assert_int_equal(fx_info(fx, 0).ids_live, 1);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	fx_dma_blocked(fx, SIBLING, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
}

static void a_function_that_does_not_answer_is_fenced_with_all_its_slices(void **state)
{
	struct fx *fx = *state;
	uint32_t a, wire, other;

	fx_open(fx, 1);
	add_mute_slices(fx);
	fx_add_slice(fx, 6, IOASID_CLASS_MDEV_FIXED, PARENT);
	fx_bind_to(fx, 6, 1);
	assert_int_equal(ioasid_dev_attach(fx->dev[6], fx_space_at(fx, 1, 3), 0), 0);
	a = fx_space_at(fx, 0, 1);
	other = fx_attach_wire(fx, SIBLING, a, L);
	wire = fx_attach_wire(fx, SLICE, a, L);
	assert_true(fx->env.home->translate(fx->hw[SLICE], wire, FX_IOVA));
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], a, L, FX_COOKIE(SLICE)), 0);
	expect_fenced(fx, SLICE, true);
	expect_fenced(fx, SIBLING, true);
	expect_fenced(fx, 6, true);
	fx_dma_blocked(fx, SIBLING, other, FX_IOVA, -1);
	fx_dma_blocked(fx, 6, CONF_RID, FX_IOVA, -1);
	assert_int_equal(ioasid_dev_reset(fx->dev[6]), 0);
	fx_dma_lands(fx, 6, CONF_RID, FX_IOVA, 3);
	fx_dma_blocked(fx, SIBLING, other, FX_IOVA, -1);
	assert_int_equal(ioasid_dev_reset(fx->dev[SIBLING]), 0);
	fx_dma_lands(fx, SIBLING, other, FX_IOVA, 1);
	assert_int_equal(ioasid_dev_reset(fx->dev[SLICE]), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
}

static void unplugging_a_fenced_slice_frees_what_it_held(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	add_mute_slices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	a = fx_space_at(fx, 0, 1);
	g = fx_attach_wire(fx, SLICE, a, L);
	strand(fx, g, a);
	assert_int_equal(fx_info(fx, 0).ids_pending, 1);
	fx_unplug(fx, SLICE);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	assert_int_equal(fx_info(fx, 0).ids_pending, 0);
}

/* ---- charges ------------------------------------------------------------------------------------------- */

static struct ioasid_limit figures(struct fx *fx, const char *group)
{
	struct ioasid_limit limit = { 0 };

	assert_int_equal(fx->env.home->group_name(&fx->env, group, &limit), 0);
	assert_int_equal(ioasid_limit_get(fx->ctx[0], &limit), 0);
	fx->env.home->group_unname(&limit);
	return limit;
}

static void set_limit(struct fx *fx, const char *group, uint32_t max)
{
	struct ioasid_limit limit = { .max = max };

	assert_int_equal(fx->env.home->group_name(&fx->env, group, &limit), 0);
	assert_int_equal(ioasid_limit_set(fx->ctx[0], &limit), 0);
	fx->env.home->group_unname(&limit);
}

static void parents_numbers_are_charged_once_per_device(void **state)
{
	struct fx *fx = *state;
	struct ioasid_dev *fourth;
	unsigned int i;
	uint32_t a;

	fx_group_make(fx, "/numbers");
	set_limit(fx, "/numbers", 4);
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	for (i = 0; i < 4; i++)
		fx_add_slice(fx, 4 + i, i ? IOASID_CLASS_MDEV_PASID : IOASID_CLASS_MDEV_FIXED,
			     PARENT);
	a = fx_space_at(fx, 0, 1);
	assert_int_equal(fx->env.home->group_enter(&fx->env, "/numbers"), 0);
	/* Default PASIDs, then numbers. */
	for (i = 0; i < 3; i++) {
		fx_bind(fx, 4 + i);
		assert_int_equal(figures(fx, "/numbers").current_charge, i + 1);
	}
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[5], a, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[6], a, 0, 0), 0);
	/* Two devices, two numbers; one of them has room. */
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(fx->ctx[0], a, L));
	assert_int_equal(figures(fx, "/numbers").current_charge, 3);
	assert_int_equal(ioasid_set_hwid_dev(fx->ctx[0], a, L, FX_COOKIE(5)), 0);
	assert_int_equal(figures(fx, "/numbers").current_charge, 4);
	fourth = fx_handle(fx, 7);
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_dev_bind(fourth, fx->ctx[0], 1));
	assert_int_equal(figures(fx, "/numbers").current_charge, 4);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_int_equal(figures(fx, "/numbers").current_charge, 3);
	fx_dev_close(fx, 4);
	assert_int_equal(figures(fx, "/numbers").current_charge, 2);
	assert_int_equal(ioasid_dev_bind(fourth, fx->ctx[0], FX_COOKIE(7)), 0);
	fx_close(fx, 0);
	fx_open(fx, 0);
	assert_int_equal(figures(fx, "/numbers").current_charge, 0);
	assert_int_equal(figures(fx, "/numbers").peak, 4);
}

#define NARROW (NEEDS_8_BITS | NEEDS_SLICES)
static const struct conf_test tests[] = {
	CONF_TEST(queued_work_ends_with_its_number, NARROW),
	CONF_TEST(queued_work_ends_with_its_device, NARROW),
	CONF_TEST(queued_work_of_other_numbers_stays, NARROW),
	CONF_TEST(stale_work_does_not_reach_what_has_the_name_now, NARROW),
	CONF_TEST(work_that_waits_for_a_page_goes_on_when_it_comes, NARROW),
	CONF_TEST(numbers_end_with_work_in_execution, NARROW),
	CONF_TEST(the_name_is_free_while_work_with_the_number_ends, NARROW),
	CONF_TEST(contexts_end_with_work_in_execution, NARROW),
	CONF_TEST(a_reset_ends_work_in_execution_and_keeps_the_number, NARROW),
	CONF_TEST(a_local_number_of_a_fenced_slice_is_nobodys_until_reset, NARROW),
	CONF_TEST(a_host_wide_number_of_a_fenced_slice_stays_pending, NARROW),
	CONF_TEST(a_sibling_keeps_a_number_that_a_fenced_one_let_go_of, NARROW),
	CONF_TEST(a_function_that_does_not_answer_is_fenced_with_all_its_slices, NARROW),
	CONF_TEST(unplugging_a_fenced_slice_frees_what_it_held, NARROW),
	CONF_TEST(parents_numbers_are_charged_once_per_device, NARROW),
};
CONF_SUITE(suite_life, "life", tests);
