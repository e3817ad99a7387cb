// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: the ABI's enumerations in words. */
#include "lib/lib.h"

static const char *const reasons[] = {
	[IOASID_REASON_NONE] = "no reason given",
	[IOASID_REASON_NO_ROUTE] = "no route: no such PASID, or the device is blocked",
	[IOASID_REASON_NOT_PRESENT] = "not present",
	[IOASID_REASON_PERMISSION] = "permission denied",
	[IOASID_REASON_RESERVED_BIT] = "malformed table entry",
	[IOASID_REASON_ADDRESS] = "address not canonical or too wide",
	[IOASID_REASON_TABLE_ACCESS] = "table entry cannot be read or updated",
	[IOASID_REASON_STAGE2] = "the parent has no such mapping",
	[IOASID_REASON_DEAD] = "the process is gone",
	[IOASID_REASON_DEVICE] = "misuse by the device",
};

static const char *const refusals[] = {
	[IOASID_REFUSAL_NONE] = "not refused",
	[IOASID_REFUSAL_GROUP_INCOMPLETE] = "another member of the group is not bound here",
	[IOASID_REFUSAL_GROUP_ROUTE] = "the group is attached to another address space",
	[IOASID_REFUSAL_OCCUPIED] = "a default route exists",
	[IOASID_REFUSAL_NO_PASID] = "the device or its class takes no PASID",
	[IOASID_REFUSAL_NO_NESTING] = "the IOMMU cannot walk user tables",
	[IOASID_REFUSAL_SNOOP] = "the IOMMU cannot enforce snooping",
	[IOASID_REFUSAL_FORMAT] = "the IOMMU does not know the table format or width",
	[IOASID_REFUSAL_APERTURE] = "a mapping lies outside what the IOMMU reaches",
	[IOASID_REFUSAL_MODE] = "the asked mode contradicts live PASID routes",
	[IOASID_REFUSAL_NUMBER] = "the number is outside width or split, or taken",
	[IOASID_REFUSAL_KIND] = "this kind of address space is not attached",
	[IOASID_REFUSAL_SHARED] = "no shared address spaces on this IOMMU or kernel",
	[IOASID_REFUSAL_FENCED] = "the device did not answer earlier",
	[IOASID_REFUSAL_OS] = "the kernel's own IOMMU layer refused",
};

static const char *const classes[] = {
	[IOASID_CLASS_PDEV] = "pdev without PASID",
	[IOASID_CLASS_SW_MDEV] = "sw mdev without PASID",
	[IOASID_CLASS_MDEV_FIXED] = "mdev with a fixed default PASID",
	[IOASID_CLASS_PDEV_DELEGATED] = "pdev, PASID table in guest memory",
	[IOASID_CLASS_PDEV_PASID] = "pdev, PASID table in host memory",
	[IOASID_CLASS_MDEV_PASID] = "mdev with vPASID",
	[IOASID_CLASS_PDEV_DMWR] = "pdev with DMWr",
	[IOASID_CLASS_MDEV_DMWR] = "mdev with DMWr",
};

#define LOOKUP(table, n) \
	((n) < sizeof(table) / sizeof((table)[0]) && (table)[n] ? (table)[n] : "unknown")

const char *ioasid_strreason(uint32_t reason)
{
	return LOOKUP(reasons, reason);
}

const char *ioasid_strrefusal(uint32_t refusal)
{
	return LOOKUP(refusals, refusal);
}

const char *ioasid_strclass(uint32_t dev_class)
{
	return LOOKUP(classes, dev_class);
}
