// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The hybrid split: one host-wide number G for a vPASID L of a context, on all its global-mode devices. On
 * a whole function L and G lead to one place, on a slice G alone does. What is installed is read in
 * the tables in memory; the core is not asked.
 */
#include <unistd.h>

#include "tests/conformance/fixture.h"

/* Slots. The first is whole, the others are slices of two further functions. */
#define WHOLE	  2
#define PARENT	  3
#define CARRIED	  4 /* class 8 */
#define PLAIN	  5 /* class 6 */
#define SIBLING	  6 /* class 8 */
#define PARENT_2  7
#define ELSEWHERE 8 /* class 6, of PARENT_2 */

#define HOST_SPLIT 128U
#define SPLIT	   64U
#define L	   5U
#define VA	   0x7f0012345000ULL

static void add_devices(struct fx *fx)
{
	fx_add(fx, WHOLE, FX_DEV(IOASID_CLASS_PDEV_DMWR, .ats = true, .pri = true));
	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_DMWR, .ats = true, .pri = true));
	fx_add(fx, CARRIED,
	       FX_DEV(IOASID_CLASS_MDEV_DMWR, .parent = fx->hw[PARENT], .ats = true, .pri = true));
	fx_add_slice(fx, PLAIN, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_add_slice(fx, SIBLING, IOASID_CLASS_MDEV_DMWR, PARENT);
	/* Alike: a home may keep a table for each kind of device. */
	fx_add(fx, PARENT_2, FX_DEV(IOASID_CLASS_PDEV_PASID, .ats = true, .pri = true));
	fx_add_slice(fx, ELSEWHERE, IOASID_CLASS_MDEV_PASID, PARENT_2);
}

/* Context 0 in global mode, split, with @n of the devices from @slot on bound. */
static void set_up(struct fx *fx)
{
	add_devices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, CARRIED);
}

static void attach(struct fx *fx, unsigned int slot, uint32_t ioasid)
{
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[slot], ioasid, 0, 0), 0);
}

static void expect_same_numbers(const struct fx_numbers *a, const struct fx_numbers *b)
{
	unsigned int i;

	for (i = 0; i < FX_NUMBERS; i++)
		assert_int_equal(a->present[i], b->present[i]);
}

/* L and G on the whole function, G alone on the other; all lead to one table. */
static void expect_hybrid(struct fx *fx, unsigned int slice, uint32_t l, uint32_t g)
{
	assert_true(fx_leads_alike(fx, WHOLE, l, WHOLE, g));
	assert_true(fx_leads_alike(fx, WHOLE, l, slice, g));
	assert_false(fx_entry(fx, slice, l).present);
}

static void a_pdev_has_both_numbers_and_an_mdev_the_hosts(void **state)
{
	struct fx *fx = *state;
	struct fx_numbers whole, parent, now;
	uint32_t a, b, g, h;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	attach(fx, WHOLE, a);
	attach(fx, CARRIED, a);
	whole = fx_numbers(fx, WHOLE);
	parent = fx_numbers(fx, PARENT);
	assert_int_equal(fx_count(&whole), 0);
	assert_int_equal(fx_count(&parent), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	g = fx_wire(fx, WHOLE, &whole, L);
	assert_int_equal(fx_wire(fx, PARENT, &parent, 0), g);
	assert_in_range(g, HOST_SPLIT, 255);
	expect_hybrid(fx, CARRIED, L, g);
	assert_int_equal(fx_info(fx, 0).ids_live, 1);
	assert_int_equal(fx_info(fx, 0).nr_routes, 2);
	fx_dma_lands(fx, WHOLE, L, FX_IOVA, 1);
	fx_dma_lands(fx, WHOLE, g, FX_IOVA, 1);
	fx_dma_lands(fx, CARRIED, g, FX_IOVA, 1);
	fx_dma_blocked(fx, CARRIED, L, FX_IOVA, IOASID_REASON_NO_ROUTE);
	/* Another number of the same context is another entry, and leads elsewhere. */
	h = fx_attach_wire(fx, WHOLE, b, L + 1);
	assert_int_not_equal(h, g);
	assert_true(fx_leads_alike(fx, WHOLE, L + 1, WHOLE, h));
	assert_false(fx_leads_alike(fx, WHOLE, L, WHOLE, L + 1));
	fx_dma_lands(fx, WHOLE, h, FX_IOVA, 2);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], b, L + 1), 0);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	now = fx_numbers(fx, WHOLE);
	expect_same_numbers(&now, &whole);
	now = fx_numbers(fx, PARENT);
	expect_same_numbers(&now, &parent);
	fx_dma_blocked(fx, WHOLE, L, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, WHOLE, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, CARRIED, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
}

static void a_vpasid_names_one_space_in_the_context(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b, c;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	c = fx_space_at(fx, 0, 3);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], a, L, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_dev_attach_pasid(fx->dev[CARRIED], b, L, 0));
	assert_int_equal(fx_refusal(fx, CARRIED), IOASID_REFUSAL_NUMBER);
	attach(fx, CARRIED, b);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(fx->ctx[0], b, L));
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid_dev(fx->ctx[0], b, L, FX_COOKIE(CARRIED)));
	/* A sibling in local mode has a numbering of its own. */
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	fx_bind(fx, PLAIN);
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(PLAIN), IOASID_MODE_LOCAL),
			 0);
	assert_in_range(fx_attach_wire(fx, PLAIN, c, L), 1, HOST_SPLIT - 1);
	/* What the one gave up the other may have. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], b, L), 0);
}

/* ---- what reaches both ------------------------------------------------------------------------- */

