// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Dumps: what is printed of a context and of a machine, in steps, whatever names hold. */
#include "fake.h"
#include "paper.h"

#define RW	 (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define MEM	 0x7f0000000000ULL
#define NONE	 IOASID_INVALID
#define BY_PASID (IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID)

static const char *name_of(const struct ioasid_device *dev)
{
	return dev->cookie == 101 ? "b\n\"\\\x7f=" : "a";
}

static const char *iommu_of(const struct ioasid_device *dev)
{
	return dev->iommu->pasid_bits > 4 ? "wide" : NULL;
}

/* All of context 0, or of the machine; to be freed. */
static char *dump(struct fake *fake, bool ctx)
{
	struct paper p = paper_make();
	const struct ioasid_dump d = {
		.print = paper_print,
		.device_name = name_of,
		.iommu_name = iommu_of,
		.priv = &p,
	};
	struct ioasid_dump_cursor at = { 0 }, same;
	size_t before;
	bool more;

	do {
		/* A step can be repeated, as a reader whose buffer was too small does. */
		same = at;
		before = p.used;
		if (ctx)
			(void)ioasid_dump_context(fake->ctx[0], &d, &same);
		else
			(void)ioasid_dump_devices(&fake->machine, &d, &same);
		p.used = before;
		more = ctx ? ioasid_dump_context(fake->ctx[0], &d, &at) :
			     ioasid_dump_devices(&fake->machine, &d, &at);
	} while (more);
	p.text[p.used] = 0;
	return p.text;
}

static void tear_down(struct fake *fake)
{
	const char *broken = fake_free(fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

/* Device 0 attached in both ways, device 1 bound only, device 2 free. */
static struct fake *set_up(u32 *root, u32 *child)
{
	struct fake *fake = fake_new();
	unsigned int i;

	ut_assert(fake);
	ut_assert_eq(fake_ctx(fake, 0), 0);
	for (i = 0; i < 3; i++)
		ut_assert_eq(
			fake_device(fake, i, i & 1, IOASID_CLASS_PDEV_PASID, i == 1 ? 7 : NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 100), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 101), 0);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, NONE, root), 0);
	ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_USER_TABLE, *root, child), 0);
	ut_assert_eq(fk_map(fake, 0, *root, 0, MEM, 3, RW), 0);
	ut_assert_eq(fk_attach(fake, 0, *root, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, *child, BY_PASID, 9), 0);
	return fake;
}

UT_CASE(a_context)
{
	u32 root, child;
	struct fake *fake = set_up(&root, &child);
	char *text;

	memcpy(fake->ctx[0]->config.comm, "x\n\"y\x1b", 5);
	ut_assert_eq(fk_bind_table(fake, 0, child, 0x1000), 0);
	ut_assert_eq(fk_fault_fd(fake, 0, 64), FAKE_FAULT_FD);
	fk_request(fake, 0, 9, 0x5000, 1, true);
	fk_event(fake, 0, 9, 0x5000);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -EBUSY);
	text = dump(fake, true);
	paper_has(
		text,
		"context id=0 pid=0 comm=\"x__y_\" closed=0 ioasids=2 devices=2 routes=1 maps=1 ");
	paper_has(text, "promised_bits=- ");
	paper_has(text, "\n  faults open=1 capacity=64 records=2 waiting=1 dropped=0\n");
	paper_has(text, "kind=\"kernel\" parent=- children=1 maps=1 bytes=12288 snoop=auto");
	paper_has(text, "kind=\"user-table\" parent=");
	paper_has(text, " table=0x1000\n    attach device=\"a\" cookie=0x64 numbers=1\n");
	paper_has(text, "\n  device name=\"a\" cookie=0x64 class=5 function=\"a\" slice=0 group=- "
			"mode=local global_min=- portal=- default=");
	paper_has(text, "faults_waiting=1 fenced=0 refusal=3 why=\"a default route exists\"\n");
	paper_has(text, "\n    route vpasid=9 ppasid=9 ioas=");
	paper_has(
		text,
		"\n  device name=\"b____=\" cookie=0x65 class=5 function=\"b____=\" slice=0 group=7 "
		"mode=local global_min=- portal=- default=- below=- default_pasid=- pasid_routes=0 "
		"numbers_pending=0 faults_waiting=0 fenced=0 refusal=0 why=-\n");
	ut_assert_eq(paper_count(text, "\n"), 8);
	kvfree(text);
	tear_down(fake);
}

