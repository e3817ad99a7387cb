/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The ABI's enumerations in words, once for all who show them: library, dumps, traces, tools. */
#ifndef IOASID_CORE_WORDS_H
#define IOASID_CORE_WORDS_H

#include "os/os.h"
#include <linux/ioasid.h>

/* X(value, "word"), ... */
/* clang-format off */
#define IOAS_WORDS_REASON(X) \
	X(IOASID_REASON_NONE, "no reason given"), \
	X(IOASID_REASON_NO_ROUTE, "no route: no such PASID, or the device is blocked"), \
	X(IOASID_REASON_NOT_PRESENT, "not present"), \
	X(IOASID_REASON_PERMISSION, "permission denied"), \
	X(IOASID_REASON_RESERVED_BIT, "malformed table entry"), \
	X(IOASID_REASON_ADDRESS, "address not canonical or too wide"), \
	X(IOASID_REASON_TABLE_ACCESS, "table entry cannot be read or updated"), \
	X(IOASID_REASON_STAGE2, "the parent has no such mapping"), \
	X(IOASID_REASON_DEAD, "the process is gone"), \
	X(IOASID_REASON_DEVICE, "misuse by the device")

#define IOAS_WORDS_REFUSAL(X) \
	X(IOASID_REFUSAL_NONE, "not refused"), \
	X(IOASID_REFUSAL_GROUP_INCOMPLETE, "another member of the group is not bound here"), \
	X(IOASID_REFUSAL_GROUP_ROUTE, "the group is attached to another address space"), \
	X(IOASID_REFUSAL_OCCUPIED, "a default route exists"), \
	X(IOASID_REFUSAL_NO_PASID, "the device or its class takes no PASID"), \
	X(IOASID_REFUSAL_NO_NESTING, "the IOMMU cannot walk user tables"), \
	X(IOASID_REFUSAL_SNOOP, "the IOMMU cannot enforce snooping"), \
	X(IOASID_REFUSAL_FORMAT, "the IOMMU does not know the table format or width"), \
	X(IOASID_REFUSAL_APERTURE, "a mapping lies outside what the IOMMU reaches"), \
	X(IOASID_REFUSAL_MODE, "the asked mode contradicts live PASID routes"), \
	X(IOASID_REFUSAL_NUMBER, "the number is outside width or split, or taken"), \
	X(IOASID_REFUSAL_KIND, "this kind of address space is not attached"), \
	X(IOASID_REFUSAL_SHARED, "no shared address spaces on this IOMMU or kernel"), \
	X(IOASID_REFUSAL_FENCED, "the device did not answer earlier"), \
	X(IOASID_REFUSAL_OS, "the kernel's own IOMMU layer refused")

#define IOAS_WORDS_CLASS(X) \
	X(IOASID_CLASS_PDEV, "pdev without PASID"), \
	X(IOASID_CLASS_SW_MDEV, "sw mdev without PASID"), \
	X(IOASID_CLASS_MDEV_FIXED, "mdev with a fixed default PASID"), \
	X(IOASID_CLASS_PDEV_DELEGATED, "pdev, PASID table in guest memory"), \
	X(IOASID_CLASS_PDEV_PASID, "pdev, PASID table in host memory"), \
	X(IOASID_CLASS_MDEV_PASID, "mdev with vPASID"), \
	X(IOASID_CLASS_PDEV_DMWR, "pdev with DMWr"), \
	X(IOASID_CLASS_MDEV_DMWR, "mdev with DMWr")

#define IOAS_WORDS_KIND(X) \
	X(IOASID_KIND_KERNEL, "kernel"), \
	X(IOASID_KIND_USER_TABLE, "user-table"), \
	X(IOASID_KIND_USER_PASID_TABLE, "user-pasid-table"), \
	X(IOASID_KIND_ACCOUNTING, "accounting"), \
	X(IOASID_KIND_SHARED, "shared")

#define IOAS_WORDS_COMMAND(X) \
	X(IOASID_CHECK_EXTENSION, "CHECK_EXTENSION"), \
	X(IOASID_GET_INFO, "GET_INFO"), \
	X(IOASID_DEVICE_GET_INFO, "DEVICE_GET_INFO"), \
	X(IOASID_IOAS_GET_INFO, "IOAS_GET_INFO"), \
	X(IOASID_ALLOC, "ALLOC"), \
	X(IOASID_FREE, "FREE"), \
	X(IOASID_MAP_DMA, "MAP_DMA"), \
	X(IOASID_UNMAP_DMA, "UNMAP_DMA"), \
	X(IOASID_BIND_PGTABLE, "BIND_PGTABLE"), \
	X(IOASID_SET_PASID_TABLE, "SET_PASID_TABLE"), \
	X(IOASID_SET_HWID, "SET_HWID"), \
	X(IOASID_CLEAR_HWID, "CLEAR_HWID"), \
	X(IOASID_SET_HWID_MODE, "SET_HWID_MODE"), \
	X(IOASID_HWID_SET_GLOBAL_MIN, "HWID_SET_GLOBAL_MIN"), \
	X(IOASID_HWID_SET_PROMISED_WIDTH, "HWID_SET_PROMISED_WIDTH"), \
	X(IOASID_INVALIDATE_CACHE, "INVALIDATE_CACHE"), \
	X(IOASID_FAULT_FD, "FAULT_FD"), \
	X(IOASID_PAGE_RESPONSE, "PAGE_RESPONSE"), \
	X(IOASID_DIRTY_SET, "DIRTY_SET"), \
	X(IOASID_DIRTY_GET, "DIRTY_GET"), \
	X(IOASID_CPU_PASID_ENABLE, "CPU_PASID_ENABLE"), \
	X(IOASID_CPU_PASID_MAP, "CPU_PASID_MAP"), \
	X(IOASID_CPU_PASID_UNMAP, "CPU_PASID_UNMAP"), \
	X(IOASID_SET_QUOTA, "SET_QUOTA"), \
	X(IOASID_STATE_SAVE, "STATE_SAVE"), \
	X(IOASID_STATE_RESTORE, "STATE_RESTORE"), \
	X(IOASID_STATE_RESUME, "STATE_RESUME"), \
	X(IOASID_QUERY, "QUERY"), \
	X(IOASID_DEV_GET_INFO, "DEV_GET_INFO"), \
	X(IOASID_DEV_BIND_IOASID_FD, "DEV_BIND_IOASID_FD"), \
	X(IOASID_DEV_ATTACH_IOASID, "DEV_ATTACH_IOASID"), \
	X(IOASID_DEV_DETACH_IOASID, "DEV_DETACH_IOASID"), \
	X(IOASID_DEV_RESET, "DEV_RESET"), \
	X(IOASID_DEV_SET_EVENTFD, "DEV_SET_EVENTFD"), \
	X(IOASID_DEV_GET_REGION, "DEV_GET_REGION")
/* clang-format on */

/* Static strings; "unknown" for a value that is not in the enumeration. */

/** ioas_word_reason() - enum ioasid_fault_reason */
const char *ioas_word_reason(u32 reason);
/** ioas_word_refusal() - enum ioasid_refusal */
const char *ioas_word_refusal(u32 refusal);
/** ioas_word_class() - enum ioasid_class */
const char *ioas_word_class(u32 dev_class);
/** ioas_word_kind() - enum ioasid_kind */
const char *ioas_word_kind(u32 kind);
/** ioas_word_dev_cap() - IOASID_DEV_*, by the number of the bit */
const char *ioas_word_dev_cap(unsigned int bit);

#endif