/**
 * struct nested - a guest's table under both numbers
 * @user: address space; @root: its table; @g: host-wide number
 */
struct nested {
	uint32_t user, g;
	uint64_t root;
};

static void guest_binds(struct fx *fx, uint64_t root, size_t page)
{
	guest_map(&fx->g, root, 4, VA, guest_data_gpa(&fx->g, page), PTE_U | PTE_W, 1);
}

static struct nested nest(struct fx *fx, size_t page)
{
	struct nested n = { .root = guest_table_new(&fx->g) };
	struct fx_numbers before = fx_numbers(fx, WHOLE);

	n.user = fx_user(fx, fx_gpa_space(fx), 0);
	attach(fx, WHOLE, n.user);
	attach(fx, CARRIED, n.user);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], n.user, L), 0);
	n.g = fx_wire(fx, WHOLE, &before, L);
	guest_binds(fx, n.root, page);
	return n;
}

#define EXPECT_PAGE(fx, n, page)                            \
	do {                                                \
		fx_dma_lands(fx, WHOLE, L, VA, page);       \
		fx_dma_lands(fx, WHOLE, (n).g, VA, page);   \
		fx_dma_lands(fx, CARRIED, (n).g, VA, page); \
		expect_hybrid(fx, CARRIED, L, (n).g);       \
	} while (0)
#define EXPECT_BLOCKED(fx, n, reason)                           \
	do {                                                    \
		fx_dma_blocked(fx, WHOLE, L, VA, reason);       \
		fx_dma_blocked(fx, WHOLE, (n).g, VA, reason);   \
		fx_dma_blocked(fx, CARRIED, (n).g, VA, reason); \
	} while (0)

static void binding_a_table_reaches_both_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid_table table;
	uint64_t second;
	struct nested n;

	set_up(fx);
	n = nest(fx, 10);
	EXPECT_BLOCKED(fx, n, -1);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	EXPECT_PAGE(fx, n, 10);
	second = guest_table_new(&fx->g);
	guest_binds(fx, second, 11);
	table = fx_table(second);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	EXPECT_PAGE(fx, n, 11);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, NULL), 0);
	EXPECT_BLOCKED(fx, n, -1);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	EXPECT_PAGE(fx, n, 10);
}

static void invalidation_reaches_both_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid_invalidate inv = { .granularity = IOASID_INV_RANGE, .iova = VA };
	struct ioasid_table table;
	struct nested n;

	set_up(fx);
	n = nest(fx, 10);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	EXPECT_PAGE(fx, n, 10);
	guest_binds(fx, n.root, 11);
	assert_int_equal(ioasid_invalidate(fx->ctx[0], n.user), 0);
	EXPECT_PAGE(fx, n, 11);
	guest_binds(fx, n.root, 12);
	assert_int_equal(ioasid_invalidate_range(fx->ctx[0], n.user, VA, GUEST_PAGE, true), 0);
	EXPECT_PAGE(fx, n, 12);
	/* By device: its numbers, both of them. */
	guest_binds(fx, n.root, 13);
	inv.flags = IOASID_INV_DEVICE;
	inv.ioasid = n.user;
	inv.length = GUEST_PAGE;
	inv.cookie = FX_COOKIE(WHOLE);
	assert_int_equal(ioasid_invalidate_args(fx->ctx[0], &inv), 0);
	fx_dma_lands(fx, WHOLE, L, VA, 13);
	fx_dma_lands(fx, WHOLE, n.g, VA, 13);
	inv.cookie = FX_COOKIE(CARRIED);
	assert_int_equal(ioasid_invalidate_args(fx->ctx[0], &inv), 0);
	EXPECT_PAGE(fx, n, 13);
	guest_unmap(&fx->g, n.root, 4, VA);
	assert_int_equal(ioasid_invalidate(fx->ctx[0], n.user), 0);
	EXPECT_BLOCKED(fx, n, IOASID_REASON_NOT_PRESENT);
}

static void unmap_of_the_parent_reaches_both_numbers(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	attach(fx, CARRIED, a);
	g = fx_attach_wire(fx, WHOLE, a, L);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	fx_dma_lands(fx, WHOLE, L, FX_IOVA, 1);
	fx_dma_lands(fx, WHOLE, g, FX_IOVA, 1);
	fx_dma_lands(fx, CARRIED, g, FX_IOVA, 1);
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], a, NULL), 0);
	fx_dma_blocked(fx, WHOLE, L, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, WHOLE, g, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, CARRIED, g, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_map_page(fx, a, FX_IOVA, 2);
	fx_dma_lands(fx, WHOLE, L, FX_IOVA, 2);
	fx_dma_lands(fx, WHOLE, g, FX_IOVA, 2);
	fx_dma_lands(fx, CARRIED, g, FX_IOVA, 2);
}

