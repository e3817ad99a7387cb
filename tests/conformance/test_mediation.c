// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mediation: what a guest writes to a device's register is its own number, what goes on the wire is another;
 * a number without a route is refused and the register keeps its value. And the allow list: a slice
 * sends numbers of its own routes only, whatever its register or its portal is told.
 */
#include <pthread.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PARENT	   2
#define HOST_SPLIT 128U
#define SPLIT	   64U
#define L	   100U /* in local mode; the lowest free number is on the wire, so never this */
#define PASID_REG  (IOASID_WQ_QUEUE(FX_DEDICATED) + IOASID_WQ_REG_PASID)
#define CONTROL	   (IOASID_WQ_QUEUE(FX_DEDICATED) + IOASID_WQ_REG_CONTROL)
#define COUNT(q)   (IOASID_WQ_QUEUE(q) + IOASID_WQ_REG_COUNT)

/* Slices with queues in slots 3, 4, ... of the function in PARENT. */
static void add_slices(struct fx *fx, unsigned int n, uint16_t dev_class)
{
	unsigned int i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	for (i = 0; i < n; i++)
		fx_add_queues(fx, 3 + i, dev_class, PARENT);
}

static void expect_register(struct fx *fx, unsigned int slot, uint32_t vpasid)
{
	assert_int_equal(fx_reg(fx, slot, PASID_REG), vpasid | IOASID_WQ_PASID_VALID);
}

static void expect_error(struct fx *fx, unsigned int slot, enum ioasid_wq_error error)
{
	assert_int_equal(fx_reg(fx, slot, IOASID_WQ_REG_ERROR), error);
	assert_int_equal(fx_set_reg(fx, slot, IOASID_WQ_REG_ERROR, 0), 0);
	assert_int_equal(fx_reg(fx, slot, IOASID_WQ_REG_ERROR), IOASID_WQ_ERR_NONE);
}

/* ---- registers ----------------------------------------------------------------------------------- */

static void a_register_takes_the_guests_number(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a, b, wire;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	wire = fx_attach_wire(fx, 3, a, L);
	assert_int_not_equal(wire, L);
	assert_false(fx_entry(fx, 3, L).present);
	assert_int_equal(fx_program(fx, 3, L), 0);
	/* It reads as it was written: what is on the wire is not shown. */
	expect_register(fx, 3, L);
	fx_dedicated_lands(fx, 3, FX_IOVA, 1);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], b, L + 1, 0), 0);
	assert_int_equal(fx_program(fx, 3, L + 1), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 2);
	/* Without PASID: the default route. */
	assert_int_equal(fx_program(fx, 3, CONF_RID), 0);
	assert_true(fx_store(fx, 3, &w));
	fx_lost(fx, 3);
	assert_int_equal(ioasid_dev_attach(fx->dev[3], a, 0), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 1);
}

static void a_number_without_a_route_leaves_the_register(void **state)
{
	struct fx *fx = *state;
	static const uint32_t bad[] = { 0, 1, 2, L - 1, L + 1, HOST_SPLIT, 255, 256, 0xfffff };
	uint32_t a, i, wire;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	a = fx_space_at(fx, 0, 1);
	wire = fx_attach_wire(fx, 3, a, L);
	assert_int_equal(fx_program(fx, 3, L), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, bad[i]));
		expect_register(fx, 3, L);
		expect_error(fx, 3, IOASID_WQ_ERR_PASID);
		fx_enable(fx, 3, FX_DEDICATED);
		fx_dedicated_lands(fx, 3, FX_IOVA, 1);
	}
	/* Nor the number that it is on the wire. */
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, wire));
	expect_register(fx, 3, L);
	/* Attached, and without a number yet: nothing is routed. */
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], fx_space_at(fx, 0, 2), 0, 0), 0);
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, L + 1));
	/* Not while it is on, and not with bits that mean nothing. */
	fx_enable(fx, 3, FX_DEDICATED);
	EXPECT_REFUSED(fx, -EBUSY, fx_set_reg(fx, 3, PASID_REG, L | IOASID_WQ_PASID_VALID));
	assert_int_equal(fx_set_reg(fx, 3, CONTROL, 0), 0);
	EXPECT_REFUSED(fx, -EINVAL,
		       fx_set_reg(fx, 3, PASID_REG, L | IOASID_WQ_PASID_VALID | 1 << 20));
	expect_register(fx, 3, L);
}

