// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Devices: registration, binding, groups, the default route and its stack. */
#include "fake.h"
#include "tests/unit/ut.h"

#define RW	(IOASID_MAP_READ | IOASID_MAP_WRITE)
#define MEM	0x7f0000000000ULL
#define NONE	IOASID_INVALID
#define REPLACE IOASID_ATTACH_REPLACE

static struct fake *machine(void)
{
	struct fake *fake = fake_new();

	ut_assert(fake);
	ut_assert_eq(fake_ctx(fake, 0), 0);
	ut_assert_eq(fake_ctx(fake, 1), 0);
	return fake;
}

static void tear_down(struct fake *fake)
{
	const char *broken = fake_free(fake);

	if (broken)
		ut_log("%s", broken);
	ut_assert(!broken);
}

static u32 alloc(struct fake *fake, u32 kind, u32 parent)
{
	u32 handle = 0;

	ut_assert_eq(fk_alloc(fake, 0, kind, parent, &handle), 0);
	return handle;
}

static u32 refusal(struct fake *fake, unsigned int dev)
{
	struct ioasid_device_info info;

	ut_assert_eq(fk_dev_info(fake, dev, &info), 0);
	return info.last_refusal;
}

static bool blocked(struct fake *fake, unsigned int dev)
{
	struct ioasid_device_info info;

	ut_assert_eq(fk_dev_info(fake, dev, &info), 0);
	return info.caps & IOASID_DEV_BLOCKED;
}

static u32 default_ioasid(struct fake *fake, unsigned int dev)
{
	struct ioasid_device_info info;

	ut_assert_eq(fk_dev_info(fake, dev, &info), 0);
	return info.default_ioasid;
}

/* The address space behind {device, RID} in the hardware, or IOASID_INVALID. */
static u32 reaches(struct fake *fake, unsigned int dev)
{
	struct fake_domain *d = fake_route(fake, dev, NONE);

	return d ? d->domain.ioas->handle.val : NONE;
}

/* ---- registration ------------------------------------------------------------------------------- */

UT_CASE(registration_is_checked)
{
	static const struct ioasid_device_ops no_ops;
	struct fake *fake = machine();
	struct ioasid_device_desc desc = {
		.ops = &no_ops,
		.iommu = &fake->iommu[0].iommu,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 8,
		.group = NONE,
	};

	desc.dev_class = 0;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	desc.dev_class = 9;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	desc.dev_class = IOASID_CLASS_PDEV_DELEGATED;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EOPNOTSUPP);
	desc.dev_class = IOASID_CLASS_PDEV_PASID;
	desc.pasid_bits = 21;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	desc.pasid_bits = 0;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	desc.pasid_bits = 8;
	desc.caps = IOASID_DEV_PRI;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	desc.caps = 0;
	desc.iommu = NULL;
	ut_assert_eq(PTR_ERR(ioasid_device_register(&fake->machine, &desc, NULL)), -EINVAL);
	ut_assert(list_empty(&fake->machine.devices));
	ut_assert(list_empty(&fake->machine.groups));
	tear_down(fake);
}

UT_CASE(information)
{
	struct fake *fake = machine();
	struct ioasid_device_info info;

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, 7), 0);
	ut_assert_eq(fk_dev_info(fake, 0, &info), 0);
	ut_assert_eq(info.cookie, 0);
	ut_assert_eq(info.dev_class, IOASID_CLASS_PDEV_PASID);
	ut_assert_eq(info.caps, IOASID_DEV_PASID | IOASID_DEV_ATS | IOASID_DEV_PRI |
					IOASID_DEV_NESTING | IOASID_DEV_SNOOP | IOASID_DEV_BLOCKED);
	/* The narrower of device (8) and IOMMU (6). */
	ut_assert_eq(info.pasid_width, 6);
	ut_assert_eq(info.group, 7);
	ut_assert_eq(info.mode, IOASID_MODE_LOCAL);
	ut_assert_eq(info.portal, IOASID_PORTAL_NONE);
	ut_assert_eq(info.default_ioasid, NONE);
	ut_assert_eq(info.iommu_format, IOASID_FORMAT_VTD_FS);
	ut_assert_eq(info.page_sizes, PAGE_SIZE | 512 * PAGE_SIZE);
	ut_assert_eq(info.nr_ranges, 1);
	ut_assert_eq(fk_bind(fake, 0, 0, 99), 0);
	ut_assert_eq(fk_dev_info(fake, 0, &info), 0);
	ut_assert_eq(info.cookie, 99);
	tear_down(fake);
}