/* A page request with @number on the wire, and what the guest hears of it. */
static struct ioasid_fault request(struct fx *fx, unsigned int slot, uint32_t number,
				   uint32_t group)
{
	struct ioasid_fault f;

	assert_int_equal(fx->env.home->page_request(fx->hw[slot], number, VA + GUEST_PAGE, true,
						    group, true),
			 0);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_PAGE_REQUEST);
	assert_int_equal(f.cookie, FX_COOKIE(slot));
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, IOASID_FAULT_VPASID);
	assert_int_equal(f.vpasid, L);
	assert_int_equal(f.group, group);
	return f;
}

static void page_requests_under_both_numbers_are_the_guests(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f[3];
	struct ioasid_table table;
	struct fx_async async;
	struct nested n;

	set_up(fx);
	n = nest(fx, 10);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	f[0] = request(fx, WHOLE, L, 1);
	f[1] = request(fx, WHOLE, n.g, 2);
	f[2] = request(fx, CARRIED, n.g, 3);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[1].id, IOASID_RESPONSE_SUCCESS), 0);
	fx_answered(fx, WHOLE, 2, IOASID_RESPONSE_SUCCESS);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[0].id, IOASID_RESPONSE_INVALID), 0);
	fx_answered(fx, WHOLE, 1, IOASID_RESPONSE_INVALID);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[2].id, IOASID_RESPONSE_SUCCESS), 0);
	fx_answered(fx, CARRIED, 3, IOASID_RESPONSE_SUCCESS);
	EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f[0].id, 0));
	/* A DMA that waits for its page, under the number only the CPU knows. */
	fx_async_start(fx, &async, WHOLE, CONF_WRITE, n.g, VA + GUEST_PAGE);
	f[0] = fx_fault_wait(fx);
	assert_int_equal(f[0].vpasid, L);
	guest_map(&fx->g, n.root, 4, VA + GUEST_PAGE, guest_data_gpa(&fx->g, 20), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_page_response(fx->ctx[0], f[0].id, IOASID_RESPONSE_SUCCESS), 0);
	assert_int_equal(fx_async_join(&async), 0);
	memcpy(fx->g.shadow + 20 * GUEST_PAGE, &async.data, 8);
	fx_dma_lands(fx, WHOLE, L, VA + GUEST_PAGE, 20);
	fx_dma_lands(fx, CARRIED, n.g, VA + GUEST_PAGE, 20);
}

/* The next answer to @slot is "invalid", to a group of [@first, @last]. */
static void expect_invalid(struct fx *fx, unsigned int slot, uint32_t first, uint32_t last)
{
	uint32_t group = 0, code = 0;
	unsigned int i;

	for (i = 0; i < fx_patience(2000); i++) {
		if (fx->env.home->response(fx->hw[slot], &group, &code))
			break;
		usleep(1000);
	}
	assert_int_equal(code, IOASID_RESPONSE_INVALID);
	assert_in_range(group, first, last);
}

static void clearing_answers_what_waits_under_both_numbers(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f[3];
	struct ioasid_table table;
	struct nested n;
	unsigned int i;

	set_up(fx);
	n = nest(fx, 10);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	f[0] = request(fx, WHOLE, L, 1);
	f[1] = request(fx, CARRIED, n.g, 3);
	f[2] = request(fx, WHOLE, n.g, 2);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], n.user, L), 0);
	fx_answered(fx, CARRIED, 3, IOASID_RESPONSE_INVALID);
	/* Which of the two comes first is nobody's business. */
	expect_invalid(fx, WHOLE, 1, 2);
	expect_invalid(fx, WHOLE, 1, 2);
	for (i = 0; i < 3; i++)
		EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f[i].id, 0));
	assert_int_equal(fx_info(fx, 0).nr_faults, 0);
	EXPECT_BLOCKED(fx, n, IOASID_REASON_NO_ROUTE);
}

static void a_new_table_keeps_what_waits_and_none_answers_it(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f[3];
	struct ioasid_table table;
	struct nested n;
	unsigned int i;

	set_up(fx);
	n = nest(fx, 10);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	f[0] = request(fx, WHOLE, L, 1);
	f[1] = request(fx, WHOLE, n.g, 2);
	f[2] = request(fx, CARRIED, n.g, 3);
	table = fx_table(guest_table_new(&fx->g));
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	assert_int_equal(fx_info(fx, 0).nr_faults, 3);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, NULL), 0);
	assert_int_equal(fx_info(fx, 0).nr_faults, 0);
	fx_answered(fx, CARRIED, 3, IOASID_RESPONSE_INVALID);
	expect_invalid(fx, WHOLE, 1, 2);
	expect_invalid(fx, WHOLE, 1, 2);
	for (i = 0; i < 3; i++)
		EXPECT_REFUSED(fx, -ENOENT, ioasid_page_response(fx->ctx[0], f[i].id, 0));
}

/* One blocked request, and the record of it. */
static struct ioasid_fault blocked(struct fx *fx, unsigned int slot, uint32_t number)
{
	uint64_t value = 0;
	struct conf_dma dma = { CONF_REQ(CONF_READ, FX_IOVA, number, &value, 8) };
	struct ioasid_fault f;

