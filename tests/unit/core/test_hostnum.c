// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices in global mode: host-wide numbers, the split, what the kernel uses by itself. */
#include "fake.h"
#include "tests/unit/ut.h"

#define NONE	 IOASID_INVALID
#define PASID	 IOASID_ATTACH_PASID
#define BY_PASID (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID)
#define DEV	 IOASID_HWID_DEVICE
#define ANY	 IOASID_HWID_ANY
#define EXPOSE	 IOASID_HWID_EXPOSE
#define SPLIT	 4U /* of the devices: the guest has 1 to 3 */
#define HOST	 8U /* of the host */
#define LAST	 15U /* what the narrower device can send */

/* Devices 0 and 1 behind the two IOMMUs (6 and 4 bits), cookies 100 and 101, both global. */
struct setup {
	struct fake *fake;
	struct pasid_host *host;
	u32 a, b;
};

static void knob(struct setup *s, unsigned int cmd, u64 cookie, u32 value, int rc)
{
	struct ioasid_hwid_policy p = {
		.argsz = sizeof(p),
		.flags = cookie ? DEV : 0,
		.cookie = cookie,
		.value = value,
	};
	struct ioasid_arg arg = { .direct = &p };

	ut_assert_eq(ioasid_ctx_command(s->fake->ctx[0], cmd, &arg), rc);
}

static void set_up(struct setup *s)
{
	unsigned int i;

	s->fake = fake_new();
	ut_assert(s->fake);
	s->host = &s->fake->machine.pasids;
	ut_assert_eq(pasid_host_set_split(s->host, HOST), 0);
	ut_assert_eq(fake_ctx(s->fake, 0), 0);
	for (i = 0; i < 2; i++) {
		ut_assert_eq(fake_device(s->fake, i, i, IOASID_CLASS_PDEV_PASID, NONE), 0);
		ut_assert_eq(fk_bind(s->fake, i, 0, 100 + i), 0);
	}
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->a), 0);
	ut_assert_eq(fk_alloc(s->fake, 0, IOASID_KIND_KERNEL, NONE, &s->b), 0);
	knob(s, IOASID_SET_HWID_MODE, 0, IOASID_MODE_GLOBAL, 0);
	knob(s, IOASID_HWID_SET_GLOBAL_MIN, 0, SPLIT, 0);
}

static void tear_down(struct setup *s)
{
	const char *broken = fake_free(s->fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static u32 reaches(struct setup *s, unsigned int dev, u32 pasid)
{
	struct fake_domain *d = fake_route(s->fake, dev, pasid);

	return d ? d->domain.ioas->handle.val : NONE;
}

static int set(struct setup *s, u32 ioasid, u32 flags, u64 cookie, u32 vpasid)
{
	return fk_set_hwid(s->fake, 0, ioasid, flags, cookie, &vpasid);
}

/* The host-wide number of a vPASID as the allocator knows it. */
static u32 number_of(struct setup *s, u32 vpasid)
{
	return pasid_find_by_spid(s->fake->ctx[0]->set, vpasid);
}

static void both_attached(struct setup *s)
{
	ut_assert_eq(fk_attach(s->fake, 0, s->a, PASID, 0), 0);
	ut_assert_eq(fk_attach(s->fake, 1, s->a, PASID, 0), 0);
}

UT_CASE(two_numbers_one_place)
{
	struct ioasid_id_info info;
	struct setup s;
	u32 g;

	set_up(&s);
	both_attached(&s);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	g = number_of(&s, 2);
	ut_assert_eq(g, HOST);
	ut_assert_eq(reaches(&s, 0, 2), s.a);
	ut_assert_eq(reaches(&s, 0, g), s.a);
	ut_assert_eq(reaches(&s, 1, 2), s.a);
	ut_assert_eq(reaches(&s, 1, g), s.a);
	/* The allocation's own reference and one for each device. */
	ut_assert_eq(pasid_describe(s.host, g, &info), 0);
	ut_assert_eq(info.refs, 3);
	ut_assert_eq(info.holders[IOASID_HOLD_IOMMU], 2);
	ut_assert_eq(info.spid, 2);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, DEV, 100, 2), 0);
	ut_assert_eq(reaches(&s, 0, 2), NONE);
	ut_assert_eq(reaches(&s, 0, g), NONE);
	ut_assert_eq(reaches(&s, 1, g), s.a);
	ut_assert_eq(number_of(&s, 2), g);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 2), 0);
	ut_assert_eq(reaches(&s, 1, g), NONE);
	ut_assert_eq(pasid_describe(s.host, g, &info), -ENOENT);
	ut_assert_eq(s.host->nr_live, 0);
	tear_down(&s);
}