UT_CASE(advertisable_width)
{
	struct fake *fake = machine();
	struct ioasid_info info;
	struct ioasid_hwid_policy p = { .argsz = sizeof(p), .value = 5 };
	struct ioasid_arg arg = { .direct = &p };

	ut_assert_eq(fk_info(fake, 0, &info), 0);
	ut_assert_eq(info.pasid_bits, 0);
	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fake_device(fake, 1, 1, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fake_device(fake, 2, 1, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 0), 0);
	ut_assert_eq(fk_info(fake, 0, &info), 0);
	ut_assert_eq(info.pasid_bits, 6);
	ut_assert_eq(info.vtd_pss, 5);
	ut_assert_eq(info.smmu_ssidsize, 6);
	ut_assert_eq(info.pcie_width, 6);
	ut_assert_eq(info.non_coherent, 0);
	ut_assert_eq(info.promised_bits, NONE);
	/* What the guest was told binds later devices. */
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_HWID_SET_PROMISED_WIDTH, &arg), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 1), -EMEDIUMTYPE);
	ut_assert_eq(fk_bind(fake, 2, 0, 2), 0);
	p.value = 7;
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_HWID_SET_PROMISED_WIDTH, &arg),
		     -EMEDIUMTYPE);
	p.value = 21;
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_HWID_SET_PROMISED_WIDTH, &arg),
		     -EINVAL);
	p.value = 4;
	ut_assert_eq(ioasid_ctx_command(fake->ctx[0], IOASID_HWID_SET_PROMISED_WIDTH, &arg), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 1), 0);
	ut_assert_eq(fk_info(fake, 0, &info), 0);
	ut_assert_eq(info.pasid_bits, 4);
	ut_assert_eq(info.promised_bits, 4);
	ut_assert_eq(info.non_coherent, 1);
	ut_assert_eq(info.nr_devices, 3);
	tear_down(fake);
}

/* ---- binding ------------------------------------------------------------------------------------- */

UT_CASE(one_context_per_device)
{
	struct fake *fake = machine();

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_attach(fake, 0, 1, 0, 0), -EINVAL);
	ut_assert_eq(fk_dev_reset(fake, 0), -EINVAL);
	ut_assert_eq(fk_bind(fake, 0, 3, 1), -EINVAL);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 2), -EBUSY);
	ut_assert_eq(fk_bind(fake, 0, 1, 1), -EBUSY);
	ut_assert_eq(fk_bind(fake, 1, 0, 1), -EEXIST);
	ut_assert_eq(fk_bind(fake, 1, 1, 1), 0);
	tear_down(fake);
}

/* A second descriptor of a bound device sees it and cannot command it. */
UT_CASE(only_the_binding_descriptor_commands)
{
	struct fake *fake = machine();
	struct ioasid_devfile *first, *second;
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	second = ioasid_devfile_open(fake->dev[0]);
	ut_assert(!IS_ERR(second));
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	first = fake->file[0];
	fake->file[0] = second;
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -EINVAL);
	ut_assert_eq(fk_bind(fake, 0, 0, 2), -EBUSY);
	ut_assert(blocked(fake, 0));
	/* Closing it changes nothing. */
	ioasid_devfile_close(second);
	fake->file[0] = first;
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	tear_down(fake);
}

UT_CASE(closing_a_descriptor_unbinds)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fk_free(fake, 0, root), -EBUSY);
	ioasid_devfile_close(fake->file[0]);
	ut_assert_eq(fake->nr_quiesce, 1);
	ut_assert_eq(reaches(fake, 0), NONE);
	fake->file[0] = ioasid_devfile_open(fake->dev[0]);
	ut_assert(!IS_ERR(fake->file[0]));
	ut_assert_eq(fk_bind(fake, 0, 1, 1), 0);
	ut_assert_eq(fk_free(fake, 0, root), 0);
	tear_down(fake);
}

UT_CASE(closing_the_context_ends_everything)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	struct ioasid_device_info info;

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_map(fake, 0, root, 0, MEM, 10, RW), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, table, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, table, IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, 5), 0);
	fake_ctx_close(fake, 0);
	ut_assert_eq(fake->nr_quiesce, 1);
	ut_assert_eq(fake_nr_routes(fake), 0);
	ut_assert_eq(fake->nr_pins, 0);
	/* The descriptor lives on and answers ENODEV until it is closed. */
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -ENODEV);
	ut_assert_eq(fk_dev_info(fake, 0, &info), -ENODEV);
	ut_assert_eq(fk_bind(fake, 0, 1, 1), -ENODEV);
	ioasid_devfile_close(fake->file[0]);
	fake->file[0] = ioasid_devfile_open(fake->dev[0]);
	ut_assert_eq(fk_bind(fake, 0, 1, 1), 0);
	tear_down(fake);
}