	assert_int_equal(fx_dma(fx, slot, &dma), -EFAULT);
	f = fx_fault_wait(fx);
	assert_int_equal(f.type, IOASID_FAULT_EVENT);
	assert_int_equal(f.cookie, FX_COOKIE(slot));
	return f;
}

static void events_name_numbers_of_the_guests_only(void **state)
{
	struct fx *fx = *state;
	struct ioasid_fault f;
	uint32_t a, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	assert_true(ioasid_fault_open(fx->ctx[0], 0) >= 0);
	g = fx_attach_wire(fx, WHOLE, a, L);
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], a, NULL), 0);
	f = blocked(fx, WHOLE, g);
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, IOASID_FAULT_VPASID);
	assert_int_equal(f.vpasid, L);
	/* Without a route: below the split it is what the guest programmed, above it is the host's. */
	f = blocked(fx, WHOLE, SPLIT - 1);
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, IOASID_FAULT_VPASID);
	assert_int_equal(f.vpasid, SPLIT - 1);
	assert_int_equal(f.reason, IOASID_REASON_NO_ROUTE);
	f = blocked(fx, WHOLE, g == 255 ? 254 : g + 1);
	assert_int_equal(f.flags & IOASID_FAULT_VPASID, 0);
	assert_int_equal(f.reason, IOASID_REASON_NO_ROUTE);
}

/* ---- devices that come and go -------------------------------------------------------------------- */

static void a_device_attached_later_gets_the_same_number(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	g = fx_attach_wire(fx, CARRIED, a, L);
	/* With its ATTACH, on a function of its own. */
	fx_bind(fx, ELSEWHERE);
	assert_int_equal(fx_attach_wire(fx, ELSEWHERE, a, L), g);
	/* By a further SET_HWID. */
	attach(fx, WHOLE, a);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	expect_hybrid(fx, CARRIED, L, g);
	expect_hybrid(fx, ELSEWHERE, L, g);
	EXPECT_REFUSED(fx, 0, ioasid_set_hwid(fx->ctx[0], a, L));
	assert_int_equal(fx_info(fx, 0).ids_live, 1);
	assert_int_equal(fx_info(fx, 0).nr_routes, 3);
	/* The first may go: the number is the context's. */
	fx_dev_close(fx, CARRIED);
	assert_false(fx_entry(fx, PARENT, g).present);
	expect_hybrid(fx, ELSEWHERE, L, g);
	fx_bind(fx, CARRIED);
	assert_int_equal(fx_attach_wire(fx, CARRIED, a, L), g);
	fx_dma_lands(fx, CARRIED, g, FX_IOVA, 1);
	/* When all are gone it is nobody's, and another may come. */
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
}

static void siblings_share_the_entry_until_the_last_leaves(void **state)
{
	struct fx *fx = *state;
	struct ioasid *ctx = fx->ctx[0];
	uint32_t a, g, way;

	set_up(fx);
	fx_bind(fx, PLAIN);
	fx_bind(fx, SIBLING);
	a = fx_space_at(fx, 0, 1);
	for (way = 0; way < 4; way++) {
		struct fx_numbers before = fx_numbers(fx, PARENT);

		attach(fx, CARRIED, a);
		attach(fx, PLAIN, a);
		attach(fx, SIBLING, a);
		assert_int_equal(ioasid_set_hwid(ctx, a, L), 0);
		g = fx_wire(fx, PARENT, &before, 0);
		assert_in_range(g, HOST_SPLIT, 255);
		/* One after the other, each in a way of its own, and in another order each time. */
		if (way & 1)
			assert_int_equal(ioasid_clear_hwid_dev(ctx, a, L, FX_COOKIE(CARRIED)), 0);
		else
			assert_int_equal(ioasid_dev_detach_pasid(fx->dev[SIBLING], a), 0);
		fx_dma_lands(fx, PLAIN, g, FX_IOVA, 1);
		assert_int_equal(ioasid_dev_detach_pasid(fx->dev[PLAIN], a), 0);
		fx_dma_lands(fx, CARRIED, g, FX_IOVA, 1);
		if (way & 2) {
			/* One that had left comes back to the same number. */
			if (!(way & 1))
				attach(fx, SIBLING, a);
			assert_int_equal(ioasid_set_hwid(ctx, a, L), 0);
			fx_dma_lands(fx, CARRIED, g, FX_IOVA, 1);
		}
		assert_int_equal(ioasid_clear_hwid(ctx, a, L), 0);
		assert_false(fx_entry(fx, PARENT, g).present);
		assert_int_equal(fx_info(fx, 0).ids_live, 0);
		fx_dma_blocked(fx, CARRIED, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
		fx_dev_close(fx, CARRIED);
		fx_dev_close(fx, SIBLING);
		fx_bind(fx, CARRIED);
		fx_bind(fx, SIBLING);
	}
}

static void a_sibling_that_is_unplugged_leaves_the_shared_entry(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	set_up(fx);
	fx_bind(fx, PLAIN);
	a = fx_space_at(fx, 0, 1);
	g = fx_attach_wire(fx, CARRIED, a, L);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[PLAIN], a, L, 0), 0);
	fx_dev_close(fx, SIBLING);
	fx_unplug(fx, CARRIED);
	fx_dma_lands(fx, PLAIN, g, FX_IOVA, 1);
	/* The entry stands on the remaining one: what it leads to can still be changed. */
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], a, NULL), 0);
	fx_dma_blocked(fx, PLAIN, g, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_map_page(fx, a, FX_IOVA, 4);
	fx_dma_lands(fx, PLAIN, g, FX_IOVA, 4);
	fx_unplug(fx, PLAIN);
	assert_false(fx_entry(fx, PARENT, g).present);
}

