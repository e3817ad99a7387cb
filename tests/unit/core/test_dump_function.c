// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Dumps of functions: slices, numbers on the wire in each state; routes and CPU tables beside. */
#include "fake.h"
#include "paper.h"

#define NONE  IOASID_INVALID
#define PASID IOASID_ATTACH_PASID
#define HOST  16U /* the host's split */
#define SPLIT 8U /* the context's */

static const char *device_name(const struct ioasid_device *dev)
{
	return dev->policy->slice ? "slice\n" : "whole";
}

static const char *iommu_name(const struct ioasid_device *dev)
{
	return NULL;
}

static const char *function_name(const struct ioasid_function *fn)
{
	return "fn \"0\"";
}

/* What is behind an object of the home's has an ID, and what is one device alone has none. */
static s32 requester(const struct ioasid_function *fn, const struct ioasid_device *dev)
{
	return fn ? 0x1f3b : -1;
}

static char *dump(struct fake *fake, struct ioasid_ctx *ctx)
{
	struct paper p = paper_make();
	const struct ioasid_dump d = {
		.print = paper_print,
		.device_name = device_name,
		.iommu_name = iommu_name,
		.function_name = function_name,
		.requester = requester,
		.priv = &p,
	};
	struct ioasid_dump_cursor at = { 0 };

	while (ctx ? ioasid_dump_context(ctx, &d, &at) :
		     ioasid_dump_functions(&fake->machine, &d, &at))
		;
	p.text[p.used] = 0;
	return p.text;
}

static void shows(struct fake *fake, struct ioasid_ctx *ctx, const char *lines)
{
	char *text = dump(fake, ctx);

	paper_has(text, lines);
	kvfree(text);
}

/* Function 0: devices 0 (class 8), 1 (class 6), 2 (class 8). Device 3: a whole one beside it. */
static struct fake *set_up(u32 *a)
{
	static const u32 classes[] = { IOASID_CLASS_MDEV_DMWR, IOASID_CLASS_MDEV_PASID,
				       IOASID_CLASS_MDEV_DMWR };
	struct fake *fake = fake_new();
	unsigned int i;

	ut_assert(fake);
	ut_assert_eq(pasid_host_set_split(&fake->machine.pasids, HOST), 0);
	ut_assert_eq(fake_function(fake, 0, 0), 0);
	for (i = 0; i < ARRAY_SIZE(classes); i++)
		ut_assert_eq(fake_part(fake, i, 0, classes[i]), 0);
	ut_assert_eq(fake_device(fake, 3, 0, IOASID_CLASS_PDEV_DMWR, NONE), 0);
	ut_assert_eq(fake_ctx(fake, 0), 0);
	fake->ctx[0]->config.id = 77;
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, NONE, a), 0);
	return fake;
}

static void tear_down(struct fake *fake)
{
	const char *broken = fake_free(fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static void knob(struct fake *fake, unsigned int cmd, u32 value)
{
	struct ioasid_hwid_policy p = { .argsz = sizeof(p), .value = value };
	struct ioasid_arg arg = { .direct = &p };

	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], cmd, &arg), 0);
}

static void attach(struct fake *fake, unsigned int dev, u32 ioasid, u32 vpasid)
{
	ut_assert_eq(fk_bind(fake, dev, 0, 100 + dev), 0);
	ut_assert_eq(fk_attach(fake, dev, ioasid, PASID, 0), 0);
	ut_assert_eq(fk_set_hwid(fake, 0, ioasid, IOASID_HWID_DEVICE, 100 + dev, &vpasid), 0);
}

static void translate(struct fake *fake, u32 vpasid)
{
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e), .provider_fd = FAKE_CPU_FD };
	struct ioasid_cpu_pasid c = { .argsz = sizeof(c), .vpasid = vpasid };
	struct ioasid_arg enable = { .direct = &e }, map = { .direct = &c };

	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_CPU_PASID_ENABLE, &enable), 0);
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_CPU_PASID_MAP, &map), 0);
}

UT_CASE(nothing_is_bound)
{
	u32 a;
	struct fake *fake = set_up(&a);
	char *text = dump(fake, NULL);

	ut_assert(!strcmp(text,
			  "host split=16\n"
			  "function name=\"fn _0_\" rid=1f:07.3 pasid_bits=6 used=0 pending=0 "
			  "host_use=0 kept_first=- kept_last=-\n"
			  "  slice name=\"slice_\" class=8 context=-\n"
			  "  slice name=\"slice_\" class=6 context=-\n"
			  "  slice name=\"slice_\" class=8 context=-\n"
			  "function name=\"whole\" rid=- pasid_bits=6 used=0 pending=0 host_use=0 "
			  "kept_first=- kept_last=-\n"
			  "  whole name=\"whole\" class=7 context=-\n"));
	kvfree(text);
	ut_assert_eq(ioasid_function_host_use(fake->fn[0], true), 0);
	shows(fake, NULL, " pending=0 host_use=1 ");
	ut_assert_eq(ioasid_function_host_use(fake->fn[0], false), 0);
	tear_down(fake);
}

