// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Complete program flows: B (guest PASIDs on a whole function), D (plain DMA), E (vIOMMU without
 * PASID), F (page faults), and G: each of them ended at every step, in every order of closing.
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
 * @async: DMA in flight, if @in_flight
 */
struct flow {
	struct fx *fx;
	uint32_t gpa, user[2], child;
	uint64_t root[2];
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

/* Ways for everything to end badly. */
static void end_context_first(struct fx *fx)
{
	fx_close(fx, 0);
	fx_dev_close(fx, 0);
	fx_dev_close(fx, 1);
}

static void end_devices_first(struct fx *fx)
{
	fx_dev_close(fx, 1);
	fx_dev_close(fx, 0);
	fx_close(fx, 0);
}

static void end_by_unplugging(struct fx *fx)
{
	fx_unplug(fx, 0);
	fx_unplug(fx, 1);
	end_context_first(fx);
}

static void end_by_reset(struct fx *fx)
{
	if (fx->dev[0])
		ioasid_dev_reset(fx->dev[0]);
	end_devices_first(fx);
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

		h->ok += rc == 0;
		h->blocked += rc == -EFAULT;
		h->other += rc && rc != -EFAULT;
	}
	return NULL;
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
		usleep(200);
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
	CONF_TEST(scenario_d_plain_dma, 0),
	CONF_TEST(scenario_e_viommu_in_software, 0),
	CONF_TEST(scenario_e_viommu_in_hardware, NEEDS_RID_NESTING),
	CONF_TEST(scenario_f_page_faults, NEEDS_NESTING),
	CONF_TEST(scenario_g_b_ended_at_every_step, NEEDS_NESTING),
	CONF_TEST(scenario_g_d_ended_at_every_step, 0),
	CONF_TEST(scenario_g_e_software_ended_at_every_step, 0),
	CONF_TEST(scenario_g_e_hardware_ended_at_every_step, NEEDS_RID_NESTING),
	CONF_TEST(scenario_g_f_ended_at_every_step, NEEDS_NESTING),
	CONF_TEST(resets_and_closes_with_work_in_flight, NEEDS_NESTING),
};
CONF_SUITE(suite_scenario, "scenario", tests);