static void a_rebind_with_shared_entries_is_seen_by_all_siblings(void **state)
{
	struct fx *fx = *state;
	struct ioasid_table table;
	uint64_t second;
	struct nested n;

	set_up(fx);
	fx_bind(fx, SIBLING);
	n = nest(fx, 10);
	attach(fx, SIBLING, n.user);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], n.user, L), 0);
	table = fx_table(n.root);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	fx_dma_lands(fx, SIBLING, n.g, VA, 10);
	assert_int_equal(ioasid_clear_hwid_dev(fx->ctx[0], n.user, L, FX_COOKIE(CARRIED)), 0);
	second = guest_table_new(&fx->g);
	guest_binds(fx, second, 11);
	table = fx_table(second);
	assert_int_equal(ioasid_bind_pgtable(fx->ctx[0], n.user, &table), 0);
	fx_dma_lands(fx, SIBLING, n.g, VA, 11);
	fx_dma_lands(fx, WHOLE, n.g, VA, 11);
	fx_dma_lands(fx, WHOLE, L, VA, 11);
}

/* ---- failure anywhere undoes all ------------------------------------------------------------------- */

static void a_device_whose_split_is_too_low_undoes_all(void **state)
{
	struct fx *fx = *state;
	uint32_t a;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_hwid_set_global_min_dev(fx->ctx[0], FX_COOKIE(CARRIED), 16), 0);
	attach(fx, WHOLE, a);
	attach(fx, CARRIED, a);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, 16));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, SPLIT - 1));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, SPLIT));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, HOST_SPLIT));
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 15), 0);
	assert_int_equal(ioasid_set_hwid_dev(fx->ctx[0], a, 16, FX_COOKIE(WHOLE)), 0);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, 16));
	fx_dma_lands(fx, WHOLE, 15, FX_IOVA, 1);
	fx_dma_lands(fx, WHOLE, 16, FX_IOVA, 1);
}

static void a_number_taken_on_one_device_undoes_all(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b;

	set_up(fx);
	fx_bind(fx, PLAIN);
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(PLAIN), IOASID_MODE_LOCAL),
			 0);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	attach(fx, WHOLE, a);
	attach(fx, CARRIED, a);
	attach(fx, PLAIN, a);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[PLAIN], b, L, 0), 0);
	EXPECT_REFUSED(fx, -EEXIST, ioasid_set_hwid(fx->ctx[0], a, L));
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L + 1), 0);
}

static void an_exhausted_parent_undoes_all(void **state)
{
	struct fx *fx = *state;
	uint32_t a;

	/* One number is left to slices of this function: the default PASID of this one. */
	fx_add(fx, WHOLE, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add(fx, PARENT,
	       FX_DEV(IOASID_CLASS_PDEV_PASID, .kept_first = 1, .kept_last = HOST_SPLIT - 2));
	fx_add_slice(fx, PLAIN, IOASID_CLASS_MDEV_PASID, PARENT);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, PLAIN);
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(WHOLE), IOASID_MODE_GLOBAL),
			 0);
	a = fx_space_at(fx, 0, 1);
	attach(fx, WHOLE, a);
	attach(fx, PLAIN, a);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_hwid(fx->ctx[0], a, L));
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	/* In global mode it needs none of them. */
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(PLAIN), IOASID_MODE_GLOBAL),
			 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
}

static void a_quota_undoes_all(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	attach(fx, CARRIED, a);
	g = fx_attach_wire(fx, WHOLE, a, L);
	assert_int_equal(ioasid_set_quota(fx->ctx[0], 1, false), 0);
	EXPECT_REFUSED(fx, -EDQUOT, ioasid_set_hwid(fx->ctx[0], a, L + 1));
	/* What is charged already is not charged again. */
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	expect_hybrid(fx, CARRIED, L, g);
}

/* ---- which numbers ----------------------------------------------------------------------------------- */

static void numbers_lie_above_the_largest_split(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b, c, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	c = fx_space_at(fx, 0, 3);
	assert_int_equal(ioasid_hwid_set_global_min_dev(fx->ctx[0], FX_COOKIE(CARRIED), 200), 0);
	/* Of all bound devices, whether this space is attached to them or not. */
	g = fx_attach_wire(fx, WHOLE, a, L);
	assert_in_range(g, 200, 255);
	/* Of local-mode ones and of those that have left the split says nothing. */
	assert_int_equal(
		ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(CARRIED), IOASID_MODE_LOCAL), 0);
	assert_in_range(fx_attach_wire(fx, WHOLE, b, L + 1), HOST_SPLIT, 199);
	fx_dev_close(fx, CARRIED);
	assert_in_range(fx_attach_wire(fx, WHOLE, c, L + 2), HOST_SPLIT, 199);
}

