// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Complete program flows: B (guest PASIDs on a whole function, and on slices), C (ENQCMD and the hybrid
 * split), D (plain DMA), E (vIOMMU without PASID), F (page faults), and G: each of them ended at every
 * step, in every order of closing.
 *
 * A scenario is a list of steps over one state, so that G can stop after any of them.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/conformance/fixture.h"

#define PAGE  GUEST_PAGE
#define VA    0x7f0012345000ULL
#define GIOVA 0x7000000ULL

/**
 * struct flow - what the steps of a scenario share
 * @gpa, @user, @child: address spaces
 * @root: guest's table
 * @wire: numbers on the wire, where they are not the guest's
 * @async: DMA in flight, if @in_flight
 */
struct flow {
	struct fx *fx;
	uint32_t gpa, user[2], child;
	uint64_t root[2];
	uint32_t wire[2];
	struct fx_async async;
	bool in_flight;
	struct ioasid_fault fault;
};

struct scenario {
	const char *name;
	void (*const *steps)(struct flow *f);
	unsigned int nr;
	bool nesting;
};

static struct ioasid *ctx_of(struct flow *f)
{
	return f->fx->ctx[0];
}

/* ---- steps ---------------------------------------------------------------------------------------- */

static void bind_devices(struct flow *f)
{
	fx_bind(f->fx, 0);
	fx_bind(f->fx, 1);
	assert_int_equal(ioasid_set_hwid_mode(ctx_of(f), IOASID_MODE_LOCAL), 0);
}

static void map_guest_ram(struct flow *f)
{
	f->gpa = fx_gpa_space(f->fx);
}