UT_CASE(what_the_kernel_uses_is_passed_over)
{
	struct setup s;

	set_up(&s);
	both_attached(&s);
	/* A host-wide number: refused, all undone; the next attempt takes another. */
	s.fake->iommu[1].kernel_pasid = HOST;
	ut_assert_eq(set(&s, s.a, 0, 0, 2), -EBUSY);
	ut_assert_eq(reaches(&s, 0, 2), NONE);
	ut_assert_eq(reaches(&s, 1, 2), NONE);
	ut_assert_eq(reaches(&s, 0, HOST), NONE);
	ut_assert_eq(s.host->nr_live, 0);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	ut_assert_eq(number_of(&s, 2), HOST + 1);
	ut_assert_eq(reaches(&s, 1, HOST + 1), s.a);
	tear_down(&s);
}

UT_CASE(any_local_number_avoids_the_kernels)
{
	struct setup s;
	u32 v = 0;

	set_up(&s);
	knob(&s, IOASID_SET_HWID_MODE, 0, IOASID_MODE_LOCAL, 0);
	both_attached(&s);
	s.fake->iommu[1].kernel_pasid = 1;
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
	ut_assert_eq(v, 2);
	ut_assert_eq(reaches(&s, 0, 1), NONE);
	/* By name it is refused, now and later; the other device may have it. */
	ut_assert_eq(set(&s, s.a, 0, 0, 1), -EBUSY);
	ut_assert_eq(set(&s, s.a, DEV, 100, 1), 0);
	ut_assert_eq(s.host->nr_live, 0);
	tear_down(&s);
}

UT_CASE(numbers_a_driver_keeps)
{
	struct setup s;
	u32 v = 0;

	set_up(&s);
	both_attached(&s);
	s.fake->dev[0]->fn->kept_first = 1;
	s.fake->dev[0]->fn->kept_last = 1;
	ut_assert_eq(set(&s, s.a, 0, 0, 1), -EBUSY);
	ut_assert_eq(reaches(&s, 1, 1), NONE);
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY, 0, &v), 0);
	ut_assert_eq(v, 2);
	s.fake->dev[1]->fn->kept_first = HOST;
	s.fake->dev[1]->fn->kept_last = LAST - 1;
	ut_assert_eq(set(&s, s.a, 0, 0, 3), 0);
	ut_assert_eq(number_of(&s, 3), LAST);
	tear_down(&s);
}

UT_CASE(a_failure_on_the_second_device_or_number_undoes_all)
{
	struct setup s;
	unsigned int dev, nth;

	set_up(&s);
	both_attached(&s);
	for (dev = 0; dev < 2; dev++) {
		for (nth = 1; nth <= 2; nth++) {
			s.fake->iommu[dev].fail_attach = nth;
			ut_assert_eq(set(&s, s.a, 0, 0, 2), -ENOMEM);
			ut_assert_eq(reaches(&s, 0, 2), NONE);
			ut_assert_eq(reaches(&s, 0, HOST), NONE);
			ut_assert_eq(reaches(&s, 1, 2), NONE);
			ut_assert_eq(reaches(&s, 1, HOST), NONE);
			ut_assert_eq(s.host->nr_live, 0);
			ut_assert_eq(number_of(&s, 2), INVALID_IOASID);
		}
	}
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	tear_down(&s);
}