static void a_number_that_lies_below_a_later_devices_split_is_ERANGE(void **state)
{
	struct fx *fx = *state;
	uint32_t a, g;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	g = fx_attach_wire(fx, WHOLE, a, L);
	assert_true(g < 255);
	fx_bind(fx, PLAIN);
	/* Its guest could take G for a number of its own. */
	assert_int_equal(ioasid_hwid_set_global_min_dev(fx->ctx[0], FX_COOKIE(PLAIN), 255), 0);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(fx->dev[PLAIN], a, L, 0));
	attach(fx, PLAIN, a);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], a, L));
	assert_int_equal(ioasid_hwid_set_global_min_dev(fx->ctx[0], FX_COOKIE(PLAIN), g), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	expect_hybrid(fx, PLAIN, L, g);
}

static void a_device_that_is_too_narrow_leaves_no_number(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b;

	set_up(fx);
	fx_add(fx, 9, FX_DEV(IOASID_CLASS_PDEV_PASID, .pasid_bits = 7));
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], a, L, 0), 0);
	fx_bind(fx, 9);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(fx->dev[9], a, L, 0));
	/* A slice may have fewer bits than its function. */
	fx_add(fx, 10, FX_DEV(IOASID_CLASS_MDEV_PASID, .parent = fx->hw[PARENT], .pasid_bits = 7));
	fx_bind(fx, 10);
	EXPECT_REFUSED(fx, -ERANGE, ioasid_dev_attach_pasid(fx->dev[10], a, L, 0));
	fx_dev_close(fx, 10);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_attach_pasid(fx->dev[WHOLE], b, L + 1, 0));
	assert_int_equal(fx_info(fx, 0).refused_by, IOASID_REFUSED_RANGE);
	/* In local mode it bothers nobody. */
	assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[0], FX_COOKIE(9), IOASID_MODE_LOCAL), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[WHOLE], b, L + 1, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[9], b, 127, 0), 0);
	fx_dma_lands(fx, 9, 127, FX_IOVA, 2);
}

static void all_numbers_and_not_one_more(void **state)
{
	struct fx *fx = *state;
	struct fx_numbers n;
	uint32_t a, i;

	set_up(fx);
	a = fx_space_at(fx, 0, 1);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], 150), 0);
	attach(fx, WHOLE, a);
	attach(fx, CARRIED, a);
	for (i = 1; i <= 256 - 150; i++)
		assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, i), 0);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_hwid(fx->ctx[0], a, i));
	assert_int_equal(fx_info(fx, 0).refused_by, IOASID_REFUSED_RANGE);
	n = fx_numbers(fx, WHOLE);
	assert_int_equal(fx_count(&n), 2 * (256 - 150));
	n = fx_numbers(fx, PARENT);
	assert_int_equal(fx_count(&n), 256 - 150);
	for (i = 150; i < 256; i++)
		assert_true(fx_leads_alike(fx, WHOLE, i, PARENT, i));
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, 77), 0);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, 120), 0);
}

static void what_one_devices_host_keeps_is_passed_over(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b;

	fx_add(fx, WHOLE, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add(fx, PARENT,
	       FX_DEV(IOASID_CLASS_PDEV_PASID, .kept_first = HOST_SPLIT, .kept_last = 254));
	fx_add_slice(fx, PLAIN, IOASID_CLASS_MDEV_PASID, PARENT);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], SPLIT), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, PLAIN);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 0, 2);
	attach(fx, WHOLE, a);
	attach(fx, PLAIN, a);
	assert_int_equal(ioasid_set_hwid(fx->ctx[0], a, L), 0);
	expect_hybrid(fx, PLAIN, L, 255);
	EXPECT_REFUSED(fx, -ENOSPC, ioasid_set_hwid(fx->ctx[0], a, L + 1));
	/* A number made for another device may be one that this one's host keeps. */
	assert_in_range(fx_attach_wire(fx, WHOLE, b, L + 2), HOST_SPLIT, 254);
	EXPECT_REFUSED(fx, -EBUSY, ioasid_dev_attach_pasid(fx->dev[PLAIN], b, L + 2, 0));
}

static void any_picks_the_guests_lowest_below_a_split(void **state)
{
	struct fx *fx = *state;
	struct ioasid_set_hwid any = { .flags = IOASID_HWID_ANY };
	struct fx_numbers before;
	uint32_t g;

	set_up(fx);
	any.ioasid = fx_space_at(fx, 0, 1);
	attach(fx, WHOLE, any.ioasid);
	attach(fx, CARRIED, any.ioasid);
	before = fx_numbers(fx, WHOLE);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &any), 0);
	assert_int_equal(any.vpasid, 1);
	assert_int_equal(any.ppasid, IOASID_INVALID);
	g = fx_wire(fx, WHOLE, &before, 1);
	expect_hybrid(fx, CARRIED, 1, g);
	assert_int_equal(fx_info(fx, 0).no_migration & IOASID_NOMIG_EXPOSED, 0);
}