static void attach_gpa(struct flow *f)
{
	assert_int_equal(ioasid_dev_attach(f->fx->dev[0], f->gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(f->fx->dev[1], f->gpa, 0), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, guest_data_gpa(&f->fx->g, 1), 1);
	fx_dma_lands(f->fx, 1, CONF_RID, guest_data_gpa(&f->fx->g, 2), 2);
}

static void guest_binds_first(struct flow *f)
{
	f->root[0] = guest_table_new(&f->fx->g);
	f->user[0] = fx_user(f->fx, f->gpa, 0);
	assert_int_equal(ioasid_dev_attach_pasid(f->fx->dev[0], f->user[0], 0, 0), 0);
}

static void first_number(struct flow *f)
{
	assert_int_equal(ioasid_set_hwid(ctx_of(f), f->user[0], 101), 0);
	fx_dma_blocked(f->fx, 0, 101, VA, -1);
}

static void first_table(struct flow *f)
{
	struct ioasid_table table = fx_table(f->root[0]);

	guest_map(&f->fx->g, f->root[0], 4, VA, guest_data_gpa(&f->fx->g, 10), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_bind_pgtable(ctx_of(f), f->user[0], &table), 0);
	fx_dma_lands(f->fx, 0, 101, VA, 10);
}

static void guest_binds_second(struct flow *f)
{
	f->root[1] = guest_table_new(&f->fx->g);
	guest_map(&f->fx->g, f->root[1], 4, VA, guest_data_gpa(&f->fx->g, 11), PTE_U | PTE_W, 1);
	f->user[1] = fx_user(f->fx, f->gpa, f->root[1]);
	assert_int_equal(ioasid_dev_attach_pasid(f->fx->dev[0], f->user[1], 102, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(f->fx->dev[1], f->user[1], 101, 0), 0);
}

static void processes_are_apart(struct flow *f)
{
	struct fx *fx = f->fx;

	fx_dma_lands(fx, 0, 101, VA, 10);
	fx_dma_lands(fx, 0, 102, VA, 11);
	fx_dma_lands(fx, 1, 101, VA, 11);
	fx_dma_blocked(fx, 1, 102, VA, IOASID_REASON_NO_ROUTE);
	fx_dma_blocked(fx, 0, 101, VA + PAGE, IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(fx, 0, CONF_RID, guest_data_gpa(&fx->g, 1), 1);
}

static void guest_remaps(struct flow *f)
{
	struct fx *fx = f->fx;

	guest_map(&fx->g, f->root[0], 4, VA, guest_data_gpa(&fx->g, 12), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_invalidate_range(ctx_of(f), f->user[0], VA, PAGE, true), 0);
	fx_dma_lands(fx, 0, 101, VA, 12);
	fx_dma_lands(fx, 0, 102, VA, 11);
}

static void guest_unbinds_first(struct flow *f)
{
	struct fx *fx = f->fx;

	assert_int_equal(ioasid_clear_hwid(ctx_of(f), f->user[0], 101), 0);
	fx_dma_blocked(fx, 0, 101, VA, IOASID_REASON_NO_ROUTE);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[0], f->user[0]), 0);
	assert_int_equal(ioasid_ioas_free(ctx_of(f), f->user[0]), 0);
	fx_dma_lands(fx, 0, 102, VA, 11);
	fx_dma_lands(fx, 1, 101, VA, 11);
}

static void number_is_used_again(struct flow *f)
{
	f->user[0] = fx_user(f->fx, f->gpa, f->root[0]);
	assert_int_equal(ioasid_dev_attach_pasid(f->fx->dev[0], f->user[0], 101, 0), 0);
	fx_dma_lands(f->fx, 0, 101, VA, 12);
}

static void (*const steps_b[])(struct flow *f) = {
	bind_devices, map_guest_ram,	   attach_gpa,		 guest_binds_first,
	first_number, first_table,	   guest_binds_second,	 processes_are_apart,
	guest_remaps, guest_unbinds_first, number_is_used_again,
};

static void map_own_memory(struct flow *f)
{
	f->gpa = fx_kernel(f->fx);
	fx_map_page(f->fx, f->gpa, 0x1000, 3);
	fx_map_page(f->fx, f->gpa, 0x2000, 4);
}

static void attach_and_dma(struct flow *f)
{
	assert_int_equal(ioasid_dev_attach(f->fx->dev[0], f->gpa, 0), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, 0x1000, 3);
	fx_dma_lands(f->fx, 0, CONF_RID, 0x2000, 4);
	assert_true(ioasid_fault_open(ctx_of(f), 0) >= 0);
}

static void unmap_and_be_blocked(struct flow *f)
{
	struct ioasid_fault fault;

	assert_int_equal(ioasid_unmap(ctx_of(f), f->gpa, 0x1000, PAGE, NULL), 0);
	fx_dma_blocked(f->fx, 0, CONF_RID, 0x1000, IOASID_REASON_NOT_PRESENT);
	if (!f->fx->env.home->no_events) {
		fault = fx_fault_wait(f->fx);
		assert_int_equal(fault.type, IOASID_FAULT_EVENT);
		assert_int_equal(fault.address & ~(PAGE - 1), 0x1000);
		assert_int_equal(fault.cookie, FX_COOKIE(0));
	}
	fx_dma_lands(f->fx, 0, CONF_RID, 0x2000, 4);
}

static void (*const steps_d[])(struct flow *f) = {
	bind_devices,
	map_own_memory,
	attach_and_dma,
	unmap_and_be_blocked,
};

static void giova_in_software(struct flow *f)
{
	f->child = fx_child(f->fx, f->gpa);
	assert_int_equal(ioasid_map(ctx_of(f), f->child, GIOVA, guest_data_gpa(&f->fx->g, 20),
				    2 * PAGE, FX_RW),
			 0);
	assert_int_equal(ioasid_dev_attach(f->fx->dev[0], f->child, 0), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, GIOVA, 20);
	fx_dma_lands(f->fx, 0, CONF_RID, GIOVA + PAGE, 21);
	/* The other device stays in GPA. */
	fx_dma_lands(f->fx, 1, CONF_RID, guest_data_gpa(&f->fx->g, 20), 20);
}

static void giova_changes(struct flow *f)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_unmap(ctx_of(f), f->child, GIOVA, 2 * PAGE, NULL), 0);
	fx_dma_blocked(f->fx, 0, CONF_RID, GIOVA, IOASID_REASON_NOT_PRESENT);
	assert_int_equal(ioasid_map(ctx_of(f), f->child, GIOVA, guest_data_gpa(&f->fx->g, 30), PAGE,
				    FX_RW),
			 0);
	fx_dma_lands(f->fx, 0, CONF_RID, GIOVA, 30);
	assert_int_equal(ioasid_get_info(ctx_of(f), NULL, 0, &info), 0);
	assert_int_equal(info.pinned_bytes, f->fx->g.size);
}

static void back_to_gpa(struct flow *f)
{
	assert_int_equal(ioasid_dev_detach(f->fx->dev[0], f->child), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, guest_data_gpa(&f->fx->g, 1), 1);
	assert_int_equal(ioasid_ioas_free(ctx_of(f), f->child), 0);
}

