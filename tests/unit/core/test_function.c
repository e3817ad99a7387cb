// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Functions in slices: whose numbers are on the wire, who shares them, when they are free again. */
#include "fake.h"
#include "tests/unit/ut.h"

#define NONE	 IOASID_INVALID
#define PASID	 IOASID_ATTACH_PASID
#define DEV	 IOASID_HWID_DEVICE
#define ANY	 IOASID_HWID_ANY
#define ALL	 IOASID_HWID_ALL
#define HOST	 16U /* of the host; the function has 6 bits */
#define SPLIT	 8U /* of the contexts */
#define GUEST_FD 0

/*
 * Function 0: devices 0, 1 (class 8), 2 (class 6), 3 (class 3), 4: all of it (class 7). Device 5: a whole
 * function beside it (class 7). Contexts 0 and 1.
 */
struct setup {
	struct fake *fake;
	u32 a, b, other;
};

static void set_up(struct setup *s)
{
	static const u32 classes[] = { IOASID_CLASS_MDEV_DMWR, IOASID_CLASS_MDEV_DMWR,
				       IOASID_CLASS_MDEV_PASID, IOASID_CLASS_MDEV_FIXED,
				       IOASID_CLASS_PDEV_DMWR };
	unsigned int i;

	s->fake = fake_new();
	ut_assert(s->fake);
	ut_assert_eq(pasid_host_set_split(&s->fake->machine.pasids, HOST), 0);
	ut_assert_eq(fake_function(s->fake, 0, 0), 0);
	for (i = 0; i < ARRAY_SIZE(classes); i++)
		ut_assert_eq(fake_part(s->fake, i, 0, classes[i]), 0);
	ut_assert_eq(fake_device(s->fake, 5, 0, IOASID_CLASS_PDEV_DMWR, NONE), 0);
	for (i = 0; i < 2; i++)
		ut_assert_eq(fake_ctx(s->fake, i), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->a), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->b), 0);
	ut_assert_eq(fk_alloc(s->fake, 1, IOASID_KIND_KERNEL, NONE, &s->other), 0);
}

static void tear_down(struct setup *s)
{
	const char *broken = fake_free(s->fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static void knob(struct setup *s, unsigned int ctx, unsigned int cmd, u32 value)
{
	struct ioasid_hwid_policy p = { .argsz = sizeof(p), .value = value };
	struct ioasid_arg arg = { .direct = &p };

	ut_assert_eq(ioasid_ctx_command(s->fake->ctx[ctx], cmd, &arg), 0);
}

static void go_global(struct setup *s, unsigned int ctx)
{
	knob(s, ctx, IOASID_SET_HWID_MODE, IOASID_MODE_GLOBAL);
	knob(s, ctx, IOASID_HWID_SET_GLOBAL_MIN, SPLIT);
}

static int cpu(struct setup *s, unsigned int cmd, u32 vpasid)
{
	struct ioasid_cpu_pasid c = { .argsz = sizeof(c), .vpasid = vpasid };
	struct ioasid_arg arg = { .direct = &c };

	return ioasid_ctx_command(s->fake->ctx[0], cmd, &arg);
}

static int enable(struct setup *s, unsigned int ctx, int fd)
{
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e), .provider_fd = fd };
	struct ioasid_arg arg = { .direct = &e };

	return ioasid_ctx_command(s->fake->ctx[ctx], IOASID_CPU_PASID_ENABLE, &arg);
}

static int disable(struct setup *s)
{
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e),
					     .flags = IOASID_CPU_DISABLE,
					     .provider_fd = -1 };
	struct ioasid_arg arg = { .direct = &e };

	return ioasid_ctx_command(s->fake->ctx[0], IOASID_CPU_PASID_ENABLE, &arg);
}

static void bind_attach(struct setup *s, unsigned int dev, unsigned int ctx, u32 ioasid)
{
	ut_assert_eq(fk_bind(s->fake, dev, ctx, 100 + dev), 0);
	ut_assert_eq(fk_attach(s->fake, dev, ioasid, PASID, 0), 0);
}

static int set(struct setup *s, unsigned int ctx, u32 ioasid, u32 vpasid)
{
	return fk_set_hwid(s->fake, ctx, ioasid, 0, 0, &vpasid);
}

static u32 reaches(struct setup *s, unsigned int dev, u32 pasid)
{
	struct fake_domain *d = fake_route(s->fake, dev, pasid);

	return d ? d->domain.ioas->handle.val : NONE;
}