UT_CASE(removal)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	struct ioasid_dev_eventfd e = {
		.argsz = sizeof(e),
		.index = IOASID_DEV_EVENT_REMOVAL,
		.fd = FAKE_FAULT_FD + 1,
	};
	struct ioasid_arg arg = { .direct = &e };

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(ioasid_devfile_command(fake->file[0], IOASID_DEV_SET_EVENTFD, &arg), -EINVAL);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	e.index = 2;
	ut_assert_eq(ioasid_devfile_command(fake->file[0], IOASID_DEV_SET_EVENTFD, &arg), -EINVAL);
	e.index = IOASID_DEV_EVENT_ERROR;
	e.fd = 1;
	ut_assert_eq(ioasid_devfile_command(fake->file[0], IOASID_DEV_SET_EVENTFD, &arg), -EBADF);
	e.index = IOASID_DEV_EVENT_REMOVAL;
	e.fd = FAKE_FAULT_FD + 1;
	ut_assert_eq(ioasid_devfile_command(fake->file[0], IOASID_DEV_SET_EVENTFD, &arg), 0);
	ut_assert_eq(ioasid_devfile_command(fake->file[0], IOASID_DEV_SET_EVENTFD, &arg), 0);
	ut_assert_eq(fake->nr_eventfds, 1);
	ioasid_device_unregister(fake->dev[0]);
	fake->dev[0] = NULL;
	ut_assert_eq(fake->nr_signals, 1);
	ut_assert_eq(fake->nr_eventfds, 0);
	ut_assert_eq(fake_nr_routes(fake), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -ENODEV);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), -ENODEV);
	ut_assert_eq(fk_free(fake, 0, root), 0);
	tear_down(fake);
}

/* ---- the stack ---------------------------------------------------------------------------------------- */

UT_CASE(stack_and_unstack)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	u32 other = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table2 = alloc(fake, IOASID_KIND_USER_TABLE, root);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert(blocked(fake, 0));
	ut_assert_eq(fk_detach(fake, 0, root, 0), -ENOENT);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert(!blocked(fake, 0));
	ut_assert_eq(reaches(fake, 0), root);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -EBUSY);
	ut_assert_eq(fk_attach(fake, 0, other, 0, 0), -EBUSY);
	ut_assert_eq(refusal(fake, 0), IOASID_REFUSAL_OCCUPIED);
	ut_assert_eq(fk_attach(fake, 0, table, 0, 0), 0);
	ut_assert_eq(refusal(fake, 0), IOASID_REFUSAL_NONE);
	ut_assert_eq(reaches(fake, 0), table);
	ut_assert_eq(default_ioasid(fake, 0), table);
	ut_assert_eq(fk_attach(fake, 0, table2, 0, 0), -EBUSY);
	ut_assert_eq(fk_detach(fake, 0, root, 0), -EBUSY);
	ut_assert_eq(fk_detach(fake, 0, other, 0), -ENOENT);
	ut_assert_eq(fk_free(fake, 0, table), -EBUSY);
	ut_assert_eq(fk_detach(fake, 0, table, 0), 0);
	ut_assert_eq(reaches(fake, 0), root);
	ut_assert_eq(default_ioasid(fake, 0), root);
	ut_assert_eq(fk_detach(fake, 0, root, 0), 0);
	ut_assert_eq(reaches(fake, 0), NONE);
	ut_assert(blocked(fake, 0));
	/* A user table can be the whole stack; then there is nothing to go back to. */
	ut_assert_eq(fk_attach(fake, 0, table, 0, 0), 0);
	ut_assert_eq(fk_detach(fake, 0, table, 0), 0);
	ut_assert_eq(reaches(fake, 0), NONE);
	tear_down(fake);
}

UT_CASE(replace_swaps_the_whole_stack)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	u32 other = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, table, 0, 0), 0);
	/* The old stack stays until the new one is certain. */
	fake->iommu[0].fail_attach = 1;
	ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), -ENOMEM);
	ut_assert_eq(refusal(fake, 0), IOASID_REFUSAL_OS);
	ut_assert_eq(reaches(fake, 0), table);
	ut_assert_eq(fk_free(fake, 0, other), 0);
	other = alloc(fake, IOASID_KIND_KERNEL, NONE);
	fake_reset_counters(fake);
	ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), 0);
	ut_assert_eq(fake->iommu[0].nr_attach, 1);
	ut_assert_eq(fake->iommu[0].nr_detach, 0);
	ut_assert_eq(reaches(fake, 0), other);
	ut_assert_eq(fk_free(fake, 0, table), 0);
	ut_assert_eq(fk_free(fake, 0, root), 0);
	/* Replacing a space by itself is harmless. */
	ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), 0);
	ut_assert_eq(reaches(fake, 0), other);
	ut_assert_eq(fk_detach(fake, 0, other, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), 0);
	tear_down(fake);
}