static void (*const steps_e_software[])(struct flow *f) = {
	bind_devices, map_guest_ram, attach_gpa, giova_in_software, giova_changes, back_to_gpa,
};

static void giova_in_hardware(struct flow *f)
{
	f->root[0] = guest_table_new(&f->fx->g);
	guest_map(&f->fx->g, f->root[0], 4, GIOVA, guest_data_gpa(&f->fx->g, 20), PTE_U | PTE_W, 1);
	f->user[0] = fx_user(f->fx, f->gpa, f->root[0]);
	assert_int_equal(ioasid_dev_attach(f->fx->dev[0], f->user[0], 0), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, GIOVA, 20);
	fx_dma_blocked(f->fx, 0, CONF_RID, guest_data_gpa(&f->fx->g, 1), IOASID_REASON_NOT_PRESENT);
	fx_dma_lands(f->fx, 1, CONF_RID, guest_data_gpa(&f->fx->g, 20), 20);
}

static void guest_changes_its_table(struct flow *f)
{
	struct ioasid_info info;

	guest_map(&f->fx->g, f->root[0], 4, GIOVA, guest_data_gpa(&f->fx->g, 30), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_invalidate_range(ctx_of(f), f->user[0], GIOVA, PAGE, true), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, GIOVA, 30);
	assert_int_equal(ioasid_get_info(ctx_of(f), NULL, 0, &info), 0);
	assert_int_equal(info.pinned_bytes, f->fx->g.size);
}

static void leave_hardware_nesting(struct flow *f)
{
	assert_int_equal(ioasid_dev_detach(f->fx->dev[0], f->user[0]), 0);
	fx_dma_lands(f->fx, 0, CONF_RID, guest_data_gpa(&f->fx->g, 1), 1);
}

static void (*const steps_e_hardware[])(struct flow *f) = {
	bind_devices,	   map_guest_ram,	    attach_gpa,
	giova_in_hardware, guest_changes_its_table, leave_hardware_nesting,
};

static void open_faults(struct flow *f)
{
	assert_true(ioasid_fault_open(ctx_of(f), 0) >= 0);
}

static void dma_meets_a_missing_page(struct flow *f)
{
	fx_async_start(f->fx, &f->async, 0, CONF_WRITE, 101, VA + PAGE);
	f->in_flight = true;
	f->fault = fx_fault_wait(f->fx);
	/* The blocked probe of an earlier step left an event. */
	while (f->fault.type != IOASID_FAULT_PAGE_REQUEST)
		f->fault = fx_fault_wait(f->fx);
	assert_int_equal(f->fault.vpasid, 101);
}

static void guest_fixes_and_answers(struct flow *f)
{
	struct fx *fx = f->fx;

	guest_map(&fx->g, f->root[0], 4, VA + PAGE, guest_data_gpa(&fx->g, 40), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_page_response(ctx_of(f), f->fault.id, IOASID_RESPONSE_SUCCESS), 0);
	f->in_flight = false;
	assert_int_equal(fx_async_join(&f->async), 0);
	memcpy(fx->g.shadow + 40 * PAGE, &f->async.data, 8);
	fx_dma_lands(fx, 0, 101, VA + PAGE, 40);
}

static void (*const steps_f[])(struct flow *f) = {
	bind_devices,
	map_guest_ram,
	attach_gpa,
	open_faults,
	guest_binds_first,
	first_number,
	first_table,
	dma_meets_a_missing_page,
	guest_fixes_and_answers,
};

/* ---- B on slices ------------------------------------------------------------------------------------ */

/* Slots: the function and two slices of it, both the guest's. */
#define PARENT 2
#define FIRST  3
#define SECOND 4