static void a_number_that_is_shown_is_the_one_on_the_wire(void **state)
{
	struct fx *fx = *state;
	struct ioasid_set_hwid h = { .flags = IOASID_HWID_EXPOSE, .vpasid = L };
	struct fx_numbers before;

	add_slices(fx, 2, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	fx_bind(fx, 4);
	h.ioasid = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], h.ioasid, 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[4], h.ioasid, 0, 0), 0);
	/* Each has its own: one answer cannot tell both. */
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_hwid_args(fx->ctx[0], &h));
	h.flags |= IOASID_HWID_DEVICE;
	h.cookie = FX_COOKIE(3);
	before = fx_numbers(fx, PARENT);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &h), 0);
	assert_int_equal(h.ppasid, fx_wire(fx, PARENT, &before, 0));
	assert_int_equal(fx_info(fx, 0).no_migration & IOASID_NOMIG_EXPOSED, IOASID_NOMIG_EXPOSED);
	/* Registers take the guest's number all the same. */
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, h.ppasid));
	assert_int_equal(fx_program(fx, 3, L), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 1);
}

static void a_whole_functions_register_takes_routed_numbers_only(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a = fx_space_at(fx, 0, 1);

	fx_add_queues(fx, PARENT, IOASID_CLASS_PDEV_PASID, FX_WHOLE);
	fx_bind(fx, PARENT);
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, PARENT, L));
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[PARENT], a, L, 0), 0);
	assert_int_equal(fx_program(fx, PARENT, L), 0);
	fx_dedicated_lands(fx, PARENT, FX_IOVA, 1);
	/* The wire number is the guest's own: its end is the guest driver's to see to. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_true(fx_store(fx, PARENT, &w));
	fx_lost(fx, PARENT);
	expect_register(fx, PARENT, L);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	fx_dedicated_lands(fx, PARENT, FX_IOVA, 1);
}

/* ---- siblings ------------------------------------------------------------------------------------ */

static void equal_vpasids(struct fx *fx, unsigned int other)
{
	uint32_t a, b, wire[2];

	add_slices(fx, 2, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	fx_bind_to(fx, 4, other);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, other, 2);
	wire[0] = fx_attach_wire(fx, 3, a, L);
	wire[1] = fx_attach_wire(fx, 4, b, L);
	assert_int_not_equal(wire[0], wire[1]);
	assert_int_equal(fx_program(fx, 3, L), 0);
	assert_int_equal(fx_program(fx, 4, L), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 1);
	fx_dedicated_lands(fx, 4, FX_IOVA, 2);
	fx_dma_lands(fx, PARENT, wire[0], FX_IOVA, 1);
	fx_dma_lands(fx, PARENT, wire[1], FX_IOVA, 2);
	/* One number's end is not the other's. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_false(fx_entry(fx, PARENT, wire[0]).present);
	assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
	expect_register(fx, 4, L);
	fx_dedicated_lands(fx, 4, FX_IOVA, 2);
	/* What the one knows says nothing to the other. */
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[4], fx_space_at(fx, other, 3), L + 7, 0),
			 0);
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, L + 7));
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, wire[1]));
}

static void equal_vpasids_of_siblings_stay_apart_in_one_context(void **state)
{
	equal_vpasids(*state, 0);
}

static void equal_vpasids_of_siblings_stay_apart_in_two_contexts(void **state)
{
	struct fx *fx = *state;

	fx_open(fx, 1);
	equal_vpasids(fx, 1);
}

/* ---- the allow list ------------------------------------------------------------------------------ */