/* What mediation makes of @vpasid; NONE: refused. */
static u32 wire(struct setup *s, unsigned int dev, u32 vpasid)
{
	ppasid_t p;

	return ioasid_device_ppasid(s->fake->dev[dev], VPASID(vpasid), &p) ? NONE : p.val;
}

static u32 default_pasid(struct setup *s, unsigned int dev)
{
	return ioasid_device_rid_pasid(s->fake->dev[dev]).val;
}

static u32 portal(struct setup *s, unsigned int dev)
{
	struct ioasid_device_info info = { .argsz = sizeof(info) };

	ut_assert_eq(fk_dev_info(s->fake, dev, &info), 0);
	ut_assert_eq(info.portal == IOASID_PORTAL_OPEN, s->fake->portal[dev]);
	return info.portal;
}

UT_CASE(whole_or_in_slices)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(fk_bind(s.fake, 0, 0, 100), 0);
	ut_assert_eq(fk_bind(s.fake, 4, 0, 104), -EBUSY);
	ut_assert_eq(fk_bind(s.fake, 2, 1, 102), 0);
	ioasid_devfile_close(s.fake->file[0]);
	ioasid_devfile_close(s.fake->file[2]);
	s.fake->file[0] = ioasid_devfile_open(s.fake->dev[0]);
	s.fake->file[2] = ioasid_devfile_open(s.fake->dev[2]);
	ut_assert_eq(ioasid_function_host_use(s.fake->fn[0], true), 0);
	ut_assert_eq(fk_bind(s.fake, 4, 0, 104), -EBUSY);
	ut_assert_eq(ioasid_function_host_use(s.fake->fn[0], false), 0);
	ut_assert_eq(fk_bind(s.fake, 4, 0, 104), 0);
	ut_assert_eq(fk_bind(s.fake, 0, 0, 100), -EBUSY);
	ut_assert_eq(ioasid_function_host_use(s.fake->fn[0], true), -EBUSY);
	/* One RID cannot be two devices, and a slice is one of something. */
	ut_assert_eq(fake_part(s.fake, 6, 0, IOASID_CLASS_PDEV_PASID), -EBUSY);
	ut_assert_eq(fake_device(s.fake, 6, 0, IOASID_CLASS_MDEV_PASID, NONE), -EINVAL);
	ut_assert_eq(fake_part(s.fake, 6, 0, IOASID_CLASS_SW_MDEV), -EINVAL);
	tear_down(&s);
}

UT_CASE(default_pasids)
{
	struct setup s;

	set_up(&s);
	ut_assert_eq(default_pasid(&s, 0), 0);
	ut_assert_eq(fk_bind(s.fake, 0, 0, 100), 0);
	ut_assert_eq(fk_bind(s.fake, 3, 1, 103), 0);
	ut_assert_eq(default_pasid(&s, 0), 1);
	ut_assert_eq(default_pasid(&s, 3), 2);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, 0, 0), 0);
	/* The kernel has 2 on this function: another one. */
	s.fake->iommu[0].kernel_pasid = 2;
	ut_assert_eq(fk_attach(s.fake, 3, s.other, 0, 0), 0);
	ut_assert_eq(reaches(&s, 0, 1), s.a);
	ut_assert_eq(default_pasid(&s, 3), 3);
	ut_assert_eq(reaches(&s, 0, 3), s.other);
	ut_assert_eq(reaches(&s, 0, NONE), NONE);
	/* It is not the slice's to send by name, and no vPASID gets one that is out. */
	ut_assert(!ioasid_device_allows(s.fake->dev[0], PPASID(1)));
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	ut_assert_eq(set(&s, 0, s.a, 1), 0);
	ut_assert_eq(wire(&s, 0, 1), 4);
	ut_assert_eq(pasid_host_set_split(&s.fake->machine.pasids, HOST + 1), -EBUSY);
	tear_down(&s);
}