static void without_a_split_a_slice_has_the_shown_number(void **state)
{
	struct fx *fx = *state;
	struct ioasid_set_hwid any = { .flags = IOASID_HWID_ANY };
	struct fx_numbers n;

	add_devices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, CARRIED);
	any.ioasid = fx_space_at(fx, 0, 1);
	attach(fx, WHOLE, any.ioasid);
	attach(fx, CARRIED, any.ioasid);
	EXPECT_REFUSED(fx, -EINVAL, ioasid_set_hwid_args(fx->ctx[0], &any));
	EXPECT_REFUSED(fx, -ERANGE, ioasid_set_hwid(fx->ctx[0], any.ioasid, L));
	any.flags |= IOASID_HWID_EXPOSE;
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &any), 0);
	assert_in_range(any.ppasid, HOST_SPLIT, 255);
	assert_int_equal(any.vpasid, any.ppasid);
	/* No alias: one entry on each. */
	n = fx_numbers(fx, WHOLE);
	assert_int_equal(fx_count(&n), 1);
	n = fx_numbers(fx, PARENT);
	assert_int_equal(fx_count(&n), 1);
	assert_true(fx_leads_alike(fx, WHOLE, any.ppasid, PARENT, any.ppasid));
	assert_int_equal(fx_info(fx, 0).no_migration & IOASID_NOMIG_EXPOSED, IOASID_NOMIG_EXPOSED);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], any.ioasid, any.vpasid), 0);
	n = fx_numbers(fx, PARENT);
	assert_int_equal(fx_count(&n), 0);
}

/* ---- contexts ------------------------------------------------------------------------------------------ */

static void equal_vpasids_of_two_contexts_meet_nowhere(void **state)
{
	struct fx *fx = *state;
	uint32_t a, b, g, h;

	set_up(fx);
	fx_open(fx, 1);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[1], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[1], SPLIT), 0);
	fx_bind_to(fx, SIBLING, 1);
	fx_bind_to(fx, ELSEWHERE, 1);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 1, 2);
	g = fx_attach_wire(fx, CARRIED, a, L);
	h = fx_attach_wire(fx, SIBLING, b, L);
	assert_int_not_equal(g, h);
	assert_int_equal(fx_attach_wire(fx, ELSEWHERE, b, L), h);
	fx_dma_lands(fx, PARENT, g, FX_IOVA, 1);
	fx_dma_lands(fx, PARENT, h, FX_IOVA, 2);
	fx_dma_blocked(fx, ELSEWHERE, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], a, L), 0);
	fx_dma_blocked(fx, PARENT, g, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_lands(fx, PARENT, h, FX_IOVA, 2);
	fx_close(fx, 1);
	assert_false(fx_entry(fx, PARENT, h).present);
	assert_false(fx_entry(fx, PARENT_2, h).present);
}

/* Every number of @slot's function leads to @page, or to nothing if it is not in @own. */
static void expect_own(struct fx *fx, unsigned int slot, const bool *own, size_t page,
		       const bool *foreign, size_t other)
{
	struct fx_numbers n = fx_numbers(fx, slot);
	unsigned int i;

	for (i = 1; i < 256; i++) {
		assert_int_equal(n.present[i], own[i] || foreign[i]);
		if (own[i])
			fx_dma_lands(fx, slot, i, FX_IOVA, page);
		else if (foreign[i])
			fx_dma_lands(fx, slot, i, FX_IOVA, other);
		else
			fx_dma_blocked(fx, slot, i, FX_IOVA, IOASID_REASON_NO_ROUTE);
	}
}

/* Two siblings in global mode, one context each, and a third in local mode: who has which number. */
static void try_splits(struct fx *fx, uint32_t a, uint32_t b, uint32_t mine, uint32_t theirs)
{
	bool own[256] = { false }, foreign[256] = { false };
	uint32_t g;

	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], mine), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[1], theirs), 0);
	if (mine < 256) {
		g = fx_attach_wire(fx, CARRIED, a, 1);
		assert_true(g >= HOST_SPLIT && g >= mine);
		own[g] = true;
	} else {
		/* All numbers are the guest's: none is left for the host. */
		EXPECT_REFUSED(fx, -ENOSPC, ioasid_dev_attach_pasid(fx->dev[CARRIED], a, 1, 0));
	}
	if (theirs < 256) {
		g = fx_attach_wire(fx, SIBLING, b, 1);
		assert_true(g >= HOST_SPLIT && g >= theirs);
		foreign[g] = true;
	}
	g = fx_attach_wire(fx, PLAIN, b, 1);
	assert_true(g < HOST_SPLIT);
	foreign[g] = true;
	expect_own(fx, PARENT, own, 1, foreign, 2);
}