static void bind_slices(struct flow *f)
{
	struct fx *fx = f->fx;

	fx_add(fx, PARENT, FX_DEV(IOASID_CLASS_PDEV_PASID));
	fx_add_queues(fx, FIRST, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_add_queues(fx, SECOND, IOASID_CLASS_MDEV_PASID, PARENT);
	fx_bind(fx, FIRST);
	fx_bind(fx, SECOND);
	assert_int_equal(ioasid_set_hwid_mode(ctx_of(f), IOASID_MODE_LOCAL), 0);
}

static void attach_slices_to_gpa(struct flow *f)
{
	struct fx *fx = f->fx;

	assert_int_equal(ioasid_dev_attach(fx->dev[FIRST], f->gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(fx->dev[SECOND], f->gpa, 0), 0);
	fx_dma_lands(fx, FIRST, CONF_RID, guest_data_gpa(&fx->g, 1), 1);
	fx_dma_lands(fx, SECOND, CONF_RID, guest_data_gpa(&fx->g, 2), 2);
}

/* One process each, and the guest calls both by one number. */
static void guest_binds_on_slices(struct flow *f)
{
	struct fx *fx = f->fx;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct fx_numbers before = fx_numbers(fx, PARENT);

		f->root[i] = guest_table_new(&fx->g);
		f->user[i] = fx_user(fx, f->gpa, 0);
		assert_int_equal(ioasid_dev_attach_pasid(fx->dev[FIRST + i], f->user[i], 0, 0), 0);
		assert_int_equal(ioasid_set_hwid(ctx_of(f), f->user[i], 101), 0);
		f->wire[i] = fx_wire(fx, PARENT, &before, 0);
		fx_dma_blocked(fx, FIRST + i, f->wire[i], VA, -1);
	}
	assert_int_not_equal(f->wire[0], f->wire[1]);
}

static void slices_get_their_tables(struct flow *f)
{
	struct fx *fx = f->fx;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct ioasid_table table = fx_table(f->root[i]);

		guest_map(&fx->g, f->root[i], 4, VA, guest_data_gpa(&fx->g, 10 + i), PTE_U | PTE_W,
			  1);
		assert_int_equal(ioasid_bind_pgtable(ctx_of(f), f->user[i], &table), 0);
		fx_dma_lands(fx, FIRST + i, f->wire[i], VA, 10 + i);
	}
}

static void guest_programs_slices(struct flow *f)
{
	struct fx *fx = f->fx;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(fx_program(fx, FIRST + i, 101), 0);
		fx_dedicated_lands(fx, FIRST + i, VA, 10 + i);
		/* What the guest calls it is on no wire here. */
		fx_dma_blocked(fx, FIRST + i, 101, VA, IOASID_REASON_NO_ROUTE);
		fx_dma_lands(fx, FIRST + i, CONF_RID, guest_data_gpa(&fx->g, 1), 1);
	}
}

static void guest_unbinds_on_a_slice(struct flow *f)
{
	struct fx *fx = f->fx;
	struct fx_work w = fx_work(VA);

	assert_int_equal(ioasid_clear_hwid(ctx_of(f), f->user[0], 101), 0);
	fx_dma_blocked(fx, PARENT, f->wire[0], VA, IOASID_REASON_NO_ROUTE);
	assert_false(fx_store(fx, FIRST, &w));
	EXPECT_REFUSED(fx, -ENOENT, fx_program(fx, FIRST, 101));
	fx_dedicated_lands(fx, SECOND, VA, 11);
	assert_int_equal(ioasid_set_hwid(ctx_of(f), f->user[0], 101), 0);
	assert_int_equal(fx_program(fx, FIRST, 101), 0);
	fx_dedicated_lands(fx, FIRST, VA, 10);
}

static void slices_have_work_left(struct flow *f)
{
	struct fx_work w = fx_work(VA);

	assert_true(fx_store(f->fx, FIRST, &w));
	assert_true(fx_store(f->fx, SECOND, &w));
}

static void (*const steps_b_slices[])(struct flow *f) = {
	bind_slices,
	map_guest_ram,
	attach_slices_to_gpa,
	guest_binds_on_slices,
	slices_get_their_tables,
	guest_programs_slices,
	guest_unbinds_on_a_slice,
	slices_have_work_left,
};

/* ---- C ---------------------------------------------------------------------------------------------- */

/* Slots: a whole function, and a slice of another one. */
#define PDEV	 2
#define MOTHER	 3
#define MDEV	 4
#define PROCESS	 77 /* L */
#define STRANGER 78 /* another process of the guest, which nobody has bound */

static void bind_dmwr_devices(struct flow *f)
{
	struct fx *fx = f->fx;

	fx_add_queues(fx, PDEV, IOASID_CLASS_PDEV_DMWR, FX_WHOLE);
	fx_add(fx, MOTHER, FX_DEV(IOASID_CLASS_PDEV_DMWR));
	fx_add_queues(fx, MDEV, IOASID_CLASS_MDEV_DMWR, MOTHER);
	fx_bind(fx, PDEV);
	fx_bind(fx, MDEV);
}