UT_CASE(equal_vpasids_stay_apart)
{
	struct setup s;
	u32 v = 0;

	set_up(&s);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 1, 0, s.b);
	bind_attach(&s, 2, 1, s.other);
	ut_assert_eq(set(&s, 0, s.a, 5), 0);
	ut_assert_eq(set(&s, 0, s.b, 5), 0);
	ut_assert_eq(set(&s, 1, s.other, 5), 0);
	ut_assert_eq(reaches(&s, 0, wire(&s, 0, 5)), s.a);
	ut_assert_eq(reaches(&s, 0, wire(&s, 1, 5)), s.b);
	ut_assert_eq(reaches(&s, 0, wire(&s, 2, 5)), s.other);
	ut_assert_eq(reaches(&s, 0, 5), wire(&s, 1, 5) == 5 ? s.b : NONE);
	ut_assert_eq(wire(&s, 0, 6), NONE);
	/* Each may send its own number only. */
	ut_assert(ioasid_device_allows(s.fake->dev[0], PPASID(wire(&s, 0, 5))));
	ut_assert(!ioasid_device_allows(s.fake->dev[0], PPASID(wire(&s, 1, 5))));
	ut_assert(!ioasid_device_allows(s.fake->dev[2], PPASID(wire(&s, 0, 5))));
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
	ut_assert_eq(v, 1);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 5), 0);
	ut_assert_eq(wire(&s, 0, 5), NONE);
	ut_assert_eq(reaches(&s, 0, wire(&s, 1, 5)), s.b);
	tear_down(&s);
}

UT_CASE(own_numbers_run_out)
{
	struct setup s;
	u32 v, room;

	set_up(&s);
	bind_attach(&s, 0, 0, s.a);
	room = HOST - 2; /* without 0 and the default PASID */
	for (v = 1; v <= room; v++)
		ut_assert_eq(set(&s, 0, s.a, v), 0);
	ut_assert_eq(set(&s, 0, s.a, v), -ENOSPC);
	ut_assert_eq(wire(&s, 0, v), NONE);
	ut_assert_eq(s.fake->machine.pasids.nr_parent, HOST - 1);
	ut_assert_eq(fk_bind(s.fake, 3, 1, 103), -ENOSPC);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(set(&s, 0, s.a, v), 0);
	tear_down(&s);
}

UT_CASE(siblings_share_a_number)
{
	struct setup s;
	u32 g;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 1, 0, s.a);
	bind_attach(&s, 5, 0, s.a);
	fake_reset_counters(s.fake);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = wire(&s, 0, 3);
	ut_assert(g >= HOST);
	ut_assert_eq(wire(&s, 1, 3), g);
	ut_assert_eq(s.fake->iommu[0].nr_attach, 3);
	ut_assert_eq(reaches(&s, 0, g), s.a);
	ut_assert_eq(reaches(&s, 0, 3), NONE);
	ut_assert_eq(reaches(&s, 5, 3), s.a);
	ut_assert_eq(reaches(&s, 5, g), s.a);
	/* It means one address space in the whole context. */
	ut_assert_eq(fk_attach(s.fake, 0, s.b, PASID, 0), 0);
	ut_assert_eq(set(&s, 0, s.b, 3), -EEXIST);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 100, 3), 0);
	ut_assert_eq(reaches(&s, 0, g), s.a);
	ut_assert_eq(wire(&s, 0, 3), NONE);
	ut_assert(!ioasid_device_allows(s.fake->dev[0], PPASID(g)));
	ut_assert(ioasid_device_allows(s.fake->dev[1], PPASID(g)));
	ut_assert_eq(s.fake->drained.dev == s.fake->dev[0], 1);
	/* Back again, and then the first of the two goes. */
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 101, 3), 0);
	ut_assert_eq(wire(&s, 0, 3), g);
	ut_assert_eq(reaches(&s, 0, g), s.a);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(reaches(&s, 0, g), NONE);
	ut_assert_eq(reaches(&s, 5, g), NONE);
	tear_down(&s);
}

UT_CASE(a_failure_on_any_device_undoes_all)
{
	struct setup s;
	unsigned int nth;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 5, 0, s.a);
	for (nth = 1; nth <= 3; nth++) {
		s.fake->iommu[0].fail_attach = nth;
		ut_assert_eq(set(&s, 0, s.a, 3), -ENOMEM);
		ut_assert_eq(fake_nr_routes(s.fake), 0);
		ut_assert_eq(wire(&s, 0, 3), NONE);
		ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	}
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	tear_down(&s);
}