UT_CASE(a_machine)
{
	u32 root, child;
	struct fake *fake = set_up(&root, &child);
	char *text;

	ioasid_device_fence(fake->dev[2]);
	text = dump(fake, false);
	ut_assert_eq(paper_count(text, "\n"), 3);
	ut_assert_eq(paper_count(text, "device name="), 3);
	ut_assert_eq(paper_count(text, " context=0 pid=0 "), 2);
	ut_assert_eq(paper_count(text, " context=- refusal=0 why=-\n"), 1);
	ut_assert_eq(paper_count(text, " fenced=1 "), 1);
	ut_assert_eq(paper_count(text, " iommu=\"wide\" iommu_pasid_bits=6 "), 2);
	ut_assert_eq(paper_count(text, " iommu=- iommu_pasid_bits=4 "), 1);
	paper_has(text, " group=7 group_members=1 ");
	kvfree(text);
	tear_down(fake);
}

/* More of each than a step prints; all of them, each once. */
UT_CASE(many_objects)
{
	u32 root, child, handle, i, vpasid;
	struct fake *fake = set_up(&root, &child);
	char *text, line[32];

	for (i = 0; i < 300; i++)
		ut_assert_eq(fk_alloc(fake, 0, IOASID_KIND_KERNEL, NONE, &handle), 0);
	/* The number space of device 0 has 6 bits, the fake has fewer routes. */
	for (vpasid = 20; vpasid < 40; vpasid++)
		ut_assert_eq(fk_set_hwid(fake, 0, child, 0, 0, &vpasid), 0);
	text = dump(fake, true);
	ut_assert_eq(paper_count(text, "\n  ioas id="), 302);
	ut_assert_eq(paper_count(text, "\n    route vpasid="), 21);
	for (vpasid = 20; vpasid < 40; vpasid++) {
		snprintf(line, sizeof(line), " vpasid=%u ppasid=%u ", vpasid, vpasid);
		ut_assert_eq(paper_count(text, line), 1);
	}
	paper_has(text, " numbers=21\n");
	kvfree(text);
	tear_down(fake);
}

/* A closed context has nothing, and can be looked at as long as somebody holds it. */
UT_CASE(a_closed_context)
{
	u32 root, child;
	struct fake *fake = set_up(&root, &child);
	struct ioasid_ctx *ctx = fake->ctx[0];
	char *text;

	ioasid_ctx_get(ctx);
	fake_ctx_close(fake, 0);
	fake->ctx[0] = ctx;
	text = dump(fake, true);
	fake->ctx[0] = NULL;
	paper_has(text, " closed=1 ioasids=0 devices=0 routes=0 maps=0 pinned_bytes=0 ");
	ut_assert_eq(paper_count(text, "\n"), 2);
	kvfree(text);
	ioasid_ctx_put(ctx);
	tear_down(fake);
}

UT_CASE(live_numbers)
{
	u32 root, child;
	struct fake *fake = set_up(&root, &child);
	struct paper p = paper_make();
	const struct ioasid_dump d = { .print = paper_print, .priv = &p };

	fk_event(fake, 2, NONE, 0);
	ioasid_dump_live(&fake->machine, &d);
	ut_assert(!strcmp(p.text, "contexts 1\ndevices 3\nioasids 2\ndomains 2\nroutes 1\n"
				  "pinned_bytes 12288\nevents_lost 1\n"));
	kvfree(p.text);
	tear_down(fake);
}

UT_SUITE(core_dump, UT_ENTRY(a_context), UT_ENTRY(a_machine), UT_ENTRY(many_objects),
	 UT_ENTRY(a_closed_context), UT_ENTRY(live_numbers));
