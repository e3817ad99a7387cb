// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "core/class.h"

/* clang-format off */
static const struct ioasid_class_policy policies[] = {
	[IOASID_CLASS_PDEV] = {
		.name = "pdev", .available = true,
		.numbers = IOASID_NUMBERS_NONE },
	[IOASID_CLASS_SW_MDEV] = {
		.name = "software mdev", .available = true, .mediated = true,
		.numbers = IOASID_NUMBERS_NONE },
	[IOASID_CLASS_MDEV_FIXED] = {
		.name = "mdev, fixed PASID", .available = true, .mediated = true, .slice = true,
		.numbers = IOASID_NUMBERS_PARENT },
	[IOASID_CLASS_PDEV_DELEGATED] = {
		.name = "pdev, guest PASID table", .delegated = true,
		.numbers = IOASID_NUMBERS_GUEST },
	[IOASID_CLASS_PDEV_PASID] = {
		.name = "pdev with PASID", .available = true, .pasid = true, .may_global = true,
		.numbers = IOASID_NUMBERS_RID },
	[IOASID_CLASS_MDEV_PASID] = {
		.name = "mdev with PASID", .available = true, .mediated = true, .slice = true,
		.pasid = true, .may_global = true,
		.numbers = IOASID_NUMBERS_PARENT },
	[IOASID_CLASS_PDEV_DMWR] = {
		.name = "pdev with DMWr", .available = true, .pasid = true, .may_global = true,
		.cpu = true,
		.numbers = IOASID_NUMBERS_RID },
	[IOASID_CLASS_MDEV_DMWR] = {
		.name = "mdev with DMWr", .available = true, .mediated = true, .slice = true,
		.pasid = true, .may_global = true, .cpu = true, .cpu_virt = true,
		.numbers = IOASID_NUMBERS_HOST },
};
/* clang-format on */

const struct ioasid_class_policy *ioasid_class_get(u32 dev_class)
{
	if (dev_class >= ARRAY_SIZE(policies) || !policies[dev_class].name)
		return NULL;
	return &policies[dev_class];
}