static void attach_dmwr_devices_to_gpa(struct flow *f)
{
	struct fx *fx = f->fx;

	assert_int_equal(ioasid_dev_attach(fx->dev[PDEV], f->gpa, 0), 0);
	assert_int_equal(ioasid_dev_attach(fx->dev[MDEV], f->gpa, 0), 0);
	fx_dma_lands(fx, PDEV, CONF_RID, guest_data_gpa(&fx->g, 1), 1);
	fx_dma_lands(fx, MDEV, CONF_RID, guest_data_gpa(&fx->g, 2), 2);
}

/* C.1 */
static void split_and_promise(struct flow *f)
{
	const uint64_t cookies[] = { FX_COOKIE(PDEV), FX_COOKIE(MDEV) };
	struct ioasid_info info;

	assert_int_equal(ioasid_set_hwid_mode(ctx_of(f), IOASID_MODE_GLOBAL), 0);
	assert_int_equal(ioasid_hwid_set_global_min(ctx_of(f), 1024), 0);
	assert_int_equal(ioasid_get_info(ctx_of(f), cookies, 2, &info), 0);
	assert_int_equal(info.pasid_bits, 10);
	assert_int_equal(info.vtd_pss, 9);
	assert_int_equal(ioasid_hwid_set_promised_width(ctx_of(f), info.pasid_bits), 0);
	EXPECT_REFUSED(f->fx, -EMEDIUMTYPE, ioasid_hwid_set_global_min(ctx_of(f), 1023));
}

/* C.2 */
static void guest_binds_a_process(struct flow *f)
{
	struct fx *fx = f->fx;
	struct fx_numbers pdev, mother;

	f->root[0] = guest_table_new(&fx->g);
	f->user[0] = fx_user(fx, f->gpa, 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[PDEV], f->user[0], 0, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[MDEV], f->user[0], 0, 0), 0);
	pdev = fx_numbers(fx, PDEV);
	mother = fx_numbers(fx, MOTHER);
	assert_int_equal(ioasid_set_hwid(ctx_of(f), f->user[0], PROCESS), 0);
	f->wire[0] = fx_wire(fx, PDEV, &pdev, PROCESS);
	assert_int_equal(fx_wire(fx, MOTHER, &mother, 0), f->wire[0]);
	assert_in_range(f->wire[0], 2048, 4095);
	assert_int_equal(fx_info(fx, 0).ids_live, 1);
}

/* C.3 */
static void cpus_translate(struct flow *f)
{
	struct fx *fx = f->fx;
	struct fx_work w = fx_work(VA);

	fx_vm(fx);
	assert_int_equal(ioasid_cpu_pasid_enable(ctx_of(f), fx_vm_fd(fx)), 0);
	assert_int_equal(ioasid_cpu_pasid_map(ctx_of(f), PROCESS), 0);
	fx_enable(fx, PDEV, FX_SHARED);
	fx_enable(fx, MDEV, FX_SHARED);
	assert_int_equal(fx_enqcmd(fx, 0, MDEV, STRANGER, &w), FX_EXIT);
}

/* C.4 */
static void process_gets_its_table(struct flow *f)
{
	struct ioasid_table table = fx_table(f->root[0]);
	struct fx *fx = f->fx;

	fx_dma_blocked(fx, PDEV, PROCESS, VA, -1);
	guest_map(&fx->g, f->root[0], 4, VA, guest_data_gpa(&fx->g, 10), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_bind_pgtable(ctx_of(f), f->user[0], &table), 0);
	assert_true(fx_leads_alike(fx, PDEV, PROCESS, PDEV, f->wire[0]));
	assert_true(fx_leads_alike(fx, PDEV, PROCESS, MDEV, f->wire[0]));
	assert_false(fx_entry(fx, MDEV, PROCESS).present);
	fx_dma_lands(fx, PDEV, PROCESS, VA, 10);
	fx_dma_lands(fx, PDEV, f->wire[0], VA, 10);
	fx_dma_lands(fx, MDEV, f->wire[0], VA, 10);
	fx_dma_blocked(fx, MDEV, PROCESS, VA, IOASID_REASON_NO_ROUTE);
}