/**
 * struct pair - two slices with shared queues, each with a route of its own, portals open
 * @g: on the wire
 * @other: the second one's context
 */
struct pair {
	uint32_t a, b, g[2];
	unsigned int other;
};

static void go_global(struct fx *fx, unsigned int ctx)
{
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[ctx], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[ctx], SPLIT), 0);
}

static struct pair open_portals(struct fx *fx, unsigned int other)
{
	struct pair p = { .other = other };

	add_slices(fx, 2, IOASID_CLASS_MDEV_DMWR);
	go_global(fx, 0);
	if (other)
		go_global(fx, other);
	fx_bind(fx, 3);
	fx_bind_to(fx, 4, other);
	p.a = fx_space_at(fx, 0, 1);
	p.b = fx_space_at(fx, other, 2);
	p.g[0] = fx_attach_wire(fx, 3, p.a, 5);
	p.g[1] = fx_attach_wire(fx, 4, p.b, 6);
	fx_vm(fx);
	assert_int_equal(ioasid_cpu_pasid_enable(fx->ctx[0], fx_vm_fd(fx)), 0);
	if (other) {
		fx->vm[1] = fx->env.home->vm_create(&fx->env);
		assert_non_null(fx->vm[1]);
		assert_int_equal(
			ioasid_cpu_pasid_enable(fx->ctx[other], fx->env.home->vm_fd(fx->vm[1])), 0);
	}
	fx_enable(fx, 3, FX_SHARED);
	fx_enable(fx, 4, FX_SHARED);
	return p;
}

/* No answer but "retry", and no trace of the store. */
static void expect_not_allowed(struct fx *fx, unsigned int slot, uint32_t ppasid)
{
	struct fx_work w = fx_work(FX_IOVA);

	assert_false(fx_dmwr(fx, slot, ppasid, &w));
	expect_error(fx, slot, IOASID_WQ_ERR_ALLOW);
	assert_int_equal(fx_reg(fx, slot, COUNT(FX_SHARED)), 0);
	fx_lost(fx, slot);
}

static void allow_list(struct fx *fx, unsigned int other)
{
	struct pair p = open_portals(fx, other);
	struct fx_work w = fx_work(FX_IOVA);
	struct fx_numbers n;
	uint32_t i;

	n = fx_numbers(fx, PARENT);
	for (i = 0; i < 256; i++) {
		if (i != p.g[0])
			expect_not_allowed(fx, 3, i);
		if (i != p.g[1])
			expect_not_allowed(fx, 4, i);
	}
	expect_not_allowed(fx, 3, 0xfffff);
	/* There are two numbers on this wire, and each slice has its own. */
	assert_int_equal(fx_count(&n), 2);
	assert_true(fx_dmwr(fx, 3, p.g[0], &w));
	fx_landed(fx, 3, &w, 1);
	w = fx_work(FX_IOVA);
	assert_true(fx_dmwr(fx, 4, p.g[1], &w));
	fx_landed(fx, 4, &w, 2);
	/* By the register as well. */
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, 6));
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 4, 5));
	assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
	/* When the route goes, so does the permission. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], p.a, 5), 0);
	expect_not_allowed(fx, 3, p.g[0]);
	w = fx_work(FX_IOVA);
	assert_true(fx_dmwr(fx, 4, p.g[1], &w));
	fx_landed(fx, 4, &w, 2);
}

static void a_slice_sends_its_own_numbers_only_in_one_context(void **state)
{
	allow_list(*state, 0);
}

static void a_slice_sends_its_own_numbers_only_in_two_contexts(void **state)
{
	struct fx *fx = *state;

	fx_open(fx, 1);
	allow_list(fx, 1);
}

static void a_shared_number_is_each_siblings_own_while_it_has_a_route(void **state)
{
	struct fx *fx = *state;
	struct pair p = open_portals(fx, 0);
	struct fx_work w = fx_work(FX_IOVA);

	/* The second attaches to the first one's space as well. */
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[4], p.a, 5, 0), 0);
	assert_true(fx_dmwr(fx, 4, p.g[0], &w));
	fx_landed(fx, 4, &w, 1);
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], p.a, 5, FX_COOKIE(3)), 0);
	expect_not_allowed(fx, 3, p.g[0]);
	w = fx_work(FX_IOVA);
	assert_true(fx_dmwr(fx, 4, p.g[0], &w));
	fx_landed(fx, 4, &w, 1);
}