/* Every allocation of SET_HWID in global mode may fail; then nothing has happened. */
UT_CASE(out_of_memory_changes_nothing)
{
	unsigned long nth;
	struct setup s;
	int rc = -ENOMEM;

	set_up(&s);
	both_attached(&s);
	for (nth = 1; rc && nth < 200; nth++) {
		os_alloc_fail_nth(nth);
		rc = set(&s, s.a, 0, 0, 2);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(s.host->nr_live, 0);
		ut_assert_eq(s.host->avail, s.host->capacity);
		ut_assert_eq(reaches(&s, 0, 2), NONE);
		ut_assert_eq(reaches(&s, 1, HOST), NONE);
	}
	ut_assert_eq(rc, 0);
	ut_assert(nth > 4);
	tear_down(&s);
}

UT_CASE(the_range_ends)
{
	struct setup s;
	u32 v, n;

	set_up(&s);
	/* A wider split than the host-wide numbers need: they begin behind it. */
	knob(&s, IOASID_HWID_SET_GLOBAL_MIN, 0, 13, 0);
	both_attached(&s);
	for (v = 1, n = 13; n <= LAST; v++, n++) {
		ut_assert_eq(set(&s, s.a, 0, 0, v), 0);
		ut_assert_eq(number_of(&s, v), n);
	}
	ut_assert_eq(set(&s, s.a, 0, 0, v), -ENOSPC);
	ut_assert_eq(reaches(&s, 0, v), NONE);
	/* Where the narrow device is not concerned the range is the same: it is bound all the same. */
	ut_assert_eq(set(&s, s.a, DEV, 100, v), -ENOSPC);
	tear_down(&s);
}

UT_CASE(fenced_numbers_wait)
{
	struct setup s;
	u32 g;

	set_up(&s);
	both_attached(&s);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	g = number_of(&s, 2);
	ioasid_device_fence(s.fake->dev[1]);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 2), 0);
	ut_assert_eq(s.host->nr_live, 1);
	ut_assert_eq(s.host->nr_pending, 1);
	ut_assert_eq(number_of(&s, 2), INVALID_IOASID);
	ut_assert_eq(set(&s, s.a, DEV, 100, 2), 0);
	ut_assert(number_of(&s, 2) != g);
	ut_assert_eq(fk_dev_reset(s.fake, 1), 0);
	ut_assert_eq(s.host->nr_pending, 0);
	ut_assert_eq(s.host->nr_live, 1);
	tear_down(&s);
}

UT_CASE(split_of_the_host_is_frozen_while_numbers_live)
{
	struct setup s;

	set_up(&s);
	both_attached(&s);
	ut_assert_eq(pasid_host_set_split(s.host, 0), -EINVAL);
	ut_assert_eq(pasid_host_set_split(s.host, PASID_CAPACITY + 1), -EINVAL);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	ut_assert_eq(pasid_host_set_split(s.host, 10), -EBUSY);
	ut_assert_eq(pasid_host_set_split(s.host, HOST), 0);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, 2), 0);
	ut_assert_eq(pasid_host_set_split(s.host, 10), 0);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	ut_assert_eq(number_of(&s, 2), 10);
	tear_down(&s);
}

/* Somebody holds a number beyond its context: it stays taken, and charged, until he lets go. */
UT_CASE(a_holder_outlives_the_context)
{
	struct setup s;
	u32 g;

	set_up(&s);
	both_attached(&s);
	ut_assert_eq(set(&s, s.a, 0, 0, 2), 0);
	g = number_of(&s, 2);
	ut_assert_eq(pasid_get(s.host, NULL, g, IOASID_HOLD_CPU), 0);
	fake_ctx_close(s.fake, 0);
	ut_assert_eq(s.host->nr_live, 1);
	ut_assert_eq(s.host->nr_pending, 1);
	ut_assert(pasid_put(s.host, NULL, g, IOASID_HOLD_CPU));
	ut_assert_eq(s.host->nr_live, 0);
	ut_assert_eq(s.host->nr_sets, 0);
	tear_down(&s);
}