/* C.5 */
static void process_submits(struct flow *f)
{
	struct fx *fx = f->fx;

	fx_shared_lands(fx, PDEV, PROCESS, VA, 10);
	fx_shared_lands(fx, MDEV, PROCESS, VA, 10);
	assert_int_equal(fx_program(fx, PDEV, PROCESS), 0);
	fx_dedicated_lands(fx, PDEV, VA, 10);
	assert_int_equal(fx_program(fx, MDEV, PROCESS), 0);
	fx_dedicated_lands(fx, MDEV, VA, 10);
	/* The guest moves a page: nobody reaches the old one. */
	guest_map(&fx->g, f->root[0], 4, VA, guest_data_gpa(&fx->g, 11), PTE_U | PTE_W, 1);
	assert_int_equal(ioasid_invalidate_range(ctx_of(f), f->user[0], VA, PAGE, true), 0);
	fx_shared_lands(fx, PDEV, PROCESS, VA, 11);
	fx_shared_lands(fx, MDEV, PROCESS, VA, 11);
	fx_dedicated_lands(fx, PDEV, VA, 11);
	fx_dma_lands(fx, PDEV, CONF_RID, guest_data_gpa(&fx->g, 1), 1);
}

static void process_has_work_left(struct flow *f)
{
	struct fx_work w = fx_work(VA);
	struct fx *fx = f->fx;

	assert_true(fx_store(fx, PDEV, &w));
	assert_true(fx_store(fx, MDEV, &w));
	assert_int_equal(fx_enqcmd(fx, 0, PDEV, PROCESS, &w), FX_ACCEPTED);
	assert_int_equal(fx_enqcmd(fx, 0, MDEV, PROCESS, &w), FX_ACCEPTED);
}

static void guest_unbinds_the_process(struct flow *f)
{
	struct fx *fx = f->fx;
	struct fx_work w = fx_work(VA);

	assert_int_equal(ioasid_clear_hwid(ctx_of(f), f->user[0], PROCESS), 0);
	assert_int_equal(fx_enqcmd(fx, 0, PDEV, PROCESS, &w), FX_EXIT);
	assert_int_equal(fx_enqcmd(fx, 0, MDEV, PROCESS, &w), FX_EXIT);
	fx_lost(fx, PDEV);
	fx_lost(fx, MDEV);
	assert_false(fx_entry(fx, PDEV, PROCESS).present);
	assert_false(fx_entry(fx, PDEV, f->wire[0]).present);
	assert_false(fx_entry(fx, MDEV, f->wire[0]).present);
	assert_int_equal(fx_info(fx, 0).ids_live, 0);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[PDEV], f->user[0]), 0);
	assert_int_equal(ioasid_dev_detach_pasid(fx->dev[MDEV], f->user[0]), 0);
	assert_int_equal(ioasid_ioas_free(ctx_of(f), f->user[0]), 0);
}

static void (*const steps_c[])(struct flow *f) = {
	bind_dmwr_devices,	   map_guest_ram,	  attach_dmwr_devices_to_gpa,
	split_and_promise,	   guest_binds_a_process, cpus_translate,
	process_gets_its_table,	   process_submits,	  process_has_work_left,
	guest_unbinds_the_process,
};

#define SCENARIO(n, s, nest)                           \
	{                                              \
		n, s, sizeof(s) / sizeof((s)[0]), nest \
	}
static const struct scenario scenarios[] = {
	SCENARIO("B", steps_b, true),
	SCENARIO("D", steps_d, false),
	SCENARIO("E software", steps_e_software, false),
	SCENARIO("E hardware", steps_e_hardware, true),
	SCENARIO("F", steps_f, true),
	SCENARIO("B on slices", steps_b_slices, true),
	SCENARIO("C", steps_c, true),
};
#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static void run(void **state, const char *name)
{
	struct flow f = { .fx = *state };
	unsigned int i, j;

	for (i = 0; i < NR_SCENARIOS; i++) {
		if (strcmp(scenarios[i].name, name))
			continue;
		for (j = 0; j < scenarios[i].nr; j++)
			scenarios[i].steps[j](&f);
	}
}

static void scenario_b_guest_pasids_on_a_whole_function(void **state)
{
	run(state, "B");
}

static void scenario_b_guest_pasids_on_slices(void **state)
{
	run(state, "B on slices");
}

static void scenario_c_enqcmd_and_the_hybrid_split(void **state)
{
	run(state, "C");
}

static void scenario_d_plain_dma(void **state)
{
	run(state, "D");
}

