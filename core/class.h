/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Device classes: how each kind of device takes part in PASID virtualization. */
#ifndef IOASID_CORE_CLASS_H
#define IOASID_CORE_CLASS_H

#include "core/home.h"

/** enum ioasid_number_source - which space a class takes its numbers on the wire from. */
enum ioasid_number_source {
	IOASID_NUMBERS_NONE,
	IOASID_NUMBERS_RID, /* the function's own */
	IOASID_NUMBERS_PARENT, /* the parent function's, shared by its mediated devices */
	IOASID_NUMBERS_HOST, /* host-wide */
	IOASID_NUMBERS_GUEST, /* the guest's: the whole table is delegated */
};

/**
 * struct ioasid_class_policy - one row of the policy table (design section 5.1)
 * @name: for people
 * @available: this release offers it
 * @mediated: a slice of a function, or software; it has no RID of its own
 * @slice: a part of a function, told from others of it by PASIDs alone
 * @pasid: takes PASID routes
 * @delegated: the table may live in guest memory
 * @may_global: global mode makes sense
 * @cpu: the CPU carries its numbers
 * @cpu_virt: and translates them
 * @numbers: where they come from
 */
struct ioasid_class_policy {
	const char *name;
	bool available;
	bool mediated;
	bool slice;
	bool pasid;
	bool delegated;
	bool may_global;
	bool cpu;
	bool cpu_virt;
	enum ioasid_number_source numbers;
};

/** ioasid_class_get() - the row of @dev_class, or NULL. */
const struct ioasid_class_policy *ioasid_class_get(u32 dev_class);

#endif