static void a_slices_default_pasid_is_not_for_descriptors_of_others(void **state)
{
	struct fx *fx = *state;
	struct pair p = open_portals(fx, 0);
	struct fx_numbers before = fx_numbers(fx, PARENT);
	uint32_t number;

	assert_int_equal(ioasid_dev_attach(fx->dev[4], p.b, 0), 0);
	number = fx_wire(fx, PARENT, &before, 0);
	expect_not_allowed(fx, 3, number);
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, number));
}

static void malformed_descriptors_are_not_taken(void **state)
{
	struct fx *fx = *state;
	struct pair p = open_portals(fx, 0);
	uint32_t bit;

	/* Bits 30:20 of the first four bytes are 0, in whatever an honest CPU sends. */
	for (bit = 20; bit <= 30; bit++)
		expect_not_allowed(fx, 3, p.g[0] | 1U << bit);
}

/* ---- numbers that end ------------------------------------------------------------------------------ */

static void a_register_forgets_a_number_that_ended(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a, b, way;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	b = fx_space_at(fx, 0, 2);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], b, L + 1, 0), 0);
	for (way = 0; way < 3; way++) {
		a = fx_space_at(fx, 0, 1);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], a, L, 0), 0);
		assert_int_equal(fx_program(fx, 3, L), 0);
		fx_dedicated_lands(fx, 3, FX_IOVA, 1);
		/* Another number's end is none of its business. */
		assert_int_equal(ioasid_clear_hwid(fx->ctx[0], b, L + 1), 0);
		expect_register(fx, 3, L);
		assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, L + 1), 0);
		if (way == 0)
			assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
		if (way == 1)
			assert_int_equal(ioasid_dev_detach_pasid(fx->dev[3], a), 0);
		if (way == 2)
			assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], a, L, FX_COOKIE(3)), 0);
		assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
		assert_int_equal(fx_reg(fx, 3, CONTROL), 0);
		assert_false(fx_store(fx, 3, &w));
		expect_error(fx, 3, IOASID_WQ_ERR_CLOSED);
		EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, 3, L));
		if (way == 1)
			assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], a, 0, 0), 0);
		/* The same name is another number now; a register learns it when it is written. */
		assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
		assert_false(fx_store(fx, 3, &w));
		assert_int_equal(fx_program(fx, 3, L), 0);
		fx_dedicated_lands(fx, 3, FX_IOVA, 1);
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[3], a), 0);
		assert_int_equal(ioasid_ioas_free(fx->ctx[0], a), 0);
	}
}

static void reset_clears_registers_and_queues_and_keeps_routes(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t a, wire;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	a = fx_space_at(fx, 0, 1);
	wire = fx_attach_wire(fx, 3, a, L);
	assert_int_equal(fx_program(fx, 3, L), 0);
	assert_true(fx_store(fx, 3, &w));
	EXPECT_REFUSED(fx, 0, ioasid_dev_reset(fx->dev[3]));
	assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
	assert_int_equal(fx_reg(fx, 3, CONTROL), 0);
	assert_int_equal(fx_reg(fx, 3, COUNT(FX_DEDICATED)), 0);
	fx_lost(fx, 3);
	fx_dma_lands(fx, 3, wire, FX_IOVA, 1);
	assert_int_equal(fx_program(fx, 3, L), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 1);
}