static void scenario_e_viommu_in_software(void **state)
{
	run(state, "E software");
}

static void scenario_e_viommu_in_hardware(void **state)
{
	run(state, "E hardware");
}

static void scenario_f_page_faults(void **state)
{
	run(state, "F");
}

/* ---- G --------------------------------------------------------------------------------------------- */

static void close_devices(struct fx *fx)
{
	unsigned int i;

	for (i = FX_DEVICES; i-- > 0;)
		fx_dev_close(fx, i);
}

/* Ways for everything to end badly. */
static void end_context_first(struct fx *fx)
{
	fx_close(fx, 0);
	close_devices(fx);
}

static void end_devices_first(struct fx *fx)
{
	close_devices(fx);
	fx_close(fx, 0);
}

static void end_by_unplugging(struct fx *fx)
{
	unsigned int i;

	for (i = FX_DEVICES; i-- > 0;) {
		if (fx->hw[i])
			fx_unplug(fx, i);
	}
	end_context_first(fx);
}

static void end_by_reset(struct fx *fx)
{
	unsigned int i;

	for (i = 0; i < FX_DEVICES; i++) {
		if (fx->dev[i])
			ioasid_dev_reset(fx->dev[i]);
	}
	end_devices_first(fx);
}

/* The guest's machine dies under it, whatever is on its way. */
static void end_vm_first(struct fx *fx)
{
	if (fx->vm[0])
		fx_vm_destroy(fx, 0);
	end_context_first(fx);
}

static void end_faults_first(struct fx *fx)
{
	ioasid_fault_close(fx->ctx[0]);
	end_context_first(fx);
}

static void end_by_freeing_in_the_wrong_order(struct fx *fx)
{
	uint32_t handle;

	/* Parents before children, routed before idle: refused, and no harm done. */
	for (handle = 0; handle < 16; handle++)
		ioasid_ioas_free(fx->ctx[0], handle);
	for (handle = 0; handle < 16; handle++)
		ioasid_unmap_all(fx->ctx[0], handle, NULL);
	end_context_first(fx);
}

static void (*const ends[])(struct fx *fx) = {
	end_context_first, end_devices_first, end_by_unplugging,
	end_by_reset,	   end_faults_first,  end_by_freeing_in_the_wrong_order,
	end_vm_first,
};

static void expect_nothing_left(struct fx *fx)
{
	struct conf_live live;

	fx->env.home->live(&fx->env, &live);
	assert_int_equal(live.contexts, 0);
	assert_int_equal(live.ioasids, 0);
	assert_int_equal(live.domains, 0);
	assert_int_equal(live.routes, 0);
	assert_int_equal(live.pinned_bytes, 0);
	assert_int_equal(live.holds, 0);
}

static void start_over(struct fx *fx)
{
	size_t data = fx->g.data_pages * PAGE;
	unsigned int i;

	if (fx->vm[0])
		fx_vm_destroy(fx, 0);
	/* What a scenario needs beyond the first two it plugs itself. */
	for (i = FX_DEVICES; i-- > 2;) {
		if (fx->hw[i])
			fx_unplug(fx, i);
	}
	for (i = 0; i < 2; i++) {
		struct conf_dev_spec spec = { .name = i ? "dev1" : "dev0" };

		if (!fx->hw[i])
			fx_plug(fx, i, &spec);
	}
	fx->g.next_table = fx->g.data_pages;
	memcpy(fx->g.ram, fx->g.shadow, data);
	fx_open(fx, 0);
}

static void end_after_every_step(void **state, const struct scenario *s)
{
	struct fx *fx = *state;
	unsigned int e, steps, i;

	alarm((unsigned int)fx_patience(120));
	for (e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
		for (steps = 1; steps <= s->nr; steps++) {
			struct flow f = { .fx = fx };

			if (!fx->ctx[0])
				start_over(fx);
			for (i = 0; i < steps; i++)
				s->steps[i](&f);
			/* The DMA in flight uses the device; unplugging ends it before. */
			if (f.in_flight && ends[e] == end_by_unplugging) {
				fx_close(fx, 0);
				fx_async_join(&f.async);
				f.in_flight = false;
			}
			ends[e](fx);
			if (f.in_flight)
				assert_int_equal(fx_async_join(&f.async), -EFAULT);
			expect_nothing_left(fx);
		}
	}
	alarm(0);
	start_over(fx);
}