static void splits_that_disagree_never_let_contexts_meet(void **state)
{
	struct fx *fx = *state;
	static const uint32_t splits[] = { 2, 64, 127, 128, 129, 200, 255, 256 };
	unsigned int i, n = sizeof(splits) / sizeof(splits[0]);
	uint32_t a, b;

	add_devices(fx);
	fx_open(fx, 1);
	a = fx_space_at(fx, 0, 1);
	b = fx_space_at(fx, 1, 2);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[1], IOASID_MODE_GLOBAL), 0);
	/* Of every kind, on both sides of the host's. */
	for (i = 0; i < n; i++) {
		fx_bind(fx, CARRIED);
		fx_bind_to(fx, SIBLING, 1);
		fx_bind_to(fx, PLAIN, 1);
		assert_int_equal(ioasid_set_hwid_mode_dev(fx->ctx[1], FX_COOKIE(PLAIN),
							  IOASID_MODE_LOCAL),
				 0);
		try_splits(fx, a, b, splits[i], splits[n - 1 - i]);
		fx_dev_close(fx, CARRIED);
		fx_dev_close(fx, SIBLING);
		fx_dev_close(fx, PLAIN);
	}
}

static void both_numbers_work_on_every_kind_of_table(void **state)
{
	struct fx *fx = *state;
	struct ioasid_set_hwid h = { .flags = IOASID_HWID_EXPOSE, .vpasid = L };

	add_devices(fx);
	assert_int_equal(ioasid_set_hwid_mode(fx->ctx[0], IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(fx->ctx[0], 1024), 0);
	fx_bind(fx, WHOLE);
	fx_bind(fx, CARRIED);
	fx_bind(fx, SIBLING);
	h.ioasid = fx_space_at(fx, 0, 1);
	attach(fx, WHOLE, h.ioasid);
	attach(fx, CARRIED, h.ioasid);
	attach(fx, SIBLING, h.ioasid);
	assert_int_equal(ioasid_set_hwid_args(fx->ctx[0], &h), 0);
	fx_dma_lands(fx, WHOLE, L, FX_IOVA, 1);
	fx_dma_lands(fx, WHOLE, h.ppasid, FX_IOVA, 1);
	fx_dma_lands(fx, CARRIED, h.ppasid, FX_IOVA, 1);
	fx_dma_blocked(fx, CARRIED, L, FX_IOVA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_unmap_all(fx->ctx[0], h.ioasid, NULL), 0);
	fx_dma_blocked(fx, WHOLE, L, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, WHOLE, h.ppasid, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	fx_dma_blocked(fx, SIBLING, h.ppasid, FX_IOVA, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(ioasid_clear_hwid(fx->ctx[0], h.ioasid, L), 0);
	fx_dma_blocked(fx, WHOLE, h.ppasid, FX_IOVA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, SIBLING, h.ppasid, FX_IOVA, IOASID_REASON_NO_ROUTE);
}

#define NARROW (NEEDS_8_BITS | NEEDS_SLICES)
static const struct conf_test tests[] = {
	CONF_TEST(a_pdev_has_both_numbers_and_an_mdev_the_hosts, NARROW),
	CONF_TEST(a_vpasid_names_one_space_in_the_context, NARROW),
	CONF_TEST(binding_a_table_reaches_both_numbers, NARROW),
	CONF_TEST(invalidation_reaches_both_numbers, NARROW),
	CONF_TEST(unmap_of_the_parent_reaches_both_numbers, NARROW),
	CONF_TEST(page_requests_under_both_numbers_are_the_guests, NARROW),
	CONF_TEST(clearing_answers_what_waits_under_both_numbers, NARROW),
	CONF_TEST(a_new_table_keeps_what_waits_and_none_answers_it, NARROW),
	CONF_TEST(events_name_numbers_of_the_guests_only, NARROW),
	CONF_TEST(a_device_attached_later_gets_the_same_number, NARROW),
	CONF_TEST(siblings_share_the_entry_until_the_last_leaves, NARROW),
	CONF_TEST(a_sibling_that_is_unplugged_leaves_the_shared_entry, NARROW),
	CONF_TEST(a_rebind_with_shared_entries_is_seen_by_all_siblings, NARROW),
	CONF_TEST(a_device_whose_split_is_too_low_undoes_all, NARROW),
	CONF_TEST(a_number_taken_on_one_device_undoes_all, NARROW),
	CONF_TEST(an_exhausted_parent_undoes_all, NARROW),
	CONF_TEST(a_quota_undoes_all, NARROW),
	CONF_TEST(numbers_lie_above_the_largest_split, NARROW),
	CONF_TEST(a_number_that_lies_below_a_later_devices_split_is_ERANGE, NARROW),
	CONF_TEST(a_device_that_is_too_narrow_leaves_no_number, NARROW),
	CONF_TEST(all_numbers_and_not_one_more, NARROW),
	CONF_TEST(what_one_devices_host_keeps_is_passed_over, NARROW),
	CONF_TEST(any_picks_the_guests_lowest_below_a_split, NARROW),
	CONF_TEST(without_a_split_a_slice_has_the_shown_number, NARROW),
	CONF_TEST(equal_vpasids_of_two_contexts_meet_nowhere, NARROW),
	CONF_TEST(splits_that_disagree_never_let_contexts_meet, NARROW),
	CONF_TEST(both_numbers_work_on_every_kind_of_table, NEEDS_SLICES),
};
CONF_SUITE(suite_hybrid, "hybrid", tests);