UT_CASE(what_the_iommu_cannot_do_is_refused)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 table = alloc(fake, IOASID_KIND_USER_TABLE, root);
	u32 shared = alloc(fake, IOASID_KIND_SHARED, NONE), enforce;

	ut_assert_eq(fk_alloc_snoop(fake, 0, IOASID_KIND_KERNEL, NONE, IOASID_SNOOP_ENFORCE,
				    &enforce),
		     0);
	ut_assert_eq(fake_device(fake, 1, 1, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 1, table, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(refusal(fake, 1), IOASID_REFUSAL_NO_NESTING);
	ut_assert_eq(fk_attach(fake, 1, shared, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(refusal(fake, 1), IOASID_REFUSAL_SHARED);
	ut_assert_eq(fk_attach(fake, 1, enforce, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(refusal(fake, 1), IOASID_REFUSAL_SNOOP);
	fake->iommu[1].fail_alloc = 1;
	ut_assert_eq(fk_attach(fake, 1, root, 0, 0), -EOPNOTSUPP);
	ut_assert_eq(refusal(fake, 1), IOASID_REFUSAL_FORMAT);
	ut_assert_eq(fk_attach(fake, 1, root + 1000, 0, 0), -ENOENT);
	ut_assert(list_empty(&fake->iommu[1].domains));
	ut_assert_eq(fk_attach(fake, 1, root, 0, 0), 0);
	tear_down(fake);
}

UT_CASE(a_fenced_device_is_not_attached)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ioasid_device_fence(fake->dev[0]);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -EIO);
	ut_assert_eq(refusal(fake, 0), IOASID_REFUSAL_FENCED);
	ut_assert_eq(fk_dev_reset(fake, 0), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	tear_down(fake);
}

UT_CASE(attach_flags)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, NONE), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 1U << 5, 0), -EOPNOTSUPP);
	ut_assert_eq(fk_attach(fake, 0, root, IOASID_ATTACH_VPASID, 3), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, root, IOASID_ATTACH_LOCAL, 0), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 3), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, root, IOASID_ATTACH_PASID, 3), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, root, IOASID_ATTACH_PASID | REPLACE, 0), -EINVAL);
	ut_assert_eq(fk_attach(fake, 0, root,
			       IOASID_ATTACH_PASID | IOASID_ATTACH_LOCAL | IOASID_ATTACH_GLOBAL, 0),
		     -EINVAL);
	ut_assert_eq(fk_detach(fake, 0, root, REPLACE), -EOPNOTSUPP);
	ut_assert_eq(fake->iommu[0].nr_attach, 0);
	tear_down(fake);
}

/* ---- groups -------------------------------------------------------------------------------------------- */

UT_CASE(group_is_blocked_until_complete)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 other = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, 5), 0);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV, 5), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_bind(fake, 1, 1, 1), -EBUSY);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(reaches(fake, 0), NONE);
	ut_assert(blocked(fake, 0));
	/* The last member to be bound makes it real, for all of them. */
	ut_assert_eq(fk_bind(fake, 1, 0, 2), 0);
	ut_assert_eq(reaches(fake, 0), root);
	ut_assert_eq(reaches(fake, 1), root);
	ut_assert(!blocked(fake, 1));
	/* One group, one route. */
	ut_assert_eq(fk_attach(fake, 1, other, 0, 0), -EBUSY);
	ut_assert_eq(refusal(fake, 1), IOASID_REFUSAL_GROUP_ROUTE);
	ut_assert_eq(fk_attach(fake, 1, root, 0, 0), 0);
	ut_assert_eq(fk_attach(fake, 1, other, REPLACE, 0), -EBUSY);
	/* It stays while one member wants it. */
	ut_assert_eq(fk_detach(fake, 0, root, 0), 0);
	ut_assert_eq(reaches(fake, 0), root);
	ut_assert_eq(fk_detach(fake, 1, root, 0), 0);
	ut_assert_eq(reaches(fake, 0), NONE);
	tear_down(fake);
}