UT_CASE(numbers_wait_for_their_device)
{
	struct setup s;
	u32 p, g;

	set_up(&s);
	bind_attach(&s, 2, 1, s.other);
	ut_assert_eq(set(&s, 1, s.other, 5), 0);
	p = wire(&s, 2, 5);
	s.fake->drain_rc = -EINPROGRESS;
	ut_assert_eq(fk_clear_hwid(s.fake, 1, s.other, 0, 0, 5), 0);
	ut_assert_eq(s.fake->drained.pasid, p);
	ut_assert_eq(reaches(&s, 2, p), NONE);
	ut_assert_eq(set(&s, 1, s.other, 5), 0);
	ut_assert(wire(&s, 2, 5) != p);
	ut_assert_eq(s.fake->machine.pasids.nr_parent, 3);
	ioasid_device_drained(s.fake->dev[2], PPASID(p));
	ut_assert_eq(s.fake->machine.pasids.nr_parent, 2);
	ut_assert_eq(set(&s, 1, s.other, 6), 0);
	ut_assert_eq(wire(&s, 2, 6), p);
	/* A host-wide one is pending, and charged, until RESET. */
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = wire(&s, 0, 3);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(s.fake->machine.pasids.nr_pending, 1);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	ut_assert(wire(&s, 0, 3) != g);
	ut_assert_eq(fk_dev_reset(s.fake, 0), 0);
	ut_assert_eq(s.fake->machine.pasids.nr_pending, 0);
	/* What comes late is about nothing. */
	ioasid_device_drained(s.fake->dev[0], PPASID(g));
	tear_down(&s);
}

UT_CASE(a_guests_own_number_is_free_at_once)
{
	struct setup s;
	u32 g;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 5, 0, s.a);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = pasid_find_by_spid(s.fake->ctx[0]->set, 3);
	s.fake->drain_rc = -EINPROGRESS;
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(s.fake->machine.pasids.nr_pending, 1);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	ut_assert(pasid_find_by_spid(s.fake->ctx[0]->set, 3) != g);
	ut_assert_eq(reaches(&s, 5, 3), s.a);
	ut_assert_eq(reaches(&s, 5, g), NONE);
	ioasid_device_drained(s.fake->dev[5], PPASID(g));
	ut_assert_eq(s.fake->machine.pasids.nr_pending, 0);
	ut_assert_eq(reaches(&s, 5, 3), s.a);
	tear_down(&s);
}

UT_CASE(a_number_drained_here_and_live_there)
{
	struct setup s;
	u32 g;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 5, 0, s.a);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = wire(&s, 0, 3);
	s.fake->drain_rc = -EINPROGRESS;
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 100, 3), 0);
	/* The whole function has it still, so it comes back with the same meaning. */
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	ut_assert_eq(wire(&s, 0, 3), g);
	ioasid_device_drained(s.fake->dev[0], PPASID(g));
	ut_assert_eq(reaches(&s, 0, g), s.a);
	s.fake->drain_rc = 0;
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	tear_down(&s);
}

static void first_is_drained(struct fake *fake, u32 pasid)
{
	ioasid_device_drained(fake->dev[0], PPASID(pasid));
}

UT_CASE(a_sibling_lets_go_in_the_middle)
{
	struct pasid_space *space;
	struct setup s;
	u32 g;

	set_up(&s);
	space = &s.fake->fn[0]->space;
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 1, 0, s.a);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = wire(&s, 0, 3);
	s.fake->drain_rc = -EINPROGRESS;
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 100, 3), 0);
	/* While the other one's route is being taken away: that one may still send the number. */
	s.fake->on_detach = first_is_drained;
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 101, 3), 0);
	ut_assert(pasid_space_is_quarantined(space, g));
	ut_assert_eq(s.fake->machine.pasids.nr_pending, 1);
	ioasid_device_drained(s.fake->dev[1], PPASID(g));
	ut_assert(!pasid_space_is_used(space, g));
	ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	s.fake->on_detach = NULL;
	tear_down(&s);
}