static void the_next_user_finds_nothing_of_the_last(void **state)
{
	struct fx *fx = *state;
	struct fx_work w = fx_work(FX_IOVA);
	uint32_t b;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_open(fx, 1);
	fx_bind(fx, 3);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], fx_space_at(fx, 0, 1), L, 0), 0);
	assert_int_equal(fx_program(fx, 3, L), 0);
	assert_true(fx_store(fx, 3, &w));
	fx_dev_close(fx, 3);
	/* Nobody's: there is nothing to convert a number with, and nothing goes out. */
	EXPECT_REFUSED(fx, -ENOENT, fx_set_reg(fx, 3, PASID_REG, L | IOASID_WQ_PASID_VALID));
	fx_lost(fx, 3);
	fx_enable(fx, 3, FX_DEDICATED);
	assert_false(fx_store(fx, 3, &w));
	assert_int_equal(fx_set_reg(fx, 3, CONTROL, 0), 0);
	fx_bind_to(fx, 3, 1);
	b = fx_space_at(fx, 1, 2);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], b, L, 0), 0);
	assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
	assert_int_equal(fx_reg(fx, 3, CONTROL), 0);
	assert_int_equal(fx_reg(fx, 3, COUNT(FX_DEDICATED)), 0);
	fx_lost(fx, 3);
	assert_int_equal(fx_program(fx, 3, L), 0);
	fx_dedicated_lands(fx, 3, FX_IOVA, 2);
}

/** struct writer - a guest that writes a register all the time; @taken: how often it was. */
struct writer {
	struct fx *fx;
	bool stop;
	uint64_t taken;
};

static void *write_register(void *arg)
{
	struct writer *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		if (!fx_set_reg(w->fx, 3, PASID_REG, L | IOASID_WQ_PASID_VALID))
			__atomic_add_fetch(&w->taken, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * Where a descriptor is the system's, a call of the writer that is under way on it keeps it open for a
 * moment after it was closed; then the binding ends. What is kept by mistake stays for good.
 */
static void register_goes_empty(struct fx *fx)
{
	uint64_t ms;

	for (ms = 0; fx_reg(fx, 3, PASID_REG) && ms < fx_patience(2000); ms++)
		usleep(1000);
	assert_int_equal(fx_reg(fx, 3, PASID_REG), 0);
}

static void what_is_written_while_a_binding_ends_is_not_kept(void **state)
{
	struct fx *fx = *state;
	struct writer w = { .fx = fx };
	pthread_t thread;
	unsigned int i, j;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	assert_int_equal(pthread_create(&thread, NULL, write_register, &w), 0);
	for (i = 0; i < 20; i++) {
		uint64_t taken = __atomic_load_n(&w.taken, __ATOMIC_RELAXED);

		fx_bind(fx, 3);
		/* Routes that take their time to end, the register's first or last. */
		for (j = 0; j < 8; j++)
			assert_int_equal(ioasid_dev_attach_pasid(fx->dev[3], fx_space_at(fx, 0, j),
								 i & 1 ? L + j : L - j, 0),
					 0);
		while (__atomic_load_n(&w.taken, __ATOMIC_RELAXED) == taken)
			usleep(10);
		if (i & 2)
			fx_dev_close(fx, 3);
		fx_close(fx, 0);
		register_goes_empty(fx);
		fx_dev_close(fx, 3);
		fx_open(fx, 0);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* ---- faults of slices ------------------------------------------------------------------------------ */

static void page_requests_of_slices_carry_the_guests_numbers(void **state)
{
	struct fx *fx = *state;
	uint32_t user, wire;
	struct ioasid_fault f;
	unsigned int i;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR, .ats = true, .pri = true));
	for (i = 0; i < 2; i++) {
		fx_add(fx, 3 + i,
		       FX_DEV(IOASID_CLASS_MDEV_PASID, .parent = fx->hw[PARENT], .ats = true,
			      .pri = true));
		fx_bind(fx, 3 + i);
	}
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	user = fx_user(fx, fx_gpa_space(fx), guest_table_new(&fx->g));
	for (i = 0; i < 2; i++) {
		wire = fx_attach_wire(fx, 3 + i, user, L);
		assert_int_equal(
			fx->env.home->page_request(fx->hw[3 + i], wire, 0x1000, true, 7, true), 0);
		f = fx_fault_wait(fx);
		assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
		assert_int_equal(f.vpasid, L);
		assert_int_equal(f.cookie, FX_COOKIE(3 + i));
		assert_int_equal(f.ioasid, user);
		/* "Failure" would switch page requests off for its siblings. */
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_FAILURE),
				 0);
		fx_answered(fx, 3 + i, 7, IOASID_RESPONSE_INVALID);
		assert_int_equal(
			fx->env.home->page_request(fx->hw[3 + i], wire, 0x1000, true, 7, true), 0);
		f = fx_fault_wait(fx);
		assert_int_equal(ioasid_page_response(fx->ctx[0], f.id, IOASID_RESPONSE_SUCCESS),
				 0);
		fx_answered(fx, 3 + i, 7, IOASID_RESPONSE_SUCCESS);
	}
}