static void scenario_g_b_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[0]);
}

static void scenario_g_b_on_slices_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[5]);
}

static void scenario_g_c_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[6]);
}

static void scenario_g_d_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[1]);
}

static void scenario_g_e_software_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[2]);
}

static void scenario_g_e_hardware_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[3]);
}

static void scenario_g_f_ended_at_every_step(void **state)
{
	end_after_every_step(state, &scenarios[4]);
}

struct hammer {
	struct fx *fx;
	bool stop;
	uint64_t ok, blocked, other;
};

static void *hammer_thread(void *arg)
{
	struct hammer *h = arg;
	uint64_t value;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED)) {
		struct conf_dma dma = {
			.op = CONF_READ,
			.addr = VA,
			.pasid = 101,
			.buf = &value,
			.len = 8,
			.no_report = true,
		};
		int rc = fx_dma(h->fx, 0, &dma);

		if (!rc)
			__atomic_add_fetch(&h->ok, 1, __ATOMIC_RELAXED);
		h->blocked += rc == -EFAULT;
		h->other += rc && rc != -EFAULT;
	}
	return NULL;
}

/* A machine with more to do than this test gives the thread its turn late. */
static void wait_for_hammer(const struct hammer *h)
{
	uint64_t was = __atomic_load_n(&h->ok, __ATOMIC_RELAXED), i;

	for (i = 0; i < fx_patience(20000); i++) {
		if (__atomic_load_n(&h->ok, __ATOMIC_RELAXED) != was)
			return;
		usleep(100);
	}
}

static void resets_and_closes_with_work_in_flight(void **state)
{
	struct fx *fx = *state;
	struct hammer h = { .fx = fx };
	pthread_t thread;
	unsigned int i, j;

	alarm((unsigned int)fx_patience(120));
	assert_int_equal(pthread_create(&thread, NULL, hammer_thread, &h), 0);
	for (i = 0; i < 30; i++) {
		struct flow f = { .fx = fx };

		if (!fx->ctx[0])
			start_over(fx);
		for (j = 0; j < 6; j++)
			steps_b[j](&f);
		wait_for_hammer(&h);
		switch (i % 3) {
		case 0:
			assert_int_equal(ioasid_dev_reset(fx->dev[0]), 0);
			fx_dma_lands(fx, 0, 101, VA, 10);
			end_devices_first(fx);
			break;
		case 1:
			end_context_first(fx);
			break;
		case 2:
			assert_int_equal(ioasid_unmap_all(fx->ctx[0], f.gpa, NULL), 0);
			end_devices_first(fx);
			break;
		}
		expect_nothing_left(fx);
	}
	__atomic_store_n(&h.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	alarm(0);
	assert_true(h.ok > 0);
	assert_int_equal(h.other, 0);
	start_over(fx);
}

static const struct conf_test tests[] = {
	CONF_TEST(scenario_b_guest_pasids_on_a_whole_function, NEEDS_NESTING),
	CONF_TEST(scenario_b_guest_pasids_on_slices, NEEDS_12_BITS | NEEDS_SLICES),
	CONF_TEST(scenario_c_enqcmd_and_the_hybrid_split, NEEDS_12_BITS | NEEDS_SLICES),
	CONF_TEST(scenario_d_plain_dma, 0),
	CONF_TEST(scenario_e_viommu_in_software, 0),
	CONF_TEST(scenario_e_viommu_in_hardware, NEEDS_RID_NESTING),
	CONF_TEST(scenario_f_page_faults, NEEDS_NESTING),
	CONF_TEST(scenario_g_b_ended_at_every_step, NEEDS_NESTING),
	CONF_TEST(scenario_g_b_on_slices_ended_at_every_step, NEEDS_12_BITS | NEEDS_SLICES),
	CONF_TEST(scenario_g_c_ended_at_every_step, NEEDS_12_BITS | NEEDS_SLICES),
	CONF_TEST(scenario_g_d_ended_at_every_step, 0),
	CONF_TEST(scenario_g_e_software_ended_at_every_step, 0),
	CONF_TEST(scenario_g_e_hardware_ended_at_every_step, NEEDS_RID_NESTING),
	CONF_TEST(scenario_g_f_ended_at_every_step, NEEDS_NESTING),
	CONF_TEST(resets_and_closes_with_work_in_flight, NEEDS_NESTING),
};
CONF_SUITE(suite_scenario, "scenario", tests);