/* Numbers that are the host's alone, told to the guest. */
UT_CASE(without_a_split_the_guest_is_told)
{
	struct setup s;
	u32 v = 0;

	set_up(&s);
	knob(&s, IOASID_HWID_SET_GLOBAL_MIN, 0, 1, 0);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, PASID, 0), 0);
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY | EXPOSE, 0, &v), 0);
	ut_assert_eq(v, HOST);
	ut_assert_eq(reaches(&s, 0, HOST), s.a);
	/* A device attached later gets it by its name; what the guest was not told of it does not. */
	ut_assert_eq(fk_attach(s.fake, 1, s.a, BY_PASID, HOST + 1), -ERANGE);
	ut_assert_eq(fk_attach(s.fake, 1, s.b, BY_PASID, HOST), -EEXIST);
	ut_assert_eq(fk_attach(s.fake, 1, s.a, BY_PASID, HOST), 0);
	ut_assert_eq(reaches(&s, 1, HOST), s.a);
	ut_assert_eq(set(&s, s.a, 0, 0, HOST), 0);
	ut_assert_eq(s.host->nr_live, 1);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, HOST), 0);
	ut_assert_eq(s.host->nr_live, 0);
	tear_down(&s);
}

/* One device global without a split, the other local: one number of the host on both, or none. */
UT_CASE(a_told_number_on_a_local_device)
{
	struct setup s;
	u32 v = 0;

	set_up(&s);
	knob(&s, IOASID_HWID_SET_GLOBAL_MIN, 0, 1, 0);
	knob(&s, IOASID_SET_HWID_MODE, 101, IOASID_MODE_LOCAL, 0);
	both_attached(&s);
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY | EXPOSE, 0, &v), 0);
	ut_assert_eq(v, HOST);
	ut_assert_eq(reaches(&s, 0, HOST), s.a);
	ut_assert_eq(reaches(&s, 1, HOST), s.a);
	ut_assert_eq(fk_clear_hwid(s.fake, 0, s.a, 0, 0, HOST), 0);
	/* Device 1 has 4 bits: what it cannot send is set nowhere. */
	ut_assert_eq(pasid_host_set_split(s.host, LAST + 1), 0);
	v = 0;
	ut_assert_eq(fk_set_hwid(s.fake, 0, s.a, ANY | EXPOSE, 0, &v), -ERANGE);
	ut_assert_eq(s.host->nr_live, 0);
	ut_assert_eq(reaches(&s, 0, LAST + 1), NONE);
	tear_down(&s);
}

/* A device that can have no PASID route does not narrow what the others get. */
UT_CASE(devices_without_pasid_do_not_count)
{
	struct setup s;
	struct ioasid_info info;
	unsigned int i;

	set_up(&s);
	/* Two of one group: routes by RID alone. */
	for (i = 2; i < 4; i++)
		ut_assert_eq(fake_device(s.fake, i, 1, IOASID_CLASS_PDEV_PASID, 7), 0);
	for (i = 2; i < 4; i++)
		ut_assert_eq(fk_bind(s.fake, i, 0, 100 + i), 0);
	knob(&s, IOASID_SET_HWID_MODE, 101, IOASID_MODE_LOCAL, 0);
	ut_assert_eq(pasid_host_set_split(s.host, LAST + 1), 0);
	ut_assert_eq(fk_attach(s.fake, 0, s.a, BY_PASID, 2), 0);
	ut_assert_eq(number_of(&s, 2), LAST + 1);
	/* An IOMMU that knows no PASIDs. */
	s.fake->dev[3]->caps &= ~IOASID_DEV_PASID;
	s.fake->dev[3]->pasid_bits = 0;
	ut_assert_eq(fk_info(s.fake, 0, &info), 0);
	ut_assert_eq(info.pasid_bits, 2);
	tear_down(&s);
}

UT_SUITE(hostnum, UT_ENTRY(two_numbers_one_place), UT_ENTRY(what_the_kernel_uses_is_passed_over),
	 UT_ENTRY(any_local_number_avoids_the_kernels), UT_ENTRY(numbers_a_driver_keeps),
	 UT_ENTRY(a_failure_on_the_second_device_or_number_undoes_all),
	 UT_ENTRY(out_of_memory_changes_nothing), UT_ENTRY(the_range_ends),
	 UT_ENTRY(fenced_numbers_wait), UT_ENTRY(split_of_the_host_is_frozen_while_numbers_live),
	 UT_ENTRY(a_holder_outlives_the_context), UT_ENTRY(without_a_split_the_guest_is_told),
	 UT_ENTRY(a_told_number_on_a_local_device), UT_ENTRY(devices_without_pasid_do_not_count));