static void events_of_slices_carry_no_number_of_the_hosts(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f;
	uint32_t a, wire;

	add_slices(fx, 1, IOASID_CLASS_MDEV_PASID);
	fx_bind(fx, 3);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	a = fx_space_at(fx, 0, 1);
	wire = fx_attach_wire(fx, 3, a, L);
	fx_dma_blocked(fx, 3, wire, FX_IOVA + GUEST_PAGE, IOASID_REASON_NOT_PRESENT);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.cookie, FX_COOKIE(3));
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, IOASID_FAULT_VPASID);
	assert_int_equal(f.vpasid, L);
	/* Without PASID: the default PASID is a matter of the host's. */
	assert_int_equal(ioasid_dev_attach(fx->dev[3], a, 0), 0);
	while (ioasid_fault_read(fx->ctx[0], &f, 1) == 1)
		;
	fx_dma_blocked(fx, 3, CONF_RID, FX_IOVA + GUEST_PAGE, IOASID_REASON_NOT_PRESENT);
	f = fx_fault_wait(fx);
	assert_int_equal(f.cookie, FX_COOKIE(3));
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, 0);
}

#define NARROW (NEEDS_8_BITS | NEEDS_SLICES)
static const struct conf_test tests[] = {
	CONF_TEST(a_register_takes_the_guests_number, NARROW),
	CONF_TEST(a_number_without_a_route_leaves_the_register, NARROW),
	CONF_TEST(a_number_that_is_shown_is_the_one_on_the_wire, NARROW),
	CONF_TEST(a_whole_functions_register_takes_routed_numbers_only, NARROW),
	CONF_TEST(equal_vpasids_of_siblings_stay_apart_in_one_context, NARROW),
	CONF_TEST(equal_vpasids_of_siblings_stay_apart_in_two_contexts, NARROW),
	CONF_TEST(a_slice_sends_its_own_numbers_only_in_one_context, NARROW),
	CONF_TEST(a_slice_sends_its_own_numbers_only_in_two_contexts, NARROW),
	CONF_TEST(a_shared_number_is_each_siblings_own_while_it_has_a_route, NARROW),
	CONF_TEST(a_slices_default_pasid_is_not_for_descriptors_of_others, NARROW),
	CONF_TEST(malformed_descriptors_are_not_taken, NARROW),
	CONF_TEST(a_register_forgets_a_number_that_ended, NARROW),
	CONF_TEST(reset_clears_registers_and_queues_and_keeps_routes, NARROW),
	CONF_TEST(the_next_user_finds_nothing_of_the_last, NARROW),
	CONF_TEST(what_is_written_while_a_binding_ends_is_not_kept, NARROW),
	CONF_TEST(page_requests_of_slices_carry_the_guests_numbers, NARROW),
	CONF_TEST(events_of_slices_carry_no_number_of_the_hosts, NARROW),
};
CONF_SUITE(suite_mediation, "mediation", tests);