UT_CASE(faults_find_the_slice)
{
	struct ioasid_fault f[4];
	struct setup s;
	u32 user, g;

	set_up(&s);
	go_global(&s, 0);
	ut_assert_eq(fk_alloc(s.fake, 0, IOASID_KIND_USER_TABLE, s.a, &user), 0);
	ut_assert_eq(fk_bind_table(s.fake, 0, user, 0x1000), 0);
	ut_assert(fk_fault_fd(s.fake, 0, 64) >= 0);
	bind_attach(&s, 0, 0, user);
	bind_attach(&s, 1, 0, user);
	ut_assert_eq(set(&s, 0, user, 3), 0);
	g = wire(&s, 1, 3);
	/* Of those that share the number it is who reports; by another device of the function, the first. */
	fk_request(s.fake, 1, g, 0x5000, 7, true);
	fk_request(s.fake, 4, g, 0x6000, 8, true);
	fk_event(s.fake, 4, default_pasid(&s, 1), 0x7000);
	ut_assert_eq(ioasid_fault_take(s.fake->ctx[0], f, 4), 3);
	ut_assert_eq(f[0].cookie, 101);
	ut_assert_eq(f[0].vpasid, 3);
	ut_assert(f[0].flags & IOASID_FAULT_VPASID);
	ut_assert_eq(f[1].cookie, 100);
	ut_assert_eq(f[2].cookie, 101);
	ut_assert(!(f[2].flags & IOASID_FAULT_VPASID));
	/* The answer goes where the request came from, with the number on the wire; never "failure". */
	ut_assert_eq(fk_respond(s.fake, 0, f[1].id, IOASID_RESPONSE_FAILURE), 0);
	ut_assert_eq(s.fake->answer[0].dev == s.fake->dev[4], 1);
	ut_assert_eq(s.fake->answer[0].pasid, g);
	ut_assert_eq(s.fake->answer[0].code, IOASID_RESPONSE_INVALID);
	/* Detaching answers what waits. */
	ut_assert_eq(fk_detach(s.fake, 1, user, PASID), 0);
	ut_assert_eq(s.fake->nr_answers, 2);
	ut_assert_eq(s.fake->answer[1].pasid, g);
	tear_down(&s);
}

/* ---- CPUs ---------------------------------------------------------------------------------------- */

UT_CASE(cpus_translate)
{
	struct setup s;
	u32 g;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, 3), -ENOENT);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, 0), -ERANGE);
	ut_assert_eq(set(&s, 0, s.a, 3), 0);
	g = wire(&s, 0, 3);
	ut_assert_eq(enable(&s, 0, -1), -EOPNOTSUPP);
	ut_assert_eq(enable(&s, 0, 3), -EOPNOTSUPP);
	ut_assert_eq(enable(&s, 0, -2), -EINVAL);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, 3), 0);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, 3), 0);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), 0);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), 0);
	ut_assert_eq(enable(&s, 0, -1), 0);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD + 1), -EBUSY);
	ut_assert_eq(enable(&s, 1, FAKE_CPU_FD), -EBUSY);
	ut_assert_eq(s.fake->cpu[0].nr_enable, 1);
	ut_assert_eq(fake_cpu_sends(s.fake, 0, 3), g);
	ut_assert_eq(fake_cpu_sends(s.fake, 0, 4), CPU_PASID_NONE);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_UNMAP, 3), 0);
	ut_assert_eq(fake_cpu_sends(s.fake, 0, 3), CPU_PASID_NONE);
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_UNMAP, 3), -ENOENT);
	/* Entries outlive the translation. */
	ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, 3), 0);
	ut_assert_eq(disable(&s), 0);
	ut_assert_eq(disable(&s), 0);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD + 1), 0);
	ut_assert_eq(s.fake->cpu[0].refs, 0);
	ut_assert_eq(fake_cpu_sends(s.fake, 1, 3), g);
	/* The number goes, and with it the entry: no vCPU has it when that returns. */
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 3), 0);
	ut_assert_eq(fake_cpu_sends(s.fake, 1, 3), CPU_PASID_NONE);
	ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	tear_down(&s);
}

UT_CASE(all_numbers_leave_the_cpus_at_once)
{
	struct setup s;
	u32 v;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 5, 0, s.a);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), 0);
	for (v = 1; v < SPLIT; v++) {
		ut_assert_eq(set(&s, 0, s.a, v), 0);
		ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, v), 0);
		ut_assert_eq(fake_cpu_sends(s.fake, 0, v), wire(&s, 0, v));
	}
	/* They stay with the device that is left. */
	ut_assert_eq(fk_detach(s.fake, 0, s.a, PASID), 0);
	ut_assert_eq(s.fake->cpu[0].nr_flush, 0);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, ALL, 0, 0), 0);
	ut_assert_eq(s.fake->cpu[0].nr_flush, 1);
	for (v = 1; v < SPLIT; v++)
		ut_assert_eq(fake_cpu_sends(s.fake, 0, v), CPU_PASID_NONE);
	ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	tear_down(&s);
}