/* Default PASIDs and routes are live, what a device still drains is pending, the kernel has one. */
UT_CASE(numbers_in_each_state)
{
	u32 a;
	struct fake *fake = set_up(&a);

	fake->iommu[0].kernel_pasid = 3;
	attach(fake, 1, a, 5);
	ut_assert_eq(fk_bind(fake, 0, 0, 100), 0);
	/* Device 1: default 1, PASID 5 is 2. Device 0: default 3 turns out to be the kernel's. */
	ut_assert_eq(fk_attach(fake, 0, a, 0, 0), 0);
	shows(fake, NULL,
	      "  slice name=\"slice_\" class=8 context=77\n  slice name=\"slice_\" class=6 context=77\n"
	      "  slice name=\"slice_\" class=8 context=-\n  numbers first=1 last=2 state=live\n"
	      "  numbers first=3 last=3 state=host\n  numbers first=4 last=4 state=live\n"
	      "function name=\"whole\"");
	shows(fake, fake->ctx[0],
	      " class=6 function=\"fn _0_\" slice=1 group=- mode=local global_min=- portal=- default=- "
	      "below=- default_pasid=1 pasid_routes=1 numbers_pending=0 ");
	shows(fake, fake->ctx[0], "\n    route vpasid=5 ppasid=2 ioas=1 global=- cpu=0\n");
	shows(fake, fake->ctx[0], " portal=closed default=1 below=- default_pasid=4 ");
	fake->drain_rc = -EINPROGRESS;
	ut_assert_eq(fk_clear_hwid(fake, 0, a, 0, 0, 5), 0);
	shows(fake, NULL,
	      "\n  numbers first=1 last=1 state=live\n  numbers first=2 last=2 state=pending\n"
	      "  numbers first=3 last=3 state=host\n");
	shows(fake, fake->ctx[0], " default_pasid=1 pasid_routes=0 numbers_pending=1 ");
	shows(fake, fake->ctx[0], " default_pasid=4 pasid_routes=0 numbers_pending=0 ");
	ioasid_device_drained(fake->dev[1], PPASID(2));
	shows(fake, NULL,
	      "\n  numbers first=1 last=1 state=live\n  numbers first=3 last=3 state=host\n");
	shows(fake, fake->ctx[0], " default_pasid=1 pasid_routes=0 numbers_pending=0 ");
	tear_down(fake);
}

UT_CASE(hybrid_numbers_and_the_cpu)
{
	u32 a;
	struct fake *fake = set_up(&a);

	shows(fake, fake->ctx[0], " mode=- global_min=- cpu=- no_migration=\"home\" ");
	knob(fake, IOASID_SET_HWID_MODE, IOASID_MODE_GLOBAL);
	knob(fake, IOASID_HWID_SET_GLOBAL_MIN, SPLIT);
	attach(fake, 3, a, 5);
	attach(fake, 0, a, 5);
	translate(fake, 5);
	shows(fake, fake->ctx[0], " mode=global global_min=8 cpu=on no_migration=\"");
	shows(fake, fake->ctx[0],
	      " class=7 function=\"whole\" slice=0 group=- mode=global global_min=8 portal=open ");
	shows(fake, fake->ctx[0], "\n    route vpasid=5 ppasid=5 ioas=1 global=16 cpu=1\n");
	shows(fake, fake->ctx[0], "\n    route vpasid=5 ppasid=- ioas=1 global=16 cpu=1\n");
	shows(fake, NULL,
	      "  numbers first=1 last=1 state=live\n  numbers first=16 last=16 state=live\n"
	      "function name=\"whole\" rid=- pasid_bits=6 used=2 ");
	shows(fake, NULL,
	      "  whole name=\"whole\" class=7 context=77\n  numbers first=5 last=5 state=live\n"
	      "  numbers first=16 last=16 state=live\n");
	tear_down(fake);
}

UT_SUITE(core_dump_function, UT_ENTRY(nothing_is_bound), UT_ENTRY(numbers_in_each_state),
	 UT_ENTRY(hybrid_numbers_and_the_cpu));