UT_CASE(a_leaving_member_blocks_the_group)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, 5), 0);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV, 5), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 2), 0);
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(reaches(fake, 1), root);
	ioasid_devfile_close(fake->file[1]);
	fake->file[1] = NULL;
	ut_assert_eq(reaches(fake, 0), NONE);
	ut_assert_eq(reaches(fake, 1), NONE);
	ut_assert(blocked(fake, 0));
	fake->file[1] = ioasid_devfile_open(fake->dev[1]);
	ut_assert_eq(fk_bind(fake, 1, 1, 2), -EBUSY);
	ut_assert_eq(fk_bind(fake, 1, 0, 2), 0);
	ut_assert_eq(reaches(fake, 0), root);
	ut_assert_eq(reaches(fake, 1), root);
	tear_down(fake);
}

UT_CASE(a_group_attaches_as_a_whole_or_not)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);
	u32 other = alloc(fake, IOASID_KIND_KERNEL, NONE), i;

	for (i = 0; i < 3; i++)
		ut_assert_eq(fake_device(fake, i, 0, IOASID_CLASS_PDEV, 5), 0);
	for (i = 0; i < 3; i++)
		ut_assert_eq(fk_bind(fake, i, 0, i), 0);
	for (i = 1; i <= 3; i++) {
		fake->iommu[0].fail_attach = i;
		ut_assert_eq(fk_attach(fake, 0, root, 0, 0), -ENOMEM);
		ut_assert_eq(fake_nr_routes(fake), 0);
		ut_assert(list_empty(&fake->iommu[0].domains));
	}
	ut_assert_eq(fk_attach(fake, 0, root, 0, 0), 0);
	ut_assert_eq(fake_nr_routes(fake), 3);
	for (i = 1; i <= 3; i++) {
		fake->iommu[0].fail_attach = i;
		ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), -ENOMEM);
		ut_assert_eq(reaches(fake, 0), root);
		ut_assert_eq(reaches(fake, 1), root);
		ut_assert_eq(reaches(fake, 2), root);
	}
	ut_assert_eq(fk_attach(fake, 0, other, REPLACE, 0), 0);
	ut_assert_eq(reaches(fake, 2), other);
	/* Also when the last bind makes it real. */
	ioasid_devfile_close(fake->file[2]);
	fake->file[2] = ioasid_devfile_open(fake->dev[2]);
	fake->iommu[0].fail_attach = 2;
	ut_assert_eq(fk_bind(fake, 2, 0, 2), -ENOMEM);
	ut_assert_eq(fake_nr_routes(fake), 0);
	ut_assert_eq(fk_bind(fake, 2, 0, 2), 0);
	ut_assert_eq(fake_nr_routes(fake), 3);
	tear_down(fake);
}

UT_CASE(a_bound_group_takes_no_new_member)
{
	struct fake *fake = machine();

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, 5), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV, 5), -EBUSY);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV, 6), 0);
	/* Groups go with their last member. */
	fake_device_remove(fake, 0);
	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV, 5), 0);
	tear_down(fake);
}

UT_CASE(no_pasid_routes_in_a_group)
{
	struct fake *fake = machine();
	u32 root = alloc(fake, IOASID_KIND_KERNEL, NONE);

	ut_assert_eq(fake_device(fake, 0, 0, IOASID_CLASS_PDEV_PASID, 5), 0);
	ut_assert_eq(fake_device(fake, 1, 0, IOASID_CLASS_PDEV_PASID, 5), 0);
	ut_assert_eq(fk_bind(fake, 0, 0, 1), 0);
	ut_assert_eq(fk_bind(fake, 1, 0, 2), 0);
	ut_assert_eq(fk_attach(fake, 0, root, IOASID_ATTACH_PASID, 0), -EOPNOTSUPP);
	ut_assert_eq(refusal(fake, 0), IOASID_REFUSAL_NO_PASID);
	tear_down(fake);
}

UT_SUITE(core_device, UT_ENTRY(registration_is_checked), UT_ENTRY(information),
	 UT_ENTRY(advertisable_width), UT_ENTRY(one_context_per_device),
	 UT_ENTRY(only_the_binding_descriptor_commands), UT_ENTRY(closing_a_descriptor_unbinds),
	 UT_ENTRY(closing_the_context_ends_everything), UT_ENTRY(removal),
	 UT_ENTRY(stack_and_unstack), UT_ENTRY(replace_swaps_the_whole_stack),
	 UT_ENTRY(what_the_iommu_cannot_do_is_refused), UT_ENTRY(a_fenced_device_is_not_attached),
	 UT_ENTRY(attach_flags), UT_ENTRY(group_is_blocked_until_complete),
	 UT_ENTRY(a_leaving_member_blocks_the_group), UT_ENTRY(a_group_attaches_as_a_whole_or_not),
	 UT_ENTRY(a_bound_group_takes_no_new_member), UT_ENTRY(no_pasid_routes_in_a_group));