UT_CASE(portals_follow_mode_and_translation)
{
	struct setup s;

	set_up(&s);
	bind_attach(&s, 0, 0, s.a);
	bind_attach(&s, 5, 0, s.a);
	ut_assert_eq(portal(&s, 0), IOASID_PORTAL_CLOSED);
	ut_assert_eq(portal(&s, 5), IOASID_PORTAL_OPEN);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), 0);
	ut_assert_eq(portal(&s, 0), IOASID_PORTAL_CLOSED_LOCAL);
	ut_assert_eq(portal(&s, 5), IOASID_PORTAL_CLOSED_LOCAL);
	go_global(&s, 0);
	ut_assert_eq(portal(&s, 0), IOASID_PORTAL_OPEN);
	ut_assert_eq(portal(&s, 5), IOASID_PORTAL_OPEN);
	ut_assert_eq(disable(&s), 0);
	ut_assert_eq(portal(&s, 0), IOASID_PORTAL_CLOSED);
	ut_assert_eq(portal(&s, 5), IOASID_PORTAL_OPEN);
	/* A portal that does not open: nothing has changed. */
	s.fake->fail_portal = 1;
	ut_assert_eq(enable(&s, 0, -1), -EIO);
	ut_assert(!s.fake->cpu[0].on);
	ut_assert_eq(portal(&s, 5), IOASID_PORTAL_OPEN);
	s.fake->fail_portal = 0;
	s.fake->cpu[0].fail_enable = -EOPNOTSUPP;
	ut_assert_eq(enable(&s, 0, -1), -EOPNOTSUPP);
	s.fake->cpu[0].fail_enable = 0;
	/* One bound under it opens, or is not bound; one that goes closes. */
	ut_assert_eq(enable(&s, 0, -1), 0);
	s.fake->fail_portal = 2;
	ut_assert_eq(fk_bind(s.fake, 1, 0, 101), -EIO);
	s.fake->fail_portal = 0;
	ut_assert_eq(fk_bind(s.fake, 1, 0, 101), 0);
	ut_assert_eq(portal(&s, 1), IOASID_PORTAL_OPEN);
	/* The VM ends under it. */
	ioasid_cpu_leave(&s.fake->machine, &s.fake->cpu[0].cpu);
	ut_assert_eq(s.fake->cpu[0].refs, 0);
	ut_assert_eq(portal(&s, 1), IOASID_PORTAL_CLOSED);
	ut_assert_eq(enable(&s, 0, -1), -EOPNOTSUPP);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), -ENODEV);
	tear_down(&s);
}

UT_CASE(a_context_ends_under_its_cpus)
{
	struct setup s;
	u32 v;

	set_up(&s);
	go_global(&s, 0);
	bind_attach(&s, 0, 0, s.a);
	ut_assert_eq(enable(&s, 0, FAKE_CPU_FD), 0);
	for (v = 1; v < SPLIT; v++) {
		ut_assert_eq(set(&s, 0, s.a, v), 0);
		ut_assert_eq(cpu(&s, IOASID_CPU_PASID_MAP, v), 0);
	}
	fake_ctx_close(s.fake, 0);
	ut_assert(!s.fake->cpu[0].on);
	ut_assert_eq(s.fake->cpu[0].refs, 0);
	ut_assert_eq(s.fake->machine.pasids.nr_live, 0);
	tear_down(&s);
}

UT_SUITE(function, UT_ENTRY(whole_or_in_slices), UT_ENTRY(default_pasids),
	 UT_ENTRY(equal_vpasids_stay_apart), UT_ENTRY(own_numbers_run_out),
	 UT_ENTRY(siblings_share_a_number), UT_ENTRY(a_failure_on_any_device_undoes_all),
	 UT_ENTRY(numbers_wait_for_their_device), UT_ENTRY(a_guests_own_number_is_free_at_once),
	 UT_ENTRY(a_number_drained_here_and_live_there), UT_ENTRY(a_sibling_lets_go_in_the_middle),
	 UT_ENTRY(faults_find_the_slice), UT_ENTRY(cpus_translate),
	 UT_ENTRY(all_numbers_leave_the_cpus_at_once),
	 UT_ENTRY(portals_follow_mode_and_translation), UT_ENTRY(a_context_ends_under_its_cpus));
